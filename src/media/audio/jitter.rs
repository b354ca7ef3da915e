//! The buffer between the network and the ear: takes packets as they come, gives sound without end.
//!
//! Everything is reckoned on one scale. A packet's *transit* is its arrival less its timestamp; the fastest of the last
//! seconds is the *base* (`delay`). At any pull, the *delay* is how much later than `base + timestamp` the next sample is
//! played; a packet is in time when it came no later than that. The delay aimed at is what the slowest packets need:
//!
//! ```text
//!  target = spread of transits (but for outliers) + margin  (+ one packet where Opus FEC has losses to restore)
//!  delay > target + slack: shrink by a period    delay < target − slack: stretch by a period
//!  nothing to play:  delay < target: fill, and play the rest later    else: fill, and the time is lost
//! ```
//!
//! Pure: time comes with each call, so that minutes of loss and jitter are tested in milliseconds.

use std::collections::VecDeque;
use std::time::Instant;

use super::codec::Decoder;
use super::conceal::Concealer;
use super::delay::DelayEstimate;
use super::stretch::{self, Sizes};
use super::timeline::Timeline;
use super::types::{AudioPacket, AudioStats};

/// Added to the spread, in µs: covers what one tick of the audio thread takes away.
const MARGIN_US: i64 = 8_000;
/// Smallest delay aimed at, in µs.
const LEAST_US: i64 = 12_000;
/// Smallest delay aimed at before ten packets are known, in µs.
const LEAST_AT_FIRST_US: i64 = 16_000;
/// Largest delay aimed at, in µs: beyond, losing packets is better than answering late.
const MOST_US: i64 = 400_000;
/// How far the delay may be off before it is changed, in µs.
const TOO_SHORT_US: i64 = 4_000;
const TOO_LONG_US: i64 = 8_000;
/// From here on the sound is cut wherever it is, in µs.
const FAR_TOO_LONG_US: i64 = 60_000;
/// From here on sound is thrown away, in µs.
const HOPELESS_US: i64 = 500_000;
/// Between two changes of length, in ms: usually, and when far too long.
const PAUSE_MS: i64 = 80;
const SHORT_PAUSE_MS: i64 = 20;
/// A transit so far from the base means that the sender's clock jumped, in µs.
const CLOCK_JUMP_US: i64 = 1_000_000;
/// A sequence number so far from the last means a new stream.
const SEQUENCE_JUMP: i64 = 3_000;
/// So many packets in a row that came too late mean that the path has become longer for good.
const LATE_IN_A_ROW: u32 = 5;
/// Packets kept at most.
const MOST_PACKETS: usize = 128;
/// A gap is filled with invented sound for so long; afterwards it is silence, in ms.
const CONCEAL_MS: usize = 120;
/// After so long a gap with nothing in sight the stream starts anew with its next packet, in ms.
const GIVE_UP_MS: usize = 250;
/// Share of packets lost from which the delay leaves time for Opus FEC.
const LOSSY: f32 = 0.03;
/// Pulls whose smallest delay counts.
const PULLS: usize = 16;

/// A packet that waits for its turn.
struct Waiting {
    sequence: i64,
    /// Position on the time-line, in samples.
    at: i64,
    samples: usize,
    payload: Vec<u8>,
}

/// The newest packet seen, by which numbers that wrap are unwrapped.
#[derive(Clone, Copy)]
struct Newest {
    sequence: i64,
    /// RTP timestamp, unwrapped.
    timestamp: i64,
}

