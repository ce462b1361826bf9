//! Masks: one bit a row, least significant bit first, in words of 64.

use crate::buffer::BitmapMut;
use crate::error::Result;

/// Words copied at a time from packed bits: two of the longest runs that writers make.
const WORDS: usize = 16;

/// Bits that are 1.
#[inline]
#[must_use]
pub fn count_ones(mask: &[u64]) -> usize {
    mask.iter().map(|word| word.count_ones() as usize).sum()
}

/// `a &= b`, word by word; words that `b` lacks stay.
#[inline]
pub fn mask_and(a: &mut [u64], b: &[u64]) {
    a.iter_mut().zip(b).for_each(|(a, b)| *a &= b);
}

/// `a &= !b`, word by word; words that `b` lacks stay.
#[inline]
pub fn mask_and_not(a: &mut [u64], b: &[u64]) {
    a.iter_mut().zip(b).for_each(|(a, b)| *a &= !b);
}

/// `a |= b`, word by word; words that `b` lacks stay.
#[inline]
pub fn mask_or(a: &mut [u64], b: &[u64]) {
    a.iter_mut().zip(b).for_each(|(a, b)| *a |= b);
}

/// The `count` (at most 64) bits of `mask` from bit `from` on; bits above them are 0.
///
/// # Panics
/// If `mask` holds no bit `from` while `count` is more than 0.
#[inline]
#[must_use]
pub fn mask_bits(mask: &[u64], from: usize, count: usize) -> u64 {
    if count == 0 {
        return 0;
    }
    let (word, shift) = (from / 64, from % 64);
    let mut bits = mask[word] >> shift;
    if shift + count > 64 {
        bits |= mask.get(word + 1).copied().unwrap_or(0) << (64 - shift);
    }
    bits & (u64::MAX >> (64 - count.min(64)))
}

/// Bits that are 1 among the `count` of `mask` from bit `from` on.
///
/// # Panics
/// If `mask` holds fewer than `from + count` bits.
#[must_use]
pub fn count_ones_in(mask: &[u64], from: usize, count: usize) -> usize {
    if count == 0 {
        return 0;
    }
    let (first, last) = (from / 64, (from + count - 1) / 64);
    let head = u64::MAX << (from % 64);
    let tail = u64::MAX >> (63 - (from + count - 1) % 64);
    if first == last {
        return (mask[first] & head & tail).count_ones() as usize;
    }
    (mask[first] & head).count_ones() as usize
        + count_ones(&mask[first + 1..last])
        + (mask[last] & tail).count_ones() as usize
}

/// Adds the rows below `len` whose bit is 1 to `out`, ascending.
///
/// # Panics
/// If `mask` holds fewer than `len` bits.
pub fn mask_to_indices(mask: &[u64], len: usize, out: &mut Vec<u32>) {
    for (index, word) in mask[..len.div_ceil(64)].iter().enumerate() {
        let base = (index * 64) as u32;
        let rows = (len - index * 64).min(64);
        let mut left = word & (u64::MAX >> (64 - rows));
        if left == u64::MAX {
            out.extend(base..base + 64);
            continue;
        }
        while left != 0 {
            out.push(base + left.trailing_zeros());
            left &= left - 1;
        }
    }
}

/// The 64 bits of `bytes` from bit `first_bit` on, 0 where there are none.
#[inline]
fn packed_word(bytes: &[u8], first_bit: usize) -> u64 {
    let (start, shift) = (first_bit / 8, first_bit % 8);
    let rest = bytes.get(start..).unwrap_or_default();
    match rest.first_chunk::<9>() {
        Some([low @ .., high]) => {
            let low = u64::from_le_bytes(*low) >> shift;
            if shift == 0 { low } else { low | u64::from(*high) << (64 - shift) }
        }
        None => {
            let mut nine = [0; 16];
            nine[..rest.len()].copy_from_slice(rest);
            (u128::from_le_bytes(nine) >> shift) as u64
        }
    }
}

/// Adds `count` bits of `bytes`, from bit `first_bit` on, to `out`.
///
/// # Panics
/// If `bytes` holds fewer than `first_bit + count` bits.
///
/// # Errors
/// `OutOfMemory` if the machine refuses `out` the room.
pub fn append_packed_bits(
    bytes: &[u8],
    first_bit: usize,
    count: usize,
    out: &mut BitmapMut,
) -> Result<()> {
    let end = first_bit + count;
    assert!(end.div_ceil(8) <= bytes.len(), "bits {first_bit}+{count} of {} bytes", bytes.len());
    let mut words = [0u64; WORDS];
    let mut at = first_bit;
    while at < end {
        let take = (end - at).min(WORDS * 64);
        let used = take.div_ceil(64);
        for (index, word) in words[..used].iter_mut().enumerate() {
            *word = packed_word(bytes, at + index * 64);
        }
        out.append_words(&words[..used], 0, take)?;
        at += take;
    }
    Ok(())
}

/// Adds those of `rows` bits of `bytes`, from bit `first_bit` on, whose bit in `mask` (from bit
/// `from` on) is 1. Answers how many those are.
///
/// # Panics
/// If `bytes` or `mask` holds fewer than `rows` bits there.
///
/// # Errors
/// `OutOfMemory` if the machine refuses `out` the room.
pub fn append_selected_bits(
    bytes: &[u8],
    first_bit: usize,
    mask: &[u64],
    from: usize,
    rows: usize,
    out: &mut BitmapMut,
) -> Result<usize> {
    let end = first_bit + rows;
    assert!(end.div_ceil(8) <= bytes.len(), "bits {first_bit}+{rows} of {} bytes", bytes.len());
    assert!((from + rows).div_ceil(64) <= mask.len(), "rows {from}+{rows} of a shorter mask");
    let mut written = 0;
    for row in (0..rows).step_by(64) {
        let selected = mask_bits(mask, from + row, (rows - row).min(64));
        if selected != 0 {
            let count = selected.count_ones() as usize;
            let bits = extract(packed_word(bytes, first_bit + row), selected);
            out.append_words(&[bits], 0, count)?;
            written += count;
        }
    }
    Ok(written)
}

/// The bits of `word` that `selected` names, moved together at the low end.
#[inline]
fn extract(word: u64, selected: u64) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if super::isa() >= super::Isa::Avx2 {
        // SAFETY: `isa` names this tier only if the CPU has BMI2.
        return unsafe { super::x86::extract(word, selected) };
    }
    extract_scalar(word, selected)
}

pub(super) fn extract_scalar(word: u64, selected: u64) -> u64 {
    let (mut left, mut bits, mut next) = (selected, 0, 0);
    while left != 0 {
        bits |= (word >> left.trailing_zeros() & 1) << next;
        left &= left - 1;
        next += 1;
    }
    bits
}
