//! What changes while a call stands.

use crate::called::answered;
use crate::resident::Resident;
use crate::scenario::{HOLD, NO_BODY, OFFER, Scenario, ack, bye, invite, noted_response, request, response};
use crate::sipp::{Sipp, sent};

/// The other side holds the call and takes it back.
fn held(method: &str) {
    let acknowledge = |scenario: Scenario, cseq: u32| match method {
        "INVITE" => scenario.send(&ack(cseq)),
        _ => scenario,
    };
    let answers = |direction: &'static str| [("Content-Type", "application/sdp"), ("body", direction)];
    let resident = Resident::new();
    let scenario =
        answered().ask(&request(method, 2, "b", "", HOLD)).may_hear(100).hear_with(200, &answers("a=recvonly"));
    let scenario = acknowledge(scenario, 2).pause(300);
    let scenario =
        scenario.ask(&request(method, 3, "c", "", OFFER)).may_hear(100).hear_with(200, &answers("a=sendrecv"));
    let scenario = acknowledge(scenario, 3).pause(300).ask(&bye(4)).hear(200);
    let sipp = Sipp::calls(&resident.panel, &scenario);
    resident.answers();
    sipp.expect_success(&resident.panel);
    let mut held: Vec<bool> = resident.story().iter().filter_map(|call| call["held_by_remote"].as_bool()).collect();
    held.dedup();
    assert!(held.starts_with(&[false, true, false]), "{held:?}");
}

#[test]
fn a_caller_holds_the_call_by_invite() {
    held("INVITE");
}

#[test]
fn a_caller_holds_the_call_by_update() {
    held("UPDATE");
}

#[test]
fn an_offer_that_cannot_be_used_leaves_the_call_as_it_was() {
    let resident = Resident::new();
    // A codec that nobody knows.
    let odd = request("INVITE", 2, "b", "", OFFER)
        .replace("RTP/AVP 0", "RTP/AVP 99")
        .replace("rtpmap:0 PCMU", "rtpmap:99 NONE");
    let scenario = answered()
        .ask(&odd)
        .may_hear(100)
        .hear(488)
        .send(&request("ACK", 2, "b", "", NO_BODY))
        .pause(300)
        .ask(&request("INVITE", 3, "c", "", OFFER))
        .may_hear(100)
        .hear_with(200, &[("body", "a=sendrecv")])
        .send(&ack(3))
        .ask(&bye(4))
        .hear(200);
    let sipp = Sipp::calls(&resident.panel, &scenario);
    resident.answers();
    sipp.expect_success(&resident.panel);
    assert_eq!(resident.end_of_call(), "ended by the other side");
}

/// Both change the call at the same moment: both refuse the other's offer with 491, and the panel, whose call it is not,
/// tries again within 2 s (RFC 3261 14.1).
#[test]
fn when_two_offers_meet_both_are_refused_and_ours_is_made_again() {
    let resident = Resident::new();
    let kept = [("Via", "via"), ("From", "from"), ("To", "to"), ("CSeq", "cseq")];
    let scenario = answered()
        .take_noting("INVITE", &kept)
        // Theirs has no answer yet.
        .send(&request("INVITE", 2, "b", "", OFFER))
        .may_hear(100)
        .hear_with(491, &[("CSeq", "2 INVITE")])
        .send(&request("ACK", 2, "b", "", NO_BODY))
        .ask(&noted_response("491 Request Pending", NO_BODY))
        .take("ACK")
        .take_with("INVITE", &[("body", "a=sendonly")])
        .ask(&response("200 OK", "", "", "recvonly"))
        .take("ACK")
        .take("BYE")
        .send(&response("200 OK", "", "", NO_BODY));
    let sipp = Sipp::calls(&resident.panel, &scenario);
    resident.answers();
    resident.panel.wait_for_call("confirmed");
    resident.does("hold");
    let acknowledged = |_: &_| sent(&resident.panel, "ACK ", " ACK") > 1;
    resident.panel.wait("the refusal and then the answer were acknowledged", acknowledged);
    assert_eq!(resident.panel.status()["calls"][0]["state"], "held");
    resident.does("end");
    sipp.expect_success(&resident.panel);
    assert_eq!(resident.end_of_call(), "ended here");
    assert!(sent(&resident.panel, "SIP/2.0 491 ", "2 INVITE") > 0);
}

/// What a device says to the panel's wish to hold and to take back, and how the call goes on.
fn holds(first: &str, direction: &str) {
    let resident = Resident::new();
    let scenario = Scenario::default()
        .take("INVITE")
        .ask(&response("200 OK", "a", "", OFFER))
        .take("ACK")
        .take_with("INVITE", &[("body", "a=sendonly"), ("To", "tag=a")])
        .ask(&response(first, "", "", direction))
        .take("ACK")
        .take_with("INVITE", &[("body", "a=sendrecv"), ("To", "tag=a")])
        .ask(&response("200 OK", "", "", OFFER))
        .take("ACK")
        .take("BYE")
        .send(&response("200 OK", "", "", NO_BODY));
    let sipp = Sipp::awaits(&scenario);
    let acknowledged = |count: usize| {
        resident
            .panel
            .wait(&format!("{count} answers were acknowledged"), |_| sent(&resident.panel, "ACK ", " ACK") >= count);
    };
    resident.dials(sipp.port);
    acknowledged(1);
    resident.does("hold");
    acknowledged(2);
    resident.does("resume");
    acknowledged(3);
    assert_eq!(resident.panel.status()["calls"][0]["state"], "confirmed");
    resident.does("end");
    sipp.expect_success(&resident.panel);
    assert_eq!(resident.end_of_call(), "ended here");
}

#[test]
fn the_panel_holds_a_call_and_takes_it_back() {
    holds("200 OK", "recvonly");
}

#[test]
fn a_device_that_will_not_be_held_keeps_the_call() {
    holds("488 Not Acceptable Here", NO_BODY);
}

/// A second offer while the first of the same side has no answer yet is refused with 500 and a time to wait (14.2).
#[test]
fn a_call_that_rings_takes_no_second_invite() {
    let resident = Resident::new();
    let scenario = Scenario::default()
        .ask(&invite(OFFER))
        .may_hear(100)
        .hear(180)
        .ask(&request("INVITE", 2, "b", "", OFFER))
        .hear_with(500, &[("CSeq", "2 INVITE"), ("Retry-After", "[0-9]")])
        .send(&request("ACK", 2, "b", "", NO_BODY))
        .hear_with(200, &[("CSeq", "1 INVITE")])
        .send(&ack(1))
        .ask(&bye(3))
        .hear(200);
    let sipp = Sipp::calls(&resident.panel, &scenario);
    resident.waits_for_bell();
    // The second INVITE is refused while it still rings.
    resident.panel.wait("500 was sent", |_| sent(&resident.panel, "SIP/2.0 500 ", "2 INVITE") > 0);
    resident.does("answer");
    sipp.expect_success(&resident.panel);
    assert_eq!(resident.end_of_call(), "ended by the other side");
}
