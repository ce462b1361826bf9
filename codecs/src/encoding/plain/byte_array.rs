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

    /// Bytes not yet decoded or skipped. How many values those are is known only by walking them.
    #[must_use]
    pub fn remaining_bytes(&self) -> usize {
        self.bytes.len() - self.position
    }

    /// Fills `out` with views of the next values: inline ones, or ones of buffer `buffer_index`, at
    /// an offset in [`PlainByteArray::bytes`].
    ///
    /// # Errors
    /// `Truncated` if the bytes end first, `Corrupt` if a length is negative, each at the byte of
    /// the length; `Corrupt` if there are 4 GiB or more of them.
    pub fn decode(&mut self, buffer_index: u32, out: &mut [View]) -> Result<()> {
        let bytes = self.addressable()?;
        let mut at = self.position;
        for view in out {
            let found = value_at(bytes, at)?;
            *view = found.view(at, buffer_index);
            at += found.size_bytes();
        }
        self.position = at;
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
        let bytes = self.addressable()?;
        let mut at = self.position;
        let mut written = 0;
        for (index, word) in mask[..rows.div_ceil(64)].iter().enumerate() {
            let here = (rows - index * 64).min(64);
            let mut left = word & (u64::MAX >> (64 - here));
            let mut row = 0;
            while left != 0 {
                let next = left.trailing_zeros() as usize;
                at = skip_from(bytes, at, next - row)?;
                let found = value_at(bytes, at)?;
                out[written] = found.view(at, buffer_index);
                written += 1;
                at += found.size_bytes();
                row = next + 1;
                left &= left - 1;
            }
            at = skip_from(bytes, at, here - row)?;
        }
        self.position = at;
        Ok(written)
    }

    /// Passes over the next `count` values.
    ///
    /// # Errors
    /// As [`PlainByteArray::decode`].
    pub fn skip(&mut self, count: usize) -> Result<()> {
        self.position = skip_from(self.bytes.padded(), self.position, count)?;
        Ok(())
    }

    /// The bytes, if a view can name all of them.
    fn addressable(&self) -> Result<Padded<'_>> {
        if u32::try_from(self.bytes.len()).is_err() {
            let what = "byte arrays of more than 4 GiB in one page";
            return Err(DecodeError::corrupt(what, self.position));
        }
        Ok(self.bytes.padded())
    }
}

/// The byte behind the `count` values that start at byte `at`.
#[inline]
fn skip_from(bytes: Padded<'_>, mut at: usize, count: usize) -> Result<usize> {
    for _ in 0..count {
        at += value_at(bytes, at)?.size_bytes();
    }
    Ok(at)
}

/// A length field and the 12 bytes behind it, which look just like an inline view. Whether or not
/// the value has 12 bytes, so many are readable.
#[derive(Clone, Copy)]
struct Value(u128);

/// The value whose length field stands at byte `at`, which is not behind the end: its bytes are
/// there.
#[inline(always)]
fn value_at(bytes: Padded<'_>, at: usize) -> Result<Value> {
    // Where fewer than four bytes are left, the padding makes up for them and the check below fails.
    let sixteen = bytes.with_padding().get(at..).and_then(|rest| rest.first_chunk());
    let value = Value(sixteen.map_or(u128::MAX, |sixteen| u128::from_le_bytes(*sixteen)));
    if bytes.len() - at < value.size_bytes() {
        return Err(bad_length(bytes.as_slice(), at));
    }
    Ok(value)
}

#[cold]
fn bad_length(bytes: &[u8], at: usize) -> DecodeError {
    let rest = bytes.get(at..).unwrap_or_default();
    match rest.first_chunk() {
        None => DecodeError::truncated(LENGTH_BYTES - rest.len(), at),
        Some(length) => {
            let length = u32::from_le_bytes(*length);
            if length > u32::MAX / 2 {
                return DecodeError::corrupt("a byte array of negative length", at);
            }
            DecodeError::truncated(LENGTH_BYTES + length as usize - rest.len(), at)
        }
    }
}

/// Bytes of a length field.
const LENGTH_BYTES: usize = 4;

impl Value {
    #[inline(always)]
    fn length(self) -> usize {
        self.0 as u32 as usize
    }

    /// Bytes from this length field to the next.
    #[inline(always)]
    fn size_bytes(self) -> usize {
        LENGTH_BYTES + self.length()
    }

    /// The view of the value, whose length field stands at byte `at` (below 4 GiB).
    #[inline(always)]
    fn view(self, at: usize, buffer_index: u32) -> View {
        let offset = (at + LENGTH_BYTES) as u32;
        let place = u128::from(buffer_index) << 64 | u128::from(offset) << 96;
        // No branch: strings of either kind come in no order that a CPU could learn.
        let kept = &KEPT[self.length().min(View::INLINE + 1)];
        bytemuck::cast((self.0 & kept.found | place & kept.place).to_le_bytes())
    }
}

/// Which bits of a view are found in the page, and which are its place.
#[derive(Clone, Copy)]
struct Kept {
    found: u128,
    place: u128,
}

/// By length: 0 to 12 bytes lie in the view, for more the prefix does.
const KEPT: [Kept; View::INLINE + 2] = {
    let mut kept = [Kept { found: u64::MAX as u128, place: (u64::MAX as u128) << 64 }; 14];
    let mut length = 0;
    while length <= View::INLINE {
        let found = u128::MAX >> (8 * (View::INLINE - length));
        kept[length] = Kept { found, place: 0 };
        length += 1;
    }
    kept
};
