//! PRACK: what acknowledges a provisional response (RFC 3262), as both sides write and read it.

use std::fmt;

use super::Body;
use super::context::Context;
use crate::sip::dialog::Dialog;
use crate::sip::message::{Method, Request, Response};
use crate::sip::transaction::ClientKey;

/// The option tag of reliable provisional responses.
pub const RELIABLE: &str = "100rel";

/// Which response a PRACK acknowledges: the RAck header (7.2). The method is always INVITE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rack {
    /// The RSeq number of the response.
    pub rseq: u32,
    /// The CSeq number of the INVITE.
    pub cseq: u32,
}

impl Rack {
    /// What this PRACK acknowledges; none when it does not say so well, or says it of another method.
    pub fn of(prack: &Request) -> Option<Self> {
        let mut parts = prack.header("RAck")?.split_ascii_whitespace();
        let (rseq, cseq) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let is_invite = parts.next()? == "INVITE" && parts.next().is_none();
        is_invite.then_some(Rack { rseq, cseq })
    }
}

impl fmt::Display for Rack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} INVITE", self.rseq, self.cseq)
    }
}

/// The RSeq number of a response that wants a PRACK; none for one that does not (3, 4).
pub fn number(response: &Response) -> Option<u32> {
    let required = response.headers("Require").any(|tag| tag.eq_ignore_ascii_case(RELIABLE));
    let number = response.header("RSeq").filter(|_| required)?.trim().parse().ok()?;
    (number > 0 && response.status() > 100).then_some(number)
}

/// Acknowledges a provisional response in its early dialog, by that dialog's own way (4).
pub fn send(cx: &mut Context<'_>, dialog: &mut Dialog, rack: Rack, answer: Option<&Body>) -> ClientKey {
    let mut request = dialog.request(Method::Prack);
    request.push_header("RAck", &rack.to_string());
    if let Some(answer) = answer {
        request.set_body(&answer.content_type, answer.bytes.clone());
    }
    cx.send_in(dialog, request)
}
