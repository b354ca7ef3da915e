//! The walk along the list of places: found, connected, asked; the next one where one fails; a pause where none is left.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::{Line, PATIENCE, Purpose, Socket, Stage, Walk};
use crate::channel::AccountFault;
use crate::phone::FlowFault;
use crate::phone::account::binding;
use crate::phone::account::desk::Desk;
use crate::phone::account::hops::{Next, Place, Stop};
use crate::phone::account::recall::Recall;
use crate::sip::{FlowId, Obstacle, Path, Transport};

/// After a connection was lost, so many tries come so soon; a server for which a longer Retry Interval is set has too many
/// panels for that.
const HURRY: Duration = Duration::from_millis(500);
const HURRIES: u8 = 8;
pub(super) const FEW_PANELS: u32 = 10;
/// So many connections in a row may be cut before they have stood so long.
const CUTS: u8 = 3;
const STEADY: Duration = Duration::from_secs(10);
/// Between two tries at least.
const BREATH: Duration = Duration::from_millis(250);
/// For so long after an account was in force, calls wait for its next way; then it counts as not registered.
const LAPSE: Duration = Duration::from_secs(5);
/// How long a connection may take that the next stop waits for.
const CONNECT: Duration = Duration::from_secs(4);

impl Line {
    /// Begins at the top of the list.
    pub(super) fn begin(&mut self, desk: &mut Desk<'_>) {
        self.rest = None;
        self.parting = None;
        self.tried_at = Some(desk.now);
        self.lapse(desk.now);
        self.leave_flow(desk);
        self.service.end(desk);
        if let Some(hops) = &mut self.hops {
            hops.begin();
        }
        self.recall = Recall::default();
        match self.socket {
            Socket::Open(_) => self.walk(desk, Place::default()),
            Socket::Asked => self.stage = Stage::Walking(Walk::Opening),
            Socket::Closed => {
                self.socket = Socket::Asked;
                self.stage = Stage::Walking(Walk::Opening);
                desk.open_port(self.account, self.purpose);
            }
        }
    }

    /// The socket is open, or the system refuses.
    pub fn handle_port(&mut self, desk: &mut Desk<'_>, port: Option<u16>) {
        if self.socket != Socket::Asked {
            if let Some(port) = port {
                desk.leave_port(port);
            }
            return;
        }
        match port {
            Some(port) => {
                self.socket = Socket::Open(port);
                if let Stage::Walking(Walk::Opening) = self.stage {
                    self.walk(desk, Place::default());
                }
            }
            None => {
                self.socket = Socket::Closed;
                self.fault = Some(AccountFault::NoRoute(self.config.server.clone()));
                self.wait(desk, None);
            }
        }
    }

    /// Goes on from this place of the list.
    pub(super) fn walk(&mut self, desk: &mut Desk<'_>, from: Place) {
        let mut from = from;
        loop {
            let Some(hops) = &mut self.hops else { return };
            match hops.next(desk.now, from) {
                Next::Finding => {
                    self.stage = Stage::Walking(Walk::Finding { from });
                    return;
                }
                Next::End => {
                    // Where everything was passed over because it failed lately, it is tried all the same.
                    let fault = hops.fault().cloned();
                    if fault.is_none() && from == Place::default() {
                        hops.forgive();
                        continue;
                    }
                    self.fault = fault.or(self.fault.take());
                    let rest = self.rest.take();
                    self.wait(desk, rest);
                    return;
                }
                Next::Stop(stop) => match self.approach(desk, stop.clone()) {
                    Ok(()) => return,
                    Err(fault) => from = self.pass_over(desk, &stop, fault, None),
                },
            }
        }
    }

    fn pass_over(&mut self, desk: &Desk<'_>, stop: &Stop, fault: AccountFault, rest: Option<Duration>) -> Place {
        match &mut self.hops {
            Some(hops) => hops.fail(desk.now, stop, fault, rest),
            None => Place::default(),
        }
    }

    fn approach(&mut self, desk: &mut Desk<'_>, stop: Stop) -> Result<(), AccountFault> {
        let remote = stop.target.address;
        let Socket::Open(port) = self.socket else { return Err(AccountFault::NoRoute(remote.to_string())) };
        let local = desk.routes.local_for(remote.ip()).ok_or_else(|| AccountFault::NoRoute(remote.to_string()))?;
        let local = SocketAddr::new(local, port);
        if stop.target.transport == Transport::Udp {
            let way = Path { transport: Transport::Udp, local, remote, flow: None };
            self.ask(desk, stop, way);
            return Ok(());
        }
        let flow = desk.connect(self.account, local, &stop.target);
        self.stage = Stage::Walking(Walk::Connecting { stop, flow, until: desk.now + CONNECT });
        Ok(())
    }

