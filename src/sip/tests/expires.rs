//! An INVITE that says how long it is good (RFC 3261 13.3.1).

use super::{Text, rung_reliably};
use crate::sip::session::{EndCause, SessionEvent, SessionHandle};
use crate::sip::testing::{Bench, ms, sdp};

const EXPIRED: &str = "SIP/2.0 487 Request Terminated";

fn rung_for(expires: &str) -> (Bench, SessionHandle) {
    let mut bench = Bench::new();
    bench.deliver(&Text::new("INVITE", "z9hG4bKone").body("offer").extra(&format!("Expires: {expires}")).text());
    assert_eq!(bench.lines(), ["SIP/2.0 100 Trying"]);
    let session = bench.event().session();
    let now = bench.now;
    bench.endpoint.ring(now, session, None);
    assert_eq!(bench.lines(), ["SIP/2.0 180 Ringing"]);
    (bench, session)
}

#[test]
fn what_rings_longer_than_it_is_good_ends_as_if_cancelled() {
    for (expires, seconds) in [("3", 3), (" 30 ", 30), ("0", 0), ("7200", 3600), ("4294967296", 3600)] {
        let (mut bench, _) = rung_for(expires);
        if seconds > 0 {
            bench.run(ms(seconds * 1000 - 10));
            assert!(bench.lines().iter().all(|line| line == "SIP/2.0 180 Ringing"), "{expires}");
            assert!(bench.endpoint.poll_event().is_none(), "{expires}");
        }
        bench.run(ms(20));
        assert_eq!(bench.lines(), [EXPIRED], "{expires}");
        let SessionEvent::Ended { why, .. } = bench.event() else { panic!("{expires}") };
        assert_eq!(why, EndCause::Cancelled { completed_elsewhere: false });
        // A CANCEL that crosses it is answered, and changes nothing.
        bench.deliver(&Text::new("CANCEL", "z9hG4bKone").text());
        assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
        bench.deliver(&Text::new("ACK", "z9hG4bKone").inside("any").text());
        bench.run(ms(40_000));
        assert!(bench.is_quiet());
        assert_eq!((bench.endpoint.busy_sessions(), bench.endpoint.transactions()), (0, 0));
    }
}

#[test]
fn what_cannot_be_read_is_no_end() {
    for expires in ["", "soon", "-1", "+3", "3.5", "0x10", "99999999999999999999999"] {
        let (mut bench, _) = rung_for(expires);
        bench.run(ms(4_000_000));
        assert!(bench.endpoint.poll_event().is_none(), "{expires}");
        assert_eq!(bench.endpoint.busy_sessions(), 1);
    }
}

#[test]
fn what_was_answered_in_time_goes_on() {
    let (mut bench, session) = rung_for("3");
    let now = bench.now;
    bench.endpoint.accept(now, session, sdp("answer"));
    let tag = bench.response().to().tag().expect("a tag").to_owned();
    bench.deliver(&Text::new("ACK", "z9hG4bKack").inside(&tag).text());
    assert!(matches!(bench.event(), SessionEvent::Confirmed { .. }));
    bench.run(ms(100_000));
    assert!(bench.is_quiet());
    // Accepted in time, and the 200 waits for a PRACK.
    let (mut bench, session, _, prack) = rung_reliably(&["Require: 100rel", "Expires: 3"]);
    let now = bench.now;
    bench.endpoint.accept(now, session, sdp("early"));
    bench.run(ms(5_000));
    assert!(bench.lines().iter().all(|line| line == "SIP/2.0 183 Session Progress"));
    bench.deliver(&prack);
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"; 2]);
}
