//! Settings are in force at once, saved, and shown once they are saved.

use vestibule::channel::{CallState, Command, Event, PortTrouble};
use vestibule::phone::MediaOrder;

use crate::common::{Disk, House, OTHER, PANEL, ms, s};

fn set(house: &mut House, key: &str, value: &str) -> Result<(), String> {
    let command = Command::Set { key: key.to_owned(), value: value.to_owned() };
    house.press(PANEL, command).map(drop).map_err(|refusal| refusal.to_string())
}

fn shown_ports(house: &House) -> Vec<u16> {
    let settings = house.panels[PANEL].events.iter().filter_map(|event| match event {
        Event::Settings(config) => Some(config.direct_ip_port),
        _ => None,
    });
    settings.collect()
}

#[test]
fn a_new_port_is_listened_on_at_once_and_calls_live_on() {
    let mut house = House::new(&[]);
    house.connect_panels();
    set(&mut house, "phone.direct_ip.port", "5070").expect("a port");
    assert_eq!(house.panel().listens, [5060, 5070]);
    assert_eq!(house.panels[PANEL].phone.direct_ip().listening, ["udp:0.0.0.0:5070", "tcp:0.0.0.0:5070"]);
    house.must(OTHER, Command::Hold(None));
    house.run(ms(50));
    assert!(house.call(PANEL).held_by_remote, "the call in progress still hears");
    house.must(PANEL, Command::End(None));
    assert_eq!(house.panel().listens, [5060, 5070], "the BYE leaves by the old port, and is answered there");
    house.run(s(33));
    assert_eq!(house.panel().listens, [5070], "the old port is closed behind its last call");
    house.bell();
    assert!(house.panels[PANEL].phone.calls().is_empty(), "nobody is at the old port");
    house.must(OTHER, Command::Dial { text: "10.0.0.1.5070".to_owned(), account: Default::default() });
    house.run(ms(50));
    assert_eq!(house.call(PANEL).state, CallState::Ringing);
}

#[test]
fn a_port_that_is_taken_is_said_and_the_rest_works() {
    let mut house = House::new(&[]);
    house.panel().taken = vec![5070];
    set(&mut house, "phone.direct_ip.port", "5070").expect("a port");
    assert_eq!(
        house.panels[PANEL].phone.direct_ip().error.as_ref().map(|fault| &fault.trouble),
        Some(&PortTrouble::Taken)
    );
    assert_eq!(house.panel().notices(), ["Direct IP Port 5070: UDP port 5070 is taken by another program"]);
    let refused = house.dial("10.0.0.2").expect_err("nothing to call from").to_string();
    assert_eq!(refused, "IP calls are not possible: Direct IP Port 5070: UDP port 5070 is taken by another program");
    set(&mut house, "phone.direct_ip.port", "5071").expect("a port");
    assert_eq!(house.panels[PANEL].phone.direct_ip().error, None);
    assert!(house.panel().notices().is_empty());
}

#[test]
fn who_has_the_tcp_port_takes_neither_udp_nor_calls_from_us() {
    let mut house = House::new(&[]);
    house.panel().taken_for_tcp = vec![5070];
    set(&mut house, "phone.direct_ip.port", "5070").expect("a port");
    let view = house.panels[PANEL].phone.direct_ip();
    assert_eq!((view.listening, view.error.map(|it| it.transport)), (vec!["udp:0.0.0.0:5070".to_owned()], Some("TCP")));
    let said = "Direct IP Port 5070: TCP port 5070 is taken by another program; the rest of it works";
    assert_eq!(house.panel().notices(), [said]);
    house.run(s(11));
    assert_eq!(house.panel().notices(), [said], "once, however often it is tried");
    assert!(house.dial("10.0.0.2.5060").is_ok(), "a call goes out");
    house.run(ms(50));
    assert_eq!(house.call(OTHER).state, CallState::Ringing);
    house.must(PANEL, Command::End(None));
    house.run(s(1));
    house.must(OTHER, Command::Dial { text: "10.0.0.1.5070".to_owned(), account: Default::default() });
    house.run(ms(50));
    assert_eq!(house.call(PANEL).state, CallState::Ringing, "and one comes in");
    house.panel().taken_for_tcp.clear();
    house.run(s(5));
    assert_eq!(house.panels[PANEL].phone.direct_ip().error, None);
    assert!(house.panel().notices().is_empty());
}

#[test]
fn who_has_the_udp_port_takes_no_calls_from_us() {
    let mut house = House::new(&[]);
    house.panel().taken_for_udp = vec![5070];
    set(&mut house, "phone.direct_ip.port", "5070").expect("a port");
    let said = "Direct IP Port 5070: UDP port 5070 is taken by another program; the rest of it works";
    assert_eq!(house.panel().notices(), [said]);
    house.dial("10.0.0.2.5060").expect("a call goes out");
    house.run(ms(50));
    house.must(OTHER, Command::Answer(None));
    house.run(ms(50));
    assert_eq!(house.call(PANEL).state, CallState::Confirmed);
    // They answer to where it came from, and end the call there.
    house.must(OTHER, Command::End(None));
    house.run(s(1));
    assert!(house.panels[PANEL].phone.calls().is_empty());
    house.panel().taken_for_udp.clear();
    house.run(s(60));
    assert_eq!((house.panels[PANEL].phone.direct_ip().error, &house.panel().listens[..]), (None, &[5070][..]));
}

