//! Where lanes hand over their groups, and where the result comes from.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use millwork_codecs::budget::Budget;
use millwork_format::batch::{BATCH_ROWS, Batch};

use super::AggregateSpec;
use super::groups::Groups;
use super::plan::Plan;
use crate::error::{Error, Result};
use crate::pipeline::{Context, Signal, Source, SourceAnswer};

/// Up to this many groups in all lanes are merged by one lane.
const ONE_PARTITION_GROUPS: usize = 8192;
const PARTITION_BITS: u32 = 5;
/// Result rows of an unpartitioned grouping that one lane takes at a time.
const SHARE_ROWS: usize = BATCH_ROWS * 8;

/// What the lanes of a grouping share.
#[derive(Debug)]
pub struct AggregateShared {
    plan: Plan,
    budget: Budget,
    phase: Mutex<Phase>,
    /// Partitions (or shares of the result) that a source has taken.
    taken: AtomicUsize,
}

#[derive(Debug)]
enum Phase {
    /// Sinks still hand over.
    Collecting(Vec<Groups>),
    Ready(Arc<Ready>),
    /// They could not be put together: the error is that of the lane that tried.
    Failed,
}

/// What sources read.
#[derive(Debug)]
enum Ready {
    /// All groups are final.
    Final(Box<Groups>),
    /// Groups of several lanes, to be merged by partitions of the hash.
    Partitioned(Vec<Groups>),
}

impl AggregateShared {
    /// The shared part of a grouping whose state is drawn from `budget`.
    ///
    /// # Errors
    /// `Type` if an aggregate is not defined for its argument.
    pub fn new(spec: AggregateSpec, budget: &Budget) -> Result<Arc<Self>> {
        Ok(Arc::new(Self {
            plan: Plan::new(spec)?,
            budget: budget.consumer("aggregate"),
            phase: Mutex::new(Phase::Collecting(Vec::new())),
            taken: AtomicUsize::new(0),
        }))
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(super) fn budget(&self) -> &Budget {
        &self.budget
    }

    pub(super) fn add(&self, groups: Groups) -> Result<()> {
        match &mut *self.phase.lock().unwrap_or_else(PoisonError::into_inner) {
            Phase::Collecting(lanes) => lanes.push(groups),
            Phase::Ready(_) | Phase::Failed => {
                return Err(Error::internal("a lane hands groups over after they were read"));
            }
        }
        Ok(())
    }

    /// The groups to read; the first call ends collecting.
    fn ready(&self) -> Result<Arc<Ready>> {
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        let lanes = match std::mem::replace(&mut *phase, Phase::Failed) {
            Phase::Ready(ready) => {
                *phase = Phase::Ready(Arc::clone(&ready));
                return Ok(ready);
            }
            Phase::Collecting(lanes) => lanes,
            Phase::Failed => return Err(Error::internal("a grouping that failed is read")),
        };
        // Where this fails no other lane answers with a group of nothing.
        let ready = Arc::new(self.prepare(lanes)?);
        *phase = Phase::Ready(Arc::clone(&ready));
        Ok(ready)
    }

    fn prepare(&self, mut lanes: Vec<Groups>) -> Result<Ready> {
        let total: usize = lanes.iter().map(Groups::len).sum();
        lanes.retain(|groups| groups.len() > 0);
        // The largest first: the others are merged into it.
        lanes.sort_by_key(|groups| std::cmp::Reverse(groups.len()));
        if lanes.len() > 1 && total > ONE_PARTITION_GROUPS {
            return Ok(Ready::Partitioned(lanes));
        }
        let mut lanes = lanes.into_iter();
        let mut merged = match lanes.next() {
            Some(first) => first,
            None => Groups::new(&self.plan, &self.budget)?,
        };
        for lane in lanes {
            merged.merge(&lane, &self.plan.group_types(), |_| true)?;
        }
        merged.complete(&self.plan)?;
        Ok(Ready::Final(Box::new(merged)))
    }
}

/// Emits the result of a grouping: the group columns, then the aggregates.
#[derive(Debug)]
pub struct AggregateSource {
    shared: Arc<AggregateShared>,
    ready: Option<Arc<Ready>>,
    /// The partition being emitted, if groups are partitioned.
    merged: Option<Groups>,
    next: usize,
    end: usize,
    stopped: bool,
}

impl AggregateSource {
    /// The source of a lane. Lanes take partitions as they come to them.
    #[must_use]
    pub fn new(shared: Arc<AggregateShared>) -> Self {
        Self { shared, ready: None, merged: None, next: 0, end: 0, stopped: false }
    }

    /// Takes the next share of the result; false if there is none.
    fn take_share(&mut self, ready: &Ready) -> Result<bool> {
        let share = self.shared.taken.fetch_add(1, Ordering::Relaxed);
        match ready {
            Ready::Final(groups) => {
                self.next = share.saturating_mul(SHARE_ROWS).min(groups.len());
                self.end = (self.next + SHARE_ROWS).min(groups.len());
                Ok(self.next < self.end)
            }
            Ready::Partitioned(lanes) => {
                if share >= 1 << PARTITION_BITS {
                    return Ok(false);
                }
                // Bits that neither the slot nor the tag of a hash table depend on much.
                let wanted =
                    |hash: u64| (hash >> 40) as usize & ((1 << PARTITION_BITS) - 1) == share;
                let plan = &self.shared.plan;
                let mut merged = Groups::new(plan, &self.shared.budget)?;
                for lane in lanes {
                    merged.merge(lane, &plan.group_types(), wanted)?;
                }
                merged.complete(plan)?;
                (self.next, self.end) = (0, merged.len());
                self.merged = Some(merged);
                Ok(true)
            }
        }
    }
}

impl Source for AggregateSource {
    fn poll(&mut self, _context: &mut Context<'_>) -> Result<SourceAnswer> {
        let ready = match &self.ready {
            Some(ready) => Arc::clone(ready),
            None => Arc::clone(self.ready.insert(self.shared.ready()?)),
        };
        while !self.stopped && self.next == self.end {
            self.stopped = !self.take_share(&ready)?;
        }
        let groups = match (&*ready, &self.merged) {
            _ if self.stopped => return Ok(SourceAnswer::Signal(Signal::End)),
            (_, Some(merged)) => merged,
            (Ready::Final(groups), None) => groups,
            _ => return Err(Error::internal("a partition that was not merged")),
        };
        let end = self.end.min(self.next + BATCH_ROWS);
        let columns = groups.results(&self.shared.plan, self.next..end)?;
        let batch = Batch::new(columns, end - self.next)?;
        self.next = end;
        Ok(SourceAnswer::Batch(batch))
    }

    fn name(&self) -> &str {
        "groups"
    }

    fn stop(&mut self) {
        self.stopped = true;
    }
}
