//! Sorts against a comparison of cells.

use std::cmp::Ordering;
use std::sync::Arc;
use std::task::Waker;

use half::f16;
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::{Bitmap, Buffer, Slice};
use millwork_format::batch::{Batch, Origin};
use millwork_format::selection::Selection;
use millwork_format::types::{DataType, Field};
use millwork_format::vector::{Cell, Data, Vector, Views};

use super::rows::Place;
use super::*;
use crate::error::Result;
use crate::operator::tests::{batch, drain, rows};
use crate::pipeline::{Context, Sink, SinkAnswer};
use crate::row::tests::{Random, kinds, order, text};
use crate::value::Scalar;

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
            (a, b) if key.descending => order(b, a),
            (a, b) => order(a, b),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

/// Pushes `batches` as lane `lane`, as a driver does: polling while the sink is blocked.
fn fill(sink: &mut SortSink, lane: usize, batches: &[Batch]) -> Result<()> {
    fill_those(sink, lane, batches, &mut Batch::clone)
}

/// The same, each batch as `still_of_use` leaves it when its turn has come.
fn fill_those(
    sink: &mut SortSink,
    lane: usize,
    batches: &[Batch],
    still_of_use: &mut dyn FnMut(&Batch) -> Batch,
) -> Result<()> {
    let budget = Budget::unlimited();
    let mut context = Context { waker: Waker::noop(), budget: &budget, lane };
    for batch in batches {
        let batch = still_of_use(batch);
        let mut answer = sink.push(batch.clone(), &mut context)?;
        while answer == SinkAnswer::Blocked {
            answer = sink.poll(&mut context)?;
        }
        if answer == SinkAnswer::Done {
            break;
        }
    }
    while sink.combine(&mut context)? != SinkAnswer::Done {}
    Ok(())
}

/// The selected rows of `lanes` in the order that `spec` asks for: equal ones by origin, then lane,
/// then as they come.
fn oracle(spec: &SortSpec, lanes: &[Vec<Batch>]) -> Vec<Vec<String>> {
    let mut all: Vec<(Place, &Batch, usize)> = Vec::new();
    for (lane, batches) in lanes.iter().enumerate() {
        for batch in batches {
            let place = Place { origin: batch.origin(), lane };
            all.extend(batch.selection().rows().iter().map(|row| (place, batch, *row as usize)));
        }
    }
    all.sort_by(|a, b| {
        compare_rows(&spec.keys, (a.1, a.2), (b.1, b.2)).then_with(|| a.0.cmp(&b.0))
    });
    let limit = spec.limit.map_or(usize::MAX, |limit| limit as usize);
    let wanted = all.into_iter().skip(spec.offset as usize).take(limit);
    wanted
        .map(|(_, batch, row)| batch.columns().iter().map(|c| text(c.cell(row))).collect())
        .collect()
}

/// Whether rows that a limit cannot use reach the sort all the same.
#[derive(Clone, Copy, PartialEq)]
enum Useless {
    Come,
    AreLeftOut,
}

fn check(spec: &SortSpec, lanes: &[Vec<Batch>]) {
    check_with(spec, lanes, Useless::Come);
    check_with(spec, lanes, Useless::AreLeftOut);
}

fn check_with(spec: &SortSpec, lanes: &[Vec<Batch>], useless: Useless) {
    let budget = Budget::unlimited();
    let shared = SortShared::new(spec.clone(), &budget).unwrap();
    let filter = shared.filter().filter(|_| useless == Useless::AreLeftOut);
    // Lanes combine in any order.
    for (lane, batches) in lanes.iter().enumerate().rev() {
        let mut test = filter.clone().map(|(filter, column)| (filter.row_test(), column));
        let mut still_of_use = |batch: &Batch| match &mut test {
            None => batch.clone(),
            Some((test, column)) => {
                let kept = test.keep(&batch.columns()[*column], batch.selection()).unwrap();
                batch.clone().with_selection(kept).unwrap()
            }
        };
        let mut sink = SortSink::new(shared.clone()).unwrap();
        fill_those(&mut sink, lane, batches, &mut still_of_use).unwrap();
    }
    drop(filter);
    let batches = drain(&mut SortSource::new(shared.clone())).unwrap();
    assert!(batches.iter().all(|batch| batch.rows() <= 2048));
    let found: Vec<Vec<String>> = batches.iter().flat_map(rows).collect();
    drop(batches);
    let expected = oracle(spec, lanes);
    assert_eq!(found.len(), expected.len(), "{spec:?}");
    for (row, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert_eq!(found, expected, "row {row} of {spec:?}");
    }
    drop(shared);
    assert_eq!(budget.reserved(), 0);
}

