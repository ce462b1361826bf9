//! Everything that can be done with a broken file, or with the body of a broken page.
//!
//! In: bytes and a budget. Out: a [`Tally`] of values and errors; nothing is kept.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::{Bitmap, Buffer};
use millwork_codecs::compression::Codec;
use millwork_format::column::{
    ColumnShape, LeafCursor, LeafRows, PageCursor, RowMask, decode_dictionary,
};
use millwork_format::io::{MemoryDriver, Need};
use millwork_format::levels::MaxLevels;
use millwork_format::limits::Limits;
use millwork_format::metadata::PageKind;
use millwork_format::page::{DataPage, PageContext, PageStart};
use millwork_format::prune::{
    Comparison, PruneValue, Test, always_matches, chunk_bounds, may_match, page_selection,
};
use millwork_format::read::{
    BatchOptions, File, FileScan, MorselReader, RowGroupScan, ScanMetrics,
};
use millwork_format::record::JsonWriter;
use millwork_format::selection::Selection;
use millwork_format::{Error, ErrorKind, Result};

use super::Tally;
use super::cases::Body;

/// Rows read of one column: a few bytes may rightly say that a billion rows are null.
const MOST_ROWS: u64 = 64 << 10;

/// Rows rendered of one column.
const RENDERED_ROWS: u64 = 4 << 10;

/// Rows of a step.
const STEP_ROWS: u64 = 700;

thread_local! {
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps what a panic on this thread says.
pub(super) fn keep_panic(what: String) {
    PANIC.with_borrow_mut(|last| *last = what);
}

/// What the last panic on this thread said.
pub(super) fn last_panic() -> String {
    PANIC.with_borrow(Clone::clone)
}

impl Tally {
    /// The value, or the error counted.
    fn value<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.error(&error)).ok()
    }

    fn error(&mut self, error: &Error) {
        self.errors.push(match error.kind() {
            ErrorKind::Io => "Io",
            ErrorKind::NotFound => "NotFound",
            ErrorKind::Corrupt => "Corrupt",
            ErrorKind::Truncated => "Truncated",
            ErrorKind::Unsupported(_) => "Unsupported",
            ErrorKind::LimitExceeded(_) => "LimitExceeded",
            ErrorKind::InvalidArgument => "InvalidArgument",
            ErrorKind::Crypto => "Crypto",
            ErrorKind::Internal => "Internal",
            _ => "another kind",
        });
        if matches!(error.kind(), ErrorKind::Internal | ErrorKind::InvalidArgument) {
            self.internal.get_or_insert_with(|| error.to_string());
        }
    }
}

