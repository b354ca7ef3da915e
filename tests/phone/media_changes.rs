//! Changes in the middle of a call: address, port, codec, hold in all its forms, a picture that comes and goes.

use std::net::SocketAddr;

use vestibule::channel::{CallState, Command};
use vestibule::phone::MediaOrder;
use vestibule::sdp::Direction;
use vestibule::sip::{Body, Transport};

use crate::common::{FRAME, House, OTHER, PANEL, Talk, ms, s};

const DOOR_SOUND: &str = "10.0.0.3:30000";
const DOOR: u8 = 10;
/// The voice of the door from its new place.
const MOVED: u8 = 11;

const SOUND: &str = "m=audio 30000 RTP/AVP 0 101\r\n";
const PICTURE: &str =
    "m=video 30002 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=sendonly\r\n";

const NO_PICTURE: &str = "m=video 0 RTP/AVP 96\r\n";

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn described(version: u32, place: &str, lines: &str) -> String {
    format!("v=0\r\no=- 7 {version} IN IP4 {place}\r\ns=-\r\nc=IN IP4 {place}\r\nt=0 0\r\n{lines}")
}

/// The door and the panel in a call in which the door speaks.
fn connected() -> Talk {
    let mut talk = Talk::new(House::new(&[]));
    talk.house.connect_door();
    talk.run(FRAME);
    talk.voice(DOOR, DOOR_SOUND);
    talk.run(ms(200));
    talk
}

/// The door offers these lines from this place; the answer of the panel.
fn offer(talk: &mut Talk, place: &str, lines: &str) -> String {
    let version = 2 + talk.house.count(2, "INVITE ") as u32;
    // A line never goes away (RFC 3264 8).
    let no_picture = if lines.contains("m=video") { "" } else { NO_PICTURE };
    let body = Body::sdp(described(version, place, &format!("{lines}{no_picture}")).into_bytes());
    let (now, session) = (talk.house.now.instant, talk.house.door.session.expect("a session"));
    talk.house.door.endpoint.reinvite(now, session, body);
    talk.run(FRAME);
    talk.house.last(PANEL, "SIP/2.0 ").to_owned()
}

#[test]
fn a_new_port_or_address_is_followed_at_once_and_the_old_one_is_nobody() {
    for (place, new) in [("10.0.0.3", "10.0.0.3:31000"), ("10.0.0.9", "10.0.0.9:31000")] {
        let mut talk = connected();
        let answer = offer(&mut talk, place, &SOUND.replace("30000", "31000"));
        assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
        // The old place goes on as if nothing had been, and is not heard in the pause before the new one speaks.
        let answered = talk.house.now.instant;
        talk.run(ms(500));
        assert_eq!(talk.heard_since(answered), [] as [u8; 0]);
        assert_eq!(talk.sent_since(answered), [(address(new), 0)]);
        talk.voice(MOVED, new);
        let since = talk.house.now.instant + FRAME;
        talk.run(s(5));
        assert_eq!(talk.heard_since(since), [MOVED]);
        assert_eq!(talk.sent_since(since), [(address(new), 0)]);
        assert!(talk.gap(since) <= 2 * FRAME, "{:?}", talk.gap(since));
    }
}

#[test]
fn a_new_codec_is_spoken_at_once() {
    let mut talk = connected();
    let answer = offer(&mut talk, "10.0.0.3", "m=audio 30000 RTP/AVP 8 101\r\n");
    assert!(answer.contains("m=audio ") && answer.contains(" RTP/AVP 8 101"), "{answer}");
    talk.voices[0].payload_type = 8;
    let since = talk.house.now.instant;
    talk.run(s(1));
    assert_eq!(talk.sent_since(since + FRAME), [(address(DOOR_SOUND), 8)]);
    assert!(talk.heard[PANEL].iter().filter(|heard| heard.at >= since).all(|heard| heard.payload_type == 8));
    assert!(talk.gap(since) <= 3 * FRAME);
    assert_eq!(talk.house.call(PANEL).audio.map(|audio| audio.codec), Some("pcma"));
}

#[test]
fn numbers_that_change_are_followed() {
    let mut talk = connected();
    for pt in [96, 97] {
        let lines = format!("m=audio 30000 RTP/AVP {pt} 9{}\r\na=rtpmap:{pt} opus/48000/2\r\n", 104 - pt)
            .replace("97 97", "97 96");
        offer(&mut talk, "10.0.0.3", &lines);
        let since = talk.house.now.instant + FRAME;
        talk.run(ms(200));
        assert_eq!(talk.sent_since(since), [(address(DOOR_SOUND), pt)]);
    }
}

