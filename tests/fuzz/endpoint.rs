//! The whole endpoint: strangers and known doors, by UDP and TCP, say what belongs to a call and what does not, in any
//! order, well and badly spelt, while a person answers, holds and hangs up, accounts come and go, and the clock goes on.
//!
//! Promised: nothing is told of a session before it begins or after it has ended, nothing of a registration that is forgotten,
//! of a probe exactly one thing, what is sent can be read and shows no password, a deadline that
//! was met goes away, the tables are bounded, and of everything nothing is left an hour after the last of it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use vestibule::sip::endpoint::MAX_SESSIONS;
use vestibule::sip::message::{Message, Method, Request, Response};
use vestibule::sip::wire::parse_datagram;
use vestibule::sip::{
    AccountKey, Body, Credentials, End, Endpoint, EndpointConfig, FlowId, GIVE_UP, Invite, NameAddr, Password, Path,
    ProbeHandle, Register, RegistrationHandle, Rejection, SessionEvent, SessionHandle, Transport, Uri,
};

use crate::mutator::Mutator;
use crate::{inputs, memory, seed, wire};

/// The most memory that a visit may take at one time, in bytes: of the endpoint, and of what plays against it.
const MOST: usize = 8 << 20;
/// Most messages that are remembered, to answer, to repeat and to build upon.
const REMEMBERED: usize = 24;
/// Most calls of ours in one visit.
const OUR_CALLS: usize = 8;
/// Most registrations and probes of ours in one visit.
const OUR_REGISTRATIONS: usize = 8;
/// Most transactions: what others may begin (256 INVITEs, 256 others), and a few of ours for each session.
const MAX_TRANSACTIONS: usize = 512 + 8 * (MAX_SESSIONS + OUR_CALLS + OUR_REGISTRATIONS);

const METHODS: &[&str] = &[
    "INVITE", "ACK", "BYE", "CANCEL", "PRACK", "UPDATE", "INFO", "OPTIONS", "MESSAGE", "REFER", "REGISTER", "NEW-ONE",
];
const EXTRA: &[&str] = &[
    "",
    "",
    "",
    "Supported: 100rel, timer\r\n",
    "Require: 100rel\r\n",
    "Require: nothing\r\n",
    "Record-Route: <sip:p1.example;lr>, <sip:192.0.2.77>\r\n",
    "Session-Expires: 90;refresher=uas\r\n",
    "Max-Forwards: 0\r\n",
    "Replaces: c1;to-tag=a;from-tag=b\r\n",
    "Reason: SIP;cause=200\r\n",
    "Accept: text/plain\r\n",
];
const STATUSES: &[u16] = &[
    100, 180, 183, 183, 199, 200, 200, 200, 202, 300, 302, 401, 401, 404, 407, 408, 423, 481, 486, 487, 491, 500, 503,
    603,
];
const CHALLENGES: &[&str] = &[
    "Digest realm=\"home\", nonce=\"1\", qop=\"auth\"",
    "Digest realm=\"home\", nonce=\"2\", qop=\"auth\", stale=true",
    "Digest realm=\"home\", nonce=\"3\", algorithm=SHA-256-sess, qop=\"auth-int\", opaque=\"x\"",
    "Digest realm=\"flat\", nonce=\"4\", userhash=true, domain=\"sip:198.51.100.2 /x\", Digest realm=\"home\", nonce=\"5\"",
    "Digest realm=\"q\\\"uote, d\", nonce=, algorithm=SHA-512-256,,",
    "Basic realm=\"home\", Digest realm=\"home\", nonce=\"6\", algorithm=none",
];
const BOUND: &[&str] = &[
    "<sip:panel@192.0.2.1:5060>;expires=60",
    "<sip:panel@192.0.2.1>;expires=1;+sip.instance=\"<urn:uuid:1>\";reg-id=1;pub-gruu=\"sip:g@h;gr\"",
    "<sip:other@192.0.2.9>, <sip:panel@203.0.113.1:99>;expires=99999999999",
    "<sip:panel@192.0.2.1:5060>;expires=0",
    "*",
];
const PASSWORD: &str = "open sesame";
const SPANS: &[u64] = &[1, 30, 500, 1_000, 2_500, 11_000, 33_000, 200_000];

