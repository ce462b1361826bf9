//! Arithmetic of integers, decimals and floats.
//!
//! In: flat vectors or constants of the types the binder settled. Out: a vector; overflow is an error
//! for rows that are selected and present, as is division by zero, except of floats by `/` and `%`: that
//! gives what IEEE 754 says.

use millwork_codecs::buffer::{Bitmap, Slice, SliceMut};
use millwork_format::record::text::write_value;
use millwork_format::selection::Selection;
use millwork_format::types::DataType;
use millwork_format::vector::{Cell, Data, Native, Vector};

use super::operand::{self, with_integer};
use crate::error::{Error, Result};
use crate::kernel::arithmetic::{
    DECIMAL_MAX, Decimals, Integer, Operand, Operation, Range, decimals, integers, map_operands,
};
use crate::kernel::lanes::map;
use crate::kernel::mask;

/// What a row's error says: `a OP b` and the type it does not fit.
#[cold]
fn overflow(left: &str, sign: char, right: &str, data_type: &DataType) -> Error {
    Error::evaluate(format!("overflow: {left} {sign} {right} does not fit {data_type}"))
}

/// `a OP b` of integers or floats.
pub(super) fn binary(
    operation: Operation,
    values: &[Vector],
    result: &DataType,
    rows: usize,
    selection: &Selection,
) -> Result<Vector> {
    let [a, b] = values else { return Err(operand::layout()) };
    let validity = mask::both_valid(a.validity(), b.validity())?;
    match operand::core(a).data() {
        Data::Float64(_) => {
            let (a, b) = (operand::expect(a)?, operand::expect(b)?);
            floats::<f64>(operation, a, b, validity, rows)
        }
        Data::Float32(_) => {
            let (a, b) = (operand::expect(a)?, operand::expect(b)?);
            floats::<f32>(operation, a, b, validity, rows)
        }
        _ => with_integer!(a, T => {
            let (a, b) = (operand::expect::<T>(a)?, operand::expect::<T>(b)?);
            let mut out = SliceMut::<T>::scratch(rows)?;
            if !integers(operation, a, b, &mut out) {
                let meant = operand::meant(selection, validity.as_ref())?;
                let wrong = meant
                    .ones()
                    .find(|row| T::checked(operation, a.get(*row), b.get(*row)).is_none());
                if let Some(row) = wrong {
                    let (a, b) = (a.get(row).to_string(), b.get(row).to_string());
                    return Err(overflow(&a, operation.symbol(), &b, result));
                }
            }
            finish(out, validity, rows)
        }, else Err(operand::layout())),
    }
}

fn finish<T: Native>(out: SliceMut<T>, validity: Option<Bitmap>, rows: usize) -> Result<Vector> {
    Ok(Vector::new(T::into_data(out.freeze()), validity, rows)?)
}

fn floats<T>(
    operation: Operation,
    a: Operand<'_, T>,
    b: Operand<'_, T>,
    validity: Option<Bitmap>,
    rows: usize,
) -> Result<Vector>
where
    T: Native + std::ops::Add<Output = T> + std::ops::Sub<Output = T> + std::ops::Mul<Output = T>,
{
    let mut out = SliceMut::<T>::scratch(rows)?;
    match operation {
        Operation::Add => map_operands(a, b, &mut out, |a, b| a + b),
        Operation::Subtract => map_operands(a, b, &mut out, |a, b| a - b),
        Operation::Multiply => map_operands(a, b, &mut out, |a, b| a * b),
    }
    finish(out, validity, rows)
}

/// Whether the digits fit any decimal.
fn is_decimal(unscaled: i128) -> bool {
    (-DECIMAL_MAX..=DECIMAL_MAX).contains(&unscaled)
}

