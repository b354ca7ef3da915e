//! CANCEL: giving up an INVITE of ours, and what theirs says about why (RFC 3261 9, RFC 3326).

use super::context::Context;
use crate::sip::message::{Method, Request};
use crate::sip::path::Path;

/// What a CANCEL says when another phone took the call: no missed call then.
const COMPLETED_ELSEWHERE: &str = "SIP;cause=200;text=\"Call completed elsewhere\"";

/// Why an INVITE of ours is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenUp {
    /// Nobody wants it any more.
    Plainly,
    /// Another one who was called has answered.
    AnsweredElsewhere,
}

/// Sends the CANCEL of `invite`.
pub fn send(cx: &mut Context<'_>, invite: &Request, path: Path, why: GivenUp) {
    cx.send_finished(of(invite, why), path);
}

/// The CANCEL of `invite`: same request URI, Via, Route, From, To, Call-ID and CSeq number (9.1).
pub fn of(invite: &Request, why: GivenUp) -> Request {
    let (from, to, cseq) = (invite.from(), invite.to(), invite.cseq().0);
    let mut cancel = Request::new(Method::Cancel, invite.uri().clone(), from, to, invite.call_id(), cseq);
    cancel.push_via(invite.top_via().clone());
    for route in invite.headers("Route") {
        cancel.push_header("Route", route);
    }
    if why == GivenUp::AnsweredElsewhere {
        cancel.push_header("Reason", COMPLETED_ELSEWHERE);
    }
    cancel
}

/// True when the CANCEL says that another phone took the call: `Reason: SIP;cause=200` (RFC 3326 3.1), or `Q.850;cause=26`
/// (cleared because another one was selected), by which exchanges say the same.
pub fn is_completed_elsewhere(cancel: &Request) -> bool {
    cancel.headers("Reason").any(|reason| {
        let mut parts = reason.split(';').map(str::trim);
        let cause = match parts.next() {
            Some(protocol) if protocol.eq_ignore_ascii_case("SIP") => "200",
            Some(protocol) if protocol.eq_ignore_ascii_case("Q.850") => "26",
            _ => return false,
        };
        parts.any(|parameter| {
            parameter
                .split_once('=')
                .is_some_and(|(name, value)| name.trim().eq_ignore_ascii_case("cause") && value.trim() == cause)
        })
    })
}
