//! DELTA_BYTE_ARRAY (`Encodings.md`, = 7): how much of the value before each begins with, and the rest.
//!
//! The lengths of the shared prefixes, DELTA_BINARY_PACKED, then the rests, DELTA_LENGTH_BYTE_ARRAY.
//! Values are put together in memory from the budget, one buffer a call. Bytes moved: those of each
//! value once; a value that adds nothing shares the bytes of the one before. Of values that are passed
//! over only the rests are moved: the next value is made over them, so that its prefix is there already.

use crate::budget::Budget;
use crate::buffer::{Buffer, BufferMut, View};
use crate::encoding::delta_binary_packed::DeltaDecoder;
use crate::encoding::delta_length_byte_array::{BLOCK, DeltaLengthByteArray};
use crate::error::{DecodeError, Result};

#[cfg(test)]
mod tests;

/// Bytes moved at a time: what is too much is overwritten by what comes next.
const STEP: usize = 16;

/// Bytes behind the last value: it is moved in whole steps, and a view reads 16 bytes.
const SLACK: usize = 2 * STEP;

/// Decodes byte arrays.
///
/// ```
/// use millwork_codecs::{budget::Budget, buffer::{Buffer, View}};
/// use millwork_codecs::encoding::delta_byte_array::DeltaByteArray;
/// // Prefixes 0 and 4, rests of 4 and 11: blocks of 128 in 4 miniblocks of two values each.
/// let bytes = b"\x80\x01\x04\x02\0\x08\0\0\0\0\x80\x01\x04\x02\x08\x0e\0\0\0\0treetops in May";
/// let budget = Budget::unlimited();
/// let mut values = DeltaByteArray::new(Buffer::copy_of(bytes, &budget).unwrap(), 2).unwrap();
/// let mut views = [View::default(); 2];
/// let built = [values.decode(&mut views, &budget).unwrap()];
/// assert_eq!(views[0].bytes(&built), b"tree");
/// assert_eq!(views[1].bytes(&built), b"treetops in May");
/// ```
#[derive(Clone, Debug)]
pub struct DeltaByteArray {
    prefixes: DeltaDecoder<i32>,
    rests: DeltaLengthByteArray,
    /// The value before the next.
    last: Buffer,
}

impl DeltaByteArray {
    /// A decoder of the first `value_count` values of `bytes`. There may be no bytes if there are no
    /// values.
    ///
    /// # Errors
    /// As [`DeltaLengthByteArray::new`], of prefixes and rests.
    pub fn new(bytes: Buffer, value_count: usize) -> Result<Self> {
        let (prefixes, end) = DeltaDecoder::whole(bytes.clone(), value_count)?;
        let rests = bytes.slice(end..bytes.len()).unwrap_or_else(Buffer::empty);
        let rests =
            DeltaLengthByteArray::new(rests, value_count).map_err(|error| error.offset_by(end))?;
        Ok(Self { prefixes, rests, last: Buffer::empty() })
    }

    /// Values not yet decoded or skipped; the bytes may turn out to hold fewer.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.prefixes.remaining()
    }

    /// Fills `out` with views of the next values: inline ones, or ones of buffer 0, which is the one
    /// that is answered, taken from `budget`.
    ///
    /// # Errors
    /// `Corrupt` if a prefix is longer than the value before, a length is negative or fewer values
    /// remain; `Truncated` if the bytes end first; `OverBudget` or `OutOfMemory`.
    pub fn decode(&mut self, out: &mut [View], budget: &Budget) -> Result<Buffer> {
        let count = out.len();
        self.build(count, |_| true, out, budget).map(|(_, built)| built)
    }

    /// Passes over the next `rows` values and writes views of those whose bit in `mask` is 1 to the
    /// front of `out`, in order; answers how many, and buffer 0 of the views.
    ///
    /// # Panics
    /// If `mask` holds fewer than `rows` bits or `out` is too short for those selected.
    ///
    /// # Errors
    /// As [`DeltaByteArray::decode`].
    pub fn decode_masked(
        &mut self,
        mask: &[u64],
        rows: usize,
        out: &mut [View],
        budget: &Budget,
    ) -> Result<(usize, Buffer)> {
        self.build(rows, |row| mask[row / 64] >> (row % 64) & 1 == 1, out, budget)
    }

    /// Passes over the next `count` values; memory of about the longest of them is taken from
    /// `budget`.
    ///
    /// # Errors
    /// As [`DeltaByteArray::decode`].
    pub fn skip(&mut self, count: usize, budget: &Budget) -> Result<()> {
        self.build(count, |_| false, &mut [], budget).map(drop)
    }

    /// Passes over the next `count` values and writes views of those that `keep` names.
    #[inline]
    fn build(
        &mut self,
        count: usize,
        keep: impl Fn(usize) -> bool,
        out: &mut [View],
        budget: &Budget,
    ) -> Result<(usize, Buffer)> {
        let mut built = Built::after(&self.last, budget)?;
        let (mut prefixes, mut rests) = ([0i32; BLOCK], [0i32; BLOCK]);
        let mut written = 0;
        for block in (0..count).step_by(BLOCK) {
            let here = (count - block).min(BLOCK);
            let (prefixes, rests) = (&mut prefixes[..here], &mut rests[..here]);
            self.prefixes.decode(prefixes)?;
            let mut position = self.rests.take(rests)?;
            let keep = |index: usize| keep(block + index);
            let blocks = (count - block).div_ceil(BLOCK);
            built.make_room(prefixes, rests, keep, (position, blocks))?;
            let bytes = self.rests.bytes();
            let bytes = bytes.padded().with_padding();
            for (index, (prefix, rest)) in prefixes.iter().zip(rests).enumerate() {
                let (prefix, rest) = (*prefix as usize, *rest as usize);
                built.value(prefix, &bytes[position..], rest);
                position += rest;
                if keep(index) {
                    out[written] = built.keep();
                    written += 1;
                }
            }
        }
        let (built, last) = built.finish()?;
        if count > 0 {
            self.last = last;
        }
        Ok((written, built))
    }
}

