//! Between booleans, integers, decimals and floats.

use half::f16;
use millwork_codecs::buffer::SliceMut;
use millwork_codecs::kernel::{Comparison, compare_scalar};
use millwork_format::types::{DataType, Storage};
use millwork_format::vector::{Data, Native, Vector};

use super::super::compare;
use super::super::operand::{self, with_integer};
use super::Conversion;
use crate::error::Result;
use crate::kernel::arithmetic::{
    DecimalOperand, Integer, Operand, divide_rounded, divide_rounded_narrow, power_of_ten,
};
use crate::kernel::lanes::{extremes, map};
use crate::kernel::mask;

/// The digits, if the type has room for them.
pub(super) fn within_precision(unscaled: i128, precision: u8) -> Option<i128> {
    let limit = power_of_ten(precision.into())?;
    (unscaled.unsigned_abs() < limit.unsigned_abs()).then_some(unscaled)
}

/// Runs `$body` with `$native` as the integer type of a storage.
macro_rules! with_storage {
    ($storage:expr, $native:ident => $body:expr, else $other:expr) => {
        match $storage {
            Storage::Int8 => {
                type $native = i8;
                $body
            }
            Storage::Int16 => {
                type $native = i16;
                $body
            }
            Storage::Int32 => {
                type $native = i32;
                $body
            }
            Storage::Int64 => {
                type $native = i64;
                $body
            }
            Storage::Int128 => {
                type $native = i128;
                $body
            }
            Storage::UInt8 => {
                type $native = u8;
                $body
            }
            Storage::UInt16 => {
                type $native = u16;
                $body
            }
            Storage::UInt32 => {
                type $native = u32;
                $body
            }
            Storage::UInt64 => {
                type $native = u64;
                $body
            }
            _ => $other,
        }
    };
}

