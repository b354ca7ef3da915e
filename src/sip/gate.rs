//! The gate before the endpoint: who may begin anything, by where it comes in and from where. Whoever may not is not
//! answered at all, not even badly: no 100, no 4xx, no answer to OPTIONS; a connection is closed. A scanner learns nothing.
//!
//! ```text
//!  a message ─▶ guard ─▶ a response, an ACK, or inside what there is already? ─▶ heard
//!                    └─▶ by a connection that we opened to a server of ours?  ─▶ heard
//!                    └─▶ to a port that has guests of its own (an account)    ─▶ heard from those alone
//!                    └─▶ to any other port                                    ─▶ heard from its guests alone, or from everybody
//! ```
//! Addresses are those that packets come from; what a message says of itself (Via, From, Contact) is not looked at, but for
//! the user that is called: see [`Gate::users`]. Nothing is remembered of whoever is turned away.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::message::{NameAddr, Request};
use super::path::{FlowId, Path, Transport};

/// Who may begin anything. The default lets everybody in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gate {
    /// Our ports that are somebody's alone; none as guests lets everybody in.
    pub ports: BTreeMap<u16, Option<Guests>>,
    /// Who may come in at all other ports; none lets everybody in.
    pub elsewhere: Option<Guests>,
    /// Users, in lower case, whom only these may call at the other ports even when those are open: calls to them should
    /// have come in at a port of [`Gate::ports`].
    pub users: BTreeMap<String, Guests>,
    /// Connections that we opened to somebody whom we trust.
    pub flows: BTreeSet<FlowId>,
}

/// Who is let in somewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guests {
    /// From these addresses, by whatever transport.
    addresses: Arc<BTreeSet<IpAddr>>,
    /// From these addresses by a connection, which proves the address, and not by datagrams.
    connected: BTreeSet<IpAddr>,
}

impl Guests {
    /// Whoever is at these addresses.
    pub fn at(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let addresses = addresses.into_iter().map(|address| address.to_canonical()).collect();
        Guests { addresses: Arc::new(addresses), connected: BTreeSet::new() }
    }

    /// These as well, but not by datagrams.
    pub fn and_connected_from(mut self, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        self.connected.extend(addresses.into_iter().map(|address| address.to_canonical()));
        self
    }

    fn include(&self, path: Path) -> bool {
        let address = path.remote.ip().to_canonical();
        self.addresses.contains(&address) || (path.transport != Transport::Udp && self.connected.contains(&address))
    }
}

impl Gate {
    /// Whether somebody at the other end of `path` may begin something; `request` is what came, when it could be read.
    pub fn admits(&self, path: Path, request: Option<&Request>) -> bool {
        if path.flow.is_some_and(|flow| self.flows.contains(&flow)) {
            return true;
        }
        let guests = match self.ports.get(&path.local.port()) {
            Some(guests) => guests.as_ref(),
            None => self.elsewhere.as_ref().or_else(|| self.guests_of(request?)),
        };
        guests.is_none_or(|guests| guests.include(path))
    }

    /// Who may call the user that this request names, in its URI or in To.
    fn guests_of(&self, request: &Request) -> Option<&Guests> {
        if self.users.is_empty() {
            return None;
        }
        let named = [request.uri(), &request.to().uri].into_iter().filter_map(|uri| uri.user_text());
        named
            .map(|user| user.split(';').next().unwrap_or_default().to_lowercase())
            .find_map(|user| self.users.get(&user))
    }
}

/// A call that was not let in.
#[derive(Debug, Clone)]
pub struct ShutOut {
    /// How it came.
    pub path: Path,
    /// What it says of itself; none when it was not even read, because too many came.
    pub claim: Option<Box<Claim>>,
}

