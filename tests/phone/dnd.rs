//! Do not disturb, and callers who are not let in.

use vestibule::channel::{CallResult, CallState, Command, DndMode};
use vestibule::phone::Tone;

use crate::common::{House, PANEL, ms};

#[test]
fn reject_answers_with_the_code_and_is_logged_as_such() {
    let mut house = House::new(&[("phone.dnd.return_code", "480")]);
    house.must(PANEL, Command::Dnd(DndMode::Reject));
    house.bell();
    assert_eq!(house.door.heard, ["rejected 480"]);
    assert!(house.panels[PANEL].phone.calls().is_empty());
    let line = house.panel().log()[0].clone();
    assert_eq!((line.result, line.unseen), (CallResult::Dnd, false));
    assert_eq!(house.panel().tone(), None);
}

#[test]
fn silent_shows_the_visitor_without_a_sound() {
    let mut house = House::new(&[("phone.dnd.mode", "silent")]);
    house.bell();
    let call = house.call(PANEL);
    assert_eq!((call.state, call.silent), (CallState::Early, true));
    assert_eq!((house.panel().tone(), house.panel().shown()), (None, Some(call.call)));
}

#[test]
fn switched_on_while_it_rings_it_silences_the_bell() {
    let mut house = House::new(&[]);
    house.bell();
    assert!(matches!(house.panel().tone(), Some(Tone::Ring(_))));
    house.must(PANEL, Command::Dnd(DndMode::Silent));
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
