//! Tones made in code: ring tones, ringback, busy, keys.

use std::f32::consts::TAU;

use super::types::{Ringtone, Tone};
use super::{FRAME, RATE};

/// Loudness of call progress tones, of full scale.
const PROGRESS_LEVEL: f32 = 0.2;
/// Loudness of a key.
const KEY_LEVEL: f32 = 0.12;
/// Length of a key's sound, in samples.
const KEY_LENGTH: usize = RATE as usize / 10;
/// Beginning and end of a beep are faded over so many samples.
const EDGE: usize = RATE as usize / 200;

/// A note struck at `at` seconds into the pattern that dies away.
struct Note {
    at: f32,
    hertz: f32,
    /// Seconds to fall to a third.
    decay: f32,
    /// Seconds to rise.
    attack: f32,
    level: f32,
    /// Loudness of the partials, the first of them the note itself at 1.
    partials: &'static [(f32, f32)],
}

/// Ding, dong: a bright struck bar, e′′ and c′′.
const CHIME: &[Note] = &[
    Note { at: 0.0, hertz: 659.3, decay: 0.45, attack: 0.004, level: 0.42, partials: BAR },
    Note { at: 0.6, hertz: 523.3, decay: 0.60, attack: 0.004, level: 0.42, partials: BAR },
];
const BAR: &[(f32, f32)] = &[(1.0, 1.0), (2.0, 0.25), (3.0, 0.12)];

/// Two low notes that swell.
const SOFT: &[Note] = &[
    Note { at: 0.0, hertz: 392.0, decay: 0.7, attack: 0.25, level: 0.45, partials: PURE },
    Note { at: 1.0, hertz: 493.9, decay: 0.7, attack: 0.25, level: 0.45, partials: PURE },
];
const PURE: &[(f32, f32)] = &[(1.0, 1.0), (2.0, 0.1)];

/// Seconds after which a ring tone begins again.
fn period(tone: Tone, ringtone: Ringtone) -> f32 {
    match (tone, ringtone) {
        (Tone::Ring, Ringtone::Chime) => 3.0,
        (Tone::Ring, Ringtone::Bell | Ringtone::Soft) => 4.0,
        (Tone::Ringback, _) => 5.0,
        (Tone::Busy, _) => 1.0,
    }
}

/// Sounds one [`Tone`] for as long as it is asked.
pub(super) struct TonePlayer {
    tone: Tone,
    ringtone: Ringtone,
    at: usize,
}

impl TonePlayer {
    pub(super) fn new(tone: Tone, ringtone: Ringtone) -> Self {
        Self { tone, ringtone, at: 0 }
    }

    pub(super) fn tone(&self) -> Tone {
        self.tone
    }

    /// The next 10 ms.
    pub(super) fn fill(&mut self, frame: &mut [f32; FRAME]) {
        let length = (period(self.tone, self.ringtone) * RATE as f32) as usize;
        for sample in frame.iter_mut() {
            *sample = self.sample(self.at);
            self.at = (self.at + 1) % length;
        }
    }

    fn sample(&self, at: usize) -> f32 {
        match (self.tone, self.ringtone) {
            (Tone::Ringback, _) => beep(at, RATE as usize, &[425.0], PROGRESS_LEVEL),
            (Tone::Busy, _) => beep(at, RATE as usize / 2, &[425.0], PROGRESS_LEVEL),
            (Tone::Ring, Ringtone::Chime) => notes(CHIME, at),
            (Tone::Ring, Ringtone::Soft) => notes(SOFT, at),
            (Tone::Ring, Ringtone::Bell) => bell(at),
        }
    }
}

/// One press of a key: the two tones of ITU-T Q.23.
pub(super) struct KeyPlayer {
    tones: [f32; 2],
    at: usize,
}

impl KeyPlayer {
    /// `None` for what is no key.
    pub(super) fn new(key: char) -> Option<Self> {
        let (row, column) = match key.to_ascii_uppercase() {
            '1' => (697.0, 1_209.0),
            '2' => (697.0, 1_336.0),
            '3' => (697.0, 1_477.0),
            'A' => (697.0, 1_633.0),
            '4' => (770.0, 1_209.0),
            '5' => (770.0, 1_336.0),
            '6' => (770.0, 1_477.0),
            'B' => (770.0, 1_633.0),
            '7' => (852.0, 1_209.0),
            '8' => (852.0, 1_336.0),
            '9' => (852.0, 1_477.0),
            'C' => (852.0, 1_633.0),
            '*' | '✳' => (941.0, 1_209.0),
            '0' => (941.0, 1_336.0),
            '#' => (941.0, 1_477.0),
            'D' => (941.0, 1_633.0),
            _ => return None,
        };
        Some(Self { tones: [row, column], at: 0 })
    }

