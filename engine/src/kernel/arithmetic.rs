//! Addition, subtraction, multiplication: integers with a check for overflow, decimals in 64 or 128
//! bits.
//!
//! In: operands, each a slice or one value for all rows. Out: the slice of results, wrapped around
//! where they do not fit, and whether all of them are known to fit. The check costs two passes for
//! extremes over values that lie in the cache anyway; only where it fails the caller looks at rows.

use bytemuck::Pod;
use millwork_codecs::buffer::{Slice, SliceMut};
use millwork_format::vector::Native;

use super::lanes::{extremes, map, map2};
use crate::error::Result;

/// An operation of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `a + b`
    Add,
    /// `a - b`
    Subtract,
    /// `a * b`
    Multiply,
}

impl Operation {
    /// Its sign in SQL.
    #[must_use]
    pub fn symbol(self) -> char {
        match self {
            Self::Add => '+',
            Self::Subtract => '-',
            Self::Multiply => '*',
        }
    }
}

/// One side of an operation.
#[derive(Clone, Copy, Debug)]
pub enum Operand<'a, T> {
    /// A value a row.
    Values(&'a [T]),
    /// One value for all rows.
    Constant(T),
}

impl<T: Copy> Operand<'_, T> {
    /// The value of row `row`.
    #[inline(always)]
    pub fn get(&self, row: usize) -> T {
        match self {
            Self::Values(values) => values[row],
            Self::Constant(value) => *value,
        }
    }
}

impl<T: Pod + Ord> Operand<'_, T> {
    /// The least and the greatest value; `None` without rows.
    #[must_use]
    pub fn extremes(&self) -> Option<(T, T)> {
        match self {
            Self::Values(values) => extremes(values),
            Self::Constant(value) => Some((*value, *value)),
        }
    }
}

/// `out[i] = f(a[i], b[i])`.
pub fn map_operands<T: Pod, U: Pod, R: Pod>(
    a: Operand<'_, T>,
    b: Operand<'_, U>,
    out: &mut [R],
    f: impl Fn(T, U) -> R + Copy,
) {
    match (a, b) {
        (Operand::Values(a), Operand::Values(b)) => map2(a, b, out, f),
        (Operand::Values(a), Operand::Constant(b)) => map(a, out, move |a| f(a, b)),
        (Operand::Constant(a), Operand::Values(b)) => map(b, out, move |b| f(a, b)),
        (Operand::Constant(a), Operand::Constant(b)) => out.fill(f(a, b)),
    }
}

/// Integers with the two ways to compute: around the end, or not at all.
pub trait Integer: Native + Ord + Copy + std::fmt::Display {
    /// `a OP b`, wrapped around.
    fn wrapping(operation: Operation, a: Self, b: Self) -> Self;
    /// `a OP b`, if it fits.
    fn checked(operation: Operation, a: Self, b: Self) -> Option<Self>;
    /// `a / b` truncated; `None` if `b` is 0 or the result does not fit.
    fn divided(a: Self, b: Self) -> Option<Self>;
    /// The rest of `a / b`; `None` if `b` is 0.
    fn rest(a: Self, b: Self) -> Option<Self>;
    /// `-a`, if it fits.
    fn negated(self) -> Option<Self>;
    /// `|a|`, if it fits.
    fn absolute(self) -> Option<Self>;
    /// Whether the value is 0.
    fn is_zero(self) -> bool;
    /// The value in 128 bits.
    fn wide(self) -> i128;
    /// The low bits of `value`.
    fn truncated(value: i128) -> Self;
    /// The value in 128 bits as this type, if it fits.
    fn narrowed(value: i128) -> Option<Self>;
    /// The nearest double.
    fn double(self) -> f64;
    /// The nearest float, which is not always that of the nearest double.
    fn single(self) -> f32;
}

