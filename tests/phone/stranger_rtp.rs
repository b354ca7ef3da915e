//! Whoever was not agreed upon is not heard, however well it knows the port; and it changes nothing.

use std::net::SocketAddr;

use vestibule::channel::Command;

use crate::common::{FRAME, House, PANEL, Talk, ms, s};

/// Where the door's sound comes from, as agreed, and the names of the voices.
const DOOR_SOUND: &str = "10.0.0.3:30000";
const DOOR: u8 = 10;
const STRANGER: u8 = 66;

/// The door and the panel in a call, nobody speaking yet.
fn connected() -> Talk {
    let mut talk = Talk::new(House::new(&[]));
    talk.house.connect_door();
    talk.run(FRAME);
    talk
}

#[test]
fn once_the_door_has_spoken_nobody_else_is_heard() {
    let mut talk = connected();
    talk.voice(DOOR, DOOR_SOUND);
    talk.run(ms(100));
    // The same port of another address, another port of the same address, anybody else.
    for from in ["10.0.0.66:30000", "10.0.0.3:30004", "192.0.2.66:4000"] {
        talk.voice(STRANGER, from);
    }
    let since = talk.house.now.instant;
    talk.run(s(10));
    assert_eq!(talk.heard_since(since), [DOOR]);
    assert!(talk.gap(since) <= 2 * FRAME);
    assert_eq!(talk.stats(PANEL).strangers, 3 * 500);
    assert_eq!(talk.sent_since(since), [(DOOR_SOUND.parse().expect("an address"), 0)]);
}

#[test]
fn with_the_numbers_of_the_door_a_stranger_is_no_more_welcome() {
    let mut talk = connected();
    let door = talk.voice(DOOR, DOOR_SOUND);
    talk.run(ms(100));
    let stranger = talk.voice(STRANGER, "10.0.0.66:30000");
    let (ssrc, sequence) = (talk.voices[door].ssrc, talk.voices[door].sequence);
    (talk.voices[stranger].ssrc, talk.voices[stranger].sequence) = (ssrc, sequence + 1);
    let since = talk.house.now.instant;
    talk.run(s(5));
    assert_eq!(talk.heard_since(since), [DOOR]);
    let stats = talk.stats(PANEL);
    assert_eq!((stats.lost, stats.duplicates), (0, 0));
}

#[test]
fn after_a_second_of_silence_nobody_from_elsewhere_is_the_door() {
    let mut talk = connected();
    talk.run(s(1));
    let since = talk.house.now.instant;
    talk.voice(STRANGER, "10.0.0.66:30000");
    talk.run(s(5));
    assert_eq!(talk.heard_since(since), [] as [u8; 0]);
    // And what we say goes where it was agreed.
    assert_eq!(talk.sent_since(since), [(DOOR_SOUND.parse().expect("an address"), 0)]);
    talk.voice(DOOR, DOOR_SOUND);
    talk.run(ms(100));
    assert_eq!(talk.heard_since(since), [DOOR]);
}

#[test]
fn whoever_was_faster_yields_to_the_door() {
    let mut talk = Talk::new(House::new(&[]));
    talk.house.connect_door();
    talk.run(FRAME / 4);
    talk.voice(STRANGER, "10.0.0.66:30000");
    talk.run(ms(200));
    talk.voice(DOOR, DOOR_SOUND);
    talk.run(ms(100));
    let since = talk.house.now.instant;
    talk.run(s(5));
    assert_eq!(talk.heard_since(since), [DOOR]);
    assert_eq!(talk.sent_since(since), [(DOOR_SOUND.parse().expect("an address"), 0)]);
}

#[test]
fn a_strangers_leave_and_reports_are_not_believed() {
    let mut talk = connected();
    let door = talk.voice(DOOR, DOOR_SOUND);
    talk.run(ms(100));
    let ours = talk.session(PANEL).ssrc();
    let theirs = talk.voices[door].ssrc;
    let port = talk.panel_port();
    let to = SocketAddr::new(port.ip(), port.port() + 1);
    let since = talk.house.now.instant;
    for _ in 0..50 {
        let mut leave = vec![0x81, 203, 0, 1];
        leave.extend(theirs.to_be_bytes());
        let mut collides = vec![0x80, 200, 0, 6];
        collides.extend(ours.to_be_bytes());
        collides.extend([0; 20]);
        for bytes in [leave, collides] {
            talk.throw("10.0.0.66:30001".parse().expect("an address"), to, bytes);
        }
        talk.run(FRAME);
    }
    assert_eq!(talk.session(PANEL).ssrc(), ours);
    assert_eq!((talk.heard_since(since), talk.stats(PANEL).strangers), (vec![DOOR], 100));
    assert!(talk.gap(since) <= 2 * FRAME);
}

#[test]
fn on_hold_and_after_it_a_stranger_is_none_the_nearer() {
    let mut talk = connected();
    talk.voice(DOOR, DOOR_SOUND);
    talk.run(ms(100));
    talk.voice(STRANGER, "10.0.0.66:30000");
    let since = talk.house.now.instant;
    talk.house.must(PANEL, Command::Hold(None));
    talk.run(s(3));
    talk.house.must(PANEL, Command::Resume(None));
    talk.run(s(3));
    assert_eq!(talk.heard_since(since), [DOOR]);
}
