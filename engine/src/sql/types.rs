//! Types of results and the casts that settle them, by DuckDB's rules.
//!
//! An integer constant takes the type of the other side if it fits. Integers widen to the least type
//! that holds both. An integer beside a decimal is a decimal of its digits; anything beside a DOUBLE
//! is a DOUBLE. A text constant takes the type of the other side.

use std::sync::Arc;

use millwork_format::types::{DataType, Field, TimeUnit};

use crate::error::{Error, Result};
use crate::expr::{Expr, ExprKind, Function, members};
use crate::plan::rules::fold::fold_node;
use crate::value::{Scalar, integer_bounds};

/// Digits of a DECIMAL at most.
pub const MAX_PRECISION: u8 = 38;

/// TIMESTAMP as SQL knows it.
pub const TIMESTAMP: DataType = DataType::Timestamp { unit: TimeUnit::Micros, utc: false };

/// Whether values are integers.
#[must_use]
pub fn is_integer(data_type: &DataType) -> bool {
    integer_bounds(data_type).is_some()
}

/// Whether values are binary floats.
#[must_use]
pub fn is_float(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Float16 | DataType::Float32 | DataType::Float64)
}

/// Whether values are numbers.
#[must_use]
pub fn is_number(data_type: &DataType) -> bool {
    is_integer(data_type) || is_float(data_type) || matches!(data_type, DataType::Decimal { .. })
}

/// Precision and scale of a number without a fraction or of a decimal.
#[must_use]
pub fn decimal_digits(data_type: &DataType) -> Option<(u8, u8)> {
    let precision = match data_type {
        DataType::Decimal { precision, scale } => return Some((*precision, *scale)),
        DataType::Int8 | DataType::UInt8 => 3,
        DataType::Int16 | DataType::UInt16 => 5,
        DataType::Int32 | DataType::UInt32 => 10,
        DataType::Int64 => 19,
        DataType::UInt64 => 20,
        DataType::Int128 => MAX_PRECISION,
        _ => return None,
    };
    Some((precision, 0))
}

/// As [`decimal_digits`]; a constant has as many digits as it has.
#[must_use]
pub fn digits_of(expr: &Expr) -> Option<(u8, u8)> {
    let (precision, scale) = decimal_digits(&expr.data_type)?;
    match (expr.as_literal(), &expr.data_type) {
        (_, DataType::Decimal { .. }) => Some((precision, scale)),
        (Some(Scalar::Integer(value)), _) => {
            let digits = value.unsigned_abs().checked_ilog10().map_or(1, |log| log + 1);
            Some((u8::try_from(digits).unwrap_or(MAX_PRECISION).min(MAX_PRECISION), 0))
        }
        _ => Some((precision, scale)),
    }
}

/// The least decimal that holds two.
#[must_use]
pub fn common_decimal(left: (u8, u8), right: (u8, u8)) -> DataType {
    let scale = left.1.max(right.1);
    let whole = left.0.saturating_sub(left.1).max(right.0.saturating_sub(right.1));
    DataType::Decimal { precision: (whole + scale).clamp(1, MAX_PRECISION), scale }
}

