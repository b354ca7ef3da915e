//! Minutes of bad network in virtual time: a sender, a path that loses, delays and turns over, and an ear.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::super::codec::{Decoder, Encoder};
use super::super::stretch::likeness;
use super::super::types::{AudioPacket, AudioStats};
use super::JitterBuffer;
use crate::sdp::AudioCodec;

/// What the path does to packets.
#[derive(Clone, Copy)]
struct Path {
    codec: AudioCodec,
    ptime_ms: u32,
    seconds: u64,
    /// Share of packets lost.
    loss: f64,
    /// Delay added, uniform from 0 to this, in ms.
    jitter_ms: f64,
    /// How much faster the sender's clock runs, in millionths.
    drift_ppm: f64,
    /// Share of packets that come twice.
    twice: f64,
}

const CLEAN: Path =
    Path { codec: AudioCodec::Pcmu, ptime_ms: 20, seconds: 15, loss: 0.0, jitter_ms: 0.0, drift_ppm: 0.0, twice: 0.0 };

/// What came out.
struct Heard {
    sound: Vec<i16>,
    sent: Vec<i16>,
    rate: usize,
    stats: AudioStats,
    /// Largest delay of the second half, in ms.
    longest_ms: u32,
}

impl Heard {
    /// Delay of the last second by comparison of what was sent and what was heard, in ms, and how alike they are.
    fn measured(&self) -> (usize, f32) {
        let end = self.sound.len() - self.rate / 2;
        let part = &self.sound[end - self.rate / 2..end];
        let compare = |delay: usize, step: usize| {
            let from = end - self.rate / 2 - delay;
            likeness(part, &self.sent[from..from + self.rate / 2], step)
        };
        let step = self.rate / 8_000;
        let delay = best(0, self.rate / 4, step, |delay| compare(delay, step));
        let delay = best(delay.saturating_sub(step), delay + step + 1, 1, |delay| compare(delay, 1));
        (delay * 1_000 / self.rate, compare(delay, 1))
    }
}

fn best(from: usize, to: usize, step: usize, alike: impl Fn(usize) -> f32) -> usize {
    (from..to).step_by(step).max_by(|a, b| alike(*a).total_cmp(&alike(*b))).expect("there are shifts to try")
}

/// A voice of changing pitch and loudness.
fn voice(rate: u32, seconds: u64) -> Vec<i16> {
    let mut phase = 0.0f64;
    (0..u64::from(rate) * seconds)
        .map(|i| {
            let t = i as f64 / f64::from(rate);
            phase += (150.0 + 50.0 * (t * 3.0).sin() + 11.0 * (t * 1.3).sin()) / f64::from(rate);
            let wave: f64 = (1..6).map(|h| (phase * f64::from(h) * std::f64::consts::TAU).sin() / f64::from(h)).sum();
            (wave * 6_000.0 * (0.55 + 0.45 * (t * 9.0).sin())) as i16
        })
        .collect()
}

fn packet(sequence: usize, timestamp: u32, payload: Vec<u8>, arrived: Instant) -> AudioPacket {
    AudioPacket {
        payload_type: 0,
        sequence: sequence as u16,
        timestamp,
        marker: sequence == 0,
        ssrc: 7,
        payload,
        arrived,
    }
}

