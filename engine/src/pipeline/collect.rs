//! A sink that keeps what it is given.
//!
//! In: batches of all lanes. Out: one shared list of them, those of a lane together and in order. What
//! is collected has left the query: it is not counted by its budget.

use std::sync::{Arc, Mutex, PoisonError};

use millwork_format::batch::Batch;

use super::operator::{Context, KindSet, Sink, SinkAnswer};
use crate::error::Result;

/// Batches that the lanes of a pipeline have collected. Clones share the list.
#[derive(Clone, Debug, Default)]
pub struct Collected {
    batches: Arc<Mutex<Vec<Batch>>>,
}

impl Collected {
    /// An empty list; batches of a lane stay in order, lanes come as they end.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
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
        Ok(SinkAnswer::Done)
    }

    fn accepts(&self, _: KindSet) -> bool {
        true
    }

    fn name(&self) -> &str {
        "collect"
    }
}
