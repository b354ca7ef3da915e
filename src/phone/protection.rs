//! Prevent SIP Hacking: who is let in by which entrance, and what becomes of who is not.
//!
//! ```text
//!  account's port or connection ─▶ from its server, its proxies?        no: dropped without a word ─▶ call log
//!                               └─▶ the number of a contact that may call? no: 403 ─────────────────▶ call log
//!  Direct IP Port               ─▶ from the address of a contact that may call? no: dropped ────────▶ call log
//!                               └─▶ calls the name of a protected account? only such contacts, too
//! ```
//! Sources are SIP's matter ([`crate::sip::gate`]), which drops what comes from elsewhere before anything is made of it;
//! numbers are admission's. UDP proves no address: whoever can forge that of the server *and* finds out the account's port and a
//! number that may call gets as far as that contact would; only TCP and TLS keep it out.

use std::net::IpAddr;

use super::account::Accounts;
use super::blocked::Refused;
use super::remote::sip_uri;
use super::whitelist::{self, Domain, Listed};
use super::{Now, Phone};
use crate::channel::EndReason;
use crate::config::{Account, AccountChoice, Config, Party};
use crate::sip::{Claim, Gate, Guests, IncomingCall, Path, ShutOut, Source, Transport};

impl Phone {
    /// What the whitelist says of a call; none where nobody is kept out.
    pub(super) fn listed(&self, account: Option<Account>, path: Path, request: &IncomingCall) -> Option<Listed<'_>> {
        let contacts = &self.config.contacts;
        match account {
            Some(account) => self.config.account(account).prevent_sip_hacking.then(|| {
                let domain = domain(&self.config, &self.accounts, account);
                whitelist::by_number(contacts, &domain, &request.from.uri)
            }),
            None => self
                .config
                .direct_ip_prevent_sip_hacking
                .then(|| whitelist::at_address(contacts, path.remote.ip(), request.from.uri.user())),
        }
    }

    /// What a contact needs for this caller to be let in, who is not.
    pub(super) fn to_allow(&self, account: Option<Account>, path: Path, request: &IncomingCall) -> Option<String> {
        match account {
            Some(account) => {
                let domain = domain(&self.config, &self.accounts, account);
                whitelist::number_to_allow(&domain, &request.from.uri)
            }
            None => Some(path.remote.ip().to_string()),
        }
    }

    /// Tells SIP who may begin anything, if that has changed.
    pub(super) fn keep_gate(&mut self) {
        let gate = gate(&self.config, &self.accounts, &self.allowed);
        if gate != *self.endpoint.gate() {
            self.endpoint.set_gate(gate);
        }
    }

    /// A call was dropped at the gate.
    pub(super) fn on_shut_out(&mut self, now: Now, call: ShutOut) {
        let ShutOut { path, claim } = call;
        let account = self.accounts.owner(path);
        let source = path.remote.ip();
        let is_off = account.is_none() && !self.config.direct_ip_enabled;
        let known = self.config.contact(Party { user: None, host: &source.to_string(), port: None });
        // What it calls itself is a lie perhaps: of that, only the user is kept, beside the address that it came from.
        let user = claim.as_deref().and_then(user_of).filter(|_| known.is_none());
        let host = source.to_string();
        let name = match (known, &user) {
            (Some(contact), _) => contact.name.clone(),
            (None, Some(user)) => format!("{user}@{host}"),
            (None, None) => host.clone(),
        };
        let refused = Refused {
            source: Source::of(source),
            number: None,
            account,
            uri: sip_uri(user.as_deref(), &host, None),
            name,
            why: match known {
                _ if is_off => EndReason::NotAccepted,
                Some(_) if account.is_none() => EndReason::MayNotCall,
                _ => EndReason::UnknownSource,
            },
            allow: (!is_off).then_some(host),
            call_id: claim.map(|claim| claim.call_id),
        };
        self.log_blocked(now, refused);
    }
}

/// The user of From, if it can be shown.
fn user_of(claim: &Claim) -> Option<String> {
    let user = claim.from.uri.user()?;
    (user.len() <= 32 && user.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-_.*".contains(&byte)))
        .then(|| user.to_owned())
}

/// Everything by which an account is known to be meant.
fn domain(config: &Config, accounts: &Accounts, account: Account) -> Domain {
    let hosts = config.account(account).hosts().map(str::to_owned);
    let addresses = accounts.line(account).origins().map(|(_, address)| address.to_canonical());
    let account = match account {
        Account::One => AccountChoice::Account1,
        Account::Two => AccountChoice::Account2,
    };
    Domain { account, hosts: hosts.collect(), addresses: addresses.collect() }
}

/// Who may begin anything, by these settings. `contacts`: where those are that are answered.
fn gate(config: &Config, accounts: &Accounts, contacts: &Guests) -> Gate {
    let protects = |account: &Account| config.account(*account).active && config.account(*account).prevent_sip_hacking;
    let protected: Vec<Account> = Account::ALL.into_iter().filter(protects).collect();
    if protected.is_empty() && !config.direct_ip_prevent_sip_hacking {
        return Gate::default();
    }
    let mut gate = Gate::default();
    // A port that was left: nobody has to begin anything there.
    let left = (!protected.is_empty()).then(Guests::default);
    gate.ports.extend(accounts.left_ports().map(|port| (port, left.clone())));
    for line in accounts.all() {
        let account = line.account();
        let is_protected = protected.contains(&account);
        gate.flows.extend(line.flows());
        if let Some(port) = line.port() {
            gate.ports.insert(port, is_protected.then(|| servers(line.origins())));
        }
    }
    for account in protected {
        gate.users.insert(config.account(account).register_name.to_lowercase(), contacts.clone());
    }
    gate.elsewhere = config.direct_ip_prevent_sip_hacking.then(|| match config.direct_ip_enabled {
        true => contacts.clone(),
        false => Guests::default(),
    });
    gate
}

/// The server of an account and its proxies. Who is reached by TCP comes by a connection: our own, or one that it opens.
/// By TLS it comes by our own alone, where it has shown who it is. By UDP it may open a connection for what is too long for
/// a datagram (RFC 3261 18.1.1).
fn servers(origins: impl Iterator<Item = (Transport, IpAddr)>) -> Guests {
    let (mut by_all, mut connected) = (Vec::new(), Vec::new());
    for (transport, address) in origins {
        match transport {
            Transport::Udp => by_all.push(address),
            Transport::Tcp => connected.push(address),
            Transport::Tls => {}
        }
    }
    Guests::at(by_all).and_connected_from(connected)
}
