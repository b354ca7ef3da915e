//! UPDATE, as the side that answers it: new media or a new Contact without a re-INVITE, early or confirmed (RFC 3311). Our
//! own are sent by `early_offer` and `reinvite`.

use super::context::Context;
use super::established::{Established, Offers};
use super::exchange::{Exchange, Offerer};
use super::timer::Running;
use super::{Body, Rejection, SessionEvent, body_of_request};
use crate::sip::dialog::Dialog;
use crate::sip::message::{Method, Request, Response};
use crate::sip::transaction::ServerKey;

/// An UPDATE in an early dialog. One that offers while an offer of ours is open gets 491, while one of theirs is open
/// 500 with Retry-After (5.2).
pub fn handle_early(
    cx: &mut Context<'_>,
    key: &ServerKey,
    request: Request,
    dialog: &mut Dialog,
    exchange: &mut Exchange,
) {
    let Some(offer) = body_of_request(&request) else {
        let response = acceptance(cx, &request, dialog);
        return cx.respond(key, &response);
    };
    exchange.give_up_retry(cx);
    match exchange {
        Exchange::Open(Offerer::We) | Exchange::Ours { .. } => cx.answer(key, &request, 491),
        Exchange::Open(_) | Exchange::Theirs { .. } | Exchange::DueInPrack { .. } => cx.answer_later(key, &request),
        Exchange::Settled | Exchange::Retrying { .. } => {
            *exchange = Exchange::Theirs { key: key.clone(), request: Box::new(request) };
            let session = cx.handle();
            cx.tell(SessionEvent::Offer { session, body: Some(offer) });
        }
    }
}

/// Our user's answer to the offer in an UPDATE or PRACK of theirs.
pub fn answer_offer(
    cx: &mut Context<'_>,
    dialog: &mut Dialog,
    key: &ServerKey,
    request: &Request,
    answer: &Result<Body, Rejection>,
) {
    match answer {
        Ok(body) => {
            let mut response = match request.method() {
                Method::Update => acceptance(cx, request, dialog),
                _ => cx.response(request, 200),
            };
            response.set_body(&body.content_type, body.bytes.clone());
            cx.respond(key, &response);
        }
        Err(rejection) => cx.refuse(key, request, rejection.or(488), dialog),
    }
}

/// The 200 to a request that refreshes the dialog, an UPDATE or re-INVITE: what follows goes where it says (RFC 3261 12.2.2).
fn acceptance(cx: &Context<'_>, request: &Request, dialog: &mut Dialog) -> Response {
    dialog.refresh_target(request.contact().as_ref());
    let mut response = cx.response(request, 200);
    cx.describe(&mut response, dialog.contact());
    response
}

impl Established {
    /// Accepts an UPDATE, with the answer to its offer; it refreshes the session.
    pub(super) fn accept_update(
        &mut self,
        cx: &mut Context<'_>,
        key: &ServerKey,
        request: &Request,
        answer: Option<&Body>,
    ) {
        let mut response = self.acceptance(cx, request);
        if let Some(body) = answer {
            response.set_body(&body.content_type, body.bytes.clone());
        }
        cx.respond(key, &response);
    }

    /// The 200 to an UPDATE or re-INVITE: it refreshes the session as well, or gives it a timer.
    pub(super) fn acceptance(&mut self, cx: &Context<'_>, request: &Request) -> Response {
        let mut response = acceptance(cx, request, &mut self.dialog);
        let wish = self.timer.as_ref().map(Running::as_wish);
        self.timer = Running::answer(cx.now(), request, &mut response, wish);
        response
    }

    /// An UPDATE in the confirmed dialog.
    pub(super) fn handle_update(&mut self, cx: &mut Context<'_>, key: &ServerKey, request: Request) {
        let Some(body) = body_of_request(&request) else {
            return self.accept_update(cx, key, &request, None);
        };
        if self.owes_answer() || matches!(self.offers, Offers::Ours { .. }) {
            cx.answer(key, &request, 491);
        } else if matches!(self.offers, Offers::Theirs { .. }) {
            cx.answer_later(key, &request);
        } else {
            self.give_up_retry(cx);
            self.offers = Offers::Theirs { key: key.clone(), request: Box::new(request) };
            let session = cx.handle();
            cx.tell(SessionEvent::Offer { session, body: Some(body) });
        }
    }
}
