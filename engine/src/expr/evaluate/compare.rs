//! Comparisons: two vectors of one type to a mask.
//!
//! In: flat vectors or constants of one type. Out: a [`Truth`]. Plain types go to the kernels; text
//! is decided by the first four bytes and the length where it can be.

use std::cmp::Ordering;

use half::f16;
use millwork_codecs::buffer::{Slice, SliceMut, View};
use millwork_codecs::kernel::{Compare, compare_scalar, compare_values};
use millwork_format::types::DataType;
use millwork_format::vector::{Cell, Data, Vector, Views};

use super::super::Comparison;
use super::Truth;
use super::operand::{self, Texts, with_native};
use crate::error::Result;
use crate::kernel::arithmetic::{DecimalOperand, Operand};
use crate::kernel::interval::Interval;
use crate::kernel::lanes::{map, test_rows};
use crate::kernel::mask;

/// `a[i] OP b[i]`.
pub(super) fn compare(
    op: Comparison,
    a: &Vector,
    b: &Vector,
    data_type: &DataType,
    rows: usize,
) -> Result<Truth> {
    if matches!(a.data(), Data::Null) || matches!(b.data(), Data::Null) {
        return Truth::unknown(rows);
    }
    let mut words = mask::words(rows)?;
    compare_into(op, a, b, data_type, rows, &mut words)?;
    let validity = mask::both_valid(a.validity(), b.validity())?;
    Ok(Truth { words, validity })
}

fn compare_into(
    op: Comparison,
    a: &Vector,
    b: &Vector,
    data_type: &DataType,
    rows: usize,
    out: &mut SliceMut<u64>,
) -> Result<()> {
    if let DataType::Decimal { .. } = data_type {
        return decimals(op, operand::decimal(a)?, operand::decimal(b)?, out);
    }
    match (operand::core(a).data(), operand::core(b).data()) {
        (Data::Boolean(_), Data::Boolean(_)) => {
            let (x, y) = (operand::bits(a, rows)?, operand::bits(b, rows)?);
            booleans(op, &x, &y, out);
            clear_tail(rows, out);
        }
        (Data::Views(_), Data::Views(_)) => {
            texts(op, Texts::of(a)?, Texts::of(b)?, rows, out);
        }
        (Data::Float16(_), Data::Float16(_)) => {
            let (x, y) = (halves(a, rows)?, halves(b, rows)?);
            compare_values(op, &x, &y, out);
        }
        (Data::Fixed { .. } | Data::List(_) | Data::Struct(_), _) => {
            cells(op, a, b, data_type, rows, out);
        }
        _ => with_native!(a, T => {
            plain(op, operand::expect::<T>(a)?, operand::expect::<T>(b)?, out);
        }, else return Err(operand::layout())),
    }
    Ok(())
}

/// `a[i] OP b[i]` of plain values.
pub(super) fn plain<T: Compare>(
    op: Comparison,
    a: Operand<'_, T>,
    b: Operand<'_, T>,
    out: &mut [u64],
) {
    match (a, b) {
        (Operand::Values(a), Operand::Values(b)) => compare_values(op, a, b, out),
        (Operand::Values(a), Operand::Constant(b)) => compare_scalar(op, a, b, out),
        (Operand::Constant(a), Operand::Values(b)) => compare_scalar(op.swapped(), b, a, out),
        (Operand::Constant(a), Operand::Constant(b)) => compare_scalar(op, &[a], b, out),
    }
}

fn decimals(
    op: Comparison,
    a: DecimalOperand<'_>,
    b: DecimalOperand<'_>,
    out: &mut [u64],
) -> Result<()> {
    use DecimalOperand::{Narrow, Wide};
    let fitting = |value: i128| i64::try_from(value).ok();
    match (a, b) {
        (Narrow(a), Narrow(b)) => plain(op, a, b, out),
        (Narrow(a), Wide(Operand::Constant(b))) if fitting(b).is_some() => {
            plain(op, a, Operand::Constant(b as i64), out);
        }
        (Wide(Operand::Constant(a)), Narrow(b)) if fitting(a).is_some() => {
            plain(op, Operand::Constant(a as i64), b, out);
        }
        _ => {
            let (mut a_buffer, mut b_buffer) = (Slice::empty(), Slice::empty());
            plain(op, a.wide(&mut a_buffer)?, b.wide(&mut b_buffer)?, out);
        }
    }
    Ok(())
}

/// False orders before true.
fn booleans(op: Comparison, a: &[u64], b: &[u64], out: &mut [u64]) {
    let word = |a: u64, b: u64| match op {
        Comparison::Equal => !(a ^ b),
        Comparison::NotEqual => a ^ b,
        Comparison::Less => !a & b,
        Comparison::LessOrEqual => !a | b,
        Comparison::Greater => a & !b,
        Comparison::GreaterOrEqual => a | !b,
    };
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        *out = word(*a, *b);
    }
}

/// Clears the bits behind the last row.
pub(super) fn clear_tail(rows: usize, words: &mut [u64]) {
    if let Some(last) = words.last_mut()
        && !rows.is_multiple_of(64)
    {
        *last &= (1 << (rows % 64)) - 1;
    }
}

fn texts(op: Comparison, a: Texts<'_>, b: Texts<'_>, rows: usize, out: &mut [u64]) {
    match (a, b) {
        (Texts::Rows(a), Texts::Constant(b)) => against_one(op, a, b.get(0), rows, out),
        (Texts::Constant(a), Texts::Rows(b)) => against_one(op.swapped(), b, a.get(0), rows, out),
        _ => test_rows(rows, out, |row| op.holds(a.get(row).cmp(b.get(row)))),
    }
}

