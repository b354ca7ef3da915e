//! What the pages look like in states that their sample values do not have: accounts that fail, a PIN that is locked,
//! sheets over a page. Filled by the twins themselves wherever rows come from settings.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use slint::{ComponentHandle, ModelRc};

use super::ui;
use crate::channel::{
    CallResult, EndReason, LogEntry, Notice, NoticeKind, PinView, PortFault, PortTrouble, RegistrationState, SoundFault,
};
use crate::config::{Config, DeviceFault, PhonebookEntry, Problem};
use crate::ui::panel::State;
use crate::ui::{account, finger, log, notices, pin, settings};

/// One picture: its name, its page, and what is on it.
pub(super) struct Scene {
    pub(super) name: &'static str,
    pub(super) page: ui::Page,
    pub(super) fill: fn(&ui::AppWindow),
}

const fn scene(name: &'static str, page: ui::Page, fill: fn(&ui::AppWindow)) -> Scene {
    Scene { name, page, fill }
}

pub(super) const SCENES: &[Scene] = &[
    scene("account_registered", ui::Page::Settings, |window| {
        account_page(window, ui::AccountPage::Basic, &[]);
        let status = ui::AccountStatus {
            state: ui::AccountState::Registered,
            minutes: 25,
            next_try: -1,
            via: "udp:192.168.1.2:5060".into(),
            proxy: ui::ProxyInUse::Main,
            certificate_ends: true,
            certificate_days: 12,
            ..Default::default()
        };
        window.global::<ui::SettingsAdapter>().set_status(status);
    }),
    scene("account_failed", ui::Page::Settings, |window| {
        account_page(window, ui::AccountPage::Basic, &[]);
        window.global::<ui::SettingsAdapter>().set_status(failed(ui::AccountFault::WrongName, 0, "pbx.example.org"));
        states(window, ui::AccountState::Failed, ui::AccountState::Registered);
    }),
    scene("account_registering", ui::Page::Settings, |window| {
        account_page(window, ui::AccountPage::Basic, &[]);
        let status = ui::AccountStatus {
            state: ui::AccountState::Registering,
            next_try: -1,
            ..failed(ui::AccountFault::WrongPassword, 401, "")
        };
        window.global::<ui::SettingsAdapter>().set_status(status);
        states(window, ui::AccountState::Registering, ui::AccountState::Disabled);
    }),
    scene("account_proxy", ui::Page::Settings, |window| {
        account_page(window, ui::AccountPage::Proxy, &[("account2.outbound_proxy.active", "on")]);
    }),
    scene("account_transport", ui::Page::Settings, |window| {
        account_page(window, ui::AccountPage::Transport, &[("account2.basic.transport", "dns-srv")]);
    }),
    scene("account_certificates", ui::Page::Settings, |window| {
        account_page(window, ui::AccountPage::Certificates, &[]);
    }),
    scene("account_call", ui::Page::Settings, |window| {
        account_page(window, ui::AccountPage::Call, &[("account2.call.prevent_sip_hacking", "on")]);
    }),
    scene("account_session_timer", ui::Page::Settings, |window| {
        account_page(window, ui::AccountPage::SessionTimer, &[("account2.session_timer.active", "on")]);
    }),
    scene("account_certificate_ends", ui::Page::Settings, |window| {
        certificates(window, None, &[]);
    }),
    scene("files_none", ui::Page::Settings, |window| certificates(window, Some("account2.tls.ca"), &[])),
    scene("files", ui::Page::Settings, |window| {
        let found = [
            "/media/usb0/telefonanlage/ca.pem",
            "/media/usb0/telefonanlage/panel-erdgeschoss.crt",
            "/media/usb0/key.pem",
        ];
        certificates(window, Some("account2.tls.certificate"), &found);
    }),
    scene("network", ui::Page::Settings, |window| group(window, ui::SettingsGroup::Network, PinView::default())),
    scene("security_without", ui::Page::Settings, |window| {
        group(window, ui::SettingsGroup::Security, PinView::default());
    }),
    scene("security", ui::Page::Settings, |window| {
        group(window, ui::SettingsGroup::Security, PinView { set: true, open: true, ..PinView::default() });
    }),
    scene("pin", ui::Page::Settings, |window| pad(window, ui::PinStage::Open, 3, ui::PinMessage::None)),
    scene("pin_wrong", ui::Page::Settings, |window| pad(window, ui::PinStage::Open, 0, ui::PinMessage::Wrong)),
    scene("pin_again", ui::Page::Settings, |window| pad(window, ui::PinStage::New, 12, ui::PinMessage::Different)),
    scene("pin_locked", ui::Page::Settings, |window| {
        pad(window, ui::PinStage::Open, 0, ui::PinMessage::Wrong);
        window.global::<ui::PinAdapter>().set_locked(272);
    }),
    scene("entry_password", ui::Page::Settings, |window| {
        account_page(window, ui::AccountPage::Basic, &[]);
        edit(window, "account2.basic.password", "hunter22");
    }),
    scene("entry_refused", ui::Page::Settings, |window| {
        let mut state = state(&[("account2.basic.transport", "dns-srv")]);
        state.editing = Some("account2.basic.server".into());
        state.fault = Some(settings::Fault::new("account2.basic.server", "192.168.1.2", String::new()));
        settings::apply(window, &state);
        window.global::<ui::SettingsAdapter>().set_draft("192.168.1.2".into());
    }),
    scene("choice_transport", ui::Page::Settings, |window| {
        account_page(window, ui::AccountPage::Transport, &[]);
        edit(window, "account2.basic.transport", "");
    }),
    scene("trial", ui::Page::Settings, |window| {
        trial(window, ui::AccountTestView { step: 1, ..Default::default() });
    }),
    scene("trial_works", ui::Page::Settings, |window| {
        trial(window, ui::AccountTestView { step: 2, over: true, works: true, ..Default::default() });
    }),
    scene("trial_fails", ui::Page::Settings, |window| {
        let fault = failed(ui::AccountFault::UnknownAuthority, 0, "").fault;
        trial(window, ui::AccountTestView { step: 1, over: true, fault, ..Default::default() });
    }),
    scene("other_account", ui::Page::Dial, |window| {
        labels(window);
        window.global::<ui::NoticesAdapter>().set_unregistered(1);
    }),
    scene("dial_not_registered", ui::Page::Dial, |window| {
        labels(window);
        states(window, ui::AccountState::Failed, ui::AccountState::Registered);
        let adapter = window.global::<ui::DialAdapter>();
        adapter.set_account(ui::AccountChoice::Account1);
        adapter.set_meaning(ui::DialMeaningView {
            kind: ui::DialMeaning::NotRegistered,
            tone: ui::Tone::Warning,
            account: 1,
            ..Default::default()
        });
    }),
    scene("dial_number", ui::Page::Dial, |window| {
        labels(window);
        states(window, ui::AccountState::Registered, ui::AccountState::Registered);
        window.global::<ui::DialAdapter>().set_meaning(ui::DialMeaningView {
            kind: ui::DialMeaning::Number,
            tone: ui::Tone::Ok,
            value: "1012".into(),
            account: 2,
            ..Default::default()
        });
    }),
    scene("home_account_words", ui::Page::Home, |window| {
        labels(window);
        states(window, ui::AccountState::Failed, ui::AccountState::Registered);
        window.global::<ui::StatusAdapter>().set_explained(1);
    }),
    scene("ringing_labelled", ui::Page::Ringing, labels),
    scene("in_call_labelled", ui::Page::InCall, labels),
    scene("log_labelled", ui::Page::Log, labels),
    scene("log_blocked", ui::Page::Log, |window| {
        let line = |name: &str, account, why, attempts, allow: &str| LogEntry {
            at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
            outgoing: false,
            remote: format!("sip:{name}"),
            name: name.to_owned(),
            account,
            result: CallResult::Blocked,
            why: Some(why),
            duration: Duration::ZERO,
            unlocked: false,
            unseen: false,
            attempts,
            allow: (!allow.is_empty()).then(|| allow.to_owned()),
        };
        let contact = PhonebookEntry { numbers: vec!["102".into()], may_call: true, ..PhonebookEntry::default() };
        let config = Config { contacts: vec![contact], ..Config::default() };
        let lines = [
            line("100@203.0.113.9", 0, EndReason::UnknownSource, 41_235, "203.0.113.9"),
            line("Paketdienst Schwarzenberger", 1, EndReason::MayNotCall, 1, "301"),
            line("Anna", 2, EndReason::MayNotCall, 3, "102"),
            line("", 0, EndReason::UnknownSource, 9000, ""),
            line("Nuisance", 0, EndReason::BlockedContact, 2, ""),
            line("Front door", 0, EndReason::NotAccepted, 1, ""),
        ];
        let (config, log) = (Arc::new(config), lines.into());
        log::apply(window, &State { config, log, log_tab: ui::LogTab::Blocked, ..State::default() });
    }),
    scene("notice_port", ui::Page::Home, |window| {
        notice(window, NoticeKind::PortTaken { port: 5060, reason: taken() });
    }),
    scene("notice_plugins", ui::Page::Home, |window| {
        let packages = vec!["gstreamer1.0-plugins-base", "gstreamer1.0-plugins-good", "gstreamer1.0-plugins-bad"];
        notice(window, NoticeKind::MissingPlugins { show: vec!["H264", "VP8"], send: vec!["H264", "VP8"], packages });
    }),
    scene("notice_settings", ui::Page::Home, |window| {
        let (key, given) = ("phone.call.return_code_when_refused".to_owned(), "\"601\"".to_owned());
        notice(window, NoticeKind::SettingsLine(Problem::Value { key, given, problem: String::new() }));
    }),
    scene("notice_sound", ui::Page::Home, |window| {
        let fault = SoundFault { microphone: Some(DeviceFault::Busy), loudspeaker: Some(DeviceFault::Gone) };
        notice(window, NoticeKind::Sound(fault));
    }),
    scene("not_listening", ui::Page::Settings, |window| {
        let mut state = State { group: ui::SettingsGroup::Calls, ..State::default() };
        state.direct_ip.error = Some(taken());
        settings::apply(window, &state);
        // The rows of direct calls come after those of do not disturb.
        finger::reach(window, "phone.auto_answer.enabled").expect("it is on this page");
    }),
];

