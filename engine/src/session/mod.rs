//! A session: SQL text in, batches out, one statement after the other.
//!
//! ```text
//! text -> sql::parse -> sql::Binder -> LogicalPlan -> lower -> Query -> scheduler -> Window -> Consumer
//! ```
//!
//! The scheduler runs beside the thread that called; that thread takes batches out of a bounded window
//! and hands them to the consumer while the query goes on. So a result of any size needs the memory of
//! the window, and a consumer that takes no more stops the query.
//!
//! Between statements a session keeps views and the footers of files it has opened, nothing else.

mod explain;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use millwork_codecs::budget::Budget;
use millwork_format::batch::Batch;
use millwork_format::limits::Limits;
use millwork_format::types::{DataType, Field};
use millwork_format::vector::{Data, Vector, Views as Strings};

use crate::error::{Error, Result};
use crate::lower::{self, LowerOptions, Lowered};
use crate::pipeline::{CancelToken, QueryReport, RunOptions, Scheduler, ThreadScheduler, Window};
use crate::plan::LogicalPlan;
use crate::scan::ScanReport;
use crate::source::Files;
use crate::sql::ast::Statement;
use crate::sql::{self, Binder, Bound, Views};
use crate::stack;

/// The part of its memory that a query's result may wait in, before and behind the first unfinished
/// morsel each.
const WINDOW_SHARE: u64 = 16;

/// How a session runs its statements.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// Worker threads; 0: as many as the machine has cores.
    pub threads: usize,
    /// Bytes that a statement may reserve; 0: 80 % of the machine's memory.
    pub memory_bytes: u64,
    /// What files are allowed to claim.
    pub limits: Limits,
    /// How plans become pipelines.
    pub lower: LowerOptions,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            threads: 0,
            memory_bytes: 0,
            limits: Limits::standard(),
            lower: LowerOptions::default(),
        }
    }
}

/// What a statement came to.
#[derive(Clone, Debug)]
pub struct StatementOutcome {
    /// Rows delivered.
    pub rows: u64,
    /// From receipt of the statement to its last row delivered.
    pub elapsed: Duration,
}

/// Who takes the results.
pub trait Consumer {
    /// Statement number `statement` (from 1) gives rows of these columns.
    ///
    /// # Errors
    /// If the consumer cannot go on; the session stops.
    fn begin(&mut self, statement: usize, fields: &[Field]) -> Result<()>;

    /// Some rows; only the selected ones are meant.
    ///
    /// # Errors
    /// If the consumer cannot go on; the session stops.
    fn batch(&mut self, batch: &Batch) -> Result<()>;

    /// The statement is through, whether it gave rows or not.
    ///
    /// # Errors
    /// If the consumer cannot go on; the session stops.
    fn end(&mut self, statement: usize, outcome: &StatementOutcome) -> Result<()>;
}

/// What a query did, beside its rows.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// By pipeline and part.
    pub query: QueryReport,
    /// By scan, with the table's name.
    pub scans: Vec<(String, ScanReport)>,
}

/// Stops the query that a session runs, from another thread. Clones are of the same session.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<Mutex<Option<CancelToken>>>);

impl Interrupt {
    /// Stops the query: its statement ends with `Cancelled`. False if none runs, or if it is being
    /// stopped already.
    pub fn raise(&self) -> bool {
        let running = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        running.inspect(CancelToken::cancel).is_some()
    }

    fn set(&self, running: Option<CancelToken>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = running;
    }
}

/// SQL over files.
#[derive(Debug)]
pub struct Session {
    options: SessionOptions,
    files: Files,
    views: Views,
    interrupt: Interrupt,
}

impl Session {
    /// A session without views.
    #[must_use]
    pub fn new(options: SessionOptions) -> Self {
        let files = Files::new(options.limits.clone());
        Self { options, files, views: Views::default(), interrupt: Interrupt::default() }
    }

    /// What stops the queries of this session.
    #[must_use]
    pub fn interrupt(&self) -> Interrupt {
        self.interrupt.clone()
    }

