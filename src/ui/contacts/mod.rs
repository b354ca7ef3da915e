//! Twin of the contacts: the list with its letters, what is found while somebody types, and the sheet of one contact.
//! `edit` is about a contact that is being written, `transfer` about files.

mod edit;
mod transfer;

use std::rc::Rc;

use screens as ui;
use slint::{ComponentHandle, ModelRc, VecModel};

use super::panel::{Panel, State};
use super::{convert, pages};
use crate::channel::{AccountChoice, Command};
use crate::config::PhonebookEntry;
use crate::config::book::{Which, initial};
use crate::dial::{self, DialTarget};

pub(super) use edit::{Draft, handle_refused, write_new};
pub(super) use transfer::{Transfer, handle_exported, handle_files, handle_imported, handle_refused_file};

/// What is open of the contacts.
pub(super) struct Contacts {
    pub(super) tab: ui::ContactTab,
    /// What somebody looks for.
    pub(super) search: Option<String>,
    /// Whether the keyboard of the search is up.
    pub(super) typing: bool,
    /// So many letters fit beside the list.
    pub(super) places: usize,
    /// The contact whose sheet is open.
    pub(super) opened: Option<Box<PhonebookEntry>>,
    /// The contact that is being written.
    pub(super) draft: Option<Draft>,
    /// Import and export are offered.
    pub(super) menu: bool,
    pub(super) transfer: Transfer,
}

impl Default for Contacts {
    fn default() -> Self {
        Self {
            tab: ui::ContactTab::All,
            search: None,
            typing: false,
            places: 7,
            opened: None,
            draft: None,
            menu: false,
            transfer: Transfer::default(),
        }
    }
}

#[cfg(test)]
impl Contacts {
    /// Somebody types this into the search.
    pub(super) fn looking_for(typed: &str) -> Self {
        Self { search: Some(typed.to_owned()), typing: true, ..Self::default() }
    }
}

/// Joins the list, the search and the sheets.
pub(super) fn connect(window: &ui::AppWindow, panel: &Rc<Panel>) {
    let adapter = window.global::<ui::ContactsAdapter>();
    let here = panel.clone();
    adapter.on_choose_tab(move |tab| turn_list(&here, |state| state.contacts.tab = tab));
    let here = panel.clone();
    adapter.on_fit_rail(move |places| {
        let places = usize::try_from(places).unwrap_or(1).max(1);
        let before = std::mem::replace(&mut here.state.borrow_mut().contacts.places, places);
        if before != places
            && let Some(window) = here.window.upgrade()
        {
            apply_list(&window, &here.state.borrow());
        }
    });
    let here = panel.clone();
    adapter.on_search(move |begin| {
        turn_list(&here, |state| {
            state.contacts.search = begin.then(String::new);
            state.contacts.typing = begin;
        });
    });
    let here = panel.clone();
    adapter.on_search_for(move |typed| turn_list(&here, |state| state.contacts.search = Some(typed.into())));
    let here = panel.clone();
    adapter.on_type(move |up| turn(&here, |state| state.contacts.typing = up));
    let here = panel.clone();
    adapter.on_call(move |place| {
        if let Some(contact) = contact_at(&here, place) {
            call(&here, &contact, 0, contact.account);
        }
    });
    let here = panel.clone();
    adapter.on_open(move |place| {
        let contact = contact_at(&here, place);
        turn(&here, |state| {
            state.contacts.typing = false;
            state.contacts.opened = contact.map(Box::new);
        });
    });
    let here = panel.clone();
    adapter.on_close(move || turn(&here, |state| state.contacts.opened = None));
    let here = panel.clone();
    adapter.on_call_number(move |number, choice| {
        let opened = here.state.borrow().contacts.opened.clone();
        if let Some(contact) = opened {
            let account = match convert::account_chosen(choice) {
                AccountChoice::Auto => contact.account,
                named => named,
            };
            call(&here, &contact, usize::try_from(number).unwrap_or_default(), account);
        }
    });
    let here = panel.clone();
    adapter.on_favour(move || {
        here.touched();
        let opened = here.state.borrow().contacts.opened.clone();
        if let Some(contact) = opened {
            let entry = Box::new(PhonebookEntry { favourite: !contact.favourite, ..PhonebookEntry::clone(&contact) });
            here.send(Command::ChangeContact { which: Which::Exactly(contact), entry });
        }
    });
    edit::connect(window, panel);
    transfer::connect(window, panel);
}

/// Calls a number of a contact; through its own account, unless another one was named.
fn call(panel: &Rc<Panel>, contact: &PhonebookEntry, number: usize, account: AccountChoice) {
    panel.touched();
    if let Some(text) = contact.numbers.get(number).cloned() {
        panel.change(|state| state.dialled = Some(text.clone()));
        panel.send(Command::Dial { text, account });
    }
}

