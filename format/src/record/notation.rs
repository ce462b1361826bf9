//! How single values are written, in whatever format they end up.
//!
//! In: a number, a time, bytes. Out: text appended to a [`Sink`]. No choice of quotes or of nulls here.

use crate::calendar::{Civil, NANOS_PER_DAY, civil_from_days};
use crate::types::TimeUnit;

/// What text is appended to.
pub(super) trait Sink {
    /// Appends `text`.
    fn push_text(&mut self, text: &str);
}

impl Sink for Vec<u8> {
    fn push_text(&mut self, text: &str) {
        self.extend_from_slice(text.as_bytes());
    }
}

impl Sink for String {
    fn push_text(&mut self, text: &str) {
        self.push_str(text);
    }
}

/// How years before 1 are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Era {
    /// Year 0 is `0000`, the year before `-0001`.
    Sign,
    /// Year 0 is `0001` with ` (BC)` behind the date.
    BeforeChrist,
}

/// How the fraction of a second is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fraction {
    /// That many digits.
    Digits(usize),
    /// As few digits as are needed, and no point if none is.
    Shortest,
}

pub(super) fn integer(value: i128, out: &mut impl Sink) {
    let mut buffer = itoa::Buffer::new();
    out.push_text(match i64::try_from(value) {
        Ok(narrow) => buffer.format(narrow),
        Err(_) => buffer.format(value),
    });
}

/// `unscaled * 10^-scale` with all digits of the scale.
pub(super) fn decimal(unscaled: i128, scale: u8, out: &mut impl Sink) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(unscaled.unsigned_abs());
    if unscaled < 0 {
        out.push_text("-");
    }
    let scale = usize::from(scale);
    if scale == 0 {
        return out.push_text(digits);
    }
    match digits.len().checked_sub(scale).filter(|whole| *whole > 0) {
        Some(whole) => {
            out.push_text(&digits[..whole]);
            out.push_text(".");
            out.push_text(&digits[whole..]);
        }
        None => {
            out.push_text("0.");
            (digits.len()..scale).for_each(|_| out.push_text("0"));
            out.push_text(digits);
        }
    }
}

/// `value` in at least two digits.
fn two_digits(value: i64, out: &mut impl Sink) {
    if (0..10).contains(&value) {
        out.push_text("0");
    }
    integer(value.into(), out);
}

/// `2024-01-31`; the era's mark, if it stands behind, is written by [`era_mark`].
fn date_digits(date: Civil, era: Era, out: &mut impl Sink) {
    let year = if era == Era::BeforeChrist && date.year <= 0 { 1 - date.year } else { date.year };
    if year < 0 {
        out.push_text("-");
    }
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(year.unsigned_abs());
    (digits.len()..4).for_each(|_| out.push_text("0"));
    out.push_text(digits);
    out.push_text("-");
    two_digits(date.month.into(), out);
    out.push_text("-");
    two_digits(date.day.into(), out);
}

fn era_mark(date: Civil, era: Era, out: &mut impl Sink) {
    if era == Era::BeforeChrist && date.year <= 0 {
        out.push_text(" (BC)");
    }
}

/// The date `days` after 1970-01-01.
pub(super) fn date(days: i64, era: Era, out: &mut impl Sink) {
    let date = civil_from_days(days);
    date_digits(date, era, out);
    era_mark(date, era, out);
}

/// A time of day. One that is not (negative, or beyond a day) is written as it is.
pub(super) fn time(value: i64, unit: TimeUnit, fraction: Fraction, out: &mut impl Sink) {
    if value < 0 {
        out.push_text("-");
    }
    let per_second = unit.per_second().unsigned_abs();
    let (seconds, rest) = (value.unsigned_abs() / per_second, value.unsigned_abs() % per_second);
    let seconds = seconds.cast_signed();
    two_digits(seconds / 3600, out);
    out.push_text(":");
    two_digits(seconds / 60 % 60, out);
    out.push_text(":");
    two_digits(seconds % 60, out);
    let nanos = rest * (1_000_000_000 / per_second);
    if fraction == Fraction::Shortest && nanos == 0 {
        return;
    }
    // The leading 1 keeps the zeros behind it.
    let mut buffer = itoa::Buffer::new();
    let digits = &buffer.format(1_000_000_000 + nanos)[1..];
    out.push_text(".");
    out.push_text(match fraction {
        Fraction::Digits(count) => &digits[..count.min(9)],
        Fraction::Shortest => digits.trim_end_matches('0'),
    });
}