    pub(super) fn ask(&mut self, desk: &mut Desk<'_>, stop: Stop, way: Path) {
        if let Some(flow) = way.flow {
            desk.endpoint.keep_flow(flow, true);
        }
        let order = binding::register(&self.config, self.account, &stop, way, PATIENCE, desk.instance);
        match (self.binding, self.purpose) {
            (Some(binding), _) if self.knocks => {
                desk.endpoint.knock(desk.now, binding, way, order.contact, order.route);
            }
            (Some(binding), _) => desk.endpoint.reroute(desk.now, binding, way, order.contact, order.route),
            (None, Purpose::Service) => self.binding = Some(desk.endpoint.register(desk.now, order)),
            (None, Purpose::Trial) => self.binding = Some(desk.endpoint.ask_registrar(desk.now, order)),
        }
        self.stage = Stage::Walking(Walk::Asking { stop, way });
    }

    /// Nothing is left to try now.
    pub(super) fn wait(&mut self, desk: &mut Desk<'_>, asked: Option<Duration>) {
        if self.purpose == Purpose::Trial {
            self.end_trial(desk);
            return;
        }
        let lasting = self.is_lasting();
        let obstacle = if lasting { Obstacle::Lasting } else { Obstacle::Passing };
        let soon = self.hurries > 0 && !lasting && asked.is_none();
        // Everything has failed, and this is more than the moment in which a server starts anew.
        if !soon {
            self.lapses_at = None;
        }
        let delay = if soon {
            self.hurries -= 1;
            desk.jittered(HURRY)
        } else {
            self.retry.next(desk.random, desk.since_1970(), obstacle, asked)
        };
        // From try to try, whatever a try took.
        let counts_from_try = asked.is_none() && !lasting && (soon || !self.retry.takes_turns());
        let from = self.tried_at.filter(|_| counts_from_try).unwrap_or(desk.now);
        self.stage = Stage::Waiting { until: (from + delay).max(desk.now + BREATH), soon };
    }

    pub(super) fn end_trial(&mut self, desk: &mut Desk<'_>) {
        self.stop(desk);
        self.stage = Stage::Tried;
    }

    /// A connection of an account stands.
    pub fn handle_connected(&mut self, desk: &mut Desk<'_>, way: Path) {
        let is_of_others = self.recall.handle_connected(desk, &self.config, way)
            || self.scouts.handle_connected(desk, &self.config, way)
            || self.service.handle_connected(desk, self.account, way);
        if is_of_others {
            return;
        }
        if let Stage::Walking(Walk::Connecting { stop, flow, .. }) = &self.stage
            && way.flow == Some(*flow)
        {
            let stop = stop.clone();
            self.ask(desk, stop, way);
        }
    }

    /// A connection is about to be gone: what is asked by it fails for this reason.
    pub fn hear_why(&mut self, gone: FlowId, fault: &FlowFault) {
        if let Some(way) = self.way().filter(|way| way.flow == Some(gone)) {
            self.parting = Some(of_flow(fault, way.remote));
        }
    }

    /// A connection could not be made, or has gone.
    pub fn handle_flow_gone(&mut self, desk: &mut Desk<'_>, gone: FlowId, fault: &FlowFault) {
        self.lapsed.take_if(|way| way.flow == Some(gone));
        self.recall.handle_flow_gone(desk, gone);
        self.scouts.handle_flow_gone(gone);
        self.service.handle_flow_gone(desk, self.account, gone);
        match &self.stage {
            Stage::Walking(Walk::Connecting { stop, flow, .. }) if *flow == gone => {
                let stop = stop.clone();
                self.leave_stop(desk, &stop, of_flow(fault, stop.target.address), None);
            }
            Stage::Walking(Walk::Asking { stop, way }) if way.flow == Some(gone) => {
                let stop = stop.clone();
                self.leave_stop(desk, &stop, of_flow(fault, stop.target.address), None);
            }
            Stage::Registered(registered) if registered.way.flow == Some(gone) => {
                let stop = registered.stop.clone();
                self.lose(desk, &stop, of_flow(fault, stop.target.address));
            }
            _ => {}
        }
    }

    /// The connection of what is in force has gone. The server may be back already: at once, from the top. One that cuts each
    /// connection soon serves nobody.
    pub(super) fn lose(&mut self, desk: &mut Desk<'_>, stop: &Stop, fault: AccountFault) {
        let has_stood = matches!(&self.stage, Stage::Registered(registered) if desk.now >= registered.since + STEADY);
        self.cuts = if has_stood { 0 } else { self.cuts.saturating_add(1) };
        if self.cuts > CUTS {
            return self.leave_stop(desk, stop, fault, None);
        }
        self.fault = Some(fault);
        self.hurry();
        self.begin(desk);
    }

