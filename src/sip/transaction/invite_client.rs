//! The INVITE client transaction: RFC 3261 17.1.1, figure 5, with the state Accepted of RFC 6026 7.2.
//!
//! ```text
//!            INVITE sent
//!                 |            A: repeat, doubling (unreliable only)
//!                 v            B: 64*T1, tell the user
//!             [Calling] ------------------------------------------.
//!              |  |   \ 300-699: ACK                              |
//!          1xx |  |2xx  \                                          |
//!              v  |       v                                        |
//!     [Proceeding]+--> [Completed] repeats of the refusal: ACK     |
//!              |  |        | D: 32 s (0 when reliable)             |
//!          2xx |  |        v                                       v
//!              '->'--> [Accepted] every 2xx to the user --M--> [Terminated]
//! ```

use std::time::Instant;

use super::{Delivery, Failure, Outbox};
use crate::sip::message::{Method, Request, Response};
use crate::sip::path::{FlowId, Path, Transmit};
use crate::sip::timing::{Backoff, Deadline, GIVE_UP, TimerReason};

/// Most branches of one INVITE whose 2xx is heard; more is no fork but malice.
pub const MAX_BRANCHES: usize = 16;

/// An INVITE of ours from its sending until nothing about it can arrive any more.
#[derive(Debug)]
pub struct InviteClient {
    request: Request,
    /// The greatest CSeq number that was used in any of its early dialogs.
    latest_number: u32,
    path: Path,
    state: State,
}

#[derive(Debug)]
enum State {
    Calling { repeat: Option<Backoff>, unanswered: Instant },
    Proceeding { abandoned: Option<Instant> },
    Completed { ack: Vec<u8>, forget: Instant },
    Accepted { acks: Vec<KeptAck>, forget: Instant },
    Terminated,
}

/// The ACK that one branch of a forked INVITE got, kept so that a repeated 2xx gets it again.
#[derive(Debug)]
struct KeptAck {
    remote_tag: Option<String>,
    transmit: Transmit,
    /// How it goes if that does not arrive.
    second: Option<Transmit>,
    /// Whether it may be that the first way leads nowhere: each 2xx that comes again is answered the other way.
    alternates: bool,
    /// Whether the way that it went was refused, and the other one tried, since the last 2xx.
    resent: bool,
}

impl KeptAck {
    fn take_other_way(&mut self) {
        if let Some(second) = &mut self.second {
            std::mem::swap(&mut self.transmit, second);
        }
    }
}

impl InviteClient {
    /// Sends `request` along `path`.
    pub fn start(now: Instant, request: Request, path: Path, out: &mut Outbox) -> Self {
        out.push_back(Transmit { path, bytes: request.to_bytes() });
        let repeat = (!path.transport.is_reliable()).then(|| Backoff::new(now, std::time::Duration::MAX));
        let latest_number = request.cseq().0;
        InviteClient { request, latest_number, path, state: State::Calling { repeat, unanswered: now + GIVE_UP } }
    }

    /// A response that matches this transaction.
    pub fn handle_response(&mut self, now: Instant, response: &Response, out: &mut Outbox) -> Delivery {
        let status = response.status();
        match &mut self.state {
            State::Calling { .. } | State::Proceeding { .. } => match status {
                100..=199 => {
                    if let State::Calling { .. } = self.state {
                        self.state = State::Proceeding { abandoned: None };
                    }
                }
                200..=299 => self.state = State::Accepted { acks: Vec::new(), forget: now + GIVE_UP },
                _ => {
                    let ack = ack_for_refusal(&self.request, response).to_bytes();
                    out.push_back(Transmit { path: self.path, bytes: ack.clone() });
                    let wait = if self.path.transport.is_reliable() { std::time::Duration::ZERO } else { GIVE_UP };
                    self.state = State::Completed { ack, forget: now + wait };
                }
            },
            State::Completed { ack, .. } => {
                if status >= 300 {
                    out.push_back(Transmit { path: self.path, bytes: ack.clone() });
                }
                return Delivery::Absorbed;
            }
            State::Accepted { acks, .. } => {
                if !(200..300).contains(&status) {
                    return Delivery::Absorbed;
                }
                if let Some(kept) = acks.iter_mut().find(|kept| kept.remote_tag.as_deref() == response.to().tag()) {
                    if kept.alternates {
                        kept.take_other_way();
                    }
                    kept.resent = false;
                    out.push_back(kept.transmit.clone());
                    return Delivery::Absorbed;
                }
                if acks.len() >= MAX_BRANCHES {
                    return Delivery::Absorbed;
                }
            }
            State::Terminated => return Delivery::Absorbed,
        }
        Delivery::ToUser
    }

    /// An early dialog of this INVITE, which ends here, has used the numbers up to this one.
    pub fn note_number(&mut self, number: u32) {
        self.latest_number = self.latest_number.max(number);
    }

