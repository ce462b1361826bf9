//! Statistics decoded into bounds that can be believed.
//!
//! In: a leaf, the bytes that its file gives as bounds, and who wrote them. Out: [`Bounds`]. Bytes of
//! the wrong width, bounds the wrong way round, NaN as a bound, and orders that are unknown or do not
//! belong to the type are as if absent. Sources: parquet.thrift (`Statistics`, `ColumnOrder`), PARQUET-251,
//! PARQUET-686, PARQUET-1222.

use std::cmp::Ordering;

use half::f16;

use super::PruneValue;
use super::writers::credible;
use crate::calendar::{JULIAN_DAY_OF_EPOCH, NANOS_PER_DAY};
use crate::metadata::created_by::Writer;
use crate::metadata::{ColumnOrder, ConvertedType, LogicalType, PhysicalType, Statistics};
use crate::schema::Leaf;
use crate::types::{DataType, TimeUnit};
use crate::wide_decimal::WideDecimal;

/// What is known of a number of values, nulls among them.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds {
    /// No value that is neither null nor NaN is smaller.
    pub min: Option<PruneValue>,
    /// No value that is neither null nor NaN is larger.
    pub max: Option<PruneValue>,
    /// Whether `min` is one of the values.
    pub min_is_exact: bool,
    /// Whether `max` is one of the values.
    pub max_is_exact: bool,
    /// Nulls, if known.
    pub null_count: Option<u64>,
    /// Whether a value may be NaN.
    pub may_have_nan: bool,
    /// Rows.
    pub row_count: u64,
}

impl Bounds {
    /// Of `row_count` rows of `leaf` with the given numbers of nulls and NaNs, no bounds yet.
    pub(super) fn unbounded(
        leaf: &Leaf,
        row_count: u64,
        null_count: Option<u64>,
        nan_count: Option<u64>,
    ) -> Self {
        let null_count = match leaf.max_definition_level {
            // A column of nulls alone, required or not.
            _ if leaf.data_type == DataType::Null => Some(row_count),
            0 => Some(0),
            _ => null_count.filter(|nulls| *nulls <= row_count),
        };
        let is_float =
            matches!(leaf.data_type, DataType::Float16 | DataType::Float32 | DataType::Float64);
        Self {
            min: None,
            max: None,
            min_is_exact: false,
            max_is_exact: false,
            null_count,
            may_have_nan: is_float && nan_count != Some(0),
            row_count,
        }
    }

    /// With both bounds, unless they contradict one another.
    pub(super) fn between(mut self, min: Option<Bound>, max: Option<Bound>) -> Self {
        if let (Some(min), Some(max)) = (&min, &max)
            && !matches!(min.value.order(&max.value), Some(Ordering::Less | Ordering::Equal))
        {
            return self;
        }
        self.min_is_exact = min.as_ref().is_some_and(|bound| bound.is_exact);
        self.max_is_exact = max.as_ref().is_some_and(|bound| bound.is_exact);
        self.min = min.map(|bound| bound.value);
        self.max = max.map(|bound| bound.value);
        self
    }

    /// Whether all rows are known to be null.
    #[must_use]
    pub fn is_all_null(&self) -> bool {
        self.null_count == Some(self.row_count)
    }
}

/// What the statistics of a column chunk, written by `writer`, prove about the values of `leaf` in
/// `row_count` rows. The leaf must not be repeated: its chunk has one value a row.
#[must_use]
pub fn bounds(
    leaf: &Leaf,
    statistics: &Statistics<'_>,
    writer: Writer<'_>,
    row_count: u64,
) -> Bounds {
    let null_count = statistics.null_count.filter(|nulls| {
        // Where there is a bound there is a value, whether or not the bound can be believed.
        *nulls < row_count || !has_bound(statistics)
    });
    let known = Bounds::unbounded(leaf, row_count, null_count, statistics.nan_count);
    let Some([min, max]) = believed(leaf, statistics, writer) else { return known };
    let (min_exact, max_exact) = match has_newer(leaf, statistics) {
        true => (statistics.is_min_value_exact, statistics.is_max_value_exact),
        false => (None, None),
    };
    let (min, max) = pair(leaf, (min, min_exact), (max, max_exact), writer.writes_exact_numbers());
    known.between(min, max)
}

