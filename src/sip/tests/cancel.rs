//! CANCEL in every state, and its races.

use super::{Text, accepted, answer, called, confirmed, rung};
use crate::sip::message::Method;
use crate::sip::path::Transport;
use crate::sip::session::{EndCause, SessionEvent};
use crate::sip::testing::{CALLED, CALLER, DECLINE, World, ms};

#[test]
fn a_ringing_call_is_cancelled() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut world = World::new(1, 0.0);
        let ours = world.call(transport, Some("offer"));
        world.run(ms(100));
        world.incoming(CALLED);
        let now = world.now;
        world.at(CALLER).end(now, ours, DECLINE);
        assert_eq!(world.ended(CALLER), EndCause::Local);
        world.run(ms(100));
        assert_eq!(world.ended(CALLED), EndCause::Cancelled { completed_elsewhere: false });
        assert_eq!(world.count(CALLED, "SIP/2.0 487"), 1);
        assert_eq!(world.count(CALLER, "ACK"), 1);
        world.run(ms(40_000));
        world.assert_empty();
        assert!(world.phones.iter().all(|phone| phone.events.is_empty()));
    }
}

#[test]
fn a_cancel_waits_for_the_first_provisional_response() {
    let (mut bench, session, invite) = called();
    let now = bench.now;
    bench.endpoint.end(now, session, DECLINE);
    assert!(matches!(bench.event(), SessionEvent::Ended { why: EndCause::Local, .. }));
    assert!(bench.endpoint.poll_transmit().is_none());
    bench.deliver_bytes(&answer(&invite, 100, "", &[]));
    let cancel = bench.request();
    assert_eq!(*cancel.method(), Method::Cancel);
    assert_eq!(cancel.top_via().branch(), invite.top_via().branch());
    assert_eq!(cancel.cseq(), (invite.cseq().0, Method::Cancel));
    assert_eq!(cancel.to().tag(), None);
    bench.deliver_bytes(&answer(&cancel, 200, "x", &[]));
    bench.deliver_bytes(&answer(&invite, 487, "x", &[]));
    assert_eq!(*bench.request().method(), Method::Ack);
    assert_eq!(bench.endpoint.busy_sessions(), 0);
}

#[test]
fn a_cancel_before_anything_was_heard_dies_with_the_invite() {
    let (mut bench, session, _) = called();
    let now = bench.now;
    bench.endpoint.end(now, session, DECLINE);
    bench.run(ms(40_000));
    assert!(bench.lines().iter().all(|line| line.starts_with("INVITE")));
    assert_eq!((bench.endpoint.busy_sessions(), bench.endpoint.transactions()), (0, 0));
}

#[test]
fn a_200_that_crosses_the_cancel_is_acknowledged_and_ended() {
    let (mut bench, session, invite) = called();
    bench.deliver_bytes(&answer(&invite, 180, "x", &[]));
    let now = bench.now;
    bench.endpoint.end(now, session, DECLINE);
    let cancel = bench.request();
    let contact = [("Contact", "<sip:door@198.51.100.7>")];
    bench.deliver_bytes(&answer(&invite, 200, "x", &contact));
    assert_eq!(*bench.request().method(), Method::Ack);
    let bye = bench.request();
    assert_eq!(*bye.method(), Method::Bye);
    // The 200 comes again: its ACK does too, the BYE does not.
    bench.deliver_bytes(&answer(&invite, 200, "x", &contact));
    assert_eq!(bench.lines().len(), 1);
    bench.deliver_bytes(&answer(&cancel, 481, "x", &[]));
    bench.deliver_bytes(&answer(&bye, 200, "x", &[]));
    assert_eq!(bench.endpoint.busy_sessions(), 0);
    bench.run(ms(40_000));
    assert_eq!(bench.endpoint.transactions(), 0);
}

#[test]
fn a_cancel_that_nobody_answers_is_given_up_after_32_s() {
    let (mut bench, session, invite) = called();
    bench.deliver_bytes(&answer(&invite, 180, "x", &[]));
    let now = bench.now;
    bench.endpoint.end(now, session, DECLINE);
    bench.run(ms(31_900));
    assert_eq!(bench.endpoint.busy_sessions(), 1);
    bench.run(ms(200));
    assert_eq!((bench.endpoint.busy_sessions(), bench.endpoint.transactions()), (0, 0));
}

#[test]
fn the_487_is_repeated_until_its_ack() {
    let (mut bench, _) = rung();
    bench.deliver(&Text::new("CANCEL", "z9hG4bKone").text());
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]);
    bench.run(ms(8_000));
    assert_eq!(bench.lines(), ["SIP/2.0 487 Request Terminated"; 4]);
    bench.deliver(&Text::new("ACK", "z9hG4bKone").inside("any").text());
    bench.run(ms(40_000));
    assert!(bench.lines().is_empty());
    assert_eq!(bench.endpoint.transactions(), 0);
}

#[test]
fn the_reason_says_that_another_phone_took_the_call() {
    for (reason, elsewhere) in [
        ("Reason: SIP ;cause=200 ;text=\"Call completed elsewhere\"", true),
        ("Reason: Q.850;cause=16, SIP;cause=200", true),
        ("Reason: SIP;cause=487", false),
        ("Reason: Q.850;cause=200", false),
        ("Reason: Q.850;cause=26", true),
        ("Reason: Q.850 ;cause=26 ;text=\"Answered elsewhere\"", true),
        ("Reason: SIP;cause=26", false),
        ("Reason: X;cause=200", false),
    ] {
        let (mut bench, _) = rung();
        bench.deliver(&Text::new("CANCEL", "z9hG4bKone").extra(reason).text());
        let SessionEvent::Ended { why, .. } = bench.event() else { panic!() };
        assert_eq!(why, EndCause::Cancelled { completed_elsewhere: elsewhere }, "{reason}");
    }
}