/// One stream's buffer, with its decoder inside.
///
/// [`JitterBuffer::push`] each packet, [`JitterBuffer::pull`] as the loudspeaker needs sound; in any order.
pub(super) struct JitterBuffer {
    decoder: Decoder,
    rate: i64,
    origin: Instant,
    ssrc: Option<u32>,
    newest: Option<Newest>,
    /// Added to timestamps after the sender's clock jumped.
    correction: i64,
    waiting: VecDeque<Waiting>,
    delay: DelayEstimate,
    line: Timeline,
    concealer: Concealer,
    sizes: Sizes,
    playing: bool,
    /// Sequence number of the packet decoded last.
    decoded: Option<i64>,
    /// Samples of the packet decoded last.
    packet: usize,
    /// Samples filled since then.
    gap: usize,
    loss: f32,
    late_in_a_row: u32,
    delays: [i64; PULLS],
    pulls: usize,
    pause: i64,
    scratch: Vec<i16>,
    concealed: u64,
    recovered: u64,
    stretched: u64,
    shrunk: u64,
    played: u64,
    received: u64,
    late: u64,
    duplicate: u64,
}

impl JitterBuffer {
    /// An empty buffer. `now` is only a zero for its reckoning.
    pub(super) fn new(decoder: Decoder, now: Instant) -> Self {
        let rate = decoder.rate();
        Self {
            decoder,
            rate: i64::from(rate),
            origin: now,
            ssrc: None,
            newest: None,
            correction: 0,
            waiting: VecDeque::with_capacity(MOST_PACKETS),
            delay: DelayEstimate::new(),
            line: Timeline::new(rate),
            concealer: Concealer::new(rate),
            sizes: Sizes::at(rate),
            playing: false,
            decoded: None,
            packet: 0,
            gap: 0,
            loss: 0.0,
            late_in_a_row: 0,
            delays: [i64::MAX; PULLS],
            pulls: 0,
            pause: 0,
            scratch: Vec::with_capacity(rate as usize / 5),
            concealed: 0,
            recovered: 0,
            stretched: 0,
            shrunk: 0,
            played: 0,
            received: 0,
            late: 0,
            duplicate: 0,
        }
    }

    /// The decoder inside.
    pub(super) fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// Takes a packet. What makes no sense to the codec is dropped.
    pub(super) fn push(&mut self, packet: AudioPacket) {
        let samples = self.decoder.duration(&packet.payload);
        if samples == 0 {
            return;
        }
        self.received += 1;
        if self.ssrc != Some(packet.ssrc) {
            self.new_stream();
            self.ssrc = Some(packet.ssrc);
        }
        let arrived = self.clock(packet.arrived);
        let mut sequence = self.unwrap_sequence(packet.sequence);
        if self.newest.is_some_and(|newest| (sequence - newest.sequence).abs() > SEQUENCE_JUMP) {
            self.new_stream();
            sequence = i64::from(packet.sequence);
        }
        if self.decoded == Some(sequence) || self.waiting.iter().any(|w| w.sequence == sequence) {
            self.duplicate += 1;
            return;
        }
        let mut timestamp = self.unwrap_timestamp(packet.timestamp);
        let mut transit = arrived - self.micros(timestamp + self.correction);
        if let Some(base) = self.delay.base().filter(|base| (transit - base).abs() > CLOCK_JUMP_US) {
            // The sender's clock jumped, or stood still while it was silent: take this packet for a punctual one.
            let wanted = (arrived - base) * self.clock_rate() / 1_000_000;
            self.correction = wanted - timestamp;
            transit = arrived - self.micros(timestamp + self.correction);
        }
        if self.newest.is_none_or(|newest| sequence > newest.sequence) {
            self.newest = Some(Newest { sequence, timestamp });
        }
        timestamp += self.correction;
        self.delay.observe(transit);
        let at = timestamp * self.decoder.samples_per_tick();
        let over = self.decoded.is_some_and(|decoded| sequence <= decoded);
        if over || (self.playing && at + samples as i64 <= self.line.end()) {
            self.late += 1;
            self.late_in_a_row += 1;
            if self.late_in_a_row < LATE_IN_A_ROW {
                return;
            }
            self.start_over();
            self.delay.observe(transit);
        }
        self.late_in_a_row = 0;
        self.insert(Waiting { sequence, at, samples, payload: packet.payload });
    }

