//! The client of the control socket: one request, its answer, an exit code; `events` prints until the panel leaves.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::Failure;
use super::args::{CertificateVerb, ContactsVerb, CtlVerb, NewContact, RulesVerb, Switch};
use super::rules;

/// Longer than the panel takes to say that it takes too long.
const ANSWER_TIME: Duration = Duration::from_secs(25);

/// Asks the panel and prints what it says.
pub(super) fn run(socket: &Path, verb: &CtlVerb) -> Result<(), Failure> {
    let request = request(verb)?;
    let stream = connect(socket)?;
    let mut reader = BufReader::new(&stream);
    let result = ask(&stream, &mut reader, &request)?;
    if *verb == CtlVerb::Events {
        // Events may be hours apart.
        stream.set_read_timeout(None).map_err(Failure::at_run_time)?;
        return follow(reader);
    }
    print(verb, &result)
}

/// The value of one setting, or its change, on a running panel; `None` if there is no panel.
pub(super) fn setting(socket: &Path, verb: &CtlVerb) -> Option<Result<Value, Failure>> {
    let stream = UnixStream::connect(socket).ok()?;
    stream.set_read_timeout(Some(ANSWER_TIME)).ok()?;
    let answer = request(verb).and_then(|request| ask(&stream, &mut BufReader::new(&stream), &request));
    Some(answer)
}

/// The stream to a running panel.
pub(super) fn connect(socket: &Path) -> Result<UnixStream, Failure> {
    let stream = UnixStream::connect(socket).map_err(|error| {
        let path = socket.display();
        Failure::at_run_time(match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => format!("no panel runs on {path}"),
            ErrorKind::PermissionDenied => format!("{path}: {error}: ask as root, or as the panel's user"),
            _ => format!("{path}: {error}"),
        })
    })?;
    stream.set_read_timeout(Some(ANSWER_TIME)).map_err(Failure::at_run_time)?;
    Ok(stream)
}

/// One request and the `result` of its answer.
pub(super) fn ask(mut stream: &UnixStream, reader: &mut impl BufRead, request: &Value) -> Result<Value, Failure> {
    stream.write_all(format!("{request}\n").as_bytes()).map_err(Failure::at_run_time)?;
    let mut line = String::new();
    let count = reader.read_line(&mut line).map_err(|error| match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Failure::at_run_time("the panel does not answer"),
        _ => Failure::at_run_time(error),
    })?;
    if count == 0 {
        return Err(Failure::at_run_time("the panel closed the connection"));
    }
    outcome(&line)
}

fn outcome(line: &str) -> Result<Value, Failure> {
    let mut answer: Value = serde_json::from_str(line).map_err(Failure::at_run_time)?;
    if answer["ok"] == json!(true) {
        return Ok(answer["result"].take());
    }
    Err(Failure::at_run_time(answer["error"].as_str().unwrap_or("the panel refused without a reason")))
}

/// Prints lines as they come, each at once.
fn follow(reader: impl BufRead) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    for line in reader.lines() {
        let line = line.map_err(Failure::at_run_time)?;
        if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
            // Whoever read our output has enough.
            break;
        }
    }
    Ok(())
}

fn print(verb: &CtlVerb, result: &Value) -> Result<(), Failure> {
    let text = match verb {
        CtlVerb::Rules(verb) => return rules::print(verb, result),
        CtlVerb::Contacts(ContactsVerb::List { json: false }) => contacts(result),
        CtlVerb::Contacts(ContactsVerb::Import { .. }) => imported(result),
        CtlVerb::Status
        | CtlVerb::Log
        | CtlVerb::Certificate(CertificateVerb::List)
        | CtlVerb::Contacts(ContactsVerb::List { json: true }) => {
            serde_json::to_string_pretty(result).map_err(Failure::at_run_time)?
        }
        CtlVerb::Get { .. } => plain(&result["value"]),
        _ if result.as_object().is_some_and(serde_json::Map::is_empty) => return Ok(()),
        _ => result.to_string(),
    };
    // A closed pipe is no failure of the panel.
    let _ = writeln!(std::io::stdout(), "{text}");
    Ok(())
}

