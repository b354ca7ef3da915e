//! Sender and receiver against each other, in one process, over a network that loses what its seed says.
//!
//! The far end gets its key-frame requests as it would by RTCP. All waiting is for events and pictures, with limits that a busy machine keeps.

mod hostile;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::barcode::Barcode;
use super::source::TestPicture;
use super::{CameraSource, Painter, Payload, Receiver, ReceiverParams, Sender, SenderParams, VideoEvent};
use crate::frame::{Frame, FrameSlot, Pixels};
use crate::sdp::VideoCodec;

/// What a busy machine may take.
const LIMIT: Duration = Duration::from_secs(30);
const PT: u8 = 99;

/// What the test waits for.
enum Seen {
    Event(VideoEvent),
    Picture,
}

/// The wire between the two: makes RTP packets and loses some.
struct Wire {
    receiver: Mutex<Option<Arc<Receiver>>>,
    rng: Mutex<(StdRng, u16)>,
    loss: f64,
    /// Goes up with each sender.
    ssrc: AtomicU32,
    /// H.264 parameter sets are taken out when set.
    strip: AtomicBool,
    /// Nothing goes through when set.
    cut: AtomicBool,
}

impl Wire {
    fn new(loss: f64) -> Arc<Self> {
        Arc::new(Self {
            receiver: Mutex::default(),
            rng: Mutex::new((StdRng::seed_from_u64(7), 1000)),
            loss,
            ssrc: AtomicU32::new(0),
            strip: AtomicBool::new(false),
            cut: AtomicBool::new(false),
        })
    }

    fn carry(&self, ssrc: u32, payload: &Payload) {
        let (sequence, lost) = {
            let mut rng = self.rng.lock().unwrap();
            if self.strip.load(Ordering::Relaxed) && is_parameter_set(&payload.bytes) {
                return;
            }
            rng.1 = rng.1.wrapping_add(1);
            (rng.1, rng.0.random_bool(self.loss))
        };
        if lost || self.cut.load(Ordering::Relaxed) {
            return;
        }
        let mut packet = vec![0x80, PT | if payload.marker { 0x80 } else { 0 }];
        packet.extend(sequence.to_be_bytes());
        packet.extend(payload.timestamp.wrapping_add(5000).to_be_bytes());
        packet.extend(ssrc.to_be_bytes());
        packet.extend(&payload.bytes);
        if let Some(receiver) = &*self.receiver.lock().unwrap() {
            receiver.push(packet);
        }
    }
}

/// Whether a payload is an SPS, a PPS, or a STAP-A of them (RFC 6184 5.2).
fn is_parameter_set(payload: &[u8]) -> bool {
    match payload[0] & 0x1f {
        7 | 8 => true,
        24 => matches!(payload[3] & 0x1f, 7 | 8),
        _ => false,
    }
}

/// The barcode in a decoded picture: black and white are in its Y plane.
fn barcode(frame: &Frame) -> Option<Barcode> {
    let Pixels::Yuv420(planes, _) = &frame.pixels else { panic!("a decoder gives YUV") };
    let (luma, stride) = planes.plane(0);
    let rows = luma.chunks(stride as usize).take(frame.height as usize);
    let rgba: Vec<u8> = rows.flat_map(|row| &row[..frame.width as usize]).flat_map(|y| [*y, *y, *y, 255]).collect();
    Barcode::read(&rgba, frame.width, frame.height)
}

/// Two ends and what is between them.
struct Rig {
    wire: Arc<Wire>,
    slot: FrameSlot,
    seen: mpsc::Receiver<Seen>,
    receiver: Arc<Receiver>,
    sender: Arc<Mutex<Option<Sender>>>,
    codec: VideoCodec,
}

impl Rig {
    fn new(codec: VideoCodec, loss: f64, params: ReceiverParams) -> Self {
        let wire = Wire::new(loss);
        let slot = FrameSlot::new();
        let (tell, seen) = mpsc::channel();
        slot.set_waker({
            let tell = tell.clone();
            move || {
                let _ = tell.send(Seen::Picture);
            }
        });
        let sender = Arc::new(Mutex::new(None::<Sender>));
        let params = ReceiverParams { formats: vec![(PT, codec)], ..params };
        let receiver = Receiver::start(params, slot.clone(), None, {
            let sender = sender.clone();
            move |event| {
                if let (VideoEvent::KeyframeWanted { .. }, Some(sender)) = (&event, &*sender.lock().unwrap()) {
                    sender.force_keyframe();
                }
                let _ = tell.send(Seen::Event(event));
            }
        });
        let receiver = Arc::new(receiver.unwrap());
        *wire.receiver.lock().unwrap() = Some(receiver.clone());
        Self { wire, slot, seen, receiver, sender, codec }
    }