/// A message in a dialog, or one that begins it.
struct Words<'a> {
    method: &'a str,
    from: String,
    to: String,
    call_id: String,
    cseq: u32,
    branch: String,
    extra: String,
}

/// One visit: an endpoint, those who talk to it, and the person beside it.
struct Visit<'a> {
    endpoint: Endpoint,
    now: Instant,
    random: StdRng,
    mutator: &'a Mutator,
    /// What it has sent, and where to.
    heard: Vec<(Path, Message)>,
    /// What it was sent.
    said: Vec<(Path, Vec<u8>)>,
    live: BTreeSet<SessionHandle>,
    newest: Option<SessionHandle>,
    /// Those that may have gone without a word, as was asked.
    dropped: BTreeSet<SessionHandle>,
    /// The connection of each address.
    flows: BTreeMap<SocketAddr, FlowId>,
    next_flow: u64,
    our_calls: usize,
    registrations: BTreeSet<RegistrationHandle>,
    our_registrations: usize,
    probes: BTreeSet<ProbeHandle>,
    /// Whether to say what happens.
    aloud: bool,
}

fn local() -> SocketAddr {
    ([192, 0, 2, 1], 5060).into()
}

impl<'a> Visit<'a> {
    fn new(number: u64, mutator: &'a Mutator, aloud: bool) -> Self {
        let mut random = StdRng::seed_from_u64(number);
        let mut endpoint = Endpoint::new(EndpointConfig { user_agent: "Vestibule".to_owned() }, random.random());
        endpoint.set_known([[198, 51, 100, 0].into(), [198, 51, 100, 1].into()]);
        Visit {
            endpoint,
            now: Instant::now(),
            random,
            mutator,
            heard: Vec::new(),
            said: Vec::new(),
            live: BTreeSet::new(),
            newest: None,
            dropped: BTreeSet::new(),
            flows: BTreeMap::new(),
            next_flow: 1,
            our_calls: 0,
            registrations: BTreeSet::new(),
            our_registrations: 0,
            probes: BTreeSet::new(),
            aloud,
        }
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.random.random_range(0..of.len())]
    }

    fn one_in(&mut self, many: u32) -> bool {
        self.random.random_ratio(1, many)
    }

    fn path(&mut self) -> Path {
        let remote = SocketAddr::from(([198, 51, 100, self.random.random_range(0..5)], 5060));
        if self.one_in(3) {
            self.by_tcp(remote)
        } else {
            Path { transport: Transport::Udp, local: local(), remote, flow: None }
        }
    }

    fn by_tcp(&mut self, remote: SocketAddr) -> Path {
        let flow = *self.flows.entry(remote).or_insert_with(|| {
            self.next_flow += 1;
            FlowId(self.next_flow)
        });
        Path { transport: Transport::Tcp, local: local(), remote, flow: Some(flow) }
    }

    /// One thing happens.
    fn step(&mut self) {
        let pause = self.random.random_range(0..60);
        self.pass(Duration::from_millis(pause));
        match self.random.random_range(0..100) {
            0..20 => self.begin(),
            20..40 => self.go_on(),
            40..58 => self.answer(),
            58..64 => self.repeat(),
            64..68 => self.babble(),
            68..70 => self.reflect(),
            70..86 => self.command(),
            86..96 => {
                let span = self.pick(SPANS);
                self.pass(Duration::from_millis(span));
            }
            96 | 97 => {
                let path = self.path();
                self.endpoint.handle_transport_error(self.now, path);
            }
            98 => {
                if let Some((_, flow)) = self.flows.pop_first() {
                    self.endpoint.handle_flow_closed(self.now, flow);
                }
            }
            _ => {
                let path = self.by_tcp(([198, 51, 100, 3], 5060).into());
                self.endpoint.handle_stream(self.now, path, b"\r\n\r\n");
            }
        }
        self.drain();
    }

    /// A request that begins something, from few names so that they meet again.
    fn begin(&mut self) {
        let method = if self.one_in(2) { "INVITE" } else { self.pick(METHODS) };
        let call = self.random.random_range(0..12);
        let words = Words {
            method,
            from: format!("<sip:door@198.51.100.7>;tag=f{}", call % 3),
            to: "<sip:panel@192.0.2.1>".to_owned(),
            call_id: format!("c{call}"),
            cseq: self.random.random_range(1..4),
            branch: format!("z9hG4bK{call}.{}", self.random.random_range(0..3)),
            extra: self.pick(EXTRA).to_owned(),
        };
        let path = self.path();
        self.say(path, &words);
    }

    /// A request in a dialog, or about a transaction, of which something was heard.
    fn go_on(&mut self) {
        if self.heard.is_empty() {
            return;
        }
        let (path, message) = self.heard[self.random.random_range(0..self.heard.len())].clone();
        let method = self.pick(&METHODS[..8]);
        let ahead = self.random.random_range(0..3);
        let mut extra = self.pick(EXTRA).to_owned();
        let new_branch = format!("z9hG4bKn{}", self.random.random_range(0..1_000));
        let words = match &message {
            Message::Response(response) => {
                let (cseq, of) = response.cseq();
                let rseq = response.header("RSeq").unwrap_or("1");
                if method == "PRACK" {
                    extra.push_str(&format!("RAck: {rseq} {cseq} {}\r\n", of.as_str()));
                }
                let same = matches!(method, "ACK" | "CANCEL");
                let branch = response.top_via().branch().unwrap_or_default().to_owned();
                let to =
                    if method == "CANCEL" { "<sip:panel@192.0.2.1>".to_owned() } else { response.to().to_string() };
                let keeps_branch = method == "CANCEL" || (same && self.one_in(2));
                Words {
                    method,
                    from: response.from().to_string(),
                    to,
                    call_id: response.call_id().to_owned(),
                    cseq: if same { cseq } else { cseq.saturating_add(ahead) },
                    branch: if keeps_branch { branch } else { new_branch },
                    extra,
                }
            }
            Message::Request(request) => {
                let mut from = request.to().clone();
                if from.tag().is_none() {
                    from.set_tag(self.pick(&["t0", "t1", "t2"]));
                }
                let (from, to) = (from.to_string(), request.from().to_string());
                Words {
                    method,
                    from,
                    to,
                    call_id: request.call_id().to_owned(),
                    cseq: 1 + ahead,
                    branch: new_branch,
                    extra,
                }
            }
        };
        self.say(path, &words);
    }

    /// An answer to something that was asked.
    fn answer(&mut self) {
        let asked = self.heard.iter().filter_map(|(path, message)| match message {
            Message::Request(request) => Some((*path, request)),
            Message::Response(_) => None,
        });
        let asked: Vec<(Path, &Request)> = asked.collect();
        if asked.is_empty() {
            return;
        }
        let (path, request) = asked[self.random.random_range(0..asked.len())];
        let request = request.clone();
        let status = self.pick(STATUSES);
        let mut response = Response::answer(&request, status);
        response.set_to_tag(self.pick(&["t0", "t1", "t2"]));
        match status {
            300..=399 => {
                response.push_header("Contact", "<sip:a@198.51.100.2>;q=0.7, <sip:b@198.51.100.3;transport=tcp>")
            }
            401 | 407 => {
                for _ in 0..self.random.random_range(0..3) {
                    let name = self.pick(&["WWW-Authenticate", "Proxy-Authenticate"]);
                    response.push_header(name, self.pick(CHALLENGES));
                }
            }
            423 => response.push_header("Min-Expires", self.pick(&["0", "90", "4000", "99999999999", "x"])),
            400..=699 => response.push_header("Retry-After", self.pick(&["0", "3", "99999999999", "x"])),
            _ if *request.method() == Method::Register => {
                response.push_header("Contact", self.pick(BOUND));
                response.push_header("Expires", self.pick(&["0", "30", "x", "3600"]));
                response.push_header("Service-Route", "<sip:p.example;lr>");
                response.push_header("Require", self.pick(&["outbound", "path"]));
                response.push_header("Flow-Timer", self.pick(&["0", "7", "120", "x"]));
            }
            _ => response.push_header("Contact", "<sip:door@198.51.100.2:5062>"),
        }
        if self.one_in(8) {
            let name = self.pick(&["Authentication-Info", "Proxy-Authentication-Info"]);
            response.push_header(name, self.pick(&["nextnonce=\"n\"", "nextnonce=, qop=auth", "rspauth=\"\""]));
        }
        if (101..200).contains(&status) && self.one_in(2) {
            response.push_header("Require", "100rel");
            response.push_header("RSeq", self.pick(&["1", "2", "3", "4294967295"]));
        }
        if self.one_in(4) {
            response.push_header("Record-Route", "<sip:198.51.100.4;lr>, <sip:p.example>");
        }
        if self.one_in(2) {
            response.set_body("application/sdp", b"v=0\r\n".to_vec());
        }
        self.deliver(path, response.to_bytes());
    }

    fn repeat(&mut self) {
        if self.said.is_empty() {
            return;
        }
        let (path, bytes) = self.said[self.random.random_range(0..self.said.len())].clone();
        let path = if self.one_in(3) { self.path() } else { path };
        self.deliver(path, bytes);
    }

    fn babble(&mut self) {
        let bytes = self.mutator.input(&mut self.random);
        let path = self.path();
        self.deliver(path, bytes);
    }

    fn reflect(&mut self) {
        if self.heard.is_empty() {
            return;
        }
        let (path, message) = self.heard[self.random.random_range(0..self.heard.len())].clone();
        let bytes = match message {
            Message::Request(request) => request.to_bytes(),
            Message::Response(response) => response.to_bytes(),
        };
        self.deliver(path, bytes);
    }

    fn say(&mut self, path: Path, words: &Words<'_>) {
        let Words { method, from, to, call_id, cseq, branch, extra } = words;
        let body = if self.one_in(3) { "" } else { "v=0\r\n" };
        let content = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let (transport, remote) = (path.transport.via_name(), path.remote);
        let text = format!(
            "{method} sip:panel@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/{transport} {remote};branch={branch};rport\r\nFrom: {from}\r\n\
             To: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\nContact: <sip:door@{remote}>\r\n{extra}{content}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.deliver(path, text.into_bytes());
    }

    fn deliver(&mut self, path: Path, mut bytes: Vec<u8>) {
        if self.one_in(8) {
            self.mutator.change(&mut bytes, &mut self.random);
        }
        // A connection that was closed in between is another one now.
        let path = if path.transport == Transport::Tcp { self.by_tcp(path.remote) } else { path };
        if self.aloud {
            println!("{path:?} <- {}", bytes[..bytes.len().min(1_000)].escape_ascii());
        }
        match path.transport {
            Transport::Udp => self.endpoint.handle_datagram(self.now, path, &bytes),
            Transport::Tcp | Transport::Tls => {
                let (first, second) = bytes.split_at(self.random.random_range(0..=bytes.len()));
                self.endpoint.handle_stream(self.now, path, first);
                self.endpoint.handle_stream(self.now, path, second);
            }
        }
        if bytes.len() < 4_000 {
            remember(&mut self.said, (path, bytes), &mut self.random);
        }
    }

    /// What a person asks for, or the panel for them.
    fn command(&mut self) {
        let now = self.now;
        let body = Body::sdp(b"v=0\r\n".to_vec());
        let known: Vec<SessionHandle> = self.live.iter().copied().chain(self.newest).collect();
        let what = self.random.random_range(0..24);
        if self.aloud {
            println!("command {what}");
        }
        if what >= 16 {
            return self.account_command(what);
        }
        if known.is_empty() || what == 0 {
            if self.our_calls < OUR_CALLS {
                self.our_calls += 1;
                self.call();
            }
            return;
        }
        let session = self.pick(&known);
        let maybe = self.random.random::<bool>().then(|| body.clone());
        let code = self.pick(&[486, 603, 480, 302, 7]);
        let endpoint = &mut self.endpoint;
        match what {
            1..=3 => endpoint.accept(now, session, body),
            4..=6 => endpoint.ring(now, session, maybe),
            7 | 8 => endpoint.end(now, session, End { code }),
            9 => endpoint.reinvite(now, session, body),
            10 => endpoint.update(now, session, body),
            11..=13 => endpoint.answer_offer(now, session, maybe.ok_or(Rejection::from(488))),
            14 => {
                endpoint.info(now, session, &body);
            }
            _ => {
                endpoint.drop_silently(now, session);
                self.dropped.insert(session);
            }
        }
    }

    /// What becomes of accounts: their passwords, registrations, probes and connections.
    fn account_command(&mut self, what: u32) {
        let (now, path) = (self.now, self.path());
        let account = AccountKey(self.random.random_range(0..2));
        let uri = |text: &str| Uri::parse(text).expect("a URI");
        let registrations: Vec<RegistrationHandle> = self.registrations.iter().copied().collect();
        if what < 18 || registrations.is_empty() {
            if self.our_registrations < OUR_REGISTRATIONS {
                self.our_registrations += 1;
                let order = Register {
                    account,
                    way: if self.one_in(2) { Path { flow: None, ..path } } else { path },
                    registrar: uri("sip:home.example"),
                    aor: NameAddr::new(uri("sip:panel@home.example")),
                    contact: uri("sip:panel@192.0.2.1:5060"),
                    route: Vec::new(),
                    instance: self.random.random::<bool>().then(|| "urn:uuid:1".to_owned()),
                    expires: Duration::from_secs(300),
                    patience: Duration::from_secs(self.pick(&[4, 60])),
                };
                self.registrations.insert(self.endpoint.register(now, order));
                self.probes.insert(self.endpoint.probe(now, path, uri("sip:home.example"), Some(account), GIVE_UP / 8));
            }
            return;
        }
        let registration = self.pick(&registrations);
        let (session, has_password) = (self.newest, !self.one_in(4));
        let endpoint = &mut self.endpoint;
        match what {
            18 => endpoint.refresh_now(now, registration),
            19 => endpoint.query(now, registration),
            20 => endpoint.unregister(now, registration),
            21 => {
                let (contact, route) = (uri("sip:panel@192.0.2.1:5062"), vec!["<sip:p;lr>".to_owned()]);
                if has_password {
                    endpoint.reroute(now, registration, path, contact, route);
                } else {
                    endpoint.knock(now, registration, path, contact, route);
                }
            }
            22 => {
                let credentials = Credentials { name: "panel".to_owned(), password: Password::new(PASSWORD) };
                endpoint.set_credentials(account, has_password.then_some(credentials));
                if let Some(session) = session {
                    endpoint.assign(session, account);
                }
                if let Some(flow) = path.flow {
                    endpoint.keep_flow(flow, account.0 == 0);
                }
            }
            _ => {
                endpoint.forget(now, registration);
                self.registrations.remove(&registration);
            }
        }
    }

    fn call(&mut self) {
        let path = self.path();
        let uri = |text: &str| Uri::parse(text).expect("a URI");
        let order = Invite {
            path: if self.one_in(2) { Path { flow: None, ..path } } else { path },
            to: uri(&format!("sip:door@{}", path.remote)),
            from: NameAddr::new(uri("sip:panel@192.0.2.1")),
            contact: uri("sip:panel@192.0.2.1:5060"),
            offer: self.random.random::<bool>().then(|| Body::sdp(b"v=0\r\n".to_vec())),
            headers: Vec::new(),
            follow: self.random.random_range(0..4),
            account: self.random.random::<bool>().then_some(AccountKey(0)),
            patience: self.pick(&[GIVE_UP, GIVE_UP / 8, Duration::ZERO]),
        };
        let session = self.endpoint.invite(self.now, order);
        self.is_new(session);
    }

    fn is_new(&mut self, session: SessionHandle) {
        assert!(self.newest.is_none_or(|newest| newest < session), "a handle is never used again");
        self.newest = Some(session);
        self.live.insert(session);
    }

    /// Lets time pass, firing whatever is due on the way.
    fn pass(&mut self, span: Duration) {
        let until = self.now + span;
        // What happens at a deadline may set another one for the same moment.
        let mut at_once = 0;
        while let Some((at, why)) = self.endpoint.poll_timeout().filter(|(at, _)| *at <= until) {
            at_once = if at > self.now { 0 } else { at_once + 1 };
            assert!(at_once < 4, "a deadline that does not go away: {why:?}");
            self.now = self.now.max(at);
            self.endpoint.handle_timeout(self.now);
            self.drain();
        }
        self.now = until;
    }

    /// Takes all that the endpoint has to give.
    fn drain(&mut self) {
        while let Some(flow) = self.endpoint.poll_close() {
            self.flows.retain(|_, of| *of != flow);
            self.endpoint.handle_flow_closed(self.now, flow);
        }
        while let Some(question) = self.endpoint.poll_question() {
            let status = self.pick(&[200, 486, 603]);
            self.endpoint.answer_question(&question, status);
        }
        let mut sent = 0;
        while let Some(transmit) = self.endpoint.poll_transmit() {
            sent += 1;
            let (path, bytes) = (transmit.path, transmit.bytes);
            if self.aloud {
                println!("{path:?} -> {}", bytes.escape_ascii());
            }
            if path.transport == Transport::Tcp && matches!(bytes.as_slice(), b"\r\n" | b"\r\n\r\n") {
                continue;
            }
            assert!(
                !bytes.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes()),
                "a password on the wire"
            );
            match parse_datagram(&bytes) {
                Ok(message) => remember(&mut self.heard, (path, message), &mut self.random),
                // A refusal repeats what was wrong.
                Err(why) => assert!(bytes.starts_with(b"SIP/2.0 "), "{why:?} {}", bytes.escape_ascii()),
            }
        }
        assert!(sent < 256, "{sent} messages at one time");
        while let Some(event) = self.endpoint.poll_event() {
            if self.aloud {
                println!("{event:?}");
            }
            let session = event.session();
            if let SessionEvent::Incoming { .. } = event {
                self.is_new(session);
            }
            assert!(self.live.contains(&session), "of a session that is not there: {event:?}");
            if let SessionEvent::Ended { .. } = event {
                self.live.remove(&session);
            }
        }
        while let Some((registration, event)) = self.endpoint.poll_registration() {
            assert!(self.registrations.contains(&registration), "of a registration that is not there: {event:?}");
        }
        while let Some((probe, event)) = self.endpoint.poll_probe() {
            assert!(self.probes.remove(&probe), "of a probe that is over: {event:?}");
        }
        while self.endpoint.poll_flood().is_some() {}
        assert!(self.endpoint.busy_sessions() <= MAX_SESSIONS + OUR_CALLS);
        assert!(self.endpoint.transactions() <= MAX_TRANSACTIONS, "{}", self.endpoint.transactions());
    }

    /// Everybody hangs up and goes home.
    fn end(mut self) {
        for session in self.live.clone() {
            self.endpoint.end(self.now, session, End { code: 603 });
        }
        for registration in std::mem::take(&mut self.registrations) {
            self.endpoint.forget(self.now, registration);
        }
        self.drain();
        for flow in std::mem::take(&mut self.flows).into_values() {
            self.endpoint.handle_flow_closed(self.now, flow);
        }
        self.pass(Duration::from_secs(3_600));
        self.drain();
        let left: Vec<_> = self.live.difference(&self.dropped).collect();
        assert!(left.is_empty(), "never ended: {left:?}");
        assert!(self.probes.is_empty(), "never told: {:?}", self.probes);
        assert_eq!((self.endpoint.busy_sessions(), self.endpoint.transactions()), (0, 0), "sessions, transactions");
        assert_eq!(self.endpoint.poll_timeout(), None);
    }
}

