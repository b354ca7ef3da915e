//! Offer and answer (RFC 3264): which sound and which picture two sides exchange, and where it goes.
//!
//! Sans-IO: bytes in, bytes and a [`Negotiated`] out. One [`Negotiation`] lives as long as its call and remembers the
//! media lines of the last exchange, because a later offer must repeat them in the same order with the same numbers.
//!
//! ```text
//!  we call:   create_offer ──▶ (183, 200) handle_answer ──▶ Negotiated
//!  we answer: handle_offer ──▶ (answer, Negotiated)
//!  late offer, hold, resume: the same two, again
//! ```
//!
//! * `codec`: what can be sent and received, and its names on the wire
//! * `description`: reads whatever a door station calls SDP
//! * `format`: one payload type of a media line, with its parameters
//! * `print`: writes ours
//! * `negotiation`: the state of a call; `select` picks the formats

mod codec;
mod description;
mod format;
mod negotiation;
mod print;
mod select;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};

pub use codec::{AudioCodec, VideoCodec};
pub use negotiation::Negotiation;

/// Longest description that is read, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;
/// Most media lines that are read.
pub const MAX_MEDIA: usize = 64;
/// Most attributes of a whole description that are read.
pub const MAX_ATTRIBUTES: usize = 2000;

/// Which way a stream flows, seen from the side that says it (RFC 8866 6.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Both ways.
    #[default]
    SendRecv,
    /// Only out.
    SendOnly,
    /// Only in.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    /// The attribute: `sendrecv`, `sendonly`, `recvonly`, `inactive`.
    pub fn name(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// The direction with this attribute name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::SendRecv, Self::SendOnly, Self::RecvOnly, Self::Inactive]
            .into_iter()
            .find(|direction| direction.name().eq_ignore_ascii_case(name))
    }

    /// Whether something flows out.
    pub fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether something flows in.
    pub fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// The direction that sends and receives as asked.
    pub fn of(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }

    /// The same stream seen from the other side.
    pub fn reversed(self) -> Self {
        Self::of(self.receives(), self.sends())
    }

    /// What both allow.
    pub fn and(self, other: Self) -> Self {
        Self::of(self.sends() && other.sends(), self.receives() && other.receives())
    }
}

/// What this panel can do, in order of preference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Sound formats, the best first.
    pub audio: Vec<AudioCodec>,
    /// Picture formats, the best first; with none no picture is offered and every picture line is rejected.
    pub video: Vec<VideoCodec>,
}

/// Where this panel listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Local {
    /// The address that the other side is to send to.
    pub address: IpAddr,
    /// RTP port of the sound; RTCP is the next one up.
    pub audio_port: u16,
    /// RTP port of the picture; RTCP is the next one up.
    pub video_port: u16,
}

/// Which way we want the streams to flow, seen from here. The other side can only take away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The sound.
    pub audio: Direction,
    /// The picture.
    pub video: Direction,
}

/// What both sides agreed upon. A stream that is `None` was not offered or is rejected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Negotiated {
    /// The sound.
    pub audio: Option<AudioStream>,
    /// The picture.
    pub video: Option<VideoStream>,
}

/// The sound as agreed.
///
/// `remote` has an unspecified address (`0.0.0.0`, `::`) when the other side gave none that can be sent to: the old way
/// to hold a call (RFC 3264 8.4), or a multicast group. Nothing must be sent there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioStream {
    /// What we send.
    pub codec: AudioCodec,
    /// The payload type under which we send it.
    pub send_pt: u8,
    /// What may arrive, under which payload type; the codec that is expected comes first.
    pub recv_pts: Vec<(u8, AudioCodec)>,
    /// Where RTP goes.
    pub remote: SocketAddr,
    /// Where RTCP goes.
    pub remote_rtcp: SocketAddr,
    /// Seen from here.
    pub direction: Direction,
    /// Length of the packets we send, 10–60 ms, one that the codec can do.
    pub ptime_ms: u32,
    /// Payload type of the keys we send (RFC 4733); `None` if the other side takes none.
    pub dtmf_send_pt: Option<u8>,
    /// Payload types under which keys may arrive.
    pub dtmf_recv_pts: Vec<u8>,
    /// Clock of the durations of the keys we send, in Hz.
    pub dtmf_clock: u32,
    /// Whether RTCP shares the RTP port on both sides (RFC 5761).
    pub rtcp_mux: bool,
}

