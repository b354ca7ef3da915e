//! The settings of one account, declared once and held twice: `account1.…` and `account2.…`.

use std::fmt;
use std::net::IpAddr;

use super::choices::{AccountTransport, SessionRefresher, SrvOver};
use super::setting::{Field, Kind, Part, Setting, Value, echo};
use super::table::Config;

/// One of the two accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// Account 1, the one that is taken when none is named.
    One,
    /// Account 2.
    Two,
}

impl Account {
    /// Both, in the order in which they are tried.
    pub const ALL: [Self; 2] = [Self::One, Self::Two];

    /// 1 or 2.
    pub fn number(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }

    /// The account with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|account| account.number() == number)
    }

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::One => Self::Two,
            Self::Two => Self::One,
        }
    }

    /// Its place in an array of both.
    pub fn index(self) -> usize {
        usize::from(self.number() - 1)
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Account {}", self.number())
    }
}

/// What nobody gets to see: not in logs, not in lists, not on the screen.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The secret itself, for whoever must prove that it is known.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "Secret(empty)" } else { "Secret(hidden)" })
    }
}

impl Field for Secret {
    fn of(value: &Value) -> Option<Self> {
        String::of(value).map(Secret)
    }

    fn value(&self) -> Value {
        self.0.value()
    }
}

/// Makes the fields of [`AccountConfig`] and the rows of both accounts from one declaration each.
macro_rules! account_settings {
    ($( $field:ident: $type:ty = $key:literal, $label:literal, $path:expr, $kind:expr, $default:literal $unit:literal, $help:literal; )+) => {
        /// The settings of one account in force, each checked.
        #[derive(Clone, Debug, PartialEq)]
        pub struct AccountConfig {
            $(
                #[doc = concat!("`", $key, "`: ", $help)]
                pub $field: $type,
            )+
        }

        impl Default for AccountConfig {
            fn default() -> Self {
                Self {
                    $(
                        $field: ($kind)
                            .parse($default)
                            .ok()
                            .and_then(|value| <$type as Field>::of(&value))
                            .expect(concat!("the default of ", $key, " passes its own check, as a test sees")),
                    )+
                }
            }
        }

        /// The rows of both accounts, Account 1 first.
        pub(super) fn rows() -> Vec<Setting> {
            vec![
                $( account_settings!(@row One 0 "account1." $field, $key, $label, $path, $kind, $default $unit, $help), )+
                $( account_settings!(@row Two 1 "account2." $field, $key, $label, $path, $kind, $default $unit, $help), )+
            ]
        }
    };
    (@row $account:ident $index:literal $chapter:literal $field:ident, $key:literal, $label:literal, $path:expr, $kind:expr,
        $default:literal $unit:literal, $help:literal) => {
        Setting {
            key: concat!($chapter, $key),
            label: $label,
            path: $path,
            kind: $kind,
            default: $default,
            unit: $unit,
            help: $help,
            part: Part::Account(Account::$account),
            read: |config| Field::value(&config.accounts[$index].$field),
            write: |config, value| {
                if let Some(field) = Field::of(value) {
                    config.accounts[$index].$field = field;
                }
            },
        }
    };
}

const BASIC: &str = "Account > Basic";
const PROXY: &str = "Account > Basic > Outbound Proxy Server";
const TRANSPORT: &str = "Account > Basic > Transport Type";
const CERTIFICATES: &str = "Account > Basic > Certificates";
const CALL: &str = "Account > Advanced > Call";
const SESSION_TIMER: &str = "Account > Advanced > Session Timer";

const PORT: Kind = Kind::Number { min: 1, max: 65535 };
const NAME: Kind = Kind::Text { min: 0, max: 64, check: anything };
const HOST: Kind = Kind::Text { min: 0, max: 255, check: host };
const FILE: Kind = Kind::Text { min: 0, max: 255, check: anything };

