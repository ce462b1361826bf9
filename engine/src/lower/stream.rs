//! A pipeline that has not got its sink yet.

use std::sync::Arc;

use crate::error::Result;
use crate::operator::{ValuesShared, ValuesSource};
use crate::pipeline::{BlockTwice, LaneParts, Operator, Pipeline, PipelineId, Sink, Source};
use crate::scan::ScanShared;
use millwork_format::batch::Batch;

type MakeSource = Box<dyn FnMut(usize) -> Result<Box<dyn Source>> + Send>;
type MakeOperator = Box<dyn FnMut() -> Result<Box<dyn Operator>> + Send>;

/// In which order the rows of a stream are to leave the query.
pub(super) enum Order {
    /// As they come: rows of one lane in the order of the query, of several in any.
    AsTheyCome,
    /// By the morsels of this scan, several lanes running ahead of one another.
    ByMorsel(Arc<ScanShared>),
}

/// A source, operators, and what must have finished before they run.
pub(super) struct Stream {
    lanes: usize,
    source: MakeSource,
    operators: Vec<MakeOperator>,
    depends_on: Vec<PipelineId>,
    order: Order,
}

impl Stream {
    /// A stream of `lanes` lanes whose sources `source` makes.
    pub(super) fn new(
        lanes: usize,
        source: impl FnMut(usize) -> Result<Box<dyn Source>> + Send + 'static,
    ) -> Self {
        Self {
            lanes: lanes.max(1),
            source: Box::new(source),
            operators: Vec::new(),
            depends_on: Vec::new(),
            order: Order::AsTheyCome,
        }
    }

    /// A stream of one batch.
    pub(super) fn of_values(batch: Batch) -> Self {
        let shared = ValuesShared::new([batch]);
        Self::new(1, move |_| Ok(Box::new(ValuesSource::new(&shared))))
    }

    /// The same, whose rows have the order of the morsels of `scan`.
    pub(super) fn by_morsels_of(mut self, scan: &Arc<ScanShared>) -> Self {
        self.order = Order::ByMorsel(Arc::clone(scan));
        self
    }

    /// In which order its rows are to leave the query.
    pub(super) fn order(&self) -> &Order {
        &self.order
    }

    /// The same with an operator behind it.
    pub(super) fn then(
        mut self,
        operator: impl FnMut() -> Result<Box<dyn Operator>> + Send + 'static,
    ) -> Self {
        self.operators.push(Box::new(operator));
        self
    }

    /// The same, run after `pipeline`.
    pub(super) fn after(mut self, pipeline: PipelineId) -> Self {
        self.depends_on.push(pipeline);
        self
    }

    /// The pipeline that `sink` makes of it.
    pub(super) fn into_pipeline(
        self,
        name: &str,
        mut sink: impl FnMut(usize) -> Result<Box<dyn Sink>> + Send + 'static,
        block_twice: bool,
    ) -> Pipeline {
        let Self { lanes, mut source, mut operators, depends_on, .. } = self;
        let pipeline = Pipeline::new(name, lanes, move |lane| {
            let source = source(lane)?;
            let made: Result<Vec<_>> = operators.iter_mut().map(|make| make()).collect();
            let (made, sink) = (made?, sink(lane)?);
            if !block_twice {
                return Ok(LaneParts { source, operators: made, sink });
            }
            let mut operators: Vec<Box<dyn Operator>> = Vec::with_capacity(made.len());
            for operator in made {
                operators.push(Box::new(BlockTwice::new(operator)));
            }
            let source = Box::new(BlockTwice::new(source));
            Ok(LaneParts { source, operators, sink: Box::new(BlockTwice::new(sink)) })
        });
        depends_on.into_iter().fold(pipeline, Pipeline::after)
    }
}
