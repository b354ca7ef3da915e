//! A SIP server with one telephone behind it: it registers panels, and its telephone calls and is called.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use vestibule::channel::TlsFault;
use vestibule::phone::{FlowFault, Now};
use vestibule::sip::message::{Message, Method, Request, Response};
use vestibule::sip::wire::{Framed, StreamFramer, parse_datagram};
use vestibule::sip::{FlowId, Invite, Path, Transmit, Transport, Uri};

use super::door::Door;
use super::house::Node;

/// What it says to a REGISTER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registrar {
    /// 200 to everybody.
    Open,
    /// 401 first, with a challenge that any answer with this nonce satisfies.
    Challenges,
    /// 401 to every answer.
    Distrusts,
    /// This, and these header lines.
    Says(u16, Vec<(&'static str, String)>),
    /// Nothing.
    Mute,
}

/// One binding.
#[derive(Clone, Debug)]
pub struct Binding {
    pub contact: String,
    pub way: Path,
    pub until: Instant,
}

/// The server, at an address of its own, port 5060.
pub struct Pbx {
    pub registrar: Registrar,
    /// What its telephone calls itself.
    pub name: String,
    /// The telephone behind it.
    pub phone: Door,
    /// Why nobody gets a TLS connection to it, if so.
    pub tls: Option<TlsFault>,
    /// How many TLS connections came to nothing.
    pub greeted: usize,
    /// Whether the program runs: a machine whose program does not run refuses.
    pub runs: bool,
    /// The program is stuck: it takes connections and datagrams, and says nothing.
    pub stuck: bool,
    /// Whether it answers OPTIONS.
    pub answers_options: bool,
    /// The longest registration that it gives.
    pub longest: Duration,
    pub bindings: BTreeMap<String, Binding>,
    /// The REGISTERs and OPTIONS that came, and when.
    pub asked: Vec<(Instant, String)>,
    /// Which nonce it accepts; another one after each start.
    starts: u32,
    address: SocketAddr,
    framers: BTreeMap<FlowId, StreamFramer>,
    out: Vec<Transmit>,
}

impl Pbx {
    pub fn new(address: IpAddr, seed: [u8; 32]) -> Self {
        Self {
            registrar: Registrar::Open,
            name: format!("sip:102@{address}"),
            phone: Door::new(address, seed),
            tls: None,
            greeted: 0,
            runs: true,
            stuck: false,
            answers_options: true,
            longest: Duration::from_secs(3600),
            bindings: BTreeMap::new(),
            asked: Vec::new(),
            starts: 1,
            address: SocketAddr::new(address, 5060),
            framers: BTreeMap::new(),
            out: Vec::new(),
        }
    }

    /// The program stops: nothing is remembered.
    pub fn stop(&mut self) {
        self.runs = false;
        self.starts += 1;
        self.bindings.clear();
        self.framers.clear();
    }

    /// The telephone behind it calls the panel that registered this name.
    pub fn ring(&mut self, now: Now, name: &str) {
        let binding = self.bindings.get(name).expect("it is registered").clone();
        let uri = |text: &str| Uri::parse(text).expect("a URI");
        let offer = self.phone.negotiation.create_offer(self.phone.wish);
        let invite = Invite {
            path: binding.way,
            to: uri(&binding.contact),
            from: vestibule::sip::NameAddr::new(uri(&self.name)),
            contact: uri(&format!("sip:102@{}", self.address)),
            offer: Some(vestibule::sip::Body::sdp(offer)),
            headers: Vec::new(),
            follow: 0,
            account: None,
            patience: vestibule::sip::GIVE_UP,
        };
        self.phone.session = Some(self.phone.endpoint.invite(now.instant, invite));
    }

    /// How many REGISTERs came.
    pub fn registers(&self) -> usize {
        self.asked.iter().filter(|(_, text)| text.starts_with("REGISTER")).count()
    }

    /// Answers what is the registrar's; false for what is the telephone's.
    fn take(&mut self, now: Now, path: Path, bytes: &[u8]) -> bool {
        let Ok(Message::Request(mut request)) = parse_datagram(bytes) else { return false };
        if !matches!(request.method(), Method::Register | Method::Options) {
            return false;
        }
        self.asked.push((now.instant, String::from_utf8_lossy(bytes).into_owned()));
        let is_heard = match request.method() {
            Method::Options => self.answers_options,
            _ => self.registrar != Registrar::Mute,
        };
        if !is_heard {
            return true;
        }
        request.top_via_mut().stamp_source(path.remote);
        let response = match request.method() {
            Method::Options => Response::answer(&request, 200),
            _ => self.register(now, path, &request),
        };
        self.out.push(Transmit { path, bytes: response.to_bytes() });
        true
    }

    fn register(&mut self, now: Now, path: Path, request: &Request) -> Response {
        let nonce = format!("nonce=\"n{}\"", self.starts);
        let proof = request.header("Authorization").unwrap_or_default();
        let challenge = |request: &Request| {
            let mut response = Response::answer(request, 401);
            let stale = if proof.is_empty() || proof.contains(&nonce) { "" } else { ", stale=true" };
            let value = format!("Digest realm=\"pbx\", {nonce}, qop=\"auth\", algorithm=MD5{stale}");
            response.push_header("WWW-Authenticate", &value);
            response
        };
        match &self.registrar {
            Registrar::Says(status, lines) => {
                let mut response = Response::answer(request, *status);
                lines.iter().for_each(|(name, value)| response.push_header(name, value));
                return response;
            }
            Registrar::Distrusts => return challenge(request),
            Registrar::Challenges if !proof.contains(&nonce) => return challenge(request),
            Registrar::Challenges | Registrar::Open | Registrar::Mute => {}
        }
        let name = request.to().uri.user().unwrap_or_default().to_owned();
        if let Some(contact) = request.contact() {
            let asked: u64 = request.header("Expires").and_then(|text| text.parse().ok()).unwrap_or(3600);
            let given = Duration::from_secs(asked).min(self.longest);
            if given.is_zero() {
                self.bindings.remove(&name);
            } else {
                let binding = Binding { contact: contact.uri.to_string(), way: path, until: now.instant + given };
                self.bindings.insert(name.clone(), binding);
            }
        }
        let mut response = Response::answer(request, 200);
        if let Some(binding) = self.bindings.get(&name) {
            let left = binding.until.saturating_duration_since(now.instant).as_secs();
            response.push_header("Contact", &format!("<{}>;expires={left}", binding.contact));
        }
        response
    }
}

impl Node for Pbx {
    fn hears(&self, _transport: Transport, port: u16) -> bool {
        self.runs && port == self.address.port()
    }

    fn handle_datagram(&mut self, now: Now, path: Path, bytes: &[u8]) {
        if !self.stuck && !self.take(now, path, bytes) {
            self.phone.handle_datagram(now, path, bytes);
        }
    }

    fn handle_stream(&mut self, now: Now, path: Path, bytes: &[u8]) {
        let Some(flow) = path.flow.filter(|_| !self.stuck) else { return };
        let mut framer = self.framers.remove(&flow).unwrap_or_default();
        framer.push(bytes);
        while let Some(framed) = framer.next() {
            match framed {
                Ok(Framed::Message(message)) if !self.take(now, path, &message) => {
                    self.phone.handle_stream(now, path, &message);
                }
                Ok(Framed::KeepAlivePing) => self.out.push(Transmit { path, bytes: b"\r\n".to_vec() }),
                _ => {}
            }
        }
        self.framers.insert(flow, framer);
    }

    fn handle_transport_error(&mut self, now: Now, path: Path) {
        self.phone.handle_transport_error(now, path);
    }

    fn refuses(&mut self, transport: Transport) -> Option<FlowFault> {
        let fault = self.tls.clone().filter(|_| transport == Transport::Tls)?;
        self.greeted += 1;
        Some(FlowFault::Tls(fault))
    }

    fn handle_timeout(&mut self, now: Now) {
        self.phone.handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.phone.poll_timeout()
    }

    fn drain(&mut self, now: Now) -> Vec<Transmit> {
        let mut out = std::mem::take(&mut self.out);
        out.extend(self.phone.drain(now));
        out
    }
}