account_settings! {
    active: bool = "active", "Account Active", BASIC, Kind::Switch, "off" "",
        "Register this account at its server and take its calls.";
    display_label: String = "basic.display_label", "Display Label", BASIC, NAME, "" "",
        "How the account is labelled on this screen.";
    display_name: String = "basic.display_name", "Display Name", BASIC, NAME, "" "",
        "The name that the other side sees when this account calls.";
    register_name: String = "basic.register_name", "Register Name", BASIC, NAME, "" "",
        "The number or name under which the server knows this panel.";
    user_name: String = "basic.user_name", "User Name", BASIC, NAME, "" "",
        "The name that goes with the password; empty means the Register Name.";
    password: Secret = "basic.password", "Password", BASIC, Kind::Secret { max: 128, check: anything }, "" "",
        "The password at the server. It is never shown.";
    server: String = "basic.server", "Server IP", BASIC, HOST, "" "",
        "The address or name of the SIP server.";
    port: u16 = "basic.port", "Port", BASIC, PORT, "5060" "",
        "The port of the SIP server; with TLS 5061 unless another is set. Not used with DNS-SRV.";
    registration_period_s: u32 = "basic.registration_period", "Registration Period", BASIC, Kind::Number { min: 30, max: 65535 }, "1800" "s",
        "For how long a registration is asked; it is renewed in time.";
    retry_interval_s: u32 = "basic.retry_interval", "Retry Interval", BASIC, Kind::Number { min: 2, max: 300 }, "4" "s",
        "While the server is away it is asked again within this time. A server of a thousand panels wants 60 s.";
    check_interval_s: u32 = "basic.check_interval", "Check Interval", BASIC, Kind::Number { min: 0, max: 3600 }, "60" "s",
        "By UDP, how often the server is asked whether it still knows this panel; 0 never asks.";

    proxy_active: bool = "outbound_proxy.active", "Active", PROXY, Kind::Switch, "off" "",
        "Send everything through a proxy.";
    proxy_server: String = "outbound_proxy.server", "Server IP", PROXY, HOST, "" "",
        "The address or name of the outbound proxy.";
    proxy_port: u16 = "outbound_proxy.port", "Port", PROXY, PORT, "5060" "",
        "The port of the outbound proxy; with TLS 5061 unless another is set.";
    proxy_backup_server: String = "outbound_proxy.backup_server", "Backup Server IP", PROXY, HOST, "" "",
        "The proxy that takes over when the main one fails.";
    proxy_backup_port: u16 = "outbound_proxy.backup_port", "Port", PROXY, PORT, "5060" "",
        "The port of the backup proxy; with TLS 5061 unless another is set.";

    transport: AccountTransport = "basic.transport", "Transport Type", TRANSPORT, Kind::Choice(AccountTransport::WORDS), "udp" "",
        "What carries the messages to the server. DNS-SRV asks the name server for servers, ports and transports.";
    srv_over: SrvOver = "basic.srv_over", "SRV over", TRANSPORT, Kind::Choice(SrvOver::WORDS), "auto" "",
        "With DNS-SRV: the transport that is looked for; auto takes what the name server recommends.";

    tls_verify: bool = "tls.verify", "Only Accept Trusted Certificates", CERTIFICATES, Kind::Switch, "on" "",
        "Refuse a server whose certificate is not signed by a trusted authority, is out of date or bears another name.";
    tls_ca: String = "tls.ca", "Trusted CA", CERTIFICATES, FILE, "" "",
        "A file of trusted authorities (PEM) beside those of the system.";
    tls_certificate: String = "tls.certificate", "Client Certificate", CERTIFICATES, FILE, "" "",
        "The certificate that this panel shows to the server (PEM).";
    tls_key: String = "tls.key", "Client Key", CERTIFICATES, FILE, "" "",
        "The private key of the client certificate (PEM: PKCS#8, SEC1 or PKCS#1).";
    tls_fingerprint: String = "tls.fingerprint", "Fingerprint", CERTIFICATES, Kind::Text { min: 0, max: 128, check: fingerprint }, "" "",
        "The SHA-256 fingerprint of the only certificate that is accepted; empty means any that is trusted.";

    prevent_sip_hacking: bool = "call.prevent_sip_hacking", "Prevent SIP Hacking", CALL, Kind::Switch, "off" "",
        "Only contacts that may call are let in, by their number, and only through the server of this account.";

    session_timer_active: bool = "session_timer.active", "Active", SESSION_TIMER, Kind::Switch, "off" "",
        "Have calls refreshed from time to time, so that one whose other end has vanished ends by itself (RFC 4028).";
    session_timer_expires_s: u32 = "session_timer.expires", "Session Expire", SESSION_TIMER, Kind::Number { min: 90, max: 7200 }, "1800" "s",
        "How long a call lasts that nobody refreshes; it is refreshed at half of it.";
    session_timer_refresher: SessionRefresher = "session_timer.refresher", "Session Refresher", SESSION_TIMER, Kind::Choice(SessionRefresher::WORDS), "uac" "",
        "Who refreshes a call: the side that made it (uac) or the one that answered (uas).";
}

/// Whether two names of a host are the same: by letter case and a dot at the end they do not differ (RFC 4343, RFC 1034 3.1).
pub fn is_same_host(one: &str, other: &str) -> bool {
    one.trim_end_matches('.').eq_ignore_ascii_case(other.trim_end_matches('.'))
}

impl AccountConfig {
    /// The name that goes with the password.
    pub fn auth_user(&self) -> &str {
        if self.user_name.is_empty() { &self.register_name } else { &self.user_name }
    }

