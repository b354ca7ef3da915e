//! Changing the media of a confirmed session by re-INVITE, either way (RFC 3261 14): glare, retries, answers; and our
//! own offers by UPDATE (RFC 3311), which go the same way without ACK.

use std::time::Duration;

use super::acceptance::Acceptance;
use super::cancel::GivenUp;
use super::context::Context;
use super::established::{Established, Means, Offers, Undecided, Wanted};
use super::{Body, EndCause, Rejection, SessionEvent, State, body_of_request, cancel, description_of, update};
use crate::sip::message::{Method, Request, Response};
use crate::sip::timing::GIVE_UP;
use crate::sip::transaction::ServerKey;

/// How often one offer is sent before its refusal by glare is told.
pub(super) const MAX_ATTEMPTS: u8 = 3;
/// Longest Retry-After that is waited for, in seconds; beyond it the refusal is told.
const MAX_RETRY_AFTER: u32 = 10;

impl Established {
    /// Offers new media, now or when the offers under way are answered. An offer that still waits gives way.
    pub fn offer(&mut self, cx: &mut Context<'_>, body: Body, by: Means) {
        let offer = Wanted { body, by, attempt: 0 };
        if let Offers::Retrying { wanted, .. } = &mut self.offers {
            *wanted = Wanted { attempt: wanted.attempt, ..offer };
            tell_result(cx, Err(491));
            return;
        }
        if self.wanted.replace(offer).is_some() {
            tell_result(cx, Err(491));
        }
        self.send_wanted(cx);
    }

    /// Sends the offer that waits, when nothing else is under way.
    pub(super) fn send_wanted(&mut self, cx: &mut Context<'_>) {
        if matches!(self.offers, Offers::Settled)
            && self.acceptance.is_none()
            && let Some(wanted) = self.wanted.take()
        {
            self.send_offer(cx, wanted);
        }
    }

    fn send_offer(&mut self, cx: &mut Context<'_>, mut wanted: Wanted) {
        let method = match wanted.by {
            Means::Reinvite => Method::Invite,
            Means::Update => Method::Update,
        };
        let mut request = self.dialog.request(method);
        super::uac::add_capabilities(&mut request, self.dialog.contact());
        request.set_body(&wanted.body.content_type, wanted.body.bytes.clone());
        if let Some(timer) = &self.timer {
            timer.write(&mut request);
        }
        let key = cx.send_in(&self.dialog, request);
        wanted.attempt += 1;
        self.offers = Offers::ours(cx.now(), key, self.dialog.local_cseq(), wanted);
    }

    /// Cancels a re-INVITE that nobody decides; when that is not answered either, the dialog is lost.
    pub(super) fn limit_offer(mut self: Box<Self>, cx: &mut Context<'_>) -> State {
        let Offers::Ours { key, patience, .. } = &mut self.offers else {
            return State::Established(self);
        };
        match *patience {
            Undecided::Until(at) if cx.now() >= at => {
                *patience = Undecided::Cancelled(cx.now() + GIVE_UP);
                if let Some(client) = cx.transactions().invite_client_mut(key) {
                    let (invite, path) = (client.request().clone(), client.path());
                    cancel::send(cx, &invite, path, GivenUp::Plainly);
                }
                State::Established(self)
            }
            Undecided::Cancelled(at) if cx.now() >= at => {
                self.wanted = None;
                self.settle(cx, Err(408));
                self.lose(cx, EndCause::TimedOut)
            }
            _ => State::Established(self),
        }
    }

    /// A response to our re-INVITE or UPDATE.
    pub(super) fn handle_offer_response(mut self: Box<Self>, cx: &mut Context<'_>, response: &Response) -> State {
        match response.status() {
            100..=199 => {}
            200..=299 => {
                if let Offers::Ours { key, cseq, wanted, .. } = &self.offers {
                    self.dialog.refresh_target(response.contact().as_ref());
                    if let Some(timer) = &mut self.timer {
                        timer.refreshed(cx.now(), response);
                    }
                    if wanted.by == Means::Reinvite {
                        cx.acknowledge(key, &self.dialog, *cseq, None);
                    }
                }
                self.settle(cx, Ok(description_of(response)));
            }
            status @ (408 | 481) => {
                // The dialog is lost, not only the offer (12.2.1.2).
                self.wanted = None;
                self.settle(cx, Err(status));
                return self.lose(cx, EndCause::Rejected(status, response.reason().to_owned()));
            }
            405 | 501 if self.offered_by() == Some(Means::Update) => {
                self.takes_update = false;
                self.offer_by_reinvite(cx);
            }
            422 if self.timer.as_mut().is_some_and(|timer| timer.raise(response)) => {
                self.wait_for_retry(cx, Duration::ZERO);
            }
            status => match retry_wait(cx, response, self.invite.is_some()) {
                Some(wait) => self.wait_for_retry(cx, wait),
                None => self.settle(cx, Err(status)),
            },
        }
        State::Established(self)
    }

    fn wait_for_retry(&mut self, cx: &mut Context<'_>, wait: Duration) {
        match std::mem::replace(&mut self.offers, Offers::Settled) {
            Offers::Ours { wanted, .. } if wanted.attempt < MAX_ATTEMPTS => {
                self.offers = Offers::Retrying { at: cx.now() + wait, wanted };
            }
            _ => self.settle(cx, Err(491)),
        }
    }

    fn offered_by(&self) -> Option<Means> {
        match &self.offers {
            Offers::Ours { wanted, .. } => Some(wanted.by),
            _ => None,
        }
    }

