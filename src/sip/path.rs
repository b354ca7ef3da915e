//! Where a message came from and where one goes: the words shared with whoever owns the sockets.

use std::net::SocketAddr;

/// How bytes travel between two SIP elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// One message per datagram; transactions retransmit.
    Udp,
    /// A stream; nothing is retransmitted hop by hop.
    Tcp,
    /// An encrypted stream whose far end has shown who it is (RFC 5922).
    Tls,
}

impl Transport {
    /// True when the transport itself delivers or fails (RFC 3261 17: timers A, E and G are off).
    pub fn is_reliable(self) -> bool {
        self != Transport::Udp
    }

    /// The name in a Via: `UDP`, `TCP`, `TLS`.
    pub fn via_name(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
        }
    }

    /// The name in a URI parameter and in `status`: `udp`, `tcp`, `tls`.
    pub fn name(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
        }
    }

    /// What a URI's `transport` parameter means.
    pub fn from_name(name: &str) -> Option<Self> {
        [Transport::Udp, Transport::Tcp, Transport::Tls]
            .into_iter()
            .find(|transport| transport.name().eq_ignore_ascii_case(name))
    }

    /// The port where none is named (RFC 3261 19.1.2).
    pub fn default_port(self) -> u16 {
        if self == Transport::Tls { 5061 } else { 5060 }
    }
}

/// One TCP or TLS connection, named by whoever opened it and never used again for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(pub u64);

/// The two ends a message travels between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Path {
    /// How it travels.
    pub transport: Transport,
    /// Our end: the address and port at which we can be reached, never a wildcard.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
    /// The connection, when there is one.
    pub flow: Option<FlowId>,
}

/// Bytes to put on the network. By TCP without a flow, or with one that has gone: connect to `path.remote` first. By TLS
/// there is no way without a flow: whoever is to be trusted was said when it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    /// Where to.
    pub path: Path,
    /// One whole message, or a keep-alive answer on a stream.
    pub bytes: Vec<u8>,
}
