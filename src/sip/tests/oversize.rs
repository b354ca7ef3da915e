//! Requests that are too large for a datagram (RFC 3261 18.1.1).

use super::answer;
use crate::sip::message::{Method, Request};
use crate::sip::path::{FlowId, Path, Transport};
use crate::sip::session::{EndCause, SessionEvent, SessionHandle};
use crate::sip::testing::{Bench, CALLED, CALLER, DECLINE, World, invite, keys, ms, sdp};
use crate::sip::transaction::table::MAX_DATAGRAM;

/// A call whose INVITE has this many bytes, and the INVITE.
fn call(bench: &mut Bench, size: usize) -> (SessionHandle, Request, Transport) {
    let (now, path) = (bench.now, bench.path);
    let mut probe = Bench::new();
    let (then, there) = (probe.now, probe.path);
    // The first body has the same number of digits in its length as the others.
    probe.endpoint.invite(then, invite(there, Some(&"x".repeat(1000))));
    let rest = probe.transmit().bytes.len() - 1000;
    assert!(size - rest >= 100);
    let body = "x".repeat(size - rest + usize::from(size - rest < 1000));
    let session = bench.endpoint.invite(now, invite(path, Some(&body)));
    let transmit = bench.transmit();
    let request = request(&transmit.bytes);
    assert_eq!(request.top_via().transport, transmit.path.transport.via_name());
    if transmit.path.transport == Transport::Udp {
        assert_eq!(transmit.bytes.len(), size);
    }
    (session, request, transmit.path.transport)
}

fn request(bytes: &[u8]) -> Request {
    match crate::sip::wire::parse_datagram(bytes).expect("a SIP message") {
        crate::sip::message::Message::Request(request) => request,
        crate::sip::message::Message::Response(_) => panic!("a response"),
    }
}

/// The network says that nobody takes connections there.
fn refuse_tcp(bench: &mut Bench) {
    refuse(bench, Transport::Tcp);
}

fn refuse(bench: &mut Bench, transport: Transport) {
    let (now, path) = (bench.now, bench.path);
    bench.endpoint.handle_transport_error(now, Path { transport, flow: None, ..path });
}

/// The other end takes this call of ours, and is to be reached by a way that is so long.
fn accept(bench: &Bench, invite: &Request, route: usize) -> Vec<u8> {
    let (path, host) = (bench.path, "x".repeat(route));
    let route = format!("<sip:{host}@{};lr>", path.remote);
    let contact = format!("<sip:panel@{}>", path.remote);
    let headers = [("Contact", contact.as_str()), ("Record-Route", route.as_str())];
    answer(invite, 200, "panel", if host.is_empty() { &headers[..1] } else { &headers })
}

/// A small call of ours, and how the other end, which is to be reached by a way that is so long, takes it.
fn called(route: usize) -> (Bench, Vec<u8>) {
    let mut bench = Bench::new();
    let (_, invite, _) = call(&mut bench, 1000);
    let ok = accept(&bench, &invite, route);
    (bench, ok)
}

/// How the next message goes, and what it is.
fn next(bench: &mut Bench) -> (Transport, Request) {
    let transmit = bench.transmit();
    let request = request(&transmit.bytes);
    assert_eq!(request.top_via().transport, transmit.path.transport.via_name());
    (transmit.path.transport, request)
}

#[test]
fn up_to_the_limit_by_udp_and_beyond_it_by_tcp() {
    for (size, transport) in [(MAX_DATAGRAM, Transport::Udp), (MAX_DATAGRAM + 1, Transport::Tcp)] {
        let mut bench = Bench::new();
        assert_eq!(call(&mut bench, size).2, transport, "{size}");
    }
}

#[test]
fn the_answer_comes_back_by_the_connection_and_small_requests_go_by_udp() {
    let mut bench = Bench::new();
    let (_, invite, _) = call(&mut bench, 2000);
    bench.run(ms(2000));
    assert!(bench.is_quiet(), "nothing is repeated on a connection");
    bench.path.transport = Transport::Tcp;
    bench.path.flow = Some(FlowId(3));
    let ok = answer(&invite, 200, "panel", &[("Contact", "<sip:panel@198.51.100.7>")]);
    bench.deliver(&String::from_utf8_lossy(&ok).replace("\r\n", "\n"));
    assert!(matches!(bench.event(), SessionEvent::Answered { .. }));
    let ack = bench.transmit();
    assert_eq!((ack.path.transport, ack.path.flow), (Transport::Udp, None));
}

