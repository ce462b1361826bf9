//! Data pages: validity (or levels) and encoded values.

use std::sync::Arc;

use millwork_codecs::buffer::{Bitmap, Buffer};
use millwork_codecs::compression::Codec;

use super::{PageContext, PageLevels, PageStart};
use crate::error::{Error, Result};
use crate::levels::{self, LevelBytes, LevelStream};
use crate::metadata::{Encoding, PageKind};

/// A data page, decompressed and cut.
#[derive(Clone, Debug)]
pub struct DataPage {
    /// Rows, nulls included; of a nested leaf those that start in this page.
    pub rows: usize,
    /// Which rows are present; `None` if all are, or none is ([`DataPage::value_count`] tells), or the leaf
    /// is nested, or the levels stay encoded.
    pub validity: Option<Bitmap>,
    /// The levels of a nested leaf.
    pub levels: Option<PageLevels>,
    /// Validity or levels that stay encoded until their rows are read, in place of the two above: a page
    /// of a few bytes may rightly have two billion.
    pub(crate) stream: Option<Arc<LevelStream>>,
    /// Encoded values: those that are present.
    pub value_count: usize,
    /// How the values are encoded.
    pub encoding: Encoding,
    /// The encoded values.
    pub values: Buffer,
    /// The value in front of the first, where DELTA_BYTE_ARRAY goes on from page to page; else empty.
    pub(crate) before: Buffer,
}

impl DataPage {
    /// Opens `page`, of a flat column that is nullable or not.
    ///
    /// # Errors
    /// `Corrupt` or `Truncated` if header, levels and body contradict one another; `Unsupported` for a
    /// level encoding that is not read yet; `LimitExceeded` if memory is refused.
    pub fn open(
        page: &PageStart,
        codec: Codec,
        nullable: bool,
        context: &mut PageContext,
    ) -> Result<Self> {
        let length_bytes = page.header.uncompressed_page_size as usize;
        match page.header.kind {
            PageKind::DataV1 { num_values, encoding, definition_level_encoding, .. } => {
                let body = context.decompress(codec, &page.body, length_bytes)?;
                let rows = num_values as usize;
                if !nullable || rows == 0 {
                    return Ok(Self::present(rows, encoding, body));
                }
                let (levels, values) =
                    LevelBytes::split_v1(&body, definition_level_encoding, 1, rows)?;
                Self::with_levels((&levels, rows), encoding, values, context)
            }
            PageKind::DataV2 { .. } => Self::open_v2(page, codec, nullable, context),
            _ => Err(Error::corrupt("a page that is no data page where one should be")),
        }
    }

    fn open_v2(
        page: &PageStart,
        codec: Codec,
        nullable: bool,
        context: &mut PageContext,
    ) -> Result<Self> {
        let (parts, v2) = V2Parts::cut(page, codec, context)?;
        // A slot is a row, and levels say which are null: other counts of either are the header's mistake.
        if !nullable
            || v2.slots == 0
            || (parts.definition.is_empty() && v2.nulls.is_none_or(|nulls| nulls == 0))
        {
            return Ok(Self::present(v2.slots, v2.encoding, parts.values));
        }
        let levels = LevelBytes::Hybrid(parts.definition);
        Self::with_levels((&levels, v2.slots), v2.encoding, parts.values, context)
    }

    fn present(rows: usize, encoding: Encoding, values: Buffer) -> Self {
        let (validity, levels, stream) = (None, None, None);
        let before = Buffer::empty();
        Self { rows, validity, levels, stream, value_count: rows, encoding, values, before }
    }

    /// Whether the first slots belong to the row that the page before ends with.
    #[must_use]
    pub fn continues(&self) -> bool {
        self.levels.as_ref().is_some_and(|levels| levels.continues)
            || self.stream.as_ref().is_some_and(|stream| stream.continues())
    }

    /// Of levels of so many rows.
    fn with_levels(
        (levels, rows): (&LevelBytes, usize),
        encoding: Encoding,
        values: Buffer,
        context: &PageContext,
    ) -> Result<Self> {
        let (mut validity, mut stream) = (None, None);
        // Two billion rows may rightly be one run: then no bit of each is kept.
        let value_count = match levels::the_only_one(levels, rows) {
            Some(0) => 0,
            Some(1) => rows,
            _ => {
                stream = LevelStream::of_flat(levels, rows, context.budget())?.map(Arc::new);
                match &stream {
                    Some(stream) => stream.values(),
                    None => {
                        let bits = levels::validity(levels, rows, context.budget())?;
                        validity.insert(bits).count_ones()
                    }
                }
            }
        };
        let is_mixed = 0 < value_count && value_count < rows;
        let (validity, stream) = (validity.filter(|_| is_mixed), stream.filter(|_| is_mixed));
        let (levels, before) = (None, Buffer::empty());
        Ok(Self { rows, validity, levels, stream, value_count, encoding, values, before })
    }
}

