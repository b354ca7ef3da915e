//! Changing the media: re-INVITE and UPDATE, glare, retries, refusals.

use super::{Text, accepted, answer, called, confirmed, rung};
use crate::sip::message::Method;
use crate::sip::path::Transport;
use crate::sip::session::{EndCause, Rejection, SessionEvent};
use crate::sip::testing::{CALLED, CALLER, World, keys, ms, sdp};

#[test]
fn hold_and_resume_go_both_ways() {
    let mut world = World::new(1, 0.0);
    let (ours, theirs) = world.connect(Transport::Udp);
    for (from, to, near, far) in [(CALLER, CALLED, ours, theirs), (CALLED, CALLER, theirs, ours)] {
        let now = world.now;
        world.at(from).reinvite(now, near, sdp("hold"));
        world.run(ms(100));
        let SessionEvent::Offer { session, body } = world.event(to) else { panic!() };
        assert_eq!((session, body), (far, Some(sdp("hold"))));
        let now = world.now;
        world.at(to).answer_offer(now, far, Ok(sdp("held")));
        world.run(ms(100));
        let SessionEvent::OfferAnswered { result, .. } = world.event(from) else { panic!() };
        assert_eq!(result, Ok(Some(sdp("held"))));
        world.run(ms(40_000));
        assert!(world.phones.iter().all(|phone| phone.events.is_empty()));
    }
}

#[test]
fn a_refused_offer_leaves_the_session_as_it_was() {
    let mut world = World::new(2, 0.0);
    let (ours, theirs) = world.connect(Transport::Udp);
    let now = world.now;
    world.at(CALLER).reinvite(now, ours, sdp("hold"));
    world.run(ms(100));
    world.event(CALLED);
    let now = world.now;
    world.at(CALLED).answer_offer(now, theirs, Err(Rejection::from(488)));
    world.run(ms(100));
    assert!(matches!(world.event(CALLER), SessionEvent::OfferAnswered { result: Err(488), .. }));
    let now = world.now;
    world.at(CALLER).info(now, ours, &keys("still here"));
    world.run(ms(100));
    assert!(matches!(world.event(CALLED), SessionEvent::Info { .. }));
}

#[test]
fn offers_that_meet_are_refused_491_and_one_comes_through() {
    for seed in 0..20 {
        let mut world = World::new(seed, 0.0);
        let (ours, theirs) = world.connect(Transport::Udp);
        world.delay = 10_000..10_001;
        let now = world.now;
        world.at(CALLER).reinvite(now, ours, sdp("hold"));
        world.at(CALLED).reinvite(now, theirs, sdp("resume"));
        world.run(ms(100));
        assert_eq!((world.count(CALLER, "SIP/2.0 491"), world.count(CALLED, "SIP/2.0 491")), (1, 1));
        assert!(world.phones.iter().all(|phone| phone.events.is_empty()));
        // The side that did not make the Call-ID comes first, within 2 s.
        world.run(ms(2_000));
        // What the caller wanted to offer is no longer so.
        assert!(matches!(world.event(CALLER), SessionEvent::OfferAnswered { result: Err(491), .. }));
        let SessionEvent::Offer { body, .. } = world.event(CALLER) else { panic!() };
        assert_eq!(body, Some(sdp("resume")));
        let now = world.now;
        world.at(CALLER).answer_offer(now, ours, Ok(sdp("resumed")));
        world.run(ms(10_000));
        let SessionEvent::OfferAnswered { result, .. } = world.event(CALLED) else { panic!() };
        assert_eq!(result, Ok(Some(sdp("resumed"))));
        assert!(world.phones.iter().all(|phone| phone.events.is_empty()));
    }
}

#[test]
fn a_second_offer_before_our_answer_is_put_off() {
    let (mut bench, session, tag) = confirmed();
    bench.deliver(&Text::new("INVITE", "z9hG4bKtwo").cseq(2).inside(&tag).body("hold").text());
    bench.lines();
    for (number, method) in [(3, "INVITE"), (4, "UPDATE")] {
        bench.deliver(&Text::new(method, "z9hG4bKthree").cseq(number).inside(&tag).body("more").text());
        let refusal = bench.response();
        assert_eq!(refusal.status(), 500);
        let wait: u32 = refusal.header("Retry-After").expect("a wait").parse().expect("seconds");
        assert!(wait <= 10);
    }
    let now = bench.now;
    bench.endpoint.answer_offer(now, session, Ok(sdp("held")));
    let ok = bench.response();
    assert_eq!((ok.status(), ok.cseq().0, ok.body()), (200, 2, "held".as_bytes()));
}

