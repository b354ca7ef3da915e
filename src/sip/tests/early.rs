//! UPDATE before the answer, both roles (RFC 3311 5.2).

use super::{Text, called, early_answer, rung_reliably};
use crate::sip::message::{Method, Request};
use crate::sip::session::{SessionEvent, SessionHandle};
use crate::sip::testing::{Bench, DECLINE, ms, sdp};

/// A bench with a ringing call whose offer is answered for certain, and our tag.
fn agreed_as_called() -> (Bench, SessionHandle, String) {
    let (mut bench, session, tag, prack) = rung_reliably(&["Require: 100rel"]);
    bench.deliver(&prack);
    bench.lines();
    (bench, session, tag)
}

/// A bench with a call of ours whose offer is answered for certain by a branch, and the INVITE.
fn agreed_as_caller() -> (Bench, SessionHandle, Request) {
    let (mut bench, session, invite) = called();
    bench.deliver_bytes(&early_answer(&invite, "door", &[]));
    assert_eq!(*bench.request().method(), Method::Prack);
    bench.event();
    (bench, session, invite)
}

/// An UPDATE of the called script's phone in the dialog of this INVITE.
fn update_of_called(invite: &Request, cseq: u32, offer: &'static str) -> String {
    let branch = if cseq == 1 { "z9hG4bKu1" } else { "z9hG4bKu2" };
    let text = Text::new("UPDATE", branch).cseq(cseq).inside(invite.from().tag().expect("a tag"));
    text.body(offer).text().replace("Call-ID: a-call", &format!("Call-ID: {}", invite.call_id()))
}

#[test]
fn the_called_side_answers_an_update_once_offer_and_answer_are_there() {
    let (mut bench, session, tag) = agreed_as_called();
    bench.deliver(&Text::new("UPDATE", "z9hG4bKu").cseq(3).inside(&tag).body("hold").text());
    let SessionEvent::Offer { body, .. } = bench.event() else { panic!() };
    assert_eq!(body, Some(sdp("hold")));
    // Another one before our user has answered comes too soon.
    bench.deliver(&Text::new("UPDATE", "z9hG4bKv").cseq(4).inside(&tag).body("more").text());
    let refusal = bench.response();
    assert_eq!(refusal.status(), 500);
    assert!(refusal.header("Retry-After").is_some());
    let now = bench.now;
    bench.endpoint.answer_offer(now, session, Ok(sdp("held")));
    let ok = bench.response();
    assert_eq!((ok.status(), ok.cseq(), ok.body()), (200, (3, Method::Update), &b"held"[..]));
    assert!(ok.contact().is_some());
    bench.endpoint.accept(now, session, sdp("early"));
    assert!(bench.response().body().is_empty());
}

#[test]
fn an_answer_may_overtake_our_users_answer_to_the_update() {
    let (mut bench, session, tag) = agreed_as_called();
    bench.deliver(&Text::new("UPDATE", "z9hG4bKu").cseq(3).inside(&tag).body("hold").text());
    let now = bench.now;
    bench.endpoint.accept(now, session, sdp("early"));
    assert_eq!(bench.response().cseq(), (1, Method::Invite));
    bench.endpoint.answer_offer(now, session, Ok(sdp("held")));
    assert_eq!(bench.response().cseq(), (3, Method::Update));
}

#[test]
fn a_refusal_does_not_leave_the_update_without_one() {
    let (mut bench, session, tag) = agreed_as_called();
    bench.deliver(&Text::new("UPDATE", "z9hG4bKu").cseq(3).inside(&tag).body("hold").text());
    let now = bench.now;
    bench.endpoint.end(now, session, DECLINE);
    assert_eq!(bench.lines(), ["SIP/2.0 603 Decline", "SIP/2.0 487 Request Terminated"]);
    bench.deliver(&Text::new("ACK", "z9hG4bKone").inside(&tag).text());
    bench.run(ms(40_000));
    assert_eq!(bench.endpoint.transactions(), 0);
}

#[test]
fn the_caller_answers_an_update_once_offer_and_answer_are_there() {
    let (mut bench, session, invite) = agreed_as_caller();
    bench.deliver(&update_of_called(&invite, 1, "hold"));
    let SessionEvent::Offer { body, .. } = bench.event() else { panic!() };
    assert_eq!(body, Some(sdp("hold")));
    bench.deliver(&update_of_called(&invite, 2, "more"));
    assert_eq!(bench.response().status(), 500);
    let now = bench.now;
    bench.endpoint.answer_offer(now, session, Ok(sdp("held")));
    let ok = bench.response();
    assert_eq!((ok.status(), ok.cseq(), ok.body()), (200, (1, Method::Update), &b"held"[..]));
    bench.deliver_bytes(&super::answer(&invite, 200, "door", &[]));
    assert!(matches!(bench.event(), SessionEvent::Answered { body: None, .. }));
}

#[test]
fn an_invite_of_the_called_side_meets_ours() {
    let (mut bench, _, invite) = agreed_as_caller();
    bench.deliver(&update_of_called(&invite, 1, "hold").replace("UPDATE", "INVITE"));
    assert_eq!(bench.lines(), ["SIP/2.0 491 Request Pending"]);
    assert!(bench.is_quiet());
}

#[test]
fn a_number_from_before_is_refused_in_either_early_dialog() {
    let (mut bench, _, invite) = agreed_as_caller();
    bench.deliver(&update_of_called(&invite, 2, "hold"));
    bench.event();
    bench.deliver(&update_of_called(&invite, 1, "old"));
    assert_eq!(bench.lines(), ["SIP/2.0 500 Server Internal Error"]);
    let (mut bench, _, tag) = agreed_as_called();
    bench.deliver(&Text::new("UPDATE", "z9hG4bKu").cseq(1).inside(&tag).body("old").text());
    assert_eq!(bench.lines(), ["SIP/2.0 500 Server Internal Error"]);
}

#[test]
fn giving_up_answers_what_the_called_side_asked() {
    let (mut bench, session, invite) = agreed_as_caller();
    bench.deliver(&update_of_called(&invite, 1, "hold"));
    bench.event();
    let now = bench.now;
    bench.endpoint.end(now, session, DECLINE);
    let lines = bench.lines();
    assert_eq!(lines[0], "SIP/2.0 487 Request Terminated");
    assert!(lines[1].starts_with("CANCEL"), "{lines:?}");
}
