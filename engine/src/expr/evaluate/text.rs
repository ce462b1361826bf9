//! Functions of text: characters are Unicode's, positions count them from 1.
//!
//! In: flat strings or constants. Out: strings in new buffers, numbers, or masks.

use millwork_codecs::buffer::SliceMut;
use millwork_format::selection::Selection;
use millwork_format::types::DataType;
use millwork_format::vector::{Data, Vector, ViewsBuilder};
use regex::bytes::Regex;

use super::super::Function;
use super::Truth;
use super::call::Prepared;
use super::compare::equal_to;
use super::operand::{self, Texts};
use crate::error::{Error, Result};
use crate::kernel::lanes::test_rows;
use crate::kernel::mask;
use crate::kernel::pattern::{Pattern, lower};

/// Sorts out a pattern of LIKE.
pub(super) fn like_pattern(
    pattern: &str,
    escape: Option<char>,
    ignore_case: bool,
) -> Result<Pattern> {
    Pattern::new(pattern, escape, ignore_case).ok_or_else(|| {
        Error::evaluate(format!("the pattern '{pattern}' ends with its escape character"))
    })
}

/// Compiles a regular expression.
pub(super) fn regex(pattern: &str) -> Result<Regex> {
    Regex::new(pattern).map_err(|error| {
        // The last of several lines says what; those before it draw where.
        let text = error.to_string();
        let what = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
        Error::evaluate(format!("invalid regular expression '{pattern}': {what}"))
    })
}

/// Predicates of two texts.
pub(super) fn predicate(
    function: &Function,
    a: &Vector,
    b: &Vector,
    prepared: &Prepared,
    rows: usize,
    selection: &Selection,
) -> Result<Truth> {
    let validity = mask::both_valid(a.validity(), b.validity())?;
    let (x, y) = (Texts::of(a)?, Texts::of(b)?);
    let mut words = mask::words(rows)?;
    match (function, prepared) {
        (Function::Like { .. }, Prepared::Pattern(pattern)) => match (pattern.is_exact(), x) {
            (Some(exact), Texts::Rows(views)) => equal_to(views, exact, rows, &mut words),
            _ => test_rows(rows, &mut words, |row| pattern.matches(x.get(row))),
        },
        (Function::RegexpMatches, Prepared::Regex(regex)) => {
            test_rows(rows, &mut words, |row| regex.is_match(x.get(row)));
        }
        (Function::StartsWith, _) => {
            test_rows(rows, &mut words, |row| x.get(row).starts_with(y.get(row)));
        }
        (Function::EndsWith, _) => {
            test_rows(rows, &mut words, |row| x.get(row).ends_with(y.get(row)));
        }
        (Function::Contains, _) => {
            let finder = match y {
                Texts::Constant(one) => Some(memchr::memmem::Finder::new(one.get(0))),
                Texts::Rows(_) => None,
            };
            test_rows(rows, &mut words, |row| match &finder {
                Some(finder) => finder.find(x.get(row)).is_some(),
                None => memchr::memmem::find(x.get(row), y.get(row)).is_some(),
            });
        }
        (Function::Like { .. } | Function::RegexpMatches, _) => {
            // Another pattern in every row: made anew where it changes.
            let meant = operand::meant(selection, validity.as_ref())?;
            let mut last: Option<(&str, Prepared)> = None;
            for row in meant.ones() {
                let text = y.text(row);
                if last.as_ref().is_none_or(|(known, _)| *known != text) {
                    let made = match function {
                        Function::Like { ignore_case, escape } => {
                            Prepared::Pattern(like_pattern(text, *escape, *ignore_case)?)
                        }
                        _ => Prepared::Regex(Box::new(regex(text)?)),
                    };
                    last = Some((text, made));
                }
                let matches = match &last {
                    Some((_, Prepared::Pattern(pattern))) => pattern.matches(x.get(row)),
                    Some((_, Prepared::Regex(regex))) => regex.is_match(x.get(row)),
                    _ => false,
                };
                words[row / 64] |= u64::from(matches) << (row % 64);
            }
        }
        _ => return Err(unknown(function)),
    }
    Ok(Truth { words, validity })
}

#[cold]
fn unknown(function: &Function) -> Error {
    Error::internal(format!("{function:?} is not evaluated for these arguments"))
}

