//! A query: pipelines and what each waits for.
//!
//! In: pipelines, from the planner. Out: what a scheduler runs. Invariant: a pipeline depends only on
//! pipelines that were added before it, so there are no cycles.

use std::fmt;

use millwork_codecs::budget::Budget;

use super::lane::LaneParts;
use crate::error::{Error, Result};

/// Names a pipeline of one [`Query`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PipelineId(pub(super) usize);

impl PipelineId {
    /// Position among the query's pipelines, and in the report.
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}

/// Makes the parts of one lane, given its ordinal. Called when all that the pipeline depends on has
/// finished.
pub type Build = Box<dyn FnMut(usize) -> Result<LaneParts> + Send>;

/// Runs once, after the last lane combined and before what depends on the pipeline is built.
pub type Finish = Box<dyn FnOnce(&mut FinishContext<'_>) -> Result<()> + Send>;

/// What [`Finish`] is given.
#[derive(Debug)]
pub struct FinishContext<'a> {
    /// The query's memory.
    pub budget: &'a Budget,
}

/// A source, operators and a sink, in a number of lanes.
pub struct Pipeline {
    /// What reports and errors call it.
    pub name: String,
    /// Instances that run side by side; without any it finishes at once.
    pub lanes: usize,
    /// Makes a lane.
    pub build: Build,
    /// What must have finished before the lanes are built. The two sides of an exchange run side by
    /// side: they do not depend on one another.
    pub depends_on: Vec<PipelineId>,
    /// What is done at the end.
    pub finish: Option<Finish>,
}

impl Pipeline {
    /// A pipeline of `lanes` lanes that depends on nothing.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        lanes: usize,
        build: impl FnMut(usize) -> Result<LaneParts> + Send + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            lanes,
            build: Box::new(build),
            depends_on: Vec::new(),
            finish: None,
        }
    }

    /// The same, run after `pipeline` has finished.
    #[must_use]
    pub fn after(mut self, pipeline: PipelineId) -> Self {
        self.depends_on.push(pipeline);
        self
    }

    /// The same, with `finish` at its end.
    #[must_use]
    pub fn finally(
        mut self,
        finish: impl FnOnce(&mut FinishContext<'_>) -> Result<()> + Send + 'static,
    ) -> Self {
        self.finish = Some(Box::new(finish));
        self
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline")
            .field("name", &self.name)
            .field("lanes", &self.lanes)
            .field("depends_on", &self.depends_on)
            .finish_non_exhaustive()
    }
}

/// Pipelines that together answer one statement.
#[derive(Debug, Default)]
pub struct Query {
    pub(super) pipelines: Vec<Pipeline>,
}

impl Query {
    /// A query without pipelines.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a pipeline.
    pub fn add(&mut self, pipeline: Pipeline) -> PipelineId {
        self.pipelines.push(pipeline);
        PipelineId(self.pipelines.len() - 1)
    }

    /// # Errors
    /// `Internal` if a pipeline depends on one that was not added before it.
    pub(super) fn check(&self) -> Result<()> {
        for (index, pipeline) in self.pipelines.iter().enumerate() {
            if pipeline.depends_on.iter().any(|id| id.0 >= index) {
                return Err(Error::internal(format!(
                    "pipeline {} ({index}) depends on {:?}",
                    pipeline.name, pipeline.depends_on
                )));
            }
        }
        Ok(())
    }
}
