//! Loads and stores of whole registers, as functions over arrays and slices.
//!
//! The functions of this file are safe where the features are; the bounds are in the types.

use std::arch::x86_64::{
    __m256i, __m512i, _MM_HINT_T0, _mm_prefetch, _mm256_loadu_si256, _mm256_movemask_epi8,
    _mm256_storeu_si256, _mm512_loadu_si512, _mm512_mask_storeu_epi8, _mm512_maskz_loadu_epi8,
    _mm512_movepi8_mask, _mm512_storeu_si512, _pext_u64,
};

use bytemuck::Pod;

/// The bits of `word` that `selected` names, moved together at the low end.
#[target_feature(enable = "bmi2")]
pub(super) fn extract(word: u64, selected: u64) -> u64 {
    _pext_u64(word, selected)
}

/// The first 32 bytes of `bytes`.
///
/// # Panics
/// If there are fewer.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load_256(bytes: &[u8]) -> __m256i {
    let bytes = &bytes[..32];
    // SAFETY: `bytes` is 32 readable bytes; the instruction takes any alignment.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

/// Writes the register over the first 32 bytes of `out`.
///
/// # Panics
/// If there are fewer.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn store_256(register: __m256i, out: &mut [u8]) {
    let out = &mut out[..32];
    // SAFETY: `out` is 32 writable bytes; the instruction takes any alignment.
    unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), register) }
}

/// Asks for the line of byte `at`, counted from the start of `bytes`, to be brought into the first cache;
/// it need not be theirs.
#[inline]
pub(super) fn prefetch(bytes: &[u8], at: usize) {
    let place = bytes.as_ptr().wrapping_add(at);
    // SAFETY: the instruction never faults and changes no value, whatever the address.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) }
}

/// The first 64 bytes of `bytes`.
///
/// # Panics
/// If there are fewer.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load(bytes: &[u8]) -> __m512i {
    let bytes = &bytes[..64];
    // SAFETY: `bytes` is 64 readable bytes; the instruction takes any alignment.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

/// The at most 64 bytes of `bytes`, and zeros behind them.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn load_short(bytes: &[u8]) -> __m512i {
    let mask = short_mask(bytes.len());
    // SAFETY: the mask names at most `bytes.len()` bytes; the others are not touched.
    unsafe { _mm512_maskz_loadu_epi8(mask, bytes.as_ptr().cast()) }
}

/// Writes the register over the first 64 bytes of `out`, or over all of it if it is shorter.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn store<T: Pod>(register: __m512i, out: &mut [T]) {
    let length = size_of_val(out);
    if length >= 64 {
        // SAFETY: `out` is at least 64 writable bytes of a type for which any bytes are a value.
        unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), register) }
    } else {
        // SAFETY: the mask names the bytes of `out`; the others are not touched.
        unsafe { _mm512_mask_storeu_epi8(out.as_mut_ptr().cast(), short_mask(length), register) }
    }
}

/// The lowest `count` bits, at most 64.
#[inline]
fn short_mask(count: usize) -> u64 {
    if count >= 64 { u64::MAX } else { (1 << count) - 1 }
}

/// Bit `i` is the highest bit of byte `i`.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn high_bits_avx2(flags: &[u8; 64]) -> u64 {
    let [low, high] = [&flags[..32], &flags[32..]].map(|half| {
        // SAFETY: `half` is 32 readable bytes; the instruction takes any alignment.
        let register = unsafe { _mm256_loadu_si256(half.as_ptr().cast()) };
        u64::from(_mm256_movemask_epi8(register).cast_unsigned())
    });
    low | high << 32
}

/// Bit `i` is the highest bit of byte `i`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn high_bits_avx512(flags: &[u8; 64]) -> u64 {
    _mm512_movepi8_mask(load(flags))
}
