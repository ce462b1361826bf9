//! A file, column by column: all it says, its rows in order, and some of them in steps.

use std::fmt::Write as _;
use std::sync::Arc;

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::{Bitmap, Buffer};
use millwork_format::io::{MemoryDriver, Need};
use millwork_format::limits::Limits;
use millwork_format::page::PageContext;
use millwork_format::prune::{
    Comparison, Filter, Predicate, PruneValue, Step, Test, ValueSet, always_matches, chunk_bounds,
    may_match, page_selection,
};
use millwork_format::read::{
    BatchOptions, Columns, File, FileScan, MorselReader, RowGroupScan, ScanMetrics,
};
use millwork_format::record::JsonWriter;
use millwork_format::selection::Selection;
use millwork_format::{Error, Result};

use super::{MOST_ROWS, STEP_ROWS, Tally, mask};

/// Rows rendered of one column.
const RENDERED_ROWS: u64 = 4 << 10;

/// Opens `bytes` and reads column `only` of them, or all that can be read.
pub(crate) fn file(
    bytes: &[u8],
    only: Option<usize>,
    verify: bool,
    budget: &Budget,
    tally: &mut Tally,
) {
    let limits = Limits { verify_checksums: verify, ..Limits::untrusted() };
    let copied = Buffer::copy_of(bytes, &Budget::unlimited()).map_err(Error::from);
    let Some(bytes) = tally.value(copied) else { return };
    let driver = Arc::new(MemoryDriver::new("mutant", bytes));
    let Some(file) = tally.value(File::with_driver(driver, &limits, budget)) else { return };
    metadata(&file, tally);
    for column in 0..file.schema().columns().len() {
        if only.is_none_or(|only| only == column) {
            let in_order = in_order(&file, column, budget, tally);
            tally.value(in_order);
            let in_steps = in_steps(&file, column, budget, tally);
            tally.value(in_steps);
            let by_filter = by_filter(&file, column, budget, tally);
            tally.value(by_filter);
        }
    }
}

/// Tests of each type.
fn tests() -> Vec<Test> {
    let compare = |comparison, value| Test::Compare { comparison, value };
    vec![
        Test::IsNull,
        Test::IsNotNull,
        compare(Comparison::Equal, PruneValue::Boolean(true)),
        compare(Comparison::Less, PruneValue::Integer(5)),
        compare(Comparison::GreaterOrEqual, PruneValue::Float(0.0)),
        compare(Comparison::NotEqual, PruneValue::Bytes(b"m".to_vec())),
        compare(Comparison::Equal, PruneValue::Integer(3)),
        Test::Prefix(b"a".to_vec()),
        Test::In(ValueSet::from_iter([PruneValue::Integer(0), PruneValue::Bytes(Vec::new())])),
        Test::In(ValueSet::from_iter([PruneValue::Bytes(b"Hello_Not_Exists".to_vec())])),
    ]
}

/// Looks at everything that the footer says.
fn metadata(file: &File, tally: &mut Tally) {
    let (footer, schema) = (file.footer(), file.schema());
    let mut text = String::new();
    let _ = write!(text, "{schema}");
    for described in schema.describe() {
        let _ = write!(text, "{described:?}");
    }
    for key_value in footer.key_values() {
        let _ = write!(text, "{key_value:?}");
    }
    let _ = schema.suggest("column");
    let tests = tests();
    for group in footer.row_groups() {
        for chunk in group.columns() {
            // Broken statistics are an error of their own, which does not count as the file's.
            let _ = (chunk.statistics(), chunk.key_values(), chunk.encodings());
            let bounds = chunk_bounds(footer, schema, group.index(), chunk.leaf());
            if let Some(bounds) = tally.value(bounds).flatten() {
                for test in &tests {
                    let always = always_matches(test, &bounds);
                    if always && !may_match(test, &bounds) && bounds.row_count > 0 {
                        tally.internal.get_or_insert_with(|| format!("{test:?} of {bounds:?}"));
                    }
                }
            }
        }
    }
}

/// The plain way: all batches, the first of them rendered.
fn in_order(file: &File, column: usize, budget: &Budget, tally: &mut Tally) -> Result<()> {
    let batches = file.batches(BatchOptions {
        columns: Columns::At(vec![column]),
        limit_rows: Some(MOST_ROWS),
        budget: Some(budget.clone()),
        ..BatchOptions::default()
    })?;
    let mut writer = JsonWriter::new(&batches.fields());
    let (mut text, mut rows) = (Vec::new(), 0);
    for batch in batches {
        let batch = batch?;
        if rows < RENDERED_ROWS {
            writer.write_batch(&batch, &mut text)?;
            text.clear();
        }
        rows += batch.rows() as u64;
        tally.values += batch.rows() as u64;
    }
    Ok(())
}

