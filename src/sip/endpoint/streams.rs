//! TCP: one framer for each connection, pings both ways, requests to whoever opened it, and streams that are given back
//! for closing because they bring no SIP, too much, too slowly, or nothing although we asked.
//!
//! A connection by which a call goes, or that is kept for a registration, is pinged when it was quiet for a while (RFC 5626
//! 4.4.1). Who has never answered a ping does not know what one is, and is not taken for dead; who has, or has promised to
//! (Require: outbound), is, when an answer is missing.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::RngExt;

use super::Endpoint;
use crate::sip::message::Request;
use crate::sip::path::{FlowId, Path, Transmit};
use crate::sip::registration::Registration;
use crate::sip::session::Session;
use crate::sip::timing::{Deadline, TimerReason, earlier};
use crate::sip::wire::{Framed, StreamFramer, refuse_unframed};

/// A message has to be whole so long after its first byte.
const WHOLE_IN: Duration = Duration::from_secs(20);
/// A connection in use is pinged after so much silence; the exact time, from four fifths of it on, is drawn anew each time.
const PING_AFTER: Duration = Duration::from_secs(30);
/// The shortest silence that a registrar can make us ping after.
const PING_AFTER_LEAST: Duration = Duration::from_secs(5);
/// A pong has to come in this time (RFC 5626 4.4.1).
const PONG_IN: Duration = Duration::from_secs(10);
/// The port of a sent-by that names none.
const DEFAULT_PORT: u16 = 5060;

/// One connection as the endpoint sees it.
#[derive(Debug)]
pub(super) enum Flow {
    /// Messages are being cut from it.
    Open(Box<Open>),
    /// It is to be closed; whatever still comes is dropped.
    Broken,
}

/// What is known of an open connection.
#[derive(Debug)]
pub(super) struct Open {
    framer: StreamFramer,
    path: Path,
    /// Where the other end is reached by this connection as well, as its Via says (RFC 5923): only at the address that it
    /// came from.
    alias: Option<SocketAddr>,
    /// When the message that has begun must be whole.
    whole_by: Option<Instant>,
    /// When to ask whether the other end is there, if the connection is in use.
    ping_at: Instant,
    /// Until when an answer to that is awaited.
    pong_by: Option<Instant>,
    /// It has answered a ping.
    answers: bool,
}

/// Whether the other end answers pings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answers {
    /// Only if it has done so before.
    Unknown,
    /// It has said that it will.
    Promised,
}

impl Endpoint {
    pub(super) fn read_stream(&mut self, now: Instant, path: Path, bytes: &[u8]) {
        let Some(flow) = path.flow else {
            return;
        };
        let quiet = self.draw_silence(flow);
        let entry = self.flows.entry(flow).or_insert_with(|| Flow::Open(Box::new(Open::new(now, path))));
        if let Flow::Open(open) = entry {
            open.framer.push(bytes);
            open.ping_at = now + quiet;
            open.pong_by = None;
        }
        while let Some(Flow::Open(open)) = self.flows.get_mut(&flow) {
            let next = open.framer.next();
            match &next {
                None => return open.note_rest(now),
                Some(Ok(Framed::Message(_))) => open.whole_by = None,
                Some(Ok(Framed::KeepAlivePong)) => open.answers = true,
                Some(_) => {}
            }
            match next {
                // A stream loses nothing silently: one that brings too much is closed.
                Some(Ok(framed)) if !self.admits_message(now, path, framed.message().unwrap_or_default()) => {
                    return self.break_flow(now, flow);
                }
                Some(Ok(Framed::Message(message))) => {
                    if !self.handle_message(now, path, &message) && !self.uses_flow(flow) {
                        return self.break_flow(now, flow);
                    }
                }
                // Not even a ping of somebody who may begin nothing is answered.
                Some(Ok(Framed::Unframed(..) | Framed::KeepAlivePing)) if !self.hears_pings(path) => {
                    return self.break_flow(now, flow);
                }
                Some(Ok(Framed::Unframed(head, error))) => self.answer_reject(path, &refuse_unframed(&head, error)),
                // RFC 5626 4.4.1: a double CRLF is answered by a single one.
                Some(Ok(Framed::KeepAlivePing)) => {
                    self.core.out.push_back(Transmit { path, bytes: b"\r\n".to_vec() });
                }
                Some(Ok(Framed::KeepAlivePong)) => {}
                Some(Err(_)) | None => return self.break_flow(now, flow),
            }
        }
    }

