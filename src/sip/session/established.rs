//! A confirmed session: both ends have a 2xx between them (RFC 3261 13.2.2.4, 13.3.1.4, 14, 15).

use std::time::{Duration, Instant};

use super::acceptance::{Acceptance, Patience};
use super::context::Context;
use super::leaving::Leaving;
use super::prack::Rack;
use super::timer::{Refreshing, Running};
use super::{Body, EndCause, SessionEvent, State, body_of_request, bye, info, is_success};
use crate::sip::dialog::Dialog;
use crate::sip::message::{Method, Request, Response};
use crate::sip::path::Path;
use crate::sip::timing::{Deadline, TimerReason, earlier};
use crate::sip::transaction::{ClientKey, Failure, ServerKey};

/// Longest time that a re-INVITE of ours may stay without a decision; as long as proxies wait (timer C, 16.6).
const MAX_UNDECIDED: Duration = Duration::from_secs(180);

/// A confirmed session.
#[derive(Debug)]
pub struct Established {
    pub(super) dialog: Dialog,
    /// The INVITE that began the session, when it was ours.
    pub(super) invite: Option<ClientKey>,
    /// Our 2xx, until its ACK comes.
    pub(super) acceptance: Option<Acceptance>,
    pub(super) offers: Offers,
    /// An offer of ours that waits its turn.
    pub(super) wanted: Option<Wanted>,
    /// A provisional response of ours whose PRACK may still come (RFC 3262 3).
    unacknowledged: Option<Rack>,
    /// Its session timer, if it has one.
    pub(super) timer: Option<Running>,
    /// The other end takes UPDATE.
    pub(super) takes_update: bool,
}

/// An offer of ours, and the request that is to carry it.
#[derive(Debug)]
pub struct Wanted {
    /// What it offers.
    pub body: Body,
    /// How it travels.
    pub by: Means,
    /// How often it was sent.
    pub attempt: u8,
}

/// The request that carries an offer of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// Asks, and may wait for a person (RFC 3261 14).
    Reinvite,
    /// Is answered at once (RFC 3311).
    Update,
}

/// Who has offered what since the last answer (RFC 3264 4: one offer at a time).
#[derive(Debug)]
pub enum Offers {
    /// All offers are answered.
    Settled,
    /// Our INVITE had no offer, their 2xx has one: the ACK with our answer is due.
    DueInAck {
        /// The CSeq number of the INVITE.
        cseq: u32,
    },
    /// Our re-INVITE or UPDATE has no final response.
    Ours {
        /// Its transaction.
        key: ClientKey,
        /// Its CSeq number.
        cseq: u32,
        /// What it offers, to be offered again after glare.
        wanted: Wanted,
        /// How long it may go on.
        patience: Undecided,
    },
    /// Our offer met theirs and is sent again later (14.1).
    Retrying {
        /// When.
        at: Instant,
        /// What it offers.
        wanted: Wanted,
    },
    /// Their re-INVITE, UPDATE or PRACK waits for our user's answer.
    Theirs {
        /// Its transaction.
        key: ServerKey,
        /// The request.
        request: Box<Request>,
    },
}

/// How long a re-INVITE of ours may stay without a decision.
#[derive(Debug, Clone, Copy)]
pub enum Undecided {
    /// Until then it is waited for.
    Until(Instant),
    /// It is cancelled; until then its final response is due (9.1).
    Cancelled(Instant),
}

impl Offers {
    /// Our re-INVITE or UPDATE was sent.
    pub fn ours(now: Instant, key: ClientKey, cseq: u32, wanted: Wanted) -> Self {
        Offers::Ours { key, cseq, wanted, patience: Undecided::Until(now + MAX_UNDECIDED) }
    }
}

impl Established {
    /// Their 2xx came.
    pub fn called(dialog: Dialog, invite: ClientKey, offers: Offers, refreshing: Refreshing) -> Self {
        let Refreshing { timer, takes_update } = refreshing;
        let (acceptance, wanted, unacknowledged) = (None, None, None);
        Established { dialog, invite: Some(invite), acceptance, offers, wanted, unacknowledged, timer, takes_update }
    }

