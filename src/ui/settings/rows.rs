//! The rows of each group: one for each setting that matters now, in the order of the declaration, and what stands
//! between them.

use std::path::Path;
use std::time::SystemTime;

use slint::{ModelRc, SharedString, VecModel};

use super::fault::fault;
use super::files::role;
use super::ui;
use crate::channel::{CertificateRole, DndServerState};
use crate::config::{
    Account, AccountConfig, AccountTransport, Kind, NightMode, ReturnCode, SETTINGS, Setting, SrvOver, setting,
};
use crate::ui::account::{account_of, days_until};
use crate::ui::panel::State;
use crate::ui::{convert, notices};

/// Forgets the call log.
pub(super) const CLEAR_LOG: &str = "about.clear_log";
/// Sets another PIN.
pub(super) const PIN: &str = "security.pin";
/// Takes the PIN away.
pub(super) const DO_WITHOUT: &str = "security.remove";
/// Closes the pages behind the PIN.
pub(super) const LOCK: &str = "security.lock";

/// As much of a refused value is repeated, in characters.
const REPEATED: usize = 24;

/// A value that was refused.
pub(in crate::ui) struct Fault {
    key: String,
    entered: String,
    problem: String,
}

impl Fault {
    pub(in crate::ui) fn new(key: &str, entered: &str, problem: String) -> Self {
        Self { key: key.to_owned(), entered: entered.to_owned(), problem }
    }
}

/// Where a setting stands.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Group(ui::SettingsGroup),
    Account(Account, ui::AccountPage),
}

/// The place of a setting by its key.
fn place(key: &str) -> Option<Place> {
    let (chapter, rest) = key.split_once('.')?;
    let account = match chapter {
        "phone" => return Some(Place::Group(ui::SettingsGroup::Calls)),
        "audio" => return Some(Place::Group(ui::SettingsGroup::Sound)),
        "video" => return Some(Place::Group(ui::SettingsGroup::Video)),
        "display" => return Some(Place::Group(ui::SettingsGroup::Display)),
        "network" => return Some(Place::Group(ui::SettingsGroup::Network)),
        "security" | "board" => return Some(Place::Group(ui::SettingsGroup::Security)),
        "account1" => Account::One,
        "account2" => Account::Two,
        _ => return None,
    };
    let page = match rest {
        "basic.transport" | "basic.srv_over" => ui::AccountPage::Transport,
        _ if rest.starts_with("outbound_proxy.") => ui::AccountPage::Proxy,
        _ if rest.starts_with("tls.") => ui::AccountPage::Certificates,
        _ if rest.starts_with("call.") => ui::AccountPage::Call,
        _ if rest.starts_with("session_timer.") => ui::AccountPage::SessionTimer,
        _ => ui::AccountPage::Basic,
    };
    Some(Place::Account(account, page))
}

/// The rows of the group that is open.
pub(super) fn of_group(state: &State) -> Vec<ui::SettingRow> {
    match state.group {
        ui::SettingsGroup::Calls => calls(state),
        ui::SettingsGroup::Network => network(state),
        ui::SettingsGroup::Security => security(state),
        ui::SettingsGroup::About => about(state),
        group => match account_of(group) {
            Some(account) => account_page(state, account),
            None => settings_at(state, Place::Group(group)),
        },
    }
}

/// The row of one setting.
pub(super) fn of_key(state: &State, key: &str) -> Option<ui::SettingRow> {
    setting(key).map(|setting| row(state, setting))
}

/// Whether two rows are about the same setting, whatever it is set to.
pub(in crate::ui) fn is_same(old: &ui::SettingRow, new: &ui::SettingRow) -> bool {
    (&old.key, old.kind) == (&new.key, new.kind)
}

fn settings_at(state: &State, wanted: Place) -> Vec<ui::SettingRow> {
    let here = SETTINGS.iter().filter(|setting| place(setting.key) == Some(wanted) && matters(state, setting));
    here.map(|setting| row(state, setting)).collect()
}

fn account_page(state: &State, account: Account) -> Vec<ui::SettingRow> {
    let mut rows = Vec::new();
    if state.account_page == ui::AccountPage::Certificates && !uses_tls(state.config.account(account)) {
        let note = ui::SettingNote::OnlyWithTls;
        rows.push(ui::SettingRow { note, ..plain("account.tls", ui::SettingKind::Note) });
    }
    rows.extend(settings_at(state, Place::Account(account, state.account_page)));
    rows
}

