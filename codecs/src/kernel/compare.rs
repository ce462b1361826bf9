//! Values against a constant, or against values row by row: one bit a row.
//!
//! Every order here is total, so that `a != b` is the negation of `a == b` and `a >= b` that of
//! `a < b`: three loops serve six comparisons. Floats order as DuckDB and PostgreSQL order them:
//! NaN is the greatest value and equal to itself, -0.0 equals 0.0.

use bytemuck::Pod;

#[cfg(target_arch = "x86_64")]
use super::{Isa, isa, x86};

/// How two values are compared: `value OP constant`, `a OP b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    /// The comparison that holds for `b, a` exactly when this one holds for `a, b`.
    #[must_use]
    pub const fn swapped(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            same => same,
        }
    }

    /// The comparison that holds exactly when this one does not.
    #[must_use]
    pub const fn negated(self) -> Self {
        match self {
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
            Self::Less => Self::GreaterOrEqual,
            Self::LessOrEqual => Self::Greater,
            Self::Greater => Self::LessOrEqual,
            Self::GreaterOrEqual => Self::Less,
        }
    }
}

mod sealed {
    pub trait Sealed {}
}

/// A type with a total order that a loop can compare: integers up to 128 bits, `f32`, `f64`.
pub trait Compare: Pod + sealed::Sealed {
    /// What the order of the type is taken from.
    type Key: Copy + Ord;

    /// The value as a key: keys order as the values do.
    fn key(self) -> Self::Key;
}

macro_rules! integers {
    ($($kind:ty),*) => {$(
        impl sealed::Sealed for $kind {}
        impl Compare for $kind {
            type Key = $kind;

            #[inline(always)]
            fn key(self) -> $kind {
                self
            }
        }
    )*};
}

integers!(i8, i16, i32, i64, i128, u8, u16, u32, u64);

macro_rules! floats {
    ($($kind:ty, $key:ty);*) => {$(
        impl sealed::Sealed for $kind {}
        impl Compare for $kind {
            type Key = $key;

            #[inline(always)]
            fn key(self) -> $key {
                // Adding 0.0 makes -0.0 positive and changes nothing else.
                let bits = (self + 0.0).to_bits().cast_signed();
                // Negative floats order the other way round: flip all bits but the sign.
                let ordered = bits ^ ((bits >> (<$key>::BITS - 1)) & <$key>::MAX);
                if self.is_nan() { <$key>::MAX } else { ordered }
            }
        }
    )*};
}

floats!(f32, i32; f64, i64);

/// Bit `i` of `out` says whether `values[i] OP scalar`; bits behind the last value are 0.
///
/// # Panics
/// If `out` has fewer words than the values need; words behind those are not written.
pub fn compare_scalar<T: Compare>(op: Comparison, values: &[T], scalar: T, out: &mut [u64]) {
    let out = &mut out[..values.len().div_ceil(64)];
    let scalar = scalar.key();
    #[cfg(target_arch = "x86_64")]
    match isa() {
        // SAFETY: `isa` names this tier only if the CPU has its features.
        Isa::Avx512 => return unsafe { scalar_avx512(op, values, scalar, out) },
        // SAFETY: as above.
        Isa::Avx2 => return unsafe { scalar_avx2(op, values, scalar, out) },
        Isa::Scalar => {}
    }
    with_scalar(op, values, scalar, out, low_bits);
}

