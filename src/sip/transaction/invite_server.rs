//! The INVITE server transaction: RFC 3261 17.2.1, figure 7, with the state Accepted of RFC 6026 7.1.
//!
//! ```text
//!             INVITE came
//!                 v            INVITE again: repeat the last 1xx
//!           [Proceeding] ---2xx---> [Accepted] INVITE again: absorbed, the user repeats the 2xx
//!                 | 300-699             | L: 64*T1
//!                 v                     v
//!           [Completed]             [Terminated] <---------.
//!    G: repeat, up to T2 (unreliable)                       |
//!    H: 64*T1, no ACK ---------------------------------> ---|
//!                 | ACK                                     |
//!                 v                                         |
//!           [Confirmed] --- I: T4 (0 when reliable) --------'
//! ```
//! One state is ours: [Ignored] swallows everything about an INVITE that is to meet silence.

use std::time::{Duration, Instant};

use super::{Outbox, ReplyPath};
use crate::sip::message::Response;
use crate::sip::timing::{Backoff, Deadline, GIVE_UP, T2, T4, TimerReason};

/// An INVITE of theirs from its arrival until nothing about it can arrive any more.
#[derive(Debug)]
pub struct InviteServer {
    reply: ReplyPath,
    /// The To tag of our responses, which the response to a CANCEL has too (9.2).
    local_tag: Option<String>,
    state: State,
}

#[derive(Debug)]
enum State {
    Proceeding { last: Option<Vec<u8>> },
    Completed { bytes: Vec<u8>, repeat: Option<Backoff>, unacknowledged: Instant },
    Confirmed { forget: Instant },
    Accepted { forget: Instant },
    Ignored { forget: Instant },
    Terminated,
}

/// What an ACK that matches the transaction acknowledges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acknowledged {
    /// A refusal: the transaction has dealt with it.
    Refusal,
    /// A 2xx: the ACK is for the session (a peer of RFC 2543, or one that reuses the branch).
    Acceptance,
}

impl InviteServer {
    /// An INVITE has come that is answered along `reply`.
    pub fn new(reply: ReplyPath) -> Self {
        InviteServer { reply, local_tag: None, state: State::Proceeding { last: None } }
    }

    /// Takes note of the To tag of our responses.
    pub fn set_local_tag(&mut self, tag: &str) {
        self.local_tag = Some(tag.to_owned());
    }

    /// The To tag of our responses.
    pub fn local_tag(&self) -> Option<&str> {
        self.local_tag.as_deref()
    }

    /// The same INVITE came again.
    pub fn handle_repeat(&mut self, out: &mut Outbox) {
        match &self.state {
            State::Proceeding { last: Some(bytes) } | State::Completed { bytes, .. } => {
                out.push_back(self.reply.transmit(bytes.clone()));
            }
            _ => {}
        }
    }

    /// An ACK that matches this transaction.
    pub fn handle_ack(&mut self, now: Instant) -> Acknowledged {
        match &self.state {
            State::Completed { .. } => {
                let wait = if self.reply.is_reliable() { Duration::ZERO } else { T4 };
                self.state = State::Confirmed { forget: now + wait };
                Acknowledged::Refusal
            }
            State::Accepted { .. } => Acknowledged::Acceptance,
            _ => Acknowledged::Refusal,
        }
    }

    /// Sends a response of the user. A 2xx may be given again while Accepted; any other response after
    /// a final one is not sent.
    pub fn respond(&mut self, now: Instant, response: &Response, out: &mut Outbox) {
        let status = response.status();
        let bytes = response.to_bytes();
        match (&self.state, status) {
            (State::Proceeding { .. }, 100..=199) => self.state = State::Proceeding { last: Some(bytes.clone()) },
            (State::Proceeding { .. }, 200..=299) => self.state = State::Accepted { forget: now + GIVE_UP },
            (State::Proceeding { .. }, _) => {
                let repeat = (!self.reply.is_reliable()).then(|| Backoff::new(now, T2));
                self.state = State::Completed { bytes: bytes.clone(), repeat, unacknowledged: now + GIVE_UP };
            }
            (State::Accepted { .. }, 200..=299) => {}
            _ => return,
        }
        out.push_back(self.reply.transmit(bytes));
    }

    /// Repeats the last provisional response, for the sake of proxies on the way.
    pub fn repeat_provisional(&mut self, out: &mut Outbox) {
        if matches!(self.state, State::Proceeding { .. }) {
            self.handle_repeat(out);
        }
    }

    /// Meets everything about this INVITE with silence; also takes back a response that has not left yet.
    pub fn ignore(&mut self, now: Instant, out: &mut Outbox) {
        if let State::Proceeding { last: Some(last) } = &self.state {
            out.retain(|transmit| transmit.bytes != *last);
        }
        self.state = State::Ignored { forget: now + GIVE_UP };
    }

    /// Fires what is due. A refusal without ACK is nothing the user can mend, so H is silent.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        match &mut self.state {
            State::Completed { unacknowledged, .. } if now >= *unacknowledged => self.state = State::Terminated,
            State::Completed { bytes, repeat: Some(repeat), .. } if repeat.is_due(now) => {
                repeat.advance(now);
                out.push_back(self.reply.transmit(bytes.clone()));
            }
            State::Confirmed { forget } | State::Accepted { forget } | State::Ignored { forget } if now >= *forget => {
                self.state = State::Terminated;
            }
            _ => {}
        }
    }

    /// Where its responses go.
    pub fn reply(&self) -> &ReplyPath {
        &self.reply
    }

    /// Where its responses go, to be changed when a connection closes.
    pub fn reply_mut(&mut self) -> &mut ReplyPath {
        &mut self.reply
    }

    /// The next deadline and why.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        match &self.state {
            State::Completed { repeat: Some(repeat), unacknowledged, .. } if repeat.at < *unacknowledged => {
                Some((repeat.at, TimerReason::RepeatRefusal))
            }
            State::Completed { unacknowledged, .. } => Some((*unacknowledged, TimerReason::RefusalUnacknowledged)),
            State::Confirmed { forget } => Some((*forget, TimerReason::ForgetRefusal)),
            State::Accepted { forget } | State::Ignored { forget } => Some((*forget, TimerReason::ForgetAcceptance)),
            State::Proceeding { .. } | State::Terminated => None,
        }
    }

    /// When a refusal of ours will be forgotten for want of an ACK.
    pub fn refused_until(&self) -> Option<Instant> {
        match self.state {
            State::Completed { unacknowledged, .. } => Some(unacknowledged),
            _ => None,
        }
    }

    /// Until when it is kept although it has its final response.
    pub fn over_until(&self) -> Option<Instant> {
        match self.state {
            State::Completed { unacknowledged: until, .. }
            | State::Confirmed { forget: until }
            | State::Accepted { forget: until }
            | State::Ignored { forget: until } => Some(until),
            State::Proceeding { .. } | State::Terminated => None,
        }
    }

    /// True while no final response has been sent.
    pub fn is_pending(&self) -> bool {
        matches!(self.state, State::Proceeding { .. })
    }

    /// True when it is to meet silence.
    pub fn is_ignored(&self) -> bool {
        matches!(self.state, State::Ignored { .. })
    }

    /// True when it can be forgotten.
    pub fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }
}
