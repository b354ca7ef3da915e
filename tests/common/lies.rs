//! Requests of people who lie about who they are, and what comes of them.

use std::net::IpAddr;

use vestibule::channel::{CallResult, EndReason, LogEntry};

use super::house::{House, PANEL};
use super::ms;

/// The setting for direct calls.
pub const DIRECT: (&str, &str) = ("phone.direct_ip.prevent_sip_hacking", "on");
/// The setting for calls through Account 1.
pub const THROUGH: (&str, &str) = ("account1.call.prevent_sip_hacking", "on");
/// Account 1 at the first server.
pub const ACCOUNT: &[(&str, &str)] =
    &[("account1.basic.server", "10.0.0.4"), ("account1.basic.register_name", "101"), ("account1.active", "on")];

/// The door may call directly, 102 through the account; Berta is known and may not, 104 may not either; two are blocked.
pub const BOOK: &str = r#"
[[contact]]
name = "Front door"
numbers = ["10✳0✳0✳3"]
may_call = true

[[contact]]
name = "Anna"
numbers = ["102", "+49 30 123", "sip:anna@elsewhere.test"]
may_call = true

[[contact]]
name = "Berta"
numbers = ["10.0.0.2", "104"]

[[contact]]
name = "Nuisance"
numbers = ["105", "10.0.0.6"]
blocked = true

[[contact]]
name = "Alarm"
numbers = ["106"]
emergency = true
"#;

/// Where the server is.
pub const SERVER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 4));

/// A house whose panel is registered, knows [`BOOK`] and has these settings besides.
pub fn registered(settings: &[(&str, &str)]) -> House {
    let house = House::with_servers_knowing(&[settings, ACCOUNT].concat(), BOOK);
    assert!(house.panels[PANEL].phone.registrations()[0].places_calls);
    house
}

/// A request as somebody writes it who lies.
#[derive(Clone, Debug)]
pub struct Lie {
    pub method: &'static str,
    pub uri: String,
    pub from: String,
    pub to: String,
    pub via: String,
    pub lines: String,
    pub number: u32,
}

impl Lie {
    /// From a stranger, to nobody by name.
    pub fn new(method: &'static str) -> Self {
        let (uri, to) = ("sip:10.0.0.1".to_owned(), "<sip:10.0.0.1>".to_owned());
        let (from, via) = ("<sip:100@198.18.0.1>".to_owned(), "198.18.0.1:5060".to_owned());
        Self { method, uri, from, to, via, lines: String::new(), number: 1 }
    }

    /// A call from somebody who says that it is this.
    pub fn call(from: &str) -> Self {
        Self { from: from.to_owned(), ..Self::new("INVITE") }
    }

    /// One of several, each another.
    pub fn number(self, number: u32) -> Self {
        Self { number, ..self }
    }

    /// With this line as well.
    pub fn line(mut self, line: &str) -> Self {
        self.lines.push_str(line);
        self.lines.push_str("\r\n");
        self
    }

    /// As it is sent.
    pub fn bytes(&self) -> Vec<u8> {
        let Self { method, uri, from, to, via, lines, number } = self;
        let offer = match *method {
            "INVITE" => {
                "v=0\r\no=- 1 1 IN IP4 10.0.0.9\r\ns=-\r\nc=IN IP4 10.0.0.9\r\nt=0 0\r\nm=audio 30000 RTP/AVP 0\r\n"
            }
            _ => "",
        };
        let kind = if offer.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {via};branch=z9hG4bKlie{number};rport\r\nMax-Forwards: 70\r\n\
             From: {from};tag=lie{number}\r\nTo: {to}\r\nCall-ID: lie{number}\r\nCSeq: 1 {method}\r\n\
             Contact: <sip:x@{via}>\r\n{lines}{kind}Content-Length: {}\r\n\r\n{offer}",
            offer.len()
        )
        .into_bytes()
    }
}

/// What came of a lie.
#[derive(Debug, PartialEq, Eq)]
pub enum Met {
    /// Nothing: not even 100, and nothing was made of it.
    Silence,
    /// A final answer.
    Answer(u16),
    /// It rings.
    Rings,
}

/// What comes of a lie at this port of the panel, in datagrams from this address.
pub fn met(house: &mut House, port: u16, from: IpAddr, lie: &Lie) -> Met {
    let (before, load) = (house.count(PANEL, ""), house.panels[PANEL].phone.load());
    house.inject_at(port, from, None, lie.bytes());
    house.run(ms(20));
    if !house.panels[PANEL].phone.calls().is_empty() {
        return Met::Rings;
    }
    let ours = house.sent.iter().filter(|(node, _, _)| *node == PANEL).skip(before);
    let answers = ours.filter_map(|(_, _, text)| text.strip_prefix("SIP/2.0 ")?[..3].parse::<u16>().ok());
    let Some(last) = answers.filter(|status| *status != 100).last() else {
        assert_eq!(house.count(PANEL, ""), before, "not even 100");
        let after = house.panels[PANEL].phone.load();
        assert_eq!((after.transactions, after.sessions), (load.transactions, load.sessions), "nothing is made of it");
        return Met::Silence;
    };
    Met::Answer(last)
}

/// The line of the call log: result, reason, how often, name.
pub fn last_line(house: &mut House) -> (CallResult, Option<EndReason>, u32, String) {
    let line: LogEntry = house.panel().log()[0].clone();
    (line.result, line.why, line.attempts, line.name)
}
