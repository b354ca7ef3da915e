//! Where an account's requests can go: the outbound proxies or the registrar, each found by name, in one ordered list.
//!
//! ```text
//!  hop 0: main proxy (or registrar) ─ targets by RFC 3263 ─┐
//!  hop 1: backup proxy              ─ targets              ─┴─▶ walked from the top; what failed lately is passed over
//! ```

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;

use crate::channel::{AccountFault, ProxyInUse};
use crate::config::{AccountConfig, AccountTransport, SrvOver};
use crate::sip::Transport;
use crate::sip::locate::{
    Answer, Destination, DnsFault, Families, LONGEST, LocateFault, Locator, Question, Target, Wish,
};

/// What failed is passed over for so long, if there is another way.
const DOWN_FOR: Duration = Duration::from_secs(30);
/// A name that could not be found is looked up again after so long.
const LOST_FOR: Duration = Duration::from_secs(4);
/// While all is well, names are looked up again no more often than this, however short their time to live; a new walk obeys it.
const CALM: Duration = Duration::from_secs(60);
/// Addresses serve for so long beyond their time while they are looked up again: longer than name servers are waited for.
const GRACE: Duration = Duration::from_secs(10);
/// So many places are remembered as the account's own, the newest.
const ORIGINS: usize = 32;

/// An address to which no route leads is passed over when it is tried.
pub(super) const EVERY_FAMILY: Families = Families { v4: true, v6: true };

/// One machine, by name or address, that takes our requests.
#[derive(Debug)]
struct Hop {
    proxy: ProxyInUse,
    destination: Destination,
    found: Found,
}

/// What is known of the addresses of a hop.
#[derive(Debug)]
enum Found {
    /// Nobody has asked.
    Unknown,
    /// Questions are out. What was there before serves for a moment.
    Asked { locator: Box<Locator>, before: Option<Addresses> },
    /// Here they are.
    Here(Addresses),
    /// It could not be found.
    Lost { fault: AccountFault, until: Instant },
}

/// Addresses and their time.
#[derive(Debug)]
struct Addresses {
    targets: Vec<Target>,
    /// When their time to live is over: who wants to go anywhere looks them up again.
    until: Instant,
    /// When they are looked up again though nobody wants to go anywhere.
    renew_at: Instant,
    /// For so long they stand in when no name server answers (RFC 8767): one that is away takes no account off the network.
    stale_until: Instant,
}

/// A place in the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    hop: usize,
    target: usize,
}

/// Somewhere to send a request to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Where it stands in the list.
    pub place: Place,
    /// The address, the transport, and whom TLS must find there.
    pub target: Target,
    /// Whether it is an outbound proxy, and which.
    pub proxy: ProxyInUse,
}

/// What comes next on a walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Try this one.
    Stop(Stop),
    /// Its addresses are being looked up.
    Finding,
    /// Nothing is left.
    End,
}

/// The ordered list of an account.
#[derive(Debug)]
pub struct Hops {
    hops: Vec<Hop>,
    /// The registrar behind a proxy: nothing is sent there, but calls may come from there.
    behind: Option<Hop>,
    /// Where all of these have been found, the newest last.
    origins: Vec<(Transport, IpAddr)>,
    /// What failed lately, and until when it is passed over.
    down: BTreeMap<(Transport, SocketAddr), Instant>,
    /// Why the first of this walk failed.
    fault: Option<AccountFault>,
}

impl Hops {
    /// As the settings have it.
    ///
    /// # Errors
    /// The setting that is missing.
    pub fn new(config: &AccountConfig) -> Result<Self, AccountFault> {
        let hop = |proxy, host: &str, port: u16| Hop {
            proxy,
            destination: destination(config, host, port),
            found: Found::Unknown,
        };
        let mut hops = Vec::new();
        let mut behind = None;
        if config.proxy_active {
            if config.proxy_server.is_empty() {
                return Err(AccountFault::NotSet("outbound_proxy.server"));
            }
            hops.push(hop(ProxyInUse::Main, &config.proxy_server, config.proxy_port));
            if !config.proxy_backup_server.is_empty() {
                hops.push(hop(ProxyInUse::Backup, &config.proxy_backup_server, config.proxy_backup_port));
            }
            behind = Some(hop(ProxyInUse::None, &config.server, config.port));
        } else {
            hops.push(hop(ProxyInUse::None, &config.server, config.port));
        }
        Ok(Self { hops, behind, origins: Vec::new(), down: BTreeMap::new(), fault: None })
    }

