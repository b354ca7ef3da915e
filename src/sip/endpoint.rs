//! The user agent as a whole: bytes in, bytes and events out, and the calls between.
//!
//! Feed it with `handle_*` and the commands, then drain `poll_transmit`, `poll_event`, `poll_registration`, `poll_probe`,
//! `poll_question`, `poll_close`, `poll_flood` and `poll_shut_out` until each gives nothing, then ask `poll_timeout` when to call `handle_timeout`. It owns no clock, socket or thread: `now` is given, never
//! earlier than before, and the seed makes every run the same.
//!
//! `entrance` asks the gate, `requests` sorts what others ask (`content` says what their bodies are), `responses` what they answer, `questions` are those of OPTIONS, `streams` cuts TCP into messages, `farewells` are for when the program dies, `stateless` answers
//! strangers without remembering them, `registrations` holds what accounts need.

mod content;
mod entrance;
mod farewells;
mod questions;
mod registrations;
mod requests;
mod responses;
mod stateless;
mod streams;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::Instant;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

pub use self::farewells::Farewell;
pub use self::questions::Question;
use self::streams::Flow;
use super::digest::Keyrings;
use super::gate::{Gate, ShutOut};
use super::guard::{Flood, Guard, Standing};
use super::message::Message;
use super::path::{FlowId, Path, Transmit};
use super::registration::probe::Probe;
use super::registration::{ProbeHandle, Registration, RegistrationHandle};
use super::session::established::Means;
use super::session::uac::{Calling, Invite};
use super::session::{Body, Context, Core, End, InfoHandle, Rejection, Session, SessionEvent, SessionHandle, State};
use super::timing::{TimerReason, earlier};
use super::transaction::table::Failed;
use super::transaction::{Outbox, Owner, Transactions};
use super::wire::parse_datagram;

/// Most sessions that others may begin; beyond, their INVITE is answered 503. A stranger gets fewer (see
/// [`has_place`](super::guard::has_place)).
pub const MAX_SESSIONS: usize = 64;

/// What an endpoint is told once.
#[derive(Debug, Clone)]
pub struct EndpointConfig {
    /// What we call ourselves in User-Agent and Server.
    pub user_agent: String,
}

/// A SIP user agent without IO.
#[derive(Debug)]
pub struct Endpoint {
    core: Core,
    guard: Guard,
    gate: Gate,
    /// OPTIONS that wait for their answer.
    questions: VecDeque<Question>,
    /// Calls that the gate has not let in, until they are told.
    shut_out: VecDeque<ShutOut>,
    sessions: BTreeMap<SessionHandle, Session>,
    registrations: BTreeMap<RegistrationHandle, Registration>,
    probes: BTreeMap<ProbeHandle, Probe>,
    flows: BTreeMap<FlowId, Flow>,
    closes: VecDeque<FlowId>,
    /// Connections that are pinged although no call goes by them.
    kept: BTreeSet<FlowId>,
    /// Sessions, registrations and probes draw from one row, since they own transactions under these numbers.
    next_owner: Owner,
    /// Makes the To tags of stateless answers the same for a repeated request and no other.
    secret: u64,
}

impl Endpoint {
    /// An endpoint with no session. `seed` must be unguessable outside tests.
    pub fn new(config: EndpointConfig, seed: [u8; 32]) -> Self {
        let mut random = StdRng::from_seed(seed);
        let secret = random.next_u64();
        let core = Core {
            user_agent: config.user_agent,
            random,
            transactions: Transactions::default(),
            out: Outbox::new(),
            keyrings: Keyrings::default(),
            timers: BTreeMap::new(),
            events: VecDeque::new(),
            registration_events: VecDeque::new(),
            probe_events: VecDeque::new(),
        };
        Endpoint {
            core,
            guard: Guard::new(),
            gate: Gate::default(),
            questions: VecDeque::new(),
            shut_out: VecDeque::new(),
            sessions: BTreeMap::new(),
            registrations: BTreeMap::new(),
            probes: BTreeMap::new(),
            flows: BTreeMap::new(),
            closes: VecDeque::new(),
            kept: BTreeSet::new(),
            next_owner: 1,
            secret,
        }
    }

