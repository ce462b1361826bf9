//! Deltas a register at a time with AVX-512 VBMI and VBMI2.
//!
//! The sums of a register are made by
//! shifting it by one, two, four (eight) lanes and adding; none of that waits for the register before,
//! of which only the last lane comes in at the end.
//!
//! Over-read: every load takes 64 bytes of which at least the first holds a bit that was asked for.

use std::arch::x86_64::{
    _mm512_add_epi32, _mm512_add_epi64, _mm512_alignr_epi64, _mm512_permutexvar_epi32,
    _mm512_permutexvar_epi64, _mm512_set1_epi32, _mm512_set1_epi64, _mm512_setzero_si512,
};

use super::{DeltaInteger, Deltas};
use crate::kernel::lanes::{Lanes32, Lanes64, running_sums};
use crate::kernel::unpack::unpack_one_wide;
use crate::kernel::x86::store;

/// `bytes` are those of `deltas`, as long as they have to be and with their padding.
#[target_feature(
    enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,avx512bitalg,bmi1,bmi2,lzcnt,popcnt"
)]
pub(super) fn add_deltas<T: DeltaInteger>(
    deltas: Deltas<'_>,
    bytes: &[u8],
    before: T,
    out: &mut [T],
) {
    let width = deltas.bit_width as usize;
    let bit = deltas.first * width;
    let src = &bytes[bit / 8..];
    if T::BITS == 64 {
        let lanes = Lanes64::new(width, bit % 8);
        let before = before.to_u64();
        add_64(src, &lanes, deltas.smallest, before, bytemuck::cast_slice_mut(out));
    } else {
        let lanes = Lanes32::new(width, bit % 8);
        let before = before.to_u64() as u32;
        add_32(src, &lanes, deltas.smallest as u32, before, bytemuck::cast_slice_mut(out));
    }
}

/// The sum of `count` surpluses. `bytes` as in [`add_deltas`].
#[target_feature(
    enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,avx512bitalg,bmi1,bmi2,lzcnt,popcnt"
)]
pub(super) fn sum(deltas: Deltas<'_>, bytes: &[u8], count: usize) -> u64 {
    let width = deltas.bit_width as usize;
    let bit = deltas.first * width;
    let src = &bytes[bit / 8..];
    let lanes = Lanes64::new(width, bit % 8);
    let mut sums = _mm512_setzero_si512();
    let whole = count - count % 8;
    for index in 0..whole / 8 {
        sums = _mm512_add_epi64(sums, lanes.unpack(&src[index * width..]));
    }
    let mut each = [0u64; 8];
    store(sums, &mut each);
    let rest = (deltas.first + whole..deltas.first + count)
        .map(|index| unpack_one_wide(bytes, width, index));
    each.into_iter().chain(rest).fold(0, u64::wrapping_add)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vbmi2")]
fn add_64(src: &[u8], lanes: &Lanes64, smallest: u64, before: u64, out: &mut [u64]) {
    let smallest = _mm512_set1_epi64(smallest.cast_signed());
    let zero = _mm512_setzero_si512();
    let last = _mm512_set1_epi64(7);
    let mut before = _mm512_set1_epi64(before.cast_signed());
    for (index, out) in out.chunks_mut(8).enumerate() {
        let mut sums = _mm512_add_epi64(lanes.unpack(&src[index * lanes.width()..]), smallest);
        sums = _mm512_add_epi64(sums, _mm512_alignr_epi64::<7>(sums, zero));
        sums = _mm512_add_epi64(sums, _mm512_alignr_epi64::<6>(sums, zero));
        sums = _mm512_add_epi64(sums, _mm512_alignr_epi64::<4>(sums, zero));
        store(_mm512_add_epi64(sums, before), out);
        before = _mm512_add_epi64(before, _mm512_permutexvar_epi64(last, sums));
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vbmi2")]
fn add_32(src: &[u8], lanes: &Lanes32, smallest: u32, before: u32, out: &mut [u32]) {
    let smallest = _mm512_set1_epi32(smallest.cast_signed());
    let last = _mm512_set1_epi32(15);
    let mut before = _mm512_set1_epi32(before.cast_signed());
    for (index, out) in out.chunks_mut(16).enumerate() {
        let deltas = lanes.unpack(&src[index * 2 * lanes.width()..]);
        let sums = running_sums(_mm512_add_epi32(deltas, smallest));
        store(_mm512_add_epi32(sums, before), out);
        before = _mm512_add_epi32(before, _mm512_permutexvar_epi32(last, sums));
    }
}
