//! Our own UPDATE before the answer, both roles (RFC 3311 5.1): when it may go, glare, refusals, and what becomes of an offer
//! that no early dialog could carry.

use super::{Text, answer, called, early_answer, rung_reliably};
use crate::sip::message::{Method, Request, Response};
use crate::sip::session::{SessionEvent, SessionHandle};
use crate::sip::testing::{Bench, ms, sdp};

const ALLOW: (&str, &str) = ("Allow", "INVITE, ACK, UPDATE");

/// A bench with a call of ours whose offer is answered for certain, and the INVITE; all events taken.
fn agreed_as_caller(allow: &[(&str, &str)]) -> (Bench, SessionHandle, Request) {
    let (mut bench, session, invite) = called();
    bench.deliver_bytes(&early_answer(&invite, "door", allow));
    let prack = bench.request();
    bench.deliver_bytes(&answer(&prack, 200, "", &[]));
    bench.event();
    (bench, session, invite)
}

/// A bench with a ringing call whose offer is answered for certain, with a change asked for before that, and our tag.
fn agreed_as_called(allow: &'static str) -> (Bench, SessionHandle, String) {
    let (mut bench, session, tag, prack) = rung_reliably(&["Require: 100rel", allow]);
    // The answer is on its way: an offer has to wait until it has arrived.
    let now = bench.now;
    bench.endpoint.update(now, session, sdp("change"));
    assert!(bench.is_quiet());
    bench.deliver(&prack);
    assert_eq!(bench.response().status(), 200);
    (bench, session, tag)
}

/// Their answer to an offer of ours.
fn agree(request: &Request, body: &str) -> Vec<u8> {
    let mut response = Response::answer(request, 200);
    response.push_header("Contact", "<sip:moved@198.51.100.7>");
    response.set_body("application/sdp", body.as_bytes().to_vec());
    response.to_bytes()
}

/// The next request, which is our UPDATE with this offer.
fn update(bench: &mut Bench, offer: &str) -> Request {
    let request = bench.request();
    assert_eq!((request.method(), request.body()), (&Method::Update, offer.as_bytes()));
    assert!(request.contact().is_some());
    request
}

/// The next event, which is the result of an offer of ours.
fn result(bench: &mut Bench) -> Result<Option<String>, u16> {
    match bench.event() {
        SessionEvent::OfferAnswered { result, .. } => {
            result.map(|body| body.map(|body| String::from_utf8(body.bytes).expect("text")))
        }
        other => panic!("no result: {other:?}"),
    }
}

#[test]
fn the_caller_changes_its_offer_once_the_first_is_answered_for_certain() {
    let (mut bench, session, invite) = called();
    let now = bench.now;
    bench.endpoint.update(now, session, sdp("change"));
    assert!(bench.is_quiet(), "there is no dialog yet");
    bench.deliver_bytes(&early_answer(&invite, "door", &[ALLOW]));
    let prack = bench.request();
    bench.event();
    assert!(bench.is_quiet(), "the PRACK has not arrived");
    bench.deliver_bytes(&answer(&prack, 200, "", &[]));
    let request = update(&mut bench, "change");
    assert_eq!(request.cseq().0, prack.cseq().0 + 1);
    assert_eq!(request.uri().to_string(), "sip:door@198.51.100.7");
    bench.deliver_bytes(&agree(&request, "changed"));
    assert_eq!(result(&mut bench), Ok(Some("changed".to_owned())));
    // The next goes to where the answer said.
    bench.endpoint.update(now, session, sdp("more"));
    assert_eq!(update(&mut bench, "more").uri().to_string(), "sip:moved@198.51.100.7");
}

#[test]
fn the_called_side_changes_it_once_its_answer_has_arrived() {
    let (mut bench, session, tag) = agreed_as_called("Allow: INVITE, UPDATE");
    let request = update(&mut bench, "change");
    assert_eq!(request.from().tag(), Some(tag.as_str()));
    bench.deliver_bytes(&agree(&request, "changed"));
    assert_eq!(result(&mut bench), Ok(Some("changed".to_owned())));
    let now = bench.now;
    bench.endpoint.accept(now, session, sdp("early"));
    assert!(bench.response().body().is_empty(), "what was agreed stands");
}

#[test]
fn who_does_not_take_update_is_asked_after_the_answer() {
    for allow in [&[][..], &[("Allow", "INVITE, ACK")]] {
        let (mut bench, session, invite) = agreed_as_caller(allow);
        let now = bench.now;
        bench.endpoint.update(now, session, sdp("change"));
        assert!(bench.is_quiet());
        bench.deliver_bytes(&answer(&invite, 200, "door", &[]));
        assert_eq!(*bench.request().method(), Method::Ack);
        let request = update(&mut bench, "change");
        bench.deliver_bytes(&answer(&request, 405, "", &[]));
        let again = bench.request();
        assert_eq!((again.method(), again.body()), (&Method::Invite, &b"change"[..]));
    }
    let (mut bench, session, tag) = agreed_as_called("Allow: INVITE, ACK");
    assert!(bench.is_quiet());
    let now = bench.now;
    bench.endpoint.accept(now, session, sdp("early"));
    assert_eq!(bench.response().status(), 200);
    bench.deliver(&Text::new("ACK", "z9hG4bKack").inside(&tag).text());
    update(&mut bench, "change");
}

