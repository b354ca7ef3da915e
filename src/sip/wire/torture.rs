//! Messages that are hard to read: those of `tests/data/torture`, named after the section of RFC 4475 whose trap they
//! set in words of their own, and the same with bytes changed at random.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::{Framed, MAX_HEADER_LINE, MAX_HEADER_LINES, MAX_MESSAGE, MAX_URI, StreamFramer, parse_datagram};
use crate::sip::message::{Message, Request, Response};

/// What the parser makes of each file: a message, a refusal with that status, or silence.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Read,
    Refused(u16),
    Dropped,
}

use Verdict::{Dropped, Read, Refused};

const EXPECTED: &[(&str, Verdict)] = &[
    ("3.1.1.1-odd-spelling", Read),
    ("3.1.1.2-wide-characters", Read),
    ("3.1.1.3-escapes", Read),
    ("3.1.1.4-escaped-nul", Read),
    ("3.1.1.5-percent-method", Read),
    ("3.1.1.6-no-space-before-bracket", Read),
    ("3.1.1.7-long-values", Read),
    ("3.1.1.8-bytes-behind", Read),
    ("3.1.1.9-user-with-semicolon", Read),
    ("3.1.1.10-unknown-transports", Read),
    ("3.1.1.11-binary-part", Read),
    ("3.1.1.12-wide-reason", Read),
    ("3.1.1.13-no-reason", Read),
    ("3.1.2.1-stray-separators", Refused(400)),
    ("3.1.2.2-length-too-large", Refused(400)),
    ("3.1.2.3-length-negative", Refused(400)),
    ("3.1.2.4-number-too-large", Refused(400)),
    ("3.1.2.5-number-too-large-in-response", Dropped),
    ("3.1.2.6-quote-left-open", Refused(400)),
    ("3.1.2.7-uri-in-brackets", Refused(400)),
    ("3.1.2.8-space-in-uri", Refused(400)),
    ("3.1.2.9-two-spaces", Refused(400)),
    ("3.1.2.10-spaces-behind-request-line", Refused(400)),
    ("3.1.2.11-headers-in-request-uri", Refused(400)),
    ("3.1.2.12-date-of-another-zone", Read),
    ("3.1.2.13-headers-in-bare-contact", Refused(400)),
    ("3.1.2.14-spaces-inside-brackets", Read),
    ("3.1.2.15-comma-in-bare-name", Refused(400)),
    ("3.1.2.16-other-version", Refused(505)),
    ("3.1.2.17-other-method-in-cseq", Refused(400)),
    ("3.1.2.18-unknown-method-and-other-in-cseq", Refused(400)),
    ("3.1.2.19-status-too-large", Dropped),
    ("3.2.1-branch-of-cookie-only", Read),
    ("3.3.1-nothing-required", Refused(400)),
    ("3.3.2-unknown-scheme", Read),
    ("3.3.3-scheme-of-another-protocol", Read),
    ("3.3.4-unknown-schemes-in-addresses", Read),
    ("3.3.5-unknown-extensions", Read),
    ("3.3.6-unknown-body", Read),
    ("3.3.7-unknown-authorization", Read),
    ("3.3.8-repeated-singles", Refused(400)),
    ("3.3.9-two-lengths", Refused(400)),
    ("3.3.10-broadcast-response", Read),
    ("3.3.11-no-hops-left", Read),
    ("3.3.12-parameter-of-bare-contact", Read),
    ("3.3.13-parameter-of-contact-uri", Read),
    ("3.3.14-headers-in-contact-uri", Read),
    ("3.3.15-answer-of-unknown-type", Read),
    ("3.4.1-before-rfc-3261", Read),
    ("field-bare-line-feeds", Read),
    ("field-broken-ack", Dropped),
    ("field-ipv6", Read),
    ("field-latin-1", Read),
    ("field-no-sip", Dropped),
    ("field-no-via", Dropped),
];

/// Where the messages come from.
const SOURCE: ([u8; 4], u16) = ([192, 0, 2, 20], 5060);

fn files() -> BTreeMap<String, Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/torture");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap())).collect()
}

fn request(name: &str) -> Request {
    match parse_datagram(&files()[name]) {
        Ok(Message::Request(request)) => request,
        other => panic!("{name}: {other:?}"),
    }
}

fn response(name: &str) -> Response {
    match parse_datagram(&files()[name]) {
        Ok(Message::Response(response)) => response,
        other => panic!("{name}: {other:?}"),
    }
}

fn bytes(message: &Message) -> Vec<u8> {
    match message {
        Message::Request(request) => request.to_bytes(),
        Message::Response(response) => response.to_bytes(),
    }
}

