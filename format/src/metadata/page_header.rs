//! The header in front of every page.
//!
//! In: the bytes from a page's start on, of which the header is some prefix. Out: [`PageHeader`].
//!
//! Invariant: sizes and counts are not negative and within the limits; the levels of a v2 page fit its
//! body. Statistics in the header are passed over; [`PageHeader::statistics`] reads them.

use super::enums::{Encoding, PageType};
use super::statistics::Statistics;
use crate::error::{Error, ErrorKind, Limit, Result};
use crate::limits::Limits;
use crate::thrift::compact::{CompactReader, WireType};

/// What a page holds, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageKind {
    /// Levels and values, compressed together.
    DataV1 {
        /// Values, nulls included.
        num_values: u32,
        /// Of the values.
        encoding: Encoding,
        /// Of the definition levels.
        definition_level_encoding: Encoding,
        /// Of the repetition levels.
        repetition_level_encoding: Encoding,
    },
    /// Levels uncompressed, then values.
    DataV2 {
        /// Values, nulls included.
        num_values: u32,
        /// Nulls; `None` if the header does not tell. parquet-java before 1.18 says -1 where it keeps no
        /// statistics.
        num_nulls: Option<u32>,
        /// Rows.
        num_rows: u32,
        /// Of the values.
        encoding: Encoding,
        /// Bytes of the definition levels.
        definition_levels_byte_length: u32,
        /// Bytes of the repetition levels, which come first.
        repetition_levels_byte_length: u32,
        /// Whether the values are compressed with the chunk's codec.
        is_compressed: bool,
    },
    /// The dictionary of the chunk.
    Dictionary {
        /// Entries.
        num_values: u32,
        /// Of the entries: PLAIN, by its own or its old name.
        encoding: Encoding,
        /// Whether the entries are in ascending order.
        is_sorted: bool,
    },
    /// Reserved; to be passed over.
    Index,
    /// A type that this crate does not know; to be passed over.
    Other(i32),
}

/// A page's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageHeader {
    /// What the page holds.
    pub kind: PageKind,
    /// Bytes of the body in the file.
    pub compressed_page_size: u32,
    /// Bytes of the body when decompressed; for v2 pages with the levels.
    pub uncompressed_page_size: u32,
    /// CRC-32 of the body as it is in the file.
    pub crc: Option<u32>,
    /// Bytes of the header itself.
    pub header_len: usize,
    /// Where in the header the statistics of the page lie: first byte, and bytes.
    pub statistics_at: Option<(u32, u32)>,
}

/// The parts of the header as they come.
#[derive(Default)]
struct Parts {
    page_type: Option<PageType>,
    compressed: Option<u32>,
    uncompressed: Option<u32>,
    crc: Option<u32>,
    v1: Option<PageKind>,
    v2: Option<PageKind>,
    dictionary: Option<PageKind>,
    statistics_at: Option<(u32, u32)>,
}

impl PageHeader {
    /// Bytes of the page: this header and the body.
    #[must_use]
    pub fn page_bytes(&self) -> u64 {
        self.header_len as u64 + u64::from(self.compressed_page_size)
    }

