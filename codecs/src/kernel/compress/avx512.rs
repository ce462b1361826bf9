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

use crate::kernel::bits::mask_bits;
use crate::kernel::x86::{load_short, store};

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
    let lanes = 64 / width;
    let mut written = 0;
    for (index, bytes) in bytes.chunks(64).enumerate() {
        let row = index * lanes;
        let selected = mask_bits(mask, row, (rows - row).min(lanes));
        if selected == 0 {
            continue;
        }
        let values = load_short(bytes);
        let together = match width {
            1 => _mm512_maskz_compress_epi8(selected, values),
            2 => _mm512_maskz_compress_epi16(selected as u32, values),
            4 => _mm512_maskz_compress_epi32(selected as u16, values),
            _ => _mm512_maskz_compress_epi64(selected as u8, values),
        };
        store(together, &mut out[written..]);
        written += selected.count_ones() as usize;
    }
}
