//! What a column chunk may tell of itself besides bounds: encodings of its pages, sizes, places.
//!
//! In: the structs `PageEncodingStats`, `SizeStatistics` and `GeospatialStatistics`. Out: their owned
//! counterparts. All are optional, and nothing is allocated or read by what they say: a negative count
//! is as if absent.

use super::enums::{Encoding, PageType};
use crate::error::Result;
use crate::thrift::compact::{CompactReader, WireType};

/// How many pages of a type have an encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageEncodingStats {
    /// The type of the pages.
    pub page_type: PageType,
    /// The encoding of their values.
    pub encoding: Encoding,
    /// Pages; negative ones are as the file has them.
    pub count: i32,
}

impl PageEncodingStats {
    /// Reads a list of them and gives each to `found`: type, encoding and count, as far as they are there.
    pub(super) fn for_each(
        reader: &mut CompactReader<'_>,
        mut found: impl FnMut(Option<PageType>, Option<Encoding>, i32),
    ) -> Result<()> {
        reader.list_of(WireType::Struct, |reader, _| {
            let (mut page_type, mut encoding, mut count) = (None, None, 0);
            reader.structure(|reader, field| {
                match (field.id, field.wire) {
                    (1, WireType::I32) => page_type = Some(PageType::from_code(reader.i32()?)),
                    (2, WireType::I32) => encoding = Some(Encoding::from_code(reader.i32()?)),
                    (3, WireType::I32) => count = reader.i32()?,
                    (_, wire) => reader.skip(wire)?,
                }
                Ok(())
            })?;
            found(page_type, encoding, count);
            Ok(())
        })?;
        Ok(())
    }

    /// Reads a list of them; those without a type or an encoding are left out.
    pub(super) fn read_all(reader: &mut CompactReader<'_>) -> Result<Vec<Self>> {
        let mut all = Vec::new();
        Self::for_each(reader, |page_type, encoding, count| {
            let known = page_type.zip(encoding);
            all.extend(known.map(|(page_type, encoding)| Self { page_type, encoding, count }));
        })?;
        Ok(all)
    }
}

/// Sizes of a column chunk that are known before it is decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SizeStatistics {
    /// Bytes of all values of a BYTE_ARRAY chunk, without lengths.
    pub unencoded_byte_array_data_bytes: Option<u64>,
    /// Slots by repetition level, from 0; empty if not told.
    pub repetition_level_histogram: Vec<u64>,
    /// Slots by definition level, from 0; empty if not told.
    pub definition_level_histogram: Vec<u64>,
}

impl SizeStatistics {
    pub(super) fn read(reader: &mut CompactReader<'_>) -> Result<Self> {
        let mut found = Self::default();
        reader.structure(|reader, field| {
            match (field.id, field.wire) {
                (1, WireType::I64) => {
                    found.unencoded_byte_array_data_bytes = u64::try_from(reader.i64()?).ok();
                }
                (2, WireType::List) => counts(reader, &mut found.repetition_level_histogram)?,
                (3, WireType::List) => counts(reader, &mut found.definition_level_histogram)?,
                (_, wire) => reader.skip(wire)?,
            }
            Ok(())
        })?;
        Ok(found)
    }
}

/// Reads a list of counts; a negative one makes the whole list as if absent.
pub(super) fn counts(reader: &mut CompactReader<'_>, into: &mut Vec<u64>) -> Result<()> {
    into.clear();
    let mut sound = true;
    reader.list_of(WireType::I64, |reader, _| {
        let count = u64::try_from(reader.i64()?);
        sound &= count.is_ok();
        into.push(count.unwrap_or(0));
        Ok(())
    })?;
    if !sound {
        into.clear();
    }
    Ok(())
}

/// The smallest box around shapes, by coordinate. Where `x.0 > x.1`, it goes over the antimeridian.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BoundingBox {
    /// Least and greatest x, or longitude.
    pub x: (f64, f64),
    /// Least and greatest y, or latitude.
    pub y: (f64, f64),
    /// Least and greatest z, if there are any.
    pub z: Option<(f64, f64)>,
    /// Least and greatest m, if there are any.
    pub m: Option<(f64, f64)>,
}

/// Where the shapes of a column chunk lie, and of which types they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GeospatialStatistics {
    /// The box around all of them; `None` if the file does not tell, or not all of it.
    pub bounding_box: Option<BoundingBox>,
    /// Codes of their types, as of ISO WKB.
    pub types: Vec<i32>,
}

impl GeospatialStatistics {
    pub(super) fn read(reader: &mut CompactReader<'_>) -> Result<Self> {
        let mut found = Self::default();
        reader.structure(|reader, field| {
            match (field.id, field.wire) {
                (1, WireType::Struct) => found.bounding_box = bounding_box(reader)?,
                (2, WireType::List) => {
                    found.types.clear();
                    reader.list_of(WireType::I32, |reader, _| {
                        found.types.push(reader.i32()?);
                        Ok(())
                    })?;
                }
                (_, wire) => reader.skip(wire)?,
            }
            Ok(())
        })?;
        Ok(found)
    }
}

fn bounding_box(reader: &mut CompactReader<'_>) -> Result<Option<BoundingBox>> {
    let mut edges = [None; 8];
    reader.structure(|reader, field| {
        let edge = usize::try_from(field.id).ok().and_then(|id| id.checked_sub(1));
        match (edge.and_then(|edge| edges.get_mut(edge)), field.wire) {
            (Some(edge), WireType::Double) => *edge = Some(reader.double()?),
            (_, wire) => reader.skip(wire)?,
        }
        Ok(())
    })?;
    let [x_min, x_max, y_min, y_max, z_min, z_max, m_min, m_max] = edges;
    let flat = x_min.zip(x_max).zip(y_min.zip(y_max));
    Ok(flat.map(|(x, y)| BoundingBox { x, y, z: z_min.zip(z_max), m: m_min.zip(m_max) }))
}
