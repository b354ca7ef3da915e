//! What the body of a request is to us, and what it would have in return (RFC 3261 8.2.3, 20.1, 20.11).

use crate::sip::message::Request;
use crate::sip::session::context::SDP;

/// What kind of body a request has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// None.
    Absent,
    /// A session description in plain form.
    Description,
    /// Something unreadable that need not be read (`handling=optional`).
    Optional,
    /// Something encrypted, for which we have no key.
    Encrypted,
    /// Something else.
    Unreadable,
}

/// The kind of body of this request.
pub(super) fn kind_of(request: &Request) -> Content {
    if request.body().is_empty() {
        return Content::Absent;
    }
    let plain = request.header("Content-Encoding").is_none_or(|coding| coding.eq_ignore_ascii_case("identity"));
    let kind = media_type(request.content_type().unwrap_or(SDP));
    if plain && kind.eq_ignore_ascii_case(SDP) {
        return Content::Description;
    }
    let optional = request.header("Content-Disposition").is_some_and(|disposition| {
        disposition.split(';').skip(1).filter_map(|parameter| parameter.split_once('=')).any(|(name, value)| {
            name.trim().eq_ignore_ascii_case("handling") && value.trim().eq_ignore_ascii_case("optional")
        })
    });
    if optional {
        Content::Optional
    } else if kind.eq_ignore_ascii_case("application/pkcs7-mime") {
        Content::Encrypted
    } else {
        Content::Unreadable
    }
}

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
