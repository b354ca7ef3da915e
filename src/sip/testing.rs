//! Two user agents on a simulated network, and whom they meet there: seeded, lossy, with a virtual clock. Tests only.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::digest::AccountKey;
use super::endpoint::{Endpoint, EndpointConfig};
use super::message::{NameAddr, Request, Response, Uri};
use super::path::{FlowId, Path, Transmit, Transport};
use super::registration::{ProbeEvent, RegistrationEvent};
use super::session::uac::Invite;
use super::session::{Body, End, EndCause, SessionEvent, SessionHandle};
use super::timing::GIVE_UP;

mod accounts;
mod bench;
pub mod demand;
pub mod registrar;

pub use accounts::{ACCOUNT, credentials};
pub use bench::Bench;
pub use demand::{Demand, Gate};
pub use registrar::Registrar;

/// Index of the calling phone in a [`World`].
pub const CALLER: usize = 0;
/// Index of the called phone in a [`World`].
pub const CALLED: usize = 1;
/// Index of the phone that a fork calls too.
pub const ALSO_CALLED: usize = 2;

/// One phone and everything it has said.
pub struct Phone {
    /// The endpoint under test.
    pub endpoint: Endpoint,
    /// Where it is reached, by UDP and TCP.
    pub address: SocketAddr,
    /// What it told its user of sessions and no test has taken.
    pub events: Vec<SessionEvent>,
    /// The same of registrations.
    pub registrations: Vec<RegistrationEvent>,
    /// The same of probes.
    pub probes: Vec<ProbeEvent>,
    /// What it sent, and when after the beginning.
    pub sent: Vec<(Duration, String)>,
}

impl Phone {
    fn new(host: u8, seed: u64) -> Self {
        let address = SocketAddr::from(([192, 0, 2, host], 5060));
        let (events, registrations, probes) = (Vec::new(), Vec::new(), Vec::new());
        Phone { endpoint: endpoint(seed), address, events, registrations, probes, sent: Vec::new() }
    }
}

/// Decides whether what a phone sends is lost.
pub type Filter = Box<dyn FnMut(usize, &str) -> bool>;

/// Answers a request, or lets it pass.
pub type Doorman = Box<dyn FnMut(&Request) -> Option<Response>>;

/// Who can be reached on the network.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Phone(usize),
    Registrar(usize),
}

struct Flight {
    at: Instant,
    to: Place,
    path: Path,
    bytes: Vec<u8>,
}

/// The phones and the network between them.
pub struct World {
    /// The virtual clock.
    pub now: Instant,
    /// The phones: caller first.
    pub phones: Vec<Phone>,
    /// Registrars, by UDP.
    pub registrars: Vec<Registrar>,
    /// Who stands in front of the called phone and wants a password of the caller, by UDP.
    pub gate: Gate,
    /// Answers requests of the caller to the called phone in its stead, by UDP; none lets them pass.
    pub doorman: Doorman,
    /// To how many other contacts the caller may be sent on.
    pub follow: u8,
    /// Share of datagrams lost, 0 to 1.
    pub loss: f64,
    /// Share of datagrams that arrive twice, 0 to 1.
    pub duplication: f64,
    /// Share of datagrams that arrive up to 700 ms late, behind others that were sent after them, 0 to 1.
    pub reordering: f64,
    /// How long a datagram travels, in microseconds.
    pub delay: std::ops::Range<u64>,
    /// Lets a test lose chosen messages: called with the sender and the text, true to lose.
    pub filter: Filter,
    /// Whether a proxy sends every call to the called phone on to another one too; see [`World::fork`].
    forks: bool,
    began: Instant,
    random: StdRng,
    flights: Vec<Flight>,
    /// The far end of a connection's end.
    connections: BTreeMap<(usize, FlowId), (usize, FlowId)>,
    next_flow: u64,
    refuses_connections: bool,
    account: Option<AccountKey>,
}

