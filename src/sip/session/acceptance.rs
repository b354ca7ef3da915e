//! A 2xx of ours to an INVITE, repeated from T1 to T2 until its ACK comes (RFC 3261 13.3.1.4).

use std::time::Instant;

use super::context::Context;
use crate::sip::message::Response;
use crate::sip::timing::{Backoff, Deadline, GIVE_UP, T2, TimerReason};
use crate::sip::transaction::ServerKey;

/// A 2xx without its ACK. It is repeated by TCP too: what lies behind the first hop may be UDP.
#[derive(Debug)]
pub struct Acceptance {
    key: ServerKey,
    response: Response,
    /// The CSeq number that the ACK will carry.
    pub cseq: u32,
    /// True when the 2xx carries our offer, so that the ACK carries their answer.
    pub late: bool,
    /// True for the INVITE that began the session.
    pub first: bool,
    repeat: Backoff,
    unacknowledged: Instant,
}

/// Whether hope is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// The ACK may still come.
    Waiting,
    /// 64*T1 have passed.
    Exhausted,
}

impl Acceptance {
    /// Sends the 2xx.
    pub fn start(cx: &mut Context<'_>, key: ServerKey, response: Response, late: bool, first: bool) -> Self {
        cx.respond(&key, &response);
        let now = cx.now();
        let cseq = response.cseq().0;
        let repeat = Backoff::new(now, T2);
        Acceptance { key, response, cseq, late, first, repeat, unacknowledged: now + GIVE_UP }
    }

    /// Repeats the 2xx when that is due.
    pub fn handle_timeout(&mut self, cx: &mut Context<'_>) -> Patience {
        if cx.now() >= self.unacknowledged {
            return Patience::Exhausted;
        }
        if self.repeat.is_due(cx.now()) {
            self.repeat.advance(cx.now());
            cx.respond(&self.key, &self.response);
        }
        Patience::Waiting
    }

    /// The next deadline and why.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        Some(if self.repeat.at < self.unacknowledged {
            (self.repeat.at, TimerReason::RepeatAcceptance)
        } else {
            (self.unacknowledged, TimerReason::AcceptanceUnacknowledged)
        })
    }
}