/// The bounds in `statistics` that order and writer of the file let believe, PLAIN-encoded.
#[must_use]
pub fn believed<'a>(
    leaf: &Leaf,
    statistics: &Statistics<'a>,
    writer: Writer<'_>,
) -> Option<[Option<&'a [u8]>; 2]> {
    if !has_newer(leaf, statistics) {
        let legacy = [statistics.legacy_min, statistics.legacy_max];
        return legacy_is_sound(leaf, statistics, writer).then_some(legacy);
    }
    let newer = [statistics.min_value, statistics.max_value];
    is_ordered_as_decoded(leaf).then(|| credible(leaf, writer, newer)).flatten()
}

/// Whether the newer pair counts. DuckDB before 2026 wrote both, and no order of the newer one.
fn has_newer(leaf: &Leaf, statistics: &Statistics<'_>) -> bool {
    let has_older = statistics.legacy_min.or(statistics.legacy_max).is_some();
    let is_there = statistics.min_value.or(statistics.max_value).is_some();
    is_there && (leaf.column_order.is_some() || !has_older)
}

fn has_bound(statistics: &Statistics<'_>) -> bool {
    let newer = statistics.min_value.or(statistics.max_value);
    newer.or(statistics.legacy_min).or(statistics.legacy_max).is_some()
}

/// A bound, and whether it is one of the values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bound {
    pub(super) value: PruneValue,
    pub(super) is_exact: bool,
}

/// Lower and upper bound; neither if one of them is NaN, which says nothing about the others, or no value
/// of the type: the values that it was taken from are read as others, in another order. Numbers without a
/// flag are exact if `trusted`.
pub(super) fn pair(
    leaf: &Leaf,
    (min, min_exact): (Option<&[u8]>, Option<bool>),
    (max, max_exact): (Option<&[u8]>, Option<bool>),
    trusted: bool,
) -> (Option<Bound>, Option<Bound>) {
    if [min, max].into_iter().flatten().any(|bytes| value(leaf, bytes).is_none_or(|v| v.is_nan())) {
        return (None, None);
    }
    let min = min.and_then(|bytes| bound(leaf, bytes, (min_exact, trusted), -0.0));
    let max = max.and_then(|bytes| bound(leaf, bytes, (max_exact, trusted), 0.0));
    (min, max)
}