    /// From where a dialog of this INVITE goes on that nobody remembers.
    pub fn latest_number(&self) -> u32 {
        self.latest_number
    }

    /// Keeps the ACK for the 2xx of one branch: a repeated 2xx is answered with it here, also when the
    /// session has ended meanwhile (RFC 3261 13.2.2.4). `second` is how it goes if that does not arrive.
    pub fn keep_ack(&mut self, remote_tag: Option<String>, transmit: Transmit, second: Option<Transmit>) {
        if let State::Accepted { acks, .. } = &mut self.state {
            // By TCP it goes only for its size.
            let alternates = second.is_some() && transmit.path.transport.is_reliable();
            acks.push(KeptAck { remote_tag, transmit, second, alternates, resent: false });
        }
    }

    /// What went along such a path was refused: each of its ACKs that has a second way takes it, until both were refused. True
    /// when one did.
    pub fn resend_acks(&mut self, is_refused: impl Fn(Path) -> bool, out: &mut Outbox) -> bool {
        let State::Accepted { acks, .. } = &mut self.state else {
            return false;
        };
        let mut any = false;
        for kept in acks.iter_mut().filter(|kept| kept.second.is_some() && is_refused(kept.transmit.path)) {
            kept.take_other_way();
            kept.alternates = true;
            if !std::mem::replace(&mut kept.resent, true) {
                out.push_back(kept.transmit.clone());
                any = true;
            }
        }
        any
    }

    /// Its session is over: it is not repeated any more. Its final response may still come within 64*T1, and wants its ACK:
    /// whoever gets a BYE answers what is open as well (RFC 3261 15.1.2).
    pub fn abandon(&mut self, now: Instant) {
        match &mut self.state {
            State::Calling { .. } | State::Proceeding { .. } => {
                self.state = State::Proceeding { abandoned: Some(now + GIVE_UP) };
            }
            State::Completed { .. } | State::Accepted { .. } | State::Terminated => {}
        }
    }

    /// It is given up, although nothing was heard: it is not repeated, and what still comes is heard until timer B.
    pub fn stop_repeating(&mut self) {
        if let State::Calling { repeat, .. } = &mut self.state {
            *repeat = None;
        }
    }

    /// Fires what is due.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) -> Option<Failure> {
        match &mut self.state {
            State::Calling { unanswered, .. } if now >= *unanswered => {
                self.state = State::Terminated;
                return Some(Failure::TimedOut);
            }
            State::Calling { repeat: Some(repeat), .. } if repeat.is_due(now) => {
                repeat.advance(now);
                out.push_back(Transmit { path: self.path, bytes: self.request.to_bytes() });
            }
            State::Completed { forget, .. }
            | State::Accepted { forget, .. }
            | State::Proceeding { abandoned: Some(forget) }
                if now >= *forget =>
            {
                self.state = State::Terminated;
            }
            _ => {}
        }
        None
    }

    /// The network could not deliver what was sent. Once a response has come the error is not about the
    /// INVITE, and the transaction goes on.
    pub fn handle_transport_error(&mut self) -> Option<Failure> {
        match self.state {
            State::Calling { .. } => {
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

    /// The connection has gone; what follows needs a new one.
    pub fn handle_flow_closed(&mut self) -> Option<Failure> {
        self.path.flow = None;
        self.handle_transport_error()
    }

    /// The next deadline and why.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        match &self.state {
            State::Calling { repeat: Some(repeat), unanswered } if repeat.at < *unanswered => {
                Some((repeat.at, TimerReason::RepeatInvite))
            }
            State::Calling { unanswered, .. } => Some((*unanswered, TimerReason::InviteUnanswered)),
            State::Completed { forget, .. } => Some((*forget, TimerReason::ForgetRefusedInvite)),
            State::Accepted { forget, .. } => Some((*forget, TimerReason::ForgetAcceptedInvite)),
            State::Proceeding { abandoned: Some(forget) } => Some((*forget, TimerReason::ForgetAbandonedInvite)),
            State::Proceeding { abandoned: None } | State::Terminated => None,
        }
    }

    /// True when no final response has come.
    pub fn is_pending(&self) -> bool {
        matches!(self.state, State::Calling { .. } | State::Proceeding { .. })
    }

    /// True when it can be forgotten.
    pub fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }

    /// Where the INVITE went.
    pub fn path(&self) -> Path {
        self.path
    }

    /// The INVITE as sent.
    pub fn request(&self) -> &Request {
        &self.request
    }
}

/// The ACK of a refusal: in the transaction, by the way of the INVITE (RFC 3261 17.1.1.3).
fn ack_for_refusal(invite: &Request, response: &Response) -> Request {
    let (uri, cseq) = (invite.uri().clone(), invite.cseq().0);
    let mut ack = Request::new(Method::Ack, uri, invite.from(), response.to(), invite.call_id(), cseq);
    ack.push_via(invite.top_via().clone());
    for route in invite.headers("Route") {
        ack.push_header("Route", route);
    }
    ack
}
