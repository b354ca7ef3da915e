//! The fields of a contact: each read from text and written as text in one place, with its limit.

use std::fmt;

use super::super::choices::{AccountChoice, DoorUnlock, Ringtone};
use super::super::contacts::{Door, PhonebookEntry};
use super::super::setting::{Kind, echo};
use super::super::web_address::{HIDDEN, WebAddress, is_hidden, with_password_of, without_password};
use crate::dial::{self, DialError};

/// The longest name, in characters.
pub const LONGEST_NAME: usize = 64;
/// The most numbers of one contact.
pub const MOST_NUMBERS: usize = 10;
/// The longest web address, in characters.
pub const LONGEST_URL: usize = 1024;
/// The most keys of a code.
const MOST_KEYS: usize = 16;

/// A field of a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// `name`.
    Name,
    /// `numbers`.
    Numbers,
    /// `account`.
    Account,
    /// `may_call`.
    MayCall,
    /// `blocked`.
    Blocked,
    /// `favourite`.
    Favourite,
    /// `emergency`.
    Emergency,
    /// `ringtone`; empty for the one of the settings.
    Ringtone,
    /// Whether it is a door.
    Door,
    /// `unlock` of the door; empty for the method of the settings.
    Unlock,
    /// `code` of the door; empty for the code of the settings.
    Code,
    /// `url` of the door.
    Url,
    /// `monitor` of the door.
    Monitor,
}

