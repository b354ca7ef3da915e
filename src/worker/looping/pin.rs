//! The installer's PIN between the screen, the settings and the thread that hashes.

use super::Loop;
use super::asked::Reply;
use crate::channel::{Command, Event};
use crate::config::{Secret, is_pin};
use crate::worker::media::now;
use crate::worker::pin::{Done, KEY};

impl Loop {
    /// Tells how the PIN stands. Digits in the settings file, put there by hand, give way to their hash.
    pub(super) fn begin_pin(&mut self) {
        if let Some(digits) = self.pin.plain() {
            self.pin.keep(digits, None);
        }
        self.tell_pin();
    }

    /// What somebody at the screen wants of the PIN.
    pub(super) fn pin_command(&mut self, command: Command) {
        let now = now();
        match command {
            Command::EnterPin(pin) => self.pin.enter(now, pin),
            Command::SetPin { old, new } => self.pin.change(now, old, new),
            _ => self.pin.close(),
        }
        self.tell_pin();
    }

    /// Keeps back a PIN that comes as a setting in plain digits: it goes on as a hash, with whoever waits for it.
    pub(super) fn without_plain_pin(&self, command: Command, waits: Option<Reply>) -> Option<(Command, Option<Reply>)> {
        match command {
            Command::Set { key, value } if key == KEY && is_pin(&value) => {
                self.pin.keep(value, waits);
                None
            }
            command => Some((command, waits)),
        }
    }

    /// The thread has worked something out.
    pub(super) fn pin_done(&mut self, done: Done) {
        match done {
            Done::Entered(right) => self.pin.entered(right),
            Done::Chosen(result) => {
                if let Some(kept) = self.pin.chosen(result) {
                    self.put_pin(kept.reveal().to_owned(), None);
                }
            }
            Done::Hashed(Ok(kept), waits) => self.put_pin(kept, waits),
            Done::Hashed(Err(problem), waits) => {
                tracing::error!("the PIN cannot be kept: {problem}");
                if let Some(reply) = waits {
                    // Who asked may have gone.
                    let _ = reply.send(Err(problem));
                }
            }
        }
        self.tell_pin();
    }

    /// The PIN of the settings in force, which may have come from elsewhere.
    pub(super) fn settle_pin(&mut self, stored: &Secret) {
        if self.pin.settle(stored) {
            self.tell_pin();
        }
    }

    fn put_pin(&mut self, value: String, waits: Option<Reply>) {
        let command = Command::Set { key: KEY.to_owned(), value };
        match waits {
            Some(reply) => self.carry_out(command, reply),
            None => {
                if let Err(refusal) = self.phone.handle_command(now(), command) {
                    self.phone.refuse(refusal);
                }
            }
        }
    }

    fn tell_pin(&mut self) {
        self.tell(Event::Pin(self.pin.view(now())));
    }
}
