//! The client transaction of every request but INVITE and ACK: RFC 3261 17.1.2, figure 6.
//!
//! ```text
//!            request sent      E: repeat, doubling up to T2 (unreliable only)
//!                 v            F: 64*T1, tell the user
//!             [Trying] --1xx--> [Proceeding]  E: repeat every T2
//!                 | 200-699        | 200-699
//!                 '------> [Completed] repeats are absorbed --K: T4 (0 when reliable)--> [Terminated]
//! ```

use std::time::{Duration, Instant};

use super::key::Identity;
use super::{Delivery, Failure, Outbox};
use crate::sip::message::{Request, Response};
use crate::sip::path::{FlowId, Path, Transmit};
use crate::sip::timing::{Backoff, Deadline, GIVE_UP, T2, T4, TimerReason};

/// A request of ours, other than INVITE, until nothing about it can arrive any more.
#[derive(Debug)]
pub struct Client {
    identity: Identity,
    bytes: Vec<u8>,
    path: Path,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Trying and Proceeding: they differ by the interval alone.
    Waiting {
        repeat: Option<Backoff>,
        unanswered: Instant,
    },
    Completed {
        forget: Instant,
    },
    Terminated,
}

impl Client {
    /// Sends `request` along `path`.
    pub fn start(now: Instant, request: &Request, path: Path, out: &mut Outbox) -> Self {
        let bytes = request.to_bytes();
        out.push_back(Transmit { path, bytes: bytes.clone() });
        let repeat = (!path.transport.is_reliable()).then(|| Backoff::new(now, T2));
        let identity = Identity::of(request);
        Client { identity, bytes, path, state: State::Waiting { repeat, unanswered: now + GIVE_UP } }
    }

    /// Sends no repetitions: whoever asks again by itself needs none.
    pub fn send_once(&mut self) {
        if let State::Waiting { repeat, .. } = &mut self.state {
            *repeat = None;
        }
    }

    /// A response that matches this transaction.
    pub fn handle_response(&mut self, now: Instant, response: &Response) -> Delivery {
        let State::Waiting { repeat, .. } = &mut self.state else {
            return Delivery::Absorbed;
        };
        if response.status() >= 200 {
            let wait = if self.path.transport.is_reliable() { Duration::ZERO } else { T4 };
            self.state = State::Completed { forget: now + wait };
        } else if let Some(repeat) = repeat {
            repeat.slow_down();
        }
        Delivery::ToUser
    }

    /// Fires what is due.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) -> Option<Failure> {
        match &mut self.state {
            State::Waiting { unanswered, .. } if now >= *unanswered => {
                self.state = State::Terminated;
                return Some(Failure::TimedOut);
            }
            State::Waiting { repeat: Some(repeat), .. } if repeat.is_due(now) => {
                repeat.advance(now);
                out.push_back(Transmit { path: self.path, bytes: self.bytes.clone() });
            }
            State::Completed { forget } if now >= *forget => self.state = State::Terminated,
            _ => {}
        }
        None
    }

    /// The network could not deliver what was sent.
    pub fn handle_transport_error(&mut self) -> Option<Failure> {
        match self.state {
            State::Waiting { .. } => {
                self.state = State::Terminated;
                Some(Failure::Transport)
            }
            _ => None,
        }
    }

    /// A response came by this connection: what follows goes there too.
    pub fn learn_flow(&mut self, flow: Option<FlowId>) {
        self.path.flow = flow;
    }

    /// The next deadline and why.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        match &self.state {
            State::Waiting { repeat: Some(repeat), unanswered } if repeat.at < *unanswered => {
                Some((repeat.at, TimerReason::RepeatRequest))
            }
            State::Waiting { unanswered, .. } => Some((*unanswered, TimerReason::RequestUnanswered)),
            State::Completed { forget } => Some((*forget, TimerReason::ForgetRequest)),
            State::Terminated => None,
        }
    }

    /// True when it can be forgotten.
    pub fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }

    /// What its responses repeat.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Where the request went.
    pub fn path(&self) -> Path {
        self.path
    }
}
