//! Packed deltas to running sums, and to their sum alone.
//!
//! Value `i` is the one before it plus a smallest delta plus a packed surplus, all of it wrapping. The
//! plain form unpacks and adds one after the other; AVX-512 unpacks a register, makes its sums in
//! three or four steps, and hands only the last lane on. The AVX2 form is the plain one compiled for
//! AVX2: its chain of additions takes one cycle a value.

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
    impl Sealed for i32 {}
    impl Sealed for i64 {}
}

/// A type of which deltas are kept: `i32` or `i64`, both wrapping.
pub trait DeltaInteger: Pod + Debug + PartialEq + Send + Sync + sealed::Sealed {
    /// Bits of the type.
    const BITS: u32;

    /// The low bits of `value`.
    fn from_u64_truncating(value: u64) -> Self;

    /// The bits, and zeros above them.
    fn to_u64(self) -> u64;
}

impl DeltaInteger for i32 {
    const BITS: u32 = 32;

    #[inline(always)]
    fn from_u64_truncating(value: u64) -> Self {
        value as i32
    }

    #[inline(always)]
    fn to_u64(self) -> u64 {
        u64::from(self.cast_unsigned())
    }
}

impl DeltaInteger for i64 {
    const BITS: u32 = 64;

    #[inline(always)]
    fn from_u64_truncating(value: u64) -> Self {
        value.cast_signed()
    }

    #[inline(always)]
    fn to_u64(self) -> u64 {
        self.cast_unsigned()
    }
}

/// Deltas from number `first` on of those packed in `bit_width` (0 to 64) bits each at the start of
/// `packed`, each of them less `smallest`.
#[derive(Clone, Copy, Debug)]
pub struct Deltas<'a> {
    /// The packed surpluses.
    pub packed: Padded<'a>,
    /// Bits of each.
    pub bit_width: u32,
    /// How many of them come before the first that is meant.
    pub first: usize,
    /// What is added to each.
    pub smallest: u64,
}

impl Deltas<'_> {
    /// Bytes and padding, if they hold `count` deltas.
    fn bytes(&self, count: usize) -> &[u8] {
        assert!(self.bit_width <= 64, "{} bits do not fit 64 bits", self.bit_width);
        let end = self.first.checked_add(count);
        let bits = end.and_then(|end| end.checked_mul(self.bit_width as usize));
        assert!(
            bits.is_some_and(|bits| bits.div_ceil(8) <= self.packed.len()),
            "deltas {}+{count} of {} bits in {} bytes",
            self.first,
            self.bit_width,
            self.packed.len()
        );
        self.packed.with_padding()
    }
}

/// Values unpacked at a time by the plain form: usually a miniblock is no longer.
const BLOCK: usize = 128;

/// Fills `out` with running sums: `before` and the first delta, that and the second, and so on.
///
/// # Panics
/// If the width is above 64 or the bytes end inside the last delta.
pub fn add_deltas<T: DeltaInteger>(deltas: Deltas<'_>, before: T, out: &mut [T]) {
    let bytes = deltas.bytes(out.len());
    #[cfg(target_arch = "x86_64")]
    match isa() {
        Isa::Avx512 if deltas.bit_width <= T::BITS => {
            // SAFETY: `isa` names this tier only if the CPU has its features.
            return unsafe { avx512::add_deltas(deltas, bytes, before, out) };
        }
        Isa::Avx512 | Isa::Avx2 => {
            // SAFETY: as above.
            return unsafe { add_avx2(deltas, bytes, before, out) };
        }
        Isa::Scalar => {}
    }
    add_scalar(deltas, bytes, before, out);
}

/// The sum of the next `count` deltas, wrapping.
///
/// # Panics
/// If the width is above 64 or the bytes end inside the last delta.
#[must_use]
pub fn sum_deltas(deltas: Deltas<'_>, count: usize) -> u64 {
    let bytes = deltas.bytes(count);
    let smallest = deltas.smallest.wrapping_mul(count as u64);
    if deltas.bit_width == 0 {
        return smallest;
    }
    #[cfg(target_arch = "x86_64")]
    match isa() {
        Isa::Avx512 => {
            // SAFETY: `isa` names this tier only if the CPU has its features.
            return smallest.wrapping_add(unsafe { avx512::sum(deltas, bytes, count) });
        }
        Isa::Avx2 => {
            // SAFETY: as above.
            return smallest.wrapping_add(unsafe { sum_avx2(deltas, bytes, count) });
        }
        Isa::Scalar => {}
    }
    smallest.wrapping_add(sum_scalar(deltas, bytes, count))
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn add_avx2<T: DeltaInteger>(deltas: Deltas<'_>, bytes: &[u8], before: T, out: &mut [T]) {
    add_scalar(deltas, bytes, before, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn sum_avx2(deltas: Deltas<'_>, bytes: &[u8], count: usize) -> u64 {
    sum_scalar(deltas, bytes, count)
}

#[inline(always)]
fn add_scalar<T: DeltaInteger>(deltas: Deltas<'_>, bytes: &[u8], before: T, out: &mut [T]) {
    let mut value = before.to_u64();
    if deltas.bit_width > 32 {
        for (index, out) in out.iter_mut().enumerate() {
            let surplus = unpack_one_wide(bytes, deltas.bit_width as usize, deltas.first + index);
            value = value.wrapping_add(deltas.smallest).wrapping_add(surplus);
            *out = T::from_u64_truncating(value);
        }
        return;
    }
    let mut scratch = [0u32; BLOCK];
    let mut first = deltas.first;
    for out in out.chunks_mut(BLOCK) {
        let surpluses = &mut scratch[..out.len()];
        unpack(deltas.packed, deltas.bit_width, first, surpluses);
        for (out, surplus) in out.iter_mut().zip(surpluses) {
            value = value.wrapping_add(deltas.smallest.wrapping_add(u64::from(*surplus)));
            *out = T::from_u64_truncating(value);
        }
        first += BLOCK;
    }
}

#[inline(always)]
fn sum_scalar(deltas: Deltas<'_>, bytes: &[u8], count: usize) -> u64 {
    let mut sum = 0u64;
    if deltas.bit_width > 32 {
        for index in deltas.first..deltas.first + count {
            sum = sum.wrapping_add(unpack_one_wide(bytes, deltas.bit_width as usize, index));
        }
        return sum;
    }
    let mut scratch = [0u32; BLOCK];
    for start in (0..count).step_by(BLOCK) {
        let surpluses = &mut scratch[..(count - start).min(BLOCK)];
        unpack(deltas.packed, deltas.bit_width, deltas.first + start, surpluses);
        // Each is below 2^32: so few cannot overflow.
        sum = sum.wrapping_add(surpluses.iter().map(|surplus| u64::from(*surplus)).sum());
    }
    sum
}
