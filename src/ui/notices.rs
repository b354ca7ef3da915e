//! What a notice says, as enums and names: its sentence is made by `Words` in the language of the screen.

use screens as ui;
use std::path::Path;

use super::convert;
use crate::channel::{
    BoardTrouble, CertificateFault, CertificateProblem, CertificateRole, Notice, NoticeKind, PortFault, PortTrouble,
};
use crate::config::book::Unusable;
use crate::config::{self, DeviceFault, FileError, FileFault, Kind, Problem};

/// One notice.
pub(super) fn row(notice: &Notice) -> ui::NoticeRow {
    use ui::NoticeKind as K;
    let id = i32::try_from(notice.id).unwrap_or(i32::MAX);
    let row = |kind| ui::NoticeRow { id, kind, ..Default::default() };
    match &notice.kind {
        NoticeKind::PortTaken { port, reason, in_part } => ui::NoticeRow {
            port: i32::from(*port),
            reason: port_reason(reason),
            text: if *in_part { reason.transport.into() } else { Default::default() },
            ..row(K::PortTaken)
        },
        NoticeKind::SettingsLine(problem) => ui::NoticeRow { id, ..settings(problem) },
        NoticeKind::SettingsDamaged(kept) => ui::NoticeRow { text: kept.into(), ..row(K::SettingsDamaged) },
        NoticeKind::SettingsNotSaved(error) => ui::NoticeRow { reason: file_reason(error), ..row(K::SettingsNotSaved) },
        NoticeKind::LogNotSaved(error) => ui::NoticeRow { reason: file_reason(error), ..row(K::LogNotSaved) },
        NoticeKind::PicturesNotKept(error) => ui::NoticeRow { reason: file_reason(error), ..row(K::PicturesNotKept) },
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
        NoticeKind::Board { device, trouble } => {
            ui::NoticeRow { name: device.setting().into(), reason: board_reason(trouble), ..row(K::Board) }
        }
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

pub(super) fn file_reason(error: &FileError) -> ui::Reason {
    ui::Reason { file: error.file.display().to_string().into(), ..bare_file_reason(&error.fault) }
}

fn bare_file_reason(fault: &FileFault) -> ui::Reason {
    use ui::ReasonKind as R;
    match fault {
        FileFault::NoRoom => reason(R::NoRoom, ""),
        FileFault::ReadOnly => reason(R::ReadOnly, ""),
        FileFault::NotAllowed => reason(R::NotAllowed, ""),
        FileFault::Missing => reason(R::Missing, ""),
        FileFault::Busy => reason(R::Busy, ""),
        FileFault::TooLarge(most) => reason(R::TooLarge, &config::size(*most)),
        FileFault::TooManyKept(most) => reason(R::TooManyKept, &most.to_string()),
        FileFault::NoFile => reason(R::NoFile, ""),
        FileFault::NotText => reason(R::NotText, ""),
        FileFault::Link => reason(R::Link, ""),
        FileFault::NotDone => reason(R::NotDone, ""),
        FileFault::WriterGone => reason(R::WriterGone, ""),
        FileFault::System(words) => reason(R::System, words),
    }
}

/// Why a file of certificates or keys cannot be used.
pub(super) fn certificate_reason(problem: &CertificateProblem) -> ui::Reason {
    let file = problem.file.as_ref().map(|(file, _)| convert::file_name(file)).unwrap_or_default();
    ui::Reason { file, ..bare_certificate_reason(&problem.fault) }
}

fn bare_certificate_reason(fault: &CertificateFault) -> ui::Reason {
    use CertificateFault as F;
    use ui::ReasonKind as R;
    match fault {
        F::File(fault) => bare_file_reason(fault),
        F::Nothing => reason(R::Nothing, ""),
        F::DamagedPem => reason(R::DamagedPem, ""),
        F::Damaged(place) => reason(R::DamagedCertificate, &place.to_string()),
        F::NoCertificate => reason(R::NoCertificate, ""),
        F::NoKey => reason(R::NoKey, ""),
        F::ManyKeys(count) => reason(R::ManyKeys, &count.to_string()),
        F::Locked => reason(R::Locked, ""),
        F::UnknownKey => reason(R::UnknownKey, ""),
        F::NoPair => reason(R::NoPair, ""),
        F::OtherKey(file) => reason(R::OtherKey, file),
        F::OtherCertificate(file) => reason(R::OtherCertificate, file),
        F::KeyBeside(file) => reason(R::KeyBeside, file),
        F::Other { file, fault } => ui::Reason { beside: file.into(), ..bare_certificate_reason(fault) },
        F::Alone(CertificateRole::Key) => reason(R::WithoutKey, ""),
        F::Alone(_) => reason(R::WithoutCertificate, ""),
        F::Folder(error) => {
            ui::Reason { folder: error.file.display().to_string().into(), ..bare_file_reason(&error.fault) }
        }
        F::FolderFull { held, .. } => reason(R::FolderFull, &held.to_string()),
        F::SameName(_) => reason(R::SameName, ""),
    }
}

/// Why a file of contacts cannot be read or written.
pub(super) fn contacts_reason(file: &Path, fault: &Unusable) -> ui::Reason {
    ui::Reason { file: convert::file_name(file), ..bare_contacts_reason(fault) }
}

fn bare_contacts_reason(fault: &Unusable) -> ui::Reason {
    match fault {
        Unusable::File(fault) => bare_file_reason(fault),
        Unusable::Empty => reason(ui::ReasonKind::Empty, ""),
        Unusable::NoColumns => reason(ui::ReasonKind::NoColumns, ""),
    }
}

fn board_reason(trouble: &BoardTrouble) -> ui::Reason {
    match trouble {
        BoardTrouble::File(error) => file_reason(error),
        BoardTrouble::NoChip(chip) => {
            ui::Reason { file: chip.display().to_string().into(), ..reason(ui::ReasonKind::NoChip, "") }
        }
        BoardTrouble::NoLine { chip, line, .. } => {
            let file = chip.display().to_string().into();
            ui::Reason { file, ..reason(ui::ReasonKind::NoLine, &line.to_string()) }
        }
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
    use crate::ui::shots::{self, notices as samples};

    fn sentences(window: &ui::AppWindow, language: &str) -> Vec<String> {
        slint::select_bundled_translation(language).expect("it is bundled");
        let words = window.global::<ui::Words>();
        let notices = samples::samples().into_iter().map(|kind| row(&Notice { id: 1, kind }));
        let notices = notices.map(|row| String::from(words.invoke_notice(row)));
        let faults = samples::certificate_faults().into_iter().map(|fault| bare_certificate_reason(&fault));
        let contacts = samples::contact_file_faults().into_iter().map(|fault| bare_contacts_reason(&fault));
        notices.chain(faults.chain(contacts).map(|reason| words.invoke_reason(reason).into())).collect()
    }

    #[test]
    fn a_notice_in_another_language_has_no_english_in_it() {
        const SIGNS: &[char] =
            &[' ', '\u{a0}', ',', ':', '.', '(', ')', '‘', '’', '„', '“', '”', '«', '»', '，', '：', '（', '）'];
        let window = shots::window(1024, 600);
        let english = sentences(&window, "");
        assert_eq!(english.iter().collect::<HashSet<_>>().len(), english.len(), "each says something of its own");
        // Names, files, keys and formats stand in both; words stand in neither.
        let is_word = |word: &&str| word.len() > 1 && word.chars().all(|c| c.is_ascii_lowercase());
        for language in ["de", "fr", "es", "zh"] {
            for (english, other) in english.iter().zip(sentences(&window, language)) {
                let words: HashSet<&str> = english.split(SIGNS).filter(is_word).collect();
                let mut left: Vec<_> = other.split(SIGNS).filter(is_word).collect();
                left.retain(|word| words.contains(word) && !LITERAL.contains(word));
                assert!(left.is_empty(), "{language}: {left:?} in “{other}”, in English “{english}”");
            }
        }
        slint::select_bundled_translation("").expect("English is always there");
    }

    /// Written alike in both: parts of keys and of file names, values, the German “in”, the Spanish “no”, the French “client”.
    const LITERAL: &[&str] = &[
        "in",
        "no",
        "client",
        "bits",
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
        "jpg",
        "port",
        "panel",
        "board",
        "relay",
        "chip",
        "display",
        "brightness",
        "gpiochip",
        "dev",
        "sys",
        "bus",
        "iio",
        "devices",
        "key",
        "pem",
        "name",
        "number",
    ];
}
