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
use super::{Check, Depth, Finding, Severity, Visit, severity_of};
use crate::error::{Error, Place, Result};
use crate::inventory::Window;
use crate::io::Fetcher;
use crate::metadata::{
    BloomFilter, ColumnChunk, ColumnIndex, Encoding, OffsetIndex, PageHeader, PageKind, PageType,
    RowGroup,
};
use crate::page::PageStart;
use crate::read::{Extent, reaches_beyond};
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
    let columns = file.schema().columns();
    let column = columns.partition_point(|column| column.leaves.end <= leaf);
    let is_nested = columns.get(column).is_some_and(|column| !column.is_flat);
    let fetcher = Fetcher::new(Arc::clone(file.driver()));
    let data_end = file.footer().base_offset();
    let mut window = Window::new(fetcher, visit.budget, data_end);
    let extent = Extent {
        range: 0..0,
        rows: rows.end - rows.start,
        is_stretched: false,
        num_values: chunk.num_values(),
        is_repeated: described.max_repetition_level > 0,
        aligns_pages: chunk.aligns_pages(),
        data_start: chunk.data_page_offset(),
    };
    let Some(range) = range_of_pages(visit, chunk, &mut window, extent, &place)? else {
        return Ok(());
    };
    let mut walk = Walk {
        visit,
        leaf: described,
        chunk,
        group_rows: rows.end - rows.start,
        rows,
        place,
        window,
        position: range.start,
        range,
        offsets: None,
        bounds: None,
        bloom: None,
        page: 0,
        row: 0,
        slots: 0,
        uncompressed_bytes: 0,
        slots_known: true,
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

/// The bytes in which a reader finds the pages of `chunk`: those that the footer tells, or, where pages cannot
/// be walked in them, up to the end of its pages; `None` if they do not begin in the data, which is told with
/// the footer.
fn range_of_pages(
    visit: &mut Visit<'_>,
    chunk: ColumnChunk<'_>,
    window: &mut Window<'_>,
    extent: Extent,
    place: &Place,
) -> Result<Option<Range<u64>>> {
    let most = match chunk.most_range() {
        Ok(most) => most,
        Err(error) => return severity_of(&error).map(|_| None),
    };
    let told = chunk.chunk_range().ok();
    if told.as_ref() == Some(&most) {
        return Ok(told);
    }
    let (limits, budget) = (visit.file.limits(), visit.budget);
    let mut walk = |range: &Range<u64>, is_stretched: bool| {
        let extent = Extent { range: range.clone(), is_stretched, ..extent.clone() };
        match extent.by_headers_at(|offset| window.header(offset, limits), budget) {
            Ok(layout) => Ok(Some(layout)),
            Err(error) => severity_of(&error).map(|_| None),
        }
    };
    if let Some(told) = &told
        && walk(told, told.end - told.start > chunk.total_compressed_size())?.is_some()
    {
        return Ok(Some(told.clone()));
    }
    let Some(layout) = walk(&most, false)? else { return Ok(Some(most)) };
    let end = layout.end().unwrap_or(most.end);
    if told.is_some() {
        let what = format!(
            "a column chunk of {} bytes by the footer, of {} by its pages",
            chunk.total_compressed_size(),
            end - most.start
        );
        let place = Place { file_offset: Some(most.start), ..place.clone() };
        visit.wrong(Check::Range, &place, what);
    }
    Ok(Some(most.start..end))
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
    /// Bytes of the pages so far when decompressed, with their headers.
    pub(super) uncompressed_bytes: u64,
    /// Whether all pages so far told their slots.
    slots_known: bool,
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
        let is_one_a_row = self.leaf.max_repetition_level == 0;
        match (self.rows_known, self.slots_known) {
            (true, known) if is_one_a_row || !known => self.row < self.group_rows,
            (_, true) => self.slots < self.chunk.num_values(),
            (_, false) => self.position < self.range.end,
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
            let header = header.and_then(|header| {
                match self.position + header.page_bytes() > self.range.end {
                    true => Err(reaches_beyond(&header, self.range.end)),
                    false => Ok(header),
                }
            });
            match header {
                Ok(header) => self.page(&header, &place)?,
                Err(error) => {
                    if !self.lose(error, &place)? {
                        return Ok(());
                    }
                }
            }
        }
        self.surplus()
    }

    /// A page of which it is not known where it ends, for `error`: tells it, and goes on behind it where the
    /// footer or the offset index says where that is; else answers `false`.
    fn lose(&mut self, error: Error, place: &Place) -> Result<bool> {
        self.complete = false;
        if let Some(first) = self.first_data_page() {
            let rows = self.rows_left();
            self.has_dictionary = true;
            if let Some(decoder) = &mut self.decoder {
                decoder.dictionary_is_broken = true;
            }
            self.position = first;
            self.visit.broken_dictionary(Check::PageHeader, error, place, rows)?;
            return Ok(true);
        }
        let next = self.next_by_index();
        let rows = match next {
            Some(_) => self.rows_of_page(None),
            None => self.rows_left(),
        };
        self.visit.broken(Check::PageHeader, error, place, Some(rows))?;
        let Some((page, position, row)) = next else { return Ok(false) };
        (self.page, self.position, self.row) = (page, position, row);
        (self.rows_known, self.slots_known) = (true, false);
        Ok(true)
    }

    /// Where the first data page is said to lie, if a dictionary page should be here.
    fn first_data_page(&self) -> Option<u64> {
        let by_index = self.offsets.as_ref().and_then(|index| index.offsets.first().copied());
        let first = by_index.unwrap_or_else(|| self.chunk.data_page_offset());
        let is_first = self.page == 0 && !self.has_dictionary;
        (is_first && first > self.position && first < self.range.end).then_some(first)
    }

    /// Ordinal, place and first row of the next page, if the offset index knows.
    fn next_by_index(&self) -> Option<(usize, u64, u64)> {
        let index = self.offsets.as_ref()?;
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

    /// One page, which lies in the chunk.
    fn page(&mut self, header: &PageHeader, place: &Place) -> Result<()> {
        let size = header.page_bytes();
        let end = self.position + size;
        let rows = match header.kind {
            PageKind::DataV1 { num_values, .. } => {
                let is_one_a_row = self.leaf.max_repetition_level == 0;
                // Levels tell, if they are decoded.
                self.rows_known &= is_one_a_row || self.decoder.is_some();
                is_one_a_row.then_some(u64::from(num_values))
            }
            PageKind::DataV2 { num_values, num_rows, .. } => {
                let is_one_a_row = self.leaf.max_repetition_level == 0;
                let is_told = is_one_a_row || self.chunk.aligns_pages();
                self.rows_known &= is_told || self.decoder.is_some();
                is_told.then_some(u64::from(if is_one_a_row { num_values } else { num_rows }))
            }
            _ => None,
        };
        self.visit.report.pages += 1;
        self.count_bytes(header);
        let bytes = self.window.at(self.position, size)?;
        self.head = bytes.slice(0..header.header_len).unwrap_or_else(Buffer::empty);
        let mut start = PageStart {
            header: *header,
            body: bytes.slice(header.header_len..bytes.len()).unwrap_or(bytes),
        };
        if self.chunk.denies_compression() {
            start = start.with_compression();
        }
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
        Ok(())
    }

    pub(super) fn count_bytes(&mut self, header: &PageHeader) {
        let bytes = header.header_len as u64 + u64::from(header.uncompressed_page_size);
        self.uncompressed_bytes = self.uncompressed_bytes.saturating_add(bytes);
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
        let what = format!("page checksum {found:08x}, its header says {expected:08x}");
        if matches!(page.header.kind, PageKind::Index | PageKind::Other(_)) {
            // No row is in it.
            self.visit.wrong(Check::PageChecksum, place, what);
            return false;
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
            what,
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
        match (rows, self.next_by_index()) {
            (Some(rows), _) => self.row = self.row.saturating_add(rows),
            (None, Some((_, _, next))) => (self.row, self.rows_known) = (next, true),
            (None, None) => self.rows_known = false,
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
