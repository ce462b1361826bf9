//! One lane's side of a sort.
//!
//! In: batches. Out: a run of sorted rows, when the lane combines. With a limit the lane drops what
//! cannot be wanted: by the threshold before it is kept, and once the rows that cannot be wanted are
//! as many as those that can by copying the latter. Sorting and copying go on in steps, during which
//! the sink answers `Blocked` and wakes its own task.

use std::sync::Arc;

use millwork_codecs::budget::{Budget, Reservation};
use millwork_format::batch::{BATCH_ROWS, Batch};

use super::order::Sorting;
use super::rows::{LaneRows, Place};
use super::shared::{Run, SortShared, Threshold};
use crate::error::{Error, Result};
use crate::pipeline::{Context, PEAK_BYTES, Sink, SinkAnswer};
use crate::row::SortKeys;
use crate::value::Scalar;

/// Sorts the batches of one lane.
#[derive(Debug)]
pub struct SortSink {
    shared: Arc<SortShared>,
    rows: LaneRows,
    work: Work,
    /// Of the batch at hand.
    keys: SortKeys,
    /// What a row must be before, and which of the published ones it is.
    threshold: Option<(u64, Arc<Threshold>)>,
    /// Of this lane, so that its peak is known.
    budget: Budget,
}

/// What the lane is doing between batches.
#[derive(Debug)]
enum Work {
    None,
    /// Finding the rows that may be wanted.
    Ranking(Sorting),
    Copying(Copying),
    /// After the last batch.
    Sorting(Sorting),
    Combined,
}

/// Rows that may be wanted on their way into another store.
#[derive(Debug)]
struct Copying {
    /// A bit for each row that is copied.
    wanted: Vec<u64>,
    /// Words of `wanted` that are done.
    done: usize,
    kept: LaneRows,
    /// Of `wanted`.
    _reservation: Reservation,
}

impl SortSink {
    /// A sink of one lane.
    ///
    /// # Errors
    /// If the budget refuses.
    pub fn new(shared: Arc<SortShared>) -> Result<Self> {
        let budget = shared.budget().consumer("sort");
        Ok(Self {
            rows: shared.lane_rows(&budget)?,
            work: Work::None,
            keys: SortKeys::new(&budget)?,
            threshold: None,
            budget,
            shared,
        })
    }

    /// Adds the rows of `batch` that may be among those wanted.
    fn add(&mut self, batch: &Batch, lane: usize) -> Result<()> {
        let rows = batch.selection().rows();
        let place = Place { origin: batch.origin(), lane };
        self.keys.clear();
        self.shared.encoder().encode(batch.columns(), &rows, &mut self.keys)?;
        let all = 0..rows.len() as u32;
        let Some((_, threshold)) = &self.threshold else {
            let key_of: Vec<u32> = all.collect();
            return self.rows.add(place, &self.keys, &key_of, batch.columns(), &rows);
        };
        let ties_win = place < threshold.place;
        let key_of: Vec<u32> = all
            .filter(|index| match self.keys.get(*index as usize).cmp(&threshold.key) {
                std::cmp::Ordering::Less => true,
                std::cmp::Ordering::Equal => ties_win,
                std::cmp::Ordering::Greater => false,
            })
            .collect();
        if key_of.is_empty() {
            return Ok(());
        }
        let rows: Vec<u32> = key_of.iter().map(|index| rows[*index as usize]).collect();
        self.rows.add(place, &self.keys, &key_of, batch.columns(), &rows)
    }

    /// Whether it is worth finding out which rows are wanted.
    fn is_crowded(&self) -> bool {
        let Some(wanted) = self.shared.spec().kept_rows() else { return false };
        let (held, few) = (self.rows.len(), wanted.max(BATCH_ROWS));
        held >= wanted.saturating_add(few) || (self.threshold.is_none() && held >= few)
    }

