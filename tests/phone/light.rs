//! The light of the screen: it sleeps when nobody is there, a bell wakes it at once, and at night it is dim.

use std::time::Duration;

use vestibule::channel::{CallState, Command, Event, LightView, NoticeKind, PortFault, PortTrouble, Refusal};
use vestibule::config::Problem;

use crate::common::{House, OTHER, PANEL, ms, s};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn light(house: &House) -> LightView {
    house.panels[PANEL].phone.light()
}

fn asleep(house: &House) -> bool {
    light(house).asleep
}

/// What was told of the light since this was asked the last time.
fn told(house: &mut House) -> Vec<LightView> {
    let events = std::mem::take(&mut house.panel().events);
    let light = |event| match event {
        Event::Light(view) => Some(view),
        _ => None,
    };
    events.into_iter().filter_map(light).collect()
}

#[test]
fn it_goes_dark_after_so_long_without_a_touch_and_a_touch_wakes_it() {
    let mut house = House::new(&[("display.sleep_after", "90"), ("display.brightness", "65")]);
    assert_eq!(told(&mut house), [LightView { asleep: false, night: false, backlight: 65 }], "told at the start");
    house.run(s(60));
    house.must(PANEL, Command::Wake);
    house.run(s(89));
    assert!(!asleep(&house));
    house.run(s(1));
    assert_eq!(told(&mut house), [LightView { asleep: true, night: false, backlight: 0 }]);
    house.run(HOUR);
    assert!(told(&mut house).is_empty(), "the program has nothing more to say of it");
    house.must(PANEL, Command::Wake);
    assert_eq!(told(&mut house), [LightView { asleep: false, night: false, backlight: 65 }]);
    house.set("display.brightness", "40");
    assert_eq!(light(&house).backlight, 40, "a change is to be seen at once");
    house.set("display.sleep_after", "0");
    house.run(DAY);
    assert!(!asleep(&house), "0 is never");
}

#[test]
fn a_bell_wakes_it_with_the_same_outputs_that_ring() {
    let mut house = House::new(&[]);
    house.must(PANEL, Command::Sleep);
    told(&mut house);
    let began = house.now.instant;
    house.door.ring(house.now);
    while house.panels[PANEL].phone.calls().is_empty() {
        house.run(ms(1));
    }
    let rings = house.now.instant - began;
    assert!(rings <= ms(5), "{rings:?}");
    // The page of the visitor is there before the light is.
    let events: Vec<_> = house.panels[PANEL].events.iter().collect();
    let call = events.iter().position(|event| matches!(event, Event::Call(call) if call.state != CallState::Calling));
    let light = events.iter().position(|event| matches!(event, Event::Light(light) if !light.asleep));
    assert!(call.is_some() && light > call, "{events:#?}");
    assert!(!asleep(&house));
    // It stays awake for as long as it rings and is spoken, and then as long as after a touch.
    house.run(s(30));
    house.must(PANEL, Command::Answer(None));
    house.run(s(600));
    assert!(!asleep(&house));
    house.must(PANEL, Command::End(None));
    house.run(s(119));
    assert!(!asleep(&house));
    house.run(s(1));
    assert!(asleep(&house));
}

#[test]
fn a_call_of_ours_wakes_it_and_it_is_not_put_to_sleep_while_there_is_one() {
    let mut house = House::new(&[]);
    house.must(PANEL, Command::Sleep);
    assert!(asleep(&house));
    house.dial("10✳0✳0✳2").expect("dialled");
    assert!(!asleep(&house), "within the same command");
    house.run(ms(20));
    house.must(OTHER, Command::Answer(None));
    house.run(ms(20));
    assert_eq!(house.press(PANEL, Command::Sleep), Err(Refusal::WrongState(CallState::Confirmed)));
    house.must(PANEL, Command::End(None));
    house.must(PANEL, Command::Sleep);
    assert!(asleep(&house));
}

