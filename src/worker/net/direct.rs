//! Where SIP is listened for, UDP and TCP, IPv4 and IPv6 each with a socket of its own: on the Direct IP Port, and on a port
//! of its own for each account.
//!
//! What can be opened is, and what is taken is said: a door that rings by UDP does so whoever has the TCP port. The port of an
//! account is open altogether or not at all.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::{Context, Poll};

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::ReadBuf;
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use super::undelivered;
use crate::channel::{PortFault, PortTrouble};

/// What the kernel may keep of a burst while the loop is busy, in bytes.
const RECEIVE_BUFFER: usize = 256 * 1024;
/// How many ports are tried for an account.
const ATTEMPTS: usize = 8;
/// Connections that wait to be accepted.
const BACKLOG: i32 = 32;

/// All open sockets, by port.
#[derive(Debug, Default)]
pub struct Direct {
    ports: Vec<Port>,
    /// The port from which devices are called while another program has UDP of the Direct IP Port.
    stand_in: Option<u16>,
    /// Which socket is asked first, so that a flood on one does not silence the other.
    turn: Cell<usize>,
}

/// The sockets of one port.
#[derive(Debug)]
struct Port {
    number: u16,
    /// An account's.
    of_account: bool,
    udp: Vec<UdpSocket>,
    tcp: Vec<TcpListener>,
}

/// A datagram that came; its bytes are in the caller's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// How many bytes.
    pub count: usize,
    /// Who sent it.
    pub remote: SocketAddr,
    /// At which of our ports it came.
    pub port: u16,
}

/// What a datagram socket has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A datagram.
    Datagram(Datagram),
    /// A datagram of ours did not arrive there.
    Undelivered {
        /// Where it was to go.
        remote: SocketAddr,
        /// From which of our ports.
        port: u16,
    },
}

/// What came of listening on the Direct IP Port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listening {
    /// What is listened on.
    pub on: Vec<String>,
    /// The first thing that cannot be had.
    pub fault: Option<PortFault>,
    /// Another port of ours to call from, where UDP of this one, by IPv4 or IPv6, cannot be had and something else of it can.
    pub stand_in: Option<u16>,
}

impl Direct {
    /// Listens on this port, UDP and TCP, keeps the sockets of the ports in `keep`, and closes all others. What cannot be had
    /// is tried again each time. IPv6 is left out where the system has none.
    pub fn listen(&mut self, port: u16, keep: &[u16]) -> Listening {
        self.ports.retain(|open| open.of_account || open.number == port || keep.contains(&open.number));
        let before = self.ports.iter().position(|open| open.number == port).map(|at| self.ports.swap_remove(at));
        let mut open = before.unwrap_or_else(|| Port::closed(port));
        let faults = open.open_rest();
        let (on, lacks_udp) = (open.words(), faults.iter().any(|fault| fault.transport == "UDP"));
        let fault = faults.into_iter().next();
        if !on.is_empty() {
            self.ports.push(open);
        }
        let stand_in = (lacks_udp && !on.is_empty()).then(|| self.stand_in()).flatten();
        if let Some(former) = self.stand_in.take_if(|former| stand_in.is_none() && !keep.contains(former)) {
            self.close_for_account(former);
        }
        Listening { on, fault, stand_in }
    }

    fn stand_in(&mut self) -> Option<u16> {
        if self.stand_in.is_none() {
            self.stand_in = self.open_for_account().ok();
        }
        self.stand_in
    }