fn run(path: Path, seed: u64) -> Heard {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut encoder = Encoder::new(path.codec, path.ptime_ms).expect("codec is built in");
    let rate = encoder.rate();
    let spoken_sound = voice(rate, path.seconds);
    // What is heard is compared with what the codec makes of it on a perfect path.
    let mut perfect = Decoder::new(path.codec).expect("codec is built in");
    let mut sent = Vec::new();
    let start = Instant::now();
    let at = |us: f64| start + Duration::from_micros(us as u64);
    let mut packets = Vec::new();
    // Numbers begin near the end of their range, so that they wrap.
    let (sequence, timestamp) = (65_500usize, u32::MAX - 30_000);
    for (i, pcm) in spoken_sound.chunks_exact(encoder.frame()).enumerate() {
        let payload = encoder.encode(pcm).expect("a whole packet").to_vec();
        sent.extend_from_slice(perfect.decode(&payload).expect("our own bytes"));
        let spoken = f64::from(path.ptime_ms) * 1_000.0 * (i + 1) as f64;
        for _ in 0..if rng.random_bool(path.twice) { 2 } else { 1 } {
            let delay = 5_000.0 + rng.random_range(0.0..=1.0) * path.jitter_ms * 1_000.0;
            if !rng.random_bool(path.loss) {
                let arrived = at(spoken * (1.0 - path.drift_ppm / 1e6) + delay);
                let timestamp = timestamp.wrapping_add(i as u32 * encoder.rtp_samples());
                packets.push(packet(sequence + i, timestamp, payload.clone(), arrived));
            }
        }
    }
    packets.sort_by_key(|packet| packet.arrived);
    let mut packets = packets.into_iter().peekable();
    let decoder = Decoder::new(path.codec).expect("codec is built in");
    let mut buffer = JitterBuffer::new(decoder, start);
    let mut heard = Heard { sound: Vec::new(), sent, rate: rate as usize, stats: AudioStats::default(), longest_ms: 0 };
    let mut frame = vec![0; rate as usize / 100];
    for tick in 0..path.seconds * 100 {
        let now = start + Duration::from_millis(tick * 10);
        while let Some(packet) = packets.next_if(|packet| packet.arrived <= now) {
            buffer.push(packet);
        }
        buffer.pull(now, &mut frame);
        heard.sound.extend_from_slice(&frame);
        heard.stats = buffer.stats();
        if tick > path.seconds * 50 {
            heard.longest_ms = heard.longest_ms.max(heard.stats.buffer_ms);
        }
    }
    heard
}

#[test]
fn a_clean_network_costs_little_delay_and_nothing_else() {
    for (codec, ptime_ms) in [
        (AudioCodec::Pcmu, 10),
        (AudioCodec::Pcmu, 20),
        (AudioCodec::Pcma, 60),
        (AudioCodec::G722, 20),
        (AudioCodec::Opus, 20),
    ] {
        let heard = run(Path { codec, ptime_ms, ..CLEAN }, 1);
        assert_eq!(heard.stats.concealed_ms, 0, "{codec:?}");
        assert_eq!(heard.stats.late, 0, "{codec:?}");
        assert!(heard.longest_ms <= 25, "{codec:?}: {}", heard.longest_ms);
        let (ms, alike) = heard.measured();
        // The packet itself, 5 ms of path, the buffer, and up to 10 ms until the beat; Opus looks ahead.
        let most = ptime_ms as usize + 5 + 25 + 10;
        assert!(ms <= most, "{codec:?}: {ms} ms");
        assert!(alike > 0.97, "{codec:?}: {alike}");
    }
}

#[test]
fn jitter_raises_the_delay_as_far_as_needed_and_hardly_anything_is_lost() {
    for (jitter_ms, most_ms) in [(10.0, 38), (40.0, 70), (80.0, 115)] {
        for codec in [AudioCodec::Pcma, AudioCodec::Opus] {
            let heard = run(Path { codec, jitter_ms, ..CLEAN }, 2);
            assert!(heard.longest_ms <= most_ms, "{jitter_ms} {codec:?}: {} ms", heard.longest_ms);
            assert!(heard.stats.late <= 15, "{jitter_ms} {codec:?}: {} late", heard.stats.late);
            assert!(heard.stats.concealed_ms < 400, "{jitter_ms} {codec:?}: {} ms", heard.stats.concealed_ms);
            assert!(heard.measured().1 > 0.85, "{jitter_ms} {codec:?}: {:?}", heard.measured());
        }
    }
}

