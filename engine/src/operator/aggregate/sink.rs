//! One lane's side of a grouping.

use std::sync::Arc;

use millwork_codecs::budget::Budget;
use millwork_format::batch::Batch;
use millwork_format::vector::Vector;

use super::assign::Assigner;
use super::groups::{Groups, column_of};
use super::reduce::{Grouped, Run};
use super::source::AggregateShared;
use crate::error::{Error, Result};
use crate::pipeline::{Context, PEAK_BYTES, Sink, SinkAnswer};

/// Groups the batches of one lane.
#[derive(Debug)]
pub struct AggregateSink {
    shared: Arc<AggregateShared>,
    /// Until the lane's groups are handed over.
    local: Option<(Assigner, Groups)>,
    keys_built: u64,
    /// Of this lane, so that its peak is known.
    budget: Budget,
}

impl AggregateSink {
    /// A sink of one lane.
    ///
    /// # Errors
    /// If the budget refuses.
    pub fn new(shared: Arc<AggregateShared>) -> Result<Self> {
        let plan = shared.plan();
        let budget = shared.budget().consumer("aggregate");
        let assigner = Assigner::new(&plan.group_types(), &budget)?;
        let groups = Groups::new(plan, &budget)?;
        Ok(Self { shared, local: Some((assigner, groups)), keys_built: 0, budget })
    }
}

impl Sink for AggregateSink {
    fn push(&mut self, batch: Batch, _context: &mut Context<'_>) -> Result<SinkAnswer> {
        let plan = self.shared.plan();
        let Some((assigner, groups)) = &mut self.local else {
            return Err(Error::internal("a batch for a grouping that is complete"));
        };
        if batch.kinds().is_some() {
            return Err(Error::unsupported("a grouping of rows that change"));
        }
        if batch.count() == 0 {
            return Ok(SinkAnswer::More);
        }
        // Arguments are spread over all rows of a batch: not worth it for few of them.
        let batch = if batch.count() * 4 < batch.rows() { batch.compacted()? } else { batch };
        let Some(table) = &mut groups.table else {
            if batch.selection().is_all() {
                groups.update(plan, batch.columns(), Grouped::All(batch.rows()))?;
            } else {
                let rows = batch.selection().rows();
                let runs = [Run { group: 0, start: 0, end: rows.len() as u32 }];
                groups.update(plan, batch.columns(), Grouped::Runs { rows: &rows, runs: &runs })?;
            }
            return Ok(SinkAnswer::More);
        };
        let keys: Result<Vec<&Vector>> = plan
            .spec
            .groups
            .iter()
            .map(|(column, _)| column_of(batch.columns(), *column))
            .collect();
        let rows = batch.selection().rows();
        let grouped = assigner.assign(table, &keys?, &rows)?;
        groups.update(plan, batch.columns(), grouped)?;
        Ok(SinkAnswer::More)
    }

    fn combine(&mut self, _context: &mut Context<'_>) -> Result<SinkAnswer> {
        if let Some((assigner, mut groups)) = self.local.take() {
            self.keys_built = assigner.keys_built();
            groups.seal()?;
            self.shared.add(groups)?;
        }
        Ok(SinkAnswer::Done)
    }

    fn name(&self) -> &str {
        "aggregate"
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        let built =
            self.local.as_ref().map_or(self.keys_built, |(assigner, _)| assigner.keys_built());
        vec![("keys_built", built), (PEAK_BYTES, self.budget.consumer_peak())]
    }
}
