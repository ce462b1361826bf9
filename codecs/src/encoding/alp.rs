//! ALP (`AlpEncoding.md`, = 10, a preview): floats that are decimals, as integers and powers of ten.
//!
//! A header, the offsets of vectors, and vectors of 8 to 32,768 values. A vector has its own powers and
//! frame, integers packed in as many bits as they need, and exceptions: values that are kept as they
//! are, and where. Every value is found by its number: rows passed over cost nothing, and neither do
//! vectors without a wanted one.

use std::marker::PhantomData;

use crate::buffer::{Buffer, Padded};
use crate::cursor::Cursor;
use crate::error::{DecodeError, Result};
use crate::kernel::{AlpFloat, Scaled, compress, mask_bits, scale_packed};

#[cfg(test)]
mod tests;

/// Bytes of the header.
const HEADER_BYTES: usize = 7;

/// Exceptions of a vector up to which each block of 64 may look at all of them.
const MANY_EXCEPTIONS: usize = 64;

/// Decodes floats: `f32` or `f64`.
///
/// ```
/// use millwork_codecs::{budget::Budget, buffer::Buffer, encoding::alp::AlpDecoder};
/// // Vectors of 8; one of two values: 12 and 14 (2 bits, from 12 on) times 10^0 times 10^-1.
/// let bytes = [0, 0, 3, 2, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 12, 0, 0, 0, 2, 0b10_00];
/// let bytes = Buffer::copy_of(&bytes, &Budget::unlimited()).unwrap();
/// let mut values = AlpDecoder::<f32>::new(bytes, 2).unwrap();
/// let mut out = [0.0; 2];
/// values.decode(&mut out).unwrap();
/// assert_eq!(out, [1.2, 1.4]);
/// ```
#[derive(Clone, Debug)]
pub struct AlpDecoder<T> {
    bytes: Buffer,
    /// Values of all vectors but the last are 2 to this power.
    log_vector_values: u32,
    /// Values of all vectors together.
    count: usize,
    /// Values decoded or skipped, and not.
    passed: usize,
    remaining: usize,
    kind: PhantomData<T>,
}

/// One vector: everything lies inside the bytes.
struct Vector<T> {
    factor: T,
    exponent: T,
    frame: u64,
    bit_width: u32,
    /// Where the packed integers start.
    packed: usize,
    /// Where the places of exceptions start, and how many there are; their values follow.
    exceptions: usize,
    exception_count: usize,
    /// Values of the vector.
    len: usize,
}

impl<T: AlpFloat> AlpDecoder<T> {
    /// A decoder of the first `value_count` values of `bytes`. There may be no bytes if there are no
    /// values.
    ///
    /// # Errors
    /// `Corrupt` if the header is of a mode that is not known or tells of fewer values, `Truncated` if
    /// header or offsets end early.
    pub fn new(bytes: Buffer, value_count: usize) -> Result<Self> {
        let mut decoder = Self {
            bytes,
            log_vector_values: 3,
            count: 0,
            passed: 0,
            remaining: value_count,
            kind: PhantomData,
        };
        if value_count == 0 {
            return Ok(decoder);
        }
        let mut cursor = Cursor::new(&decoder.bytes);
        let [mode, integers, log] = cursor.array()?;
        if (mode, integers) != (0, 0) {
            return Err(DecodeError::corrupt("a mode of ALP that is not known", 0));
        }
        if !(3..=15).contains(&log) {
            return Err(DecodeError::corrupt("vectors of a size that ALP does not have", 2));
        }
        let count = i32::from_le_bytes(cursor.array()?);
        match usize::try_from(count) {
            Ok(count) if count >= value_count => decoder.count = count,
            _ => return Err(DecodeError::corrupt("fewer values than the page has", 3)),
        }
        decoder.log_vector_values = u32::from(log);
        cursor.take(4 * decoder.count.div_ceil(1 << log))?;
        Ok(decoder)
    }