macro_rules! integer {
    ($($native:ty, $absolute:expr;)*) => {$(
        impl Integer for $native {
            #[inline(always)]
            fn wrapping(operation: Operation, a: Self, b: Self) -> Self {
                match operation {
                    Operation::Add => a.wrapping_add(b),
                    Operation::Subtract => a.wrapping_sub(b),
                    Operation::Multiply => a.wrapping_mul(b),
                }
            }
            #[inline]
            fn checked(operation: Operation, a: Self, b: Self) -> Option<Self> {
                match operation {
                    Operation::Add => a.checked_add(b),
                    Operation::Subtract => a.checked_sub(b),
                    Operation::Multiply => a.checked_mul(b),
                }
            }
            #[inline]
            fn divided(a: Self, b: Self) -> Option<Self> {
                a.checked_div(b)
            }
            #[inline]
            fn rest(a: Self, b: Self) -> Option<Self> {
                if b == 0 { None } else { Some(a.wrapping_rem(b)) }
            }
            #[inline]
            fn negated(self) -> Option<Self> {
                self.checked_neg()
            }
            #[inline]
            fn absolute(self) -> Option<Self> {
                let absolute: fn(Self) -> Option<Self> = $absolute;
                absolute(self)
            }
            #[inline]
            fn is_zero(self) -> bool {
                self == 0
            }
            #[inline(always)]
            fn wide(self) -> i128 {
                self as i128
            }
            #[inline(always)]
            fn truncated(value: i128) -> Self {
                value as Self
            }
            #[inline]
            fn narrowed(value: i128) -> Option<Self> {
                Self::try_from(value).ok()
            }
            #[inline(always)]
            fn double(self) -> f64 {
                self as f64
            }
            #[inline(always)]
            fn single(self) -> f32 {
                self as f32
            }
        }
    )*};
}

integer! {
    i8, Self::checked_abs;
    i16, Self::checked_abs;
    i32, Self::checked_abs;
    i64, Self::checked_abs;
    i128, Self::checked_abs;
    u8, Some;
    u16, Some;
    u32, Some;
    u64, Some;
}

/// The least and greatest result that values between the extremes of both sides can give; `None` if
/// one does not fit the type.
fn result_range<T: Integer>(
    operation: Operation,
    (a_least, a_greatest): (T, T),
    (b_least, b_greatest): (T, T),
) -> Option<(T, T)> {
    let compute = |a, b| T::checked(operation, a, b);
    Some(match operation {
        Operation::Add => (compute(a_least, b_least)?, compute(a_greatest, b_greatest)?),
        Operation::Subtract => (compute(a_least, b_greatest)?, compute(a_greatest, b_least)?),
        Operation::Multiply => {
            let corners = [
                compute(a_least, b_least)?,
                compute(a_least, b_greatest)?,
                compute(a_greatest, b_least)?,
                compute(a_greatest, b_greatest)?,
            ];
            let least = corners.iter().min().copied()?;
            (least, corners.iter().max().copied()?)
        }
    })
}

/// `out[i] = a[i] OP b[i]`, wrapped around where that does not fit. True if all are known to fit.
pub fn integers<T: Integer>(
    operation: Operation,
    a: Operand<'_, T>,
    b: Operand<'_, T>,
    out: &mut [T],
) -> bool {
    let fits = match (a.extremes(), b.extremes()) {
        (Some(a), Some(b)) => result_range(operation, a, b).is_some(),
        _ => true,
    };
    wrap(operation, a, b, out);
    fits
}

fn wrap<T: Integer>(operation: Operation, a: Operand<'_, T>, b: Operand<'_, T>, out: &mut [T]) {
    match operation {
        Operation::Add => map_operands(a, b, out, |a, b| T::wrapping(Operation::Add, a, b)),
        Operation::Subtract => {
            map_operands(a, b, out, |a, b| T::wrapping(Operation::Subtract, a, b));
        }
        Operation::Multiply => {
            map_operands(a, b, out, |a, b| T::wrapping(Operation::Multiply, a, b));
        }
    }
}

