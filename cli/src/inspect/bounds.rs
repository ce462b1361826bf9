//! Least and greatest values of statistics, as text.
//!
//! In: the bytes of a bound, PLAIN-encoded. Out: the value as a table shows it. A bound of a length
//! that its type does not have is left out, not guessed; so is what pruning does not believe either.

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::{Bitmap, Buffer, Slice};
use millwork_format::WideDecimal;
use millwork_format::metadata::created_by::Writer;
use millwork_format::metadata::{ColumnIndex, PhysicalType, Statistics};
use millwork_format::prune::believed;
use millwork_format::record::text::write_value;
use millwork_format::schema::Leaf;
use millwork_format::types::{DataType, Storage};
use millwork_format::vector::{Cell, Data, Vector, Views};

use crate::width;

/// Widest bound that people are shown.
const WIDTH: usize = 28;

/// `min … max`, cut for people; empty if both are unknown.
pub fn range(leaf: &Leaf, statistics: &Statistics<'_>, writer: Writer<'_>) -> String {
    let (min, max) = texts(leaf, statistics, writer);
    shown(min, max)
}

/// `min … max` of texts, cut for people; empty if both are unknown.
pub fn shown(min: Option<String>, max: Option<String>) -> String {
    if min.is_none() && max.is_none() {
        return String::new();
    }
    let cut = |bound: Option<String>| {
        let bound = bound.unwrap_or_else(|| "?".to_owned());
        width::truncated(&bound.replace(|c: char| c.is_control(), "·"), WIDTH)
    };
    format!("{} … {}", cut(min), cut(max))
}

/// The least and the greatest value, as text.
pub fn texts(
    leaf: &Leaf,
    statistics: &Statistics<'_>,
    writer: Writer<'_>,
) -> (Option<String>, Option<String>) {
    let (min, max) = values_of(leaf, statistics, writer);
    (min.map(|min| text(leaf, &min)), max.map(|max| text(leaf, &max)))
}

/// Neither if one of them is NaN, as that says nothing about the other values.
fn values_of(
    leaf: &Leaf,
    statistics: &Statistics<'_>,
    writer: Writer<'_>,
) -> (Option<Vector>, Option<Vector>) {
    let Some(bounds) = believed(leaf, statistics, writer) else { return (None, None) };
    let [min, max] = bounds.map(|bytes| bytes.and_then(|bytes| value(leaf, bytes)));
    if [&min, &max].into_iter().flatten().any(is_nan) { (None, None) } else { (min, max) }
}

fn is_nan(value: &Vector) -> bool {
    match value.cell(0) {
        Cell::Float16(value) => value.is_nan(),
        Cell::Float32(value) => value.is_nan(),
        Cell::Float64(value) => value.is_nan(),
        _ => false,
    }
}

/// The least and the greatest value of page `page` by the column index, as text.
pub fn of_page(leaf: &Leaf, index: &ColumnIndex, page: usize) -> (Option<String>, Option<String>) {
    let bounds = Statistics {
        min_value: index.min(page),
        max_value: index.max(page),
        ..Statistics::default()
    };
    // No writer is known for wrong ones.
    texts(leaf, &bounds, Writer::parse(""))
}

