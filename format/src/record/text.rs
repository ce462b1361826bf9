//! A value as SQL shows it: in tables, in CSV, as the result of a cast to text.
//!
//! In: a cell and its type. Out: text appended to a string, with the notation of DuckDB: nested values
//! as `[1, NULL]`, `{'a': 1}` and `{key=value}`, their strings quoted where they could be misread.

use std::fmt::Write;

use super::calendar::int96_parts;
use super::notation::{self, Era, Fraction, Sink, TimestampStyle};
use crate::types::{DataType, Field, is_tuple};
use crate::vector::{Cell, Vector};
use crate::wide_decimal::WideDecimal;

/// Appends the text of `cell`, a value of type `data_type`; `NULL` if it is null.
///
/// A cell that does not belong to the type is written by what it is.
pub fn write_value(data_type: &DataType, cell: Cell<'_>, out: &mut String) {
    match (data_type, cell) {
        (_, Cell::Null) => out.push_str("NULL"),
        (DataType::List(element), Cell::List { child, start, end }) => {
            write_list(element, child, start..end, out);
        }
        (DataType::Map { key, value }, Cell::List { child, start, end }) => {
            write_map(key, value.as_deref(), child, start..end, out);
        }
        (DataType::Struct(fields), Cell::Struct { children, row }) => {
            write_struct(fields, children, row, out);
        }
        (_, Cell::Boolean(value)) => out.push_str(if value { "true" } else { "false" }),
        (_, Cell::Float16(value)) => write_float32(value.to_f32(), out),
        (_, Cell::Float32(value)) => write_float32(value, out),
        (_, Cell::Float64(value)) => write_float64(value, out),
        (data_type, Cell::Integer(value)) => write_integer(data_type, value, out),
        (data_type, Cell::Bytes(bytes)) => write_bytes(data_type, bytes, out),
        (_, Cell::List { .. } | Cell::Struct { .. }) => out.push_str("..."),
    }
}

/// The time of day, and the suffix of one that is adjusted to UTC.
const fn zone(utc: bool) -> &'static str {
    if utc { "+00" } else { "" }
}

const fn style(utc: bool) -> TimestampStyle {
    TimestampStyle {
        separator: " ",
        fraction: Fraction::Shortest,
        zone: zone(utc),
        era: Era::BeforeChrist,
    }
}

fn write_integer(data_type: &DataType, value: i128, out: &mut String) {
    match (data_type, i64::try_from(value)) {
        (DataType::Decimal { scale, .. }, _) => notation::decimal(value, *scale, out),
        (DataType::Date, Ok(days)) => notation::date(days, Era::BeforeChrist, out),
        (DataType::Time { unit, utc }, Ok(time)) => {
            notation::time(time, *unit, Fraction::Shortest, out);
            out.push_str(zone(*utc));
        }
        (DataType::Timestamp { unit, utc }, Ok(time)) => {
            notation::timestamp(time, *unit, style(*utc), out);
        }
        _ => notation::integer(value, out),
    }
}

fn write_bytes(data_type: &DataType, bytes: &[u8], out: &mut String) {
    match data_type {
        DataType::Utf8 | DataType::Enum | DataType::Json => {
            out.push_str(&String::from_utf8_lossy(bytes));
        }
        DataType::Int96 => match bytes.try_into() {
            Ok(bytes) => notation::int96(int96_parts(bytes), style(false), out),
            Err(_) => notation::blob(bytes, out),
        },
        DataType::Interval => match bytes.try_into() {
            Ok(bytes) => {
                let (months, days, millis) = notation::interval_parts(bytes);
                write_interval((months.into(), days.into(), i64::from(millis) * 1_000), out);
            }
            Err(_) => notation::blob(bytes, out),
        },
        DataType::SignedInterval => match bytes.try_into() {
            Ok(bytes) => {
                let (months, days, micros) = notation::signed_interval_parts(bytes);
                write_interval((months.into(), days.into(), micros), out);
            }
            Err(_) => notation::blob(bytes, out),
        },
        DataType::Uuid => match bytes.try_into() {
            Ok(bytes) => notation::uuid(bytes, out),
            Err(_) => notation::blob(bytes, out),
        },
        DataType::WideDecimal { scale, .. } => match WideDecimal::from_ordered(bytes, *scale) {
            Some(decimal) => out.push_str(&decimal.to_string()),
            None => notation::blob(bytes, out),
        },
        _ => notation::blob(bytes, out),
    }
}

