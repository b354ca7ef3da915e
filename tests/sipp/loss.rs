//! One packet in five is lost, each way: every call comes about and ends all the same.

use crate::resident::Resident;
use crate::scenario::{NO_BODY, OFFER, Scenario, ack, invite, response};
use crate::sipp::Sipp;

/// One in five. SIPp would give up too early for that, and over what is repeated when it awaits something else.
const LOSS: [&str; 8] =
    ["-lost", "20", "-max_retrans", "12", "-max_invite_retrans", "12", "-default_behaviors", "all,-abortunexp"];
/// Calls, one after the other.
const CALLS: usize = 5;

#[test]
fn calls_to_the_panel_come_about_though_a_fifth_is_lost() {
    let resident = Resident::with("[phone.auto_answer]\nenabled = true\n");
    let scenario = Scenario::default()
        .ask(&invite(OFFER))
        .may_hear(100)
        .may_hear(180)
        .hear(200)
        .send(&ack(1))
        .pause(300)
        .hang_up(2);
    let count = CALLS.to_string();
    let options = [&LOSS[..], &["-m", &count, "-l", "1"]].concat();
    Sipp::calls_with(&resident.panel, &scenario, &options).expect_success(&resident.panel);
    for _ in 0..CALLS {
        assert_eq!(resident.end_of_call(), "ended by the other side");
    }
}

#[test]
fn a_call_of_the_panel_comes_about_though_a_fifth_is_lost() {
    let resident = Resident::new();
    let scenario = Scenario::default()
        .take("INVITE")
        .send(&response("180 Ringing", "a", "", NO_BODY))
        .ask(&response("200 OK", "a", "", OFFER))
        .take("ACK")
        .take("BYE")
        .send(&response("200 OK", "", "", NO_BODY));
    // One for all calls: each SIPp throws the same dice.
    let sipp = Sipp::awaits_with(&scenario, &LOSS);
    for _ in 0..CALLS {
        resident.dials(sipp.port);
        resident.panel.wait_for_call("confirmed");
        resident.does("end");
        assert_eq!(resident.end_of_call(), "ended here");
        resident.panel.wait("the call is forgotten", |status| status["calls"].as_array().is_some_and(Vec::is_empty));
    }
}