#[test]
fn where_tcp_is_refused_it_goes_by_udp_after_all() {
    let mut bench = Bench::new();
    let (session, invite, _) = call(&mut bench, 2000);
    refuse_tcp(&mut bench);
    let again = bench.transmit();
    assert_eq!(again.path.transport, Transport::Udp);
    let again = request(&again.bytes);
    assert_eq!(again.top_via().transport, "UDP");
    assert_eq!((again.top_via().branch(), again.cseq()), (invite.top_via().branch(), invite.cseq()));
    bench.run(ms(500));
    assert_eq!(bench.request().method(), &Method::Invite, "repeated as any other datagram");
    refuse_tcp(&mut bench);
    assert!(bench.is_quiet(), "the old way concerns it no more");
    let (now, path) = (bench.now, bench.path);
    bench.endpoint.handle_transport_error(now, path);
    assert!(
        matches!(bench.event(), SessionEvent::Ended { session: over, why: EndCause::TransportError } if over == session)
    );
    bench.run(ms(40_000));
    assert_eq!((bench.endpoint.transactions(), bench.endpoint.busy_sessions()), (0, 0));
}

#[test]
fn where_what_connects_is_swallowed_it_goes_by_udp_when_half_the_patience_is_over() {
    let mut bench = Bench::new();
    let large = |bench: &mut Bench| {
        let (now, path) = (bench.now, bench.path);
        let mut order = invite(path, Some(&"x".repeat(2000)));
        order.patience = ms(4_000);
        let session = bench.endpoint.invite(now, order);
        (session, bench.transmit())
    };
    let (session, first) = large(&mut bench);
    assert_eq!(first.path.transport, Transport::Tcp);
    bench.run(ms(1_999));
    assert!(bench.is_quiet());
    bench.run(ms(1));
    let again = bench.transmit();
    assert_eq!(again.path.transport, Transport::Udp);
    assert_eq!(request(&again.bytes).top_via().branch(), request(&first.bytes).top_via().branch());
    bench.deliver_bytes(&answer(&request(&again.bytes), 100, "", &[]));
    bench.run(ms(5_000));
    assert!(bench.is_quiet());
    // For some time nobody waits for that again.
    assert_eq!(large(&mut bench).1.path.transport, Transport::Udp);
    bench.run(ms(600_000));
    while bench.endpoint.poll_transmit().is_some() {}
    assert_eq!(large(&mut bench).1.path.transport, Transport::Tcp);
    let now = bench.now;
    bench.endpoint.end(now, session, DECLINE);
}

#[test]
fn an_ack_that_is_too_large_goes_by_tcp_and_where_that_is_refused_by_udp() {
    let (mut bench, ok) = called(1300);
    bench.deliver_bytes(&ok);
    assert!(matches!(bench.event(), SessionEvent::Answered { .. }));
    let (first, ack) = next(&mut bench);
    assert_eq!((first, ack.method()), (Transport::Tcp, &Method::Ack));
    refuse_tcp(&mut bench);
    let (second, again) = next(&mut bench);
    assert_eq!((second, again.cseq()), (Transport::Udp, ack.cseq()));
    refuse(&mut bench, Transport::Udp);
    assert!(bench.is_quiet(), "there is no third way");
}

#[test]
fn a_large_ack_that_did_not_arrive_goes_by_the_one_way_and_the_other() {
    let (mut bench, ok) = called(1300);
    let mut ways = Vec::new();
    for _ in 0..4 {
        bench.deliver_bytes(&ok);
        ways.push(next(&mut bench).0);
    }
    assert_eq!(ways, [Transport::Tcp, Transport::Udp, Transport::Tcp, Transport::Udp]);
}

