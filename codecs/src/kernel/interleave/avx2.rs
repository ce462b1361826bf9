//! 32 values at a time: bytes of two streams become pairs, those quartets, those octets.
//!
//! The instructions work on halves of 16 bytes, so that values 16 to 31 stay in the upper ones; the
//! halves are put in order as they are stored.

use std::arch::x86_64::{
    __m256i, _mm256_permute2x128_si256, _mm256_unpackhi_epi8, _mm256_unpackhi_epi16,
    _mm256_unpackhi_epi32, _mm256_unpacklo_epi8, _mm256_unpacklo_epi16, _mm256_unpacklo_epi32,
};

use super::join_scalar;
use crate::kernel::x86::{load_256, prefetch, store_256};

/// How far ahead bytes of each stream are fetched.
const AHEAD: usize = 1024;

/// `N` is 2, 4 or 8; the streams are as long as `out`.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
pub(super) fn join<const N: usize>(streams: [&[u8]; N], out: &mut [[u8; N]]) {
    let (blocks, rest) = out.as_chunks_mut::<32>();
    let done = blocks.len() * 32;
    for (index, block) in blocks.iter_mut().enumerate() {
        // The CPU does as well by itself with eight streams, whose values take longer.
        if N <= 4 && index % 2 == 0 {
            streams.iter().for_each(|stream| prefetch(stream, index * 32 + AHEAD));
        }
        let mut registers = streams.map(|stream| load_256(&stream[index * 32..]));
        registers = step::<N, 1>(registers);
        if N >= 4 {
            registers = step::<N, 2>(registers);
        }
        if N >= 8 {
            registers = step::<N, 4>(registers);
        }
        let (lower, upper) = block.as_flattened_mut().split_at_mut(16 * N);
        let pairs = registers.as_chunks::<2>().0;
        for (index, [a, b]) in pairs.iter().enumerate() {
            store_256(_mm256_permute2x128_si256::<0x20>(*a, *b), &mut lower[index * 32..]);
            store_256(_mm256_permute2x128_si256::<0x31>(*a, *b), &mut upper[index * 32..]);
        }
    }
    join_scalar(streams, done, rest);
}

/// Joins groups of `WIDTH` bytes, each kept in `WIDTH` registers in the order of the values, two and
/// two: groups of twice the width in twice as many registers.
#[inline]
#[target_feature(enable = "avx2")]
fn step<const N: usize, const WIDTH: usize>(groups: [__m256i; N]) -> [__m256i; N] {
    std::array::from_fn(|index| {
        let (group, part) = (index / (2 * WIDTH), index % (2 * WIDTH));
        let a = groups[2 * group * WIDTH + part / 2];
        let b = groups[(2 * group + 1) * WIDTH + part / 2];
        match (WIDTH, part % 2) {
            (1, 0) => _mm256_unpacklo_epi8(a, b),
            (1, _) => _mm256_unpackhi_epi8(a, b),
            (2, 0) => _mm256_unpacklo_epi16(a, b),
            (2, _) => _mm256_unpackhi_epi16(a, b),
            (_, 0) => _mm256_unpacklo_epi32(a, b),
            (_, _) => _mm256_unpackhi_epi32(a, b),
        }
    })
}
