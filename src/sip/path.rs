//! Where a message came from and where one goes: the words shared with whoever owns the sockets.

use std::net::SocketAddr;

/// How bytes travel between two SIP elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// One message per datagram; transactions retransmit.
    Udp,
    /// A stream; nothing is retransmitted hop by hop.
    Tcp,
}

impl Transport {
    /// True when the transport itself delivers or fails (RFC 3261 17: timers A, E and G are off).
    pub fn is_reliable(self) -> bool {
        self != Transport::Udp
    }

    /// The name in a Via: `UDP`, `TCP`.
    pub fn via_name(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
        }
    }
}

/// One TCP connection, named by whoever owns the sockets and never used again for another one.
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

/// Bytes to put on the network. By TCP without a flow, or with one that has gone: connect to `path.remote` first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    /// Where to.
    pub path: Path,
    /// One whole message, or a keep-alive answer on a stream.
    pub bytes: Vec<u8>,
}
