//! What others see of a line.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::{Line, Purpose, Registered, Socket, Stage, Walk};
use crate::channel::{AccountTestView, ProxyInUse, RegistrationState, RegistrationView, TestStep};
use crate::config::{Account, AccountConfig, AccountTransport};
use crate::phone::account::binding;
use crate::phone::account::hops::Hops;
use crate::phone::account::service::Start;
use crate::sip::{FlowId, Path, Transport};

impl Line {
    /// Whose it is.
    pub fn account(&self) -> Account {
        self.account
    }

    /// Whether it is only tried.
    pub fn is_trial(&self) -> bool {
        self.purpose == Purpose::Trial
    }

    /// The way by which requests go now.
    pub fn way(&self) -> Option<Path> {
        match &self.stage {
            Stage::Registered(Registered { way, .. }) | Stage::Walking(Walk::Asking { way, .. }) => Some(*way),
            _ => None,
        }
    }

    /// The way by which calls go now. One on which nobody has answered the last time is none before somebody does: a call that
    /// tried it would be lost on a server that is as dead as it was.
    pub fn way_of_calls(&self) -> Option<Path> {
        let is_good = self.is_in_force() || (self.is_registered() && !self.knocks);
        let way = match self.service.start() {
            Start::Registrar => self.way(),
            Start::Named(way) => Some(way),
            Start::Sought => None,
        };
        way.filter(|_| is_good)
    }

    /// The Route header lines that a call begins with.
    pub fn routes(&self) -> Vec<String> {
        match (self.service.start(), &self.stage) {
            (Start::Named(_), _) => self.service.routes().to_vec(),
            (_, Stage::Registered(Registered { stop, .. }) | Stage::Walking(Walk::Asking { stop, .. })) => {
                binding::route(stop).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    /// True while the place at which the registrar wants calls to begin is being looked for.
    pub fn seeks_service(&self) -> bool {
        self.is_in_force() && self.service.start() == Start::Sought
    }

    /// True while a way is being looked for that may be there in a moment.
    pub fn seeks_way(&self) -> bool {
        matches!(self.stage, Stage::Walking(_) | Stage::Waiting { soon: true, .. })
    }

    /// True between two tries.
    pub fn pauses(&self) -> bool {
        matches!(self.stage, Stage::Waiting { .. })
    }

    /// True when calls may be made: it is registered, or was until a moment ago and another way is being looked for.
    pub fn is_registered(&self) -> bool {
        self.is_in_force() || (self.lapses_at.is_some() && self.seeks_way())
    }

    /// True when calls may be made by TLS: that is the way in use, or the only one that is being looked for.
    pub fn is_registered_by_tls(&self) -> bool {
        let by_tls = match self.way() {
            Some(way) => way.transport == Transport::Tls,
            None => self.config.transport == AccountTransport::Tls,
        };
        by_tls && self.is_registered()
    }

    /// Whether there is another place to try behind the one in use.
    pub fn has_more(&self) -> bool {
        let stop = match &self.stage {
            Stage::Registered(Registered { stop, .. }) | Stage::Walking(Walk::Asking { stop, .. }) => stop,
            _ => return false,
        };
        self.service.own_way().is_some() || self.hops.as_ref().is_some_and(|hops| hops.has_more(stop.place))
    }

    /// How many places could be tried behind this way of calls.
    pub fn places_behind(&self, now: Instant, way: Path) -> usize {
        let behind = match (&self.stage, &self.hops) {
            (Stage::Registered(Registered { stop, .. }) | Stage::Walking(Walk::Asking { stop, .. }), Some(hops)) => {
                let known = hops.known(now).filter(|other| other.place > stop.place).count();
                known.max(usize::from(hops.has_more(stop.place)))
            }
            _ => 0,
        };
        if self.service.own_way() != Some(way) {
            return behind;
        }
        self.service.others(now, way) + usize::from(self.way().is_some()) + behind
    }

    /// How long a call waits for a sign of life along this way.
    pub fn patience(&self, way: Path) -> Duration {
        self.service.patience(way)
    }

    /// Whether a message that came along this path is this account's.
    pub fn owns(&self, path: Path) -> bool {
        path.flow.is_some_and(|flow| self.uses_flow(flow)) || self.socket == Socket::Open(path.local.port())
    }

    /// Whether it goes by this connection.
    pub fn uses_flow(&self, flow: FlowId) -> bool {
        self.ways().any(|way| way.flow == Some(flow))
    }

    /// The way in use, that of its calls where it is another one, and the last one that was in force while another is looked for.
    pub fn ways(&self) -> impl Iterator<Item = Path> {
        self.way().into_iter().chain(self.service.own_way()).chain(self.lapsed)
    }

    /// Where calls through it come from: its server and its proxies, wherever they have been found, and the ways in use.
    pub fn origins(&self) -> impl Iterator<Item = (Transport, IpAddr)> {
        let known = self.hops.as_ref().map_or(&[][..], Hops::origins).iter().copied();
        known.chain(self.ways().map(|way| (way.transport, way.remote.ip())))
    }

    /// The connections that were opened for it.
    pub fn flows(&self) -> impl Iterator<Item = FlowId> {
        let opening = match &self.stage {
            Stage::Walking(Walk::Connecting { flow, .. }) => Some(*flow),
            _ => None,
        };
        self.way()
            .and_then(|way| way.flow)
            .into_iter()
            .chain(opening)
            .chain(self.recall.flow())
            .chain(self.scouts.flows())
            .chain(self.service.flows())
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
            Stage::Walking(_) | Stage::Waiting { soon: true, .. } => (RegistrationState::Registering, None),
            Stage::Registered(registered) => (RegistrationState::Registered, Some(&registered.stop)),
            Stage::Waiting { .. } => (RegistrationState::Failed, None),
        };
        RegistrationView {
            account: self.account.number(),
            label: self.config.label().unwrap_or_default().to_owned(),
            state,
            places_calls: self.is_registered(),
            fault: self.fault.clone(),
            expires_at: match &self.stage {
                Stage::Registered(registered) => Some(registered.expires_at),
                _ => None,
            },
            next_try_at: match &self.stage {
                Stage::Waiting { until, .. } => Some(*until),
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