/// Whether an account can come to speak TLS as it is set.
fn uses_tls(account: &AccountConfig) -> bool {
    match account.transport {
        AccountTransport::Tls => true,
        AccountTransport::DnsSrv => matches!(account.srv_over, SrvOver::Auto | SrvOver::Tls),
        AccountTransport::Udp | AccountTransport::Tcp => false,
    }
}

/// Several chapters, each under its heading.
fn calls(state: &State) -> Vec<ui::SettingRow> {
    let mut rows = Vec::new();
    for chapter in ["phone.dnd", "phone.direct_ip", "phone.auto_answer", "phone.unlock", "phone.call", "phone.call_log"]
    {
        rows.push(plain(chapter, ui::SettingKind::Heading));
        let prefix = format!("{chapter}.");
        rows.extend(SETTINGS.iter().filter(|setting| setting.key.starts_with(&prefix)).map(|it| row(state, it)));
        if chapter == "phone.dnd" {
            rows.extend(Account::ALL.into_iter().filter_map(|account| dnd_server(state, account)));
        }
        if chapter == "phone.direct_ip" {
            let mut row = information("phone.direct_ip.listening", &state.direct_ip.listening.join("  "));
            if let Some(fault) = &state.direct_ip.error {
                row.fault = ui::SettingFault::NotListening;
                row.reason = notices::port_reason(fault);
            }
            rows.push(row);
        }
    }
    rows
}

/// What the server of an account says to do not disturb, where it is told anything.
fn dnd_server(state: &State, account: Account) -> Option<ui::SettingRow> {
    let config = &state.config;
    let told = config.account(account).active && config.dnd_accounts.has(Some(account));
    let view = &state.dnd_servers[account.index()];
    if !told || (view.state == DndServerState::None && config.dnd_on_code.is_empty() && config.dnd_off_code.is_empty())
    {
        return None;
    }
    let mut row = information(&format!("phone.dnd.server{}", account.number()), "");
    row.server = convert::dnd_server(view);
    if row.server.state == ui::DndServerState::Failed {
        row.fault = ui::SettingFault::ServerFailed;
    }
    Some(row)
}

fn network(state: &State) -> Vec<ui::SettingRow> {
    let mut rows = settings_at(state, Place::Group(ui::SettingsGroup::Network));
    rows.push(information("about.address", &own_address(state)));
    rows
}

fn security(state: &State) -> Vec<ui::SettingRow> {
    let set = state.pin.is_set();
    let action = |key: &str| plain(key, ui::SettingKind::Action);
    let mut rows = Vec::new();
    if !set {
        rows.push(plain("security.invitation", ui::SettingKind::Note));
    }
    rows.push(ui::SettingRow { on: set, ..action(PIN) });
    if set {
        rows.extend([action(DO_WITHOUT), action(LOCK)]);
    }
    for chapter in ["board.relay", "board.door_contact"] {
        rows.push(plain(chapter, ui::SettingKind::Heading));
        let prefix = format!("{chapter}.");
        let here = SETTINGS.iter().filter(|setting| setting.key.starts_with(&prefix) && matters(state, setting));
        rows.extend(here.map(|setting| row(state, setting)));
    }
    rows
}

fn about(state: &State) -> Vec<ui::SettingRow> {
    vec![
        information("about.version", env!("CARGO_PKG_VERSION")),
        information("about.address", &own_address(state)),
        information("about.licence", "GPL-3.0-or-later"),
        ui::SettingRow { enabled: !state.log.is_empty(), ..plain(CLEAR_LOG, ui::SettingKind::Action) },
    ]
}

fn own_address(state: &State) -> String {
    state.direct_ip.address.map(|address| address.to_string()).unwrap_or_default()
}

fn plain(key: &str, kind: ui::SettingKind) -> ui::SettingRow {
    ui::SettingRow { key: key.into(), name: key.into(), kind, enabled: true, ..Default::default() }
}

fn information(key: &str, value: &str) -> ui::SettingRow {
    ui::SettingRow { value: value.into(), ..plain(key, ui::SettingKind::Info) }
}

