//! Hand-made indexes, and broken ones.

use millwork_codecs::budget::Budget;
use thrift::protocol::{
    TCompactOutputProtocol, TFieldIdentifier, TListIdentifier, TOutputProtocol, TStructIdentifier,
    TType,
};

use super::*;

fn structure(write: impl FnOnce(&mut dyn TOutputProtocol)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut out = TCompactOutputProtocol::new(&mut bytes);
    fields(&mut out, write);
    drop(out);
    bytes
}

fn fields(out: &mut dyn TOutputProtocol, write: impl FnOnce(&mut dyn TOutputProtocol)) {
    out.write_struct_begin(&TStructIdentifier::new("")).unwrap();
    write(out);
    out.write_field_stop().unwrap();
    out.write_struct_end().unwrap();
}

fn field(out: &mut dyn TOutputProtocol, id: i16, kind: TType) {
    out.write_field_begin(&TFieldIdentifier::new("", kind, id)).unwrap();
}

fn list<T: Copy>(
    out: &mut dyn TOutputProtocol,
    id: i16,
    kind: TType,
    elements: &[T],
    write: impl Fn(&mut dyn TOutputProtocol, T),
) {
    field(out, id, TType::List);
    out.write_list_begin(&TListIdentifier::new(kind, elements.len() as i32)).unwrap();
    elements.iter().for_each(|&element| write(out, element));
}

fn i64s(out: &mut dyn TOutputProtocol, id: i16, values: &[i64]) {
    list(out, id, TType::I64, values, |out, value| out.write_i64(value).unwrap());
}

fn offset_index(pages: &[(i64, i32, i64)], unencoded: &[i64]) -> Vec<u8> {
    structure(|out| {
        list(out, 1, TType::Struct, pages, |out, (offset, size, first_row)| {
            fields(out, |out| {
                field(out, 1, TType::I64);
                out.write_i64(offset).unwrap();
                field(out, 2, TType::I32);
                out.write_i32(size).unwrap();
                field(out, 3, TType::I64);
                out.write_i64(first_row).unwrap();
            });
        });
        i64s(out, 2, unencoded);
    })
}

fn parse_offsets(bytes: &[u8]) -> Result<OffsetIndex> {
    OffsetIndex::parse(bytes, 7000, 1000, &Limits::standard())
}

#[test]
fn page_locations_become_columns() {
    let pages = [(4, 100, 0), (104, 50, 20), (300, 700, 21)];
    let index = parse_offsets(&offset_index(&pages, &[1, 2, 3])).unwrap();
    assert_eq!(index.offsets, [4, 104, 300]);
    assert_eq!(index.compressed_sizes, [100, 50, 700]);
    assert_eq!(index.first_rows, [0, 20, 21]);
    assert_eq!(index.unencoded_bytes, [1, 2, 3]);
    let index = parse_offsets(&offset_index(&pages, &[1])).unwrap();
    assert_eq!((index.len(), index.unencoded_bytes.len()), (3, 0));
    assert!(parse_offsets(&offset_index(&[], &[])).unwrap().is_empty());
}

#[test]
fn page_locations_that_cannot_be_are_corrupt() {
    for pages in [
        &[(4, 100, 1)][..],
        &[(4, 100, 0), (104, 50, 0)],
        &[(4, 100, 0), (104, 50, 9), (200, 50, 8)],
        &[(4, 100, 0), (103, 50, 9)],
        &[(4, 997, 0)],
        &[(i64::MAX, i32::MAX, 0)],
        &[(-4, 100, 0)],
        &[(4, -1, 0)],
        &[(4, 1, -1)],
    ] {
        let error = parse_offsets(&offset_index(pages, &[])).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Corrupt, "{pages:?}");
    }
    assert!(parse_offsets(&[0]).is_err(), "the list of pages is required");
}

fn column_index(bounds: usize, nulls: &[i64], order: i32) -> Vec<u8> {
    let minima = [&b"a"[..], b"", b"c", b"d"];
    let maxima = [&b"aa"[..], b"", b"cc", b"dd"];
    structure(|out| {
        list(out, 1, TType::Bool, &[false, true, false], |out, null| {
            out.write_bool(null).unwrap();
        });
        let binary = |out: &mut dyn TOutputProtocol, bytes| out.write_bytes(bytes).unwrap();
        list(out, 2, TType::String, &minima[..bounds], binary);
        list(out, 3, TType::String, &maxima[..3], binary);
        field(out, 4, TType::I32);
        out.write_i32(order).unwrap();
        i64s(out, 5, nulls);
        i64s(out, 8, &[0, 0, 1]);
    })
}

fn parse_bounds(bytes: &[u8]) -> Result<ColumnIndex> {
    let bytes = Buffer::copy_of(bytes, &Budget::unlimited())?;
    ColumnIndex::parse(bytes, 7000, &Limits::standard())
}

#[test]
fn bounds_are_told_page_by_page() {
    let index = parse_bounds(&column_index(3, &[0, 9, 4], 1)).unwrap();
    assert_eq!((index.len(), index.boundary_order), (3, BoundaryOrder::Ascending));
    assert_eq!([0, 1, 2, 3].map(|page| index.min(page)), [Some(&b"a"[..]), None, Some(b"c"), None]);
    assert_eq!([0, 1, 2].map(|page| index.max(page)), [Some(&b"aa"[..]), None, Some(b"cc")]);
    assert_eq!([0, 1, 2, 3].map(|page| index.null_count(page)), [Some(0), Some(9), Some(4), None]);
    assert_eq!(index.nan_count(2), Some(1));
    assert!(index.is_null_page(1) && !index.is_null_page(2));
}

#[test]
fn lists_of_other_lengths_are_corrupt_and_odd_counts_absent() {
    for bounds in [0, 2, 4] {
        let error = parse_bounds(&column_index(bounds, &[0, 9, 4], 1)).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Corrupt);
    }
    assert!(parse_bounds(&column_index(3, &[0, 9], 1)).is_err());
    for nulls in [&[][..], &[0, -1, 4]] {
        assert_eq!(parse_bounds(&column_index(3, nulls, 1)).unwrap().null_count(0), None);
    }
    let unknown = parse_bounds(&column_index(3, &[], 5)).unwrap();
    assert_eq!(unknown.boundary_order, BoundaryOrder::Unordered);
}

#[test]
fn broken_indexes_are_values_or_errors() {
    let pages = [(4, 100, 0), (104, 50, 20), (300, 700, 21)];
    for mut bytes in [offset_index(&pages, &[1, 2, 3]), column_index(3, &[0, 9, 4], 2)] {
        for end in 0..bytes.len() {
            assert!(parse_offsets(&bytes[..end]).is_err());
            assert!(parse_bounds(&bytes[..end]).is_err());
        }
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(index) = parse_offsets(&bytes) {
                assert!(index.offsets.is_sorted() && index.first_rows.is_sorted());
                assert!(index.len() <= bytes.len());
            }
            if let Ok(index) = parse_bounds(&bytes) {
                for page in 0..index.len() {
                    let _ = (index.min(page), index.max(page), index.null_count(page));
                }
            }
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
