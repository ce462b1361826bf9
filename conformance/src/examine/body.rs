//! The decompressed body of a page, fed to the decoders in every way.

use std::ops::Range;
use std::sync::Arc;

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::{Bitmap, Buffer};
use millwork_codecs::compression::Codec;
use millwork_format::column::{
    ColumnShape, LeafCursor, LeafRows, PageCursor, RowMask, decode_dictionary,
};
use millwork_format::levels::MaxLevels;
use millwork_format::limits::Limits;
use millwork_format::metadata::{Encoding, PageKind};
use millwork_format::page::{DataPage, PageContext, PageStart};
use millwork_format::{Error, Result};

use super::{MOST_ROWS, STEP_ROWS, Tally, mask};
use crate::anatomy::Body;

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
            *num_nulls = num_nulls.map(|nulls| nulls.min(*num_values));
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