#[test]
fn a_port_that_is_away_for_the_moment_of_the_ack_gets_it_later() {
    let (mut bench, ok) = called(0);
    bench.deliver_bytes(&ok);
    assert!(matches!(bench.event(), SessionEvent::Answered { .. }));
    assert_eq!(next(&mut bench).0, Transport::Udp);
    refuse(&mut bench, Transport::Udp);
    assert_eq!(next(&mut bench).0, Transport::Tcp);
    refuse_tcp(&mut bench);
    assert!(bench.is_quiet());
    // UDP is back, and there never was TCP.
    for _ in 0..4 {
        bench.deliver_bytes(&ok);
        if next(&mut bench).0 == Transport::Tcp {
            refuse_tcp(&mut bench);
            assert_eq!(next(&mut bench).0, Transport::Udp);
        }
        assert!(bench.is_quiet());
    }
}

#[test]
fn whoever_took_a_large_invite_by_tcp_and_has_no_udp_gets_the_rest_by_tcp() {
    let mut bench = Bench::new();
    let (session, invite, transport) = call(&mut bench, 2000);
    assert_eq!(transport, Transport::Tcp);
    let by_udp = bench.path;
    bench.path = Path { transport: Transport::Tcp, flow: Some(FlowId(3)), ..by_udp };
    let ok = accept(&bench, &invite, 0);
    bench.deliver_bytes(&ok);
    assert!(matches!(bench.event(), SessionEvent::Answered { .. }));
    assert_eq!(next(&mut bench).0, Transport::Udp, "as its Contact says");
    refuse(&mut bench, Transport::Udp);
    assert_eq!(next(&mut bench).0, Transport::Tcp);
    // It did not arrive: perhaps the other way does.
    bench.deliver_bytes(&ok);
    assert_eq!(next(&mut bench).0, Transport::Udp);
    refuse(&mut bench, Transport::Udp);
    assert_eq!(next(&mut bench).0, Transport::Tcp);
    let now = bench.now;
    bench.endpoint.end(now, session, DECLINE);
    let (first, bye) = next(&mut bench);
    assert_eq!((first, bye.method()), (Transport::Udp, &Method::Bye));
    refuse(&mut bench, Transport::Udp);
    let (second, again) = next(&mut bench);
    assert_eq!((second, again.cseq()), (Transport::Tcp, bye.cseq()));
    bench.deliver_bytes(&answer(&again, 200, "panel", &[]));
    bench.run(ms(40_000));
    assert_eq!((bench.endpoint.transactions(), bench.endpoint.busy_sessions()), (0, 0));
}

#[test]
fn a_cancel_goes_the_way_of_its_invite() {
    let mut bench = Bench::new();
    let (session, invite, _) = call(&mut bench, 2000);
    bench.path.transport = Transport::Tcp;
    bench.path.flow = Some(FlowId(3));
    let ringing = answer(&invite, 180, "panel", &[]);
    bench.deliver(&String::from_utf8_lossy(&ringing).replace("\r\n", "\n"));
    let now = bench.now;
    bench.endpoint.end(now, session, DECLINE);
    let cancel = bench.transmit();
    assert_eq!((cancel.path.transport, cancel.path.flow), (Transport::Tcp, Some(FlowId(3))));
    let cancel = request(&cancel.bytes);
    assert_eq!((cancel.method(), cancel.top_via()), (&Method::Cancel, invite.top_via()));
}

#[test]
fn two_phones_with_much_to_say_agree_by_both_ways() {
    for refused in [false, true] {
        let mut world = World::new(5, 0.0);
        let long = "long ".repeat(400);
        let ours = world.call(Transport::Udp, Some(&long));
        if refused {
            world.refuse_connections();
        }
        world.run(ms(200));
        let theirs = world.incoming(CALLED);
        let now = world.now;
        world.at(CALLED).accept(now, theirs, sdp(&long));
        world.run(ms(200));
        assert!(matches!(world.event(CALLER), SessionEvent::Answered { .. }));
        assert!(matches!(world.event(CALLED), SessionEvent::Confirmed { .. }));
        let now = world.now;
        world.at(CALLED).info(now, theirs, &keys(&long));
        world.run(ms(200));
        assert!(matches!(world.event(CALLER), SessionEvent::Info { session, .. } if session == ours));
        assert!(matches!(world.event(CALLED), SessionEvent::InfoAnswered { result: Ok(()), .. }));
        let now = world.now;
        world.at(CALLER).end(now, ours, DECLINE);
        world.run(ms(200));
        world.event(CALLER);
        assert_eq!(world.ended(CALLED), EndCause::Remote);
        world.run(ms(40_000));
        world.assert_empty();
    }
}
