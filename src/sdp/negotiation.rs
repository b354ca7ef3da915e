//! The state of a call's offers and answers.

mod offering;

use std::net::IpAddr;

use super::codec::TELEPHONE_EVENT;
use super::description::{Description, MediaLine, read};
use super::format::Format;
use super::print::{AudioLine, Line, Numbers, VideoFormat, VideoLine, print};
use super::select::{
    AudioChoice, audio_formats, audio_stream, best_audio, best_event, best_video, event_formats, video_formats,
    video_stream,
};
use super::{AudioStream, Capabilities, Direction, Local, Negotiated, SdpError, VideoCodec, VideoStream, Wish};

/// What is repeated of the formats of a line that is rejected, in bytes.
const LONGEST_FMT: usize = 512;
/// What is repeated of one word of such a line.
const LONGEST_WORD: usize = 64;

/// The offers and answers of one call.
///
/// Either side may offer at any time. An offer of ours that is never answered (488, 491) changes nothing; after it the
/// last agreement stands. The answer to one offer may come more than once (183, then 200), from different devices even.
#[derive(Clone, Debug)]
pub struct Negotiation {
    id: u64,
    version: u64,
    capabilities: Capabilities,
    local: Local,
    /// Where the other side's signalling comes from: the place that is meant by a name.
    peer: Option<IpAddr>,
    /// The media lines of the last agreement.
    agreed: Vec<Line>,
    /// How many of them the other side has named: it may have left out the last ones in an answer.
    named: usize,
    /// The media lines of our last offer, for as long as an answer to it may come.
    offer: Option<Vec<Line>>,
    /// How many lines the answer to it must have at least: all up to the last that was in use before it.
    owed: usize,
    /// What we sent last.
    last: Option<Vec<u8>>,
}

impl Negotiation {
    /// The negotiation of a new call. `session_id` should be random; it is the `o=` identity of this side.
    pub fn new(session_id: u64, capabilities: Capabilities, local: Local) -> Self {
        // Many devices read it into a signed number.
        let id = session_id & (u64::MAX >> 1);
        let (agreed, offer, last) = (Vec::new(), None, None);
        Self { id, version: 1, capabilities, local, peer: None, agreed, named: 0, offer, owed: 0, last }
    }

    /// The address that the other side's signalling comes from. It stands in for a host name in a `c=` line, which is not
    /// looked up; without it nothing is sent there.
    pub fn set_peer(&mut self, peer: IpAddr) {
        self.peer = Some(peer);
    }

    /// The offer of this side: the first of a call, the one for an INVITE that came without, or a change (hold, resume).
    ///
    /// A change names the lines of the last agreement in their order, the codec in use first, and what was rejected
    /// stays rejected, unless there is no sound at all or a picture is to be sent and there is no line for it: that comes
    /// in the place of one that was rejected, else behind all others (RFC 3264 8.1).
    pub fn create_offer(&mut self, wish: Wish) -> Vec<u8> {
        let lines = if self.agreed.is_empty() { self.first_lines(wish) } else { self.further_lines(wish) };
        let bytes = self.say(&lines);
        self.offer = Some(lines);
        let is_in_use = |line: &Line| !matches!(line, Line::Rejected { .. });
        self.owed = self.agreed.iter().rposition(is_in_use).map_or(0, |last| last + 1);
        bytes
    }

