//! INTERVAL: months, days and microseconds, each with its sign.
//!
//! In: text, or the bytes of a value. Out: an [`Interval`], or `None` if a part does not fit.

/// Microseconds of a second, an hour and a day.
const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;
/// Days of a month where a length is wanted.
const MONTH_DAYS: i64 = 30;

/// An interval of SQL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interval {
    /// Months.
    pub months: i32,
    /// Days.
    pub days: i32,
    /// Microseconds.
    pub micros: i64,
}

impl Interval {
    /// The value in 16 bytes: months, days and microseconds, little-endian.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        let (months, days) = (i64::from(self.months as u32), i64::from(self.days as u32));
        let low = (days << 32 | months) as u64;
        (u128::from(low) | u128::from(self.micros as u64) << 64).to_le_bytes()
    }

    /// The value of [`Interval::to_bytes`]; `None` of another number of bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let all = u128::from_le_bytes(bytes.try_into().ok()?);
        Some(Self { months: all as i32, days: (all >> 32) as i32, micros: (all >> 64) as i64 })
    }

    /// An INTERVAL of a Parquet file, whose 12 bytes are months, days and milliseconds without signs.
    #[must_use]
    pub fn of_file(bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; 12] = bytes.try_into().ok()?;
        let [months, days, millis] = [0, 4, 8].map(|at| {
            let four = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
            u32::from_le_bytes(four)
        });
        let (months, days) = (i32::try_from(months).ok()?, i32::try_from(days).ok()?);
        Some(Self { months, days, micros: i64::from(millis) * 1_000 })
    }

    /// Its length, by which intervals are ordered: months of 30 days, days of 24 hours.
    #[must_use]
    pub fn length_micros(self) -> i128 {
        let days = i128::from(self.months) * i128::from(MONTH_DAYS) + i128::from(self.days);
        days * i128::from(DAY) + i128::from(self.micros)
    }

    /// The sum, part by part.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        Some(Self {
            months: self.months.checked_add(other.months)?,
            days: self.days.checked_add(other.days)?,
            micros: self.micros.checked_add(other.micros)?,
        })
    }

    /// The opposite, part by part.
    #[must_use]
    pub fn negated(self) -> Option<Self> {
        Some(Self {
            months: self.months.checked_neg()?,
            days: self.days.checked_neg()?,
            micros: self.micros.checked_neg()?,
        })
    }

    /// Each part changed by `scale`; what is left of months becomes days, of days microseconds.
    #[must_use]
    pub fn scaled(self, scale: impl Fn(f64) -> f64) -> Option<Self> {
        let mut sum = Self::default();
        sum.add(scale(self.months.into()), scale(self.days.into()), scale(self.micros as f64))?;
        Some(sum)
    }

    /// Adds parts with fractions.
    fn add(&mut self, months: f64, days: f64, micros: f64) -> Option<()> {
        let days = days + months.fract() * MONTH_DAYS as f64;
        let micros = micros + days.fract() * DAY as f64;
        let fits = |value: f64, limit: f64| (value.abs() < limit).then_some(value);
        let sum = Self {
            months: fits(months.trunc(), 2f64.powi(31))? as i32,
            days: fits(days.trunc(), 2f64.powi(31))? as i32,
            micros: fits(micros.round(), 2f64.powi(63))? as i64,
        };
        *self = self.plus(sum)?;
        Some(())
    }

    /// `count` of the part that `unit` names, in any case, one or many.
    #[must_use]
    pub fn of_unit(count: f64, unit: &str) -> Option<Self> {
        let (months, days, micros) = unit_parts(unit)?;
        let mut sum = Self::default();
        sum.add(count * months as f64, count * days as f64, count * micros as f64)?;
        Some(sum)
    }

    /// `1 year 2 days 03:04:05.6`; `ago` behind it turns it around. A lone number is seconds.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut words: Vec<&str> = text.split_whitespace().collect();
        let ago = words.last().is_some_and(|word| word.eq_ignore_ascii_case("ago"));
        if ago {
            words.pop();
        }
        let (mut sum, mut rest) = (Self::default(), words.as_slice());
        if rest.is_empty() {
            return None;
        }
        while let [word, more @ ..] = rest {
            rest = more;
            let part = if word.contains(':') {
                clock(word)?
            } else {
                let end = word.find(|letter: char| letter.is_ascii_alphabetic());
                let (digits, mut unit) = word.split_at(end.unwrap_or(word.len()));
                if unit.is_empty() {
                    match rest {
                        [name, more @ ..] => (unit, rest) = (name, more),
                        [] if words.len() == 1 => unit = "seconds",
                        [] => return None,
                    }
                }
                counted(digits, unit)?
            };
            sum = sum.plus(part)?;
        }
        if ago { sum.negated() } else { Some(sum) }
    }
}