    /// They know no UPDATE: the same by re-INVITE.
    fn offer_by_reinvite(&mut self, cx: &mut Context<'_>) {
        if let Offers::Ours { wanted, .. } = std::mem::replace(&mut self.offers, Offers::Settled) {
            self.send_offer(cx, Wanted { by: Means::Reinvite, ..wanted });
        }
    }

    /// Sends an offer again whose wait is over.
    pub(super) fn retry_offer(&mut self, cx: &mut Context<'_>) {
        match std::mem::replace(&mut self.offers, Offers::Settled) {
            Offers::Retrying { at, wanted } if cx.now() >= at => self.send_offer(cx, wanted),
            other => self.offers = other,
        }
    }

    /// Their offer comes first: ours, made before, describes what is no longer so.
    pub(super) fn give_up_retry(&mut self, cx: &mut Context<'_>) {
        if let Offers::Retrying { .. } = self.offers {
            self.offers = Offers::Settled;
            tell_result(cx, Err(491));
        }
    }

    /// Our re-INVITE has its result.
    pub(super) fn settle(&mut self, cx: &mut Context<'_>, result: Result<Option<Body>, u16>) {
        self.offers = Offers::Settled;
        tell_result(cx, result);
        self.send_wanted(cx);
    }

    /// True while the answer to an offer of ours in a 2xx, or of theirs in a 2xx, has to come in an ACK.
    pub(super) fn owes_answer(&self) -> bool {
        matches!(self.offers, Offers::DueInAck { .. }) || self.acceptance.as_ref().is_some_and(|sent| sent.late)
    }

    /// A re-INVITE came.
    pub(super) fn handle_reinvite(&mut self, cx: &mut Context<'_>, key: &ServerKey, request: Request) {
        if self.owes_answer() || matches!(self.offers, Offers::Ours { .. }) {
            cx.answer(key, &request, 491);
            return;
        }
        if matches!(self.offers, Offers::Theirs { .. }) {
            cx.answer_later(key, &request);
            return;
        }
        self.give_up_retry(cx);
        let session = cx.handle();
        if self.acceptance.take().is_some_and(|acceptance| acceptance.first) {
            // Whoever sends a re-INVITE has our 2xx: its ACK was lost.
            cx.tell(SessionEvent::Confirmed { session, body: None });
        }
        cx.answer(key, &request, 100);
        cx.tell(SessionEvent::Offer { session, body: body_of_request(&request) });
        self.offers = Offers::Theirs { key: key.clone(), request: Box::new(request) };
    }

    /// Our user's answer to their offer, in a re-INVITE, an UPDATE, or the 2xx to an INVITE of ours without one.
    pub fn answer_offer(mut self: Box<Self>, cx: &mut Context<'_>, answer: Result<Body, Rejection>) -> State {
        match std::mem::replace(&mut self.offers, Offers::Settled) {
            Offers::Theirs { key, request } => match answer {
                Ok(body) if *request.method() == Method::Invite => self.accept_theirs(cx, key, &request, body),
                Ok(body) if *request.method() == Method::Update => self.accept_update(cx, &key, &request, Some(&body)),
                answer => update::answer_offer(cx, &mut self.dialog, &key, &request, &answer),
            },
            Offers::DueInAck { cseq } => {
                if let Some(invite) = &self.invite {
                    cx.acknowledge(invite, &self.dialog, cseq, answer.as_ref().ok());
                }
                if answer.is_err() {
                    // An offer in a 2xx cannot be refused, only left (13.2.1).
                    return self.lose(cx, EndCause::Local);
                }
            }
            other => self.offers = other,
        }
        self.send_wanted(cx);
        State::Established(self)
    }

    fn accept_theirs(&mut self, cx: &mut Context<'_>, key: ServerKey, request: &Request, body: Body) {
        let late = body_of_request(request).is_none();
        let mut response = self.acceptance(cx, request);
        response.set_body(&body.content_type, body.bytes);
        self.acceptance = Some(Acceptance::start(cx, key, response, late, false));
    }

    /// Their offer will have no answer any more: 487, as for a CANCEL.
    pub(super) fn refuse_theirs(&mut self, cx: &mut Context<'_>) {
        match std::mem::replace(&mut self.offers, Offers::Settled) {
            Offers::Theirs { key, request } => cx.answer(&key, &request, 487),
            other => self.offers = other,
        }
    }
}

/// How long to wait before the same offer is sent again; none when the refusal is final (14.1).
pub(super) fn retry_wait(cx: &mut Context<'_>, response: &Response, made_call_id: bool) -> Option<Duration> {
    match response.status() {
        // The side that made the Call-ID waits longer, so that the two do not meet again.
        491 if made_call_id => Some(Duration::from_millis(10) * cx.choose(210, 400)),
        491 => Some(Duration::from_millis(10) * cx.choose(0, 200)),
        480 | 500 | 503 => {
            let seconds = response.header("Retry-After")?.split([';', '(', ' ']).next()?.parse::<u32>().ok()?;
            (seconds <= MAX_RETRY_AFTER).then(|| Duration::from_secs(seconds.into()))
        }
        _ => None,
    }
}

/// Tells what became of an offer of ours.
pub(super) fn tell_result(cx: &mut Context<'_>, result: Result<Option<Body>, u16>) {
    let session = cx.handle();
    cx.tell(SessionEvent::OfferAnswered { session, result });
}
