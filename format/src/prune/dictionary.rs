//! A chunk's dictionary, asked about tests.
//!
//! In: where the dictionary page lies, and its bytes. Out: the dictionary, and for each of its entries which
//! tests it passes. Only of chunks whose data pages all point into it; a page of strings that were not
//! foreseen and are written out makes it silent.

use std::ops::Range;

use super::{Bounds, Comparison, PruneValue, Test, may_match};
use crate::column::{ColumnShape, decode_dictionary};
use crate::error::Result;
use crate::metadata::{ColumnChunk, Encoding, PageKind, PhysicalType};
use crate::page::{PageContext, PageStart, codec_of};
use crate::schema::Leaf;
use crate::vector::{Cell, Dictionary};

/// Compressed bytes up to which a dictionary is small enough to be read for its own sake.
const MOST_BYTES: u64 = 1 << 20;

/// Where the dictionary page of `chunk` lies, if all data pages are known to point into it, and if it
/// is small.
pub(super) fn page_range(chunk: ColumnChunk<'_>) -> Option<Range<u64>> {
    if chunk.is_encrypted() || chunk.has_file_path() || !is_pure(chunk) {
        return None;
    }
    let (start, end) = (chunk.dictionary_page_offset()?, chunk.data_page_offset());
    let whole = chunk.chunk_range().ok()?;
    let inside = start < end && start >= whole.start && end <= whole.end;
    (inside && end - start <= MOST_BYTES).then_some(start..end)
}

/// Whether every data page holds codes: by the counts of encodings, or, where a writer of version 1 did
/// not count, because no encoding of plain values is listed. Others list PLAIN for the dictionary itself.
fn is_pure(chunk: ColumnChunk<'_>) -> bool {
    chunk.is_dictionary_encoded().unwrap_or_else(|| {
        let encodings = chunk.encodings();
        encodings.contains(Encoding::PlainDictionary)
            && encodings.iter().all(|encoding| {
                matches!(encoding, Encoding::PlainDictionary | Encoding::Rle | Encoding::BitPacked)
            })
    })
}

/// Whether a dictionary may say more about `test` than `bounds` do. `alone`: it is the only test of its leaf.
pub(super) fn can_pay(test: &Test, bounds: Option<&Bounds>, alone: bool) -> bool {
    match test {
        Test::IsNull | Test::IsNotNull => false,
        Test::In(_) | Test::Prefix(_) => true,
        Test::Compare { comparison: Comparison::Equal, .. } => true,
        // A bound that is one of the values passes already, or was excluded.
        Test::Compare { .. } => {
            !alone || bounds.is_none_or(|bounds| bounds.min.is_none() || bounds.max.is_none())
        }
    }
}

/// Whether a dictionary page of `page_bytes` holds about every integer between the bounds, so that one
/// of them is hardly missing. Compression makes entries look fewer than they are.
pub(super) fn is_crowded(bounds: &Bounds, physical: PhysicalType, page_bytes: u64) -> bool {
    let width = match physical {
        PhysicalType::Int32 => 4,
        PhysicalType::Int64 => 8,
        _ => return false,
    };
    match (&bounds.min, &bounds.max) {
        (Some(PruneValue::Integer(min)), Some(PruneValue::Integer(max))) => {
            let span = max.saturating_sub(*min).saturating_add(1);
            i128::from(page_bytes / width) * 2 >= span
        }
        _ => false,
    }
}

/// Bytes of a page header and of what compression adds, about.
const PAGE_OVERHEAD: u64 = 24;

/// About how many different values `chunk` has: what its writer counted, else as many as its dictionary
/// page may hold; `None` if not all values are in one. Nothing is read for it, and nothing depends on it
/// but what is done first: compression makes entries look fewer than they are.
pub(super) fn distinct_about(chunk: ColumnChunk<'_>) -> Option<u64> {
    let counted = chunk.statistics().ok().flatten().and_then(|known| known.distinct_count);
    if let Some(counted) = counted.filter(|counted| *counted > 0) {
        return Some(counted);
    }
    if !is_pure(chunk) {
        return None;
    }
    let bytes = chunk.data_page_offset().checked_sub(chunk.dictionary_page_offset()?)?;
    let width = match chunk.physical_type() {
        PhysicalType::Int32 | PhysicalType::Float => 4,
        PhysicalType::Int64 | PhysicalType::Double => 8,
        PhysicalType::Int96 => 12,
        // A length of four bytes and some letters.
        _ => 8,
    };
    Some((bytes.saturating_sub(PAGE_OVERHEAD) / width).clamp(1, chunk.num_values().max(1)))
}

