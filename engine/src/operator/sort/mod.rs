//! ORDER BY, with or without LIMIT.
//!
//! [`SortSink`] (one a lane) keeps its rows in a row store, each with its normalised key in front,
//! and sorts them when it combines; with a limit it keeps only the best ones and publishes the key
//! that a row must beat. [`SortSource`] merges the lanes.
//!
//! | file | answers |
//! |---|---|
//! | `rows` | the rows of a lane, and where they came from |
//! | `prefix` | the bytes of keys that tell rows apart, as numbers |
//! | `order` | the order of a lane's rows, found in steps |
//! | `shared` | what the lanes share: their runs, and the threshold |
//! | `sink` | a lane's side |
//! | `filter` | what a limit knows of rows that still come, for the scan they come from |
//! | `merge`, `source` | the rows of all lanes in order, batch by batch |
//!
//! Invariants: rows with equal keys come in the order of their origins, those without one by lane,
//! and within either as they arrived, so that the answer does not depend on threads; no call does
//! more than a few batches of work.

mod rows;
mod prefix;
mod order;
mod shared;
mod sink;
mod filter;
mod merge;
mod source;

pub use shared::SortShared;
pub use sink::SortSink;
pub use source::SortSource;

use millwork_format::types::DataType;

use crate::expr::SortKey;

/// What a sort does. Its result has the columns of its input.
#[derive(Clone, Debug)]
pub struct SortSpec {
    /// The most significant first.
    pub keys: Vec<SortKey>,
    /// Types of the input's columns.
    pub types: Vec<DataType>,
    /// Rows given at most, after `offset`; `None`: all.
    pub limit: Option<u64>,
    /// Rows left out first.
    pub offset: u64,
}

impl SortSpec {
    /// Rows that have to be kept, if not all.
    pub(super) fn kept_rows(&self) -> Option<usize> {
        let kept = self.limit?.saturating_add(self.offset);
        Some(usize::try_from(kept).unwrap_or(usize::MAX))
    }
}

#[cfg(test)]
mod tests;
