//! The way into the thread "video-in": packets from the network and signals from the pipeline, bounded, never blocking who brings them.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

/// Packets that may wait; about three seconds of a 2 Mbit/s stream. The oldest go first.
pub const CAPACITY: usize = 512;

/// What the pipeline tells the thread, collected until it looks.
#[derive(Debug, Default)]
pub struct Signals {
    /// Packets that the jitter buffer gave up.
    pub lost: u32,
    /// An element or the call's owner asks for a key frame.
    pub keyframe_wanted: bool,
    /// A key frame came out of the parser.
    pub keyframe_arrived: bool,
    /// The stream changed its size or its parameters.
    pub caps_changed: bool,
    /// Pictures put into the slot: when and how large. Bounded by [`CAPACITY`].
    pub pictures: VecDeque<(Instant, u32, u32)>,
    /// The pipeline of this generation failed.
    pub error: Option<(u32, String)>,
}

/// What the thread finds when it looks.
#[derive(Debug, Default)]
pub struct Batch {
    /// Whole RTP packets and when each came.
    pub packets: VecDeque<(Instant, Vec<u8>)>,
    /// What the pipeline said.
    pub signals: Signals,
    /// Packets that found no room since the last look.
    pub overrun: u64,
    /// The owner has gone.
    pub closed: bool,
}

#[derive(Default)]
struct State {
    batch: Batch,
    something: bool,
}

/// The inbox.
#[derive(Default)]
pub struct Inbox {
    state: Mutex<State>,
    bell: Condvar,
}

impl Inbox {
    /// Brings a packet; the oldest one is dropped when too many wait.
    pub fn packet(&self, now: Instant, packet: Vec<u8>) {
        self.put(|batch| {
            if batch.packets.len() >= CAPACITY {
                batch.packets.pop_front();
                batch.overrun += 1;
            }
            batch.packets.push_back((now, packet));
        });
    }

    /// Brings a signal.
    pub fn signal(&self, change: impl FnOnce(&mut Signals)) {
        self.put(|batch| {
            change(&mut batch.signals);
            while batch.signals.pictures.len() > CAPACITY {
                batch.signals.pictures.pop_front();
            }
        });
    }

    /// Tells the thread to leave.
    pub fn close(&self) {
        self.put(|batch| batch.closed = true);
    }

    /// Waits until there is something or the time has come, and takes all there is.
    pub fn wait(&self, until: Option<Instant>) -> Batch {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while !state.something {
            match until {
                None => state = self.bell.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        break;
                    }
                    state = self.bell.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
        state.something = false;
        std::mem::take(&mut state.batch)
    }

    fn put(&self, change: impl FnOnce(&mut Batch)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state.batch);
        if !std::mem::replace(&mut state.something, true) {
            self.bell.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_and_the_newest_stay() {
        let inbox = Inbox::default();
        for n in 0..CAPACITY + 10 {
            inbox.packet(Instant::now(), vec![(n % 256) as u8]);
        }
        let batch = inbox.wait(None);
        assert_eq!((batch.packets.len(), batch.overrun), (CAPACITY, 10));
        assert_eq!(batch.packets[0].1, [10]);
        assert!(inbox.wait(Some(Instant::now())).packets.is_empty());
    }

    #[test]
    fn closing_wakes_the_thread() {
        let inbox = std::sync::Arc::new(Inbox::default());
        let thread = std::thread::spawn({
            let inbox = inbox.clone();
            move || inbox.wait(None).closed
        });
        inbox.close();
        assert!(thread.join().unwrap());
    }
}
