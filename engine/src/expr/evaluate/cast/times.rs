//! Between dates, times and timestamps of any unit, and out of INT96.

use millwork_format::calendar::int96_parts;
use millwork_format::types::{DataType, Storage, TimeUnit};
use millwork_format::vector::{Cell, Data, Vector};

use super::super::operand;
use super::Conversion;
use crate::error::Result;
use crate::kernel::calendar::DAY_MICROS;

/// Microseconds since 1970-01-01 of an INT96, and the nanoseconds that they leave; `None` if the
/// microseconds do not fit 64 bits.
fn int96(bytes: &[u8]) -> Option<(i64, i64)> {
    let (days, nanos) = int96_parts(bytes.try_into().ok()?);
    Some((days.checked_mul(DAY_MICROS)?.checked_add(nanos / 1000)?, nanos % 1000))
}

/// The former alone.
pub(super) fn int96_micros(bytes: &[u8]) -> Option<i64> {
    int96(bytes).map(|(micros, _)| micros)
}

/// A count of one unit as a count of another, half a unit away from zero; `None` if it does not fit.
fn changed(count: i64, from: i64, to: i64) -> Option<i64> {
    if to >= from {
        return count.checked_mul(to / from);
    }
    let size = from / to;
    let rest = count % size;
    let away = if rest.abs() >= size / 2 { count.signum() } else { 0 };
    Some(count / size + away)
}

impl Conversion<'_> {
    pub(super) fn times(&self) -> Result<Vector> {
        use DataType::{Date, Int96, Time, Timestamp};
        let narrow = operand::typed::<i32>(self.value);
        let wide = operand::typed::<i64>(self.value);
        let count = |row: usize| match (narrow, wide) {
            (Some(values), _) => i64::from(values.get(row)),
            (_, Some(values)) => values.get(row),
            _ => 0,
        };
        let day = |unit: &TimeUnit| unit.per_second() * 86_400;
        match (self.from, self.to) {
            (Date, Timestamp { unit, .. }) => self.plain(|row| count(row).checked_mul(day(unit))),
            (Timestamp { unit, .. }, Date) => {
                self.plain(|row| i32::try_from(count(row).div_euclid(day(unit))).ok())
            }
            (Timestamp { unit, .. }, Timestamp { unit: to, .. }) => {
                if unit == to {
                    return Ok(self.value.clone());
                }
                self.plain(|row| changed(count(row), unit.per_second(), to.per_second()))
            }
            (Timestamp { unit, .. } | Time { unit, .. }, Time { unit: to, .. }) => {
                let time = |row: usize| {
                    let count = match self.from {
                        Timestamp { .. } => count(row).rem_euclid(day(unit)),
                        _ => count(row),
                    };
                    changed(count, unit.per_second(), to.per_second())
                };
                if self.to.storage() == Storage::Int32 {
                    self.plain(|row| i32::try_from(time(row)?).ok())
                } else {
                    self.plain(time)
                }
            }
            (Int96, Timestamp { unit, .. }) => self.plain(|row| {
                let (micros, rest) = self.int96(row)?;
                match unit {
                    // Nanoseconds keep what microseconds drop.
                    TimeUnit::Nanos => micros.checked_mul(1000)?.checked_add(rest),
                    _ => changed(micros, 1_000_000, unit.per_second()),
                }
            }),
            (Int96, Date) => {
                self.plain(|row| i32::try_from(self.int96(row)?.0.div_euclid(DAY_MICROS)).ok())
            }
            _ => Err(self.unknown()),
        }
    }

    fn int96(&self, row: usize) -> Option<(i64, i64)> {
        match (self.value.data(), self.value.cell(row)) {
            (Data::Null, _) | (_, Cell::Null) => Some((0, 0)),
            (_, Cell::Bytes(bytes)) => int96(bytes),
            _ => None,
        }
    }
}
