//! TCP: framing, keep-alives, connections that go.

use super::Text;
use crate::sip::path::{FlowId, Transport};
use crate::sip::session::{EndCause, SessionEvent};
use crate::sip::testing::{Bench, CALLED, CALLER, DECLINE, World, ms, sdp};

fn by_tcp() -> Bench {
    let mut bench = Bench::new();
    bench.path.transport = Transport::Tcp;
    bench.path.remote.set_port(40_000);
    bench.path.flow = Some(FlowId(1));
    bench
}

#[test]
fn a_double_crlf_is_answered_by_one() {
    let mut bench = by_tcp();
    let (now, path) = (bench.now, bench.path);
    bench.endpoint.handle_stream(now, path, b"\r\n\r");
    assert!(bench.endpoint.poll_transmit().is_none());
    bench.endpoint.handle_stream(now, path, b"\n");
    let pong = bench.transmit();
    assert_eq!((pong.path, pong.bytes.as_slice()), (path, b"\r\n".as_slice()));
}

#[test]
fn a_double_crlf_in_two_halves_is_answered_once() {
    let mut bench = by_tcp();
    bench.deliver("\n");
    assert!(bench.is_quiet());
    bench.deliver("\n");
    assert_eq!(bench.transmit().bytes, b"\r\n");
    assert!(bench.is_quiet());
}

#[test]
fn a_head_of_bare_line_feeds_and_a_folded_length_are_understood() {
    let mut bench = by_tcp();
    let (now, path) = (bench.now, bench.path);
    bench.endpoint.handle_stream(now, path, Text::new("OPTIONS", "z9hG4bKa").text().as_bytes());
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    bench.deliver(&Text::new("OPTIONS", "z9hG4bKb").text().replace("Content-Length: 0", "Content-Length:\n 0"));
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    assert_eq!(bench.endpoint.poll_close(), None);
}

/// Where the end of a message cannot be told, its sender is told why before the connection is closed.
#[test]
fn what_cannot_be_framed_is_answered_and_closed() {
    for (length, status) in [
        ("Content-Length: 5x", "SIP/2.0 400 Bad Request (Content-Length)"),
        ("Content-Length: 65536", "SIP/2.0 413 Request Entity Too Large (message too long)"),
        ("Subject: none", "SIP/2.0 400 Bad Request (a stream needs Content-Length)"),
    ] {
        let mut bench = by_tcp();
        let invite = Text::new("INVITE", "z9hG4bKa").body("offer").text();
        bench.deliver(&invite.replace("Content-Length: 5", length));
        let refused = bench.transmit();
        let text = String::from_utf8(refused.bytes).expect("text");
        assert_eq!((refused.path.flow, text.lines().next()), (Some(FlowId(1)), Some(status)));
        assert!(bench.is_quiet());
        assert_eq!(bench.endpoint.poll_close(), Some(FlowId(1)), "{length}");
        assert_eq!((bench.endpoint.transactions(), bench.endpoint.busy_sessions()), (0, 0));
    }
}

#[test]
fn two_messages_in_one_piece_are_both_answered_on_the_flow() {
    let mut bench = by_tcp();
    let one = Text::new("OPTIONS", "z9hG4bKa").text();
    let two = Text::new("OPTIONS", "z9hG4bKb").text();
    bench.deliver(&format!("{one}{two}"));
    for _ in 0..2 {
        assert_eq!(bench.transmit().path.flow, Some(FlowId(1)));
    }
}

#[test]
fn a_stream_that_is_no_sip_is_closed_once() {
    let mut bench = by_tcp();
    bench.deliver(&Text::new("OPTIONS", "z9hG4bKa").text().replace("Content-Length: 0", "Content-Length: many"));
    assert_eq!(bench.endpoint.poll_close(), Some(FlowId(1)));
    bench.lines();
    bench.deliver(&Text::new("OPTIONS", "z9hG4bKb").text());
    assert!(bench.is_quiet());
    assert_eq!(bench.endpoint.poll_close(), None);
    // Another connection is not affected.
    bench.path.flow = Some(FlowId(2));
    bench.deliver(&Text::new("OPTIONS", "z9hG4bKc").text());
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
}

#[test]
fn a_response_whose_connection_has_gone_opens_one_to_the_sent_by() {
    let mut bench = by_tcp();
    let text = Text::new("INVITE", "z9hG4bKone").body("offer").text();
    bench.deliver(&text.replace("UDP 198.51.100.7:5060", "TCP 198.51.100.7:5070"));
    bench.lines();
    let session = bench.event().session();
    let now = bench.now;
    bench.endpoint.handle_flow_closed(now, FlowId(1));
    bench.endpoint.ring(now, session, None);
    let ringing = bench.transmit();
    assert_eq!((ringing.path.flow, ringing.path.remote.to_string().as_str()), (None, "198.51.100.7:5070"));
}

#[test]
fn a_call_survives_the_loss_of_its_connection() {
    for quitter in [CALLER, CALLED] {
        let mut world = World::new(1, 0.0);
        let (ours, theirs) = world.connect(Transport::Tcp);
        world.cut_connections();
        let (session, other) = if quitter == CALLER { (ours, CALLED) } else { (theirs, CALLER) };
        let now = world.now;
        world.at(quitter).end(now, session, DECLINE);
        world.run(ms(100));
        world.event(quitter);
        assert_eq!(world.ended(other), EndCause::Remote);
        world.run(ms(40_000));
        world.assert_empty();
    }
}

#[test]
fn an_answer_after_the_connection_was_lost_arrives() {
    let mut world = World::new(2, 0.0);
    world.call(Transport::Tcp, Some("offer"));
    world.run(ms(100));
    let theirs = world.incoming(CALLED);
    world.cut_connections();
    let now = world.now;
    world.at(CALLED).accept(now, theirs, sdp("answer"));
    world.run(ms(100));
    assert!(matches!(world.event(CALLER), SessionEvent::Answered { .. }));
    assert!(matches!(world.event(CALLED), SessionEvent::Confirmed { .. }));
}

#[test]
fn a_connection_refused_ends_the_call_at_once() {
    let mut world = World::new(3, 0.0);
    world.phones.pop();
    let path = crate::sip::path::Path {
        transport: Transport::Tcp,
        local: world.phones[CALLER].address,
        remote: std::net::SocketAddr::from(([192, 0, 2, 9], 5060)),
        flow: None,
    };
    let now = world.now;
    world.at(CALLER).invite(now, crate::sip::testing::invite(path, None));
    world.run(ms(1));
    assert_eq!(world.ended(CALLER), EndCause::TransportError);
    world.assert_empty();
}

#[test]
fn by_tcp_the_contact_and_via_say_so() {
    let mut bench = by_tcp();
    bench.deliver(&Text::new("INVITE", "z9hG4bKone").body("offer").text());
    bench.lines();
    let session = bench.event().session();
    let now = bench.now;
    bench.endpoint.ring(now, session, None);
    let contact = bench.response().contact().expect("a contact").uri.to_string();
    assert_eq!(contact, "sip:panel@192.0.2.1:5060;transport=tcp");
}
