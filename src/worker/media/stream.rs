//! One RTP stream of a call: its two sockets and its session.

use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::io::ReadBuf;

use super::ports::{self, OpenPair};
use crate::channel::CallHandle;
use crate::rtp::{Channel, Received, RtcpEvent, RtpSession, is_rtcp};

/// Sound or picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Sound.
    Audio,
    /// Picture.
    Video,
}

/// One stream.
#[derive(Debug)]
pub struct Stream {
    /// Whose.
    pub call: CallHandle,
    /// What.
    pub kind: Kind,
    /// Its RTP.
    pub session: RtpSession,
    /// Orders of keys that are on their way and not yet reported as sent.
    pub keys: u32,
    sockets: OpenPair,
}

/// What a packet brought.
#[derive(Debug)]
pub enum Brought {
    /// Of the RTP port.
    Rtp(Option<Received>),
    /// Of the RTCP port, or RTCP on the RTP port.
    Rtcp(Vec<RtcpEvent>),
}

impl Stream {
    /// A stream on open sockets.
    pub fn new(call: CallHandle, kind: Kind, session: RtpSession, sockets: OpenPair) -> Self {
        Self { call, kind, session, keys: 0, sockets }
    }

    /// Whether a packet waits, and from whom; its bytes are in the buffer then.
    pub fn poll_receive(&self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<(Channel, SocketAddr)> {
        for (channel, socket) in [(Channel::Rtp, &self.sockets.rtp), (Channel::Rtcp, &self.sockets.rtcp)] {
            // An error of a datagram socket belongs to some datagram sent before; reading goes on behind it.
            while let Poll::Ready(result) = socket.poll_recv_from(context, buffer) {
                if let Ok(from) = result {
                    return Poll::Ready((channel, ports::plain(from)));
                }
            }
        }
        Poll::Pending
    }

    /// Takes a packet in.
    pub fn receive(&mut self, now: Instant, channel: Channel, from: SocketAddr, bytes: &[u8]) -> Brought {
        if channel == Channel::Rtcp || is_rtcp(bytes) {
            Brought::Rtcp(self.session.handle_rtcp(now, from, bytes))
        } else {
            Brought::Rtp(self.session.handle_rtp(now, from, bytes))
        }
    }

    /// Sends all that the session has ready.
    pub fn flush(&mut self) {
        while let Some(packet) = self.session.poll_transmit() {
            let socket = match packet.channel {
                Channel::Rtp => &self.sockets.rtp,
                Channel::Rtcp => &self.sockets.rtcp,
            };
            ports::send(socket, packet.to, &packet.bytes);
        }
    }
}
