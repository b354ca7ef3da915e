//! While no place works, all of them are asked side by side whether somebody is there: the walk along the list takes its time
//! at each that is silent, and the one that comes back need not wait for its turn.
//!
//! ```text
//! scouts out to all ──somebody is there──▶ found ──▶ asked to register ──┬─▶ answers: in force, or refused
//!                                            │                          ├─▶ silent, and another one is found: that one's turn
//!                                            └◀── found again, last ◀───┴─▶ silent: left alone for a while
//! ```
//! Machines are known that answer an OPTIONS and leave each REGISTER alone. One that has done so is asked behind all that have
//! not, and left at once when one of these is found.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::binding;
use super::desk::Desk;
use super::hops::Stop;
use super::line::PATIENCE;
use crate::config::{Account, AccountConfig};
use crate::sip::locate::Target;
use crate::sip::{FlowId, Path, ProbeHandle, Transport};

/// The walk has so much time alone: where one place has failed, the next one answers at once, and the order is kept.
const HEAD_START: Duration = Duration::from_millis(750);
/// One that was found is waited for so long while others that were found wait for their turn: a REGISTER goes twice by then.
const TURN: Duration = Duration::from_millis(600);
/// What is there and does not serve is left to the walk for so long.
const LEFT_ALONE: Duration = Duration::from_secs(30);

/// Those that are out for one account.
#[derive(Debug, Default)]
pub struct Scouts {
    /// When all are asked next; none while there is no need.
    next: Option<Instant>,
    out: Vec<Scout>,
    /// Where somebody is, and nobody has been sent yet.
    found: VecDeque<(Stop, Path)>,
    /// The last place that was asked because a scout had found it, and until when the others that were found wait for it.
    praised: Option<(Target, Instant)>,
    /// Who answers scouts, and nothing else.
    mute: Vec<Target>,
    /// What is there and does not serve, and until when nobody is sent there.
    useless: Vec<(Target, Instant)>,
}

/// One that is out.
#[derive(Debug)]
struct Scout {
    stop: Stop,
    way: Path,
    /// None while the connection is being made.
    probe: Option<ProbeHandle>,
}

impl Scouts {
    /// A place has failed: from soon on all are asked.
    pub fn begin(&mut self, now: Instant) {
        self.next.get_or_insert(now + HEAD_START);
    }

    /// There is no need any more.
    pub fn end(&mut self, desk: &mut Desk<'_>) {
        self.call_back(desk);
        *self = Self::default();
    }

    /// The walk has left this place. One that is there and does not serve, for which it may have asked for some time, is not
    /// praised again soon.
    pub fn hear_of_failure(&mut self, now: Instant, target: &Target, is_there: bool, rest: Option<Duration>) {
        let was_praised = self.praised.take_if(|(praised, _)| praised == target).is_some();
        if was_praised && !is_there {
            self.hear_of_silence(target);
        }
        if is_there || was_praised {
            self.useless.retain(|(other, until)| other != target && *until > now);
            self.useless.push((target.clone(), now + rest.unwrap_or_default().max(LEFT_ALONE)));
        }
    }

    fn hear_of_silence(&mut self, target: &Target) {
        if !self.mute.contains(target) {
            self.mute.push(target.clone());
        }
    }

