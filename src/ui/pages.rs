//! Twin of what stands around the pages: which page is up, the status bar, the clock, notices, the look and the language.

use std::rc::Rc;
use std::time::SystemTime;

use screens as ui;
use slint::{ComponentHandle, Model, ModelRc, VecModel};

use super::locale::Locale;
use super::panel::{Panel, State};
use super::{contacts, convert, log, notices, settings};
use crate::channel::{Command, DndServerState, DndServerView};
use crate::config::Theme;

/// Joins the taps on Back, on the tiles and on the notices.
pub(super) fn connect(window: &ui::AppWindow, panel: &Rc<Panel>) {
    let nav = window.global::<ui::Nav>();
    let here = panel.clone();
    nav.on_open(move |page| open(&here, page));
    let here = panel.clone();
    nav.on_back(move || {
        if let Err(reason) = back(&here) {
            tracing::debug!("Back: {reason}");
        }
    });
    let status = window.global::<ui::StatusAdapter>();
    let here = panel.clone();
    status.on_set_dnd(move |mode, term| {
        here.touched();
        here.send(Command::Dnd(convert::dnd_chosen(mode), convert::dnd_term_chosen(term)));
    });
    let here = panel.clone();
    status.on_change_dnd(move |mode| {
        here.touched();
        let value = convert::dnd_chosen(mode).word().to_owned();
        here.send(Command::Set { key: "phone.dnd.mode".to_owned(), value });
    });
    let notices = window.global::<ui::NoticesAdapter>();
    let here = panel.clone();
    notices.on_dismiss(move |id| {
        if let Ok(id) = u32::try_from(id) {
            here.send(Command::DismissNotice(id));
        }
    });
    let weak = window.as_weak();
    notices.on_refusal_seen(move || {
        if let Some(window) = weak.upgrade() {
            show_refusal(&window, ui::RefusalView::default());
        }
    });
}

/// Opens a page by a tap.
pub(super) fn open(panel: &Rc<Panel>, page: ui::Page) {
    panel.touched();
    if page == ui::Page::Log {
        panel.send(Command::LogSeen);
        log::to_the_top(panel);
    }
    if page == ui::Page::Settings {
        // Nobody is asked for the PIN before having gone where it is needed.
        let guarded = {
            let state = panel.state.borrow();
            state.pin.guards(state.group)
        };
        if guarded {
            settings::choose_group(panel, ui::SettingsGroup::Calls);
        }
    }
    panel.change(|state| {
        if matches!(page, ui::Page::Contacts | ui::Page::Log) {
            contacts::reset(state);
        }
        state.opened = None;
        state.base = page;
    });
    if page == ui::Page::Log
        && let Some(window) = panel.window.upgrade()
    {
        log::apply(&window, &panel.state.borrow());
    }
    if matches!(page, ui::Page::Contacts | ui::Page::Log)
        && let Some(window) = panel.window.upgrade()
    {
        contacts::apply(&window, &panel.state.borrow());
        contacts::apply_list(&window, &panel.state.borrow());
    }
}

/// One page back.
///
/// # Errors
/// A sentence when the page has no way back.
pub(super) fn back(panel: &Rc<Panel>) -> Result<(), String> {
    panel.touched();
    if panel.state.borrow().front().is_some_and(|call| call.end_reason.is_none()) {
        return Err("a call is on the screen".to_owned());
    }
    let in_settings = {
        let state = panel.state.borrow();
        state.page() == ui::Page::Settings && state.unregistered.is_none()
    };
    if in_settings && settings::back(panel) {
        return Ok(());
    }
    let in_contacts = {
        let state = panel.state.borrow();
        let shown =
            state.page() == ui::Page::Contacts || state.page() == ui::Page::Log && state.contacts.draft.is_some();
        shown && state.unregistered.is_none()
    };
    if in_contacts && contacts::back(panel) {
        return Ok(());
    }
    let in_log = panel.state.borrow().page() == ui::Page::Log;
    if in_log && log::back(panel) {
        return Ok(());
    }
    if close_dnd_sheet(panel) {
        return Ok(());
    }
    panel.change(|state| {
        if state.ended.take().is_none() && state.unregistered.take().is_none() && state.trial.take().is_none() {
            state.base = ui::Page::Home;
        }
    });
    Ok(())
}

/// Puts the sheet of do not disturb away; false where it is not on the screen.
fn close_dnd_sheet(panel: &Rc<Panel>) -> bool {
    let at_home = panel.state.borrow().page() == ui::Page::Home;
    let Some(window) = panel.window.upgrade().filter(|_| at_home) else { return false };
    let status = window.global::<ui::StatusAdapter>();
    let open = status.get_choosing_dnd();
    status.set_choosing_dnd(false);
    open
}

