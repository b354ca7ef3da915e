//! One account towards its server: found, connected, registered, kept, and tried again.
//!
//! ```text
//!  Off ─▶ Walking: finding ─▶ connecting (TCP, TLS) ─▶ asking ─▶ Registered ─▶ …
//!            ▲  │ next stop: 503, time-out, transport error         │ connection lost, way fails
//!            │  ▼ no stop left, or refused                          ▼
//!            └─ Waiting (until, fault) ◀──────────────────── Walking again, at once
//! ```
//! A call goes by the way in use as soon as there is one; it need not wait for the registrar's answer, unless nobody has
//! answered there the last time.

mod kept;
mod view;
mod walk;

use std::time::{Duration, Instant};

use super::binding;
use super::desk::Desk;
use super::hops::{Hops, Place, Stop};
use super::recall::Recall;
use super::scouts::Scouts;
use super::service::Service;
use crate::channel::{AccountFault, TlsFault};
use crate::config::{Account, AccountConfig};
use crate::sip::locate::Question;
use crate::sip::{FlowId, Path, RegistrationEvent, RegistrationHandle, Retry, Transport, Turn};

/// How long a stop may be silent before the next one is tried: who waits in the hall waits 5 s in all.
pub const PATIENCE: Duration = Duration::from_secs(4);
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
    /// Nothing worked; tried again then, perhaps as soon as it may only have been a moment.
    Waiting { until: Instant, soon: bool },
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
    since: Instant,
    expires_at: Instant,
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
    scouts: Scouts,
    service: Service,
    retry: Retry,
    fault: Option<AccountFault>,
    /// Why the connection in use has gone, before SIP learns that it has.
    parting: Option<AccountFault>,
    /// It was in force until a moment ago, and not everything has failed since: until then, calls wait for another way.
    lapses_at: Option<Instant>,
    /// The last way that was in force, until another one is: whoever it was bound by may still send calls along it.
    lapsed: Option<Path>,
    /// How long a server that is busy has asked to be left alone.
    rest: Option<Duration>,
    /// How many more tries come soon: a connection was lost, and its server may only be starting anew.
    hurries: u8,
    /// How many connections in a row were cut soon after the account was registered by them.
    cuts: u8,
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
            scouts: Scouts::default(),
            service: Service::default(),
            retry: Retry::new(Duration::ZERO),
            fault: None,
            parting: None,
            lapses_at: None,
            lapsed: None,
            rest: None,
            hurries: 0,
            cuts: 0,
            tried_at: None,
            knocks: false,
        }
    }

    /// Puts these settings in force: what stands by others is taken back first.
    pub fn start(&mut self, desk: &mut Desk<'_>, config: &AccountConfig) {
        self.stop(desk);
        self.config = config.clone();
        desk.endpoint.set_credentials(binding::key(self.account), binding::credentials(config));
        desk.endpoint.set_session_timer(binding::key(self.account), binding::session_timer(config));
        self.retry = retry(config);
        self.fault = None;
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
        self.survey(desk.now);
        self.begin(desk);
    }

    /// Where calls are let in from alone, all places that they may come from are known.
    fn survey(&mut self, now: Instant) {
        if let (true, Some(hops)) = (self.config.prevent_sip_hacking, &mut self.hops) {
            hops.survey(now);
        }
    }

    /// Settings that change nothing on the wire.
    pub fn relabel(&mut self, desk: &mut Desk<'_>, config: &AccountConfig) {
        self.retry = retry(config);
        self.config = config.clone();
        self.survey(desk.now);
        desk.endpoint.set_session_timer(binding::key(self.account), binding::session_timer(config));
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
        self.scouts.end(desk);
        self.service.end(desk);
        self.hops = None;
        (self.lapses_at, self.lapsed) = (None, None);
        self.stage = Stage::Off;
        if let Socket::Open(port) = self.socket {
            desk.leave_port(port);
        }
        self.socket = Socket::Closed;
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
                self.registered(desk, stop, way, *expires, service_route);
            }
            RegistrationEvent::Present | RegistrationEvent::Missing if self.purpose == Purpose::Trial => {
                self.fault = None;
                self.end_trial(desk);
            }
            RegistrationEvent::Present => {}
            // The server was started anew and has forgotten us.
            RegistrationEvent::Missing => desk.endpoint.refresh_now(desk.now, handle),
            RegistrationEvent::Refused { status, phrase, retry_after, tried_password, stale, realm, .. } => {
                let realm = self.foreign(realm.as_deref());
                let fault = binding::refused(*status, phrase, *tried_password, *stale, realm);
                if *status == 503 {
                    self.leave_stop(desk, &stop, fault, *retry_after);
                } else {
                    self.give_way(desk, fault, *retry_after);
                }
            }
            RegistrationEvent::Moved { status, contacts } => {
                self.give_way(desk, binding::moved(*status, contacts), None);
            }
            RegistrationEvent::Unlisted => self.give_way(desk, AccountFault::NotListed, None),
            RegistrationEvent::TimedOut => self.leave_stop(desk, &stop, AccountFault::NoAnswer(remote), None),
            RegistrationEvent::TransportError if self.is_in_force() && way.flow.is_some() => {
                let fault = self.parting.take().unwrap_or(AccountFault::ConnectionLost(remote));
                self.lose(desk, &stop, fault);
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

    /// The server is there, and says no: no other one is looked for.
    fn give_way(&mut self, desk: &mut Desk<'_>, fault: AccountFault, asked: Option<Duration>) {
        self.fault = Some(fault);
        self.scouts.end(desk);
        self.wait(desk, asked);
    }

    /// A trial of this account has worked: what waits with the same settings need not wait. Gives what is wrong all the same:
    /// a trial asks and binds nothing, so only the account itself learns that its binding is taken and not listed.
    pub fn hear_of_trial(&mut self, desk: &mut Desk<'_>, tried: &AccountConfig) -> Option<AccountFault> {
        if !matches!(self.stage, Stage::Waiting { .. }) || self.config != *tried {
            return None;
        }
        let unseen = self.fault.clone().filter(|fault| *fault == AccountFault::NotListed);
        self.try_anew(desk);
        unseen
    }

    /// A file of certificates of this account holds something else now: whether that mends it is found out at once.
    pub fn hear_of_certificate(&mut self, desk: &mut Desk<'_>) {
        if matches!(self.stage, Stage::Waiting { .. }) && matches!(self.fault, Some(AccountFault::Tls(_))) {
            self.try_anew(desk);
        }
    }

    /// Somebody has put something right: what waits is tried now, as if nothing had failed.
    fn try_anew(&mut self, desk: &mut Desk<'_>) {
        if let Some(hops) = &mut self.hops {
            hops.forgive();
        }
        self.retry.reset();
        self.knocks = false;
        self.begin(desk);
    }

    /// Whether what is wrong stays so until a person repairs it. A certificate that was refused at one place says nothing of
    /// another one behind it.
    fn is_lasting(&self) -> bool {
        let is_only_place = || self.hops.as_ref().is_none_or(|hops| !hops.has_more(Place::default()));
        let lasts = |fault: &AccountFault| is_for_a_person(fault) || is_of_certificate(fault) && is_only_place();
        self.fault.as_ref().is_some_and(lasts)
    }

    /// What this trial could not see is wrong.
    pub fn doubt(&mut self, fault: AccountFault) {
        self.fault = Some(fault);
    }

    /// A realm that is not named after the server.
    fn foreign(&self, realm: Option<&str>) -> Option<String> {
        realm.filter(|realm| !realm.eq_ignore_ascii_case(&self.config.server)).map(str::to_owned)
    }

    /// A request of a call found this way dead; the walk goes on behind it.
    pub fn way_failed(&mut self, desk: &mut Desk<'_>, way: Path, fault: AccountFault) {
        // What the registrar has named is not there: that says nothing of the registrar.
        if self.service.own_way() == Some(way) {
            return self.service.fail(desk, self.account);
        }
        let stop = match &self.stage {
            Stage::Walking(Walk::Asking { stop, way: in_use }) if *in_use == way => Some(stop.clone()),
            Stage::Registered(registered) if registered.way == way => Some(registered.stop.clone()),
            _ => None,
        };
        if let Some(stop) = stop {
            self.recall = Recall::default();
            self.leave_stop(desk, &stop, fault, None);
        }
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
        self.service.handle_answer(desk, self.account, answer);
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
        self.lapses_at.take_if(|at| *at <= now);
        self.survey(now);
        match &mut self.stage {
            Stage::Waiting { until, .. } if *until <= now => {
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
        self.tend_scouts(desk);
        self.service.handle_timeout(desk, self.account);
    }

    /// When `handle_timeout` is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let next = match &self.stage {
            Stage::Waiting { until, .. } | Stage::Walking(Walk::Connecting { until, .. }) => Some(*until),
            Stage::Registered(registered) => {
                let names = self.hops.as_ref().and_then(|hops| hops.refresh_at(&registered.stop));
                let recall = (registered.stop.place != Place::default()).then(|| self.recall.poll_timeout()).flatten();
                [registered.check_at, names, recall].into_iter().flatten().min()
            }
            Stage::Off | Stage::Tried | Stage::Walking(_) => None,
        };
        let survey = self.hops.as_ref().filter(|_| self.config.prevent_sip_hacking).and_then(Hops::survey_at);
        let others = [self.lapses_at, survey, self.scouts.poll_timeout(), self.service.poll_timeout()];
        next.into_iter().chain(others.into_iter().flatten()).min()
    }

    /// The next thing to ask a name server.
    pub fn poll_question(&mut self) -> Option<Question> {
        self.hops.as_mut()?.poll_question().or_else(|| self.service.poll_question())
    }
}

