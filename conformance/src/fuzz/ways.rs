//! One file read in several ways, each of which has to tell the same rows.
//!
//! In: bytes. The rows are told as canonical JSON, of which a number a line is kept: by the batches that
//! [`File::batches`] gives, by smaller ones, by the steps of the engine under selections; and of those
//! batches by what is done with vectors on their way. Where one way tells all rows no other may
//! fail, but for memory. Other forms (CSV, SQL text, typed values, parts of columns by path) are
//! made too, and only counted.

use std::ops::Range;
use std::sync::Arc;

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::{Bitmap, Buffer};
use millwork_format::batch::Batch;
use millwork_format::io::MemoryDriver;
use millwork_format::limits::Limits;
use millwork_format::page::PageContext;
use millwork_format::read::{
    BatchOptions, Batches, Columns, File, FileScan, MorselReader, RowGroupScan, ScanMetrics,
};
use millwork_format::record::{CsvWriter, JsonWriter, Value, text};
use millwork_format::selection::Selection;
use millwork_format::types::Field;
use millwork_format::vector::{Vector, concat};
use millwork_format::{Error, ErrorKind, Result};

use super::check_error;
use crate::examine::bring;

/// Rows that are told.
const ROWS: u64 = 1500;

/// Bytes of text that are made of a file in one way.
const TEXT_BYTES: usize = 64 << 10;

/// Values that are taken one by one.
const VALUES: usize = 4000;

/// What one way told.
struct Told {
    /// A number for each line.
    lines: Vec<u64>,
    end: End,
}

/// Why it told no more.
enum End {
    All,
    /// There was enough text.
    Enough,
    Failed(Error),
}

/// Takes text and makes numbers of its lines.
struct Listener {
    lines: Vec<u64>,
    line: u64,
    bytes: usize,
}

/// The file of `bytes`, in every way of this module.
pub(super) fn file(bytes: &[u8], budget: &Budget) {
    let limits = Limits { verify_checksums: false, ..Limits::untrusted() };
    let Ok(bytes) = Buffer::copy_of(bytes, &Budget::unlimited()) else { return };
    let driver = Arc::new(MemoryDriver::new("fuzzed", bytes));
    let Ok(file) = File::with_driver(driver, &limits, budget) else { return };
    let options = |batch_rows| BatchOptions {
        limit_rows: Some(ROWS),
        batch_rows,
        budget: Some(budget.clone()),
        ..BatchOptions::default()
    };
    let Ok(batches) = file.batches(options(None)) else { return };
    let fields = batches.fields();
    let whole = tell(&fields, batches);
    if let Ok(batches) = file.batches(options(Some(37))) {
        same(&whole, &tell(&fields, batches), "small batches");
    }
    let mut chosen = Vec::new();
    let steps = in_steps(&file, budget, &mut chosen);
    let steps = tell(&fields, steps.into_iter());
    among(&whole, &steps, &chosen, "steps");
    let [at_once, in_pieces] =
        [40, 7].map(|step| tell(&fields, ends(&file, budget, step).into_iter()));
    same(&at_once, &in_pieces, "pieces of the ends");
    if let Ok(batches) = file.batches(options(None)) {
        on_their_way(&fields, batches, &whole);
    }
    forms(&file, &fields, options(None));
    parts(&file, &options(None));
}

/// Tells the rows of `batches`.
fn tell(fields: &[Field], batches: impl Iterator<Item = Result<Batch>>) -> Told {
    let mut writer = JsonWriter::new(fields);
    let mut listener = Listener { lines: Vec::new(), line: 0, bytes: 0 };
    for batch in batches {
        let written =
            batch.and_then(|batch| writer.write_batch_to(&batch, &mut |text| listener.hear(text)));
        if let Err(error) = written {
            let end = if listener.bytes > TEXT_BYTES { End::Enough } else { End::Failed(error) };
            return Told { lines: listener.lines, end };
        }
    }
    Told { lines: listener.lines, end: End::All }
}

