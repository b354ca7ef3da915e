//! A contact that is being written: its rows, what was typed, what is wrong with it; sent whole once it is good.

use std::rc::Rc;

use screens as ui;
use slint::{ComponentHandle, ModelRc, SharedString, VecModel};

use super::{Contacts, turn};
use crate::channel::{Command, Refusal};
use crate::config::book::{BookError, ContactError, ContactFault, Field, Which};
use crate::config::{AccountChoice, DoorUnlock, PhonebookEntry, Ringtone};
use crate::ui::panel::{Panel, State};
use crate::ui::{pages, settings};

/// The row that has one more number.
const MORE: &str = "contact.more";
/// What a choice is called that leaves it to the settings.
const AS_SET: &str = "default";

/// A contact that is being written.
#[derive(Clone, Debug, Default)]
pub(in crate::ui) struct Draft {
    /// What it was; none for a new one.
    was: Option<Box<PhonebookEntry>>,
    entry: PhonebookEntry,
    /// The key of the row that is being typed or chosen.
    entering: Option<String>,
    fault: Option<Fault>,
    /// Whether it is to be removed.
    asking: bool,
    /// It was sent to the worker.
    sent: bool,
}

#[derive(Clone, Debug)]
struct Fault {
    key: String,
    error: ContactError,
}

impl Draft {
    /// Another contact to be changed, or a new one.
    pub(in crate::ui) fn of(was: Option<PhonebookEntry>) -> Self {
        Self { entry: was.clone().unwrap_or_default(), was: was.map(Box::new), ..Self::default() }
    }

    /// A new contact of which this much is known already.
    pub(in crate::ui) fn beginning_with(entry: PhonebookEntry) -> Self {
        Self { entry, ..Self::default() }
    }

    /// Puts a value into the row of this key.
    fn set(&mut self, key: &str, text: &str) -> Result<(), ContactError> {
        let Some((field, place)) = field_of(key) else { return Ok(()) };
        let text = if text == AS_SET && matches!(field, Field::Ringtone | Field::Unlock) { "" } else { text.trim() };
        if field == Field::Numbers {
            let mut probe = PhonebookEntry::default();
            if text.is_empty() {
                if place < self.entry.numbers.len() {
                    self.entry.numbers.remove(place);
                }
                return Ok(());
            }
            field.set(&mut probe, text)?;
            return match self.entry.numbers.get_mut(place) {
                Some(number) => {
                    text.clone_into(number);
                    Ok(())
                }
                None => field.set(&mut self.entry, text),
            };
        }
        field.set(&mut self.entry, text)?;
        // Who is turned away is neither let in nor let through.
        if field == Field::Blocked && self.entry.blocked {
            (self.entry.may_call, self.entry.emergency) = (false, false);
        }
        Ok(())
    }
}

#[cfg(test)]
impl Draft {
    /// This was typed there.
    pub(in crate::ui) fn trying(mut self, key: &str, text: &str) -> Self {
        self.fault = self.set(key, text).err().map(|error| Fault { key: key.to_owned(), error });
        self
    }

    /// This row is being typed or chosen.
    pub(in crate::ui) fn entering(mut self, key: &str) -> Self {
        self.entering = Some(key.to_owned());
        self
    }

    /// It is asked whether to remove it.
    pub(in crate::ui) fn asking(mut self) -> Self {
        self.asking = true;
        self
    }
}

/// The field of a row, and which of several it is.
fn field_of(key: &str) -> Option<(Field, usize)> {
    let word = key.strip_prefix("contact.")?;
    match word.split_once('.') {
        Some((word, place)) => Some((Field::from_word(word)?, place.parse().ok()?)),
        None => Some((Field::from_word(word)?, 0)),
    }
}

fn key_of(field: Field) -> String {
    match field {
        Field::Numbers => format!("contact.{field}.0"),
        field => format!("contact.{}", field.word()),
    }
}

