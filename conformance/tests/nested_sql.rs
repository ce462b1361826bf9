//! Queries over nested columns give what DuckDB gives, as CSV: over `fixtures/nested.parquet` and over
//! the nested files of the corpus. `scripts/make_nested_sql.py` made the answers.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use conformance::corpus;
use millwork_engine::scan::ScanReport;
use millwork_engine::session::{Consumer, Session, SessionOptions, StatementOutcome};
use millwork_engine::{Error, Result};
use millwork_format::batch::Batch;
use millwork_format::record::CsvWriter;
use millwork_format::types::Field;
use serde_json::Value;

/// Rows as lines of CSV, the header first.
#[derive(Default)]
struct Lines {
    writer: Option<CsvWriter>,
    text: Vec<u8>,
}

impl Consumer for Lines {
    fn begin(&mut self, _: usize, fields: &[Field]) -> Result<()> {
        let writer = CsvWriter::new(fields);
        writer.write_header(&mut self.text);
        self.writer = Some(writer);
        Ok(())
    }

    fn batch(&mut self, batch: &Batch) -> Result<()> {
        let writer = self.writer.as_mut().expect("a result has begun");
        Ok(writer.write_batch(batch, &mut self.text)?)
    }

    fn end(&mut self, _: usize, _: &StatementOutcome) -> Result<()> {
        Ok(())
    }
}

fn answer(file: &Path, query: &str) -> std::result::Result<Vec<String>, Error> {
    let mut session = Session::new(SessionOptions { threads: 2, ..SessionOptions::default() });
    let mut lines = Lines::default();
    let text = format!("create view t as select * from '{}'; {query}", file.display());
    session.run(&text, &mut lines)?;
    let text = String::from_utf8(lines.text).expect("CSV is text");
    Ok(text.lines().map(str::to_owned).collect())
}

/// Only an ORDER BY settles the order of rows; an empty string may be quoted or not.
fn comparable(lines: &[String], query: &str) -> Vec<String> {
    let mut lines: Vec<String> = lines.iter().map(|line| line.replace("\"\"", "")).collect();
    if !query.contains("order by") && lines.len() > 1 {
        lines[1..].sort();
    }
    lines
}

/// Runs the queries over files that `folder_of` knows; how many they were.
fn check(folder_of: impl Fn(Option<&str>) -> Option<PathBuf>) -> usize {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/nested_sql.json");
    let golden = std::fs::read_to_string(golden).expect("goldens");
    let golden: Vec<Value> = serde_json::from_str(&golden).expect("JSON");
    let (mut run, mut wrong) = (0, Vec::new());
    for case in &golden {
        let Some(file) = folder_of(case["file"].as_str()) else { continue };
        let query = case["sql"].as_str().expect("a query");
        let expected = case["csv"].as_array().expect("lines");
        let expected: Vec<String> =
            expected.iter().map(|line| line.as_str().expect("a line").to_owned()).collect();
        run += 1;
        match answer(&file, query) {
            Ok(found) => {
                let (found, expected) = (comparable(&found, query), comparable(&expected, query));
                if found != expected {
                    let at = found.iter().zip(&expected).take_while(|(a, b)| a == b).count();
                    wrong.push(format!(
                        "{}: {query}\n  line {at} of {} (expected {}):\n  {:?}\n  expected {:?}",
                        file.display(),
                        found.len(),
                        expected.len(),
                        found.get(at),
                        expected.get(at)
                    ));
                }
            }
            Err(error) => wrong.push(format!("{}: {query}\n  {error}", file.display())),
        }
    }
    assert!(wrong.is_empty(), "{} of {run} answers are wrong:\n{}", wrong.len(), wrong.join("\n"));
    run
}

#[test]
fn queries_over_the_fixture_are_answered_as_by_duckdb() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/nested.parquet");
    let run = check(|file| file.is_none().then(|| fixture.clone()));
    assert!(run >= 50, "{run} queries");
}

