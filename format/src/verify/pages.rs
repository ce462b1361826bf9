//! One column chunk, page by page.
//!
//! In: the chunk's bytes, its indexes. A page that is broken is told with the rows it takes along; the walk
//! goes on behind it where its header, or the offset index, says where that is.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use millwork_codecs::buffer::Buffer;

use super::decode::Decoder;
use super::totals::counted_as;
use super::{Check, Depth, Finding, Severity, Visit};
use crate::error::{Place, Result};
use crate::inventory::Window;
use crate::io::Fetcher;
use crate::metadata::{
    BloomFilter, ColumnChunk, ColumnIndex, Encoding, OffsetIndex, PageHeader, PageKind, PageType,
    RowGroup,
};
use crate::page::PageStart;
use crate::schema::Leaf;

/// Checks the pages of leaf `leaf` in `group`, whose first row is `first_row` of the file.
///
/// # Errors
/// `Io`, and memory that is refused.
pub(super) fn check<'a>(
    visit: &mut Visit<'a>,
    group: RowGroup<'a>,
    leaf: usize,
    first_row: u64,
) -> Result<()> {
    let file = visit.file;
    let (Some(chunk), Some(described)) = (group.column(leaf), file.schema().leaves().get(leaf))
    else {
        return Ok(());
    };
    visit.in_chunk = 0;
    let place = Place {
        row_group: Some(group.index() as u32),
        column: Some(described.dotted_path.clone()),
        ..visit.place()
    };
    if chunk.is_encrypted() || chunk.has_file_path() {
        return Ok(());
    }
    visit.report.chunks += 1;
    let rows = first_row..first_row.saturating_add(visit.rows_of(group.index()));
    if rows.is_empty() && chunk.num_values() == 0 {
        return Ok(());
    }
    let before = visit.unread();
    // Told with the footer.
    let Ok(range) = chunk.chunk_range() else { return Ok(()) };
    let columns = file.schema().columns();
    let column = columns.partition_point(|column| column.leaves.end <= leaf);
    let is_nested = columns.get(column).is_some_and(|column| !column.is_flat);
    let fetcher = Fetcher::new(Arc::clone(file.driver()));
    let data_end = file.footer().base_offset();
    let budget = visit.budget;
    let mut walk = Walk {
        visit,
        leaf: described,
        chunk,
        group_rows: rows.end - rows.start,
        rows,
        place,
        window: Window::new(fetcher, budget, data_end),
        position: range.start,
        range,
        offsets: None,
        bounds: None,
        bloom: None,
        page: 0,
        row: 0,
        slots: 0,
        rows_known: true,
        seen: BTreeMap::new(),
        complete: true,
        has_dictionary: false,
        head: Buffer::empty(),
        is_nested,
        decoder: None,
    };
    walk.open()?;
    walk.walk()?;
    walk.close();
    let (read, visit) = (walk.window.bytes_read, walk.visit);
    visit.report.bytes += read;
    visit.spoilt[leaf] |= visit.unread() > before;
    Ok(())
}

pub(super) struct Walk<'a, 'b> {
    pub(super) visit: &'b mut Visit<'a>,
    pub(super) leaf: &'a Leaf,
    pub(super) chunk: ColumnChunk<'a>,
    pub(super) group_rows: u64,
    /// Of the file.
    pub(super) rows: Range<u64>,
    pub(super) place: Place,
    pub(super) window: Window<'a>,
    pub(super) range: Range<u64>,
    pub(super) position: u64,
    pub(super) offsets: Option<OffsetIndex>,
    pub(super) bounds: Option<ColumnIndex>,
    pub(super) bloom: Option<BloomFilter>,
    /// Ordinal of the next data page.
    pub(super) page: usize,
    /// Rows of the row group that are passed; meaningless unless `rows_known`.
    pub(super) row: u64,
    pub(super) slots: u64,
    pub(super) rows_known: bool,
    /// Pages by type and encoding.
    pub(super) seen: BTreeMap<(i32, i32), i64>,
    /// Whether all pages were read.
    pub(super) complete: bool,
    pub(super) has_dictionary: bool,
    /// The header of the page that is looked at, as it is in the file.
    pub(super) head: Buffer,
    /// Whether the leaf is part of a nested column.
    is_nested: bool,
    pub(super) decoder: Option<Decoder>,
}

