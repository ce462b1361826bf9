//! One small real file, read in every way that must not matter.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;

use super::*;
use crate::batch::Batch;
use crate::error::ErrorKind;
use crate::io::{Driver, DriverProfile, Fetcher, RecordingDriver};
use crate::limits::Limits;
use crate::metadata::OffsetIndex;
use crate::page::PageContext;
use crate::selection::Selection;
use crate::vector::{Cell, Vector, concat};

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/lineitem.parquet")
}

fn bytes() -> Buffer {
    Buffer::copy_of(&std::fs::read(fixture()).unwrap(), &Budget::unlimited()).unwrap()
}

/// A footer that is longer than its file is a broken file, whatever the limits allow.
#[test]
fn a_flip_in_the_length_of_the_footer_is_corruption() {
    let good = std::fs::read(fixture()).unwrap();
    let length_at = good.len() - 8;
    for bit in 0..32 {
        let mut bytes = good.clone();
        bytes[length_at + bit / 8] ^= 1 << (bit % 8);
        let bytes = Buffer::copy_of(&bytes, &Budget::unlimited()).unwrap();
        let error = File::from_bytes("flipped", bytes, &Limits::untrusted()).unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Truncated),
            "{bit}: {error}"
        );
    }
}

fn text(vector: &Vector) -> Vec<String> {
    (0..vector.len())
        .map(|row| match vector.cell(row) {
            Cell::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => format!("{other:?}"),
        })
        .collect()
}

fn all_rows(batches: impl Iterator<Item = crate::Result<Batch>>) -> Vec<Vec<String>> {
    let batches: Vec<Batch> = batches.collect::<crate::Result<_>>().unwrap();
    let columns = batches[0].columns().len();
    (0..columns)
        .map(|column| {
            let parts: Vec<Vector> =
                batches.iter().map(|batch| batch.columns()[column].clone()).collect();
            text(&concat(&parts).unwrap())
        })
        .collect()
}

#[test]
fn a_limit_reads_only_the_first_rows() {
    let file = File::open(&fixture(), &Limits::standard()).unwrap();
    let whole = all_rows(file.batches(BatchOptions::default()).unwrap());
    let options = BatchOptions { limit_rows: Some(10), ..BatchOptions::default() };
    let first = all_rows(file.batches(options).unwrap());
    for (first, whole) in first.iter().zip(&whole) {
        assert_eq!(first[..], whole[..10]);
    }
    assert_eq!(whole[0].len() as u64, file.num_rows());
}

#[test]
fn batches_are_as_long_as_asked_and_hold_the_same_rows() {
    let file = File::open(&fixture(), &Limits::standard()).unwrap();
    let read = |batch_rows, columns: Columns| {
        let options = BatchOptions { batch_rows, columns, ..BatchOptions::default() };
        let batches = file.batches(options).unwrap();
        batches.collect::<crate::Result<Vec<Batch>>>().unwrap()
    };
    let expected = all_rows(read(None, Columns::At(vec![0, 4])).into_iter().map(Ok));
    for most in [0, 1, 7, 1000, 100_000] {
        let batches = read(Some(most), Columns::At(vec![0, 4]));
        assert!(batches.iter().all(|batch| batch.rows() <= most.max(1)), "{most}");
        assert_eq!(all_rows(batches.into_iter().map(Ok)), expected, "{most}");
    }
}

