//! 64 codes of one byte at a time with AVX-512.
//!
//! Up to 256 entries are 32 bytes, which one register holds: `vpermb` fetches for each code the byte
//! with its bit, and a second `vpermb` the mask of that bit.

use std::arch::x86_64::{
    _mm512_and_si512, _mm512_permutexvar_epi8, _mm512_set1_epi8, _mm512_set1_epi64,
    _mm512_srli_epi16, _mm512_test_epi8_mask,
};

use crate::kernel::x86::{load, load_short};

/// `out` has exactly the words that the codes need.
#[target_feature(
    enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,avx512bitalg,bmi1,bmi2,lzcnt,popcnt"
)]
pub(super) fn membership(codes: &[u8], set: &[u64], out: &mut [u64]) {
    let set: &[u8] = bytemuck::cast_slice(&set[..set.len().min(4)]);
    let set = load_short(set);
    let bits = _mm512_set1_epi64(i64::from_le_bytes([1, 2, 4, 8, 16, 32, 64, 128]));
    for (word, codes) in out.iter_mut().zip(codes.chunks(64)) {
        let found = if codes.len() == 64 { load(codes) } else { load_short(codes) };
        let byte = _mm512_srli_epi16::<3>(found);
        let byte = _mm512_and_si512(byte, _mm512_set1_epi8(31));
        let byte = _mm512_permutexvar_epi8(byte, set);
        let bit = _mm512_permutexvar_epi8(_mm512_and_si512(found, _mm512_set1_epi8(7)), bits);
        *word = _mm512_test_epi8_mask(byte, bit) & (u64::MAX >> (64 - codes.len()));
    }
}
