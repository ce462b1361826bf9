//! Where the pages of a column chunk lie: by its offset index, or by walking its page headers.
//!
//! Both ways give the same rows, whatever a file says. An offset index counts only if its pages lie one
//! behind the other to the end of the chunk; else the headers are walked. Bytes of a chunk that belong to
//! no page that was told are padding, unless a page lies there: a second dictionary, or values that one of
//! the ways would leave out, are an error in both. The size that the footer tells of a chunk is believed as
//! long as its pages can be walked in it; else they may go on to where something else begins.
//!
//! **Rows that go on in the next page.** The spec has pages of repeated leaves begin with rows in version 2 and
//! under an offset index. Some writers do not keep to it ([`ColumnChunk::aligns_pages`]): of them an offset
//! index tells the rows that *start* in a page, whose last may go on in the next, and headers tell nothing.
//!
//! [`ColumnChunk::aligns_pages`]: crate::metadata::ColumnChunk

use std::ops::Range;

use millwork_codecs::budget::{Budget, Reservation};
use millwork_codecs::buffer::{Bitmap, Buffer};
use millwork_codecs::kernel::bits::count_ones_in;

use crate::error::{Error, ErrorKind, Limit, Place, Result};
use crate::limits::Limits;
use crate::metadata::{OffsetIndex, PageHeader, PageKind};
use crate::room::{more_room, room_for};

/// A data page in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PageLocation {
    /// Header and body.
    pub(super) range: Range<u64>,
    /// First row, within the row group; 0 if it is not known.
    pub(super) first_row: u64,
    /// Rows; 0 if they are not known.
    pub(super) rows: u64,
}

/// Where the pages of a chunk lie.
#[derive(Debug)]
pub(crate) struct Layout {
    /// The dictionary page, if there may be one.
    pub(super) dictionary: Option<Range<u64>>,
    /// The data pages with rows, in order, together all rows of the chunk.
    pub(super) pages: Vec<PageLocation>,
    /// Whether it is known which rows start in which page. Headers of version 1 do not tell that of a
    /// repeated leaf, and a row may go on in the next page.
    pub(super) rows_known: bool,
    /// Whether each page ends with a row, if that is known.
    pub(super) is_aligned: bool,
    /// Whether the chunk was read as a whole to find them: then it is one unit.
    pub(super) whole: bool,
    /// For the pages, where they were found by walking: of those of an index their reader takes care.
    memory: Option<Reservation>,
}

impl Layout {
    /// Of a page, and of what readers of it share.
    pub(super) const PAGE_BYTES: u64 = 80;

    /// Adds a page; memory is taken from `budget`.
    fn push(&mut self, page: PageLocation, budget: &Budget) -> Result<()> {
        if self.pages.len() == self.pages.capacity() {
            let more = self.pages.len().max(16);
            let bytes = (self.pages.len() + more) as u64 * Self::PAGE_BYTES;
            match &mut self.memory {
                Some(memory) => memory.resize(bytes)?,
                None => self.memory = Some(budget.reserve(bytes)?),
            }
            more_room(&mut self.pages, more)?;
        }
        self.pages.push(page);
        Ok(())
    }

    /// Where the last page ends; `None` if there is none.
    pub(crate) fn end(&self) -> Option<u64> {
        self.pages.last().map(|page| page.range.end)
    }

    /// Ordinals of the pages that hold, or may hold, rows of `rows` or parts of them.
    pub(super) fn overlapping(&self, rows: &Range<u64>) -> Range<usize> {
        if !self.rows_known {
            return if rows.is_empty() { 0..0 } else { 0..self.pages.len() };
        }
        let start = self.pages.partition_point(|page| page.first_row + page.rows <= rows.start);
        // The last row may go on in a page that begins behind it.
        let end = if self.is_aligned || rows.is_empty() { rows.end } else { rows.end + 1 };
        let end = self.pages.partition_point(|page| page.first_row < end);
        start..end.max(start)
    }

