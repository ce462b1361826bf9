//! A session: SQL text in, batches out, one statement after the other.
//!
//! ```text
//! text -> sql::parse -> sql::Binder -> LogicalPlan -> lower -> Query -> scheduler -> Consumer
//! ```
//!
//! Between statements a session keeps views and the footers of files it has opened, nothing else.

mod explain;

use std::time::{Duration, Instant};

use millwork_codecs::budget::Budget;
use millwork_format::batch::Batch;
use millwork_format::limits::Limits;
use millwork_format::types::{DataType, Field};
use millwork_format::vector::{Data, Vector, Views as Strings};

use crate::error::Result;
use crate::expr::fold;
use crate::lower::{self, LowerOptions};
use crate::pipeline::{CancelToken, QueryReport, RunOptions, Scheduler, ThreadScheduler};
use crate::plan::LogicalPlan;
use crate::plan::rules::optimize;
use crate::scan::ScanReport;
use crate::source::Files;
use crate::sql::ast::Statement;
use crate::sql::{self, Binder, Bound, Views};

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

/// SQL over files.
#[derive(Debug)]
pub struct Session {
    options: SessionOptions,
    files: Files,
    views: Views,
}

impl Session {
    /// A session without views.
    #[must_use]
    pub fn new(options: SessionOptions) -> Self {
        let files = Files::new(options.limits.clone());
        Self { options, files, views: Views::default() }
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
        for (index, statement) in statements.iter().enumerate() {
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
                let (batches, _) = self.execute(&plan, false)?;
                let mut rows = 0;
                for batch in batches {
                    rows += batch.count() as u64;
                    consumer.batch(&batch)?;
                }
                Ok(rows)
            }
            Bound::Explain { analyze, json, plan } => {
                let text = if analyze {
                    let started = Instant::now();
                    let (_, report) = self.execute(&plan, true)?;
                    explain::analyzed(&plan, &report, started.elapsed(), json)
                } else {
                    explain::plain(&plan, json)
                };
                consumer.begin(statement, &[Field::required("plan", DataType::Utf8)])?;
                let lines: Vec<&str> = if json { vec![&text] } else { text.lines().collect() };
                let strings = Strings::copy_of(&lines)?;
                let column = Vector::new(Data::Views(strings), None, lines.len())?;
                consumer.batch(&Batch::new([column], lines.len())?)?;
                Ok(lines.len() as u64)
            }
        }
    }

    /// Runs `plan` on worker threads: its rows in order, and what was done.
    ///
    /// # Errors
    /// Whatever went wrong first.
    pub fn execute(&self, plan: &LogicalPlan, analyze: bool) -> Result<(Vec<Batch>, Report)> {
        let threads = match self.options.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        self.execute_on(plan, &ThreadScheduler { threads }, &self.budget(), analyze)
    }

    /// Runs `plan` on `scheduler` with the memory of `budget`.
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
        let options = LowerOptions { lanes: scheduler.threads(), ..self.options.lower.clone() };
        let lowered = lower::lower(plan, &options, budget)?;
        let run = RunOptions { budget: budget.clone(), cancel: CancelToken::new(), analyze };
        let query = scheduler.run(lowered.query, run)?;
        let scans = lowered.scans.iter().map(|(name, scan)| (name.clone(), scan.report()));
        Ok((lowered.collected.take(), Report { query, scans: scans.collect() }))
    }

    /// The statement with names resolved and, if it is a query, its plan optimised.
    fn bind(&self, statement: &Statement) -> Result<Bound> {
        Ok(match Binder::new(&self.files, &self.views).bind(statement)? {
            Bound::Query(plan) => Bound::Query(optimize(plan, &fold)),
            Bound::Explain { analyze, json, plan } => {
                Bound::Explain { analyze, json, plan: optimize(plan, &fold) }
            }
            other => other,
        })
    }

    /// The plan to run for the one query in `sql`.
    ///
    /// # Errors
    /// If it does not parse or bind, or is no query.
    pub fn plan(&self, sql: &str) -> Result<LogicalPlan> {
        let statements = sql::parse(sql)?;
        let [statement] = &statements[..] else {
            return Err(crate::Error::syntax("one query is expected"));
        };
        match self.bind(statement)? {
            Bound::Query(plan) => Ok(plan),
            _ => Err(crate::Error::syntax("a query is expected")),
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

/// 80 % of the machine's memory, or 4 GiB if it does not tell.
fn default_memory_bytes() -> u64 {
    let told = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    });
    told.map_or(4 << 30, |kibibytes| kibibytes * 1024 / 10 * 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_that_run_are_optimised() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/lineitem.parquet");
        let sql = format!("select l_orderkey from (select * from '{path}') where l_quantity < 2");
        let plan = Session::new(SessionOptions::default()).plan(&sql).unwrap();
        let text = plan.explain();
        assert!(!text.contains("Filter"), "{text}");
        assert!(text.contains("[l_orderkey, l_quantity] where"), "{text}");
    }
}
