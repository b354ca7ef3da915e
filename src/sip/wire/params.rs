//! Parameters: the `;name=value` tail of URIs, name-addrs and Vias.

use std::borrow::Cow;
use std::fmt;

use super::{Malformed, scan};

/// The most parameters read in one place: each is compared with all before it.
const MAX_PARAMS: usize = 64;

/// Which bytes may stand in a name: what cannot be is what would end it.
const NAME: [bool; 256] = all_but(b" \t\"<>,");
/// Which bytes may stand in a value without quotes. `+sip.instance=<urn:…>` is seen, hence angle brackets pass.
const VALUE: [bool; 256] = all_but(b" \t\",");
/// Those of them that neither end a name nor enclose anything.
const PLAIN_NAME: [bool; 256] = all_but(b" \t\"<>,;=");
/// Those of them that neither end a value nor enclose anything.
const PLAIN_VALUE: [bool; 256] = all_but(b" \t\",;<");

const fn all_but(bytes: &[u8]) -> [bool; 256] {
    let mut table = [true; 256];
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] = false;
        at += 1;
    }
    table
}

/// Parameters in the order of the wire, kept as they are written: `;name=value;name`, without white space between them.
/// Values keep quotes and case, so that what was read is written again; names are compared without regard to case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Params(String);

impl Params {
    /// No parameters.
    pub const fn new() -> Self {
        Params(String::new())
    }

    /// Reads what follows the first `;`. One empty parameter at the very end is let pass: a stray `;` is common.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        ParamsRef::read(text).map(Params::from)
    }

    /// Adds a parameter at the end.
    fn push(&mut self, name: &str, value: Option<&str>) {
        self.0.push(';');
        self.0.push_str(name);
        if let Some(value) = value {
            self.0.push('=');
            self.0.push_str(value);
        }
    }

    /// Whether the parameter is there, with a value or without.
    pub fn contains(&self, name: &str) -> bool {
        self.iter().any(|(own, _)| own.eq_ignore_ascii_case(name))
    }

    /// The value as written, quotes included; none when the parameter is absent or has no value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).and_then(|(_, value)| value)
    }

    /// The value without its quotes and escapes.
    pub fn unquoted(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get(name).map(scan::unquote)
    }

    /// Gives `name` this value (quoted by the caller where the grammar asks for it), in its place or at the end.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        let before = std::mem::take(self);
        let mut is_set = false;
        for (own, old) in before.iter() {
            let is_it = !is_set && own.eq_ignore_ascii_case(name);
            is_set |= is_it;
            self.push(own, if is_it { value } else { old });
        }
        if !is_set {
            self.push(name, value);
        }
    }

    /// Takes every parameter of that name away.
    pub fn remove(&mut self, name: &str) {
        let before = std::mem::take(self);
        before.iter().filter(|(own, _)| !own.eq_ignore_ascii_case(name)).for_each(|(own, value)| self.push(own, value));
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and values in the order of the wire.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.get(1..).into_iter().flat_map(|text| scan::split_outside(text, b';')).map(split)
    }

    /// All of them as they go on the wire, each with its leading `;`.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Parameters where they stand in a text: checked, and not copied yet.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ParamsRef<'a> {
    /// What follows the first `;`.
    text: &'a str,
    /// Whether it is written as [`Params`] keeps it.
    is_plain: bool,
}

impl<'a> ParamsRef<'a> {
    /// Reads what follows the first `;`, as [`Params::parse`] does.
    pub(super) fn read(text: &'a str) -> Result<Self, Malformed> {
        // Where each one begins that was read so far, and where the next one does.
        let (mut starts, mut count, mut at) = ([0_u32; MAX_PARAMS], 0, 0);
        // How long they are as `Params` keeps them.
        let mut kept_len = 0;
        while at <= text.len() {
            let (len, name, value) = first(&text[at..])?;
            if name.is_empty() {
                break;
            }
            // It may be there already if it says the same: said in two ways it could be read in two ways.
            for before in 0..count {
                let end = if before + 1 < count { starts[before + 1] as usize } else { at };
                let (own, said) = trimmed(&text[starts[before] as usize..end - 1]);
                if own.eq_ignore_ascii_case(name) && said != value {
                    return Err(Malformed("a parameter stands twice"));
                }
            }
            *starts.get_mut(count).ok_or(Malformed("too many parameters"))? = at as u32;
            count += 1;
            kept_len += 1 + name.len() + value.map_or(0, |value| 1 + value.len());
            at += len + 1;
        }
        Ok(ParamsRef { text, is_plain: kept_len == 1 + text.len() })
    }
}

impl From<ParamsRef<'_>> for Params {
    fn from(ParamsRef { text, is_plain }: ParamsRef<'_>) -> Self {
        let mut params = Params::new();
        if is_plain {
            params.0.reserve_exact(1 + text.len());
            params.0.push(';');
            params.0.push_str(text);
        } else {
            let pieces = scan::split_outside(text, b';').filter(|piece| !piece.is_empty());
            pieces.map(trimmed).for_each(|(name, value)| params.push(name, value));
        }
        params
    }
}