/// Decodes the dictionary page that `bytes` (at `offset` in the file) are.
///
/// # Errors
/// Whatever is wrong with the page, or `LimitExceeded` if memory is refused.
pub(super) fn decode(
    bytes: &millwork_codecs::buffer::Buffer,
    offset: u64,
    chunk: ColumnChunk<'_>,
    leaf: &Leaf,
    context: &mut PageContext,
) -> Result<Option<Dictionary>> {
    let page = PageStart::read(bytes, offset, context.limits())?;
    let PageKind::Dictionary { num_values, encoding, .. } = page.header.kind else {
        return Ok(None);
    };
    let page_bytes = page.header.header_len + page.body.len();
    let plain = matches!(encoding, Encoding::Plain | Encoding::PlainDictionary);
    // Something behind the page is a second page, and not one that offsets tell of.
    if !plain || page_bytes != bytes.len() {
        return Ok(None);
    }
    let length_bytes = page.header.uncompressed_page_size as usize;
    let body = context.decompress(codec_of(chunk.compression())?, &page.body, length_bytes)?;
    let shape = ColumnShape {
        physical: leaf.physical_type,
        type_length: leaf.type_length,
        nullable: leaf.max_definition_level > 0,
        data_type: leaf.data_type.clone(),
    };
    decode_dictionary(body, num_values as usize, &shape, context.budget()).map(Some)
}

/// Whether a value like entry `entry` may pass `test`.
pub(super) fn entry_may_pass(dictionary: &Dictionary, entry: usize, test: &Test) -> bool {
    let value = match dictionary.values().cell(entry) {
        Cell::Bytes(bytes) => return bytes_may_pass(bytes, test),
        Cell::Boolean(value) => PruneValue::Boolean(value),
        Cell::Integer(value) => PruneValue::Integer(value),
        Cell::Float16(value) => PruneValue::Float(value.to_f64()),
        Cell::Float32(value) => PruneValue::Float(value.into()),
        Cell::Float64(value) => PruneValue::Float(value),
        _ => return true,
    };
    let may_have_nan = value.is_nan();
    let bound = Some(value).filter(|_| !may_have_nan);
    let bounds = Bounds {
        min: bound.clone(),
        max: bound,
        min_is_exact: true,
        max_is_exact: true,
        null_count: Some(0),
        may_have_nan,
        row_count: 1,
    };
    may_match(test, &bounds)
}

fn bytes_may_pass(own: &[u8], test: &Test) -> bool {
    let order = |value: &PruneValue| match value {
        PruneValue::Bytes(bytes) => Some(own.cmp(bytes.as_slice())),
        _ => None,
    };
    match test {
        Test::IsNull => false,
        Test::IsNotNull => true,
        Test::Prefix(prefix) => own.starts_with(prefix),
        Test::Compare { comparison, value } => {
            order(value).is_none_or(|order| comparison.holds(order))
        }
        Test::In(values) => values.may_contain(own),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dictionary_of_every_integer_is_not_worth_asking() {
        let between = |min, max| Bounds {
            min: Some(PruneValue::Integer(min)),
            max: Some(PruneValue::Integer(max)),
            min_is_exact: true,
            max_is_exact: true,
            null_count: Some(0),
            may_have_nan: false,
            row_count: 100_000,
        };
        // 10,000 numbers in 20 kB, and the same numbers spread over a million.
        assert!(is_crowded(&between(1, 10_000), PhysicalType::Int32, 20_000));
        assert!(!is_crowded(&between(1, 1_000_000), PhysicalType::Int32, 20_000));
        assert!(!is_crowded(&between(1, 10_000), PhysicalType::Int64, 20_000));
        assert!(!is_crowded(&between(i128::MIN, i128::MAX), PhysicalType::Int64, u64::MAX / 4));
        assert!(!is_crowded(&between(1, 10_000), PhysicalType::ByteArray, 20_000));
    }
}
