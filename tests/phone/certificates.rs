//! Our own certificates: the warning before they run out, and what the screen is told.

use std::time::Duration;

use vestibule::channel::{Command, Event};
use vestibule::config::Account;

use crate::common::{House, PANEL};

const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn a_certificate_is_warned_of_for_its_last_thirty_days() {
    let mut house = House::new(&[]);
    let mut now = house.now;
    let expires = now.wall + 31 * DAY;
    let panel = house.panel();
    panel.phone.handle_certificate(now, Account::Two, Some(expires));
    assert!(panel.notices().is_empty(), "not yet");
    assert_eq!(panel.phone.registrations().map(|view| view.certificate_expires), [None, Some(expires)]);
    for (later, words) in [
        (1, "expires in 30 days"),
        (29, "expires in 2 days"),
        (30, "expires within a day"),
        (31, "has expired"),
        (99, "has expired"),
    ] {
        now.wall = house.now.wall + later * DAY;
        let panel = house.panel();
        panel.phone.handle_certificate(now, Account::Two, Some(expires));
        panel.phone.handle_certificate(now, Account::One, None);
        assert_eq!(panel.notices(), [format!("the client certificate of Account 2 {words}")]);
    }
    house.panel().phone.handle_certificate(now, Account::Two, Some(now.wall + 365 * DAY));
    assert!(house.panel().notices().is_empty(), "another one is in force");
}

#[test]
fn a_warning_that_was_read_comes_again_the_next_day() {
    let mut house = House::new(&[]);
    let mut now = house.now;
    let expires = Some(now.wall + 20 * DAY);
    house.panel().phone.handle_certificate(now, Account::One, expires);
    let id = house.panel().phone.notices()[0].id;
    house.must(PANEL, Command::DismissNotice(id));
    assert!(house.panel().notices().is_empty());
    now.wall += DAY;
    house.panel().phone.handle_certificate(now, Account::One, expires);
    assert_eq!(house.panel().notices(), ["the client certificate of Account 1 expires in 19 days"]);
}

#[test]
fn the_screen_is_told_once_when_another_certificate_is_in_force() {
    let mut house = House::new(&[]);
    let now = house.now;
    for expires in [None, Some(now.wall + 90 * DAY), Some(now.wall + 90 * DAY), None] {
        house.panel().phone.handle_certificate(now, Account::One, expires);
    }
    house.pump();
    let told: Vec<_> = house.panels[PANEL]
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Registration(view) if view.account == 1 => Some(view.certificate_expires),
            _ => None,
        })
        // How it stands at the start.
        .skip(1)
        .collect();
    assert_eq!(told, [Some(now.wall + 90 * DAY), None]);
}
