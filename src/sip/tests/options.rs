//! OPTIONS outside a call: what we can do, and what a call would get.

use super::Text;
use super::refusals::answered;
use crate::sip::endpoint::MAX_SESSIONS;
use crate::sip::session::context::ALLOW;
use crate::sip::testing::{Bench, ms};

#[test]
fn options_are_answered_with_what_we_can_do() {
    let response = answered(&Text::new("OPTIONS", "z9hG4bKo"));
    assert_eq!(response.status(), 200);
    for (name, value) in [
        ("Accept", "application/sdp"),
        ("Accept-Encoding", "identity"),
        ("Accept-Language", "en"),
        ("Supported", "100rel, timer"),
    ] {
        assert_eq!(response.header(name), Some(value));
    }
    let allowed: Vec<String> = response.headers("Allow").map(|method| method.to_string()).collect();
    assert_eq!(allowed.join(", "), ALLOW);
}

/// RFC 3261 11.2: with what a call would get, and what we can do all the same.
#[test]
fn options_are_answered_as_the_user_would_answer_a_call() {
    let asked = Text::new("OPTIONS", "z9hG4bKo").text();
    let hop = "Via: SIP/2.0/UDP 203.0.113.9;branch=z9hG4bKx\nMax-Forwards";
    for (text, is_passed_on) in [(asked.clone(), false), (asked.replace("Max-Forwards", hop), true)] {
        let mut bench = Bench::new();
        bench.deliver(&text);
        let question = bench.endpoint.poll_question().expect("a question");
        assert_eq!((question.path, question.is_passed_on), (bench.path, is_passed_on));
        assert_eq!(question.call.from.uri.to_string(), "sip:door@198.51.100.7");
        bench.endpoint.answer_question(&question, 486);
        let response = bench.response();
        assert_eq!((response.status(), response.reason()), (486, "Busy Here"));
        assert!(response.header("Allow").is_some());
        assert!(bench.is_quiet() && bench.endpoint.poll_question().is_none());
    }
}

#[test]
fn options_where_there_is_no_room_for_a_call_are_answered_like_one() {
    let mut bench = Bench::new();
    for number in 0..MAX_SESSIONS {
        let invite = Text::new("INVITE", "z9hG4bKi").body("offer").text();
        bench.deliver(&invite.replace("z9hG4bKi", &format!("z9hG4bKi{number}")).replace("a-call", &number.to_string()));
        bench.run(ms(1_000));
        bench.lines();
    }
    let statuses = ["INVITE", "OPTIONS"].map(|method| {
        bench.run(ms(10_000));
        bench.lines();
        bench.deliver(&Text::new(method, "z9hG4bKlast").text());
        let response = bench.response();
        (response.status(), response.header("Retry-After").is_some())
    });
    assert_eq!(statuses, [(503, true); 2]);
}

#[test]
fn max_forwards_of_zero_has_arrived() {
    let mut bench = Bench::new();
    bench.deliver(&Text::new("OPTIONS", "z9hG4bKo").text().replace("Max-Forwards: 70", "Max-Forwards: 0"));
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
}
