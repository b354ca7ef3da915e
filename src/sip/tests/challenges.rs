//! Whoever demands a password on the way of a call: answered for every request, without its user's doing.

use super::{Text, answer, rung};
use crate::sip::message::{Method, Request, Response};
use crate::sip::path::Transport;
use crate::sip::session::{Body, EndCause, SessionEvent, SessionHandle};
use crate::sip::testing::demand::{PASSWORD, param};
use crate::sip::testing::{ACCOUNT, Bench, CALLED, CALLER, DECLINE, Demand, World, credentials, invite, ms, sdp};

/// A caller with an account, and a gate that demands this in front of the called phone.
fn guarded(demands: Vec<Demand>) -> World {
    let mut world = World::new(3, 0.0);
    world.use_account(PASSWORD);
    world.gate.demands = demands;
    world
}

fn key(digit: &str) -> Body {
    Body { content_type: "application/dtmf-relay".to_owned(), bytes: format!("Signal={digit}\r\n").into_bytes() }
}

/// What CALLER sent that begins with `start`.
fn sent(world: &World, start: &str) -> Vec<String> {
    let texts = world.phones[CALLER].sent.iter().map(|(_, text)| text);
    texts.filter(|text| text.starts_with(start)).cloned().collect()
}

fn line<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// A script with an INVITE of ours through the account, and that INVITE.
fn called_through() -> (Bench, SessionHandle, Request) {
    let mut bench = Bench::new();
    bench.endpoint.set_credentials(ACCOUNT, Some(credentials(PASSWORD)));
    let (now, path) = (bench.now, bench.path);
    let mut order = invite(path, Some("offer"));
    order.account = Some(ACCOUNT);
    let session = bench.endpoint.invite(now, order);
    let request = bench.request();
    (bench, session, request)
}

/// A challenge to a request of ours, as the script's proxies write it.
fn challenge(request: &Request, status: u16, lines: &[(&str, &str)]) -> Vec<u8> {
    answer(request, status, "gate", lines)
}

#[test]
fn an_invite_that_is_challenged_goes_again_as_the_next_request_of_the_same_call() {
    let mut world = guarded(vec![Demand::new("home", true)]);
    let (ours, _) = world.connect(Transport::Udp);
    let invites = sent(&world, "INVITE");
    assert_eq!(invites.len(), 2);
    for same in ["Call-ID", "From", "To", "User-Agent", "Contact"] {
        assert_eq!(line(&invites[0], same), line(&invites[1], same), "{same}");
    }
    assert_ne!(line(&invites[0], "Via"), line(&invites[1], "Via"));
    let number = |text: &str| line(text, "CSeq").and_then(|value| value.split(' ').next()?.parse::<u32>().ok());
    assert_eq!(number(&invites[0]).map(|number| number + 1), number(&invites[1]));
    assert_eq!(line(&invites[0], "Proxy-Authorization"), None);
    assert_eq!(invites[1].matches("User-Agent").count(), 1);
    // The ACK of the refusal is in its transaction, that of the acceptance carries what its INVITE carried (22.1).
    let acks = sent(&world, "ACK");
    assert_eq!(acks.len(), 2);
    assert_eq!(line(&acks[0], "Proxy-Authorization"), None);
    assert_eq!(line(&acks[1], "Proxy-Authorization"), line(&invites[1], "Proxy-Authorization"));
    assert_eq!(number(&acks[1]), number(&invites[1]));
    let now = world.now;
    world.at(CALLER).end(now, ours, DECLINE);
    world.run(ms(40_000));
    world.assert_empty();
    assert!(!world.at(CALLER).is_password_refused(ACCOUNT));
}

#[test]
fn what_is_known_goes_with_the_first_attempt_and_is_counted() {
    let mut world = guarded(vec![Demand { qop: "auth", ..Demand::new("home", true) }]);
    let (ours, _) = world.connect(Transport::Udp);
    let now = world.now;
    world.at(CALLER).info(now, ours, &key("1"));
    world.run(ms(100));
    let now = world.now;
    world.at(CALLER).end(now, ours, DECLINE);
    world.run(ms(100));
    world.phones[CALLER].events.clear();
    world.phones[CALLED].events.clear();
    world.connect(Transport::Udp);
    assert_eq!(world.gate.stopped, 1, "only the very first INVITE");
    let counts: Vec<String> = ["INVITE", "INFO", "BYE"]
        .iter()
        .flat_map(|method| sent(&world, method))
        .filter_map(|text| line(&text, "Proxy-Authorization").map(|value| param(value, "nc")))
        .collect();
    assert_eq!(counts, ["00000001", "00000004", "00000002", "00000003"]);
}

