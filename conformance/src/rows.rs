//! Rows as typed values, written as canonical JSON: the check that both ways into a file give the same.
//!
//! In: the [`Rows`] of a file. Out: JSON Lines, made from [`Value`]s alone and not by the library's writer.
//! Invariant: in their normal form these are the lines of the file's batches.

use std::fmt::Write as _;

use millwork_format::Result;
use millwork_format::calendar::civil_from_days;
use millwork_format::record::{Row, Rows, Value};
use millwork_format::schema::unique_names;
use millwork_format::types::{DataType, Field, TimeUnit};
use serde_json::{Value as Json, json};

/// All of `rows`, each as a line that ends in a line break.
///
/// # Errors
/// Those of reading.
pub fn json_lines(mut rows: Rows) -> Result<String> {
    let mut lines = String::new();
    while let Some(row) = rows.read_next()? {
        object(row, &mut lines)?;
        lines.push('\n');
    }
    Ok(lines)
}

fn object(row: Row<'_>, out: &mut String) -> Result<()> {
    let names = unique_names(row.fields().iter().map(|field| &*field.name));
    let mut before = '{';
    for ((name, field), value) in names.into_iter().zip(row.fields()).zip(row.values()) {
        let _ = write!(out, "{before}{}:", Json::from(name));
        write_value(value?, &field.data_type, out)?;
        before = ',';
    }
    out.push_str(if before == '{' { "{}" } else { "}" });
    Ok(())
}

fn write_value(value: Value<'_>, data_type: &DataType, out: &mut String) -> Result<()> {
    match (value, data_type) {
        (Value::Struct(row), _) => return object(row, out),
        (Value::List(list), DataType::List(element)) => {
            return array(list.iter().map(|value| Ok((value?, None))), (element, None), out);
        }
        (Value::Map(map), DataType::Map { key, value }) => {
            let entries = map.iter().map(|entry| entry.map(|(key, value)| (key, Some(value))));
            return array(entries, (key, Some(value.as_ref())), out);
        }
        (Value::Float16(value), _) => float(value.to_f32().into(), value.to_f32(), out),
        (Value::Float32(value), _) => float(value.into(), value, out),
        (Value::Float64(value), _) => float(value, value, out),
        (value, data_type) => {
            let _ = write!(out, "{}", scalar(value, data_type));
        }
    }
    Ok(())
}

/// The elements of a list of `key`s, or, where there is a second type, the entries of a map.
fn array<'a>(
    elements: impl Iterator<Item = Result<(Value<'a>, Option<Value<'a>>)>>,
    (key, value): (&Field, Option<Option<&std::sync::Arc<Field>>>),
    out: &mut String,
) -> Result<()> {
    out.push('[');
    for (index, element) in elements.enumerate() {
        let (first, second) = element?;
        out.push_str(if index > 0 { "," } else { "" });
        match (value.flatten(), second) {
            (Some(field), Some(second)) => {
                out.push_str("{\"key\":");
                write_value(first, &key.data_type, out)?;
                out.push_str(",\"value\":");
                write_value(second, &field.data_type, out)?;
                out.push('}');
            }
            _ => write_value(first, &key.data_type, out)?,
        }
    }
    out.push(']');
    Ok(())
}

/// A float with as few digits as `shortest` has; names for what JSON has no number for.
fn float(value: f64, shortest: impl std::fmt::Debug, out: &mut String) {
    let _ = match value {
        f64::INFINITY => write!(out, "\"Infinity\""),
        f64::NEG_INFINITY => write!(out, "\"-Infinity\""),
        value if value.is_nan() => write!(out, "\"NaN\""),
        _ => write!(out, "{shortest:?}"),
    };
}

fn scalar(value: Value<'_>, data_type: &DataType) -> String {
    let text = match value {
        Value::Boolean(value) => return value.to_string(),
        Value::Integer(value) => return value.to_string(),
        Value::Interval(interval) => {
            let (months, days, millis) = (interval.months, interval.days, interval.millis);
            return format!("{{\"months\":{months},\"days\":{days},\"millis\":{millis}}}");
        }
        Value::Decimal(decimal) => decimal_digits(decimal.unscaled, decimal.scale.into()),
        Value::WideDecimal(decimal) => decimal.to_string(),
        Value::Date(date) => calendar_day(date.days.into()),
        Value::Time(time) => {
            let nanos_a_unit = 1_000_000_000 / time.unit.per_second();
            let nanos = i128::from(time.since_midnight) * i128::from(nanos_a_unit);
            let sign = if nanos < 0 { "-" } else { "" };
            format!("{sign}{}", time_of_day(nanos.unsigned_abs(), digits(time.unit)))
        }
        Value::Timestamp(point) => {
            let digits = match data_type {
                DataType::Timestamp { unit, .. } => digits(*unit),
                _ => 9,
            };
            let time = time_of_day(point.nanos_of_day.unsigned_abs().into(), digits);
            let zone = if point.utc { "Z" } else { "" };
            format!("{}T{time}{zone}", calendar_day(point.days))
        }
        Value::Text(text) => text.to_owned(),
        Value::Bytes(bytes) if *data_type == DataType::Uuid => uuid(bytes),
        Value::Bytes(bytes) => base64(bytes),
        _ => return "null".to_owned(),
    };
    json!(text).to_string()
}

const fn digits(unit: TimeUnit) -> usize {
    match unit {
        TimeUnit::Millis => 3,
        TimeUnit::Micros => 6,
        TimeUnit::Nanos => 9,
    }
}

fn decimal_digits(unscaled: i128, scale: usize) -> String {
    let digits = format!("{:0width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if unscaled < 0 { "-" } else { "" };
    let point = if scale == 0 { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

fn calendar_day(days: i64) -> String {
    let day = civil_from_days(days);
    let sign = if day.year < 0 { "-" } else { "" };
    format!("{sign}{:04}-{:02}-{:02}", day.year.unsigned_abs(), day.month, day.day)
}

fn time_of_day(nanos: u128, digits: usize) -> String {
    let (seconds, nanos) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    let (minutes, second) = (seconds / 60, seconds % 60);
    let fraction = format!("{nanos:09}");
    let fraction = fraction.get(..digits).unwrap_or_default();
    format!("{:02}:{:02}:{second:02}.{fraction}", minutes / 60, minutes % 60)
}

fn uuid(bytes: &[u8]) -> String {
    let digit = |byte: &u8| format!("{byte:02x}");
    let parts = [0..4, 4..6, 6..8, 8..10, 10..16];
    let part = |range: std::ops::Range<usize>| {
        bytes.get(range).unwrap_or_default().iter().map(digit).collect::<String>()
    };
    parts.map(part).join("-")
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * at)) as usize & 63];
            text.push(if at <= three.len() { letter.into() } else { '=' });
        }
    }
    text
}
