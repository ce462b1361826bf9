//! DELTA_BINARY_PACKED (`Encodings.md`, = 5): integers by what each adds to the one before.
//!
//! A header (values of a block, miniblocks of a block, values in all, the first value) and blocks: the
//! smallest delta, one byte of bit width for each miniblock, then the miniblocks, packed. Sums wrap, so
//! that every sequence can be written.
//!
//! To pass over values is to step from miniblock to miniblock; their sum is made only when a value
//! behind them is asked for. Writers leave out miniblocks without values and, some of them, the padding
//! of the last one; the widths of such miniblocks may be anything. Some write 32-bit values in deltas
//! of up to 64 bits: what wraps makes no difference.
//!
//! Invariant: the bytes of the `left` values of a miniblock are there.

use crate::buffer::{Buffer, Padded};
use crate::cursor::Cursor;
use crate::error::{DecodeError, Result};
use crate::kernel::{DeltaInteger, Deltas, add_deltas, compress, mask_bits, sum_deltas};

#[cfg(test)]
pub(crate) mod tests;

/// Values decoded at a time where they do not go straight to the output.
const BLOCK: usize = 512;

/// Decodes integers.
///
/// ```
/// use millwork_codecs::{budget::Budget, buffer::Buffer};
/// use millwork_codecs::encoding::delta_binary_packed::DeltaDecoder;
/// // Blocks of 128 in 4 miniblocks, 5 values from 7 on; deltas of 1, 2, 3 and 1: at least 1, and 0,
/// // 1, 2 and 0 in 2 bits each.
/// let bytes = [0x80, 1, 4, 5, 14, 2, 2, 0, 0, 0, 0b00_10_01_00];
/// let bytes = Buffer::copy_of(&bytes, &Budget::unlimited()).unwrap();
/// let mut values = DeltaDecoder::<i32>::new(bytes, 5).unwrap();
/// values.skip(2).unwrap();
/// let mut out = [0; 3];
/// values.decode(&mut out).unwrap();
/// assert_eq!(out, [10, 13, 14]);
/// ```
#[derive(Clone, Debug)]
pub struct DeltaDecoder<T> {
    bytes: Buffer,
    layout: Layout,
    place: Place,
    /// A place at or before that one, and the value in front of it.
    known: (Place, T),
}

/// What the header says of blocks.
#[derive(Clone, Copy, Debug)]
struct Layout {
    miniblocks: usize,
    /// Values of a miniblock: a multiple of 32.
    miniblock_values: usize,
}

/// Where in its bytes a stream is.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Values not yet passed.
    remaining: usize,
    /// Where the widths of the current block are, and which of them is the next.
    widths: usize,
    next_width: usize,
    smallest: u64,
    /// The current miniblock.
    start: usize,
    end: usize,
    bit_width: u32,
    /// How many of its values are passed, and how many are not.
    first: usize,
    left: usize,
}

impl<T: DeltaInteger> DeltaDecoder<T> {
    /// A decoder of the first `value_count` values of `bytes`. There may be no bytes if there are no
    /// values.
    ///
    /// # Errors
    /// `Corrupt` if the header makes no sense or tells of fewer values, `Truncated` if it ends early.
    pub fn new(bytes: Buffer, value_count: usize) -> Result<Self> {
        let (layout, place) = match value_count {
            0 => (Layout { miniblocks: 1, miniblock_values: 32 }, Place::nowhere()),
            _ => header(&bytes, value_count)?,
        };
        let known = (place, T::from_u64_truncating(0));
        Ok(Self { bytes, layout, place, known })
    }

    /// A decoder of all values that the header tells of, which may be wrong; and the byte behind them.
    /// Steps over every miniblock.
    ///
    /// # Errors
    /// As [`DeltaDecoder::new`] and [`DeltaDecoder::skip`].
    pub(super) fn whole(bytes: Buffer, value_count: usize) -> Result<(Self, usize)> {
        let decoder = Self::new(bytes, value_count)?;
        let mut place = decoder.place;
        if value_count > 0 {
            place.remaining = header_count(&decoder.bytes)?;
            while place.remaining > 0 {
                place.advance(decoder.bytes.padded(), decoder.layout, usize::MAX)?;
            }
        }
        let end = place.end.min(decoder.bytes.len());
        Ok((decoder, end))
    }