/// A call in which everything that the caller can say is said; gives what was challenged.
fn say_everything(demand: Demand) -> World {
    let mut world = guarded(vec![demand]);
    let ours = world.call_with(Transport::Udp, Some("offer"), &[("Require", "100rel")]);
    world.run(ms(200));
    let theirs = world.incoming(CALLED);
    let now = world.now;
    world.at(CALLED).ring(now, theirs, Some(sdp("early")));
    world.run(ms(200));
    assert!(matches!(world.event(CALLER), SessionEvent::Progress { status: 183, .. }));
    let now = world.now;
    world.at(CALLED).accept(now, theirs, sdp("answer"));
    world.run(ms(200));
    assert!(matches!(world.event(CALLER), SessionEvent::Answered { .. }));
    assert!(matches!(world.event(CALLED), SessionEvent::Confirmed { .. }));
    for by_update in [false, true] {
        let now = world.now;
        if by_update {
            world.at(CALLER).update(now, ours, sdp("held"));
        } else {
            world.at(CALLER).reinvite(now, ours, sdp("held"));
        }
        world.run(ms(200));
        let SessionEvent::Offer { session, body } = world.event(CALLED) else { panic!("no offer") };
        assert_eq!(body, Some(sdp("held")));
        let now = world.now;
        world.at(CALLED).answer_offer(now, session, Ok(sdp("held too")));
        world.run(ms(200));
        let SessionEvent::OfferAnswered { result, .. } = world.event(CALLER) else { panic!("no answer") };
        assert_eq!(result, Ok(Some(sdp("held too"))));
    }
    for digit in ["1", "2"] {
        let now = world.now;
        world.at(CALLER).info(now, ours, &key(digit));
        world.run(ms(200));
        let SessionEvent::Info { body, .. } = world.event(CALLED) else { panic!("no INFO") };
        assert_eq!(body, Some(key(digit)));
        assert!(matches!(world.event(CALLER), SessionEvent::InfoAnswered { result: Ok(()), .. }));
    }
    let now = world.now;
    world.at(CALLER).end(now, ours, DECLINE);
    world.run(ms(200));
    assert_eq!(world.ended(CALLER), EndCause::Local);
    assert_eq!(world.ended(CALLED), EndCause::Remote);
    for phone in [CALLER, CALLED] {
        assert!(world.phones[phone].events.is_empty(), "{:?}", world.phones[phone].events);
    }
    world.run(ms(40_000));
    world.assert_empty();
    world
}

#[test]
fn every_method_is_answered_in_mid_call() {
    // Each nonce is good once, so that each request is challenged; or the gate has forgotten the nonce, and does not say so.
    for says_stale in [true, false] {
        let world = say_everything(Demand { uses: 1, says_stale, ..Demand::new("home", true) });
        for (method, times) in [("INVITE", 4), ("PRACK", 2), ("UPDATE", 2), ("INFO", 4), ("BYE", 2)] {
            assert_eq!(sent(&world, method).len(), times, "{method}");
        }
        assert_eq!(world.gate.stopped, 7);
    }
}

#[test]
fn bodies_are_protected_where_that_is_demanded() {
    for (algorithm, qop) in [("MD5", "auth-int"), ("SHA-256", "auth-int"), ("SHA-256", "auth"), ("MD5", "")] {
        let world = say_everything(Demand { algorithm, qop, ..Demand::new("home", false) });
        assert_eq!(world.gate.stopped, 1, "{algorithm} {qop}");
    }
}

#[test]
fn a_wrong_password_is_tried_once_and_told() {
    for proxy in [true, false] {
        let mut world = guarded(vec![Demand::new("home", proxy)]);
        world.use_account("wrong");
        world.call(Transport::Udp, Some("offer"));
        world.run(ms(60_000));
        let status = if proxy { 407 } else { 401 };
        assert!(matches!(world.ended(CALLER), EndCause::Rejected(told, _) if told == status));
        assert_eq!(sent(&world, "INVITE").len(), 2);
        assert!(world.at(CALLER).is_password_refused(ACCOUNT));
        world.assert_empty();
        // Put right, it is good at once.
        world.use_account(PASSWORD);
        assert!(!world.at(CALLER).is_password_refused(ACCOUNT));
        world.connect(Transport::Udp);
    }
}

