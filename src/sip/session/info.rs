//! INFO: small things said in a dialog, early or confirmed, such as a key press (RFC 6086, legacy usage). Info packages,
//! which have to be agreed on first, are refused by name.

use super::context::Context;
use super::{Body, InfoHandle, SessionEvent, is_final, is_success};
use crate::sip::dialog::Dialog;
use crate::sip::message::{Method, Request, Response};
use crate::sip::transaction::{ClientKey, Failure, ServerKey};

/// The INFOs of ours in a session that have no answer.
#[derive(Debug, Default)]
pub struct Unanswered(Vec<Sent>);

#[derive(Debug)]
struct Sent {
    info: InfoHandle,
    key: ClientKey,
    given_up: bool,
}

impl Unanswered {
    /// Sends an INFO.
    pub fn send(&mut self, cx: &mut Context<'_>, dialog: &mut Dialog, info: InfoHandle, body: &Body) {
        let mut request = dialog.request(Method::Info);
        request.set_body(&body.content_type, body.bytes.clone());
        let key = cx.send_in(dialog, request);
        self.0.push(Sent { info, key, given_up: false });
    }

    /// Neither repeats this one nor sends it again if it is challenged; its answer is still told.
    pub fn give_up(&mut self, cx: &mut Context<'_>, info: InfoHandle) {
        if let Some(sent) = self.0.iter_mut().find(|sent| sent.info == info) {
            sent.given_up = true;
            cx.transactions().send_once(&sent.key);
        }
    }

    /// True when the request under this key was given up.
    pub fn has_given_up(&self, key: &ClientKey) -> bool {
        self.0.iter().any(|sent| sent.key == *key && sent.given_up)
    }

    /// A challenged request, perhaps one of these, has gone again.
    pub fn handle_resent(&mut self, old: &ClientKey, request: &Request) {
        if let Some(sent) = self.0.iter_mut().find(|sent| sent.key == *old) {
            sent.key = ClientKey::of_request(request);
        }
    }

    /// A response to a request of ours that may be one of these.
    pub fn handle_response(&mut self, cx: &mut Context<'_>, key: &ClientKey, response: &Response) {
        if is_final(response) {
            let result = if is_success(response) { Ok(()) } else { Err(response.status()) };
            self.settle(cx, key, result);
        }
    }

    /// A request of ours that may be one of these will have no response.
    pub fn handle_failure(&mut self, cx: &mut Context<'_>, key: &ClientKey, failure: Failure) {
        self.settle(cx, key, Err(failure.status()));
    }

    fn settle(&mut self, cx: &mut Context<'_>, key: &ClientKey, result: Result<(), u16>) {
        if let Some(at) = self.0.iter().position(|sent| sent.key == *key) {
            let info = self.0.swap_remove(at).info;
            let session = cx.handle();
            cx.tell(SessionEvent::InfoAnswered { session, info, result });
        }
    }
}

/// An INFO came: answered at once and told. One of an info package gets 469, with the empty list of ours (4.2.2).
pub fn handle(cx: &mut Context<'_>, key: &ServerKey, request: &Request) {
    if request.header("Info-Package").is_some() {
        let mut response = cx.response(request, 469);
        response.push_header("Recv-Info", "");
        return cx.respond(key, &response);
    }
    cx.answer(key, request, 200);
    let session = cx.handle();
    let body = (!request.body().is_empty()).then(|| Body {
        content_type: request.content_type().unwrap_or_default().to_owned(),
        bytes: request.body().to_vec(),
    });
    cx.tell(SessionEvent::Info { session, body });
}
