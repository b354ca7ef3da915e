//! Provisional responses of ours that must arrive (RFC 3262 3): numbered, repeated, acknowledged, waited for.

use super::{Text, rung};
use crate::sip::message::{Method, Response};
use crate::sip::path::Transport;
use crate::sip::session::{EndCause, Rejection, SessionEvent, SessionHandle};
use crate::sip::testing::{Bench, CALLED, CALLER, World, ms, sdp};

/// A bench with a caller that demands reliable provisional responses, with or without an offer.
fn demanded(offer: bool) -> (Bench, SessionHandle, bool) {
    let mut bench = Bench::new();
    let text = Text::new("INVITE", "z9hG4bKone").extra("Require: 100rel");
    bench.deliver(&if offer { text.body("offer").text() } else { text.text() });
    assert_eq!(bench.lines(), ["SIP/2.0 100 Trying"]);
    let SessionEvent::Incoming { session, request, .. } = bench.event() else { panic!() };
    (bench, session, request.offer_wanted)
}

fn rseq(response: &Response) -> u32 {
    assert!(response.headers("Require").any(|tag| tag == "100rel"));
    response.header("RSeq").expect("a number").parse().expect("digits")
}

/// A PRACK of the called side's response, with a number of its own.
fn prack(response: &Response, cseq: u32) -> Text {
    let branch = ["z9hG4bKp0", "z9hG4bKp1", "z9hG4bKp2", "z9hG4bKp3", "z9hG4bKp4"][cseq as usize % 5];
    let rack = format!("RAck: {} 1 INVITE", rseq(response));
    Text::new("PRACK", branch).cseq(cseq).inside(response.to().tag().expect("a tag")).extra(&rack)
}

#[test]
fn ringing_is_repeated_until_its_prack_and_in_order() {
    let (mut bench, session, _) = demanded(true);
    let now = bench.now;
    bench.endpoint.ring(now, session, None);
    bench.endpoint.ring(now, session, Some(sdp("early")));
    let first = bench.response();
    assert_eq!(first.status(), 180);
    // The second waits for the PRACK of the first, which comes again after T1, 3*T1, 7*T1.
    bench.run(ms(3_600));
    assert_eq!(bench.lines(), ["SIP/2.0 180 Ringing"; 3]);
    bench.deliver(&prack(&first, 2).text());
    assert_eq!(bench.response().status(), 200);
    let second = bench.response();
    assert_eq!((second.status(), second.body()), (183, &b"early"[..]));
    assert_eq!(rseq(&second), rseq(&first) + 1);
    bench.deliver(&prack(&second, 3).text());
    bench.deliver(&prack(&second, 3).text());
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"; 2]);
    bench.run(ms(140_000));
    assert!(bench.is_quiet());
    // For the sake of proxies, another one after two and a half minutes; its description was given already.
    bench.run(ms(12_000));
    let third = bench.response();
    assert_eq!((third.status(), third.body().len(), rseq(&third)), (180, 0, rseq(&second) + 1));
}

#[test]
fn who_only_supports_it_is_not_troubled_with_it() {
    let mut bench = Bench::new();
    bench.deliver(&Text::new("INVITE", "z9hG4bKone").body("offer").extra("Supported: 100rel").text());
    bench.lines();
    let session = bench.event().session();
    let now = bench.now;
    bench.endpoint.ring(now, session, None);
    assert_eq!(bench.response().header("RSeq"), None);
}

#[test]
fn without_a_prack_the_call_ends_in_504() {
    let (mut bench, session, _) = demanded(true);
    let now = bench.now;
    bench.endpoint.ring(now, session, Some(sdp("early")));
    bench.endpoint.accept(now, session, sdp("early"));
    bench.run(ms(31_990));
    // After 0, 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s.
    assert_eq!(bench.lines(), ["SIP/2.0 183 Session Progress"; 7]);
    bench.run(ms(20));
    assert_eq!(bench.lines(), ["SIP/2.0 504 Server Time-out"]);
    assert!(matches!(bench.event(), SessionEvent::Ended { why: EndCause::TimedOut, .. }));
    bench.deliver(&Text::new("ACK", "z9hG4bKone").inside("any").text());
    bench.run(ms(40_000));
    assert_eq!((bench.endpoint.busy_sessions(), bench.endpoint.transactions()), (0, 0));
}

