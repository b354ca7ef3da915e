//! One RTP stream of a call: its two sockets and its session.

use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::io::ReadBuf;

use super::ports::{self, OpenPair};
use crate::channel::CallHandle;
use crate::rtp::{Channel, Received, RtcpEvent, RtpSession, StreamConfig, is_rtcp};
use crate::sdp::{AudioStream, VideoStream};

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

/// What an agreement about sound means for RTP.
pub fn audio_config(agreed: &AudioStream) -> StreamConfig {
    StreamConfig {
        clock_rate: agreed.codec.rtp_clock(),
        remote: agreed.remote,
        remote_rtcp: agreed.remote_rtcp,
        rtcp_mux: agreed.rtcp_mux,
        recv_pts: agreed.recv_pts.iter().map(|(pt, _)| *pt).collect(),
        dtmf_recv_pts: agreed.dtmf_recv_pts.clone(),
        dtmf_send_pt: agreed.dtmf_send_pt,
        dtmf_clock: agreed.dtmf_clock,
        pli: false,
        fir: false,
    }
}

/// RTP clock of every picture format, RFC 3551 5.
const PICTURE_CLOCK: u32 = 90_000;

/// What an agreement about pictures means for RTP.
pub fn video_config(agreed: &VideoStream) -> StreamConfig {
    StreamConfig {
        clock_rate: PICTURE_CLOCK,
        remote: agreed.remote,
        remote_rtcp: agreed.remote_rtcp,
        rtcp_mux: agreed.rtcp_mux,
        recv_pts: agreed.recv_pts.iter().map(|(pt, _)| *pt).collect(),
        dtmf_recv_pts: Vec::new(),
        dtmf_send_pt: None,
        dtmf_clock: PICTURE_CLOCK,
        pli: agreed.feedback.pli,
        fir: agreed.feedback.fir,
    }
}
