//! Provisional responses of ours that must arrive (RFC 3262 3): numbered, repeated until their PRACK, one at a time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Body;
use super::acceptance::Patience;
use super::context::Context;
use super::prack::{RELIABLE, Rack};
use crate::sip::message::{Request, Response};
use crate::sip::timing::{Backoff, Deadline, GIVE_UP, TimerReason};
use crate::sip::transaction::ServerKey;

/// Most provisional responses that wait for the PRACK of the one before.
const MAX_WAITING: usize = 4;

/// The reliable provisional responses to one INVITE.
#[derive(Debug)]
pub struct Reliable {
    /// The number of the next one.
    next: u32,
    outstanding: Option<Outstanding>,
    /// What is sent next: the body, or none for plain ringing.
    waiting: VecDeque<Option<Body>>,
}

/// The one that has no PRACK yet. It is repeated by TCP too: what lies behind the first hop may be UDP.
#[derive(Debug)]
struct Outstanding {
    rack: Rack,
    response: Response,
    repeat: Backoff,
    unacknowledged: Instant,
}

impl Reliable {
    /// For an INVITE that demands them; none for one that does not. Numbers begin below 2^31 (7.1).
    pub fn demanded_by(cx: &mut Context<'_>, invite: &Request) -> Option<Self> {
        let demanded = invite.headers("Require").any(|tag| tag.eq_ignore_ascii_case(RELIABLE));
        demanded.then(|| Reliable { next: cx.choose(1, 1 << 30), outstanding: None, waiting: VecDeque::new() })
    }

    /// Queues one; the same one twice in a row is one.
    pub fn queue(&mut self, body: Option<Body>) {
        if self.waiting.len() < MAX_WAITING && self.waiting.back() != Some(&body) {
            self.waiting.push_back(body);
        }
    }

    /// What may be sent now.
    pub fn take_next(&mut self) -> Option<Option<Body>> {
        if self.outstanding.is_some() { None } else { self.waiting.pop_front() }
    }

    /// Sends `response` and repeats it until its PRACK.
    pub fn send(&mut self, cx: &mut Context<'_>, key: &ServerKey, mut response: Response) {
        let rack = Rack { rseq: self.next, cseq: response.cseq().0 };
        self.next = self.next.saturating_add(1);
        response.push_header("Require", RELIABLE);
        response.push_header("RSeq", &rack.rseq.to_string());
        cx.respond(key, &response);
        let now = cx.now();
        let repeat = Backoff::new(now, Duration::MAX);
        self.outstanding = Some(Outstanding { rack, response, repeat, unacknowledged: now + GIVE_UP });
    }

    /// A PRACK came; false when it acknowledges nothing that is outstanding.
    pub fn acknowledge(&mut self, prack: &Request) -> bool {
        let rack = Rack::of(prack);
        self.outstanding.take_if(|outstanding| Some(outstanding.rack) == rack).is_some()
    }

    /// What the outstanding one waits for.
    pub fn unacknowledged(&self) -> Option<Rack> {
        self.outstanding.as_ref().map(|outstanding| outstanding.rack)
    }

    /// True when a 2xx has to wait: what is outstanding describes media (3).
    pub fn holds_back_acceptance(&self) -> bool {
        self.outstanding.as_ref().is_some_and(|outstanding| !outstanding.response.body().is_empty())
    }

    /// Repeats the outstanding one when that is due.
    pub fn handle_timeout(&mut self, cx: &mut Context<'_>, key: &ServerKey) -> Patience {
        let Some(outstanding) = &mut self.outstanding else {
            return Patience::Waiting;
        };
        if cx.now() >= outstanding.unacknowledged {
            return Patience::Exhausted;
        }
        if outstanding.repeat.is_due(cx.now()) {
            outstanding.repeat.advance(cx.now());
            cx.respond(key, &outstanding.response);
        }
        Patience::Waiting
    }

    /// The next deadline and why.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        let outstanding = self.outstanding.as_ref()?;
        Some(if outstanding.repeat.at < outstanding.unacknowledged {
            (outstanding.repeat.at, TimerReason::RepeatReliable)
        } else {
            (outstanding.unacknowledged, TimerReason::ReliableUnacknowledged)
        })
    }
}
