//! The server transaction of every request but INVITE and ACK: RFC 3261 17.2.2, figure 8.
//!
//! ```text
//!           request came
//!                v             request again: nothing (no provisional is ever sent by us)
//!            [Trying] --200-699--> [Completed] request again: repeat the response
//!                                      | J: 64*T1 (0 when reliable)
//!                                      v
//!                                 [Terminated]
//! ```

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
    Trying,
    Completed { bytes: Vec<u8>, forget: Instant },
    Terminated,
}

impl Server {
    /// A request has come that is answered along `reply`.
    pub fn new(reply: ReplyPath) -> Self {
        Server { reply, state: State::Trying }
    }

    /// The same request came again.
    pub fn handle_repeat(&mut self, out: &mut Outbox) {
        if let State::Completed { bytes, .. } = &self.state {
            out.push_back(self.reply.transmit(bytes.clone()));
        }
    }

    /// Sends the final response; a second one is not sent.
    pub fn respond(&mut self, now: Instant, response: &Response, out: &mut Outbox) {
        if let State::Trying = self.state {
            let bytes = response.to_bytes();
            out.push_back(self.reply.transmit(bytes.clone()));
            let wait = if self.reply.is_reliable() { Duration::ZERO } else { GIVE_UP };
            self.state = State::Completed { bytes, forget: now + wait };
        }
    }

    /// Fires what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let State::Completed { forget, .. } = self.state
            && now >= forget
        {
            self.state = State::Terminated;
        }
    }

    /// Where its response goes, to be changed when a connection closes.
    pub fn reply_mut(&mut self) -> &mut ReplyPath {
        &mut self.reply
    }

    /// The next deadline and why.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        match self.state {
            State::Completed { forget, .. } => Some((forget, TimerReason::ForgetTheirRequest)),
            State::Trying | State::Terminated => None,
        }
    }

    /// True when it can be forgotten.
    pub fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }
}
