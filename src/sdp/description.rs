//! Reads whatever a device calls SDP.
//!
//! The bytes are first brought into a shape that the parser accepts, by rules that lose nothing we use: only the lines
//! `o= c= b= m= a=` are kept, any kind of line end is taken, a line that is not a line is left out. Only a media line
//! that cannot be read fails the whole, because an answer must name as many as the offer.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::format::{Format, well_known};
use super::{Direction, Feedback, MAX_ATTRIBUTES, MAX_BYTES, MAX_MEDIA, SdpError};

/// Most formats of one media line that are read; there are no more payload types.
const MAX_FORMATS: usize = 128;
/// Most `c=` lines of a section and most `b=` lines of one that are read; the rest is left out.
const MAX_CONNECTIONS: usize = 1;
const MAX_BANDWIDTHS: usize = 8;
/// How many formats of a line an error names.
const NAMED_FORMATS: usize = 8;

/// A description as far as we use it.
#[derive(Clone, Debug)]
pub(super) struct Description {
    /// Its media lines, in order.
    pub media: Vec<MediaLine>,
}

impl Description {
    /// The live line of an answer that belongs to a line of the offer: the one in its place, else, because some devices
    /// leave out what they reject or sort anew, the first of its kind.
    pub fn answer_to(&self, index: usize, kind: &str) -> Option<&MediaLine> {
        let there = self.media.get(index).filter(|line| line.is(kind));
        there.or_else(|| self.media.iter().find(|line| line.is(kind))).filter(|line| line.port != 0 && line.is_rtp())
    }

    /// Why there is nothing in it that we could take.
    pub fn nothing_in_common(&self) -> SdpError {
        let known = |line: &&MediaLine| line.port != 0 && (line.is("audio") || line.is("video"));
        let mut known = self.media.iter().filter(known).peekable();
        if known.peek().is_none() {
            SdpError::NoKnownMedia(self.names())
        } else if !known.any(MediaLine::is_rtp) {
            SdpError::NoCommonTransport(self.names())
        } else {
            SdpError::NoCommonCodec(self.names())
        }
    }

    /// The formats of all live lines, for words.
    pub fn names(&self) -> String {
        let mut names = Vec::new();
        for line in self.media.iter().filter(|line| line.port != 0) {
            let formats = line.formats.iter().map(|format| match format.name.as_str() {
                "" => format.pt.to_string(),
                name => name.to_owned(),
            });
            let formats: Vec<String> = formats.take(NAMED_FORMATS).collect();
            names.push(format!("{} {} {}", line.media, line.proto, formats.join(", ")));
        }
        match names.is_empty() {
            true => "nothing to send or receive".to_owned(),
            false => names.join("; "),
        }
    }
}

/// One media line with what belongs to it.
#[derive(Clone, Debug)]
pub(super) struct MediaLine {
    /// `audio`, `video` … as written.
    pub media: String,
    /// 0 for a line that is switched off.
    pub port: u16,
    /// `RTP/AVP` … as written.
    pub proto: String,
    /// The format list as written.
    pub fmt: String,
    /// The formats, in order.
    pub formats: Vec<Format>,
    /// Where RTP goes; unspecified if no address that can be sent to is given.
    pub remote: SocketAddr,
    /// Where RTCP goes when it has its own port.
    pub remote_rtcp: SocketAddr,
    /// Seen from the other side; `c=0.0.0.0` counted in (RFC 3264 8.4).
    pub direction: Direction,
    /// Whether RTCP may share the RTP port.
    pub rtcp_mux: bool,
    /// Length of the packets it likes, in ms.
    pub ptime: Option<u32>,
    /// Longest packet that it takes, in ms.
    pub max_ptime: Option<u32>,
    /// `b=`, in kbit/s.
    pub bandwidth_kbps: Option<u32>,
    /// `a=rtcp-fb`: the payload type (`None` for `*`) and the rest of the line in small letters.
    feedback: Vec<(Option<u8>, String)>,
}

impl MediaLine {
    /// Whether it is of this kind.
    pub fn is(&self, media: &str) -> bool {
        self.media.eq_ignore_ascii_case(media)
    }

    /// Whether it is plain RTP, with or without early feedback.
    pub fn is_rtp(&self) -> bool {
        ["RTP/AVP", "RTP/AVPF"].iter().any(|proto| self.proto.eq_ignore_ascii_case(proto))
    }

