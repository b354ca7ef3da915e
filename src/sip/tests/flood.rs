//! Too much of everything: what is refused, what is dropped, and who is heard all the same.

use std::net::{IpAddr, SocketAddr};

use super::{Text, confirmed};
use crate::sip::endpoint::MAX_SESSIONS;
use crate::sip::guard::{Flood, MAX_SOURCES};
use crate::sip::path::{FlowId, Transport};
use crate::sip::session::SessionEvent;
use crate::sip::testing::{Bench, ms};

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
