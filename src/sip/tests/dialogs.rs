//! What a dialog remembers: route set, remote target, numbers.

use super::{Text, answer, called, confirmed};
use crate::sip::message::Method;
use crate::sip::session::{Rejection, SessionEvent};
use crate::sip::testing::{DECLINE, sdp};

fn routes(request: &crate::sip::message::Request) -> Vec<String> {
    request.headers("Route").map(|route| route.to_string()).collect()
}

#[test]
fn loose_routes_are_reversed_for_the_caller_and_go_first() {
    let (mut bench, session, invite) = called();
    let extra = [
        ("Record-Route", "<sip:192.0.2.20;lr>, <sip:192.0.2.10:5070;lr>"),
        ("Contact", "<sip:door@198.51.100.9:5099>"),
    ];
    bench.deliver_bytes(&answer(&invite, 200, "x", &extra));
    let transmit = bench.transmit();
    assert_eq!(transmit.path.remote.to_string(), "192.0.2.10:5070");
    let now = bench.now;
    bench.endpoint.end(now, session, DECLINE);
    let bye = bench.request();
    assert_eq!(bye.uri().to_string(), "sip:door@198.51.100.9:5099");
    assert_eq!(routes(&bye), ["<sip:192.0.2.10:5070;lr>", "<sip:192.0.2.20;lr>"]);
    assert_eq!(bye.cseq().0, invite.cseq().0 + 1);
}

#[test]
fn a_strict_router_becomes_the_request_uri() {
    let (mut bench, session, invite) = called();
    let extra =
        [("Record-Route", "<sip:192.0.2.20;lr>, <sip:192.0.2.10:5070>"), ("Contact", "<sip:door@198.51.100.9:5099>")];
    bench.deliver_bytes(&answer(&invite, 200, "x", &extra));
    bench.transmit();
    let now = bench.now;
    bench.endpoint.end(now, session, DECLINE);
    let transmit = bench.transmit();
    assert_eq!(transmit.path.remote.to_string(), "192.0.2.10:5070");
    let text = String::from_utf8(transmit.bytes).expect("text");
    assert!(text.starts_with("BYE sip:192.0.2.10:5070 SIP/2.0\r\n"), "{text}");
    let found: Vec<&str> = text.lines().filter(|line| line.starts_with("Route")).collect();
    assert_eq!(found, ["Route: <sip:192.0.2.20;lr>", "Route: <sip:door@198.51.100.9:5099>"]);
}

#[test]
fn the_called_side_keeps_the_order_and_copies_record_route() {
    let (mut bench, session) = {
        let mut bench = super::Bench::new();
        let text = Text::new("INVITE", "z9hG4bKone").body("offer");
        let text = text.extra("Record-Route: <sip:192.0.2.10;lr>").extra("Record-Route: <sip:192.0.2.20;lr>");
        bench.deliver(&text.text());
        bench.transmit();
        let session = bench.event().session();
        (bench, session)
    };
    let now = bench.now;
    bench.endpoint.accept(now, session, sdp("answer"));
    let ok = bench.response();
    let copied: Vec<String> = ok.headers("Record-Route").map(|route| route.to_string()).collect();
    assert_eq!(copied, ["<sip:192.0.2.10;lr>", "<sip:192.0.2.20;lr>"]);
    let tag = ok.to().tag().expect("a tag").to_owned();
    bench.deliver(&Text::new("ACK", "z9hG4bKack").inside(&tag).text());
    bench.endpoint.end(now, session, DECLINE);
    let transmit = bench.transmit();
    assert_eq!(transmit.path.remote.to_string(), "192.0.2.10:5060");
    let text = String::from_utf8(transmit.bytes).expect("text");
    assert!(text.contains("\r\nRoute: <sip:192.0.2.10;lr>\r\nRoute: <sip:192.0.2.20;lr>\r\n"), "{text}");
}

