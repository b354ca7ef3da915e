//! Refusals that say why: the status, and a Warning for whoever looks into the matter (RFC 3261 20.43).

use crate::sip::message::{Response, Uri};

/// The status whose phrase says what is wrong (RFC 3261 21.4.1).
const BAD_REQUEST: u16 = 400;
/// A warning of no kind of its own (20.43).
const MISCELLANEOUS: u16 = 399;

/// How an INVITE or an offer of theirs is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejection {
    /// 300 to 699.
    pub status: u16,
    /// Why.
    pub warning: Option<Warning>,
}

/// Why something is refused, in a few English words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Warning {
    /// What it is about: 300 to 399 (RFC 3261 20.43).
    pub code: u16,
    /// The words, without quotes and backslashes.
    pub text: &'static str,
}

impl Rejection {
    /// Our offer got no answer where one had to come (RFC 3262 5).
    pub(super) const UNANSWERED: Rejection = Rejection {
        status: 488,
        warning: Some(Warning { code: MISCELLANEOUS, text: "the PRACK has no answer to our offer" }),
    };

    /// The same with this status, if its own is none that refuses.
    pub(super) fn or(self, status: u16) -> Self {
        if (300..700).contains(&self.status) { self } else { Rejection { warning: self.warning, ..status.into() } }
    }

    /// Adds to a response of its status what else it says; `ours` is our Contact, which names us.
    pub(super) fn explain(&self, response: &mut Response, ours: &Uri) {
        let Some(Warning { code, text }) = self.warning else {
            return;
        };
        if self.status == BAD_REQUEST {
            response.add_to_reason(text);
        }
        let port = ours.port().map(|port| format!(":{port}")).unwrap_or_default();
        response.push_header("Warning", &format!("{code} {}{port} \"{text}\"", ours.host()));
    }
}

/// A status alone. Whoever is told that a description is not acceptable should be told why (21.4.26, 21.6.4).
impl From<u16> for Rejection {
    fn from(status: u16) -> Self {
        let text = "this session cannot be had here";
        let warning = matches!(status, 488 | 606).then_some(Warning { code: MISCELLANEOUS, text });
        Rejection { status, warning }
    }
}
