//! The worker's words into the screen's words: enums and numbers, never sentences.

use std::cell::RefCell;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use screens as ui;

use super::notices;
use crate::channel as ch;
use crate::config;
use crate::config::book::{BookError, MOST_CONTACTS};
use crate::dial::DialError;

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long the zone of the system is taken for what it was: somebody may change it.
const KEPT: Duration = Duration::from_secs(5 * 60);
/// The time zone that the system is set to.
const LOCAL_TIME: &str = "/etc/localtime";

thread_local! {
    /// The zone of the clocks on the screen, which has one thread; none for that of the system.
    static ZONE: RefCell<Option<TimeZone>> = const { RefCell::new(None) };
    /// That of the system, and when it was looked at.
    static SYSTEM: RefCell<Option<(TimeZone, Instant)>> = const { RefCell::new(None) };
}

/// From here on the clocks on the screen go as in this zone; without a name, or where the machine does not know it, as the
/// system is set.
pub(super) fn set_zone(name: &str) {
    ZONE.set(if name.is_empty() { None } else { TimeZone::get(name).ok() });
}

fn system_zone() -> TimeZone {
    SYSTEM.with_borrow_mut(|known| match known {
        Some((zone, at)) if at.elapsed() < KEPT => zone.clone(),
        _ => known.insert((read_system_zone(Path::new(LOCAL_TIME)), Instant::now())).0.clone(),
    })
}

/// To find the zone by its name, all names there are would be listed first, and the first picture would wait for it.
fn read_system_zone(file: &Path) -> TimeZone {
    if std::env::var_os("TZ").is_some() {
        return TimeZone::system();
    }
    let read = std::fs::read(file).ok().and_then(|bytes| TimeZone::tzif("", &bytes).ok());
    read.unwrap_or_else(TimeZone::system)
}

/// A moment on the wall clock here.
pub(super) fn moment(at: SystemTime) -> ui::Moment {
    let zone = ZONE.with_borrow(|zone| zone.clone().unwrap_or_else(system_zone));
    let at = Timestamp::try_from(at).unwrap_or_default().to_zoned_datetime(zone.clone());
    let today = Timestamp::now().to_zoned_datetime(zone).date();
    let days_ago = today.since(at.date()).map_or(0, |span| span.get_days());
    ui::Moment {
        year: i32::from(at.year()),
        month: i32::from(at.month()),
        day: i32::from(at.day()),
        weekday: i32::from(at.weekday().to_monday_one_offset()),
        hour: i32::from(at.hour()),
        minute: i32::from(at.minute()),
        days_ago,
    }
}

/// The large letter in the place of a picture.
pub(super) fn initial(name: &str) -> String {
    name.chars().find(|c| c.is_alphanumeric()).map(|c| c.to_uppercase().collect()).unwrap_or_else(|| "?".to_owned())
}

/// What is shown of a URI: without its scheme, and without the part that names the host where there is a user.
pub(super) fn short(uri: &str) -> String {
    let bare = uri.strip_prefix("sips:").or_else(|| uri.strip_prefix("sip:")).unwrap_or(uri);
    bare.split([';', '?']).next().unwrap_or_default().to_owned()
}

pub(super) fn phase(state: ch::CallState) -> ui::CallPhase {
    match state {
        ch::CallState::Calling => ui::CallPhase::Calling,
        ch::CallState::Ringing => ui::CallPhase::Ringing,
        ch::CallState::Early => ui::CallPhase::Early,
        ch::CallState::Confirmed => ui::CallPhase::Confirmed,
        ch::CallState::Held => ui::CallPhase::Held,
        ch::CallState::Ended => ui::CallPhase::Ended,
    }
}