#[test]
fn a_200_waits_for_the_prack_of_an_answer() {
    let (mut bench, session, _) = demanded(true);
    let now = bench.now;
    bench.endpoint.ring(now, session, Some(sdp("early")));
    let early = bench.response();
    bench.endpoint.accept(now, session, sdp("early"));
    bench.endpoint.ring(now, session, None);
    assert!(bench.is_quiet());
    bench.deliver(&prack(&early, 2).text());
    assert_eq!(bench.response().cseq().1, Method::Prack);
    // The answer was given for certain: it is not given again.
    let ok = bench.response();
    assert_eq!((ok.status(), ok.cseq().1, ok.body().len()), (200, Method::Invite, 0));
    let tag = ok.to().tag().expect("a tag").to_owned();
    bench.deliver(&Text::new("ACK", "z9hG4bKack").inside(&tag).text());
    assert!(matches!(bench.event(), SessionEvent::Confirmed { body: None, .. }));
}

#[test]
fn a_200_does_not_wait_for_the_prack_of_plain_ringing() {
    let (mut bench, session, _) = demanded(true);
    let now = bench.now;
    bench.endpoint.ring(now, session, None);
    let ringing = bench.response();
    bench.endpoint.ring(now, session, Some(sdp("early")));
    bench.endpoint.accept(now, session, sdp("answer"));
    let ok = bench.response();
    assert_eq!((ok.status(), ok.body()), (200, &b"answer"[..]));
    // Its PRACK is still good, once.
    bench.deliver(&prack(&ringing, 2).text());
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    bench.deliver(&prack(&ringing, 3).text());
    assert_eq!(bench.lines(), ["SIP/2.0 481 Call/Transaction Does Not Exist"]);
}

#[test]
fn a_prack_of_nothing_is_answered_481() {
    let (mut bench, session, _) = demanded(true);
    let now = bench.now;
    bench.endpoint.ring(now, session, None);
    let ringing = bench.response();
    let (tag, number) = (ringing.to().tag().expect("a tag").to_owned(), rseq(&ringing));
    for (cseq, rack) in [
        (2, format!("RAck: {} 1 INVITE", number + 1)),
        (3, format!("RAck: {number} 2 INVITE")),
        (4, format!("RAck: {number} 1 UPDATE")),
        (5, format!("RAck: {number} 1")),
        (6, "RAck: x y INVITE".to_owned()),
        (7, "Subject: none".to_owned()),
    ] {
        let text = Text::new("PRACK", "z9hG4bKq").cseq(cseq).inside(&tag).extra(&rack).text();
        bench.deliver(&text.replace("z9hG4bKq", &format!("z9hG4bKq{cseq}")));
        assert_eq!(bench.lines(), ["SIP/2.0 481 Call/Transaction Does Not Exist"], "{rack}");
    }
    bench.deliver(&prack(&ringing, 8).text());
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    bench.deliver(&prack(&ringing, 9).text());
    assert_eq!(bench.lines(), ["SIP/2.0 481 Call/Transaction Does Not Exist"]);
    // The same from a caller that never asked for it.
    let (mut bench, session) = rung();
    let now = bench.now;
    bench.endpoint.ring(now, session, None);
    let tag = bench.response().to().tag().expect("a tag").to_owned();
    bench.deliver(&Text::new("PRACK", "z9hG4bKp").cseq(2).inside(&tag).extra("RAck: 1 1 INVITE").text());
    assert_eq!(bench.lines(), ["SIP/2.0 481 Call/Transaction Does Not Exist"]);
}