fn taken() -> PortFault {
    PortFault { transport: "TCP", port: 5060, trouble: PortTrouble::Taken }
}

fn notice(window: &ui::AppWindow, kind: NoticeKind) {
    let rows = [notices::row(&Notice { id: 1, kind })];
    window.global::<ui::NoticesAdapter>().set_notices(ModelRc::from(rows.as_slice()));
}

/// As an installer leaves an account.
const SET_UP: &[(&str, &str)] = &[
    ("account2.active", "on"),
    ("account2.basic.display_label", "Familie Schwarzenberger"),
    ("account2.basic.register_name", "1012"),
    ("account2.basic.password", "hunter2"),
    ("account2.basic.server", "telefonanlage.hausverwaltung.example.org"),
];

fn state(changes: &[(&str, &str)]) -> State {
    let set = |config: Config, (key, value): &(&str, &str)| config.set(key, value).expect("a good value");
    let config = SET_UP.iter().chain(changes).fold(Config::default(), set);
    State { config: Arc::new(config), group: ui::SettingsGroup::Account2, ..State::default() }
}

fn account_page(window: &ui::AppWindow, page: ui::AccountPage, changes: &[(&str, &str)]) {
    let mut state = State { account_page: page, ..state(changes) };
    state.registrations[1].state = RegistrationState::Registered;
    state.registrations[1].places_calls = true;
    settings::apply(window, &state);
    account::apply(window, &state);
    states(window, ui::AccountState::Registered, ui::AccountState::Registered);
}

