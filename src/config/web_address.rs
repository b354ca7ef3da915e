//! The address of a web page that opens a door: `http://name:password@host:port/path?query` (RFC 3986, RFC 9110 4.2).

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use super::Secret;

/// What stands in the place of a password wherever an address is shown.
pub const HIDDEN: &str = "•••";

/// A web address that was understood. `Debug` shows neither password nor path.
#[derive(Clone, PartialEq)]
pub struct WebAddress {
    /// Whether it is encrypted.
    pub https: bool,
    /// An IP address, or a name in small letters.
    pub host: String,
    /// As given, else 80 or 443.
    pub port: u16,
    /// Path and query as they are asked for: ASCII, never empty, beginning with a slash.
    pub target: String,
    /// Name and password, where it has some.
    pub login: Option<Login>,
}

/// Whom a web address names before its host.
#[derive(Clone, Debug, PartialEq)]
pub struct Login {
    /// The name.
    pub name: String,
    /// The password.
    pub password: Secret,
}

impl WebAddress {
    /// Reads an address; a fragment is left out, and what has to be escaped in the path is. `None` where it is none: another
    /// scheme, no host, a port beyond 65535, spaces or control characters.
    pub fn parse(text: &str) -> Option<Self> {
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return None;
        }
        let (https, rest) = match (behind(text, "http://"), behind(text, "https://")) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) => return None,
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (login, place) = match authority.rsplit_once('@') {
            Some((login, place)) => (Some(Login::parse(login)?), place),
            None => (None, authority),
        };
        let (host, port) = place_of(place)?;
        let target = if target.starts_with('/') { escaped(target) } else { format!("/{}", escaped(target)) };
        Some(Self { https, host, port: port.unwrap_or(if https { 443 } else { 80 }), target, login })
    }

    /// Host and port as a request names them (RFC 9110 7.2): the port where it is not the usual one.
    pub fn authority(&self) -> String {
        let host = match self.host.parse::<Ipv6Addr>() {
            Ok(_) => format!("[{}]", self.host),
            Err(_) => self.host.clone(),
        };
        let usual = if self.https { 443 } else { 80 };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }

    /// Where this address sends to by `location` (RFC 9110 10.2.2), with the name and password that it has; `None` where that
    /// is not on the same host, or would be less safe.
    pub fn moved(&self, location: &str) -> Option<Self> {
        let scheme = if self.https { "https:" } else { "http:" };
        let own = format!("{scheme}//{}", self.authority());
        let is_whole = behind(location, "http://").or_else(|| behind(location, "https://")).is_some();
        let to = if is_whole {
            Self::parse(location)?
        } else if location.starts_with("//") {
            Self::parse(&format!("{scheme}{location}"))?
        } else if location.starts_with('/') {
            Self::parse(&format!("{own}{location}"))?
        } else if location.starts_with('?') {
            let path = self.target.split('?').next().unwrap_or_default();
            Self::parse(&format!("{own}{path}{location}"))?
        } else {
            // A colon before any slash makes it a scheme that is not followed.
            if location.split('/').next().unwrap_or_default().contains(':') {
                return None;
            }
            let path = self.target.split('?').next().unwrap_or_default();
            let folder = &path[..=path.rfind('/')?];
            Self::parse(&format!("{own}{folder}{location}"))?
        };
        let is_as_safe = to.https || !self.https;
        (to.host == self.host && is_as_safe).then(|| Self { login: self.login.clone(), ..to })
    }
}

impl fmt::Debug for WebAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebAddress({}://{}/…)", if self.https { "https" } else { "http" }, self.authority())
    }
}

impl Login {
    fn parse(text: &str) -> Option<Self> {
        let (name, password) = text.split_once(':').unwrap_or((text, ""));
        let (name, password) = (unescaped(name)?, unescaped(password)?);
        // Neither would come through (RFC 7617 2).
        let is_clean = !name.contains(':') && !name.chars().chain(password.chars()).any(char::is_control);
        is_clean.then(|| Self { name, password: password.into() })
    }
}