    /// The line with its nameless formats named after our offer: answers often leave out `a=rtpmap`.
    pub fn named(&self, name: impl Fn(u8) -> Option<(&'static str, u32)>) -> Self {
        let mut line = self.clone();
        for format in line.formats.iter_mut().filter(|format| format.name.is_empty()) {
            if let Some((name, clock)) = name(format.pt) {
                format.name = name.to_owned();
                format.clock = clock;
            }
        }
        line
    }

    /// The payload types that it names.
    pub fn numbers(&self) -> impl Iterator<Item = u8> {
        self.formats.iter().map(|format| format.pt)
    }

    /// The key-frame requests that it understands for a payload type (RFC 4585 4.2).
    pub fn feedback(&self, pt: u8) -> Feedback {
        let has = |what: &str| self.feedback.iter().any(|(of, is)| of.is_none_or(|of| of == pt) && is == what);
        Feedback { pli: has("nack pli"), fir: has("ccm fir") }
    }
}

/// Reads a description. `peer` is the place that a host name stands for.
///
/// # Errors
/// Too long, too many media lines or attributes, no media line, or a media line that cannot be read.
pub(super) fn read(bytes: &[u8], peer: Option<IpAddr>) -> Result<Description, SdpError> {
    if bytes.len() > MAX_BYTES {
        return Err(SdpError::TooLong(bytes.len()));
    }
    let lines = clean(bytes)?;
    let session =
        sdp_types::Session::parse(lines.as_bytes()).map_err(|error| SdpError::Malformed(error.to_string()))?;
    if session.medias.is_empty() {
        return Err(SdpError::NoMedia);
    }
    let media = session.medias.iter().map(|media| read_media(&session, media, peer)).collect();
    Ok(Description { media })
}

/// Leaves the lines that matter, in the shape that the parser accepts.
fn clean(bytes: &[u8]) -> Result<String, SdpError> {
    let text = String::from_utf8_lossy(bytes);
    let mut kept = String::with_capacity(text.len() + 8);
    kept.push_str("v=0\r\n");
    let (mut media, mut attributes, mut seen, mut origin) = (0, 0, false, false);
    let (mut connections, mut bandwidths) = (0, 0);
    for line in text.split(['\r', '\n', '\0']).map(str::trim) {
        let Some((key, value)) = line.split_once('=') else { continue };
        let (key, value) = (key.trim(), value.trim());
        let line = match key {
            "m" => format!("m={}", value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")),
            _ => format!("{key}={value}"),
        };
        let keep = match key {
            "o" => media == 0 && !origin && fits(&line),
            "c" => connections < MAX_CONNECTIONS && fits(&line),
            "b" => bandwidths < MAX_BANDWIDTHS && fits(&line),
            "a" => !value.is_empty(),
            "m" => true,
            _ => false,
        };
        seen |= key == "v";
        origin |= keep && key == "o";
        if key == "m" {
            media += 1;
            (connections, bandwidths) = (0, 0);
        }
        attributes += usize::from(key == "a");
        connections += usize::from(keep && key == "c");
        bandwidths += usize::from(keep && key == "b");
        if media > MAX_MEDIA {
            return Err(SdpError::TooManyMedia);
        }
        if attributes > MAX_ATTRIBUTES {
            return Err(SdpError::TooManyAttributes);
        }
        if keep {
            kept.push_str(&line);
            kept.push_str("\r\n");
        }
    }
    if !seen && media == 0 {
        return Err(SdpError::Malformed("neither a version nor a media line".into()));
    }
    Ok(kept)
}

/// Whether the parser accepts this line on its own.
fn fits(line: &str) -> bool {
    let alone = format!("v=0\r\n{line}\r\n");
    sdp_types::Session::parse(alone.as_bytes()).is_ok()
}

fn read_media(session: &sdp_types::Session, media: &sdp_types::Media, peer: Option<IpAddr>) -> MediaLine {
    let values = |name: &'static str| {
        media.attributes.iter().filter(move |a| a.attribute.trim().eq_ignore_ascii_case(name)).map(value_of)
    };
    let said = media.connections.first().or(session.connection.as_ref()).map(|c| c.connection_address.as_str());
    let address = address_of(said.unwrap_or(&session.origin.unicast_address), peer);
    let remote = SocketAddr::new(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), media.port);
    let mut direction = media.attributes.iter().find_map(direction_of);
    direction = direction.or_else(|| session.attributes.iter().find_map(direction_of));
    let mut direction = direction.unwrap_or_default();
    if said.is_some() && address.is_some_and(|address| address.is_unspecified()) {
        direction = Direction::of(direction.sends(), false);
    }
    MediaLine {
        media: media.media.clone(),
        port: media.port,
        proto: media.proto.clone(),
        fmt: media.fmt.clone(),
        formats: read_formats(media),
        remote,
        remote_rtcp: values("rtcp").find_map(|value| rtcp_of(value, remote, peer)).unwrap_or(SocketAddr::new(
            remote.ip(),
            // The last port has no neighbour; it is then the same one.
            remote.port().saturating_add(1),
        )),
        direction,
        rtcp_mux: values("rtcp-mux").next().is_some(),
        ptime: values("ptime").find_map(milliseconds),
        max_ptime: values("maxptime").find_map(milliseconds),
        bandwidth_kbps: bandwidth(&media.bandwidths),
        feedback: values("rtcp-fb").filter_map(feedback_of).collect(),
    }
}

