//! Calls of functions by name.

use millwork_format::schema::closest;
use millwork_format::types::{DataType, TimeUnit};

use super::expression::{boolean, compare, text, unified};
use super::frame::Frame;
use super::{Binder, nested};
use crate::error::{Error, Result};
use crate::expr::{Comparison, DatePart, Expr, ExprKind, Function};
use crate::sql::ast::Call;
use crate::sql::types::{self, TIMESTAMP, call, coerce};
use crate::sql::{arithmetic, ast, date_part};
use crate::value::Scalar;

/// Every function that is not an aggregate, for `did you mean`.
const NAMES: &[&str] = &[
    "abs",
    "ceil",
    "ceiling",
    "century",
    "char_length",
    "character_length",
    "coalesce",
    "concat",
    "contains",
    "date_part",
    "date_trunc",
    "datepart",
    "day",
    "dayofmonth",
    "dayofweek",
    "dayofyear",
    "decade",
    "ends_with",
    "epoch",
    "floor",
    "greatest",
    "hour",
    "if",
    "ifnull",
    "isodow",
    "isoyear",
    "julian",
    "lcase",
    "least",
    "left",
    "len",
    "length",
    "lower",
    "microsecond",
    "millennium",
    "millisecond",
    "minute",
    "mod",
    "month",
    "nullif",
    "octet_length",
    "prefix",
    "quarter",
    "regexp_matches",
    "replace",
    "right",
    "round",
    "second",
    "starts_with",
    "strlen",
    "substr",
    "substring",
    "suffix",
    "trim",
    "ucase",
    "upper",
    "week",
    "weekofyear",
    "year",
];

impl Binder<'_> {
    /// A call: an aggregate or a function of its arguments.
    pub(super) fn call(&mut self, frame: &mut Frame<'_>, function: &Call) -> Result<Expr> {
        let name = function.name.text.to_ascii_lowercase();
        if super::unnest::is_unnest(&name) {
            return self.unnest(frame, function);
        }
        if super::aggregate::is_aggregate(&name) {
            return self.aggregate(frame, function, &name);
        }
        if function.distinct || function.filter.is_some() || function.star {
            let what = format!("{name} is no aggregate: DISTINCT, FILTER and * are for those");
            return Err(if NAMES.iter().chain(nested::NAMES).any(|known| *known == name) {
                Error::syntax(what)
            } else {
                unknown(&function.name.text)
            });
        }
        let arguments = self.exprs(frame, &function.arguments)?;
        if let Some(part) = part_function(&name) {
            let [argument] = exactly(&name, arguments)?;
            return extract(part, argument);
        }
        if matches!(name.as_str(), "date_part" | "datepart" | "date_trunc") {
            return part_of(&name, arguments);
        }
        let arguments = match nested::bind(&name, arguments, &function.argument_names)? {
            Ok(bound) => return Ok(bound),
            Err(arguments) => arguments,
        };
        match numeric(&name, arguments)? {
            Ok(bound) => Ok(bound),
            Err(arguments) => match textual(&name, arguments)? {
                Ok(bound) => Ok(bound),
                Err(arguments) => general(&name, arguments, function),
            },
        }
    }
}

fn unknown(name: &str) -> Error {
    let error = Error::name(format!("unknown function {name}"));
    let names = NAMES.iter().chain(nested::NAMES).chain(super::aggregate::NAMES).copied();
    match closest(name, names) {
        Some(near) => error.hint(format!("did you mean {near}?")),
        None => error,
    }
}

/// The arguments if there are exactly that many.
pub(super) fn exactly<const N: usize>(name: &str, arguments: Vec<Expr>) -> Result<[Expr; N]> {
    let found = arguments.len();
    arguments
        .try_into()
        .map_err(|_| Error::types(format!("{name} takes {N} arguments, found {found}")))
}

