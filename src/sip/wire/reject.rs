//! What could not be read as a message, and what can still be answered to it.

use super::serialise;

/// A message that was refused by the parser. When enough of it could be read, it can be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// The status to answer with; none when nobody can or may be answered (a response, an ACK, no Via).
    pub status: Option<u16>,
    /// What is wrong, in a few English words.
    pub why: &'static str,
    /// The raw Via, From, To, Call-ID and CSeq lines, to be repeated in the answer.
    lines: Vec<(String, String)>,
}

impl Reject {
    /// A message that is dropped without an answer.
    pub(super) fn silent(why: &'static str) -> Self {
        Reject { status: None, why, lines: Vec::new() }
    }

    /// A request that is answered with `status`, with the header lines that it had.
    pub(super) fn request(status: u16, why: &'static str, is_ack: bool, lines: &[(String, String)]) -> Self {
        let has = |name: &str| lines.iter().any(|(own, _)| own == name);
        // An answer finds its way by the topmost Via and its transaction by the rest (RFC 3261 8.2.6.2).
        let answerable = !is_ack && has("Via") && has("From") && has("Call-ID") && has("CSeq");
        let repeated = |name: &str| matches!(name, "Via" | "From" | "To" | "Call-ID" | "CSeq");
        let lines = lines.iter().filter(|(name, _)| repeated(name)).cloned().collect();
        Reject { status: answerable.then_some(status), why, lines }
    }

    /// The bytes of the answer, if there is one to give.
    pub fn response(&self) -> Option<Vec<u8>> {
        let status = self.status?;
        let first = format!("SIP/2.0 {status} {} ({})", crate::sip::message::reason_phrase(status), self.why);
        let tagged: Vec<(&str, String)> = self
            .lines
            .iter()
            .map(|(name, value)| match name.as_str() {
                // A constant tag is enough: no dialog and no transaction comes of this answer.
                "To" if !value.contains("tag=") => (name.as_str(), format!("{value};tag=refused")),
                _ => (name.as_str(), value.clone()),
            })
            .collect();
        Some(serialise::message(&first, tagged.iter().map(|(name, value)| (*name, value.as_str())), b""))
    }
}