    /// Begins a new walk: what went wrong on the last one is forgotten, but not what is down.
    pub fn begin(&mut self) {
        self.fault = None;
    }

    /// What is at this place or behind it, what failed lately passed over. Looks up what is not known.
    pub fn next(&mut self, now: Instant, from: Place) -> Next {
        let mut place = from;
        while let Some(hop) = self.hops.get_mut(place.hop) {
            hop.renew(now);
            match hop.targets(now) {
                Some(targets) => {
                    let down = &self.down;
                    let up = |target: &Target| down.get(&address(target)).is_none_or(|until| *until <= now);
                    let found = targets.iter().enumerate().skip(place.target).find(|(_, target)| up(target));
                    if let Some((index, target)) = found {
                        let place = Place { hop: place.hop, target: index };
                        return Next::Stop(Stop { place, target: target.clone(), proxy: hop.proxy });
                    }
                }
                None => match &hop.found {
                    Found::Lost { fault, .. } => {
                        self.fault.get_or_insert(fault.clone());
                    }
                    _ => return Next::Finding,
                },
            }
            place = Place { hop: place.hop + 1, target: 0 };
        }
        Next::End
    }

    /// This one did not work: it is passed over for a while, or for as long as it asked.
    pub fn fail(&mut self, now: Instant, stop: &Stop, fault: AccountFault, rest: Option<Duration>) -> Place {
        self.fault.get_or_insert(fault);
        self.down.retain(|_, until| *until > now);
        self.down.insert(address(&stop.target), now + rest.unwrap_or(DOWN_FOR).min(DOWN_FOR));
        Place { hop: stop.place.hop, target: stop.place.target + 1 }
    }

    /// This one works.
    pub fn clear(&mut self, stop: &Stop) {
        self.down.remove(&address(&stop.target));
    }

    /// Nothing is passed over any longer.
    pub fn forgive(&mut self) {
        self.down.clear();
    }

    /// Why the first that was tried on this walk did not work.
    pub fn fault(&self) -> Option<&AccountFault> {
        self.fault.as_ref()
    }

    /// The first of all, if its address is known: what is gone back to.
    pub fn preferred(&mut self, now: Instant) -> Next {
        let down = std::mem::take(&mut self.down);
        let next = self.next_of_first(now);
        self.down = down;
        next
    }

    fn next_of_first(&mut self, now: Instant) -> Next {
        match self.next(now, Place::default()) {
            Next::Stop(stop) if stop.place.hop > 0 => Next::End,
            next => next,
        }
    }

    /// All places whose addresses are known, in their order.
    pub fn known(&self, now: Instant) -> impl Iterator<Item = Stop> {
        self.hops.iter().enumerate().flat_map(move |(number, hop)| {
            let targets = hop.targets(now).unwrap_or_default().iter().enumerate();
            targets.map(move |(index, target)| {
                let place = Place { hop: number, target: index };
                Stop { place, target: target.clone(), proxy: hop.proxy }
            })
        })
    }

    /// Whether a request can go on behind this place without a new walk.
    pub fn has_more(&self, place: Place) -> bool {
        let more = |hop: &Hop| match &hop.found {
            Found::Here(addresses) | Found::Asked { before: Some(addresses), .. } => {
                addresses.targets.len() > place.target + 1
            }
            _ => false,
        };
        self.hops.get(place.hop).is_some_and(more) || place.hop + 1 < self.hops.len()
    }

