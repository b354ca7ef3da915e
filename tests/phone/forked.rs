//! A dialled number rings in two places: what is heard is the one that spoke last, until one answers.

use vestibule::channel::{CallState, Command};
use vestibule::phone::MediaOrder;
use vestibule::sip::message::{Message, Request, Response};
use vestibule::sip::wire::parse_datagram;
use vestibule::sip::{Path, Transport};

use crate::common::{DOOR, House, PANEL, ms};

/// One of the places answers the panel's INVITE.
fn say(house: &mut House, invite: &Request, status: u16, tag: &str, described: Option<(&str, u16)>) {
    let mut response = Response::answer(invite, status);
    response.set_to_tag(tag);
    response.push_header("Contact", &format!("<sip:{tag}@10.0.0.3:5060>"));
    if let Some((address, port)) = described {
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n"
        );
        response.set_body("application/sdp", sdp.into_bytes());
    }
    let address = |text: &str| text.parse().expect("an address");
    let (local, remote) = (address("10.0.0.1:5060"), address("10.0.0.3:5060"));
    let path = Path { transport: Transport::Udp, local, remote, flow: None };
    let now = house.now;
    house.panel().phone.handle_datagram(now, path, &response.to_bytes());
    house.run(ms(20));
}

/// Where the panel sends its sound and expects theirs from.
fn heard(house: &mut House) -> String {
    let streams = house.panel().orders.iter().rev().find_map(|order| match order {
        MediaOrder::Start { streams, .. } => Some(streams.clone()),
        _ => None,
    });
    streams.and_then(|streams| streams.audio).expect("sound").remote.to_string()
}

#[test]
fn the_one_that_answers_is_heard_although_another_spoke_later() {
    let mut house = House::new(&[]);
    house.off.push(DOOR);
    house.dial("10.0.0.3").expect("dialled");
    house.run(ms(20));
    let Ok(Message::Request(invite)) = parse_datagram(house.last(PANEL, "INVITE ").as_bytes()) else { panic!() };
    say(&mut house, &invite, 183, "one", Some(("10.0.0.21", 40_000)));
    assert_eq!((house.call(PANEL).state, heard(&mut house).as_str()), (CallState::Early, "10.0.0.21:40000"));
    say(&mut house, &invite, 183, "two", Some(("10.0.0.22", 40_002)));
    assert_eq!(heard(&mut house), "10.0.0.22:40002");
    say(&mut house, &invite, 180, "one", None);
    assert_eq!(heard(&mut house), "10.0.0.22:40002");
    // It described itself before and does not repeat that.
    say(&mut house, &invite, 200, "one", None);
    assert_eq!((house.call(PANEL).state, heard(&mut house).as_str()), (CallState::Confirmed, "10.0.0.21:40000"));
    // The other one answers too, and is told that it is too late.
    say(&mut house, &invite, 200, "two", Some(("10.0.0.22", 40_002)));
    assert!(house.last(PANEL, "BYE ").contains(";tag=two\r\n"));
    assert_eq!((house.call(PANEL).state, heard(&mut house).as_str()), (CallState::Confirmed, "10.0.0.21:40000"));
    house.must(PANEL, Command::End(None));
    house.run(ms(20));
    assert!(house.last(PANEL, "BYE ").contains(";tag=one\r\n"));
}