fn retry(config: &AccountConfig) -> Retry {
    let window = Duration::from_secs(config.retry_interval_s.into());
    if config.retry_interval_s <= walk::FEW_PANELS {
        Retry::new(window)
    } else {
        Retry::by_turns(window, Turn::of(&config.register_name))
    }
}

/// What a person must repair: trying again soon helps nobody.
fn is_for_a_person(fault: &AccountFault) -> bool {
    matches!(
        fault,
        AccountFault::WrongPassword { .. }
            | AccountFault::UnknownChallenge(_)
            | AccountFault::UnknownName
            | AccountFault::Forbidden
            | AccountFault::PeriodRefused
            | AccountFault::NotListed
            | AccountFault::Moved { .. }
            | AccountFault::Rejected { .. }
    )
}

/// A certificate that was refused, here or there: a person must repair that as well. A clock that is wrong is set by itself,
/// and a file of ours is read without troubling anybody.
fn is_of_certificate(fault: &AccountFault) -> bool {
    use TlsFault as T;
    let AccountFault::Tls(fault) = fault else { return false };
    let is_refused =
        matches!(fault, T::UnknownAuthority | T::SelfSigned | T::WrongName { .. } | T::Expired | T::Fingerprint);
    is_refused || *fault == T::ClientCertificate
}