    /// Whether the address of this stop still stands in the list, once its time to live is over and it was looked up again.
    pub fn lists(&self, stop: &Stop) -> bool {
        self.hops.get(stop.place.hop).is_some_and(|hop| match &hop.found {
            Found::Here(addresses) => addresses.targets.contains(&stop.target),
            _ => true,
        })
    }

    /// Looks up the hop of this stop again if its time to live is over.
    pub fn refresh(&mut self, now: Instant, stop: &Stop) {
        if self.refresh_at(stop).is_some_and(|at| at <= now)
            && let Some(hop) = self.hops.get_mut(stop.place.hop)
        {
            hop.renew(now);
        }
    }

    /// When `refresh` is due for this stop.
    pub fn refresh_at(&self, stop: &Stop) -> Option<Instant> {
        match self.hops.get(stop.place.hop)?.found {
            Found::Here(Addresses { renew_at: at, .. }) | Found::Lost { until: at, .. } => Some(at),
            Found::Unknown | Found::Asked { .. } => None,
        }
    }

    /// Looks up what was not looked up for long, also where nothing is sent now: a call may come from there.
    pub fn survey(&mut self, now: Instant) {
        for hop in self.hops.iter_mut().chain(&mut self.behind) {
            if hop.survey_at().is_none_or(|at| at <= now) {
                hop.renew(now);
            }
        }
        self.learn();
    }

    /// When `survey` is due.
    pub fn survey_at(&self) -> Option<Instant> {
        self.hops.iter().chain(&self.behind).filter_map(Hop::survey_at).min()
    }

    /// Where all of these have been found.
    pub fn origins(&self) -> &[(Transport, IpAddr)] {
        &self.origins
    }

    /// Remembers where they are.
    fn learn(&mut self) {
        for hop in self.hops.iter().chain(&self.behind) {
            let Found::Here(addresses) = &hop.found else { continue };
            for target in &addresses.targets {
                let origin = (target.transport, target.address.ip());
                if !self.origins.contains(&origin) {
                    self.origins.push(origin);
                }
            }
        }
        self.origins.drain(..self.origins.len().saturating_sub(ORIGINS));
    }

    /// The next thing to ask a name server.
    pub fn poll_question(&mut self) -> Option<Question> {
        self.hops.iter_mut().chain(&mut self.behind).find_map(|hop| match &mut hop.found {
            Found::Asked { locator, .. } => locator.poll_question(),
            _ => None,
        })
    }

    /// What a name server says; questions of others concern nobody here.
    pub fn handle_answer(
        &mut self,
        now: Instant,
        question: &Question,
        answer: &Result<Answer, DnsFault>,
        dice: &mut StdRng,
    ) {
        for hop in self.hops.iter_mut().chain(&mut self.behind) {
            if let Found::Asked { locator, .. } = &mut hop.found {
                locator.handle_answer(question, answer.clone(), dice);
                hop.settle(now);
            }
        }
        self.learn();
    }
}

impl Hop {
    /// Looks up what was never looked up, or not for too long.
    fn renew(&mut self, now: Instant) {
        let is_due = match &self.found {
            Found::Unknown => true,
            Found::Here(Addresses { until, .. }) | Found::Lost { until, .. } => *until <= now,
            Found::Asked { .. } => false,
        };
        if is_due {
            let before = match std::mem::replace(&mut self.found, Found::Unknown) {
                Found::Here(addresses) => Some(addresses),
                _ => None,
            };
            let locator = Box::new(Locator::new(self.destination.clone(), EVERY_FAMILY));
            self.found = Found::Asked { locator, before };
            self.settle(now);
        }
    }

    /// When it is looked up again though nobody wants to go there; none while it is being looked up.
    fn survey_at(&self) -> Option<Instant> {
        match &self.found {
            Found::Here(Addresses { renew_at, .. }) => Some(*renew_at),
            Found::Lost { until, .. } => Some(*until + CALM),
            Found::Unknown | Found::Asked { .. } => None,
        }
    }

