//! The text of an INTERVAL: `'90'` with a unit behind it, or `'1 year 2 days'`.

use crate::error::{Error, Result};
use crate::kernel::interval::Interval;

/// The interval that `text` says; `unit` is what stands behind the quotes. Only seconds and
/// milliseconds before a unit may have a fraction, of others it is cut off.
///
/// # Errors
/// `Syntax` if a number or a unit is missing or unknown, or if a part does not fit.
pub fn parse(text: &str, unit: Option<&str>) -> Result<Interval> {
    let interval = match unit {
        // A unit that the parser does not know would be taken for an alias.
        None if text.trim().parse::<f64>().is_ok() => {
            return Err(Error::syntax(format!("expected a unit behind the interval {text}"))
                .hint("as in INTERVAL '90' DAY, or in the quotes: INTERVAL '2 quarters'"));
        }
        None => Interval::parse(text),
        Some(unit) => text.trim().parse::<f64>().ok().and_then(|count| {
            let unit = unit.to_ascii_lowercase();
            let is_fine = unit.starts_with("second") || unit.starts_with("millisecond");
            Interval::of_unit(if is_fine { count } else { count.trunc() }, &unit)
        }),
    };
    interval.ok_or_else(|| {
        Error::syntax(format!("'{text}' is no interval"))
            .hint("as in INTERVAL '90' DAY or INTERVAL '1 year 2 days 03:04:05'")
    })
}
