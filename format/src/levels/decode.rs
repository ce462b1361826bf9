//! Encoded levels of a page: hybrid runs, or the old packing from the most significant bit on.

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::{Bitmap, BitmapMut, Buffer, Slice, SliceMut};
use millwork_codecs::cursor::Cursor;
use millwork_codecs::encoding::hybrid::HybridDecoder;
use millwork_codecs::kernel::max_code;

use crate::error::{Error, Feature, Result};
use crate::metadata::Encoding;

/// Levels for which memory is taken before any of them is decoded: a page may claim 2^31.
const LEVELS_AT_ONCE: usize = 1 << 20;

/// The encoded levels of one page.
#[derive(Clone, Debug)]
pub(crate) enum LevelBytes {
    /// RLE / bit-packed hybrid.
    Hybrid(Buffer),
    /// BIT_PACKED, which only version 1 of data pages may have and no writer makes any more.
    BitPacked(Buffer),
}

/// Bits of a level of at most `max`.
pub(super) fn bit_width(max: u8) -> u32 {
    8 - max.leading_zeros()
}

impl LevelBytes {
    /// Cuts `count` levels of at most `max` off the front of the body of a v1 page. Hybrid ones have
    /// four bytes of length in front, packed ones have none.
    ///
    /// # Errors
    /// `Truncated` if the body is shorter than they say; `Unsupported` for another encoding.
    pub(crate) fn split_v1(
        body: &Buffer,
        encoding: Encoding,
        max: u8,
        count: usize,
    ) -> Result<(Self, Buffer)> {
        let mut cursor = Cursor::new(body);
        let (start, len) = match encoding {
            Encoding::Rle => (4, cursor.u32_le()? as usize),
            Encoding::BitPacked => (0, count.saturating_mul(bit_width(max) as usize).div_ceil(8)),
            other => {
                let what = format!("{} of levels", other.name());
                return Err(Error::unsupported(Feature::Encoding(what.into())));
            }
        };
        cursor.take(len)?;
        let cut = cursor.position();
        match (body.slice(start..cut), body.slice(cut..body.len())) {
            (Some(levels), Some(rest)) if start > 0 => Ok((Self::Hybrid(levels), rest)),
            (Some(levels), Some(rest)) => Ok((Self::BitPacked(levels), rest)),
            _ => Err(Error::internal("a cut outside the page body")),
        }
    }
}

/// The validity of `rows` rows from definition levels of which the highest is 1. Its memory is taken
/// from `budget`: six bytes may rightly say that 2^31 rows are null.
///
/// # Errors
/// `Truncated` or `Corrupt` if the levels are fewer than the rows, or make no sense; `LimitExceeded`
/// if memory is refused.
pub(crate) fn validity(levels: &LevelBytes, rows: usize, budget: &Budget) -> Result<Bitmap> {
    let mut bits = BitmapMut::within(rows.min(LEVELS_AT_ONCE), budget)?;
    match levels {
        LevelBytes::Hybrid(bytes) => {
            let mut decoder = HybridDecoder::new(bytes.clone(), 1, rows)?;
            let mut left = rows;
            while left > 0 {
                let now = left.min(LEVELS_AT_ONCE);
                decoder.decode_bits(now, &mut bits)?;
                left -= now;
            }
        }
        LevelBytes::BitPacked(bytes) => {
            for (index, byte) in bytes.iter().take(rows.div_ceil(8)).enumerate() {
                let word = u64::from(byte.reverse_bits());
                bits.append_words(&[word], 0, (rows - index * 8).min(8))?;
            }
        }
    }
    Ok(bits.freeze())
}

/// The level that all `count` are, where it takes one look to see that.
pub(crate) fn the_only_one(levels: &LevelBytes, count: usize) -> Option<u8> {
    match levels {
        LevelBytes::Hybrid(bytes) => one_run(bytes, count),
        LevelBytes::BitPacked(_) => None,
    }
}

/// `count` levels of at most `max` (above 0), one byte each; `None` if they are one run of `usual`.
/// Memory is taken from `budget` as they are decoded, not as they are claimed.
///
/// # Errors
/// `Truncated` or `Corrupt` if there are fewer, or one is above `max`; `LimitExceeded` if memory is
/// refused.
pub(crate) fn each(
    levels: &LevelBytes,
    max: u8,
    count: usize,
    usual: u8,
    budget: &Budget,
) -> Result<Option<Slice<u8>>> {
    let bytes = match levels {
        LevelBytes::Hybrid(bytes) if one_run(bytes, count) == Some(usual) => return Ok(None),
        LevelBytes::Hybrid(bytes) => bytes,
        LevelBytes::BitPacked(bytes) => return unpack_old(bytes, max, count, budget).map(Some),
    };
    let mut decoder = HybridDecoder::new(bytes.clone(), bit_width(max), count)?;
    let mut found = SliceMut::<u8>::zeroed(count.min(LEVELS_AT_ONCE), budget)?;
    let mut done = 0;
    while done < count {
        let end = count.min(done + LEVELS_AT_ONCE);
        found.resize(end)?;
        decoder.decode(&mut found[done..end])?;
        check(&found[done..end], max)?;
        done = end;
    }
    Ok(Some(found.freeze()))
}

