//! Groupings against a row-by-row model.

use std::collections::{BTreeMap, HashSet};

use millwork_codecs::budget::Budget;
use millwork_format::batch::Batch;
use millwork_format::types::DataType;
use millwork_format::vector::Cell;

use super::*;
use crate::expr::AggregateFunction as F;
use crate::operator::tests::{batch, drain, fill, rows};
use crate::row::tests::{Random, kinds, order, text};

const BIG: DataType = DataType::Int64;

fn call(function: F, argument: Option<usize>, types: &[DataType]) -> AggregateCall {
    let argument_type = argument.map_or(DataType::Null, |column| types[column].clone());
    let data_type = match (function, &argument_type) {
        (F::CountRows | F::Count, _) => BIG,
        (F::SumInteger, _) => DataType::Int128,
        (F::SumDecimal, DataType::Decimal { scale, .. }) => {
            DataType::Decimal { precision: 38, scale: *scale }
        }
        (F::SumFloat | F::Average, _) => DataType::Float64,
        (F::BoolAnd | F::BoolOr, _) => DataType::Boolean,
        _ => argument_type.clone(),
    };
    AggregateCall { function, argument, distinct: false, filter: None, argument_type, data_type }
}

fn number(cell: &Cell<'_>) -> f64 {
    match cell {
        Cell::Integer(value) => *value as f64,
        Cell::Float32(value) => (*value).into(),
        Cell::Float64(value) => *value,
        _ => panic!("no number"),
    }
}

fn naive(call: &AggregateCall, rows: &[(&Batch, usize)]) -> String {
    let mut cells: Vec<Cell<'_>> = Vec::new();
    let (mut seen, mut all) = (HashSet::new(), 0);
    for (batch, row) in rows {
        let truth =
            |column: usize| matches!(batch.columns()[column].cell(*row), Cell::Boolean(true));
        if call.filter.is_some_and(|column| !truth(column)) {
            continue;
        }
        all += 1;
        let Some(column) = call.argument else { continue };
        let cell = batch.columns()[column].cell(*row);
        if !matches!(cell, Cell::Null) && (!call.distinct || seen.insert(text(cell))) {
            cells.push(cell);
        }
    }
    let scale = match call.argument_type {
        DataType::Decimal { scale, .. } => 10f64.powi(scale.into()),
        _ => 1.0,
    };
    let sum = || -> f64 { cells.iter().map(number).sum() };
    match call.function {
        F::CountRows => all.to_string(),
        F::Count => cells.len().to_string(),
        _ if cells.is_empty() => "null".into(),
        F::SumInteger | F::SumDecimal => {
            let sum: i128 =
                cells.iter().map(|c| if let Cell::Integer(v) = c { *v } else { 0 }).sum();
            sum.to_string()
        }
        F::SumFloat => text(Cell::Float64(sum())),
        F::Average => text(Cell::Float64(sum() / cells.len() as f64 / scale)),
        F::Min | F::BoolAnd => text(*cells.iter().min_by(|a, b| order(**a, **b)).unwrap()),
        F::Max | F::BoolOr => text(*cells.iter().max_by(|a, b| order(**a, **b)).unwrap()),
        F::AnyValue => "any".into(),
    }
}

