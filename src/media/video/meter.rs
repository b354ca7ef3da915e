//! Counts pictures: how many, how many a second, how large.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::VideoStats;

/// The span over which the rate is taken.
const SPAN: Duration = Duration::from_secs(2);

/// The statistics of one receiver.
#[derive(Debug, Default)]
pub struct Meter {
    /// What is counted elsewhere too.
    pub stats: VideoStats,
    recent: VecDeque<Instant>,
}

impl Meter {
    /// A picture came.
    pub fn picture(&mut self, now: Instant, width: u32, height: u32) {
        self.stats.frames += 1;
        (self.stats.width, self.stats.height) = (width, height);
        self.recent.push_back(now);
        self.forget(now);
    }

    /// The statistics as of now.
    pub fn stats(&mut self, now: Instant) -> VideoStats {
        self.forget(now);
        self.stats.fps = match (self.recent.front(), self.recent.back()) {
            (Some(first), Some(last)) if last > first => {
                // Measured between pictures, so that the start does not read low; up to now once they stay away.
                let gap = (*last - *first) / (self.recent.len() as u32 - 1);
                let until = if now.saturating_duration_since(*last) > gap * 4 { now } else { *last };
                (self.recent.len() - 1) as f32 / (until - *first).as_secs_f32()
            }
            _ => 0.0,
        };
        self.stats.clone()
    }

    fn forget(&mut self, now: Instant) {
        while self.recent.front().is_some_and(|at| now.saturating_duration_since(*at) > SPAN) {
            self.recent.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_two_seconds() {
        let (mut meter, start) = (Meter::default(), Instant::now());
        let at = |ms: u64| start + Duration::from_millis(ms);
        for frame in 0..100 {
            meter.picture(at(frame * 40), 640, 480);
        }
        let stats = meter.stats(at(3970));
        assert!((stats.fps - 25.0).abs() < 0.1, "{}", stats.fps);
        assert_eq!((stats.frames, stats.width, stats.height), (100, 640, 480));
        assert!(meter.stats(at(5000)).fps < 15.0, "pictures stay away");
        assert_eq!(meter.stats(at(9000)).fps, 0.0);
    }
}
