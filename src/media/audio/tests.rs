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
