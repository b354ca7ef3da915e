//! From a message of a name server to the records that were asked for, along its aliases.

use std::net::IpAddr;
use std::time::Duration;

use hickory_resolver::proto::op::{Message, Query};
use hickory_resolver::proto::rr::{DNSClass, Name, RData, RecordType};

use super::servers::Servers;
use crate::sip::locate::{Answer, DnsFault, Record, RecordKind};

/// Most aliases from one name to the next.
const MAX_ALIASES: usize = 8;

/// What one message says about a name.
#[derive(Debug, PartialEq)]
enum Read {
    /// Here they are.
    Records(Answer),
    /// The name is another one, about which nothing is said.
    Alias(Name, Duration),
    /// Nothing.
    Nothing,
}

/// Asks for the records of a name, and for those of the names that it stands for.
pub(super) async fn follow(servers: &Servers, mut name: Name, kind: RecordKind) -> Result<Answer, DnsFault> {
    let mut shortest = Duration::MAX;
    for _ in 0..MAX_ALIASES {
        let message = servers.ask(&Query::query(name.clone(), record_type(kind))).await?;
        match read(&message, &name, kind) {
            Read::Records(answer) => return Ok(Answer { ttl: answer.ttl.min(shortest), ..answer }),
            Read::Alias(next, ttl) => (name, shortest) = (next, ttl.min(shortest)),
            Read::Nothing => break,
        }
    }
    Err(DnsFault::NotFound)
}

fn read(message: &Message, name: &Name, kind: RecordKind) -> Read {
    let (mut current, mut shortest) = (name, u32::MAX);
    for _ in 0..=MAX_ALIASES {
        let here = || message.answers.iter().filter(|r| r.dns_class == DNSClass::IN && r.name == *current);
        let wanted = || here().filter(|record| record.record_type() == record_type(kind));
        if wanted().next().is_some() {
            let ttl = wanted().map(|record| record.ttl).fold(shortest, u32::min);
            let records = wanted().filter_map(|found| record(&found.data)).collect();
            return Read::Records(Answer { records, ttl: seconds(ttl) });
        }
        let alias = here().find_map(|record| match &record.data {
            RData::CNAME(target) => Some((&target.0, record.ttl)),
            _ => None,
        });
        match alias {
            Some((target, ttl)) => (current, shortest) = (target, shortest.min(ttl)),
            None if current == name => return Read::Nothing,
            None => return Read::Alias(current.clone(), seconds(shortest)),
        }
    }
    Read::Nothing
}

/// The record, if it is one that leads on.
fn record(found: &RData) -> Option<Record> {
    Some(match found {
        RData::A(address) => Record::Address(IpAddr::V4(address.0)),
        RData::AAAA(address) => Record::Address(IpAddr::V6(address.0)),
        RData::SRV(srv) => {
            Record::Srv { priority: srv.priority, weight: srv.weight, port: srv.port, target: text(&srv.target) }
        }
        RData::NAPTR(naptr) if naptr.regexp.is_empty() => Record::Naptr {
            order: naptr.order,
            preference: naptr.preference,
            flags: String::from_utf8_lossy(&naptr.flags).into_owned(),
            service: String::from_utf8_lossy(&naptr.services).into_owned(),
            replacement: text(&naptr.replacement),
        },
        _ => return None,
    })
}

/// The name without the dot at its end; the root is `.`. What does not belong into a name is escaped, and no name of a host
/// any more.
fn text(name: &Name) -> String {
    let text = name.to_lowercase().to_ascii();
    match text.strip_suffix('.') {
        Some(plain) if !plain.is_empty() => plain.to_owned(),
        _ => text,
    }
}

/// A time to live. With its highest bit set it is none (RFC 2181 8).
fn seconds(ttl: u32) -> Duration {
    Duration::from_secs(if ttl > i32::MAX as u32 { 0 } else { u64::from(ttl) })
}

fn record_type(kind: RecordKind) -> RecordType {
    match kind {
        RecordKind::Naptr => RecordType::NAPTR,
        RecordKind::Srv => RecordType::SRV,
        RecordKind::A => RecordType::A,
        RecordKind::Aaaa => RecordType::AAAA,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_resolver::proto::op::OpCode;
    use hickory_resolver::proto::rr::Record as Wire;
    use hickory_resolver::proto::rr::rdata::{A, CNAME, NAPTR, SRV};
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    fn name(text: &str) -> Name {
        Name::from_ascii(text).expect("a name")
    }

    /// A message of all that is read, about `pbx.test.`.
    fn message() -> Message {
        let mut message = Message::response(7, OpCode::Query);
        let naptr = |flags: &str, service: &str, regexp: &str, next: &str| {
            let bytes = |text: &str| text.as_bytes().to_vec().into_boxed_slice();
            RData::NAPTR(NAPTR::new(10, 20, bytes(flags), bytes(service), bytes(regexp), name(next)))
        };
        let records = [
            ("pbx.test.", RData::CNAME(CNAME(name("Real.test.")))),
            ("real.test.", RData::A(A::new(192, 0, 2, 1))),
            ("real.test.", RData::SRV(SRV::new(1, 2, 3, name("a.pbx.test.")))),
            ("real.test.", naptr("s", "SIP+D2U", "", "_sip._udp.pbx.test.")),
            ("real.test.", naptr("u", "E2U+sip", "!^.*$!sip:info@example.test!", ".")),
        ];
        message.add_answers(records.map(|(owner, data)| Wire::from_rdata(name(owner), 60, data)));
        message
    }

    #[test]
    fn naptr_records_are_read_but_for_those_that_rewrite() {
        let Read::Records(answer) = read(&message(), &name("pbx.test."), RecordKind::Naptr) else {
            panic!("they are there")
        };
        let expected = Record::Naptr {
            order: 10,
            preference: 20,
            flags: "s".to_owned(),
            service: "SIP+D2U".to_owned(),
            replacement: "_sip._udp.pbx.test".to_owned(),
        };
        assert_eq!((answer.records, answer.ttl), (vec![expected], Duration::from_secs(60)));
        let alias = Read::Alias(name("real.test."), Duration::from_secs(60));
        assert_eq!(read(&message(), &name("pbx.test."), RecordKind::Aaaa), alias);
        assert_eq!(read(&message(), &name("other.test."), RecordKind::A), Read::Nothing);
    }

    #[test]
    fn whatever_a_message_holds_it_is_read_to_its_end() {
        let mut dice = StdRng::seed_from_u64(1);
        let good = message().to_vec().expect("it can be written");
        let mut parsed = 0;
        for _ in 0..50_000 {
            let mut bytes = good.clone();
            for _ in 0..dice.random_range(1..8) {
                let at = dice.random_range(0..bytes.len());
                match dice.random_range(0..4) {
                    0 => bytes[at] = dice.random(),
                    // A pointer, perhaps to itself.
                    1 => bytes[at] = 0xC0 | dice.random_range(0..2_u8),
                    2 => bytes.insert(at, dice.random()),
                    _ => drop(bytes.splice(at..at, good[..at.min(40)].iter().copied())),
                }
            }
            let Ok(message) = Message::from_vec(&bytes) else { continue };
            parsed += 1;
            for kind in [RecordKind::Naptr, RecordKind::Srv, RecordKind::A, RecordKind::Aaaa] {
                if let Read::Records(answer) = read(&message, &name("pbx.test."), kind) {
                    assert!(answer.records.len() <= message.answers.len());
                }
            }
        }
        assert!(parsed > 1_000, "only {parsed} were messages at all");
    }
}
