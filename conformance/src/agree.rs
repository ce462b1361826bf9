//! Generated queries give the same rows however they are run.
//!
//! In: seeds. Out: a [`Summary`], or the queries on which two ways of running them differ. Every query
//! runs in batches of 1, 7 and 2,048 rows, on one and two threads, on every SIMD tier of this CPU, with
//! and without pruning, and with every source, operator and sink answering `Blocked` twice first. The
//! baseline is 2,048 rows, one thread, scalar, nothing pruned.
//!
//! Tiers are a setting of the whole process: only one campaign may run at a time.

mod tables;
mod dice;
mod queries;
mod rows;

pub use queries::{Case, case};

use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use millwork_codecs::kernel::{self, Isa};
use millwork_engine::lower::LowerOptions;
use millwork_engine::pipeline::{Scheduler, SeededScheduler, ThreadScheduler};
use millwork_engine::plan::LogicalPlan;
use millwork_engine::session::{Consumer, Session, SessionOptions, StatementOutcome};
use millwork_engine::{ErrorKind, Result as EngineResult};
use millwork_format::batch::Batch;
use millwork_format::types::{DataType, Field};

use rows::{Datum, Demand, Row, difference};

/// Rows of a batch, first that of the baseline.
const BATCH_ROWS: [usize; 3] = [2048, 7, 1];

/// Queries that differ after which a campaign stops.
const REPORTED: usize = 20;

/// What a campaign came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Queries on which all ways of running them agreed.
    pub agreed: u64,
    /// Of those, queries that failed in the same way everywhere.
    pub failed: u64,
    /// Runs in all.
    pub runs: u64,
    /// Rows of all baselines.
    pub rows: u64,
    /// Tiers that were run.
    pub tiers: Vec<&'static str>,
}

/// A session over the fixtures with its own way of running plans.
struct Way {
    session: Session,
    batch_rows: usize,
    prune: bool,
    block_twice: bool,
}

/// What a run gave: rows, or the kind of its error and its text.
type Ended = Result<Vec<Row>, (ErrorKind, String)>;

struct Silent;

impl Consumer for Silent {
    fn begin(&mut self, _: usize, _: &[Field]) -> EngineResult<()> {
        Ok(())
    }

    fn batch(&mut self, _: &Batch) -> EngineResult<()> {
        Ok(())
    }

    fn end(&mut self, _: usize, _: &StatementOutcome) -> EngineResult<()> {
        Ok(())
    }
}

/// The files behind the views, by the name of the view.
#[must_use]
pub fn files() -> Vec<(&'static str, PathBuf)> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fixture = |name: &str| here.join("fixtures").join(format!("{name}.parquet"));
    vec![
        ("facts", fixture("facts")),
        ("more", fixture("more")),
        ("dims", fixture("dims")),
        ("nested", fixture("nested")),
        ("lineitem", here.join("../testdata/lineitem.parquet")),
    ]
}

/// A session with a view of each of [`files`].
pub(crate) fn session(lower: LowerOptions) -> Result<Session, String> {
    let options = SessionOptions { threads: 1, lower, ..SessionOptions::default() };
    let mut session = Session::new(options);
    for (name, file) in files() {
        let view = format!("create view {name} as select * from '{}'", file.display());
        session.run(&view, &mut Silent).map_err(|error| format!("{view}: {error}"))?;
    }
    Ok(session)
}

fn ways() -> Result<Vec<Way>, String> {
    let mut ways = Vec::new();
    for block_twice in [false, true] {
        for prune in [false, true] {
            for batch_rows in BATCH_ROWS {
                // Small morsels, so that small files are work for two lanes.
                let morsel_rows = if prune || block_twice { 200 } else { 64 << 10 };
                let lower = LowerOptions {
                    prune,
                    batch_rows,
                    morsel_rows,
                    block_twice,
                    ..LowerOptions::default()
                };
                ways.push(Way { session: session(lower)?, batch_rows, prune, block_twice });
            }
        }
    }
    Ok(ways)
}