#[test]
fn an_offer_put_off_by_500_is_sent_again_when_asked() {
    let (mut bench, session, _) = confirmed();
    let now = bench.now;
    bench.endpoint.reinvite(now, session, sdp("hold"));
    let first = bench.request();
    bench.deliver_bytes(&answer(&first, 500, "", &[("Retry-After", "3")]));
    assert_eq!(*bench.request().method(), Method::Ack);
    bench.run(ms(2_900));
    assert!(bench.is_quiet());
    bench.run(ms(200));
    let again = bench.request();
    assert_eq!((again.cseq().0, again.body()), (first.cseq().0 + 1, "hold".as_bytes()));
    bench.deliver_bytes(&answer(&again, 500, "", &[]));
    assert!(matches!(bench.event(), SessionEvent::OfferAnswered { result: Err(500), .. }));
}

#[test]
fn an_offer_waits_for_the_ack_of_the_answer() {
    let (mut bench, session, tag) = accepted();
    let now = bench.now;
    bench.endpoint.reinvite(now, session, sdp("hold"));
    assert!(bench.endpoint.poll_transmit().is_none());
    bench.deliver(&Text::new("ACK", "z9hG4bKack").inside(&tag).text());
    assert_eq!(bench.request().body(), b"hold");
}

#[test]
fn a_reinvite_proves_that_the_200_arrived() {
    let (mut bench, _, tag) = accepted();
    bench.deliver(&Text::new("INVITE", "z9hG4bKtwo").cseq(2).inside(&tag).body("hold").text());
    assert!(matches!(bench.event(), SessionEvent::Confirmed { .. }));
    assert!(matches!(bench.event(), SessionEvent::Offer { .. }));
    bench.lines();
    bench.run(ms(40_000));
    assert!(bench.is_quiet());
}

#[test]
fn a_reinvite_without_an_offer_asks_for_ours() {
    let (mut bench, session, tag) = confirmed();
    bench.deliver(&Text::new("INVITE", "z9hG4bKtwo").cseq(2).inside(&tag).text());
    bench.lines();
    let SessionEvent::Offer { body: None, .. } = bench.event() else { panic!() };
    let now = bench.now;
    bench.endpoint.answer_offer(now, session, Ok(sdp("ours")));
    assert_eq!(bench.response().body(), b"ours");
    bench.deliver(&Text::new("INVITE", "z9hG4bKthree").cseq(3).inside(&tag).body("meets").text());
    assert_eq!(bench.lines(), ["SIP/2.0 491 Request Pending"]);
    bench.deliver(&Text::new("ACK", "z9hG4bKack2").cseq(2).inside(&tag).body("theirs").text());
    let SessionEvent::OfferAnswered { result, .. } = bench.event() else { panic!() };
    assert_eq!(result, Ok(Some(sdp("theirs"))));
}

#[test]
fn a_lost_dialog_ends_the_session() {
    let (mut bench, session, _) = confirmed();
    let now = bench.now;
    bench.endpoint.reinvite(now, session, sdp("hold"));
    let request = bench.request();
    bench.deliver_bytes(&answer(&request, 481, "", &[]));
    assert!(matches!(bench.event(), SessionEvent::OfferAnswered { result: Err(481), .. }));
    assert!(matches!(bench.event(), SessionEvent::Ended { why: EndCause::Rejected(481, _), .. }));
    let lines = bench.lines();
    assert!(lines[0].starts_with("ACK") && lines[1].starts_with("BYE") && lines.len() == 2);

    let (mut bench, session, _) = confirmed();
    let now = bench.now;
    bench.endpoint.reinvite(now, session, sdp("hold"));
    bench.endpoint.reinvite(now, session, sdp("more"));
    bench.run(ms(32_000));
    assert!(matches!(bench.event(), SessionEvent::OfferAnswered { result: Err(408), .. }));
    assert!(matches!(bench.event(), SessionEvent::Ended { why: EndCause::TimedOut, .. }));
    assert!(bench.lines().last().expect("a line").starts_with("BYE"));
}

#[test]
fn an_update_changes_media_like_a_reinvite_without_ack() {
    let (mut bench, session, tag) = confirmed();
    bench.deliver(&Text::new("UPDATE", "z9hG4bKu").cseq(2).inside(&tag).body("hold").text());
    let SessionEvent::Offer { body, .. } = bench.event() else { panic!() };
    assert_eq!(body, Some(sdp("hold")));
    let now = bench.now;
    bench.endpoint.answer_offer(now, session, Ok(sdp("held")));
    let ok = bench.response();
    assert_eq!((ok.status(), ok.cseq().1, ok.body()), (200, Method::Update, "held".as_bytes()));
    bench.deliver(&Text::new("UPDATE", "z9hG4bKv").cseq(3).inside(&tag).text());
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    bench.run(ms(40_000));
    assert!(bench.is_quiet());
}

