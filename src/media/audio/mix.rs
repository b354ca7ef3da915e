//! Loudness: from a setting to a factor, and from one factor to another without a click.

/// Factor of a volume of 0–100. Square, so that the middle of the slider sounds like the middle.
pub(super) fn gain(volume: u8) -> f32 {
    let share = f32::from(volume.min(100)) / 100.0;
    share * share
}

/// A factor that never jumps: a change takes one frame.
pub(super) struct Ramp {
    now: f32,
    goal: f32,
}

impl Ramp {
    pub(super) fn new(factor: f32) -> Self {
        Self { now: factor, goal: factor }
    }

    /// Goes to this factor within the next frame.
    pub(super) fn set(&mut self, factor: f32) {
        self.goal = factor;
    }

    /// Whether nothing is heard through it, now and in the next frame.
    pub(super) fn silent(&self) -> bool {
        self.now == 0.0 && self.goal == 0.0
    }

    /// Multiplies a frame.
    pub(super) fn apply(&mut self, frame: &mut [f32]) {
        let step = (self.goal - self.now) / frame.len().max(1) as f32;
        for sample in frame.iter_mut() {
            self.now += step;
            *sample *= self.now;
        }
        self.now = self.goal;
    }
}

/// Adds `more` to `frame`.
pub(super) fn add(frame: &mut [f32], more: &[f32]) {
    for (sample, more) in frame.iter_mut().zip(more) {
        *sample += more;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_volume_takes_one_frame_and_has_no_step() {
        let mut ramp = Ramp::new(gain(100));
        ramp.set(gain(0));
        let mut frame = [1.0f32; 480];
        ramp.apply(&mut frame);
        assert!(frame.windows(2).all(|w| (w[0] - w[1]).abs() < 0.01));
        assert!(frame[0] > 0.99 && frame[479] < 0.01);
        assert!(ramp.silent());
        frame = [1.0; 480];
        ramp.apply(&mut frame);
        assert!(frame.iter().all(|s| *s == 0.0));
    }

    #[test]
    fn volume_rises_from_silence_to_unchanged() {
        assert_eq!((gain(0), gain(100), gain(255)), (0.0, 1.0, 1.0));
        assert!(gain(50) < 0.5);
    }
}