/// Runs the queries of `seeds`, each in the baseline and in one of `stride` of the other ways: 1 for all.
///
/// # Errors
/// The first queries on which two ways differ, and how; or that do not bind.
pub fn run(seeds: Range<u64>, stride: u64) -> Result<Summary, String> {
    // A seed is the same run in every process.
    millwork_engine::hash::use_known_hashes();
    let found = campaign(seeds, stride.max(1));
    // Whatever comes next in this process has its best tier again.
    if let Some(best) = kernel::supported().pop() {
        kernel::force(best);
    }
    found
}

fn campaign(seeds: Range<u64>, stride: u64) -> Result<Summary, String> {
    let tiers = kernel::supported();
    let ways = ways()?;
    let mut summary = Summary {
        tiers: tiers.iter().map(|tier| tier_name(*tier)).collect(),
        ..Summary::default()
    };
    let mut found: Vec<String> = Vec::new();
    for seed in seeds {
        match agreement(&case(seed), &ways, &tiers, stride, &mut summary) {
            Ok(()) => summary.agreed += 1,
            Err(what) => found.push(what),
        }
        if found.len() == REPORTED {
            break;
        }
    }
    if found.is_empty() { Ok(summary) } else { Err(found.join("\n\n")) }
}

/// Runs `case` in the baseline and in one of `stride` of the other ways.
fn agreement(
    case: &Case,
    ways: &[Way],
    tiers: &[Isa],
    stride: u64,
    summary: &mut Summary,
) -> Result<(), String> {
    let plan = plan(ways, case)?;
    let demand = Demand { in_order: case.is_ordered, is_inexact: case.is_inexact };
    let mut baseline: Option<Ended> = None;
    let mut turn = case.seed;
    for tier in tiers {
        kernel::force(*tier);
        for way in ways {
            for threads in [1, 2] {
                turn += 1;
                if baseline.is_some() && !turn.is_multiple_of(stride) {
                    continue;
                }
                let ended = end(way, &plan, scheduler(threads, case.seed).as_ref());
                summary.runs += 1;
                let Some(expected) = &baseline else {
                    summary.rows += ended.as_ref().map_or(0, |rows| rows.len() as u64);
                    summary.failed += u64::from(ended.is_err());
                    baseline = Some(ended);
                    continue;
                };
                if let Some(what) = unlike(expected, &ended, demand) {
                    return Err(told(case, way, threads, *tier, &what));
                }
            }
        }
    }
    Ok(())
}

fn plan(ways: &[Way], case: &Case) -> Result<LogicalPlan, String> {
    let way = ways.first().ok_or("no way of running a query")?;
    way.session
        .plan(&case.sql)
        .map_err(|error| format!("seed {}: {error}\n{}", case.seed, case.sql))
}

fn scheduler(threads: usize, seed: u64) -> Box<dyn Scheduler> {
    // Every eighth query in an order that can be repeated exactly.
    if threads > 1 && seed.is_multiple_of(8) {
        let scheduler = SeededScheduler::new(seed, threads);
        // Reads are answered by threads outside.
        return Box::new(SeededScheduler { external_wakes: true, ..scheduler });
    }
    Box::new(ThreadScheduler { threads })
}

fn end(way: &Way, plan: &LogicalPlan, scheduler: &dyn Scheduler) -> Ended {
    let budget = way.session.budget();
    let ended = way
        .session
        .execute_on(plan, scheduler, &budget, false)
        .and_then(|(batches, _)| rows::rows(&batches));
    ended.map_err(|error| (error.kind().clone(), error.to_string()))
}

fn unlike(expected: &Ended, found: &Ended, demand: Demand) -> Option<String> {
    match (expected, found) {
        (Ok(expected), Ok(found)) => difference(expected, found, demand),
        (Err((kind, _)), Err((other, _))) if kind == other && *kind != ErrorKind::Internal => None,
        (Ok(_), Err((_, error))) => Some(format!("an error, expected rows: {error}")),
        (Err((_, error)), Ok(_)) => Some(format!("rows, expected an error: {error}")),
        (Err((_, one)), Err((_, other))) => Some(format!("{other}, expected {one}")),
    }
}

