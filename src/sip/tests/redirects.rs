//! "Not here, but there": 3xx followed as far as the order allows (RFC 3261 8.1.3.4).

use super::answer;
use crate::sip::message::{Method, Request};
use crate::sip::path::Transport;
use crate::sip::session::{EndCause, SessionEvent, SessionHandle};
use crate::sip::testing::{Bench, DECLINE, invite, ms};

/// A bench with a call that may go on to `follow` contacts, and its INVITE.
fn calling(follow: u8) -> (Bench, SessionHandle, Request) {
    let mut bench = Bench::new();
    let mut order = invite(bench.path, Some("offer"));
    order.follow = follow;
    let now = bench.now;
    let session = bench.endpoint.invite(now, order);
    let request = bench.request();
    (bench, session, request)
}

/// Sends the call on; gives the next INVITE and where it went.
fn next(bench: &mut Bench) -> Option<(Request, String)> {
    loop {
        let transmit = bench.endpoint.poll_transmit()?;
        let parsed = crate::sip::wire::parse_datagram(&transmit.bytes).expect("a SIP message");
        let crate::sip::message::Message::Request(request) = parsed else { panic!("a response") };
        if *request.method() == Method::Invite {
            return Some((request, transmit.path.remote.to_string()));
        }
    }
}

fn status(bench: &mut Bench) -> u16 {
    match bench.event() {
        SessionEvent::Ended { why: EndCause::Rejected(status, _), .. } => status,
        other => panic!("{other:?}"),
    }
}

#[test]
fn refused_it_ends_the_call_with_its_code() {
    let (mut bench, _, first) = calling(0);
    bench.deliver_bytes(&answer(&first, 302, "x", &[("Contact", "<sip:a@198.51.100.11>")]));
    assert!(next(&mut bench).is_none());
    assert_eq!(status(&mut bench), 302);
}

#[test]
fn contacts_are_called_in_the_order_of_their_q() {
    let (mut bench, session, first) = calling(8);
    let contacts = "<sip:low@198.51.100.11>;q=0.1, <sip:high@198.51.100.12:5070?Subject=x>;q=0.9, \
                    <sip:name@door.invalid>;q=1, <sips:safe@198.51.100.13>, <sip:six@[2001:db8::1]>, tel:+49, \
                    <sip:unsaid@198.51.100.14;method=BYE>";
    bench.deliver_bytes(&answer(&first, 302, "x", &[("Contact", contacts)]));
    let mut earlier = first.clone();
    for (uri, to, answered) in [
        ("sip:unsaid@198.51.100.14", "198.51.100.14:5060", 404),
        ("sip:high@198.51.100.12:5070", "198.51.100.12:5070", 503),
        ("sip:low@198.51.100.11", "198.51.100.11:5060", 486),
    ] {
        let (again, remote) = next(&mut bench).expect("another INVITE");
        assert_eq!((again.uri().to_string().as_str(), remote.as_str()), (uri, to));
        // The same call, its next request.
        assert_eq!(again.call_id(), first.call_id());
        assert_eq!(again.from(), first.from());
        assert_eq!(again.to(), first.to());
        assert_eq!(again.cseq().0, earlier.cseq().0 + 1);
        assert_ne!(again.top_via().branch(), earlier.top_via().branch());
        assert_eq!(again.body(), first.body());
        bench.deliver_bytes(&answer(&again, 180, "y", &[]));
        assert_eq!(bench.event().session(), session);
        bench.deliver_bytes(&answer(&again, answered, "y", &[]));
        earlier = again;
    }
    assert!(next(&mut bench).is_none());
    // The last word counts.
    assert_eq!(status(&mut bench), 486);
    bench.run(ms(40_000));
    assert_eq!((bench.endpoint.busy_sessions(), bench.endpoint.transactions()), (0, 0));
}

