//! Dates of the proleptic Gregorian calendar, and the texts of dates, times and timestamps.

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

/// Days of `2024-01-31`; `None` if the text is no date.
#[must_use]
pub fn parse_date(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let separator = if digits.contains('/') { '/' } else { '-' };
    let mut parts = digits.splitn(3, separator);
    let year = number(parts.next()?, 1..=6)?;
    let month = number(parts.next()?, 1..=2)?;
    let day = number(parts.next()?, 1..=2)?;
    let year = if negative { -year } else { year };
    let valid = (1..=12).contains(&month) && day >= 1 && day <= days_in_month(year, month);
    valid.then(|| days_of(year, month, day))
}

/// Microseconds of `13:37[:00[.123456]]`; further digits are cut off.
#[must_use]
pub fn parse_time(text: &str) -> Option<i64> {
    let mut parts = text.trim().splitn(3, ':');
    let hour = number(parts.next()?, 1..=2)?;
    let minute = number(parts.next()?, 1..=2)?;
    let (second, micros) = match parts.next() {
        None => (0, 0),
        Some(seconds) => match seconds.split_once('.') {
            None => (number(seconds, 1..=2)?, 0),
            Some((whole, fraction)) => {
                number(fraction, 1..=18)?;
                let six: String = fraction.chars().chain("000000".chars()).take(6).collect();
                (number(whole, 1..=2)?, number(&six, 6..=6)?)
            }
        },
    };
    let valid = hour < 24 && minute < 60 && second < 60;
    valid.then_some(((hour * 60 + minute) * 60 + second) * MICROS_PER_SECOND + micros)
}

/// Microseconds since 1970 of a date, or of a date and a time between which is a space or `T`. A
/// `Z` or an offset `+02:00` behind it is applied.
#[must_use]
pub fn parse_timestamp(text: &str) -> Option<i64> {
    let text = text.trim();
    let Some((date, time)) = text.split_once(['T', ' ']) else {
        return parse_date(text)?.checked_mul(MICROS_PER_DAY);
    };
    let time = time.trim();
    let (time, offset_minutes) = match time.strip_suffix(['Z', 'z']) {
        Some(time) => (time, 0),
        None => match time.rfind(['+', '-']) {
            None => (time, 0),
            Some(at) => {
                let offset = &time[at + 1..];
                let (hours, minutes) = offset.split_once(':').unwrap_or((offset, "0"));
                let minutes = number(hours, 1..=2)? * 60 + number(minutes, 1..=2)?;
                (&time[..at], if time[at..].starts_with('-') { -minutes } else { minutes })
            }
        },
    };
    let local = parse_date(date)?.checked_mul(MICROS_PER_DAY)?.checked_add(parse_time(time)?)?;
    local.checked_sub(offset_minutes * 60 * MICROS_PER_SECOND)
}

/// `value` of one resolution in another, rounded down; `None` if it does not fit 64 bits.
#[must_use]
pub fn rescale(value: i128, from: TimeUnit, to: TimeUnit) -> Option<i128> {
    let (from, to) = (i128::from(from.per_second()), i128::from(to.per_second()));
    let scaled =
        if to >= from { value.checked_mul(to / from)? } else { value.div_euclid(from / to) };
    i64::try_from(scaled).ok().map(i128::from)
}

/// Digits only, as many as `lengths` allows.
fn number(text: &str, lengths: std::ops::RangeInclusive<usize>) -> Option<i64> {
    let valid = lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if valid { text.parse().ok() } else { None }
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
        let day = |text| parse_date(text).expect("a date");
        assert_eq!(add_months(day("2024-01-31"), 1), day("2024-02-29"));
        assert_eq!(add_months(day("2023-01-31"), 1), day("2023-02-28"));
        assert_eq!(add_months(day("2024-03-15"), -15), day("2022-12-15"));
    }

    #[test]
    fn texts_that_are_no_dates_are_refused() {
        for text in ["", "2024", "2024-13-01", "2024-02-30", "2023-02-29", "2024-1-", "a-b-c"] {
            assert_eq!(parse_date(text), None, "{text}");
        }
        assert_eq!(parse_timestamp("1970-01-01 00:00:01.5"), Some(1_500_000));
        assert_eq!(parse_timestamp("1970-01-01T02:00:00+02:00"), Some(0));
        assert_eq!(parse_timestamp("1970-01-02"), Some(MICROS_PER_DAY));
        assert_eq!(parse_timestamp("1970-01-02 25:00:00"), None);
    }
}
