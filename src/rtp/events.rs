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

/// The keys that the other side presses.
#[derive(Clone, Debug, Default)]
pub(super) struct KeyReceiver {
    /// The latest presses, the newest last: key code and timestamp.
    presses: VecDeque<(u8, u32)>,
}

impl KeyReceiver {
    /// Takes a packet; a key comes out with the first packet that is seen of it, whichever that is.
    pub fn take(&mut self, timestamp: u32, marker: bool, payload: &[u8]) -> Option<DtmfEvent> {
        let [code, _, high, low, ..] = *payload else { return None };
        let digit = *KEYS.get(usize::from(code))?;
        if self.presses.iter().any(|(_, at)| *at == timestamp) {
            return None;
        }
        // Some devices let the timestamp run on during a key. Such a packet lies within the key that it speaks of,
        // which a new key never does.
        let duration = u32::from(u16::from_be_bytes([high, low]));
        let within = |(of, at): &(u8, u32)| *of == code && timestamp.wrapping_sub(*at) < duration;
        if !marker && self.presses.back().is_some_and(within) {
            return None;
        }
        if self.presses.len() == REMEMBERED {
            self.presses.pop_front();
        }
        self.presses.push_back((code, timestamp));
        Some(DtmfEvent { digit, timestamp })
    }
}