    /// Reads the header that `bytes` begin with; they lie at `base_offset` in the file.
    ///
    /// # Errors
    /// `Truncated` if the bytes end inside the header: more of them may help, up to
    /// [`Limits::page_header_bytes`]; `LimitExceeded` beyond that and for pages larger than
    /// [`Limits::page_bytes`]; `Corrupt` for negative sizes, missing parts and impossible lengths.
    pub fn parse(bytes: &[u8], base_offset: u64, limits: &Limits) -> Result<Self> {
        let allowed = limits.page_header_bytes as usize;
        let bytes = bytes.get(..allowed).unwrap_or(bytes);
        let mut reader = CompactReader::new(bytes, base_offset, limits);
        let parts = match Parts::read(&mut reader, limits) {
            Err(error) if bytes.len() == allowed && *error.kind() == ErrorKind::Truncated => {
                return Err(reader.error(
                    ErrorKind::LimitExceeded(Limit::PageHeaderBytes),
                    format!("a page header of more than {allowed} bytes"),
                ));
            }
            parts => parts?,
        };
        let missing = |what: &str| reader.corrupt(format!("a page header without {what}"));
        let kind = match parts.page_type.ok_or_else(|| missing("a type"))? {
            PageType::DataPage => parts.v1.ok_or_else(|| missing("its data page part"))?,
            PageType::DataPageV2 => parts.v2.ok_or_else(|| missing("its data page part"))?,
            PageType::DictionaryPage => {
                parts.dictionary.ok_or_else(|| missing("its dictionary part"))?
            }
            PageType::IndexPage => PageKind::Index,
            PageType::Unknown(code) => PageKind::Other(code),
        };
        let header = Self {
            kind,
            compressed_page_size: parts.compressed.ok_or_else(|| missing("a size"))?,
            uncompressed_page_size: parts.uncompressed.ok_or_else(|| missing("a size"))?,
            crc: parts.crc,
            header_len: reader.position(),
            statistics_at: parts.statistics_at,
        };
        header.check_levels(&reader)?;
        Ok(header)
    }

    /// Bounds and counts of the page, decoded now; `None` if the header has none. `bytes` begin with the
    /// header, which lies at `base_offset` in the file.
    ///
    /// # Errors
    /// `Corrupt`, `Truncated` or `LimitExceeded`, as of any Thrift structure.
    pub fn statistics<'a>(
        &self,
        bytes: &'a [u8],
        base_offset: u64,
        limits: &Limits,
    ) -> Result<Option<Statistics<'a>>> {
        let Some((start, len)) = self.statistics_at else { return Ok(None) };
        let offset = base_offset.saturating_add(start.into());
        let (start, len) = (start as usize, len as usize);
        let bytes = bytes.get(start..start.saturating_add(len)).unwrap_or_default();
        Statistics::parse(bytes, offset, limits).map(Some)
    }

    /// The levels of a v2 page lie uncompressed at the start of the body.
    fn check_levels(&self, reader: &CompactReader<'_>) -> Result<()> {
        let PageKind::DataV2 {
            definition_levels_byte_length: definition,
            repetition_levels_byte_length: repetition,
            ..
        } = self.kind
        else {
            return Ok(());
        };
        let body = self.compressed_page_size.min(self.uncompressed_page_size);
        match definition.checked_add(repetition) {
            Some(levels) if levels <= body => Ok(()),
            _ => Err(reader.corrupt(format!(
                "levels of {definition} and {repetition} bytes in a page of {body}"
            ))),
        }
    }
}

impl Parts {
    fn read(reader: &mut CompactReader<'_>, limits: &Limits) -> Result<Self> {
        let mut parts = Self::default();
        reader.structure(|reader, field| {
            match (field.id, field.wire) {
                (1, WireType::I32) => parts.page_type = Some(PageType::from_code(reader.i32()?)),
                (2, WireType::I32) => parts.uncompressed = Some(page_size(reader, limits)?),
                (3, WireType::I32) => parts.compressed = Some(page_size(reader, limits)?),
                (4, WireType::I32) => parts.crc = Some(reader.i32()?.cast_unsigned()),
                (5, WireType::Struct) => {
                    parts.v1 = Some(data_v1(reader, &mut parts.statistics_at)?)
                }
                (7, WireType::Struct) => parts.dictionary = Some(dictionary(reader)?),
                (8, WireType::Struct) => {
                    parts.v2 = Some(data_v2(reader, &mut parts.statistics_at)?)
                }
                (_, wire) => reader.skip(wire)?,
            }
            Ok(())
        })?;
        Ok(parts)
    }
}

fn page_size(reader: &mut CompactReader<'_>, limits: &Limits) -> Result<u32> {
    let size = count(reader, "page size")?;
    if size > limits.page_bytes {
        return Err(reader.error(
            ErrorKind::LimitExceeded(Limit::PageBytes),
            format!("a page of {size} bytes, {} are allowed", limits.page_bytes),
        ));
    }
    Ok(size)
}

fn count(reader: &mut CompactReader<'_>, what: &str) -> Result<u32> {
    let count = reader.i32()?;
    u32::try_from(count).map_err(|_| reader.corrupt(format!("a {what} of {count}")))
}

