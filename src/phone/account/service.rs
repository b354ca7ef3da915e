//! Where the registrar wants the calls of an account to begin (RFC 3608): at the first of the proxies that it names, found by
//! RFC 3263 and reached by the transport of the account. Where it is dead, calls go to the registrar as if nothing had been
//! named; where it cannot be found, the registrar is left to find it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::binding;
use super::desk::{Answered, Desk};
use super::hops::EVERY_FAMILY;
use super::line::PATIENCE;
use crate::config::Account;
use crate::sip::locate::{Destination, Locator, Question, Target};
use crate::sip::{FlowId, Path, Transport};

/// One that is not there is looked for again after so long.
const DOWN_FOR: Duration = Duration::from_secs(30);
/// It is looked up again no more often than this, however short its time to live.
const CALM: Duration = Duration::from_secs(60);

/// The way of the calls, where it is not that of the registration.
#[derive(Debug, Default)]
pub struct Service {
    named: Option<Named>,
    search: Search,
    /// The way that was found; that of the registration where an outbound proxy takes all requests, or nothing was found.
    way: Option<Path>,
    /// It was dead the last time: nobody waits while it is looked for again.
    is_down: bool,
    /// When it is looked up again, or looked for again.
    next: Option<Instant>,
}

/// What the registrar has named.
#[derive(Debug, PartialEq, Eq)]
struct Named {
    routes: Vec<String>,
    /// By which way the account was registered then.
    registered: Path,
    destination: Destination,
}

#[derive(Debug, Default)]
enum Search {
    #[default]
    Over,
    /// Name servers are asked.
    Finding { locator: Box<Locator>, until: Instant },
    /// A connection is being made; these are left.
    Connecting { flow: FlowId, left: VecDeque<Target>, until: Instant },
}

/// Where calls begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Where the account is registered.
    Registrar,
    /// There, by the routes that were named.
    Named(Path),
    /// It is being looked for, and known in a moment.
    Sought,
}

impl Service {
    /// What a registrar names with a registration, which stands along this way, perhaps `by_proxy`.
    pub fn hear(&mut self, desk: &mut Desk<'_>, account: Account, routes: &[String], registered: Path, by_proxy: bool) {
        let named = binding::first_of(routes, registered.transport).map(|destination| Named {
            routes: routes.to_vec(),
            registered,
            destination,
        });
        if self.named != named {
            self.end(desk);
            self.named = named;
            if by_proxy {
                self.way = self.registered();
            } else {
                self.find(desk, account);
            }
        }
    }

    /// Nothing is named any more.
    pub fn end(&mut self, desk: &mut Desk<'_>) {
        self.leave(desk);
        *self = Self::default();
    }

    /// The connections are needed no longer; a call that goes by one keeps it open.
    fn leave(&mut self, desk: &mut Desk<'_>) {
        if let Some(flow) = self.own_way().and_then(|way| way.flow) {
            desk.endpoint.keep_flow(flow, false);
        }
        if let Search::Connecting { flow, .. } = &self.search {
            desk.close(*flow);
        }
        (self.search, self.way) = (Search::Over, None);
    }

    /// The way by which the account is registered.
    fn registered(&self) -> Option<Path> {
        self.named.as_ref().map(|named| named.registered)
    }

    /// Where calls begin now.
    pub fn start(&self) -> Start {
        match (self.way, &self.search) {
            (Some(way), _) => Start::Named(way),
            (None, Search::Over) => Start::Registrar,
            (None, _) if self.is_down => Start::Registrar,
            (None, _) => Start::Sought,
        }
    }

    /// What the registrar has named.
    pub fn routes(&self) -> &[String] {
        self.named.as_ref().map_or(&[][..], |named| named.routes.as_slice())
    }

    fn find(&mut self, desk: &mut Desk<'_>, account: Account) {
        let Some(named) = &self.named else { return };
        let locator = Box::new(Locator::new(named.destination.clone(), EVERY_FAMILY));
        self.search = Search::Finding { locator, until: desk.now + PATIENCE };
        self.take_found(desk, account);
    }

    fn take_found(&mut self, desk: &mut Desk<'_>, account: Account) {
        let Search::Finding { locator, until } = &self.search else {
            return;
        };
        let (outcome, until) = (locator.outcome(), *until);
        match outcome {
            None => {}
            Some(Ok(located)) => {
                self.next = Some(desk.now + located.valid_for.max(CALM));
                let stands = |target: &Target| self.way.is_some_and(|way| is_at(way, target));
                if located.targets.iter().any(stands) {
                    self.search = Search::Over;
                } else {
                    self.leave(desk);
                    self.try_next(desk, account, located.targets.into(), until);
                }
            }
            Some(Err(_)) => self.lose(desk),
        }
    }

