//! What a query did: rows, batches, time and named counters of every part of every pipeline.
//!
//! In: counts that each lane keeps for itself. Out: a [`QueryReport`], sums over lanes in the order of
//! the pipelines and their parts. Times are there only where they were asked for.

use std::time::Duration;

/// Name of the counter that [`PartMetrics::peak_bytes`] takes instead of the list of counters.
pub const PEAK_BYTES: &str = "peak_bytes";

/// What one part (a source, an operator or a sink) did, in one lane or summed over lanes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartMetrics {
    /// What the part calls itself.
    pub name: String,
    /// Selected rows that it was given.
    pub rows_in: u64,
    /// Selected rows that it gave.
    pub rows_out: u64,
    /// Batches that it was given.
    pub batches_in: u64,
    /// Batches that it gave, those without rows too.
    pub batches_out: u64,
    /// Time spent inside its calls, in nanoseconds; 0 unless the run analyses.
    pub busy_ns: u64,
    /// Most bytes that it held, summed over lanes, if it says so.
    pub peak_bytes: Option<u64>,
    /// Its own counters, in its order.
    pub counters: Vec<(&'static str, u64)>,
}

impl PartMetrics {
    pub(super) fn named(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// Adds what a part counted for itself.
    pub(super) fn count(&mut self, counters: Vec<(&'static str, u64)>) {
        for (name, value) in counters {
            if name == PEAK_BYTES {
                self.peak_bytes = Some(self.peak_bytes.unwrap_or(0) + value);
            } else if let Some(known) = self.counters.iter_mut().find(|known| known.0 == name) {
                known.1 += value;
            } else {
                self.counters.push((name, value));
            }
        }
    }

    /// Adds the same part of another lane.
    pub(super) fn merge(&mut self, other: Self) {
        if self.name.is_empty() {
            self.name = other.name;
        }
        self.rows_in += other.rows_in;
        self.rows_out += other.rows_out;
        self.batches_in += other.batches_in;
        self.batches_out += other.batches_out;
        self.busy_ns += other.busy_ns;
        if let Some(bytes) = other.peak_bytes {
            self.peak_bytes = Some(self.peak_bytes.unwrap_or(0) + bytes);
        }
        self.count(other.counters);
    }

    /// The counter called `name`, 0 if there is none.
    #[must_use]
    pub fn counter(&self, name: &str) -> u64 {
        self.counters.iter().find(|known| known.0 == name).map_or(0, |known| known.1)
    }
}

/// What one pipeline did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PipelineReport {
    /// What the planner called it.
    pub name: String,
    /// Its source, operators and sink, each summed over lanes.
    pub parts: Vec<PartMetrics>,
    /// Rows that the source of each lane gave.
    pub lane_rows: Vec<u64>,
}

/// What a query did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryReport {
    /// One for each pipeline, in the order they were added.
    pub pipelines: Vec<PipelineReport>,
    /// Rows from sources that each worker handled.
    pub worker_rows: Vec<u64>,
    /// From the start of the run to its end.
    pub elapsed: Duration,
    /// Most bytes that the query's budget ever had reserved.
    pub peak_bytes: u64,
}

impl QueryReport {
    /// The first part called `name`, of any pipeline.
    #[must_use]
    pub fn part(&self, name: &str) -> Option<&PartMetrics> {
        self.pipelines.iter().flat_map(|pipeline| &pipeline.parts).find(|part| part.name == name)
    }
}
