//! How long packets are under way, and so how long the buffer must wait for them.
//!
//! The transit of a packet is its arrival less its timestamp. Clocks have no common zero, so only differences count: the
//! fastest packet of the last few seconds is the base, and every other is late by so much. The base follows the drift
//! of the sender's clock because old packets leave the window.

/// Packets that are remembered: 5 s of 20 ms.
const WINDOW: usize = 256;
/// Of 256 packets the two slowest may miss their turn: a single hiccup costs one packet, not seconds of delay.
const OUTLIERS: usize = 2;

/// Remembers transits and answers what the delay should be. All times in µs.
pub(super) struct DelayEstimate {
    transits: [i64; WINDOW],
    scratch: [i64; WINDOW],
    count: usize,
    at: usize,
    base: i64,
    spread: i64,
}

impl DelayEstimate {
    pub(super) fn new() -> Self {
        Self { transits: [0; WINDOW], scratch: [0; WINDOW], count: 0, at: 0, base: 0, spread: 0 }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.count = 0;
        self.at = 0;
        self.base = 0;
        self.spread = 0;
    }

    /// Takes in one packet's transit.
    pub(super) fn observe(&mut self, transit: i64) {
        self.transits[self.at] = transit;
        self.at = (self.at + 1) % WINDOW;
        self.count = (self.count + 1).min(WINDOW);
        let seen = &mut self.scratch[..self.count];
        seen.copy_from_slice(&self.transits[..self.count]);
        let outliers = self.count * OUTLIERS / WINDOW;
        let (faster, slow, _) = seen.select_nth_unstable(self.count - 1 - outliers);
        let slow = *slow;
        self.base = faster.iter().copied().min().unwrap_or(slow).min(slow);
        self.spread = slow - self.base;
    }

    /// Packets remembered.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Transit of the fastest packet; `None` before the first.
    pub(super) fn base(&self) -> Option<i64> {
        (self.count > 0).then_some(self.base)
    }

    /// How much later than the fastest the slowest packets came, but for the outliers.
    pub(super) fn spread(&self) -> i64 {
        self.spread
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_and_spread_follow_the_window() {
        let mut delay = DelayEstimate::new();
        assert_eq!(delay.base(), None);
        for i in 0..300 {
            delay.observe(5_000 + (i % 5) * 1_000);
        }
        assert_eq!((delay.base(), delay.spread()), (Some(5_000), 4_000));
        for _ in 0..256 {
            delay.observe(80_000);
        }
        assert_eq!((delay.base(), delay.spread()), (Some(80_000), 0));
    }

    #[test]
    fn one_hiccup_in_five_seconds_is_passed_over() {
        let mut delay = DelayEstimate::new();
        for _ in 0..256 {
            delay.observe(1_000);
        }
        delay.observe(200_000);
        assert_eq!(delay.spread(), 0);
        for _ in 0..3 {
            delay.observe(200_000);
        }
        assert_eq!(delay.spread(), 199_000);
    }
}
