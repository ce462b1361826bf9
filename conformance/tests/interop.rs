//! Files written by other programs read as the rows that were written.
//!
//! `fixtures/interop/WRITER/TABLE.VARIANT.parquet` is one way of writing the rows of `TABLE.json`; see
//! `fixtures/interop/make.py`.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use conformance::{ledger, reading};
use millwork_format::limits::Limits;
use millwork_format::read::{BatchOptions, File};

fn listed(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

/// The number of rows that the row reader gives; each of their values is taken.
fn walk(path: &Path, limits: &Limits) -> millwork_format::Result<u64> {
    let mut rows = File::open(path, limits)?.rows(BatchOptions::default())?;
    let mut count = 0;
    while let Some(row) = rows.read_next()? {
        row.values().try_for_each(|value| value.map(drop))?;
        count += 1;
    }
    Ok(count)
}

/// Reads all files of `writer` and compares them; the number of files.
fn check(writer: &str) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/interop").join(writer);
    let (mut files, mut wrong) = (0, Vec::new());
    for path in listed(&folder) {
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        let Some(variant) = name.strip_suffix(".parquet") else { continue };
        let table = variant.split('.').next().expect("a table");
        let golden = ledger::golden_at(&folder.join(format!("{table}.json"))).expect("a golden");
        files += 1;
        for limits in [Limits::standard(), Limits::untrusted()] {
            let read = reading::json_lines(&path, &limits).map_err(|error| error.to_string());
            let rows = walk(&path, &limits).map_err(|error| error.to_string());
            let equal = read.and_then(|lines| reading::compare(&lines, &golden));
            let counted = rows.map(|rows| assert_eq!(rows, golden.rows, "{writer}/{name}"));
            if let Err(why) = equal.and(counted) {
                wrong.push(format!("{writer}/{name}: {why}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} readings are wrong:\n{}", wrong.len(), wrong.join("\n"));
    files
}

#[test]
fn files_of_pyarrow() {
    assert_eq!(check("pyarrow"), 31);
}

#[test]
fn files_of_duckdb() {
    assert_eq!(check("duckdb"), 20);
}

#[test]
fn files_with_rare_types() {
    assert_eq!(check("rare"), 8);
}

#[test]
fn files_of_polars() {
    assert_eq!(check("polars"), 12);
}

#[test]
fn files_of_fastparquet() {
    assert_eq!(check("fastparquet"), 6);
}

#[test]
fn files_of_spark() {
    assert_eq!(check("spark"), 15);
}