/// Why a call is over, and the SIP status behind it (0 for none).
pub(super) fn end_reason(reason: Option<ch::EndReason>) -> (ui::EndReason, i32) {
    use ch::EndReason as R;
    let Some(reason) = reason else { return (ui::EndReason::None, 0) };
    match reason {
        R::Local => (ui::EndReason::Local, 0),
        R::Remote => (ui::EndReason::Remote, 0),
        R::Missed => (ui::EndReason::Missed, 0),
        R::Declined => (ui::EndReason::Declined, 0),
        R::Dnd => (ui::EndReason::Dnd, 0),
        R::NotAccepted => (ui::EndReason::NotAccepted, 0),
        R::UnknownSource => (ui::EndReason::UnknownSource, 0),
        R::MayNotCall => (ui::EndReason::MayNotCall, 0),
        R::BlockedContact => (ui::EndReason::BlockedContact, 0),
        R::AnsweredElsewhere => (ui::EndReason::AnsweredElsewhere, 0),
        R::Busy => (ui::EndReason::Busy, 0),
        R::Refused => (ui::EndReason::Refused, 0),
        R::NotFound => (ui::EndReason::NotFound, 0),
        R::Unavailable => (ui::EndReason::Unavailable, 0),
        R::NoAnswer => (ui::EndReason::NoAnswer, 0),
        R::NoResponse => (ui::EndReason::NoResponse, 0),
        R::Unreachable => (ui::EndReason::Unreachable, 0),
        R::HostNotFound => (ui::EndReason::HostNotFound, 0),
        R::NoNameServer => (ui::EndReason::NoNameServer, 0),
        R::NoCommonCodec => (ui::EndReason::NoCommonCodec, 0),
        R::Forbidden(code) => (ui::EndReason::Forbidden, i32::from(code)),
        R::Failed(code) => (ui::EndReason::Failed, i32::from(code)),
        R::TimeLimit => (ui::EndReason::TimeLimit, 0),
        R::Lost => (ui::EndReason::Lost, 0),
    }
}

pub(super) fn result(result: ch::CallResult) -> ui::CallResult {
    match result {
        ch::CallResult::Answered => ui::CallResult::Answered,
        ch::CallResult::Missed => ui::CallResult::Missed,
        ch::CallResult::Declined => ui::CallResult::Declined,
        ch::CallResult::Dnd => ui::CallResult::Dnd,
        ch::CallResult::Blocked => ui::CallResult::Blocked,
        ch::CallResult::AnsweredElsewhere => ui::CallResult::AnsweredElsewhere,
        ch::CallResult::Failed => ui::CallResult::Failed,
    }
}

pub(super) fn dnd(mode: config::DndMode) -> ui::DndMode {
    match mode {
        config::DndMode::Off => ui::DndMode::Off,
        config::DndMode::Silent => ui::DndMode::Silent,
        config::DndMode::Reject => ui::DndMode::Reject,
    }
}

pub(super) fn dnd_chosen(mode: ui::DndMode) -> config::DndMode {
    match mode {
        ui::DndMode::Silent => config::DndMode::Silent,
        ui::DndMode::Reject => config::DndMode::Reject,
        ui::DndMode::Off => config::DndMode::Off,
    }
}

/// Which of the terms that the screen offers the end of do not disturb is.
pub(super) fn dnd_term(config: &config::Config, now: SystemTime) -> ui::DndTerm {
    let Some(until) = config.dnd_until else { return ui::DndTerm::Open };
    let at = moment(until);
    let left = until.duration_since(now).unwrap_or_default();
    let morning = config.dnd_morning;
    if (at.hour, at.minute) == (i32::from(morning.hour), i32::from(morning.minute)) && left <= DAY {
        ui::DndTerm::Morning
    } else if left <= HOUR {
        ui::DndTerm::Hour
    } else {
        ui::DndTerm::Other
    }
}

pub(super) fn dnd_term_chosen(term: ui::DndTerm) -> ch::DndTerm {
    match term {
        ui::DndTerm::Hour => ch::DndTerm::For(HOUR),
        ui::DndTerm::Morning => ch::DndTerm::Morning,
        ui::DndTerm::Open | ui::DndTerm::Other => ch::DndTerm::Open,
    }
}

/// Hour and minute alone.
pub(super) fn time_of_day(time: config::TimeOfDay) -> ui::Moment {
    ui::Moment { hour: time.hour.into(), minute: time.minute.into(), ..Default::default() }
}

