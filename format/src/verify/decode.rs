//! One page decoded, and compared with what is claimed of it.

use std::sync::Arc;

use millwork_codecs::compression::Codec;

use super::pages::Walk;
use super::values::{Denied, Facts};
use super::{Check, Finding, Severity, claims, values};
use crate::column::{ColumnShape, decode_dictionary};
use crate::error::{Error, ErrorKind, Place, Result};
use crate::levels::MaxLevels;
use crate::limits::Limits;
use crate::metadata::{BloomFilter, Encoding, PageKind};
use crate::page::{DataPage, PageContext, PageStart, codec_of};
use crate::schema::Leaf;
use crate::types::DataType;
use crate::vector::Dictionary;

/// What decoding needs, at [`Depth::Values`].
pub(super) struct Decoder {
    context: PageContext,
    codec: Codec,
    shape: ColumnShape,
    max: MaxLevels,
    is_flat: bool,
    dictionary: Option<Arc<Dictionary>>,
    dictionary_is_broken: bool,
    pub(super) facts: Facts,
    pub(super) denied: Denied,
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
                return self.visit.broken(Check::PageBody, error, &self.place, None);
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
            dictionary: None,
            dictionary_is_broken: false,
            facts: Facts::of_levels(max),
            denied: Denied::default(),
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
            Encoding::Plain | Encoding::PlainDictionary => decoder
                .context
                .decompress(decoder.codec, &page.body, length_bytes)
                .and_then(|body| {
                    let budget = decoder.context.budget();
                    decode_dictionary(body, entries as usize, &decoder.shape, budget)
                }),
            other => Err(Error::corrupt(format!("a dictionary page of {}", other.name()))),
        };
        match decoded {
            Ok(dictionary) => decoder.dictionary = Some(Arc::new(dictionary)),
            Err(error) => {
                decoder.dictionary_is_broken = true;
                self.complete = false;
                let error = error.at(&Place { page: None, ..place.clone() });
                let severity = severity_of(&error)?;
                let mut place = error.place().clone();
                place.page = None;
                self.visit.tell(Finding {
                    severity,
                    check: Check::PageBody,
                    place,
                    in_dictionary: true,
                    what: error.what().to_string(),
                    rows: Some(rows).filter(|_| severity == Severity::Corrupt),
                });
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
        let (opened, facts) = match read {
            Ok(read) => read,
            Err(error) => {
                let rows = self.rows_of_page(rows);
                self.complete = false;
                self.visit.broken(Check::PageBody, error, place, Some(rows))?;
                return Ok(None);
            }
        };
        self.visit.report.values += facts.values();
        decoder.facts.add(&facts);
        let rows = opened.rows as u64;
        if opened.continues() && (self.page == 0 || self.offsets.is_some()) {
            let lost = self.rows_of_page(Some(rows));
            let what = "a page that begins inside a row".to_string();
            self.corrupt(Check::PageBody, place, what, lost);
        }
        let at = self.page;
        if let Some(index) = self.bounds.as_ref().filter(|index| at < index.len()) {
            claims::page(self.visit, self.leaf, index, at, rows, &facts, place);
        }
        if let Some(index) = &self.offsets {
            claims::page_bytes(self.visit, self.leaf, index, at, &facts, place);
        }
        Ok(Some(rows))
    }
}

impl Decoder {
    fn read(
        &mut self,
        page: &PageStart,
        leaf: &Leaf,
        bloom: Option<&BloomFilter>,
    ) -> Result<(DataPage, Facts)> {
        let opened = match self.is_flat {
            true => DataPage::open(page, self.codec, self.max.definition > 0, &mut self.context)?,
            false => DataPage::open_nested(page, self.codec, self.max, &mut self.context)?,
        };
        let mut facts = values::levels(&opened, self.max);
        let decoding = (&self.shape, self.dictionary.as_ref(), self.context.budget());
        let denied = values::read(&opened, leaf, decoding, bloom, &mut facts)?;
        self.denied.asked += denied.asked;
        self.denied.count += denied.count;
        self.denied.example = self.denied.example.take().or(denied.example);
        Ok((opened, facts))
    }
}

/// # Errors
/// `error` itself if it keeps from looking.
fn severity_of(error: &Error) -> Result<Severity> {
    match error.kind() {
        ErrorKind::Io | ErrorKind::NotFound | ErrorKind::LimitExceeded(_) => Err(error.clone()),
        ErrorKind::Unsupported(_) => Ok(Severity::Unverified),
        _ => Ok(Severity::Corrupt),
    }
}
