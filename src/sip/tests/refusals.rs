//! What strangers get, and that they leave nothing behind.

use super::{Text, accepted, confirmed, rung};
use crate::sip::session::context::ALLOW;
use crate::sip::testing::{Bench, ms};

/// What a fresh endpoint answers, and that it remembers nothing.
pub(super) fn answered(text: &Text) -> crate::sip::message::Response {
    let mut bench = Bench::new();
    bench.deliver(&text.text());
    let response = bench.response();
    assert!(bench.is_quiet());
    assert_eq!((bench.endpoint.transactions(), bench.endpoint.busy_sessions()), (0, 0));
    // A repetition gets the same answer, tag included.
    bench.deliver(&text.text());
    assert_eq!(bench.response().to_bytes(), response.to_bytes());
    assert!(response.to().tag().is_some());
    response
}

#[test]
fn unknown_and_unwanted_methods_are_told_what_is_allowed() {
    for (method, status) in [
        ("MESSAGE", 405),
        ("REGISTER", 405),
        ("REFER", 405),
        ("PUBLISH", 405),
        ("SUBSCRIBE", 405),
        ("BREW", 501),
        ("invite", 501),
    ] {
        let response = answered(&Text::new(method, "z9hG4bKm"));
        assert_eq!(response.status(), status, "{method}");
        let allowed: Vec<String> = response.headers("Allow").map(|method| method.to_string()).collect();
        assert_eq!(allowed.join(", "), ALLOW);
    }
}

#[test]
fn events_are_neither_given_nor_taken() {
    let response = answered(&Text::new("SUBSCRIBE", "z9hG4bKm").extra("Event: presence"));
    assert_eq!((response.status(), response.reason()), (405, "Method Not Allowed"));
    assert_eq!(answered(&Text::new("NOTIFY", "z9hG4bKm").extra("Event: check-sync")).status(), 481);
}

#[test]
fn what_is_refused_inside_a_dialog_leaves_the_dialog() {
    let (mut bench, session, tag) = confirmed();
    for (method, status) in [("REFER", 405), ("MESSAGE", 405), ("SUBSCRIBE", 405), ("NOTIFY", 481), ("BREW", 501)] {
        bench.deliver(&Text::new(method, "z9hG4bKm").cseq(5).inside(&tag).extra("Refer-To: <sip:x@h>").text());
        assert_eq!(bench.response().status(), status, "{method}");
    }
    assert!(bench.is_quiet());
    let now = bench.now;
    bench.endpoint.info(now, session, &crate::sip::testing::keys("still here"));
    assert_eq!(*bench.request().method(), crate::sip::message::Method::Info);
}

#[test]
fn requests_of_no_dialog_are_answered_481() {
    for method in ["BYE", "INFO", "UPDATE", "PRACK"] {
        assert_eq!(answered(&Text::new(method, "z9hG4bKm")).status(), 481, "{method}");
        assert_eq!(answered(&Text::new(method, "z9hG4bKm").inside("nobody")).status(), 481, "{method}");
    }
    assert_eq!(answered(&Text::new("INVITE", "z9hG4bKm").inside("nobody").body("offer")).status(), 481);
    let mut bench = Bench::new();
    bench.deliver(&Text::new("ACK", "z9hG4bKm").inside("nobody").text());
    assert!(bench.is_quiet());
}

#[test]
fn a_required_extension_is_named_as_unsupported() {
    for method in ["INVITE", "OPTIONS"] {
        let response =
            answered(&Text::new(method, "z9hG4bKm").extra("Require: foo, 100rel").extra("Require: sec-agree"));
        assert_eq!(response.status(), 420);
        let named: Vec<String> = response.headers("Unsupported").map(|tag| tag.to_string()).collect();
        assert_eq!(named, ["foo", "sec-agree"]);
    }
}

