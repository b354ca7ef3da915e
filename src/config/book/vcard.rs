//! Contacts as vCards, versions 3.0 (RFC 2426) and 4.0 (RFC 6350).
//!
//! Names come from FN, else N, NICKNAME or ORG; numbers from TEL, from IMPP where it is SIP, and from X-SIP. What this program
//! knows besides stands in properties of its own, `X-VESTIBULE-…`, so that an export that is imported again loses nothing.
//! Properties that are not known do not matter.

use std::borrow::Cow;

use super::PhonebookEntry;
use super::field::Field;
use super::reading::{Incoming, LineFault, Read};
use crate::dial::{self, DialTarget};

/// How a vCard begins.
pub(super) const BEGIN: &str = "BEGIN:VCARD";
const END: &str = "END:VCARD";
/// What our own properties begin with.
const OURS: &str = "X-VESTIBULE-";
/// The number of ours that fits neither TEL nor IMPP: an address, as it was typed.
const ADDRESS: &str = "X-VESTIBULE-ADDRESS";
/// The longest line that is written, in bytes (RFC 6350 3.2).
const LONGEST_LINE: usize = 75;
/// A value is not looked at beyond this many bytes: pictures and keys are no concern of ours.
const LONGEST_VALUE: usize = 8192;

/// Understands a text; never fails. Bad lines are told in what is given back.
pub fn read(text: &str) -> Read {
    let mut read = Read::default();
    let mut card: Option<Card> = None;
    for (line, content) in unfolded(text) {
        let bare = content.trim();
        if bare.is_empty() {
            continue;
        }
        if bare.eq_ignore_ascii_case(BEGIN) {
            if let Some(open) = card.replace(Card::new(line)) {
                read.blame(open.line, &open.name(), LineFault::NoEnd);
            }
        } else if bare.eq_ignore_ascii_case(END) {
            if let Some(card) = card.take() {
                card.close(&mut read);
            }
        } else if let Some(card) = &mut card {
            match Property::parse(&content) {
                Some(property) => card.take(line, &property),
                None => card.bad.push((line, LineFault::NoColon)),
            }
        }
    }
    if let Some(open) = card {
        read.blame(open.line, &open.name(), LineFault::NoEnd);
    }
    read
}

/// The lines of a text with those that go on joined (RFC 6350 3.2), each with its number.
fn unfolded(text: &str) -> impl Iterator<Item = (usize, Cow<'_, str>)> {
    let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).enumerate().peekable();
    std::iter::from_fn(move || {
        let (at, first) = lines.next()?;
        let mut content = Cow::Borrowed(first);
        while let Some((_, next)) = lines.next_if(|(_, next)| next.starts_with([' ', '\t'])) {
            if content.len() < LONGEST_VALUE {
                content.to_mut().push_str(&next[1..]);
            }
        }
        Some((at + 1, content))
    })
}

/// One property: `group.NAME;PARAMETER=value:value`.
struct Property<'a> {
    name: String,
    parameters: &'a str,
    value: &'a str,
}

impl<'a> Property<'a> {
    /// None where there is no colon outside of quotation marks.
    fn parse(content: &'a str) -> Option<Self> {
        let mut quoted = false;
        let colon = content.find(|c: char| {
            quoted ^= c == '"';
            c == ':' && !quoted
        })?;
        let (head, value) = (&content[..colon], &content[colon + 1..]);
        let (name, parameters) = head.split_once(';').unwrap_or((head, ""));
        let name = name.rsplit('.').next().unwrap_or(name).trim().to_ascii_uppercase();
        Some(Self { name, parameters, value })
    }

    /// The values of a parameter in small letters; version 2.1 and some programs leave out `TYPE=`.
    fn types(&self) -> impl Iterator<Item = String> {
        let parameters = self.parameters.split(';').filter_map(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("TYPE") => Some(value),
            Some(_) => None,
            None => Some(parameter),
        });
        parameters.flat_map(|value| value.split(',')).map(|value| value.trim_matches(['"', ' ']).to_ascii_lowercase())
    }

    fn is_preferred(&self) -> bool {
        let by_number = |parameter: &str| parameter.trim().to_ascii_uppercase().starts_with("PREF=");
        self.parameters.split(';').any(by_number) || self.types().any(|kind| kind == "pref")
    }
}

/// A vCard that is being read.
struct Card {
    line: usize,
    version: Option<String>,
    full_name: String,
    /// In the place of FN, the best first: from N, NICKNAME, ORG.
    other_names: [String; 3],
    /// Line, number, whether it is preferred.
    numbers: Vec<(usize, String, bool)>,
    /// Our own properties.
    ours: Vec<(usize, Field, String)>,
    bad: Vec<(usize, LineFault)>,
}

impl Card {
    fn new(line: usize) -> Self {
        Self {
            line,
            version: None,
            full_name: String::new(),
            other_names: Default::default(),
            numbers: Vec::new(),
            ours: Vec::new(),
            bad: Vec::new(),
        }
    }

    fn name(&self) -> String {
        let names = std::iter::once(&self.full_name).chain(&self.other_names);
        names.map(|name| name.trim()).find(|name| !name.is_empty()).unwrap_or_default().to_owned()
    }