/// Joins the rows and the keys of the editor.
pub(super) fn connect(window: &ui::AppWindow, panel: &Rc<Panel>) {
    let adapter = window.global::<ui::ContactsAdapter>();
    let here = panel.clone();
    adapter.on_add(move || turn(&here, |state| state.contacts.draft = Some(Draft::of(None))));
    let here = panel.clone();
    adapter.on_edit(move || {
        turn(&here, |state| {
            let opened = state.contacts.opened.as_deref().cloned();
            state.contacts.draft = opened.map(|contact| Draft::of(Some(contact)));
        });
    });
    let here = panel.clone();
    adapter.on_enter(move |key| enter(&here, &key));
    let here = panel.clone();
    adapter.on_leave(move || change(&here, |draft| draft.entering = None));
    let here = panel.clone();
    adapter.on_set(move |key, value| set(&here, &key, &value));
    let here = panel.clone();
    adapter.on_act(move |_| {
        let count = here.state.borrow().contacts.draft.as_ref().map_or(0, |draft| draft.entry.numbers.len());
        enter(&here, &format!("contact.numbers.{count}"));
    });
    let here = panel.clone();
    adapter.on_save(move || save(&here));
    let here = panel.clone();
    adapter.on_cancel(move || turn(&here, |state| state.contacts.draft = None));
    let here = panel.clone();
    adapter.on_ask(move |asking| change(&here, |draft| draft.asking = asking));
    let here = panel.clone();
    adapter.on_remove(move || {
        let was = here.state.borrow().contacts.draft.as_ref().and_then(|draft| draft.was.clone());
        if let Some(was) = was {
            change(&here, |draft| (draft.asking, draft.sent) = (false, true));
            here.send(Command::RemoveContact(Which::Exactly(was)));
        }
    });
}

/// Writes a new contact of which this much is known already, over whatever page is shown.
pub(in crate::ui) fn write_new(panel: &Rc<Panel>, entry: PhonebookEntry) {
    turn(panel, |state| state.contacts.draft = Some(Draft::beginning_with(entry)));
}

fn change(panel: &Rc<Panel>, change: impl FnOnce(&mut Draft)) {
    turn(panel, |state| {
        if let Some(draft) = &mut state.contacts.draft {
            change(draft);
        }
    });
}

/// A row is to be typed or chosen, beginning with what it holds.
fn enter(panel: &Rc<Panel>, key: &str) {
    let text = {
        let state = panel.state.borrow();
        let draft = state.contacts.draft.as_ref();
        draft.and_then(|draft| row_of(draft, key)).map(|row| row.value).unwrap_or_default()
    };
    if let Some(window) = panel.window.upgrade() {
        window.global::<ui::ContactsAdapter>().set_draft(text);
    }
    change(panel, |draft| {
        draft.fault = None;
        draft.entering = Some(key.to_owned());
    });
}

fn set(panel: &Rc<Panel>, key: &str, value: &str) -> bool {
    let mut good = false;
    change(panel, |draft| {
        let done = draft.set(key, value);
        good = done.is_ok();
        draft.fault = done.err().map(|error| Fault { key: key.to_owned(), error });
    });
    good
}

/// Sends the contact, if it is good; else its field says why it is not.
fn save(panel: &Rc<Panel>) {
    let command = {
        let state = panel.state.borrow();
        let Some(draft) = &state.contacts.draft else { return };
        let (book, entry) = (&state.config.contacts, Box::new(draft.entry.clone()));
        match &draft.was {
            None => book.with_added(draft.entry.clone()).map(|_| Command::AddContact(entry)),
            Some(was) => {
                let which = Which::Exactly(was.clone());
                book.with_changed(&which, draft.entry.clone()).map(|_| Command::ChangeContact { which, entry })
            }
        }
    };
    match command {
        Ok(command) => {
            change(panel, |draft| (draft.fault, draft.sent) = (None, true));
            // What is as it was changes nothing that could come back.
            let unchanged = panel.state.borrow().contacts.draft.as_ref().is_some_and(is_unchanged);
            if unchanged {
                turn(panel, |state| state.contacts.draft = None);
            } else {
                panel.send(command);
            }
        }
        Err(error) => refuse(panel, error),
    }
}

fn is_unchanged(draft: &Draft) -> bool {
    draft.was.as_deref() == Some(&draft.entry)
}

/// The worker does not take the contact; false if none was sent.
pub(in crate::ui) fn handle_refused(panel: &Rc<Panel>, error: &BookError) -> bool {
    let sent = panel.state.borrow().contacts.draft.as_ref().is_some_and(|draft| draft.sent);
    if sent && matches!(error, BookError::Contact { .. }) {
        refuse(panel, error.clone());
        return true;
    }
    false
}

fn refuse(panel: &Rc<Panel>, error: BookError) {
    match error {
        BookError::Contact { error, .. } => change(panel, |draft| {
            draft.sent = false;
            draft.fault = Some(Fault { key: key_of(error.field), error });
        }),
        error => panel.handle_event(crate::channel::Event::Refused(Refusal::Book(error))),
    }
}

/// Another address book is in force: what was sent is in it, or is no longer.
pub(super) fn settle(state: &mut State) {
    let Some(draft) = state.contacts.draft.as_ref().filter(|draft| draft.sent) else { return };
    let book = &state.config.contacts;
    let saved = book.iter().find(|entry| **entry == draft.entry).cloned();
    let gone = draft.was.as_ref().is_some_and(|was| !book.iter().any(|entry| entry == was.as_ref()));
    if saved.is_some() || gone {
        // Over the call log the line that it was made from is in sight again.
        state.contacts.opened = saved.filter(|_| state.base != ui::Page::Log).map(Box::new);
        state.contacts.draft = None;
    }
}

