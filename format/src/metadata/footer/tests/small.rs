//! Hand-made footers: what is read from them, and what breaking them does.

use super::super::super::enums::{ConvertedType, Encoding, Repetition};
use super::super::super::logical_type::{EdgeAlgorithm, LogicalType};
use super::build::Value::{I32, I64, List, Struct};
use super::build::{self, Value, chunk, group, leaf, metadata, text};
use super::*;
use crate::types::TimeUnit;

fn kind_of(value: &Value) -> ErrorKind {
    match parse(&value.bytes(), 10_000) {
        Ok(footer) => panic!("accepted: {footer:?}"),
        Err(error) => error.kind().clone(),
    }
}

#[test]
fn the_tail_tells_parquet_from_other_files() {
    let tail = |bytes: &[u8; 8]| tail_length(bytes);
    let plain = FooterTail { metadata_len: 258, encrypted: false };
    assert_eq!(tail(b"\x02\x01\0\0PAR1").unwrap(), plain);
    assert!(tail(b"\x02\x01\0\0PARE").unwrap().encrypted);
    assert_eq!(
        tail(b"1,2a,b,\n").unwrap_err().to_string(),
        "corrupt file: the file ends with \",b,\\n\" and not with the magic \"PAR1\""
    );
    assert!(tail(b"PAR1PAR2").unwrap_err().hint_text().is_some());
}

#[test]
fn all_of_a_chunk_is_read() {
    let footer = parse(&build::flat().bytes(), 10_000).unwrap();
    assert_eq!((footer.version(), footer.num_rows(), footer.num_columns()), (2, 42, 3));
    assert_eq!(footer.writer().version, Some((0, 1, 0)));
    assert_eq!(footer.key_value("k"), Some("v"));
    let pairs: Vec<_> = footer.key_values().map(|pair| (pair.key, pair.value)).collect();
    assert_eq!(pairs, [("k", Some("v")), ("none", None)]);
    let orders = [0, 1, 2, 3].map(|leaf| footer.column_order(leaf));
    let [known, unknown, ieee] =
        [ColumnOrder::TypeDefined, ColumnOrder::Unknown, ColumnOrder::Ieee754TotalOrder];
    assert_eq!(orders, [Some(known), Some(unknown), Some(ieee), None]);
    let first = footer.column(0, 0).unwrap();
    assert_eq!(first.dictionary_page_offset(), Some(250));
    assert_eq!(first.chunk_range().unwrap(), 250..320);
    assert_eq!(first.offset_index(), Some((900, 20)));
    assert_eq!(first.column_index(), Some((920, 30)));
    assert_eq!(first.bloom_filter(), Some((800, Some(47))));
    assert_eq!(first.is_dictionary_encoded(), Some(true));
    assert_eq!(first.compression(), Compression::Snappy);
    assert!(first.encodings().iter().eq([Encoding::Plain, Encoding::RleDictionary]));
    let pairs = first.key_values().unwrap();
    assert_eq!((pairs[0].key, pairs[0].value, pairs[1].value), ("unit", Some("metre"), None));
    let statistics = first.statistics().unwrap().unwrap();
    assert_eq!(statistics.min_value, Some(&b"min"[..]));
    assert_eq!(statistics.legacy_max, Some(&b"old max"[..]));
    assert_eq!((statistics.null_count, statistics.nan_count), (Some(3), Some(2)));
    assert_eq!(statistics.distinct_count, Some(7));
    let exact = (statistics.is_min_value_exact, statistics.is_max_value_exact);
    assert_eq!(exact, (Some(true), Some(false)));
}

#[test]
fn what_is_absent_is_not_invented() {
    let footer = parse(&build::flat().bytes(), 10_000).unwrap();
    assert_eq!(footer.column(0, 1).unwrap().is_dictionary_encoded(), Some(false));
    let bare = footer.column(1, 2).unwrap();
    assert_eq!(bare.is_dictionary_encoded(), None);
    assert_eq!((bare.offset_index(), bare.column_index(), bare.bloom_filter()), (None, None, None));
    assert_eq!((bare.statistics().unwrap(), bare.key_values().unwrap().len()), (None, 0));
    assert_eq!(bare.chunk_range().unwrap(), 9..79);
    assert_eq!(footer.column(0, 2).unwrap().dictionary_page_offset(), None);
    assert!(footer.column(0, 3).is_none() && footer.column(2, 0).is_none());
    let [one, two] = [0, 1].map(|index| footer.row_group(index).unwrap());
    let sorting = SortingColumn { column: 2, descending: true, nulls_first: false };
    assert_eq!((one.sorting_columns(), two.sorting_columns()), (&[sorting][..], &[][..]));
    assert_eq!((one.ordinal(), two.ordinal()), (Some(0), None));
    assert_eq!((one.total_compressed_size(), two.total_compressed_size()), (210, 210));
}