    fn send(&self, source: CameraSource) {
        let former = self.sender.lock().unwrap().take();
        if let Some(former) = former {
            former.stop();
        }
        let wire = self.wire.clone();
        let ssrc = wire.ssrc.fetch_add(1, Ordering::Relaxed);
        let params = SenderParams { source, codec: self.codec, bitrate_kbps: 1000, fps: 25, whole_units: false };
        let sender =
            Sender::start(params, move |payload| wire.carry(ssrc, &payload), |error| panic!("{error}")).unwrap();
        *self.sender.lock().unwrap() = Some(sender);
    }

    /// Waits until `wanted` has seen enough.
    fn until<T>(&self, what: &str, mut wanted: impl FnMut(Seen, Option<Frame>) -> Option<T>) -> T {
        let end = Instant::now() + LIMIT;
        loop {
            let seen = match self.seen.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(seen) => seen,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("waited in vain for {what}: {:?}", self.receiver.stats())
                }
            };
            let frame = match seen {
                Seen::Picture => self.slot.take(),
                Seen::Event(_) => None,
            };
            if let Some(found) = wanted(seen, frame) {
                return found;
            }
        }
    }

    fn until_event(&self, what: &str, wanted: impl Fn(&VideoEvent) -> bool) -> VideoEvent {
        self.until(what, |seen, _| match seen {
            Seen::Event(event) if wanted(&event) => Some(event),
            _ => None,
        })
    }

    /// Waits for so many pictures and returns the counters read from them, `None` for one that cannot be read.
    fn pictures(&self, count: usize) -> Vec<Option<u32>> {
        let mut counters = Vec::new();
        self.until("pictures", |_, frame| {
            let frame = frame?;
            counters.push(barcode(&frame).map(|code| code.counter));
            (counters.len() >= count).then_some(())
        });
        counters
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.wire.receiver.lock().unwrap().take();
        let sender = self.sender.lock().unwrap().take();
        if let Some(sender) = sender {
            sender.stop();
        }
    }
}

fn readable(counters: &[Option<u32>]) -> usize {
    counters.iter().flatten().count()
}

#[test]
fn pictures_come_out_in_order_and_readable() {
    for codec in VideoCodec::ALL {
        let rig = Rig::new(codec, 0.0, ReceiverParams::default());
        rig.send(CameraSource::Test);
        let counters = rig.pictures(20);
        assert_eq!(readable(&counters), 20, "{codec:?}: {counters:?}");
        assert!(counters.is_sorted_by(|a, b| a < b), "{codec:?}: {counters:?}");
        let stats = rig.receiver.stats();
        assert_eq!((stats.width, stats.height, stats.lost), (640, 480, 0), "{codec:?}");
        // A picture is in the slot a moment before it is counted.
        assert!(stats.first_frame_ms.is_some() && stats.frames >= 19 && stats.keyframe_requests >= 1, "{stats:?}");
    }
}

#[test]
fn under_loss_pictures_are_missing_but_none_is_broken() {
    // Where one packet in twenty is lost, few pictures come whole, and a key frame seldom.
    for (loss, count) in [(0.01, 60), (0.05, 20)] {
        let rig = Rig::new(VideoCodec::H264, loss, ReceiverParams::default());
        rig.send(CameraSource::Test);
        let counters = rig.pictures(count);
        assert!(readable(&counters) >= count * 9 / 10, "{loss}: {counters:?}");
        let stats = rig.receiver.stats();
        assert!(stats.lost > 0 && stats.keyframe_requests > 1, "{stats:?}");
    }
}