/// All types but those that [`kinds`] has already, as rows of a batch.
fn other_types() -> Vec<DataType> {
    vec![
        DataType::Int16,
        DataType::UInt8,
        DataType::UInt16,
        DataType::UInt32,
        DataType::Float16,
        DataType::Fixed(5),
        DataType::Int96,
        DataType::SignedInterval,
        DataType::Uuid,
        DataType::Struct(Arc::from([Field::nullable("a", DataType::Int32)])),
    ]
}

fn other_batch(random: &mut Random, rows: usize, range: usize) -> Batch {
    let validity = |random: &mut Random| {
        (random.below(2) == 0).then(|| {
            Bitmap::from_bools(&(0..rows).map(|_| random.below(4) > 0).collect::<Vec<_>>())
        })
    };
    let bytes = |random: &mut Random, width: usize| {
        let bytes: Vec<u8> =
            (0..rows * width).map(|_| random.below(range.min(200)) as u8).collect();
        Data::Fixed { width_bytes: width, bytes: Buffer::scratch_copy_of(&bytes).unwrap() }
    };
    macro_rules! numbers {
        ($random:expr, $native:ty) => {
            Slice::copy_of(&(0..rows).map(|_| $random.below(range) as $native).collect::<Vec<_>>())
        };
    }
    let halves: Vec<u16> =
        (0..rows).map(|_| f16::from_f64(random.below(range) as f64 - 3.0).to_bits()).collect();
    let child = Vector::flat(numbers!(random, i32)).with_validity(validity(random)).unwrap();
    let data = [
        Data::Int16(numbers!(random, i16)),
        Data::UInt8(numbers!(random, u8)),
        Data::UInt16(numbers!(random, u16)),
        Data::UInt32(numbers!(random, u32)),
        Data::Float16(Slice::copy_of(&halves)),
        bytes(random, 5),
        bytes(random, 12),
        bytes(random, 16),
        bytes(random, 16),
        Data::Struct(vec![child].into()),
    ];
    let columns: Vec<Vector> =
        data.into_iter().map(|data| Vector::new(data, validity(random), rows).unwrap()).collect();
    Batch::new(columns, rows).unwrap()
}

/// `batches` spread over lanes, with origins that ascend in a file but not always in a lane.
fn spread(random: &mut Random, batches: Vec<Batch>, lanes: usize) -> Vec<Vec<Batch>> {
    let mut spread = vec![Vec::new(); lanes];
    let kind = random.below(3);
    for (index, batch) in batches.into_iter().enumerate() {
        let origin =
            Origin { file: 0, row_group: index as u32 / 4, morsel: 0, first_row: index as u64 };
        let batch = batch.with_origin((kind > 0).then_some(origin));
        let lane = &mut spread[random.below(lanes)];
        let place = if kind == 2 { random.below(lane.len() + 1) } else { lane.len() };
        lane.insert(place, batch);
    }
    spread
}

fn random_keys(random: &mut Random, columns: usize) -> Vec<SortKey> {
    (0..1 + random.below(3))
        .map(|_| SortKey {
            column: random.below(columns),
            descending: random.below(2) == 0,
            nulls_first: random.below(2) == 0,
        })
        .collect()
}

#[test]
fn sorts_equal_a_comparison_of_cells() {
    let mut random = Random::new(31);
    let (types, others) = (kinds(), other_types());
    for round in 0..160 {
        let is_other = round % 4 == 0;
        let types = if is_other { &others } else { &types };
        // Int96 and intervals are no cells that compare.
        let keys = random_keys(&mut random, if is_other { 6 } else { types.len() });
        let spec = SortSpec {
            keys,
            types: types.clone(),
            limit: (round % 2 == 0).then(|| [0, 1, 10, 3000][random.below(4)]),
            offset: [0, 0, 5, 2100][random.below(4)],
        };
        let size = [1, 7, 1000][random.below(3)];
        let range = [3, 9, 5000][random.below(3)];
        let batches = (0..random.below(18))
            .map(|_| match is_other {
                true => other_batch(&mut random, size, range),
                false => batch(&mut random, types, size, range),
            })
            .collect();
        let lanes = 1 + random.below(3);
        let lanes = spread(&mut random, batches, lanes);
        check(&spec, &lanes);
    }
}

