//! Who keeps a connection: decided without any, so that it can be tried without any.
//!
//! A connection by which a call goes is never closed here. Of the others, the first to go are those on which we have never
//! had to say anything, then those that were quiet for longest; where one address has too many, its own.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::sip::{FlowId, Transport};

/// What the table allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections in all.
    pub connections: usize,
    /// Connections that one address may have opened to us.
    pub from_one_address: usize,
    /// Messages that may wait to be written to one peer.
    pub queue: usize,
    /// Bytes of those messages.
    pub queued_bytes: usize,
    /// For the connection to be made.
    pub connect: Duration,
    /// For the connection to be made and TLS to be agreed on, in all.
    pub connect_tls: Duration,
    /// For one message to be written.
    pub write: Duration,
    /// Silence on a connection that never made us say anything.
    pub silent: Duration,
    /// Silence on any other without a call. A peer that wants to keep its connection says something at least every two
    /// minutes (RFC 5626 4.4.1).
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            from_one_address: 16,
            queue: 64,
            queued_bytes: 256 * 1024,
            connect: Duration::from_secs(5),
            connect_tls: Duration::from_secs(4),
            write: Duration::from_secs(10),
            silent: Duration::from_secs(30),
            idle: Duration::from_secs(150),
        }
    }
}

/// What is known of one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// Plain or encrypted.
    pub transport: Transport,
    /// Where we can be reached from there: with a connection of ours that is the port that we listen on, or the connection's own
    /// end where nobody listens.
    pub local: SocketAddr,
    pub remote: SocketAddr,
    /// Whether it was opened under a name that its user gave it: then nobody else finds it.
    pub reserved: bool,
    /// Whether the other side opened it.
    pub theirs: bool,
    /// When either side last said anything.
    pub last: Instant,
    /// Whether we have.
    pub spoken: bool,
}

/// All connections, without their sockets.
#[derive(Debug)]
pub(super) struct Roster {
    pub limits: Limits,
    entries: HashMap<FlowId, Entry>,
}

impl Roster {
    /// An empty one.
    pub fn new(limits: Limits) -> Self {
        Self { limits, entries: HashMap::new() }
    }

    /// Which connection has to go for one more, if any; `opener` is who opened it to us. `in_call` tells by which ones calls
    /// go.
    ///
    /// # Errors
    /// That there is no place, in words.
    pub fn place(&self, opener: Option<IpAddr>, in_call: &dyn Fn(FlowId) -> bool) -> Result<Option<FlowId>, String> {
        let theirs = |entry: &Entry| entry.theirs && Some(entry.remote.ip()) == opener;
        let own = self.entries.values().filter(|entry| theirs(entry)).count();
        if let Some(address) = opener
            && own >= self.limits.from_one_address
        {
            let gone = self.least(in_call, theirs);
            return gone.map(Some).ok_or_else(|| format!("calls go by {own} connections from {address} already"));
        }
        if self.entries.len() >= self.limits.connections {
            let gone = self.least(in_call, |_| true);
            return gone.map(Some).ok_or_else(|| "calls go by all connections that there may be".to_owned());
        }
        Ok(None)
    }

    /// Adds one.
    pub fn add(&mut self, flow: FlowId, entry: Entry) {
        self.entries.insert(flow, entry);
    }

    /// It is gone.
    pub fn remove(&mut self, flow: FlowId) {
        self.entries.remove(&flow);
    }

    /// What is known of it.
    pub fn get(&self, flow: FlowId) -> Option<&Entry> {
        self.entries.get(&flow)
    }

    /// Something came on it.
    pub fn heard(&mut self, now: Instant, flow: FlowId) {
        if let Some(entry) = self.entries.get_mut(&flow) {
            entry.last = now;
        }
    }

    /// We say something on it.
    pub fn spoke(&mut self, now: Instant, flow: FlowId) {
        self.heard(now, flow);
        if let Some(entry) = self.entries.get_mut(&flow) {
            entry.spoken = true;
        }
    }

    /// The connection that leads there and is anybody's, if there is one.
    pub fn find(&self, remote: SocketAddr) -> Option<FlowId> {
        self.entries.iter().find(|(_, entry)| entry.remote == remote && !entry.reserved).map(|(flow, _)| *flow)
    }

    /// It stands, and this is our end of it.
    pub fn stands(&mut self, flow: FlowId, local: SocketAddr) {
        if let Some(entry) = self.entries.get_mut(&flow)
            && entry.reserved
        {
            entry.local = local;
        }
    }

    /// When the next connection will have been silent for too long.
    pub fn deadline(&self) -> Option<Instant> {
        self.entries.values().map(|entry| self.end_of(entry)).min()
    }

    /// Those that have been silent for too long. One by which a call goes begins anew.
    pub fn silent(&mut self, now: Instant, in_call: &dyn Fn(FlowId) -> bool) -> Vec<FlowId> {
        let over: Vec<FlowId> =
            self.entries.iter().filter(|(_, entry)| self.end_of(entry) <= now).map(|(flow, _)| *flow).collect();
        let (kept, gone): (Vec<FlowId>, Vec<FlowId>) = over.into_iter().partition(|flow| in_call(*flow));
        for flow in kept {
            self.heard(now, flow);
        }
        gone
    }

