//! Where the places of an account are all silent, and where the registrar wants its calls to begin (Service-Route, RFC 3608).

use vestibule::channel::{AccountChoice, CallState, Command};
use vestibule::sip::locate::{Answer, Question, Record, RecordKind};

use super::accounts::{dial, is_registered, reason, view, with};
use crate::common::lies::{BOOK, THROUGH};
use crate::common::{House, PANEL, PBX, PBX_2, Registrar, ms, s};

/// A panel whose server has three places, one of them on a machine that was never there. All are silent for so long.
fn all_silent(transport: &'static str, interval: &'static str, silence: std::time::Duration) -> House {
    let mut house = House::with_servers(&[]);
    let question = |name: &str, kind| Question { name: name.to_owned(), kind };
    let srv = |priority, target: &str| Record::Srv { priority, weight: 0, port: 5060, target: target.to_owned() };
    let answer = |records| Ok(Answer { records, ttl: s(3600) });
    let list = vec![srv(10, "one.pbx.test"), srv(20, "none.pbx.test"), srv(30, "two.pbx.test")];
    let names = &mut house.panel().names;
    names.insert(question(&format!("_sip._{transport}.pbx.test"), RecordKind::Srv), answer(list));
    for (name, address) in [("one", [10, 0, 0, 4]), ("none", [198, 18, 0, 1]), ("two", [10, 0, 0, 5])] {
        let record = Record::Address(address.into());
        names.insert(question(&format!("{name}.pbx.test"), RecordKind::A), answer(vec![record]));
    }
    for (key, value) in [
        ("account1.basic.server", "pbx.test"),
        ("account1.basic.register_name", "101"),
        ("account1.basic.transport", "dns-srv"),
        ("account1.basic.srv_over", transport),
        ("account1.basic.check_interval", "10"),
        ("account1.basic.retry_interval", interval),
        ("account1.active", "on"),
    ] {
        house.set(key, value);
    }
    house.run(s(1));
    assert_eq!(view(&house, 1).via, Some(format!("{transport}:10.0.0.4:5060")), "{}", reason(&house));
    house.off.extend([PBX, PBX_2]);
    house.cut(PBX);
    house.run(silence);
    assert!(!is_registered(&house));
    house
}

#[test]
fn of_several_places_that_are_silent_the_one_that_comes_back_is_noticed_within_five_seconds() {
    for transport in ["udp", "tcp"] {
        for back in [PBX, PBX_2] {
            // Whatever the walk along the list is doing.
            for silence in 20..34 {
                let mut house = all_silent(transport, "4", s(silence));
                house.off.retain(|node| *node != back);
                house.run(s(5));
                let words = reason(&house);
                assert!(is_registered(&house), "{transport} {back} after {silence} s: {words}");
                let name = house.pbx(back).bindings.contains_key("101");
                assert!(name, "{transport} {back} after {silence} s");
            }
        }
    }
}

#[test]
fn silent_places_are_asked_side_by_side_now_and_then_and_by_few_panels_alone() {
    let mut house = all_silent("udp", "4", s(20));
    let before = house.count_to(PBX_2, "OPTIONS");
    house.run(s(60));
    let asked = house.count_to(PBX_2, "OPTIONS") - before;
    assert!((8..=16).contains(&asked), "{asked} in a minute");
    let mut house = all_silent("udp", "60", s(60));
    house.run(s(60));
    assert_eq!(house.count_to(PBX_2, "OPTIONS"), 0, "a server of many panels is left alone");
}

#[test]
fn a_place_that_is_there_and_does_not_serve_is_not_asked_again_and_again() {
    let mut house = all_silent("udp", "4", s(20));
    house.pbx(PBX_2).registrar = Registrar::Says(503, vec![("Retry-After", "120".into())]);
    house.off.retain(|node| *node != PBX_2);
    house.run(s(60));
    let registers = house.pbx(PBX_2).registers();
    assert!((1..=3).contains(&registers), "{registers} in a minute");
    // That is no reason to miss the return of another one.
    house.off.clear();
    house.run(s(5));
    assert!(is_registered(&house) && house.pbx(PBX).bindings.contains_key("101"), "{}", reason(&house));
}

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
