//! What a session works with: the transactions, the outbox, the events, the dice; and the words every message of ours
//! carries.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use rand::rngs::StdRng;
use rand::{Rng, RngExt};

use super::timer::SessionTimer;
use super::{Body, EndCause, Rejection, SessionEvent, SessionHandle};
use crate::sip::dialog::Dialog;
use crate::sip::digest::{AccountKey, Keyrings, Sent};
use crate::sip::message::{Host, Method, NameAddr, Request, Response, Uri, Via};
use crate::sip::path::{Path, Transmit};
use crate::sip::registration::{ProbeEvent, ProbeHandle, RegistrationEvent, RegistrationHandle};
use crate::sip::transaction::key::MAGIC_COOKIE;
use crate::sip::transaction::table::Way;
use crate::sip::transaction::{ClientKey, Outbox, Owner, ServerKey, Transactions};

/// The methods this user agent obeys, as its Allow header says.
pub const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK";
/// The option tags this user agent obeys.
pub const SUPPORTED: &[&str] = &[super::prack::RELIABLE, super::timer::TIMER];
/// The media type of session descriptions.
pub const SDP: &str = "application/sdp";

/// What all sessions and registrations of an endpoint share.
#[derive(Debug)]
pub struct Core {
    /// What we call ourselves in User-Agent and Server.
    pub user_agent: String,
    /// The only source of chance.
    pub random: StdRng,
    /// All transactions.
    pub transactions: Transactions,
    /// What is to leave.
    pub out: Outbox,
    /// The passwords, and who has asked for them.
    pub(in crate::sip) keyrings: Keyrings,
    /// The session timers that accounts wish for.
    pub timers: BTreeMap<AccountKey, SessionTimer>,
    /// What is to be told of sessions.
    pub events: VecDeque<SessionEvent>,
    /// What is to be told of registrations.
    pub registration_events: VecDeque<(RegistrationHandle, RegistrationEvent)>,
    /// What is to be told of probes.
    pub probe_events: VecDeque<(ProbeHandle, ProbeEvent)>,
}

impl Core {
    /// The core as one of its users sees it now, whose requests go through `account`.
    pub fn at(&mut self, now: Instant, owner: Owner, account: Option<AccountKey>) -> Context<'_> {
        Context { now, owner, account, core: self }
    }

    /// A token nobody can guess, for tags, branches and Call-IDs.
    pub fn token(&mut self) -> String {
        format!("{:016x}", self.random.next_u64())
    }

    /// The Via of a request of ours that is to go along `path`.
    fn via(&mut self, path: Path) -> Via {
        let branch = format!("{MAGIC_COOKIE}{}", self.token());
        // rport: a response finds its way back through whatever changes addresses (RFC 3581).
        let host = Host::from(path.local.ip());
        let mut via = Via::new(path.transport.via_name(), host, Some(path.local.port()), &branch);
        if path.transport.is_reliable() {
            // Requests to us may come by the same connection (RFC 5923 4).
            via.params.set("alias", None);
        }
        via
    }

    /// Sends a request again that was challenged, under this number, with the answers; gives it as it went.
    pub(in crate::sip) fn resend(&mut self, now: Instant, owner: Owner, sent: Sent, number: u32) -> Request {
        let path = sent.path();
        let mut request = sent.request().with_number(number);
        request.push_via(self.via(path));
        let cnonce = self.token();
        self.keyrings.resend(sent, &mut request, &cnonce);
        self.transactions.send(now, owner, request.clone(), path, &mut self.out);
        request
    }
}

/// The core for one session or registration at one moment.
#[derive(Debug)]
pub struct Context<'a> {
    now: Instant,
    owner: Owner,
    account: Option<AccountKey>,
    core: &'a mut Core,
}