pub(super) fn dnd_server(view: &ch::DndServerView) -> ui::DndServer {
    let mut server = ui::DndServer {
        account: view.account.into(),
        code: view.code.as_str().into(),
        on: view.on,
        ..Default::default()
    };
    server.state = match view.state {
        ch::DndServerState::None => ui::DndServerState::None,
        ch::DndServerState::Calling => ui::DndServerState::Calling,
        ch::DndServerState::Done => ui::DndServerState::Done,
        ch::DndServerState::Failed { fault, again } => {
            server.again = again;
            server.fault = match fault {
                ch::CodeFault::NotRegistered => ui::CodeFault::NotRegistered,
                ch::CodeFault::NoPort => ui::CodeFault::NoPort,
                ch::CodeFault::Call { status, why } => {
                    (server.reason, server.status) = (end_reason(Some(why)).0, status.into());
                    ui::CodeFault::Call
                }
            };
            ui::DndServerState::Failed
        }
    };
    server
}

pub(super) fn account_chosen(choice: ui::AccountChoice) -> config::AccountChoice {
    match choice {
        ui::AccountChoice::Account1 => config::AccountChoice::Account1,
        ui::AccountChoice::Account2 => config::AccountChoice::Account2,
        ui::AccountChoice::Auto => config::AccountChoice::Auto,
    }
}

pub(super) fn choice_of(account: config::Account) -> config::AccountChoice {
    match account {
        config::Account::One => config::AccountChoice::Account1,
        config::Account::Two => config::AccountChoice::Account2,
    }
}

pub(super) fn registration(view: &ch::RegistrationView) -> ui::AccountView {
    ui::AccountView {
        shown: view.state != ch::RegistrationState::Disabled,
        account: i32::from(view.account),
        state: registration_state(view.state),
        fault: view.fault.as_ref().map(account_fault).unwrap_or_default(),
    }
}

pub(super) fn registration_state(state: ch::RegistrationState) -> ui::AccountState {
    match state {
        ch::RegistrationState::Disabled => ui::AccountState::Disabled,
        ch::RegistrationState::Registering => ui::AccountState::Registering,
        ch::RegistrationState::Registered => ui::AccountState::Registered,
        ch::RegistrationState::Failed => ui::AccountState::Failed,
        ch::RegistrationState::Unregistered => ui::AccountState::Unregistered,
    }
}

pub(super) fn proxy(proxy: ch::ProxyInUse) -> ui::ProxyInUse {
    match proxy {
        ch::ProxyInUse::None => ui::ProxyInUse::None,
        ch::ProxyInUse::Main => ui::ProxyInUse::Main,
        ch::ProxyInUse::Backup => ui::ProxyInUse::Backup,
    }
}

/// Why an account is not registered: the kind, the status of the server, and the one fact that the words go around.
pub(super) fn account_fault(fault: &ch::AccountFault) -> ui::AccountFaultView {
    use ch::{AccountFault as F, TlsFault as T};
    use ui::AccountFault as K;
    let (kind, code, text) = match fault {
        F::NotSet(key) => (K::NotSet, 0, format!("account.{key}")),
        F::HostNotFound(host) => (K::HostNotFound, 0, host.clone()),
        F::NoNameServer(host) => (K::NoNameServer, 0, host.clone()),
        F::NotOffered(host) => (K::NotOffered, 0, host.clone()),
        F::NoRoute(host) => (K::NoRoute, 0, host.clone()),
        F::NobodyListens(at) => (K::NobodyListens, 0, at.to_string()),
        F::NoAnswer(at) => (K::NoAnswer, 0, at.to_string()),
        F::ConnectionLost(at) => (K::ConnectionLost, 0, at.to_string()),
        F::Tls(T::UnknownAuthority) => (K::UnknownAuthority, 0, String::new()),
        F::Tls(T::SelfSigned) => (K::SelfSigned, 0, String::new()),
        F::Tls(T::WrongName { expected, found }) => {
            let (text, found) = (expected.into(), found.into());
            return ui::AccountFaultView { kind: K::WrongName, text, found, ..Default::default() };
        }
        F::Tls(T::Expired) => (K::Expired, 0, String::new()),
        F::Tls(T::NotYetValid) => (K::NotYetValid, 0, String::new()),
        F::Tls(T::Fingerprint) => (K::Fingerprint, 0, String::new()),
        F::Tls(T::ClientCertificate) => (K::ClientCertificate, 0, String::new()),
        F::Tls(T::OurFile(problem)) => {
            let reason = notices::certificate_reason(problem);
            return ui::AccountFaultView { kind: K::OurFile, reason, ..Default::default() };
        }
        F::Tls(T::Handshake(problem)) => (K::Handshake, 0, problem.clone()),
        F::WrongPassword { status, realm } => (K::WrongPassword, *status, realm.clone().unwrap_or_default()),
        F::UnknownChallenge(code) => (K::UnknownChallenge, *code, String::new()),
        F::UnknownName => (K::UnknownName, 404, String::new()),
        F::Forbidden => (K::Forbidden, 403, String::new()),
        F::ServerBusy(code) => (K::ServerBusy, *code, String::new()),
        F::PeriodRefused => (K::PeriodRefused, 423, String::new()),
        F::NotListed => (K::NotListed, 0, String::new()),
        F::Moved { status, to } => (K::Moved, *status, to.clone().unwrap_or_default()),
        F::Rejected { status, phrase } => (K::Rejected, *status, phrase.clone()),
    };
    ui::AccountFaultView { kind, code: i32::from(code), text: text.into(), ..Default::default() }
}

