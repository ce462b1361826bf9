//! The indexes and the bloom filter of one column chunk: read, and compared with where pages lie.

use super::pages::Walk;
use super::{Check, Depth, Finding, Severity, severity_of};
use crate::error::{Error, Place, Result};
use crate::limits::Limits;
use crate::metadata::{BloomFilter, BloomFilterHeader, ColumnIndex, OffsetIndex};
use crate::page::PageStart;

impl Walk<'_, '_> {
    /// Reads the indexes and makes ready for decoding.
    pub(super) fn open(&mut self) -> Result<()> {
        let (file, limits) = (self.visit.file, self.visit.file.limits());
        if let Some((start, len)) = self.chunk.offset_index() {
            let bytes = self.window.at(start, len.into())?;
            match OffsetIndex::parse(&bytes, start, file.size_bytes(), limits) {
                Ok(index) => self.offsets = Some(index),
                Err(error) => self.wrong_index(Check::OffsetIndex, &error)?,
            }
        }
        if let Some((start, len)) = self.chunk.column_index() {
            let bytes = self.window.at(start, len.into())?;
            match ColumnIndex::parse(bytes, start, limits) {
                Ok(index) => self.bounds = Some(index),
                Err(error) => self.wrong_index(Check::ColumnIndex, &error)?,
            }
        }
        self.open_bloom(limits)?;
        self.open_decoder(limits)
    }

    /// Rows can be read without it.
    fn wrong_index(&mut self, check: Check, error: &Error) -> Result<()> {
        let severity = severity_of(error)?.min(Severity::Wrong);
        let place = error.clone().at(&self.place).place().clone();
        let what = error.what().to_string();
        let in_dictionary = false;
        self.visit.tell(Finding { severity, check, place, in_dictionary, what, rows: None });
        Ok(())
    }

    fn open_bloom(&mut self, limits: &Limits) -> Result<()> {
        let Some((offset, length)) = self.chunk.bloom_filter() else { return Ok(()) };
        let head = self.window.at(offset, BloomFilterHeader::MOST_BYTES)?;
        let data_end = self.visit.file.footer().base_offset();
        let header = BloomFilterHeader::parse(&head, offset, limits).and_then(|header| {
            header.check_place(offset, length, data_end)?;
            Ok(header)
        });
        let total = match header {
            Ok(header) => header.total_bytes(),
            Err(error) => return self.wrong_index(Check::BloomFilter, &error),
        };
        if self.visit.depth == Depth::Values {
            let bytes = self.window.at(offset, total)?;
            match BloomFilter::parse(bytes, offset, limits) {
                Ok(filter) => self.bloom = Some(filter),
                Err(error) => self.wrong_index(Check::BloomFilter, &error)?,
            }
        }
        Ok(())
    }

    pub(super) fn offset_index_entry(&mut self, page: &PageStart, place: &Place) {
        let Some(index) = &self.offsets else { return };
        let at = self.page;
        let size = page.header.header_len as u64 + u64::from(page.header.compressed_page_size);
        let (Some(&offset), Some(&claimed), Some(&first_row)) =
            (index.offsets.get(at), index.compressed_sizes.get(at), index.first_rows.get(at))
        else {
            return;
        };
        let row = self.rows_known.then_some(self.row);
        let fits = offset == self.position
            && u64::from(claimed) == size
            && row.is_none_or(|row| row == first_row);
        if !fits {
            let row = row.map_or_else(String::new, |row| format!(" from row {row} on"));
            let what = format!(
                "a page at {offset} with {claimed} bytes from row {first_row} on is claimed, it is at \
                 {} with {size} bytes{row}",
                self.position
            );
            self.visit.wrong(Check::OffsetIndex, place, what);
        }
    }
}
