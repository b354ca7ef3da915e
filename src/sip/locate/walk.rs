//! One walk from the name to the addresses with the answers that are there. It is taken anew with each further answer, from
//! the beginning, so that the order of the targets is that of the records and not that in which the answers came.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{
    Answer, Destination, DnsFault, Families, LONGEST, LocateFault, Located, MAX_QUESTIONS, MAX_TARGETS, PARTIAL,
    Question, Record, RecordKind, Reply, SHORTEST, Target, Wish, order, plain,
};
use crate::sip::path::Transport;

/// Most NAPTR records that lead to each other.
const MAX_CHAIN: usize = 4;

/// The transports in the order in which they are looked for where a domain recommends none.
const TRANSPORTS: [Transport; 3] = [Transport::Udp, Transport::Tcp, Transport::Tls];

/// What came of one branch; of several the greatest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    /// There are no records.
    Nothing,
    /// No name server said whether there are any.
    Silence,
    /// Not known yet.
    Later,
    /// There are some.
    Something,
}

/// A walk and what it brought together.
pub(super) struct Walk<'a> {
    host: &'a str,
    families: Families,
    replies: &'a BTreeMap<Question, Reply>,
    /// What came of the services that were followed.
    seen: BTreeMap<(String, RecordKind, Option<Transport>), Found>,
    /// Questions that have not been asked yet.
    pub wanted: Vec<Question>,
    targets: Vec<Target>,
    /// The shortest of the answers used.
    ttl: Duration,
    /// Answers about services are missing that will come: which hosts matter most is not known before.
    is_early: bool,
    /// Answers are missing that will come.
    is_waiting: bool,
    /// Answers are missing that will not come.
    is_partial: bool,
    /// A domain says that it does not offer the service.
    is_refused: bool,
}

impl<'a> Walk<'a> {
    /// Goes as far as the replies lead.
    pub fn through(destination: &'a Destination, families: Families, replies: &'a BTreeMap<Question, Reply>) -> Self {
        let host = destination.host.as_str();
        let mut walk = Walk {
            host,
            families,
            replies,
            seen: BTreeMap::new(),
            wanted: Vec::new(),
            targets: Vec::new(),
            ttl: LONGEST,
            is_early: replies.iter().any(|(question, reply)| *reply == Reply::Awaited && question.kind.is_of_service()),
            is_waiting: false,
            is_partial: false,
            is_refused: false,
        };
        let asks_for_services = host.parse::<IpAddr>().is_err() && plain(host).is_some() && families.any();
        match destination.wish {
            Wish::Auto if asks_for_services => walk.auto(),
            Wish::Srv(transport) if asks_for_services => walk.over(transport),
            Wish::Auto => walk.straight(Transport::Udp, None),
            Wish::Srv(transport) => walk.straight(transport, None),
            Wish::Udp => walk.straight(Transport::Udp, destination.port),
            Wish::Tcp => walk.straight(Transport::Tcp, destination.port),
            Wish::Tls => walk.straight(Transport::Tls, destination.port),
        }
        walk
    }

    /// What came of it, once nothing is missing any more.
    pub fn outcome(&self) -> Option<Result<Located, LocateFault>> {
        if self.is_waiting {
            return None;
        }
        if !self.targets.is_empty() {
            let longest = if self.is_partial { PARTIAL } else { LONGEST };
            let valid_for = self.ttl.clamp(SHORTEST, longest);
            return Some(Ok(Located { targets: self.targets.clone(), valid_for }));
        }
        Some(Err(if !self.families.any() {
            LocateFault::NoRoute
        } else if self.is_partial {
            LocateFault::NoAnswer
        } else if self.is_refused {
            LocateFault::NotOffered
        } else {
            LocateFault::NotFound
        }))
    }

    /// No services are asked for (RFC 3263 4.2).
    fn straight(&mut self, transport: Transport, port: Option<u16>) {
        self.addresses(self.host, port.unwrap_or(transport.default_port()), transport);
    }

    /// RFC 3263 4.1 and 4.2 with no transport given.
    fn auto(&mut self) {
        let host = self.host;
        let recommended = self.naptr(host, None, 0);
        if recommended >= Found::Later || self.is_refused {
            return;
        }
        let mut offered = Found::Nothing;
        for transport in TRANSPORTS {
            offered = offered.max(self.srv(&service(transport, host), transport));
        }
        // A name server that is silent about NAPTR is asked the rest at once: another silence is not waited for twice.
        let hurries = recommended == Found::Silence && offered == Found::Later;
        if (offered < Found::Later && !self.is_refused) || hurries {
            self.straight(Transport::Udp, None);
        }
    }

    /// RFC 3263 4.2 with the transport given.
    fn over(&mut self, transport: Transport) {
        let host = self.host;
        if self.srv(&service(transport, host), transport) < Found::Later && !self.is_refused {
            self.straight(transport, None);
        }
    }

    /// The transports that a domain recommends and we speak; `only` one of them behind a first NAPTR record. `depth` is how
    /// many such records led here.
    fn naptr(&mut self, name: &str, only: Option<Transport>, depth: usize) -> Found {
        if depth >= MAX_CHAIN {
            return Found::Nothing;
        }
        self.once(name, RecordKind::Naptr, only, |walk, records| {
            let mut found = Found::Nothing;
            for record in records {
                let Record::Naptr { flags, service, replacement, .. } = record else { continue };
                let Some(transport) = spoken(service).filter(|spoken| only.is_none_or(|only| only == *spoken)) else {
                    continue;
                };
                found = found.max(match flags.to_ascii_lowercase().as_str() {
                    "s" => walk.srv(replacement, transport),
                    "a" => walk.addresses(replacement, transport.default_port(), transport),
                    "" => walk.naptr(replacement, Some(transport), depth + 1),
                    _ => Found::Nothing,
                });
            }
            found
        })
    }