fn contact_at(panel: &Panel, place: i32) -> Option<PhonebookEntry> {
    let place = usize::try_from(place).ok()?;
    panel.state.borrow().config.contacts.get(place).cloned()
}

/// Puts away what lies on top of the list; false if nothing does.
pub(super) fn back(panel: &Rc<Panel>) -> bool {
    let mut put_away = true;
    turn_list(panel, |state| {
        let contacts = &mut state.contacts;
        if contacts.menu {
            contacts.menu = false;
        } else if contacts.transfer.is_open() {
            contacts.transfer = Transfer::default();
        } else if contacts.draft.is_some() {
            edit::back(contacts);
        } else if contacts.opened.take().is_none() && contacts.search.take().is_none() {
            put_away = false;
        }
    });
    put_away
}

/// Nothing lies over the list any longer, and nothing is looked for.
pub(super) fn reset(state: &mut State) {
    let (tab, places) = (state.contacts.tab, state.contacts.places);
    state.contacts = Contacts { tab, places, ..Contacts::default() };
}

/// Another address book may be in force.
pub(super) fn handle_change(window: &ui::AppWindow, state: &mut State, before: &crate::config::Book) {
    if state.config.contacts.is_same(before) {
        return;
    }
    edit::settle(state);
    // Whoever is open is shown as it is now, or not at all.
    let book = &state.config.contacts;
    state.contacts.opened = state.contacts.opened.take().and_then(|opened| {
        if book.contains(&opened) { Some(opened) } else { book.named(&opened.name).cloned().map(Box::new) }
    });
    apply_list(window, state);
    apply(window, state);
}

/// Changes what lies over the list and shows it.
fn turn(panel: &Rc<Panel>, change: impl FnOnce(&mut State)) {
    panel.touched();
    change(&mut panel.state.borrow_mut());
    if let Some(window) = panel.window.upgrade() {
        apply(&window, &panel.state.borrow());
    }
}

/// The same where the list itself may change.
fn turn_list(panel: &Rc<Panel>, change: impl FnOnce(&mut State)) {
    turn(panel, change);
    if let Some(window) = panel.window.upgrade() {
        apply_list(&window, &panel.state.borrow());
    }
}

/// The list, and the letters beside it.
pub(super) fn apply_list(window: &ui::AppWindow, state: &State) {
    let adapter = window.global::<ui::ContactsAdapter>();
    let places = listed(state);
    let book = &state.config.contacts;
    adapter.set_tab(state.contacts.tab);
    adapter.set_has_any(!book.is_empty());
    let letters: Vec<char> = places.iter().map(|place| initial(&book[*place].name)).collect();
    let keys = rail(&letters, state.contacts.places);
    let keys = keys
        .into_iter()
        .map(|(label, row)| ui::RailKey { label: label.into(), row: i32::try_from(row).unwrap_or(i32::MAX) });
    pages::replace(&adapter.get_rail(), keys, |keys| adapter.set_rail(keys));
    pages::replace(&adapter.get_rows(), places.iter().map(|place| row(*place, &book[*place])), |rows| {
        adapter.set_rows(rows)
    });
}

/// The places of the contacts that are listed, by name.
fn listed(state: &State) -> Vec<usize> {
    let book = &state.config.contacts;
    match (&state.contacts.search, state.contacts.tab) {
        (Some(typed), _) => book.matching(typed),
        (None, ui::ContactTab::All) => book.by_name().to_vec(),
        (None, ui::ContactTab::Favourites) => {
            book.by_name().iter().copied().filter(|place| book[*place].favourite).collect()
        }
        (None, ui::ContactTab::Doors) => {
            book.by_name().iter().copied().filter(|place| book[*place].door.is_some()).collect()
        }
    }
}

fn row(place: usize, contact: &PhonebookEntry) -> ui::ContactRow {
    ui::ContactRow {
        index: i32::try_from(place).unwrap_or(i32::MAX),
        name: contact.name.as_str().into(),
        initial: convert::initial(&contact.name).into(),
        number: contact.numbers.first().map(String::as_str).unwrap_or_default().into(),
        door: contact.door.is_some(),
        favourite: contact.favourite,
        emergency: contact.emergency,
        blocked: contact.blocked,
        account: account(contact.account),
    }
}

fn account(choice: AccountChoice) -> i32 {
    match choice {
        AccountChoice::Auto => 0,
        AccountChoice::Account1 => 1,
        AccountChoice::Account2 => 2,
    }
}

/// The letters that there are in a sorted list, each with the first row that it leads to, in no more than `places` keys:
/// neighbours share one where they have to.
fn rail(letters: &[char], places: usize) -> Vec<(String, usize)> {
    let mut first: Vec<(char, usize)> = Vec::new();
    for (row, letter) in letters.iter().enumerate() {
        if !first.iter().any(|(known, _)| known == letter) {
            first.push((*letter, row));
        }
    }
    let places = places.max(1);
    let (count, mut keys) = (first.len(), Vec::new());
    let mut from = 0;
    for key in 0..places.min(count) {
        // As even as can be.
        let to = (key + 1) * count / places.min(count);
        let ((begin, row), (end, _)) = (first[from], first[to - 1]);
        keys.push((if begin == end { begin.to_string() } else { format!("{begin}–{end}") }, row));
        from = to;
    }
    keys
}

