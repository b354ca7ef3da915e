//! Session timers, both roles and both refreshers (RFC 4028): agreed on, kept, raised, and what becomes of a session that nobody
//! refreshes.

use super::{Text, answer};
use crate::sip::message::{Method, Request, Response};
use crate::sip::path::Transport;
use crate::sip::session::{EndCause, SessionEvent, SessionHandle};
use crate::sip::testing::{ACCOUNT, Bench, CALLED, CALLER, World, invite, ms, sdp};
use crate::sip::{Refresher, SessionTimer};

const ALLOW: (&str, &str) = ("Allow", "INVITE, ACK, BYE, UPDATE");

fn s(span: u64) -> std::time::Duration {
    ms(span * 1000)
}

fn wish(expires: u32, refresher: Refresher) -> Option<SessionTimer> {
    Some(SessionTimer { expires, refresher })
}

/// A bench whose account wishes for this, with an INVITE on its way.
fn calling(wish: Option<SessionTimer>) -> (Bench, SessionHandle, Request) {
    let mut bench = Bench::new();
    bench.endpoint.set_session_timer(ACCOUNT, wish);
    let mut order = invite(bench.path, Some("offer"));
    order.account = Some(ACCOUNT);
    let now = bench.now;
    let session = bench.endpoint.invite(now, order);
    let request = bench.request();
    (bench, session, request)
}

/// A call of ours whose 200 says this; all events taken.
fn up(wish: Option<SessionTimer>, says: &[(&str, &str)]) -> (Bench, SessionHandle) {
    let (mut bench, session, invite) = calling(wish);
    accept(&mut bench, &invite, says);
    (bench, session)
}

/// Our INVITE is accepted with this; the ACK and the event taken.
fn accept(bench: &mut Bench, invite: &Request, says: &[(&str, &str)]) {
    bench.deliver_bytes(&answer(invite, 200, "door", says));
    assert_eq!(*bench.request().method(), Method::Ack);
    bench.event();
}

/// An incoming call that our account wishes this for, answered; our 200, our tag, all events taken.
fn answered(wish: Option<SessionTimer>, says: &str) -> (Bench, Response, String) {
    let mut bench = Bench::new();
    bench.endpoint.set_session_timer(ACCOUNT, wish);
    let text = Text::new("INVITE", "z9hG4bKone").body("offer").extra("Allow: INVITE, UPDATE");
    bench.deliver(&if says.is_empty() { text } else { text.extra(says) }.text());
    bench.lines();
    let session = bench.event().session();
    let now = bench.now;
    bench.endpoint.assign(session, ACCOUNT);
    bench.endpoint.accept(now, session, sdp("answer"));
    let ok = bench.response();
    let tag = ok.to().tag().expect("a tag").to_owned();
    bench.deliver(&Text::new("ACK", "z9hG4bKack").inside(&tag).text());
    bench.event();
    (bench, ok, tag)
}

fn timer_of(ok: &Response) -> (Option<&str>, Option<&str>) {
    (ok.header("Session-Expires"), ok.header("Require"))
}

fn ended(bench: &mut Bench) -> EndCause {
    match bench.event() {
        SessionEvent::Ended { why, .. } => why,
        other => panic!("not an end: {other:?}"),
    }
}

/// The next thing sent, which is our UPDATE that refreshes.
fn refresh(bench: &mut Bench, says: &str) -> Request {
    let request = bench.request();
    assert_eq!((request.method(), request.header("Session-Expires")), (&Method::Update, Some(says)));
    assert!(request.body().is_empty() && request.contact().is_some());
    request
}

#[test]
fn the_caller_that_refreshes_does_so_at_half_the_time_for_as_long_as_the_call_lasts() {
    let (mut bench, _, invite) = calling(wish(90, Refresher::Uac));
    assert_eq!(invite.header("Session-Expires"), Some("90;refresher=uac"));
    assert_eq!(invite.header("Min-SE"), None);
    assert!(invite.headers("Supported").any(|tag| tag == "timer"));
    accept(&mut bench, &invite, &[("Session-Expires", "90;refresher=uac"), ALLOW]);
    for _ in 0..3 {
        bench.run(ms(44_900));
        assert!(bench.is_quiet());
        bench.run(ms(100));
        let update = refresh(&mut bench, "90;refresher=uac");
        bench.deliver_bytes(&answer(&update, 200, "", &[("Session-Expires", "90;refresher=uac")]));
    }
    assert!(bench.is_quiet());
}

