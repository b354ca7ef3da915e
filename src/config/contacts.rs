//! The people and doors that have a name: `[[contact]]` and `[contact.door]` in the file.

use std::fmt;
use std::net::IpAddr;

use toml::{Table, Value};

use super::Problem;
use super::book::{ContactError, Field};
use super::choices::{AccountChoice, DoorUnlock, Ringtone};
use super::setting::{Kind, echo};
use super::web_address::{WebAddress, without_password};
use crate::dial::{self, DialTarget};

/// One entry of the address book. The screen says Contact; in SIP that is a header.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PhonebookEntry {
    /// Shown instead of the number; never empty.
    pub name: String,
    /// Numbers, IP addresses, SIP URIs; the first is the one that is called.
    pub numbers: Vec<String>,
    /// Through which account it is called.
    pub account: AccountChoice,
    /// Whether it is on the whitelist.
    pub may_call: bool,
    /// Whether its calls are turned away.
    pub blocked: bool,
    /// Whether it stands among the favourites.
    pub favourite: bool,
    /// Whether its calls pass do not disturb.
    pub emergency: bool,
    /// A bell of its own.
    pub ringtone: Option<Ringtone>,
    /// The door, if it is one.
    pub door: Option<Door>,
    /// What this version does not know, or could not read; written back as it was.
    pub rest: Table,
}

/// The door of a contact. `Debug` shows no password.
#[derive(Clone, Default, PartialEq)]
pub struct Door {
    /// How it is opened; `phone.unlock.method` when not given.
    pub unlock: Option<DoorUnlock>,
    /// The keys that open it; `phone.unlock.code` when not given.
    pub code: Option<String>,
    /// The web address that opens it.
    pub url: Option<String>,
    /// Where its camera can be seen without a call.
    pub monitor: Option<String>,
    /// What this version does not know, or could not read; written back as it was.
    pub rest: Table,
}

/// The other side of a call, as far as a contact can be told by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Party<'a> {
    /// The user part of its URI.
    pub user: Option<&'a str>,
    /// The host of its URI.
    pub host: &'a str,
    /// The port of its URI.
    pub port: Option<u16>,
}

/// How well one number of a contact fits a party; the greater, the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// The same number, or the same address with a port on one side only.
    Loose,
    /// Everything that the contact names.
    Whole,
}

/// How well the ports of the same address fit, ours as the contact has it.
pub(super) fn ports(ours: Option<u16>, theirs: Option<u16>) -> Option<Fit> {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) if ours != theirs => None,
        (Some(_), Some(_)) => Some(Fit::Whole),
        (_, _) => Some(Fit::Loose),
    }
}

/// Whether a number as somebody wrote it means `party`.
pub fn is_party(number: &str, party: Party<'_>) -> bool {
    fit(number, party).is_some()
}

pub(super) fn fit(number: &str, party: Party<'_>) -> Option<Fit> {
    let same_host = |host: &str| match (host.parse::<IpAddr>(), party.host.parse::<IpAddr>()) {
        (Ok(ours), Ok(theirs)) => ours == theirs,
        _ => host.eq_ignore_ascii_case(party.host),
    };
    let ports = |ours: Option<u16>| ports(ours, party.port);
    match dial::parse(number).ok()? {
        DialTarget::Ip { address, port } => same_host(&address.to_string()).then(|| ports(port)).flatten(),
        DialTarget::Uri(uri) => {
            let same = same_host(&uri.host) && (uri.user.is_none() || uri.user.as_deref() == party.user);
            same.then(|| ports(uri.port)).flatten()
        }
        DialTarget::Number(number) => (party.user == Some(number.as_str())).then_some(Fit::Loose),
    }
}

