//! Calls, as they ring and are spoken in, alone and with others, and what doors showed last.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use i_slint_backend_testing::{ElementHandle, ElementQuery};
use slint::{ComponentHandle, Image, Model, SharedPixelBuffer};

use super::{LANGUAGES, PANELS, ui, window};
use crate::channel::{CallHandle, CallState, CallView};
use crate::config::{Config, PhonebookEntry};
use crate::simulator::scene::Scene as Camera;
use crate::ui::gallery::{Seen, Whose};
use crate::ui::panel::State;
use crate::ui::{call, convert, finger, home};

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

/// As strangers call themselves: as long as a name may be, an address, and one word for all of it.
const LONG_NAMES: [&str; 4] = [
    "Haupteingang Vorderhaus Bismarckstraße 12, Hof links, 3. Treppen",
    "frontdoor@127.100.103.101",
    "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenfabrik",
    "WWW WWWWWW WWWW WWWWWWWWWW WWWWW WWWWWWWW WWWWWWWW WWWWWWWWW WWW",
];

/// The front door with its picture, and so many others.
pub(super) fn ringing(window: &ui::AppWindow, others: usize) {
    show(window, view(1, "Haustür"), &OTHERS[..others]);
    call::apply_picture(window, camera(640, 480));
}

/// A conversation, and so many who ring into it.
pub(super) fn rung_into(window: &ui::AppWindow, others: usize) {
    show(window, spoken("Haustür"), &OTHERS[..others]);
    call::apply_picture(window, camera(640, 480));
}

/// The same with callers who call themselves as long as they can.
pub(super) fn rung_into_by_strangers(window: &ui::AppWindow, others: usize) {
    show(window, spoken("Haustür"), &LONG_NAMES[..others]);
}

/// A conversation.
fn spoken(name: &str) -> CallView {
    CallView { state: CallState::Confirmed, answered: Some(Instant::now()), ..view(1, name) }
}

fn show(window: &ui::AppWindow, front: CallView, others: &[&str]) {
    let others = (2..).zip(others).map(|(call, name)| view(call, name));
    let on_screen = Some(front.call);
    let calls = std::iter::once(front).chain(others).map(|call| (call.call, call)).collect();
    let state = State { calls, on_screen, live: on_screen, ..State::default() };
    call::apply(window, &state);
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
    for door in doors {
        let seen = Seen { picture: camera(640, 360), at: SystemTime::now(), file: None };
        state.pictures.insert(Whose::Contact((*door).to_owned()), seen);
    }
    home::apply(window, &state);
    let shown = window.global::<ui::HomeAdapter>().get_doors();
    for (row, days_ago) in [2, 40].into_iter().enumerate().take(doors.len()) {
        let mut door = shown.row_data(row).expect("a row for each door");
        door.picture_at = ui::Moment { year: 2026, month: 9, day: 23, weekday: 3, hour: 23, minute: 28, days_ago };
        shown.set_row_data(row, door);
    }
}

/// Where something is: left, top, right, bottom.
fn frame(element: &ElementHandle) -> [f32; 4] {
    let (at, size) = (element.absolute_position(), element.size());
    [at.x, at.y, at.x + size.width, at.y + size.height]
}

/// The widest way between two frames sideways and downwards; none where they lie over each other.
fn apart([l, t, r, b]: [f32; 4], [left, top, right, bottom]: [f32; 4]) -> f32 {
    (left - r).max(l - right).max(top - b).max(t - bottom)
}