    /// The pages in which rows of `rows` start that `mask` (over those) chooses, where that is known.
    pub(super) fn chosen<'a>(
        &'a self,
        rows: &'a Range<u64>,
        mask: Option<&'a Bitmap>,
    ) -> impl Iterator<Item = PageRows> + 'a {
        let of_page = move |page: usize| {
            let location = &self.pages[page];
            let start = rows.start.max(location.first_row);
            let end = rows.end.min(location.first_row + location.rows);
            let (from, count) = ((start - rows.start) as usize, (end - start) as usize);
            let chosen = mask.map_or(count, |mask| count_ones_in(mask.words(), from, count));
            let passed = (start - location.first_row) as usize;
            PageRows { page, passed, count, from, chosen }
        };
        self.overlapping(rows).map(of_page).filter(|rows| rows.chosen > 0)
    }
}

/// What is read of a page.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageRows {
    pub(super) page: usize,
    /// Its rows that come before those that are read.
    pub(super) passed: usize,
    /// Its rows from there to the last that is read.
    pub(super) count: usize,
    /// The first of those in the mask.
    pub(super) from: usize,
    /// Those that the mask chooses.
    pub(super) chosen: usize,
}

/// A header takes more: its type, two sizes, and a structure of at least two counts and an encoding.
const LEAST_PAGE_BYTES: u64 = 12;

/// What the footer says of a chunk's pages.
#[derive(Clone, Debug)]
pub(crate) struct Extent {
    /// Where they lie.
    pub(crate) range: Range<u64>,
    /// Rows of the row group.
    pub(crate) rows: u64,
    /// Whether the pages may end earlier, because the range is longer than the footer says.
    pub(crate) is_stretched: bool,
    /// Slots.
    pub(crate) num_values: u64,
    /// Whether a row may have any number of slots.
    pub(crate) is_repeated: bool,
    /// Whether pages begin with rows where they should.
    pub(crate) aligns_pages: bool,
    /// Where the first data page lies, as the footer says.
    pub(crate) data_start: u64,
}

impl Extent {
    /// The layout of a chunk without rows.
    pub(super) fn without_rows() -> Layout {
        Layout {
            dictionary: None,
            pages: Vec::new(),
            rows_known: true,
            is_aligned: true,
            whole: false,
            memory: None,
        }
    }

    /// The layout that the offset index tells.
    ///
    /// # Errors
    /// `Corrupt` if it does not fit the chunk.
    pub(super) fn by_index(&self, index: &OffsetIndex) -> Result<Layout> {
        let mut pages: Vec<PageLocation> = room_for(index.len())?;
        let misfit = || Error::corrupt("an offset index that does not fit its column chunk");
        for page in 0..index.len() {
            let first_row = index.first_rows[page];
            let end_row = index.first_rows.get(page + 1).copied().unwrap_or(self.rows);
            let start = index.offsets[page];
            let end = start + u64::from(index.compressed_sizes[page]);
            let follows = pages.last().is_none_or(|before| before.range.end == start);
            let is_page = end - start >= LEAST_PAGE_BYTES;
            if first_row >= end_row || start < self.range.start || !follows || !is_page {
                return Err(misfit());
            }
            pages.push(PageLocation { range: start..end, first_row, rows: end_row - first_row });
        }
        // What it leaves out might be a page as well.
        if pages.last().is_none_or(|page| page.range.end != self.range.end) {
            return Err(misfit());
        }
        let first = pages.first().map_or(self.range.start, |page| page.range.start);
        let dictionary = (self.range.start < first).then_some(self.range.start..first);
        let is_aligned = !self.is_repeated || self.aligns_pages;
        Ok(Layout { dictionary, pages, is_aligned, ..Self::without_rows() })
    }

