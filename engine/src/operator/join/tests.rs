//! Joins against nested loops.

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::{Bitmap, Slice};
use millwork_format::vector::Vector;

use super::*;
use crate::expr::Expr;
use crate::operator::tests::{batch, fill, rows, run};
use crate::plan::logical::JoinKind;
use crate::row::tests::{Random, kinds};
use crate::runtime_filter::RuntimeFilter as _;
use crate::value::Scalar;

const KINDS: [JoinKind; 5] =
    [JoinKind::Inner, JoinKind::Left, JoinKind::Semi, JoinKind::Anti, JoinKind::Cross];

fn naive(spec: &JoinSpec, left: &[Vec<String>], right: &[Vec<String>]) -> Vec<Vec<String>> {
    let mut result = Vec::new();
    for l in left {
        let matches: Vec<&Vec<String>> = right
            .iter()
            .filter(|r| {
                let keys = spec.left_keys.iter().zip(&spec.right_keys);
                let mut keys = keys.map(|(a, b)| (&l[*a], &r[*b]));
                // The residual of these tests: the first columns differ.
                keys.all(|(a, b)| a == b && a != "null")
                    && (spec.residual.is_none() || l[0] != r[0])
            })
            .collect();
        let joined = |r: &Vec<String>| l.iter().chain(r).cloned().collect::<Vec<_>>();
        match spec.kind {
            JoinKind::Inner | JoinKind::Cross => result.extend(matches.iter().map(|r| joined(r))),
            JoinKind::Left if matches.is_empty() => {
                result.push(joined(&vec!["null".into(); spec.right_types.len()]));
            }
            JoinKind::Left => result.extend(matches.iter().map(|r| joined(r))),
            JoinKind::Semi if !matches.is_empty() => result.push(l.clone()),
            JoinKind::Anti if matches.is_empty() => result.push(l.clone()),
            JoinKind::Semi | JoinKind::Anti => {}
        }
    }
    if let Some(output) = &spec.output {
        for row in &mut result {
            *row = output.iter().map(|column| row[*column].clone()).collect();
        }
    }
    result.sort();
    result
}

fn check(spec: JoinSpec, left: &[Batch], right: &[Vec<Batch>]) {
    let budget = Budget::unlimited();
    let shared = JoinShared::new(spec.clone(), &budget).unwrap();
    for lane in right {
        fill(&mut JoinBuildSink::new(shared.clone()).unwrap(), lane).unwrap();
    }
    shared.finish().unwrap();
    let probed = |left: &[Batch]| {
        let mut found = Vec::new();
        for lane in left.chunks(2) {
            let mut probe = JoinProbe::new(shared.clone()).unwrap();
            found.extend(run(&mut probe, lane).unwrap().iter().flat_map(rows));
        }
        found.sort();
        found
    };
    let found = probed(left);
    if matches!(spec.kind, JoinKind::Inner | JoinKind::Semi) {
        assert!(probed(&of_use(&shared, left)) == found, "{spec:?}");
    }
    let left: Vec<_> = left.iter().flat_map(rows).collect();
    let right: Vec<_> = right.iter().flatten().flat_map(rows).collect();
    let expected = naive(&spec, &left, &right);
    assert_eq!(found.len(), expected.len(), "{spec:?}");
    assert!(found == expected, "{spec:?}");
    drop(shared);
    assert_eq!(budget.reserved(), 0);
}

/// The rows of `left` that the finished join may use, by what it knows of each key.
fn of_use(shared: &Arc<JoinShared>, left: &[Batch]) -> Vec<Batch> {
    let keys = shared.spec().left_keys.iter().enumerate();
    let mut tests: Vec<_> = keys
        .map(|(key, column)| (*column, Arc::new(JoinFilter::new(shared.clone(), key)).row_test()))
        .collect();
    let mut of_use = left.to_vec();
    for batch in &mut of_use {
        for (column, test) in &mut tests {
            let kept = test.keep(&batch.columns()[*column], batch.selection()).unwrap();
            *batch = batch.clone().with_selection(kept).unwrap();
        }
    }
    of_use
}

#[test]
fn a_join_with_an_integer_key_knows_exactly_which_rows_it_can_use() {
    for kind in [JoinKind::Inner, JoinKind::Semi] {
        // Dense keys, and keys too far apart for a table by key but not for a bit each.
        for keys in [[3, 5, 4, 3], [-90_000, 70_000, 5, 5]] {
            let shared = JoinShared::new(on_numbers(kind), &Budget::unlimited()).unwrap();
            let filter = Arc::new(JoinFilter::new(shared.clone(), 0));
            let column = Expr::column(0, DataType::Int64);
            assert_eq!(filter.version(), 0);
            assert!(filter.conjuncts(&column).is_empty());
            fill(&mut JoinBuildSink::new(shared.clone()).unwrap(), &[numbers(keys)]).unwrap();
            shared.finish().unwrap();
            assert_eq!(filter.version(), 1);
            assert_eq!(filter.conjuncts(&column).len(), 1);
            let left = [numbers([1, 3, 5, 5, -90_000, 70_001, i64::MIN, 4])];
            let of_use: Vec<_> = of_use(&shared, &left).iter().flat_map(rows).collect();
            let expected: Vec<_> = rows(&left[0])
                .into_iter()
                .filter(|row| keys.iter().any(|key| key.to_string() == row[0]))
                .collect();
            assert_eq!(of_use, expected);
        }
    }
}