fn part_function(name: &str) -> Option<DatePart> {
    match name {
        "weekofyear" => Some(DatePart::Week),
        "year" | "quarter" | "month" | "week" | "day" | "dayofmonth" | "dayofweek"
        | "dayofyear" | "hour" | "minute" | "second" | "epoch" | "millennium" | "century"
        | "decade" | "isoyear" | "isodow" | "julian" | "millisecond" | "microsecond" => {
            date_part(name)
        }
        _ => None,
    }
}

fn part_of(name: &str, arguments: Vec<Expr>) -> Result<Expr> {
    let [part, argument] = exactly(name, arguments)?;
    let Some(Scalar::Text(text)) = part.as_literal() else {
        return Err(Error::unsupported(format!("{name} takes a constant part")));
    };
    let part =
        date_part(text).ok_or_else(|| Error::name(format!("unknown part of a date '{text}'")))?;
    if name != "date_trunc" {
        return extract(part, argument);
    }
    // Microseconds hold what is left of any finer moment, and far more years.
    let data_type = match &argument.data_type {
        DataType::Timestamp { unit, utc } => {
            DataType::Timestamp { unit: *unit.min(&TimeUnit::Micros), utc: *utc }
        }
        _ => TIMESTAMP,
    };
    let argument = match &argument.data_type {
        DataType::Date | DataType::Timestamp { .. } => argument,
        _ => coerce(argument, &data_type)?,
    };
    Ok(call(Function::DateTruncate(part), vec![argument], data_type))
}

/// A part of a date or a time.
pub(super) fn extract(part: DatePart, argument: Expr) -> Result<Expr> {
    let argument = match &argument.data_type {
        DataType::Date
        | DataType::Timestamp { .. }
        | DataType::Time { .. }
        | DataType::SignedInterval => argument,
        DataType::Interval => coerce(argument, &DataType::SignedInterval)?,
        DataType::Null => coerce(argument, &DataType::Date)?,
        data_type if data_type.is_text() && argument.as_literal().is_some() => {
            coerce(argument, &TIMESTAMP)?
        }
        DataType::Int96 => coerce(argument, &TIMESTAMP)?,
        other => return Err(Error::types(format!("{other} has no {part:?}"))),
    };
    let of_days = matches!(
        part,
        DatePart::IsoYear
            | DatePart::Week
            | DatePart::DayOfWeek
            | DatePart::IsoDayOfWeek
            | DatePart::DayOfYear
            | DatePart::Julian
    );
    if of_days && argument.data_type == DataType::SignedInterval {
        return Err(Error::types(format!("INTERVAL has no {part:?}")));
    }
    let of_time = matches!(
        part,
        DatePart::Hour
            | DatePart::Minute
            | DatePart::Second
            | DatePart::Millisecond
            | DatePart::Microsecond
            | DatePart::Epoch
    );
    if !of_time && matches!(argument.data_type, DataType::Time { .. }) {
        return Err(Error::types(format!("TIME has no {part:?}")));
    }
    let result = match part {
        DatePart::Epoch | DatePart::Julian => DataType::Float64,
        _ => DataType::Int64,
    };
    Ok(call(Function::Extract(part), vec![argument], result))
}

/// The arguments come back if the name is not of this kind.
type Tried = std::result::Result<Expr, Vec<Expr>>;

fn numeric(name: &str, arguments: Vec<Expr>) -> Result<Tried> {
    Ok(Ok(match name {
        "abs" => {
            let [argument] = exactly(name, arguments)?;
            let argument = number(name, argument)?;
            let data_type = argument.data_type.clone();
            call(Function::AbsoluteChecked, vec![argument], data_type)
        }
        "mod" => {
            let [left, right] = exactly(name, arguments)?;
            arithmetic::bind(ast::Arithmetic::Modulo, left, right)?
        }
        "floor" | "ceil" | "ceiling" => {
            let [argument] = exactly(name, arguments)?;
            let argument = number(name, argument)?;
            let function = if name == "floor" { Function::Floor } else { Function::Ceiling };
            match argument.data_type {
                DataType::Decimal { scale: 0, .. } => argument,
                DataType::Decimal { precision, .. } => {
                    call(function, vec![argument], DataType::Decimal { precision, scale: 0 })
                }
                DataType::Float32 => call(function, vec![argument], DataType::Float32),
                _ => call(function, vec![coerce(argument, &DataType::Float64)?], DataType::Float64),
            }
        }
        "round" => round(arguments)?,
        _ => return Ok(Err(arguments)),
    }))
}

