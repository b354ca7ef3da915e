//! Which of the formats on the table are used, and what that makes of a stream.

use std::net::SocketAddr;

use super::description::MediaLine;
use super::format::Format;
use super::{AudioCodec, AudioStream, Capabilities, Direction, Feedback, VideoCodec, VideoStream};

/// Length of a packet when the other side has no wish, in ms.
const PTIME_MS: u32 = 20;

/// The sound formats of a line that we know and have, in the order of the line.
pub(super) fn audio_formats(line: &MediaLine, capabilities: &Capabilities) -> Vec<(u8, AudioCodec)> {
    let ours = |codec: &AudioCodec| capabilities.audio.contains(codec);
    line.formats.iter().filter_map(|format| Some((format.pt, format.audio().filter(ours)?))).collect()
}

/// The formats of keys of a line, with their clocks.
pub(super) fn event_formats(line: &MediaLine) -> Vec<(u8, u32)> {
    line.formats.iter().filter(|format| format.is_event()).map(|format| (format.pt, format.clock)).collect()
}

/// The picture formats of a line that we know and have, in the order of the line.
pub(super) fn video_formats<'a>(line: &'a MediaLine, capabilities: &Capabilities) -> Vec<(&'a Format, VideoCodec)> {
    let ours = |codec: &VideoCodec| capabilities.video.contains(codec);
    line.formats.iter().filter_map(|format| Some((format, format.video().filter(ours)?))).collect()
}

/// The sound format of an offer that we like best.
pub(super) fn best_audio(formats: &[(u8, AudioCodec)], capabilities: &Capabilities) -> Option<(u8, AudioCodec)> {
    let rank = |codec: AudioCodec| capabilities.audio.iter().position(|ours| *ours == codec);
    formats.iter().copied().min_by_key(|(_, codec)| rank(*codec))
}

/// The picture format of an offer that we like best: our order, then fragments allowed, then the profile that we can
/// send ourselves.
pub(super) fn best_video<'a>(
    formats: &[(&'a Format, VideoCodec)],
    capabilities: &Capabilities,
) -> Option<(&'a Format, VideoCodec)> {
    let rank = |codec: VideoCodec| capabilities.video.iter().position(|ours| *ours == codec);
    formats
        .iter()
        .copied()
        .min_by_key(|(format, codec)| (rank(*codec), format.packetization_mode() != 1, !format.is_baseline()))
}

/// The keys that go with a sound format: those on its clock (RFC 4733 2.6.1 shares the timestamps), else, because many
/// devices know nothing but 8 kHz, the first there are.
pub(super) fn best_event(events: &[(u8, u32)], codec: AudioCodec) -> Option<(u8, u32)> {
    events.iter().copied().find(|(_, clock)| *clock == codec.rtp_clock()).or_else(|| events.first().copied())
}

/// What both sides settled for a line of sound.
pub(super) struct AudioChoice {
    /// What we send, under the number of the other side.
    pub send: (u8, AudioCodec),
    /// What may arrive.
    pub receive: Vec<(u8, AudioCodec)>,
    /// The keys that we send.
    pub send_event: Option<(u8, u32)>,
    /// The keys that may arrive.
    pub receive_events: Vec<u8>,
    /// Seen from here.
    pub direction: Direction,
    /// Whether RTCP shares the port.
    pub rtcp_mux: bool,
}

/// The stream of sound of such a line.
pub(super) fn audio_stream(line: &MediaLine, choice: AudioChoice) -> AudioStream {
    let (send_pt, codec) = choice.send;
    let wanted = line.ptime.unwrap_or(PTIME_MS).min(line.max_ptime.unwrap_or(u32::MAX));
    AudioStream {
        codec,
        send_pt,
        recv_pts: choice.receive,
        remote: line.remote,
        remote_rtcp: rtcp(line, choice.rtcp_mux),
        direction: choice.direction,
        ptime_ms: codec.packet_ms(wanted),
        dtmf_send_pt: choice.send_event.map(|(pt, _)| pt),
        dtmf_recv_pts: choice.receive_events,
        dtmf_clock: choice.send_event.map_or(codec.rtp_clock(), |(_, clock)| clock),
        rtcp_mux: choice.rtcp_mux,
    }
}

/// The stream of pictures of a line for which `format` was chosen.
pub(super) fn video_stream(
    line: &MediaLine,
    (format, codec): (&Format, VideoCodec),
    recv_pts: Vec<(u8, VideoCodec)>,
    direction: Direction,
    rtcp_mux: bool,
) -> VideoStream {
    let Feedback { pli, fir } = line.feedback(format.pt);
    VideoStream {
        codec,
        send_pt: format.pt,
        recv_pts,
        remote: line.remote,
        remote_rtcp: rtcp(line, rtcp_mux),
        direction,
        sprop: format.sprop().map(str::to_owned),
        packetization_mode: format.packetization_mode(),
        profile_level_id: format.profile_level_id().map(str::to_owned),
        bandwidth_kbps: line.bandwidth_kbps,
        feedback: Feedback { pli, fir },
        rtcp_mux,
    }
}

fn rtcp(line: &MediaLine, rtcp_mux: bool) -> SocketAddr {
    if rtcp_mux { line.remote } else { line.remote_rtcp }
}
