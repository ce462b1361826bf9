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
use millwork_format::metadata::{Encoding, PageKind};
use millwork_format::page::{DataPage, PageContext, PageStart};
use millwork_format::prune::{
    ColumnPredicate, Comparison, Filter, Predicate, PruneValue, Step, Test, always_matches,
    chunk_bounds, may_match, page_selection,
};
use millwork_format::read::{
    BatchOptions, File, FileScan, MorselReader, RowGroupScan, ScanMetrics,
};
use millwork_format::record::JsonWriter;
use millwork_format::selection::Selection;
use millwork_format::{Error, ErrorKind, Result};

use crate::anatomy::Body;

/// Rows read of one column: a few bytes may rightly say that a billion rows are null.
const MOST_ROWS: u64 = 64 << 10;

/// Rows rendered of one column.
const RENDERED_ROWS: u64 = 4 << 10;

/// Rows of a step.
const STEP_ROWS: u64 = 700;

/// What reading one mutant gave.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) values: u64,
    pub(crate) errors: Vec<&'static str>,
    /// The first error that says of itself that it is a bug.
    pub(crate) internal: Option<String>,
}

thread_local! {
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps what a panic on this thread says.
pub(crate) fn keep_panic(what: String) {
    PANIC.with_borrow_mut(|last| *last = what);
}

/// What the last panic on this thread said.
pub(crate) fn last_panic() -> String {
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
        Test::In(vec![PruneValue::Integer(0), PruneValue::Bytes(Vec::new())]),
        Test::In(vec![PruneValue::Bytes(b"Hello_Not_Exists".to_vec())]),
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

/// The engine's way: page indexes, morsels, and steps of which some rows are chosen.
fn in_steps(file: &File, column: usize, budget: &Budget, tally: &mut Tally) -> Result<()> {
    let scan = FileScan::new(file, 0, &[column], Arc::new(ScanMetrics::new(1)))?;
    let mut context = PageContext::new(budget.clone(), file.limits().clone());
    let mut rows_left = MOST_ROWS;
    for ordinal in 0..file.footer().num_row_groups() {
        let group = RowGroupScan::new(&scan, ordinal)?;
        for test in tests() {
            let column = scan.columns()[0].leaf;
            let filter = Filter::new(Predicate::Column(ColumnPredicate { column, test }));
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
        bring(&scan, budget, || group.prepare(&[scan.columns()[0].leaf], 0))?;
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

/// The body of `page` as the decoders see it: levels and values, decompressed.
pub(crate) fn decompressed(
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

/// Feeds `bytes` to the decoders as if they were the decompressed `body`: in every way, from the front.
pub(crate) fn body(
    body: &Body,
    bytes: &[u8],
    claim: Option<u32>,
    budget: &Budget,
    tally: &mut Tally,
) {
    let Some(page) = tally.value(page_of(body, bytes, claim, budget)) else { return };
    if let PageKind::Dictionary { num_values, .. } = page.header.kind {
        return dictionary(body, page.body, num_values, budget, tally);
    }
    let mut context = PageContext::new(budget.clone(), Limits::untrusted());
    let shape = &body.shape;
    if let Some(max) = body.max_levels {
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

/// `bytes` as a page, as if they were the decompressed `body`; `claim` stands for its header's count.
fn page_of(body: &Body, bytes: &[u8], claim: Option<u32>, budget: &Budget) -> Result<PageStart> {
    let bytes = Buffer::copy_of(bytes, budget)?;
    let mut header = body.header;
    header.compressed_page_size = bytes.len() as u32;
    header.uncompressed_page_size = bytes.len() as u32;
    match &mut header.kind {
        PageKind::DataV1 { num_values, .. } | PageKind::Dictionary { num_values, .. } => {
            *num_values = claim.unwrap_or(*num_values);
        }
        PageKind::DataV2 { num_values, num_rows, is_compressed, num_nulls, .. } => {
            *is_compressed = false;
            *num_values = claim.unwrap_or(*num_values);
            if body.max_levels.is_none() {
                *num_rows = *num_values;
            }
            *num_nulls = (*num_nulls).min(*num_values);
        }
        PageKind::Index | PageKind::Other(_) => {}
    }
    Ok(PageStart { header, body: bytes })
}

fn dictionary(body: &Body, bytes: Buffer, entries: u32, budget: &Budget, tally: &mut Tally) {
    let read = decode_dictionary(bytes, entries as usize, &body.shape, budget);
    if let Some(read) = tally.value(read) {
        tally.values += read.len() as u64;
    }
}

/// A cursor in a page of a flat or of a nested leaf.
enum AnyCursor {
    Flat(PageCursor),
    Nested(LeafCursor, MaxLevels),
}

impl AnyCursor {
    /// At the first row of `bytes`, as if they were the decompressed `body`.
    fn open(body: &Body, bytes: &[u8], context: &mut PageContext) -> Result<(Self, usize)> {
        let page = page_of(body, bytes, None, context.budget())?;
        let (shape, dictionary) = (&body.shape, body.dictionary.as_ref());
        let codec = Codec::Uncompressed;
        if let Some(max) = body.max_levels {
            let page = Arc::new(DataPage::open_nested(&page, codec, max, context)?);
            let rows = page.rows;
            let cursor = LeafCursor::new(page, max, shape, dictionary, context.budget())?;
            return Ok((Self::Nested(cursor, max), rows));
        }
        let page = Arc::new(DataPage::open(&page, codec, shape.nullable, context)?);
        let rows = page.rows;
        Ok((Self::Flat(PageCursor::new(page, shape, dictionary, context.budget())?), rows))
    }

    fn skip(&mut self, rows: usize) -> Result<()> {
        match self {
            Self::Flat(cursor) => cursor.skip(rows),
            Self::Nested(cursor, _) => cursor.skip(rows).map(|_| ()),
        }
    }

    /// The next `rows` rows; with a mask, those that it chooses.
    fn read(
        &mut self,
        rows: usize,
        mask: Option<&Bitmap>,
        shape: &ColumnShape,
        budget: &Budget,
    ) -> Result<u64> {
        match (self, mask) {
            (Self::Flat(cursor), None) => Ok(cursor.read(rows, shape)?.len() as u64),
            (Self::Flat(cursor), Some(mask)) => {
                let count = (0..rows).filter(|row| mask.get(*row)).count();
                Ok(cursor.read_masked(rows, mask.words(), 0, count, shape)?.len() as u64)
            }
            (Self::Nested(cursor, max), mask) => {
                let mut out = LeafRows::new(0, *max, budget)?;
                let mask = mask.map(|mask| RowMask { mask: mask.words(), from: 1 });
                cursor.read(rows, mask, shape, &mut out)?;
                Ok(out.value_count() as u64)
            }
        }
    }
}

/// The encoded values of `body` behind its levels, and how many there are.
pub(crate) fn values_of(body: &Body) -> Result<(Encoding, usize, Buffer)> {
    let mut context = PageContext::new(Budget::unlimited(), Limits::untrusted());
    let page = page_of(body, &body.bytes, None, context.budget())?;
    if let PageKind::Dictionary { num_values, encoding, .. } = page.header.kind {
        return Ok((encoding, num_values as usize, page.body));
    }
    let codec = Codec::Uncompressed;
    let page = match body.max_levels {
        Some(max) => DataPage::open_nested(&page, codec, max, &mut context)?,
        None => DataPage::open(&page, codec, body.shape.nullable, &mut context)?,
    };
    Ok((page.encoding, page.value_count, page.values))
}

/// Rows of the decompressed `body` that its first `len` bytes hold, counted by passing over them.
pub(crate) fn rows_within(body: &Body, len: usize) -> usize {
    let mut context = PageContext::new(Budget::unlimited(), Limits::untrusted());
    let Ok((_, rows)) = AnyCursor::open(body, &body.bytes, &mut context) else { return 0 };
    let cut = &body.bytes[..len.min(body.bytes.len())];
    let mut fits = |rows| {
        let opened = AnyCursor::open(body, cut, &mut context);
        opened.and_then(|(mut cursor, _)| cursor.skip(rows)).is_ok()
    };
    let (mut low, mut high) = (0, rows);
    while low < high {
        let middle = (low + high).div_ceil(2);
        if fits(middle) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

/// As [`body`], for a large one of which one place is broken: passes over the rows in front of `rows`,
/// reads those, all and some, and passes over the rest.
pub(crate) fn body_near(
    body: &Body,
    bytes: &[u8],
    rows: Range<usize>,
    budget: &Budget,
    tally: &mut Tally,
) {
    if let PageKind::Dictionary { num_values, .. } = body.header.kind {
        let copied = Buffer::copy_of(bytes, budget).map_err(Error::from);
        let Some(bytes) = tally.value(copied) else { return };
        return dictionary(body, bytes, num_values, budget, tally);
    }
    let mut context = PageContext::new(budget.clone(), Limits::untrusted());
    let near = |context: &mut PageContext| -> Result<u64> {
        let (mut cursor, count) = AnyCursor::open(body, bytes, context)?;
        let end = rows.end.min(count);
        let start = rows.start.min(end);
        let half = (end - start) / 2;
        let mask = mask(end - start - half + 1);
        cursor.skip(start)?;
        let mut values = cursor.read(half, None, &body.shape, budget)?;
        values += cursor.read(end - start - half, Some(&mask), &body.shape, budget)?;
        cursor.skip(count - end)?;
        Ok(values)
    };
    let read = near(&mut context);
    tally.values += tally.value(read).unwrap_or(0);
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
        let shape = &body.shape;
        let dictionary = body.dictionary.as_ref();
        let cursor = LeafCursor::new(Arc::clone(&page), max, shape, dictionary, context.budget());
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
