//! What kind of body a request would have in return (RFC 3261 20.1).

use crate::sip::message::Request;
use crate::sip::session::context::SDP;

/// Whether the sender reads session descriptions: it says so, or says nothing (20.1).
pub(super) fn accepts_descriptions(request: &Request) -> bool {
    request.header("Accept").is_none()
        || request.headers("Accept").any(|range| {
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
