//! The spec's enumerations.
//!
//! In: a number of the metadata. Out: its meaning. A code that is newer than this crate becomes
//! `Unknown`, so that the columns that do not use it can still be read.

use std::fmt;

/// How values are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PhysicalType {
    /// One bit.
    Boolean,
    /// Four bytes, signed.
    Int32,
    /// Eight bytes, signed.
    Int64,
    /// Twelve bytes: nanoseconds of a day and a Julian day. Deprecated.
    Int96,
    /// IEEE 754 single precision.
    Float,
    /// IEEE 754 double precision.
    Double,
    /// Bytes of any length.
    ByteArray,
    /// As many bytes as the schema says.
    FixedLenByteArray,
}

impl PhysicalType {
    /// The value with this code of the spec; `None` if there is none.
    #[must_use]
    pub const fn from_code(code: i32) -> Option<Self> {
        Some(match code {
            0 => Self::Boolean,
            1 => Self::Int32,
            2 => Self::Int64,
            3 => Self::Int96,
            4 => Self::Float,
            5 => Self::Double,
            6 => Self::ByteArray,
            7 => Self::FixedLenByteArray,
            _ => return None,
        })
    }

    /// The code of the spec.
    #[must_use]
    pub const fn code(self) -> i32 {
        match self {
            Self::Boolean => 0,
            Self::Int32 => 1,
            Self::Int64 => 2,
            Self::Int96 => 3,
            Self::Float => 4,
            Self::Double => 5,
            Self::ByteArray => 6,
            Self::FixedLenByteArray => 7,
        }
    }

    /// The name of the spec.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Boolean => "BOOLEAN",
            Self::Int32 => "INT32",
            Self::Int64 => "INT64",
            Self::Int96 => "INT96",
            Self::Float => "FLOAT",
            Self::Double => "DOUBLE",
            Self::ByteArray => "BYTE_ARRAY",
            Self::FixedLenByteArray => "FIXED_LEN_BYTE_ARRAY",
        }
    }
}

impl fmt::Display for PhysicalType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How the values of a page are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Values one after the other.
    Plain,
    /// The old name of dictionary codes (data page) and of plain values (dictionary page).
    PlainDictionary,
    /// The hybrid of runs and bit-packed groups.
    Rle,
    /// Levels, most significant bit first. Deprecated.
    BitPacked,
    /// Bit-packed differences of integers.
    DeltaBinaryPacked,
    /// Lengths as differences, then all bytes.
    DeltaLengthByteArray,
    /// Shared prefixes and suffixes.
    DeltaByteArray,
    /// Codes into the dictionary page.
    RleDictionary,
    /// The first bytes of all values, then the second ones, and so on.
    ByteStreamSplit,
    /// Floats as integers times a power of ten.
    Alp,
    /// A code that this crate does not know.
    Unknown(i32),
}

impl Encoding {
    /// The value with this code of the spec.
    #[must_use]
    pub const fn from_code(code: i32) -> Self {
        match code {
            0 => Self::Plain,
            2 => Self::PlainDictionary,
            3 => Self::Rle,
            4 => Self::BitPacked,
            5 => Self::DeltaBinaryPacked,
            6 => Self::DeltaLengthByteArray,
            7 => Self::DeltaByteArray,
            8 => Self::RleDictionary,
            9 => Self::ByteStreamSplit,
            10 => Self::Alp,
            other => Self::Unknown(other),
        }
    }

    /// The code of the spec.
    #[must_use]
    pub const fn code(self) -> i32 {
        match self {
            Self::Plain => 0,
            Self::PlainDictionary => 2,
            Self::Rle => 3,
            Self::BitPacked => 4,
            Self::DeltaBinaryPacked => 5,
            Self::DeltaLengthByteArray => 6,
            Self::DeltaByteArray => 7,
            Self::RleDictionary => 8,
            Self::ByteStreamSplit => 9,
            Self::Alp => 10,
            Self::Unknown(code) => code,
        }
    }

    /// The name of the spec, `UNKNOWN` for an unknown code.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::PlainDictionary => "PLAIN_DICTIONARY",
            Self::Rle => "RLE",
            Self::BitPacked => "BIT_PACKED",
            Self::DeltaBinaryPacked => "DELTA_BINARY_PACKED",
            Self::DeltaLengthByteArray => "DELTA_LENGTH_BYTE_ARRAY",
            Self::DeltaByteArray => "DELTA_BYTE_ARRAY",
            Self::RleDictionary => "RLE_DICTIONARY",
            Self::ByteStreamSplit => "BYTE_STREAM_SPLIT",
            Self::Alp => "ALP",
            Self::Unknown(_) => "UNKNOWN",
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(code) => write!(f, "{code}"),
            known => f.write_str(known.name()),
        }
    }
}

/// The codec of a column chunk's pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Bytes as they are.
    Uncompressed,
    /// Raw Snappy.
    Snappy,
    /// Gzip, of one or more members.
    Gzip,
    /// LZO, which nobody writes.
    Lzo,
    /// Brotli.
    Brotli,
    /// The deprecated LZ4 in Hadoop's framing.
    Lz4,
    /// Zstandard.
    Zstd,
    /// A raw LZ4 block.
    Lz4Raw,
    /// A code that this crate does not know.
    Unknown(i32),
}

