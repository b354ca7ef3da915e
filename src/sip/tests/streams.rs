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

/// Each ping has its pong (RFC 5626 3.5.1), and a flood of them has few.
#[test]
fn pings_in_one_segment_are_answered_each() {
    for (pings, pongs) in [(2, 2), (3, 3), (30_000, 8)] {
        let mut bench = by_tcp();
        bench.deliver(&"\n\n".repeat(pings));
        for _ in 0..pongs {
            assert_eq!(bench.transmit().bytes, b"\r\n");
        }
        assert!(bench.is_quiet(), "{pings}");
        bench.deliver(&Text::new("OPTIONS", "z9hG4bKa").text());
        assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    }
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

/// A call by TCP that is up, on flow 1.
fn up_by_tcp() -> Bench {
    let mut bench = by_tcp();
    bench.deliver(&Text::new("INVITE", "z9hG4bKone").body("offer").text());
    let session = bench.event().session();
    let now = bench.now;
    bench.endpoint.accept(now, session, sdp("answer"));
    bench.transmit();
    let tag = bench.response().to().tag().expect("a tag").to_owned();
    bench.deliver(&Text::new("ACK", "z9hG4bKack").inside(&tag).text());
    bench.event();
    bench
}

/// Sent since the last time, and whether it was a ping on flow 1.
fn pings(bench: &mut Bench) -> usize {
    let sent: Vec<_> = std::iter::from_fn(|| bench.endpoint.poll_transmit()).collect();
    assert!(sent.iter().all(|one| one.bytes == b"\r\n\r\n" && one.path.flow == Some(FlowId(1))), "{sent:?}");
    sent.len()
}

#[test]
fn the_connection_of_a_call_is_pinged_and_given_up_when_an_answer_is_missing() {
    let mut bench = up_by_tcp();
    for _ in 0..5 {
        bench.run(ms(23_900));
        assert_eq!(pings(&mut bench), 0);
        bench.run(ms(6_200));
        assert_eq!(pings(&mut bench), 1);
        bench.deliver("\n");
    }
    bench.run(ms(30_100));
    assert_eq!(pings(&mut bench), 1);
    assert_eq!(bench.endpoint.poll_close(), None);
    assert!(bench.endpoint.uses_flow(FlowId(1)));
    bench.run(ms(10_000));
    assert_eq!(bench.endpoint.poll_close(), Some(FlowId(1)));
    assert!(!bench.endpoint.uses_flow(FlowId(1)), "the call goes on, by another connection");
    assert_eq!(bench.endpoint.busy_sessions(), 1);
}

#[test]
fn who_does_not_know_pings_is_not_taken_for_dead() {
    let mut bench = up_by_tcp();
    bench.run(ms(200_000));
    assert!(pings(&mut bench) >= 6);
    assert_eq!(bench.endpoint.poll_close(), None);
}

#[test]
fn a_connection_without_a_call_is_left_alone() {
    let mut bench = by_tcp();
    bench.deliver(&Text::new("OPTIONS", "z9hG4bKone").text());
    bench.lines();
    assert!(bench.endpoint.poll_timeout().is_none());
    assert!(!bench.endpoint.uses_flow(FlowId(1)));
}

#[test]
fn a_message_that_trickles_closes_its_connection_in_time() {
    let text = Text::new("OPTIONS", "z9hG4bKone").text().replace('\n', "\r\n");
    let trickle = |bench: &mut Bench, pause: u64| {
        for byte in text.as_bytes() {
            let (now, path) = (bench.now, bench.path);
            bench.endpoint.handle_stream(now, path, std::slice::from_ref(byte));
            bench.run(ms(pause));
        }
    };
    let mut bench = by_tcp();
    trickle(&mut bench, 40);
    trickle(&mut bench, 40);
    assert_eq!(bench.lines().len(), 2, "slow, but in time");
    assert_eq!(bench.endpoint.poll_close(), None);
    assert!(bench.endpoint.poll_timeout().is_none());
    let begun = bench.now;
    bench.deliver("OPT");
    assert_eq!(bench.endpoint.poll_timeout().map(|(at, _)| at - begun), Some(ms(20_000)));
    bench.run(ms(20_000));
    assert_eq!(bench.endpoint.poll_close(), Some(FlowId(1)));
    bench.path.flow = Some(FlowId(2));
    trickle(&mut bench, 1000);
    assert_eq!(bench.endpoint.poll_close(), Some(FlowId(2)));
    assert!(bench.is_quiet());
}

#[test]
fn a_call_to_who_is_connected_already_takes_that_connection() {
    let call = |bench: &mut Bench, to: &str| {
        let path = crate::sip::path::Path { remote: to.parse().expect("an address"), flow: None, ..bench.path };
        let now = bench.now;
        bench.endpoint.invite(now, crate::sip::testing::invite(path, None));
        let transmit = bench.transmit();
        let text = String::from_utf8_lossy(&transmit.bytes).into_owned();
        assert!(text.contains(";alias"), "ours may be used both ways: {text}");
        transmit.path.flow
    };
    let options = |alias: &str| {
        let text = Text::new("OPTIONS", "z9hG4bKone").text();
        text.replace("UDP 198.51.100.7:5060;", &format!("TCP 198.51.100.7:5060;{alias}"))
    };
    let mut bench = by_tcp();
    bench.deliver(&options(""));
    bench.lines();
    assert_eq!(call(&mut bench, "198.51.100.7:40000"), Some(FlowId(1)), "its very end");
    assert_eq!(call(&mut bench, "198.51.100.7:5060"), None, "it did not say that it is reached there");
    bench.deliver(&options("alias;"));
    bench.lines();
    assert_eq!(call(&mut bench, "198.51.100.7:5060"), Some(FlowId(1)));
    assert_eq!(call(&mut bench, "198.51.100.8:5060"), None);
    // Nobody may name somebody else's address.
    bench.path.flow = Some(FlowId(2));
    bench.path.remote = "203.0.113.9:40000".parse().expect("an address");
    bench.deliver(&options("alias;").replace("198.51.100.7:5060;", "198.51.100.8:5060;"));
    bench.lines();
    assert_eq!(call(&mut bench, "198.51.100.8:5060"), None);
    let now = bench.now;
    bench.endpoint.handle_flow_closed(now, FlowId(1));
    assert_eq!(call(&mut bench, "198.51.100.7:5060"), None);
}
