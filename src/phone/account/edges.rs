//! The places at which calls may begin, side by side: the first is asked with a small head start, then all; of those that
//! answer the first in the list is taken. By UDP they are asked whether somebody is there (OPTIONS, to which any answer is a
//! good one), by TCP and TLS the connection tells it.
//!
//! Some machines carry calls and never answer an OPTIONS. One that has never answered is therefore in doubt and not dead: a
//! call tries it, and goes on soon.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::binding;
use super::desk::Desk;
use crate::config::Account;
use crate::sip::locate::Target;
use crate::sip::{FlowId, Path, ProbeHandle, Transport};

/// The first of the list is asked alone for so long.
const HEAD_START: Duration = Duration::from_millis(250);
/// When a later one answers first, those before it have so much time more.
const GRACE: Duration = Duration::from_millis(100);
/// An OPTIONS is waited for so long: it goes three times by then.
const PROBE: Duration = Duration::from_secs(2);
/// One that has lost a call is passed over for so long, and for twice as long each time that follows soon.
const LOST_FOR: Duration = Duration::from_secs(25);
const LONGEST: Duration = Duration::from_secs(600);

/// What is known of one place.
#[derive(Debug)]
struct Edge {
    target: Target,
    /// Somebody has answered there.
    has_answered: bool,
    lost: Option<Lost>,
    state: State,
}

/// Calls that nobody has heard there.
#[derive(Clone, Copy, Debug)]
struct Lost {
    /// In a row.
    times: u32,
    /// It is passed over until then.
    until: Instant,
}

/// How far asking has come.
#[derive(Debug)]
enum State {
    Unasked,
    Connecting(FlowId),
    Asked(Path, ProbeHandle),
    /// Somebody is there; by a connection of its own, or by the way of the registration.
    Here {
        way: Path,
        is_own: bool,
    },
    Silent,
}

/// What came of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Some may answer yet.
    Open,
    /// This is the best of those that are there.
    Here(Path),
    /// None is there.
    Nobody,
}

/// All of them, in their order.
#[derive(Debug, Default)]
pub struct Edges {
    list: Vec<Edge>,
    /// How many from the top are asked now.
    count: usize,
    /// When the head start of the first is over.
    rest_at: Option<Instant>,
    /// When the first that answered is taken.
    settle_at: Option<Instant>,
}

impl Edges {
    /// They are these now; what is known of those that stay is kept.
    pub fn update(&mut self, targets: Vec<Target>) {
        let mut before = std::mem::take(&mut self.list);
        let mut edge = |target: Target| match before.iter().position(|edge| edge.target == target) {
            Some(index) => before.swap_remove(index),
            None => Edge { target, has_answered: false, lost: None, state: State::Unasked },
        };
        self.list = targets.into_iter().map(&mut edge).collect();
    }

    /// Where in the list this way leads.
    pub fn position(&self, way: Path) -> Option<usize> {
        self.list.iter().position(|edge| is_at(way, &edge.target))
    }

    /// Asks the first so many, the very first of them alone for a moment unless it is `urgent`. A way that stands
    /// already, that of the registration, needs no question.
    pub fn ask(&mut self, desk: &mut Desk<'_>, account: Account, registered: Path, count: Option<usize>, urgent: bool) {
        self.end(desk, None);
        self.count = count.unwrap_or(self.list.len()).min(self.list.len());
        let mut asked = 0;
        for index in 0..self.count {
            if self.list[index].is_passed_over(desk.now) {
                self.list[index].state = State::Silent;
            } else if urgent || asked == 0 {
                self.list[index].ask(desk, account, registered);
                asked += 1;
            }
        }
        self.rest_at = Some(desk.now + HEAD_START).filter(|_| !urgent);
        self.heed(desk.now);
    }

    /// Fires what is due.
    pub fn tend(&mut self, desk: &mut Desk<'_>, account: Account, registered: Path) {
        let is_first_out = self.asked().all(|edge| matches!(edge.state, State::Unasked | State::Silent));
        if self.rest_at.is_some_and(|at| at <= desk.now || is_first_out) {
            self.rest_at = None;
            let count = self.count;
            let rest = self.list.iter_mut().take(count).filter(|edge| matches!(edge.state, State::Unasked));
            rest.for_each(|edge| edge.ask(desk, account, registered));
        }
        self.heed(desk.now);
    }

    /// Notes when somebody has answered.
    fn heed(&mut self, now: Instant) {
        if self.settle_at.is_none() && self.asked().any(|edge| matches!(edge.state, State::Here { .. })) {
            self.settle_at = Some(now + GRACE);
        }
    }

    fn asked(&self) -> impl Iterator<Item = &Edge> {
        self.list.iter().take(self.count)
    }

    /// What came of it so far.
    pub fn outcome(&self, now: Instant) -> Outcome {
        let settled = self.settle_at.is_some_and(|at| at <= now);
        for edge in self.asked() {
            match edge.state {
                State::Here { way, .. } => return Outcome::Here(way),
                State::Silent => {}
                State::Unasked | State::Connecting(_) | State::Asked(..) if settled => {}
                State::Unasked | State::Connecting(_) | State::Asked(..) => return Outcome::Open,
            }
        }
        Outcome::Nobody
    }

