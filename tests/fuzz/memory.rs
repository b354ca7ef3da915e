//! How much memory a thread holds, and the most that it held: every allocation of this test is counted.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

thread_local! {
    /// Bytes held now and at most. What another thread gives back is counted there.
    static HELD: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}

/// Begins a new measurement: the bytes that this thread holds now.
pub fn begin() -> usize {
    HELD.with(|held| {
        let (now, _) = held.get();
        held.set((now, now));
        usize::try_from(now).unwrap_or_default()
    })
}

/// The most bytes that this thread held at one time since `begin`.
pub fn peak() -> usize {
    usize::try_from(HELD.with(Cell::get).1).unwrap_or_default()
}

fn count(bytes: isize) {
    // A thread that is about to end counts no more.
    let _ = HELD.try_with(|held| {
        let (now, most) = held.get();
        held.set((now + bytes, most.max(now + bytes)));
    });
}

// SAFETY: every call is handed on to the system's allocator as it came. Counting allocates nothing: the counter is a
// constant without a destructor.
#[allow(unsafe_code, reason = "an allocator cannot be written without")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: `memory` came from `System` with this layout.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        // SAFETY: `memory` came from `System` with this layout.
        unsafe { System.realloc(memory, layout, size) }
    }
}
