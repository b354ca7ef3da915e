//! Do not disturb, and callers who are not let in.

use vestibule::channel::{CallResult, CallState, Command, DndMode, DndTerm};
use vestibule::phone::{MediaOrder, Tone};

use crate::common::{House, NodeName, PANEL, PBX, PBX_2, ms, s};

/// Both accounts, at two servers.
const ACCOUNTS: &[(&str, &str)] = &[
    ("account1.basic.server", "10.0.0.4"),
    ("account1.basic.register_name", "101"),
    ("account1.active", "on"),
    ("account2.basic.server", "10.0.0.5"),
    ("account2.basic.register_name", "201"),
    ("account2.active", "on"),
];

/// Somebody calls through the server of an account; what becomes of it.
fn ring_through(house: &mut House, pbx: NodeName, name: &str) -> String {
    let now = house.now;
    house.pbx(pbx).ring(now, name);
    house.run(ms(20));
    house.pbx(pbx).phone.heard.last().expect("it is answered").clone()
}

/// Whether the bell has sounded at all.
fn has_rung(house: &House) -> bool {
    house.panels[PANEL].orders.iter().any(|order| matches!(order, MediaOrder::Tone(Some(Tone::Ring(_)))))
}

#[test]
fn reject_answers_with_each_code_and_is_logged_as_such() {
    for code in ["404", "480", "486", "603"] {
        let mut house = House::new(&[("phone.dnd.return_code", code)]);
        house.must(PANEL, Command::Dnd(DndMode::Reject, DndTerm::Open));
        house.bell();
        assert_eq!(house.door.heard, [format!("rejected {code}")]);
        assert!(house.last(PANEL, "SIP/2.0 ").starts_with(&format!("SIP/2.0 {code} ")), "on the wire");
        assert!(house.panels[PANEL].phone.calls().is_empty());
        let line = house.panel().log()[0].clone();
        assert_eq!((line.result, line.account, line.unseen), (CallResult::Dnd, 0, false));
        assert!(!has_rung(&house));
    }
}

#[test]
fn silent_shows_the_visitor_without_a_sound() {
    let mut house = House::new(&[("phone.dnd.mode", "silent")]);
    house.bell();
    let call = house.call(PANEL);
    assert_eq!((call.state, call.silent), (CallState::Early, true));
    assert_eq!((house.panel().tone(), house.panel().shown()), (None, Some(call.call)));
    house.run(s(61));
    assert!(!has_rung(&house), "not once while it rang for the visitor");
    assert_eq!(house.panel().log()[0].result, CallResult::Missed);
}

#[test]
fn one_account_alone_is_kept_away_and_the_others_ring() {
    let mut house = House::with_servers(ACCOUNTS);
    house.set("phone.dnd.accounts", "1");
    house.must(PANEL, Command::Dnd(DndMode::Reject, DndTerm::Open));
    assert_eq!(ring_through(&mut house, PBX, "101"), "rejected 486");
    let line = house.panel().log()[0].clone();
    assert_eq!((line.result, line.account), (CallResult::Dnd, 1));
    assert!(!has_rung(&house));
    assert_eq!(ring_through(&mut house, PBX_2, "201"), "183");
    assert!(has_rung(&house));
    house.must(PANEL, Command::Decline(None));
    house.run(ms(20));
    house.bell();
    assert!(matches!(house.panel().tone(), Some(Tone::Ring(_))), "a direct call rings too");
}

#[test]
fn direct_calls_alone_are_kept_away() {
    let mut house = House::with_servers(ACCOUNTS);
    house.set("phone.dnd.accounts", "ip");
    house.must(PANEL, Command::Dnd(DndMode::Silent, DndTerm::Open));
    house.bell();
    assert!(house.call(PANEL).silent && !has_rung(&house));
    house.must(PANEL, Command::Decline(None));
    house.run(ms(20));
    assert_eq!(ring_through(&mut house, PBX, "101"), "183");
    assert!(!house.call(PANEL).silent && has_rung(&house));
}

#[test]
fn a_bell_falls_silent_when_its_account_is_chosen_and_not_before() {
    let mut house = House::with_servers(ACCOUNTS);
    house.set("phone.dnd.accounts", "2, ip");
    ring_through(&mut house, PBX, "101");
    house.must(PANEL, Command::Dnd(DndMode::Silent, DndTerm::Open));
    assert!(matches!(house.panel().tone(), Some(Tone::Ring(_))));
    house.set("phone.dnd.accounts", "1");
    assert_eq!(house.panel().tone(), None);
}

#[test]
fn switched_on_while_it_rings_it_silences_the_bell() {
    let mut house = House::new(&[]);
    house.bell();
    assert!(matches!(house.panel().tone(), Some(Tone::Ring(_))));
    house.must(PANEL, Command::Dnd(DndMode::Silent, DndTerm::Open));
    assert_eq!(house.panel().tone(), None);
    assert!(house.call(PANEL).silent);
}

#[test]
fn silence_stops_the_bell_and_nothing_else() {
    let mut house = House::new(&[]);
    house.bell();
    house.must(PANEL, Command::Silence(None));
    assert_eq!(house.panel().tone(), None);
    assert_eq!(house.call(PANEL).state, CallState::Early);
    assert_eq!(house.door.heard, ["183"]);
}

#[test]
fn an_emergency_contact_passes_and_a_blocked_one_does_not() {
    let contact = |what: &str| {
        format!("[[contact]]\nname = \"Door\"\nnumbers = [\"10.0.0.3\"]\n{what} = true\nringtone = \"bell\"\n")
    };
    let mut house = House::knowing(&[("phone.dnd.mode", "reject")], &contact("emergency"));
    house.bell();
    assert_eq!(house.panel().tone(), Some(Tone::Ring(vestibule::config::Ringtone::Bell)), "with the bell of its own");
    let mut house = House::knowing(&[("phone.call.return_code_when_refused", "603")], &contact("blocked"));
    house.bell();
    assert_eq!(house.door.heard, ["rejected 603"]);
    assert_eq!(house.panel().log()[0].result, CallResult::Blocked);
}

#[test]
fn direct_ip_off_is_404_and_logged() {
    let mut house = House::new(&[("phone.direct_ip.enabled", "off")]);
    house.bell();
    assert_eq!(house.door.heard, ["rejected 404"]);
    assert_eq!(house.panel().log()[0].result, CallResult::Blocked);
}

#[test]
fn declining_answers_with_its_own_code() {
    let mut house = House::new(&[("phone.call.return_code_when_refused", "603")]);
    house.bell();
    house.must(PANEL, Command::Decline(None));
    house.run(ms(20));
    assert_eq!(house.door.heard, ["183", "rejected 603"]);
    assert_eq!(house.panel().log()[0].result, CallResult::Declined);
}

#[test]
fn each_code_for_a_declined_call_reaches_the_visitor() {
    for code in ["404", "480", "486", "603"] {
        let mut house = House::new(&[("phone.call.return_code_when_refused", code)]);
        house.bell();
        house.must(PANEL, Command::Decline(None));
        house.run(ms(20));
        assert_eq!(house.door.heard.last(), Some(&format!("rejected {code}")));
    }
    let mut house = House::new(&[]);
    let refused =
        house.press(PANEL, Command::Set { key: "phone.call.return_code_when_refused".into(), value: "700".into() });
    let words = refused.expect_err("it is no code").to_string();
    assert_eq!(words, "phone.call.return_code_when_refused: '700' is not one of 404, 480, 486, 603");
}
