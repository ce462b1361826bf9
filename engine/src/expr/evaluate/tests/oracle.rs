//! A naive interpreter: one row at a time, over scalars, with none of the engine's kernels.

use std::cmp::Ordering;

use jiff::civil::Date;
use millwork_format::types::{DataType, TimeUnit};
use millwork_format::vector::Vector;

use crate::expr::{Comparison, DatePart, Expr, ExprKind, Function};
use crate::value::Scalar;

/// A value, or that there is an error.
pub(super) type Outcome = Result<Scalar, ()>;

pub(super) fn oracle(expr: &Expr, columns: &[Vector], row: usize) -> Outcome {
    let of = |expr: &Expr| oracle(expr, columns, row);
    let answer = |value: Option<bool>| Ok(value.map_or(Scalar::Null, Scalar::Boolean));
    match &expr.kind {
        ExprKind::Column(index) => {
            Ok(Scalar::of_row(&columns[*index], row, &expr.data_type).unwrap())
        }
        ExprKind::Literal(value) => Ok(value.clone()),
        ExprKind::And(parts) | ExprKind::Or(parts) => {
            let decides = matches!(expr.kind, ExprKind::Or(_));
            let mut unknown = false;
            for part in parts {
                match of(part)? {
                    Scalar::Boolean(value) if value == decides => return answer(Some(decides)),
                    Scalar::Null => unknown = true,
                    _ => {}
                }
            }
            answer((!unknown).then_some(!decides))
        }
        ExprKind::Case { branches, otherwise } => {
            for (condition, result) in branches {
                if of(condition)? == Scalar::Boolean(true) {
                    return of(result);
                }
            }
            of(otherwise)
        }
        ExprKind::InList { argument, list } => {
            let value = of(argument)?;
            if value.is_null() {
                return Ok(Scalar::Null);
            }
            if list.iter().any(|one| !one.is_null() && order(one, &value).is_eq()) {
                return answer(Some(true));
            }
            answer((!list.iter().any(Scalar::is_null)).then_some(false))
        }
        ExprKind::Cast { argument, strict } => {
            let value = of(argument)?;
            if value.is_null() {
                return Ok(Scalar::Null);
            }
            match cast(&value, &argument.data_type, &expr.data_type) {
                Some(value) => Ok(value),
                None if *strict => Err(()),
                None => Ok(Scalar::Null),
            }
        }
        ExprKind::Call(function, arguments) => {
            if let Function::Coalesce = function {
                for argument in arguments {
                    let value = of(argument)?;
                    if !value.is_null() {
                        return Ok(value);
                    }
                }
                return Ok(Scalar::Null);
            }
            let values: Vec<Scalar> = arguments.iter().map(of).collect::<Result<_, ()>>()?;
            call(function, &values, &arguments[0].data_type, &expr.data_type)
        }
    }
}

