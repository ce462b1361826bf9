//! Compressing a register at a time with AVX-512 (F for 4 and 8 bytes, VBMI2 for 1 and 2).
//!
//! The register form of the instruction, followed by an ordinary store: the form that writes
//! memory itself is slow on some CPUs. The store covers the whole register where `out` has room and
//! is masked where it has not.

use std::arch::x86_64::{
    _mm512_maskz_compress_epi8, _mm512_maskz_compress_epi16, _mm512_maskz_compress_epi32,
    _mm512_maskz_compress_epi64,
};

use bytemuck::Pod;

use crate::kernel::x86::{load, load_short, store};

/// Whether values of `width` bytes have a form here.
pub(super) const fn has_width(width: usize) -> bool {
    matches!(width, 1 | 2 | 4 | 8)
}

/// `bytes` is `rows` values, `mask` as many bits, and `out` has room for those selected.
#[target_feature(
    enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,avx512bitalg,bmi1,bmi2,lzcnt,popcnt"
)]
pub(super) fn compress<T: Pod>(bytes: &[u8], mask: &[u64], rows: usize, out: &mut [T]) {
    let width = size_of::<T>();
    let mut written = 0;
    for (index, (bytes, word)) in bytes.chunks(64 * width).zip(mask).enumerate() {
        let here = (rows - index * 64).min(64);
        let selected = word & (u64::MAX >> (64 - here));
        let count = selected.count_ones() as usize;
        // A register at a time costs the same whatever is selected; few values are cheaper alone.
        if count <= width {
            one_by_one(bytes, selected, &mut out[written..]);
        } else {
            by_registers(bytes, selected, &mut out[written..]);
        }
        written += count;
    }
}

/// Of at most 64 values.
#[inline]
fn one_by_one<T: Pod>(bytes: &[u8], mut selected: u64, out: &mut [T]) {
    let width = size_of::<T>();
    for out in out {
        if selected == 0 {
            return;
        }
        let row = selected.trailing_zeros() as usize;
        *out = bytemuck::pod_read_unaligned(&bytes[row * width..(row + 1) * width]);
        selected &= selected - 1;
    }
}

/// Of at most 64 values.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi2,popcnt")]
fn by_registers<T: Pod>(bytes: &[u8], mut selected: u64, out: &mut [T]) {
    let width = size_of::<T>();
    let lanes = 64 / width;
    let mut written = 0;
    for bytes in bytes.chunks(64) {
        let values = if bytes.len() == 64 { load(bytes) } else { load_short(bytes) };
        let (together, count) = match width {
            1 => (_mm512_maskz_compress_epi8(selected, values), selected.count_ones()),
            2 => {
                let here = selected as u32;
                (_mm512_maskz_compress_epi16(here, values), here.count_ones())
            }
            4 => {
                let here = selected as u16;
                (_mm512_maskz_compress_epi32(here, values), here.count_ones())
            }
            _ => {
                let here = selected as u8;
                (_mm512_maskz_compress_epi64(here, values), here.count_ones())
            }
        };
        store(together, &mut out[written..]);
        written += count as usize;
        selected = selected.checked_shr(lanes as u32).unwrap_or(0);
    }
}
