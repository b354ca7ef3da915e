//! The receiver of one call: a thread that owns the pipeline, feeds it, watches it, and replaces it when its decoder fails.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::continuity::{Continuity, Verdict};
use super::decoding::{Line, LineParams, Outlet};
use super::inbox::{Batch, Inbox, Signals};
use super::keyframe::Wanted;
use super::meter::Meter;
use super::still::Portrait;
use super::watchdog::{Bark, Watchdog};
use super::{VideoError, VideoEvent, VideoStats, plugins};
use crate::frame::FrameSlot;
use crate::rtp::payload;
use crate::sdp::VideoCodec;

/// After all decoders failed, the next try.
const RETRY: Duration = Duration::from_secs(2);

/// What a receiver is started with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceiverParams {
    /// Payload types and their codecs as negotiated; the pipeline is built for the first, and again when another one arrives.
    pub formats: Vec<(u8, VideoCodec)>,
    /// `sprop-parameter-sets` of the far end's SDP.
    pub sprop: Option<String>,
    /// The largest picture that is wanted, in pixels; larger ones are made smaller, their shape kept. Small ones come as they are.
    pub max_size: Option<(u32, u32)>,
    /// The decoder to try first, by the name of its element.
    pub decoder: Option<String>,
}

/// A running receiver. Dropping it stops it without waiting.
pub struct Receiver {
    inbox: Arc<Inbox>,
    outlet: Arc<Outlet>,
    meter: Arc<Mutex<Meter>>,
    thread: Option<JoinHandle<()>>,
}

/// A receiver that was stopped and is being taken down.
pub struct Stopped(Option<JoinHandle<()>>);

impl Stopped {
    /// Waits until nothing of it is left. Not for a thread that must not block.
    pub fn wait(mut self) {
        if let Some(thread) = self.0.take() {
            // A panic in the thread has already been reported by the panic hook.
            let _ = thread.join();
        }
    }
}

impl Receiver {
    /// Starts a receiver; returns at once. Pictures go into `slot`, and past `portrait` until it has the one that it wants, all
    /// else to `events`, from threads of the receiver.
    ///
    /// # Errors
    /// [`VideoError::Pipeline`] when the system gives no thread. What is found out later comes as [`VideoEvent::Failed`].
    pub fn start(
        params: ReceiverParams,
        slot: FrameSlot,
        portrait: Option<Arc<Portrait>>,
        events: impl Fn(VideoEvent) + Send + Sync + 'static,
    ) -> Result<Self, VideoError> {
        let inbox = Arc::new(Inbox::default());
        let outlet = Arc::new(Outlet::new(slot, portrait));
        let meter = Arc::new(Mutex::new(Meter::default()));
        let work = Work::new(params, inbox.clone(), outlet.clone(), meter.clone(), Box::new(events));
        let thread = std::thread::Builder::new()
            .name("video-in".into())
            .spawn(move || work.run())
            .map_err(|error| VideoError::Pipeline(error.to_string()))?;
        Ok(Self { inbox, outlet, meter, thread: Some(thread) })
    }

    /// Hands in a whole RTP packet; never blocks. When the receiver cannot keep up, the oldest packets go.
    pub fn push(&self, packet: Vec<u8>) {
        self.inbox.packet(Instant::now(), packet);
    }

    /// Asks for a key frame, as on answer: [`VideoEvent::KeyframeWanted`] comes until there is one.
    pub fn request_keyframe(&self) {
        self.inbox.signal(|signals| signals.keyframe_wanted = true);
    }

    /// What was counted so far.
    pub fn stats(&self) -> VideoStats {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner).stats(Instant::now())
    }

    /// Stops it. No picture enters the slot any more; the rest is taken down on the receiver's own thread.
    pub fn stop(mut self) -> Stopped {
        self.close();
        Stopped(self.thread.take())
    }

    /// Shuts the way into the slot, then tells the thread to leave.
    pub(super) fn close(&self) {
        self.outlet.shut();
        self.inbox.close();
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.close();
    }
}

type Events = Box<dyn Fn(VideoEvent) + Send + Sync>;

