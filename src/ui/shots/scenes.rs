//! What the pages look like in states that their sample values do not have: accounts that fail, a PIN that is locked,
//! sheets over a page. Filled by the twins themselves wherever rows come from settings.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use slint::{ComponentHandle, ModelRc};

use super::states::unlocking;
use super::{book, calls, ui, visits};
use crate::channel::{
    CertificateFault, CertificateProblem, CertificateRole, CodeFault, DndServerState, DndServerView, EndReason, Notice,
    NoticeKind, PinView, PortFault, PortTrouble, RegistrationState, SoundFault,
};
use crate::config::{Config, DeviceFault, DialPlan, DndMode, FileFault, Problem};
use crate::ui::panel::State;
use crate::ui::{account, finger, notices, pages, pin, rules, settings};

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
        certificates(window, None, found(&[]));
    }),
    scene("files_none", ui::Page::Settings, |window| certificates(window, Some("account2.tls.ca"), found(&[]))),
    scene("files", ui::Page::Settings, |window| {
        let files = [
            "/media/usb0/telefonanlage/ca.pem",
            "/media/usb0/telefonanlage/panel-erdgeschoss.crt",
            "/media/usb0/key.pem",
        ];
        certificates(window, Some("account2.tls.certificate"), found(&files));
    }),
    scene("files_refused", ui::Page::Settings, |window| {
        let file = PathBuf::from("/media/usb0/panel.pem");
        let role = CertificateRole::Client;
        let problem = CertificateProblem { file: Some((file.clone(), role)), fault: CertificateFault::UnknownKey };
        certificates(window, Some("account2.tls.certificate"), settings::Files::refused(vec![file], problem));
    }),
    scene("dial_plan", ui::Page::Settings, |window| dial_plan(window, rules::Page::default())),
    scene("dial_plan_empty", ui::Page::Settings, |window| {
        let state = State { group: ui::SettingsGroup::Book, ..State::default() };
        settings::apply(window, &state);
        rules::apply(window, &state);
    }),
    scene("rule", ui::Page::Settings, |window| {
        let numbers = ["101", "192✳168✳1✳20", "sip:hausverwaltung@telefonanlage.example.org;transport=tcp"];
        dial_plan(window, rules::in_the_middle("Familie Schwarzenberger", "8", &numbers, false));
    }),
    scene("rule_refused", ui::Page::Settings, |window| {
        let numbers = ["300✳1✳1✳1", "101", "101"];
        dial_plan(window, rules::in_the_middle("", "9", &numbers, false));
    }),
    scene("entry_prefix", ui::Page::Settings, |window| {
        dial_plan(window, rules::in_the_middle("", "9", &["101"], true));
        window.global::<ui::DialPlanAdapter>().set_draft("9".into());
    }),
    scene("dial_rule", ui::Page::Dial, |window| {
        window.global::<ui::DialAdapter>().set_meaning(ui::DialMeaningView {
            kind: ui::DialMeaning::Rule,
            tone: ui::Tone::Ok,
            value: "9".into(),
            count: 3,
            ..Default::default()
        });
    }),
    scene("calling_several", ui::Page::Calling, calls::several),
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
    scene("contacts_many", ui::Page::Contacts, book::many),
    scene("contacts_favourites", ui::Page::Contacts, book::favourites),
    scene("contacts_doors_none", ui::Page::Contacts, book::no_doors),
    scene("entry_contacts_search", ui::Page::Contacts, book::search),
    scene("entry_contacts_search_nobody", ui::Page::Contacts, book::search_nobody),
    scene("contact", ui::Page::Contacts, book::contact),
    scene("contact_door", ui::Page::Contacts, book::door),
    scene("contact_new", ui::Page::Contacts, book::new),
    scene("contact_edit", ui::Page::Contacts, book::edit),
    scene("contact_edit_door", ui::Page::Contacts, book::edit_door),
    scene("contact_refused", ui::Page::Contacts, book::refused),
    scene("entry_contact_number", ui::Page::Contacts, book::number),
    scene("contact_ringtone", ui::Page::Contacts, book::ringtone),
    scene("contact_delete", ui::Page::Contacts, book::delete),
    scene("contacts_menu", ui::Page::Contacts, book::menu),
    scene("contacts_import_none", ui::Page::Contacts, book::import_none),
    scene("contacts_import", ui::Page::Contacts, book::import),
    scene("contacts_export", ui::Page::Contacts, book::export),
    scene("contacts_imported", ui::Page::Contacts, book::imported),
    scene("dnd_sheet_off", ui::Page::Home, |window| dnd_sheet(window, DndMode::Off, [DndServerState::None; 2])),
    scene("dnd_sheet_on", ui::Page::Home, |window| {
        dnd_sheet(window, DndMode::Silent, [DndServerState::Done, DndServerState::Calling]);
    }),
    scene("dnd_sheet_failed", ui::Page::Home, |window| {
        let not_found = CodeFault::Call { status: 404, why: EndReason::NotFound };
        let failed = |fault, again| DndServerState::Failed { fault, again };
        dnd_sheet(window, DndMode::Reject, [failed(not_found, false), failed(CodeFault::NotRegistered, true)]);
    }),
    scene("dnd_home", ui::Page::Home, |window| {
        dnd(window, DndMode::Silent, [DndServerState::Done, not_registered()]);
    }),
    scene("dnd_home_off", ui::Page::Home, |window| {
        dnd(window, DndMode::Off, [DndServerState::Done, not_registered()]);
    }),
    scene("dnd_idle", ui::Page::Idle, |window| dnd(window, DndMode::Reject, [DndServerState::None; 2])),
    scene("display", ui::Page::Settings, |window| display(window, "display.theme")),
    scene("display_below", ui::Page::Settings, |window| display(window, "display.night.brightness")),
    scene("security_wired", ui::Page::Settings, |window| {
        let chips = [("board.relay.chip", "/dev/gpiochip0"), ("board.door_contact.chip", "/dev/gpiochip0")];
        settings::apply(window, &State { group: ui::SettingsGroup::Security, ..state(&chips) });
        finger::reach(window, "board.door_contact.chip").expect("it is on this page");
    }),
    scene("dnd_page", ui::Page::Settings, |window| {
        settings::apply(window, &quiet(DndMode::Reject, [DndServerState::Done, not_registered()]));
        finger::reach(window, "phone.dnd.accounts").expect("it is on this page");
    }),
    scene("dnd_page_below", ui::Page::Settings, |window| {
        settings::apply(window, &quiet(DndMode::Reject, [DndServerState::Done, not_registered()]));
        finger::reach(window, "phone.direct_ip.enabled").expect("it is on this page");
    }),
    scene("dnd_accounts", ui::Page::Settings, |window| {
        let mut state = quiet(DndMode::Off, [DndServerState::None; 2]);
        state.editing = Some("phone.dnd.accounts".to_owned());
        settings::apply(window, &state);
    }),
    scene("ringing_labelled", ui::Page::Ringing, labels),
    scene("ringing_no_sound", ui::Page::Ringing, |window| window.global::<ui::CallAdapter>().set_no_sound(true)),
    scene("in_call_labelled", ui::Page::InCall, labels),
    scene("log_labelled", ui::Page::Log, labels),
    scene("log_blocked", ui::Page::Log, visits::blocked),
    scene("log_pictures", ui::Page::Log, |window| visits::visits(window, None)),
    scene("log_visitor", ui::Page::Log, |window| visits::visits(window, Some(0))),
    scene("log_visitor_gone", ui::Page::Log, |window| visits::visits(window, Some(3))),
    scene("log_call", ui::Page::Log, |window| visits::visits(window, Some(1))),
    scene("log_contact", ui::Page::Log, visits::of_contact),
    scene("log_add", ui::Page::Log, |window| {
        visits::visits(window, Some(1));
        book::from_log(window);
    }),
    scene("log_delete_all", ui::Page::Log, visits::delete_all),
    scene("home_last_picture", ui::Page::Home, |window| calls::last_pictures(window, &["Front door"])),
    scene("home_last_pictures", ui::Page::Home, |window| calls::last_pictures(window, &["Front door", "Hofeinfahrt"])),
    scene("home_unlock_failed", ui::Page::Home, |window| {
        unlocking(window, ui::UnlockState::Failed, ui::UnlockFault::WrongPassword, 1);
    }),
    scene("home_unlock_failed_doors", ui::Page::Home, |window| {
        unlocking(window, ui::UnlockState::Failed, ui::UnlockFault::WrongPassword, 2);
    }),
    scene("ringing_unlock_failed", ui::Page::Ringing, |window| {
        unlocking(window, ui::UnlockState::Failed, ui::UnlockFault::NotTrusted, 1);
    }),
    scene("ringing_last_picture", ui::Page::Ringing, calls::last_picture),
    scene("ringing_two", ui::Page::Ringing, |window| calls::ringing(window, 1)),
    scene("ringing_three", ui::Page::Ringing, |window| calls::ringing(window, 2)),
    scene("ringing_four", ui::Page::Ringing, |window| calls::ringing(window, 3)),
    scene("in_call_last_picture", ui::Page::InCall, calls::last_picture),
    scene("in_call_second", ui::Page::InCall, |window| calls::rung_into(window, 1)),
    scene("in_call_second_and_third", ui::Page::InCall, |window| calls::rung_into(window, 2)),
    scene("in_call_all_lines", ui::Page::InCall, |window| calls::rung_into(window, 3)),
    scene("in_call_second_stranger", ui::Page::InCall, |window| calls::rung_into_by_strangers(window, 1)),
    scene("in_call_strangers", ui::Page::InCall, |window| calls::rung_into_by_strangers(window, 2)),
    scene("in_call_more_strangers", ui::Page::InCall, |window| calls::rung_into_by_strangers(window, 4)),
    scene("call_log_settings", ui::Page::Settings, |window| {
        settings::apply(window, &State { group: ui::SettingsGroup::Calls, ..State::default() });
        finger::reach(window, "phone.call_log.delete_if_answered").expect("it is on this page");
    }),
    scene("notice_pictures", ui::Page::Home, |window| {
        let file = "/var/lib/vestibule/pictures/1795921965123-7.jpg";
        notice(window, NoticeKind::PicturesNotKept(FileFault::NoRoom.of(file)));
    }),
    scene("notice_port", ui::Page::Home, |window| {
        notice(window, NoticeKind::PortTaken { port: 5060, reason: taken(), in_part: false });
    }),
    scene("notice_port_in_part", ui::Page::Home, |window| {
        notice(window, NoticeKind::PortTaken { port: 5060, reason: taken(), in_part: true });
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

fn dial_plan(window: &ui::AppWindow, page: rules::Page) {
    let table = "Familie Schwarzenberger,9,101,102,192✳168✳1✳20,,,2\n,0,0301\nHausverwaltung Erdgeschoss und Empfang links,✳78,101\n\
                 ,+49,0\n,555,sip:hausverwaltung@telefonanlage.example.org;transport=tcp,103,104,105,106,1\n";
    let (dial_plan, _) = DialPlan::default().imported(table);
    let config = Arc::new(Config { dial_plan, ..Config::default() });
    let state = State { config, group: ui::SettingsGroup::Book, rules: page, ..State::default() };
    settings::apply(window, &state);
    rules::apply(window, &state);
}

/// An evening with do not disturb until the next morning, at two servers.
fn quiet(mode: DndMode, servers: [DndServerState; 2]) -> State {
    let set_up = [
        ("account1.active", "on"),
        ("phone.dnd.mode", mode.word()),
        ("phone.dnd.return_code", "603"),
        ("phone.dnd.accounts", "1, 2"),
    ];
    let mut state = State { group: ui::SettingsGroup::Calls, ..state(&set_up) };
    let morning = state.config.dnd_morning;
    let now = jiff::ZonedDateTime::now();
    let at = |day: jiff::civil::Date| {
        let time = day.at(morning.hour as i8, morning.minute as i8, 0, 0);
        time.to_zoned_datetime(now.time_zone().clone()).expect("the clocks show it").timestamp()
    };
    let today = at(now.date());
    let ends = if today > now.timestamp() { today } else { at(now.date().tomorrow().expect("there is one")) };
    let ends = SystemTime::try_from(ends).expect("it is in range");
    let until = (mode != DndMode::Off).then_some(ends);
    state.config = Arc::new(Config { dnd_until: until, ..(*state.config).clone() });
    let on = mode != DndMode::Off;
    state.dnd_servers = [0, 1].map(|at| DndServerView {
        account: at as u8 + 1,
        on,
        code: if on { "78" } else { "79" }.to_owned(),
        state: servers[at],
    });
    state
}

fn not_registered() -> DndServerState {
    DndServerState::Failed { fault: CodeFault::NotRegistered, again: true }
}

fn dnd(window: &ui::AppWindow, mode: DndMode, servers: [DndServerState; 2]) {
    pages::apply(window, &quiet(mode, servers));
    labels(window);
    states(window, ui::AccountState::Registered, ui::AccountState::Failed);
}

fn dnd_sheet(window: &ui::AppWindow, mode: DndMode, servers: [DndServerState; 2]) {
    dnd(window, mode, servers);
    window.global::<ui::StatusAdapter>().set_choosing_dnd(true);
}

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

pub(super) fn account_page(window: &ui::AppWindow, page: ui::AccountPage, changes: &[(&str, &str)]) {
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

/// The page of the display with all that it can have, moved until this setting is in sight.
fn display(window: &ui::AppWindow, key: &str) {
    let all = [("display.night.mode", "schedule"), ("display.auto_brightness", "on")];
    settings::apply(window, &State { group: ui::SettingsGroup::Display, ..state(&all) });
    finger::reach(window, key).expect("it is on this page");
}

fn found(files: &[&str]) -> settings::Files {
    settings::Files::found(files.iter().map(PathBuf::from).collect())
}

fn certificates(window: &ui::AppWindow, edited: Option<&str>, files: settings::Files) {
    let tls = [
        ("account2.basic.transport", "tls"),
        ("account2.tls.certificate", "/var/lib/vestibule/certificates/panel.pem"),
    ];
    let mut state = State { account_page: ui::AccountPage::Certificates, ..state(&tls) };
    state.registrations[1].certificate_expires = Some(SystemTime::now() + Duration::from_secs(12 * 24 * 60 * 60 + 60));
    state.editing = edited.map(str::to_owned);
    state.files = files;
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
        fault: ui::AccountFaultView {
            kind,
            code,
            text: text.into(),
            found: "sip.example.org".into(),
            ..Default::default()
        },
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

/// Both accounts are registered, and bear labels.
pub(super) fn both_accounts(window: &ui::AppWindow) {
    labels(window);
    states(window, ui::AccountState::Registered, ui::AccountState::Registered);
}

fn labels(window: &ui::AppWindow) {
    let labels = window.global::<ui::Accounts>();
    labels.set_first("Flat 12".into());
    labels.set_second("Familie Schwarzenberger".into());
}