/// How a timestamp is written.
#[derive(Clone, Copy)]
pub(super) struct TimestampStyle {
    /// Between date and time.
    pub(super) separator: &'static str,
    pub(super) fraction: Fraction,
    /// Behind the time.
    pub(super) zone: &'static str,
    pub(super) era: Era,
}

/// The time `value` units after 1970-01-01T00:00:00.
pub(super) fn timestamp(value: i64, unit: TimeUnit, style: TimestampStyle, out: &mut impl Sink) {
    let per_day = unit.per_second() * 86_400;
    day_and_time(value.div_euclid(per_day), value.rem_euclid(per_day), unit, style, out);
}

/// The time of an INT96: days since 1970-01-01 and nanoseconds of the day.
pub(super) fn int96((days, nanos): (i64, i64), style: TimestampStyle, out: &mut impl Sink) {
    debug_assert!((0..NANOS_PER_DAY).contains(&nanos));
    day_and_time(days, nanos, TimeUnit::Nanos, style, out);
}

fn day_and_time(
    days: i64,
    of_day: i64,
    unit: TimeUnit,
    style: TimestampStyle,
    out: &mut impl Sink,
) {
    let date = civil_from_days(days);
    date_digits(date, style.era, out);
    era_mark(date, style.era, out);
    out.push_text(style.separator);
    time(of_day, unit, style.fraction, out);
    out.push_text(style.zone);
}

/// Months, days and milliseconds of an interval.
pub(super) fn interval_parts(bytes: [u8; 12]) -> (u32, u32, u32) {
    let [m0, m1, m2, m3, d0, d1, d2, d3, s0, s1, s2, s3] = bytes;
    (
        u32::from_le_bytes([m0, m1, m2, m3]),
        u32::from_le_bytes([d0, d1, d2, d3]),
        u32::from_le_bytes([s0, s1, s2, s3]),
    )
}

/// Months, days and microseconds of an interval with signs.
pub(super) fn signed_interval_parts(bytes: [u8; 16]) -> (i32, i32, i64) {
    let all = u128::from_le_bytes(bytes);
    (all as i32, (all >> 32) as i32, (all >> 64) as i64)
}

const HEX: &str = "0123456789abcdef";

fn hex_digit(nibble: u8) -> &'static str {
    let at = usize::from(nibble & 15);
    &HEX[at..=at]
}

/// `11111111-2222-3333-4444-555555555555`.
pub(super) fn uuid(bytes: [u8; 16], out: &mut impl Sink) {
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            out.push_text("-");
        }
        out.push_text(hex_digit(byte >> 4));
        out.push_text(hex_digit(*byte));
    }
}

/// Base64 of RFC 4648 with padding.
pub(super) fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letter = |six_bits: u32| ALPHABET[(six_bits & 63) as usize];
    let (triples, rest) = bytes.as_chunks::<3>();
    for [a, b, c] in triples {
        let bits = u32::from_be_bytes([0, *a, *b, *c]);
        out.extend([letter(bits >> 18), letter(bits >> 12), letter(bits >> 6), letter(bits)]);
    }
    match *rest {
        [a] => {
            let bits = u32::from(a) << 16;
            out.extend([letter(bits >> 18), letter(bits >> 12), b'=', b'=']);
        }
        [a, b] => {
            let bits = u32::from(a) << 16 | u32::from(b) << 8;
            out.extend([letter(bits >> 18), letter(bits >> 12), letter(bits >> 6), b'=']);
        }
        _ => {}
    }
}