/// Remembers something, in place of something else if there is much.
fn remember<T>(all: &mut Vec<T>, one: T, random: &mut StdRng) {
    if all.len() < REMEMBERED {
        all.push(one);
    } else {
        all[random.random_range(0..REMEMBERED)] = one;
    }
}

/// One visit of so many steps.
fn visit(number: u64, steps: u64, mutator: &Mutator, aloud: bool) {
    let mut visit = Visit::new(number, mutator, aloud);
    for _ in 0..steps {
        visit.step();
    }
    visit.end();
}

#[test]
fn endpoint() {
    let (count, mutator, began) = (inputs(10_000), wire::mutator(), Instant::now());
    let (mut done, mut visits, mut peak) = (0, 0, 0);
    while done < count {
        let number = (seed() << 40) + visits;
        // Most are short, so that there are many; in a long one there is room for a crowd.
        let steps = if visits % 50 == 49 { 2_000 } else { 20 + number % 100 };
        let before = memory::begin();
        let result = catch_unwind(AssertUnwindSafe(|| visit(number, steps, &mutator, false)));
        if let Err(panic) = result {
            eprintln!("endpoint: visit {number} of {steps} steps failed; once more, aloud");
            let _ = catch_unwind(AssertUnwindSafe(|| visit(number, steps, &mutator, true)));
            resume_unwind(panic);
        }
        let used = memory::peak().saturating_sub(before);
        assert!(used <= MOST, "endpoint: {used} bytes of memory in visit {number} of {steps} steps");
        peak = peak.max(used);
        done += steps;
        visits += 1;
    }
    println!("endpoint: {done} inputs in {visits} visits, {:.1?}, at most {peak} bytes at one time", began.elapsed());
}