/// Opens `bytes` and reads column `only` of them, or all that can be read.
pub(super) fn file(
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
        Test::In(vec![PruneValue::Integer(0), PruneValue::Bytes(Vec::new())]),
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
        columns: Some(vec![column]),
        limit_rows: Some(MOST_ROWS),
        budget: budget.clone(),
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

/// The engine's way: page indexes, morsels, and steps of which some rows are chosen.
fn in_steps(file: &File, column: usize, budget: &Budget, tally: &mut Tally) -> Result<()> {
    let scan = FileScan::new(file, 0, &[column], Arc::new(ScanMetrics::new(1)))?;
    let mut context = PageContext::new(budget.clone(), file.limits().clone());
    let mut rows_left = MOST_ROWS;
    for ordinal in 0..file.footer().num_row_groups() {
        let group = RowGroupScan::new(&scan, ordinal)?;
        bring(&scan, budget, || group.prepare(&[0], 0))?;
        if let Some((bounds, offsets)) = group.page_bounds(0)
            && let Some(leaf) = file.schema().leaves().get(scan.columns()[0].leaf)
        {
            for test in tests() {
                let _ = page_selection(leaf, &bounds, &offsets, group.rows(), &[test]);
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
                bring(&scan, budget, || reader.want(&[0], std::slice::from_ref(&rows)))?;
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

fn mask(count: usize) -> Bitmap {
    let bits: Vec<bool> = (0..count).map(|row| row % 3 == 1 || row % 64 == 0).collect();
    Bitmap::from_bools(&bits)
}

/// Asks until nothing is needed.
fn bring(
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

/// The body of `page` as the decoders see it: levels and values, decompressed.
pub(super) fn decompressed(
    page: &PageStart,
    codec: Codec,
    context: &mut PageContext,
) -> Result<Vec<u8>> {
    let len = page.header.uncompressed_page_size as usize;
    let PageKind::DataV2 {
        definition_levels_byte_length: definition,
        repetition_levels_byte_length: repetition,
        is_compressed,
        ..
    } = page.header.kind
    else {
        return Ok(context.decompress(codec, &page.body, len)?.to_vec());
    };
    let cut = definition as usize + repetition as usize;
    let codec = if is_compressed { codec } else { Codec::Uncompressed };
    let levels = page.body.get(..cut).unwrap_or_default();
    let values = page.body.slice(cut..page.body.len()).unwrap_or_else(Buffer::empty);
    let mut bytes = levels.to_vec();
    if len > cut {
        bytes.extend_from_slice(&context.decompress(codec, &values, len - cut)?);
    }
    Ok(bytes)
}

/// Feeds `bytes` to the decoders as if they were the decompressed `body`.
pub(super) fn body(
    body: &Body,
    bytes: &[u8],
    claim: Option<u32>,
    budget: &Budget,
    tally: &mut Tally,
) {
    let copied = Buffer::copy_of(bytes, budget).map_err(Error::from);
    let Some(bytes) = tally.value(copied) else { return };
    let mut header = body.header;
    header.compressed_page_size = bytes.len() as u32;
    header.uncompressed_page_size = bytes.len() as u32;
    match &mut header.kind {
        PageKind::DataV1 { num_values, .. } => *num_values = claim.unwrap_or(*num_values),
        PageKind::DataV2 { num_values, num_rows, is_compressed, num_nulls, .. } => {
            *is_compressed = false;
            *num_values = claim.unwrap_or(*num_values);
            if body.leaf.max_levels.is_none() {
                *num_rows = *num_values;
            }
            *num_nulls = (*num_nulls).min(*num_values);
        }
        PageKind::Dictionary { num_values, .. } => {
            let entries = claim.unwrap_or(*num_values) as usize;
            let read = decode_dictionary(bytes, entries, &body.leaf.shape, budget);
            if let Some(read) = tally.value(read) {
                tally.values += read.len() as u64;
            }
            return;
        }
        PageKind::Index | PageKind::Other(_) => return,
    }
    let mut context = PageContext::new(budget.clone(), Limits::untrusted());
    let page = PageStart { header, body: bytes };
    let shape = &body.leaf.shape;
    if let Some(max) = body.leaf.max_levels {
        nested_body(body, &page, max, &mut context, tally);
        return;
    }
    let opened = DataPage::open(&page, Codec::Uncompressed, shape.nullable, &mut context);
    let Some(page) = tally.value(opened).map(Arc::new) else { return };
    for way in [Way::Read, Way::Masked, Way::Skip, Way::Mixed] {
        let cursor = PageCursor::new(Arc::clone(&page), shape, body.dictionary.as_ref(), budget);
        let Some(mut cursor) = tally.value(cursor) else { return };
        let read = read_rows(&mut cursor, page.rows, way, shape, tally);
        tally.value(read);
    }
}

/// The same of a leaf in a nested column: its levels and values, without the other leaves.
fn nested_body(
    body: &Body,
    page: &PageStart,
    max: MaxLevels,
    context: &mut PageContext,
    tally: &mut Tally,
) {
    let opened = DataPage::open_nested(page, Codec::Uncompressed, max, context);
    let Some(page) = tally.value(opened).map(Arc::new) else { return };
    for way in [Way::Read, Way::Masked, Way::Skip, Way::Mixed] {
        let shape = &body.leaf.shape;
        let cursor = LeafCursor::new(
            Arc::clone(&page),
            max,
            shape,
            body.dictionary.as_ref(),
            context.budget(),
        );
        let Some(mut cursor) = tally.value(cursor) else { return };
        let read = read_leaf_rows(&mut cursor, way, (max, shape), context.budget(), tally);
        tally.value(read);
    }
}

/// Passes through the first rows of a nested page in that way, then over the rest of it.
fn read_leaf_rows(
    cursor: &mut LeafCursor,
    way: Way,
    (max, shape): (MaxLevels, &ColumnShape),
    budget: &Budget,
    tally: &mut Tally,
) -> Result<()> {
    let mask = mask(2 * STEP_ROWS as usize);
    for step in 0.. {
        if cursor.is_done() || cursor.row() as u64 >= MOST_ROWS {
            break;
        }
        let mut rows = LeafRows::new(0, max, budget)?;
        let now = STEP_ROWS as usize;
        match (way, step % 3) {
            (Way::Skip, _) | (Way::Mixed, 1) => cursor.skip(now)?,
            (Way::Read, _) | (Way::Mixed, 0) => cursor.read(now, None, shape, &mut rows)?,
            _ => {
                let mask = RowMask { mask: mask.words(), from: 1 };
                cursor.read(now, Some(mask), shape, &mut rows)?
            }
        };
        tally.values += rows.value_count() as u64;
    }
    cursor.skip(usize::MAX >> 1).map(|_| ())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Read,
    Masked,
    Skip,
    Mixed,
}

/// Passes through the first rows of a page in that way, then over the rest of it.
fn read_rows(
    cursor: &mut PageCursor,
    rows: usize,
    way: Way,
    shape: &ColumnShape,
    tally: &mut Tally,
) -> Result<()> {
    let mask = mask(STEP_ROWS as usize);
    let chosen = |range: Range<usize>| range.filter(|row| mask.get(*row)).count();
    for step in 0.. {
        let left = rows.saturating_sub(cursor.row());
        if left == 0 || cursor.row() as u64 >= MOST_ROWS {
            break;
        }
        let now = left.min(STEP_ROWS as usize);
        match (way, step % 3) {
            (Way::Read, _) | (Way::Mixed, 0) => {
                tally.values += cursor.read(now, shape)?.len() as u64;
            }
            (Way::Skip, _) | (Way::Mixed, 1) => cursor.skip(now)?,
            _ => {
                let read = cursor.read_masked(now, mask.words(), 0, chosen(0..now), shape)?;
                tally.values += read.len() as u64;
            }
        }
    }
    cursor.skip(rows.saturating_sub(cursor.row()))
}