impl Field {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 13] = [
        Self::Name,
        Self::Numbers,
        Self::Account,
        Self::MayCall,
        Self::Blocked,
        Self::Favourite,
        Self::Emergency,
        Self::Ringtone,
        Self::Door,
        Self::Unlock,
        Self::Code,
        Self::Url,
        Self::Monitor,
    ];

    /// The key in the file and for `ctl`; those behind `door` stand in `[contact.door]`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Numbers => "numbers",
            Self::Account => "account",
            Self::MayCall => "may_call",
            Self::Blocked => "blocked",
            Self::Favourite => "favourite",
            Self::Emergency => "emergency",
            Self::Ringtone => "ringtone",
            Self::Door => "door",
            Self::Unlock => "unlock",
            Self::Code => "code",
            Self::Url => "url",
            Self::Monitor => "monitor",
        }
    }

    /// The field of this key.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.word() == word)
    }

    /// Whether it is on or off.
    pub fn is_switch(self) -> bool {
        matches!(self, Self::MayCall | Self::Blocked | Self::Favourite | Self::Emergency | Self::Door)
    }

    /// Whether it belongs to the door of a contact.
    pub fn is_of_door(self) -> bool {
        matches!(self, Self::Unlock | Self::Code | Self::Url | Self::Monitor)
    }

    /// As text what `entry` has here; empty for nothing. Of several numbers the first.
    pub fn text(self, entry: &PhonebookEntry) -> String {
        let switch = |on: bool| if on { "yes" } else { "no" }.to_owned();
        let door = entry.door.as_ref();
        match self {
            Self::Name => entry.name.clone(),
            Self::Numbers => entry.numbers.first().cloned().unwrap_or_default(),
            Self::Account => entry.account.word().to_owned(),
            Self::MayCall => switch(entry.may_call),
            Self::Blocked => switch(entry.blocked),
            Self::Favourite => switch(entry.favourite),
            Self::Emergency => switch(entry.emergency),
            Self::Ringtone => entry.ringtone.map(|tone| tone.word().to_owned()).unwrap_or_default(),
            Self::Door => switch(door.is_some()),
            Self::Unlock => {
                door.and_then(|door| door.unlock).map(|unlock| unlock.word().to_owned()).unwrap_or_default()
            }
            Self::Code => door.and_then(|door| door.code.clone()).unwrap_or_default(),
            Self::Url => door.and_then(|door| door.url.clone()).unwrap_or_default(),
            Self::Monitor => door.and_then(|door| door.monitor.clone()).unwrap_or_default(),
        }
    }

    /// The same for people to see: without passwords.
    pub fn shown(self, entry: &PhonebookEntry) -> String {
        let text = self.text(entry);
        if matches!(self, Self::Url | Self::Monitor) { without_password(&text) } else { text }
    }

    /// Puts `text` into `entry`, if it can stand there; a number is put behind those that it has, if it is not among them. What
    /// belongs to a door makes a door of it. A password that was not shown stays as it is.
    ///
    /// # Errors
    /// With field, value and limit; the entry is as it was.
    pub fn set(self, entry: &mut PhonebookEntry, text: &str) -> Result<(), ContactError> {
        let text = text.trim();
        let wrong = |fault| ContactError { field: self, fault };
        let switch = || match text.to_lowercase().as_str() {
            "on" | "yes" | "true" | "1" | "x" => Ok(true),
            "off" | "no" | "false" | "0" | "" => Ok(false),
            _ => Err(wrong(ContactFault::NotAChoice { given: echo(text), words: "yes, no".to_owned() })),
        };
        let not_a_choice =
            |words: &[&str]| Err(wrong(ContactFault::NotAChoice { given: echo(text), words: words.join(", ") }));
        match self {
            Self::Name => {
                check_name(text).map_err(wrong)?;
                entry.name = text.to_owned();
            }
            Self::Numbers => {
                check_number(text).map_err(wrong)?;
                if entry.numbers.iter().any(|own| own == text) {
                    return Ok(());
                }
                if entry.numbers.len() >= MOST_NUMBERS {
                    return Err(wrong(ContactFault::TooMany { count: entry.numbers.len() + 1 }));
                }
                entry.numbers.push(text.to_owned());
            }
            Self::Account => match text {
                "" => entry.account = AccountChoice::Auto,
                word => match AccountChoice::from_word(word) {
                    Some(account) => entry.account = account,
                    None => return not_a_choice(AccountChoice::WORDS),
                },
            },
            Self::MayCall => entry.may_call = switch()?,
            Self::Blocked => entry.blocked = switch()?,
            Self::Favourite => entry.favourite = switch()?,
            Self::Emergency => entry.emergency = switch()?,
            Self::Ringtone => match text {
                "" => entry.ringtone = None,
                word => match Ringtone::from_word(word) {
                    Some(tone) => entry.ringtone = Some(tone),
                    None => return not_a_choice(Ringtone::WORDS),
                },
            },
            Self::Door => entry.door = if switch()? { Some(entry.door.take().unwrap_or_default()) } else { None },
            Self::Unlock => {
                let unlock = match text {
                    "" => None,
                    word => match DoorUnlock::from_word(word) {
                        Some(unlock) => Some(unlock),
                        None => return not_a_choice(DoorUnlock::WORDS),
                    },
                };
                if unlock.is_some() || entry.door.is_some() {
                    entry.door.get_or_insert_default().unlock = unlock;
                }
            }
            Self::Code => {
                let code = match text {
                    "" => None,
                    keys => Some(check_code(keys).map_err(wrong)?),
                };
                if code.is_some() || entry.door.is_some() {
                    entry.door.get_or_insert_default().code = code;
                }
            }
            Self::Url | Self::Monitor => {
                let before = self.text(entry);
                let url = match text {
                    "" => None,
                    url => {
                        let whole = with_password_of(url, &before);
                        Some(check_url(self, whole.as_deref().unwrap_or(url)).map_err(wrong)?)
                    }
                };
                if url.is_some() || entry.door.is_some() {
                    let door = entry.door.get_or_insert_default();
                    *(if self == Self::Url { &mut door.url } else { &mut door.monitor }) = url;
                }
            }
        }
        // What the file had here and could not be read gives way.
        match &mut entry.door {
            Some(door) if self.is_of_door() => drop(door.rest.remove(self.word())),
            _ => drop(entry.rest.remove(self.word())),
        }
        Ok(())
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_of_door() {
            f.write_str("door.")?;
        }
        f.write_str(self.word())
    }
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {fault}")]
pub struct ContactError {
    /// Which.
    pub field: Field,
    /// What.
    pub fault: ContactFault,
}