    /// Runs the statements of `sql` in order and hands their rows to `consumer`. The first error
    /// stops.
    ///
    /// # Errors
    /// That of the first statement that fails, or of the consumer.
    pub fn run(&mut self, sql: &str, consumer: &mut dyn Consumer) -> Result<()> {
        let started = Instant::now();
        let statements = sql::parse(sql)?;
        let mut received = started;
        for (index, statement) in statements.into_iter().enumerate() {
            let bound = self.bind(statement)?;
            let rows = self.run_bound(bound, index + 1, consumer)?;
            let outcome = StatementOutcome { rows, elapsed: received.elapsed() };
            consumer.end(index + 1, &outcome)?;
            received = Instant::now();
        }
        Ok(())
    }

    fn run_bound(
        &mut self,
        bound: Bound,
        statement: usize,
        consumer: &mut dyn Consumer,
    ) -> Result<u64> {
        match bound {
            Bound::Nothing => Ok(0),
            Bound::CreateView { name, view } => {
                self.views.insert(&name, view);
                Ok(0)
            }
            Bound::DropView { name } => {
                self.views.remove(&name);
                Ok(0)
            }
            Bound::Query(plan) => {
                consumer.begin(statement, plan.fields())?;
                let mut rows = 0;
                let streamed = self.stream(&plan, false, &mut |batch| {
                    rows += batch.count() as u64;
                    consumer.batch(&batch)
                });
                stack::planning(move || drop(plan))?;
                streamed.map(|_| rows)
            }
            Bound::Explain { analyze, json, plan } => {
                let report = if analyze {
                    let started = Instant::now();
                    let report = self.stream(&plan, true, &mut |_| Ok(()))?;
                    Some((report, started.elapsed()))
                } else {
                    None
                };
                let text = stack::planning(move || match report {
                    Some((report, elapsed)) => explain::analyzed(&plan, &report, elapsed, json),
                    None => explain::plain(&plan, json),
                })?;
                consumer.begin(statement, &[Field::required("plan", DataType::Utf8)])?;
                let lines: Vec<&str> = if json { vec![&text] } else { text.lines().collect() };
                let strings = Strings::copy_of(&lines)?;
                let column = Vector::new(Data::Views(strings), None, lines.len())?;
                consumer.batch(&Batch::new([column], lines.len())?)?;
                Ok(lines.len() as u64)
            }
        }
    }

    /// Runs `plan` on worker threads and gives its rows in order to `take`, on the calling thread,
    /// while the query runs. Answers what was done.
    ///
    /// # Errors
    /// That of `take`, after which the query is stopped; else whatever went wrong first in the query.
    pub fn stream(
        &self,
        plan: &LogicalPlan,
        analyze: bool,
        take: &mut dyn FnMut(Batch) -> Result<()>,
    ) -> Result<Report> {
        self.stream_on(plan, &self.scheduler(), &self.budget(), analyze, take)
    }

    /// As [`Session::stream`], on `scheduler` and with the memory of `budget`.
    ///
    /// # Errors
    /// As for [`Session::stream`].
    pub fn stream_on(
        &self,
        plan: &LogicalPlan,
        scheduler: &dyn Scheduler,
        budget: &Budget,
        analyze: bool,
        take: &mut dyn FnMut(Batch) -> Result<()>,
    ) -> Result<Report> {
        let options = LowerOptions {
            lanes: scheduler.threads(),
            // What waits for the consumer leaves the query most of its memory.
            window_bytes: self.options.lower.window_bytes.min(budget.limit() / WINDOW_SHARE),
            ..self.options.lower.clone()
        };
        let Lowered { query, result, scans } = lowered(plan, &options, budget)?;
        let cancel = CancelToken::new();
        let run = RunOptions { budget: budget.clone(), cancel: cancel.clone(), analyze };
        let query = std::thread::scope(|scope| {
            let window = result.clone();
            let running = std::thread::Builder::new()
                .name("query".to_string())
                .stack_size(stack::WORKER_BYTES)
                .spawn_scoped(scope, move || {
                    // However the run ends, also by a panic, the thread that takes hears of it.
                    let _closing = Closing(&window);
                    scheduler.run(query, run)
                })
                .map_err(|error| Error::no_thread(&error))?;
            let mut stop = Stop { session: self, cancel: &cancel, window: &result, over: false };
            self.interrupt.set(Some(cancel.clone()));
            while let Some(batch) = result.next() {
                take(batch)?;
            }
            stop.over = true;
            running.join().unwrap_or_else(|_| Err(Error::internal("the scheduler panicked")))
        })?;
        let scans = scans.iter().map(|(name, scan)| (name.clone(), scan.report())).collect();
        Ok(Report { query, scans })
    }

