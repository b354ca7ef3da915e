//! TCP from its worst side: a byte at a time, all at once, and rubbish without end.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::real_panel::{PATIENCE, Panel};
use crate::resident::Resident;

/// A connection to the panel.
struct Line {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Line {
    fn to(panel: &Panel) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", panel.port)).expect("the panel takes connections");
        stream.set_nodelay(true).expect("what is written is sent");
        stream.set_read_timeout(Some(Duration::from_millis(50))).expect("a time-out can be set");
        Self { stream, received: Vec::new() }
    }

    fn write(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).expect("the connection stands");
    }

    /// Waits until so many responses with this status and CSeq have come.
    fn hear(&mut self, status: u16, cseq: &str) {
        let begun = Instant::now();
        loop {
            let text = String::from_utf8_lossy(&self.received).into_owned();
            let (status, cseq) = (format!("SIP/2.0 {status} "), format!("CSeq: {cseq}"));
            if text.split("SIP/2.0 ").any(|one| format!("SIP/2.0 {one}").starts_with(&status) && one.contains(&cseq)) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{status} to {cseq} never comes; what came:\n{text}");
            let mut some = [0; 4096];
            match self.stream.read(&mut some) {
                Ok(0) => panic!("the panel has closed the connection; what came:\n{text}"),
                Ok(count) => self.received.extend_from_slice(&some[..count]),
                Err(error) => assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}"),
            }
        }
    }

    /// A request from here.
    fn request(&self, panel: &Panel, method: &str, cseq: u32, branch: &str, body: &str) -> String {
        let here = self.stream.local_addr().expect("it is connected");
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "{method} sip:panel@127.0.0.1:{port} SIP/2.0\r\n\
             Via: SIP/2.0/TCP {here};branch=z9hG4bK{here}{branch}\r\n\
             From: <sip:door@{here}>;tag=caller\r\n\
             To: <sip:panel@127.0.0.1:{port}>\r\n\
             Call-ID: {branch}-{here}\r\n\
             CSeq: {cseq} {method}\r\n\
             Contact: <sip:door@{here};transport=tcp>\r\n\
             Max-Forwards: 70\r\n\
             {kind}Content-Length: {length}\r\n\r\n{body}",
            port = panel.port,
            length = body.len()
        )
        .replace(&format!("z9hG4bK{here}"), &format!("z9hG4bK{}", here.port()))
    }
}

/// Sound that the panel knows.
const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                     m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n";

#[test]
fn a_call_that_comes_a_byte_at_a_time_rings() {
    let resident = Resident::new();
    let panel = &resident.panel;
    let mut line = Line::to(panel);
    for byte in line.request(panel, "INVITE", 1, "a", OFFER).chars() {
        line.write(&byte.to_string());
    }
    line.hear(180, "1 INVITE");
    resident.waits_for_bell();
    let cancel = line.request(panel, "CANCEL", 1, "a", "");
    let (one, other) = cancel.split_at(cancel.len() / 2);
    line.write(one);
    // In the middle of a message everything else goes on.
    Line::to(panel).asks_for_options(panel, "b");
    line.write(other);
    line.hear(487, "1 INVITE");
    assert_eq!(resident.end_of_call(), "missed");
}

impl Line {
    fn asks_for_options(&mut self, panel: &Panel, branch: &str) {
        let options = self.request(panel, "OPTIONS", 1, branch, "");
        self.write(&options);
        self.hear(200, "1 OPTIONS");
    }
}

#[test]
fn messages_that_come_in_one_piece_are_told_apart() {
    let resident = Resident::new();
    let panel = &resident.panel;
    let mut line = Line::to(panel);
    let options = |cseq: u32, branch: &str| line.request(panel, "OPTIONS", cseq, branch, "");
    let all = [
        options(1, "a"),
        "\r\n\r\n".to_owned(),
        line.request(panel, "INVITE", 2, "b", OFFER),
        options(3, "c"),
        line.request(panel, "CANCEL", 2, "b", ""),
        options(4, "d"),
    ];
    line.write(&all.concat());
    for (status, cseq) in
        [(200, "1 OPTIONS"), (100, "2 INVITE"), (200, "3 OPTIONS"), (487, "2 INVITE"), (200, "4 OPTIONS")]
    {
        line.hear(status, cseq);
    }
    assert_eq!(resident.end_of_call(), "missed");
}

/// How much memory the panel has in use, in kilobytes.
fn memory(panel: &Panel) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", panel.process())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says how much");
    line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("it is a number")
}

/// More than any message may have.
const RUBBISH: usize = 3_000_000;
/// Heaps of each kind.
const HEAPS: usize = 15;
/// What the panel may have in use afterwards besides, in kilobytes: less than one of the heaps, and less than the
/// longest message of each that was kept.
const LITTLE: u64 = 2000;

/// Writes rubbish until the panel has enough of it; whether it closes the connection before the end.
fn is_closed_upon(panel: &Panel, mut rubbish: impl FnMut() -> u8) -> bool {
    let mut line = Line::to(panel);
    line.stream.set_write_timeout(Some(PATIENCE)).expect("a time-out can be set");
    let mut written = 0;
    while written < RUBBISH {
        let piece: Vec<u8> = (0..10_000).map(|_| rubbish()).collect();
        if let Err(error) = line.stream.write_all(&piece) {
            return matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe);
        }
        written += piece.len();
    }
    // All of it may lie in the system's buffers; then the end is seen here.
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        match line.stream.read(&mut [0; 4096]) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return true,
        }
    }
    false
}

#[test]
fn three_megabytes_of_rubbish_end_the_connection_and_nothing_else() {
    let resident = Resident::new();
    let panel = &resident.panel;
    let mut good = Line::to(panel);
    good.asks_for_options(panel, "a");
    let mut dice = 1_u64;
    let mut any = move || {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 56) as u8
    };
    let mut header = b"x: y\r\n".iter().cycle();
    let mut heaps = |count: usize| {
        for _ in 0..count {
            assert!(is_closed_upon(panel, &mut any), "bytes at random");
            assert!(is_closed_upon(panel, || b'a'), "a line without end");
            assert!(is_closed_upon(panel, || *header.next().expect("it goes round")), "headers without end");
        }
    };
    // The first heaps make room for themselves, as starting up does; only what more of them take besides is a leak.
    panel.wait("it is known which pictures can be", |status| status["shows"].is_array());
    heaps(3);
    let before = memory(panel);
    heaps(HEAPS);
    let after = memory(panel);
    assert!(after < before + LITTLE, "{before} kB before, {after} kB after");
    // Who was there before is still there, and so is everybody new.
    let options = good.request(panel, "OPTIONS", 2, "b", "");
    good.write(&options);
    good.hear(200, "2 OPTIONS");
    let mut line = Line::to(panel);
    line.asks_for_options(panel, "c");
}
