//! The words of the control socket: a line of JSON becomes a [`Request`], an outcome becomes a line of JSON.
//!
//! Nothing here knows a socket. Parameters go by name; a wrong one is answered with its name, its value and what is allowed.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::contacts;
use crate::channel::{
    Account, AccountChoice, CallHandle, CertificateRole, Command, DndMode, DndTerm, RuleChange, ScreenRequest,
};
use crate::config::book::Which;
use crate::config::{DialRule, PhonebookEntry};

/// The longest line that is read, in bytes, without its line end.
pub const LINE_LIMIT: usize = 64 * 1024;

/// The longest time for which do not disturb is switched on, in minutes: a day.
const LONGEST_DND: u64 = 24 * 60;

/// One line that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Comes back with the answer, whatever it is; `null` if there was none.
    pub id: Value,
    /// What is asked for.
    pub what: Do,
}

/// What a line asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Do {
    /// The whole state.
    Status,
    /// What a finger can do, too.
    Command(Command),
    /// What only the screen can do.
    Screen(ScreenRequest),
    /// The value of a setting.
    Get(String),
    /// The files of certificates and keys that were imported.
    Certificates,
    /// The dial plan.
    Rules,
    /// The address book.
    Contacts,
    /// The call log.
    Log,
    /// Turn this connection into a stream of events.
    Events,
}

/// A line that was not understood.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{error}")]
pub struct BadRequest {
    /// The line's `id`, if it could be read.
    pub id: Value,
    /// What is wrong with it.
    pub error: String,
}

/// Reads one line.
pub fn parse(line: &[u8]) -> Result<Request, BadRequest> {
    let value: Value = serde_json::from_slice(line)
        .map_err(|error| BadRequest { id: Value::Null, error: format!("not JSON: {error}") })?;
    let Value::Object(object) = value else {
        return Err(BadRequest { id: Value::Null, error: "not a JSON object".into() });
    };
    let id = object.get("id").cloned().unwrap_or(Value::Null);
    match what(&Parameters(&object)) {
        Ok(what) => Ok(Request { id, what }),
        Err(error) => Err(BadRequest { id, error }),
    }
}

/// The answer's line, with its line end.
pub fn answer(id: &Value, outcome: &Result<Value, String>) -> String {
    let mut line = match outcome {
        Ok(result) => json!({"id": id, "ok": true, "result": result}),
        Err(error) => json!({"id": id, "ok": false, "error": error}),
    }
    .to_string();
    line.push('\n');
    line
}

fn what(from: &Parameters<'_>) -> Result<Do, String> {
    let verb = from.text("do").map_err(|_| "\"do\" is missing: it names what to do".to_owned())?;
    Ok(match verb {
        "status" => Do::Status,
        "events" => Do::Events,
        "certificates" => Do::Certificates,
        "rules" => Do::Rules,
        "contacts" => Do::Contacts,
        "log" => Do::Log,
        "get" => Do::Get(from.text("key")?.to_owned()),
        "press" => Do::Screen(ScreenRequest::Press(from.text("label")?.to_owned())),
        "type" => Do::Screen(ScreenRequest::Type(from.text("text")?.to_owned())),
        "find" => Do::Screen(ScreenRequest::Find(from.text("label")?.to_owned())),
        "back" => Do::Screen(ScreenRequest::Back),
        "screenshot" => Do::Screen(ScreenRequest::Screenshot(PathBuf::from(from.text("file")?))),
        _ => Do::Command(command(verb, from)?),
    })
}

