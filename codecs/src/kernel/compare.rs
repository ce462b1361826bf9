//! Values against a constant, or against values row by row: one bit a row.
//!
//! Every order here is total, so that `a != b` is the negation of `a == b` and `a >= b` that of
//! `a < b`: three loops serve six comparisons. Floats order as DuckDB and PostgreSQL order them:
//! NaN is the greatest value and equal to itself, -0.0 equals 0.0.

use std::cmp::Ordering;

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

    /// Whether it holds of two values in this order.
    #[must_use]
    pub const fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
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
    match op {
        Comparison::Equal | Comparison::NotEqual => {
            test_each(values, out, pack, |value| value.key() == scalar);
        }
        Comparison::Less | Comparison::GreaterOrEqual => {
            test_each(values, out, pack, |value| value.key() < scalar);
        }
        Comparison::Greater | Comparison::LessOrEqual => {
            test_each(values, out, pack, |value| value.key() > scalar);
        }
    }
    negate_if_negation(op, values.len(), out);
}

#[inline(always)]
fn with_values<T: Compare>(
    op: Comparison,
    a: &[T],
    b: &[T],
    out: &mut [u64],
    pack: impl Fn(&[u8; 64]) -> u64 + Copy,
) {
    match op {
        Comparison::Equal | Comparison::NotEqual => {
            test_pairs(a, b, out, pack, |a, b| a.key() == b.key());
        }
        Comparison::Less | Comparison::GreaterOrEqual => {
            test_pairs(a, b, out, pack, |a, b| a.key() < b.key());
        }
        Comparison::Greater | Comparison::LessOrEqual => {
            test_pairs(b, a, out, pack, |b, a| b.key() < a.key());
        }
    }
    negate_if_negation(op, a.len(), out);
}

/// Turns the first `len` bits around if `op` is the negation of what was tested.
#[inline(always)]
fn negate_if_negation(op: Comparison, len: usize, out: &mut [u64]) {
    use Comparison::{GreaterOrEqual, LessOrEqual, NotEqual};
    if matches!(op, NotEqual | LessOrEqual | GreaterOrEqual) {
        out.iter_mut().for_each(|word| *word = !*word);
        if !len.is_multiple_of(64)
            && let Some(last) = out.last_mut()
        {
            *last &= (1 << (len % 64)) - 1;
        }
    }
}

/// Bit `row` of `out` is `test(values[row])`.
#[inline(always)]
fn test_each<T: Compare>(
    values: &[T],
    out: &mut [u64],
    pack: impl Fn(&[u8; 64]) -> u64,
    test: impl Fn(T) -> bool,
) {
    // Whole arrays of 64: the compiler makes vectors of the loop only if nothing is checked in it.
    let (blocks, rest) = values.as_chunks::<64>();
    for (word, block) in out.iter_mut().zip(blocks) {
        let mut flags = [0u8; 64];
        for (flag, value) in flags.iter_mut().zip(block) {
            *flag = u8::from(test(*value)).wrapping_neg();
        }
        *word = pack(&flags);
    }
    if let Some(word) = out.get_mut(blocks.len()) {
        let bits = rest.iter().enumerate().map(|(row, value)| u64::from(test(*value)) << row);
        *word = bits.fold(0, |word, bit| word | bit);
    }
}

/// Bit `row` of `out` is `test(a[row], b[row])`.
#[inline(always)]
fn test_pairs<T: Compare>(
    a: &[T],
    b: &[T],
    out: &mut [u64],
    pack: impl Fn(&[u8; 64]) -> u64,
    test: impl Fn(T, T) -> bool,
) {
    let ((blocks_a, rest_a), (blocks_b, rest_b)) = (a.as_chunks::<64>(), b.as_chunks::<64>());
    for (word, (a, b)) in out.iter_mut().zip(blocks_a.iter().zip(blocks_b)) {
        let mut flags = [0u8; 64];
        for (flag, (a, b)) in flags.iter_mut().zip(a.iter().zip(b)) {
            *flag = u8::from(test(*a, *b)).wrapping_neg();
        }
        *word = pack(&flags);
    }
    if let Some(word) = out.get_mut(blocks_a.len()) {
        let pairs = rest_a.iter().zip(rest_b).enumerate();
        *word = pairs.fold(0, |word, (row, (a, b))| word | u64::from(test(*a, *b)) << row);
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