#[test]
fn what_the_parser_refuses_is_answered_where_its_via_says() {
    let mut bench = Bench::new();
    bench.path.remote.set_port(6000);
    let text = Text::new("INVITE", "z9hG4bKm").via_tail("").body("offer").text().replace("CSeq: 1", "CSeq: -1");
    bench.deliver(&text);
    let refused = bench.transmit();
    assert_eq!(refused.path.remote.to_string(), "198.51.100.7:5060");
    let tag_of = |bytes: &[u8]| {
        let text = String::from_utf8(bytes.to_vec()).expect("text");
        assert!(text.starts_with("SIP/2.0 400 "), "{text}");
        text.split("To: <sip:panel@192.0.2.1>;tag=").nth(1).expect("a tag").chars().take(16).collect::<String>()
    };
    bench.deliver(&text);
    let repeated = bench.transmit();
    assert_eq!(repeated.bytes, refused.bytes);
    bench.deliver(&text.replace("a-call", "another"));
    assert_ne!(tag_of(&bench.transmit().bytes), tag_of(&refused.bytes));
    // By rport.
    bench.deliver(&text.replace("z9hG4bKm", "z9hG4bKm;rport"));
    let refused = bench.transmit();
    assert_eq!(refused.path.remote.to_string(), "198.51.100.7:6000");
    assert!(String::from_utf8(refused.bytes).expect("text").contains(";rport=6000;received=198.51.100.7\r\n"));
    assert!(bench.is_quiet());
}

#[test]
fn a_uri_of_another_scheme_is_answered_416() {
    let mut bench = Bench::new();
    let text = Text::new("OPTIONS", "z9hG4bKm").text();
    bench.deliver(&text.replace("OPTIONS sip:panel@192.0.2.1", "OPTIONS tel:+4930123"));
    assert_eq!(bench.lines(), ["SIP/2.0 416 Unsupported URI Scheme"]);
}

#[test]
fn the_same_invite_by_another_way_is_answered_482() {
    let (mut bench, _) = rung();
    bench.deliver(&Text::new("INVITE", "z9hG4bKother").body("offer").text());
    assert_eq!(bench.lines(), ["SIP/2.0 482 Loop Detected"]);
    assert!(bench.endpoint.poll_event().is_none());
}

#[test]
fn what_meets_silence_meets_it_by_every_way() {
    let (mut bench, session) = rung();
    let now = bench.now;
    bench.endpoint.drop_silently(now, session);
    bench.deliver(&Text::new("INVITE", "z9hG4bKother").body("offer").text());
    bench.deliver(&Text::new("CANCEL", "z9hG4bKone").text());
    assert!(bench.is_quiet());
}

#[test]
fn a_transaction_is_its_branch_its_sender_and_its_method() {
    let (mut bench, _) = rung();
    let invite = Text::new("INVITE", "z9hG4bKone").body("offer").text();
    // Another sender with the same branch and another call.
    let other = invite.replace("UDP 198.51.100.7:5060", "UDP 198.51.100.8:5060").replace("a-call", "another");
    bench.deliver(&other);
    bench.event();
    assert_eq!(bench.lines(), ["SIP/2.0 100 Trying"]);
    // Another method on the same branch.
    bench.deliver(&Text::new("OPTIONS", "z9hG4bKone").text());
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    // The host's case does not matter, nor a default port that is not written.
    bench.deliver(&invite.replace("UDP 198.51.100.7:5060", "UDP 198.51.100.7"));
    assert_eq!(bench.lines(), ["SIP/2.0 100 Trying"]);
    assert!(bench.endpoint.poll_event().is_none());
}

#[test]
fn a_response_with_another_sent_by_is_not_ours() {
    let (mut bench, _, invite) = super::called();
    let text = String::from_utf8(super::answer(&invite, 180, "x", &[])).expect("text");
    bench.deliver_bytes(text.replace("UDP 192.0.2.1:5060", "UDP 192.0.2.99:5060").as_bytes());
    assert!(bench.endpoint.poll_event().is_none());
    bench.deliver_bytes(text.as_bytes());
    assert!(bench.endpoint.poll_event().is_some());
}