fn encoding(reader: &mut CompactReader<'_>) -> Result<Encoding> {
    reader.i32().map(Encoding::from_code)
}

fn required<T>(reader: &CompactReader<'_>, value: Option<T>, what: &str) -> Result<T> {
    value.ok_or_else(|| -> Error { reader.corrupt(format!("a page header without {what}")) })
}

/// Passes over a struct; answers where it lies.
fn passed(reader: &mut CompactReader<'_>) -> Result<Option<(u32, u32)>> {
    let start = reader.position();
    reader.skip(WireType::Struct)?;
    let len = reader.position() - start;
    Ok(u32::try_from(start).ok().zip(u32::try_from(len).ok()))
}

fn data_v1(
    reader: &mut CompactReader<'_>,
    statistics_at: &mut Option<(u32, u32)>,
) -> Result<PageKind> {
    let (mut values, mut of_values) = (None, None);
    let (mut definition, mut repetition) = (Encoding::Rle, Encoding::Rle);
    reader.structure(|reader, field| {
        match (field.id, field.wire) {
            (1, WireType::I32) => values = Some(count(reader, "number of values")?),
            (2, WireType::I32) => of_values = Some(encoding(reader)?),
            (3, WireType::I32) => definition = encoding(reader)?,
            (4, WireType::I32) => repetition = encoding(reader)?,
            (5, WireType::Struct) => *statistics_at = passed(reader)?,
            (_, wire) => reader.skip(wire)?,
        }
        Ok(())
    })?;
    Ok(PageKind::DataV1 {
        num_values: required(reader, values, "its number of values")?,
        encoding: required(reader, of_values, "its encoding")?,
        definition_level_encoding: definition,
        repetition_level_encoding: repetition,
    })
}

fn data_v2(
    reader: &mut CompactReader<'_>,
    statistics_at: &mut Option<(u32, u32)>,
) -> Result<PageKind> {
    let (mut values, mut nulls, mut rows, mut of_values) = (None, None, None, None);
    let (mut definition, mut repetition, mut is_compressed) = (None, None, true);
    reader.structure(|reader, field| {
        match (field.id, field.wire) {
            (1, WireType::I32) => values = Some(count(reader, "number of values")?),
            (2, WireType::I32) => nulls = u32::try_from(reader.i32()?).ok(),
            (3, WireType::I32) => rows = Some(count(reader, "number of rows")?),
            (4, WireType::I32) => of_values = Some(encoding(reader)?),
            (5, WireType::I32) => definition = Some(count(reader, "length of levels")?),
            (6, WireType::I32) => repetition = Some(count(reader, "length of levels")?),
            (7, wire) if wire.boolean().is_some() => is_compressed = wire == WireType::True,
            (8, WireType::Struct) => *statistics_at = passed(reader)?,
            (_, wire) => reader.skip(wire)?,
        }
        Ok(())
    })?;
    Ok(PageKind::DataV2 {
        num_values: required(reader, values, "its number of values")?,
        num_nulls: nulls,
        num_rows: required(reader, rows, "its number of rows")?,
        encoding: required(reader, of_values, "its encoding")?,
        definition_levels_byte_length: required(reader, definition, "the length of levels")?,
        repetition_levels_byte_length: required(reader, repetition, "the length of levels")?,
        is_compressed,
    })
}

fn dictionary(reader: &mut CompactReader<'_>) -> Result<PageKind> {
    let (mut values, mut of_values, mut is_sorted) = (None, None, false);
    reader.structure(|reader, field| {
        match (field.id, field.wire) {
            (1, WireType::I32) => values = Some(count(reader, "number of entries")?),
            (2, WireType::I32) => of_values = Some(encoding(reader)?),
            (3, WireType::True) => is_sorted = true,
            (_, wire) => reader.skip(wire)?,
        }
        Ok(())
    })?;
    Ok(PageKind::Dictionary {
        num_values: required(reader, values, "its number of entries")?,
        encoding: of_values.unwrap_or(Encoding::Plain),
        is_sorted,
    })
}

#[cfg(test)]
mod tests;