impl Listener {
    fn hear(&mut self, text: &[u8]) -> Result<()> {
        for byte in text {
            if *byte == b'\n' {
                self.lines.push(std::mem::take(&mut self.line));
            } else {
                self.line = (self.line ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3) + 1;
            }
        }
        self.bytes += text.len();
        if self.bytes > TEXT_BYTES {
            return Err(Error::internal("enough text"));
        }
        Ok(())
    }
}

/// Two ways tell the same rows.
fn same(whole: &Told, other: &Told, way: &str) {
    let every: Vec<usize> = (0..whole.lines.len().max(other.lines.len())).collect();
    among(whole, other, &every, way);
    if let (End::Failed(error), End::All) = (&whole.end, &other.end) {
        assert!(is_memory(error), "only {way} read: {error}");
    }
}

/// The other way tells rows `chosen` of those.
fn among(whole: &Told, other: &Told, chosen: &[usize], way: &str) {
    for (line, row) in other.lines.iter().zip(chosen) {
        let expected = whole.lines.get(*row);
        assert!(expected.is_none_or(|expected| expected == line), "row {row} differs by {way}");
    }
    match (&whole.end, &other.end) {
        (End::All, End::All) => {
            let count = chosen.iter().filter(|row| **row < whole.lines.len()).count();
            assert_eq!(other.lines.len(), count, "rows by {way}");
        }
        (End::All, End::Failed(error)) => assert!(is_memory(error), "{way}: {error}"),
        (_, End::Failed(error)) => check_error(error),
        _ => {}
    }
}

fn is_memory(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::LimitExceeded(_))
}

/// The batches that an engine makes: steps within morsels, of which some rows are chosen; and which
/// rows these are.
fn in_steps(file: &File, budget: &Budget, chosen: &mut Vec<usize>) -> Vec<Result<Batch>> {
    let mut batches = Vec::new();
    if let Err(error) = steps(file, budget, chosen, &mut batches) {
        batches.push(Err(error));
    }
    batches
}

fn steps(
    file: &File,
    budget: &Budget,
    chosen: &mut Vec<usize>,
    batches: &mut Vec<Result<Batch>>,
) -> Result<()> {
    const STEP: u64 = 50;
    let columns: Vec<usize> = (0..file.schema().columns().len()).collect();
    let scan = FileScan::new(file, 0, &columns, Arc::new(ScanMetrics::new(columns.len())))?;
    let mut context = PageContext::new(budget.clone(), file.limits().clone());
    let mut before = 0;
    for ordinal in 0..file.footer().num_row_groups() {
        let group = RowGroupScan::new(&scan, ordinal)?;
        for morsel in group.cut(0, 4 * STEP) {
            let mut reader = MorselReader::new(&group, morsel.clone());
            for start in morsel.clone().step_by(STEP as usize) {
                let rows = start..morsel.end.min(start + STEP);
                let (first, count) = (before + rows.start, (rows.end - rows.start) as usize);
                if first + count as u64 > ROWS {
                    return Ok(());
                }
                let selection = selection(count, start / STEP);
                batches.push(read(&mut reader, &scan, &rows, &selection, &mut context));
                let numbers = selection.rows();
                chosen.extend(numbers.iter().map(|row| first as usize + *row as usize));
            }
        }
        before += group.rows();
    }
    Ok(())
}

/// The last rows of the first row groups, with all before them passed over, `step` at a time.
fn ends(file: &File, budget: &Budget, step: u64) -> Vec<Result<Batch>> {
    let mut batches = Vec::new();
    for ordinal in 0..file.footer().num_row_groups().min(3) {
        if let Err(error) = end_of(file, ordinal, budget, step, &mut batches) {
            batches.push(Err(error));
            break;
        }
    }
    batches
}