#[test]
fn queries_over_the_corpus_are_answered_as_by_duckdb() {
    let root = match corpus::root() {
        Ok(root) => root,
        Err(why) => {
            assert!(!corpus::is_required(), "{why}");
            println!("skipped: {why}");
            return;
        }
    };
    let run = check(|file| Some(root.join("data").join(file?)));
    assert!(run >= 80, "{run} queries");
}

fn fixture() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/nested.parquet");
    path.display().to_string()
}

fn report(query: &str) -> (String, usize, ScanReport) {
    let session = Session::new(SessionOptions { threads: 1, ..SessionOptions::default() });
    let plan = session.plan(&query.replace("{t}", &format!("'{}'", fixture()))).expect(query);
    let (batches, report) = session.execute(&plan, true).expect(query);
    let rows = batches.iter().map(Batch::count).sum();
    let [(_, scan)] = report.scans.as_slice() else { panic!("{query}: one scan is expected") };
    (plan.explain(), rows, scan.clone())
}

#[test]
fn a_scan_reads_the_parts_that_are_asked_for() {
    for (query, scanned) in [
        ("select p.x from {t}", "[p.x]"),
        ("select q.p.z.u, q.p.y from {t} q", "[p.y, p.z.u]"),
        ("select p.z, p.z.u from {t}", "[p.z]"),
        ("select p, p.x from {t}", "[p]"),
        ("select items[1].sku from {t}", "[items[].sku]"),
        ("select unnest(items).n from {t}", "[items[].n]"),
        ("select u.e.n from {t}, unnest(items) as u(e) where u.e.n > 3", "[items[].n]"),
        ("select u.e.n, u.e.ok from {t}, unnest(items) as u(e)", "[items[].n, items[].ok]"),
        ("select u.e, u.e.ok from {t}, unnest(items) as u(e)", "[items]"),
        ("select count(*) from {t} where len(items) > 2 and items is not null", "[items[].sku]"),
        ("select len(items), items[1].n from {t}", "[items[].sku, items[].n]"),
        ("select count(*) from {t}, unnest(items)", "[items[].sku]"),
        ("select a.y from (select p as a, k from {t} where k > 3) order by k", "[k, p.y]"),
        ("select s.f, count(*) from {t} group by s.f having min(p.x) > 2", "[p.x, s.f]"),
        ("select s, count(p.x) from {t} group by s", "[p.x, s]"),
    ] {
        let (plan, _, scan) = report(query);
        assert!(plan.contains(&format!(" {scanned}")), "{query}: no {scanned} in\n{plan}");
        assert!(scan.bytes_read < bytes_of("select * from {t}") / 2, "{query}: {scan:?}");
    }
}

fn bytes_of(query: &str) -> u64 {
    report(query).2.bytes_read
}

#[test]
fn a_leaf_is_filtered_first_and_the_others_are_read_for_the_rows_that_are_left() {
    let (plan, rows, scan) = report("select p.y, items from {t} where p.x > 905");
    assert!(plan.contains("[p.x, p.y, items] where (p.x > 905)"), "{plan}");
    assert!(rows > 0 && rows < 40, "{rows} rows");
    // Row groups by the statistics of the leaf, pages by its page index.
    assert_eq!(scan.row_groups_pruned, 2, "{scan:?}");
    assert!(scan.rows_pruned_by_pages > 0, "{scan:?}");
    let [of_filter, of_text, of_items] = scan.totals.rows_decoded[..] else { panic!("{scan:?}") };
    assert!(of_filter < 200, "{scan:?}");
    assert_eq!((of_text, of_items), (rows as u64, rows as u64), "{scan:?}");
    assert!(scan.bytes_read < bytes_of("select p.x, p.y, items from {t}") / 2, "{scan:?}");
    let all = report("select count(*) from {t} where p.x is null").2;
    assert_eq!(all.totals.rows_decoded.len(), 1, "{all:?}");
}
