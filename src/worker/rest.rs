//! What a panel does when it rests: it lets go of the code that only its start or a call needed.
//!
//! Most of the memory of a program this large is code, and most of that is wanted seldom. When nothing goes on it is given back to the
//! system, which keeps it as long as there is room and has it first when there is none; what is wanted again is there again at
//! the first touch. Else a panel would hold on for months to what it needed for one second.

use std::time::{Duration, Instant, SystemTime};

/// After it is known which pictures can be shown; then their plug-ins are loaded.
const AFTER_START: Duration = Duration::from_secs(3);
/// After the full minute: the screen has drawn its clock by then.
const AFTER_MINUTE: Duration = Duration::from_millis(1500);
const MINUTE: Duration = Duration::from_secs(60);

/// When to let go.
#[derive(Debug, Default)]
pub struct Rest {
    due: Option<Instant>,
}

impl Rest {
    /// The start is over.
    pub fn begin(&mut self, now: Instant) {
        self.due = Some(now + AFTER_START);
    }

    /// Whether to let go now, unless something goes on.
    pub fn handle_timeout(&mut self, now: Instant, wall: SystemTime) -> bool {
        let is_due = self.due.is_some_and(|at| at <= now);
        if is_due {
            self.due = Some(now + until_next(wall));
        }
        is_due
    }

    /// When to ask next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }
}

/// Until the next full minute and a little more.
fn until_next(wall: SystemTime) -> Duration {
    let into = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis() % MINUTE.as_millis();
    let into = Duration::from_millis(u64::try_from(into).unwrap_or_default());
    if into < AFTER_MINUTE { AFTER_MINUTE - into } else { MINUTE + AFTER_MINUTE - into }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rests_after_the_start_and_behind_each_minute() {
        let (mut rest, start) = (Rest::default(), Instant::now());
        assert_eq!(rest.poll_timeout(), None);
        assert!(!rest.handle_timeout(start, SystemTime::UNIX_EPOCH));
        rest.begin(start);
        assert!(!rest.handle_timeout(start + Duration::from_secs(2), SystemTime::UNIX_EPOCH));
        let at = |seconds: f64| {
            (start + Duration::from_secs_f64(seconds), SystemTime::UNIX_EPOCH + Duration::from_secs_f64(seconds))
        };
        for (seconds, next) in [(3.0, 61.5), (61.5, 121.5), (121.75, 181.5), (181.5, 241.5)] {
            let (now, wall) = at(seconds);
            assert!(rest.handle_timeout(now, wall), "{seconds}");
            assert_eq!(rest.poll_timeout(), Some(at(next).0), "{seconds}");
            assert!(!rest.handle_timeout(now, wall), "once");
        }
    }

    #[test]
    fn a_clock_that_was_put_back_does_no_harm() {
        assert_eq!(until_next(SystemTime::UNIX_EPOCH - Duration::from_secs(5)), AFTER_MINUTE);
    }
}
