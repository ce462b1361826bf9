//! What the values of a leaf mean: its physical type under its annotation.
//!
//! In: a schema element and its physical type. Out: a [`DataType`]. A logical type goes before a
//! converted type; one that does not fit the physical type, or that is not known, is ignored. So is one
//! that says that there are no values, where a converted type says what they mean.
//! Source: parquet-format, LogicalTypes.md.

use super::Leaf;
use crate::metadata::{ConvertedType, LogicalType, PhysicalType, SchemaElement};
use crate::types::{DataType, TimeUnit};
use crate::wide_decimal::WideDecimal;

/// The type of a leaf of `physical` (of `length` bytes, if of fixed length).
pub(super) fn data_type(element: &SchemaElement, physical: PhysicalType, length: u32) -> DataType {
    let fitting = |meant: Option<DataType>| meant.filter(|meant| fits(meant, physical, length));
    let converted = || element.converted_type.and_then(|old| from_converted(old, element));
    let logical = element.logical_type.as_ref().and_then(from_logical);
    match fitting(logical) {
        Some(DataType::Null) => fitting(converted()).or(Some(DataType::Null)),
        None => fitting(converted()),
        known => known,
    }
    .unwrap_or_else(|| unannotated(physical, length))
}

fn unannotated(physical: PhysicalType, length: u32) -> DataType {
    match physical {
        PhysicalType::Boolean => DataType::Boolean,
        PhysicalType::Int32 => DataType::Int32,
        PhysicalType::Int64 => DataType::Int64,
        PhysicalType::Int96 => DataType::Int96,
        PhysicalType::Float => DataType::Float32,
        PhysicalType::Double => DataType::Float64,
        PhysicalType::ByteArray => DataType::Binary,
        PhysicalType::FixedLenByteArray => DataType::Fixed(length),
    }
}

fn from_logical(logical: &LogicalType) -> Option<DataType> {
    Some(match *logical {
        LogicalType::String => DataType::Utf8,
        LogicalType::Enum => DataType::Enum,
        LogicalType::Json => DataType::Json,
        LogicalType::Bson => DataType::Bson,
        LogicalType::Uuid => DataType::Uuid,
        LogicalType::Float16 => DataType::Float16,
        LogicalType::Null => DataType::Null,
        LogicalType::Date => DataType::Date,
        LogicalType::Time { unit, utc } => DataType::Time { unit, utc },
        LogicalType::Timestamp { unit, utc } => DataType::Timestamp { unit, utc },
        LogicalType::Geometry { .. } => DataType::Geometry,
        LogicalType::Geography { .. } => DataType::Geography,
        LogicalType::Decimal { scale, precision } => return decimal(precision, scale),
        LogicalType::Integer { bits, signed } => return integer(bits, signed),
        LogicalType::Map
        | LogicalType::List
        | LogicalType::Variant { .. }
        | LogicalType::File
        | LogicalType::Other(_) => return None,
    })
}

fn from_converted(converted: ConvertedType, element: &SchemaElement) -> Option<DataType> {
    let (millis, micros) = (TimeUnit::Millis, TimeUnit::Micros);
    Some(match converted {
        ConvertedType::Utf8 => DataType::Utf8,
        ConvertedType::Enum => DataType::Enum,
        ConvertedType::Json => DataType::Json,
        ConvertedType::Bson => DataType::Bson,
        ConvertedType::Interval => DataType::Interval,
        ConvertedType::Date => DataType::Date,
        ConvertedType::TimeMillis => DataType::Time { unit: millis, utc: true },
        ConvertedType::TimeMicros => DataType::Time { unit: micros, utc: true },
        ConvertedType::TimestampMillis => DataType::Timestamp { unit: millis, utc: true },
        ConvertedType::TimestampMicros => DataType::Timestamp { unit: micros, utc: true },
        ConvertedType::Decimal => return decimal(element.precision?, element.scale.unwrap_or(0)),
        ConvertedType::Int8 => DataType::Int8,
        ConvertedType::Int16 => DataType::Int16,
        ConvertedType::Int32 => DataType::Int32,
        ConvertedType::Int64 => DataType::Int64,
        ConvertedType::UInt8 => DataType::UInt8,
        ConvertedType::UInt16 => DataType::UInt16,
        ConvertedType::UInt32 => DataType::UInt32,
        ConvertedType::UInt64 => DataType::UInt64,
        ConvertedType::Map | ConvertedType::MapKeyValue | ConvertedType::List => return None,
    })
}

/// The digits of a DECIMAL that has more of them than are read. Its bytes would not be what it means.
pub(super) fn too_many_digits(leaf: &Leaf) -> Option<i32> {
    let digits = match &leaf.logical_type {
        Some(LogicalType::Decimal { precision, .. }) => *precision,
        Some(LogicalType::Other(_)) | None
            if leaf.converted_type == Some(ConvertedType::Decimal) =>
        {
            leaf.converted_decimal?.0
        }
        _ => return None,
    };
    (digits > i32::from(WideDecimal::DIGITS)).then_some(digits)
}

/// At most 38 digits fit 128 bits, at most 76 fit 256; more are no number here.
fn decimal(precision: i32, scale: i32) -> Option<DataType> {
    let (precision, scale) = (u8::try_from(precision).ok()?, u8::try_from(scale).ok()?);
    match precision {
        _ if scale > precision => None,
        1..=38 => Some(DataType::Decimal { precision, scale }),
        39..=WideDecimal::DIGITS => Some(DataType::WideDecimal { precision, scale }),
        _ => None,
    }
}

fn integer(bits: u8, signed: bool) -> Option<DataType> {
    Some(match (bits, signed) {
        (8, true) => DataType::Int8,
        (16, true) => DataType::Int16,
        (32, true) => DataType::Int32,
        (64, true) => DataType::Int64,
        (8, false) => DataType::UInt8,
        (16, false) => DataType::UInt16,
        (32, false) => DataType::UInt32,
        (64, false) => DataType::UInt64,
        _ => return None,
    })
}

fn fits(meant: &DataType, physical: PhysicalType, length: u32) -> bool {
    use PhysicalType::{ByteArray, FixedLenByteArray, Int32, Int64};
    match meant {
        DataType::Null => true,
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::Date
        | DataType::Time { unit: TimeUnit::Millis, .. } => physical == Int32,
        DataType::Int64 | DataType::UInt64 | DataType::Time { .. } | DataType::Timestamp { .. } => {
            physical == Int64
        }
        // Some writers claim more digits than an integer has room for.
        DataType::Decimal { .. } => {
            matches!(physical, Int32 | Int64 | ByteArray | FixedLenByteArray)
        }
        // fastparquet and others have text of one length, too.
        DataType::Utf8 | DataType::Enum | DataType::Json => {
            matches!(physical, ByteArray | FixedLenByteArray)
        }
        DataType::WideDecimal { .. } => matches!(physical, ByteArray | FixedLenByteArray),
        DataType::Float16 => physical == FixedLenByteArray && length == 2,
        DataType::Interval => physical == FixedLenByteArray && length == 12,
        DataType::Uuid => physical == FixedLenByteArray && length == 16,
        _ => physical == ByteArray,
    }
}
