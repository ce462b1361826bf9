//! PLAIN (`Encodings.md`, PLAIN = 0): values one after the other.
//!
//! Numbers and fixed-length byte arrays stand in little-endian bytes, booleans in bits, byte arrays
//! behind a four-byte length. Values are counted by the caller: the bytes alone tell where they end.

mod boolean;
mod byte_array;
#[cfg(test)]
mod tests;

pub use boolean::PlainBoolean;
pub use byte_array::PlainByteArray;

use bytemuck::Pod;

use crate::buffer::Buffer;
use crate::error::{DecodeError, Result};
use crate::kernel::bits::count_ones_in;
use crate::kernel::compress_unaligned;

/// Decodes values of a fixed width in bytes.
///
/// ```
/// use millwork_codecs::{budget::Budget, buffer::Buffer, encoding::plain::PlainDecoder};
/// let bytes = Buffer::copy_of(&[1, 0, 2, 0, 3, 0], &Budget::unlimited()).unwrap();
/// let mut values = PlainDecoder::new(bytes, 2).unwrap();
/// let mut out = [0u16; 2];
/// assert_eq!(values.decode_masked(&[0b101], 3, &mut out), Ok(2));
/// assert_eq!((out, values.remaining()), ([1, 3], 0));
/// ```
#[derive(Clone, Debug)]
pub struct PlainDecoder {
    bytes: Buffer,
    width_bytes: usize,
    position: usize,
}

impl PlainDecoder {
    /// A decoder of values of `width_bytes` each.
    ///
    /// # Errors
    /// `Corrupt` if the width is 0.
    pub fn new(bytes: Buffer, width_bytes: usize) -> Result<Self> {
        if width_bytes == 0 {
            return Err(DecodeError::corrupt("values of 0 bytes", 0));
        }
        Ok(Self { bytes, width_bytes, position: 0 })
    }

    /// Bytes of a value.
    #[must_use]
    pub fn width_bytes(&self) -> usize {
        self.width_bytes
    }

    /// The byte at which the next value starts.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// Whole values not yet decoded or skipped.
    #[must_use]
    pub fn remaining(&self) -> usize {
        (self.bytes.len() - self.position) / self.width_bytes
    }

    /// Fills `out` with the bytes of the next values.
    ///
    /// # Panics
    /// If `out` is not a whole number of values long.
    ///
    /// # Errors
    /// `Truncated` if fewer remain.
    pub fn decode_bytes(&mut self, out: &mut [u8]) -> Result<()> {
        assert!(out.len().is_multiple_of(self.width_bytes), "not a whole number of values");
        let range = self.take(out.len() / self.width_bytes)?;
        out.copy_from_slice(&self.bytes[range]);
        Ok(())
    }

    /// Fills `out` with the next values.
    ///
    /// # Panics
    /// If a `T` is not as wide as a value.
    ///
    /// # Errors
    /// `Truncated` if fewer remain.
    pub fn decode<T: Pod>(&mut self, out: &mut [T]) -> Result<()> {
        self.check_width::<T>();
        self.decode_bytes(bytemuck::cast_slice_mut(out))
    }

    /// The next `count` values without a copy: a piece of the buffer, of any alignment.
    ///
    /// # Errors
    /// `Truncated` if fewer remain.
    pub fn decode_shared(&mut self, count: usize) -> Result<Buffer> {
        let range = self.take(count)?;
        let missing = DecodeError::truncated(range.len(), range.start);
        self.bytes.slice(range).ok_or(missing)
    }

    /// Passes over the next `rows` values and writes those whose bit in `mask` is 1 to the front of
    /// `out`, in order; answers how many. Only selected values are read.
    ///
    /// # Panics
    /// If a `T` is not as wide as a value, `mask` holds fewer than `rows` bits or `out` is too short
    /// for those selected.
    ///
    /// # Errors
    /// `Truncated` if fewer than `rows` remain.
    pub fn decode_masked<T: Pod>(
        &mut self,
        mask: &[u64],
        rows: usize,
        out: &mut [T],
    ) -> Result<usize> {
        self.check_width::<T>();
        let range = self.take(rows)?;
        Ok(compress_unaligned(&self.bytes[range], mask, rows, out))
    }

    /// [`PlainDecoder::decode_masked`] for any width: `out` takes the bytes of the values.
    ///
    /// # Panics
    /// If `mask` holds fewer than `rows` bits or `out` is too short for the values selected.
    ///
    /// # Errors
    /// `Truncated` if fewer than `rows` remain.
    pub fn decode_masked_bytes(
        &mut self,
        mask: &[u64],
        rows: usize,
        out: &mut [u8],
    ) -> Result<usize> {
        let width = self.width_bytes;
        let range = self.take(rows)?;
        let bytes = &self.bytes[range];
        let selected = count_ones_in(mask, 0, rows);
        let mut out = out[..selected * width].chunks_exact_mut(width);
        for (index, word) in mask[..rows.div_ceil(64)].iter().enumerate() {
            let start = index * 64;
            let mut left = word & (u64::MAX >> (64 - (rows - start).min(64)));
            while left != 0 {
                let row = start + left.trailing_zeros() as usize;
                if let Some(out) = out.next() {
                    out.copy_from_slice(&bytes[row * width..(row + 1) * width]);
                }
                left &= left - 1;
            }
        }
        Ok(selected)
    }

    /// Passes over the next `count` values.
    ///
    /// # Errors
    /// `Truncated` if fewer remain.
    pub fn skip(&mut self, count: usize) -> Result<()> {
        self.take(count).map(|_| ())
    }

    fn check_width<T: Pod>(&self) {
        assert_eq!(size_of::<T>(), self.width_bytes, "values of another width");
    }

    /// Takes the bytes of `count` values.
    fn take(&mut self, count: usize) -> Result<std::ops::Range<usize>> {
        let wanted = count.saturating_mul(self.width_bytes);
        let there = self.bytes.len() - self.position;
        if wanted > there {
            return Err(DecodeError::truncated(wanted - there, self.bytes.len()));
        }
        let start = self.position;
        self.position += wanted;
        Ok(start..self.position)
    }
}
