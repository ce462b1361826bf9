//! Casts of constants.

use millwork_format::types::{DataType, TimeUnit};

use super::calendar;
use crate::error::{Error, Result};
use crate::kernel::interval::Interval;
use crate::kernel::parse;
use crate::value::Scalar;

/// `value` of type `from` as type `to`; `None` if this conversion is left to the evaluator.
///
/// # Errors
/// `Evaluate` if the value does not convert.
pub fn convert(value: &Scalar, from: &DataType, to: &DataType) -> Result<Option<Scalar>> {
    if value.is_null() || from == to {
        return Ok(Some(value.clone()));
    }
    let refused = || match value {
        Scalar::Text(text) => Error::evaluate(format!("cannot convert '{text}' to {to}")),
        _ => Error::evaluate(format!("cannot convert {} to {to}", written(value, from))),
    };
    let converted = match (value, to) {
        (Scalar::Text(text), _) if from.is_text() => match text_to(text, to) {
            None => return Ok(None),
            Some(converted) => converted,
        },
        (Scalar::Integer(value), _) => match integer_to(*value, from, to) {
            None => return Ok(None),
            Some(converted) => converted,
        },
        (Scalar::Float(value), DataType::Float64) => Some(Scalar::Float(*value)),
        (Scalar::Float(value), DataType::Float32) => Some(Scalar::Float(f64::from(*value as f32))),
        (Scalar::Float(value), _) => match float_to(*value, to) {
            None => return Ok(None),
            Some(converted) => converted,
        },
        _ => return Ok(None),
    };
    converted.map(Some).ok_or_else(refused)
}

/// Least and greatest value of an integer type.
#[must_use]
pub fn integer_bounds(data_type: &DataType) -> Option<(i128, i128)> {
    Some(match data_type {
        DataType::Int8 => (i8::MIN.into(), i8::MAX.into()),
        DataType::Int16 => (i16::MIN.into(), i16::MAX.into()),
        DataType::Int32 => (i32::MIN.into(), i32::MAX.into()),
        DataType::Int64 => (i64::MIN.into(), i64::MAX.into()),
        DataType::Int128 => (i128::MIN, i128::MAX),
        DataType::UInt8 => (0, u8::MAX.into()),
        DataType::UInt16 => (0, u16::MAX.into()),
        DataType::UInt32 => (0, u32::MAX.into()),
        DataType::UInt64 => (0, u64::MAX.into()),
        _ => return None,
    })
}

/// Unscaled digits and scale of `12.30`, with an exponent too; `None` if that is no number or has
/// more than 38 digits.
#[must_use]
pub fn parse_decimal(text: &str) -> Option<(i128, i32)> {
    let text = text.trim();
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        None => (text, 0),
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
    };
    let (negative, digits) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut unscaled = 0_i128;
    for digit in whole.bytes().chain(fraction.bytes()) {
        if !digit.is_ascii_digit() {
            return None;
        }
        unscaled = unscaled.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
    }
    let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    Some((if negative { -unscaled } else { unscaled }, scale))
}

/// `unscaled` of one scale in another, rounded half away from zero; `None` on overflow.
#[must_use]
pub fn rescale_decimal(unscaled: i128, from_scale: i32, to_scale: i32) -> Option<i128> {
    let change = to_scale.checked_sub(from_scale)?;
    if change >= 0 {
        if unscaled == 0 {
            return Some(0);
        }
        return unscaled.checked_mul(10_i128.checked_pow(change.unsigned_abs())?);
    }
    let Some(divisor) = 10_i128.checked_pow(change.unsigned_abs()) else { return Some(0) };
    let (quotient, rest) = (unscaled / divisor, unscaled % divisor);
    let up = rest.unsigned_abs() >= divisor.unsigned_abs() - rest.unsigned_abs();
    Some(quotient + if up { unscaled.signum() } else { 0 })
}

fn fits_decimal(unscaled: i128, precision: u8) -> Option<Scalar> {
    let limit = 10_i128.checked_pow(precision.into())?;
    (unscaled.checked_abs()? < limit).then_some(Scalar::Integer(unscaled))
}

fn fits_integer(value: i128, to: &DataType) -> Option<Scalar> {
    let (low, high) = integer_bounds(to)?;
    (low..=high).contains(&value).then_some(Scalar::Integer(value))
}