    /// A datagram came along `path`. What is no SIP is dropped, and so is what is too much, or begins something that the gate
    /// does not let in; what is SIP with a fault is answered.
    pub fn handle_datagram(&mut self, now: Instant, path: Path, bytes: &[u8]) {
        if self.admits_message(now, path, bytes) {
            self.handle_message(now, path, bytes);
        } else {
            self.note_unread(path, bytes);
        }
    }

    /// False when the gate has not let it in.
    fn handle_message(&mut self, now: Instant, path: Path, bytes: &[u8]) -> bool {
        match parse_datagram(bytes) {
            Ok(Message::Request(request)) if !self.lets_in(path, &request) => return false,
            Ok(Message::Request(request)) => self.handle_request(now, path, request),
            Ok(Message::Response(response)) => self.handle_response(now, path, &response),
            Err(_) if !self.gate.admits(path, None) => return false,
            Err(reject) => self.answer_reject(path, &reject),
        }
        true
    }

    /// Bytes came on the connection `path.flow`; without a flow they are dropped.
    pub fn handle_stream(&mut self, now: Instant, path: Path, bytes: &[u8]) {
        self.read_stream(now, path, bytes);
    }

    /// A connection has gone, by either end.
    pub fn handle_flow_closed(&mut self, now: Instant, flow: FlowId) {
        let known = self.flows.remove(&flow);
        self.forget_flow(now, flow, known);
    }

    /// What was to go along `path` could not be delivered: an ICMP error, a refused or timed out connection.
    pub fn handle_transport_error(&mut self, now: Instant, path: Path) {
        let failed = self.core.transactions.handle_transport_error(now, path, &mut self.core.out);
        self.tell_failures(now, failed);
    }

