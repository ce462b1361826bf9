//! Lists, structs and maps as bytes that order as the values do, and back.
//!
//! A value inside another is a byte 1, then the value, or a byte 2 for null: nulls come last and equal
//! one another, as DuckDB has it inside nested values. Integers are big-endian with the sign flipped,
//! floats as integers that order the same, strings with 0 escaped and a terminator; a list is its
//! elements and a byte 0, a struct its fields. The outermost value has no leading byte: the row's null
//! bit says it. No value is the start of another.
//!
//! There are two forms. That of payload gives back every bit; in that of keys floats are normalised
//! (one NaN, no -0.0), so that equal values have equal bytes. They differ in nothing else.

mod decode;

use millwork_format::types::{DataType, Storage};
use millwork_format::vector::{Cell, Data, Vector};

use self::decode::Builder;
use super::float_bits;
use crate::error::{Error, Result};
use crate::kernel::interval::Interval;

const END: u8 = 0;
const PRESENT: u8 = 1;
const NULL: u8 = 2;
/// Behind a byte 0 of a string: that it is one.
const ESCAPED: u8 = 0xff;

/// Writes and reads nested values of one type.
#[derive(Clone, Debug)]
pub struct NestedCodec {
    shape: Shape,
    has_floats: bool,
}

/// How the values of a type are written.
#[derive(Clone, Debug)]
enum Shape {
    /// There are only nulls.
    Null,
    Bits,
    Integer {
        storage: Storage,
        width: usize,
        is_signed: bool,
    },
    Float {
        storage: Storage,
        width: usize,
    },
    Fixed(usize),
    /// Day, then nanoseconds.
    Int96,
    /// The length that orders intervals, then the 16 bytes.
    SignedInterval,
    Strings,
    List(Box<Shape>),
    Struct(Vec<Shape>),
}

/// Which of the two forms is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Payload,
    Key,
}

fn mismatch() -> Error {
    Error::internal("a nested value does not fit its type")
}

impl Shape {
    fn of(data_type: &DataType) -> Self {
        let storage = data_type.storage();
        let integer = |width, is_signed| Self::Integer { storage, width, is_signed };
        match (data_type, storage) {
            (DataType::Int96, _) => Self::Int96,
            (DataType::SignedInterval, _) => Self::SignedInterval,
            (DataType::List(element), _) => Self::List(Box::new(Self::of(&element.data_type))),
            (DataType::Map { key, value }, _) => {
                let members = std::iter::once(key).chain(value);
                let members = members.map(|field| Self::of(&field.data_type)).collect();
                Self::List(Box::new(Self::Struct(members)))
            }
            (DataType::Struct(fields), _) => {
                Self::Struct(fields.iter().map(|field| Self::of(&field.data_type)).collect())
            }
            (_, Storage::Bits) => Self::Bits,
            (_, Storage::Int8) => integer(1, true),
            (_, Storage::Int16) => integer(2, true),
            (_, Storage::Int32) => integer(4, true),
            (_, Storage::Int64) => integer(8, true),
            (_, Storage::Int128) => integer(16, true),
            (_, Storage::UInt8) => integer(1, false),
            (_, Storage::UInt16) => integer(2, false),
            (_, Storage::UInt32) => integer(4, false),
            (_, Storage::UInt64) => integer(8, false),
            (_, Storage::Float16) => Self::Float { storage, width: 2 },
            (_, Storage::Float32) => Self::Float { storage, width: 4 },
            (_, Storage::Float64) => Self::Float { storage, width: 8 },
            (_, Storage::Fixed(width)) => Self::Fixed(width as usize),
            (_, Storage::Views) => Self::Strings,
            _ => Self::Null,
        }
    }

    fn has_floats(&self) -> bool {
        match self {
            Self::Float { .. } => true,
            Self::List(element) => element.has_floats(),
            Self::Struct(fields) => fields.iter().any(Self::has_floats),
            _ => false,
        }
    }

    /// Appends a value inside another.
    fn encode(&self, cell: Cell<'_>, form: Form, out: &mut Vec<u8>) -> Result<()> {
        if matches!(cell, Cell::Null) {
            out.push(NULL);
            return Ok(());
        }
        out.push(PRESENT);
        self.encode_present(cell, form, out)
    }