/// Whether [`blob`] leaves `byte` as it is.
const fn is_plain_byte(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b'\\' | b'\'' | b'"')
}

/// Whether [`blob`] leaves all of `bytes` as they are.
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| is_plain_byte(*byte))
}

/// Bytes as SQL shows them: printable ASCII as it is, the rest, quotes and backslashes as `\xAB`.
pub(super) fn blob(bytes: &[u8], out: &mut impl Sink) {
    let mut plain = [0; 4];
    for byte in bytes {
        if is_plain_byte(*byte) {
            out.push_text(char::from(*byte).encode_utf8(&mut plain));
        } else {
            out.push_text("\\x");
            for nibble in [byte >> 4, byte & 15] {
                let upper = char::from(HEX.as_bytes()[usize::from(nibble)]).to_ascii_uppercase();
                out.push_text(upper.encode_utf8(&mut plain));
            }
        }
    }
}

/// A finite float as SQL shows it: the fewest digits that are read back as `shortest`, which has them
/// in the notation `-12.5e-7`; an exponent below -4 and from 16 on, as `1e-05` and `1e+16`.
pub(super) fn sql_float(shortest: &str, out: &mut impl Sink) {
    let (sign, unsigned) = match shortest.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", shortest),
    };
    let (mantissa, power) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, behind) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all: String = [whole, behind].concat();
    let zeros = all.len() - all.trim_start_matches('0').len();
    let digits = all.trim_matches('0');
    out.push_text(sign);
    if digits.is_empty() {
        return out.push_text("0.0");
    }
    // The value is 0.digits * 10^point.
    let point = power.parse::<i64>().unwrap_or(0) + whole.len() as i64 - zeros as i64;
    let len = digits.len() as i64;
    match point {
        ..=-4 | 17.. => {
            let (first, rest) = digits.split_at(1);
            out.push_text(first);
            if !rest.is_empty() {
                out.push_text(".");
                out.push_text(rest);
            }
            out.push_text(if point > 0 { "e+" } else { "e-" });
            two_digits((point - 1).abs(), out);
        }
        ..=0 => {
            out.push_text("0.");
            (point..0).for_each(|_| out.push_text("0"));
            out.push_text(digits);
        }
        _ if point >= len => {
            out.push_text(digits);
            (len..point).for_each(|_| out.push_text("0"));
            out.push_text(".0");
        }
        _ => {
            let (whole, behind) = digits.split_at(point.unsigned_abs() as usize);
            out.push_text(whole);
            out.push_text(".");
            out.push_text(behind);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_the_rfc() {
        let table = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (plain, expected) in table {
            let mut out = Vec::new();
            base64(plain.as_bytes(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
        let mut out = Vec::new();
        base64(&[0xfb, 0xff, 0xfe], &mut out);
        assert_eq!(out, b"+//+");
    }

    #[test]
    fn sql_floats_as_duckdb_shows_them() {
        let table = [
            (1e300, "1e+300"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (0.1, "0.1"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (1.0, "1.0"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (-0.0, "-0.0"),
            (-1234.5, "-1234.5"),
            (9_007_199_254_740_993.0, "9007199254740992.0"),
            (1e-300, "1e-300"),
            (0.000_123_4, "0.0001234"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
        ];
        for (value, expected) in table {
            let mut out = String::new();
            sql_float(zmij::Buffer::new().format_finite(value), &mut out);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn decimals_keep_their_scale() {
        let table = [
            (1230, 2, "12.30"),
            (-5, 2, "-0.05"),
            (0, 3, "0.000"),
            (7, 0, "7"),
            (100, 3, "0.100"),
            (i128::MIN, 38, "-1.70141183460469231731687303715884105728"),
        ];
        for (unscaled, scale, expected) in table {
            let mut out = String::new();
            decimal(unscaled, scale, &mut out);
            assert_eq!(out, expected);
        }
    }
}
