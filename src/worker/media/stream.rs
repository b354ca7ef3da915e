//! One RTP stream of a call: its two sockets and its session.

use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::ReadBuf;

use super::ports::{self, OpenPair};
use crate::channel::CallHandle;
use crate::media::audio::{RATE, Voice};
use crate::rtp::{Channel, Received, RtcpEvent, RtpSession, is_rtcp};
use crate::sdp::AudioCodec;

/// How long a key sounds in the ear of the other side.
const KEY_TIME: Duration = Duration::from_millis(120);
/// Packets of silence behind keys, each of 20 ms: more than what telephones hold back against jitter.
const SILENCE: usize = 12;

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
    /// Codec and payload type of the silence that follows keys; none where sound flows, or none may be sent.
    pub silence: Option<(AudioCodec, u8)>,
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
        Self { call, kind, session, keys: 0, silence: None, sockets }
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

    /// Sends these keys after those that wait.
    pub fn send_keys(&mut self, now: Instant, digits: &str) {
        for digit in digits.chars() {
            if !self.session.send_dtmf(now, digit, KEY_TIME) {
                tracing::warn!("call {}: a key could not be sent", self.call.0);
            }
        }
        if let Some((codec, payload_type)) = self.silence {
            self.session.silence_after_keys(payload_type, silence(codec));
        }
        self.keys += 1;
        self.flush();
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

/// Packets of silence; none if the codec does not work.
fn silence(codec: AudioCodec) -> Vec<Vec<u8>> {
    let Ok(mut voice) = Voice::new(codec, 20, &[], RATE) else { return Vec::new() };
    (0..SILENCE).filter_map(|index| voice.packet(index).map(<[u8]>::to_vec)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::audio::{Ear, SILENCE_DBFS};

    #[test]
    fn silence_is_silent_in_every_codec() {
        for codec in AudioCodec::ALL {
            let packets = silence(codec);
            assert_eq!(packets.len(), SILENCE, "{codec:?}");
            let mut ear = Ear::default();
            for packet in packets {
                let loudness = ear.hear(codec, &packet).expect("it is sound");
                assert!((SILENCE_DBFS..-60.0).contains(&loudness), "{codec:?}: {loudness}");
            }
        }
    }
}