impl PhonebookEntry {
    /// Reads one `[[contact]]`. What cannot be read is said in `problems` and kept in `rest`.
    ///
    /// # Errors
    /// The table itself, when it has no name and so is no contact.
    pub(super) fn read(mut table: Table, problems: &mut Vec<Problem>) -> Result<Self, Table> {
        let name = match table.get("name") {
            Some(Value::String(name)) if !name.trim().is_empty() => name.trim().to_owned(),
            _ => {
                problems.push(Problem::Nameless);
                return Err(table);
            }
        };
        table.remove("name");
        let mut reader = Reader { name: echo(&name), door: false, table, problems };
        let mut entry = Self {
            name,
            numbers: reader.take("numbers", "a list of numbers, each in quotes", numbers).unwrap_or_default(),
            account: reader
                .take("account", "auto, 1 or 2", |value| AccountChoice::from_word(&word(value)?))
                .unwrap_or_default(),
            may_call: reader.switch("may_call"),
            blocked: reader.switch("blocked"),
            favourite: reader.switch("favourite"),
            emergency: reader.switch("emergency"),
            ringtone: reader
                .take("ringtone", &Ringtone::WORDS.join(", "), |value| Ringtone::from_word(value.as_str()?)),
            door: None,
            rest: Table::new(),
        };
        let door = reader.take("door", "a table [contact.door]", |value| value.as_table().cloned());
        entry.door = door.map(|table| {
            let mut reader = Reader { name: reader.name.clone(), door: true, table, problems: reader.problems };
            Door {
                unlock: reader
                    .take("unlock", &DoorUnlock::WORDS.join(", "), |value| DoorUnlock::from_word(value.as_str()?)),
                code: reader.take("code", "1–16 of 0–9, *, #, A–D, in quotes", |value| {
                    Kind::Keys { max: 16 }.parse(value.as_str()?).ok().map(|keys| keys.to_string())
                }),
                url: reader.take("url", "a web address that begins with http:// or https://", |value| {
                    value.as_str().filter(|url| WebAddress::parse(url).is_some()).map(str::to_owned)
                }),
                monitor: reader.take("monitor", "text in quotes", |value| value.as_str().map(str::to_owned)),
                rest: reader.table,
            }
        });
        entry.rest = reader.table;
        entry.settle(problems);
        // Kept as they are: whoever reads the notice may look for them in the file.
        for number in &entry.numbers {
            if let Err(error) = dial::parse(number) {
                problems.push(Problem::Contact {
                    name: echo(&entry.name),
                    door: false,
                    key: "numbers".to_owned(),
                    given: echo(number),
                    wanted: format!("something that can be dialled: {error}"),
                });
            }
        }
        Ok(entry)
    }

    /// What contradicts something else in it gives way, is said in `problems` and kept in `rest`.
    fn settle(&mut self, problems: &mut Vec<Problem>) {
        while let Some(ContactError { field, .. }) = self.contradiction() {
            let (table, given, wanted) = match (field, &mut self.door) {
                (Field::Unlock, Some(door)) => {
                    let given: Value = door.unlock.take().map(DoorUnlock::word).unwrap_or_default().into();
                    (&mut door.rest, given, "possible without url, the web address that opens the door")
                }
                (Field::MayCall, _) => {
                    self.may_call = false;
                    (&mut self.rest, true.into(), "possible beside blocked = true")
                }
                _ => {
                    self.emergency = false;
                    (&mut self.rest, true.into(), "possible beside blocked = true")
                }
            };
            problems.push(Problem::Contact {
                name: echo(&self.name),
                door: field.is_of_door(),
                key: field.word().to_owned(),
                given: given.to_string(),
                wanted: wanted.to_owned(),
            });
            table.insert(field.word().to_owned(), given);
        }
    }

