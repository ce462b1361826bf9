//! A value as SQL shows it: in tables, in CSV, as the result of a cast to text.
//!
//! In: a cell and its type. Out: text appended to a string, with the notation of DuckDB: nested values
//! as `[1, NULL]`, `{'a': 1}` and `{key=value}`, their strings quoted where they could be misread.

use std::fmt::Write;

use half::f16;

use super::notation::{self, Era, Fraction, Sink, TimestampStyle};
use super::stream::{PIECE_BYTES, Stream};
use crate::calendar::{NANOS_PER_DAY, int96_parts};
use crate::error::{Error, Result};
use crate::prune::PruneValue;
use crate::types::{DataType, Field, is_tuple};
use crate::vector::{Cell, Vector};
use crate::wide_decimal::WideDecimal;

/// Longer values are written in pieces.
const SHORT_BYTES: usize = 4 << 10;

/// Appends the text of `cell`, a value of type `data_type`; `NULL` if it is null.
///
/// A cell that does not belong to the type is written by what it is.
pub fn write_value(data_type: &DataType, cell: Cell<'_>, out: &mut String) {
    if !is_long(data_type, cell) {
        return write_scalar(data_type, cell, out);
    }
    let mut text = Vec::new();
    // Nobody takes the text, so nobody refuses it.
    let _ = write(data_type, cell, &mut Stream::kept(&mut text));
    out.push_str(&String::from_utf8_lossy(&text));
}

/// Appends the text of a bound of type `data_type`, as that of a cell.
pub fn write_bound(data_type: &DataType, value: &PruneValue, out: &mut String) {
    let cell = match (value, data_type) {
        (PruneValue::Integer(nanos), DataType::Int96) => {
            let a_day = i128::from(NANOS_PER_DAY);
            let parts = (nanos.div_euclid(a_day) as i64, nanos.rem_euclid(a_day) as i64);
            return notation::int96(parts, style(false), out);
        }
        (PruneValue::Boolean(value), _) => Cell::Boolean(*value),
        (PruneValue::Integer(value), _) => Cell::Integer(*value),
        (PruneValue::Float(value), DataType::Float16) => Cell::Float16(f16::from_f64(*value)),
        (PruneValue::Float(value), DataType::Float32) => Cell::Float32(*value as f32),
        (PruneValue::Float(value), _) => Cell::Float64(*value),
        (PruneValue::Bytes(bytes), _) => Cell::Bytes(bytes),
    };
    write_value(data_type, cell, out);
}

/// Appends the first `most_bytes` of the text of `cell`, or a few more; whether that is all of it. The rest of
/// a long value is not made.
pub fn write_beginning(
    data_type: &DataType,
    cell: Cell<'_>,
    most_bytes: usize,
    out: &mut String,
) -> bool {
    if !is_long(data_type, cell) {
        write_scalar(data_type, cell, out);
        return true;
    }
    let mut text = Vec::new();
    let mut is_whole = true;
    let mut stop = |_: &[u8]| {
        is_whole = false;
        Err(Error::internal("more text than was asked for"))
    };
    let at_once = most_bytes.saturating_add(1);
    let _ = write(data_type, cell, &mut Stream::to(&mut text, at_once, &mut stop));
    if !is_whole {
        text.truncate(most_bytes);
    }
    let valid = text.utf8_chunks().next().map(|chunk| chunk.valid()).unwrap_or_default();
    out.push_str(valid);
    is_whole
}

/// Whether the text may be long.
fn is_long(data_type: &DataType, cell: Cell<'_>) -> bool {
    match cell {
        Cell::List { .. } | Cell::Struct { .. } => data_type.is_nested(),
        Cell::Bytes(bytes) => bytes.len() > SHORT_BYTES,
        _ => false,
    }
}

