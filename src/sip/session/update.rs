//! UPDATE, as the side that answers it: new media or a new Contact without a re-INVITE, early or confirmed (RFC 3311). Our
//! own are sent by `early_offer` and `reinvite`.

use super::context::Context;
use super::established::{Established, Offers};
use super::exchange::{Exchange, Offerer};
use super::timer::Running;
use super::{Body, SessionEvent, body_of_request};
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
        return accept_plain(cx, key, &request, dialog);
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
    answer: &Result<Body, u16>,
) {
    match answer {
        Ok(body) => {
            let mut response = cx.response(request, 200);
            if *request.method() == Method::Update {
                dialog.refresh_target(request.contact().as_ref());
                cx.describe(&mut response, dialog.contact());
            }
            response.set_body(&body.content_type, body.bytes.clone());
            cx.respond(key, &response);
        }
        Err(code) => cx.answer(key, request, if (300..700).contains(code) { *code } else { 488 }),
    }
}

fn accept_plain(cx: &mut Context<'_>, key: &ServerKey, request: &Request, dialog: &mut Dialog) {
    dialog.refresh_target(request.contact().as_ref());
    let mut response = cx.response(request, 200);
    cx.describe(&mut response, dialog.contact());
    cx.respond(key, &response);
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
        self.dialog.refresh_target(request.contact().as_ref());
        let mut response = cx.response(request, 200);
        cx.describe(&mut response, self.dialog.contact());
        self.agree_on_timer(cx, request, &mut response);
        if let Some(body) = answer {
            response.set_body(&body.content_type, body.bytes.clone());
        }
        cx.respond(key, &response);
    }

    /// A request of theirs that we accept refreshes the session, or gives it a timer.
    pub(super) fn agree_on_timer(&mut self, cx: &Context<'_>, request: &Request, response: &mut Response) {
        let wish = self.timer.as_ref().map(Running::as_wish);
        self.timer = Running::answer(cx.now(), request, response, wish);
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
