//! Twin of the call log.

mod sight;

use std::rc::Rc;
use std::time::SystemTime;

use screens as ui;
use slint::{ComponentHandle, Image, Model};

pub(super) use self::sight::{handle, to_the_top};
use super::gallery::Whose;
use super::panel::{Panel, State};
use super::{call, contacts, convert, pages, picture};
use crate::channel::{AccountChoice, Allowed, CallResult, Command, LogEntry, PictureName, PictureSize, StreamQuality};
use crate::config::PhonebookEntry;

/// The line that is open. It is told from others by when its call began and by whom, as places move.
#[derive(Clone, Default)]
pub(super) struct Opened {
    at: Option<SystemTime>,
    remote: String,
    /// Its picture, large: none until it was read, nothing in it where it cannot be.
    picture: Option<Option<Image>>,
}

impl Opened {
    /// This line.
    pub(super) fn of(entry: &LogEntry) -> Self {
        Self { at: Some(entry.at), remote: entry.remote.clone(), picture: None }
    }

    /// With its picture.
    #[cfg(test)]
    pub(super) fn with(self, picture: Option<Image>) -> Self {
        Self { picture: Some(picture), ..self }
    }

    /// Where it is now.
    fn place(&self, log: &[LogEntry]) -> Option<usize> {
        log.iter().position(|entry| Some(entry.at) == self.at && entry.remote == self.remote)
    }
}

/// Joins tabs, rows and Call back.
pub(super) fn connect(window: &ui::AppWindow, panel: &Rc<Panel>) {
    let adapter = window.global::<ui::LogAdapter>();
    let here = panel.clone();
    adapter.on_choose_tab(move |tab| {
        here.touched();
        here.state.borrow_mut().log_tab = tab;
        to_the_top(&here);
        if let Some(window) = here.window.upgrade() {
            apply(&window, &here.state.borrow());
        }
    });
    let here = panel.clone();
    adapter.on_reached_top(move || sight::reached_top(&here));
    let here = panel.clone();
    adapter.on_call_back(move |index| {
        here.touched();
        let entry = usize::try_from(index).ok().and_then(|at| here.state.borrow().log.get(at).cloned());
        if let Some(entry) = entry {
            let account = match entry.account {
                1 => AccountChoice::Account1,
                2 => AccountChoice::Account2,
                _ => AccountChoice::Auto,
            };
            here.change(|state| state.dialled = Some(entry.remote.clone()));
            here.send(Command::Dial { text: entry.remote, account });
        }
    });
    let here = panel.clone();
    adapter.on_allow(move |index| {
        here.touched();
        let entry = usize::try_from(index).ok().and_then(|at| here.state.borrow().log.get(at).cloned());
        if let Some(entry) = entry {
            here.send(Command::AllowCaller { at: entry.at, remote: entry.remote });
        }
    });
    let here = panel.clone();
    adapter.on_add_contact(move || {
        let caller = {
            let state = here.state.borrow();
            let place = state.opened.as_ref().and_then(|opened| opened.place(&state.log));
            place.and_then(|at| as_new_contact(&state, &state.log[at]))
        };
        if let Some(caller) = caller {
            contacts::write_new(&here, caller);
        }
    });
    connect_pictures(&adapter, panel);
}

/// The other side of a line, if it is no contact yet and can become one.
fn as_new_contact(state: &State, entry: &LogEntry) -> Option<PhonebookEntry> {
    if entry.contact(&state.config).is_some() { None } else { entry.as_contact(&state.config) }
}

