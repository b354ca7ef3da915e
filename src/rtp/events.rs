//! Keys as telephone-events (RFC 4733), out and in.
//!
//! ```text
//!  out: ▌50 ms▐▌50 ms▐▌50 ms▐  E  E  E   pause  next key
//!       M=1, dur 1  dur 2  dur 3        three ends, each 50 ms after the other
//! ```

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::DtmfEvent;

/// Time between two packets of a key, and how far each lets the key grow.
const STEP: Duration = Duration::from_millis(50);
/// How often the end of a key is sent (RFC 4733 2.5.1.4).
const ENDS: u32 = 3;
/// Silence between the last end and the next key.
const PAUSE: Duration = Duration::from_millis(50);
/// Shortest and longest key.
const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(1);
/// Keys that wait at most.
const MAX_QUEUE: usize = 64;
/// Volume of a key, in dBm0 below zero (RFC 4733 2.3.3).
const VOLUME: u8 = 10;
/// The keys in the order of their event codes (RFC 4733 3.2).
const KEYS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D'];
/// A duration that is about to leave its field: its last packets may be lost.
const NEARLY_FULL: u16 = 0xc000;
/// How far after its begin the next segment of a long key begins: what fits the field, give or take what devices round.
const SEGMENTS: std::ops::RangeInclusive<u32> = 0xf000..=0x1_1000;
/// How many presses are remembered to know late packets of them.
const REMEMBERED: usize = 16;

/// One packet of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EventPacket {
    /// Whether it is the first of its key.
    pub first: bool,
    pub payload: [u8; 4],
}

/// The keys that we send, one after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct KeySender {
    waiting: VecDeque<(u8, u32)>,
    state: State,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Idle,
    /// A key is being sent: its code, its length and how many packets are out, in steps; when the next is due.
    Key { code: u8, steps: u32, sent: u32, due: Instant },
    /// A key was sent.
    Pause { until: Instant },
}

impl KeySender {
    /// Puts a key in the queue; false if it is not a key or too many wait.
    pub fn push(&mut self, digit: char, duration: Duration) -> bool {
        let Some(code) = KEYS.iter().position(|key| *key == digit.to_ascii_uppercase()) else { return false };
        if self.waiting.len() >= MAX_QUEUE {
            return false;
        }
        let steps = duration.clamp(SHORTEST, LONGEST).as_millis().div_ceil(STEP.as_millis());
        self.waiting.push_back((code as u8, steps as u32));
        true
    }

    /// Whether a key is on its way or waits.
    pub fn is_active(&self) -> bool {
        !self.waiting.is_empty() || !matches!(self.state, State::Idle)
    }

    /// Whether the last key has ended.
    pub fn is_over(&self) -> bool {
        self.waiting.is_empty() && !self.is_sounding()
    }

    /// Whether the sound must be silent for a key.
    pub fn is_sounding(&self) -> bool {
        matches!(self.state, State::Key { .. })
    }

    /// Forgets all keys.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// When [`KeySender::next`] has something to do.
    pub fn timeout(&self, now: Instant) -> Option<Instant> {
        match self.state {
            State::Idle => (!self.waiting.is_empty()).then_some(now),
            State::Key { due, .. } => Some(due),
            State::Pause { until } => Some(until),
        }
    }

    /// The packet that is due now, if any. `clock` is that of the durations.
    pub fn next(&mut self, now: Instant, clock: u32) -> Option<EventPacket> {
        if matches!(self.state, State::Pause { until } if until <= now) {
            self.state = State::Idle;
        }
        if matches!(self.state, State::Idle) {
            let (code, steps) = self.waiting.pop_front()?;
            self.state = State::Key { code, steps, sent: 0, due: now };
        }
        let State::Key { code, steps, sent, due } = self.state else { return None };
        if due > now {
            return None;
        }
        let end = sent >= steps;
        let duration = duration_of((sent + 1).min(steps), clock);
        let last = sent + 1 == steps + ENDS;
        // A late wake-up moves the rest: two packets at once would be one loss for both.
        self.state = match last {
            true => State::Pause { until: now + PAUSE },
            false => State::Key { code, steps, sent: sent + 1, due: now + STEP },
        };
        let [high, low] = duration.to_be_bytes();
        Some(EventPacket { first: sent == 0, payload: [code, u8::from(end) << 7 | VOLUME, high, low] })
    }
}

/// So many steps in clock units. A key is at most one second, which fits at 48 kHz.
fn duration_of(steps: u32, clock: u32) -> u16 {
    let units = u64::from(steps) * u64::from(clock) * STEP.as_millis() as u64 / 1000;
    u16::try_from(units).unwrap_or(u16::MAX)
}

/// One press as far as it was seen.
#[derive(Clone, Copy, Debug)]
struct Press {
    code: u8,
    /// When it began; of a long one, when its present segment began.
    timestamp: u32,
    /// The longest duration that was seen, in clock units.
    duration: u16,
    ended: bool,
}

impl Press {
    /// Whether a packet with another timestamp, not marked as the first of a press, still belongs to this one.
    fn goes_on(&self, next: &Self) -> bool {
        let after = next.timestamp.wrapping_sub(self.timestamp);
        // Some devices let the timestamp run on during a key. Such a packet lies within the key that it speaks of,
        // which a new key never does.
        let runs_on = after < u32::from(next.duration);
        // What is longer than the field can say goes on in a segment that begins where it ended (RFC 4733 2.5.1.3).
        let segment = !self.ended && self.duration >= NEARLY_FULL && SEGMENTS.contains(&after);
        self.code == next.code && (runs_on || segment)
    }
}

/// The keys that the other side presses.
#[derive(Clone, Debug, Default)]
pub(super) struct KeyReceiver {
    /// Whose presses these are.
    ssrc: Option<u32>,
    /// The latest presses, the newest last.
    presses: VecDeque<Press>,
}

impl KeyReceiver {
    /// Takes a packet; a key comes out with the first packet that is seen of it, whichever that is.
    pub fn take(&mut self, ssrc: u32, timestamp: u32, marker: bool, payload: &[u8]) -> Option<DtmfEvent> {
        let [code, flags, high, low, ..] = *payload else { return None };
        let digit = *KEYS.get(usize::from(code))?;
        if self.ssrc.replace(ssrc) != Some(ssrc) {
            self.presses.clear();
        }
        let packet = Press { code, timestamp, duration: u16::from_be_bytes([high, low]), ended: flags & 0x80 != 0 };
        if let Some(press) = self.presses.iter_mut().find(|press| press.timestamp == timestamp) {
            press.duration = press.duration.max(packet.duration);
            press.ended |= packet.ended;
            return None;
        }
        if !marker && let Some(press) = self.presses.back_mut().filter(|press| press.goes_on(&packet)) {
            // Its segment now; a timestamp that runs on keeps its begin, within which all of it lies.
            if SEGMENTS.contains(&timestamp.wrapping_sub(press.timestamp)) {
                *press = packet;
            }
            return None;
        }
        if self.presses.len() == REMEMBERED {
            self.presses.pop_front();
        }
        self.presses.push_back(packet);
        Some(DtmfEvent { digit, timestamp })
    }
}