/// Rows of one column of integers, batch by batch.
fn integers(numbers: impl Iterator<Item = i64>, per_batch: usize) -> Vec<Batch> {
    let numbers: Vec<i64> = numbers.collect();
    let batch = |(index, part): (usize, &[i64])| {
        let origin =
            Origin { file: 0, row_group: 0, morsel: 0, first_row: (index * per_batch) as u64 };
        let row_numbers: Vec<i64> = (0..part.len() as i64).map(|row| row + index as i64).collect();
        let columns = [part, &row_numbers].map(|part| Vector::flat(Slice::copy_of(part)));
        Batch::new(columns, part.len()).unwrap().with_origin(Some(origin))
    };
    numbers.chunks(per_batch).enumerate().map(batch).collect()
}

fn by_first(descending: bool, limit: Option<u64>, offset: u64) -> SortSpec {
    let types = vec![DataType::Int64; 2];
    let keys = vec![SortKey { column: 0, descending, nulls_first: false }];
    SortSpec { keys, types, limit, offset }
}

#[test]
fn runs_of_many_steps_are_sorted_and_merged() {
    let mut random = Random::new(5);
    for (rows, range) in [(32_768, 10), (32_769, 1 << 40), (100_000, 50_000), (140_001, 3)] {
        for (limit, offset) in [(None, 0), (Some(40_000), 0), (Some(7), 60_000)] {
            let numbers: Vec<i64> = (0..rows).map(|_| random.below(range) as i64).collect();
            let batches = integers(numbers.into_iter(), 2048);
            let lanes = 1 + random.below(3);
            let lanes = spread(&mut random, batches, lanes);
            check(&by_first(rows % 2 == 0, limit, offset), &lanes);
        }
    }
}

#[test]
fn long_keys_with_the_same_start_are_compared_to_the_end() {
    let mut random = Random::new(8);
    let types = vec![DataType::Utf8, DataType::Int128];
    for keys in [vec![0], vec![1, 0], vec![0, 1]] {
        let strings: Vec<String> = (0..40_000)
            .map(|_| {
                format!("the same for all of them {:08}{}", random.below(900), random.below(9))
            })
            .collect();
        let numbers: Vec<i128> =
            (0..40_000).map(|_| (random.below(3) as i128) << (8 * random.below(15))).collect();
        let batches = (0..20).map(|part| {
            let rows = part * 2000..(part + 1) * 2000;
            let strings = Views::copy_of(&strings[rows.clone()]).unwrap();
            let strings = Vector::new(Data::Views(strings), None, 2000).unwrap();
            let numbers = Vector::flat(Slice::copy_of(&numbers[rows]));
            Batch::new([strings, numbers], 2000).unwrap()
        });
        let lanes = spread(&mut random, batches.collect(), 2);
        let key = |column| SortKey { column, descending: column == 1, nulls_first: false };
        let keys = keys.into_iter().map(key).collect();
        check(&SortSpec { keys, types: types.clone(), limit: None, offset: 0 }, &lanes);
    }
}

#[test]
fn many_rows_that_are_equal_in_their_first_bytes_are_told_apart_by_later_ones() {
    let mut random = Random::new(12);
    // A few rows differ from all others in places so far apart that it takes many looks.
    let strings: Vec<String> = (0..40_000)
        .map(|row| {
            let mut string = "a".repeat(120) + &random.below(5000).to_string();
            if row % 2000 == 7 {
                let place = row / 2000 * 20 % 120;
                string.replace_range(place..place + 1, ["A", "b"][random.below(2)]);
            }
            string
        })
        .collect();
    let numbers: Vec<i64> = (0..40_000).collect();
    let batches: Vec<Batch> = (0..20)
        .map(|part| {
            let rows = part * 2000..(part + 1) * 2000;
            let strings = Views::copy_of(&strings[rows.clone()]).unwrap();
            let strings = Vector::new(Data::Views(strings), None, 2000).unwrap();
            Batch::new([strings, Vector::flat(Slice::copy_of(&numbers[rows]))], 2000).unwrap()
        })
        .collect();
    for descending in [false, true] {
        let keys = vec![SortKey { column: 0, descending, nulls_first: true }];
        let types = vec![DataType::Utf8, DataType::Int64];
        let spec = SortSpec { keys, types, limit: None, offset: 0 };
        check(&spec, std::slice::from_ref(&batches));
    }
}

