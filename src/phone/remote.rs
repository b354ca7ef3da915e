//! Who the other side is: its URI, its entry in the address book, its name on the screen.

use std::net::IpAddr;

use super::call::Remote;
use crate::config::{Config, Party, PhonebookEntry};
use crate::dial::{self, DialTarget};
use crate::sip::{IncomingCall, Path, Uri};

/// The port of SIP where none is said (RFC 3261 19.1.2).
const DEFAULT_PORT: u16 = 5060;

/// What is known of whoever sent a request, by where it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    /// The server of an account: it says truly who calls.
    Server,
    /// A device that calls us directly.
    Device,
    /// Somebody who came to the port of an account and is not its server: nobody but who has that address.
    Stray,
}

/// A caller, known twice: by where its message came from and by what it calls itself. An IP address that it calls itself by and
/// does not come from tells nothing: anybody can write it.
pub(super) struct Caller {
    user: Option<String>,
    source: String,
    contact_port: Option<u16>,
    named_host: String,
    named_port: Option<u16>,
    /// Where it has reached us; of a direct call that is Direct IP Port.
    our_port: u16,
    /// It calls itself by a bare telephone number (RFC 3966).
    is_number: bool,
    sender: Sender,
}

impl Caller {
    /// Whoever sent this. One behind the server of an account is known by what that says alone.
    pub fn new(path: Path, request: &IncomingCall, sender: Sender) -> Self {
        let from = &request.from.uri;
        let number = telephone_number(from);
        let is_number = number.is_some();
        let user = number.or_else(|| from.user().map(str::to_owned));
        let address = path.remote.ip().to_canonical();
        // It is one of whoever sent it.
        let named_host = if is_number { address.to_string() } else { host(from) };
        let named_port = from.port();
        if sender == Sender::Server {
            // Its server finds it, whatever our own port is.
            let (source, our_port) = (named_host.clone(), DEFAULT_PORT);
            return Self {
                user,
                source,
                contact_port: named_port,
                named_host,
                named_port,
                our_port,
                is_number,
                sender,
            };
        }
        let contact = request.contact.as_ref().filter(|contact| host(contact).parse() == Ok(path.remote.ip()));
        Self {
            user,
            source: path.remote.ip().to_string(),
            contact_port: contact.map(|contact| contact.port().unwrap_or(DEFAULT_PORT)),
            named_host,
            named_port,
            our_port: path.local.port(),
            is_number,
            sender,
        }
    }

    /// The same caller as each of the two, the surer one first.
    pub fn parties(&self) -> Vec<Party<'_>> {
        let is_stray = self.sender == Sender::Stray;
        let user = self.user.as_deref().filter(|_| !is_stray);
        let surely = Party { user, host: &self.source, port: self.contact_port };
        let by_itself = Party { user, host: &self.named_host, port: self.named_port };
        if is_stray || self.lies() { vec![surely] } else { vec![surely, by_itself] }
    }

    /// It calls itself by an address that it does not come from.
    fn lies(&self) -> bool {
        let (named, source) = (self.named_host.parse::<IpAddr>(), self.source.parse::<IpAddr>());
        matches!((named, source), (Ok(named), Ok(source)) if named.to_canonical() != source.to_canonical())
    }

    /// Its entry in the address book, as far as it can be believed.
    pub fn contact(&self, config: &Config) -> Option<PhonebookEntry> {
        self.parties().into_iter().find_map(|party| config.contact(party)).cloned()
    }

    /// The other side of its call, which is this contact. The URI is one that can be called back.
    pub fn remote(&self, contact: Option<PhonebookEntry>, display: Option<&str>) -> Remote {
        let (host, port) = match self.contact_port {
            Some(port) => (self.source.as_str(), Some(port)),
            None if self.lies() => (self.source.as_str(), None),
            None => (self.named_host.as_str(), self.named_port),
        };
        // Who only claims to come from an account's server is called back by address; any name would be another's.
        let user = self.user.as_deref().filter(|_| self.sender != Sender::Stray);
        let uri = lasting_uri(user, host, port, self.our_port);
        let display = display.map(str::trim).filter(|display| !display.is_empty());
        let name = match (&contact, display) {
            (Some(contact), _) => contact.name.clone(),
            (None, Some(display)) => printable(display),
            (None, None) if self.is_number => self.user.clone().unwrap_or_default(),
            (None, None) => short(self.user.as_deref(), host),
        };
        Remote { uri, name, contact }
    }
}

/// The other side of a call of ours to `host`.
pub(super) fn called(config: &Config, user: Option<&str>, address: IpAddr, port: u16) -> Remote {
    let host = address.to_string();
    let contact = config.contact(Party { user, host: &host, port: Some(port) }).cloned();
    let name = contact.as_ref().map_or_else(|| short(user, &host), |contact| contact.name.clone());
    Remote { uri: lasting_uri(user, &host, Some(port), config.direct_ip_port), name, contact }
}

/// The other side of a call of ours to `to` through an account.
pub(super) fn called_through(config: &Config, to: &Uri, number: &str) -> Remote {
    let named_host = host(to);
    let contact = config.contact(Party { user: to.user(), host: &named_host, port: to.port() }).cloned();
    let name = contact.as_ref().map_or_else(|| number.to_owned(), |contact| contact.name.clone());
    Remote { uri: to.to_string(), name, contact }
}

/// The host of a URI, an IPv6 address without its brackets.
pub(super) fn host(uri: &Uri) -> String {
    let host = uri.host();
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).to_owned()
}

