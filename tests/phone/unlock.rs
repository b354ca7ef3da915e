//! The door opens by keys or by INFO, while it rings and in the call, and the screen says whether it did.

use vestibule::channel::{Command, Refusal, UnlockState};
use vestibule::phone::MediaOrder;

use crate::common::{DOOR, House, OTHER, PANEL, ms, s};

fn keys(house: &House) -> Vec<String> {
    let orders = house.panels[PANEL].orders.iter();
    orders
        .filter_map(|order| if let MediaOrder::Dtmf { digits, .. } = order { Some(digits.clone()) } else { None })
        .collect()
}

#[test]
fn by_keys_while_it_rings() {
    let mut house = House::new(&[("phone.unlock.code", "12#")]);
    house.bell();
    assert!(house.call(PANEL).can_unlock);
    house.must(PANEL, Command::Unlock(None));
    assert_eq!(house.call(PANEL).unlock, UnlockState::Sending);
    assert_eq!(keys(&house), ["12#"]);
    house.must(PANEL, Command::Unlock(None));
    assert_eq!(keys(&house).len(), 1, "a second tap on the way changes nothing");
    house.run(s(1));
    let UnlockState::Opened { until } = house.call(PANEL).unlock else { panic!("{:?}", house.call(PANEL).unlock) };
    assert!(until > house.now.instant);
    house.run(s(6));
    assert_eq!(house.call(PANEL).unlock, UnlockState::Idle);
    house.must(PANEL, Command::Decline(None));
    house.run(ms(20));
    assert!(house.panel().log()[0].unlocked);
}

#[test]
fn keys_that_do_not_go_out_or_a_dead_door_are_a_failure() {
    let mut house = House::new(&[]);
    house.panel().sends_keys = false;
    house.connect_door();
    house.must(PANEL, Command::Unlock(None));
    house.run(ms(3900));
    assert_eq!(house.call(PANEL).unlock, UnlockState::Sending);
    house.run(ms(200));
    assert_eq!(house.call(PANEL).unlock, UnlockState::Failed);
    house.run(s(10));
    assert_eq!(house.call(PANEL).unlock, UnlockState::Idle);

    house.panel().sends_keys = true;
    house.report(8, |_| 0);
    house.must(PANEL, Command::Unlock(None));
    house.run(s(1));
    assert_eq!(house.call(PANEL).unlock, UnlockState::Failed, "nothing was heard of the door for eight seconds");
}

#[test]
fn by_info_one_key_after_the_other() {
    let mut house = House::new(&[("phone.unlock.method", "info"), ("phone.unlock.code", "1#")]);
    house.bell();
    house.must(PANEL, Command::Unlock(None));
    house.run(ms(50));
    assert_eq!(house.door.infos, ["Signal=1\r\nDuration=160\r\n", "Signal=#\r\nDuration=160\r\n"]);
    assert!(house.last(PANEL, "INFO ").contains("application/dtmf-relay"));
    assert!(matches!(house.call(PANEL).unlock, UnlockState::Opened { .. }));
    house.must(PANEL, Command::Answer(None));
    house.run(s(7));
    house.must(PANEL, Command::Unlock(None));
    house.run(ms(50));
    assert_eq!(house.door.infos.len(), 4);

    house.off = vec![DOOR];
    house.run(s(6));
    house.must(PANEL, Command::Unlock(None));
    house.run(s(5));
    assert_eq!(house.call(PANEL).unlock, UnlockState::Failed);
}

#[test]
fn a_contact_has_its_own_way() {
    let door = "[[contact]]\nname = \"Gate\"\nnumbers = [\"10.0.0.3\"]\n[contact.door]\nunlock = \"info\"\ncode = \"7\"\n\
                [[contact]]\nname = \"Cellar\"\nnumbers = [\"10.0.0.8\"]\n[contact.door]\n";
    let mut house = House::knowing(&[], door);
    assert_eq!(house.press(PANEL, Command::UnlockDoor("Gate".into())), Err(Refusal::NeedsCall("Gate".into())));
    assert_eq!(house.press(PANEL, Command::UnlockDoor("Attic".into())), Err(Refusal::NoDoor("Attic".into())));
    house.bell();
    assert_eq!(house.press(PANEL, Command::UnlockDoor("Cellar".into())), Err(Refusal::NeedsCall("Cellar".into())));
    house.must(PANEL, Command::UnlockDoor("Gate".into()));
    house.run(ms(50));
    assert_eq!(house.door.infos, ["Signal=7\r\nDuration=160\r\n"]);
    let http = "[[contact]]\nname = \"Gate\"\nnumbers = [\"10.0.0.3\"]\n[contact.door]\nunlock = \"http\"\nurl = \"http://10.0.0.3/open\"\n";
    let mut house = House::knowing(&[], http);
    house.bell();
    assert!(!house.call(PANEL).can_unlock);
    assert_eq!(house.press(PANEL, Command::Unlock(None)), Err(Refusal::CannotUnlock("Gate".into())));
}

#[test]
fn keys_go_by_info_where_there_is_no_sound_yet() {
    let mut house = House::new(&[]);
    let now = house.now;
    house.door.ring_without_picture(now);
    house.run(ms(20));
    house.must(PANEL, Command::Unlock(None));
    house.run(ms(50));
    assert_eq!(house.door.infos, ["Signal=#\r\nDuration=160\r\n"]);
    assert!(keys(&house).is_empty());
}

#[test]
fn the_keypad_sends_what_is_pressed_and_names_what_is_no_key() {
    let mut house = House::new(&[]);
    assert_eq!(house.press(PANEL, Command::Dtmf("1".into())), Err(Refusal::NoCall));
    house.connect_panels();
    house.must(PANEL, Command::Dtmf("1✳a".into()));
    assert_eq!(keys(&house), ["1*A"]);
    assert_eq!(house.press(PANEL, Command::Dtmf("1x".into())), Err(Refusal::NotAKey('x')));
    house.off = vec![OTHER];
}

#[test]
fn nothing_can_be_opened_before_anybody_rings_there() {
    let mut house = House::new(&[]);
    assert_eq!(house.press(PANEL, Command::Unlock(None)), Err(Refusal::NoCall));
    house.dial("10.0.0.3").expect("dialled");
    assert!(matches!(house.press(PANEL, Command::Unlock(None)), Err(Refusal::WrongState(_))));
    house.run(ms(20));
    let now = house.now;
    house.door.alert(now, false);
    house.run(ms(20));
    house.must(PANEL, Command::Unlock(None));
    house.run(ms(50));
    assert_eq!(house.door.infos.len(), 1, "by INFO in the early dialog");
}
