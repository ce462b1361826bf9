//! Expanding a register at a time with AVX-512 (F for 4, 8 and 16 bytes, VBMI2 for 1 and 2).

use std::arch::x86_64::{
    _mm512_maskz_expand_epi8, _mm512_maskz_expand_epi16, _mm512_maskz_expand_epi32,
    _mm512_maskz_expand_epi64,
};

use bytemuck::Pod;

use crate::kernel::x86::{load, load_short, store};

/// Whether values of `width` bytes have a form here.
pub(super) const fn has_width(width: usize) -> bool {
    matches!(width, 1 | 2 | 4 | 8 | 16)
}

/// There are as many `values` as `mask` has bits set among its first `out.len()`.
#[target_feature(
    enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,avx512bitalg,bmi1,bmi2,lzcnt,popcnt"
)]
pub(super) fn expand<T: Pod>(values: &[T], mask: &[u64], out: &mut [T]) {
    let width = size_of::<T>();
    let lanes = 64 / width;
    let values: &[u8] = bytemuck::cast_slice(values);
    let mut used = 0;
    for (out, word) in out.chunks_mut(64).zip(mask) {
        let mut rows = *word & (u64::MAX >> (64 - out.len()));
        for out in out.chunks_mut(lanes) {
            let now = &values[used..];
            let now = if now.len() >= 64 { load(now) } else { load_short(now) };
            let (apart, count) = match width {
                1 => (_mm512_maskz_expand_epi8(rows, now), rows.count_ones()),
                2 => (_mm512_maskz_expand_epi16(rows as u32, now), (rows as u32).count_ones()),
                4 => (_mm512_maskz_expand_epi32(rows as u16, now), (rows as u16).count_ones()),
                8 => (_mm512_maskz_expand_epi64(rows as u8, now), (rows as u8).count_ones()),
                _ => {
                    let halves = twice(rows as u8 & 0xf);
                    (_mm512_maskz_expand_epi64(halves, now), halves.count_ones() / 2)
                }
            };
            store(apart, out);
            used += count as usize * width;
            rows = rows.checked_shr(lanes as u32).unwrap_or(0);
        }
    }
}

/// Each of the lowest four bits, two times.
#[inline]
fn twice(bits: u8) -> u8 {
    let apart = (bits | bits << 2) & 0x33;
    let apart = (apart | apart << 1) & 0x55;
    apart | apart << 1
}