    /// The way to the first that has never answered, by UDP, where that says little.
    pub fn in_doubt(&self, desk: &Desk<'_>, registered: Path) -> Option<Path> {
        let is_in_doubt = |edge: &&Edge| {
            edge.target.transport == Transport::Udp && !edge.has_answered && !edge.is_passed_over(desk.now)
        };
        self.list.iter().filter(is_in_doubt).find_map(|edge| edge.way(desk, registered))
    }

    /// Whether somebody has answered where this way leads.
    pub fn has_answered(&self, way: Path) -> bool {
        self.position(way).is_some_and(|index| self.list[index].has_answered)
    }

    /// A call was lost by this way.
    pub fn lose(&mut self, now: Instant, way: Path) {
        let Some(index) = self.position(way) else { return };
        let edge = &mut self.list[index];
        let before = edge.lost.filter(|lost| now < lost.until + LONGEST).map_or(0, |lost| lost.times);
        let rest = (LOST_FOR * 2_u32.pow(before.min(8))).min(LONGEST);
        edge.lost = Some(Lost { times: before + 1, until: now + rest });
    }

    /// How many of them a call may try, apart from the one to which this way leads.
    pub fn others(&self, now: Instant, way: Path) -> usize {
        self.list.iter().filter(|edge| !is_at(way, &edge.target) && !edge.is_passed_over(now)).count()
    }

    /// Asking is over. The connections that were made for it are closed, except the one that was chosen.
    pub fn end(&mut self, desk: &mut Desk<'_>, chosen: Option<Path>) {
        let chosen = chosen.and_then(|way| way.flow);
        for edge in &mut self.list {
            let flow = match std::mem::replace(&mut edge.state, State::Unasked) {
                State::Connecting(flow) => Some(flow),
                State::Here { way, is_own: true } => way.flow,
                State::Here { is_own: false, .. } | State::Unasked | State::Asked(..) | State::Silent => None,
            };
            flow.into_iter().filter(|flow| Some(*flow) != chosen).for_each(|flow| desk.close(flow));
        }
        (self.count, self.rest_at, self.settle_at) = (0, None, None);
    }

    /// A connection stands; true when it is one of these.
    pub fn handle_connected(&mut self, way: Path) -> bool {
        let ours = |edge: &&mut Edge| matches!(edge.state, State::Connecting(flow) if way.flow == Some(flow));
        let Some(edge) = self.list.iter_mut().find(ours) else { return false };
        (edge.state, edge.has_answered) = (State::Here { way, is_own: true }, true);
        true
    }

    /// A connection has gone, or never came about; true when it is one of these.
    pub fn handle_flow_gone(&mut self, gone: FlowId) -> bool {
        let ours = |edge: &&mut Edge| match &edge.state {
            State::Connecting(flow) => *flow == gone,
            State::Here { way, .. } => way.flow == Some(gone),
            _ => false,
        };
        let Some(edge) = self.list.iter_mut().find(ours) else { return false };
        edge.state = State::Silent;
        true
    }

    /// What came of a question; true when it is one of these.
    pub fn handle_probe(&mut self, answered: ProbeHandle, alive: bool) -> bool {
        let ours = |edge: &&mut Edge| matches!(&edge.state, State::Asked(_, probe) if *probe == answered);
        let Some(edge) = self.list.iter_mut().find(ours) else { return false };
        if let State::Asked(way, _) = edge.state {
            edge.state = if alive { State::Here { way, is_own: true } } else { State::Silent };
            edge.has_answered |= alive;
        }
        true
    }

    /// When `tend` is due, or the outcome may be another one.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.rest_at.into_iter().chain(self.settle_at).min()
    }

    /// The connections that were made for asking.
    pub fn flows(&self) -> impl Iterator<Item = FlowId> {
        self.list.iter().filter_map(|edge| match &edge.state {
            State::Connecting(flow) => Some(*flow),
            State::Here { way, is_own: true } => way.flow,
            _ => None,
        })
    }
}

impl Edge {
    fn is_passed_over(&self, now: Instant) -> bool {
        self.lost.is_some_and(|lost| now < lost.until)
    }

    /// How it is reached, before there is a connection; by the port of the registration.
    fn way(&self, desk: &Desk<'_>, registered: Path) -> Option<Path> {
        let (transport, remote) = (self.target.transport, self.target.address);
        let local = SocketAddr::new(desk.routes.local_for(remote.ip())?, registered.local.port());
        Some(Path { transport, local, remote, flow: None })
    }

    fn ask(&mut self, desk: &mut Desk<'_>, account: Account, registered: Path) {
        self.state = if is_at(registered, &self.target) {
            self.has_answered = true;
            State::Here { way: registered, is_own: false }
        } else {
            match self.way(desk, registered) {
                None => State::Silent,
                Some(way) if way.transport == Transport::Udp => {
                    let whom = binding::at(way.remote);
                    State::Asked(way, desk.endpoint.probe(desk.now, way, whom, None, PROBE))
                }
                Some(way) => State::Connecting(desk.connect(account, way.local, &self.target)),
            }
        };
    }
}

fn is_at(way: Path, target: &Target) -> bool {
    (way.transport, way.remote) == (target.transport, target.address)
}
