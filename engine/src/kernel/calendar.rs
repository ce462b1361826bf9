//! The proleptic Gregorian calendar: days since 1970-01-01 and civil dates, timestamps as counts.
//!
//! In: days (`i32` or `i64`) and counts of a unit. Out: years, months, days and parts of the day.
//! Everything is total: years are `i64`, nothing wraps for any `i32` day or `i64` microsecond.

use std::ops::RangeInclusive;

use millwork_format::calendar::civil_from_days;

/// Days of 400 years: the calendar repeats after them.
const ERA_DAYS: i64 = 146_097;
/// Days from 0000-03-01, where the years of this file's arithmetic begin, to 1970-01-01.
const EPOCH_DAYS: i64 = 719_468;
/// Microseconds of a day.
pub const DAY_MICROS: i64 = 86_400_000_000;

/// A date of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Civil {
    /// Year, 0 is 1 BC.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
}

/// The date `days` after 1970-01-01.
#[inline]
#[must_use]
pub fn civil(days: i64) -> Civil {
    let date = civil_from_days(days);
    Civil { year: date.year, month: date.month.into(), day: date.day.into() }
}

/// Days whose dates lie in the years 1 to 9999: those for which [`near_civil`] holds.
pub const NEAR_DAYS: RangeInclusive<i32> = -719_162..=2_932_896;

/// Year, month and day of a date in [`NEAR_DAYS`], in 32-bit steps without a branch: loops over it
/// vectorise.
#[inline(always)]
#[must_use]
pub fn near_civil(day: i32) -> [u32; 3] {
    let shifted = day.wrapping_add(EPOCH_DAYS as i32) as u32;
    let (era, day) = (shifted / ERA_DAYS as u32, shifted % ERA_DAYS as u32);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let index = (5 * day_of_year + 2) / 153;
    let late = u32::from(index >= 10);
    [
        era.wrapping_mul(400) + year + late,
        index + 3 - 12 * late,
        day_of_year + 1 - (153 * index + 2) / 5,
    ]
}

/// Days from 1970-01-01 to the `day`th of `month` (1 to 12) of `year`; days run on past the month's
/// end.
#[inline]
#[must_use]
pub fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let index = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * index + 2) / 5 + day - 1;
    let day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + day_of_year;
    era * ERA_DAYS + day_of_era - EPOCH_DAYS
}

/// Days of `month` (1 to 12) of `year`.
#[must_use]
pub fn month_days(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The date `days`, `months` later; a day that the month lacks becomes its last.
#[must_use]
pub fn add_months(day: i64, months: i64) -> i64 {
    let date = civil(day);
    let count = date.year * 12 + date.month - 1 + months;
    let (year, month) = (count.div_euclid(12), count.rem_euclid(12) + 1);
    days(year, month, date.day.min(month_days(year, month)))
}

/// 0 for Sunday to 6 for Saturday.
#[must_use]
pub fn day_of_week(day: i64) -> i64 {
    (day + 4).rem_euclid(7)
}

/// 1 for January 1st.
#[must_use]
pub fn day_of_year(day: i64) -> i64 {
    day - days(civil(day).year, 1, 1) + 1
}

/// The ISO week, 1 to 53: weeks begin on Monday, the first one has the year's first Thursday.
#[must_use]
pub fn iso_week(day: i64) -> i64 {
    // The Thursday of the same week lies in the year that the week belongs to.
    let thursday = day - (day + 3).rem_euclid(7) + 3;
    (day_of_year(thursday) - 1) / 7 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_inverse_and_consecutive() {
        let mut previous = civil(-800_001);
        for day in -800_000..800_000 {
            let date = civil(day);
            assert_eq!(days(date.year, date.month, date.day), day);
            let next = if previous.day < month_days(previous.year, previous.month) {
                Civil { day: previous.day + 1, ..previous }
            } else if previous.month < 12 {
                Civil { month: previous.month + 1, day: 1, ..previous }
            } else {
                Civil { year: previous.year + 1, month: 1, day: 1 }
            };
            assert_eq!(date, next);
            if NEAR_DAYS.contains(&(day as i32)) {
                let near = near_civil(day as i32).map(i64::from);
                assert_eq!([date.year, date.month, date.day], near);
            }
            previous = date;
        }
        assert_eq!(civil(0), Civil { year: 1970, month: 1, day: 1 });
        assert_eq!(civil(19_753), Civil { year: 2024, month: 1, day: 31 });
        for extreme in [i64::from(i32::MIN), i64::from(i32::MAX)] {
            let date = civil(extreme);
            assert_eq!(days(date.year, date.month, date.day), extreme);
        }
    }

    #[test]
    fn weeks_and_months() {
        // 2021-01-03 is the Sunday of week 53 of 2020, the next day begins week 1.
        assert_eq!((iso_week(days(2021, 1, 3)), iso_week(days(2021, 1, 4))), (53, 1));
        assert_eq!((iso_week(days(2018, 12, 31)), iso_week(days(2016, 1, 3))), (1, 53));
        assert_eq!((day_of_week(0), day_of_week(days(2024, 2, 4))), (4, 0));
        assert_eq!(day_of_year(days(2024, 12, 31)), 366);
        assert_eq!(add_months(days(2024, 1, 31), 1), days(2024, 2, 29));
        assert_eq!(add_months(days(2024, 1, 31), -11), days(2023, 2, 28));
        assert_eq!(add_months(days(1970, 1, 1), -1), days(1969, 12, 1));
    }
}