/// What is wrong with a value; what was given is shortened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContactFault {
    /// There is nothing, and there has to be something.
    #[error("nothing was given: {limit}")]
    Missing {
        /// What could be given.
        limit: String,
    },
    /// Too many characters.
    #[error("'{given}' has {length} characters, the limit is {limit}")]
    TooLong {
        /// How it begins.
        given: String,
        /// How many it has.
        length: usize,
        /// How many it may have.
        limit: usize,
    },
    /// A character that must not stand in it.
    #[error("{0:?} must not stand in it")]
    Character(char),
    /// More numbers than one contact has.
    #[error("{count} numbers are too many, the limit is {MOST_NUMBERS}")]
    TooMany {
        /// How many.
        count: usize,
    },
    /// No number, no address and no URI.
    #[error("'{given}' cannot be dialled: {why}")]
    NotDialable {
        /// What was given.
        given: String,
        /// Why not.
        why: DialError,
    },
    /// None of a few words.
    #[error("'{given}' is not one of {words}")]
    NotAChoice {
        /// What was given.
        given: String,
        /// Those that can stand there.
        words: String,
    },
    /// A code with something else in it than keys.
    #[error("'{given}' is not 1–16 of 0–9, *, #, A–D")]
    NotKeys {
        /// What was given.
        given: String,
    },
    /// Not the address of a web page, or of a camera.
    #[error("'{given}' does not begin with {schemes} and the name of a host")]
    NotAUrl {
        /// What was given.
        given: String,
        /// What it could begin with.
        schemes: &'static str,
    },
    /// A door is opened by a web address that it does not have.
    #[error("'http' needs the web address that opens the door, door.url")]
    NeedsUrl,
    /// Two switches that contradict each other.
    #[error("'yes' cannot be together with {0} 'yes'")]
    Contradicts(Field),
    /// Another contact bears this name.
    #[error("there is a contact '{0}' already")]
    Taken(String),
}

fn too_long(text: &str, limit: usize) -> Option<ContactFault> {
    // A byte length within the limit needs no counting.
    if text.len() <= limit {
        return None;
    }
    let length = text.chars().count();
    (length > limit).then(|| ContactFault::TooLong { given: echo(text), length, limit })
}

fn check_text(text: &str, limit: usize) -> Result<(), ContactFault> {
    match text.chars().find(|c| c.is_control() || *c == char::REPLACEMENT_CHARACTER) {
        Some(bad) => Err(ContactFault::Character(bad)),
        None => too_long(text, limit).map_or(Ok(()), Err),
    }
}

fn check_name(name: &str) -> Result<(), ContactFault> {
    if name.trim().is_empty() {
        return Err(ContactFault::Missing { limit: format!("1–{LONGEST_NAME} characters") });
    }
    check_text(name, LONGEST_NAME)
}

fn check_number(number: &str) -> Result<(), ContactFault> {
    if let Some(fault) = too_long(number, dial::LONGEST) {
        return Err(fault);
    }
    dial::parse(number).map(drop).map_err(|why| ContactFault::NotDialable { given: echo(number), why })
}

fn check_code(code: &str) -> Result<String, ContactFault> {
    let keys = Kind::Keys { max: MOST_KEYS }.parse(code);
    keys.map(|keys| keys.to_string()).map_err(|_| ContactFault::NotKeys { given: echo(code) })
}

fn check_url(field: Field, url: &str) -> Result<String, ContactFault> {
    check_text(url, LONGEST_URL).map_err(|fault| match fault {
        ContactFault::TooLong { length, limit, .. } => {
            ContactFault::TooLong { given: echo(&without_password(url)), length, limit }
        }
        fault => fault,
    })?;
    let is_good = if field == Field::Monitor { is_of_camera(url) } else { WebAddress::parse(url).is_some() };
    if is_good {
        return Ok(url.to_owned());
    }
    let schemes = if field == Field::Monitor { "rtsp:// or http://" } else { "http:// or https://" };
    Err(ContactFault::NotAUrl { given: echo(&without_password(url)), schemes })
}

