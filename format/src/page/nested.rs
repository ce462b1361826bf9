//! Data pages of leaves in nested columns: their levels, decoded once a page.
//!
//! A page of version 1 may begin inside a row. Memory of the levels, at most two bytes and a bit a
//! slot, is taken from the budget and counts as decompressed bytes of the page.

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::{Slice, SliceMut};
use millwork_codecs::compression::Codec;

use super::data::V2Parts;
use super::{DataPage, PageContext, PageStart};
use crate::error::{Error, Limit, Result};
use crate::levels::{self, LevelBytes, MaxLevels};
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

/// The encoded levels of a page, where there are any.
struct Encoded {
    slots: usize,
    definition: Option<LevelBytes>,
    repetition: Option<LevelBytes>,
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
                (Encoded { slots, definition, repetition }, encoding, rest)
            }
            PageKind::DataV2 { .. } => {
                let (parts, claims) = V2Parts::cut(page, codec, context)?;
                // Some writers leave out levels that say nothing.
                let says = |bytes: &[u8], needed: bool| !bytes.is_empty() || needed;
                let repetition = (max.repetition > 0
                    && says(&parts.repetition, claims.rows != claims.slots))
                .then(|| LevelBytes::Hybrid(parts.repetition));
                let definition = (max.definition > 0 && says(&parts.definition, claims.nulls > 0))
                    .then(|| LevelBytes::Hybrid(parts.definition));
                let slots = claims.slots;
                (Encoded { slots, definition, repetition }, claims.encoding, parts.values)
            }
            _ => return Err(Error::corrupt("a page that is no data page where one should be")),
        };
        let (levels, rows) = PageLevels::decode(&encoded, max, context)?;
        if let PageKind::DataV2 { num_rows, .. } = page.header.kind
            && num_rows as usize != rows
        {
            return Err(Error::corrupt(format!(
                "{rows} rows by the repetition levels, {num_rows} by the page header"
            )));
        }
        let value_count = match &levels.definition {
            Some(each) => levels::count_at_least(each, max.definition),
            None => levels.slots,
        };
        Ok(Self { rows, validity: None, levels: Some(levels), value_count, encoding, values })
    }
}

impl PageLevels {
    /// The levels, and the number of rows that start among them.
    fn decode(encoded: &Encoded, max: MaxLevels, context: &PageContext) -> Result<(Self, usize)> {
        let (slots, budget) = (encoded.slots, context.budget());
        let most = context.limits().page_bytes as usize / 2;
        if slots > most {
            return Err(Error::limit(
                Limit::PageBytes,
                format!("a page of {slots} levels, {most} are allowed"),
            ));
        }
        let decode = |levels: &Option<LevelBytes>, max: u8, usual: u8| match levels {
            Some(levels) => levels::each(levels, max, slots, usual, budget),
            None => Ok(None),
        };
        let repetition = decode(&encoded.repetition, max.repetition, 0)?;
        let definition = decode(&encoded.definition, max.definition, max.definition)?;
        let (row_starts, rows) = match &repetition {
            Some(each) => (Some(starts(each, budget)?), levels::count_rows(each)),
            None => (None, slots),
        };
        let continues = repetition.as_ref().is_some_and(|each| each.first() != Some(&0));
        Ok((Self { slots, definition, repetition, row_starts, continues }, rows))
    }
}

fn starts(repetition: &[u8], budget: &Budget) -> Result<Slice<u64>> {
    let mut words = SliceMut::<u64>::zeroed(repetition.len().div_ceil(64), budget)?;
    levels::row_starts(repetition, &mut words);
    Ok(words.freeze())
}

#[cfg(test)]
mod tests {
    use millwork_codecs::buffer::Buffer;

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
        assert!(matches!(many.kind(), ErrorKind::LimitExceeded(_)), "{many}");
    }
}