/// The library's way with a filter: what the indexes leave, and of that the rows that pass. A lie of an index is
/// believed, so that rows may be missing.
fn by_filter(file: &File, column: usize, budget: &Budget, tally: &mut Tally) -> Result<()> {
    let described = file.schema().columns().get(column);
    let Some(leaf) = described.map(|column| column.leaves.start) else { return Ok(()) };
    let above = Test::Compare { comparison: Comparison::Greater, value: PruneValue::Integer(3) };
    for test in [Test::IsNotNull, above] {
        let batches = file.batches(BatchOptions {
            columns: Columns::At(vec![column]),
            filter: Some(Predicate::test(leaf, test)),
            rows: Some(vec![0..MOST_ROWS / 3, MOST_ROWS / 2..MOST_ROWS]),
            limit_rows: Some(MOST_ROWS),
            budget: Some(budget.clone()),
            ..BatchOptions::default()
        });
        // A comparison that makes no sense of the column's type.
        let Ok(batches) = batches else { continue };
        for batch in batches {
            tally.values += batch?.rows() as u64;
        }
    }
    Ok(())
}

/// The engine's way: page indexes, morsels, and steps of which some rows are chosen.
fn in_steps(file: &File, column: usize, budget: &Budget, tally: &mut Tally) -> Result<()> {
    let scan = FileScan::new(file, 0, &[column], Arc::new(ScanMetrics::new(1)))?;
    let mut context = PageContext::new(budget.clone(), file.limits().clone());
    let mut rows_left = MOST_ROWS;
    for ordinal in 0..file.footer().num_row_groups() {
        let group = RowGroupScan::new(&scan, ordinal)?;
        for test in tests() {
            let filter = Filter::new(Predicate::test(scan.columns()[0].leaf, test));
            // Each on a row group of its own: the verdict of one is remembered.
            let group = RowGroupScan::new(&scan, ordinal)?;
            let filter = Arc::new(filter);
            bring(&scan, budget, || {
                Ok(match group.prune(&filter, budget)? {
                    Step::Need(required) => Some(Need { required, useful: Vec::new() }),
                    Step::Excluded(_) | Step::Kept => None,
                })
            })?;
        }
        bring(&scan, budget, || group.prepare(&[scan.columns()[0].leaf], 0, budget))?;
        if let Some((bounds, offsets)) = group.page_bounds(0)
            && let Some(leaf) = file.schema().leaves().get(scan.columns()[0].leaf)
        {
            for test in tests() {
                let (writer, rows) = (file.footer().writer(), group.rows());
                let _ = page_selection(leaf, &bounds, &offsets, writer, rows, &[test]);
            }
        }
        for morsel in group.cut(0, STEP_ROWS) {
            let mut reader = MorselReader::new(&group, morsel.clone());
            let mut start = morsel.start;
            while start < morsel.end && rows_left > 0 {
                let rows = start..morsel.end.min(start + STEP_ROWS.min(rows_left));
                let count = rows.end - rows.start;
                (start, rows_left) = (rows.end, rows_left - count);
                let selection = selection(count as usize, start / STEP_ROWS);
                bring(&scan, budget, || reader.want(&[0], std::slice::from_ref(&rows), budget))?;
                let vector = reader.read(0, rows, &selection, &mut context)?;
                tally.values += vector.len() as u64;
            }
        }
    }
    Ok(())
}

/// All, none or some of `count` rows, by `turn`.
fn selection(count: usize, turn: u64) -> Selection {
    match turn % 3 {
        0 => Selection::All(count),
        1 => Selection::from_bitmap(mask(count)),
        _ => Selection::from_bitmap(Bitmap::filled(false, count)),
    }
}

/// Asks until nothing is needed.
pub(crate) fn bring(
    scan: &FileScan,
    budget: &Budget,
    mut want: impl FnMut() -> Result<Option<Need>>,
) -> Result<()> {
    for _ in 0..1000 {
        let Some(need) = want()? else { return Ok(()) };
        scan.fetcher().request(&need.required, budget)?;
    }
    Err(Error::internal("bytes that are here are asked for again and again"))
}
