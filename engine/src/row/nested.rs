//! Lists and structs as bytes, and back.
//!
//! A value is a byte 0 (null) or 1 and, if present: flat values as in their slots (floats normalised,
//! so that equal values have equal bytes), strings and lists after their `u32` length or count,
//! structs field by field. The outermost value has no leading byte: the row's null bit says it.

use bytemuck::Pod;
use millwork_codecs::buffer::{Bitmap, Buffer, BufferMut, Slice};
use millwork_format::types::{DataType, Storage};
use millwork_format::vector::{Cell, Data, List, Vector, ViewsBuilder};

use super::float_bits;
use crate::error::{Error, Result};

/// Appends the nested value at `index` of `data`, which is present, to `out`.
///
/// # Panics
/// If there is no such value.
///
/// # Errors
/// `Internal` if it is not of `data_type`.
pub fn encode_nested(
    data: &Data,
    index: usize,
    data_type: &DataType,
    out: &mut Vec<u8>,
) -> Result<()> {
    let cell = match data {
        Data::List(list) => {
            let range = list.range(index);
            Cell::List { child: list.child(), start: range.start, end: range.end }
        }
        Data::Struct(children) => Cell::Struct { children, row: index },
        _ => return Err(mismatch()),
    };
    encode_present(cell, data_type, out)
}

fn mismatch() -> Error {
    Error::internal("a nested value does not fit its type")
}

fn encode_cell(cell: Cell<'_>, data_type: &DataType, out: &mut Vec<u8>) -> Result<()> {
    if matches!(cell, Cell::Null) {
        out.push(0);
        return Ok(());
    }
    out.push(1);
    encode_present(cell, data_type, out)
}

fn encode_present(cell: Cell<'_>, data_type: &DataType, out: &mut Vec<u8>) -> Result<()> {
    match cell {
        Cell::Boolean(value) => out.push(value.into()),
        Cell::Integer(value) => {
            let width = width_bytes(data_type.storage()).ok_or_else(mismatch)?;
            out.extend_from_slice(&value.to_le_bytes()[..width]);
        }
        Cell::Float16(value) if value.is_nan() => out.extend_from_slice(&0x7e00u16.to_le_bytes()),
        Cell::Float16(value) if value.to_f32() == 0.0 => out.extend_from_slice(&[0; 2]),
        Cell::Float16(value) => out.extend_from_slice(&value.to_bits().to_le_bytes()),
        Cell::Float32(value) => {
            let value = f64::from_bits(float_bits(value.into())) as f32;
            out.extend_from_slice(&value.to_le_bytes());
        }
        Cell::Float64(value) => out.extend_from_slice(&float_bits(value).to_le_bytes()),
        Cell::Bytes(bytes) => {
            if data_type.storage() == Storage::Views {
                out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
            }
            out.extend_from_slice(bytes);
        }
        Cell::List { child, start, end } => {
            out.extend_from_slice(&((end - start) as u32).to_le_bytes());
            let element = element_type(data_type).ok_or_else(mismatch)?;
            for row in start..end {
                encode_cell(child.cell(row), &element, out)?;
            }
        }
        Cell::Struct { children, row } => {
            let DataType::Struct(fields) = data_type else { return Err(mismatch()) };
            for (child, field) in children.iter().zip(fields.iter()) {
                encode_cell(child.cell(row), &field.data_type, out)?;
            }
        }
        _ => return Err(mismatch()),
    }
    Ok(())
}

/// Type of a list's elements; a map's are structs.
fn element_type(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::List(element) => Some(element.data_type.clone()),
        DataType::Map { key, value } => Some(DataType::map_entries(key, value.as_ref())),
        _ => None,
    }
}

fn width_bytes(storage: Storage) -> Option<usize> {
    Some(match storage {
        Storage::Bits | Storage::Int8 | Storage::UInt8 => 1,
        Storage::Int16 | Storage::UInt16 | Storage::Float16 => 2,
        Storage::Int32 | Storage::UInt32 | Storage::Float32 => 4,
        Storage::Int64 | Storage::UInt64 | Storage::Float64 => 8,
        Storage::Int128 => 16,
        Storage::Fixed(width) => width as usize,
        _ => return None,
    })
}

/// The vector of the nested values that `values` hold; `None` is null.
///
/// # Errors
/// `Internal` if the bytes were not made by [`encode_nested`] for `data_type`; or if memory is
/// refused.
pub fn decode_nested(data_type: &DataType, values: &[Option<&[u8]>]) -> Result<Vector> {
    let mut builder = Builder::new(data_type)?;
    for value in values {
        match value {
            None => builder.push_null()?,
            Some(bytes) => builder.push(&mut &bytes[..])?,
        }
    }
    builder.finish()
}

struct Builder {
    valid: Vec<bool>,
    values: Values,
}

enum Values {
    Null,
    Bits(Vec<bool>),
    /// Values of a fixed width, one after the other.
    Plain {
        storage: Storage,
        width: usize,
        bytes: Vec<u8>,
    },
    Strings(ViewsBuilder),
    List {
        offsets: Vec<i32>,
        child: Box<Builder>,
    },
    Struct(Vec<Builder>),
}