    /// The entry as it stands in the file.
    pub(super) fn write(&self) -> Table {
        let mut table = self.rest.clone();
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                table.insert(key.to_owned(), value);
            }
        };
        put("name", Some(self.name.clone().into()));
        put("numbers", (!self.numbers.is_empty()).then(|| self.numbers.clone().into()));
        put("account", (self.account != AccountChoice::Auto).then(|| self.account.word().into()));
        put("may_call", self.may_call.then_some(true.into()));
        put("blocked", self.blocked.then_some(true.into()));
        put("favourite", self.favourite.then_some(true.into()));
        put("emergency", self.emergency.then_some(true.into()));
        put("ringtone", self.ringtone.map(|ringtone| ringtone.word().into()));
        put("door", self.door.as_ref().map(|door| Value::Table(door.write())));
        table
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |url: &Option<String>| url.as_deref().map(without_password);
        f.debug_struct("Door")
            .field("unlock", &self.unlock)
            .field("code", &self.code)
            .field("url", &shown(&self.url))
            .field("monitor", &shown(&self.monitor))
            .field("rest", &self.rest.keys().collect::<Vec<_>>())
            .finish()
    }
}

impl Door {
    /// The web address that opens it.
    pub fn web_address(&self) -> Option<WebAddress> {
        self.url.as_deref().and_then(WebAddress::parse)
    }

    fn write(&self) -> Table {
        let mut table = self.rest.clone();
        let words = [
            ("unlock", self.unlock.map(|unlock| unlock.word().to_owned())),
            ("code", self.code.clone()),
            ("url", self.url.clone()),
            ("monitor", self.monitor.clone()),
        ];
        for (key, word) in words {
            if let Some(word) = word {
                table.insert(key.to_owned(), word.into());
            }
        }
        table
    }
}

/// Takes the known keys out of a table; what is left are the unknown ones and those that could not be read.
struct Reader<'a> {
    /// The contact.
    name: String,
    /// Whether this is its door.
    door: bool,
    table: Table,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    fn take<T>(&mut self, key: &str, wanted: &str, read: impl FnOnce(&Value) -> Option<T>) -> Option<T> {
        let value = self.table.get(key)?;
        match read(value) {
            Some(read) => {
                self.table.remove(key);
                Some(read)
            }
            None => {
                let given = value.to_string();
                let is_address = self.door && matches!(key, "url" | "monitor");
                self.problems.push(Problem::Contact {
                    name: self.name.clone(),
                    door: self.door,
                    key: key.to_owned(),
                    given: echo(&if is_address { without_password(&given) } else { given }),
                    wanted: wanted.to_owned(),
                });
                None
            }
        }
    }

    fn switch(&mut self, key: &str) -> bool {
        self.take(key, "true or false", Value::as_bool).unwrap_or(false)
    }
}

/// A word, or a number that somebody wrote without quotes.
pub(super) fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(word) => Some(word.clone()),
        Value::Integer(number) => Some(number.to_string()),
        _ => None,
    }
}

