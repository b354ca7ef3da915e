//! The door opens by keys, by INFO or by HTTP, while it rings and in the call, by HTTP without a call as well, and the screen
//! says whether it did.

use vestibule::channel::{CallState, Command, DoorKeyView, Event, Refusal, UnlockFault, UnlockState};
use vestibule::phone::{MediaEvent, MediaOrder};
use vestibule::sdp::{Direction, Wish};

use crate::common::{DOOR, House, OTHER, PANEL, address, ms, s};

const SILENT: UnlockState = UnlockState::Failed(UnlockFault::NoAnswer);

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
fn a_door_that_holds_the_call_gets_its_keys_by_info() {
    let mut house = House::new(&[("phone.unlock.code", "5")]);
    house.connect_door();
    let now = house.now;
    house.door.offer(now, Wish { audio: Direction::SendOnly, video: Direction::Inactive });
    house.run(ms(50));
    assert!(house.call(PANEL).held_by_remote);
    house.must(PANEL, Command::Unlock(None));
    house.run(ms(50));
    assert!(keys(&house).is_empty(), "no sound may be sent, and so no keys in it");
    assert_eq!(house.door.infos, ["Signal=5\r\nDuration=160\r\n"]);
    assert!(matches!(house.call(PANEL).unlock, UnlockState::Opened { .. }));
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
    assert_eq!(house.call(PANEL).unlock, SILENT);
    house.run(s(10));
    assert_eq!(house.call(PANEL).unlock, UnlockState::Idle);

    house.panel().sends_keys = true;
    house.report(8, |_| 0);
    house.must(PANEL, Command::Unlock(None));
    house.run(s(1));
    assert_eq!(house.call(PANEL).unlock, SILENT, "nothing was heard of the door for eight seconds");
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
    assert_eq!(house.call(PANEL).unlock, SILENT);
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
}

#[test]
fn a_door_that_refuses_the_info_is_said_to_refuse() {
    let mut house = House::new(&[("phone.unlock.method", "info")]);
    house.bell();
    house.off = vec![DOOR];
    house.must(PANEL, Command::Unlock(None));
    house.answer_info("488");
    assert_eq!(house.call(PANEL).unlock, UnlockState::Failed(UnlockFault::Refused(488)));
}

/// A door that is opened by HTTP, and one that is not.
const BY_HTTP: &str = "[[contact]]\nname = \"Gate\"\nnumbers = [\"10.0.0.3\"]\n[contact.door]\nunlock = \"http\"\n\
     url = \"http://ali:sesame@10.0.0.3/open\"\n\
     [[contact]]\nname = \"Cellar\"\nnumbers = [\"10.0.0.8\"]\n[contact.door]\nunlock = \"dtmf\"\n\
     url = \"http://10.0.0.8/open\"\n";

impl House {
    /// What the last door that was asked says.
    fn door_says(&mut self, result: Result<(), UnlockFault>) {
        let now = self.now;
        let panel = self.panel();
        let asked = panel.doors.last().expect("a door was asked").asked;
        panel.phone.handle_door_answer(now, asked, result);
        self.pump();
    }

    /// The key of the first door outside any call.
    fn key(&mut self) -> UnlockState {
        self.panel().phone.door_keys()[0].unlock.clone()
    }

    /// What the screen was told of keys of doors, since it was asked last.
    fn told(&mut self) -> Vec<DoorKeyView> {
        let events = self.panel().events.drain(..);
        events.filter_map(|event| if let Event::DoorKey(view) = event { Some(view) } else { None }).collect()
    }
}

#[test]
fn by_http_while_it_rings_and_in_the_call() {
    let mut house = House::knowing(&[], BY_HTTP);
    house.bell();
    assert!(house.call(PANEL).can_unlock);
    house.must(PANEL, Command::Unlock(None));
    assert_eq!(house.call(PANEL).unlock, UnlockState::Sending);
    let request = house.panel().doors[0].clone();
    assert_eq!((request.url.authority().as_str(), request.url.target.as_str()), ("10.0.0.3", "/open"));
    assert_eq!((request.within, request.cnonce.len()), (s(4), 32));
    house.must(PANEL, Command::Unlock(None));
    house.must(PANEL, Command::UnlockDoor("Gate".into()));
    assert_eq!(house.panel().doors.len(), 1, "a second tap on the way changes nothing");
    house.run(s(1));
    house.door_says(Ok(()));
    let UnlockState::Opened { until } = house.call(PANEL).unlock else { panic!("{:?}", house.call(PANEL).unlock) };
    assert_eq!(until, house.now.instant + s(5));
    house.must(PANEL, Command::Answer(None));
    house.run(s(6));
    assert_eq!((house.call(PANEL).state, house.call(PANEL).unlock), (CallState::Confirmed, UnlockState::Idle));

    house.must(PANEL, Command::Unlock(None));
    assert_eq!(house.panel().doors.len(), 2);
    assert_ne!(house.panel().doors[1].cnonce, request.cnonce);
    house.door_says(Err(UnlockFault::WrongPassword(401)));
    assert_eq!(house.call(PANEL).unlock, UnlockState::Failed(UnlockFault::WrongPassword(401)));
    assert!(keys(&house).is_empty() && house.door.infos.is_empty(), "nothing went by the call");
    assert!(house.told().is_empty(), "the home screen has nothing to do with it");
    house.must(PANEL, Command::End(None));
    house.run(ms(20));
    assert!(house.panel().log()[0].unlocked);
}

