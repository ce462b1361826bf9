//! Results as rows of plain values, and when two of them are the same.

use millwork_engine::Result;
use millwork_format::batch::Batch;
use millwork_format::vector::Cell;

/// One value of a result.
#[derive(Clone, Debug, PartialEq)]
pub enum Datum {
    /// Not present.
    Null,
    /// True or false.
    Boolean(bool),
    /// An integer, a date in days, a time in its unit, an unscaled decimal.
    Integer(i128),
    /// A float of any width.
    Float(f64),
    /// Text or bytes.
    Bytes(Vec<u8>),
    /// The elements of a list, the entries of a map, the fields of a struct.
    Nested(Vec<Datum>),
}

/// One row of a result.
pub type Row = Vec<Datum>;

/// The selected rows of `batches`, in order.
///
/// # Errors
/// If a batch cannot be compacted.
pub fn rows(batches: &[Batch]) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for batch in batches {
        let batch = batch.compacted()?;
        for row in 0..batch.rows() {
            rows.push(batch.columns().iter().map(|column| datum(column.cell(row))).collect());
        }
    }
    Ok(rows)
}

fn datum(cell: Cell<'_>) -> Datum {
    match cell {
        Cell::Null => Datum::Null,
        Cell::Boolean(value) => Datum::Boolean(value),
        Cell::Integer(value) => Datum::Integer(value),
        Cell::Float16(value) => Datum::Float(value.to_f64()),
        Cell::Float32(value) => Datum::Float(value.into()),
        Cell::Float64(value) => Datum::Float(value),
        Cell::Bytes(bytes) => Datum::Bytes(bytes.to_vec()),
        Cell::List { child, start, end } => {
            Datum::Nested((start..end).map(|row| datum(child.cell(row))).collect())
        }
        Cell::Struct { children, row } => {
            Datum::Nested(children.iter().map(|child| datum(child.cell(row))).collect())
        }
        // There are no other cells.
        _ => Datum::Null,
    }
}

/// How alike two results have to be.
#[derive(Clone, Copy, Debug)]
pub struct Demand {
    /// Rows have to come in the same order.
    pub in_order: bool,
    /// Floats may differ by 1e-12 of their size.
    pub is_inexact: bool,
}

/// Nothing if `found` is `expected`, else what is wrong.
#[must_use]
pub fn difference(expected: &[Row], found: &[Row], demand: Demand) -> Option<String> {
    if expected.len() != found.len() {
        return Some(format!("{} rows, expected {}", found.len(), expected.len()));
    }
    let (mut left, mut right): (Vec<&Row>, Vec<&Row>) =
        (expected.iter().collect(), found.iter().collect());
    if !demand.in_order {
        left.sort_by_cached_key(|row| key(row));
        right.sort_by_cached_key(|row| key(row));
    }
    for (index, (one, other)) in left.iter().zip(&right).enumerate() {
        let same = one.len() == other.len()
            && one.iter().zip(*other).all(|(one, other)| is_same(one, other, demand.is_inexact));
        if !same {
            return Some(format!("row {index} is {other:?}, expected {one:?}"));
        }
    }
    None
}

fn is_same(one: &Datum, other: &Datum, is_inexact: bool) -> bool {
    match (one, other) {
        (Datum::Float(one), Datum::Float(other)) => {
            let is_near = is_inexact && (one - other).abs() <= 1e-12 * one.abs().max(other.abs());
            one.to_bits() == other.to_bits() || one.is_nan() && other.is_nan() || is_near
        }
        (Datum::Nested(one), Datum::Nested(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(one, other)| is_same(one, other, is_inexact))
        }
        _ => one == other,
    }
}

/// What brings equal rows together: exact values first, floats by their leading digits after them.
fn key(row: &Row) -> Vec<u8> {
    let mut key = Vec::new();
    exact_key(row, &mut key);
    float_key(row, &mut key);
    key
}

fn exact_key(values: &[Datum], key: &mut Vec<u8>) {
    for value in values {
        match value {
            Datum::Null => key.push(0),
            Datum::Nested(parts) => {
                key.push(5);
                exact_key(parts, key);
                key.push(6);
            }
            Datum::Boolean(value) => key.extend([1, u8::from(*value)]),
            Datum::Integer(value) => {
                key.push(2);
                key.extend((value ^ i128::MIN).to_be_bytes());
            }
            Datum::Bytes(bytes) => {
                key.push(3);
                key.extend((bytes.len() as u64).to_be_bytes());
                key.extend(bytes);
            }
            Datum::Float(_) => key.push(4),
        }
    }
}

fn float_key(values: &[Datum], key: &mut Vec<u8>) {
    for value in values {
        match value {
            Datum::Float(value) => {
                let bits = value.to_bits();
                let ordered = if bits >> 63 == 0 { bits | 1 << 63 } else { !bits };
                key.extend(ordered.to_be_bytes());
            }
            Datum::Nested(parts) => float_key(parts, key),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_last_bits_matter_only_where_demanded() {
        let row = |id: i128, value: f64| vec![Datum::Integer(id), Datum::Float(value)];
        let one = [row(1, 0.3), row(2, f64::NAN)];
        let other = [row(2, f64::NAN), row(1, 0.1 + 0.2)];
        for (in_order, is_inexact, same) in
            [(false, true, true), (false, false, false), (true, true, false)]
        {
            let found = difference(&one, &other, Demand { in_order, is_inexact });
            assert_eq!(found.is_none(), same, "{in_order} {is_inexact}: {found:?}");
        }
        let twice = [row(1, 0.3), row(1, 0.3)];
        assert!(difference(&one, &twice, Demand { in_order: false, is_inexact: true }).is_some());
        assert!(
            difference(&one, &one[..1], Demand { in_order: false, is_inexact: true }).is_some()
        );
    }
}
