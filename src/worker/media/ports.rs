//! The RTP and RTCP ports of every line, bound when the panel starts and kept for as long as it runs.
//!
//! A port is only read while a call uses it: packets that come to an unused one wake nobody, and what piled up there is
//! thrown away before the next call hears it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use rand::RngExt;
use rand::rngs::StdRng;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// Even ports from this range; RTCP is the next one up (RFC 3550 11).
const RANGE: std::ops::Range<u16> = 16_384..32_766;
/// Pairs that are tried before giving up.
const TRIES: usize = 2000;
/// What the kernel may keep of a burst while the loop is busy, in bytes: a key frame of a door's camera.
const RECEIVE_BUFFER: usize = 512 * 1024;

/// An RTP socket and its RTCP socket, for IPv4 and IPv6 at once where the system has both.
#[derive(Debug)]
pub struct Pair {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    port: u16,
}

/// A pair in use: its sockets in the hands of the runtime.
#[derive(Debug)]
pub struct OpenPair {
    /// The even port.
    pub rtp: tokio::net::UdpSocket,
    /// The next one up.
    pub rtcp: tokio::net::UdpSocket,
}

impl Pair {
    /// Binds a pair on a free even port and the next one up.
    ///
    /// # Errors
    /// When none is free, or the system gives no sockets.
    pub fn bind(random: &mut StdRng) -> io::Result<Self> {
        let mut last = io::Error::from(io::ErrorKind::AddrInUse);
        for _ in 0..TRIES {
            let port = random.random_range(RANGE) & !1;
            match bind(port).and_then(|rtp| Ok((rtp, bind(port + 1)?))) {
                Ok((rtp, rtcp)) => return Ok(Self { rtp, rtcp, port }),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    /// The RTP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Throws away what came while nobody listened and begins to read. Must be called on the runtime.
    ///
    /// # Errors
    /// When the system gives no further handles.
    pub fn open(&self) -> io::Result<OpenPair> {
        drain(&self.rtp);
        drain(&self.rtcp);
        Ok(OpenPair {
            rtp: tokio::net::UdpSocket::from_std(self.rtp.try_clone()?)?,
            rtcp: tokio::net::UdpSocket::from_std(self.rtcp.try_clone()?)?,
        })
    }
}

fn bind(port: u16) -> io::Result<UdpSocket> {
    let both = Socket::new(Domain::IPV6, Type::DGRAM.nonblocking(), Some(Protocol::UDP)).and_then(|socket| {
        socket.set_only_v6(false)?;
        socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)).into())?;
        Ok(socket)
    });
    let socket = match both {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            let socket = Socket::new(Domain::IPV4, Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
            socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into())?;
            socket
        }
        both => both?,
    };
    // More than the system allows is cut to what it allows.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    Ok(socket.into())
}

/// Reads until nothing is left; bounded, should somebody send faster than this reads.
fn drain(socket: &UdpSocket) {
    let mut buffer = [0; 16];
    for _ in 0..4096 {
        if socket.recv_from(&mut buffer).is_err() {
            return;
        }
    }
}

/// Sends a packet at once; what the system has no room for is lost, as on the network.
pub fn send(socket: &tokio::net::UdpSocket, to: SocketAddr, bytes: &[u8]) {
    let v6 = socket.local_addr().is_ok_and(|local| local.is_ipv6());
    let to = match to.ip() {
        IpAddr::V4(address) if v6 => SocketAddr::new(address.to_ipv6_mapped().into(), to.port()),
        _ => to,
    };
    // Past the runtime, which calls a socket unready until it has waited for it once.
    if let Err(error) = SockRef::from(socket).send_to(bytes, &to.into()) {
        tracing::trace!("RTP to {to}: {error}");
    }
}

/// An IPv4 sender as such, though an IPv6 socket received it.
pub fn plain(from: SocketAddr) -> SocketAddr {
    SocketAddr::new(from.ip().to_canonical(), from.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::testing::{on_runtime, udp_peer};
    use rand::SeedableRng;

    #[test]
    fn pairs_are_even_and_odd_and_pass_over_what_is_taken() {
        let first = Pair::bind(&mut StdRng::seed_from_u64(1)).expect("ports are free");
        let second = Pair::bind(&mut StdRng::seed_from_u64(1)).expect("ports are free");
        assert_ne!(first.port(), second.port(), "the same random numbers lead to the same port first");
        for pair in [first, second] {
            assert_eq!(pair.port() % 2, 0);
            assert_eq!(pair.rtcp.local_addr().expect("bound").port(), pair.port() + 1);
        }
    }

    #[test]
    fn what_came_before_is_thrown_away_and_a_sender_has_its_own_address() {
        on_runtime(async {
            let pair = Pair::bind(&mut StdRng::seed_from_u64(2)).expect("ports are free");
            let peer = udp_peer();
            let to = SocketAddr::from(([127, 0, 0, 1], pair.port()));
            peer.send_to(b"stale", to).expect("sent");
            let open = pair.open().expect("handles");
            peer.send_to(b"fresh", to).expect("sent");
            let mut buffer = [0; 16];
            let (count, from) = open.rtp.recv_from(&mut buffer).await.expect("it comes");
            assert_eq!(&buffer[..count], b"fresh");
            let from = plain(from);
            assert_eq!(from, peer.local_addr().expect("bound"));
            send(&open.rtp, from, b"back");
            let (count, _) = peer.recv_from(&mut buffer).expect("it comes back");
            assert_eq!(&buffer[..count], b"back");
        });
    }
}