    /// Values not yet decoded or skipped; the bytes may turn out to hold fewer.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.place.remaining
    }

    /// Fills `out` with the next values.
    ///
    /// # Errors
    /// `Corrupt` if fewer remain or a bit width is above 64, `Truncated` if the bytes end first.
    pub fn decode(&mut self, out: &mut [T]) -> Result<()> {
        let mut place = self.asked(out.len())?;
        let mut before = self.before()?;
        let bytes = self.bytes.padded();
        let mut out = out;
        while !out.is_empty() {
            let (deltas, count) = place.advance(bytes, self.layout, out.len())?;
            let (now, later) = out.split_at_mut(count);
            add_deltas(deltas, before, now);
            before = now.last().copied().unwrap_or(before);
            out = later;
        }
        self.place = place;
        self.known = (place, before);
        Ok(())
    }

    /// Passes over the next `count` values without adding them up.
    ///
    /// # Errors
    /// As [`DeltaDecoder::decode`].
    pub fn skip(&mut self, count: usize) -> Result<()> {
        let mut place = self.asked(count)?;
        let mut left = count;
        while left > 0 {
            left -= place.advance(self.bytes.padded(), self.layout, left)?.1;
        }
        self.place = place;
        Ok(())
    }

    /// Passes over the next `rows` values and writes those whose bit in `mask` is 1 to the front of
    /// `out`, in order; answers how many. Blocks of 64 without a set bit are only added up, those
    /// behind the last set bit not even that.
    ///
    /// # Panics
    /// If `mask` holds fewer than `rows` bits or `out` is too short for those selected.
    ///
    /// # Errors
    /// As [`DeltaDecoder::decode`].
    pub fn decode_masked(&mut self, mask: &[u64], rows: usize, out: &mut [T]) -> Result<usize> {
        self.asked(rows)?;
        let mut scratch = [T::zeroed(); BLOCK];
        let (mut row, mut written) = (0, 0);
        while row < rows {
            let wanted = words(mask, row, rows, |word| word != 0).min(BLOCK);
            if wanted == 0 {
                let unwanted = words(mask, row, rows, |word| word == 0);
                self.skip(unwanted)?;
                row += unwanted;
                continue;
            }
            let values = &mut scratch[..wanted];
            self.decode(values)?;
            written += compress(values, &mask[row / 64..], &mut out[written..]);
            row += wanted;
        }
        Ok(written)
    }

    /// The place itself, to be walked on, if `count` values can be asked of it.
    fn asked(&self, count: usize) -> Result<Place> {
        if count > self.place.remaining {
            let what = "fewer values than were asked for";
            return Err(DecodeError::corrupt(what, self.place.start));
        }
        Ok(self.place)
    }

    /// The value in front of the next.
    fn before(&mut self) -> Result<T> {
        let (mut place, value) = self.known;
        let mut sum = value.to_u64();
        let bytes = self.bytes.padded();
        while place.remaining > self.place.remaining {
            let wanted = place.remaining - self.place.remaining;
            let (deltas, count) = place.advance(bytes, self.layout, wanted)?;
            sum = sum.wrapping_add(sum_deltas(deltas, count));
        }
        self.known = (place, T::from_u64_truncating(sum));
        Ok(self.known.1)
    }
}

/// How many of `rows` rows, from row `from` (a multiple of 64) on, lie in words like the first.
fn words(mask: &[u64], from: usize, rows: usize, is_like: impl Fn(u64) -> bool) -> usize {
    let mut row = from;
    while row < rows && is_like(mask_bits(mask, row, (rows - row).min(64))) {
        row += 64;
    }
    row.min(rows) - from
}

