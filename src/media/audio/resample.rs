//! Brings sound from one sample rate to another, 10 ms at a time, with a few milliseconds of delay.
//!
//! A short windowed sinc does it: the delay is half its length, 3 ms from 8 kHz, and speech has nothing at the band's very
//! edge. With rates in a whole ratio the filter's phases are hit exactly and no interpolation is needed.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Async, FixedAsync, Resampler as _, SincInterpolationParameters, SincInterpolationType, WindowFunction};

/// Filter length in samples of the lower rate.
const TAPS: usize = 48;

/// Which side of a [`Resampler`] comes in steady portions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Steady {
    /// The input: as much output as there is.
    Input(usize),
    /// The output: [`Resampler::needed`] says how much input the next portion takes.
    Output(usize),
}

/// A mono sample rate converter.
pub(super) struct Resampler {
    steady: Steady,
    /// `None` where the rates are equal.
    inner: Option<Async<f32>>,
    out: Vec<f32>,
}

impl Resampler {
    /// A converter between two rates in Hz.
    pub(super) fn new(from: u32, to: u32, steady: Steady) -> Result<Self, String> {
        let portion = match steady {
            Steady::Input(samples) | Steady::Output(samples) => samples,
        };
        if from == to {
            return Ok(Self { steady, inner: None, out: vec![0.0; portion] });
        }
        if from == 0 || to == 0 {
            return Err("a sample rate of 0".to_owned());
        }
        let (low, high) = (from.min(to), from.max(to));
        let whole = high.is_multiple_of(low);
        // rubato counts taps in input samples.
        let taps = TAPS * (from / low).max(1) as usize;
        let parameters = SincInterpolationParameters::new(taps, WindowFunction::Hann2)
            .oversampling_factor(if whole { (high / low) as usize } else { 128 })
            .interpolation(if whole { SincInterpolationType::Nearest } else { SincInterpolationType::Linear });
        let fixed = match steady {
            Steady::Input(_) => FixedAsync::Input,
            Steady::Output(_) => FixedAsync::Output,
        };
        let ratio = f64::from(to) / f64::from(from);
        let inner = Async::new_sinc(ratio, 1.0, &parameters, portion, 1, fixed).map_err(|error| error.to_string())?;
        let out = vec![0.0; inner.output_frames_max()];
        Ok(Self { steady, inner: Some(inner), out })
    }

    /// Input samples that the next [`Resampler::process`] takes.
    pub(super) fn needed(&self) -> usize {
        match (&self.inner, self.steady) {
            (Some(inner), _) => inner.input_frames_next(),
            (None, Steady::Input(samples) | Steady::Output(samples)) => samples,
        }
    }

    /// Converts one portion of exactly [`Resampler::needed`] samples; with less or more, gives silence.
    pub(super) fn process(&mut self, input: &[f32]) -> &[f32] {
        let len = match &mut self.inner {
            None => {
                let len = input.len().min(self.out.len());
                self.out[..len].copy_from_slice(&input[..len]);
                len
            }
            Some(inner) => {
                let room = self.out.len();
                let adapters =
                    (InterleavedSlice::new(input, 1, input.len()), InterleavedSlice::new_mut(&mut self.out, 1, room));
                match adapters {
                    (Ok(from), Ok(mut to)) => inner.process_into_buffer(&from, &mut to, None).map_or(0, |(_, len)| len),
                    _ => 0,
                }
            }
        };
        if let Steady::Output(samples) = self.steady
            && len < samples
        {
            self.out[len..samples].fill(0.0);
            return &self.out[..samples];
        }
        &self.out[..len]
    }

    /// Converts a whole recording.
    pub(super) fn convert(sound: &[f32], from: u32, to: u32) -> Result<Vec<f32>, String> {
        let mut resampler = Self::new(from, to, Steady::Input(1_024))?;
        let mut portion = vec![0.0; 1_024];
        let mut out = Vec::with_capacity((sound.len() as u64 * u64::from(to) / u64::from(from)) as usize);
        for chunk in sound.chunks(1_024) {
            portion[..chunk.len()].copy_from_slice(chunk);
            portion[chunk.len()..].fill(0.0);
            out.extend_from_slice(resampler.process(&portion));
        }
        out.truncate((sound.len() as u64 * u64::from(to) / u64::from(from)) as usize);
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::audio::tests::level;

    fn tone(rate: u32, hertz: f32, len: usize) -> Vec<f32> {
        (0..len).map(|i| (i as f32 * hertz * std::f32::consts::TAU / rate as f32).sin() * 0.5).collect()
    }

    #[test]
    fn speech_passes_unchanged_and_nothing_is_mirrored() {
        for (from, to) in [(8_000, 48_000), (48_000, 8_000), (48_000, 16_000), (44_100, 48_000)] {
            let out = Resampler::convert(&tone(from, 1_000.0, from as usize), from, to).expect("rates are sound");
            let part = &out[to as usize / 10..to as usize * 9 / 10];
            let passed = level(part, to, 1_000.0);
            assert!((passed - 0.5).abs() < 0.01, "{from}→{to}: {passed}");
            // The image of 1 kHz around the lower rate; 3 kHz where there is no room for one.
            let image = if to > 16_000 { 7_000.0 } else { 3_000.0 };
            let mirrored = level(part, to, image);
            assert!(mirrored < 0.002, "{from}→{to}: {mirrored}");
        }
        let high = Resampler::convert(&tone(48_000, 5_500.0, 48_000), 48_000, 8_000).expect("rates are sound");
        let folded = level(&high[800..7_200], 8_000, 2_500.0);
        assert!(folded < 0.002, "{folded}");
    }

    #[test]
    fn portions_keep_step_for_ever() {
        let mut up = Resampler::new(8_000, 48_000, Steady::Output(480)).expect("rates are sound");
        let mut down = Resampler::new(48_000, 8_000, Steady::Input(480)).expect("rates are sound");
        let (mut into, mut out) = (0, 0);
        for _ in 0..1_000 {
            let needed = up.needed();
            into += needed;
            assert_eq!(up.process(&vec![0.0; needed]).len(), 480);
            assert_eq!(down.needed(), 480);
            out += down.process(&[0.0; 480]).len();
        }
        assert!((80_000..80_060).contains(&into), "{into}");
        assert!((79_940..=80_000).contains(&out), "{out}");
    }
}
