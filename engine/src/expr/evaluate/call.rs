//! From a function's name to its code.
//!
//! In: a bound call. Out: its result. What is known when the call is bound (patterns, regular
//! expressions) is prepared once.

use millwork_codecs::buffer::Bitmap;
use millwork_codecs::kernel::{mask_and, mask_or};
use millwork_format::selection::Selection;
use millwork_format::types::DataType;
use millwork_format::vector::{Cell, Data, Vector};
use regex::bytes::Regex;

use super::super::{Comparison, Function};
use super::arithmetic::Division;
use super::{Input, Node, Truth, arithmetic, choose, compare, date, interval, logic, nested};
use super::{operand, rounding, text};
use crate::error::{Error, Result};
use crate::kernel::arithmetic::{Operation, Range};
use crate::kernel::mask;
use crate::kernel::pattern::Pattern;

/// What a call keeps from its literal arguments.
#[derive(Debug)]
pub(super) enum Prepared {
    Nothing,
    Pattern(Pattern),
    Regex(Box<Regex>),
}

impl Prepared {
    pub(super) fn new(function: &Function, arguments: &[Node]) -> Result<Self> {
        let literal = match arguments.get(1).and_then(Node::literal) {
            Some(value) => match value.cell(0) {
                Cell::Bytes(bytes) => String::from_utf8_lossy(bytes),
                _ => return Ok(Self::Nothing),
            },
            None => return Ok(Self::Nothing),
        };
        Ok(match function {
            Function::Like { ignore_case, escape } => {
                Self::Pattern(text::like_pattern(&literal, *escape, *ignore_case)?)
            }
            Function::RegexpMatches => Self::Regex(Box::new(text::regex(&literal)?)),
            _ => Self::Nothing,
        })
    }
}

/// Whether the function answers by mask: see [`predicate`].
pub(super) fn is_predicate(function: &Function) -> bool {
    matches!(
        function,
        Function::Compare(_)
            | Function::NotDistinct
            | Function::Not
            | Function::IsNull
            | Function::IsNotNull
            | Function::Like { .. }
            | Function::RegexpMatches
            | Function::StartsWith
            | Function::EndsWith
            | Function::Contains
    )
}

/// Whether the result can be something although an argument is null.
fn takes_nulls(function: &Function) -> bool {
    matches!(
        function,
        Function::NotDistinct
            | Function::IsNull
            | Function::IsNotNull
            | Function::Coalesce
            | Function::SingleRow
            | Function::NullIf
            | Function::Greatest
            | Function::Least
            | Function::ListValue
            | Function::ListContains
            | Function::ListPosition
            | Function::ListConcat { .. }
            | Function::StructPack
    )
}

/// The result of `function` over rows.
pub(super) fn call(
    function: &Function,
    arguments: &mut [Node],
    prepared: &Prepared,
    result: &DataType,
    input: &Input<'_>,
    selection: &Selection,
) -> Result<Vector> {
    let rows = input.rows;
    if let Function::Coalesce = function {
        return logic::coalesce(arguments, input, selection);
    }
    if let Some(operation) = decimal_operation(function, result) {
        return Ok(decimals(operation, arguments, result, input, selection)?.0);
    }
    let mut values = Vec::with_capacity(arguments.len());
    for argument in arguments.iter_mut() {
        values.push(argument.evaluate(input, selection)?);
    }
    let null = values.iter().any(|value| matches!(value.data(), Data::Null));
    if null && !takes_nulls(function) {
        return Ok(Vector::null(rows));
    }
    if let (Function::IsNull | Function::IsNotNull, [value]) = (function, &values[..]) {
        // Without making a dictionary flat.
        return is_null(value, matches!(function, Function::IsNull), rows)?.into_vector(rows);
    }
    let arguments = &*arguments;
    operand::constant_aware(&values, rows, selection, |values, rows, selection| {
        if is_predicate(function) {
            return predicate(function, values, arguments, prepared, rows, selection)?
                .into_vector(rows);
        }
        let types: Vec<&DataType> = arguments.iter().map(|argument| &argument.data_type).collect();
        apply(function, values, &types, result, rows, selection)
    })
}

