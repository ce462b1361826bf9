//! The RLE / bit-packed hybrid (`Encodings.md`, RLE = 3): levels, booleans, dictionary codes.
//!
//! The stream is a sequence of runs, each a varint header and a body. An even header is a run of
//! `header >> 1` equal values, which follow once in as many whole bytes as the bit width needs; an
//! odd one is `header >> 1` groups of eight values, packed least significant bit first.
//!
//! Writers pad: a run may go beyond the values of the page, and its surplus is never looked at. A
//! packed run may end inside its last group if the bytes of the values themselves are there.
//!
//! Invariant: `run.left() <= remaining`, and the bytes of a packed run's `left` values are there.

use crate::buffer::{BitmapMut, Buffer, Padded};
use crate::cursor::Cursor;
use crate::error::{DecodeError, Result};
use crate::kernel::bits::count_ones_in;
use crate::kernel::unpack::unpack;
use crate::kernel::{self, Code, Comparison};

mod tally;
#[cfg(test)]
pub(crate) mod tests;

/// Values unpacked at a time where they do not go straight to the output.
const BLOCK: usize = 512;

/// Values among 64 that are unpacked one by one, at about 1 ns each, rather than all 64 at once.
const FEW: u32 = 3;

#[derive(Clone, Copy, Debug)]
enum Run {
    /// `left` times `value`.
    Equal { value: u32, left: usize },
    /// `left` packed values from number `first` on of those that start at byte `start`.
    Packed { start: usize, first: usize, left: usize },
}

/// Decodes one hybrid stream. A call that ends in an error leaves the decoder where it was.
///
/// ```
/// use millwork_codecs::{budget::Budget, buffer::Buffer, encoding::hybrid::HybridDecoder};
/// // 0 to 7 packed in 3 bits each, then five times 6.
/// let bytes = [0b11, 0b1000_1000, 0b1100_0110, 0b1111_1010, 5 << 1, 6];
/// let bytes = Buffer::copy_of(&bytes, &Budget::unlimited()).unwrap();
/// let mut codes = HybridDecoder::new(bytes, 3, 13).unwrap();
/// codes.skip(6).unwrap();
/// let mut out = [0u8; 4];
/// codes.decode(&mut out).unwrap();
/// assert_eq!((out, codes.remaining()), ([6, 7, 6, 6], 3));
/// ```
#[derive(Clone, Debug)]
pub struct HybridDecoder {
    bytes: Buffer,
    runs: Runs,
}

/// Where in its bytes a stream is.
#[derive(Clone, Copy, Debug)]
struct Runs {
    bit_width: u32,
    /// The byte behind the run that is being decoded.
    position: usize,
    remaining: usize,
    run: Run,
}

impl HybridDecoder {
    /// A decoder of at most `value_count` values of `bit_width` bits. A width of 0 means that all
    /// values are 0 and that no bytes are read.
    ///
    /// # Errors
    /// `Corrupt` if the width is above 32.
    pub fn new(bytes: Buffer, bit_width: u32, value_count: usize) -> Result<Self> {
        if bit_width > 32 {
            return Err(DecodeError::corrupt("a bit width above 32", 0));
        }
        let left = if bit_width == 0 { value_count } else { 0 };
        let run = Run::Equal { value: 0, left };
        let runs = Runs { bit_width, position: 0, remaining: value_count, run };
        Ok(Self { bytes, runs })
    }

    /// A decoder of the `value_count` booleans of a data page: four bytes of length, whatever the
    /// version of the page, and a stream of that many bytes. There may be no bytes if there are no
    /// values.
    ///
    /// # Errors
    /// `Truncated` if there are fewer bytes than the length says.
    ///
    /// ```
    /// use millwork_codecs::{budget::Budget, buffer::{BitmapMut, Buffer}};
    /// use millwork_codecs::encoding::hybrid::HybridDecoder;
    /// let bytes = Buffer::copy_of(&[2, 0, 0, 0, 3 << 1, 1], &Budget::unlimited()).unwrap();
    /// let mut booleans = HybridDecoder::booleans(bytes, 3).unwrap();
    /// let mut out = BitmapMut::with_capacity(3).unwrap();
    /// booleans.decode_bits(3, &mut out).unwrap();
    /// assert_eq!(out.words(), [0b111]);
    /// ```
    pub fn booleans(bytes: Buffer, value_count: usize) -> Result<Self> {
        if value_count == 0 {
            return Self::new(Buffer::empty(), 1, 0);
        }
        let mut cursor = Cursor::new(&bytes);
        let length = cursor.u32_le()? as usize;
        let start = cursor.position();
        cursor.take(length)?;
        let stream = bytes.slice(start..start + length).unwrap_or_else(Buffer::empty);
        Self::new(stream, 1, value_count)
    }

