//! DELTA_BYTE_ARRAY (`Encodings.md`, = 7): how much of the value before each begins with, and the rest.
//!
//! The lengths of the shared prefixes, DELTA_BINARY_PACKED, then the rests, DELTA_LENGTH_BYTE_ARRAY.
//! Values are put together in memory from the budget, one buffer a call. Bytes moved: those of each
//! value once; a value that adds nothing shares the bytes of the one before. Values of one length are put together
//! where they are wanted. Of values that are passed
//! over only the rests are moved: the next value is made over them, so that its prefix is there already.

use crate::budget::Budget;
use crate::buffer::{Buffer, BufferMut, Padded, View};
use crate::encoding::delta_binary_packed::DeltaDecoder;
use crate::encoding::delta_length_byte_array::{BLOCK, DeltaLengthByteArray};
use crate::error::{DecodeError, Result};
use crate::kernel::fronts::{Front, SLACK};

#[cfg(test)]
mod tests;

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

    /// The same behind the value `last`, which the first prefix is of: by the specification there is none, but
    /// parquet-mr before 1.8.0 went on from page to page (PARQUET-246).
    #[must_use]
    pub fn after(self, last: Buffer) -> Self {
        Self { last, ..self }
    }

    /// The value that was decoded or skipped last; empty in front of the first.
    #[must_use]
    pub fn last(&self) -> &Buffer {
        &self.last
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
        self.blocks(count, Kept::All, budget, |built, lengths, (rests, at), block| {
            let out = &mut out[block..block + lengths.0.len()];
            built.front.append_all(lengths, (rests, at), built.bytes.as_mut_slice(), out);
        })
    }

    /// Fills `out` with the next values, which have to be of `width` bytes each; the last of them is kept in memory of
    /// `budget`. Answers the length of the first that is of another, behind which nothing can be decoded.
    ///
    /// # Panics
    /// If the width is 0, or `out` not a whole number of values long.
    ///
    /// # Errors
    /// As [`DeltaByteArray::decode`].
    pub fn decode_fixed(
        &mut self,
        width: usize,
        out: &mut [u8],
        budget: &Budget,
    ) -> Result<Option<usize>> {
        assert!(out.len().is_multiple_of(width), "not a whole number of values");
        let (mut prefixes, mut rests) = ([0i32; BLOCK], [0i32; BLOCK]);
        let mut done = 0;
        while done < out.len() {
            let here = ((out.len() - done) / width).min(BLOCK);
            let (prefixes, rests) = (&mut prefixes[..here], &mut rests[..here]);
            self.prefixes.decode(prefixes)?;
            let at = self.rests.take(rests)?;
            let lengths: Lengths<'_> =
                (bytemuck::cast_slice(prefixes), bytemuck::cast_slice(rests));
            let (before, now) = out.split_at_mut(done);
            let last = match before.len().checked_sub(width) {
                Some(start) => &before[start..],
                None => &self.last[..],
            };
            if let Some(other) = other_length(lengths, last.len(), width) {
                return other.map_err(|what| DecodeError::corrupt(what, at));
            }
            let bytes = self.rests.bytes();
            let rests = &bytes.padded().with_padding()[at..];
            fixed(lengths, rests, last, width, &mut now[..here * width]);
            done += here * width;
        }
        if let Some(start) = out.len().checked_sub(width) {
            self.last = Buffer::copy_of(&out[start..], budget)?;
        }
        Ok(None)
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
        let mut written = 0;
        let built =
            self.blocks(rows, Kept::Masked(mask), budget, |built, lengths, rests, block| {
                built.each(lengths, rests, |index, built| {
                    if is_set(mask, block + index) {
                        out[written] = built.keep();
                        written += 1;
                    }
                });
            })?;
        Ok((written, built))
    }

    /// Passes over the next `count` values; memory of about the longest of them is taken from
    /// `budget`.
    ///
    /// # Errors
    /// As [`DeltaByteArray::decode`].
    pub fn skip(&mut self, count: usize, budget: &Budget) -> Result<()> {
        let pass = |built: &mut Built, lengths: Lengths<'_>, rests: (Padded<'_>, usize), _| {
            built.each(lengths, rests, |_, _| {});
        };
        self.blocks(count, Kept::Nothing, budget, pass).map(drop)
    }

    /// Hands the lengths of the next `count` values to `make`, some at a time: with room for those of
    /// them that are kept, their rests and where those begin, and how many values came before.
    #[inline]
    fn blocks(
        &mut self,
        count: usize,
        kept: Kept<'_>,
        budget: &Budget,
        mut make: impl FnMut(&mut Built, Lengths<'_>, (Padded<'_>, usize), usize),
    ) -> Result<Buffer> {
        let mut built = Built::after(&self.last, budget)?;
        let (mut prefixes, mut rests) = ([0i32; BLOCK], [0i32; BLOCK]);
        for block in (0..count).step_by(BLOCK) {
            let here = (count - block).min(BLOCK);
            let (prefixes, rests) = (&mut prefixes[..here], &mut rests[..here]);
            self.prefixes.decode(prefixes)?;
            let at = self.rests.take(rests)?;
            let lengths: Lengths<'_> =
                (bytemuck::cast_slice(prefixes), bytemuck::cast_slice(rests));
            let blocks = (count - block).div_ceil(BLOCK);
            built.make_room(kept.room(lengths, built.front.len, block), at, blocks)?;
            make(&mut built, lengths, (self.rests.bytes().padded(), at), block);
        }
        let (built, last) = built.finish()?;
        if count > 0 {
            self.last = last;
        }
        Ok(built)
    }
}

