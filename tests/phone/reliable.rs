//! Doors that demand that our ringing arrives for certain (RFC 3262).

use vestibule::channel::{CallState, Command, EndReason};
use vestibule::sip::Transport;

use crate::common::lies::Lie;
use crate::common::{DOOR, House, PANEL, ms, outside, s};

fn demanding() -> House {
    let mut house = House::new(&[]);
    house.door.headers.push(("Require".to_owned(), "100rel".to_owned()));
    house
}

fn body(message: &str) -> &str {
    message.split_once("\r\n\r\n").expect("a head").1
}

#[test]
fn the_visitor_is_seen_and_the_answer_is_not_given_twice() {
    let mut house = demanding();
    house.bell();
    let call = house.call(PANEL);
    assert_eq!(call.state, CallState::Early);
    assert!(house.last(PANEL, "SIP/2.0 183").contains("\r\nRSeq: "));
    assert_eq!((house.count(PANEL, "SIP/2.0 183"), house.count(DOOR, "PRACK ")), (1, 1));
    house.must(PANEL, Command::Answer(None));
    house.run(ms(20));
    assert_eq!(house.panel().media(call.call), Some((true, true, false)));
    assert!(body(house.last(PANEL, "SIP/2.0 200")).is_empty());
    assert_eq!(house.door.heard, ["183", "200"]);
    house.run(s(40));
    assert_eq!(house.call(PANEL).state, CallState::Confirmed);
}

#[test]
fn ringing_without_a_picture_is_acknowledged_too() {
    let mut house = demanding();
    let now = house.now;
    house.door.ring_without_picture(now);
    house.run(s(5));
    assert_eq!((house.count(PANEL, "SIP/2.0 180"), house.count(DOOR, "PRACK ")), (1, 1));
    house.must(PANEL, Command::Answer(None));
    house.run(ms(20));
    assert!(body(house.last(PANEL, "SIP/2.0 200")).contains("m=audio"));
}

#[test]
fn a_door_that_wants_our_offer_gets_it_with_the_ringing() {
    let mut house = demanding();
    let now = house.now;
    house.door.ring_with(now, Transport::Udp, None, "sip:door@10.0.0.3");
    house.run(ms(50));
    let call = house.call(PANEL);
    assert_eq!(call.state, CallState::Early);
    assert!(body(house.last(PANEL, "SIP/2.0 183")).contains("m=audio"));
    assert!(body(house.last(DOOR, "PRACK ")).contains("m=audio"));
    // Seen before the answer, as every visitor.
    assert!(house.call(PANEL).video.is_some());
    assert_eq!(house.panel().media(call.call), Some((false, false, false)));
    house.must(PANEL, Command::Answer(None));
    house.run(ms(50));
    assert!(body(house.last(PANEL, "SIP/2.0 200 OK")).is_empty());
    assert_eq!(house.call(PANEL).state, CallState::Confirmed);
    assert_eq!(house.panel().media(call.call), Some((true, true, false)));
    assert!(house.door.streams.is_some());
    house.run(s(40));
    assert_eq!(house.call(PANEL).state, CallState::Confirmed);
}

#[test]
fn a_door_that_is_answered_at_once_gets_our_offer_in_the_200() {
    let mut house = House::new(&[("phone.auto_answer.enabled", "on")]);
    house.door.headers.push(("Require".to_owned(), "100rel".to_owned()));
    let now = house.now;
    house.door.ring_with(now, Transport::Udp, None, "sip:door@10.0.0.3");
    house.run(ms(50));
    assert_eq!(house.count(PANEL, "SIP/2.0 183"), 0);
    assert!(body(house.last(PANEL, "SIP/2.0 200")).contains("m=audio"));
}

/// RFC 3262 5: the answer has to come with the PRACK. A call in which nothing will ever be heard does not ring on.
#[test]
fn a_door_that_does_not_answer_our_offer_with_the_prack_is_refused() {
    const NO_COMMON: &str = "v=0\r\nm=audio 5 RTP/AVP 18\r\nm=video 0 RTP/AVP 96\r\n";
    for (answer, warning) in [("", "399"), (NO_COMMON, "305"), ("v=0\r\nm=audio x RTP/AVP 0\r\n", "399")] {
        let mut house = House::new(&[]);
        let lie = Lie::new("OPTIONS").line("Require: 100rel");
        let text = |method: &str| String::from_utf8(lie.bytes()).expect("text").replace("OPTIONS", method);
        house.inject(outside(1), text("INVITE").into_bytes());
        house.run(ms(20));
        let early = house.last(PANEL, "SIP/2.0 183").to_owned();
        let value = |name: &str| {
            let line = early.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
            line.trim().to_owned()
        };
        let (to, number) = (value("To:"), value("RSeq:"));
        let kind = if answer.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let length = format!("RAck: {number} 1 INVITE\r\n{kind}Content-Length: {}", answer.len());
        let prack = text("PRACK")
            .replace("To: <sip:10.0.0.1>", &format!("To: {to}"))
            .replace("branch=z9hG4bK", "branch=z9hG4bKp");
        let prack = prack.replace("CSeq: 1", "CSeq: 2").replace("Require: 100rel\r\n", "");
        house.inject(outside(1), format!("{}{answer}", prack.replace("Content-Length: 0", &length)).into_bytes());
        house.run(ms(20));
        assert!(house.last(PANEL, "SIP/2.0 200").contains("\r\nCSeq: 2 PRACK\r\n"));
        let refused = house.last(PANEL, "SIP/2.0 4");
        assert!(refused.starts_with("SIP/2.0 488 ") && refused.contains("\r\nCSeq: 1 INVITE\r\n"), "{refused}");
        assert!(refused.contains(&format!("\r\nWarning: {warning} 10.0.0.1:5060 \"")), "{refused}");
        assert_eq!((house.panel().phone.calls(), house.panel().tone()), (Vec::new(), None));
        assert_eq!(house.panel().log()[0].why, Some(EndReason::NoCommonCodec));
    }
}