/// The picture as agreed. `remote` as in [`AudioStream`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoStream {
    /// What we send and expect.
    pub codec: VideoCodec,
    /// The payload type under which we send it.
    pub send_pt: u8,
    /// What may arrive, under which payload type; the codec that is expected comes first.
    pub recv_pts: Vec<(u8, VideoCodec)>,
    /// Where RTP goes.
    pub remote: SocketAddr,
    /// Where RTCP goes.
    pub remote_rtcp: SocketAddr,
    /// Seen from here.
    pub direction: Direction,
    /// H.264 parameter sets of what the other side sends (RFC 6184 8.1), base64 with commas and nothing else.
    pub sprop: Option<String>,
    /// `packetization-mode` that the other side takes, 0 or 1 (RFC 6184 6); with 0 every packet is one NAL unit.
    pub packetization_mode: u8,
    /// `profile-level-id` that the other side named, six hexadecimal digits.
    pub profile_level_id: Option<String>,
    /// What the other side lets us send at most (`b=`), in kbit/s.
    pub bandwidth_kbps: Option<u32>,
    /// The key-frame requests that the other side understands.
    pub feedback: Feedback,
    /// Whether RTCP shares the RTP port on both sides (RFC 5761).
    pub rtcp_mux: bool,
}

/// How a key frame can be asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Feedback {
    /// Picture loss indication (RFC 4585 6.3.1).
    pub pli: bool,
    /// Full intra request (RFC 5104 4.3.1).
    pub fir: bool,
}

/// Why a description cannot be used. `Display` says it in words; [`SdpError::status`] is the SIP answer to it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// Longer than [`MAX_BYTES`].
    #[error("the session description has {0} bytes, more than {MAX_BYTES}")]
    TooLong(usize),
    /// More than [`MAX_MEDIA`] media lines.
    #[error("the session description has more than {MAX_MEDIA} media lines")]
    TooManyMedia,
    /// More than [`MAX_ATTRIBUTES`] attributes.
    #[error("the session description has more than {MAX_ATTRIBUTES} attributes")]
    TooManyAttributes,
    /// Not SDP.
    #[error("the session description cannot be read: {0}")]
    Malformed(String),
    /// Nothing to exchange.
    #[error("the session description has no media line")]
    NoMedia,
    /// Not one line has a format that we know.
    #[error("no sound or picture format in common: the other side has {0}")]
    NoCommonCodec(String),
    /// Not one line is for sound or pictures.
    #[error("neither sound nor pictures: the other side has {0}")]
    NoKnownMedia(String),
    /// Not one line for sound or pictures is sent as plain RTP.
    #[error("no way of sending in common: the other side has {0}")]
    NoCommonTransport(String),
    /// A line of the last agreement is left out of an offer, where it had to stay and may be refused; or one that was in use
    /// out of an answer (RFC 3264 6, 8).
    #[error("the session description has {has} media lines and must have {least} at least")]
    LinesMissing {
        /// What it has.
        has: usize,
        /// What it must have.
        least: usize,
    },
    /// An answer came and nothing was offered.
    #[error("an answer came without an offer")]
    NoOffer,
}

impl SdpError {
    /// The SIP status that tells the other side: 400 when it cannot be read, 413, or 488 (RFC 3261 21.4).
    pub fn status(&self) -> u16 {
        match self {
            Self::TooLong(_) => 413,
            Self::TooManyMedia | Self::TooManyAttributes | Self::Malformed(_) | Self::NoOffer => 400,
            Self::NoMedia
            | Self::NoCommonCodec(_)
            | Self::NoKnownMedia(_)
            | Self::NoCommonTransport(_)
            | Self::LinesMissing { .. } => 488,
        }
    }

    /// What goes with the status for whoever looks into the matter: the code of a SIP Warning (RFC 3261 20.43) and a few
    /// English words, in which nothing stands that came from the other side.
    pub fn warning(&self) -> (u16, &'static str) {
        match self {
            Self::TooLong(_) => (399, "the session description is too long"),
            Self::TooManyMedia => (399, "the session description has too many media lines"),
            Self::TooManyAttributes => (399, "the session description has too many attributes"),
            Self::Malformed(_) => (399, "the session description cannot be read"),
            Self::NoMedia => (304, "the session description has no media line"),
            Self::NoKnownMedia(_) => (304, "media type not available"),
            Self::NoCommonTransport(_) => (302, "incompatible transport protocol"),
            Self::NoCommonCodec(_) => (305, "incompatible media format"),
            Self::LinesMissing { .. } => (399, "media lines of the session are missing"),
            Self::NoOffer => (399, "nothing was offered"),
        }
    }
}
