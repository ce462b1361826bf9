//! Bounds over types, orders and writers; verdicts against every row of small columns; and every
//! statistic of the corpus against the values it is about.

#![allow(clippy::single_range_in_vec_init, reason = "lists of ranges of rows are meant")]

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use std::cmp::Ordering;

use super::*;
use crate::WideDecimal;
use crate::limits::Limits;
use crate::metadata::created_by::Writer;
use crate::metadata::{
    ColumnIndex, ColumnOrder, ConvertedType, LogicalType, OffsetIndex, PhysicalType, Repetition,
    SchemaElement, Statistics,
};

mod corpus;
mod writers;

/// Whom nothing is known of.
const NOBODY: Writer<'static> = Writer { application: "", version: None };

/// An optional leaf of TYPE_DEFINED order.
fn leaf(physical: PhysicalType, length: i32, change: impl FnOnce(&mut SchemaElement)) -> Leaf {
    let root = SchemaElement {
        name: "root".into(),
        physical_type: None,
        type_length: None,
        repetition: None,
        num_children: Some(1),
        converted_type: None,
        scale: None,
        precision: None,
        field_id: None,
        logical_type: None,
    };
    let mut element = SchemaElement {
        name: "x".into(),
        physical_type: Some(physical),
        type_length: Some(length),
        repetition: Some(Repetition::Optional),
        num_children: None,
        ..root.clone()
    };
    change(&mut element);
    let schema = Schema::new(&[root, element], &Limits::standard()).unwrap();
    let column_order = Some(ColumnOrder::TypeDefined);
    Leaf { column_order, ..schema.leaves()[0].clone() }
}

fn plain(physical: PhysicalType, length: i32) -> Leaf {
    leaf(physical, length, |_| ())
}

fn converted(physical: PhysicalType, converted: ConvertedType) -> Leaf {
    leaf(physical, 0, |element| element.converted_type = Some(converted))
}

fn logical(physical: PhysicalType, length: i32, logical: LogicalType) -> Leaf {
    leaf(physical, length, |element| element.logical_type = Some(logical))
}

const DECIMAL: LogicalType = LogicalType::Decimal { scale: 2, precision: 9 };

fn modern<'a>(min: &'a [u8], max: &'a [u8]) -> Statistics<'a> {
    Statistics { min_value: Some(min), max_value: Some(max), ..Statistics::default() }
}

fn legacy<'a>(min: &'a [u8], max: &'a [u8]) -> Statistics<'a> {
    Statistics { legacy_min: Some(min), legacy_max: Some(max), ..Statistics::default() }
}

/// The bounds of 10 rows by a writer without known faults.
fn sound(leaf: &Leaf, statistics: &Statistics<'_>) -> Bounds {
    bounds(leaf, statistics, Writer::parse("parquet-cpp-arrow version 26.0.0"), 10)
}

use PhysicalType as P;
use PruneValue::{Boolean, Bytes, Float, Integer};

fn int(value: i128) -> Option<PruneValue> {
    Some(Integer(value))
}

fn text(value: &[u8]) -> Option<PruneValue> {
    Some(Bytes(value.to_vec()))
}