    /// The addresses that serve now.
    fn targets(&self, now: Instant) -> Option<&[Target]> {
        match &self.found {
            Found::Here(addresses) => Some(&addresses.targets),
            Found::Asked { before: Some(before), .. } if now < before.until + GRACE => Some(&before.targets),
            _ => None,
        }
    }

    /// Takes over what the locator has found.
    fn settle(&mut self, now: Instant) {
        let Found::Asked { locator, before } = &mut self.found else { return };
        let Some(outcome) = locator.outcome() else { return };
        let before = before.take().filter(|before| now < before.stale_until);
        self.found = match (outcome, before) {
            (Ok(located), _) => {
                let until = now + located.valid_for;
                let renew_at = until.max(now + CALM);
                Found::Here(Addresses { targets: located.targets, until, renew_at, stale_until: until + LONGEST })
            }
            (Err(LocateFault::NoAnswer), Some(before)) => {
                let until = now + LOST_FOR;
                Found::Here(Addresses { until, renew_at: until, ..before })
            }
            (Err(fault), _) => Found::Lost { fault: words(fault, &self.destination.host), until: now + LOST_FOR },
        };
    }
}

fn address(target: &Target) -> (Transport, SocketAddr) {
    (target.transport, target.address)
}

fn words(fault: LocateFault, host: &str) -> AccountFault {
    match fault {
        LocateFault::NotFound => AccountFault::HostNotFound(host.to_owned()),
        LocateFault::NotOffered => AccountFault::NotOffered(host.to_owned()),
        LocateFault::NoAnswer => AccountFault::NoNameServer(host.to_owned()),
        LocateFault::NoRoute => AccountFault::NoRoute(host.to_owned()),
    }
}