impl Conversion<'_> {
    pub(super) fn numbers(&self) -> Result<Vector> {
        match (self.value.data(), self.from) {
            (Data::Boolean(bits), _) => self.of_doubles_exact(|row| f64::from(bits.get(row))),
            (Data::Float64(values), _) => self.of_doubles(values),
            (Data::Float32(values), _) => self.of_floats(values, |value: f32| f64::from(value)),
            (Data::Float16(values), _) => {
                self.of_floats(values, |bits: u16| f16::from_bits(bits).to_f64())
            }
            (_, DataType::Decimal { scale, .. }) => self.of_decimals(*scale),
            _ => with_integer!(self.value, T => self.of_integers::<T>(),
                else Err(self.unknown())),
        }
    }

    /// Booleans are the numbers 0 and 1.
    fn of_doubles_exact(&self, value: impl Fn(usize) -> f64) -> Result<Vector> {
        let values: Vec<f64> = (0..self.rows).map(value).collect();
        self.of_doubles(&values)
    }

    fn of_floats<T: bytemuck::Pod>(
        &self,
        values: &[T],
        double: impl Fn(T) -> f64 + Copy,
    ) -> Result<Vector> {
        let mut doubles = SliceMut::<f64>::scratch(self.rows)?;
        map(values, &mut doubles, double);
        self.of_doubles(&doubles)
    }

    fn of_doubles(&self, values: &[f64]) -> Result<Vector> {
        match self.to {
            DataType::Boolean => {
                let mut words = mask::words(self.rows)?;
                compare_scalar(Comparison::NotEqual, values, 0.0, &mut words);
                self.bits(words)
            }
            DataType::Float64 => {
                let mut out = SliceMut::<f64>::scratch(self.rows)?;
                out.copy_from_slice(values);
                self.all_fit(out)
            }
            DataType::Float32 => self.plain(|row| {
                let narrow = values[row] as f32;
                (narrow.is_finite() || !values[row].is_finite()).then_some(narrow)
            }),
            DataType::Decimal { precision, scale } => {
                let unit = power_of_ten((*scale).into()).map_or(f64::INFINITY, |unit| unit as f64);
                let limit = power_of_ten((*precision).into()).map_or(0.0, |limit| limit as f64);
                let digits = |row: usize| {
                    let scaled = (values[row] * unit).round();
                    (scaled.abs() < limit).then_some(scaled as i128)
                };
                if self.to.storage() == Storage::Int64 {
                    self.plain(|row| i64::try_from(digits(row)?).ok())
                } else {
                    self.plain(digits)
                }
            }
            _ => with_storage!(self.integer_storage(), U => self.plain(|row| {
                let rounded = values[row].round_ties_even();
                let fits = rounded.is_finite() && rounded.abs() < 2f64.powi(127);
                if fits { U::try_from(rounded as i128).ok() } else { None }
            }), else Err(self.unknown())),
        }
    }

    /// The storage wanted, if the type is an integer.
    fn integer_storage(&self) -> Storage {
        match self.to {
            DataType::Date | DataType::Time { .. } | DataType::Timestamp { .. } => Storage::Null,
            other => other.storage(),
        }
    }

    fn all_fit<T: Native>(&self, out: SliceMut<T>) -> Result<Vector> {
        let validity = self.value.validity().cloned();
        Ok(Vector::new(T::into_data(out.freeze()), validity, self.rows)?)
    }

    fn bits(&self, mut words: SliceMut<u64>) -> Result<Vector> {
        compare::clear_tail(self.rows, &mut words);
        let bits = mask::bitmap(words, self.rows)?;
        Ok(Vector::new(Data::Boolean(bits), self.value.validity().cloned(), self.rows)?)
    }

    fn of_integers<T: Integer + millwork_codecs::kernel::Compare>(&self) -> Result<Vector> {
        let values = self.value.values::<T>().ok_or_else(operand::layout)?;
        let range = extremes::<T>(values).map_or((0, 0), |(a, b)| (a.wide(), b.wide()));
        match self.to {
            DataType::Boolean => {
                let mut words = mask::words(self.rows)?;
                compare_scalar(Comparison::NotEqual, values, T::zeroed(), &mut words);
                self.bits(words)
            }
            DataType::Float64 => {
                let mut out = SliceMut::<f64>::scratch(self.rows)?;
                map(values, &mut out, T::double);
                self.all_fit(out)
            }
            DataType::Float32 => {
                let mut out = SliceMut::<f32>::scratch(self.rows)?;
                map(values, &mut out, T::single);
                self.all_fit(out)
            }
            DataType::Decimal { .. } => {
                // An integer is a decimal without a scale.
                self.rescale(
                    |row| values[row].wide(),
                    range,
                    0,
                    |unit, out| {
                        map(values, out, |value: T| value.wide() as i64 * unit);
                    },
                )
            }
            _ => with_storage!(self.integer_storage(), U => {
                if U::narrowed(range.0).is_some() && U::narrowed(range.1).is_some() {
                    let mut out = SliceMut::<U>::scratch(self.rows)?;
                    map(values, &mut out, |value: T| U::truncated(value.wide()));
                    return self.all_fit(out);
                }
                self.plain(|row| U::narrowed(values[row].wide()))
            }, else Err(self.unknown())),
        }
    }

    fn of_decimals(&self, scale: u8) -> Result<Vector> {
        let digits = operand::decimal(self.value)?;
        let unit = power_of_ten(scale.into()).ok_or_else(|| self.unknown())?;
        match self.to {
            DataType::Float64 | DataType::Float32 => {
                let mut out = SliceMut::<f64>::scratch(self.rows)?;
                let unit = unit as f64;
                match digits {
                    DecimalOperand::Narrow(Operand::Values(values)) => {
                        map(values, &mut out, |value: i64| value as f64 / unit);
                    }
                    _ => {
                        for (row, slot) in out.iter_mut().enumerate() {
                            *slot = digits.get(row) as f64 / unit;
                        }
                    }
                }
                if let DataType::Float64 = self.to {
                    return self.all_fit(out);
                }
                let mut narrow = SliceMut::<f32>::scratch(self.rows)?;
                map(&out, &mut narrow, |value: f64| value as f32);
                self.all_fit(narrow)
            }
            DataType::Decimal { scale: wanted, .. } => {
                let range = digits.extremes().unwrap_or((0, 0));
                if *wanted >= scale {
                    let narrow = match digits {
                        DecimalOperand::Narrow(Operand::Values(values)) => Some(values),
                        _ => None,
                    };
                    return self.rescale(
                        |row| digits.get(row),
                        range,
                        scale,
                        |unit, out| match narrow {
                            Some(values) => map(values, out, |value: i64| value * unit),
                            None => out
                                .iter_mut()
                                .enumerate()
                                .for_each(|(row, slot)| *slot = digits.get(row) as i64 * unit),
                        },
                    );
                }
                self.cut(&digits, range, scale - wanted)
            }
            DataType::Boolean => self.booleans(|row| Some(digits.get(row) != 0)),
            _ => with_storage!(self.integer_storage(), U => {
                self.plain(|row| U::narrowed(divide_rounded(digits.get(row), unit)))
            }, else Err(self.unknown())),
        }
    }

    /// A decimal of at least the scale `from_scale`: digits are appended. `narrow` multiplies all by
    /// a unit where 64 bits are known to hold every result.
    fn rescale(
        &self,
        digits: impl Fn(usize) -> i128,
        (least, greatest): (i128, i128),
        from_scale: u8,
        narrow: impl Fn(i64, &mut [i64]),
    ) -> Result<Vector> {
        let DataType::Decimal { precision, scale } = self.to else { return Err(self.unknown()) };
        let Some(unit) = power_of_ten(scale.saturating_sub(from_scale).into()) else {
            return Err(self.unknown());
        };
        let scaled = |value: i128| within_precision(value.checked_mul(unit)?, *precision);
        let fits = |value: i128| scaled(value).is_some_and(|value| i64::try_from(value).is_ok());
        if fits(least) && fits(greatest) && i64::try_from(unit).is_ok() {
            let mut out = SliceMut::<i64>::scratch(self.rows)?;
            narrow(unit as i64, &mut out);
            return self.all_fit(out);
        }
        self.plain(|row| scaled(digits(row)))
    }

    /// A decimal of `dropped` digits less behind the point, rounded.
    fn cut(
        &self,
        digits: &DecimalOperand<'_>,
        (least, greatest): (i128, i128),
        dropped: u8,
    ) -> Result<Vector> {
        let DataType::Decimal { precision, .. } = self.to else { return Err(self.unknown()) };
        let Some(unit) = power_of_ten(dropped.into()) else { return Err(self.unknown()) };
        let cut = |value: i128| within_precision(divide_rounded(value, unit), *precision);
        if let DecimalOperand::Narrow(Operand::Values(values)) = digits
            && cut(least).is_some()
            && cut(greatest).is_some()
        {
            let mut out = SliceMut::<i64>::scratch(self.rows)?;
            match i64::try_from(unit) {
                Ok(unit) => map(values, &mut out, |value| divide_rounded_narrow(value, unit)),
                Err(_) => {
                    map(values, &mut out, |value: i64| divide_rounded(value.into(), unit) as i64)
                }
            }
            return self.all_fit(out);
        }
        self.plain(|row| cut(digits.get(row)))
    }
}
