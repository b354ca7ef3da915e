//! Twin of the home screen and the clock's facts: doors with their last picture.

use std::rc::Rc;
use std::time::Instant;

use screens as ui;
use slint::ComponentHandle;

use super::gallery::Whose;
use super::panel::{Panel, State};
use super::{convert, pages, picture, unlock};
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
    let doors = state.config.doors().map(|door| door_view(state, door));
    // A countdown goes on while a finger is on a key.
    let is_same = |old: &ui::DoorView, new: &ui::DoorView| old.name == new.name;
    pages::update(&adapter.get_doors(), doors, is_same, |rows| adapter.set_doors(rows));
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
    let picture = state.pictures.get(&Whose::Contact(door.name.clone()));
    let visit = state.log.iter().find(|entry| !entry.outgoing && entry.name == door.name);
    let key = unlock::shown(state.door_keys.get(&door.name).unwrap_or(&UnlockState::Idle), Instant::now());
    let open = state.wired_door.open.filter(|_| state.config.is_wired(door));
    let key = key.as_contact_says(open);
    ui::DoorView {
        name: door.name.as_str().into(),
        has_picture: picture.is_some(),
        picture_at: picture.map(|seen| convert::moment(seen.at)).unwrap_or_default(),
        picture: picture.map_or_else(picture::none, |seen| seen.picture.clone()),
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use slint::LogicalPosition;
    use slint::platform::{PointerEventButton, WindowEvent};
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    use super::*;
    use crate::channel::{DoorKeyView, Event, ScreenRequest, UnlockFault};
    use crate::config::{Config, Door, DoorUnlock};
    use crate::ui::{finger, shots};

    /// A house with these doors, each with a web address that opens it.
    fn house(names: &[&str]) -> Event {
        let door = |(n, name): (usize, &&str)| {
            let url = Some(format!("http://192.168.1.2{n}/open"));
            PhonebookEntry {
                name: (*name).to_owned(),
                numbers: vec![format!("192.168.1.2{n}")],
                door: Some(Door { unlock: Some(DoorUnlock::Http), url, ..Door::default() }),
                ..PhonebookEntry::default()
            }
        };
        let contacts: Vec<_> = names.iter().enumerate().map(door).collect();
        let english = Config::default().set("display.language", "en").expect("English is always there");
        Event::Settings(Arc::new(Config { contacts: contacts.into(), ..english }))
    }

    fn panel(window: &ui::AppWindow, names: &[&str]) -> (Rc<Panel>, UnboundedReceiver<Command>) {
        let (commands, sent) = unbounded_channel();
        let panel = Panel::new(window, commands, false);
        panel.connect();
        panel.handle_event(house(names));
        (panel, sent)
    }

    fn key(panel: &Rc<Panel>, name: &str, unlock: UnlockState) {
        panel.handle_event(Event::DoorKey(DoorKeyView { name: name.to_owned(), can_unlock: true, unlock }));
    }

    fn open_for(seconds: u64) -> UnlockState {
        UnlockState::Opened { until: Instant::now() + Duration::from_secs(seconds) }
    }

    /// What the doors were asked since the last time.
    fn asked(sent: &mut UnboundedReceiver<Command>) -> Vec<String> {
        let commands = std::iter::from_fn(|| sent.try_recv().ok());
        let wish = |command| match command {
            Command::UnlockDoor(name) => Some(format!("open {name}")),
            Command::Dial { text, .. } => Some(format!("call {text}")),
            _ => None,
        };
        commands.filter_map(wish).collect()
    }

    fn wait(milliseconds: u64) {
        i_slint_backend_testing::mock_elapsed_time(Duration::from_millis(milliseconds));
    }

    #[test]
    fn whatever_the_key_of_one_door_shows_a_press_of_any_key_reaches_its_door() {
        for names in [&["Front", "Garden"][..], &["Front", "Garden", "Cellar"]] {
            let window = shots::window(1024, 600);
            let (panel, mut sent) = panel(&window, names);
            for unlock in [UnlockState::Sending, open_for(30), UnlockState::Failed(UnlockFault::NoAnswer)] {
                key(&panel, "Garden", unlock.clone());
                for (label, expected) in [
                    ("Unlock Front", "open Front"),
                    ("Unlock Garden", "open Garden"),
                    ("View Front", "call 192.168.1.20"),
                ] {
                    panel.handle_event(Event::Ask { ask: 1, request: ScreenRequest::Press(label.to_owned()) });
                    wait(500);
                    assert_eq!(asked(&mut sent), [expected], "{label} of {} doors at {unlock:?}", names.len());
                }
            }
        }
    }

    /// A finger that comes down on the Unlock key of Front, stays while this happens, and is lifted.
    fn slow_finger(window: &ui::AppWindow, meanwhile: impl FnOnce()) {
        let spot = finger::find(window, "Unlock Front").expect("it is in sight");
        let (position, button) = (LogicalPosition::new(spot.x as f32, spot.y as f32), PointerEventButton::Left);
        let send = |event| window.window().dispatch_event_with_result(event).map(drop).expect("the window is open");
        send(WindowEvent::PointerMoved { position });
        send(WindowEvent::PointerPressed { position, button });
        wait(200);
        meanwhile();
        wait(200);
        send(WindowEvent::PointerReleased { position, button });
        send(WindowEvent::PointerExited);
    }

    #[test]
    fn the_countdown_of_a_door_does_not_take_the_key_from_under_a_slow_finger() {
        for names in [&["Front", "Garden"][..], &["Front", "Garden", "Cellar"]] {
            let window = shots::window(1024, 600);
            let (panel, mut sent) = panel(&window, names);
            key(&panel, "Garden", open_for(9));
            slow_finger(&window, || key(&panel, "Garden", open_for(5)));
            assert_eq!(asked(&mut sent), ["open Front"], "of {} doors", names.len());
            key(&panel, "Front", open_for(9));
            slow_finger(&window, || key(&panel, "Front", open_for(5)));
            assert_eq!(asked(&mut sent), ["open Front"], "of {} doors, its own countdown", names.len());
        }
    }

    #[test]
    fn a_door_that_comes_into_the_place_of_another_is_not_opened_by_the_finger_that_meant_the_other() {
        let window = shots::window(1024, 600);
        let (panel, mut sent) = panel(&window, &["Front", "Garden"]);
        slow_finger(&window, || panel.handle_event(house(&["Garden", "Front"])));
        assert_eq!(asked(&mut sent), Vec::<String>::new());
        slow_finger(&window, || ());
        assert_eq!(asked(&mut sent), ["open Front"]);
    }
}
