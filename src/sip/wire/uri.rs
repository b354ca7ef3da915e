//! URIs (RFC 3261 19.1), sip and sips in detail, any other scheme as it came.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use super::{MAX_URI, Malformed, Params, scan};

/// Which bytes may stand in a URI: any but white space, control characters, and what sets URIs off from text around them.
const URI: [bool; 256] = {
    let mut table = [true; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = !byte.is_ascii_control() && !matches!(byte, b' ' | b'"' | b'<' | b'>');
        byte += 1;
    }
    table
};

/// Which bytes may stand in a host name or an IPv4 address.
const HOST: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        byte += 1;
    }
    table
};

/// The host of a URI or of a Via: a name or an address, an IPv6 address in its brackets, spelt as it came.
/// Two hosts are equal without regard to case.
#[derive(Debug, Clone, Default)]
pub struct Host(String);

impl Host {
    /// Reads a host name, an IPv4 address or an IPv6 address in brackets.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let valid = match text.as_bytes() {
            [b'[', .., b']'] => text[1..text.len() - 1].parse::<Ipv6Addr>().is_ok(),
            [] => false,
            bytes => bytes.iter().all(|byte| HOST[usize::from(*byte)]),
        };
        if valid { Ok(Host(text.to_owned())) } else { Err(Malformed("not a host")) }
    }

    /// The address, when the host is one and not a name.
    pub fn ip(&self) -> Option<IpAddr> {
        parse_ip(&self.0)
    }

    /// The host as written, IPv6 in brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Host(address.to_string()),
            IpAddr::V6(address) => Host(format!("[{address}]")),
        }
    }
}

impl PartialEq for Host {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Host {}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An address with or without the brackets of IPv6.
pub(super) fn parse_ip(text: &str) -> Option<IpAddr> {
    text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text).parse().ok()
}

/// Reads the `host` or `host:port` that `text` begins with, with white space around the colon as Via allows it; gives what
/// follows, too.
pub(super) fn split_host_port(text: &str) -> Result<(Host, Option<u16>, &str), Malformed> {
    let (host, rest) = match text.as_bytes().first() {
        Some(b'[') => {
            let (host, rest) = text.split_at(scan::find(text.as_bytes(), b']').map_or(text.len(), |at| at + 1));
            (Host::parse(host)?, rest)
        }
        _ => match text.split_at(scan::count(text, |byte| HOST[usize::from(byte)])) {
            ("", _) => return Err(Malformed("not a host")),
            (host, rest) => (Host(host.to_owned()), rest),
        },
    };
    let Some(port) = rest[scan::spaces(rest)..].strip_prefix(':') else {
        return Ok((host, None, rest));
    };
    let port = &port[scan::spaces(port)..];
    let (port, rest) = port.split_at(scan::count(port, |byte| byte.is_ascii_digit()));
    // Nothing can be sent to port 0.
    let port = port.parse().ok().filter(|port| *port != 0).ok_or(Malformed("not a port"))?;
    Ok((host, Some(port), rest))
}

/// A URI, each part as it was written: case, escapes and order are kept, so that what is read is written again byte
/// for byte (only a port loses its leading zeros). `==` compares the spelling; [`Uri::equivalent`] the meaning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uri {
    /// `sip`, `sips`, `tel`, or one unknown to us.
    pub scheme: Cow<'static, str>,
    /// The user part, escapes kept; none when there is no `@`.
    pub user: Option<String>,
    /// What follows the colon of the user part. Deprecated, kept for faithfulness.
    pub password: Option<String>,
    /// The host; empty when the scheme is neither sip nor sips.
    pub host: Host,
    /// The port, when one is written.
    pub port: Option<u16>,
    /// `transport`, `lr`, `user`, … ; empty when the scheme is neither sip nor sips.
    pub params: Params,
    /// What follows the `?`, as written.
    pub headers: Option<String>,
    /// What follows the scheme's colon, when the scheme is neither sip nor sips.
    pub opaque: Option<String>,
}

impl Uri {
    /// `sip:user@host:port`. Characters that a user part may not hold are escaped (RFC 3261 19.1.2).
    pub fn sip(user: Option<&str>, host: Host, port: Option<u16>) -> Self {
        Uri { scheme: Cow::Borrowed("sip"), user: user.map(escape_user), host, port, ..Uri::default() }
    }