#[test]
fn keys_go_under_the_number_that_was_agreed_last() {
    let mut talk = connected();
    for (pt, clock) in [(101, 8_000), (97, 8_000), (120, 48_000)] {
        let lines = format!("m=audio 30000 RTP/AVP 0 {pt}\r\na=rtpmap:{pt} telephone-event/{clock}\r\n");
        offer(&mut talk, "10.0.0.3", &lines);
        talk.house.must(PANEL, Command::Dtmf("5".to_owned()));
        let since = talk.house.now.instant + FRAME;
        talk.run(ms(600));
        assert_eq!(talk.numbers_since(since), [0, pt]);
    }
    // A door that takes no keys any more gets none, and the sound goes on.
    offer(&mut talk, "10.0.0.3", "m=audio 30000 RTP/AVP 0\r\n");
    talk.house.must(PANEL, Command::Dtmf("5".to_owned()));
    let since = talk.house.now.instant + FRAME;
    talk.run(ms(600));
    assert_eq!(talk.numbers_since(since), [0]);
}

#[test]
fn the_door_holds_in_every_form_and_comes_back() {
    for (place, line, sends) in [
        ("10.0.0.3", "a=sendonly\r\n", true),
        ("10.0.0.3", "a=inactive\r\n", false),
        // RFC 3264 8.4, and what some devices do besides.
        ("0.0.0.0", "", true),
        ("0.0.0.0", "a=inactive\r\n", false),
    ] {
        let mut talk = connected();
        let call = talk.house.call(PANEL).call;
        let answer = offer(&mut talk, place, &format!("{SOUND}{line}"));
        let direction = if sends { "a=recvonly" } else { "a=inactive" };
        assert!(answer.contains(direction), "{answer}");
        assert!(talk.house.call(PANEL).held_by_remote);
        assert_eq!(talk.house.panel().media(call), Some((false, sends, false)));
        talk.voices[0].speaks = sends;
        let since = talk.house.now.instant + FRAME;
        talk.run(s(40));
        assert_eq!(talk.sent_since(since), [], "{place} {line}");
        assert_eq!(talk.house.call(PANEL).state, CallState::Confirmed, "silence on hold is no loss");
        offer(&mut talk, "10.0.0.3", SOUND);
        talk.voices[0].speaks = true;
        assert!(!talk.house.call(PANEL).held_by_remote);
        let since = talk.house.now.instant + FRAME;
        talk.run(s(1));
        assert_eq!(talk.sent_since(since), [(address(DOOR_SOUND), 0)]);
        assert!(talk.gap(since) <= 3 * FRAME, "{place} {line}");
    }
}

#[test]
fn a_hold_by_an_empty_address_lets_no_stranger_in() {
    let mut talk = connected();
    offer(&mut talk, "0.0.0.0", SOUND);
    talk.voices[0].speaks = false;
    let since = talk.house.now.instant + FRAME;
    talk.voice(66, "10.0.0.66:30000");
    talk.run(s(5));
    assert_eq!(talk.heard_since(since), [] as [u8; 0]);
}

#[test]
fn both_hold_and_each_comes_back_in_its_own_time() {
    let mut talk = connected();
    talk.house.must(PANEL, Command::Hold(None));
    talk.run(ms(100));
    let answer = offer(&mut talk, "10.0.0.3", &format!("{SOUND}a=sendonly\r\n"));
    assert!(answer.contains("a=inactive"), "{answer}");
    assert_eq!((talk.house.call(PANEL).state, talk.house.call(PANEL).held_by_remote), (CallState::Held, true));
    // The door comes back; we hold it still.
    let answer = offer(&mut talk, "10.0.0.3", SOUND);
    assert!(answer.contains("a=sendonly"), "{answer}");
    assert_eq!((talk.house.call(PANEL).state, talk.house.call(PANEL).held_by_remote), (CallState::Held, false));
    talk.house.must(PANEL, Command::Resume(None));
    talk.run(ms(100));
    let since = talk.house.now.instant;
    talk.run(s(1));
    assert!(talk.gap(since) <= 2 * FRAME);
    assert_eq!(talk.sent_since(since), [(address(DOOR_SOUND), 0)]);
}

#[test]
fn we_come_back_to_a_door_that_still_holds() {
    let mut house = House::new(&[]);
    house.connect_panels();
    let now = house.now;
    house.panels[OTHER].phone.handle_command(now, Command::Hold(None)).expect("held");
    house.run(ms(100));
    house.must(PANEL, Command::Hold(None));
    house.run(ms(100));
    house.must(PANEL, Command::Resume(None));
    house.run(ms(100));
    let call = house.call(PANEL);
    assert!(call.held_by_remote, "its answer says so");
    assert_eq!(call.audio.map(|audio| audio.direction), Some("recvonly"));
    house.must(OTHER, Command::Resume(None));
    house.run(ms(100));
    assert!(!house.call(PANEL).held_by_remote);
}

