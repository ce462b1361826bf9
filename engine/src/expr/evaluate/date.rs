//! Functions of dates, times and timestamps.
//!
//! In: flat counts of days or units. Out: parts, or dates and timestamps. Years that the result type
//! cannot hold are errors.

use millwork_codecs::buffer::SliceMut;
use millwork_format::calendar::JULIAN_DAY_OF_EPOCH;
use millwork_format::selection::Selection;
use millwork_format::types::DataType;
use millwork_format::vector::{Data, Vector};

use super::super::{DatePart, Function};
use super::{interval, operand};
use crate::error::{Error, Result};
use crate::kernel::arithmetic::{Operand, map_operands};
use crate::kernel::calendar;
use crate::kernel::interval::Interval;
use crate::kernel::lanes::{extremes, map};
use crate::kernel::mask;

pub(super) fn apply(
    function: &Function,
    values: &[Vector],
    from: &DataType,
    result: &DataType,
    rows: usize,
    selection: &Selection,
) -> Result<Vector> {
    match (function, values) {
        (Function::AddInterval, [a, b]) => add_interval(a, b, (from, result), rows, selection),
        (Function::AddDays, [a, b]) => add_days(a, b, rows, selection),
        (Function::DaysBetween, [a, b]) => {
            let (a_days, b_days) = (operand::expect::<i32>(a)?, operand::expect::<i32>(b)?);
            let mut out = SliceMut::<i64>::scratch(rows)?;
            map_operands(a_days, b_days, &mut out, |a, b| i64::from(a) - i64::from(b));
            let validity = mask::both_valid(a.validity(), b.validity())?;
            Ok(Vector::new(Data::Int64(out.freeze()), validity, rows)?)
        }
        (Function::Extract(part), [value]) if *from == DataType::SignedInterval => {
            interval::extract(*part, value, rows)
        }
        (Function::Extract(part), [value]) => extract(*part, value, from, rows),
        (Function::DateTruncate(part), [value]) => truncate(*part, value, from, result, rows),
        _ => Err(operand::layout()),
    }
}

/// The result is in units of `result`, which are microseconds or finer, and not coarser than those of `from`.
fn add_interval(
    value: &Vector,
    added: &Vector,
    (from, result): (&DataType, &DataType),
    rows: usize,
    selection: &Selection,
) -> Result<Vector> {
    let validity = mask::both_valid(value.validity(), added.validity())?;
    let units = units_per_second(result);
    let (a_day, a_micro) = (86_400 * units, units / 1_000_000);
    let scale = match from {
        DataType::Date => a_day,
        _ => units / units_per_second(from),
    };
    let compute = |row: usize, value: i64| {
        let Interval { months, days, micros } = interval::at(added, row);
        let (months, days) = (i64::from(months), i64::from(days));
        let start = value.checked_mul(scale)?;
        let day = start.div_euclid(a_day);
        let later = if months == 0 { day } else { calendar::add_months(day, months) } + days;
        let sum = i128::from(later) * i128::from(a_day)
            + i128::from(start.rem_euclid(a_day))
            + i128::from(micros) * i128::from(a_micro);
        i64::try_from(sum).ok()
    };
    let get = counts(value)?;
    let mut out = SliceMut::<i64>::scratch(rows)?;
    let mut failed = false;
    for (row, slot) in out.iter_mut().enumerate() {
        match compute(row, get.get(row)) {
            Some(value) => *slot = value,
            None => failed = true,
        }
    }
    if failed {
        let meant = operand::meant(selection, validity.as_ref())?;
        let wrong = meant.ones().any(|row| compute(row, get.get(row)).is_none());
        if wrong {
            return Err(Error::evaluate(
                "overflow: a date plus an interval does not fit TIMESTAMP",
            ));
        }
    }
    Ok(Vector::new(Data::Int64(out.freeze()), validity, rows)?)
}

fn add_days(a: &Vector, b: &Vector, rows: usize, selection: &Selection) -> Result<Vector> {
    let validity = mask::both_valid(a.validity(), b.validity())?;
    let (days, more) = (operand::expect::<i32>(a)?, counts(b)?);
    let compute = |row: usize| {
        let sum = i64::from(days.get(row)).checked_add(more.get(row))?;
        i32::try_from(sum).ok()
    };
    let mut out = SliceMut::<i32>::scratch(rows)?;
    let mut failed = false;
    for (row, slot) in out.iter_mut().enumerate() {
        let sum = compute(row);
        failed |= sum.is_none();
        *slot = sum.unwrap_or(0);
    }
    if failed && operand::meant(selection, validity.as_ref())?.ones().any(|r| compute(r).is_none())
    {
        return Err(Error::evaluate("overflow: a date plus days does not fit DATE"));
    }
    Ok(Vector::new(Data::Int32(out.freeze()), validity, rows)?)
}

