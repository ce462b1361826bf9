//! One run of a query: which pipelines are under way, what failed, what was counted.
//!
//! Both schedulers hand tasks to [`Run::execute`] and do what it says; all else is decided here.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;
use std::time::Instant;

use millwork_format::batch::MorselId;

use super::RunOptions;
use super::task::{Ready, Task, guarded};
use crate::error::{Error, Result};
use crate::pipeline::lane::{Lane, LaneState};
use crate::pipeline::metrics::{PartMetrics, PipelineReport, QueryReport};
use crate::pipeline::operator::Context;
use crate::pipeline::query::{Build, Finish, FinishContext, Query};

/// The state of one run, shared by its workers.
pub(super) struct Run {
    options: RunOptions,
    ready: Arc<dyn Ready>,
    /// All pipelines have finished, or something failed.
    over: AtomicBool,
    state: Mutex<State>,
    start: Instant,
}

struct State {
    pipelines: Vec<PipelineRun>,
    unfinished_pipelines: usize,
    tasks: Vec<Arc<Task>>,
    /// The failure that is first by pipeline, morsel and lane.
    failure: Option<Failure>,
}

struct PipelineRun {
    report: PipelineReport,
    lanes: usize,
    depends_on: Vec<usize>,
    unfinished_dependencies: usize,
    unfinished_lanes: usize,
    build: Option<Build>,
    finish: Option<Finish>,
}

struct Failure {
    place: FailurePlace,
    error: Error,
}

/// Where a lane failed: of failures that meet the first in this order is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FailurePlace {
    pub(super) pipeline: usize,
    /// That the lane was at.
    pub(super) morsel: MorselId,
    pub(super) lane: usize,
}

impl FailurePlace {
    /// At no morsel.
    pub(super) fn of(pipeline: usize, lane: usize) -> Self {
        Self { pipeline, morsel: MorselId::END, lane }
    }
}

/// What a worker does with a task that it has run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// Put it at the end of a queue.
    Requeue,
    /// Forget it: it is parked or over.
    Nothing,
}

enum Work {
    Start(usize),
    Complete(usize),
}

