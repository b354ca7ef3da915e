//! Packets that nobody means well with, into the pipeline as it is installed: it lives, and the next good stream is seen.

use super::*;
use crate::rtp::payload;

/// Packets that are pushed at once; fewer than the inbox holds, so that each one is looked at.
const BURST: usize = 200;
/// How many are made for each codec.
const COUNT: usize = 4_000;
/// The SSRC of who sends them; the senders of a rig count from 0.
const HOSTILE: u32 = 0x6261_6421;

/// Pushes payloads as packets of one stream, and waits after each burst until the receiver has seen them all.
struct Intruder<'a> {
    rig: &'a Rig,
    sequence: u16,
    broken: u64,
}

impl Intruder<'_> {
    fn push(&mut self, payloads: &[Vec<u8>]) {
        for burst in payloads.chunks(BURST) {
            for payload in burst {
                self.one(payload, self.sequence.is_multiple_of(3));
            }
            // One that is refused ends the burst, and shows that the ones before it have been seen.
            self.one(b"", true);
            let end = Instant::now() + LIMIT;
            while self.rig.receiver.stats().broken < self.broken {
                assert!(Instant::now() < end, "{:?}, {} broken ones sent", self.rig.receiver.stats(), self.broken);
                std::thread::yield_now();
            }
        }
    }

    fn one(&mut self, payload: &[u8], marker: bool) {
        let whole = match self.rig.codec {
            VideoCodec::H264 => payload::is_h264(payload),
            VideoCodec::Vp8 => payload::is_vp8(payload),
        };
        self.broken += u64::from(!whole);
        self.sequence = self.sequence.wrapping_add(1);
        let mut packet = vec![0x80, PT | if marker { 0x80 } else { 0 }];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend((u32::from(self.sequence) / 3 * 3600).to_be_bytes());
        packet.extend(HOSTILE.to_be_bytes());
        packet.extend(payload);
        self.rig.receiver.push(packet);
    }
}

/// What a real sender sends: the first payloads of the test picture.
fn genuine(codec: VideoCodec) -> Vec<Vec<u8>> {
    let (tell, payloads) = mpsc::channel();
    let on_payload = move |payload: Payload| drop(tell.send(payload.bytes));
    let params = SenderParams { codec, ..test_picture(false) };
    let sender = Sender::start(params, on_payload, |error| panic!("{error}")).unwrap();
    let payloads = (0..40).map(|_| payloads.recv_timeout(LIMIT).unwrap()).collect();
    sender.stop();
    payloads
}

/// One of `kinds` with some bytes changed, cut, doubled or put in front.
fn mutated(kinds: &[Vec<u8>], rng: &mut StdRng) -> Vec<u8> {
    let mut payload = kinds[rng.random_range(0..kinds.len())].clone();
    for _ in 0..rng.random_range(0..4) {
        // The first bytes say what the rest is.
        let near = rng.random_bool(0.7);
        let at = rng.random_range(0..=if near { payload.len().min(8) } else { payload.len() });
        match rng.random_range(0..5) {
            0 => payload.truncate(at),
            1 => payload.insert(at, rng.random()),
            2 => payload.iter_mut().skip(at).take(1).for_each(|byte| *byte = rng.random()),
            3 => payload.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << rng.random_range(0..8)),
            _ => drop(payload.drain(..at)),
        }
    }
    payload
}

#[test]
fn two_packets_that_crash_a_depayloader_do_not_reach_it() {
    let rig = Rig::new(VideoCodec::H264, 0.0, ReceiverParams::default());
    let begun = [&[0x7c, 0x85][..], &[0x5a; 200]].concat();
    let mut intruder = Intruder { rig: &rig, sequence: 0, broken: 0 };
    for _ in 0..20 {
        intruder.push(&[begun.clone(), vec![0x7c]]);
    }
    // Each single byte, and a fragment begun before it each time.
    let pairs: Vec<Vec<u8>> = (0..=255).flat_map(|byte| [begun.clone(), vec![byte]]).collect();
    intruder.push(&pairs);
    rig.send(CameraSource::Test);
    assert_eq!(readable(&rig.pictures(3)), 3);
    assert!(rig.receiver.stats().broken >= 40, "{:?}", rig.receiver.stats());
}

#[test]
fn thousands_of_damaged_payloads_end_no_pipeline_for_good() {
    for codec in VideoCodec::ALL {
        let mut kinds = genuine(codec);
        let made: &[&[u8]] = match codec {
            VideoCodec::H264 => &[
                b"\x18\0\x04\x67\x42\0\x1f\0\x04\x68\xce\x3c\x80",
                b"\x7c\x85\x88\x84\0\x10\xff\x12\x34",
                b"\x7c\x45\x88\x84\0\x10",
                b"\x67",
                b"\x68",
                b"\x65",
                b"\x06\x05\xff\xff",
            ],
            VideoCodec::Vp8 => &[
                b"\x10\x30",
                b"\x90\x80\x11\x31\x01\0",
                b"\x90\xf0\x91\x11\x07\x20\x31\x01\0",
                b"\x10\0\0\0\x9d\x01\x2a",
            ],
        };
        // As often as the genuine ones, which are many.
        for _ in 0..5 {
            kinds.extend(made.iter().map(|payload| payload.to_vec()));
        }
        let rig = Rig::new(codec, 0.0, ReceiverParams::default());
        let mut rng = StdRng::seed_from_u64(5);
        let payloads: Vec<Vec<u8>> = (0..COUNT).map(|_| mutated(&kinds, &mut rng)).collect();
        let mut intruder = Intruder { rig: &rig, sequence: 0, broken: 0 };
        intruder.push(&payloads);
        let refused = intruder.broken as usize;
        assert!((COUNT / 50..COUNT * 3 / 4).contains(&refused), "{codec:?}: {refused} of {COUNT} were refused");
        rig.send(CameraSource::Test);
        rig.until("a picture that can be read", |_, frame| barcode(&frame?));
    }
}

#[test]
fn parameter_sets_of_an_sdp_that_are_none_do_no_harm() {
    for sprop in ["", ",", ",,,", "Z", "Zw==,aA==", "Zw==", "AA==,AAAA", "Z0IAHw==,aM48gA==,,", "////,////", "====,="] {
        let params = ReceiverParams { sprop: Some(sprop.to_owned()), ..ReceiverParams::default() };
        let rig = Rig::new(VideoCodec::H264, 0.0, params);
        rig.send(CameraSource::Test);
        rig.until("a picture that can be read", |_, frame| barcode(&frame?));
    }
}
