//! What kinds of body a request is understood with, and which one it would have in return (RFC 3261 8.2.3, 20.1).

use crate::sip::message::{Method, Request};
use crate::sip::session::context::SDP;

/// The bodies that mean something in an INFO: keys, in both spellings that are about, and the wish for a key frame (RFC 5168).
const OF_INFO: &[&str] = &["application/dtmf-relay", "application/dtmf", "application/media_control+xml"];

/// The kinds of body that a request is understood with; none when it is obeyed whatever it carries.
///
/// That is BYE: its sender has left whatever is answered (15.1.1), and a call that cannot be ended is worse than a body that
/// nobody has read. Neither ACK nor CANCEL is ever refused for what it carries. An INFO of a package is refused for that, by
/// another status.
pub(super) fn understood(request: &Request) -> Option<&'static [&'static str]> {
    match request.method() {
        Method::Invite | Method::Update | Method::Prack | Method::Options => Some(&[SDP]),
        Method::Info if request.header("Info-Package").is_none() => Some(OF_INFO),
        _ => None,
    }
}

/// Whether the answer to a request is a session description, and its sender says that it reads none (20.1). What is answered
/// without a body suits everybody: an UPDATE or PRACK that offers nothing.
pub(super) fn reads_no_answer(request: &Request) -> bool {
    let is_answered_with_one = match request.method() {
        Method::Invite => true,
        Method::Update | Method::Prack => !request.body().is_empty(),
        _ => false,
    };
    is_answered_with_one
        && request.header("Accept").is_some()
        && !request.headers("Accept").any(|range| {
            let refused = range.split(';').skip(1).any(|parameter| {
                parameter
                    .split_once('=')
                    .is_some_and(|(name, q)| name.trim() == "q" && q.trim().parse::<f32>().is_ok_and(|q| q <= 0.0))
            });
            let range = media_type(range);
            let known = [SDP, "application/*", "*/*"].iter().any(|known| range.eq_ignore_ascii_case(known));
            known && !refused
        })
}

fn media_type(value: &str) -> &str {
    value.split(';').next().unwrap_or_default().trim()
}
