//! A called device says where else to call.

use vestibule::channel::{CallState, Command, EndReason};
use vestibule::sip::message::{Message, Response};
use vestibule::sip::wire::parse_datagram;
use vestibule::sip::{Path, Transport};

use crate::common::{DOOR, House, OTHER, PANEL, ms};

/// The door, which is switched off, answers the panel's INVITE with this contact.
fn answer_for_the_door(house: &mut House, status: u16, contact: &str) {
    let Ok(Message::Request(invite)) = parse_datagram(house.last(PANEL, "INVITE ").as_bytes()) else { panic!() };
    let mut response = Response::answer(&invite, status);
    response.set_to_tag("door");
    response.push_header("Contact", contact);
    let address = |text: &str| text.parse().expect("an address");
    let (local, remote) = (address("10.0.0.1:5060"), address("10.0.0.3:5060"));
    let path = Path { transport: Transport::Udp, local, remote, flow: None };
    let now = house.now;
    house.panel().phone.handle_datagram(now, path, &response.to_bytes());
    house.run(ms(50));
}

fn calling(settings: &[(&str, &str)]) -> House {
    let mut house = House::new(settings);
    house.off.push(DOOR);
    house.dial("10.0.0.3").expect("dialled");
    house.run(ms(20));
    house
}

#[test]
fn the_panel_calls_there() {
    let mut house = calling(&[]);
    answer_for_the_door(&mut house, 302, "<sip:10.0.0.2:5060>");
    assert_eq!(house.call(PANEL).state, CallState::Ringing);
    assert_eq!(house.call(OTHER).state, CallState::Ringing);
    assert_eq!(house.count(PANEL, "INVITE sip:10.0.0.2:5060 "), 1);
}

#[test]
fn a_name_or_a_proxy_is_not_followed() {
    for (status, contact) in [(302, "<sip:door.example>"), (305, "<sip:10.0.0.2>")] {
        let mut house = calling(&[]);
        answer_for_the_door(&mut house, status, contact);
        assert_eq!(house.count(PANEL, "INVITE "), 1);
        assert_eq!(house.panel().last_view().end_reason, Some(EndReason::Failed(status)));
    }
}

#[test]
fn nobody_is_called_instead_where_that_is_switched_off() {
    let mut house = calling(&[("phone.call.follow_redirects", "off")]);
    answer_for_the_door(&mut house, 302, "<sip:10.0.0.2:5060>");
    assert_eq!(house.count(PANEL, "INVITE "), 1);
    assert_eq!(house.panel().last_view().end_reason, Some(EndReason::Failed(302)));

    // It counts for the next call.
    let command = Command::Set { key: "phone.call.follow_redirects".to_owned(), value: "on".to_owned() };
    house.must(PANEL, command);
    house.dial("10.0.0.3").expect("dialled");
    house.run(ms(20));
    answer_for_the_door(&mut house, 301, "<sip:10.0.0.2:5060>");
    assert_eq!(house.call(OTHER).state, CallState::Ringing);
}
