//! The settings: declared once in [`SETTINGS`], checked wherever text enters, held as the typed [`Config`], stored
//! atomically by [`store`].
//!
//! ```text
//! text ── Setting::parse ──▶ Value ──▶ field of Config ──▶ Value ──▶ text
//!             ▲ the range of the table, and nothing else, decides
//! ```

mod accounts;
mod atomic;
pub mod book;
mod choices;
mod contacts;
pub mod csv;
mod dnd;
mod fault;
mod file;
pub mod journal;
mod pin;
mod reference;
mod rules;
mod setting;
pub mod store;
mod table;
mod time;
mod web_address;

pub use accounts::{Account, AccountConfig, Secret, is_same_host};
pub use atomic::write as write_atomically;
pub use book::Book;
pub use choices::{
    AccountChoice, AccountTransport, DndMode, DoorUnlock, Language, NightMode, ReturnCode, Ringtone, Rotation, Scale,
    SessionRefresher, SrvOver, Theme, UnlockMethod,
};
pub use contacts::{Door, Party, PhonebookEntry, is_party};
pub use dnd::DndAccounts;
pub use fault::{DeviceFault, FileError, FileFault, Problem, size};
pub use file::{Loaded, Rest, read, write};
pub use pin::is_pin;
pub use reference::reference;
pub use rules::{
    BadRow, DialPlan, DialRule, LONGEST_NAME, LONGEST_PREFIX, MOST_REPLACEMENTS, MOST_RULES, Route, RuleError,
    RuleFault, RuleField, RuleImport,
};
pub use setting::{Kind, Part, Setting, SettingError, Value};
pub use table::{Config, SETTINGS};
pub use time::{TimeOfDay, moment_text};
pub use web_address::{HIDDEN, Login, WebAddress, without_password};

use crate::dial::{self, DialTarget};

/// The declaration of the setting with this key.
pub fn setting(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

fn known(key: &str) -> Result<&'static Setting, SettingError> {
    setting(key).ok_or_else(|| SettingError { key: setting::echo(key), problem: "there is no such setting".to_owned() })
}

impl Config {
    /// The value of a setting as text.
    ///
    /// # Errors
    /// When there is no such setting.
    pub fn get(&self, key: &str) -> Result<String, SettingError> {
        known(key).map(|setting| setting.value(self).to_string())
    }

    /// These settings with one changed.
    ///
    /// # Errors
    /// When there is no such setting, the value is not one that it takes, or it contradicts another setting; the error
    /// names the limit.
    pub fn set(&self, key: &str, text: &str) -> Result<Self, SettingError> {
        let setting = known(key)?;
        let value = setting.parse(text)?;
        let mut changed = self.clone();
        (setting.write)(&mut changed, &value);
        if let Part::Account(account) = setting.part {
            let before = self.account(account);
            let after = &mut changed.accounts[account.index()];
            if before.transport != after.transport {
                after.move_ports(before.transport);
            }
            if let Some((_, problem)) = after.contradiction() {
                return Err(setting.error(problem));
            }
        }
        Ok(changed)
    }

    /// The settings that differ between the two.
    pub fn changed<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'static Setting> + 'a {
        SETTINGS.iter().filter(|setting| setting.value(self) != setting.value(other))
    }

    /// Whether a part has to be redone when these settings give way to `other`.
    pub fn redoes(&self, other: &Self, part: Part) -> bool {
        self.changed(other).any(|setting| setting.part == part)
    }

    /// The contact that the other side of a call is.
    pub fn contact(&self, party: Party<'_>) -> Option<&PhonebookEntry> {
        self.contacts.find(party)
    }

    /// The contact whom this URI calls: `sip:door@192.168.1.20`.
    pub fn contact_of(&self, uri: &str) -> Option<&PhonebookEntry> {
        let DialTarget::Uri(uri) = dial::parse(uri).ok()? else { return None };
        self.contact(Party { user: uri.user.as_deref(), host: &uri.host, port: uri.port })
    }

    /// The contacts that are doors.
    pub fn doors(&self) -> impl Iterator<Item = &PhonebookEntry> {
        self.contacts.iter().filter(|contact| contact.door.is_some())
    }

    /// Whether a door can be opened with no call in progress: by HTTP, or by the relay of this panel.
    pub fn opens_by_itself(&self, contact: &PhonebookEntry) -> bool {
        contact.door.as_ref().is_some_and(|door| match door.unlock {
            Some(DoorUnlock::Http) => door.web_address().is_some(),
            Some(DoorUnlock::Relay) => !self.relay_chip.is_empty(),
            Some(DoorUnlock::Dtmf | DoorUnlock::Info) | None => false,
        })
    }