#[test]
fn without_a_password_the_challenge_is_told_as_it_is() {
    let mut world = guarded(vec![Demand::new("home", true)]);
    world.at(CALLER).set_credentials(ACCOUNT, None);
    world.call(Transport::Udp, Some("offer"));
    world.run(ms(60_000));
    assert_eq!(world.ended(CALLER), EndCause::Rejected(407, "Proxy Authentication Required".to_owned()));
    assert_eq!(sent(&world, "INVITE").len(), 1);
    assert!(!world.at(CALLER).is_password_refused(ACCOUNT));
    world.assert_empty();
}

#[test]
fn two_realms_at_once_are_both_answered() {
    let mut world = guarded(vec![Demand::new("proxy", true), Demand::new("flat", false)]);
    let (ours, _) = world.connect(Transport::Udp);
    let invites = sent(&world, "INVITE");
    assert_eq!(invites.len(), 2);
    assert!(line(&invites[1], "Proxy-Authorization").is_some_and(|value| value.contains("realm=\"proxy\"")));
    assert!(line(&invites[1], "Authorization").is_some_and(|value| value.contains("realm=\"flat\"")));
    let now = world.now;
    world.at(CALLER).end(now, ours, DECLINE);
    world.run(ms(200));
    assert_eq!(world.gate.stopped, 1);
}

#[test]
fn realms_one_after_another_are_all_answered_in_the_last_request() {
    let (mut bench, _, first) = called_through();
    bench.deliver_bytes(&challenge(&first, 407, &[("Proxy-Authenticate", "Digest realm=\"a\", nonce=\"1\"")]));
    assert_eq!(*bench.request().method(), Method::Ack);
    let second = bench.request();
    bench.deliver_bytes(&challenge(&second, 401, &[("WWW-Authenticate", "Digest realm=\"b\", nonce=\"2\"")]));
    assert_eq!(*bench.request().method(), Method::Ack);
    let third = bench.request();
    assert_eq!(third.cseq(), (first.cseq().0 + 2, Method::Invite));
    assert_eq!(third.headers("Proxy-Authorization").count(), 1);
    assert_eq!(third.headers("Authorization").count(), 1);
    assert_eq!(third.headers("Contact").count(), 1);
}

#[test]
fn the_strongest_algorithm_that_is_known_is_chosen() {
    let (mut bench, _, first) = called_through();
    let lines = [
        ("Proxy-Authenticate", "Digest realm=\"a\", nonce=\"1\", algorithm=MD5, qop=\"auth\""),
        ("Proxy-Authenticate", "Digest realm=\"a\", nonce=\"2\", algorithm=SHA-512-256, qop=\"auth-int,auth\""),
        (
            "Proxy-Authenticate",
            "Digest realm=\"a\", nonce=\"3\", algorithm=SHA-256, Digest realm=\"a\", nonce=\"4\", \
            algorithm=SHA3-512",
        ),
    ];
    bench.deliver_bytes(&challenge(&first, 407, &lines));
    bench.request();
    let second = bench.request();
    let value = second.header("Proxy-Authorization").expect("an answer");
    assert_eq!((param(value, "nonce"), param(value, "algorithm")), ("2".to_owned(), "SHA-512-256".to_owned()));
    assert_eq!((param(value, "qop"), param(value, "response").len()), ("auth".to_owned(), 64));
}

#[test]
fn what_cannot_be_answered_is_told() {
    for value in ["Digest realm=\"a\", nonce=\"1\", algorithm=SHA3-512", "Basic realm=\"a\"", ""] {
        let (mut bench, _, first) = called_through();
        bench.deliver_bytes(&challenge(&first, 407, &[("Proxy-Authenticate", value)]));
        assert_eq!(bench.lines().len(), 1, "the ACK alone: {value}");
        assert!(matches!(bench.event(), SessionEvent::Ended { why: EndCause::Rejected(407, _), .. }));
        assert!(!bench.endpoint.is_password_refused(ACCOUNT), "{value}");
    }
}

