//! baresip is a door station with a camera: it calls the panel by IP address, is seen, heard, let in.

use crate::real_panel::poll;
use crate::rigs::Transport;
use crate::rigs::baresip::{Baresip, Network, Role};
use crate::rigs::flat::Flat;
use crate::rigs::wav;

/// Who hangs up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hangs {
    Panel,
    Door,
}

/// A whole visit.
fn visit(transport: Transport, hangs: Hangs) {
    let flat = Flat::start("pcmu");
    let mut door = Baresip::start(Role::DOOR, transport);
    door.order("dial", &format!("sip:panel@127.0.0.1:{}", flat.panel.port));

    seen_before_the_answer(&flat);
    let status = flat.press_until("Answer", |status| status["calls"][0]["state"] == "confirmed");
    assert_eq!(status["calls"][0]["audio"]["codec"], "pcmu");
    assert_eq!(status["calls"][0]["audio"]["direction"], "sendrecv");
    door.event("CALL_ESTABLISHED");

    flat.press_until("Unlock", |status| status["calls"][0]["unlock"] == "opened");
    assert_eq!(door.event("CALL_DTMF_START")["param"], "#");

    flat.wait_for_talk();
    assert_eq!(flat.panel.status()["screen"], "in_call");
    match hangs {
        Hangs::Panel => {
            flat.hang_up();
            assert_eq!(flat.wait_for_end(), "ended here");
        }
        Hangs::Door => {
            door.order("hangup", "");
            assert_eq!(flat.wait_for_end(), "ended by the other side");
        }
    }
    door.closed();
    flat.expect_carried_by(transport);
    wav::VISITOR.expect_in("what the panel played", || Some(flat.heard()));
    wav::RESIDENT.expect_in("what the door heard", || door.heard());
}

/// The ringing screen shows what the camera of the door sends, while the call is not answered.
fn seen_before_the_answer(flat: &Flat) {
    flat.panel.wait("the door is seen on the ringing screen", |status| {
        let call = &status["calls"][0];
        let early = call["state"] == "early" || call["state"] == "ringing";
        status["screen"] == "ringing" && early && call["video"]["frames"].as_u64() > Some(0)
    });
    // The frame is decoded; it is on the screen with the next drawing.
    let seen = poll(|| bars(flat).is_ok().then_some(()));
    assert!(seen.is_some(), "the photograph shows {:?}", bars(flat));
    let after = flat.panel.status();
    assert_eq!(after["screen"], "ringing");
    assert!(after["calls"][0]["answered_ms"].is_null(), "nobody has answered");
}

/// The camera shows three bars, red, green and blue. What is seen where they should be, if it is not them.
fn bars(flat: &Flat) -> Result<(), String> {
    let picture = flat.photograph();
    for y in [60, 200, 340] {
        for (x, colour) in [(130, [255, 0, 0]), (320, [0, 255, 0]), (510, [0, 0, 255])] {
            let shown = picture.at(x, y);
            if shown.iter().zip(colour).any(|(is, should)| is.abs_diff(should) > 40) {
                return Err(format!("{shown:?} at {x}, {y} instead of {colour:?}"));
            }
        }
    }
    Ok(())
}

#[test]
fn a_door_is_seen_before_the_answer_and_heard_after_it_by_udp() {
    visit(Transport::Udp, Hangs::Panel);
}

#[test]
fn a_door_is_seen_before_the_answer_and_heard_after_it_by_tcp() {
    visit(Transport::Tcp, Hangs::Panel);
}

#[test]
fn a_door_hangs_up_by_udp() {
    visit(Transport::Udp, Hangs::Door);
}

#[test]
fn a_door_hangs_up_by_tcp() {
    visit(Transport::Tcp, Hangs::Door);
}

/// A door plays out what came last only when more comes: it holds five packets back, as baresip does by default. What opens it
/// while it rings must not wait there for somebody to answer, nor cost the next press.
#[test]
fn a_door_is_opened_before_the_answer_and_again_after_it() {
    let flat = Flat::start("pcmu");
    let network = Network { settings: "jitter_buffer_delay 5-10\n", ..Network::LOOPBACK };
    let mut door = Baresip::start_on(network, Role::DOOR, Transport::Udp);
    door.order("dial", &format!("sip:panel@127.0.0.1:{}", flat.panel.port));
    seen_before_the_answer(&flat);
    flat.press_until("Unlock", |status| status["calls"][0]["unlock"] == "opened");
    whole_key(&mut door);
    let status = flat.panel.wait("the key rests", |status| status["calls"][0]["unlock"] == "idle");
    assert!(status["calls"][0]["answered_ms"].is_null(), "nobody has answered");

    flat.press_until("Answer", |status| status["calls"][0]["state"] == "confirmed");
    flat.wait_for_talk();
    flat.press_until("Unlock", |status| status["calls"][0]["unlock"] == "opened");
    whole_key(&mut door);
    flat.hang_up();
    door.closed();
}

/// The key that opens the door, from its begin to its end.
fn whole_key(door: &mut Baresip) {
    assert_eq!(door.event("CALL_DTMF_START")["param"], "#");
    door.event("CALL_DTMF_END");
}

/// A caller who speaks nothing that the panel knows is told so, and the panel does not ring.
#[test]
fn a_caller_without_a_common_codec_is_turned_away() {
    let flat = Flat::start("pcmu");
    let mut door = Baresip::start(Role { codecs: &["gsm"], camera: false, ..Role::DOOR }, Transport::Udp);
    door.order("dial", &format!("sip:panel@127.0.0.1:{}", flat.panel.port));
    let reason = door.closed();
    assert!(reason.starts_with("488"), "{reason}");
    assert_eq!(flat.panel.status()["screen"], "home");
}
