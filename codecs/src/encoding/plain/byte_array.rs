//! PLAIN byte arrays: a four-byte little-endian length, then the bytes.

use crate::buffer::{Buffer, Padded, View};
use crate::error::{DecodeError, Result};

/// Decodes byte arrays to views of the page's bytes: nothing is copied but what fits a view.
///
/// ```
/// use millwork_codecs::{budget::Budget, buffer::{Buffer, View}};
/// use millwork_codecs::encoding::plain::PlainByteArray;
/// let bytes = Buffer::copy_of(b"\x03\0\0\0abc\x0e\0\0\0fourteen bytes", &Budget::unlimited());
/// let mut values = PlainByteArray::new(bytes.unwrap());
/// let mut views = [View::default(); 2];
/// values.decode(0, &mut views).unwrap();
/// let buffers = [values.bytes()];
/// assert_eq!(views[0].bytes(&buffers), b"abc");
/// assert_eq!(views[1].bytes(&buffers), b"fourteen bytes");
/// ```
#[derive(Clone, Debug)]
pub struct PlainByteArray {
    bytes: Buffer,
    position: usize,
}

impl PlainByteArray {
    /// A decoder of the values of `bytes`. Views name less than 4 GiB.
    #[must_use]
    pub fn new(bytes: Buffer) -> Self {
        Self { bytes, position: 0 }
    }

    /// The bytes that the views lie in (a count, no copy).
    #[must_use]
    pub fn bytes(&self) -> Buffer {
        self.bytes.clone()
    }

    /// The byte at which the next length starts.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// Fills `out` with views of the next values: inline ones, or ones of buffer `buffer_index`, at
    /// an offset in [`PlainByteArray::bytes`].
    ///
    /// # Errors
    /// `Truncated` if the bytes end first, `Corrupt` if a length is negative, each at the byte of
    /// the length; `Corrupt` if there are 4 GiB or more of them.
    pub fn decode(&mut self, buffer_index: u32, out: &mut [View]) -> Result<()> {
        let mut walk = self.addressable()?;
        for view in out {
            *view = walk.view(buffer_index)?;
        }
        self.position = walk.position();
        Ok(())
    }

    /// Passes over the next `rows` values and writes views of those whose bit in `mask` is 1 to the
    /// front of `out`, in order; answers how many.
    ///
    /// # Panics
    /// If `mask` holds fewer than `rows` bits or `out` is too short for those selected.
    ///
    /// # Errors
    /// As [`PlainByteArray::decode`].
    pub fn decode_masked(
        &mut self,
        mask: &[u64],
        rows: usize,
        buffer_index: u32,
        out: &mut [View],
    ) -> Result<usize> {
        let mut walk = self.addressable()?;
        let mut written = 0;
        for (index, word) in mask[..rows.div_ceil(64)].iter().enumerate() {
            let here = (rows - index * 64).min(64);
            let mut left = word & (u64::MAX >> (64 - here));
            let mut row = 0;
            while left != 0 {
                let next = left.trailing_zeros() as usize;
                walk.skip(next - row)?;
                out[written] = walk.view(buffer_index)?;
                written += 1;
                row = next + 1;
                left &= left - 1;
            }
            walk.skip(here - row)?;
        }
        self.position = walk.position();
        Ok(written)
    }

    /// Passes over the next `count` values.
    ///
    /// # Errors
    /// As [`PlainByteArray::decode`].
    pub fn skip(&mut self, count: usize) -> Result<()> {
        let mut walk = Walk::new(self.bytes.padded(), self.position);
        walk.skip(count)?;
        self.position = walk.position();
        Ok(())
    }

    /// A walk from the next value on, if a view can name all of the bytes.
    fn addressable(&self) -> Result<Walk<'_>> {
        if u32::try_from(self.bytes.len()).is_err() {
            let what = "byte arrays of more than 4 GiB in one page";
            return Err(DecodeError::corrupt(what, self.position));
        }
        Ok(Walk::new(self.bytes.padded(), self.position))
    }
}

/// Bytes of a length field.
const LENGTH_BYTES: usize = 4;

/// A walk from length field to length field. The next is found by the one before: what a value
/// costs is the time from one address to the next, so nothing else may lie on that path.
struct Walk<'a> {
    /// What lies ahead: the bytes of the page, then `padding` more.
    ahead: &'a [u8],
    padding: usize,
    /// Bytes of page and padding.
    all: usize,
}

impl<'a> Walk<'a> {
    fn new(bytes: Padded<'a>, position: usize) -> Self {
        let all = bytes.with_padding();
        let ahead = all.get(position..).unwrap_or_default();
        Self { ahead, padding: all.len() - bytes.len(), all: all.len() }
    }

    #[inline(always)]
    fn position(&self) -> usize {
        self.all - self.ahead.len()
    }

    /// Passes one value and answers its length.
    #[inline(always)]
    fn step(&mut self) -> Result<usize> {
        // Where fewer than four bytes are left, the padding makes up for them.
        let length = match self.ahead.first_chunk() {
            Some(length) => u32::from_le_bytes(*length) as usize,
            None => return Err(self.bad_length()),
        };
        match self.ahead.get(LENGTH_BYTES + length..) {
            Some(ahead) if ahead.len() >= self.padding => self.ahead = ahead,
            _ => return Err(self.bad_length()),
        }
        Ok(length)
    }

    #[inline]
    fn skip(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            self.step()?;
        }
        Ok(())
    }

    /// The view of the next value: the page is less than 4 GiB.
    #[inline(always)]
    fn view(&mut self, buffer_index: u32) -> Result<View> {
        let offset = (self.position() + LENGTH_BYTES) as u32;
        // A length field and the 12 bytes behind it look just like an inline view. Whether or not
        // the value has 12 bytes, so many are readable.
        let sixteen = self.ahead.first_chunk().map_or(0, |bytes| u128::from_le_bytes(*bytes));
        let length = self.step()?;
        Ok(View::from_field(sixteen, length, buffer_index, offset))
    }

    #[cold]
    fn bad_length(&self) -> DecodeError {
        let at = self.position();
        let there = self.ahead.len() - self.padding;
        match self.ahead.first_chunk() {
            Some(length) if there >= LENGTH_BYTES => {
                let length = u32::from_le_bytes(*length);
                if length > u32::MAX / 2 {
                    return DecodeError::corrupt("a byte array of negative length", at);
                }
                DecodeError::truncated(LENGTH_BYTES + length as usize - there, at)
            }
            _ => DecodeError::truncated(LENGTH_BYTES - there, at),
        }
    }
}