fn command(verb: &str, from: &Parameters<'_>) -> Result<Command, String> {
    Ok(match verb {
        "dial" => Command::Dial { text: from.text("text")?.to_owned(), account: from.account()? },
        "answer" => Command::Answer(from.call()?),
        "decline" => Command::Decline(from.call()?),
        "end" => Command::End(from.call()?),
        "hold" => Command::Hold(from.call()?),
        "resume" => Command::Resume(from.call()?),
        "unlock" if from.0.contains_key("door") => Command::UnlockDoor(from.text("door")?.to_owned()),
        "unlock" => Command::Unlock(from.call()?),
        "silence" => Command::Silence(from.call()?),
        "mute" => Command::Mute(from.switch("on")?),
        "camera" => Command::SendCamera(from.switch("on")?),
        "dtmf" => Command::Dtmf(from.text("digits")?.to_owned()),
        "dnd" => Command::Dnd(from.dnd()?, from.term()?),
        "volume" => Command::Volume(from.level()?),
        "set" => Command::Set { key: from.text("key")?.to_owned(), value: from.value("value")? },
        "import_certificate" => Command::ImportCertificate {
            account: from.one_account()?,
            role: from.role()?,
            file: PathBuf::from(from.text("file")?),
        },
        "add_rule" => Command::Rules(RuleChange::Add(from.rule()?)),
        "change_rule" => Command::Rules(RuleChange::Change { prefix: from.text("of")?.to_owned(), rule: from.rule()? }),
        "remove_rule" => Command::Rules(RuleChange::Remove(from.text("prefix")?.to_owned())),
        "import_rules" => Command::Rules(RuleChange::ImportFile(PathBuf::from(from.text("file")?))),
        "add_contact" => Command::AddContact(Box::new(from.contact()?)),
        "change_contact" => Command::ChangeContact {
            which: Which::Named(from.text("name")?.to_owned()),
            entry: Box::new(from.contact()?),
        },
        "remove_contact" => Command::RemoveContact(Which::Named(from.text("name")?.to_owned())),
        "import_contacts" => Command::ImportContacts(PathBuf::from(from.text("file")?)),
        "export_contacts" => Command::ExportContacts(PathBuf::from(from.text("file")?)),
        "wake" => Command::Wake,
        "sleep" => Command::Sleep,
        "quit" => Command::Quit,
        other => return Err(format!("'{other}' is not a thing to do")),
    })
}

/// The members of a request, read by name.
struct Parameters<'a>(&'a Map<String, Value>);

