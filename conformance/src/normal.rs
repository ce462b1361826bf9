//! The normal form of JSON text: equal rows give equal bytes, however numbers and strings are spelt.
//!
//! In: one line of JSON. Out: the form that the head of `scripts/make_goldens.py` defines, over which
//! the digests of goldens are taken. Invariant: it is idempotent on its strings and integers.

use std::fmt::Write as _;

/// The normal form of `line`, or what is wrong with it as JSON tokens.
///
/// # Errors
/// A sentence naming the first token that is not JSON.
pub fn normal(line: &str) -> Result<String, String> {
    let bytes = line.as_bytes();
    let mut out = String::with_capacity(line.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let end = match byte {
            b' ' | b'\t' | b'\r' | b'\n' => {
                at += 1;
                continue;
            }
            b'"' => string_end(bytes, at),
            b'-' | b'0'..=b'9' => run_end(bytes, at, is_number_byte),
            b'a'..=b'z' => run_end(bytes, at, |byte| byte.is_ascii_lowercase()),
            _ => at + 1,
        };
        let token = line.get(at..end).ok_or_else(|| format!("a string without end at {at}"))?;
        match byte {
            b'"' => out.push_str(&normal_string(token)?),
            b'-' | b'0'..=b'9' => normal_number(token, &mut out)?,
            _ => out.push_str(token),
        }
        at = end;
    }
    Ok(out)
}

fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    usize::MAX
}

fn run_end(bytes: &[u8], start: usize, belongs: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    start + rest.iter().position(|byte| !belongs(*byte)).unwrap_or(rest.len())
}

fn is_number_byte(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-')
}

fn normal_string(token: &str) -> Result<String, String> {
    let text: String = serde_json::from_str(token).map_err(|error| format!("{token}: {error}"))?;
    serde_json::to_string(&text).map_err(|error| error.to_string())
}

fn normal_number(token: &str, out: &mut String) -> Result<(), String> {
    let is_integer = !token.contains(['.', 'e', 'E']) && token != "-0";
    let fits = token.parse::<i64>().is_ok() || token.parse::<u64>().is_ok();
    if is_integer && fits {
        out.push_str(token);
        return Ok(());
    }
    let value: f64 = token.parse().map_err(|_| format!("{token} is not a number"))?;
    let is_minus_zero = value == 0.0 && value.is_sign_negative();
    let written = if value.abs() < (1u64 << 53) as f64 && value.fract() == 0.0 && !is_minus_zero {
        write!(out, "{}", value as i64)
    } else {
        write!(out, "~{:016x}", value.to_bits())
    };
    written.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn spelling_does_not_matter_and_values_do() {
        for (line, expected) in [
            (r#"{ "a" : 1.0 , "b":[ 1e2,-5 ] }"#, r#"{"a":1,"b":[100,-5]}"#),
            (r#"["\u0041\/\u000A\b","ä"]"#, r#"["A/\n\b","ä"]"#),
            ("[-0.0,-0,0.0]", "[~8000000000000000,~8000000000000000,0]"),
            ("[1.1,1.10,11e-1]", "[~3ff199999999999a,~3ff199999999999a,~3ff199999999999a]"),
            ("18446744073709551615", "18446744073709551615"),
            ("9007199254740993", "9007199254740993"),
            ("1e300", "~7e37e43c8800759c"),
            ("[null,true]", "[null,true]"),
        ] {
            assert_eq!(normal(line).as_deref(), Ok(expected), "{line}");
        }
        assert_ne!(normal("9007199254740993"), normal("9007199254740992.0"));
        assert!(normal(r#"{"a":"never ends"#).is_err());
        assert!(normal("1.2.3").is_err());
    }
}
