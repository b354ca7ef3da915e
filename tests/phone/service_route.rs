//! Where the registrar wants the calls of an account to begin (Service-Route, RFC 3608): one place or several, some of them dead.

use std::time::Duration;

use vestibule::channel::{AccountChoice, CallState, Command};
use vestibule::sip::locate::{Answer, Question, Record, RecordKind};

use super::accounts::{dial, is_registered, reason, with};
use crate::common::lies::{BOOK, THROUGH};
use crate::common::{House, NodeName, PANEL, PBX, PBX_2, Registrar, TWO, ms, s};

/// A panel whose registrar names this as the route of its calls.
fn routed(route: &str, settings: &[(&'static str, &'static str)]) -> House {
    let mut house = House::with_servers(&[]);
    house.pbx(PBX).registrar = Registrar::Says(200, vec![("Service-Route", route.to_owned())]);
    with(settings).into_iter().for_each(|(key, value)| house.set(key, value));
    house.run(s(1));
    assert!(is_registered(&house), "{}", reason(&house));
    house
}

/// By this transport, at the usual port of the servers here.
fn by(transport: &'static str) -> [(&'static str, &'static str); 2] {
    [("account1.basic.transport", transport), ("account1.basic.port", "5060")]
}

#[test]
fn calls_begin_where_the_registrar_says_by_the_transport_of_the_account() {
    for transport in ["udp", "tcp", "tls"] {
        let mut house = routed("<sip:10.0.0.5:5060;lr>, <sip:10.0.0.9;lr>", &by(transport));
        for call in 1..3 {
            dial(&mut house, "102", AccountChoice::Auto).expect("it is registered");
            house.run(ms(20));
            assert_eq!((house.count_to(PBX, "INVITE"), house.count_to(PBX_2, "INVITE")), (0, call), "{transport}");
            let invite = house.last(PANEL, "INVITE ");
            let routes = "Route: <sip:10.0.0.5:5060;lr>\r\nRoute: <sip:10.0.0.9;lr>\r\n";
            assert!(invite.starts_with("INVITE sip:102@10.0.0.4") && invite.contains(routes), "{invite}");
            let now = house.now;
            house.pbx(PBX_2).phone.accept(now);
            house.run(ms(20));
            assert_eq!(house.call(PANEL).state, CallState::Confirmed, "{transport}");
            house.must(PANEL, Command::End(None));
            house.run(s(1));
            assert!(house.pbx(PBX_2).phone.heard.contains(&"bye".to_owned()), "{transport}");
        }
        assert_eq!(house.pbx(PBX).registers(), 1, "the registration stays where it is");
        assert_eq!(house.pbx(PBX_2).registers(), 0);
    }
}

#[test]
fn a_call_from_where_calls_begin_is_the_accounts_own() {
    for is_named in [false, true] {
        // 102 may call.
        let mut house = House::with_servers_knowing(&with(&[THROUGH]), BOOK);
        let mut binding = house.pbx(PBX).bindings["101"].clone();
        binding.way.local = "10.0.0.5:5060".parse().expect("an address");
        house.pbx(PBX_2).bindings.insert("101".to_owned(), binding);
        let routes = is_named.then(|| ("Service-Route", "<sip:10.0.0.5:5060;lr>".to_owned()));
        house.pbx(PBX).registrar = Registrar::Says(200, routes.into_iter().collect());
        house.run(s(61));
        let now = house.now;
        house.pbx(PBX_2).ring(now, "101");
        house.run(ms(20));
        let accounts: Vec<u8> = house.panel().phone.calls().iter().map(|call| call.account).collect();
        assert_eq!(accounts, if is_named { vec![1] } else { vec![] });
    }
}

#[test]
fn a_call_goes_to_the_registrar_within_five_seconds_where_the_route_is_dead() {
    for transport in ["udp", "tcp"] {
        for is_dead_from_the_start in [false, true] {
            let mut house = routed("<sip:10.0.0.5:5060;lr>", &by(transport));
            house.off.push(PBX_2);
            if is_dead_from_the_start {
                house.set("account1.active", "off");
                house.set("account1.active", "on");
                house.run(ms(100));
            }
            dial(&mut house, "102", AccountChoice::Account1).expect("it is registered");
            house.run(s(5));
            assert_eq!(house.count_to(PBX, "INVITE"), 1, "{transport}, from the start: {is_dead_from_the_start}");
            assert!(!house.last(PANEL, "INVITE ").contains("Route: "), "the dead one is not named");
            house.must(PANEL, Command::End(None));
            house.run(s(1));
            dial(&mut house, "102", AccountChoice::Account1).expect("it is registered");
            house.run(ms(20));
            assert_eq!(house.count_to(PBX, "INVITE"), 2, "it is not waited for again");
            house.must(PANEL, Command::End(None));
            // It is gone back to.
            house.off.clear();
            house.run(s(40));
            let before = house.count_to(PBX_2, "INVITE");
            dial(&mut house, "102", AccountChoice::Account1).expect("it is registered");
            house.run(ms(20));
            assert_eq!(house.count_to(PBX_2, "INVITE"), before + 1, "{transport}");
        }
    }
}