/// Bytes of memory that is taken before it is known to be needed.
const MOST_AHEAD: usize = 1 << 20;

/// Values put together one behind the other.
struct Built {
    bytes: BufferMut,
    /// The value made last.
    start: usize,
    len: usize,
    /// Where the bytes that are kept end: the next value goes there.
    free: usize,
}

impl Built {
    /// Memory with the value `last`, which is not kept.
    fn after(last: &[u8], budget: &Budget) -> Result<Self> {
        let mut bytes = BufferMut::zeroed(last.len() + SLACK, budget)?;
        bytes.as_mut_slice()[..last.len()].copy_from_slice(last);
        Ok(Self { bytes, start: 0, len: last.len(), free: 0 })
    }

    /// Makes sure of room for all values of a block, the first of `blocks`, and checks their prefixes.
    /// `at` is the byte of the first rest.
    fn make_room(
        &mut self,
        prefixes: &[i32],
        rests: &[i32],
        keep: impl Fn(usize) -> bool,
        (at, blocks): (usize, usize),
    ) -> Result<()> {
        let (mut len, mut total, mut longest) = (self.len, self.free, 0);
        for (index, (prefix, rest)) in prefixes.iter().zip(rests).enumerate() {
            let prefix = usize::try_from(*prefix).unwrap_or(usize::MAX);
            if prefix > len {
                let what = "a prefix longer than the value before";
                return Err(DecodeError::corrupt(what, at));
            }
            // Neither overflows: a value is made of bytes of the page, which are less than 4 GiB.
            len = prefix + *rest as usize;
            longest = longest.max(len);
            if keep(index) {
                total += len;
            }
        }
        let needed = total.saturating_add(longest).saturating_add(SLACK);
        if u32::try_from(needed).is_err() {
            let what = "byte arrays of more than 4 GiB out of one page at once";
            return Err(DecodeError::corrupt(what, at));
        }
        if needed > self.bytes.len() {
            // Blocks are much alike: room for all of them at once, if there is so much.
            let all = needed.saturating_add((total - self.free).saturating_mul(blocks - 1));
            if self.bytes.resize(all.min(MOST_AHEAD).max(needed)).is_err() {
                self.bytes.resize(needed)?;
            }
        }
        Ok(())
    }

    /// Makes the next value: `prefix` bytes of the last and the first `rest` of `bytes`.
    #[inline]
    fn value(&mut self, prefix: usize, bytes: &[u8], rest: usize) {
        if rest == 0 {
            self.len = prefix;
            return;
        }
        let (from, to) = (self.start, self.free);
        let built = self.bytes.as_mut_slice();
        if from != to {
            for done in (0..prefix).step_by(STEP) {
                built.copy_within(from + done..from + done + STEP, to + done);
            }
        }
        for done in (0..rest).step_by(STEP) {
            let at = to + prefix + done;
            built[at..at + STEP].copy_from_slice(&bytes[done..done + STEP]);
        }
        (self.start, self.len) = (to, prefix + rest);
    }

    /// Keeps the value made last: its view.
    #[inline]
    fn keep(&mut self) -> View {
        self.free = self.free.max(self.start + self.len);
        let bytes = &self.bytes.as_slice()[self.start..];
        View::of(self.len as u32, bytes, 0, self.start as u32)
    }

    /// All bytes, and those of the value made last.
    fn finish(self) -> Result<(Buffer, Buffer)> {
        let (start, end) = (self.start, self.start + self.len);
        let built = self.bytes.freeze();
        match (built.slice(0..self.free), built.slice(start..end)) {
            (Some(kept), Some(last)) => Ok((kept, last)),
            _ => Err(DecodeError::corrupt("a value outside its buffer", 0)),
        }
    }
}
