//! The states that sentences belong to, one screen for each: every reason, fault, refusal and notice, every group of settings.
//! `ui/types.slint` says how many of each there are; a new one that is missing here fails a test.

use std::sync::Arc;

use slint::{ComponentHandle, Model, ModelRc};

use super::fit::{Look, declared};
use super::{notices as samples, ui, window};
use crate::channel::{CertificateFault, CertificateProblem, CertificateRole, Notice, PinView};
use crate::config::Config;
use crate::ui::panel::State;
use crate::ui::{account, notices, pin, settings};

const END_REASONS: [ui::EndReason; 24] = {
    use ui::EndReason as R;
    [
        R::Local,
        R::Remote,
        R::Missed,
        R::Declined,
        R::Dnd,
        R::NotAccepted,
        R::UnknownSource,
        R::MayNotCall,
        R::BlockedContact,
        R::AnsweredElsewhere,
        R::Busy,
        R::Refused,
        R::NotFound,
        R::Unavailable,
        R::NoAnswer,
        R::NoResponse,
        R::Unreachable,
        R::HostNotFound,
        R::NoNameServer,
        R::NoCommonCodec,
        R::Forbidden,
        R::Failed,
        R::TimeLimit,
        R::Lost,
    ]
};

const ACCOUNT_FAULTS: [ui::AccountFault; 26] = {
    use ui::AccountFault as F;
    [
        F::NotSet,
        F::HostNotFound,
        F::NoNameServer,
        F::NotOffered,
        F::NoRoute,
        F::NobodyListens,
        F::NoAnswer,
        F::ConnectionLost,
        F::UnknownAuthority,
        F::SelfSigned,
        F::WrongName,
        F::Expired,
        F::NotYetValid,
        F::Fingerprint,
        F::ClientCertificate,
        F::OurFile,
        F::Handshake,
        F::WrongPassword,
        F::UnknownChallenge,
        F::UnknownName,
        F::Forbidden,
        F::ServerBusy,
        F::PeriodRefused,
        F::NotListed,
        F::Moved,
        F::Rejected,
    ]
};

const MEANINGS: [ui::DialMeaning; 17] = {
    use ui::DialMeaning as M;
    [
        M::Empty,
        M::Address,
        M::Number,
        M::Uri,
        M::Contact,
        M::Rule,
        M::Unfinished,
        M::GroupTooLarge,
        M::BadPort,
        M::BadAddress,
        M::TooLong,
        M::BadCharacter,
        M::BadUri,
        M::DirectIpOff,
        M::NoAccount,
        M::NotRegistered,
        M::NotByTls,
    ]
};

const REFUSALS: [ui::RefusalKind; 23] = {
    use ui::RefusalKind as K;
    [
        K::Dial,
        K::Setting,
        K::NoCall,
        K::WrongState,
        K::DirectIpOff,
        K::NoAccount,
        K::NotRegistered,
        K::NotByTls,
        K::NoLine,
        K::NoRoute,
        K::Oneself,
        K::NotAKey,
        K::NeedsCall,
        K::NoDoor,
        K::NotListening,
        K::NoCamera,
        K::CannotUnlock,
        K::ContactsFull,
        K::ContactChanged,
        K::NoContact,
        K::NoCaller,
        K::File,
        K::Other,
    ]
};

const GROUPS: [ui::SettingsGroup; 10] = {
    use ui::SettingsGroup as G;
    [G::Calls, G::Account1, G::Account2, G::Book, G::Sound, G::Video, G::Display, G::Network, G::Security, G::About]
};

const ACCOUNT_PAGES: [ui::AccountPage; 6] = {
    use ui::AccountPage as P;
    [P::Basic, P::Proxy, P::Transport, P::Certificates, P::Call, P::SessionTimer]
};

const RESULTS: [ui::CallResult; 7] = {
    use ui::CallResult as R;
    [R::Answered, R::Missed, R::Declined, R::Dnd, R::Blocked, R::AnsweredElsewhere, R::Failed]
};

const UNLOCKS: [ui::UnlockState; 5] = {
    use ui::UnlockState as U;
    [U::Idle, U::Sending, U::Opened, U::Failed, U::Released]
};

/// Where there is an Unlock key: on the home screen with one door alone or among several, and in calls.
const WITH_UNLOCK: [(ui::Page, usize); 4] =
    [(ui::Page::Home, 1), (ui::Page::Home, 2), (ui::Page::Ringing, 1), (ui::Page::InCall, 1)];