fn end_of(
    file: &File,
    ordinal: usize,
    budget: &Budget,
    step: u64,
    batches: &mut Vec<Result<Batch>>,
) -> Result<()> {
    let columns: Vec<usize> = (0..file.schema().columns().len()).collect();
    let scan = FileScan::new(file, 0, &columns, Arc::new(ScanMetrics::new(columns.len())))?;
    let mut context = PageContext::new(budget.clone(), file.limits().clone());
    let group = RowGroupScan::new(&scan, ordinal)?;
    // One morsel: what is passed over is not dropped.
    let Some(morsel) = group.cut(0, u64::MAX).pop() else { return Ok(()) };
    let mut reader = MorselReader::new(&group, morsel.clone());
    let mut start = morsel.end.saturating_sub(40).max(morsel.start);
    while start < morsel.end {
        let rows = start..morsel.end.min(start + step);
        let count = (rows.end - rows.start) as usize;
        // Also behind an error: a column that failed must not read on.
        batches.push(read(&mut reader, &scan, &rows, &Selection::All(count), &mut context));
        start = rows.end;
    }
    Ok(())
}

/// Those of rows `rows` that `selection` chooses, of all columns.
fn read(
    reader: &mut MorselReader,
    scan: &FileScan,
    rows: &Range<u64>,
    selection: &Selection,
    context: &mut PageContext,
) -> Result<Batch> {
    let mut vectors = Vec::new();
    for column in 0..scan.columns().len() {
        let asked = std::slice::from_ref(rows);
        bring(scan, context.budget(), || reader.want(&[column], asked, context.budget()))?;
        vectors.push(reader.read(column, rows.clone(), selection, context)?);
    }
    Batch::new(vectors, selection.count())
}

/// All, few, most or none of `count` rows, by `turn`.
fn selection(count: usize, turn: u64) -> Selection {
    let bits = |is_chosen: fn(usize) -> bool| {
        let bits: Vec<bool> = (0..count).map(is_chosen).collect();
        Selection::from_bitmap(Bitmap::from_bools(&bits))
    };
    match turn % 4 {
        0 => bits(|row| row % 7 == 3),
        1 => Selection::All(count),
        2 => bits(|row| row % 7 != 3),
        _ => bits(|_| false),
    }
}

/// What happens to batches between operators, with the first two: rows are chosen, put together, copied.
fn on_their_way(fields: &[Field], batches: Batches, whole: &Told) {
    let firsts: Result<Vec<Batch>> = batches.take(2).collect();
    let Ok(firsts) = firsts else { return };
    let mut before = 0;
    for batch in &firsts {
        let rows = batch.rows();
        let check = |changed: Result<Batch>, chosen: &[usize], way: &str| {
            let told = tell(fields, std::iter::once(changed));
            among(whole, &told, chosen, way);
        };
        let numbers = |selection: &Selection| -> Vec<usize> {
            selection.rows().iter().map(|row| before + *row as usize).collect()
        };
        for turn in [0, 2] {
            let selection = selection(rows, turn);
            let chosen = numbers(&selection);
            let selected = batch.clone().with_selection(selection);
            check(selected.as_ref().map_err(copied).cloned(), &chosen, "a selection");
            check(selected.and_then(|batch| batch.compacted()), &chosen, "compacted rows");
        }
        let every = numbers(&Selection::All(rows));
        let mapped = |change: &dyn Fn(&Vector) -> Result<Vector>, count: usize| {
            let columns: Result<Vec<Vector>> = batch.columns().iter().map(change).collect();
            columns.and_then(|columns| Batch::new(columns, count))
        };
        check(mapped(&Vector::flatten, rows), &every, "flat vectors");
        check(mapped(&Vector::detached, rows), &every, "detached vectors");
        let (start, end) = (rows / 3, rows - rows / 5);
        check(
            mapped(&|column| column.slice(start, end), end - start),
            &every[start..end],
            "a slice",
        );
        let backwards: Vec<u32> = (0..rows as u32).rev().collect();
        let chosen: Vec<usize> = every.iter().rev().copied().collect();
        check(mapped(&|column| column.take(&backwards), rows), &chosen, "rows backwards");
        before += rows;
    }
    let [first, second] = firsts.as_slice() else { return };
    let columns: Result<Vec<Vector>> = first
        .columns()
        .iter()
        .zip(second.columns())
        .map(|(first, second)| concat(&[first.clone(), second.clone()]))
        .collect();
    let joined = columns.and_then(|columns| Batch::new(columns, before));
    let every: Vec<usize> = (0..before).collect();
    among(whole, &tell(fields, std::iter::once(joined)), &every, "two batches in one");
}