    /// Reads a URI that is free of angle brackets and white space.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.len() > MAX_URI {
            return Err(Malformed("URI too long"));
        }
        if !text.bytes().all(|byte| URI[usize::from(byte)]) {
            return Err(Malformed("a character that no URI may hold"));
        }
        let (scheme, rest) = scan::split_once(text, b':').ok_or(Malformed("URI without a scheme"))?;
        if rest.is_empty() {
            return Err(Malformed("URI with nothing after the scheme"));
        }
        let scheme = read_scheme(scheme)?;
        if !is_sip_scheme(&scheme) {
            return Ok(Uri { scheme, opaque: Some(rest.to_owned()), ..Uri::default() });
        }
        let (user, password, rest) = split_user(rest)?;
        let (host, port, rest) = split_host_port(rest)?;
        let (params, headers) = match scan::split_once(rest, b'?') {
            Some((params, headers)) => (params, Some(headers.to_owned())),
            None => (rest, None),
        };
        let params = match params.strip_prefix(';') {
            Some(params) => Params::parse(params)?,
            None if params.is_empty() => Params::new(),
            None => return Err(Malformed("not a host")),
        };
        Ok(Uri { scheme, user, password, host, port, params, headers, opaque: None })
    }

    /// Whether the scheme is sip or sips.
    pub fn is_sip(&self) -> bool {
        is_sip_scheme(&self.scheme)
    }

    /// Whether the scheme is sips.
    pub fn is_sips(&self) -> bool {
        self.scheme.eq_ignore_ascii_case("sips")
    }

    /// The user part without escapes; for a `tel` URI its number. What a person would call the extension.
    pub fn user_text(&self) -> Option<Cow<'_, str>> {
        if self.scheme.eq_ignore_ascii_case("tel") {
            return self.opaque.as_deref().map(|number| Cow::Borrowed(number.split(';').next().unwrap_or(number)));
        }
        self.user.as_deref().map(unescape)
    }

    /// The `transport` parameter as written.
    pub fn transport(&self) -> Option<&str> {
        self.params.get("transport")
    }

    /// Whether the `lr` parameter marks a loose router (RFC 3261 16.12.1), in any of its spellings (`lr`, `lr=on`).
    pub fn is_loose_router(&self) -> bool {
        self.params.contains("lr")
    }

    /// Whether both mean the same resource by the rules of RFC 3261 19.1.4.
    pub fn equivalent(&self, other: &Uri) -> bool {
        if !self.scheme.eq_ignore_ascii_case(&other.scheme) {
            return false;
        }
        if !self.is_sip() {
            return self.opaque == other.opaque;
        }
        let plain = |part: &Option<String>| part.as_deref().map(|text| unescape(text).into_owned());
        plain(&self.user) == plain(&other.user)
            && plain(&self.password) == plain(&other.password)
            && self.host == other.host
            && self.port == other.port
            && params_agree(&self.params, &other.params)
            && params_agree(&other.params, &self.params)
            && sorted_headers(self) == sorted_headers(other)
    }
}

