//! OPTIONS gets what a call would get (RFC 3261 11.2), and the server of an account is always told that the panel is there.

use std::net::IpAddr;

use crate::common::lies::{BOOK, DIRECT, Lie, SERVER, THROUGH, registered};
use crate::common::{House, PANEL, ms, outside};

/// The last answer to this one, at this port of the panel; 200 also stands for a call that rings.
fn answered(house: &mut House, port: u16, from: IpAddr, lie: &Lie) -> Option<u16> {
    let before = house.count(PANEL, "SIP/2.0 ");
    house.inject_at(port, from, None, lie.bytes());
    house.run(ms(20));
    let ours = house.sent.iter().filter(|(node, _, text)| *node == PANEL && text.starts_with("SIP/2.0 "));
    let last = ours.skip(before).map(|(_, _, text)| text["SIP/2.0 ".len()..][..3].parse().expect("a status")).last();
    last.map(|status| if (101..200).contains(&status) { 200 } else { status })
}

#[test]
fn whoever_asks_directly_is_told_what_a_call_would_get() {
    const DND: (&str, &str) = ("phone.dnd.mode", "reject");
    let (berta, door) = (IpAddr::from([10, 0, 0, 2]), IpAddr::from([10, 0, 0, 3]));
    let nuisance = IpAddr::from([10, 0, 0, 6]);
    let emergency = BOOK.replace("may_call = true", "may_call = true\nemergency = true");
    for (settings, book, from, expected) in [
        (&[][..], BOOK, door, Some(200)),
        (&[DND], BOOK, door, Some(486)),
        (&[DND, ("phone.dnd.return_code", "480")], BOOK, door, Some(480)),
        (&[DND], emergency.as_str(), door, Some(200)),
        (&[("phone.dnd.mode", "silent")], BOOK, door, Some(200)),
        (&[("phone.direct_ip.enabled", "off")], BOOK, door, Some(404)),
        (&[("phone.call.return_code_when_refused", "603")], BOOK, nuisance, Some(603)),
        (&[DIRECT], BOOK, door, Some(200)),
        (&[DIRECT], BOOK, berta, None),
    ] {
        let mut house = House::knowing(settings, book);
        let asked = answered(&mut house, 5060, from, &Lie::new("OPTIONS"));
        assert_eq!(asked, expected, "{settings:?} {from}");
        assert!(house.panel().log().is_empty(), "{settings:?}: nobody has called");
        assert_eq!(answered(&mut house, 5060, from, &Lie::new("INVITE").number(2)), expected, "{settings:?} {from}");
    }
}

#[test]
fn when_all_lines_are_taken_whoever_asks_is_told_busy() {
    let mut house = House::new(&[]);
    for caller in 1..=4 {
        let call = Lie::new("INVITE").number(caller);
        assert_eq!(answered(&mut house, 5060, outside(caller as u16), &call), Some(200), "caller {caller}");
    }
    assert_eq!(answered(&mut house, 5060, outside(9), &Lie::new("OPTIONS").number(9)), Some(486));
    assert_eq!(answered(&mut house, 5060, outside(9), &Lie::new("INVITE").number(10)), Some(486));
    assert_eq!(house.panel().phone.calls().len(), 4, "asking has ended nothing");
}

/// A server that takes all but 200 for no would put nobody through any more.
#[test]
fn the_server_of_an_account_is_told_that_the_panel_is_there() {
    let settings = [("phone.dnd.mode", "reject"), ("phone.dnd.return_code", "603"), THROUGH];
    for (from, status) in [("<sip:102@10.0.0.4>", 603), ("<sip:103@10.0.0.4>", 403), ("<sip:105@10.0.0.4>", 486)] {
        let mut house = registered(&settings);
        let port = house.panel().port();
        let asks = |number| Lie { from: from.to_owned(), ..Lie::new("OPTIONS").number(number) };
        assert_eq!(answered(&mut house, port, SERVER, &asks(1)), Some(200), "for itself");
        let passed_on = asks(2).line("Via: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKbelow");
        assert_eq!(answered(&mut house, port, SERVER, &passed_on), Some(status), "for {from}");
        assert_eq!(answered(&mut house, port, SERVER, &Lie::call(from).number(3)), Some(status), "{from}");
    }
}
