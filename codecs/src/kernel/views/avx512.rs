//! Four views a register, with AVX-512.
//!
//! Where values start is needed twice: as addresses, which the integer ports add up beside, and as numbers
//! of the views of long ones. The shuffle ports are what runs out first, so that each value is read from
//! four bytes before it, where its bytes come to lie as its view wants them, by a load that fills its
//! quarter of the register alone.
//!
//! Over-read: of each value 12 bytes are read, whatever its length, and 4 before it.

use std::arch::x86_64::{
    __m128i, __m512i, _mm_loadu_si128, _mm512_add_epi32, _mm512_castsi128_si512,
    _mm512_cmpgt_epu32_mask, _mm512_cmplt_epu8_mask, _mm512_mask_broadcast_i32x4,
    _mm512_mask_mov_epi32, _mm512_maskz_mov_epi8, _mm512_maskz_mov_epi32,
    _mm512_maskz_permutex2var_epi32, _mm512_maskz_permutexvar_epi32, _mm512_movepi32_mask,
    _mm512_permutexvar_epi8, _mm512_set1_epi32, _mm512_sub_epi32, _mm512_ternarylogic_epi32,
};

use super::views_scalar;
use crate::buffer::View;
use crate::kernel::lanes::running_sums;
use crate::kernel::x86::{load, store};

/// Lengths added up at a time.
const GROUP: usize = 16;

/// As [`super::views`]; at least 16 bytes lie in `bytes` behind `end`.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt")]
pub(super) fn views(
    lengths: &[u32],
    (bytes, end): (&[u8], usize),
    (mut offset, buffer_index): (usize, u32),
    out: &mut [View],
) -> Option<usize> {
    assert!(end.checked_add(16).is_some_and(|end| end <= bytes.len()), "16 bytes behind the end");
    let make = Quads::new(buffer_index);
    let (groups, rest) = lengths.as_chunks::<GROUP>();
    let (outs, out_rest) = out.as_chunks_mut::<GROUP>();
    for (group, out) in groups.iter().zip(outs) {
        let lengths = load(bytemuck::bytes_of(group));
        let places = Places::of(group, offset);
        let negative = _mm512_movepi32_mask(lengths);
        if negative != 0 || offset < 4 || places.end > end {
            offset = views_scalar(group, (bytes, end), (offset, buffer_index), out)?;
            continue;
        }
        let group = make.group(lengths, offset);
        for (quad, out) in out.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            let sixteen = |value: usize| {
                // SAFETY: no place is below `offset`, which is at least 4, nor above `places.end`,
                // which is at most `end`, with 16 bytes behind it.
                unsafe { sixteen(bytes, places.starts[quad * 4 + value] - 4) }
            };
            let values = four([sixteen(0), sixteen(1), sixteen(2), sixteen(3)]);
            store(make.views(values, &group, quad), out);
        }
        offset = places.end;
    }
    views_scalar(rest, (bytes, end), (offset, buffer_index), out_rest)
}

/// Where values start, as addresses.
struct Places {
    starts: [usize; GROUP],
    end: usize,
}

impl Places {
    /// Of values of these lengths, from `offset` on.
    #[inline(always)]
    fn of(lengths: &[u32; GROUP], offset: usize) -> Self {
        let mut end = offset;
        let starts = std::array::from_fn(|value| {
            let start = end;
            end += lengths[value] as usize;
            start
        });
        Self { starts, end }
    }
}

/// Sixteen bytes from `at` on.
///
/// # Safety
/// There are as many.
#[inline]
#[target_feature(enable = "sse2")]
unsafe fn sixteen(bytes: &[u8], at: usize) -> __m128i {
    debug_assert!(bytes.len() - at >= 16);
    // SAFETY: the caller's promise; the instruction takes any alignment.
    unsafe { _mm_loadu_si128(bytes.as_ptr().add(at).cast()) }
}

/// One register of four.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
fn four([a, b, c, d]: [__m128i; 4]) -> __m512i {
    let all = _mm512_castsi128_si512(a);
    let all = _mm512_mask_broadcast_i32x4(all, 0x00f0, b);
    let all = _mm512_mask_broadcast_i32x4(all, 0x0f00, c);
    _mm512_mask_broadcast_i32x4(all, 0xf000, d)
}

/// What is the same for all views.
struct Quads {
    buffer_index: __m512i,
    /// By quad: the number of the value that each lane belongs to; in lane 3 of each view that of its
    /// start, where starts follow the lengths.
    lanes: [__m512i; 4],
    /// By quad: the lowest byte of the value that each byte belongs to.
    lowest: [__m512i; 4],
    /// The place of each byte within its view.
    place: __m512i,
}

/// Sixteen values.
struct Group {
    lengths: __m512i,
    /// The numbers of buffer and byte of long values, 0 of those that lie in their views.
    buffers: __m512i,
    starts: __m512i,
    /// Where in its view the first bytes of a value end.
    ends: __m512i,
}

impl Quads {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn new(buffer_index: u32) -> Self {
        let lanes = std::array::from_fn(|quad| {
            let lanes: [u32; 16] = std::array::from_fn(|lane| {
                let value = quad * 4 + lane / 4;
                (if lane % 4 == 3 { GROUP + value } else { value }) as u32
            });
            load(bytemuck::bytes_of(&lanes))
        });
        let lowest = std::array::from_fn(|quad| {
            let bytes: [u8; 64] = std::array::from_fn(|byte| ((quad * 4 + byte / 16) * 4) as u8);
            load(&bytes)
        });
        let place: [u8; 64] = std::array::from_fn(|byte| (byte % 16) as u8);
        let buffer_index = _mm512_set1_epi32(buffer_index.cast_signed());
        Self { buffer_index, lanes, lowest, place: load(&place) }
    }

    /// Values of these lengths, from `offset` on.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn group(&self, lengths: __m512i, offset: usize) -> Group {
        const INLINE: i32 = View::INLINE as i32;
        let set = |number: i32| _mm512_set1_epi32(number);
        let starts = _mm512_sub_epi32(running_sums(lengths), lengths);
        let starts = _mm512_add_epi32(starts, set((offset as u32).cast_signed()));
        let is_long = _mm512_cmpgt_epu32_mask(lengths, set(INLINE));
        Group {
            lengths,
            buffers: _mm512_maskz_mov_epi32(is_long, self.buffer_index),
            starts: _mm512_maskz_mov_epi32(is_long, starts),
            ends: _mm512_mask_mov_epi32(_mm512_add_epi32(lengths, set(4)), is_long, set(8)),
        }
    }

    /// Views of values `quad * 4` and the next three, whose first bytes lie in `values` where they have
    /// to.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    fn views(&self, values: __m512i, group: &Group, quad: usize) -> __m512i {
        const OR: i32 = 0xfe;
        let ends = _mm512_permutexvar_epi8(self.lowest[quad], group.ends);
        // What lies in front of the value is in the place of its length.
        let kept = _mm512_cmplt_epu8_mask(self.place, ends) & 0xfff0_fff0_fff0_fff0;
        let values = _mm512_maskz_mov_epi8(kept, values);
        let lanes = self.lanes[quad];
        let numbers = _mm512_maskz_permutex2var_epi32(0x9999, group.lengths, lanes, group.starts);
        let buffers = _mm512_maskz_permutexvar_epi32(0x4444, lanes, group.buffers);
        _mm512_ternarylogic_epi32::<OR>(values, numbers, buffers)
    }
}
