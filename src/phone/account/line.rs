//! One account towards its server: found, connected, registered, kept, and tried again.
//!
//! ```text
//!  Off ─▶ Walking: finding ─▶ connecting (TCP, TLS) ─▶ asking ─▶ Registered ─▶ …
//!            ▲  │ next stop: 503, time-out, transport error         │ connection lost, way fails
//!            │  ▼ no stop left, or refused                          ▼
//!            └─ Waiting (until, fault) ◀──────────────────── Walking again, at once
//! ```
//! A call goes by the way in use as soon as there is one; it need not wait for the registrar's answer.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::binding;
use super::desk::Desk;
use super::hops::{Hops, Next, Place, Stop};
use super::recall::Recall;
use crate::channel::{AccountFault, AccountTestView, ProxyInUse, RegistrationState, RegistrationView, TestStep};
use crate::config::{Account, AccountConfig};
use crate::phone::FlowFault;
use crate::sip::locate::Question;
use crate::sip::{FlowId, Obstacle, Path, ProbeHandle, RegistrationEvent, RegistrationHandle, Retry, Transport};

/// How long a stop may be silent before the next one is tried: who waits in the hall waits 5 s in all.
pub const PATIENCE: Duration = Duration::from_secs(4);
/// After a connection was lost, so many tries come so soon; a server for which a longer Retry Interval is set has too many
/// panels for that.
const HURRY: Duration = Duration::from_millis(500);
const HURRIES: u8 = 4;
const FEW_PANELS: u32 = 10;
/// Between two tries at least.
const BREATH: Duration = Duration::from_millis(250);
/// How long a connection may take that the next stop waits for.
const CONNECT: Duration = Duration::from_secs(4);

/// What a line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be registered.
    Service,
    /// To find out once whether it would work; nothing is registered.
    Trial,
}

/// The account's own socket.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Socket {
    Closed,
    Asked,
    Open(u16),
}

/// Where an account stands.
#[derive(Debug)]
enum Stage {
    /// Switched off, or left.
    Off,
    /// On the way to being registered.
    Walking(Walk),
    /// In force along this way.
    Registered(Registered),
    /// Nothing worked; tried again then.
    Waiting { until: Instant },
    /// A trial is over.
    Tried,
}

#[derive(Debug)]
enum Walk {
    /// Waits for the socket.
    Opening,
    /// Names are being looked up.
    Finding { from: Place },
    /// The connection is being made.
    Connecting { stop: Stop, flow: FlowId, until: Instant },
    /// The registrar was asked.
    Asking { stop: Stop, way: Path },
}

#[derive(Debug)]
struct Registered {
    stop: Stop,
    way: Path,
    expires_at: Instant,
    service_route: Vec<String>,
    check_at: Option<Instant>,
}

/// One account.
#[derive(Debug)]
pub struct Line {
    account: Account,
    purpose: Purpose,
    config: AccountConfig,
    socket: Socket,
    stage: Stage,
    hops: Option<Hops>,
    binding: Option<RegistrationHandle>,
    recall: Recall,
    retry: Retry,
    fault: Option<AccountFault>,
    /// Why the connection in use has gone, before SIP learns that it has.
    parting: Option<AccountFault>,
    /// It was registered, and has not failed since.
    served: bool,
    /// How long a server that is busy has asked to be left alone.
    rest: Option<Duration>,
    /// How many more tries come soon: a connection was lost, and its server may only be starting anew.
    hurries: u8,
    /// When this walk began.
    tried_at: Option<Instant>,
    /// Nobody answered the last time: each stop is asked once, without repetitions.
    knocks: bool,
}

impl Line {
    /// An account that is off.
    pub fn new(account: Account, purpose: Purpose) -> Self {
        Self {
            account,
            purpose,
            config: AccountConfig::default(),
            socket: Socket::Closed,
            stage: Stage::Off,
            hops: None,
            binding: None,
            recall: Recall::default(),
            retry: Retry::new(Duration::ZERO),
            fault: None,
            parting: None,
            served: false,
            rest: None,
            hurries: 0,
            tried_at: None,
            knocks: false,
        }
    }

    /// Puts these settings in force: what stands by others is taken back first.
    pub fn start(&mut self, desk: &mut Desk<'_>, config: &AccountConfig) {
        self.stop(desk);
        self.config = config.clone();
        desk.endpoint.set_credentials(binding::key(self.account), binding::credentials(config));
        self.retry = retry(config);
        self.fault = None;
        self.served = false;
        self.knocks = false;
        if !config.active && self.purpose == Purpose::Service {
            return;
        }
        let hops = binding::missing(config).map_or_else(|| Hops::new(config), Err);
        match hops {
            Ok(hops) => self.hops = Some(hops),
            Err(fault) => {
                self.fault = Some(fault);
                self.stage = if self.purpose == Purpose::Trial { Stage::Tried } else { Stage::Off };
                return;
            }
        }
        self.begin(desk);
    }

