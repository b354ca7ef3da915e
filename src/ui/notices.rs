//! What a notice says, as enums and names: its sentence is made by `Words` in the language of the screen.

use super::generated as ui;
use crate::channel::{Notice, NoticeKind, PortFault, PortTrouble};
use crate::config::{self, DeviceFault, FileError, FileFault, Kind, Problem};

/// One notice.
pub(super) fn row(notice: &Notice) -> ui::NoticeRow {
    use ui::NoticeKind as K;
    let id = i32::try_from(notice.id).unwrap_or(i32::MAX);
    let row = |kind| ui::NoticeRow { id, kind, ..Default::default() };
    match &notice.kind {
        NoticeKind::PortTaken { port, reason } => {
            ui::NoticeRow { port: i32::from(*port), reason: port_reason(reason), ..row(K::PortTaken) }
        }
        NoticeKind::SettingsLine(problem) => ui::NoticeRow { id, ..settings(problem) },
        NoticeKind::SettingsDamaged(kept) => ui::NoticeRow { text: kept.into(), ..row(K::SettingsDamaged) },
        NoticeKind::SettingsNotSaved(error) => ui::NoticeRow { reason: file_reason(error), ..row(K::SettingsNotSaved) },
        NoticeKind::LogNotSaved(error) => ui::NoticeRow { reason: file_reason(error), ..row(K::LogNotSaved) },
        NoticeKind::Sound(fault) => ui::NoticeRow {
            reason: fault.microphone.as_ref().map(device_reason).unwrap_or_default(),
            loudspeaker: fault.loudspeaker.as_ref().map(device_reason).unwrap_or_default(),
            ..row(K::Sound)
        },
        NoticeKind::MissingPlugins { show, send, packages } => ui::NoticeRow {
            text: show.join(", ").into(),
            limit: send.join(", ").into(),
            packages: packages.join(", ").into(),
            ..row(K::MissingPlugins)
        },
        NoticeKind::CertificateExpires { account, days } => ui::NoticeRow {
            account: i32::from(account.number()),
            days: i32::try_from(*days).unwrap_or(i32::MAX),
            ..row(K::CertificateExpires)
        },
    }
}

/// What is wrong in the settings file.
fn settings(problem: &Problem) -> ui::NoticeRow {
    use ui::NoticeKind as K;
    let row = |kind| ui::NoticeRow { kind, ..Default::default() };
    match problem {
        Problem::Unreadable(error) => ui::NoticeRow { reason: file_reason(error), ..row(K::SettingsUnreadable) },
        Problem::NotUtf8 => row(K::SettingsNotText),
        Problem::NotKept(fault) => ui::NoticeRow { reason: bare_file_reason(fault), ..row(K::SettingsNotKept) },
        Problem::Line { line, text, .. } => {
            ui::NoticeRow { name: line.to_string().into(), text: text.into(), ..row(K::SettingsLine) }
        }
        Problem::Rest => row(K::SettingsRest),
        Problem::Value { key, given, .. } => {
            let limit = config::setting(key).map(|setting| limit(setting.kind)).unwrap_or_default();
            ui::NoticeRow { name: key.into(), text: given.into(), limit: limit.into(), ..row(K::SettingsValue) }
        }
        Problem::Contradiction { key, .. } => ui::NoticeRow { name: key.into(), ..row(K::SettingsContradiction) },
        Problem::Unknown(key) => ui::NoticeRow { name: key.into(), ..row(K::SettingsUnknown) },
        Problem::NoContacts => row(K::NoContacts),
        Problem::NoContact(given) => ui::NoticeRow { text: given.into(), ..row(K::NoContact) },
        Problem::Nameless => row(K::NamelessContact),
        Problem::Contact { name, key, given, .. } => {
            ui::NoticeRow { name: name.into(), key: key.into(), text: given.into(), ..row(K::ContactValue) }
        }
        Problem::NoRules => row(K::NoRules),
        Problem::NoRule(given) => ui::NoticeRow { text: given.into(), ..row(K::NoRule) },
        Problem::TooManyRules(most) => ui::NoticeRow { limit: most.to_string().into(), ..row(K::TooManyRules) },
        Problem::Rule { rule, key, given, .. } => {
            ui::NoticeRow { name: rule.into(), key: key.into(), text: given.into(), ..row(K::RuleValue) }
        }
    }
}

