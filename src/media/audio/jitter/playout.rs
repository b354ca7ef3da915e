//! The playing side of the buffer: when to begin, when to stretch or shrink, what to put into a gap.

use super::super::stretch;
use super::{JitterBuffer, PULLS};

/// How far the delay may be off before it is changed, in µs.
const TOO_SHORT_US: i64 = 3_000;
const TOO_LONG_US: i64 = 8_000;
/// From here on the sound is cut wherever it is, in µs.
const FAR_TOO_LONG_US: i64 = 60_000;
/// From here on sound is thrown away, in µs.
const HOPELESS_US: i64 = 500_000;
/// Between two changes of length, in ms: usually, and when far too long.
const PAUSE_MS: i64 = 80;
const SHORT_PAUSE_MS: i64 = 20;
/// A gap is filled with invented sound for so long; afterwards it is silence, in ms.
const CONCEAL_MS: usize = 120;

impl JitterBuffer {
    /// Starts to play when the first packet has waited long enough. `samples` is the length of this pull.
    pub(super) fn begin(&mut self, now: i64, samples: usize) -> bool {
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
    pub(super) fn adapt(&mut self, now: i64) {
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
    pub(super) fn extend(&mut self, now: i64, wanted: usize) {
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
}