    /// Takes the answer to the last offer of this side.
    ///
    /// It has to have a line for each that was offered (RFC 3264 6). Simple devices leave out at the end what they have no use
    /// for, as a door without a camera does: what was not in use before counts as rejected then, and costs no call.
    ///
    /// # Errors
    /// If there was no offer, the answer cannot be read, it lacks a line that was in use, or it accepts no line with a format
    /// that we know. The last agreement then stands.
    pub fn handle_answer(&mut self, bytes: &[u8]) -> Result<Negotiated, SdpError> {
        let offer = self.offer.as_ref().ok_or(SdpError::NoOffer)?;
        let answer = read(bytes, self.peer)?;
        let (has, least) = (answer.media.len(), self.owed);
        if has < least {
            return Err(SdpError::LinesMissing { has, least });
        }
        let mut result = Negotiated::default();
        let mut agreed = Vec::with_capacity(offer.len());
        for (index, offered) in offer.iter().enumerate() {
            agreed.push(match offered {
                Line::Audio(ours) => match answer.answer_to(index, "audio").and_then(|t| self.take_audio(ours, t)) {
                    Some((line, stream)) => {
                        result.audio = Some(stream);
                        Line::Audio(line)
                    }
                    None => offered.rejected(),
                },
                Line::Video(ours) => match answer.answer_to(index, "video").and_then(|t| self.take_video(ours, t)) {
                    Some((line, stream)) => {
                        result.video = Some(stream);
                        Line::Video(line)
                    }
                    None => offered.rejected(),
                },
                Line::Rejected { .. } => offered.clone(),
            });
        }
        if result == Negotiated::default() && !self.is_switched_off(&answer) {
            return Err(answer.nothing_in_common());
        }
        self.agreed = agreed;
        self.named = has;
        Ok(result)
    }

    /// Answers an offer of the other side.
    ///
    /// Of several lines of a kind one is taken: the one in use, else the first that has a format that we know.
    ///
    /// # Errors
    /// If the offer cannot be read, has fewer lines than the last agreement (RFC 3264 8), or none with a format that we know.
    /// The last agreement then stands.
    pub fn handle_offer(&mut self, bytes: &[u8], wish: Wish) -> Result<(Vec<u8>, Negotiated), SdpError> {
        let offer = read(bytes, self.peer)?;
        let (has, least) = (offer.media.len(), self.agreed.len().min(self.named));
        if has < least {
            return Err(SdpError::LinesMissing { has, least });
        }
        let mut result = Negotiated::default();
        let mut lines: Vec<Line> = offer.media.iter().map(rejected).collect();
        for index in self.in_turn(&offer, |line| matches!(line, Line::Audio(_))) {
            if let Some((line, stream)) = self.answer_audio(&offer.media[index], index, wish.audio) {
                lines[index] = Line::Audio(line);
                result.audio = Some(stream);
                break;
            }
        }
        for index in self.in_turn(&offer, |line| matches!(line, Line::Video(_))) {
            if let Some((line, stream)) = self.answer_video(&offer.media[index], index, wish.video) {
                lines[index] = Line::Video(line);
                result.video = Some(stream);
                break;
            }
        }
        if result == Negotiated::default() && !self.is_switched_off(&offer) {
            return Err(offer.nothing_in_common());
        }
        let bytes = self.say(&lines);
        self.agreed = lines;
        self.named = has;
        self.offer = None;
        Ok((bytes, result))
    }

    /// Whether a description switches off, within a call, all that there was: that is no failure (RFC 3264 8.2).
    fn is_switched_off(&self, said: &Description) -> bool {
        !self.agreed.is_empty() && said.media.iter().all(|line| line.port == 0)
    }

