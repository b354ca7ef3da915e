//! What the audio thread keeps for one call: a jitter buffer on the way in, an encoder on the way out.

use std::time::{Duration, Instant};

use super::codec::{Decoder, Encoder};
use super::jitter::JitterBuffer;
use super::resample::{Resampler, Steady};
use super::types::{AudioEvent, AudioPacket, AudioPlan, AudioStats};
use super::{FRAME, RATE, mix};
use crate::media::CallKey;
use crate::sdp::AudioCodec;

/// Silence from the other side that is worth a word.
const REMOTE_SILENT: Duration = Duration::from_secs(5);

/// The sound of one call.
pub(super) struct Call {
    key: CallKey,
    plan: AudioPlan,
    incoming: Option<Incoming>,
    outgoing: Option<Outgoing>,
    /// Figures of buffers that are gone.
    past: AudioStats,
    heard: Instant,
    silence_told: bool,
}

/// The way from the network to the ear.
struct Incoming {
    buffer: JitterBuffer,
    resampler: Resampler,
    pcm: Vec<i16>,
    sound: Vec<f32>,
}

/// The way from the microphone to the network.
struct Outgoing {
    encoder: Encoder,
    resampler: Resampler,
    pcm: Vec<i16>,
    /// The next packet is the first of a spurt.
    first: bool,
}

impl Call {
    pub(super) fn new(key: CallKey, plan: AudioPlan, now: Instant) -> Self {
        let mut call = Self {
            key,
            plan,
            incoming: None,
            outgoing: None,
            past: AudioStats::default(),
            heard: now,
            silence_told: false,
        };
        call.prepare(now);
        call
    }

    /// Goes over to another plan; what stays the same goes on without a gap.
    pub(super) fn replace(&mut self, plan: AudioPlan, now: Instant) {
        if plan.play && !self.plan.play {
            self.heard = now;
            self.silence_told = false;
        }
        self.plan = plan;
        self.prepare(now);
    }

    fn prepare(&mut self, now: Instant) {
        let kept = self.incoming.as_ref().is_some_and(|incoming| {
            let codec = incoming.buffer.decoder().codec();
            self.plan.play && self.plan.recv_pts.iter().any(|(_, known)| *known == codec)
        });
        if !kept {
            self.close_incoming();
        }
        if self.plan.play && self.incoming.is_none() {
            // Most peers send what they receive, so that the first packet finds everything ready.
            self.open_incoming(self.plan.codec, now);
        }
        if !self.plan.send {
            self.outgoing = None;
            return;
        }
        let serves =
            self.outgoing.as_ref().is_some_and(|outgoing| outgoing.encoder.serves(self.plan.codec, self.plan.ptime_ms));
        if !serves {
            match Outgoing::new(self.plan.codec, self.plan.ptime_ms) {
                Ok(outgoing) => self.outgoing = Some(outgoing),
                Err(why) => {
                    tracing::warn!("{} cannot be sent: {why}", self.plan.codec.name());
                    self.outgoing = None;
                }
            }
        }
    }

    fn open_incoming(&mut self, codec: AudioCodec, now: Instant) {
        match Incoming::new(codec, now) {
            Ok(incoming) => self.incoming = Some(incoming),
            Err(why) => tracing::warn!("{} cannot be played: {why}", codec.name()),
        }
    }

    fn close_incoming(&mut self) {
        if let Some(incoming) = self.incoming.take() {
            self.past = sum(self.past, incoming.buffer.stats());
        }
    }

    /// Takes a packet; what the plan does not know is dropped.
    pub(super) fn push(&mut self, packet: AudioPacket) {
        if !self.plan.play {
            return;
        }
        let Some((_, codec)) = self.plan.recv_pts.iter().find(|(payload_type, _)| *payload_type == packet.payload_type)
        else {
            return;
        };
        let codec = *codec;
        self.heard = packet.arrived;
        self.silence_told = false;
        let fits = self.incoming.as_ref().is_some_and(|incoming| incoming.buffer.decoder().codec() == codec);
        if !fits {
            self.close_incoming();
            self.open_incoming(codec, packet.arrived);
        }
        if let Some(incoming) = &mut self.incoming {
            incoming.buffer.push(packet);
        }
    }

    /// Adds the next 10 ms of the other side to `frame`.
    pub(super) fn play(&mut self, now: Instant, frame: &mut [f32; FRAME]) {
        if let Some(incoming) = &mut self.incoming {
            mix::add(frame, incoming.next(now));
        }
    }

