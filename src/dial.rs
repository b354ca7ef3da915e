//! Keypad text to what it calls. Pure and cheap: the dial pad calls [`parse`] on every key to show what the entry means.
//!
//! The entry is **classified before it is cleaned**: a star stands for a dot only when the whole entry is an address
//! (`192✳168✳35✳123`); anywhere else it stays a star, so that `*78` remains a feature code.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest entry that is looked at, in characters.
pub const LONGEST: usize = 256;

/// How much of an entry that is refused is repeated in the error, in characters.
const ECHOED: usize = 24;

/// What an entry calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DialTarget {
    /// A device by its address, with no server between.
    Ip {
        /// The address.
        address: IpAddr,
        /// The port typed with it, 1–65535; without one, Direct IP Port is meant.
        port: Option<u16>,
    },
    /// A SIP URI, dialled as it is.
    Uri(SipUri),
    /// A number, an extension's name or a feature code such as `*78`; the stars are plain `*`.
    Number(String),
}

impl fmt::Display for DialTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip { address: IpAddr::V6(address), port: Some(port) } => write!(f, "[{address}]:{port}"),
            Self::Ip { address, port: Some(port) } => write!(f, "{address}:{port}"),
            Self::Ip { address, port: None } => write!(f, "{address}"),
            Self::Uri(uri) => f.write_str(&uri.text),
            Self::Number(number) => f.write_str(number),
        }
    }
}

/// A SIP URI taken apart as far as dialling needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SipUri {
    /// As typed; `sip:` is put before it when only `user@host` was typed.
    pub text: String,
    /// What stands before the `@`, still escaped.
    pub user: Option<String>,
    /// Name or address; an IPv6 address without its brackets.
    pub host: String,
    /// 1–65535.
    pub port: Option<u16>,
    /// What the URI says about it (`;transport=tcp`).
    pub transport: DialTransport,
}

/// What carries the messages of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DialTransport {
    /// Nothing is said: UDP, and TCP where UDP is refused.
    #[default]
    Either,
    /// UDP and nothing else.
    Udp,
    /// TCP and nothing else.
    Tcp,
    /// One that direct calls do not go by: TLS, also because the URI is a `sips:` one, or a name that nobody here knows.
    Other,
}

impl SipUri {
    /// The host, when it is an address.
    pub fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// Whether it may only be called by TLS (RFC 3261 19.1).
    pub fn is_sips(&self) -> bool {
        has_scheme(&self.text, "sips:")
    }

    /// Whether it can be called directly, without an account.
    ///
    /// # Errors
    /// When it wants a transport by which direct calls do not go.
    pub fn check_direct(&self) -> Result<(), DialError> {
        match self.transport {
            DialTransport::Other => {
                Err(DialError::Uri { problem: "direct calls go by transport=udp or tcp".to_owned() })
            }
            DialTransport::Either | DialTransport::Udp | DialTransport::Tcp => Ok(()),
        }
    }
}

/// Why an entry means nothing that can be called; each says what is wrong, the value and the limit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// Nothing was typed.
    #[error("nothing was typed")]
    Empty,
    /// More than [`LONGEST`] characters.
    #[error("too long: {length} characters that begin with '{shown}', the limit is {LONGEST}")]
    TooLong {
        /// The first few characters.
        shown: String,
        /// How many there are.
        length: usize,
    },
    /// So far a good address, but not a whole one: no reason to turn red while somebody types.
    #[error("an address has four groups, this has {groups}")]
    Incomplete {
        /// How many groups there are.
        groups: usize,
    },
    /// A whole address with the beginning of a port.
    #[error("the port is missing after the address: 1–65535")]
    IncompletePort,
    /// More groups than an address and a port.
    #[error("an address has four groups and perhaps a port, this has {groups}")]
    TooManyGroups {
        /// How many groups there are.
        groups: usize,
    },
    /// A group over 255.
    #[error("not a valid address: {group} is over 255")]
    GroupOver255 {
        /// The group as typed.
        group: String,
    },
    /// Two separators one after the other, or one at the beginning.
    #[error("not a valid address: group {position} is empty")]
    EmptyGroup {
        /// Counted from 1.
        position: usize,
    },
    /// Not a port.
    #[error("{port} is not a port: 1–65535")]
    Port {
        /// As typed, shortened.
        port: String,
    },
    /// Not an address of IPv6, or one that no single device has.
    #[error("not a valid address: {shown}")]
    Address {
        /// As typed, shortened.
        shown: String,
    },
    /// Not a SIP URI.
    #[error("not a valid SIP URI: {problem}")]
    Uri {
        /// What is wrong.
        problem: String,
    },
    /// A character that no number can have.
    #[error("'{0}' cannot be dialled")]
    Character(char),
}

