//! Every file of parquet-testing: `PARQUET_TEST_DATA` names its `data` folder.

use std::path::{Path, PathBuf};

use super::super::super::page_header::{PageHeader, PageKind};
use super::super::super::page_index::{ColumnIndex, OffsetIndex};
use super::*;

fn data_folder() -> Option<PathBuf> {
    let folder = std::env::var_os("PARQUET_TEST_DATA").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: PARQUET_TEST_DATA does not name the data folder of parquet-testing");
    }
    folder
}

/// The footer, and its bytes.
fn footer_of(file: &[u8]) -> Result<(Footer, &[u8])> {
    let tail = file.last_chunk::<TAIL_BYTES>().ok_or_else(|| Error::truncated("no tail"))?;
    let tail = tail_length(tail)?;
    let end = file.len() - TAIL_BYTES;
    let start = end.checked_sub(tail.metadata_len as usize);
    let start = start.ok_or_else(|| Error::truncated("the footer is longer than the file"))?;
    if tail.encrypted {
        return Err(Error::unsupported(crate::error::Feature::Encryption));
    }
    Ok((parse(&file[start..end], start as u64)?, &file[start..end]))
}

fn parquet_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "parquet"))
        .collect();
    files.sort();
    files
}

#[test]
fn every_good_file_parses_down_to_its_page_headers_and_indexes() {
    let Some(folder) = data_folder() else { return };
    let mut files = parquet_files(&folder);
    files.extend(parquet_files(&folder.join("geospatial")));
    let (mut pages, mut indexes) = (0, 0);
    for path in &files {
        let file = std::fs::read(path).unwrap();
        let (footer, bytes) = footer_of(&file).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        oracle::compare(bytes, &footer, &format!("{path:?}"));
        assert!(footer.memory_bytes() <= 16 * bytes.len() + (64 << 10), "{path:?}");
        for chunk in footer.row_groups().flat_map(RowGroup::columns) {
            if !chunk.has_metadata() || chunk.is_encrypted() || chunk.has_file_path() {
                continue;
            }
            let place = format!("{path:?} {} {}", chunk.row_group(), chunk.leaf());
            chunk.statistics().unwrap();
            pages += walk_pages(&file, chunk, &place);
            indexes += read_indexes(&file, chunk, &place);
        }
    }
    assert!(files.len() >= 70 && pages > 5_000 && indexes > 50, "{pages} {indexes}");
}

/// Reads all page headers of a chunk; the pages must hold as many values as the chunk.
fn walk_pages(file: &[u8], chunk: ColumnChunk<'_>, place: &str) -> usize {
    let range = chunk.chunk_range().unwrap_or_else(|error| panic!("{place}: {error}"));
    let (mut at, mut values, mut pages) = (range.start as usize, 0, 0);
    while values < chunk.num_values() {
        let bytes = &file[at..range.end as usize];
        let header = PageHeader::parse(bytes, at as u64, &Limits::standard())
            .unwrap_or_else(|error| panic!("{place}: {error}"));
        match header.kind {
            PageKind::DataV1 { num_values, .. } | PageKind::DataV2 { num_values, .. } => {
                values += u64::from(num_values);
            }
            PageKind::Dictionary { .. } => assert_eq!(pages, 0, "{place}"),
            PageKind::Index | PageKind::Other(_) => panic!("{place}: {header:?}"),
        }
        at += header.header_len + header.compressed_page_size as usize;
        pages += 1;
    }
    assert_eq!(values, chunk.num_values(), "{place}");
    assert!(at as u64 <= range.end, "{place}: {at} {range:?}");
    pages
}

fn read_indexes(file: &[u8], chunk: ColumnChunk<'_>, place: &str) -> usize {
    let limits = Limits::standard();
    let piece = |(offset, len): (u64, u32)| &file[offset as usize..offset as usize + len as usize];
    let Some(at) = chunk.offset_index() else { return 0 };
    let offsets = OffsetIndex::parse(piece(at), at.0, file.len() as u64, &limits)
        .unwrap_or_else(|error| panic!("{place}: {error}"));
    let Some(at) = chunk.column_index() else { return 1 };
    let bytes = Buffer::copy_of(piece(at), &Budget::unlimited()).unwrap();
    let bounds =
        ColumnIndex::parse(bytes, at.0, &limits).unwrap_or_else(|error| panic!("{place}: {error}"));
    assert_eq!(bounds.len(), offsets.len(), "{place}");
    2
}

