//! What a setting is: its declaration, the kinds of values, and the check that every value goes through.

use std::fmt;

use super::time::{TimeOfDay, moment, moment_text};
use super::{Account, Config};

/// One setting, declared once in [`super::SETTINGS`].
pub struct Setting {
    /// The key in the file and for `ctl`: `phone.direct_ip.port`.
    pub key: &'static str,
    /// What the screen calls it.
    pub label: &'static str,
    /// Where the user's document has it: `Phone > Call Feature > Direct IP`.
    pub path: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// The value without a file, as text.
    pub default: &'static str,
    /// `s`, `min`, `%`, or nothing.
    pub unit: &'static str,
    /// A sentence or two for the person who sets it.
    pub help: &'static str,
    /// Which part of the panel a change redoes.
    pub part: Part,
    pub(super) read: fn(&Config) -> Value,
    pub(super) write: fn(&mut Config, &Value),
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Setting").field(&self.key).finish()
    }
}

impl Setting {
    /// Checks `text` and makes a value of it.
    ///
    /// # Errors
    /// [`SettingError`] that names the key, the value and the limit.
    pub fn parse(&self, text: &str) -> Result<Value, SettingError> {
        self.kind.parse(text).map_err(|problem| self.error(problem))
    }

    /// Whether it is never shown nor logged.
    pub fn is_secret(&self) -> bool {
        matches!(self.kind, Kind::Secret { .. })
    }

    /// The value in `config`.
    pub fn value(&self, config: &Config) -> Value {
        (self.read)(config)
    }

    /// A mistake in a value of this setting.
    pub fn error(&self, problem: String) -> SettingError {
        SettingError { key: self.key.to_owned(), problem }
    }
}

/// What a change of a setting redoes; everything else looks at the settings when it needs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// Nothing: it is looked at for the next call.
    NextCall,
    /// The sockets for direct calls.
    Listening,
    /// Sound devices, volumes, tones.
    Sound,
    /// The camera and the receiving of pictures.
    Video,
    /// The screen.
    Display,
    /// How the screen is opened: nothing until the next start.
    Start,
    /// An account.
    Account(Account),
    /// The name servers.
    Network,
    /// Relay and door contact.
    Board,
}

/// What values a setting takes.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `on` or `off`.
    Switch,
    /// A whole number.
    Number {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// One word of a list.
    Choice(&'static [&'static str]),
    /// Keys of a telephone: `0`–`9`, `*`, `#`, `A`–`D`.
    Keys {
        /// The most keys.
        max: usize,
    },
    /// What is dialled to tell a server something: `0`–`9`, `*`, `#`, or nothing.
    Code {
        /// The most characters.
        max: usize,
    },
    /// A time of the day, `07:00`.
    TimeOfDay,
    /// A moment, `2026-11-29T07:00:00Z`, or nothing.
    Moment,
    /// What nobody gets to see: text that `check` lets pass, at most `max` characters.
    Secret {
        /// The most characters.
        max: usize,
        /// What is wrong with it, if anything, without a word of it.
        check: fn(&str) -> Result<(), String>,
    },
    /// Any text that `check` lets pass, at least `min` and at most `max` characters.
    Text {
        /// The fewest characters.
        min: usize,
        /// The most characters.
        max: usize,
        /// What is wrong with it, if anything.
        check: fn(&str) -> Result<(), String>,
    },
    /// Several texts, each checked; as text they are separated by commas.
    List {
        /// The most items.
        max: usize,
        /// What is wrong with one of them, if anything.
        check: fn(&str) -> Result<(), String>,
    },
    /// Some or all words of a list, at least one, the preferred first.
    Order(&'static [&'static str]),
    /// Some or all words of a list, at least one, in whatever order.
    Set(&'static [&'static str]),
}

/// How much of a value that is refused is repeated, in characters.
const ECHOED: usize = 40;

