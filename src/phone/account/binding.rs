//! An account in the words of SIP: address of record, Contact, Route, what is asked of the registrar, and what its
//! refusals mean.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::hops::Stop;
use crate::channel::{AccountFault, ProxyInUse};
use crate::config::{Account, AccountConfig, AccountTransport, SessionRefresher};
use crate::sip::locate::{Destination, Wish};
use crate::sip::message::Host;
use crate::sip::session::context::contact;
use crate::sip::{
    AccountKey, Credentials, NameAddr, Password, Path, Refresher, Register, SessionTimer, Transport, Uri,
};

/// How much of a registrar's own words is repeated, in characters.
const PHRASE: usize = 64;

/// The name of an account in the user agent.
pub fn key(account: Account) -> AccountKey {
    AccountKey(account.number())
}

/// What answers a challenge.
pub fn credentials(config: &AccountConfig) -> Option<Credentials> {
    (!config.password.is_empty())
        .then(|| Credentials { name: config.auth_user().to_owned(), password: Password::new(config.password.reveal()) })
}

/// The session timer that its calls wish for.
pub fn session_timer(config: &AccountConfig) -> Option<SessionTimer> {
    let refresher = match config.session_timer_refresher {
        SessionRefresher::Uac => Refresher::Uac,
        SessionRefresher::Uas => Refresher::Uas,
    };
    let timer = SessionTimer { expires: config.session_timer_expires_s, refresher };
    config.session_timer_active.then_some(timer)
}

/// The setting without which nothing can be tried.
pub fn missing(config: &AccountConfig) -> Option<AccountFault> {
    if config.server.is_empty() {
        Some(AccountFault::NotSet("basic.server"))
    } else if config.register_name.is_empty() {
        Some(AccountFault::NotSet("basic.register_name"))
    } else {
        None
    }
}

/// The host of a setting in a URI.
fn host(text: &str) -> Host {
    match text.parse::<IpAddr>() {
        Ok(address) => Host::from(address),
        Err(_) => Host::parse(text.trim_end_matches('.')).unwrap_or_default(),
    }
}

/// The port in the account's address: none where everybody expects it.
fn domain_port(config: &AccountConfig) -> Option<u16> {
    let usual = config.transport == AccountTransport::DnsSrv || config.port == config.transport.default_port();
    (!usual).then_some(config.port)
}

/// Whom a number of this account is: `sip:NUMBER@DOMAIN`; without a number the domain itself.
pub fn uri_of(config: &AccountConfig, user: Option<&str>) -> Uri {
    Uri::sip(user, host(&config.server), domain_port(config))
}

/// The address of record, with the Display Name.
pub fn aor(config: &AccountConfig) -> NameAddr {
    let mut aor = NameAddr::new(uri_of(config, Some(&config.register_name)));
    let name = config.display_name.trim();
    aor.display = (!name.is_empty()).then(|| name.to_owned());
    aor
}

/// Where requests for this account reach us along this way.
pub fn contact_of(config: &AccountConfig, way: Path) -> Uri {
    contact(Some(&config.register_name), way)
}

/// The registrar as it is set: `pbx.test:5060`.
pub fn registrar_words(config: &AccountConfig) -> Option<String> {
    let host = host(&config.server);
    (!config.server.is_empty()).then(|| match config.transport {
        AccountTransport::DnsSrv => host.to_string(),
        _ => format!("{host}:{}", config.port),
    })
}

/// The Route header value of an outbound proxy (RFC 3261 8.1.2).
pub fn route(stop: &Stop) -> Option<String> {
    if stop.proxy == ProxyInUse::None {
        return None;
    }
    let mut uri = at(stop.target.address);
    if stop.target.transport.is_reliable() {
        uri.params.set("transport", Some(stop.target.transport.name()));
    }
    uri.params.set("lr", None);
    Some(NameAddr::new(uri).to_string())
}

/// The first of the routes that a registrar has named, as it is reached by this transport; where it asks for TCP instead of
/// UDP, by that. None where they make no list of routes, and then they are nothing that a request could carry.
pub fn first_of(routes: &[String], transport: Transport) -> Option<Destination> {
    let routes: Result<Vec<NameAddr>, _> = routes.iter().map(|route| NameAddr::parse(route)).collect();
    let routes = routes.ok().filter(|routes| {
        let is_good = |uri: &Uri| !uri.host().is_empty() && (!uri.is_sips() || transport == Transport::Tls);
        routes.iter().all(|route| is_good(&route.uri))
    })?;
    let uri = &routes.first()?.uri;
    let asks_for_tcp = uri.transport().is_some_and(|value| value.eq_ignore_ascii_case("tcp"));
    let transport = if transport == Transport::Udp && asks_for_tcp { Transport::Tcp } else { transport };
    let wish = match (transport, uri.port()) {
        (_, None) => Wish::Srv(transport),
        (Transport::Udp, Some(_)) => Wish::Udp,
        (Transport::Tcp, Some(_)) => Wish::Tcp,
        (Transport::Tls, Some(_)) => Wish::Tls,
    };
    let host = uri.host().trim_matches(['[', ']']).trim_end_matches('.').to_owned();
    Some(Destination { host, port: uri.port(), wish })
}

/// What is asked of the registrar.
pub fn register(
    config: &AccountConfig,
    account: Account,
    stop: &Stop,
    way: Path,
    patience: Duration,
    instance: &str,
) -> Register {
    Register {
        account: key(account),
        way,
        registrar: uri_of(config, None),
        aor: aor(config),
        contact: contact_of(config, way),
        route: route(stop).into_iter().collect(),
        instance: Some(instance.to_owned()),
        expires: Duration::from_secs(config.registration_period_s.into()),
        patience,
    }
}

/// Whom to ask whether the other end of a way is there.
pub fn probed(config: &AccountConfig, stop: &Stop) -> Uri {
    match stop.proxy {
        ProxyInUse::None => uri_of(config, None),
        ProxyInUse::Main | ProxyInUse::Backup => at(stop.target.address),
    }
}

/// Whoever is at this address.
pub fn at(address: SocketAddr) -> Uri {
    Uri::sip(None, Host::from(address.ip()), Some(address.port()))
}

/// What a refusal means; `realm` is whose password is wanted, where that is not the server's own. A server to which each
/// answer is too old (`stale`) says nothing of the password, and so its own words are repeated.
pub fn refused(status: u16, phrase: &str, tried_password: bool, stale: bool, realm: Option<String>) -> AccountFault {
    match status {
        401 | 407 if tried_password && stale => {
            AccountFault::Rejected { status, phrase: format!("{}, stale=true", shown(phrase)) }
        }
        401 | 403 | 407 if tried_password => AccountFault::WrongPassword { status, realm },
        401 | 407 => AccountFault::UnknownChallenge(status),
        403 => AccountFault::Forbidden,
        404 => AccountFault::UnknownName,
        423 => AccountFault::PeriodRefused,
        300..=399 => moved(status, &[]),
        480 | 500..=504 => AccountFault::ServerBusy(status),
        _ => AccountFault::Rejected { status, phrase: shown(phrase) },
    }
}

/// What it means to be sent elsewhere: to the first of these, the best.
pub fn moved(status: u16, contacts: &[Uri]) -> AccountFault {
    AccountFault::Moved { status, to: contacts.first().map(|uri| shown(&uri.to_string())) }
}

/// As much of the words of a registrar as is repeated.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(PHRASE).collect()
}
