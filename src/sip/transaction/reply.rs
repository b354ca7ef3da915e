//! Where the responses to a request go (RFC 3261 18.2.1 and 18.2.2, RFC 3581).

use std::net::{IpAddr, SocketAddr};

use crate::sip::message::{Request, Via};
use crate::sip::path::{FlowId, Path, Transmit, Transport};

/// The port of a sent-by that names none.
const DEFAULT_PORT: u16 = 5060;

/// Where responses to one request go, now and after its connection has closed.
#[derive(Debug, Clone)]
pub struct ReplyPath {
    path: Path,
    without_flow: SocketAddr,
}

impl ReplyPath {
    /// For a request that came along `path`. A `maddr` is not obeyed: it would let anyone aim our responses.
    pub fn of(path: Path, request: &Request) -> Self {
        Self::of_via(path, request.top_via())
    }

    /// For a message with this topmost hop, of which no more may be readable.
    pub fn of_via(path: Path, via: &Via) -> Self {
        let sent_by = SocketAddr::new(path.remote.ip(), via.port.unwrap_or(DEFAULT_PORT));
        let asks_for_source_port = via.wants_rport();
        let path = match path.transport {
            Transport::Udp if !asks_for_source_port => Path { remote: sent_by, ..path },
            _ => path,
        };
        ReplyPath { path, without_flow: sent_by }
    }

    /// The way that they take when there is no connection (18.2.2).
    pub fn without_flow(&self) -> Path {
        match self.path.flow {
            Some(_) => Path { flow: None, remote: self.without_flow, ..self.path },
            None => self.path,
        }
    }

    /// `bytes` on their way.
    pub fn transmit(&self, bytes: Vec<u8>) -> Transmit {
        Transmit { path: self.path, bytes }
    }

    /// The address that the request came from.
    pub fn source(&self) -> IpAddr {
        self.path.remote.ip()
    }

    /// A connection has gone: if it was this one, responses open a new one to the sent-by (18.2.2).
    pub fn handle_flow_closed(&mut self, flow: FlowId) {
        if self.path.flow == Some(flow) {
            self.path = Path { flow: None, remote: self.without_flow, ..self.path };
        }
    }

    /// True when the transport does not lose responses.
    pub fn is_reliable(&self) -> bool {
        self.path.transport.is_reliable()
    }
}
