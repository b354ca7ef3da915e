//! Domains of which a name server says anything at all: a search comes to an end, asks little, and what it finds can be tried.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::RngExt;
use vestibule::sip::Transport;
use vestibule::sip::locate::{
    Answer, Destination, DnsFault, Families, LONGEST, Locator, MAX_OPEN, MAX_QUESTIONS, MAX_TARGETS, Question, Record,
    RecordKind, SHORTEST, Wish,
};

use crate::mutator::Mutator;
use crate::{fuzz, random_of, seeds};

const WORDS: &[&[u8]] = &[
    b"\n",
    b" ",
    b".",
    b"..",
    b"-",
    b"\\",
    b"\0",
    b"\xFF",
    b"\xC3\xA9",
    b"auto ",
    b"udp ",
    b"tls-srv ",
    b"pbx.test",
    b"a.pbx.test",
    b"_sip._udp.",
    b"_sips._tcp.",
    b" NAPTR 60 1 1 s SIP+D2U ",
    b" NAPTR 60 1 1 a SIPS+D2T ",
    b" NAPTR 60 1 1 - SIP+D2T ",
    b" SRV 60 1 1 5060 ",
    b" A 60 192.0.2.1",
    b" AAAA 60 ::1",
    b" A\n",
    b" SRV\n",
    b"255.255.255.255",
    b"::ffff:0.0.0.0",
    b"127.0.0.1",
];

/// One line of a domain: the owner and what it has, or that nobody says what it has.
fn line(line: &str) -> Option<(Question, Option<(Duration, Record)>)> {
    let words: Vec<&str> = line.split(' ').collect();
    let (owner, kind) = (words.first()?.to_ascii_lowercase(), *words.get(1)?);
    let kinds = [RecordKind::Naptr, RecordKind::Srv, RecordKind::A, RecordKind::Aaaa];
    let question = Question { name: owner, kind: kinds.into_iter().find(|known| known.name() == kind)? };
    let Some(ttl) = words.get(2) else { return Some((question, None)) };
    let number = |at: usize| words.get(at).and_then(|word| word.parse().ok());
    let text = |at: usize| words.get(at).map(|word| word.trim_matches('-').to_owned());
    let record = match question.kind {
        RecordKind::Naptr => Record::Naptr {
            order: number(3)?,
            preference: number(4)?,
            flags: text(5)?,
            service: text(6)?,
            replacement: text(7)?,
        },
        RecordKind::Srv => Record::Srv { priority: number(3)?, weight: number(4)?, port: number(5)?, target: text(6)? },
        RecordKind::A | RecordKind::Aaaa => Record::Address(words.get(3)?.parse().ok()?),
    };
    Some((question, Some((Duration::from_secs(ttl.parse::<u32>().ok()?.into()), record))))
}

fn wish(word: &str) -> Wish {
    match word {
        "udp" => Wish::Udp,
        "tcp" => Wish::Tcp,
        "tls" => Wish::Tls,
        "udp-srv" => Wish::Srv(Transport::Udp),
        "tcp-srv" => Wish::Srv(Transport::Tcp),
        "tls-srv" => Wish::Srv(Transport::Tls),
        _ => Wish::Auto,
    }
}

/// Searches in the domain that the input describes; true if something was found.
fn search(input: &[u8]) -> bool {
    let text = String::from_utf8_lossy(input);
    let (first, lines) = text.split_once('\n').unwrap_or((&text, ""));
    let (word, host) = first.split_once(' ').unwrap_or(("auto", first));
    let lines: Vec<_> = lines.lines().filter_map(line).collect();
    let answer = |question: &Question| {
        let mut records = Vec::new();
        let mut ttl = LONGEST;
        for (_, said) in lines.iter().filter(|(owner, _)| owner == question) {
            let (time, record) = said.as_ref().ok_or(DnsFault::NoAnswer)?;
            ttl = ttl.min(*time);
            records.push(record.clone());
        }
        Ok(Answer { records, ttl })
    };

    let mut dice = random_of(input);
    let destination =
        Destination { host: host.to_owned(), port: dice.random_bool(0.5).then(|| dice.random()), wish: wish(word) };
    let families = Families { v4: dice.random_ratio(9, 10), v6: dice.random_ratio(1, 2) };
    let mut locator = Locator::new(destination, families);
    let (mut open, mut asked) = (Vec::new(), BTreeSet::new());
    let outcome = loop {
        while let Some(question) = locator.poll_question() {
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
            assert!(question.name.len() <= 253 && question.name.bytes().all(plain), "{question}");
            assert!(asked.insert(question.clone()), "{question} is asked again");
            open.push(question);
        }
        assert!(open.len() <= MAX_OPEN && asked.len() <= MAX_QUESTIONS);
        match locator.outcome() {
            Some(outcome) => break outcome,
            None => assert!(!open.is_empty(), "it waits for nothing"),
        }
        let question = open.swap_remove(dice.random_range(0..open.len()));
        locator.handle_answer(&question, answer(&question), &mut dice);
    };
    let Ok(located) = outcome else { return false };
    assert!((1..=MAX_TARGETS).contains(&located.targets.len()));
    assert!((SHORTEST..=LONGEST).contains(&located.valid_for));
    for (at, target) in located.targets.iter().enumerate() {
        assert!(target.host == host && target.address.port() != 0, "{target:?}");
        assert!(!located.targets[..at].contains(target), "{target:?} is there twice");
    }
    true
}

#[test]
fn any_domain_is_searched_to_its_end() {
    let mutator = Mutator::new(seeds("corpus/dns"), WORDS, |_| {});
    fuzz("locate", 20_000, 4_000_000, mutator, search);
}
