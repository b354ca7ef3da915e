//! One INVITE, several phones.

use super::{answer, called};
use crate::sip::message::Method;
use crate::sip::session::SessionEvent;
use crate::sip::testing::{DECLINE, keys, ms, sdp};

const FIRST: [(&str, &str); 1] = [("Contact", "<sip:first@198.51.100.11>")];
const SECOND: [(&str, &str); 1] = [("Contact", "<sip:second@198.51.100.12>")];

#[test]
fn the_second_acceptance_is_acknowledged_and_ended_and_the_first_stays() {
    let (mut bench, session, invite) = called();
    bench.deliver_bytes(&answer(&invite, 180, "first", &FIRST));
    bench.deliver_bytes(&answer(&invite, 180, "second", &SECOND));
    bench.deliver_bytes(&answer(&invite, 200, "second", &SECOND));
    assert_eq!(bench.request().uri().user(), Some("second"));
    for _ in 0..3 {
        assert_eq!(bench.event().session(), session);
    }
    bench.deliver_bytes(&answer(&invite, 200, "first", &FIRST));
    let (ack, bye) = (bench.request(), bench.request());
    assert_eq!((ack.method(), bye.method()), (&Method::Ack, &Method::Bye));
    assert_eq!((ack.to().tag(), bye.to().tag()), (Some("first"), Some("first")));
    assert_eq!(bye.uri().user(), Some("first"));
    // Both 200 come again: one ACK each.
    bench.deliver_bytes(&answer(&invite, 200, "first", &FIRST));
    bench.deliver_bytes(&answer(&invite, 200, "second", &SECOND));
    assert_eq!(bench.request().to().tag(), Some("first"));
    assert_eq!(bench.request().to().tag(), Some("second"));
    assert!(bench.is_quiet());
    let now = bench.now;
    bench.endpoint.end(now, session, DECLINE);
    assert_eq!(bench.request().to().tag(), Some("second"));
}

#[test]
fn an_acceptance_after_the_session_has_gone_is_ended_too() {
    let (mut bench, session, invite) = called();
    bench.deliver_bytes(&answer(&invite, 200, "second", &SECOND));
    bench.request();
    let now = bench.now;
    bench.endpoint.end(now, session, DECLINE);
    let bye = bench.request();
    bench.deliver_bytes(&answer(&bye, 200, "", &[]));
    assert_eq!(bench.endpoint.busy_sessions(), 0);
    bench.deliver_bytes(&answer(&invite, 200, "first", &FIRST));
    assert_eq!(bench.lines().len(), 2);
    // 64*T1 later nobody is left to hear it.
    bench.run(ms(70_000));
    bench.lines();
    bench.deliver_bytes(&answer(&invite, 200, "third", &FIRST));
    assert!(bench.lines().is_empty());
}

#[test]
fn endless_branches_are_not_followed() {
    let (mut bench, _, invite) = called();
    let mut sent = 0;
    for index in 0..500 {
        bench.deliver_bytes(&answer(&invite, 200, &format!("branch{index}"), &FIRST));
        sent += bench.lines().len();
    }
    assert_eq!(sent, 2 * crate::sip::transaction::invite_client::MAX_BRANCHES - 1);
}

/// A response with a session description.
fn described(request: &crate::sip::message::Request, status: u16, tag: &str, body: &str) -> Vec<u8> {
    let mut response = crate::sip::message::Response::answer(request, status);
    response.set_to_tag(tag);
    response.set_body("application/sdp", body.as_bytes().to_vec());
    response.to_bytes()
}

