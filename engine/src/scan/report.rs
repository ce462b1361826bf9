//! What a scan foresees and counts.

use std::sync::atomic::{AtomicU64, Ordering};

use millwork_format::prune::Evidence;
use millwork_format::read::ScanTotals;

/// What is known of a scan before it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Foreseen {
    /// Row groups of all files.
    pub row_groups: u64,
    /// Those of them that statistics in footers prove to have no row for the query.
    pub pruned_by_statistics: u64,
    /// The predicates, by position, that indexes of the first file are asked about.
    pub asked: Vec<usize>,
}

/// What a scan did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanReport {
    /// What the readers did.
    pub totals: ScanTotals,
    /// Bytes that drivers delivered.
    pub bytes_read: u64,
    /// Row groups there were.
    pub row_groups: u64,
    /// Row groups left out by statistics, bloom filters or dictionaries.
    pub row_groups_pruned: u64,
    /// Those left out by statistics.
    pub row_groups_pruned_by_statistics: u64,
    /// Those left out by bloom filters.
    pub row_groups_pruned_by_bloom_filter: u64,
    /// Those left out by dictionaries.
    pub row_groups_pruned_by_dictionary: u64,
    /// Row groups of which the page index left no page.
    pub row_groups_pruned_by_page_index: u64,
    /// Bloom filters that were asked.
    pub bloom_filters_asked: u64,
    /// Dictionaries that were asked.
    pub dictionaries_asked: u64,
    /// Pages whose bounds were looked at, a test each.
    pub pages: u64,
    /// Those of them that no row can pass the test in.
    pub pages_pruned: u64,
    /// Rows left out by page indexes.
    pub rows_pruned_by_pages: u64,
    /// Rows that were read in part and left out by what operators above knew.
    pub rows_filtered: u64,
    /// Morsels that were scanned.
    pub morsels: u64,
    /// How often one of them asked for bytes, at most.
    pub most_rounds: u64,
    /// Dictionary entries on which predicates were evaluated.
    pub dictionary_entries_evaluated: u64,
}

/// What the lanes count.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) row_groups: AtomicU64,
    pub(super) pruned_by_statistics: AtomicU64,
    pub(super) pruned_by_bloom_filter: AtomicU64,
    pub(super) pruned_by_dictionary: AtomicU64,
    pub(super) pruned_by_page_index: AtomicU64,
    pub(super) bloom_filters_asked: AtomicU64,
    pub(super) dictionaries_asked: AtomicU64,
    pub(super) pages: AtomicU64,
    pub(super) pages_pruned: AtomicU64,
    pub(super) rows_pruned_by_pages: AtomicU64,
    pub(super) rows_filtered: AtomicU64,
    pub(super) morsels: AtomicU64,
    pub(super) most_rounds: AtomicU64,
    pub(super) dictionary_entries_evaluated: AtomicU64,
}

impl Counters {
    /// Counts a row group that was left out.
    pub(super) fn excluded(&self, evidence: Evidence) {
        let counter = match evidence {
            Evidence::Statistics => &self.pruned_by_statistics,
            Evidence::BloomFilter => &self.pruned_by_bloom_filter,
            Evidence::Dictionary => &self.pruned_by_dictionary,
            Evidence::PageIndex => &self.pruned_by_page_index,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted, with what the readers did and how many bytes drivers delivered.
    pub(super) fn report(&self, totals: ScanTotals, bytes_read: u64) -> ScanReport {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let by_statistics = load(&self.pruned_by_statistics);
        let by_bloom_filter = load(&self.pruned_by_bloom_filter);
        let by_dictionary = load(&self.pruned_by_dictionary);
        ScanReport {
            totals,
            bytes_read,
            row_groups: load(&self.row_groups),
            row_groups_pruned: by_statistics + by_bloom_filter + by_dictionary,
            row_groups_pruned_by_statistics: by_statistics,
            row_groups_pruned_by_bloom_filter: by_bloom_filter,
            row_groups_pruned_by_dictionary: by_dictionary,
            row_groups_pruned_by_page_index: load(&self.pruned_by_page_index),
            bloom_filters_asked: load(&self.bloom_filters_asked),
            dictionaries_asked: load(&self.dictionaries_asked),
            pages: load(&self.pages),
            pages_pruned: load(&self.pages_pruned),
            rows_pruned_by_pages: load(&self.rows_pruned_by_pages),
            rows_filtered: load(&self.rows_filtered),
            morsels: load(&self.morsels),
            most_rounds: load(&self.most_rounds),
            dictionary_entries_evaluated: load(&self.dictionary_entries_evaluated),
        }
    }
}