    /// Fills `out` with the next sound. `now` is when it is due, not when the thread got round to it.
    pub(super) fn pull(&mut self, now: Instant, out: &mut [i16]) {
        let now = self.clock(now);
        if !self.playing && !self.begin(now, out.len()) {
            out.fill(0);
            return;
        }
        self.pause -= out.len() as i64;
        self.adapt(now);
        while self.line.waiting() < out.len() {
            self.extend(now, out.len());
        }
        self.line.take(out);
        self.played += out.len() as u64;
        if self.gap > self.rate as usize * GIVE_UP_MS / 1_000 && self.waiting.is_empty() {
            self.playing = false;
        }
    }

    /// Figures; `sent` is the caller's.
    pub(super) fn stats(&self) -> AudioStats {
        let ms = |samples: u64| samples * 1_000 / self.rate as u64;
        AudioStats {
            concealed_ms: ms(self.concealed) as u32,
            buffer_ms: (self.shortest_delay().unwrap_or(0).max(0) / 1_000) as u32,
            target_ms: (self.target() / 1_000) as u32,
            played_ms: ms(self.played),
            received: self.received,
            late: self.late,
            duplicate: self.duplicate,
            recovered_ms: ms(self.recovered) as u32,
            stretched_ms: ms(self.stretched) as u32,
            shrunk_ms: ms(self.shrunk) as u32,
            sent: 0,
        }
    }

    // ---- arriving

    fn insert(&mut self, packet: Waiting) {
        if self.waiting.len() == MOST_PACKETS {
            self.waiting.pop_front();
        }
        let at = self.waiting.partition_point(|w| w.sequence < packet.sequence);
        self.waiting.insert(at, packet);
    }

    fn unwrap_sequence(&self, sequence: u16) -> i64 {
        self.newest.map_or(i64::from(sequence), |newest| {
            newest.sequence + i64::from(sequence.wrapping_sub(newest.sequence as u16) as i16)
        })
    }

    fn unwrap_timestamp(&self, timestamp: u32) -> i64 {
        self.newest.map_or(i64::from(timestamp), |newest| {
            newest.timestamp + i64::from(timestamp.wrapping_sub(newest.timestamp as u32) as i32)
        })
    }

    /// Another sender, or the same one beginning anew.
    fn new_stream(&mut self) {
        self.newest = None;
        self.correction = 0;
        self.loss = 0.0;
        self.start_over();
    }

    /// Forgets what waits and how long packets take; sound already decoded is still played.
    fn start_over(&mut self) {
        self.waiting.clear();
        self.delay.clear();
        self.decoded = None;
        self.playing = false;
        self.late_in_a_row = 0;
    }

    // ---- playing

    /// Starts to play when the first packet has waited long enough. `samples` is the length of this pull.
    fn begin(&mut self, now: i64, samples: usize) -> bool {
        let Some(base) = self.delay.base() else {
            return false;
        };
        let target = self.target();
        // While devices open or a burst comes in, more may gather than is wanted: begin with what is not too old.
        while self.waiting.len() > 1 && now - base - self.samples_to_us(self.waiting[1].at) >= target {
            self.waiting.pop_front();
        }
        let Some(first) = self.waiting.front() else {
            return false;
        };
        let at = first.at;
        let early = target - (now - base - self.samples_to_us(at));
        let silence = (early.max(0) * self.rate / 1_000_000) as usize;
        if silence >= samples.max(self.line.waiting()) {
            return false;
        }
        // Sound left from before plays in the time that is left before the first packet's turn.
        let left = self.line.waiting().min(silence);
        self.line.skip(self.line.waiting() - left);
        self.line.append_silence(silence - left);
        self.line.place_end(at);
        self.concealer.end();
        self.decoded = None;
        self.gap = 0;
        self.delays = [i64::MAX; PULLS];
        self.playing = true;
        true
    }