impl World {
    /// Two phones that can hear each other.
    pub fn new(seed: u64, loss: f64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let phones = vec![Phone::new(1, random.random()), Phone::new(2, random.random())];
        let now = Instant::now();
        World {
            now,
            phones,
            registrars: Vec::new(),
            gate: Gate::default(),
            doorman: Box::new(|_| None),
            follow: 0,
            loss,
            duplication: 0.0,
            reordering: 0.0,
            delay: 1_000..20_000,
            filter: Box::new(|_, _| false),
            forks: false,
            began: now,
            random,
            flights: Vec::new(),
            connections: BTreeMap::new(),
            next_flow: 1,
            refuses_connections: false,
            account: None,
        }
    }

    /// A third phone, [`ALSO_CALLED`].
    pub fn add_phone(&mut self) {
        self.phones.push(Phone::new(3, self.random.random()));
    }

    /// A third phone, [`ALSO_CALLED`], and a proxy that forks every call by UDP to CALLED and to it.
    pub fn fork(&mut self) {
        self.add_phone();
        self.forks = true;
    }

    /// Calls from CALLER to CALLED.
    pub fn call(&mut self, transport: Transport, offer: Option<&str>) -> SessionHandle {
        self.call_with(transport, offer, &[])
    }

    /// The same with further header lines.
    pub fn call_with(&mut self, transport: Transport, offer: Option<&str>, lines: &[(&str, &str)]) -> SessionHandle {
        let path =
            Path { transport, local: self.phones[CALLER].address, remote: self.phones[CALLED].address, flow: None };
        let mut order = invite(path, offer);
        order.headers = lines.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        (order.account, order.follow) = (self.account, self.follow);
        self.phones[CALLER].endpoint.invite(self.now, order)
    }

    /// The endpoint of a phone.
    pub fn at(&mut self, phone: usize) -> &mut Endpoint {
        &mut self.phones[phone].endpoint
    }

    /// Lets time pass until everything due within `span` has happened.
    pub fn run(&mut self, span: Duration) {
        let until = self.now + span;
        loop {
            self.pump();
            let due = self.phones.iter().filter_map(|phone| phone.endpoint.poll_timeout()).map(|(at, _)| at);
            let next = due.chain(self.flights.iter().map(|flight| flight.at)).min();
            let Some(next) = next.filter(|at| *at <= until) else {
                break;
            };
            self.now = self.now.max(next);
            self.step();
        }
        self.now = until;
    }

    /// Lets time pass in `span`s until `done`, at most a virtual hour.
    pub fn run_until(&mut self, what: &str, mut done: impl FnMut(&mut World) -> bool) {
        for _ in 0..36_000 {
            if done(self) {
                return;
            }
            self.run(Duration::from_millis(100));
        }
        panic!("never happened: {what}");
    }

    /// Takes the next event of a phone.
    pub fn event(&mut self, phone: usize) -> SessionEvent {
        self.pump();
        assert!(!self.phones[phone].events.is_empty(), "phone {phone} has nothing to tell");
        self.phones[phone].events.remove(0)
    }

    /// Takes the next event, which is an incoming call.
    pub fn incoming(&mut self, phone: usize) -> SessionHandle {
        match self.event(phone) {
            SessionEvent::Incoming { session, .. } => session,
            other => panic!("not an incoming call: {other:?}"),
        }
    }

    /// Takes the next event, which is an end.
    pub fn ended(&mut self, phone: usize) -> EndCause {
        match self.event(phone) {
            SessionEvent::Ended { why, .. } => why,
            other => panic!("not an end: {other:?}"),
        }
    }

    /// A call up on both sides, all events taken: the handles of caller and called.
    pub fn connect(&mut self, transport: Transport) -> (SessionHandle, SessionHandle) {
        let ours = self.call(transport, Some("offer"));
        self.run(ms(100));
        let theirs = self.incoming(CALLED);
        let now = self.now;
        self.at(CALLED).accept(now, theirs, sdp("answer"));
        self.run(ms(100));
        assert!(matches!(self.event(CALLER), SessionEvent::Answered { .. }));
        assert!(matches!(self.event(CALLED), SessionEvent::Confirmed { .. }));
        (ours, theirs)
    }

