//! The panel calls SIPp.

use crate::resident::Resident;
use crate::scenario::{NO_BODY, OFFER, Scenario, noted_response, response};
use crate::sipp::{Sipp, sent};

/// What of an INVITE is needed to answer it later.
const KEPT: [(&str, &str); 4] = [("Via", "via"), ("From", "from"), ("To", "to"), ("CSeq", "cseq")];

/// The same response without the field that says where to turn to.
fn without_contact(response: &str) -> String {
    response.split_inclusive('\n').filter(|line| !line.starts_with("Contact:")).collect()
}

/// A call that is refused; the refusal is repeated until the ACK comes.
fn refused(status: &str, reason: &str) {
    let resident = Resident::new();
    let refusal = without_contact(&response(status, "a", "", NO_BODY));
    let scenario =
        Scenario::default().take("INVITE").send(&response("180 Ringing", "a", "", NO_BODY)).ask(&refusal).take("ACK");
    let sipp = Sipp::awaits(&scenario);
    resident.dials(sipp.port);
    sipp.expect_success(&resident.panel);
    assert_eq!(resident.end_of_call(), reason);
    assert!(sent(&resident.panel, "ACK ", " ACK") > 0);
}

#[test]
fn who_is_busy_is_called_busy() {
    refused("486 Busy Here", "busy");
}

#[test]
fn who_declines_everywhere_is_said_to() {
    refused("603 Decline", "declined by the other side");
}

#[test]
fn who_has_moved_and_says_not_where_cannot_be_called() {
    refused("302 Moved Temporarily", "failed (302)");
}

#[test]
fn who_has_moved_is_called_where_he_is_now() {
    let resident = Resident::new();
    let there = Sipp::awaits(
        &Scenario::default()
            .take("INVITE")
            .ask(&response("200 OK", "b", "", OFFER))
            .take("ACK")
            .take("BYE")
            .send(&response("200 OK", "", "", NO_BODY)),
    );
    let moved = without_contact(&response("302 Moved Temporarily", "a", "", NO_BODY));
    let moved = moved.replace("[last_CSeq:]", &format!("[last_CSeq:]\nContact: <sip:door@127.0.0.1:{}>", there.port));
    let here = Sipp::awaits(&Scenario::default().take("INVITE").ask(&moved).take("ACK"));
    resident.dials(here.port);
    resident.panel.wait("the answer was acknowledged", |_| sent(&resident.panel, "ACK ", " ACK") == 2);
    resident.does("end");
    here.expect_success(&resident.panel);
    there.expect_success(&resident.panel);
    assert_eq!(resident.end_of_call(), "ended here");
}

#[test]
fn a_call_that_is_given_up_while_it_rings_is_cancelled() {
    let resident = Resident::new();
    let scenario = Scenario::default()
        .take_noting("INVITE", &KEPT)
        .send(&response("180 Ringing", "a", "", NO_BODY))
        .take_with("CANCEL", &[("CSeq", "[0-9] CANCEL")])
        .send(&response("200 OK", "a", "", NO_BODY))
        .ask(&noted_response("487 Request Terminated", NO_BODY))
        .take("ACK");
    let sipp = Sipp::awaits(&scenario);
    resident.dials(sipp.port);
    resident.panel.wait_for_call("ringing");
    resident.does("end");
    sipp.expect_success(&resident.panel);
    assert_eq!(resident.end_of_call(), "ended here");
}

/// Nothing may be cancelled before the other side has said anything (9.1).
#[test]
fn a_call_that_is_given_up_before_anything_is_heard_is_cancelled_later() {
    let resident = Resident::new();
    let scenario = Scenario::default()
        .take_noting("INVITE", &KEPT)
        .pause(1500)
        .send(&noted_response("180 Ringing", NO_BODY))
        .take("CANCEL")
        .send(&response("200 OK", "a", "", NO_BODY))
        .ask(&noted_response("487 Request Terminated", NO_BODY))
        .take("ACK");
    let sipp = Sipp::awaits(&scenario);
    resident.dials(sipp.port);
    resident.panel.wait_for_call("calling");
    resident.does("end");
    sipp.expect_success(&resident.panel);
    assert_eq!(resident.end_of_call(), "ended here");
}

/// The answer and the CANCEL meet: the call stands for a moment, so it is acknowledged and ended (15).
#[test]
fn an_answer_that_meets_our_cancel_is_acknowledged_and_ended() {
    let resident = Resident::new();
    let scenario = Scenario::default()
        .take_noting("INVITE", &KEPT)
        .send(&response("180 Ringing", "a", "", NO_BODY))
        .take("CANCEL")
        .send(&response("200 OK", "a", "", NO_BODY))
        .ask(&noted_response("200 OK", OFFER))
        .take("ACK")
        .take("BYE")
        .send(&response("200 OK", "", "", NO_BODY));
    let sipp = Sipp::awaits(&scenario);
    resident.dials(sipp.port);
    resident.panel.wait_for_call("ringing");
    resident.does("end");
    sipp.expect_success(&resident.panel);
    assert_eq!(resident.end_of_call(), "ended here");
}

/// Each 2xx has its ACK, because the first ACK may be the one that was lost (13.2.2.4).
#[test]
fn an_answer_that_comes_again_is_acknowledged_again() {
    let resident = Resident::new();
    let answer = noted_response("200 OK", OFFER).replace("[$to]", "[$to];tag=a");
    let scenario = Scenario::default()
        .take_noting("INVITE", &KEPT)
        .send(&answer)
        // The first ACK comes now and is lost.
        .pause(300)
        .send(&answer)
        .take("ACK")
        .take("BYE")
        .send(&response("200 OK", "", "", NO_BODY));
    let sipp = Sipp::awaits_with(&scenario, &["-m", "1", "-pause_msg_ign"]);
    resident.dials(sipp.port);
    resident.panel.wait("both are acknowledged", |_| sent(&resident.panel, "ACK ", " ACK") > 1);
    assert_eq!(resident.panel.status()["calls"][0]["state"], "confirmed");
    resident.does("end");
    sipp.expect_success(&resident.panel);
    assert_eq!(resident.end_of_call(), "ended here");
}

/// A proxy has let two telephones ring and both were picked up: the first has the call, the second is let go (13.2.2.4).
#[test]
fn of_two_telephones_that_answer_the_first_has_the_call() {
    let resident = Resident::new();
    let scenario = Scenario::default()
        .take_noting("INVITE", &KEPT)
        .send(&noted_response("180 Ringing", NO_BODY).replace("[$to]", "[$to];tag=first"))
        .send(&noted_response("180 Ringing", NO_BODY).replace("[$to]", "[$to];tag=second"))
        .ask(&noted_response("200 OK", OFFER).replace("[$to]", "[$to];tag=first"))
        .take_with("ACK", &[("To", "tag=first")])
        .ask(&noted_response("200 OK", OFFER).replace("[$to]", "[$to];tag=second"))
        .take_with("ACK", &[("To", "tag=second")])
        .take_with("BYE", &[("To", "tag=second")])
        .send(&response("200 OK", "", "", NO_BODY))
        .take_with("BYE", &[("To", "tag=first")])
        .send(&response("200 OK", "", "", NO_BODY));
    let sipp = Sipp::awaits(&scenario);
    resident.dials(sipp.port);
    resident.panel.wait("the second was let go", |_| sent(&resident.panel, "BYE ", " BYE") > 0);
    assert_eq!(resident.panel.status()["calls"][0]["state"], "confirmed");
    resident.does("end");
    sipp.expect_success(&resident.panel);
    assert_eq!(resident.end_of_call(), "ended here");
}
