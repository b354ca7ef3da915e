//! The wire codec: what is read is written so that it says the same when read again, and nothing slips in a line.

use std::net::SocketAddr;

use vestibule::sip::message::{Message, Response};
use vestibule::sip::wire::{MAX_MESSAGE, Reject, parse_datagram};

use crate::mutator::Mutator;
use crate::{fuzz, seeds};

/// What SIP is made of, and what should not be in it.
const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b"\r\n ",
    b"\0",
    b"\"",
    b"\\",
    b"\\\"",
    b"<",
    b">",
    b";",
    b",",
    b":",
    b"=",
    b"@",
    b"[",
    b"]",
    b"%",
    b"%0d%0a",
    b"\xFF",
    b"\xC3\xA9",
    b" ",
    b"\t",
    b"?",
    b"*",
    b"sip:",
    b"tel:+1",
    b"urn:a:b",
    b"[::1]",
    b"SIP/2.0",
    b"SIP/2.0/UDP ",
    b"SIP/2.0/TCP",
    b";branch=z9hG4bK",
    b";rport",
    b";received=::1",
    b";tag=",
    b";lr",
    b"INVITE",
    b"ACK",
    b"CANCEL",
    b"Via: ",
    b"v:",
    b"From: ",
    b"f: ",
    b"To: ",
    b"t: ",
    b"Call-ID: ",
    b"CSeq: 1 INVITE",
    b"Contact: ",
    b"m: *",
    b"Route: <sip:a;lr>",
    b"Record-Route: <sip:b;lr>,<sip:c>",
    b"Content-Length: ",
    b"l: 0\r\n",
    b"Content-Type: multipart/mixed;boundary=x",
    b"Content-Encoding: gzip",
    b"Max-Forwards: 0",
    b"Require: 100rel",
    b"--x\r\n",
];

/// Writes the length of the body into the line that says it.
pub fn repair(bytes: &mut Vec<u8>) {
    let name = b"Content-Length:";
    let place = |of: &[u8]| bytes.windows(of.len()).position(|window| window == of);
    let (Some(line), Some(head)) = (place(name), place(b"\r\n\r\n")) else { return };
    let value = line + name.len();
    if value < head {
        let len = bytes[value..head].iter().take_while(|byte| !b"\r\n".contains(byte)).count();
        let body = (bytes.len() - head - 4).to_string();
        drop(bytes.splice(value..value + len, format!(" {body}").into_bytes()));
    }
}

/// Seeds of SIP: the torture messages, and whole ones beside them.
pub fn mutator() -> Mutator {
    Mutator::new([seeds("torture"), seeds("corpus/sip")].concat(), WORDS, repair)
}

fn bytes(message: &Message) -> Vec<u8> {
    match message {
        Message::Request(request) => request.to_bytes(),
        Message::Response(response) => response.to_bytes(),
    }
}

/// Every line of what we write ends as it should, and none is empty before the last.
fn assert_lines(written: &[u8], body: usize) {
    let head = &written[..written.len() - body];
    let head = head.strip_suffix(b"\r\n\r\n").expect("an empty line ends a head");
    for line in head.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        assert!(!line.is_empty() && !line.contains(&b'\r'), "{}", written.escape_ascii());
    }
    let ends = |end: &[u8]| head.windows(end.len()).filter(|two| *two == end).count();
    assert_eq!(ends(b"\n"), ends(b"\r\n"), "{}", written.escape_ascii());
}

/// What was read has its parts within bounds.
fn look_at(message: &Message) {
    macro_rules! look {
        ($message:expr) => {{
            let message = $message;
            assert!(message.body().len() <= MAX_MESSAGE);
            let _ = (message.contact(), message.record_routes(), message.routes(), message.lower_vias().count());
            let _ =
                message.session_description().map(|body| assert!(body.is_none_or(|body| body.len() <= MAX_MESSAGE)));
            for name in ["Via", "Contact", "Require", "Supported", "Allow", "Warning", "Subject", "WWW-Authenticate"] {
                let _ = message.headers(name).count();
            }
        }};
    }
    match message {
        Message::Request(request) => look!(request),
        Message::Response(response) => {
            assert!((100..700).contains(&response.status()));
            look!(response);
        }
    }
}

fn refuse(reject: &Reject) {
    let source = SocketAddr::from(([192, 0, 2, 20], 5060));
    let Some(answer) = reject.response(source, "T") else { return };
    let status = reject.status.expect("what is answered has a status");
    assert!(answer.starts_with(format!("SIP/2.0 {status} ").as_bytes()), "{}", answer.escape_ascii());
    assert_lines(&answer, 0);
    // It repeats what was wrong. Where that did not concern what it repeats, it can be read.
    if let Ok(read) = parse_datagram(&answer) {
        let Message::Response(response) = read else { panic!("{}", answer.escape_ascii()) };
        assert_eq!((response.status(), response.body()), (status, b"".as_slice()));
    }
}

/// True if it is a message.
fn check(input: &[u8]) -> bool {
    match parse_datagram(input) {
        Ok(first) => {
            look_at(&first);
            let written = bytes(&first);
            let second = parse_datagram(&written).unwrap_or_else(|why| panic!("{why:?}\n{}", written.escape_ascii()));
            assert_eq!(bytes(&second), written, "it says the same");
            let body = match &second {
                Message::Request(request) => {
                    let mut answer = Response::answer(request, 486);
                    answer.set_to_tag("T");
                    let answer = answer.to_bytes();
                    assert_lines(&answer, 0);
                    let Ok(Message::Response(read)) = parse_datagram(&answer) else {
                        panic!("{}", answer.escape_ascii())
                    };
                    assert_eq!((read.status(), read.call_id(), read.cseq()), (486, request.call_id(), request.cseq()));
                    assert_eq!(read.from(), request.from());
                    assert!(read.to().tag().is_some());
                    request.body().len()
                }
                Message::Response(response) => response.body().len(),
            };
            assert_lines(&written, body);
            true
        }
        Err(reject) => {
            refuse(&reject);
            false
        }
    }
}

#[test]
fn wire() {
    fuzz("wire", 12_000, 2 << 20, mutator(), check);
}