/// Digits with a sign and a fraction, of a unit.
fn counted(digits: &str, unit: &str) -> Option<Interval> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+');
    if !digits.bytes().all(is_digit) {
        return None;
    }
    // Whole counts of microseconds keep all their digits.
    if let (Ok(count), Some((0, 0, each))) = (digits.parse::<i64>(), unit_parts(unit)) {
        return Some(Interval { micros: count.checked_mul(each)?, ..Interval::default() });
    }
    Interval::of_unit(digits.parse().ok()?, unit)
}

/// `[-]12:30[:05[.5]]`.
fn clock(text: &str) -> Option<Interval> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut parts = digits.split(':');
    let number = |part: Option<&str>| -> Option<i64> {
        let part = part.filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()))?;
        part.parse().ok()
    };
    let (hours, minutes) = (number(parts.next())?, number(parts.next())?);
    let seconds: f64 = match parts.next() {
        Some(part) if part.starts_with(|first: char| first.is_ascii_digit()) => {
            part.parse().ok()?
        }
        Some(_) => return None,
        None => 0.0,
    };
    if minutes > 59 || seconds >= 60.0 || parts.next().is_some() {
        return None;
    }
    let micros = (seconds * SECOND as f64).round() as i64;
    let micros = hours.checked_mul(HOUR)?.checked_add(minutes * 60 * SECOND + micros)?;
    Some(Interval { micros: sign * micros, ..Interval::default() })
}

/// Months, days and microseconds of one unit.
fn unit_parts(name: &str) -> Option<(i64, i64, i64)> {
    Some(match name.to_ascii_lowercase().as_str() {
        "millennium" | "millennia" | "millenniums" | "mil" | "mils" => (12_000, 0, 0),
        "century" | "centuries" | "cent" | "c" => (1_200, 0, 0),
        "decade" | "decades" | "dec" | "decs" => (120, 0, 0),
        "year" | "years" | "yr" | "yrs" | "y" => (12, 0, 0),
        "quarter" | "quarters" => (3, 0, 0),
        "month" | "months" | "mon" | "mons" => (1, 0, 0),
        "week" | "weeks" | "w" => (0, 7, 0),
        "day" | "days" | "d" => (0, 1, 0),
        "hour" | "hours" | "hr" | "hrs" | "h" => (0, 0, HOUR),
        "minute" | "minutes" | "min" | "mins" | "m" => (0, 0, 60 * SECOND),
        "second" | "seconds" | "sec" | "secs" | "s" => (0, 0, SECOND),
        "millisecond" | "milliseconds" | "msec" | "msecs" | "ms" => (0, 0, 1_000),
        "microsecond" | "microseconds" | "usec" | "usecs" | "us" => (0, 0, 1),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_what_duckdb_reads() {
        let of = |months, days, micros| Some(Interval { months, days, micros });
        let table = [
            ("-1 day", of(0, -1, 0)),
            ("1.5 days", of(0, 1, 12 * HOUR)),
            ("1.5 months", of(1, 15, 0)),
            ("1.5 years", of(18, 0, 0)),
            ("1.5 weeks", of(0, 10, 12 * HOUR)),
            ("1 day ago", of(0, -1, 0)),
            ("-1 day -01:00:00", of(0, -1, -HOUR)),
            ("01:02:03.5", of(0, 0, HOUR + 123_500_000)),
            ("90", of(0, 0, 90 * SECOND)),
            ("0.0000005 seconds", of(0, 0, 1)),
            ("9007199254740993 us", of(0, 0, 9_007_199_254_740_993)),
            ("", None),
            ("1 day 2", None),
            ("1 fortnight", None),
            ("inf days", None),
            ("99999999999 days", None),
        ];
        for (text, expected) in table {
            assert_eq!(Interval::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn bytes_keep_every_sign() {
        let parts = [i32::MIN, -1, 0, 1, i32::MAX];
        for months in parts {
            for days in parts {
                for micros in [i64::MIN, -1, 0, i64::MAX] {
                    let interval = Interval { months, days, micros };
                    assert_eq!(Interval::from_bytes(&interval.to_bytes()), Some(interval));
                }
            }
        }
        assert_eq!(Interval::of_file(&[255; 12]), None);
    }
}
