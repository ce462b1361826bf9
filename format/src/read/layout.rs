//! Where the pages of a column chunk lie: by its offset index, or by walking its page headers.
//!
//! Both ways give the same rows, whatever a file says. An offset index counts only if its pages lie one
//! behind the other to the end of the chunk; else the headers are walked. Bytes of a chunk that belong to
//! no page that was told are padding, unless a page lies there: a second dictionary, or values that one of
//! the ways would leave out, are an error in both.

use std::ops::Range;

use millwork_codecs::buffer::Buffer;

use crate::error::{Error, Place, Result};
use crate::limits::Limits;
use crate::metadata::{OffsetIndex, PageHeader, PageKind};
use crate::room::room_for;

/// A data page in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PageLocation {
    /// Header and body.
    pub(super) range: Range<u64>,
    /// First row, within the row group; 0 if it is not known.
    pub(super) first_row: u64,
    /// Rows; 0 if they are not known.
    pub(super) rows: u64,
}

/// Where the pages of a chunk lie.
#[derive(Debug)]
pub(super) struct Layout {
    /// The dictionary page, if there may be one.
    pub(super) dictionary: Option<Range<u64>>,
    /// The data pages with rows, in order, together all rows of the chunk.
    pub(super) pages: Vec<PageLocation>,
    /// Whether it is known which rows the pages hold. Headers of version 1 do not tell that of a
    /// repeated leaf, and a row may go on in the next page.
    pub(super) rows_known: bool,
    /// Whether the chunk was read as a whole to find them: then it is one unit.
    pub(super) whole: bool,
}

impl Layout {
    /// Ordinals of the pages that hold, or may hold, rows of `rows`.
    pub(super) fn overlapping(&self, rows: &Range<u64>) -> Range<usize> {
        if !self.rows_known {
            return if rows.is_empty() { 0..0 } else { 0..self.pages.len() };
        }
        let start = self.pages.partition_point(|page| page.first_row + page.rows <= rows.start);
        let end = self.pages.partition_point(|page| page.first_row < rows.end);
        start..end.max(start)
    }
}

/// What the footer says of a chunk's pages.
#[derive(Clone, Debug)]
pub(super) struct Extent {
    /// Where they lie.
    pub(super) range: Range<u64>,
    /// Rows of the row group.
    pub(super) rows: u64,
    /// Whether the pages may end earlier, because the range is longer than the footer says.
    pub(super) is_stretched: bool,
    /// Slots.
    pub(super) num_values: u64,
    /// Whether a row may have any number of slots.
    pub(super) is_repeated: bool,
}

impl Extent {
    /// The layout of a chunk without rows.
    pub(super) fn without_rows() -> Layout {
        Layout { dictionary: None, pages: Vec::new(), rows_known: true, whole: false }
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
            if first_row >= end_row || start < self.range.start || !follows {
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
        Ok(Layout { dictionary, pages, rows_known: true, whole: false })
    }

    /// Finds the pages by their headers.
    ///
    /// # Errors
    /// `Corrupt` or `Truncated` if they cannot be walked, or do not have the rows.
    pub(super) fn by_headers(&self, bytes: &Buffer, limits: &Limits) -> Result<Layout> {
        let pages = Vec::new();
        let mut layout = Layout { dictionary: None, pages, rows_known: true, whole: true };
        let (mut position, mut row, mut slots) = (0usize, 0u64, 0u64);
        while if layout.rows_known { row < self.rows } else { slots < self.num_values } {
            let start = self.range.start + position as u64;
            let place = Place {
                page: Some(layout.pages.len() as u32),
                file_offset: Some(start),
                ..Place::default()
            };
            let Some(rest) = bytes.get(position..).filter(|rest| !rest.is_empty()) else {
                return Err(self.ends_early(&layout, row, slots).at(&place));
            };
            let header = PageHeader::parse(rest, start, limits)
                .map_err(|error| error.rows_lost(self.rows - row.min(self.rows)).at(&place))?;
            let size = header.header_len + header.compressed_page_size as usize;
            let range = start..start + size as u64;
            position += size;
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
                PageKind::DataV2 { num_rows: 0, num_values: 1.., .. } => {
                    return Err(Error::corrupt("a page of values in no row").at(&place));
                }
                PageKind::DataV2 { num_rows, num_values, .. } => {
                    slots += u64::from(num_values);
                    num_rows
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
                layout.pages.push(PageLocation { range, first_row: row, rows });
            }
            row += rows;
        }
        let rest = bytes.get(position..).unwrap_or_default();
        let end = self.range.start + position as u64;
        if !self.is_stretched
            && let Some(offset) = page_among(rest, end, limits)
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

/// Where among `bytes`, which lie at `offset` in the file and belong to no page that was told, a page
/// begins that has values. Bytes that are no whole page end the search: they are padding.
pub(super) fn page_among(bytes: &[u8], offset: u64, limits: &Limits) -> Option<u64> {
    let mut position = 0;
    loop {
        let rest = bytes.get(position..).filter(|rest| !rest.is_empty())?;
        let at = offset + position as u64;
        let header = PageHeader::parse(rest, at, limits).ok()?;
        let size = header.header_len + header.compressed_page_size as usize;
        if size > rest.len() {
            return None;
        }
        if rows_depend_on(header.kind) {
            return Some(at);
        }
        position += size;
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
