//! A query of one column of integers, asked of one file.
//!
//! In: a file, which is the table `t`, and SQL. Out: the answer in ascending order, and what the scan did.

use std::sync::Arc;

use millwork_codecs::budget::Budget;
use millwork_engine::catalog::{Catalog, Table};
use millwork_engine::lower::{LowerOptions, lower};
use millwork_engine::pipeline::{CancelToken, RunOptions, Scheduler, SeededScheduler};
use millwork_engine::scan::ScanReport;
use millwork_engine::source::ParquetTable;
use millwork_engine::sql::{Binder, Bound, Views, parse};
use millwork_format::read::File;
use millwork_format::vector::Cell;

struct One(File);

impl Catalog for One {
    fn table(&self, name: &str) -> millwork_engine::Result<Arc<dyn Table>> {
        Ok(Arc::new(ParquetTable::new(name, vec![self.0.clone()])?))
    }
}

/// The integers that `sql` answers, ascending, nulls left out.
///
/// # Errors
/// The query fails, or is none of one column of integers.
pub fn integers(file: &File, sql: &str, prune: bool) -> Result<(Vec<i128>, ScanReport), String> {
    let failed = |error: millwork_engine::Error| format!("{sql}: {error}");
    let (views, catalog) = (Views::default(), One(file.clone()));
    let statements = parse(sql).map_err(failed)?;
    let statement = statements.first().ok_or("no statement")?;
    let bound = Binder::new(&catalog, &views).bind(statement).map_err(failed)?;
    let Bound::Query(plan) = bound.optimized(&millwork_engine::expr::fold) else {
        return Err(format!("{sql}: not a query"));
    };
    let scheduler = SeededScheduler::new(1, 2);
    let budget = Budget::unlimited();
    let lanes = scheduler.threads();
    let window_bytes = u64::MAX;
    let options = LowerOptions { lanes, prune, window_bytes, ..LowerOptions::default() };
    let lowered = lower(&plan, &options, &budget).map_err(failed)?;
    let Some((_, scan)) = lowered.scans.first().cloned() else {
        return Ok((Vec::new(), ScanReport::default()));
    };
    let run = RunOptions { budget: budget.clone(), cancel: CancelToken::new(), analyze: false };
    scheduler.run(lowered.query, run).map_err(failed)?;
    let mut found = Vec::new();
    for batch in lowered.result.take_all() {
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
    Ok((found, scan.report()))
}
