//! Thrift, footers, page headers and page indexes.

use std::fmt::Write as _;

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use millwork_format::Result;
use millwork_format::limits::Limits;
use millwork_format::metadata::{
    BloomFilter, BloomFilterHeader, ColumnIndex, Footer, OffsetIndex, PageHeader, Statistics,
};
use millwork_format::schema::Schema;
use millwork_format::thrift::compact::{CompactReader, WireType};

use super::check_error;
use super::input::Input;
use crate::allocator::most_bytes_of;

/// A structure, skipped and read: both take the same bytes.
pub(super) fn thrift(bytes: &[u8], _: &Budget) {
    let limits = Limits::untrusted();
    let mut skipping = CompactReader::new(bytes, 0, &limits);
    let skipped = skipping.skip(WireType::Struct);
    let mut reading = CompactReader::new(bytes, 0, &limits);
    let read = reading.structure(|reader, field| match field.wire {
        WireType::True | WireType::False => Ok(()),
        wire => value(reader, wire),
    });
    match (skipped, read) {
        (Ok(()), Ok(())) => assert_eq!(skipping.position(), reading.position()),
        // Numbers that do not fit are passed over, but not read.
        (Ok(()), Err(error)) => check_error(&error),
        (Err(error), read) => {
            assert!(read.is_err(), "read, but not skipped: {error}");
            check_error(&error);
        }
    }
}

fn value(reader: &mut CompactReader<'_>, wire: WireType) -> Result<()> {
    match wire {
        WireType::True | WireType::False => reader.boolean_element().map(drop),
        WireType::I8 => reader.i8().map(drop),
        WireType::I16 => reader.i16().map(drop),
        WireType::I32 => reader.i32().map(drop),
        WireType::I64 => reader.i64().map(drop),
        WireType::Double => reader.double().map(drop),
        WireType::Uuid => reader.uuid().map(drop),
        WireType::Binary => reader.binary().map(drop),
        WireType::Struct => reader.structure(|reader, field| match field.wire {
            WireType::True | WireType::False => Ok(()),
            wire => value(reader, wire),
        }),
        WireType::List | WireType::Set => {
            let list = reader.list()?;
            reader.enter()?;
            for _ in 0..list.len {
                value(reader, list.element)?;
            }
            reader.leave();
            Ok(())
        }
        WireType::Map => {
            let map = reader.map()?;
            reader.enter()?;
            for _ in 0..map.len {
                value(reader, map.key)?;
                value(reader, map.value)?;
            }
            reader.leave();
            Ok(())
        }
    }
}

/// Bytes that a footer of `len` bytes may take, itself included.
fn most_bytes_of_footer(len: usize) -> u64 {
    16 * len as u64 + (64 << 10)
}

/// The metadata of a file: every answer that it can give.
pub(super) fn footer(bytes: &[u8], budget: &Budget) {
    let limits = Limits::untrusted();
    let Ok(copy) = Buffer::copy_of(bytes, budget) else { return };
    let (parsed, most) = most_bytes_of(|| Footer::parse(copy, 1 << 40, &limits));
    let allowed = most_bytes_of_footer(bytes.len());
    assert!(most <= allowed, "{most} bytes for a footer of {}, {allowed} are allowed", bytes.len());
    let footer = match parsed {
        Ok(footer) => footer,
        Err(error) => return check_error(&error),
    };
    let mut text = String::new();
    for pair in footer.key_values() {
        let _ = write!(text, "{pair:?}");
    }
    for group in footer.row_groups() {
        for chunk in group.columns() {
            let _ = (chunk.statistics(), chunk.key_values(), chunk.encodings());
            let _ = (chunk.chunk_range(), chunk.is_dictionary_encoded(), chunk.crypto_metadata());
            let _ = (chunk.bloom_filter(), chunk.offset_index(), chunk.column_index());
        }
    }
    match Schema::of(&footer, &limits) {
        Ok(schema) => {
            let _ = write!(text, "{schema}");
            for line in schema.describe() {
                let _ = write!(text, "{line:?}");
            }
            let _ = (schema.find("a.b"), schema.suggest("column"));
        }
        Err(error) => check_error(&error),
    }
}

/// The header of a page.
pub(super) fn page_header(bytes: &[u8], _: &Budget) {
    let limits = Limits::untrusted();
    match PageHeader::parse(bytes, 1 << 40, &limits) {
        Ok(header) => {
            assert!(header.header_len <= bytes.len());
            assert!(header.uncompressed_page_size <= limits.page_bytes);
            assert!(header.compressed_page_size <= limits.page_bytes);
            let again = PageHeader::parse(&bytes[..header.header_len], 0, &limits);
            assert_eq!(again.ok(), Some(header), "what follows a header is no part of it");
        }
        Err(error) => check_error(&error),
    }
}

/// A column index, an offset index or statistics.
pub(super) fn page_index(bytes: &[u8], budget: &Budget) {
    let limits = Limits::untrusted();
    let mut input = Input(bytes);
    let result = match input.u8() % 3 {
        0 => OffsetIndex::parse(input.0, 0, 1 << 40, &limits).map(|index| {
            assert_eq!(index.first_rows.first().copied().unwrap_or(0), 0);
            assert!(index.first_rows.is_sorted());
            assert_eq!(index.offsets.len(), index.len());
            assert_eq!(index.compressed_sizes.len(), index.len());
        }),
        1 => {
            let Ok(copy) = Buffer::copy_of(input.0, budget) else { return };
            ColumnIndex::parse(copy, 0, &limits).map(|index| {
                for page in 0..index.len() + 1 {
                    let _ = (index.min(page), index.max(page), index.is_null_page(page));
                    let _ = (index.null_count(page), index.nan_count(page));
                }
            })
        }
        _ => Statistics::parse(input.0, 0, &limits).map(drop),
    };
    if let Err(error) = result {
        check_error(&error);
    }
}

/// A bloom filter: a file offset (one byte) and the filter.
pub(super) fn bloom_filter(bytes: &[u8], budget: &Budget) {
    let limits = Limits::untrusted();
    let mut input = Input(bytes);
    let offset = u64::from(input.u8());
    if let Ok(header) = BloomFilterHeader::parse(input.0, offset, &limits) {
        let end = offset + input.0.len() as u64;
        let fits = header.check_place(offset, None, end).is_ok();
        assert_eq!(fits, header.total_bytes() <= input.0.len() as u64);
        for hash in [0, 1 << 40, u64::MAX] {
            assert!(header.block_offset(hash) < header.total_bytes());
        }
    }
    let Ok(copy) = Buffer::copy_of(input.0, budget) else { return };
    match BloomFilter::parse(copy, offset, &limits) {
        Ok(filter) => {
            for hash in (0..64u64).map(|seed| seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)) {
                let _ = filter.may_contain(hash);
            }
        }
        Err(error) => check_error(&error),
    }
}
