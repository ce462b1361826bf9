//! BYTE_STREAM_SPLIT (`Encodings.md`, = 9): all first bytes of the values, then all second bytes, ...
//!
//! As many streams as a value has bytes, each as long as there are values: any value is found without
//! those before it, so that rows passed over cost nothing.

use bytemuck::Pod;

use crate::buffer::Buffer;
use crate::error::{DecodeError, Result};
use crate::kernel::bits::count_ones_in;
use crate::kernel::{compress, interleave, mask_bits};

#[cfg(test)]
mod tests;

/// Values among 64 that are put together byte by byte, at about 3 ns each, rather than all 64 at once.
const FEW: u32 = 12;

/// Decodes values of a fixed width in bytes.
///
/// ```
/// use millwork_codecs::{budget::Budget, buffer::Buffer};
/// use millwork_codecs::encoding::byte_stream_split::ByteStreamSplitDecoder;
/// let bytes = Buffer::copy_of(&[1, 2, 3, 0xa, 0xb, 0xc], &Budget::unlimited()).unwrap();
/// let mut values = ByteStreamSplitDecoder::new(bytes, 2).unwrap();
/// values.skip(1).unwrap();
/// let mut out = [0u16; 2];
/// values.decode(&mut out).unwrap();
/// assert_eq!(out, [0xb02, 0xc03]);
/// ```
#[derive(Clone, Debug)]
pub struct ByteStreamSplitDecoder {
    bytes: Buffer,
    width_bytes: usize,
    /// Values decoded or skipped.
    passed: usize,
}

impl ByteStreamSplitDecoder {
    /// A decoder of values of `width_bytes` each.
    ///
    /// # Errors
    /// `Corrupt` if the width is 0 or `bytes` are not a whole number of values: where the streams
    /// start is not known then.
    pub fn new(bytes: Buffer, width_bytes: usize) -> Result<Self> {
        if width_bytes == 0 {
            return Err(DecodeError::corrupt("values of 0 bytes", 0));
        }
        if !bytes.len().is_multiple_of(width_bytes) {
            return Err(DecodeError::corrupt("byte streams of different lengths", bytes.len()));
        }
        Ok(Self { bytes, width_bytes, passed: 0 })
    }

    /// Bytes of a value.
    #[must_use]
    pub fn width_bytes(&self) -> usize {
        self.width_bytes
    }

    /// Values not yet decoded or skipped.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.bytes.len() / self.width_bytes - self.passed
    }

    /// Fills `out` with the bytes of the next values.
    ///
    /// # Panics
    /// If `out` is not a whole number of values long.
    ///
    /// # Errors
    /// `Truncated` if fewer remain.
    pub fn decode_bytes(&mut self, out: &mut [u8]) -> Result<()> {
        let first = self.take(out.len() / self.width_bytes)?;
        interleave(&self.bytes, self.width_bytes, first, out);
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

    /// Passes over the next `rows` values and writes those whose bit in `mask` is 1 to the front of
    /// `out`, in order; answers how many. Only selected values are read, or their blocks of 64.
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
        let first = self.take(rows)?;
        let mut scratch = [T::zeroed(); 64];
        let mut written = 0;
        for start in (0..rows).step_by(64) {
            let here = (rows - start).min(64);
            let word = mask_bits(mask, start, here);
            let count = word.count_ones();
            let out = &mut out[written..written + count as usize];
            if count <= FEW {
                self.one_by_one(word, first + start, bytemuck::cast_slice_mut(out));
            } else {
                let values = &mut scratch[..here];
                let bytes = bytemuck::cast_slice_mut(values);
                interleave(&self.bytes, self.width_bytes, first + start, bytes);
                compress(values, &[word], out);
            }
            written += count as usize;
        }
        Ok(written)
    }

    /// [`ByteStreamSplitDecoder::decode_masked`] for any width: `out` takes the bytes of the values.
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
        let first = self.take(rows)?;
        let mut out = &mut out[..count_ones_in(mask, 0, rows) * self.width_bytes];
        let written = out.len() / self.width_bytes;
        for start in (0..rows).step_by(64) {
            let word = mask_bits(mask, start, (rows - start).min(64));
            let (now, later) = out.split_at_mut(word.count_ones() as usize * self.width_bytes);
            if word == u64::MAX {
                interleave(&self.bytes, self.width_bytes, first + start, now);
            } else {
                self.one_by_one(word, first + start, now);
            }
            out = later;
        }
        Ok(written)
    }

    /// Passes over the next `count` values.
    ///
    /// # Errors
    /// `Truncated` if fewer remain.
    pub fn skip(&mut self, count: usize) -> Result<()> {
        self.take(count).map(|_| ())
    }

    /// Fills `out` with those of the 64 values from number `first` on that `word` names.
    fn one_by_one(&self, word: u64, first: usize, out: &mut [u8]) {
        let stride = self.bytes.len() / self.width_bytes;
        let mut left = word;
        for value in out.chunks_exact_mut(self.width_bytes) {
            let index = first + left.trailing_zeros() as usize;
            let stream = self.bytes[index..].iter().step_by(stride.max(1));
            value.iter_mut().zip(stream).for_each(|(byte, found)| *byte = *found);
            left &= left.wrapping_sub(1);
        }
    }

    fn check_width<T: Pod>(&self) {
        assert_eq!(size_of::<T>(), self.width_bytes, "values of another width");
    }

    /// Takes `count` values and answers the number of the first.
    fn take(&mut self, count: usize) -> Result<usize> {
        if count > self.remaining() {
            let missing = (count - self.remaining()).saturating_mul(self.width_bytes);
            return Err(DecodeError::truncated(missing, self.bytes.len()));
        }
        let first = self.passed;
        self.passed += count;
        Ok(first)
    }
}
