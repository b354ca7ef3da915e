//! All transactions of an endpoint: found by key, bounded, with one deadline.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::client::Client;
use super::invite_client::InviteClient;
use super::invite_server::InviteServer;
use super::key::Identity;
use super::server::Server;
use super::{ClientKey, Delivery, Failure, Outbox, ReplyPath, ServerKey};
use crate::sip::message::{Method, Request, Response};
use crate::sip::path::{FlowId, Path, Transport};
use crate::sip::timing::{Deadline, earlier};

/// Most INVITEs of others at one time; beyond, the endpoint answers 503 and keeps nothing.
pub const MAX_INVITE_SERVERS: usize = 256;
/// Most of those for one owner: of a session that was changed more often, the oldest changes are forgotten.
pub const MAX_INVITES_OF_ONE: usize = 32;
/// Most other requests of others at one time. What was answered and is kept for repetitions alone gives way.
pub const MAX_SERVERS: usize = 256;
/// Most of those from one address, so that one talkative peer cannot shut the others out.
pub const MAX_SERVERS_OF_ONE: usize = 64;

/// The largest request that goes by UDP where nothing is known of the way, in bytes (RFC 3261 18.1.1).
pub const MAX_DATAGRAM: usize = 1300;

/// How long it is remembered that an address takes no connection for what is too large for a datagram.
const NO_STREAM_FOR: Duration = Duration::from_secs(600);
/// Most such addresses.
const MAX_WITHOUT_STREAM: usize = 64;

/// A request as it goes along a path: its Via says so.
pub type Way = (Request, Path);

/// Who uses a transaction: a number that its user chose, given back with whatever happens to it.
pub type Owner = u32;

/// The transactions, kept in the order of their keys so that every run does the same.
#[derive(Debug, Default)]
pub struct Transactions {
    invite_clients: BTreeMap<ClientKey, (Owner, InviteClient)>,
    clients: BTreeMap<ClientKey, (Owner, Client)>,
    invite_servers: BTreeMap<ServerKey, InviteEntry>,
    servers: BTreeMap<ServerKey, (Owner, Server)>,
    /// Requests that have a second way, as they take it if the first is refused.
    second_ways: BTreeMap<ClientKey, Way>,
    /// Where TCP failed for a request that could go by UDP, and until when it is not tried again.
    without_stream: BTreeMap<SocketAddr, Instant>,
}

#[derive(Debug)]
struct InviteEntry {
    owner: Owner,
    identity: Identity,
    machine: InviteServer,
}

/// What a request of theirs is to the transactions that exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// Belongs to none of them.
    New,
    /// A repetition; the transaction has dealt with it.
    Absorbed,
    /// The ACK of a 2xx, on the branch of the INVITE itself.
    AckOfAcceptance,
}

/// A client transaction that ended without a final response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Who used it.
    pub owner: Owner,
    /// Which.
    pub key: ClientKey,
    /// Why.
    pub failure: Failure,
}

impl Transactions {
    /// Hands a request to the transaction that it repeats, if there is one.
    pub fn handle_request(&mut self, now: Instant, key: &ServerKey, request: &Request, out: &mut Outbox) -> Arrival {
        if let Some(entry) = self.invite_servers.get_mut(key) {
            if *request.method() == Method::Ack {
                return match entry.machine.handle_ack(now) {
                    super::invite_server::Acknowledged::Refusal => Arrival::Absorbed,
                    super::invite_server::Acknowledged::Acceptance => Arrival::AckOfAcceptance,
                };
            }
            entry.machine.handle_repeat(out);
            return Arrival::Absorbed;
        }
        match self.servers.get_mut(key) {
            Some((_, server)) => {
                server.handle_repeat(out);
                Arrival::Absorbed
            }
            None => Arrival::New,
        }
    }