#[test]
fn the_early_media_is_that_of_the_branch_that_spoke_last_until_one_answers() {
    let (mut bench, _, invite) = called();
    let mut told = |bytes: Vec<u8>| {
        bench.deliver_bytes(&bytes);
        match bench.event() {
            SessionEvent::Progress { body, .. } | SessionEvent::Answered { body, .. } => body,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(told(described(&invite, 183, "first", "one")), Some(sdp("one")));
    assert_eq!(told(described(&invite, 183, "second", "two")), Some(sdp("two")));
    assert_eq!(told(answer(&invite, 180, "first", &FIRST)), None);
    // The first answers without repeating what it described, and what is heard now is not its sound.
    assert_eq!(told(answer(&invite, 200, "first", &FIRST)), Some(sdp("one")));
}

#[test]
fn what_another_branch_no_longer_knows_does_not_end_the_call() {
    let (mut bench, session, invite) = called();
    let mut reliable = FIRST.to_vec();
    reliable.extend([("Require", "100rel"), ("RSeq", "1")]);
    bench.deliver_bytes(&answer(&invite, 180, "first", &reliable));
    let prack = bench.request();
    let now = bench.now;
    bench.endpoint.info(now, session, &keys("key"));
    let info = bench.request();
    bench.deliver_bytes(&answer(&invite, 200, "second", &SECOND));
    assert_eq!(*bench.request().method(), Method::Ack);
    bench.deliver_bytes(&answer(&prack, 481, "", &[]));
    bench.deliver_bytes(&answer(&info, 481, "", &[]));
    assert!(bench.endpoint.poll_transmit().is_none());
    assert!(matches!(bench.event(), SessionEvent::Progress { .. }));
    assert!(matches!(bench.event(), SessionEvent::Answered { .. }));
    assert!(matches!(bench.event(), SessionEvent::InfoAnswered { result: Err(481), .. }));
    assert!(bench.endpoint.poll_event().is_none());
}

#[test]
fn a_branch_that_has_failed_is_forgotten_and_the_others_go_on() {
    let (mut bench, session, invite) = called();
    bench.deliver_bytes(&answer(&invite, 180, "first", &FIRST));
    bench.deliver_bytes(&answer(&invite, 180, "second", &SECOND));
    bench.event();
    bench.event();
    bench.deliver_bytes(&answer(&invite, 199, "second", &SECOND));
    assert!(bench.is_quiet());
    let now = bench.now;
    bench.endpoint.info(now, session, &keys("key"));
    assert_eq!(bench.request().to().tag(), Some("first"));
}

#[test]
fn a_thousand_ringing_branches_are_not_kept() {
    let (mut bench, session, invite) = called();
    for index in 0..1_000 {
        // Slow enough to be listened to.
        bench.run(ms(10));
        bench.deliver_bytes(&answer(&invite, 180, &format!("branch{index}"), &FIRST));
        assert!(matches!(bench.event(), SessionEvent::Progress { .. }));
        bench.run(ms(10));
    }
    bench.deliver_bytes(&answer(&invite, 200, "branch999", &SECOND));
    assert_eq!(bench.request().uri().user(), Some("second"));
    assert!(matches!(bench.event(), SessionEvent::Answered { session: up, .. } if up == session));
}

#[test]
fn an_info_goes_to_the_early_dialog_that_spoke_last() {
    let (mut bench, session, invite) = called();
    bench.deliver_bytes(&answer(&invite, 180, "first", &FIRST));
    bench.deliver_bytes(&answer(&invite, 183, "second", &SECOND));
    bench.deliver_bytes(&answer(&invite, 180, "first", &FIRST));
    let now = bench.now;
    bench.endpoint.info(now, session, &keys("key"));
    let info = bench.request();
    assert_eq!((info.to().tag(), info.uri().user()), (Some("first"), Some("first")));
    assert_eq!(info.cseq(), (invite.cseq().0 + 1, Method::Info));
    // The confirmed dialog goes on with the numbers.
    bench.deliver_bytes(&answer(&invite, 200, "first", &FIRST));
    assert_eq!(bench.request().cseq(), (invite.cseq().0, Method::Ack));
    bench.endpoint.end(now, session, DECLINE);
    assert_eq!(bench.request().cseq(), (invite.cseq().0 + 2, Method::Bye));
    assert!(matches!(bench.event(), SessionEvent::Progress { .. }));
}
