//! Masks and counts of levels: free functions over slices, 64 levels a word.

use millwork_codecs::buffer::BitmapMut;
use millwork_codecs::kernel::bits::count_ones;
use millwork_codecs::kernel::{Comparison, append_selected_bits, compare_scalar};

use crate::error::Result;
use crate::room::filled;

/// Levels compared at a time where only their number is asked for.
const BLOCK: usize = 4096;

fn count(comparison: Comparison, levels: &[u8], level: u8) -> usize {
    let mut words = [0u64; BLOCK / 64];
    let mut found = 0;
    for block in levels.chunks(BLOCK) {
        compare_scalar(comparison, block, level, &mut words);
        found += count_ones(&words[..block.len().div_ceil(64)]);
    }
    found
}

/// How many of `levels` are at least `level`.
pub(crate) fn count_at_least(levels: &[u8], level: u8) -> usize {
    if level == 0 { levels.len() } else { count(Comparison::GreaterOrEqual, levels, level) }
}

/// How many rows start in `repetition` levels.
pub(crate) fn count_rows(repetition: &[u8]) -> usize {
    count(Comparison::Equal, repetition, 0)
}

/// One bit a level: whether it is at least `level`. Bits behind the last are 0.
///
/// # Errors
/// If memory is refused.
pub(crate) fn mask_at_least(levels: &[u8], level: u8) -> Result<Vec<u64>> {
    let mut words = filled(0, levels.len().div_ceil(64))?;
    compare_scalar(Comparison::GreaterOrEqual, levels, level, &mut words);
    Ok(words)
}

/// Writes one bit a level: whether a row starts there. Bits behind the last are 0.
pub(crate) fn row_starts(repetition: &[u8], words: &mut [u64]) {
    compare_scalar(Comparison::Equal, repetition, 0, words);
}

/// The position of the 1 bit number `index` (from 0) of those in `words` from bit `from` on.
pub(crate) fn nth_one(words: &[u64], from: usize, index: usize) -> Option<usize> {
    let mut left = index;
    let mut word = words.get(from / 64)? & (u64::MAX << (from % 64));
    let mut at = from / 64;
    loop {
        let ones = word.count_ones() as usize;
        if left < ones {
            for _ in 0..left {
                word &= word - 1;
            }
            return Some(at * 64 + word.trailing_zeros() as usize);
        }
        left -= ones;
        at += 1;
        word = *words.get(at)?;
    }
}

/// Of the places with a 1 in `within`, in order: whether their bit in `bits` is 1. Both have the same
/// number of words.
pub(crate) fn squeeze(bits: &[u64], within: &[u64]) -> Result<BitmapMut> {
    let mut squeezed = BitmapMut::with_capacity(within.len() * 64)?;
    let bytes: &[u8] = bytemuck::cast_slice(bits);
    append_selected_bits(bytes, 0, within, 0, within.len() * 64, &mut squeezed)?;
    Ok(squeezed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squeezed_bits_are_those_of_the_places() {
        let words = |seed: u64| (1..5).map(|at: u64| (at * seed).wrapping_pow(7)).collect();
        let (bits, within): (Vec<u64>, Vec<u64>) = (words(0x9e37_79b9), words(0x85eb_ca6b));
        let bit = |words: &[u64], at: usize| words[at / 64] >> (at % 64) & 1 == 1;
        let expected: Vec<bool> =
            (0..256).filter(|at| bit(&within, *at)).map(|at| bit(&bits, at)).collect();
        let found = squeeze(&bits, &within).unwrap().freeze();
        assert!(expected.len() > 50);
        assert_eq!((0..found.len()).map(|at| found.get(at)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_nth_one_is_found_across_words() {
        let words = [0b1010, 0, u64::MAX];
        let ones: Vec<usize> =
            (0..192).filter(|bit| words[bit / 64] >> (bit % 64) & 1 == 1).collect();
        for from in 0..200 {
            let behind: Vec<usize> = ones.iter().copied().filter(|bit| *bit >= from).collect();
            for index in 0..70 {
                assert_eq!(nth_one(&words, from, index), behind.get(index).copied());
            }
        }
    }

    #[test]
    fn counts_and_masks_agree() {
        let levels: Vec<u8> = (0..9000u32).map(|slot| (slot * 7 % 5) as u8).collect();
        for level in 0..6 {
            let expected = levels.iter().filter(|found| **found >= level).count();
            assert_eq!(count_at_least(&levels, level), expected);
            assert_eq!(count_ones(&mask_at_least(&levels, level).unwrap()), expected);
        }
        assert_eq!(count_rows(&levels), 1800);
    }
}
