//! Where the pages of a column chunk lie, and what bounds their values have.
//!
//! In: the bytes of an offset index or a column index. Out: [`OffsetIndex`], [`ColumnIndex`], columnar.
//!
//! Invariants: first rows start at 0 and strictly increase; pages lie inside the file, one behind the
//! other; all lists of a column index have one entry per page.

use millwork_codecs::buffer::Buffer;

use super::ByteRange;
use super::chunk_details::counts;
use crate::error::{ErrorKind, Limit, Result};
use crate::limits::Limits;
use crate::thrift::compact::{CompactReader, WireType};

/// The data pages of a column chunk. Index = ordinal of the page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OffsetIndex {
    /// Byte in the file at which the page's header starts.
    pub offsets: Vec<u64>,
    /// Bytes of header and body.
    pub compressed_sizes: Vec<u32>,
    /// First row of the page within the row group.
    pub first_rows: Vec<u64>,
    /// Bytes of a BYTE_ARRAY page's values, decoded; as many as pages, or none at all.
    pub unencoded_bytes: Vec<u64>,
}

impl OffsetIndex {
    /// Reads an offset index that lies at `base_offset` in a file of `file_bytes` bytes.
    ///
    /// # Errors
    /// `Corrupt` if an invariant of this module does not hold; `Truncated`, `LimitExceeded`.
    pub fn parse(bytes: &[u8], base_offset: u64, file_bytes: u64, limits: &Limits) -> Result<Self> {
        let mut index = Self::default();
        let mut found = false;
        let mut reader = CompactReader::new(bytes, base_offset, limits);
        reader.structure(|reader, field| {
            match (field.id, field.wire) {
                (1, WireType::List) => {
                    index = Self::default();
                    let pages =
                        reader.list_of(WireType::Struct, |reader, _| index.push_page(reader))?;
                    found = pages.is_some();
                }
                (2, WireType::List) => {
                    let mut all_count = true;
                    reader.list_of(WireType::I64, |reader, _| {
                        let bytes = u64::try_from(reader.i64()?);
                        all_count &= bytes.is_ok();
                        index.unencoded_bytes.push(bytes.unwrap_or(0));
                        Ok(())
                    })?;
                    if !all_count {
                        index.unencoded_bytes.clear();
                    }
                }
                (_, wire) => reader.skip(wire)?,
            }
            Ok(())
        })?;
        if !found {
            return Err(reader.corrupt("an offset index without page locations"));
        }
        if index.unencoded_bytes.len() != index.offsets.len() {
            index.unencoded_bytes.clear();
        }
        index.check(&reader, file_bytes)?;
        Ok(index)
    }

    /// Pages.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Whether the chunk has no data page.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    fn push_page(&mut self, reader: &mut CompactReader<'_>) -> Result<()> {
        let (mut offset, mut size, mut first_row) = (None, None, None);
        reader.structure(|reader, field| {
            match (field.id, field.wire) {
                (1, WireType::I64) => offset = u64::try_from(reader.i64()?).ok(),
                (2, WireType::I32) => size = u32::try_from(reader.i32()?).ok(),
                (3, WireType::I64) => first_row = u64::try_from(reader.i64()?).ok(),
                (_, wire) => reader.skip(wire)?,
            }
            Ok(())
        })?;
        let (Some(offset), Some(size), Some(first_row)) = (offset, size, first_row) else {
            return Err(reader.corrupt("a page location with a missing or negative number"));
        };
        self.offsets.push(offset);
        self.compressed_sizes.push(size);
        self.first_rows.push(first_row);
        Ok(())
    }

    fn check(&self, reader: &CompactReader<'_>, file_bytes: u64) -> Result<()> {
        let mut end = 0;
        for (page, (&offset, &size)) in self.offsets.iter().zip(&self.compressed_sizes).enumerate()
        {
            let after = offset.checked_add(u64::from(size)).filter(|&after| after <= file_bytes);
            match after {
                Some(after) if offset >= end => end = after,
                Some(_) => {
                    return Err(reader.corrupt(format!("page {page} begins inside the one before")));
                }
                None => {
                    return Err(reader.corrupt(format!(
                        "page {page} at {offset} with {size} bytes in a file of {file_bytes}"
                    )));
                }
            }
        }
        if self.first_rows.first().is_some_and(|&row| row != 0) {
            return Err(reader.corrupt("the first page does not start at row 0"));
        }
        if self.first_rows.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(reader.corrupt("the first rows of pages do not increase"));
        }
        Ok(())
    }
}

/// Whether the bounds of pages ascend or descend from page to page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BoundaryOrder {
    /// Neither is promised.
    #[default]
    Unordered,
    /// Minima and maxima ascend.
    Ascending,
    /// Minima and maxima descend.
    Descending,
}

/// Bounds of the values of the data pages of a column chunk. Index = ordinal of the page.
#[derive(Clone, Debug)]
pub struct ColumnIndex {
    bytes: Buffer,
    null_pages: Vec<bool>,
    min: Vec<ByteRange>,
    max: Vec<ByteRange>,
    null_counts: Vec<u64>,
    nan_counts: Vec<u64>,
    repetition_levels: Vec<u64>,
    definition_levels: Vec<u64>,
    /// Whether, and how, the bounds are ordered over the pages that have some.
    pub boundary_order: BoundaryOrder,
}

