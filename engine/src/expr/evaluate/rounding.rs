//! ROUND, FLOOR, CEIL.
//!
//! In: DOUBLE, FLOAT, DECIMAL or integers, flat. Out: the same type, of decimals with another scale;
//! halves go away from zero.

use millwork_codecs::buffer::SliceMut;
use millwork_format::selection::Selection;
use millwork_format::types::DataType;
use millwork_format::vector::{Cell, Data, Native, Vector};

use super::operand::{self, with_integer};
use crate::error::{Error, Result};
use crate::kernel::arithmetic::{DecimalOperand, Integer, Operand, divide_rounded, power_of_ten};
use crate::kernel::lanes::map;

/// The least whole number that is not below each value if `up`, else the greatest not above it.
pub(super) fn whole(value: &Vector, from: &DataType, up: bool, rows: usize) -> Result<Vector> {
    let function = if up { f64::ceil } else { f64::floor };
    let data = match (from, value.data()) {
        (DataType::Decimal { scale, .. }, _) => {
            let unit = power_of_ten((*scale).into()).ok_or_else(operand::layout)?;
            return decimals(value, rows, |value| {
                value.div_euclid(unit) + i128::from(up && value.rem_euclid(unit) != 0)
            });
        }
        (_, Data::Float64(values)) => {
            let mut out = SliceMut::<f64>::scratch(rows)?;
            map(values, &mut out, function);
            Data::Float64(out.freeze())
        }
        (_, Data::Float32(values)) => {
            let mut out = SliceMut::<f32>::scratch(rows)?;
            map(values, &mut out, |value: f32| function(value.into()) as f32);
            Data::Float32(out.freeze())
        }
        _ => return Err(operand::layout()),
    };
    Ok(Vector::new(data, value.validity().cloned(), rows)?)
}

/// `compute` of each value of a decimal, in 128 bits.
fn decimals(value: &Vector, rows: usize, compute: impl Fn(i128) -> i128 + Copy) -> Result<Vector> {
    let mut out = SliceMut::<i128>::scratch(rows)?;
    match operand::decimal(value)? {
        DecimalOperand::Narrow(Operand::Values(values)) => {
            map(values, &mut out, |value: i64| compute(value.into()));
        }
        DecimalOperand::Wide(Operand::Values(values)) => map(values, &mut out, compute),
        one => out.fill(compute(one.get(0))),
    }
    Ok(Vector::new(Data::Int128(out.freeze()), value.validity().cloned(), rows)?)
}

/// `value` to `digits` behind the point, before it if negative.
fn round_double(value: f64, digits: i32) -> f64 {
    if !(-308..=308).contains(&digits) {
        return if digits > 0 { value } else { 0.0 };
    }
    let unit = 10f64.powi(digits.abs());
    let rounded =
        if digits >= 0 { (value * unit).round() / unit } else { (value / unit).round() * unit };
    // The scaled value may lie beyond what a double holds.
    if rounded.is_finite() { rounded } else { value }
}

/// `round(value, digits)`.
pub(super) fn round(
    values: &[Vector],
    from: &DataType,
    result: &DataType,
    rows: usize,
    selection: &Selection,
) -> Result<Vector> {
    let value = &values[0];
    let digits = match values.get(1) {
        Some(digits) => match operand::core(digits).cell(0) {
            Cell::Integer(digits) => digits.clamp(-400, 400) as i32,
            _ => return Err(operand::layout()),
        },
        None => 0,
    };
    match (from, result) {
        (
            DataType::Decimal { scale, .. },
            DataType::Decimal { precision: result_precision, scale: result_scale },
        ) => {
            // Cut to `digits`, then written with the scale of the result.
            let cut = (i32::from(*scale) - digits).clamp(0, 39) as u32;
            let divisor = power_of_ten(cut);
            let back = i32::from(*result_scale) - (i32::from(*scale) - cut as i32);
            let factor = power_of_ten(back.clamp(0, 38) as u32).unwrap_or(1);
            let shrink = power_of_ten((-back).clamp(0, 38) as u32).unwrap_or(1);
            let compute = |value| {
                let rounded = divisor.map_or(0, |divisor| divide_rounded(value, divisor));
                rounded.saturating_mul(factor) / shrink
            };
            let rounded = decimals(value, rows, compute)?;
            // Only in front of the point of the longest can there be no room for a digit more.
            if *result_precision == MOST_DIGITS && digits < 0 {
                refuse_longer(&rounded, digits, result, selection)?;
            }
            Ok(rounded)
        }
        (DataType::Float32 | DataType::Float64, _) => {
            let mut out = SliceMut::<f64>::scratch(rows)?;
            match value.data() {
                Data::Float64(values) => {
                    map(values, &mut out, |value| round_double(value, digits));
                }
                Data::Float32(values) => {
                    let mut out = SliceMut::<f32>::scratch(rows)?;
                    map(values, &mut out, |value: f32| round_double(value.into(), digits) as f32);
                    let data = Data::Float32(out.freeze());
                    return Ok(Vector::new(data, value.validity().cloned(), rows)?);
                }
                _ => return Err(operand::layout()),
            }
            Ok(Vector::new(Data::Float64(out.freeze()), value.validity().cloned(), rows)?)
        }
        _ => integers(value, digits, result, rows, selection),
    }
}

/// Digits of a DECIMAL at most.
const MOST_DIGITS: u8 = 38;

/// The error of a selected value of more digits.
fn refuse_longer(
    rounded: &Vector,
    digits: i32,
    result: &DataType,
    selection: &Selection,
) -> Result<()> {
    let limit = power_of_ten(MOST_DIGITS.into()).ok_or_else(operand::layout)?;
    let meant = operand::meant(selection, rounded.validity())?;
    let is_longer = |row: &usize| match rounded.cell(*row) {
        Cell::Integer(value) => value.unsigned_abs() >= limit.unsigned_abs(),
        _ => false,
    };
    match meant.ones().find(is_longer) {
        Some(_) => {
            let what =
                format!("overflow: a DECIMAL rounded to {digits} digits does not fit {result}");
            Err(Error::evaluate(what))
        }
        None => Ok(()),
    }
}

/// Integers to the power of ten that `digits` (negative, or nothing changes) says.
fn integers(
    value: &Vector,
    digits: i32,
    result: &DataType,
    rows: usize,
    selection: &Selection,
) -> Result<Vector> {
    let unit = power_of_ten(digits.saturating_neg().clamp(0, 39) as u32);
    let rounded = |value: i128| match unit {
        Some(unit) => divide_rounded(value, unit).checked_mul(unit),
        None => Some(0),
    };
    with_integer!(value, T => {
        let values = operand::expect::<T>(value)?;
        let compute = |row: usize| T::narrowed(rounded(values.get(row).wide())?);
        let mut out = SliceMut::<T>::scratch(rows)?;
        let mut failed = false;
        for (row, slot) in out.iter_mut().enumerate() {
            match compute(row) {
                Some(value) => *slot = value,
                None => failed = true,
            }
        }
        if failed {
            let meant = operand::meant(selection, value.validity())?;
            if let Some(row) = meant.ones().find(|row| compute(*row).is_none()) {
                let what = format!("overflow: round({}, {digits}) does not fit {result}", values.get(row));
                return Err(Error::evaluate(what));
            }
        }
        Ok(Vector::new(T::into_data(out.freeze()), value.validity().cloned(), rows)?)
    }, else Err(operand::layout()))
}