/// On the small panel the keys of the banner slid under those below it with the length of a name, which a stranger chooses: a
/// finger on "Answer and hold" opened the door.
#[test]
fn the_keys_of_who_rings_into_a_call_stay_in_their_place_whatever_they_are_called() {
    // The panels, the least that scaling leaves of others, and the least of the middle layout.
    let mut wrong = Vec::new();
    let others = [(854, 534, 7.35), (900, 560, 6.68)];
    for (width, height, density) in PANELS.into_iter().chain(others) {
        let window = window(width, height);
        window.global::<ui::Nav>().set_page(ui::Page::InCall);
        for language in LANGUAGES {
            slint::select_bundled_translation(language).expect("the language is there");
            for first in 0..LONG_NAMES.len() {
                let mut names = LONG_NAMES;
                names.rotate_left(first);
                for (others, waits) in (0..=4).zip([false, true].into_iter().cycle()) {
                    show(&window, spoken(names[3]), &names[..others]);
                    let adapter = window.global::<ui::CallAdapter>();
                    adapter.set_has_waiting(waits);
                    adapter.set_waiting_name(names[2].into());
                    let place = format!("{width}×{height}, '{language}', {others} of {names:?}");
                    let found = out_of_place(&window, others > 0, density);
                    wrong.extend(found.into_iter().map(|what| format!("{place}: {what}")));
                }
            }
        }
    }
    slint::select_bundled_translation("").expect("English is always there");
    assert!(wrong.is_empty(), "{} out of place:\n{}", wrong.len(), wrong.join("\n"));
}

/// What is wrong with the places of the keys of a call into which somebody rings, or nobody does.
fn out_of_place(window: &ui::AppWindow, rung: bool, density: f32) -> Vec<String> {
    const BANNER: [&str; 3] = ["Decline", "Answer and end", "Answer and hold"];
    let theme = window.global::<ui::Theme>();
    let (size, row) = (window.window().size(), theme.get_picture_height() + theme.get_gap());
    let found = ElementQuery::from_root(window).match_predicate(finger::is_touched).find_all();
    let key = |key: &ElementHandle| (String::from(key.accessible_id().unwrap_or_default()), frame(key));
    let keys: Vec<_> = found.iter().map(key).collect();
    let banner: Vec<_> = keys.iter().filter(|(id, _)| BANNER.contains(&id.as_str())).collect();
    let mut wrong = Vec::new();
    let mut must = |is_so: bool, what: String| {
        if !is_so {
            wrong.push(what);
        }
    };
    must(banner.len() == if rung { 3 } else { 0 }, format!("the banner: {banner:?}"));
    for (place, (id, at)) in keys.iter().enumerate() {
        let [left, top, right, bottom] = *at;
        let is_inside = left >= 0.0 && top >= 0.0 && right <= size.width as f32 && bottom <= size.height as f32;
        must(is_inside, format!("{id} at {at:?} leaves the screen"));
        // What is touched of the bars reaches under the keys beside them.
        for (other, beside) in keys[place + 1..].iter().filter(|_| id != "Quality") {
            must(apart(*at, *beside) > 0.0, format!("{id} at {at:?}, {other} at {beside:?}"));
        }
    }
    for (id, at) in &banner {
        must(at[2] <= theme.get_picture_width() && at[3] < theme.get_picture_height(), format!("{id} at {at:?}"));
        for (other, beside) in keys.iter().filter(|(other, _)| other != id) {
            let decline = id == "Decline" && BANNER.contains(&other.as_str());
            let least = if decline { 8.0 } else { 2.0 } * density - 1.0;
            must(apart(*at, *beside) >= least, format!("{id} at {at:?} is too near to {other} at {beside:?}"));
        }
    }
    if rung {
        let is_name = |it: &ElementHandle| it.accessible_id().is_some_and(|id| id == "Second caller");
        let name = ElementQuery::from_root(window).match_predicate(is_name).find_first().expect("it is said who rings");
        let [_, top, _, bottom] = frame(&name);
        let is_free = banner.iter().all(|(_, at)| bottom < at[1]);
        must(is_free && bottom - top >= theme.get_small(), format!("the name from {top} to {bottom}"));
    }
    let column = theme.get_margin() + theme.get_decline_key() + theme.get_apart();
    let unlock = keys.iter().find(|(id, _)| id == "Unlock").map(|(_, at)| at);
    let stays = unlock.is_some_and(|at| (at[0] - column).abs() < 1.0 && (at[1] - row).abs() < 1.0);
    must(stays, format!("Unlock at {unlock:?}, and not at {column}, {row}"));
    wrong
}
