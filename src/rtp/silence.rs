//! The silence that follows keys where no sound is on its way.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The length of one packet.
const PACKET: Duration = Duration::from_millis(20);
/// How long after a packet of a key the silence begins, when no other key has begun by then.
const AFTER_KEY: Duration = Duration::from_millis(50);

/// Packets of silence that are still to be sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Silence {
    payload_type: u8,
    packets: VecDeque<Vec<u8>>,
    /// When the next is due; none before a key was sent.
    due: Option<Instant>,
}

impl Silence {
    /// Has these packets follow the key that is being sent, in place of what was to follow one before.
    pub fn follow(&mut self, payload_type: u8, packets: Vec<Vec<u8>>) {
        (self.payload_type, self.packets) = (payload_type, packets.into());
    }

    /// Forgets what is left.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// A packet of a key was sent.
    pub fn wait(&mut self, now: Instant) {
        self.due = Some(now + AFTER_KEY);
    }

    /// When [`Silence::next`] has something to do.
    pub fn timeout(&self) -> Option<Instant> {
        self.due.filter(|_| !self.packets.is_empty())
    }

    /// The packet that is due now, if any, and its payload type.
    pub fn next(&mut self, now: Instant) -> Option<(u8, Vec<u8>)> {
        if self.timeout().is_none_or(|due| due > now) {
            return None;
        }
        self.due = Some(now + PACKET);
        Some((self.payload_type, self.packets.pop_front()?))
    }
}