    /// When they are sent out next, or the next that was found has its turn.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let turn = self.praised.as_ref().filter(|_| self.fresh().is_some()).map(|(_, until)| *until);
        self.next.into_iter().chain(turn).min()
    }

    /// Whether they are to be sent out.
    pub fn is_due(&self, now: Instant) -> bool {
        self.next.is_some_and(|at| at <= now)
    }

    /// Sends them to all of these, those from the last time being back.
    pub fn send_out(
        &mut self,
        desk: &mut Desk<'_>,
        account: Account,
        config: &AccountConfig,
        stops: Vec<Stop>,
        port: Option<u16>,
    ) {
        self.call_back(desk);
        let every = Duration::from_secs(config.retry_interval_s.into()).max(PATIENCE);
        self.next = Some(desk.now + desk.jittered(every));
        let Some(port) = port else { return };
        self.useless.retain(|(_, until)| *until > desk.now);
        let is_of_use = |stop: &Stop| self.useless.iter().all(|(target, _)| *target != stop.target);
        for stop in stops.into_iter().filter(is_of_use).collect::<Vec<_>>() {
            let (transport, remote) = (stop.target.transport, stop.target.address);
            let Some(local) = desk.routes.local_for(remote.ip()) else { continue };
            let local = SocketAddr::new(local, port);
            let flow = transport.is_reliable().then(|| desk.connect(account, local, &stop.target));
            let mut scout = Scout { stop, way: Path { transport, local, remote, flow }, probe: None };
            if transport == Transport::Udp {
                scout.ask(desk, config);
            }
            self.out.push(scout);
        }
    }

    fn call_back(&mut self, desk: &mut Desk<'_>) {
        let found = self.found.drain(..).map(|(_, way)| way);
        let ways = self.out.drain(..).map(|scout| scout.way).chain(found);
        ways.filter_map(|way| way.flow).for_each(|flow| desk.close(flow));
    }

    /// A connection stands; true when it is one of these.
    pub fn handle_connected(&mut self, desk: &mut Desk<'_>, config: &AccountConfig, way: Path) -> bool {
        let scout = self.out.iter_mut().find(|scout| way.flow.is_some() && scout.way.flow == way.flow);
        let Some(scout) = scout else { return false };
        scout.way = way;
        scout.ask(desk, config);
        true
    }

    /// A connection has gone, or never came about.
    pub fn handle_flow_gone(&mut self, gone: FlowId) {
        self.out.retain(|scout| scout.way.flow != Some(gone));
        self.found.retain(|(_, way)| way.flow != Some(gone));
    }

    /// What came of a question: where somebody is, the account may turn to.
    pub fn handle_probe(&mut self, desk: &mut Desk<'_>, answered: ProbeHandle, alive: bool) {
        let Some(index) = self.out.iter().position(|scout| scout.probe == Some(answered)) else { return };
        let Scout { stop, way, .. } = self.out.swap_remove(index);
        if alive {
            self.found.push_back((stop, way));
        } else {
            way.flow.into_iter().for_each(|flow| desk.close(flow));
        }
    }

    /// Where the account turns to now, if it is `asked` at this one: to whichever was found first, those that are known to
    /// be mute last.
    pub fn next(&mut self, desk: &Desk<'_>, asked: Option<&Target>) -> Option<(Stop, Path)> {
        let fresh = self.fresh();
        let praised = self.praised.as_ref().filter(|(target, _)| asked == Some(target));
        let index = match praised {
            Some((target, until)) => fresh.filter(|_| self.mute.contains(target) || *until <= desk.now)?,
            None => fresh.unwrap_or(0),
        };
        if let Some((target, _)) = praised.cloned() {
            self.hear_of_silence(&target);
        }
        let (stop, way) = self.found.remove(index)?;
        self.praised = Some((stop.target.clone(), desk.now + TURN));
        Some((stop, way))
    }

    /// The first that was found and is not known to be mute.
    fn fresh(&self) -> Option<usize> {
        self.found.iter().position(|(stop, _)| !self.mute.contains(&stop.target))
    }

    /// Their connections.
    pub fn flows(&self) -> impl Iterator<Item = FlowId> {
        let found = self.found.iter().map(|(_, way)| way);
        self.out.iter().map(|scout| &scout.way).chain(found).filter_map(|way| way.flow)
    }
}

impl Scout {
    fn ask(&mut self, desk: &mut Desk<'_>, config: &AccountConfig) {
        let whom = binding::probed(config, &self.stop);
        self.probe = Some(desk.endpoint.probe(desk.now, self.way, whom, None, PATIENCE));
    }
}
