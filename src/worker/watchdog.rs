//! What systemd is told: that the panel is up, that it is alive, that it leaves.
//!
//! ```text
//!  a page is shown ──▶ is the screen there? ── it answers ──▶ READY=1
//!  every half WATCHDOG_USEC: has it answered since it was asked last? ── yes ──▶ WATCHDOG=1, and it is asked again
//!                                                                      └─ no ──▶ not a word until it does
//!  leaving ──▶ STOPPING=1
//! ```
//! The loop of the worker itself counts the time, so that nothing is said when it hangs; what the screen's loop does is asked
//! of it. The panel is up when its screen has shown a page and its loop has answered; without a screen, when it listens.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use sd_notify::NotifyState;

/// One thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask the screen whether it is there; it answers with [`Pulse::handle_answer`].
    Ask,
    /// Tell systemd that the panel is up.
    Ready,
    /// Tell systemd that it is alive.
    Alive,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The panel is not up yet.
    Starting,
    /// A page was shown, and the screen was asked for the first time.
    Shown,
    /// It is up, and nobody wants to hear more.
    Unwatched,
    /// The screen was asked; the next sign of life is due then.
    Asked { due: Instant },
    /// It has answered.
    Answered { due: Instant },
    /// The sign of life is overdue, for the screen has not answered.
    Overdue,
}

/// The signs of life.
///
/// `handle_*`: something happened; drain [`Pulse::poll_step`] after each. [`Pulse::poll_timeout`] is when
/// [`Pulse::handle_timeout`] is due.
#[derive(Debug)]
pub struct Pulse {
    /// Between two signs of life; `None` where nobody watches.
    interval: Option<Duration>,
    has_screen: bool,
    state: State,
    steps: VecDeque<Step>,
}

impl Pulse {
    /// Of a panel that has just been started. `watched` is how long systemd waits for a sign of life.
    pub fn new(watched: Option<Duration>, has_screen: bool) -> Self {
        let interval = watched.map(|time| time / 2);
        Self { interval, has_screen, state: State::Starting, steps: VecDeque::new() }
    }

    /// The next thing to do.
    pub fn poll_step(&mut self) -> Option<Step> {
        self.steps.pop_front()
    }

    /// When a sign of life is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Asked { due } | State::Answered { due } => Some(due),
            State::Starting | State::Shown | State::Unwatched | State::Overdue => None,
        }
    }

    /// The screen shows a page, or there is none and the panel listens.
    pub fn handle_shown(&mut self, now: Instant) {
        if self.state != State::Starting {
            return;
        }
        self.state = State::Shown;
        if self.has_screen {
            self.steps.push_back(Step::Ask);
        } else {
            self.handle_answer(now);
        }
    }

    /// The screen is there.
    pub fn handle_answer(&mut self, now: Instant) {
        match self.state {
            State::Shown => {
                self.steps.push_back(Step::Ready);
                match self.interval {
                    Some(_) => self.beat(now),
                    None => self.state = State::Unwatched,
                }
            }
            State::Asked { due } => self.state = State::Answered { due },
            State::Overdue => {
                tracing::warn!("the screen answers again");
                self.beat(now);
            }
            State::Starting | State::Unwatched | State::Answered { .. } => {}
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        match self.state {
            State::Answered { due } if due <= now => self.beat(now),
            State::Asked { due } if due <= now && !self.has_screen => self.beat(now),
            State::Asked { due } if due <= now => {
                tracing::error!("the screen does not answer");
                self.state = State::Overdue;
            }
            _ => {}
        }
    }

    fn beat(&mut self, now: Instant) {
        let Some(interval) = self.interval else { return };
        self.steps.push_back(Step::Alive);
        if self.has_screen {
            self.steps.push_back(Step::Ask);
        }
        self.state = State::Asked { due: now + interval };
    }
}

/// How long systemd waits for a sign of life of this process; `None` where it does not, or is not there.
pub fn watched() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|time| !time.is_zero())
}

