//! What could not be read as a message, and what can still be answered to it.

use std::fmt::Write;
use std::net::SocketAddr;

use super::lines::Lines;
use super::{NameAddr, Params, Via, scan, serialise};

/// A message that was refused by the parser. When enough of it could be read, it can be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// The status to answer with; none when nobody can or may be answered (a response, an ACK, no Via).
    pub status: Option<u16>,
    /// What is wrong, in a few English words.
    pub why: &'static str,
    /// The topmost hop, when it could be read.
    via: Option<Box<Via>>,
    /// The Via, From, To, Call-ID and CSeq lines, to be repeated in the answer; without the topmost hop if that could be
    /// read.
    lines: Vec<(String, String)>,
}

impl Reject {
    /// A message that is dropped without an answer.
    pub(super) fn silent(why: &'static str) -> Self {
        Reject { status: None, why, via: None, lines: Vec::new() }
    }

    /// A request that is answered with `status`, with the header lines that it had.
    ///
    /// An answer finds its way by the Via. What else is missing is missing in the answer, too: a 400 of which the sender
    /// sees what he forgot is better than none (RFC 4475 3.3.1).
    pub(super) fn request(status: u16, why: &'static str, is_ack: bool, lines: &Lines<'_>) -> Self {
        let mut via = None;
        let mut repeated = Vec::new();
        for (name, mut value) in lines.iter() {
            if name == "Via" && via.is_none() && repeated.iter().all(|(name, _)| name != "Via") {
                let first = scan::first_of_list(value);
                if let Ok(top) = Via::parse(first) {
                    via = Some(Box::new(top));
                    value = &value[scan::behind_first(value)..];
                    if value.is_empty() {
                        continue;
                    }
                }
            }
            if matches!(name, "Via" | "From" | "To" | "Call-ID" | "CSeq") {
                repeated.push((name.to_string(), value.to_owned()));
            }
        }
        let answerable = !is_ack && (via.is_some() || repeated.iter().any(|(name, _)| name == "Via"));
        Reject { status: answerable.then_some(status), why, via, lines: repeated }
    }

    /// The topmost hop, which says where the answer goes; none when it could not be read.
    pub fn top_via(&self) -> Option<&Via> {
        self.via.as_deref()
    }

    /// What the answer repeats, as names and values: the same for a repetition of the message.
    pub fn repeated(&self) -> &[(String, String)] {
        &self.lines
    }

    /// The bytes of the answer to a message that came from `source`, if there is one to give. `tag` is the To tag: not to
    /// be guessed, and the same for a repetition (RFC 3261 8.2.7).
    pub fn response(&self, source: SocketAddr, tag: &str) -> Option<Vec<u8>> {
        let status = self.status?;
        let mut via = self.via.as_deref().cloned();
        if let Some(via) = &mut via {
            via.stamp_source(source);
        }
        let to = self.lines.iter().find(|(name, _)| name == "To").map(|(_, value)| tagged(value, tag));
        let lines = self.lines.iter().map(|(name, value)| match (name.as_str(), &to) {
            ("To", Some(to)) => ("To", to.as_str()),
            (name, _) => (name, value.as_str()),
        });
        let first = format_args!("SIP/2.0 {status} {} ({})", crate::sip::message::reason_phrase(status), self.why);
        let lines = |head: &mut String| serialise::lines(head, lines);
        Some(serialise::message(|to| to.write_fmt(first), via.as_ref(), lines, 512, b""))
    }
}

/// A To with a tag: its own, or else `tag`.
fn tagged(to: &str, tag: &str) -> String {
    match NameAddr::parse(to) {
        Ok(address) => address.text_with_tag(to, tag),
        // What cannot be read has parameters behind the last bracket, if anywhere.
        Err(_) => {
            let behind = to.rsplit_once('>').and_then(|(_, rest)| scan::trim(rest).strip_prefix(';'));
            let params = behind.and_then(|params| Params::parse(params).ok());
            if params.is_some_and(|params| params.contains("tag")) { to.to_owned() } else { format!("{to};tag={tag}") }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::wire::parse_datagram;

    fn answer(via: &str, to: &str) -> String {
        let text = format!(
            "BREW sip:a SIP/7.0\r\nv: {via}\r\nv: SIP/2.0/X-Y  relay.example ; odd = \"a,b\"\r\nt: {to}\r\nf:  A <sip:tag=1@h>\r\n\
             X-Other: 1\r\ni: c\r\nCSeq: 1 BREW\r\n\r\n"
        );
        let reject = parse_datagram(text.as_bytes()).unwrap_err();
        let source = SocketAddr::from(([203, 0, 113, 9], 777));
        String::from_utf8(reject.response(source, "T").unwrap()).unwrap()
    }

    #[test]
    fn an_answer_finds_its_way_and_repeats_what_it_must() {
        assert_eq!(
            answer("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;rport, SIP/2.0/TCP b ;x", "<sip:b@h>"),
            "SIP/2.0 505 Version Not Supported (version)\r\n\
             Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;rport=777;received=203.0.113.9\r\nVia: SIP/2.0/TCP b ;x\r\n\
             Via: SIP/2.0/X-Y  relay.example ; odd = \"a,b\"\r\nTo: <sip:b@h>;tag=T\r\nFrom: A <sip:tag=1@h>\r\n\
             Call-ID: c\r\nCSeq: 1 BREW\r\nContent-Length: 0\r\n\r\n"
        );
        // A Via that nobody can read is repeated for whoever wrote it.
        assert!(answer("SIP/2.0/UDP h;;,;", "<sip:b@h>").contains("\r\nVia: SIP/2.0/UDP h;;,;\r\nVia: SIP/2.0/X-Y"));
    }

    #[test]
    fn the_tag_is_a_parameter_of_to_and_nothing_else() {
        let via = "SIP/2.0/UDP 192.0.2.1";
        for (to, expected) in [
            ("<sip:b@h>", "<sip:b@h>;tag=T"),
            ("<sip:tag=1@h;tag=2>", "<sip:tag=1@h;tag=2>;tag=T"),
            ("\";tag=3\" <sip:b@h>", "\";tag=3\" <sip:b@h>;tag=T"),
            ("<sip:b@h>;x=tag=4", "<sip:b@h>;x=tag=4;tag=T"),
            ("sip:b@h ; TAG = own", "sip:b@h ; TAG = own"),
            ("<sip:b@h>;tag=own", "<sip:b@h>;tag=own"),
            ("<sip:b@h>;tag=", "<sip:b@h>;tag=T"),
            ("<sip:b@h>;", "<sip:b@h>;tag=T"),
            ("\"open <sip:b@h>;tag=own", "\"open <sip:b@h>;tag=own"),
            ("\"open <sip:b@h>", "\"open <sip:b@h>;tag=T"),
        ] {
            let answer = answer(via, to);
            assert!(answer.contains(&format!("\r\nTo: {expected}\r\n")), "{to}: {answer}");
        }
    }
}
