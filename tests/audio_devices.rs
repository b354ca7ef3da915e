//! The sound engine on a real sound system: a PulseAudio server of the test's own, with two sinks that lead nowhere.
//!
//! ```text
//!  test ──RTP──▶ engine ──cpal──▶ sink spk ──monitor──▶ parec ──▶ compared with what was sent
//!  paplay ──▶ sink mic ──monitor──cpal──▶ engine ──RTP──▶ test, compared with what paplay played
//! ```
//!
//! Times are generous: only content is compared.

#[path = "panel/mod.rs"]
mod real_panel;

#[path = "rigs/mod.rs"]
mod rigs;

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use vestibule::media::CallKey;
use vestibule::media::audio::{AudioEngine, AudioEvent, AudioPacket, AudioPlan, AudioSettings, DeviceState, list};
use vestibule::sdp::AudioCodec;

use rigs::pulse::{Control, Server};

const CALL: CallKey = CallKey(1);
const PATIENCE: Duration = Duration::from_secs(20);

/// Ends its process when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Says to the second run of this program that it is the one with the server.
const INSIDE: &str = "VESTIBULE_TEST_INSIDE";

fn play(pulse: &Control, file: &Path, sink: &str) -> Running {
    let child = Command::new("paplay")
        .args(["--latency-msec=20", "-d", sink])
        .arg(file)
        .env("PULSE_SERVER", &pulse.address)
        .stderr(Stdio::null())
        .spawn();
    Running(child.expect("paplay starts"))
}

fn start(input: &str, output: &str) -> (AudioEngine, Receiver<AudioEvent>) {
    let (events, inbox) = mpsc::channel();
    let settings = AudioSettings {
        input: input.to_owned(),
        output: output.to_owned(),
        volume: 100,
        ring_volume: 100,
        ..AudioSettings::default()
    };
    let engine = AudioEngine::start(settings, move |event| {
        let _ = events.send(event);
    });
    (engine.expect("threads are to be had"), inbox)
}

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

/// A µ-law call; the test reads and writes its payloads itself.
fn plan() -> AudioPlan {
    AudioPlan {
        codec: AudioCodec::Pcmu,
        send_pt: 0,
        recv_pts: vec![(0, AudioCodec::Pcmu)],
        ptime_ms: 20,
        send: true,
        play: true,
    }
}

/// µ-law to linear, ITU-T G.711 table 2.
fn linear(byte: u8) -> f32 {
    let byte = !byte;
    let magnitude = ((i32::from(byte & 0x0f) << 3) + 0x84) << ((byte >> 4) & 7);
    let value = (magnitude - 0x84) as f32;
    if byte & 0x80 == 0 { value } else { -value }
}

/// Linear to µ-law: the nearest of the 256.
fn mu_law(value: f32) -> u8 {
    (0..=255u8).min_by(|a, b| (linear(*a) - value).abs().total_cmp(&(linear(*b) - value).abs())).unwrap_or(0xff)
}

/// A sweep from 300 to 2,300 Hz, over and over each second, at 8 kHz: unlike itself at any other time.
fn sweep(samples: usize) -> Vec<f32> {
    let mut phase = 0.0f32;
    (0..samples)
        .map(|i| {
            let hertz = 300.0 + 2_000.0 * (i % 8_000) as f32 / 8_000.0;
            phase = (phase + hertz / 8_000.0).fract();
            (phase * std::f32::consts::TAU).sin() * 8_000.0
        })
        .collect()
}

/// Best likeness of `part` to any place in `whole`.
fn likeness(part: &[f32], whole: &[f32]) -> f32 {
    let energy = |sound: &[f32]| sound.iter().map(|s| s * s).sum::<f32>().max(1e-9);
    let own = energy(part);
    whole
        .windows(part.len())
        .map(|other| {
            let product: f32 = part.iter().zip(other).map(|(a, b)| a * b).sum();
            product / (own * energy(other)).sqrt()
        })
        .fold(0.0, f32::max)
}

/// Best likeness of any tenth of the last half second of `heard` to the last seconds of `sent`: a busy machine spoils
/// some.
fn best_likeness(heard: &[f32], sent: &[f32]) -> f32 {
    let late = &heard[heard.len().saturating_sub(4_000)..];
    let whole = &sent[sent.len().saturating_sub(16_000)..];
    late.chunks_exact(800).map(|part| likeness(part, whole)).fold(0.0, f32::max)
}