/// Joins the lines that open, and their pictures.
fn connect_pictures(adapter: &ui::LogAdapter, panel: &Rc<Panel>) {
    let pixels = |length: i32| u32::try_from(length.max(1)).unwrap_or(1);
    let here = panel.clone();
    adapter.on_look(move |index| {
        here.touched();
        let entry = usize::try_from(index).ok().and_then(|at| here.state.borrow().log.get(at).cloned());
        open(&here, entry.as_ref().map(Opened::of));
    });
    let here = panel.clone();
    adapter.on_close(move || {
        here.touched();
        open(&here, None);
    });
    let here = panel.clone();
    adapter.on_show_row(move |index, width| {
        let file = usize::try_from(index).ok().and_then(|at| picture_at(&here.state.borrow(), at));
        if let Some(file) = file {
            here.send(Command::ShowPicture { file, size: PictureSize::Width(pixels(width)) });
        }
    });
    let here = panel.clone();
    adapter.on_show_large(move |width, height| {
        if let Some(file) = picture_opened(&here.state.borrow()) {
            here.send(Command::ShowPicture { file, size: PictureSize::Within(pixels(width), pixels(height)) });
        }
    });
    let here = panel.clone();
    adapter.on_delete_picture(move || {
        here.touched();
        let file = picture_opened(&here.state.borrow());
        if let Some(file) = file {
            // What was seen live of the same visitor goes from the home screen, too.
            here.change(|state| {
                let line = state.opened.as_ref().and_then(|opened| state.log.get(opened.place(&state.log)?));
                drop(line.and_then(|line| state.pictures.remove(&Whose::of_line(&state.config, line))));
            });
            here.send(Command::DropPicture(file));
        }
    });
    let here = panel.clone();
    adapter.on_delete_pictures(move || {
        here.touched();
        here.change(|state| state.pictures.clear());
        here.send(Command::DropPictures);
    });
}

/// Opens a line, or closes the one that is open.
fn open(panel: &Rc<Panel>, opened: Option<Opened>) {
    panel.state.borrow_mut().opened = opened;
    if let Some(window) = panel.window.upgrade() {
        apply_detail(&window, &panel.state.borrow());
    }
}

/// Closes the line that is open; false where none is.
pub(super) fn back(panel: &Rc<Panel>) -> bool {
    let Some(window) = panel.window.upgrade() else { return false };
    let adapter = window.global::<ui::LogAdapter>();
    if adapter.get_asking() {
        adapter.set_asking(false);
        return true;
    }
    let was_open = panel.state.borrow().opened.is_some();
    open(panel, None);
    was_open
}

/// The large picture was read, or cannot be.
pub(super) fn handle_large(state: &mut State, file: &PictureName, picture: Option<Image>) {
    if picture_opened(state).as_ref() == Some(file)
        && let Some(opened) = &mut state.opened
    {
        opened.picture = Some(picture);
    }
}

fn picture_at(state: &State, place: usize) -> Option<PictureName> {
    Some(state.log.get(place)?.picture.as_ref()?.file.clone())
}

fn picture_opened(state: &State) -> Option<PictureName> {
    picture_at(state, state.opened.as_ref()?.place(&state.log)?)
}

fn is_on_tab(entry: &LogEntry, tab: ui::LogTab) -> bool {
    match tab {
        ui::LogTab::All => true,
        ui::LogTab::Missed => entry.result == CallResult::Missed,
        ui::LogTab::Blocked => matches!(entry.result, CallResult::Blocked | CallResult::Dnd),
    }
}

/// The rows of the tab that is open.
pub(super) fn apply(window: &ui::AppWindow, state: &State) {
    let adapter = window.global::<ui::LogAdapter>();
    adapter.set_tab(state.log_tab);
    let allowed = Allowed::by(&state.config.contacts);
    let rows = state
        .log
        .iter()
        .enumerate()
        .skip(state.log_held_back)
        .filter(|(_, entry)| is_on_tab(entry, state.log_tab))
        .map(|(index, entry)| row(state, &allowed, index, entry));
    let is_same = |old: &ui::LogRow, new: &ui::LogRow| {
        (&old.remote, &old.at, old.outgoing) == (&new.remote, &new.at, new.outgoing)
    };
    pages::update(&adapter.get_rows(), rows, is_same, |rows| adapter.set_rows(rows));
    adapter.set_has_pictures(state.log.iter().any(|entry| entry.picture.is_some()));
    apply_detail(window, state);
}