    /// Settings that change nothing on the wire.
    pub fn relabel(&mut self, desk: &mut Desk<'_>, config: &AccountConfig) {
        self.retry = retry(config);
        self.config = config.clone();
        if let Stage::Registered(registered) = &self.stage {
            let check_at = self.next_check(desk, registered.way);
            if let Stage::Registered(registered) = &mut self.stage {
                registered.check_at = check_at;
            }
        }
    }

    /// Takes the registration back and leaves.
    pub fn stop(&mut self, desk: &mut Desk<'_>) {
        match (self.binding.take(), self.purpose) {
            (Some(binding), Purpose::Service) => desk.endpoint.unregister(desk.now, binding),
            (Some(binding), Purpose::Trial) => desk.endpoint.forget(desk.now, binding),
            (None, _) => {}
        }
        self.leave_flow(desk);
        self.recall = Recall::default();
        self.hops = None;
        self.stage = Stage::Off;
        if let Socket::Open(port) = self.socket {
            desk.leave_port(port);
        }
        self.socket = Socket::Closed;
    }

    /// Whose it is.
    pub fn account(&self) -> Account {
        self.account
    }

    /// Whether it is only tried.
    pub fn is_trial(&self) -> bool {
        self.purpose == Purpose::Trial
    }

    /// Begins at the top of the list.
    fn begin(&mut self, desk: &mut Desk<'_>) {
        self.rest = None;
        self.parting = None;
        self.tried_at = Some(desk.now);
        self.leave_flow(desk);
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
    fn walk(&mut self, desk: &mut Desk<'_>, from: Place) {
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

    fn ask(&mut self, desk: &mut Desk<'_>, stop: Stop, way: Path) {
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
    fn wait(&mut self, desk: &mut Desk<'_>, asked: Option<Duration>) {
        if self.purpose == Purpose::Trial {
            self.end_trial(desk);
            return;
        }
        self.served = false;
        let lasting = self.fault.as_ref().is_some_and(is_for_a_person);
        let obstacle = if lasting { Obstacle::Lasting } else { Obstacle::Passing };
        let delay = if self.hurries > 0 && !lasting && asked.is_none() {
            self.hurries -= 1;
            desk.jittered(HURRY)
        } else {
            self.retry.next(desk.random, obstacle, asked)
        };
        // From try to try, whatever a try took.
        let from = self.tried_at.filter(|_| asked.is_none() && !lasting).unwrap_or(desk.now);
        self.stage = Stage::Waiting { until: (from + delay).max(desk.now + BREATH) };
    }

    fn end_trial(&mut self, desk: &mut Desk<'_>) {
        self.stop(desk);
        self.stage = Stage::Tried;
    }

    /// A connection of an account stands.
    pub fn handle_connected(&mut self, desk: &mut Desk<'_>, way: Path) {
        if self.recall.handle_connected(desk, &self.config, way) {
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
        self.recall.handle_flow_gone(desk, gone);
        match &self.stage {
            Stage::Walking(Walk::Connecting { stop, flow, .. }) if *flow == gone => {
                let stop = stop.clone();
                self.leave_stop(desk, &stop, of_flow(fault, stop.target.address), None);
            }
            Stage::Walking(Walk::Asking { stop, way }) if way.flow == Some(gone) => {
                let stop = stop.clone();
                self.leave_stop(desk, &stop, of_flow(fault, stop.target.address), None);
            }
            // The server may be back already: at once, from the top.
            Stage::Registered(registered) if registered.way.flow == Some(gone) => {
                self.fault = Some(of_flow(fault, registered.stop.target.address));
                self.hurry();
                self.begin(desk);
            }
            _ => {}
        }
    }

    /// The walk goes on behind this stop.
    fn leave_stop(&mut self, desk: &mut Desk<'_>, stop: &Stop, fault: AccountFault, rest: Option<Duration>) {
        if let (true, Some(hops)) = (self.is_in_force(), &mut self.hops) {
            hops.begin();
        }
        self.rest = self.rest.max(rest);
        self.leave_flow(desk);
        let from = self.pass_over(desk, stop, fault, rest);
        self.walk(desk, from);
    }

    /// The next tries come soon, unless the server has many panels.
    fn hurry(&mut self) {
        if self.config.retry_interval_s <= FEW_PANELS {
            self.hurries = HURRIES;
        }
    }

    /// The connection in use is pinged no longer.
    fn leave_flow(&self, desk: &mut Desk<'_>) {
        if let Some(flow) = self.way().and_then(|way| way.flow) {
            desk.endpoint.keep_flow(flow, false);
        }
    }

    fn is_in_force(&self) -> bool {
        matches!(self.stage, Stage::Registered(_))
    }

    /// What came of a REGISTER; true when the event is this line's.
    pub fn handle_registration(
        &mut self,
        desk: &mut Desk<'_>,
        handle: RegistrationHandle,
        event: &RegistrationEvent,
    ) -> bool {
        if self.binding != Some(handle) {
            return false;
        }
        let (stop, way) = match &self.stage {
            Stage::Walking(Walk::Asking { stop, way }) => (stop.clone(), *way),
            Stage::Registered(registered) => (registered.stop.clone(), registered.way),
            _ => return true,
        };
        let remote = stop.target.address;
        match event {
            RegistrationEvent::Registered { expires, service_route, .. } => {
                self.registered(desk, stop, way, *expires, service_route.clone());
            }
            RegistrationEvent::Present | RegistrationEvent::Missing if self.purpose == Purpose::Trial => {
                self.fault = None;
                self.end_trial(desk);
            }
            RegistrationEvent::Present => {}
            // The server was started anew and has forgotten us.
            RegistrationEvent::Missing => desk.endpoint.refresh_now(desk.now, handle),
            RegistrationEvent::Refused { status, phrase, retry_after, tried_password, .. } => {
                let fault = binding::refused(*status, phrase, *tried_password);
                if *status == 503 {
                    self.leave_stop(desk, &stop, fault, *retry_after);
                } else {
                    self.fault = Some(fault);
                    self.wait(desk, *retry_after);
                }
            }
            RegistrationEvent::Moved { status, .. } => {
                self.fault = Some(AccountFault::Moved(*status));
                self.wait(desk, None);
            }
            RegistrationEvent::TimedOut => self.leave_stop(desk, &stop, AccountFault::NoAnswer(remote), None),
            // The server may be back already: at once, from the top.
            RegistrationEvent::TransportError if self.is_in_force() && way.flow.is_some() => {
                self.fault = Some(self.parting.take().unwrap_or(AccountFault::ConnectionLost(remote)));
                self.hurry();
                self.begin(desk);
            }
            RegistrationEvent::TransportError => {
                let fault = match self.parting.take() {
                    Some(fault) => fault,
                    None if way.transport == Transport::Udp => AccountFault::NobodyListens(remote),
                    None => AccountFault::ConnectionLost(remote),
                };
                self.leave_stop(desk, &stop, fault, None);
            }
            RegistrationEvent::Unregistered => {}
        }
        true
    }

    fn registered(
        &mut self,
        desk: &mut Desk<'_>,
        stop: Stop,
        way: Path,
        expires: Duration,
        service_route: Vec<String>,
    ) {
        self.retry.reset();
        self.fault = None;
        self.served = true;
        self.knocks = false;
        if let Some(hops) = &mut self.hops {
            hops.clear(&stop);
        }
        let check_at = self.next_check(desk, way);
        let expires_at = desk.now + expires;
        self.stage = Stage::Registered(Registered { stop, way, expires_at, service_route, check_at });
        self.tend_registered(desk);
    }

    /// By UDP nothing else tells that the server has forgotten us.
    fn next_check(&self, desk: &mut Desk<'_>, way: Path) -> Option<Instant> {
        let interval = self.config.check_interval_s;
        (way.transport == Transport::Udp && interval > 0)
            .then(|| desk.now + desk.jittered(Duration::from_secs(interval.into())))
    }

    /// A request of a call found this way dead; the walk goes on behind it. Gives whether another way may come.
    pub fn way_failed(&mut self, desk: &mut Desk<'_>, way: Path, fault: AccountFault, rest: Option<Duration>) -> bool {
        let stop = match &self.stage {
            Stage::Walking(Walk::Asking { stop, way: in_use }) if *in_use == way => Some(stop.clone()),
            Stage::Registered(registered) if registered.way == way => Some(registered.stop.clone()),
            _ => None,
        };
        if let Some(stop) = stop {
            self.recall = Recall::default();
            self.leave_stop(desk, &stop, fault, rest);
        }
        self.is_walking()
    }

    /// The addresses of this machine, or its routes, have changed.
    pub fn handle_network(&mut self, desk: &mut Desk<'_>) {
        let moved = match &self.stage {
            Stage::Registered(Registered { way, .. }) | Stage::Walking(Walk::Asking { way, .. }) => {
                desk.routes.local_for(way.remote.ip()) != Some(way.local.ip())
            }
            Stage::Waiting { .. } => self.fault.as_ref().is_none_or(|fault| !is_for_a_person(fault)),
            _ => false,
        };
        if moved {
            if let Some(hops) = &mut self.hops {
                hops.forgive();
            }
            self.retry.reset();
            self.begin(desk);
        }
    }

    /// What a name server says.
    pub fn handle_answer(&mut self, desk: &mut Desk<'_>, answer: &super::desk::Answered<'_>) {
        let Some(hops) = &mut self.hops else { return };
        hops.handle_answer(desk.now, answer.question, answer.result, desk.random);
        match &self.stage {
            Stage::Walking(Walk::Finding { from }) => {
                let from = *from;
                self.walk(desk, from);
            }
            // The name leads elsewhere now.
            Stage::Registered(registered) if !hops.lists(&registered.stop) => self.begin(desk),
            _ => {}
        }
    }

    /// Fires what is due.
    pub fn handle_timeout(&mut self, desk: &mut Desk<'_>) {
        let now = desk.now;
        match &mut self.stage {
            Stage::Waiting { until } if *until <= now => {
                self.knocks = true;
                self.begin(desk);
            }
            Stage::Walking(Walk::Connecting { stop, flow, until }) if *until <= now => {
                let (stop, flow) = (stop.clone(), *flow);
                desk.close(flow);
                let fault = AccountFault::NoAnswer(stop.target.address);
                self.leave_stop(desk, &stop, fault, None);
            }
            Stage::Registered(registered) => {
                if registered.check_at.is_some_and(|at| at <= now) {
                    let way = registered.way;
                    let next = self.next_check(desk, way);
                    if let Stage::Registered(registered) = &mut self.stage {
                        registered.check_at = next;
                    }
                    if let Some(binding) = self.binding {
                        desk.endpoint.query(now, binding);
                    }
                }
                self.tend_registered(desk);
            }
            _ => {}
        }
    }

    /// Names are looked up again in their time, and a better stop than the one in use is watched.
    fn tend_registered(&mut self, desk: &mut Desk<'_>) {
        let (Stage::Registered(registered), Some(hops)) = (&self.stage, &mut self.hops) else { return };
        hops.refresh(desk.now, &registered.stop);
        if !hops.lists(&registered.stop) {
            return self.begin(desk);
        }
        if registered.stop.place == Place::default() {
            return;
        }
        let Socket::Open(port) = self.socket else { return };
        let preferred = hops.preferred(desk.now);
        if let Some((stop, way)) = self.recall.tend(desk, self.account, &self.config, preferred, port) {
            // It has answered for long enough: back to it.
            hops.clear(&stop);
            self.ask(desk, stop, way);
        }
    }

    /// What came of a probe; true when it is this line's.
    pub fn handle_probe(&mut self, desk: &mut Desk<'_>, probe: ProbeHandle, alive: bool) -> bool {
        let known = self.recall.handle_probe(desk, probe, alive);
        if known {
            self.tend_registered(desk);
        }
        known
    }

    /// When `handle_timeout` is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Waiting { until } | Stage::Walking(Walk::Connecting { until, .. }) => Some(*until),
            Stage::Registered(registered) => {
                let names = self.hops.as_ref().and_then(|hops| hops.refresh_at(&registered.stop));
                let recall = (registered.stop.place != Place::default()).then(|| self.recall.poll_timeout()).flatten();
                [registered.check_at, names, recall].into_iter().flatten().min()
            }
            Stage::Off | Stage::Tried | Stage::Walking(_) => None,
        }
    }

    /// The next thing to ask a name server.
    pub fn poll_question(&mut self) -> Option<Question> {
        self.hops.as_mut()?.poll_question()
    }

    /// The way by which requests go now.
    pub fn way(&self) -> Option<Path> {
        match &self.stage {
            Stage::Registered(Registered { way, .. }) | Stage::Walking(Walk::Asking { way, .. }) => Some(*way),
            _ => None,
        }
    }

    /// The Route header lines that a call begins with.
    pub fn routes(&self) -> Vec<String> {
        match &self.stage {
            Stage::Registered(Registered { service_route, .. }) if !service_route.is_empty() => service_route.clone(),
            Stage::Registered(Registered { stop, .. }) | Stage::Walking(Walk::Asking { stop, .. }) => {
                binding::route(stop).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    /// True while a way is being looked for.
    pub fn is_walking(&self) -> bool {
        matches!(self.stage, Stage::Walking(_))
    }

    /// True when calls may be made: it is registered, or was until a moment ago and another way is being taken.
    pub fn is_registered(&self) -> bool {
        matches!(self.stage, Stage::Registered(_)) || (self.served && self.is_walking())
    }

    /// Whether there is another place to try behind the one in use.
    pub fn has_more(&self) -> bool {
        let stop = match &self.stage {
            Stage::Registered(Registered { stop, .. }) | Stage::Walking(Walk::Asking { stop, .. }) => stop,
            _ => return false,
        };
        self.hops.as_ref().is_some_and(|hops| hops.has_more(stop.place))
    }

    /// Whether a message that came along this path is this account's.
    pub fn owns(&self, path: Path) -> bool {
        let by_flow = path.flow.is_some() && self.way().is_some_and(|way| way.flow == path.flow);
        by_flow || self.socket == Socket::Open(path.local.port())
    }

    /// The account's own port.
    pub fn port(&self) -> Option<u16> {
        match self.socket {
            Socket::Open(port) => Some(port),
            Socket::Closed | Socket::Asked => None,
        }
    }

    /// The settings in force.
    pub fn config(&self) -> &AccountConfig {
        &self.config
    }

    /// As the screen sees it.
    pub fn view(&self) -> RegistrationView {
        let (state, stop) = match &self.stage {
            Stage::Off if self.fault.is_some() => (RegistrationState::Failed, None),
            Stage::Off | Stage::Tried => (RegistrationState::Disabled, None),
            Stage::Walking(Walk::Asking { stop, .. } | Walk::Connecting { stop, .. }) => {
                (RegistrationState::Registering, Some(stop))
            }
            Stage::Walking(_) => (RegistrationState::Registering, None),
            Stage::Registered(registered) => (RegistrationState::Registered, Some(&registered.stop)),
            Stage::Waiting { .. } => (RegistrationState::Failed, None),
        };
        RegistrationView {
            account: self.account.number(),
            label: self.config.label().unwrap_or_default().to_owned(),
            state,
            fault: self.fault.clone(),
            expires_at: match &self.stage {
                Stage::Registered(registered) => Some(registered.expires_at),
                _ => None,
            },
            next_try_at: match &self.stage {
                Stage::Waiting { until } => Some(*until),
                _ => None,
            },
            server: binding::registrar_words(&self.config),
            via: stop.map(|stop| format!("{}:{}", stop.target.transport.name(), stop.target.address)),
            proxy: stop.map_or(ProxyInUse::None, |stop| stop.proxy),
            certificate_expires: None,
        }
    }

    /// How a trial goes.
    pub fn trial(&self) -> AccountTestView {
        let (step, over) = match &self.stage {
            Stage::Walking(Walk::Opening | Walk::Finding { .. }) | Stage::Off => (TestStep::Finding, false),
            Stage::Walking(Walk::Connecting { .. }) => (TestStep::Connecting, false),
            Stage::Walking(Walk::Asking { .. }) => (TestStep::Asking, false),
            Stage::Registered(_) | Stage::Waiting { .. } | Stage::Tried => (TestStep::Asking, true),
        };
        let outcome = over.then(|| self.fault.clone().map_or(Ok(()), Err));
        AccountTestView { account: self.account.number(), step, outcome }
    }
}

fn retry(config: &AccountConfig) -> Retry {
    Retry::new(Duration::from_secs(config.retry_interval_s.into()))
}

/// What a person must repair: trying again soon helps nobody.
fn is_for_a_person(fault: &AccountFault) -> bool {
    matches!(
        fault,
        AccountFault::WrongPassword(_)
            | AccountFault::UnknownChallenge(_)
            | AccountFault::UnknownName
            | AccountFault::Forbidden
            | AccountFault::PeriodRefused
            | AccountFault::Moved(_)
            | AccountFault::Rejected { .. }
    )
}

fn of_flow(fault: &FlowFault, remote: SocketAddr) -> AccountFault {
    match fault {
        FlowFault::Refused => AccountFault::NobodyListens(remote),
        FlowFault::TimedOut => AccountFault::NoAnswer(remote),
        FlowFault::NoRoute => AccountFault::NoRoute(remote.to_string()),
        FlowFault::Tls(fault) => AccountFault::Tls(fault.clone()),
        FlowFault::Ended(_) => AccountFault::ConnectionLost(remote),
    }
}
