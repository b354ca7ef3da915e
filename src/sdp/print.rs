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

/// A set of payload types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Numbers(u128);

impl Numbers {
    /// The same with these.
    pub fn with(self, pts: impl Iterator<Item = u8>) -> Self {
        Self(pts.filter(|pt| *pt < 128).fold(self.0, |set, pt| set | 1 << pt))
    }

    /// These and those.
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether it is one of them.
    pub fn contains(self, pt: u8) -> bool {
        pt < 128 && self.0 & (1 << pt) != 0
    }

    /// The default number, or the first dynamic one that is not among them.
    pub fn free(self, default: u8) -> Option<u8> {
        std::iter::once(default).chain(96..=127).find(|pt| !self.contains(*pt))
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
    /// Every number that the other side ever used in this line, for something that we know or not.
    pub taken: Numbers,
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
    /// Every number that the other side ever used in this line.
    pub taken: Numbers,
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
    /// `packetization-mode`, 0 where there is none.
    pub mode: u8,
    /// `a=fmtp`, if any.
    pub fmtp: Option<String>,
}

impl VideoFormat {
    /// Whether it is the same but for its number and profile.
    pub fn is_like(&self, other: &Self) -> bool {
        (self.codec, self.mode) == (other.codec, other.mode)
    }
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
    for VideoFormat { pt, codec, fmtp, .. } in &line.codecs {
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

/// The picture formats of an offer of ours, under their default numbers.
pub(super) fn offered(codecs: &[VideoCodec]) -> impl Iterator<Item = VideoFormat> {
    codecs.iter().flat_map(|codec| {
        codec.offers().iter().map(|(pt, fmtp)| VideoFormat {
            pt: *pt,
            codec: *codec,
            mode: u8::from(fmtp.is_some_and(|fmtp| fmtp.ends_with("packetization-mode=1"))),
            fmtp: fmtp.map(str::to_owned),
        })
    })
}