fn order(a: &Scalar, b: &Scalar) -> Ordering {
    match (a, b) {
        (Scalar::Boolean(a), Scalar::Boolean(b)) => a.cmp(b),
        (Scalar::Integer(a), Scalar::Integer(b)) => a.cmp(b),
        (Scalar::Float(a), Scalar::Float(b)) => match (a.is_nan(), b.is_nan()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            _ => a.partial_cmp(b).unwrap(),
        },
        (Scalar::Text(a), Scalar::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        _ => panic!("{a:?} against {b:?}"),
    }
}

/// The integer, if the type has it.
fn fitting(value: Option<i128>, data_type: &DataType) -> Outcome {
    let value = value.ok_or(())?;
    if let DataType::Decimal { .. } = data_type {
        return if value.abs() < 10i128.pow(38) { Ok(Scalar::Integer(value)) } else { Err(()) };
    }
    let scalar = Scalar::Integer(value);
    scalar.to_vector(data_type).map(|_| scalar).map_err(|_| ())
}

fn call(function: &Function, values: &[Scalar], from: &DataType, to: &DataType) -> Outcome {
    use Scalar::{Boolean, Float, Integer, Null, Text};
    let truth = |value: bool| Ok(Boolean(value));
    match (function, values) {
        (Function::IsNull, [a]) => return truth(a.is_null()),
        (Function::IsNotNull, [a]) => return truth(!a.is_null()),
        (Function::NotDistinct, [Null, b]) => return truth(b.is_null()),
        (Function::NotDistinct, [a, b]) => return truth(!b.is_null() && order(a, b).is_eq()),
        (Function::NullIf, [a, b]) => {
            let equal = !a.is_null() && !b.is_null() && order(a, b).is_eq();
            return Ok(if equal { Null } else { a.clone() });
        }
        (Function::Greatest | Function::Least, _) => {
            let there = values.iter().filter(|value| !value.is_null());
            let best = match function {
                Function::Greatest => there.max_by(|a, b| order(a, b)),
                _ => there.min_by(|a, b| order(a, b)),
            };
            return Ok(best.cloned().unwrap_or(Null));
        }
        _ if values.iter().any(Scalar::is_null) => return Ok(Null),
        _ => {}
    }
    match (function, values) {
        (Function::Compare(op), [a, b]) => truth(match op {
            Comparison::Equal => order(a, b).is_eq(),
            Comparison::NotEqual => order(a, b).is_ne(),
            Comparison::Less => order(a, b).is_lt(),
            Comparison::LessOrEqual => order(a, b).is_le(),
            Comparison::Greater => order(a, b).is_gt(),
            Comparison::GreaterOrEqual => order(a, b).is_ge(),
        }),
        (Function::Not, [Boolean(a)]) => truth(!a),
        (_, [Integer(a), Integer(b)]) => match function {
            Function::AddChecked => fitting(a.checked_add(*b), to),
            Function::SubtractChecked => fitting(a.checked_sub(*b), to),
            Function::MultiplyChecked => fitting(a.checked_mul(*b), to),
            Function::DivideInteger if *b != 0 => fitting(a.checked_div(*b), to),
            Function::Modulo if *b != 0 => fitting(a.checked_rem(*b), to),
            Function::DivideInteger | Function::Modulo => Err(()),
            Function::AddDays => fitting(a.checked_add(*b), to),
            Function::DaysBetween => Ok(Integer(a - b)),
            _ => panic!("{function:?}"),
        },
        (_, [Float(a), Float(b)]) => match function {
            Function::AddChecked => Ok(Float(a + b)),
            Function::SubtractChecked => Ok(Float(a - b)),
            Function::MultiplyChecked => Ok(Float(a * b)),
            Function::DivideFloat => Ok(Float(a / b)),
            Function::DivideFloatChecked if *b == 0.0 => Err(()),
            Function::DivideFloatChecked => Ok(Float(a / b)),
            Function::Modulo => Ok(Float(a % b)),
            _ => panic!("{function:?}"),
        },
        (Function::NegateChecked, [Integer(a)]) => fitting(a.checked_neg(), to),
        (Function::AbsoluteChecked, [Integer(a)]) => fitting(a.checked_abs(), to),
        (Function::NegateChecked, [Float(a)]) => Ok(Float(-a)),
        (Function::AbsoluteChecked, [Float(a)]) => Ok(Float(a.abs())),
        (Function::Floor, [Float(a)]) => Ok(Float(a.floor())),
        (Function::Ceiling, [Float(a)]) => Ok(Float(a.ceil())),
        (Function::Extract(part), [Integer(count)]) => Ok(Integer(extract(*part, *count, from))),
        (Function::Substring, [Text(a), Integer(start), Integer(length)]) => {
            let from = (*start - 1).max(0) as usize;
            let count = (*start - 1 + *length).max(0) as usize - from;
            Ok(Text(a.chars().skip(from).take(count).collect::<String>().into()))
        }
        (_, [Text(a)]) => Ok(match function {
            Function::Upper => Text(a.to_uppercase().into()),
            Function::Lower => Text(a.to_lowercase().into()),
            Function::Trim => Text(a.trim_matches(' ').into()),
            Function::Length => Integer(a.chars().count() as i128),
            Function::ByteLength => Integer(a.len() as i128),
            _ => panic!("{function:?}"),
        }),
        (_, [Text(a), Text(b)]) => match function {
            Function::Like { ignore_case: false, .. } => {
                let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
                truth(like(&b, &a))
            }
            Function::Like { .. } => {
                let lower = |text: &str| text.to_lowercase().chars().collect::<Vec<char>>();
                truth(like(&lower(b), &lower(a)))
            }
            Function::StartsWith => truth(a.starts_with(&**b)),
            Function::EndsWith => truth(a.ends_with(&**b)),
            Function::Contains => truth(a.contains(&**b)),
            Function::Concat => Ok(Text(format!("{a}{b}").into())),
            _ => panic!("{function:?}"),
        },
        (Function::Replace, [Text(a), Text(b), Text(c)]) => {
            Ok(Text(if b.is_empty() { a.clone() } else { a.replace(&**b, c).into() }))
        }
        _ => panic!("{function:?} of {values:?}"),
    }
}

fn like(pattern: &[char], text: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['%', rest @ ..] => (0..=text.len()).any(|skip| like(rest, &text[skip..])),
        ['_', rest @ ..] => !text.is_empty() && like(rest, &text[1..]),
        [c, rest @ ..] => text.first() == Some(c) && like(rest, &text[1..]),
    }
}

