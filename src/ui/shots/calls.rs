//! Calls, as they ring and are spoken in, alone and with others, and what doors showed last.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use slint::{ComponentHandle, Image, Model, SharedPixelBuffer};

use super::ui;
use crate::channel::{CallHandle, CallState, CallView};
use crate::config::{Config, PhonebookEntry};
use crate::simulator::scene::Scene as Camera;
use crate::ui::gallery::Seen;
use crate::ui::panel::State;
use crate::ui::{call, convert, home};

/// What a camera at the door sees.
pub(super) fn camera(width: u32, height: u32) -> Image {
    let mut camera = Camera::new(width, height);
    let rgba = camera.frame(Duration::from_secs(4), (18, 22, 5));
    Image::from_rgba8(SharedPixelBuffer::clone_from_slice(rgba, width, height))
}

/// Somebody rings.
pub(in crate::ui) fn view(call: u32, name: &str) -> CallView {
    CallView {
        call: CallHandle(call),
        account: u8::try_from(call % 3).expect("small"),
        remote: format!("sip:door@192.168.1.{call}"),
        can_unlock: call % 2 == 1,
        ..CallView::of_visitor(name)
    }
}

/// Who else rings: a door, a caller with a long name, and a door that is called like the first.
const OTHERS: [&str; 3] = ["Hofeinfahrt", "Familie Schwarzenberger", "Hofeinfahrt"];

/// The front door with its picture, and so many others.
pub(super) fn ringing(window: &ui::AppWindow, others: usize) {
    show(window, view(1, "Haustür"), others);
}

/// A conversation, and so many who ring into it.
pub(super) fn rung_into(window: &ui::AppWindow, others: usize) {
    let began = Instant::now();
    show(window, CallView { state: CallState::Confirmed, answered: Some(began), ..view(1, "Haustür") }, others);
}

fn show(window: &ui::AppWindow, front: CallView, others: usize) {
    let others = (2..).zip(OTHERS).take(others).map(|(call, name)| view(call, name));
    let on_screen = Some(front.call);
    let calls = std::iter::once(front).chain(others).map(|call| (call.call, call)).collect();
    let state = State { calls, on_screen, live: on_screen, ..State::default() };
    call::apply(window, &state);
    call::apply_picture(window, camera(640, 480));
}

/// Several are called at the same time.
pub(super) fn several(window: &ui::AppWindow) {
    window.global::<ui::CallAdapter>().set_call(ui::CallData {
        name: "Familie Schwarzenberger".into(),
        initial: "F".into(),
        longest_word: 15,
        remote: "9".into(),
        legs: 3,
        phase: ui::CallPhase::Calling,
        ..Default::default()
    });
}

/// A door without a camera, or with none that works, that has shown something before.
pub(super) fn last_picture(window: &ui::AppWindow) {
    let adapter = window.global::<ui::CallAdapter>();
    adapter.set_picture(camera(640, 360));
    adapter.set_call(ui::CallData {
        has_picture: true,
        picture_is_old: true,
        picture_at: convert::moment(SystemTime::now() - Duration::from_secs(30 * 60 * 60)),
        name: "Hofeinfahrt".into(),
        longest_word: 11,
        door: true,
        can_unlock: true,
        incoming: true,
        phase: ui::CallPhase::Ringing,
        ..Default::default()
    });
}

/// The home screen with what these doors showed last: on a day with a long name, and in a month with a long one.
pub(super) fn last_pictures(window: &ui::AppWindow, doors: &[&str]) {
    let door = |(n, name): (usize, &&str)| PhonebookEntry {
        name: (*name).to_owned(),
        numbers: vec![format!("192.168.1.2{n}")],
        door: Some(Default::default()),
        ..PhonebookEntry::default()
    };
    let contacts: Vec<_> = doors.iter().enumerate().map(door).collect();
    let config = Arc::new(Config { contacts: contacts.into(), ..Config::default() });
    let mut state = State { config, ..State::default() };
    for n in 0..2 {
        let seen = Seen { picture: camera(640, 360), at: SystemTime::now(), file: None };
        state.pictures.insert(format!("192.168.1.2{n}"), seen);
    }
    home::apply(window, &state);
    let shown = window.global::<ui::HomeAdapter>().get_doors();
    for (row, days_ago) in [2, 40].into_iter().enumerate().take(doors.len()) {
        let mut door = shown.row_data(row).expect("a row for each door");
        door.picture_at = ui::Moment { year: 2026, month: 9, day: 23, weekday: 3, hour: 23, minute: 28, days_ago };
        shown.set_row_data(row, door);
    }
}