fn write_float32(value: f32, out: &mut String) {
    if value.is_finite() {
        notation::sql_float(zmij::Buffer::new().format_finite(value), out);
    } else {
        write_float64(value.into(), out);
    }
}

fn write_float64(value: f64, out: &mut String) {
    match value {
        f64::INFINITY => out.push_str("inf"),
        f64::NEG_INFINITY => out.push_str("-inf"),
        value if value.is_nan() => out.push_str("nan"),
        value => notation::sql_float(zmij::Buffer::new().format_finite(value), out),
    }
}

/// `1 year 2 months 3 days 00:00:01.5`.
/// Months, days and microseconds.
fn write_interval((months, days, micros): (i64, i64, i64), out: &mut String) {
    let start = out.len();
    for (count, unit) in [(months / 12, "year"), (months % 12, "month"), (days, "day")] {
        if count != 0 {
            let space = if out.len() > start { " " } else { "" };
            let plural = if count.abs() == 1 { "" } else { "s" };
            // Writing to a string does not fail.
            let _ = write!(out, "{space}{count} {unit}{plural}");
        }
    }
    if micros != 0 || out.len() == start {
        if out.len() > start {
            out.push(' ');
        }
        if micros < 0 {
            out.push('-');
        }
        let micros = i64::try_from(micros.unsigned_abs()).unwrap_or(i64::MAX);
        notation::time(micros, crate::types::TimeUnit::Micros, Fraction::Shortest, out);
    }
}

fn write_list(element: &Field, child: &Vector, rows: std::ops::Range<usize>, out: &mut String) {
    out.push('[');
    for (index, row) in rows.enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write_nested(&element.data_type, child.cell(row), out);
    }
    out.push(']');
}

fn write_map(
    key: &Field,
    value: Option<&Field>,
    entries: &Vector,
    rows: std::ops::Range<usize>,
    out: &mut String,
) {
    let Some(value) = value else {
        out.push('[');
        for (index, row) in rows.enumerate() {
            out.push_str(if index > 0 { ", " } else { "" });
            write_nested(&key.data_type, key_of(entries.cell(row)), out);
        }
        return out.push(']');
    };
    out.push('{');
    for (index, row) in rows.enumerate() {
        out.push_str(if index > 0 { ", " } else { "" });
        if let Cell::Struct { children: [keys, values], row } = entries.cell(row) {
            write_nested(&key.data_type, keys.cell(row), out);
            out.push('=');
            write_nested(&value.data_type, values.cell(row), out);
        }
    }
    out.push('}');
}

/// The key of a map's entry: its first member, or the entry itself.
pub(super) fn key_of(entry: Cell<'_>) -> Cell<'_> {
    match entry {
        Cell::Struct { children: [key, ..], row } => key.cell(row),
        bare => bare,
    }
}

fn write_struct(fields: &[Field], children: &[Vector], row: usize, out: &mut String) {
    let is_tuple = is_tuple(fields);
    out.push(if is_tuple { '(' } else { '{' });
    for (index, (field, child)) in fields.iter().zip(children).enumerate() {
        out.push_str(if index > 0 { ", " } else { "" });
        if !is_tuple {
            push_quoted(&field.name, out);
            out.push_str(": ");
        }
        write_nested(&field.data_type, child.cell(row), out);
    }
    out.push(if is_tuple { ')' } else { '}' });
}

/// A value inside another: its text is quoted where it could be misread.
fn write_nested(data_type: &DataType, cell: Cell<'_>, out: &mut String) {
    if data_type.is_nested() || matches!(cell, Cell::Null) {
        return write_value(data_type, cell, out);
    }
    let start = out.len();
    write_value(data_type, cell, out);
    if could_be_misread(&out[start..]) {
        let plain = out.split_off(start);
        push_quoted(&plain, out);
    }
}

fn could_be_misread(text: &str) -> bool {
    text.is_empty()
        || text.eq_ignore_ascii_case("null")
        || text.starts_with(char::is_whitespace)
        || text.ends_with(char::is_whitespace)
        || text.contains(['[', ']', '{', '}', '(', ')', ',', ':', '=', '\'', '"', '\\'])
}

fn push_quoted(text: &str, out: &mut String) {
    out.push('\'');
    for letter in text.chars() {
        if matches!(letter, '\'' | '\\') {
            out.push('\\');
        }
        out.push(letter);
    }
    out.push_text("'");
}
