//! One value outside a vector: literals, constants of plans, thresholds.

use std::sync::Arc;

use half::f16;
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::{Bitmap, Buffer, Slice};
use millwork_format::types::{DataType, Storage};
use millwork_format::vector::{Cell, Data, Vector, Views};

use crate::error::{Error, Result};

/// One value. Its [`DataType`] is known from outside, as a vector's is: an integer may be a count, a
/// date, a timestamp or the unscaled digits of a decimal.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// Not present.
    Null,
    /// True or false.
    Boolean(bool),
    /// Integers, dates, times, timestamps, unscaled decimals.
    Integer(i128),
    /// FLOAT and DOUBLE.
    Float(f64),
    /// Text.
    Text(Arc<str>),
    /// Bytes, fixed or not; INTERVAL as its 16 bytes.
    Bytes(Arc<[u8]>),
}

impl Scalar {
    /// Whether there is no value.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The value as a vector of one row, laid out as `data_type` is stored.
    ///
    /// # Errors
    /// `Evaluate` if an integer does not fit the type, `Internal` if the value is of another kind.
    pub fn to_vector(&self, data_type: &DataType) -> Result<Vector> {
        let unfit = || Error::evaluate(format!("{self:?} does not fit {data_type}"));
        macro_rules! integer {
            ($value:expr, $native:ty) => {
                Vector::flat(Slice::copy_of(&[<$native>::try_from(*$value).map_err(|_| unfit())?]))
            };
        }
        Ok(match (self, data_type.storage()) {
            (Self::Null, _) => Vector::null(1),
            (Self::Boolean(value), Storage::Bits) => {
                Vector::new(Data::Boolean(Bitmap::from_bools(&[*value])), None, 1)?
            }
            (Self::Integer(value), Storage::Int8) => integer!(value, i8),
            (Self::Integer(value), Storage::Int16) => integer!(value, i16),
            (Self::Integer(value), Storage::Int32) => integer!(value, i32),
            (Self::Integer(value), Storage::Int64) => integer!(value, i64),
            (Self::Integer(value), Storage::Int128) => integer!(value, i128),
            (Self::Integer(value), Storage::UInt8) => integer!(value, u8),
            (Self::Integer(value), Storage::UInt16) => integer!(value, u16),
            (Self::Integer(value), Storage::UInt32) => integer!(value, u32),
            (Self::Integer(value), Storage::UInt64) => integer!(value, u64),
            (Self::Float(value), Storage::Float16) => {
                let bits = f16::from_f64(*value).to_bits();
                Vector::new(Data::Float16(Slice::copy_of(&[bits])), None, 1)?
            }
            (Self::Float(value), Storage::Float32) => {
                Vector::flat(Slice::copy_of(&[*value as f32]))
            }
            (Self::Float(value), Storage::Float64) => Vector::flat(Slice::copy_of(&[*value])),
            (Self::Text(text), Storage::Views) => {
                Vector::new(Data::Views(Views::copy_of([text.as_bytes()])?), None, 1)?
            }
            (Self::Bytes(bytes), Storage::Views) => {
                Vector::new(Data::Views(Views::copy_of([bytes])?), None, 1)?
            }
            (Self::Bytes(bytes), Storage::Fixed(width)) if bytes.len() == width as usize => {
                let copy = Buffer::copy_of(bytes, &Budget::unlimited())?;
                Vector::new(Data::Fixed { width_bytes: bytes.len(), bytes: copy }, None, 1)?
            }
            _ => return Err(Error::internal(format!("{self:?} is no {data_type}"))),
        })
    }

    /// The value of row `row` of `vector`, whose type is `data_type`. Nested values are not scalars.
    ///
    /// # Errors
    /// `Internal` for a nested value.
    pub fn of_row(vector: &Vector, row: usize, data_type: &DataType) -> Result<Self> {
        Ok(match vector.cell(row) {
            Cell::Null => Self::Null,
            Cell::Boolean(value) => Self::Boolean(value),
            Cell::Integer(value) => Self::Integer(value),
            Cell::Float16(value) => Self::Float(value.to_f64()),
            Cell::Float32(value) => Self::Float(value.into()),
            Cell::Float64(value) => Self::Float(value),
            Cell::Bytes(bytes) if data_type.is_text() => {
                Self::Text(String::from_utf8_lossy(bytes).into())
            }
            Cell::Bytes(bytes) => Self::Bytes(bytes.into()),
            _ => return Err(Error::internal("a nested value is no scalar")),
        })
    }
}

/// Least and greatest value of an integer type.
#[must_use]
pub fn integer_bounds(data_type: &DataType) -> Option<(i128, i128)> {
    Some(match data_type {
        DataType::Int8 => (i8::MIN.into(), i8::MAX.into()),
        DataType::Int16 => (i16::MIN.into(), i16::MAX.into()),
        DataType::Int32 => (i32::MIN.into(), i32::MAX.into()),
        DataType::Int64 => (i64::MIN.into(), i64::MAX.into()),
        DataType::Int128 => (i128::MIN, i128::MAX),
        DataType::UInt8 => (0, u8::MAX.into()),
        DataType::UInt16 => (0, u16::MAX.into()),
        DataType::UInt32 => (0, u32::MAX.into()),
        DataType::UInt64 => (0, u64::MAX.into()),
        _ => return None,
    })
}