    /// Our 2xx was sent, perhaps before the PRACK of a provisional response.
    pub fn answered(
        dialog: Dialog,
        acceptance: Acceptance,
        offers: Offers,
        unacknowledged: Option<Rack>,
        refreshing: Refreshing,
    ) -> Self {
        let Refreshing { timer, takes_update } = refreshing;
        let (invite, acceptance, wanted) = (None, Some(acceptance), None);
        Established { dialog, invite, acceptance, offers, wanted, unacknowledged, timer, takes_update }
    }

    /// Takes over an offer that the early dialog could not carry.
    pub fn inherit(&mut self, cx: &mut Context<'_>, wanted: Option<Wanted>) {
        self.wanted = wanted;
        self.send_wanted(cx);
    }

    /// The dialog.
    pub fn dialog(&self) -> &Dialog {
        &self.dialog
    }

    /// The dialog.
    pub fn dialog_mut(&mut self) -> &mut Dialog {
        &mut self.dialog
    }

    /// True when the request is a re-INVITE of ours that was cancelled.
    pub fn has_cancelled(&self, request: &ClientKey) -> bool {
        matches!(&self.offers, Offers::Ours { key, patience: Undecided::Cancelled(_), .. } if key == request)
    }

    /// A challenged request, perhaps with an offer of ours, has gone again.
    pub fn handle_resent(&mut self, old: &ClientKey, request: &Request) {
        if let Offers::Ours { key, cseq, .. } = &mut self.offers
            && key == old
        {
            (*key, *cseq) = (ClientKey::of_request(request), request.cseq().0);
        }
        if let Some(timer) = &mut self.timer {
            timer.handle_resent(old, ClientKey::of_request(request));
        }
    }

    /// A response to a request of ours in the dialog, or another 2xx to the INVITE.
    pub fn handle_response(
        mut self: Box<Self>,
        cx: &mut Context<'_>,
        key: &ClientKey,
        response: &Response,
        path: Path,
    ) -> State {
        if self.invite.as_ref() == Some(key) {
            if is_success(response) && response.to().tag() != self.dialog.remote_tag() {
                bye::refuse_acceptance(cx, key, response, path);
            }
            return State::Established(self);
        }
        self.dialog.learn_path(path);
        if matches!(&self.offers, Offers::Ours { key: ours, .. } if ours == key) {
            return self.handle_offer_response(cx, response);
        }
        if self.timer.as_ref().is_some_and(|timer| timer.has_asked(key)) {
            return self.handle_refresh_response(cx, response);
        }
        // To a PRACK or CANCEL it means that there is nothing to acknowledge or to cancel; another tag, another branch.
        let is_of_dialog = !key.is(&Method::Prack) && !key.is(&Method::Cancel);
        if response.status() == 481 && is_of_dialog && response.to().tag() == self.dialog.remote_tag() {
            // The other end knows no such dialog any more (12.2.1.2).
            return self.lose(cx, EndCause::Rejected(481, response.reason().to_owned()));
        }
        State::Established(self)
    }

    /// A request of ours in the dialog will have no response.
    pub fn handle_failure(mut self: Box<Self>, cx: &mut Context<'_>, key: &ClientKey, failure: Failure) -> State {
        if matches!(&self.offers, Offers::Ours { key: ours, .. } if ours == key) {
            self.wanted = None;
            self.settle(cx, Err(failure.status()));
            return self.lose(cx, EndCause::of(failure));
        }
        if self.timer.as_ref().is_some_and(|timer| timer.has_asked(key)) {
            return self.lose(cx, EndCause::of(failure));
        }
        State::Established(self)
    }