/// The formats of a media line. Some devices list a format twice or leave out the `a=rtpmap`; the first counts.
fn read_formats(media: &sdp_types::Media) -> Vec<Format> {
    let numbered = |name: &'static str| {
        media
            .attributes
            .iter()
            .filter(move |a| a.attribute.trim().eq_ignore_ascii_case(name))
            .filter_map(|a| value_of(a).split_once(char::is_whitespace))
            .filter_map(|(pt, rest)| Some((pt.parse::<u8>().ok()?, rest.trim())))
    };
    let mut formats: Vec<Format> = Vec::new();
    for pt in media.fmt.split_ascii_whitespace().take(MAX_FORMATS).filter_map(|pt| pt.parse::<u8>().ok()) {
        if pt > 127 || formats.iter().any(|format| format.pt == pt) {
            continue;
        }
        let written = numbered("rtpmap").find(|(of, _)| *of == pt).and_then(|(_, map)| {
            let mut parts = map.split('/').map(str::trim);
            let name = parts.next()?.to_owned();
            Some((name, parts.next()?.parse().ok()?))
        });
        let known = well_known(pt).map(|(name, clock)| (name.to_owned(), clock));
        let fmtp = numbered("fmtp").find(|(of, _)| *of == pt).map(|(_, rest)| rest.to_owned());
        let (name, clock) = written.or(known).unwrap_or_default();
        formats.push(Format { pt, name, clock, fmtp });
    }
    formats
}

fn value_of(attribute: &sdp_types::Attribute) -> &str {
    attribute.value.as_deref().unwrap_or_default().trim()
}

fn direction_of(attribute: &sdp_types::Attribute) -> Option<Direction> {
    Direction::from_name(attribute.attribute.trim())
}

/// The address of a `c=` line. A name stands for `peer`; a group cannot be sent to.
fn address_of(said: &str, peer: Option<IpAddr>) -> Option<IpAddr> {
    let said = said.trim_start_matches('[').trim_end_matches(']').split('/').next()?;
    match said.parse::<IpAddr>() {
        Ok(address) => Some(address).filter(|address| !address.is_multicast()),
        Err(_) => peer,
    }
}

/// `a=rtcp:53020` or `a=rtcp:53020 IN IP4 192.0.2.1` (RFC 3605).
fn rtcp_of(value: &str, remote: SocketAddr, peer: Option<IpAddr>) -> Option<SocketAddr> {
    let mut parts = value.split_ascii_whitespace();
    let port = parts.next()?.parse().ok().filter(|port| *port != 0)?;
    let address = parts.nth(2).and_then(|said| address_of(said, peer)).unwrap_or(remote.ip());
    Some(SocketAddr::new(address, port))
}

fn feedback_of(value: &str) -> Option<(Option<u8>, String)> {
    let (pt, what) = value.split_once(char::is_whitespace)?;
    let what = what.split_ascii_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
    match pt {
        "*" => Some((None, what)),
        _ => Some((Some(pt.parse().ok()?), what)),
    }
}

fn milliseconds(value: &str) -> Option<u32> {
    // Fractions are allowed by the grammar; the whole part is exact enough.
    value.split('.').next()?.parse().ok().filter(|ms| *ms > 0)
}

/// The tighter of `b=AS` (kbit/s with headers, RFC 8866 5.8) and `b=TIAS` (bit/s without, RFC 3890).
fn bandwidth(lines: &[sdp_types::Bandwidth]) -> Option<u32> {
    let kbps = lines.iter().filter_map(|line| match line.bwtype.to_ascii_uppercase().as_str() {
        "AS" => Some(line.bandwidth),
        "TIAS" => Some(line.bandwidth / 1000),
        _ => None,
    });
    kbps.filter(|kbps| *kbps > 0).min().map(|kbps| u32::try_from(kbps).unwrap_or(u32::MAX))
}
