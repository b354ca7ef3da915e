//! Ringing that has to arrive (RFC 3262), and what may change while it rings (RFC 3311).

use crate::resident::Resident;
use crate::scenario::{NO_BODY, OFFER, Scenario, ack, bye, invite, noted_response, request, response};
use crate::sipp::{Sipp, sent};

/// The INVITE of a caller who insists on it.
fn insisting() -> String {
    invite(OFFER).replace("Max-Forwards: 70\n", "Max-Forwards: 70\nRequire: 100rel\n")
}

/// The confirmation of what rings.
fn prack(cseq: u32) -> String {
    request("PRACK", cseq, &format!("prack{cseq}"), "RAck:[$rseq] 1 INVITE\n", NO_BODY)
}

/// Answered and ended by the caller.
fn talked_about(scenario: Scenario, cseq: u32) -> Scenario {
    scenario.hear_with(200, &[("CSeq", "1 INVITE")]).send(&ack(1)).ask(&bye(cseq)).hear(200)
}

#[test]
fn a_caller_who_insists_on_reliable_ringing_gets_it() {
    let resident = Resident::new();
    let rings = Scenario::default().ask(&insisting()).may_hear(100).hear_reliably(180);
    let scenario = rings.ask(&prack(2)).hear_with(200, &[("CSeq", "2 PRACK")]);
    let sipp = Sipp::calls(&resident.panel, &talked_about(scenario, 3));
    resident.answers();
    sipp.expect_success(&resident.panel);
    assert_eq!(resident.end_of_call(), "ended by the other side");
}

#[test]
fn reliable_ringing_is_repeated_until_it_is_confirmed() {
    let resident = Resident::new();
    // Repeated after 0.5 and 1.5 s, then not any more.
    let rings = Scenario::default().ask(&insisting()).may_hear(100).hear_reliably(180).pause(1700);
    let scenario = rings.ask(&prack(2)).hear_with(200, &[("CSeq", "2 PRACK")]);
    let sipp = Sipp::calls(&resident.panel, &talked_about(scenario, 3));
    resident.waits_for_bell();
    resident.panel.wait("the ringing was confirmed", |_| sent(&resident.panel, "SIP/2.0 200 ", " PRACK") == 1);
    let rung = sent(&resident.panel, "SIP/2.0 180 ", "1 INVITE");
    resident.does("answer");
    sipp.expect_success(&resident.panel);
    assert_eq!(resident.end_of_call(), "ended by the other side");
    assert!(rung > 1, "it rang {rung} times");
    assert_eq!(sent(&resident.panel, "SIP/2.0 180 ", "1 INVITE"), rung, "nothing is repeated after the PRACK");
}

#[test]
fn a_prack_of_something_else_is_refused_and_the_call_goes_on() {
    let resident = Resident::new();
    let rings = Scenario::default().ask(&insisting()).may_hear(100).hear_reliably(180);
    let wrong = prack(2).replace("RAck:[$rseq] 1", "RAck: 4294967295 1");
    let scenario = rings.ask(&wrong).hear_with(481, &[("CSeq", "2 PRACK")]);
    let scenario = scenario.ask(&prack(3)).hear_with(200, &[("CSeq", "3 PRACK")]);
    let sipp = Sipp::calls(&resident.panel, &talked_about(scenario, 4));
    resident.waits_for_bell();
    resident.panel.wait("the right one came", |_| sent(&resident.panel, "SIP/2.0 200 ", " PRACK") == 1);
    resident.does("answer");
    sipp.expect_success(&resident.panel);
    assert_eq!(resident.end_of_call(), "ended by the other side");
}

#[test]
fn ringing_that_is_reliable_is_confirmed_by_the_panel() {
    let resident = Resident::new();
    let kept = [("Via", "via"), ("From", "from"), ("To", "to"), ("CSeq", "cseq")];
    let tagged = |message: String| message.replace("[$to]", "[$to];tag=a");
    let ringing = noted_response("180 Ringing", NO_BODY).replace("CSeq:", "Require: 100rel\nRSeq: 7\nCSeq:");
    let scenario = Scenario::default()
        .take_noting("INVITE", &kept)
        .ask(&tagged(ringing))
        .take_with("PRACK", &[("RAck", "7 [0-9]+ INVITE"), ("To", "tag=a")])
        .send(&response("200 OK", "", "", NO_BODY))
        .pause(200)
        .ask(&tagged(noted_response("200 OK", OFFER)))
        .take_with("ACK", &[("To", "tag=a")])
        .take("BYE")
        .send(&response("200 OK", "", "", NO_BODY));
    let sipp = Sipp::awaits(&scenario);
    resident.dials(sipp.port);
    resident.panel.wait("the answer was acknowledged", |_| sent(&resident.panel, "ACK ", " ACK") == 1);
    resident.does("end");
    sipp.expect_success(&resident.panel);
    assert_eq!(resident.end_of_call(), "ended here");
    assert_eq!(sent(&resident.panel, "PRACK ", " PRACK"), 1);
}