/// What the thread owns.
struct Work {
    params: ReceiverParams,
    inbox: Arc<Inbox>,
    outlet: Arc<Outlet>,
    meter: Arc<Mutex<Meter>>,
    events: Events,
    continuity: Continuity,
    wanted: Wanted,
    watchdog: Watchdog,
    codec: VideoCodec,
    line: Option<Line>,
    generation: u32,
    /// Failures since the last picture; also which decoder is next.
    failures: usize,
    retry_at: Option<Instant>,
    first_packet: Option<Instant>,
    /// A key frame reached the decoder and no picture has come since.
    undecoded: bool,
}

impl Work {
    fn new(
        params: ReceiverParams,
        inbox: Arc<Inbox>,
        outlet: Arc<Outlet>,
        meter: Arc<Mutex<Meter>>,
        events: Events,
    ) -> Self {
        let codec = params.formats.first().map_or(VideoCodec::H264, |(_, codec)| *codec);
        Self {
            params,
            inbox,
            outlet,
            meter,
            events,
            continuity: Continuity::default(),
            wanted: Wanted::default(),
            watchdog: Watchdog::default(),
            codec,
            line: None,
            generation: 0,
            failures: 0,
            retry_at: None,
            first_packet: None,
            undecoded: false,
        }
    }

    fn run(mut self) {
        if let Err(error) = plugins::init() {
            (self.events)(VideoEvent::Failed(error.to_string()));
        } else {
            self.build(Instant::now());
        }
        loop {
            let batch = self.inbox.wait(self.poll_timeout());
            if batch.closed {
                return;
            }
            self.handle(batch);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        [self.wanted.poll_timeout(), self.watchdog.poll_timeout(), self.retry_at].into_iter().flatten().min()
    }

    fn handle(&mut self, batch: Batch) {
        for (at, packet) in batch.packets {
            self.handle_packet(at, packet);
        }
        let now = Instant::now();
        self.handle_signals(now, batch.signals);
        if self.retry_at.is_some_and(|at| now >= at) {
            self.retry_at = None;
            self.build(now);
        }
        match self.watchdog.handle_timeout(now) {
            Some(Bark::Stalled { rtp_alive }) => {
                self.meter.lock().unwrap_or_else(PoisonError::into_inner).stats.stalled = true;
                (self.events)(VideoEvent::Stalled { rtp_alive });
                if rtp_alive && self.undecoded {
                    self.fail(now, format!("{} shows nothing", self.decoder().unwrap_or("the decoder")));
                } else if rtp_alive {
                    self.want(now);
                }
            }
            Some(Bark::Recovered) | None => {}
        }
        let asked = self.wanted.handle_timeout(now);
        if let Some(line) = &self.line {
            line.be_lenient(self.wanted.impatient(now));
        }
        let mut meter = self.meter.lock().unwrap_or_else(PoisonError::into_inner);
        meter.stats.overrun += batch.overrun;
        meter.stats.keyframe_requests += u32::from(asked.is_some());
        drop(meter);
        if let Some(waited) = asked {
            (self.events)(VideoEvent::KeyframeWanted { waited });
        }
    }

    fn handle_packet(&mut self, at: Instant, packet: Vec<u8>) {
        let payload_type = packet.get(1).map(|byte| byte & 0x7f);
        let Some((_, codec)) = self.params.formats.iter().find(|(pt, _)| Some(*pt) == payload_type).copied() else {
            return;
        };
        let Some(mut packet) = whole(codec, &packet) else {
            // Its place stays empty, so that the jitter buffer counts it as lost; and it shows that something comes.
            self.meter.lock().unwrap_or_else(PoisonError::into_inner).stats.broken += 1;
            self.first_packet.get_or_insert(at);
            self.watchdog.packet(at);
            self.want(at);
            return;
        };
        match self.continuity.rewrite(at, &mut packet) {
            Verdict::Drop => return,
            Verdict::NewStream => {
                if let Some(line) = &self.line {
                    line.await_keyframe();
                }
                self.wanted.begin_stream();
                self.want(at);
            }
            Verdict::Pass => {}
        }
        if codec != self.codec {
            self.codec = codec;
            self.failures = 0;
            self.build(at);
        }
        self.first_packet.get_or_insert(at);
        self.watchdog.packet(at);
        if let Some(line) = &self.line {
            line.push(packet);
        }
    }

    fn handle_signals(&mut self, now: Instant, signals: Signals) {
        if signals.keyframe_arrived {
            self.wanted.arrived();
            self.undecoded = true;
        }
        if signals.lost > 0 || signals.keyframe_wanted || signals.caps_changed {
            self.want(now);
        }
        self.meter.lock().unwrap_or_else(PoisonError::into_inner).stats.lost += u64::from(signals.lost);
        for (at, width, height) in signals.pictures {
            self.handle_picture(at, width, height);
        }
        if let Some((generation, words)) = signals.error
            && generation == self.generation
        {
            self.fail(now, words);
        }
    }

    fn handle_picture(&mut self, at: Instant, width: u32, height: u32) {
        self.undecoded = false;
        self.failures = 0;
        let recovered = self.watchdog.picture(at);
        let mut meter = self.meter.lock().unwrap_or_else(PoisonError::into_inner);
        let resized = (meter.stats.width, meter.stats.height) != (width, height);
        meter.picture(at, width, height);
        meter.stats.stalled = false;
        let first = meter.stats.first_frame_ms.is_none();
        let after = self.first_packet.map_or(Duration::ZERO, |first| at.saturating_duration_since(first));
        if first {
            meter.stats.first_frame_ms = Some(after.as_millis() as u32);
        }
        drop(meter);
        if first {
            (self.events)(VideoEvent::FirstFrame { after });
        }
        if resized {
            (self.events)(VideoEvent::Resolution(width, height));
        }
        if recovered.is_some() {
            (self.events)(VideoEvent::Recovered);
        }
    }

    fn want(&mut self, now: Instant) {
        self.wanted.want(now);
    }

    /// The decoder whose turn it is.
    fn decoder(&self) -> Option<&'static str> {
        let rank = plugins::decoders(self.codec, self.params.decoder.as_deref());
        (!rank.is_empty()).then(|| rank[self.failures % rank.len()])
    }

