//! What a scan did: the counters that EXPLAIN ANALYZE shows and tests read.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of one scan, shared by its readers.
#[derive(Debug, Default)]
pub struct ScanMetrics {
    pages_decompressed: AtomicU64,
    dictionaries_decoded: AtomicU64,
    need_rounds: AtomicU64,
    rows_decoded: Vec<AtomicU64>,
    pages_decompressed_by_column: Vec<AtomicU64>,
}

/// The counters at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanTotals {
    /// Data pages opened.
    pub pages_decompressed: u64,
    /// Dictionary pages decoded.
    pub dictionaries_decoded: u64,
    /// Times that a reader named bytes nobody had asked for before and could not go on without.
    pub need_rounds: u64,
    /// Rows decoded, by column of the scan.
    pub rows_decoded: Vec<u64>,
    /// Data pages opened, by column of the scan.
    pub pages_decompressed_by_column: Vec<u64>,
}

impl ScanMetrics {
    /// Counters of a scan of `columns` columns.
    #[must_use]
    pub fn new(columns: usize) -> Self {
        let zeros = || (0..columns).map(|_| AtomicU64::new(0)).collect();
        Self { rows_decoded: zeros(), pages_decompressed_by_column: zeros(), ..Self::default() }
    }

    pub(super) fn page_opened(&self, column: usize) {
        self.pages_decompressed.fetch_add(1, Ordering::Relaxed);
        if let Some(counter) = self.pages_decompressed_by_column.get(column) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn dictionary_decoded(&self) {
        self.dictionaries_decoded.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn rows_decoded(&self, column: usize, rows: usize) {
        if let Some(counter) = self.rows_decoded.get(column) {
            counter.fetch_add(rows as u64, Ordering::Relaxed);
        }
    }

    /// Counts a round: a request for bytes that nobody had asked for.
    pub fn round(&self) {
        self.need_rounds.fetch_add(1, Ordering::Relaxed);
    }

    /// The counters now.
    #[must_use]
    pub fn totals(&self) -> ScanTotals {
        let all = |counters: &[AtomicU64]| {
            counters.iter().map(|counter| counter.load(Ordering::Relaxed)).collect()
        };
        ScanTotals {
            pages_decompressed: self.pages_decompressed.load(Ordering::Relaxed),
            dictionaries_decoded: self.dictionaries_decoded.load(Ordering::Relaxed),
            need_rounds: self.need_rounds.load(Ordering::Relaxed),
            rows_decoded: all(&self.rows_decoded),
            pages_decompressed_by_column: all(&self.pages_decompressed_by_column),
        }
    }
}
