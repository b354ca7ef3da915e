//! When a registration that failed is tried again: soon, but never by all panels at once (RFC 5626 4.5, RFC 3261 21.5.4).

use std::time::Duration;

use rand::RngExt;

/// The first wait after a refusal that a person must put right.
const FIRST_REPAIR: Duration = Duration::from_secs(60);
/// The longest one.
const LONGEST_REPAIR: Duration = Duration::from_secs(600);
/// The longest time that a registrar is left alone because it asks for that: nobody wants a panel that misses the calls of
/// days because a server that was restarted had asked for much.
const LONGEST_REST: Duration = Duration::from_secs(600);

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

/// When it is a panel's turn to knock at a registrar of many panels: a moment of each window, the same in all of them, in
/// parts of 2^32.
///
/// It follows from the number in which a name ends, as the numbers of flats do: its multiple of the golden ratio, which
/// spreads any run of numbers evenly, so that the registrar meets the same few panels in each second. Dice would have it
/// meet twice as many in its busiest second. Names without a number get a moment by their letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn(u32);

/// 2^32 divided by the golden ratio.
const GOLDEN: u32 = 0x9E37_79B9;

impl Turn {
    /// The turn of whoever has this name.
    pub fn of(name: &str) -> Self {
        let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let number = name[name.len() - digits.min(9)..].parse().unwrap_or_else(|_| {
            name.bytes().fold(0, |sum: u32, byte| (sum.rotate_left(5) ^ u32::from(byte)).wrapping_mul(GOLDEN))
        });
        Turn(GOLDEN.wrapping_mul(number))
    }

    /// How long until it comes. All clocks count the windows from 1970.
    fn comes_after(self, window: Duration, since_1970: Duration) -> Duration {
        let window = window.as_nanos().max(1);
        let gone = since_1970.as_nanos() % window;
        let turn = (window * u128::from(self.0)) >> 32;
        let wait = if turn > gone { turn - gone } else { turn + window - gone };
        Duration::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX))
    }
}

/// Says how long to wait before the next try.
///
/// The first wait after something that worked is drawn from the whole window, so that panels that lost their registrar in
/// the same moment spread over it; those after are drawn from its last tenth, which keeps them spread, and a registrar that
/// is back is noticed within the window. Where there are many panels they take turns instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    window: Duration,
    turn: Option<Turn>,
    /// How many tries have failed in a row, by kind.
    passing: u32,
    lasting: u32,
}

impl Retry {
    /// Tries again within each `window`.
    pub fn new(window: Duration) -> Self {
        Retry { window, turn: None, passing: 0, lasting: 0 }
    }

    /// Tries again in each `window` when it is this one's turn.
    pub fn by_turns(window: Duration, turn: Turn) -> Self {
        Retry { turn: Some(turn), ..Retry::new(window) }
    }

    /// Whether the waits are counted from now, and not from the last try.
    pub fn takes_turns(&self) -> bool {
        self.turn.is_some()
    }

    /// Something worked, or was changed by a person: the next failure is a first one.
    pub fn reset(&mut self) {
        (self.passing, self.lasting) = (0, 0);
    }

    /// A try failed, so long after 1970: how long to wait. Never shorter than the registrar asks for, which is heard up to
    /// [`LONGEST_REST`]; how much longer is drawn from the window, or follows from the turn.
    pub fn next(
        &mut self,
        random: &mut impl RngExt,
        since_1970: Duration,
        obstacle: Obstacle,
        retry_after: Option<Duration>,
    ) -> Duration {
        let retry_after = retry_after.map(|asked| asked.min(LONGEST_REST));
        let wait = match (obstacle, self.turn) {
            (Obstacle::Passing, Some(turn)) => {
                self.lasting = 0;
                let asked = retry_after.unwrap_or_default();
                return asked.saturating_add(turn.comes_after(self.window, since_1970.saturating_add(asked)));
            }
            (Obstacle::Passing, None) => {
                self.lasting = 0;
                self.passing = self.passing.saturating_add(1);
                let least = if self.passing == 1 { 0.0 } else { 0.9 };
                self.window.mul_f64(random.random_range(least..=1.0))
            }
            (Obstacle::Lasting, _) => {
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
            (0..first).map(|_| retry.next(&mut random, Duration::ZERO, obstacle, retry_after).as_secs_f64()).collect()
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
    fn those_who_take_turns_are_evenly_spread_whatever_their_numbers() {
        for (first, prefix) in [(1, ""), (101, "flat-"), (49_711_000, "+")] {
            let mut turns: Vec<Duration> = (first..first + 1000)
                .map(|number| {
                    Turn::of(&format!("{prefix}{number}")).comes_after(Duration::from_secs(60), Duration::ZERO)
                })
                .collect();
            turns.sort_unstable();
            // 16 or 17 would be exactly even.
            for second in 0..60 {
                let there = turns.iter().filter(|turn| turn.as_secs() == second).count();
                assert!((15..=18).contains(&there), "{there} in second {second} from {prefix}{first}");
            }
        }
        assert_ne!(Turn::of("anna"), Turn::of("bert"));
        assert_eq!(Turn::of("1").comes_after(Duration::ZERO, Duration::from_secs(9)), Duration::from_nanos(1));
    }

    #[test]
    fn a_turn_comes_at_the_same_moment_of_each_window_and_after_the_time_that_was_asked_for() {
        let (mut random, window) = (StdRng::seed_from_u64(1), Duration::from_secs(60));
        let mut retry = Retry::by_turns(window, Turn(1 << 31));
        let secs = Duration::from_secs;
        for (at, asked, wait) in [(0, None, 30), (29, None, 1), (30, None, 60), (31, None, 59), (89, Some(2), 61)] {
            let waits = retry.next(&mut random, secs(600 + at), Obstacle::Passing, asked.map(secs));
            assert_eq!(waits, secs(wait), "{at} {asked:?}");
        }
        assert!(retry.next(&mut random, secs(600), Obstacle::Lasting, None) <= FIRST_REPAIR);
    }

    #[test]
    fn nobody_comes_before_the_registrar_wants_him_and_not_all_at_once_after() {
        let waits = waits(Obstacle::Passing, Some(Duration::from_secs(120)), 2);
        assert!(waits.iter().all(|wait| (120.0..=150.0).contains(wait)));
        assert!(busiest(&waits) < 60, "{}", busiest(&waits));
    }

    #[test]
    fn a_registrar_is_left_alone_for_ten_minutes_at_most() {
        for asked in [601, 3_600, 4_000_000_000] {
            let asked = Some(Duration::from_secs(asked));
            let waits = waits(Obstacle::Passing, asked, 1);
            assert!(waits.iter().all(|wait| (600.0..=630.0).contains(wait)), "{asked:?}");
            let mut retry = Retry::by_turns(WINDOW, Turn(1 << 31));
            let wait = retry.next(&mut StdRng::seed_from_u64(1), Duration::ZERO, Obstacle::Passing, asked);
            assert_eq!(wait, Duration::from_secs(615), "{asked:?}");
        }
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
            retry.next(&mut random, Duration::ZERO, Obstacle::Lasting, None);
        }
        assert!(retry.next(&mut random, Duration::ZERO, Obstacle::Lasting, None) > Duration::from_secs(240));
        retry.reset();
        assert!(retry.next(&mut random, Duration::ZERO, Obstacle::Lasting, None) <= FIRST_REPAIR);
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