impl Walk<'_, '_> {
    /// Whether the chunk has pages that were not met.
    fn is_unfinished(&self) -> bool {
        if self.rows_known && self.leaf.max_repetition_level == 0 {
            self.row < self.group_rows
        } else {
            self.slots < self.chunk.num_values()
        }
    }

    fn walk(&mut self) -> Result<()> {
        while self.is_unfinished() {
            let place = Place {
                page: Some(self.page as u32),
                file_offset: Some(self.position),
                ..self.place.clone()
            };
            if self.position >= self.range.end {
                let what = format!(
                    "the column chunk ends after {} of {} rows, {} of {} values",
                    self.row,
                    self.group_rows,
                    self.slots,
                    self.chunk.num_values()
                );
                let rows = self.rows_left();
                self.corrupt(Check::Count, &place, what, rows);
                return Ok(());
            }
            let header = self.window.header(self.position, self.visit.file.limits());
            let header = match header {
                Ok(header) => header,
                Err(error) => {
                    let next = self.next_by_index();
                    let rows = match next {
                        Some(_) => self.rows_of_page(None),
                        None => self.rows_left(),
                    };
                    self.complete = false;
                    self.visit.broken(Check::PageHeader, error, &place, Some(rows))?;
                    let Some((page, position, row)) = next else { return Ok(()) };
                    (self.page, self.position, self.row) = (page, position, row);
                    continue;
                }
            };
            if !self.page(&header, &place)? {
                return Ok(());
            }
        }
        self.surplus()
    }

    /// Ordinal, place and first row of the next page, if the offset index knows. Of a repeated leaf it
    /// does not tell how many values were missed.
    fn next_by_index(&self) -> Option<(usize, u64, u64)> {
        let index = self.offsets.as_ref().filter(|_| self.leaf.max_repetition_level == 0)?;
        let next = self.page + 1;
        let (offset, row) = (*index.offsets.get(next)?, *index.first_rows.get(next)?);
        let follows = offset > self.position && offset < self.range.end && row < self.group_rows;
        follows.then_some((next, offset, row))
    }

    /// Rows of the file that page number `self.page` has, as far as is known.
    pub(super) fn rows_of_page(&self, rows: Option<u64>) -> Range<u64> {
        let start = self.rows.start;
        if let (true, Some(rows)) = (self.rows_known, rows) {
            let first = start + self.row.min(self.group_rows);
            return first..first.saturating_add(rows).min(self.rows.end);
        }
        if let Some(index) = &self.offsets
            && let Some(&first) = index.first_rows.get(self.page)
        {
            let next = index.first_rows.get(self.page + 1).copied().unwrap_or(self.group_rows);
            let end = start + next.min(self.group_rows);
            return (start + first.min(self.group_rows)).min(end)..end;
        }
        self.rows_left()
    }

    /// Rows from here to the end of the row group.
    pub(super) fn rows_left(&self) -> Range<u64> {
        let first = if self.rows_known { self.row.min(self.group_rows) } else { 0 };
        self.rows.start + first..self.rows.end
    }

    pub(super) fn corrupt(&mut self, check: Check, place: &Place, what: String, rows: Range<u64>) {
        self.complete = false;
        self.visit.tell(Finding {
            severity: Severity::Corrupt,
            check,
            place: place.clone(),
            in_dictionary: false,
            what,
            rows: Some(rows),
        });
    }

