//! Whether a certificate bears the name that was asked for: that of a SIP domain by RFC 5922, that of a web page by RFC 9525.

use std::net::IpAddr;

use rustls::pki_types::ServerName;

use crate::worker::certificates::{Facts, Identity};

/// By which rules a certificate bears a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Names {
    /// Those of SIP: a wildcard matches nothing (RFC 5922 7.2).
    #[default]
    Sip,
    /// Those of the web: a star stands for the whole first label (RFC 9525 6.3).
    Web,
}

impl Names {
    /// Whether a certificate is for `name`, without regard to case. The common name does not count.
    pub fn bears(self, facts: &Facts, name: &ServerName<'_>) -> bool {
        facts.identities.iter().any(|identity| match (identity, name) {
            (Identity::Host(host), ServerName::DnsName(wanted)) => {
                let (host, wanted) = (host.strip_suffix('.').unwrap_or(host), wanted.as_ref());
                host.eq_ignore_ascii_case(wanted) || (self == Self::Web && is_among(wanted, host))
            }
            (Identity::Address(address), ServerName::IpAddress(wanted)) => *address == IpAddr::from(*wanted),
            _ => false,
        })
    }
}

/// Whether `name` is one of those that `*.example.org` stands for: below a domain of two labels at least.
fn is_among(name: &str, stars: &str) -> bool {
    let Some(domain) = stars.strip_prefix("*.") else { return false };
    let below =
        name.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(domain));
    below && domain.contains('.') && !domain.contains('*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_one_label_and_the_first() {
        assert!(is_among("door.Example.org", "*.example.ORG"));
        for (name, stars) in [
            ("example.org", "*.example.org"),
            ("a.door.example.org", "*.example.org"),
            ("door.example.org", "d*.example.org"),
            ("door.example.org", "door.*.org"),
            ("door.example.org", "*.*.org"),
            ("door.org", "*.org"),
            ("door", "*"),
            (".example.org", "*.example.org"),
        ] {
            assert!(!is_among(name, stars), "{name} {stars}");
        }
    }
}