#[test]
fn what_the_far_end_loses_makes_the_picture_cheaper() {
    let (tell, sent) = mpsc::channel();
    let params = SenderParams {
        source: CameraSource::Test,
        codec: VideoCodec::H264,
        bitrate_kbps: 2000,
        fps: 25,
        whole_units: false,
    };
    let on_payload = move |payload: Payload| {
        let _ = tell.send((payload.bytes.len(), payload.marker));
    };
    let sender = Sender::start(params, on_payload, |error| panic!("{error}")).unwrap();
    let bytes_of = |mut pictures: u32| {
        let mut bytes = 0;
        while pictures > 0 {
            let (count, marker) = sent.recv_timeout(LIMIT).unwrap();
            bytes += count;
            pictures -= u32::from(marker);
        }
        bytes
    };
    let before = bytes_of(75);
    for _ in 0..4 {
        sender.handle_report(26);
        // Each is taken in with the next picture.
        bytes_of(2);
    }
    bytes_of(75);
    let after = bytes_of(75);
    sender.stop();
    assert!(after < before / 2, "{before} bytes, then {after}");
}

#[test]
fn who_joins_in_the_middle_asks_and_sees_at_once() {
    let rig = Rig::new(VideoCodec::H264, 0.0, ReceiverParams::default());
    rig.wire.cut.store(true, Ordering::Relaxed);
    let (tell, painted) = mpsc::channel();
    rig.send(CameraSource::Frames(Box::new(Told(TestPicture::new(640, 480), tell))));
    // Past the first key frame, long before the one that comes unasked after two seconds.
    for _ in 0..10 {
        painted.recv_timeout(LIMIT).unwrap();
    }
    rig.wire.cut.store(false, Ordering::Relaxed);
    let VideoEvent::FirstFrame { after } =
        rig.until_event("the first picture", |e| matches!(e, VideoEvent::FirstFrame { .. }))
    else {
        unreachable!()
    };
    assert!(after < Duration::from_millis(1400), "{after:?}");
    assert!(readable(&rig.pictures(3)) == 3);
}

/// A painter that says when it painted.
struct Told(TestPicture, mpsc::Sender<()>);

impl Painter for Told {
    fn size(&self) -> (u32, u32) {
        self.0.size()
    }

    fn paint(&mut self, at: Duration, rgba: &mut [u8]) {
        self.0.paint(at, rgba);
        let _ = self.1.send(());
    }
}

#[test]
fn without_parameter_sets_the_watchdog_barks_and_their_return_ends_it() {
    let rig = Rig::new(VideoCodec::H264, 0.0, ReceiverParams::default());
    rig.wire.strip.store(true, Ordering::Relaxed);
    rig.send(CameraSource::Test);
    rig.until_event("a stall", |e| *e == VideoEvent::Stalled { rtp_alive: true });
    assert!(rig.receiver.stats().stalled);
    rig.wire.strip.store(false, Ordering::Relaxed);
    rig.until_event("the end of the stall", |e| *e == VideoEvent::Recovered);
    assert!(readable(&rig.pictures(3)) == 3);
}

#[test]
fn a_silent_far_end_is_told_apart_from_a_broken_stream() {
    let rig = Rig::new(VideoCodec::H264, 0.0, ReceiverParams::default());
    rig.send(CameraSource::Test);
    let silent = VideoEvent::Stalled { rtp_alive: false };
    // A machine that stands still for seconds makes the other stall as well, while packets come: then it is tried again.
    let mut stalls = (0..5).map(|_| {
        rig.wire.cut.store(false, Ordering::Relaxed);
        rig.pictures(3);
        rig.wire.cut.store(true, Ordering::Relaxed);
        rig.until_event("a stall", |event| matches!(event, VideoEvent::Stalled { .. }))
    });
    assert!(stalls.any(|stall| stall == silent));
}

#[test]
fn parameter_sets_of_the_sdp_make_a_bare_stream_readable() {
    let sprop = parameter_sets();
    let rig = Rig::new(VideoCodec::H264, 0.0, ReceiverParams { sprop: Some(sprop), ..ReceiverParams::default() });
    rig.wire.strip.store(true, Ordering::Relaxed);
    rig.send(CameraSource::Test);
    assert_eq!(readable(&rig.pictures(5)), 5);
}

/// The test picture as H.264.
fn test_picture(whole_units: bool) -> SenderParams {
    SenderParams { source: CameraSource::Test, codec: VideoCodec::H264, bitrate_kbps: 1000, fps: 25, whole_units }
}

