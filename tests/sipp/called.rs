//! SIPp calls the panel.

use crate::resident::Resident;
use crate::scenario::{NO_BODY, OFFER, Scenario, ack, ack_refusal, bye, cancel, invite, request, response};
use crate::sipp::{Sipp, sent, trace};

/// A call that rings.
fn rings() -> Scenario {
    Scenario::default().ask(&invite(OFFER)).may_hear(100).hear(180)
}

/// A call that somebody answered.
pub fn answered() -> Scenario {
    rings().hear(200).send(&ack(1))
}

#[test]
fn a_cancel_on_the_heels_of_the_invite_ends_the_ringing() {
    let resident = Resident::new();
    let scenario = Scenario::default()
        .send(&invite(OFFER))
        .send(&cancel())
        .may_hear(100)
        .may_hear(180)
        .hear_with(200, &[("CSeq", "1 CANCEL")])
        .hear_with(487, &[("CSeq", "1 INVITE")])
        .send(&ack_refusal());
    // What comes between the two requests must not stop SIPp.
    let options = ["-m", "1", "-default_behaviors", "all,-abortunexp"];
    Sipp::calls_with(&resident.panel, &scenario, &options).expect_success(&resident.panel);
    assert_eq!(resident.end_of_call(), "missed");
    resident.panel.wait("it is counted", |status| status["missed"] == 1);
}

#[test]
fn a_cancel_while_it_rings_is_a_missed_call() {
    let resident = Resident::new();
    let scenario = rings()
        .ask(&cancel())
        .hear_with(200, &[("CSeq", "1 CANCEL")])
        .hear_with(487, &[("CSeq", "1 INVITE")])
        .send(&ack_refusal());
    Sipp::calls(&resident.panel, &scenario).expect_success(&resident.panel);
    assert_eq!(resident.end_of_call(), "missed");
}

#[test]
fn a_cancel_that_comes_after_the_answer_changes_nothing() {
    let resident = Resident::new();
    // SIPp goes on with the tag that came last, which is that of the answer to the CANCEL (9.2).
    let scenario = rings()
        .hear(200)
        .ask(&cancel())
        .hear_with(200, &[("CSeq", "1 CANCEL")])
        .send(&ack(1))
        .ask(&request("OPTIONS", 2, "b", "", NO_BODY))
        .hear_with(200, &[("CSeq", "2 OPTIONS")])
        .ask(&bye(3))
        .hear(200);
    let sipp = Sipp::calls(&resident.panel, &scenario);
    resident.answers();
    sipp.expect_success(&resident.panel);
    assert_eq!(resident.end_of_call(), "ended by the other side");
}

/// Declines a call whose ACK comes only after the refusal was repeated.
fn declines(settings: &str, status: u16) {
    let resident = Resident::with(settings);
    let scenario = rings().hear(status).pause(1200).send(&ack_refusal());
    let sipp = Sipp::calls(&resident.panel, &scenario);
    resident.waits_for_bell();
    resident.does("decline");
    sipp.expect_success(&resident.panel);
    assert_eq!(resident.end_of_call(), "declined here");
    assert!(sent(&resident.panel, &format!("SIP/2.0 {status} "), "1 INVITE") > 1, "the refusal is repeated");
}

#[test]
fn who_is_declined_hears_486() {
    declines("", 486);
}

#[test]
fn who_is_declined_hears_603_where_that_is_set() {
    declines("[phone.call]\nreturn_code_when_refused = 603\n", 603);
}

#[test]
fn an_answer_that_nobody_acknowledges_is_repeated_and_then_given_up_with_a_bye() {
    let resident = Resident::new();
    let scenario = rings().hear(200).take("BYE").send(&response("200 OK", "", "", NO_BODY));
    let sipp = Sipp::calls(&resident.panel, &scenario);
    resident.answers();
    sipp.expect_success(&resident.panel);
    assert_eq!(resident.end_of_call(), "connection lost");
    // After 0, 0.5, 1.5, 3.5, 7.5 and then every 4 s, for 32 s.
    let answers = sent(&resident.panel, "SIP/2.0 200 ", "1 INVITE");
    assert!((9..=12).contains(&answers), "{answers} times 200");
}

#[test]
fn an_answer_that_is_lost_is_repeated_until_the_caller_acknowledges_it() {
    let resident = Resident::new();
    let scenario = rings().hear(200).pause(2000).send(&ack(1)).pause(2500).ask(&bye(2)).hear(200);
    let sipp = Sipp::calls(&resident.panel, &scenario);
    resident.answers();
    sipp.expect_success(&resident.panel);
    assert_eq!(resident.end_of_call(), "ended by the other side");
    let answers = sent(&resident.panel, "SIP/2.0 200 ", "1 INVITE");
    assert!(answers > 1, "{answers} times 200");
    let trace = trace(&resident.panel);
    let (_, later) = trace.split_once("\nACK sip:").expect("the ACK came");
    assert!(!later.contains("CSeq: 1 INVITE"), "nothing is repeated after the ACK:\n{later}");
}

#[test]
fn a_call_without_an_offer_gets_ours_in_the_answer_and_brings_its_own_in_the_ack() {
    let resident = Resident::new();
    let scenario = Scenario::default()
        .ask(&invite(NO_BODY))
        .may_hear(100)
        .hear(180)
        .hear_with(200, &[("Content-Type", "application/sdp"), ("body", "m=audio [1-9].* RTP/AVP .*0")])
        .send(&request("ACK", 1, "b", "", OFFER))
        .pause(500)
        .ask(&bye(2))
        .hear(200);
    let sipp = Sipp::calls(&resident.panel, &scenario);
    resident.answers();
    sipp.expect_success(&resident.panel);
    let story = resident.story();
    let agreed = story.iter().find(|call| call["audio"]["codec"] == "pcmu");
    assert!(agreed.is_some_and(|call| call["state"] == "confirmed"), "{story:#?}");
}