/// The least and the greatest value over all `chunks` of a leaf (slots, and what is known of them), as
/// text; `None` if one with values does not tell.
pub fn merged(
    leaf: &Leaf,
    chunks: &[(u64, Option<Statistics<'_>>)],
    writer: Writer<'_>,
) -> Option<(Option<String>, Option<String>)> {
    let mut widest: Option<(Vector, Vector)> = None;
    for (values, statistics) in chunks {
        let statistics = statistics.as_ref()?;
        // Neither nulls nor NaNs have bounds.
        let nans = statistics.nan_count.unwrap_or(0);
        if statistics.null_count.and_then(|nulls| nulls.checked_add(nans)) == Some(*values) {
            continue;
        }
        let (min, max) = values_of(leaf, statistics, writer);
        let (min, max) = (min?, max?);
        widest = Some(match widest {
            None => (min, max),
            Some((least, greatest)) => (
                if is_less(leaf, &min, &least)? { min } else { least },
                if is_less(leaf, &greatest, &max)? { max } else { greatest },
            ),
        });
    }
    let (min, max) = widest?;
    Some((Some(text(leaf, &min)), Some(text(leaf, &max))))
}

fn is_less(leaf: &Leaf, left: &Vector, right: &Vector) -> Option<bool> {
    match (left.cell(0), right.cell(0)) {
        (Cell::Boolean(left), Cell::Boolean(right)) => Some(!left & right),
        (Cell::Integer(left), Cell::Integer(right)) => Some(left < right),
        (Cell::Float16(left), Cell::Float16(right)) => Some(left < right),
        (Cell::Float32(left), Cell::Float32(right)) => Some(left < right),
        (Cell::Float64(left), Cell::Float64(right)) => Some(left < right),
        (Cell::Bytes(left), Cell::Bytes(right)) if leaf.data_type == DataType::Int96 => {
            Some(moment(left)? < moment(right)?)
        }
        (Cell::Bytes(left), Cell::Bytes(right)) => Some(left < right),
        _ => None,
    }
}

/// Day and nanoseconds of an INT96.
fn moment(bytes: &[u8]) -> Option<(i32, u64)> {
    let (nanos, day) = bytes.split_first_chunk::<8>()?;
    Some((i32::from_le_bytes(day.try_into().ok()?), u64::from_le_bytes(*nanos)))
}

fn text(leaf: &Leaf, value: &Vector) -> String {
    let mut text = String::new();
    write_value(&leaf.data_type, value.cell(0), &mut text);
    text
}

/// A vector of the one value that `bytes` encode.
fn value(leaf: &Leaf, bytes: &[u8]) -> Option<Vector> {
    let int32 = || bytes.try_into().ok().map(i32::from_le_bytes);
    let int64 = || bytes.try_into().ok().map(i64::from_le_bytes);
    let integer = || match leaf.physical_type {
        PhysicalType::Int32 => int32().map(i128::from),
        PhysicalType::Int64 => int64().map(i128::from),
        _ => big_endian(bytes),
    };
    Some(match leaf.data_type.storage() {
        Storage::Bits => {
            let bits = Bitmap::from_bools(&[*bytes.first()? & 1 == 1]);
            Vector::new(Data::Boolean(bits), None, 1).ok()?
        }
        Storage::Int8 => flat(i8::try_from(integer()?).ok()?),
        Storage::Int16 => flat(i16::try_from(integer()?).ok()?),
        Storage::Int32 => flat(i32::try_from(integer()?).ok()?),
        Storage::Int64 => flat(i64::try_from(integer()?).ok()?),
        Storage::Int128 => flat(integer()?),
        Storage::UInt8 => flat(u8::try_from(int32()?).ok()?),
        Storage::UInt16 => flat(u16::try_from(int32()?).ok()?),
        Storage::UInt32 => flat(int32()?.cast_unsigned()),
        Storage::UInt64 => flat(int64()?.cast_unsigned()),
        Storage::Float16 => {
            let bits = u16::from_le_bytes(bytes.try_into().ok()?);
            Vector::new(Data::Float16(Slice::copy_of(&[bits])), None, 1).ok()?
        }
        Storage::Float32 => flat(f32::from_le_bytes(bytes.try_into().ok()?)),
        Storage::Float64 => flat(f64::from_le_bytes(bytes.try_into().ok()?)),
        Storage::Views => Vector::new(Data::Views(Views::copy_of([bytes]).ok()?), None, 1).ok()?,
        Storage::Fixed(_) if matches!(leaf.data_type, DataType::WideDecimal { .. }) => {
            fixed(&WideDecimal::from_big_endian(bytes, 0)?.ordered())?
        }
        Storage::Fixed(width) if bytes.len() == width as usize => fixed(bytes)?,
        _ => return None,
    })
}

fn flat<T: millwork_format::vector::Native>(value: T) -> Vector {
    Vector::flat(Slice::copy_of(&[value]))
}

fn fixed(bytes: &[u8]) -> Option<Vector> {
    let width_bytes = bytes.len();
    let bytes = Buffer::copy_of(bytes, &Budget::unlimited()).ok()?;
    Vector::new(Data::Fixed { width_bytes, bytes }, None, 1).ok()
}

/// A signed big-endian number of up to 16 bytes.
fn big_endian(bytes: &[u8]) -> Option<i128> {
    let first = *bytes.first().filter(|_| bytes.len() <= 16)?;
    let start = if first & 0x80 == 0 { 0 } else { -1 };
    Some(bytes.iter().fold(start, |value: i128, byte| value << 8 | i128::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn big_endian_numbers_keep_their_sign() {
        for (bytes, expected) in
            [(&[0xFFu8][..], Some(-1)), (&[0x01, 0x00], Some(256)), (&[], None), (&[0; 17], None)]
        {
            assert_eq!(big_endian(bytes), expected, "{bytes:?}");
        }
    }
}