#[test]
fn a_door_that_does_not_answer_by_http_has_not_opened_unless_it_says_so_later() {
    let mut house = House::knowing(&[], BY_HTTP);
    house.bell();
    house.must(PANEL, Command::Unlock(None));
    house.run(ms(3900));
    assert_eq!(house.call(PANEL).unlock, UnlockState::Sending);
    house.run(ms(200));
    assert_eq!(house.call(PANEL).unlock, SILENT);
    house.door_says(Ok(()));
    assert!(matches!(house.call(PANEL).unlock, UnlockState::Opened { .. }), "better late than wrong");
    house.run(s(6));
    house.must(PANEL, Command::Unlock(None));
    let first = house.panel().doors.last().expect("asked").asked;
    house.run(s(13));
    assert_eq!(house.call(PANEL).unlock, UnlockState::Idle);
    house.must(PANEL, Command::Unlock(None));
    let now = house.now;
    house.panel().phone.handle_door_answer(now, first, Err(UnlockFault::NobodyThere));
    assert_eq!(house.call(PANEL).unlock, UnlockState::Sending, "that was about the one before");
    assert_eq!(house.panel().doors.len(), 3);
}

#[test]
fn by_http_without_any_call() {
    let mut house = House::knowing(&[], BY_HTTP);
    let can: Vec<bool> = house.panel().phone.door_keys().iter().map(|view| view.can_unlock).collect();
    assert_eq!(can, [true, false]);
    house.told();
    assert_eq!(house.press(PANEL, Command::UnlockDoor("Cellar".into())), Err(Refusal::NeedsCall("Cellar".into())));
    house.must(PANEL, Command::UnlockDoor("Gate".into()));
    house.must(PANEL, Command::UnlockDoor("Gate".into()));
    assert_eq!(house.panel().doors.len(), 1, "a second tap on the way changes nothing");
    let view = |unlock| DoorKeyView { name: "Gate".into(), can_unlock: true, unlock };
    assert_eq!(house.told(), [view(UnlockState::Sending)]);
    house.run(s(1));
    house.door_says(Ok(()));
    let open = UnlockState::Opened { until: house.now.instant + s(5) };
    assert_eq!(house.told(), [view(open.clone())]);
    assert_eq!(house.key(), open);
    house.run(s(6));
    assert_eq!(house.told(), [view(UnlockState::Idle)]);

    house.must(PANEL, Command::UnlockDoor("Gate".into()));
    house.run(s(5));
    assert_eq!(house.key(), SILENT);
    house.must(PANEL, Command::UnlockDoor("Gate".into()));
    house.door_says(Err(UnlockFault::Trouble(500)));
    assert_eq!(house.key(), UnlockState::Failed(UnlockFault::Trouble(500)));
    house.run(s(9));
    assert_eq!(house.key(), UnlockState::Idle);
    assert_eq!(house.panel().doors.len(), 3);
    assert!(house.panel().log().is_empty(), "no call, no line");
}

#[test]
fn all_keys_of_a_door_wait_for_the_same_answer() {
    let mut house = House::knowing(&[], BY_HTTP);
    house.must(PANEL, Command::UnlockDoor("Gate".into()));
    house.run(s(3));
    house.bell();
    house.must(PANEL, Command::Unlock(None));
    assert_eq!(house.panel().doors.len(), 1);
    house.run(ms(500));
    house.door_says(Err(UnlockFault::NotHttp));
    assert_eq!(house.call(PANEL).unlock, UnlockState::Failed(UnlockFault::NotHttp));
    assert_eq!(house.key(), UnlockState::Failed(UnlockFault::NotHttp));
    house.must(PANEL, Command::Unlock(None));
    assert_eq!(house.panel().doors.len(), 2);
    house.must(PANEL, Command::RemoveContact(vestibule::config::book::Which::Named("Gate".into())));
    house.told();
    house.run(s(9));
    assert!(house.told().is_empty(), "nobody knows this door any longer");
    assert!(house.panel().phone.door_keys().iter().all(|view| view.name != "Gate"));
}