#[test]
fn dead_rows_do_not_pile_up() {
    // Each row is better than all before it, so that none is left out when it comes.
    let spec = by_first(true, Some(1000), 0);
    let budget = Budget::unlimited();
    let shared = SortShared::new(spec.clone(), &budget).unwrap();
    let batches = integers(0..400_000, 2048);
    fill(&mut SortSink::new(shared.clone()).unwrap(), 0, &batches).unwrap();
    // Rows of 26 bytes, at most 3,048 kept, a batch, and 1,000 copies; 40 bytes each while they are
    // sorted; pages grow by halves.
    assert!(budget.peak() < 8000 * 2 * (26 + 40), "{}", budget.peak());
    let found: Vec<_> =
        drain(&mut SortSource::new(shared)).unwrap().iter().flat_map(rows).collect();
    assert_eq!(found, oracle(&spec, &[batches]));
    assert_eq!(budget.reserved(), 0);
}

#[test]
fn the_budget_counts_rows_strings_and_order_and_refuses() {
    let types = vec![DataType::Utf8, DataType::Int64];
    let key = SortKey { column: 1, descending: false, nulls_first: false };
    let spec = SortSpec { keys: vec![key], types, limit: None, offset: 0 };
    let batches: Vec<Batch> = (0..40)
        .map(|part| {
            let strings =
                (0..2000).map(|row| format!("a string of thirty bytes {part:02}{row:04}"));
            let strings = Views::copy_of(strings).unwrap();
            let strings = Vector::new(Data::Views(strings), None, 2000).unwrap();
            let numbers: Vec<i64> = (0..2000).map(|row| row * 7919 % 2000).collect();
            Batch::new([strings, Vector::flat(Slice::copy_of(&numbers))], 2000).unwrap()
        })
        .collect();
    // A row is 34 bytes and a string of 31; two lists of pairs are 32, ids 4.
    let least = 80_000 * (34 + 31 + 32 + 4);
    let budget = Budget::unlimited();
    let shared = SortShared::new(spec.clone(), &budget).unwrap();
    fill(&mut SortSink::new(shared.clone()).unwrap(), 0, &batches).unwrap();
    assert!(budget.peak() >= least && budget.peak() < least * 3 / 2, "{}", budget.peak());
    let held = budget.reserved();
    assert!(held >= 80_000 * (34 + 31 + 4), "{held}");
    drop(SortSource::new(shared.clone()));
    drop(shared);
    assert_eq!(budget.reserved(), 0);
    for limit_bytes in [50_000, 1_000_000, least - 1] {
        let budget = Budget::new(limit_bytes);
        let shared = SortShared::new(spec.clone(), &budget).unwrap();
        let mut sink = SortSink::new(shared.clone()).unwrap();
        let refused = fill(&mut sink, 0, &batches).unwrap_err();
        assert!(refused.to_string().contains("sort"), "{refused}");
        drop((sink, shared));
        assert_eq!(budget.reserved(), 0);
    }
}

#[test]
fn strings_with_zero_bytes_order_as_bytes() {
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
    fill(&mut sink, 0, &batches).unwrap();
    // It was found when a batch's worth of rows was there.
    let mut first = numbers[..4000].to_vec();
    first.sort_unstable();
    assert_eq!(shared.threshold(), Some(Scalar::Integer(first[9].into())));
    // So are rows behind it left out.
    let (filter, column) = shared.filter().unwrap();
    assert_eq!((filter.version() > 0, column), (true, 0));
    let more = Vector::flat(Slice::copy_of(&[first[9], 1 << 20, -1, first[9] + 1]));
    let kept = filter.row_test().keep(&more, &Selection::All(4)).unwrap();
    assert_eq!(&kept.rows()[..], [0, 2]);
}