    /// The next 10 ms; false when it was the last.
    pub(super) fn fill(&mut self, frame: &mut [f32; FRAME]) -> bool {
        for sample in frame.iter_mut() {
            *sample = beep(self.at, KEY_LENGTH, &self.tones, KEY_LEVEL);
            self.at += 1;
        }
        self.at < KEY_LENGTH
    }
}

/// Sines of equal loudness from the beginning to `length`, with soft edges.
fn beep(at: usize, length: usize, tones: &[f32], level: f32) -> f32 {
    if at >= length {
        return 0.0;
    }
    let edge = at.min(length - at).min(EDGE) as f32 / EDGE as f32;
    tones.iter().map(|hertz| sine(*hertz, at)).sum::<f32>() * level * edge
}

fn notes(notes: &[Note], at: usize) -> f32 {
    notes
        .iter()
        .map(|note| {
            let start = (note.at * RATE as f32) as usize;
            let Some(since) = at.checked_sub(start) else {
                return 0.0;
            };
            let seconds = since as f32 / RATE as f32;
            let attack = (seconds / note.attack).min(1.0);
            let loudness = note.level * attack * (-seconds / note.decay).exp();
            if loudness < 1e-4 {
                return 0.0;
            }
            let partials: f32 =
                note.partials.iter().map(|(times, share)| sine(note.hertz * times, since) * share).sum();
            partials * loudness
        })
        .sum()
}

/// Two seconds of warble between two tones, twenty times a second.
fn bell(at: usize) -> f32 {
    let length = RATE as usize * 2;
    let warble = 0.5 + 0.5 * sine(20.0, at);
    let tones = sine(784.0, at) * warble + sine(988.0, at) * (1.0 - warble);
    if at >= length {
        return 0.0;
    }
    let edge = at.min(length - at).min(EDGE) as f32 / EDGE as f32;
    tones * 0.4 * edge
}

fn sine(hertz: f32, at: usize) -> f32 {
    let turns = f64::from(hertz) * at as f64 / f64::from(RATE);
    (turns.fract() as f32 * TAU).sin()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::audio::tests::level;

    fn seconds(tone: Tone, ringtone: Ringtone, seconds: usize) -> Vec<f32> {
        let mut player = TonePlayer::new(tone, ringtone);
        let mut sound = Vec::new();
        let mut frame = [0.0; FRAME];
        for _ in 0..seconds * 100 {
            player.fill(&mut frame);
            sound.extend_from_slice(&frame);
        }
        sound
    }

    fn rms(sound: &[f32]) -> f32 {
        (sound.iter().map(|s| s * s).sum::<f32>() / sound.len() as f32).sqrt()
    }

    #[test]
    fn ringback_and_busy_have_their_cadence() {
        let second = RATE as usize;
        let ringback = seconds(Tone::Ringback, Ringtone::Chime, 6);
        assert!(level(&ringback[..second], RATE, 425.0) > 0.18);
        assert!(rms(&ringback[second..5 * second]) < 1e-6);
        assert!(rms(&ringback[5 * second..]) > 0.1);
        let busy = seconds(Tone::Busy, Ringtone::Chime, 2);
        assert!(rms(&busy[..second / 2]) > 0.1 && rms(&busy[second / 2..second]) < 1e-6);
        assert!(rms(&busy[second..second * 3 / 2]) > 0.1);
    }

    #[test]
    fn the_chime_is_two_tones_one_after_the_other() {
        let chime = seconds(Tone::Ring, Ringtone::Chime, 3);
        let ding = &chime[4_800..24_000];
        let dong = &chime[48_000..72_000];
        assert!(level(ding, RATE, 659.3) > 5.0 * level(ding, RATE, 523.3));
        assert!(level(dong, RATE, 523.3) > 2.0 * level(dong, RATE, 659.3));
    }

    #[test]
    fn no_ring_tone_clips_or_is_faint() {
        for ringtone in Ringtone::ALL {
            let sound = seconds(Tone::Ring, ringtone, 8);
            let peak = sound.iter().fold(0.0f32, |peak, s| peak.max(s.abs()));
            assert!((0.3..1.0).contains(&peak), "{ringtone:?}: {peak}");
        }
    }

    #[test]
    fn every_key_has_its_two_tones() {
        for (key, row, column) in [('1', 697.0, 1_209.0), ('✳', 941.0, 1_209.0), ('d', 941.0, 1_633.0)] {
            let mut player = KeyPlayer::new(key).expect("a key");
            let mut sound = Vec::new();
            let mut frame = [0.0; FRAME];
            while player.fill(&mut frame) {
                sound.extend_from_slice(&frame);
            }
            assert!(level(&sound, RATE, row) > 0.1 && level(&sound, RATE, column) > 0.1);
            assert!(level(&sound, RATE, 1_000.0) < 0.02);
        }
        assert!(KeyPlayer::new('x').is_none());
    }
}