    /// Brings the delay nearer to its target by stretching or shrinking what is about to be played.
    fn adapt(&mut self, now: i64) {
        let Some(base) = self.delay.base() else {
            return;
        };
        let delay = now - base - self.samples_to_us(self.line.next());
        self.delays[self.pulls % PULLS] = delay;
        self.pulls += 1;
        let target = self.target();
        let excess = self.shortest_delay().unwrap_or(target) - target;
        if excess > HOPELESS_US {
            self.throw_away(excess);
            return;
        }
        let slack = TOO_LONG_US + target / 8;
        let hurry = excess > FAR_TOO_LONG_US;
        if self.pause > 0 {
            return;
        }
        let changed = if excess > slack {
            while self.line.waiting() < self.sizes.needed_to_shrink() && self.next_is_here() {
                self.decode_next();
            }
            let gone = stretch::shrink(&mut self.line, self.sizes, hurry, &mut self.scratch);
            self.shrunk += gone as u64;
            -(gone as i64)
        } else if excess < -TOO_SHORT_US && self.gap == 0 {
            while self.line.waiting() < self.sizes.overlap && self.next_is_here() {
                self.decode_next();
            }
            let more = stretch::expand(&mut self.line, self.sizes, false, &mut self.scratch);
            self.stretched += more as u64;
            more as i64
        } else {
            0
        };
        if changed != 0 {
            self.shift_delays(self.samples_to_us(changed));
            let pause = if hurry { SHORT_PAUSE_MS } else { PAUSE_MS };
            self.pause = pause * self.rate / 1_000;
        }
    }

    /// Far too much has gathered: jumps ahead.
    fn throw_away(&mut self, excess: i64) {
        let samples = excess * self.rate / 1_000_000;
        let until = self.line.next() + samples;
        self.line.skip(self.line.waiting());
        while self.waiting.front().is_some_and(|w| w.at + w.samples as i64 <= until) {
            self.waiting.pop_front();
        }
        self.line.place_end(self.waiting.front().map_or(until, |w| w.at));
        self.shift_delays(-excess);
        self.shrunk += samples as u64;
        self.decoded = None;
    }

    /// Whether the packet that follows what is decoded is here, with no gap before it.
    fn next_is_here(&self) -> bool {
        self.waiting.front().is_some_and(|w| w.at <= self.line.end() + self.rate / 1_000)
    }

    /// Makes the time-line longer: by the next packet, by a filled gap, or by silence.
    fn extend(&mut self, now: i64, wanted: usize) {
        if self.next_is_here() {
            self.decode_next();
            return;
        }
        let chunk = (self.rate as usize / 100).min(wanted.max(1));
        let Some(next) = self.waiting.front() else {
            // Nothing is here. While the delay is shorter than it should be, the missing packet may well come: what
            // is filled then counts as delay, and nothing is lost.
            let base = self.delay.base().unwrap_or(0);
            let delay = now - base - self.samples_to_us(self.line.next());
            let grow = delay < self.target() && self.gap < self.rate as usize * CONCEAL_MS / 1_000;
            self.fill(chunk, grow);
            if grow {
                self.shift_delays(self.samples_to_us(chunk as i64));
            }
            return;
        };
        let missing = (next.at - self.line.end()).max(1) as usize;
        if self.decoded.is_some_and(|decoded| next.sequence == decoded + 1) {
            // Nothing was lost: the sender was silent.
            self.fill_silence(missing.min(chunk));
        } else if self.decoder.has_fec() && missing <= self.packet && self.recover(missing) {
            self.gap = 0;
        } else {
            // The last packet's worth is left to FEC.
            let before_fec =
                if self.decoder.has_fec() && missing > self.packet { missing - self.packet } else { missing };
            self.fill(before_fec.min(chunk), false);
        }
    }