    /// Fires whatever is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.guard.handle_timeout(now);
        self.tend_flows(now);
        let failed = self.core.transactions.handle_timeout(now, &mut self.core.out);
        self.tell_failures(now, failed);
        let handles: Vec<SessionHandle> = self.sessions.keys().copied().collect();
        for handle in handles {
            self.with(now, handle, |session, cx| session.handle_timeout(cx));
        }
        let handles: Vec<RegistrationHandle> = self.registrations.keys().copied().collect();
        for handle in handles {
            self.with_registration(now, handle, Registration::handle_timeout);
        }
        let handles: Vec<ProbeHandle> = self.probes.keys().copied().collect();
        for handle in handles {
            self.with_probe(now, handle, Probe::handle_timeout);
        }
        let Core { keyrings, transactions, .. } = &mut self.core;
        keyrings.forget_invites(|key| transactions.invite_client_mut(key).is_some());
    }

    /// The next bytes to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        let mut transmit = self.core.out.pop_front()?;
        self.choose_flow(&mut transmit.path);
        Some(transmit)
    }

    /// The next thing to tell.
    pub fn poll_event(&mut self) -> Option<SessionEvent> {
        self.core.events.pop_front()
    }

    /// The next connection to close: what came on it was no SIP, too much, too slow, or nothing although we asked.
    pub fn poll_close(&mut self) -> Option<FlowId> {
        self.closes.pop_front()
    }

    /// The next thing to say about floods.
    pub fn poll_flood(&mut self) -> Option<Flood> {
        self.guard.poll_flood()
    }

    /// When `handle_timeout` is due, and why.
    pub fn poll_timeout(&self) -> Option<(Instant, TimerReason)> {
        let sessions = self.sessions.values().map(Session::poll_timeout).fold(None, earlier);
        let registrations = self.registrations.values().map(Registration::poll_timeout).fold(None, earlier);
        let probes = self.probes.values().map(Probe::poll_timeout).fold(None, earlier);
        let flood = self.guard.poll_timeout().map(|at| (at, TimerReason::FloodOver));
        let transactions = self.core.transactions.poll_timeout();
        let deadlines = [transactions, sessions, registrations, probes, flood, self.flow_deadline()];
        deadlines.into_iter().fold(None, earlier)
    }

    /// Messages from these addresses, and from no others, are heard whoever floods; the other ends of calls that we made or
    /// answered need not be named.
    pub fn set_known(&mut self, known: impl IntoIterator<Item = IpAddr>) {
        self.guard.set_known(known);
    }

    /// True for an address of [`set_known`](Self::set_known).
    pub fn knows(&self, address: IpAddr) -> bool {
        self.guard.standing(address) == Standing::Known
    }

    /// How often somebody has called from there lately: see [`Guard::calls_lately`].
    pub fn calls_lately(&self, now: Instant, address: IpAddr) -> u32 {
        self.guard.calls_lately(now, address, self.standing(address))
    }

    /// Calls. The result comes as `Progress`, `Answered` or `Ended`.
    pub fn invite(&mut self, now: Instant, order: Invite) -> SessionHandle {
        let (handle, account) = (self.next_handle(), order.account);
        let calling = Calling::start(&mut self.core.at(now, handle.0, account), order);
        self.sessions.insert(handle, Session::new(State::Calling(Box::new(calling)), account));
        handle
    }

    /// The handle of a session that does not exist: whatever is said to it is not heard.
    pub fn reserve(&mut self) -> SessionHandle {
        self.next_handle()
    }

    /// Lets the caller hear that it rings: 180, or 183 with early media; for certain when the caller demands that (RFC
    /// 3262), and then the description is the answer, or the offer. Nothing when their INVITE has its final response.
    pub fn ring(&mut self, now: Instant, session: SessionHandle, body: Option<Body>) {
        self.with(now, session, |session, cx| session.ring(cx, body));
    }

    /// Accepts their INVITE: 200, repeated until the ACK. `body` is left out when what was described with the ringing
    /// stands, and the 200 waits for the PRACK of that. Nothing when the INVITE has its final response.
    pub fn accept(&mut self, now: Instant, session: SessionHandle, body: Body) {
        self.with(now, session, |session, cx| session.accept(cx, body));
    }

    /// Ends a session as its state asks for: CANCEL, BYE or a final response. `Ended` comes at once, the rest is
    /// done behind it.
    pub fn end(&mut self, now: Instant, session: SessionHandle, end: End) {
        self.with(now, session, |session, cx| session.end(cx, end));
    }

    /// Refuses their INVITE, and says why; any other session ends as by [`end`](Self::end).
    pub fn reject(&mut self, now: Instant, session: SessionHandle, rejection: Rejection) {
        self.with(now, session, |session, cx| session.reject(cx, rejection));
    }

    /// Ends a session of ours because somebody else has answered: a CANCEL says so (RFC 3326), and there a call that was
    /// answered elsewhere is no missed one.
    pub fn yield_to_another(&mut self, now: Instant, session: SessionHandle) {
        self.with(now, session, Session::yield_to_another);
    }

    /// Meets their INVITE with silence, when no response but 100 has been given; no `Ended` comes. Called before the
    /// next `poll_transmit`, it also takes back the 100.
    pub fn drop_silently(&mut self, now: Instant, session: SessionHandle) {
        self.with(now, session, |session, cx| session.drop_silently(cx));
    }

    /// Offers new media in a confirmed session; `OfferAnswered` has the result. Glare is retried here.
    pub fn reinvite(&mut self, now: Instant, session: SessionHandle, offer: Body) {
        self.with(now, session, |session, cx| session.offer(cx, offer, Means::Reinvite));
    }

    /// The same by UPDATE, for what needs no person's consent; by re-INVITE when they know no UPDATE. Before the call is
    /// answered it goes in the early dialog, when the first offer was answered for certain and they take UPDATE (RFC 3311 5.1);
    /// else after the answer.
    pub fn update(&mut self, now: Instant, session: SessionHandle, offer: Body) {
        self.with(now, session, |session, cx| session.offer(cx, offer, Means::Update));
    }

    /// Answers an `Offer`: with a description (ours to offer when theirs had none), or with what refuses it.
    pub fn answer_offer(&mut self, now: Instant, session: SessionHandle, answer: Result<Body, Rejection>) {
        self.with(now, session, |session, cx| session.answer_offer(cx, answer));
    }

    /// Sends an INFO in the session, early or confirmed; `InfoAnswered` has the result.
    pub fn info(&mut self, now: Instant, session: SessionHandle, body: &Body) -> InfoHandle {
        let info = InfoHandle(self.next_owner());
        self.with(now, session, |session, cx| session.info(cx, info, body));
        info
    }

    /// Does no more for an INFO: it is not repeated, and not sent again when it is challenged. Its answer is still told.
    pub fn give_up_info(&mut self, now: Instant, session: SessionHandle, info: InfoHandle) {
        self.with(now, session, |session, cx| session.give_up_info(cx, info));
    }

    /// How many sessions still exchange requests, those included whose end has been told.
    pub fn busy_sessions(&self) -> usize {
        self.sessions.len()
    }

    /// How many transactions there are: for tests and statistics.
    pub fn transactions(&self) -> usize {
        self.core.transactions.count()
    }

    /// True when a call goes by this connection, or it is kept for another reason.
    pub fn uses_flow(&self, flow: FlowId) -> bool {
        self.flows_in_use().any(|(used, _)| used == flow)
    }

    /// How many addresses are remembered for what they sent: for tests and statistics.
    pub fn sources(&self) -> usize {
        self.guard.sources()
    }

    /// Whether a message is heard. What is too much of somebody who has a call here, or has asked something, is looked at
    /// before it is dropped: what is inside that is heard.
    fn admits_message(&mut self, now: Instant, path: Path, bytes: &[u8]) -> bool {
        let address = path.remote.ip();
        let standing = self.standing(address);
        let (sessions, transactions) = (&self.sessions, &self.core.transactions);
        self.guard.admit_message_or(now, address, standing, || {
            let has_call = sessions.values().any(|session| session.remote() == Some(address));
            (has_call || transactions.has_asked(address)) && requests::is_inside(sessions, transactions, bytes)
        })
    }

    fn standing(&self, address: IpAddr) -> Standing {
        let is_peer = |session: &Session| session.is_ours() && session.remote() == Some(address);
        let is_asked = |way: Path| way.remote.ip() == address;
        match self.guard.standing(address) {
            Standing::Stranger
                if self.sessions.values().any(is_peer)
                    || self.registrations.values().map(Registration::way).any(is_asked)
                    || self.probes.values().map(Probe::way).any(is_asked) =>
            {
                Standing::Known
            }
            standing => standing,
        }
    }

    fn next_handle(&mut self) -> SessionHandle {
        SessionHandle(self.next_owner())
    }

    fn next_owner(&mut self) -> Owner {
        let owner = self.next_owner;
        self.next_owner = self.next_owner.wrapping_add(1);
        owner
    }

    /// Lets one session act, and forgets it when that was its last act.
    fn with(&mut self, now: Instant, handle: SessionHandle, act: impl FnOnce(&mut Session, &mut Context<'_>)) {
        let Some(session) = self.sessions.get_mut(&handle) else {
            return;
        };
        let account = session.account();
        act(session, &mut self.core.at(now, handle.0, account));
        debug_assert!(
            !session.is_over() || !self.core.transactions.owes_answer(handle.0),
            "a session that is over has answered what it was asked"
        );
        if session.is_gone() {
            self.sessions.remove(&handle);
            self.core.transactions.abandon_invites_of(now, handle.0);
        }
    }

    fn forget_flow(&mut self, now: Instant, flow: FlowId, known: Option<Flow>) {
        self.kept.remove(&flow);
        for session in self.sessions.values_mut() {
            session.handle_flow_closed(flow);
        }
        let handles: Vec<RegistrationHandle> = self.registrations.keys().copied().collect();
        for handle in handles {
            self.with_registration(now, handle, |registration, cx| registration.handle_flow_closed(cx, flow));
        }
        let mut failed = self.core.transactions.handle_flow_closed(now, flow, &mut self.core.out);
        if let Some(Flow::Open(open)) = known {
            failed.extend(self.fail_what_went_by(now, open.path()));
        }
        self.tell_failures(now, failed);
    }

    /// A connection along `path` has gone. What was sent to its other end, and took it because it was there, is not answered;
    /// unless another one leads there, which it may have taken as well.
    fn fail_what_went_by(&mut self, now: Instant, path: Path) -> Vec<Failed> {
        let mut other = Path { flow: None, ..path };
        self.choose_flow(&mut other);
        match other.flow {
            Some(_) => Vec::new(),
            None => self.core.transactions.handle_transport_error(now, path, &mut self.core.out),
        }
    }
}