#[test]
fn an_outbound_proxy_stays_the_first_and_what_is_no_route_is_none() {
    let proxy = [("account1.outbound_proxy.active", "on"), ("account1.outbound_proxy.server", "10.0.0.4")];
    for (route, settings, routes) in [
        ("<sip:10.0.0.5:5060;lr>", &proxy[..], "Route: <sip:10.0.0.5:5060;lr>\r\n"),
        ("garbage <<<", &proxy[..], "Route: <sip:10.0.0.4:5060;lr>\r\n"),
        ("garbage <<<", &[], ""),
        ("<sips:10.0.0.5;lr>", &[], ""),
        ("<sip:nobody.test;lr>", &[], "Route: <sip:nobody.test;lr>\r\n"),
    ] {
        let mut house = routed(route, settings);
        dial(&mut house, "102", AccountChoice::Auto).expect("it is registered");
        house.run(ms(20));
        assert_eq!((house.count_to(PBX, "INVITE"), house.count_to(PBX_2, "INVITE")), (1, 0), "{route}");
        let invite = house.last(PANEL, "INVITE ");
        assert!(invite.contains(routes) && invite.contains("Route: ") != routes.is_empty(), "{route}: {invite}");
    }
}

/// The edges of the registrar's network.
const EDGE: NodeName = PBX_2;
const EDGE_2: NodeName = PBX_2 + 1;

/// A panel whose registrar names two edges by one name.
fn with_edges(transport: &'static str, prepare: impl Fn(&mut House)) -> House {
    let mut house = House::with_servers(&[]);
    house.add_servers(1);
    let question = |name: &str, kind| Question { name: name.to_owned(), kind };
    let answer = |records| Ok(Answer { records, ttl: s(3600) });
    let srv = |priority, target: &str| Record::Srv { priority, weight: 0, port: 5060, target: target.to_owned() };
    let names = &mut house.panel().names;
    let list = vec![srv(1, "one.edge.test"), srv(2, "two.edge.test")];
    names.insert(question(&format!("_sip._{transport}.edge.test"), RecordKind::Srv), answer(list));
    for (name, last) in [("one.edge.test", 5), ("two.edge.test", 6)] {
        names.insert(question(name, RecordKind::A), answer(vec![Record::Address([10, 0, 0, last].into())]));
    }
    house.pbx(PBX).registrar = Registrar::Says(200, vec![("Service-Route", "<sip:edge.test;lr>".to_owned())]);
    prepare(&mut house);
    with(&by(transport)).into_iter().for_each(|(key, value)| house.set(key, value));
    house.run(ms(50));
    assert!(is_registered(&house), "{}", reason(&house));
    house
}

/// Calls, and tells at which server it came out within this time. The call is ended.
fn call(house: &mut House, account: AccountChoice, within: Duration) -> Vec<NodeName> {
    let counts = |house: &House| -> Vec<usize> {
        (PBX..PBX + house.pbxs.len()).map(|node| house.count_to(node, "INVITE ")).collect()
    };
    let before = counts(house);
    dial(house, "102", account).expect("it is registered");
    house.run(within);
    let after = counts(house);
    house.press(PANEL, Command::End(None)).ok();
    house.run(ms(500));
    (PBX..).zip(before.iter().zip(&after)).filter(|(_, (before, after))| before < after).map(|(node, _)| node).collect()
}

#[test]
fn of_several_places_the_first_that_is_there_is_called_at_once() {
    for transport in ["udp", "tcp"] {
        for is_gone in [false, true] {
            let mut house = with_edges(transport, |house| {
                if is_gone {
                    house.pbx(EDGE).stop();
                } else {
                    house.off.push(EDGE);
                }
            });
            // Right after the registration, and later.
            assert_eq!(call(&mut house, AccountChoice::Account1, ms(500)), [EDGE_2], "{transport}, gone: {is_gone}");
            for _ in 0..3 {
                house.run(s(35));
                assert_eq!(call(&mut house, AccountChoice::Account1, ms(20)), [EDGE_2], "{transport}, gone: {is_gone}");
            }
            // The first is there: it comes first.
            house.off.clear();
            house.pbx(EDGE).runs = true;
            house.run(s(31));
            assert_eq!(call(&mut house, AccountChoice::Account1, ms(20)), [EDGE], "{transport}, gone: {is_gone}");
        }
    }
}

#[test]
fn the_order_of_several_places_is_kept_among_those_that_are_there() {
    for transport in ["udp", "tcp"] {
        let mut house = with_edges(transport, |_| ());
        for _ in 0..3 {
            assert_eq!(call(&mut house, AccountChoice::Account1, ms(20)), [EDGE], "{transport}");
            house.run(s(100));
        }
        assert_eq!(house.count_to(EDGE_2, "OPTIONS"), 0, "{transport}: the second is not troubled");
        assert!(house.count_to(EDGE, "OPTIONS") <= 1, "{transport}");
    }
}

