//! A speech made of syllables that never repeat, and how much a recording is like it.

use std::path::Path;
use std::time::{Duration, Instant};

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};

use crate::real_panel::poll;

/// What the door says: once, so it is long enough for any test.
pub const VISITOR: Speech = Speech { voice: 1, seconds: 60 };
/// What the microphone of the panel hears, over and over: short, because the panel reads it when the call begins.
pub const RESIDENT: Speech = Speech { voice: 2, seconds: 8 };

/// A speech, different for each voice.
#[derive(Clone, Copy, Debug)]
pub struct Speech {
    voice: u64,
    seconds: usize,
}

/// What is so much like a speech is that speech.
const ALIKE: f64 = 0.8;
/// Seconds of a recording that are compared while it goes on.
const ENOUGH: usize = 6;
/// Samples a second of the speech that recordings are compared with.
const FINE: usize = 48_000;
/// Samples a second that are compared; the syllables stay far below half of it.
const COMPARED: usize = 8000;
/// Samples of [`COMPARED`] in a frame of the envelope: 10 ms.
const FRAME: usize = COMPARED / 100;
/// Frames of a stretch that is looked for: 2 s.
const STRETCH: usize = 200;
/// Frames of a piece that is compared on its own, because a jitter buffer may stretch and shorten pauses: 250 ms.
const PIECE: usize = 25;
/// How far a piece may be from where the stretch is, in frames: 80 ms.
const ASIDE: usize = 8;