    /// Runs `plan` on worker threads: all its rows in order, and what was done.
    ///
    /// # Errors
    /// Whatever went wrong first.
    pub fn execute(&self, plan: &LogicalPlan, analyze: bool) -> Result<(Vec<Batch>, Report)> {
        self.execute_on(plan, &self.scheduler(), &self.budget(), analyze)
    }

    /// Runs `plan` on `scheduler`, from the calling thread, with the memory of `budget`, which counts
    /// the rows until the query has ended.
    ///
    /// # Errors
    /// Whatever went wrong first.
    pub fn execute_on(
        &self,
        plan: &LogicalPlan,
        scheduler: &dyn Scheduler,
        budget: &Budget,
        analyze: bool,
    ) -> Result<(Vec<Batch>, Report)> {
        let lanes = scheduler.threads();
        let options = LowerOptions { lanes, window_bytes: u64::MAX, ..self.options.lower.clone() };
        let Lowered { query, result, scans } = lowered(plan, &options, budget)?;
        let run = RunOptions { budget: budget.clone(), cancel: CancelToken::new(), analyze };
        let query = stack::with(stack::WORKER_BYTES, || scheduler.run(query, run))?;
        let scans = scans.iter().map(|(name, scan)| (name.clone(), scan.report())).collect();
        Ok((result.take_all(), Report { query, scans }))
    }

    fn scheduler(&self) -> ThreadScheduler {
        match self.options.threads {
            0 => ThreadScheduler::for_this_machine(),
            threads => ThreadScheduler { threads },
        }
    }

    /// The statement with names resolved and, if it is a query, its plan optimised.
    fn bind(&self, statement: Statement) -> Result<Bound> {
        let (files, views) = (&self.files, &self.views);
        stack::with(stack::PLANNING_BYTES, move || {
            Ok(Binder::new(files, views).bind(&statement)?.optimized())
        })
    }

    /// The plan to run for the one query in `sql`.
    ///
    /// # Errors
    /// If it does not parse or bind, or is no query.
    pub fn plan(&self, sql: &str) -> Result<LogicalPlan> {
        let mut statements = sql::parse(sql)?;
        let (Some(statement), true) = (statements.pop(), statements.is_empty()) else {
            return Err(Error::syntax("one query is expected"));
        };
        match self.bind(statement)? {
            Bound::Query(plan) => Ok(plan),
            _ => Err(Error::syntax("a query is expected")),
        }
    }

    /// A budget as this session's statements get.
    #[must_use]
    pub fn budget(&self) -> Budget {
        match self.options.memory_bytes {
            0 => Budget::new(default_memory_bytes()),
            bytes => Budget::new(bytes),
        }
    }
}

/// Closes a window when it goes out of scope.
struct Closing<'a>(&'a Window);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// When it goes out of scope the query cannot be interrupted any more; if it is not over then nobody
/// takes its rows any more, and it is stopped.
struct Stop<'a> {
    session: &'a Session,
    cancel: &'a CancelToken,
    window: &'a Window,
    over: bool,
}

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.session.interrupt.set(None);
        if !self.over {
            self.cancel.cancel();
            self.window.abandon();
        }
    }
}

fn lowered(plan: &LogicalPlan, options: &LowerOptions, budget: &Budget) -> Result<Lowered> {
    stack::with(stack::PLANNING_BYTES, || lower::lower(plan, options, budget))
}

/// Bytes of the machine's memory, if it tells.
#[must_use]
pub fn machine_memory_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// 80 % of the machine's memory, or 4 GiB if it does not tell.
fn default_memory_bytes() -> u64 {
    machine_memory_bytes().map_or(4 << 30, |bytes| bytes / 10 * 8)
}

#[cfg(test)]
mod tests;