/// The account of a setting, and its key there.
fn of_account<'a>(state: &'a State, setting: &'static Setting) -> Option<(&'a AccountConfig, &'static str)> {
    let (chapter, rest) = setting.key.split_once('.')?;
    let account = Account::ALL.into_iter().find(|account| chapter == format!("account{}", account.number()))?;
    Some((state.config.account(account), rest))
}

/// Whether a setting can have an effect as the others are set.
fn matters(state: &State, setting: &'static Setting) -> bool {
    match of_account(state, setting) {
        Some((account, "basic.srv_over")) => account.transport == AccountTransport::DnsSrv,
        Some((account, key)) if key.starts_with("outbound_proxy.") && key != "outbound_proxy.active" => {
            account.proxy_active
        }
        Some((account, key)) if key.starts_with("session_timer.") && key != "session_timer.active" => {
            account.session_timer_active
        }
        None if setting.key.starts_with("display.night.") && setting.key != "display.night.mode" => {
            state.config.night_mode == NightMode::Schedule
        }
        None if setting.key.starts_with("board.relay.") && setting.key != "board.relay.chip" => {
            !state.config.relay_chip.is_empty()
        }
        None if setting.key.starts_with("board.door_contact.") && setting.key != "board.door_contact.chip" => {
            !state.config.door_contact_chip.is_empty()
        }
        None if setting.key == "display.least_brightness" => state.config.auto_brightness,
        // Only datagrams leave open whether the server still knows the panel.
        Some((account, "basic.check_interval")) => {
            matches!(account.transport, AccountTransport::Udp | AccountTransport::DnsSrv)
        }
        _ => true,
    }
}

/// Why a setting that is shown has no effect, or more than one might think.
fn note(state: &State, setting: &'static Setting) -> ui::SettingNote {
    match of_account(state, setting) {
        Some((account, "basic.port")) if account.transport == AccountTransport::DnsSrv => ui::SettingNote::SrvHasPorts,
        None if setting.key == "phone.dnd.return_code" && state.config.dnd_return_code == ReturnCode::Decline => {
            ui::SettingNote::SilencesFlat
        }
        _ => ui::SettingNote::None,
    }
}

/// The key without the number of the account.
fn name(key: &str) -> SharedString {
    match key.split_once('.') {
        Some(("account1" | "account2", rest)) => format!("account.{rest}").into(),
        _ => key.into(),
    }
}