    /// Its server and, where they are used, its proxies, as they are set.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        let proxies = [&self.proxy_server, &self.proxy_backup_server].into_iter().filter(|_| self.proxy_active);
        std::iter::once(&self.server).chain(proxies).map(String::as_str).filter(|host| !host.is_empty())
    }

    /// Whether this is its server or one of its proxies, as [`hosts`](Self::hosts) has them.
    pub fn is_at(&self, host: &str) -> bool {
        self.hosts().any(|ours| is_same_host(ours, host))
    }

    /// What the screen calls the account, if it has a label of its own.
    pub fn label(&self) -> Option<&str> {
        let label = self.display_label.trim();
        (!label.is_empty()).then_some(label)
    }

    /// The ports that follow the transport, as long as nobody sets another.
    pub(super) fn move_ports(&mut self, from: AccountTransport) {
        let (old, new) = (from.default_port(), self.transport.default_port());
        for port in [&mut self.port, &mut self.proxy_port, &mut self.proxy_backup_port] {
            if *port == old {
                *port = new;
            }
        }
    }

    /// What does not go together, if anything: the key without the account, and why.
    pub(super) fn contradiction(&self) -> Option<(&'static str, String)> {
        let is_address = |host: &str| host.parse::<IpAddr>().is_ok();
        if self.transport == AccountTransport::DnsSrv && is_address(&self.server) {
            let problem = format!("{} is an address, and DNS-SRV needs a name (Server IP)", echo(&self.server));
            return Some(("basic.transport", problem));
        }
        None
    }
}

impl Config {
    /// The settings of an account.
    pub fn account(&self, account: Account) -> &AccountConfig {
        &self.accounts[account.index()]
    }
}

fn anything(_: &str) -> Result<(), String> {
    Ok(())
}

/// An address, or a name by RFC 1123 2.1; with the underscore that some networks have.
pub(super) fn host(text: &str) -> Result<(), String> {
    if text.is_empty() || text.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    let problem = || format!("'{}' is neither an address nor a name", echo(text));
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(problem());
    }
    let good = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if text.strip_suffix('.').unwrap_or(text).split('.').all(good) { Ok(()) } else { Err(problem()) }
}

/// 32 bytes in hexadecimal, with or without colons.
fn fingerprint(text: &str) -> Result<(), String> {
    let digits = text.chars().filter(|c| *c != ':');
    if text.is_empty() || (digits.clone().count() == 64 && digits.clone().all(|c| c.is_ascii_hexdigit())) {
        return Ok(());
    }
    Err(format!("'{}' is no SHA-256 fingerprint: 64 hexadecimal digits, colons allowed", echo(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_an_address_or_a_name() {
        for good in ["", "192.168.1.2", "2001:db8::1", "pbx.test", "pbx.test.", "fritz-box", "a_b.local"] {
            assert_eq!(host(good), Ok(()), "{good}");
        }
        for bad in ["192.168.1", "300.1.1.1", "a b", "-a.test", "a..b", "sip:a", "a:5060", "ä.test"] {
            assert!(host(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_fingerprint_has_64_digits() {
        assert!(fingerprint(&"AB:".repeat(31)).is_err());
        assert_eq!(fingerprint(&format!("{}AB", "AB:".repeat(31))), Ok(()));
        assert_eq!(fingerprint(&"0f".repeat(32)), Ok(()));
        assert!(fingerprint(&"0g".repeat(32)).is_err());
    }

    #[test]
    fn the_port_follows_the_transport_until_it_is_set() {
        let config = Config::default();
        let tls = config.set("account1.basic.transport", "tls").expect("a transport");
        assert_eq!((tls.account(Account::One).port, tls.account(Account::One).proxy_port), (5061, 5061));
        assert_eq!(tls.set("account1.basic.transport", "tcp").expect("a transport"), {
            config.set("account1.basic.transport", "tcp").expect("a transport")
        });
        let own = tls.set("account1.basic.port", "5080").and_then(|own| own.set("account1.basic.transport", "udp"));
        assert_eq!(own.expect("both are good").account(Account::One).port, 5080);
        let odd = tls.set("account1.basic.port", "5060").expect("a port");
        let again = super::super::read(&super::super::write(&odd, &Default::default())).config;
        assert_eq!(again.account(Account::One).port, 5060, "also when it comes back from the file");
        let terse = super::super::read("[account2.basic]\ntransport = \"tls\"\n").config;
        assert_eq!(terse.account(Account::Two).port, 5061);
    }

    #[test]
    fn dns_srv_wants_a_name() {
        let named = Config::default().set("account1.basic.server", "192.0.2.1").expect("an address");
        let error = named.set("account1.basic.transport", "dns-srv").expect_err("it is refused").to_string();
        assert_eq!(error, "account1.basic.transport: 192.0.2.1 is an address, and DNS-SRV needs a name (Server IP)");
        let srv = Config::default().set("account1.basic.transport", "dns-srv").expect("no server yet");
        let error = srv.set("account1.basic.server", "::1").expect_err("it is refused").to_string();
        assert!(error.starts_with("account1.basic.server: ::1 is an address"), "{error}");
        assert!(srv.set("account1.basic.server", "pbx.test").is_ok());
    }

    #[test]
    fn a_password_is_nowhere_to_be_read() {
        let config = Config::default().set("account1.basic.password", "hunter2").expect("a password");
        assert_eq!(config.account(Account::One).password.reveal(), "hunter2");
        assert!(!format!("{config:?}").contains("hunter2"));
        assert!(!config.to_json().to_string().contains("hunter2"));
    }
}