#[test]
fn a_called_side_that_stops_refreshing_is_left_a_third_before_the_end() {
    let (mut bench, _) = up(wish(90, Refresher::Uas), &[("Session-Expires", "90;refresher=uas"), ALLOW]);
    bench.run(ms(59_900));
    assert!(bench.is_quiet());
    bench.run(ms(200));
    assert_eq!(*bench.request().method(), Method::Bye);
    assert_eq!(ended(&mut bench), EndCause::NotRefreshed);
}

#[test]
fn their_timer_is_kept_although_ours_is_off() {
    // As the one who called: the answer wants us to refresh.
    let (mut bench, _, invite) = calling(None);
    assert_eq!(invite.header("Session-Expires"), None);
    accept(&mut bench, &invite, &[("Session-Expires", "120;refresher=uac"), ALLOW]);
    bench.run(s(60));
    refresh(&mut bench, "120;refresher=uac");
    // As the one who was called: the caller refreshes, or we do where it cannot.
    let (_, ok, _) = answered(None, "Supported: timer\nSession-Expires: 600;refresher=uac");
    assert_eq!(timer_of(&ok), (Some("600;refresher=uac"), Some("timer")));
    let (_, ok, _) = answered(None, "Supported: timer\nx: 600");
    assert_eq!(timer_of(&ok), (Some("600;refresher=uac"), Some("timer")));
    let (mut bench, ok, _) = answered(None, "Session-Expires: 600");
    assert_eq!(timer_of(&ok), (Some("600;refresher=uas"), None));
    bench.run(s(300));
    refresh(&mut bench, "600;refresher=uac");
    let (_, ok, _) = answered(None, "Supported: timer");
    assert_eq!(timer_of(&ok), (None, None));
}

#[test]
fn what_the_called_side_wishes_for_is_agreed_with_what_the_caller_can() {
    let timer = "Supported: timer";
    for (says, wished, agreed, demanded) in [
        ("", wish(300, Refresher::Uac), "300;refresher=uas", None),
        (timer, wish(300, Refresher::Uac), "300;refresher=uac", Some("timer")),
        (timer, wish(300, Refresher::Uas), "300;refresher=uas", None),
        ("Supported: timer\nSession-Expires: 1800", wish(300, Refresher::Uas), "300;refresher=uas", None),
        (
            "Supported: timer\nSession-Expires: 1800\nMin-SE: 900",
            wish(300, Refresher::Uac),
            "900;refresher=uac",
            Some("timer"),
        ),
        ("Supported: timer\nSession-Expires: 200;refresher=uas", wish(300, Refresher::Uac), "200;refresher=uas", None),
        ("Session-Expires: 1800;refresher=uac", wish(300, Refresher::Uac), "300;refresher=uas", None),
    ] {
        let (_, ok, _) = answered(wished, says);
        assert_eq!(timer_of(&ok), (Some(agreed), demanded), "{says}");
    }
}