#[test]
fn a_caller_without_an_offer_gets_ours_with_the_ringing() {
    let (mut bench, session, wanted) = demanded(false);
    assert!(wanted);
    let now = bench.now;
    // Ringing alone may not go: the first reliable response has to offer.
    bench.endpoint.ring(now, session, None);
    assert!(bench.is_quiet());
    bench.endpoint.ring(now, session, Some(sdp("ours")));
    let early = bench.response();
    assert_eq!((early.status(), early.body()), (183, &b"ours"[..]));
    let tag = early.to().tag().expect("a tag").to_owned();
    // While it is open, theirs has to wait.
    bench.deliver(&Text::new("UPDATE", "z9hG4bKu").cseq(2).inside(&tag).body("meets").text());
    assert_eq!(bench.lines(), ["SIP/2.0 491 Request Pending"]);
    bench.deliver(&prack(&early, 3).body("theirs").text());
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    let SessionEvent::OfferAnswered { result, .. } = bench.event() else { panic!() };
    assert_eq!(result, Ok(Some(sdp("theirs"))));
    bench.endpoint.accept(now, session, sdp("ours"));
    assert!(bench.response().body().is_empty());
    bench.deliver(&Text::new("ACK", "z9hG4bKack").inside(&tag).text());
    assert!(matches!(bench.event(), SessionEvent::Confirmed { body: None, .. }));
}

/// RFC 3262 5 has no other place for the answer: the PRACK is good, and the call cannot be had. Whether our user has accepted
/// meanwhile makes no difference.
#[test]
fn a_prack_without_the_answer_ends_the_call() {
    for accepts in [false, true] {
        let (mut bench, session, _) = demanded(false);
        let now = bench.now;
        bench.endpoint.ring(now, session, Some(sdp("ours")));
        let early = bench.response();
        if accepts {
            bench.endpoint.accept(now, session, sdp("ours"));
            assert!(bench.is_quiet());
        }
        bench.deliver(&prack(&early, 2).text());
        assert_eq!(bench.response().cseq().1, Method::Prack);
        let refused = bench.response();
        assert_eq!((refused.status(), refused.cseq().1), (488, Method::Invite));
        let warning = "399 192.0.2.1:5060 \"the PRACK has no answer to our offer\"";
        assert_eq!(refused.header("Warning"), Some(warning));
        assert!(matches!(bench.event(), SessionEvent::Ended { why: EndCause::OfferUnanswered, .. }));
        bench.deliver(&prack(&early, 2).text());
        assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
        bench.deliver(&Text::new("ACK", "z9hG4bKone").inside("any").text());
        bench.run(ms(40_000));
        assert!(bench.is_quiet());
        assert_eq!((bench.endpoint.busy_sessions(), bench.endpoint.transactions()), (0, 0));
    }
}

#[test]
fn a_prack_may_offer_and_its_200_answers() {
    for answered in [Ok(sdp("theirs")), Err(Rejection::from(488))] {
        let (mut bench, session, _) = demanded(true);
        let now = bench.now;
        bench.endpoint.ring(now, session, Some(sdp("early")));
        let early = bench.response();
        bench.deliver(&prack(&early, 2).body("another").text());
        let SessionEvent::Offer { body, .. } = bench.event() else { panic!() };
        assert_eq!(body, Some(sdp("another")));
        let status = if answered.is_ok() { 200 } else { 488 };
        bench.endpoint.answer_offer(now, session, answered);
        let response = bench.response();
        assert_eq!((response.status(), response.cseq().1), (status, Method::Prack));
        // Either way the response has arrived.
        bench.run(ms(10_000));
        assert!(bench.is_quiet());
    }
}