/// Lengths of prefixes and of rests.
type Lengths<'a> = (&'a [u32], &'a [u32]);

/// Which values stay where they are put together.
#[derive(Clone, Copy)]
enum Kept<'a> {
    All,
    Masked(&'a [u64]),
    Nothing,
}

/// Bytes that values take.
struct Room {
    /// Of those that are kept, together.
    kept: u64,
    /// Of the longest that may be made behind them.
    longest: u64,
}

impl Kept<'_> {
    /// The room for values `block` and those behind it; the last before them had `len` bytes. `None` if
    /// a prefix is longer than the value before.
    ///
    /// Values do not overflow: they are made of bytes of the page, which are less than 4 GiB.
    fn room(self, (prefixes, rests): Lengths<'_>, len: usize, block: usize) -> Option<Room> {
        if let Self::All = self {
            return all_room((prefixes, rests), len);
        }
        let mut room = Room { kept: 0, longest: 0 };
        let mut len = len as u64;
        for (index, (prefix, rest)) in prefixes.iter().zip(rests).enumerate() {
            if u64::from(*prefix) > len || i32::try_from(*prefix).is_err() {
                return None;
            }
            len = u64::from(*prefix) + u64::from(*rest);
            room.longest = room.longest.max(len);
            if matches!(self, Self::Masked(mask) if is_set(mask, block + index)) {
                room.kept += len;
            }
        }
        Some(room)
    }
}

/// What stands against values of `width` bytes behind one of `len`: the first other length, or a prefix that is not
/// there.
fn other_length(
    (prefixes, rests): Lengths<'_>,
    len: usize,
    width: usize,
) -> Option<std::result::Result<Option<usize>, &'static str>> {
    let first = prefixes.first().copied().unwrap_or(0) as usize;
    let mut is_other = first > len;
    for (prefix, rest) in prefixes.iter().zip(rests) {
        is_other |= *prefix as usize > width || *prefix as usize + *rest as usize != width;
    }
    if !is_other {
        return None;
    }
    let mut len = len;
    for (prefix, rest) in prefixes.iter().zip(rests) {
        if *prefix as usize > len {
            break;
        }
        len = *prefix as usize + *rest as usize;
        if len != width {
            return Some(Ok(Some(len)));
        }
    }
    Some(Err("a prefix longer than the value before"))
}

/// Bytes of a value that is put together in a register.
const REGISTER: usize = size_of::<u128>();

/// The values of which each begins as the one before, the first as `last`, and goes on with the next of `bytes`,
/// which have padding.
fn fixed(
    (prefixes, rests): Lengths<'_>,
    mut bytes: &[u8],
    last: &[u8],
    width: usize,
    out: &mut [u8],
) {
    if width > REGISTER {
        let mut last = last;
        for ((prefix, rest), value) in prefixes.iter().zip(rests).zip(out.chunks_exact_mut(width)) {
            let (begun, own) = value.split_at_mut(*prefix as usize);
            begun.copy_from_slice(&last[..begun.len()]);
            own.copy_from_slice(&bytes[..own.len()]);
            bytes = &bytes[*rest as usize..];
            last = value;
        }
        return;
    }
    let mut before = [0; REGISTER];
    before[..last.len().min(width)].copy_from_slice(&last[..last.len().min(width)]);
    let mut value = u128::from_le_bytes(before);
    let mut to = 0;
    for (prefix, rest) in prefixes.iter().zip(rests) {
        let own = bytes.first_chunk().map_or(0, |own| u128::from_le_bytes(*own));
        bytes = &bytes[*rest as usize..];
        // What is behind the value is that of the next.
        value = match 8 * prefix {
            bits @ 0..128 => value & ((1 << bits) - 1) | own << bits,
            _ => value,
        };
        let (made, room) = (value.to_le_bytes(), &mut out[to..]);
        match room.first_chunk_mut() {
            Some(room) => *room = made,
            None => room[..width].copy_from_slice(&made[..width]),
        }
        to += width;
    }
}