impl DialError {
    /// Whether the entry may still become good by typing on; the screen stays neutral then.
    pub fn is_incomplete(&self) -> bool {
        matches!(self, Self::Empty | Self::Incomplete { .. } | Self::IncompletePort)
    }
}

/// Says what `text` calls.
///
/// # Errors
/// [`DialError`], ready to be shown; [`DialError::is_incomplete`] tells a half typed address from a wrong one.
pub fn parse(text: &str) -> Result<DialTarget, DialError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(DialError::Empty);
    }
    // A byte length within the limit needs no counting.
    if text.len() > LONGEST {
        let length = text.chars().count();
        if length > LONGEST {
            return Err(DialError::TooLong { shown: shortened(text), length });
        }
    }
    if let Some(bad) = text.chars().find(|c| c.is_control()) {
        return Err(DialError::Character(bad));
    }
    match Class::of(text) {
        Class::Uri => uri(text).map(DialTarget::Uri),
        Class::Ipv6 => ipv6(text),
        Class::Ipv4 => ipv4(text),
        Class::Number => number(text).map(DialTarget::Number),
    }
}

/// What kind of entry it is, seen before anything in it is replaced.
enum Class {
    Uri,
    Ipv6,
    Ipv4,
    Number,
}

impl Class {
    fn of(text: &str) -> Self {
        if has_scheme(text, "sip:") || has_scheme(text, "sips:") || text.contains('@') {
            return Self::Uri;
        }
        let colons = text.bytes().filter(|b| *b == b':').count();
        if text.starts_with('[') || colons >= 2 {
            return Self::Ipv6;
        }
        let only_groups = text.chars().all(|c| c.is_ascii_digit() || is_separator(c) || c == ':');
        if !only_groups || !text.starts_with(|c: char| c.is_ascii_digit()) {
            // `.5` and `*78` begin with a separator: a dot can only be meant as an address, a star is a feature code.
            return if only_groups && text.starts_with(['.', ':']) { Self::Ipv4 } else { Self::Number };
        }
        if text.contains(['.', ':']) {
            return Self::Ipv4;
        }
        // Only digits and stars are left. Four filled groups can only be meant as an address; fewer are one that is
        // being typed, unless a group is longer than an address has; an empty group (`12**34`, `78*`) is a feature code.
        let groups: Vec<&str> = text.split(is_separator).collect();
        let (last, before) = groups.split_last().expect("a split gives at least one group");
        if groups.len() == 1 || before.iter().any(|group| group.is_empty()) {
            return Self::Number;
        }
        let longest = groups.iter().map(|group| group.len()).max().unwrap_or(0);
        match groups.len() {
            2 if last.is_empty() => Self::Number,
            2 | 3 if longest > 3 => Self::Number,
            _ => Self::Ipv4,
        }
    }
}

fn is_separator(c: char) -> bool {
    matches!(c, '*' | '✳' | '.')
}

