//! Where the registrar wants the calls of an account to begin (RFC 3608): at the first of the proxies that it names, found by
//! RFC 3263 and reached by the transport of the account. Of several places the first that is there is taken; it is found out
//! before a call needs it, so that no call waits for one that is dead. Where none is there, calls go to the registrar as if
//! nothing had been named; where it cannot be found, the registrar is left to find it.

use std::time::{Duration, Instant};

use super::binding;
use super::desk::{Answered, Desk};
use super::edges::{Edges, Outcome};
use super::hops::EVERY_FAMILY;
use super::line::PATIENCE;
use crate::config::Account;
use crate::sip::locate::{Destination, Locator, Question};
use crate::sip::{FlowId, Path, ProbeHandle};

/// Where none is there, or another than the first is used, they are asked again after so long.
const DOWN_FOR: Duration = Duration::from_secs(30);
/// A connection that is cut before this has hardly stood.
const HARDLY: Duration = Duration::from_secs(3);
/// It is looked up again no more often than this, however short its time to live.
const CALM: Duration = Duration::from_secs(60);
/// One that answers no OPTIONS is asked again after so long: it may carry all calls.
const DOUBT_FOR: Duration = Duration::from_secs(600);
/// Calls wait so long until one is found.
const SEEK: Duration = Duration::from_secs(2);
/// The same for a call that was lost at another one.
const SEEK_AGAIN: Duration = Duration::from_millis(500);
/// A call waits so long at one that has never answered anything: two datagrams.
const DOUBT: Duration = Duration::from_millis(1500);

