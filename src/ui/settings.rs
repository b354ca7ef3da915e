//! Twin of the settings: rows made from the one declaration, values checked by it, errors under their own row.

use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, VecModel};

use super::panel::{Panel, State};
use super::{generated as ui, pages};
use crate::channel::Command;
use crate::config::{Kind, SETTINGS, Setting};

/// Joins groups, values and actions.
pub(super) fn connect(window: &ui::AppWindow, panel: &Rc<Panel>) {
    let adapter = window.global::<ui::SettingsAdapter>();
    let here = panel.clone();
    adapter.on_choose_group(move |group| {
        here.touched();
        let Some(window) = here.window.upgrade() else { return };
        window.global::<ui::SettingsAdapter>().set_group(group);
        here.state.borrow_mut().fault = None;
        apply(&window, &here.state.borrow());
    });
    let here = panel.clone();
    adapter.on_set(move |key, value| set(&here, &key, &value));
    let here = panel.clone();
    adapter.on_act(move |key| {
        here.touched();
        if key == CLEAR_LOG {
            here.send(Command::ClearLog);
        }
    });
}

/// Sends a new value to the worker if it passes the check; otherwise its row says why, and the old one stays.
fn set(panel: &Rc<Panel>, key: &str, value: &str) -> bool {
    panel.touched();
    let checked = panel.state.borrow().config.set(key, value);
    let good = checked.is_ok();
    panel.state.borrow_mut().fault = checked.err().map(|error| (key.to_owned(), value.to_owned(), error.problem));
    if good {
        panel.send(Command::Set { key: key.to_owned(), value: value.to_owned() });
    }
    if let Some(window) = panel.window.upgrade() {
        apply(&window, &panel.state.borrow());
    }
    good
}

const CLEAR_LOG: &str = "about.clear_log";

/// The rows of the group that is open.
pub(super) fn apply(window: &ui::AppWindow, state: &State) {
    let adapter = window.global::<ui::SettingsAdapter>();
    let rows = match adapter.get_group() {
        ui::SettingsGroup::Calls => {
            chapters(state, &["phone.dnd", "phone.direct_ip", "phone.auto_answer", "phone.unlock", "phone.call"])
        }
        ui::SettingsGroup::Sound => plain(state, "audio."),
        ui::SettingsGroup::Video => plain(state, "video."),
        ui::SettingsGroup::Display => plain(state, "display."),
        ui::SettingsGroup::About => about(state),
    };
    pages::replace(&adapter.get_rows(), rows.into_iter(), |rows| adapter.set_rows(rows));
}

/// Several chapters, each under its heading.
fn chapters(state: &State, chapters: &[&str]) -> Vec<ui::SettingRow> {
    let mut rows = Vec::new();
    for chapter in chapters {
        rows.push(ui::SettingRow {
            key: (*chapter).into(),
            kind: ui::SettingKind::Heading,
            enabled: true,
            ..Default::default()
        });
        rows.extend(plain(state, &format!("{chapter}.")));
        if *chapter == "phone.direct_ip" {
            let listening = state.direct_ip.error.clone().unwrap_or_else(|| state.direct_ip.listening.join("  "));
            rows.push(information("phone.direct_ip.listening", &listening));
        }
    }
    rows
}

/// All settings whose key begins so.
fn plain(state: &State, prefix: &str) -> Vec<ui::SettingRow> {
    SETTINGS.iter().filter(|setting| setting.key.starts_with(prefix)).map(|setting| row(state, setting)).collect()
}

fn about(state: &State) -> Vec<ui::SettingRow> {
    let address = state.direct_ip.address.map(|address| address.to_string()).unwrap_or_default();
    vec![
        information("about.version", env!("CARGO_PKG_VERSION")),
        information("about.address", &address),
        information("about.licence", "GPL-3.0-or-later"),
        ui::SettingRow {
            key: CLEAR_LOG.into(),
            kind: ui::SettingKind::Action,
            enabled: !state.log.is_empty(),
            ..Default::default()
        },
    ]
}

fn information(key: &str, value: &str) -> ui::SettingRow {
    ui::SettingRow {
        key: key.into(),
        kind: ui::SettingKind::Info,
        value: value.into(),
        enabled: true,
        ..Default::default()
    }
}

fn row(state: &State, setting: &Setting) -> ui::SettingRow {
    let value = setting.value(&state.config).to_string();
    let mut row = ui::SettingRow {
        key: setting.key.into(),
        label: setting.label.into(),
        help: setting.help.into(),
        on: value == "on",
        number: value.parse().unwrap_or(0),
        value: if setting.is_secret() { "••••".into() } else { value.as_str().into() },
        unit: setting.unit.into(),
        step: 1,
        enabled: true,
        ..Default::default()
    };
    row.kind = match setting.kind {
        Kind::Switch => ui::SettingKind::Toggle,
        Kind::Number { min, max } => {
            row.minimum = i32::try_from(min).unwrap_or(i32::MIN);
            row.maximum = i32::try_from(max).unwrap_or(i32::MAX);
            if setting.unit == "%" {
                row.step = 5;
                ui::SettingKind::Slider
            } else {
                ui::SettingKind::Number
            }
        }
        Kind::Choice(words) => {
            row.choices = ModelRc::new(VecModel::from(
                words.iter().map(|word| slint::SharedString::from(*word)).collect::<Vec<_>>(),
            ));
            ui::SettingKind::Choice
        }
        Kind::Keys { .. } | Kind::Secret { .. } | Kind::Text { .. } | Kind::List { .. } | Kind::Order(_) => {
            ui::SettingKind::Text
        }
    };
    if let Some((key, entered, problem)) = &state.fault
        && key == setting.key
    {
        row.fault = fault(&setting.kind, entered);
        row.fault_value = shortened(entered).into();
        row.fault_text = problem.as_str().into();
    }
    row
}

/// What is wrong with what was entered, as far as the screen has words of its own for it.
fn fault(kind: &Kind, entered: &str) -> ui::SettingFault {
    match kind {
        _ if entered.trim().is_empty() => ui::SettingFault::Missing,
        Kind::Number { .. } if entered.trim().parse::<i64>().is_err() => ui::SettingFault::NotANumber,
        Kind::Number { .. } => ui::SettingFault::OutOfRange,
        Kind::Choice(_) => ui::SettingFault::NotAChoice,
        Kind::Keys { max } if entered.chars().count() > *max => ui::SettingFault::TooLong,
        Kind::Keys { .. } => ui::SettingFault::BadCharacters,
        _ => ui::SettingFault::Other,
    }
}

fn shortened(entered: &str) -> String {
    entered.chars().take(24).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_stands_in_one_group() {
        let prefixes = [
            "phone.dnd.",
            "phone.direct_ip.",
            "phone.auto_answer.",
            "phone.unlock.",
            "phone.call.",
            "audio.",
            "video.",
            "display.",
        ];
        for setting in SETTINGS.iter() {
            let groups = prefixes.iter().filter(|prefix| setting.key.starts_with(**prefix)).count();
            assert_eq!(groups, 1, "{}", setting.key);
        }
    }

    #[test]
    fn a_port_out_of_range_is_called_that() {
        let config = crate::config::Config::default();
        assert!(config.set("phone.direct_ip.port", "70000").is_err());
        let kind = crate::config::setting("phone.direct_ip.port").expect("it is declared").kind;
        assert_eq!(fault(&kind, "70000"), ui::SettingFault::OutOfRange);
        assert_eq!(fault(&kind, "x"), ui::SettingFault::NotANumber);
        assert_eq!(fault(&kind, ""), ui::SettingFault::Missing);
    }
}
