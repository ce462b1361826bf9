//! Days since 1970-01-01 and dates of the proleptic Gregorian calendar.
//!
//! In: a count of days, or year, month, day. Out: the other. Year 0 is the year before year 1. Every
//! count of days has a date.

/// A date: year, month 1 to 12, day 1 to 31.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Civil {
    /// The year; 0 is 1 BC.
    pub year: i64,
    /// The month, from 1.
    pub month: u32,
    /// The day of the month, from 1.
    pub day: u32,
}

/// Days in 400 years, after which the calendar repeats.
const ERA_DAYS: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01: so many eras, and so many days.
const EPOCH: (i64, i64) = (4, 135_080);
/// The Julian day number of 1970-01-01, as INT96 timestamps count.
pub const JULIAN_DAY_OF_EPOCH: i64 = 2_440_588;
/// Nanoseconds of a day.
pub const NANOS_PER_DAY: i64 = 86_400_000_000_000;

/// The date `days` after 1970-01-01.
///
/// ```
/// use millwork_format::calendar::{Civil, civil_from_days, days_from_civil};
/// assert_eq!(civil_from_days(19_753), Civil { year: 2024, month: 1, day: 31 });
/// assert_eq!(days_from_civil(2024, 1, 31), Some(19_753));
/// assert_eq!(days_from_civil(2023, 2, 29), None);
/// ```
#[must_use]
pub const fn civil_from_days(days: i64) -> Civil {
    // Years are counted from March, so that the leap day is the last of its year.
    let mut era = days.div_euclid(ERA_DAYS) + EPOCH.0;
    let mut day = days.rem_euclid(ERA_DAYS) + EPOCH.1;
    if day >= ERA_DAYS {
        day -= ERA_DAYS;
        era += 1;
    }
    // A leap day every 4 years, not every 100, but at the end of the era.
    let year = (day - day / 1460 + day / 36_524 - day / (ERA_DAYS - 1)) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    // Five months have 153 days, beginning with March.
    let shifted = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year + if month <= 2 { 1 } else { 0 };
    Civil { year, month: month as u32, day: day_of_month as u32 }
}

/// Days from 1970-01-01 to a date; `None` if there is no such date, or 64 bits do not count it.
#[must_use]
pub const fn days_from_civil(year: i64, month: u32, day: u32) -> Option<i64> {
    if month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    let shifted = if month > 2 { month - 3 } else { month + 9 } as i64;
    let (mut era, mut year) = (year.div_euclid(400), year.rem_euclid(400));
    if month <= 2 {
        year -= 1;
        if year < 0 {
            year += 400;
            era -= 1;
        }
    }
    let day_of_year = (153 * shifted + 2) / 5 + day as i64 - 1;
    let day = year * 365 + year / 4 - year / 100 + day_of_year;
    // The first summand alone may be beyond 64 bits.
    let days = (era - EPOCH.0) as i128 * ERA_DAYS as i128 + (day - EPOCH.1) as i128;
    if days < i64::MIN as i128 || days > i64::MAX as i128 {
        return None;
    }
    Some(days as i64)
}

