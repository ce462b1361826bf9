//! Data pages of leaves in nested columns: their levels, decoded once a page.
//!
//! A page may begin inside a row, though one of version 2 should not. Memory of the levels, at most two bytes and a bit a
//! slot, is taken from the budget. Where a few bytes claim very many levels these stay encoded.

use std::sync::Arc;

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::{Buffer, Slice, SliceMut};
use millwork_codecs::compression::Codec;

use super::data::V2Parts;
use super::{DataPage, PageContext, PageStart};
use crate::error::{Error, Result};
use crate::levels::{self, EncodedLevels, LevelBytes, LevelPosition, LevelStream, MaxLevels};
use crate::metadata::PageKind;

/// The levels of one page of a nested leaf.
#[derive(Clone, Debug)]
pub struct PageLevels {
    /// Slots: values, nulls, and empty or missing lists.
    pub slots: usize,
    /// Definition levels, or `None` if all are the highest.
    pub(crate) definition: Option<Slice<u8>>,
    /// Repetition levels, or `None` if all are 0.
    pub(crate) repetition: Option<Slice<u8>>,
    /// One bit a slot: whether a row starts there; `None` if one does in every slot.
    pub(crate) row_starts: Option<Slice<u64>>,
    /// Whether the first slots belong to the row that the page before ends with.
    pub continues: bool,
}

impl DataPage {
    /// Opens `page` of a leaf that lies in groups or lists, with levels up to `max`.
    ///
    /// # Errors
    /// `Corrupt` or `Truncated` if header, levels and body contradict one another; `Unsupported` for
    /// an unknown encoding of levels; `LimitExceeded` if memory is refused.
    pub fn open_nested(
        page: &PageStart,
        codec: Codec,
        max: MaxLevels,
        context: &mut PageContext,
    ) -> Result<Self> {
        let (encoded, encoding, values) = match page.header.kind {
            PageKind::DataV1 {
                num_values,
                encoding,
                definition_level_encoding,
                repetition_level_encoding,
            } => {
                let length_bytes = page.header.uncompressed_page_size as usize;
                let mut rest = context.decompress(codec, &page.body, length_bytes)?;
                let slots = num_values as usize;
                let mut section = |encoding, max| {
                    if max == 0 || slots == 0 {
                        return Ok(None);
                    }
                    let (levels, behind) = LevelBytes::split_v1(&rest, encoding, max, slots)?;
                    rest = behind;
                    Ok::<_, Error>(Some(levels))
                };
                let repetition = section(repetition_level_encoding, max.repetition)?;
                let definition = section(definition_level_encoding, max.definition)?;
                (EncodedLevels { slots, definition, repetition }, encoding, rest)
            }
            PageKind::DataV2 { .. } => {
                let (parts, claims) = V2Parts::cut(page, codec, context)?;
                // Some writers leave out levels that say nothing.
                let says = |bytes: &[u8], needed: bool| !bytes.is_empty() || needed;
                let repetition = (max.repetition > 0
                    && says(&parts.repetition, claims.rows != claims.slots))
                .then(|| LevelBytes::Hybrid(parts.repetition));
                let has_nulls = claims.nulls.is_some_and(|nulls| nulls > 0);
                let definition = (max.definition > 0 && says(&parts.definition, has_nulls))
                    .then(|| LevelBytes::Hybrid(parts.definition));
                let slots = claims.slots;
                (EncodedLevels { slots, definition, repetition }, claims.encoding, parts.values)
            }
            _ => return Err(Error::corrupt("a page that is no data page where one should be")),
        };
        let stream = LevelStream::of_nested(&encoded, max, context.budget())?.map(Arc::new);
        let levels = match &stream {
            Some(_) => None,
            None => Some(PageLevels::decode(&encoded, max, context.budget())?),
        };
        let (rows, value_count) = match (&stream, &levels) {
            (Some(stream), _) => (stream.rows(), stream.values()),
            (None, levels) => levels.as_ref().map_or((0, 0), |levels| levels.count(max)),
        };
        let (validity, before) = (None, Buffer::empty());
        Ok(Self { rows, validity, levels, stream, value_count, encoding, values, before })
    }
}

impl PageLevels {
    fn decode(encoded: &EncodedLevels, max: MaxLevels, budget: &Budget) -> Result<Self> {
        let slots = encoded.slots;
        let decode = |levels: &Option<LevelBytes>, max: u8, usual: u8| match levels {
            Some(levels) => levels::each(levels, max, slots, usual, budget),
            None => Ok(None),
        };
        let repetition = decode(&encoded.repetition, max.repetition, 0)?;
        let definition = decode(&encoded.definition, max.definition, max.definition)?;
        Self::of(slots, definition, repetition, budget)
    }

