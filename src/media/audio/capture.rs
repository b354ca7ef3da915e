//! The place in the chain for an echo canceller.

use super::FRAME;

/// Works on the microphone before it is encoded, knowing what the loudspeaker plays.
///
/// Both methods are called from the audio thread with 10 ms of mono sound at 48 kHz, −1.0 to 1.0. Device clocks differ, so
/// the two need not alternate strictly.
pub trait CaptureProcessor: Send {
    /// What was just written to the loudspeaker's ring: the far-end reference.
    fn played(&mut self, frame: &[f32; FRAME]);

    /// Changes what the microphone heard, in place.
    fn captured(&mut self, frame: &mut [f32; FRAME]);

    /// Forgets what it has learnt: the devices changed or were opened anew.
    fn reset(&mut self) {}
}

/// Leaves the microphone as it is.
pub struct PassThrough;

impl CaptureProcessor for PassThrough {
    fn played(&mut self, _frame: &[f32; FRAME]) {}

    fn captured(&mut self, _frame: &mut [f32; FRAME]) {}
}