    /// Does a step of the work at hand; true if none is left.
    fn step(&mut self) -> Result<bool> {
        match std::mem::replace(&mut self.work, Work::None) {
            Work::None => return Ok(true),
            Work::Ranking(mut sorting) => {
                if sorting.step(&self.rows)? {
                    return self.ranked(sorting);
                }
                self.work = Work::Ranking(sorting);
            }
            Work::Copying(mut copying) => {
                if copying.step(&self.rows)? {
                    self.rows = copying.kept;
                    return Ok(true);
                }
                self.work = Work::Copying(copying);
            }
            over @ (Work::Sorting(_) | Work::Combined) => {
                self.work = over;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Publishes the last row wanted, and begins to copy the wanted ones if that frees enough. True
    /// if it does not.
    fn ranked(&mut self, sorting: Sorting) -> Result<bool> {
        let wanted = self.shared.spec().kept_rows().unwrap_or(usize::MAX);
        let (order, _reservation) = sorting.into_order(wanted)?;
        if order.len() == wanted
            && let Some(last) = order.last()
        {
            self.publish(*last)?;
        }
        if self.rows.len() < order.len().saturating_mul(2) {
            return Ok(true);
        }
        let words = self.rows.len().div_ceil(64);
        let reservation = self.budget.reserve(words as u64 * 8)?;
        let mut bits = vec![0u64; words];
        for id in &order {
            bits[*id as usize / 64] |= 1 << (id % 64);
        }
        let kept = self.shared.lane_rows(&self.budget)?;
        self.work =
            Work::Copying(Copying { wanted: bits, done: 0, kept, _reservation: reservation });
        Ok(false)
    }

    fn publish(&mut self, last: u32) -> Result<()> {
        let spec = self.shared.spec();
        self.rows.store.seal()?;
        let value = match spec.keys.first() {
            Some(key) if spec.types[key.column].is_nested() => None,
            Some(key) => {
                let column = self.rows.store.decode_column(key.column + 1, &[last])?;
                Some(Scalar::of_row(&column, 0, &spec.types[key.column])?)
            }
            None => Some(Scalar::Null),
        };
        let missing = || Error::internal("a row of a sort has no place");
        let place = self.rows.place(last).ok_or_else(missing)?;
        self.shared.publish(Threshold { key: self.rows.key(last).into(), place, value });
        Ok(())
    }

    fn go_on(&mut self, context: &Context<'_>) -> Result<SinkAnswer> {
        if self.step()? {
            return Ok(SinkAnswer::More);
        }
        context.waker.wake_by_ref();
        Ok(SinkAnswer::Blocked)
    }
}

impl Copying {
    /// Copies about a batch of rows; true when all are copied.
    fn step(&mut self, rows: &LaneRows) -> Result<bool> {
        let mut ids = Vec::with_capacity(BATCH_ROWS + 64);
        while ids.len() < BATCH_ROWS
            && let Some(word) = self.wanted.get(self.done)
        {
            let (mut word, first) = (*word, self.done as u32 * 64);
            while word != 0 {
                ids.push(first + word.trailing_zeros());
                word &= word - 1;
            }
            self.done += 1;
        }
        if !ids.is_empty() {
            self.kept.add_copies(rows, &ids)?;
        }
        Ok(self.done == self.wanted.len())
    }
}

impl Sink for SortSink {
    fn push(&mut self, batch: Batch, context: &mut Context<'_>) -> Result<SinkAnswer> {
        if batch.kinds().is_some() {
            return Err(Error::unsupported("a sort of rows that change"));
        }
        let is_over = matches!(self.work, Work::Sorting(_) | Work::Combined);
        if is_over || batch.columns().len() != self.shared.spec().types.len() {
            return Err(Error::internal("a sort was given a batch it does not expect"));
        }
        let wanted = self.shared.spec().kept_rows();
        if wanted == Some(0) {
            return Ok(SinkAnswer::Done);
        }
        // A driver that polls as it should leaves nothing to do here.
        while !self.step()? {}
        if wanted.is_some() {
            self.shared.refresh(&mut self.threshold);
        }
        if batch.count() > 0 {
            self.add(&batch, context.lane)?;
        }
        if self.is_crowded() {
            self.work = Work::Ranking(Sorting::new(&self.rows, &self.budget)?);
        }
        self.go_on(context)
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Result<SinkAnswer> {
        self.go_on(context)
    }

    fn combine(&mut self, context: &mut Context<'_>) -> Result<SinkAnswer> {
        if !self.step()? {
            return Ok(SinkAnswer::More);
        }
        match std::mem::replace(&mut self.work, Work::Combined) {
            Work::Combined => return Ok(SinkAnswer::Done),
            Work::Sorting(mut sorting) => {
                if !sorting.step(&self.rows)? {
                    self.work = Work::Sorting(sorting);
                    return Ok(SinkAnswer::More);
                }
                let wanted = self.shared.spec().kept_rows().unwrap_or(usize::MAX);
                let (order, reservation) = sorting.into_order(wanted)?;
                let none = self.shared.lane_rows(&self.budget)?;
                let rows = std::mem::replace(&mut self.rows, none);
                if !order.is_empty() {
                    self.shared.add(Run { lane: context.lane, rows, order, reservation });
                }
            }
            _ => {
                self.work = Work::Sorting(Sorting::new(&self.rows, &self.budget)?);
                return Ok(SinkAnswer::More);
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