#[test]
fn a_cancel_and_its_invite_are_answered_with_one_tag() {
    let (mut bench, _) = rung();
    let cancel = Text::new("CANCEL", "z9hG4bKone").text();
    bench.deliver(&cancel);
    let (ok, terminated) = (bench.response(), bench.response());
    assert_eq!((ok.status(), terminated.status()), (200, 487));
    assert!(ok.to().tag().is_some() && ok.to().tag() == terminated.to().tag());
    // A repetition gets the same, and changes nothing.
    bench.deliver(&cancel);
    assert_eq!(bench.response().to_bytes(), ok.to_bytes());
    assert!(bench.endpoint.poll_transmit().is_none());
}

#[test]
fn a_cancel_of_another_sender_is_not_for_this_invite() {
    let (mut bench, _) = rung();
    let cancel = Text::new("CANCEL", "z9hG4bKone").text();
    bench.deliver(&cancel.replace("UDP 198.51.100.7:5060", "UDP 198.51.100.8:5060"));
    assert_eq!(bench.lines(), ["SIP/2.0 481 Call/Transaction Does Not Exist"]);
    assert!(bench.endpoint.poll_event().is_none());
}

#[test]
fn a_cancel_after_the_refusal_changes_nothing() {
    let (mut bench, session) = rung();
    let now = bench.now;
    bench.endpoint.end(now, session, crate::sip::session::End { code: 486 });
    assert_eq!(bench.lines(), ["SIP/2.0 486 Busy Here"]);
    bench.deliver(&Text::new("CANCEL", "z9hG4bKone").text());
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    bench.run(ms(600));
    assert_eq!(bench.lines(), ["SIP/2.0 486 Busy Here"]);
}

#[test]
fn a_200_before_any_cancel_could_go_is_ended_by_bye() {
    let (mut bench, session, invite) = called();
    let now = bench.now;
    bench.endpoint.end(now, session, DECLINE);
    bench.deliver_bytes(&answer(&invite, 200, "x", &[("Contact", "<sip:door@198.51.100.7>")]));
    assert_eq!(*bench.request().method(), Method::Ack);
    let bye = bench.request();
    assert_eq!(*bye.method(), Method::Bye);
    assert!(bench.endpoint.poll_transmit().is_none());
    bench.deliver_bytes(&answer(&bye, 200, "x", &[]));
    assert_eq!(bench.endpoint.busy_sessions(), 0);
}

#[test]
fn a_refusal_that_crosses_the_cancel_ends_it() {
    let (mut bench, session, invite) = called();
    bench.deliver_bytes(&answer(&invite, 180, "x", &[]));
    let now = bench.now;
    bench.endpoint.end(now, session, DECLINE);
    let cancel = bench.request();
    bench.deliver_bytes(&answer(&invite, 486, "x", &[]));
    assert_eq!(*bench.request().method(), Method::Ack);
    assert_eq!(bench.endpoint.busy_sessions(), 0);
    bench.deliver_bytes(&answer(&cancel, 481, "x", &[]));
    bench.run(ms(40_000));
    assert_eq!(bench.endpoint.transactions(), 0);
}

#[test]
fn a_lost_cancel_is_sent_again() {
    let (mut bench, session, invite) = called();
    bench.deliver_bytes(&answer(&invite, 180, "x", &[]));
    let now = bench.now;
    bench.endpoint.end(now, session, DECLINE);
    bench.run(ms(3_600));
    let lines = bench.lines();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines.iter().all(|line| line.starts_with("CANCEL")));
}

#[test]
fn a_cancel_after_the_answer_changes_nothing() {
    let (mut bench, ..) = accepted();
    bench.deliver(&Text::new("CANCEL", "z9hG4bKone").text());
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    assert!(bench.endpoint.poll_event().is_none());
    assert_eq!(bench.endpoint.busy_sessions(), 1);
}

#[test]
fn a_cancel_of_nothing_is_answered_481() {
    let (mut bench, ..) = rung();
    bench.deliver(&Text::new("CANCEL", "z9hG4bKother").text());
    assert_eq!(bench.lines(), ["SIP/2.0 481 Call/Transaction Does Not Exist"]);
}

#[test]
fn a_cancelled_reinvite_leaves_the_session() {
    let (mut bench, session, tag) = confirmed();
    bench.deliver(&Text::new("INVITE", "z9hG4bKtwo").cseq(2).inside(&tag).body("hold").text());
    assert_eq!(bench.lines(), ["SIP/2.0 100 Trying"]);
    assert!(matches!(bench.event(), SessionEvent::Offer { .. }));
    bench.deliver(&Text::new("CANCEL", "z9hG4bKtwo").cseq(2).inside(&tag).text());
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]);
    let now = bench.now;
    bench.endpoint.answer_offer(now, session, Ok(crate::sip::testing::sdp("too late")));
    assert!(bench.is_quiet());
    bench.deliver(&Text::new("BYE", "z9hG4bKbye").cseq(3).inside(&tag).text());
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
}

#[test]
fn a_bye_in_the_early_dialog_counts_as_a_cancel() {
    let (mut bench, session) = rung();
    let now = bench.now;
    bench.endpoint.ring(now, session, None);
    let tag = bench.response().to().tag().expect("a tag").to_owned();
    bench.deliver(&Text::new("BYE", "z9hG4bKbye").cseq(2).inside(&tag).text());
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]);
    let SessionEvent::Ended { why, .. } = bench.event() else { panic!() };
    assert_eq!(why, EndCause::Cancelled { completed_elsewhere: false });
}
