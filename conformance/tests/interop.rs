//! Files written by other programs read as the rows that were written.
//!
//! `fixtures/interop/WRITER/TABLE.VARIANT.parquet` is one way of writing the rows of `TABLE.json`; see
//! `fixtures/interop/make.py`.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use conformance::{ledger, reading};
use millwork_codecs::budget::Budget;
use millwork_engine::session::{Session, SessionOptions};
use millwork_format::inventory;
use millwork_format::limits::Limits;
use millwork_format::metadata::{Encoding, PageKind};
use millwork_format::read::{BatchOptions, File};
use millwork_format::vector::Cell;

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

/// How a file is written: its codec, whether its pages are of version 2, whether words are dictionary codes.
type Variant = (String, bool, bool);

/// The cells that the files of `table` by `writer` are in, as their pages say.
fn cells(writer: &str, table: &str) -> BTreeSet<Variant> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/interop").join(writer);
    let is_wanted = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        name.starts_with(&format!("{table}.")) && name.ends_with(".parquet")
    };
    listed(&folder).into_iter().filter(is_wanted).map(|path| cell(&path)).collect()
}

fn cell(path: &Path) -> Variant {
    let file = File::open(path, &Limits::standard()).expect("a file");
    // Some types have dictionaries always: one column speaks for the others.
    let leaves = file.schema().leaves();
    let leaf_of = |name: &str| leaves.iter().position(|leaf| leaf.dotted_path.starts_with(name));
    let leaf = ["few", "deep.inner.tags", "i8"].into_iter().find_map(leaf_of).expect("words");
    let codec = file.footer().column(0, leaf).expect("a chunk").compression();
    let chunk = inventory::pages(&file, 0, leaf, &Budget::unlimited()).expect("pages");
    let (mut is_v2, mut has_codes) = (false, false);
    for page in &chunk.pages {
        let (encoding, version_2) = match page.header.kind {
            PageKind::DataV1 { encoding, .. } => (encoding, false),
            PageKind::DataV2 { encoding, .. } => (encoding, true),
            _ => continue,
        };
        is_v2 |= version_2;
        has_codes |= matches!(encoding, Encoding::RleDictionary | Encoding::PlainDictionary);
    }
    (codec.to_string(), is_v2, has_codes)
}

/// Every codec of `codecs` in each of the `forms`: version 2 or not, dictionaries or none.
fn product(codecs: &[&str], forms: &[(bool, bool)]) -> BTreeSet<Variant> {
    let cells = codecs.iter().flat_map(|codec| {
        forms.iter().map(|(is_v2, has_codes)| ((*codec).to_owned(), *is_v2, *has_codes))
    });
    cells.collect()
}

#[test]
fn every_codec_page_version_and_dictionary_that_a_writer_has_is_there() {
    let all = ["UNCOMPRESSED", "SNAPPY", "GZIP", "ZSTD", "BROTLI", "LZ4_RAW"];
    let four = [(false, false), (false, true), (true, false), (true, true)];
    for table in ["flat", "nested"] {
        assert_eq!(cells("pyarrow", table), product(&all, &four), "pyarrow, {table}");
        // What DuckDB calls versions are encodings: all its data pages are of version 1.
        let of_duckdb = product(&all, &[(false, false), (false, true)]);
        assert_eq!(cells("duckdb", table), of_duckdb, "DuckDB, {table}");
        let of_polars = product(&all, &[(false, table == "flat")]);
        assert_eq!(cells("polars", table), of_polars, "Polars, {table}");
    }
    let of_spark = ["UNCOMPRESSED", "SNAPPY", "GZIP", "ZSTD", "LZ4", "LZ4_RAW"];
    assert_eq!(cells("spark", "flat"), product(&of_spark, &four), "Spark");
    // A column of categories has a dictionary always, the others never.
    let of_pandas = [(false, true), (true, true)];
    assert_eq!(cells("fastparquet", "flat"), product(&all, &of_pandas), "fastparquet");
}

#[test]
fn files_of_pyarrow() {
    assert_eq!(check("pyarrow"), 58);
}

#[test]
fn files_of_duckdb() {
    assert_eq!(check("duckdb"), 48);
}

#[test]
fn files_with_rare_types() {
    assert_eq!(check("rare"), 10);
}

#[test]
fn files_of_a_pyarrow_that_cut_rows_in_two_and_of_writers_of_false_statistics() {
    assert_eq!(check("old"), 7);
}

/// Footers would answer these, if they could be believed.
#[test]
fn values_are_counted_where_the_statistics_of_their_writer_cannot_be_believed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/interop/old");
    let session = Session::new(SessionOptions { threads: 1, ..SessionOptions::default() });
    for (name, column, values, most) in
        [("counts.polars", "h", 500, "k6"), ("chunks.pyarrow", "x", 9, "b")]
    {
        let path = folder.join(format!("{name}.parquet"));
        let sql = format!("select count({column}), max({column}) from '{}'", path.display());
        let (batches, _) =
            session.execute(&session.plan(&sql).expect("a plan"), false).expect("rows");
        let found = batches[0].columns().iter().map(|column| format!("{:?}", column.cell(0)));
        let expected = [Cell::Integer(values), Cell::Bytes(most.as_bytes())];
        assert!(found.eq(expected.iter().map(|cell| format!("{cell:?}"))), "{sql}");
    }
}

#[test]
fn files_of_polars() {
    assert_eq!(check("polars"), 13);
}

#[test]
fn files_of_fastparquet() {
    assert_eq!(check("fastparquet"), 16);
}

#[test]
fn files_of_spark() {
    assert_eq!(check("spark"), 51);
}
