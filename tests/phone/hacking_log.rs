//! Prevent SIP Hacking: calls that were not let in, in the call log, and how their callers become contacts.

use vestibule::channel::{Allowed, CallResult, Command, Done, EndReason, LogEntry, Refusal};

use crate::common::lies::{ACCOUNT, BOOK, DIRECT, Lie, Met, THROUGH, last_line, met};
use crate::common::{House, PANEL, PBX, ms, outside, s};

#[test]
fn with_direct_ip_off_even_contacts_meet_silence() {
    let mut house = House::knowing(&[DIRECT, ("phone.direct_ip.enabled", "off")], BOOK);
    house.bell();
    house.run(s(1));
    assert!(house.door.heard.is_empty());
    let line = house.panel().log()[0].clone();
    assert_eq!((line.result, line.why, line.allow), (CallResult::Blocked, Some(EndReason::NotAccepted), None));
}

#[test]
fn a_scanner_with_a_thousand_calls_a_second_is_one_line() {
    let mut house = House::knowing(&[DIRECT], BOOK);
    for number in 0..5000 {
        house.inject(outside(1), Lie::call("<sip:100@198.18.0.1>").number(number).bytes());
        house.run(ms(1));
    }
    assert_eq!(house.count(PANEL, ""), 0);
    assert_eq!(house.panel().log().len(), 1);
    assert!(house.panel().saved_log.len() <= 2);
    house.run(s(60));
    assert_eq!(
        last_line(&mut house),
        (CallResult::Blocked, Some(EndReason::UnknownSource), 5000, "100@198.18.0.1".into())
    );
    // In between, the door rings as ever.
    house.inject(outside(1), Lie::call("<sip:100@198.18.0.1>").number(9000).bytes());
    house.bell();
    assert_eq!(house.door.heard, ["183"]);
}

#[test]
fn scanners_from_everywhere_leave_room_for_visits_in_the_log() {
    let mut house = House::knowing(&[DIRECT], BOOK);
    house.bell();
    let now = house.now;
    house.door.end(now, 0);
    house.run(ms(20));
    let said = house.count(PANEL, "");
    for number in 0..20_000_u32 {
        let from = outside((number % 60_000) as u16);
        house.inject(from, Lie::call("<sip:100@198.18.0.1>").number(number).bytes());
        house.run(ms(200));
    }
    let log = house.panel().log();
    assert!(log.len() <= 201, "{} lines", log.len());
    assert_eq!(log.last().map(|line| line.name.as_str()), Some("Front door"), "the visit is still there");
    assert!(log.iter().any(|line| line.name.is_empty() && line.attempts > 1000), "all others share a line");
    let load = house.panels[PANEL].phone.load();
    assert_eq!((load.sessions, load.transactions), (0, 0));
    assert_eq!(house.count(PANEL, ""), said);
}

#[test]
fn one_tap_lets_a_caller_in() {
    // Directly, by its address.
    let mut house = House::knowing(&[DIRECT], "");
    house.bell();
    house.run(s(1));
    assert!(house.door.heard.is_empty());
    let line = house.panel().log()[0].clone();
    assert!(!line.is_allowed(&Allowed::by(&house.panels[PANEL].phone.config().contacts)));
    let allow = |line: &LogEntry| Command::AllowCaller { at: line.at, remote: line.remote.clone() };
    house.must(PANEL, allow(&line));
    assert!(line.is_allowed(&Allowed::by(&house.panels[PANEL].phone.config().contacts)));
    let saved = house.panel().saved_settings.last().expect("saved").contacts.clone();
    assert_eq!((saved.len(), saved[0].may_call, saved[0].numbers.clone()), (1, true, vec!["10.0.0.3".to_owned()]));
    house.bell();
    assert!(house.door.heard.contains(&"183".to_owned()), "{:?}", house.door.heard);
    // A second tap changes nothing, and a line that is not there is said so.
    house.must(PANEL, allow(&line));
    assert_eq!(house.panels[PANEL].phone.config().contacts.len(), 1);
    let unknown = Command::AllowCaller { at: line.at, remote: "sip:nobody@10.0.0.9".into() };
    assert_eq!(house.press(PANEL, unknown), Err(Refusal::NoCaller));

    // Through the account, by its number.
    let mut house = House::with_servers_knowing(&[&[THROUGH][..], ACCOUNT].concat(), "");
    let ring = |house: &mut House| {
        let now = house.now;
        house.pbx(PBX).ring(now, "101");
        house.run(ms(20));
    };
    ring(&mut house);
    assert_eq!(house.pbx(PBX).phone.heard, ["rejected 403"]);
    let line = house.panel().log()[0].clone();
    assert_eq!((line.why, line.allow.as_deref()), (Some(EndReason::MayNotCall), Some("102")));
    assert_eq!(house.press(PANEL, allow(&line)), Ok(Done::Ok));
    ring(&mut house);
    assert_eq!(house.call(PANEL).account, 1);
    // Nobody else got in by it: neither from elsewhere nor through the other account.
    let port = house.panel().port();
    let mut house = House::with_servers_knowing(&[&[THROUGH][..], ACCOUNT].concat(), "");
    assert_eq!(met(&mut house, port, outside(1), &Lie::call("<sip:102@10.0.0.4>")), Met::Silence);
}
