//! One column of a batch.
//!
//! A [`Vector`] is [`Data`] plus a validity bitmap (absent when every row is present; 1 = present).
//! Its type is known from outside (a [`crate::types::Field`]); the vector knows only its layout.
//!
//! | data | when |
//! |---|---|
//! | flat (`Int32`, `Boolean`, `Views`, ..) | PLAIN and the like; results of expressions |
//! | [`Data::Dictionary`] | codes of a shared [`Dictionary`]: predicates run once an entry |
//! | [`Data::Constant`] | literals, partition columns |
//! | [`Data::List`], [`Data::Struct`] | nested; a map is a list of structs |
//!
//! Invariants: a row under a 0 validity bit holds a defined value (zero, an empty string, code 0 of
//! a dictionary with entries); codes are below the number of entries, and a dictionary without
//! entries has only null rows; entries are flat and not null; views lie inside their buffers; offsets
//! of lists ascend from 0 to the child's length or less.

mod cell;
mod concat;
mod dictionary;
mod flatten;
mod nested;
mod take;
mod views;

pub use cell::Cell;
pub use concat::concat;
pub use dictionary::{Codes, Dictionary, DictionaryId};
pub use nested::List;
pub use views::{Views, ViewsBuilder};

use std::sync::Arc;

use bytemuck::Pod;
use millwork_codecs::buffer::{Bitmap, Buffer, Slice};

use crate::error::{Error, Result};

/// The values of a [`Vector`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Data {
    /// No values: every row is null.
    Null,
    /// One bit a row.
    Boolean(Bitmap),
    /// `i8` values.
    Int8(Slice<i8>),
    /// `i16` values.
    Int16(Slice<i16>),
    /// `i32` values: also dates and times in milliseconds.
    Int32(Slice<i32>),
    /// `i64` values: also times, timestamps and decimals that fit.
    Int64(Slice<i64>),
    /// `i128` values: decimals and sums.
    Int128(Slice<i128>),
    /// `u8` values.
    UInt8(Slice<u8>),
    /// `u16` values.
    UInt16(Slice<u16>),
    /// `u32` values.
    UInt32(Slice<u32>),
    /// `u64` values.
    UInt64(Slice<u64>),
    /// Halves, as their bits.
    Float16(Slice<u16>),
    /// `f32` values.
    Float32(Slice<f32>),
    /// `f64` values.
    Float64(Slice<f64>),
    /// A fixed number of bytes a row.
    Fixed {
        /// Bytes a row, at least 1.
        width_bytes: usize,
        /// The rows' bytes, one after the other.
        bytes: Buffer,
    },
    /// Strings and byte arrays.
    Views(Views),
    /// Codes of a shared dictionary.
    Dictionary(Codes, Arc<Dictionary>),
    /// The one value of the inner flat vector, in every row.
    Constant(Arc<Vector>),
    /// Lists of a child.
    List(List),
    /// One child a field, each as long as the vector.
    Struct(Arc<[Vector]>),
}

/// One column of a batch: values and which of them are present.
#[derive(Clone, Debug)]
pub struct Vector {
    data: Data,
    validity: Option<Bitmap>,
    len: usize,
}

impl Vector {
    /// A vector of `len` rows.
    ///
    /// # Errors
    /// `Internal` if data or validity have another length.
    pub fn new(data: Data, validity: Option<Bitmap>, len: usize) -> Result<Self> {
        let found = data.rows().unwrap_or(len);
        let found_validity = validity.as_ref().map_or(len, Bitmap::len);
        if found != len || found_validity != len {
            return Err(Error::internal(format!(
                "{found} values and {found_validity} validity bits in a vector of {len} rows"
            )));
        }
        let validity = validity.filter(|bits| bits.count_ones() < len);
        Ok(Self { data, validity, len })
    }

    /// `len` null rows.
    #[must_use]
    pub fn null(len: usize) -> Self {
        Self { data: Data::Null, validity: None, len }
    }

    /// Present values of a plain type.
    #[must_use]
    pub fn flat<T: Native>(values: Slice<T>) -> Self {
        let len = values.len();
        Self { data: T::into_data(values), validity: None, len }
    }

    /// `len` rows that all equal the one row of `value`; null rows if that is null.
    ///
    /// # Errors
    /// `Internal` if `value` does not have exactly one row.
    pub fn constant(value: Self, len: usize) -> Result<Self> {
        if value.len != 1 {
            return Err(Error::internal(format!("a constant of {} rows", value.len)));
        }
        if !value.is_valid(0) {
            return Ok(Self::null(len));
        }
        let inner = match value.data {
            Data::Constant(inner) => inner,
            _ => Arc::new(value.flatten()?),
        };
        Ok(Self { data: Data::Constant(inner), validity: None, len })
    }

    /// Rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The values.
    #[must_use]
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// Which rows are present; `None` if all are (or, for [`Data::Null`], none).
    #[must_use]
    pub fn validity(&self) -> Option<&Bitmap> {
        self.validity.as_ref()
    }

