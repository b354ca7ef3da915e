//! Twin of the call log.

use std::rc::Rc;

use slint::ComponentHandle;

use super::panel::{Panel, State};
use super::{convert, generated as ui, pages};
use crate::channel::{AccountChoice, Allowed, CallResult, Command, LogEntry};

/// Joins tabs and Call back.
pub(super) fn connect(window: &ui::AppWindow, panel: &Rc<Panel>) {
    let adapter = window.global::<ui::LogAdapter>();
    let here = panel.clone();
    adapter.on_choose_tab(move |tab| {
        here.touched();
        here.state.borrow_mut().log_tab = tab;
        if let Some(window) = here.window.upgrade() {
            apply(&window, &here.state.borrow());
        }
    });
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
}

/// The rows of the tab that is open.
pub(super) fn apply(window: &ui::AppWindow, state: &State) {
    let adapter = window.global::<ui::LogAdapter>();
    let on_tab = |entry: &LogEntry| match state.log_tab {
        ui::LogTab::All => true,
        ui::LogTab::Missed => entry.result == CallResult::Missed,
        ui::LogTab::Blocked => matches!(entry.result, CallResult::Blocked | CallResult::Dnd),
    };
    adapter.set_tab(state.log_tab);
    let allowed = Allowed::by(&state.config.contacts);
    let rows = state
        .log
        .iter()
        .enumerate()
        .filter(|(_, entry)| on_tab(entry))
        .map(|(index, entry)| row(&allowed, index, entry));
    pages::replace(&adapter.get_rows(), rows, |rows| adapter.set_rows(rows));
}

fn row(allowed: &Allowed, index: usize, entry: &LogEntry) -> ui::LogRow {
    let (end_reason, end_code) = convert::end_reason(entry.why);
    let is_allowed = entry.is_allowed(allowed);
    ui::LogRow {
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
    }
}
