//! Bytes to a [`Message`], or to a [`Reject`] that says what was wrong and may still be answered.

use super::uri::Uri;
use super::{
    MAX_HEADER_LINE, MAX_HEADER_LINES, MAX_MESSAGE, MAX_URI, Malformed, Method, Reject, headers, scan, serialise, text,
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
    if bytes.len() > MAX_MESSAGE {
        return Err(Reject::silent("message too long"));
    }
    let (head, body) = split_head(bytes).ok_or(Reject::silent("head without an end"))?;
    let head = text::from_bytes(head);
    let mut lines = unfold(&head);
    let first = lines.next().unwrap_or_default();
    let mut fault = None;
    let lines = read_lines(lines, &mut fault);
    match first.strip_prefix("SIP/") {
        Some(rest) => response(rest, lines, body, fault),
        None => request(&first, lines, body, fault),
    }
}

/// Head and body at the first empty line; bare LF is let pass.
fn split_head(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut line_start = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if *byte == b'\n' {
            let line = &bytes[line_start..at];
            if line.is_empty() || line == b"\r" {
                return Some((&bytes[..line_start], &bytes[at + 1..]));
            }
            line_start = at + 1;
        }
    }
    None
}

/// The lines of a head, each with its folded continuation lines joined by one space (RFC 3261 7.3.1). A CR that ends
/// no line and NUL are spaces here, as they are when written, so that both readings agree on where a value ends.
fn unfold(head: &str) -> impl Iterator<Item = String> {
    let mut lines = head.lines().map(serialise::one_line).peekable();
    std::iter::from_fn(move || {
        let mut line = lines.next()?.into_owned();
        while let Some(more) = lines.next_if(|next| next.starts_with(scan::is_space)) {
            line.truncate(line.trim_end_matches(scan::is_space).len());
            line.push(' ');
            line.push_str(scan::trim(&more));
        }
        Some(line)
    })
}

/// What is wrong with a message and the status that says so.
type Fault = Option<(u16, &'static str)>;

/// Header names and values, names in full, Vias one hop a line. The first fault is noted and the rest still read, so
/// that there is something to answer with.
fn read_lines(lines: impl Iterator<Item = String>, fault: &mut Fault) -> Vec<(String, String)> {
    let mut read = Vec::new();
    for line in lines {
        if read.len() >= MAX_HEADER_LINES {
            fault.get_or_insert((400, "too many header lines"));
            break;
        }
        if line.len() > MAX_HEADER_LINE {
            fault.get_or_insert((400, "header line too long"));
            continue;
        }
        let Some((name, value)) = line.split_once(':') else {
            fault.get_or_insert((400, "header line without a colon"));
            continue;
        };
        let name = scan::trim(name);
        if !scan::is_token(name) {
            fault.get_or_insert((400, "header name that is none"));
            continue;
        }
        let name = canonical(headers::full_name(name));
        let value = scan::trim(value);
        if name == "Via" {
            read.extend(scan::split_outside(value, ',').map(|hop| (name.clone(), hop.to_owned())));
        } else {
            read.push((name, value.to_owned()));
        }
    }
    read
}

/// The usual spelling of the names that the parser itself looks for; any other name as it came.
fn canonical(name: &str) -> String {
    const OWN: &[&str] = &["Via", "From", "To", "Call-ID", "CSeq", "Content-Length", "Content-Type", "Max-Forwards"];
    OWN.iter().find(|own| own.eq_ignore_ascii_case(name)).map_or_else(|| name.to_owned(), |own| (*own).to_owned())
}

fn request(first: &str, lines: Vec<(String, String)>, body: &[u8], fault: Fault) -> Result<Message, Reject> {
    let is_ack = first.starts_with("ACK ");
    let refuse = |(status, why): (u16, &'static str)| Reject::request(status, why, is_ack, &lines);
    let (method, uri, version) = match first.split(' ').collect::<Vec<_>>()[..] {
        [method, uri, version] if scan::is_token(method) => (Method::from(method), uri, version),
        _ => return Err(refuse((400, "request line"))),
    };
    if !version.eq_ignore_ascii_case("SIP/2.0") {
        let known = version.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("SIP/"));
        return Err(if known { refuse((505, "version")) } else { refuse((400, "request line")) });
    }
    if uri.len() > MAX_URI {
        return Err(refuse((414, "URI too long")));
    }
    let uri = Uri::parse(uri).map_err(|Malformed(why)| refuse((400, why)))?;
    if let Some(fault) = fault {
        return Err(refuse(fault));
    }
    let core = read_core(&lines).map_err(|why| refuse((400, why)))?;
    if core.cseq.1 != method {
        return Err(refuse((400, "CSeq names another method")));
    }
    if let Some(hops) = single(&lines, "Max-Forwards").map_err(|why| refuse((400, why)))?
        && scan::digits::<u8>(hops).is_none()
    {
        return Err(refuse((400, "Max-Forwards")));
    }
    let body = cut(&lines, body).map_err(|why| refuse((400, why)))?;
    Ok(Message::Request(Request::read(method, uri, core, lines, body.to_vec())))
}

fn response(rest: &str, lines: Vec<(String, String)>, body: &[u8], fault: Fault) -> Result<Message, Reject> {
    let (version, rest) = rest.split_once(' ').ok_or(Reject::silent("status line"))?;
    let (status, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    let status = scan::digits::<u16>(status).filter(|status| (100..700).contains(status));
    let (Some(status), "2.0", None) = (status, version, fault) else {
        return Err(Reject::silent("status line or headers"));
    };
    let core = read_core(&lines).map_err(Reject::silent)?;
    let body = cut(&lines, body).map_err(Reject::silent)?;
    Ok(Message::Response(Response::read(status, reason.to_owned(), core, lines, body.to_vec())))
}

/// The headers that every message has, each once (RFC 3261 8.1.1), Via at least once.
fn read_core(lines: &[(String, String)]) -> Result<Core, &'static str> {
    let vias = lines.iter().filter(|(name, _)| name == "Via").map(|(_, value)| headers::Via::parse(value));
    let vias = vias.collect::<Result<Vec<_>, _>>().map_err(|Malformed(why)| why)?;
    if vias.is_empty() {
        return Err("no Via");
    }
    let address = |name, missing| -> Result<headers::NameAddr, &'static str> {
        let value = single(lines, name)?.ok_or(missing)?;
        headers::NameAddr::parse(value).map_err(|Malformed(why)| why)
    };
    let from = address("From", "no From")?;
    let to = address("To", "no To")?;
    let call_id = single(lines, "Call-ID")?.filter(|id| !id.is_empty()).ok_or("no Call-ID")?.to_owned();
    let (number, method) =
        headers::parse_cseq(single(lines, "CSeq")?.ok_or("no CSeq")?).map_err(|Malformed(why)| why)?;
    Ok(Core { vias, from, to, call_id, cseq: (number, Method::from(method)) })
}

