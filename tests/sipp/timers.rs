//! Session timers (RFC 4028): a caller that asks for too little, and one that does not refresh as it has promised.

use crate::resident::Resident;
use crate::scenario::{NO_BODY, Scenario, ack, request, response};
use crate::sipp::{Sipp, sent};

/// An INVITE with a session timer of the caller, which is to refresh.
fn invite(cseq: u32, branch: &str, expires: u32) -> String {
    let timer = format!("Supported: timer\nSession-Expires: {expires};refresher=uac\n");
    // It only listens: its silence is none.
    request("INVITE", cseq, branch, &timer, "recvonly")
}

/// 60 s are refused with the least that may be, 90 s are taken. Then nobody refreshes: the call is ended a third before its
/// time, after 60 s.
#[test]
fn too_short_an_interval_is_refused_and_a_call_that_nobody_refreshes_ends_in_time() {
    let resident = Resident::new();
    let refused = request("ACK", 1, "a", "", NO_BODY);
    let scenario = Scenario::default()
        .ask(&invite(1, "a", 60))
        .may_hear(100)
        .hear_with(422, &[("Min-SE", "90")])
        .send(&refused)
        .ask(&invite(2, "b", 90).replace("[peer_tag_param]", ""))
        .may_hear(100)
        .may_hear(180)
        .may_hear(183)
        .hear_with(200, &[("Session-Expires", "90;refresher=uac"), ("Require", "timer")])
        .send(&ack(2))
        .take("BYE")
        .send(&response("200 OK", "", "", NO_BODY));
    let sipp = Sipp::calls(&resident.panel, &scenario);
    resident.answers();
    let begun = std::time::Instant::now();
    resident.panel.wait_for_call("confirmed");
    let timer = resident.panel.status()["calls"][0]["session_timer"].clone();
    assert_eq!(timer, serde_json::json!({"expires_s": 90, "refresher": "them"}));
    assert_eq!(resident.end_of_call(), "connection lost");
    let lasted = begun.elapsed().as_secs();
    assert!((58..=75).contains(&lasted), "{lasted} s");
    sipp.expect_success(&resident.panel);
    assert_eq!(sent(&resident.panel, "SIP/2.0 422 ", "1 INVITE"), 1);
}
