//! The header values with a grammar of their own: name-addr and Via.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::params::ParamsRef;
use super::uri::{UriRef, parse_ip, split_host_port};
use super::{Host, Malformed, Params, Uri, scan, serialise};

/// A From, To, Contact, Route or the like: a URI with a name to show and parameters (RFC 3261 20.10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameAddr {
    /// The display name, without quotes and escapes.
    pub display: Option<String>,
    /// The address.
    pub uri: Uri,
    /// The parameters of the header, outside the angle brackets: `tag`, `expires`, `q`, …
    pub params: Params,
}

impl NameAddr {
    /// An address with neither name nor parameters.
    pub fn new(uri: Uri) -> Self {
        NameAddr { display: None, uri, params: Params::new() }
    }

    /// Reads `"Name" <uri>;params`, `Name <uri>;params` or `uri;params`. Without angle brackets parameters belong to
    /// the header, and the URI may hold neither comma nor question mark (RFC 3261 20). A display name without quotes
    /// may hold more than tokens, as many devices send it, except what would make the value ambiguous.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        NameAddrRef::read(text).map(NameAddr::from)
    }

    /// The tag that makes this end of a dialog unique (RFC 3261 19.3); an empty one counts as none.
    pub fn tag(&self) -> Option<&str> {
        self.params.get("tag").filter(|tag| !tag.is_empty())
    }

    /// `text`, which this was read from, byte for byte but with this tag if there was none.
    pub(in crate::sip) fn text_with_tag(&self, text: &str, tag: &str) -> String {
        if self.tag().is_some() {
            text.to_owned()
        } else if self.params.contains("tag") {
            let mut tagged = self.clone();
            tagged.set_tag(tag);
            tagged.to_string()
        } else {
            // A stray semicolon at the end was let pass.
            format!("{};tag={tag}", text.trim_end_matches([';', ' ', '\t']))
        }
    }

    /// The preference that a Contact carries (RFC 3261 20.10) in thousandths, 0 to 1000; 1000 when it carries none, and
    /// 0 when that is no number from 0 to 1 of at most three decimals.
    pub fn q(&self) -> u16 {
        let Some(text) = self.params.get("q") else {
            return 1000;
        };
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let thousandths = match decimals.len() {
            0 => Some(0),
            1..=3 => scan::digits::<u16>(&format!("{decimals:0<3}")),
            _ => None,
        };
        match (whole, thousandths) {
            ("0", Some(thousandths)) => thousandths,
            ("1", Some(0)) => 1000,
            _ => 0,
        }
    }

    /// Sets the tag.
    pub fn set_tag(&mut self, tag: &str) {
        self.params.set("tag", Some(tag));
    }
}

/// Always with angle brackets, so that the parameters cannot be taken for the URI's; a display name always quoted.
impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(display) = &self.display {
            write!(f, "{} ", scan::quote(display))?;
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

/// A name-addr where it stands in a text: checked, and not copied yet.
pub(super) struct NameAddrRef<'a> {
    /// The display name as it is written.
    display: Option<&'a str>,
    uri: UriRef<'a>,
    params: ParamsRef<'a>,
}

impl<'a> NameAddrRef<'a> {
    /// Reads what [`NameAddr::parse`] does.
    pub(super) fn read(text: &'a str) -> Result<Self, Malformed> {
        let text = scan::trim(text);
        let after_quotes = if text.starts_with('"') { scan::quoted_len(text)? } else { 0 };
        let bracket = scan::find(&text.as_bytes()[after_quotes..], b'<').map(|at| after_quotes + at);
        let Some(open) = bracket else {
            let (uri, params) = match scan::split_once(text, b';') {
                Some((uri, params)) => (scan::trim(uri), ParamsRef::read(params)?),
                None => (text, ParamsRef::default()),
            };
            if uri.contains(['?', ',']) {
                return Err(Malformed("an address with ? or , needs angle brackets"));
            }
            return Ok(NameAddrRef { display: None, uri: UriRef::read(uri)?, params });
        };
        let display = check_display(scan::trim(&text[..open]), after_quotes)?;
        let (uri, rest) = scan::split_once(&text[open + 1..], b'>').ok_or(Malformed("angle bracket not closed"))?;
        let rest = scan::trim(rest);
        let params = match rest.strip_prefix(';') {
            Some(params) => ParamsRef::read(params)?,
            None if rest.is_empty() => ParamsRef::default(),
            None => return Err(Malformed("text after the angle brackets")),
        };
        Ok(NameAddrRef { display, uri: UriRef::read(scan::trim(uri))?, params })
    }
}

impl From<NameAddrRef<'_>> for NameAddr {
    fn from(NameAddrRef { display, uri, params }: NameAddrRef<'_>) -> Self {
        let display = display.map(|display| scan::unquote(display).into_owned());
        NameAddr { display, uri: uri.into(), params: params.into() }
    }
}