#[test]
fn a_refresh_of_theirs_lets_the_call_go_on_and_none_ends_it() {
    let (mut bench, _, tag) = answered(None, "Supported: timer\nSession-Expires: 90;refresher=uac");
    let refreshed = |cseq, branch| {
        let update = Text::new("UPDATE", branch).cseq(cseq).inside(&tag);
        update.extra("Supported: timer\nSession-Expires: 90;refresher=uac").text()
    };
    for (cseq, branch) in [(2, "z9hG4bKa"), (3, "z9hG4bKb"), (4, "z9hG4bKc")] {
        bench.run(s(45));
        assert!(bench.is_quiet());
        bench.deliver(&refreshed(cseq, branch));
        let ok = bench.response();
        assert_eq!((ok.status(), timer_of(&ok)), (200, (Some("90;refresher=uac"), Some("timer"))));
    }
    // A re-INVITE refreshes as well, also one that says nothing of it.
    bench.run(s(45));
    bench.deliver(&Text::new("INVITE", "z9hG4bKre").cseq(5).inside(&tag).extra("Supported: timer").body("more").text());
    bench.lines();
    let session = bench.event().session();
    let now = bench.now;
    bench.endpoint.answer_offer(now, session, Ok(sdp("yes")));
    assert_eq!(timer_of(&bench.response()), (Some("90;refresher=uac"), Some("timer")));
    bench.deliver(&Text::new("ACK", "z9hG4bKreack").cseq(5).inside(&tag).text());
    bench.run(ms(59_000));
    assert!(bench.is_quiet());
    bench.run(s(2));
    assert_eq!(*bench.request().method(), Method::Bye);
    assert_eq!(ended(&mut bench), EndCause::NotRefreshed);
}

#[test]
fn an_interval_that_is_too_short_on_the_way_is_made_longer() {
    let (mut bench, _, first) = calling(wish(90, Refresher::Uac));
    let mut invite = first.clone();
    for (least, says) in [("120", "120;refresher=uac"), ("300", "300;refresher=uac")] {
        bench.deliver_bytes(&answer(&invite, 422, "proxy", &[("Min-SE", least)]));
        assert_eq!(*bench.request().method(), Method::Ack);
        let again = bench.request();
        assert_eq!((again.header("Session-Expires"), again.header("Min-SE")), (Some(says), Some(least)));
        assert_eq!((again.call_id(), again.cseq().0), (first.call_id(), invite.cseq().0 + 1));
        assert_eq!(again.body(), b"offer");
        invite = again;
    }
    assert!(bench.is_quiet(), "the call goes on");
    // The refresh asks for no less.
    accept(&mut bench, &invite, &[("Session-Expires", "300;refresher=uac"), ALLOW]);
    bench.run(s(150));
    assert_eq!(refresh(&mut bench, "300;refresher=uac").header("Min-SE"), Some("300"));
}

#[test]
fn whoever_says_too_short_without_end_or_without_sense_ends_the_call() {
    for least in [None, Some("60"), Some("nonsense"), Some("4000000000")] {
        let (mut bench, _, invite) = calling(wish(90, Refresher::Uac));
        let says: Vec<(&str, &str)> = least.map(|least| ("Min-SE", least)).into_iter().collect();
        let mut answer_once = |invite: &Request| bench.deliver_bytes(&answer(invite, 422, "proxy", &says));
        answer_once(&invite);
        bench.request();
        // Less than was asked for: asked again once, with the same.
        if least == Some("60") {
            let again = bench.request();
            bench.deliver_bytes(&answer(&again, 422, "proxy", &says));
            bench.request();
        }
        assert!(matches!(ended(&mut bench), EndCause::Rejected(422, _)), "{least:?}");
    }
    let (mut bench, _, mut invite) = calling(wish(90, Refresher::Uac));
    for least in 100.. {
        bench.deliver_bytes(&answer(&invite, 422, "proxy", &[("Min-SE", &least.to_string())]));
        bench.request();
        match bench.endpoint.poll_event() {
            None => invite = bench.request(),
            Some(SessionEvent::Ended { why: EndCause::Rejected(422, _), .. }) => break,
            Some(other) => panic!("{other:?}"),
        }
        assert!(least < 110, "it goes on for ever");
    }
}

#[test]
fn what_they_ask_is_refused_when_it_is_too_short_and_they_know_what_that_means() {
    let mut bench = Bench::new();
    let invite = Text::new("INVITE", "z9hG4bKone").body("offer");
    bench.deliver(&invite.extra("Supported: timer\nSession-Expires: 60").text());
    let refusal = bench.response();
    assert_eq!((refusal.status(), refusal.header("Min-SE")), (422, Some("90")));
    assert!(bench.is_quiet());
    let (_, ok, _) = answered(None, "Session-Expires: 60");
    assert_eq!(timer_of(&ok), (None, None), "a proxy has written it, and the caller knows nothing of it");
    let (mut bench, _, tag) = answered(None, "Supported: timer\nSession-Expires: 90;refresher=uac");
    let short = Text::new("UPDATE", "z9hG4bKa").cseq(2).inside(&tag).extra("Supported: timer\nSession-Expires: 60");
    bench.deliver(&short.text());
    assert_eq!(bench.response().status(), 422);
}

