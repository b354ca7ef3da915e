//! Fills gaps for codecs that cannot: repeats the last period of the voice and fades it out (after G.711 Appendix I).
//!
//! ```text
//!  ──heard──┊ period ┊ period ┊ … fading from 10 ms on, silent at 60 ms
//!                                 ┊◀ merge: fades into what comes next
//! ```

use super::stretch::{self, Sizes};

/// Full loudness for so long, then down to nothing, in ms.
const HOLD_MS: usize = 10;
const GONE_MS: usize = 60;

/// A gap being filled.
pub(super) struct Concealer {
    sizes: Sizes,
    period: Vec<i16>,
    at: usize,
    produced: usize,
    hold: usize,
    gone: usize,
    step: f32,
}

impl Concealer {
    pub(super) fn new(rate: u32) -> Self {
        let sizes = Sizes::at(rate);
        Self {
            sizes,
            period: Vec::with_capacity(sizes.longest),
            at: 0,
            produced: 0,
            hold: rate as usize * HOLD_MS / 1_000,
            gone: rate as usize * GONE_MS / 1_000,
            step: 0.0,
        }
    }

    /// Whether a gap is being filled.
    pub(super) fn active(&self) -> bool {
        !self.period.is_empty()
    }

    /// Forgets the gap.
    pub(super) fn end(&mut self) {
        self.period.clear();
    }

    /// Begins a gap after `heard`.
    pub(super) fn begin(&mut self, heard: &[i16]) {
        self.period.clear();
        self.at = 0;
        self.produced = 0;
        self.step = 0.0;
        let window = self.sizes.overlap * 2;
        let end = heard.len();
        if end < window + self.sizes.longest {
            self.period.push(0);
            return;
        }
        let last = &heard[end - window..];
        let shift = stretch::best_shift(self.sizes, |shift, step| {
            stretch::likeness(last, &heard[end - window - shift..end - shift], step)
        });
        let start = end - shift.samples;
        self.period.extend_from_slice(&heard[start..]);
        // The end of the period is bent towards what came before its beginning, so that the repetition joins.
        let bend = shift.samples / 4;
        for i in 0..bend {
            let from = self.period.len() - bend + i;
            self.period[from] = stretch::mix(heard[end - bend + i], heard[start - bend + i], i, bend);
        }
        self.step = f32::from(heard[end - 1]) - f32::from(heard[start - 1]);
    }

    /// The next sample of the gap, before fading.
    fn next_sample(&mut self) -> i16 {
        let Some(&sample) = self.period.get(self.at) else {
            return 0;
        };
        self.at = (self.at + 1) % self.period.len();
        let fade = if self.produced < self.hold {
            1.0
        } else if self.produced < self.gone {
            (self.gone - self.produced) as f32 / (self.gone - self.hold) as f32
        } else {
            0.0
        };
        // What the last sample heard was off the periodic course dies away within a few samples.
        let offset = self.step;
        self.step *= 0.7;
        self.produced += 1;
        ((f32::from(sample) + offset) * fade).clamp(-32_768.0, 32_767.0) as i16
    }

    /// Adds `samples` of the gap to `out`.
    pub(super) fn fill(&mut self, samples: usize, out: &mut Vec<i16>) {
        for _ in 0..samples {
            let sample = self.next_sample();
            out.push(sample);
        }
    }

    /// Ends the gap: `fresh` is what follows it, and its beginning is faded in over the continued gap.
    pub(super) fn merge(&mut self, fresh: &mut [i16]) {
        if self.period.is_empty() {
            return;
        }
        let len = self.sizes.overlap.min(fresh.len());
        for (i, sample) in fresh[..len].iter_mut().enumerate() {
            let gap = self.next_sample();
            *sample = stretch::mix(gap, *sample, i, len);
        }
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(rate: f32, hertz: f32, from: usize, len: usize) -> Vec<i16> {
        (from..from + len).map(|i| ((i as f32 * hertz * std::f32::consts::TAU / rate).sin() * 8_000.0) as i16).collect()
    }

    #[test]
    fn a_tone_goes_on_as_if_nothing_were_missing() {
        for (rate, hertz) in [(8_000.0, 200.0), (8_000.0, 130.0), (16_000.0, 230.0)] {
            let mut concealer = Concealer::new(rate as u32);
            let heard = tone(rate, hertz, 0, rate as usize * 60 / 1_000);
            concealer.begin(&heard);
            let len = rate as usize / 100;
            let mut filled = Vec::new();
            concealer.fill(len, &mut filled);
            let truth = tone(rate, hertz, heard.len(), len);
            let likeness = stretch::likeness(&filled, &truth, 1);
            assert!(likeness > 0.97, "{rate} {hertz}: {likeness}");
        }
    }

    #[test]
    fn a_long_gap_fades_to_silence_and_the_end_is_faded_in() {
        let mut concealer = Concealer::new(8_000);
        concealer.begin(&tone(8_000.0, 200.0, 0, 480));
        let mut filled = Vec::new();
        concealer.fill(960, &mut filled);
        assert!(filled[..80].iter().any(|s| *s > 7_000));
        assert!(filled[480..].iter().all(|s| *s == 0));
        let mut fresh = [8_000i16; 160];
        concealer.merge(&mut fresh);
        assert!(fresh[0] < 400 && fresh[39] > 7_500 && fresh[40] == 8_000);
        assert!(!concealer.active());
    }

    #[test]
    fn with_nothing_heard_a_gap_is_silent() {
        let mut concealer = Concealer::new(8_000);
        concealer.begin(&[5_000; 10]);
        let mut filled = Vec::new();
        concealer.fill(80, &mut filled);
        assert_eq!(filled, vec![0; 80]);
    }
}