/// A line for each contact: its name, then its numbers.
fn contacts(result: &Value) -> String {
    let list = result["contacts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let line = |contact: &Value| {
        let numbers = contact["numbers"].as_array().map(Vec::as_slice).unwrap_or_default();
        let numbers: Vec<String> = numbers.iter().map(plain).collect();
        format!("{}\t{}", plain(&contact["name"]), numbers.join(", "))
    };
    list.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What came of an import, and under it the lines that did not come in.
fn imported(result: &Value) -> String {
    let mut text =
        format!("{} added, {} changed, {} as before", result["added"], result["changed"], result["unchanged"]);
    for bad in result["bad"].as_array().map(Vec::as_slice).unwrap_or_default() {
        let name = plain(&bad["name"]);
        let of = if name.is_empty() { String::new() } else { format!(" ({name})") };
        text.push_str(&format!("\nline {}{of}: {}", bad["line"], plain(&bad["reason"])));
    }
    match result["more_bad"].as_u64() {
        None | Some(0) => {}
        Some(more) => text.push_str(&format!("\nand {more} bad lines more")),
    }
    text
}

/// Text without quotation marks, anything else as JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The line of a verb.
fn request(verb: &CtlVerb) -> Result<Value, Failure> {
    let on_call = |name: &str, call: &Option<u32>| json!({"do": name, "call": call});
    let on = |switch: &Switch| *switch == Switch::On;
    let mut request = match verb {
        CtlVerb::Status => json!({"do": "status"}),
        CtlVerb::Dial { text, account } => json!({"do": "dial", "text": text, "account": account}),
        CtlVerb::Answer { call } => on_call("answer", call),
        CtlVerb::Decline { call } => on_call("decline", call),
        CtlVerb::End { call } => on_call("end", call),
        CtlVerb::Hold { call } => on_call("hold", call),
        CtlVerb::Resume { call } => on_call("resume", call),
        CtlVerb::Unlock { door: Some(door), .. } => json!({"do": "unlock", "door": door}),
        CtlVerb::Unlock { call, door: None } => on_call("unlock", call),
        CtlVerb::Silence { call } => on_call("silence", call),
        CtlVerb::Mute { to } => json!({"do": "mute", "on": on(to)}),
        CtlVerb::Camera { to } => json!({"do": "camera", "on": on(to)}),
        CtlVerb::Dtmf { digits } => json!({"do": "dtmf", "digits": digits}),
        CtlVerb::Dnd { mode, term } => json!({"do": "dnd", "mode": mode, "for": term}),
        CtlVerb::Volume { level } => json!({"do": "volume", "level": level}),
        CtlVerb::Press { label } => json!({"do": "press", "label": label}),
        CtlVerb::Find { label } => json!({"do": "find", "label": label}),
        CtlVerb::Type { text } => json!({"do": "type", "text": text}),
        CtlVerb::Back => json!({"do": "back"}),
        CtlVerb::Wake => json!({"do": "wake"}),
        CtlVerb::Sleep => json!({"do": "sleep"}),
        CtlVerb::Screenshot { file } => {
            // The panel has another working directory.
            let file = std::path::absolute(file).map_err(Failure::wrong_use)?;
            json!({"do": "screenshot", "file": utf8(&file)?})
        }
        CtlVerb::Certificate(CertificateVerb::Import { account, role, file }) => {
            // The panel has another working directory, and refuses links: they are followed here, where who asks may do so.
            let file =
                std::fs::canonicalize(file).or_else(|_| std::path::absolute(file)).map_err(Failure::wrong_use)?;
            json!({"do": "import_certificate", "account": account, "role": role, "file": utf8(&file)?})
        }
        CtlVerb::Certificate(CertificateVerb::List) => json!({"do": "certificates"}),
        CtlVerb::Rules(RulesVerb::List { .. } | RulesVerb::Export { .. }) => json!({"do": "rules"}),
        CtlVerb::Rules(RulesVerb::Add { prefix, numbers, name, account }) => {
            json!({"do": "add_rule", "prefix": prefix, "replace": numbers, "name": name, "account": account})
        }
        CtlVerb::Rules(RulesVerb::Remove { prefix }) => json!({"do": "remove_rule", "prefix": prefix}),
        CtlVerb::Rules(RulesVerb::Import { file }) => {
            // The panel has another working directory.
            let file = std::path::absolute(file).map_err(Failure::wrong_use)?;
            json!({"do": "import_rules", "file": utf8(&file)?})
        }
        CtlVerb::Get { key } => json!({"do": "get", "key": key}),
        CtlVerb::Set { key, value } => json!({"do": "set", "key": key, "value": value}),
        CtlVerb::Contacts(verb) => contacts_request(verb)?,
        CtlVerb::Log => json!({"do": "log"}),
        CtlVerb::Events => json!({"do": "events"}),
        CtlVerb::Quit => json!({"do": "quit"}),
    };
    request["id"] = json!(1);
    Ok(request)
}

/// The line of a verb for the address book.
fn contacts_request(verb: &ContactsVerb) -> Result<Value, Failure> {
    // The panel has another working directory, and refuses links: they are followed here, where who asks may do so.
    let whole = |file: &Path| {
        let file = std::fs::canonicalize(file).or_else(|_| std::path::absolute(file)).map_err(Failure::wrong_use)?;
        Ok(json!(utf8(&file)?))
    };
    Ok(match verb {
        ContactsVerb::List { .. } => json!({"do": "contacts"}),
        ContactsVerb::Add(contact) => json!({"do": "add_contact", "contact": new_contact(contact)}),
        ContactsVerb::Remove { name } => json!({"do": "remove_contact", "name": name}),
        ContactsVerb::Import { file } => json!({"do": "import_contacts", "file": whole(file)?}),
        ContactsVerb::Export { file } => json!({"do": "export_contacts", "file": whole(file)?}),
    })
}

fn new_contact(new: &NewContact) -> Value {
    let door = json!({"unlock": new.unlock, "code": new.code, "url": new.url, "monitor": new.monitor});
    let is_door = new.door || door.as_object().is_some_and(|door| door.values().any(|value| !value.is_null()));
    json!({
        "name": new.name,
        "numbers": new.numbers,
        "account": new.account,
        "may_call": new.may_call,
        "blocked": new.blocked,
        "favourite": new.favourite,
        "emergency": new.emergency,
        "ringtone": new.ringtone,
        "door": is_door.then_some(door),
    })
}

fn utf8(file: &Path) -> Result<&str, Failure> {
    file.to_str().ok_or_else(|| Failure::wrong_use("the file's name is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::control::protocol;

    /// Every verb makes a line that the panel understands.
    #[test]
    fn the_panel_understands_every_verb() {
        let text = || "5".to_owned();
        let call = Some(1);
        let verbs = [
            CtlVerb::Status,
            CtlVerb::Dial { text: text(), account: "auto".into() },
            CtlVerb::Answer { call },
            CtlVerb::Decline { call: None },
            CtlVerb::End { call },
            CtlVerb::Hold { call },
            CtlVerb::Resume { call },
            CtlVerb::Unlock { call, door: None },
            CtlVerb::Unlock { call: None, door: Some(text()) },
            CtlVerb::Silence { call },
            CtlVerb::Mute { to: Switch::On },
            CtlVerb::Camera { to: Switch::Off },
            CtlVerb::Dtmf { digits: text() },
            CtlVerb::Dnd { mode: "off".into(), term: None },
            CtlVerb::Dnd { mode: "silent".into(), term: Some("morning".into()) },
            CtlVerb::Volume { level: 0 },
            CtlVerb::Press { label: text() },
            CtlVerb::Find { label: text() },
            CtlVerb::Type { text: text() },
            CtlVerb::Back,
            CtlVerb::Wake,
            CtlVerb::Sleep,
            CtlVerb::Screenshot { file: "a.png".into() },
            CtlVerb::Get { key: text() },
            CtlVerb::Set { key: text(), value: text() },
            CtlVerb::Certificate(CertificateVerb::Import { account: 2, role: "key".into(), file: "a.key".into() }),
            CtlVerb::Certificate(CertificateVerb::List),
            CtlVerb::Rules(RulesVerb::List { json: true }),
            CtlVerb::Rules(RulesVerb::Add { prefix: text(), numbers: vec![text()], name: text(), account: "2".into() }),
            CtlVerb::Rules(RulesVerb::Remove { prefix: text() }),
            CtlVerb::Rules(RulesVerb::Import { file: "a.csv".into() }),
            CtlVerb::Rules(RulesVerb::Export { file: "a.csv".into() }),
            CtlVerb::Contacts(ContactsVerb::List { json: true }),
            CtlVerb::Contacts(ContactsVerb::Add(NewContact {
                name: text(),
                numbers: vec![text()],
                code: Some(text()),
                ..NewContact::default()
            })),
            CtlVerb::Contacts(ContactsVerb::Remove { name: text() }),
            CtlVerb::Contacts(ContactsVerb::Import { file: "a.vcf".into() }),
            CtlVerb::Contacts(ContactsVerb::Export { file: "a.csv".into() }),
            CtlVerb::Events,
            CtlVerb::Quit,
        ];
        for verb in verbs {
            let line = request(&verb).expect("it is right").to_string();
            assert!(protocol::parse(line.as_bytes()).is_ok(), "{line}");
        }
    }

    #[test]
    fn a_screenshots_file_is_where_the_client_is() {
        let request = request(&CtlVerb::Screenshot { file: "a.png".into() }).expect("it is right");
        let file = Path::new(request["file"].as_str().expect("text")).to_owned();
        assert_eq!(file, std::env::current_dir().expect("there is one").join("a.png"));
    }

    #[test]
    fn a_refusal_is_a_failure_at_run_time_in_the_panels_words() {
        assert_eq!(outcome(r#"{"id":1,"ok":true,"result":{"call":3}}"#), Ok(json!({"call": 3})));
        assert_eq!(
            outcome(r#"{"id":1,"ok":false,"error":"all lines are in use"}"#),
            Err(Failure { code: 1, words: "all lines are in use".into() })
        );
        assert_eq!(outcome("nonsense").expect_err("no answer").code, 1);
    }

    #[test]
    fn no_panel_is_said_so() {
        let failure = run(Path::new("/nonexistent/control.sock"), &CtlVerb::Status).expect_err("nobody is there");
        assert_eq!(failure, Failure { code: 1, words: "no panel runs on /nonexistent/control.sock".into() });
    }
}
