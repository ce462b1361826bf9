//! What `pages` shows of the statistics in page headers, which some writers put there, and some in a column index.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod asked;

use std::path::{Path, PathBuf};

use asked::run_in;
use serde_json::{Value, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/fixtures")
}

fn printed(arguments: &[&str]) -> String {
    let run = run_in(&folder(), arguments);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{arguments:?}");
    run.stdout
}

/// What a verb says of a file, a JSON value a line.
fn told(verb: &str, file: &str) -> Vec<Value> {
    let text = printed(&[verb, file, "--format", "json"]);
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn statistics_in_page_headers_are_shown() {
    // The file, nulls, bounds, and the last columns of the line for people.
    let table = [
        ("tiny/int32.v1.parquet", 1, json!("-3"), json!("1"), "none      1  -3 … 1"),
        ("tiny/text.v2.parquet", 1, json!(""), json!("millwork"), "none      1   … millwork"),
        ("tiny/decimal128.v2.parquet", 1, json!("-1.2500"), json!("-1.2500"), "-1.2500 … -1.2500"),
        ("tiny/date.v1.parquet", 1, json!("2024-02-29"), json!("2024-02-29"), "2024-02-29"),
        ("tiny/nulls.v2.parquet", 2, Value::Null, Value::Null, "none      2"),
    ];
    for (file, nulls, min, max, ends) in table {
        let chunk = told("pages", file).remove(0);
        let page = &chunk["pages"][0];
        let is_exact = (!min.is_null()).then_some(true);
        let expected = json!({
            "null_count": nulls,
            "distinct_count": null,
            "nan_count": null,
            "min": min,
            "max": max,
            "is_min_value_exact": is_exact,
            "is_max_value_exact": is_exact,
        });
        assert_eq!(page["statistics"], expected, "{file}");
        assert_eq!(page.get("column_index"), None, "{file}");
        let text = printed(&["pages", file]);
        let line = text.lines().find(|line| line.starts_with("0 (v")).expect("a line");
        assert!(line.trim_end().ends_with(ends), "{file}: {line}");
    }
}

/// Where there is a column index the line for people is its; nothing is made up where there is neither.
#[test]
fn a_page_without_statistics_has_none() {
    for (file, ends) in [
        ("tiny/numbers.index.parquet", "none      1  7 … 7"),
        ("interop/fastparquet/flat.uncompressed.parquet", "none"),
    ] {
        let chunk = told("pages", file).remove(0);
        for page in chunk["pages"].as_array().expect("pages") {
            assert_eq!(page.get("statistics"), None, "{file}: {page}");
        }
        let text = printed(&["pages", file]);
        let line = text.lines().find(|line| line.starts_with("0 (v")).expect("a line");
        assert!(line.trim_end().ends_with(ends), "{file}: {line}");
    }
}

/// The pages of a chunk have the nulls of the chunk, and bounds that lie within its.
#[test]
fn pages_of_polars_add_up_to_their_chunks() {
    let file = "interop/polars/flat.zstd.parquet";
    let meta = told("meta", file).remove(0);
    let (mut chunks, mut most_pages) = (0, 0);
    for chunk in told("pages", file) {
        let group = chunk["row_group"].as_u64().expect("a number") as usize;
        let columns = meta["row_groups"][group]["columns"].as_array().expect("columns");
        let of_chunk = columns.iter().find(|column| column["path"] == chunk["column"]);
        let of_chunk = &of_chunk.expect("the column")["statistics"];
        let pages = chunk["pages"].as_array().expect("pages").iter();
        let pages: Vec<&Value> =
            pages.map(|page| &page["statistics"]).filter(|page| !page.is_null()).collect();
        if pages.is_empty() {
            continue;
        }
        let nulls = pages.iter().filter_map(|page| page["null_count"].as_u64()).sum::<u64>();
        assert_eq!(of_chunk["null_count"], nulls, "{chunk}");
        for side in ["min", "max"] {
            let is_there = pages.iter().any(|page| page[side] == of_chunk[side]);
            assert!(is_there, "{side}: {of_chunk} of {chunk}");
        }
        chunks += 1;
        most_pages = most_pages.max(pages.len());
    }
    assert!(chunks > 10 && most_pages > 1, "{chunks} chunks, {most_pages} pages");
}
