//! Text to values: what CAST takes from VARCHAR.
//!
//! In: UTF-8 text; blanks around it are ignored. Out: the value, or `None` if the text is none of the
//! type or out of its range. The forms taken are DuckDB's.

use millwork_format::types::TimeUnit;

use super::arithmetic::power_of_ten;
use super::calendar;

/// Most digits of a number that are looked at one by one; an exponent beyond is out of range.
const MAX_EXPONENT: u64 = 400;

/// `true`, `t`, `yes`, `y`, `1` and their opposites, in either case.
#[must_use]
pub fn boolean(text: &str) -> Option<bool> {
    let text = text.trim();
    let is = |names: &[&str]| names.iter().any(|name| text.eq_ignore_ascii_case(name));
    if is(&["true", "t", "yes", "y", "1"]) {
        Some(true)
    } else if is(&["false", "f", "no", "n", "0"]) {
        Some(false)
    } else {
        None
    }
}

/// Digits with a sign, a point and an exponent as `unscaled * 10^-scale`; further digits are rounded
/// off, half a unit away from zero.
#[must_use]
pub fn decimal(text: &str, scale: u32) -> Option<i128> {
    let text = text.trim();
    let (negative, text) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i64>().ok()?),
        None => (text, 0),
    };
    if exponent.unsigned_abs() > MAX_EXPONENT {
        return None;
    }
    // Position of the last kept digit behind the point, in the mantissa as written.
    let kept = i64::from(scale) + exponent;
    let (mut value, mut written, mut behind_point) = (0i128, 0usize, None::<i64>);
    let mut round_up = false;
    let mut previous = b'.';
    for byte in mantissa.bytes() {
        match byte {
            b'.' if behind_point.is_none() && previous != b'_' => behind_point = Some(0),
            b'_' if previous.is_ascii_digit() => {}
            b'0'..=b'9' => {
                written += 1;
                let position = behind_point.map_or(0, |count| count + 1);
                if behind_point.is_some() {
                    behind_point = Some(position);
                }
                match position {
                    // Digits before the point are dropped where the exponent says so: see below.
                    _ if position <= kept.max(0) => {
                        value = value.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
                    }
                    _ if position == kept.max(0) + 1 => round_up = byte >= b'5',
                    _ => {}
                }
            }
            _ => return None,
        }
        previous = byte;
    }
    if written == 0 || previous == b'_' {
        return None;
    }
    let have = behind_point.unwrap_or(0).min(kept.max(0));
    if kept < 0 {
        value = match kept.unsigned_abs() {
            dropped @ ..=38 => {
                super::arithmetic::divide_rounded(value, power_of_ten(dropped as u32)?)
            }
            // No number of 128 bits is half of that.
            _ => 0,
        };
    } else {
        let missing = u32::try_from(kept - have).ok()?;
        if missing > 0 && value != 0 {
            value = value.checked_mul(power_of_ten(missing)?)?;
        }
        value = value.checked_add(i128::from(round_up))?;
    }
    Some(if negative { -value } else { value })
}

/// An integer: decimal digits, also with a fraction to be rounded, or `0x` and hexadecimal ones.
#[must_use]
pub fn integer(text: &str) -> Option<i128> {
    let trimmed = text.trim();
    match trimmed.strip_prefix("0x").or_else(|| trimmed.strip_prefix("0X")) {
        Some(digits) if !digits.starts_with(['+', '-']) => i128::from_str_radix(digits, 16).ok(),
        _ => decimal(trimmed, 0),
    }
}

/// A float, also `nan`, `inf`, `infinity`.
#[must_use]
pub fn double(text: &str) -> Option<f64> {
    fast_float2::parse(text.trim()).ok()
}

/// A float of single precision.
#[must_use]
pub fn float(text: &str) -> Option<f32> {
    fast_float2::parse(text.trim()).ok()
}

/// Takes digits off the front of the text.
struct Digits<'a> {
    rest: &'a [u8],
}