    fn encode_present(&self, cell: Cell<'_>, form: Form, out: &mut Vec<u8>) -> Result<()> {
        match (self, cell) {
            (Self::Bits, Cell::Boolean(value)) => out.push(value.into()),
            (Self::Integer { width, is_signed, .. }, Cell::Integer(value)) => {
                let mut bytes = value.to_be_bytes();
                let bytes = &mut bytes[16 - width..];
                bytes[0] ^= if *is_signed { 0x80 } else { 0 };
                out.extend_from_slice(bytes);
            }
            (Self::Float { .. }, Cell::Float16(value)) => {
                let bits = match form {
                    Form::Key if value.is_nan() => 0x7e00,
                    Form::Key if value.to_f32() == 0.0 => 0,
                    _ => value.to_bits(),
                };
                let flip = if bits >> 15 == 1 { u16::MAX } else { 1 << 15 };
                out.extend_from_slice(&(bits ^ flip).to_be_bytes());
            }
            (Self::Float { .. }, Cell::Float32(value)) => {
                let bits = match form {
                    Form::Key => (f64::from_bits(float_bits(value.into())) as f32).to_bits(),
                    Form::Payload => value.to_bits(),
                };
                let flip = if bits >> 31 == 1 { u32::MAX } else { 1 << 31 };
                out.extend_from_slice(&(bits ^ flip).to_be_bytes());
            }
            (Self::Float { .. }, Cell::Float64(value)) => {
                let bits = if form == Form::Key { float_bits(value) } else { value.to_bits() };
                let flip = if bits >> 63 == 1 { u64::MAX } else { 1 << 63 };
                out.extend_from_slice(&(bits ^ flip).to_be_bytes());
            }
            (Self::Strings, Cell::Bytes(bytes)) => encode_string(bytes, out),
            (Self::Fixed(width), Cell::Bytes(bytes)) if bytes.len() == *width => {
                out.extend_from_slice(bytes);
            }
            (Self::Int96, Cell::Bytes(bytes)) => {
                let (nanos, day) = bytes.split_at_checked(8).ok_or_else(mismatch)?;
                out.extend(day.iter().rev());
                out.extend(nanos.iter().rev());
                let day = out.len() - bytes.len();
                out[day] ^= 0x80;
                out[day + 4] ^= 0x80;
            }
            (Self::SignedInterval, Cell::Bytes(bytes)) => {
                let length = Interval::from_bytes(bytes).ok_or_else(mismatch)?.length_micros();
                out.extend_from_slice(&(length ^ i128::MIN).to_be_bytes());
                out.extend_from_slice(bytes);
            }
            (Self::List(element), Cell::List { child, start, end }) => {
                for row in start..end {
                    element.encode(child.cell(row), form, out)?;
                }
                out.push(END);
            }
            (Self::Struct(fields), Cell::Struct { children, row })
                if fields.len() == children.len() =>
            {
                for (field, child) in fields.iter().zip(children) {
                    field.encode(child.cell(row), form, out)?;
                }
            }
            _ => return Err(mismatch()),
        }
        Ok(())
    }
}

fn encode_string(bytes: &[u8], out: &mut Vec<u8>) {
    let mut rest = bytes;
    while let Some(zero) = memchr::memchr(0, rest) {
        out.extend_from_slice(&rest[..=zero]);
        out.push(ESCAPED);
        rest = &rest[zero + 1..];
    }
    out.extend_from_slice(rest);
    out.extend_from_slice(&[0, 0]);
}

impl NestedCodec {
    /// A codec of values of `data_type`, which is nested.
    #[must_use]
    pub fn new(data_type: &DataType) -> Self {
        let shape = Shape::of(data_type);
        Self { has_floats: shape.has_floats(), shape }
    }

    /// Whether the form of payload and that of keys differ for some values.
    #[must_use]
    pub fn has_floats(&self) -> bool {
        self.has_floats
    }

    /// Appends the value at `index` of `data`, which is present, as payload.
    ///
    /// # Panics
    /// If there is no such value.
    ///
    /// # Errors
    /// `Internal` if it is not of the codec's type.
    pub fn encode(&self, data: &Data, index: usize, out: &mut Vec<u8>) -> Result<()> {
        self.shape.encode_present(cell_of(data, index)?, Form::Payload, out)
    }

    /// Appends the same as a key: equal values have equal bytes, which order as the values do.
    ///
    /// # Panics
    /// If there is no such value.
    ///
    /// # Errors
    /// `Internal` if it is not of the codec's type.
    pub fn encode_key(&self, data: &Data, index: usize, out: &mut Vec<u8>) -> Result<()> {
        self.shape.encode_present(cell_of(data, index)?, Form::Key, out)
    }

    /// The vector of the nested values that `values` hold, in either form; `None` is null.
    ///
    /// # Errors
    /// `Internal` if the bytes were not made by a codec of this type; or if memory is refused.
    pub fn decode(&self, values: &[Option<&[u8]>]) -> Result<Vector> {
        let mut builder = Builder::new(&self.shape)?;
        for value in values {
            match value {
                None => builder.push_null()?,
                Some(bytes) => builder.push(&mut &bytes[..])?,
            }
        }
        builder.finish()
    }

    /// Whether `payload` is the value whose key is `key`.
    ///
    /// # Errors
    /// As [`NestedCodec::decode`].
    pub fn is_key_of(&self, key: &[u8], payload: &[u8]) -> Result<bool> {
        if !self.has_floats || key == payload {
            return Ok(key == payload);
        }
        let mut own = Vec::with_capacity(key.len());
        self.encode_key(self.decode(&[Some(payload)])?.data(), 0, &mut own)?;
        Ok(own == key)
    }
}

fn cell_of(data: &Data, index: usize) -> Result<Cell<'_>> {
    match data {
        Data::List(list) => {
            let range = list.range(index);
            Ok(Cell::List { child: list.child(), start: range.start, end: range.end })
        }
        Data::Struct(children) => Ok(Cell::Struct { children, row: index }),
        _ => Err(mismatch()),
    }
}
