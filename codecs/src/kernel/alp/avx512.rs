//! Integers to floats a register at a time with AVX-512 VBMI, VBMI2 and DQ.

use std::arch::x86_64::{
    _mm512_add_epi32, _mm512_add_epi64, _mm512_castpd_si512, _mm512_castps_si512,
    _mm512_cvtepi32_ps, _mm512_cvtepi64_pd, _mm512_mul_pd, _mm512_mul_ps, _mm512_set1_epi32,
    _mm512_set1_epi64, _mm512_set1_pd, _mm512_set1_ps,
};

use super::{AlpFloat, Scaled};
use crate::kernel::lanes::{Lanes32, Lanes64};
use crate::kernel::x86::store;

/// The integers are there, and not wider than `T`.
#[target_feature(
    enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,avx512bitalg,bmi1,bmi2,lzcnt,popcnt"
)]
pub(super) fn scale<T: AlpFloat>(scaled: Scaled<'_, T>, out: &mut [T]) {
    let width = scaled.bit_width as usize;
    let bit = scaled.first * width;
    let src = &scaled.packed.with_padding()[bit / 8..];
    if T::BITS == 64 {
        let lanes = Lanes64::new(width, bit % 8);
        let frame = _mm512_set1_epi64(scaled.frame.cast_signed());
        let factor = _mm512_set1_pd(bytemuck::cast(scaled.factor));
        let exponent = _mm512_set1_pd(bytemuck::cast(scaled.exponent));
        for (index, out) in out.chunks_mut(8).enumerate() {
            let integers = _mm512_add_epi64(lanes.unpack(&src[index * width..]), frame);
            let floats = _mm512_mul_pd(_mm512_cvtepi64_pd(integers), factor);
            store(_mm512_castpd_si512(_mm512_mul_pd(floats, exponent)), out);
        }
    } else {
        let lanes = Lanes32::new(width, bit % 8);
        let frame = _mm512_set1_epi32((scaled.frame as u32).cast_signed());
        let factor = _mm512_set1_ps(bytemuck::cast(scaled.factor));
        let exponent = _mm512_set1_ps(bytemuck::cast(scaled.exponent));
        for (index, out) in out.chunks_mut(16).enumerate() {
            let integers = _mm512_add_epi32(lanes.unpack(&src[index * 2 * width..]), frame);
            let floats = _mm512_mul_ps(_mm512_cvtepi32_ps(integers), factor);
            store(_mm512_castps_si512(_mm512_mul_ps(floats, exponent)), out);
        }
    }
}
