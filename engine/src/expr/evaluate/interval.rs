//! Arithmetic of intervals.
//!
//! In: vectors of intervals, timestamps, times and doubles. Out: intervals or times; a part that does
//! not fit is an error.

use millwork_codecs::buffer::{BufferMut, SliceMut};
use millwork_format::selection::Selection;
use millwork_format::types::DataType;
use millwork_format::vector::{Cell, Data, Vector};

use super::super::{DatePart, Function};
use super::operand;
use crate::error::{Error, Result};
use crate::kernel::calendar::DAY_MICROS;
use crate::kernel::interval::Interval;
use crate::kernel::mask;

/// The interval in a row; zero where there is none.
pub(super) fn at(vector: &Vector, row: usize) -> Interval {
    match vector.cell(row) {
        Cell::Bytes(bytes) => Interval::from_bytes(bytes).unwrap_or_default(),
        _ => Interval::default(),
    }
}

fn count_at(vector: &Vector, row: usize) -> i64 {
    match vector.cell(row) {
        Cell::Integer(value) => i64::try_from(value).unwrap_or_default(),
        _ => 0,
    }
}

fn double_at(vector: &Vector, row: usize) -> f64 {
    match vector.cell(row) {
        Cell::Float64(value) => value,
        _ => 0.0,
    }
}

/// A function that gives intervals or times.
pub(super) fn apply(
    function: &Function,
    values: &[Vector],
    from: &DataType,
    rows: usize,
    selection: &Selection,
) -> Result<Vector> {
    let all = (values, rows, selection);
    match (function, values) {
        (Function::AddIntervals, [a, b]) => of_rows(all, |row| at(a, row).plus(at(b, row))),
        (Function::NegateInterval, [a]) => of_rows(all, |row| at(a, row).negated()),
        (Function::MultiplyInterval, [a, b]) => of_rows(all, |row| {
            let factor = double_at(b, row);
            at(a, row).scaled(|part| part * factor)
        }),
        (Function::DivideInterval, [a, b]) => {
            let validity = operand::validity_of(values)?;
            let meant = operand::meant(selection, validity.as_ref())?;
            if meant.ones().any(|row| double_at(b, row) == 0.0) {
                return Err(Error::evaluate("division by zero: an INTERVAL / 0")
                    .hint("nullif(.., 0) as the divisor gives NULL instead"));
            }
            of_rows(all, |row| {
                let divisor = double_at(b, row);
                at(a, row).scaled(|part| part / divisor)
            })
        }
        (Function::TimeBetween, [a, b]) => {
            let DataType::Timestamp { unit, .. } = from else { return Err(operand::layout()) };
            let per_second = i128::from(unit.per_second());
            of_rows(all, |row| {
                let units = i128::from(count_at(a, row)) - i128::from(count_at(b, row));
                let micros = units * 1_000_000 / per_second;
                let days = i32::try_from(micros / i128::from(DAY_MICROS)).ok()?;
                let micros = i64::try_from(micros % i128::from(DAY_MICROS)).ok()?;
                Some(Interval { months: 0, days, micros })
            })
        }
        (Function::AddTime, [time, interval]) => {
            let mut out = SliceMut::<i64>::scratch(rows)?;
            for (row, slot) in out.iter_mut().enumerate() {
                let micros = at(interval, row).micros.rem_euclid(DAY_MICROS);
                *slot = (count_at(time, row) + micros).rem_euclid(DAY_MICROS);
            }
            let validity = mask::both_valid(time.validity(), interval.validity())?;
            Ok(Vector::new(Data::Int64(out.freeze()), validity, rows)?)
        }
        _ => Err(operand::layout()),
    }
}

/// The interval that `compute` gives for each row.
fn of_rows(
    (values, rows, selection): (&[Vector], usize, &Selection),
    compute: impl Fn(usize) -> Option<Interval>,
) -> Result<Vector> {
    const WIDTH_BYTES: usize = 16;
    let validity = operand::validity_of(values)?;
    let mut bytes = BufferMut::scratch(rows.saturating_mul(WIDTH_BYTES))?;
    let mut failed = false;
    for (row, slot) in bytes.as_mut_slice().chunks_exact_mut(WIDTH_BYTES).enumerate() {
        match compute(row) {
            Some(interval) => slot.copy_from_slice(&interval.to_bytes()),
            None => failed = true,
        }
    }
    if failed {
        let meant = operand::meant(selection, validity.as_ref())?;
        if meant.ones().any(|row| compute(row).is_none()) {
            return Err(Error::evaluate("overflow in a calculation of INTERVAL"));
        }
    }
    let data = Data::Fixed { width_bytes: WIDTH_BYTES, bytes: bytes.freeze() };
    Ok(Vector::new(data, validity, rows)?)
}

/// A part of each interval.
pub(super) fn extract(part: DatePart, value: &Vector, rows: usize) -> Result<Vector> {
    let validity = value.validity().cloned();
    if part == DatePart::Epoch {
        let mut out = SliceMut::<f64>::scratch(rows)?;
        for (row, slot) in out.iter_mut().enumerate() {
            *slot = seconds(at(value, row));
        }
        return Ok(Vector::new(Data::Float64(out.freeze()), validity, rows)?);
    }
    let mut out = SliceMut::<i64>::scratch(rows)?;
    for (row, slot) in out.iter_mut().enumerate() {
        *slot = part_of(part, at(value, row));
    }
    Ok(Vector::new(Data::Int64(out.freeze()), validity, rows)?)
}

/// Seconds, with years of 365.25 days.
fn seconds(interval: Interval) -> f64 {
    let (years, months) = (i64::from(interval.months / 12), i64::from(interval.months % 12));
    let hours = years * 8_766 + (months * 30 + i64::from(interval.days)) * 24;
    (hours * 3_600) as f64 + interval.micros as f64 / 1e6
}

fn part_of(part: DatePart, interval: Interval) -> i64 {
    let (months, micros) = (i64::from(interval.months), interval.micros);
    match part {
        DatePart::Millennium => months / 12_000,
        DatePart::Century => months / 1_200,
        DatePart::Decade => months / 120,
        DatePart::Year => months / 12,
        DatePart::Quarter => months % 12 / 3 + 1,
        DatePart::Month => months % 12,
        DatePart::Day => interval.days.into(),
        DatePart::Hour => micros / 3_600_000_000,
        DatePart::Minute => micros / 60_000_000 % 60,
        DatePart::Second => micros / 1_000_000 % 60,
        DatePart::Millisecond => micros % 60_000_000 / 1_000,
        DatePart::Microsecond => micros % 60_000_000,
        _ => 0,
    }
}