/// Strings against one string.
fn against_one(op: Comparison, texts: &Views, one: &[u8], rows: usize, out: &mut [u64]) {
    match op {
        Comparison::Equal => equal_to(texts, one, rows, out),
        Comparison::NotEqual => {
            equal_to(texts, one, rows, out);
            out.iter_mut().for_each(|word| *word = !*word);
            clear_tail(rows, out);
        }
        _ => {
            let mut prefix = [0; 4];
            let known = one.len().min(4);
            prefix[..known].copy_from_slice(&one[..known]);
            let key = u32::from_be_bytes(prefix);
            let (views, buffers) = (texts.views().as_slice(), texts.buffers());
            test_rows(rows, out, |row| {
                let order = views[row].prefix_key().cmp(&key);
                op.holds(order.then_with(|| views[row].bytes(buffers).cmp(one)))
            });
        }
    }
}

/// Bit `i`: whether string `i` equals `one`.
pub(super) fn equal_to(texts: &Views, one: &[u8], rows: usize, out: &mut [u64]) {
    let views = texts.views().as_slice();
    match View::inline(one) {
        Some(view) => {
            let bits = view.bits();
            test_rows(rows, out, |row| views[row].bits() == bits);
        }
        None => {
            let head = View::outside(one, 0, 0).head();
            let buffers = texts.buffers();
            test_rows(rows, out, |row| {
                views[row].head() == head && views[row].bytes(buffers) == one
            });
        }
    }
}

fn halves(vector: &Vector, rows: usize) -> Result<SliceMut<f32>> {
    let mut out = SliceMut::<f32>::scratch(rows)?;
    match (vector.data(), operand::core(vector).data()) {
        (Data::Constant(_), Data::Float16(one)) => out.fill(f16::from_bits(one[0]).to_f32()),
        (_, Data::Float16(bits)) => map(bits, &mut out, |bits: u16| f16::from_bits(bits).to_f32()),
        _ => return Err(operand::layout()),
    }
    Ok(out)
}

/// Values that have no kernel, row by row.
fn cells(
    op: Comparison,
    a: &Vector,
    b: &Vector,
    data_type: &DataType,
    rows: usize,
    out: &mut [u64],
) {
    test_rows(rows, out, |row| op.holds(order(a.cell(row), b.cell(row), data_type)));
}

/// The order of two values of one type; nulls inside nested values come last and equal one another.
pub(super) fn order(a: Cell<'_>, b: Cell<'_>, data_type: &DataType) -> Ordering {
    match (a, b) {
        (Cell::Null, Cell::Null) => Ordering::Equal,
        (Cell::Null, _) => Ordering::Greater,
        (_, Cell::Null) => Ordering::Less,
        (Cell::Boolean(a), Cell::Boolean(b)) => a.cmp(&b),
        (Cell::Integer(a), Cell::Integer(b)) => a.cmp(&b),
        (Cell::Float16(a), Cell::Float16(b)) => a.to_f32().key().cmp(&b.to_f32().key()),
        (Cell::Float32(a), Cell::Float32(b)) => a.key().cmp(&b.key()),
        (Cell::Float64(a), Cell::Float64(b)) => a.key().cmp(&b.key()),
        (Cell::Bytes(a), Cell::Bytes(b)) => match data_type {
            DataType::Int96 => int96_key(a).cmp(&int96_key(b)),
            DataType::SignedInterval => length(a).cmp(&length(b)),
            _ => a.cmp(b),
        },
        (Cell::List { child: x, start: s, end: e }, Cell::List { child: y, start: t, end: f }) => {
            let element = |i: usize, j: usize| match data_type {
                DataType::List(element) => order(x.cell(i), y.cell(j), &element.data_type),
                DataType::Map { key, value } => {
                    let types = std::iter::once(key).chain(value).map(|field| &field.data_type);
                    members(x.cell(i), y.cell(j), types)
                }
                _ => Ordering::Equal,
            };
            (s..e)
                .zip(t..f)
                .map(|(i, j)| element(i, j))
                .find(|order| order.is_ne())
                .unwrap_or_else(|| (e - s).cmp(&(f - t)))
        }
        (Cell::Struct { .. }, Cell::Struct { .. }) => match data_type {
            DataType::Struct(fields) => members(a, b, fields.iter().map(|field| &field.data_type)),
            _ => Ordering::Equal,
        },
        _ => Ordering::Equal,
    }
}

/// The order of two structs with members of `types`.
fn members<'t>(a: Cell<'_>, b: Cell<'_>, types: impl Iterator<Item = &'t DataType>) -> Ordering {
    let (Cell::Struct { children: x, row: i }, Cell::Struct { children: y, row: j }) = (a, b)
    else {
        return Ordering::Equal;
    };
    x.iter()
        .zip(y)
        .zip(types)
        .map(|((x, y), data_type)| order(x.cell(i), y.cell(j), data_type))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// Day, then nanoseconds of the day.
pub(super) fn int96_key(bytes: &[u8]) -> (i32, u64) {
    let Some((nanos, day)) = bytes.split_first_chunk::<8>() else { return (0, 0) };
    let day = day.first_chunk::<4>().map_or(0, |day| i32::from_le_bytes(*day));
    (day, u64::from_le_bytes(*nanos))
}

/// The length of an interval of SQL.
fn length(bytes: &[u8]) -> i128 {
    Interval::from_bytes(bytes).unwrap_or_default().length_micros()
}
