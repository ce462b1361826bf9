//! One page decoded, and compared with what is claimed of it.

use std::sync::Arc;

use millwork_codecs::buffer::Buffer;
use millwork_codecs::compression::Codec;

use super::pages::Walk;
use super::values::{Denied, Distinct, Facts, Used};
use super::{Check, Depth, claims, count, values};
use crate::column::{ColumnShape, PageCursor, carried_value, decode_dictionary};
use crate::error::{Error, Place, Result};
use crate::levels::MaxLevels;
use crate::limits::Limits;
use crate::metadata::{BloomFilter, Encoding, PageKind};
use crate::page::{DataPage, PageContext, PageStart, codec_of};
use crate::schema::Leaf;
use crate::types::DataType;
use crate::vector::Dictionary;

/// What decoding needs. At [`Depth::Pages`] that is levels, and values are counted at most.
pub(super) struct Decoder {
    context: PageContext,
    codec: Codec,
    shape: ColumnShape,
    max: MaxLevels,
    is_flat: bool,
    is_deep: bool,
    dictionary: Option<Arc<Dictionary>>,
    /// The last value of the page before, where pages go on from one another.
    before: Option<Buffer>,
    pub(super) dictionary_is_broken: bool,
    pub(super) facts: Facts,
    pub(super) denied: Denied,
    /// Entries of the dictionary that pages used.
    used: Used,
}

/// A data page, what is true of it, and bytes behind its last value.
struct Decoded {
    page: DataPage,
    facts: Facts,
    bytes_behind: usize,
}

impl Walk<'_, '_> {
    pub(super) fn open_decoder(&mut self, limits: &Limits) -> Result<()> {
        let leaf = self.leaf;
        let narrow = |level: u16| u8::try_from(level).unwrap_or(u8::MAX);
        let max = MaxLevels {
            definition: narrow(leaf.max_definition_level),
            repetition: narrow(leaf.max_repetition_level),
        };
        let codec = match codec_of(self.chunk.compression()) {
            Ok(codec) => codec,
            Err(error) => {
                self.complete = false;
                let place = Place {
                    page: Some(0),
                    file_offset: Some(self.range.start),
                    ..self.place.clone()
                };
                let rows = Some(self.rows.clone());
                return self.visit.broken(Check::PageBody, error, &place, rows);
            }
        };
        // Checksums are verified before.
        let limits = Limits { verify_checksums: false, ..limits.clone() };
        self.decoder = Some(Decoder {
            context: PageContext::new(self.visit.budget.clone(), limits),
            codec,
            shape: ColumnShape {
                physical: leaf.physical_type,
                type_length: leaf.type_length,
                nullable: leaf.max_definition_level > 0,
                data_type: leaf.data_type.clone(),
            },
            max,
            is_flat: max.repetition == 0 && max.definition <= 1,
            is_deep: self.visit.depth == Depth::Values,
            dictionary: None,
            before: self.chunk.carries_prefixes().then(Buffer::empty),
            dictionary_is_broken: false,
            facts: Facts::of_levels(max),
            denied: Denied::default(),
            used: Used::default(),
        });
        Ok(())
    }

