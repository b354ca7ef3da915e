//! Bytes to a [`Message`], or to a [`Reject`] that says what was wrong and may still be answered.

use std::borrow::Cow;

use super::lines::{Lines, each, head_end, plain_head_end, unfold};
use super::names::Field;
use super::uri::Uri;
use super::{
    FramingError, MAX_HEADER_LINE, MAX_HEADER_LINES, MAX_MESSAGE, MAX_URI, Malformed, Method, Reject, checks, headers,
    scan, text,
};
use crate::sip::message::{Core, Message, Request, Response};

/// Reads one whole message: a datagram, or what [`super::StreamFramer`] cut out of a stream.
///
/// # Errors
/// [`Reject`], with a status where the sender can be told (400, 413, 414, 505).
pub fn parse_datagram(bytes: &[u8]) -> Result<Message, Reject> {
    // Line ends before a message are to be ignored (RFC 3261 7.5).
    let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).ok_or(Reject::silent("empty"))?;
    let bytes = &bytes[start..];
    let plain_end = plain_head_end(bytes);
    let (head, body, fault) = match plain_end.or_else(|| head_end(bytes, 0)) {
        Some(end) if bytes.len() > MAX_MESSAGE => (&bytes[..end.min(MAX_MESSAGE)], b"".as_slice(), TOO_LONG),
        Some(end) => (&bytes[..end], &bytes[end..], None),
        None => (&bytes[..bytes.len().min(MAX_MESSAGE)], b"".as_slice(), Some((400, "head without an end"))),
    };
    // One that was cut off may end within a line end.
    let is_whole_and_plain = plain_end == Some(head.len());
    let head = text::from_bytes(head);
    let head = if is_whole_and_plain { head } else { unfold(head) };
    let head = Head::read(head, fault);
    if begins_a_response(head.lines.start_line()) { response(head, body) } else { request(head, body) }
}

fn begins_a_response(start_line: &str) -> bool {
    start_line.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("SIP/"))
}

/// What can be answered to the head of a message that [`super::StreamFramer`] could not cut out.
pub fn refuse_unframed(head: &[u8], error: FramingError) -> Reject {
    let fault = match error {
        FramingError::NotSip => return Reject::silent("no SIP"),
        FramingError::HeadTooLong => (513, "head too long"),
        FramingError::BodyTooLong => (413, "message too long"),
        FramingError::Length => (400, "Content-Length"),
        FramingError::NoLength => (400, "a stream needs Content-Length"),
    };
    // The last line of a head that was broken off is not whole.
    let whole = head.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let head = Head::read(unfold(text::from_bytes(&head[..whole])), None);
    if begins_a_response(head.lines.start_line()) { Reject::silent(fault.1) } else { head.refuse(fault) }
}

/// What is wrong with a message and the status that says so.
type Fault = (u16, &'static str);

const TOO_LONG: Option<Fault> = Some((413, "message too long"));

/// The head of a message as it is read, and what is wrong with it. The first fault is noted and the rest still read, so
/// that there is something to answer with.
struct Head<'a> {
    lines: Lines<'a>,
    fault: Option<Fault>,
    /// Which of the names that may stand once were seen, and which of them twice: a bit for each.
    seen: u64,
    twice: u64,
}

impl<'a> Head<'a> {
    fn read(text: Cow<'a, str>, fault: Option<Fault>) -> Self {
        // Borrowed apart from the lines, which keep the text.
        let places = text.clone();
        let mut places = each(&places);
        let mut head = Head { lines: Lines::new(text, places.next().unwrap_or_default()), fault, seen: 0, twice: 0 };
        for line in places {
            // The empty line that ends the head.
            if line.is_empty() {
                break;
            }
            if head.lines.len() >= MAX_HEADER_LINES {
                head.note((400, "too many header lines"));
                break;
            }
            if line.len() > MAX_HEADER_LINE {
                head.note((400, "header line too long"));
                continue;
            }
            match head.lines.add(line) {
                Ok(field) => {
                    let single = field.map_or(0, Field::single_bit);
                    head.twice |= head.seen & single;
                    head.seen |= single;
                }
                Err(Malformed(why)) => head.note((400, why)),
            }
        }
        // Whoever writes it adds a Content-Length where there is none, and must be read as well.
        if head.lines.len() == MAX_HEADER_LINES && head.lines.get(Field::ContentLength).is_none() {
            head.note((400, "too many header lines"));
        }
        head
    }

