//! What the lanes of a sort share: their sorted runs, and the threshold of a limit.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millwork_codecs::budget::{Budget, Reservation};
use millwork_format::types::DataType;

use super::SortSpec;
use super::rows::{LaneRows, Place};
use crate::error::Result;
use crate::row::{RowLayout, SortKeyEncoder};
use crate::value::Scalar;

/// The sorted rows of one lane.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) lane: usize,
    pub(super) rows: LaneRows,
    /// Ids of the rows wanted, in order.
    pub(super) order: Vec<u32>,
    /// Of `order`.
    pub(super) reservation: Reservation,
}

/// What a row must beat to be among those wanted.
#[derive(Clone, Debug)]
pub(super) struct Threshold {
    pub(super) key: Box<[u8]>,
    /// What a row with the same key must be before.
    pub(super) place: Place,
    /// The value of the most significant sort key; `None` if it is nested.
    pub(super) value: Option<Scalar>,
}

/// What the lanes of a sort share.
#[derive(Debug)]
pub struct SortShared {
    spec: SortSpec,
    encoder: SortKeyEncoder,
    /// Of a key and the input's columns.
    layout: Arc<RowLayout>,
    budget: Budget,
    runs: Mutex<Vec<Run>>,
    /// Counts the published thresholds.
    version: AtomicU64,
    threshold: Mutex<Option<Arc<Threshold>>>,
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
        let encoder = SortKeyEncoder::new(&spec.keys, &spec.types)?;
        let key = match encoder.width_bytes().and_then(|width| u32::try_from(width).ok()) {
            Some(width) => DataType::Fixed(width),
            None => DataType::Binary,
        };
        let types: Vec<DataType> = std::iter::once(key).chain(spec.types.iter().cloned()).collect();
        Ok(Arc::new(Self {
            encoder,
            layout: Arc::new(RowLayout::new(&types)),
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
    /// whose first key comes behind it can be left out; one with an equal key may be wanted still: it
    /// may be less in a further key, or come from an earlier place. `None` while fewer rows than
    /// wanted are known, and where that key is nested.
    #[must_use]
    pub fn threshold(&self) -> Option<Scalar> {
        if self.version.load(Ordering::Acquire) == 0 {
            return None;
        }
        lock(&self.threshold).as_ref().and_then(|threshold| threshold.value.clone())
    }

    /// How many thresholds were published.
    pub(super) fn thresholds(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    pub(super) fn encoder(&self) -> &SortKeyEncoder {
        &self.encoder
    }

    pub(super) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// No rows of a lane, whose memory is drawn from `budget`.
    pub(super) fn lane_rows(&self, budget: &Budget) -> Result<LaneRows> {
        LaneRows::new(&self.layout, self.encoder.width_bytes(), budget)
    }

    pub(super) fn add(&self, run: Run) {
        lock(&self.runs).push(run);
    }

    /// The runs of all lanes, in the order of lanes.
    pub(super) fn take_runs(&self) -> Vec<Run> {
        let mut runs = std::mem::take(&mut *lock(&self.runs));
        runs.sort_by_key(|run| run.lane);
        runs
    }

    /// Publishes `threshold` if it is before what is published.
    pub(super) fn publish(&self, threshold: Threshold) {
        let mut known = lock(&self.threshold);
        let is_better = known
            .as_ref()
            .is_none_or(|known| (&threshold.key, threshold.place) < (&known.key, known.place));
        if is_better {
            *known = Some(Arc::new(threshold));
            self.version.fetch_add(1, Ordering::Release);
        }
    }

    /// Brings `known` up to date.
    pub(super) fn refresh(&self, known: &mut Option<(u64, Arc<Threshold>)>) {
        let version = self.version.load(Ordering::Acquire);
        if version == 0 || known.as_ref().is_some_and(|(known, _)| *known == version) {
            return;
        }
        if let Some(threshold) = &*lock(&self.threshold) {
            *known = Some((version, Arc::clone(threshold)));
        }
    }
}
