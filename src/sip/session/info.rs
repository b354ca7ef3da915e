//! INFO: small things said in a dialog, early or confirmed, such as a key press (RFC 6086, legacy usage). Info packages,
//! which have to be agreed on first, are refused by name.

use super::context::Context;
use super::{Body, SessionEvent, is_final, is_success};
use crate::sip::dialog::Dialog;
use crate::sip::message::{Method, Request, Response};
use crate::sip::transaction::{ClientKey, Failure, ServerKey};

/// Sends an INFO.
pub fn send(cx: &mut Context<'_>, dialog: &mut Dialog, body: &Body) {
    let mut request = dialog.request(Method::Info);
    request.set_body(&body.content_type, body.bytes.clone());
    cx.send_in(dialog, request);
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

/// A response to a request of ours that may be an INFO.
pub fn handle_response(cx: &mut Context<'_>, key: &ClientKey, response: &Response) {
    if key.is(&Method::Info) && is_final(response) {
        let result = if is_success(response) { Ok(()) } else { Err(response.status()) };
        let session = cx.handle();
        cx.tell(SessionEvent::InfoAnswered { session, result });
    }
}

/// A request of ours that may be an INFO will have no response.
pub fn handle_failure(cx: &mut Context<'_>, key: &ClientKey, failure: Failure) {
    if key.is(&Method::Info) {
        let session = cx.handle();
        cx.tell(SessionEvent::InfoAnswered { session, result: Err(failure.status()) });
    }
}