/// Writes the text of `cell`, of any length.
pub(super) fn write(data_type: &DataType, cell: Cell<'_>, out: &mut Stream<'_>) -> Result<()> {
    match (data_type, cell) {
        (DataType::List(element), Cell::List { child, start, end }) => {
            write_list(element, child, start..end, out)
        }
        (DataType::Map { key, value }, Cell::List { child, start, end }) => {
            write_map(key, value.as_deref(), child, start..end, out)
        }
        (DataType::Struct(fields), Cell::Struct { children, row }) => {
            write_struct(fields, children, row, out)
        }
        (data_type, Cell::Bytes(bytes)) if is_long(data_type, cell) => match data_type {
            text if text.is_text() => out.long(String::from_utf8_lossy(bytes).as_bytes()),
            DataType::WideDecimal { .. } => {
                write_scalar(data_type, cell, out.text);
                out.eased()
            }
            _ => {
                for piece in bytes.chunks(SHORT_BYTES) {
                    notation::blob(piece, out.text);
                    out.eased()?;
                }
                Ok(())
            }
        },
        (data_type, cell) => {
            write_scalar(data_type, cell, out.text);
            out.eased()
        }
    }
}

/// A value whose text is short.
fn write_scalar(data_type: &DataType, cell: Cell<'_>, out: &mut impl Sink) {
    match cell {
        Cell::Null => out.push_text("NULL"),
        Cell::Boolean(value) => out.push_text(if value { "true" } else { "false" }),
        Cell::Float16(value) => write_float32(value.to_f32(), out),
        Cell::Float32(value) => write_float32(value, out),
        Cell::Float64(value) => write_float64(value, out),
        Cell::Integer(value) => write_integer(data_type, value, out),
        Cell::Bytes(bytes) => write_bytes(data_type, bytes, out),
        Cell::List { .. } | Cell::Struct { .. } => out.push_text("..."),
    }
}

/// The suffix of times that are adjusted to UTC.
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

fn write_integer(data_type: &DataType, value: i128, out: &mut impl Sink) {
    match (data_type, i64::try_from(value)) {
        (DataType::Decimal { scale, .. }, _) => notation::decimal(value, *scale, out),
        (DataType::Date, Ok(days)) => notation::date(days, Era::BeforeChrist, out),
        (DataType::Time { unit, utc }, Ok(time)) => {
            notation::time(time, *unit, Fraction::Shortest, out);
            out.push_text(zone(*utc));
        }
        (DataType::Timestamp { unit, utc }, Ok(time)) => {
            notation::timestamp(time, *unit, style(*utc), out);
        }
        _ => notation::integer(value, out),
    }
}

fn write_bytes(data_type: &DataType, bytes: &[u8], out: &mut impl Sink) {
    match data_type {
        DataType::Utf8 | DataType::Enum | DataType::Json => {
            out.push_text(&String::from_utf8_lossy(bytes));
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
            Some(decimal) => out.push_text(&decimal.to_string()),
            None => notation::blob(bytes, out),
        },
        _ => notation::blob(bytes, out),
    }
}

fn write_float32(value: f32, out: &mut impl Sink) {
    if value.is_finite() {
        notation::sql_float(zmij::Buffer::new().format_finite(value), out);
    } else {
        write_float64(value.into(), out);
    }
}

fn write_float64(value: f64, out: &mut impl Sink) {
    match value {
        f64::INFINITY => out.push_text("inf"),
        f64::NEG_INFINITY => out.push_text("-inf"),
        value if value.is_nan() => out.push_text("nan"),
        value => notation::sql_float(zmij::Buffer::new().format_finite(value), out),
    }
}

/// Months, days and microseconds as `1 year 2 months 3 days 00:00:01.5`.
fn write_interval((months, days, micros): (i64, i64, i64), out: &mut impl Sink) {
    let mut text = String::new();
    for (count, unit) in [(months / 12, "year"), (months % 12, "month"), (days, "day")] {
        if count != 0 {
            let space = if text.is_empty() { "" } else { " " };
            let plural = if count.abs() == 1 { "" } else { "s" };
            // Writing to a string does not fail.
            let _ = write!(text, "{space}{count} {unit}{plural}");
        }
    }
    if micros != 0 || text.is_empty() {
        if !text.is_empty() {
            text.push(' ');
        }
        if micros < 0 {
            text.push('-');
        }
        let micros = i64::try_from(micros.unsigned_abs()).unwrap_or(i64::MAX);
        notation::time(micros, crate::types::TimeUnit::Micros, Fraction::Shortest, &mut text);
    }
    out.push_text(&text);
}

fn write_list(
    element: &Field,
    child: &Vector,
    rows: std::ops::Range<usize>,
    out: &mut Stream<'_>,
) -> Result<()> {
    out.text.push(b'[');
    for (index, row) in rows.enumerate() {
        if index > 0 {
            out.text.push_text(", ");
        }
        write_nested(&element.data_type, child.cell(row), out)?;
    }
    out.text.push(b']');
    Ok(())
}