impl Uri {
    /// Writes it as it goes on the wire.
    pub(in crate::sip) fn write(&self, to: &mut impl fmt::Write) -> fmt::Result {
        to.write_str(&self.scheme)?;
        to.write_str(":")?;
        if let Some(opaque) = &self.opaque {
            return to.write_str(opaque);
        }
        if let Some(user) = &self.user {
            to.write_str(user)?;
            if let Some(password) = &self.password {
                to.write_str(":")?;
                to.write_str(password)?;
            }
            to.write_str("@")?;
        }
        to.write_str(self.host.as_str())?;
        if let Some(port) = self.port {
            write!(to, ":{port}")?;
        }
        to.write_str(self.params.as_str())?;
        match &self.headers {
            Some(headers) => {
                to.write_str("?")?;
                to.write_str(headers)
            }
            None => Ok(()),
        }
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

fn read_scheme(scheme: &str) -> Result<Cow<'static, str>, Malformed> {
    let may_follow = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    match scheme.as_bytes() {
        b"sip" => Ok(Cow::Borrowed("sip")),
        b"sips" => Ok(Cow::Borrowed("sips")),
        [first, rest @ ..] if first.is_ascii_alphabetic() && rest.iter().all(may_follow) => {
            Ok(Cow::Owned(scheme.to_owned()))
        }
        _ => Err(Malformed("URI without a valid scheme")),
    }
}

fn is_sip_scheme(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("sip") || scheme.eq_ignore_ascii_case("sips")
}

/// User, password and what follows the `@`. A user part may hold `;`, `?` and `/`, so the `@` is looked for first.
fn split_user(text: &str) -> Result<(Option<String>, Option<String>, &str), Malformed> {
    let Some((user_info, rest)) = scan::split_once(text, b'@') else {
        return Ok((None, None, text));
    };
    let (user, password) = match scan::split_once(user_info, b':') {
        Some((user, password)) => (user, Some(password.to_owned())),
        None => (user_info, None),
    };
    if user.is_empty() {
        return Err(Malformed("URI with an empty user part"));
    }
    Ok((Some(user.to_owned()), password, rest))
}

/// Every parameter of `left` has its like in `right`, or is one of those that may be absent there.
fn params_agree(left: &Params, right: &Params) -> bool {
    left.iter().all(|(name, value)| {
        if !right.contains(name) {
            return !["user", "ttl", "method", "maddr", "transport"].iter().any(|key| key.eq_ignore_ascii_case(name));
        }
        match (value, right.get(name)) {
            (Some(left), Some(right)) => unescape(left).eq_ignore_ascii_case(&unescape(right)),
            (left, right) => left == right,
        }
    })
}

/// The headers of a URI, unescaped, in an order that does not depend on how they were written.
fn sorted_headers(uri: &Uri) -> Vec<(String, String)> {
    let mut headers: Vec<_> = uri
        .headers
        .iter()
        .flat_map(|headers| headers.split('&'))
        .map(|header| header.split_once('=').unwrap_or((header, "")))
        .map(|(name, value)| (unescape(name).to_ascii_lowercase(), unescape(value).into_owned()))
        .collect();
    headers.sort();
    headers
}

/// `text` with each valid `%XX` turned into its byte; anything else stays.
pub fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = super::text::to_bytes(text);
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let digit = |offset: usize| bytes.get(at + offset).and_then(|&b| char::from(b).to_digit(16));
        match (byte, digit(1), digit(2)) {
            (b'%', Some(high), Some(low)) => {
                plain.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    Cow::Owned(super::text::from_bytes(&plain).into_owned())
}

/// `text` with everything escaped that a user part may not hold (RFC 3261 25.1, `user`).
fn escape_user(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for &byte in super::text::to_bytes(text).iter() {
        let character = char::from(byte);
        if byte.is_ascii_alphanumeric() || "-_.!~*'()&=+$,;?/".contains(character) {
            escaped.push(character);
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_again() {
        for text in [
            "sip:192.0.2.1",
            "SIPS:Alice:pa%20ss@Example.COM:5061;transport=TLS;lr?Subject=x&Priority=urgent",
            "sip:user;par=u%40example.net@example.com",
            "sip:101@[2001:DB8::1]:5070;transport=tcp",
            "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
            "tel:+43-1-555;phone-context=x",
            "nobodyKnows:opaque?;x@y",
            "urn:service:sos",
        ] {
            assert_eq!(Uri::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn parts_are_found() {
        let uri = Uri::parse("sip:door;x:pw@[::1]:5062;transport=UDP;LR?a=b").unwrap();
        assert_eq!(uri.user.as_deref(), Some("door;x"));
        assert_eq!(uri.password.as_deref(), Some("pw"));
        assert_eq!(uri.host.ip(), Some("::1".parse().unwrap()));
        assert_eq!(uri.port, Some(5062));
        assert_eq!(uri.transport(), Some("UDP"));
        assert!(uri.is_loose_router() && uri.is_sip() && !uri.is_sips());
        assert_eq!(uri.headers.as_deref(), Some("a=b"));
        let tel = Uri::parse("tel:+431;ext=2").unwrap();
        assert_eq!(tel.user_text().as_deref(), Some("+431"));
        assert!(!tel.is_sip());
    }

    #[test]
    fn refuses() {
        for text in [
            "",
            "sip",
            "sip:",
            ":x",
            "1sip:x",
            "<sip:a@b>",
            "sip:a b@c",
            "sip:@host",
            "sip:a@",
            "sip:a@b:port",
            "sip:a@b:70000",
            "sip:a@b:0",
            "sip:a@b;transport=tcp;transport=udp",
            "sip:a@[::1",
            "sip:a@::1",
            "sip:a@b\r\nX: y",
            "sip:a@b;;",
            "sip:a@b@c",
        ] {
            assert!(Uri::parse(text).is_err(), "{text}");
        }
        assert!(Uri::parse(&format!("sip:{}@h", "a".repeat(MAX_URI))).is_err());
    }

    #[test]
    fn equivalence_follows_the_examples_of_rfc_3261_19_1_4() {
        let same = |a: &str, b: &str| {
            let (a, b) = (Uri::parse(a).unwrap(), Uri::parse(b).unwrap());
            assert_eq!(a.equivalent(&b), b.equivalent(&a));
            a.equivalent(&b)
        };
        assert!(same("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"));
        assert!(same("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"));
        assert!(same("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"));
        assert!(same(
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x"
        ));
        assert!(!same("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"));
        assert!(!same("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"));
        assert!(!same("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"));
        assert!(!same("sip:carol@chicago.com;security=off", "sip:carol@chicago.com;security=on"));
        assert!(!same("sip:carol@chicago.com", "sips:carol@chicago.com"));
        assert!(!same("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next"));
    }

    #[test]
    fn a_user_part_is_escaped_when_built() {
        let uri = Uri::sip(Some("192*1 @\r\n<é>"), Host::from(IpAddr::from([192, 0, 2, 1])), Some(5060));
        assert_eq!(uri.to_string(), "sip:192*1%20%40%0D%0A%3C%C3%A9%3E@192.0.2.1:5060");
        assert_eq!(uri.user_text().as_deref(), Some("192*1 @\r\n<é>"));
        assert_eq!(Host::from(IpAddr::V6(Ipv6Addr::LOCALHOST)).as_str(), "[::1]");
    }
}