    pub(super) fn dictionary(
        &mut self,
        page: &PageStart,
        (entries, encoding): (u32, Encoding),
        is_sound: bool,
        place: &Place,
    ) -> Result<()> {
        if self.page > 0 || self.has_dictionary {
            let rows = self.rows_left();
            let what = "a second dictionary page, or one behind data pages".to_string();
            self.corrupt(Check::PageHeader, place, what, rows);
            return Ok(());
        }
        self.has_dictionary = true;
        let rows = self.rows_left();
        let Some(decoder) = &mut self.decoder else { return Ok(()) };
        if !is_sound {
            decoder.dictionary_is_broken = true;
            return Ok(());
        }
        if self.leaf.data_type == DataType::Null {
            return Ok(());
        }
        let length_bytes = page.header.uncompressed_page_size as usize;
        let decoded = match encoding {
            Encoding::Plain | Encoding::PlainDictionary => {
                decoder.dictionary(page, entries as usize, length_bytes)
            }
            other => Err(Error::corrupt(format!("a dictionary page of {}", other.name()))),
        };
        match decoded {
            Ok(0) => {}
            Ok(behind) => {
                let what = format!("{behind} bytes behind the last entry of the dictionary");
                self.visit.wrong(Check::PageBody, &Place { page: None, ..place.clone() }, what);
            }
            Err(error) => {
                decoder.dictionary_is_broken = true;
                self.complete = false;
                self.visit.broken_dictionary(Check::PageBody, error, place, rows)?;
            }
        }
        Ok(())
    }

    /// Decodes a data page and compares it with what is claimed of it; answers its rows.
    pub(super) fn decode(
        &mut self,
        page: &PageStart,
        rows: Option<u64>,
        place: &Place,
    ) -> Result<Option<u64>> {
        let Some(decoder) = &mut self.decoder else { return Ok(None) };
        let by_codes = match page.header.kind {
            PageKind::DataV1 { encoding, .. } | PageKind::DataV2 { encoding, .. } => {
                matches!(encoding, Encoding::RleDictionary | Encoding::PlainDictionary)
            }
            _ => false,
        };
        if by_codes && decoder.dictionary_is_broken {
            // Told with the dictionary.
            return Ok(None);
        }
        let read = decoder.read(page, self.leaf, self.bloom.as_ref());
        let Decoded { page: opened, facts, bytes_behind } = match read {
            Ok(read) => read,
            Err(error) => {
                let rows = self.rows_of_page(rows);
                self.complete = false;
                self.visit.broken(Check::PageBody, error, place, Some(rows))?;
                return Ok(None);
            }
        };
        decoder.facts.add(&facts);
        let is_deep = decoder.is_deep;
        let rows = opened.rows as u64;
        self.header_counts(page, rows, &facts, place);
        if bytes_behind > 0 {
            let what = format!("{bytes_behind} bytes behind the last value of the page");
            self.visit.wrong(Check::PageBody, place, what);
        }
        let is_v2 = matches!(page.header.kind, PageKind::DataV2 { .. });
        if opened.continues() && (self.page == 0 || self.offsets.is_some() || is_v2) {
            let lost = self.rows_of_page(Some(rows));
            let what = "a page that begins inside a row".to_string();
            match self.page > 0 && !self.chunk.aligns_pages() {
                true => self.visit.wrong(Check::PageBody, place, what),
                false => self.corrupt(Check::PageBody, place, what, lost),
            }
        }
        if is_deep {
            self.visit.report.values += facts.values();
            self.claims(page, rows, &facts, place);
        }
        Ok(Some(rows))
    }

    /// The numbers of nulls and rows that a v2 header tells beside the levels.
    fn header_counts(&mut self, page: &PageStart, rows: u64, facts: &Facts, place: &Place) {
        let PageKind::DataV2 { num_nulls, num_rows, .. } = page.header.kind else { return };
        if self.leaf.data_type == DataType::Null {
            return;
        }
        if num_nulls.map(u64::from) != Some(facts.nulls) {
            let told =
                num_nulls.map_or_else(|| "no number of".to_string(), |nulls| nulls.to_string());
            let what = format!("{told} nulls by the page header, {} by its levels", facts.nulls);
            self.visit.wrong(Check::Count, place, what);
        }
        if self.leaf.max_repetition_level > 0 && u64::from(num_rows) != rows {
            let what = format!("{num_rows} rows by the page header, {rows} by its levels");
            match self.chunk.aligns_pages() {
                true => self.corrupt(Check::Count, place, what, self.rows_of_page(Some(rows))),
                false => self.visit.wrong(Check::Count, place, what),
            }
        }
        if self.leaf.max_repetition_level == 0 && u64::from(num_rows) != facts.slots {
            let what = format!("{num_rows} rows by the page header, with {} values", facts.slots);
            self.visit.wrong(Check::Count, place, what);
        }
    }

