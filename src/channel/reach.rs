//! How this panel is reached: directly, and through its accounts.

use std::net::SocketAddr;
use std::time::{Instant, SystemTime};

use super::{CertificateProblem, PortFault};

/// Direct IP calls.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DirectIpView {
    /// `phone.direct_ip.enabled`.
    pub enabled: bool,
    /// `phone.direct_ip.port`.
    pub port: u16,
    /// `udp:0.0.0.0:5060`, `tcp:0.0.0.0:5060` …
    pub listening: Vec<String>,
    /// The address under which others reach this panel, as the routing table has it.
    pub address: Option<std::net::IpAddr>,
    /// What is wrong, for example that the port is taken.
    pub error: Option<PortFault>,
}

/// How an account stands with its registrar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RegistrationState {
    /// Switched off or not set up.
    #[default]
    Disabled,
    /// Asked, no answer yet.
    Registering,
    /// In force.
    Registered,
    /// Refused or not reached.
    Failed,
    /// Taken back.
    Unregistered,
}

impl RegistrationState {
    /// The name in `status`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Registering => "registering",
            Self::Registered => "registered",
            Self::Failed => "failed",
            Self::Unregistered => "unregistered",
        }
    }
}

/// Through which outbound proxy an account goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProxyInUse {
    /// None: straight to the registrar.
    #[default]
    None,
    /// The main one.
    Main,
    /// The backup.
    Backup,
}

impl ProxyInUse {
    /// The name in `status`.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Main => "main",
            Self::Backup => "backup",
        }
    }
}

/// One account.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RegistrationView {
    /// 1 or 2.
    pub account: u8,
    /// The Display Label; empty when it has none.
    pub label: String,
    /// Where it stands.
    pub state: RegistrationState,
    /// Whether it places calls: also for a moment after it has lost its server, while another way is looked for.
    pub places_calls: bool,
    /// What is wrong. While it is tried again (registering), what was wrong the last time.
    pub fault: Option<AccountFault>,
    /// When the registration runs out if it is not renewed.
    pub expires_at: Option<Instant>,
    /// When it is tried again.
    pub next_try_at: Option<Instant>,
    /// The registrar as it is set: `pbx.test:5060`.
    pub server: Option<String>,
    /// Where the messages really go: `udp:127.0.0.1:5080`.
    pub via: Option<String>,
    /// Through which proxy.
    pub proxy: ProxyInUse,
    /// When our own client certificate runs out.
    pub certificate_expires: Option<SystemTime>,
}

/// Why an account is not registered. `Display` is the English sentence of `status`; the screen says it in its own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountFault {
    /// A setting without which nothing can be tried.
    #[error("{0} is not set")]
    NotSet(&'static str),
    /// The name is not known.
    #[error("host not found: {0}")]
    HostNotFound(String),
    /// No name server answers.
    #[error("no name server answers for {0}")]
    NoNameServer(String),
    /// The name server says that the domain has no SIP by this transport.
    #[error("{0} offers no SIP by this transport")]
    NotOffered(String),
    /// The network leads nowhere.
    #[error("there is no route to {0}")]
    NoRoute(String),
    /// The machine is there, nobody listens.
    #[error("nobody listens at {0}")]
    NobodyListens(SocketAddr),
    /// Silence.
    #[error("no answer from {0}")]
    NoAnswer(SocketAddr),
    /// The connection ended.
    #[error("the connection to {0} was lost")]
    ConnectionLost(SocketAddr),
    /// The other side is not who it should be, or does not trust us.
    #[error("{0}")]
    Tls(TlsFault),
    /// 401 or 407 although the password was sent.
    #[error("{status} wrong user name or password{}", for_realm(.realm.as_deref()))]
    WrongPassword {
        /// 401, 403 or 407.
        status: u16,
        /// Whose password the server asks for, where that is not the server itself: one that is set up for another realm
        /// takes no password of ours.
        realm: Option<String>,
    },
    /// A challenge that no algorithm of ours answers.
    #[error("{0} the server asks for a proof that this panel does not know")]
    UnknownChallenge(u16),
    /// 404: the registrar does not know the Register Name.
    #[error("404 the server does not know this Register Name")]
    UnknownName,
    /// 403.
    #[error("403 the server does not allow this account")]
    Forbidden,
    /// 503 and other failures of the server that pass.
    #[error("{0} the server is not available now")]
    ServerBusy(u16),
    /// 423 without saying which period would do, or beyond all measure.
    #[error("423 the server refuses this Registration Period")]
    PeriodRefused,
    /// A 2xx that does not list us: it lists others alone, or grants no time.
    #[error("the server took the registration and does not list it")]
    NotListed,
    /// 3xx: it wants to be asked elsewhere, and that is not followed.
    #[error("{status} the server sends to another place{}", place(.to.as_deref()))]
    Moved {
        /// 300–399.
        status: u16,
        /// The URI of that place, the best if there are several, at most 64 characters; none if it does not say.
        to: Option<String>,
    },
    /// Any other refusal.
    #[error("{status} {phrase}")]
    Rejected {
        /// 400–699.
        status: u16,
        /// In the words of the server, at most 64 characters.
        phrase: String,
    },
}

fn place(to: Option<&str>) -> String {
    to.map_or_else(String::new, |to| format!(": {to}"))
}

fn for_realm(realm: Option<&str>) -> String {
    realm.map_or_else(String::new, |realm| format!(" for the realm {realm}"))
}

/// Which check of TLS failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsFault {
    /// Signed by nobody who is trusted.
    #[error("certificate not trusted: unknown authority")]
    UnknownAuthority,
    /// Signed by itself.
    #[error("certificate not trusted: self-signed")]
    SelfSigned,
    /// It is for somebody else.
    #[error("certificate for another name: {expected} is expected, this one is for {found}")]
    WrongName {
        /// Whom we wanted to reach.
        expected: String,
        /// The first of the names that it has; `nobody` if it has none.
        found: String,
    },
    /// Its time is over.
    #[error("certificate has expired")]
    Expired,
    /// Its time has not begun: perhaps our clock is wrong.
    #[error("certificate is not valid yet: check the clock")]
    NotYetValid,
    /// Not the one that is pinned.
    #[error("certificate does not have the fingerprint that is set")]
    Fingerprint,
    /// The server wants a certificate of ours, or refuses the one that it got.
    #[error("the server refuses our certificate, or wants one")]
    ClientCertificate,
    /// A file of ours that cannot be used: certificate, key, authorities.
    #[error("certificate file: {0}")]
    OurFile(CertificateProblem),
    /// The other side does not speak TLS, or no version that is still safe.
    #[error("no TLS connection: {0}")]
    Handshake(String),
}

/// How a trial of an account goes.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountTestView {
    /// 1 or 2.
    pub account: u8,
    /// How far it has come.
    pub step: TestStep,
    /// What came of it.
    pub outcome: Option<Result<(), AccountFault>>,
}

/// The steps of a trial, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TestStep {
    /// The name is looked up.
    Finding,
    /// The connection is made.
    Connecting,
    /// The registrar is asked.
    Asking,
}
