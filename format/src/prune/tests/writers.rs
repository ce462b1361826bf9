//! Whose bounds are believed.

use super::*;
use crate::prune::writers::{False, false_bounds};

#[test]
fn bounds_of_some_writers_are_not_believed_and_those_of_others_are() {
    use PhysicalType::{ByteArray, FixedLenByteArray};
    let text = || converted(ByteArray, ConvertedType::Utf8);
    let decimal = |physical, length| {
        logical(physical, length, LogicalType::Decimal { scale: 0, precision: 20 })
    };
    let uuid = || logical(FixedLenByteArray, 16, LogicalType::Uuid);
    let half = || logical(FixedLenByteArray, 2, LogicalType::Float16);
    let number = || plain(PhysicalType::Int64, 0);
    let table = [
        ("Polars", text(), False::Both),
        ("Polars (python) version 2.0.0 (build x)", text(), False::Neither),
        ("Polars", number(), False::Neither),
        ("Polars", decimal(FixedLenByteArray, 16), False::Both),
        ("Polars (python) version 2.0.0", decimal(FixedLenByteArray, 16), False::Neither),
        ("Polars", half(), False::Both),
        ("parquet-cpp version 1.5.1", decimal(FixedLenByteArray, 16), False::Order),
        ("parquet-cpp-arrow version 4.0.0", decimal(ByteArray, 0), False::Neither),
        ("parquet-rs version 56.0.0", decimal(ByteArray, 0), False::Order),
        ("parquet-rs version 56.0.0", decimal(FixedLenByteArray, 16), False::Neither),
        ("hyparquet", decimal(ByteArray, 0), False::Both),
        ("github.com/segmentio/parquet-go version 0.0.0", text(), False::Min),
        ("github.com/parquet-go/parquet-go version 0.20.1(build )", text(), False::Min),
        ("github.com/parquet-go/parquet-go version 0.25.0(build )", text(), False::Neither),
        ("Parquet.Net v6.1", uuid(), False::Both),
        ("parquet-mr version 1.13.1", text(), False::Neither),
        ("DuckDB", text(), False::Neither),
    ];
    for (writer, leaf, expected) in table {
        let found = false_bounds(&leaf, Writer::parse(writer));
        assert_eq!(found, expected, "{writer}, {}", leaf.data_type);
    }
}

#[test]
fn a_pair_without_an_order_leaves_the_old_pair_to_be_believed() {
    let number = |order| Leaf { column_order: order, ..plain(P::Int32, 0) };
    let (two, nine) = (2i32.to_le_bytes(), 9i32.to_le_bytes());
    let both =
        Statistics { legacy_min: Some(&two), legacy_max: Some(&nine), ..modern(&two, &nine) };
    let expected = (int(2), int(9));
    for leaf in [number(None), number(Some(ColumnOrder::TypeDefined))] {
        let found = sound(&leaf, &both);
        assert_eq!((found.min, found.max), expected);
    }
    let newer = sound(&number(None), &modern(&two, &nine));
    assert_eq!((newer.min, newer.max), (None, None));
}

/// 1, 2 and 256 of one page, compared as strings of bytes: 256 is 0x01 0x00.
#[test]
fn bounds_of_pages_are_believed_of_the_same_writers_as_those_of_chunks() {
    let decimal = LogicalType::Decimal { scale: 0, precision: 10 };
    let leaf = logical(P::ByteArray, 0, decimal);
    let index = column_index(&[(false, &[1], &[2], 0), (false, &[3], &[3], 0)]);
    let equal = Test::Compare { comparison: Comparison::Equal, value: 256.into() };
    let may = |writer: &str, page| {
        may_match(&equal, &page_bounds(&leaf, &index, Writer::parse(writer), page, 10))
    };
    assert!(may("parquet-rs version 58.0.0", 0));
    // Of equal bounds the order does not matter.
    assert!(!may("parquet-rs version 58.0.0", 1));
    assert!(!may("parquet-mr version 1.13.1", 0));
}

#[test]
fn an_empty_pair_of_a_page_says_nothing() {
    let leaf = converted(P::ByteArray, ConvertedType::Utf8);
    let index =
        column_index(&[(false, b"", b"", 0), (false, b"", b"b", 0), (false, b"a", b"b", 0)]);
    let equal = Test::Compare { comparison: Comparison::Equal, value: "x".into() };
    let may = |page| may_match(&equal, &page_bounds(&leaf, &index, NOBODY, page, 10));
    assert_eq!([may(0), may(1), may(2)], [true, false, false]);
}