/// The outer option is whether the conversion is known here, the inner one whether it succeeds.
fn text_to(text: &str, to: &DataType) -> Option<Option<Scalar>> {
    let trimmed = text.trim();
    Some(match to {
        DataType::Utf8 | DataType::Enum | DataType::Json => Some(Scalar::Text(text.into())),
        DataType::Boolean => match trimmed.to_ascii_lowercase().as_str() {
            "true" | "t" | "1" | "yes" | "y" => Some(Scalar::Boolean(true)),
            "false" | "f" | "0" | "no" | "n" => Some(Scalar::Boolean(false)),
            _ => None,
        },
        DataType::Float32 => trimmed.parse().ok().map(|value: f32| Scalar::Float(f64::from(value))),
        DataType::Float64 => trimmed.parse().ok().map(Scalar::Float),
        DataType::Decimal { precision, scale } => parse_decimal(trimmed)
            .and_then(|(digits, of)| rescale_decimal(digits, of, i32::from(*scale)))
            .and_then(|digits| fits_decimal(digits, *precision)),
        DataType::Date => parse::date(text).map(|days| Scalar::Integer(days.into())),
        DataType::Time { unit, .. } => {
            parse::time(text, *unit).map(|count| Scalar::Integer(count.into()))
        }
        DataType::Timestamp { unit, utc } => {
            parse::timestamp(text, *unit, *utc).map(|count| Scalar::Integer(count.into()))
        }
        DataType::Binary => parse::blob(text).map(|bytes| Scalar::Bytes(bytes.into())),
        DataType::SignedInterval => {
            Interval::parse(text).map(|interval| Scalar::Bytes(interval.to_bytes()[..].into()))
        }
        DataType::Uuid => parse::uuid(text).map(|bytes| Scalar::Bytes(bytes[..].into())),
        _ if integer_bounds(to).is_some() => parse_decimal(trimmed)
            .and_then(|(digits, of)| rescale_decimal(digits, of, 0))
            .and_then(|value| fits_integer(value, to)),
        _ => return None,
    })
}

fn integer_to(value: i128, from: &DataType, to: &DataType) -> Option<Option<Scalar>> {
    Some(match (from, to) {
        (DataType::Date, DataType::Timestamp { unit, .. }) => value
            .checked_mul(i128::from(calendar::MICROS_PER_DAY))
            .and_then(|micros| calendar::rescale(micros, TimeUnit::Micros, *unit))
            .map(Scalar::Integer),
        (DataType::Timestamp { unit, .. }, DataType::Date) => {
            Some(Scalar::Integer(value.div_euclid(86_400 * i128::from(unit.per_second()))))
        }
        (DataType::Timestamp { unit: from, .. }, DataType::Timestamp { unit: to, .. }) => {
            calendar::rescale(value, *from, *to).map(Scalar::Integer)
        }
        (DataType::Decimal { scale, .. }, DataType::Decimal { precision, scale: to }) => {
            rescale_decimal(value, i32::from(*scale), i32::from(*to))
                .and_then(|digits| fits_decimal(digits, *precision))
        }
        (DataType::Decimal { scale, .. }, DataType::Float64) => {
            Some(Scalar::Float(decimal_to_float(value, *scale)))
        }
        (DataType::Decimal { scale, .. }, _) if integer_bounds(to).is_some() => {
            rescale_decimal(value, i32::from(*scale), 0).and_then(|value| fits_integer(value, to))
        }
        _ if integer_bounds(from).is_some() => match to {
            DataType::Decimal { precision, scale } => rescale_decimal(value, 0, i32::from(*scale))
                .and_then(|digits| fits_decimal(digits, *precision)),
            DataType::Float64 => Some(Scalar::Float(value as f64)),
            DataType::Float32 => Some(Scalar::Float(f64::from(value as f32))),
            DataType::Boolean => Some(Scalar::Boolean(value != 0)),
            DataType::Utf8 => Some(Scalar::Text(value.to_string().into())),
            _ if integer_bounds(to).is_some() => fits_integer(value, to),
            _ => return None,
        },
        _ => return None,
    })
}

/// The nearest double: by the text, so that it is the correctly rounded one.
fn decimal_to_float(unscaled: i128, scale: u8) -> f64 {
    format!("{unscaled}e-{scale}").parse().unwrap_or(f64::NAN)
}

fn float_to(value: f64, to: &DataType) -> Option<Option<Scalar>> {
    Some(match to {
        DataType::Boolean => Some(Scalar::Boolean(value != 0.0)),
        DataType::Decimal { precision, scale } => {
            let scaled = (value * 10_f64.powi(i32::from(*scale))).round();
            (scaled.abs() < 1e38)
                .then_some(scaled as i128)
                .and_then(|v| fits_decimal(v, *precision))
        }
        _ if integer_bounds(to).is_some() => {
            let rounded = value.round_ties_even();
            (rounded.abs() < 1e38).then_some(rounded as i128).and_then(|v| fits_integer(v, to))
        }
        _ => return None,
    })
}

/// A constant as SQL would write it, for messages and column names.
#[must_use]
pub fn written(value: &Scalar, data_type: &DataType) -> String {
    match (value, data_type) {
        (Scalar::Integer(value), DataType::Decimal { scale, .. }) if *scale > 0 => {
            let digits = format!("{:0>width$}", value.unsigned_abs(), width = *scale as usize + 1);
            let (whole, fraction) = digits.split_at(digits.len() - *scale as usize);
            format!("{}{whole}.{fraction}", if *value < 0 { "-" } else { "" })
        }
        (Scalar::Integer(days), DataType::Date) => {
            let (year, month, day) = calendar::date_of(i64::try_from(*days).unwrap_or(0));
            format!("{year:04}-{month:02}-{day:02}")
        }
        (Scalar::Integer(value), _) => value.to_string(),
        (Scalar::Float(value), _) => value.to_string(),
        (Scalar::Boolean(value), _) => value.to_string(),
        (Scalar::Text(text), _) => format!("'{text}'"),
        (Scalar::Null, _) => "NULL".to_string(),
        (Scalar::Bytes(bytes), _) => format!("{} bytes", bytes.len()),
    }
}
