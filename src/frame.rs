//! The way of a picture from the decoder to the screen: one slot, the newest frame wins, and at most one wake-up is pending.
//!
//! A slow screen never builds a queue: a frame that was not fetched in time is replaced by the next one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

/// One decoded picture, 8-bit RGBA (not premultiplied), rows without padding.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// `width * height * 4` bytes, top row first.
    pub rgba: Vec<u8>,
    /// When the decoder delivered it.
    pub decoded_at: Instant,
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Frame({}×{})", self.width, self.height)
    }
}

/// What the slot calls after a frame was put into an empty slot; it must not block.
type Waker = Box<dyn Fn() + Send + Sync>;

#[derive(Default)]
struct Shared {
    frame: Mutex<Option<Frame>>,
    spare: Mutex<Option<Vec<u8>>>,
    pending: AtomicBool,
    waker: OnceLock<Waker>,
}

/// The slot itself; clones share it.
#[derive(Clone, Default)]
pub struct FrameSlot(Arc<Shared>);

impl FrameSlot {
    /// An empty slot.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says what to call when a frame waits. The first waker stays; it is called from the decoder's thread.
    pub fn set_waker(&self, waker: impl Fn() + Send + Sync + 'static) {
        if self.0.waker.set(Box::new(waker)).is_ok() && self.0.pending.load(Ordering::Acquire) {
            self.wake();
        }
    }

    /// Puts the newest frame in, in the place of one that nobody fetched, and wakes the reader once.
    pub fn put(&self, frame: Frame) {
        let replaced = lock(&self.0.frame).replace(frame);
        if let Some(old) = replaced {
            self.recycle(old.rgba);
        }
        if !self.0.pending.swap(true, Ordering::AcqRel) {
            self.wake();
        }
    }

    /// Takes the newest frame out; the next [`put`](Self::put) wakes again.
    pub fn take(&self) -> Option<Frame> {
        self.0.pending.store(false, Ordering::Release);
        lock(&self.0.frame).take()
    }

    /// Empties the slot, so that a picture of a past call is never shown in the next one.
    pub fn clear(&self) {
        self.take();
    }

    /// A buffer for the next frame: one that a reader gave back with [`recycle`](Self::recycle), or a new one.
    pub fn buffer(&self) -> Vec<u8> {
        lock(&self.0.spare).take().unwrap_or_default()
    }

    /// Gives a buffer back for reuse.
    pub fn recycle(&self, buffer: Vec<u8>) {
        *lock(&self.0.spare) = Some(buffer);
    }

    fn wake(&self) {
        if let Some(waker) = self.0.waker.get() {
            waker();
        }
    }
}

/// The slot holds plain data: what a panicking thread left in it is still a whole frame or none.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    fn frame(width: u32) -> Frame {
        Frame { width, height: 1, rgba: vec![0; width as usize * 4], decoded_at: Instant::now() }
    }

    #[test]
    fn the_newest_frame_wins_and_one_wake_up_is_pending() {
        let slot = FrameSlot::new();
        let wakes = Arc::new(AtomicUsize::new(0));
        let counter = wakes.clone();
        slot.set_waker(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        slot.put(frame(1));
        slot.put(frame(2));
        assert_eq!(wakes.load(Ordering::Relaxed), 1);
        assert_eq!(slot.take().map(|f| f.width), Some(2));
        assert!(slot.take().is_none());
        slot.put(frame(3));
        assert_eq!(wakes.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_frame_that_came_before_the_waker_is_announced() {
        let slot = FrameSlot::new();
        slot.put(frame(1));
        let wakes = Arc::new(AtomicUsize::new(0));
        let counter = wakes.clone();
        slot.set_waker(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(wakes.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_replaced_frame_gives_its_buffer_to_the_next() {
        let slot = FrameSlot::new();
        slot.put(frame(8));
        slot.put(frame(8));
        assert!(slot.buffer().capacity() >= 32);
    }
}