/// A file, as the sheets that let one be chosen show it.
pub(super) fn file_row(file: &Path) -> ui::FileRow {
    ui::FileRow {
        name: file_name(file),
        folder: file.parent().map(|folder| folder.display().to_string()).unwrap_or_default().into(),
    }
}

/// The name of a file, without where it lies.
pub(super) fn file_name(file: &Path) -> slint::SharedString {
    file.file_name().unwrap_or_default().to_string_lossy().as_ref().into()
}

/// What is wrong with an entry on the dial pad.
pub(super) fn dial_error(error: &DialError) -> ui::DialMeaningView {
    use ui::DialMeaning as M;
    let mut view = ui::DialMeaningView {
        tone: if error.is_incomplete() { ui::Tone::Neutral } else { ui::Tone::Error },
        ..Default::default()
    };
    view.kind = match error {
        DialError::Empty => M::Empty,
        DialError::TooLong { .. } => {
            view.limit = crate::dial::LONGEST.to_string().into();
            M::TooLong
        }
        DialError::Incomplete { .. } | DialError::IncompletePort => M::Unfinished,
        DialError::TooManyGroups { .. } | DialError::EmptyGroup { .. } | DialError::Address { .. } => M::BadAddress,
        DialError::GroupOver255 { group } => {
            view.value = group.into();
            view.limit = "255".into();
            M::GroupTooLarge
        }
        DialError::Port { port } => {
            view.value = port.into();
            view.limit = "65535".into();
            M::BadPort
        }
        DialError::Uri { problem } => {
            view.value = problem.into();
            M::BadUri
        }
        DialError::Character(character) => {
            view.value = slint::SharedString::from(*character);
            M::BadCharacter
        }
    };
    view
}

pub(super) fn refusal(refusal: &ch::Refusal) -> ui::RefusalView {
    use ui::RefusalKind as K;
    let (kind, text) = match refusal {
        ch::Refusal::Dial(error) => {
            let meaning = dial_error(error);
            return ui::RefusalView { kind: K::Dial, text: error.to_string().into(), meaning, ..Default::default() };
        }
        ch::Refusal::NotListening { reason, .. } => {
            return ui::RefusalView {
                kind: K::NotListening,
                reason: notices::port_reason(reason),
                ..Default::default()
            };
        }
        ch::Refusal::Setting(error) => (K::Setting, error.to_string()),
        ch::Refusal::Rule(error) => (K::Other, error.to_string()),
        ch::Refusal::RuleFile(error) => return unusable(notices::file_reason(error)),
        ch::Refusal::Certificate(problem) => return unusable(notices::certificate_reason(problem)),
        ch::Refusal::ContactFile { file, fault } => return unusable(notices::contacts_reason(file, fault)),
        ch::Refusal::Book(error) => match error {
            BookError::Contact { .. } => (K::Other, error.to_string()),
            BookError::TooMany { .. } => (K::ContactsFull, MOST_CONTACTS.to_string()),
            BookError::TooLarge { bytes } => (K::ContactsFull, format!("{} KiB", bytes / 1024)),
            BookError::Unknown(name) => (K::NoContact, name.clone()),
            BookError::Changed(name) => (K::ContactChanged, name.clone()),
        },
        ch::Refusal::NoCall => (K::NoCall, String::new()),
        ch::Refusal::WrongState(_) => (K::WrongState, String::new()),
        ch::Refusal::DirectIpOff => (K::DirectIpOff, String::new()),
        ch::Refusal::NoAccount => (K::NoAccount, String::new()),
        ch::Refusal::NotByTls(account) => {
            let account = account.map_or(0, |account| i32::from(account.number()));
            return ui::RefusalView { kind: K::NotByTls, account, ..Default::default() };
        }
        ch::Refusal::NotRegistered { account, .. } => {
            let account = i32::from(account.number());
            return ui::RefusalView { kind: K::NotRegistered, account, ..Default::default() };
        }
        ch::Refusal::NoLine => (K::NoLine, String::new()),
        ch::Refusal::NoRoute(to) => (K::NoRoute, to.clone()),
        ch::Refusal::Oneself(to) => (K::Oneself, to.clone()),
        ch::Refusal::NotAKey(key) => (K::NotAKey, key.to_string()),
        ch::Refusal::NeedsCall(door) => (K::NeedsCall, door.clone()),
        ch::Refusal::NoDoor(door) => (K::NoDoor, door.clone()),
        ch::Refusal::NoCaller => (K::NoCaller, String::new()),
        ch::Refusal::NoCamera => (K::NoCamera, String::new()),
        ch::Refusal::CannotUnlock(door) => (K::CannotUnlock, door.clone()),
    };
    ui::RefusalView { kind, text: text.into(), ..Default::default() }
}

