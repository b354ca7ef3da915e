//! Devices that are called by name, without an account.

use std::net::IpAddr;

use vestibule::channel::{CallState, Command, EndReason, Refusal};
use vestibule::sip::locate::{Answer, DnsFault, Question, Record, RecordKind};

use crate::common::{DOOR, House, OTHER, PANEL, ms, s};

const SRV: &str = "_sip._udp.house.test";

fn tells(house: &mut House, name: &str, kind: RecordKind, said: Result<Vec<Record>, DnsFault>) {
    let question = Question { name: name.to_owned(), kind };
    house.panel().names.insert(question, said.map(|records| Answer { records, ttl: s(300) }));
}

fn srv(priority: u16, target: &str) -> Record {
    Record::Srv { priority, weight: 0, port: 5060, target: target.to_owned() }
}

fn at(last: u8) -> Result<Vec<Record>, DnsFault> {
    Ok(vec![Record::Address(IpAddr::from([10, 0, 0, last]))])
}

#[test]
fn a_name_is_looked_up_and_called() {
    let mut house = House::new(&[]);
    tells(&mut house, "panel.house.test", RecordKind::A, at(2));
    house.dial("sip:flat2@panel.house.test").expect("dialled");
    let call = house.call(PANEL);
    assert_eq!((call.state, call.account, call.remote.as_str()), (CallState::Calling, 0, "sip:flat2@panel.house.test"));
    house.run(ms(20));
    assert_eq!(house.call(PANEL).state, CallState::Ringing);
    assert!(house.last(PANEL, "INVITE ").starts_with("INVITE sip:flat2@panel.house.test SIP/2.0"));
    house.must(OTHER, Command::Answer(None));
    house.run(ms(20));
    assert_eq!(house.call(PANEL).state, CallState::Confirmed);
    assert_eq!(house.call(PANEL).audio.expect("sound").direction, "sendrecv");
}

#[test]
fn what_is_not_there_is_passed_over() {
    // The door is switched off: silence.
    let mut house = House::new(&[]);
    tells(&mut house, SRV, RecordKind::Srv, Ok(vec![srv(20, "two.house.test"), srv(10, "one.house.test")]));
    tells(&mut house, "one.house.test", RecordKind::A, at(3));
    tells(&mut house, "two.house.test", RecordKind::A, at(2));
    house.off.push(DOOR);
    house.dial("sip:flat2@house.test").expect("dialled");
    house.run(s(5));
    assert_eq!(house.count_to(DOOR, "INVITE"), 1);
    assert_eq!(house.call(PANEL).state, CallState::Ringing);
    house.must(PANEL, Command::End(None));
    house.run(s(1));
    assert!(house.panels[OTHER].phone.calls().is_empty());
}

#[test]
fn a_refusal_is_an_answer_and_nobody_else_is_asked() {
    let mut house = House::new(&[]);
    tells(&mut house, SRV, RecordKind::Srv, Ok(vec![srv(10, "one.house.test"), srv(20, "two.house.test")]));
    tells(&mut house, "one.house.test", RecordKind::A, at(2));
    tells(&mut house, "two.house.test", RecordKind::A, at(3));
    house.must(OTHER, Command::Set { key: "phone.dnd.mode".to_owned(), value: "reject".to_owned() });
    house.dial("sip:flat2@house.test").expect("dialled");
    house.run(s(1));
    assert_eq!(house.panel().last_view().end_reason, Some(EndReason::Busy));
    assert_eq!(house.count_to(DOOR, "INVITE"), 0);
}

#[test]
fn each_way_to_find_nobody_has_its_words() {
    let mut house = House::new(&[]);
    house.dial("sip:flat2@nowhere.test").expect("dialled");
    house.run(s(1));
    assert_eq!(house.panel().last_view().end_reason, Some(EndReason::HostNotFound));
    for kind in [RecordKind::A, RecordKind::Aaaa] {
        tells(&mut house, "panel.house.test", kind, Err(DnsFault::NoAnswer));
    }
    house.dial("sip:flat2@panel.house.test:5060").expect("dialled");
    house.run(s(1));
    assert_eq!(house.panel().last_view().end_reason, Some(EndReason::NoNameServer));
    tells(&mut house, "panel.house.test", RecordKind::A, at(2));
    tells(&mut house, "panel.house.test", RecordKind::Aaaa, Err(DnsFault::NotFound));
    house.off.push(OTHER);
    house.dial("sip:flat2@panel.house.test:5060").expect("dialled");
    house.run(s(61));
    assert_eq!(house.panel().last_view().end_reason, Some(EndReason::NoResponse));
    assert_eq!(house.panel().log().len(), 3);
}

#[test]
fn a_name_that_is_looked_up_can_be_given_up() {
    let mut house = House::new(&[]);
    tells(&mut house, "panel.house.test", RecordKind::A, at(2));
    house.dial("sip:flat2@panel.house.test").expect("dialled");
    house.must(PANEL, Command::End(None));
    house.run(s(10));
    assert!(house.panel().phone.calls().is_empty());
}

#[test]
fn with_direct_ip_off_names_are_not_called_either() {
    let mut house = House::new(&[("phone.direct_ip.enabled", "off")]);
    assert_eq!(house.dial("sip:flat2@panel.house.test"), Err(Refusal::DirectIpOff));
}