/// The picture of one row was read: nothing else is drawn again.
pub(super) fn apply_row(window: &ui::AppWindow, state: &State, file: &PictureName) {
    let rows = window.global::<ui::LogAdapter>().get_rows();
    let Some(place) = state.log.iter().position(|e| e.picture.as_ref().is_some_and(|it| it.file == *file)) else {
        return;
    };
    let Some(at) = rows.iter().position(|row| usize::try_from(row.index) == Ok(place)) else { return };
    if let Some(mut row) = rows.row_data(at) {
        fill_picture(&mut row, state, file);
        rows.set_row_data(at, row);
    }
}

/// The line that is open.
pub(super) fn apply_detail(window: &ui::AppWindow, state: &State) {
    let adapter = window.global::<ui::LogAdapter>();
    let line = state.opened.as_ref().and_then(|opened| Some((opened, opened.place(&state.log)?)));
    if let Some((opened, place)) = line {
        let entry = &state.log[place];
        let picture = opened.picture.as_ref().filter(|_| entry.picture.is_some());
        let detail = ui::LogDetail {
            row: row(state, &Allowed::by(&state.config.contacts), place, entry),
            sound: entry.quality.audio.as_ref().map(stream).unwrap_or_default(),
            video: entry.quality.video.as_ref().map(stream).unwrap_or_default(),
            loaded: picture.is_some_and(Option::is_some),
            gone: picture.is_some_and(Option::is_none),
            can_add: as_new_contact(state, entry).is_some(),
            contact: entry.contact(&state.config).map(|contact| contact.name.as_str()).unwrap_or_default().into(),
            picture: picture.cloned().flatten().unwrap_or_else(picture::none),
        };
        if adapter.get_detail() != detail {
            adapter.set_detail(detail);
        }
    }
    if adapter.get_open() != line.is_some() {
        adapter.set_asking(false);
        adapter.set_open(line.is_some());
    }
}

fn stream(quality: &StreamQuality) -> ui::StreamQuality {
    ui::StreamQuality {
        known: true,
        codec: quality.codec.as_str().into(),
        level: call::quality(quality.packets, quality.loss(), quality.jitter_ms),
        loss: quality.loss(),
        jitter_ms: quality.jitter_ms.round() as i32,
    }
}

/// The picture of a row, as far as it was read.
fn fill_picture(row: &mut ui::LogRow, state: &State, file: &PictureName) {
    let read = state.gallery.row(file);
    row.has_picture = read != Some(None);
    row.loaded = read.flatten().is_some();
    row.picture = read.flatten().cloned().unwrap_or_else(picture::none);
}