/// A file that was chosen and cannot be used.
fn unusable(reason: ui::Reason) -> ui::RefusalView {
    ui::RefusalView { kind: ui::RefusalKind::File, reason, ..Default::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_is_shown_without_what_says_nothing() {
        assert_eq!(short("sip:door@192.168.1.20;transport=tcp"), "door@192.168.1.20");
    }

    #[test]
    fn the_clocks_of_the_screen_go_as_in_the_zone_that_is_set() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_935_600);
        let shown = |zone| {
            set_zone(zone);
            let at = moment(at);
            (at.day, at.hour, at.minute)
        };
        assert_eq!(shown("Asia/Tokyo"), (29, 16, 0), "07:00 in Greenwich");
        assert_eq!(shown("Asia/Kolkata"), (29, 12, 30));
        assert_eq!(shown("Pacific/Pago_Pago"), (28, 20, 0));
        assert_eq!(shown(""), shown("Europe/Atlantis"), "as the system is set");
    }

    #[test]
    fn the_zone_of_the_system_is_read_from_its_file() {
        let at = Timestamp::UNIX_EPOCH;
        let hours = |file: &str| read_system_zone(Path::new(file)).to_offset(at).seconds() / 3600;
        assert_eq!(hours("/usr/share/zoneinfo/Asia/Tokyo"), 9);
        let known = TimeZone::system().to_offset(at).seconds() / 3600;
        assert_eq!([hours("/etc/localtime"), hours("/nonexistent"), hours("/dev/null")], [known; 3]);
    }

    #[test]
    fn the_end_of_do_not_disturb_is_one_of_the_terms_on_offer_or_none_of_them() {
        let now = SystemTime::UNIX_EPOCH + HOUR * 500_000;
        let term = |after: Option<Duration>| {
            let config = config::Config { dnd_until: after.map(|after| now + after), ..config::Config::default() };
            // Wherever this is tried, its morning comes in ten hours.
            let at = moment(now + HOUR * 10);
            let morning = format!("{:02}:{:02}", at.hour, at.minute);
            dnd_term(&config.set("phone.dnd.morning", &morning).expect("a time of the day"), now)
        };
        assert_eq!(term(None), ui::DndTerm::Open);
        assert_eq!(term(Some(HOUR)), ui::DndTerm::Hour);
        assert_eq!(term(Some(HOUR / 60)), ui::DndTerm::Hour, "it has nearly passed");
        assert_eq!(term(Some(HOUR * 10)), ui::DndTerm::Morning);
        assert_eq!(term(Some(HOUR * 34)), ui::DndTerm::Other, "not the next one");
        assert_eq!(term(Some(HOUR * 3)), ui::DndTerm::Other);
    }

    #[test]
    fn the_initial_is_the_first_letter_or_digit() {
        assert_eq!(initial("éva"), "É");
        assert_eq!(initial("„12“"), "1");
        assert_eq!(initial("✳"), "?");
    }
}
