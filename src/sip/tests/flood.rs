//! Too much of everything: what is refused, what is dropped, and who is heard all the same.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use super::{Text, confirmed};
use crate::sip::endpoint::MAX_SESSIONS;
use crate::sip::guard::{Flood, MAX_SOURCES};
use crate::sip::message::{Message, Response};
use crate::sip::path::{FlowId, Path, Transport};
use crate::sip::session::SessionEvent;
use crate::sip::testing::{Bench, ms, sdp};
use crate::sip::transaction::table::{MAX_INVITES_OF_ONE, MAX_SERVERS, MAX_SERVERS_OF_ONE};
use crate::sip::transaction::{Outbox, ReplyPath, ServerKey, Transactions};
use crate::sip::wire::parse_datagram;

/// An INVITE that begins a call of its own.
fn invite(number: usize) -> String {
    let text = Text::new("INVITE", "z9hG4bKcrowd").body("offer").text();
    text.replace("z9hG4bKcrowd", &format!("z9hG4bK{number}")).replace("a-call", &format!("call-{number}"))
}

/// Lets the script speak from this address.
fn speak_from(bench: &mut Bench, number: usize) -> IpAddr {
    let [.., high, low] = number.to_be_bytes();
    let address = IpAddr::from([198, 18, high, low]);
    bench.path.remote = SocketAddr::new(address, 5060);
    address
}

#[test]
fn a_crowd_is_asked_to_come_later_and_the_last_places_are_for_the_known() {
    let mut bench = Bench::new();
    let mut taken = 0;
    for number in 0..MAX_SESSIONS + 100 {
        speak_from(&mut bench, number);
        bench.run(ms(200));
        bench.deliver(&invite(number));
        let response = bench.response();
        if response.status() == 100 {
            taken += 1;
            assert_eq!(taken, number + 1, "first come, first served");
        } else {
            assert_eq!((response.status(), response.header("Retry-After")), (503, Some("10")));
        }
    }
    assert_eq!(taken, MAX_SESSIONS - MAX_SESSIONS / 8);
    assert_eq!((bench.endpoint.transactions(), bench.endpoint.busy_sessions()), (taken, taken));

    let door = speak_from(&mut bench, 5000);
    bench.endpoint.set_known([door]);
    bench.deliver(&invite(5000));
    assert_eq!(bench.lines(), ["SIP/2.0 100 Trying"]);
}

#[test]
fn one_caller_gets_its_share_and_is_then_not_heard() {
    let mut bench = Bench::new();
    for number in 0..2000 {
        bench.deliver(&invite(number));
        bench.run(ms(5));
    }
    let lines = bench.lines();
    assert!(lines.iter().filter(|line| line.contains("100 Trying")).count() <= 12);
    assert!(lines.len() < 40, "{} answers to 2000 INVITEs", lines.len());
    assert!(bench.endpoint.busy_sessions() <= 12);
    assert!(bench.endpoint.calls_lately(bench.now, bench.path.remote.ip()) > 1);
    // Somebody else is, at once.
    let visitor = speak_from(&mut bench, 1);
    bench.deliver(&invite(1_000_000));
    assert_eq!(bench.lines(), ["SIP/2.0 100 Trying"]);
    assert_eq!(bench.endpoint.calls_lately(bench.now, visitor), 1);
    let mut said = Vec::new();
    bench.run(ms(20_000));
    while let Some(flood) = bench.endpoint.poll_flood() {
        said.push(flood);
    }
    assert!(
        matches!(said[..], [Flood::Began { .. }, Flood::Shut { .. }, Flood::Ended { dropped: 1900.., .. }]),
        "{said:?}"
    );
}

#[test]
fn a_call_that_is_changed_again_and_again_leaves_room_for_visitors() {
    let (mut bench, _, tag) = confirmed();
    for cseq in 2..300 {
        let text = Text::new("INVITE", "z9hG4bKagain").cseq(cseq).inside(&tag).body("offer").text();
        bench.deliver(&text.replace("z9hG4bKagain", &format!("z9hG4bKagain{cseq}")));
        while let Some(event) = bench.endpoint.poll_event() {
            if let SessionEvent::Offer { session, .. } = event {
                bench.endpoint.answer_offer(bench.now, session, Ok(sdp("answer")));
            }
        }
        bench.run(ms(10));
    }
    bench.lines();
    assert!(bench.endpoint.transactions() <= MAX_INVITES_OF_ONE + 1, "{}", bench.endpoint.transactions());
    for visitor in 0..8 {
        speak_from(&mut bench, visitor);
        bench.deliver(&invite(visitor));
        assert_eq!(bench.lines(), ["SIP/2.0 100 Trying"]);
    }
}