#[test]
fn a_port_that_is_free_again_is_taken_and_a_notice_that_was_put_away_stays_away() {
    let mut house = House::new(&[]);
    house.panel().taken = vec![5070];
    set(&mut house, "phone.direct_ip.port", "5070").expect("a port");
    let notice = house.panels[PANEL].phone.notices()[0].id;
    house.must(PANEL, Command::DismissNotice(notice));
    house.run(s(21));
    assert!(house.panel().notices().is_empty(), "it was read");
    assert!(house.panels[PANEL].phone.direct_ip().error.is_some());
    house.panel().taken.clear();
    house.run(s(5));
    assert_eq!(house.panels[PANEL].phone.direct_ip().error, None);
    assert!(house.dial("10.0.0.2").is_ok());
}

#[test]
fn a_wrong_value_changes_nothing() {
    let mut house = House::new(&[]);
    let error = set(&mut house, "phone.direct_ip.port", "70000").expect_err("too great");
    assert_eq!(error, "phone.direct_ip.port: 70000 is out of range: 1–65535");
    assert_eq!(house.panel().phone.config().direct_ip_port, 5060);
    assert!(house.panel().saved_settings.is_empty());
    set(&mut house, "phone.direct_ip.port", "5060").expect("the same");
    assert!(house.panel().saved_settings.is_empty(), "what did not change is not saved");
}

#[test]
fn a_setting_is_shown_only_once_it_is_saved() {
    let mut house = House::new(&[]);
    house.panel().disk = Disk::Slow;
    for port in ["5061", "5062", "5063"] {
        set(&mut house, "phone.direct_ip.port", port).expect("a port");
    }
    assert_eq!(shown_ports(&house), [5060]);
    assert_eq!(house.panels[PANEL].phone.direct_ip().port, 5063, "but it is in force");
    for _ in 0..2 {
        let now = house.now;
        house.panel().let_disk_work(now);
        house.pump();
    }
    assert_eq!(shown_ports(&house), [5060, 5063]);
    let saved: Vec<u16> = house.panel().saved_settings.iter().map(|config| config.direct_ip_port).collect();
    assert_eq!(saved, [5061, 5063], "of those that waited only the newest");
}

#[test]
fn settings_that_cannot_be_saved_are_in_force_and_said() {
    let mut house = House::new(&[]);
    house.panel().disk = Disk::Full;
    set(&mut house, "audio.volume", "11").expect("a volume");
    assert_eq!(house.panel().phone.config().audio_volume, 11);
    assert_eq!(house.panel().notices(), ["settings cannot be saved: disk: there is no room left on the disk"]);
    house.panel().disk = Disk::Works;
    house.must(PANEL, Command::Volume(12));
    assert!(house.panel().notices().is_empty());
    assert_eq!(
        house.press(PANEL, Command::Volume(101)).expect_err("too loud").to_string(),
        "audio.volume: 101 is out of range: 0–100"
    );
}

#[test]
fn sound_settings_reach_the_engine_and_others_do_not() {
    let mut house = House::new(&[]);
    let configured = |house: &House| {
        house.panels[PANEL].orders.iter().filter(|order| matches!(order, MediaOrder::Configure(_))).count()
    };
    let before = configured(&house);
    set(&mut house, "phone.unlock.code", "1#").expect("keys");
    assert_eq!(configured(&house), before);
    set(&mut house, "audio.output", "null").expect("a device");
    assert_eq!(configured(&house), before + 1);
}

#[test]
fn the_preferred_codec_leads_the_offer() {
    let mut house = House::new(&[]);
    set(&mut house, "audio.codecs", "pcma, pcmu").expect("codecs");
    house.dial("10.0.0.2").expect("dialled");
    let offer = house.last(PANEL, "INVITE ");
    let line = offer.lines().find(|line| line.starts_with("m=audio")).expect("a line");
    assert!(line.contains(" 8 0 ") && !offer.to_lowercase().contains("opus"), "{line}");
}

#[test]
fn key_tones_can_be_switched_off() {
    let mut house = House::new(&[]);
    house.must(PANEL, Command::KeyTone('5'));
    assert_eq!(house.panels[PANEL].orders.last(), Some(&MediaOrder::KeyTone('5')));
    set(&mut house, "audio.key_tones", "off").expect("a switch");
    let before = house.panel().orders.len();
    house.must(PANEL, Command::KeyTone('6'));
    assert_eq!(house.panel().orders.len(), before);
}
