//! Batches that are there already: constant rows, results of an earlier pipeline.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use millwork_format::batch::Batch;

use crate::error::Result;
use crate::pipeline::{Context, Signal, Source, SourceAnswer};

/// Batches that the lanes of a pipeline take one after the other.
#[derive(Debug, Default)]
pub struct ValuesShared {
    batches: Mutex<VecDeque<Batch>>,
}

impl ValuesShared {
    /// Hands out `batches` in order.
    #[must_use]
    pub fn new(batches: impl IntoIterator<Item = Batch>) -> Arc<Self> {
        Arc::new(Self { batches: Mutex::new(batches.into_iter().collect()) })
    }
}

/// One lane that takes batches from a [`ValuesShared`].
#[derive(Debug)]
pub struct ValuesSource {
    shared: Arc<ValuesShared>,
}

impl ValuesSource {
    /// A lane of `shared`.
    #[must_use]
    pub fn new(shared: &Arc<ValuesShared>) -> Self {
        Self { shared: Arc::clone(shared) }
    }
}

impl Source for ValuesSource {
    fn poll(&mut self, _: &mut Context<'_>) -> Result<SourceAnswer> {
        let mut batches = self.shared.batches.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(match batches.pop_front() {
            Some(batch) => SourceAnswer::Batch(batch),
            None => SourceAnswer::Signal(Signal::End),
        })
    }

    fn name(&self) -> &str {
        "values"
    }
}