    /// Values not yet decoded or skipped; the bytes may turn out to hold fewer.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.runs.remaining
    }

    /// Bits of a value.
    #[must_use]
    pub fn bit_width(&self) -> u32 {
        self.runs.bit_width
    }

    /// The byte behind the run that is being decoded.
    #[must_use]
    pub fn position(&self) -> usize {
        self.runs.position
    }

    /// Fills `out` with the next values.
    ///
    /// # Errors
    /// `Corrupt` if fewer remain, a run makes no sense, or `C` is narrower than the bit width;
    /// `Truncated` if the bytes end first.
    pub fn decode<C: Code>(&mut self, out: &mut [C]) -> Result<()> {
        let (bytes, mut runs) = (self.bytes.padded(), self.runs.asked::<C>(out.len())?);
        let mut out = out;
        while !out.is_empty() {
            let (run, count) = runs.advance(bytes.as_slice(), out.len())?;
            let (now, later) = out.split_at_mut(count);
            match run {
                Run::Equal { value, .. } => now.fill(C::from_u32_truncating(value)),
                Run::Packed { start, first, .. } => {
                    unpack(packed(bytes, start), runs.bit_width, first, now);
                }
            }
            out = later;
        }
        self.runs = runs;
        Ok(())
    }

    /// Passes over the next `count` values.
    ///
    /// # Errors
    /// As [`HybridDecoder::decode`].
    pub fn skip(&mut self, count: usize) -> Result<()> {
        let (bytes, mut runs) = (self.bytes.padded(), self.runs.asked::<u32>(count)?);
        let mut left = count;
        while left > 0 {
            left -= runs.advance(bytes.as_slice(), left)?.1;
        }
        self.runs = runs;
        Ok(())
    }

    /// Passes over the next `rows` values and writes those whose bit in `mask` is 1 to the front of
    /// `out`, in order; answers how many. Blocks of 64 packed values without a set bit cost
    /// nothing but a look at the mask.
    ///
    /// # Panics
    /// If `mask` holds fewer than `rows` bits or `out` is too short for those selected.
    ///
    /// # Errors
    /// As [`HybridDecoder::decode`].
    pub fn decode_masked<C: Code>(
        &mut self,
        mask: &[u64],
        rows: usize,
        out: &mut [C],
    ) -> Result<usize> {
        let (bytes, mut runs) = (self.bytes.padded(), self.runs.asked::<C>(rows)?);
        let mut scratch = [C::zeroed(); BLOCK];
        let (mut row, mut written) = (0, 0);
        while row < rows {
            let (run, count) = runs.advance(bytes.as_slice(), rows - row)?;
            written += match run {
                Run::Equal { value, .. } => {
                    let selected = count_ones_in(mask, row, count);
                    out[written..written + selected].fill(C::from_u32_truncating(value));
                    selected
                }
                Run::Packed { start, first, .. } => {
                    let source =
                        Source { bytes: packed(bytes, start), bit_width: runs.bit_width, first };
                    let masked = Masked { mask, row, count };
                    unpack_masked(source, masked, &mut scratch, &mut out[written..])
                }
            };
            row += count;
        }
        self.runs = runs;
        Ok(written)
    }

    /// Appends the next `count` values, of one bit each, to `out`.
    ///
    /// # Errors
    /// As [`HybridDecoder::decode`]; `Corrupt` if the bit width is above 1; `OutOfMemory` if the
    /// machine refuses `out` the room.
    pub fn decode_bits(&mut self, count: usize, out: &mut BitmapMut) -> Result<()> {
        let (bytes, mut runs) = (self.bytes.padded(), self.runs.asked_for_bits(count)?);
        let mut left = count;
        while left > 0 {
            let (run, now) = runs.advance(bytes.as_slice(), left)?;
            match run {
                Run::Equal { value, .. } => out.append_run(value == 1, now)?,
                Run::Packed { start, first, .. } => {
                    kernel::append_packed_bits(packed(bytes, start).as_slice(), first, now, out)?;
                }
            }
            left -= now;
        }
        self.runs = runs;
        Ok(())
    }

    /// Passes over the next `rows` values, of one bit each, and appends those whose bit in `mask`
    /// is 1 to `out`; answers how many.
    ///
    /// # Panics
    /// If `mask` holds fewer than `rows` bits.
    ///
    /// # Errors
    /// As [`HybridDecoder::decode_bits`].
    pub fn decode_bits_masked(
        &mut self,
        mask: &[u64],
        rows: usize,
        out: &mut BitmapMut,
    ) -> Result<usize> {
        let (bytes, mut runs) = (self.bytes.padded(), self.runs.asked_for_bits(rows)?);
        let (mut row, mut written) = (0, 0);
        while row < rows {
            let (run, now) = runs.advance(bytes.as_slice(), rows - row)?;
            written += match run {
                Run::Equal { value, .. } => {
                    let selected = count_ones_in(mask, row, now);
                    out.append_run(value == 1, selected)?;
                    selected
                }
                Run::Packed { start, first, .. } => {
                    let bytes = packed(bytes, start).as_slice();
                    kernel::append_selected_bits(bytes, first, mask, row, now, out)?
                }
            };
            row += now;
        }
        self.runs = runs;
        Ok(written)
    }

    /// Appends one bit for each of the next `count` values: whether it equals `value`.
    ///
    /// # Errors
    /// As [`HybridDecoder::decode`]; `OutOfMemory` if the machine refuses `out` the room.
    pub fn decode_equal(&mut self, count: usize, value: u32, out: &mut BitmapMut) -> Result<()> {
        if self.runs.bit_width == 1 && value == 1 {
            return self.decode_bits(count, out);
        }
        match self.runs.bit_width {
            0..=8 => self.decode_equal_as::<u8>(count, value, out),
            9..=16 => self.decode_equal_as::<u16>(count, value, out),
            _ => self.decode_equal_as::<u32>(count, value, out),
        }
    }

    fn decode_equal_as<C: Code + kernel::Compare>(
        &mut self,
        count: usize,
        value: u32,
        out: &mut BitmapMut,
    ) -> Result<()> {
        let (bytes, mut runs) = (self.bytes.padded(), self.runs.asked::<C>(count)?);
        let possible = value <= C::MAX;
        let mut scratch = [C::zeroed(); BLOCK];
        let mut words = [0u64; BLOCK / 64];
        let mut left = count;
        while left > 0 {
            let (run, mut now) = runs.advance(bytes.as_slice(), left)?;
            left -= now;
            match run {
                Run::Equal { value: found, .. } => out.append_run(found == value, now)?,
                Run::Packed { .. } if !possible => out.append_run(false, now)?,
                Run::Packed { start, mut first, .. } => {
                    while now > 0 {
                        let codes = &mut scratch[..now.min(BLOCK)];
                        unpack(packed(bytes, start), runs.bit_width, first, codes);
                        let wanted = C::from_u32_truncating(value);
                        kernel::compare_scalar(Comparison::Equal, codes, wanted, &mut words);
                        out.append_words(&words, 0, codes.len())?;
                        first += codes.len();
                        now -= codes.len();
                    }
                }
            }
        }
        self.runs = runs;
        Ok(())
    }
}

