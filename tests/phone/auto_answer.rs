//! Calls that are taken without a touch.

use vestibule::channel::{CallState, Command};
use vestibule::sip::Transport;

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

#[test]
fn not_when_it_is_switched_off_while_it_counts() {
    let others = ("phone.auto_answer.only", "10.0.0.9");
    for change in [("phone.auto_answer.enabled", "off"), others, ("phone.dnd.mode", "silent")] {
        let mut house = House::new(&[ON, ("phone.auto_answer.delay", "4")]);
        house.bell();
        house.run(ms(500));
        house.set(change.0, change.1);
        house.run(s(10));
        assert_eq!(house.call(PANEL).state, CallState::Early, "{change:?}");
    }
}

#[test]
fn an_address_on_the_list_is_where_a_call_comes_from_and_not_what_it_calls_itself() {
    let door = |only: &str, from: &str| {
        let mut house = House::new(&[ON, ("phone.auto_answer.only", only)]);
        let now = house.now;
        let offer = house.door.negotiation.create_offer(house.door.wish);
        house.door.ring_with(now, Transport::Udp, Some(offer), from);
        house.run(ms(20));
        house.call(PANEL).state
    };
    assert_eq!(door("10.0.0.9", "sip:x@10.0.0.9"), CallState::Early);
    assert_eq!(door("10.0.0.3", "sip:x@10.0.0.9"), CallState::Confirmed);
    assert_eq!(door("101", "sip:101@10.0.0.3"), CallState::Confirmed, "a number is what it calls itself");
}