/// What could stand in the place of a value, as far as it can be said without words.
fn limit(kind: Kind) -> String {
    match kind {
        Kind::Switch | Kind::Number { .. } | Kind::Choice(_) => kind.range(),
        Kind::Order(words) | Kind::Set(words) => words.join(", "),
        Kind::Code { .. } => "0–9 ✳ #".to_owned(),
        Kind::TimeOfDay => kind.range(),
        Kind::Keys { .. } => "0–9 ✳ # A–D".to_owned(),
        Kind::Secret { .. } | Kind::Text { .. } | Kind::List { .. } | Kind::Moment => String::new(),
    }
}

fn reason(kind: ui::ReasonKind, text: &str) -> ui::Reason {
    ui::Reason { kind, text: text.into(), ..Default::default() }
}

/// Why the Direct IP Port cannot be used.
pub(super) fn port_reason(fault: &PortFault) -> ui::Reason {
    match &fault.trouble {
        PortTrouble::Taken => reason(ui::ReasonKind::PortTaken, fault.transport),
        PortTrouble::NotAllowed => reason(ui::ReasonKind::PortNotAllowed, fault.transport),
        PortTrouble::System(words) => reason(ui::ReasonKind::System, &format!("{}: {words}", fault.transport)),
    }
}

fn file_reason(error: &FileError) -> ui::Reason {
    ui::Reason { file: error.file.display().to_string().into(), ..bare_file_reason(&error.fault) }
}

fn bare_file_reason(fault: &FileFault) -> ui::Reason {
    use ui::ReasonKind as R;
    match fault {
        FileFault::NoRoom => reason(R::NoRoom, ""),
        FileFault::ReadOnly => reason(R::ReadOnly, ""),
        FileFault::NotAllowed => reason(R::NotAllowed, ""),
        FileFault::TooLarge(most) => reason(R::TooLarge, &most.to_string()),
        FileFault::TooManyKept(most) => reason(R::TooManyKept, &most.to_string()),
        FileFault::NoFile => reason(R::NoFile, ""),
        FileFault::NotText => reason(R::NotText, ""),
        FileFault::WriterGone => reason(R::WriterGone, ""),
        FileFault::System(words) => reason(R::System, words),
    }
}

