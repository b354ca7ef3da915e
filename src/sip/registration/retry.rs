//! When a registration that failed is tried again: soon, but never by all panels at once (RFC 5626 4.5, RFC 3261 21.5.4).

use std::time::Duration;

use rand::RngExt;

/// The first wait after a refusal that a person must put right.
const FIRST_REPAIR: Duration = Duration::from_secs(60);
/// The longest one.
const LONGEST_REPAIR: Duration = Duration::from_secs(600);

/// Why a try failed, as far as the next one is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// Nobody is there, or not for now: it passes by itself.
    Passing,
    /// A person must put it right: a wrong password, an unknown name.
    Lasting,
}

impl Obstacle {
    /// What a refusal with this status is.
    pub fn of_status(status: u16) -> Self {
        match status {
            // Not known to this registrar, not spoken there, or not ever.
            501 | 505 | 600.. => Obstacle::Lasting,
            408 | 429 | 430 | 439 | 480 | 482 | 491 | 500.. => Obstacle::Passing,
            400.. => Obstacle::Lasting,
            _ => Obstacle::Passing,
        }
    }
}

/// Says how long to wait before the next try.
///
/// The first wait after something that worked is drawn from the whole window, so that a thousand panels that lost their
/// registrar in the same moment spread evenly over it; those after are drawn from its last tenth, which keeps them spread,
/// and a registrar that is back is noticed within the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    window: Duration,
    /// How many tries have failed in a row, by kind.
    passing: u32,
    lasting: u32,
}

impl Retry {
    /// Tries again within each `window`.
    pub fn new(window: Duration) -> Self {
        Retry { window, passing: 0, lasting: 0 }
    }

    /// Something worked, or was changed by a person: the next failure is a first one.
    pub fn reset(&mut self) {
        *self = Retry::new(self.window);
    }

    /// A try failed: how long to wait. Never shorter than the registrar asks for; how much longer is drawn from the window.
    pub fn next(&mut self, random: &mut impl RngExt, obstacle: Obstacle, retry_after: Option<Duration>) -> Duration {
        let wait = match obstacle {
            Obstacle::Passing => {
                self.lasting = 0;
                self.passing = self.passing.saturating_add(1);
                let least = if self.passing == 1 { 0.0 } else { 0.9 };
                self.window.mul_f64(random.random_range(least..=1.0))
            }
            Obstacle::Lasting => {
                self.passing = 0;
                let doubled = FIRST_REPAIR * 2_u32.pow(self.lasting.min(8));
                self.lasting = self.lasting.saturating_add(1);
                doubled.min(LONGEST_REPAIR).mul_f64(random.random_range(0.5..=1.0))
            }
        };
        match retry_after {
            Some(asked) if asked > wait => asked + self.window.mul_f64(random.random_range(0.0..=1.0)),
            _ => wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    const WINDOW: Duration = Duration::from_secs(30);

    /// The first waits of a thousand panels, each with dice of its own, in seconds.
    fn all_waits(obstacle: Obstacle, retry_after: Option<Duration>, first: usize) -> Vec<Vec<f64>> {
        let waits = |seed| {
            let (mut random, mut retry) = (StdRng::seed_from_u64(seed), Retry::new(WINDOW));
            (0..first).map(|_| retry.next(&mut random, obstacle, retry_after).as_secs_f64()).collect()
        };
        (0..1000).map(waits).collect()
    }

    fn waits(obstacle: Obstacle, retry_after: Option<Duration>, nth: usize) -> Vec<f64> {
        all_waits(obstacle, retry_after, nth).iter().map(|waits| waits[nth - 1]).collect()
    }

    /// How many of a thousand fall into each second.
    fn busiest(waits: &[f64]) -> usize {
        let in_second = |second: u32| waits.iter().filter(|wait| wait.floor() == f64::from(second)).count();
        (0..1200).map(in_second).max().unwrap_or_default()
    }

    #[test]
    fn a_thousand_panels_spread_over_the_whole_window() {
        let first = waits(Obstacle::Passing, None, 1);
        assert!(first.iter().all(|wait| (0.0..=30.0).contains(wait)));
        // 33 would be exactly even.
        assert!(busiest(&first) < 60, "{}", busiest(&first));
        let third = waits(Obstacle::Passing, None, 3);
        assert!(third.iter().all(|wait| (27.0..=30.0).contains(wait)));
        // They stay spread: how many tries there are in each second of the first minutes, where 36 would be even.
        let running = |waits: &Vec<f64>| {
            let mut at = 0.0;
            let sums = waits.iter().map(|wait| {
                at += wait;
                at
            });
            sums.collect::<Vec<f64>>()
        };
        let moments: Vec<f64> = all_waits(Obstacle::Passing, None, 9).iter().flat_map(running).collect();
        assert!(busiest(&moments) < 80, "{}", busiest(&moments));
    }

    #[test]
    fn nobody_comes_before_the_registrar_wants_him_and_not_all_at_once_after() {
        let waits = waits(Obstacle::Passing, Some(Duration::from_secs(120)), 2);
        assert!(waits.iter().all(|wait| (120.0..=150.0).contains(wait)));
        assert!(busiest(&waits) < 60, "{}", busiest(&waits));
    }

    #[test]
    fn what_a_person_must_repair_waits_for_minutes_and_at_most_ten() {
        for (nth, longest) in [(1, 60.0), (2, 120.0), (3, 240.0), (4, 480.0), (5, 600.0), (60, 600.0)] {
            let waits = waits(Obstacle::Lasting, None, nth);
            assert!(waits.iter().all(|wait| (longest / 2.0..=longest).contains(wait)), "{nth}");
        }
    }

    #[test]
    fn what_worked_makes_the_next_failure_a_first_one() {
        let (mut random, mut retry) = (StdRng::seed_from_u64(1), Retry::new(WINDOW));
        for _ in 0..9 {
            retry.next(&mut random, Obstacle::Lasting, None);
        }
        assert!(retry.next(&mut random, Obstacle::Lasting, None) > Duration::from_secs(240));
        retry.reset();
        assert!(retry.next(&mut random, Obstacle::Lasting, None) <= FIRST_REPAIR);
    }

    #[test]
    fn the_kinds_of_refusals() {
        for status in [400, 401, 403, 404, 407, 410, 416, 423, 501, 505, 600, 604] {
            assert_eq!(Obstacle::of_status(status), Obstacle::Lasting, "{status}");
        }
        for status in [302, 408, 430, 480, 500, 503, 504, 599] {
            assert_eq!(Obstacle::of_status(status), Obstacle::Passing, "{status}");
        }
    }
}