fn row(state: &State, setting: &'static Setting) -> ui::SettingRow {
    let value = match setting.value(&state.config).to_string() {
        // Only whether there is one goes to the screen.
        secret if setting.is_secret() && !secret.is_empty() => "set".to_owned(),
        value => value,
    };
    let note = note(state, setting);
    let mut row = ui::SettingRow {
        key: setting.key.into(),
        name: name(setting.key),
        label: setting.label.into(),
        help: setting.help.into(),
        on: value == "on",
        number: value.parse().unwrap_or(0),
        value: value.into(),
        unit: setting.unit.into(),
        step: 1,
        enabled: note != ui::SettingNote::SrvHasPorts,
        note,
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
            row.choices =
                ModelRc::new(VecModel::from(words.iter().map(|word| SharedString::from(*word)).collect::<Vec<_>>()));
            ui::SettingKind::Choice
        }
        Kind::Set(words) => {
            let chosen: Vec<&str> = row.value.split(", ").collect();
            let picked: Vec<bool> = words.iter().map(|word| chosen.contains(word)).collect();
            row.picked = ModelRc::new(VecModel::from(picked));
            let words: Vec<SharedString> = words.iter().map(|word| SharedString::from(*word)).collect();
            row.choices = ModelRc::new(VecModel::from(words));
            ui::SettingKind::Several
        }
        // Only what takes effect by itself is a moment: nobody types one on a wall.
        Kind::Moment => {
            row.on = state.config.dnd_until.is_some();
            row.end = state.config.dnd_until.map(convert::moment).unwrap_or_default();
            ui::SettingKind::Info
        }
        Kind::Secret { .. } => ui::SettingKind::Secret,
        Kind::Text { .. } if role(setting.key).is_some() => ui::SettingKind::File,
        Kind::Keys { .. }
        | Kind::Code { .. }
        | Kind::TimeOfDay
        | Kind::Text { .. }
        | Kind::List { .. }
        | Kind::Order(_) => ui::SettingKind::Text,
    };
    if row.kind == ui::SettingKind::File {
        let name = Path::new(row.value.as_str()).file_name().map(|name| name.to_string_lossy().into_owned());
        row.value = name.unwrap_or_default().into();
    }
    if let Some((account, CertificateRole::Client)) = role(setting.key)
        && let Some(end) = state.registrations[account.index()].certificate_expires
    {
        row.has_end = true;
        row.end = convert::moment(end);
        row.end_days = i32::try_from(days_until(end, SystemTime::now())).unwrap_or(i32::MAX);
    }
    if let Some(refused) = &state.fault
        && refused.key == setting.key
    {
        let (kind, part) = fault(setting, &refused.entered);
        row.fault = kind;
        if !setting.is_secret() {
            row.fault_value = part.chars().take(REPEATED).collect::<String>().into();
        }
        row.fault_text = refused.problem.as_str().into();
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use slint::ComponentHandle;

    use crate::config::Config;
    use crate::ui::shots;

    fn keys(rows: &[ui::SettingRow]) -> Vec<&str> {
        rows.iter().map(|row| row.key.as_str()).collect()
    }

    fn page(config: &Config, page: ui::AccountPage) -> Vec<ui::SettingRow> {
        let mut state = State { config: Arc::new(config.clone()), ..State::default() };
        state.group = ui::SettingsGroup::Account2;
        state.account_page = page;
        of_group(&state)
    }

    fn with(changes: &[(&str, &str)]) -> Config {
        changes.iter().fold(Config::default(), |config, (key, value)| config.set(key, value).expect(key))
    }

    #[test]
    fn every_setting_has_its_place() {
        for setting in SETTINGS.iter() {
            assert!(place(setting.key).is_some(), "{}", setting.key);
        }
        let state = State::default();
        let calls = SETTINGS.iter().filter(|it| place(it.key) == Some(Place::Group(ui::SettingsGroup::Calls))).count();
        let shown = calls_only(&of_group(&state));
        assert_eq!(shown, calls, "a chapter of Phone > Call Feature is missing");
    }

    #[test]
    fn every_setting_and_every_choice_has_words_in_every_language() {
        let window = shots::window(1024, 600);
        let words = window.global::<ui::Words>();
        for language in shots::LANGUAGES {
            slint::select_bundled_translation(language).expect("the language is there");
            for setting in SETTINGS.iter() {
                let row = row(&State::default(), setting);
                assert_ne!(words.invoke_setting_label(row.name.clone(), "".into()), "", "{language}: {}", setting.key);
                assert_ne!(words.invoke_setting_help(row.name.clone(), "".into()), "", "{language}: {}", setting.key);
                if let Kind::Choice(values) = setting.kind {
                    for value in values {
                        let said = words.invoke_choice(row.name.clone(), (*value).into());
                        assert_ne!(said, *value, "{language}: {} has no word for it", setting.key);
                    }
                }
            }
        }
        slint::select_bundled_translation("").expect("English is always there");
    }

    #[test]
    fn settings_and_their_pages_bear_the_names_of_the_manual() {
        let window = shots::window(1024, 600);
        slint::select_bundled_translation("").expect("English is always there");
        let words = window.global::<ui::Words>();
        for setting in SETTINGS.iter() {
            let label = words.invoke_setting_label(name(setting.key), "".into());
            assert_eq!(label, setting.label, "{}", setting.key);
            let (paths, declared) = match place(setting.key).expect("every setting has its place") {
                Place::Account(account, page) => {
                    let number = i32::from(account.number());
                    let path = String::from(words.invoke_account_path(number, page));
                    (vec![path], setting.path.replacen("Account", &account.to_string(), 1))
                }
                Place::Group(group) => {
                    let (chapter, _) = setting.key.rsplit_once('.').expect("a key has a chapter");
                    let title = words.invoke_group_path(group);
                    let heading = words.invoke_setting_label(chapter.into(), "".into());
                    let last = if heading.is_empty() { "Basic" } else { heading.as_str() };
                    (vec![title.to_string(), format!("{title} > {last}")], setting.path.to_owned())
                }
            };
            assert!(paths.contains(&declared), "{}: {declared} is called {paths:?}", setting.key);
        }
        let advanced = words.invoke_account_path(2, ui::AccountPage::SessionTimer);
        assert_eq!(advanced, "Account 2 > Advanced > Session Timer");
        assert_eq!(words.invoke_group_path(ui::SettingsGroup::Calls), "Phone > Call Feature");
    }

    fn calls_only(rows: &[ui::SettingRow]) -> usize {
        rows.iter().filter(|row| setting(&row.key).is_some()).count()
    }

    #[test]
    fn the_proxy_shows_its_settings_once_it_is_active() {
        assert_eq!(keys(&page(&with(&[]), ui::AccountPage::Proxy)), ["account2.outbound_proxy.active"]);
        let rows = page(&with(&[("account2.outbound_proxy.active", "on")]), ui::AccountPage::Proxy);
        assert_eq!(rows.len(), 5);
        assert_eq!(rows[1].name, "account.outbound_proxy.server");
    }

    #[test]
    fn hacking_is_prevented_by_a_switch_of_each_account_and_of_direct_calls() {
        let rows = page(&with(&[("account2.call.prevent_sip_hacking", "on")]), ui::AccountPage::Call);
        assert_eq!(keys(&rows), ["account2.call.prevent_sip_hacking"]);
        assert_eq!((rows[0].name.as_str(), rows[0].on), ("account.call.prevent_sip_hacking", true));
        let calls = calls(&State::default());
        let direct = calls.iter().find(|row| row.key == "phone.direct_ip.prevent_sip_hacking").expect("a row");
        assert!(!direct.on);
    }

    #[test]
    fn the_session_timer_shows_its_settings_once_it_is_active() {
        assert_eq!(keys(&page(&with(&[]), ui::AccountPage::SessionTimer)), ["account2.session_timer.active"]);
        let rows = page(&with(&[("account2.session_timer.active", "on")]), ui::AccountPage::SessionTimer);
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[2].name, "account.session_timer.refresher");
    }

    #[test]
    fn dns_srv_brings_its_transport_and_takes_the_port() {
        assert_eq!(keys(&page(&with(&[]), ui::AccountPage::Transport)), ["account2.basic.transport"]);
        let srv = with(&[("account2.basic.transport", "dns-srv")]);
        assert_eq!(
            keys(&page(&srv, ui::AccountPage::Transport)),
            ["account2.basic.transport", "account2.basic.srv_over"]
        );
        let port = |config: &Config| {
            let rows = page(config, ui::AccountPage::Basic);
            let row = rows.iter().find(|row| row.key == "account2.basic.port").expect("the port is shown");
            (row.enabled, row.note)
        };
        assert_eq!(port(&with(&[])), (true, ui::SettingNote::None));
        assert_eq!(port(&srv), (false, ui::SettingNote::SrvHasPorts));
    }

    #[test]
    fn the_night_and_the_light_of_the_room_show_their_settings_once_they_matter() {
        let display = |changes: &[(&str, &str)]| {
            let state =
                State { config: Arc::new(with(changes)), group: ui::SettingsGroup::Display, ..State::default() };
            keys(&of_group(&state)).into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        let plain = display(&[]);
        assert!(plain.contains(&"display.night.mode".to_owned()) && plain.contains(&"display.brightness".to_owned()));
        assert!(!plain.iter().any(|key| key == "display.night.from" || key == "display.least_brightness"));
        let all = display(&[("display.night.mode", "schedule"), ("display.auto_brightness", "on")]);
        assert_eq!(all.len(), plain.len() + 4, "from, to, two brightnesses");
    }

    #[test]
    fn relay_and_door_contact_are_behind_the_pin_and_show_their_lines_once_they_have_a_chip() {
        let security = |changes: &[(&str, &str)]| {
            let group = ui::SettingsGroup::Security;
            let rows = of_group(&State { config: Arc::new(with(changes)), group, ..State::default() });
            rows.iter().filter(|row| row.key.starts_with("board.")).count()
        };
        assert_eq!(security(&[]), 4, "two headings, two chips");
        assert_eq!(security(&[("board.relay.chip", "test")]), 7);
        assert_eq!(security(&[("board.relay.chip", "test"), ("board.door_contact.chip", "/dev/gpiochip0")]), 9);
    }

    #[test]
    fn certificates_say_that_they_wait_for_tls() {
        let noted = |changes: &[(&str, &str)]| page(&with(changes), ui::AccountPage::Certificates)[0].note;
        assert_eq!(noted(&[("account2.basic.transport", "tcp")]), ui::SettingNote::OnlyWithTls);
        assert_eq!(noted(&[("account2.basic.transport", "tls")]), ui::SettingNote::None);
        assert_eq!(noted(&[("account2.basic.transport", "dns-srv")]), ui::SettingNote::None);
        let over = [("account2.basic.transport", "dns-srv"), ("account2.basic.srv_over", "tcp")];
        assert_eq!(noted(&over), ui::SettingNote::OnlyWithTls);
    }

    #[test]
    fn do_not_disturb_shows_the_servers_that_are_told_and_what_they_said() {
        let servers = |changes: &[(&str, &str)], states: [DndServerState; 2]| {
            let mut state = State { config: Arc::new(with(changes)), ..State::default() };
            for (view, server) in state.dnd_servers.iter_mut().zip(states) {
                view.state = server;
            }
            let rows = of_group(&state).into_iter().filter(|row| row.key.starts_with("phone.dnd.server"));
            rows.map(|row| (row.key.to_string(), row.fault)).collect::<Vec<_>>()
        };
        let (one, two) = ("phone.dnd.server1".to_owned(), "phone.dnd.server2".to_owned());
        let (none, failed) = (ui::SettingFault::None, ui::SettingFault::ServerFailed);
        let fails = DndServerState::Failed { fault: crate::channel::CodeFault::NotRegistered, again: true };
        let both = [("account1.active", "on"), ("account2.active", "on")];
        assert!(servers(&[], [fails; 2]).is_empty(), "accounts that are switched off are told nothing");
        assert_eq!(servers(&both, [DndServerState::Done, fails]), [(one.clone(), none), (two.clone(), failed)]);
        let second = [&both[..], &[("phone.dnd.accounts", "2, ip")]].concat();
        assert_eq!(servers(&second, [DndServerState::None; 2]), [(two, none)]);
        let silent = [&both[..], &[("phone.dnd.on_code", ""), ("phone.dnd.off_code", "")]].concat();
        assert!(servers(&silent, [DndServerState::None; 2]).is_empty());
    }

    #[test]
    fn a_return_code_that_silences_the_flat_says_so() {
        let note = |code| {
            let config = Arc::new(with(&[("phone.dnd.return_code", code)]));
            of_key(&State { config, ..State::default() }, "phone.dnd.return_code").expect("declared").note
        };
        assert_eq!(note("603"), ui::SettingNote::SilencesFlat);
        assert_eq!(note("486"), ui::SettingNote::None);
    }

    #[test]
    fn of_several_words_those_that_are_chosen_are_marked() {
        use slint::Model;
        let config = Arc::new(with(&[("phone.dnd.accounts", "ip, 1")]));
        let row = of_key(&State { config, ..State::default() }, "phone.dnd.accounts").expect("declared");
        assert_eq!(row.kind, ui::SettingKind::Several);
        assert_eq!(row.choices.iter().map(String::from).collect::<Vec<_>>(), ["1", "2", "ip"]);
        assert_eq!(row.picked.iter().collect::<Vec<_>>(), [true, false, true]);
    }

    #[test]
    fn a_password_reaches_no_row() {
        let config = with(&[("account2.basic.password", "4711")]);
        let rows = page(&config, ui::AccountPage::Basic);
        assert!(!format!("{rows:?}").contains("4711"));
        let password = rows.iter().find(|row| row.kind == ui::SettingKind::Secret).expect("the password");
        assert_eq!((password.value.as_str(), password.number), ("set", 0));
        let mut state = State { config: Arc::new(config), ..State::default() };
        state.fault = Some(Fault::new("account2.basic.password", &"4711".repeat(50), "too long".into()));
        let row = of_key(&state, "account2.basic.password").expect("declared");
        assert_eq!((row.fault, row.fault_value.as_str()), (ui::SettingFault::TooLong, ""));
    }
}