#[test]
fn an_answer_alone_says_that_the_door_holds() {
    let mut house = House::new(&[]);
    house.connect_door();
    let again = |house: &mut House| {
        house.must(PANEL, Command::Hold(None));
        house.run(ms(50));
        house.must(PANEL, Command::Resume(None));
        house.run(ms(50));
        house.call(PANEL).held_by_remote
    };
    house.door.wish.audio = Direction::SendOnly;
    assert!(again(&mut house));
    house.door.wish.audio = Direction::SendRecv;
    assert!(!again(&mut house));
}

#[test]
fn one_stream_alone_is_held() {
    let mut talk = connected();
    let call = talk.house.call(PANEL).call;
    let answer = offer(&mut talk, "10.0.0.3", &format!("{SOUND}{}", PICTURE.replace("sendonly", "inactive")));
    assert!(answer.contains("a=sendrecv") && answer.contains("a=inactive"), "{answer}");
    assert_eq!(talk.house.panel().media(call), Some((true, true, false)));
    assert_eq!(talk.house.call(PANEL).video.map(|video| video.direction), Some("inactive"));
    let answer = offer(&mut talk, "10.0.0.3", &format!("{SOUND}a=sendonly\r\n{PICTURE}"));
    assert!(answer.contains("a=recvonly") && !answer.contains("a=inactive"), "{answer}");
    assert_eq!(talk.house.panel().media(call), Some((false, true, false)));
    assert_eq!(talk.house.call(PANEL).video.map(|video| video.direction), Some("recvonly"));
}

#[test]
fn a_picture_is_added_and_taken_away_and_the_sound_does_not_notice() {
    let mut talk = Talk::new(House::new(&[]));
    let now = talk.house.now;
    talk.house.door.ring_without_picture(now);
    talk.run(FRAME);
    talk.house.must(PANEL, Command::Answer(None));
    talk.run(FRAME);
    talk.voice(DOOR, DOOR_SOUND);
    talk.run(ms(100));
    let since = talk.house.now.instant;
    let has_picture = |talk: &mut Talk| {
        let last = talk.house.panel().orders.iter().rev().find_map(|order| match order {
            MediaOrder::Start { streams, .. } => Some(streams.video.clone()),
            _ => None,
        });
        last.flatten().map(|video| video.remote)
    };
    assert_eq!(has_picture(&mut talk), None);
    offer(&mut talk, "10.0.0.3", &format!("{SOUND}{PICTURE}"));
    assert_eq!(has_picture(&mut talk), Some(address("10.0.0.3:30002")));
    assert_eq!(talk.house.call(PANEL).video.map(|video| video.direction), Some("recvonly"));
    let answer = offer(&mut talk, "10.0.0.3", &format!("{SOUND}{}", PICTURE.replace("30002", "0")));
    assert!(answer.contains("m=video 0 "), "{answer}");
    assert_eq!(has_picture(&mut talk), None);
    assert!(talk.gap(since) <= 2 * FRAME);
}

#[test]
fn our_camera_asks_for_a_picture_where_there_was_none() {
    let mut house = House::new(&[("video.camera", "test")]);
    let now = house.now;
    house.door.ring_without_picture(now);
    house.run(ms(20));
    house.must(PANEL, Command::Answer(None));
    house.run(ms(20));
    assert!(house.call(PANEL).video.is_none());
    house.must(PANEL, Command::SendCamera(true));
    house.run(ms(50));
    let offer = house.last(PANEL, "INVITE ");
    assert!(offer.contains("m=video ") && offer.len() < 1_300, "{offer}");
    // That door has no screen: the line is rejected and nothing else is lost.
    let call = house.call(PANEL);
    assert_eq!((call.state, call.video.is_none()), (CallState::Confirmed, true));
    assert_eq!(house.panel().media(call.call), Some((true, true, false)));
}