/// The least type that holds the values of both; `None` if there is none.
#[must_use]
pub fn common(left: &DataType, right: &DataType) -> Option<DataType> {
    if left == right {
        return Some(left.clone());
    }
    Some(match (left, right) {
        (DataType::Null, other) | (other, DataType::Null) => other.clone(),
        (a, b) if is_integer(a) && is_integer(b) => common_integer(a, b),
        (a, b) if is_number(a) && is_number(b) => match (decimal_digits(a), decimal_digits(b)) {
            (Some(a), Some(b)) => common_decimal(a, b),
            _ if *a == DataType::Float64 || *b == DataType::Float64 => DataType::Float64,
            _ => DataType::Float32,
        },
        (DataType::Boolean, b) if is_integer(b) => b.clone(),
        (a, DataType::Boolean) if is_integer(a) => a.clone(),
        (a, b) if a.is_text() && b.is_text() => DataType::Utf8,
        (DataType::Date, stamp @ DataType::Timestamp { .. })
        | (stamp @ DataType::Timestamp { .. }, DataType::Date) => stamp.clone(),
        (
            DataType::Timestamp { unit: left, utc: left_utc },
            DataType::Timestamp { unit: right, utc: right_utc },
        ) => DataType::Timestamp { unit: *left.max(right), utc: *left_utc || *right_utc },
        (
            DataType::Time { unit: left, utc: left_utc },
            DataType::Time { unit: right, utc: right_utc },
        ) => DataType::Time { unit: *left.max(right), utc: *left_utc || *right_utc },
        (DataType::Interval, DataType::SignedInterval)
        | (DataType::SignedInterval, DataType::Interval) => DataType::SignedInterval,
        (DataType::Binary | DataType::Fixed(_), DataType::Binary | DataType::Fixed(_)) => {
            DataType::Binary
        }
        (DataType::Int96, stamp @ DataType::Timestamp { .. })
        | (stamp @ DataType::Timestamp { .. }, DataType::Int96) => stamp.clone(),
        (DataType::Int96, DataType::Date) | (DataType::Date, DataType::Int96) => {
            DataType::Timestamp { unit: TimeUnit::Nanos, utc: false }
        }
        (DataType::List(a), DataType::List(b)) => DataType::List(common_field(a, b)?),
        (DataType::Map { key: a, value: x }, DataType::Map { key: b, value: y }) => {
            let value = match (x, y) {
                (Some(x), Some(y)) => Some(common_field(x, y)?),
                (None, None) => None,
                _ => return None,
            };
            DataType::Map { key: common_field(a, b)?, value }
        }
        (DataType::Struct(a), DataType::Struct(b)) => DataType::Struct(common_struct(a, b)?),
        _ => return None,
    })
}

fn common_field(left: &Arc<Field>, right: &Arc<Field>) -> Option<Arc<Field>> {
    let data_type = common(&left.data_type, &right.data_type)?;
    let nullable = left.nullable || right.nullable;
    Some(Arc::new(Field { name: Arc::clone(&left.name), data_type, nullable }))
}

/// All fields of both, by name; by place where one of the two has no names.
fn common_struct(left: &[Field], right: &[Field]) -> Option<Arc<[Field]>> {
    let has_names = |fields: &[Field]| fields.iter().any(|field| !field.name.is_empty());
    let both = |name: &Arc<str>, a: &Field, b: &Field| {
        let data_type = common(&a.data_type, &b.data_type)?;
        Some(Field { name: Arc::clone(name), data_type, nullable: true })
    };
    if !has_names(left) || !has_names(right) {
        let named = if has_names(left) { left } else { right };
        let fields = left.iter().zip(right).zip(named).map(|((a, b), of)| both(&of.name, a, b));
        return (left.len() == right.len()).then(|| fields.collect()).flatten();
    }
    let same = |a: &Field, b: &Field| a.name.eq_ignore_ascii_case(&b.name);
    let mut fields = Vec::with_capacity(left.len());
    for a in left {
        fields.push(match right.iter().find(|b| same(a, b)) {
            Some(b) => both(&a.name, a, b)?,
            None => Field { nullable: true, ..a.clone() },
        });
    }
    for b in right.iter().filter(|b| !left.iter().any(|a| same(a, b))) {
        fields.push(Field { nullable: true, ..b.clone() });
    }
    Some(fields.into())
}

fn common_integer(left: &DataType, right: &DataType) -> DataType {
    let bounds = |of: &DataType| integer_bounds(of).unwrap_or((0, 0));
    let (low, high) = (bounds(left).0.min(bounds(right).0), bounds(left).1.max(bounds(right).1));
    let order = [
        DataType::Int8,
        DataType::UInt8,
        DataType::Int16,
        DataType::UInt16,
        DataType::Int32,
        DataType::UInt32,
        DataType::Int64,
        DataType::UInt64,
    ];
    let holds = |of: &DataType| bounds(of).0 <= low && high <= bounds(of).1;
    order.into_iter().find(holds).unwrap_or(DataType::Int128)
}