#[test]
fn a_reinvite_moves_the_remote_target_when_it_is_accepted() {
    for (accept, expected) in [(true, "sip:moved@198.51.100.8:5066"), (false, "sip:door@198.51.100.7:5060")] {
        let (mut bench, session, tag) = confirmed();
        let text = Text::new("INVITE", "z9hG4bKtwo").cseq(2).inside(&tag).body("hold").text();
        let text = text.replace("Contact: <sip:door@198.51.100.7:5060>", "Contact: <sip:moved@198.51.100.8:5066>");
        bench.deliver(&text);
        let now = bench.now;
        bench.endpoint.answer_offer(now, session, if accept { Ok(sdp("held")) } else { Err(Rejection::from(488)) });
        bench.deliver(&Text::new("ACK", if accept { "z9hG4bKack2" } else { "z9hG4bKtwo" }).cseq(2).inside(&tag).text());
        bench.endpoint.end(now, session, DECLINE);
        bench.lines();
        bench.run(crate::sip::testing::ms(500));
        let bye = bench.request();
        assert_eq!((bye.method(), bye.uri().to_string().as_str()), (&Method::Bye, expected));
    }
}

#[test]
fn an_old_number_is_answered_500_and_a_gap_is_no_fault() {
    let (mut bench, _, tag) = confirmed();
    bench.deliver(&Text::new("INFO", "z9hG4bKi1").cseq(10).inside(&tag).text());
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    bench.deliver(&Text::new("INFO", "z9hG4bKi2").cseq(9).inside(&tag).text());
    assert_eq!(bench.lines(), ["SIP/2.0 500 Server Internal Error"]);
    assert!(matches!(bench.event(), SessionEvent::Info { .. }));
    assert!(bench.endpoint.poll_event().is_none());
    bench.deliver(&Text::new("BYE", "z9hG4bKb").cseq(11).inside(&tag).text());
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
}

#[test]
fn the_ack_of_a_refusal_takes_the_way_of_the_invite() {
    let mut bench = super::Bench::new();
    let mut order = crate::sip::testing::invite(bench.path, Some("offer"));
    order.headers.push(("Route".to_owned(), "<sip:198.51.100.7;lr>".to_owned()));
    order.headers.push(("Route".to_owned(), "<sip:192.0.2.77;lr>".to_owned()));
    let now = bench.now;
    bench.endpoint.invite(now, order);
    let invite = bench.request();
    bench.deliver_bytes(&answer(&invite, 486, "busy", &[("Record-Route", "<sip:192.0.2.20;lr>")]));
    let transmit = bench.transmit();
    assert_eq!(transmit.path.remote, bench.path.remote);
    let text = String::from_utf8(transmit.bytes.clone()).expect("text");
    assert!(text.starts_with(&format!("ACK {} SIP/2.0\r\n", invite.uri())), "{text}");
    let Ok(crate::sip::message::Message::Request(ack)) = crate::sip::wire::parse_datagram(&transmit.bytes) else {
        panic!("{text}")
    };
    assert_eq!(routes(&ack), ["<sip:198.51.100.7;lr>", "<sip:192.0.2.77;lr>"]);
    assert_eq!(ack.top_via().branch(), invite.top_via().branch());
    assert_eq!((ack.to().tag(), ack.cseq()), (Some("busy"), (invite.cseq().0, Method::Ack)));
    // Once for each time the refusal comes.
    bench.deliver_bytes(&answer(&invite, 486, "busy", &[]));
    assert_eq!(bench.transmit(), transmit);
}

#[test]
fn a_repeated_number_on_another_branch_is_answered_500() {
    let (mut bench, _, tag) = confirmed();
    bench.deliver(&Text::new("INFO", "z9hG4bKi1").cseq(2).inside(&tag).text());
    bench.deliver(&Text::new("INFO", "z9hG4bKi2").cseq(2).inside(&tag).text());
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK", "SIP/2.0 500 Server Internal Error"]);
}

#[test]
fn our_contact_and_via_name_our_end_of_the_path() {
    let (mut bench, session) = super::rung();
    let now = bench.now;
    bench.endpoint.ring(now, session, None);
    let ringing = bench.response();
    assert_eq!(ringing.contact().expect("a contact").uri.to_string(), "sip:panel@192.0.2.1:5060");
    let (_, _, invite) = called();
    let via = invite.top_via();
    assert!(via.to_string().starts_with("SIP/2.0/UDP 192.0.2.1:5060;"), "{via}");
    assert!(via.wants_rport() && via.branch().is_some_and(|branch| branch.starts_with("z9hG4bK")), "{via}");
}
