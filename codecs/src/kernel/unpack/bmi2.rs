//! Unpacking eight bytes of results at a time with `pdep`, which spreads packed values over lanes.
//!
//! For `u8` of any width and for `u16` up to 14 bits the values of one 64-bit result lie in one
//! 64-bit load, whatever bit they start at.

use std::arch::x86_64::_pdep_u64;

/// `src` has at least the bytes of the last value and 64 more; `shift` is the bit of its first byte
/// at which the first value starts.
#[inline]
#[target_feature(enable = "bmi2")]
pub(super) fn unpack_u8(src: &[u8], width: usize, shift: usize, out: &mut [u8]) {
    let mask = 0x0101_0101_0101_0101 * ((1 << width) - 1);
    let (blocks, rest) = out.as_chunks_mut::<8>();
    let mut byte = 0;
    for block in blocks {
        *block = _pdep_u64(word(src, byte) >> shift, mask).to_le_bytes();
        byte += width;
    }
    if !rest.is_empty() {
        let block = _pdep_u64(word(src, byte) >> shift, mask).to_le_bytes();
        rest.copy_from_slice(&block[..rest.len()]);
    }
}

/// The most bits for which [`unpack_u16`] is made.
pub(super) const WIDEST_U16: usize = 14;

/// As [`unpack_u8`], for at most [`WIDEST_U16`] bits.
#[inline]
#[target_feature(enable = "bmi2")]
pub(super) fn unpack_u16(src: &[u8], width: usize, shift: usize, out: &mut [u16]) {
    let mask = 0x0001_0001_0001_0001 * ((1 << width) - 1);
    let four = |bit: usize| -> [u16; 4] {
        let values = _pdep_u64(word(src, bit / 8) >> (bit % 8), mask);
        std::array::from_fn(|index| (values >> (index * 16)) as u16)
    };
    let (blocks, rest) = out.as_chunks_mut::<4>();
    let mut bit = shift;
    for block in blocks {
        *block = four(bit);
        bit += 4 * width;
    }
    if !rest.is_empty() {
        rest.copy_from_slice(&four(bit)[..rest.len()]);
    }
}

/// The eight bytes from `byte` on.
#[inline(always)]
fn word(src: &[u8], byte: usize) -> u64 {
    src[byte..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