#[test]
fn requests_that_are_answered_give_way_to_others_and_those_of_the_most_talkative_first() {
    let (mut transactions, mut out, now) = (Transactions::default(), Outbox::new(), Instant::now());
    let request = |number: usize| {
        let text = Text::new("INFO", "z9hG4bKmany").text().replace("z9hG4bKmany", &format!("z9hG4bKmany{number}"));
        match parse_datagram(text.replace('\n', "\r\n").as_bytes()) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    };
    let mut ask = |source: u8, number: usize, answered: bool| {
        let remote = SocketAddr::from(([198, 18, 0, source], 5060));
        let local = SocketAddr::from(([192, 0, 2, 1], 5060));
        let request = request(number);
        let reply = ReplyPath::of(Path { transport: Transport::Udp, local, remote, flow: None }, &request);
        let key = ServerKey::of(&request);
        let taken = transactions.accept(now, key.clone(), number as u32, &request, reply);
        if answered {
            transactions.respond(now, &key, &Response::answer(&request, 200), &mut out);
        }
        (taken, transactions.count())
    };
    for number in 0..1000 {
        let source = (number % 5) as u8;
        assert!(ask(source, number, true).0, "{number}");
    }
    let (taken, kept) = ask(9, 2000, false);
    assert!(taken && kept <= MAX_SERVERS);
    // What waits for its answer does not give way.
    for number in 3000..3000 + MAX_SERVERS_OF_ONE {
        assert!(ask(10, number, false).0);
    }
    assert!(!ask(10, 4000, false).0);
    assert!(ask(11, 5000, false).0);
}

#[test]
fn the_other_end_of_a_call_is_heard_while_everybody_else_shouts() {
    let (mut bench, session, tag) = confirmed();
    let (door, mut infos) = (bench.path, 0);
    for round in 0..80 {
        for number in 0..100 {
            speak_from(&mut bench, round * 100 + number);
            let text = if number % 2 == 0 { invite(round * 100 + number) } else { "garbage".to_owned() };
            bench.deliver(&text);
        }
        bench.path = door;
        if round % 10 == 0 {
            let info = Text::new("INFO", "z9hG4bKinfo").inside(&tag).cseq(2 + round as u32).text();
            bench.deliver(&info.replace("z9hG4bKinfo", &format!("z9hG4bKinfo{round}")));
            infos += 1;
        }
        bench.run(ms(100));
    }
    let told = std::iter::from_fn(|| bench.endpoint.poll_event())
        .filter(|event| matches!(event, SessionEvent::Info { .. }) && event.session() == session)
        .count();
    assert_eq!(told, infos);
    assert!(bench.endpoint.busy_sessions() <= MAX_SESSIONS);
    assert!(bench.endpoint.transactions() <= 64 + 256);
    assert!(bench.endpoint.sources() <= MAX_SOURCES);
}

/// The script's phone sends this in its call of this number, and gets these answers.
fn say(bench: &mut Bench, call: u32, text: &Text, expected: &[&str]) {
    let text = text.text().replace("z9hG4bK", &format!("z9hG4bK{call}")).replace("a-call", &format!("call-{call}"));
    bench.deliver(&text);
    assert_eq!(bench.lines(), expected, "call {call}: {text}");
    bench.run(ms(40));
}

/// A device that asks, calls, is answered or gives up, and hangs up, ten times in a few seconds.
fn lively(known: bool) {
    let mut bench = Bench::new();
    if known {
        bench.endpoint.set_known([bench.path.remote.ip()]);
    }
    for call in 0..10 {
        say(&mut bench, call, &Text::new("OPTIONS", "z9hG4bKasks"), &["SIP/2.0 200 OK"]);
        say(&mut bench, call, &Text::new("INVITE", "z9hG4bKcalls").body("offer"), &["SIP/2.0 100 Trying"]);
        let session = bench.event().session();
        if call % 3 == 2 {
            let both = ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"];
            say(&mut bench, call, &Text::new("CANCEL", "z9hG4bKcalls"), &both);
            say(&mut bench, call, &Text::new("ACK", "z9hG4bKcalls"), &[]);
            bench.event();
            continue;
        }
        let now = bench.now;
        bench.endpoint.accept(now, session, sdp("answer"));
        let tag = bench.response().to().tag().expect("a tag").to_owned();
        let inside = |method, branch, cseq| Text::new(method, branch).inside(&tag).cseq(cseq);
        say(&mut bench, call, &inside("ACK", "z9hG4bKconfirms", 1), &[]);
        say(&mut bench, call, &inside("INFO", "z9hG4bKtells", 2), &["SIP/2.0 200 OK"]);
        say(&mut bench, call, &inside("INVITE", "z9hG4bKholds", 3).body("held"), &["SIP/2.0 100 Trying"]);
        let now = bench.now;
        bench.endpoint.answer_offer(now, session, Ok(sdp("held")));
        assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
        say(&mut bench, call, &inside("ACK", "z9hG4bKagrees", 3), &[]);
        say(&mut bench, call, &inside("BYE", "z9hG4bKleaves", 4), &["SIP/2.0 200 OK"]);
        while bench.endpoint.poll_event().is_some() {}
    }
}

