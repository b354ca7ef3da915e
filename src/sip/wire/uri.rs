//! URIs (RFC 3261 19.1), sip and sips in detail, any other scheme as it came.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::ops::Range;

use super::params::ParamsRef;
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
        if is_host(text) { Ok(Host(text.to_owned())) } else { Err(Malformed("not a host")) }
    }

    /// A host that [`split_host_port`] found.
    pub(super) fn found(text: &str) -> Self {
        Host(text.to_owned())
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

fn is_host(text: &str) -> bool {
    match text.as_bytes() {
        [b'[', .., b']'] => text[1..text.len() - 1].parse::<Ipv6Addr>().is_ok(),
        [] => false,
        bytes => bytes.iter().all(|byte| HOST[usize::from(*byte)]),
    }
}

/// An address with or without the brackets of IPv6.
pub(super) fn parse_ip(text: &str) -> Option<IpAddr> {
    text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text).parse().ok()
}

/// Reads the `host` or `host:port` that `text` begins with, with white space around the colon as Via allows it; gives what
/// follows, too.
pub(super) fn split_host_port(text: &str) -> Result<(&str, Option<u16>, &str), Malformed> {
    let len = match text.as_bytes().first() {
        Some(b'[') => scan::find(text.as_bytes(), b']').map_or(text.len(), |at| at + 1),
        _ => scan::count(text, |byte| HOST[usize::from(byte)]),
    };
    let (host, rest) = text.split_at(len);
    if host.is_empty() || host.starts_with('[') && !is_host(host) {
        return Err(Malformed("not a host"));
    }
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
#[derive(Debug, Clone)]
pub struct Uri {
    /// All before the parameters; everything when the scheme is neither sip nor sips.
    base: Box<str>,
    places: Places,
    /// `transport`, `lr`, `user`, … ; empty when the scheme is neither sip nor sips.
    pub params: Params,
    /// What follows the `?`, as written.
    pub headers: Option<String>,
}

/// Where in the base of a URI its parts stand. Each begins behind the separator that follows the one before.
#[derive(Debug, Clone, Copy)]
struct Places {
    scheme_end: u32,
    /// Where the scheme ends if there is no user part.
    user_end: u32,
    host: u32,
    host_end: u32,
    port: Option<u16>,
}

impl Uri {
    /// `sip:user@host:port`. Characters that a user part may not hold are escaped (RFC 3261 19.1.2).
    pub fn sip(user: Option<&str>, host: Host, port: Option<u16>) -> Self {
        let mut base = String::from("sip");
        let scheme_end = base.len();
        if let Some(user) = user {
            base.push(':');
            base.push_str(&escape_user(user));
        }
        let user_end = base.len();
        base.push(if user.is_some() { '@' } else { ':' });
        let start = base.len();
        base.push_str(host.as_str());
        let places = Places::new(scheme_end, user_end, start..base.len(), port);
        if let Some(port) = port {
            base.push_str(&format!(":{port}"));
        }
        Uri { base: base.into(), places, params: Params::new(), headers: None }
    }

    /// Reads a URI that is free of angle brackets and white space.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        UriRef::read(text).map(Uri::from)
    }

    /// `sip`, `sips`, `tel`, or one unknown to us.
    pub fn scheme(&self) -> &str {
        &self.base[..self.places.scheme_end as usize]
    }

    /// The user part, escapes kept; none when there is no `@`.
    pub fn user(&self) -> Option<&str> {
        let Places { scheme_end, user_end, .. } = self.places;
        (user_end > scheme_end).then(|| &self.base[scheme_end as usize + 1..user_end as usize])
    }

    /// What follows the colon of the user part. Deprecated, kept for faithfulness.
    pub fn password(&self) -> Option<&str> {
        self.user()?;
        // Between it and the host are a colon and an `@` then, and else the `@` alone.
        self.base.get(self.places.user_end as usize + 1..self.places.host as usize - 1)
    }

    /// The host as written, IPv6 in brackets; empty when the scheme is neither sip nor sips.
    pub fn host(&self) -> &str {
        &self.base[self.places.host as usize..self.places.host_end as usize]
    }

    /// The address, when the host is one and not a name.
    pub fn ip(&self) -> Option<IpAddr> {
        parse_ip(self.host())
    }

    /// The port, when one is written.
    pub fn port(&self) -> Option<u16> {
        self.places.port
    }

    /// What follows the scheme's colon, when the scheme is neither sip nor sips.
    pub fn opaque(&self) -> Option<&str> {
        (!self.is_sip()).then(|| &self.base[self.places.scheme_end as usize + 1..])
    }

    /// The same without headers.
    pub fn without_headers(self) -> Self {
        Uri { headers: None, ..self }
    }

    /// Whether the scheme is sip or sips.
    pub fn is_sip(&self) -> bool {
        is_sip_scheme(self.scheme())
    }

    /// Whether the scheme is sips.
    pub fn is_sips(&self) -> bool {
        self.scheme().eq_ignore_ascii_case("sips")
    }

    /// The same as a `sips:` URI; what is none of SIP stays what it is. It names no transport: TLS goes without saying, and
    /// `transport=tls` is not said any more (RFC 3261 26.2.2).
    pub fn into_sips(mut self) -> Self {
        if self.is_sip() {
            self.params.remove("transport");
        }
        match self.to_string().split_once(':') {
            Some((_, rest)) if self.is_sip() => Uri::parse(&format!("sips:{rest}")).unwrap_or(self),
            _ => self,
        }
    }

    /// The user part without escapes; for a `tel` URI its number. What a person would call the extension.
    pub fn user_text(&self) -> Option<Cow<'_, str>> {
        if self.scheme().eq_ignore_ascii_case("tel") {
            return self.opaque().map(|number| Cow::Borrowed(number.split(';').next().unwrap_or(number)));
        }
        self.user().map(unescape)
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
        if !self.scheme().eq_ignore_ascii_case(other.scheme()) {
            return false;
        }
        if !self.is_sip() {
            return self.opaque() == other.opaque();
        }
        let same = |own: Option<&str>, other: Option<&str>| own.map(unescape) == other.map(unescape);
        same(self.user(), other.user())
            && same(self.password(), other.password())
            && self.host().eq_ignore_ascii_case(other.host())
            && self.port() == other.port()
            && params_agree(&self.params, &other.params)
            && params_agree(&other.params, &self.params)
            && sorted_headers(self) == sorted_headers(other)
    }
}

