//! Functions of constants.

use std::cmp::Ordering;

use millwork_format::types::{DataType, TimeUnit};

use super::calendar;
use super::convert::integer_bounds;
use crate::error::{Error, Result};
use crate::expr::{Comparison, Expr, Function};
use crate::kernel::interval::Interval;
use crate::value::Scalar;

/// `function` of `values`; `None` if that is left to the evaluator.
///
/// # Errors
/// `Evaluate` on overflow.
pub(super) fn call(
    function: &Function,
    arguments: &[Expr],
    values: &[&Scalar],
    result: &DataType,
) -> Result<Option<Scalar>> {
    match (function, values) {
        (Function::IsNull, [value]) => return Ok(Some(Scalar::Boolean(value.is_null()))),
        (Function::IsNotNull, [value]) => return Ok(Some(Scalar::Boolean(!value.is_null()))),
        (Function::Compare(_) | Function::AddInterval, _)
        | (Function::AddChecked | Function::SubtractChecked | Function::MultiplyChecked, _)
            if values.iter().any(|value| value.is_null()) =>
        {
            return Ok(Some(Scalar::Null));
        }
        _ => {}
    }
    let folded = match (function, values) {
        (Function::Compare(comparison), [left, right]) => {
            order(left, right).map(|order| Scalar::Boolean(holds(*comparison, order)))
        }
        (Function::Not, [Scalar::Boolean(value)]) => Some(Scalar::Boolean(!value)),
        (Function::AddInterval, [Scalar::Integer(from), Scalar::Bytes(interval)]) => {
            let [argument, _] = arguments else { return Ok(None) };
            add_interval(*from, &argument.data_type, interval, result)
        }
        (Function::NegateInterval, [Scalar::Bytes(interval)]) => {
            let negated = Interval::from_bytes(interval).and_then(Interval::negated);
            negated.map(|interval| Scalar::Bytes(interval.to_bytes()[..].into()))
        }
        (Function::AddDays, [Scalar::Integer(date), Scalar::Integer(days)]) => {
            date.checked_add(*days).filter(|sum| i32::try_from(*sum).is_ok()).map(Scalar::Integer)
        }
        (Function::DaysBetween, [Scalar::Integer(left), Scalar::Integer(right)]) => {
            left.checked_sub(*right).map(Scalar::Integer)
        }
        (Function::NegateChecked, [Scalar::Integer(value)]) => {
            return checked(value.checked_neg(), result).map(Some);
        }
        (Function::NegateChecked, [Scalar::Float(value)]) => Some(Scalar::Float(-value)),
        (_, [Scalar::Integer(left), Scalar::Integer(right)]) => {
            return integers(function, *left, *right, result);
        }
        (_, [Scalar::Float(left), Scalar::Float(right)]) if *result == DataType::Float64 => {
            match function {
                Function::AddChecked => Some(Scalar::Float(left + right)),
                Function::SubtractChecked => Some(Scalar::Float(left - right)),
                Function::MultiplyChecked => Some(Scalar::Float(left * right)),
                Function::DivideFloat => Some(Scalar::Float(left / right)),
                _ => None,
            }
        }
        _ => None,
    };
    Ok(folded)
}

fn integers(
    function: &Function,
    left: i128,
    right: i128,
    result: &DataType,
) -> Result<Option<Scalar>> {
    let value = match function {
        Function::AddChecked => left.checked_add(right),
        Function::SubtractChecked => left.checked_sub(right),
        Function::MultiplyChecked => left.checked_mul(right),
        // An error of the row that needs it: this may stand behind a guard.
        Function::DivideInteger | Function::Modulo if right == 0 => return Ok(None),
        Function::DivideInteger => left.checked_div(right),
        Function::Modulo => left.checked_rem(right),
        _ => return Ok(None),
    };
    checked(value, result).map(Some)
}

fn checked(value: Option<i128>, result: &DataType) -> Result<Scalar> {
    let (low, high) = match result {
        DataType::Decimal { precision, .. } => {
            let limit = 10_i128.checked_pow((*precision).into()).unwrap_or(i128::MAX) - 1;
            (-limit, limit)
        }
        other => integer_bounds(other).unwrap_or((i128::MIN, i128::MAX)),
    };
    value
        .filter(|value| (low..=high).contains(value))
        .map(Scalar::Integer)
        .ok_or_else(|| Error::evaluate(format!("overflow in a calculation of {result}")))
}

fn order(left: &Scalar, right: &Scalar) -> Option<Ordering> {
    match (left, right) {
        (Scalar::Integer(left), Scalar::Integer(right)) => Some(left.cmp(right)),
        (Scalar::Text(left), Scalar::Text(right)) => Some(left.as_bytes().cmp(right.as_bytes())),
        (Scalar::Boolean(left), Scalar::Boolean(right)) => Some(left.cmp(right)),
        (Scalar::Float(left), Scalar::Float(right)) => {
            left.partial_cmp(right).or_else(|| Some(left.is_nan().cmp(&right.is_nan())))
        }
        _ => None,
    }
}

fn holds(comparison: Comparison, order: Ordering) -> bool {
    match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }
}

/// What holds where `comparison` does not (nulls aside).
pub(super) fn negated(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Equal => Comparison::NotEqual,
        Comparison::NotEqual => Comparison::Equal,
        Comparison::Less => Comparison::GreaterOrEqual,
        Comparison::LessOrEqual => Comparison::Greater,
        Comparison::Greater => Comparison::LessOrEqual,
        Comparison::GreaterOrEqual => Comparison::Less,
    }
}

fn add_interval(
    value: i128,
    from: &DataType,
    interval: &[u8],
    result: &DataType,
) -> Option<Scalar> {
    let DataType::Timestamp { unit, .. } = result else { return None };
    let micros = match from {
        DataType::Date => value.checked_mul(i128::from(calendar::MICROS_PER_DAY))?,
        DataType::Timestamp { unit, .. } => calendar::rescale(value, *unit, TimeUnit::Micros)?,
        _ => return None,
    };
    let added = Interval::from_bytes(interval)?;
    let micros = i64::try_from(micros).ok()?;
    let days =
        calendar::add_months(micros.div_euclid(calendar::MICROS_PER_DAY), added.months.into());
    let days = days.checked_add(added.days.into())?;
    let sum = days
        .checked_mul(calendar::MICROS_PER_DAY)?
        .checked_add(micros.rem_euclid(calendar::MICROS_PER_DAY))?
        .checked_add(added.micros)?;
    calendar::rescale(sum.into(), TimeUnit::Micros, *unit).map(Scalar::Integer)
}