#[test]
fn a_nonce_that_is_always_stale_and_ever_new_realms_come_to_an_end() {
    let stale = |n: usize| format!("Digest realm=\"a\", nonce=\"{n}\", stale=true");
    let realms = |n: usize| format!("Digest realm=\"{n}\", nonce=\"1\"");
    for (challenges, most) in [(&stale as &dyn Fn(usize) -> String, 3), (&realms, 6)] {
        let (mut bench, _, mut request) = called_through();
        let mut again = 0;
        loop {
            bench.deliver_bytes(&challenge(&request, 407, &[("Proxy-Authenticate", &challenges(again))]));
            assert_eq!(*bench.request().method(), Method::Ack);
            match bench.endpoint.poll_event() {
                Some(SessionEvent::Ended { why: EndCause::Rejected(407, _), .. }) => break,
                other => assert!(other.is_none(), "{other:?}"),
            }
            request = bench.request();
            again += 1;
        }
        assert_eq!(again, most);
        bench.run(ms(60_000));
        assert_eq!((bench.endpoint.transactions(), bench.endpoint.busy_sessions()), (0, 0));
    }
}

#[test]
fn the_next_nonce_is_taken_from_a_success() {
    let (mut bench, session, first) = called_through();
    let demand = "Digest realm=\"a\", nonce=\"1\", qop=\"auth\"";
    bench.deliver_bytes(&challenge(&first, 407, &[("Proxy-Authenticate", demand)]));
    bench.request();
    let second = bench.request();
    let info = "nextnonce=\"two\", qop=auth, rspauth=\"\"";
    bench.deliver_bytes(&answer(&second, 200, "them", &[("Proxy-Authentication-Info", info)]));
    bench.request();
    let now = bench.now;
    bench.endpoint.end(now, session, DECLINE);
    let bye = bench.request();
    let value = bye.header("Proxy-Authorization").expect("an answer");
    assert_eq!((param(value, "nonce"), param(value, "nc")), ("two".to_owned(), "00000001".to_owned()));
}

#[test]
fn a_session_form_keeps_its_own_nonce() {
    let (mut bench, session, first) = called_through();
    let demand = "Digest realm=\"a\", nonce=\"1\", qop=\"auth\", algorithm=SHA-256-sess";
    bench.deliver_bytes(&challenge(&first, 407, &[("Proxy-Authenticate", demand)]));
    bench.request();
    let second = bench.request();
    bench.deliver_bytes(&answer(&second, 200, "them", &[]));
    bench.request();
    let now = bench.now;
    bench.endpoint.end(now, session, DECLINE);
    let bye = bench.request();
    let cnonce = |request: &Request| param(request.header("Proxy-Authorization").expect("an answer"), "cnonce");
    assert_eq!(cnonce(&second), cnonce(&bye));
}

#[test]
fn an_info_keeps_its_name_when_it_is_challenged_and_goes_no_more_when_it_is_given_up() {
    let (mut bench, session, first) = called_through();
    bench.deliver_bytes(&answer(&first, 200, "them", &[]));
    bench.request();
    bench.event();
    let demand = [("Proxy-Authenticate", "Digest realm=\"a\", nonce=\"1\"")];
    let now = bench.now;
    let given_up = bench.endpoint.info(now, session, &key("1"));
    let request = bench.request();
    bench.endpoint.give_up_info(now, session, given_up);
    bench.deliver_bytes(&challenge(&request, 407, &demand));
    let SessionEvent::InfoAnswered { info, result, .. } = bench.event() else { panic!() };
    assert_eq!((info, result), (given_up, Err(407)));
    assert!(bench.is_quiet(), "nobody wants it any more");

    let wanted = bench.endpoint.info(now, session, &key("2"));
    let request = bench.request();
    let demand = [("Proxy-Authenticate", "Digest realm=\"a\", nonce=\"2\", stale=true")];
    bench.deliver_bytes(&challenge(&request, 407, &demand));
    let again = bench.request();
    assert_eq!(again.body(), key("2").bytes);
    bench.deliver_bytes(&answer(&again, 200, "", &[]));
    let SessionEvent::InfoAnswered { info, result, .. } = bench.event() else { panic!() };
    assert_eq!((info, result), (wanted, Ok(())));
}

