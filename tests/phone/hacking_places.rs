//! Prevent SIP Hacking: where calls through an account may come from.

use std::net::IpAddr;

use vestibule::sip::FlowId;
use vestibule::sip::locate::{Answer, Question, Record, RecordKind};

use crate::common::lies::{ACCOUNT, BOOK, Lie, Met, SERVER, THROUGH, met, registered};
use crate::common::{House, PANEL, PBX, PBX_2, Registrar, ms, outside, s};

#[test]
fn every_place_that_the_names_of_an_account_lead_to_is_its_server() {
    let ask = |name: &str| Question { name: name.into(), kind: RecordKind::A };
    let found = |addresses: &[[u8; 4]]| {
        let records = addresses.iter().map(|address| Record::Address((*address).into())).collect();
        Ok(Answer { records, ttl: s(300) })
    };
    let settings = [
        THROUGH,
        ("account1.outbound_proxy.server", "proxy.test"),
        ("account1.outbound_proxy.backup_server", "10.0.0.7"),
        ("account1.outbound_proxy.active", "on"),
        ("account1.basic.server", "pbx.test"),
        ("account1.basic.register_name", "101"),
    ];
    let mut house = House::with_servers_knowing(&settings, BOOK);
    house.panel().names.insert(ask("pbx.test"), found(&[[10, 0, 0, 8], [10, 0, 0, 9]]));
    house.panel().names.insert(ask("proxy.test"), found(&[[10, 0, 0, 4], [10, 0, 0, 5]]));
    house.set("account1.active", "on");
    house.run(s(1));
    assert!(house.panels[PANEL].phone.registrations()[0].places_calls);
    let port = house.panel().port();
    for (number, last) in (10..).zip([4, 5, 7, 8, 9]) {
        let call = Lie::call("<sip:103@pbx.test>").number(number);
        assert_eq!(met(&mut house, port, IpAddr::from([10, 0, 0, last]), &call), Met::Answer(403), "10.0.0.{last}");
    }
    let call = Lie::call("<sip:102@pbx.test>").number(20);
    for (number, last) in (21..).zip([3, 6, 10]) {
        assert_eq!(met(&mut house, port, IpAddr::from([10, 0, 0, last]), &call.clone().number(number)), Met::Silence);
    }
    // The name leads elsewhere a while later: there as well.
    house.panel().names.insert(ask("pbx.test"), found(&[[10, 0, 0, 10]]));
    house.run(s(400));
    let call = Lie::call("<sip:103@pbx.test>").number(30);
    assert_eq!(met(&mut house, port, IpAddr::from([10, 0, 0, 10]), &call), Met::Answer(403));
    let call = Lie::call("<sip:102@pbx.test>").number(31);
    assert_eq!(met(&mut house, port, IpAddr::from([10, 0, 0, 8]), &call), Met::Rings);
}

#[test]
fn switched_on_while_registered_it_finds_all_places_without_registering_again() {
    let ask = Question { name: "pbx.test".into(), kind: RecordKind::A };
    let records = vec![Record::Address([10, 0, 0, 9].into())];
    let mut house = House::with_servers_knowing(&[], BOOK);
    house.panel().names.insert(ask, Ok(Answer { records, ttl: s(300) }));
    for (key, value) in [
        ("account1.outbound_proxy.server", "10.0.0.4"),
        ("account1.outbound_proxy.active", "on"),
        ("account1.basic.server", "pbx.test"),
        ("account1.basic.register_name", "101"),
        ("account1.active", "on"),
    ] {
        house.set(key, value);
    }
    house.run(s(1));
    let registers = house.pbx(PBX).registers();
    house.set(THROUGH.0, "on");
    house.run(s(1));
    assert_eq!(house.pbx(PBX).registers(), registers);
    let port = house.panel().port();
    let call = Lie::call("<sip:102@pbx.test>");
    assert_eq!(met(&mut house, port, outside(1), &call), Met::Silence);
    assert_eq!(met(&mut house, port, IpAddr::from([10, 0, 0, 9]), &call.number(2)), Met::Rings);
}

#[test]
fn by_tcp_an_account_hears_connections_of_its_server_and_no_datagrams() {
    let settings = [THROUGH, ("account1.basic.transport", "tcp")];
    let ring = |house: &mut House| {
        let now = house.now;
        house.pbx(PBX).ring(now, "101");
        house.run(ms(20));
    };
    let mut house = registered(&settings);
    ring(&mut house);
    assert_eq!(house.call(PANEL).name, "Anna", "by the connection of the account");
    let mut house = registered(&settings);
    let (port, call) = (house.panel().port(), Lie::call("<sip:102@10.0.0.4>"));
    assert_eq!(met(&mut house, port, SERVER, &call), Met::Silence, "a datagram proves no address");
    house.inject_at(port, SERVER, Some(FlowId(9000)), call.clone().number(2).bytes());
    house.run(ms(20));
    assert_eq!(house.call(PANEL).name, "Anna", "a connection that the server opened");
    let mut house = registered(&settings);
    house.inject_at(port, outside(1), Some(FlowId(9000)), call.bytes());
    house.run(ms(20));
    assert!(house.panel().closed.contains(&FlowId(9000)) && house.panels[PANEL].phone.calls().is_empty());
}

#[test]
fn a_registrar_that_challenges_is_answered_and_a_second_server_has_its_own_callers() {
    let second = [
        ("account2.basic.server", "10.0.0.5"),
        ("account2.basic.register_name", "201"),
        ("account2.basic.password", "secret"),
        ("account2.call.prevent_sip_hacking", "on"),
    ];
    let mut house = House::with_servers_knowing(&[&[THROUGH][..], ACCOUNT, &second].concat(), BOOK);
    house.pbx(PBX_2).registrar = Registrar::Challenges;
    house.set("account2.active", "on");
    house.run(s(1));
    assert!(house.panels[PANEL].phone.registrations().iter().all(|account| account.places_calls));
    let ports = house.panel().listens_for_accounts.clone();
    let call = Lie::call("<sip:102@10.0.0.5>");
    assert_eq!(met(&mut house, ports[0], IpAddr::from([10, 0, 0, 5]), &call), Met::Silence, "the other's server");
    assert_eq!(met(&mut house, ports[1], IpAddr::from([10, 0, 0, 5]), &call.number(2)), Met::Rings);
}
