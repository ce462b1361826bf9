//! Dates of the proleptic Gregorian calendar, and the units of timestamps.

use millwork_format::types::TimeUnit;

const MICROS_PER_SECOND: i64 = 1_000_000;
/// Microseconds of a day.
pub const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// Days from 1970-01-01 to the day; `month` 1 to 12, `day` not checked.
#[must_use]
pub fn days_of(year: i64, month: i64, day: i64) -> i64 {
    // Years start in March, so that the leap day is the last of its year.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Year, month (1 to 12) and day (1 to 31) of the day that many days after 1970-01-01.
#[must_use]
pub fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = era * 400 + year_of_era + i64::from(month >= 10);
    (year, (month + 2) % 12 + 1, day)
}

/// Days in a month, 1 to 12.
#[must_use]
pub fn days_in_month(year: i64, month: i64) -> i64 {
    let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days_of(next.0, next.1, 1) - days_of(year, month, 1)
}

/// The day `months` later; the last of its month if the month is shorter.
#[must_use]
pub fn add_months(days: i64, months: i64) -> i64 {
    let (year, month, day) = date_of(days);
    let count = year * 12 + month - 1 + months;
    let (year, month) = (count.div_euclid(12), count.rem_euclid(12) + 1);
    days_of(year, month, day.min(days_in_month(year, month)))
}

/// `value` of one resolution in another, half a unit away from zero; `None` if it does not fit 64
/// bits.
#[must_use]
pub fn rescale(value: i128, from: TimeUnit, to: TimeUnit) -> Option<i128> {
    let (from, to) = (i128::from(from.per_second()), i128::from(to.per_second()));
    let scaled = if to >= from {
        value.checked_mul(to / from)?
    } else {
        let (size, half) = (from / to, from / to / 2);
        value.checked_add(half * value.signum())? / size
    };
    i64::try_from(scaled).ok().map(i128::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_inverse_over_eras() {
        for days in (-1_000_000..1_000_000).step_by(37) {
            let (year, month, day) = date_of(days);
            assert_eq!(days_of(year, month, day), days, "{year}-{month}-{day}");
        }
        assert_eq!(date_of(0), (1970, 1, 1));
        assert_eq!(date_of(-1), (1969, 12, 31));
        assert_eq!(date_of(11_016), (2000, 2, 29));
    }

    #[test]
    fn months_are_added_to_the_last_day_of_a_shorter_month() {
        let day = |text| i64::from(crate::kernel::parse::date(text).expect("a date"));
        assert_eq!(add_months(day("2024-01-31"), 1), day("2024-02-29"));
        assert_eq!(add_months(day("2023-01-31"), 1), day("2023-02-28"));
        assert_eq!(add_months(day("2024-03-15"), -15), day("2022-12-15"));
    }

    #[test]
    fn a_coarser_unit_is_rounded_half_a_unit_away_from_zero() {
        let millis = |micros| rescale(micros, TimeUnit::Micros, TimeUnit::Millis);
        let table = [(1499, 1), (1500, 2), (-499, 0), (-500, -1), (-1499, -1), (-1500, -2)];
        for (micros, expected) in table {
            assert_eq!(millis(micros), Some(expected), "{micros}");
        }
        assert_eq!(rescale(i128::from(i64::MAX), TimeUnit::Millis, TimeUnit::Micros), None);
    }
}
