//! Do not disturb for a while: it switches itself off, whatever happens meanwhile.

use std::time::Duration;

use vestibule::channel::{Command, DndMode, DndTerm};
use vestibule::config::{self, Rest};

use crate::common::{House, PANEL, ms, s};

const HOUR: Duration = Duration::from_secs(3600);

fn mode(house: &House) -> DndMode {
    house.panels[PANEL].phone.config().dnd_mode
}

/// When it ends, as the settings have it. The clock of the house begins at 08:00 on 2027-01-15.
fn until(house: &House) -> String {
    house.panels[PANEL].phone.config().get("phone.dnd.until").expect("a setting")
}

fn switch(house: &mut House, mode: DndMode, term: DndTerm) {
    house.must(PANEL, Command::Dnd(mode, term));
}

#[test]
fn an_hour_later_it_is_off_and_saved_so() {
    let mut house = House::new(&[]);
    switch(&mut house, DndMode::Reject, DndTerm::For(HOUR));
    assert_eq!(until(&house), "2027-01-15T09:00:00Z");
    house.run(HOUR - s(1));
    assert_eq!(mode(&house), DndMode::Reject);
    house.run(s(1));
    assert_eq!((mode(&house), until(&house)), (DndMode::Off, String::new()));
    let saved = house.panel().saved_settings.last().cloned().expect("it is saved");
    assert_eq!((saved.dnd_mode, saved.dnd_until), (DndMode::Off, None));
    house.bell();
    assert!(!house.call(PANEL).silent);
}

#[test]
fn until_morning_is_the_next_time_that_the_clocks_show_it() {
    let mut house = House::new(&[("phone.dnd.morning", "06:30")]);
    switch(&mut house, DndMode::Silent, DndTerm::Morning);
    assert_eq!(until(&house), "2027-01-16T06:30:00Z");
    house.run(HOUR * 22 + s(29 * 60));
    assert_eq!(mode(&house), DndMode::Silent);
    house.run(s(60));
    assert_eq!(mode(&house), DndMode::Off);
}

#[test]
fn an_end_is_kept_when_only_the_manner_changes_and_goes_with_a_new_choice() {
    let mut house = House::new(&[]);
    switch(&mut house, DndMode::Silent, DndTerm::For(HOUR));
    house.run(s(60));
    house.set("phone.dnd.mode", "reject");
    assert_eq!(until(&house), "2027-01-15T09:00:00Z");
    switch(&mut house, DndMode::Reject, DndTerm::Open);
    assert_eq!(until(&house), "");
    switch(&mut house, DndMode::Silent, DndTerm::For(HOUR));
    switch(&mut house, DndMode::Off, DndTerm::For(HOUR));
    assert_eq!((mode(&house), until(&house)), (DndMode::Off, String::new()), "what is off has no end");
    house.set("phone.dnd.until", "2027-01-15T09:30:00Z");
    assert_eq!(until(&house), "");
    house.run(HOUR * 30);
    switch(&mut house, DndMode::Silent, DndTerm::Open);
    house.run(HOUR * 30);
    assert_eq!(mode(&house), DndMode::Silent);
}

#[test]
fn it_outlives_a_restart() {
    let mut house = House::new(&[]);
    switch(&mut house, DndMode::Silent, DndTerm::For(HOUR));
    house.run(ms(1));
    let saved = house.panel().saved_settings.last().cloned().expect("it is saved");
    let text = config::write(&saved, &Rest::default());
    assert!(config::read(&text).problems.is_empty());
    let mut again = House::knowing(&[], &text);
    assert_eq!((mode(&again), until(&again).as_str()), (DndMode::Silent, "2027-01-15T09:00:00Z"));
    again.run(HOUR - s(1));
    assert_eq!(mode(&again), DndMode::Silent);
    again.run(s(2));
    assert_eq!(mode(&again), DndMode::Off);
    // The panel was without power when it should have ended.
    let late = text.replace("09:00:00", "07:59:59");
    let mut late = House::knowing(&[], &late);
    late.run(ms(1));
    assert_eq!((mode(&late), until(&late)), (DndMode::Off, String::new()));
}

#[test]
fn a_clock_that_is_set_does_not_keep_it() {
    let mut house = House::new(&[]);
    switch(&mut house, DndMode::Silent, DndTerm::For(HOUR));
    house.run(s(60));
    house.now.wall += HOUR;
    house.run(s(31));
    assert_eq!(mode(&house), DndMode::Off, "the time has come, as the clock shows");
    switch(&mut house, DndMode::Silent, DndTerm::For(HOUR));
    house.run(s(60));
    house.now.wall -= HOUR * 5;
    house.run(HOUR - s(61));
    assert_eq!(mode(&house), DndMode::Silent);
    house.run(s(2));
    assert_eq!(mode(&house), DndMode::Off, "an hour has passed all the same");
}

#[test]
fn a_panel_whose_clock_starts_in_the_past_ends_it_when_the_clock_is_set() {
    let settings = [("phone.dnd.mode", "silent"), ("phone.dnd.until", "2043-01-15T09:00:00Z")];
    let mut house = House::new(&settings);
    house.run(HOUR * 48);
    assert_eq!(mode(&house), DndMode::Silent);
    house.now.wall += HOUR * 24 * 365 * 17;
    house.run(s(31));
    assert_eq!(mode(&house), DndMode::Off);
}