const UNLOCK_FAULTS: [ui::UnlockFault; 17] = {
    use ui::UnlockFault as F;
    [
        F::NoAnswer,
        F::WrongPassword,
        F::UnknownAddress,
        F::Trouble,
        F::Refused,
        F::Moved,
        F::NotHttp,
        F::NobodyThere,
        F::HostNotFound,
        F::NoNameServer,
        F::NotTrusted,
        F::WrongName,
        F::Expired,
        F::NotYetValid,
        F::NoTls,
        F::TooMany,
        F::Relay,
    ]
};

const DND: [ui::DndMode; 3] = [ui::DndMode::Off, ui::DndMode::Silent, ui::DndMode::Reject];

const PIN_STAGES: [ui::PinStage; 4] = [ui::PinStage::Open, ui::PinStage::Old, ui::PinStage::New, ui::PinStage::Again];

const SETTING_FAULTS: [ui::SettingFault; 24] = {
    use ui::SettingFault as F;
    [
        F::NotANumber,
        F::OutOfRange,
        F::NotAChoice,
        F::BadCharacters,
        F::TooLong,
        F::Missing,
        F::NotAHost,
        F::SrvNeedsName,
        F::NotAFingerprint,
        F::NotANameServer,
        F::NotDialable,
        F::NotListening,
        F::NotATime,
        F::NoneChosen,
        F::ServerFailed,
        F::NotAZone,
        F::NotAChip,
        F::Other,
        F::NotText,
        F::TooMany,
        F::NotAUrl,
        F::NeedsUrl,
        F::ButBlocked,
        F::Taken,
    ]
};

/// Each of them.
pub(super) fn states() -> Vec<Look> {
    let mut looks = Vec::new();
    let mut look = |name: String, page, fill: Box<dyn Fn(&ui::AppWindow)>| looks.push(Look { name, page, fill });
    for reason in END_REASONS {
        let codes: &[i32] = if reason == ui::EndReason::Failed { &[302, 400, 503, 699] } else { &[403] };
        for (page, code) in [ui::Page::Calling, ui::Page::InCall]
            .into_iter()
            .flat_map(|page| codes.iter().map(move |code| (page, *code)))
        {
            look(format!("{page:?}_{reason:?}_{code}"), page, Box::new(move |window| ended(window, reason, code)));
        }
    }
    for fault in ACCOUNT_FAULTS {
        look(format!("account_{fault:?}"), ui::Page::Settings, Box::new(move |window| failed(window, fault)));
    }
    for kind in MEANINGS {
        look(format!("dial_{kind:?}"), ui::Page::Dial, Box::new(move |window| means(window, kind)));
    }
    // The pillar of a call has the least room for them.
    for kind in REFUSALS {
        look(format!("refused_{kind:?}"), ui::Page::InCall, Box::new(move |window| refused(window, kind)));
    }
    for (place, kind) in samples::samples().into_iter().enumerate() {
        let fill = move |window: &ui::AppWindow| {
            let row = notices::row(&Notice { id: 1, kind: kind.clone() });
            window.global::<ui::NoticesAdapter>().set_notices(ModelRc::from([row].as_slice()));
        };
        look(format!("notice_{place}"), ui::Page::Home, Box::new(fill));
    }
    for (place, fault) in samples::certificate_faults().into_iter().enumerate() {
        let fill = move |window: &ui::AppWindow| refused_file(window, fault.clone());
        look(format!("files_refused_{place}"), ui::Page::Settings, Box::new(fill));
    }
    for group in GROUPS {
        look(format!("group_{group:?}"), ui::Page::Settings, Box::new(move |window| opened(window, group)));
    }
    for page in ACCOUNT_PAGES {
        look(format!("page_{page:?}"), ui::Page::Settings, Box::new(move |window| account_page(window, page)));
    }
    for unlock in UNLOCKS {
        for (page, doors) in WITH_UNLOCK {
            let fault = ui::UnlockFault::NoAnswer;
            let fill = move |window: &ui::AppWindow| unlocking(window, unlock, fault, doors);
            look(format!("{page:?}_{doors}_unlock_{unlock:?}"), page, Box::new(fill));
        }
    }
    for fault in UNLOCK_FAULTS {
        for (page, doors) in WITH_UNLOCK {
            let fill = move |window: &ui::AppWindow| unlocking(window, ui::UnlockState::Failed, fault, doors);
            look(format!("{page:?}_{doors}_unlock_{fault:?}"), page, Box::new(fill));
        }
    }
    for mode in DND {
        for page in [ui::Page::Home, ui::Page::Idle] {
            let fill = move |window: &ui::AppWindow| window.global::<ui::StatusAdapter>().set_dnd(mode);
            look(format!("{page:?}_dnd_{mode:?}"), page, Box::new(fill));
        }
    }
    for stage in PIN_STAGES {
        let fill = move |window: &ui::AppWindow| window.global::<ui::PinAdapter>().set_stage(stage);
        look(format!("pin_{stage:?}"), ui::Page::Settings, Box::new(fill));
    }
    look("setting_faults".to_owned(), ui::Page::Settings, Box::new(wrong_values));
    for (place, change) in CALL_STATES.into_iter().enumerate() {
        let fill = move |window: &ui::AppWindow| change(&window.global::<ui::CallAdapter>());
        look(format!("in_call_{place}"), ui::Page::InCall, Box::new(fill));
    }
    look("log_results".to_owned(), ui::Page::Log, Box::new(logged));
    look("log_reasons".to_owned(), ui::Page::Log, Box::new(failures_logged));
    looks.push(Look { name: "idle_twelve_hours".to_owned(), page: ui::Page::Idle, fill: Box::new(twelve_hours) });
    looks.push(Look { name: "home_twelve_hours".to_owned(), page: ui::Page::Home, fill: Box::new(twelve_hours) });
    looks
}

