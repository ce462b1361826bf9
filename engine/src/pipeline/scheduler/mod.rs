//! Who runs the lanes: worker threads, or one thread in an order that a seed decides.
//!
//! In: a [`Query`] and [`RunOptions`]. Out: a [`QueryReport`], or the first error by pipeline and lane.
//!
//! Invariants: a lane is run by one worker at a time; a wake is never lost and never queues a lane
//! twice; when `run` returns, in whatever way, every lane has been dropped and with it every
//! reservation, and wakers that are left do nothing.

mod cancel;
mod run;
mod seeded;
mod task;
mod threads;

pub use cancel::CancelToken;
pub use seeded::{Order, SeededScheduler};
pub use threads::ThreadScheduler;

use millwork_codecs::budget::Budget;

use super::metrics::QueryReport;
use super::query::Query;
use crate::error::Result;

/// Batches of work after which a lane lets the other lanes go first.
pub const SLICE_BATCHES: usize = 32;

/// What a run is given besides the query.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The query's memory.
    pub budget: Budget,
    /// Stops the query from outside.
    pub cancel: CancelToken,
    /// Whether the time of every call is measured.
    pub analyze: bool,
}

impl Default for RunOptions {
    /// No limit of memory, a token of its own, no times.
    fn default() -> Self {
        Self { budget: Budget::unlimited(), cancel: CancelToken::new(), analyze: false }
    }
}

/// Runs queries.
pub trait Scheduler: Send + Sync {
    /// Runs `query` to its end.
    ///
    /// # Errors
    /// The first error, by pipeline and lane, among those that happened before all lanes stopped; a
    /// panic as `Internal`; `Cancelled` if the token was raised.
    fn run(&self, query: Query, options: RunOptions) -> Result<QueryReport>;

    /// Lanes that can run at the same time.
    fn threads(&self) -> usize;
}

#[cfg(test)]
mod tests;
