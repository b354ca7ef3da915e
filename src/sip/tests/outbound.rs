//! Connections that a registration lives by (RFC 5626): found dead when they are, and told.

use std::time::Duration;

use super::answer;
use crate::sip::message::{Message, NameAddr, Request, Uri};
use crate::sip::path::{FlowId, Path, Transport};
use crate::sip::registration::{Register, RegistrationEvent, RegistrationHandle};
use crate::sip::session::{EndCause, SessionEvent};
use crate::sip::testing::{ACCOUNT, Bench, invite, ms};
use crate::sip::wire::parse_datagram;

const FLOW: FlowId = FlowId(9);

fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.path.transport = Transport::Tcp;
    bench
}

fn register(bench: &mut Bench) -> (RegistrationHandle, Request) {
    let (now, way) = (bench.now, bench.path);
    let order = Register {
        account: ACCOUNT,
        way,
        registrar: Uri::parse("sip:home.example").expect("a URI"),
        aor: NameAddr::new(Uri::parse("sip:501@home.example").expect("a URI")),
        contact: Uri::parse("sip:501@192.0.2.1;transport=tcp").expect("a URI"),
        route: Vec::new(),
        instance: Some("urn:uuid:1".to_owned()),
        expires: Duration::from_secs(3600),
        patience: Duration::from_secs(4),
    };
    let handle = bench.endpoint.register(now, order);
    (handle, bench.request())
}

/// The registrar accepts by the connection, with these lines.
fn accept(bench: &mut Bench, request: &Request, lines: &[(&str, &str)]) {
    let contact = request.header("Contact").expect("a contact").to_owned();
    let mut lines = lines.to_vec();
    lines.push(("Contact", &contact));
    deliver(bench, &answer(request, 200, "registrar", &lines));
    assert!(matches!(bench.endpoint.poll_registration(), Some((_, RegistrationEvent::Registered { .. }))));
}

fn deliver(bench: &mut Bench, bytes: &[u8]) {
    let (now, path) = (bench.now, Path { flow: Some(FLOW), ..bench.path });
    bench.endpoint.handle_stream(now, path, bytes);
}

/// Pings sent since the last time.
fn pings(bench: &mut Bench) -> usize {
    let mut pings = 0;
    while let Some(transmit) = bench.endpoint.poll_transmit() {
        assert_eq!((transmit.bytes.as_slice(), transmit.path.flow), (b"\r\n\r\n".as_slice(), Some(FLOW)));
        pings += 1;
    }
    pings
}

/// RFC 5626 6.
#[test]
fn where_the_first_hop_or_the_registrar_cannot_keep_connections_it_is_done_without() {
    for (refusal, lines) in [(439, &[][..]), (420, &[("Unsupported", "outbound")])] {
        let mut bench = bench();
        let (_, request) = register(&mut bench);
        assert!(request.header("Contact").expect("a contact").contains("reg-id=1"));
        deliver(&mut bench, &answer(&request, refusal, "registrar", lines));
        let again = bench.request();
        assert!(again.cseq().0 > request.cseq().0);
        let contact = again.header("Contact").expect("a contact");
        assert!(!contact.contains("reg-id") && contact.contains("+sip.instance"), "{contact}");
        assert_eq!(again.header("Supported"), Some("path, gruu"));
        // One that says so again means something else.
        deliver(&mut bench, &answer(&again, refusal, "registrar", lines));
        let refused = bench.endpoint.poll_registration();
        assert!(matches!(refused, Some((_, RegistrationEvent::Refused { status, .. })) if status == refusal));
        assert!(bench.is_quiet());
    }
    // What else is not supported is no reason.
    let mut bench = bench();
    let (_, request) = register(&mut bench);
    deliver(&mut bench, &answer(&request, 420, "registrar", &[("Unsupported", "path")]));
    assert!(matches!(bench.endpoint.poll_registration(), Some((_, RegistrationEvent::Refused { status: 420, .. }))));
    assert!(bench.is_quiet());
}

#[test]
fn a_kept_connection_is_pinged_until_it_is_kept_no_more() {
    let mut bench = bench();
    let (_, request) = register(&mut bench);
    accept(&mut bench, &request, &[]);
    bench.run(ms(120_000));
    assert_eq!(pings(&mut bench), 0, "nobody has asked for that");
    assert!(!bench.endpoint.uses_flow(FLOW));
    bench.endpoint.keep_flow(FLOW, true);
    assert!(bench.endpoint.uses_flow(FLOW));
    bench.run(ms(1));
    assert_eq!(pings(&mut bench), 1, "it has been quiet for long");
    deliver(&mut bench, b"\r\n");
    bench.run(ms(31_000));
    assert_eq!(pings(&mut bench), 1);
    deliver(&mut bench, b"\r\n");
    bench.endpoint.keep_flow(FLOW, false);
    bench.run(ms(120_000));
    assert_eq!(pings(&mut bench), 0);
}

#[test]
fn a_kept_connection_that_is_dead_is_closed_and_told() {
    let mut bench = bench();
    let (_, request) = register(&mut bench);
    accept(&mut bench, &request, &[]);
    bench.endpoint.keep_flow(FLOW, true);
    bench.run(ms(31_000));
    assert_eq!(pings(&mut bench), 1);
    deliver(&mut bench, b"\r\n");
    bench.run(ms(41_000));
    assert_eq!(pings(&mut bench), 1);
    assert_eq!(bench.endpoint.poll_close(), Some(FLOW));
    assert!(matches!(bench.endpoint.poll_registration(), Some((_, RegistrationEvent::TransportError))));
    assert!(!bench.endpoint.uses_flow(FLOW));
    let now = bench.now;
    bench.endpoint.handle_flow_closed(now, FLOW);
    assert!(bench.endpoint.poll_registration().is_none(), "told once");
}

