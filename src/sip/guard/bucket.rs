//! A token bucket that is one moment in time: when it will be full again.

use std::time::{Duration, Instant};

/// How fast a bucket fills and how much it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// One token comes in this time.
    pub every: Duration,
    /// So many tokens are in a full bucket.
    pub burst: u32,
}

impl Rate {
    /// `count` tokens a second, `burst` at most at once. `count` is at least 1.
    pub const fn per_second(count: u64, burst: u32) -> Self {
        Rate { every: Duration::from_micros(1_000_000 / count), burst }
    }

    /// One token in so many seconds, `burst` at most at once.
    pub const fn one_in(seconds: u64, burst: u32) -> Self {
        Rate { every: Duration::from_secs(seconds), burst }
    }
}

/// The tokens of one source, or of all. Its rate is given with each question, so that a bucket is 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    full_at: Instant,
}

impl Bucket {
    /// A full one.
    pub fn full(now: Instant) -> Self {
        Bucket { full_at: now }
    }

    /// True when a token is there.
    pub fn has_token(&self, now: Instant, rate: Rate) -> bool {
        self.missing(now) + rate.every <= rate.every * rate.burst
    }

    /// Takes a token, whether it is there or not; never owes more than the bucket holds.
    pub fn take(&mut self, now: Instant, rate: Rate) {
        let missing = (self.missing(now) + rate.every).min(rate.every * rate.burst);
        self.full_at = now + missing;
    }

    /// How many tokens have been taken and not come back, a part of one counted as one.
    pub fn taken(&self, now: Instant, rate: Rate) -> u32 {
        let count = self.missing(now).as_nanos().div_ceil(rate.every.as_nanos().max(1));
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// True when it is full.
    pub fn is_full(&self, now: Instant) -> bool {
        self.full_at <= now
    }

    fn missing(&self, now: Instant) -> Duration {
        self.full_at.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_the_rate() {
        let start = Instant::now();
        let rate = Rate::per_second(10, 5);
        let mut bucket = Bucket::full(start);
        let mut passed = 0;
        for step in 0..1000 {
            let now = start + Duration::from_millis(step * 10);
            if bucket.has_token(now, rate) {
                bucket.take(now, rate);
                passed += 1;
            }
        }
        // 5 at once and 10 a second for 9.99 s.
        assert_eq!(passed, 5 + 99);
        assert!(!bucket.is_full(start + Duration::from_secs(10)));
        assert!(bucket.is_full(start + Duration::from_secs(11)));
    }

    #[test]
    fn what_is_owed_is_bounded() {
        let now = Instant::now();
        let rate = Rate::one_in(5, 3);
        let mut bucket = Bucket::full(now);
        assert_eq!(bucket.taken(now, rate), 0);
        for expected in [1, 2, 3, 3, 3] {
            bucket.take(now, rate);
            assert_eq!(bucket.taken(now, rate), expected);
        }
        assert_eq!(bucket.taken(now + Duration::from_secs(6), rate), 2);
        assert_eq!(bucket.taken(now + Duration::from_secs(15), rate), 0);
    }
}