    /// Name servers tell nothing: what was there before serves on.
    fn lose(&mut self, desk: &mut Desk<'_>) {
        self.search = Search::Over;
        self.way = self.way.or(self.registered());
        self.next = Some(desk.now + desk.jittered(DOWN_FOR));
    }

    /// The next of these; all are tried in the time in which one is.
    fn try_next(&mut self, desk: &mut Desk<'_>, account: Account, mut left: VecDeque<Target>, until: Instant) {
        self.search = Search::Over;
        let Some(registered) = self.registered() else {
            return;
        };
        while let Some(target) = left.pop_front() {
            if is_at(registered, &target) {
                self.way = Some(registered);
                return;
            }
            let (transport, remote) = (target.transport, target.address);
            let Some(local) = desk.routes.local_for(remote.ip()) else {
                continue;
            };
            let local = SocketAddr::new(local, registered.local.port());
            if transport == Transport::Udp {
                self.way = Some(Path { transport, local, remote, flow: None });
                return;
            }
            let flow = desk.connect(account, local, &target);
            self.search = Search::Connecting { flow, left, until };
            return;
        }
        self.fail(desk);
    }

    /// It is not there.
    pub fn fail(&mut self, desk: &mut Desk<'_>) {
        self.leave(desk);
        self.is_down = true;
        self.next = Some(desk.now + desk.jittered(DOWN_FOR));
    }

    /// A connection stands; true when it is this one.
    pub fn handle_connected(&mut self, desk: &mut Desk<'_>, way: Path) -> bool {
        let Search::Connecting { flow, .. } = &self.search else {
            return false;
        };
        if way.flow != Some(*flow) {
            return false;
        }
        desk.endpoint.keep_flow(*flow, true);
        (self.search, self.way, self.is_down) = (Search::Over, Some(way), false);
        true
    }

    /// A connection has gone, or never came about.
    pub fn handle_flow_gone(&mut self, desk: &mut Desk<'_>, account: Account, gone: FlowId) {
        if self.own_way().is_some_and(|way| way.flow == Some(gone)) {
            // It may only be starting anew.
            self.way = None;
            self.find(desk, account);
        } else if let Search::Connecting { flow, left, until } = &mut self.search
            && *flow == gone
        {
            let (left, until) = (std::mem::take(left), *until);
            self.try_next(desk, account, left, until);
        }
    }

    /// What a name server says.
    pub fn handle_answer(&mut self, desk: &mut Desk<'_>, account: Account, answered: &Answered<'_>) {
        if let Search::Finding { locator, .. } = &mut self.search {
            locator.handle_answer(answered.question, answered.result.clone(), desk.random);
            self.take_found(desk, account);
        }
    }

    /// The next thing to ask a name server.
    pub fn poll_question(&mut self) -> Option<Question> {
        match &mut self.search {
            Search::Finding { locator, .. } => locator.poll_question(),
            _ => None,
        }
    }

    /// Fires what is due.
    pub fn handle_timeout(&mut self, desk: &mut Desk<'_>, account: Account) {
        let now = desk.now;
        match &self.search {
            Search::Connecting { until, .. } if *until <= now => self.fail(desk),
            Search::Finding { until, .. } if *until <= now => self.lose(desk),
            Search::Over if self.next.is_some_and(|at| at <= now) => {
                self.next = None;
                self.find(desk, account);
            }
            _ => {}
        }
    }

    /// When `handle_timeout` is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.search {
            Search::Finding { until, .. } | Search::Connecting { until, .. } => Some(*until),
            Search::Over => self.next,
        }
    }

    /// The way, where it is not that of the registration.
    pub fn own_way(&self) -> Option<Path> {
        self.way.filter(|way| Some(*way) != self.registered())
    }

    /// Its connections.
    pub fn flows(&self) -> impl Iterator<Item = FlowId> {
        let opening = match &self.search {
            Search::Connecting { flow, .. } => Some(*flow),
            _ => None,
        };
        self.own_way().and_then(|way| way.flow).into_iter().chain(opening)
    }
}

fn is_at(way: Path, target: &Target) -> bool {
    (way.transport, way.remote) == (target.transport, target.address)
}