    fn of(
        slots: usize,
        definition: Option<Slice<u8>>,
        repetition: Option<Slice<u8>>,
        budget: &Budget,
    ) -> Result<Self> {
        let row_starts = repetition.as_ref().map(|each| starts(each, budget)).transpose()?;
        let continues =
            repetition.as_ref().and_then(|each| each.first()).is_some_and(|level| *level != 0);
        Ok(Self { slots, definition, repetition, row_starts, continues })
    }

    /// Those of no slot.
    pub(crate) fn none() -> Self {
        let (definition, repetition, row_starts) = (None, None, None);
        Self { slots: 0, definition, repetition, row_starts, continues: false }
    }

    /// Those of the next `slots` slots from `position` on, which passes over them.
    pub(crate) fn window(
        position: &mut LevelPosition,
        slots: usize,
        budget: &Budget,
    ) -> Result<Self> {
        let window = position.window(slots, budget)?;
        Self::of(slots, window.definition, window.repetition, budget)
    }

    /// Rows that start among them, and values that are present.
    fn count(&self, max: MaxLevels) -> (usize, usize) {
        let rows = self.repetition.as_ref().map(|each| levels::count_rows(each));
        let values =
            self.definition.as_ref().map(|each| levels::count_at_least(each, max.definition));
        (rows.unwrap_or(self.slots), values.unwrap_or(self.slots))
    }
}

fn starts(repetition: &[u8], budget: &Budget) -> Result<Slice<u64>> {
    let mut words = SliceMut::<u64>::zeroed(repetition.len().div_ceil(64), budget)?;
    levels::row_starts(repetition, &mut words);
    Ok(words.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::limits::Limits;
    use crate::metadata::{Encoding, PageHeader};

    const MAX: MaxLevels = MaxLevels { definition: 2, repetition: 1 };

    fn open(body: &[u8], slots: u32) -> Result<DataPage> {
        let len = body.len() as u32;
        let header = PageHeader {
            kind: PageKind::DataV1 {
                num_values: slots,
                encoding: Encoding::Plain,
                definition_level_encoding: Encoding::Rle,
                repetition_level_encoding: Encoding::Rle,
            },
            compressed_page_size: len,
            uncompressed_page_size: len,
            crc: None,
            header_len: 0,
            statistics_at: None,
        };
        let body = Buffer::copy_of(body, &Budget::unlimited())?;
        let budget = Budget::new(4 << 20);
        let mut context = PageContext::new(budget, Limits::untrusted());
        DataPage::open_nested(&PageStart { header, body }, Codec::Uncompressed, MAX, &mut context)
    }

    #[test]
    fn repetition_levels_come_first_and_tell_rows() {
        // Repetition 1 0 1 1 (packed), definition four times 2, then values.
        let page = open(&[2, 0, 0, 0, 3, 0b1101, 2, 0, 0, 0, 8, 2, 7, 8], 4).unwrap();
        let levels = page.levels.unwrap();
        assert_eq!((page.rows, page.value_count, levels.continues), (1, 4, true));
        assert_eq!(levels.repetition.as_deref(), Some(&[1, 0, 1, 1][..]));
        assert!(levels.definition.is_none());
        assert_eq!(&page.values[..], [7, 8]);
    }

    #[test]
    fn levels_that_are_not_there_are_an_error() {
        let short = open(&[2, 0, 0, 0, 8, 0, 2, 0, 0, 0, 6, 2], 4).unwrap_err();
        assert_eq!(*short.kind(), ErrorKind::Truncated);
        let above = open(&[2, 0, 0, 0, 8, 0, 2, 0, 0, 0, 8, 3], 4).unwrap_err();
        assert_eq!(*above.kind(), ErrorKind::Corrupt);
        assert!(open(&[200, 0, 0, 0, 8, 0], 4).is_err());
        let many = open(&[2, 0, 0, 0, 8, 0, 2, 0, 0, 0, 6, 2], 1 << 30).unwrap_err();
        assert_eq!(*many.kind(), ErrorKind::Truncated);
        // 2^30 empty lists, one of them null: so many that they stay encoded.
        let runs = [0x80, 0x80, 0x80, 0x80, 0x08, 0];
        let definition = [0xfe, 0xff, 0xff, 0xff, 0x07, 1, 2, 0];
        let body = [&[6, 0, 0, 0], &runs[..], &[8, 0, 0, 0], &definition[..]].concat();
        let page = open(&body, 1 << 30).unwrap();
        assert!(page.levels.is_none());
        assert_eq!((page.rows, page.value_count, page.continues()), (1 << 30, 0, false));
    }
}