/// One side of an operation of decimals, kept in 64 or 128 bits.
#[derive(Clone, Copy, Debug)]
pub enum DecimalOperand<'a> {
    /// Unscaled digits in 64 bits.
    Narrow(Operand<'a, i64>),
    /// Unscaled digits in 128 bits.
    Wide(Operand<'a, i128>),
}

impl<'a> DecimalOperand<'a> {
    /// The unscaled digits of row `row`.
    #[must_use]
    pub fn get(&self, row: usize) -> i128 {
        match self {
            Self::Narrow(operand) => operand.get(row).into(),
            Self::Wide(operand) => operand.get(row),
        }
    }

    /// The least and the greatest value; `None` without rows.
    #[must_use]
    pub fn extremes(&self) -> Option<(i128, i128)> {
        match self {
            Self::Narrow(operand) => {
                operand.extremes().map(|(least, greatest)| (least.into(), greatest.into()))
            }
            Self::Wide(operand) => operand.extremes(),
        }
    }

    /// All values in 64 bits; the caller knows that they fit. `buffer` takes them where they are
    /// not kept so.
    ///
    /// # Errors
    /// If memory is refused.
    pub fn narrow<'b>(&self, buffer: &'b mut Slice<i64>) -> Result<Operand<'b, i64>>
    where
        'a: 'b,
    {
        Ok(match self {
            Self::Narrow(operand) => *operand,
            Self::Wide(Operand::Constant(value)) => Operand::Constant(*value as i64),
            Self::Wide(Operand::Values(values)) => {
                let mut narrow = SliceMut::<i64>::scratch(values.len())?;
                map(values, &mut narrow, |value| value as i64);
                *buffer = narrow.freeze();
                Operand::Values(buffer)
            }
        })
    }

    /// All values in 128 bits; `buffer` takes them where they are not kept so.
    ///
    /// # Errors
    /// If memory is refused.
    pub fn wide<'b>(&self, buffer: &'b mut Slice<i128>) -> Result<Operand<'b, i128>>
    where
        'a: 'b,
    {
        Ok(match self {
            Self::Wide(operand) => *operand,
            Self::Narrow(Operand::Constant(value)) => Operand::Constant((*value).into()),
            Self::Narrow(Operand::Values(values)) => {
                let mut wide = SliceMut::<i128>::scratch(values.len())?;
                map(values, &mut wide, i128::from);
                *buffer = wide.freeze();
                Operand::Values(buffer)
            }
        })
    }
}

/// Two unscaled decimals between which, both included, all values of a side lie.
pub type Range = (i128, i128);

/// The results of an operation of decimals.
#[derive(Debug)]
pub enum Decimals {
    /// All fit 64 bits.
    Narrow {
        /// Unscaled digits.
        values: Slice<i64>,
        /// They lie in here.
        range: Range,
    },
    /// In 128 bits; `checked` says that all are known to have at most 38 digits.
    Wide {
        /// Unscaled digits, wrapped around where they do not fit.
        values: Slice<i128>,
        /// Whether all are known to fit.
        checked: bool,
    },
}

/// The greatest unscaled decimal: 38 nines.
pub const DECIMAL_MAX: i128 = 10i128.pow(38) - 1;

fn fits<T: TryFrom<i128>>((least, greatest): (i128, i128)) -> bool {
    T::try_from(least).is_ok() && T::try_from(greatest).is_ok()
}

/// `a[i] OP b[i]` of the unscaled digits, in the narrowest width proved to hold every result.
/// `known` ranges of the sides save looking for their extremes.
///
/// # Errors
/// If memory is refused.
pub fn decimals(
    operation: Operation,
    a: DecimalOperand<'_>,
    b: DecimalOperand<'_>,
    known: [Option<Range>; 2],
    rows: usize,
) -> Result<Decimals> {
    let narrow = |[a, b]: [Range; 2]| {
        let range = result_range(operation, a, b)?;
        [a, b, range].into_iter().all(fits::<i64>).then_some(range)
    };
    let whole = [known[0].or_else(|| a.extremes()), known[1].or_else(|| b.extremes())];
    let [Some(a_range), Some(b_range)] = whole else {
        return Ok(Decimals::Narrow { values: Slice::empty(), range: (0, 0) });
    };
    let mut ranges = [a_range, b_range];
    let mut range = narrow(ranges);
    if range.is_none() && known.iter().any(Option::is_some) {
        // What is known may be wider than what is there.
        ranges = [a.extremes().unwrap_or(a_range), b.extremes().unwrap_or(b_range)];
        range = narrow(ranges);
    }
    if let Some(range) = range {
        let (mut a_buffer, mut b_buffer) = (Slice::empty(), Slice::empty());
        let (a, b) = (a.narrow(&mut a_buffer)?, b.narrow(&mut b_buffer)?);
        let mut out = SliceMut::<i64>::scratch(rows)?;
        if operation == Operation::Multiply && ranges.into_iter().all(fits::<i32>) {
            // CPUs have this multiplication for many values at once, and not that of 64 bits.
            map_operands(a, b, &mut out, |a, b| i64::from(a as i32) * i64::from(b as i32));
        } else {
            wrap(operation, a, b, &mut out);
        }
        return Ok(Decimals::Narrow { values: out.freeze(), range });
    }
    let checked = result_range(operation, ranges[0], ranges[1])
        .is_some_and(|(least, greatest)| least >= -DECIMAL_MAX && greatest <= DECIMAL_MAX);
    let (mut a_buffer, mut b_buffer) = (Slice::empty(), Slice::empty());
    let (a, b) = (a.wide(&mut a_buffer)?, b.wide(&mut b_buffer)?);
    let mut out = SliceMut::<i128>::scratch(rows)?;
    wrap(operation, a, b, &mut out);
    Ok(Decimals::Wide { values: out.freeze(), checked })
}

