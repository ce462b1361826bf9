//! A sink that keeps what it is given.
//!
//! In: batches of all lanes. Out: one shared list of them, in the order of lanes that combine or in the
//! order of their origins. What is collected has left the query: it is not counted by its budget.

use std::sync::{Arc, Mutex, PoisonError};

use millwork_format::batch::Batch;

use super::operator::{Context, KindSet, Sink, SinkAnswer};
use crate::error::Result;

/// Batches that the lanes of a pipeline have collected. Clones share the list.
#[derive(Clone, Debug, Default)]
pub struct Collected {
    batches: Arc<Mutex<Vec<Batch>>>,
    is_ordered: bool,
}

impl Collected {
    /// An empty list; batches of a lane stay in order, lanes come as they end.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty list that is sorted by [`Batch::origin`]; batches without one come first.
    #[must_use]
    pub fn ordered() -> Self {
        Self { is_ordered: true, ..Self::default() }
    }

    /// A sink for one lane.
    #[must_use]
    pub fn sink(&self) -> CollectSink {
        CollectSink { collected: self.clone(), own: Vec::new() }
    }

    /// Takes what is there, leaving nothing. Complete once the pipeline has finished.
    #[must_use]
    pub fn take(&self) -> Vec<Batch> {
        std::mem::take(&mut *self.batches.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The sink of one lane, made by [`Collected::sink`]. It takes rows of all kinds.
#[derive(Debug)]
pub struct CollectSink {
    collected: Collected,
    own: Vec<Batch>,
}

impl Sink for CollectSink {
    fn push(&mut self, batch: Batch, _: &mut Context<'_>) -> Result<SinkAnswer> {
        self.own.push(batch);
        Ok(SinkAnswer::More)
    }

    fn combine(&mut self, _: &mut Context<'_>) -> Result<SinkAnswer> {
        let mut batches = self.collected.batches.lock().unwrap_or_else(PoisonError::into_inner);
        batches.append(&mut self.own);
        if self.collected.is_ordered {
            // Stable, and quick on the sorted runs that lanes bring.
            batches.sort_by_key(Batch::origin);
        }
        Ok(SinkAnswer::Done)
    }

    fn accepts(&self, _: KindSet) -> bool {
        true
    }

    fn name(&self) -> &str {
        "collect"
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use millwork_codecs::budget::Budget;
    use millwork_format::batch::Origin;

    use super::*;

    #[test]
    fn order_is_that_of_lanes_or_of_origins() {
        let budget = Budget::unlimited();
        let mut context = Context { waker: Waker::noop(), budget: &budget, lane: 0 };
        let origins = [(1, 0), (0, 7), (0, 2), (1, 3), (0, 0)];
        let orders: [(Collected, [usize; 5]); 2] =
            [(Collected::new(), [0, 2, 4, 1, 3]), (Collected::ordered(), [4, 2, 1, 0, 3])];
        for (collected, order) in orders {
            let mut sinks = [collected.sink(), collected.sink()];
            for (index, (row_group, first_row)) in origins.into_iter().enumerate() {
                let origin = Origin { file: 0, row_group, first_row };
                let batch = Batch::new(Vec::new(), 1).unwrap().with_origin(Some(origin));
                sinks[index % 2].push(batch, &mut context).unwrap();
            }
            for sink in &mut sinks {
                assert_eq!(sink.combine(&mut context).unwrap(), SinkAnswer::Done);
            }
            let found: Vec<(u32, u64)> = collected
                .take()
                .iter()
                .filter_map(Batch::origin)
                .map(|origin| (origin.row_group, origin.first_row))
                .collect();
            assert_eq!(found, order.map(|index| origins[index]));
        }
    }
}