#[test]
fn who_says_that_it_takes_update_and_does_not_is_asked_by_reinvite_after_the_answer() {
    let (mut bench, session, invite) = agreed_as_caller(&[ALLOW]);
    let now = bench.now;
    bench.endpoint.update(now, session, sdp("change"));
    let request = update(&mut bench, "change");
    bench.deliver_bytes(&answer(&request, 501, "", &[]));
    assert!(bench.is_quiet());
    bench.deliver_bytes(&answer(&invite, 200, "door", &[]));
    assert_eq!(*bench.request().method(), Method::Ack);
    let again = bench.request();
    assert_eq!((again.method(), again.body()), (&Method::Invite, &b"change"[..]));
}

#[test]
fn an_update_that_meets_theirs_is_sent_again_and_theirs_is_refused() {
    let (mut bench, _, tag) = agreed_as_called("Allow: INVITE, UPDATE");
    let ours = update(&mut bench, "change");
    bench.deliver(&Text::new("UPDATE", "z9hG4bKu").cseq(3).inside(&tag).body("theirs").text());
    assert_eq!(bench.response().status(), 491);
    bench.deliver_bytes(&answer(&ours, 491, "", &[]));
    assert!(bench.is_quiet());
    // We did not make the Call-ID: within two seconds.
    bench.run(ms(2_000));
    let again = update(&mut bench, "change");
    assert_eq!(again.cseq().0, ours.cseq().0 + 1);
    // Theirs comes while ours waits: it comes first, and ours is so no longer.
    bench.deliver_bytes(&answer(&again, 491, "", &[]));
    bench.deliver(&Text::new("UPDATE", "z9hG4bKv").cseq(4).inside(&tag).body("theirs").text());
    assert_eq!(result(&mut bench), Err(491));
    assert!(matches!(bench.event(), SessionEvent::Offer { .. }));
    bench.run(ms(3_000));
    assert!(bench.lines().iter().all(|line| !line.starts_with("UPDATE")));
}

#[test]
fn a_later_time_is_waited_for_and_a_refusal_is_told() {
    let (mut bench, session, _) = agreed_as_caller(&[ALLOW]);
    let now = bench.now;
    bench.endpoint.update(now, session, sdp("change"));
    let first = update(&mut bench, "change");
    bench.deliver_bytes(&answer(&first, 500, "", &[("Retry-After", "3")]));
    bench.run(ms(2_990));
    assert!(bench.is_quiet());
    bench.run(ms(10));
    let second = update(&mut bench, "change");
    bench.deliver_bytes(&answer(&second, 488, "", &[]));
    assert_eq!(result(&mut bench), Err(488));
    // What is refused by silence is told, too, and the call goes on.
    let now = bench.now;
    bench.endpoint.update(now, session, sdp("other"));
    bench.run(ms(40_000));
    assert_eq!(result(&mut bench), Err(408));
    assert_eq!(bench.endpoint.busy_sessions(), 1);
}

#[test]
fn the_newest_of_several_is_offered() {
    let (mut bench, session, _) = agreed_as_caller(&[ALLOW]);
    let now = bench.now;
    for offer in ["one", "two", "three"] {
        bench.endpoint.update(now, session, sdp(offer));
    }
    let first = update(&mut bench, "one");
    assert_eq!(result(&mut bench), Err(491), "the second");
    assert!(bench.is_quiet());
    bench.deliver_bytes(&agree(&first, "yes"));
    assert_eq!(result(&mut bench), Ok(Some("yes".to_owned())));
    update(&mut bench, "three");
}

#[test]
fn an_answer_to_the_call_does_not_lose_what_is_under_way() {
    let (mut bench, session, invite) = agreed_as_caller(&[ALLOW]);
    let now = bench.now;
    bench.endpoint.update(now, session, sdp("change"));
    let request = update(&mut bench, "change");
    bench.deliver_bytes(&answer(&invite, 200, "door", &[]));
    assert_eq!(*bench.request().method(), Method::Ack);
    assert!(matches!(bench.event(), SessionEvent::Answered { body: None, .. }));
    bench.deliver_bytes(&agree(&request, "changed"));
    assert_eq!(result(&mut bench), Ok(Some("changed".to_owned())));
    assert!(bench.is_quiet());
}

#[test]
fn another_branch_that_answers_is_offered_the_same() {
    let (mut bench, session, invite) = agreed_as_caller(&[ALLOW]);
    let now = bench.now;
    bench.endpoint.update(now, session, sdp("change"));
    let lost = update(&mut bench, "change");
    bench.deliver_bytes(&answer(&invite, 200, "gate", &[("Contact", "<sip:gate@198.51.100.7>")]));
    assert_eq!(*bench.request().method(), Method::Ack);
    assert!(matches!(bench.event(), SessionEvent::Answered { .. }));
    let request = update(&mut bench, "change");
    assert_eq!(request.to().tag(), Some("gate"));
    bench.deliver_bytes(&answer(&lost, 481, "", &[]));
    assert!(bench.is_quiet(), "the branch that has lost is nobody's");
    bench.deliver_bytes(&agree(&request, "changed"));
    assert_eq!(result(&mut bench), Ok(Some("changed".to_owned())));
}

#[test]
fn an_end_says_nothing_of_what_was_offered() {
    let (mut bench, session, tag) = agreed_as_called("Allow: INVITE, UPDATE");
    let request = update(&mut bench, "change");
    bench.deliver(&Text::new("CANCEL", "z9hG4bKone").text());
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]);
    assert!(matches!(bench.event(), SessionEvent::Ended { session: own, .. } if own == session));
    bench.deliver(&Text::new("ACK", "z9hG4bKone").inside(&tag).text());
    bench.deliver_bytes(&answer(&request, 481, "", &[]));
    bench.run(ms(40_000));
    assert!(bench.endpoint.poll_event().is_none());
    assert_eq!((bench.endpoint.busy_sessions(), bench.endpoint.transactions()), (0, 0));
}