    fn note(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    /// The headers that every message has (RFC 3261 8.1.1). Of the Vias only the topmost is ours to read.
    fn core(&self) -> Result<Box<Core>, &'static str> {
        let via = headers::Via::parse(scan::first_of_list(self.lines.get(Field::Via).ok_or("no Via")?)).map_err(why)?;
        let address = |field, missing| headers::NameAddr::parse(self.lines.get(field).ok_or(missing)?).map_err(why);
        let from = address(Field::From, "no From")?;
        let to = address(Field::To, "no To")?;
        self.lines.get(Field::CallId).filter(|id| !id.is_empty()).ok_or("no Call-ID")?;
        let (number, method) = headers::parse_cseq(self.lines.get(Field::CSeq).ok_or("no CSeq")?).map_err(why)?;
        Ok(Box::new(Core { via: Some(via), from, to, cseq: (number, Method::from(method)) }))
    }

    /// The body as long as Content-Length says; what follows it in a datagram is no part of it (RFC 3261 18.3).
    fn cut<'b>(&self, body: &'b [u8]) -> Result<&'b [u8], &'static str> {
        match self.lines.get(Field::ContentLength) {
            None => Ok(body),
            Some(value) => {
                let length = scan::digits::<usize>(value).ok_or("Content-Length")?;
                body.get(..length).ok_or("the body is shorter than its Content-Length")
            }
        }
    }

    fn refuse(&self, (status, why): Fault) -> Reject {
        let is_ack = self.lines.start_line().split(scan::is_space).next() == Some("ACK");
        Reject::request(status, why, is_ack, &self.lines)
    }
}

fn why(Malformed(why): Malformed) -> &'static str {
    why
}

fn request(head: Head<'_>, body: &[u8]) -> Result<Message, Reject> {
    match read_request(&head, body) {
        Ok((method, uri, core, body)) => {
            Ok(Message::Request(Request::read(method, uri, core, head.lines, body.to_vec())))
        }
        Err(fault) => Err(head.refuse(fault)),
    }
}

/// What the start line, the head and the body of a request make.
type RequestParts<'b> = (Method, Uri, Box<Core>, &'b [u8]);

fn read_request<'b>(head: &Head<'_>, body: &'b [u8]) -> Result<RequestParts<'b>, Fault> {
    let bad = |why| (400, why);
    let (method, uri, version) = request_line(head.lines.start_line()).ok_or(bad("request line"))?;
    if !version.eq_ignore_ascii_case("SIP/2.0") {
        return Err(if begins_a_response(version) { (505, "version") } else { bad("request line") });
    }
    if uri.len() > MAX_URI {
        return Err((414, "URI too long"));
    }
    let uri = Uri::parse(uri).map_err(|Malformed(why)| bad(why))?;
    if let Some(fault) = head.fault {
        return Err(fault);
    }
    if head.twice != 0 {
        return Err(bad("a single header stands twice"));
    }
    let core = head.core().map_err(bad)?;
    let method = Method::from(method);
    if core.cseq.1 != method {
        return Err(bad("CSeq names another method"));
    }
    let call_id = head.lines.get(Field::CallId).unwrap_or_default();
    checks::identity(&core, call_id).map_err(|Malformed(why)| bad(why))?;
    checks::request(&method, &uri, &head.lines).map_err(|Malformed(why)| bad(why))?;
    Ok((method, uri, core, head.cut(body).map_err(bad)?))
}

/// Method, URI and version, with one space between them.
fn request_line(start_line: &str) -> Option<(&str, &str, &str)> {
    let (method, rest) = scan::split_once(start_line, b' ')?;
    let (uri, version) = scan::split_once(rest, b' ')?;
    (scan::is_token(method) && !version.contains(' ')).then_some((method, uri, version))
}

fn response(head: Head<'_>, body: &[u8]) -> Result<Message, Reject> {
    let (status, reason) = status_line(head.lines.start_line()).ok_or(Reject::silent("status line"))?;
    if head.fault.is_some() || head.twice != 0 {
        return Err(Reject::silent("headers"));
    }
    let core = head.core().map_err(Reject::silent)?;
    let body = head.cut(body).map_err(Reject::silent)?;
    let reason = reason.to_owned();
    Ok(Message::Response(Response::read(status, reason, core, head.lines, body.to_vec())))
}