fn number(name: &str, argument: Expr) -> Result<Expr> {
    match &argument.data_type {
        DataType::Null => coerce(argument, &DataType::Float64),
        DataType::Float16 => coerce(argument, &DataType::Float32),
        data_type if types::is_number(data_type) => Ok(argument),
        other => Err(Error::types(format!("{name} takes a number, found {other}"))),
    }
}

/// Bytes of a text or of bytes.
fn byte_length(argument: Expr) -> Result<Expr> {
    let argument = match argument.data_type {
        DataType::Fixed(_) => coerce(argument, &DataType::Binary)?,
        DataType::Binary => argument,
        _ => text(argument)?,
    };
    Ok(call(Function::ByteLength, vec![argument], DataType::Int64))
}

/// `round(a[, digits])`: a decimal keeps the digits asked for as its scale.
fn round(mut arguments: Vec<Expr>) -> Result<Expr> {
    let digits = if arguments.len() == 2 { arguments.pop() } else { None };
    let [argument] = exactly("round", arguments)?;
    let argument = number("round", argument)?;
    let digits = match digits.as_ref().map(Expr::as_literal) {
        None => 0,
        Some(Some(Scalar::Integer(digits))) => i32::try_from(*digits).unwrap_or(i32::MAX),
        Some(_) => return Err(Error::unsupported("round takes a constant number of digits")),
    };
    let count = Expr::literal(Scalar::Integer(digits.into()), DataType::Int32);
    match argument.data_type {
        DataType::Decimal { precision, scale } => {
            let kept = u8::try_from(digits.max(0)).unwrap_or(u8::MAX).min(scale);
            // Where no digit behind the point goes, rounding up may need one more before it.
            let carried = u8::from(scale == 0 && digits < 0);
            let precision = (precision + carried).min(types::MAX_PRECISION);
            let result = DataType::Decimal { precision, scale: kept };
            Ok(call(Function::Round, vec![argument, count], result))
        }
        ref data_type if types::is_integer(data_type) => {
            let signed = signed_integer(data_type);
            let argument = coerce(argument, &signed)?;
            if digits >= 0 {
                return Ok(argument);
            }
            Ok(call(Function::Round, vec![argument, count], signed))
        }
        DataType::Float32 => Ok(call(Function::Round, vec![argument, count], DataType::Float32)),
        _ => {
            let argument = coerce(argument, &DataType::Float64)?;
            Ok(call(Function::Round, vec![argument, count], DataType::Float64))
        }
    }
}

/// The type in which integers are rounded: unsigned ones as BIGINT, the widest as HUGEINT.
fn signed_integer(data_type: &DataType) -> DataType {
    match data_type {
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => DataType::Int64,
        DataType::UInt64 => DataType::Int128,
        signed => signed.clone(),
    }
}

fn textual(name: &str, arguments: Vec<Expr>) -> Result<Tried> {
    let (function, result) = match name {
        "upper" | "ucase" => (Function::Upper, DataType::Utf8),
        "lower" | "lcase" => (Function::Lower, DataType::Utf8),
        "trim" => (Function::Trim, DataType::Utf8),
        "starts_with" | "prefix" => (Function::StartsWith, DataType::Boolean),
        "ends_with" | "suffix" => (Function::EndsWith, DataType::Boolean),
        "contains" => (Function::Contains, DataType::Boolean),
        "regexp_matches" => (Function::RegexpMatches, DataType::Boolean),
        "replace" => (Function::Replace, DataType::Utf8),
        "substring" | "substr" => return substring(name, arguments).map(Ok),
        "left" | "right" => {
            let [argument, count] = exactly(name, arguments)?;
            let function = if name == "left" { Function::Left } else { Function::Right };
            let arguments = vec![text(argument)?, coerce(count, &DataType::Int64)?];
            return Ok(Ok(call(function, arguments, DataType::Utf8)));
        }
        _ => return Ok(Err(arguments)),
    };
    let wanted = match function {
        Function::Upper | Function::Lower | Function::Trim => 1,
        Function::Replace => 3,
        _ => 2,
    };
    if arguments.len() != wanted {
        let found = arguments.len();
        return Err(Error::types(format!("{name} takes {wanted} arguments, found {found}")));
    }
    let arguments = arguments.into_iter().map(text).collect::<Result<Vec<_>>>()?;
    Ok(Ok(call(function, arguments, result)))
}