#[test]
fn a_prack_that_offers_beside_another_offer_is_put_off() {
    let (mut bench, session, _) = demanded(true);
    let now = bench.now;
    bench.endpoint.ring(now, session, Some(sdp("early")));
    bench.endpoint.ring(now, session, None);
    let early = bench.response();
    bench.deliver(&prack(&early, 2).text());
    assert_eq!(bench.response().status(), 200);
    let ringing = bench.response();
    let tag = ringing.to().tag().expect("a tag").to_owned();
    bench.deliver(&Text::new("UPDATE", "z9hG4bKu").cseq(3).inside(&tag).body("hold").text());
    bench.deliver(&prack(&ringing, 4).body("more").text());
    let refusal = bench.response();
    assert_eq!((refusal.status(), refusal.header("Retry-After").is_some()), (500, true));
    bench.endpoint.answer_offer(now, session, Ok(sdp("held")));
    assert_eq!(bench.response().cseq(), (3, Method::Update));
}

#[test]
fn a_cancel_ends_what_waits_for_a_prack() {
    let (mut bench, session, _) = demanded(true);
    let now = bench.now;
    bench.endpoint.ring(now, session, Some(sdp("early")));
    let early = bench.response();
    bench.deliver(&prack(&early, 2).body("another").text());
    bench.deliver(&Text::new("CANCEL", "z9hG4bKone").text());
    // Of the INVITE, and of the PRACK that our user has not answered.
    let lines = bench.lines();
    assert_eq!(lines[0], "SIP/2.0 200 OK");
    assert_eq!(lines[1..], ["SIP/2.0 487 Request Terminated"; 2]);
    bench.deliver(&Text::new("ACK", "z9hG4bKone").inside("any").text());
    bench.run(ms(40_000));
    assert_eq!(bench.endpoint.transactions(), 0);
}

#[test]
fn by_tcp_it_is_said_once_and_acknowledged_once() {
    let mut world = World::new(1, 0.0);
    world.call_with(Transport::Tcp, Some("offer"), &[("Require", "100rel")]);
    world.run(ms(100));
    let theirs = world.incoming(CALLED);
    let now = world.now;
    world.at(CALLED).ring(now, theirs, Some(sdp("early")));
    world.run(ms(5_000));
    world.at(CALLED).accept(now, theirs, sdp("early"));
    world.run(ms(40_000));
    assert_eq!((world.count(CALLED, "SIP/2.0 183"), world.count(CALLER, "PRACK")), (1, 1));
    assert!(matches!(world.event(CALLER), SessionEvent::Progress { status: 183, body: Some(_), .. }));
    assert!(matches!(world.event(CALLER), SessionEvent::Answered { body: None, .. }));
    assert!(matches!(world.event(CALLED), SessionEvent::Confirmed { .. }));
    assert_eq!((world.at(CALLER).transactions(), world.at(CALLED).transactions()), (0, 0));
}

#[test]
fn silence_after_ringing_leaves_no_offer_unanswered() {
    for method in ["PRACK", "UPDATE"] {
        let (mut bench, session, _) = demanded(true);
        let now = bench.now;
        bench.endpoint.ring(now, session, Some(sdp("early")));
        let early = bench.response();
        let mut asked = prack(&early, 2);
        if method == "UPDATE" {
            bench.deliver(&asked.text());
            assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
            asked = Text::new("UPDATE", "z9hG4bKu").cseq(3).inside(early.to().tag().expect("a tag"));
        }
        bench.deliver(&asked.body("another").text());
        assert!(matches!(bench.event(), SessionEvent::Offer { .. }), "{method}");
        bench.endpoint.drop_silently(now, session);
        let answer = bench.response();
        assert_eq!((answer.status(), answer.cseq().1.as_str()), (487, method));
        assert!(bench.is_quiet(), "{method}");
        bench.run(ms(40_000));
        assert!(bench.is_quiet(), "{method}");
        assert_eq!((bench.endpoint.busy_sessions(), bench.endpoint.transactions()), (0, 0), "{method}");
    }
}