#[test]
fn nobody_is_called_twice_and_no_more_than_allowed() {
    let (mut bench, _, first) = calling(8);
    bench.deliver_bytes(&answer(&first, 302, "x", &[("Contact", "<sip:a@198.51.100.11>")]));
    let (second, _) = next(&mut bench).expect("another INVITE");
    // Back to the first, and to itself.
    let back = format!("<{}>, <sip:a@198.51.100.11>", first.uri());
    bench.deliver_bytes(&answer(&second, 302, "x", &[("Contact", &back)]));
    assert!(next(&mut bench).is_none());
    assert_eq!(status(&mut bench), 302);

    let (mut bench, _, mut request) = calling(3);
    for hop in 0..3 {
        let contact = format!("<sip:a@198.51.100.{}>", 20 + hop);
        bench.deliver_bytes(&answer(&request, 302, "x", &[("Contact", &contact)]));
        request = next(&mut bench).expect("another INVITE").0;
    }
    bench.deliver_bytes(&answer(&request, 302, "x", &[("Contact", "<sip:a@198.51.100.99>")]));
    assert!(next(&mut bench).is_none());
    assert_eq!(status(&mut bench), 302);
}

#[test]
fn what_is_no_other_place_is_not_followed() {
    for (code, contact) in [
        (305, "<sip:proxy@198.51.100.11>"),
        (380, "<sip:other@198.51.100.11>"),
        (302, "*"),
        (302, "<sip:a@0.0.0.0>"),
        (302, "<sip:a@198.51.100.11;transport=sctp>"),
    ] {
        let (mut bench, _, first) = calling(8);
        bench.deliver_bytes(&answer(&first, code, "x", &[("Contact", contact)]));
        assert!(next(&mut bench).is_none(), "{contact}");
        assert_eq!(status(&mut bench), code);
    }
}

#[test]
fn a_dead_contact_gives_way_to_the_next_and_a_global_refusal_to_none() {
    let (mut bench, _, first) = calling(8);
    let contacts = "<sip:a@198.51.100.11;transport=tcp>, <sip:b@198.51.100.12>, <sip:c@198.51.100.13>";
    bench.deliver_bytes(&answer(&first, 300, "x", &[("Contact", contacts)]));
    bench.request();
    let transmit = bench.transmit();
    assert_eq!(transmit.path.transport, Transport::Tcp);
    let text = String::from_utf8(transmit.bytes).expect("text");
    assert!(text.contains("Via: SIP/2.0/TCP 192.0.2.1:5060"), "{text}");
    assert!(text.contains(";transport=tcp>"), "{text}");
    let now = bench.now;
    bench.endpoint.handle_transport_error(now, transmit.path);
    let (second, remote) = next(&mut bench).expect("another INVITE");
    assert_eq!(remote, "198.51.100.12:5060");
    bench.deliver_bytes(&answer(&second, 603, "x", &[]));
    assert!(next(&mut bench).is_none());
    assert_eq!(status(&mut bench), 603);
}

#[test]
fn giving_up_cancels_the_contact_that_is_called() {
    let (mut bench, session, first) = calling(8);
    bench.deliver_bytes(&answer(&first, 180, "x", &[]));
    bench.deliver_bytes(&answer(&first, 302, "x", &[("Contact", "<sip:a@198.51.100.11>")]));
    let (second, _) = next(&mut bench).expect("another INVITE");
    let now = bench.now;
    bench.endpoint.end(now, session, DECLINE);
    // Nothing has been heard from there yet.
    assert!(bench.endpoint.poll_transmit().is_none());
    bench.deliver_bytes(&answer(&second, 180, "y", &[]));
    let cancel = bench.request();
    assert_eq!((cancel.method(), cancel.uri()), (&Method::Cancel, second.uri()));
    assert_eq!(cancel.top_via().branch(), second.top_via().branch());
    bench.deliver_bytes(&answer(&second, 302, "y", &[("Contact", "<sip:b@198.51.100.12>")]));
    assert!(next(&mut bench).is_none());
    assert_eq!(bench.endpoint.busy_sessions(), 0);
}

#[test]
fn by_a_proxy_the_way_stays_the_proxys() {
    let mut bench = Bench::new();
    let mut order = invite(bench.path, Some("offer"));
    order.follow = 1;
    order.headers.push(("Route".to_owned(), "<sip:198.51.100.7;lr>".to_owned()));
    let now = bench.now;
    bench.endpoint.invite(now, order);
    let first = bench.request();
    bench.deliver_bytes(&answer(&first, 302, "x", &[("Contact", "<sip:a@198.51.100.11>")]));
    let (again, remote) = next(&mut bench).expect("another INVITE");
    assert_eq!((again.uri().to_string().as_str(), remote.as_str()), ("sip:a@198.51.100.11", "198.51.100.7:5060"));
    assert_eq!(again.headers("Route").count(), 1);
}