/// The display name, if it may be one. `quoted_len` is the length of the quoted string that it begins with, if any.
fn check_display(text: &str, quoted_len: usize) -> Result<Option<&str>, Malformed> {
    if text.is_empty() {
        return Ok(None);
    }
    if quoted_len > 0 && quoted_len < text.len() {
        return Err(Malformed("text between the display name and the address"));
    }
    if quoted_len > 0 {
        return Ok(Some(text));
    }
    if text.contains(['"', ',', ';', '>']) {
        return Err(Malformed("a display name with separators needs quotes"));
    }
    Ok(Some(text))
}

/// One hop of a Via (RFC 3261 20.42). Parts keep their spelling; white space between them is written in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Via {
    /// Protocol and version, `SIP/2.0`.
    pub protocol: Cow<'static, str>,
    /// The transport as written: `UDP`, `TCP`, `TLS`, or one unknown to us.
    pub transport: Cow<'static, str>,
    /// Where the sender wants its responses: host.
    pub host: Host,
    /// Where the sender wants its responses: port.
    pub port: Option<u16>,
    /// `branch`, `received`, `rport`, …
    pub params: Params,
}

impl Via {
    /// The Via of a request of ours, with `rport` asked for (RFC 3581 3).
    pub fn new(transport: &str, host: Host, port: Option<u16>, branch: &str) -> Self {
        let mut params = Params::new();
        params.set("rport", None);
        params.set("branch", Some(branch));
        Via { protocol: Cow::Borrowed("SIP/2.0"), transport: known_transport(transport), host, port, params }
    }

    /// Reads one hop; a comma list is split before.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let (head, params) = match scan::split_once(text, b';') {
            Some((head, params)) => (head, Params::parse(params)?),
            None => (text, Params::new()),
        };
        let pieces = scan::split_once(head, b'/').map(|(name, rest)| (name, scan::split_once(rest, b'/')));
        let Some((name, Some((version, rest)))) = pieces else {
            return Err(Malformed("Via without a protocol"));
        };
        let (name, version) = (scan::trim(name), scan::trim(version));
        let (transport, sent_by) = scan::split_at_space(scan::trim(rest)).ok_or(Malformed("Via without a host"))?;
        if ![name, version, transport].into_iter().all(scan::is_token) {
            return Err(Malformed("Via without a protocol"));
        }
        let (host, port, rest) = split_host_port(scan::trim(sent_by))?;
        if !scan::trim(rest).is_empty() {
            return Err(Malformed("text after the host of a Via"));
        }
        let protocol = match (name, version) {
            ("SIP", "2.0") => Cow::Borrowed("SIP/2.0"),
            _ => Cow::Owned(format!("{name}/{version}")),
        };
        Ok(Via { protocol, transport: known_transport(transport), host: Host::found(host), port, params })
    }

    /// The branch, which names the transaction (RFC 3261 8.1.1.7).
    pub fn branch(&self) -> Option<&str> {
        self.params.get("branch")
    }

    /// Where the request was seen to come from (RFC 3261 18.2.1), in brackets or not.
    pub fn received(&self) -> Option<IpAddr> {
        self.params.unquoted("received").and_then(|text| parse_ip(&text))
    }

    /// Whether the sender asks for the response at the port that it sent from (RFC 3581), filled in or not.
    pub fn wants_rport(&self) -> bool {
        self.params.contains("rport")
    }

    /// The port that the receiver of the request filled in (RFC 3581 4).
    pub fn rport(&self) -> Option<u16> {
        self.params.get("rport").and_then(scan::digits)
    }

    /// Notes where the request was seen to come from: address and port if the sender asks for both (RFC 3581 4), the
    /// address if sent-by names another one (RFC 3261 18.2.1).
    pub fn stamp_source(&mut self, source: SocketAddr) {
        if self.wants_rport() {
            self.set_rport(source.port());
            self.set_received(source.ip());
        } else if self.host.ip() != Some(source.ip()) {
            self.set_received(source.ip());
        }
    }

    /// Notes where the request was seen to come from; IPv6 without brackets (RFC 3261 25.1, `via-received`).
    pub fn set_received(&mut self, address: IpAddr) {
        self.params.set("received", Some(&address.to_string()));
    }

    /// Fills in the port that the request came from.
    pub fn set_rport(&mut self, port: u16) {
        self.params.set("rport", Some(&port.to_string()));
    }
}