/// The parameter that `text` begins with: how far it goes, and its name and value without the white space around them. Only
/// a stray semicolon at the very end gives an empty name.
fn first(text: &str) -> Result<(usize, &str, Option<&str>), Malformed> {
    // Most often there is neither white space nor anything enclosed in it.
    let name_len = scan::count(text, |byte| PLAIN_NAME[usize::from(byte)]);
    let (len, value) = match text.as_bytes().get(name_len) {
        Some(b'=') => {
            let value = &text[name_len + 1..];
            let value = &value[..scan::count(value, |byte| PLAIN_VALUE[usize::from(byte)])];
            (name_len + 1 + value.len(), Some(value))
        }
        _ => (name_len, None),
    };
    if name_len > 0 && text.as_bytes().get(len).is_none_or(|behind| *behind == b';') {
        return Ok((len, &text[..name_len], value));
    }
    let len = scan::find_outside(text, b';').unwrap_or(text.len());
    let (name, value) = trimmed(&text[..len]);
    let is_stray = len == text.len() && name.is_empty() && value.is_none();
    if !is_stray && (name.is_empty() || !name.bytes().all(|byte| NAME[usize::from(byte)])) {
        return Err(Malformed("a parameter has no valid name"));
    }
    value.map_or(Ok(()), check_value)?;
    Ok((len, name, value))
}

/// Name and value of one parameter, without the white space around them.
fn trimmed(param: &str) -> (&str, Option<&str>) {
    let (name, value) = split(param);
    (scan::trim(name), value.map(scan::trim))
}

/// Name and value of one parameter.
fn split(param: &str) -> (&str, Option<&str>) {
    match scan::split_once(param, b'=') {
        Some((name, value)) => (name, Some(value)),
        None => (param, None),
    }
}

/// A value is one quoted string or holds no quote and no white space.
fn check_value(value: &str) -> Result<(), Malformed> {
    if value.starts_with('"') {
        return match scan::quoted_len(value)? {
            len if len == value.len() => Ok(()),
            _ => Err(Malformed("text after a quoted parameter value")),
        };
    }
    if !value.bytes().all(|byte| VALUE[usize::from(byte)]) {
        return Err(Malformed("a parameter value must be quoted"));
    }
    // Whatever is added behind it would be taken for a part of it.
    if value.rfind('<').is_some_and(|open| !value[open..].contains('>')) {
        return Err(Malformed("a bracket in a parameter value is not closed"));
    }
    Ok(())
}

/// Writes each parameter with its leading `;`.
impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_quotes_and_flags() {
        let params = Params::parse(r#" tag = a1 ;+sip.instance="<urn:uuid:0;1>"; LR ;q="#).unwrap();
        assert_eq!(params.get("TAG"), Some("a1"));
        assert_eq!(params.unquoted("+sip.instance").as_deref(), Some("<urn:uuid:0;1>"));
        assert!(params.contains("lr"));
        assert_eq!(params.get("lr"), None);
        assert_eq!(params.get("q"), Some(""));
        assert_eq!(params.to_string(), r#";tag=a1;+sip.instance="<urn:uuid:0;1>";LR;q="#);
    }

    #[test]
    fn what_is_enclosed_ends_no_parameter() {
        let params = Params::parse(r#"a=<x;y="z">;b="c;\";d";e"#);
        assert!(params.is_err(), "a quote in a value without quotes");
        let params = Params::parse(r#"a=<x;y>;b="c;\";d";e"#).unwrap();
        let expected = [("a", Some("<x;y>")), ("b", Some(r#""c;\";d""#)), ("e", None)];
        assert_eq!(params.iter().collect::<Vec<_>>(), expected);
        assert!(Params::parse("a=<x;y").is_err(), "it would take in whatever is added behind it");
    }

    #[test]
    fn a_stray_semicolon_at_the_end_passes_and_nowhere_else() {
        assert_eq!(Params::parse("a=1;").unwrap().to_string(), ";a=1");
        assert!(Params::parse("a=1;;").is_err());
        assert!(Params::parse("b=1;a=t<1").is_err() && Params::parse("a=<b>c<1").is_err());
        assert!(Params::parse(";a=1").is_err());
    }

    #[test]
    fn refuses_what_could_be_read_two_ways() {
        for text in ["=x", "a b=1", "a=\"x", "a=\"x\"y", "a=x y", "a=x\"y\"", "a=1;b;A=2", "a;a=1"] {
            assert!(Params::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_said_twice_in_the_same_way_passes_as_it_came() {
        assert_eq!(Params::parse("lr;x=1;LR;x=1").unwrap().to_string(), ";lr;x=1;LR;x=1");
        assert!(Params::parse(&"a;".repeat(MAX_PARAMS)).is_ok());
        assert!(Params::parse(&"a;".repeat(MAX_PARAMS + 1)).is_err());
    }

    #[test]
    fn set_replaces_in_place() {
        let mut params = Params::parse("rport;branch=z9hG4bK1").unwrap();
        params.set("rport", Some("5062"));
        params.set("received", Some("192.0.2.1"));
        assert_eq!(params.to_string(), ";rport=5062;branch=z9hG4bK1;received=192.0.2.1");
        params.remove("BRANCH");
        assert_eq!(params.to_string(), ";rport=5062;received=192.0.2.1");
    }
}
