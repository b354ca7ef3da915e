//! A second visitor while somebody speaks: a banner, not an interruption.

use vestibule::channel::{CallResult, CallState, Command, Refusal};

use crate::common::{House, OTHER, PANEL, ms};

fn states(house: &House) -> Vec<CallState> {
    house.panels[PANEL].phone.calls().iter().map(|call| call.state).collect()
}

#[test]
fn the_first_stays_on_the_screen_and_goes_on_hold_when_the_second_is_answered() {
    let mut house = House::new(&[]);
    house.connect_panels();
    let first = house.call(PANEL).call;
    house.bell();
    assert_eq!(states(&house), [CallState::Confirmed, CallState::Early]);
    assert_eq!((house.panel().shown(), house.panel().tone()), (Some(first), None));
    house.must(PANEL, Command::Answer(None));
    house.run(ms(50));
    assert_eq!(states(&house), [CallState::Held, CallState::Confirmed]);
    assert!(house.call(OTHER).held_by_remote);
    assert_ne!(house.panel().shown(), Some(first));
    house.must(PANEL, Command::End(None));
    house.run(ms(50));
    assert_eq!(states(&house), [CallState::Held]);
    assert_eq!(house.panel().shown(), Some(first));
    house.must(PANEL, Command::Resume(None));
    house.run(ms(50));
    assert!(!house.call(OTHER).held_by_remote);
}

#[test]
fn declining_the_banner_leaves_the_conversation_alone() {
    let mut house = House::new(&[]);
    house.connect_panels();
    house.bell();
    house.must(PANEL, Command::Decline(None));
    house.run(ms(20));
    assert_eq!(states(&house), [CallState::Confirmed]);
    assert_eq!(house.door.heard.last().map(String::as_str), Some("rejected 486"));
    assert_eq!(house.panel().log()[0].result, CallResult::Declined);
}

#[test]
fn when_the_conversation_ends_the_bell_sounds() {
    let mut house = House::new(&[]);
    house.connect_panels();
    house.bell();
    assert_eq!(house.panel().tone(), None);
    house.must(OTHER, Command::End(None));
    house.run(ms(20));
    assert!(house.panel().tone().is_some());
    let ringing = house.call(PANEL).call;
    assert_eq!(house.panel().shown(), Some(ringing));
}

#[test]
fn resuming_one_holds_the_other() {
    let mut house = House::new(&[]);
    house.connect_panels();
    let first = house.call(PANEL).call;
    house.bell();
    house.must(PANEL, Command::Answer(None));
    house.run(ms(50));
    house.must(PANEL, Command::Resume(Some(first)));
    house.run(ms(50));
    assert_eq!(states(&house), [CallState::Confirmed, CallState::Held]);
}

#[test]
fn of_two_that_ring_either_is_looked_at_while_both_go_on() {
    let mut house = House::new(&[]);
    house.press(OTHER, Command::Dial { text: "10✳0✳0✳1".into(), account: Default::default() }).expect("dialled");
    house.run(ms(20));
    house.bell();
    let handles: Vec<_> = house.panels[PANEL].phone.calls().iter().map(|call| call.call).collect();
    let [first, second] = handles[..] else { panic!("{handles:?}") };
    assert_eq!(house.panel().shown(), Some(first));
    for call in [second, first, second] {
        house.must(PANEL, Command::Look(call));
        assert_eq!(house.panel().shown(), Some(call));
        assert_eq!(states(&house), [CallState::Ringing, CallState::Early]);
    }
    house.must(PANEL, Command::Decline(None));
    house.run(ms(20));
    assert_eq!(house.door.heard.last().map(String::as_str), Some("rejected 486"), "what is looked at is meant");
    assert_eq!(house.panel().shown(), Some(first), "the other is there again");
    assert_eq!(house.press(PANEL, Command::Look(second)), Err(Refusal::NoCall));
}

#[test]
fn looking_at_the_banner_leaves_the_conversation_on_the_screen() {
    let mut house = House::new(&[]);
    house.connect_panels();
    let first = house.call(PANEL).call;
    house.bell();
    let second = house.panels[PANEL].phone.calls().last().expect("it rings").call;
    house.must(PANEL, Command::Look(second));
    assert_eq!(house.panel().shown(), Some(first));
    assert_eq!(house.press(PANEL, Command::Look(first)), Err(Refusal::WrongState(CallState::Confirmed)));
}

#[test]
fn a_visitor_takes_the_screen_from_somebody_who_is_only_being_dialled() {
    let mut house = House::new(&[]);
    house.dial("10✳0✳0✳2").expect("dialled");
    house.run(ms(20));
    let dialled = house.call(PANEL).call;
    house.bell();
    assert_ne!(house.panel().shown(), Some(dialled));
    house.must(PANEL, Command::Decline(None));
    house.run(ms(20));
    assert_eq!(house.panel().shown(), Some(dialled));
}

#[test]
fn nobody_who_is_being_dialled_takes_the_screen_from_a_visitor() {
    let mut house = House::new(&[]);
    house.bell();
    let visitor = house.call(PANEL).call;
    house.dial("10.0.0.2").expect("dialled");
    house.run(ms(20));
    assert_eq!(states(&house).len(), 2);
    assert_eq!(house.panel().shown(), Some(visitor));
}
