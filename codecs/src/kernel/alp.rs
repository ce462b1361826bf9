//! Packed integers to floats that were decimals: `(frame + packed) * 10^factor * 10^-exponent`.
//!
//! Two multiplications, each rounded, by the floats nearest to the powers of ten: the spec asks for just
//! that, so that every reader gives the same bits. AVX-512 converts eight or sixteen integers at a time;
//! the AVX2 form is the plain one compiled for AVX2.

#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(test)]
mod tests;

use std::fmt::Debug;

use bytemuck::Pod;

use super::unpack::{unpack, unpack_one_wide};
#[cfg(target_arch = "x86_64")]
use super::{Isa, isa};
use crate::buffer::Padded;

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// `f32`, kept as integers of 32 bits, or `f64`, of 64.
pub trait AlpFloat: Pod + Debug + PartialEq + Send + Sync + sealed::Sealed {
    /// Bits of the type.
    const BITS: u32;
    /// 10 to the power of 0, 1, ...
    const POWERS: &'static [Self];
    /// 10 to the power of 0, -1, ...
    const INVERSE_POWERS: &'static [Self];

    /// The low bits of `integer` as a signed integer, times one number, times another.
    fn scaled(integer: u64, factor: Self, exponent: Self) -> Self;
}

impl AlpFloat for f32 {
    const BITS: u32 = 32;
    const POWERS: &'static [Self] = &[1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10];
    const INVERSE_POWERS: &'static [Self] =
        &[1e0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10];

    #[inline(always)]
    fn scaled(integer: u64, factor: Self, exponent: Self) -> Self {
        integer as u32 as i32 as Self * factor * exponent
    }
}

impl AlpFloat for f64 {
    const BITS: u32 = 64;
    const POWERS: &'static [Self] = &[
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
        1e17, 1e18,
    ];
    const INVERSE_POWERS: &'static [Self] = &[
        1e0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12, 1e-13,
        1e-14, 1e-15, 1e-16, 1e-17, 1e-18,
    ];

    #[inline(always)]
    fn scaled(integer: u64, factor: Self, exponent: Self) -> Self {
        integer.cast_signed() as Self * factor * exponent
    }
}

/// Integers from number `first` on of those packed in `bit_width` bits each at the start of `packed`,
/// each of them less `frame`, and what they are multiplied by.
#[derive(Clone, Copy, Debug)]
pub struct Scaled<'a, T> {
    /// The packed integers.
    pub packed: Padded<'a>,
    /// Bits of each: at most those of `T`.
    pub bit_width: u32,
    /// How many of them come before the first that is meant.
    pub first: usize,
    /// What is added to each, wrapping.
    pub frame: u64,
    /// What each is multiplied by first.
    pub factor: T,
    /// What that is multiplied by.
    pub exponent: T,
}

/// Values unpacked at a time by the plain form.
const BLOCK: usize = 128;

/// Fills `out` with the floats that the integers stand for.
///
/// # Panics
/// If the width is above that of `T` or the bytes end inside the last integer.
pub fn scale_packed<T: AlpFloat>(scaled: Scaled<'_, T>, out: &mut [T]) {
    let width = scaled.bit_width as usize;
    assert!(scaled.bit_width <= T::BITS, "{width} bits do not fit {} bits", T::BITS);
    let end = scaled.first.checked_add(out.len());
    let bits = end.and_then(|end| end.checked_mul(width));
    assert!(
        bits.is_some_and(|bits| bits.div_ceil(8) <= scaled.packed.len()),
        "integers {}+{} of {width} bits in {} bytes",
        scaled.first,
        out.len(),
        scaled.packed.len()
    );
    #[cfg(target_arch = "x86_64")]
    match isa() {
        // SAFETY: `isa` names this tier only if the CPU has its features.
        Isa::Avx512 => return unsafe { avx512::scale(scaled, out) },
        // SAFETY: as above.
        Isa::Avx2 => return unsafe { scale_avx2(scaled, out) },
        Isa::Scalar => {}
    }
    scale_scalar(scaled, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn scale_avx2<T: AlpFloat>(scaled: Scaled<'_, T>, out: &mut [T]) {
    scale_scalar(scaled, out);
}

#[inline(always)]
fn scale_scalar<T: AlpFloat>(scaled: Scaled<'_, T>, out: &mut [T]) {
    let Scaled { packed, bit_width, mut first, frame, factor, exponent } = scaled;
    if bit_width > 32 {
        let bytes = packed.with_padding();
        for (index, out) in out.iter_mut().enumerate() {
            let integer = unpack_one_wide(bytes, bit_width as usize, first + index);
            *out = T::scaled(integer.wrapping_add(frame), factor, exponent);
        }
        return;
    }
    let mut scratch = [0u32; BLOCK];
    for out in out.chunks_mut(BLOCK) {
        let integers = &mut scratch[..out.len()];
        unpack(packed, bit_width, first, integers);
        for (out, integer) in out.iter_mut().zip(integers) {
            *out = T::scaled(u64::from(*integer).wrapping_add(frame), factor, exponent);
        }
        first += BLOCK;
    }
}
