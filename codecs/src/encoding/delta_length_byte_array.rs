//! DELTA_LENGTH_BYTE_ARRAY (`Encodings.md`, = 6): all lengths, DELTA_BINARY_PACKED, then all bytes.
//!
//! Bytes moved: none but the 12 that fit a view; the values lie one behind the other in the page. To
//! pass over values is to add up their lengths.

use crate::buffer::{Buffer, View};
use crate::encoding::delta_binary_packed::DeltaDecoder;
use crate::error::{DecodeError, Result};
use crate::kernel::{self, mask_bits};

#[cfg(test)]
mod tests;

/// Lengths decoded at a time.
pub(super) const BLOCK: usize = 512;

/// Decodes byte arrays to views of the page's bytes.
///
/// ```
/// use millwork_codecs::{budget::Budget, buffer::{Buffer, View}};
/// use millwork_codecs::encoding::delta_length_byte_array::DeltaLengthByteArray;
/// // Lengths 3 and 14: blocks of 128 in 4 miniblocks, 2 values from 3 on, at least 11 more each.
/// let bytes = b"\x80\x01\x04\x02\x06\x16\0\0\0\0abcfourteen bytes";
/// let bytes = Buffer::copy_of(bytes, &Budget::unlimited()).unwrap();
/// let mut values = DeltaLengthByteArray::new(bytes, 2).unwrap();
/// let mut views = [View::default(); 2];
/// values.decode(0, &mut views).unwrap();
/// let buffers = [values.bytes()];
/// assert_eq!(views[0].bytes(&buffers), b"abc");
/// assert_eq!(views[1].bytes(&buffers), b"fourteen bytes");
/// ```
#[derive(Clone, Debug)]
pub struct DeltaLengthByteArray {
    lengths: DeltaDecoder<i32>,
    /// The bytes of all values.
    bytes: Buffer,
    /// Where the next value starts in them.
    position: usize,
    /// Where they start in the page.
    start: usize,
}

impl DeltaLengthByteArray {
    /// A decoder of the first `value_count` values of `bytes`. There may be no bytes if there are no
    /// values. Views name less than 4 GiB.
    ///
    /// # Errors
    /// As [`DeltaDecoder::new`]; `Corrupt` or `Truncated` if it is not known where the lengths end.
    pub fn new(bytes: Buffer, value_count: usize) -> Result<Self> {
        let (lengths, start) = DeltaDecoder::whole(bytes.clone(), value_count)?;
        if u32::try_from(bytes.len()).is_err() {
            let what = "byte arrays of more than 4 GiB in one page";
            return Err(DecodeError::corrupt(what, start));
        }
        let bytes = bytes.slice(start..bytes.len()).unwrap_or_else(Buffer::empty);
        Ok(Self { lengths, bytes, position: 0, start })
    }

    /// The bytes that the views lie in (a count, no copy).
    #[must_use]
    pub fn bytes(&self) -> Buffer {
        self.bytes.clone()
    }

    /// The byte of those at which the next value starts.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// Values not yet decoded or skipped; the bytes may turn out to hold fewer.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.lengths.remaining()
    }

    /// Fills `out` with views of the next values: inline ones, or ones of buffer `buffer_index`, at
    /// an offset in [`DeltaLengthByteArray::bytes`].
    ///
    /// # Errors
    /// `Truncated` if the bytes end first, `Corrupt` if a length is negative or fewer values remain,
    /// and those of the lengths.
    pub fn decode(&mut self, buffer_index: u32, out: &mut [View]) -> Result<()> {
        let mut scratch = [0i32; BLOCK];
        for views in out.chunks_mut(BLOCK) {
            let lengths = &mut scratch[..views.len()];
            self.lengths.decode(lengths)?;
            let bytes = self.bytes.padded();
            let end = kernel::views(lengths, bytes, self.position, buffer_index, views);
            self.position = end.ok_or_else(|| self.bad_length(lengths))?;
        }
        Ok(())
    }

    /// Passes over the next `rows` values and writes views of those whose bit in `mask` is 1 to the
    /// front of `out`, in order; answers how many.
    ///
    /// # Panics
    /// If `mask` holds fewer than `rows` bits or `out` is too short for those selected.
    ///
    /// # Errors
    /// As [`DeltaLengthByteArray::decode`].
    pub fn decode_masked(
        &mut self,
        mask: &[u64],
        rows: usize,
        buffer_index: u32,
        out: &mut [View],
    ) -> Result<usize> {
        let mut scratch = [0i32; BLOCK];
        let mut written = 0;
        for block in (0..rows).step_by(BLOCK) {
            let lengths = &mut scratch[..(rows - block).min(BLOCK)];
            let mut offset = self.take(lengths)?;
            let bytes = self.bytes.padded().with_padding();
            for (index, lengths) in lengths.chunks(64).enumerate() {
                let mut left = mask_bits(mask, block + index * 64, lengths.len());
                let mut row = 0;
                while left != 0 {
                    let next = left.trailing_zeros() as usize;
                    offset += sum(&lengths[row..next]) as usize;
                    let length = lengths[next].cast_unsigned();
                    out[written] = View::of(length, &bytes[offset..], buffer_index, offset as u32);
                    written += 1;
                    row = next;
                    left &= left - 1;
                }
                offset += sum(&lengths[row..]) as usize;
            }
        }
        Ok(written)
    }

    /// Passes over the next `count` values.
    ///
    /// # Errors
    /// As [`DeltaLengthByteArray::decode`].
    pub fn skip(&mut self, count: usize) -> Result<()> {
        let mut scratch = [0i32; BLOCK];
        for block in (0..count).step_by(BLOCK) {
            self.take(&mut scratch[..(count - block).min(BLOCK)])?;
        }
        Ok(())
    }

    /// Takes as many values as there is room for lengths: those, none of them negative, and where the
    /// first value starts. All their bytes are there.
    pub(super) fn take(&mut self, lengths: &mut [i32]) -> Result<usize> {
        self.lengths.decode(lengths)?;
        let first = self.position;
        let there = self.bytes.len() - first;
        let total = sum(lengths);
        // As unsigned numbers negative lengths are at least 2^31, but so may others be together.
        let all = lengths.iter().fold(0, |all, length| all | length);
        if all < 0 || total > there as u64 {
            return Err(self.bad_length(lengths));
        }
        self.position += total as usize;
        Ok(first)
    }

    #[cold]
    fn bad_length(&self, lengths: &[i32]) -> DecodeError {
        let mut at = self.position;
        for length in lengths {
            let there = self.bytes.len() - at;
            match usize::try_from(*length) {
                Err(_) => {
                    let what = "a byte array of negative length";
                    return DecodeError::corrupt(what, self.start + at);
                }
                Ok(length) if length > there => {
                    return DecodeError::truncated(length - there, self.start + at);
                }
                Ok(length) => at += length,
            }
        }
        DecodeError::truncated(1, self.start + at)
    }
}

/// The sum of at most [`BLOCK`] lengths.
fn sum(lengths: &[i32]) -> u64 {
    lengths.iter().map(|length| u64::from(length.cast_unsigned())).sum()
}