    /// What header and indexes say of the page that is looked at.
    fn claims(&mut self, page: &PageStart, rows: u64, facts: &Facts, place: &Place) {
        let (at, limits) = (self.page, self.visit.file.limits());
        let claimed = page.header.statistics(&self.head, self.position, limits);
        claims::stated(self.visit, self.leaf, claimed, facts, place);
        if let Some(index) = self.bounds.as_ref().filter(|index| at < index.len()) {
            claims::page(self.visit, self.leaf, index, at, rows, facts, place);
        }
        if let Some(index) = &self.offsets {
            claims::page_bytes(self.visit, self.leaf, index, at, facts, place);
        }
    }
}

impl Decoder {
    /// The facts of all pages, when they were read; how many values differ only if that `is_claimed`.
    pub(super) fn all_facts(&self, leaf: &Leaf, is_claimed: bool) -> Facts {
        let distinct = match is_claimed {
            true => self.used.distinct(leaf, self.dictionary.as_deref()),
            false => Distinct::default(),
        };
        Facts { distinct, ..self.facts.clone() }
    }

    /// Counts or decodes the entries of a dictionary page; answers how many bytes are behind them.
    fn dictionary(
        &mut self,
        page: &PageStart,
        entries: usize,
        length_bytes: usize,
    ) -> Result<usize> {
        let body = self.context.decompress(self.codec, &page.body, length_bytes)?;
        let behind = count::bytes_behind(&body, entries, Encoding::Plain, &self.shape)?;
        if self.is_deep {
            let budget = self.context.budget();
            let dictionary = decode_dictionary(body, entries, &self.shape, budget)?;
            self.dictionary = Some(Arc::new(dictionary));
        }
        Ok(behind.unwrap_or(0))
    }

    fn read(
        &mut self,
        page: &PageStart,
        leaf: &Leaf,
        bloom: Option<&BloomFilter>,
    ) -> Result<Decoded> {
        // Behind a page that is broken it is not known.
        let before = self.before.as_mut().map(|before| std::mem::replace(before, Buffer::empty()));
        let mut opened = match self.is_flat {
            true => DataPage::open(page, self.codec, self.max.definition > 0, &mut self.context)?,
            false => DataPage::open_nested(page, self.codec, self.max, &mut self.context)?,
        };
        opened.before = before.unwrap_or_else(Buffer::empty);
        let mut facts = values::levels(&opened, self.max);
        if self.shape.data_type == DataType::Null {
            // Whatever levels and body say.
            facts.nulls = facts.slots;
        }
        let bytes_behind = match opened.value_count {
            // Such a page may hold anything.
            0 => None,
            _ if self.shape.data_type == DataType::Null => None,
            count => count::bytes_behind(&opened.values, count, opened.encoding, &self.shape)?,
        };
        let bytes_behind = bytes_behind.unwrap_or(0);
        if !self.is_deep {
            if bytes_behind > 0 {
                // What cannot be padding is no page for the reader either.
                let budget = self.context.budget();
                PageCursor::new(Arc::new(opened.clone()), &self.shape, None, budget)?;
            }
            return Ok(Decoded { page: opened, facts, bytes_behind });
        }
        let decoding = (&self.shape, self.dictionary.as_ref(), self.context.budget());
        let denied = values::read(&opened, leaf, decoding, (bloom, &mut self.used), &mut facts)?;
        if let Some(before) = &mut self.before {
            *before = carried_value(&opened, self.context.budget())?;
        }
        self.denied.asked += denied.asked;
        self.denied.count += denied.count;
        self.denied.example = self.denied.example.take().or(denied.example);
        Ok(Decoded { page: opened, facts, bytes_behind })
    }
}
