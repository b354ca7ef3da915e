//! What requests carry: what is understood, what is refused, and why.

use super::refusals::answered;
use super::{Text, confirmed, rung, rung_reliably};
use crate::sip::session::{Rejection, SessionEvent, Warning};
use crate::sip::testing::{Bench, sdp};

#[test]
fn an_unreadable_body_is_answered_415() {
    let text = Text::new("INVITE", "z9hG4bKm").body("offer");
    assert_eq!(answered(&text.extra("Content-Encoding: gzip")).status(), 415);
    let mut bench = Bench::new();
    bench.deliver(&Text::new("INVITE", "z9hG4bKm").body("offer").text().replace("application/sdp", "text/plain"));
    let response = bench.response();
    assert_eq!((response.status(), response.header("Accept")), (415, Some("application/sdp")));
}

/// In a call: what it carries is either understood or refused, and what need not be understood is let pass.
#[test]
fn in_a_call_an_unreadable_body_is_answered_415() {
    const KEYS: &str = "application/dtmf-relay, application/dtmf, application/media_control+xml";
    const SDP: &str = "application/sdp";
    for (method, kind, accepted) in [
        ("INFO", "text/plain", Err(KEYS)),
        ("INFO", "application/sdp", Err(KEYS)),
        ("INFO", "application/dtmf-relay\nContent-Encoding: gzip", Err(KEYS)),
        ("INFO", "application/dtmf-relay", Ok(())),
        ("INFO", "Application/DTMF;x=y\nContent-Encoding: identity", Ok(())),
        ("INFO", "application/media_control+xml", Ok(())),
        ("INFO", "text/plain\nContent-Disposition: render;handling=optional", Ok(())),
        ("OPTIONS", "text/plain", Err(SDP)),
        ("OPTIONS", "application/sdp\nContent-Encoding: gzip", Err(SDP)),
        ("OPTIONS", "application/sdp", Ok(())),
        ("UPDATE", "text/plain", Err(SDP)),
        ("INVITE", "application/sdp\nContent-Encoding: gzip", Err(SDP)),
    ] {
        let (mut bench, _, tag) = confirmed();
        let text = Text::new(method, "z9hG4bKm").cseq(2).inside(&tag).body("5").text();
        bench.deliver(&text.replace("Content-Type: application/sdp", &format!("Content-Type: {kind}")));
        let response = bench.response();
        let expected = if accepted.is_ok() { 200 } else { 415 };
        assert_eq!(response.status(), expected, "{method} {kind}");
        assert_eq!(response.header("Accept-Encoding").filter(|_| expected == 415), accepted.err().map(|_| "identity"));
        if let Err(accept) = accepted {
            assert_eq!(response.header("Accept"), Some(accept), "{method} {kind}");
            assert!(bench.is_quiet(), "{method} {kind}: refused and told");
        }
        // Refused or not, the call goes on, and a BYE ends it whatever it carries.
        let bye = Text::new("BYE", "z9hG4bKb").cseq(3).inside(&tag).body("x").text();
        bench.deliver(&bye.replace("application/sdp", "text/plain\nContent-Encoding: gzip"));
        assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    }
    let text = Text::new("OPTIONS", "z9hG4bKo").body("x").text().replace("application/sdp", "text/plain");
    let mut bench = Bench::new();
    bench.deliver(&text);
    assert_eq!(bench.lines(), ["SIP/2.0 415 Unsupported Media Type"]);
    // A package is refused for what it is, whatever its body.
    let (mut bench, _, tag) = confirmed();
    let text = Text::new("INFO", "z9hG4bKi").cseq(2).inside(&tag).extra("Info-Package: x").body("x").text();
    bench.deliver(&text.replace("application/sdp", "application/x"));
    assert_eq!(bench.lines(), ["SIP/2.0 469 Bad Info Package"]);
}