/// The level of the run that hybrid `bytes` begin with, if that is all `count` levels.
fn one_run(bytes: &[u8], count: usize) -> Option<u8> {
    let mut cursor = Cursor::new(bytes);
    let header = cursor.uleb128().ok()?;
    let level = cursor.u8().ok()?;
    (header & 1 == 0 && (header >> 1) >= count as u64).then_some(level)
}

fn check(levels: &[u8], max: u8) -> Result<()> {
    // Where every number of that many bits is a level there is nothing to check.
    if max & max.wrapping_add(1) == 0 {
        return Ok(());
    }
    let found = max_code(levels);
    if found > u32::from(max) {
        return Err(Error::corrupt(format!("level {found} where the highest is {max}")));
    }
    Ok(())
}

/// BIT_PACKED: each level in as many bits as the highest needs, from the most significant bit on.
fn unpack_old(bytes: &[u8], max: u8, count: usize, budget: &Budget) -> Result<Slice<u8>> {
    let width = bit_width(max);
    let mut found = SliceMut::<u8>::zeroed(count, budget)?;
    let (mut bits, mut held, mut next) = (0u32, 0u32, bytes.iter());
    for level in found.iter_mut() {
        if held < width {
            let Some(byte) = next.next() else {
                return Err(Error::truncated("fewer levels than the page has values"));
            };
            bits = bits << 8 | u32::from(*byte);
            held += 8;
        }
        held -= width;
        *level = (bits >> held & ((1 << width) - 1)) as u8;
    }
    check(&found, max)?;
    Ok(found.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffer(bytes: &[u8]) -> Buffer {
        Buffer::copy_of(bytes, &Budget::unlimited()).unwrap()
    }

    /// The example of the spec: 0 to 7 in three bits each.
    #[test]
    fn old_packing_is_from_the_most_significant_bit_on() {
        let body = buffer(&[0b0000_0101, 0b0011_1001, 0b0111_0111, 42]);
        let (levels, rest) = LevelBytes::split_v1(&body, Encoding::BitPacked, 7, 8).unwrap();
        let found = each(&levels, 7, 8, 7, &Budget::unlimited()).unwrap().unwrap();
        assert_eq!((&found[..], &rest[..]), (&[0, 1, 2, 3, 4, 5, 6, 7][..], &[42][..]));
        let one_bit = LevelBytes::BitPacked(buffer(&[0b1010_0000, 0b0100_0000]));
        let bits = validity(&one_bit, 10, &Budget::unlimited()).unwrap();
        assert_eq!(bits.ones().collect::<Vec<_>>(), [0, 2, 9]);
    }

    #[test]
    fn levels_above_the_highest_and_missing_ones_are_refused() {
        let budget = Budget::unlimited();
        let hybrid = |bytes: &[u8]| LevelBytes::Hybrid(buffer(bytes));
        assert!(each(&hybrid(&[4 << 1, 3]), 2, 4, 2, &budget).is_err());
        assert!(each(&hybrid(&[4 << 1, 2]), 2, 5, 2, &budget).is_err());
        assert!(each(&hybrid(&[4 << 1, 2]), 2, 4, 2, &budget).unwrap().is_none());
        assert!(each(&hybrid(&[4 << 1, 1]), 2, 4, 2, &budget).unwrap().is_some());
        assert!(LevelBytes::split_v1(&buffer(&[9, 0, 0, 0, 1]), Encoding::Rle, 1, 1).is_err());
    }

    #[test]
    fn a_claim_of_many_levels_keeps_to_the_budget() {
        let budget = Budget::new(8 << 20);
        // 2^30 times level 1 of 2.
        let bytes = [0x80, 0x80, 0x80, 0x80, 0x08, 1];
        let levels = LevelBytes::Hybrid(buffer(&bytes));
        assert!(each(&levels, 2, 1 << 30, 2, &budget).is_err());
        assert_eq!(budget.reserved(), 0);
    }
}
