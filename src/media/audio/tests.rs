//! The engine as a whole, on devices without hardware; and what the tests of its parts share.

/// Loudness of one frequency in a sound, as the amplitude of its sine.
pub(super) fn level(sound: &[f32], rate: u32, hertz: f32) -> f32 {
    let (mut re, mut im) = (0.0f64, 0.0f64);
    for (i, sample) in sound.iter().enumerate() {
        let angle = f64::from(hertz) * i as f64 / f64::from(rate) * std::f64::consts::TAU;
        let window = 1.0 - (i as f64 / sound.len() as f64 * std::f64::consts::TAU).cos();
        re += f64::from(*sample) * angle.cos() * window;
        im += f64::from(*sample) * angle.sin() * window;
    }
    (re.hypot(im) * 2.0 / sound.len() as f64) as f32
}

use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use super::{AudioEngine, AudioEvent, AudioPacket, AudioPlan, AudioSettings, DeviceState, Ringtone, Tone};
use crate::config::DeviceFault;
use crate::media::CallKey;
use crate::sdp::AudioCodec;

const CALL: CallKey = CallKey(3);
/// Bound of every wait; on an idle machine a small part of it passes.
const PATIENCE: Duration = Duration::from_secs(20);

fn settings(input: &str, output: &str) -> AudioSettings {
    AudioSettings {
        input: input.to_owned(),
        output: output.to_owned(),
        volume: 100,
        ring_volume: 100,
        ringtone: Ringtone::Chime,
        key_tones: true,
    }
}

fn plan(codec: AudioCodec) -> AudioPlan {
    AudioPlan { codec, send_pt: 96, recv_pts: vec![(96, codec)], ptime_ms: 20, send: true, play: true }
}

fn start(settings: AudioSettings) -> (AudioEngine, Receiver<AudioEvent>) {
    let (events, inbox) = mpsc::channel();
    let engine = AudioEngine::start(settings, move |event| {
        // The test may have seen enough.
        let _ = events.send(event);
    });
    (engine.expect("threads are to be had"), inbox)
}

/// The next event that is wanted.
fn wait<T>(events: &Receiver<AudioEvent>, mut wanted: impl FnMut(AudioEvent) -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let event = events.recv_timeout(left).expect("the event comes in time");
        if let Some(found) = wanted(event) {
            return found;
        }
    }
}

fn payload(event: AudioEvent) -> Option<Vec<u8>> {
    match event {
        AudioEvent::Packet { payload, .. } => Some(payload),
        _ => None,
    }
}

fn device_states(event: AudioEvent) -> Option<(DeviceState, DeviceState)> {
    match event {
        AudioEvent::Device { input, output } => Some((input, output)),
        _ => None,
    }
}

/// Takes `count` packets and decodes them.
fn decoded(events: &Receiver<AudioEvent>, codec: AudioCodec, count: usize) -> (Vec<f32>, u32) {
    let mut decoder = super::codec::Decoder::new(codec).expect("codec is built in");
    let mut sound = Vec::new();
    for _ in 0..count {
        let payload = wait(events, payload);
        let pcm = decoder.decode(&payload).expect("our own bytes");
        sound.extend(pcm.iter().map(|s| f32::from(*s) / 32_768.0));
    }
    (sound, decoder.rate())
}

#[test]
fn every_codec_carries_the_microphone() {
    for codec in AudioCodec::ALL {
        let (engine, events) = start(settings("tone", "null"));
        engine.start_call(CALL, plan(codec));
        wait(&events, |event| device_states(event).filter(|(input, _)| *input == DeviceState::Ok));
        let (sound, rate) = decoded(&events, codec, 30);
        let tone = level(&sound[sound.len() / 3..], rate, 440.0);
        assert!((0.2..0.3).contains(&tone), "{codec:?}: {tone}");
        assert!(engine.stats(CALL).is_some_and(|stats| stats.sent >= 10), "{codec:?}");
    }
}

#[test]
fn packets_bear_marker_and_duration_and_keep_the_pace_of_the_clock() {
    let (engine, events) = start(settings("null", "null"));
    let began = Instant::now();
    engine.start_call(CALL, AudioPlan { ptime_ms: 40, ..plan(AudioCodec::G722) });
    for i in 0..25 {
        let (samples, marker, size) = wait(&events, |event| match event {
            AudioEvent::Packet { samples, marker, payload, .. } => Some((samples, marker, payload.len())),
            _ => None,
        });
        assert_eq!((samples, marker, size), (320, i == 0, 320));
    }
    // 25 packets are a second of sound; a late machine makes it longer, nothing makes it shorter.
    assert!(began.elapsed() > Duration::from_millis(900), "{:?}", began.elapsed());
}

#[test]
fn mute_sends_silence() {
    let (engine, events) = start(settings("tone", "null"));
    engine.mute(true);
    engine.start_call(CALL, plan(AudioCodec::Pcmu));
    let (sound, rate) = decoded(&events, AudioCodec::Pcmu, 20);
    assert!(level(&sound[rate as usize / 10..], rate, 440.0) < 0.001);
    engine.mute(false);
    wait(&events, |event| payload(event).filter(|payload| payload.iter().any(|b| *b != 0xff)));
}