    /// How often a phone has sent a message whose first line begins with `start`.
    pub fn count(&self, phone: usize, start: &str) -> usize {
        self.phones[phone].sent.iter().filter(|(_, text)| text.starts_with(start)).count()
    }

    /// Nobody takes connections any more.
    pub fn refuse_connections(&mut self) {
        self.refuses_connections = true;
    }

    /// Closes every connection under the phones' feet.
    pub fn cut_connections(&mut self) {
        for ((phone, flow), _) in std::mem::take(&mut self.connections) {
            let now = self.now;
            self.phones[phone].endpoint.handle_flow_closed(now, flow);
        }
    }

    /// Nothing is left of any call: no session, no transaction, no deadline.
    pub fn assert_empty(&mut self) {
        for (index, phone) in self.phones.iter().enumerate() {
            assert_eq!(phone.endpoint.busy_sessions(), 0, "sessions of phone {index}");
            assert_eq!(phone.endpoint.transactions(), 0, "transactions of phone {index}");
            assert_eq!(phone.endpoint.remembered(), 0, "requests of phone {index} that nobody can challenge");
            assert!(phone.endpoint.poll_timeout().is_none(), "deadline of phone {index}");
        }
    }

    fn step(&mut self) {
        let now = self.now;
        for phone in &mut self.phones {
            if phone.endpoint.poll_timeout().is_some_and(|(at, _)| at <= now) {
                phone.endpoint.handle_timeout(now);
                let next = phone.endpoint.poll_timeout();
                assert!(next.is_none_or(|(at, _)| at > now), "a deadline that does not go away: {next:?}");
            }
        }
        while let Some(index) = self.flights.iter().position(|flight| flight.at <= now) {
            let Flight { to, path, bytes, .. } = self.flights.remove(index);
            let to = match to {
                Place::Registrar(registrar) => {
                    if let Some(answer) = self.registrars[registrar].handle(now, &bytes) {
                        self.send_back(path, answer);
                    }
                    continue;
                }
                Place::Phone(phone) => phone,
            };
            if !self.passes_gate(to, path, &bytes) {
                continue;
            }
            let endpoint = &mut self.phones[to].endpoint;
            match path.transport {
                Transport::Udp => endpoint.handle_datagram(now, path, &bytes),
                Transport::Tcp | Transport::Tls => endpoint.handle_stream(now, path, &bytes),
            }
        }
    }

    fn pump(&mut self) {
        for from in 0..self.phones.len() {
            answer_questions(&mut self.phones[from].endpoint);
            while let Some((_, event)) = self.phones[from].endpoint.poll_registration() {
                self.phones[from].registrations.push(event);
            }
            while let Some((_, event)) = self.phones[from].endpoint.poll_probe() {
                self.phones[from].probes.push(event);
            }
            while let Some(event) = self.phones[from].endpoint.poll_event() {
                self.phones[from].events.push(event);
            }
            while let Some(transmit) = self.phones[from].endpoint.poll_transmit() {
                let text = String::from_utf8_lossy(&transmit.bytes).into_owned();
                let lost = (self.filter)(from, &text);
                self.phones[from].sent.push((self.now - self.began, text));
                match transmit.path.transport {
                    Transport::Udp if !lost && !self.random.random_bool(self.loss) => self.fly(from, &transmit),
                    Transport::Tcp | Transport::Tls if !lost => self.stream(from, transmit),
                    _ => {}
                }
            }
        }
    }

    fn fly(&mut self, from: usize, transmit: &Transmit) {
        let registrar = self.registrars.iter().position(|registrar| registrar.address == transmit.path.remote);
        if let Some(registrar) = registrar {
            return self.fly_to(from, Place::Registrar(registrar), transmit);
        }
        let Some(to) = self.phones.iter().position(|phone| phone.address == transmit.path.remote) else {
            return;
        };
        self.fly_to(from, Place::Phone(to), transmit);
        let text = String::from_utf8_lossy(&transmit.bytes);
        let begins =
            text.starts_with("INVITE") && !text.lines().any(|line| line.starts_with("To") && line.contains("tag="));
        if self.forks && to == CALLED && begins && !self.random.random_bool(self.loss) {
            self.fly_to(from, Place::Phone(ALSO_CALLED), transmit);
        }
    }