/// Whether the file's order of `min_value` and `max_value` is that of decoded values.
pub(crate) fn is_ordered_as_decoded(leaf: &Leaf) -> bool {
    let floats =
        matches!(leaf.data_type, DataType::Float16 | DataType::Float32 | DataType::Float64);
    match leaf.column_order {
        Some(ColumnOrder::TypeDefined) => order_of_type(leaf).is_some(),
        Some(ColumnOrder::Ieee754TotalOrder) => floats && order_of_type(leaf).is_some(),
        Some(ColumnOrder::Int96Timestamp) => leaf.data_type == DataType::Int96,
        Some(ColumnOrder::Unknown) | None => false,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TypeOrder {
    Signed,
    Unsigned,
}

/// The order that the spec defines for the leaf's type; `None` if it defines none, or if the leaf has
/// an annotation that was not understood and that may define another.
fn order_of_type(leaf: &Leaf) -> Option<TypeOrder> {
    use TypeOrder::{Signed, Unsigned};
    let plain = leaf.logical_type.is_none() && leaf.converted_type.is_none();
    let integer = |own_bits, own_converted| match (&leaf.logical_type, leaf.converted_type) {
        (Some(LogicalType::Integer { bits, signed: true }), _) => *bits == own_bits,
        (None, converted) => converted.is_none_or(|converted| converted == own_converted),
        (Some(_), _) => false,
    };
    match &leaf.data_type {
        DataType::Boolean | DataType::Float32 | DataType::Float64 => plain.then_some(Signed),
        DataType::Int32 => integer(32, ConvertedType::Int32).then_some(Signed),
        DataType::Int64 => integer(64, ConvertedType::Int64).then_some(Signed),
        DataType::Binary | DataType::Fixed(_) => plain.then_some(Unsigned),
        DataType::Int8
        | DataType::Int16
        | DataType::Date
        | DataType::Time { .. }
        | DataType::Timestamp { .. }
        | DataType::Float16
        | DataType::Decimal { .. }
        | DataType::WideDecimal { .. } => Some(Signed),
        DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64
        | DataType::Utf8
        | DataType::Enum
        | DataType::Json
        | DataType::Bson
        | DataType::Uuid => Some(Unsigned),
        _ => None,
    }
}

/// Whether the deprecated bounds can be believed: they were compared as signed numbers or bytes,
/// whatever the type. Where both are equal, the comparison did not matter.
fn legacy_is_sound(leaf: &Leaf, statistics: &Statistics<'_>, writer: Writer<'_>) -> bool {
    let is_bytes = is_bytes(leaf);
    // PARQUET-251: bounds of bytes that were overwritten before they were written, by old versions, or by a
    // writer whose version cannot be told.
    let overwritten = writer.version.is_none() || writer.is_before("parquet-mr", (1, 8, 0));
    if is_bytes && overwritten {
        return false;
    }
    let (Some(min), Some(max)) = (statistics.legacy_min, statistics.legacy_max) else {
        return false;
    };
    match order_of_type(leaf) {
        Some(TypeOrder::Signed) if !is_bytes => true,
        Some(_) => min == max,
        None => false,
    }
}

/// A bound decoded; `zero` is the zero that is on the safe side, as -0.0 and 0.0 are not told apart by
/// all writers. `None` if the bytes are not such a value.
fn bound(
    leaf: &Leaf,
    bytes: &[u8],
    (exact, trusted): (Option<bool>, bool),
    zero: f64,
) -> Option<Bound> {
    let value = value(leaf, bytes)?;
    Some(match value {
        PruneValue::Float(0.0) => Bound { value: PruneValue::Float(zero), is_exact: false },
        PruneValue::Bytes(bytes) if !matches!(leaf.data_type, DataType::WideDecimal { .. }) => {
            let full = match leaf.physical_type {
                PhysicalType::FixedLenByteArray => bytes.len() == leaf.type_length as usize,
                _ => true,
            };
            Bound { value: PruneValue::Bytes(bytes), is_exact: exact == Some(true) && full }
        }
        // A number that was shortened is not a bound at all.
        _ if exact == Some(false) && is_bytes(leaf) => return None,
        number => Bound { value: number, is_exact: exact.unwrap_or(trusted) },
    })
}

fn is_bytes(leaf: &Leaf) -> bool {
    matches!(leaf.physical_type, PhysicalType::ByteArray | PhysicalType::FixedLenByteArray)
}

/// The value that `bytes` encode PLAIN, without a length; `None` if they encode none of `leaf`'s type.
pub(super) fn value(leaf: &Leaf, bytes: &[u8]) -> Option<PruneValue> {
    let float = |value: f64| Some(PruneValue::Float(value));
    match &leaf.data_type {
        DataType::Boolean => match bytes {
            [0] => Some(PruneValue::Boolean(false)),
            [1] => Some(PruneValue::Boolean(true)),
            _ => None,
        },
        DataType::Float16 => float(f16::from_le_bytes(bytes.try_into().ok()?).to_f64()),
        DataType::Float32 => float(f32::from_le_bytes(bytes.try_into().ok()?).into()),
        DataType::Float64 => float(f64::from_le_bytes(bytes.try_into().ok()?)),
        DataType::Decimal { .. } => decimal(leaf, bytes).map(PruneValue::Integer),
        DataType::WideDecimal { scale, .. } => {
            let is_cut = leaf.physical_type == PhysicalType::FixedLenByteArray
                && bytes.len() != leaf.type_length as usize;
            let number = WideDecimal::from_big_endian(bytes, *scale).filter(|_| !is_cut);
            number.map(|number| PruneValue::Bytes(number.ordered().to_vec()))
        }
        DataType::Utf8 | DataType::Enum | DataType::Json | DataType::Bson | DataType::Binary => {
            Some(PruneValue::Bytes(bytes.to_vec()))
        }
        DataType::Int96 => int96(bytes).map(PruneValue::Integer),
        // A bound that was cut is shorter, but never longer and never empty.
        DataType::Fixed(_) | DataType::Uuid => (1..=leaf.type_length as usize)
            .contains(&bytes.len())
            .then(|| PruneValue::Bytes(bytes.to_vec())),
        other => integer(other, leaf.physical_type, bytes).map(PruneValue::Integer),
    }
}

/// Nanoseconds since 1970-01-01T00:00 of an INT96: nanoseconds of the day, then the Julian day.
pub(super) fn int96(bytes: &[u8]) -> Option<i128> {
    let (nanos, day) = bytes.split_first_chunk::<8>()?;
    let nanos = u64::from_le_bytes(*nanos);
    let day = i32::from_le_bytes(day.try_into().ok()?);
    // A day has no more nanoseconds, and the order is that of days first.
    let since = i128::from(i64::from(day) - JULIAN_DAY_OF_EPOCH) * i128::from(NANOS_PER_DAY)
        + i128::from(nanos);
    // Below the least i64 of microseconds are moments that Spark let overflow: they are late, not early.
    (nanos < NANOS_PER_DAY as u64 && since >= i128::from(i64::MIN) * 1000).then_some(since)
}

/// An integer of the type's range.
fn integer(data_type: &DataType, physical: PhysicalType, bytes: &[u8]) -> Option<i128> {
    let signed: i64 = match physical {
        PhysicalType::Int32 => i32::from_le_bytes(bytes.try_into().ok()?).into(),
        PhysicalType::Int64 => i64::from_le_bytes(bytes.try_into().ok()?),
        _ => return None,
    };
    let narrow = |bits: u32| {
        let limit = 1i64 << (bits - 1);
        (-limit..limit).contains(&signed).then_some(i128::from(signed))
    };
    let narrow_unsigned = |bits: u32| (0..1i64 << bits).contains(&signed).then_some(signed.into());
    match data_type {
        DataType::Int8 => narrow(8),
        DataType::Int16 => narrow(16),
        DataType::UInt8 => narrow_unsigned(8),
        DataType::UInt16 => narrow_unsigned(16),
        DataType::UInt32 => Some((signed as u32).into()),
        DataType::UInt64 => Some(signed.cast_unsigned().into()),
        DataType::Int32
        | DataType::Int64
        | DataType::Date
        | DataType::Time { unit: TimeUnit::Millis | TimeUnit::Micros | TimeUnit::Nanos, .. }
        | DataType::Timestamp { .. } => Some(signed.into()),
        _ => None,
    }
}

/// The unscaled value: an integer, or two's complement with the most significant byte first, of any
/// length as long as the value fits 128 bits.
fn decimal(leaf: &Leaf, bytes: &[u8]) -> Option<i128> {
    match leaf.physical_type {
        PhysicalType::Int32 => return integer(&DataType::Int32, leaf.physical_type, bytes),
        PhysicalType::Int64 => return integer(&DataType::Int64, leaf.physical_type, bytes),
        PhysicalType::FixedLenByteArray if bytes.len() != leaf.type_length as usize => {
            return None;
        }
        _ => {}
    }
    let sign = match bytes.first()? {
        0..=0x7f => 0,
        _ => 0xff,
    };
    let (extension, low) = bytes.split_at(bytes.len().saturating_sub(16));
    let mut wide = [sign; 16];
    wide.get_mut(16 - low.len()..)?.copy_from_slice(low);
    let value = i128::from_be_bytes(wide);
    let sound = extension.iter().all(|byte| *byte == sign) && (value < 0) == (sign != 0);
    sound.then_some(value)
}
