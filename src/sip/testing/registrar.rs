//! A registrar on the simulated network, as the tests want it to be.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::demand::{Gate, Passage};
use crate::sip::message::{Message, Method, NameAddr, Request, Response};
use crate::sip::wire::parse_datagram;

/// A registrar of one address of record, reached by UDP.
pub struct Registrar {
    /// Where it is.
    pub address: SocketAddr,
    /// Whose password it wants.
    pub gate: Gate,
    /// The shortest time that it grants.
    pub least: u64,
    /// The longest time that it grants.
    pub most: u64,
    /// Whether it is there at all.
    pub silent: bool,
    /// Answered to everything instead, with these header lines.
    pub refuses: Option<(u16, Vec<(&'static str, String)>)>,
    /// Header lines of a 200.
    pub adds: Vec<(&'static str, String)>,
    /// Who is bound, as it lists them, and until when.
    pub bindings: Vec<(String, Instant)>,
    /// What it was asked, repetitions left out, and when.
    pub heard: Vec<(Instant, Request)>,
    /// What it said, by branch.
    said: BTreeMap<String, Vec<u8>>,
    /// The greatest number of each Call-ID.
    numbers: BTreeMap<String, u32>,
}

impl Registrar {
    /// One that grants what is asked for, without a password.
    pub fn new(address: SocketAddr) -> Self {
        Registrar {
            address,
            gate: Gate::default(),
            least: 0,
            most: u64::MAX,
            silent: false,
            refuses: None,
            adds: Vec::new(),
            bindings: Vec::new(),
            heard: Vec::new(),
            said: BTreeMap::new(),
            numbers: BTreeMap::new(),
        }
    }

    /// The contacts that are bound at that moment.
    pub fn bound(&self, now: Instant) -> Vec<&str> {
        self.bindings.iter().filter(|(_, until)| *until > now).map(|(contact, _)| contact.as_str()).collect()
    }

    /// A datagram came; gives the answer.
    pub fn handle(&mut self, now: Instant, bytes: &[u8]) -> Option<Vec<u8>> {
        let Ok(Message::Request(request)) = parse_datagram(bytes) else {
            return None;
        };
        if self.silent {
            return None;
        }
        let branch = request.top_via().branch().unwrap_or_default().to_owned();
        if let Some(said) = self.said.get(&branch) {
            return Some(said.clone());
        }
        self.heard.push((now, request.clone()));
        let answer = self.answer(now, &request);
        self.said.insert(branch, answer.clone());
        Some(answer)
    }

    fn answer(&mut self, now: Instant, request: &Request) -> Vec<u8> {
        if let Some((status, lines)) = &self.refuses {
            return plain(request, *status, lines);
        }
        if let Passage::Stopped(challenge) = self.gate.judge(request) {
            return challenge;
        }
        if *request.method() != Method::Register {
            return plain(request, 200, &[]);
        }
        let number = request.cseq().0;
        let latest = self.numbers.entry(request.call_id().to_owned()).or_default();
        assert!(number > *latest, "CSeq {number} after {latest}");
        *latest = number;
        let asked: u64 = request.header("Expires").and_then(|value| value.parse().ok()).unwrap_or(3600);
        for value in request.headers("Contact") {
            let mut contact = NameAddr::parse(value).expect("a contact");
            let asked = contact.params.get("expires").map_or(asked, |own| own.parse().expect("seconds"));
            if asked > 0 && asked < self.least {
                return plain(request, 423, &[("Min-Expires", self.least.to_string())]);
            }
            contact.params.remove("expires");
            self.bindings.retain(|(bound, _)| !NameAddr::parse(bound).expect("one").uri.equivalent(&contact.uri));
            if asked > 0 {
                let until = now + Duration::from_secs(asked.min(self.most));
                self.bindings.push((contact.to_string(), until));
            }
        }
        let mut lines = self.adds.clone();
        for (contact, until) in self.bindings.iter().filter(|(_, until)| *until > now) {
            lines.push(("Contact", format!("{contact};expires={}", (*until - now).as_secs())));
        }
        plain(request, 200, &lines)
    }
}

fn plain(request: &Request, status: u16, lines: &[(&'static str, String)]) -> Vec<u8> {
    let mut response = Response::answer(request, status);
    response.set_to_tag("registrar");
    for (name, value) in lines {
        response.push_header(name, value);
    }
    response.to_bytes()
}