/// Puts away what lies on top of the editor, or the editor.
pub(super) fn back(contacts: &mut Contacts) {
    let Some(draft) = &mut contacts.draft else { return };
    if draft.asking {
        draft.asking = false;
    } else if draft.entering.take().is_none() {
        contacts.draft = None;
    }
}

/// The rows, and the one that is being typed.
pub(super) fn apply(adapter: &ui::ContactsAdapter<'_>, state: &State) {
    let Some(draft) = &state.contacts.draft else {
        adapter.set_entering(false);
        adapter.set_asking(false);
        return adapter.set_editing(false);
    };
    let rows = rows(draft);
    let fault = draft.fault.as_ref().and_then(|fault| row_of(draft, &fault.key));
    adapter.set_has_fault(fault.is_some() && draft.entering.is_none());
    if let Some(fault) = fault {
        adapter.set_fault(fault);
    }
    pages::update(&adapter.get_fields(), rows.into_iter(), settings::is_same, |rows| adapter.set_fields(rows));
    let entered = draft.entering.as_deref().and_then(|key| row_of(draft, key));
    if let Some(entered) = &entered
        && adapter.get_entered() != *entered
    {
        adapter.set_entered(entered.clone());
    }
    adapter.set_entering(entered.is_some());
    adapter.set_is_new(draft.was.is_none());
    adapter.set_asking(draft.asking);
    adapter.set_editing(true);
}

/// The rows of a contact, in the order in which they are shown.
fn rows(draft: &Draft) -> Vec<ui::SettingRow> {
    let numbers = draft.entry.numbers.len();
    let mut keys = vec![key_of(Field::Name)];
    keys.extend((0..numbers.max(1)).map(|place| format!("contact.numbers.{place}")));
    if (1..crate::config::book::MOST_NUMBERS).contains(&numbers) {
        keys.push(MORE.to_owned());
    }
    let switches = [Field::Favourite, Field::Account, Field::MayCall, Field::Blocked, Field::Emergency];
    keys.extend(switches.into_iter().chain([Field::Ringtone, Field::Door]).map(key_of));
    if draft.entry.door.is_some() {
        keys.extend([Field::Unlock, Field::Code, Field::Url, Field::Monitor].map(key_of));
    }
    keys.iter().filter_map(|key| row_of(draft, key)).collect()
}

fn row_of(draft: &Draft, key: &str) -> Option<ui::SettingRow> {
    let row = ui::SettingRow { key: key.into(), name: key.into(), enabled: true, ..Default::default() };
    if key == MORE {
        return Some(ui::SettingRow { kind: ui::SettingKind::Action, ..row });
    }
    let (field, place) = field_of(key)?;
    let entry = &draft.entry;
    let text = match field {
        Field::Numbers => entry.numbers.get(place).cloned().unwrap_or_default(),
        field => field.shown(entry),
    };
    let choice =
        |words: Vec<&str>| ModelRc::new(VecModel::from(words.into_iter().map(SharedString::from).collect::<Vec<_>>()));
    let mut row =
        ui::SettingRow { name: format!("contact.{}", field.word()).into(), value: text.as_str().into(), ..row };
    let as_set = std::iter::once(AS_SET);
    match field {
        field if field.is_switch() => {
            row.kind = ui::SettingKind::Toggle;
            row.on = text == "yes";
        }
        Field::Account => {
            row.kind = ui::SettingKind::Choice;
            row.choices = choice(AccountChoice::WORDS.to_vec());
        }
        Field::Ringtone => {
            row.kind = ui::SettingKind::Choice;
            row.choices = choice(as_set.chain(Ringtone::WORDS.iter().copied()).collect());
        }
        Field::Unlock => {
            row.kind = ui::SettingKind::Choice;
            row.choices = choice(as_set.chain(DoorUnlock::WORDS.iter().copied()).collect());
        }
        _ => row.kind = ui::SettingKind::Text,
    }
    if row.kind == ui::SettingKind::Choice && text.is_empty() {
        row.value = AS_SET.into();
    }
    if let Some(fault) = draft.fault.as_ref().filter(|fault| fault.key == key) {
        blame(&mut row, &fault.error);
    }
    Some(row)
}

