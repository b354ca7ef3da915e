//! The call log, with who was turned away and with pictures of visitors.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use slint::ComponentHandle;

use super::calls::camera;
use super::ui;
use crate::channel::{
    CallHandle, CallQuality, CallResult, EndReason, LogEntry, PictureName, StreamQuality, VisitorPicture,
};
use crate::config::{Config, PhonebookEntry};
use crate::ui::log;
use crate::ui::panel::State;

/// Callers who were turned away, for each reason and with all that can be done about it.
pub(super) fn blocked(window: &ui::AppWindow) {
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
        picture: None,
        quality: CallQuality::default(),
    };
    let contact = PhonebookEntry { numbers: vec!["102".into()], may_call: true, ..PhonebookEntry::default() };
    let config = Config { contacts: vec![contact].into(), ..Config::default() };
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
}

/// A line of somebody who is a contact.
pub(super) fn of_contact(window: &ui::AppWindow) {
    visits(window, Some(1));
    let log = window.global::<ui::LogAdapter>();
    log.set_detail(ui::LogDetail {
        can_add: false,
        contact: "Anna-Katharina Schwarzenberger".into(),
        ..log.get_detail()
    });
}

/// Whether all pictures are to be deleted.
pub(super) fn delete_all(window: &ui::AppWindow) {
    visits(window, Some(0));
    let adapter = window.global::<ui::LogAdapter>();
    adapter.set_asking_all(true);
    adapter.set_asking(true);
}

/// A log with visitors, of whom there are pictures; one of the lines is open.
pub(super) fn visits(window: &ui::AppWindow, open: Option<usize>) {
    let name = |n| PictureName::of(SystemTime::UNIX_EPOCH, CallHandle(n));
    let heard = |codec: &str, lost, jitter_ms| StreamQuality { codec: codec.to_owned(), packets: 970, lost, jitter_ms };
    let line = |n: u32, who: &str, result, seconds, picture: bool| LogEntry {
        at: SystemTime::now() - Duration::from_secs(u64::from(n) * 31 * 60 * 60),
        remote: format!("sip:{n}@192.168.1.20"),
        account: u8::try_from(n % 3).expect("small"),
        result,
        duration: Duration::from_secs(seconds),
        unlocked: seconds > 0,
        unseen: n == 0,
        picture: picture.then(|| VisitorPicture { file: name(n), bytes: 40_000 }),
        quality: CallQuality {
            audio: (seconds > 0).then(|| heard("opus", 30, 12.0)),
            video: picture.then(|| heard("H264", 0, 4.0)),
        },
        ..LogEntry::of_visitor(who)
    };
    let log: Arc<[LogEntry]> = Arc::new([
        line(0, "Front door", CallResult::Missed, 0, true),
        line(1, "Familie Schwarzenberger", CallResult::Answered, 84, false),
        line(2, "Hofeinfahrt", CallResult::Missed, 0, true),
        line(3, "Paketdienst", CallResult::AnsweredElsewhere, 0, true),
        line(4, "Anna", CallResult::Declined, 0, false),
    ]);
    let mut state = State { log, ..State::default() };
    let width = (window.global::<ui::Theme>().get_touch() * 0.8 * 16.0 / 9.0).ceil() as u32;
    for (n, picture) in [(0, Some(camera(width, width * 9 / 16))), (2, Some(camera(width, width * 3 / 4))), (3, None)] {
        state.gallery.insert(name(n), picture);
    }
    state.opened = open.map(|at| {
        let opened = log::Opened::of(&state.log[at]);
        if at == 1 { opened } else { opened.with((at == 0).then(|| camera(500, 281))) }
    });
    log::apply(window, &state);
}
