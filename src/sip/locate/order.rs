//! The order of what a name server gave in none: NAPTR by order and preference, SRV by priority and weight.

use std::collections::BTreeMap;
use std::net::IpAddr;

use rand::{Rng, RngExt};

use super::{Answer, MAX_TARGETS, Record, RecordKind};

/// Most records of one answer that are looked at.
const MAX_RECORDS: usize = 256;

/// The records of this kind in the order in which they are tried, at most [`MAX_TARGETS`].
pub(super) fn arrange(kind: RecordKind, answer: Answer, dice: &mut impl Rng) -> Answer {
    let ttl = answer.ttl;
    let mut records: Vec<Record> =
        answer.records.into_iter().filter(|record| is_of(kind, record)).take(MAX_RECORDS).collect();
    match kind {
        RecordKind::Naptr => records.sort_by_key(rank),
        RecordKind::Srv => records = by_priority_and_weight(records, dice),
        RecordKind::A | RecordKind::Aaaa => {}
    }
    records.truncate(MAX_TARGETS);
    Answer { records, ttl }
}

fn is_of(kind: RecordKind, record: &Record) -> bool {
    match (kind, record) {
        (RecordKind::Naptr, Record::Naptr { .. }) | (RecordKind::Srv, Record::Srv { .. }) => true,
        (RecordKind::A, Record::Address(address)) => address.is_ipv4(),
        (RecordKind::Aaaa, Record::Address(address)) => address.is_ipv6(),
        _ => false,
    }
}

/// What comes before what.
fn rank(record: &Record) -> (u16, u16) {
    match record {
        Record::Naptr { order, preference, .. } => (*order, *preference),
        Record::Srv { priority, .. } => (*priority, 0),
        Record::Address(_) => (0, 0),
    }
}

fn weight(record: &Record) -> u32 {
    match record {
        Record::Srv { weight, .. } => u32::from(*weight),
        Record::Naptr { .. } | Record::Address(_) => 0,
    }
}

fn by_priority_and_weight(records: Vec<Record>, dice: &mut impl Rng) -> Vec<Record> {
    let mut groups: BTreeMap<(u16, u16), Vec<Record>> = BTreeMap::new();
    for record in records {
        groups.entry(rank(&record)).or_default().push(record);
    }
    groups.into_values().flat_map(|group| by_weight(group, dice)).collect()
}

/// RFC 2782, "Weight": again and again one is drawn from the rest, each as often as its weight says. Those of weight 0 stand
/// in front, so that they are drawn, but seldom; among themselves they are shuffled.
fn by_weight(mut rest: Vec<Record>, dice: &mut impl Rng) -> Vec<Record> {
    for last in (1..rest.len()).rev() {
        rest.swap(last, dice.random_range(0..=last));
    }
    rest.sort_by_key(|record| weight(record) > 0);
    let mut drawn = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        let mut left = dice.random_range(0..=rest.iter().map(weight).sum());
        let at = rest.iter().position(|record| {
            let found = left <= weight(record);
            left = left.saturating_sub(weight(record));
            found
        });
        drawn.push(rest.remove(at.unwrap_or(0)));
    }
    drawn
}

/// IPv6 and IPv4 by turns, so that a family that leads nowhere costs one try and not all of its own (RFC 8305 4).
pub(super) fn by_turns(v6: Vec<IpAddr>, v4: Vec<IpAddr>) -> Vec<IpAddr> {
    let (mut v6, mut v4) = (v6.into_iter(), v4.into_iter());
    let mut both = Vec::new();
    loop {
        match (v6.next(), v4.next()) {
            (None, None) => return both,
            (one, other) => both.extend(one.into_iter().chain(other)),
        }
    }
}