type CallState = fn(&ui::CallAdapter<'_>);

/// What can be so in a call.
const CALL_STATES: [CallState; 9] = [
    |call| call.set_has_second(true),
    |call| call.set_has_waiting(true),
    |call| call.set_keypad_open(true),
    |call| call.set_details_open(true),
    |call| call.set_no_sound(true),
    |call| call.set_call(ui::CallData { muted: true, camera: true, ..confirmed(call) }),
    |call| call.set_call(ui::CallData { phase: ui::CallPhase::Held, ..confirmed(call) }),
    |call| call.set_call(ui::CallData { held_by_remote: true, ..confirmed(call) }),
    |call| call.set_call(ui::CallData { video_stalled: true, has_picture: true, ..confirmed(call) }),
];

fn confirmed(call: &ui::CallAdapter<'_>) -> ui::CallData {
    ui::CallData { phase: ui::CallPhase::Confirmed, ..call.get_call() }
}

/// The door of the samples with its key in this state, as often as wanted on the home screen, and the call with it.
pub(super) fn unlocking(window: &ui::AppWindow, unlock: ui::UnlockState, unlock_fault: ui::UnlockFault, doors: usize) {
    let (unlock_seconds, unlock_code) = (4, 503);
    let adapter = window.global::<ui::CallAdapter>();
    adapter.set_call(ui::CallData { unlock, unlock_seconds, unlock_fault, unlock_code, ..adapter.get_call() });
    let home = window.global::<ui::HomeAdapter>();
    let door = home.get_doors().row_data(0).expect("there is a door among the samples");
    // No door tells whether it is closed, and there is no room for that beside the last visit.
    let lock = if doors > 1 { ui::LockState::Unknown } else { door.lock };
    let door = ui::DoorView { lock, unlock, unlock_seconds, unlock_fault, unlock_code, ..door };
    home.set_doors(ModelRc::from(vec![door; doors].as_slice()));
}

/// The row of a number with what is wrong under it, once for everything that can be.
fn wrong_values(window: &ui::AppWindow) {
    opened(window, ui::SettingsGroup::Calls);
    let adapter = window.global::<ui::SettingsAdapter>();
    let rows = adapter.get_rows();
    let number = rows.iter().find(|row| row.kind == ui::SettingKind::Number).expect("the SIP port is a number");
    let rows = SETTING_FAULTS.map(|fault| ui::SettingRow {
        fault,
        fault_value: "70000".into(),
        fault_text: "refused".into(),
        reason: ui::Reason { kind: ui::ReasonKind::PortTaken, text: "TCP".into(), ..Default::default() },
        ..number.clone()
    });
    adapter.set_rows(ModelRc::from(rows.as_slice()));
}

fn ended(window: &ui::AppWindow, reason: ui::EndReason, code: i32) {
    let adapter = window.global::<ui::CallAdapter>();
    let call = ui::CallData { phase: ui::CallPhase::Ended, end_reason: reason, end_code: code, ..adapter.get_call() };
    adapter.set_call(call);
}

fn account_fault(kind: ui::AccountFault) -> ui::AccountFaultView {
    let code = if kind as i32 >= ui::AccountFault::WrongPassword as i32 { 503 } else { 0 };
    let text = if kind == ui::AccountFault::NotSet { "account.basic.register_name" } else { "192.168.100.200:5061" };
    let reason = notices::certificate_reason(&CertificateProblem {
        file: Some(("/media/usb0/panel.pem".into(), CertificateRole::Client)),
        fault: CertificateFault::KeyBeside("panel.key".to_owned()),
    });
    ui::AccountFaultView { kind, code, text: text.into(), found: "sip.example.org".into(), reason }
}

fn failed(window: &ui::AppWindow, kind: ui::AccountFault) {
    opened(window, ui::SettingsGroup::Account1);
    window.global::<ui::SettingsAdapter>().set_status(ui::AccountStatus {
        state: ui::AccountState::Failed,
        fault: account_fault(kind),
        next_try: 25,
        ..Default::default()
    });
}

fn means(window: &ui::AppWindow, kind: ui::DialMeaning) {
    let dial = window.global::<ui::DialAdapter>();
    dial.set_meaning(meaning(kind));
    if kind == ui::DialMeaning::Empty {
        dial.set_text("".into());
        dial.set_characters(ModelRc::default());
    }
}

fn meaning(kind: ui::DialMeaning) -> ui::DialMeaningView {
    use ui::DialMeaning as M;
    let (tone, prefix) = match kind {
        M::Empty => (ui::Tone::Neutral, ""),
        M::Address | M::Number | M::Uri | M::Contact | M::Rule => (ui::Tone::Ok, "9"),
        _ => (ui::Tone::Error, ""),
    };
    let (value, limit) = match kind {
        ui::DialMeaning::GroupTooLarge => ("300", "255"),
        ui::DialMeaning::BadPort => ("70000", "65535"),
        ui::DialMeaning::TooLong => ("", "128"),
        ui::DialMeaning::BadCharacter => ("%", ""),
        _ => ("1012", ""),
    };
    let (host, port, name) = ("192.168.100.200".into(), "5062".into(), "Anna".into());
    ui::DialMeaningView {
        kind,
        tone,
        host,
        port,
        value: value.into(),
        limit: limit.into(),
        name,
        account: 1,
        count: 3,
        prefix: prefix.into(),
    }
}

fn refused(window: &ui::AppWindow, kind: ui::RefusalKind) {
    let reason = ui::Reason { kind: ui::ReasonKind::PortNotAllowed, text: "TCP".into(), ..Default::default() };
    window.global::<ui::NoticesAdapter>().set_refusal(ui::RefusalView {
        kind,
        text: "Anna".into(),
        account: 1,
        meaning: meaning(ui::DialMeaning::BadAddress),
        reason,
    });
}

fn refused_file(window: &ui::AppWindow, fault: CertificateFault) {
    let file = std::path::PathBuf::from("/media/usb0/panel.pem");
    let problem = CertificateProblem { file: Some((file.clone(), CertificateRole::Client)), fault };
    let state = State {
        group: ui::SettingsGroup::Account1,
        account_page: ui::AccountPage::Certificates,
        editing: Some("account1.tls.certificate".to_owned()),
        files: settings::Files::refused(vec![file], problem),
        ..state(&[])
    };
    settings::apply(window, &state);
}

fn state(changes: &[(&str, &str)]) -> State {
    let set = |config: Config, (key, value): &(&str, &str)| config.set(key, value).expect("a good value");
    State { config: Arc::new(changes.iter().fold(Config::default(), set)), ..State::default() }
}

fn opened(window: &ui::AppWindow, group: ui::SettingsGroup) {
    let view = PinView { set: true, open: true, ..PinView::default() };
    let state = State { group, pin: pin::PinPad::with(view), ..state(&[]) };
    settings::apply(window, &state);
    account::apply(window, &state);
}

fn account_page(window: &ui::AppWindow, page: ui::AccountPage) {
    let changes = [
        ("account1.outbound_proxy.active", "on"),
        ("account1.session_timer.active", "on"),
        ("account1.basic.transport", "dns-srv"),
    ];
    let state = State { group: ui::SettingsGroup::Account1, account_page: page, ..state(&changes) };
    settings::apply(window, &state);
    account::apply(window, &state);
}

fn logged(window: &ui::AppWindow) {
    let row = |(place, result): (usize, ui::CallResult)| ui::LogRow {
        name: "Anna".into(),
        result,
        outgoing: place == 0,
        at: ui::Moment {
            year: 2026,
            month: 9,
            day: 30,
            weekday: 3,
            hour: 22,
            minute: 44,
            days_ago: 2 + 5 * place as i32,
        },
        seconds: 5025,
        ..Default::default()
    };
    let rows: Vec<_> = RESULTS.into_iter().enumerate().map(row).collect();
    window.global::<ui::LogAdapter>().set_rows(ModelRc::from(rows.as_slice()));
}

/// A call that came to nothing, for each reason.
fn failures_logged(window: &ui::AppWindow) {
    logged(window);
    let log = window.global::<ui::LogAdapter>();
    let row = log.get_rows().iter().next().expect("calls are logged");
    let rows = END_REASONS.map(|end_reason| ui::LogRow {
        result: ui::CallResult::Failed,
        end_reason,
        end_code: 503,
        ..row.clone()
    });
    log.set_rows(ModelRc::from(rows.as_slice()));
}

fn twelve_hours(window: &ui::AppWindow) {
    window.global::<ui::Words>().set_twelve_hours(true);
    let now = ui::Moment { year: 2026, month: 9, day: 30, weekday: 3, hour: 22, minute: 44, days_ago: 0 };
    window.global::<ui::StatusAdapter>().set_now(now);
}

#[test]
fn every_state_that_the_screens_know_is_among_them() {
    // Each begins with `none`, which has no words.
    for (name, here) in [
        ("EndReason", END_REASONS.len() + 1),
        ("AccountFault", ACCOUNT_FAULTS.len() + 1),
        ("RefusalKind", REFUSALS.len() + 1),
        ("PinStage", PIN_STAGES.len() + 1),
        ("SettingFault", SETTING_FAULTS.len() + 1),
        ("UnlockState", UNLOCKS.len()),
        ("UnlockFault", UNLOCK_FAULTS.len() + 1),
        ("DndMode", DND.len()),
        ("DialMeaning", MEANINGS.len()),
        ("SettingsGroup", GROUPS.len()),
        ("AccountPage", ACCOUNT_PAGES.len()),
        ("CallResult", RESULTS.len()),
        ("Page", super::PAGES.len()),
    ] {
        assert_eq!(declared(name).len(), here, "{name}: {:?}", declared(name));
    }
}

#[test]
fn a_change_of_language_changes_what_is_on_the_screen_already() {
    let window = window(1024, 600);
    let notice = ui::NoticeRow { kind: ui::NoticeKind::Sound, ..Default::default() };
    let notice = ui::NoticeRow { reason: ui::Reason { kind: ui::ReasonKind::Busy, ..Default::default() }, ..notice };
    window.global::<ui::NoticesAdapter>().set_notices(ModelRc::from([notice].as_slice()));
    let now = ui::Moment { year: 2026, month: 11, day: 23, weekday: 1, hour: 14, minute: 32, days_ago: 0 };
    window.global::<ui::StatusAdapter>().set_now(now);
    let labels = |page| {
        window.global::<ui::Nav>().set_page(page);
        let all = i_slint_backend_testing::ElementQuery::from_root(&window).find_all();
        all.iter().filter_map(|element| element.accessible_label()).map(String::from).collect::<Vec<_>>()
    };
    for (language, notice, date, tile) in [
        ("", "Microphone: another program uses it", "Monday, 23 November", "Settings"),
        ("de", "Mikrofon: wird von einem anderen Programm benutzt", "Montag, 23. November", "Optionen"),
        ("fr", "Micro\u{a0}: un autre programme s’en sert", "Lundi 23 novembre", "Réglages"),
        ("es", "Micrófono: otro programa lo usa", "Lunes, 23 de noviembre", "Ajustes"),
        ("zh", "麦克风：被其他程序占用", "11月23日 星期一", "设置"),
    ] {
        let home = labels(ui::Page::Home);
        slint::select_bundled_translation(language).expect("the language is there");
        let changed = labels(ui::Page::Home);
        assert!(language.is_empty() || home != changed, "{language}");
        for words in [notice, tile] {
            assert!(changed.iter().any(|label| label == words), "{language}: no “{words}” in {changed:?}");
        }
        let idle = labels(ui::Page::Idle);
        assert!(idle.iter().any(|label| label == date), "{language}: no “{date}” in {idle:?}");
    }
    slint::select_bundled_translation("").expect("English is always there");
}