/// What lies over the list.
pub(super) fn apply(window: &ui::AppWindow, state: &State) {
    let adapter = window.global::<ui::ContactsAdapter>();
    let contacts = &state.contacts;
    adapter.set_searched(contacts.search.as_deref().unwrap_or_default().into());
    adapter.set_searching(contacts.search.is_some());
    adapter.set_typing(contacts.typing);
    adapter.set_menu(contacts.menu);
    if let Some(opened) = &contacts.opened {
        adapter.set_contact(view(opened));
    }
    adapter.set_opened(contacts.opened.is_some());
    edit::apply(&adapter, state);
    transfer::apply(&adapter, &contacts.transfer);
}

fn view(contact: &PhonebookEntry) -> ui::ContactView {
    let number = |text: &String| {
        let direct = match dial::parse(text) {
            Ok(DialTarget::Ip { .. }) => true,
            Ok(DialTarget::Uri(uri)) => uri.address().is_some(),
            Ok(DialTarget::Number(_)) | Err(_) => false,
        };
        ui::NumberRow { text: text.as_str().into(), direct }
    };
    ui::ContactView {
        name: contact.name.as_str().into(),
        initial: convert::initial(&contact.name).into(),
        door: contact.door.is_some(),
        favourite: contact.favourite,
        emergency: contact.emergency,
        blocked: contact.blocked,
        may_call: contact.may_call,
        account: account(contact.account),
        numbers: ModelRc::new(VecModel::from(contact.numbers.iter().map(number).collect::<Vec<_>>())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Door};
    use std::sync::Arc;

    fn state(names: &[&str]) -> State {
        let contact = |name: &&str| PhonebookEntry {
            name: (*name).to_owned(),
            numbers: vec!["1".into()],
            favourite: name.contains('*'),
            door: name.contains("oor").then(Door::default),
            ..PhonebookEntry::default()
        };
        let contacts: Vec<_> = names.iter().map(contact).collect();
        State { config: Arc::new(Config { contacts: contacts.into(), ..Config::default() }), ..State::default() }
    }

    fn names(state: &State) -> Vec<&str> {
        listed(state).into_iter().map(|place| state.config.contacts[place].name.as_str()).collect()
    }

    #[test]
    fn each_tab_and_the_search_list_theirs_by_name() {
        let mut state = state(&["Zoë*", "Door 2", "älter", "Anna*", "door 1*"]);
        assert_eq!(names(&state), ["älter", "Anna*", "door 1*", "Door 2", "Zoë*"]);
        state.contacts.tab = ui::ContactTab::Favourites;
        assert_eq!(names(&state), ["Anna*", "door 1*", "Zoë*"]);
        state.contacts.tab = ui::ContactTab::Doors;
        assert_eq!(names(&state), ["door 1*", "Door 2"]);
        state.contacts.search = Some("ZOE".into());
        assert_eq!(names(&state), ["Zoë*"], "whatever the tab");
    }

    #[test]
    fn the_letters_that_there_are_share_the_keys_that_fit() {
        let letters: Vec<char> = "##AABDDDMZ".chars().collect();
        let keys =
            |places| rail(&letters, places).into_iter().map(|(label, row)| format!("{label}{row}")).collect::<Vec<_>>();
        assert_eq!(keys(7), ["#0", "A2", "B4", "D5", "M8", "Z9"]);
        assert_eq!(keys(3), ["#–A0", "B–D4", "M–Z8"]);
        assert_eq!(keys(5), ["#0", "A2", "B4", "D5", "M–Z8"]);
        assert_eq!(keys(1), ["#–Z0"]);
        assert_eq!(rail(&[], 7), []);
        let all: Vec<char> = ('A'..='Z').collect();
        for places in 1..=30 {
            let keys = rail(&all, places);
            assert_eq!(keys.len(), places.min(26));
            assert!(keys.windows(2).all(|two| two[0].1 < two[1].1), "{keys:?}");
        }
    }

    #[test]
    fn only_what_needs_an_account_can_be_called_through_one() {
        let contact = PhonebookEntry {
            numbers: ["12", "10✳0✳0✳2", "sip:a@10.0.0.3", "sip:a@pbx.test"].map(str::to_owned).to_vec(),
            ..PhonebookEntry::default()
        };
        use slint::Model;
        let direct: Vec<bool> = view(&contact).numbers.iter().map(|number| number.direct).collect();
        assert_eq!(direct, [false, true, true, false]);
    }
}