#[test]
fn each_file_gets_its_verdict() {
    let files = files();
    assert_eq!(files.len(), EXPECTED.len(), "a file that nobody expects");
    for (name, expected) in EXPECTED {
        let read = parse_datagram(&files[*name]);
        let verdict = match &read {
            Ok(_) => Read,
            Err(reject) => reject.status.map_or(Dropped, Refused),
        };
        assert_eq!(&verdict, expected, "{name}: {read:?}");
    }
}

#[test]
fn a_refusal_is_a_response_to_the_request() {
    for (name, expected) in EXPECTED {
        let Refused(status) = expected else { continue };
        let answer = parse_datagram(&files()[*name]).unwrap_err().response(SOURCE.into(), "T").unwrap();
        let text = String::from_utf8(answer).unwrap();
        assert!(text.starts_with(&format!("SIP/2.0 {status} ")), "{name}: {text}");
        assert!(text.contains("\r\nVia: SIP/2.0/UDP 192.0.2.20"), "{name}: {text}");
        let has_call_id = text.contains("\r\nCall-ID: g1@192.0.2.20\r\n");
        assert_eq!(has_call_id, *name != "3.3.1-nothing-required", "{name}: {text}");
        assert!(text.ends_with("\r\nContent-Length: 0\r\n\r\n"), "{name}: {text}");
    }
}

