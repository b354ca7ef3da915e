//! The door that is wired to the panel: its relay opens it with a call or without one, and its contact says whether it is open.

use std::time::Duration;

use vestibule::channel::{Command, Event, Refusal, UnlockFault, UnlockState};

use crate::common::{House, PANEL, ms, s};

/// The door station, whose door hangs on the relay of the panel, and a gate that does not.
const CONTACTS: &str = "[[contact]]\nname = \"Front door\"\nnumbers = [\"10✳0✳0✳3\"]\n[contact.door]\nunlock = \"relay\"\n\
                        [[contact]]\nname = \"Gate\"\nnumbers = [\"10✳0✳0✳9\"]\n[contact.door]\nunlock = \"dtmf\"\n";

const RELAY: &[(&str, &str)] =
    &[("board.relay.chip", "/dev/gpiochip0"), ("board.relay.pulse", "1500"), ("phone.unlock.open_time", "4")];

fn unlock_door(house: &mut House, name: &str) -> Result<(), Refusal> {
    house.press(PANEL, Command::UnlockDoor(name.to_owned())).map(drop)
}

/// The key of the front door outside any call.
fn key(house: &House) -> UnlockState {
    let keys = house.panels[PANEL].phone.door_keys();
    keys.into_iter().find(|key| key.name == "Front door").expect("it is there").unlock
}

fn open(house: &House) -> Option<bool> {
    house.panels[PANEL].phone.wired_door().open
}

fn says(house: &mut House, open: Option<bool>) {
    let now = house.now;
    house.panel().phone.handle_door(now, open);
    house.pump();
}

#[test]
fn the_relay_opens_the_door_of_a_call_for_as_long_as_is_set() {
    let mut house = House::knowing(RELAY, CONTACTS);
    house.bell();
    assert!(house.call(PANEL).can_unlock);
    house.must(PANEL, Command::Unlock(None));
    assert_eq!(house.panel().pulses, [Duration::from_millis(1500)]);
    let UnlockState::Opened { until } = house.call(PANEL).unlock else { panic!("{:?}", house.call(PANEL).unlock) };
    assert_eq!(until, house.now.instant + s(4));
    assert!(house.panel().orders.iter().all(|order| !format!("{order:?}").starts_with("Dtmf")), "no keys are sent");
    house.must(PANEL, Command::Decline(None));
    house.run(ms(20));
    assert!(house.panel().log()[0].unlocked);
}

#[test]
fn a_relay_that_does_not_work_is_a_failure_on_the_screen() {
    let mut house = House::knowing(RELAY, CONTACTS);
    house.panel().has_relay = false;
    house.bell();
    house.must(PANEL, Command::Unlock(None));
    assert_eq!(house.call(PANEL).unlock, UnlockState::Failed(UnlockFault::Relay));
    house.must(PANEL, Command::Decline(None));
    unlock_door(&mut house, "Front door").expect("it is tried");
    assert_eq!(key(&house), UnlockState::Failed(UnlockFault::Relay));
    house.run(s(9));
    assert_eq!(key(&house), UnlockState::Idle);
}

#[test]
fn without_a_relay_the_door_cannot_be_opened_and_that_is_said() {
    let mut house = House::knowing(&[], CONTACTS);
    house.bell();
    assert!(!house.call(PANEL).can_unlock);
    let name = || "Front door".to_owned();
    assert_eq!(house.press(PANEL, Command::Unlock(None)), Err(Refusal::CannotUnlock(name())));
    house.must(PANEL, Command::Decline(None));
    assert_eq!(unlock_door(&mut house, "Front door"), Err(Refusal::CannotUnlock(name())));
}

#[test]
fn it_opens_without_a_call_and_a_door_that_is_not_wired_does_not() {
    let mut house = House::knowing(RELAY, CONTACTS);
    unlock_door(&mut house, "Front door").expect("by the relay");
    unlock_door(&mut house, "Front door").expect("and for longer");
    assert_eq!(house.panel().pulses.len(), 2);
    assert!(matches!(key(&house), UnlockState::Opened { .. }));
    let told = house.panels[PANEL].events.iter().filter(|event| matches!(event, Event::DoorKey(_))).count();
    assert!(told >= 1, "the screen is told");
    house.run(s(4));
    assert_eq!(key(&house), UnlockState::Idle);
    assert_eq!(unlock_door(&mut house, "Gate"), Err(Refusal::NeedsCall("Gate".to_owned())));
    assert_eq!(unlock_door(&mut house, "Cellar"), Err(Refusal::NoDoor("Cellar".to_owned())));
    assert_eq!(house.panel().pulses.len(), 2);
}

#[test]
fn the_contact_says_whether_the_door_is_open_in_a_call_and_without_one() {
    let mut house = House::knowing(RELAY, CONTACTS);
    assert_eq!(open(&house), None);
    says(&mut house, Some(false));
    assert_eq!(open(&house), Some(false));
    house.bell();
    assert_eq!(house.call(PANEL).open, Some(false));
    house.must(PANEL, Command::Unlock(None));
    house.panel().events.clear();
    says(&mut house, Some(true));
    assert_eq!(house.call(PANEL).open, Some(true));
    let told: Vec<_> = std::mem::take(&mut house.panel().events);
    assert!(told.iter().any(|event| matches!(event, Event::Call(view) if view.open == Some(true))), "{told:?}");
    assert!(told.iter().any(|event| matches!(event, Event::WiredDoor(view) if view.open == Some(true))), "{told:?}");
    says(&mut house, None);
    assert_eq!((house.call(PANEL).open, open(&house)), (None, None), "it works no longer");
}

#[test]
fn the_contact_is_that_of_the_only_door_where_none_has_the_relay() {
    let one = "[[contact]]\nname = \"Front door\"\nnumbers = [\"10✳0✳0✳3\"]\n[contact.door]\n";
    let mut house = House::knowing(&[], one);
    says(&mut house, Some(true));
    house.bell();
    assert_eq!(house.call(PANEL).open, Some(true));
    let two = format!("{one}[[contact]]\nname = \"Gate\"\nnumbers = [\"10✳0✳0✳9\"]\n[contact.door]\n");
    let mut house = House::knowing(&[], &two);
    says(&mut house, Some(true));
    house.bell();
    assert_eq!(house.call(PANEL).open, None, "nobody knows which of the two it is");
}
