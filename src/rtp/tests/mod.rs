//! A session on a bad network.

mod keys;
mod media;
mod moves;
mod mutation;
mod payload;
mod rtcp;

use std::time::{Duration, Instant, SystemTime};

use super::*;

/// A moment to count from, and the stream's negotiated addresses.
pub(super) struct Rig {
    pub start: Instant,
    pub session: RtpSession,
}

pub(super) const CLOCK: u32 = 8_000;
pub(super) const AUDIO: u8 = 0;
pub(super) const KEYS: u8 = 101;

pub(super) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(super) fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

pub(super) fn remote() -> SocketAddr {
    address("10.0.0.2:5004")
}

pub(super) fn remote_rtcp() -> SocketAddr {
    address("10.0.0.2:5005")
}

pub(super) fn stream() -> StreamConfig {
    StreamConfig {
        clock_rate: CLOCK,
        remote: remote(),
        remote_rtcp: remote_rtcp(),
        rtcp_mux: false,
        recv_pts: vec![AUDIO, 8],
        dtmf_recv_pts: vec![KEYS],
        dtmf_send_pt: Some(KEYS),
        dtmf_clock: CLOCK,
        pli: true,
        fir: true,
    }
}

impl Rig {
    pub fn new() -> Self {
        Self::with(1, stream())
    }

    pub fn with(seed: u8, stream: StreamConfig) -> Self {
        let start = Instant::now();
        let config = SessionConfig {
            instant: start,
            wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
            seed: [seed; 32],
            cname: "panel".into(),
            stream,
        };
        Self { start, session: RtpSession::new(config) }
    }

    pub fn at(&self, after: u64) -> Instant {
        self.start + ms(after)
    }

    /// A packet of sound from where it should come, so many ms after the start.
    pub fn hear(&mut self, after: u64, ssrc: u32, sequence: u16) -> Option<MediaPacket> {
        self.hear_from(after, remote(), ssrc, sequence)
    }

    pub fn hear_from(&mut self, after: u64, from: SocketAddr, ssrc: u32, sequence: u16) -> Option<MediaPacket> {
        let packet = packet(AUDIO, false, sequence, u32::from(sequence) * 160, ssrc, b"sound");
        match self.session.handle_rtp(self.at(after), from, &packet) {
            Some(Received::Media(packet)) => Some(packet),
            Some(Received::Dtmf(_)) | None => None,
        }
    }

    /// All that is to be sent.
    pub fn sent(&mut self) -> Vec<Transmit> {
        std::iter::from_fn(|| self.session.poll_transmit()).collect()
    }
}

/// A packet as it is on the wire.
pub(super) fn packet(pt: u8, marker: bool, sequence: u16, timestamp: u32, ssrc: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x80, u8::from(marker) << 7 | pt];
    bytes.extend(sequence.to_be_bytes());
    bytes.extend(timestamp.to_be_bytes());
    bytes.extend(ssrc.to_be_bytes());
    bytes.extend(payload);
    bytes
}