/// Counts of 32 or 64 bits.
#[derive(Clone, Copy)]
enum Counts<'a> {
    Narrow(Operand<'a, i32>),
    Wide(Operand<'a, i64>),
}

impl Counts<'_> {
    #[inline(always)]
    fn get(&self, row: usize) -> i64 {
        match self {
            Self::Narrow(values) => values.get(row).into(),
            Self::Wide(values) => values.get(row),
        }
    }
}

fn counts(vector: &Vector) -> Result<Counts<'_>> {
    match operand::typed::<i64>(vector) {
        Some(wide) => Ok(Counts::Wide(wide)),
        None => Ok(Counts::Narrow(operand::expect(vector)?)),
    }
}

/// Units of the type in a second; days have none.
fn units_per_second(data_type: &DataType) -> i64 {
    match data_type {
        DataType::Timestamp { unit, .. } | DataType::Time { unit, .. } => unit.per_second(),
        _ => 1,
    }
}

fn part_of_day(part: DatePart, day: i64) -> i64 {
    match part {
        DatePart::Millennium => since_one(calendar::civil(day).year, 1000),
        DatePart::Century => since_one(calendar::civil(day).year, 100),
        DatePart::Decade => calendar::civil(day).year / 10,
        DatePart::IsoYear => calendar::civil(day - (day + 3).rem_euclid(7) + 3).year,
        DatePart::Year => calendar::civil(day).year,
        DatePart::Quarter => (calendar::civil(day).month + 2) / 3,
        DatePart::Month => calendar::civil(day).month,
        DatePart::Day => calendar::civil(day).day,
        DatePart::Week => calendar::iso_week(day),
        DatePart::DayOfWeek => calendar::day_of_week(day),
        DatePart::IsoDayOfWeek => (calendar::day_of_week(day) + 6) % 7 + 1,
        DatePart::DayOfYear => calendar::day_of_year(day),
        DatePart::Hour
        | DatePart::Minute
        | DatePart::Second
        | DatePart::Millisecond
        | DatePart::Microsecond
        | DatePart::Julian
        | DatePart::Epoch => 0,
    }
}

/// Which of the spans of `years` years the year lies in: they are counted from 1 forwards and from -1
/// backwards.
fn since_one(year: i64, years: i64) -> i64 {
    if year > 0 { (year - 1) / years + 1 } else { year / years - 1 }
}

fn extract(part: DatePart, value: &Vector, from: &DataType, rows: usize) -> Result<Vector> {
    let validity = value.validity().cloned();
    let per_second = units_per_second(from);
    if part == DatePart::Epoch {
        let mut out = SliceMut::<f64>::scratch(rows)?;
        let values = counts(value)?;
        let scale = if let DataType::Date = from { 86_400.0 } else { 1.0 / per_second as f64 };
        for (row, slot) in out.iter_mut().enumerate() {
            let count = values.get(row) as f64;
            // Dividing keeps what multiplying by an inexact fraction would lose.
            *slot = if scale > 1.0 { count * scale } else { count / per_second as f64 };
        }
        return Ok(Vector::new(Data::Float64(out.freeze()), validity, rows)?);
    }
    if part == DatePart::Julian {
        let mut out = SliceMut::<f64>::scratch(rows)?;
        let values = counts(value)?;
        let per_day = if let DataType::Date = from { 1 } else { 86_400 * per_second };
        for (row, slot) in out.iter_mut().enumerate() {
            let count = values.get(row);
            let of_day = count.rem_euclid(per_day) as f64 / per_day as f64;
            *slot = (count.div_euclid(per_day) + JULIAN_DAY_OF_EPOCH) as f64 + of_day;
        }
        return Ok(Vector::new(Data::Float64(out.freeze()), validity, rows)?);
    }
    let mut out = SliceMut::<i64>::scratch(rows)?;
    let of_minute = |count: i64, per: i64| {
        let (second, rest) = (count.div_euclid(per_second), count.rem_euclid(per_second));
        second.rem_euclid(60) * per + rest * per / per_second
    };
    let of_time = |count: i64| {
        let second = count.div_euclid(per_second);
        match part {
            DatePart::Hour => second.rem_euclid(86_400) / 3600,
            DatePart::Minute => second.rem_euclid(3600) / 60,
            DatePart::Second => second.rem_euclid(60),
            DatePart::Millisecond => of_minute(count, 1_000),
            DatePart::Microsecond => of_minute(count, 1_000_000),
            _ => part_of_day(part, second.div_euclid(86_400)),
        }
    };
    match (from, value.data()) {
        (DataType::Date, Data::Int32(days)) => {
            let near = |(least, greatest): (i32, i32)| {
                calendar::NEAR_DAYS.contains(&least) && calendar::NEAR_DAYS.contains(&greatest)
            };
            let near = extremes::<i32>(days).is_some_and(near);
            let near_civil = |day: i32| calendar::near_civil(day);
            match part {
                DatePart::Year if near => map(days, &mut out, |day| near_civil(day)[0].into()),
                DatePart::Month if near => map(days, &mut out, |day| near_civil(day)[1].into()),
                DatePart::Day if near => map(days, &mut out, |day| near_civil(day)[2].into()),
                _ => map(days, &mut out, |day: i32| part_of_day(part, day.into())),
            }
        }
        (_, Data::Int32(counts)) => map(counts, &mut out, |count: i32| of_time(count.into())),
        (_, Data::Int64(counts)) => map(counts, &mut out, of_time),
        _ => return Err(operand::layout()),
    }
    Ok(Vector::new(Data::Int64(out.freeze()), validity, rows)?)
}