#[test]
fn an_early_update_with_an_offer_is_put_off() {
    let (mut bench, session) = rung();
    let now = bench.now;
    bench.endpoint.ring(now, session, None);
    let tag = bench.response().to().tag().expect("a tag").to_owned();
    bench.deliver(&Text::new("UPDATE", "z9hG4bKu").cseq(2).inside(&tag).body("hold").text());
    let refusal = bench.response();
    assert_eq!(refusal.status(), 500);
    assert!(refusal.header("Retry-After").is_some());

    let (mut bench, _, invite) = called();
    bench.deliver_bytes(&answer(&invite, 180, "door", &[("Contact", "<sip:door@198.51.100.7>")]));
    let ours = invite.from().tag().expect("a tag").to_owned();
    let text = Text::new("UPDATE", "z9hG4bKu").inside(&ours).body("hold").text();
    bench.deliver(&text.replace("Call-ID: a-call", &format!("Call-ID: {}", invite.call_id())));
    assert_eq!(bench.lines(), ["SIP/2.0 491 Request Pending"]);
}

#[test]
fn a_bye_in_the_middle_of_their_offer_ends_both() {
    let (mut bench, _, tag) = confirmed();
    bench.deliver(&Text::new("INVITE", "z9hG4bKtwo").cseq(2).inside(&tag).body("hold").text());
    bench.lines();
    bench.deliver(&Text::new("BYE", "z9hG4bKb").cseq(3).inside(&tag).text());
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]);
    assert_eq!(bench.endpoint.busy_sessions(), 0);
}

#[test]
fn an_update_of_ours_needs_no_ack_and_falls_back_to_a_reinvite() {
    for (status, expected) in [(200, Ok(Some(sdp("held")))), (488, Err(488))] {
        let (mut bench, session, _) = confirmed();
        let now = bench.now;
        bench.endpoint.update(now, session, sdp("hold"));
        let update = bench.request();
        assert_eq!((update.method(), update.body()), (&Method::Update, &b"hold"[..]));
        assert!(update.contact().is_some());
        let mut response = crate::sip::message::Response::answer(&update, status);
        if status == 200 {
            response.set_body("application/sdp", b"held".to_vec());
        }
        bench.deliver_bytes(&response.to_bytes());
        let SessionEvent::OfferAnswered { result, .. } = bench.event() else { panic!() };
        assert_eq!(result, expected);
        assert!(bench.is_quiet());
    }
    let (mut bench, session, _) = confirmed();
    let now = bench.now;
    bench.endpoint.update(now, session, sdp("hold"));
    let update = bench.request();
    bench.deliver_bytes(&answer(&update, 405, "", &[("Allow", "INVITE, ACK, BYE")]));
    let again = bench.request();
    assert_eq!((again.method(), again.body()), (&Method::Invite, &b"hold"[..]));
    assert!(bench.is_quiet());
}

#[test]
fn updates_that_meet_are_refused_491_and_come_through_later() {
    for seed in 0..20 {
        let mut world = World::new(seed, 0.0);
        let (ours, theirs) = world.connect(Transport::Udp);
        world.delay = 10_000..10_001;
        let now = world.now;
        world.at(CALLER).update(now, ours, sdp("hold"));
        world.at(CALLED).reinvite(now, theirs, sdp("resume"));
        world.run(ms(100));
        assert_eq!((world.count(CALLER, "SIP/2.0 491"), world.count(CALLED, "SIP/2.0 491")), (1, 1));
        world.run(ms(2_000));
        assert!(matches!(world.event(CALLER), SessionEvent::OfferAnswered { result: Err(491), .. }));
        assert!(matches!(world.event(CALLER), SessionEvent::Offer { .. }));
    }
}

#[test]
fn a_busy_or_absent_peer_is_asked_again_after_as_long_as_it_says() {
    for status in [480, 500, 503] {
        let (mut bench, session, _) = confirmed();
        let now = bench.now;
        bench.endpoint.update(now, session, sdp("hold"));
        let first = bench.request();
        bench.deliver_bytes(&answer(&first, status, "", &[("Retry-After", "3 (soon);duration=60")]));
        bench.run(ms(2_900));
        assert!(bench.is_quiet(), "{status}");
        bench.run(ms(200));
        assert_eq!(bench.request().body(), b"hold", "{status}");
    }
    // Whoever names no time, or one that nobody waits for, has refused.
    for extra in [&[][..], &[("Retry-After", "3600")], &[("Retry-After", "soon")]] {
        let (mut bench, session, _) = confirmed();
        let now = bench.now;
        bench.endpoint.reinvite(now, session, sdp("hold"));
        let first = bench.request();
        bench.deliver_bytes(&answer(&first, 503, "", extra));
        assert!(matches!(bench.event(), SessionEvent::OfferAnswered { result: Err(503), .. }));
        assert_eq!(bench.endpoint.busy_sessions(), 1);
    }
}