#[test]
fn files_of_note_read_as_their_notes_say() {
    let Some(folder) = data_folder() else { return };
    let footer = |name: &str| {
        let file = std::fs::read(folder.join(name)).unwrap();
        footer_of(&file).unwrap().0
    };
    for (name, rows, columns, row_groups) in [
        ("alltypes_plain.parquet", 8, 11, 1),
        ("alltypes_tiny_pages.parquet", 7300, 13, 1),
        ("delta_binary_packed.parquet", 200, 66, 1),
        ("nested_structs.rust.parquet", 1, 216, 1),
        ("floating_orders_nan_count.parquet", 50, 6, 5),
        ("repeated_no_annotation.parquet", 6, 3, 1),
        ("dict-page-offset-zero.parquet", 39, 1, 1),
        ("overflow_i16_page_cnt.parquet", 40_000, 1, 1),
        ("unknown-logical-type.parquet", 3, 2, 1),
    ] {
        let footer = footer(name);
        let found = (footer.num_rows(), footer.num_columns(), footer.num_row_groups());
        assert_eq!(found, (rows, columns, row_groups), "{name}");
    }
    let dictionary_at_zero = footer("dict-page-offset-zero.parquet");
    let column = dictionary_at_zero.column(0, 0).unwrap();
    assert_eq!((column.dictionary_page_offset(), column.bloom_filter()), (None, None));
    assert!(column.offset_index().is_some());
    let sorted = footer("sort_columns.parquet");
    let sorting: Vec<_> = sorted
        .row_group(1)
        .unwrap()
        .sorting_columns()
        .iter()
        .map(|by| (by.column, by.descending, by.nulls_first))
        .collect();
    assert_eq!(sorting, [(0, true, true), (1, false, false)]);
    let pairs = footer("column_chunk_key_value_metadata.parquet");
    let pairs = pairs.column(0, 0).unwrap().key_values().unwrap().len();
    assert_eq!(pairs, 2);
    let forgetful = footer("nation.dict-malformed.parquet");
    let column = forgetful.column(0, 0).unwrap();
    let range = column.chunk_range().unwrap();
    assert_eq!(range.end - range.start, column.total_compressed_size() + 100);
    let orders = footer("floating_orders_nan_count.parquet");
    assert!((0..6).any(|leaf| orders.column_order(leaf) == Some(ColumnOrder::Ieee754TotalOrder)));
    let bad = folder.join("../bad_data/PARQUET-1481.parquet");
    if let Ok(file) = std::fs::read(bad) {
        let error = footer_of(&file).map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Corrupt);
        assert!(error.to_string().contains("physical type -7"), "{error}");
    }
}

/// Encrypted files whose footer is in plain: columns with keys of their own keep their metadata.
#[test]
fn plain_footers_of_encrypted_files_parse() {
    let Some(folder) = data_folder() else { return };
    let (mut plain, mut secret) = (0, 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "encrypted") {
            continue;
        }
        let file = std::fs::read(&path).unwrap();
        match footer_of(&file) {
            Ok((footer, bytes)) => {
                plain += 1;
                assert!(footer.encryption_algorithm().is_some(), "{path:?}");
                assert_eq!(bytes.len() - footer.struct_bytes(), 28, "nonce and tag: {path:?}");
                let columns = footer.row_groups().flat_map(RowGroup::columns);
                secret += columns.filter(|column| column.is_encrypted()).count();
            }
            Err(error) => assert!(matches!(error.kind(), ErrorKind::Unsupported(_)), "{path:?}"),
        }
    }
    assert!(plain > 0 && secret > 0, "{plain} {secret}");
}
