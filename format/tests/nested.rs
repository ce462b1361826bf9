//! Nested files written by pyarrow: read whole, in steps, under masks, by path, and broken.
//!
//! The files and their rows are made by `conformance/scripts/nested_round_trip.py --fixtures`. One has pages
//! that begin inside rows, one a page index, two pages of version 2.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::{Bitmap, Buffer};
use millwork_format::batch::Batch;
use millwork_format::error::Limit;
use millwork_format::io::Need;
use millwork_format::limits::Limits;
use millwork_format::page::PageContext;
use millwork_format::read::{
    BatchOptions, Columns, File, FileScan, MorselReader, RowGroupScan, ScanMetrics,
};
use millwork_format::record::JsonWriter;
use millwork_format::selection::Selection;
use millwork_format::types::Field;
use millwork_format::vector::Data;
use millwork_format::{ErrorKind, Result};

const NAMES: [&str; 4] = ["v1_inside_rows", "v1_index", "v2", "v2_index"];

struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

fn path(name: &str, ending: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../testdata/nested/{name}.{ending}"))
}

fn expected(name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(path(name, "jsonl")).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn lines(fields: &[Field], batches: impl Iterator<Item = Result<Batch>>) -> Result<Vec<String>> {
    let mut writer = JsonWriter::new(fields);
    let mut text = Vec::new();
    for batch in batches {
        writer.write_batch(&batch?, &mut text)?;
    }
    Ok(String::from_utf8(text).unwrap().lines().map(str::to_owned).collect())
}

fn whole(file: &File, options: BatchOptions) -> Result<Vec<String>> {
    let batches = file.batches(options)?;
    lines(&batches.fields(), batches)
}

#[test]
fn files_read_as_pyarrow_reads_them() {
    for name in NAMES {
        let file = File::open(&path(name, "parquet"), &Limits::standard()).unwrap();
        assert_eq!(whole(&file, BatchOptions::default()).unwrap(), expected(name), "{name}");
        for limit_rows in [1, 80, 81, 159] {
            let options = BatchOptions { limit_rows: Some(limit_rows), ..BatchOptions::default() };
            assert_eq!(whole(&file, options).unwrap(), expected(name)[..limit_rows as usize]);
        }
    }
}

/// Asks until nothing is needed.
fn bring(scan: &FileScan, mut want: impl FnMut() -> Result<Option<Need>>) {
    while let Some(need) = want().unwrap() {
        scan.fetcher().request(&need.required, &Budget::unlimited()).unwrap();
        let here = |range: &Range<u64>| matches!(scan.fetcher().store().get(range), Ok(Some(_)));
        let all = |_: &_| need.required.iter().all(here).then_some(Ok(()));
        scan.fetcher().wait_for(all).unwrap();
    }
}

/// Rows chosen at random, in steps of random length, the columns in turn, in small morsels.
fn read_in_steps(name: &str, seed: u64) {
    let mut random = Random(seed * 0x9e37_79b9 + 1);
    let file = File::open(&path(name, "parquet"), &Limits::standard()).unwrap();
    let all: Vec<usize> = (0..file.schema().columns().len()).collect();
    let scan = FileScan::new(&file, 0, &all, Arc::new(ScanMetrics::new(all.len()))).unwrap();
    let fields: Vec<Field> = scan.columns().iter().map(|column| column.field.clone()).collect();
    let mut context = PageContext::new(Budget::unlimited(), Limits::standard());
    let (mut found, mut chosen_rows, mut first) = (Vec::new(), Vec::new(), 0);
    for ordinal in 0..file.footer().num_row_groups() {
        let group = RowGroupScan::new(&scan, ordinal).unwrap();
        let leaves: Vec<usize> = (0..file.schema().leaves().len()).collect();
        let predicates: &[usize] = if seed.is_multiple_of(3) { &[] } else { &leaves };
        bring(&scan, || group.prepare(predicates, 1, &Budget::unlimited()));
        for morsel in group.cut(1, 10 + random.below(60)) {
            let mut reader = MorselReader::new(&group, morsel.clone());
            let mut row = morsel.start;
            while row < morsel.end {
                let end = morsel.end.min(row + 1 + random.below(50));
                let density = random.below(5);
                let bits: Vec<bool> = (row..end).map(|_| random.below(4) < density).collect();
                let selection = Selection::from_bitmap(Bitmap::from_bools(&bits));
                let rows = row..end;
                bring(&scan, || {
                    reader.want(&all, std::slice::from_ref(&rows), &Budget::unlimited())
                });
                let mut columns = Vec::new();
                for column in &all {
                    // Each column sees other pieces of the rows passed over.
                    let read = reader.read(*column, rows.clone(), &selection, &mut context);
                    columns.push(read.unwrap());
                }
                found.push(Batch::new(columns, selection.count()));
                let chosen = selection.rows();
                chosen_rows.extend(chosen.iter().map(|at| (first + row) as usize + *at as usize));
                row = end;
            }
        }
        first += group.rows();
    }
    let expected = expected(name);
    let chosen: Vec<String> = chosen_rows.iter().map(|row| expected[*row].clone()).collect();
    assert_eq!(lines(&fields, found.into_iter()).unwrap(), chosen, "{name}, seed {seed}");
    assert_eq!(scan.fetcher().store().held(), 0, "every unit is released");
}

#[test]
fn steps_masks_and_morsels_give_the_same_rows() {
    for name in NAMES {
        for seed in 0..60 {
            read_in_steps(name, seed);
        }
    }
}

#[test]
fn parts_of_columns_are_read_alone() {
    for name in NAMES {
        let file = File::open(&path(name, "parquet"), &Limits::standard()).unwrap();
        let batches = file
            .batches(BatchOptions {
                columns: Columns::named(["places.key", "id"]),
                ..BatchOptions::default()
            })
            .unwrap();
        let found = lines(&batches.fields(), batches).unwrap();
        for (row, (found, all)) in found.iter().zip(expected(name)).enumerate() {
            let places = all.split_once(r#""places":"#).unwrap().1;
            let keys: Vec<&str> = places.split(r#"{"key":"#).skip(1).map(|key| &key[..3]).collect();
            let keys = if places.starts_with("null") {
                "null".to_owned()
            } else {
                format!("[{}]", keys.join(","))
            };
            assert_eq!(*found, format!(r#"{{"places":{keys},"id":{row}}}"#), "{name}");
        }
    }
}

#[test]
fn batches_of_long_lists_have_few_rows() {
    let file = File::open(&path("long_lists", "parquet"), &Limits::standard()).unwrap();
    let mut rows = 0;
    for batch in file.batches(BatchOptions::default()).unwrap() {
        let batch = batch.unwrap();
        let Data::List(list) = batch.columns()[0].data() else { panic!("no list") };
        assert_eq!(list.child().len(), 100_000 * batch.rows());
        // 800,000 bytes a row in batches of 16 MiB.
        assert!(batch.rows() <= 20, "{} rows", batch.rows());
        rows += batch.rows();
    }
    assert_eq!(rows, 60);
    let short = BatchOptions { budget: Some(Budget::new(1 << 20)), ..BatchOptions::default() };
    let refused = whole(&file, short).unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::LimitExceeded(Limit::Memory)), "{refused}");
}

#[test]
fn nothing_is_held_when_all_is_read() {
    for name in NAMES {
        let budget = Budget::new(1 << 20);
        let file = File::open(&path(name, "parquet"), &Limits::standard()).unwrap();
        let options = BatchOptions { budget: Some(budget.clone()), ..BatchOptions::default() };
        whole(&file, options).unwrap();
        assert_eq!(budget.reserved(), 0);
    }
}

/// A broken file ends in rows or an error that is not our own.
fn check_broken(bytes: &[u8], what: &str) -> bool {
    let limits = Limits { verify_checksums: false, ..Limits::untrusted() };
    let budget = Budget::new(16 << 20);
    let copied = Buffer::copy_of(bytes, &Budget::unlimited()).unwrap();
    let read = File::from_bytes("broken", copied, &limits).and_then(|file| {
        let options = BatchOptions {
            limit_rows: Some(10_000),
            budget: Some(budget.clone()),
            ..BatchOptions::default()
        };
        whole(&file, options)
    });
    assert_eq!(budget.reserved(), 0, "{what}");
    match read {
        Ok(_) => true,
        Err(error) if matches!(error.kind(), ErrorKind::Internal | ErrorKind::Io) => {
            panic!("{what}: {error}")
        }
        Err(_) => false,
    }
}

#[test]
fn broken_files_end_in_rows_or_typed_errors() {
    for (index, name) in NAMES.iter().enumerate() {
        let bytes = std::fs::read(path(name, "parquet")).unwrap();
        let mut random = Random(index as u64 + 1);
        let mut read = 0;
        for _ in 0..1500 {
            let mut broken = bytes.clone();
            let mut what = format!("{name}:");
            for _ in 0..=random.below(3) {
                let at = random.below(broken.len() as u64) as usize;
                let bit = 1 << random.below(8);
                broken[at] ^= bit;
                what += &format!(" byte {at} ^ {bit},");
            }
            read += usize::from(check_broken(&broken, &what));
        }
        assert!(read > 100, "{name}: only {read} of the broken files reach their rows");
        for len in (0..bytes.len()).step_by(199) {
            check_broken(&bytes[..len], &format!("{name}, first {len} bytes"));
        }
    }
}