    fn fly_to(&mut self, from: usize, to: Place, transmit: &Transmit) {
        let local = match to {
            Place::Phone(phone) => self.phones[phone].address,
            Place::Registrar(registrar) => self.registrars[registrar].address,
        };
        let remote = self.phones[from].address;
        let path = Path { transport: Transport::Udp, local, remote, flow: None };
        let copies = if self.random.random_bool(self.duplication) { 2 } else { 1 };
        for _ in 0..copies {
            let late = if self.random.random_bool(self.reordering) { self.random.random_range(0..700_000) } else { 0 };
            let at = self.now + Duration::from_micros(self.random.random_range(self.delay.clone()) + late);
            self.flights.push(Flight { at, to, path, bytes: transmit.bytes.clone() });
        }
    }

    fn stream(&mut self, from: usize, transmit: Transmit) {
        let known = transmit.path.flow.and_then(|flow| self.connections.get(&(from, flow)).copied());
        let (to, far) = match known {
            Some(far) => far,
            None => {
                let listening = self.phones.iter().position(|phone| phone.address == transmit.path.remote);
                let Some(to) = listening.filter(|_| !self.refuses_connections) else {
                    let now = self.now;
                    self.phones[from].endpoint.handle_transport_error(now, transmit.path);
                    return;
                };
                let (near, far) = (FlowId(self.next_flow), FlowId(self.next_flow + 1));
                self.next_flow += 2;
                self.connections.insert((from, near), (to, far));
                self.connections.insert((to, far), (from, near));
                (to, far)
            }
        };
        let ephemeral = SocketAddr::new(self.phones[from].address.ip(), 40_000);
        let opened_by_us = far.0 % 2 == 0;
        let path = Path {
            transport: Transport::Tcp,
            local: self.phones[to].address,
            remote: if opened_by_us { ephemeral } else { self.phones[from].address },
            flow: Some(far),
        };
        // In pieces, in order.
        let cut = self.random.random_range(0..=transmit.bytes.len());
        for piece in [&transmit.bytes[..cut], &transmit.bytes[cut..]] {
            let at = self.now + ms(1);
            self.flights.push(Flight { at, to: Place::Phone(to), path, bytes: piece.to_vec() });
        }
    }
}

/// An endpoint with this seed.
pub fn endpoint(seed: u64) -> Endpoint {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    Endpoint::new(EndpointConfig { user_agent: "Vestibule".to_owned() }, bytes)
}

/// An order to call along `path`.
pub fn invite(path: Path, offer: Option<&str>) -> Invite {
    let contact = format!("sip:door@{}", path.local);
    Invite {
        path,
        to: Uri::parse(&format!("sip:panel@{}", path.remote)).expect("a URI"),
        from: NameAddr::new(Uri::parse("sip:door@192.0.2.1").expect("a URI")),
        contact: Uri::parse(&contact).expect("a URI"),
        offer: offer.map(sdp),
        headers: Vec::new(),
        follow: 0,
        account: None,
        patience: GIVE_UP,
    }
}

/// A body that stands for a session description.
pub fn sdp(text: &str) -> Body {
    Body::sdp(text.as_bytes().to_vec())
}

/// A body that stands for pressed keys.
pub fn keys(text: &str) -> Body {
    Body { content_type: "application/dtmf-relay".to_owned(), bytes: text.as_bytes().to_vec() }
}

/// Milliseconds.
pub fn ms(span: u64) -> Duration {
    Duration::from_millis(span)
}

/// A call would ring, whoever asks.
fn answer_questions(endpoint: &mut Endpoint) {
    while let Some(question) = endpoint.poll_question() {
        endpoint.answer_question(&question, 200);
    }
}

/// The end that a person asks for.
pub const DECLINE: End = End { code: 603 };