    /// Puts a new pipeline in the place of the old one.
    fn build(&mut self, now: Instant) {
        self.retire();
        self.generation += 1;
        self.undecoded = false;
        let Some(decoder) = self.decoder() else {
            let element = plugins::elements(self.codec).usual_decoder.0;
            let missing = plugins::missing(element, plugins::Disabled::Showing(self.codec));
            (self.events)(VideoEvent::Failed(missing.to_string()));
            return;
        };
        let params = LineParams {
            codec: self.codec,
            decoder,
            sprop: self.params.sprop.as_deref(),
            max_size: self.params.max_size,
            generation: self.generation,
        };
        match Line::start(&params, &self.inbox, &self.outlet) {
            Ok(line) => {
                self.line = Some(line);
                self.meter.lock().unwrap_or_else(PoisonError::into_inner).stats.decoder = decoder;
                tracing::debug!(decoder, codec = self.codec.name(), "video pipeline built");
            }
            Err(error @ VideoError::Missing(_)) => (self.events)(VideoEvent::Failed(error.to_string())),
            Err(error) => self.fail(now, error.to_string()),
        }
    }

    /// The pipeline failed: the next decoder in rank takes over; after all have failed twice, the words go out and a pause is made.
    fn fail(&mut self, now: Instant, words: String) {
        tracing::warn!(decoder = self.decoder(), words, "video decoder gives up");
        self.failures += 1;
        let rank = plugins::decoders(self.codec, self.params.decoder.as_deref()).len().max(1);
        if self.first_packet.is_some() {
            self.want(now);
        }
        if self.failures.is_multiple_of(rank * 2) {
            self.retire();
            self.retry_at = Some(now + RETRY);
            (self.events)(VideoEvent::Failed(words));
        } else {
            self.build(now);
        }
    }

    /// Takes the pipeline down on a thread of its own: a decoder that hangs must not hang this one.
    fn retire(&mut self) {
        if let Some(line) = self.line.take() {
            // Without a thread the closure is dropped, and the line with it, right here.
            let _ = std::thread::Builder::new().name("video-end".into()).spawn(move || drop(line));
        }
    }
}

/// The packet as the pipeline may see it: no more than a bare header and a payload that is whole.
fn whole(codec: VideoCodec, packet: &[u8]) -> Option<Vec<u8>> {
    let fits = match codec {
        VideoCodec::H264 => payload::is_h264,
        VideoCodec::Vp8 => payload::is_vp8,
    };
    payload::plain(packet).filter(|plain| fits(&plain[payload::HEADER..]))
}