#[test]
fn a_lively_device_is_never_refused() {
    lively(true);
    lively(false);
}

/// Everything that the other end of a call sends is heard, even when somebody who forges its address uses up what it may say;
/// and what he guesses of the call changes nothing.
#[test]
fn whoever_forges_the_address_of_the_other_end_neither_ends_the_call_nor_silences_it() {
    let (mut bench, session, tag) = confirmed();
    let forged = [
        Text::new("BYE", "z9hG4bKforged").inside("guessed").cseq(9).text(),
        Text::new("CANCEL", "z9hG4bKforged").text(),
        Text::new("INVITE", "z9hG4bKforged").inside("guessed").cseq(9).body("elsewhere").text(),
        "SIP/2.0 481 Gone".to_owned(),
        "garbage".to_owned(),
    ];
    for round in 0..40 {
        for number in 0..100 {
            bench.deliver(&invite(round * 100 + number));
            bench.deliver(&forged[number % forged.len()].replace("forged", &format!("forged{round}x{number}")));
        }
        while bench.endpoint.poll_transmit().is_some() {}
        let info = Text::new("INFO", "z9hG4bKinfo").inside(&tag).cseq(2 + round as u32).text();
        bench.deliver(&info.replace("z9hG4bKinfo", &format!("z9hG4bKinfo{round}")));
        assert_eq!(bench.lines(), ["SIP/2.0 200 OK"], "round {round}");
        bench.run(ms(100));
    }
    bench.deliver(&Text::new("BYE", "z9hG4bKbye").inside(&tag).cseq(100).text());
    assert_eq!(bench.lines().last().map(String::as_str), Some("SIP/2.0 200 OK"));
    let told = std::iter::from_fn(|| bench.endpoint.poll_event()).filter(|event| event.session() == session);
    let (infos, others): (Vec<_>, Vec<_>) = told.partition(|event| matches!(event, SessionEvent::Info { .. }));
    assert_eq!(infos.len(), 40);
    assert!(matches!(others[..], [SessionEvent::Ended { .. }]), "{others:?}");
}

/// A caller whose INVITE waits for an answer may still take it back, and is told so, whoever else speaks from its address.
#[test]
fn a_caller_who_rings_can_give_up_although_its_share_is_used_up() {
    let (mut bench, session) = super::rung();
    for number in 0..1000 {
        bench.deliver(&format!("garbage {number}"));
    }
    assert_eq!(bench.lines(), [""; 0]);
    bench.deliver(&Text::new("INVITE", "z9hG4bKone").body("offer").text());
    assert_eq!(bench.lines(), ["SIP/2.0 100 Trying"], "the last provisional response again");
    bench.deliver(&Text::new("CANCEL", "z9hG4bKone").text());
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]);
    bench.deliver(&Text::new("ACK", "z9hG4bKone").text());
    assert!(matches!(bench.event(), SessionEvent::Ended { session: own, .. } if own == session));
    bench.run(ms(10_000));
    assert_eq!(bench.lines(), [""; 0], "the ACK was heard: the refusal is not repeated");
}

#[test]
fn a_connection_that_brings_too_much_is_closed() {
    let mut bench = Bench::new();
    bench.path.transport = Transport::Tcp;
    bench.path.flow = Some(FlowId(1));
    let options = Text::new("OPTIONS", "z9hG4bKone").text().repeat(1000);
    bench.deliver(&options);
    assert_eq!(bench.endpoint.poll_close(), Some(FlowId(1)));
    assert!(bench.lines().len() < 400);
    bench.path.flow = Some(FlowId(2));
    bench.path.remote.set_ip([198, 18, 0, 1].into());
    bench.deliver(&Text::new("OPTIONS", "z9hG4bKtwo").text());
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    assert_eq!(bench.endpoint.poll_close(), None);
}