fn destination(config: &AccountConfig, host: &str, port: u16) -> Destination {
    let is_address = host.parse::<IpAddr>().is_ok();
    let (wish, port) = match (config.transport, config.srv_over) {
        (AccountTransport::Udp, _) => (Wish::Udp, Some(port)),
        (AccountTransport::Tcp, _) => (Wish::Tcp, Some(port)),
        (AccountTransport::Tls, _) => (Wish::Tls, Some(port)),
        // A proxy may be an address where the registrar is a name.
        (AccountTransport::DnsSrv, SrvOver::Auto | SrvOver::Udp) if is_address => (Wish::Udp, Some(port)),
        (AccountTransport::DnsSrv, SrvOver::Tcp) if is_address => (Wish::Tcp, Some(port)),
        (AccountTransport::DnsSrv, SrvOver::Tls) if is_address => (Wish::Tls, Some(port)),
        (AccountTransport::DnsSrv, SrvOver::Auto) => (Wish::Auto, None),
        (AccountTransport::DnsSrv, SrvOver::Udp) => (Wish::Srv(Transport::Udp), None),
        (AccountTransport::DnsSrv, SrvOver::Tcp) => (Wish::Srv(Transport::Tcp), None),
        (AccountTransport::DnsSrv, SrvOver::Tls) => (Wish::Srv(Transport::Tls), None),
    };
    Destination { host: host.trim_end_matches('.').to_owned(), port, wish }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::locate::{Record, RecordKind};
    use rand::SeedableRng;

    fn hops() -> Hops {
        let config = AccountConfig { server: "pbx.test".to_owned(), ..AccountConfig::default() };
        Hops::new(&config).expect("there is a server")
    }

    /// Answers what is asked: A with this, or with silence; there are no others. Tells how many questions there were.
    fn answer(hops: &mut Hops, now: Instant, said: Result<[u8; 4], DnsFault>) -> usize {
        answer_for(hops, now, said, Duration::from_secs(300))
    }

    fn answer_for(hops: &mut Hops, now: Instant, said: Result<[u8; 4], DnsFault>, ttl: Duration) -> usize {
        let mut dice = StdRng::seed_from_u64(1);
        let asked: Vec<Question> = std::iter::from_fn(|| hops.poll_question()).collect();
        for question in &asked {
            let answer = match (question.kind, said) {
                (RecordKind::A, Ok(address)) => Ok(Answer { records: vec![Record::Address(address.into())], ttl }),
                (_, Err(DnsFault::NoAnswer)) => Err(DnsFault::NoAnswer),
                _ => Err(DnsFault::NotFound),
            };
            hops.handle_answer(now, question, &answer, &mut dice);
        }
        asked.len()
    }

    fn address(hops: &mut Hops, now: Instant) -> Option<String> {
        match hops.next(now, Place::default()) {
            Next::Stop(stop) => Some(stop.target.address.ip().to_string()),
            Next::Finding | Next::End => None,
        }
    }

    #[test]
    fn addresses_serve_while_they_are_looked_up_again_and_when_no_name_server_answers() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut hops = hops();
        assert_eq!(hops.next(start, Place::default()), Next::Finding);
        assert_eq!(answer(&mut hops, start, Ok([192, 0, 2, 1])), 2);
        let found = Some("192.0.2.1".to_owned());
        assert_eq!(address(&mut hops, at(299)), found);
        assert_eq!(hops.poll_question(), None);
        // Its time is over: it is asked for, and serves until there is an answer.
        assert_eq!(address(&mut hops, at(301)), found);
        assert_eq!(address(&mut hops, at(304)), found);
        assert_eq!(answer(&mut hops, at(304), Err(DnsFault::NoAnswer)), 2);
        // Silence for more than a day beyond its time.
        for second in (305..90_000).step_by(5) {
            assert_eq!(address(&mut hops, at(second)).is_some(), second <= 300 + 86_400, "{second}");
            answer(&mut hops, at(second), Err(DnsFault::NoAnswer));
        }
        assert_eq!(hops.next(at(89_996), Place::default()), Next::End);
        assert_eq!(hops.fault(), Some(&AccountFault::NoNameServer("pbx.test".to_owned())));
    }

    #[test]
    fn a_short_time_to_live_is_obeyed_by_whoever_goes_anywhere_and_asks_nothing_while_all_is_well() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        for ttl in [0, 5] {
            let mut hops = hops();
            assert_eq!(hops.next(start, Place::default()), Next::Finding);
            answer_for(&mut hops, start, Ok([192, 0, 2, 1]), Duration::from_secs(ttl));
            let Next::Stop(stop) = hops.next(start, Place::default()) else { panic!("it was found") };
            assert_eq!(hops.refresh_at(&stop), Some(at(60)));
            hops.refresh(at(59), &stop);
            assert_eq!(hops.poll_question(), None);
            // The time of these is long over: they do not serve for another call or registration.
            assert_eq!(hops.next(at(59), Place::default()), Next::Finding, "{ttl}");
            answer_for(&mut hops, at(59), Ok([192, 0, 2, 2]), Duration::from_secs(ttl));
            assert_eq!(address(&mut hops, at(59)), Some("192.0.2.2".to_owned()));
        }
    }

    #[test]
    fn addresses_that_nobody_needed_for_long_are_looked_up_first_and_a_name_that_is_gone_is_gone() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut hops = hops();
        assert_eq!(address(&mut hops, start), None);
        answer(&mut hops, start, Ok([192, 0, 2, 1]));
        assert_eq!(hops.next(at(1000), Place::default()), Next::Finding);
        answer(&mut hops, at(1000), Ok([192, 0, 2, 2]));
        assert_eq!(address(&mut hops, at(1000)), Some("192.0.2.2".to_owned()));
        assert_eq!(hops.next(at(2000), Place::default()), Next::Finding);
        answer(&mut hops, at(2003), Err(DnsFault::NoAnswer));
        assert_eq!(address(&mut hops, at(2003)), Some("192.0.2.2".to_owned()), "better than nothing");
        assert!(address(&mut hops, at(2008)).is_some(), "also while it is asked for again");
        answer(&mut hops, at(2008), Err(DnsFault::NotFound));
        assert_eq!(hops.next(at(2008), Place::default()), Next::End);
        assert_eq!(hops.fault(), Some(&AccountFault::HostNotFound("pbx.test".to_owned())));
    }
}
