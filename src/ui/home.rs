//! Twin of the home screen and the clock's facts: doors with their last picture.

use std::rc::Rc;
use std::time::Instant;

use slint::ComponentHandle;

use super::panel::{Panel, State};
use super::{convert, generated as ui, pages, unlock};
use crate::channel::{Command, UnlockState};
use crate::config::PhonebookEntry;

/// Joins the cards of the doors.
pub(super) fn connect(window: &ui::AppWindow, panel: &Rc<Panel>) {
    let adapter = window.global::<ui::HomeAdapter>();
    let here = panel.clone();
    adapter.on_view(move |place| with_door(&here, place, call));
    let here = panel.clone();
    adapter.on_monitor(move || with_door(&here, 0, call));
    let here = panel.clone();
    adapter.on_unlock(move |place| with_door(&here, place, |panel, door| panel.send(Command::UnlockDoor(door.name))));
}

fn with_door(panel: &Rc<Panel>, place: i32, act: impl FnOnce(&Rc<Panel>, PhonebookEntry)) {
    panel.touched();
    let door = usize::try_from(place).ok().and_then(|at| panel.state.borrow().config.doors().nth(at).cloned());
    if let Some(door) = door {
        act(panel, door);
    }
}

fn call(panel: &Rc<Panel>, contact: PhonebookEntry) {
    panel.touched();
    if let Some(text) = contact.numbers.first().cloned() {
        panel.change(|state| state.dialled = Some(text.clone()));
        panel.send(Command::Dial { text, account: contact.account });
    }
}

/// The doors, the facts of the idle page.
pub(super) fn apply(window: &ui::AppWindow, state: &State) {
    let adapter = window.global::<ui::HomeAdapter>();
    pages::replace(&adapter.get_doors(), state.config.doors().map(|door| door_view(state, door)), |rows| {
        adapter.set_doors(rows)
    });
    adapter.set_can_monitor(state.config.doors().any(|door| !door.numbers.is_empty()));
    let idle = window.global::<ui::IdleAdapter>();
    idle.set_door(state.config.doors().next().map(|door| door.name.as_str()).unwrap_or_default().into());
    idle.set_lock(state.config.doors().next().map_or(ui::LockState::Unknown, |door| lock(state, door)));
}

/// Whether a door is open, where its contact says so; otherwise the fact is left out rather than made up.
fn lock(state: &State, door: &PhonebookEntry) -> ui::LockState {
    match state.wired_door.open.filter(|_| state.config.is_wired(door)) {
        None => ui::LockState::Unknown,
        Some(true) => ui::LockState::Open,
        Some(false) => ui::LockState::Closed,
    }
}

fn door_view(state: &State, door: &PhonebookEntry) -> ui::DoorView {
    let picture = door.numbers.iter().find_map(|number| {
        let host = convert::host(number);
        state.pictures.get(&host)
    });
    let visit = state.log.iter().find(|entry| !entry.outgoing && entry.name == door.name);
    let key = unlock::shown(state.door_keys.get(&door.name).unwrap_or(&UnlockState::Idle), Instant::now());
    let open = state.wired_door.open.filter(|_| state.config.is_wired(door));
    let key = key.as_contact_says(open);
    ui::DoorView {
        name: door.name.as_str().into(),
        has_picture: picture.is_some(),
        picture_at: picture.map(|seen| convert::moment(seen.at)).unwrap_or_default(),
        picture: picture.map(|seen| seen.picture.clone()).unwrap_or_default(),
        lock: lock(state, door),
        has_visitor: visit.is_some(),
        last_visitor: visit.map(|entry| convert::moment(entry.at)).unwrap_or_default(),
        can_view: !door.numbers.is_empty(),
        can_unlock: state.config.opens_by_itself(door),
        unlock: key.state,
        unlock_seconds: key.seconds,
        unlock_fault: key.fault,
        unlock_code: key.code,
    }
}
