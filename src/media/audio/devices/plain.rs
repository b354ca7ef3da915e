//! Devices without hardware and without files.

use super::super::{FRAME, RATE};
use super::{Sink, Source};

/// Silence in, nowhere out; paced by the engine's clock.
pub(in super::super) struct Null;

impl Source for Null {
    fn ready(&mut self, due: usize) -> usize {
        due
    }

    fn read(&mut self, frame: &mut [f32; FRAME]) {
        frame.fill(0.0);
    }
}

impl Sink for Null {
    fn wants(&mut self, due: usize) -> usize {
        due
    }

    fn write(&mut self, _frame: &[f32; FRAME]) {}
}

/// 50 ms hold 22 whole periods of 440 Hz.
const TONE_TABLE: usize = FRAME * 5;

/// 440 Hz at a quarter of full scale.
pub(super) struct TestTone {
    table: Vec<f32>,
    at: usize,
}

impl TestTone {
    pub(super) fn new() -> Self {
        let sample = |i: usize| {
            let turns = 440.0 * i as f32 / RATE as f32;
            (turns * std::f32::consts::TAU).sin() * 0.25
        };
        Self { table: (0..TONE_TABLE).map(sample).collect(), at: 0 }
    }
}

impl Source for TestTone {
    fn ready(&mut self, due: usize) -> usize {
        due
    }

    fn read(&mut self, frame: &mut [f32; FRAME]) {
        frame.copy_from_slice(&self.table[self.at..self.at + FRAME]);
        self.at = (self.at + FRAME) % TONE_TABLE;
    }
}

/// Frames that the loop keeps at most; a microphone that is not read must not grow old.
const LOOP_FRAMES: usize = 4;

/// What the loudspeaker plays comes back as the microphone.
pub(super) struct Loop {
    frames: [[f32; FRAME]; LOOP_FRAMES],
    first: usize,
    len: usize,
}

impl Loop {
    pub(super) fn new() -> Self {
        Self { frames: [[0.0; FRAME]; LOOP_FRAMES], first: 0, len: 0 }
    }
}

impl Source for Loop {
    fn ready(&mut self, _due: usize) -> usize {
        self.len
    }

    fn read(&mut self, frame: &mut [f32; FRAME]) {
        if self.len == 0 {
            frame.fill(0.0);
            return;
        }
        *frame = self.frames[self.first];
        self.first = (self.first + 1) % LOOP_FRAMES;
        self.len -= 1;
    }

    fn played(&mut self, frame: &[f32; FRAME]) {
        if self.len == LOOP_FRAMES {
            self.first = (self.first + 1) % LOOP_FRAMES;
            self.len -= 1;
        }
        self.frames[(self.first + self.len) % LOOP_FRAMES] = *frame;
        self.len += 1;
    }
}