/// Status and phrase behind a version that we speak.
fn status_line(start_line: &str) -> Option<(u16, &str)> {
    let (version, rest) = scan::split_once(start_line, b' ')?;
    let (status, reason) = scan::split_once(rest, b' ').unwrap_or((rest, ""));
    let status = scan::digits::<u16>(status).filter(|status| (100..700).contains(status))?;
    version.eq_ignore_ascii_case("SIP/2.0").then_some((status, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVITE: &str = "\r\n\r\nINVITE sip:panel@[::1]:5060;transport=tcp SIP/2.0\r\nv: SIP/2.0/UDP a.example;branch=z9hG4bK1, \
        SIP/2.0/TCP b.example\r\nMAX-FORWARDS: 70\r\nt: <sip:panel@h>\r\nf : \"Front\r\n  door\" <sip:d@h>;tag=1\r\ni: x@y\r\n\
        CSeq: 1 INVITE\r\nm: <sip:d@192.0.2.1>\r\nc: application/sdp\r\nl: 3\r\n\r\nv=0trailing";

    fn answer(reject: &Reject) -> Option<Vec<u8>> {
        reject.response(std::net::SocketAddr::from(([192, 0, 2, 9], 5060)), "T")
    }

    #[test]
    fn a_request_in_strange_spelling() {
        let Message::Request(invite) = parse_datagram(INVITE.as_bytes()).unwrap() else { panic!() };
        assert_eq!(invite.method(), &Method::Invite);
        assert_eq!(invite.uri().to_string(), "sip:panel@[::1]:5060;transport=tcp");
        assert_eq!(invite.lower_vias().collect::<Vec<_>>(), ["SIP/2.0/TCP b.example"]);
        assert_eq!(invite.from().display.as_deref(), Some("Front door"));
        assert_eq!(invite.contact().unwrap().uri.to_string(), "sip:d@192.0.2.1");
        assert_eq!((invite.content_type(), invite.body()), (Some("application/sdp"), b"v=0".as_slice()));
        let again = parse_datagram(&invite.to_bytes()).unwrap();
        assert_eq!(again, Message::Request(invite));
    }

    #[test]
    fn faults_are_answered_with_what_was_read() {
        for (from, to, status) in [
            ("SIP/2.0\r\nv:", "SIP/7.0\r\nv:", 505),
            ("1 INVITE", "1 BYE", 400),
            ("1 INVITE", "4294967296 INVITE", 400),
            ("l: 3", "l: 300", 400),
            ("l: 3", "l: -3", 400),
            ("MAX-FORWARDS: 70", "Max-Forwards: 256", 400),
            ("sip:panel@[::1]", "<sip:panel@[::1]>", 400),
            ("INVITE sip", "INVITE  sip", 400),
            ("CSeq: 1 INVITE", "CSeq: 1 INVITE\r\nCSeq: 2 INVITE", 400),
            ("<sip:panel@h>", "\"open <sip:panel@h>", 400),
            ("sip:panel@[::1]:5060;transport=tcp", "sip:panel@h?Route=x", 400),
            ("sip:panel@[::1]:5060", "sip:panel@[::1]:65536", 400),
            ("<sip:d@192.0.2.1>", "\"Door <sip:d@192.0.2.1>", 400),
            ("<sip:d@192.0.2.1>", "<sip:d@192.0.2.1>, <sip:d@192.0.2.1:x>", 400),
            ("<sip:d@192.0.2.1>", "*", 400),
            ("l: 3", "l: 3\r\nRoute: <sip:a;lr", 400),
            ("l: 3", "l: 3\r\nRecord-Route: <sip:a;lr>, sip:", 400),
            ("l: 3", "l: 3\r\nl: 3", 400),
            ("l: 3", "l: 3\r\nc: text/plain", 400),
            ("l: 3", "l: 3\r\nExpires: 1\r\nexpires: 2", 400),
            (";tag=1", ";tag=1;TAG=2", 400),
            (";tag=1", ";tag=", 400),
            (";tag=1", ";tag", 400),
            ("<sip:panel@h>", "<sip:panel@h>;tag=", 400),
            ("i: x@y", "i: x y z", 400),
            ("i: x@y", "i: x\ty", 400),
            ("i: x@y", "i: x\0y", 400),
            ("i: x@y", "i: x\x7fy", 400),
            ("\r\n\r\nv=0", "\r\nX: v=0", 400),
        ] {
            let text = INVITE.replacen(from, to, 1);
            assert_ne!(text, INVITE, "{from}");
            let reject = parse_datagram(text.as_bytes()).unwrap_err();
            assert_eq!(reject.status, Some(status), "{to}: {}", reject.why);
            let answer = String::from_utf8(answer(&reject).unwrap()).unwrap();
            assert!(answer.starts_with(&format!("SIP/2.0 {status} ")), "{answer}");
            assert!(
                answer.contains(
                    "Via: SIP/2.0/UDP a.example;branch=z9hG4bK1;received=192.0.2.9\r\nVia: SIP/2.0/TCP b.example\r\n"
                ),
                "{answer}"
            );
            assert!(answer.contains(";tag=T\r\n"), "{answer}");
        }
    }

    /// The hop says how the answer travels, and is repeated in it as it came.
    #[test]
    fn a_via_of_another_protocol_is_answered_400() {
        for protocol in ["SIP/3.0", "SIP/2.1", "HTTP/2.0"] {
            let text = INVITE.replacen("SIP/2.0/UDP", &format!("{protocol}/UDP"), 1);
            let reject = parse_datagram(text.as_bytes()).unwrap_err();
            assert_eq!(reject.status, Some(400), "{protocol}");
            let answer = String::from_utf8(answer(&reject).unwrap()).unwrap();
            assert!(
                answer.contains(&format!("\r\nVia: {protocol}/UDP a.example;branch=z9hG4bK1;received=")),
                "{answer}"
            );
        }
        // In any case, and whatever those below say.
        let text = INVITE.replacen("SIP/2.0/UDP", "sip/2.0/UDP", 1).replace("SIP/2.0/TCP", "SIP/3.0/TCP");
        assert!(parse_datagram(text.as_bytes()).is_ok());
    }

    #[test]
    fn a_head_that_is_cut_within_a_line_end_is_answered_line_by_line() {
        let start = "INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:d@h>;tag=1\r\nCSeq: 1 INVITE\r\nX: ";
        let to = "\r\nTo: <sip:panel@h>;tag=2\r";
        let padding = "x".repeat(MAX_MESSAGE - start.len() - to.len());
        let reject = parse_datagram(format!("{start}{padding}{to}\nCall-ID: c\r\n\r\n").as_bytes()).unwrap_err();
        let answer = String::from_utf8(answer(&reject).unwrap()).unwrap();
        assert_eq!(reject.status, Some(413));
        assert!(answer.contains("\r\nTo: <sip:panel@h>;tag=2\r\n"), "{answer:?}");
    }

    #[test]
    fn nobody_is_answered_who_could_not_be_or_must_not_be() {
        let ack = INVITE.replace("INVITE", "ACK").replace("i: x@y", "");
        assert_eq!(answer(&parse_datagram(ack.as_bytes()).unwrap_err()), None);
        for text in [
            "",
            "\r\n\r\n",
            "INVITE sip:a SIP/2.0\r\n",
            "INVITE sip:a SIP/2.0\r\n\r\n",
            "SIP/2.0 99 x\r\n\r\n",
            "SIP/2.0 200 OK\r\n\r\n",
            "sip/2.0 200 OK\r\nVia: SIP/2.0/UDP h\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        ] {
            assert_eq!(answer(&parse_datagram(text.as_bytes()).unwrap_err()), None, "{text:?}");
        }
    }

    #[test]
    fn what_ends_a_call_is_not_refused_for_its_addresses() {
        for method in ["BYE", "CANCEL", "ACK"] {
            let text = INVITE.replace("INVITE", method).replace("<sip:d@192.0.2.1>", "<broken");
            assert!(parse_datagram(text.as_bytes()).is_ok(), "{method}");
        }
    }

    #[test]
    fn what_is_harmless_twice_passes() {
        let text =
            INVITE.replace("l: 3", "l: 3\r\nSubject: a\r\nSubject: b\r\nUser-Agent: a\r\nUser-Agent: b\r\nDate: x");
        assert!(parse_datagram(text.as_bytes()).is_ok());
    }

    #[test]
    fn too_long_is_said_where_the_head_can_be_read() {
        let mut long = INVITE.as_bytes().to_vec();
        long.resize(MAX_MESSAGE + 5, b'x');
        assert_eq!(parse_datagram(&long).unwrap_err().status, Some(413));
        let mut head = INVITE.split("\r\n\r\nv=0").next().unwrap().as_bytes().to_vec();
        head.extend_from_slice(&b"\r\nX: 1".repeat(MAX_MESSAGE));
        let reject = refuse_unframed(&head[4..MAX_MESSAGE], FramingError::HeadTooLong);
        assert_eq!(reject.status, Some(513));
        let answer = String::from_utf8(answer(&reject).unwrap()).unwrap();
        assert!(answer.contains("\r\nCall-ID: x@y\r\n"), "{answer}");
        // Broken off in the middle of its Via, it tells nothing.
        assert_eq!(refuse_unframed(&head[4..80], FramingError::HeadTooLong).status, None);
        let response = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP h\r\n\r\n";
        assert_eq!(refuse_unframed(response, FramingError::NoLength).status, None);
    }

    #[test]
    fn a_response_keeps_its_phrase_and_unknown_bytes() {
        let text = b"SIP/2.0 486 Bes\xE9tzt \r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\n\
            Call-ID: 1\r\nCSeq: 1 INVITE\r\nX-Raw: \xFF\xFE\r\n\r\n";
        let Message::Response(response) = parse_datagram(text).unwrap() else { panic!() };
        assert_eq!(response.status(), 486);
        assert!(response.to_bytes().windows(2).any(|two| two == b"\xFF\xFE"));
    }
}
