//! A global allocator that counts what each thread holds, and what all hold together.
//!
//! In: every allocation of a process that links this crate. Out: the most bytes that a thread, or the
//! process, held since it last asked. Memory of C libraries is not seen. Bytes that another thread gives back are
//! counted there: what is measured must stay on its thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, Ordering};

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

static ALL_HELD: AtomicIsize = AtomicIsize::new(0);
static ALL_MOST: AtomicIsize = AtomicIsize::new(0);

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

/// Counts `bytes` more (or fewer). Cells without a destructor: this neither allocates nor fails while
/// a thread ends.
fn count(bytes: isize) {
    let all = ALL_HELD.fetch_add(bytes, Ordering::Relaxed).wrapping_add(bytes);
    if bytes > 0 {
        ALL_MOST.fetch_max(all, Ordering::Relaxed);
    }
    let _ = HELD.try_with(|held| {
        let now = held.get().wrapping_add(bytes);
        held.set(now);
        let _ = MOST.try_with(|most| most.set(most.get().max(now)));
    });
}

// SAFETY: every call goes to the system's allocator with the caller's own arguments, so its contract
// is the caller's and the answers are the system's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // Counted as asked for: a claim that the system refuses is a finding all the same.
        count(layout.size().cast_signed());
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size.cast_signed() - layout.size().cast_signed());
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, size) }
    }
}

/// Runs `work` on this thread. Answers also the most bytes that it held at once, those held before
/// not counted.
pub fn most_bytes_of<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let before = HELD.get();
    MOST.set(before);
    let done = work();
    (done, (MOST.get() - before).max(0).cast_unsigned() as u64)
}

/// Runs `work`. Answers also the most bytes that the process held at once, those held before not
/// counted; nothing else should run meanwhile.
pub fn most_bytes_of_all<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let before = ALL_HELD.load(Ordering::Relaxed);
    ALL_MOST.store(before, Ordering::Relaxed);
    let done = work();
    let most = ALL_MOST.load(Ordering::Relaxed) - before;
    (done, most.max(0).cast_unsigned() as u64)
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;

    #[test]
    fn what_is_held_at_once_is_counted() {
        let held: Vec<u8> = vec![1; 1000];
        let (len, most) = most_bytes_of(|| {
            drop(black_box(vec![1u8; 50_000]));
            let kept = black_box(vec![1u8; 70_000]);
            kept.len() + held.len()
        });
        assert_eq!(len, 71_000);
        assert!((70_000..71_000).contains(&most), "{most}");
    }
}
