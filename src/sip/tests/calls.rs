//! Calls that come about, by UDP and TCP, and how they end.

use crate::sip::path::Transport;
use crate::sip::session::{EndCause, SessionEvent};
use crate::sip::testing::{CALLED, CALLER, DECLINE, World, ms, sdp};

#[test]
fn a_call_rings_with_early_media_is_answered_and_ended_by_either_side() {
    for transport in [Transport::Udp, Transport::Tcp] {
        for quitter in [CALLER, CALLED] {
            let mut world = World::new(1, 0.0);
            let ours = world.call(transport, Some("offer"));
            world.run(ms(100));
            let SessionEvent::Incoming { session: theirs, request, .. } = world.event(CALLED) else { panic!() };
            assert_eq!(request.offer, Some(sdp("offer")));
            assert_eq!(request.request_uri.user(), Some("panel"));
            let now = world.now;
            world.at(CALLED).ring(now, theirs, None);
            world.run(ms(50));
            world.at(CALLED).ring(now, theirs, Some(sdp("early")));
            world.run(ms(100));
            let SessionEvent::Progress { status: 180, body: None, .. } = world.event(CALLER) else { panic!() };
            let SessionEvent::Progress { status: 183, body, .. } = world.event(CALLER) else { panic!() };
            assert_eq!(body, Some(sdp("early")));
            let now = world.now;
            world.at(CALLED).accept(now, theirs, sdp("answer"));
            world.run(ms(100));
            let SessionEvent::Answered { body, .. } = world.event(CALLER) else { panic!() };
            assert_eq!(body, Some(sdp("answer")));
            let SessionEvent::Confirmed { body: None, .. } = world.event(CALLED) else { panic!() };

            let (session, other) = if quitter == CALLER { (ours, CALLED) } else { (theirs, CALLER) };
            let now = world.now;
            world.at(quitter).end(now, session, DECLINE);
            world.run(ms(100));
            assert_eq!(world.ended(quitter), EndCause::Local);
            assert_eq!(world.ended(other), EndCause::Remote);
            world.run(ms(60_000));
            world.assert_empty();
            assert_eq!(world.count(CALLER, "INVITE"), 1);
            assert_eq!(world.count(CALLER, "ACK"), 1);
        }
    }
}

#[test]
fn a_refusal_has_its_status_and_phrase_and_its_ack() {
    for (code, phrase) in [(486, "Busy Here"), (603, "Decline"), (404, "Not Found"), (200, "Decline")] {
        let mut world = World::new(2, 0.0);
        world.call(Transport::Udp, Some("offer"));
        world.run(ms(100));
        let theirs = world.incoming(CALLED);
        let now = world.now;
        world.at(CALLED).end(now, theirs, crate::sip::session::End { code });
        world.run(ms(100));
        assert_eq!(world.ended(CALLED), EndCause::Local);
        let EndCause::Rejected(status, reason) = world.ended(CALLER) else { panic!() };
        // 200 is no refusal: it counts as 603.
        assert_eq!((status, reason.as_str()), (if code == 200 { 603 } else { code }, phrase));
        assert_eq!(world.count(CALLER, "ACK"), 1);
        world.run(ms(60_000));
        world.assert_empty();
    }
}

#[test]
fn a_lost_ack_makes_the_200_come_again_and_the_ack_too() {
    let mut world = World::new(3, 0.0);
    let mut lost = 0;
    world.filter = Box::new(move |_, text| {
        let lose = text.starts_with("ACK") && lost < 3;
        lost += usize::from(lose);
        lose
    });
    world.call(Transport::Udp, Some("offer"));
    world.run(ms(100));
    let theirs = world.incoming(CALLED);
    let now = world.now;
    world.at(CALLED).accept(now, theirs, sdp("answer"));
    world.run(ms(10_000));
    assert_eq!(world.count(CALLED, "SIP/2.0 200"), 4);
    assert_eq!(world.count(CALLER, "ACK"), 4);
    assert!(matches!(world.event(CALLED), SessionEvent::Confirmed { .. }));
    assert!(matches!(world.event(CALLER), SessionEvent::Answered { .. }));
    assert!(world.phones[CALLER].events.is_empty());
}

#[test]
fn an_answer_that_is_never_acknowledged_ends_in_bye() {
    let mut world = World::new(4, 0.0);
    world.filter = Box::new(|_, text| text.starts_with("ACK"));
    world.call(Transport::Udp, Some("offer"));
    world.run(ms(100));
    let theirs = world.incoming(CALLED);
    let now = world.now;
    world.at(CALLED).accept(now, theirs, sdp("answer"));
    world.run(ms(31_900));
    assert!(world.phones[CALLED].events.is_empty());
    world.run(ms(1_000));
    assert_eq!(world.ended(CALLED), EndCause::NoAck);
    assert_eq!(world.count(CALLED, "BYE"), 1);
    world.event(CALLER);
    assert_eq!(world.ended(CALLER), EndCause::Remote);
    // Repeated after 0.5, 1.5, 3.5 s and then every 4 s.
    assert_eq!(world.count(CALLED, "SIP/2.0 200 OK\r\n"), 11);
    world.run(ms(40_000));
    world.assert_empty();
}