impl Compression {
    /// The value with this code of the spec.
    #[must_use]
    pub const fn from_code(code: i32) -> Self {
        match code {
            0 => Self::Uncompressed,
            1 => Self::Snappy,
            2 => Self::Gzip,
            3 => Self::Lzo,
            4 => Self::Brotli,
            5 => Self::Lz4,
            6 => Self::Zstd,
            7 => Self::Lz4Raw,
            other => Self::Unknown(other),
        }
    }

    /// The code of the spec.
    #[must_use]
    pub const fn code(self) -> i32 {
        match self {
            Self::Uncompressed => 0,
            Self::Snappy => 1,
            Self::Gzip => 2,
            Self::Lzo => 3,
            Self::Brotli => 4,
            Self::Lz4 => 5,
            Self::Zstd => 6,
            Self::Lz4Raw => 7,
            Self::Unknown(code) => code,
        }
    }

    /// The name of the spec, `UNKNOWN` for an unknown code.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uncompressed => "UNCOMPRESSED",
            Self::Snappy => "SNAPPY",
            Self::Gzip => "GZIP",
            Self::Lzo => "LZO",
            Self::Brotli => "BROTLI",
            Self::Lz4 => "LZ4",
            Self::Zstd => "ZSTD",
            Self::Lz4Raw => "LZ4_RAW",
            Self::Unknown(_) => "UNKNOWN",
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(code) => write!(f, "{code}"),
            known => f.write_str(known.name()),
        }
    }
}

/// What a page holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PageType {
    /// Levels and values, compressed together.
    DataPage,
    /// Nothing that was ever specified.
    IndexPage,
    /// The dictionary of a column chunk.
    DictionaryPage,
    /// Levels uncompressed, then values.
    DataPageV2,
    /// A code that this crate does not know.
    Unknown(i32),
}

impl PageType {
    /// The value with this code of the spec.
    #[must_use]
    pub const fn from_code(code: i32) -> Self {
        match code {
            0 => Self::DataPage,
            1 => Self::IndexPage,
            2 => Self::DictionaryPage,
            3 => Self::DataPageV2,
            other => Self::Unknown(other),
        }
    }

    /// The code of the spec.
    #[must_use]
    pub const fn code(self) -> i32 {
        match self {
            Self::DataPage => 0,
            Self::IndexPage => 1,
            Self::DictionaryPage => 2,
            Self::DataPageV2 => 3,
            Self::Unknown(code) => code,
        }
    }

    /// The name of the spec, `UNKNOWN` for an unknown code.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DataPage => "DATA_PAGE",
            Self::IndexPage => "INDEX_PAGE",
            Self::DictionaryPage => "DICTIONARY_PAGE",
            Self::DataPageV2 => "DATA_PAGE_V2",
            Self::Unknown(_) => "UNKNOWN",
        }
    }
}

impl fmt::Display for PageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(code) => write!(f, "{code}"),
            known => f.write_str(known.name()),
        }
    }
}

/// How often a field occurs in its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Repetition {
    /// Exactly once.
    Required,
    /// Once or not at all.
    Optional,
    /// Any number of times.
    Repeated,
    /// A code that this crate does not know.
    Unknown(i32),
}

impl Repetition {
    /// The value with this code of the spec.
    #[must_use]
    pub const fn from_code(code: i32) -> Self {
        match code {
            0 => Self::Required,
            1 => Self::Optional,
            2 => Self::Repeated,
            other => Self::Unknown(other),
        }
    }

    /// The code of the spec.
    #[must_use]
    pub const fn code(self) -> i32 {
        match self {
            Self::Required => 0,
            Self::Optional => 1,
            Self::Repeated => 2,
            Self::Unknown(code) => code,
        }
    }

    /// The name of the spec, `UNKNOWN` for an unknown code.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Required => "REQUIRED",
            Self::Optional => "OPTIONAL",
            Self::Repeated => "REPEATED",
            Self::Unknown(_) => "UNKNOWN",
        }
    }
}

impl fmt::Display for Repetition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(code) => write!(f, "{code}"),
            known => f.write_str(known.name()),
        }
    }
}

/// The annotation that files older than format 2.4 have instead of a logical type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConvertedType {
    /// A UTF-8 string.
    Utf8,
    /// A map.
    Map,
    /// The key and value of a map.
    MapKeyValue,
    /// A list.
    List,
    /// A UTF-8 string of a small set.
    Enum,
    /// A decimal; scale and precision lie in the schema element.
    Decimal,
    /// Days since 1970-01-01.
    Date,
    /// Milliseconds since midnight.
    TimeMillis,
    /// Microseconds since midnight.
    TimeMicros,
    /// Milliseconds since 1970-01-01 UTC.
    TimestampMillis,
    /// Microseconds since 1970-01-01 UTC.
    TimestampMicros,
    /// Unsigned, 8 bits.
    UInt8,
    /// Unsigned, 16 bits.
    UInt16,
    /// Unsigned, 32 bits.
    UInt32,
    /// Unsigned, 64 bits.
    UInt64,
    /// Signed, 8 bits.
    Int8,
    /// Signed, 16 bits.
    Int16,
    /// Signed, 32 bits.
    Int32,
    /// Signed, 64 bits.
    Int64,
    /// A JSON document.
    Json,
    /// A BSON document.
    Bson,
    /// Months, days and milliseconds, 4 bytes each.
    Interval,
}

