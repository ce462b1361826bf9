//! Where the result of a sort comes from.

use std::sync::Arc;

use millwork_format::batch::{BATCH_ROWS, Batch};

use super::merge::Merge;
use super::order::STEP_ROWS;
use super::shared::SortShared;
use crate::error::Result;
use crate::pipeline::{Context, Signal, Source, SourceAnswer};

/// Emits the rows of a sort, in order: by one lane.
#[derive(Debug)]
pub struct SortSource {
    shared: Arc<SortShared>,
    state: State,
    skip: u64,
    left: u64,
    /// Of the batch at hand.
    ids: Vec<u32>,
}

#[derive(Debug)]
enum State {
    New,
    Reading(Box<Merge>),
    Over,
}

impl SortSource {
    /// The only source of the sort.
    #[must_use]
    pub fn new(shared: Arc<SortShared>) -> Self {
        let (skip, left) = (shared.spec().offset, shared.spec().limit.unwrap_or(u64::MAX));
        Self { shared, state: State::New, skip, left, ids: Vec::new() }
    }
}

impl Source for SortSource {
    fn poll(&mut self, _context: &mut Context<'_>) -> Result<SourceAnswer> {
        if matches!(self.state, State::New) {
            self.state = match Merge::new(self.shared.take_runs())? {
                Some(merge) => State::Reading(Box::new(merge)),
                None => State::Over,
            };
        }
        let State::Reading(merge) = &mut self.state else {
            return Ok(SourceAnswer::Signal(Signal::End));
        };
        self.ids.clear();
        if self.skip > 0 {
            let skipped = merge.skip(self.skip, STEP_ROWS);
            self.skip = if skipped == 0 { 0 } else { self.skip - skipped };
        } else {
            merge.next(self.left.min(BATCH_ROWS as u64) as usize, &mut self.ids);
            self.left -= self.ids.len() as u64;
            if self.ids.is_empty() {
                self.state = State::Over;
                return Ok(SourceAnswer::Signal(Signal::End));
            }
        }
        // Without rows where some were skipped: there is more to come.
        let columns = merge.store().decode_from(1, &self.ids)?;
        Ok(SourceAnswer::Batch(Batch::new(columns, self.ids.len())?))
    }

    fn name(&self) -> &str {
        "sorted rows"
    }

    fn stop(&mut self) {
        self.state = State::Over;
    }
}