#[test]
fn lost_sound_is_concealed_and_no_more_than_that() {
    for loss in [0.05, 0.1, 0.2] {
        let heard = run(Path { loss, ..CLEAN }, 3);
        let lost_ms = 15_000.0 * loss;
        let concealed = f64::from(heard.stats.concealed_ms);
        assert!((concealed - lost_ms).abs() < lost_ms * 0.35 + 50.0, "{loss}: {:?}", heard.stats);
        assert!(heard.longest_ms <= 25, "{loss}: {}", heard.longest_ms);
        let (_, alike) = heard.measured();
        assert!(alike > 0.8, "{loss}: {alike}");
    }
}

#[test]
fn opus_restores_most_of_what_is_lost_singly() {
    let heard = run(Path { codec: AudioCodec::Opus, loss: 0.1, ..CLEAN }, 4);
    let (restored, invented) = (heard.stats.recovered_ms, heard.stats.concealed_ms);
    assert!(restored > 3 * invented, "{restored} ms restored, {invented} ms invented");
    assert!(heard.longest_ms <= 50, "{}", heard.longest_ms);
    assert!(heard.measured().1 > 0.85, "{:?}", heard.measured());
}

#[test]
fn loss_jitter_and_doubles_together_are_borne() {
    for codec in [AudioCodec::Pcmu, AudioCodec::G722, AudioCodec::Opus] {
        let path = Path { codec, loss: 0.2, jitter_ms: 80.0, twice: 0.1, ..CLEAN };
        let heard = run(path, 5);
        assert!(heard.longest_ms <= 130, "{codec:?}: {}", heard.longest_ms);
        assert!(heard.stats.duplicate > 20, "{codec:?}: {}", heard.stats.duplicate);
        assert!(heard.measured().1 > 0.7, "{codec:?}: {:?}", heard.measured());
    }
}

#[test]
fn a_clock_that_is_off_neither_fills_nor_empties_the_buffer() {
    for drift_ppm in [300.0, -300.0] {
        let heard = run(Path { drift_ppm, seconds: 150, ..CLEAN }, 6);
        assert!(heard.longest_ms <= 32, "{drift_ppm}: {:?}", heard.stats);
        assert!(heard.stats.concealed_ms <= 60, "{drift_ppm}: {:?}", heard.stats);
        let corrected = if drift_ppm > 0.0 { heard.stats.shrunk_ms } else { heard.stats.stretched_ms };
        // 150 s at 300 ppm are 45 ms, less what the first margin takes.
        assert!((25..=75).contains(&corrected), "{drift_ppm}: {corrected}");
    }
}

/// A sender of PCMU by hand, 20 ms a packet, and the buffer it talks to; time goes on as packets are played.
struct ByHand {
    start: Instant,
    ms: u64,
    buffer: JitterBuffer,
    payload: Vec<u8>,
}

impl ByHand {
    fn new() -> Self {
        let mut encoder = Encoder::new(AudioCodec::Pcmu, 20).expect("codec is built in");
        let tone: Vec<i16> =
            (0..160).map(|i| ((i as f32 / 40.0 * std::f32::consts::TAU).sin() * 8_000.0) as i16).collect();
        let start = Instant::now();
        let decoder = Decoder::new(AudioCodec::Pcmu).expect("codec is built in");
        Self {
            start,
            ms: 0,
            buffer: JitterBuffer::new(decoder, start),
            payload: encoder.encode(&tone).expect("a whole packet").to_vec(),
        }
    }

    fn send(&mut self, sequence: usize, timestamp: u32, ssrc: u32) {
        let arrived = self.start + Duration::from_millis(self.ms);
        let mut packet = packet(sequence, timestamp, self.payload.clone(), arrived);
        packet.ssrc = ssrc;
        self.buffer.push(packet);
    }

    /// Plays 20 ms; returns the loudest sample.
    fn play(&mut self) -> i16 {
        let mut frame = [0; 80];
        let mut peak = 0;
        for _ in 0..2 {
            self.ms += 10;
            self.buffer.pull(self.start + Duration::from_millis(self.ms), &mut frame);
            peak = frame.iter().fold(peak, |peak, s| peak.max(s.saturating_abs()));
        }
        peak
    }

