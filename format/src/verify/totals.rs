//! What is only known behind the last page of a column chunk: numbers of rows, values and pages, encodings.

use std::collections::BTreeMap;

use super::pages::Walk;
use super::{Check, Depth, Finding, Severity, claims, severity_of};
use crate::error::{Place, Result};
use crate::metadata::{Encoding, PageHeader, PageKind, PageType};

impl Walk<'_, '_> {
    /// The bytes of the chunk behind the page that has its last row: there must be none, and no values
    /// at all.
    pub(super) fn surplus(&mut self) -> Result<()> {
        let is_stretched = self.range.end - self.range.start > self.chunk.total_compressed_size();
        while self.position < self.range.end && !is_stretched {
            let place = Place {
                page: Some(self.page as u32),
                file_offset: Some(self.position),
                ..self.place.clone()
            };
            let header = match self.window.header(self.position, self.visit.file.limits()) {
                Ok(header) => Some(header),
                Err(error) => severity_of(&error).map(|_| None)?,
            };
            let position = self.position;
            let end = |header: &PageHeader| {
                let size = header.header_len as u64 + u64::from(header.compressed_page_size);
                position.saturating_add(size)
            };
            let Some(header) = header.filter(|header| end(header) <= self.range.end) else {
                let bytes = self.range.end - self.position;
                let what = format!("{bytes} bytes behind the last page of the column chunk");
                self.visit.wrong(Check::Count, &place, what);
                return Ok(());
            };
            match header.kind {
                PageKind::DataV1 { num_values: 0, encoding, .. }
                | PageKind::DataV2 { num_values: 0, encoding, .. } => {
                    self.count_page(PageType::DataPage, encoding);
                    self.page += 1;
                }
                PageKind::Index | PageKind::Other(_) => {}
                _ => {
                    let what = "a page behind the last row of the row group".to_string();
                    let rows = self.rows.clone();
                    self.corrupt(Check::Count, &place, what, rows);
                    return Ok(());
                }
            }
            self.count_bytes(&header);
            self.position = end(&header);
        }
        Ok(())
    }

    /// What is only known behind the last page.
    pub(super) fn close(&mut self) {
        let (visit, place) = (&mut *self.visit, &self.place);
        if let Some(index) = &self.bounds {
            if index.len() != self.page && self.complete {
                let what =
                    format!("a column index of {} pages, there are {}", index.len(), self.page);
                visit.wrong(Check::ColumnIndex, place, what);
            }
            claims::boundary_order(visit, self.leaf, index, place);
        }
        if !self.complete {
            return;
        }
        if let Some(index) = &self.offsets
            && index.len() != self.page
        {
            let what = format!("an offset index of {} pages, there are {}", index.len(), self.page);
            visit.wrong(Check::OffsetIndex, place, what);
        }
        if self.slots != self.chunk.num_values() {
            let what = format!(
                "{} values by the column chunk, {} by its pages",
                self.chunk.num_values(),
                self.slots
            );
            visit.wrong(Check::Count, place, what);
        }
        let claimed = self.chunk.total_uncompressed_size();
        // 0: not told. Old writers forget the header of the dictionary (PARQUET-816).
        let is_known = claimed != 0 && !visit.file.footer().forgets_dictionary_headers();
        if is_known && claimed != self.uncompressed_bytes {
            let what = format!(
                "{claimed} decompressed bytes by the column chunk, {} by its pages",
                self.uncompressed_bytes
            );
            visit.wrong(Check::Count, place, what);
        }
        if self.rows_known && self.row != self.group_rows {
            let what = format!("{} rows by the row group, {} by pages", self.group_rows, self.row);
            // Where the next page should be.
            let place = Place {
                page: Some(self.page as u32),
                file_offset: Some(self.position),
                ..place.clone()
            };
            visit.tell(Finding {
                severity: Severity::Corrupt,
                check: Check::Count,
                place,
                in_dictionary: false,
                what,
                rows: Some(self.rows.clone()),
            });
        }
        self.encodings();
        if let Some(decoder) = self.decoder.as_ref().filter(|_| self.visit.depth == Depth::Values) {
            let claimed = self.chunk.statistics().ok().flatten();
            let is_claimed = claimed.is_some_and(|claimed| claimed.distinct_count.is_some());
            let (facts, denied) = (decoder.all_facts(self.leaf, is_claimed), &decoder.denied);
            claims::chunk(self.visit, self.leaf, self.chunk, &facts, &self.place);
            if self.bloom.is_some() && denied.asked > 0 {
                self.visit.report.bloom_filters += 1;
            }
            if denied.count > 0 {
                let example = denied.example.as_ref().map(|value| claims::shown(self.leaf, value));
                let what = format!(
                    "a bloom filter that denies {} of {} values, such as {}",
                    denied.count,
                    denied.asked,
                    example.unwrap_or_default()
                );
                let offset = self.chunk.bloom_filter().map(|(offset, _)| offset);
                let place = Place { file_offset: offset, ..self.place.clone() };
                self.visit.wrong(Check::BloomFilter, &place, what);
            }
        }
    }

    /// The encodings of the chunk, and how many pages have each.
    fn encodings(&mut self) {
        let listed = self.chunk.encodings();
        let dictionary = PageType::DictionaryPage.code();
        // Some writers list the encoding of the dictionary itself, some do not.
        for (_, code) in self.seen.keys().filter(|(page_type, _)| *page_type != dictionary) {
            let encoding = Encoding::from_code(*code);
            if !listed.is_empty() && !listed.contains(encoding) {
                let what = format!("pages of {}, which the chunk does not list", encoding.name());
                self.visit.wrong(Check::Encodings, &self.place, what);
            }
        }
        let stats = match self.chunk.encoding_stats() {
            Ok(stats) if !stats.is_empty() => stats,
            _ => return,
        };
        let mut claimed: BTreeMap<(i32, i32), i64> = BTreeMap::new();
        for stat in &stats {
            let key = (counted_as(stat.page_type), stat.encoding.code());
            *claimed.entry(key).or_default() += i64::from(stat.count);
        }
        claimed.retain(|_, count| *count != 0);
        if claimed != self.seen {
            let text = |counts: &BTreeMap<(i32, i32), i64>| {
                let parts: Vec<String> = counts
                    .iter()
                    .map(|((page, encoding), count)| {
                        let (page, encoding) =
                            (PageType::from_code(*page), Encoding::from_code(*encoding));
                        format!("{count} x {} {}", page.name(), encoding.name())
                    })
                    .collect();
                parts.join(", ")
            };
            let what =
                format!("pages {} are claimed, there are {}", text(&claimed), text(&self.seen));
            self.visit.wrong(Check::Encodings, &self.place, what);
        }
    }
}

/// The code of a page type; pages of both versions are one, because writers do not tell them apart.
pub(super) fn counted_as(page_type: PageType) -> i32 {
    match page_type {
        PageType::DataPageV2 => PageType::DataPage.code(),
        other => other.code(),
    }
}