/// What has our branch and is the answer to another request is no answer: of INVITE, of what is sent in a dialog, and of what
/// is sent outside.
#[test]
fn a_response_that_does_not_repeat_the_request_is_not_ours() {
    let strangers = |request: &crate::sip::message::Request| {
        let text = String::from_utf8(super::answer(request, 200, "x", &[])).expect("text");
        let (call_id, tag) = (request.call_id(), request.from().tag().expect("a tag"));
        let (number, method) = request.cseq();
        let changed = [
            text.replace(call_id, "another"),
            text.replace(&format!(";tag={tag}"), ";tag=another"),
            text.replace(&format!(";tag={tag}"), ""),
            text.replace(&format!("CSeq: {number} "), &format!("CSeq: {} ", number + 1)),
            text.replace(&format!("CSeq: {number} {method}"), &format!("CSeq: {number} REFER")),
        ];
        assert!(changed.iter().all(|other| *other != text));
        (changed, text)
    };
    let (mut bench, _, invite) = super::called();
    let (others, own) = strangers(&invite);
    for other in others {
        bench.deliver_bytes(other.as_bytes());
        assert!(bench.is_quiet(), "{other}");
    }
    bench.deliver_bytes(own.as_bytes());
    assert!(matches!(bench.event(), crate::sip::session::SessionEvent::Answered { .. }));
    assert!(bench.lines()[0].starts_with("ACK "));

    let (mut bench, session, _) = confirmed();
    let now = bench.now;
    bench.endpoint.info(now, session, &crate::sip::testing::keys("key"));
    let (others, own) = strangers(&bench.request());
    for other in others {
        bench.deliver_bytes(other.as_bytes());
        assert!(bench.is_quiet(), "{other}");
    }
    bench.deliver_bytes(own.as_bytes());
    assert!(matches!(bench.event(), crate::sip::session::SessionEvent::InfoAnswered { result: Ok(()), .. }));
}

#[test]
fn a_repeated_invite_gets_the_last_provisional_response_again() {
    let (mut bench, session) = rung();
    let invite = Text::new("INVITE", "z9hG4bKone").body("offer").text();
    bench.deliver(&invite);
    assert_eq!(bench.lines(), ["SIP/2.0 100 Trying"]);
    let now = bench.now;
    bench.endpoint.ring(now, session, None);
    bench.lines();
    bench.deliver(&invite);
    assert_eq!(bench.lines(), ["SIP/2.0 180 Ringing"]);
    bench.endpoint.accept(now, session, crate::sip::testing::sdp("answer"));
    bench.lines();
    // Now the 200 is repeated by its own clock.
    bench.deliver(&invite);
    assert!(bench.is_quiet());
}

#[test]
fn a_late_repetition_of_a_refused_invite_does_not_ring_again() {
    let (mut bench, session) = rung();
    let now = bench.now;
    bench.endpoint.end(now, session, crate::sip::session::End { code: 486 });
    bench.event();
    bench.deliver(&Text::new("ACK", "z9hG4bKone").inside("any").text());
    bench.lines();
    bench.run(ms(4_900));
    bench.deliver(&Text::new("INVITE", "z9hG4bKone").body("offer").text());
    assert!(bench.is_quiet());
    bench.run(ms(200));
    assert_eq!(bench.endpoint.transactions(), 0);
}

#[test]
fn a_peer_of_rfc_2543_is_understood() {
    // No branch, no From tag.
    let old = |text: String| text.replace(";branch=old", "").replace(";tag=door", "");
    let mut bench = Bench::new();
    let invite = old(Text::new("INVITE", "old").via_tail("").body("offer").text());
    bench.deliver(&invite);
    bench.deliver(&invite);
    assert_eq!(bench.lines(), ["SIP/2.0 100 Trying", "SIP/2.0 100 Trying"]);
    let session = bench.event().session();
    assert!(bench.is_quiet());
    let now = bench.now;
    bench.endpoint.accept(now, session, crate::sip::testing::sdp("answer"));
    let tag = bench.response().to().tag().expect("a tag").to_owned();
    bench.deliver(&old(Text::new("ACK", "old").via_tail("").inside(&tag).text()));
    assert!(matches!(bench.event(), crate::sip::session::SessionEvent::Confirmed { .. }));
    bench.deliver(&old(Text::new("BYE", "old").via_tail("").cseq(2).inside(&tag).text()));
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
}