/// `10^digits`, if it fits 128 bits.
#[must_use]
pub fn power_of_ten(digits: u32) -> Option<i128> {
    10i128.checked_pow(digits)
}

/// `value / divisor`, half a unit rounded away from zero. `divisor` is positive.
#[inline]
#[must_use]
pub fn divide_rounded(value: i128, divisor: i128) -> i128 {
    let (quotient, rest) = (value / divisor, value % divisor);
    if rest.abs() >= divisor - rest.abs() { quotient + value.signum() } else { quotient }
}

/// [`divide_rounded`] in 64 bits.
#[inline]
#[must_use]
pub fn divide_rounded_narrow(value: i64, divisor: i64) -> i64 {
    let (quotient, rest) = (value / divisor, value % divisor);
    if rest.abs() >= divisor - rest.abs() { quotient + value.signum() } else { quotient }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overflow_is_noticed_at_the_edges() {
        let mut out = [0i8; 2];
        let table = [
            (Operation::Add, [120, -5], 7, true, [127, 2]),
            (Operation::Add, [121, -5], 7, false, [-128, 2]),
            (Operation::Subtract, [-128, 0], 1, false, [127, -1]),
            (Operation::Multiply, [-64, 63], 2, true, [-128, 126]),
            (Operation::Multiply, [-64, 64], 2, false, [-128, -128]),
        ];
        for (operation, a, b, fits, expected) in table {
            let (a, b) = (Operand::Values(&a), Operand::Constant(b));
            assert_eq!(integers(operation, a, b, &mut out), fits);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn decimals_take_the_narrow_width_only_when_proved() {
        let narrow = [3_000_000_000i64, -7];
        let a = DecimalOperand::Narrow(Operand::Values(&narrow));
        let product = |b: i128| {
            let b = DecimalOperand::Wide(Operand::Constant(b));
            decimals(Operation::Multiply, a, b, [None; 2], 2).unwrap()
        };
        assert!(matches!(product(3), Decimals::Narrow { values, range }
            if values[..] == [9_000_000_000, -21] && range == (-21, 9_000_000_000)));
        // A range that is too wide does no harm.
        let loose = [Some((-(1 << 90), 1 << 90)), None];
        let one = DecimalOperand::Narrow(Operand::Constant(1));
        let product = decimals(Operation::Multiply, a, one, loose, 2).unwrap();
        assert!(matches!(product, Decimals::Narrow { values, .. } if values[..] == narrow));
        let product = |b: i128| {
            let b = DecimalOperand::Wide(Operand::Constant(b));
            decimals(Operation::Multiply, a, b, [None; 2], 2).unwrap()
        };
        assert!(matches!(product(1 << 40), Decimals::Wide { values, checked: true }
            if values[..] == [3_000_000_000 << 40, -7 << 40]));
        assert!(matches!(product(10i128.pow(37)), Decimals::Wide { checked: false, .. }));
    }

    #[test]
    fn halves_round_away_from_zero() {
        for (value, expected) in [(25, 3), (-25, -3), (24, 2), (-26, -3), (0, 0), (4, 0), (5, 1)] {
            assert_eq!(divide_rounded(value, 10), expected);
            assert_eq!(i128::from(divide_rounded_narrow(value as i64, 10)), expected);
        }
        assert_eq!(divide_rounded(i128::MIN, 1), i128::MIN);
    }
}