#[test]
fn a_call_given_up_before_its_challenge_does_not_go_again() {
    for heard in [false, true] {
        let (mut bench, session, first) = called_through();
        if heard {
            bench.deliver_bytes(&answer(&first, 100, "", &[]));
        }
        let now = bench.now;
        bench.endpoint.end(now, session, DECLINE);
        assert_eq!(bench.lines().len(), usize::from(heard), "a CANCEL when something was heard");
        let demand = "Digest realm=\"a\", nonce=\"1\"";
        bench.deliver_bytes(&challenge(&first, 407, &[("Proxy-Authenticate", demand)]));
        assert_eq!(*bench.request().method(), Method::Ack);
        assert_eq!(bench.lines(), Vec::<String>::new());
        assert_eq!(bench.endpoint.busy_sessions(), 0);
    }
}

#[test]
fn a_cancel_after_the_challenge_is_about_the_invite_that_went_again() {
    let (mut bench, session, first) = called_through();
    let demand = "Digest realm=\"a\", nonce=\"1\"";
    bench.deliver_bytes(&challenge(&first, 407, &[("Proxy-Authenticate", demand)]));
    bench.request();
    let second = bench.request();
    let now = bench.now;
    bench.endpoint.end(now, session, DECLINE);
    assert!(bench.lines().is_empty(), "nothing was heard of the second INVITE");
    bench.deliver_bytes(&answer(&second, 180, "them", &[]));
    let cancel = bench.request();
    assert_eq!(cancel.cseq(), (second.cseq().0, Method::Cancel));
    assert_eq!(cancel.top_via().branch(), second.top_via().branch());
    assert_eq!(cancel.header("Proxy-Authorization"), None);
}

#[test]
fn a_challenge_after_forks_have_spoken_begins_anew_behind_their_numbers() {
    let (mut bench, session, first) = called_through();
    let reliable = |request: &Request, tag: &str| {
        answer(request, 183, tag, &[("Require", "100rel"), ("RSeq", "1"), ("Contact", "<sip:them@198.51.100.7>")])
    };
    bench.deliver_bytes(&reliable(&first, "one"));
    let prack = bench.request();
    assert_eq!(prack.cseq(), (first.cseq().0 + 1, Method::Prack));
    bench.deliver_bytes(&answer(&first, 180, "two", &[]));
    // The proxy has tried all, and hands on what one of them demands.
    let demand = [("WWW-Authenticate", "Digest realm=\"a\", nonce=\"1\", qop=\"auth\"")];
    bench.deliver_bytes(&challenge(&first, 401, &demand));
    assert_eq!(*bench.request().method(), Method::Ack);
    let second = bench.request();
    assert_eq!(second.cseq(), (first.cseq().0 + 2, Method::Invite));
    while bench.endpoint.poll_event().is_some() {}
    // Now both of them answer, and the second one's BYE is challenged too.
    let contact = [("Contact", "<sip:them@198.51.100.7>")];
    bench.deliver_bytes(&reliable(&second, "three"));
    assert_eq!(bench.request().header("RAck"), Some(format!("1 {} INVITE", second.cseq().0).as_str()));
    bench.deliver_bytes(&answer(&second, 200, "three", &contact));
    assert_eq!(bench.request().cseq(), (second.cseq().0, Method::Ack));
    bench.deliver_bytes(&answer(&second, 200, "four", &contact));
    let ack = bench.request();
    assert_eq!(ack.to().tag(), Some("four"));
    assert_eq!(ack.header("Authorization"), second.header("Authorization"));
    let bye = bench.request();
    let other = [("WWW-Authenticate", "Digest realm=\"b\", nonce=\"1\"")];
    bench.deliver_bytes(&challenge(&bye, 401, &other));
    let again = bench.request();
    assert_eq!((again.cseq(), again.to().tag()), ((bye.cseq().0 + 1, Method::Bye), Some("four")));
    assert_eq!(again.headers("Authorization").count(), 2);
    bench.deliver_bytes(&answer(&again, 200, "four", &[]));
    // The call itself goes on.
    let now = bench.now;
    bench.endpoint.info(now, session, &key("1"));
    assert_eq!(bench.request().to().tag(), Some("three"));
}

#[test]
fn a_branch_that_accepts_when_the_call_is_over_is_left_in_spite_of_a_challenge() {
    let (mut bench, session, first) = called_through();
    bench.deliver_bytes(&answer(&first, 200, "one", &[]));
    bench.request();
    let now = bench.now;
    bench.endpoint.end(now, session, DECLINE);
    let bye = bench.request();
    bench.deliver_bytes(&answer(&bye, 200, "one", &[]));
    assert_eq!(bench.endpoint.busy_sessions(), 0);
    bench.deliver_bytes(&answer(&first, 200, "two", &[]));
    bench.request();
    let bye = bench.request();
    let demand = [("Proxy-Authenticate", "Digest realm=\"a\", nonce=\"1\"")];
    bench.deliver_bytes(&challenge(&bye, 407, &demand));
    let again = bench.request();
    assert_eq!((again.cseq().1, again.headers("Proxy-Authorization").count()), (Method::Bye, 1));
}