    /// One page; `false` if none can follow.
    fn page(&mut self, header: &PageHeader, place: &Place) -> Result<bool> {
        let size = header.header_len as u64 + u64::from(header.compressed_page_size);
        let end = self.position + size;
        let rows = match header.kind {
            PageKind::DataV1 { num_values, .. } => {
                let is_one_a_row = self.leaf.max_repetition_level == 0;
                // Levels tell, if they are decoded.
                self.rows_known &= is_one_a_row || self.decoder.is_some();
                is_one_a_row.then_some(u64::from(num_values))
            }
            PageKind::DataV2 { num_rows, .. } => Some(u64::from(num_rows)),
            _ => None,
        };
        if end > self.range.end {
            let what =
                format!("a page of {size} bytes, but its column chunk ends at {}", self.range.end);
            let rows = self.rows_of_page(rows);
            self.corrupt(Check::PageHeader, place, what, rows);
            return Ok(false);
        }
        self.visit.report.pages += 1;
        let bytes = self.window.at(self.position, size)?;
        self.head = bytes.slice(0..header.header_len).unwrap_or_else(Buffer::empty);
        let start = PageStart {
            header: *header,
            body: bytes.slice(header.header_len..bytes.len()).unwrap_or(bytes),
        };
        let is_sound = self.checksum(&start, place, rows);
        match header.kind {
            PageKind::Dictionary { num_values, encoding, .. } => {
                self.count_page(PageType::DictionaryPage, encoding);
                self.dictionary(&start, (num_values, encoding), is_sound, place)?;
            }
            PageKind::DataV1 { num_values, encoding, .. } => {
                self.count_page(PageType::DataPage, encoding);
                self.data(&start, (num_values, rows), is_sound, place)?;
            }
            PageKind::DataV2 { num_values, encoding, .. } => {
                self.count_page(PageType::DataPageV2, encoding);
                self.data(&start, (num_values, rows), is_sound, place)?;
            }
            PageKind::Index | PageKind::Other(_) => {}
        }
        self.position = end;
        Ok(true)
    }

    pub(super) fn count_page(&mut self, page_type: PageType, encoding: Encoding) {
        *self.seen.entry((counted_as(page_type), encoding.code())).or_default() += 1;
    }

    fn checksum(&mut self, page: &PageStart, place: &Place, rows: Option<u64>) -> bool {
        let Some(expected) = page.header.crc else { return true };
        self.visit.report.checksums += 1;
        let found = crc32fast::hash(&page.body);
        if found == expected {
            return true;
        }
        let in_dictionary = matches!(page.header.kind, PageKind::Dictionary { .. });
        let rows = if in_dictionary { self.rows_left() } else { self.rows_of_page(rows) };
        let place = Place { page: place.page.filter(|_| !in_dictionary), ..place.clone() };
        self.complete = false;
        self.visit.tell(Finding {
            severity: Severity::Corrupt,
            check: Check::PageChecksum,
            place,
            in_dictionary,
            what: format!("page checksum {found:08x}, its header says {expected:08x}"),
            rows: Some(rows),
        });
        false
    }

    /// A data page of `values` slots and, if that is known, of `rows` rows.
    fn data(
        &mut self,
        page: &PageStart,
        (slots, rows): (u32, Option<u64>),
        is_sound: bool,
        place: &Place,
    ) -> Result<()> {
        self.offset_index_entry(page, place);
        if self.is_nested && self.visit.depth == Depth::Values {
            let chunk = (self.chunk.row_group(), self.chunk.leaf());
            self.visit.page_starts.entry(chunk).or_default().push((self.row, self.position));
        }
        let before = self.row;
        let rows = match (is_sound, self.decoder.is_some()) {
            (true, true) => self.decode(page, rows, place)?.or(rows),
            _ => rows,
        };
        // A broken page of a repeated leaf leaves open how many rows it had.
        match rows {
            Some(rows) => self.row = self.row.saturating_add(rows),
            None => self.rows_known = false,
        }
        self.slots += u64::from(slots);
        self.page += 1;
        if self.rows_known && self.row > self.group_rows {
            let what = format!("pages of {} rows in a row group of {}", self.row, self.group_rows);
            let rows = self.rows.start.saturating_add(before)..self.rows.end;
            let rows = if rows.is_empty() { self.rows.clone() } else { rows };
            self.corrupt(Check::Count, place, what, rows);
        }
        Ok(())
    }
}
