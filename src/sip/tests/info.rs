//! INFO both ways, early and confirmed.

use super::{Text, answer, called, confirmed, rung};
use crate::sip::path::Transport;
use crate::sip::session::{Body, EndCause, SessionEvent};
use crate::sip::testing::{CALLED, CALLER, DECLINE, World, ms, sdp};

fn key(digit: &str) -> Body {
    Body { content_type: "application/dtmf-relay".to_owned(), bytes: format!("Signal={digit}\r\n").into_bytes() }
}

#[test]
fn an_info_arrives_early_and_confirmed_in_both_directions() {
    let mut world = World::new(1, 0.0);
    let ours = world.call(Transport::Udp, Some("offer"));
    world.run(ms(100));
    let theirs = world.incoming(CALLED);
    let now = world.now;
    world.at(CALLED).ring(now, theirs, None);
    world.run(ms(100));
    world.event(CALLER);
    for accept in [true, false] {
        let now = world.now;
        world.at(CALLED).info(now, theirs, &key("1"));
        world.at(CALLER).info(now, ours, &key("#"));
        world.run(ms(100));
        for (phone, digit) in [(CALLER, "1"), (CALLED, "#")] {
            let (mut got, mut answered) = (None, false);
            for event in std::mem::take(&mut world.phones[phone].events) {
                match event {
                    SessionEvent::Info { body, .. } => got = body,
                    SessionEvent::InfoAnswered { result, .. } => answered = result == Ok(()),
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!((got, answered), (Some(key(digit)), true));
        }
        if accept {
            let now = world.now;
            world.at(CALLED).accept(now, theirs, sdp("answer"));
            world.run(ms(100));
            world.event(CALLER);
            world.event(CALLED);
        }
    }
}

#[test]
fn a_refused_unanswered_or_homeless_info_is_told() {
    let (mut bench, session, _) = called();
    let now = bench.now;
    bench.endpoint.info(now, session, &key("1"));
    assert!(matches!(bench.event(), SessionEvent::InfoAnswered { result: Err(481), .. }));

    let (mut bench, session, _) = confirmed();
    let now = bench.now;
    bench.endpoint.info(now, session, &key("1"));
    let info = bench.request();
    bench.deliver_bytes(&answer(&info, 415, "", &[]));
    assert!(matches!(bench.event(), SessionEvent::InfoAnswered { result: Err(415), .. }));
    bench.endpoint.info(now, session, &key("1"));
    bench.run(ms(33_000));
    assert!(matches!(bench.event(), SessionEvent::InfoAnswered { result: Err(408), .. }));
    assert_eq!(bench.endpoint.busy_sessions(), 1);
}

#[test]
fn an_info_that_is_given_up_is_not_repeated_and_its_late_answer_is_its_own() {
    let (mut bench, session, _) = confirmed();
    let now = bench.now;
    let first = bench.endpoint.info(now, session, &key("1"));
    let request = bench.request();
    bench.endpoint.give_up_info(now, session, first);
    bench.run(ms(10_000));
    let now = bench.now;
    let second = bench.endpoint.info(now, session, &key("2"));
    let next = bench.request();
    assert_eq!(next.body(), key("2").bytes);
    for (request, expected) in [(request, first), (next, second)] {
        bench.deliver_bytes(&answer(&request, 200, "", &[]));
        let SessionEvent::InfoAnswered { info, result, .. } = bench.event() else { panic!() };
        assert_eq!((info, result), (expected, Ok(())));
    }
    assert!(bench.is_quiet());
}

#[test]
fn after_the_end_nothing_more_is_told_whatever_is_asked_for() {
    let (mut bench, session, _) = confirmed();
    let now = bench.now;
    bench.endpoint.end(now, session, DECLINE);
    assert!(matches!(bench.event(), SessionEvent::Ended { .. }));
    assert_eq!(bench.lines().len(), 1, "the BYE has no answer yet");
    bench.endpoint.info(now, session, &key("1"));
    bench.endpoint.reinvite(now, session, sdp("late"));
    bench.endpoint.update(now, session, sdp("late"));
    assert!(bench.is_quiet());
}

#[test]
fn a_481_to_an_info_ends_a_confirmed_session() {
    let (mut bench, session, _) = confirmed();
    let now = bench.now;
    bench.endpoint.info(now, session, &key("1"));
    let info = bench.request();
    bench.deliver_bytes(&answer(&info, 481, "", &[]));
    assert!(matches!(bench.event(), SessionEvent::InfoAnswered { result: Err(481), .. }));
    let SessionEvent::Ended { why, .. } = bench.event() else { panic!() };
    assert_eq!(why, EndCause::Rejected(481, "Call/Transaction Does Not Exist".to_owned()));
    assert!(bench.lines()[0].starts_with("BYE"));
}

#[test]
fn a_repeated_info_is_told_once() {
    let (mut bench, session) = rung();
    let now = bench.now;
    bench.endpoint.ring(now, session, None);
    let tag = bench.response().to().tag().expect("a tag").to_owned();
    for _ in 0..3 {
        bench.deliver(&Text::new("INFO", "z9hG4bKi").cseq(2).inside(&tag).text());
        assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    }
    assert!(matches!(bench.event(), SessionEvent::Info { body: None, .. }));
    assert!(bench.endpoint.poll_event().is_none());
}

#[test]
fn an_info_of_a_package_is_refused_by_name() {
    let (mut bench, _, tag) = confirmed();
    bench.deliver(&Text::new("INFO", "z9hG4bKi").cseq(2).inside(&tag).extra("Info-Package: dtmf").text());
    let response = bench.response();
    assert_eq!((response.status(), response.header("Recv-Info")), (469, Some("")));
    assert!(bench.is_quiet());
}

#[test]
fn a_talkative_peer_does_not_shut_others_out() {
    let (mut bench, _, tag) = confirmed();
    for cseq in 2..500 {
        let text = Text::new("INFO", "z9hG4bKi").cseq(cseq).inside(&tag).text();
        bench.deliver(&text.replace("z9hG4bKi", &format!("z9hG4bKi{cseq}")));
    }
    let lines = bench.lines();
    assert_eq!(lines.iter().filter(|line| line.starts_with("SIP/2.0 200")).count(), lines.len());
    // What is kept of it for repetitions is bounded: the oldest is forgotten.
    assert!(bench.endpoint.transactions() <= crate::sip::transaction::table::MAX_SERVERS_OF_ONE + 1);
    bench.deliver(&Text::new("BYE", "z9hG4bKb").cseq(500).inside(&tag).text());
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
}