fn row(state: &State, allowed: &Allowed, index: usize, entry: &LogEntry) -> ui::LogRow {
    let (end_reason, end_code) = convert::end_reason(entry.why);
    let is_allowed = entry.is_allowed(allowed);
    let mut row = ui::LogRow {
        index: i32::try_from(index).unwrap_or(i32::MAX),
        name: entry.name.as_str().into(),
        initial: convert::initial(&entry.name).into(),
        remote: convert::short(&entry.remote).into(),
        outgoing: entry.outgoing,
        result: convert::result(entry.result),
        end_reason,
        end_code,
        account: i32::from(entry.account),
        at: convert::moment(entry.at),
        seconds: i32::try_from(entry.duration.as_secs()).unwrap_or(i32::MAX),
        unlocked: entry.unlocked,
        unseen: entry.unseen,
        attempts: i32::try_from(entry.attempts).unwrap_or(i32::MAX),
        can_allow: entry.allow.is_some() && !is_allowed,
        allowed: is_allowed,
        has_picture: false,
        loaded: false,
        picture: picture::none(),
    };
    if let Some(picture) = &entry.picture {
        fill_picture(&mut row, state, &picture.file);
    }
    row
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    use super::*;
    use crate::channel::Event;
    use crate::config::Config;
    use crate::config::book::MOST_CONTACTS;
    use crate::ui::{finger, shots};

    /// A panel that somebody called, with the line open that is left of it.
    fn called(window: &ui::AppWindow, config: Config) -> (Rc<Panel>, UnboundedReceiver<Command>) {
        let (commands, sent) = unbounded_channel();
        let panel = Panel::new(window, commands, false);
        panel.connect();
        panel.handle_event(Event::Settings(Arc::new(config)));
        let line = LogEntry { remote: "sip:102@pbx.test".into(), account: 1, ..LogEntry::of_visitor("Grandma") };
        panel.handle_event(Event::Log([line].into()));
        press(window, &["Call log", "Line"]);
        (panel, sent)
    }

    fn press(window: &ui::AppWindow, labels: &[&str]) {
        for label in labels {
            assert_eq!(finger::press(window, label, || {}), Ok(()), "{label}");
            i_slint_backend_testing::mock_elapsed_time(Duration::from_millis(500));
        }
    }

    fn home_of_account_1() -> Config {
        Config::default().set("account1.basic.server", "pbx.test").expect("a server")
    }

    fn added(sent: &mut UnboundedReceiver<Command>) -> Option<PhonebookEntry> {
        std::iter::from_fn(|| sent.try_recv().ok()).find_map(|command| match command {
            Command::AddContact(entry) => Some(*entry),
            _ => None,
        })
    }

    #[test]
    fn whoever_was_missed_is_written_down_in_the_editor_and_the_line_says_so() {
        let window = shots::window(1024, 600);
        let (panel, mut sent) = called(&window, home_of_account_1());
        let (log, contacts) = (window.global::<ui::LogAdapter>(), window.global::<ui::ContactsAdapter>());
        assert!(log.get_detail().can_add && log.get_detail().contact.is_empty());
        press(&window, &["Add to contacts"]);
        assert!(contacts.get_editing() && contacts.get_is_new());
        let values: Vec<_> = contacts.get_fields().iter().map(|row| row.value).take(2).collect();
        assert_eq!(values, ["Grandma", "102"]);

        // Given up, nothing has happened.
        press(&window, &["Discard"]);
        assert!(!contacts.get_editing() && log.get_open() && added(&mut sent).is_none());

        press(&window, &["Add to contacts", "contact.favourite", "Save contact"]);
        let entry = added(&mut sent).expect("it was sent");
        assert_eq!((entry.name.as_str(), &entry.numbers[..]), ("Grandma", &["102".to_owned()][..]));
        assert_eq!((entry.account, entry.favourite), (AccountChoice::Account1, true));
        let config = Config { contacts: vec![entry].into(), ..home_of_account_1() };
        panel.handle_event(Event::Settings(Arc::new(config)));
        assert!(!contacts.get_editing() && !contacts.get_opened() && log.get_open(), "the line is in sight again");
        assert_eq!((log.get_detail().can_add, log.get_detail().contact.as_str()), (false, "Grandma"));
        assert!(finger::press(&window, "Add to contacts", || {}).is_err());
        // One step back is from the line to the log.
        assert_eq!(pages::back(&panel), Ok(()));
        assert!(!log.get_open());
        assert_eq!(window.global::<ui::Nav>().get_page(), ui::Page::Log);
    }

    #[test]
    fn with_a_full_address_book_it_is_said_and_what_was_typed_stays() {
        let window = shots::window(1024, 600);
        let full: Vec<_> = (0..MOST_CONTACTS)
            .map(|n| PhonebookEntry {
                name: format!("Contact {n}"),
                numbers: vec![format!("9{n:05}")],
                ..PhonebookEntry::default()
            })
            .collect();
        let (_panel, mut sent) = called(&window, Config { contacts: full.into(), ..home_of_account_1() });
        press(&window, &["Add to contacts", "Save contact"]);
        assert!(added(&mut sent).is_none());
        let refusal = window.global::<ui::NoticesAdapter>().get_refusal();
        assert_eq!((refusal.kind, refusal.text.as_str()), (ui::RefusalKind::ContactsFull, "10000"));
        let contacts = window.global::<ui::ContactsAdapter>();
        assert!(contacts.get_editing());
        assert_eq!(contacts.get_fields().row_data(0).map(|row| row.value), Some("Grandma".into()));
    }
}