/// Pieces that are cut inside a page go on from where others left it, in whatever order they are read.
#[test]
fn pieces_of_a_page_are_read_in_any_order() {
    let file = File::open(&fixture(), &Limits::standard()).unwrap();
    let columns = [0, 4, 8, 15];
    let budget = Budget::unlimited();
    let read = |order: &dyn Fn(usize, usize) -> usize| {
        let metrics = Arc::new(ScanMetrics::new(columns.len()));
        let scan = FileScan::new(&file, 0, &columns, metrics).unwrap();
        let group = RowGroupScan::new(&scan, 0).unwrap();
        while let Some(need) = group.prepare(&[0], 0, &budget).unwrap() {
            scan.fetcher().request(&need.required, &budget).unwrap();
        }
        let cuts = group.cut_inside_pages(0, 1);
        assert!(cuts.len() > 20, "{}", cuts.len());
        let mut readers: Vec<Option<MorselReader>> =
            cuts.iter().map(|rows| Some(MorselReader::new(&group, rows.clone()))).collect();
        let mut found: Vec<Vec<Vector>> = vec![Vec::new(); cuts.len()];
        let mut context = PageContext::new(budget.clone(), Limits::standard());
        for turn in 0..cuts.len() {
            let at = order(turn, cuts.len());
            let mut reader = readers[at].take().unwrap();
            let rows = cuts[at].clone();
            let all: Vec<usize> = (0..columns.len()).collect();
            while let Some(need) = reader.want(&all, std::slice::from_ref(&rows), &budget).unwrap()
            {
                scan.fetcher().request(&need.required, &budget).unwrap();
            }
            for column in all {
                let selection = Selection::All((rows.end - rows.start) as usize);
                let vector = reader.read(column, rows.clone(), &selection, &mut context);
                found[at].push(vector.unwrap());
            }
        }
        let batch = |columns: Vec<Vector>| {
            let rows = columns[0].len();
            Batch::new(columns, rows)
        };
        let rows = all_rows(found.into_iter().map(batch));
        drop(group);
        assert_eq!(scan.fetcher().store().held(), 0);
        rows
    };
    let options =
        BatchOptions { columns: Columns::At(columns.to_vec()), ..BatchOptions::default() };
    let first_group = BatchOptions { row_groups: Some(vec![0]), ..options };
    let expected = all_rows(file.batches(first_group).unwrap());
    assert_eq!(read(&|turn, _| turn), expected);
    assert_eq!(read(&|turn, count| count - 1 - turn), expected);
    // A stride that meets each once.
    assert_eq!(read(&|turn, count| if count % 7 == 0 { turn } else { turn * 7 % count }), expected);
}

#[test]
fn batches_end_where_pages_do() {
    // Row groups of 60 rows, pages of 15.
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/fixtures/parts.parquet");
    let file = File::open(&path, &Limits::standard()).unwrap();
    let rows_of = |most| {
        let columns = Columns::At(vec![0]);
        let options = BatchOptions { batch_rows: Some(most), columns, ..BatchOptions::default() };
        let batches = file.batches(options).unwrap();
        batches.take(4).map(|batch| batch.unwrap().rows()).collect::<Vec<_>>()
    };
    assert_eq!(rows_of(25), [15, 15, 15, 15]);
    assert_eq!(rows_of(40), [30, 30, 30, 30]);
    assert_eq!(rows_of(61), [60, 60, 60, 60]);
    // Too few rows would be left.
    assert_eq!(rows_of(16), [15, 15, 15, 15]);
    assert_eq!(rows_of(14), [14, 14, 14, 14]);
    assert_eq!(rows_of(10), [10, 5, 10, 5]);
}

/// Reads every row group in morsels of `target` rows, the columns in turn, from a driver that answers
/// singly, at random and late.
fn read_late(seed: u64, target: u64, latency_us: u32) -> (Vec<Vec<String>>, ScanTotals, u64) {
    let profile = DriverProfile { latency_us };
    let driver = Arc::new(RecordingDriver::new("late", bytes(), profile, seed));
    let opened = File::from_bytes("lineitem", bytes(), &Limits::standard()).unwrap();
    let late = File::over(&opened, Arc::clone(&driver) as Arc<dyn Driver>);
    let columns: Vec<usize> = (0..late.schema().columns().len()).collect();
    let metrics = Arc::new(ScanMetrics::new(columns.len()));
    let scan = FileScan::new(&late, 0, &columns, Arc::clone(&metrics)).unwrap();
    let budget = Budget::unlimited();
    let mut context = PageContext::new(budget.clone(), Limits::standard());
    let mut found: Vec<Vec<Vector>> = vec![Vec::new(); columns.len()];
    for ordinal in 0..late.footer().num_row_groups() {
        let group = RowGroupScan::new(&scan, ordinal).unwrap();
        while let Some(need) = group.prepare(&columns, 0, &Budget::unlimited()).unwrap() {
            answer(scan.fetcher(), &driver, &need.required, &budget);
        }
        let mut readers: Vec<MorselReader> =
            group.cut(0, target).into_iter().map(|rows| MorselReader::new(&group, rows)).collect();
        for reader in &mut readers {
            let rows = reader.rows().clone();
            for column in &columns {
                while let Some(need) = reader
                    .want(&[*column], std::slice::from_ref(&rows), &Budget::unlimited())
                    .unwrap()
                {
                    answer(scan.fetcher(), &driver, &need.required, &budget);
                }
                let mut start = rows.start;
                while start < rows.end {
                    let end = rows.end.min(start + 700);
                    let selection = Selection::All((end - start) as usize);
                    let part = reader.read(*column, start..end, &selection, &mut context);
                    found[*column].push(part.unwrap());
                    start = end;
                }
            }
        }
    }
    let delivered = scan.fetcher().store().bytes_delivered();
    let mut asked = driver.asked();
    asked.sort_by_key(|range| range.start);
    assert!(asked.windows(2).all(|two| two[0].end <= two[1].start), "bytes asked for twice");
    assert_eq!(scan.fetcher().store().held(), 0, "every unit is released");
    let rows = found.iter().map(|parts| text(&concat(parts).unwrap())).collect();
    drop(found);
    (rows, metrics.totals(), delivered)
}