    /// Hands a response to the transaction of its request; gives the owner when the owner must hear of it. One that has the
    /// branch and is of another request all the same is nobody's.
    pub fn handle_response(
        &mut self,
        now: Instant,
        key: &ClientKey,
        response: &Response,
        flow: Option<FlowId>,
        out: &mut Outbox,
    ) -> Option<Owner> {
        let (owner, delivery) = if let Some((owner, client)) = self.invite_clients.get_mut(key) {
            if !Identity::of(client.request()).is_answered_by(response) {
                return None;
            }
            client.learn_flow(flow);
            (*owner, client.handle_response(now, response, out))
        } else {
            let (owner, client) = self.clients.get_mut(key)?;
            if !client.identity().is_answered_by(response) {
                return None;
            }
            client.learn_flow(flow);
            (*owner, client.handle_response(now, response))
        };
        (delivery == Delivery::ToUser).then_some(owner)
    }

    /// Fires what is due, forgets what has ended, and says which requests of ours have failed.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) -> Vec<Failed> {
        let mut failed = Vec::new();
        for (key, (owner, client)) in &mut self.invite_clients {
            if let Some(failure) = client.handle_timeout(now, out) {
                failed.push(Failed { owner: *owner, key: key.clone(), failure });
            }
        }
        for (key, (owner, client)) in &mut self.clients {
            if let Some(failure) = client.handle_timeout(now, out) {
                failed.push(Failed { owner: *owner, key: key.clone(), failure });
            }
        }
        for entry in self.invite_servers.values_mut() {
            entry.machine.handle_timeout(now, out);
        }
        for (_, server) in self.servers.values_mut() {
            server.handle_timeout(now);
        }
        self.sweep();
        failed
    }

    /// A transmission along `path` failed: every request of ours that waits on it has failed, unless it has another way.
    pub fn handle_transport_error(&mut self, now: Instant, path: Path, out: &mut Outbox) -> Vec<Failed> {
        let same = |other: Path| other.transport == path.transport && other.remote == path.remote;
        let mut failed = Vec::new();
        for (key, (owner, client)) in &mut self.invite_clients {
            if same(client.path())
                && let Some(failure) = client.handle_transport_error()
            {
                failed.push(Failed { owner: *owner, key: key.clone(), failure });
            }
        }
        for (key, (owner, client)) in &mut self.clients {
            if same(client.path())
                && let Some(failure) = client.handle_transport_error()
            {
                failed.push(Failed { owner: *owner, key: key.clone(), failure });
            }
        }
        // An ACK goes before the BYE that follows it.
        let acks = self.invite_clients.values_mut().map(|(_, client)| client.resend_acks(same, out));
        if acks.fold(false, |any, of_client| any | of_client) && path.transport != Transport::Udp {
            self.note_without_stream(now, path.remote);
        }
        failed.retain(|failed| !self.send_the_second_way(now, failed, out));
        self.sweep();
        failed
    }

    /// A connection has gone: requests of ours that were never answered have failed, unless they have another way;
    /// responses of ours find one.
    pub fn handle_flow_closed(&mut self, now: Instant, flow: FlowId, out: &mut Outbox) -> Vec<Failed> {
        let mut failed = Vec::new();
        for (key, (owner, client)) in &mut self.invite_clients {
            if client.path().flow == Some(flow)
                && let Some(failure) = client.handle_flow_closed()
            {
                failed.push(Failed { owner: *owner, key: key.clone(), failure });
            }
        }
        for (key, (owner, client)) in &mut self.clients {
            if client.path().flow == Some(flow)
                && let Some(failure) = client.handle_transport_error()
            {
                failed.push(Failed { owner: *owner, key: key.clone(), failure });
            }
        }
        for entry in self.invite_servers.values_mut() {
            entry.machine.reply_mut().handle_flow_closed(flow);
        }
        for (_, server) in self.servers.values_mut() {
            server.reply_mut().handle_flow_closed(flow);
        }
        failed.retain(|failed| !self.send_the_second_way(now, failed, out));
        self.sweep();
        failed
    }

    /// The next deadline of all and why.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        let invites = self.invite_clients.values().map(|(_, client)| client.poll_timeout());
        let requests = self.clients.values().map(|(_, client)| client.poll_timeout());
        let theirs = self.invite_servers.values().map(|entry| entry.machine.poll_timeout());
        let others = self.servers.values().map(|(_, server)| server.poll_timeout());
        invites.chain(requests).chain(theirs).chain(others).fold(None, earlier)
    }

    /// Sends a request of ours in a new transaction.
    ///
    /// A CANCEL goes the way of its INVITE.
    pub fn send(
        &mut self,
        now: Instant,
        owner: Owner,
        mut request: Request,
        mut path: Path,
        out: &mut Outbox,
    ) -> ClientKey {
        let key = ClientKey::of_request(&request);
        if *request.method() == Method::Cancel {
            if let Some((_, invite)) = self.invite_clients.get(&key.of_cancelled()) {
                *request.top_via_mut() = invite.request().top_via().clone();
                path = invite.path();
            }
        } else {
            let second;
            ((request, path), second) = self.ways(now, request, path);
            if let Some(second) = second {
                self.second_ways.insert(key.clone(), second);
            }
        }
        self.start(now, owner, request, path, out);
        key
    }

    /// The way of a request that is to go along `path`, and the one that it takes if that is refused.
    ///
    /// What is too large for a datagram goes by TCP, and by UDP after all if TCP is refused (18.1.1). What belongs to a call
    /// goes by UDP, and by TCP where UDP is refused: whoever took the INVITE by TCP, because that was large, may have no more.
    pub fn ways(&self, now: Instant, request: Request, path: Path) -> (Way, Option<Way>) {
        let has_stream = || self.without_stream.get(&path.remote).is_none_or(|until| now >= *until);
        if path.transport != Transport::Udp || !has_stream() {
            return ((request, path), None);
        }
        let is_large = request.to_bytes().len() > MAX_DATAGRAM;
        if !is_large && request.to().tag().is_none() {
            return ((request, path), None);
        }
        let mut by_stream = request.clone();
        by_stream.top_via_mut().transport = Transport::Tcp.via_name().into();
        let by_stream = (by_stream, Path { transport: Transport::Tcp, ..path });
        let by_datagram = (request, path);
        if is_large { (by_stream, Some(by_datagram)) } else { (by_datagram, Some(by_stream)) }
    }

    /// Nothing was heard of an INVITE for half of its user's patience: if it went by TCP because of its size alone, it goes by
    /// UDP after all, for something on the way may swallow what would connect.
    pub fn try_datagram(&mut self, now: Instant, key: &ClientKey, out: &mut Outbox) -> bool {
        let Some((owner, _)) = self.invite_clients.get(key) else {
            return false;
        };
        let failed = Failed { owner: *owner, key: key.clone(), failure: Failure::TimedOut };
        let is_by_datagram = |(_, path): &Way| path.transport == Transport::Udp;
        self.second_ways.get(key).is_some_and(is_by_datagram) && self.send_the_second_way(now, &failed, out)
    }

    /// A request of ours, neither INVITE nor ACK, is not repeated, nor sent another way.
    pub fn send_once(&mut self, key: &ClientKey) {
        self.second_ways.remove(key);
        if let Some((_, client)) = self.clients.get_mut(key) {
            client.send_once();
        }
    }

    /// The first way failed.
    fn send_the_second_way(&mut self, now: Instant, failed: &Failed, out: &mut Outbox) -> bool {
        let Some((request, path)) = self.second_ways.remove(&failed.key) else {
            return false;
        };
        if path.transport == Transport::Udp {
            self.note_without_stream(now, path.remote);
        }
        self.start(now, failed.owner, request, path, out);
        true
    }

    /// TCP failed there.
    fn note_without_stream(&mut self, now: Instant, remote: SocketAddr) {
        if self.without_stream.len() >= MAX_WITHOUT_STREAM {
            self.without_stream.clear();
        }
        self.without_stream.insert(remote, now + NO_STREAM_FOR);
    }

    fn start(&mut self, now: Instant, owner: Owner, request: Request, path: Path, out: &mut Outbox) {
        let key = ClientKey::of_request(&request);
        if *request.method() == Method::Invite {
            let client = InviteClient::start(now, request, path, out);
            self.invite_clients.insert(key, (owner, client));
        } else {
            let client = Client::start(now, &request, path, out);
            self.clients.insert(key, (owner, client));
        }
    }

    /// Begins a transaction for a request of theirs; false when there is no room.
    pub fn accept(&mut self, now: Instant, key: ServerKey, owner: Owner, request: &Request, reply: ReplyPath) -> bool {
        if *request.method() == Method::Invite {
            let of_owner = self.invite_servers.values().filter(|entry| entry.owner == owner).count();
            if of_owner >= MAX_INVITES_OF_ONE && !self.forget_invite_of(owner)
                || self.invite_servers.len() >= MAX_INVITE_SERVERS
            {
                return false;
            }
            let entry = InviteEntry { owner, identity: Identity::of(request), machine: InviteServer::new(reply) };
            self.invite_servers.insert(key, entry);
        } else {
            let of_it = self.requests_from(reply.source());
            if of_it >= MAX_SERVERS_OF_ONE && !self.forget_answered(reply.source())
                || self.servers.len() >= MAX_SERVERS && !self.forget_answered_of_most()
            {
                return false;
            }
            self.servers.insert(key, (owner, Server::new(now, reply)));
        }
        true
    }

    /// Forgets the INVITE of this owner that has been over for longest; false when none is.
    fn forget_invite_of(&mut self, owner: Owner) -> bool {
        let over = self.invite_servers.iter().filter(|(_, entry)| entry.owner == owner);
        let over = over.filter_map(|(key, entry)| Some((entry.machine.over_until()?, key)));
        let oldest = over.min().map(|(_, key)| key.clone());
        oldest.is_some_and(|key| self.invite_servers.remove(&key).is_some())
    }

    /// Forgets the request from this address that was answered longest ago; false when none was.
    fn forget_answered(&mut self, source: IpAddr) -> bool {
        let of_it = self.servers.iter().filter(|(_, (_, server))| server.reply().source() == source);
        let answered = of_it.filter_map(|(key, (_, server))| Some((server.answered_until()?, key)));
        let oldest = answered.min().map(|(_, key)| key.clone());
        oldest.is_some_and(|key| self.servers.remove(&key).is_some())
    }

    /// The same at the expense of whoever has most of them.
    fn forget_answered_of_most(&mut self) -> bool {
        let sources: BTreeSet<IpAddr> = self.servers.values().map(|(_, server)| server.reply().source()).collect();
        let mut by_requests: Vec<_> = sources.into_iter().map(|source| (self.requests_from(source), source)).collect();
        by_requests.sort_unstable();
        by_requests.into_iter().rev().any(|(_, source)| self.forget_answered(source))
    }

    fn requests_from(&self, source: IpAddr) -> usize {
        self.servers.values().filter(|(_, server)| server.reply().source() == source).count()
    }

    /// Sends a response of ours.
    pub fn respond(&mut self, now: Instant, key: &ServerKey, response: &Response, out: &mut Outbox) {
        if let Some(entry) = self.invite_servers.get_mut(key) {
            entry.machine.respond(now, response, out);
        } else if let Some((_, server)) = self.servers.get_mut(key) {
            server.respond(now, response, out);
        }
    }

    /// True when there is a request of theirs under this key.
    pub fn has_request(&self, key: &ServerKey) -> bool {
        self.invite_servers.contains_key(key) || self.servers.contains_key(key)
    }

    /// True when there is a request of ours under this key.
    pub fn awaits_response(&self, key: &ClientKey) -> bool {
        self.invite_clients.contains_key(key) || self.clients.contains_key(key)
    }

    /// True when there is a request of theirs from this address.
    pub fn has_asked(&self, address: IpAddr) -> bool {
        self.invites_from(address).0 > 0 || self.servers.values().any(|(_, server)| server.reply().source() == address)
    }

    /// How many INVITEs of theirs there are from this address, and from all.
    pub fn invites_from(&self, address: IpAddr) -> (usize, usize) {
        let of_it = self.invite_servers.values().filter(|entry| entry.machine.reply().source() == address).count();
        (of_it, self.invite_servers.len())
    }

    /// Forgets the refusal that has waited longest for its ACK, to make a place; false when there is none.
    pub fn forget_refusal(&mut self) -> bool {
        let waiting = self.invite_servers.iter().filter_map(|(key, entry)| Some((entry.machine.refused_until()?, key)));
        let oldest = waiting.min().map(|(_, key)| key.clone());
        oldest.is_some_and(|key| self.invite_servers.remove(&key).is_some())
    }

    /// The same INVITE, if it is here already by another way: this one is answered 482 (RFC 3261 8.2.2.2), or with
    /// silence like the first.
    pub fn merged(&self, request: &Request) -> Option<&InviteServer> {
        let identity = Identity::of(request);
        self.invite_servers.values().find(|entry| entry.identity == identity).map(|entry| &entry.machine)
    }

    /// The INVITE of theirs under this key, when it awaits its final response: its owner.
    pub fn pending_invite(&self, key: &ServerKey) -> Option<Owner> {
        self.invite_servers.get(key).filter(|entry| entry.machine.is_pending()).map(|entry| entry.owner)
    }

    /// The INVITE of theirs under this key.
    pub fn invite_server(&self, key: &ServerKey) -> Option<&InviteServer> {
        self.invite_servers.get(key).map(|entry| &entry.machine)
    }

    /// The same, to change it.
    pub fn invite_server_mut(&mut self, key: &ServerKey) -> Option<&mut InviteServer> {
        self.invite_servers.get_mut(key).map(|entry| &mut entry.machine)
    }

    /// The INVITE of ours under this key.
    pub fn invite_client_mut(&mut self, key: &ClientKey) -> Option<&mut InviteClient> {
        self.invite_clients.get_mut(key).map(|(_, client)| client)
    }

    /// Gives up an INVITE of ours that still has no final response.
    pub fn abandon_invite(&mut self, key: &ClientKey) {
        if self.invite_clients.get(key).is_some_and(|(_, client)| client.is_pending()) {
            self.invite_clients.remove(key);
        }
    }

    /// Nobody waits for a response to this request of ours any more: it is not repeated. An INVITE is listened for still,
    /// until timer B, so that whoever has it can be told that it is given up.
    pub fn give_up(&mut self, key: &ClientKey) {
        if let Some((_, invite)) = self.invite_clients.get_mut(key) {
            invite.stop_repeating();
        }
        self.clients.remove(key);
        self.second_ways.remove(key);
    }

    /// The session of these INVITEs is over: those that still have no final response are waited for a little longer,
    /// so that a refusal gets its ACK.
    pub fn abandon_invites_of(&mut self, now: Instant, gone: Owner) {
        for (_, client) in self.invite_clients.values_mut().filter(|(owner, _)| *owner == gone) {
            client.abandon(now);
        }
        self.sweep();
    }

    /// True when a request of theirs to this owner has no final response.
    pub fn owes_answer(&self, by: Owner) -> bool {
        self.invite_servers.values().any(|entry| entry.owner == by && entry.machine.is_pending())
            || self.servers.values().any(|(owner, server)| *owner == by && server.is_pending())
    }

    /// How many transactions there are.
    pub fn count(&self) -> usize {
        self.invite_clients.len() + self.clients.len() + self.invite_servers.len() + self.servers.len()
    }

    fn sweep(&mut self) {
        self.invite_clients.retain(|_, (_, client)| !client.is_terminated());
        self.clients.retain(|_, (_, client)| !client.is_terminated());
        self.invite_servers.retain(|_, entry| !entry.machine.is_terminated());
        let (invites, others) = (&self.invite_clients, &self.clients);
        self.second_ways.retain(|key, _| invites.contains_key(key) || others.contains_key(key));
        self.servers.retain(|_, (_, server)| !server.is_terminated());
    }
}