impl<'a> Parameters<'a> {
    fn text(&self, name: &str) -> Result<&'a str, String> {
        match self.0.get(name) {
            Some(Value::String(text)) => Ok(text),
            Some(other) => Err(format!("\"{name}\" is {other}, it must be text")),
            None => Err(format!("\"{name}\" is missing")),
        }
    }

    /// A setting's value, however the client wrote it: text, a number, true or false.
    fn value(&self, name: &str) -> Result<String, String> {
        match self.0.get(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(plain @ (Value::Number(_) | Value::Bool(_))) => Ok(plain.to_string()),
            Some(Value::Array(items)) => {
                let words = items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned));
                Ok(words.collect::<Vec<_>>().join(","))
            }
            Some(other) => Err(format!("\"{name}\" is {other}, it must be text, a number, true or false")),
            None => Err(format!("\"{name}\" is missing")),
        }
    }

    fn switch(&self, name: &str) -> Result<bool, String> {
        match self.0.get(name) {
            Some(Value::Bool(on)) => Ok(*on),
            Some(Value::String(word)) if word == "on" => Ok(true),
            Some(Value::String(word)) if word == "off" => Ok(false),
            Some(other) => Err(format!("\"{name}\" is {other}, it must be true or false")),
            None => Err(format!("\"{name}\" is missing")),
        }
    }

    /// The call named, or none for the one on the screen.
    fn call(&self) -> Result<Option<CallHandle>, String> {
        match self.0.get("call") {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value
                .as_u64()
                .and_then(|number| u32::try_from(number).ok())
                .map(|number| Some(CallHandle(number)))
                .ok_or_else(|| format!("\"call\" is {value}, it must be the number of a call")),
        }
    }

    fn account(&self) -> Result<AccountChoice, String> {
        let Some(value) = self.0.get("account") else { return Ok(AccountChoice::Auto) };
        match (value.as_str(), value.as_u64()) {
            (Some("auto"), _) => Ok(AccountChoice::Auto),
            (Some("1"), _) | (_, Some(1)) => Ok(AccountChoice::Account1),
            (Some("2"), _) | (_, Some(2)) => Ok(AccountChoice::Account2),
            _ if value.is_null() => Ok(AccountChoice::Auto),
            _ => Err(format!("\"account\" is {value}, it must be auto, 1 or 2")),
        }
    }

    fn one_account(&self) -> Result<Account, String> {
        match self.account()? {
            AccountChoice::Account1 => Ok(Account::One),
            AccountChoice::Account2 => Ok(Account::Two),
            AccountChoice::Auto => Err("\"account\" must be 1 or 2".to_owned()),
        }
    }

    /// A rule of the dial plan, not checked yet.
    fn rule(&self) -> Result<DialRule, String> {
        let replace = match self.0.get("replace") {
            Some(Value::Array(items)) => {
                let words = items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned));
                words.collect()
            }
            Some(one) => vec![one.as_str().map_or_else(|| one.to_string(), str::to_owned)],
            None => return Err("\"replace\" is missing".to_owned()),
        };
        Ok(DialRule {
            name: if self.0.contains_key("name") { self.text("name")?.to_owned() } else { String::new() },
            prefix: self.text("prefix")?.to_owned(),
            replace,
            account: self.account()?,
            rest: Default::default(),
        })
    }

    fn role(&self) -> Result<CertificateRole, String> {
        let word = self.text("role")?;
        CertificateRole::ALL
            .into_iter()
            .find(|role| role.word() == word)
            .ok_or_else(|| format!("\"role\" is '{word}', it must be authority, client or key"))
    }

    /// A whole contact.
    fn contact(&self) -> Result<PhonebookEntry, String> {
        match self.0.get("contact") {
            Some(Value::Object(contact)) => contacts::parse(contact),
            Some(other) => Err(format!("\"contact\" is {other}, it must be an object")),
            None => Err("\"contact\" is missing".to_owned()),
        }
    }

    fn dnd(&self) -> Result<DndMode, String> {
        match self.text("mode")? {
            "off" => Ok(DndMode::Off),
            "silent" => Ok(DndMode::Silent),
            "reject" => Ok(DndMode::Reject),
            other => Err(format!("\"mode\" is '{other}', it must be off, silent or reject")),
        }
    }

    /// For how long: `morning`, a number of minutes up to a day, or nothing for until it is switched off.
    fn term(&self) -> Result<DndTerm, String> {
        let Some(value) = self.0.get("for").filter(|value| !value.is_null()) else { return Ok(DndTerm::Open) };
        if value == "morning" {
            return Ok(DndTerm::Morning);
        }
        value
            .as_u64()
            .or_else(|| value.as_str()?.parse().ok())
            .filter(|minutes| (1..=LONGEST_DND).contains(minutes))
            .map(|minutes| DndTerm::For(Duration::from_secs(minutes * 60)))
            .ok_or_else(|| {
                format!("\"for\" is {value}, it must be morning or a number of minutes from 1 to {LONGEST_DND}")
            })
    }

    fn level(&self) -> Result<u8, String> {
        let value = self.0.get("level").ok_or("\"level\" is missing")?;
        value
            .as_u64()
            .and_then(|level| u8::try_from(level).ok())
            .filter(|level| *level <= 100)
            .ok_or_else(|| format!("\"level\" is {value}, it must be a number from 0 to 100"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn understood(line: &str) -> Do {
        parse(line.as_bytes()).expect("this line is right").what
    }

    fn anna() -> PhonebookEntry {
        PhonebookEntry { name: "Anna".into(), numbers: vec!["12".into()], ..PhonebookEntry::default() }
    }

    fn refused(line: &str) -> String {
        parse(line.as_bytes()).expect_err("this line is wrong").error
    }

    #[test]
    fn the_example_of_the_contract_is_a_dial() {
        let request = parse(r#"{"id":7,"do":"dial","text":"192✳168✳35✳123"}"#.as_bytes()).expect("right");
        assert_eq!(request.id, json!(7));
        let dial = Command::Dial { text: "192✳168✳35✳123".into(), account: AccountChoice::Auto };
        assert_eq!(request.what, Do::Command(dial));
    }

    #[test]
    fn each_verb_takes_its_parameters_by_name() {
        assert_eq!(understood(r#"{"do":"status"}"#), Do::Status);
        assert_eq!(understood(r#"{"do":"events"}"#), Do::Events);
        assert_eq!(understood(r#"{"do":"certificates"}"#), Do::Certificates);
        assert_eq!(understood(r#"{"do":"rules"}"#), Do::Rules);
        assert_eq!(understood(r#"{"do":"contacts"}"#), Do::Contacts);
        assert_eq!(understood(r#"{"do":"log"}"#), Do::Log);
        assert_eq!(understood(r#"{"do":"get","key":"a.b"}"#), Do::Get("a.b".into()));
        let commands = [
            (r#"{"do":"dial","text":"1","account":"2"}"#, {
                Command::Dial { text: "1".into(), account: AccountChoice::Account2 }
            }),
            (r#"{"do":"answer"}"#, Command::Answer(None)),
            (r#"{"do":"decline","call":3}"#, Command::Decline(Some(CallHandle(3)))),
            (r#"{"do":"end","call":null}"#, Command::End(None)),
            (r#"{"do":"hold"}"#, Command::Hold(None)),
            (r#"{"do":"resume"}"#, Command::Resume(None)),
            (r#"{"do":"unlock","call":1}"#, Command::Unlock(Some(CallHandle(1)))),
            (r#"{"do":"unlock","door":"Gate"}"#, Command::UnlockDoor("Gate".into())),
            (r#"{"do":"mute","on":true}"#, Command::Mute(true)),
            (r#"{"do":"mute","on":"off"}"#, Command::Mute(false)),
            (r#"{"do":"dtmf","digits":"12#"}"#, Command::Dtmf("12#".into())),
            (r#"{"do":"dnd","mode":"silent"}"#, Command::Dnd(DndMode::Silent, DndTerm::Open)),
            (r#"{"do":"dnd","mode":"reject","for":"morning"}"#, Command::Dnd(DndMode::Reject, DndTerm::Morning)),
            (r#"{"do":"dnd","mode":"silent","for":90}"#, {
                Command::Dnd(DndMode::Silent, DndTerm::For(Duration::from_secs(5400)))
            }),
            (r#"{"do":"dnd","mode":"silent","for":"60"}"#, {
                Command::Dnd(DndMode::Silent, DndTerm::For(Duration::from_secs(3600)))
            }),
            (r#"{"do":"volume","level":100}"#, Command::Volume(100)),
            (r#"{"do":"wake"}"#, Command::Wake),
            (r#"{"do":"sleep"}"#, Command::Sleep),
            (r#"{"do":"set","key":"k","value":5062}"#, Command::Set { key: "k".into(), value: "5062".into() }),
            (r#"{"do":"set","key":"k","value":"x y"}"#, Command::Set { key: "k".into(), value: "x y".into() }),
            (r#"{"do":"import_certificate","account":1,"role":"client","file":"/stick/door.pem"}"#, {
                Command::ImportCertificate {
                    account: Account::One,
                    role: CertificateRole::Client,
                    file: "/stick/door.pem".into(),
                }
            }),
            (r#"{"do":"add_rule","name":"All","prefix":"9","replace":["101",102],"account":2}"#, {
                Command::Rules(RuleChange::Add(DialRule {
                    name: "All".into(),
                    prefix: "9".into(),
                    replace: vec!["101".into(), "102".into()],
                    account: AccountChoice::Account2,
                    ..DialRule::default()
                }))
            }),
            (r#"{"do":"remove_rule","prefix":"9"}"#, Command::Rules(RuleChange::Remove("9".into()))),
            (r#"{"do":"import_rules","file":"/a.csv"}"#, Command::Rules(RuleChange::ImportFile("/a.csv".into()))),
            (r#"{"do":"add_contact","contact":{"name":"Anna","numbers":["12"]}}"#, {
                Command::AddContact(Box::new(anna()))
            }),
            (r#"{"do":"change_contact","name":"Bert","contact":{"name":"Anna","numbers":["12"]}}"#, {
                Command::ChangeContact { which: Which::Named("Bert".into()), entry: Box::new(anna()) }
            }),
            (r#"{"do":"remove_contact","name":"Bert"}"#, Command::RemoveContact(Which::Named("Bert".into()))),
            (r#"{"do":"import_contacts","file":"/a.vcf"}"#, Command::ImportContacts("/a.vcf".into())),
            (r#"{"do":"export_contacts","file":"/a.csv"}"#, Command::ExportContacts("/a.csv".into())),
            (r#"{"do":"quit"}"#, Command::Quit),
        ];
        for (line, command) in commands {
            assert_eq!(understood(line), Do::Command(command), "{line}");
        }
        assert_eq!(understood(r#"{"do":"press","label":"✳"}"#), Do::Screen(ScreenRequest::Press("✳".into())));
        assert_eq!(understood(r#"{"do":"type","text":"ab"}"#), Do::Screen(ScreenRequest::Type("ab".into())));
        assert_eq!(understood(r#"{"do":"find","label":"Call"}"#), Do::Screen(ScreenRequest::Find("Call".into())));
        assert_eq!(understood(r#"{"do":"back"}"#), Do::Screen(ScreenRequest::Back));
        let shot = ScreenRequest::Screenshot("/a.png".into());
        assert_eq!(understood(r#"{"do":"screenshot","file":"/a.png"}"#), Do::Screen(shot));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_value_and_what_is_allowed() {
        assert!(refused("{").starts_with("not JSON"));
        assert_eq!(refused("[1]"), "not a JSON object");
        assert!(refused("{}").contains("\"do\" is missing"));
        assert_eq!(refused(r#"{"do":"fly"}"#), "'fly' is not a thing to do");
        assert_eq!(refused(r#"{"do":"dial"}"#), "\"text\" is missing");
        assert_eq!(refused(r#"{"do":"dial","text":5}"#), "\"text\" is 5, it must be text");
        assert!(refused(r#"{"do":"volume","level":101}"#).contains("101, it must be a number from 0 to 100"));
        assert!(refused(r#"{"do":"volume","level":-1}"#).contains("-1"));
        assert!(refused(r#"{"do":"answer","call":"x"}"#).contains("the number of a call"));
        assert!(refused(r#"{"do":"dnd","mode":"loud"}"#).contains("off, silent or reject"));
        for wrong in ["0", "1441", "\"noon\""] {
            let said = refused(&format!(r#"{{"do":"dnd","mode":"silent","for":{wrong}}}"#));
            assert_eq!(said, format!("\"for\" is {wrong}, it must be morning or a number of minutes from 1 to 1440"));
        }
        assert!(refused(r#"{"do":"dial","text":"1","account":3}"#).contains("auto, 1 or 2"));
        assert_eq!(refused(r#"{"do":"add_rule","prefix":"9"}"#), "\"replace\" is missing");
        assert_eq!(refused(r#"{"do":"add_rule","prefix":9,"replace":"1"}"#), "\"prefix\" is 9, it must be text");
        assert_eq!(refused(r#"{"do":"add_contact"}"#), "\"contact\" is missing");
        assert!(refused(r#"{"do":"add_contact","contact":{"code":"1"}}"#).contains("a contact has no \"code\""));
        let import = |account: &str, role: &str| {
            refused(&format!(r#"{{"do":"import_certificate","account":"{account}","role":"{role}","file":"f"}}"#))
        };
        assert_eq!(import("auto", "client"), "\"account\" must be 1 or 2");
        assert_eq!(import("2", "root"), "\"role\" is 'root', it must be authority, client or key");
    }

    #[test]
    fn a_wrong_request_is_answered_under_its_own_id() {
        let bad = parse(br#"{"id":"a","do":"fly"}"#).expect_err("wrong");
        assert_eq!(bad.id, json!("a"));
        let line = answer(&bad.id, &Err(bad.error.clone()));
        assert_eq!(line, "{\"error\":\"'fly' is not a thing to do\",\"id\":\"a\",\"ok\":false}\n");
    }

    #[test]
    fn deep_nesting_is_an_error_and_not_a_crash() {
        assert!(refused(&"[".repeat(60_000)).starts_with("not JSON"));
    }
}
