//! Times and numbers that end or refuse a call.

use vestibule::channel::{CallResult, CallState, Command, EndReason, Refusal};

use crate::common::{DOOR, House, OTHER, PANEL, ms, s};

#[test]
fn a_visitor_whom_nobody_answers_is_missed() {
    let mut house = House::new(&[("phone.call.max_dial_in_time", "20")]);
    house.bell();
    house.run(s(19));
    assert_eq!(house.call(PANEL).state, CallState::Early);
    house.run(s(1));
    assert_eq!(house.door.heard, ["183", "rejected 480"]);
    let line = house.panel().log()[0].clone();
    assert_eq!((line.result, line.unseen), (CallResult::Missed, true));
}

#[test]
fn the_longest_call_time_ends_a_call_and_zero_does_not() {
    let mut house = House::new(&[("phone.call.max_call_time", "1")]);
    house.connect_door();
    house.run(s(59));
    assert_eq!(house.call(PANEL).state, CallState::Confirmed);
    house.run(s(1));
    assert_eq!(house.panel().last_view().end_reason, Some(EndReason::TimeLimit));
    assert_eq!(house.panel().log()[0].why, Some(EndReason::TimeLimit));
    assert_eq!(house.door.heard.last().map(String::as_str), Some("bye"));
    let mut house = House::new(&[("phone.call.max_call_time", "0")]);
    house.connect_door();
    house.run(s(7200));
    assert_eq!(house.call(PANEL).state, CallState::Confirmed);
}

#[test]
fn half_a_minute_of_silence_is_a_lost_call() {
    let mut house = House::new(&[]);
    house.connect_door();
    house.report(40, |second| second * 50);
    assert_eq!(house.call(PANEL).state, CallState::Confirmed);
    house.report(29, |_| 1950);
    assert_eq!(house.call(PANEL).state, CallState::Confirmed);
    house.report(3, |_| 1950);
    assert_eq!(house.panel().last_view().end_reason, Some(EndReason::Lost));
    assert_eq!(house.door.heard.last().map(String::as_str), Some("bye"));
    let line = house.panel().log()[0].clone();
    assert_eq!((line.result, line.why), (CallResult::Answered, Some(EndReason::Lost)), "the log says that it was lost");
}

/// RFC 3550 6.2: who sends nothing still reports.
#[test]
fn who_reports_and_sends_no_sound_is_there() {
    let mut house = House::new(&[]);
    house.connect_door();
    house.report_with(60, |_| 0, |second| second / 5);
    assert_eq!(house.call(PANEL).state, CallState::Confirmed);
    house.report_with(33, |_| 0, |_| 11);
    assert_eq!(house.panel().last_view().end_reason, Some(EndReason::Lost));
}

#[test]
fn there_are_four_lines() {
    let mut house = House::new(&[]);
    for _ in 0..4 {
        house.door.session = None;
        house.bell();
        house.must(PANEL, Command::Answer(None));
        house.run(ms(100));
    }
    assert_eq!(house.panels[PANEL].phone.calls().len(), 4);
    house.bell();
    assert_eq!(house.door.heard.last().map(String::as_str), Some("rejected 486"));
    assert_eq!(house.dial("10.0.0.2"), Err(Refusal::NoLine));
    let missed = house.panel().log()[0].clone();
    assert_eq!(missed.result, CallResult::Missed);
}

#[test]
fn a_caller_who_does_not_acknowledge_is_lost() {
    let mut house = House::new(&[]);
    house.bell();
    house.off = vec![DOOR];
    house.must(PANEL, Command::Answer(None));
    house.run(s(33));
    assert_eq!(house.panel().last_view().end_reason, Some(EndReason::Lost));
}

#[test]
fn quit_takes_everything_down_in_time() {
    let mut house = House::new(&[]);
    house.must(PANEL, Command::Quit);
    assert!(house.panel().finished, "at once with nothing to take down");

    let mut house = House::new(&[]);
    house.connect_panels();
    house.must(PANEL, Command::Quit);
    assert!(!house.panel().finished, "the BYE has no answer yet");
    house.run(ms(10));
    assert!(house.panel().finished);

    let mut house = House::new(&[]);
    house.connect_panels();
    house.bell();
    house.must(PANEL, Command::Quit);
    house.run(ms(1500));
    assert!(house.panel().finished);
    assert!(house.panels[OTHER].phone.calls().is_empty());
    assert_eq!(house.door.heard.last().map(String::as_str), Some("rejected 480"));
    assert_eq!(house.panel().saved_log.len(), 2);
    assert_eq!(house.panels[OTHER].last_view().end_reason, Some(EndReason::Remote));
}

#[test]
fn quit_does_not_wait_for_a_disk_for_ever() {
    let mut house = House::new(&[]);
    house.connect_panels();
    house.panel().disk = crate::common::Disk::Slow;
    house.must(PANEL, Command::Quit);
    house.run(ms(1000));
    assert!(!house.panel().finished);
    house.run(ms(600));
    assert!(house.panel().finished);
}
