//! `EXPLAIN ANALYZE`: what each stage of pruning left out, what was read and decoded, and what operators did.
//!
//! The files (`conformance/fixtures/indexes`) have the same 6,000 rows in three row groups, written by three
//! programs; what was read is compared with what `meta` and `pages` say of them.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod asked;

use std::path::{Path, PathBuf};

use asked::run_in;
use serde_json::{Value, json};

const ROWS: u64 = 6_000;
const GROUP_ROWS: u64 = 2_048;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/fixtures/indexes")
}

/// What `EXPLAIN (ANALYZE, FORMAT json)` says of `query`, run by one thread.
fn analyzed(query: &str) -> Value {
    let query = format!("explain (analyze, format json) {query}");
    let arguments = ["sql", "--threads", "1", "--format", "jsonl", &query];
    let run = run_in(&folder(), &arguments);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{query}");
    let row: Value = serde_json::from_str(&run.stdout).expect("one row of JSON");
    serde_json::from_str(row["plan"].as_str().expect("a text")).expect("JSON")
}

/// The same as lines.
fn lines(query: &str) -> Vec<String> {
    let query = format!("explain analyze {query}");
    let run = run_in(&folder(), &["sql", "--threads", "1", "--format", "jsonl", &query]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{query}");
    let line = |line: &str| {
        let row: Value = serde_json::from_str(line).expect("JSON");
        row["plan"].as_str().expect("a text").to_owned()
    };
    run.stdout.lines().map(line).collect()
}

/// The one scan of a query for the ids that pass.
fn scan_of(writer: &str, condition: &str) -> Value {
    let analyzed = analyzed(&format!("select id from '{writer}.parquet' where {condition}"));
    let scans = analyzed["scans"].as_array().expect("scans");
    assert_eq!(scans.len(), 1, "{analyzed}");
    assert_eq!(scans[0]["table"], format!("{writer}.parquet"));
    scans[0].clone()
}

/// What `millwork` says of a file, a JSON value a line.
fn told(arguments: &[&str]) -> Vec<Value> {
    let run = run_in(&folder(), &[arguments, &["--format", "json"]].concat());
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{arguments:?}");
    run.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// The chunks of a column, as `meta` tells them.
fn chunks(writer: &str, column: &str) -> Vec<Value> {
    let meta = told(&["meta", &format!("{writer}.parquet")]).remove(0);
    let groups = meta["row_groups"].as_array().expect("row groups");
    let chunk = |group: &Value| {
        let chunks = group["columns"].as_array().expect("columns");
        chunks.iter().find(|chunk| chunk["path"] == column).expect("the column").clone()
    };
    groups.iter().map(chunk).collect()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} as a number"))
}

/// Where a scan is not as expected: members with their values, all others that count something being 0.
fn differences(scan: &Value, expected: &[(&str, Value)], case: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (name, value) in scan.as_object().expect("an object") {
        let told = expected.iter().find(|(own, _)| own == name).map(|(_, value)| value);
        let nothing = match value {
            Value::Number(_) => json!(0),
            Value::Array(columns) => json!(vec![0; columns.len()]),
            text => text.clone(),
        };
        let expected = told.unwrap_or(&nothing);
        if value != expected {
            found.push(format!("{case}: {expected} expected as {name}, found {value}"));
        }
    }
    let is_missing = |(name, _): &&(&str, Value)| scan.get(*name).is_none();
    found.extend(expected.iter().filter(is_missing).map(|(name, _)| format!("{case}: no {name}")));
    found
}

/// Each condition can be answered by one stage and by none before it.
#[test]
fn what_a_stage_left_out_is_told_as_its_own() {
    let mut found = Vec::new();
    let mut is_alone = |scan: &Value, expected: &[(&str, Value)], case: &str| {
        found.extend(differences(scan, expected, case));
    };
    for writer in ["pyarrow", "duckdb", "spark"] {
        let groups = ("row_groups", json!(3));
        let pruned = ("row_groups_pruned", json!(3));
        let case = |stage: &str| format!("{writer}, {stage}");
        let by_statistics =
            [groups.clone(), pruned.clone(), ("row_groups_pruned_by_statistics", json!(3))];
        is_alone(&scan_of(writer, "id > 100000"), &by_statistics, &case("statistics"));
        // Odd keys lie between all bounds. Header and one block of each filter are read, one after the other.
        let by_bloom_filter = [
            groups.clone(),
            pruned.clone(),
            ("row_groups_pruned_by_bloom_filter", json!(3)),
            ("bloom_filters_asked", json!(3)),
            ("need_rounds", json!(6)),
            ("bytes_read", json!(3 * (64 + 32))),
        ];
        is_alone(&scan_of(writer, "key = 4711"), &by_bloom_filter, &case("bloom filter"));
        // A prefix between all bounds, which no filter is asked about.
        let dictionaries = chunks(writer, "city").into_iter().map(|chunk| {
            number(&chunk["data_page_offset"]) - number(&chunk["dictionary_page_offset"])
        });
        let by_dictionary = [
            groups.clone(),
            pruned.clone(),
            ("row_groups_pruned_by_dictionary", json!(3)),
            ("dictionaries_asked", json!(3)),
            ("need_rounds", json!(3)),
            ("bytes_read", json!(dictionaries.sum::<u64>())),
        ];
        is_alone(&scan_of(writer, "city like 'city 0350%'"), &by_dictionary, &case("dictionary"));
    }
    // Pages of 256 rows, of which one has these rows: three lie before it, four behind.
    for writer in ["pyarrow", "spark"] {
        let chunk = chunks(writer, "id").remove(1);
        let file = format!("{writer}.parquet");
        let pages = told(&["pages", &file, "--columns", "id", "--row-group", "1"]).remove(0);
        let page = &pages["pages"][3];
        let bytes = [
            &chunk["offset_index"]["length"],
            &chunk["column_index"]["length"],
            &page["header_bytes"],
            &page["compressed_bytes"],
        ];
        let by_page_index = [
            ("row_groups", json!(3)),
            ("row_groups_pruned", json!(2)),
            ("row_groups_pruned_by_statistics", json!(2)),
            ("index_pages", json!(2 * 8)),
            ("index_pages_pruned", json!(7)),
            ("rows_pruned_by_pages", json!(GROUP_ROWS - 256)),
            ("morsels", json!(1)),
            ("pages_decompressed", json!(1)),
            ("pages_decompressed_by_column", json!([1])),
            ("rows_decoded", json!([256])),
            ("need_rounds", json!(2)),
            ("most_rounds_of_a_morsel", json!(1)),
            ("bytes_read", json!(bytes.into_iter().map(number).sum::<u64>())),
        ];
        let scan = scan_of(writer, "id between 3000 and 3005");
        is_alone(&scan, &by_page_index, &format!("{writer}, page index"));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Of a column that is looked at first all rows are decoded, and of the other what is left.
#[test]
fn what_was_decoded_is_told_by_column() {
    let all = |column| told(&["pages", "pyarrow.parquet", "--columns", column]);
    let data_pages = |chunks: &[Value]| {
        let pages = chunks.iter().flat_map(|chunk| chunk["pages"].as_array().expect("pages"));
        pages.filter(|page| page["type"] == "v1").count()
    };
    let size = |writer, column, first: usize| -> u64 {
        let chunks = chunks(writer, column).into_iter().skip(first);
        chunks.map(|chunk| number(&chunk["total_compressed_size"])).sum()
    };
    // All rows of the last row group, and none of the others.
    let scan = scan_of("pyarrow", "city like '%14 of%'");
    let of_each = [data_pages(&all("id")[2..]), data_pages(&all("city"))];
    assert_eq!(of_each, [8, 3]);
    let expected = [
        ("row_groups", json!(3)),
        ("morsels", json!(3)),
        ("pages_decompressed", json!(of_each[0] + of_each[1])),
        ("pages_decompressed_by_column", json!(of_each)),
        ("dictionaries_decoded", json!(3)),
        // Five a row group, each looked at once.
        ("dictionary_entries_evaluated", json!(15)),
        ("rows_decoded", json!([ROWS - 2 * GROUP_ROWS, ROWS])),
        // One for each row group, and one for the other column of the last.
        ("need_rounds", json!(4)),
        ("most_rounds_of_a_morsel", json!(2)),
        ("bytes_read", json!(size("pyarrow", "id", 2) + size("pyarrow", "city", 0))),
    ];
    let found = differences(&scan, &expected, "a dictionary");
    assert!(found.is_empty(), "{}", found.join("\n"));
    // Without a condition one round a row group brings everything, and every row is decoded once.
    let whole = analyzed("select id, word from 'spark.parquet'");
    let scan = &whole["scans"][0];
    assert_eq!(scan["rows_decoded"], json!([ROWS, ROWS]), "{scan}");
    assert_eq!((&scan["need_rounds"], &scan["morsels"]), (&json!(3), &json!(3)), "{scan}");
    assert_eq!(number(&scan["bytes_read"]), size("spark", "id", 0) + size("spark", "word", 0));
}

/// The parts of all pipelines, by name.
fn part<'a>(analyzed: &'a Value, name: &str) -> &'a Value {
    let pipelines = analyzed["pipelines"].as_array().expect("pipelines").iter();
    let parts = pipelines.flat_map(|pipeline| pipeline["parts"].as_array().expect("parts"));
    let mut named = parts.filter(|part| part["name"] == name);
    match (named.next(), named.next()) {
        (Some(part), None) => part,
        _ => panic!("not one {name} in {analyzed:#}"),
    }
}

#[test]
fn operators_tell_rows_time_peak_bytes_and_keys() {
    let query = "select l.city, count(*) as n from 'pyarrow.parquet' l join 'spark.parquet' r on \
                 l.id = r.id where l.small > 5 group by l.city order by n, l.city limit 3";
    let analyzed = analyzed(query);
    // Behind the join there is no dictionary any more: a key is built for each row.
    let aggregate = part(&analyzed, "aggregate");
    assert_eq!((&aggregate["rows_in"], &aggregate["keys_built"]), (&json!(5_000), &json!(5_000)));
    assert_eq!(part(&analyzed, "groups")["rows_out"], 15);
    assert_eq!(part(&analyzed, "sort")["rows_in"], 15);
    assert_eq!(part(&analyzed, "sorted rows")["rows_out"], 3);
    assert_eq!(part(&analyzed, "scan pyarrow.parquet")["rows_out"], 5_000);
    let peak = number(&analyzed["peak_reserved_bytes"]);
    let mut held = 0;
    for pipeline in analyzed["pipelines"].as_array().expect("pipelines") {
        let parts = pipeline["parts"].as_array().expect("parts");
        assert_eq!(pipeline["lane_rows"], json!([parts[0]["rows_out"]]), "{pipeline}");
        for (before, part) in parts.iter().zip(&parts[1..]) {
            assert_eq!(part["rows_in"], before["rows_out"], "{pipeline:#}");
            assert_eq!(part["batches_in"], before["batches_out"], "{pipeline:#}");
        }
        for part in parts {
            assert!(part["time_ms"].as_f64().is_some_and(|time| time > 0.0), "{part}");
            held += part["peak_bytes"].as_u64().unwrap_or(0);
        }
    }
    for name in ["aggregate", "sort", "join build"] {
        let bytes = number(&part(&analyzed, name)["peak_bytes"]);
        assert!(bytes > 0 && bytes <= peak, "{name}: {bytes} of {peak}");
    }
    assert!(held > 0 && analyzed["elapsed_ms"].as_f64().is_some_and(|time| time > 0.0));
    // What was built has no row in front of row 1,000: three pages are left out of the other scan, and the rest
    // of the fourth.
    let scans = analyzed["scans"].as_array().expect("scans");
    assert_eq!((scans.len(), &scans[1]["table"]), (2, &json!("spark.parquet")), "{analyzed:#}");
    assert_eq!(scans[1]["rows_pruned_by_pages"], 3 * 256, "{analyzed:#}");
    assert_eq!(scans[1]["rows_filtered"], 1_000 - 3 * 256, "{analyzed:#}");
    assert_eq!(part(&analyzed, "scan spark.parquet")["rows_out"], 5_000);
}

/// Of a column with a dictionary a key is built for each entry and for null, in each row group; of others for
/// each row.
#[test]
fn aggregates_tell_how_many_keys_they_built() {
    for (group, built) in [
        ("city", 3 * 5),
        ("day", 52 + 52 + 48),
        ("inner.tag", (3 + 1) + (3 + 1) + (2 + 1)),
        ("word", ROWS),
        ("id", ROWS),
    ] {
        let query = format!("select {group}, count(*) from 'pyarrow.parquet' group by {group}");
        let analyzed = analyzed(&query);
        assert_eq!(part(&analyzed, "aggregate")["keys_built"], built, "{group}");
    }
}

/// The words of the text form are the numbers of the other.
#[test]
fn the_text_form_says_the_same() {
    let from = "from 'pyarrow.parquet' where";
    for (condition, said) in [
        (
            "id > 100000",
            "3 of 3 row groups pruned (3 by statistics), 0 rows pruned by page index, 0 rows left \
             out for operators above, 0 morsels, 0 pages decompressed, 0 dictionaries decoded, 0 \
             entries evaluated, 0 bytes read, 0 rounds",
        ),
        (
            "key = 4711",
            "3 of 3 row groups pruned (3 by bloom filter, 3 bloom filters asked), 0 rows pruned by \
             page index, 0 rows left out for operators above, 0 morsels, 0 pages decompressed, 0 \
             dictionaries decoded, 0 entries evaluated, 288 bytes read, 6 rounds",
        ),
        (
            "city like 'city 0350%'",
            "3 of 3 row groups pruned (3 by dictionary, 3 dictionaries asked), 0 rows pruned by page \
             index, 0 rows left out for operators above, 0 morsels, 0 pages decompressed, 0 \
             dictionaries decoded, 0 entries evaluated, 252 bytes read, 3 rounds",
        ),
        (
            "id between 3000 and 3005",
            "2 of 3 row groups pruned (2 by statistics), 1792 rows pruned by page index (7 of 16 \
             pages, all pages of 0 row groups), 0 rows left out for operators above, 1 morsels, 1 \
             pages decompressed, 0 dictionaries decoded, 0 entries evaluated, 615 bytes read, 2 \
             rounds",
        ),
    ] {
        let lines = lines(&format!("select id {from} {condition}"));
        let scan = format!("scan pyarrow.parquet: {said}");
        assert!(lines.contains(&scan), "{scan}\nin {lines:#?}");
        let is_plan = |line: &String| line.trim_start().starts_with("Scan pyarrow.parquet [id");
        assert!(lines[..2].iter().any(is_plan), "{lines:#?}");
    }
    let query = "select city, count(*) as n from 'pyarrow.parquet' where small > 5 group by city";
    let (lines, analyzed) = (lines(query), analyzed(query));
    let ends = |start: &str, end: &str| {
        let line = lines.iter().find(|line| line.starts_with(start));
        let line = line.unwrap_or_else(|| panic!("no {start} in {lines:#?}"));
        assert!(line.ends_with(end), "{line}");
        line
    };
    let peak = &part(&analyzed, "aggregate")["peak_bytes"];
    let aggregate = ends(
        "  aggregate: 5000 rows in, 0 rows out, ",
        &format!(" ms, {peak} bytes at most, keys_built 15"),
    );
    assert!(number(peak) > 0, "{aggregate}");
    ends("pipeline aggregate", " (rows by lane [5000])");
    ends("  scan pyarrow.parquet: 0 rows in, 5000 rows out, ", " ms");
    assert!(lines.iter().any(|line| line.ends_with(" bytes reserved at most")), "{lines:#?}");
}