#[test]
fn a_peer_of_rfc_2543_cancels_and_acknowledges() {
    // Its Via as it stands, with a wish for the port, and under a name.
    for (tail, host) in [("", "198.51.100.7:5060"), (";rport", "198.51.100.7:5060"), ("", "pbx.example")] {
        let old = |text: &Text| {
            let text = text.text().replace(";branch=old", "").replace(";tag=door", "");
            text.replace("198.51.100.7:5060", host)
        };
        for (refusal, method) in [("SIP/2.0 487 Request Terminated", "CANCEL"), ("SIP/2.0 486 Busy Here", "")] {
            let mut bench = Bench::new();
            let invite = old(&Text::new("INVITE", "old").via_tail(tail).body("offer"));
            bench.deliver(&invite);
            let session = bench.event().session();
            bench.lines();
            if method.is_empty() {
                let now = bench.now;
                bench.endpoint.end(now, session, crate::sip::session::End { code: 486 });
            } else {
                bench.deliver(&old(&Text::new(method, "old").via_tail(tail)));
                assert_eq!(bench.response().status(), 200, "{tail} {host}");
            }
            bench.run(ms(600));
            assert_eq!(bench.lines(), [refusal; 2], "{tail} {host}");
            // The INVITE again, late: the refusal again, no second call.
            bench.deliver(&invite);
            assert_eq!(bench.lines(), [refusal]);
            bench.deliver(&old(&Text::new("ACK", "old").via_tail(tail).inside("any")));
            bench.run(ms(40_000));
            assert!(bench.lines().is_empty());
            assert_eq!(bench.endpoint.transactions(), 0);
        }
    }
}

#[test]
fn what_a_via_claims_of_its_source_is_overwritten() {
    let mut bench = Bench::new();
    bench.path.remote.set_port(6000);
    bench.deliver(&Text::new("OPTIONS", "z9hG4bKo").via_tail(";rport=99;received=203.0.113.9").text());
    let transmit = bench.transmit();
    assert_eq!(transmit.path.remote.to_string(), "198.51.100.7:6000");
    let text = String::from_utf8(transmit.bytes).expect("text");
    assert!(text.contains(";rport=6000;received=198.51.100.7\r\n"), "{text}");
}

#[test]
fn by_ipv6_the_source_is_noted_without_brackets() {
    let mut bench = Bench::new();
    bench.path.local = "[2001:db8::1]:5060".parse().expect("an address");
    bench.path.remote = "[2001:db8::7]:6000".parse().expect("an address");
    let text = Text::new("OPTIONS", "z9hG4bKo").text();
    bench.deliver(&text.replace("UDP 198.51.100.7:5060", "UDP [2001:db8::8]:5060"));
    let transmit = bench.transmit();
    assert_eq!(transmit.path, bench.path);
    let text = String::from_utf8(transmit.bytes).expect("text");
    assert!(text.contains(";received=2001:db8::7"), "{text}");
}

#[test]
fn responses_go_where_rfc_3261_and_rfc_3581_say() {
    for (via, tail, expected) in [
        ("198.51.100.7:5060", ";rport", "198.51.100.7:6000"),
        ("198.51.100.7:5070", "", "198.51.100.7:5070"),
        ("198.51.100.7", "", "198.51.100.7:5060"),
        ("10.0.0.5:5070", "", "198.51.100.7:5070"),
        ("door.invalid:5070", ";maddr=203.0.113.1", "198.51.100.7:5070"),
        ("10.0.0.5:5070", ";rport", "198.51.100.7:6000"),
    ] {
        let mut bench = Bench::new();
        bench.path.remote.set_port(6000);
        let text = Text::new("OPTIONS", "z9hG4bKo").via_tail(tail).text();
        bench.deliver(&text.replace("UDP 198.51.100.7:5060", &format!("UDP {via}")));
        let transmit = bench.transmit();
        assert_eq!(transmit.path.remote.to_string(), expected, "{via}{tail}");
        let text = String::from_utf8(transmit.bytes).expect("text");
        let via_line = text.lines().find(|line| line.starts_with("Via")).expect("a Via").to_owned();
        let asks = tail == ";rport";
        assert_eq!(via_line.contains(";rport=6000"), asks, "{via_line}");
        let differs = !via.starts_with("198.51.100.7");
        assert_eq!(via_line.contains(";received=198.51.100.7"), differs || asks, "{via_line}");
    }
}

#[test]
fn a_bye_crossing_ours_is_answered() {
    let (mut bench, session, tag) = accepted();
    bench.deliver(&Text::new("ACK", "z9hG4bKack").inside(&tag).text());
    let now = bench.now;
    bench.endpoint.end(now, session, crate::sip::testing::DECLINE);
    bench.lines();
    bench.deliver(&Text::new("BYE", "z9hG4bKb").cseq(2).inside(&tag).text());
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
}