/// `a OP b` of decimals, and a range in which the results lie if one is known. `ranges`: those of the
/// arguments.
pub(super) fn decimal(
    operation: Operation,
    values: &[Vector],
    ranges: [Option<Range>; 2],
    types: &[&DataType],
    result: &DataType,
    rows: usize,
    selection: &Selection,
) -> Result<(Vector, Option<Range>)> {
    let [a, b] = values else { return Err(operand::layout()) };
    let validity = mask::both_valid(a.validity(), b.validity())?;
    let (a, b) = (operand::decimal(a)?, operand::decimal(b)?);
    match decimals(operation, a, b, ranges, rows)? {
        Decimals::Narrow { values, range } => {
            Ok((Vector::new(Data::Int64(values), validity, rows)?, Some(range)))
        }
        Decimals::Wide { values, checked } => {
            if !checked {
                let fits = |row: usize| {
                    i128::checked(operation, a.get(row), b.get(row)).is_some_and(is_decimal)
                };
                let meant = operand::meant(selection, validity.as_ref())?;
                if let Some(row) = meant.ones().find(|row| !fits(*row)) {
                    let (a, b) = (Cell::Integer(a.get(row)), Cell::Integer(b.get(row)));
                    let (a, b) = (shown(a, types[0]), shown(b, types[1]));
                    return Err(overflow(&a, operation.symbol(), &b, result));
                }
            }
            Ok((Vector::new(Data::Int128(values), validity, rows)?, None))
        }
    }
}

/// A number for an error.
fn shown(cell: Cell<'_>, data_type: &DataType) -> String {
    let mut text = String::new();
    write_value(data_type, cell, &mut text);
    text
}

/// `-a` or `|a|`.
pub(super) fn unary(
    negate: bool,
    value: &Vector,
    result: &DataType,
    rows: usize,
    selection: &Selection,
) -> Result<Vector> {
    let validity = value.validity().cloned();
    match value.data() {
        Data::Float64(values) => {
            let mut out = SliceMut::<f64>::scratch(rows)?;
            map(values, &mut out, |value: f64| if negate { -value } else { value.abs() });
            finish(out, validity, rows)
        }
        Data::Float32(values) => {
            let mut out = SliceMut::<f32>::scratch(rows)?;
            map(values, &mut out, |value: f32| if negate { -value } else { value.abs() });
            finish(out, validity, rows)
        }
        _ => with_integer!(value, T => {
            let values = value.values::<T>().ok_or_else(operand::layout)?;
            let compute = |value: T| if negate { value.negated() } else { value.absolute() };
            let mut out = SliceMut::<T>::scratch(rows)?;
            map(values, &mut out, |value| compute(value).unwrap_or(value));
            let failed = values.iter().any(|value| compute(*value).is_none());
            if failed {
                let meant = operand::meant(selection, validity.as_ref())?;
                if let Some(row) = meant.ones().find(|row| compute(values[*row]).is_none()) {
                    let what = if negate { "-" } else { "absolute value of " };
                    return Err(Error::evaluate(format!(
                        "overflow: {what}({}) does not fit {result}",
                        values[row]
                    )));
                }
            }
            finish(out, validity, rows)
        }, else Err(operand::layout())),
    }
}

/// Operators that divide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Division {
    /// `/` of floats, as IEEE 754 has it.
    Ratio,
    /// `//`: whole numbers truncated, floats as they come; by zero an error.
    Checked,
    /// `%`: by zero an error, of floats NaN.
    Modulo,
}

impl Division {
    fn symbol(self) -> &'static str {
        match self {
            Self::Ratio => "/",
            Self::Checked => "//",
            Self::Modulo => "%",
        }
    }
}

