//! Whether a certificate bears the name of the domain that was asked for, by RFC 5922.

use std::net::IpAddr;

use rustls::pki_types::ServerName;

use crate::worker::certificates::{Facts, Identity};

/// Whether a certificate is for `name`: compared as a whole and without regard to case; a wildcard matches nothing
/// (RFC 5922 7.2). The common name does not count.
pub(super) fn bears(facts: &Facts, name: &ServerName<'_>) -> bool {
    facts.identities.iter().any(|identity| match (identity, name) {
        (Identity::Host(host), ServerName::DnsName(wanted)) => {
            host.strip_suffix('.').unwrap_or(host).eq_ignore_ascii_case(wanted.as_ref())
        }
        (Identity::Address(address), ServerName::IpAddress(wanted)) => *address == IpAddr::from(*wanted),
        _ => false,
    })
}