    /// Takes 10 ms of the microphone; sends what has become full.
    pub(super) fn capture(&mut self, frame: &[f32; FRAME], events: &dyn Fn(AudioEvent)) {
        let Some(outgoing) = &mut self.outgoing else {
            return;
        };
        outgoing.take(frame);
        let size = outgoing.encoder.frame();
        while outgoing.pcm.len() >= size {
            if let Some(payload) = outgoing.encoder.encode(&outgoing.pcm[..size]) {
                let payload = payload.to_vec();
                self.past.sent += 1;
                events(AudioEvent::Packet {
                    call: self.key,
                    payload_type: self.plan.send_pt,
                    samples: outgoing.encoder.rtp_samples(),
                    marker: outgoing.first,
                    payload,
                });
                outgoing.first = false;
            }
            outgoing.pcm.drain(..size);
        }
    }

    /// Whether the other side has just been silent for too long; true once a silence.
    pub(super) fn fell_silent(&mut self, now: Instant) -> bool {
        let silent = self.plan.play && !self.silence_told && now.saturating_duration_since(self.heard) > REMOTE_SILENT;
        self.silence_told |= silent;
        silent
    }

    pub(super) fn key(&self) -> CallKey {
        self.key
    }

    pub(super) fn stats(&self) -> AudioStats {
        match &self.incoming {
            Some(incoming) => sum(self.past, incoming.buffer.stats()),
            None => self.past,
        }
    }
}

/// Counts of both, the present state of the second.
fn sum(past: AudioStats, now: AudioStats) -> AudioStats {
    AudioStats {
        concealed_ms: past.concealed_ms + now.concealed_ms,
        buffer_ms: now.buffer_ms,
        target_ms: now.target_ms,
        played_ms: past.played_ms + now.played_ms,
        received: past.received + now.received,
        late: past.late + now.late,
        duplicate: past.duplicate + now.duplicate,
        recovered_ms: past.recovered_ms + now.recovered_ms,
        stretched_ms: past.stretched_ms + now.stretched_ms,
        shrunk_ms: past.shrunk_ms + now.shrunk_ms,
        sent: past.sent + now.sent,
    }
}

impl Incoming {
    fn new(codec: AudioCodec, now: Instant) -> Result<Self, String> {
        let decoder = Decoder::new(codec)?;
        let resampler = Resampler::new(decoder.rate(), RATE, Steady::Output(FRAME))?;
        Ok(Self {
            buffer: JitterBuffer::new(decoder, now),
            resampler,
            pcm: Vec::with_capacity(FRAME * 2),
            sound: Vec::with_capacity(FRAME * 2),
        })
    }

    fn next(&mut self, now: Instant) -> &[f32] {
        self.pcm.resize(self.resampler.needed(), 0);
        self.buffer.pull(now, &mut self.pcm);
        self.sound.clear();
        self.sound.extend(self.pcm.iter().map(|s| f32::from(*s) / 32_768.0));
        self.resampler.process(&self.sound)
    }
}

impl Outgoing {
    fn new(codec: AudioCodec, ptime_ms: u32) -> Result<Self, String> {
        let encoder = Encoder::new(codec, ptime_ms)?;
        let resampler = Resampler::new(RATE, encoder.rate(), Steady::Input(FRAME))?;
        // All but the last 9 ms of the first packet are silence, so that it leaves with the first 10 ms that are heard; the
        // resampler may begin with a sample less than 10 ms.
        let mut pcm = Vec::with_capacity(encoder.frame() * 2);
        pcm.resize(encoder.frame().saturating_sub(encoder.rate() as usize * 9 / 1_000), 0);
        Ok(Self { pcm, encoder, resampler, first: true })
    }

    fn take(&mut self, frame: &[f32; FRAME]) {
        let sound = self.resampler.process(frame);
        self.pcm.extend(sound.iter().map(|s| (s.clamp(-1.0, 1.0) * 32_767.0) as i16));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_packet_leaves_with_the_first_10_ms_that_are_heard() {
        for codec in [AudioCodec::Opus, AudioCodec::G722, AudioCodec::Pcma, AudioCodec::Pcmu] {
            for ptime_ms in [10, 20, 40] {
                let mut outgoing = Outgoing::new(codec, ptime_ms).expect("the codec is built in");
                outgoing.take(&[0.1; FRAME]);
                let (has, needs) = (outgoing.pcm.len(), outgoing.encoder.frame());
                assert!(has >= needs, "{codec:?} at {ptime_ms} ms has {has} of {needs} samples");
            }
        }
    }
}