    /// Opens a port for an account, one that the system chooses.
    ///
    /// # Errors
    /// Why there is none.
    pub fn open_for_account(&mut self) -> Result<u16, PortFault> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            // What is free for IPv4 by UDP need not be for the others.
            let free = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| socket.local_addr());
            let number = free.map_err(|error| fault("UDP", 0, &error))?.port();
            match Port::open(number) {
                Ok(open) => {
                    self.ports.push(Port { of_account: true, ..open });
                    return Ok(number);
                }
                Err(why) if attempts == ATTEMPTS => return Err(why),
                Err(_) => {}
            }
        }
    }

    /// Closes the port of an account.
    pub fn close_for_account(&mut self, port: u16) {
        self.ports.retain(|open| !(open.of_account && open.number == port));
    }

    /// The next datagram, or what became of one of ours. Never comes without sockets. May be dropped while it waits without
    /// losing anything.
    ///
    /// An error wakes nobody: it is found when the loop comes by. Whoever waits for an answer comes by after half a second at
    /// the latest, to ask again.
    ///
    /// Without `direct_too` only the ports of accounts are heard.
    pub async fn receive(&self, buffer: &mut [u8], direct_too: bool) -> Heard {
        poll_fn(|context| self.poll_receive(context, buffer, direct_too)).await
    }

    fn poll_receive(&self, context: &mut Context<'_>, buffer: &mut [u8], direct_too: bool) -> Poll<Heard> {
        let turn = self.turn.get().wrapping_add(1);
        self.turn.set(turn);
        let heard = |open: &&Port| direct_too || open.of_account;
        let sockets =
            || self.ports.iter().filter(heard).flat_map(|open| open.udp.iter().map(|socket| (open.number, socket)));
        let count = sockets().count();
        for (port, socket) in sockets().cycle().skip(turn % count.max(1)).take(count) {
            if let Some(remote) = undelivered::next(socket) {
                return Poll::Ready(Heard::Undelivered { remote: plain(remote), port });
            }
            let mut into = ReadBuf::new(buffer);
            // An error of a datagram socket belongs to some datagram sent before; reading goes on behind it.
            while let Poll::Ready(result) = socket.poll_recv_from(context, &mut into) {
                if let Ok(remote) = result {
                    let (count, remote) = (into.filled().len(), plain(remote));
                    return Poll::Ready(Heard::Datagram(Datagram { count, remote, port }));
                }
            }
        }
        Poll::Pending
    }

    /// The next connection that somebody opened, with the port it came to. Never comes without sockets.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        poll_fn(|context| {
            for listener in self.ports.iter().flat_map(|open| &open.tcp) {
                if let Poll::Ready(result) = listener.poll_accept(context) {
                    return Poll::Ready(result);
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Sends a datagram at once from this port of ours; a full buffer of the system loses it, as the network may.
    ///
    /// # Errors
    /// What the system says, for example that no route leads there, or that the port is not open.
    pub fn send(&self, port: u16, remote: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        let mut sockets = self.ports.iter().filter(|open| open.number == port).flat_map(|open| &open.udp);
        let socket = sockets.find(|socket| socket.local_addr().is_ok_and(|local| local.is_ipv4() == remote.is_ipv4()));
        let socket = socket.ok_or(io::ErrorKind::AddrNotAvailable)?;
        // An error of a datagram sent before, perhaps to somebody else, would be given out instead of sending; it is in the
        // queue of errors as well.
        let _ = socket.take_error();
        // Past the runtime, which calls a socket unready until it has waited for it once.
        match SockRef::from(socket).send_to(bytes, &remote.into()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            result => result.map(drop),
        }
    }
}

impl Port {
    fn closed(number: u16) -> Self {
        Self { number, of_account: false, udp: Vec::new(), tcp: Vec::new() }
    }

    /// All sockets of a port, or none.
    fn open(number: u16) -> Result<Self, PortFault> {
        let mut open = Self::closed(number);
        match open.open_rest().into_iter().next() {
            None => Ok(open),
            Some(fault) => Err(fault),
        }
    }

    /// Opens what is not open yet, as far as it can be had; gives what is in the way.
    fn open_rest(&mut self) -> Vec<PortFault> {
        let mut faults = Vec::new();
        for address in addresses(self.number) {
            let spared = |error: &io::Error| address.is_ipv6() && no_ipv6(error);
            if !self.udp.iter().any(|open| open.local_addr().ok() == Some(address)) {
                match udp(address) {
                    Ok(open) => self.udp.push(open),
                    Err(error) if spared(&error) => {}
                    Err(error) => faults.push(fault("UDP", self.number, &error)),
                }
            }
            if !self.tcp.iter().any(|open| open.local_addr().ok() == Some(address)) {
                match tcp(address) {
                    Ok(open) => self.tcp.push(open),
                    Err(error) if spared(&error) => {}
                    Err(error) => faults.push(fault("TCP", self.number, &error)),
                }
            }
        }
        faults
    }

    /// `udp:0.0.0.0:5060`, `tcp:0.0.0.0:5060` …
    fn words(&self) -> Vec<String> {
        let udp = self.udp.iter().filter_map(|open| open.local_addr().ok());
        let tcp = self.tcp.iter().filter_map(|open| open.local_addr().ok());
        let (udp, tcp): (Vec<_>, Vec<_>) = (udp.collect(), tcp.collect());
        let of = |address| {
            let by_udp = udp.contains(&address).then(|| format!("udp:{address}"));
            let by_tcp = tcp.contains(&address).then(|| format!("tcp:{address}"));
            by_udp.into_iter().chain(by_tcp)
        };
        addresses(self.number).into_iter().flat_map(of).collect()
    }
}

/// All addresses of this machine at that port, those of IPv4 and those of IPv6.
fn addresses(port: u16) -> [SocketAddr; 2] {
    [(Ipv4Addr::UNSPECIFIED, port).into(), (Ipv6Addr::UNSPECIFIED, port).into()]
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
    // Without it one learns later, by waiting, that nobody is there.
    let _ = undelivered::keep(&socket, address.is_ipv4());
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

fn fault(transport: &'static str, port: u16, error: &io::Error) -> PortFault {
    let trouble = match error.kind() {
        io::ErrorKind::AddrInUse => PortTrouble::Taken,
        io::ErrorKind::PermissionDenied => PortTrouble::NotAllowed,
        _ => PortTrouble::System(error.to_string()),
    };
    PortFault { transport, port, trouble }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::testing::{free_port, on_runtime, udp_peer};

    #[test]
    fn both_transports_and_both_families_listen_and_are_named() {
        on_runtime(async {
            let port = free_port();
            let mut direct = Direct::default();
            let Listening { on: listening, fault: None, stand_in: None } = direct.listen(port, &[]) else {
                panic!("the port is free")
            };
            assert_eq!(listening[..2], [format!("udp:0.0.0.0:{port}"), format!("tcp:0.0.0.0:{port}")]);
            let again = Listening { on: listening, fault: None, stand_in: None };
            assert_eq!(direct.listen(port, &[]), again, "it stays as it is");
            let sender = udp_peer();
            sender.send_to(b"hello", ("127.0.0.1", port)).expect("sent");
            let mut buffer = [0; 100];
            let Heard::Datagram(datagram) = direct.receive(&mut buffer, true).await else { panic!("nothing was sent") };
            assert_eq!((&buffer[..datagram.count], datagram.port), (&b"hello"[..], port));
            direct.send(port, datagram.remote, b"back").expect("sent");
            let mut back = [0; 100];
            let (count, from) = sender.recv_from(&mut back).expect("it comes back");
            assert_eq!((&back[..count], from.port()), (&b"back"[..], port));
            let _client = std::net::TcpStream::connect(("127.0.0.1", port)).expect("it listens");
            assert!(direct.accept().await.is_ok());
        });
    }

    #[test]
    fn whoever_has_the_tcp_port_leaves_us_udp_and_the_rest_comes_when_it_is_free() {
        on_runtime(async {
            let taken = std::net::TcpListener::bind("0.0.0.0:0").expect("a listener");
            let port = taken.local_addr().expect("it has one").port();
            let mut direct = Direct::default();
            for time in ["first", "second"] {
                let Listening { on: listening, fault, stand_in: None } = direct.listen(port, &[]) else {
                    panic!("UDP is free")
                };
                let fault = fault.expect("TCP is taken");
                assert_eq!(
                    fault.to_string(),
                    format!("TCP port {port} is taken by another program"),
                    "the {time} time"
                );
                assert_eq!(listening[0], format!("udp:0.0.0.0:{port}"));
                assert!(!listening.contains(&format!("tcp:0.0.0.0:{port}")), "{listening:?}");
            }
            let peer = udp_peer();
            peer.send_to(b"hello", ("127.0.0.1", port)).expect("sent");
            let Heard::Datagram(datagram) = direct.receive(&mut [0; 100], true).await else { panic!("it was sent") };
            direct.send(port, datagram.remote, b"back").expect("sent");
            drop(taken);
            let Listening { on: listening, fault: None, .. } = direct.listen(port, &[]) else { panic!("it is free") };
            assert_eq!(listening[..2], [format!("udp:0.0.0.0:{port}"), format!("tcp:0.0.0.0:{port}")]);
        });
    }

    #[test]
    fn whoever_has_the_udp_port_of_one_family_leaves_us_another_for_both() {
        on_runtime(async {
            let taken = std::net::UdpSocket::bind("0.0.0.0:0").expect("a socket");
            let port = taken.local_addr().expect("it has one").port();
            let mut direct = Direct::default();
            let other = direct.listen(port, &[]).stand_in.expect("there are ports");
            let peer = udp_peer();
            direct.send(other, peer.local_addr().expect("it has one"), b"hello").expect("sent");
            assert_eq!(peer.recv_from(&mut [0; 100]).expect("it comes").1.port(), other);
        });
    }

    #[test]
    fn whoever_has_the_udp_port_leaves_us_another_to_call_from_until_it_is_free() {
        on_runtime(async {
            let taken = std::net::UdpSocket::bind("[::]:0").expect("a socket for both families");
            let port = taken.local_addr().expect("it has one").port();
            let mut direct = Direct::default();
            let Listening { fault: Some(_), stand_in: Some(other), .. } = direct.listen(port, &[]) else {
                panic!("TCP is free, and there are ports")
            };
            assert_eq!(direct.listen(port, &[]).stand_in, Some(other), "it stays as it is");
            let peer = udp_peer();
            direct.send(other, peer.local_addr().expect("it has one"), b"hello").expect("sent");
            let (count, from) = peer.recv_from(&mut [0; 100]).expect("it comes");
            assert_eq!((count, from.port()), (5, other));
            peer.send_to(b"back", ("127.0.0.1", other)).expect("sent");
            let Heard::Datagram(datagram) = direct.receive(&mut [0; 100], true).await else { panic!("it was sent") };
            assert_eq!(datagram.port, other);
            drop(taken);
            let is_free = |port: u16| std::net::UdpSocket::bind(("0.0.0.0", port)).is_ok();
            let again = direct.listen(port, &[other]);
            assert_eq!((again.fault, again.stand_in, is_free(other)), (None, None, false), "a call still uses it");
            direct.listen(port, &[]);
            assert!(is_free(other));
        });
    }

    #[test]
    fn a_port_of_which_nothing_is_free_is_not_ours() {
        on_runtime(async {
            let tcp = std::net::TcpListener::bind("[::]:0").expect("a listener for both families");
            let port = tcp.local_addr().expect("it has one").port();
            let udp = std::net::UdpSocket::bind(("::", port)).expect("a socket for both families");
            let mut direct = Direct::default();
            let Listening { on: listening, fault, stand_in } = direct.listen(port, &[]);
            assert_eq!((listening, stand_in), (Vec::<String>::new(), None));
            assert_eq!(fault.map(|fault| (fault.transport, fault.trouble)), Some(("UDP", PortTrouble::Taken)));
            assert!(direct.send(port, SocketAddr::from(([127, 0, 0, 1], 9)), b"x").is_err());
            drop((tcp, udp));
            assert_eq!(direct.listen(port, &[]).fault, None, "once it is free it can be had");
        });
    }

    #[test]
    fn the_port_of_an_account_is_its_own() {
        on_runtime(async {
            let is_free = |port: u16| std::net::UdpSocket::bind(("0.0.0.0", port)).is_ok();
            let mut direct = Direct::default();
            let own = direct.open_for_account().expect("there are ports");
            assert_eq!(direct.listen(free_port(), &[]).fault, None);
            assert!(!is_free(own), "a change of the Direct IP Port leaves it alone");
            let other = direct.open_for_account().expect("there are ports");
            direct.close_for_account(own);
            assert!(is_free(own) && !is_free(other));
        });
    }

    #[test]
    fn a_new_port_closes_the_old_one_unless_a_call_still_uses_it() {
        on_runtime(async {
            let (first, second, third) = (free_port(), free_port(), free_port());
            let is_free = |port: u16| std::net::UdpSocket::bind(("0.0.0.0", port)).is_ok();
            let mut direct = Direct::default();
            assert_eq!(direct.listen(first, &[]).fault, None);
            let Listening { on: listening, fault: None, .. } = direct.listen(second, &[first]) else {
                panic!("it is free")
            };
            assert!(listening.iter().all(|words| words.ends_with(&second.to_string())), "{listening:?}");
            assert!(!is_free(first) && !is_free(second));
            assert_eq!(direct.listen(third, &[]).fault, None);
            assert!(is_free(first) && is_free(second) && !is_free(third));
        });
    }
}
