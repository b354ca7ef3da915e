//! Provisional responses of theirs that must arrive (RFC 3262 4): acknowledged once, in order, in their own dialog.

use super::{answer, called};
use crate::sip::message::{Method, Request, Response};
use crate::sip::session::SessionEvent;
use crate::sip::testing::{Bench, DECLINE, invite, keys, ms, sdp};

/// A reliable provisional response of the script's phone.
fn reliable(request: &Request, status: u16, tag: &str, rseq: &str, body: Option<&str>) -> Vec<u8> {
    let mut response = Response::answer(request, status);
    response.set_to_tag(tag);
    response.push_header("Require", "100rel");
    response.push_header("RSeq", rseq);
    response.push_header("Contact", &format!("<sip:{tag}@198.51.100.9>"));
    response.push_header("Record-Route", "<sip:192.0.2.20;lr>, <sip:192.0.2.10:5070;lr>");
    if let Some(body) = body {
        response.set_body("application/sdp", body.as_bytes().to_vec());
    }
    response.to_bytes()
}

#[test]
fn a_reliable_response_is_acknowledged_once_in_its_own_dialog() {
    let (mut bench, session, invite) = called();
    assert_eq!(invite.headers("Supported").collect::<Vec<_>>(), ["100rel", "timer"]);
    bench.deliver_bytes(&reliable(&invite, 183, "one", "700", Some("early")));
    let transmit = bench.transmit();
    assert_eq!(transmit.path.remote.to_string(), "192.0.2.10:5070");
    let text = String::from_utf8(transmit.bytes).expect("text");
    assert!(text.starts_with("PRACK sip:one@198.51.100.9 SIP/2.0\r\n"), "{text}");
    assert!(text.contains("\r\nRoute: <sip:192.0.2.10:5070;lr>\r\nRoute: <sip:192.0.2.20;lr>\r\n"), "{text}");
    let cseq = invite.cseq().0;
    assert!(text.contains(&format!("\r\nRAck: 700 {cseq} INVITE\r\n")), "{text}");
    assert!(text.contains(&format!("\r\nCSeq: {} PRACK\r\n", cseq + 1)), "{text}");
    assert!(matches!(bench.event(), SessionEvent::Progress { status: 183, body: Some(_), .. }));
    // A repetition, an older one and one before its time: neither acknowledged nor told.
    for number in ["700", "699", "702"] {
        bench.deliver_bytes(&reliable(&invite, 180, "one", number, None));
        assert!(bench.is_quiet(), "{number}");
    }
    bench.deliver_bytes(&reliable(&invite, 180, "one", "701", None));
    assert_eq!(bench.request().header("RAck"), Some(format!("701 {cseq} INVITE").as_str()));
    assert!(matches!(bench.event(), SessionEvent::Progress { status: 180, body: None, .. }));
    // Another branch counts for itself.
    bench.deliver_bytes(&reliable(&invite, 180, "two", "5", None));
    let prack = bench.request();
    assert_eq!((prack.header("RAck"), prack.cseq().0), (Some(format!("5 {cseq} INVITE").as_str()), cseq + 1));
    // The answer is there: what the 200 says again is not looked at.
    bench.event();
    bench.deliver_bytes(&{
        let mut ok = Response::answer(&invite, 200);
        ok.set_to_tag("one");
        ok.set_body("application/sdp", b"other".to_vec());
        ok.to_bytes()
    });
    assert!(matches!(bench.event(), SessionEvent::Answered { body: None, .. }));
    let now = bench.now;
    bench.endpoint.end(now, session, DECLINE);
    assert_eq!(*bench.request().method(), Method::Ack);
    assert_eq!(bench.request().cseq(), (cseq + 3, Method::Bye));
}

#[test]
fn a_lost_prack_is_sent_again_and_its_failure_does_not_end_the_call() {
    let (mut bench, session, invite) = called();
    bench.deliver_bytes(&reliable(&invite, 180, "one", "1", None));
    bench.run(ms(40_000));
    assert!(bench.lines().iter().filter(|line| line.starts_with("PRACK")).count() > 5);
    bench.deliver_bytes(&answer(&invite, 200, "one", &[]));
    bench.event();
    assert!(matches!(bench.event(), SessionEvent::Answered { .. }));
    assert_eq!(bench.endpoint.busy_sessions(), 1);
    let now = bench.now;
    bench.endpoint.end(now, session, DECLINE);
}

#[test]
fn a_branch_that_is_not_wanted_is_ended_with_the_number_after_its_prack() {
    // The 200 crosses the CANCEL.
    let (mut bench, session, invite) = called();
    for number in ["1", "2"] {
        bench.deliver_bytes(&reliable(&invite, 180, "one", number, None));
        assert_eq!(*bench.request().method(), Method::Prack);
    }
    let now = bench.now;
    bench.endpoint.end(now, session, DECLINE);
    assert_eq!(*bench.request().method(), Method::Cancel);
    bench.deliver_bytes(&answer(&invite, 200, "one", &[]));
    assert_eq!(bench.request().cseq(), (invite.cseq().0, Method::Ack));
    assert_eq!(bench.request().cseq(), (invite.cseq().0 + 3, Method::Bye));

    // Another branch was quicker.
    let (mut bench, _, invite) = called();
    bench.deliver_bytes(&reliable(&invite, 180, "one", "1", None));
    assert_eq!(*bench.request().method(), Method::Prack);
    bench.deliver_bytes(&answer(&invite, 200, "two", &[]));
    assert_eq!(*bench.request().method(), Method::Ack);
    bench.deliver_bytes(&answer(&invite, 200, "one", &[]));
    assert_eq!(bench.request().cseq(), (invite.cseq().0, Method::Ack));
    assert_eq!(bench.request().cseq(), (invite.cseq().0 + 2, Method::Bye));
}