/// The operation, if the function is one of decimals.
pub(super) fn decimal_operation(function: &Function, result: &DataType) -> Option<Operation> {
    match (function, result) {
        (Function::AddChecked, DataType::Decimal { .. }) => Some(Operation::Add),
        (Function::SubtractChecked, DataType::Decimal { .. }) => Some(Operation::Subtract),
        (Function::MultiplyChecked, DataType::Decimal { .. }) => Some(Operation::Multiply),
        _ => None,
    }
}

/// An operation of decimals. Ranges known of the arguments' values, as of results of such operations,
/// save passes over them.
pub(super) fn decimals(
    operation: Operation,
    arguments: &mut [Node],
    result: &DataType,
    input: &Input<'_>,
    selection: &Selection,
) -> Result<(Vector, Option<Range>)> {
    let rows = input.rows;
    let mut values = Vec::with_capacity(2);
    let mut ranges = [None; 2];
    for (argument, range) in arguments.iter_mut().zip(&mut ranges) {
        let (value, known) = argument.ranged(input, selection)?;
        values.push(value);
        *range = known;
    }
    if values.iter().any(|value| matches!(value.data(), Data::Null)) {
        return Ok((Vector::null(rows), None));
    }
    let types: Vec<&DataType> = arguments.iter().map(|argument| &argument.data_type).collect();
    let mut range = None;
    let value = operand::constant_aware(&values, rows, selection, |values, rows, selection| {
        let (value, known) =
            arithmetic::decimal(operation, values, ranges, &types, result, rows, selection)?;
        range = known;
        Ok(value)
    })?;
    Ok((value, range))
}

fn is_null(value: &Vector, wanted: bool, rows: usize) -> Result<Truth> {
    let present = operand::validity_of(std::slice::from_ref(value))?;
    let present = present.unwrap_or_else(|| Bitmap::filled(true, rows));
    let bits = if wanted { mask::not(&present)? } else { present };
    Ok(Truth { words: mask::words_of(&bits)?, validity: None })
}

/// A predicate of flat vectors and constants.
pub(super) fn predicate(
    function: &Function,
    values: &[Vector],
    arguments: &[Node],
    prepared: &Prepared,
    rows: usize,
    selection: &Selection,
) -> Result<Truth> {
    let data_type = arguments.first().map_or(&DataType::Null, |argument| &argument.data_type);
    let has_null = values.iter().any(|value| matches!(value.data(), Data::Null));
    if has_null && !takes_nulls(function) {
        return Truth::unknown(rows);
    }
    match (function, values) {
        (Function::Compare(op), [a, b]) => compare::compare(*op, a, b, data_type, rows),
        (Function::NotDistinct, [a, b]) => not_distinct(a, b, data_type, rows),
        (Function::Not, [a]) => {
            let Truth { mut words, validity } = operand::truth(a)?;
            words.iter_mut().for_each(|word| *word = !*word);
            compare::clear_tail(rows, &mut words);
            Ok(Truth { words, validity })
        }
        (Function::IsNull, [a]) => is_null(a, true, rows),
        (Function::IsNotNull, [a]) => is_null(a, false, rows),
        (_, [a, b]) => text::predicate(function, a, b, prepared, rows, selection),
        _ => Err(arity(function)),
    }
}

#[cold]
fn arity(function: &Function) -> Error {
    Error::internal(format!("{function:?} called with another number of arguments"))
}

/// Equal, or both null.
fn not_distinct(a: &Vector, b: &Vector, data_type: &DataType, rows: usize) -> Result<Truth> {
    let Truth { mut words, validity } = compare::compare(Comparison::Equal, a, b, data_type, rows)?;
    if let Some(both) = validity {
        mask_and(&mut words, both.words());
        let absent = |vector: &Vector| -> Result<Bitmap> {
            Ok(match operand::validity_of(std::slice::from_ref(vector))? {
                Some(present) => mask::not(&present)?,
                None => Bitmap::filled(false, rows),
            })
        };
        mask_or(&mut words, mask::and(&absent(a)?, &absent(b)?)?.words());
    }
    Ok(Truth { words, validity: None })
}