#[test]
fn a_reinvite_that_nobody_decides_is_cancelled_and_the_session_goes_on() {
    let (mut bench, session, _) = confirmed();
    let now = bench.now;
    bench.endpoint.reinvite(now, session, sdp("hold"));
    let request = bench.request();
    bench.deliver_bytes(&answer(&request, 180, "", &[]));
    bench.run(ms(179_900));
    assert!(bench.is_quiet());
    bench.run(ms(200));
    let cancel = bench.request();
    assert_eq!((cancel.method(), cancel.cseq().0), (&Method::Cancel, request.cseq().0));
    assert_eq!(cancel.to().tag(), request.to().tag());
    // It was decided just now, or it was not: a CANCEL that finds nothing says nothing about the dialog.
    bench.deliver_bytes(&answer(&cancel, 481, "", &[]));
    bench.deliver_bytes(&answer(&request, 487, "", &[]));
    assert!(matches!(bench.event(), SessionEvent::OfferAnswered { result: Err(487), .. }));
    assert_eq!(*bench.request().method(), Method::Ack);
    assert_eq!(bench.endpoint.busy_sessions(), 1);
    // One that does not even answer the CANCEL has gone.
    bench.endpoint.reinvite(bench.now, session, sdp("hold"));
    let request = bench.request();
    bench.deliver_bytes(&answer(&request, 180, "", &[]));
    bench.run(ms(213_000));
    assert!(matches!(bench.event(), SessionEvent::OfferAnswered { result: Err(408), .. }));
    assert!(matches!(bench.event(), SessionEvent::Ended { why: EndCause::TimedOut, .. }));
    bench.run(ms(70_000));
    assert_eq!((bench.endpoint.busy_sessions(), bench.endpoint.transactions()), (0, 0));
}

#[test]
fn an_acceptance_of_our_offer_after_our_bye_is_acknowledged_by_the_way_of_the_dialog() {
    for bye_answered in [false, true] {
        let mut bench = crate::sip::testing::Bench::new();
        let text = Text::new("INVITE", "z9hG4bKone").body("offer").extra("Record-Route: <sip:192.0.2.10;lr>");
        bench.deliver(&text.text());
        let session = bench.event().session();
        let now = bench.now;
        bench.endpoint.accept(now, session, sdp("answer"));
        bench.transmit();
        let tag = bench.response().to().tag().expect("a tag").to_owned();
        bench.deliver(&Text::new("ACK", "z9hG4bKack").inside(&tag).text());
        bench.endpoint.reinvite(now, session, sdp("hold"));
        let request = bench.request();
        bench.deliver_bytes(&answer(&request, 100, "", &[]));
        bench.endpoint.end(now, session, crate::sip::testing::DECLINE);
        let bye = bench.request();
        if bye_answered {
            bench.deliver_bytes(&answer(&bye, 200, "", &[]));
            assert_eq!(bench.endpoint.busy_sessions(), 0);
        }
        // A proxy need not record itself again; when nobody remembers the dialog, what it recorded now is what there is.
        let recorded = [("Record-Route", "<sip:192.0.2.10;lr>")];
        bench.deliver_bytes(&answer(&request, 200, "", if bye_answered { &recorded } else { &[] }));
        let ack = bench.request();
        assert_eq!((ack.method(), ack.cseq().0), (&Method::Ack, request.cseq().0));
        assert_eq!(ack.headers("Route").collect::<Vec<_>>(), ["<sip:192.0.2.10;lr>"]);
        // No second BYE.
        assert!(bench.endpoint.poll_transmit().is_none());
    }
}

#[test]
fn a_bye_in_the_middle_of_our_offer_leaves_its_refusal_acknowledged() {
    for (status, is_heard, bye_answered) in
        [(487, true, true), (487, false, true), (487, false, false), (200, true, false), (200, false, true)]
    {
        let (mut bench, session, _) = confirmed();
        let now = bench.now;
        bench.endpoint.reinvite(now, session, sdp("hold"));
        let request = bench.request();
        if is_heard {
            bench.deliver_bytes(&answer(&request, 100, "", &[]));
        }
        bench.endpoint.end(now, session, crate::sip::testing::DECLINE);
        let bye = bench.request();
        if bye_answered {
            bench.deliver_bytes(&answer(&bye, 200, "", &[]));
            assert_eq!(bench.endpoint.busy_sessions(), 0);
        }
        bench.deliver_bytes(&answer(&request, status, "", &[]));
        assert_eq!(*bench.request().method(), Method::Ack);
        assert!(bench.endpoint.poll_transmit().is_none());
        bench.run(ms(40_000));
        assert_eq!(bench.endpoint.transactions(), 0);
    }
}