#[test]
fn a_refresh_that_is_lost_or_finds_no_such_call_ends_it() {
    let keeps = [("Session-Expires", "90;refresher=uac"), ALLOW];
    for status in [408, 481] {
        let (mut bench, _) = up(wish(90, Refresher::Uac), &keeps);
        bench.run(s(45));
        let update = refresh(&mut bench, "90;refresher=uac");
        bench.deliver_bytes(&answer(&update, status, "", &[]));
        assert!(matches!(ended(&mut bench), EndCause::Rejected(said, _) if said == status));
        assert_eq!(*bench.request().method(), Method::Bye);
    }
    let (mut bench, _) = up(wish(1800, Refresher::Uac), &[("Session-Expires", "1800;refresher=uac"), ALLOW]);
    bench.run(s(900));
    refresh(&mut bench, "1800;refresher=uac");
    bench.run(s(33));
    assert!(bench.lines().iter().any(|line| line.starts_with("BYE")));
    assert_eq!(ended(&mut bench), EndCause::TimedOut);
}

#[test]
fn a_refresh_that_is_put_off_or_too_short_comes_again() {
    let keeps = [("Session-Expires", "90;refresher=uac"), ALLOW];
    let (mut bench, _) = up(wish(90, Refresher::Uac), &keeps);
    bench.run(s(45));
    let update = refresh(&mut bench, "90;refresher=uac");
    bench.deliver_bytes(&answer(&update, 500, "", &[("Retry-After", "3")]));
    bench.run(ms(2_900));
    assert!(bench.is_quiet());
    bench.run(ms(200));
    let update = refresh(&mut bench, "90;refresher=uac");
    bench.deliver_bytes(&answer(&update, 422, "", &[("Min-SE", "200")]));
    let update = refresh(&mut bench, "200;refresher=uac");
    assert_eq!(update.header("Min-SE"), Some("200"));
    bench.deliver_bytes(&answer(&update, 200, "", &[("Session-Expires", "200;refresher=uac")]));
    bench.run(s(99));
    assert!(bench.is_quiet());
    bench.run(s(2));
    // One that is refused again and again does not keep the call for ever.
    for _ in 0..60 {
        if let Some(SessionEvent::Ended { why, .. }) = bench.endpoint.poll_event() {
            assert_eq!(why, EndCause::NotRefreshed);
            return;
        }
        while let Some(transmit) = bench.endpoint.poll_transmit() {
            if let Ok(crate::sip::message::Message::Request(request)) =
                crate::sip::wire::parse_datagram(&transmit.bytes)
            {
                bench.deliver_bytes(&answer(&request, 403, "", &[]));
            }
        }
        bench.run(s(5));
    }
    panic!("the call never ends");
}

#[test]
fn where_update_is_not_taken_the_user_is_asked_for_a_reinvite() {
    for says in [&[("Session-Expires", "90;refresher=uac")][..], &[("Session-Expires", "90;refresher=uac"), ALLOW]] {
        let (mut bench, session) = up(wish(90, Refresher::Uac), says);
        bench.run(s(45));
        if says.len() > 1 {
            // It says that it does, and does not.
            let update = refresh(&mut bench, "90;refresher=uac");
            bench.deliver_bytes(&answer(&update, 405, "", &[]));
        }
        assert!(matches!(bench.event(), SessionEvent::RefreshDue { .. }));
        let now = bench.now;
        bench.endpoint.reinvite(now, session, sdp("the same"));
        let again = bench.request();
        assert_eq!((again.method(), again.header("Session-Expires")), (&Method::Invite, Some("90;refresher=uac")));
        let mut ok = Response::answer(&again, 200);
        ok.push_header("Session-Expires", "90;refresher=uac");
        ok.set_body("application/sdp", b"as before".to_vec());
        bench.deliver_bytes(&ok.to_bytes());
        assert_eq!(*bench.request().method(), Method::Ack);
        assert!(matches!(bench.event(), SessionEvent::OfferAnswered { result: Ok(Some(_)), .. }));
        bench.run(s(44));
        assert!(bench.is_quiet());
        bench.run(s(1));
        assert!(matches!(bench.event(), SessionEvent::RefreshDue { .. }));
    }
}

