//! Who a message counts for, and what it has had.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Instant;

use super::bucket::Bucket;

/// Whoever messages are counted for: an IPv4 address, or a network of IPv6 (/64), because one device may take as many
/// addresses in it as it likes. A link-local address and one that is known count for themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source(IpAddr);

impl Source {
    /// Whom a message of a stranger from this address counts for.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(v6) if !v6.is_unicast_link_local() => Source(IpAddr::V6(network(v6))),
            other => Source(other),
        }
    }

    /// The address and no other.
    pub fn exactly(address: IpAddr) -> Self {
        Source(address.to_canonical())
    }

    /// True when messages from this address may count for it.
    pub fn holds(self, address: IpAddr) -> bool {
        self == Source::of(address) || self == Source::exactly(address)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V6(v6) if v6 == network(v6) => write!(f, "{v6}/64"),
            address => write!(f, "{address}"),
        }
    }
}

fn network(address: Ipv6Addr) -> Ipv6Addr {
    Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))
}

/// What one source has had. A bucket is filled at one rate for ever: whoever becomes known begins with full ones, and owes
/// nothing for what it said as a stranger.
#[derive(Debug, Clone, Copy)]
pub(super) struct Account {
    /// Its messages while it is known.
    pub known: Bucket,
    /// Its own share of messages as a stranger, which others cannot take.
    pub firm: Bucket,
    /// What a stranger may have beyond, as long as there is enough for all.
    pub spare: Bucket,
    /// Messages beyond all that, inside what there is already.
    pub inside: Bucket,
    /// Its calls while it is known.
    pub known_calls: Bucket,
    /// Its calls as a stranger.
    pub calls: Bucket,
    /// How often it has called lately, refused or not.
    pub claims: Bucket,
    /// Calls refused since it last kept quiet.
    pub refused: u32,
    /// Until when nothing of it is heard.
    pub shut_until: Option<Instant>,
    /// Its last message.
    pub last: Instant,
}

impl Account {
    pub fn new(now: Instant) -> Self {
        let full = Bucket::full(now);
        Account {
            known: full,
            firm: full,
            spare: full,
            inside: full,
            known_calls: full,
            calls: full,
            claims: full,
            refused: 0,
            shut_until: None,
            last: now,
        }
    }

    /// True when forgetting it changes nothing.
    pub fn is_idle(&self, now: Instant) -> bool {
        let messages = [self.known, self.firm, self.spare, self.inside];
        let calls = [self.known_calls, self.calls, self.claims];
        messages.iter().chain(&calls).all(|bucket| bucket.is_full(now)) && !self.is_shut(now)
    }

    /// True while nothing of it is heard.
    pub fn is_shut(&self, now: Instant) -> bool {
        self.shut_until.is_some_and(|until| until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_ipv6_counts_as_one_and_a_link_does_not() {
        let of = |text: &str| Source::of(text.parse().expect("an address"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("fe80::1"), of("fe80::2"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_eq!(of("2001:db8::1").to_string(), "2001:db8::/64");
        assert_eq!(of("10.0.0.1").to_string(), "10.0.0.1");
        let exact = Source::exactly("2001:db8::1".parse().expect("an address"));
        assert!(exact.holds("2001:db8::1".parse().expect("an address")));
        assert!(!exact.holds("2001:db8::2".parse().expect("an address")));
        assert_eq!(exact.to_string(), "2001:db8::1");
    }
}
