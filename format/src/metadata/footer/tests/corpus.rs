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

fn footer_of(file: &[u8]) -> Result<Footer> {
    let tail = file.last_chunk::<TAIL_BYTES>().ok_or_else(|| Error::truncated("no tail"))?;
    let tail = tail_length(tail)?;
    let end = file.len() - TAIL_BYTES;
    let start = end.checked_sub(tail.metadata_len as usize);
    let start = start.ok_or_else(|| Error::truncated("the footer is longer than the file"))?;
    if tail.encrypted {
        return Err(Error::unsupported(crate::error::Feature::Encryption));
    }
    let bytes = Buffer::copy_of(&file[start..end], &Budget::unlimited())?;
    Footer::parse(bytes, start as u64, &Limits::standard())
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
        let footer = footer_of(&file).unwrap_or_else(|error| panic!("{path:?}: {error}"));
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
