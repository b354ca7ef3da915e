//! Two panels, the binaries themselves, call each other by IP address, and what one plays the other records.

mod panel;

use panel::{Panel, poll};
use serde_json::Value;

/// What the device `tone` plays, in Hz.
const TONE: f64 = 440.0;

/// Settings: says the tone, records what it hears, speaks this codec only.
fn talker(codec: &str, record: &std::path::Path) -> String {
    format!("[audio]\ninput = \"tone\"\noutput = \"wav:{}\"\ncodecs = [\"{codec}\"]\nvolume = 100\n", record.display())
}

/// One side calls, the other answers, both speak; either recording must be the other side's tone.
fn talk(codec: &str, uri: impl Fn(u16) -> String) {
    let recordings = tempfile::tempdir().expect("a temporary directory");
    let (here, there) = (recordings.path().join("here.wav"), recordings.path().join("there.wav"));
    let mut caller = Panel::start(&talker(codec, &here));
    let mut callee = Panel::start(&talker(codec, &there));

    let dialled = caller.ctl(&["dial", &uri(callee.port)]);
    assert!(dialled.status.success(), "{}", String::from_utf8_lossy(&dialled.stderr));
    let ringing = callee.wait_for_call("ringing");
    assert_eq!(ringing["direction"], "in");
    caller.wait_for_call("ringing");
    assert!(callee.ctl(&["answer"]).status.success());
    // Two and a half seconds of sound, counted by what arrived.
    for side in [&caller, &callee] {
        let heard =
            |status: &Value| status["calls"][0]["audio"]["packets_in"].as_u64().is_some_and(|count| count >= 125);
        let status = side.wait("sound arrives", heard);
        let call = &status["calls"][0];
        assert_eq!((&call["state"], &call["account"]), (&"confirmed".into(), &0.into()));
        assert_eq!((&call["audio"]["codec"], &call["audio"]["direction"]), (&codec.into(), &"sendrecv".into()));
    }
    assert!(caller.ctl(&["end"]).status.success());
    for side in [&mut caller, &mut callee] {
        side.wait("the call is over", |status| status["calls"].as_array().is_some_and(Vec::is_empty));
        assert!(side.terminate().success());
    }
    for (side, file) in [("caller", &here), ("callee", &there)] {
        let share = poll(|| tone_share(file)).unwrap_or_else(|| panic!("the {side} recorded nothing"));
        assert!(share > 0.9, "of what the {side} recorded only {share:.2} is the tone of the other side");
    }
}

/// How much of the loudest second of a recording is the tone, by energy; nothing if there is no such second.
fn tone_share(file: &std::path::Path) -> Option<f64> {
    let mut reader = hound::WavReader::open(file).ok()?;
    let spec = reader.spec();
    let samples: Vec<f64> = match spec.sample_format {
        hound::SampleFormat::Int => reader.samples::<i32>().filter_map(Result::ok).map(f64::from).collect(),
        hound::SampleFormat::Float => reader.samples::<f32>().filter_map(Result::ok).map(f64::from).collect(),
    };
    let second = spec.sample_rate as usize * usize::from(spec.channels);
    // Ring tone and ringback come first; the tone of the other side fills the last seconds before silence.
    let share = |window: &[f64]| {
        let energy: f64 = window.iter().map(|sample| sample * sample).sum();
        let step = 2.0 * std::f64::consts::PI * TONE / f64::from(spec.sample_rate);
        let (mut real, mut imaginary) = (0.0, 0.0);
        for (index, sample) in window.iter().enumerate() {
            let angle = step * (index / usize::from(spec.channels)) as f64;
            real += sample * angle.cos();
            imaginary += sample * angle.sin();
        }
        if energy == 0.0 { 0.0 } else { 2.0 * (real * real + imaginary * imaginary) / (energy * window.len() as f64) }
    };
    samples.windows(second).step_by(second / 10).map(share).reduce(f64::max)
}

#[test]
fn pcmu_by_udp() {
    talk("pcmu", |port| format!("127✳0✳0✳1✳{port}"));
}

#[test]
fn opus_by_udp() {
    talk("opus", |port| format!("127✳0✳0✳1✳{port}"));
}

#[test]
fn pcmu_by_tcp() {
    talk("pcmu", |port| format!("sip:panel@127.0.0.1:{port};transport=tcp"));
}

#[test]
fn pcmu_by_udp_on_ipv6() {
    if std::net::UdpSocket::bind("[::1]:0").is_ok() {
        talk("pcmu", |port| format!("sip:panel@[::1]:{port}"));
    }
}