fn same(call: &AggregateCall, found: &str, expected: &str) -> bool {
    match call.function {
        F::AnyValue => (found == "null") == (expected == "null"),
        F::SumFloat | F::Average => match (found.parse::<f64>(), expected.parse::<f64>()) {
            (Ok(a), Ok(b)) if a.is_finite() && b.is_finite() => {
                (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
            }
            _ => found == expected,
        },
        _ => found == expected,
    }
}

/// Runs `spec` over `lanes` and compares with the model.
fn check(spec: &AggregateSpec, lanes: &[Vec<Batch>]) {
    let budget = Budget::unlimited();
    let shared = AggregateShared::new(spec.clone(), &budget).unwrap();
    for lane in lanes {
        fill(&mut AggregateSink::new(shared.clone()).unwrap(), lane).unwrap();
    }
    let mut found = BTreeMap::new();
    for _ in 0..2 {
        for batch in drain(&mut AggregateSource::new(shared.clone())).unwrap() {
            assert!(batch.rows() <= 2048);
            for mut row in rows(&batch) {
                let results = row.split_off(spec.groups.len());
                assert!(found.insert(row, results).is_none(), "a group came twice");
            }
        }
    }
    let mut groups: BTreeMap<Vec<String>, Vec<(&Batch, usize)>> = BTreeMap::new();
    if spec.groups.is_empty() {
        groups.insert(Vec::new(), Vec::new());
    }
    for batch in lanes.iter().flatten() {
        for row in batch.selection().rows().iter().map(|row| *row as usize) {
            let key = spec.groups.iter().map(|(c, _)| text(batch.columns()[*c].cell(row)));
            groups.entry(key.collect()).or_default().push((batch, row));
        }
    }
    assert_eq!(found.keys().collect::<Vec<_>>(), groups.keys().collect::<Vec<_>>());
    for (key, members) in &groups {
        for (call, result) in spec.aggregates.iter().zip(&found[key]) {
            let expected = naive(call, members);
            assert!(same(call, result, &expected), "{key:?} {call:?}: {result}, not {expected}");
        }
    }
    drop(shared);
    assert_eq!(budget.reserved(), 0);
}

fn calls(types: &[DataType], random: &mut Random) -> Vec<AggregateCall> {
    let mut calls = vec![call(F::CountRows, None, types)];
    for (column, data_type) in types.iter().enumerate() {
        let sum = match data_type {
            DataType::Decimal { .. } => Some(F::SumDecimal),
            DataType::Float32 | DataType::Float64 => Some(F::SumFloat),
            DataType::Boolean | DataType::Utf8 | DataType::Date => None,
            nested if nested.is_nested() => None,
            _ => Some(F::SumInteger),
        };
        let mut functions = vec![F::Count, F::AnyValue];
        functions.extend(sum.into_iter().flat_map(|sum| [sum, F::Average]));
        functions.extend([F::Min, F::Max]);
        if *data_type == DataType::Boolean {
            functions.extend([F::BoolAnd, F::BoolOr]);
        }
        calls.extend(functions.into_iter().map(|function| call(function, Some(column), types)));
    }
    for call in &mut calls {
        call.filter = (random.below(3) == 0).then_some(0);
        call.distinct = random.below(4) == 0;
    }
    calls
}

#[test]
fn groupings_equal_the_model() {
    let mut random = Random::new(3);
    let types = kinds();
    for round in 0..60 {
        let mut columns: Vec<usize> = (0..types.len()).collect();
        let mut groups = Vec::new();
        for _ in 0..round % 4 {
            let column = columns.remove(random.below(columns.len()));
            groups.push((column, types[column].clone()));
        }
        let spec = AggregateSpec { groups, aggregates: calls(&types, &mut random) };
        let size = [1, 7, 300][random.below(3)];
        let range = [3, 9, 5000][random.below(3)];
        let lanes: Vec<Vec<Batch>> = (0..1 + random.below(3))
            .map(|_| {
                (0..random.below(5)).map(|_| batch(&mut random, &types, size, range)).collect()
            })
            .collect();
        check(&spec, &lanes);
    }
}

#[test]
fn many_groups_are_merged_by_partitions() {
    let mut random = Random::new(5);
    let types = [BIG, DataType::Utf8, DataType::Float64, BIG];
    let mut aggregates = vec![
        call(F::CountRows, None, &types),
        call(F::SumInteger, Some(3), &types),
        call(F::Max, Some(1), &types),
        call(F::Count, Some(3), &types),
    ];
    aggregates[3].distinct = true;
    let spec = AggregateSpec { groups: vec![(0, BIG), (1, DataType::Utf8)], aggregates };
    let lanes: Vec<Vec<Batch>> =
        (0..3).map(|_| (0..8).map(|_| batch(&mut random, &types, 2048, 6000)).collect()).collect();
    check(&spec, &lanes);
}

#[test]
fn keys_are_built_once_for_each_combination_of_codes() {
    use millwork_codecs::buffer::Slice;
    use millwork_format::vector::{Codes, Dictionary, Vector};

    use crate::pipeline::Sink;
    let mut random = Random::new(9);
    let words = Vector::flat(Slice::copy_of(&[10i64, 20, 30]));
    let dictionary = std::sync::Arc::new(Dictionary::new(words).unwrap());
    let mut column = || {
        let codes: Vec<u8> = (0..2048).map(|_| random.below(3) as u8).collect();
        Vector::dictionary(Codes::U8(Slice::copy_of(&codes)), None, dictionary.clone()).unwrap()
    };
    let batches: Vec<Batch> =
        (0..10).map(|_| Batch::new(vec![column(), column()], 2048).unwrap()).collect();
    let spec = AggregateSpec {
        groups: vec![(0, BIG), (1, BIG)],
        aggregates: vec![call(F::SumInteger, Some(1), &[BIG, BIG])],
    };
    check(&spec, std::slice::from_ref(&batches));
    let shared = AggregateShared::new(spec, &Budget::unlimited()).unwrap();
    let mut sink = AggregateSink::new(shared).unwrap();
    fill(&mut sink, &batches).unwrap();
    assert_eq!(sink.counters()[0], ("keys_built", 9));
}

#[test]
fn sums_are_exact_beyond_64_bits_and_refuse_more_than_38_digits() {
    use millwork_codecs::buffer::Slice;
    use millwork_format::vector::Vector;
    let of = |values: &[i128]| Batch::new(vec![Vector::flat(Slice::copy_of(values))], values.len());
    let wide = DataType::Decimal { precision: 38, scale: 0 };
    let spec = AggregateSpec {
        groups: Vec::new(),
        aggregates: vec![call(F::SumDecimal, Some(0), &[wide])],
    };
    check(&spec, &[vec![of(&[i64::MAX.into(), i64::MAX.into(), 5]).unwrap()]]);
    for values in [&[10i128.pow(38) - 1, 1][..], &[i128::MAX, i128::MAX]] {
        let shared = AggregateShared::new(spec.clone(), &Budget::unlimited()).unwrap();
        let mut sink = AggregateSink::new(shared.clone()).unwrap();
        let outcome = fill(&mut sink, &[of(values).unwrap()])
            .and_then(|()| drain(&mut AggregateSource::new(shared)));
        assert_eq!(outcome.unwrap_err().kind(), &crate::ErrorKind::Evaluate);
    }
}