/// An address as it may be shown: [`HIDDEN`] in the place of the password. Of what is no address, all that could be one.
pub fn without_password(text: &str) -> String {
    match password_of(text) {
        Some((start, end)) => format!("{}{HIDDEN}{}", &text[..start], &text[end..]),
        None => text.to_owned(),
    }
}

/// Whether the password of an address is only a sign that there is one.
pub(super) fn is_hidden(text: &str) -> bool {
    password_of(text).is_some_and(|(start, end)| &text[start..end] == HIDDEN)
}

/// `text`, which somebody changed who was shown `before` without its password, with that password; `None` where there is
/// nothing to be put back, or it would go to somebody else: by another scheme, with another name, to another host or port.
pub(super) fn with_password_of(text: &str, before: &str) -> Option<String> {
    let (start, end) = password_of(text).filter(|_| is_hidden(text))?;
    let (from, to) = password_of(before)?;
    let host = |rest: &str| rest.split(['/', '?', '#']).next().map(str::to_ascii_lowercase);
    let is_same = text[..start] == before[..from] && host(&text[end..]) == host(&before[to..]);
    is_same.then(|| format!("{}{}{}", &text[..start], &before[from..to], &text[end..]))
}

/// Where the password of an address stands in it.
fn password_of(text: &str) -> Option<(usize, usize)> {
    let from = text.find("://").map_or(0, |at| at + 3);
    let authority = text[from..].find(['/', '?', '#']).map_or(text.len(), |at| from + at);
    // Whoever forgot to escape a slash in a password did not mean to show it.
    let is_address = text[..authority].contains('@') || WebAddress::parse(text).is_some();
    let end = from + text[from..if is_address { authority } else { text.len() }].rfind('@')?;
    let start = from + text[from..end].find(':')? + 1;
    (start < end).then_some((start, end))
}

/// What follows a scheme, in whatever capitals.
fn behind<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    text.get(..scheme.len()).filter(|begin| begin.eq_ignore_ascii_case(scheme)).map(|_| &text[scheme.len()..])
}

/// Host and port of an authority.
fn place_of(text: &str) -> Option<(String, Option<u16>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        let host = host.parse::<Ipv6Addr>().ok()?.to_string();
        return Some((host, port_of(rest)?));
    }
    let (host, port) = text.split_at(text.find(':').unwrap_or(text.len()));
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if host.is_empty() || host.starts_with('.') || !host.chars().all(is_name) {
        return None;
    }
    // What looks like an IPv4 address is one.
    if host.chars().all(|c| c.is_ascii_digit() || c == '.') && host.parse::<IpAddr>().is_err() {
        return None;
    }
    Some((host.to_ascii_lowercase(), port_of(port)?))
}

/// `:80`, or nothing at all.
fn port_of(text: &str) -> Option<Option<u16>> {
    match text.strip_prefix(':') {
        None if text.is_empty() => Some(None),
        None => None,
        Some("") => Some(None),
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().ok().filter(|port| *port > 0).map(Some)
        }
        Some(_) => None,
    }
}

/// With everything escaped that must not stand in a path or query (RFC 3986 3.3, 3.4); what is escaped already stays.
fn escaped(text: &str) -> String {
    use fmt::Write;

    let mut result = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%[]".contains(&byte) {
            result.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(result, "%{byte:02X}");
        }
    }
    result
}