impl Runs {
    /// The state itself, to be walked on, if `count` values of type `C` can be asked of it.
    fn asked<C: Code>(self, count: usize) -> Result<Self> {
        if count > self.remaining {
            let what = "fewer values than were asked for";
            return Err(DecodeError::corrupt(what, self.position));
        }
        if self.bit_width > C::BITS {
            let what = "a bit width above that of the values asked for";
            return Err(DecodeError::corrupt(what, 0));
        }
        Ok(self)
    }

    /// The same for values of one bit.
    fn asked_for_bits(self, count: usize) -> Result<Self> {
        if self.bit_width > 1 {
            return Err(DecodeError::corrupt("booleans of more than one bit", 0));
        }
        self.asked::<u8>(count)
    }

    /// Takes up to `wanted` (at least 1) values of one run: that run as it was before, and how many
    /// were taken, at least 1.
    #[inline]
    fn advance(&mut self, bytes: &[u8], wanted: usize) -> Result<(Run, usize)> {
        if let Run::Equal { left: 0, .. } | Run::Packed { left: 0, .. } = self.run {
            self.next_run(bytes)?;
        }
        let run = self.run;
        let (Run::Equal { left, .. } | Run::Packed { left, .. }) = &mut self.run;
        let taken = wanted.min(*left);
        *left -= taken;
        if let Run::Packed { first, .. } = &mut self.run {
            *first += taken;
        }
        self.remaining -= taken;
        Ok((run, taken))
    }