fn split<'a>(input: &mut &'a [u8], count: usize) -> Result<&'a [u8]> {
    let (head, tail) = input.split_at_checked(count).ok_or_else(mismatch)?;
    *input = tail;
    Ok(head)
}

fn split_count(input: &mut &[u8]) -> Result<usize> {
    let bytes = split(input, 4)?;
    Ok(bytes.iter().rev().fold(0usize, |count, byte| count << 8 | usize::from(*byte)))
}

impl Builder {
    fn new(data_type: &DataType) -> Result<Self> {
        let values = match (data_type.storage(), data_type) {
            (Storage::Null, _) => Values::Null,
            (Storage::Bits, _) => Values::Bits(Vec::new()),
            (Storage::Views, _) => Values::Strings(ViewsBuilder::new()?),
            (Storage::Struct, DataType::Struct(fields)) => {
                let fields = fields.iter().map(|field| Self::new(&field.data_type));
                Values::Struct(fields.collect::<Result<_>>()?)
            }
            (Storage::List, _) => {
                let element = element_type(data_type).ok_or_else(mismatch)?;
                Values::List { offsets: vec![0], child: Box::new(Self::new(&element)?) }
            }
            (storage, _) => {
                let width = width_bytes(storage).ok_or_else(mismatch)?;
                Values::Plain { storage, width, bytes: Vec::new() }
            }
        };
        Ok(Self { valid: Vec::new(), values })
    }

    fn push_flagged(&mut self, input: &mut &[u8]) -> Result<()> {
        if split(input, 1)? == [0] { self.push_null() } else { self.push(input) }
    }

    fn push(&mut self, input: &mut &[u8]) -> Result<()> {
        self.valid.push(true);
        match &mut self.values {
            Values::Null => return Err(mismatch()),
            Values::Bits(bits) => bits.push(split(input, 1)? == [1]),
            Values::Plain { width, bytes, .. } => bytes.extend_from_slice(split(input, *width)?),
            Values::Strings(strings) => {
                let length = split_count(input)?;
                strings.push(split(input, length)?)?;
            }
            Values::List { offsets, child } => {
                for _ in 0..split_count(input)? {
                    child.push_flagged(input)?;
                }
                let end = i32::try_from(child.valid.len());
                offsets.push(
                    end.map_err(|_| Error::unsupported("a batch of more than 2^31 list elements"))?,
                );
            }
            Values::Struct(fields) => {
                for field in fields {
                    field.push_flagged(input)?;
                }
            }
        }
        Ok(())
    }

    fn push_null(&mut self) -> Result<()> {
        self.valid.push(false);
        match &mut self.values {
            Values::Null => {}
            Values::Bits(bits) => bits.push(false),
            Values::Plain { width, bytes, .. } => bytes.resize(bytes.len() + *width, 0),
            Values::Strings(strings) => strings.push(&[])?,
            Values::List { offsets, child } => offsets.push(child.valid.len() as i32),
            Values::Struct(fields) => {
                for field in fields {
                    field.push_null()?;
                }
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Vector> {
        let len = self.valid.len();
        let data = match self.values {
            Values::Null => return Ok(Vector::null(len)),
            Values::Bits(bits) => Data::Boolean(Bitmap::from_bools(&bits)),
            Values::Plain { storage, width, bytes } => plain_data(storage, width, &bytes)?,
            Values::Strings(strings) => Data::Views(strings.finish()?),
            Values::List { offsets, child } => {
                Data::List(List::new(Slice::copy_of(&offsets), child.finish()?)?)
            }
            Values::Struct(fields) => {
                let fields: Result<Vec<Vector>> = fields.into_iter().map(Self::finish).collect();
                Data::Struct(fields?.into())
            }
        };
        Ok(Vector::new(data, Some(Bitmap::from_bools(&self.valid)), len)?)
    }
}

fn plain_data(storage: Storage, width_bytes: usize, bytes: &[u8]) -> Result<Data> {
    let mut copy = BufferMut::scratch(bytes.len())?;
    copy.as_mut_slice().copy_from_slice(bytes);
    let buffer = copy.freeze();
    Ok(match storage {
        Storage::Int8 => Data::Int8(typed(buffer)?),
        Storage::Int16 => Data::Int16(typed(buffer)?),
        Storage::Int32 => Data::Int32(typed(buffer)?),
        Storage::Int64 => Data::Int64(typed(buffer)?),
        Storage::Int128 => Data::Int128(typed(buffer)?),
        Storage::UInt8 => Data::UInt8(typed(buffer)?),
        Storage::UInt16 => Data::UInt16(typed(buffer)?),
        Storage::UInt32 => Data::UInt32(typed(buffer)?),
        Storage::UInt64 => Data::UInt64(typed(buffer)?),
        Storage::Float16 => Data::Float16(typed(buffer)?),
        Storage::Float32 => Data::Float32(typed(buffer)?),
        Storage::Float64 => Data::Float64(typed(buffer)?),
        _ => Data::Fixed { width_bytes, bytes: buffer },
    })
}

fn typed<T: Pod>(buffer: Buffer) -> Result<Slice<T>> {
    Slice::from_buffer(buffer).ok_or_else(mismatch)
}