    /// A request in the dialog.
    pub fn handle_request(
        mut self: Box<Self>,
        cx: &mut Context<'_>,
        key: &ServerKey,
        request: Request,
        path: Path,
    ) -> State {
        if self.dialog.handle_request(&request).is_err() {
            cx.answer(key, &request, 500);
            return State::Established(self);
        }
        self.dialog.learn_path(path);
        match request.method() {
            Method::Invite => self.handle_reinvite(cx, key, request),
            Method::Update => self.handle_update(cx, key, request),
            Method::Prack => {
                let rack = Rack::of(&request);
                let known = self.unacknowledged.take_if(|awaited| Some(*awaited) == rack).is_some();
                cx.answer(key, &request, if known { 200 } else { 481 });
            }
            Method::Info => info::handle(cx, key, &request),
            Method::Options => cx.answer_options(key, &request),
            Method::Bye => {
                cx.answer(key, &request, 200);
                self.refuse_theirs(cx);
                cx.tell_end(EndCause::Remote);
                return State::Gone;
            }
            _ => cx.answer(key, &request, 481),
        }
        State::Established(self)
    }

    /// The ACK of a 2xx of ours.
    pub fn handle_ack(&mut self, cx: &mut Context<'_>, ack: &Request) {
        let Some(acceptance) = self.acceptance.take_if(|acceptance| acceptance.cseq == ack.cseq().0) else {
            return;
        };
        let session = cx.handle();
        let body = body_of_request(ack).filter(|_| acceptance.late);
        if acceptance.first {
            cx.tell(SessionEvent::Confirmed { session, body });
        } else if acceptance.late {
            cx.tell(SessionEvent::OfferAnswered { session, result: Ok(body) });
        }
        self.send_wanted(cx);
    }

    /// A CANCEL of their re-INVITE, when that still waits for our user.
    pub fn handle_cancel(&mut self, cx: &mut Context<'_>, invite: &ServerKey) {
        if matches!(&self.offers, Offers::Theirs { key, .. } if key == invite) {
            self.refuse_theirs(cx);
            self.send_wanted(cx);
        }
    }

    /// Ends the session: BYE, after the ACK of the first 2xx (15).
    pub fn leave(mut self: Box<Self>, cx: &mut Context<'_>) -> State {
        self.refuse_theirs(cx);
        if let (Offers::DueInAck { cseq }, Some(invite)) = (&self.offers, &self.invite) {
            cx.acknowledge(invite, &self.dialog, *cseq, None);
        }
        State::Leaving(Box::new(match self.acceptance {
            Some(acceptance) if acceptance.first => {
                Leaving::BeforeBye { dialog: self.dialog, acceptance: Box::new(acceptance) }
            }
            _ => Leaving::bye(cx, self.dialog),
        }))
    }

    /// Fires what is due.
    pub fn handle_timeout(mut self: Box<Self>, cx: &mut Context<'_>) -> State {
        if let Some(acceptance) = &mut self.acceptance
            && acceptance.handle_timeout(cx) == Patience::Exhausted
        {
            return self.lose(cx, EndCause::NoAck);
        }
        if self.timer.as_ref().is_some_and(|timer| timer.is_over(cx.now())) {
            return self.lose(cx, EndCause::NotRefreshed);
        }
        self.retry_offer(cx);
        self.refresh(cx);
        self.limit_offer(cx)
    }

    /// The next deadline and why.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        let retry = match self.offers {
            Offers::Retrying { at, .. } => Some((at, TimerReason::RetryOffer)),
            Offers::Ours { patience: Undecided::Until(at), .. } => Some((at, TimerReason::InviteUndecided)),
            Offers::Ours { patience: Undecided::Cancelled(at), .. } => Some((at, TimerReason::CancelUnanswered)),
            _ => None,
        };
        let timer = self.timer.as_ref().and_then(Running::poll_timeout);
        earlier(earlier(self.acceptance.as_ref().and_then(Acceptance::poll_timeout), retry), timer)
    }

    /// The session cannot go on: tells why, and says BYE to whoever listens.
    pub(super) fn lose(mut self: Box<Self>, cx: &mut Context<'_>, why: EndCause) -> State {
        self.refuse_theirs(cx);
        cx.tell_end(why);
        State::Leaving(Box::new(Leaving::bye(cx, self.dialog)))
    }
}
