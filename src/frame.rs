//! The way of a picture from the decoder to the screen: one slot, the newest frame wins, and at most one wake-up is pending.
//!
//! A slow screen never builds a queue: a frame that was not fetched in time is replaced by the next one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

/// One picture on its way to the screen.
pub struct Frame {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// What it looks like.
    pub pixels: Pixels,
    /// When it was decoded or painted.
    pub decoded_at: Instant,
}

/// The pixels of a picture, as whoever made it has them: the screen converts them once, into its own memory.
pub enum Pixels {
    /// 8-bit RGBA, not premultiplied: `width * height * 4` bytes, top row first, rows without padding.
    Rgba(Vec<u8>),
    /// 8-bit YUV 4:2:0 in three planes, in the decoder's own memory.
    Yuv420(Box<dyn Planes>, Colour),
}

/// The three planes of a YUV picture.
pub trait Planes: Send {
    /// The bytes of plane 0 (Y), 1 (U) or 2 (V), top row first, and the length of one row in them with its padding. U and V have
    /// half the rows and half the columns, rounded up.
    fn plane(&self, index: u32) -> (&[u8], u32);
}

/// What the numbers of a YUV picture mean (ITU-T H.273).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    /// How the colours were mixed.
    pub matrix: Matrix,
    /// Whether Y goes from 0 to 255; else it goes from 16 to 235.
    pub full_range: bool,
}

/// The standard by which red, green and blue became Y, U and V.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matrix {
    /// ITU-R BT.601: pictures of standard definition.
    Bt601,
    /// ITU-R BT.709: high definition.
    Bt709,
    /// ITU-R BT.2020: ultra high definition.
    Bt2020,
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
        // What is replaced is let go when the lock is open again: that may give memory back to a decoder.
        let _replaced = lock(&self.0.frame).replace(frame);
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
        Frame { width, height: 1, pixels: Pixels::Rgba(vec![0; width as usize * 4]), decoded_at: Instant::now() }
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
}