fn send_sweep(engine: &AudioEngine, first: u16, packets: u16) {
    let sound = sweep((usize::from(first) + usize::from(packets)) * 160);
    let began = Instant::now();
    for i in 0..packets {
        let number = first + i;
        let from = usize::from(number) * 160;
        engine.push(
            CALL,
            AudioPacket {
                payload_type: 0,
                sequence: number,
                timestamp: u32::from(number) * 160,
                marker: i == 0,
                ssrc: 9,
                payload: sound[from..from + 160].iter().map(|s| mu_law(*s)).collect(),
                arrived: Instant::now(),
            },
        );
        let due = began + Duration::from_millis(20 * u64::from(i + 1));
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}

fn both_run(event: AudioEvent) -> Option<()> {
    let both = AudioEvent::Device { input: DeviceState::Ok, output: DeviceState::Ok };
    (event == both).then_some(())
}

/// One test, because a server takes its time to start. The engine finds its server by a variable of the process, which
/// is only safe to set at its birth: so this program runs itself once more.
#[test]
fn sound_passes_through_the_sound_system_and_comes_back_after_the_devices_went() {
    if std::env::var_os(INSIDE).is_some() {
        let address = std::env::var("PULSE_SERVER").expect("set by the first run");
        return on_the_server(&Control { address });
    }
    let server = Server::start();
    let this = std::env::current_exe().expect("this program has a file");
    let status = Command::new(this)
        .args(["--exact", "sound_passes_through_the_sound_system_and_comes_back_after_the_devices_went"])
        .arg("--nocapture")
        .env("PULSE_SERVER", server.control().address)
        .env(INSIDE, "1")
        .status()
        .expect("this program runs");
    assert!(status.success());
}

fn on_the_server(pulse: &Control) {
    let speaker = pulse.add_sink("spk");
    let microphone = pulse.add_sink("mic");
    let names = list();
    assert!(names.outputs.contains(&"spk".to_owned()), "{names:?}");
    assert!(names.inputs.contains(&"mic.monitor".to_owned()), "{names:?}");

    let (engine, events) = start("mic.monitor", "spk");
    engine.start_call(CALL, plan());
    wait(&events, both_run);

    // What arrives is heard.
    // The first seconds are the sound system's: a stream that begins makes it change its own latency.
    let heard = record(pulse, "spk.monitor", || send_sweep(&engine, 0, 250));
    let sent = sweep(250 * 160);
    let alike = best_likeness(&heard, &sent);
    assert!(alike > 0.9, "loudspeaker: {alike}");

    // What is said is sent.
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("said.wav");
    write_wav(&file, &sweep(8_000 * 3));
    while events.try_recv().is_ok() {}
    let player = play(pulse, &file, "mic");
    let mut said = Vec::new();
    while said.len() < 8_000 * 5 / 2 {
        let payload = wait(&events, |event| match event {
            AudioEvent::Packet { payload, .. } => Some(payload),
            _ => None,
        });
        said.extend(payload.into_iter().map(linear));
    }
    drop(player);
    let alike = best_likeness(&said, &sweep(8_000 * 3));
    assert!(alike > 0.9, "microphone: {alike}");

    // Both devices go while the call is up, and the call goes on.
    assert!(pulse.order(&["unload-module", &speaker]).0);
    assert!(pulse.order(&["unload-module", &microphone]).0);
    wait(&events, |event| match event {
        AudioEvent::Device { input: DeviceState::Missing(_), output: DeviceState::Missing(why) } => Some(why),
        _ => None,
    });
    for _ in 0..10 {
        wait(&events, |event| matches!(event, AudioEvent::Packet { .. }).then_some(()));
    }

    // They come back, and so does the sound.
    pulse.add_sink("spk");
    pulse.add_sink("mic");
    wait(&events, both_run);
    let heard = record(pulse, "spk.monitor", || send_sweep(&engine, 500, 250));
    let alike = best_likeness(&heard, &sweep(750 * 160));
    assert!(alike > 0.9, "loudspeaker, again: {alike}");

    // With nothing to play, the devices are let go.
    engine.stop_call(CALL);
    wait(&events, |event| match event {
        AudioEvent::Device { input: DeviceState::Closed, output: DeviceState::Closed } => Some(()),
        _ => None,
    });
    assert_eq!(pulse.order(&["list", "short", "sink-inputs"]).1, "");
}

/// What a source gives while `meanwhile` runs, at 8 kHz.
fn record(pulse: &Control, source: &str, meanwhile: impl FnOnce()) -> Vec<f32> {
    let mut recorder = Command::new("parec")
        .args(["-d", source, "--rate=8000", "--channels=1", "--format=s16le", "--latency-msec=20"])
        .env("PULSE_SERVER", &pulse.address)
        .stdout(Stdio::piped())
        .spawn()
        .expect("parec starts");
    let mut sound = recorder.stdout.take().expect("it is piped");
    let mut recorder = Running(recorder);
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = sound.read_to_end(&mut bytes);
        bytes
    });
    meanwhile();
    let _ = recorder.0.kill();
    let bytes = reader.join().expect("reading does not panic");
    bytes.chunks_exact(2).map(|b| f32::from(i16::from_le_bytes([b[0], b[1]]))).collect()
}

fn write_wav(file: &Path, sound: &[f32]) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut out = hound::WavWriter::create(file, spec).expect("a writable directory");
    for sample in sound {
        out.write_sample(*sample as i16).expect("room on the disk");
    }
    out.finalize().expect("room on the disk");
}