/// What the header of a v2 page claims.
#[derive(Clone, Copy)]
pub(super) struct V2Claims {
    pub(super) slots: usize,
    pub(super) nulls: Option<u32>,
    pub(super) rows: usize,
    pub(super) encoding: Encoding,
}

/// The parts of a v2 page: only the values are compressed.
pub(super) struct V2Parts {
    pub(super) repetition: Buffer,
    pub(super) definition: Buffer,
    pub(super) values: Buffer,
}

impl V2Parts {
    /// Cuts `page` and decompresses its values.
    ///
    /// # Errors
    /// `Corrupt` if the levels are longer than the page, and those of [`PageContext::decompress`].
    pub(super) fn cut(
        page: &PageStart,
        codec: Codec,
        context: &mut PageContext,
    ) -> Result<(Self, V2Claims)> {
        let PageKind::DataV2 {
            num_values,
            num_nulls,
            num_rows,
            encoding,
            definition_levels_byte_length,
            repetition_levels_byte_length,
            is_compressed,
        } = page.header.kind
        else {
            return Err(Error::internal("not a v2 page"));
        };
        let first = repetition_levels_byte_length as usize;
        let second = first + definition_levels_byte_length as usize;
        let (Some(repetition), Some(definition), Some(values)) = (
            page.body.slice(0..first),
            page.body.slice(first..second),
            page.body.slice(second..page.body.len()),
        ) else {
            return Err(Error::corrupt("levels longer than their page"));
        };
        let length_bytes = page.header.uncompressed_page_size as usize;
        let Some(length_bytes) = length_bytes.checked_sub(second) else {
            return Err(Error::corrupt("levels longer than the decompressed page"));
        };
        let codec = if is_compressed { codec } else { Codec::Uncompressed };
        // An empty section may be compressed to something, or to nothing at all.
        let values = match length_bytes {
            0 => Buffer::empty(),
            _ => context.decompress(codec, &values, length_bytes)?,
        };
        let claims = V2Claims {
            slots: num_values as usize,
            nulls: num_nulls,
            rows: num_rows as usize,
            encoding,
        };
        Ok((Self { repetition, definition, values }, claims))
    }
}

#[cfg(test)]
mod tests {
    use millwork_codecs::budget::Budget;

    use super::*;
    use crate::error::{ErrorKind, Limit};
    use crate::limits::Limits;
    use crate::metadata::PageHeader;

    #[test]
    fn a_page_of_many_nulls_keeps_to_the_budget() {
        let rows = 1u32 << 30;
        let open = |runs: &[u8], budget: &Budget| {
            let body = [&(runs.len() as u32).to_le_bytes()[..], runs, &[7; 32]].concat();
            let (header, body) = page_of(rows, &body);
            let mut context = PageContext::new(budget.clone(), Limits::untrusted());
            DataPage::open(&PageStart { header, body }, Codec::Uncompressed, true, &mut context)
        };
        // A run of 2^30 - 8 nulls, and one of eight values: no bit of each is kept.
        let budget = Budget::new(1 << 20);
        let page = open(&[0xf0, 0xff, 0xff, 0xff, 0x07, 0, 0x10, 1], &budget).unwrap();
        assert!(page.validity.is_none() && page.stream.is_some());
        assert_eq!((page.rows, page.value_count), (1 << 30, 8));
        drop(page);
        assert_eq!(budget.reserved(), 0);
        let short = open(&[0xf0, 0xff, 0xff, 0xff, 0x07, 0, 0x0e, 1], &budget).unwrap_err();
        assert_eq!(*short.kind(), ErrorKind::Truncated);
        let refused = open(&[0xf0, 0xff, 0xff, 0xff, 0x07, 0, 0x10, 1], &Budget::new(1 << 10));
        assert_eq!(*refused.unwrap_err().kind(), ErrorKind::LimitExceeded(Limit::Memory));
        // One run of all rows takes nothing.
        let none = Budget::new(0);
        for level in [0, 1] {
            let page = open(&[0x80, 0x80, 0x80, 0x80, 0x08, level], &none).unwrap();
            assert!(page.validity.is_none());
            assert_eq!((page.rows, page.value_count), (1 << 30, usize::from(level) << 30));
        }
        assert!(open(&[0x80, 0x80, 0x80, 0x80, 0x08, 2], &budget).is_err(), "no such level");
    }

    fn page_of(rows: u32, body: &[u8]) -> (PageHeader, Buffer) {
        let len = body.len() as u32;
        let header = PageHeader {
            kind: PageKind::DataV1 {
                num_values: rows,
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
        (header, Buffer::copy_of(body, &Budget::unlimited()).unwrap())
    }
}
