//! Does what the pulse of the panel wants done.

use std::time::Instant;

use super::Loop;
use crate::channel::Event;
use crate::worker::media::now;
use crate::worker::watchdog::{Step, say_alive, say_ready};

impl Loop {
    /// A page is on the screen, or the panel listens and has none.
    pub(super) fn is_up(&mut self) {
        self.pulse.handle_shown(now().instant);
        self.take_steps();
    }

    /// The loop of the screen runs.
    pub(super) fn screen_is_there(&mut self) {
        self.pulse.handle_answer(now().instant);
        self.take_steps();
    }

    /// Gives a sign of life, if one is due.
    pub(super) fn beat(&mut self, now: Instant) {
        self.pulse.handle_timeout(now);
        self.take_steps();
    }

    fn take_steps(&mut self) {
        while let Some(step) = self.pulse.poll_step() {
            match step {
                Step::Ask => drop(self.events.send(Event::AreYouThere)),
                Step::Ready => {
                    // What pictures can be shown is found out when there is something to be seen.
                    self.holds_probe = None;
                    say_ready();
                }
                Step::Alive => say_alive(),
            }
        }
    }
}