/// Bit `i` of `out` says whether `a[i] OP b[i]`; bits behind the last value are 0.
///
/// # Panics
/// If `a` and `b` differ in length or `out` has fewer words than they need.
pub fn compare_values<T: Compare>(op: Comparison, a: &[T], b: &[T], out: &mut [u64]) {
    assert_eq!(a.len(), b.len(), "comparing vectors of different lengths");
    let out = &mut out[..a.len().div_ceil(64)];
    #[cfg(target_arch = "x86_64")]
    match isa() {
        // SAFETY: `isa` names this tier only if the CPU has its features.
        Isa::Avx512 => return unsafe { values_avx512(op, a, b, out) },
        // SAFETY: as above.
        Isa::Avx2 => return unsafe { values_avx2(op, a, b, out) },
        Isa::Scalar => {}
    }
    with_values(op, a, b, out, low_bits);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn scalar_avx2<T: Compare>(op: Comparison, values: &[T], scalar: T::Key, out: &mut [u64]) {
    with_scalar(op, values, scalar, out, |flags| x86::high_bits_avx2(flags));
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,bmi1,bmi2,lzcnt,popcnt")]
fn scalar_avx512<T: Compare>(op: Comparison, values: &[T], scalar: T::Key, out: &mut [u64]) {
    with_scalar(op, values, scalar, out, |flags| x86::high_bits_avx512(flags));
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn values_avx2<T: Compare>(op: Comparison, a: &[T], b: &[T], out: &mut [u64]) {
    with_values(op, a, b, out, |flags| x86::high_bits_avx2(flags));
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,bmi1,bmi2,lzcnt,popcnt")]
fn values_avx512<T: Compare>(op: Comparison, a: &[T], b: &[T], out: &mut [u64]) {
    with_values(op, a, b, out, |flags| x86::high_bits_avx512(flags));
}

#[inline(always)]
fn with_scalar<T: Compare>(
    op: Comparison,
    values: &[T],
    scalar: T::Key,
    out: &mut [u64],
    pack: impl Fn(&[u8; 64]) -> u64 + Copy,
) {
    let invert =
        matches!(op, Comparison::NotEqual | Comparison::LessOrEqual | Comparison::GreaterOrEqual);
    match op {
        Comparison::Equal | Comparison::NotEqual => {
            rows(values.len(), out, invert, pack, |row| values[row].key() == scalar);
        }
        Comparison::Less | Comparison::GreaterOrEqual => {
            rows(values.len(), out, invert, pack, |row| values[row].key() < scalar);
        }
        Comparison::Greater | Comparison::LessOrEqual => {
            rows(values.len(), out, invert, pack, |row| values[row].key() > scalar);
        }
    }
}

#[inline(always)]
fn with_values<T: Compare>(
    op: Comparison,
    a: &[T],
    b: &[T],
    out: &mut [u64],
    pack: impl Fn(&[u8; 64]) -> u64 + Copy,
) {
    let invert =
        matches!(op, Comparison::NotEqual | Comparison::LessOrEqual | Comparison::GreaterOrEqual);
    let (a, b) = match op {
        Comparison::Greater | Comparison::LessOrEqual => (b, a),
        _ => (a, b),
    };
    match op {
        Comparison::Equal | Comparison::NotEqual => {
            rows(a.len(), out, invert, pack, |row| a[row].key() == b[row].key());
        }
        _ => rows(a.len(), out, invert, pack, |row| a[row].key() < b[row].key()),
    }
}

/// Bit `row` of `out` is `test(row) != invert`, for rows below `len`.
#[inline(always)]
fn rows(
    len: usize,
    out: &mut [u64],
    invert: bool,
    pack: impl Fn(&[u8; 64]) -> u64,
    test: impl Fn(usize) -> bool,
) {
    let flip = if invert { u64::MAX } else { 0 };
    let (whole, rest) = out.split_at_mut(len / 64);
    for (index, word) in whole.iter_mut().enumerate() {
        let mut flags = [0u8; 64];
        for (bit, flag) in flags.iter_mut().enumerate() {
            *flag = u8::from(test(index * 64 + bit)).wrapping_neg();
        }
        *word = pack(&flags) ^ flip;
    }
    if let Some(word) = rest.first_mut() {
        let start = len / 64 * 64;
        *word = 0;
        for row in start..len {
            *word |= u64::from(test(row) != invert) << (row - start);
        }
    }
}

/// Bit `i` is the lowest bit of byte `i`.
#[inline(always)]
fn low_bits(flags: &[u8; 64]) -> u64 {
    let mut bits = 0;
    for (index, eight) in flags.as_chunks::<8>().0.iter().enumerate() {
        // The product adds byte `i`'s bit, at 8 * i, shifted by 56 - 7 * i: to bit 56 + i.
        let ones = u64::from_le_bytes(*eight) & 0x0101_0101_0101_0101;
        bits |= (ones.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (index * 8);
    }
    bits
}
