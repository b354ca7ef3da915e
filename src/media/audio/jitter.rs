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

mod playout;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Instant;

use super::codec::Decoder;
use super::conceal::Concealer;
use super::delay::DelayEstimate;
use super::stretch::Sizes;
use super::timeline::Timeline;
use super::types::{AudioPacket, AudioStats};

/// Added to the spread, in µs: a pull takes 10 ms at once, whose last sample must be here when its first is due; and a
/// little, because spreads grow.
const MARGIN_US: i64 = 14_000;
/// Smallest delay aimed at before ten packets are known, in µs.
const LEAST_AT_FIRST_US: i64 = 16_000;
/// Largest delay aimed at, in µs: beyond, losing packets is better than answering late.
const MOST_US: i64 = 400_000;
/// A transit so far from the base means that the sender's clock jumped, in µs.
const CLOCK_JUMP_US: i64 = 1_000_000;
/// A sequence number so far from the last means a new stream.
const SEQUENCE_JUMP: i64 = 3_000;
/// So many packets in a row that came too late mean that the path has become longer for good.
const LATE_IN_A_ROW: u32 = 5;
/// Packets kept at most.
const MOST_PACKETS: usize = 128;
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
    /// Arrival and transit of the packet that came last, in µs.
    last: Option<(i64, i64)>,
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
            last: None,
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
        self.observe(arrived, transit, samples);
        let at = timestamp * self.decoder.samples_per_tick();
        let over = self.decoded.is_some_and(|decoded| sequence <= decoded);
        if over || (self.playing && at + samples as i64 <= self.line.end()) {
            self.late += 1;
            self.late_in_a_row += 1;
            if self.late_in_a_row < LATE_IN_A_ROW {
                return;
            }
            self.start_over();
            self.observe(arrived, transit, samples);
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

    /// Learns from a packet's transit. Packets that a standstill held up come in one clump, each less late than the one
    /// before; that is one event, not many, or a single standstill would cost seconds of delay.
    fn observe(&mut self, arrived: i64, transit: i64, samples: usize) {
        let clump = self.last.is_some_and(|(last_arrived, last_transit)| {
            let packet = self.samples_to_us(samples as i64);
            arrived - last_arrived < packet / 4 && last_transit - transit > packet / 2
        });
        self.last = Some((arrived, transit));
        if !clump {
            self.delay.observe(transit);
        }
    }

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
        self.last = None;
        self.decoded = None;
        self.playing = false;
        self.late_in_a_row = 0;
    }

    // ---- reckoning

    /// Delay aimed at, in µs.
    fn target(&self) -> i64 {
        let least = if self.delay.count() < 10 { LEAST_AT_FIRST_US } else { 0 };
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