    /// Takes the other side's line for sound; `None` if it rejects it.
    fn take_audio(&self, ours: &AudioLine, theirs: &MediaLine) -> Option<(AudioLine, AudioStream)> {
        let theirs = &theirs.named(|pt| {
            let codec =
                ours.codecs.iter().find(|(of, _)| *of == pt).map(|(_, codec)| (codec.name(), codec.rtp_clock()));
            let event = ours.events.iter().find(|(of, _)| *of == pt);
            codec.or(event.map(|(_, clock)| (TELEPHONE_EVENT, *clock)))
        });
        let formats = audio_formats(theirs, &self.capabilities);
        // The first of an answer is the one to use (RFC 3264 7).
        let send = *formats.first()?;
        // What they give another meaning than ours has theirs.
        let meant = |pt: u8, is: &dyn Fn(&Format) -> bool| theirs.formats.iter().all(|of| of.pt != pt || is(of));
        let mut receive = ours.codecs.clone();
        receive.retain(|(pt, codec)| meant(*pt, &|of| of.audio() == Some(*codec)));
        let mut receive_events: Vec<u8> = ours.events.iter().map(|(pt, _)| *pt).collect();
        receive_events.retain(|pt| meant(*pt, &Format::is_event));
        // Some devices send under their own number instead of the one that was offered to them.
        let events = event_formats(theirs);
        for (pt, codec) in &formats {
            let taken = receive_events.contains(pt) || receive.iter().any(|(of, _)| of == pt);
            if !taken {
                receive.push((*pt, *codec));
            }
        }
        receive.sort_by_key(|(_, codec)| *codec != send.1);
        for (pt, _) in &events {
            if !receive_events.contains(pt) && !receive.iter().any(|(of, _)| of == pt) {
                receive_events.push(*pt);
            }
        }
        let direction = ours.direction.and(theirs.direction.reversed());
        let rtcp_mux = ours.rtcp_mux && theirs.rtcp_mux;
        let mut line = ours.clone();
        line.taken = line.taken.with(theirs.numbers());
        line.codecs.sort_by_key(|(_, codec)| *codec != send.1);
        line.direction = direction;
        line.rtcp_mux = rtcp_mux;
        let send_event = best_event(&events, send.1);
        Some((
            line,
            audio_stream(theirs, AudioChoice { send, receive, send_event, receive_events, direction, rtcp_mux }),
        ))
    }

    /// Takes the other side's line for pictures; `None` if it rejects it.
    fn take_video(&self, ours: &VideoLine, theirs: &MediaLine) -> Option<(VideoLine, VideoStream)> {
        let theirs = &theirs.named(|pt| {
            let format = ours.codecs.iter().find(|format| format.pt == pt)?;
            Some((format.codec.name(), VideoCodec::RTP_CLOCK))
        });
        let formats = video_formats(theirs, &self.capabilities);
        let (format, codec) = *formats.first()?;
        let meant =
            |ours: &&VideoFormat| theirs.formats.iter().all(|of| of.pt != ours.pt || of.video() == Some(ours.codec));
        let ours_as_meant = ours.codecs.iter().filter(meant);
        let mut receive: Vec<(u8, VideoCodec)> = ours_as_meant.map(|format| (format.pt, format.codec)).collect();
        for (format, codec) in &formats {
            if !receive.iter().any(|(of, _)| *of == format.pt) {
                receive.push((format.pt, *codec));
            }
        }
        receive.sort_by_key(|(pt, of)| (*pt != format.pt, *of != codec));
        let direction = ours.direction.and(theirs.direction.reversed());
        let rtcp_mux = ours.rtcp_mux && theirs.rtcp_mux;
        let mut line = ours.clone();
        line.taken = line.taken.with(theirs.numbers());
        line.codecs.sort_by_key(|ours| (ours.pt != format.pt, ours.codec != codec));
        line.direction = direction;
        line.rtcp_mux = rtcp_mux;
        Some((line, video_stream(theirs, (format, codec), receive, direction, rtcp_mux)))
    }

    /// Our line for an offered line of sound; `None` to reject it.
    fn answer_audio(&self, theirs: &MediaLine, index: usize, wish: Direction) -> Option<(AudioLine, AudioStream)> {
        if theirs.port == 0 || !theirs.is_rtp() || !theirs.is("audio") {
            return None;
        }
        let mut receive = audio_formats(theirs, &self.capabilities);
        let send = best_audio(&receive, &self.capabilities)?;
        receive.sort_by_key(|format| *format != send);
        let events = event_formats(theirs);
        let send_event = best_event(&events, send.1);
        let direction = wish.and(theirs.direction.reversed());
        let mut line = AudioLine {
            proto: theirs.proto.clone(),
            codecs: vec![send],
            events: send_event.into_iter().collect(),
            known: receive.clone(),
            known_events: events.clone(),
            taken: Numbers::default().with(theirs.numbers()),
            direction,
            rtcp_mux: theirs.rtcp_mux,
        };
        if let Some(Line::Audio(before)) = self.agreed.get(index) {
            keep_known(&mut line.known, &before.known, line.taken, |(pt, _)| *pt);
            keep_known(&mut line.known_events, &before.known_events, line.taken, |(pt, _)| *pt);
            line.taken = line.taken.and(before.taken);
        }
        let receive_events = events.iter().map(|(pt, _)| *pt).collect();
        let choice = AudioChoice { send, receive, send_event, receive_events, direction, rtcp_mux: theirs.rtcp_mux };
        Some((line, audio_stream(theirs, choice)))
    }