#[test]
fn a_prack_that_was_overtaken_goes_again() {
    let mut bench = Bench::new();
    let (now, path) = (bench.now, bench.path);
    let session = bench.endpoint.invite(now, invite(path, None));
    let request = bench.request();
    let early = reliable(&request, 183, "one", "1", Some("theirs"));
    bench.deliver_bytes(&early);
    bench.endpoint.answer_offer(now, session, Ok(sdp("ours")));
    let first = bench.request();
    bench.deliver_bytes(&early);
    assert!(bench.endpoint.poll_transmit().is_none());
    bench.deliver_bytes(&answer(&first, 500, "", &[]));
    bench.deliver_bytes(&early);
    let again = bench.request();
    assert_eq!((again.header("RAck"), again.body()), (first.header("RAck"), &b"ours"[..]));
    assert_eq!(again.cseq().0, first.cseq().0 + 1);
    bench.deliver_bytes(&answer(&again, 200, "", &[]));
    bench.deliver_bytes(&early);
    assert!(bench.endpoint.poll_transmit().is_none());
}

#[test]
fn the_branch_may_move_with_each_response() {
    let (mut bench, session, invite) = called();
    for (number, host) in [("1", "198.51.100.21"), ("2", "198.51.100.22")] {
        let contact = format!("<sip:door@{host}>");
        let extra = [("Require", "100rel"), ("RSeq", number), ("Contact", contact.as_str())];
        bench.deliver_bytes(&answer(&invite, 180, "one", &extra));
        assert_eq!(bench.transmit().path.remote.ip().to_string(), host);
    }
    let now = bench.now;
    bench.endpoint.info(now, session, &keys("key"));
    assert_eq!(bench.transmit().path.remote.ip().to_string(), "198.51.100.22");
}

#[test]
fn a_late_481_to_a_prack_does_not_end_the_session() {
    let (mut bench, _, invite) = called();
    bench.deliver_bytes(&reliable(&invite, 180, "one", "1", None));
    let prack = bench.request();
    bench.deliver_bytes(&answer(&invite, 200, "one", &[]));
    bench.lines();
    bench.deliver_bytes(&answer(&prack, 481, "", &[]));
    assert!(bench.endpoint.poll_transmit().is_none());
    assert_eq!(bench.endpoint.busy_sessions(), 1);
}

#[test]
fn a_peer_that_counts_without_end_fills_nothing() {
    let (mut bench, _, invite) = called();
    let mut sent = Vec::new();
    for number in 1..=20_u32 {
        bench.deliver_bytes(&reliable(&invite, 180, "one", &number.to_string(), None));
        while let Some(transmit) = bench.endpoint.poll_transmit() {
            sent.push(transmit);
        }
    }
    assert_eq!((sent.len(), bench.endpoint.transactions()), (4, 5));
    // One is answered, so that the next may come.
    let Ok(crate::sip::message::Message::Request(prack)) = crate::sip::wire::parse_datagram(&sent[0].bytes) else {
        panic!()
    };
    bench.deliver_bytes(&answer(&prack, 200, "", &[]));
    bench.deliver_bytes(&reliable(&invite, 180, "one", "5", None));
    assert_eq!(bench.request().header("RAck"), Some(format!("5 {} INVITE", invite.cseq().0).as_str()));
}

#[test]
fn what_has_no_proper_number_is_not_reliable() {
    for number in ["0", "-1", "4294967296", "one", ""] {
        let (mut bench, _, invite) = called();
        bench.deliver_bytes(&reliable(&invite, 183, "one", number, Some("early")));
        assert!(bench.lines().is_empty(), "{number}");
        assert!(matches!(bench.event(), SessionEvent::Progress { body: Some(_), .. }));
    }
    // The greatest number is the last one.
    let (mut bench, _, invite) = called();
    bench.deliver_bytes(&reliable(&invite, 180, "one", "4294967295", None));
    assert_eq!(bench.lines().len(), 1);
    bench.deliver_bytes(&reliable(&invite, 180, "one", "1", None));
    assert!(bench.lines().is_empty());
}

#[test]
fn their_offer_in_a_reliable_response_is_answered_in_the_prack() {
    let mut bench = Bench::new();
    let (now, path) = (bench.now, bench.path);
    let session = bench.endpoint.invite(now, invite(path, None));
    let request = bench.request();
    bench.deliver_bytes(&reliable(&request, 183, "one", "1", Some("theirs")));
    assert!(bench.endpoint.poll_transmit().is_none());
    assert!(matches!(bench.event(), SessionEvent::Progress { status: 183, body: None, .. }));
    let SessionEvent::Offer { body, .. } = bench.event() else { panic!() };
    assert_eq!(body, Some(sdp("theirs")));
    bench.endpoint.answer_offer(now, session, Ok(sdp("ours")));
    let prack = bench.request();
    assert_eq!((prack.method(), prack.body()), (&Method::Prack, &b"ours"[..]));
    bench.deliver_bytes(&answer(&request, 200, "one", &[]));
    let ack = bench.request();
    assert_eq!((ack.method(), ack.body().len()), (&Method::Ack, 0));
    assert!(matches!(bench.event(), SessionEvent::Answered { body: None, .. }));
}