    /// Closes what is too slow or gone, and asks those that may be.
    pub(super) fn tend_flows(&mut self, now: Instant) {
        let slow = |flow: &Flow| matches!(flow, Flow::Open(open) if open.whole_by.is_some_and(|by| by <= now));
        let slow: Vec<FlowId> = self.flows.iter().filter(|(_, flow)| slow(flow)).map(|(id, _)| *id).collect();
        for flow in slow {
            self.break_flow(now, flow);
        }
        let in_use: Vec<(FlowId, Answers)> = self.flows_in_use().collect();
        for (flow, answers) in in_use {
            let quiet = self.draw_silence(flow);
            let Some(Flow::Open(open)) = self.flows.get_mut(&flow) else { continue };
            if open.pong_by.is_some_and(|by| by <= now) {
                self.break_flow(now, flow);
            } else if open.pong_by.is_none() && open.ping_at <= now {
                open.framer.expect_pong();
                open.ping_at = now + quiet;
                let is_answered = open.answers || answers == Answers::Promised;
                open.pong_by = is_answered.then_some(now + PONG_IN);
                self.core.out.push_back(Transmit { path: open.path, bytes: b"\r\n\r\n".to_vec() });
            }
        }
    }

    /// When `tend_flows` is due, and why.
    pub(super) fn flow_deadline(&self) -> Option<Deadline> {
        let unfinished = self.flows.values().filter_map(|flow| match flow {
            Flow::Open(open) => Some((open.whole_by?, TimerReason::MessageUnfinished)),
            Flow::Broken => None,
        });
        let pings = self.flows_in_use().filter_map(|(flow, _)| match self.flows.get(&flow)? {
            Flow::Open(open) => Some(match open.pong_by {
                Some(by) => (by, TimerReason::PongMissing),
                None => (open.ping_at, TimerReason::Ping),
            }),
            Flow::Broken => None,
        });
        unfinished.chain(pings).map(Some).fold(None, earlier)
    }

    /// The sender of this request may be reached by its connection at the address in its Via, if it says so (RFC 5923) and
    /// the connection came from there.
    pub(super) fn note_alias(&mut self, path: Path, request: &Request) {
        let via = request.top_via();
        let asked = via.params.contains("alias") && via.host.ip() == Some(path.remote.ip());
        if let Some(Flow::Open(open)) = path.flow.and_then(|flow| self.flows.get_mut(&flow))
            && asked
        {
            open.alias = Some(SocketAddr::new(path.remote.ip(), via.port.unwrap_or(DEFAULT_PORT)));
        }
    }

    /// What needs a connection takes one that leads there already. One that was named stays, also while nothing has come by it
    /// yet: where an account is registered from, its calls come to.
    pub(super) fn choose_flow(&self, path: &mut Path) {
        let is_named = path.flow.is_some_and(|flow| !matches!(self.flows.get(&flow), Some(Flow::Broken)));
        if !path.transport.is_reliable() || is_named {
            return;
        }
        let leads_there = |flow: &Flow| match flow {
            Flow::Open(open) => {
                open.path.transport == path.transport
                    && (open.path.remote == path.remote || open.alias == Some(path.remote))
            }
            Flow::Broken => false,
        };
        if let Some((flow, _)) = self.flows.iter().find(|(_, flow)| leads_there(flow)) {
            path.flow = Some(*flow);
        }
    }

    /// The connections of calls, those that are kept, and those by which a registrar reaches us.
    pub(super) fn flows_in_use(&self) -> impl Iterator<Item = (FlowId, Answers)> {
        let of_calls = self.sessions.values().filter_map(Session::path).filter_map(|path| path.flow);
        let others = of_calls.chain(self.kept.iter().copied()).map(|flow| (flow, Answers::Unknown));
        let outbound = self.registrations.values().filter_map(Registration::outbound_flow);
        outbound.map(|(flow, _)| (flow, Answers::Promised)).chain(others)
    }

    /// How quiet a connection may be before it is asked.
    fn draw_silence(&mut self, flow: FlowId) -> Duration {
        let outbound = self.registrations.values().filter_map(Registration::outbound_flow);
        let wanted = outbound.filter(|(own, _)| *own == flow).filter_map(|(_, timer)| timer).min();
        let longest = wanted.map_or(PING_AFTER, |wanted| wanted.clamp(PING_AFTER_LEAST, PING_AFTER));
        // RFC 5626 4.4.1.
        longest.mul_f64(self.core.random.random_range(0.8..=1.0))
    }

    fn break_flow(&mut self, now: Instant, flow: FlowId) {
        let known = self.flows.insert(flow, Flow::Broken);
        self.closes.push_back(flow);
        self.forget_flow(now, flow, known);
    }
}

impl Open {
    fn new(now: Instant, path: Path) -> Self {
        let framer = StreamFramer::new();
        Open { framer, path, alias: None, whole_by: None, ping_at: now, pong_by: None, answers: false }
    }

    /// The two ends.
    pub(super) fn path(&self) -> Path {
        self.path
    }

    /// All that was whole has been taken out: what is left is the beginning of a message, or nothing.
    fn note_rest(&mut self, now: Instant) {
        self.whole_by = match self.whole_by {
            _ if self.framer.is_empty() => None,
            None => Some(now + WHOLE_IN),
            begun => begun,
        };
    }
}
