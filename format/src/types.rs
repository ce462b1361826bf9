//! The types of decoded columns: what a value means, and how a vector lays it out.
//!
//! One lattice serves the whole project: files are decoded into it, expressions are bound over it,
//! results are rendered from it. [`DataType::storage`] is the flat layout of a type; layouts equal
//! those of the Arrow C Data Interface where that has the type.

use std::fmt;
use std::sync::Arc;

/// The resolution of a time or timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimeUnit {
    /// Thousandths of a second.
    Millis,
    /// Millionths of a second.
    Micros,
    /// Billionths of a second.
    Nanos,
}

impl TimeUnit {
    /// Units in a second.
    #[must_use]
    pub const fn per_second(self) -> i64 {
        match self {
            Self::Millis => 1_000,
            Self::Micros => 1_000_000,
            Self::Nanos => 1_000_000_000,
        }
    }

    /// Digits of a second's fraction: 3, 6 or 9.
    #[must_use]
    pub const fn digits(self) -> usize {
        match self {
            Self::Millis => 3,
            Self::Micros => 6,
            Self::Nanos => 9,
        }
    }
}

/// The type of a decoded column.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DataType {
    /// No value at all: every row is null.
    Null,
    /// True or false.
    Boolean,
    /// 8-bit signed integer.
    Int8,
    /// 16-bit signed integer.
    Int16,
    /// 32-bit signed integer.
    Int32,
    /// 64-bit signed integer.
    Int64,
    /// 128-bit signed integer: sums of integers; no Parquet file holds it.
    Int128,
    /// 8-bit unsigned integer.
    UInt8,
    /// 16-bit unsigned integer.
    UInt16,
    /// 32-bit unsigned integer.
    UInt32,
    /// 64-bit unsigned integer.
    UInt64,
    /// IEEE 754 half precision, as its bits.
    Float16,
    /// IEEE 754 single precision.
    Float32,
    /// IEEE 754 double precision.
    Float64,
    /// `unscaled * 10^-scale`, at most 38 digits.
    Decimal {
        /// Digits in all, 1 to 38.
        precision: u8,
        /// Digits behind the point, at most the precision.
        scale: u8,
    },
    /// `unscaled * 10^-scale`, of 39 to 76 digits, as [`crate::WideDecimal::ordered`] keeps it.
    WideDecimal {
        /// Digits in all.
        precision: u8,
        /// Digits behind the point, at most the precision.
        scale: u8,
    },
    /// Days since 1970-01-01, proleptic Gregorian.
    Date,
    /// Time of day since midnight.
    Time {
        /// Resolution.
        unit: TimeUnit,
        /// Whether it is adjusted to UTC.
        utc: bool,
    },
    /// Time since 1970-01-01T00:00:00.
    Timestamp {
        /// Resolution.
        unit: TimeUnit,
        /// Whether it is an instant (adjusted to UTC) or local time.
        utc: bool,
    },
    /// INT96: nanoseconds of the day (8 bytes), Julian day (4 bytes), little-endian; not wrapped.
    Int96,
    /// Months, days and milliseconds, 4 bytes each, little-endian, as Parquet keeps them.
    Interval,
    /// Months, days (32 bits) and microseconds (64 bits), each with its sign, in 16 bytes, little-endian:
    /// the INTERVAL of SQL; no Parquet file holds it.
    SignedInterval,
    /// UTF-8 text.
    Utf8,
    /// UTF-8 text that names a member of an enumeration.
    Enum,
    /// UTF-8 text that is a JSON document.
    Json,
    /// A BSON document.
    Bson,
    /// Bytes without a meaning known here.
    Binary,
    /// That many bytes without a meaning known here.
    Fixed(u32),
    /// 16 bytes, big-endian as printed.
    Uuid,
    /// A WKB geometry on a plane.
    Geometry,
    /// A WKB geometry on an ellipsoid.
    Geography,
    /// A list of elements.
    List(Arc<Field>),
    /// A record of named fields.
    Struct(Arc<[Field]>),
    /// Entries of a key and perhaps a value, in file order, duplicates kept.
    Map {
        /// The key.
        key: Arc<Field>,
        /// The value; a map without one is a list of its keys.
        value: Option<Arc<Field>>,
    },
}

/// How the flat vector of a type keeps its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Storage {
    /// Nothing.
    Null,
    /// One bit a row.
    Bits,
    /// `i8`.
    Int8,
    /// `i16`.
    Int16,
    /// `i32`.
    Int32,
    /// `i64`.
    Int64,
    /// `i128`.
    Int128,
    /// `u8`.
    UInt8,
    /// `u16`.
    UInt16,
    /// `u32`.
    UInt32,
    /// `u64`.
    UInt64,
    /// The bits of a half, as `u16`.
    Float16,
    /// `f32`.
    Float32,
    /// `f64`.
    Float64,
    /// That many bytes a row.
    Fixed(u32),
    /// 16-byte views into byte buffers.
    Views,
    /// `i32` offsets and a child.
    List,
    /// One child a field.
    Struct,
}

impl DataType {
    /// Digits up to which a decimal of a file is kept in 64 bits.
    pub const DECIMAL64_DIGITS: u8 = 18;

