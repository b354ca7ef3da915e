//! PJSIP and the panel call each other, talk, hold, open the door and hang up.

use crate::pjsua::Pjsua;
use crate::rigs::Transport;
use crate::rigs::flat::Flat;
use crate::rigs::wav;

/// It calls the panel.
fn visit(transport: Transport) {
    let flat = Flat::start("pcmu");
    let mut door = Pjsua::start(transport);
    door.order(&format!("call sip:panel@127.0.0.1:{}{}", flat.panel.port, transport.parameter()));
    flat.press_until("Answer", |status| status["calls"][0]["state"] == "confirmed");
    door.expect("confirmed");
    flat.wait_for_talk();
    flat.press_until("Unlock", |status| status["calls"][0]["unlock"] == "opened");
    door.expect("key #");

    door.order("hold");
    flat.panel.wait("the visitor holds", |status| status["calls"][0]["held_by_remote"] == true);
    door.order("resume");
    flat.panel.wait("the visitor is back", |status| status["calls"][0]["held_by_remote"] == false);
    flat.wait_for_talk();

    door.order("hangup");
    assert_eq!(flat.wait_for_end(), "ended by the other side");
    flat.expect_carried_by(transport);
    let heard = door.leave();
    wav::VISITOR.expect_in("what the panel played", || Some(flat.heard()));
    wav::RESIDENT.expect_in("what the door heard", || Some(heard.clone()));
}

/// The panel calls it.
fn call(transport: Transport) {
    let flat = Flat::start("pcmu");
    let mut device = Pjsua::start(transport);
    match transport {
        Transport::Udp => flat.dial(&format!("127✳0✳0✳1✳{}", device.port)),
        _ => flat.dial_uri(&format!("sip:door@127.0.0.1:{}{}", device.port, transport.parameter())),
    }
    device.expect("rings");
    flat.panel.wait_for_call("ringing");
    device.order("answer");
    device.expect("confirmed");
    flat.panel.wait_for_call("confirmed");
    flat.wait_for_talk();
    flat.hang_up();
    assert_eq!(flat.wait_for_end(), "ended here");
    device.expect("ended 200");
    flat.expect_carried_by(transport);
    let heard = device.leave();
    wav::VISITOR.expect_in("what the panel played", || Some(flat.heard()));
    wav::RESIDENT.expect_in("what the device heard", || Some(heard.clone()));
}

#[test]
fn it_calls_the_panel_by_udp() {
    visit(Transport::Udp);
}

#[test]
fn it_calls_the_panel_by_tcp() {
    visit(Transport::Tcp);
}

#[test]
fn the_panel_calls_it_by_udp() {
    call(Transport::Udp);
}

#[test]
fn the_panel_calls_it_by_tcp() {
    call(Transport::Tcp);
}