/// The common type of two expressions: constants adapt to the other side.
#[must_use]
pub fn common_of(left: &Expr, right: &Expr) -> Option<DataType> {
    if let Some(adapted) = adapt(left, right).or_else(|| adapt(right, left)) {
        return Some(adapted);
    }
    if is_number(&left.data_type) && is_number(&right.data_type) {
        let is_decimal = |expr: &Expr| matches!(expr.data_type, DataType::Decimal { .. });
        if let (true, Some(a), Some(b)) =
            (is_decimal(left) || is_decimal(right), digits_of(left), digits_of(right))
        {
            return Some(common_decimal(a, b));
        }
    }
    common(&left.data_type, &right.data_type)
}

/// The least type from INTEGER on that holds the digits of a constant.
#[must_use]
pub fn type_of_digits(value: i128) -> DataType {
    match (i32::try_from(value), i64::try_from(value)) {
        (Ok(_), _) => DataType::Int32,
        (_, Ok(_)) => DataType::Int64,
        _ => DataType::Int128,
    }
}

/// The type of `other` if the constant `expr` takes it.
fn adapt(expr: &Expr, other: &Expr) -> Option<DataType> {
    let of = &other.data_type;
    match expr.as_literal()? {
        Scalar::Text(_) if !of.is_nested() && *of != DataType::Null => Some(of.clone()),
        Scalar::Bytes(bytes) => match of {
            DataType::Fixed(length) if bytes.len() == *length as usize => Some(of.clone()),
            _ => None,
        },
        // As digits are written; what was computed has the type that it has.
        Scalar::Integer(value)
            if expr.data_type == type_of_digits(*value) && other.as_literal().is_none() =>
        {
            let (low, high) = integer_bounds(of)?;
            (low..=high).contains(value).then(|| of.clone())
        }
        _ => None,
    }
}

/// `expr` as `to`: a constant at once, else behind a cast.
///
/// # Errors
/// `Type` if the types never convert.
pub fn coerce(expr: Expr, to: &DataType) -> Result<Expr> {
    if expr.data_type == *to {
        return Ok(expr);
    }
    cast(expr, to.clone(), true)
}

/// CAST or TRY_CAST.
///
/// # Errors
/// `Type` if the types never convert.
pub fn cast(expr: Expr, to: DataType, strict: bool) -> Result<Expr> {
    let span = expr.span;
    if expr.data_type != DataType::Null && !is_castable(&expr.data_type, &to) {
        let what = format!("cannot convert {} to {to}", expr.data_type);
        let error = Error::types(what);
        return Err(match span {
            Some(span) => error.at(span),
            None => error,
        });
    }
    if expr.data_type == to {
        return Ok(expr);
    }
    let kind = ExprKind::Cast { argument: Box::new(expr), strict };
    Ok(folded(Expr { kind, data_type: to, span }))
}

fn is_castable(from: &DataType, to: &DataType) -> bool {
    let is_moment =
        |of: &DataType| matches!(of, DataType::Date | DataType::Timestamp { .. } | DataType::Int96);
    let is_bytes = |of: &DataType| matches!(of, DataType::Binary | DataType::Fixed(_));
    from == to
        || from.is_text() && !to.is_nested()
        || to.is_text()
        || (is_number(from) || *from == DataType::Boolean)
            && (is_number(to) || *to == DataType::Boolean)
        || is_moment(from) && (is_moment(to) || matches!(to, DataType::Time { .. }))
        || matches!((from, to), (DataType::Time { .. }, DataType::Time { .. }))
        || is_bytes(from) && is_bytes(to)
        || matches!((from, to), (DataType::Interval, DataType::SignedInterval))
        || is_castable_inside(from, to)
}