/// What a call that was not let in says of itself.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Who calls.
    pub from: NameAddr,
    /// The same in all repetitions of an INVITE.
    pub call_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::message::Message;
    use crate::sip::wire::parse_datagram;

    fn path(local: u16, remote: &str, transport: Transport, flow: Option<u64>) -> Path {
        let local = std::net::SocketAddr::from(([192, 0, 2, 1], local));
        let remote = std::net::SocketAddr::new(remote.parse().expect("an address"), 5060);
        Path { transport, local, remote, flow: flow.map(FlowId) }
    }

    fn guests(addresses: &[&str]) -> Guests {
        Guests::at(addresses.iter().map(|address| address.parse::<IpAddr>().expect("an address")))
    }

    fn calls(uri: &str, to: &str) -> Request {
        let text = format!(
            "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <{to}>\r\n\
             Call-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
        );
        match parse_datagram(text.as_bytes()) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_default_lets_everybody_in() {
        assert!(Gate::default().admits(path(5060, "198.51.100.7", Transport::Udp, None), None));
    }

    #[test]
    fn each_entrance_has_its_guests() {
        let gate = Gate {
            ports: [
                (7000, Some(guests(&["192.0.2.4"]).and_connected_from(["192.0.2.5".parse().expect("one")]))),
                (7001, None),
            ]
            .into(),
            elsewhere: Some(guests(&["192.0.2.3", "::ffff:192.0.2.6", "2001:db8::3"])),
            users: BTreeMap::new(),
            flows: [FlowId(9)].into(),
        };
        use Transport::{Tcp, Udp};
        let cases = [
            // port, from, by, connection, let in
            (7000, "192.0.2.4", Udp, None, true),
            (7000, "::ffff:192.0.2.4", Udp, None, true),
            (7000, "192.0.2.4", Tcp, Some(1), true),
            (7000, "192.0.2.5", Tcp, Some(1), true),
            (7000, "192.0.2.5", Udp, None, false),
            (7000, "192.0.2.3", Udp, None, false),
            (7000, "198.51.100.7", Tcp, Some(9), true),
            (7001, "198.51.100.7", Udp, None, true),
            (5060, "192.0.2.3", Udp, None, true),
            (5060, "192.0.2.4", Udp, None, false),
            (5060, "192.0.2.6", Tcp, Some(2), true),
            (5060, "2001:db8::3", Udp, None, true),
            (5060, "2001:db8::4", Udp, None, false),
            (40_000, "198.51.100.7", Tcp, Some(2), false),
        ];
        for (port, from, by, flow, admitted) in cases {
            assert_eq!(gate.admits(path(port, from, by, flow), None), admitted, "{from} by {by:?} at {port}");
        }
    }

    #[test]
    fn a_user_who_is_called_by_the_wrong_entrance_has_guests_of_its_own() {
        let users = [("flat".to_owned(), guests(&["192.0.2.3"]))].into();
        let gate = Gate { users, ..Gate::default() };
        let stranger = path(5060, "198.51.100.7", Transport::Udp, None);
        let named = [
            ("sip:flat@192.0.2.1", "sip:192.0.2.1"),
            ("sip:FLAT@192.0.2.1", "sip:192.0.2.1"),
            ("sip:f%6cat@192.0.2.1", "sip:192.0.2.1"),
            ("sip:flat;x=y@192.0.2.1", "sip:192.0.2.1"),
            ("sip:192.0.2.1", "sip:flat@pbx.test"),
            ("sip:192.0.2.1", "tel:flat;phone-context=pbx.test"),
        ];
        for (uri, to) in named {
            assert!(!gate.admits(stranger, Some(&calls(uri, to))), "{uri} {to}");
        }
        assert!(gate.admits(stranger, Some(&calls("sip:192.0.2.1", "sip:192.0.2.1"))));
        assert!(gate.admits(stranger, Some(&calls("sip:other@192.0.2.1", "sip:other@192.0.2.1"))));
        let guest = path(5060, "192.0.2.3", Transport::Udp, None);
        assert!(gate.admits(guest, Some(&calls("sip:flat@192.0.2.1", "sip:192.0.2.1"))));
    }
}