/// `a / b`, `a // b` or `a % b`.
pub(super) fn divide(
    division: Division,
    values: &[Vector],
    types: &[&DataType],
    result: &DataType,
    rows: usize,
    selection: &Selection,
) -> Result<Vector> {
    let [a, b] = values else { return Err(operand::layout()) };
    let validity = mask::both_valid(a.validity(), b.validity())?;
    let place = Place { division, types, result, rows, selection, validity };
    if let DataType::Decimal { .. } = result {
        let (mut a_buffer, mut b_buffer) = (Slice::empty(), Slice::empty());
        let a = operand::decimal(a)?.wide(&mut a_buffer)?;
        let b = operand::decimal(b)?.wide(&mut b_buffer)?;
        return divide_integers::<i128>(a, b, place);
    }
    match operand::core(a).data() {
        Data::Float64(_) => {
            let (a, b) = (operand::expect::<f64>(a)?, operand::expect::<f64>(b)?);
            divide_floats(a, b, 0.0, place, Cell::Float64)
        }
        Data::Float32(_) => {
            let (a, b) = (operand::expect::<f32>(a)?, operand::expect::<f32>(b)?);
            divide_floats(a, b, 0.0, place, Cell::Float32)
        }
        _ => with_integer!(a, T => {
            let (a, b) = (operand::expect::<T>(a)?, operand::expect::<T>(b)?);
            divide_integers::<T>(a, b, place)
        }, else Err(operand::layout())),
    }
}

/// What a division knows beside its operands.
struct Place<'a> {
    division: Division,
    types: &'a [&'a DataType],
    result: &'a DataType,
    rows: usize,
    selection: &'a Selection,
    validity: Option<Bitmap>,
}

impl Place<'_> {
    /// Refuses a row that is meant and whose divisor `is_zero`.
    fn check_zero(
        &self,
        is_zero: impl Fn(usize) -> bool,
        operands: impl Fn(usize) -> [Cell<'static>; 2],
    ) -> Result<()> {
        if !(0..self.rows).any(&is_zero) {
            return Ok(());
        }
        let meant = operand::meant(self.selection, self.validity.as_ref())?;
        match meant.ones().find(|row| is_zero(*row)) {
            Some(row) => {
                let [a, b] = operands(row);
                let (a, b) = (shown(a, self.types[0]), shown(b, self.types[1]));
                let what = format!("division by zero: {a} {} {b}", self.division.symbol());
                Err(Error::evaluate(what).hint("nullif(.., 0) as the divisor gives NULL instead"))
            }
            None => Ok(()),
        }
    }
}

fn divide_floats<T>(
    a: Operand<'_, T>,
    b: Operand<'_, T>,
    zero: T,
    place: Place<'_>,
    cell: impl Fn(T) -> Cell<'static>,
) -> Result<Vector>
where
    T: Native + std::ops::Div<Output = T> + std::ops::Rem<Output = T>,
{
    let mut out = SliceMut::<T>::scratch(place.rows)?;
    match place.division {
        Division::Modulo => map_operands(a, b, &mut out, |a, b| a % b),
        Division::Ratio | Division::Checked => map_operands(a, b, &mut out, |a, b| a / b),
    }
    if place.division == Division::Checked {
        let cells = |row| [cell(a.get(row)), cell(b.get(row))];
        place.check_zero(|row| b.get(row) == zero, cells)?;
    }
    finish(out, place.validity, place.rows)
}

fn divide_integers<T: Integer>(
    a: Operand<'_, T>,
    b: Operand<'_, T>,
    place: Place<'_>,
) -> Result<Vector> {
    let modulo = place.division == Division::Modulo;
    let compute = if modulo { T::rest } else { T::divided };
    let mut out = SliceMut::<T>::scratch(place.rows)?;
    map_operands(a, b, &mut out, |a, b| compute(a, b).unwrap_or(T::zeroed()));
    let cells = |row| [a.get(row), b.get(row)].map(|value| Cell::Integer(value.wide()));
    place.check_zero(|row| b.get(row).is_zero(), cells)?;
    if !modulo {
        // Only the least integer divided by -1 does not fit.
        let failed = |row: &usize| compute(a.get(*row), b.get(*row)).is_none();
        let suspicious = (0..place.rows).any(|row| !b.get(row).is_zero() && failed(&row));
        if suspicious
            && let Some(row) =
                operand::meant(place.selection, place.validity.as_ref())?.ones().find(failed)
        {
            let (a, b) = (a.get(row).to_string(), b.get(row).to_string());
            return Err(overflow(&a, '/', &b, place.result));
        }
    }
    finish(out, place.validity, place.rows)
}
