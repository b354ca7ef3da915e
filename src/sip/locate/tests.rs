//! Searches in domains that are made up here.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Instant;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;

const BOTH: Families = Families { v4: true, v6: true };
const V4: Families = Families { v4: true, v6: false };
const V6: Families = Families { v4: false, v6: true };

/// What a name server knows.
#[derive(Default)]
struct Zone {
    answers: BTreeMap<Question, Answer>,
    /// Questions that it does not answer.
    silent: BTreeSet<Question>,
}

impl Zone {
    fn add(mut self, name: &str, kind: RecordKind, ttl: u64, record: Record) -> Self {
        let question = question(kind, name);
        let empty = Answer { records: Vec::new(), ttl: LONGEST };
        let answer = self.answers.entry(question).or_insert(empty);
        answer.records.push(record);
        answer.ttl = answer.ttl.min(Duration::from_secs(ttl));
        self
    }

    fn host(self, name: &str, addresses: &[&str]) -> Self {
        addresses.iter().fold(self, |zone, address| {
            let address: IpAddr = address.parse().expect("an address");
            let kind = if address.is_ipv4() { RecordKind::A } else { RecordKind::Aaaa };
            zone.add(name, kind, 600, Record::Address(address))
        })
    }

    fn srv(self, name: &str, priority: u16, weight: u16, port: u16, target: &str) -> Self {
        self.add(name, RecordKind::Srv, 300, Record::Srv { priority, weight, port, target: target.to_owned() })
    }

    fn naptr(self, name: &str, (order, preference): (u16, u16), flags: &str, service: &str, replacement: &str) -> Self {
        let (flags, service, replacement) = (flags.to_owned(), service.to_owned(), replacement.to_owned());
        let record = Record::Naptr { order, preference, flags, service, replacement };
        self.add(name, RecordKind::Naptr, 900, record)
    }

    fn silent(mut self, kind: RecordKind, name: &str) -> Self {
        self.silent.insert(question(kind, name));
        self
    }

    fn answer(&self, question: &Question) -> Result<Answer, DnsFault> {
        match self.answers.get(question) {
            _ if self.silent.contains(question) => Err(DnsFault::NoAnswer),
            Some(answer) => Ok(answer.clone()),
            None => Err(DnsFault::NotFound),
        }
    }
}

/// A search that has come to its end, and what it asked, in one line for each time it had to wait.
struct Search {
    outcome: Result<Located, LocateFault>,
    rounds: Vec<String>,
}

impl Search {
    /// Looks in a zone; the answers of each round come in any order.
    fn with(zone: &Zone, destination: Destination, families: Families, dice: &mut StdRng) -> Self {
        let mut locator = Locator::new(destination, families);
        let mut rounds = Vec::new();
        loop {
            let mut asked: Vec<Question> = std::iter::from_fn(|| locator.poll_question()).collect();
            if asked.is_empty() {
                let outcome = locator.outcome().expect("a search without open questions is over");
                return Search { outcome, rounds };
            }
            assert!(asked.len() <= MAX_OPEN);
            let words: Vec<String> = asked.iter().map(Question::to_string).collect();
            rounds.push(words.join(", "));
            assert!(rounds.len() <= MAX_QUESTIONS);
            while !asked.is_empty() {
                let question = asked.swap_remove(dice.random_range(0..asked.len()));
                locator.handle_answer(&question, zone.answer(&question), dice);
            }
        }
    }

    fn new(zone: &Zone, host: &str, wish: Wish, families: Families) -> Self {
        let destination = Destination { host: host.to_owned(), port: Some(5099), wish };
        Self::with(zone, destination, families, &mut StdRng::seed_from_u64(1))
    }

    /// The targets as `status` writes them.
    fn targets(&self) -> Vec<String> {
        let located = self.outcome.as_ref().expect("it was found");
        located.targets.iter().map(|target| format!("{}:{}", target.transport.name(), target.address)).collect()
    }

