//! A query asked of one file.
//!
//! In: a file, which is the table `t`, and SQL. Out: the answer, and what the scan did.

use std::sync::Arc;

use millwork_codecs::budget::Budget;
use millwork_engine::catalog::{Catalog, Table};
use millwork_engine::lower::{LowerOptions, lower};
use millwork_engine::pipeline::{CancelToken, RunOptions, Scheduler, SeededScheduler};
use millwork_engine::scan::ScanReport;
use millwork_engine::source::ParquetTable;
use millwork_engine::sql::{Binder, Bound, Views, parse};
use millwork_format::batch::Batch;
use millwork_format::read::File;
use millwork_format::vector::Cell;

struct One(File);

impl Catalog for One {
    fn table(&self, name: &str) -> millwork_engine::Result<Arc<dyn Table>> {
        Ok(Arc::new(ParquetTable::new(name, vec![self.0.clone()])?))
    }
}

/// The batches that `sql` answers, and what its first scan did; `None` if nothing had to be scanned.
fn ask(file: &File, sql: &str, prune: bool) -> Result<(Vec<Batch>, Option<ScanReport>), String> {
    let failed = |error: millwork_engine::Error| format!("{sql}: {error}");
    let (views, catalog) = (Views::default(), One(file.clone()));
    let statements = parse(sql).map_err(failed)?;
    let statement = statements.first().ok_or("no statement")?;
    let bound = Binder::new(&catalog, &views).bind(statement).map_err(failed)?;
    let Bound::Query(plan) = bound.optimized() else {
        return Err(format!("{sql}: not a query"));
    };
    let scheduler = SeededScheduler::new(1, 2);
    let budget = Budget::unlimited();
    let lanes = scheduler.threads();
    let window_bytes = u64::MAX;
    let options = LowerOptions { lanes, prune, window_bytes, ..LowerOptions::default() };
    let lowered = lower(&plan, &options, &budget).map_err(failed)?;
    let run = RunOptions { budget: budget.clone(), cancel: CancelToken::new(), analyze: false };
    scheduler.run(lowered.query, run).map_err(failed)?;
    let scan = lowered.scans.first().map(|(_, scan)| scan.report());
    Ok((lowered.result.take_all(), scan))
}

/// The integers that `sql` answers in its first column, ascending, nulls left out.
///
/// # Errors
/// The query fails, or its first column is none of integers.
pub fn integers(file: &File, sql: &str, prune: bool) -> Result<(Vec<i128>, ScanReport), String> {
    let (batches, scan) = ask(file, sql, prune)?;
    let mut found = Vec::new();
    for batch in batches {
        let column = batch.columns().first().ok_or("an answer without columns")?;
        for row in batch.selection().rows().iter() {
            match column.cell(*row as usize) {
                Cell::Integer(value) => found.push(value),
                Cell::Null => {}
                other => return Err(format!("{sql}: {other:?}")),
            }
        }
    }
    found.sort_unstable();
    Ok((found, scan.unwrap_or_default()))
}

/// The one row that `sql` answers, as text, and whether anything was scanned for it.
///
/// # Errors
/// The query fails, or gives another number of rows.
pub fn one_row(file: &File, sql: &str, prune: bool) -> Result<(Vec<String>, bool), String> {
    let (batches, scan) = ask(file, sql, prune)?;
    let rows = batches.iter().flat_map(|batch| {
        let rows = batch.selection().rows().to_vec();
        rows.into_iter().map(move |row| (batch, row as usize))
    });
    let mut rows = rows.map(|(batch, row)| {
        batch.columns().iter().map(|column| format!("{:?}", column.cell(row))).collect()
    });
    match (rows.next(), rows.next()) {
        (Some(row), None) => Ok((row, scan.is_some())),
        _ => Err(format!("{sql}: not one row")),
    }
}