    /// Whether this contact is the door that is wired to the panel: one that its relay opens, or, where there is none, the only
    /// door.
    pub fn is_wired(&self, contact: &PhonebookEntry) -> bool {
        let by_relay =
            |contact: &PhonebookEntry| contact.door.as_ref().is_some_and(|door| door.unlock == Some(DoorUnlock::Relay));
        contact.door.is_some() && (by_relay(contact) || (!self.doors().any(by_relay) && self.doors().count() == 1))
    }

    /// All settings with declaration and value, for `settings list --json`. The value of a secret is left out.
    pub fn to_json(&self) -> serde_json::Value {
        let rows = SETTINGS.iter().map(|setting| {
            let value = setting.value(self);
            let shown = if setting.is_secret() { serde_json::Value::Null } else { json(&value) };
            let mut row = serde_json::json!({
                "key": setting.key,
                "label": setting.label,
                "path": setting.path,
                "type": setting.kind.name(),
                "value": shown,
                "default": setting.parse(setting.default).map_or(serde_json::Value::Null, |value| json(&value)),
                "range": setting.kind.range(),
                "unit": setting.unit,
                "help": setting.help,
                "secret": setting.is_secret(),
            });
            match setting.kind {
                Kind::Number { min, max } => {
                    row["min"] = min.into();
                    row["max"] = max.into();
                }
                Kind::Choice(words) | Kind::Order(words) | Kind::Set(words) => row["choices"] = words.into(),
                Kind::Switch
                | Kind::Keys { .. }
                | Kind::Code { .. }
                | Kind::TimeOfDay
                | Kind::Moment
                | Kind::Secret { .. }
                | Kind::Text { .. }
                | Kind::List { .. } => {}
            }
            row
        });
        serde_json::Value::Array(rows.collect())
    }
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Switch(on) => (*on).into(),
        Value::Number(number) => (*number).into(),
        Value::Text(text) => text.clone().into(),
        Value::List(items) => items.clone().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_passes_its_check_and_comes_back() {
        let config = Config::default();
        for setting in SETTINGS.iter() {
            let value = setting.parse(setting.default).expect(setting.key);
            assert_eq!(setting.value(&config), value, "{}", setting.key);
            assert_eq!(setting.parse(&value.to_string()), Ok(value), "{}", setting.key);
        }
    }

    #[test]
    fn every_kind_fits_the_type_of_its_field() {
        let config = Config::default();
        for setting in SETTINGS.iter() {
            let samples: Vec<String> = match setting.kind {
                Kind::Switch => vec!["on".into(), "off".into()],
                Kind::Number { min, max } => vec![min.to_string(), max.to_string()],
                Kind::Choice(words) => words.iter().map(|word| (*word).into()).collect(),
                Kind::Keys { max } => vec!["D".repeat(max)],
                Kind::Code { max } => vec![String::new(), "*".repeat(max)],
                Kind::TimeOfDay => vec!["00:00".into(), "23:59".into()],
                Kind::Moment => vec![String::new(), "2026-11-29T07:00:00Z".into()],
                Kind::Secret { .. } if setting.key == "security.pin" => vec![String::new(), "1234".into()],
                Kind::Secret { max, .. } => vec![String::new(), "x".repeat(max)],
                Kind::Text { .. } if setting.key.ends_with("fingerprint") => vec!["0f".repeat(32)],
                Kind::Text { .. } if setting.key == "display.time_zone" => vec![String::new(), "Europe/Berlin".into()],
                Kind::Text { .. } => vec!["test".into()],
                Kind::List { .. } if setting.key.starts_with("network.") => {
                    vec![String::new(), "127.0.0.1:5353, ::1".into()]
                }
                Kind::List { .. } => vec![String::new(), "101, 192✳168✳1✳2, sip:a@b".into()],
                Kind::Order(words) | Kind::Set(words) => vec![words[0].into(), words.join(",")],
            };
            for sample in samples {
                let changed = config.set(setting.key, &sample).expect(setting.key);
                assert_eq!(Ok(setting.value(&changed)), setting.parse(&sample), "{} = {sample}", setting.key);
            }
        }
    }