    fn fault(&self) -> LocateFault {
        *self.outcome.as_ref().expect_err("nothing was found")
    }

    fn valid_for(&self) -> u64 {
        self.outcome.as_ref().expect("it was found").valid_for.as_secs()
    }
}

fn question(kind: RecordKind, name: &str) -> Question {
    Question { name: name.to_owned(), kind }
}

fn pbx() -> Zone {
    Zone::default()
        .host("pbx.test", &["192.0.2.1", "192.0.2.2", "2001:db8::1"])
        .host("a.pbx.test", &["192.0.2.10"])
        .host("b.pbx.test", &["192.0.2.20", "2001:db8::20"])
        .host("c.pbx.test", &["2001:db8::30"])
}

#[test]
fn an_address_is_found_without_a_question() {
    let zone = Zone::default();
    let cases = [
        ("192.0.2.7", Wish::Udp, "udp:192.0.2.7:5099"),
        ("2001:db8::7", Wish::Tls, "tls:[2001:db8::7]:5099"),
        ("192.0.2.7", Wish::Auto, "udp:192.0.2.7:5060"),
        ("192.0.2.7", Wish::Srv(Transport::Tls), "tls:192.0.2.7:5061"),
    ];
    for (host, wish, expected) in cases {
        // No route is needed to be tried: the loopback has none.
        let search = Search::new(&zone, host, wish, Families { v4: false, v6: false });
        assert_eq!(search.targets(), [expected]);
        assert!(search.rounds.is_empty());
        assert_eq!(search.valid_for(), LONGEST.as_secs());
        assert_eq!(search.outcome.expect("found").targets[0].host, host);
    }
}

#[test]
fn a_given_transport_asks_for_addresses_alone_and_for_both_kinds_at_once() {
    let search = Search::new(&pbx(), "PBX.test.", Wish::Tcp, BOTH);
    assert_eq!(search.rounds, ["AAAA pbx.test, A pbx.test"]);
    assert_eq!(search.targets(), ["tcp:[2001:db8::1]:5099", "tcp:192.0.2.1:5099", "tcp:192.0.2.2:5099"]);
    assert_eq!(search.valid_for(), 600);
    let default = |wish| Destination { host: "a.pbx.test".to_owned(), port: None, wish };
    for (wish, expected) in [(Wish::Udp, "udp:192.0.2.10:5060"), (Wish::Tls, "tls:192.0.2.10:5061")] {
        let search = Search::with(&pbx(), default(wish), BOTH, &mut StdRng::seed_from_u64(1));
        assert_eq!(search.targets(), [expected]);
    }
}

#[test]
fn only_what_a_route_leads_to_is_asked_for() {
    let search = Search::new(&pbx(), "pbx.test", Wish::Udp, V6);
    assert_eq!(search.rounds, ["AAAA pbx.test"]);
    assert_eq!(search.targets(), ["udp:[2001:db8::1]:5099"]);
    assert_eq!(Search::new(&pbx(), "a.pbx.test", Wish::Udp, V6).fault(), LocateFault::NotFound);
    for wish in [Wish::Udp, Wish::Auto, Wish::Srv(Transport::Tcp)] {
        let search = Search::new(&pbx(), "pbx.test", wish, Families { v4: false, v6: false });
        assert_eq!((search.fault(), search.rounds.len()), (LocateFault::NoRoute, 0));
    }
}

