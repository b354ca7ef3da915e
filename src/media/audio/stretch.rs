//! Makes waiting sound longer or shorter by one period of the voice, so that the delay changes and the pitch does not.
//!
//! ```text
//!  shrink:  a b c d e f   ──▶  a [b→d] e f       fade from where we are to one period later
//!  expand:  a b c d e f   ──▶  a b [c→b] c d …   fade from where we are to one period earlier
//! ```
//!
//! The period is the shift with the best normalised correlation (the WSOLA search). Silence may be cut anywhere.

use super::timeline::Timeline;

/// Shifts tried, in µs: voices from 66 to 400 Hz.
const SHORTEST_US: usize = 2_500;
const LONGEST_US: usize = 15_000;
/// Sound compared and cross-faded, in µs.
const OVERLAP_US: usize = 5_000;
/// Below this likeness a cut would be heard.
const ALIKE: f32 = 0.6;
/// Mean square below which sound counts as silence (about −50 dBFS).
const QUIET: f32 = 100.0 * 100.0;

/// How two stretches of sound compare.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shift {
    /// Samples between the two.
    pub(super) samples: usize,
    /// Normalised correlation, −1 to 1.
    pub(super) likeness: f32,
}

/// Sizes in samples at one sample rate.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub(super) shortest: usize,
    pub(super) longest: usize,
    pub(super) overlap: usize,
    stride: usize,
}

impl Sizes {
    pub(super) fn at(rate: u32) -> Self {
        let samples = |us: usize| rate as usize * us / 1_000_000;
        Self {
            shortest: samples(SHORTEST_US),
            longest: samples(LONGEST_US),
            overlap: samples(OVERLAP_US),
            stride: (rate as usize / 8_000).max(1),
        }
    }

    /// Waiting samples that [`shrink`] needs.
    pub(super) fn needed_to_shrink(&self) -> usize {
        self.longest + self.overlap
    }
}

/// Takes one period out of what waits. Returns the samples taken out: 0 when there is no good place, unless `anyhow`.
pub(super) fn shrink(line: &mut Timeline, sizes: Sizes, anyhow: bool, scratch: &mut Vec<i16>) -> usize {
    if line.waiting() < sizes.needed_to_shrink() {
        return 0;
    }
    let (sound, head) = line.parts();
    let here = &sound[head..head + sizes.overlap];
    let quiet = loudness(&sound[head..head + sizes.needed_to_shrink()]) < QUIET;
    let shift = if quiet {
        Shift { samples: sizes.longest * 2 / 3, likeness: 1.0 }
    } else {
        best_shift(sizes, |shift, step| {
            let from = head + shift;
            likeness(here, &sound[from..from + sizes.overlap], step)
        })
    };
    if shift.likeness < ALIKE && !anyhow {
        return 0;
    }
    let later = &sound[head + shift.samples..head + shift.samples + sizes.overlap];
    cross_fade(here, later, scratch);
    line.replace(0, sizes.overlap + shift.samples, scratch);
    shift.samples
}

/// Plays one period again before what waits. Returns the samples added: 0 when there is no good place, unless `anyhow`.
pub(super) fn expand(line: &mut Timeline, sizes: Sizes, anyhow: bool, scratch: &mut Vec<i16>) -> usize {
    let (sound, head) = line.parts();
    if line.waiting() < sizes.overlap || head < sizes.longest {
        return 0;
    }
    let here = &sound[head..head + sizes.overlap];
    let quiet = loudness(&sound[head - sizes.longest..head + sizes.overlap]) < QUIET;
    let shift = if quiet {
        Shift { samples: sizes.longest * 2 / 3, likeness: 1.0 }
    } else {
        best_shift(sizes, |shift, step| {
            let from = head - shift;
            likeness(here, &sound[from..from + sizes.overlap], step)
        })
    };
    if shift.likeness < ALIKE && !anyhow {
        return 0;
    }
    // Fade to one period ago, then go on from there: what waits follows by itself, one period later.
    let earlier = &sound[head - shift.samples..head - shift.samples + sizes.overlap];
    cross_fade(here, earlier, scratch);
    let rest = head - shift.samples + sizes.overlap..head + sizes.overlap;
    scratch.extend_from_slice(&sound[rest]);
    line.replace(0, sizes.overlap, scratch);
    shift.samples
}

