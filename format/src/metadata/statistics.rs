//! Bounds and counts of a column chunk, as the file states them.
//!
//! In: the struct `Statistics`. Out: [`Statistics`], borrowing the bounds. Whether they can be believed
//! depends on the writer and the column's order, and is decided where they are used.

use crate::error::Result;
use crate::limits::Limits;
use crate::thrift::compact::{CompactReader, WireType};

/// Bounds and counts. Every part is optional; a negative count is as if absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics<'a> {
    /// Nulls. Absent does not mean 0.
    pub null_count: Option<u64>,
    /// Different values.
    pub distinct_count: Option<u64>,
    /// NaNs. Absent does not mean 0.
    pub nan_count: Option<u64>,
    /// A lower bound, PLAIN-encoded without a length, by the column's order.
    pub min_value: Option<&'a [u8]>,
    /// An upper bound, likewise.
    pub max_value: Option<&'a [u8]>,
    /// Whether the lower bound is a value of the column.
    pub is_min_value_exact: Option<bool>,
    /// Whether the upper bound is a value of the column.
    pub is_max_value_exact: Option<bool>,
    /// The deprecated minimum, by signed comparison.
    pub legacy_min: Option<&'a [u8]>,
    /// The deprecated maximum, by signed comparison.
    pub legacy_max: Option<&'a [u8]>,
}

impl<'a> Statistics<'a> {
    /// Reads the struct that `bytes` begin with; they lie at `base_offset` in the file.
    ///
    /// # Errors
    /// `Truncated`, `Corrupt` or `LimitExceeded`, as of any Thrift structure.
    pub fn parse(bytes: &'a [u8], base_offset: u64, limits: &Limits) -> Result<Self> {
        let mut found = Self::default();
        CompactReader::new(bytes, base_offset, limits).structure(|reader, field| {
            match (field.id, field.wire) {
                (1, WireType::Binary) => found.legacy_max = Some(reader.binary()?),
                (2, WireType::Binary) => found.legacy_min = Some(reader.binary()?),
                (3, WireType::I64) => found.null_count = u64::try_from(reader.i64()?).ok(),
                (4, WireType::I64) => found.distinct_count = u64::try_from(reader.i64()?).ok(),
                (5, WireType::Binary) => found.max_value = Some(reader.binary()?),
                (6, WireType::Binary) => found.min_value = Some(reader.binary()?),
                (7, wire) if wire.boolean().is_some() => found.is_max_value_exact = wire.boolean(),
                (8, wire) if wire.boolean().is_some() => found.is_min_value_exact = wire.boolean(),
                (9, WireType::I64) => found.nan_count = u64::try_from(reader.i64()?).ok(),
                (_, wire) => reader.skip(wire)?,
            }
            Ok(())
        })?;
        Ok(found)
    }
}