/// The first day of the part in which `day` lies.
fn first_day(part: DatePart, day: i64) -> i64 {
    let date = calendar::civil(day);
    // Towards year 0, as DuckDB does before it, too.
    let floor = |years: i64| date.year / years * years;
    let monday = |day: i64| day - (day + 3).rem_euclid(7);
    match part {
        DatePart::Millennium => calendar::days(floor(1000), 1, 1),
        DatePart::Century => calendar::days(floor(100), 1, 1),
        DatePart::Decade => calendar::days(floor(10), 1, 1),
        DatePart::Year => calendar::days(date.year, 1, 1),
        DatePart::Quarter => calendar::days(date.year, (date.month - 1) / 3 * 3 + 1, 1),
        DatePart::Month => calendar::days(date.year, date.month, 1),
        DatePart::Week => monday(day),
        // That of the Thursday of the week; its first week has January 4.
        DatePart::IsoYear => monday(calendar::days(calendar::civil(monday(day) + 3).year, 1, 4)),
        _ => day,
    }
}

fn truncate(
    part: DatePart,
    value: &Vector,
    from: &DataType,
    result: &DataType,
    rows: usize,
) -> Result<Vector> {
    let validity = value.validity().cloned();
    let values = counts(value)?;
    if let DataType::Date = result {
        let per_day = match from {
            DataType::Date => 1,
            _ => units_per_second(from) * 86_400,
        };
        let mut out = SliceMut::<i32>::scratch(rows)?;
        for (row, slot) in out.iter_mut().enumerate() {
            *slot = first_day(part, values.get(row).div_euclid(per_day)) as i32;
        }
        return Ok(Vector::new(Data::Int32(out.freeze()), validity, rows)?);
    }
    let units = units_per_second(result);
    let mut out = SliceMut::<i64>::scratch(rows)?;
    for (row, slot) in out.iter_mut().enumerate() {
        // In units of the result; what does not fit lies beyond any date.
        let count = match from {
            DataType::Date => values.get(row).saturating_mul(86_400 * units),
            _ if units >= units_per_second(from) => {
                values.get(row).saturating_mul(units / units_per_second(from))
            }
            _ => values.get(row).div_euclid(units_per_second(from) / units),
        };
        let floor = |size: i64| count.div_euclid(size).saturating_mul(size);
        *slot = match part {
            DatePart::Microsecond => floor((units / 1_000_000).max(1)),
            DatePart::Millisecond => floor(units / 1_000),
            DatePart::Second | DatePart::Epoch => floor(units),
            DatePart::Minute => floor(60 * units),
            DatePart::Hour => floor(3600 * units),
            _ => {
                let day = 86_400 * units;
                first_day(part, count.div_euclid(day)).saturating_mul(day)
            }
        };
    }
    Ok(Vector::new(Data::Int64(out.freeze()), validity, rows)?)
}