#[test]
fn naptr_srv_and_addresses_give_one_list_in_order() {
    let zone = pbx()
        .naptr("pbx.test", (20, 1), "s", "SIP+D2U", "_sip._udp.pbx.test")
        .naptr("pbx.test", (10, 20), "S", "sip+d2t", "_sip._tcp.PBX.test.")
        .naptr("pbx.test", (10, 10), "s", "SIPS+D2T", "_sips._tcp.pbx.test")
        .srv("_sip._udp.pbx.test", 1, 0, 5070, "a.pbx.test")
        .srv("_sip._tcp.pbx.test", 2, 0, 5072, "b.pbx.test")
        .srv("_sip._tcp.pbx.test", 1, 0, 5071, "A.pbx.test.")
        .srv("_sips._tcp.pbx.test", 1, 0, 5073, "c.pbx.test");
    let search = Search::new(&zone, "pbx.test", Wish::Auto, BOTH);
    let expected = [
        "tls:[2001:db8::30]:5073",
        "tcp:192.0.2.10:5071",
        "tcp:[2001:db8::20]:5072",
        "tcp:192.0.2.20:5072",
        "udp:192.0.2.10:5070",
    ];
    assert_eq!(search.targets(), expected);
    let services = "SRV _sips._tcp.pbx.test, SRV _sip._tcp.pbx.test, SRV _sip._udp.pbx.test";
    assert_eq!(search.rounds[..2], ["NAPTR pbx.test", services]);
    assert_eq!(search.rounds.len(), 3, "{:?}", search.rounds);
    assert_eq!(search.valid_for(), 300, "the shortest counts");
    let located = search.outcome.expect("found");
    assert!(located.targets.iter().all(|target| target.host == "pbx.test"), "the certificate is for the domain");
    // One transport that is wished for leaves NAPTR out.
    let over_tcp = Search::new(&zone, "pbx.test", Wish::Srv(Transport::Tcp), V4);
    assert_eq!(over_tcp.rounds, ["SRV _sip._tcp.pbx.test", "A a.pbx.test, A b.pbx.test"]);
    assert_eq!(over_tcp.targets(), ["tcp:192.0.2.10:5071", "tcp:192.0.2.20:5072"]);
}

#[test]
fn services_that_we_do_not_speak_are_passed_over() {
    let zone = pbx()
        .naptr("pbx.test", (1, 1), "s", "SIP+D2S", "_sip._sctp.pbx.test")
        .naptr("pbx.test", (1, 2), "u", "E2U+sip", "")
        .naptr("pbx.test", (1, 3), "p", "SIP+D2U", "a.pbx.test")
        .naptr("pbx.test", (1, 4), "s", "SIP+D2U", ".")
        .srv("_sip._tcp.pbx.test", 1, 0, 5071, "a.pbx.test");
    let search = Search::new(&zone, "pbx.test", Wish::Auto, V4);
    assert_eq!(search.targets(), ["tcp:192.0.2.10:5071"], "as if there were no NAPTR records");
    let zone = zone.naptr("pbx.test", (9, 9), "a", "SIPS+D2T", "b.pbx.test");
    let search = Search::new(&zone, "pbx.test", Wish::Auto, V4);
    assert_eq!(search.targets(), ["tls:192.0.2.20:5061"], "an address may follow without SRV");
}

#[test]
fn without_naptr_all_three_services_are_asked_for_at_once_and_without_these_the_host() {
    let zone =
        pbx().srv("_sips._tcp.pbx.test", 1, 0, 5073, "a.pbx.test").srv("_sip._udp.pbx.test", 1, 0, 5070, "a.pbx.test");
    let search = Search::new(&zone, "pbx.test", Wish::Auto, V4);
    let services = "SRV _sip._udp.pbx.test, SRV _sip._tcp.pbx.test, SRV _sips._tcp.pbx.test";
    assert_eq!(search.rounds, ["NAPTR pbx.test", services, "A a.pbx.test"]);
    assert_eq!(search.targets(), ["udp:192.0.2.10:5070", "tls:192.0.2.10:5073"]);

    let search = Search::new(&pbx(), "pbx.test", Wish::Auto, V4);
    assert_eq!(search.rounds, ["NAPTR pbx.test", services, "A pbx.test"]);
    assert_eq!(search.targets(), ["udp:192.0.2.1:5060", "udp:192.0.2.2:5060"], "the port that is set does not count");
    let search = Search::new(&pbx(), "pbx.test", Wish::Srv(Transport::Tls), V4);
    assert_eq!(search.targets()[0], "tls:192.0.2.1:5061");
    assert_eq!(Search::new(&pbx(), "elsewhere.test", Wish::Auto, BOTH).fault(), LocateFault::NotFound);
}