    fn stream(&mut self, packets: usize, sequence: usize, timestamp: u32, ssrc: u32) -> i16 {
        (0..packets)
            .map(|i| {
                self.send(sequence + i, timestamp.wrapping_add(i as u32 * 160), ssrc);
                self.play()
            })
            .last()
            .unwrap_or(0)
    }
}

#[test]
fn a_new_sender_and_a_jump_of_its_numbers_are_followed_at_once() {
    let mut talk = ByHand::new();
    assert!(talk.stream(50, 100, 5_000, 1) > 7_000);
    assert!(talk.stream(5, 40_000, 900_000, 2) > 7_000, "another source");
    assert!(talk.stream(5, 40_005, 77, 2) > 7_000, "the timestamp jumps back");
    assert!(talk.stream(5, 40_010, 3_000_000_000, 2) > 7_000, "the timestamp jumps ahead");
    assert!(talk.stream(5, 3, 3_000_000_800, 2) > 7_000, "the sequence jumps");
    assert!(talk.buffer.stats().buffer_ms <= 40, "{:?}", talk.buffer.stats());
    assert!(talk.buffer.stats().concealed_ms <= 60, "{:?}", talk.buffer.stats());
}

#[test]
fn silence_suppression_is_no_loss() {
    let mut talk = ByHand::new();
    talk.stream(50, 0, 0, 1);
    let before = talk.buffer.stats();
    // 2 s without packets: the sequence goes on, the timestamp leaps over the silence.
    let quiet = (0..100).map(|_| talk.play()).last();
    assert_eq!(quiet, Some(0));
    assert!(talk.stream(50, 50, 150 * 160, 1) > 7_000);
    let after = talk.buffer.stats();
    assert_eq!(after.late, 0);
    assert!(after.buffer_ms <= 25, "{after:?}");
    // What is missing looks like loss until nothing more is invented.
    assert!(after.concealed_ms - before.concealed_ms <= 120, "{after:?}");
}

#[test]
fn a_sender_whose_clock_stands_still_while_it_is_silent_is_heard_again() {
    for silence_ms in [60u64, 300, 1_500] {
        let mut talk = ByHand::new();
        talk.stream(50, 0, 0, 1);
        for _ in 0..silence_ms / 20 {
            talk.play();
        }
        assert!(talk.stream(10, 50, 50 * 160, 1) > 7_000, "{silence_ms}");
        talk.stream(400, 60, 60 * 160, 1);
        let stats = talk.buffer.stats();
        assert!(stats.buffer_ms <= 30, "{silence_ms}: {stats:?}");
    }
}

#[test]
fn what_gathers_before_the_first_pull_is_not_played_late() {
    let mut talk = ByHand::new();
    for i in 0..30 {
        talk.send(i, i as u32 * 160, 1);
        talk.ms += 20;
    }
    assert!(talk.stream(20, 30, 30 * 160, 1) > 7_000);
    assert!(talk.buffer.stats().buffer_ms <= 30, "{:?}", talk.buffer.stats());
}

#[test]
fn a_burst_after_a_standstill_does_not_stay_as_delay() {
    let mut talk = ByHand::new();
    talk.stream(50, 0, 0, 1);
    for _ in 0..20 {
        talk.play();
    }
    for i in 50..70 {
        talk.send(i, i as u32 * 160, 1);
    }
    talk.stream(300, 70, 70 * 160, 1);
    let stats = talk.buffer.stats();
    assert!(stats.buffer_ms <= 30, "{stats:?}");
}

#[test]
fn nonsense_is_passed_over() {
    let mut talk = ByHand::new();
    talk.stream(10, 0, 0, 1);
    talk.payload = Vec::new();
    talk.send(10, 1_600, 1);
    talk.payload = vec![0; 60_000];
    talk.send(11, 1_760, 1);
    assert_eq!(talk.buffer.stats().received, 10);
}