impl Digits<'_> {
    /// A number of `least` to `most` digits.
    fn number(&mut self, least: usize, most: usize) -> Option<i64> {
        let count = self.rest.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
        if count < least {
            return None;
        }
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        Some(digits.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0')))
    }

    /// One of `bytes`, if it is next.
    fn take(&mut self, bytes: &[u8]) -> Option<u8> {
        let byte = *self.rest.first().filter(|byte| bytes.contains(byte))?;
        self.rest = &self.rest[1..];
        Some(byte)
    }

    /// Blanks or `T`, between a date and a time.
    fn time_follows(&mut self) -> Option<()> {
        self.take(b" T")?;
        while self.take(b" ").is_some() {}
        Some(())
    }

    fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    fn date(&mut self) -> Option<i64> {
        let negative = self.take(b"-").is_some();
        let year = self.number(1, 6)?;
        let separator = self.take(b"-/")?;
        let month = self.number(1, 2)?;
        self.take(&[separator])?;
        let day = self.number(1, 2)?;
        let mut year = if negative { -year } else { year };
        if let Some(rest) = self.rest.strip_prefix(b" (BC)") {
            self.rest = rest;
            year = 1 - year;
        }
        let valid =
            (1..=12).contains(&month) && day >= 1 && day <= calendar::month_days(year, month);
        valid.then(|| calendar::days(year, month, day))
    }

    /// Nanoseconds of the day; 24:00:00 is one.
    fn time(&mut self) -> Option<i64> {
        let hour = self.number(1, 2)?;
        self.take(b":")?;
        let minute = self.number(1, 2)?;
        let (mut second, mut nanos) = (0, 0);
        if self.take(b":").is_some() {
            second = self.number(1, 2)?;
            if self.take(b".").is_some() {
                let before = self.rest.len();
                nanos = self.number(0, 9)?;
                let digits = before - self.rest.len();
                nanos *= 10i64.pow(9 - digits as u32);
                self.skip_digits();
            }
        }
        let valid = hour < 24 && minute < 60 && second < 60
            || (hour, minute, second, nanos) == (24, 0, 0, 0);
        valid.then_some(((hour * 60 + minute) * 60 + second) * 1_000_000_000 + nanos)
    }

    fn skip_digits(&mut self) {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.rest = &self.rest[digits..];
    }

    /// The offset of a zone in seconds: `Z`, `+HH`, `+HH:MM`; 0 if there is none.
    fn zone(&mut self) -> Option<i64> {
        while self.take(b" ").is_some() {}
        if self.take(b"Zz").is_some() {
            return Some(0);
        }
        if let Some(rest) = self.rest.strip_prefix(b"UTC") {
            self.rest = rest;
            return Some(0);
        }
        let Some(sign) = self.take(b"+-") else { return Some(0) };
        let hours = self.number(2, 2)?;
        let minutes = if self.take(b":").is_some() { self.number(2, 2)? } else { 0 };
        let offset = (hours * 60 + minutes) * 60;
        Some(if sign == b'-' { -offset } else { offset })
    }
}

/// Days since 1970-01-01 of `2024-01-31`; a time of day behind it is dropped.
#[must_use]
pub fn date(text: &str) -> Option<i32> {
    let mut digits = Digits { rest: text.trim().as_bytes() };
    let days = digits.date()?;
    if !digits.is_done() {
        digits.time_follows()?;
        digits.time()?;
        digits.zone()?;
    }
    digits.is_done().then_some(days).and_then(|days| i32::try_from(days).ok())
}

/// Units of the day of `13:37:00.5`; what is finer is cut off.
#[must_use]
pub fn time(text: &str, unit: TimeUnit) -> Option<i64> {
    let mut digits = Digits { rest: text.trim().as_bytes() };
    let nanos = digits.time()?;
    digits.is_done().then_some(nanos / (1_000_000_000 / unit.per_second()))
}

/// Units since 1970-01-01 of `2024-01-31 13:37:00.5`, in UTC if a zone follows. `utc`: whether the
/// zone's offset counts. What is finer than microseconds is cut off, but of nanoseconds; those are
/// rounded to milliseconds.
#[must_use]
pub fn timestamp(text: &str, unit: TimeUnit, utc: bool) -> Option<i64> {
    let nanos = timestamp_nanos(text, utc)?;
    let count = match unit {
        TimeUnit::Nanos => nanos,
        TimeUnit::Micros => nanos.div_euclid(1_000),
        TimeUnit::Millis => {
            let micros = nanos.div_euclid(1_000);
            (micros + 500 * micros.signum()) / 1_000
        }
    };
    i64::try_from(count).ok()
}

