//! The call log: every call once, shown only when it is on disk.

use vestibule::channel::{CallResult, Command, EndReason, Event, SoundFault};
use vestibule::config::DeviceFault;
use vestibule::phone::{MediaEvent, Phone};

use crate::common::{Disk, House, PANEL, ms, s};

fn logs_shown(house: &House) -> usize {
    house.panels[PANEL].events.iter().filter(|event| matches!(event, Event::Log(_))).count()
}

fn missed(house: &House) -> usize {
    Phone::missed(&house.panels[PANEL].phone)
}

#[test]
fn a_visitor_who_gives_up_is_missed_until_the_log_is_opened() {
    let mut house = House::new(&[]);
    house.bell();
    let now = house.now;
    house.door.end(now, 0);
    house.run(ms(50));
    assert_eq!(house.panel().last_view().end_reason, Some(EndReason::Missed));
    assert_eq!(missed(&house), 1);
    let line = house.panel().log()[0].clone();
    assert_eq!((line.result, line.unseen, line.account, line.outgoing), (CallResult::Missed, true, 0, false));
    assert_eq!(line.name, "door@10.0.0.3");
    house.must(PANEL, Command::LogSeen);
    assert_eq!((missed(&house), house.panel().saved_log[0].unseen), (0, false));
    house.must(PANEL, Command::ClearLog);
    assert!(house.panel().log().is_empty() && house.panel().saved_log.is_empty());
}

/// RFC 3261 13.3.1.
#[test]
fn a_call_that_is_good_for_no_longer_is_missed() {
    let mut house = House::new(&[]);
    house.door.headers.push(("Expires".to_owned(), "5".to_owned()));
    house.bell();
    house.run(ms(4_900));
    assert!(house.panel().tone().is_some() && house.panel().shown().is_some());
    house.run(ms(200));
    assert_eq!((house.panel().tone(), house.panel().shown()), (None, None));
    assert_eq!(house.panel().last_view().end_reason, Some(EndReason::Missed));
    assert_eq!((missed(&house), house.panel().log()[0].result), (1, CallResult::Missed));
    assert_eq!(house.door.heard.last().expect("it is answered"), "rejected 487");
}

#[test]
fn nothing_is_shown_before_the_disk_has_it() {
    let mut house = House::new(&[]);
    house.panel().disk = Disk::Slow;
    house.bell();
    let before = logs_shown(&house);
    house.must(PANEL, Command::Decline(None));
    house.run(s(1));
    assert_eq!((logs_shown(&house), house.panel().log().len()), (before, 0));
    let now = house.now;
    house.panel().let_disk_work(now);
    house.pump();
    assert_eq!((logs_shown(&house), house.panel().log().len()), (before + 1, 1));
    let panel = house.panel();
    assert_eq!(panel.saved_log, panel.log());
}

#[test]
fn a_log_that_cannot_be_saved_is_shown_with_a_notice() {
    let mut house = House::new(&[]);
    house.panel().disk = Disk::Full;
    house.bell();
    house.must(PANEL, Command::Decline(None));
    assert_eq!(house.panel().log().len(), 1);
    assert_eq!(house.panel().notices(), ["call log cannot be saved: disk: there is no room left on the disk"]);
    let id = house.panel().phone.notices()[0].id;
    house.must(PANEL, Command::DismissNotice(id));
    assert!(house.panel().notices().is_empty());
}

#[test]
fn the_notice_goes_once_the_log_is_saved_after_all() {
    let mut house = House::new(&[]);
    house.panel().disk = Disk::Full;
    house.bell();
    house.must(PANEL, Command::Decline(None));
    assert_eq!(house.panel().notices().len(), 1);
    let now = house.now;
    house.panel().phone.handle_log_saved_at_last(now);
    assert!(house.panel().notices().is_empty());
    assert_eq!(house.panel().log().len(), 1);
}

#[test]
fn the_newest_comes_first_with_the_time_when_it_began() {
    let mut house = House::new(&[]);
    let began = house.now.wall;
    house.connect_panels();
    house.run(s(5));
    house.must(PANEL, Command::End(None));
    house.run(s(5));
    house.bell();
    house.must(PANEL, Command::Decline(None));
    house.run(s(5));
    let log = house.panel().log();
    assert_eq!([log[0].result, log[1].result], [CallResult::Declined, CallResult::Answered]);
    assert_eq!(log[1].at, began);
    assert_eq!(log[1].duration.as_secs(), 5);
}

#[test]
fn sound_trouble_is_a_notice_as_long_as_it_lasts() {
    let mut house = House::new(&[]);
    let now = house.now;
    house.panel().phone.handle_media(
        now,
        MediaEvent::Sound(Some(SoundFault { microphone: Some(DeviceFault::None), loudspeaker: None })),
    );
    assert_eq!(house.panel().notices(), ["sound: microphone: there is none"]);
    house.panel().phone.handle_media(now, MediaEvent::Sound(None));
    assert!(house.panel().notices().is_empty());
}