/// `sip:user@host:port`; the default port is left out.
pub(super) fn sip_uri(user: Option<&str>, host: &str, port: Option<u16>) -> String {
    let at = user.map(|user| format!("{user}@")).unwrap_or_default();
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    match port {
        None | Some(DEFAULT_PORT) => format!("sip:{at}{host}"),
        Some(port) => format!("sip:{at}{host}:{port}"),
    }
}

/// The same, to be called again some day: the default port is left out only where it is Direct IP Port as well, at which whoever
/// dials the URI without a port looks for the device.
fn lasting_uri(user: Option<&str>, host: &str, port: Option<u16>, direct_ip_port: u16) -> String {
    match port {
        Some(DEFAULT_PORT) if direct_ip_port != DEFAULT_PORT => format!("{}:{DEFAULT_PORT}", sip_uri(user, host, None)),
        port => sip_uri(user, host, port),
    }
}

fn short(user: Option<&str>, host: &str) -> String {
    match user {
        Some(user) => format!("{user}@{host}"),
        None => host.to_owned(),
    }
}

/// A display name comes from anywhere: no control characters, none that turn the direction of what stands around them or are
/// not seen at all (Unicode, UAX #9 2), and not a novel.
fn printable(display: &str) -> String {
    let unseen = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{61c}' | '\u{feff}');
    display.chars().filter(|c| !c.is_control() && !unseen(*c)).take(64).collect()
}

/// The number of a `tel:` URI, as it is dialled and compared: without what only makes it easier to read (RFC 3966 5.1.1).
fn telephone_number(uri: &Uri) -> Option<String> {
    let number = uri.opaque().filter(|_| uri.scheme().eq_ignore_ascii_case("tel"))?;
    let number = number.split(';').next().unwrap_or_default();
    Some(match dial::parse(&format!("tel:{number}")) {
        Ok(DialTarget::Number(number)) => number,
        _ => number.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_somebody_calls_himself_by_and_does_not_come_from_is_nobodys() {
        let caller = |source: &str, named: &str| Caller {
            user: Some("door".to_owned()),
            source: source.to_owned(),
            contact_port: None,
            named_host: named.to_owned(),
            named_port: None,
            our_port: DEFAULT_PORT,
            is_number: false,
            sender: Sender::Device,
        };
        let hosts = |caller: &Caller| caller.parties().iter().map(|party| party.host.to_owned()).collect::<Vec<_>>();
        assert_eq!(hosts(&caller("10.0.0.3", "10.0.0.2")), ["10.0.0.3"]);
        assert_eq!(hosts(&caller("10.0.0.3", "door.test")), ["10.0.0.3", "door.test"]);
        assert_eq!(hosts(&caller("::ffff:10.0.0.3", "10.0.0.3")), ["::ffff:10.0.0.3", "10.0.0.3"]);
    }

    #[test]
    fn a_telephone_number_is_told_without_its_ornaments() {
        let number = |text: &str| telephone_number(&Uri::parse(text).expect("a URI"));
        assert_eq!(number("tel:+49-170.(12)34567;isub=1").as_deref(), Some("+491701234567"));
        assert_eq!(number("tel:200;phone-context=example.com").as_deref(), Some("200"));
        assert_eq!(number("sip:200@x"), None);
    }

    #[test]
    fn a_uri_that_can_be_called_back() {
        assert_eq!(sip_uri(Some("door"), "10.0.0.2", Some(5060)), "sip:door@10.0.0.2");
        assert_eq!(sip_uri(Some("door"), "10.0.0.2", Some(5062)), "sip:door@10.0.0.2:5062");
        assert_eq!(sip_uri(None, "::1", None), "sip:[::1]");
        assert_eq!(lasting_uri(Some("door"), "10.0.0.2", Some(5060), 5060), "sip:door@10.0.0.2");
        assert_eq!(lasting_uri(Some("door"), "10.0.0.2", Some(5060), 5070), "sip:door@10.0.0.2:5060");
        assert_eq!(lasting_uri(None, "::1", Some(5060), 5070), "sip:[::1]:5060");
        assert_eq!(lasting_uri(Some("door"), "10.0.0.2", None, 5070), "sip:door@10.0.0.2");
    }

    #[test]
    fn the_contact_names_the_call() {
        let mut config = Config::default();
        config.contacts.push(crate::config::PhonebookEntry {
            name: "Front door".to_owned(),
            numbers: vec!["10.0.0.2".to_owned()],
            ..Default::default()
        });
        let at = |last: u8| IpAddr::from([10, 0, 0, last]);
        assert_eq!(called(&config, None, at(2), 5060).name, "Front door");
        assert_eq!(called(&config, Some("x"), at(3), 5060).name, "x@10.0.0.3");
        let caller = |source: &str| Caller {
            user: Some("door".to_owned()),
            source: source.to_owned(),
            contact_port: Some(5070),
            named_host: "door.invalid".to_owned(),
            named_port: None,
            our_port: DEFAULT_PORT,
            is_number: false,
            sender: Sender::Device,
        };
        let remote = |source: &str, display| caller(source).remote(caller(source).contact(&config), display);
        let known = remote("10.0.0.2", Some("\"evil\u{7}\""));
        assert_eq!((known.name.as_str(), known.uri.as_str()), ("Front door", "sip:door@10.0.0.2:5070"));
        assert_eq!(remote("10.0.0.3", Some("Anna\u{7}")).name, "Anna");
        assert_eq!(remote("10.0.0.3", Some("\u{202e}gnp\u{200b}.\u{2066}x")).name, "gnp.x");
        assert_eq!(remote("10.0.0.3", None).name, "door@10.0.0.3");
    }
}