fn substring(name: &str, arguments: Vec<Expr>) -> Result<Expr> {
    if !(2..=3).contains(&arguments.len()) {
        let found = arguments.len();
        return Err(Error::types(format!("{name} takes 2 or 3 arguments, found {found}")));
    }
    let mut bound = Vec::with_capacity(3);
    for (index, argument) in arguments.into_iter().enumerate() {
        bound.push(if index == 0 { text(argument)? } else { coerce(argument, &DataType::Int64)? });
    }
    Ok(call(Function::Substring, bound, DataType::Utf8))
}

fn general(name: &str, arguments: Vec<Expr>, function: &Call) -> Result<Expr> {
    match name {
        "coalesce" | "ifnull" | "greatest" | "least" => {
            if arguments.is_empty() {
                return Err(Error::types(format!("{name} takes at least one argument")));
            }
            let (arguments, data_type) = unified(arguments, name)?;
            let function = match name {
                "greatest" => Function::Greatest,
                "least" => Function::Least,
                _ => Function::Coalesce,
            };
            Ok(call(function, arguments, data_type))
        }
        "nullif" => {
            let [left, right] = exactly(name, arguments)?;
            let data_type = left.data_type.clone();
            let (same_left, same_right) = types::comparable(left.clone(), right)?;
            if same_left == left {
                return Ok(call(Function::NullIf, vec![same_left, same_right], data_type));
            }
            let equal = compare(Comparison::Equal, same_left, same_right)?;
            Ok(case(equal, Expr::literal(Scalar::Null, data_type.clone()), left, data_type))
        }
        "if" => {
            let [condition, then, otherwise] = exactly(name, arguments)?;
            let (results, data_type) = unified(vec![then, otherwise], "IF")?;
            let [then, otherwise] = exactly(name, results)?;
            Ok(case(boolean(condition)?, then, otherwise, data_type))
        }
        // Unlike `||`, concat leaves nulls out.
        "concat" if arguments.is_empty() => {
            Err(Error::types("concat takes at least one argument, found none"))
        }
        "concat" => {
            let mut parts = Vec::with_capacity(arguments.len());
            for argument in arguments {
                let empty = Expr::literal(Scalar::Text("".into()), DataType::Utf8);
                let argument = coerce(argument, &DataType::Utf8)?;
                parts.push(call(Function::Coalesce, vec![argument, empty], DataType::Utf8));
            }
            Ok(call(Function::Concat, parts, DataType::Utf8))
        }
        "length" | "len" | "char_length" | "character_length" | "array_length" => {
            let [argument] = exactly(name, arguments)?;
            let function = match argument.data_type {
                DataType::List(_) | DataType::Map { .. } => Function::ListLength,
                DataType::Binary | DataType::Fixed(_) => return byte_length(argument),
                _ => return Ok(call(Function::Length, vec![text(argument)?], DataType::Int64)),
            };
            Ok(call(function, vec![argument], DataType::Int64))
        }
        "strlen" | "octet_length" => {
            let [argument] = exactly(name, arguments)?;
            byte_length(argument)
        }
        _ => Err(unknown(&function.name.text)),
    }
}

fn case(condition: Expr, result: Expr, otherwise: Expr, data_type: DataType) -> Expr {
    let branches = vec![(condition, result)];
    let kind = ExprKind::Case { branches, otherwise: Box::new(otherwise) };
    Expr { kind, data_type, span: None }
}