#[test]
fn a_dot_says_that_there_is_no_such_service() {
    let zone = pbx().srv("_sip._udp.pbx.test", 0, 0, 0, ".");
    for wish in [Wish::Auto, Wish::Srv(Transport::Udp)] {
        let search = Search::new(&zone, "pbx.test", wish, BOTH);
        assert_eq!(search.fault(), LocateFault::NotOffered, "the host is not asked behind its back");
        assert!(!search.rounds.join(" ").contains("A pbx.test"));
    }
    let zone = zone.srv("_sip._tcp.pbx.test", 0, 0, 5071, "a.pbx.test");
    assert_eq!(Search::new(&zone, "pbx.test", Wish::Auto, BOTH).targets(), ["tcp:192.0.2.10:5071"]);
    let zone = zone.naptr("pbx.test", (1, 1), "s", "SIP+D2U", "_sip._udp.pbx.test");
    assert_eq!(Search::new(&zone, "pbx.test", Wish::Auto, BOTH).fault(), LocateFault::NotOffered);
}

#[test]
fn one_target_that_cannot_be_resolved_leaves_the_others() {
    let zone = pbx()
        .srv("_sip._udp.pbx.test", 1, 0, 5070, "gone.pbx.test")
        .srv("_sip._udp.pbx.test", 2, 0, 5070, "a.pbx.test")
        .srv("_sip._udp.pbx.test", 3, 0, 5070, "b.pbx.test");
    let wish = Wish::Srv(Transport::Udp);
    let search = Search::new(&zone, "pbx.test", wish, V4);
    assert_eq!(search.targets(), ["udp:192.0.2.10:5070", "udp:192.0.2.20:5070"]);
    assert_eq!(search.valid_for(), 300, "that it is gone is an answer");
    let zone = zone.silent(RecordKind::A, "a.pbx.test");
    let search = Search::new(&zone, "pbx.test", wish, V4);
    assert_eq!(search.targets(), ["udp:192.0.2.20:5070"]);
    assert_eq!(search.valid_for(), PARTIAL.as_secs(), "what is missing is asked for again soon");
    let zone = zone.silent(RecordKind::A, "b.pbx.test");
    let search = Search::new(&zone, "pbx.test", wish, V4);
    assert_eq!(search.fault(), LocateFault::NoAnswer);
    assert!(!search.rounds.join(" ").contains("A pbx.test"), "a service that is there is not gone around");
}

#[test]
fn a_name_server_that_is_silent_is_not_waited_for_three_times() {
    let services = ["_sip._udp.pbx.test", "_sip._tcp.pbx.test", "_sips._tcp.pbx.test"];
    let zone = pbx().silent(RecordKind::Naptr, "pbx.test").silent(RecordKind::A, "pbx.test");
    let silent = services.iter().fold(zone, |zone, name| zone.silent(RecordKind::Srv, name));
    let search = Search::new(&silent, "pbx.test", Wish::Auto, V4);
    assert_eq!((search.fault(), search.rounds.len()), (LocateFault::NoAnswer, 2));
    // Some routers know no NAPTR: the rest is found all the same.
    let deaf = pbx().silent(RecordKind::Naptr, "pbx.test");
    let search = Search::new(&deaf, "pbx.test", Wish::Auto, V4);
    assert_eq!(
        (search.targets(), search.rounds.len()),
        (vec!["udp:192.0.2.1:5060".into(), "udp:192.0.2.2:5060".into()], 2)
    );
    assert_eq!(search.valid_for(), PARTIAL.as_secs());
    let deaf = deaf.srv(services[1], 1, 1, 5071, "b.pbx.test");
    assert_eq!(Search::new(&deaf, "pbx.test", Wish::Auto, V4).targets(), ["tcp:192.0.2.20:5071"]);
}

