//! The time at which do not disturb switches itself off.
//!
//! It is a time of the wall clock, kept with the settings, so that it outlives a restart. Clocks are set: whenever the wall
//! clock has reached it, it is over, at a glance every half minute; and if the clock was set back, it is over as soon as as
//! much time has passed as lay before it when it was set, so that an hour is an hour.

use std::time::{Duration, Instant, SystemTime};

use crate::config::{Config, DndMode};
use crate::phone::Now;

/// How long a clock that was set goes unnoticed.
const GLANCE: Duration = Duration::from_secs(30);

/// When it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    at: SystemTime,
    /// At the latest; none when no clock goes that far.
    limit: Option<Instant>,
    /// When the wall clock is looked at again.
    look: Instant,
}

impl Ending {
    /// The end that the settings name, for as long as do not disturb is on.
    pub fn of(config: &Config, now: Now) -> Option<Self> {
        let at = config.dnd_until.filter(|_| config.dnd_mode != DndMode::Off)?;
        let left = at.duration_since(now.wall).unwrap_or_default();
        Some(Self { at, limit: now.instant.checked_add(left), look: now.instant + left.min(GLANCE) })
    }

    /// Whether it is over; if not, when to look again.
    pub fn is_over(&mut self, now: Now) -> bool {
        let left = self.at.duration_since(now.wall).unwrap_or_default();
        if left.is_zero() || self.limit.is_some_and(|limit| limit <= now.instant) {
            return true;
        }
        if self.look <= now.instant {
            self.look = now.instant + left.min(GLANCE);
        }
        false
    }

    /// When to look at the clock.
    pub fn look(&self) -> Instant {
        self.limit.map_or(self.look, |limit| limit.min(self.look))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn hour_from(now: Now) -> Ending {
        let silent = Config::default().set("phone.dnd.mode", "silent").expect("a mode");
        Ending::of(&Config { dnd_until: Some(now.wall + HOUR), ..silent }, now).expect("it has an end")
    }

    fn now() -> Now {
        Now { instant: Instant::now(), wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000) }
    }

    fn later(now: Now, passed: Duration, shown: Duration) -> Now {
        Now { instant: now.instant + passed, wall: now.wall + shown }
    }

    #[test]
    fn what_is_off_or_open_has_no_end() {
        let until = Some(now().wall + HOUR);
        assert_eq!(Ending::of(&Config { dnd_until: until, ..Config::default() }, now()), None);
        let open = Config::default().set("phone.dnd.mode", "reject").expect("a mode");
        assert_eq!(Ending::of(&open, now()), None);
    }

    #[test]
    fn an_hour_is_an_hour_and_the_clock_is_looked_at_now_and_then() {
        let start = now();
        let mut ending = hour_from(start);
        let (mut at, mut looks) = (start, 0);
        while !ending.is_over(at) {
            let passed = ending.look() - start.instant;
            at = later(start, passed, passed);
            looks += 1;
        }
        assert_eq!((at.instant - start.instant, looks), (HOUR, 120));
    }

    #[test]
    fn a_clock_that_is_set_forward_ends_it_and_one_set_back_does_not_keep_it() {
        let start = now();
        let half = HOUR / 2;
        assert!(hour_from(start).is_over(later(start, half, HOUR)), "the clock was set half an hour forward");
        let back = Now { wall: start.wall - HOUR, ..later(start, half, Duration::ZERO) };
        let mut ending = hour_from(start);
        assert!(!ending.is_over(back) && ending.look() <= start.instant + half + GLANCE);
        assert!(ending.is_over(Now { instant: start.instant + HOUR, ..back }));
    }

    #[test]
    fn an_end_that_passed_while_the_panel_was_off_is_due_at_once() {
        let start = now();
        let mut ending = hour_from(Now { wall: start.wall - HOUR * 2, ..start });
        assert!(ending.is_over(start));
        let config = Config::default().set("phone.dnd.mode", "silent").expect("a mode");
        let past = Config { dnd_until: Some(start.wall - HOUR), ..config };
        assert_eq!(Ending::of(&past, start).map(|ending| ending.look()), Some(start.instant));
    }
}