impl Kind {
    /// The name of the kind in lists: `switch`, `number` …
    pub fn name(self) -> &'static str {
        match self {
            Self::Switch => "switch",
            Self::Number { .. } => "number",
            Self::Choice(_) => "choice",
            Self::Keys { .. } => "keys",
            Self::Code { .. } => "code",
            Self::TimeOfDay => "time",
            Self::Moment => "moment",
            Self::Secret { .. } => "secret",
            Self::Text { .. } => "text",
            Self::List { .. } => "list",
            Self::Order(_) => "order",
            Self::Set(_) => "set",
        }
    }

    /// What is allowed, for people: `1–65535`, `off, silent, reject`.
    pub fn range(self) -> String {
        match self {
            Self::Switch => "on, off".to_owned(),
            Self::Number { min, max } => format!("{min}–{max}"),
            Self::Choice(words) => words.join(", "),
            Self::Keys { max } => format!("1–{max} of 0–9, *, #, A–D"),
            Self::Code { max } => format!("up to {max} of 0–9, *, #"),
            Self::TimeOfDay => "00:00–23:59".to_owned(),
            Self::Moment => "a moment of UTC such as 2026-11-29T07:00:00Z, or nothing".to_owned(),
            Self::Text { min: 0, max, .. } | Self::Secret { max, .. } => format!("up to {max} characters"),
            Self::Text { min, max, .. } => format!("{min}–{max} characters"),
            Self::List { max, .. } => format!("up to {max}, separated by commas"),
            Self::Order(words) | Self::Set(words) => format!("any of {}, separated by commas", words.join(", ")),
        }
    }

    pub(super) fn parse(self, text: &str) -> Result<Value, String> {
        let text = text.trim();
        match self {
            Self::Switch => match text {
                "on" | "true" | "1" => Ok(Value::Switch(true)),
                "off" | "false" | "0" => Ok(Value::Switch(false)),
                _ => Err(format!("'{}' is neither on nor off", echo(text))),
            },
            Self::Number { min, max } => match text.parse::<i64>() {
                Ok(number) if (min..=max).contains(&number) => Ok(Value::Number(number)),
                // A number that does not even fit is out of range too, and nothing else.
                Ok(_) => Err(format!("{text} is out of range: {min}–{max}")),
                Err(_) if is_integer(text) => Err(format!("{} is out of range: {min}–{max}", echo(text))),
                Err(_) => Err(format!("'{}' is not a whole number: {min}–{max}", echo(text))),
            },
            Self::Choice(words) => words
                .iter()
                .find(|word| **word == text)
                .map(|word| Value::Text((*word).to_owned()))
                .ok_or_else(|| format!("'{}' is not one of {}", echo(text), words.join(", "))),
            Self::Keys { max } => {
                let keys: String = text.chars().map(|c| if c == '✳' { '*' } else { c.to_ascii_uppercase() }).collect();
                if let Some(bad) = keys.chars().find(|c| !matches!(c, '0'..='9' | '*' | '#' | 'A'..='D')) {
                    return Err(format!("'{bad}' is not a key: 0–9, *, #, A–D"));
                }
                length_within(&keys, 1, max)?;
                Ok(Value::Text(keys))
            }
            Self::Code { max } => {
                let code = text.replace('✳', "*");
                let range = self.range();
                if let Some(bad) = code.chars().find(|c| !matches!(c, '0'..='9' | '*' | '#')) {
                    return Err(format!("'{}' has {bad:?} in it: {range}", echo(text)));
                }
                if code.len() > max {
                    return Err(format!("'{}' has {} characters: {range}", echo(text), code.len()));
                }
                Ok(Value::Text(code))
            }
            Self::TimeOfDay => TimeOfDay::parse(text)
                .map(|time| Value::Text(time.to_string()))
                .ok_or_else(|| format!("'{}' is not a time of the day: {}", echo(text), self.range())),
            Self::Moment if text.is_empty() => Ok(Value::Text(String::new())),
            Self::Moment => moment(text)
                .map(|at| Value::Text(moment_text(at)))
                .ok_or_else(|| format!("'{}' is not {}", echo(text), self.range())),
            // Not a word of it is repeated in an error.
            Self::Secret { max, check } => match text.chars().count() {
                length if length > max => Err(format!("it has {length} characters, the limit is {max}")),
                _ if text.chars().any(char::is_control) => Err("a control character must not stand in it".to_owned()),
                _ => check(text).map(|()| Value::Text(text.to_owned())),
            },
            Self::Text { min, max, check } => {
                length_within(text, min, max)?;
                if let Some(bad) = text.chars().find(|c| c.is_control()) {
                    return Err(format!("{bad:?} must not stand in it"));
                }
                check(text)?;
                Ok(Value::Text(text.to_owned()))
            }
            Self::List { max, check } => {
                let items = split_list(text);
                if items.len() > max {
                    return Err(format!("{} items are too many: up to {max}", items.len()));
                }
                for item in &items {
                    check(item).map_err(|problem| format!("'{}': {problem}", echo(item)))?;
                }
                Ok(Value::List(items))
            }
            Self::Order(words) => some_of(text, words).map(Value::List),
            Self::Set(words) => {
                let items = some_of(text, words)?;
                let chosen = words.iter().filter(|word| items.iter().any(|item| item == *word));
                Ok(Value::List(chosen.map(|word| (*word).to_owned()).collect()))
            }
        }
    }
}

