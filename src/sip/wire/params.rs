//! Parameters: the `;name=value` tail of URIs, name-addrs and Vias.

use std::borrow::Cow;
use std::fmt;

use super::{Malformed, scan};

/// The most parameters read in one place: each is compared with all before it.
const MAX_PARAMS: usize = 64;

/// Parameters in the order of the wire. Values are kept as written, quotes and case included, so that what was read is
/// written again; names are compared without regard to case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Params(Vec<(String, Option<String>)>);

impl Params {
    /// No parameters.
    pub const fn new() -> Self {
        Params(Vec::new())
    }

    /// Reads what follows the first `;`. One empty parameter at the very end is let pass: a stray `;` is common.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let mut params = Params::new();
        let mut pieces = scan::split_outside(text, b';').peekable();
        while let Some(piece) = pieces.next() {
            if piece.is_empty() && pieces.peek().is_none() {
                break;
            }
            let (name, value) = match piece.split_once('=') {
                Some((name, value)) => (scan::trim(name), Some(scan::trim(value))),
                None => (piece, None),
            };
            if name.is_empty() || name.bytes().any(|b| matches!(b, b' ' | b'\t' | b'"' | b'<' | b'>' | b',')) {
                return Err(Malformed("a parameter has no valid name"));
            }
            if let Some(value) = value {
                check_value(value)?;
            }
            params.add(name, value)?;
        }
        Ok(params)
    }

    /// Adds a parameter at the end. It may be there already, if it says the same (RFC 3261 7.3.1 has it once): said in two
    /// ways it could be read in two ways.
    fn add(&mut self, name: &str, value: Option<&str>) -> Result<(), Malformed> {
        if self.0.len() >= MAX_PARAMS {
            return Err(Malformed("too many parameters"));
        }
        match self.0.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)) {
            Some((_, own)) if own.as_deref() != value => Err(Malformed("a parameter stands twice")),
            _ => {
                self.0.push((name.to_owned(), value.map(str::to_owned)));
                Ok(())
            }
        }
    }

    /// Whether the parameter is there, with a value or without.
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|(own, _)| own.eq_ignore_ascii_case(name))
    }

    /// The value as written, quotes included; none when the parameter is absent or has no value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).and_then(|(_, value)| value.as_deref())
    }

    /// The value without its quotes and escapes.
    pub fn unquoted(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get(name).map(scan::unquote)
    }

    /// Gives `name` this value (quoted by the caller where the grammar asks for it), in its place or at the end.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        let value = value.map(str::to_owned);
        match self.0.iter_mut().find(|(own, _)| own.eq_ignore_ascii_case(name)) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Takes every parameter of that name away.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(own, _)| !own.eq_ignore_ascii_case(name));
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and values in the order of the wire.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_deref()))
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
    // `+sip.instance=<urn:…>` without quotes is seen, hence angle brackets pass.
    if value.bytes().any(|b| matches!(b, b' ' | b'\t' | b'"' | b',')) {
        return Err(Malformed("a parameter value must be quoted"));
    }
    Ok(())
}

/// Writes each parameter with its leading `;`.
impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|(name, value)| {
            f.write_str(";")?;
            f.write_str(name)?;
            match value {
                Some(value) => {
                    f.write_str("=")?;
                    f.write_str(value)
                }
                None => Ok(()),
            }
        })
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
    fn a_stray_semicolon_at_the_end_passes_and_nowhere_else() {
        assert_eq!(Params::parse("a=1;").unwrap().to_string(), ";a=1");
        assert!(Params::parse("a=1;;").is_err());
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
