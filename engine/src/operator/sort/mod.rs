//! ORDER BY, with or without LIMIT.
//!
//! [`SortSink`] (one a lane) keeps its rows as detached columns beside their normalised keys and
//! sorts them when it combines; with a limit it keeps only the best ones and publishes the key that
//! a row must beat. [`SortSource`] merges the lanes.

mod sink;
mod source;

pub use sink::SortSink;
pub use source::{SortShared, SortSource};

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