#[test]
fn a_peer_without_timers_is_refreshed_all_the_same() {
    let (mut bench, _) = up(wish(90, Refresher::Uas), &[ALLOW]);
    for _ in 0..3 {
        bench.run(s(45));
        let update = refresh(&mut bench, "90;refresher=uac");
        bench.deliver_bytes(&answer(&update, 200, "", &[]));
    }
    assert!(bench.is_quiet());
}

#[test]
fn a_refresh_waits_for_what_is_under_way() {
    let (mut bench, ok, tag) = answered(wish(90, Refresher::Uas), "Supported: timer");
    assert_eq!(timer_of(&ok).0, Some("90;refresher=uas"));
    bench.run(s(40));
    bench.deliver(&Text::new("INVITE", "z9hG4bKre").cseq(2).inside(&tag).extra("Supported: timer").body("more").text());
    bench.lines();
    let session = bench.event().session();
    bench.run(s(8));
    assert!(bench.is_quiet(), "one thing at a time");
    let now = bench.now;
    bench.endpoint.answer_offer(now, session, Ok(sdp("yes")));
    assert_eq!(timer_of(&bench.response()).0, Some("90;refresher=uas"));
    bench.deliver(&Text::new("ACK", "z9hG4bKreack").cseq(2).inside(&tag).text());
    bench.run(s(44));
    assert!(bench.is_quiet(), "that has refreshed");
    bench.run(s(1));
    refresh(&mut bench, "90;refresher=uac");
}

/// Two of ours, in each pair of roles, while a tenth of the datagrams is lost: the call outlives three intervals, and ends on
/// both sides when nothing arrives any more.
#[test]
fn calls_are_kept_through_loss_and_end_when_the_line_is_dead() {
    for seed in 0..1000 {
        let mut world = World::new(seed, 0.1);
        (world.duplication, world.reordering) = (0.05, 0.1);
        world.use_account("secret");
        let either = |bit: u64| if seed & bit == 0 { Refresher::Uac } else { Refresher::Uas };
        let (ours, theirs) = (wish(90, either(1)), wish(100, either(2)));
        world.at(CALLER).set_session_timer(ACCOUNT, ours.filter(|_| seed & 12 != 4));
        world.at(CALLED).set_session_timer(ACCOUNT, theirs.filter(|_| seed & 12 != 8));
        world.call(Transport::Udp, Some("offer"));
        world.run_until("it rings", |world| !world.phones[CALLED].events.is_empty());
        let session = world.incoming(CALLED);
        let now = world.now;
        world.at(CALLED).assign(session, ACCOUNT);
        world.at(CALLED).accept(now, session, sdp("answer"));
        world.run(s(320));
        for phone in [CALLER, CALLED] {
            let over = world.phones[phone].events.iter().find(|event| matches!(event, SessionEvent::Ended { .. }));
            assert!(over.is_none(), "seed {seed}, phone {phone}: {over:?}");
            world.phones[phone].events.clear();
        }
        assert!(world.count(CALLER, "UPDATE") + world.count(CALLED, "UPDATE") >= 5, "seed {seed}");
        world.loss = 1.0;
        world.run(s(110));
        for phone in [CALLER, CALLED] {
            let why = world.ended(phone);
            assert!(matches!(why, EndCause::NotRefreshed | EndCause::TimedOut), "seed {seed}, phone {phone}: {why:?}");
        }
    }
}