#[test]
fn all_lines_switched_off_are_a_hold_too() {
    let mut talk = connected();
    let off = format!("{SOUND}{PICTURE}").replace("30000", "0").replace("30002", "0");
    let answer = offer(&mut talk, "10.0.0.3", &off);
    assert!(answer.starts_with("SIP/2.0 200") && answer.contains("m=audio 0 "), "{answer}");
    assert!(talk.house.call(PANEL).held_by_remote);
    talk.voices[0].speaks = false;
    let since = talk.house.now.instant + FRAME;
    talk.run(s(40));
    assert_eq!((talk.sent_since(since), talk.house.call(PANEL).state), (vec![], CallState::Confirmed));
    let answer = offer(&mut talk, "10.0.0.3", &format!("{SOUND}{PICTURE}"));
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    talk.voices[0].speaks = true;
    let since = talk.house.now.instant + FRAME;
    talk.run(s(1));
    assert_eq!((talk.heard_since(since), talk.sent_since(since)), (vec![DOOR], vec![(address(DOOR_SOUND), 0)]));
}

#[test]
fn a_change_that_cannot_be_is_refused_and_nothing_changes() {
    let mut talk = connected();
    let since = talk.house.now.instant;
    for lines in ["m=audio 31000 RTP/AVP 18\r\n", "m=audio 31000 RTP/SAVP 0\r\n", "m=image 31000 udptl t38\r\n"] {
        let answer = offer(&mut talk, "10.0.0.9", lines);
        assert!(answer.starts_with("SIP/2.0 488"), "{answer}");
        talk.run(ms(200));
    }
    assert_eq!(talk.sent_since(since), [(address(DOOR_SOUND), 0)]);
    assert!(talk.gap(since) <= 2 * FRAME);
}

/// RFC 3261 14.2, 21.4.1, 20.43 and RFC 3264 8: refused in the same words by INVITE, re-INVITE and UPDATE, and the call goes on
/// as it was.
#[test]
fn an_offer_that_cannot_be_used_is_refused_with_the_reason() {
    let with = |lines: &str| described(9, "10.0.0.3", lines);
    for (offer, status, warning, first) in [
        ("hello".to_owned(), "400 Bad Request (the session description cannot be read)", "399", true),
        (with("m=audio x RTP/AVP 0\r\n"), "400 Bad Request (the session description cannot be read)", "399", true),
        (with(""), "488 Not Acceptable Here", "304", true),
        (with(&format!("m=audio 30000 RTP/AVP 18\r\n{NO_PICTURE}")), "488 Not Acceptable Here", "305", true),
        (with(&format!("m=audio 30000 RTP/SAVP 0\r\n{NO_PICTURE}")), "488 Not Acceptable Here", "302", true),
        (with(SOUND), "488 Not Acceptable Here", "399", false),
    ] {
        let refused = |house: &House| {
            let answer = house.last(PANEL, "SIP/2.0 ");
            assert!(answer.starts_with(&format!("SIP/2.0 {status}\r\n")), "{offer}\n{answer}");
            assert!(answer.contains(&format!("\r\nWarning: {warning} 10.0.0.1:5060 \"")), "{offer}\n{answer}");
        };
        let body = || Body::sdp(offer.clone().into_bytes());
        if first {
            let mut house = House::new(&[]);
            let now = house.now;
            house.door.ring_with(now, Transport::Udp, Some(body().bytes), "sip:door@10.0.0.3");
            house.run(ms(50));
            refused(&house);
            assert!(house.panels[PANEL].phone.calls().is_empty());
        }
        for by_update in [false, true] {
            let mut talk = connected();
            let call = talk.house.call(PANEL);
            let (now, session) = (talk.house.now.instant, talk.house.door.session.expect("a session"));
            match by_update {
                true => talk.house.door.endpoint.update(now, session, body()),
                false => talk.house.door.endpoint.reinvite(now, session, body()),
            }
            talk.run(FRAME);
            refused(&talk.house);
            assert_eq!(talk.house.call(PANEL).audio, call.audio, "{offer}");
            let since = talk.house.now.instant;
            talk.run(ms(200));
            assert_eq!(talk.heard_since(since), [DOOR], "{offer}");
        }
    }
}

#[test]
fn the_same_again_changes_nothing() {
    let mut talk = connected();
    let lines = format!("{SOUND}{PICTURE}");
    let first = offer(&mut talk, "10.0.0.3", &lines);
    let orders = talk.house.panel().orders.len();
    let again = offer(&mut talk, "10.0.0.3", &lines);
    let body = |message: &str| message.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    assert_eq!(body(&first), body(&again), "nor does what we say, down to the version");
    assert_eq!(talk.house.panel().orders.len(), orders);
}

#[test]
fn a_first_invite_still_fits_a_datagram() {
    let mut house = House::new(&[("video.camera", "test")]);
    house.dial("10.0.0.3").expect("dialled");
    house.run(ms(20));
    let invite = house.last(PANEL, "INVITE ");
    assert!(invite.len() < 1_300, "{} bytes, more than RFC 3261 18.1.1 sends by UDP:\n{invite}", invite.len());
}