/// The value of a header that may stand only once.
fn single<'a>(lines: &'a [(String, String)], name: &str) -> Result<Option<&'a str>, &'static str> {
    let mut values = lines.iter().filter(|(own, _)| own == name).map(|(_, value)| value.as_str());
    let first = values.next();
    if values.next().is_some() { Err("a single header stands twice") } else { Ok(first) }
}

/// The body as long as Content-Length says; what follows it in a datagram is no part of it (RFC 3261 18.3).
fn cut<'a>(lines: &[(String, String)], body: &'a [u8]) -> Result<&'a [u8], &'static str> {
    match single(lines, "Content-Length")? {
        None => Ok(body),
        Some(value) => {
            let length = scan::digits::<usize>(value).ok_or("Content-Length")?;
            body.get(..length).ok_or("the body is shorter than its Content-Length")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVITE: &str = "\r\n\r\nINVITE sip:panel@[::1]:5060;transport=tcp SIP/2.0\r\nv: SIP/2.0/UDP a.example;branch=z9hG4bK1, \
        SIP/2.0/TCP b.example\r\nMAX-FORWARDS: 70\r\nt: <sip:panel@h>\r\nf : \"Front\r\n  door\" <sip:d@h>;tag=1\r\ni: x@y\r\n\
        CSeq: 1 INVITE\r\nm: <sip:d@192.0.2.1>\r\nc: application/sdp\r\nl: 3\r\n\r\nv=0trailing";

    #[test]
    fn a_request_in_strange_spelling() {
        let Message::Request(invite) = parse_datagram(INVITE.as_bytes()).unwrap() else { panic!() };
        assert_eq!(invite.method(), &Method::Invite);
        assert_eq!(invite.uri().to_string(), "sip:panel@[::1]:5060;transport=tcp");
        assert_eq!(invite.vias().len(), 2);
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
        ] {
            let text = INVITE.replacen(from, to, 1);
            assert_ne!(text, INVITE, "{from}");
            let reject = parse_datagram(text.as_bytes()).unwrap_err();
            assert_eq!(reject.status, Some(status), "{to}: {}", reject.why);
            let answer = String::from_utf8(reject.response().unwrap()).unwrap();
            assert!(answer.starts_with(&format!("SIP/2.0 {status} ")), "{answer}");
            assert!(
                answer.contains("Via: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\nVia: SIP/2.0/TCP b.example\r\n"),
                "{answer}"
            );
            assert!(answer.contains("tag=refused"), "{answer}");
        }
    }

    #[test]
    fn nobody_is_answered_who_could_not_be_or_must_not_be() {
        let ack = INVITE.replace("INVITE", "ACK").replace("i: x@y", "");
        assert_eq!(parse_datagram(ack.as_bytes()).unwrap_err().response(), None);
        for text in [
            "",
            "\r\n\r\n",
            "INVITE sip:a SIP/2.0\r\n",
            "INVITE sip:a SIP/2.0\r\n\r\n",
            "SIP/2.0 99 x\r\n\r\n",
            "SIP/2.0 200 OK\r\n\r\n",
        ] {
            assert_eq!(parse_datagram(text.as_bytes()).unwrap_err().response(), None, "{text:?}");
        }
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