/// One of them, or a list.
pub(super) fn numbers(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(items) => items.iter().map(word).collect(),
        one => word(one).map(|one| vec![one]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Book;
    use super::*;

    fn words(problems: &[Problem]) -> Vec<String> {
        problems.iter().map(ToString::to_string).collect()
    }

    fn read(text: &str) -> (PhonebookEntry, Vec<String>) {
        let mut problems = Vec::new();
        let table = text.parse().expect("test TOML");
        (PhonebookEntry::read(table, &mut problems).expect("has a name"), words(&problems))
    }

    #[test]
    fn reads_and_writes_a_door() {
        let text = "name = \"Front door\"\nnumbers = [\"192.168.1.20\", \"sip:door@10.0.0.2:5062\"]\naccount = 2\nemergency = true\n\
                    ringtone = \"bell\"\n[door]\nunlock = \"info\"\ncode = \"12#\"\nmonitor = \"rtsp://x\"\n";
        let (entry, problems) = read(text);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(entry.account, AccountChoice::Account2);
        assert!(entry.emergency && !entry.blocked);
        assert_eq!(entry.ringtone, Some(Ringtone::Bell));
        let door = entry.door.clone().expect("a door");
        assert_eq!((door.unlock, door.code.as_deref()), (Some(DoorUnlock::Info), Some("12#")));
        let mut problems = Vec::new();
        assert_eq!(PhonebookEntry::read(entry.write(), &mut problems), Ok(entry));
    }

    #[test]
    fn what_cannot_be_read_is_named_and_kept() {
        let (entry, problems) = read(
            "name = \"Anna\"\nnumbers = [\"12\"]\nblocked = \"maybe\"\ncolour = \"red\"\n[door]\ncode = \"1x\"\nknob = 3\n",
        );
        assert_eq!(
            problems,
            [
                "contact 'Anna': blocked = \"maybe\" is not true or false",
                "contact 'Anna' door: code = \"1x\" is not 1–16 of 0–9, *, #, A–D, in quotes"
            ]
        );
        let written = entry.write();
        assert_eq!(written["blocked"].as_str(), Some("maybe"));
        assert_eq!(written["colour"].as_str(), Some("red"));
        assert_eq!(written["door"]["code"].as_str(), Some("1x"));
        assert_eq!(written["door"]["knob"].as_integer(), Some(3));
        let mut problems = Vec::new();
        assert!(PhonebookEntry::read("numbers = [\"1\"]".parse().expect("test TOML"), &mut problems).is_err());
        assert_eq!(words(&problems), ["contact: name is missing"]);
    }

    #[test]
    fn what_contradicts_something_else_gives_way_and_is_named() {
        let (entry, problems) =
            read("name = \"Gate\"\nblocked = true\nmay_call = true\nemergency = true\n[door]\nunlock = \"http\"\n");
        assert_eq!(
            problems,
            [
                "contact 'Gate': may_call = true is not possible beside blocked = true",
                "contact 'Gate': emergency = true is not possible beside blocked = true",
                "contact 'Gate' door: unlock = \"http\" is not possible without url, the web address that opens the door"
            ]
        );
        assert!(entry.blocked && !entry.may_call && !entry.emergency);
        assert_eq!(entry.door.as_ref().and_then(|door| door.unlock), None);
        let written = entry.write();
        assert_eq!((written["may_call"].as_bool(), written["door"]["unlock"].as_str()), (Some(true), Some("http")));
        let (entry, problems) = read("name = \"Gate\"\n[door]\nunlock = \"http\"\nurl = \"http://10.0.0.2/open\"\n");
        assert_eq!((entry.door.and_then(|door| door.unlock), problems.len()), (Some(DoorUnlock::Http), 0));
    }

    #[test]
    fn a_number_that_cannot_be_dialled_is_named_and_kept() {
        let (entry, problems) = read("name = \"Door\"\nnumbers = [\"300.1.1.1\", \"192.168.1.20\"]\n");
        assert_eq!(
            problems,
            [
                "contact 'Door': numbers = 300.1.1.1 is not something that can be dialled: not a valid address: 300 is over 255"
            ]
        );
        assert_eq!(entry.numbers, ["300.1.1.1", "192.168.1.20"]);
    }

    #[test]
    fn the_best_fit_names_the_party() {
        let contact = |name: &str, number: &str| PhonebookEntry {
            name: name.to_owned(),
            numbers: vec![number.to_owned()],
            ..PhonebookEntry::default()
        };
        let book: Book = vec![
            contact("Host", "127.0.0.1"),
            contact("Port", "127✳0✳0✳1✳5070"),
            contact("Uri", "sip:door@10.0.0.2"),
            contact("Number", "101"),
            contact("Six", "::1"),
        ]
        .into();
        let name = |user: Option<&str>, host: &str, port| {
            book.find(Party { user, host, port }).map(|contact| contact.name.as_str())
        };
        assert_eq!(name(None, "127.0.0.1", None), Some("Host"));
        assert_eq!(name(Some("x"), "127.0.0.1", Some(5070)), Some("Port"));
        assert_eq!(name(None, "127.0.0.1", Some(5071)), Some("Host"));
        assert_eq!(name(Some("door"), "10.0.0.2", Some(5060)), Some("Uri"));
        assert_eq!(name(Some("other"), "10.0.0.2", None), None);
        assert_eq!(name(Some("101"), "pbx.test", None), Some("Number"));
        assert_eq!(name(None, "0:0:0:0:0:0:0:1", None), Some("Six"));
        assert_eq!(name(Some("102"), "pbx.test", None), None);
    }
}
