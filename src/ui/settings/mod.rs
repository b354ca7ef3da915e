//! Twin of the settings: rows made from the one declaration, values checked by it, errors under their own row.

mod fault;
mod files;
mod rows;

use std::rc::Rc;

use screens as ui;
use slint::ComponentHandle;

use super::panel::{Panel, State};
use super::{account, pages, pin, rules};
use crate::channel::Command;
use crate::config::{Kind, setting};

pub(super) use files::{Files, handle_change, handle_files, handle_refused_file};
pub(super) use rows::{Fault, is_same};

/// Joins groups, values and actions.
pub(super) fn connect(window: &ui::AppWindow, panel: &Rc<Panel>) {
    let adapter = window.global::<ui::SettingsAdapter>();
    let here = panel.clone();
    adapter.on_choose_group(move |group| choose_group(&here, group));
    let here = panel.clone();
    adapter.on_choose_page(move |page| {
        turn(&here, |state| {
            state.fault = None;
            state.account_page = page;
        });
    });
    let here = panel.clone();
    adapter.on_edit(move |key| edit(&here, &key));
    let here = panel.clone();
    adapter.on_leave(move || turn(&here, |state| state.editing = None));
    let here = panel.clone();
    adapter.on_set(move |key, value| set(&here, &key, &value));
    let here = panel.clone();
    adapter.on_toggle(move |word| toggle(&here, &word));
    let here = panel.clone();
    adapter.on_act(move |key| {
        here.touched();
        match key.as_str() {
            rows::CLEAR_LOG => here.send(Command::ClearLog),
            rows::LOCK => {
                choose_group(&here, ui::SettingsGroup::Calls);
                here.send(Command::LockPin);
            }
            rows::PIN => pin::begin(&here, pin::Purpose::Change),
            rows::DO_WITHOUT => pin::begin(&here, pin::Purpose::DoWithout),
            _ => {}
        }
    });
    files::connect(window, panel);
    let here = panel.clone();
    window.global::<ui::Nav>().on_touched(move || here.touched());
}

/// Opens a group. Its rows come only once the PIN was entered, where it is guarded by one.
pub(super) fn choose_group(panel: &Rc<Panel>, group: ui::SettingsGroup) {
    turn(panel, |state| {
        state.fault = None;
        state.group = group;
        state.account_page = ui::AccountPage::Basic;
        rules::leave(state);
    });
    pin::show(panel);
}

/// Puts away what lies over the page; false if nothing does.
pub(super) fn back(panel: &Rc<Panel>) -> bool {
    let (asks, editing) = {
        let state = panel.state.borrow();
        (state.pin.asks(state.group), state.editing.is_some())
    };
    if asks {
        pin::cancel(panel);
    } else if editing {
        turn(panel, |state| state.editing = None);
    }
    asks || editing || rules::back(panel)
}

/// Changes what the page is about and shows it.
fn turn(panel: &Rc<Panel>, change: impl FnOnce(&mut State)) {
    panel.touched();
    change(&mut panel.state.borrow_mut());
    if let Some(window) = panel.window.upgrade() {
        apply(&window, &panel.state.borrow());
        account::apply(&window, &panel.state.borrow());
        rules::apply(&window, &panel.state.borrow());
    }
}

/// A setting is to be typed or chosen. What was typed begins with the value in force, unless that is a secret.
fn edit(panel: &Rc<Panel>, key: &str) {
    let Some(setting) = setting(key) else { return };
    let draft =
        if setting.is_secret() { String::new() } else { setting.value(&panel.state.borrow().config).to_string() };
    if let Some(window) = panel.window.upgrade() {
        window.global::<ui::SettingsAdapter>().set_draft(draft.into());
    }
    turn(panel, |state| state.editing = Some(key.to_owned()));
    if files::role(key).is_some() {
        files::look(panel);
    }
}

/// Sends a new value to the worker if it passes the check; otherwise its row says why, and the old one stays.
fn set(panel: &Rc<Panel>, key: &str, value: &str) -> bool {
    let checked = panel.state.borrow().config.set(key, value);
    let good = checked.is_ok();
    turn(panel, |state| state.fault = checked.err().map(|error| Fault::new(key, value, error.problem)));
    if good {
        panel.send(Command::Set { key: key.to_owned(), value: value.to_owned() });
    }
    good
}

/// Chooses one of several words more, or one less, in the order of the declaration.
fn toggle(panel: &Rc<Panel>, word: &str) {
    let Some(key) = panel.state.borrow().editing.clone() else { return };
    let Some(Kind::Set(words)) = setting(&key).map(|setting| setting.kind) else { return };
    let value = panel.state.borrow().config.get(&key).unwrap_or_default();
    let chosen: Vec<&str> = value.split(", ").collect();
    let after: Vec<&str> = words.iter().copied().filter(|it| chosen.contains(it) != (*it == word)).collect();
    set(panel, &key, &after.join(","));
}

/// The rows of the group that is open, and the one that is being edited.
pub(super) fn apply(window: &ui::AppWindow, state: &State) {
    let adapter = window.global::<ui::SettingsAdapter>();
    adapter.set_group(state.group);
    adapter.set_page(state.account_page);
    let guarded = state.pin.guards(state.group);
    let rows = if guarded { Vec::new() } else { rows::of_group(state) };
    pages::update(&adapter.get_rows(), rows.into_iter(), is_same, |rows| adapter.set_rows(rows));
    let edited = state.editing.as_deref().filter(|_| !guarded).and_then(|key| rows::of_key(state, key));
    adapter.set_editing(edited.is_some());
    files::apply_files(&adapter, &state.files);
    if let Some(edited) = edited
        && adapter.get_edited() != edited
    {
        adapter.set_edited(edited);
    }
}
