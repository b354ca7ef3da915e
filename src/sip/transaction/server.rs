//! The server transaction of every request but INVITE and ACK: RFC 3261 17.2.2, figure 8.
//!
//! ```text
//!           request came
//!                v             request again: nothing (no provisional is ever sent by us)
//!            [Trying] --200-699--> [Completed] request again: repeat the response
//!                |                     | J: 64*T1 (0 when reliable)
//!                | 64*T1               v
//!                '---------------> [Terminated]
//! ```
//! One deadline is ours: after 64*T1 the sender has given up (its timer F), and an answer would find nobody who waits.

use std::time::{Duration, Instant};

use super::{Outbox, ReplyPath};
use crate::sip::message::Response;
use crate::sip::timing::{Deadline, GIVE_UP, TimerReason};

/// A request of theirs, other than INVITE, until nothing about it can arrive any more.
#[derive(Debug)]
pub struct Server {
    reply: ReplyPath,
    state: State,
}

#[derive(Debug)]
enum State {
    Trying { forget: Instant },
    Completed { bytes: Vec<u8>, forget: Instant },
    Terminated,
}

impl Server {
    /// A request has come that is answered along `reply`.
    pub fn new(now: Instant, reply: ReplyPath) -> Self {
        Server { reply, state: State::Trying { forget: now + GIVE_UP } }
    }

    /// The same request came again.
    pub fn handle_repeat(&mut self, out: &mut Outbox) {
        if let State::Completed { bytes, .. } = &self.state {
            out.push_back(self.reply.transmit(bytes.clone()));
        }
    }

    /// Sends the final response; a second one, or one that is too late, is not sent.
    pub fn respond(&mut self, now: Instant, response: &Response, out: &mut Outbox) {
        if let State::Trying { .. } = self.state {
            let bytes = response.to_bytes();
            out.push_back(self.reply.transmit(bytes.clone()));
            let wait = if self.reply.is_reliable() { Duration::ZERO } else { GIVE_UP };
            self.state = State::Completed { bytes, forget: now + wait };
        }
    }

    /// Fires what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        match self.state {
            State::Trying { forget } | State::Completed { forget, .. } if now >= forget => {
                self.state = State::Terminated;
            }
            _ => {}
        }
    }

    /// Where its response goes.
    pub fn reply(&self) -> &ReplyPath {
        &self.reply
    }

    /// Where its response goes, to be changed when a connection closes.
    pub fn reply_mut(&mut self) -> &mut ReplyPath {
        &mut self.reply
    }

    /// The next deadline and why.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        match self.state {
            State::Completed { forget, .. } => Some((forget, TimerReason::ForgetTheirRequest)),
            State::Trying { forget } => Some((forget, TimerReason::ForgetUnanswered)),
            State::Terminated => None,
        }
    }

    /// Until when it is kept for repetitions alone.
    pub fn answered_until(&self) -> Option<Instant> {
        match self.state {
            State::Completed { forget, .. } => Some(forget),
            State::Trying { .. } | State::Terminated => None,
        }
    }

    /// True while no final response has been sent.
    pub fn is_pending(&self) -> bool {
        matches!(self.state, State::Trying { .. })
    }

    /// True when it can be forgotten.
    pub fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }
}
