//! The text of an INTERVAL: `'90'` with a unit behind it, or `'1 year 2 days'`.

use super::ast::Literal;
use crate::error::{Error, Result};

/// The interval that `text` says; `unit` is what stands behind the quotes.
///
/// # Errors
/// `Syntax` if a number or a unit is missing or unknown, `Evaluate` if it is too long to keep.
pub fn parse(text: &str, unit: Option<&str>) -> Result<Literal> {
    let unknown =
        || Error::syntax(format!("'{text}' is no interval")).hint("as in INTERVAL '90' DAY");
    let mut parts = text.split_whitespace();
    let (mut months, mut days, mut millis) = (0_i64, 0_i64, 0_i64);
    let mut found = false;
    while let Some(number) = parts.next() {
        let value: f64 = number.parse().map_err(|_| unknown())?;
        let name = parts.next().or(if found { None } else { unit }).ok_or_else(unknown)?;
        found = true;
        let name = name.trim_end_matches(',').to_ascii_lowercase();
        let (target, each) = match singular(&name) {
            "century" => (&mut months, 1_200),
            "decade" => (&mut months, 120),
            "year" | "y" => (&mut months, 12),
            "quarter" => (&mut months, 3),
            "month" | "mon" => (&mut months, 1),
            "week" | "w" => (&mut days, 7),
            "day" | "d" => (&mut days, 1),
            "hour" | "h" => (&mut millis, 3_600_000),
            "minute" | "min" | "m" => (&mut millis, 60_000),
            "second" | "sec" | "" => (&mut millis, 1_000),
            "millisecond" | "ms" => (&mut millis, 1),
            _ => return Err(unknown()),
        };
        let amount = value * f64::from(each);
        if amount.fract() != 0.0 || amount.abs() > 1e15 {
            return Err(Error::evaluate(format!("interval '{text}' has a part that is too fine")));
        }
        *target += amount as i64;
    }
    if !found {
        return Err(unknown());
    }
    let narrow = |value: i64| {
        i32::try_from(value).map_err(|_| Error::evaluate(format!("interval '{text}' is too long")))
    };
    Ok(Literal::Interval { months: narrow(months)?, days: narrow(days)?, millis: narrow(millis)? })
}

fn singular(name: &str) -> &str {
    if name == "ms" { name } else { name.strip_suffix('s').unwrap_or(name) }
}
