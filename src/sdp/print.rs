//! Our media lines, and how they are written.

use sdp_types::{Attribute, Connection, Media, Origin, Session};

use super::codec::TELEPHONE_EVENT;
use super::{AudioCodec, Direction, Feedback, Local, VideoCodec};

/// The protocol of our own offers. Feedback lines are understood under it by everything that understands them at all.
pub(super) const RTP_AVP: &str = "RTP/AVP";
/// Length of our packets that we ask for, in ms.
const PTIME_MS: u32 = 20;

/// One media line of ours. Its place never changes for as long as the call lasts (RFC 3264 8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Sound.
    Audio(AudioLine),
    /// A picture.
    Video(VideoLine),
    /// Not taken, and kept in its place.
    Rejected {
        /// What it was for, as the other side wrote it.
        media: String,
        /// Its protocol likewise.
        proto: String,
        /// Its formats likewise.
        fmt: String,
    },
}

impl Line {
    /// The same line, not taken.
    pub fn rejected(&self) -> Self {
        let (media, proto, fmt) = match self {
            Self::Audio(line) => ("audio", &line.proto, line.fmt()),
            Self::Video(line) => ("video", &line.proto, line.fmt()),
            Self::Rejected { .. } => return self.clone(),
        };
        Self::Rejected { media: media.to_owned(), proto: proto.clone(), fmt }
    }
}

/// A line of sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AudioLine {
    /// The protocol as agreed.
    pub proto: String,
    /// The formats, in order.
    pub codecs: Vec<(u8, AudioCodec)>,
    /// The formats of keys with their clocks.
    pub events: Vec<(u8, u32)>,
    /// Every number that ever meant something in this line; it keeps its meaning (RFC 3264 8.3.2).
    pub known: Vec<(u8, AudioCodec)>,
    /// The same for keys.
    pub known_events: Vec<(u8, u32)>,
    /// Seen from here.
    pub direction: Direction,
    /// Whether RTCP shares the port.
    pub rtcp_mux: bool,
}

impl AudioLine {
    fn fmt(&self) -> String {
        numbers(self.codecs.iter().map(|(pt, _)| *pt).chain(self.events.iter().map(|(pt, _)| *pt)))
    }
}

/// A line of pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct VideoLine {
    /// The protocol as agreed.
    pub proto: String,
    /// The formats, in order, with their parameters.
    pub codecs: Vec<VideoFormat>,
    /// Every number that ever meant something in this line.
    pub known: Vec<VideoFormat>,
    /// Seen from here.
    pub direction: Direction,
    /// Whether RTCP shares the port.
    pub rtcp_mux: bool,
    /// The key-frame requests to write down.
    pub feedback: Feedback,
}

impl VideoLine {
    fn fmt(&self) -> String {
        numbers(self.codecs.iter().map(|format| format.pt))
    }
}

/// A picture format with its number and parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct VideoFormat {
    /// The payload type.
    pub pt: u8,
    /// The format.
    pub codec: VideoCodec,
    /// `a=fmtp`, if any.
    pub fmtp: Option<String>,
}

/// Writes a description of these lines.
pub(super) fn print(id: u64, version: u64, local: &Local, lines: &[Line]) -> Vec<u8> {
    let mut session = Session::new(Origin::with_ip_addr(id, version, local.address), "-");
    session.set_connection(Connection::from_ip_addr(local.address));
    for line in lines {
        session.add_media(media_of(line, local));
    }
    session.to_string().into_bytes()
}

fn media_of(line: &Line, local: &Local) -> Media {
    match line {
        Line::Audio(line) => audio(line, local),
        Line::Video(line) => video(line, local),
        Line::Rejected { media, proto, fmt } => plain(media, 0, proto, fmt.clone()),
    }
}

fn plain(media: &str, port: u16, proto: &str, fmt: String) -> Media {
    Media {
        media: media.to_owned(),
        port,
        num_ports: None,
        proto: proto.to_owned(),
        fmt,
        media_title: None,
        connections: Vec::new(),
        bandwidths: Vec::new(),
        key: None,
        attributes: Vec::new(),
    }
}

fn numbers(pts: impl Iterator<Item = u8>) -> String {
    pts.map(|pt| pt.to_string()).collect::<Vec<_>>().join(" ")
}

fn audio(line: &AudioLine, local: &Local) -> Media {
    let mut media = plain("audio", local.audio_port, &line.proto, line.fmt());
    for (pt, codec) in &line.codecs {
        add(&mut media, "rtpmap", format!("{pt} {}", codec.rtpmap()));
        if let Some(fmtp) = codec.fmtp() {
            add(&mut media, "fmtp", format!("{pt} {fmtp}"));
        }
    }
    for (pt, clock) in &line.events {
        add(&mut media, "rtpmap", format!("{pt} {TELEPHONE_EVENT}/{clock}"));
        add(&mut media, "fmtp", format!("{pt} 0-15"));
    }
    add(&mut media, "ptime", PTIME_MS.to_string());
    finish(media, line.direction, line.rtcp_mux)
}

fn video(line: &VideoLine, local: &Local) -> Media {
    let mut media = plain("video", local.video_port, &line.proto, line.fmt());
    for VideoFormat { pt, codec, fmtp } in &line.codecs {
        add(&mut media, "rtpmap", format!("{pt} {}/{}", codec.name(), VideoCodec::RTP_CLOCK));
        if let Some(fmtp) = fmtp {
            add(&mut media, "fmtp", format!("{pt} {fmtp}"));
        }
    }
    if line.feedback.pli {
        add(&mut media, "rtcp-fb", "* nack pli".into());
    }
    if line.feedback.fir {
        add(&mut media, "rtcp-fb", "* ccm fir".into());
    }
    finish(media, line.direction, line.rtcp_mux)
}

fn add(media: &mut Media, name: &str, value: String) {
    media.attributes.push(Attribute::with_value(name, value));
}

fn finish(mut media: Media, direction: Direction, rtcp_mux: bool) -> Media {
    if rtcp_mux {
        media.attributes.push(Attribute::new("rtcp-mux"));
    }
    media.attributes.push(Attribute::new(direction.name()));
    media
}

/// What [`VideoFormat`] is in an offer of ours.
pub(super) fn offered(codec: VideoCodec, pt: u8) -> VideoFormat {
    VideoFormat { pt, codec, fmtp: codec.fmtp().map(str::to_owned) }
}