impl Speech {
    /// The speech at a sampling rate.
    fn samples(self, rate: usize) -> Vec<f32> {
        let mut samples = vec![0.0; self.seconds * rate];
        let mut dice = Dice(self.voice.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut at = 0.1;
        loop {
            let (length, pause) = (0.09 + 0.16 * dice.throw(), 0.03 + 0.12 * dice.throw());
            let (low, rise) = (250.0 + 900.0 * dice.throw(), 700.0 * (dice.throw() - 0.3));
            let loudness = 0.25 + 0.25 * dice.throw();
            if at + length + 0.1 > self.seconds as f64 {
                return samples;
            }
            let from = (at * rate as f64).ceil() as usize;
            let to = ((at + length) * rate as f64) as usize;
            for (index, sample) in samples[from..to].iter_mut().enumerate() {
                let time = (from + index) as f64 / rate as f64 - at;
                let turn = std::f64::consts::TAU * (low * time + 0.5 * rise * time * time / length);
                let swell = (std::f64::consts::PI * time / length).sin().powi(2);
                *sample = (loudness * swell * (0.8 * turn.sin() + 0.2 * (2.0 * turn).sin())) as f32;
            }
            at += length + pause;
        }
    }

    /// Writes it as 16-bit mono.
    pub fn write(self, file: &Path, rate: u32) {
        let spec = WavSpec { channels: 1, sample_rate: rate, bits_per_sample: 16, sample_format: SampleFormat::Int };
        let mut writer = WavWriter::create(file, spec).expect("the file is created");
        for sample in self.samples(rate as usize) {
            writer.write_sample((sample * 32_767.0) as i16).expect("it is written");
        }
        writer.finalize().expect("it is closed");
    }

    /// How much the most similar two seconds of a recording are like this speech: 1 is the same, 0 has nothing to do with it.
    pub fn likeness(self, recording: &[f32]) -> f64 {
        let fine = self.samples(FINE);
        let coarse: Vec<f32> = fine.iter().step_by(FINE / COMPARED).copied().collect();
        let (here, there) = (envelope(recording), envelope(&coarse));
        let mut best = (0.0, 0, 0);
        for from in (0..(here.len() + 1).saturating_sub(STRETCH)).step_by(STRETCH / 4) {
            let piece = &here[from..from + STRETCH];
            for (lag, other) in there.windows(STRETCH).enumerate() {
                let alike = correlation(piece.iter().copied(), other.iter().copied());
                if alike > best.0 {
                    best = (alike, from, lag);
                }
            }
        }
        let (_, from, lag) = best;
        let pieces = (0..STRETCH).step_by(PIECE).filter_map(|offset| {
            let start = (from + offset) * FRAME;
            let piece = recording.get(start..start + PIECE * FRAME)?;
            Some(closest(piece, &fine, (lag + offset) * FINE / 100))
        });
        pieces.sum::<f64>() / (STRETCH / PIECE) as f64
    }

    /// Waits until what is heard meanwhile is like this speech.
    pub fn expect_heard(self, whose: &str, patience: Duration, heard: impl Fn() -> Option<Vec<f32>>) {
        let begun = Instant::now();
        loop {
            let alike = heard().map(|recording| self.likeness(&recording));
            if alike > Some(ALIKE) {
                return;
            }
            assert!(begun.elapsed() < patience, "{whose} is not what the other side says: likeness {alike:?}");
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// Waits until a recording is like this speech.
    pub fn expect_in(self, whose: &str, file: impl Fn() -> Option<std::path::PathBuf>) {
        let mut last = None;
        let alike = poll(|| {
            let likeness = self.likeness(&read(&file()?)?);
            last = Some(likeness);
            (likeness > ALIKE).then_some(likeness)
        });
        assert!(alike.is_some(), "{whose} is not what the other side said: likeness {last:?}");
    }
}

/// The end of a recording that is still going on, as mono at [`COMPARED`] samples a second: 16-bit samples from `offset` on,
/// whatever a header before it says of its length.
pub fn growing(file: &Path, offset: usize, rate: usize) -> Option<Vec<f32>> {
    let bytes = std::fs::read(file).ok()?;
    let samples = bytes.get(offset..)?.chunks_exact(2).step_by(rate / COMPARED);
    let samples: Vec<f32> = samples.map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0).collect();
    Some(samples[samples.len().saturating_sub(ENOUGH * COMPARED)..].to_vec())
}

/// How much a piece is like the speech somewhere near `expected`, in samples of [`FINE`].
fn closest(piece: &[f32], fine: &[f32], expected: usize) -> f64 {
    let step = FINE / COMPARED;
    let (aside, length) = (ASIDE * FINE / 100, piece.len() * step);
    let last = (expected + aside).min(fine.len().saturating_sub(length));
    let at = |start: usize| {
        let other = fine[start..start + length].iter().step_by(step);
        correlation(piece.iter().copied(), other.copied())
    };
    // The syllables are slow enough to be found in large steps; the small ones are for the last digit.
    let best = (expected.saturating_sub(aside)..=last).step_by(step).map(|start| (at(start), start));
    let Some((_, near)) = best.max_by(|one, other| one.0.total_cmp(&other.0)) else { return 0.0 };
    (near.saturating_sub(step)..=(near + step).min(last)).map(at).fold(0.0, f64::max)
}

/// Loudness of each 10 ms less the average around it is what two recordings of one speech have in common.
fn envelope(samples: &[f32]) -> Vec<f32> {
    samples.chunks_exact(FRAME).map(|frame| frame.iter().map(|s| s * s).sum::<f32>().sqrt()).collect()
}

/// The correlation coefficient of two series.
fn correlation(ones: impl Iterator<Item = f32> + Clone, others: impl Iterator<Item = f32> + Clone) -> f64 {
    let (mut count, mut one, mut other, mut one_one, mut other_other, mut both) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    for (a, b) in ones.zip(others) {
        let (a, b) = (f64::from(a), f64::from(b));
        count += 1.0;
        one += a;
        other += b;
        one_one += a * a;
        other_other += b * b;
        both += a * b;
    }
    let spread = (one_one - one * one / count) * (other_other - other * other / count);
    if spread > 1e-12 { (both - one * other / count) / spread.sqrt() } else { 0.0 }
}

/// A recording as mono at [`COMPARED`] samples a second; nothing if it cannot be read (yet).
fn read(file: &Path) -> Option<Vec<f32>> {
    let reader = WavReader::open(file).ok()?;
    let spec = reader.spec();
    let samples: Vec<f32> = match spec.sample_format {
        SampleFormat::Float => reader.into_samples::<f32>().map_while(Result::ok).collect(),
        SampleFormat::Int => {
            reader.into_samples::<i16>().map_while(Result::ok).map(|s| f32::from(s) / 32_768.0).collect()
        }
    };
    let step = spec.sample_rate as usize / COMPARED * usize::from(spec.channels);
    Some(samples.into_iter().step_by(step).collect())
}

/// The same throws each time.
struct Dice(u64);

impl Dice {
    /// From 0 to 1.
    fn throw(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f64 / (1u64 << 24) as f64
    }
}

/// The comparison itself: it knows a speech again after a delay, quieter, with a hole; it takes nothing else for it.
#[test]
fn a_speech_is_known_again_and_no_other_is_taken_for_it() {
    let said = VISITOR.samples(COMPARED);
    let mut recorded = vec![0.0; 3 * COMPARED + 37];
    recorded.extend(said[7 * COMPARED + 11..11 * COMPARED].iter().map(|sample| sample * 0.3));
    recorded[4 * COMPARED..4 * COMPARED + 160].fill(0.0);
    assert!(VISITOR.likeness(&recorded) > 0.95, "{}", VISITOR.likeness(&recorded));
    assert!(RESIDENT.likeness(&recorded) < 0.6, "{}", RESIDENT.likeness(&recorded));
    let mut dice = Dice(5);
    let noise: Vec<f32> = (0..4 * COMPARED).map(|_| dice.throw() as f32 - 0.5).collect();
    assert!(VISITOR.likeness(&noise) < 0.6, "{}", VISITOR.likeness(&noise));
    assert!(VISITOR.likeness(&[0.0; 5 * COMPARED]) < 0.1);
    assert!(VISITOR.likeness(&[]) < 0.1);
}