/// [`Kept::room`] of all values, without a step that waits for the one before.
fn all_room((prefixes, rests): Lengths<'_>, len: usize) -> Option<Room> {
    let first = prefixes.first().copied().unwrap_or(0);
    let mut is_wrong = u64::from(first) > len as u64;
    // What wraps is wrong where it begins: that prefix is longer than the value before it.
    let before = prefixes.iter().zip(rests).map(|(prefix, rest)| prefix.wrapping_add(*rest));
    for (prefix, before) in prefixes.iter().skip(1).zip(before) {
        is_wrong |= *prefix > before;
    }
    let mut kept = 0;
    for (prefix, rest) in prefixes.iter().zip(rests) {
        is_wrong |= *prefix > i32::MAX.cast_unsigned();
        kept += u64::from(*prefix) + u64::from(*rest);
    }
    (!is_wrong).then_some(Room { kept, longest: 0 })
}

fn is_set(mask: &[u64], row: usize) -> bool {
    mask[row / 64] >> (row % 64) & 1 == 1
}

/// Bytes of memory that is taken before it is known to be needed.
const MOST_AHEAD: usize = 1 << 20;

/// Values put together one behind the other.
struct Built {
    bytes: BufferMut,
    front: Front,
}

impl Built {
    /// Memory with the value `last`, which is not kept.
    fn after(last: &[u8], budget: &Budget) -> Result<Self> {
        let mut bytes = BufferMut::zeroed(last.len() + SLACK, budget)?;
        bytes.as_mut_slice()[..last.len()].copy_from_slice(last);
        Ok(Self { bytes, front: Front { start: 0, len: last.len(), free: 0 } })
    }

    /// Makes sure of `room` for the values of a block, the first of `blocks`; there is none if they are
    /// wrong. `at` is the byte of the first rest.
    fn make_room(&mut self, room: Option<Room>, at: usize, blocks: usize) -> Result<()> {
        let Some(room) = room else {
            let what = "a prefix longer than the value before";
            return Err(DecodeError::corrupt(what, at));
        };
        let needed = self.front.free as u64 + room.kept + room.longest + SLACK as u64;
        if u32::try_from(needed).is_err() {
            let what = "byte arrays of more than 4 GiB out of one page at once";
            return Err(DecodeError::corrupt(what, at));
        }
        let needed = needed as usize;
        if needed > self.bytes.len() {
            // Blocks are much alike: room for all of them at once, if there is so much.
            let all = needed.saturating_add((room.kept as usize).saturating_mul(blocks - 1));
            if self.bytes.resize(all.min(MOST_AHEAD).max(needed)).is_err() {
                self.bytes.resize(needed)?;
            }
        }
        Ok(())
    }

    /// Makes the values one after the other and shows `take` each of them.
    #[inline]
    fn each(
        &mut self,
        (prefixes, rests): Lengths<'_>,
        (bytes, mut at): (Padded<'_>, usize),
        mut take: impl FnMut(usize, &mut Self),
    ) {
        let bytes = bytes.with_padding();
        for (index, (prefix, rest)) in prefixes.iter().zip(rests).enumerate() {
            let (prefix, rest) = (*prefix as usize, *rest as usize);
            self.front.append(prefix, &bytes[at..], rest, self.bytes.as_mut_slice());
            at += rest;
            take(index, self);
        }
    }

    /// Keeps the value made last: its view.
    #[inline]
    fn keep(&mut self) -> View {
        self.front.keep(self.bytes.as_slice())
    }

    /// All bytes, and those of the value made last.
    fn finish(self) -> Result<(Buffer, Buffer)> {
        let Front { start, len, free } = self.front;
        let built = self.bytes.freeze();
        match (built.slice(0..free), built.slice(start..start + len)) {
            (Some(kept), Some(last)) => Ok((kept, last)),
            _ => Err(DecodeError::corrupt("a value outside its buffer", 0)),
        }
    }
}