#[test]
fn what_arrives_is_played_looped_back_and_sent_within_60_ms() {
    let (engine, events) = start(settings("loop", "null"));
    engine.start_call(CALL, plan(AudioCodec::Pcma));
    wait(&events, |event| device_states(event).filter(|(input, _)| *input == DeviceState::Ok));
    let silence = vec![0xd5; 160];
    let loud: Vec<u8> = (0..160).map(|i| if i % 20 < 10 { 0xaa } else { 0x2a }).collect();
    let began = Instant::now();
    let mut delays = Vec::new();
    let mut sent_loud = None;
    for i in 0..150u16 {
        let due = began + Duration::from_millis(u64::from(i) * 20);
        while let Ok(event) = events.recv_timeout(due.saturating_duration_since(Instant::now())) {
            let heard = payload(event).is_some_and(|p| p.iter().any(|b| (b ^ 0x55) & 0x7f > 0x60));
            if let Some(at) = sent_loud.filter(|_| heard) {
                delays.push(Instant::now().duration_since(at));
                sent_loud = None;
            }
        }
        let is_loud = i % 30 == 29;
        if is_loud {
            sent_loud = Some(Instant::now());
        }
        engine.push(
            CALL,
            AudioPacket {
                payload_type: 96,
                sequence: i,
                timestamp: u32::from(i) * 160,
                marker: i == 0,
                ssrc: 1,
                payload: if is_loud { loud.clone() } else { silence.clone() },
                arrived: Instant::now(),
            },
        );
    }
    assert!(delays.len() >= 3, "{delays:?}");
    // The best is what the chain itself takes; the rest is a busy machine.
    let best = delays.iter().min().expect("some came back");
    assert!(*best <= Duration::from_millis(60), "{delays:?}");
    let stats = engine.stats(CALL).expect("the call is up");
    assert!(stats.received >= 140 && stats.played_ms > 1_000, "{stats:?}");
}

#[test]
fn a_missing_device_is_reported_and_the_call_goes_on() {
    let (engine, events) = start(settings("wav:/nowhere/at-all.wav", "null"));
    engine.start_call(CALL, plan(AudioCodec::Pcmu));
    let why = wait(&events, |event| match device_states(event) {
        Some((DeviceState::Missing(why), _)) => Some(why),
        _ => None,
    });
    assert!(matches!(&why, DeviceFault::File(error) if error.file.ends_with("at-all.wav")), "{why}");
    for _ in 0..5 {
        wait(&events, payload);
    }
}

#[test]
fn devices_close_when_nothing_sounds_and_other_settings_open_others() {
    let (engine, events) = start(settings("null", "null"));
    engine.play(Some(Tone::Ring));
    wait(&events, |event| device_states(event).filter(|states| *states == (DeviceState::Ok, DeviceState::Ok)));
    engine.configure(settings("tone", "null"));
    engine.start_call(CALL, plan(AudioCodec::Pcmu));
    engine.play(None);
    wait(&events, |event| payload(event).filter(|p| p.iter().any(|b| *b & 0x7f < 0x30)));
    engine.stop_call(CALL);
    wait(&events, |event| device_states(event).filter(|states| *states == (DeviceState::Closed, DeviceState::Closed)));
    assert_eq!(engine.stats(CALL), None);
}

#[test]
fn a_plan_is_replaced_without_a_gap_and_hold_stops_both_ways() {
    let (engine, events) = start(settings("tone", "null"));
    engine.start_call(CALL, plan(AudioCodec::Pcmu));
    wait(&events, payload);
    engine.start_call(CALL, AudioPlan { send_pt: 8, ..plan(AudioCodec::Pcma) });
    let marker = wait(&events, |event| match event {
        AudioEvent::Packet { payload_type: 8, marker, .. } => Some(marker),
        _ => None,
    });
    assert!(marker);
    engine.start_call(CALL, AudioPlan { send: false, play: false, ..plan(AudioCodec::Pcma) });
    // A key press comes after the order, and its device report after it: from then on nothing may be sent.
    engine.configure(settings("null", "null"));
    wait(&events, device_states);
    while events.try_recv().is_ok() {}
    let quiet = events.recv_timeout(Duration::from_millis(200));
    assert!(!matches!(quiet, Ok(AudioEvent::Packet { .. })), "{quiet:?}");
}

#[test]
fn tones_and_speech_are_recorded_as_they_are_heard() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("heard.wav");
    let (engine, events) = start(settings("null", &format!("wav:{}", file.display())));
    engine.play(Some(Tone::Ringback));
    let recorded = || hound::WavReader::open(&file).map_or(0, |wav| wav.len());
    let end = Instant::now() + PATIENCE;
    while recorded() < 24_000 {
        assert!(Instant::now() < end, "nothing is recorded");
        let _ = events.recv_timeout(Duration::from_millis(20));
    }
    drop(engine);
    let mut wav = hound::WavReader::open(&file).expect("a valid file");
    let sound: Vec<f32> = wav.samples::<i16>().map(|s| f32::from(s.unwrap_or(0)) / 32_768.0).collect();
    let tone = level(&sound[..24_000], 48_000, 425.0);
    assert!((0.15..0.25).contains(&tone), "{tone}");
}