#[test]
fn weights_say_how_often_a_target_comes_first() {
    let mut zone = Zone::default();
    let weights: [u16; 4] = [60, 30, 10, 0];
    for (index, weight) in (1..).zip(weights) {
        zone = zone.host(&format!("h{index}.test"), &[&format!("192.0.2.{index}")]);
        zone = zone.srv("_sip._udp.pbx.test", 5, weight, 5060, &format!("h{index}.test"));
    }
    // However heavy, it comes after those of a lower priority.
    zone = zone.host("last.test", &["192.0.2.99"]).srv("_sip._udp.pbx.test", 6, 65_535, 5060, "last.test");
    let mut dice = StdRng::seed_from_u64(7);
    let (mut first, mut second) = ([0; 4], [0; 4]);
    const ROUNDS: usize = 4_000;
    for _ in 0..ROUNDS {
        let wish = Wish::Srv(Transport::Udp);
        let destination = Destination { host: "pbx.test".into(), port: None, wish };
        let search = Search::with(&zone, destination, V4, &mut dice);
        let targets = search.outcome.expect("found").targets;
        let last_byte = |at: usize| match targets[at].address.ip() {
            IpAddr::V4(address) => usize::from(address.octets()[3]),
            IpAddr::V6(_) => panic!("there is none"),
        };
        assert_eq!((targets.len(), last_byte(4)), (5, 99));
        first[last_byte(0) - 1] += 1;
        if last_byte(0) == 1 {
            second[last_byte(1) - 1] += 1;
        }
    }
    let near = |count: usize, of: usize, share: f64| (count as f64 / of as f64 - share).abs() < 0.03;
    assert!(near(first[0], ROUNDS, 0.6) && near(first[1], ROUNDS, 0.3) && near(first[2], ROUNDS, 0.1), "{first:?}");
    // Once in 101 draws.
    assert!((20..65).contains(&first[3]), "seldom, but not never: {first:?}");
    assert!(near(second[1], first[0], 0.73) && near(second[2], first[0], 0.24), "{second:?}");
}

#[test]
fn equal_targets_without_weights_share_the_load() {
    let mut zone = Zone::default();
    for index in 1..=4 {
        zone = zone.host(&format!("h{index}.test"), &[&format!("192.0.2.{index}")]);
        zone = zone.srv("_sip._udp.pbx.test", 0, 0, 5060, &format!("h{index}.test"));
    }
    let mut counts = BTreeMap::new();
    for seed in 0..400 {
        let destination = Destination { host: "pbx.test".into(), port: None, wish: Wish::Srv(Transport::Udp) };
        let search = Search::with(&zone, destination, V4, &mut StdRng::seed_from_u64(seed));
        *counts.entry(search.targets()[0].clone()).or_insert(0) += 1;
    }
    assert!(counts.len() == 4 && counts.values().all(|count| (70..130).contains(count)), "{counts:?}");
}

#[test]
fn what_is_there_twice_is_tried_once() {
    let zone = pbx()
        .srv("_sip._udp.pbx.test", 1, 0, 5070, "a.pbx.test")
        .srv("_sip._udp.pbx.test", 2, 0, 5070, "same.test")
        .host("same.test", &["192.0.2.10", "::ffff:192.0.2.10", "192.0.2.11"]);
    let search = Search::new(&zone, "pbx.test", Wish::Srv(Transport::Udp), BOTH);
    assert_eq!(search.targets(), ["udp:192.0.2.10:5070", "udp:192.0.2.11:5070"]);
}

#[test]
fn addresses_that_are_no_machine_are_left_out() {
    let nobody = ["0.0.0.0", "255.255.255.255", "224.0.0.1", "::", "ff02::1", "fe80::1", "::ffff:0.0.0.0"];
    let zone = Zone::default().host("pbx.test", &nobody);
    assert_eq!(Search::new(&zone, "pbx.test", Wish::Udp, BOTH).fault(), LocateFault::NotFound);
    let zone = zone.host("pbx.test", &["127.0.0.1"]).srv("_sip._udp.pbx.test", 1, 1, 0, "pbx.test");
    assert_eq!(Search::new(&zone, "pbx.test", Wish::Udp, BOTH).targets(), ["udp:127.0.0.1:5099"]);
    let search = Search::new(&zone, "pbx.test", Wish::Srv(Transport::Udp), BOTH);
    assert_eq!(search.fault(), LocateFault::NotFound, "nobody listens at port 0");
}