#[test]
fn every_annotation_is_read_or_degrades() {
    let footer = parse(&build::annotated().bytes(), 0).unwrap();
    let schema = footer.schema();
    assert_eq!((schema[1].num_children, schema[1].is_leaf()), (Some(21), false));
    assert_eq!(footer.num_columns(), 22);
    let found: Vec<_> =
        schema[2..23].iter().map(|element| element.logical_type.clone().unwrap()).collect();
    use LogicalType as L;
    let expected = [
        L::String,
        L::Map,
        L::List,
        L::Enum,
        L::Decimal { scale: 2, precision: 9 },
        L::Date,
        L::Time { unit: TimeUnit::Millis, utc: true },
        L::Timestamp { unit: TimeUnit::Nanos, utc: false },
        L::Integer { bits: 16, signed: false },
        L::Null,
        L::Json,
        L::Bson,
        L::Uuid,
        L::Float16,
        L::Variant { specification_version: Some(1) },
        L::Geometry { crs: Some("srid:5070".into()) },
        L::Geography { crs: None, algorithm: EdgeAlgorithm::Andoyer },
        L::Other(8),
        L::Other(10),
        L::Other(99),
        L::Other(1),
    ];
    assert_eq!(found, expected);
    let fixed = &schema[23];
    assert_eq!((fixed.type_length, fixed.repetition), (Some(12), Some(Repetition::Optional)));
    assert_eq!(fixed.converted_type, Some(ConvertedType::Interval));
    assert_eq!((schema[2].scale, schema[2].precision), (Some(2), Some(9)));
}

#[test]
fn encrypted_columns_keep_their_bytes() {
    let footer = parse(&build::encrypted().bytes(), 10_000).unwrap();
    assert_eq!((footer.num_rows(), footer.num_columns()), (5, 2));
    assert_eq!(footer.footer_signing_key_metadata(), Some(&b"signing key"[..]));
    assert!(footer.encryption_algorithm().is_some());
    let [secret, elsewhere] = [0, 1].map(|leaf| footer.column(0, leaf).unwrap());
    assert!(secret.is_encrypted() && !secret.has_metadata() && !secret.has_file_path());
    assert_eq!(secret.encrypted_column_metadata(), Some(&[0xfe; 40][..]));
    assert!(secret.crypto_metadata().is_some_and(|bytes| bytes.ends_with(b"key\0\0")));
    assert!(!elsewhere.is_encrypted() && elsewhere.has_metadata() && elsewhere.has_file_path());
}

/// A footer of one INT32 column whose one chunk has the metadata given.
fn with_metadata(metadata: Value) -> Value {
    with_row_groups(vec![Struct(vec![(1, List(vec![chunk(metadata)])), (3, I64(1))])])
}

fn with_row_groups(row_groups: Vec<Value>) -> Value {
    let schema = vec![Struct(vec![(4, text("root")), (5, I32(1))]), leaf("a", 1, &[])];
    Struct(vec![(2, List(schema)), (4, List(row_groups))])
}

#[test]
fn numbers_that_matter_are_checked_where_they_are_read() {
    assert!(parse(&with_metadata(metadata(1, 4)).bytes(), 10_000).is_ok());
    let removed = [4, 5, 7, 9].map(|id| metadata(1, 4).with(id, None));
    let negative = [5, 6, 7, 9].map(|id| metadata(1, 4).with(id, Some(I64(-1))));
    let unknown_type = [metadata(-7, 4), metadata(8, 4)];
    let wrong_wire = [metadata(1, 4).with(9, Some(I32(4)))];
    for broken in removed.into_iter().chain(negative).chain(unknown_type).chain(wrong_wire) {
        assert_eq!(kind_of(&with_metadata(broken.clone())), ErrorKind::Corrupt, "{broken:?}");
    }
    let row_group = |rows, chunks| {
        let chunks = vec![chunk(metadata(1, 4)); chunks];
        with_row_groups(vec![Struct(vec![(1, List(chunks)), (3, I64(rows))]); 2])
    };
    assert_eq!(kind_of(&row_group(-1, 1)), ErrorKind::Corrupt);
    assert_eq!(kind_of(&row_group(i64::MAX, 1)), ErrorKind::Corrupt);
    assert_eq!(kind_of(&row_group(1, 0)), ErrorKind::Corrupt);
    assert_eq!(kind_of(&row_group(1, 2)), ErrorKind::Corrupt);
    assert_eq!(parse(&row_group(1 << 40, 1).bytes(), 100).unwrap().num_rows(), 1 << 41);
}