    #[test]
    fn keys_are_unique_and_lead_with_a_known_chapter() {
        for (at, setting) in SETTINGS.iter().enumerate() {
            assert!(SETTINGS[..at].iter().all(|other| other.key != setting.key), "{}", setting.key);
            assert!(setting.key.split('.').count() >= 2, "{}", setting.key);
            assert!(
                !setting.label.is_empty() && setting.path.contains(" > ") && setting.help.ends_with('.'),
                "{}",
                setting.key
            );
        }
    }

    #[test]
    fn a_refused_value_names_key_value_and_limit() {
        let config = Config::default();
        let error = |key: &str, text: &str| config.set(key, text).expect_err(text).to_string();
        assert_eq!(error("phone.direct_ip.port", "0"), "phone.direct_ip.port: 0 is out of range: 1–65535");
        assert_eq!(error("phone.direct_ip.port", "70000"), "phone.direct_ip.port: 70000 is out of range: 1–65535");
        assert_eq!(error("phone.direct_ip.port", "5e3"), "phone.direct_ip.port: '5e3' is not a whole number: 1–65535");
        assert_eq!(
            error("phone.direct_ip.port", "99999999999999999999"),
            "phone.direct_ip.port: 99999999999999999999 is out of range: 1–65535"
        );
        assert_eq!(error("phone.direct_ip.enabled", "maybe"), "phone.direct_ip.enabled: 'maybe' is neither on nor off");
        assert_eq!(error("phone.dnd.mode", "loud"), "phone.dnd.mode: 'loud' is not one of off, silent, reject");
        assert_eq!(
            error("phone.dnd.return_code", "700"),
            "phone.dnd.return_code: '700' is not one of 404, 480, 486, 603"
        );
        assert_eq!(error("phone.dnd.on_code", "7a8"), "phone.dnd.on_code: '7a8' has 'a' in it: up to 16 of 0–9, *, #");
        assert_eq!(
            error("phone.dnd.off_code", "12345678901234567"),
            "phone.dnd.off_code: '12345678901234567' has 17 characters: up to 16 of 0–9, *, #"
        );
        assert_eq!(error("phone.dnd.morning", "7"), "phone.dnd.morning: '7' is not a time of the day: 00:00–23:59");
        assert_eq!(
            error("phone.dnd.until", "noon"),
            "phone.dnd.until: 'noon' is not a moment of UTC such as 2026-11-29T07:00:00Z, or nothing"
        );
        assert_eq!(error("phone.unlock.code", "1x"), "phone.unlock.code: 'X' is not a key: 0–9, *, #, A–D");
        assert_eq!(error("phone.unlock.code", ""), "phone.unlock.code: nothing was given: 1–16 characters");
        assert_eq!(
            error("phone.auto_answer.only", "101, 1✳2✳3"),
            "phone.auto_answer.only: '1✳2✳3': an address has four groups, this has 3"
        );
        assert_eq!(error("audio.codecs", "opus, g729"), "audio.codecs: 'g729' is not one of opus, g722, pcmu, pcma");
        assert_eq!(error("video.camera", "webcam"), "video.camera: 'webcam' is neither none, test nor v4l2:PATH");
        assert_eq!(
            error("display.time_zone", "Europe/Atlantis"),
            "display.time_zone: 'Europe/Atlantis' is no time zone that this machine knows, such as Europe/Berlin"
        );
        assert_eq!(
            error("board.relay.chip", "gpiochip0"),
            "board.relay.chip: 'gpiochip0' is neither test nor the path of a chip, such as /dev/gpiochip0"
        );
        assert_eq!(error("no.such", "1"), "no.such: there is no such setting");
    }

    #[test]
    fn a_change_names_what_it_redoes() {
        let config = Config::default();
        let changed = config.set("phone.direct_ip.port", "5062").expect("in range");
        assert!(config.redoes(&changed, Part::Listening));
        assert!(!config.redoes(&changed, Part::Sound));
        assert_eq!(config.changed(&changed).map(|setting| setting.key).collect::<Vec<_>>(), ["phone.direct_ip.port"]);
        assert_eq!(changed.get("phone.direct_ip.port").as_deref(), Ok("5062"));
    }

    #[test]
    fn the_list_has_every_setting_with_its_limits() {
        let list = Config::default().to_json();
        let rows = list.as_array().expect("a list");
        assert_eq!(rows.len(), SETTINGS.len());
        let port = rows.iter().find(|row| row["key"] == "phone.direct_ip.port").expect("is there");
        assert_eq!((&port["value"], &port["min"], &port["max"]), (&5060.into(), &1.into(), &65535.into()));
        assert_eq!(port["path"], "Phone > Call Feature > Direct IP");
    }
}