#[test]
fn an_early_request_overtaken_by_others_goes_again_behind_them() {
    let (mut bench, session, first) = called_through();
    bench.deliver_bytes(&answer(&first, 200, "them", &[("Contact", "<sip:them@198.51.100.7>")]));
    bench.request();
    let now = bench.now;
    bench.endpoint.info(now, session, &key("1"));
    bench.endpoint.info(now, session, &key("2"));
    let (one, two) = (bench.request(), bench.request());
    assert_eq!(one.cseq().0 + 1, two.cseq().0);
    let demand = [("Proxy-Authenticate", "Digest realm=\"a\", nonce=\"1\"")];
    bench.deliver_bytes(&challenge(&one, 407, &demand));
    let again = bench.request();
    assert_eq!((again.cseq().0, again.body()), (two.cseq().0 + 1, one.body()));
    bench.deliver_bytes(&challenge(&two, 407, &demand));
    assert_eq!(bench.request().cseq().0, two.cseq().0 + 2);
}

#[test]
fn a_request_that_grows_too_large_by_its_answer_goes_by_tcp() {
    let mut bench = Bench::new();
    bench.endpoint.set_credentials(ACCOUNT, Some(credentials(PASSWORD)));
    let (now, path) = (bench.now, bench.path);
    let mut order = invite(path, Some(&"x".repeat(700)));
    order.account = Some(ACCOUNT);
    bench.endpoint.invite(now, order);
    let first = bench.request();
    assert_eq!(first.top_via().transport, "UDP");
    let demand = [("Proxy-Authenticate", "Digest realm=\"a\", nonce=\"1\", qop=\"auth\", algorithm=SHA-256")];
    bench.deliver_bytes(&challenge(&first, 407, &demand));
    bench.request();
    let second = bench.transmit();
    assert_eq!(second.path.transport, Transport::Tcp);
    assert!(second.bytes.len() > 1300 && first.to_bytes().len() < 1300);
}

/// A call of theirs, in which we send what comes of `act`.
fn of_theirs(assigned: bool) -> (Bench, Request) {
    let (mut bench, session) = rung();
    bench.endpoint.set_credentials(ACCOUNT, Some(credentials(PASSWORD)));
    if assigned {
        bench.endpoint.assign(session, ACCOUNT);
    }
    let now = bench.now;
    bench.endpoint.accept(now, session, sdp("answer"));
    let tag = bench.response().to().tag().expect("a tag").to_owned();
    bench.deliver(&Text::new("ACK", "z9hG4bKack").inside(&tag).text());
    bench.endpoint.end(now, session, DECLINE);
    let bye = bench.request();
    let demand = [("Proxy-Authenticate", "Digest realm=\"a\", nonce=\"1\"")];
    bench.deliver_bytes(&challenge(&bye, 407, &demand));
    (bench, bye)
}

#[test]
fn a_call_that_came_in_by_an_account_answers_with_its_password() {
    let (mut bench, bye) = of_theirs(true);
    let again = bench.request();
    assert_eq!(again.cseq(), (bye.cseq().0 + 1, Method::Bye));
    assert_eq!(bench.endpoint.busy_sessions(), 1);
    bench.deliver_bytes(&answer(&again, 200, "", &[]));
    assert_eq!(bench.endpoint.busy_sessions(), 0);
}

#[test]
fn a_call_of_no_account_gives_no_password_away() {
    let (mut bench, _) = of_theirs(false);
    assert!(bench.lines().is_empty());
    assert_eq!(bench.endpoint.busy_sessions(), 0);
}

#[test]
fn a_reinvite_that_cannot_be_answered_changes_nothing() {
    let (mut bench, session, first) = called_through();
    bench.deliver_bytes(&answer(&first, 200, "them", &[]));
    bench.request();
    bench.event();
    let now = bench.now;
    bench.endpoint.reinvite(now, session, sdp("held"));
    let offer = bench.request();
    bench.deliver_bytes(&challenge(&offer, 401, &[("WWW-Authenticate", "Basic realm=\"a\"")]));
    assert!(matches!(bench.event(), SessionEvent::OfferAnswered { result: Err(401), .. }));
    assert_eq!(bench.endpoint.busy_sessions(), 1);
}

