//! Where direct calls are listened for: UDP and TCP on the Direct IP Port, IPv4 and IPv6 each with a socket of its own.
//!
//! A port that is taken is said so; calls that we place then leave from ports of the system's choice.

use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::{Context, Poll};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::ReadBuf;
use tokio::net::{TcpListener, TcpStream, UdpSocket};

/// What the kernel may keep of a burst while the loop is busy, in bytes.
const RECEIVE_BUFFER: usize = 256 * 1024;
/// Connections that wait to be accepted.
const BACKLOG: i32 = 32;

/// The open sockets; none while direct calls are switched off.
#[derive(Debug, Default)]
pub struct Direct {
    udp: Vec<UdpSocket>,
    tcp: Vec<TcpListener>,
    /// Which socket is asked first, so that a flood on one does not silence the other.
    turn: usize,
}

impl Direct {
    /// Listens on this port, UDP and TCP. IPv6 is left out where the system has none; anything else that fails is an
    /// error in words, and nothing stays open.
    pub fn open(port: u16) -> Result<(Self, Vec<String>), String> {
        let mut direct = Self::default();
        let mut listening = Vec::new();
        let v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        let v6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
        for address in [v4, v6] {
            let udp = match udp(address) {
                Err(error) if address.is_ipv6() && no_ipv6(&error) => continue,
                result => result.map_err(|error| words("UDP", address, &error))?,
            };
            let tcp = tcp(address).map_err(|error| words("TCP", address, &error))?;
            listening.push(format!("udp:{address}"));
            listening.push(format!("tcp:{address}"));
            direct.udp.push(udp);
            direct.tcp.push(tcp);
        }
        Ok((direct, listening))
    }

    /// UDP sockets on ports of the system's choice, for calls that we place while the port cannot be had.
    pub fn outgoing_only() -> Self {
        let any = [SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)), SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))];
        Self { udp: any.into_iter().filter_map(|address| udp(address).ok()).collect(), ..Self::default() }
    }

    /// The port that datagrams towards this address leave from.
    pub fn port_towards(&self, remote: SocketAddr) -> Option<u16> {
        self.socket_for(remote).and_then(|socket| socket.local_addr().ok()).map(|address| address.port())
    }

    /// The next datagram: its bytes are in `buffer`, then who sent it and the socket's own port. Never ends without
    /// sockets. May be dropped while it waits without losing anything.
    pub async fn receive(&mut self, buffer: &mut [u8]) -> (usize, SocketAddr, u16) {
        poll_fn(|context| self.poll_receive(context, buffer)).await
    }

    fn poll_receive(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<(usize, SocketAddr, u16)> {
        self.turn = self.turn.wrapping_add(1);
        for step in 0..self.udp.len() {
            let socket = &self.udp[(self.turn + step) % self.udp.len()];
            let mut into = ReadBuf::new(buffer);
            // An error of a datagram socket belongs to some datagram sent before; reading goes on behind it.
            while let Poll::Ready(result) = socket.poll_recv_from(context, &mut into) {
                if let Ok(remote) = result {
                    let port = socket.local_addr().map_or(0, |address| address.port());
                    return Poll::Ready((into.filled().len(), plain(remote), port));
                }
            }
        }
        Poll::Pending
    }

    /// A datagram that waits already.
    pub fn try_receive(&mut self, buffer: &mut [u8]) -> Option<(usize, SocketAddr, u16)> {
        self.udp.iter().find_map(|socket| {
            let (count, remote) = socket.try_recv_from(buffer).ok()?;
            Some((count, plain(remote), socket.local_addr().map_or(0, |address| address.port())))
        })
    }

    /// The next connection that somebody opened. Never ends without sockets.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        poll_fn(|context| {
            for listener in &self.tcp {
                if let Poll::Ready(result) = listener.poll_accept(context) {
                    return Poll::Ready(result);
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Sends a datagram at once; a full buffer of the system loses it, as the network may.
    pub fn send(&self, remote: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        let socket = self.socket_for(remote).ok_or(io::ErrorKind::AddrNotAvailable)?;
        match socket.try_send_to(bytes, remote) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            result => result.map(drop),
        }
    }

    fn socket_for(&self, remote: SocketAddr) -> Option<&UdpSocket> {
        self.udp.iter().find(|socket| socket.local_addr().is_ok_and(|local| local.is_ipv4() == remote.is_ipv4()))
    }
}

/// The same address without a flow label, which is no part of who somebody is.
fn plain(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) => address,
        SocketAddr::V6(mut v6) => {
            v6.set_flowinfo(0);
            SocketAddr::V6(v6)
        }
    }
}

fn udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // More than the system allows is cut to what it allows.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

fn tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Without this a restarted panel could not listen while connections of the last one linger in TIME-WAIT.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn no_ipv6(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL | libc::EPROTONOSUPPORT))
}

fn words(transport: &str, address: SocketAddr, error: &io::Error) -> String {
    let port = address.port();
    match error.kind() {
        io::ErrorKind::AddrInUse => format!("{transport} port {port} is taken by another program"),
        io::ErrorKind::PermissionDenied => format!("{transport} port {port} is not allowed for this program"),
        _ => format!("{transport} port {port} cannot be opened: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::testing::{free_port, on_runtime};

    #[test]
    fn both_transports_and_both_families_listen_and_are_named() {
        on_runtime(async {
            let port = free_port();
            let (mut direct, listening) = Direct::open(port).expect("the port is free");
            assert_eq!(listening[..2], [format!("udp:0.0.0.0:{port}"), format!("tcp:0.0.0.0:{port}")]);
            let sender = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
            sender.send_to(b"hello", ("127.0.0.1", port)).expect("sent");
            let mut buffer = [0; 100];
            let (count, remote, own) = direct.receive(&mut buffer).await;
            assert_eq!((&buffer[..count], own), (&b"hello"[..], port));
            direct.send(remote, b"back").expect("sent");
            let mut back = [0; 100];
            let (count, from) = sender.recv_from(&mut back).expect("it comes back");
            assert_eq!((&back[..count], from.port()), (&b"back"[..], port));
            let _client = std::net::TcpStream::connect(("127.0.0.1", port)).expect("it listens");
            assert!(direct.accept().await.is_ok());
        });
    }

    #[test]
    fn a_taken_port_is_said_in_words_and_nothing_stays_open() {
        on_runtime(async {
            let taken = std::net::TcpListener::bind("0.0.0.0:0").expect("a listener");
            let port = taken.local_addr().expect("it has one").port();
            let error = Direct::open(port).expect_err("TCP is taken");
            assert_eq!(error, format!("TCP port {port} is taken by another program"));
            assert!(std::net::UdpSocket::bind(("0.0.0.0", port)).is_ok(), "UDP was given back");

            let direct = Direct::outgoing_only();
            let remote = SocketAddr::from(([127, 0, 0, 1], 9));
            assert!(direct.port_towards(remote).is_some_and(|own| own != port));
            assert!(direct.send(remote, b"x").is_ok());
        });
    }
}