/// Functions of text that give text or numbers.
pub(super) fn apply(
    function: &Function,
    values: &[Vector],
    from: &DataType,
    rows: usize,
) -> Result<Vector> {
    let validity = operand::validity_of(values)?;
    let present = |row: usize| validity.as_ref().is_none_or(|bits| bits.get(row));
    let texts: Result<Vec<Texts<'_>>> = match function {
        Function::Substring | Function::Left | Function::Right => {
            values.iter().take(1).map(Texts::of).collect()
        }
        _ => values.iter().map(Texts::of).collect(),
    };
    let texts = texts?;
    let x = *texts.first().ok_or_else(|| unknown(function))?;
    if let Function::Length | Function::ByteLength = function {
        let mut out = SliceMut::<i64>::scratch(rows)?;
        let in_bytes = matches!(function, Function::ByteLength) || !from.is_text();
        for (row, slot) in out.iter_mut().enumerate() {
            let bytes = x.get(row);
            *slot = if in_bytes { bytes.len() } else { characters(bytes) } as i64;
        }
        return Ok(Vector::new(Data::Int64(out.freeze()), validity, rows)?);
    }
    let mut builder = ViewsBuilder::new()?;
    let mut line: Vec<u8> = Vec::new();
    for row in 0..rows {
        if !present(row) {
            builder.push(b"")?;
            continue;
        }
        match function {
            Function::Upper | Function::Lower => {
                line.clear();
                change_case(x.get(row), matches!(function, Function::Upper), &mut line);
                builder.push(&line)?;
            }
            Function::Trim => builder.push(x.text(row).trim_matches(' ').as_bytes())?,
            Function::Concat => {
                line.clear();
                texts.iter().for_each(|text| line.extend_from_slice(text.get(row)));
                builder.push(&line)?;
            }
            Function::Replace => {
                let [_, from, to] = &texts[..] else { return Err(unknown(function)) };
                line.clear();
                replace(x.get(row), from.get(row), to.get(row), &mut line);
                builder.push(&line)?;
            }
            Function::Substring => {
                let start = integer_at(&values[1], row)?;
                let length = values.get(2).map(|length| integer_at(length, row)).transpose()?;
                builder.push(substring(x.get(row), start, length))?;
            }
            Function::Left | Function::Right => {
                let from_left = matches!(function, Function::Left);
                builder.push(end(x.get(row), integer_at(&values[1], row)?, from_left))?;
            }
            _ => return Err(unknown(function)),
        }
    }
    Ok(Vector::new(Data::Views(builder.finish()?), validity, rows)?)
}

fn integer_at(vector: &Vector, row: usize) -> Result<i64> {
    match operand::typed::<i64>(vector) {
        Some(values) => Ok(values.get(row)),
        None => Ok(i64::from(operand::expect::<i32>(vector)?.get(row))),
    }
}

/// Unicode characters of valid UTF-8.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

/// The bytes at which character `position` (from 0) starts; the end if there are fewer.
fn byte_of(bytes: &[u8], position: usize) -> usize {
    if bytes.is_ascii() {
        return position.min(bytes.len());
    }
    let starts = bytes.iter().enumerate().filter(|(_, byte)| **byte & 0xc0 != 0x80);
    starts.map(|(at, _)| at).nth(position).unwrap_or(bytes.len())
}

/// `length` characters from character `start` on, counted from 1; a negative start counts from the
/// end, a negative length goes backwards from the start.
fn substring(bytes: &[u8], start: i64, length: Option<i64>) -> &[u8] {
    let count = characters(bytes) as i64;
    let first = if start < 0 { count.saturating_add(start) } else { start - 1 };
    let (from, to) = match length {
        None => (first, count),
        Some(length) if length < 0 => (first.saturating_add(length), first),
        Some(length) => (first, first.saturating_add(length)),
    };
    let from = byte_of(bytes, from.clamp(0, count) as usize);
    let to = byte_of(bytes, to.clamp(0, count) as usize);
    bytes.get(from..to).unwrap_or_default()
}

/// The first or last `count` characters; if it is negative, all but that many at the other end.
fn end(bytes: &[u8], count: i64, from_left: bool) -> &[u8] {
    let all = characters(bytes) as i64;
    let taken = if count < 0 { all.saturating_add(count) } else { count }.clamp(0, all);
    let cut = byte_of(bytes, if from_left { taken } else { all - taken } as usize);
    let (left, right) = bytes.split_at(cut);
    if from_left { left } else { right }
}

fn change_case(bytes: &[u8], upper: bool, out: &mut Vec<u8>) {
    if bytes.is_ascii() {
        out.extend_from_slice(bytes);
        if upper {
            out.make_ascii_uppercase()
        } else {
            out.make_ascii_lowercase()
        }
        return;
    }
    let mut buffer = [0; 4];
    for character in std::str::from_utf8(bytes).unwrap_or_default().chars() {
        // One character for one; those that would become several have a single form or stay.
        let changed = if upper {
            let mut all = character.to_uppercase();
            match (all.next(), all.next()) {
                (Some(one), None) => one,
                _ if character == 'ß' => 'ẞ',
                _ => character,
            }
        } else {
            lower(character)
        };
        out.extend_from_slice(changed.encode_utf8(&mut buffer).as_bytes());
    }
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8], out: &mut Vec<u8>) {
    let mut rest = bytes;
    if !from.is_empty() {
        while let Some(at) = memchr::memmem::find(rest, from) {
            out.extend_from_slice(&rest[..at]);
            out.extend_from_slice(to);
            rest = &rest[at + from.len()..];
        }
    }
    out.extend_from_slice(rest);
}
