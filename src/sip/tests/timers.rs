//! Every timer of RFC 3261 table 4 and RFC 6026, by virtual time.

use super::{Text, accepted, answer, called, confirmed, rung};
use crate::sip::message::Method;
use crate::sip::path::Transport;
use crate::sip::session::{EndCause, SessionEvent};
use crate::sip::testing::{Bench, CALLED, CALLER, DECLINE, World, invite, keys, ms, sdp};
use crate::sip::timing::TimerReason;

/// The reason of the next deadline, and how many ms away it is.
fn next(bench: &Bench) -> (u128, TimerReason) {
    let (at, reason) = bench.endpoint.poll_timeout().expect("a deadline");
    ((at - bench.now).as_millis(), reason)
}

/// When anything leaves within `span` ms, in steps of a millisecond.
fn departures(bench: &mut Bench, span: u64) -> Vec<u64> {
    let mut times = Vec::new();
    for at in 1..=span {
        bench.run(ms(1));
        times.extend(bench.lines().iter().map(|_| at));
    }
    times
}

fn by_tcp() -> Bench {
    let mut bench = Bench::new();
    bench.path.transport = Transport::Tcp;
    bench.path.flow = Some(crate::sip::path::FlowId(1));
    bench
}

#[test]
fn a_and_b_repeat_and_give_up_an_invite() {
    let (mut bench, ..) = called();
    assert_eq!(next(&bench), (500, TimerReason::RepeatInvite));
    assert_eq!(departures(&mut bench, 31_900), [500, 1_500, 3_500, 7_500, 15_500, 31_500]);
    assert_eq!(next(&bench), (100, TimerReason::InviteUnanswered));
    bench.run(ms(100));
    assert!(matches!(bench.event(), SessionEvent::Ended { why: EndCause::TimedOut, .. }));
}

#[test]
fn a_is_off_by_tcp_and_b_is_not() {
    let mut bench = by_tcp();
    let (now, path) = (bench.now, bench.path);
    bench.endpoint.invite(now, invite(path, Some("offer")));
    bench.lines();
    assert_eq!(next(&bench), (32_000, TimerReason::InviteUnanswered));
}

#[test]
fn a_provisional_response_stops_a_and_b() {
    let (mut bench, _, invite) = called();
    bench.deliver_bytes(&answer(&invite, 100, "", &[]));
    assert_eq!(next(&bench), (600_000, TimerReason::InviteUndecided));
}

#[test]
fn an_invite_that_rings_for_ten_minutes_is_cancelled() {
    let (mut bench, _, invite) = called();
    for _ in 0..11 {
        bench.deliver_bytes(&answer(&invite, 180, "x", &[]));
        bench.event();
        assert!(bench.is_quiet());
        bench.run(ms(54_000));
    }
    bench.run(ms(6_000));
    assert!(matches!(bench.event(), SessionEvent::Ended { why: EndCause::TimedOut, .. }));
    let cancel = bench.request();
    assert_eq!(*cancel.method(), Method::Cancel);
    bench.deliver_bytes(&answer(&cancel, 200, "x", &[]));
    bench.deliver_bytes(&answer(&invite, 487, "x", &[]));
    bench.run(ms(40_000));
    assert_eq!((bench.endpoint.busy_sessions(), bench.endpoint.transactions()), (0, 0));
}

#[test]
fn d_keeps_the_ack_for_repeated_refusals() {
    let (mut bench, _, invite) = called();
    let refusal = answer(&invite, 486, "x", &[]);
    bench.deliver_bytes(&refusal);
    let ack = bench.request();
    assert_eq!((ack.method(), &ack.top_via().branch()), (&Method::Ack, &invite.top_via().branch()));
    assert_eq!((ack.cseq().0, ack.to().tag()), (invite.cseq().0, Some("x")));
    assert_eq!(next(&bench), (32_000, TimerReason::ForgetRefusedInvite));
    bench.run(ms(31_999));
    bench.deliver_bytes(&refusal);
    assert_eq!(*bench.request().method(), Method::Ack);
    bench.run(ms(1));
    bench.deliver_bytes(&refusal);
    assert!(bench.lines().is_empty());
    assert_eq!(bench.endpoint.transactions(), 0);
}

#[test]
fn the_ack_of_a_refusal_carries_the_routes_of_the_invite() {
    let mut bench = Bench::new();
    let (now, path) = (bench.now, bench.path);
    let mut order = invite(path, Some("offer"));
    order.headers.push(("Route".to_owned(), "<sip:192.0.2.99;lr>".to_owned()));
    bench.endpoint.invite(now, order);
    let invite = bench.request();
    bench.deliver_bytes(&answer(&invite, 404, "x", &[]));
    let ack = bench.request();
    let routes: Vec<String> = ack.headers("Route").map(|route| route.to_string()).collect();
    assert_eq!(routes, ["<sip:192.0.2.99;lr>"]);
    assert_eq!(ack.uri().to_string(), invite.uri().to_string());
}

#[test]
fn m_keeps_an_accepted_invite_for_its_repeats() {
    let (mut bench, _, invite) = called();
    let accepted = answer(&invite, 200, "x", &[("Contact", "<sip:door@198.51.100.7>")]);
    bench.deliver_bytes(&accepted);
    bench.lines();
    assert_eq!(next(&bench), (32_000, TimerReason::ForgetAcceptedInvite));
    bench.run(ms(31_999));
    bench.deliver_bytes(&accepted);
    assert_eq!(bench.lines().len(), 1);
    bench.run(ms(1));
    assert_eq!((bench.endpoint.transactions(), bench.endpoint.busy_sessions()), (0, 1));
}

