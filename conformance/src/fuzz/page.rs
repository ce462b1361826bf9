//! Bodies of pages, decompressed, of flat and of nested leaves, of every type and encoding.

use std::sync::Arc;

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use millwork_format::column::{ColumnShape, decode_dictionary};
use millwork_format::levels::MaxLevels;
use millwork_format::metadata::{Encoding, PageHeader, PageKind, PhysicalType};
use millwork_format::types::{DataType, TimeUnit};
use millwork_format::vector::Dictionary;

use super::check_tally;
use super::input::Input;
use crate::anatomy::Body;
use crate::examine::{self, Tally};

/// Entries of the dictionary of every dictionary-encoded page.
const ENTRIES: usize = 5;

/// The types of leaves, by the first byte of an input.
fn shapes() -> [(PhysicalType, u32, DataType); 21] {
    let decimal = |precision, scale| DataType::Decimal { precision, scale };
    [
        (PhysicalType::Boolean, 0, DataType::Boolean),
        (PhysicalType::Int32, 0, DataType::Int32),
        (PhysicalType::Int32, 0, DataType::Int8),
        (PhysicalType::Int32, 0, DataType::UInt16),
        (PhysicalType::Int32, 0, DataType::Date),
        (PhysicalType::Int32, 0, decimal(9, 2)),
        (PhysicalType::Int64, 0, DataType::Int64),
        (PhysicalType::Int64, 0, DataType::Timestamp { unit: TimeUnit::Micros, utc: true }),
        (PhysicalType::Int64, 0, decimal(18, 3)),
        (PhysicalType::Int96, 0, DataType::Int96),
        (PhysicalType::Float, 0, DataType::Float32),
        (PhysicalType::Double, 0, DataType::Float64),
        (PhysicalType::ByteArray, 0, DataType::Utf8),
        (PhysicalType::ByteArray, 0, DataType::Binary),
        (PhysicalType::ByteArray, 0, decimal(38, 10)),
        (PhysicalType::FixedLenByteArray, 16, DataType::Uuid),
        (PhysicalType::FixedLenByteArray, 2, DataType::Float16),
        (PhysicalType::FixedLenByteArray, 5, decimal(11, 2)),
        (PhysicalType::FixedLenByteArray, 12, DataType::Interval),
        (PhysicalType::FixedLenByteArray, 3, DataType::Fixed(3)),
        (PhysicalType::FixedLenByteArray, 16, decimal(38, 4)),
    ]
}

/// Bits of the second byte of an input; the others are the encoding.
mod flag {
    pub(super) const V2: u8 = 0x80;
    pub(super) const NULLABLE: u8 = 0x40;
    pub(super) const DICTIONARY_PAGE: u8 = 0x20;
}

/// Bytes in front of the body of an input.
const HEAD_BYTES: usize = 14;

fn dictionary(shape: &ColumnShape, budget: &Budget) -> Option<Arc<Dictionary>> {
    let bytes: Vec<u8> = match shape.plain_width() {
        Some(width) => (0..ENTRIES * width).map(|byte| byte as u8 % 7).collect(),
        None if shape.physical == PhysicalType::Boolean => vec![0b10110],
        None => (0..ENTRIES).flat_map(|entry| [1, 0, 0, 0, b'a' + entry as u8]).collect(),
    };
    let body = Buffer::copy_of(&bytes, budget).ok()?;
    decode_dictionary(body, ENTRIES, shape, budget).ok().map(Arc::new)
}

fn check(bytes: &[u8], is_nested: bool, budget: &Budget) {
    let mut input = Input(bytes);
    let shapes = shapes();
    let (shape, flags) = (usize::from(input.u8()) % shapes.len(), input.u8());
    let (physical, type_length, data_type) = shapes[shape].clone();
    let nullable = flags & flag::NULLABLE != 0;
    let shape = ColumnShape { physical, type_length, nullable, data_type };
    let encoding = Encoding::from_code((flags & 0x1f).into());
    let [num_values, first, second, nulls, rows] = [(); 5].map(|()| u32::from(input.u16()));
    let levels = input.u8();
    let level_encoding = Encoding::from_code((input.u8() % 8).into());
    let kind = if flags & flag::DICTIONARY_PAGE != 0 {
        PageKind::Dictionary { num_values, encoding, is_sorted: false }
    } else if flags & flag::V2 != 0 {
        PageKind::DataV2 {
            num_values,
            num_nulls: Some(nulls),
            num_rows: rows,
            encoding,
            definition_levels_byte_length: first,
            repetition_levels_byte_length: second,
            is_compressed: false,
        }
    } else {
        PageKind::DataV1 {
            num_values,
            encoding,
            definition_level_encoding: level_encoding,
            repetition_level_encoding: level_encoding,
        }
    };
    let max_levels = is_nested
        .then(|| MaxLevels { definition: levels & 15, repetition: (levels >> 4).min(levels & 15) });
    let header = PageHeader {
        kind,
        compressed_page_size: 0,
        uncompressed_page_size: 0,
        crc: None,
        header_len: 0,
        statistics_at: None,
    };
    let dictionary = dictionary(&shape, budget);
    let body = Body { header, bytes: Vec::new(), shape, max_levels, dictionary };
    let mut tally = Tally::default();
    examine::body(&body, input.0, None, budget, &mut tally);
    check_tally(&tally);
}

/// A leaf that is a column: validity, or none.
pub(super) fn flat(bytes: &[u8], budget: &Budget) {
    check(bytes, false, budget);
}

/// A leaf below lists and structs: both kinds of levels.
pub(super) fn nested(bytes: &[u8], budget: &Budget) {
    check(bytes, true, budget);
}

/// The input that has `body` decoded, if there is one.
pub(super) fn input_of(body: &Body) -> Option<Vec<u8>> {
    let shapes = shapes();
    let fits = |exact: bool| {
        shapes.iter().position(|(physical, length, data_type)| {
            *physical == body.shape.physical
                && *length == body.shape.type_length
                && (!exact || *data_type == body.shape.data_type)
        })
    };
    let shape = fits(true).or_else(|| fits(false))?;
    let nullable = if body.shape.nullable { flag::NULLABLE } else { 0 };
    let (bits, encoding, numbers, level_encoding) = match body.header.kind {
        PageKind::DataV1 { num_values, encoding, definition_level_encoding, .. } => {
            (0, encoding, [num_values, 0, 0, 0, 0], definition_level_encoding)
        }
        PageKind::DataV2 {
            num_values,
            num_nulls,
            num_rows,
            encoding,
            definition_levels_byte_length: first,
            repetition_levels_byte_length: second,
            ..
        } => (
            flag::V2,
            encoding,
            [num_values, first, second, num_nulls.unwrap_or(0), num_rows],
            Encoding::Rle,
        ),
        PageKind::Dictionary { num_values, encoding, .. } => {
            (flag::DICTIONARY_PAGE, encoding, [num_values, 0, 0, 0, 0], Encoding::Rle)
        }
        PageKind::Index | PageKind::Other(_) => return None,
    };
    let mut input = Vec::with_capacity(HEAD_BYTES + body.bytes.len());
    input.extend([shape as u8, bits | nullable | encoding.code() as u8 & 0x1f]);
    for number in numbers {
        input.extend(u16::try_from(number).ok()?.to_le_bytes());
    }
    let max = body.max_levels.map_or(0, |max| max.repetition << 4 | max.definition);
    input.extend([max, level_encoding.code() as u8]);
    input.extend(&body.bytes);
    Some(input)
}