/// A function of flat vectors and constants, not all constant or all of one row.
fn apply(
    function: &Function,
    values: &[Vector],
    types: &[&DataType],
    result: &DataType,
    rows: usize,
    selection: &Selection,
) -> Result<Vector> {
    let of_first = || types.first().copied().unwrap_or(&DataType::Null);
    let binary = |operation| arithmetic::binary(operation, values, result, rows, selection);
    let divide = |division| arithmetic::divide(division, values, types, result, rows, selection);
    match (function, values) {
        (Function::AddChecked, _) => binary(Operation::Add),
        (Function::SubtractChecked, _) => binary(Operation::Subtract),
        (Function::MultiplyChecked, _) => binary(Operation::Multiply),
        (Function::DivideFloat, _) => divide(Division::Ratio),
        (Function::DivideFloatChecked | Function::DivideInteger, _) => divide(Division::Checked),
        (Function::Modulo, _) => divide(Division::Modulo),
        (Function::NegateChecked, [value]) => {
            arithmetic::unary(true, value, result, rows, selection)
        }
        (Function::AbsoluteChecked, [value]) => {
            arithmetic::unary(false, value, result, rows, selection)
        }
        (Function::Round, [_, ..]) => rounding::round(values, of_first(), result, rows, selection),
        (Function::Floor, [value]) => rounding::whole(value, of_first(), false, rows),
        (Function::Ceiling, [value]) => rounding::whole(value, of_first(), true, rows),
        (
            Function::AddInterval
            | Function::AddDays
            | Function::DaysBetween
            | Function::Extract(_)
            | Function::DateTruncate(_),
            _,
        ) => date::apply(function, values, of_first(), result, rows, selection),
        (Function::SingleRow, [value, count]) => {
            let counts = operand::expect::<i64>(count)?;
            let meant = operand::meant(selection, count.validity())?;
            match meant.ones().any(|row| counts.get(row) > 1) {
                true => Err(more_than_one_row()),
                false => Ok(value.clone()),
            }
        }
        (
            Function::AddTime
            | Function::AddIntervals
            | Function::NegateInterval
            | Function::MultiplyInterval
            | Function::DivideInterval
            | Function::TimeBetween,
            _,
        ) => interval::apply(function, values, of_first(), rows, selection),
        (Function::NullIf, [a, b]) => {
            let equal = compare::compare(Comparison::Equal, a, b, of_first(), rows)?;
            let mut words = equal.words;
            if let Some(validity) = equal.validity {
                mask_and(&mut words, validity.words());
            }
            choose::within(a, &mask::not(&mask::bitmap(words, rows)?)?)
        }
        (Function::Greatest, _) => extreme(Comparison::Greater, values, of_first(), rows),
        (Function::Least, _) => extreme(Comparison::Less, values, of_first(), rows),
        _ if nested::is_nested(function) => {
            nested::apply(function, values, types, result, rows, selection)
        }
        _ => text::apply(function, values, of_first(), rows),
    }
}

#[cold]
fn more_than_one_row() -> Error {
    Error::evaluate("more than one row from a subquery that stands for one value")
        .hint("add LIMIT 1, or take an aggregate as any_value(..)")
}

/// The greatest or least argument that is not null.
fn extreme(op: Comparison, values: &[Vector], data_type: &DataType, rows: usize) -> Result<Vector> {
    let all = || Bitmap::filled(true, rows);
    let mut best = Vector::null(rows);
    for value in values {
        let Truth { mut words, validity } = compare::compare(op, value, &best, data_type, rows)?;
        if let Some(validity) = validity {
            mask_and(&mut words, validity.words());
        }
        // What is there beats what is not.
        let have = operand::validity_of(std::slice::from_ref(&best))?.unwrap_or_else(all);
        let next = operand::validity_of(std::slice::from_ref(value))?.unwrap_or_else(all);
        mask_or(&mut words, mask::and_not(&next, &have)?.words());
        best = choose::choose(&mask::bitmap(words, rows)?, value, &best)?;
    }
    Ok(best)
}
