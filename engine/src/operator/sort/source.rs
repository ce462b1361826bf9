//! Where lanes hand over their sorted rows, and where the result comes from.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millwork_codecs::budget::{Budget, Reservation};
use millwork_format::batch::{BATCH_ROWS, Batch};
use millwork_format::vector::{Vector, concat};

use super::SortSpec;
use crate::error::{Error, Result};
use crate::pipeline::{Context, Signal, Source, SourceAnswer};
use crate::row::{SortKeyEncoder, SortKeys};
use crate::value::Scalar;

/// The sorted rows of one lane.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) columns: Vec<Vector>,
    pub(super) keys: SortKeys,
    /// Rows, in order.
    pub(super) order: Vec<u32>,
    /// Position in `order` of the next row.
    pub(super) next: usize,
    pub(super) _reservation: Reservation,
}

/// What the lanes of a sort share.
#[derive(Debug)]
pub struct SortShared {
    spec: SortSpec,
    encoder: SortKeyEncoder,
    budget: Budget,
    runs: Mutex<Vec<Run>>,
    /// Counts the published thresholds.
    version: AtomicU64,
    threshold: Mutex<Option<Threshold>>,
}

/// What a row must beat to be among those wanted.
#[derive(Clone, Debug)]
struct Threshold {
    key: Arc<[u8]>,
    /// The value of the most significant sort key.
    value: Scalar,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SortShared {
    /// The shared part of a sort whose state is drawn from `budget`.
    ///
    /// # Errors
    /// `Unsupported` for an order by a nested column.
    pub fn new(spec: SortSpec, budget: &Budget) -> Result<Arc<Self>> {
        Ok(Arc::new(Self {
            encoder: SortKeyEncoder::new(&spec.keys, &spec.types)?,
            spec,
            budget: budget.consumer("sort"),
            runs: Mutex::new(Vec::new()),
            version: AtomicU64::new(0),
            threshold: Mutex::new(None),
        }))
    }

    /// What the sort does.
    #[must_use]
    pub fn spec(&self) -> &SortSpec {
        &self.spec
    }

    /// With a limit: the value of the first sort key of a row that is known to be too late. A row
    /// whose first key comes behind it can be left out; one with an equal key may be wanted only if
    /// there are further keys. `None` while fewer rows than wanted are known.
    #[must_use]
    pub fn threshold(&self) -> Option<Scalar> {
        if self.version.load(Ordering::Acquire) == 0 {
            return None;
        }
        lock(&self.threshold).as_ref().map(|threshold| threshold.value.clone())
    }

    pub(super) fn encoder(&self) -> &SortKeyEncoder {
        &self.encoder
    }

    pub(super) fn budget(&self) -> &Budget {
        &self.budget
    }

    pub(super) fn add(&self, run: Run) -> Result<()> {
        lock(&self.runs).push(run);
        Ok(())
    }

    /// Publishes `key` if it is less than what is published.
    pub(super) fn publish(&self, key: &[u8], value: Scalar) {
        let mut threshold = lock(&self.threshold);
        if threshold.as_ref().is_none_or(|known| key < &known.key[..]) {
            *threshold = Some(Threshold { key: key.into(), value });
            self.version.fetch_add(1, Ordering::Release);
        }
    }

    /// Brings `known` up to date.
    pub(super) fn refresh(&self, known: &mut Option<(u64, Arc<[u8]>)>) {
        let version = self.version.load(Ordering::Acquire);
        if version == 0 || known.as_ref().is_some_and(|(known, _)| *known == version) {
            return;
        }
        if let Some(threshold) = &*lock(&self.threshold) {
            *known = Some((version, Arc::clone(&threshold.key)));
        }
    }
}

/// Emits the rows of a sort, in order: by one lane.
#[derive(Debug)]
pub struct SortSource {
    shared: Arc<SortShared>,
    runs: Option<Vec<Run>>,
    skip: u64,
    left: u64,
}

impl SortSource {
    /// The only source of the sort.
    #[must_use]
    pub fn new(shared: Arc<SortShared>) -> Self {
        let (skip, left) = (shared.spec.offset, shared.spec.limit.unwrap_or(u64::MAX));
        Self { shared, runs: None, skip, left }
    }

    /// The next rows in order: run and row of each.
    fn next_rows(runs: &mut [Run], count: usize) -> Vec<(u32, u32)> {
        let mut rows = Vec::with_capacity(count.min(BATCH_ROWS));
        if let [run] = runs {
            let end = run.order.len().min(run.next.saturating_add(count));
            rows.extend(run.order[run.next..end].iter().map(|row| (0, *row)));
            run.next = end;
            return rows;
        }
        // There are as many runs as lanes: looking at each head is as good as a heap.
        let head = |run: &Run| run.order.get(run.next).copied();
        while rows.len() < count {
            let heads = runs.iter().enumerate();
            let least = heads
                .filter_map(|(index, run)| Some((run.keys.get(head(run)? as usize), index)))
                .min();
            let Some((_, index)) = least else { break };
            let run = &mut runs[index];
            rows.push((index as u32, run.order[run.next]));
            run.next += 1;
        }
        rows
    }

    /// The columns of `rows`.
    fn gather(runs: &[Run], rows: &[(u32, u32)], columns: usize) -> Result<Vec<Vector>> {
        let mut lists = vec![Vec::new(); runs.len()];
        for (run, row) in rows {
            lists[*run as usize].push(*row);
        }
        // Where the rows of each run start once they are put behind one another.
        let mut starts = Vec::with_capacity(runs.len());
        let mut start = 0;
        for list in &lists {
            starts.push(start);
            start += list.len() as u32;
        }
        let used = lists.iter().filter(|list| !list.is_empty()).count();
        let places: Vec<u32> = rows
            .iter()
            .map(|(run, _)| {
                let place = &mut starts[*run as usize];
                *place += 1;
                *place - 1
            })
            .collect();
        (0..columns)
            .map(|column| {
                let parts: millwork_format::error::Result<Vec<Vector>> = runs
                    .iter()
                    .zip(&lists)
                    .filter(|(_, list)| !list.is_empty())
                    .map(|(run, list)| run.columns[column].take(list))
                    .collect();
                let joined = concat(&parts?)?;
                Ok(if used > 1 { joined.take(&places)? } else { joined })
            })
            .collect()
    }
}

impl Source for SortSource {
    fn poll(&mut self, _context: &mut Context<'_>) -> Result<SourceAnswer> {
        let runs = self.runs.get_or_insert_with(|| std::mem::take(&mut *lock(&self.shared.runs)));
        while self.skip > 0 {
            let count = self.skip.min(BATCH_ROWS as u64) as usize;
            let skipped = Self::next_rows(runs, count).len();
            self.skip = if skipped < count { 0 } else { self.skip - count as u64 };
        }
        let count = self.left.min(BATCH_ROWS as u64) as usize;
        let rows = Self::next_rows(runs, count);
        if rows.is_empty() {
            runs.clear();
            return Ok(SourceAnswer::Signal(Signal::End));
        }
        self.left -= rows.len() as u64;
        let columns = Self::gather(runs, &rows, self.shared.spec.types.len())?;
        if columns.is_empty() && !self.shared.spec.keys.is_empty() {
            return Err(Error::internal("a sort of rows without columns has keys"));
        }
        Ok(SourceAnswer::Batch(Batch::new(columns, rows.len())?))
    }

    fn name(&self) -> &str {
        "sorted rows"
    }

    fn stop(&mut self) {
        self.left = 0;
    }
}
