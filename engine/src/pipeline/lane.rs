//! One lane: a source, operators and a sink, driven step by step.
//!
//! In: the parts. Out: [`LaneState`], when the lane gives its worker away. A lane is a resumable state
//! machine: it never waits, and after `Blocked` or `Yielded` it goes on exactly where it was.
//!
//! Invariants: the deepest operator that was given something is polled first, so that at most one
//! batch is on its way at a time; a signal passes an operator only after that operator answered
//! `NeedInput`; a batch is handed on in the step that produced it, so none is ever held here.

use std::fmt;
use std::time::Instant;

use millwork_format::batch::{Batch, MorselId};

use super::metrics::PartMetrics;
use super::operator::{Answer, Context, Operator, Sink, SinkAnswer, Source, SourceAnswer};
use super::signal::Signal;
use crate::error::{Error, Result};

/// What a lane is made of.
pub struct LaneParts {
    /// Where its batches come from.
    pub source: Box<dyn Source>,
    /// What happens to them, in order.
    pub operators: Vec<Box<dyn Operator>>,
    /// Where they go.
    pub sink: Box<dyn Sink>,
}

/// Why a lane gives its worker away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneState {
    /// Its slice is used up; it can go on at once.
    Yielded,
    /// A part cannot go on; the lane's waker is registered.
    Blocked,
    /// The sink has combined; the lane is not run again.
    Finished,
    /// The query was stopped; the lane is not run again.
    Stopped,
}

/// An instance of a pipeline with its local state, run by one worker at a time.
pub struct Lane {
    source: Box<dyn Source>,
    stages: Vec<Stage>,
    sink: Box<dyn Sink>,
    source_metrics: PartMetrics,
    sink_metrics: PartMetrics,
    /// The source gives no more: it ended, or somebody downstream is done.
    closed: bool,
    /// The stage that takes `End` once all is quiet.
    first_open: usize,
    /// The sink answered `Blocked`: it is polled before anything is pushed.
    sink_blocked: bool,
    /// The sink has seen `End` or answered `Done`: what is left is to combine.
    sink_over: bool,
    analyze: bool,
}

struct Stage {
    operator: Box<dyn Operator>,
    /// It was given something and has not yet answered `NeedInput`.
    polling: bool,
    /// It gave an output since it was given something.
    gave: bool,
    /// The signal to send on when it answers `NeedInput`.
    held: Option<Signal>,
    metrics: PartMetrics,
}

/// What one step did.
enum Step {
    /// Something small.
    Small,
    /// A batch of work, which counts against the slice.
    Unit,
    Blocked,
    Finished,
}

/// Runs `$call`, adding its time to `$metrics` if the lane analyses.
macro_rules! timed {
    ($analyze:expr, $metrics:expr, $call:expr) => {
        if $analyze {
            let start = Instant::now();
            let result = $call;
            $metrics.busy_ns += start.elapsed().as_nanos() as u64;
            result
        } else {
            $call
        }
    };
}

impl Lane {
    /// A lane of `parts`; `analyze` measures the time of every call.
    ///
    /// # Errors
    /// `Unsupported`, naming the part, if one does not accept the row kinds that reach it.
    pub fn new(parts: LaneParts, analyze: bool) -> Result<Self> {
        let refused = |name: &str, kinds| {
            Error::unsupported(format!("{name} does not accept changes (rows of kinds {kinds})"))
        };
        let mut kinds = parts.source.row_kinds();
        for operator in &parts.operators {
            kinds = operator.row_kinds(kinds).ok_or_else(|| refused(operator.name(), kinds))?;
        }
        if !parts.sink.accepts(kinds) {
            return Err(refused(parts.sink.name(), kinds));
        }
        Ok(Self {
            source_metrics: PartMetrics::named(parts.source.name()),
            sink_metrics: PartMetrics::named(parts.sink.name()),
            source: parts.source,
            stages: parts.operators.into_iter().map(Stage::new).collect(),
            sink: parts.sink,
            closed: false,
            first_open: 0,
            sink_blocked: false,
            sink_over: false,
            analyze,
        })
    }

    /// Goes on until `slice_batches` batches of work are done, a part blocks, the lane is finished
    /// or `is_stopped` says so (asked between any two calls).
    ///
    /// # Errors
    /// The first error of a part; the lane must not be run again.
    pub fn run(
        &mut self,
        context: &mut Context<'_>,
        is_stopped: &dyn Fn() -> bool,
        slice_batches: usize,
    ) -> Result<LaneState> {
        let mut left = slice_batches.max(1);
        loop {
            if is_stopped() {
                return Ok(LaneState::Stopped);
            }
            match self.step(context)? {
                Step::Small => {}
                Step::Unit => left -= 1,
                Step::Blocked => return Ok(LaneState::Blocked),
                Step::Finished => return Ok(LaneState::Finished),
            }
            if left == 0 {
                return Ok(LaneState::Yielded);
            }
        }
    }

    /// Rows that the source has given so far.
    #[must_use]
    pub fn source_rows(&self) -> u64 {
        self.source_metrics.rows_out
    }

    /// The morsel that the source is at.
    #[must_use]
    pub fn morsel(&self) -> MorselId {
        self.source.morsel()
    }