#[test]
fn a_registrar_that_requires_outbound_is_pinged_as_often_as_it_wants_and_has_to_answer() {
    let mut bench = bench();
    let (_, request) = register(&mut bench);
    accept(&mut bench, &request, &[("Require", "outbound"), ("Flow-Timer", "12")]);
    assert!(bench.endpoint.uses_flow(FLOW));
    // The first silence was drawn before the answer was read.
    bench.run(ms(31_000));
    assert!(pings(&mut bench) >= 1);
    for _ in 0..5 {
        deliver(&mut bench, b"\r\n");
        bench.run(ms(12_001));
        assert_eq!(pings(&mut bench), 1);
    }
    assert_eq!(bench.endpoint.poll_close(), None);
    bench.run(ms(10_000));
    assert_eq!(bench.endpoint.poll_close(), Some(FLOW));
    assert!(matches!(bench.endpoint.poll_registration(), Some((_, RegistrationEvent::TransportError))));
}

#[test]
fn a_registrar_that_requires_outbound_and_never_answers_a_ping_is_left() {
    let mut bench = bench();
    let (_, request) = register(&mut bench);
    accept(&mut bench, &request, &[("Require", "outbound")]);
    bench.run(ms(41_000));
    assert_eq!(bench.endpoint.poll_close(), Some(FLOW));
}

#[test]
fn a_connection_that_goes_is_told_and_the_next_request_needs_a_new_one() {
    let mut bench = bench();
    let (handle, request) = register(&mut bench);
    accept(&mut bench, &request, &[]);
    let now = bench.now;
    bench.endpoint.handle_flow_closed(now, FLOW);
    assert!(matches!(bench.endpoint.poll_registration(), Some((_, RegistrationEvent::TransportError))));
    bench.run(ms(7_200_000));
    assert!(bench.is_quiet() && bench.endpoint.poll_registration().is_none(), "its user decides");
    let now = bench.now;
    bench.endpoint.refresh_now(now, handle);
    let transmit = bench.transmit();
    assert_eq!(transmit.path.flow, None);
}

#[test]
fn a_connection_that_goes_under_a_request_is_told_once() {
    let mut bench = bench();
    let (handle, request) = register(&mut bench);
    accept(&mut bench, &request, &[]);
    let now = bench.now;
    bench.endpoint.refresh_now(now, handle);
    let again = bench.transmit();
    assert_eq!(again.path.flow, Some(FLOW), "the connection that is there is used");
    let path = again.path;
    let Message::Request(again) = parse_datagram(&again.bytes).expect("a SIP message") else { panic!() };
    deliver(&mut bench, &answer(&again, 100, "", &[]));
    bench.endpoint.handle_flow_closed(now, FLOW);
    bench.endpoint.handle_transport_error(now, path);
    let mut told = Vec::new();
    while let Some((_, event)) = bench.endpoint.poll_registration() {
        told.push(event);
    }
    assert_eq!(told, [RegistrationEvent::TransportError]);
}

#[test]
fn what_took_the_connection_fails_with_it_unless_another_leads_there() {
    for another in [false, true] {
        let mut bench = bench();
        let (_, request) = register(&mut bench);
        accept(&mut bench, &request, &[]);
        let (now, path) = (bench.now, bench.path);
        if another {
            bench.endpoint.handle_stream(now, Path { flow: Some(FlowId(10)), ..path }, b"\r\n\r\n");
            bench.transmit();
        }
        bench.endpoint.invite(now, invite(path, Some("offer")));
        assert_eq!(bench.transmit().path.flow, Some(FLOW));
        bench.endpoint.handle_flow_closed(now, FLOW);
        match bench.endpoint.poll_event() {
            Some(SessionEvent::Ended { why: EndCause::TransportError, .. }) => assert!(!another),
            other => assert!(another && other.is_none(), "{other:?}"),
        }
    }
}

#[test]
fn a_connection_that_is_refused_is_told() {
    let mut bench = bench();
    register(&mut bench);
    let (now, path) = (bench.now, bench.path);
    bench.endpoint.handle_transport_error(now, path);
    assert!(matches!(bench.endpoint.poll_registration(), Some((_, RegistrationEvent::TransportError))));
    bench.run(ms(60_000));
    assert!(bench.is_quiet() && bench.endpoint.poll_registration().is_none());
}

#[test]
fn a_datagram_keeps_a_way_open() {
    let mut bench = Bench::new();
    let path = bench.path;
    bench.endpoint.ping(path);
    let transmit = bench.transmit();
    assert_eq!((transmit.path, transmit.bytes.as_slice()), (path, b"\r\n\r\n".as_slice()));
    bench.endpoint.ping(Path { transport: Transport::Tcp, ..path });
    assert!(bench.is_quiet());
}

#[test]
fn a_registrar_is_heard_while_everybody_else_shouts() {
    let mut bench = Bench::new();
    let registrar = bench.path;
    let (handle, mut request) = register(&mut bench);
    for round in 0..80_u8 {
        for number in 0..100 {
            bench.path.remote.set_ip([203, 0, round, number].into());
            bench.deliver("garbage");
        }
        bench.path = registrar;
        let contact = request.header("Contact").expect("a contact").to_owned();
        bench.deliver_bytes(&answer(&request, 200, "registrar", &[("Contact", &contact)]));
        let told = bench.endpoint.poll_registration();
        assert!(matches!(told, Some((_, RegistrationEvent::Registered { .. }))), "round {round}: {told:?}");
        bench.run(ms(100));
        let now = bench.now;
        bench.endpoint.refresh_now(now, handle);
        request = bench.request();
    }
}
