//! One payload type of a media line: the number, the name and clock of its `a=rtpmap`, the parameters of its `a=fmtp`.

use super::codec::TELEPHONE_EVENT;
use super::{AudioCodec, VideoCodec};

/// One format of a media line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Format {
    /// The payload type, 0–127.
    pub pt: u8,
    /// The encoding name as written.
    pub name: String,
    /// The clock in Hz.
    pub clock: u32,
    /// The parameters as written.
    pub fmtp: Option<String>,
}

impl Format {
    /// The sound format, if it is one that we know.
    pub fn audio(&self) -> Option<AudioCodec> {
        AudioCodec::of_rtpmap(&self.name, self.clock)
    }

    /// The picture format, if it is one that we know and can unpack: no interleaved H.264 (RFC 6184 6.4).
    pub fn video(&self) -> Option<VideoCodec> {
        let codec = VideoCodec::of_rtpmap(&self.name, self.clock)?;
        (codec != VideoCodec::H264 || self.packetization_mode() <= 1).then_some(codec)
    }

    /// Whether it carries keys, on a clock by which they can be measured.
    pub fn is_event(&self) -> bool {
        self.name.eq_ignore_ascii_case(TELEPHONE_EVENT) && self.clock > 0
    }

    /// One parameter of `a=fmtp`, its name in any case.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.fmtp
            .as_deref()?
            .split(';')
            .filter_map(|parameter| parameter.split_once('='))
            .find(|(key, _)| key.trim().eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    /// `packetization-mode` of H.264, 0 where nothing is said (RFC 6184 8.1). It means nothing in other formats.
    pub fn packetization_mode(&self) -> u8 {
        match VideoCodec::of_rtpmap(&self.name, self.clock) {
            Some(VideoCodec::H264) => self.parameter("packetization-mode").map_or(0, |mode| mode.parse().unwrap_or(0)),
            _ => 0,
        }
    }

    /// `profile-level-id`, if it is one.
    pub fn profile_level_id(&self) -> Option<&str> {
        self.parameter("profile-level-id").filter(|id| id.len() == 6 && id.bytes().all(|b| b.is_ascii_hexdigit()))
    }

    /// Whether it is some baseline H.264, the profile that our own encoder makes.
    pub fn is_baseline(&self) -> bool {
        self.profile_level_id().is_none_or(|id| id.starts_with("42"))
    }

    /// `sprop-parameter-sets`, if it is base64 with commas: it ends up in the caps of a pipeline.
    pub fn sprop(&self) -> Option<&str> {
        self.parameter("sprop-parameter-sets")
            .filter(|sets| !sets.is_empty() && sets.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=,".contains(&b)))
    }

    /// The `a=fmtp` of an answer: our own for sound; for H.264 the profile and mode of the offer, neither more nor less
    /// (RFC 6184 8.2.2: they are symmetric).
    pub fn answered_fmtp(&self, codec: VideoCodec) -> Option<String> {
        if codec != VideoCodec::H264 {
            return None;
        }
        let profile = self.profile_level_id().map(|id| format!("profile-level-id={id}"));
        let mode = self.parameter("packetization-mode").map(|_| self.packetization_mode());
        let mode = mode.map(|mode| format!("packetization-mode={mode}"));
        let parts: Vec<String> = profile.into_iter().chain(mode).collect();
        (!parts.is_empty()).then(|| parts.join(";"))
    }
}

/// Name and clock of a payload type that needs no `a=rtpmap` (RFC 3551 6), and of 101, which many devices take for
/// granted as telephone-event.
pub(super) fn well_known(pt: u8) -> Option<(&'static str, u32)> {
    match pt {
        0 => Some(("PCMU", 8_000)),
        8 => Some(("PCMA", 8_000)),
        9 => Some(("G722", 8_000)),
        101 => Some((TELEPHONE_EVENT, 8_000)),
        _ => None,
    }
}
