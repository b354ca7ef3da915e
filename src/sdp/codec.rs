//! The formats of sound and picture that this panel knows, with their names, clocks and payload types on the wire.

/// A format of sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AudioCodec {
    /// Opus, RFC 7587.
    Opus,
    /// G.722, RFC 3551 4.5.2: 16 kHz sound on an RTP clock of 8 kHz, by an old mistake.
    G722,
    /// G.711 µ-law, RFC 3551 4.5.14.
    Pcmu,
    /// G.711 A-law, RFC 3551 4.5.14.
    Pcma,
}

impl AudioCodec {
    /// All of them, the best first.
    pub const ALL: [Self; 4] = [Self::Opus, Self::G722, Self::Pcmu, Self::Pcma];

    /// The name in settings and in `status`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Opus => "opus",
            Self::G722 => "g722",
            Self::Pcmu => "pcmu",
            Self::Pcma => "pcma",
        }
    }

    /// The codec with this name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.name().eq_ignore_ascii_case(name))
    }

    /// Clock of the RTP timestamps, in Hz.
    pub fn rtp_clock(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::G722 | Self::Pcmu | Self::Pcma => 8_000,
        }
    }

    /// Sample rate of the sound, in Hz.
    pub fn sample_rate(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::G722 => 16_000,
            Self::Pcmu | Self::Pcma => 8_000,
        }
    }

    /// The payload type in our offers; fixed by RFC 3551 for all but Opus.
    pub fn payload_type(self) -> u8 {
        match self {
            Self::Opus => 107,
            Self::G722 => 9,
            Self::Pcmu => 0,
            Self::Pcma => 8,
        }
    }

    /// What stands after the payload type in `a=rtpmap`.
    pub(super) fn rtpmap(self) -> &'static str {
        match self {
            Self::Opus => "opus/48000/2",
            Self::G722 => "G722/8000",
            Self::Pcmu => "PCMU/8000",
            Self::Pcma => "PCMA/8000",
        }
    }

    /// Our `a=fmtp`, where there is something to say.
    pub(super) fn fmtp(self) -> Option<&'static str> {
        (self == Self::Opus).then_some("useinbandfec=1")
    }

    /// The codec of an `a=rtpmap`. G.722 is taken with its true rate too, as some devices write it.
    pub(super) fn of_rtpmap(name: &str, clock: u32) -> Option<Self> {
        let codec = Self::from_name(name)?;
        (clock == codec.rtp_clock() || clock == codec.sample_rate()).then_some(codec)
    }

    /// The longest packet of at most `ms` that the codec can do, within 10–60 ms.
    pub(super) fn packet_ms(self, ms: u32) -> u32 {
        let ms = ms.clamp(10, 60) / 10 * 10;
        match (self, ms) {
            (Self::Opus, 30) => 20,
            (Self::Opus, 50) => 40,
            _ => ms,
        }
    }
}

/// A format of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VideoCodec {
    /// H.264, RFC 6184.
    H264,
    /// VP8, RFC 7741.
    Vp8,
}

impl VideoCodec {
    /// All of them, the best first.
    pub const ALL: [Self; 2] = [Self::H264, Self::Vp8];
    /// Clock of the RTP timestamps, in Hz.
    pub const RTP_CLOCK: u32 = 90_000;

    /// The name in settings, in `status` and in `a=rtpmap`.
    pub fn name(self) -> &'static str {
        match self {
            Self::H264 => "H264",
            Self::Vp8 => "VP8",
        }
    }

    /// The codec with this name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.name().eq_ignore_ascii_case(name))
    }

    /// The payload types of our offers with their parameters: constrained baseline, level 3.1, once with fragments
    /// allowed and once, for devices that have nothing else, without (RFC 6184 6).
    pub(super) fn offers(self) -> &'static [(u8, Option<&'static str>)] {
        match self {
            Self::H264 => &[
                (96, Some("profile-level-id=42e01f;packetization-mode=1")),
                (98, Some("profile-level-id=42e01f;packetization-mode=0")),
            ],
            Self::Vp8 => &[(97, None)],
        }
    }

    /// The codec of an `a=rtpmap`.
    pub(super) fn of_rtpmap(name: &str, clock: u32) -> Option<Self> {
        Self::from_name(name).filter(|_| clock == Self::RTP_CLOCK)
    }
}

/// Name of the format of keys, RFC 4733.
pub(super) const TELEPHONE_EVENT: &str = "telephone-event";