    /// Values not yet decoded or skipped; the bytes may turn out to hold fewer.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.remaining
    }

    /// Fills `out` with the next values.
    ///
    /// # Errors
    /// `Corrupt` if fewer remain or a vector makes no sense, `Truncated` if it reaches beyond the
    /// bytes.
    pub fn decode(&mut self, out: &mut [T]) -> Result<()> {
        let first = self.take(out.len())?;
        self.decode_at(first, out)
    }

    /// Passes over the next `count` values without looking at them.
    ///
    /// # Errors
    /// `Corrupt` if fewer remain.
    pub fn skip(&mut self, count: usize) -> Result<()> {
        self.take(count).map(|_| ())
    }

    /// Passes over the next `rows` values and writes those whose bit in `mask` is 1 to the front of
    /// `out`, in order; answers how many. Only their blocks of 64 are decoded, or their vectors where these
    /// have many exceptions.
    ///
    /// # Panics
    /// If `mask` holds fewer than `rows` bits or `out` is too short for those selected.
    ///
    /// # Errors
    /// As [`AlpDecoder::decode`].
    pub fn decode_masked(&mut self, mask: &[u64], rows: usize, out: &mut [T]) -> Result<usize> {
        let first = self.take(rows)?;
        let mut scratch = [T::zeroed(); 64];
        let mut all = Vec::new();
        let bytes = self.bytes.padded();
        let (mut start, mut written) = (0, 0);
        while start < rows {
            let index = (first + start) >> self.log_vector_values;
            let in_vector = first + start - (index << self.log_vector_values);
            let count = ((1 << self.log_vector_values) - in_vector).min(rows - start);
            let mut vector = None;
            for block in (0..count).step_by(64) {
                let here = (count - block).min(64);
                let word = mask_bits(mask, start + block, here);
                if word == 0 {
                    continue;
                }
                if vector.is_none() {
                    let found = self.vector(index)?;
                    // Each call looks at all exceptions.
                    if found.exception_count > MANY_EXCEPTIONS {
                        all.resize(count, T::zeroed());
                        found.decode(bytes, in_vector, &mut all)?;
                    }
                    vector = Some(found);
                }
                let Some(vector) = &vector else { break };
                let out = &mut out[written..];
                if vector.exception_count > MANY_EXCEPTIONS {
                    written += compress(&all[block..block + here], &[word], out);
                    continue;
                }
                // From the first wanted value to the last.
                let (from, to) = (word.trailing_zeros(), 64 - word.leading_zeros());
                let values = &mut scratch[..(to - from) as usize];
                vector.decode(bytes, in_vector + block + from as usize, values)?;
                written += compress(values, &[word >> from], out);
            }
            start += count;
        }
        Ok(written)
    }

    /// Takes `count` values and answers the number of the first.
    fn take(&mut self, count: usize) -> Result<usize> {
        if count > self.remaining {
            return Err(DecodeError::corrupt("fewer values than were asked for", self.bytes.len()));
        }
        let first = self.passed;
        self.passed += count;
        self.remaining -= count;
        Ok(first)
    }

    /// Fills `out` with the values from number `first` on, of which there are enough.
    fn decode_at(&self, first: usize, out: &mut [T]) -> Result<()> {
        let bytes = self.bytes.padded();
        let (mut first, mut out) = (first, out);
        while !out.is_empty() {
            let index = first >> self.log_vector_values;
            let vector = self.vector(index)?;
            let start = first - (index << self.log_vector_values);
            let (now, later) = out.split_at_mut(out.len().min(vector.len - start));
            vector.decode(bytes, start, now)?;
            first += now.len();
            out = later;
        }
        Ok(())
    }

    /// Vector number `index`, which there is.
    fn vector(&self, index: usize) -> Result<Vector<T>> {
        let vector_values = 1usize << self.log_vector_values;
        let mut cursor = Cursor::new(&self.bytes);
        cursor.take(HEADER_BYTES + 4 * index)?;
        let start = HEADER_BYTES + cursor.u32_le()? as usize;
        let mut cursor = Cursor::new(&self.bytes);
        cursor.take(start)?;
        let [exponent, factor, low, high] = cursor.array()?;
        let frame = match T::BITS {
            32 => u64::from(cursor.u32_le()?),
            _ => cursor.u64_le()?,
        };
        let bit_width = u32::from(cursor.u8()?);
        if bit_width > T::BITS {
            let what = "a bit width above that of the type";
            return Err(DecodeError::corrupt(what, cursor.position() - 1));
        }
        let power = |powers: &[T], power: u8| powers.get(usize::from(power)).copied();
        let (Some(scale), Some(inverse)) =
            (power(T::POWERS, factor), power(T::INVERSE_POWERS, exponent))
        else {
            return Err(DecodeError::corrupt("a power of ten that ALP does not have", start));
        };
        let len = vector_values.min(self.count - index * vector_values);
        let packed = cursor.position();
        cursor.take((len * bit_width as usize).div_ceil(8))?;
        let exceptions = cursor.position();
        let exception_count = usize::from(u16::from_le_bytes([low, high]));
        if exception_count > len {
            return Err(DecodeError::corrupt("more exceptions than values in a vector", start + 2));
        }
        cursor.take(exception_count * (2 + size_of::<T>()))?;
        Ok(Vector {
            factor: scale,
            exponent: inverse,
            frame,
            bit_width,
            packed,
            exceptions,
            exception_count,
            len,
        })
    }
}

impl<T: AlpFloat> Vector<T> {
    /// Fills `out` with the values from number `first` on, of which there are enough.
    fn decode(&self, bytes: Padded<'_>, first: usize, out: &mut [T]) -> Result<()> {
        scale_packed(
            Scaled {
                packed: bytes.tail(self.packed).unwrap_or(bytes),
                bit_width: self.bit_width,
                first,
                frame: self.frame,
                factor: self.factor,
                exponent: self.exponent,
            },
            out,
        );
        let exceptions = &bytes.as_slice()[self.exceptions..];
        let (places, values) = exceptions.split_at(2 * self.exception_count);
        let values = values.chunks_exact(size_of::<T>());
        for ((index, place), value) in places.as_chunks().0.iter().enumerate().zip(values) {
            let place = usize::from(u16::from_le_bytes(*place));
            if place >= self.len {
                let what = "an exception behind the values of its vector";
                return Err(DecodeError::corrupt(what, self.exceptions + 2 * index));
            }
            if let Some(out) = place.checked_sub(first).and_then(|place| out.get_mut(place)) {
                *out = bytemuck::pod_read_unaligned(value);
            }
        }
        Ok(())
    }
}