    /// Decodes the first waiting packet; what of it is over already is left out.
    fn decode_next(&mut self) {
        let Some(packet) = self.waiting.pop_front() else {
            return;
        };
        if let Some(decoded) = self.decoded {
            let lost = if packet.sequence > decoded + 1 { 1.0 } else { 0.0 };
            self.loss += (lost - self.loss) * 0.02;
        }
        self.decoded = Some(packet.sequence);
        let over = (self.line.end() - packet.at).max(0) as usize;
        if over == 0 {
            self.line.place_end(packet.at);
        }
        let Some(sound) = self.decoder.decode(&packet.payload) else {
            return;
        };
        self.packet = sound.len();
        self.scratch.clear();
        self.scratch.extend_from_slice(sound.get(over..).unwrap_or(&[]));
        if self.gap > 0 && !self.concealer.active() && over > 0 {
            // A codec that conceals by itself joins smoothly only where it left off.
            self.concealer.begin(self.line.parts().0);
        }
        self.concealer.merge(&mut self.scratch);
        self.line.append(&self.scratch);
        self.gap = 0;
    }

    /// Restores the end of the packet lost last from the one that waits.
    fn recover(&mut self, missing: usize) -> bool {
        let Some(next) = self.waiting.front() else {
            return false;
        };
        let Some(sound) = self.decoder.recover(&next.payload, self.packet) else {
            return false;
        };
        let from = sound.len().saturating_sub(missing);
        self.scratch.clear();
        self.scratch.extend_from_slice(&sound[from..]);
        let restored = self.scratch.len();
        if restored == 0 {
            return false;
        }
        self.concealer.merge(&mut self.scratch);
        self.line.append(&self.scratch);
        self.recovered += restored as u64;
        true
    }

    /// Fills a gap with invented sound. With `grow` the stream's clock stands still meanwhile.
    fn fill(&mut self, samples: usize, grow: bool) {
        let limit = self.rate as usize * CONCEAL_MS / 1_000;
        if self.gap >= limit {
            self.fill_silence(samples);
            return;
        }
        self.scratch.clear();
        match self.decoder.conceal(samples) {
            Some(sound) => self.scratch.extend_from_slice(&sound[..samples.min(sound.len())]),
            None => {
                if !self.concealer.active() {
                    self.concealer.begin(self.line.parts().0);
                }
                self.concealer.fill(samples, &mut self.scratch);
            }
        }
        self.scratch.resize(samples, 0);
        if grow {
            self.line.insert(&self.scratch);
            self.stretched += samples as u64;
        } else {
            self.line.append(&self.scratch);
        }
        self.gap += samples;
        self.concealed += samples as u64;
    }

    fn fill_silence(&mut self, samples: usize) {
        self.line.append_silence(samples);
        self.gap += samples;
    }

    // ---- reckoning

    /// Delay aimed at, in µs.
    fn target(&self) -> i64 {
        let least = if self.delay.count() < 10 { LEAST_AT_FIRST_US } else { LEAST_US };
        let fec = if self.decoder.has_fec() && self.loss > LOSSY { self.samples_to_us(self.packet as i64) } else { 0 };
        ((self.delay.spread() + MARGIN_US).max(least) + fec).min(MOST_US)
    }

    /// The smallest delay of the last pulls, in µs: a device that takes its sound in bursts needs it to be enough.
    fn shortest_delay(&self) -> Option<i64> {
        self.delays.iter().copied().min().filter(|delay| *delay != i64::MAX)
    }

    fn shift_delays(&mut self, by: i64) {
        for delay in self.delays.iter_mut().filter(|delay| **delay != i64::MAX) {
            *delay += by;
        }
    }

    fn clock(&self, at: Instant) -> i64 {
        match at.checked_duration_since(self.origin) {
            Some(since) => since.as_micros() as i64,
            None => -(self.origin.duration_since(at).as_micros() as i64),
        }
    }

    fn clock_rate(&self) -> i64 {
        self.rate / self.decoder.samples_per_tick()
    }

    fn micros(&self, rtp: i64) -> i64 {
        rtp * 1_000_000 / self.clock_rate()
    }

    fn samples_to_us(&self, samples: i64) -> i64 {
        samples * 1_000_000 / self.rate
    }
}