#[test]
fn a_description_among_other_parts_is_an_offer() {
    let parts = "--b\nContent-Type: text/plain\n\nhello\n--b\nContent-Type: application/sdp\n\noffer\n--b--\n";
    let by = |kind: &str, parts: &str| {
        let text = Text::new("INVITE", "z9hG4bKm").extra(&format!("Content-Type: {kind}")).text();
        let parts = parts.replace('\n', "\r\n");
        let mut bench = Bench::new();
        let head = text.replace("Length: 0", &format!("Length: {}", parts.len())).replace('\n', "\r\n");
        bench.deliver_bytes(&[head.as_bytes(), parts.as_bytes()].concat());
        bench
    };
    let mut bench = by("multipart/mixed; boundary=\"b\"", parts);
    assert_eq!(bench.lines(), ["SIP/2.0 100 Trying"]);
    let SessionEvent::Incoming { request, .. } = bench.event() else { panic!("no call") };
    assert_eq!(request.offer, Some(sdp("offer")));
    assert_eq!(by("multipart/mixed; boundary=other", parts).response().status(), 415);
    assert_eq!(by("application/pkcs7-mime; smime-type=enveloped-data", "x").response().status(), 493);
    // What may be ignored is.
    let mut bench = by("text/plain\nContent-Disposition: render ; handling = Optional", "x");
    assert_eq!(bench.lines(), ["SIP/2.0 100 Trying"]);
    let SessionEvent::Incoming { request, .. } = bench.event() else { panic!("no call") };
    assert_eq!(request.offer, None);
}

#[test]
fn an_encrypted_body_is_answered_493() {
    let text = Text::new("INVITE", "z9hG4bKm").body("secret").text();
    let mut bench = Bench::new();
    bench.deliver(&text.replace("application/sdp", "application/pkcs7-mime; smime-type=enveloped-data"));
    assert_eq!(bench.lines(), ["SIP/2.0 493 Undecipherable"]);
}

#[test]
fn who_reads_no_descriptions_is_answered_406() {
    for (accept, status) in [
        ("application/sdp", 100),
        ("text/plain, */*", 100),
        ("application/*;q=0.5", 100),
        ("text/plain", 406),
        ("application/sdp;q=0, text/plain", 406),
        ("", 406),
    ] {
        let mut bench = Bench::new();
        bench.deliver(&Text::new("INVITE", "z9hG4bKm").body("offer").extra(&format!("Accept: {accept}")).text());
        assert_eq!(bench.response().status(), status, "{accept}");
    }
}

/// RFC 3261 20.43, 21.4.1, 21.4.26: in one way, whatever carried the offer.
#[test]
fn who_is_refused_for_a_description_is_told_why() {
    let because = |status, code, text| Rejection { status, warning: Some(Warning { code, text }) };
    for (refusal, line, warning) in [
        (
            because(488, 305, "incompatible media format"),
            "488 Not Acceptable Here",
            Some("305 192.0.2.1:5060 \"incompatible media format\""),
        ),
        (because(400, 399, "unreadable"), "400 Bad Request (unreadable)", Some("399 192.0.2.1:5060 \"unreadable\"")),
        (
            Rejection::from(488),
            "488 Not Acceptable Here",
            Some("399 192.0.2.1:5060 \"this session cannot be had here\""),
        ),
        (Rejection::from(480), "480 Temporarily Unavailable", None),
    ] {
        let refused = |bench: &mut Bench| {
            let response = bench.response();
            assert_eq!(format!("{} {}", response.status(), response.reason()), line);
            assert_eq!(response.header("Warning"), warning);
        };
        let (mut bench, session) = rung();
        let now = bench.now;
        bench.endpoint.reject(now, session, refusal);
        refused(&mut bench);
        for method in ["INVITE", "UPDATE"] {
            let (mut bench, session, tag) = confirmed();
            bench.deliver(&Text::new(method, "z9hG4bKm").cseq(2).inside(&tag).body("hold").text());
            bench.endpoint.answer_offer(now, session, Err(refusal));
            let trying = usize::from(method == "INVITE");
            assert!((0..trying).all(|_| bench.response().status() == 100));
            refused(&mut bench);
        }
    }
}

/// A PRACK that was refused for such a reason would leave our response without its acknowledgement.
#[test]
fn what_is_answered_without_a_description_may_accept_anything() {
    let (mut bench, _, _, prack) = rung_reliably(&["Require: 100rel"]);
    bench.deliver(&prack.replace("Max-Forwards", "Accept: text/plain\nMax-Forwards"));
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    for (body, line) in [("", "SIP/2.0 200 OK"), ("hold", "SIP/2.0 406 Not Acceptable")] {
        let (mut bench, _, tag) = confirmed();
        let update = Text::new("UPDATE", "z9hG4bKu").cseq(2).inside(&tag).extra("Accept: text/plain");
        bench.deliver(&if body.is_empty() { update } else { update.body(body) }.text());
        assert_eq!(bench.lines(), [line]);
    }
}