fn has_scheme(text: &str, scheme: &str) -> bool {
    text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(ECHOED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Four groups and perhaps a port, as a fifth group or after a colon.
fn ipv4(text: &str) -> Result<DialTarget, DialError> {
    let (address, port) = match text.split_once(':') {
        Some((address, port)) => (address, Some(port)),
        None => (text, None),
    };
    let mut groups: Vec<&str> = address.split(is_separator).collect();
    // A separator at the very end is one after which somebody types on.
    let open_end = groups.len() > 1 && groups.last().is_some_and(|group| group.is_empty());
    if open_end {
        groups.pop();
    }
    if let Some(position) = groups.iter().position(|group| group.is_empty()) {
        return Err(DialError::EmptyGroup { position: position + 1 });
    }
    let mut octets = [0u8; 4];
    for (octet, group) in octets.iter_mut().zip(&groups) {
        *octet = group.parse().map_err(|_| DialError::GroupOver255 { group: shortened(group) })?;
    }
    let typed_port = match (groups.len(), port) {
        (0..=3, _) => return Err(DialError::Incomplete { groups: groups.len() }),
        (4, None) if open_end => return Err(DialError::IncompletePort),
        (4, port) if !open_end => port,
        (5, None) if !open_end => Some(groups[4]),
        (groups, _) => return Err(DialError::TooManyGroups { groups: groups + usize::from(open_end) }),
    };
    let port = typed_port.map(parse_port).transpose()?;
    Ok(DialTarget::Ip { address: of_one_device(Ipv4Addr::from(octets).into(), text)?, port })
}

fn parse_port(text: &str) -> Result<u16, DialError> {
    if text.is_empty() {
        return Err(DialError::IncompletePort);
    }
    match text.parse::<u16>() {
        Ok(port) if port > 0 && text.bytes().all(|b| b.is_ascii_digit()) => Ok(port),
        _ => Err(DialError::Port { port: shortened(text) }),
    }
}

/// `::1`, `[::1]`, `[::1]:5080`.
fn ipv6(text: &str) -> Result<DialTarget, DialError> {
    let wrong = || DialError::Address { shown: shortened(text) };
    let (address, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']').ok_or_else(wrong)?;
            match after.strip_prefix(':') {
                Some(port) => (address, Some(parse_port(port)?)),
                None if after.is_empty() => (address, None),
                None => return Err(wrong()),
            }
        }
        None => (text, None),
    };
    let address: Ipv6Addr = address.parse().map_err(|_| wrong())?;
    Ok(DialTarget::Ip { address: of_one_device(address.into(), text)?, port })
}

/// An address that one device may have: not 0.0.0.0, not a group's (RFC 5771, RFC 4291 2.7), not everybody's.
fn of_one_device(address: IpAddr, typed: &str) -> Result<IpAddr, DialError> {
    let everybody = IpAddr::V4(Ipv4Addr::BROADCAST);
    let plain = address.to_canonical();
    if plain.is_unspecified() || plain.is_multicast() || plain == everybody {
        return Err(DialError::Address { shown: shortened(typed) });
    }
    Ok(address)
}

/// `sip:user@host:port;parameters` (RFC 3261 19.1.1), taken apart only as far as dialling needs it.
fn uri(text: &str) -> Result<SipUri, DialError> {
    let problem = |problem: String| DialError::Uri { problem };
    let is_sips = has_scheme(text, "sips:");
    let scheme = ["sips:", "sip:"].into_iter().find(|scheme| has_scheme(text, scheme));
    let rest = &text[scheme.map_or(0, str::len)..];
    let is_bad = |c: &char| !c.is_ascii() || matches!(c, ' ' | '<' | '>' | '"' | '\\' | '^' | '`' | '{' | '|' | '}');
    if let Some(bad) = rest.chars().find(is_bad) {
        return Err(problem(format!("'{bad}' must not stand in it")));
    }
    // The user part may hold `;` and `?`, so the `@` is looked for first.
    let (user, after) = match rest.rsplit_once('@') {
        Some(("", _)) => return Err(problem("nothing stands before the @".to_owned())),
        Some((user, after)) => (Some(user), after),
        None => (None, rest),
    };
    if user.is_some_and(|user| user.contains('@')) {
        return Err(problem("it has more than one @".to_owned()));
    }
    let end = after.find([';', '?']).unwrap_or(after.len());
    let (host_port, parameters) = after.split_at(end);
    let (host, port) = match host_port.strip_prefix('[') {
        Some(bracketed) => {
            let (host, after) = bracketed.split_once(']').ok_or_else(|| problem("the ] is missing".to_owned()))?;
            ipv6(host)?;
            match after.strip_prefix(':') {
                Some(port) => (host, Some(parse_port(port)?)),
                None if after.is_empty() => (host, None),
                None => return Err(problem(format!("'{}' stands after the ]", shortened(after)))),
            }
        }
        None => match host_port.split_once(':') {
            Some((host, port)) => (host, Some(parse_port(port)?)),
            None => (host_port, None),
        },
    };
    check_host(host)?;
    // Headers have no place in what is called (RFC 3261 19.1.1, table 1).
    let (parameters, headers) = parameters.split_at(parameters.find('?').unwrap_or(parameters.len()));
    let text = &text[..text.len() - headers.len()];
    let named = parameters
        .split(';')
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.eq_ignore_ascii_case("transport"));
    let transport = match named {
        Some((_, value)) if is_sips && value.eq_ignore_ascii_case("udp") => {
            return Err(problem("sips: does not go by transport=udp".to_owned()));
        }
        _ if is_sips => DialTransport::Other,
        None => DialTransport::Either,
        Some((_, value)) if value.eq_ignore_ascii_case("tcp") => DialTransport::Tcp,
        Some((_, value)) if value.eq_ignore_ascii_case("udp") => DialTransport::Udp,
        Some(_) => DialTransport::Other,
    };
    let text = if scheme.is_some() { text.to_owned() } else { format!("sip:{text}") };
    Ok(SipUri { text, user: user.map(str::to_owned), host: host.to_owned(), port, transport })
}