/// Says in a row what is wrong with its value.
pub(super) fn blame(row: &mut ui::SettingRow, error: &ContactError) {
    use ui::SettingFault as F;
    let (fault, value) = match &error.fault {
        ContactFault::Missing { .. } => (F::Missing, String::new()),
        ContactFault::TooLong { given, .. } => (F::TooLong, given.clone()),
        ContactFault::Character(bad) => (F::NotText, bad.escape_default().to_string()),
        ContactFault::TooMany { .. } => (F::TooMany, crate::config::book::MOST_NUMBERS.to_string()),
        ContactFault::NotDialable { given, .. } => (F::NotDialable, given.clone()),
        ContactFault::NotAChoice { given, .. } => (F::NotAChoice, given.clone()),
        ContactFault::NotKeys { given } => (F::BadCharacters, given.clone()),
        ContactFault::NotAUrl { given, .. } => (F::NotAUrl, given.clone()),
        ContactFault::NeedsUrl => (F::NeedsUrl, String::new()),
        ContactFault::Contradicts(_) => (F::ButBlocked, String::new()),
        ContactFault::Taken(name) => (F::Taken, name.clone()),
    };
    row.fault = fault;
    row.fault_value = value.into();
    row.fault_text = error.to_string().into();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Door};
    use std::sync::Arc;

    fn anna() -> PhonebookEntry {
        PhonebookEntry { name: "Anna".into(), numbers: vec!["12".into(), "13".into()], ..PhonebookEntry::default() }
    }

    fn keys(draft: &Draft) -> Vec<String> {
        rows(draft).into_iter().map(|row| row.key.into()).collect()
    }

    #[test]
    fn every_field_has_its_row_once_the_contact_is_a_door() {
        let mut draft = Draft::of(Some(PhonebookEntry { door: Some(Door::default()), ..anna() }));
        for field in Field::ALL {
            assert!(keys(&draft).contains(&key_of(field)), "{field}");
        }
        draft.set("contact.door", "off").expect("a switch");
        assert!(!keys(&draft).contains(&key_of(Field::Code)));
        assert_eq!(keys(&Draft::of(None))[..2], ["contact.name", "contact.numbers.0"]);
    }

    #[test]
    fn numbers_are_added_changed_and_taken_away() {
        let mut draft = Draft::of(Some(anna()));
        draft.set("contact.numbers.2", " 14 ").expect("a number");
        draft.set("contact.numbers.0", "10✳0✳0✳2").expect("an address");
        draft.set("contact.numbers.1", "").expect("nothing takes it away");
        assert_eq!(draft.entry.numbers, ["10✳0✳0✳2", "14"]);
        let error = draft.set("contact.numbers.0", "300.1.1.1").expect_err("no address");
        assert_eq!(draft.entry.numbers, ["10✳0✳0✳2", "14"], "the old one stays");
        draft.fault = Some(Fault { key: "contact.numbers.0".into(), error });
        let row = row_of(&draft, "contact.numbers.0").expect("a row");
        assert_eq!((row.fault, row.fault_value.as_str()), (ui::SettingFault::NotDialable, "300.1.1.1"));
        assert_eq!(row_of(&draft, "contact.numbers.1").expect("a row").fault, ui::SettingFault::None);
    }

    #[test]
    fn what_is_left_to_the_settings_is_chosen_like_a_word() {
        let mut draft = Draft::of(Some(anna()));
        assert_eq!(row_of(&draft, "contact.ringtone").expect("a row").value, "default");
        draft.set("contact.ringtone", "bell").expect("a tone");
        assert_eq!(draft.entry.ringtone, Some(Ringtone::Bell));
        draft.set("contact.ringtone", "default").expect("the settings'");
        assert_eq!(draft.entry, anna());
    }

    #[test]
    fn who_is_blocked_is_neither_let_in_nor_let_through() {
        let mut draft = Draft::of(Some(anna()));
        draft.set("contact.may_call", "on").expect("a switch");
        draft.set("contact.emergency", "on").expect("a switch");
        draft.set("contact.blocked", "on").expect("a switch");
        assert_eq!(draft.entry.check(), Ok(()));
        assert!(draft.entry.blocked && !draft.entry.may_call && !draft.entry.emergency);
    }

    #[test]
    fn the_editor_closes_once_the_contact_is_in_the_book() {
        let changed = PhonebookEntry { favourite: true, ..anna() };
        let book = |entry: PhonebookEntry| Arc::new(Config { contacts: vec![entry].into(), ..Config::default() });
        let mut state = State { config: book(anna()), ..State::default() };
        state.contacts.draft = Some(Draft { entry: changed.clone(), sent: true, ..Draft::of(Some(anna())) });
        settle(&mut state);
        assert!(state.contacts.draft.is_some(), "it is not in it yet");
        state.config = book(changed.clone());
        settle(&mut state);
        assert!(state.contacts.draft.is_none());
        assert_eq!(state.contacts.opened.as_deref(), Some(&changed));
        state.contacts.draft = Some(Draft { sent: true, ..Draft::of(Some(changed)) });
        state.config = Arc::default();
        settle(&mut state);
        assert!(state.contacts.draft.is_none() && state.contacts.opened.is_none(), "it was removed");
    }
}