#[test]
fn the_schema_has_as_many_elements_as_it_promises() {
    let root = |children| Struct(vec![(4, text("root")), (5, I32(children))]);
    let schema = |elements: Vec<Value>| Struct(vec![(2, List(elements)), (4, List(vec![]))]);
    for elements in [
        vec![root(2), leaf("a", 1, &[])],
        vec![root(1), leaf("a", 1, &[]), leaf("b", 1, &[])],
        vec![root(-1)],
        vec![root(i32::MAX), group("g", i32::MAX)],
        vec![root(1), leaf("a", 99, &[])],
        vec![root(1), leaf("a", 7, &[]).with(2, Some(I32(-3)))],
        vec![],
    ] {
        assert_eq!(kind_of(&schema(elements.clone())), ErrorKind::Corrupt, "{elements:?}");
    }
    for (elements, leaves) in [
        (vec![root(0)], 0),
        (vec![root(1), group("empty", 0)], 0),
        (vec![root(1), leaf("a", 1, &[]).with(5, Some(I32(0)))], 1),
    ] {
        assert_eq!(parse(&schema(elements).bytes(), 0).unwrap().num_columns(), leaves);
    }
}

#[test]
fn optional_parts_that_make_no_sense_are_as_if_absent() {
    let odd = metadata(1, 4)
        .with(11, Some(I64(-8)))
        .with(14, Some(I64(-8)))
        .with(15, Some(List(vec![Struct(vec![(1, I32(1))]); 2])))
        .with(13, Some(List(vec![I32(3)])));
    let footer = parse(&with_metadata(odd).bytes(), 10_000).unwrap();
    let column = footer.column(0, 0).unwrap();
    assert_eq!((column.dictionary_page_offset(), column.bloom_filter()), (None, None));
    assert_eq!(column.is_dictionary_encoded(), None);
    let encodings = metadata(1, 4).with(2, Some(List(vec![]))).with(4, Some(I32(77)));
    let footer = parse(&with_metadata(encodings).bytes(), 10_000).unwrap();
    let column = footer.column(0, 0).unwrap();
    assert!(column.encodings().is_empty());
    assert_eq!(column.compression(), Compression::Unknown(77));
}

#[test]
fn chunks_end_before_the_footer_and_old_ones_are_padded() {
    let bytes = with_metadata(metadata(1, 4));
    let range = |value: &Value, data_end| {
        parse(&value.bytes(), data_end).unwrap().column(0, 0).unwrap().chunk_range()
    };
    assert_eq!(range(&bytes, 74).unwrap(), 4..74);
    let error = range(&bytes, 73).unwrap_err();
    assert_eq!((error.kind(), error.place().row_group), (&ErrorKind::Corrupt, Some(0)));
    let huge = with_metadata(metadata(1, i64::MAX).with(7, Some(I64(i64::MAX))));
    assert_eq!(*range(&huge, 10_000).unwrap_err().kind(), ErrorKind::Corrupt);
    let old = |by| bytes.with(6, Some(text(by)));
    assert_eq!(range(&old("parquet-mr"), 10_000).unwrap(), 4..174);
    assert_eq!(range(&old("parquet-mr version 1.2.8"), 100).unwrap(), 4..100);
    assert_eq!(range(&old("parquet-mr version 1.2.9"), 10_000).unwrap(), 4..74);
}

#[test]
fn limits_are_met_before_memory_is_taken() {
    let flat = Buffer::copy_of(&build::flat().bytes(), &Budget::unlimited()).unwrap();
    let standard = Limits::standard();
    let table = [
        (Limits { footer_bytes: 100, ..standard.clone() }, Limit::FooterBytes),
        (Limits { columns: 2, ..standard.clone() }, Limit::Columns),
        (Limits { row_groups: 1, ..standard.clone() }, Limit::RowGroups),
        (Limits { metadata_bytes: 5, ..standard.clone() }, Limit::MetadataBytes),
        (Limits { list_elements: 3, ..standard.clone() }, Limit::ListElements),
        (Limits { thrift_depth: 4, ..standard }, Limit::ThriftDepth),
    ];
    for (limits, limit) in table {
        let error = Footer::parse(flat.clone(), 10_000, &limits).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::LimitExceeded(limit));
    }
}

/// Every prefix and every flipped bit: a footer or an error, and memory in proportion to the bytes.
#[test]
fn broken_footers_are_values_or_errors() {
    for whole in [build::flat(), build::annotated(), build::encrypted()] {
        let mut bytes = whole.bytes();
        for end in 0..bytes.len() {
            let error = parse(&bytes[..end], 10_000).unwrap_err();
            assert_eq!(*error.kind(), ErrorKind::Truncated, "{end}: {error}");
        }
        let mut accepted = 0;
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(footer) = parse(&bytes, 10_000) {
                accepted += 1;
                assert!(footer.memory_bytes() <= 16 * bytes.len() + (64 << 10), "bit {bit}");
                for column in footer.row_groups().flat_map(RowGroup::columns) {
                    let _ = (column.statistics(), column.key_values(), column.chunk_range());
                }
            }
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        assert!(accepted > bytes.len(), "names and statistics may hold anything: {accepted}");
    }
}
