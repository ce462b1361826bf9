//! The annotation that says what the values of a schema element mean.
//!
//! In: the union `LogicalType`. Out: [`LogicalType`]. A member that is newer than this crate, or one
//! whose contents make no sense, degrades to [`LogicalType::Other`]: the column is then read by its
//! physical type.

use crate::error::Result;
use crate::thrift::compact::{CompactReader, Field, WireType};
use crate::types::TimeUnit;

/// How the edges of a geography run between two points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EdgeAlgorithm {
    /// On a sphere.
    Spherical,
    /// Vincenty's formulae.
    Vincenty,
    /// Thomas's formulae.
    Thomas,
    /// Andoyer's formulae.
    Andoyer,
    /// Karney's algorithm.
    Karney,
    /// A code that this crate does not know.
    Unknown(i32),
}

/// The spec's logical types.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LogicalType {
    /// UTF-8 text.
    String,
    /// A map.
    Map,
    /// A list.
    List,
    /// UTF-8 text of a small set.
    Enum,
    /// `unscaled * 10^-scale`.
    Decimal {
        /// Digits behind the point.
        scale: i32,
        /// Digits in all.
        precision: i32,
    },
    /// Days since 1970-01-01.
    Date,
    /// Time of day.
    Time {
        /// The resolution.
        unit: TimeUnit,
        /// Whether it is a time in UTC rather than a local one.
        utc: bool,
    },
    /// Time since 1970-01-01 00:00.
    Timestamp {
        /// The resolution.
        unit: TimeUnit,
        /// Whether it is an instant rather than a local date and time.
        utc: bool,
    },
    /// An integer.
    Integer {
        /// 8, 16, 32 or 64.
        bits: u8,
        /// Whether it is signed.
        signed: bool,
    },
    /// Only nulls (`UNKNOWN` in the spec).
    Null,
    /// A JSON document.
    Json,
    /// A BSON document.
    Bson,
    /// Sixteen bytes of a UUID.
    Uuid,
    /// IEEE 754 half precision.
    Float16,
    /// A variant: a group of `metadata` and `value`, perhaps shredded.
    Variant {
        /// The version of the variant spec.
        specification_version: Option<i8>,
    },
    /// Well-known binary with straight edges.
    Geometry {
        /// The coordinate reference system; absent means OGC:CRS84.
        crs: Option<Box<str>>,
    },
    /// Well-known binary with edges on the Earth.
    Geography {
        /// The coordinate reference system; absent means OGC:CRS84.
        crs: Option<Box<str>>,
        /// How edges run; absent means spherical.
        algorithm: EdgeAlgorithm,
    },
    /// A group of fields that say where the bytes of a file are.
    File,
    /// A member that this crate does not know, by its field id, or one that makes no sense.
    Other(i16),
}

impl LogicalType {
    /// Reads the union; `None` if no member is set.
    ///
    /// # Errors
    /// Those of the reader.
    pub(super) fn read(reader: &mut CompactReader<'_>) -> Result<Option<Self>> {
        let mut found = None;
        reader.structure(|reader, field| {
            found = Some(Self::member(reader, field)?);
            Ok(())
        })?;
        Ok(found)
    }

    fn member(reader: &mut CompactReader<'_>, field: Field) -> Result<Self> {
        let Field { id, wire } = field;
        if wire != WireType::Struct {
            reader.skip(wire)?;
            return Ok(Self::Other(id));
        }
        let plain = match id {
            5 => return decimal(reader),
            7 | 8 => return time(reader, id),
            10 => return integer(reader),
            16 => return variant(reader),
            17 | 18 => return geospatial(reader, id),
            1 => Self::String,
            2 => Self::Map,
            3 => Self::List,
            4 => Self::Enum,
            6 => Self::Date,
            11 => Self::Null,
            12 => Self::Json,
            13 => Self::Bson,
            14 => Self::Uuid,
            15 => Self::Float16,
            19 => Self::File,
            other => Self::Other(other),
        };
        reader.skip(wire)?;
        Ok(plain)
    }
}

fn decimal(reader: &mut CompactReader<'_>) -> Result<LogicalType> {
    let (mut scale, mut precision) = (None, None);
    reader.structure(|reader, field| {
        match (field.id, field.wire) {
            (1, WireType::I32) => scale = Some(reader.i32()?),
            (2, WireType::I32) => precision = Some(reader.i32()?),
            (_, wire) => reader.skip(wire)?,
        }
        Ok(())
    })?;
    Ok(match precision {
        Some(precision) => LogicalType::Decimal { scale: scale.unwrap_or(0), precision },
        None => LogicalType::Other(5),
    })
}

fn time(reader: &mut CompactReader<'_>, id: i16) -> Result<LogicalType> {
    let (mut utc, mut unit) = (false, None);
    reader.structure(|reader, field| {
        match (field.id, field.wire) {
            (1, WireType::True) => utc = true,
            (2, WireType::Struct) => reader.structure(|reader, field| {
                unit = match field.id {
                    1 => Some(TimeUnit::Millis),
                    2 => Some(TimeUnit::Micros),
                    3 => Some(TimeUnit::Nanos),
                    _ => None,
                };
                reader.skip(field.wire)
            })?,
            (_, wire) => reader.skip(wire)?,
        }
        Ok(())
    })?;
    Ok(match unit {
        Some(unit) if id == 7 => LogicalType::Time { unit, utc },
        Some(unit) => LogicalType::Timestamp { unit, utc },
        None => LogicalType::Other(id),
    })
}

fn integer(reader: &mut CompactReader<'_>) -> Result<LogicalType> {
    let (mut bits, mut signed) = (0, false);
    reader.structure(|reader, field| {
        match (field.id, field.wire) {
            (1, WireType::I8) => bits = reader.i8()?,
            (2, wire) if wire.boolean().is_some() => signed = wire == WireType::True,
            (_, wire) => reader.skip(wire)?,
        }
        Ok(())
    })?;
    Ok(match bits {
        8 | 16 | 32 | 64 => LogicalType::Integer { bits: bits.cast_unsigned(), signed },
        _ => LogicalType::Other(10),
    })
}

fn variant(reader: &mut CompactReader<'_>) -> Result<LogicalType> {
    let mut specification_version = None;
    reader.structure(|reader, field| {
        match (field.id, field.wire) {
            (1, WireType::I8) => specification_version = Some(reader.i8()?),
            (_, wire) => reader.skip(wire)?,
        }
        Ok(())
    })?;
    Ok(LogicalType::Variant { specification_version })
}

fn geospatial(reader: &mut CompactReader<'_>, id: i16) -> Result<LogicalType> {
    let (mut crs, mut algorithm) = (None, EdgeAlgorithm::Spherical);
    reader.structure(|reader, field| {
        match (field.id, field.wire) {
            (1, WireType::Binary) => {
                crs = Some(String::from_utf8_lossy(reader.binary()?).into());
            }
            (2, WireType::I32) if id == 18 => {
                algorithm = match reader.i32()? {
                    0 => EdgeAlgorithm::Spherical,
                    1 => EdgeAlgorithm::Vincenty,
                    2 => EdgeAlgorithm::Thomas,
                    3 => EdgeAlgorithm::Andoyer,
                    4 => EdgeAlgorithm::Karney,
                    other => EdgeAlgorithm::Unknown(other),
                };
            }
            (_, wire) => reader.skip(wire)?,
        }
        Ok(())
    })?;
    Ok(match id {
        17 => LogicalType::Geometry { crs },
        _ => LogicalType::Geography { crs, algorithm },
    })
}
