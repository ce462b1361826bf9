//! Sorts against a comparison of cells.

use std::cmp::Ordering;

use millwork_codecs::budget::Budget;
use millwork_format::batch::Batch;
use millwork_format::vector::Cell;

use super::*;
use crate::operator::tests::{batch, drain, fill, rows};
use crate::row::tests::{Random, kinds};
use crate::value::Scalar;

fn compare(left: Cell<'_>, right: Cell<'_>) -> Ordering {
    match (left, right) {
        (Cell::Boolean(a), Cell::Boolean(b)) => a.cmp(&b),
        (Cell::Integer(a), Cell::Integer(b)) => a.cmp(&b),
        (Cell::Bytes(a), Cell::Bytes(b)) => a.cmp(b),
        (Cell::Float32(a), Cell::Float32(b)) => {
            compare(Cell::Float64(a.into()), Cell::Float64(b.into()))
        }
        (Cell::Float64(a), Cell::Float64(b)) => {
            a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
        }
        _ => panic!("cells of different types"),
    }
}

fn compare_rows(keys: &[SortKey], left: (&Batch, usize), right: (&Batch, usize)) -> Ordering {
    for key in keys {
        let cells = (
            left.0.columns()[key.column].cell(left.1),
            right.0.columns()[key.column].cell(right.1),
        );
        let nulls = if key.nulls_first { Ordering::Less } else { Ordering::Greater };
        let order = match cells {
            (Cell::Null, Cell::Null) => Ordering::Equal,
            (Cell::Null, _) => nulls,
            (_, Cell::Null) => nulls.reverse(),
            (a, b) if key.descending => compare(b, a),
            (a, b) => compare(a, b),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

fn check(spec: &SortSpec, lanes: &[Vec<Batch>]) {
    let budget = Budget::unlimited();
    let shared = SortShared::new(spec.clone(), &budget).unwrap();
    for lane in lanes {
        fill(&mut SortSink::new(shared.clone()).unwrap(), lane).unwrap();
    }
    let found = drain(&mut SortSource::new(shared.clone())).unwrap();
    let flat: Vec<(&Batch, usize)> =
        found.iter().flat_map(|batch| (0..batch.rows()).map(move |row| (batch, row))).collect();
    for pair in flat.windows(2) {
        assert_ne!(compare_rows(&spec.keys, pair[0], pair[1]), Ordering::Greater, "{spec:?}");
    }
    let mut all: Vec<(&Batch, usize)> = Vec::new();
    for batch in lanes.iter().flatten() {
        all.extend(batch.selection().rows().iter().map(|row| (batch, *row as usize)));
    }
    all.sort_by(|a, b| compare_rows(&spec.keys, *a, *b));
    let wanted: Vec<_> = all
        .iter()
        .skip(spec.offset as usize)
        .take(spec.limit.map_or(usize::MAX, |limit| limit as usize))
        .collect();
    assert_eq!(flat.len(), wanted.len(), "{spec:?}");
    for (found, expected) in flat.iter().zip(wanted) {
        assert_eq!(compare_rows(&spec.keys, *found, *expected), Ordering::Equal, "{spec:?}");
    }
    if spec.limit.is_none() && spec.offset == 0 {
        let mut found: Vec<_> = found.iter().flat_map(rows).collect();
        let mut expected: Vec<_> = lanes.iter().flatten().flat_map(rows).collect();
        found.sort();
        expected.sort();
        assert!(found == expected, "rows changed: {spec:?}");
    }
    drop(shared);
    assert_eq!(budget.reserved(), 0);
}

#[test]
fn sorts_equal_a_comparison_of_cells() {
    let mut random = Random::new(31);
    let types = kinds();
    let keys = types.len() - 1; // The last type is nested.
    for round in 0..80 {
        let spec = SortSpec {
            keys: (0..1 + random.below(3))
                .map(|_| SortKey {
                    column: random.below(keys),
                    descending: random.below(2) == 0,
                    nulls_first: random.below(2) == 0,
                })
                .collect(),
            types: types.clone(),
            limit: (round % 2 == 0).then(|| [0, 1, 10, 3000][random.below(4)]),
            offset: [0, 0, 5][random.below(3)],
        };
        let size = [1, 7, 1000][random.below(3)];
        let range = [3, 9, 5000][random.below(3)];
        let lanes: Vec<Vec<Batch>> = (0..random.below(4))
            .map(|_| {
                (0..random.below(9)).map(|_| batch(&mut random, &types, size, range)).collect()
            })
            .collect();
        check(&spec, &lanes);
    }
}

#[test]
fn strings_with_zero_bytes_order_as_bytes() {
    use millwork_format::vector::{Data, Vector, Views};
    let words: [&[u8]; 7] = [b"", b"\0", b"\0\0", b"\0\x01", b"a", b"a\0b", b"ab"];
    for descending in [false, true] {
        let strings = Views::copy_of(words.iter().rev()).unwrap();
        let vector = Vector::new(Data::Views(strings), None, words.len()).unwrap();
        let spec = SortSpec {
            keys: vec![SortKey { column: 0, descending, nulls_first: false }],
            types: vec![DataType::Binary],
            limit: None,
            offset: 0,
        };
        check(&spec, &[vec![Batch::new(vec![vector], words.len()).unwrap()]]);
    }
}

#[test]
fn a_limit_publishes_what_rows_must_beat() {
    use millwork_codecs::buffer::Slice;
    use millwork_format::vector::Vector;
    let spec = SortSpec {
        keys: vec![SortKey { column: 0, descending: false, nulls_first: false }],
        types: vec![DataType::Int64],
        limit: Some(10),
        offset: 0,
    };
    let shared = SortShared::new(spec, &Budget::unlimited()).unwrap();
    let mut sink = SortSink::new(shared.clone()).unwrap();
    assert_eq!(shared.threshold(), None);
    let numbers: Vec<i64> = (0..6000).map(|n| n * 7919 % 6000).collect();
    let batches: Vec<Batch> = numbers
        .chunks(2000)
        .map(|part| Batch::new(vec![Vector::flat(Slice::copy_of(part))], part.len()).unwrap())
        .collect();
    fill(&mut sink, &batches).unwrap();
    assert_eq!(shared.threshold(), Some(Scalar::Integer(9)));
}
