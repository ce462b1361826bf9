//! ROUND, FLOOR, CEIL.
//!
//! In: DOUBLE, FLOAT or DECIMAL, flat. Out: the same type; halves go away from zero.

use millwork_codecs::buffer::SliceMut;
use millwork_format::types::DataType;
use millwork_format::vector::{Data, Vector};

use super::operand;
use crate::error::Result;
use crate::kernel::arithmetic::{Operand, divide_rounded, power_of_ten};
use crate::kernel::lanes::map;

/// `function` of each value; decimals and integers, which have no fraction to lose here, pass.
pub(super) fn whole(value: &Vector, function: fn(f64) -> f64, rows: usize) -> Result<Vector> {
    let data = match value.data() {
        Data::Float64(values) => {
            let mut out = SliceMut::<f64>::scratch(rows)?;
            map(values, &mut out, function);
            Data::Float64(out.freeze())
        }
        Data::Float32(values) => {
            let mut out = SliceMut::<f32>::scratch(rows)?;
            map(values, &mut out, |value: f32| function(value.into()) as f32);
            Data::Float32(out.freeze())
        }
        _ => return Err(operand::layout()),
    };
    Ok(Vector::new(data, value.validity().cloned(), rows)?)
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
) -> Result<Vector> {
    let value = &values[0];
    let digits = match values.get(1) {
        Some(digits) => match operand::core(digits).cell(0) {
            millwork_format::vector::Cell::Integer(digits) => digits.clamp(-400, 400) as i32,
            _ => return Err(operand::layout()),
        },
        None => 0,
    };
    match (from, result) {
        (DataType::Decimal { scale, .. }, DataType::Decimal { scale: result_scale, .. }) => {
            // Cut to `digits`, then written with the scale of the result.
            let cut = (i32::from(*scale) - digits).clamp(0, 39) as u32;
            let divisor = power_of_ten(cut);
            let back = i32::from(*result_scale) - (i32::from(*scale) - cut as i32);
            let factor = power_of_ten(back.clamp(0, 38) as u32).unwrap_or(1);
            let shrink = power_of_ten((-back).clamp(0, 38) as u32).unwrap_or(1);
            let compute = |value: i128| {
                let rounded = divisor.map_or(0, |divisor| divide_rounded(value, divisor));
                rounded.saturating_mul(factor) / shrink
            };
            let mut out = SliceMut::<i128>::scratch(rows)?;
            match operand::decimal(value)? {
                crate::kernel::arithmetic::DecimalOperand::Narrow(Operand::Values(values)) => {
                    map(values, &mut out, |value: i64| compute(value.into()));
                }
                crate::kernel::arithmetic::DecimalOperand::Wide(Operand::Values(values)) => {
                    map(values, &mut out, compute);
                }
                one => out.fill(compute(one.get(0))),
            }
            Ok(Vector::new(Data::Int128(out.freeze()), value.validity().cloned(), rows)?)
        }
        _ => {
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
    }
}