#[test]
fn bounds_are_decoded_by_type() {
    let i32s = [(-3i32).to_le_bytes(), 7i32.to_le_bytes()];
    let i64s = [(-3i64).to_le_bytes(), 7i64.to_le_bytes()];
    let none = (None, None);
    let (flba, bytes) = (P::FixedLenByteArray, P::ByteArray);
    let uint = |bits| LogicalType::Integer { bits, signed: false };
    let wide = |physical, length| {
        logical(physical, length, LogicalType::Decimal { scale: 0, precision: 60 })
    };
    let ordered = |bytes: &[u8]| WideDecimal::from_big_endian(bytes, 0).unwrap().ordered();
    let table: Vec<(Leaf, &[u8], &[u8], _)> = vec![
        (plain(P::Boolean, 0), &[0], &[1], (Some(Boolean(false)), Some(Boolean(true)))),
        (plain(P::Boolean, 0), &[0], &[2], none.clone()),
        (plain(P::Int32, 0), &i32s[0], &i32s[1], (int(-3), int(7))),
        (plain(P::Int32, 0), &i32s[1], &i32s[0], none.clone()),
        (plain(P::Int32, 0), &i64s[0], &i32s[1], none.clone()),
        (plain(P::Int32, 0), &[], &[], none.clone()),
        (plain(P::Int64, 0), &i64s[0], &i64s[1], (int(-3), int(7))),
        (plain(P::Int96, 0), &[0; 12], &[0; 12], none.clone()),
        (converted(P::Int32, ConvertedType::Date), &i32s[0], &i32s[1], (int(-3), int(7))),
        (
            converted(P::Int64, ConvertedType::TimestampMicros),
            &i64s[0],
            &i64s[1],
            (int(-3), int(7)),
        ),
        // As unsigned numbers -3 is large.
        (logical(P::Int32, 0, uint(32)), &i32s[1], &i32s[0], (int(7), int(0xffff_fffd))),
        (logical(P::Int32, 0, uint(32)), &i32s[0], &i32s[1], none.clone()),
        (logical(P::Int64, 0, uint(64)), &i64s[1], &i64s[0], (int(7), int(0xffff_ffff_ffff_fffd))),
        (logical(P::Int32, 0, uint(8)), &i32s[1], &[0, 1, 0, 0], none.clone()),
        (converted(P::Int32, ConvertedType::Int8), &i32s[0], &[0, 1, 0, 0], none.clone()),
        // An annotation that does not fit may have an order of its own.
        (logical(P::Int64, 0, uint(8)), &i64s[0], &i64s[1], none.clone()),
        (logical(bytes, 0, LogicalType::Other(77)), b"a", b"b", none.clone()),
        // As vectors have them: they order as bytes.
        (
            wide(bytes, 0),
            &[0xff, 0x00],
            &[2],
            (text(&ordered(&[0xff, 0x00])), text(&ordered(&[2]))),
        ),
        (wide(flba, 2), &[0xff, 0x00], &[0, 2], {
            (text(&ordered(&[0xff, 0x00])), text(&ordered(&[2])))
        }),
        (wide(flba, 2), &[0xff], &[0, 2], none.clone()),
        (wide(bytes, 0), &[0x40; 33], &[2], none.clone()),
        (plain(bytes, 0), b"", b"\xff", (text(b""), text(b"\xff"))),
        (plain(bytes, 0), b"\x7f", b"\x80", (text(b"\x7f"), text(b"\x80"))),
        (logical(bytes, 0, LogicalType::String), b"a", b"b", (text(b"a"), text(b"b"))),
        (logical(bytes, 0, LogicalType::Geometry { crs: None }), b"a", b"b", none.clone()),
        (plain(flba, 2), b"ab", b"ac", (text(b"ab"), text(b"ac"))),
        (plain(flba, 2), b"a", b"b", (text(b"a"), text(b"b"))),
        (plain(flba, 2), b"", b"abc", none.clone()),
        (logical(flba, 16, LogicalType::Uuid), &[0; 16], &[255; 16], {
            (text(&[0; 16]), text(&[255; 16]))
        }),
        (
            leaf(flba, 12, |element| element.converted_type = Some(ConvertedType::Interval)),
            &[0; 12],
            &[1; 12],
            none.clone(),
        ),
        (logical(P::Int32, 0, DECIMAL), &i32s[0], &i32s[1], (int(-3), int(7))),
        (logical(bytes, 0, DECIMAL), &[0xff, 0x00], &[7], (int(-256), int(7))),
        (logical(bytes, 0, DECIMAL), &[], &[7], none.clone()),
        (logical(flba, 3, DECIMAL), &[0xff, 0xff, 0xfd], &[0, 0, 7], (int(-3), int(7))),
        (logical(flba, 3, DECIMAL), &[0xfd], &[0, 0, 7], none.clone()),
        (logical(flba, 17, DECIMAL), &[0xff; 17], &[0; 17], (int(-1), int(0))),
        // Beyond 128 bits.
        (
            logical(bytes, 0, DECIMAL),
            &[0x80; 17],
            &[0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            none,
        ),
    ];
    for (leaf, min, max, expected) in table {
        let found = sound(&leaf, &modern(min, max));
        assert_eq!((found.min, found.max), expected, "{:?} {min:?} {max:?}", leaf.data_type);
    }
}

#[test]
fn floats_have_two_zeros_and_nan() {
    let nan = f64::NAN.to_le_bytes();
    let zeros = [0.0f64, -0.0].map(f64::to_le_bytes);
    let ends = [-1.5f64, 2.5].map(f64::to_le_bytes);
    let double = plain(P::Double, 0);
    for order in [ColumnOrder::TypeDefined, ColumnOrder::Ieee754TotalOrder] {
        let double = Leaf { column_order: Some(order), ..double.clone() };
        let found = sound(&double, &modern(&ends[0], &ends[1]));
        assert_eq!((found.min, found.max), (Some(Float(-1.5)), Some(Float(2.5))));
        assert!(found.may_have_nan && found.min_is_exact && found.max_is_exact);
        for pair in [(&ends[0], &nan), (&nan, &ends[1]), (&nan, &nan)] {
            let found = sound(&double, &modern(pair.0, pair.1));
            assert_eq!((found.min, found.max), (None, None));
        }
        let found = sound(&double, &modern(&zeros[0], &zeros[1]));
        let (Some(Float(min)), Some(Float(max))) = (found.min, found.max) else { panic!() };
        assert!(min.is_sign_negative() && max.is_sign_positive());
        assert!(!found.min_is_exact && !found.max_is_exact);
        let counted = Statistics { nan_count: Some(0), ..modern(&ends[0], &ends[1]) };
        assert!(!sound(&double, &counted).may_have_nan);
    }
    let half = logical(P::FixedLenByteArray, 2, LogicalType::Float16);
    let found = sound(&half, &modern(&[0x00, 0xc0], &[0x00, 0x40]));
    assert_eq!((found.min, found.max), (Some(Float(-2.0)), Some(Float(2.0))));
    let single = plain(P::Float, 0);
    let found = sound(&single, &modern(&0.1f32.to_le_bytes(), &ends[1]));
    assert_eq!((found.min, found.max), (None, None));
    let found = sound(&single, &modern(&0.1f32.to_le_bytes(), &2.5f32.to_le_bytes()));
    assert_eq!((found.min, found.max), (Some(Float(f64::from(0.1f32))), Some(Float(2.5))));
    // Greater than all numbers, in some languages, is NaN.
    let above = Test::Compare { comparison: Comparison::Greater, value: Float(9.0) };
    assert!(may_match(&above, &sound(&double, &modern(&ends[0], &ends[1]))));
}

#[test]
fn orders_that_are_unknown_prove_nothing() {
    let bytes = [1i32, 2].map(i32::to_le_bytes);
    for (order, known) in [
        (None, false),
        (Some(ColumnOrder::Unknown), false),
        (Some(ColumnOrder::Int96Timestamp), false),
        (Some(ColumnOrder::Ieee754TotalOrder), false),
        (Some(ColumnOrder::TypeDefined), true),
    ] {
        let leaf = Leaf { column_order: order, ..plain(P::Int32, 0) };
        let counted = Statistics { null_count: Some(3), ..modern(&bytes[0], &bytes[1]) };
        let found = sound(&leaf, &counted);
        assert_eq!((found.min.is_some(), found.max.is_some()), (known, known), "{order:?}");
        assert_eq!(found.null_count, Some(3), "counts have no order");
    }
}

#[test]
fn instants_of_int96_have_an_order_of_their_own() {
    let instant = |day: i32, nanos: u64| [&nanos.to_le_bytes()[..], &day.to_le_bytes()].concat();
    let int96 = |order| Leaf { column_order: order, ..plain(P::Int96, 0) };
    // One nanosecond before 1970, and an hour behind its second day.
    let (min, max) =
        (instant(2_440_587, 86_399_999_999_999), instant(2_440_589, 3_600_000_000_000));
    let found = sound(&int96(Some(ColumnOrder::Int96Timestamp)), &modern(&min, &max));
    assert_eq!((found.min.clone(), found.max.clone()), (int(-1), int(90_000_000_000_000)));
    let below = |value| Test::Compare { comparison: Comparison::Less, value: Integer(value) };
    assert!(!may_match(&below(-1), &found) && may_match(&below(0), &found));
    for order in [None, Some(ColumnOrder::TypeDefined), Some(ColumnOrder::Ieee754TotalOrder)] {
        let found = sound(&int96(order), &modern(&min, &max));
        assert_eq!((found.min, found.max), (None, None), "{order:?}");
    }
    // A time of day that no day has, and bytes that are too few.
    let order = int96(Some(ColumnOrder::Int96Timestamp));
    let found = sound(&order, &modern(&instant(0, 86_400_000_000_000), &max[..11]));
    assert_eq!((found.min, found.max), (None, None));
}

#[test]
fn the_deprecated_bounds_are_used_where_they_were_right() {
    let mr = |version| format!("parquet-mr version {version} (build abc)");
    let (one, two) = (1i32.to_le_bytes(), 2i32.to_le_bytes());
    let unsigned = logical(P::Int32, 0, LogicalType::Integer { bits: 32, signed: false });
    let string = logical(P::ByteArray, 0, LogicalType::String);
    let fixed_decimal = logical(P::FixedLenByteArray, 1, DECIMAL);
    let table = [
        (plain(P::Int32, 0), one.as_slice(), two.as_slice(), mr("1.6.0"), true),
        (plain(P::Int32, 0), &one, &two, String::new(), true),
        (unsigned.clone(), &one, &two, mr("1.10.0"), false),
        (unsigned, &one, &one, mr("1.10.0"), true),
        (string.clone(), b"a", b"b", mr("1.10.0"), false),
        (string.clone(), b"a", b"a", mr("1.8.0"), true),
        // PARQUET-251.
        (string.clone(), b"a", b"a", mr("1.7.0"), false),
        (string.clone(), b"a", b"a", "parquet-mr".to_string(), false),
        (string.clone(), b"a", b"a", String::new(), false),
        (string.clone(), b"a", b"a", "parquet-mr\tversion 1.7.0".to_string(), false),
        (string.clone(), b"a", b"a", "parquet-mr_(build 1a".to_string(), false),
        (string.clone(), b"a", b"a", "parquet-mr version (build 1a)".to_string(), false),
        (string, b"a", b"a", "impala version 2.0".to_string(), true),
        (fixed_decimal, &[1], &[2], mr("1.10.0"), false),
        (plain(P::Int96, 0), &[0; 12], &[0; 12], mr("1.10.0"), false),
    ];
    for (leaf, min, max, created_by, used) in table {
        // The order of `min_value` has nothing to do with it.
        let leaf = Leaf { column_order: None, ..leaf };
        let found = bounds(&leaf, &legacy(min, max), Writer::parse(&created_by), 10);
        let shown = format!("{:?} {created_by}", leaf.data_type);
        assert_eq!((found.min.is_some(), found.max.is_some()), (used, used), "{shown}");
    }
    let both = Statistics { legacy_min: Some(&one), ..modern(&two, &two) };
    assert_eq!(sound(&plain(P::Int32, 0), &both).min, int(2));
    let half = Statistics { legacy_min: Some(&one), ..Statistics::default() };
    assert_eq!(sound(&plain(P::Int32, 0), &half).min, None);
}

#[test]
fn cut_bounds_are_bounds_but_not_values() {
    let string = logical(P::ByteArray, 0, LogicalType::String);
    for (flag, exact) in [(None, false), (Some(false), false), (Some(true), true)] {
        let statistics = Statistics {
            is_min_value_exact: flag,
            is_max_value_exact: flag,
            ..modern(b"Bl", b"Kf")
        };
        let found = sound(&string, &statistics);
        assert_eq!((found.min.clone(), found.max.clone()), (text(b"Bl"), text(b"Kf")));
        assert_eq!((found.min_is_exact, found.max_is_exact), (exact, exact));
        let equals = |value: &[u8]| Test::In([Bytes(value.to_vec())].into_iter().collect());
        assert!(may_match(&equals(b"Blart Versenwald III"), &found));
        assert!(!may_match(&equals(b"Alice"), &found));
    }
    // Cutting a number leaves another number.
    let decimal = logical(P::ByteArray, 0, DECIMAL);
    let cut = Statistics { is_max_value_exact: Some(false), ..modern(&[1], &[2]) };
    assert_eq!((sound(&decimal, &cut).min, sound(&decimal, &cut).max), (int(1), None));
}

/// PARQUET-1655.
#[test]
fn decimals_that_were_compared_as_bytes_have_no_bounds() {
    let decimal = logical(P::FixedLenByteArray, 1, DECIMAL);
    let table = [
        ("parquet-cpp version 1.5.1-SNAPSHOT", false),
        ("parquet-cpp-arrow version 3.0.0", false),
        ("parquet-cpp-arrow", false),
        ("parquet-cpp-arrow version 4.0.0", true),
        ("parquet-mr version 1.8.0", true),
    ];
    for (writer, used) in table {
        let writer_of = Writer::parse(writer);
        assert_eq!(
            bounds(&decimal, &modern(&[1], &[2]), writer_of, 10).min.is_some(),
            used,
            "{writer}"
        );
        assert!(bounds(&decimal, &modern(&[1], &[1]), writer_of, 10).min.is_some(), "{writer}");
        let number = logical(P::Int32, 0, DECIMAL);
        let found = bounds(&number, &modern(&[1, 0, 0, 0], &[2, 0, 0, 0]), writer_of, 10);
        assert!(found.min.is_some(), "{writer}");
    }
}

/// The flag may say so, or the name of the writer: a stranger may round numbers as others cut text.
#[test]
fn numbers_are_exact_where_somebody_says_so() {
    let (one, two) = (1i32.to_le_bytes(), 2i32.to_le_bytes());
    let of = |flag: Option<bool>, writer: &str| {
        let statistics =
            Statistics { is_min_value_exact: flag, is_max_value_exact: flag, ..modern(&one, &two) };
        let found = bounds(&plain(P::Int32, 0), &statistics, Writer::parse(writer), 10);
        assert_eq!(found.min_is_exact, found.max_is_exact);
        found.min_is_exact
    };
    let known = ["parquet-mr version 1.15.2", "DuckDB version v1.4", "Polars", "parquet-cpp-arrow"];
    for writer in known {
        assert!(of(None, writer) && of(Some(true), writer) && !of(Some(false), writer), "{writer}");
    }
    for writer in ["", "somebody version 1.0.0", "polar"] {
        assert!(
            !of(None, writer) && of(Some(true), writer) && !of(Some(false), writer),
            "{writer}"
        );
    }
}

#[test]
fn counts_of_nulls_are_believed_only_if_possible() {
    let optional = plain(P::Int32, 0);
    let required = leaf(P::Int32, 0, |element| element.repetition = Some(Repetition::Required));
    let table = [
        (&optional, None, None),
        (&optional, Some(4), Some(4)),
        (&optional, Some(10), Some(10)),
        (&optional, Some(11), None),
        (&required, None, Some(0)),
        (&required, Some(4), Some(0)),
    ];
    for (leaf, claimed, expected) in table {
        let statistics = Statistics { null_count: claimed, ..Statistics::default() };
        assert_eq!(sound(leaf, &statistics).null_count, expected);
    }
    // Where there is a bound, not all are null.
    let value = 7i32.to_le_bytes();
    for bounds in [modern(&value, &value), legacy(&value, &value)] {
        for (claimed, expected) in [(9, Some(9)), (10, None)] {
            let statistics = Statistics { null_count: Some(claimed), ..bounds };
            assert_eq!(sound(&optional, &statistics).null_count, expected);
        }
    }
}

fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn one_in(count: u64, state: &mut u64) -> bool {
    next(state).is_multiple_of(count)
}

const COMPARISONS: [Comparison; 6] = [
    Comparison::Equal,
    Comparison::NotEqual,
    Comparison::Less,
    Comparison::LessOrEqual,
    Comparison::Greater,
    Comparison::GreaterOrEqual,
];

fn holds(comparison: Comparison, order: Option<Ordering>) -> bool {
    order.map_or(comparison == Comparison::NotEqual, |order| comparison.holds(order))
}

/// The order that puts NaN behind all numbers and makes it equal to itself.
fn nan_last(own: f64, other: f64) -> Option<Ordering> {
    own.partial_cmp(&other).or_else(|| Some(own.is_nan().cmp(&other.is_nan())))
}

#[test]
fn verdicts_agree_with_every_row() {
    let numbers = [-2.0, -1.0, -0.0, 0.0, 1.0, 2.0, f64::NAN];
    let mut state = 0x9e37_79b9_7f4a_7c15;
    let (mut excluded, mut proven) = (0, 0);
    for _ in 0..20_000 {
        let rows = next(&mut state) % 4 + u64::from(!one_in(8, &mut state));
        let kinds = if one_in(2, &mut state) { 6 } else { 7 };
        let column: Vec<Option<f64>> = (0..rows)
            .map(|_| match next(&mut state) % 4 {
                0 => None,
                _ => numbers.get((next(&mut state) % kinds) as usize).copied(),
            })
            .collect();
        let known = bounds_of(&column, &mut state);
        let mut tests: Vec<(Test, Vec<bool>, Vec<bool>)> = Vec::new();
        let nulls: Vec<bool> = column.iter().map(Option::is_none).collect();
        let values: Vec<bool> = nulls.iter().map(|null| !null).collect();
        tests.push((Test::IsNull, nulls.clone(), nulls));
        tests.push((Test::IsNotNull, values.clone(), values));
        for wanted in numbers {
            for comparison in COMPARISONS {
                let ieee = passing(&column, |value| holds(comparison, value.partial_cmp(&wanted)));
                let last = passing(&column, |value| holds(comparison, nan_last(value, wanted)));
                let value = Float(wanted);
                tests.push((Test::Compare { comparison, value }, ieee, last));
            }
            let other = numbers[(next(&mut state) % 7) as usize];
            let ieee = passing(&column, |value| value == wanted || value == other);
            let last = passing(&column, |value| {
                [wanted, other].iter().any(|one| nan_last(value, *one) == Some(Ordering::Equal))
            });
            let either = [wanted, other].map(Float).into_iter().collect();
            tests.push((Test::In(either), ieee, last));
        }
        for (test, ieee, last) in tests {
            let possible = ieee.iter().chain(&last).any(|passes| *passes);
            let certain = ieee.iter().chain(&last).all(|passes| *passes);
            let (may, always) = (may_match(&test, &known), always_matches(&test, &known));
            assert!(may || !possible, "{test:?} {column:?} {known:?}");
            assert!(!always || certain, "{test:?} {column:?} {known:?}");
            excluded += usize::from(!may);
            proven += usize::from(always);
        }
    }
    assert!(excluded > 100_000 && proven > 50_000, "{excluded} {proven}: too careful");
}

fn passing(column: &[Option<f64>], passes: impl Fn(f64) -> bool) -> Vec<bool> {
    column.iter().map(|value| value.is_some_and(&passes)).collect()
}

/// True bounds, some of them wider than needed or missing.
fn bounds_of(column: &[Option<f64>], state: &mut u64) -> Bounds {
    let values: Vec<f64> = column.iter().flatten().copied().collect();
    let numbers = || values.iter().copied().filter(|value| !value.is_nan());
    let mut bound = |best: Option<f64>, wider: f64| match next(state) % 4 {
        0 => None,
        1 => best.map(|best| Float(best + wider)),
        _ => best.map(Float),
    };
    let min = bound(numbers().reduce(f64::min), -1.0);
    let max = bound(numbers().reduce(f64::max), 1.0);
    let nulls = (column.len() - values.len()) as u64;
    let has_nan = values.iter().any(|value| value.is_nan());
    Bounds {
        min,
        max,
        min_is_exact: false,
        max_is_exact: false,
        null_count: (!one_in(4, state)).then_some(nulls),
        may_have_nan: has_nan || one_in(4, state),
        row_count: column.len() as u64,
    }
}

#[test]
fn values_of_another_kind_prove_nothing() {
    let known = sound(&plain(P::Int32, 0), &modern(&1i32.to_le_bytes(), &2i32.to_le_bytes()));
    for value in [Boolean(true), Float(9.0), Bytes(vec![9])] {
        for comparison in COMPARISONS {
            let test = Test::Compare { comparison, value: value.clone() };
            assert!(may_match(&test, &known) && !always_matches(&test, &known));
        }
    }
    assert!(!may_match(&Test::In(ValueSet::from_iter([])), &known));
}

/// A column index of pages `(null page, min, max, nulls)`, written by hand in the compact protocol.
fn column_index(pages: &[(bool, &[u8], &[u8], u8)]) -> ColumnIndex {
    let count = (pages.len() as u8) << 4;
    let mut bytes = vec![0x19, count | 1];
    bytes.extend(pages.iter().map(|page| if page.0 { 1 } else { 2 }));
    let mut push_bounds = |bounds: Vec<&[u8]>| {
        bytes.extend([0x19, count | 8]);
        for bound in bounds {
            bytes.push(bound.len() as u8);
            bytes.extend(bound);
        }
    };
    push_bounds(pages.iter().map(|page| page.1).collect());
    push_bounds(pages.iter().map(|page| page.2).collect());
    bytes.extend([0x15, 0, 0x19, count | 6]);
    bytes.extend(pages.iter().map(|page| page.3 << 1));
    bytes.push(0);
    let buffer = Buffer::copy_of(&bytes, &Budget::unlimited()).unwrap();
    ColumnIndex::parse(buffer, 0, &Limits::standard()).unwrap()
}

#[test]
fn pages_are_selected_by_their_rows() {
    let le = |value: i32| value.to_le_bytes();
    let index = column_index(&[
        (false, &le(1), &le(5), 0),
        (true, &[], &[], 10),
        (false, &le(6), &le(9), 2),
        (false, &le(3), &le(30), 0),
    ]);
    let offsets = OffsetIndex { first_rows: vec![0, 10, 20, 30], ..OffsetIndex::default() };
    let leaf = plain(P::Int32, 0);
    let compare = |comparison, value| Test::Compare { comparison, value: Integer(value) };
    let less = compare(Comparison::Less, 6);
    let table: Vec<(Vec<Test>, Vec<std::ops::Range<u64>>)> = vec![
        (vec![], vec![0..40]),
        (vec![less.clone()], vec![0..10, 30..40]),
        (vec![compare(Comparison::Greater, 5)], vec![20..40]),
        (vec![compare(Comparison::Equal, 100)], vec![]),
        (vec![Test::IsNull], vec![10..30]),
        (vec![Test::IsNotNull], vec![0..10, 20..40]),
        (vec![less.clone(), compare(Comparison::Greater, 5)], vec![30..40]),
    ];
    for (tests, expected) in table {
        assert_eq!(
            page_selection(&leaf, &index, &offsets, NOBODY, 40, &tests),
            expected,
            "{tests:?}"
        );
    }
    let select = |leaf: &Leaf, first_rows: Vec<u64>, rows| {
        let offsets = OffsetIndex { first_rows, ..OffsetIndex::default() };
        page_selection(leaf, &index, &offsets, NOBODY, rows, std::slice::from_ref(&less))
    };
    let everything = std::slice::from_ref(&(0..40));
    assert_eq!(select(&leaf, vec![0, 10, 20], 40), everything, "lengths differ");
    assert_eq!(select(&leaf, vec![0, 10, 20, 40], 40), everything, "a page behind the rows");
    let repeated = Leaf { max_repetition_level: 1, ..leaf.clone() };
    let of_lists = select(&repeated, vec![0, 10, 20, 30], 40);
    assert_eq!(of_lists, [0..10, 30..40], "no value of a list on the other pages passes");
    let offsets_of_lists =
        OffsetIndex { first_rows: vec![0, 10, 20, 30], ..OffsetIndex::default() };
    let nulls = page_selection(&repeated, &index, &offsets_of_lists, NOBODY, 40, &[Test::IsNull]);
    assert_eq!(nulls, everything, "nulls in lists say nothing about rows");
    let unordered = Leaf { column_order: None, ..leaf.clone() };
    assert_eq!(select(&unordered, vec![0, 10, 20, 30], 40), [0..10, 20..40], "nulls have no order");
    assert_eq!(select(&leaf, vec![], 0), []);
    // Two nulls on a page that is said to have only nulls.
    let odd = column_index(&[(true, &[], &[], 2)]);
    assert_eq!(page_bounds(&leaf, &odd, NOBODY, 0, 10).null_count, None);
}

#[test]
fn ranges_intersect() {
    assert_eq!(intersection(&[0..5, 6..9], &[]), []);
    assert_eq!(intersection(&[0..5, 6..9, 20..21], &[4..7, 8..30]), [4..5, 6..7, 8..9, 20..21]);
}

#[test]
fn a_list_says_what_its_values_say_one_by_one() {
    let mut state = 7;
    let mut value = |kinds: u64| match next(&mut state) % kinds {
        0..5 => Integer((next(&mut state) % 9).into()),
        5 => Float(if one_in(2, &mut state) { f64::NAN } else { 1.0 }),
        _ => Bytes(vec![next(&mut state) as u8 % 4]),
    };
    let (mut excluded, mut proven) = (0, 0);
    for round in 0..20_000 {
        // Every other list is of integers alone, which are searched; the others are walked.
        let kinds = 5 + 2 * (round % 2);
        let values: Vec<PruneValue> = (0..round % 9).map(|_| value(kinds)).collect();
        let (one, other) = (value(5), value(5));
        let (min, max) =
            if one.order(&other).unwrap().is_le() { (one, other) } else { (other, one) };
        let known = Bounds {
            min: Some(min).filter(|_| round % 5 > 0),
            max: Some(max).filter(|_| round % 7 > 0),
            min_is_exact: false,
            max_is_exact: false,
            null_count: Some(0),
            may_have_nan: false,
            row_count: 1,
        };
        let equal = |value: &PruneValue| Test::Compare {
            comparison: Comparison::Equal,
            value: value.clone(),
        };
        let list = Test::In(values.iter().cloned().collect());
        let may = values.iter().any(|value| may_match(&equal(value), &known));
        let always = values.iter().any(|value| always_matches(&equal(value), &known));
        assert_eq!(may_match(&list, &known), may, "{values:?} {known:?}");
        assert_eq!(always_matches(&list, &known), always, "{values:?} {known:?}");
        excluded += usize::from(!may);
        proven += usize::from(always);
    }
    assert!(excluded > 1_000 && proven > 100, "{excluded} {proven}: too few that tell");
}