/// The number of values that a header tells of.
fn header_count(bytes: &[u8]) -> Result<usize> {
    let mut cursor = Cursor::new(bytes);
    cursor.uleb128()?;
    cursor.uleb128()?;
    cursor.uleb128().map(|count| usize::try_from(count).unwrap_or(usize::MAX))
}

/// Reads the header of at least one value.
fn header(bytes: &[u8], value_count: usize) -> Result<(Layout, Place)> {
    let mut cursor = Cursor::new(bytes);
    let (values, miniblocks) = (cursor.uleb128()?, cursor.uleb128()?);
    // The spec wants 128 values a block or a multiple; 32 a miniblock keep those at whole bytes.
    let each = values.checked_div(miniblocks).unwrap_or(0);
    if each == 0 || !each.is_multiple_of(32) || Some(values) != each.checked_mul(miniblocks) {
        return Err(DecodeError::corrupt("blocks that are not miniblocks of 32 values", 0));
    }
    let at = cursor.position();
    if cursor.uleb128()? < value_count as u64 {
        return Err(DecodeError::corrupt("fewer values than the page has", at));
    }
    let first_value = cursor.zigzag()?;
    let size = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    let layout = Layout { miniblocks: size(miniblocks), miniblock_values: size(each) };
    // The first value is a miniblock of its own: it adds itself to 0.
    let place = Place {
        remaining: value_count,
        next_width: layout.miniblocks,
        smallest: first_value.cast_unsigned(),
        end: cursor.position(),
        left: 1,
        ..Place::nowhere()
    };
    Ok((layout, place))
}

impl Place {
    fn nowhere() -> Self {
        Self {
            remaining: 0,
            widths: 0,
            next_width: 0,
            smallest: 0,
            start: 0,
            end: 0,
            bit_width: 0,
            first: 0,
            left: 0,
        }
    }

    /// Takes up to `wanted` (at least 1) values of one miniblock: their deltas, and how many were
    /// taken, at least 1.
    #[inline]
    fn advance<'a>(
        &mut self,
        bytes: Padded<'a>,
        layout: Layout,
        wanted: usize,
    ) -> Result<(Deltas<'a>, usize)> {
        if self.left == 0 {
            self.next_miniblock(bytes.as_slice(), layout)?;
        }
        let deltas = Deltas {
            packed: bytes.tail(self.start).unwrap_or(bytes),
            bit_width: self.bit_width,
            first: self.first,
            smallest: self.smallest,
        };
        let taken = wanted.min(self.left);
        self.left -= taken;
        self.first += taken;
        self.remaining -= taken;
        Ok((deltas, taken))
    }

    fn next_miniblock(&mut self, bytes: &[u8], layout: Layout) -> Result<()> {
        let mut start = self.end;
        if self.next_width == layout.miniblocks {
            let mut cursor = Cursor::new(bytes);
            cursor.take(start)?;
            self.smallest = cursor.zigzag()?.cast_unsigned();
            self.widths = cursor.position();
            self.next_width = 0;
            cursor.take(layout.miniblocks)?;
            start = cursor.position();
        }
        let width = bytes.get(self.widths + self.next_width).copied().unwrap_or(0);
        self.next_width += 1;
        if width > 64 {
            let at = self.widths + self.next_width - 1;
            return Err(DecodeError::corrupt("a bit width above 64", at));
        }
        let bytes_of = |values: usize| values.saturating_mul(usize::from(width)).div_ceil(8);
        let left = layout.miniblock_values.min(self.remaining);
        let there = bytes.len().saturating_sub(start);
        if bytes_of(left) > there {
            return Err(DecodeError::truncated(bytes_of(left) - there, bytes.len()));
        }
        (self.start, self.end) = (start, start.saturating_add(bytes_of(layout.miniblock_values)));
        (self.bit_width, self.first, self.left) = (u32::from(width), 0, left);
        Ok(())
    }
}
