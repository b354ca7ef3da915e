//! The panel calls baresip from its own screen; and what is said when nothing comes of a call.

use serde_json::json;

use crate::real_panel::free_port;
use crate::relay::by_tcp_alone;
use crate::rigs::Transport;
use crate::rigs::baresip::{Baresip, Role};
use crate::rigs::flat::Flat;
use crate::rigs::wav;

/// Calls a door that takes the call by itself, and talks; the panel ends it.
fn call(role: Role, transport: Transport, dial: impl Fn(&Flat, &Baresip)) -> Flat {
    let flat = Flat::start("pcmu");
    let mut door = Baresip::start(role, transport);
    dial(&flat, &door);
    door.event("CALL_ESTABLISHED");
    let status = flat.panel.wait("the door has taken the call", |status| {
        status["calls"][0]["state"] == "confirmed" && status["screen"] == "in_call"
    });
    assert_eq!(status["calls"][0]["direction"], "out");
    assert_eq!(status["calls"][0]["audio"]["codec"], "pcmu");
    flat.panel.wait("the door is seen", |status| status["calls"][0]["video"]["frames"].as_u64() > Some(0));
    flat.wait_for_talk();
    flat.hang_up();
    assert_eq!(flat.wait_for_end(), "ended here");
    door.closed();
    wav::VISITOR.expect_in("what the panel played", || Some(flat.heard()));
    wav::RESIDENT.expect_in("what the door heard", || door.heard());
    flat
}

/// The keys of the dial pad that mean this port on 127.0.0.1.
fn keys(port: u16) -> String {
    format!("127✳0✳0✳1✳{port}")
}

/// What means this port by TCP.
fn tcp(port: u16) -> String {
    format!("sip:door@127.0.0.1:{port};transport=tcp")
}

#[test]
fn the_keys_call_a_door_by_udp() {
    let flat = call(Role::NAMELESS, Transport::Udp, |flat, door| flat.dial(&keys(door.port)));
    flat.expect_carried_by(Transport::Udp);
    flat.panel.wait("the dial pad is back", |status| status["screen"] == "dial");
    let again = flat.panel.ask(&json!({"do": "press", "label": "Call"}));
    assert_eq!(again["ok"], false, "what was dialled has done its work, the pad is empty: {again}");
}

/// The keys say nothing about TCP: where UDP is refused, the panel finds it by itself.
#[test]
fn the_keys_call_a_door_that_has_tcp_alone() {
    let flat = call(Role::NAMELESS, Transport::Tcp, |flat, door| flat.dial(&keys(by_tcp_alone(door.port))));
    let trace = std::fs::read_to_string(flat.panel.file("sip.txt")).expect("the panel writes all SIP down");
    let came =
        |word: &str| trace.lines().any(|line| line.ends_with(" bytes") && line.contains(" <- ") && line.contains(word));
    assert!(came(" tcp ") && !came(" udp "), "{trace}");
}

#[test]
fn a_uri_calls_a_door_by_tcp() {
    let flat = call(Role::DOOR, Transport::Tcp, |flat, door| flat.dial_uri(&tcp(door.port)));
    flat.expect_carried_by(Transport::Tcp);
}

#[test]
fn who_declines_is_busy() {
    let flat = Flat::start("pcmu");
    let mut device = Baresip::start(Role { answers: false, ..Role::NAMELESS }, Transport::Udp);
    flat.dial(&keys(device.port));
    device.event("CALL_INCOMING");
    device.order("hangup", "");
    assert_eq!(flat.wait_for_end(), "busy");
}

#[test]
fn where_nobody_listens_the_address_cannot_be_reached_by_udp() {
    let flat = Flat::start("pcmu");
    flat.dial(&keys(free_port()));
    assert_eq!(flat.wait_for_end(), "the address cannot be reached");
}

#[test]
fn where_nobody_listens_the_address_cannot_be_reached_by_tcp() {
    let flat = Flat::start("pcmu");
    flat.dial_uri(&tcp(free_port()));
    assert_eq!(flat.wait_for_end(), "the address cannot be reached");
}

#[test]
fn a_device_without_a_common_codec_says_so() {
    let flat = Flat::start("pcmu");
    let device = Baresip::start(Role { codecs: &["gsm"], camera: false, ..Role::NAMELESS }, Transport::Udp);
    flat.dial(&keys(device.port));
    assert_eq!(flat.wait_for_end(), "no common sound format");
}