/// Words of a list, each at most once, at least one.
fn some_of(text: &str, words: &[&str]) -> Result<Vec<String>, String> {
    let items = split_list(text);
    if items.is_empty() {
        return Err(format!("at least one of {}", words.join(", ")));
    }
    for (position, item) in items.iter().enumerate() {
        if !words.contains(&item.as_str()) {
            return Err(format!("'{}' is not one of {}", echo(item), words.join(", ")));
        }
        if items[..position].contains(item) {
            return Err(format!("'{item}' stands in it twice"));
        }
    }
    Ok(items)
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

fn split_list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

fn length_within(text: &str, min: usize, max: usize) -> Result<(), String> {
    match text.chars().count() {
        length if length < min => Err(format!("nothing was given: {min}–{max} characters")),
        length if length > max => Err(format!("'{}' has {length} characters, the limit is {max}", echo(text))),
        _ => Ok(()),
    }
}

/// The first part of a value, for an error.
pub(super) fn echo(text: &str) -> String {
    match text.char_indices().nth(ECHOED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A checked value on its way between the text and the field.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of [`Kind::Switch`].
    Switch(bool),
    /// Of [`Kind::Number`], in range.
    Number(i64),
    /// Of all other kinds.
    Text(String),
    /// Of [`Kind::List`], [`Kind::Order`] and [`Kind::Set`].
    List(Vec<String>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Switch(true) => f.write_str("on"),
            Self::Switch(false) => f.write_str("off"),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
            Self::List(items) => f.write_str(&items.join(", ")),
        }
    }
}

/// The type of a field of [`Config`].
///
/// `of` sees only values that the setting's [`Kind`] let pass; the kind and the type of a field agree because a test
/// sets every setting to the limits of its kind.
pub(super) trait Field: Sized {
    /// The field for a checked value.
    fn of(value: &Value) -> Option<Self>;
    /// The value of the field.
    fn value(&self) -> Value;
}

impl Field for bool {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Switch(on) => Some(*on),
            _ => None,
        }
    }

    fn value(&self) -> Value {
        Value::Switch(*self)
    }
}

macro_rules! number_fields {
    ($($type:ty)*) => {$(
        impl Field for $type {
            fn of(value: &Value) -> Option<Self> {
                match value {
                    Value::Number(number) => Self::try_from(*number).ok(),
                    _ => None,
                }
            }

            fn value(&self) -> Value {
                Value::Number(i64::from(*self))
            }
        }
    )*};
}

number_fields!(u8 u16 u32);

impl Field for String {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    fn value(&self) -> Value {
        Value::Text(self.clone())
    }
}

impl Field for Vec<String> {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::List(items) => Some(items.clone()),
            _ => None,
        }
    }

    fn value(&self) -> Value {
        Value::List(self.clone())
    }
}

/// Why a value was not accepted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct SettingError {
    /// The setting.
    pub key: String,
    /// What is wrong, with value and limit.
    pub problem: String,
}