fn check_host(host: &str) -> Result<(), DialError> {
    if host.is_empty() {
        return Err(DialError::Uri { problem: "the host is missing".to_owned() });
    }
    if host.contains(':') {
        return Ok(()); // An IPv6 address, already checked between its brackets.
    }
    if let Some(bad) = host.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '-' | '_')) {
        return Err(DialError::Uri { problem: format!("'{bad}' must not stand in a host") });
    }
    // Only digits and dots: an address, not a name.
    if host.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        match ipv4(host) {
            Ok(DialTarget::Ip { port: None, .. }) => {}
            Ok(_) => return Err(DialError::TooManyGroups { groups: 5 }),
            Err(DialError::IncompletePort) => return Err(DialError::EmptyGroup { position: 5 }),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A number or a feature code. What people write to make a number readable is taken out, the stars stay.
fn number(text: &str) -> Result<String, DialError> {
    let text = if has_scheme(text, "tel:") { &text["tel:".len()..] } else { text };
    // In a number, blanks and the like are for the eye; in a name (`reception-2`) they would be part of it.
    let is_name = text.contains(|c: char| c.is_ascii_alphabetic());
    let mut number = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '✳' => number.push('*'),
            '0'..='9' | '*' | '#' | '+' => number.push(c),
            ' ' | '\u{a0}' | '-' | '.' | '/' | '(' | ')' if !is_name => {}
            'a'..='z' | 'A'..='Z' | '-' | '.' | '_' => number.push(c),
            bad => return Err(DialError::Character(bad)),
        }
    }
    if number.is_empty() {
        return Err(DialError::Empty);
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> (String, Option<u16>) {
        match parse(text) {
            Ok(DialTarget::Ip { address, port }) => (address.to_string(), port),
            other => panic!("{text}: {other:?}"),
        }
    }

    fn number_of(text: &str) -> String {
        match parse(text) {
            Ok(DialTarget::Number(number)) => number,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn uri_of(text: &str) -> SipUri {
        match parse(text) {
            Ok(DialTarget::Uri(uri)) => uri,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn error(text: &str) -> String {
        parse(text).expect_err(text).to_string()
    }

    #[test]
    fn a_star_is_a_dot_in_an_address() {
        for text in ["192✳168✳35✳123", "192*168*35*123", "192.168.35.123", "192*168.35✳123", "  192✳168✳35✳123 "]
        {
            assert_eq!(ip(text), ("192.168.35.123".to_owned(), None), "{text}");
        }
        assert_eq!(ip("0✳0✳0✳1"), ("0.0.0.1".to_owned(), None));
        assert_eq!(ip("223✳255✳255✳255"), ("223.255.255.255".to_owned(), None));
        assert_eq!(ip("127✳000✳00✳001"), ("127.0.0.1".to_owned(), None));
    }

    #[test]
    fn a_fifth_group_is_a_port() {
        assert_eq!(ip("127✳0✳0✳1✳5070"), ("127.0.0.1".to_owned(), Some(5070)));
        assert_eq!(ip("127✳0✳0✳1:5070"), ("127.0.0.1".to_owned(), Some(5070)));
        assert_eq!(ip("127.0.0.1.1"), ("127.0.0.1".to_owned(), Some(1)));
        assert_eq!(ip("127*0*0*1*65535"), ("127.0.0.1".to_owned(), Some(65535)));
    }

    #[test]
    fn anything_else_keeps_its_stars() {
        for (text, means) in [
            ("*78", "*78"),
            ("✳78", "*78"),
            ("*21*5551234#", "*21*5551234#"),
            ("**61*1*2#", "**61*1*2#"),
            ("1*2*3*4#", "1*2*3*4#"),
            ("12**34", "12**34"),
            ("5551234*99", "5551234*99"),
            ("78*", "78*"),
            ("#31#123", "#31#123"),
            ("12", "12"),
            ("+49 (30) 123-456", "+4930123456"),
            ("tel:+4930123", "+4930123"),
            ("reception-2", "reception-2"),
        ] {
            assert_eq!(number_of(text), means, "{text}");
        }
    }

    #[test]
    fn a_wrong_address_is_named_with_value_and_limit() {
        assert_eq!(error("300✳1✳1✳1"), "not a valid address: 300 is over 255");
        assert_eq!(error("1✳2✳3✳256"), "not a valid address: 256 is over 255");
        assert_eq!(error("1234✳2✳3✳4"), "not a valid address: 1234 is over 255");
        assert_eq!(error("1✳2✳3"), "an address has four groups, this has 3");
        assert_eq!(error("1✳2✳3✳4✳5✳6"), "an address has four groups and perhaps a port, this has 6");
        assert_eq!(error("1.2.3.4.5060:5061"), "an address has four groups and perhaps a port, this has 5");
        assert_eq!(error("127✳0✳0✳1✳0"), "0 is not a port: 1–65535");
        assert_eq!(error("127✳0✳0✳1✳70000"), "70000 is not a port: 1–65535");
        assert_eq!(error("127.0.0.1:70000"), "70000 is not a port: 1–65535");
        assert_eq!(error("1..2.3"), "not a valid address: group 2 is empty");
        assert_eq!(error(".1.2.3"), "not a valid address: group 1 is empty");
    }

    #[test]
    fn an_address_that_no_device_has_is_wrong() {
        for text in
            ["0✳0✳0✳0", "224✳0✳0✳1", "239.255.255.255:5060", "255✳255✳255✳255", "[::]", "ff02::1", "[ff05::2]:5060"]
        {
            assert_eq!(error(text), format!("not a valid address: {text}"));
        }
        assert_eq!(error("sip:door@[::]:5060"), "not a valid address: ::");
        assert_eq!(error("sip:door@0.0.0.0"), "not a valid address: 0.0.0.0");
        assert_eq!(error("::ffff:224.0.0.1"), "not a valid address: ::ffff:224.0.0.1");
    }

    #[test]
    fn half_an_address_is_incomplete_and_not_wrong() {
        let whole = "192✳168✳35✳123✳5070";
        for end in whole.char_indices().map(|(end, _)| end).skip(1) {
            match parse(&whole[..end]) {
                Ok(_) => {}
                Err(error) => assert!(error.is_incomplete(), "{}: {error}", &whole[..end]),
            }
        }
        assert_eq!(parse("192✳168"), Err(DialError::Incomplete { groups: 2 }));
        assert_eq!(parse("192✳168✳35✳"), Err(DialError::Incomplete { groups: 3 }));
        assert_eq!(parse("192.168.35.123:"), Err(DialError::IncompletePort));
        assert!(!parse("300✳1").expect_err("over 255").is_incomplete());
    }

    #[test]
    fn ipv6_with_and_without_brackets() {
        assert_eq!(ip("::1"), ("::1".to_owned(), None));
        assert_eq!(ip("[::1]"), ("::1".to_owned(), None));
        assert_eq!(ip("[fe80::1]:5080"), ("fe80::1".to_owned(), Some(5080)));
        assert_eq!(error("[::1"), "not a valid address: [::1");
        assert_eq!(error("[::1]:0"), "0 is not a port: 1–65535");
        assert_eq!(error("1:2:3"), "not a valid address: 1:2:3");
    }

    #[test]
    fn a_uri_is_dialled_as_it_is() {
        let uri = uri_of("sip:door@192.168.1.20:5062;transport=TCP");
        assert_eq!(uri.text, "sip:door@192.168.1.20:5062;transport=TCP");
        assert_eq!(
            (uri.user.as_deref(), uri.host.as_str(), uri.port, uri.transport),
            (Some("door"), "192.168.1.20", Some(5062), DialTransport::Tcp)
        );
        assert_eq!(uri.address(), Some(IpAddr::from([192, 168, 1, 20])));
        assert_eq!(uri_of("sip:[::1]:5080").address(), "::1".parse().ok());
        assert_eq!(uri_of("door@pbx.test").text, "sip:door@pbx.test");
        let with_headers = uri_of("sip:a?b@pbx.test;transport=tcp?Subject=x&Replaces=y");
        assert_eq!(with_headers.text, "sip:a?b@pbx.test;transport=tcp", "headers are nobody's to dial");
        assert_eq!(uri_of("sip:pbx.test?Subject=x").text, "sip:pbx.test");
        assert_eq!(uri_of("SIP:*78@pbx.test").user.as_deref(), Some("*78"));
        for (uri, transport) in [
            ("sip:door@pbx.test", DialTransport::Either),
            ("sip:door@pbx.test;lr;TRANSPORT=udp", DialTransport::Udp),
            ("sip:door@pbx.test;transport=sctp", DialTransport::Other),
            ("sip:door@pbx.test;transport=tls", DialTransport::Other),
            ("sip:door@pbx.test?transport=tcp", DialTransport::Either),
        ] {
            assert_eq!(uri_of(uri).transport, transport, "{uri}");
        }
    }

    #[test]
    fn a_sips_uri_is_one_that_nobody_calls_directly() {
        for text in ["sips:bob@pbx.test", "SIPS:bob@10.0.0.4:5061;transport=tcp", "sips:bob@[::1];transport=tls"] {
            let uri = uri_of(text);
            assert_eq!((uri.text.as_str(), uri.user.as_deref()), (text, Some("bob")));
            assert!(uri.is_sips() && uri.transport == DialTransport::Other && uri.check_direct().is_err(), "{text}");
        }
        assert!(!uri_of("sip:bob@pbx.test;transport=tls").is_sips());
        assert_eq!(error("sips:bob@h;transport=UDP"), "not a valid SIP URI: sips: does not go by transport=udp");
        assert_eq!(error("sips:"), "not a valid SIP URI: the host is missing");
    }

    #[test]
    fn a_wrong_uri_says_what_is_wrong() {
        assert_eq!(error("sip:"), "not a valid SIP URI: the host is missing");
        assert_eq!(error("sip:@host"), "not a valid SIP URI: nothing stands before the @");
        assert_eq!(error("sip:door@1.2.3.400"), "not a valid address: 400 is over 255");
        assert_eq!(error("sip:door@host:0"), "0 is not a port: 1–65535");
        assert_eq!(error("sip:door@host:70000"), "70000 is not a port: 1–65535");
        assert_eq!(error("sip:do or@host"), "not a valid SIP URI: ' ' must not stand in it");
        assert_eq!(error("sip:door@ho/st"), "not a valid SIP URI: '/' must not stand in a host");
    }

    #[test]
    fn limits_and_odd_characters() {
        assert_eq!(parse("   "), Err(DialError::Empty));
        let long = error(&"7".repeat(4000));
        assert_eq!(long, format!("too long: 4000 characters that begin with '{}…', the limit is 256", "7".repeat(24)));
        assert!(parse(&"7".repeat(256)).is_ok());
        assert!(parse(&"✳".repeat(256)).is_ok());
        assert!(matches!(parse(&"✳".repeat(257)), Err(DialError::TooLong { length: 257, .. })));
        assert_eq!(parse("12\n34"), Err(DialError::Character('\n')));
        assert_eq!(parse("Tür"), Err(DialError::Character('ü')));
        assert_eq!(
            error(&format!("{}.1.1.1", "9".repeat(200))),
            format!("not a valid address: {}… is over 255", "9".repeat(24))
        );
    }
}