    /// Our line for an offered line of pictures; `None` to reject it.
    fn answer_video(&self, theirs: &MediaLine, index: usize, wish: Direction) -> Option<(VideoLine, VideoStream)> {
        if theirs.port == 0 || !theirs.is_rtp() || !theirs.is("video") {
            return None;
        }
        let formats = video_formats(theirs, &self.capabilities);
        let (format, codec) = best_video(&formats, &self.capabilities)?;
        let ours = |(format, codec): &(&Format, VideoCodec)| VideoFormat {
            pt: format.pt,
            codec: *codec,
            mode: format.packetization_mode(),
            fmtp: format.answered_fmtp(*codec),
        };
        let direction = wish.and(theirs.direction.reversed());
        let mut line = VideoLine {
            proto: theirs.proto.clone(),
            codecs: vec![ours(&(format, codec))],
            known: formats.iter().map(ours).collect(),
            taken: Numbers::default().with(theirs.numbers()),
            direction,
            rtcp_mux: theirs.rtcp_mux,
            feedback: theirs.feedback(format.pt),
        };
        if let Some(Line::Video(before)) = self.agreed.get(index) {
            keep_known(&mut line.known, &before.known, line.taken, |format| format.pt);
            line.taken = line.taken.and(before.taken);
        }
        let mut receive: Vec<(u8, VideoCodec)> = formats.iter().map(|(format, codec)| (format.pt, *codec)).collect();
        receive.sort_by_key(|(pt, _)| *pt != format.pt);
        Some((line, video_stream(theirs, (format, codec), receive, direction, theirs.rtcp_mux)))
    }

    /// The places of an offer, those that held such a line before first.
    fn in_turn(&self, offer: &Description, such: impl Fn(&Line) -> bool) -> Vec<usize> {
        let mut places: Vec<usize> = (0..offer.media.len()).collect();
        places.sort_by_key(|index| !self.agreed.get(*index).is_some_and(&such));
        places
    }

    /// Writes a description, with a new version if it says anything new (RFC 3264 8).
    fn say(&mut self, lines: &[Line]) -> Vec<u8> {
        let mut bytes = print(self.id, self.version, &self.local, lines);
        if self.last.as_ref().is_some_and(|last| *last != bytes) {
            self.version += 1;
            bytes = print(self.id, self.version, &self.local, lines);
        }
        self.last = Some(bytes.clone());
        bytes
    }
}

/// Adds what was known before and was not given a new meaning now.
fn keep_known<T: Clone>(known: &mut Vec<T>, before: &[T], now: Numbers, pt: impl Fn(&T) -> u8) {
    known.extend(before.iter().filter(|entry| !now.contains(pt(entry))).cloned());
}

/// The line of an offer, kept in its place and not taken. What it was for, its protocol and its formats are repeated as far
/// as they are of a sensible length: of the formats nobody takes any notice then, as long as there is one (RFC 3264 6).
fn rejected(line: &MediaLine) -> Line {
    let beginning = |text: &str, most: usize| text[..text.floor_char_boundary(most)].to_owned();
    let fmt = match line.fmt.split(' ').next() {
        Some(first) if line.fmt.len() > LONGEST_FMT => beginning(first, LONGEST_WORD),
        _ => line.fmt.clone(),
    };
    Line::Rejected { media: beginning(&line.media, LONGEST_WORD), proto: beginning(&line.proto, LONGEST_WORD), fmt }
}