impl Context<'_> {
    /// The moment.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The session.
    pub fn handle(&self) -> SessionHandle {
        SessionHandle(self.owner)
    }

    /// The session timer that its account wishes for.
    pub fn session_timer(&self) -> Option<SessionTimer> {
        self.account.and_then(|account| self.core.timers.get(&account)).copied()
    }

    /// The transactions.
    pub fn transactions(&mut self) -> &mut Transactions {
        &mut self.core.transactions
    }

    /// Tells the user.
    pub fn tell(&mut self, event: SessionEvent) {
        self.core.events.push_back(event);
    }

    /// Tells the user that this session has ended.
    pub fn tell_end(&mut self, why: EndCause) {
        let session = self.handle();
        self.tell(SessionEvent::Ended { session, why });
    }

    /// Tells the user of the registration that this is about.
    pub fn tell_registration(&mut self, event: RegistrationEvent) {
        self.core.registration_events.push_back((RegistrationHandle(self.owner), event));
    }

    /// Tells the user of the probe that this is about.
    pub fn tell_probe(&mut self, event: ProbeEvent) {
        self.core.probe_events.push_back((ProbeHandle(self.owner), event));
    }

    /// A token nobody can guess.
    pub fn token(&mut self) -> String {
        self.core.token()
    }

    /// A number from `low` to `high`, both included.
    pub fn choose(&mut self, low: u32, high: u32) -> u32 {
        self.core.random.random_range(low..=high)
    }

    /// Sends a request in a new transaction; adds Via and what every request of ours says.
    pub fn send(&mut self, mut request: Request, path: Path) -> ClientKey {
        self.finish(&mut request, path);
        self.send_finished(request, path)
    }

    /// Sends a request that has its Via already; through an account, with the answers to challenges that are known. Nobody
    /// may challenge a CANCEL (RFC 3261 22.1).
    pub fn send_finished(&mut self, mut request: Request, path: Path) -> ClientKey {
        let core = &mut *self.core;
        if let Some(account) = self.account
            && *request.method() != Method::Cancel
        {
            let cnonce = core.token();
            core.keyrings.send(account, &mut request, path, &cnonce);
        }
        core.transactions.send(self.now, self.owner, request, path, &mut core.out)
    }

    /// Sends an INVITE of which nothing is heard by UDP, if it went by TCP because of its size alone.
    pub fn try_datagram(&mut self, key: &ClientKey) {
        let core = &mut *self.core;
        core.transactions.try_datagram(self.now, key, &mut core.out);
    }

    /// Nobody waits for a response to this request of ours any more: it is not repeated.
    pub fn give_up(&mut self, key: &ClientKey) {
        self.core.transactions.give_up(key);
        if !key.is(&Method::Invite) {
            self.core.keyrings.forget(key);
        }
    }

    /// Sends a request in a dialog.
    pub fn send_in(&mut self, dialog: &Dialog, request: Request) -> ClientKey {
        self.send(request, dialog.next_hop())
    }

    /// Sends the ACK for a 2xx to the INVITE of ours under `invite`, and keeps it there for a repeated 2xx.
    pub fn acknowledge(&mut self, invite: &ClientKey, dialog: &Dialog, cseq: u32, body: Option<&Body>) {
        let mut ack = dialog.ack(cseq);
        let path = dialog.next_hop();
        if let Some(body) = body {
            ack.set_body(&body.content_type, body.bytes.clone());
        }
        self.finish(&mut ack, path);
        if let Some(client) = self.core.transactions.invite_client_mut(invite) {
            // With the answers to challenges that the INVITE carried, for nobody may challenge an ACK (22.1).
            for name in ["Authorization", "Proxy-Authorization"] {
                client.request().headers(name).for_each(|value| ack.push_header(name, value));
            }
        }
        let (first, second) = self.core.transactions.ways(self.now, ack, path);
        let transmit = |(ack, path): Way| Transmit { path, bytes: ack.to_bytes() };
        let (first, second) = (transmit(first), second.map(transmit));
        self.core.out.push_back(first.clone());
        if let Some(client) = self.core.transactions.invite_client_mut(invite) {
            client.keep_ack(dialog.remote_tag().map(str::to_owned), first, second);
        }
    }

    /// Sends a response of ours in its transaction.
    pub fn respond(&mut self, key: &ServerKey, response: &Response) {
        let core = &mut *self.core;
        core.transactions.respond(self.now, key, response, &mut core.out);
    }

    /// Sends a plain response, without a body.
    pub fn answer(&mut self, key: &ServerKey, request: &Request, status: u16) {
        let response = self.response(request, status);
        self.respond(key, &response);
    }

    /// Refuses a request in a dialog, and says why.
    pub fn refuse(&mut self, key: &ServerKey, request: &Request, rejection: Rejection, dialog: &Dialog) {
        let mut response = self.response(request, rejection.status);
        if let Some(tag) = dialog.local_tag() {
            response.set_to_tag(tag);
        }
        rejection.explain(&mut response, dialog.contact());
        self.respond(key, &response);
    }

    /// A response with what every response of ours says.
    pub fn response(&self, request: &Request, status: u16) -> Response {
        let mut response = Response::answer(request, status);
        response.push_header("Server", &self.core.user_agent);
        response
    }

    /// Repeats the last provisional response to an INVITE.
    pub fn repeat_provisional(&mut self, key: &ServerKey) {
        let core = &mut *self.core;
        if let Some(server) = core.transactions.invite_server_mut(key) {
            server.repeat_provisional(&mut core.out);
        }
    }

    /// Meets an INVITE with silence.
    pub fn ignore(&mut self, key: &ServerKey) {
        let core = &mut *self.core;
        if let Some(server) = core.transactions.invite_server_mut(key) {
            server.ignore(self.now, &mut core.out);
        }
    }

    /// Refuses for now: 500 with Retry-After from 0 to 10 s (RFC 3261 14.2, RFC 3311 5.2).
    pub fn answer_later(&mut self, key: &ServerKey, request: &Request) {
        let mut response = self.response(request, 500);
        let seconds = self.choose(0, 10);
        response.push_header("Retry-After", &seconds.to_string());
        self.respond(key, &response);
    }

    /// Answers an OPTIONS in a dialog.
    pub fn answer_options(&mut self, key: &ServerKey, request: &Request) {
        let mut response = self.response(request, 200);
        describe_abilities(&mut response);
        self.respond(key, &response);
    }

    /// Adds what a response that makes or refreshes a dialog says about us.
    pub fn describe(&self, response: &mut Response, contact: &Uri) {
        response.push_header("Contact", &NameAddr::new(contact.clone()).to_string());
        response.push_header("Allow", ALLOW);
        response.push_header("Supported", &SUPPORTED.join(", "));
    }

    /// Adds Via and User-Agent to a request that is to go along `path`.
    pub fn finish(&mut self, request: &mut Request, path: Path) {
        request.push_via(self.core.via(path));
        request.push_header("User-Agent", &self.core.user_agent);
    }
}

/// Adds what an OPTIONS asks for (RFC 3261 11.2).
pub fn describe_abilities(response: &mut Response) {
    response.push_header("Allow", ALLOW);
    response.push_header("Accept", SDP);
    response.push_header("Accept-Encoding", "identity");
    response.push_header("Accept-Language", "en");
    response.push_header("Supported", &SUPPORTED.join(", "));
}

/// Our Contact for what goes along `path`.
pub fn contact(user: Option<&str>, path: Path) -> Uri {
    let mut uri = Uri::sip(user, Host::from(path.local.ip()), Some(path.local.port()));
    if path.transport.is_reliable() {
        uri.params.set("transport", Some(path.transport.name()));
    }
    uri
}
