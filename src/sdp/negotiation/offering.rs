//! Our offers: the first of a call, and what a later one repeats and adds (RFC 3264 8).

use super::super::print::{AudioLine, Line, RTP_AVP, VideoFormat, VideoLine, offered};
use super::super::{Direction, Feedback, MAX_MEDIA, Wish};
use super::Negotiation;

/// Payload types of the keys in our offers, with their clocks.
const EVENTS: [(u8, u32); 2] = [(101, 8_000), (102, 48_000)];

impl Negotiation {
    /// The lines of a first offer.
    pub(super) fn first_lines(&self, wish: Wish) -> Vec<Line> {
        let mut lines = vec![Line::Audio(self.offered_audio(None, wish.audio))];
        if !self.capabilities.video.is_empty() {
            lines.push(Line::Video(self.offered_video(None, wish.video)));
        }
        lines
    }

    /// The lines of a further offer.
    pub(super) fn further_lines(&self, wish: Wish) -> Vec<Line> {
        let mut lines: Vec<Line> = self.agreed.iter().map(|line| self.again(line, wish)).collect();
        if wish.audio == Direction::SendRecv && !lines.iter().any(|line| matches!(line, Line::Audio(_))) {
            revive(&mut lines, "audio", Line::Audio(self.offered_audio(None, wish.audio)));
        }
        let can_show = !self.capabilities.video.is_empty();
        if can_show && wish.video.sends() && !lines.iter().any(|line| matches!(line, Line::Video(_))) {
            revive(&mut lines, "video", Line::Video(self.offered_video(None, wish.video)));
        }
        lines
    }

    /// An agreed line in a further offer.
    fn again(&self, line: &Line, wish: Wish) -> Line {
        match line {
            Line::Audio(line) => Line::Audio(self.offered_audio(Some(line), wish.audio)),
            Line::Video(line) => Line::Video(self.offered_video(Some(line), wish.video)),
            Line::Rejected { .. } => line.clone(),
        }
    }

    fn offered_audio(&self, before: Option<&AudioLine>, direction: Direction) -> AudioLine {
        let mut known = before.map(|line| line.known.clone()).unwrap_or_default();
        let mut known_events = before.map(|line| line.known_events.clone()).unwrap_or_default();
        let taken = before.map(|line| line.taken).unwrap_or_default();
        let mut wanted = self.capabilities.audio.clone();
        if let Some((_, in_use)) = before.and_then(|line| line.codecs.first()) {
            wanted.retain(|codec| codec != in_use);
            wanted.insert(0, *in_use);
        }
        let mut codecs = Vec::new();
        for codec in wanted {
            let pt = known.iter().find(|(_, is)| *is == codec).map(|(pt, _)| *pt).or_else(|| {
                let used = known.iter().map(|(pt, _)| *pt).chain(known_events.iter().map(|(pt, _)| *pt));
                taken.with(used).free(codec.payload_type())
            });
            let Some(pt) = pt else { continue };
            codecs.push((pt, codec));
            if !known.contains(&(pt, codec)) {
                known.push((pt, codec));
            }
        }
        let mut events = Vec::new();
        for (default, clock) in EVENTS {
            if !codecs.iter().any(|(_, codec)| codec.rtp_clock() == clock) {
                continue;
            }
            let pt = known_events.iter().find(|(_, is)| *is == clock).map(|(pt, _)| *pt).or_else(|| {
                let used = known.iter().map(|(pt, _)| *pt).chain(known_events.iter().map(|(pt, _)| *pt));
                taken.with(used).free(default)
            });
            let Some(pt) = pt else { continue };
            events.push((pt, clock));
            if !known_events.contains(&(pt, clock)) {
                known_events.push((pt, clock));
            }
        }
        AudioLine {
            proto: before.map_or(RTP_AVP.to_owned(), |line| line.proto.clone()),
            codecs,
            events,
            known,
            known_events,
            taken,
            direction,
            rtcp_mux: before.is_none_or(|line| line.rtcp_mux),
        }
    }

    fn offered_video(&self, before: Option<&VideoLine>, direction: Direction) -> VideoLine {
        let mut known = before.map(|line| line.known.clone()).unwrap_or_default();
        let in_use = before.and_then(|line| line.codecs.first());
        let mut codecs: Vec<VideoFormat> = in_use.cloned().into_iter().collect();
        let taken = before.map(|line| line.taken).unwrap_or_default();
        for wanted in offered(&self.capabilities.video) {
            if codecs.iter().any(|format| format.is_like(&wanted)) {
                continue;
            }
            let format = known.iter().find(|format| format.is_like(&wanted)).cloned().or_else(|| {
                let pt = taken.with(known.iter().map(|format| format.pt)).free(wanted.pt)?;
                Some(VideoFormat { pt, ..wanted })
            });
            let Some(format) = format else { continue };
            if !known.contains(&format) {
                known.push(format.clone());
            }
            codecs.push(format);
        }
        VideoLine {
            proto: before.map_or(RTP_AVP.to_owned(), |line| line.proto.clone()),
            codecs,
            known,
            taken,
            direction,
            rtcp_mux: before.is_none_or(|line| line.rtcp_mux),
            feedback: Feedback { pli: true, fir: true },
        }
    }
}

/// Puts a line where one of its kind was rejected, else behind all others.
fn revive(lines: &mut Vec<Line>, kind: &str, line: Line) {
    let rejected = |line: &Line| matches!(line, Line::Rejected { media, .. } if media.eq_ignore_ascii_case(kind));
    match lines.iter().position(rejected) {
        Some(index) => lines[index] = line,
        None if lines.len() < MAX_MEDIA => lines.push(line),
        None => {}
    }
}