/// Tells systemd that the panel is up.
pub fn say_ready() {
    say(NotifyState::Ready);
}

/// Tells systemd that the panel is alive.
pub fn say_alive() {
    say(NotifyState::Watchdog);
}

/// Tells systemd that the panel leaves.
pub fn say_stopping() {
    say(NotifyState::Stopping);
}

/// Where nobody listens this does nothing.
fn say(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!("systemd cannot be told: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WATCHED: Duration = Duration::from_secs(10);

    fn steps(pulse: &mut Pulse) -> Vec<Step> {
        std::iter::from_fn(|| pulse.poll_step()).collect()
    }

    /// A panel that is up and has given its first sign of life at `now`.
    fn up(now: Instant) -> Pulse {
        let mut pulse = Pulse::new(Some(WATCHED), true);
        assert_eq!((steps(&mut pulse), pulse.poll_timeout()), (vec![], None));
        pulse.handle_shown(now);
        assert_eq!(steps(&mut pulse), [Step::Ask], "a page alone does not show that the loop runs");
        pulse.handle_answer(now);
        assert_eq!(steps(&mut pulse), [Step::Ready, Step::Alive, Step::Ask]);
        pulse
    }

    #[test]
    fn a_screen_that_answers_is_alive_at_half_of_the_time() {
        let start = Instant::now();
        let mut pulse = up(start);
        for beat in 1..5 {
            let due = start + WATCHED / 2 * beat;
            assert_eq!(pulse.poll_timeout(), Some(due));
            pulse.handle_answer(due - Duration::from_secs(4));
            pulse.handle_timeout(due - Duration::from_millis(1));
            assert!(steps(&mut pulse).is_empty(), "not before it is due");
            pulse.handle_timeout(due);
            assert_eq!(steps(&mut pulse), [Step::Alive, Step::Ask]);
        }
        pulse.handle_shown(start);
        assert!(steps(&mut pulse).is_empty(), "it is up already");
    }

    #[test]
    fn a_screen_that_hangs_silences_it_until_it_answers() {
        let start = Instant::now();
        let mut pulse = up(start);
        for second in 1..60 {
            pulse.handle_timeout(start + Duration::from_secs(second));
        }
        assert_eq!((steps(&mut pulse), pulse.poll_timeout()), (vec![], None));
        let late = start + Duration::from_secs(60);
        pulse.handle_answer(late);
        assert_eq!(steps(&mut pulse), [Step::Alive, Step::Ask]);
        assert_eq!(pulse.poll_timeout(), Some(late + WATCHED / 2));
    }

    #[test]
    fn a_worker_that_hangs_says_nothing() {
        let start = Instant::now();
        let mut pulse = up(start);
        pulse.handle_answer(start);
        // Nobody calls it: a sign of life comes of nothing else.
        assert!(steps(&mut pulse).is_empty());
        // When the loop goes on, one sign is due, and not one for each that was missed.
        let late = start + WATCHED * 3;
        pulse.handle_timeout(late);
        pulse.handle_timeout(late);
        assert_eq!(steps(&mut pulse), [Step::Alive, Step::Ask]);
    }

    #[test]
    fn without_a_screen_the_loop_of_the_worker_is_enough() {
        let start = Instant::now();
        let mut pulse = Pulse::new(Some(WATCHED), false);
        pulse.handle_shown(start);
        assert_eq!(steps(&mut pulse), [Step::Ready, Step::Alive]);
        pulse.handle_timeout(start + WATCHED / 2);
        assert_eq!(steps(&mut pulse), [Step::Alive]);
    }

    #[test]
    fn where_nobody_watches_only_the_start_is_told() {
        let start = Instant::now();
        for has_screen in [true, false] {
            let mut pulse = Pulse::new(None, has_screen);
            pulse.handle_shown(start);
            pulse.handle_answer(start);
            pulse.handle_answer(start);
            assert!(steps(&mut pulse).contains(&Step::Ready));
            assert_eq!((steps(&mut pulse), pulse.poll_timeout()), (vec![], None));
        }
    }
}
