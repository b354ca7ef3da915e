//! Contacts as JSON, both ways: the keys are those of the settings file.
//!
//! ```json
//! {"name":"Front door","numbers":["192.168.1.20"],"account":"auto","may_call":true,…,"door":{"unlock":"dtmf","code":"12#"}}
//! ```

use serde_json::{Map, Value, json};

use crate::channel::ContactsImported;
use crate::config::book::Field;
use crate::config::{PhonebookEntry, without_password};

/// One contact, without the passwords of its addresses.
pub fn json(entry: &PhonebookEntry) -> Value {
    let door = entry.door.as_ref().map(|door| {
        json!({
            "unlock": door.unlock.map(|unlock| unlock.word()),
            "code": door.code,
            "url": door.url.as_deref().map(without_password),
            "monitor": door.monitor.as_deref().map(without_password),
        })
    });
    json!({
        "name": entry.name,
        "numbers": entry.numbers,
        "account": entry.account.word(),
        "may_call": entry.may_call,
        "blocked": entry.blocked,
        "favourite": entry.favourite,
        "emergency": entry.emergency,
        "ringtone": entry.ringtone.map(|tone| tone.word()),
        "door": door,
    })
}

/// What came of an import.
pub fn imported(imported: &ContactsImported) -> Value {
    let bad: Vec<Value> = imported
        .bad
        .iter()
        .map(|bad| json!({"line": bad.line, "name": bad.name, "reason": bad.fault.to_string()}))
        .collect();
    json!({
        "file": imported.file.display().to_string(),
        "added": imported.tally.added,
        "changed": imported.tally.changed,
        "unchanged": imported.tally.unchanged,
        "bad": bad,
        "more_bad": imported.more_bad,
    })
}

/// Reads what [`json`] writes; what is left out is as in a new contact.
///
/// # Errors
/// Which key, its value, and what is allowed.
pub fn parse(object: &Map<String, Value>) -> Result<PhonebookEntry, String> {
    let mut entry = PhonebookEntry::default();
    for (key, value) in object {
        match (key.as_str(), value) {
            (_, Value::Null) => {}
            ("door", Value::Object(door)) => {
                Field::Door.set(&mut entry, "yes").map_err(|error| error.to_string())?;
                for (key, value) in door {
                    let field = Field::from_word(key).filter(|field| field.is_of_door());
                    let field = field.ok_or_else(|| format!("a door has no \"{key}\""))?;
                    put(&mut entry, field, value)?;
                }
            }
            ("numbers", Value::Array(numbers)) => {
                numbers.iter().try_for_each(|number| put(&mut entry, Field::Numbers, number))?;
            }
            _ => {
                let field = Field::from_word(key).filter(|field| !field.is_of_door());
                put(&mut entry, field.ok_or_else(|| format!("a contact has no \"{key}\""))?, value)?;
            }
        }
    }
    Ok(entry)
}

fn put(entry: &mut PhonebookEntry, field: Field, value: &Value) -> Result<(), String> {
    let text = match value {
        Value::Null => return Ok(()),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        _ => return Err(format!("\"{field}\" is {value}, it must be text, a number, true or false")),
    };
    field.set(entry, &text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(value: &Value) -> Result<PhonebookEntry, String> {
        parse(value.as_object().expect("an object"))
    }

    #[test]
    fn a_contact_is_read_as_it_is_written() {
        let value = json!({
            "name": "Front door", "numbers": ["192.168.1.20", "101"], "account": "2", "may_call": true, "blocked": false,
            "favourite": true, "emergency": false, "ringtone": "bell",
            "door": {"unlock": "info", "code": "12#", "url": null, "monitor": "rtsp://192.168.1.20/1"},
        });
        assert_eq!(json(&parsed(&value).expect("right")), value);
        let brief = parsed(&json!({"name": "Anna", "numbers": 12, "account": 1, "door": true})).expect("right");
        assert_eq!((brief.numbers[0].as_str(), brief.account.word(), brief.door.is_some()), ("12", "1", true));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_value_and_what_is_allowed() {
        let refused = |value: Value| parsed(&value).expect_err("wrong");
        assert_eq!(refused(json!({"colour": 1})), "a contact has no \"colour\"");
        assert_eq!(refused(json!({"code": "1"})), "a contact has no \"code\"");
        assert_eq!(refused(json!({"door": {"name": "x"}})), "a door has no \"name\"");
        assert_eq!(refused(json!({"door": {"unlock": "x"}})), "door.unlock: 'x' is not one of dtmf, info, relay, http");
        assert_eq!(refused(json!({"name": ["x"]})), "\"name\" is [\"x\"], it must be text, a number, true or false");
        assert!(refused(json!({"numbers": ["1.2.3.999"]})).starts_with("numbers: '1.2.3.999' cannot be dialled"));
    }
}
