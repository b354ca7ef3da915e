//! One endpoint against a script.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::{answer_questions, endpoint};
use crate::sip::endpoint::Endpoint;
use crate::sip::message::{Message, Request, Response};
use crate::sip::path::{Path, Transmit, Transport};
use crate::sip::session::SessionEvent;
use crate::sip::wire::parse_datagram;

/// One endpoint against a script: what it is sent is written in the test, what it sends is read there.
pub struct Bench {
    /// The endpoint under test.
    pub endpoint: Endpoint,
    /// The virtual clock.
    pub now: Instant,
    /// How the script's messages come.
    pub path: Path,
}

impl Bench {
    /// A bench that speaks UDP from 198.51.100.7:5060.
    pub fn new() -> Self {
        let path = Path {
            transport: Transport::Udp,
            local: SocketAddr::from(([192, 0, 2, 1], 5060)),
            remote: SocketAddr::from(([198, 51, 100, 7], 5060)),
            flow: None,
        };
        Bench { endpoint: endpoint(7), now: Instant::now(), path }
    }

    /// Delivers text with line ends as in a Rust string.
    pub fn deliver(&mut self, text: &str) {
        let bytes = text.replace('\n', "\r\n");
        let (now, path) = (self.now, self.path);
        match path.transport {
            Transport::Udp => self.endpoint.handle_datagram(now, path, bytes.as_bytes()),
            Transport::Tcp | Transport::Tls => self.endpoint.handle_stream(now, path, bytes.as_bytes()),
        }
    }

    /// Delivers a message that a test has built.
    pub fn deliver_bytes(&mut self, bytes: &[u8]) {
        self.endpoint.handle_datagram(self.now, self.path, bytes);
    }

    /// Everything sent since the last time, as first lines.
    pub fn lines(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        answer_questions(&mut self.endpoint);
        while let Some(transmit) = self.endpoint.poll_transmit() {
            let text = String::from_utf8_lossy(&transmit.bytes).into_owned();
            lines.push(text.lines().next().unwrap_or_default().to_owned());
        }
        lines
    }

    /// The next thing sent.
    pub fn transmit(&mut self) -> Transmit {
        answer_questions(&mut self.endpoint);
        self.endpoint.poll_transmit().expect("something is sent")
    }

    /// The next thing sent, which is a request.
    pub fn request(&mut self) -> Request {
        match parse_datagram(&self.transmit().bytes).expect("a SIP message") {
            Message::Request(request) => request,
            Message::Response(response) => panic!("a response: {}", response.status()),
        }
    }

    /// The next thing sent, which is a response.
    pub fn response(&mut self) -> Response {
        match parse_datagram(&self.transmit().bytes).expect("a SIP message") {
            Message::Response(response) => response,
            Message::Request(request) => panic!("a request: {}", request.method()),
        }
    }

    /// Lets time pass, firing whatever is due on the way.
    pub fn run(&mut self, span: Duration) {
        let until = self.now + span;
        while let Some((at, _)) = self.endpoint.poll_timeout().filter(|(at, _)| *at <= until) {
            self.now = self.now.max(at);
            let now = self.now;
            self.endpoint.handle_timeout(now);
        }
        self.now = until;
    }

    /// Takes the next event.
    pub fn event(&mut self) -> SessionEvent {
        self.endpoint.poll_event().expect("an event")
    }

    /// True when nothing was sent and nothing told.
    pub fn is_quiet(&mut self) -> bool {
        answer_questions(&mut self.endpoint);
        self.endpoint.poll_transmit().is_none() && self.endpoint.poll_event().is_none()
    }
}