    /// What source, operators and sink did, in this order; the lane's parts are dropped.
    #[must_use]
    pub fn into_metrics(mut self) -> Vec<PartMetrics> {
        self.source_metrics.count(self.source.counters());
        self.sink_metrics.count(self.sink.counters());
        let mut metrics = vec![self.source_metrics];
        for mut stage in self.stages {
            stage.metrics.count(stage.operator.counters());
            metrics.push(stage.metrics);
        }
        metrics.push(self.sink_metrics);
        metrics
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step> {
        if self.sink_blocked {
            self.sink_blocked = false;
            let answer = timed!(self.analyze, self.sink_metrics, self.sink.poll(context))?;
            return Ok(if self.sink_answered(answer) { Step::Blocked } else { Step::Small });
        }
        if self.sink_over {
            let answer = timed!(self.analyze, self.sink_metrics, self.sink.combine(context))?;
            return Ok(match answer {
                SinkAnswer::More => Step::Unit,
                SinkAnswer::Blocked => Step::Blocked,
                SinkAnswer::Done => Step::Finished,
            });
        }
        if let Some(index) = self.stages.iter().rposition(|stage| stage.polling) {
            return self.poll_stage(index, context);
        }
        if self.closed {
            self.signal(self.first_open, Signal::End, context)?;
            return Ok(Step::Small);
        }
        self.poll_source(context)
    }

    fn poll_source(&mut self, context: &mut Context<'_>) -> Result<Step> {
        match timed!(self.analyze, self.source_metrics, self.source.poll(context))? {
            SourceAnswer::Batch(batch) => {
                self.source_metrics.rows_out += batch.count() as u64;
                self.source_metrics.batches_out += 1;
                self.push(0, batch, context)?;
                Ok(Step::Unit)
            }
            SourceAnswer::Working => Ok(Step::Unit),
            SourceAnswer::Signal(Signal::End) => {
                self.closed = true;
                Ok(Step::Small)
            }
            SourceAnswer::Signal(signal) => {
                self.signal(0, signal, context)?;
                Ok(Step::Unit)
            }
            SourceAnswer::Blocked => Ok(Step::Blocked),
        }
    }

    fn poll_stage(&mut self, index: usize, context: &mut Context<'_>) -> Result<Step> {
        let stage = &mut self.stages[index];
        match timed!(self.analyze, stage.metrics, stage.operator.poll(context))? {
            Answer::NeedInput => {
                stage.polling = false;
                if let Some(signal) = stage.held.take() {
                    self.signal(index + 1, signal, context)?;
                }
                Ok(Step::Small)
            }
            Answer::HaveOutput(batch) => {
                stage.metrics.rows_out += batch.count() as u64;
                stage.metrics.batches_out += 1;
                // The first output of a batch belongs to the unit that the source has counted.
                let step = if stage.gave { Step::Unit } else { Step::Small };
                stage.gave = true;
                self.push(index + 1, batch, context)?;
                Ok(step)
            }
            Answer::Blocked => Ok(Step::Blocked),
            Answer::Done => {
                let held = stage.held.take();
                self.close();
                self.first_open = index + 1;
                for stage in &mut self.stages[..=index] {
                    stage.polling = false;
                    stage.held = None;
                }
                if let Some(signal @ (Signal::Barrier(_) | Signal::Idle)) = held {
                    self.signal(index + 1, signal, context)?;
                }
                Ok(Step::Small)
            }
        }
    }

    /// Gives `batch` to stage `index`, or to the sink behind the last; drops it if it says nothing.
    fn push(&mut self, index: usize, batch: Batch, context: &mut Context<'_>) -> Result<()> {
        let rows = batch.count() as u64;
        if rows == 0 && batch.marks().is_empty() {
            return Ok(());
        }
        if let Some(stage) = self.stages.get_mut(index) {
            stage.metrics.rows_in += rows;
            stage.metrics.batches_in += 1;
            timed!(self.analyze, stage.metrics, stage.operator.push(batch, context))?;
            stage.polling = true;
            stage.gave = false;
            return Ok(());
        }
        self.sink_metrics.rows_in += rows;
        self.sink_metrics.batches_in += 1;
        let answer = timed!(self.analyze, self.sink_metrics, self.sink.push(batch, context))?;
        self.sink_answered(answer);
        Ok(())
    }

    /// Gives `signal` to stage `index`, or to the sink behind the last.
    fn signal(&mut self, index: usize, signal: Signal, context: &mut Context<'_>) -> Result<()> {
        if let Some(stage) = self.stages.get_mut(index) {
            timed!(self.analyze, stage.metrics, stage.operator.signal(signal, context))?;
            stage.polling = true;
            stage.gave = false;
            stage.held = Some(signal);
            return Ok(());
        }
        let answer = timed!(self.analyze, self.sink_metrics, self.sink.signal(signal, context))?;
        self.sink_over |= signal == Signal::End;
        self.sink_answered(answer);
        Ok(())
    }

    /// Notes what the sink answered; true if it blocks.
    fn sink_answered(&mut self, answer: SinkAnswer) -> bool {
        match answer {
            SinkAnswer::More => {}
            SinkAnswer::Blocked => self.sink_blocked = true,
            SinkAnswer::Done => {
                self.sink_over = true;
                self.close();
            }
        }
        self.sink_blocked
    }

    /// Stops the source, once.
    fn close(&mut self) {
        if !self.closed {
            self.closed = true;
            self.source.stop();
        }
    }
}

impl Stage {
    fn new(operator: Box<dyn Operator>) -> Self {
        let metrics = PartMetrics::named(operator.name());
        Self { operator, polling: false, gave: false, held: None, metrics }
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lane({}", self.source_metrics.name)?;
        for stage in &self.stages {
            write!(f, " -> {}", stage.metrics.name)?;
        }
        write!(f, " -> {})", self.sink_metrics.name)
    }
}

impl fmt::Debug for LaneParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LaneParts({}", self.source.name())?;
        for operator in &self.operators {
            write!(f, " -> {}", operator.name())?;
        }
        write!(f, " -> {})", self.sink.name())
    }
}
