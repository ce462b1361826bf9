//! Ranges of bytes: asking for them, and getting them.
//!
//! Decoders do no IO. A reader that lacks bytes answers [`Need`]; a [`Fetcher`] turns what is new of
//! it into requests to a [`Driver`] and puts the answers into the [`RangeStore`] that the readers of
//! one file share; a waker tells the reader to look again. Answers may come in any order, late, or
//! from another reader's request; no byte is asked for twice while it is wanted.
//!
//! | driver | for |
//! |---|---|
//! | [`FileDriver`] | local files: `pread` on IO threads |
//! | [`MemoryDriver`] | bytes in memory |
//! | [`RecordingDriver`] | tests: counts rounds and answers singly, shuffled, late |

mod driver;
mod fetch;
mod file;
mod memory;
mod open;
mod recording;
mod store;

pub use driver::{Driver, DriverProfile, Reply};
pub use fetch::Fetcher;
pub use file::{FileDriver, IoThreads};
pub use memory::MemoryDriver;
pub use recording::RecordingDriver;
pub use store::{RangeStore, Reader};

use std::ops::Range;

/// Bytes that a reader lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// Without these it cannot go on. Sorted, not overlapping.
    pub required: Vec<Range<u64>>,
    /// A later round will probably want these: a driver with a long way to go may bring them along.
    pub useful: Vec<Range<u64>>,
}

/// Joins `ranges` that overlap or touch, sorted.
#[must_use]
pub fn coalesce(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.retain(|range| range.start < range.end);
    ranges.sort_by_key(|range| range.start);
    let mut joined: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => {
                last.end = last.end.max(range.end);
            }
            _ => joined.push(range),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn touching_ranges_join() {
        let ranges = vec![50..60, 0..10, 12..20, 5..9, 10..11, 60..60];
        assert_eq!(coalesce(ranges), [0..11, 12..20, 50..60]);
    }
}