fn device_reason(fault: &DeviceFault) -> ui::Reason {
    use ui::ReasonKind as R;
    match fault {
        DeviceFault::None => reason(R::NoDevice, ""),
        DeviceFault::NotNamed(name) => reason(R::NotNamed, name),
        DeviceFault::Unusable(name) => reason(R::Unusable, name),
        DeviceFault::Gone => reason(R::Gone, ""),
        DeviceFault::Denied => reason(R::Denied, ""),
        DeviceFault::Busy => reason(R::Busy, ""),
        DeviceFault::Stalled => reason(R::Stalled, ""),
        DeviceFault::NoAnswer => reason(R::NoAnswer, ""),
        DeviceFault::File(error) => file_reason(error),
        DeviceFault::NotWav(file) => reason(R::NotWav, &file.display().to_string()),
        DeviceFault::System(words) => reason(R::System, words),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use slint::ComponentHandle;

    use super::*;
    use crate::channel::SoundFault;
    use crate::ui::shots;

    /// Every kind of notice, and every reason.
    fn all() -> Vec<NoticeKind> {
        let port =
            |trouble| NoticeKind::PortTaken { port: 5060, reason: PortFault { transport: "TCP", port: 5060, trouble } };
        let problems = [
            Problem::Unreadable(FileFault::TooLarge(8 << 20).of("/etc/config.toml")),
            Problem::NotUtf8,
            Problem::NotKept(FileFault::TooManyKept(99)),
            Problem::Line { line: 3, text: "port = = 3".to_owned(), parser: "invalid".to_owned() },
            Problem::Rest,
            Problem::Value {
                key: "phone.dnd.mode".to_owned(),
                given: "\"loud\"".to_owned(),
                problem: "is not one of them".to_owned(),
            },
            Problem::Value { key: "audio.input".to_owned(), given: "\"\"".to_owned(), problem: "empty".to_owned() },
            Problem::Contradiction { key: "account1.basic.transport".to_owned(), problem: "an address".to_owned() },
            Problem::Unknown("mqtt.broker".to_owned()),
            Problem::NoContacts,
            Problem::NoContact("7".to_owned()),
            Problem::Nameless,
            Problem::Contact {
                name: "Anna".to_owned(),
                door: true,
                key: "code".to_owned(),
                given: "\"1x\"".to_owned(),
                wanted: "keys".to_owned(),
            },
            Problem::NoRules,
            Problem::NoRule("8".to_owned()),
            Problem::TooManyRules(10_000),
            Problem::Rule {
                rule: "Neighbours".to_owned(),
                key: "account".to_owned(),
                given: "3".to_owned(),
                problem: "is not one of auto, 1, 2".to_owned(),
            },
        ];
        let files = [
            FileFault::NoRoom,
            FileFault::ReadOnly,
            FileFault::NotAllowed,
            FileFault::NoFile,
            FileFault::NotText,
            FileFault::WriterGone,
            system_fault(),
        ];
        let devices = [
            DeviceFault::None,
            DeviceFault::NotNamed("USB".to_owned()),
            DeviceFault::Unusable("USB".to_owned()),
            DeviceFault::Gone,
            DeviceFault::Denied,
            DeviceFault::Busy,
            DeviceFault::Stalled,
            DeviceFault::NoAnswer,
            DeviceFault::File(FileFault::NotAllowed.of("/a.wav")),
            DeviceFault::NotWav("/a.wav".into()),
            DeviceFault::System("EIO".to_owned()),
        ];
        let plugins =
            |show, send| NoticeKind::MissingPlugins { show, send, packages: vec!["gstreamer1.0-plugins-bad"] };
        let mut kinds = vec![
            port(PortTrouble::Taken),
            port(PortTrouble::NotAllowed),
            port(PortTrouble::System("EIO".to_owned())),
            NoticeKind::SettingsDamaged("/etc/config.toml.damaged-1".to_owned()),
            NoticeKind::Sound(SoundFault { microphone: None, loudspeaker: Some(DeviceFault::Gone) }),
            NoticeKind::Sound(SoundFault { microphone: Some(DeviceFault::None), loudspeaker: Some(DeviceFault::None) }),
            NoticeKind::Sound(SoundFault { microphone: Some(DeviceFault::None), loudspeaker: Some(DeviceFault::Busy) }),
            plugins(vec!["H264", "VP8"], vec![]),
            plugins(vec![], vec!["VP8"]),
            plugins(vec!["H264"], vec!["VP8"]),
        ];
        kinds.extend(problems.map(NoticeKind::SettingsLine));
        for fault in files {
            kinds.push(NoticeKind::SettingsNotSaved(fault.clone().of("/config.toml")));
            kinds.push(NoticeKind::LogNotSaved(fault.of("/calls.jsonl")));
        }
        kinds.extend(devices.map(|fault| NoticeKind::Sound(SoundFault { microphone: Some(fault), loudspeaker: None })));
        kinds
    }

    fn system_fault() -> FileFault {
        FileFault::System("EIO".to_owned())
    }

    fn sentences(window: &ui::AppWindow, language: &str) -> Vec<String> {
        slint::select_bundled_translation(language).expect("it is bundled");
        let words = window.global::<ui::Words>();
        all().into_iter().map(|kind| words.invoke_notice(row(&Notice { id: 1, kind })).into()).collect()
    }

    #[test]
    fn a_german_notice_has_no_english_in_it() {
        let window = shots::window(1024, 600);
        let english = sentences(&window, "");
        let german = sentences(&window, "de");
        assert_eq!(english.iter().collect::<HashSet<_>>().len(), english.len(), "each says something of its own");
        // Names, files, keys and formats stand in both; words stand in neither.
        let is_word = |word: &&str| word.len() > 1 && word.chars().all(|c| c.is_ascii_lowercase());
        for (english, german) in english.iter().zip(&german) {
            let words: HashSet<&str> =
                english.split([' ', ',', ':', '.', '(', ')', '‘', '’']).filter(is_word).collect();
            let mut left: Vec<_> = german.split([' ', ',', ':', '.', '(', ')', '„', '“']).filter(is_word).collect();
            left.retain(|word| words.contains(word) && !LITERAL.contains(word));
            assert!(left.is_empty(), "{left:?} in “{german}”, in English “{english}”");
        }
    }

    /// Written alike in both: parts of keys and of file names, values, and the German “in”.
    const LITERAL: &[&str] = &[
        "in",
        "phone",
        "dnd",
        "mode",
        "off",
        "silent",
        "reject",
        "audio",
        "input",
        "basic",
        "transport",
        "mqtt",
        "broker",
        "contact",
        "dial_rule",
        "account",
        "code",
        "config",
        "toml",
        "calls",
        "jsonl",
        "wav",
        "port",
    ];
}