impl Uri {
    /// Writes it as it goes on the wire.
    pub(in crate::sip) fn write(&self, to: &mut impl fmt::Write) -> fmt::Result {
        to.write_str(&self.base)?;
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

/// The same spelling; hosts are the same without regard to case.
impl PartialEq for Uri {
    fn eq(&self, other: &Self) -> bool {
        self.base[..self.places.host as usize] == other.base[..other.places.host as usize]
            && self.host().eq_ignore_ascii_case(other.host())
            && self.port() == other.port()
            && self.params == other.params
            && self.headers == other.headers
    }
}

impl Eq for Uri {}

impl Places {
    fn new(scheme_end: usize, user_end: usize, host: Range<usize>, port: Option<u16>) -> Self {
        let [scheme_end, user_end, host, host_end] = [scheme_end, user_end, host.start, host.end].map(|at| at as u32);
        Places { scheme_end, user_end, host, host_end, port }
    }
}

/// A URI where it stands in a text: checked, and not copied yet.
pub(super) struct UriRef<'a> {
    base: &'a str,
    places: Places,
    params: ParamsRef<'a>,
    headers: Option<&'a str>,
}

impl<'a> UriRef<'a> {
    /// Reads a URI that is free of angle brackets and white space.
    pub(super) fn read(text: &'a str) -> Result<Self, Malformed> {
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
        let scheme_end = scheme.len();
        if !is_sip_scheme(scheme) {
            if !is_scheme(scheme) {
                return Err(Malformed("URI without a valid scheme"));
            }
            let places = Places::new(scheme_end, scheme_end, text.len()..text.len(), None);
            return Ok(UriRef { base: text, places, params: ParamsRef::default(), headers: None });
        }
        // A user part may hold `;`, `?` and `/`, so the `@` is looked for first.
        let (user_end, start) = match scan::find(rest.as_bytes(), b'@') {
            Some(at) => {
                let user_len = scan::find(&rest.as_bytes()[..at], b':').unwrap_or(at);
                if user_len == 0 {
                    return Err(Malformed("URI with an empty user part"));
                }
                (scheme_end + 1 + user_len, scheme_end + 1 + at + 1)
            }
            None => (scheme_end, scheme_end + 1),
        };
        let (host, port, rest) = split_host_port(&text[start..])?;
        let places = Places::new(scheme_end, user_end, start..start + host.len(), port);
        let (params, headers) = match scan::split_once(rest, b'?') {
            Some((params, headers)) => (params, Some(headers)),
            None => (rest, None),
        };
        let params = match params.strip_prefix(';') {
            Some(params) => ParamsRef::read(params)?,
            None if params.is_empty() => ParamsRef::default(),
            None => return Err(Malformed("not a host")),
        };
        Ok(UriRef { base: &text[..text.len() - rest.len()], places, params, headers })
    }
}

impl From<UriRef<'_>> for Uri {
    fn from(UriRef { base, places, params, headers }: UriRef<'_>) -> Self {
        let base = match (places.port, base.split_at(places.host_end as usize)) {
            (Some(port), (before, behind)) if behind.starts_with(":0") => format!("{before}:{port}").into(),
            _ => base.into(),
        };
        Uri { base, places, params: params.into(), headers: headers.map(str::to_owned) }
    }
}