impl ColumnIndex {
    /// Reads a column index that lies at `base_offset` in the file.
    ///
    /// # Errors
    /// `Corrupt` if lists are missing or differ in length; `Truncated`, `LimitExceeded`.
    pub fn parse(bytes: Buffer, base_offset: u64, limits: &Limits) -> Result<Self> {
        let mut index = Self {
            bytes: Buffer::empty(),
            null_pages: Vec::new(),
            min: Vec::new(),
            max: Vec::new(),
            null_counts: Vec::new(),
            nan_counts: Vec::new(),
            repetition_levels: Vec::new(),
            definition_levels: Vec::new(),
            boundary_order: BoundaryOrder::Unordered,
        };
        let mut reader = CompactReader::new(&bytes, base_offset, limits);
        if u32::try_from(bytes.len()).is_err() {
            return Err(reader.error(
                ErrorKind::LimitExceeded(Limit::MetadataBytes),
                "a column index of 4 GiB or more",
            ));
        }
        reader.structure(|reader, field| index.read_field(reader, field.id, field.wire))?;
        let pages = index.null_pages.len();
        let optional = |len: usize| len == 0 || len == pages;
        if index.min.len() != pages
            || index.max.len() != pages
            || !optional(index.null_counts.len())
            || !optional(index.nan_counts.len())
        {
            return Err(reader.corrupt(format!(
                "a column index of {pages} pages with {} minima, {} maxima, {} null counts and {} \
                 NaN counts",
                index.min.len(),
                index.max.len(),
                index.null_counts.len(),
                index.nan_counts.len(),
            )));
        }
        index.bytes = bytes;
        Ok(index)
    }

    fn read_field(
        &mut self,
        reader: &mut CompactReader<'_>,
        id: i16,
        wire: WireType,
    ) -> Result<()> {
        match (id, wire) {
            (1, WireType::List) => {
                self.null_pages.clear();
                reader.list_of(WireType::True, |reader, _| {
                    self.null_pages.push(reader.boolean_element()?);
                    Ok(())
                })?;
            }
            (2, WireType::List) => bounds(reader, &mut self.min)?,
            (3, WireType::List) => bounds(reader, &mut self.max)?,
            (4, WireType::I32) => {
                self.boundary_order = match reader.i32()? {
                    1 => BoundaryOrder::Ascending,
                    2 => BoundaryOrder::Descending,
                    _ => BoundaryOrder::Unordered,
                };
            }
            (5, WireType::List) => counts(reader, &mut self.null_counts)?,
            (6, WireType::List) => counts(reader, &mut self.repetition_levels)?,
            (7, WireType::List) => counts(reader, &mut self.definition_levels)?,
            (8, WireType::List) => counts(reader, &mut self.nan_counts)?,
            (_, wire) => reader.skip(wire)?,
        }
        Ok(())
    }

    /// Pages.
    #[must_use]
    pub fn len(&self) -> usize {
        self.null_pages.len()
    }

    /// Whether the index has no page.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.null_pages.is_empty()
    }

    /// Whether page `page` holds only nulls.
    #[must_use]
    pub fn is_null_page(&self, page: usize) -> bool {
        self.null_pages.get(page).copied().unwrap_or(false)
    }

    /// A lower bound of the values of page `page`; `None` if it holds only nulls or does not exist.
    #[must_use]
    pub fn min(&self, page: usize) -> Option<&[u8]> {
        self.bound(&self.min, page)
    }

    /// An upper bound of the values of page `page`; `None` if it holds only nulls or does not exist.
    #[must_use]
    pub fn max(&self, page: usize) -> Option<&[u8]> {
        self.bound(&self.max, page)
    }

    fn bound(&self, bounds: &[ByteRange], page: usize) -> Option<&[u8]> {
        let range = bounds.get(page).filter(|_| !self.is_null_page(page))?;
        Some(range.of(&self.bytes))
    }

    /// Whether page `page` is said to hold only nulls and yet has a bound.
    pub(crate) fn contradicts_itself(&self, page: usize) -> bool {
        let has_bound = |bounds: &[ByteRange]| {
            bounds.get(page).is_some_and(|range| !range.of(&self.bytes).is_empty())
        };
        self.is_null_page(page) && (has_bound(&self.min) || has_bound(&self.max))
    }

    /// Nulls of page `page`, if the file tells.
    #[must_use]
    pub fn null_count(&self, page: usize) -> Option<u64> {
        self.null_counts.get(page).copied()
    }

    /// Slots of page `page` by repetition level, from 0; empty if the file does not tell.
    #[must_use]
    pub fn repetition_level_histogram(&self, page: usize) -> &[u64] {
        self.histogram(&self.repetition_levels, page)
    }

    /// Slots of page `page` by definition level, from 0; empty if the file does not tell.
    #[must_use]
    pub fn definition_level_histogram(&self, page: usize) -> &[u64] {
        self.histogram(&self.definition_levels, page)
    }

    /// The part of `all` that belongs to page `page`: the file has as many counts for each.
    fn histogram<'a>(&self, all: &'a [u64], page: usize) -> &'a [u64] {
        let levels = all.len().checked_div(self.len()).unwrap_or(0);
        if levels * self.len() != all.len() {
            return &[];
        }
        all.get(page * levels..(page + 1) * levels).unwrap_or_default()
    }

    /// NaNs of page `page`, if the file tells.
    #[must_use]
    pub fn nan_count(&self, page: usize) -> Option<u64> {
        self.nan_counts.get(page).copied()
    }
}

fn bounds(reader: &mut CompactReader<'_>, into: &mut Vec<ByteRange>) -> Result<()> {
    into.clear();
    reader.list_of(WireType::Binary, |reader, _| {
        let length = reader.binary()?.len();
        into.push(ByteRange::between(reader.position() - length, reader.position()));
        Ok(())
    })?;
    Ok(())
}

#[cfg(test)]
mod tests;
