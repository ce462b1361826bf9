//! Unpacking 64 bytes of results at a time with AVX-512 VBMI.
//!
//! One `vpermb` brings the bytes of each value to its lane; then `u8` takes eight values out of
//! each 64 bits with one `vpmultishiftqb`, `u16` and `u32` shift each lane by its own amount. Where
//! a value can reach beyond its lane a second `vpermb` brings the bytes above (`vpshrdv`). The
//! stream may start at any bit, so there is no head; the last store is masked, so there is no tail.
//!
//! Over-read: every load takes 64 bytes of which at least the first holds a bit that was asked for.

use std::arch::x86_64::{
    __m512i, _mm512_add_epi8, _mm512_add_epi16, _mm512_add_epi32, _mm512_and_si512,
    _mm512_mullo_epi16, _mm512_mullo_epi32, _mm512_multishift_epi64_epi8, _mm512_permutexvar_epi8,
    _mm512_set1_epi8, _mm512_set1_epi16, _mm512_set1_epi32, _mm512_set1_epi64, _mm512_shrdv_epi16,
    _mm512_shrdv_epi32, _mm512_srli_epi16, _mm512_srli_epi32, _mm512_srlv_epi16, _mm512_srlv_epi32,
};

use super::bmi2;
use crate::kernel::Code;
use crate::kernel::x86::{load, store};

/// `src` has at least the bytes of the last value and 64 more.
#[target_feature(
    enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,avx512bitalg,bmi1,bmi2,lzcnt,popcnt"
)]
pub(super) fn unpack<C: Code>(src: &[u8], width: usize, first: usize, out: &mut [C]) {
    if width == 0 {
        return out.fill(C::zeroed());
    }
    let bit = first * width;
    let (src, shift) = (&src[bit / 8..], bit % 8);
    match C::BITS {
        8 if out.len() <= FEW => bmi2::unpack_u8(src, width, shift, bytemuck::cast_slice_mut(out)),
        8 => unpack_u8(src, width, shift, bytemuck::cast_slice_mut(out)),
        16 => unpack_u16(src, width, shift, bytemuck::cast_slice_mut(out)),
        _ => unpack_u32(src, width, shift, bytemuck::cast_slice_mut(out)),
    }
}

/// Values for which setting up registers does not pay.
const FEW: usize = 16;

/// By width: the bytes of the eight values of each 64 bits, which are `width` bytes.
const LANES: [[u8; 64]; 9] = {
    let mut lanes = [[0; 64]; 9];
    let mut at = 0;
    while at < 9 * 64 {
        let (width, byte) = (at / 64, at % 64);
        lanes[width][byte] = (byte / 8 * width + byte % 8) as u8;
        at += 1;
    }
    lanes
};

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2")]
fn unpack_u8(src: &[u8], width: usize, shift: usize, out: &mut [u8]) {
    // Lane `j` starts at byte `j * width`. A shift other than 0 means a width under 8, so that
    // shift + 8 * width is at most 63 bits.
    let lanes = load(&LANES[width]);
    let shifts = 0x0706_0504_0302_0100 * width as u64 + 0x0101_0101_0101_0101 * shift as u64;
    let shifts = _mm512_set1_epi64(shifts.cast_signed());
    let mask = _mm512_set1_epi8((((1u32 << width) - 1) as u8).cast_signed());
    for (index, out) in out.chunks_mut(64).enumerate() {
        let packed = _mm512_permutexvar_epi8(lanes, load(&src[index * 8 * width..]));
        let values = _mm512_multishift_epi64_epi8(shifts, packed);
        store(_mm512_and_si512(values, mask), out);
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2")]
fn unpack_u16(src: &[u8], width: usize, shift: usize, out: &mut [u16]) {
    let set = |value: usize| _mm512_set1_epi16((value as u16).cast_signed());
    let numbers: [u16; 32] = std::array::from_fn(|index| index as u16);
    let bits = _mm512_mullo_epi16(load(bytemuck::bytes_of(&numbers)), set(width));
    let bits = _mm512_add_epi16(bits, set(shift));
    let shifts = _mm512_and_si512(bits, set(7));
    // Byte `b` of a lane comes from byte `start + b`.
    let starts = _mm512_mullo_epi16(_mm512_srli_epi16::<3>(bits), set(0x0101));
    let low = _mm512_add_epi16(starts, set(0x0100));
    let high = _mm512_add_epi8(low, set(0x0202));
    let mask = set((1 << width) - 1);
    for (index, out) in out.chunks_mut(32).enumerate() {
        let packed = load(&src[index * 4 * width..]);
        let below = _mm512_permutexvar_epi8(low, packed);
        let values = if width <= 9 {
            _mm512_srlv_epi16(below, shifts)
        } else {
            _mm512_shrdv_epi16(below, _mm512_permutexvar_epi8(high, packed), shifts)
        };
        store(_mm512_and_si512(values, mask), out);
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2")]
fn unpack_u32(src: &[u8], width: usize, shift: usize, out: &mut [u32]) {
    let set = |value: usize| -> __m512i { _mm512_set1_epi32((value as u32).cast_signed()) };
    let numbers: [u32; 16] = std::array::from_fn(|index| index as u32);
    let bits = _mm512_mullo_epi32(load(bytemuck::bytes_of(&numbers)), set(width));
    let bits = _mm512_add_epi32(bits, set(shift));
    let shifts = _mm512_and_si512(bits, set(7));
    let starts = _mm512_mullo_epi32(_mm512_srli_epi32::<3>(bits), set(0x0101_0101));
    let low = _mm512_add_epi32(starts, set(0x0302_0100));
    let high = _mm512_add_epi8(low, set(0x0404_0404));
    let mask = set((1 << width) - 1);
    for (index, out) in out.chunks_mut(16).enumerate() {
        let packed = load(&src[index * 2 * width..]);
        let below = _mm512_permutexvar_epi8(low, packed);
        let values = if width <= 25 {
            _mm512_srlv_epi32(below, shifts)
        } else {
            _mm512_shrdv_epi32(below, _mm512_permutexvar_epi8(high, packed), shifts)
        };
        store(_mm512_and_si512(values, mask), out);
    }
}