/// Finds the shift with the best likeness: coarsely at 8 kHz, then finely around the best.
pub(super) fn best_shift(sizes: Sizes, likeness: impl Fn(usize, usize) -> f32) -> Shift {
    let mut best = Shift { samples: sizes.shortest, likeness: f32::MIN };
    let mut consider = |samples: usize, step: usize| {
        let likeness = likeness(samples, step);
        if likeness > best.likeness {
            best = Shift { samples, likeness };
        }
    };
    for samples in (sizes.shortest..=sizes.longest).step_by(sizes.stride) {
        consider(samples, sizes.stride);
    }
    if sizes.stride > 1 {
        let around = best.samples;
        best.likeness = f32::MIN;
        let mut consider = |samples: usize| {
            let likeness = likeness(samples, 1);
            if likeness > best.likeness {
                best = Shift { samples, likeness };
            }
        };
        let from = around.saturating_sub(sizes.stride - 1).max(sizes.shortest);
        for samples in from..=(around + sizes.stride - 1).min(sizes.longest) {
            consider(samples);
        }
    }
    best
}

/// Normalised correlation of every `step`th sample.
pub(super) fn likeness(a: &[i16], b: &[i16], step: usize) -> f32 {
    let (mut ab, mut aa, mut bb) = (0.0f32, 1.0f32, 1.0f32);
    for (a, b) in a.iter().zip(b).step_by(step) {
        let (a, b) = (f32::from(*a), f32::from(*b));
        ab += a * b;
        aa += a * a;
        bb += b * b;
    }
    ab / (aa * bb).sqrt()
}

/// Fills `out` with a fade from `a` to `b`, as long as the shorter.
pub(super) fn cross_fade(a: &[i16], b: &[i16], out: &mut Vec<i16>) {
    let len = a.len().min(b.len());
    out.clear();
    out.extend(a.iter().zip(b).enumerate().map(|(i, (a, b))| mix(*a, *b, i, len)));
}

/// The `i`th of `len` steps from `a` to `b`.
pub(super) fn mix(a: i16, b: i16, i: usize, len: usize) -> i16 {
    let share = (i as f32 + 0.5) / len as f32;
    (f32::from(a) * (1.0 - share) + f32::from(b) * share) as i16
}

/// Mean square.
fn loudness(sound: &[i16]) -> f32 {
    let sum: f32 = sound.iter().map(|s| f32::from(*s) * f32::from(*s)).sum();
    sum / sound.len().max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line_with_tone(rate: u32, hertz: f32) -> Timeline {
        let mut line = Timeline::new(rate);
        let tone: Vec<i16> = (0..rate as usize / 10)
            .map(|i| ((i as f32 * hertz * std::f32::consts::TAU / rate as f32).sin() * 8_000.0) as i16)
            .collect();
        line.append(&tone);
        let mut played = vec![0; rate as usize / 25];
        line.take(&mut played);
        line
    }

    /// Largest second difference: a cut in the wrong place shows as a kink.
    fn kink(sound: &[i16]) -> i32 {
        sound.windows(3).map(|w| (i32::from(w[0]) - 2 * i32::from(w[1]) + i32::from(w[2])).abs()).max().unwrap_or(0)
    }

    #[test]
    fn a_tone_is_stretched_and_shrunk_by_whole_periods_without_a_kink() {
        for rate in [8_000, 16_000, 48_000] {
            let sizes = Sizes::at(rate);
            let mut line = line_with_tone(rate, 200.0);
            let period = rate as usize / 200;
            let smooth = kink(line.parts().0) + 60;
            let before = line.waiting();
            let added = expand(&mut line, sizes, false, &mut Vec::new());
            assert!(added > 0 && added % period <= 1, "{rate}: {added}");
            assert_eq!(line.waiting(), before + added);
            let removed = shrink(&mut line, sizes, false, &mut Vec::new());
            assert!(removed > 0 && removed % period <= 1, "{rate}: {removed}");
            assert_eq!(line.waiting(), before + added - removed);
            assert!(kink(line.parts().0) < smooth, "{rate}: {} {smooth}", kink(line.parts().0));
        }
    }

    #[test]
    fn noise_is_only_cut_when_it_must_be() {
        let mut line = Timeline::new(8_000);
        let mut state = 1u32;
        let noise: Vec<i16> = (0..800)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 16) as i16 / 4
            })
            .collect();
        line.append(&noise);
        line.skip(200);
        let sizes = Sizes::at(8_000);
        assert_eq!(shrink(&mut line, sizes, false, &mut Vec::new()), 0);
        assert_ne!(shrink(&mut line, sizes, true, &mut Vec::new()), 0);
    }

    #[test]
    fn silence_is_cut_anywhere() {
        let mut line = Timeline::new(8_000);
        line.append(&[0; 800]);
        let sizes = Sizes::at(8_000);
        assert_eq!(shrink(&mut line, sizes, false, &mut Vec::new()), 80, "10 ms");
    }
}