    /// Reads headers up to the first run that has values.
    fn next_run(&mut self, bytes: &[u8]) -> Result<()> {
        loop {
            let mut cursor = Cursor::new(bytes);
            cursor.take(self.position)?;
            let header = match cursor.rest().first() {
                Some(header @ 0..0x80) => cursor.u8().map(|_| u64::from(*header))?,
                _ => cursor.uleb128()?,
            };
            let count = usize::try_from(header >> 1).unwrap_or(usize::MAX);
            let run = if header & 1 == 0 {
                let left = count.min(self.remaining);
                Run::Equal { value: equal_value(&mut cursor, self.bit_width)?, left }
            } else {
                packed_run(&mut cursor, self.bit_width, count, self.remaining)?
            };
            self.position = cursor.position();
            self.run = run;
            if let Run::Equal { left: 1.., .. } | Run::Packed { left: 1.., .. } = run {
                return Ok(());
            }
        }
    }
}

/// The value of an RLE run: the bytes that its width needs, little-endian.
fn equal_value(cursor: &mut Cursor<'_>, bit_width: u32) -> Result<u32> {
    let at = cursor.position();
    let mut value = [0; 4];
    for (byte, found) in value.iter_mut().zip(cursor.take(bit_width.div_ceil(8) as usize)?) {
        *byte = *found;
    }
    let value = u32::from_le_bytes(value);
    if bit_width < 32 && value >> bit_width != 0 {
        return Err(DecodeError::corrupt("an RLE value wider than its bit width", at));
    }
    Ok(value)
}

/// A run of `groups` groups of eight, of which at most `remaining` values are wanted.
fn packed_run(
    cursor: &mut Cursor<'_>,
    bit_width: u32,
    groups: usize,
    remaining: usize,
) -> Result<Run> {
    let width = bit_width as usize;
    let start = cursor.position();
    let there = cursor.rest().len();
    let claimed = groups.saturating_mul(width);
    let mut left = groups.saturating_mul(8).min(remaining);
    if claimed > there {
        let whole = there.saturating_mul(8) / width;
        if whole == 0 && left > 0 {
            return Err(DecodeError::truncated(width.div_ceil(8) - there, start + there));
        }
        left = left.min(whole);
    }
    cursor.take(claimed.min(there))?;
    Ok(Run::Packed { start, first: 0, left })
}

/// The bytes from `start` on.
#[inline]
fn packed(bytes: Padded<'_>, start: usize) -> Padded<'_> {
    bytes.tail(start).unwrap_or(bytes)
}

/// Packed values from number `first` on.
#[derive(Clone, Copy)]
struct Source<'a> {
    bytes: Padded<'a>,
    bit_width: u32,
    first: usize,
}

/// `count` bits of `mask` from bit `row` on.
#[derive(Clone, Copy)]
struct Masked<'a> {
    mask: &'a [u64],
    row: usize,
    count: usize,
}

/// Writes the selected values to the front of `out` and answers how many those are.
fn unpack_masked<C: Code>(
    source: Source<'_>,
    masked: Masked<'_>,
    scratch: &mut [C; BLOCK],
    out: &mut [C],
) -> usize {
    let mut words = [0u64; BLOCK / 64];
    let (mut done, mut written) = (0, 0);
    while done < masked.count {
        let mut blocks = 0;
        for word in &mut words {
            let row = done + blocks * 64;
            let rows = masked.count.saturating_sub(row).min(64);
            *word = kernel::mask_bits(masked.mask, masked.row + row, rows);
            if word.count_ones() <= FEW {
                break;
            }
            blocks += 1;
        }
        if blocks == 0 {
            let mut left = words[0];
            while left != 0 {
                let index = source.first + done + left.trailing_zeros() as usize;
                let value = kernel::unpack_one(source.bytes, source.bit_width, index);
                out[written] = C::from_u32_truncating(value);
                written += 1;
                left &= left - 1;
            }
            done += 64;
            continue;
        }
        let values = &mut scratch[..(blocks * 64).min(masked.count - done)];
        unpack(source.bytes, source.bit_width, source.first + done, values);
        written += kernel::compress(values, &words[..blocks], &mut out[written..]);
        done += values.len();
    }
    written
}