    /// How the flat vector of this type keeps its values.
    ///
    /// A DECIMAL of more than 18 digits is `i128` by default, but any decimal vector may be `i64` or
    /// `i128`, batch by batch: kernels take both and emit the narrow one where they prove that it fits.
    #[must_use]
    pub fn storage(&self) -> Storage {
        match self {
            Self::Null => Storage::Null,
            Self::Boolean => Storage::Bits,
            Self::Int8 => Storage::Int8,
            Self::Int16 => Storage::Int16,
            Self::Int32 | Self::Date | Self::Time { unit: TimeUnit::Millis, .. } => Storage::Int32,
            Self::Int64 | Self::Time { .. } | Self::Timestamp { .. } => Storage::Int64,
            Self::Decimal { precision, .. } if *precision <= Self::DECIMAL64_DIGITS => {
                Storage::Int64
            }
            Self::Int128 | Self::Decimal { .. } => Storage::Int128,
            Self::UInt8 => Storage::UInt8,
            Self::UInt16 => Storage::UInt16,
            Self::UInt32 => Storage::UInt32,
            Self::UInt64 => Storage::UInt64,
            Self::Float16 => Storage::Float16,
            Self::Float32 => Storage::Float32,
            Self::Float64 => Storage::Float64,
            Self::Int96 | Self::Interval => Storage::Fixed(12),
            Self::Uuid | Self::SignedInterval => Storage::Fixed(16),
            Self::WideDecimal { .. } => Storage::Fixed(32),
            Self::Fixed(width) => Storage::Fixed(*width),
            Self::Utf8
            | Self::Enum
            | Self::Json
            | Self::Bson
            | Self::Binary
            | Self::Geometry
            | Self::Geography => Storage::Views,
            Self::List(_) | Self::Map { .. } => Storage::List,
            Self::Struct(_) => Storage::Struct,
        }
    }

    /// Whether values are UTF-8 text.
    #[must_use]
    pub fn is_text(&self) -> bool {
        matches!(self, Self::Utf8 | Self::Enum | Self::Json)
    }

    /// Whether values have children.
    #[must_use]
    pub fn is_nested(&self) -> bool {
        matches!(self, Self::List(_) | Self::Struct(_) | Self::Map { .. })
    }

    /// The struct of a map's entries: `key` and, if there is one, `value`.
    #[must_use]
    pub fn map_entries(key: &Arc<Field>, value: Option<&Arc<Field>>) -> Self {
        let fields = std::iter::once(key).chain(value).map(|field| (**field).clone());
        Self::Struct(fields.collect())
    }
}

impl fmt::Display for DataType {
    /// The SQL name of the type.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Null => "NULL",
            Self::Boolean => "BOOLEAN",
            Self::Int8 => "TINYINT",
            Self::Int16 => "SMALLINT",
            Self::Int32 => "INTEGER",
            Self::Int64 => "BIGINT",
            Self::Int128 => "HUGEINT",
            Self::UInt8 => "UTINYINT",
            Self::UInt16 => "USMALLINT",
            Self::UInt32 => "UINTEGER",
            Self::UInt64 => "UBIGINT",
            Self::Float16 => "FLOAT16",
            Self::Float32 => "FLOAT",
            Self::Float64 => "DOUBLE",
            Self::Decimal { precision, scale } | Self::WideDecimal { precision, scale } => {
                return write!(f, "DECIMAL({precision},{scale})");
            }
            Self::Date => "DATE",
            Self::Time { unit, utc } => {
                let zone = if *utc { " WITH TIME ZONE" } else { "" };
                return write!(f, "TIME({}){zone}", unit.digits());
            }
            Self::Timestamp { unit, utc } => {
                let zone = if *utc { " WITH TIME ZONE" } else { "" };
                return write!(f, "TIMESTAMP({}){zone}", unit.digits());
            }
            Self::Int96 => "INT96",
            Self::Interval | Self::SignedInterval => "INTERVAL",
            Self::Utf8 => "VARCHAR",
            Self::Enum => "ENUM",
            Self::Json => "JSON",
            Self::Bson => "BSON",
            Self::Binary => "BLOB",
            Self::Fixed(width) => return write!(f, "FIXED({width})"),
            Self::Uuid => "UUID",
            Self::Geometry => "GEOMETRY",
            Self::Geography => "GEOGRAPHY",
            Self::List(element) => return write!(f, "{}[]", element.data_type),
            Self::Struct(fields) => {
                let is_tuple = is_tuple(fields);
                f.write_str(if is_tuple { "TUPLE(" } else { "STRUCT(" })?;
                for (index, field) in fields.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    match is_tuple {
                        true => write!(f, "{comma}{}", field.data_type)?,
                        false => write!(f, "{comma}{} {}", field.name, field.data_type)?,
                    }
                }
                return f.write_str(")");
            }
            Self::Map { key, value } => {
                return match value {
                    Some(value) => write!(f, "MAP({}, {})", key.data_type, value.data_type),
                    None => write!(f, "MAP({})", key.data_type),
                };
            }
        };
        f.write_str(name)
    }
}

/// Whether these are the fields of a tuple, as `row(1, 2)` is one: none of them has a name.
#[must_use]
pub fn is_tuple(fields: &[Field]) -> bool {
    !fields.is_empty() && fields.iter().all(|field| field.name.is_empty())
}

/// A named column, element or member.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// Its name.
    pub name: Arc<str>,
    /// Its type.
    pub data_type: DataType,
    /// Whether a row may be null.
    pub nullable: bool,
}

impl Field {
    /// A field that may be null.
    #[must_use]
    pub fn nullable(name: &str, data_type: DataType) -> Self {
        Self { name: name.into(), data_type, nullable: true }
    }

    /// A field that is never null.
    #[must_use]
    pub fn required(name: &str, data_type: DataType) -> Self {
        Self { name: name.into(), data_type, nullable: false }
    }
}