    /// The walk goes on behind this stop.
    pub(super) fn leave_stop(&mut self, desk: &mut Desk<'_>, stop: &Stop, fault: AccountFault, rest: Option<Duration>) {
        if let (true, Some(hops)) = (self.is_in_force(), &mut self.hops) {
            hops.begin();
        }
        self.rest = self.rest.max(rest);
        self.lapse(desk.now);
        self.leave_flow(desk);
        self.service.end(desk);
        self.scouts.hear_of_failure(desk.now, &stop.target, is_there(&fault), rest);
        if self.may_scout(desk.now) {
            self.scouts.begin(desk.now);
        }
        let from = self.pass_over(desk, stop, fault, rest);
        self.walk(desk, from);
    }

    /// Whether all places are asked side by side while none works: there are several, and their panels are few.
    fn may_scout(&self, now: Instant) -> bool {
        let has_several = || self.hops.as_ref().is_some_and(|hops| hops.known(now).nth(1).is_some());
        self.purpose == Purpose::Service && self.config.retry_interval_s <= FEW_PANELS && has_several()
    }

    /// Sends scouts to all places, also to the one that is being tried, when it is time.
    pub(super) fn tend_scouts(&mut self, desk: &mut Desk<'_>) {
        if !self.scouts.is_due(desk.now) {
            return self.follow_scouts(desk);
        }
        if !self.may_scout(desk.now) {
            return self.scouts.end(desk);
        }
        let stops = self.hops.iter().flat_map(|hops| hops.known(desk.now)).collect();
        let port = self.port();
        self.scouts.send_out(desk, self.account, &self.config, stops, port);
    }

    /// Turns to the place that a scout has found and that promises most, unless the one that is asked promises as much.
    pub(super) fn follow_scouts(&mut self, desk: &mut Desk<'_>) {
        let asked = match &self.stage {
            Stage::Walking(Walk::Asking { stop, .. }) => Some(&stop.target),
            _ => None,
        };
        if let Some((stop, way)) = self.scouts.next(desk, asked) {
            self.turn_to(desk, stop, way);
        }
    }

    /// Somebody is there: asked at once, wherever the walk is.
    pub(super) fn turn_to(&mut self, desk: &mut Desk<'_>, stop: Stop, way: Path) {
        match &self.stage {
            Stage::Walking(Walk::Connecting { flow, .. }) => desk.close(*flow),
            // It was asked already, and is asked again until it answers.
            Stage::Walking(Walk::Asking { stop: asked, .. }) if asked.target == stop.target && !self.knocks => {
                return way.flow.into_iter().for_each(|flow| desk.close(flow));
            }
            _ => {}
        }
        self.leave_flow(desk);
        self.knocks = false;
        self.ask(desk, stop, way);
    }

    /// What was in force is so no longer.
    pub(super) fn lapse(&mut self, now: Instant) {
        if self.is_in_force() {
            self.lapses_at = Some(now + LAPSE);
            self.lapsed = self.way();
        }
    }

    /// The next tries come soon, unless the server has many panels.
    pub(super) fn hurry(&mut self) {
        if self.config.retry_interval_s <= FEW_PANELS {
            self.hurries = HURRIES;
        }
    }

    /// The connection in use is pinged no longer.
    pub(super) fn leave_flow(&self, desk: &mut Desk<'_>) {
        if let Some(flow) = self.way().and_then(|way| way.flow) {
            desk.endpoint.keep_flow(flow, false);
        }
    }
}

/// Whether somebody is there who does not serve.
fn is_there(fault: &AccountFault) -> bool {
    use AccountFault as F;
    !matches!(fault, F::NoAnswer(_) | F::NobodyListens(_) | F::ConnectionLost(_) | F::NoRoute(_))
}

/// Why a connection is not there, of an account.
fn of_flow(fault: &FlowFault, remote: SocketAddr) -> AccountFault {
    match fault {
        FlowFault::Refused => AccountFault::NobodyListens(remote),
        FlowFault::TimedOut => AccountFault::NoAnswer(remote),
        FlowFault::NoRoute => AccountFault::NoRoute(remote.to_string()),
        FlowFault::Tls(fault) => AccountFault::Tls(fault.clone()),
        FlowFault::Ended(_) => AccountFault::ConnectionLost(remote),
    }
}