fn copied(error: &Error) -> Error {
    Error::internal(error.to_string())
}

/// The rows in other forms.
fn forms(file: &File, fields: &[Field], options: BatchOptions) {
    let Ok(batches) = file.batches(BatchOptions { limit_rows: Some(200), ..options.clone() })
    else {
        return;
    };
    let mut writer = CsvWriter::new(fields);
    writer.write_header(&mut Vec::new());
    for batch in batches.map_while(Result::ok) {
        let mut listener = Listener { lines: Vec::new(), line: 0, bytes: 0 };
        let written = writer.write_batch_to(&batch, &mut |text| listener.hear(text));
        if let Err(error) = written
            && listener.bytes <= TEXT_BYTES
        {
            check_error(&error);
        }
        let mut shown = String::new();
        for (field, column) in fields.iter().zip(batch.columns()) {
            for row in 0..batch.rows().min(50) {
                text::write_beginning(&field.data_type, column.cell(row), 100, &mut shown);
            }
        }
    }
    let Ok(mut rows) = file.rows(options) else { return };
    let mut left = VALUES;
    loop {
        match rows.read_next() {
            Ok(Some(row)) if left > 0 => row.values().for_each(|value| take(value, &mut left)),
            Ok(_) => return,
            Err(error) => return check_error(&error),
        }
    }
}

/// The value and all in it, as long as any are `left`.
fn take(value: Result<Value<'_>>, left: &mut usize) {
    let value = match value {
        Ok(value) => value,
        Err(error) => return check_error(&error),
    };
    *left = left.saturating_sub(1);
    let mut inner: Box<dyn Iterator<Item = Result<Value<'_>>>> = match value {
        Value::List(list) => Box::new(list.iter()),
        Value::Map(map) => Box::new(map.iter().flat_map(|entry| match entry {
            Ok((key, value)) => [Ok(key), Ok(value)],
            Err(error) => [Err(error), Ok(Value::Null)],
        })),
        Value::Struct(row) => Box::new(row.values()),
        _ => return,
    };
    while *left > 0
        && let Some(value) = inner.next()
    {
        take(value, left);
    }
}

/// Each leaf alone, by its path.
fn parts(file: &File, options: &BatchOptions) {
    for leaf in file.schema().leaves().iter().take(20) {
        let path = leaf.path.join(".");
        let columns = Columns::named([path]);
        match file.batches(BatchOptions { columns, limit_rows: Some(200), ..options.clone() }) {
            Ok(batches) => {
                let fields = batches.fields();
                if let End::Failed(error) = tell(&fields, batches).end {
                    check_error(&error);
                }
            }
            Err(error) => check_error(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::seed::long_pages;

    #[test]
    fn long_pages_are_told_from_both_ends() {
        for bytes in long_pages().unwrap() {
            let bytes = Buffer::copy_of(&bytes, &Budget::unlimited()).unwrap();
            let file = File::from_bytes("long", bytes, &Limits::untrusted()).unwrap();
            let limit_rows = Some(ROWS);
            let batches = file.batches(BatchOptions { limit_rows, ..BatchOptions::default() });
            let batches = batches.unwrap();
            let fields = batches.fields();
            let told = tell(&fields, batches);
            assert!(matches!(told.end, End::All));
            assert_eq!(told.lines.len() as u64, ROWS);
            let told = tell(&fields, ends(&file, &Budget::unlimited(), 7).into_iter());
            assert!(matches!(told.end, End::All));
            assert_eq!(told.lines.len(), 40);
        }
    }

    #[test]
    #[should_panic(expected = "row 1 differs by another way")]
    fn a_difference_is_seen() {
        let told = |lines: [u64; 3]| Told { lines: lines.to_vec(), end: End::All };
        same(&told([1, 2, 3]), &told([1, 4, 3]), "another way");
    }

    #[test]
    #[should_panic(expected = "rows by another way")]
    fn a_missing_row_is_seen() {
        let told = |lines: &[u64]| Told { lines: lines.to_vec(), end: End::All };
        among(&told(&[1, 2, 3]), &told(&[1]), &[0, 2], "another way");
    }
}