#[test]
fn odd_spelling_is_understood() {
    let request = request("3.1.1.1-odd-spelling");
    assert_eq!(request.from().display.as_deref(), Some(r#"G. "Main" \ Gate"#));
    assert_eq!((request.from().tag(), request.to().tag()), (Some("g1"), Some("77a")));
    assert_eq!((request.cseq().0, request.max_forwards()), (11, 70));
    let top = request.top_via().to_string();
    let hops: Vec<&str> = std::iter::once(top.as_str()).chain(request.lower_vias()).collect();
    assert_eq!(
        hops,
        [
            "SIP/2.0/UDP 192.0.2.20;branch=390gate",
            "SIP / 2.0 /TCP relay.example : 4000 ; ttl=16; branch = z9hG4bK9.8",
            "SIP/2.0/TLS [2001:db8::5]:5061;branch=z9hG4bKq"
        ]
    );
    assert_eq!(request.header("Subject"), Some(""));
    assert_eq!(request.contact().unwrap().uri.headers.as_deref(), Some("x=y;z"));
    assert_eq!(request.body(), b"v=0\r\n");
}

#[test]
fn wide_characters_come_through() {
    let request = request("3.1.1.2-wide-characters");
    assert_eq!(request.method().as_str(), "!odd-Method9_*+`.%told'~");
    assert_eq!(request.uri().password(), Some("&a=1,b!*pw$~_(too)"));
    assert_eq!(request.to().display.as_deref(), Some("BEL:\u{7} DEL:\u{7f}"));
    assert_eq!(request.from().params.unquoted("fromParam''~+*_!.-%").as_deref(), Some("квартира 東"));
    assert_eq!(request.header("extension-Header-!.%*+_`'~"), Some("\u{feff}大停電"));
    assert_eq!(response("3.1.1.12-wide-reason").reason(), "= 2**3 * 5**2 открыто");
    assert_eq!(response("3.1.1.13-no-reason").reason(), "");
}

#[test]
fn bytes_of_another_alphabet_are_repeated_in_the_answer() {
    let request = request("field-latin-1");
    assert_eq!(super::text::legible(request.from().display.as_deref().unwrap()), "T\u{FFFD}r");
    let answer = Response::answer(&request, 180).to_bytes();
    assert!(answer.windows(5).any(|five| five == b"\"T\xFCr\""), "{}", answer.escape_ascii());
}

#[test]
fn what_stands_in_the_uri_is_found() {
    let ipv6 = request("field-ipv6");
    assert_eq!(ipv6.uri().ip(), Some("2001:db8::70".parse().unwrap()));
    assert_eq!(ipv6.uri().transport(), Some("UDP"));
    assert_eq!(ipv6.top_via().received(), Some("2001:db8::21".parse().unwrap()));
    assert_eq!(ipv6.contact().unwrap().uri.port(), Some(5062));
    assert_eq!(request("3.1.1.9-user-with-semicolon").uri().user_text().as_deref(), Some("flat;par=u@example.net"));
    assert_eq!(request("3.1.1.3-escapes").uri().user_text().as_deref(), Some("sips:flat@door.example"));
    assert!(!request("3.3.2-unknown-scheme").uri().is_sip());
    assert_eq!(request("3.1.1.8-bytes-behind").body(), b"");
}

/// An INVITE whose request line, header lines and body can be made to measure.
fn measured(uri: &str, extra: &str, body: usize) -> Vec<u8> {
    let head = format!(
        "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKm\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n\
         Call-ID: m\r\nCSeq: 1 INVITE\r\n{extra}Content-Length: {body}\r\n\r\n"
    );
    let mut bytes = head.into_bytes();
    bytes.resize(bytes.len() + body, b'x');
    bytes
}

#[test]
fn each_limit_holds_to_the_byte() {
    let status = |bytes: &[u8]| parse_datagram(bytes).err().map(|reject| reject.status);
    let uri = |len: usize| measured(&format!("sip:{}@h", "u".repeat(len - 6)), "", 0);
    assert_eq!(status(&uri(MAX_URI)), None);
    assert_eq!(status(&uri(MAX_URI + 1)), Some(Some(414)));
    let line = |len: usize| measured("sip:b@h", &format!("Subject: {}\r\n", "s".repeat(len - 9)), 0);
    assert_eq!(status(&line(MAX_HEADER_LINE)), None);
    assert_eq!(status(&line(MAX_HEADER_LINE + 1)), Some(Some(400)));
    let lines = |count: usize| measured("sip:b@h", &"Z: 1\r\n".repeat(count - 6), 0);
    assert_eq!(status(&lines(MAX_HEADER_LINES)), None);
    assert_eq!(status(&lines(MAX_HEADER_LINES + 1)), Some(Some(400)));
    // There must be room for the Content-Length with which it is written.
    let without = |count: usize| {
        let text = String::from_utf8(lines(count + 1)).expect("text");
        text.replace("Content-Length: 0\r\n", "").into_bytes()
    };
    assert_eq!(status(&without(MAX_HEADER_LINES - 1)), None);
    assert_eq!(status(&without(MAX_HEADER_LINES)), Some(Some(400)));
    let empty = measured("sip:b@h", "", 10_000).len() - 10_000;
    assert_eq!(status(&measured("sip:b@h", "", MAX_MESSAGE - empty)), None);
    assert!(status(&measured("sip:b@h", "", MAX_MESSAGE - empty + 1)).is_some());
}

/// Sends the bytes through a stream in pieces of that size; what it cuts out is no more than what came in.
fn frame(bytes: &[u8], piece: usize) {
    let mut framer = StreamFramer::new();
    let mut cut_out = 0;
    for piece in bytes.chunks(piece) {
        framer.push(piece);
        while let Some(Ok(framed)) = framer.next() {
            cut_out += if let Framed::Message(message) = framed { message.len() } else { 2 };
        }
    }
    assert!(cut_out <= bytes.len(), "{}", bytes.escape_ascii());
}

/// Nothing that a bad network or a bad peer makes of these messages may do more harm than being refused; and what is
/// read says the same after being written and read again.
#[test]
fn no_change_of_bytes_does_harm() {
    const SPECIAL: &[&[u8]] = &[
        b"\r\n", b"\n", b"\r", b"\0", b"\"", b"\\", b"<", b">", b";", b",", b":", b"=", b"@", b"[", b"%", b"\xFF", b" ",
    ];
    let files: Vec<Vec<u8>> = files().into_values().collect();
    let mut random = StdRng::seed_from_u64(4475);
    let mut read = 0;
    for round in 0..20_000 {
        let mut message = files[round % files.len()].clone();
        for _ in 0..random.random_range(1..3) {
            let at = random.random_range(0..message.len());
            match random.random_range(0..5) {
                0 => message[at] = random.random(),
                1 => drop(message.splice(at..at, SPECIAL[random.random_range(0..SPECIAL.len())].iter().copied())),
                2 => drop(message.drain(at..(at + random.random_range(1..20)).min(message.len()))),
                3 => {
                    let end = (at + random.random_range(1..60)).min(message.len());
                    let piece = message[at..end].to_vec();
                    let to = random.random_range(0..message.len());
                    drop(message.splice(to..to, piece));
                }
                _ => message[at] ^= 1 << random.random_range(0..8),
            }
            if message.is_empty() {
                message.push(b'x');
            }
        }
        frame(&message, random.random_range(1..200));
        match parse_datagram(&message) {
            Ok(first) => {
                read += 1;
                let written = bytes(&first);
                let second = parse_datagram(&written).unwrap_or_else(|reject| {
                    panic!("{reject:?}\n{}\n{}", message.escape_ascii(), written.escape_ascii())
                });
                assert_eq!(bytes(&second), written, "{}", message.escape_ascii());
                if let Message::Request(request) = &first {
                    let answer = Response::answer(request, 486).to_bytes();
                    assert!(parse_datagram(&answer).is_ok(), "{}", answer.escape_ascii());
                }
            }
            Err(reject) => {
                let _ = reject.response(SOURCE.into(), "T");
            }
        }
    }
    assert!(read > 2_000, "only {read} of the changed messages were still readable");
}