/// The way of the calls, where it is not that of the registration.
#[derive(Debug, Default)]
pub struct Service {
    named: Option<Named>,
    search: Search,
    edges: Edges,
    /// The way that was found; that of the registration where an outbound proxy takes all requests, or nothing was found.
    way: Option<Path>,
    /// None was there the last time, or none so far: nobody waits while they are asked.
    is_down: bool,
    /// When it is looked up again, and who is there asked again.
    next: Option<Instant>,
    /// What name servers have told holds until then.
    valid_until: Option<Instant>,
    /// Since when the connection in use stands, and when one was cut the last time that had hardly stood.
    since: Option<Instant>,
    cut_at: Option<Instant>,
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
    /// The places are asked. Calls wait for it no longer than until the first moment.
    Asking { calls_until: Instant, until: Instant },
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
        self.edges.end(desk, None);
        *self = Self::default();
    }

    /// The connection in use is needed no longer; a call that goes by it keeps it open.
    fn leave(&mut self, desk: &mut Desk<'_>) {
        if let Some(flow) = self.own_way().and_then(|way| way.flow) {
            desk.endpoint.keep_flow(flow, false);
        }
        self.way = None;
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

    /// How long a call waits for a sign of life along this way, if it has another one.
    pub fn patience(&self, way: Path) -> Duration {
        let is_in_doubt = self.own_way() == Some(way) && !self.edges.has_answered(way);
        if is_in_doubt { DOUBT } else { PATIENCE }
    }

    /// How many other places than the one to which this way leads could be tried.
    pub fn others(&self, now: Instant, way: Path) -> usize {
        self.edges.others(now, way)
    }

    /// Asks who is there, at the places that name servers have told or tell now.
    fn seek(&mut self, desk: &mut Desk<'_>, account: Account) {
        if self.valid_until.is_some_and(|until| desk.now < until) {
            self.next = self.valid_until;
            self.ask(desk, account, SEEK);
        } else {
            self.find(desk, account);
        }
    }

    fn find(&mut self, desk: &mut Desk<'_>, account: Account) {
        let Some(named) = &self.named else { return };
        self.edges.end(desk, None);
        let locator = Box::new(Locator::new(named.destination.clone(), EVERY_FAMILY));
        self.search = Search::Finding { locator, until: desk.now + PATIENCE };
        self.take_found(desk, account);
    }

    fn take_found(&mut self, desk: &mut Desk<'_>, account: Account) {
        let Search::Finding { locator, .. } = &self.search else { return };
        match locator.outcome() {
            None => {}
            Some(Ok(located)) => {
                self.valid_until = Some(desk.now + located.valid_for.max(CALM));
                self.next = self.valid_until;
                self.edges.update(located.targets);
                if self.way.is_some_and(|way| self.edges.position(way).is_none()) {
                    self.leave(desk);
                }
                self.ask(desk, account, SEEK);
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

    /// Asks who is there: all, or those before the one in use, and that one as well while it is in doubt. Calls wait so long
    /// for it.
    fn ask(&mut self, desk: &mut Desk<'_>, account: Account, patience: Duration) {
        let Some(registered) = self.registered() else { return };
        let in_use = self.way.and_then(|way| Some((self.edges.position(way)?, self.edges.has_answered(way))));
        let count = in_use.map(|(before, has_answered)| before + usize::from(!has_answered));
        self.edges.ask(desk, account, registered, count, patience < SEEK);
        self.search = Search::Asking { calls_until: desk.now + patience, until: desk.now + PATIENCE };
        self.settle(desk, account);
    }

    /// Takes the best that is there as soon as it is known.
    fn settle(&mut self, desk: &mut Desk<'_>, account: Account) {
        let (Search::Asking { calls_until, until }, Some(registered)) = (&self.search, self.registered()) else {
            return;
        };
        let (is_late, is_over) = (*calls_until <= desk.now, *until <= desk.now);
        self.edges.tend(desk, account, registered);
        let outcome = self.edges.outcome(desk.now);
        match outcome {
            Outcome::Here(way) => {
                self.leave(desk);
                if let Some(flow) = way.flow {
                    desk.endpoint.keep_flow(flow, true);
                }
                (self.way, self.is_down, self.since) = (Some(way), false, Some(desk.now));
            }
            // The one in use is as good as it was.
            Outcome::Nobody if self.way.is_some() => {}
            Outcome::Open if !is_late => return,
            Outcome::Nobody | Outcome::Open => {
                if let Some(way) = self.way.or_else(|| self.edges.in_doubt(desk, registered)) {
                    (self.way, self.is_down) = (Some(way), false);
                } else {
                    self.is_down = true;
                    if outcome == Outcome::Open && !is_over {
                        return;
                    }
                }
            }
        }
        self.search = Search::Over;
        self.edges.end(desk, self.way);
        let rest = match self.way {
            Some(way) if self.edges.position(way) == Some(0) && self.edges.has_answered(way) => return,
            Some(way) if !self.edges.has_answered(way) => DOUBT_FOR,
            _ => DOWN_FOR,
        };
        let at = desk.now + desk.jittered(rest);
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }

    /// A call was lost there: the next one that is there is taken.
    pub fn fail(&mut self, desk: &mut Desk<'_>, account: Account) {
        if let Some(way) = self.own_way() {
            self.edges.lose(desk.now, way);
        }
        self.leave(desk);
        self.ask(desk, account, SEEK_AGAIN);
    }

    /// A connection stands; true when it is this one.
    pub fn handle_connected(&mut self, desk: &mut Desk<'_>, account: Account, way: Path) -> bool {
        let ours = self.edges.handle_connected(way);
        if ours {
            self.settle(desk, account);
        }
        ours
    }

    /// What came of a question; true when it is one of these.
    pub fn handle_probe(&mut self, desk: &mut Desk<'_>, account: Account, answered: ProbeHandle, alive: bool) -> bool {
        let ours = self.edges.handle_probe(answered, alive);
        if ours {
            self.settle(desk, account);
        }
        ours
    }

    /// A connection has gone, or never came about.
    pub fn handle_flow_gone(&mut self, desk: &mut Desk<'_>, account: Account, gone: FlowId) {
        if let Some(way) = self.own_way().filter(|way| way.flow == Some(gone)) {
            self.way = None;
            // It may only be starting anew, or closes what is idle; one that takes connections and keeps none is left alone.
            if self.since.is_some_and(|since| desk.now < since + HARDLY) {
                let is_again = self.cut_at.replace(desk.now).is_some_and(|last| desk.now < last + CALM);
                if is_again {
                    self.edges.lose(desk.now, way);
                }
            }
            self.seek(desk, account);
        } else if self.edges.handle_flow_gone(gone) {
            self.settle(desk, account);
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
            Search::Asking { .. } => self.settle(desk, account),
            Search::Finding { until, .. } if *until <= now => self.lose(desk),
            Search::Over if self.next.is_some_and(|at| at <= now) => {
                self.next = None;
                self.seek(desk, account);
            }
            _ => {}
        }
    }

    /// When `handle_timeout` is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.search {
            Search::Finding { until, .. } => Some(*until),
            Search::Asking { calls_until, until } => {
                let calls = Some(*calls_until).filter(|_| !self.is_down && self.way.is_none());
                self.edges.poll_timeout().into_iter().chain(calls).chain([*until]).min()
            }
            Search::Over => self.next,
        }
    }

    /// The way, where it is not that of the registration.
    pub fn own_way(&self) -> Option<Path> {
        self.way.filter(|way| Some(*way) != self.registered())
    }

    /// Its connections.
    pub fn flows(&self) -> impl Iterator<Item = FlowId> {
        self.own_way().and_then(|way| way.flow).into_iter().chain(self.edges.flows())
    }
}