fn write_map(
    key: &Field,
    value: Option<&Field>,
    entries: &Vector,
    rows: std::ops::Range<usize>,
    out: &mut Stream<'_>,
) -> Result<()> {
    out.text.push(if value.is_some() { b'{' } else { b'[' });
    for (index, row) in rows.enumerate() {
        out.text.push_text(if index > 0 { ", " } else { "" });
        match (value, entries.cell(row)) {
            (Some(value), Cell::Struct { children: [keys, values], row }) => {
                write_nested(&key.data_type, keys.cell(row), out)?;
                out.text.push(b'=');
                write_nested(&value.data_type, values.cell(row), out)?;
            }
            (Some(_), _) => {}
            (None, entry) => write_nested(&key.data_type, key_of(entry), out)?,
        }
    }
    out.text.push(if value.is_some() { b'}' } else { b']' });
    Ok(())
}

/// The key of a map's entry: its first member, or the entry itself.
pub(super) fn key_of(entry: Cell<'_>) -> Cell<'_> {
    match entry {
        Cell::Struct { children: [key, ..], row } => key.cell(row),
        bare => bare,
    }
}

fn write_struct(
    fields: &[Field],
    children: &[Vector],
    row: usize,
    out: &mut Stream<'_>,
) -> Result<()> {
    let is_tuple = is_tuple(fields);
    out.text.push(if is_tuple { b'(' } else { b'{' });
    for (index, (field, child)) in fields.iter().zip(children).enumerate() {
        out.text.push_text(if index > 0 { ", " } else { "" });
        if !is_tuple {
            out.text.push(b'\'');
            push_escaped(&field.name, out.text);
            out.text.push_text("': ");
        }
        write_nested(&field.data_type, child.cell(row), out)?;
    }
    out.text.push(if is_tuple { b')' } else { b'}' });
    Ok(())
}

/// A value inside another: its text is quoted where it could be misread.
fn write_nested(data_type: &DataType, cell: Cell<'_>, out: &mut Stream<'_>) -> Result<()> {
    match cell {
        Cell::Bytes(bytes) if data_type.is_text() => {
            let text = String::from_utf8_lossy(bytes);
            if !could_be_misread(&text) {
                return out.long(text.as_bytes());
            }
            out.text.push(b'\'');
            for piece in pieces(&text) {
                push_escaped(piece, out.text);
                out.eased()?;
            }
            out.text.push(b'\'');
        }
        Cell::Bytes(bytes) if is_long(data_type, cell) => {
            if notation::is_plain(bytes)
                && str::from_utf8(bytes).is_ok_and(|text| !could_be_misread(text))
            {
                return out.long(bytes);
            }
            out.text.push(b'\'');
            for piece in bytes.chunks(SHORT_BYTES) {
                let mut plain = String::new();
                notation::blob(piece, &mut plain);
                push_escaped(&plain, out.text);
                out.eased()?;
            }
            out.text.push(b'\'');
        }
        _ if data_type.is_nested() || matches!(cell, Cell::Null) => write(data_type, cell, out)?,
        _ => {
            let start = out.text.len();
            write_scalar(data_type, cell, out.text);
            let text = out.text.get(start..).unwrap_or_default();
            let text = String::from_utf8_lossy(text);
            if could_be_misread(&text) {
                let plain = text.into_owned();
                out.text.truncate(start);
                out.text.push(b'\'');
                push_escaped(&plain, out.text);
                out.text.push(b'\'');
            }
        }
    }
    out.eased()
}

/// `text` in pieces that end between characters.
fn pieces(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let (piece, rest) = text.split_at(text.floor_char_boundary(PIECE_BYTES));
        text = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

fn could_be_misread(text: &str) -> bool {
    text.is_empty()
        || text.eq_ignore_ascii_case("null")
        || text.starts_with(char::is_whitespace)
        || text.ends_with(char::is_whitespace)
        || text.bytes().any(|byte| {
            let marks = b"[]{}(),:='\"\\";
            marks.contains(&byte)
        })
}

fn push_escaped(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        if matches!(byte, b'\'' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
}