    /// How many there are.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    fn end_of(&self, entry: &Entry) -> Instant {
        entry.last + if entry.spoken { self.limits.idle } else { self.limits.silent }
    }

    fn least(&self, in_call: &dyn Fn(FlowId) -> bool, among: impl Fn(&Entry) -> bool) -> Option<FlowId> {
        let free = self.entries.iter().filter(|(flow, entry)| among(entry) && !in_call(**flow));
        free.min_by_key(|(flow, entry)| (entry.spoken, entry.last, flow.0)).map(|(flow, _)| *flow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(last: Instant, from: u8, spoken: bool) -> Entry {
        let remote = SocketAddr::from(([10, 0, 0, from], 40_000));
        let local = SocketAddr::from(([10, 0, 0, 1], 5060));
        Entry { transport: Transport::Tcp, local, remote, reserved: false, theirs: true, last, spoken }
    }

    fn ip(from: u8) -> Option<IpAddr> {
        Some(IpAddr::from([10, 0, 0, from]))
    }

    fn roster(start: Instant, flows: &[(u64, u8, bool)]) -> Roster {
        let mut roster = Roster::new(Limits { connections: 6, from_one_address: 3, ..Limits::default() });
        for (order, (flow, from, spoken)) in (0..).zip(flows) {
            roster.add(FlowId(*flow), entry(start + Duration::from_secs(order), *from, *spoken));
        }
        roster
    }

    const NONE: &dyn Fn(FlowId) -> bool = &|_| false;

    #[test]
    fn one_address_gives_up_its_own() {
        let roster = roster(Instant::now(), &[(1, 2, true), (2, 3, false), (3, 2, false), (4, 2, true)]);
        assert_eq!(roster.place(ip(4), NONE), Ok(None));
        assert_eq!(roster.place(ip(2), NONE), Ok(Some(FlowId(3))), "the one on which we said nothing");
        assert_eq!(roster.place(ip(2), &|flow| flow == FlowId(3)), Ok(Some(FlowId(1))), "then the oldest");
        let error = roster.place(ip(2), &|_| true).expect_err("calls go by all of them");
        assert_eq!(error, "calls go by 3 connections from 10.0.0.2 already");
        assert_eq!(roster.place(None, NONE), Ok(None), "our own connection there is no matter of theirs");
    }

    #[test]
    fn a_full_table_gives_up_strangers_first_and_calls_never() {
        let flows = [(1, 2, true), (2, 3, false), (3, 4, true), (4, 5, false), (5, 6, true), (6, 7, true)];
        let mut roster = roster(Instant::now(), &flows);
        let in_calls = |flow: FlowId| flow == FlowId(1) || flow == FlowId(2);
        for gone in [4, 3, 5, 6] {
            assert_eq!(roster.place(ip(9), &in_calls), Ok(Some(FlowId(gone))));
            roster.remove(FlowId(gone));
            roster.add(FlowId(gone + 100), entry(Instant::now() + Duration::from_secs(60), 9 + gone as u8, true));
        }
        assert!(roster.place(None, &|_| true).is_err());
        assert_eq!(roster.len(), 6);
    }

    #[test]
    fn a_connection_with_a_name_of_its_own_is_found_by_that_alone_and_learns_its_own_end() {
        let start = Instant::now();
        let mut roster = roster(start, &[(1, 2, true)]);
        let own = SocketAddr::from(([10, 0, 0, 1], 50_000));
        roster.add(FlowId(9), Entry { reserved: true, ..entry(start, 3, true) });
        assert_eq!(roster.find(SocketAddr::from(([10, 0, 0, 3], 40_000))), None);
        roster.stands(FlowId(9), own);
        roster.stands(FlowId(1), own);
        assert_eq!(roster.get(FlowId(9)).map(|entry| entry.local), Some(own));
        assert_eq!(roster.get(FlowId(1)).map(|entry| entry.local.port()), Some(5060), "there we are reached elsewhere");
    }

    #[test]
    fn silence_ends_a_connection_but_not_a_call() {
        let start = Instant::now();
        let mut roster = roster(start, &[(1, 2, false), (2, 3, false), (3, 4, true)]);
        let limits = roster.limits;
        assert_eq!(roster.deadline(), Some(start + limits.silent));
        let later = start + limits.silent + Duration::from_secs(1);
        assert_eq!(roster.silent(later, &|flow| flow == FlowId(1)), [FlowId(2)]);
        roster.remove(FlowId(2));
        assert_eq!(roster.deadline(), Some(later + limits.silent), "the call's begins anew");
        roster.spoke(later, FlowId(1));
        assert_eq!(roster.deadline(), Some(start + Duration::from_secs(2) + limits.idle));
        assert_eq!(roster.find(SocketAddr::from(([10, 0, 0, 4], 40_000))), Some(FlowId(3)));
        let much_later = start + limits.idle * 2;
        let mut gone = roster.silent(much_later, NONE);
        gone.sort();
        assert_eq!(gone, [FlowId(1), FlowId(3)]);
    }
}
