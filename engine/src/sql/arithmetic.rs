//! `+ - * / // %` and unary minus: which function, over which types.

use millwork_format::types::{DataType, TimeUnit};

use super::ast::Arithmetic;
use super::types::{self, MAX_PRECISION, TIMESTAMP, call, coerce, is_float, is_integer, is_number};
use crate::error::{Error, Result};
use crate::expr::{Expr, Function};
use crate::value::{Scalar, integer_bounds};

/// `left operator right` as they are written: digits, as in `100::tinyint + 100`, are of the type of the other
/// side if it holds them. `is_digits`: which sides are digits.
///
/// # Errors
/// As [`bind`].
pub fn bind_written(operator: Arithmetic, sides: [Expr; 2], is_digits: [bool; 2]) -> Result<Expr> {
    let [left, right] = sides;
    match is_digits {
        [true, false] => bind(operator, beside(left, &right)?, right),
        [false, true] => {
            let right = beside(right, &left)?;
            bind(operator, left, right)
        }
        _ => bind(operator, left, right),
    }
}

/// Digits as the integer type beside them, if that holds them.
fn beside(digits: Expr, other: &Expr) -> Result<Expr> {
    let Some(Scalar::Integer(value)) = digits.as_literal() else { return Ok(digits) };
    match (integer_bounds(&other.data_type), is_integer(&digits.data_type)) {
        (Some((low, high)), true) if (low..=high).contains(value) => {
            coerce(digits, &other.data_type)
        }
        _ => Ok(digits),
    }
}

/// `left operator right`.
///
/// # Errors
/// `Type` if the operator is not defined for the types, `Evaluate` if constants overflow.
pub fn bind(operator: Arithmetic, left: Expr, right: Expr) -> Result<Expr> {
    if let Some(dates) = dates(operator, &left, &right)? {
        return Ok(dates);
    }
    let (left, right) = (number(left, operator)?, number(right, operator)?);
    match operator {
        Arithmetic::Divide => {
            let of = float_type(&left, &right).unwrap_or(DataType::Float64);
            same(Function::DivideFloat, left, right, &of)
        }
        Arithmetic::DivideInteger => match integer_type(&left, &right) {
            Some(common) => same(Function::DivideInteger, left, right, &common),
            None => {
                let of = float_type(&left, &right).unwrap_or(DataType::Float64);
                same(Function::DivideFloatChecked, left, right, &of)
            }
        },
        Arithmetic::Add => sum(Function::AddChecked, left, right),
        Arithmetic::Subtract => sum(Function::SubtractChecked, left, right),
        Arithmetic::Multiply => product(left, right),
        Arithmetic::Modulo => {
            let common = common(operator, &left, &right)?;
            same(Function::Modulo, left, right, &common)
        }
    }
}

/// `-argument`.
///
/// # Errors
/// As [`bind`].
pub fn negate(argument: Expr) -> Result<Expr> {
    if is_interval(&argument.data_type) {
        return negated_interval(argument);
    }
    let argument = number(argument, Arithmetic::Subtract)?;
    let data_type = argument.data_type.clone();
    Ok(call(Function::NegateChecked, vec![argument], data_type))
}

/// Text constants and NULL become numbers; with FLOAT16 it is computed as with FLOAT.
fn number(expr: Expr, operator: Arithmetic) -> Result<Expr> {
    if expr.data_type == DataType::Float16 {
        return coerce(expr, &DataType::Float32);
    }
    if is_number(&expr.data_type) {
        return Ok(expr);
    }
    match (&expr.data_type, expr.as_literal()) {
        (DataType::Null, _) => coerce(expr, &DataType::Int32),
        (_, Some(Scalar::Text(_))) => coerce(expr, &DataType::Float64),
        (other, _) => {
            Err(Error::types(format!("operator {} is not defined for {other}", operator.symbol()))
                .hint("convert it with CAST"))
        }
    }
}