impl Run {
    /// A run of `query` whose first tasks are in `ready`.
    pub(super) fn start(
        query: Query,
        options: RunOptions,
        ready: Arc<dyn Ready>,
    ) -> Result<Arc<Self>> {
        query.check()?;
        let pipelines: Vec<PipelineRun> = query
            .pipelines
            .into_iter()
            .map(|pipeline| PipelineRun {
                report: PipelineReport {
                    lane_rows: vec![0; pipeline.lanes],
                    name: pipeline.name,
                    parts: Vec::new(),
                },
                lanes: pipeline.lanes,
                unfinished_dependencies: pipeline.depends_on.len(),
                depends_on: pipeline.depends_on.iter().map(|id| id.index()).collect(),
                unfinished_lanes: pipeline.lanes,
                build: Some(pipeline.build),
                finish: pipeline.finish,
            })
            .collect();
        let first: Vec<Work> = (0..pipelines.len())
            .filter(|index| pipelines[*index].depends_on.is_empty())
            .map(Work::Start)
            .collect();
        options.cancel.subscribe(Arc::downgrade(&ready));
        let run = Arc::new(Self {
            over: AtomicBool::new(pipelines.is_empty()),
            state: Mutex::new(State {
                unfinished_pipelines: pipelines.len(),
                pipelines,
                tasks: Vec::new(),
                failure: None,
            }),
            options,
            ready,
            start: Instant::now(),
        });
        run.advance(first);
        Ok(run)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether workers may go home.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst) || self.options.cancel.is_cancelled()
    }

    /// Runs `task` for one slice. Says what to do with it, and the rows that its source gave.
    pub(super) fn execute(&self, task: &Arc<Task>, slice_batches: usize) -> (After, u64) {
        let mut slot = task.begin();
        let Some(lane) = slot.as_mut() else { return (After::Nothing, 0) };
        let rows_before = lane.source_rows();
        let waker = Waker::from(Arc::clone(task));
        let budget = &self.options.budget;
        let state = guarded(|| {
            let mut context = Context { waker: &waker, budget, lane: task.lane };
            budget.around(|| lane.run(&mut context, &|| self.is_over(), slice_batches))
        });
        let rows = lane.source_rows() - rows_before;
        let after = match state {
            Ok(LaneState::Yielded) => {
                drop(slot);
                task.requeue();
                After::Requeue
            }
            Ok(LaneState::Blocked) => {
                drop(slot);
                if task.park() { After::Requeue } else { After::Nothing }
            }
            Ok(LaneState::Finished) => {
                let finished = slot.take();
                drop(slot);
                task.end();
                if let Some(lane) = finished {
                    self.lane_finished(task, lane);
                }
                After::Nothing
            }
            Ok(LaneState::Stopped) => After::Nothing,
            Err(error) => {
                let morsel = lane.morsel();
                drop(slot);
                let place = FailurePlace { morsel, ..FailurePlace::of(task.pipeline, task.lane) };
                self.fail(place, error);
                After::Nothing
            }
        };
        (after, rows)
    }

    fn lane_finished(&self, task: &Task, lane: Lane) {
        let rows = lane.source_rows();
        match guarded(|| Ok(lane.into_metrics())) {
            Err(error) => self.fail(FailurePlace::of(task.pipeline, task.lane), error),
            Ok(metrics) => {
                let mut state = self.state();
                let pipeline = &mut state.pipelines[task.pipeline];
                pipeline.report.lane_rows[task.lane] = rows;
                pipeline.report.parts.resize(metrics.len(), PartMetrics::default());
                for (sum, part) in pipeline.report.parts.iter_mut().zip(metrics) {
                    sum.merge(part);
                }
                pipeline.unfinished_lanes -= 1;
                let is_last = pipeline.unfinished_lanes == 0;
                drop(state);
                if is_last {
                    self.advance(vec![Work::Complete(task.pipeline)]);
                }
            }
        }
    }

    /// Starts and completes pipelines until there is nothing to do but to run lanes.
    fn advance(&self, mut work: Vec<Work>) {
        while let Some(next) = work.pop() {
            if self.is_over() {
                return;
            }
            let (pipeline, result) = match next {
                Work::Start(pipeline) => (pipeline, self.start_pipeline(pipeline, &mut work)),
                Work::Complete(pipeline) => (pipeline, self.complete_pipeline(pipeline, &mut work)),
            };
            if let Err((lane, error)) = result {
                self.fail(FailurePlace::of(pipeline, lane), error);
            }
        }
    }

    fn start_pipeline(
        &self,
        index: usize,
        work: &mut Vec<Work>,
    ) -> std::result::Result<(), (usize, Error)> {
        let mut state = self.state();
        let pipeline = &mut state.pipelines[index];
        let (lanes, build) = (pipeline.lanes, pipeline.build.take());
        drop(state);
        let Some(mut build) = build else { return Ok(()) };
        if lanes == 0 {
            work.push(Work::Complete(index));
        }
        let ready: Weak<dyn Ready> = Arc::downgrade(&self.ready);
        let mut tasks = Vec::new();
        for ordinal in 0..lanes {
            let lane = guarded(|| Lane::new(build(ordinal)?, self.options.analyze))
                .map_err(|error| (ordinal, error))?;
            tasks.push(Task::queued(index, ordinal, lane, Weak::clone(&ready)));
        }
        drop(build);
        self.state().tasks.extend(tasks.iter().cloned());
        for task in tasks {
            self.ready.push(task);
        }
        Ok(())
    }

    fn complete_pipeline(
        &self,
        index: usize,
        work: &mut Vec<Work>,
    ) -> std::result::Result<(), (usize, Error)> {
        let mut state = self.state();
        let pipeline = &mut state.pipelines[index];
        let (lanes, finish) = (pipeline.lanes, pipeline.finish.take());
        drop(state);
        if let Some(finish) = finish {
            guarded(|| {
                let budget = &self.options.budget;
                budget.around(|| finish(&mut FinishContext { budget }))
            })
            .map_err(|error| (lanes, error))?;
        }
        let mut state = self.state();
        // The tasks of this pipeline are over; forgetting them lets go of what their wakers hold.
        state.tasks.retain(|task| task.pipeline != index);
        state.unfinished_pipelines -= 1;
        for (other, pipeline) in state.pipelines.iter_mut().enumerate() {
            let times = pipeline.depends_on.iter().filter(|id| **id == index).count();
            pipeline.unfinished_dependencies -= times;
            if times > 0 && pipeline.unfinished_dependencies == 0 {
                work.push(Work::Start(other));
            }
        }
        let is_last = state.unfinished_pipelines == 0;
        drop(state);
        if is_last {
            self.over.store(true, Ordering::SeqCst);
            self.ready.interrupt();
        }
        Ok(())
    }

    /// Notes the failure and ends the run.
    pub(super) fn fail(&self, place: FailurePlace, error: Error) {
        let error = error.held_by(&self.options.budget);
        let mut state = self.state();
        if state.failure.as_ref().is_none_or(|known| place < known.place) {
            state.failure = Some(Failure { place, error });
        }
        drop(state);
        self.over.store(true, Ordering::SeqCst);
        self.ready.interrupt();
    }

    /// Ends a run in which no lane can go on: a bug, reported with the lanes that wait.
    pub(super) fn fail_deadlocked(&self) {
        let state = self.state();
        let waiting: Vec<String> = state
            .tasks
            .iter()
            .filter(|task| task.is_parked())
            .map(|task| {
                format!("{} lane {}", state.pipelines[task.pipeline].report.name, task.lane)
            })
            .collect();
        drop(state);
        let text = format!("no lane can go on; blocked: {}", waiting.join(", "));
        self.fail(FailurePlace::of(usize::MAX, 0), Error::internal(text));
    }

    /// After all workers went home: drops what is left and gives the result.
    pub(super) fn close(&self, worker_rows: Vec<u64>) -> Result<QueryReport> {
        let mut state = self.state();
        let tasks = std::mem::take(&mut state.tasks);
        let pipelines = std::mem::take(&mut state.pipelines);
        let unfinished_pipelines = state.unfinished_pipelines;
        let failure = state.failure.take();
        drop(state);
        for task in tasks {
            task.end();
        }
        let mut reports = Vec::with_capacity(pipelines.len());
        for PipelineRun { report, build, finish, .. } in pipelines {
            reports.push(report);
            let _ = guarded(|| {
                drop((build, finish));
                Ok(())
            });
        }
        match failure {
            Some(failure) => Err(failure.error),
            None if unfinished_pipelines > 0 => Err(Error::cancelled()),
            None => Ok(QueryReport {
                pipelines: reports,
                worker_rows,
                elapsed: self.start.elapsed(),
                peak_bytes: self.options.budget.peak(),
            }),
        }
    }
}