#[test]
fn where_no_fragments_are_understood_none_are_sent() {
    let (tell, payloads) = mpsc::channel();
    let on_payload = move |payload: Payload| drop(tell.send(payload.bytes));
    let sender = Sender::start(test_picture(true), on_payload, |error| panic!("{error}")).unwrap();
    for _ in 0..60 {
        let payload = payloads.recv_timeout(LIMIT).unwrap();
        // One unit: neither a packet of several nor a piece of one (RFC 6184 5.2).
        assert!((1..=23).contains(&(payload[0] & 0x1f)), "{:#x}", payload[0]);
    }
    sender.stop();
}

/// The parameter sets of the test picture's stream, as the SDP writes them.
fn parameter_sets() -> String {
    let (tell, sets) = mpsc::channel();
    let params = test_picture(false);
    let on_payload = move |payload: Payload| {
        if is_parameter_set(&payload.bytes) {
            let _ = tell.send(payload.bytes);
        }
    };
    let sender = Sender::start(params, on_payload, |error| panic!("{error}")).unwrap();
    let mut units: Vec<Vec<u8>> = Vec::new();
    while units.len() < 2 {
        let payload = sets.recv_timeout(LIMIT).unwrap();
        if payload[0] & 0x1f != 24 {
            units.push(payload);
            continue;
        }
        let mut rest = &payload[1..];
        while let [high, low, tail @ ..] = rest {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            units.extend(matches!(tail[0] & 0x1f, 7 | 8).then(|| tail[..length].to_vec()));
            rest = &tail[length..];
        }
    }
    sender.stop();
    units[..2].iter().map(|unit| base64(unit)).collect::<Vec<_>>().join(",")
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = (0..3).fold(0u32, |group, i| group << 8 | u32::from(*chunk.get(i).unwrap_or(&0)));
        for i in 0..4 {
            let letter = LETTERS[(group >> (18 - 6 * i)) as usize & 63] as char;
            text.push(if i <= chunk.len() { letter } else { '=' });
        }
    }
    text
}

#[test]
fn another_encoder_with_another_size_takes_over_in_the_same_call() {
    for codec in VideoCodec::ALL {
        let rig = Rig::new(codec, 0.0, ReceiverParams::default());
        rig.send(CameraSource::Frames(Box::new(TestPicture::new(320, 240))));
        rig.until_event("the first size", |e| *e == VideoEvent::Resolution(320, 240));
        rig.send(CameraSource::Frames(Box::new(TestPicture::new(640, 480))));
        rig.until_event("the second size", |e| *e == VideoEvent::Resolution(640, 480));
        assert_eq!(rig.receiver.stats().lost, 0, "{codec:?}: a new SSRC is no loss");
    }
}

#[test]
fn a_picture_larger_than_the_screen_is_made_smaller_in_its_shape() {
    let rig =
        Rig::new(VideoCodec::H264, 0.0, ReceiverParams { max_size: Some((400, 400)), ..ReceiverParams::default() });
    rig.send(CameraSource::Test);
    let VideoEvent::Resolution(width, height) = rig.until_event("a size", |e| matches!(e, VideoEvent::Resolution(..)))
    else {
        unreachable!()
    };
    assert_eq!((width, height), (400, 300));
    assert!(readable(&rig.pictures(3)) == 3);
}

#[test]
fn after_stop_nothing_enters_the_slot() {
    let rig = Rig::new(VideoCodec::H264, 0.0, ReceiverParams::default());
    rig.send(CameraSource::Test);
    rig.pictures(2);
    rig.wire.receiver.lock().unwrap().take();
    let Rig { slot, seen, .. } = &rig;
    rig.receiver.close();
    slot.clear();
    while seen.try_recv().is_ok() {}
    assert!(slot.take().is_none());
    assert!(matches!(seen.recv_timeout(Duration::from_millis(300)), Err(_) | Ok(Seen::Event(_))));
}

#[test]
fn a_preferred_decoder_that_is_not_installed_is_passed_over() {
    let rig = Rig::new(
        VideoCodec::Vp8,
        0.0,
        ReceiverParams { decoder: Some("nosuchdec".into()), ..ReceiverParams::default() },
    );
    rig.send(CameraSource::Test);
    assert_eq!(readable(&rig.pictures(3)), 3);
    assert_ne!(rig.receiver.stats().decoder, "nosuchdec");
}
