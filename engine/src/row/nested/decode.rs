//! The way back: bytes of nested values to vectors.

use bytemuck::Pod;
use millwork_codecs::buffer::{Bitmap, Buffer, BufferMut, Slice};
use millwork_format::types::Storage;
use millwork_format::vector::{Data, List, Vector, ViewsBuilder};

use super::{END, ESCAPED, NULL, PRESENT, Shape, mismatch};
use crate::error::Result;

/// A vector that grows by values that are read.
pub(super) struct Builder {
    valid: Vec<bool>,
    values: Values,
}

enum Values {
    Null,
    Bits(Vec<bool>),
    /// Values of a fixed width as they lie in vectors, one after the other.
    Plain {
        shape: Shape,
        width: usize,
        bytes: Vec<u8>,
    },
    Strings(ViewsBuilder, Vec<u8>),
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

/// Takes a string up to its terminator.
fn split_string(input: &mut &[u8], string: &mut Vec<u8>) -> Result<()> {
    string.clear();
    loop {
        let zero = memchr::memchr(0, input).ok_or_else(mismatch)?;
        string.extend_from_slice(split(input, zero)?);
        if split(input, 2)?[1] != ESCAPED {
            return Ok(());
        }
        string.push(0);
    }
}

/// Appends a value of a fixed width as it lies in a vector.
fn decode_plain(shape: &Shape, input: &mut &[u8], out: &mut Vec<u8>) -> Result<()> {
    let start = out.len();
    match shape {
        Shape::Integer { width, is_signed, .. } => {
            out.extend(split(input, *width)?.iter().rev());
            if let (true, Some(last)) = (*is_signed, out.last_mut()) {
                *last ^= 0x80;
            }
        }
        Shape::Float { width, .. } => {
            out.extend(split(input, *width)?.iter().rev());
            let is_positive = out.last().is_some_and(|last| last >> 7 == 1);
            match out.last_mut() {
                Some(last) if is_positive => *last ^= 0x80,
                _ => out[start..].iter_mut().for_each(|byte| *byte = !*byte),
            }
        }
        Shape::Int96 => {
            let (day, nanos) = (split(input, 4)?, split(input, 8)?);
            out.extend(nanos.iter().rev());
            out.extend(day.iter().rev());
            out[start + 7] ^= 0x80;
            out[start + 11] ^= 0x80;
        }
        Shape::SignedInterval => {
            split(input, 16)?;
            out.extend_from_slice(split(input, 16)?);
        }
        Shape::Fixed(width) => out.extend_from_slice(split(input, *width)?),
        _ => return Err(mismatch()),
    }
    Ok(())
}

impl Builder {
    pub(super) fn new(shape: &Shape) -> Result<Self> {
        let values = match shape {
            Shape::Null => Values::Null,
            Shape::Bits => Values::Bits(Vec::new()),
            Shape::Strings => Values::Strings(ViewsBuilder::new()?, Vec::new()),
            Shape::List(element) => {
                Values::List { offsets: vec![0], child: Box::new(Self::new(element)?) }
            }
            Shape::Struct(fields) => {
                Values::Struct(fields.iter().map(Self::new).collect::<Result<_>>()?)
            }
            Shape::Integer { width, .. } | Shape::Float { width, .. } | Shape::Fixed(width) => {
                Values::Plain { shape: shape.clone(), width: *width, bytes: Vec::new() }
            }
            Shape::SignedInterval => {
                Values::Plain { shape: shape.clone(), width: 16, bytes: Vec::new() }
            }
            Shape::Int96 => Values::Plain { shape: shape.clone(), width: 12, bytes: Vec::new() },
        };
        Ok(Self { valid: Vec::new(), values })
    }

    /// Takes a value inside another; its first byte is `flag`.
    fn push_flagged(&mut self, flag: u8, input: &mut &[u8]) -> Result<()> {
        match flag {
            PRESENT => self.push(input),
            NULL => self.push_null(),
            _ => Err(mismatch()),
        }
    }

    pub(super) fn push(&mut self, input: &mut &[u8]) -> Result<()> {
        self.valid.push(true);
        match &mut self.values {
            Values::Null => return Err(mismatch()),
            Values::Bits(bits) => bits.push(split(input, 1)? == [1]),
            Values::Plain { shape, bytes, .. } => decode_plain(shape, input, bytes)?,
            Values::Strings(strings, scratch) => {
                split_string(input, scratch)?;
                strings.push(scratch)?;
            }
            Values::List { offsets, child } => {
                loop {
                    match split(input, 1)? {
                        [END] => break,
                        flag => child.push_flagged(flag[0], input)?,
                    }
                }
                offsets.push(List::offset(child.valid.len())?);
            }
            Values::Struct(fields) => {
                for field in fields {
                    let flag = split(input, 1)?[0];
                    field.push_flagged(flag, input)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn push_null(&mut self) -> Result<()> {
        self.valid.push(false);
        match &mut self.values {
            Values::Null => {}
            Values::Bits(bits) => bits.push(false),
            Values::Plain { width, bytes, .. } => bytes.resize(bytes.len() + *width, 0),
            Values::Strings(strings, _) => strings.push(&[])?,
            Values::List { offsets, child } => offsets.push(child.valid.len() as i32),
            Values::Struct(fields) => {
                for field in fields {
                    field.push_null()?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Vector> {
        let len = self.valid.len();
        let data = match self.values {
            Values::Null => return Ok(Vector::null(len)),
            Values::Bits(bits) => Data::Boolean(Bitmap::from_bools(&bits)),
            Values::Plain { shape, width, bytes } => {
                let storage = match shape {
                    Shape::Integer { storage, .. } | Shape::Float { storage, .. } => storage,
                    _ => Storage::Fixed(width as u32),
                };
                plain_data(storage, width, &bytes)?
            }
            Values::Strings(strings, _) => Data::Views(strings.finish()?),
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
