//! Hold and resume from both sides, collisions, the camera, mute.

use vestibule::channel::{CallState, Command, Refusal};
use vestibule::phone::MediaOrder;
use vestibule::sdp::{Direction, Wish};

use crate::common::{DOOR, House, OTHER, PANEL, ms, s};

const QUIET: Wish = Wish { audio: Direction::SendOnly, video: Direction::Inactive };
const OPEN: Wish = Wish { audio: Direction::SendRecv, video: Direction::SendOnly };

#[test]
fn hold_is_silent_at_once_and_both_sides_know() {
    let mut house = House::new(&[]);
    house.connect_panels();
    let call = house.call(PANEL).call;
    house.must(PANEL, Command::Hold(None));
    assert_eq!(house.call(PANEL).state, CallState::Held);
    assert_eq!(house.panel().media(call), Some((false, false, false)));
    house.run(ms(50));
    assert!(house.call(OTHER).held_by_remote);
    assert_eq!(house.call(PANEL).audio.map(|audio| audio.direction), Some("sendonly"));
    assert_eq!(house.call(OTHER).audio.map(|audio| audio.direction), Some("recvonly"));
    house.must(PANEL, Command::Resume(None));
    house.run(ms(50));
    assert!(!house.call(OTHER).held_by_remote);
    assert_eq!(house.panel().media(call), Some((true, true, false)));
    assert_eq!(house.call(PANEL).audio.map(|audio| audio.direction), Some("sendrecv"));
    assert_eq!(house.count(PANEL, "INVITE "), 3);
}

#[test]
fn two_taps_before_the_answer_end_where_the_second_one_wanted() {
    let mut house = House::new(&[]);
    house.connect_panels();
    house.must(PANEL, Command::Hold(None));
    house.must(PANEL, Command::Resume(None));
    house.run(s(1));
    assert_eq!(house.call(PANEL).state, CallState::Confirmed);
    assert!(!house.call(OTHER).held_by_remote);
    assert_eq!(house.call(OTHER).audio.map(|audio| audio.direction), Some("sendrecv"));
}

#[test]
fn both_hold_at_the_same_moment() {
    let mut house = House::new(&[]);
    house.connect_panels();
    let now = house.now;
    for node in [PANEL, OTHER] {
        house.panels[node].phone.handle_command(now, Command::Hold(None)).expect("held");
    }
    house.run(s(10));
    for node in [PANEL, OTHER] {
        assert_eq!(house.call(node).state, CallState::Held);
        assert_eq!(house.call(node).audio.map(|audio| audio.direction), Some("inactive"), "node {node}");
    }
    house.must(PANEL, Command::Resume(None));
    house.must(OTHER, Command::Resume(None));
    house.run(s(10));
    for node in [PANEL, OTHER] {
        let call = house.call(node);
        assert_eq!(
            (call.state, call.audio.map(|audio| audio.direction)),
            (CallState::Confirmed, Some("sendrecv")),
            "node {node}"
        );
    }
}

#[test]
fn the_door_holds_and_comes_back() {
    let mut house = House::new(&[]);
    house.connect_door();
    let call = house.call(PANEL).call;
    let now = house.now;
    house.door.offer(now, QUIET);
    house.run(ms(50));
    assert!(house.call(PANEL).held_by_remote);
    assert_eq!(house.panel().media(call), Some((false, true, false)));
    house.report(40, |_| 0);
    assert_eq!(house.call(PANEL).state, CallState::Confirmed, "silence on hold is no loss");
    let now = house.now;
    house.door.offer(now, OPEN);
    house.run(ms(50));
    assert!(!house.call(PANEL).held_by_remote);
    assert_eq!(house.panel().media(call), Some((true, true, false)));
    assert_eq!(house.call(PANEL).video.map(|video| video.direction), Some("recvonly"));
}

#[test]
fn a_door_that_refuses_hold_stays_connected_and_unheard() {
    let mut house = House::new(&[]);
    house.connect_door();
    let call = house.call(PANEL).call;
    house.door.refuses_offers = Some(488);
    house.must(PANEL, Command::Hold(None));
    house.run(s(10));
    assert_eq!(house.count(PANEL, "INVITE "), 1, "a refusal is not asked for again and again");
    assert_eq!((house.call(PANEL).state, house.panel().media(call)), (CallState::Held, Some((false, false, false))));
    house.must(PANEL, Command::Resume(None));
    house.run(s(1));
    assert_eq!(house.panel().media(call), Some((true, true, false)));
}

