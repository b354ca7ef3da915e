//! UPDATE, as the side that answers it: new media or a new Contact without a re-INVITE (RFC 3311).

use super::context::Context;
use super::established::{Established, Offers};
use super::{SessionEvent, body_of_request};
use crate::sip::dialog::Dialog;
use crate::sip::message::Request;
use crate::sip::transaction::ServerKey;

/// An UPDATE in an early dialog. The first offer has no answer yet there, so one with an offer is refused with
/// `status`: 491 when that offer is ours, 500 with Retry-After when it is theirs (5.2).
pub fn handle_early(cx: &mut Context<'_>, key: &ServerKey, request: &Request, dialog: &mut Dialog, status: u16) {
    if body_of_request(request).is_none() {
        dialog.refresh_target(request.contact().as_ref());
        accept_plain(cx, key, request, dialog);
    } else if status == 500 {
        cx.answer_later(key, request);
    } else {
        cx.answer(key, request, status);
    }
}

fn accept_plain(cx: &mut Context<'_>, key: &ServerKey, request: &Request, dialog: &Dialog) {
    let mut response = cx.response(request, 200);
    cx.describe(&mut response, dialog.contact());
    cx.respond(key, &response);
}

impl Established {
    /// An UPDATE in the confirmed dialog.
    pub(super) fn handle_update(&mut self, cx: &mut Context<'_>, key: &ServerKey, request: Request) {
        let Some(body) = body_of_request(&request) else {
            self.dialog.refresh_target(request.contact().as_ref());
            accept_plain(cx, key, &request, &self.dialog);
            return;
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