fn extract(part: DatePart, count: i128, from: &DataType) -> i128 {
    let micros = match from {
        DataType::Date => count * 86_400_000_000,
        DataType::Timestamp { unit: TimeUnit::Micros, .. } => count,
        _ => panic!("{from}"),
    };
    let days = micros.div_euclid(86_400_000_000) as i32;
    let date: Date = Date::constant(1970, 1, 1) + jiff::Span::new().days(days);
    let second = micros.div_euclid(1_000_000).rem_euclid(86_400);
    match part {
        DatePart::Year => date.year().into(),
        DatePart::Quarter => (date.month() as i128 + 2) / 3,
        DatePart::Month => date.month().into(),
        DatePart::Week => date.iso_week_date().week().into(),
        DatePart::Day => date.day().into(),
        DatePart::DayOfWeek => date.weekday().to_sunday_zero_offset().into(),
        DatePart::DayOfYear => date.day_of_year().into(),
        DatePart::Hour => second / 3600,
        DatePart::Minute => second / 60 % 60,
        DatePart::Second => second % 60,
        DatePart::Millennium => (i128::from(date.year()) + 999).div_euclid(1000),
        DatePart::Century => (i128::from(date.year()) + 99).div_euclid(100),
        DatePart::Decade => i128::from(date.year()) / 10,
        DatePart::IsoYear => date.iso_week_date().year().into(),
        DatePart::IsoDayOfWeek => date.weekday().to_monday_one_offset().into(),
        DatePart::Millisecond => micros.rem_euclid(60_000_000) / 1000,
        DatePart::Microsecond => micros.rem_euclid(60_000_000),
        DatePart::Epoch | DatePart::Julian => panic!("not an integer"),
    }
}

/// Conversions by another way: over text, over 128 bits, over doubles.
fn cast(value: &Scalar, from: &DataType, to: &DataType) -> Option<Scalar> {
    let scale_of = |data_type: &DataType| match data_type {
        DataType::Decimal { scale, .. } => u32::from(*scale),
        _ => 0,
    };
    let decimal = |unscaled: i128| match to {
        DataType::Decimal { precision, .. } => {
            (unscaled.abs() < 10i128.pow((*precision).into())).then_some(Scalar::Integer(unscaled))
        }
        _ => fitting(Some(unscaled), to).ok(),
    };
    match (value, to) {
        (Scalar::Integer(value), DataType::Float64) => {
            Some(Scalar::Float(*value as f64 / 10f64.powi(scale_of(from) as i32)))
        }
        (Scalar::Integer(value), DataType::Utf8) => Some(Scalar::Text(match from {
            DataType::Decimal { scale: 2, .. } => {
                let sign = if *value < 0 { "-" } else { "" };
                format!("{sign}{}.{:02}", value.abs() / 100, value.abs() % 100).into()
            }
            DataType::Date => {
                let days = *value as i32;
                (Date::constant(1970, 1, 1) + jiff::Span::new().days(days)).to_string().into()
            }
            _ => value.to_string().into(),
        })),
        (Scalar::Integer(value), DataType::Timestamp { .. }) if *from == DataType::Date => {
            fitting(Some(value * 86_400_000_000), to).ok()
        }
        (Scalar::Integer(value), DataType::Date) => {
            fitting(Some(value.div_euclid(86_400_000_000)), to).ok()
        }
        (Scalar::Integer(value), _) => {
            let (have, want) = (scale_of(from), scale_of(to));
            if want >= have {
                return decimal(value.checked_mul(10i128.pow(want - have))?);
            }
            let unit = 10i128.pow(have - want);
            let half = if *value < 0 { -(unit / 2) } else { unit / 2 };
            decimal((value + half) / unit)
        }
        (Scalar::Float(value), DataType::Int32) => {
            let rounded = value.round_ties_even();
            let fits = rounded >= f64::from(i32::MIN) && rounded <= f64::from(i32::MAX);
            fits.then_some(Scalar::Integer(rounded as i128))
        }
        (Scalar::Text(text), DataType::Int32) => {
            text.trim().parse::<i32>().ok().map(|value| Scalar::Integer(value.into()))
        }
        (Scalar::Boolean(value), DataType::Int32) => Some(Scalar::Integer((*value).into())),
        _ => panic!("{value:?} as {to}"),
    }
}