/// Whether `year` has a 29th of February.
#[must_use]
pub const fn is_leap_year(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days of a month; 0 if `month` is not 1 to 12.
#[must_use]
pub const fn days_in_month(year: i64, month: u32) -> u32 {
    match month {
        2 if is_leap_year(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    }
}

/// Days since 1970-01-01 and nanoseconds of the day of an INT96 timestamp. Nanoseconds do not wrap, and
/// those beyond a day count as days.
///
/// Compat: Spark adds the Julian day of 1970 to a timestamp's microseconds without a check, so a year
/// near 290,000 lands below the least `i64` of microseconds, by 2^64: that is undone.
#[must_use]
pub fn int96_parts(bytes: [u8; 12]) -> (i64, i64) {
    let [n0, n1, n2, n3, n4, n5, n6, n7, day @ ..] = bytes;
    let nanos = i64::from_le_bytes([n0, n1, n2, n3, n4, n5, n6, n7]);
    let days = i64::from(i32::from_le_bytes(day)) - JULIAN_DAY_OF_EPOCH;
    let (days, nanos) = (days + nanos.div_euclid(NANOS_PER_DAY), nanos.rem_euclid(NANOS_PER_DAY));
    let micros_per_day = NANOS_PER_DAY / 1000;
    let micros = i128::from(days) * i128::from(micros_per_day) + i128::from(nanos / 1000);
    let below = i128::from(i64::MIN) - micros;
    if !(1..=i128::from(JULIAN_DAY_OF_EPOCH * micros_per_day)).contains(&below) {
        return (days, nanos);
    }
    let meant = micros as i64;
    (meant.div_euclid(micros_per_day), meant.rem_euclid(micros_per_day) * 1000 + nanos % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overflow_of_spark_is_undone() {
        // Row 5 of int96_from_spark.parquet: 290000-12-30 23:00.
        let bytes = [0x00, 0x60, 0xb9, 0xc7, 0x6e, 0xe2, 0xff, 0xff, 0xa8, 0xab, 0xb0, 0xf9];
        let (days, nanos) = int96_parts(bytes);
        assert_eq!(civil_from_days(days), Civil { year: 290_000, month: 12, day: 30 });
        assert_eq!(nanos, 23 * 3_600 * 1_000_000_000);
    }

    #[test]
    fn known_dates() {
        let table = [
            (0, (1970, 1, 1)),
            (-1, (1969, 12, 31)),
            (11_016, (2000, 2, 29)),
            (11_017, (2000, 3, 1)),
            (-25_508, (1900, 3, 1)),
            (-25_509, (1900, 2, 28)),
            (2_932_896, (9999, 12, 31)),
            (2_932_897, (10_000, 1, 1)),
            (-719_528, (0, 1, 1)),
            (-719_529, (-1, 12, 31)),
            (i64::from(i32::MAX), (5_881_580, 7, 11)),
            (i64::from(i32::MIN), (-5_877_641, 6, 23)),
        ];
        for (days, (year, month, day)) in table {
            assert_eq!(civil_from_days(days), Civil { year, month, day }, "{days}");
            assert_eq!(days_from_civil(year, month, day), Some(days));
        }
        for (year, month, day) in [(2023, 2, 29), (2024, 13, 1), (2024, 0, 1), (2024, 4, 31)] {
            assert_eq!(days_from_civil(year, month, day), None);
        }
        assert_eq!(days_from_civil(i64::MAX, 1, 1), None);
        assert_eq!(days_from_civil(i64::MIN, 1, 1), None);
    }

    #[test]
    fn each_day_follows_the_one_before() {
        for start in [-800_000, -146_097 * 3, -20, 719_000, i64::MAX - 3000, i64::MIN] {
            let mut last = civil_from_days(start);
            for days in start + 1..start + 3000 {
                let date = civil_from_days(days);
                let next = if last.day < days_in_month(last.year, last.month) {
                    Civil { day: last.day + 1, ..last }
                } else if last.month < 12 {
                    Civil { month: last.month + 1, day: 1, ..last }
                } else {
                    Civil { year: last.year + 1, month: 1, day: 1 }
                };
                assert_eq!(date, next);
                assert_eq!(days_from_civil(date.year, date.month, date.day), Some(days));
                last = date;
            }
        }
    }

    #[test]
    fn int96_does_not_wrap() {
        let parts = |day: i32, nanos: i64| {
            let mut bytes = [0; 12];
            bytes[..8].copy_from_slice(&nanos.to_le_bytes());
            bytes[8..].copy_from_slice(&day.to_le_bytes());
            int96_parts(bytes)
        };
        assert_eq!(parts(2_440_588, 5), (0, 5));
        assert_eq!(parts(2_440_588, -1), (-1, NANOS_PER_DAY - 1));
        assert_eq!(parts(2_440_588, NANOS_PER_DAY + 1), (1, 1));
        assert_eq!(parts(i32::MAX, 0).0, i64::from(i32::MAX) - 2_440_588);
        assert_eq!(parts(i32::MIN, i64::MIN).0, -2_150_030_988);
    }
}