impl ConvertedType {
    /// The value with this code of the spec; `None` if there is none.
    #[must_use]
    pub const fn from_code(code: i32) -> Option<Self> {
        Some(match code {
            0 => Self::Utf8,
            1 => Self::Map,
            2 => Self::MapKeyValue,
            3 => Self::List,
            4 => Self::Enum,
            5 => Self::Decimal,
            6 => Self::Date,
            7 => Self::TimeMillis,
            8 => Self::TimeMicros,
            9 => Self::TimestampMillis,
            10 => Self::TimestampMicros,
            11 => Self::UInt8,
            12 => Self::UInt16,
            13 => Self::UInt32,
            14 => Self::UInt64,
            15 => Self::Int8,
            16 => Self::Int16,
            17 => Self::Int32,
            18 => Self::Int64,
            19 => Self::Json,
            20 => Self::Bson,
            21 => Self::Interval,
            _ => return None,
        })
    }

    /// The code of the spec.
    #[must_use]
    pub const fn code(self) -> i32 {
        match self {
            Self::Utf8 => 0,
            Self::Map => 1,
            Self::MapKeyValue => 2,
            Self::List => 3,
            Self::Enum => 4,
            Self::Decimal => 5,
            Self::Date => 6,
            Self::TimeMillis => 7,
            Self::TimeMicros => 8,
            Self::TimestampMillis => 9,
            Self::TimestampMicros => 10,
            Self::UInt8 => 11,
            Self::UInt16 => 12,
            Self::UInt32 => 13,
            Self::UInt64 => 14,
            Self::Int8 => 15,
            Self::Int16 => 16,
            Self::Int32 => 17,
            Self::Int64 => 18,
            Self::Json => 19,
            Self::Bson => 20,
            Self::Interval => 21,
        }
    }

    /// The name of the spec.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF8",
            Self::Map => "MAP",
            Self::MapKeyValue => "MAP_KEY_VALUE",
            Self::List => "LIST",
            Self::Enum => "ENUM",
            Self::Decimal => "DECIMAL",
            Self::Date => "DATE",
            Self::TimeMillis => "TIME_MILLIS",
            Self::TimeMicros => "TIME_MICROS",
            Self::TimestampMillis => "TIMESTAMP_MILLIS",
            Self::TimestampMicros => "TIMESTAMP_MICROS",
            Self::UInt8 => "UINT_8",
            Self::UInt16 => "UINT_16",
            Self::UInt32 => "UINT_32",
            Self::UInt64 => "UINT_64",
            Self::Int8 => "INT_8",
            Self::Int16 => "INT_16",
            Self::Int32 => "INT_32",
            Self::Int64 => "INT_64",
            Self::Json => "JSON",
            Self::Bson => "BSON",
            Self::Interval => "INTERVAL",
        }
    }
}

impl fmt::Display for ConvertedType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The order that `min_value` and `max_value` of a column are to be understood by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColumnOrder {
    /// The order of the logical or physical type.
    TypeDefined,
    /// IEEE 754 total order.
    Ieee754TotalOrder,
    /// INT96 by time.
    Int96Timestamp,
    /// An order that this crate does not know: the bounds are to be ignored.
    Unknown,
}

/// A set of encodings.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct EncodingSet(u16);

/// The bit that stands for every unknown encoding.
const UNKNOWN_BIT: u32 = 15;

impl EncodingSet {
    const fn bit(encoding: Encoding) -> u16 {
        match encoding {
            Encoding::Unknown(_) => 1 << UNKNOWN_BIT,
            known => 1 << (known.code() & 15),
        }
    }

    /// Adds `encoding`.
    pub const fn insert(&mut self, encoding: Encoding) {
        self.0 |= Self::bit(encoding);
    }

    /// Whether `encoding` is in the set; all unknown ones count as the same.
    #[must_use]
    pub const fn contains(self, encoding: Encoding) -> bool {
        self.0 & Self::bit(encoding) != 0
    }

    /// Whether the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The encodings by code; unknown ones as one `Unknown(-1)`, last.
    pub fn iter(self) -> impl Iterator<Item = Encoding> {
        (0..=UNKNOWN_BIT).filter(move |bit| self.0 >> bit & 1 == 1).map(|bit| match bit {
            UNKNOWN_BIT => Encoding::Unknown(-1),
            code => Encoding::from_code(code.cast_signed()),
        })
    }
}

impl fmt::Debug for EncodingSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests;