fn told(case: &Case, way: &Way, threads: usize, tier: Isa, what: &str) -> String {
    format!(
        "seed {}: {what}\nbatches of {} rows, {threads} threads, {}, pruning {}, blocking {}\n{}",
        case.seed,
        way.batch_rows,
        tier_name(tier),
        way.prune,
        way.block_twice,
        case.sql
    )
}

fn tier_name(tier: Isa) -> &'static str {
    match tier {
        Isa::Scalar => "scalar",
        Isa::Avx2 => "AVX2",
        Isa::Avx512 => "AVX-512",
    }
}

/// The queries of `seeds` with their baselines, each as one line of JSON, for another engine to judge:
/// `{"seed", "sql", "ordered", "types", "rows"}` or `"error"` in place of the last two.
///
/// # Errors
/// If the views cannot be made.
pub fn print(seeds: Range<u64>, out: &mut dyn FnMut(&str)) -> Result<(), String> {
    for (name, file) in files() {
        out(&serde_json::json!({ "view": name, "file": file.display().to_string() }).to_string());
    }
    let lower = LowerOptions::default();
    let way = Way {
        batch_rows: lower.batch_rows,
        prune: true,
        block_twice: false,
        session: session(lower)?,
    };
    for seed in seeds {
        let case = case(seed);
        let mut line = String::new();
        let sql = serde_json::json!(case.sql);
        let _ = write!(line, "{{\"seed\":{seed},\"ordered\":{},\"sql\":{sql},", case.is_ordered);
        let planned = way.session.plan(&case.sql).map_err(|error| error.to_string());
        let ended = planned.and_then(|plan| {
            let rows = end(&way, &plan, scheduler(1, 1).as_ref()).map_err(|(_, text)| text)?;
            Ok((plan, rows))
        });
        match ended {
            Ok((plan, rows)) => {
                let types: Vec<String> =
                    plan.fields().iter().map(|field| field.data_type.to_string()).collect();
                let fields = plan.fields();
                let rows: Vec<serde_json::Value> =
                    rows.iter().map(|row| json_row(row, fields)).collect();
                let _ = write!(line, "\"types\":{},", serde_json::json!(types));
                let _ = write!(line, "\"rows\":{}}}", serde_json::Value::Array(rows));
            }
            Err(error) => {
                let _ = write!(line, "\"error\":{}}}", serde_json::json!(error));
            }
        }
        out(&line);
    }
    Ok(())
}

/// Integers and floats as text: JSON numbers hold neither 128 bits nor NaN. Nested values as lists.
fn json_row(row: &Row, fields: &[Field]) -> serde_json::Value {
    let values = row.iter().zip(fields).map(|(datum, field)| json(datum, &field.data_type));
    serde_json::Value::Array(values.collect())
}

fn json(datum: &Datum, data_type: &DataType) -> serde_json::Value {
    match (datum, data_type) {
        (Datum::Null, _) => serde_json::Value::Null,
        (Datum::Boolean(value), _) => serde_json::json!(value),
        (Datum::Integer(value), DataType::Decimal { scale, .. }) => {
            serde_json::json!(format!("{value}e-{scale}"))
        }
        (Datum::Integer(value), _) => serde_json::json!(value.to_string()),
        (Datum::Float(value), _) => serde_json::json!(format!("{value:?}")),
        (Datum::Bytes(bytes), _) => serde_json::json!(String::from_utf8_lossy(bytes)),
        (Datum::Nested(parts), data_type) => {
            let types: Vec<&DataType> = match data_type {
                DataType::List(element) => vec![&element.data_type; parts.len()],
                DataType::Struct(fields) => fields.iter().map(|field| &field.data_type).collect(),
                _ => Vec::new(),
            };
            // The entries of a map are key and value.
            let entries = match data_type {
                DataType::Map { key, value } => Some(DataType::map_entries(key, value.as_ref())),
                _ => None,
            };
            let types = match &entries {
                Some(entries) => vec![entries; parts.len()],
                None => types,
            };
            parts.iter().zip(types).map(|(part, of)| json(part, of)).collect()
        }
    }
}
