//! Codes of one byte to entries of a dictionary that two registers hold, with AVX-512 (VBMI for bytes).
//!
//! One instruction picks a whole register of entries by their codes; nothing is loaded but the codes.

use std::arch::x86_64::{
    _mm512_castsi512_si128, _mm512_cvtepu8_epi32, _mm512_cvtepu8_epi64, _mm512_permutex2var_epi8,
    _mm512_permutex2var_epi32, _mm512_permutex2var_epi64,
};

use bytemuck::Pod;

use crate::kernel::x86::{load_short, store};

/// Whether `count` entries of `width` bytes have a form here.
pub(super) const fn has_form(width: usize, count: usize) -> bool {
    matches!(width, 1 | 4 | 8) && count <= 128 / width
}

/// Every code names an entry; there are as many codes as places in `out`.
#[target_feature(
    enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,avx512bitalg,bmi1,bmi2,lzcnt,popcnt"
)]
pub(super) fn gather<T: Pod>(entries: &[T], codes: &[u8], out: &mut [T]) {
    let width = size_of::<T>();
    let (first, second) = {
        let bytes: &[u8] = bytemuck::cast_slice(entries);
        let (first, second) = bytes.split_at(bytes.len().min(64));
        (load_short(first), load_short(second))
    };
    let lanes = 64 / width;
    for (codes, out) in codes.chunks(lanes).zip(out.chunks_mut(lanes)) {
        let codes = load_short(codes);
        let picked = match width {
            1 => _mm512_permutex2var_epi8(first, codes, second),
            4 => {
                let wide = _mm512_cvtepu8_epi32(_mm512_castsi512_si128(codes));
                _mm512_permutex2var_epi32(first, wide, second)
            }
            _ => {
                let wide = _mm512_cvtepu8_epi64(_mm512_castsi512_si128(codes));
                _mm512_permutex2var_epi64(first, wide, second)
            }
        };
        store(picked, out);
    }
}