/// A balancer whose machines are gone takes each connection and cuts it.
#[test]
fn a_place_that_cuts_each_connection_is_left_alone_and_the_next_is_called() {
    let mut house = with_edges("tcp", |_| ());
    let asked = house.panel().asked.len();
    let mut ends = 0;
    for _ in 0..250 {
        ends += house.cut(EDGE);
        house.run(ms(100));
    }
    assert!((1..=8).contains(&ends), "{ends} ends of connections in 25 s");
    assert_eq!(house.panel().asked.len(), asked, "what name servers have told holds");
    assert_eq!(call(&mut house, AccountChoice::Account1, ms(20)), [EDGE_2]);
    // It keeps its connections again, and comes first again.
    house.run(s(60));
    assert_eq!(call(&mut house, AccountChoice::Account1, ms(20)), [EDGE]);
}

#[test]
fn a_call_that_one_place_does_not_hear_goes_to_the_next_and_the_others_do_not_wait() {
    for transport in ["udp", "tcp"] {
        let mut house = with_edges(transport, |_| ());
        house.run(s(100));
        house.off.push(EDGE);
        assert_eq!(call(&mut house, AccountChoice::Account1, ms(2500)), [EDGE, EDGE_2], "{transport}");
        assert_eq!(call(&mut house, AccountChoice::Account1, ms(20)), [EDGE_2], "{transport}");
        // None is there: the registrar is.
        house.off.push(EDGE_2);
        assert_eq!(call(&mut house, AccountChoice::Account1, ms(4600)), [PBX, EDGE_2], "{transport}");
        for _ in 0..8 {
            assert_eq!(call(&mut house, AccountChoice::Account1, ms(20)), [PBX], "{transport}");
            house.run(s(17));
        }
        house.off.clear();
        house.run(s(62));
        assert_eq!(call(&mut house, AccountChoice::Account1, ms(20)), [EDGE], "{transport}");
    }
}

#[test]
fn a_place_that_never_answers_an_options_carries_calls() {
    let mut house = with_edges("udp", |house| {
        house.pbx(EDGE).answers_options = false;
        house.off.push(EDGE_2);
    });
    assert_eq!(call(&mut house, AccountChoice::Account1, ms(2100)), [EDGE], "at first it is waited for");
    for _ in 0..5 {
        house.run(s(45));
        assert_eq!(call(&mut house, AccountChoice::Account1, ms(20)), [EDGE]);
    }
    // One that is not there costs a moment, now and then.
    house.off.push(EDGE);
    let before = house.count_to(EDGE, "INVITE ");
    let mut waited = 0;
    for _ in 0..60 {
        let came_to = call(&mut house, AccountChoice::Account1, s(4));
        assert!(came_to.contains(&PBX), "{came_to:?}");
        waited += usize::from(came_to != [PBX]);
        house.run(s(20));
    }
    assert!(house.count_to(EDGE, "INVITE ") > before);
    assert!((1..=14).contains(&waited), "{waited} of 60 calls in half an hour");
}

#[test]
fn auto_takes_the_other_account_within_five_seconds_where_the_route_and_the_registrar_are_silent() {
    for transport in ["udp", "tcp"] {
        for edges_left in 0..=2 {
            let mut house = with_edges(transport, |_| ());
            house.add_servers(1);
            let other = PBX + house.pbxs.len() - 1;
            TWO.iter().for_each(|(key, value)| house.set(key, value));
            house.set("account2.basic.server", "10.0.0.7");
            house.run(s(5));
            for node in [EDGE, EDGE_2].into_iter().skip(2 - edges_left) {
                house.pbx(node).stuck = true;
            }
            for node in [EDGE, EDGE_2].into_iter().take(2 - edges_left) {
                house.pbx(node).stop();
                house.cut(node);
            }
            house.pbx(PBX).stuck = true;
            let came_to = call(&mut house, AccountChoice::Auto, ms(4900));
            assert_eq!(came_to.last(), Some(&other), "{transport}, {edges_left}: {came_to:?}");
            for _ in 0..3 {
                let came_to = call(&mut house, AccountChoice::Auto, ms(50));
                assert_eq!(came_to, [other], "{transport}, {edges_left}");
            }
        }
    }
}

#[test]
fn a_route_by_tcp_is_taken_by_an_account_that_registers_by_udp() {
    let mut house = routed("<sip:10.0.0.5:5060;transport=tcp;lr>", &by("udp"));
    dial(&mut house, "102", AccountChoice::Auto).expect("it is registered");
    house.run(ms(20));
    assert_eq!((house.count_to(PBX, "INVITE"), house.count_to(PBX_2, "INVITE")), (0, 1));
    let invite = house.last(PANEL, "INVITE ");
    assert!(invite.contains("Via: SIP/2.0/TCP ") && invite.contains(";transport=tcp>"), "{invite}");
    let now = house.now;
    house.pbx(PBX_2).phone.accept(now);
    house.run(ms(20));
    assert_eq!(house.call(PANEL).state, CallState::Confirmed);
    house.must(PANEL, Command::End(None));
    house.run(s(1));
    assert!(house.pbx(PBX_2).phone.heard.contains(&"bye".to_owned()));
}
