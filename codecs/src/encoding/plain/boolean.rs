//! PLAIN booleans: one bit each, least significant bit first.

use crate::buffer::{BitmapMut, Buffer};
use crate::error::{DecodeError, Result};
use crate::kernel::{append_packed_bits, append_selected_bits};

/// Decodes booleans.
///
/// ```
/// use millwork_codecs::{budget::Budget, buffer::{BitmapMut, Buffer}};
/// use millwork_codecs::encoding::plain::PlainBoolean;
/// let mut values = PlainBoolean::new(Buffer::copy_of(&[0b110], &Budget::unlimited()).unwrap());
/// let mut out = BitmapMut::with_capacity(3).unwrap();
/// values.decode(3, &mut out).unwrap();
/// assert_eq!(out.words(), [0b110]);
/// ```
#[derive(Clone, Debug)]
pub struct PlainBoolean {
    bytes: Buffer,
    /// The bit of `bytes` that is the next value.
    next: usize,
}

impl PlainBoolean {
    /// A decoder of all bits of `bytes`; the caller knows how many of the last byte are values.
    #[must_use]
    pub fn new(bytes: Buffer) -> Self {
        Self { bytes, next: 0 }
    }

    /// Bits not yet decoded or skipped, those that pad the last byte included.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.bytes.len().saturating_mul(8) - self.next
    }

    /// Appends the next `count` values to `out`.
    ///
    /// # Errors
    /// `Truncated` if fewer bits remain; `OutOfMemory` if the machine refuses `out` the room.
    pub fn decode(&mut self, count: usize, out: &mut BitmapMut) -> Result<()> {
        let first = self.take(count)?;
        append_packed_bits(&self.bytes, first, count, out)
    }

    /// Passes over the next `rows` values and appends those whose bit in `mask` is 1 to `out`;
    /// answers how many.
    ///
    /// # Panics
    /// If `mask` holds fewer than `rows` bits.
    ///
    /// # Errors
    /// As [`PlainBoolean::decode`].
    pub fn decode_masked(
        &mut self,
        mask: &[u64],
        rows: usize,
        out: &mut BitmapMut,
    ) -> Result<usize> {
        let first = self.take(rows)?;
        append_selected_bits(&self.bytes, first, mask, 0, rows, out)
    }

    /// Passes over the next `count` values.
    ///
    /// # Errors
    /// `Truncated` if fewer bits remain.
    pub fn skip(&mut self, count: usize) -> Result<()> {
        self.take(count).map(|_| ())
    }

    /// Takes `count` bits and answers the first.
    fn take(&mut self, count: usize) -> Result<usize> {
        if count > self.remaining() {
            let missing = (count - self.remaining()).div_ceil(8);
            return Err(DecodeError::truncated(missing, self.bytes.len()));
        }
        let first = self.next;
        self.next += count;
        Ok(first)
    }
}
