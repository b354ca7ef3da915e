//! The visitor is seen before anybody answers, and nobody is heard.

use vestibule::channel::{CallState, Command};
use vestibule::phone::{MediaEvent, Tone};
use vestibule::sdp::{AudioCodec, Capabilities, Direction, VideoCodec, Wish};

use crate::common::{House, PANEL, ms};

#[test]
fn a_door_with_a_picture_gets_183_and_is_seen_but_not_heard() {
    let mut house = House::new(&[]);
    house.bell();
    let call = house.call(PANEL);
    assert_eq!(call.state, CallState::Early);
    let video = call.video.expect("a picture");
    assert_eq!((video.codec, video.direction), ("H264", "recvonly"));
    assert_eq!(house.door.heard, ["183"]);
    let streams = house.door.streams.clone().expect("agreed");
    assert_eq!(streams.video.map(|video| video.direction), Some(Direction::SendOnly));
    assert!(streams.audio.is_some_and(|audio| audio.dtmf_send_pt.is_some() && audio.direction == Direction::SendRecv));
    assert_eq!(house.panel().media(call.call), Some((false, false, false)), "no microphone, no loudspeaker");
    assert_eq!(house.panel().shown(), Some(call.call));

    let early = body(house.last(PANEL, "SIP/2.0 183")).to_owned();
    house.must(PANEL, Command::Answer(None));
    house.run(ms(20));
    assert_eq!(house.panel().media(call.call), Some((true, true, false)));
    assert_eq!(body(house.last(PANEL, "SIP/2.0 200")), early, "the answer is the same as in the 183");
    assert_eq!(house.count(PANEL, "INVITE "), 0);
}

#[test]
fn without_a_picture_it_is_180() {
    let mut house = House::new(&[]);
    let now = house.now;
    house.door.ring_without_picture(now);
    house.run(ms(20));
    assert_eq!(house.call(PANEL).state, CallState::Ringing);
    assert_eq!(house.door.heard, ["180"]);

    let mut house = House::new(&[("video.receive", "off")]);
    house.bell();
    assert_eq!((house.call(PANEL).state, house.door.heard.as_slice()), (CallState::Ringing, &["180".to_owned()][..]));
    house.must(PANEL, Command::Answer(None));
    house.run(ms(20));
    assert!(house.call(PANEL).video.is_none());
    assert!(house.last(PANEL, "SIP/2.0 200").contains("m=video 0 "));
}

#[test]
fn who_rings_before_it_is_known_what_can_be_shown_is_seen_after_all() {
    let mut house = House::new(&[]);
    let now = house.now;
    let all = Capabilities { audio: vec![AudioCodec::Pcmu], video: vec![VideoCodec::H264] };
    house.panel().phone.set_capabilities(now, Capabilities { video: Vec::new(), ..all.clone() });
    house.bell();
    assert_eq!((house.call(PANEL).state, house.door.heard.as_slice()), (CallState::Ringing, &["180".to_owned()][..]));
    let now = house.now;
    house.panel().phone.set_capabilities(now, all);
    house.run(ms(20));
    assert_eq!(house.door.heard, ["180", "183"]);
    assert!(house.call(PANEL).video.is_some());
    house.must(PANEL, Command::Answer(None));
    house.run(ms(20));
    assert_eq!(house.call(PANEL).state, CallState::Confirmed);
    assert!(!house.last(PANEL, "SIP/2.0 200").contains("m=video 0 "));
}

#[test]
fn a_called_door_is_seen_and_heard_while_it_rings() {
    let mut house = House::new(&[]);
    house.dial("10.0.0.3").expect("dialled");
    house.run(ms(20));
    let now = house.now;
    house.door.wish = Wish { audio: Direction::SendRecv, video: Direction::SendOnly };
    house.door.alert(now, true);
    house.run(ms(20));
    let call = house.call(PANEL);
    assert_eq!(call.state, CallState::Early);
    assert_eq!(house.panel().media(call.call), Some((false, true, false)));
    assert_eq!(house.panel().tone(), Some(Tone::Ringback), "until something is heard");
    let now = house.now;
    house.panel().phone.handle_media(now, MediaEvent::AudioArrives { call: call.call });
    house.run(ms(1));
    assert_eq!(house.panel().tone(), None);
    let now = house.now;
    house.door.accept(now);
    house.run(ms(20));
    assert_eq!(house.call(PANEL).state, CallState::Confirmed);
    assert_eq!(house.panel().media(call.call), Some((true, true, false)));
}

fn body(message: &str) -> &str {
    message.split_once("\r\n\r\n").expect("a body").1
}