/// Shows this page.
pub(super) fn turn_to(window: &ui::AppWindow, page: ui::Page) {
    let nav = window.global::<ui::Nav>();
    if nav.get_page() != page {
        nav.set_page(page);
    }
}

/// Status bar and notices.
pub(super) fn apply(window: &ui::AppWindow, state: &State) {
    let status = window.global::<ui::StatusAdapter>();
    status.set_dnd(convert::dnd(state.config.dnd_mode));
    let until = state.config.dnd_until;
    status.set_dnd_ends(until.is_some());
    status.set_dnd_until(until.map(convert::moment).unwrap_or_default());
    status.set_dnd_term(convert::dnd_term(&state.config, SystemTime::now()));
    status.set_dnd_morning(convert::time_of_day(state.config.dnd_morning));
    let told = state.dnd_servers.iter().filter(|view| view.state != DndServerState::None);
    replace(&status.get_dnd_servers(), told.map(convert::dnd_server), |rows| status.set_dnd_servers(rows));
    let failed = |view: &DndServerView| matches!(view.state, DndServerState::Failed { .. });
    status.set_dnd_failed(state.dnd_servers.iter().any(failed));
    status.set_missed(i32::try_from(state.missed()).unwrap_or(i32::MAX));
    let address = state.direct_ip.address.map(|address| address.to_string()).unwrap_or_default();
    status.set_network(!address.is_empty());
    status.set_address(address.into());
    let port = if state.direct_ip.port == 5060 { String::new() } else { state.direct_ip.port.to_string() };
    status.set_port(port.into());
    let accounts = state.registrations.iter().map(convert::registration);
    let is_same = |old: &ui::AccountView, new: &ui::AccountView| old.account == new.account;
    update(&status.get_accounts(), accounts, is_same, |rows| status.set_accounts(rows));
    let strip = window.global::<ui::NoticesAdapter>();
    replace(&strip.get_notices(), state.notices.iter().map(notices::row), |rows| strip.set_notices(rows));
}

/// The colours, which are others at night.
pub(super) fn apply_look(window: &ui::AppWindow, state: &State) {
    window.global::<ui::Theme>().set_mode(match state.config.theme {
        _ if state.light.night => ui::ThemeMode::Night,
        Theme::Dark => ui::ThemeMode::Dark,
        Theme::Light => ui::ThemeMode::Light,
        Theme::HighContrast => ui::ThemeMode::HighContrast,
    });
}

/// The look and the language.
pub(super) fn apply_settings(window: &ui::AppWindow, state: &State) {
    apply_look(window, state);
    convert::set_zone(&state.config.time_zone);
    let locale = Locale::of(state.config.language, |name| std::env::var(name).ok());
    if let Err(error) = slint::select_bundled_translation(locale.catalogue()) {
        tracing::warn!("the language {} is not there: {error}", locale.language);
    }
    window.global::<ui::Words>().set_twelve_hours(locale.twelve_hours);
    window.global::<ui::KeyboardAdapter>().set_layout(locale.keyboard());
}

/// The time and the date.
pub(super) fn apply_clock(window: &ui::AppWindow) {
    window.global::<ui::StatusAdapter>().set_now(convert::moment(std::time::SystemTime::now()));
}

/// Shows a refusal, or takes it away.
pub(super) fn show_refusal(window: &ui::AppWindow, refusal: ui::RefusalView) {
    window.global::<ui::NoticesAdapter>().set_refusal(refusal);
}

/// Replaces the rows of a model only when they differ, so that nothing is drawn again for nothing.
pub(super) fn replace<T: Clone + PartialEq + 'static>(
    now: &ModelRc<T>,
    rows: impl Iterator<Item = T>,
    set: impl FnOnce(ModelRc<T>),
) {
    let rows: Vec<T> = rows.collect();
    if !now.iter().eq(rows.iter().cloned()) {
        set(ModelRc::new(VecModel::from(rows)));
    }
}

/// Writes what differs into the rows of a model where row for row it is about the same thing: what a finger has touched
/// stays under it, and its tap is not lost. Where anything is in another place, all is made anew, so that no finger does to
/// one thing what it meant for another.
pub(super) fn update<T: Clone + PartialEq + 'static>(
    now: &ModelRc<T>,
    rows: impl Iterator<Item = T>,
    is_same: impl Fn(&T, &T) -> bool,
    set: impl FnOnce(ModelRc<T>),
) {
    let rows: Vec<T> = rows.collect();
    if now.row_count() != rows.len() || !now.iter().zip(&rows).all(|(old, new)| is_same(&old, new)) {
        return set(ModelRc::new(VecModel::from(rows)));
    }
    for (place, row) in rows.into_iter().enumerate() {
        if now.row_data(place).as_ref() != Some(&row) {
            now.set_row_data(place, row);
        }
    }
}