#[test]
fn naptr_records_that_lead_to_each_other_come_to_an_end() {
    let chain = |zone: Zone, from: &str, to: &str| zone.naptr(from, (1, 1), "", "SIP+D2U", to);
    let zone = chain(chain(chain(pbx(), "pbx.test", "x.test"), "x.test", "y.test"), "y.test", "pbx.test");
    let search = Search::new(&zone, "pbx.test", Wish::Auto, V4);
    assert_eq!(search.targets()[0], "udp:192.0.2.1:5060", "the circle leads nowhere, the host is there");
    assert!(search.rounds.len() <= 5, "{:?}", search.rounds);

    let found = chain(Zone::default(), "pbx.test", "x.test")
        .naptr("x.test", (1, 1), "s", "SIP+D2T", "_sip._tcp.x.test")
        .naptr("x.test", (1, 2), "s", "SIP+D2U", "_sip._udp.x.test")
        .srv("_sip._udp.x.test", 1, 1, 5070, "192.0.2.5");
    let search = Search::new(&found, "pbx.test", Wish::Auto, V4);
    assert_eq!(search.targets(), ["udp:192.0.2.5:5070"], "of the transport that the first one named");

    let endless =
        (0..100).fold(Zone::default(), |zone, n| chain(zone, &format!("n{n}.test"), &format!("n{}.test", n + 1)));
    let search = Search::new(&endless, "n0.test", Wish::Auto, V4);
    assert_eq!(search.fault(), LocateFault::NotFound);
    assert!(search.rounds.len() <= 6, "{:?}", search.rounds);
}

