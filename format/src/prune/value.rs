//! Values of predicates and columns in one another's terms.
//!
//! In: a value of either kind. Out: for a cell the [`PruneValue`] that it is; for a value the bytes that a
//! writer has PLAIN-encoded, and so hashed, wherever that is not in doubt.

use half::f16;

use super::PruneValue;
use super::bounds::{int96, value};
use crate::metadata::PhysicalType;
use crate::schema::Leaf;
use crate::types::DataType;
use crate::vector::Cell;

impl PruneValue {
    /// The value of a cell of type `data_type`; `None` for nulls and for types that nothing is known of.
    #[must_use]
    pub fn of_cell(data_type: &DataType, cell: Cell<'_>) -> Option<Self> {
        Some(match cell {
            Cell::Boolean(value) => Self::Boolean(value),
            Cell::Integer(value) => Self::Integer(value),
            Cell::Float16(value) => Self::Float(value.to_f64()),
            Cell::Float32(value) => Self::Float(value.into()),
            Cell::Float64(value) => Self::Float(value),
            Cell::Bytes(bytes) if *data_type == DataType::Int96 => Self::Integer(int96(bytes)?),
            Cell::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
            _ => return None,
        })
    }

    /// The value that `bytes` encode PLAIN, without a length; `None` if they are none of `leaf`'s type.
    #[must_use]
    pub fn of_plain(leaf: &Leaf, bytes: &[u8]) -> Option<Self> {
        value(leaf, bytes)
    }

    /// All encodings that a value of `leaf` equal to this one may have, PLAIN and without a length;
    /// `None` if they are not known: for NaNs, decimals of any length, values beyond the type.
    pub(crate) fn plain_bytes(&self, leaf: &Leaf) -> Option<Vec<Vec<u8>>> {
        let one = |bytes: &[u8]| Some(vec![bytes.to_vec()]);
        match (self, leaf.physical_type) {
            (Self::Integer(value), PhysicalType::Int32) => match leaf.data_type {
                DataType::UInt32 => one(&u32::try_from(*value).ok()?.to_le_bytes()),
                _ => one(&i32::try_from(*value).ok()?.to_le_bytes()),
            },
            (Self::Integer(value), PhysicalType::Int64) => match leaf.data_type {
                DataType::UInt64 => one(&u64::try_from(*value).ok()?.to_le_bytes()),
                _ => one(&i64::try_from(*value).ok()?.to_le_bytes()),
            },
            (Self::Integer(value), PhysicalType::FixedLenByteArray)
                if matches!(leaf.data_type, DataType::Decimal { .. }) =>
            {
                one(&big_endian(*value, leaf.type_length as usize)?)
            }
            (Self::Float(value), _) => floats(*value, &leaf.data_type),
            // In vectors these are other bytes than in files.
            (Self::Bytes(_), _) if matches!(leaf.data_type, DataType::WideDecimal { .. }) => None,
            (Self::Bytes(bytes), PhysicalType::ByteArray) => one(bytes),
            (Self::Bytes(bytes), PhysicalType::FixedLenByteArray) => {
                (bytes.len() == leaf.type_length as usize).then(|| vec![bytes.clone()])
            }
            _ => None,
        }
    }
}

/// Zeros have two encodings, which compare as equal.
fn floats(value: f64, data_type: &DataType) -> Option<Vec<Vec<u8>>> {
    if value.is_nan() {
        return None;
    }
    let signs: &[f64] = if value == 0.0 { &[0.0, -0.0] } else { &[value] };
    let exact = |narrow: f64| narrow == value;
    match data_type {
        DataType::Float64 => Some(signs.iter().map(|value| value.to_le_bytes().to_vec()).collect()),
        DataType::Float32 if exact((value as f32).into()) => {
            Some(signs.iter().map(|value| (*value as f32).to_le_bytes().to_vec()).collect())
        }
        DataType::Float16 if exact(f16::from_f64(value).to_f64()) => {
            Some(signs.iter().map(|value| f16::from_f64(*value).to_le_bytes().to_vec()).collect())
        }
        _ => None,
    }
}

/// The widest decimals that are looked for, in bytes: a schema may say any number.
const WIDEST: usize = 1024;

/// `value` in `width` bytes of two's complement, the most significant first.
fn big_endian(value: i128, width: usize) -> Option<Vec<u8>> {
    let wide = value.to_be_bytes();
    let sign = if value < 0 { 0xff } else { 0 };
    if let Some(more) = width.checked_sub(wide.len()) {
        let bytes = std::iter::repeat_n(sign, more).chain(wide);
        return (width <= WIDEST).then(|| bytes.collect());
    }
    let (head, tail) = wide.split_at(wide.len() - width);
    let fits = head.iter().all(|byte| *byte == sign)
        && tail.first().is_some_and(|first| (first & 0x80 != 0) == (value < 0));
    fits.then(|| tail.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_fill_their_width_or_have_no_encoding() {
        let table: [(i128, usize, Option<&[u8]>); 10] = [
            (1, 2, Some(&[0, 1])),
            (-1, 3, Some(&[0xff; 3])),
            (127, 1, Some(&[0x7f])),
            (128, 1, None),
            (-128, 1, Some(&[0x80])),
            (-129, 1, None),
            (255, 2, Some(&[0, 255])),
            (-1, 18, Some(&[0xff; 18])),
            (5, 0, None),
            (5, i32::MAX as usize, None),
        ];
        for (value, width, expected) in table {
            assert_eq!(big_endian(value, width).as_deref(), expected, "{value} in {width}");
        }
    }

    #[test]
    fn both_zeros_are_asked_for_and_no_number_that_the_type_lacks() {
        assert_eq!(floats(0.0, &DataType::Float32), Some(vec![vec![0; 4], vec![0, 0, 0, 0x80]]));
        assert_eq!(floats(0.1, &DataType::Float32), None);
        assert_eq!(floats(0.5, &DataType::Float16), Some(vec![vec![0, 0x38]]));
        assert_eq!(floats(f64::NAN, &DataType::Float64), None);
    }

    #[test]
    fn an_int96_is_days_and_nanoseconds() {
        let mut bytes = [0; 12];
        bytes[8..].copy_from_slice(&2_440_589i32.to_le_bytes());
        bytes[0] = 7;
        assert_eq!(int96(&bytes), Some(86_400_000_000_007));
        bytes[..8].fill(0xff);
        assert_eq!(int96(&bytes), None);
        assert_eq!(int96(&bytes[1..]), None);
    }
}