    /// Finds the pages by their headers; `bytes` are those of the range. Memory for many pages is taken from
    /// `budget`.
    ///
    /// # Errors
    /// `Corrupt` or `Truncated` if they cannot be walked, or do not have the rows; `LimitExceeded` if memory
    /// is refused.
    pub(super) fn by_headers(
        &self,
        bytes: &Buffer,
        limits: &Limits,
        budget: &Budget,
    ) -> Result<Layout> {
        let header_at = |offset: u64| {
            let rest = bytes.get((offset - self.range.start) as usize..).unwrap_or_default();
            PageHeader::parse(rest, offset, limits)
        };
        self.by_headers_at(header_at, budget)
    }

    /// The same with headers that `header_at` reads at an offset in the file.
    ///
    /// # Errors
    /// Those too.
    pub(crate) fn by_headers_at(
        &self,
        mut header_at: impl FnMut(u64) -> Result<PageHeader>,
        budget: &Budget,
    ) -> Result<Layout> {
        let mut layout = Layout { whole: true, ..Self::without_rows() };
        let (mut start, mut row, mut slots) = (self.range.start, 0u64, 0u64);
        while if layout.rows_known { row < self.rows } else { slots < self.num_values } {
            // Of a page of no rows that are counted so far it is not known which are lost.
            let rows_left = layout.rows_known.then(|| self.rows.saturating_sub(row));
            let is_first = layout.pages.is_empty() && layout.dictionary.is_none();
            let dictionary_page = is_first && start < self.data_start;
            let page = (!dictionary_page).then_some(layout.pages.len() as u32);
            let file_offset = Some(start);
            let place = Place { page, dictionary_page, file_offset, ..Place::default() };
            if start >= self.range.end {
                return Err(self.ends_early(&layout, row, slots).at(&place));
            }
            let header = header_at(start).map_err(|error| losing(error, rows_left).at(&place))?;
            let end = start + header.page_bytes();
            if end > self.range.end {
                return Err(losing(reaches_beyond(&header, self.range.end), rows_left).at(&place));
            }
            let range = start..end;
            start = end;
            let rows = match header.kind {
                PageKind::Dictionary { .. } if layout.dictionary.is_some() => {
                    return Err(second_dictionary().at(&place));
                }
                PageKind::Dictionary { .. } if layout.pages.is_empty() => {
                    layout.dictionary = Some(range);
                    continue;
                }
                PageKind::Dictionary { .. } => {
                    return Err(Error::corrupt("a dictionary page behind data pages").at(&place));
                }
                PageKind::DataV1 { num_values, .. } => {
                    slots += u64::from(num_values);
                    layout.rows_known &= !self.is_repeated;
                    num_values
                }
                PageKind::DataV2 { num_values, .. } if self.is_repeated && !self.aligns_pages => {
                    slots += u64::from(num_values);
                    layout.rows_known = false;
                    num_values
                }
                PageKind::DataV2 { num_rows: 0, num_values: 1.., .. } if self.is_repeated => {
                    return Err(Error::corrupt("a page of values in no row").at(&place));
                }
                PageKind::DataV2 { num_rows, num_values, .. } => {
                    slots += u64::from(num_values);
                    // Where a slot is a row, the number of rows says nothing more.
                    if self.is_repeated { num_rows } else { num_values }
                }
                PageKind::Index | PageKind::Other(_) => continue,
            };
            let rows = u64::from(rows);
            if layout.rows_known && rows > self.rows - row {
                return Err(Error::corrupt(format!(
                    "pages of more than the {} rows of the row group",
                    self.rows
                ))
                .at(&place));
            }
            if rows > 0 {
                layout.push(PageLocation { range, first_row: row, rows }, budget)?;
            }
            row += rows;
        }
        if !self.is_stretched
            && let Some(offset) = page_among(start..self.range.end, header_at)?
        {
            let place = Place { file_offset: Some(offset), ..Place::default() };
            return Err(Error::corrupt("a page behind the last row of the row group").at(&place));
        }
        if !layout.rows_known {
            self.forget_rows(&mut layout);
        }
        Ok(layout)
    }

