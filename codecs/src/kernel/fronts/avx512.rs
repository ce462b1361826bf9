//! Values of up to 64 bytes, of which the last stays in a register.

use std::arch::x86_64::{
    _bzhi_u64, _mm_bslli_si128, _mm_mask_set1_epi32, _mm_maskz_mov_epi32, _mm_storeu_si128,
    _mm512_castsi512_si128, _mm512_mask_mov_epi8, _mm512_maskz_loadu_epi8,
};

use super::{Front, REGISTER};
use crate::buffer::{Padded, View};
use crate::kernel::x86::{load_short, store};

/// As [`Front::append_all`], for values of at most [`REGISTER`] bytes, the last one among them.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,bmi1,bmi2,lzcnt,popcnt")]
pub(super) fn append_all(
    front: &mut Front,
    (prefixes, rests): (&[u32], &[u32]),
    (bytes, mut at): (Padded<'_>, usize),
    built: &mut [u8],
    out: &mut [View],
) {
    let bytes = bytes.as_slice();
    let Front { mut start, mut len, mut free } = *front;
    let mut last = load_short(&built[start..start + len]);
    for ((prefix, rest), view) in prefixes.iter().zip(rests).zip(out) {
        let (prefix, rest) = (*prefix as usize, *rest as usize);
        assert!(prefix <= len, "{prefix} bytes of a value of {len}");
        len = prefix + rest;
        assert!(len <= REGISTER, "a value of {len} bytes in a register");
        let source = &bytes[at..at + rest];
        at += rest;
        let shared = _bzhi_u64(u64::MAX, prefix as u32);
        let own = _bzhi_u64(u64::MAX, len as u32) & !shared;
        // SAFETY: `own` names byte `prefix` and the `rest - 1` behind it, which are those of `source`:
        // neither length is above `REGISTER`, so that no bit of the masks is lost. No other byte is touched.
        let added =
            unsafe { _mm512_maskz_loadu_epi8(own, source.as_ptr().wrapping_sub(prefix).cast()) };
        last = _mm512_mask_mov_epi8(added, shared, last);
        store(last, &mut built[free..free + REGISTER]);
        start = if rest == 0 { start } else { free };
        free = free.max(start + len);
        // Zeros lie behind the value, as a view wants them.
        let field = _mm_bslli_si128::<4>(_mm512_castsi512_si128(last));
        let field = _mm_mask_set1_epi32(field, 1, len as i32);
        let is_long = len > View::INLINE;
        let field = _mm_maskz_mov_epi32(if is_long { 0b1011 } else { 0b1111 }, field);
        let place = if is_long { 0b1000 } else { 0 };
        let field = _mm_mask_set1_epi32(field, place, (start as u32).cast_signed());
        // SAFETY: a view is 16 writable bytes, for which any bytes are a value.
        unsafe { _mm_storeu_si128(std::ptr::from_mut(view).cast(), field) };
    }
    *front = Front { start, len, free };
}