fn common(operator: Arithmetic, left: &Expr, right: &Expr) -> Result<DataType> {
    let found = integer_type(left, right).or_else(|| types::common_of(left, right));
    found.ok_or_else(|| {
        Error::types(format!(
            "operator {} is not defined for {} and {}",
            operator.symbol(),
            left.data_type,
            right.data_type
        ))
    })
}

fn integer_type(left: &Expr, right: &Expr) -> Option<DataType> {
    types::common(&left.data_type, &right.data_type).filter(is_integer)
}

fn same(function: Function, left: Expr, right: Expr, of: &DataType) -> Result<Expr> {
    Ok(call(function, vec![coerce(left, of)?, coerce(right, of)?], of.clone()))
}

fn float_type(left: &Expr, right: &Expr) -> Option<DataType> {
    let is_float = is_float(&left.data_type) || is_float(&right.data_type);
    is_float.then(|| types::common(&left.data_type, &right.data_type)).flatten()
}

/// Decimal: the digits before the point of the longer one and one more, the longer scale.
fn sum(function: Function, left: Expr, right: Expr) -> Result<Expr> {
    if let Some(of) = float_type(&left, &right).or_else(|| integer_type(&left, &right)) {
        return same(function, left, right, &of);
    }
    let digits = [&left, &right].map(|side| types::decimal_digits(&side.data_type));
    let [Some(a), Some(b)] = digits else {
        return Err(Error::internal("numbers without digits"));
    };
    let scale = a.1.max(b.1);
    let whole = a.0.saturating_sub(a.1).max(b.0.saturating_sub(b.1));
    let precision = (whole + scale + 1).min(MAX_PRECISION);
    let result = DataType::Decimal { precision, scale };
    let scaled = |side: Expr| match side.data_type {
        DataType::Decimal { scale: same, .. } if same == scale => Ok(side),
        _ => coerce(side, &result),
    };
    Ok(call(function, vec![scaled(left)?, scaled(right)?], result.clone()))
}

/// Decimal: digits and scales add up.
fn product(left: Expr, right: Expr) -> Result<Expr> {
    let function = Function::MultiplyChecked;
    if let Some(of) = float_type(&left, &right).or_else(|| integer_type(&left, &right)) {
        return same(function, left, right, &of);
    }
    let (Some(a), Some(b)) = (types::digits_of(&left), types::digits_of(&right)) else {
        return Err(Error::internal("numbers without digits"));
    };
    let scale = a.1 + b.1;
    if scale > MAX_PRECISION {
        let what =
            format!("a product of scale {scale}: DECIMAL has at most {MAX_PRECISION} digits");
        return Err(Error::types(what).hint("convert one side with CAST(.. AS DOUBLE)"));
    }
    let decimal = |side: Expr, (precision, scale)| match side.data_type {
        DataType::Decimal { .. } => Ok(side),
        _ => coerce(side, &DataType::Decimal { precision, scale }),
    };
    let precision = (a.0 + b.0).min(MAX_PRECISION);
    let arguments = vec![decimal(left, a)?, decimal(right, b)?];
    Ok(call(function, arguments, DataType::Decimal { precision, scale }))
}

fn is_interval(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Interval | DataType::SignedInterval)
}

/// Dates, times, timestamps and intervals; `None` if it is about numbers.
fn dates(operator: Arithmetic, left: &Expr, right: &Expr) -> Result<Option<Expr>> {
    use Arithmetic::{Add, Subtract};
    let (a, b) = (left.clone(), right.clone());
    let is_moment = |of: &DataType| matches!(of, DataType::Date | DataType::Timestamp { .. });
    let bound = match (operator, &left.data_type, &right.data_type) {
        (_, x, y) if is_interval(x) || is_interval(y) => return intervals(operator, a, b),
        (Add, DataType::Date, days) if is_integer(days) => add_days(a, b),
        (Add, days, DataType::Date) if is_integer(days) => add_days(b, a),
        (Subtract, DataType::Date, days) if is_integer(days) => add_days(a, negate(b)?),
        (Subtract, DataType::Date, DataType::Date) => {
            Ok(call(Function::DaysBetween, vec![a, b], DataType::Int64))
        }
        (Subtract, x, y) if is_moment(x) && is_moment(y) => {
            let Some(common) = types::common(x, y) else { return Ok(None) };
            // An interval has no finer parts, and nanoseconds not all years.
            let common = match common {
                DataType::Timestamp { unit, utc } => {
                    DataType::Timestamp { unit: unit.min(TimeUnit::Micros), utc }
                }
                other => other,
            };
            let sides = vec![coerce(a, &common)?, coerce(b, &common)?];
            Ok(call(Function::TimeBetween, sides, DataType::SignedInterval))
        }
        _ => return Ok(None),
    };
    bound.map(Some)
}