#[test]
fn a_challenged_reinvite_that_was_cancelled_does_not_go_again() {
    let (mut bench, session, first) = called_through();
    bench.deliver_bytes(&answer(&first, 200, "them", &[]));
    bench.request();
    bench.event();
    let now = bench.now;
    bench.endpoint.reinvite(now, session, sdp("held"));
    let offer = bench.request();
    bench.deliver_bytes(&answer(&offer, 100, "", &[]));
    bench.run(ms(180_000));
    assert!(bench.lines().iter().any(|line| line.starts_with("CANCEL")));
    bench.deliver_bytes(&challenge(&offer, 401, &[("WWW-Authenticate", "Digest realm=\"a\", nonce=\"1\"")]));
    assert!(!bench.lines().iter().any(|line| line.starts_with("INVITE")));
    assert!(matches!(bench.event(), SessionEvent::OfferAnswered { result: Err(401), .. }));
}

#[test]
fn an_answer_is_not_shown_to_whoever_did_not_ask_for_it() {
    let (mut bench, session, first) = called_through();
    let demand = [("WWW-Authenticate", "Digest realm=\"a\", nonce=\"1\"")];
    bench.deliver_bytes(&challenge(&first, 401, &demand));
    bench.request();
    let second = bench.request();
    // The other end is reached past whoever asked.
    let mut ok = Response::answer(&second, 200);
    ok.set_to_tag("them");
    ok.push_header("Contact", "<sip:them@203.0.113.9>");
    bench.deliver_bytes(&ok.to_bytes());
    assert!(bench.request().header("Authorization").is_some(), "the ACK carries what its INVITE carried");
    let now = bench.now;
    bench.endpoint.info(now, session, &key("1"));
    assert_eq!(bench.request().header("Authorization"), None);
}

/// What came of a call through two realms on a network that loses.
fn play(seed: u64) -> EndCause {
    let mut world = World::new(seed, [0.1, 0.2, 0.3][(seed % 3) as usize]);
    world.duplication = 0.1;
    // Datagrams that overtake each other would break the order of the counts.
    world.delay = 1_000..1_001;
    world.use_account(PASSWORD);
    let uses = if seed.is_multiple_of(2) { 1 } else { u32::MAX };
    world.gate.demands = vec![Demand { uses, ..Demand::new("home", true) }, Demand::new("flat", false)];
    let ours = world.call(Transport::Udp, Some("offer"));
    let (mut rung, mut end) = (false, None);
    for _ in 0..2_000 {
        world.run(ms(100));
        for phone in [CALLER, CALLED] {
            for event in std::mem::take(&mut world.phones[phone].events) {
                let now = world.now;
                match event {
                    SessionEvent::Incoming { session, .. } => {
                        assert!(!std::mem::replace(&mut rung, true), "rang twice, seed {seed}");
                        world.at(CALLED).accept(now, session, sdp("answer"));
                    }
                    SessionEvent::Answered { .. } => world.at(CALLER).reinvite(now, ours, sdp("held")),
                    SessionEvent::Offer { session, .. } => world.at(phone).answer_offer(now, session, Ok(sdp("held"))),
                    SessionEvent::OfferAnswered { result: Ok(_), .. } => world.at(CALLER).end(now, ours, DECLINE),
                    SessionEvent::Ended { why, .. } if phone == CALLER => {
                        assert!(end.replace(why).is_none(), "ended twice, seed {seed}");
                    }
                    _ => {}
                }
            }
        }
    }
    world.run(ms(300_000));
    world.assert_empty();
    end.expect("it has ended")
}

#[test]
fn a_call_through_a_gate_survives_loss() {
    let ends: Vec<EndCause> = (0..200).map(play).collect();
    let well = ends.iter().filter(|end| **end == EndCause::Local).count();
    // The others lost every copy of a request or of its answer, or an ACK, for 32 s.
    let lost = ends.iter().filter(|end| matches!(end, EndCause::TimedOut | EndCause::NoAck | EndCause::Remote)).count();
    assert_eq!(well + lost, 200, "{ends:?}");
    assert!(well > 180, "{well}");
}