#[test]
fn a_notice_that_somebody_should_see_now_wakes_it_and_another_does_not() {
    let mut house = House::new(&[]);
    house.must(PANEL, Command::Sleep);
    house.panel().phone.notice(NoticeKind::SettingsLine(Problem::Rest));
    house.run(ms(1));
    assert!(asleep(&house));
    let reason = PortFault { transport: "UDP", port: 5060, trouble: PortTrouble::Taken };
    house.panel().phone.notice(NoticeKind::PortTaken { port: 5060, reason, in_part: false });
    house.run(ms(1));
    assert!(!asleep(&house));
}

#[test]
fn the_night_comes_and_goes_by_the_clock() {
    // The clock of the house begins at 08:00.
    let settings = [
        ("display.night.from", "22:30"),
        ("display.night.to", "06:00"),
        ("display.night.brightness", "15"),
        ("display.sleep_after", "0"),
    ];
    let mut house = House::new(&settings);
    house.set("display.night.mode", "schedule");
    assert_eq!(light(&house), LightView { asleep: false, night: false, backlight: 80 });
    house.run(s(14 * 3600 + 30 * 60 - 1));
    assert!(!light(&house).night);
    house.run(s(1));
    assert_eq!(light(&house), LightView { asleep: false, night: true, backlight: 15 });
    house.run(s(7 * 3600 + 30 * 60 - 1));
    assert!(light(&house).night);
    house.run(s(1));
    assert!(!light(&house).night);
    // A change of the schedule, and one of the clock.
    house.set("display.night.to", "07:00");
    assert!(light(&house).night);
    house.set("display.night.mode", "off");
    assert!(!light(&house).night);
    house.set("display.night.mode", "schedule");
    house.now.wall += HOUR * 3;
    house.run(s(31));
    assert!(!light(&house).night, "the clock was set to 09:00");
    house.set("display.night.to", "22:30");
    house.run(DAY);
    assert!(!light(&house).night, "a night without length never comes");
}

#[test]
fn a_bell_at_night_becomes_bright_slowly_and_then_it_is_dim_again() {
    let settings = [("display.night.mode", "schedule"), ("display.night.from", "07:00"), ("display.night.to", "09:00")];
    let mut house = House::new(&settings);
    house.must(PANEL, Command::Sleep);
    told(&mut house);
    house.bell();
    let first = told(&mut house);
    assert_eq!(first, [LightView { asleep: false, night: true, backlight: 10 }], "seen at once, and dim");
    house.run(s(4));
    let levels: Vec<u8> = told(&mut house).iter().map(|light| light.backlight).collect();
    assert!(levels.is_sorted() && levels.last() == Some(&80), "{levels:?}");
    assert!(levels.windows(2).all(|pair| pair[1] - pair[0] <= 6), "in small steps: {levels:?}");
    house.run(s(10));
    assert!(told(&mut house).is_empty());
    house.must(PANEL, Command::Decline(None));
    assert_eq!(light(&house).backlight, 10);
}

#[test]
fn the_light_in_the_room_is_followed_by_day_and_not_at_night() {
    let settings =
        [("display.auto_brightness", "on"), ("display.least_brightness", "30"), ("display.brightness", "90")];
    let mut house = House::new(&settings);
    let at = |house: &mut House, lux| {
        let now = house.now;
        house.panel().phone.handle_ambient(now, lux);
        house.pump();
        light(house).backlight
    };
    assert_eq!(at(&mut house, Some(0.4)), 30);
    assert_eq!(at(&mut house, Some(31.6)), 60);
    assert_eq!(at(&mut house, Some(5000.0)), 90);
    house.set("display.auto_brightness", "off");
    assert_eq!(at(&mut house, Some(0.4)), 90);
    house.set("display.auto_brightness", "on");
    assert_eq!(light(&house).backlight, 30);
    house.set("display.night.from", "07:00");
    house.set("display.night.mode", "schedule");
    house.set("display.night.to", "09:00");
    assert_eq!(at(&mut house, Some(5000.0)), 10);
    house.must(PANEL, Command::Sleep);
    assert_eq!(at(&mut house, Some(10.0)), 0, "the light wakes nobody");
}
