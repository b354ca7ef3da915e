//! CANCEL: giving up an INVITE of ours, and what theirs says about why (RFC 3261 9, RFC 3326).

use super::context::Context;
use crate::sip::message::{Method, Request};
use crate::sip::path::Path;

/// Sends the CANCEL of `invite`: same request URI, Via, Route, From, To, Call-ID and CSeq number (9.1).
pub fn send(cx: &mut Context<'_>, invite: &Request, path: Path) {
    let (from, to, cseq) = (invite.from(), invite.to(), invite.cseq().0);
    let mut cancel = Request::new(Method::Cancel, invite.uri().clone(), from, to, invite.call_id(), cseq);
    cancel.push_via(invite.top_via().clone());
    for route in invite.headers("Route") {
        cancel.push_header("Route", route);
    }
    cx.send_finished(cancel, path);
}

/// True when the CANCEL says that another phone took the call: `Reason: SIP;cause=200` (RFC 3326 3.1).
pub fn is_completed_elsewhere(cancel: &Request) -> bool {
    cancel.headers("Reason").any(|reason| {
        let mut parts = reason.split(';').map(str::trim);
        parts.next().is_some_and(|protocol| protocol.eq_ignore_ascii_case("SIP"))
            && parts.any(|parameter| {
                parameter
                    .split_once('=')
                    .is_some_and(|(name, value)| name.trim().eq_ignore_ascii_case("cause") && value.trim() == "200")
            })
    })
}
