//! Decoded sound in order: what has been played lately, what is waiting, and where on the stream's clock it ends.

/// Played sound that is kept for finding the pitch, in ms.
const HISTORY_MS: usize = 60;

/// A stretch of samples that grows at the end and is played from the head.
pub(super) struct Timeline {
    sound: Vec<i16>,
    head: usize,
    end: i64,
    history: usize,
}

impl Timeline {
    pub(super) fn new(rate: u32) -> Self {
        let history = rate as usize * HISTORY_MS / 1_000;
        Self {
            // Room for half a second waiting beside the history, so that a steady stream never allocates.
            sound: Vec::with_capacity(history * 2 + rate as usize / 2),
            head: 0,
            end: 0,
            history,
        }
    }

    /// Position on the stream's clock just after the last sample.
    pub(super) fn end(&self) -> i64 {
        self.end
    }

    /// Position of the sample that is played next.
    pub(super) fn next(&self) -> i64 {
        self.end - self.waiting() as i64
    }

    /// Samples that wait to be played.
    pub(super) fn waiting(&self) -> usize {
        self.sound.len() - self.head
    }

    /// Says where on the stream's clock the end is, without touching the sound.
    pub(super) fn place_end(&mut self, end: i64) {
        self.end = end;
    }

    /// Adds sound that takes its time on the stream's clock.
    pub(super) fn append(&mut self, sound: &[i16]) {
        self.end += sound.len() as i64;
        self.insert(sound);
    }

    /// Adds sound that the stream's clock knows nothing of: everything after it plays later.
    pub(super) fn insert(&mut self, sound: &[i16]) {
        self.sound.extend_from_slice(sound);
    }

    /// Adds silence that takes its time on the stream's clock.
    pub(super) fn append_silence(&mut self, samples: usize) {
        self.sound.resize(self.sound.len() + samples, 0);
        self.end += samples as i64;
    }

    /// All sound that is kept, and where in it the head is.
    pub(super) fn parts(&self) -> (&[i16], usize) {
        (&self.sound, self.head)
    }

    /// Replaces the waiting samples from `at` (counted from the head) to `at + len` by `by`.
    pub(super) fn replace(&mut self, at: usize, len: usize, by: &[i16]) {
        let from = self.head + at;
        self.sound.splice(from..from + len, by.iter().copied());
    }

    /// Plays as much as there is into `out`; says how much that was.
    pub(super) fn take(&mut self, out: &mut [i16]) -> usize {
        let len = out.len().min(self.waiting());
        out[..len].copy_from_slice(&self.sound[self.head..self.head + len]);
        self.head += len;
        if self.head > self.history * 2 {
            self.sound.drain(..self.head - self.history);
            self.head = self.history;
        }
        len
    }

    /// Throws away what waits and is at most `samples`; its time on the stream's clock has passed.
    pub(super) fn skip(&mut self, samples: usize) {
        self.head += samples.min(self.waiting());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_and_end_keep_to_the_clock_of_the_stream() {
        let mut line = Timeline::new(8_000);
        line.place_end(1_000);
        line.append(&[1; 160]);
        assert_eq!((line.next(), line.end()), (1_000, 1_160));
        line.insert(&[2; 40]);
        assert_eq!((line.next(), line.end()), (960, 1_160), "what was inserted delays the rest");
        line.replace(0, 100, &[3; 60]);
        assert_eq!((line.next(), line.waiting()), (1_000, 160));
        let mut out = [0; 80];
        assert_eq!(line.take(&mut out), 80);
        assert_eq!(line.next(), 1_080);
        line.skip(1_000);
        assert_eq!(line.next(), line.end());
    }

    #[test]
    fn a_long_stream_needs_no_more_memory() {
        let mut line = Timeline::new(8_000);
        let room = line.sound.capacity();
        let mut out = [0; 80];
        for _ in 0..10_000 {
            line.append(&[7; 80]);
            assert_eq!(line.take(&mut out), 80);
        }
        assert_eq!(line.sound.capacity(), room);
        let (kept, head) = line.parts();
        assert!(head >= 480 && kept.len() < 2_000);
    }
}
