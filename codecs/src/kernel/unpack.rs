//! Integers of a fixed number of bits, packed least significant bit first, to the narrowest type.
//!
//! The plain form works on blocks of 32 values with the width known to the compiler, so that each
//! value is one load, one shift and one mask; the AVX2 form is the same code compiled for AVX2 where
//! `pdep` does not do better.

#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod bmi2;

use super::Code;
#[cfg(target_arch = "x86_64")]
use super::{Isa, isa, isa::pdep_is_fast};
use crate::buffer::Padded;

/// Values `first..first + out.len()` of the packed stream `src`, of `bit_width` 0 to 8 bits each.
///
/// # Panics
/// If the width is greater or `src` ends inside the last value.
#[inline]
pub fn unpack_u8(src: Padded<'_>, bit_width: u32, first: usize, out: &mut [u8]) {
    unpack(src, bit_width, first, out);
}

/// Values `first..first + out.len()` of the packed stream `src`, of `bit_width` 0 to 16 bits each.
///
/// # Panics
/// If the width is greater or `src` ends inside the last value.
#[inline]
pub fn unpack_u16(src: Padded<'_>, bit_width: u32, first: usize, out: &mut [u16]) {
    unpack(src, bit_width, first, out);
}

/// Values `first..first + out.len()` of the packed stream `src`, of `bit_width` 0 to 32 bits each.
///
/// # Panics
/// If the width is greater or `src` ends inside the last value.
#[inline]
pub fn unpack_u32(src: Padded<'_>, bit_width: u32, first: usize, out: &mut [u32]) {
    unpack(src, bit_width, first, out);
}

/// [`unpack_u8`], [`unpack_u16`] or [`unpack_u32`], whichever `C` asks for.
///
/// # Panics
/// If `C` cannot hold the width or `src` ends inside the last value.
pub fn unpack<C: Code>(src: Padded<'_>, bit_width: u32, first: usize, out: &mut [C]) {
    assert!(bit_width <= C::BITS, "{bit_width} bits do not fit {} bits", C::BITS);
    let width = bit_width as usize;
    let bits = first.checked_add(out.len()).and_then(|end| end.checked_mul(width));
    assert!(
        bits.is_some_and(|bits| bits.div_ceil(8) <= src.len()),
        "values {first}+{} of {width} bits in {} bytes",
        out.len(),
        src.len()
    );
    let bytes = src.with_padding();
    #[cfg(target_arch = "x86_64")]
    match isa() {
        // SAFETY: `isa` names this tier only if the CPU has its features.
        Isa::Avx512 => return unsafe { avx512::unpack(bytes, width, first, out) },
        // SAFETY: as above.
        Isa::Avx2 => return unsafe { unpack_avx2(bytes, width, first, out) },
        Isa::Scalar => {}
    }
    unpack_scalar(bytes, width, first, out);
}

/// Value `index` of the packed stream `src`, of `bit_width` 0 to 32 bits.
///
/// # Panics
/// If `src` ends inside the value.
#[inline]
#[must_use]
pub fn unpack_one(src: Padded<'_>, bit_width: u32, index: usize) -> u32 {
    one(src.with_padding(), bit_width as usize, index)
}

/// Value `index` of those of `width` bits, 0 to 64, at the start of `src`, which 64 bytes follow.
#[inline(always)]
pub(super) fn unpack_one_wide(src: &[u8], width: usize, index: usize) -> u64 {
    let bit = index * width;
    let word = src[bit / 8..].first_chunk().map_or(0, |bytes| u128::from_le_bytes(*bytes));
    let mask = u64::MAX.checked_shr(64 - width as u32).unwrap_or(0);
    (word >> (bit % 8)) as u64 & mask
}

#[inline(always)]
fn one(src: &[u8], width: usize, index: usize) -> u32 {
    let bit = index * width;
    let word = src[bit / 8..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    (word >> (bit % 8) & ((1 << width) - 1)) as u32
}

/// `src` has at least the bytes of the last value and 64 more.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn unpack_avx2<C: Code>(src: &[u8], width: usize, first: usize, out: &mut [C]) {
    if C::BITS <= 16 && (1..=bmi2::WIDEST_U16).contains(&width) && pdep_is_fast() {
        let bit = first * width;
        let (src, shift) = (&src[bit / 8..], bit % 8);
        if C::BITS == 8 {
            return bmi2::unpack_u8(src, width, shift, bytemuck::cast_slice_mut(out));
        }
        return bmi2::unpack_u16(src, width, shift, bytemuck::cast_slice_mut(out));
    }
    unpack_scalar(src, width, first, out);
}

/// Calls `unpack_width` with the width as a constant.
macro_rules! by_width {
    ($width:expr, $src:expr, $first:expr, $out:expr; $($known:literal)*) => {
        match $width {
            $($known => unpack_width::<C, $known>($src, $first, $out),)*
            _ => {}
        }
    };
}

#[inline(always)]
fn unpack_scalar<C: Code>(src: &[u8], width: usize, first: usize, out: &mut [C]) {
    by_width!(width, src, first, out;
        0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16
        17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32);
}

/// `src` has at least the bytes of the last value and 64 more.
#[inline(always)]
fn unpack_width<C: Code, const WIDTH: usize>(src: &[u8], first: usize, out: &mut [C]) {
    if WIDTH > C::BITS as usize {
        return; // Never called so: tells the compiler to make no code of it.
    }
    // A value whose number is a multiple of 8 starts at a byte.
    let head = (first.wrapping_neg() & 7).min(out.len());
    let (head, rest) = out.split_at_mut(head);
    for (index, value) in head.iter_mut().enumerate() {
        *value = C::from_u32_truncating(one(src, WIDTH, first + index));
    }
    let mut byte = first.div_ceil(8) * WIDTH;
    let (blocks, rest) = rest.as_chunks_mut::<32>();
    for block in blocks {
        unpack_block::<C, WIDTH, 32>(&src[byte..byte + 4 * WIDTH + 8], block);
        byte += 4 * WIDTH;
    }
    for piece in rest.chunks_mut(8) {
        let mut block = [C::zeroed(); 8];
        unpack_block::<C, WIDTH, 8>(&src[byte..byte + WIDTH + 8], &mut block);
        piece.copy_from_slice(&block[..piece.len()]);
        byte += WIDTH;
    }
}

#[inline(always)]
fn unpack_block<C: Code, const WIDTH: usize, const COUNT: usize>(src: &[u8], out: &mut [C; COUNT]) {
    let mask = ((1u64 << WIDTH) - 1) as u32;
    for (index, value) in out.iter_mut().enumerate() {
        let bit = index * WIDTH;
        let word = src[bit / 8..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        *value = C::from_u32_truncating((word >> (bit % 8)) as u32 & mask);
    }
}
