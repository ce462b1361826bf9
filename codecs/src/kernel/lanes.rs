//! Packed values in lanes of 32 and 64 bits, with AVX-512 VBMI and VBMI2.
//!
//! As in `unpack::avx512`: one `vpermb` brings the bytes of each value to its lane, which is shifted by
//! its own amount; where a value can reach beyond its lane a second one brings the bytes above.
//!
//! Over-read: every load takes 64 bytes of which at least the first holds a bit that was asked for.

use std::arch::x86_64::{
    __m512i, _mm512_add_epi8, _mm512_add_epi32, _mm512_add_epi64, _mm512_alignr_epi32,
    _mm512_and_si512, _mm512_mullo_epi32, _mm512_permutexvar_epi8, _mm512_set1_epi8,
    _mm512_set1_epi32, _mm512_set1_epi64, _mm512_setzero_si512, _mm512_shrdv_epi32,
    _mm512_shrdv_epi64, _mm512_shuffle_epi8, _mm512_srli_epi32, _mm512_srli_epi64,
    _mm512_srlv_epi32, _mm512_srlv_epi64,
};

use super::x86::load;

/// Of each of sixteen numbers the sum of it and those in front of it, wrapping: the register is shifted by
/// one, two, four and eight lanes and added; no step waits for another register.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn running_sums(numbers: __m512i) -> __m512i {
    let zero = _mm512_setzero_si512();
    let mut sums = numbers;
    sums = _mm512_add_epi32(sums, _mm512_alignr_epi32::<15>(sums, zero));
    sums = _mm512_add_epi32(sums, _mm512_alignr_epi32::<14>(sums, zero));
    sums = _mm512_add_epi32(sums, _mm512_alignr_epi32::<12>(sums, zero));
    _mm512_add_epi32(sums, _mm512_alignr_epi32::<8>(sums, zero))
}

/// How eight values of one width lie in 64 bytes.
pub(super) struct Lanes64 {
    low: __m512i,
    high: __m512i,
    shifts: __m512i,
    mask: __m512i,
    width: usize,
}

impl Lanes64 {
    /// For values of `width` bits, the first of which starts at bit `shift` of the first byte.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn new(width: usize, shift: usize) -> Self {
        let set = |value: usize| _mm512_set1_epi64((value as u64).cast_signed());
        let numbers: [u64; 8] = std::array::from_fn(|index| index as u64);
        // Products are below 2^32, so that the low halves of the lanes hold them.
        let bits = _mm512_mullo_epi32(load(bytemuck::bytes_of(&numbers)), set(width));
        let bits = _mm512_add_epi64(bits, set(shift));
        let lowest: [u8; 64] = std::array::from_fn(|index| (index % 16 / 8 * 8) as u8);
        let starts = _mm512_shuffle_epi8(_mm512_srli_epi64::<3>(bits), load(&lowest));
        let low = _mm512_add_epi8(starts, _mm512_set1_epi64(0x0706_0504_0302_0100));
        Self {
            low,
            high: _mm512_add_epi8(low, _mm512_set1_epi8(8)),
            shifts: _mm512_and_si512(bits, set(7)),
            mask: set(u64::MAX.checked_shr(64 - width as u32).unwrap_or(0) as usize),
            width,
        }
    }

    /// Bits of a value; bytes of eight.
    #[inline]
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// The eight values at the start of `src`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vbmi2")]
    pub(super) fn unpack(&self, src: &[u8]) -> __m512i {
        let packed = load(src);
        let below = _mm512_permutexvar_epi8(self.low, packed);
        let values = if self.width <= 57 {
            _mm512_srlv_epi64(below, self.shifts)
        } else {
            _mm512_shrdv_epi64(below, _mm512_permutexvar_epi8(self.high, packed), self.shifts)
        };
        _mm512_and_si512(values, self.mask)
    }
}

/// How sixteen values of one width lie in 64 bytes.
pub(super) struct Lanes32 {
    low: __m512i,
    high: __m512i,
    shifts: __m512i,
    mask: __m512i,
    width: usize,
}

/// Where the bytes of sixteen values of one width are, of which the first starts with the first byte, and
/// by how many bits each is shifted.
struct Places32 {
    low: [u8; 64],
    shifts: [u32; 16],
}

/// By width. Miniblocks of 32 values are too short to work this out for each.
static PLACES_32: [Places32; 33] = {
    let mut places = [const { Places32 { low: [0; 64], shifts: [0; 16] } }; 33];
    let mut width = 0;
    while width <= 32 {
        let mut value = 0;
        while value < 16 {
            let bit = value * width;
            places[width].shifts[value] = (bit % 8) as u32;
            let mut byte = 0;
            while byte < 4 {
                places[width].low[value * 4 + byte] = (bit / 8 + byte) as u8;
                byte += 1;
            }
            value += 1;
        }
        width += 1;
    }
    places
};

impl Lanes32 {
    /// For values of `width` bits, the first of which starts at bit `shift` of the first byte.
    ///
    /// # Panics
    /// If the width is above 32.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn new(width: usize, shift: usize) -> Self {
        let places = &PLACES_32[width];
        let lanes = Self {
            low: load(&places.low),
            high: _mm512_setzero_si512(),
            shifts: load(bytemuck::bytes_of(&places.shifts)),
            mask: _mm512_set1_epi32(
                u32::MAX.checked_shr(32 - width as u32).unwrap_or(0).cast_signed(),
            ),
            width,
        };
        let lanes = if shift == 0 { lanes } else { lanes.shifted(shift) };
        Self { high: _mm512_add_epi8(lanes.low, _mm512_set1_epi8(4)), ..lanes }
    }

    /// The same for values that start `shift` bits further on.
    #[target_feature(enable = "avx512f,avx512bw")]
    fn shifted(self, shift: usize) -> Self {
        let set = |value: usize| _mm512_set1_epi32((value as u32).cast_signed());
        let numbers: [u32; 16] = std::array::from_fn(|index| index as u32);
        let bits = _mm512_mullo_epi32(load(bytemuck::bytes_of(&numbers)), set(self.width));
        let bits = _mm512_add_epi32(bits, set(shift));
        let starts = _mm512_mullo_epi32(_mm512_srli_epi32::<3>(bits), set(0x0101_0101));
        let low = _mm512_add_epi32(starts, set(0x0302_0100));
        Self { low, shifts: _mm512_and_si512(bits, set(7)), ..self }
    }

    /// Bits of a value; half the bytes of sixteen.
    #[inline]
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// The sixteen values at the start of `src`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vbmi2")]
    pub(super) fn unpack(&self, src: &[u8]) -> __m512i {
        let packed = load(src);
        let below = _mm512_permutexvar_epi8(self.low, packed);
        let values = if self.width <= 25 {
            _mm512_srlv_epi32(below, self.shifts)
        } else {
            _mm512_shrdv_epi32(below, _mm512_permutexvar_epi8(self.high, packed), self.shifts)
        };
        _mm512_and_si512(values, self.mask)
    }
}
