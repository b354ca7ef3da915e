//! The file of calls that are not over: written while there are calls, read once at the start after the program died.
//!
//! ```json
//! [{"entry": {…a line of the call log…}, "answered": {…}, "words": [{"account": 0, "transport": "udp", "remote": "10.0.0.2:5060", "message": "BYE …"}]}]
//! ```

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::sticks::{self, Links};
use crate::config::{Account, FileFault, write_atomically};
use crate::phone::{LastWord, Unfinished};
use crate::sip::Transport;

/// The name of the file in the data directory.
const NAME: &str = "unfinished.json";
/// A larger file is none of ours: a call has one message of a few kilobytes for each who is called.
const LARGEST: u64 = 1 << 20;

/// Keeps these calls, and no others; no file is left when there are none.
///
/// # Errors
/// What the system says.
pub fn keep(data: &Path, calls: &[Unfinished]) -> io::Result<()> {
    let file = data.join(NAME);
    if calls.is_empty() {
        return match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    let calls: Vec<_> = calls.iter().map(written).collect();
    write_atomically(&file, Value::from(calls).to_string().as_bytes())
}

/// The calls that the run before has left. What cannot be read counts as nothing: it is not worth a word to a resident.
pub fn left(data: &Path) -> Vec<Unfinished> {
    let file = data.join(NAME);
    let text = match sticks::bytes(&file, Links::Followed, LARGEST) {
        Ok(text) => text,
        Err(FileFault::Missing) => return Vec::new(),
        Err(fault) => {
            tracing::warn!("{}", fault.of(&file));
            return Vec::new();
        }
    };
    let calls: Vec<Value> = serde_json::from_slice(&text).unwrap_or_default();
    calls.iter().filter_map(read).collect()
}

fn written(call: &Unfinished) -> Value {
    let word = |word: &LastWord| {
        json!({
            "account": word.account.map_or(0, Account::number),
            "transport": word.transport.name(),
            "remote": word.remote.to_string(),
            "message": String::from_utf8_lossy(&word.bytes),
        })
    };
    let words: Vec<_> = call.words.iter().map(word).collect();
    json!({"entry": call.entry, "answered": call.answered, "words": words})
}

fn read(call: &Value) -> Option<Unfinished> {
    let word = |word: &Value| {
        let number = word["account"].as_u64()?;
        Some(LastWord {
            account: Account::ALL.into_iter().find(|account| u64::from(account.number()) == number),
            transport: Transport::from_name(word["transport"].as_str()?)?,
            remote: word["remote"].as_str()?.parse().ok()?,
            bytes: word["message"].as_str()?.as_bytes().to_vec(),
        })
    };
    Some(Unfinished {
        entry: serde_json::from_value(call["entry"].clone()).ok()?,
        answered: serde_json::from_value(call["answered"].clone()).ok()?,
        words: call["words"].as_array()?.iter().filter_map(word).collect(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::channel::LogEntry;

    fn call() -> Unfinished {
        let word = |account, transport, remote: &str, text: &str| LastWord {
            account,
            transport,
            remote: remote.parse().expect("an address"),
            bytes: text.as_bytes().to_vec(),
        };
        Unfinished {
            entry: LogEntry::of_visitor("door"),
            answered: Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_000_123)),
            words: vec![
                word(None, Transport::Udp, "10.0.0.2:5060", "BYE sip:door@10.0.0.2 SIP/2.0\r\n\r\n"),
                word(Some(Account::Two), Transport::Tls, "[2001:db8::1]:5061", "CANCEL sip:ü@x SIP/2.0\r\n\r\n"),
            ],
        }
    }

    #[test]
    fn what_is_kept_is_found_and_nothing_is_left_of_calls_that_are_over() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert_eq!(left(folder.path()), []);
        keep(folder.path(), &[call(), call()]).expect("kept");
        assert_eq!(left(folder.path()), [call(), call()]);
        keep(folder.path(), &[]).expect("removed");
        keep(folder.path(), &[]).expect("nothing to remove");
        assert_eq!(fs::read_dir(folder.path()).expect("read").count(), 0);
    }

    #[test]
    fn a_damaged_file_is_nothing_and_a_damaged_call_takes_no_other_with_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let put = |text: &str| fs::write(folder.path().join(NAME), text).expect("written");
        for text in ["", "[", "{}", "[1, null, {}]", "[{\"entry\": {}, \"words\": []}]"] {
            put(text);
            assert_eq!(left(folder.path()), [], "{text}");
        }
        put(&json!([{"words": 7}, written(&call())]).to_string());
        assert_eq!(left(folder.path()), [call()]);
        put(&" ".repeat(LARGEST as usize + 1));
        assert_eq!(left(folder.path()), []);
    }
}
