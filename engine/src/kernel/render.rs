//! Values to text: what CAST to VARCHAR gives.
//!
//! In: a value and what its type adds (scale, unit). Out: text at the end of a `String`, in DuckDB's
//! forms: shortest floats that round-trip, dates as `2024-01-31`, timestamps with a blank between date
//! and time and only the digits of the fraction that are needed.

use std::fmt::Write;

use millwork_format::types::TimeUnit;

use super::calendar;
use super::interval::Interval;

/// Writing to a `String` does not fail.
macro_rules! put {
    ($out:expr, $($format:tt)*) => {
        let _ = write!($out, $($format)*);
    };
}

/// An integer.
pub fn integer(value: i128, out: &mut String) {
    out.push_str(itoa::Buffer::new().format(value));
}

/// `unscaled * 10^-scale`, with all digits of the scale.
pub fn decimal(unscaled: i128, scale: u8, out: &mut String) {
    if unscaled < 0 {
        out.push('-');
    }
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(unscaled.unsigned_abs());
    let scale = usize::from(scale);
    if scale == 0 {
        out.push_str(digits);
    } else if digits.len() > scale {
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        put!(out, "{whole}.{fraction}");
    } else {
        put!(out, "0.{digits:0>scale$}");
    }
}

/// A float of double precision.
pub fn double(value: f64, out: &mut String) {
    shortest(value.is_finite(), value.is_nan(), value < 0.0, || format!("{value:e}"), out);
}

/// A float of single precision.
pub fn float(value: f32, out: &mut String) {
    shortest(value.is_finite(), value.is_nan(), value < 0.0, || format!("{value:e}"), out);
}

fn shortest(
    finite: bool,
    nan: bool,
    negative: bool,
    scientific: impl Fn() -> String,
    out: &mut String,
) {
    if nan {
        return out.push_str("nan");
    }
    if !finite {
        return out.push_str(if negative { "-inf" } else { "inf" });
    }
    let text = scientific();
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(mantissa) => ("-", mantissa),
        None => ("", mantissa),
    };
    out.push_str(sign);
    if !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        put!(out, "{mantissa}e{sign}{:02}", exponent.unsigned_abs());
        return;
    }
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    if exponent < 0 {
        let zeros = exponent.unsigned_abs() as usize - 1;
        put!(out, "0.{:0<zeros$}{digits}", "");
    } else {
        let whole = exponent as usize + 1;
        let padded = format!("{digits:0<whole$}");
        let (whole, fraction) = padded.split_at(whole);
        put!(out, "{whole}.{}", if fraction.is_empty() { "0" } else { fraction });
    }
}

/// A date; years before 1 count back from 1 BC.
pub fn date(days: i64, out: &mut String) {
    let calendar::Civil { year, month, day } = calendar::civil(days);
    if year > 0 {
        put!(out, "{year:04}-{month:02}-{day:02}");
    } else {
        put!(out, "{:04}-{month:02}-{day:02} (BC)", 1 - year);
    }
}

/// A time of day, given as a count of `unit`.
pub fn time(count: i64, unit: TimeUnit, out: &mut String) {
    let (seconds, fraction) = (count / unit.per_second(), count % unit.per_second());
    put!(out, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction != 0 {
        let width = unit.digits();
        let digits = format!("{:0width$}", fraction.abs());
        put!(out, ".{}", digits.trim_end_matches('0'));
    }
}

/// A timestamp, given as a count of `unit`; `+00` follows if it is an instant.
pub fn timestamp(count: i64, unit: TimeUnit, utc: bool, out: &mut String) {
    let day = unit.per_second() * 86_400;
    date(count.div_euclid(day), out);
    out.push(' ');
    time(count.rem_euclid(day), unit, out);
    if utc {
        out.push_str("+00");
    }
}

/// Months, days and microseconds: `1 year 2 months 3 days 04:05:06`.
pub fn interval(interval: Interval, out: &mut String) {
    let Interval { months, days, micros } = interval;
    let start = out.len();
    let mut part = |count: i32, name: &str| {
        if count != 0 {
            let blank = if out.len() == start { "" } else { " " };
            let plural = if count.unsigned_abs() == 1 { "" } else { "s" };
            put!(out, "{blank}{count} {name}{plural}");
        }
    };
    part(months / 12, "year");
    part(months % 12, "month");
    part(days, "day");
    if micros != 0 || out.len() == start {
        let blank = if out.len() == start { "" } else { " " };
        let (seconds, fraction) = (micros / 1_000_000, (micros % 1_000_000).unsigned_abs());
        let sign = if micros < 0 { "-" } else { "" };
        let seconds = seconds.unsigned_abs();
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        put!(out, "{blank}{sign}{hours:02}:{minutes:02}:{:02}", seconds % 60);
        if fraction != 0 {
            let digits = format!("{fraction:06}");
            put!(out, ".{}", digits.trim_end_matches('0'));
        }
    }
}

/// Bytes as text: printable ASCII as it is, the rest as `\xAB`.
pub fn blob(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        match byte {
            b' '..=b'~' if !b"\\'\"".contains(byte) => out.push(char::from(*byte)),
            _ => {
                put!(out, "\\x{byte:02X}");
            }
        }
    }
}

/// A UUID with its hyphens.
pub fn uuid(bytes: &[u8], out: &mut String) {
    for (index, byte) in bytes.iter().enumerate() {
        let hyphen = if matches!(index, 4 | 6 | 8 | 10) { "-" } else { "" };
        put!(out, "{hyphen}{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut String)) -> String {
        let mut out = String::new();
        write(&mut out);
        out
    }

    #[test]
    fn floats_as_duckdb_writes_them() {
        let table = [
            (1e16, "1e+16"),
            (1e15, "1000000000000000.0"),
            (1e-5, "1e-05"),
            (0.0001, "0.0001"),
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (12_345_678_901_234_567.0, "1.2345678901234568e+16"),
            (123_456_789.125, "123456789.125"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (value, expected) in table {
            assert_eq!(text(|out| double(value, out)), expected);
        }
        assert_eq!(text(|out| float(0.1, out)), "0.1");
        assert_eq!(text(|out| float(1e10, out)), "10000000000.0");
    }

    #[test]
    fn the_rest_as_duckdb_writes_it() {
        assert_eq!(text(|out| decimal(-5, 2, out)), "-0.05");
        assert_eq!(text(|out| decimal(1230, 2, out)), "12.30");
        assert_eq!(text(|out| date(19_753, out)), "2024-01-31");
        assert_eq!(text(|out| date(calendar::days(-5, 1, 1), out)), "0006-01-01 (BC)");
        assert_eq!(
            text(|out| timestamp(-1, TimeUnit::Micros, false, out)),
            "1969-12-31 23:59:59.999999"
        );
        assert_eq!(
            text(|out| timestamp(120, TimeUnit::Millis, true, out)),
            "1970-01-01 00:00:00.12+00"
        );
        let of = |months, days, micros| Interval { months, days, micros };
        assert_eq!(text(|out| interval(of(1, 2, 3_000_000), out)), "1 month 2 days 00:00:03");
        assert_eq!(text(|out| interval(of(0, 0, 0), out)), "00:00:00");
        assert_eq!(
            text(|out| interval(of(-14, -1, -90_500_000), out)),
            "-1 year -2 months -1 day -00:01:30.5"
        );
        assert_eq!(text(|out| blob(b"blob\xab", out)), r"blob\xAB");
    }
}