fn group(window: &ui::AppWindow, group: ui::SettingsGroup, view: PinView) {
    let state = State { group, pin: pin::PinPad::with(view), ..State::default() };
    settings::apply(window, &state);
}

fn certificates(window: &ui::AppWindow, edited: Option<&str>, found: &[&str]) {
    let tls = [
        ("account2.basic.transport", "tls"),
        ("account2.tls.certificate", "/var/lib/vestibule/certificates/panel.pem"),
    ];
    let mut state = State { account_page: ui::AccountPage::Certificates, ..state(&tls) };
    state.registrations[1].certificate_expires = Some(SystemTime::now() + Duration::from_secs(12 * 24 * 60 * 60 + 60));
    state.editing = edited.map(str::to_owned);
    state.files = settings::Files::found(found.iter().map(PathBuf::from).collect());
    settings::apply(window, &state);
}

fn edit(window: &ui::AppWindow, key: &str, draft: &str) {
    settings::apply(window, &State { editing: Some(key.to_owned()), ..state(&[]) });
    window.global::<ui::SettingsAdapter>().set_draft(draft.into());
}

fn pad(window: &ui::AppWindow, stage: ui::PinStage, count: i32, message: ui::PinMessage) {
    let adapter = window.global::<ui::PinAdapter>();
    adapter.set_stage(stage);
    adapter.set_count(count);
    adapter.set_message(message);
    adapter.set_tries_left(3);
}

fn trial(window: &ui::AppWindow, view: ui::AccountTestView) {
    account_page(window, ui::AccountPage::Basic, &[]);
    let adapter = window.global::<ui::SettingsAdapter>();
    adapter.set_testing(true);
    adapter.set_trial(view);
}

fn failed(kind: ui::AccountFault, code: i32, text: &str) -> ui::AccountStatus {
    ui::AccountStatus {
        state: ui::AccountState::Failed,
        fault: ui::AccountFaultView { kind, code, text: text.into(), found: "sip.example.org".into() },
        next_try: 25,
        ..Default::default()
    }
}

fn states(window: &ui::AppWindow, first: ui::AccountState, second: ui::AccountState) {
    let fault = failed(ui::AccountFault::WrongPassword, 401, "").fault;
    let view = |account, state| ui::AccountView {
        shown: true,
        account,
        state,
        fault: if state == ui::AccountState::Failed { fault.clone() } else { ui::AccountFaultView::default() },
    };
    let rows = ModelRc::new(slint::VecModel::from(vec![view(1, first), view(2, second)]));
    window.global::<ui::StatusAdapter>().set_accounts(rows);
}

fn labels(window: &ui::AppWindow) {
    let labels = window.global::<ui::Accounts>();
    labels.set_first("Flat 12".into());
    labels.set_second("Familie Schwarzenberger".into());
}