fn is_scheme(scheme: &str) -> bool {
    let may_follow = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    match scheme.as_bytes() {
        [first, rest @ ..] => first.is_ascii_alphabetic() && rest.iter().all(may_follow),
        [] => false,
    }
}

fn is_sip_scheme(scheme: &str) -> bool {
    matches!(
        scheme.as_bytes(),
        [b's' | b'S', b'i' | b'I', b'p' | b'P'] | [b's' | b'S', b'i' | b'I', b'p' | b'P', b's' | b'S']
    )
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
        assert_eq!(uri.user(), Some("door;x"));
        assert_eq!(uri.password(), Some("pw"));
        assert_eq!(uri.ip(), Some("::1".parse().unwrap()));
        assert_eq!(uri.port(), Some(5062));
        assert_eq!(uri.transport(), Some("UDP"));
        assert!(uri.is_loose_router() && uri.is_sip() && !uri.is_sips());
        assert_eq!(uri.headers.as_deref(), Some("a=b"));
        let tel = Uri::parse("tel:+431;ext=2").unwrap();
        assert_eq!(tel.user_text().as_deref(), Some("+431"));
        assert_eq!((tel.scheme(), tel.user(), tel.password(), tel.host()), ("tel", None, None, ""));
        assert_eq!((tel.opaque(), tel.is_sip()), (Some("+431;ext=2"), false));
        let uri = Uri::parse("SIPS:a:@h").unwrap();
        assert_eq!((uri.scheme(), uri.user(), uri.password(), uri.opaque()), ("SIPS", Some("a"), Some(""), None));
        let uri = Uri::parse("sip:h:5060").unwrap();
        assert_eq!((uri.user(), uri.password(), uri.host(), uri.port()), (None, None, "h", Some(5060)));
    }

    #[test]
    fn spelling_is_compared_but_for_the_case_of_the_host_and_the_zeros_of_the_port() {
        let zeros = Uri::parse("sip:a:b@h.Example:005060;x").unwrap();
        assert_eq!(zeros.to_string(), "sip:a:b@h.Example:5060;x");
        assert_eq!(zeros, Uri::parse("sip:a:b@H.example:5060;x").unwrap());
        for other in
            ["sip:A:b@h.example:5060;x", "sip:a:b@h.example;x", "sip:a:b@h.example:5060;X", "sips:a:b@h.example:5060;x"]
        {
            assert_ne!(zeros, Uri::parse(other).unwrap());
        }
        assert_eq!(Uri::sip(Some("a"), Host::parse("h").unwrap(), Some(5)), Uri::parse("sip:a@h:5").unwrap());
        assert_eq!(Uri::sip(None, Host::parse("h").unwrap(), None), Uri::parse("sip:h").unwrap());
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
            "sip:a@b: 5",
            "sip:a@b :5",
            "sip:a@b\t:5",
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
    fn a_sips_uri_of_a_sip_uri_names_no_transport() {
        for (uri, sips) in [
            ("sip:101@10.0.0.1:5061;transport=tls", "sips:101@10.0.0.1:5061"),
            ("SIP:[::1];ob;transport=tls?a=b", "sips:[::1];ob?a=b"),
            ("sips:101@h", "sips:101@h"),
            ("tel:+4930", "tel:+4930"),
        ] {
            assert_eq!(Uri::parse(uri).unwrap().into_sips().to_string(), sips);
        }
    }

    #[test]
    fn a_user_part_is_escaped_when_built() {
        let uri = Uri::sip(Some("192*1 @\r\n<é>"), Host::from(IpAddr::from([192, 0, 2, 1])), Some(5060));
        assert_eq!(uri.to_string(), "sip:192*1%20%40%0D%0A%3C%C3%A9%3E@192.0.2.1:5060");
        assert_eq!(uri.user_text().as_deref(), Some("192*1 @\r\n<é>"));
        assert_eq!(Host::from(IpAddr::V6(Ipv6Addr::LOCALHOST)).as_str(), "[::1]");
    }
}