    fn take(&mut self, line: usize, property: &Property<'_>) {
        let value = property.value;
        match property.name.as_str() {
            "VERSION" => self.version = Some(value.trim().to_owned()),
            "FN" if self.full_name.is_empty() => self.full_name = plain(value),
            "N" if self.other_names[0].is_empty() => {
                let parts: Vec<String> = parts(value).map(plain).collect();
                let part = |at: usize| parts.get(at).map(String::as_str).unwrap_or_default();
                self.other_names[0] = format!("{} {}", part(1), part(0)).trim().to_owned();
            }
            "NICKNAME" if self.other_names[1].is_empty() => self.other_names[1] = plain(value),
            "ORG" if self.other_names[2].is_empty() => {
                self.other_names[2] = parts(value).next().map(plain).unwrap_or_default();
            }
            "TEL" => {
                let is_no_telephone = property.types().any(|kind| matches!(kind.as_str(), "fax" | "pager" | "modem"));
                if !is_no_telephone {
                    self.number(line, telephone(&plain(value)), property.is_preferred());
                }
            }
            "IMPP" => {
                let value = plain(value);
                if has_scheme(&value, "sip:") || has_scheme(&value, "sips:") {
                    self.number(line, value, property.is_preferred());
                }
            }
            ADDRESS => self.number(line, plain(value), false),
            name if name == "X-SIP" || name.starts_with("X-SIP-") => {
                self.number(line, plain(value), property.is_preferred());
            }
            name => {
                let field = name.strip_prefix(OURS).map(|rest| rest.to_ascii_lowercase().replace('-', "_"));
                if let Some(field) = field.and_then(|word| Field::from_word(&word))
                    && !matches!(field, Field::Name | Field::Numbers)
                {
                    self.ours.push((line, field, plain(value)));
                }
            }
        }
    }

    fn number(&mut self, line: usize, number: String, preferred: bool) {
        if !number.is_empty() && !self.numbers.iter().any(|(_, own, _)| *own == number) {
            self.numbers.push((line, number, preferred));
        }
    }

    /// The card is whole: it becomes a contact, or a bad line.
    fn close(mut self, read: &mut Read) {
        let name = self.name();
        let version = self.version.take().unwrap_or_default();
        if !matches!(version.as_str(), "3.0" | "4.0") {
            return read.blame(self.line, &name, LineFault::Version(super::super::setting::echo(&version)));
        }
        for (line, fault) in std::mem::take(&mut self.bad) {
            read.blame(line, &name, fault);
        }
        let mut entry = PhonebookEntry::default();
        if let Err(error) = Field::Name.set(&mut entry, &name) {
            return read.blame(self.line, &name, error);
        }
        // The preferred ones first, else as they stand.
        self.numbers.sort_by_key(|(_, _, preferred)| !preferred);
        let mut given = Vec::new();
        let mut wrong = false;
        let numbers = self.numbers.into_iter().map(|(line, number, _)| (line, Field::Numbers, number));
        for (line, field, text) in numbers.chain(self.ours) {
            match field.set(&mut entry, &text) {
                Ok(()) if given.contains(&field) => {}
                Ok(()) => given.push(field),
                Err(error) => {
                    wrong = true;
                    read.blame(line, &name, error);
                }
            }
        }
        match entry.check() {
            Ok(()) => read.contacts.push(Incoming { line: self.line, entry, given }),
            // What is missing is what was wrong: that was said already.
            Err(_) if wrong => {}
            Err(error) => read.blame(self.line, &name, error),
        }
    }
}

/// The parts of a value that are separated by semicolons.
fn parts(value: &str) -> impl Iterator<Item = &str> {
    let mut escaped = false;
    value.split(move |c: char| {
        let ends = c == ';' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })
}

/// A value without its escapes (RFC 6350 3.4), on one line.
fn plain(value: &str) -> String {
    let mut plain = String::with_capacity(value.len());
    let mut rest = value.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => match rest.next() {
                Some('n' | 'N') => plain.push(' '),
                Some(escaped) => plain.push(escaped),
                None => {}
            },
            c => plain.push(c),
        }
    }
    plain.trim().to_owned()
}

/// A telephone number that may be a URI (RFC 3966), whose parameters do not matter.
fn telephone(value: &str) -> String {
    if has_scheme(value, "tel:") {
        return value["tel:".len()..].split(';').next().unwrap_or_default().trim().to_owned();
    }
    value.to_owned()
}

fn has_scheme(text: &str, scheme: &str) -> bool {
    text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

/// The contacts as vCards of version 4.0, which [`read`] understands without losing anything.
pub fn write(contacts: &[PhonebookEntry]) -> String {
    let mut text = String::new();
    for contact in contacts {
        let mut put = |name: &str, value: &str| folded(&mut text, &format!("{name}:{value}"));
        put("BEGIN", "VCARD");
        put("VERSION", "4.0");
        put("FN", &escaped(&contact.name));
        for number in &contact.numbers {
            let property = match dial::parse(number) {
                Ok(DialTarget::Number(_)) if !has_scheme(number, "tel:") => "TEL",
                Ok(DialTarget::Uri(_)) if has_scheme(number, "sip:") || has_scheme(number, "sips:") => "IMPP",
                _ => ADDRESS,
            };
            put(property, &escaped(number));
        }
        let plain = PhonebookEntry::default();
        for field in Field::ALL.into_iter().filter(|field| !matches!(field, Field::Name | Field::Numbers)) {
            let value = field.text(contact);
            if value != field.text(&plain) {
                put(&format!("{OURS}{}", field.word().to_ascii_uppercase().replace('_', "-")), &escaped(&value));
            }
        }
        put("END", "VCARD");
    }
    text
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace(',', "\\,").replace(';', "\\;").replace('\n', "\\n")
}

/// A line, and those that it goes on in.
fn folded(text: &mut String, content: &str) {
    let mut length = 0;
    for c in content.chars() {
        if length + c.len_utf8() > LONGEST_LINE {
            text.push_str("\r\n ");
            length = 1;
        }
        text.push(c);
        length += c.len_utf8();
    }
    text.push_str("\r\n");
}