    /// The hosts that offer a service, and their addresses.
    fn srv(&mut self, name: &str, transport: Transport) -> Found {
        self.once(name, RecordKind::Srv, Some(transport), |walk, records| {
            let mut found = Found::Nothing;
            for record in records {
                let Record::Srv { port, target, .. } = record else { continue };
                if target != "." {
                    found = Found::Something;
                    walk.addresses(target, *port, transport);
                }
            }
            walk.is_refused |= found == Found::Nothing;
            found
        })
    }

    /// Follows the records of a service, and not again when others lead to them as well: however they are knit, the walk
    /// is short.
    fn once(
        &mut self,
        name: &str,
        kind: RecordKind,
        transport: Option<Transport>,
        follow: impl FnOnce(&mut Self, &[Record]) -> Found,
    ) -> Found {
        let Some(name) = plain(name) else { return Found::Nothing };
        let place = (name, kind, transport);
        if let Some(found) = self.seen.get(&place) {
            return *found;
        }
        let records = match self.reply(&place.0, kind) {
            Ok(answer) => &answer.records,
            Err(found) => return found,
        };
        self.seen.insert(place.clone(), Found::Nothing);
        let found = follow(self, records);
        self.seen.insert(place, found);
        found
    }

    /// The addresses of a host.
    fn addresses(&mut self, host: &str, port: u16, transport: Transport) -> Found {
        if let Ok(address) = host.parse() {
            self.add(address, port, transport);
            return Found::Something;
        }
        let Families { v4, v6 } = self.families;
        let mut family = |is_of_use: bool, kind: RecordKind| {
            if !is_of_use {
                return (Found::Nothing, Vec::new());
            }
            match self.reply(host, kind) {
                Ok(answer) => (Found::Something, answer.records.iter().filter_map(address).collect()),
                Err(found) => (found, Vec::new()),
            }
        };
        let (first, v6) = family(v6, RecordKind::Aaaa);
        let (second, v4) = family(v4, RecordKind::A);
        for address in order::by_turns(v6, v4) {
            self.add(address, port, transport);
        }
        first.max(second)
    }

    fn add(&mut self, address: IpAddr, port: u16, transport: Transport) {
        let target = Target { transport, address: SocketAddr::new(address, port), host: self.host.to_owned() };
        if port != 0 && self.targets.len() < MAX_TARGETS && !self.targets.contains(&target) {
            self.targets.push(target);
        }
    }

    /// What is known about a question, which is wanted if it was never asked.
    fn reply(&mut self, name: &str, kind: RecordKind) -> Result<&'a Answer, Found> {
        let question = plain(name).map(|name| Question { name, kind }).ok_or(Found::Nothing)?;
        match self.replies.get(&question) {
            Some(Reply::Came(answer)) => {
                self.ttl = self.ttl.min(answer.ttl);
                Ok(answer)
            }
            Some(Reply::Failed(DnsFault::NotFound)) => Err(Found::Nothing),
            Some(Reply::Failed(DnsFault::NoAnswer)) => {
                self.is_partial = true;
                Err(Found::Silence)
            }
            Some(Reply::Awaited) => {
                self.is_waiting = true;
                Err(Found::Later)
            }
            None if self.replies.len() + self.wanted.len() >= MAX_QUESTIONS => Err(Found::Nothing),
            None => {
                self.is_waiting = true;
                if !self.wanted.contains(&question) && (kind.is_of_service() || !self.is_early) {
                    self.wanted.push(question);
                }
                Err(Found::Later)
            }
        }
    }
}

impl RecordKind {
    /// Whether it is not about a host but leads to one.
    fn is_of_service(self) -> bool {
        matches!(self, Self::Naptr | Self::Srv)
    }
}

impl Families {
    /// Whether a route leads anywhere.
    fn any(self) -> bool {
        self.v4 || self.v6
    }
}

/// The name under which a domain lists who offers SIP (RFC 3263 4.1).
fn service(transport: Transport, domain: &str) -> String {
    let labels = match transport {
        Transport::Udp => "_sip._udp",
        Transport::Tcp => "_sip._tcp",
        Transport::Tls => "_sips._tcp",
    };
    format!("{labels}.{domain}")
}

/// The transport of a NAPTR service, if we speak it (RFC 3263 4.1).
fn spoken(service: &str) -> Option<Transport> {
    let names = [("SIP+D2U", Transport::Udp), ("SIP+D2T", Transport::Tcp), ("SIPS+D2T", Transport::Tls)];
    names.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(service)).map(|(_, transport)| transport)
}

/// The address, if one machine can have it and it needs no interface beside it.
fn address(record: &Record) -> Option<IpAddr> {
    let Record::Address(address) = record else { return None };
    let address = address.to_canonical();
    let is_one_machine = match address {
        IpAddr::V4(v4) => !v4.is_broadcast(),
        IpAddr::V6(v6) => !v6.is_unicast_link_local(),
    };
    (is_one_machine && !address.is_unspecified() && !address.is_multicast()).then_some(address)
}
