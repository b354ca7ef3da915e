//! Calls that are taken without a touch.

use vestibule::channel::{CallState, Command};

use crate::common::{House, PANEL, ms, s};

const ON: (&str, &str) = ("phone.auto_answer.enabled", "on");

#[test]
fn at_once_or_after_the_delay() {
    let mut house = House::new(&[ON]);
    house.bell();
    assert_eq!(house.call(PANEL).state, CallState::Confirmed);
    assert_eq!(house.door.heard, ["200"]);
    let mut house = House::new(&[ON, ("phone.auto_answer.delay", "3")]);
    house.bell();
    assert_eq!(house.call(PANEL).state, CallState::Early);
    house.run(ms(2900));
    assert_eq!(house.call(PANEL).state, CallState::Early);
    house.run(ms(200));
    assert_eq!(house.call(PANEL).state, CallState::Confirmed);
}

#[test]
fn only_whom_the_list_names() {
    let mut house = House::new(&[ON, ("phone.auto_answer.only", "10✳0✳0✳2")]);
    house.bell();
    assert_eq!(house.call(PANEL).state, CallState::Early);
    let mut house = House::new(&[ON, ("phone.auto_answer.only", "10✳0✳0✳3")]);
    house.bell();
    assert_eq!(house.call(PANEL).state, CallState::Confirmed);
}

#[test]
fn not_into_another_conversation() {
    let mut house = House::new(&[("phone.auto_answer.delay", "1")]);
    house.connect_panels();
    house.must(PANEL, Command::Set { key: ON.0.into(), value: ON.1.into() });
    house.bell();
    house.run(s(2));
    let states: Vec<_> = house.panels[PANEL].phone.calls().iter().map(|call| call.state).collect();
    assert_eq!(states, [CallState::Confirmed, CallState::Early]);
}

#[test]
fn with_our_camera_if_that_is_wanted() {
    let mut house = House::new(&[ON, ("phone.auto_answer.video", "on"), ("video.camera", "test")]);
    house.door.wish.video = vestibule::sdp::Direction::SendRecv;
    house.bell();
    let call = house.call(PANEL);
    assert!(call.camera);
    assert_eq!(house.panel().media(call.call), Some((true, true, true)));
    let mut house = House::new(&[ON, ("video.camera", "test")]);
    house.door.wish.video = vestibule::sdp::Direction::SendRecv;
    house.bell();
    let call = house.call(PANEL);
    assert_eq!(house.panel().media(call.call), Some((true, true, false)));
}