fn answer(fetcher: &Fetcher, driver: &RecordingDriver, units: &[std::ops::Range<u64>], b: &Budget) {
    fetcher.request(units, b).unwrap();
    while driver.answer_one() {}
}

#[test]
fn late_shuffled_answers_and_small_morsels_give_the_same_rows_once() {
    let file = File::open(&fixture(), &Limits::standard()).unwrap();
    let expected = all_rows(file.batches(BatchOptions::default()).unwrap());
    let (_, once, _) = read_late(1, u64::MAX / 8, 0);
    for (seed, target, latency_us) in [(2, 1000, 0), (3, 1, 0), (4, 3000, 10_000), (5, 100, 50)] {
        let (rows, totals, _) = read_late(seed, target, latency_us);
        assert!(rows == expected, "target {target}");
        assert_eq!(totals.pages_decompressed, once.pages_decompressed);
        assert_eq!(totals.dictionaries_decoded, once.dictionaries_decoded);
    }
}

#[test]
fn a_selection_opens_only_pages_with_survivors() {
    let file = File::open(&fixture(), &Limits::standard()).unwrap();
    let whole = all_rows(file.batches(BatchOptions::default()).unwrap());
    let columns: Vec<usize> = (0..whole.len()).collect();
    let metrics = Arc::new(ScanMetrics::new(columns.len()));
    let scan = FileScan::new(&file, 0, &columns, Arc::clone(&metrics)).unwrap();
    let budget = Budget::unlimited();
    let mut context = PageContext::new(budget.clone(), Limits::standard());
    let group = RowGroupScan::new(&scan, 0).unwrap();
    while let Some(need) = group.prepare(&columns, 0, &Budget::unlimited()).unwrap() {
        scan.fetcher().request(&need.required, &budget).unwrap();
        scan.fetcher()
            .wait_for(|store| {
                let here = need.required.iter().all(|r| matches!(store.get(r), Ok(Some(_))));
                here.then_some(Ok(()))
            })
            .unwrap();
    }
    let rows = group.cut(0, u64::MAX / 8).remove(0);
    let mut reader = MorselReader::new(&group, rows.clone());
    let count = rows.end as usize;
    let chosen: Vec<u32> = vec![0, 5, count as u32 / 2, count as u32 - 1];
    let selection =
        Selection::from_rows(millwork_codecs::buffer::Slice::copy_of(&chosen), count).unwrap();
    let ranges: Vec<_> = chosen.iter().map(|row| u64::from(*row)..u64::from(*row) + 1).collect();
    while let Some(need) = reader.want(&columns, &ranges, &Budget::unlimited()).unwrap() {
        scan.fetcher().request(&need.required, &budget).unwrap();
        scan.fetcher()
            .wait_for(|store| {
                let here = need.required.iter().all(|r| matches!(store.get(r), Ok(Some(_))));
                here.then_some(Ok(()))
            })
            .unwrap();
    }
    for column in &columns {
        let vector = reader.read(*column, rows.clone(), &selection, &mut context).unwrap();
        let expected: Vec<String> =
            chosen.iter().map(|row| whole[*column][*row as usize].clone()).collect();
        assert_eq!(text(&vector), expected);
        assert!(metrics.totals().pages_decompressed_by_column[*column] <= 3);
    }
}

/// The page headers tell then.
#[test]
fn an_offset_index_of_pages_without_a_header_is_no_layout() {
    let extent = Extent {
        range: 100..200,
        rows: 4,
        is_stretched: false,
        num_values: 4,
        is_repeated: false,
        aligns_pages: false,
        data_start: 100,
    };
    let layout = |size: u32| {
        let index = OffsetIndex {
            offsets: vec![100, 100 + u64::from(size)],
            compressed_sizes: vec![size, 100 - size],
            first_rows: vec![0, 2],
            unencoded_bytes: Vec::new(),
        };
        extent.by_index(&index).map(|layout| layout.pages.len())
    };
    assert_eq!(layout(50).unwrap(), 2);
    for size in [0, 1, 11, 99, 100] {
        assert_eq!(*layout(size).unwrap_err().kind(), ErrorKind::Corrupt, "{size}");
    }
}
