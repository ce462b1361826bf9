//! Statistics that are well-formed and wrong: which writers have written them, until when.
//!
//! In: who wrote a file, and a leaf. Out: what of its statistics is not to be believed. Where a version cannot be
//! told it may be any.

use crate::metadata::created_by::Writer;
use crate::metadata::{ColumnChunk, PhysicalType, Statistics};
use crate::schema::Leaf;
use crate::types::DataType;

/// Which bounds of a chunk exclude values that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum False {
    /// None that is known.
    Neither,
    /// The lower one.
    Min,
    /// Either of them, even if they are equal.
    Both,
    /// Either of them, unless they are equal: they were compared by another order.
    Order,
}

/// What can be believed of a lower and an upper bound that `writer` wrote for values of `leaf`: of a chunk, or of a
/// page, from which those of chunks are put together.
pub(super) fn credible<'a>(
    leaf: &Leaf,
    writer: Writer<'_>,
    [min, max]: [Option<&'a [u8]>; 2],
) -> Option<[Option<&'a [u8]>; 2]> {
    match false_bounds(leaf, writer) {
        False::Both => None,
        False::Order if min != max => None,
        False::Min => Some([None, max]),
        False::Neither | False::Order => Some([min, max]),
    }
}

/// Of the statistics in `min_value` and `max_value` that `writer` wrote for a chunk of `leaf`.
pub(super) fn false_bounds(leaf: &Leaf, writer: Writer<'_>) -> False {
    let is_bytes = leaf.physical_type == PhysicalType::ByteArray;
    let is_fixed = leaf.physical_type == PhysicalType::FixedLenByteArray;
    let is_decimal =
        matches!(leaf.data_type, DataType::Decimal { .. } | DataType::WideDecimal { .. });
    let by = |name: &str| writer.application.starts_with(name);
    let before = |version: (u32, u32, u32)| writer.version.is_none_or(|own| own < version);
    // PARQUET-1655: decimals that were compared as strings of bytes.
    if is_decimal
        && (is_bytes || is_fixed)
        && (writer.application == "parquet-cpp" || writer.is_before("parquet-cpp-arrow", (4, 0, 0)))
    {
        return False::Order;
    }
    // arrow-rs#10860: the same, and as the numbers have different lengths.
    if is_decimal && is_bytes && writer.application == "parquet-rs" {
        return False::Order;
    }
    // hyparquet-writer#38: the unscaled value as a float.
    if is_decimal && by("hyparquet") {
        return False::Both;
    }
    if by("Polars") {
        // Before 2.0 it did not say which version it was. polars#25886 (until 1.37): of pages of which one begins as
        // the other, the bound of the first one stays. polars#29350 (until 2.0): decimals and halves, merged as
        // strings of bytes.
        let is_half = leaf.data_type == DataType::Float16;
        let is_merged = is_bytes || is_fixed && (is_decimal || is_half);
        if is_merged && before((2, 0, 0)) {
            return False::Both;
        }
    }
    // segmentio/parquet-go, later parquet-go/parquet-go: an empty minimum of one page was none (parquet-go#130).
    let is_parquet_go = by("github.com/segmentio/parquet-go")
        || by("github.com/parquet-go/parquet-go") && before((0, 21, 0));
    if is_bytes && is_parquet_go {
        return False::Min;
    }
    // Parquet.Net#758: in another order of bytes than they are stored in.
    if leaf.data_type == DataType::Uuid && by("Parquet.Net") {
        return False::Both;
    }
    False::Neither
}

/// `statistics` of `chunk` without what `writer` is known to count or compare wrongly, whatever the leaf.
pub(super) fn without_false<'a>(
    statistics: Statistics<'a>,
    chunk: ColumnChunk<'_>,
    writer: Writer<'_>,
) -> Statistics<'a> {
    // arrow#15042, #34106: bounds and nulls of the first of several dictionaries, ARROW-12513: no null of any. What
    // is in the dictionary page can be asked instead.
    let is_of_one_dictionary = chunk.physical_type() == PhysicalType::ByteArray
        && chunk.dictionary_page_offset().is_some()
        && writer.is_before("parquet-cpp-arrow", (12, 0, 0));
    if is_of_one_dictionary {
        let (min_value, max_value, legacy_min, legacy_max) = (None, None, None, None);
        let null_count = None;
        return Statistics {
            min_value,
            max_value,
            legacy_min,
            legacy_max,
            null_count,
            ..statistics
        };
    }
    // polars#29321 (1.44, not 1.36, nor 2.1): the nulls of all pages, once for each of them.
    let counts_often = writer.is_before("Polars", (2, 0, 0));
    let null_count = statistics.null_count.filter(|nulls| *nulls == 0 || !counts_often);
    Statistics { null_count, ..statistics }
}
