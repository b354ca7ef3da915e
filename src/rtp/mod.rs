//! RTP and RTCP (RFC 3550): one stream of sound or pictures, both ways, with its reports and its keys.
//!
//! Sans-IO: packets and the time go in, packets and what they mean come out. SRTP, where there is any, lies between
//! this room and the socket.
//!
//! ```text
//!             ┌ latch: whose packets are taken, where ours go
//!  handle_rtp ┤ source: sequence, loss, jitter ──▶ Received::Media
//!             └ events: keys (RFC 4733) ─────────▶ Received::Dtmf
//!  handle_rtcp ─ reports ──▶ RtcpEvent, round trip
//!  send, send_dtmf, request_keyframe, bye, handle_timeout ──▶ poll_transmit
//! ```
//!
//! What packets of pictures carry is judged by [`payload`], for whoever unpacks them.

mod events;
mod latch;
pub mod payload;
mod reports;
mod session;
mod silence;
mod source;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::{Instant, SystemTime};

pub use session::RtpSession;

/// What stays the same for as long as a stream lives.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// The time now, on the clock of all later calls …
    pub instant: Instant,
    /// … and on the clock of the wall, for the sender reports.
    pub wall: SystemTime,
    /// SSRC, first sequence number, first timestamp and the pauses between reports come from this.
    pub seed: [u8; 32],
    /// Canonical name of this side, the same for sound and picture (RFC 3550 6.5.1); at most 255 bytes are used.
    pub cname: String,
    /// What was negotiated.
    pub stream: StreamConfig,
}

/// What a negotiation settles, and may settle anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamConfig {
    /// Clock of the timestamps, in Hz.
    pub clock_rate: u32,
    /// Where RTP goes. With an unspecified address nothing is sent until the other side shows itself within a second;
    /// if it is unspecified in a later agreement, nothing is sent at all until the next one.
    pub remote: SocketAddr,
    /// Where RTCP goes.
    pub remote_rtcp: SocketAddr,
    /// Whether RTCP shares the RTP port (RFC 5761).
    pub rtcp_mux: bool,
    /// Payload types that may arrive as media.
    pub recv_pts: Vec<u8>,
    /// Payload types that may arrive as keys.
    pub dtmf_recv_pts: Vec<u8>,
    /// Payload type of the keys we send, if the other side takes any.
    pub dtmf_send_pt: Option<u8>,
    /// Clock of the durations of keys, in Hz.
    pub dtmf_clock: u32,
    /// Whether the other side understands picture loss indications.
    pub pli: bool,
    /// Whether the other side understands full intra requests.
    pub fir: bool,
}

/// Which of the two sockets of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// The even port; with `rtcp_mux` the only one.
    Rtp,
    /// The next one up.
    Rtcp,
}

/// A packet to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// From which socket.
    pub channel: Channel,
    /// To whom.
    pub to: SocketAddr,
    /// What.
    pub bytes: Vec<u8>,
}

/// Why the session wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerReason {
    /// A report is due.
    Report,
    /// The next packet of a key, or of the silence after it, is due.
    Dtmf,
}

/// What an RTP packet brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// Sound or picture.
    Media(MediaPacket),
    /// A key was pressed; comes once for each press.
    Dtmf(DtmfEvent),
}

/// A packet of sound or picture. Each comes once, but in whatever order the network chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaPacket {
    /// What it is.
    pub payload_type: u8,
    /// Its place in the stream.
    pub sequence: u16,
    /// Its place in the stream, with the rollovers counted.
    pub extended_sequence: u64,
    /// When it was taken, in clock units.
    pub timestamp: u32,
    /// Begin of talk, or end of a picture.
    pub marker: bool,
    /// Who made it.
    pub ssrc: u32,
    /// Whether it is the first of its source: sequence and timestamps begin anew, a key frame is wanted.
    pub new_source: bool,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// A key that was pressed over there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DtmfEvent {
    /// `0`–`9`, `*`, `#`, `A`–`D`.
    pub digit: char,
    /// When it was pressed, in clock units.
    pub timestamp: u32,
}

/// What an RTCP packet brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RtcpEvent {
    /// The other side cannot show our picture without a key frame (PLI, FIR). It may come at any rate.
    KeyframeWanted,
    /// What the other side lost of our stream since its last report, in 1/256 (RFC 3550 6.4.1).
    Lost(u8),
    /// The other side has stopped sending.
    Bye,
}

/// Counts and measures of a stream since it began.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// Packets taken, each once.
    pub packets_in: u64,
    /// Their payload, in bytes.
    pub bytes_in: u64,
    /// RTCP packets taken.
    pub reports_in: u64,
    /// Packets that should have come and did not (RFC 3550 A.3); a late one takes its loss back.
    pub lost: u64,
    /// Packets that came again and were dropped.
    pub duplicates: u64,
    /// Interarrival jitter (RFC 3550 A.8), in ms.
    pub jitter_ms: f32,
    /// Packets of another payload type, dropped.
    pub wrong_type: u64,
    /// Packets from elsewhere, dropped.
    pub strangers: u64,
    /// Packets of our own that came back, dropped (RFC 3550 8.2).
    pub looped: u64,
    /// Packets that are not RTP or RTCP, or out of all order, dropped.
    pub malformed: u64,
    /// RTP packets sent, keys among them.
    pub packets_out: u64,
    /// Their payload, in bytes.
    pub bytes_out: u64,
    /// There and back, from reports (RFC 3550 6.4.1), in ms.
    pub round_trip_ms: Option<f32>,
    /// Share of our packets that the other side missed lately, 0–1, from its reports.
    pub remote_loss: Option<f32>,
    /// Key frames that we asked for.
    pub keyframe_requests: u32,
}

/// Whether a packet on a shared port is RTCP (RFC 5761 4).
pub fn is_rtcp(packet: &[u8]) -> bool {
    packet.len() >= 2 && packet[0] >> 6 == 2 && (192..=223).contains(&packet[1])
}