/// The text behind `%41` and the like; `None` where it is no text.
fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        rest = behind;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(behind.get(..2)?).ok().filter(|digits| !digits.starts_with('+'))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &behind[2..];
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> WebAddress {
        WebAddress::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn each_part_is_read_and_the_usual_is_filled_in() {
        let whole = parsed("HTTPS://Admin:p%40ss%3Aw%C3%B6rd@Door.Example:8443/api/open?relay=1&x=ü#here");
        assert_eq!((whole.https, whole.host.as_str(), whole.port), (true, "door.example", 8443));
        assert_eq!(whole.target, "/api/open?relay=1&x=%C3%BC");
        let login = whole.login.as_ref().expect("it has one");
        assert_eq!((login.name.as_str(), login.password.reveal()), ("Admin", "p@ss:wörd"));
        assert_eq!(whole.authority(), "door.example:8443");

        let plain = parsed("http://192.168.1.20");
        assert_eq!((plain.https, plain.port, plain.target.as_str(), plain.login.clone()), (false, 80, "/", None));
        assert_eq!(plain.authority(), "192.168.1.20");
        assert_eq!(parsed("https://[FE80::1]?open").target, "/?open");
        assert_eq!(parsed("https://[fe80::1]:444/").authority(), "[fe80::1]:444");
        assert_eq!(parsed("http://door@h/").login.expect("a name").password.reveal(), "");
        assert_eq!(parsed("http://a:b@c:d@h/").login.expect("both").password.reveal(), "b@c:d");
    }

    #[test]
    fn what_is_no_web_address_is_none() {
        for text in [
            "",
            "door",
            "ftp://h/",
            "http://",
            "http:///x",
            "http://h:0/",
            "http://h:65536/",
            "http://h:1x/",
            "http://h:+1/",
            "http://300.1.1.1/",
            "http://[::1/",
            "http://[::1]x/",
            "http://a b/",
            "http://h/a b",
            "http://h/\u{7}",
            "http://ü/",
            "http://u:%zz@h/",
            "http://u:%0d%0a@h/",
            "http://u%3Ax:y@h/",
            "http://u:%ff@h/",
            "http://u:p%4@h/",
            "http://u:%+1@h/",
            "http://.h/",
        ] {
            assert_eq!(WebAddress::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_redirect_is_followed_to_the_same_host_only_and_never_into_the_open() {
        let from = parsed("https://u:p@h/a/b?c");
        let to = |location: &str| from.moved(location).map(|to| format!("{}{}", to.authority(), to.target));
        assert_eq!(to("/x?y").as_deref(), Some("h/x?y"));
        assert_eq!(to("x").as_deref(), Some("h/a/x"));
        assert_eq!(to("?z").as_deref(), Some("h/a/b?z"));
        assert_eq!(to("https://H:444/").as_deref(), Some("h:444/"));
        assert_eq!(to("//h/q").as_deref(), Some("h/q"));
        assert_eq!(from.moved("https://v:q@h/").and_then(|to| to.login), from.login);
        for elsewhere in ["https://g/", "//g/", "http://h/", "ftp://h/", "javascript:x", "http:x"] {
            assert_eq!(to(elsewhere), None, "{elsewhere}");
        }
        assert!(parsed("http://h/").moved("https://h/").is_some_and(|to| to.https && to.port == 443));
    }

    #[test]
    fn a_password_is_not_shown() {
        for (text, shown) in [
            ("http://u:p@h/x", "http://u:•••@h/x"),
            ("http://u:a:b@c@h", "http://u:•••@h"),
            ("https://u@h/x:y@z", "https://u@h/x:y@z"),
            ("http://h:80/?mail=a@b", "http://h:80/?mail=a@b"),
            ("http://h/x", "http://h/x"),
            ("http://u:@h/", "http://u:@h/"),
            ("htp://u:p@h/x", "htp://u:•••@h/x"),
            ("u:p@h", "u:•••@h"),
            ("http://u:p/q@h", "http://u:•••@h"),
            ("http://u:p q@h/", "http://u:•••@h/"),
        ] {
            assert_eq!(without_password(text), shown);
        }
        let debug = format!("{:?}", parsed("http://u:s3cret@h/open?token=t0ken"));
        assert!(!debug.contains("s3cret") && !debug.contains("t0ken"), "{debug}");
    }

    #[test]
    fn a_password_that_was_hidden_comes_back_for_the_same_door_only() {
        let before = "http://u:s3cret@h:80/x";
        let back = |text: &str| with_password_of(text, before);
        assert_eq!(back("http://u:•••@h:80/x").as_deref(), Some(before));
        assert_eq!(back("http://u:•••@H:80/y?z").as_deref(), Some("http://u:s3cret@H:80/y?z"));
        for other in [
            "http://u:•••@g:80/x",
            "http://v:•••@h:80/x",
            "https://u:•••@h:80/x",
            "http://u:•••@h:81/x",
            "http://u:•••@h:80@g/x",
            "http://u:x@h:80/x",
        ] {
            assert_eq!(back(other), None, "{other}");
        }
        assert_eq!(with_password_of("http://u:•••@h/", "http://h/"), None);
    }
}