    /// Rows of pages that are not known are not guessed; a single page has them all.
    fn forget_rows(&self, layout: &mut Layout) {
        if let [only] = layout.pages.as_mut_slice() {
            only.rows = self.rows;
            layout.rows_known = true;
            return;
        }
        for page in &mut layout.pages {
            (page.first_row, page.rows) = (0, 0);
        }
    }

    fn ends_early(&self, layout: &Layout, row: u64, slots: u64) -> Error {
        if layout.rows_known {
            return Error::truncated(format!(
                "the column chunk ends after {row} of {} rows",
                self.rows
            ))
            .rows_lost(self.rows - row);
        }
        Error::truncated(format!(
            "the column chunk ends after {slots} of {} values",
            self.num_values
        ))
    }
}

/// The error of a page that ends behind `chunk_end`.
pub(crate) fn reaches_beyond(header: &PageHeader, chunk_end: u64) -> Error {
    let size = header.page_bytes();
    Error::truncated(format!("a page of {size} bytes, but its column chunk ends at {chunk_end}"))
}

fn second_dictionary() -> Error {
    Error::corrupt("a second dictionary page")
}

/// Whether rows depend on a page of that kind.
fn rows_depend_on(kind: PageKind) -> bool {
    match kind {
        PageKind::Dictionary { .. } => true,
        PageKind::DataV1 { num_values, .. } | PageKind::DataV2 { num_values, .. } => num_values > 0,
        PageKind::Index | PageKind::Other(_) => false,
    }
}

/// Where in `range`, whose bytes belong to no page that was told, a page begins that has values. Bytes that
/// are no whole page end the search: they are padding.
///
/// # Errors
/// What keeps `header_at` from reading.
pub(super) fn page_among(
    range: Range<u64>,
    mut header_at: impl FnMut(u64) -> Result<PageHeader>,
) -> Result<Option<u64>> {
    let mut at = range.start;
    while at < range.end {
        let header = match header_at(at) {
            Ok(header) => header,
            Err(error) if is_about_bytes(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let end = at + header.page_bytes();
        if end > range.end {
            return Ok(None);
        }
        if rows_depend_on(header.kind) {
            return Ok(Some(at));
        }
        at = end;
    }
    Ok(None)
}

/// Whether `error` says something about the bytes, and not about the machine.
fn is_about_bytes(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Io | ErrorKind::NotFound => false,
        ErrorKind::LimitExceeded(limit) => *limit != Limit::Memory,
        _ => true,
    }
}

/// `error`, which loses `rows`, if that is known.
fn losing(error: Error, rows: Option<u64>) -> Error {
    match rows {
        Some(rows) => error.rows_lost(rows),
        None => error,
    }
}

/// Which of `bytes`, those of a chunk in front of the first page of its offset index, are its dictionary
/// page; they lie at `offset` in the file.
///
/// # Errors
/// `Corrupt` if there are two, or a data page.
pub(super) fn dictionary_among(
    bytes: &[u8],
    offset: u64,
    limits: &Limits,
) -> Result<Option<Range<usize>>> {
    let (mut found, mut position) = (None, 0);
    while let Some(rest) = bytes.get(position..).filter(|rest| !rest.is_empty()) {
        let at = offset + position as u64;
        let header = match PageHeader::parse(rest, at, limits) {
            Ok(header) => header,
            // Padding.
            Err(_) if found.is_some() => break,
            Err(error) => return Err(error),
        };
        let place = Place { file_offset: Some(at), ..Place::default() };
        let end = position + header.header_len + header.compressed_page_size as usize;
        match header.kind {
            PageKind::Dictionary { .. } if found.is_some() => {
                return Err(second_dictionary().at(&place));
            }
            PageKind::Dictionary { .. } => found = Some(position..end.min(bytes.len())),
            kind if rows_depend_on(kind) => {
                let what = "a data page that the offset index leaves out";
                return Err(Error::corrupt(what).at(&place));
            }
            _ => {}
        }
        position = end;
    }
    Ok(found)
}
