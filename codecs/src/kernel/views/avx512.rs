//! Four views a register, with AVX-512.
//!
//! Over-read: of each value 16 bytes are read, whatever its length: the padding has as many.

use std::arch::x86_64::{
    __m512i, _mm_loadu_si128, _mm512_add_epi8, _mm512_add_epi32, _mm512_bslli_epi128,
    _mm512_castsi128_si512, _mm512_cmpgt_epu32_mask, _mm512_cmplt_epu8_mask, _mm512_inserti32x4,
    _mm512_mask_mov_epi32, _mm512_mask_permutexvar_epi32, _mm512_maskz_mov_epi8, _mm512_min_epu32,
    _mm512_permutexvar_epi32, _mm512_set1_epi8, _mm512_set1_epi32, _mm512_setzero_si512,
    _mm512_shuffle_epi8, _mm512_sub_epi32,
};

use super::views_scalar;
use crate::buffer::View;
use crate::kernel::lanes::running_sums;
use crate::kernel::x86::{load, store};

/// Lengths added up at a time.
const GROUP: usize = 16;

/// As [`super::views`]: the values of these lengths and 16 bytes more are in `bytes`.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi1,bmi2,lzcnt,popcnt")]
pub(super) fn views(
    lengths: &[u32],
    bytes: &[u8],
    (mut offset, buffer_index): (usize, u32),
    out: &mut [View],
) {
    let make = Quads::new(buffer_index);
    let (groups, rest) = lengths.as_chunks::<GROUP>();
    let (outs, out_rest) = out.as_chunks_mut::<GROUP>();
    for (lengths, out) in groups.iter().zip(outs) {
        let lengths = load(bytemuck::bytes_of(lengths));
        let ends = running_sums(lengths);
        let starts = _mm512_add_epi32(
            _mm512_sub_epi32(ends, lengths),
            _mm512_set1_epi32((offset as u32).cast_signed()),
        );
        let mut at = [0u32; GROUP];
        store(starts, &mut at);
        let mut sums = [0u32; GROUP];
        store(ends, &mut sums);
        offset += sums[GROUP - 1] as usize;
        for (quad, out) in out.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            let first = quad * 4;
            let values =
                sixteen_each(bytes, [at[first], at[first + 1], at[first + 2], at[first + 3]]);
            store(make.views(values, lengths, starts, quad), out);
        }
    }
    views_scalar(rest, bytes, (offset, buffer_index), out_rest);
}

/// Sixteen bytes from each of four places.
///
/// # Panics
/// If there are fewer.
#[inline]
#[target_feature(enable = "avx512f")]
fn sixteen_each(bytes: &[u8], places: [u32; 4]) -> __m512i {
    let sixteen = |place: u32| {
        let bytes = &bytes[place as usize..][..16];
        // SAFETY: `bytes` is 16 readable bytes; the instruction takes any alignment.
        unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
    };
    let [a, b, c, d] = places;
    let values = _mm512_castsi128_si512(sixteen(a));
    let values = _mm512_inserti32x4::<1>(values, sixteen(b));
    let values = _mm512_inserti32x4::<2>(values, sixteen(c));
    _mm512_inserti32x4::<3>(values, sixteen(d))
}

/// What is the same for all views.
struct Quads {
    buffer_index: __m512i,
    /// By quad: to which lanes of four its numbers go.
    spread: [__m512i; 4],
    /// The place of each byte within its view.
    place: __m512i,
    /// Byte 0 of each view, sixteen times.
    lowest: __m512i,
}

impl Quads {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn new(buffer_index: u32) -> Self {
        let spread = std::array::from_fn(|quad| {
            let lanes: [u32; 16] = std::array::from_fn(|lane| (quad * 4 + lane / 4) as u32);
            load(bytemuck::bytes_of(&lanes))
        });
        let place: [u8; 64] = std::array::from_fn(|byte| (byte % 16) as u8);
        Self {
            buffer_index: _mm512_set1_epi32(buffer_index.cast_signed()),
            spread,
            place: load(&place),
            lowest: _mm512_setzero_si512(),
        }
    }

    /// Views of four values of which `values` has the first 16 bytes each, and of which lengths and
    /// starts are number `quad * 4` and the next three.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn views(&self, values: __m512i, lengths: __m512i, starts: __m512i, quad: usize) -> __m512i {
        const INLINE: i32 = View::INLINE as i32;
        let spread = self.spread[quad];
        let length = _mm512_permutexvar_epi32(spread, lengths);
        let is_long = _mm512_cmpgt_epu32_mask(length, _mm512_set1_epi32(INLINE));
        // The bytes that belong to the value, as far as they have room.
        let room = _mm512_min_epu32(length, _mm512_set1_epi32(INLINE));
        let end = _mm512_add_epi8(_mm512_shuffle_epi8(room, self.lowest), _mm512_set1_epi8(4));
        let kept = _mm512_cmplt_epu8_mask(self.place, end);
        let view = _mm512_maskz_mov_epi8(kept, _mm512_bslli_epi128::<4>(values));
        let view = _mm512_mask_mov_epi32(view, 0x1111, length);
        let view = _mm512_mask_mov_epi32(view, is_long & 0x4444, self.buffer_index);
        _mm512_mask_permutexvar_epi32(view, is_long & 0x8888, spread, starts)
    }
}
