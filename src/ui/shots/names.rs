//! What is called alike, and by what name each is reached all the same.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use screens as ui;
use slint::{ComponentHandle, Model, ModelRc};

use super::scenes::account_page;
use super::{LANGUAGES, window};
use crate::ui::finger;

/// The settings page, and a finger that says which row it opened.
fn settings() -> (ui::AppWindow, impl Fn(&str) -> Result<String, String>) {
    let window = window(1024, 600);
    window.global::<ui::Nav>().set_page(ui::Page::Settings);
    let edited = Rc::new(RefCell::new(String::new()));
    let here = edited.clone();
    window.global::<ui::SettingsAdapter>().on_edit(move |key| *here.borrow_mut() = key.into());
    let weak = window.as_weak();
    let press = move |label: &str| {
        edited.borrow_mut().clear();
        finger::press(&weak.unwrap(), label, || {})?;
        i_slint_backend_testing::mock_elapsed_time(Duration::from_millis(500));
        Ok(edited.borrow().clone())
    };
    (window, press)
}

#[test]
fn of_several_that_bear_the_same_label_each_is_pressed_by_a_name_of_its_own() {
    let (window, press) = settings();
    let show = |keys: &[&str]| {
        let row = |key: &&str| ui::SettingRow {
            key: (*key).into(),
            label: "Port".into(),
            kind: ui::SettingKind::Number,
            enabled: true,
            ..Default::default()
        };
        let rows: Vec<_> = keys.iter().map(row).collect();
        window.global::<ui::SettingsAdapter>().set_rows(ModelRc::from(rows.as_slice()));
    };
    show(&["one.port", "two.port"]);
    let choices = "'Port' stands for several: 'one.port', 'two.port'";
    assert_eq!(press("Port"), Err(choices.to_owned()));
    assert_eq!(finger::find(&window, "Port"), Err(choices.to_owned()));
    assert_eq!(press("two.port"), Ok("two.port".to_owned()));
    // What is called so in English too is meant before what is only labelled so.
    show(&["one.port", "Port"]);
    assert_eq!(press("Port"), Ok("Port".to_owned()));
    // Nothing tells them apart: the first is as good as any.
    show(&["port", "port"]);
    assert_eq!(press("Port"), Ok("port".to_owned()));
}

#[test]
fn the_ports_of_both_proxies_are_reached_by_their_names() {
    let (window, press) = settings();
    account_page(&window, ui::AccountPage::Proxy, &[("account2.outbound_proxy.active", "on")]);
    assert_eq!(press("Port"), Ok("account2.outbound_proxy.port".to_owned()));
    assert_eq!(press("Backup Port"), Ok("account2.outbound_proxy.backup_port".to_owned()));
}

#[test]
fn no_two_settings_of_an_account_page_are_called_alike_in_any_language() {
    let active = [("account2.outbound_proxy.active", "on"), ("account2.session_timer.active", "on")];
    for language in LANGUAGES {
        let (window, _) = settings();
        slint::select_bundled_translation(language).expect("the language is there");
        let words = window.global::<ui::Words>();
        for page in [ui::AccountPage::Basic, ui::AccountPage::Proxy, ui::AccountPage::SessionTimer] {
            account_page(&window, page, &active);
            let rows = window.global::<ui::SettingsAdapter>().get_rows();
            assert!(rows.row_count() >= 3, "{page:?}");
            let called = |row: ui::SettingRow| {
                let label = words.invoke_setting_label(row.name.clone(), row.label);
                words.invoke_setting_spoken(row.name, label)
            };
            let names: BTreeSet<_> = rows.iter().map(called).collect();
            assert_eq!(names.len(), rows.row_count(), "'{language}', {page:?}: {names:?}");
        }
    }
    slint::select_bundled_translation("").expect("English is always there");
}