    /// The same values with the rows present that `validity` says.
    ///
    /// # Errors
    /// `Internal` if it has another length.
    pub fn with_validity(self, validity: Option<Bitmap>) -> Result<Self> {
        Self::new(self.data, validity, self.len)
    }

    /// Whether row `row` is present.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn is_valid(&self, row: usize) -> bool {
        assert!(row < self.len, "row {row} of {}", self.len);
        !matches!(self.data, Data::Null) && self.validity.as_ref().is_none_or(|bits| bits.get(row))
    }

    /// Rows that are not present.
    #[must_use]
    pub fn null_count(&self) -> usize {
        match (&self.data, &self.validity) {
            (Data::Null, _) => self.len,
            (_, Some(bits)) => self.len - bits.count_ones(),
            (_, None) => 0,
        }
    }

    /// The flat values as `T`, if that is how they are kept.
    #[must_use]
    pub fn values<T: Native>(&self) -> Option<&Slice<T>> {
        T::from_data(&self.data)
    }

    /// Bytes that its rows hold, about: a dictionary and the bytes of pages that are shared with other
    /// vectors are not counted, those of long strings are.
    #[must_use]
    pub fn row_bytes(&self) -> u64 {
        self.bytes_where(&|_| true)
    }

    /// The same without those that are reserved from an account already.
    #[must_use]
    pub fn unreserved_row_bytes(&self) -> u64 {
        self.bytes_where(&|buffer| !buffer.is_reserved())
    }

    fn bytes_where(&self, counts: &impl Fn(&Buffer) -> bool) -> u64 {
        let len = self.len as u64;
        let values = match &self.data {
            Data::Null | Data::Constant(_) => 0,
            Data::Boolean(_) => len.div_ceil(8),
            Data::Fixed { bytes, .. } if counts(bytes) => bytes.len() as u64,
            Data::Fixed { .. } => 0,
            Data::Views(views) => views.bytes_where(counts),
            Data::Dictionary(codes, _) => codes.row_bytes(),
            Data::List(list) => len * 4 + list.child().bytes_where(counts),
            Data::Struct(children) => children.iter().map(|one| one.bytes_where(counts)).sum(),
            plain => with_plain!(
                plain,
                |values, rebuild| match counts(values.buffer()) {
                    true => size_of_val(values.as_slice()) as u64,
                    false => 0,
                },
                else 0
            ),
        };
        values + self.validity.as_ref().map_or(0, |_| len.div_ceil(8))
    }
}

/// Plain types that flat vectors are made of.
pub trait Native:
    Pod + PartialOrd + std::fmt::Debug + Send + Sync + 'static + sealed::Sealed
{
    /// Values as data.
    fn into_data(values: Slice<Self>) -> Data;
    /// Data as values, if they are of this type.
    fn from_data(data: &Data) -> Option<&Slice<Self>>;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! native {
    ($($type:ty => $variant:ident),*) => {$(
        impl sealed::Sealed for $type {}
        impl Native for $type {
            fn into_data(values: Slice<Self>) -> Data {
                Data::$variant(values)
            }
            fn from_data(data: &Data) -> Option<&Slice<Self>> {
                match data {
                    Data::$variant(values) => Some(values),
                    _ => None,
                }
            }
        }
    )*};
}

native!(
    i8 => Int8, i16 => Int16, i32 => Int32, i64 => Int64, i128 => Int128,
    u8 => UInt8, u16 => UInt16, u32 => UInt32, u64 => UInt64, f32 => Float32, f64 => Float64
);

/// Runs `$body` with `$values` bound to the slice of any plain flat data, and `$rebuild` to the
/// constructor that makes data of the same kind; other data takes the `else` branch.
macro_rules! with_plain {
    ($data:expr, |$values:ident, $rebuild:ident| $body:expr, else $other:expr) => {
        with_plain!(@match $data, $values, $rebuild, $body, $other;
            Int8 Int16 Int32 Int64 Int128 UInt8 UInt16 UInt32 UInt64 Float16 Float32 Float64)
    };
    (@match $data:expr, $values:ident, $rebuild:ident, $body:expr, $other:expr; $($kind:ident)*) => {
        match $data {
            $(Data::$kind($values) => {
                #[allow(unused_variables, reason = "not every body builds data")]
                let $rebuild = Data::$kind;
                $body
            })*
            _ => $other,
        }
    };
}
use with_plain;

impl Data {
    /// Rows, where the data knows them: not for nulls, constants and structs without fields.
    #[must_use]
    pub fn rows(&self) -> Option<usize> {
        match self {
            Self::Null | Self::Constant(_) => None,
            Self::Boolean(bits) => Some(bits.len()),
            Self::Fixed { width_bytes, bytes } => bytes.len().checked_div(*width_bytes),
            Self::Views(views) => Some(views.len()),
            Self::Dictionary(codes, _) => Some(codes.len()),
            Self::List(list) => Some(list.len()),
            Self::Struct(children) => children.first().map(Vector::len),
            plain => with_plain!(plain, |values, rebuild| Some(values.len()), else None),
        }
    }
}

#[cfg(test)]
mod tests;