#[test]
fn ending_before_the_ack_waits_for_it() {
    let mut world = World::new(5, 0.0);
    let mut first = true;
    world.filter = Box::new(move |_, text| text.starts_with("ACK") && std::mem::take(&mut first));
    world.call(Transport::Udp, Some("offer"));
    world.run(ms(100));
    let theirs = world.incoming(CALLED);
    let now = world.now;
    world.at(CALLED).accept(now, theirs, sdp("answer"));
    world.run(ms(100));
    let now = world.now;
    world.at(CALLED).end(now, theirs, DECLINE);
    assert_eq!(world.ended(CALLED), EndCause::Local);
    assert_eq!(world.count(CALLED, "BYE"), 0);
    world.run(ms(1_000));
    assert_eq!(world.count(CALLED, "BYE"), 1);
    assert!(matches!(world.event(CALLER), SessionEvent::Answered { .. }));
    assert_eq!(world.ended(CALLER), EndCause::Remote);
}

#[test]
fn nobody_there_times_out_and_an_unreachable_port_is_said_at_once() {
    let mut world = World::new(6, 0.0);
    world.filter = Box::new(|_, _| true);
    world.call(Transport::Udp, Some("offer"));
    world.run(ms(31_990));
    assert!(world.phones[CALLER].events.is_empty());
    world.run(ms(20));
    assert_eq!(world.ended(CALLER), EndCause::TimedOut);
    world.assert_empty();

    world.call(Transport::Udp, Some("offer"));
    let path = crate::sip::path::Path {
        transport: Transport::Udp,
        local: world.phones[CALLER].address,
        remote: world.phones[CALLED].address,
        flow: None,
    };
    let now = world.now;
    world.at(CALLER).handle_transport_error(now, path);
    assert_eq!(world.ended(CALLER), EndCause::TransportError);
    world.assert_empty();
}

#[test]
fn a_call_without_an_offer_is_offered_in_the_200_and_answered_in_the_ack() {
    let mut world = World::new(7, 0.0);
    let ours = world.call(Transport::Udp, None);
    world.run(ms(100));
    let SessionEvent::Incoming { session: theirs, request, .. } = world.event(CALLED) else { panic!() };
    assert_eq!(request.offer, None);
    let now = world.now;
    world.at(CALLED).accept(now, theirs, sdp("late offer"));
    world.run(ms(700));
    let SessionEvent::Answered { body, .. } = world.event(CALLER) else { panic!() };
    assert_eq!(body, Some(sdp("late offer")));
    assert_eq!(world.count(CALLER, "ACK"), 0);
    let now = world.now;
    world.at(CALLER).answer_offer(now, ours, Ok(sdp("late answer")));
    world.run(ms(5_000));
    let SessionEvent::Confirmed { body, .. } = world.event(CALLED) else { panic!() };
    assert_eq!(body, Some(sdp("late answer")));
    assert!(world.phones[CALLER].events.is_empty());
}

#[test]
fn an_offer_of_ours_is_not_shown_before_it_is_sure_to_arrive() {
    let mut world = World::new(7, 0.0);
    world.call(Transport::Udp, None);
    world.run(ms(100));
    let SessionEvent::Incoming { session: theirs, request, .. } = world.event(CALLED) else { panic!() };
    assert!(!request.offer_wanted);
    let now = world.now;
    world.at(CALLED).ring(now, theirs, Some(sdp("late offer")));
    world.run(ms(100));
    assert!(matches!(world.event(CALLER), SessionEvent::Progress { status: 180, body: None, .. }));
}

#[test]
fn silence_takes_back_the_100_and_swallows_repeats() {
    let mut world = World::new(8, 0.0);
    world.call(Transport::Udp, Some("offer"));
    let invite = {
        let mut found = None;
        while let Some(transmit) = world.at(CALLER).poll_transmit() {
            found = Some(transmit);
        }
        found.expect("an INVITE")
    };
    let path = crate::sip::path::Path { local: invite.path.remote, remote: invite.path.local, ..invite.path };
    let now = world.now;
    world.at(CALLED).handle_datagram(now, path, &invite.bytes);
    let SessionEvent::Incoming { session, .. } = world.at(CALLED).poll_event().expect("a call") else { panic!() };
    world.at(CALLED).drop_silently(now, session);
    world.at(CALLED).handle_datagram(now, path, &invite.bytes);
    assert!(world.at(CALLED).poll_transmit().is_none());
    assert!(world.at(CALLED).poll_event().is_none());
    world.run(ms(40_000));
    assert_eq!(world.at(CALLED).transactions(), 0);
}

#[test]
fn a_provisional_response_is_repeated_every_minute() {
    let mut world = World::new(9, 0.0);
    world.call(Transport::Udp, Some("offer"));
    world.run(ms(100));
    let theirs = world.incoming(CALLED);
    let now = world.now;
    world.at(CALLED).ring(now, theirs, None);
    world.run(ms(150_000));
    assert_eq!(world.count(CALLED, "SIP/2.0 180"), 3);
}