#[test]
fn a_join_without_build_rows_can_use_none() {
    let shared = JoinShared::new(on_numbers(JoinKind::Inner), &Budget::unlimited()).unwrap();
    shared.finish().unwrap();
    assert!(of_use(&shared, &[numbers([1, 2])])[0].selection().is_none());
}

/// First columns of left and right differ (compared as texts, so that any types do).
fn differ(right: usize) -> JoinResidual {
    let make = move || -> Result<Box<dyn Residual>> {
        Ok(Box::new(move |pairs: &Batch| {
            let texts = rows(pairs);
            let flags: Vec<bool> = texts.iter().map(|row| row[0] != row[right]).collect();
            Ok(Selection::from_bitmap(Bitmap::from_bools(&flags)))
        }))
    };
    JoinResidual { columns: vec![0, right], make: Arc::new(make) }
}

#[test]
fn joins_equal_nested_loops() {
    let mut random = Random::new(21);
    let all = kinds();
    for round in 0..120 {
        let kind = KINDS[round % KINDS.len()];
        let pick = |random: &mut Random| all[random.below(all.len())].clone();
        let keys: Vec<DataType> = match kind {
            JoinKind::Cross => Vec::new(),
            _ => (0..1 + random.below(2)).map(|_| pick(&mut random)).collect(),
        };
        let mut left_types = vec![pick(&mut random)];
        left_types.extend(keys.iter().cloned());
        let mut right_types = keys.clone();
        right_types.extend([pick(&mut random), pick(&mut random)]);
        let width = match kind {
            JoinKind::Semi | JoinKind::Anti => left_types.len(),
            _ => left_types.len() + right_types.len(),
        };
        let spec = JoinSpec {
            kind,
            left_keys: (1..=keys.len()).collect(),
            right_keys: (0..keys.len()).collect(),
            residual: (random.below(2) == 0).then(|| differ(left_types.len())),
            output: (random.below(3) == 0).then(|| (0..width).rev().step_by(2).collect()),
            left_types: left_types.clone(),
            right_types: right_types.clone(),
        };
        let range = [3, 40, 100_000][random.below(3)];
        let sizes = if kind == JoinKind::Cross { [1, 3, 60] } else { [1, 7, 100] };
        let size = sizes[random.below(3)];
        let mut some = |types: &[DataType], count: usize| -> Vec<Batch> {
            (0..count).map(|_| batch(&mut random, types, size, range)).collect()
        };
        let left = some(&left_types, 3);
        let right = vec![some(&right_types, 2), some(&right_types, 1)];
        check(spec, &left, &right);
    }
}

fn numbers(values: impl IntoIterator<Item = i64>) -> Batch {
    let values: Vec<i64> = values.into_iter().collect();
    Batch::new(vec![Vector::flat(Slice::copy_of(&values))], values.len()).unwrap()
}

fn on_numbers(kind: JoinKind) -> JoinSpec {
    JoinSpec {
        kind,
        left_types: vec![DataType::Int64],
        right_types: vec![DataType::Int64],
        left_keys: vec![0],
        right_keys: vec![0],
        residual: None,
        output: None,
    }
}

#[test]
fn dense_sparse_and_repeated_integers_find_their_rows() {
    for kind in [JoinKind::Inner, JoinKind::Left, JoinKind::Semi, JoinKind::Anti] {
        let left = [numbers([i64::MIN, -5, 0, 3, 3, 900, i64::MAX])];
        for right in [
            vec![numbers(-3..1000)],
            vec![numbers((0..500).map(|n| n / 2)), numbers([3])],
            vec![numbers([i64::MIN, 3, i64::MAX]), numbers([3])],
            vec![numbers([])],
        ] {
            check(on_numbers(kind), &left, std::slice::from_ref(&right));
            check(on_numbers(kind), &left, &right.into_iter().map(|b| vec![b]).collect::<Vec<_>>());
        }
    }
}

#[test]
fn many_matches_come_in_slices() {
    let right = [vec![numbers([1; 5000])]];
    check(on_numbers(JoinKind::Inner), &[numbers([1, 2, 1])], &right);
    check(on_numbers(JoinKind::Left), &[numbers([1, 2, 1])], &right);
}

#[test]
fn a_finished_build_offers_bounds_and_values_of_its_keys() {
    let shared = JoinShared::new(on_numbers(JoinKind::Inner), &Budget::unlimited()).unwrap();
    let mut sink = JoinBuildSink::new(shared.clone()).unwrap();
    fill(&mut sink, &[numbers([7, -2, 7, 40])]).unwrap();
    assert!(shared.key_bounds().is_none());
    shared.finish().unwrap();
    let integer = Scalar::Integer;
    assert_eq!(shared.key_bounds(), Some(vec![Some((integer(-2), integer(40)))]));
    assert_eq!(shared.key_values(0), Some(vec![integer(-2), integer(7), integer(40)]));
    assert_eq!(shared.build_rows(), Some(4));
}