fn timestamp_nanos(text: &str, utc: bool) -> Option<i128> {
    let mut digits = Digits { rest: text.trim().as_bytes() };
    let days = digits.date()?;
    let (mut nanos, mut offset) = (0, 0);
    if !digits.is_done() {
        digits.time_follows()?;
        nanos = digits.time()?;
        offset = digits.zone()?;
    }
    let seconds = i128::from(days) * 86_400 - if utc { i128::from(offset) } else { 0 };
    digits.is_done().then(|| seconds * 1_000_000_000 + i128::from(nanos))
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

/// Bytes: the text's own, which are ASCII, `\xAB` for one in hexadecimal.
#[must_use]
pub fn blob(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        match (first, tail) {
            (b'\\', [b'x', high, low, tail @ ..]) => {
                bytes.push(hex_digit(*high)? << 4 | hex_digit(*low)?);
                rest = tail;
            }
            (b'\\' | 0x80.., _) => return None,
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    Some(bytes)
}

/// The 16 bytes of a UUID; hyphens may be left out.
#[must_use]
pub fn uuid(text: &str) -> Option<[u8; 16]> {
    let text = text.trim();
    let text = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
    let mut bytes = [0u8; 16];
    let mut count = 0;
    for byte in text.bytes().filter(|byte| *byte != b'-') {
        let slot = bytes.get_mut(count / 2)?;
        *slot = *slot << 4 | hex_digit(byte)?;
        count += 1;
    }
    (count == 32).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_round_and_refuse() {
        let nines = format!("{}e-40", "9".repeat(38));
        let table: [(&str, u32, Option<i128>); 22] = [
            (&nines, 0, Some(0)),
            ("1e-9223372036854775808", 0, None),
            ("2.345", 2, Some(235)),
            ("-2.345", 2, Some(-235)),
            ("2.344999", 2, Some(234)),
            ("2", 2, Some(200)),
            ("1e3", 0, Some(1000)),
            ("1.5e1", 0, Some(15)),
            ("15e-1", 0, Some(2)),
            ("14e-1", 0, Some(1)),
            ("1250e-2", 1, Some(125)),
            (".5", 0, Some(1)),
            ("5.", 0, Some(5)),
            ("1_000", 0, Some(1000)),
            (" +12 ", 0, Some(12)),
            ("1__0.", 0, None),
            (".", 0, None),
            ("", 0, None),
            ("1e", 0, None),
            ("1e999999999999", 0, None),
            ("--1", 0, None),
            ("999999999999999999999999999999999999999999", 0, None),
        ];
        for (text, scale, expected) in table {
            assert_eq!(decimal(text, scale), expected, "{text}");
        }
        assert_eq!(integer("0x10"), Some(16));
        assert_eq!(integer("0x-1"), None);
    }

    #[test]
    fn dates_and_times() {
        assert_eq!(date("2024-1-5"), Some(19_727));
        assert_eq!(date("2024-01-05 10:11:12"), Some(19_727));
        assert_eq!(date("2024/01/05"), Some(19_727));
        for wrong in ["2024-02-30", "2024-13-01", "2024-01", "2024-01-05x", "", "-", "2024-01/05"] {
            assert_eq!(date(wrong), None, "{wrong}");
        }
        let seconds = |text, utc| timestamp(text, TimeUnit::Nanos, utc).map(|n| n / 1_000_000_000);
        assert_eq!(seconds("1970-01-02T00:00:01", false), Some(86_401));
        assert_eq!(seconds("1970-01-01 24:00:00", false), Some(86_400));
        assert_eq!(seconds("1970-01-01 02:00:00+02:00", true), Some(0));
        assert_eq!(seconds("1970-01-01 10", false), None);
        assert_eq!(time("10:11:12.5", TimeUnit::Nanos), Some(36_672_500_000_000));
        assert_eq!(time("1:2:3", TimeUnit::Millis), Some(3_723_000));
        assert_eq!(time("25:00:00", TimeUnit::Micros), None);
        let many = format!("00:00:01.{}", "9".repeat(40));
        assert_eq!(time(&many, TimeUnit::Micros), Some(1_999_999));
    }

    #[test]
    fn the_fraction_of_a_timestamp_has_the_digits_of_its_unit() {
        let of = |unit, text| timestamp(text, unit, false);
        let text = "1970-01-01 00:00:00.123456789";
        assert_eq!(of(TimeUnit::Nanos, text), Some(123_456_789));
        assert_eq!(of(TimeUnit::Micros, text), Some(123_456));
        assert_eq!(of(TimeUnit::Millis, "1970-01-01 00:00:00.1236"), Some(124));
        assert_eq!(of(TimeUnit::Millis, "1970-01-01 00:00:00.0004999"), Some(0));
        assert_eq!(of(TimeUnit::Millis, "1969-12-31 23:59:59.9995"), Some(-1));
        assert_eq!(of(TimeUnit::Millis, "1969-12-31 23:59:59.9996"), Some(0));
        assert_eq!(of(TimeUnit::Micros, "1969-12-31 23:59:59.9999999"), Some(-1));
        assert_eq!(of(TimeUnit::Nanos, "1600-01-01"), None);
    }

    #[test]
    fn bytes() {
        assert_eq!(blob(r"a\x00\xFf").as_deref(), Some(&[b'a', 0, 255][..]));
        for wrong in [r"a\x0", r"a\\b", "é"] {
            assert_eq!(blob(wrong), None, "{wrong}");
        }
        let uuid_text = "00112233-4455-6677-8899-aabbccddeeff";
        assert_eq!(uuid(uuid_text).map(|bytes| (bytes[1], bytes[15])), Some((0x11, 0xff)));
        assert_eq!(uuid("0011"), None);
    }
}