/// Whether the parts of two nested types convert.
fn is_castable_inside(from: &DataType, to: &DataType) -> bool {
    let part = |from: &DataType, to: &DataType| *from == DataType::Null || is_castable(from, to);
    match (from, to) {
        (DataType::List(from), DataType::List(to)) => part(&from.data_type, &to.data_type),
        (DataType::Map { key: a, value: x }, DataType::Map { key: b, value: y }) => {
            let values = match (x, y) {
                (Some(x), Some(y)) => part(&x.data_type, &y.data_type),
                (x, y) => x.is_none() && y.is_none(),
            };
            values && part(&a.data_type, &b.data_type)
        }
        (DataType::Struct(from), DataType::Struct(to)) => members(from, to).is_some_and(|places| {
            let mut pairs = places.iter().zip(to.iter());
            pairs.all(|(place, to)| {
                place.is_none_or(|place| part(&from[place].data_type, &to.data_type))
            })
        }),
        _ => false,
    }
}

/// `expr` computed, if all its parts are constants. One that cannot be computed stays: there may be no row
/// that meets it.
#[must_use]
pub fn folded(mut expr: Expr) -> Expr {
    fold_node(&mut expr);
    expr
}

/// Both sides of a comparison in one type; decimals in one scale.
///
/// # Errors
/// `Type` if there is no such type.
pub fn comparable(left: Expr, right: Expr) -> Result<(Expr, Expr)> {
    if let Some(day) = midnight(&left, &right) {
        return Ok((left, day));
    }
    if let Some(day) = midnight(&right, &left) {
        return Ok((day, right));
    }
    let target = common_of(&left, &right)
        .or_else(|| text_beside(&left.data_type, &right.data_type))
        .ok_or_else(|| {
            let what = format!("cannot compare {} with {}", left.data_type, right.data_type);
            Error::types(what).hint("convert one side with CAST")
        })?;
    Ok((to_scale(left, &target)?, to_scale(right, &target)?))
}

/// A text beside a number or a date is read as one, as DuckDB does.
fn text_beside(left: &DataType, right: &DataType) -> Option<DataType> {
    let plain = |of: &DataType| (!of.is_nested()).then(|| of.clone());
    match (left.is_text(), right.is_text()) {
        (true, false) => plain(right),
        (false, true) => plain(left),
        _ => None,
    }
}

/// A decimal of the target's scale stays as it is.
fn to_scale(expr: Expr, target: &DataType) -> Result<Expr> {
    match (&expr.data_type, target) {
        (DataType::Decimal { scale, .. }, DataType::Decimal { scale: wanted, .. })
            if scale == wanted && expr.as_literal().is_none() =>
        {
            Ok(expr)
        }
        _ => coerce(expr, target),
    }
}

/// A timestamp constant at midnight as a date, beside a date: so the column is compared as it is.
fn midnight(date: &Expr, stamp: &Expr) -> Option<Expr> {
    let (DataType::Date, DataType::Timestamp { unit, .. }) = (&date.data_type, &stamp.data_type)
    else {
        return None;
    };
    let Some(Scalar::Integer(value)) = stamp.as_literal() else { return None };
    let per_day = 86_400 * i128::from(unit.per_second());
    let is_midnight = value.rem_euclid(per_day) == 0;
    let day = Expr {
        span: stamp.span,
        ..Expr::literal(Scalar::Integer(value.div_euclid(per_day)), DataType::Date)
    };
    is_midnight.then_some(day)
}

/// A call, [`folded`].
#[must_use]
pub fn call(function: Function, arguments: Vec<Expr>, data_type: DataType) -> Expr {
    let span = arguments.iter().filter_map(|argument| argument.span).reduce(super::cover);
    folded(Expr { kind: ExprKind::Call(function, arguments), data_type, span })
}

/// The MAP of these keys, which are never null, and values.
#[must_use]
pub fn map_of(key: DataType, value: DataType) -> DataType {
    let value = Some(Arc::new(Field::nullable("value", value)));
    DataType::Map { key: Arc::new(Field::required("key", key)), value }
}