#[test]
fn e_f_and_k_repeat_give_up_and_forget_a_request() {
    let (mut bench, session, _) = confirmed();
    bench.run(ms(40_000));
    let now = bench.now;
    bench.endpoint.end(now, session, DECLINE);
    let bye = bench.request();
    assert_eq!(next(&bench), (500, TimerReason::RepeatRequest));
    let times = departures(&mut bench, 31_900);
    assert_eq!(times, [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
    assert_eq!(next(&bench), (100, TimerReason::RequestUnanswered));
    bench.deliver_bytes(&answer(&bye, 200, "", &[]));
    assert_eq!(bench.endpoint.busy_sessions(), 0);
    assert_eq!(next(&bench), (5_000, TimerReason::ForgetRequest));
    bench.run(ms(5_000));
    assert_eq!(bench.endpoint.transactions(), 0);
}

#[test]
fn e_slows_down_to_t2_after_a_provisional_response() {
    let (mut bench, session, _) = confirmed();
    bench.run(ms(40_000));
    let now = bench.now;
    bench.endpoint.end(now, session, DECLINE);
    let bye = bench.request();
    bench.deliver_bytes(&answer(&bye, 100, "", &[]));
    assert_eq!(departures(&mut bench, 10_000), [500, 4_500, 8_500]);
}

#[test]
fn g_and_h_repeat_and_give_up_a_refusal() {
    let (mut bench, session) = rung();
    let now = bench.now;
    bench.endpoint.end(now, session, crate::sip::session::End { code: 486 });
    bench.lines();
    assert_eq!(next(&bench), (500, TimerReason::RepeatRefusal));
    let times = departures(&mut bench, 31_900);
    assert_eq!(times, [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
    assert_eq!(next(&bench), (100, TimerReason::RefusalUnacknowledged));
    bench.run(ms(100));
    assert_eq!(bench.endpoint.transactions(), 0);
}

#[test]
fn g_is_off_by_tcp_and_h_is_not() {
    let mut bench = by_tcp();
    bench.deliver(&Text::new("INVITE", "z9hG4bKone").body("offer").text());
    bench.lines();
    let session = bench.event().session();
    let now = bench.now;
    bench.endpoint.end(now, session, crate::sip::session::End { code: 486 });
    assert_eq!(next(&bench), (32_000, TimerReason::RefusalUnacknowledged));
    bench.deliver(&Text::new("ACK", "z9hG4bKone").inside("any").text());
    // I is 0 by TCP.
    bench.run(ms(0));
    assert_eq!(bench.endpoint.transactions(), 0);
}

#[test]
fn i_absorbs_late_acks() {
    let (mut bench, session) = rung();
    let now = bench.now;
    bench.endpoint.end(now, session, crate::sip::session::End { code: 486 });
    bench.deliver(&Text::new("ACK", "z9hG4bKone").inside("any").text());
    assert_eq!(next(&bench), (5_000, TimerReason::ForgetRefusal));
    bench.run(ms(5_000));
    assert_eq!(bench.endpoint.transactions(), 0);
}

#[test]
fn l_keeps_an_accepted_invite_of_theirs() {
    let (mut bench, _, tag) = accepted();
    assert_eq!(next(&bench), (500, TimerReason::RepeatAcceptance));
    bench.deliver(&Text::new("ACK", "z9hG4bKack").inside(&tag).text());
    assert_eq!(next(&bench), (32_000, TimerReason::ForgetAcceptance));
    bench.run(ms(31_999));
    bench.event();
    bench.deliver(&Text::new("INVITE", "z9hG4bKone").body("offer").text());
    assert!(bench.is_quiet());
    bench.run(ms(1));
    assert_eq!(bench.endpoint.transactions(), 0);
}

#[test]
fn j_repeats_the_answer_to_a_request() {
    let (mut bench, _, tag) = confirmed();
    bench.run(ms(40_000));
    let info = Text::new("INFO", "z9hG4bKi").cseq(2).inside(&tag).text();
    bench.deliver(&info);
    assert_eq!(bench.lines().len(), 1);
    assert_eq!(next(&bench), (32_000, TimerReason::ForgetTheirRequest));
    bench.run(ms(31_999));
    bench.deliver(&info);
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    bench.run(ms(1));
    assert_eq!(bench.endpoint.transactions(), 0);
}

#[test]
fn a_request_that_nobody_answers_is_forgotten_when_its_sender_has_given_up() {
    let (mut bench, session, tag) = confirmed();
    bench.run(ms(40_000));
    bench.deliver(&Text::new("UPDATE", "z9hG4bKu").cseq(2).inside(&tag).body("offer").text());
    assert!(matches!(bench.event(), SessionEvent::Offer { .. }));
    assert_eq!(next(&bench), (32_000, TimerReason::ForgetUnanswered));
    bench.run(ms(31_999));
    assert_eq!(bench.endpoint.transactions(), 1);
    bench.run(ms(1));
    assert_eq!(bench.endpoint.transactions(), 0);
    // Too late: nobody waits for it, and the next offer is as good as any.
    let now = bench.now;
    bench.endpoint.answer_offer(now, session, Ok(sdp("answer")));
    assert!(bench.is_quiet());
    bench.deliver(&Text::new("UPDATE", "z9hG4bKv").cseq(3).inside(&tag).body("offer").text());
    bench.endpoint.answer_offer(now, session, Ok(sdp("answer")));
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
}

#[test]
fn by_tcp_nothing_is_kept_of_an_answered_request() {
    let mut world = World::new(1, 0.0);
    let (ours, _) = world.connect(Transport::Tcp);
    world.run(ms(40_000));
    let now = world.now;
    world.at(CALLER).info(now, ours, &keys("key"));
    world.run(ms(100));
    assert_eq!((world.at(CALLER).transactions(), world.at(CALLED).transactions()), (0, 0));
}
