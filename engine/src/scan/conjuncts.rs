//! What a scan has learnt of its conjuncts: how many rows each leaves out and what that costs; and the order
//! that follows. Lanes add to the sums and read them without a lock: an order is a guess in any case.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::spec::{ScanFilter, ScanSpec};
use crate::expr::Expr;
use crate::runtime_filter::RuntimeFilter;

/// Rows after which what was learnt of a filter counts half: it may know more by now.
const FILTER_MEMORY_ROWS: u64 = 1 << 18;
/// A filter that removes fewer rows than one in so many is not worth its while,
const LEAST_REMOVED: u64 = 8;
/// but for one in so many morsels, which find out whether that is still so.
const RETRY: u64 = 16;

/// The predicates of a scan, then its filters.
#[derive(Debug)]
pub(super) struct Conjuncts {
    learnt: Vec<Learnt>,
    /// How often an order of them was asked for.
    orders: AtomicU64,
}

/// Selectivity and cost of one conjunct so far.
#[derive(Debug, Default)]
struct Learnt {
    /// What an operator above knows, if it is that.
    filter: Option<Arc<dyn RuntimeFilter>>,
    /// Columns of the scan that it reads.
    columns: Vec<usize>,
    can_fail: bool,
    rows_in: AtomicU64,
    rows_out: AtomicU64,
    nanoseconds: AtomicU64,
}

impl Learnt {
    fn of_predicate(predicate: &Expr) -> Self {
        let mut columns = Vec::new();
        predicate.for_each_column(&mut |column| columns.push(column));
        columns.sort_unstable();
        columns.dedup();
        Self { columns, can_fail: predicate.can_fail(), ..Self::default() }
    }

    fn of_filter(filter: &ScanFilter) -> Self {
        Self {
            filter: Some(Arc::clone(&filter.filter)),
            columns: vec![filter.column],
            ..Self::default()
        }
    }

    /// Whether enough rows were left out by it, if any were tried.
    fn is_worth_it(&self) -> bool {
        let rows_in = self.rows_in.load(Ordering::Relaxed);
        let removed = rows_in.saturating_sub(self.rows_out.load(Ordering::Relaxed));
        removed.saturating_mul(LEAST_REMOVED) >= rows_in
    }
}

impl Conjuncts {
    pub(super) fn of(spec: &ScanSpec) -> Self {
        let mut learnt: Vec<Learnt> = spec.predicates.iter().map(Learnt::of_predicate).collect();
        learnt.extend(spec.filters.iter().map(Learnt::of_filter));
        Self { learnt, orders: AtomicU64::new(0) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.learnt.is_empty()
    }

    /// Columns of the scan that conjunct `conjunct` reads.
    pub(super) fn columns_of(&self, conjunct: usize) -> &[usize] {
        &self.learnt[conjunct].columns
    }

    /// Columns of the scan that any of them reads, some repeatedly.
    pub(super) fn columns(&self) -> impl Iterator<Item = usize> {
        self.learnt.iter().flat_map(|learnt| learnt.columns.iter().copied())
    }

    /// The conjuncts in the order in which they are best evaluated: most rows removed for the time
    /// first; those never tried in the order of the query, before the others. Those that can fail come
    /// last and in the order of the query, so that the others guard them. Filters are left out while they
    /// know nothing, and where they leave out next to nothing.
    pub(super) fn order(&self) -> Vec<usize> {
        let retry = self.orders.fetch_add(1, Ordering::Relaxed).is_multiple_of(RETRY);
        let mut order: Vec<(f64, usize)> =
            self.learnt
                .iter()
                .enumerate()
                .filter(|(_, learnt)| {
                    learnt.filter.as_ref().is_none_or(|filter| {
                        filter.version() > 0 && (retry || learnt.is_worth_it())
                    })
                })
                .map(|(index, learnt)| {
                    let rows_in = learnt.rows_in.load(Ordering::Relaxed) as f64;
                    if rows_in == 0.0 {
                        return (f64::INFINITY, index);
                    }
                    let removed = 1.0 - learnt.rows_out.load(Ordering::Relaxed) as f64 / rows_in;
                    let cost = learnt.nanoseconds.load(Ordering::Relaxed) as f64 / rows_in;
                    (removed / cost.max(0.01), index)
                })
                .collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let order = order.into_iter().map(|(_, index)| index);
        let (mut last, mut order): (Vec<usize>, Vec<usize>) =
            order.partition(|index| self.learnt[*index].can_fail);
        last.sort_unstable();
        order.extend(last);
        order
    }

    /// Notes what `conjunct` left of `rows_in` rows, and how long that took. Answers how many rows a filter
    /// left out.
    pub(super) fn learn(
        &self,
        conjunct: usize,
        rows_in: usize,
        rows_out: usize,
        nanoseconds: u64,
    ) -> u64 {
        let learnt = &self.learnt[conjunct];
        learnt.rows_in.fetch_add(rows_in as u64, Ordering::Relaxed);
        learnt.rows_out.fetch_add(rows_out as u64, Ordering::Relaxed);
        learnt.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
        if learnt.filter.is_none() {
            return 0;
        }
        if learnt.rows_in.load(Ordering::Relaxed) > FILTER_MEMORY_ROWS {
            for sum in [&learnt.rows_in, &learnt.rows_out, &learnt.nanoseconds] {
                // Lanes that do so at the same time lose some of what they learnt.
                sum.store(sum.load(Ordering::Relaxed) / 2, Ordering::Relaxed);
            }
        }
        rows_in.saturating_sub(rows_out) as u64
    }
}