#[test]
fn by_http_before_it_rings_there() {
    let mut house = House::knowing(&[], BY_HTTP);
    house.off = vec![DOOR];
    house.dial("10.0.0.3").expect("dialled");
    assert_eq!(house.call(PANEL).state, CallState::Calling);
    house.must(PANEL, Command::Unlock(None));
    assert_eq!(house.call(PANEL).unlock, UnlockState::Sending);
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

/// A door that is opened by INFO: `keys`.
fn by_info(keys: &str) -> House {
    House::new(&[("phone.unlock.method", "info"), ("phone.unlock.code", keys)])
}

impl House {
    /// The bodies of all INFOs of the panel under test as they went, each repetition too: the key, or `picture`.
    fn infos(&self) -> Vec<&str> {
        let infos = self.sent.iter().filter(|(of, _, text)| *of == PANEL && text.starts_with("INFO "));
        let key = |text| str::split(text, "Signal=").nth(1).and_then(|rest| rest.split('\r').next());
        infos.map(|(_, _, text)| key(text).unwrap_or("picture")).collect()
    }

    /// The door answers the last INFO of the panel under test.
    fn answer_info(&mut self, status: &str) {
        let info = self.last(PANEL, "INFO ").to_owned();
        self.answer_to(&info, status);
    }

    /// The door answers this one.
    fn answer_to(&mut self, info: &str, status: &str) {
        let is_copied =
            |line: &&str| ["Via:", "From:", "To:", "Call-ID:", "CSeq:"].iter().any(|name| line.starts_with(name));
        let copied: Vec<&str> = info.lines().filter(is_copied).collect();
        let answer = format!("SIP/2.0 {status} So\r\n{}\r\nContent-Length: 0\r\n\r\n", copied.join("\r\n"));
        self.inject(address(DOOR), answer.into_bytes());
        self.run(ms(50));
    }

    /// The panel under test has to wait for a picture that can be shown.
    fn lacks_picture(&mut self) {
        let (now, call) = (self.now, self.call(PANEL).call);
        self.panel().phone.handle_media(now, MediaEvent::AskKeyframeByInfo { call });
        self.run(ms(50));
    }
}

#[test]
fn a_code_that_the_ringing_door_ignores_is_not_in_the_way_in_the_call() {
    let mut house = by_info("1#");
    house.bell();
    house.off = vec![DOOR];
    house.must(PANEL, Command::Unlock(None));
    house.run(ms(4100));
    assert_eq!(house.call(PANEL).unlock, SILENT);
    let ignored = house.infos().len();
    assert!(house.infos().iter().all(|info| *info == "1"));
    house.off.clear();
    house.must(PANEL, Command::Answer(None));
    house.run(ms(50));
    house.must(PANEL, Command::Unlock(None));
    house.run(ms(50));
    assert_eq!(house.infos()[ignored..], ["1", "#"], "from the beginning, at once");
    assert!(matches!(house.call(PANEL).unlock, UnlockState::Opened { .. }));
    house.run(s(40));
    assert_eq!(house.infos().len(), ignored + 2, "what was given up is not repeated");
    assert_eq!((house.door.infos.len(), house.call(PANEL).unlock), (2, UnlockState::Idle));
}

#[test]
fn a_late_answer_opens_but_is_none_to_the_next_code() {
    let mut house = by_info("5");
    house.connect_door();
    house.off = vec![DOOR];
    house.must(PANEL, Command::Unlock(None));
    let first = house.last(PANEL, "INFO ").to_owned();
    house.run(s(5));
    house.must(PANEL, Command::Unlock(None));
    house.answer_to(&first, "200");
    assert_eq!(house.call(PANEL).unlock, UnlockState::Sending, "that was about the one before");
    house.answer_info("200");
    assert!(matches!(house.call(PANEL).unlock, UnlockState::Opened { .. }));

    house.run(s(6));
    house.must(PANEL, Command::Unlock(None));
    house.run(s(5));
    assert_eq!(house.call(PANEL).unlock, SILENT);
    house.answer_info("200");
    assert!(matches!(house.call(PANEL).unlock, UnlockState::Opened { .. }), "better late than wrong");
    house.run(s(6));
    house.must(PANEL, Command::Unlock(None));
    house.run(s(13));
    house.must(PANEL, Command::Unlock(None));
    house.run(s(13));
    house.run(s(7));
    assert_eq!(house.call(PANEL).unlock, UnlockState::Idle, "no failure is said twice");
}

#[test]
fn a_wish_for_a_key_frame_is_not_before_the_keys_of_the_door() {
    let mut house = by_info("1#");
    house.connect_door();
    house.off = vec![DOOR];
    house.lacks_picture();
    house.must(PANEL, Command::Unlock(None));
    assert_eq!(house.infos(), ["picture", "1"]);
    house.answer_info("200");
    house.answer_info("200");
    assert!(matches!(house.call(PANEL).unlock, UnlockState::Opened { .. }));

    // Behind a key its higher number would have a repetition of the key refused.
    house.run(s(33));
    let before = house.infos().len();
    house.must(PANEL, Command::Unlock(None));
    house.lacks_picture();
    house.lacks_picture();
    assert_eq!(house.infos()[before..], ["1"]);
    house.answer_info("200");
    assert_eq!(house.infos()[before..], ["1", "#"]);
    house.answer_info("200");
    assert_eq!(house.infos()[before..], ["1", "#", "picture"]);
}

#[test]
fn keys_by_info_go_in_order_and_one_that_is_ignored_takes_no_newer_one_along() {
    let mut house = House::new(&[]);
    house.connect_door();
    let now = house.now;
    house.door.offer(now, Wish { audio: Direction::SendOnly, video: Direction::Inactive });
    house.run(ms(50));
    house.off = vec![DOOR];
    house.must(PANEL, Command::Dtmf("12".into()));
    house.run(ms(3600));
    house.must(PANEL, Command::Dtmf("3".into()));
    house.must(PANEL, Command::Dtmf("4".into()));
    house.must(PANEL, Command::Unlock(None));
    let (ignored, before) = (house.last(PANEL, "INFO ").to_owned(), house.infos().len());
    assert_eq!(house.infos(), vec!["1"; before], "the others wait for their turn");
    house.run(ms(500));
    assert_eq!(house.infos()[before..], ["3"], "the rest of a code is nothing without its beginning");
    house.answer_to(&ignored, "408");
    assert_eq!(house.infos()[before..], ["3"]);
    house.answer_info("408");
    assert_eq!(house.infos()[before..], ["3", "4"]);
    house.answer_info("200");
    assert_eq!(house.infos()[before..], ["3", "4", "#"]);
    assert_eq!(house.call(PANEL).unlock, UnlockState::Sending);
    house.answer_info("200");
    assert!(matches!(house.call(PANEL).unlock, UnlockState::Opened { .. }));
}

#[test]
fn a_code_that_waits_behind_keys_that_are_ignored_has_its_own_patience() {
    let mut house = House::new(&[("phone.unlock.code", "12")]);
    house.connect_door();
    let now = house.now;
    house.door.offer(now, Wish { audio: Direction::SendOnly, video: Direction::Inactive });
    house.run(ms(50));
    house.off = vec![DOOR];
    house.must(PANEL, Command::Dtmf("7".into()));
    house.must(PANEL, Command::Dtmf("8".into()));
    house.must(PANEL, Command::Unlock(None));
    house.run(ms(8100));
    assert_eq!((house.infos().last(), house.call(PANEL).unlock), (Some(&"1"), UnlockState::Sending));
    house.run(ms(3000));
    house.answer_info("200");
    house.run(ms(3000));
    assert_eq!(
        (house.infos().last(), house.call(PANEL).unlock),
        (Some(&"2"), UnlockState::Sending),
        "each key has its four seconds"
    );
    house.answer_info("200");
    assert!(matches!(house.call(PANEL).unlock, UnlockState::Opened { .. }));
    house.run(s(6));
    house.must(PANEL, Command::Dtmf("9".into()));
    house.must(PANEL, Command::Unlock(None));
    house.run(ms(8200));
    assert_eq!(house.call(PANEL).unlock, SILENT);
}

#[test]
fn what_the_ringing_door_ignores_by_info_goes_in_the_sound_of_the_call() {
    let mut house = House::new(&[]);
    let now = house.now;
    house.door.ring_without_picture(now);
    house.run(ms(20));
    house.off = vec![DOOR];
    house.must(PANEL, Command::Unlock(None));
    house.must(PANEL, Command::Unlock(None));
    house.run(ms(400));
    assert_eq!((house.infos(), keys(&house)), (vec!["#"], Vec::new()));
    house.off.clear();
    house.must(PANEL, Command::Answer(None));
    house.must(PANEL, Command::Unlock(None));
    assert_eq!(keys(&house), ["#"]);
    house.run(s(3));
    assert!(matches!(house.call(PANEL).unlock, UnlockState::Opened { .. }));
    assert_eq!(house.infos(), ["#"], "it is not repeated");
    house.must(PANEL, Command::Unlock(None));
    house.must(PANEL, Command::Unlock(None));
    assert_eq!(keys(&house).len(), 2, "a second tap on the way changes nothing");
}