#[test]
fn a_door_that_refuses_to_resume_stays_on_hold_until_it_agrees() {
    let mut house = House::new(&[]);
    house.connect_door();
    let call = house.call(PANEL).call;
    house.must(PANEL, Command::Hold(None));
    house.run(s(1));
    house.door.refuses_offers = Some(488);
    for tries in 2..4 {
        house.must(PANEL, Command::Resume(None));
        house.run(s(10));
        assert_eq!(house.count(PANEL, "INVITE "), tries, "once for each press");
        assert_eq!(
            (house.call(PANEL).state, house.panel().media(call)),
            (CallState::Held, Some((false, false, false)))
        );
    }
    house.door.refuses_offers = None;
    house.must(PANEL, Command::Resume(None));
    house.run(s(1));
    assert_eq!((house.call(PANEL).state, house.panel().media(call)), (CallState::Confirmed, Some((true, true, false))));
}

#[test]
fn our_camera_is_sent_only_when_it_is_there_and_wanted() {
    let mut house = House::new(&[]);
    house.connect_door();
    assert_eq!(house.press(PANEL, Command::SendCamera(true)), Err(Refusal::NoCamera));
    let mut house = House::new(&[("video.camera", "test")]);
    house.door.wish.video = Direction::SendRecv;
    house.connect_door();
    let call = house.call(PANEL).call;
    assert_eq!(house.panel().media(call), Some((true, true, false)));
    assert_eq!(house.call(PANEL).video.map(|video| video.direction), Some("recvonly"));
    house.must(PANEL, Command::SendCamera(true));
    house.run(ms(50));
    assert!(house.call(PANEL).camera);
    assert_eq!(house.panel().media(call), Some((true, true, true)));
    assert_eq!(house.count(DOOR, "SIP/2.0 200"), 1);
    house.must(PANEL, Command::SendCamera(false));
    assert_eq!(house.panel().media(call), Some((true, true, false)));
}

#[test]
fn mute_ends_with_the_call() {
    let mut house = House::new(&[]);
    assert_eq!(house.press(PANEL, Command::Mute(true)), Err(Refusal::NoCall));
    house.connect_panels();
    house.must(PANEL, Command::Mute(true));
    assert!(house.call(PANEL).muted);
    house.must(PANEL, Command::End(None));
    let mutes: Vec<_> =
        house.panels[PANEL].orders.iter().filter(|order| matches!(order, MediaOrder::Mute(_))).cloned().collect();
    assert_eq!(mutes, [MediaOrder::Mute(true), MediaOrder::Mute(false)]);
    house.run(s(1));
    house.connect_panels();
    assert!(!house.call(PANEL).muted);
    assert_eq!(house.call(OTHER).state, CallState::Confirmed);
}

#[test]
fn who_rings_during_a_muted_call_is_not_muted_and_the_first_one_still_is_when_it_is_resumed() {
    let mut house = House::new(&[]);
    house.connect_panels();
    house.must(PANEL, Command::Mute(true));
    let first = house.call(PANEL).call;
    house.bell();
    let muted = |house: &House| {
        let calls = house.panels[PANEL].phone.calls();
        let of = |first_one: bool| calls.iter().find(|call| (call.call == first) == first_one).map(|call| call.muted);
        (of(true), of(false))
    };
    let door = house.panels[PANEL].phone.calls().iter().map(|call| call.call).find(|call| *call != first);
    assert_eq!(muted(&house), (Some(true), Some(false)), "while it rings");
    house.must(PANEL, Command::Answer(door));
    house.run(ms(50));
    assert_eq!(muted(&house), (Some(true), Some(false)), "in both calls");
    house.must(PANEL, Command::Resume(Some(first)));
    house.run(ms(50));
    house.must(PANEL, Command::Mute(false));
    house.must(PANEL, Command::Resume(door));
    house.run(ms(50));
    house.must(PANEL, Command::Mute(true));
    assert_eq!(muted(&house), (Some(false), Some(true)), "each one its own");
    // The microphone is as a call wants it before that call hears it.
    let orders = house.panels[PANEL].orders.iter().filter_map(|order| match order {
        MediaOrder::Mute(on) => Some(if *on { "off" } else { "on" }),
        MediaOrder::Start { call, audio_send: true, .. } => Some(if *call == first { "first" } else { "door" }),
        _ => None,
    });
    let mut orders: Vec<_> = orders.collect();
    orders.dedup();
    let from = orders.iter().position(|order| *order == "off").expect("it was muted");
    assert_eq!(orders[from..], ["off", "on", "door", "off", "first", "on", "door", "off"]);
}
