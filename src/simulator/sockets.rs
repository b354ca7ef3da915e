//! The UDP sockets of the door station, all on loopback: signalling, sound and picture, RTCP one port above RTP.

use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::task::Poll;

use tokio::io::ReadBuf;
use tokio::net::UdpSocket;

use crate::rtp::Channel;

/// Even ports that are tried before giving up.
const TRIES: usize = 200;

/// Sound or picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Sound,
    Picture,
}

/// Which socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Sip,
    Media(Kind, Channel),
}

const LINES: [Line; 5] = [
    Line::Sip,
    Line::Media(Kind::Sound, Channel::Rtp),
    Line::Media(Kind::Sound, Channel::Rtcp),
    Line::Media(Kind::Picture, Channel::Rtp),
    Line::Media(Kind::Picture, Channel::Rtcp),
];

/// The sockets before there is a runtime, in the order of [`LINES`].
pub(super) struct Sockets([std::net::UdpSocket; 5]);

/// The sockets in the hands of the runtime.
pub(super) struct OpenSockets {
    sockets: [UdpSocket; 5],
    ports: [u16; 5],
    /// Which socket is asked first, so that none starves another.
    turn: usize,
}

impl Sockets {
    /// Binds them all; signalling on `wished` if it is free.
    pub(super) fn bind(wished: u16) -> io::Result<Self> {
        let sip = bind(wished).or_else(|_| bind(0))?;
        let (sound, sound_rtcp) = pair()?;
        let (picture, picture_rtcp) = pair()?;
        let sockets = [sip, sound, sound_rtcp, picture, picture_rtcp];
        for socket in &sockets {
            socket.set_nonblocking(true)?;
        }
        Ok(Self(sockets))
    }

    pub(super) fn sip_address(&self) -> SocketAddr {
        self.0[0].local_addr().unwrap_or_else(|_| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    /// Begins to read. Must be called on the runtime.
    pub(super) fn open(self) -> io::Result<OpenSockets> {
        let [a, b, c, d, e] = self.0.map(|socket| {
            let port = socket.local_addr().map(|address| address.port());
            Ok::<_, io::Error>((port?, UdpSocket::from_std(socket)?))
        });
        let opened = [a?, b?, c?, d?, e?];
        Ok(OpenSockets { ports: opened.each_ref().map(|(port, _)| *port), sockets: opened.map(|(_, s)| s), turn: 0 })
    }
}

impl OpenSockets {
    /// The port of a line.
    pub(super) fn port(&self, line: Line) -> u16 {
        self.ports[place(line)]
    }

    /// The next datagram: by which line, how many bytes of `buffer`, from where. May be dropped while it waits.
    pub(super) async fn receive(&mut self, buffer: &mut [u8]) -> (Line, usize, SocketAddr) {
        self.turn = self.turn.wrapping_add(1);
        poll_fn(|context| {
            for step in 0..LINES.len() {
                let at = (self.turn + step) % LINES.len();
                let mut into = ReadBuf::new(buffer);
                // An error of a datagram socket belongs to some datagram sent before; reading goes on behind it.
                while let Poll::Ready(result) = self.sockets[at].poll_recv_from(context, &mut into) {
                    if let Ok(from) = result {
                        return Poll::Ready((LINES[at], into.filled().len(), from));
                    }
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Sends at once; what the system has no room for is lost, as on a network.
    pub(super) fn send(&self, line: Line, to: SocketAddr, bytes: &[u8]) {
        if let Err(error) = self.sockets[place(line)].try_send_to(bytes, to) {
            tracing::trace!("door station, {line:?} to {to}: {error}");
        }
    }
}

fn place(line: Line) -> usize {
    LINES.iter().position(|of| *of == line).expect("every line is in the list")
}

fn bind(port: u16) -> io::Result<std::net::UdpSocket> {
    std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, port))
}

/// An even port and the next one up (RFC 3550 11).
fn pair() -> io::Result<(std::net::UdpSocket, std::net::UdpSocket)> {
    for _ in 0..TRIES {
        let first = bind(0)?;
        let port = first.local_addr()?.port();
        if port.is_multiple_of(2)
            && let Ok(second) = bind(port + 1)
        {
            return Ok((first, second));
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}