impl Via {
    /// Writes it as it goes on the wire.
    pub(in crate::sip) fn write(&self, to: &mut impl fmt::Write) -> fmt::Result {
        for piece in [&*self.protocol, "/", &*self.transport, " ", self.host.as_str()] {
            to.write_str(piece)?;
        }
        if let Some(port) = self.port {
            to.write_str(":")?;
            serialise::decimal(to, port.into())?;
        }
        to.write_str(self.params.as_str())
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

/// The name of a transport, without a copy of the usual ones.
fn known_transport(name: &str) -> Cow<'static, str> {
    let known = ["UDP", "TCP", "TLS"].into_iter().find(|known| *known == name);
    known.map_or_else(|| Cow::Owned(name.to_owned()), Cow::Borrowed)
}

/// Reads `314159 INVITE` (RFC 3261 20.16): the number is below 2^31.
pub(super) fn parse_cseq(text: &str) -> Result<(u32, &str), Malformed> {
    let (number, method) = scan::split_at_space(scan::trim(text)).ok_or(Malformed("CSeq without number and method"))?;
    let number = scan::digits::<u32>(number).filter(|number| *number < 1 << 31);
    let method = scan::trim(method);
    match number {
        Some(number) if scan::is_token(method) => Ok((number, method)),
        Some(_) => Err(Malformed("CSeq without a method")),
        None => Err(Malformed("CSeq number out of range")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_addrs_in_every_spelling() {
        for (text, display, uri, tag) in [
            (r#""A. \"Bell\" \\" <sip:a@b;x=1>;tag=t"#, Some(r#"A. "Bell" \"#), "sip:a@b;x=1", Some("t")),
            ("Front Door (1) <sip:1@h>", Some("Front Door (1)"), "sip:1@h", None),
            ("caller<sip:c@h> ; tag = 323", Some("caller"), "sip:c@h", Some("323")),
            ("sip:c@h;tag=9;x", None, "sip:c@h", Some("9")),
            ("<sip:h>;tag=", None, "sip:h", None),
            ("<tel:+1;ext=5>", None, "tel:+1;ext=5", None),
            (r#""<sip:x@y>" < sip:a@[::1]:5 >"#, Some("<sip:x@y>"), "sip:a@[::1]:5", None),
        ] {
            let parsed = NameAddr::parse(text).unwrap();
            assert_eq!(parsed.display.as_deref(), display, "{text}");
            assert_eq!(parsed.uri.to_string(), uri, "{text}");
            assert_eq!(parsed.tag(), tag, "{text}");
            assert_eq!(NameAddr::parse(&parsed.to_string()).unwrap(), parsed, "{text}");
        }
    }

    #[test]
    fn name_addrs_that_are_refused() {
        for text in [
            "",
            "\"Open <sip:a@b>",
            "Bell, A <sip:a@b>",
            "<sip:a@b",
            "<sip:a@b> x",
            "\"A\" B <sip:a@b>",
            "sip:a@b?Route=x",
            "<sip:a@b>;tag=\"x",
            "<>",
        ] {
            assert!(NameAddr::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn vias_in_every_spelling() {
        let via = Via::parse("SIP / 2.0\t/ UDP  first.example : 4000;ttl=16 ;branch=z9hG4bKa;rport").unwrap();
        assert_eq!(via.to_string(), "SIP/2.0/UDP first.example:4000;ttl=16;branch=z9hG4bKa;rport");
        assert!(via.wants_rport() && via.rport().is_none());
        let via = Via::parse("SIP/2.0/tls [2001:db8::9]:5061;received=[::2];rport=5;BRANCH=x").unwrap();
        assert_eq!(via.received(), Some("::2".parse().unwrap()));
        assert_eq!((via.rport(), via.port, via.branch()), (Some(5), Some(5061), Some("x")));
        assert_eq!(via.transport, "tls");
        let mut via = Via::new("TCP", Host::parse("h").unwrap(), None, "z9hG4bK1");
        via.set_received("::2".parse().unwrap());
        via.set_rport(7);
        assert_eq!(via.to_string(), "SIP/2.0/TCP h;rport=7;branch=z9hG4bK1;received=::2");
        for text in ["", "SIP/2.0/UDP", "SIP/2.0 UDP h", "SIP/2.0/UDP h:x", "SIP/2.0/UDP h;;,", "SIP//UDP h"] {
            assert!(Via::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn preferences_that_are_none_come_last() {
        for (text, q) in [
            ("", 1000),
            (";q=1", 1000),
            (";q=1.000", 1000),
            (";q=0.5", 500),
            (";q=0.25", 250),
            (";q=0.001", 1),
            (";q=0.", 0),
            (";q=1.5", 0),
            (";q=99999999999999999999", 0),
            (";q=-1", 0),
            (";q=0.12345", 0),
            (";q=0.+1", 0),
            (";q=0.é", 0),
            (";q", 1000),
            (";q=", 0),
        ] {
            assert_eq!(NameAddr::parse(&format!("<sip:a@b>{text}")).unwrap().q(), q, "{text}");
        }
    }

    #[test]
    fn cseq_numbers_stay_below_two_to_the_31() {
        assert_eq!(parse_cseq(" 0009\t INVITE "), Ok((9, "INVITE")));
        assert!(parse_cseq("2147483648 INVITE").is_err());
        assert!(parse_cseq("36893488147419103232 REGISTER").is_err());
        assert!(parse_cseq("1").is_err());
        assert!(parse_cseq("-1 INVITE").is_err());
    }
}