/// Whether a camera can be seen by this address.
fn is_of_camera(url: &str) -> bool {
    let host = |scheme: &&str| {
        let given = url.get(..scheme.len()).filter(|given| given.eq_ignore_ascii_case(scheme));
        given.map(|_| url[scheme.len()..].split(['/', '?', '#']).next().unwrap_or_default())
    };
    let host = ["rtsp://", "rtsps://", "http://", "https://"].iter().find_map(host);
    host.is_some_and(|host| !host.is_empty()) && !url.contains(char::is_whitespace)
}

impl PhonebookEntry {
    /// Whether it can stand in the address book: every field for itself, and all of them together.
    ///
    /// # Errors
    /// The first field that cannot, with value and limit.
    pub fn check(&self) -> Result<(), ContactError> {
        let of = |field: Field| move |fault| ContactError { field, fault };
        check_name(&self.name).map_err(of(Field::Name))?;
        if self.numbers.len() > MOST_NUMBERS {
            return Err(of(Field::Numbers)(ContactFault::TooMany { count: self.numbers.len() }));
        }
        self.numbers.iter().try_for_each(|number| check_number(number)).map_err(of(Field::Numbers))?;
        // What is opened or seen by a web address alone need not be called.
        let reached = self.door.as_ref().is_some_and(|door| door.url.is_some() || door.monitor.is_some());
        if self.numbers.is_empty() && !reached {
            let limit = format!("1–{MOST_NUMBERS} numbers");
            return Err(of(Field::Numbers)(ContactFault::Missing { limit }));
        }
        if let Some(door) = &self.door {
            if let Some(code) = &door.code {
                check_code(code).map_err(of(Field::Code))?;
            }
            for (field, url) in [(Field::Url, &door.url), (Field::Monitor, &door.monitor)] {
                if let Some(url) = url {
                    check_url(field, url).map_err(of(field))?;
                    if is_hidden(url) {
                        let sign = HIDDEN.chars().next().unwrap_or_default();
                        return Err(of(field)(ContactFault::Character(sign)));
                    }
                }
            }
        }
        self.contradiction().map_or(Ok(()), Err)
    }

    /// With the passwords of `was` where it came back as it is shown.
    pub(super) fn with_passwords_of(mut self, was: &Self) -> Self {
        if let (Some(door), Some(was)) = (&mut self.door, &was.door) {
            for (url, was) in [(&mut door.url, &was.url), (&mut door.monitor, &was.monitor)] {
                if let (Some(url), Some(was)) = (url, was)
                    && let Some(whole) = with_password_of(url, was)
                {
                    *url = whole;
                }
            }
        }
        self
    }

    /// The first field that does not go together with another.
    pub(in crate::config) fn contradiction(&self) -> Option<ContactError> {
        let against = |field, other| Some(ContactError { field, fault: ContactFault::Contradicts(other) });
        if self.blocked && self.may_call {
            return against(Field::MayCall, Field::Blocked);
        }
        if self.blocked && self.emergency {
            return against(Field::Emergency, Field::Blocked);
        }
        let lacks = |door: &Door| door.unlock == Some(DoorUnlock::Http) && door.url.is_none();
        self.door.as_ref().filter(|door| lacks(door))?;
        Some(ContactError { field: Field::Unlock, fault: ContactFault::NeedsUrl })
    }

    /// Roughly how many bytes it takes in the settings file.
    pub(super) fn bytes(&self) -> usize {
        /// The keys and switches.
        const REST: usize = 220;
        let door = self.door.as_ref();
        let texts = door.map(|door| [&door.code, &door.url, &door.monitor]).into_iter().flatten().flatten();
        let texts: usize = self.numbers.iter().chain(texts).map(|text| text.len() + 4).sum();
        REST + self.name.len() + texts
    }
}