/// Operations of which one side is an interval; `None` if there is none.
fn intervals(operator: Arithmetic, left: Expr, right: Expr) -> Result<Option<Expr>> {
    use Arithmetic::{Add, Divide, Multiply, Subtract};
    let is_moment = |of: &DataType| matches!(of, DataType::Date | DataType::Timestamp { .. });
    let is_time = |of: &DataType| matches!(of, DataType::Time { .. });
    let with_number = |function, interval: Expr, number: Expr| {
        let number = coerce(number, &DataType::Float64)?;
        Ok(call(function, vec![signed(interval)?, number], DataType::SignedInterval))
    };
    let bound = match (operator, &left.data_type, &right.data_type) {
        (Add, x, y) if is_interval(x) && is_interval(y) => {
            let sides = vec![signed(left)?, signed(right)?];
            Ok(call(Function::AddIntervals, sides, DataType::SignedInterval))
        }
        (Add, x, _) if is_moment(x) => shift(left, right),
        (Add, _, y) if is_moment(y) => shift(right, left),
        (Add, x, _) if is_time(x) => turn(left, right),
        (Add, _, y) if is_time(y) => turn(right, left),
        (Subtract, x, y) if is_interval(y) && (is_interval(x) || is_moment(x) || is_time(x)) => {
            return intervals(Add, left, negated_interval(right)?);
        }
        (Multiply, x, y) if is_interval(x) && is_number(y) => {
            with_number(Function::MultiplyInterval, left, right)
        }
        (Multiply, x, y) if is_number(x) && is_interval(y) => {
            with_number(Function::MultiplyInterval, right, left)
        }
        (Divide, x, y) if is_interval(x) && is_number(y) => {
            with_number(Function::DivideInterval, left, right)
        }
        _ => return Ok(None),
    };
    bound.map(Some)
}

fn signed(interval: Expr) -> Result<Expr> {
    coerce(interval, &DataType::SignedInterval)
}

/// TIME + INTERVAL.
fn turn(time: Expr, interval: Expr) -> Result<Expr> {
    let utc = matches!(time.data_type, DataType::Time { utc: true, .. });
    let result = DataType::Time { unit: TimeUnit::Micros, utc };
    let sides = vec![coerce(time, &result)?, signed(interval)?];
    Ok(call(Function::AddTime, sides, result))
}

fn add_days(date: Expr, days: Expr) -> Result<Expr> {
    Ok(call(Function::AddDays, vec![date, coerce(days, &DataType::Int32)?], DataType::Date))
}

/// In microseconds, as intervals are, or in the nanoseconds that the timestamp has.
fn shift(moment: Expr, interval: Expr) -> Result<Expr> {
    let result = match &moment.data_type {
        DataType::Timestamp { unit, utc } => {
            DataType::Timestamp { unit: *unit.max(&TimeUnit::Micros), utc: *utc }
        }
        _ => TIMESTAMP,
    };
    Ok(call(Function::AddInterval, vec![moment, signed(interval)?], result))
}

fn negated_interval(interval: Expr) -> Result<Expr> {
    Ok(call(Function::NegateInterval, vec![signed(interval)?], DataType::SignedInterval))
}
