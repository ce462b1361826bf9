//! One lane's rows of a sort.

use std::sync::Arc;

use millwork_codecs::budget::{Budget, Reservation};
use millwork_format::batch::Batch;
use millwork_format::vector::{Vector, concat};

use super::source::{Run, SortShared};
use crate::error::{Error, Result};
use crate::pipeline::{Context, PEAK_BYTES, Sink, SinkAnswer};
use crate::row::SortKeys;
use crate::value::Scalar;

/// Rows beyond those wanted that are collected before the worst are dropped.
const SLACK_ROWS: usize = 4096;

/// Sorts the batches of one lane.
#[derive(Debug)]
pub struct SortSink {
    shared: Arc<SortShared>,
    /// For each column its vectors, one a batch.
    columns: Vec<Vec<Vector>>,
    keys: SortKeys,
    reservation: Reservation,
    /// The key that a row must be below, and which of the published ones it is.
    threshold: Option<(u64, Arc<[u8]>)>,
    combined: bool,
    /// Of this lane, so that its peak is known.
    budget: Budget,
}

impl SortSink {
    /// A sink of one lane.
    ///
    /// # Errors
    /// If the budget refuses.
    pub fn new(shared: Arc<SortShared>) -> Result<Self> {
        let budget = shared.budget().consumer("sort");
        Ok(Self {
            columns: vec![Vec::new(); shared.spec().types.len()],
            keys: SortKeys::default(),
            reservation: budget.reserve(0)?,
            threshold: None,
            combined: false,
            budget,
            shared,
        })
    }

    /// Adds the rows of `batch` that may be among those wanted.
    fn add(&mut self, batch: &Batch) -> Result<()> {
        let mut rows = batch.selection().rows().to_vec();
        let mut keys = SortKeys::default();
        self.shared.encoder().encode(batch.columns(), &rows, &mut keys)?;
        if let Some((_, threshold)) = &self.threshold {
            let better: Vec<u32> = (0..rows.len() as u32)
                .filter(|index| keys.get(*index as usize) < &threshold[..])
                .collect();
            if better.is_empty() {
                return Ok(());
            }
            rows = better.iter().map(|index| rows[*index as usize]).collect();
            keys = keys.take(&better);
        }
        let mut held = self.reservation.bytes();
        for (column, parts) in batch.columns().iter().zip(&mut self.columns) {
            let part = column.take(&rows)?.detached()?;
            held += part.allocated_bytes() as u64;
            parts.push(part);
        }
        held += keys.allocated_bytes() as u64;
        self.reservation.resize(held)?;
        self.keys.append(keys);
        Ok(())
    }

    /// All rows as one vector a column.
    fn joined(&mut self) -> Result<Vec<Vector>> {
        let mut joined = Vec::with_capacity(self.columns.len());
        for parts in &mut self.columns {
            joined.push(concat(parts)?);
            parts.clear();
        }
        Ok(joined)
    }

    /// Keeps the best `wanted` rows and publishes the worst of them.
    fn shrink(&mut self, wanted: usize) -> Result<()> {
        let mut order = self.keys.order();
        order.truncate(wanted);
        let joined = self.joined()?;
        self.keys = self.keys.take(&order);
        let mut held = self.keys.allocated_bytes() as u64;
        for (column, parts) in joined.iter().zip(&mut self.columns) {
            let part = column.take(&order)?.detached()?;
            held += part.allocated_bytes() as u64;
            parts.push(part);
        }
        self.reservation.resize(held)?;
        if order.len() == wanted && wanted > 0 {
            let spec = self.shared.spec();
            let value = match spec.keys.first() {
                Some(key) => {
                    let column = &self.columns[key.column][0];
                    Scalar::of_row(column, wanted - 1, &spec.types[key.column])?
                }
                None => Scalar::Null,
            };
            self.shared.publish(self.keys.get(wanted - 1), value);
        }
        Ok(())
    }
}

impl Sink for SortSink {
    fn push(&mut self, batch: Batch, _context: &mut Context<'_>) -> Result<SinkAnswer> {
        if batch.kinds().is_some() {
            return Err(Error::unsupported("a sort of rows that change"));
        }
        if self.combined || batch.columns().len() != self.columns.len() {
            return Err(Error::internal("a sort was given a batch it does not expect"));
        }
        let wanted = self.shared.spec().kept_rows();
        if wanted == Some(0) {
            return Ok(SinkAnswer::Done);
        }
        if wanted.is_some() {
            self.shared.refresh(&mut self.threshold);
        }
        if batch.count() > 0 {
            self.add(&batch)?;
        }
        if let Some(wanted) = wanted
            && (self.keys.len() >= wanted.saturating_mul(2).saturating_add(SLACK_ROWS)
                || (self.threshold.is_none() && self.keys.len() >= wanted.max(SLACK_ROWS)))
        {
            self.shrink(wanted)?;
        }
        Ok(SinkAnswer::More)
    }

    fn combine(&mut self, _context: &mut Context<'_>) -> Result<SinkAnswer> {
        if !self.combined {
            self.combined = true;
            let columns = self.joined()?;
            let keys = std::mem::take(&mut self.keys);
            let mut order = keys.order();
            order.truncate(self.shared.spec().kept_rows().unwrap_or(usize::MAX));
            let none = self.budget.reserve(0)?;
            let reservation = std::mem::replace(&mut self.reservation, none);
            if !order.is_empty() {
                self.shared.add(Run {
                    columns,
                    keys,
                    order,
                    next: 0,
                    _reservation: reservation,
                })?;
            }
        }
        Ok(SinkAnswer::Done)
    }

    fn name(&self) -> &str {
        "sort"
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        vec![(PEAK_BYTES, self.budget.consumer_peak())]
    }
}