#[test]
fn names_that_all_lead_to_each_other_do_not_make_a_search_long() {
    let names: Vec<String> = (0..30).map(|n| format!("n{n}.test")).collect();
    let mut zone = Zone::default();
    for from in &names {
        for (at, to) in (0..).zip(&names) {
            zone = zone.naptr(from, (at, 0), "", "SIP+D2T", to);
        }
        zone = zone.naptr(from, (99, 0), "s", "SIP+D2T", "_sip._tcp.n1.test");
        zone = zone.srv("_sip._tcp.n1.test", 1, 1, 5060, "192.0.2.1");
    }
    let began = Instant::now();
    let search = Search::new(&zone, "n0.test", Wish::Auto, BOTH);
    assert_eq!(search.targets(), ["tcp:192.0.2.1:5060"]);
    // There are 800,000 ways through them.
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[test]
fn a_domain_that_has_too_much_of_everything_gets_no_more_than_the_rest() {
    let mut zone = Zone::default();
    for n in 0..200_u16 {
        zone = zone.naptr("big.test", (n, 0), "s", "SIP+D2U", &format!("_sip._udp.n{n}.big.test"));
        for m in 0..100_u16 {
            zone = zone.srv(&format!("_sip._udp.n{n}.big.test"), m, 0, 5060, &format!("h{n}-{m}.big.test"));
        }
    }
    for (n, m) in (0..200_u8).flat_map(|n| (0..100_u8).map(move |m| (n, m))) {
        for last in 0..3_u8 {
            let address = Record::Address(Ipv4Addr::new(10, n, m, last).into());
            zone = zone.add(&format!("h{n}-{m}.big.test"), RecordKind::A, 60, address);
        }
    }
    let search = Search::new(&zone, "big.test", Wish::Auto, BOTH);
    let targets = search.targets();
    assert!((1..=MAX_TARGETS).contains(&targets.len()));
    assert_eq!(targets[0], "udp:10.0.0.0:5060");
    let asked: Vec<&str> = search.rounds.iter().flat_map(|round| round.split(", ")).collect();
    assert!(asked.len() <= MAX_QUESTIONS, "{} questions", asked.len());
    assert_eq!(asked.len(), asked.iter().collect::<BTreeSet<_>>().len(), "none is asked twice");

    let many = (0..=255).fold(Zone::default(), |zone, n| zone.host("many.test", &[&format!("192.0.2.{n}")]));
    assert_eq!(Search::new(&many, "many.test", Wish::Udp, V4).targets().len(), MAX_TARGETS);
}

#[test]
fn names_that_no_host_can_have_are_not_asked_for() {
    let long = format!("{}.test", "a".repeat(64));
    let longer = vec!["abcdefgh"; 30].join(".");
    let bad =
        ["", ".", "..", "a..b", "a b.test", "a\\.b.test", "a\0.test", "ä.test", "a/b", "[::1]", "*", &long, &longer];
    for host in bad {
        for wish in [Wish::Udp, Wish::Auto, Wish::Srv(Transport::Tls)] {
            let search = Search::new(&Zone::default(), host, wish, BOTH);
            assert_eq!((search.fault(), search.rounds.len()), (LocateFault::NotFound, 0), "{host:?}");
        }
        let zone = pbx()
            .naptr("pbx.test", (1, 1), "s", "SIP+D2U", host)
            .srv("_sip._udp.pbx.test", 1, 1, 5060, host)
            .srv("_sip._udp.pbx.test", 2, 1, 5060, "a.pbx.test");
        assert_eq!(Search::new(&zone, "pbx.test", Wish::Auto, V4).targets(), ["udp:192.0.2.10:5060"], "{host:?}");
    }
}

#[test]
fn the_time_that_it_holds_has_limits() {
    let of = |ttl| {
        let address = Record::Address(Ipv6Addr::LOCALHOST.into());
        Search::new(&Zone::default().add("pbx.test", RecordKind::Aaaa, ttl, address), "pbx.test", Wish::Udp, BOTH)
            .valid_for()
    };
    assert_eq!([of(0), of(4), of(6), of(86_400), of(u64::from(u32::MAX))], [5, 5, 6, 86_400, 86_400]);
}

#[test]
fn answers_that_nobody_asked_for_change_nothing() {
    let dice = &mut StdRng::seed_from_u64(1);
    let destination = Destination { host: "a.pbx.test".to_owned(), port: None, wish: Wish::Udp };
    let mut locator = Locator::new(destination, V4);
    let forged = Answer { records: vec![Record::Address(Ipv4Addr::new(6, 6, 6, 6).into())], ttl: LONGEST };
    let asked = question(RecordKind::A, "a.pbx.test");
    locator.handle_answer(&asked, Ok(forged.clone()), dice);
    locator.handle_answer(&question(RecordKind::A, "other.test"), Ok(forged.clone()), dice);
    assert_eq!(locator.outcome(), None);
    assert_eq!(locator.poll_question(), Some(asked.clone()));
    assert_eq!(locator.poll_question(), None);
    locator.handle_answer(&asked, pbx().answer(&asked), dice);
    let found = locator.outcome();
    locator.handle_answer(&asked, Ok(forged), dice);
    assert_eq!(locator.outcome(), found);
    assert_eq!(found.expect("over").expect("found").targets[0].address.to_string(), "192.0.2.10:5060");
}

#[test]
fn an_answer_holds_only_what_was_asked_for() {
    let wrong = [
        Record::Address(Ipv4Addr::LOCALHOST.into()),
        Record::Srv { priority: 0, weight: 0, port: 1, target: "x".into() },
    ];
    let zone =
        wrong.into_iter().fold(Zone::default(), |zone, record| zone.add("pbx.test", RecordKind::Aaaa, 60, record));
    assert_eq!(Search::new(&zone, "pbx.test", Wish::Udp, BOTH).fault(), LocateFault::NotFound);
}
