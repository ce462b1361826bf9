//! Indexes of leaves inside structs and lists, against the rows: nothing that passes is left out.
//!
//! The files (`conformance/fixtures/indexes`) are of three programs, with bloom filters, dictionaries and
//! page indexes. A test of a leaf under a list asks whether one of the row's values passes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "a test may abort")]

use std::path::Path;
use std::sync::Arc;

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use millwork_format::limits::Limits;
use millwork_format::prune::{Comparison, Evidence, Filter, Predicate, PruneValue, Step, Test};
use millwork_format::read::{
    BatchOptions, Columns, File, FileScan, RowGroupScan, ScanColumn, ScanMetrics,
};
use millwork_format::schema::Leaf;
use millwork_format::vector::Cell;

const PATHS: [&str; 3] = ["inner.code", "inner.tag", "tags.list.element"];

fn open(writer: &str) -> File {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/fixtures/indexes");
    let bytes = std::fs::read(folder.join(format!("{writer}.parquet"))).unwrap();
    let bytes = Buffer::copy_of(&bytes, &Budget::unlimited()).unwrap();
    File::from_bytes(writer, bytes, &Limits::standard()).unwrap()
}

/// The values in a cell, nulls as `None`; of a list all of its elements.
fn values(leaf: &Leaf, cell: Cell<'_>, into: &mut Vec<Option<PruneValue>>) {
    match cell {
        Cell::Struct { children, row } => values(leaf, children[0].cell(row), into),
        Cell::List { child, start, end } => {
            (start..end).for_each(|row| values(leaf, child.cell(row), into));
        }
        cell => into.push(PruneValue::of_cell(&leaf.data_type, cell)),
    }
}

/// By row group, by row: the values of the leaf `path`.
type Rows = Vec<Vec<Vec<Option<PruneValue>>>>;

fn rows(file: &File, leaf: &Leaf) -> Rows {
    let mut rows: Rows = vec![Vec::new(); file.footer().num_row_groups()];
    let path = leaf.dotted_path.split(".list").next().unwrap();
    for batch in file
        .batches(BatchOptions { columns: Columns::named([path]), ..BatchOptions::default() })
        .unwrap()
    {
        let batch = batch.unwrap();
        let group = &mut rows[batch.origin().unwrap().row_group as usize];
        for row in 0..batch.rows() {
            let mut found = Vec::new();
            values(leaf, batch.columns()[0].cell(row), &mut found);
            group.push(found);
        }
    }
    rows
}

fn passes(test: &Test, value: &Option<PruneValue>) -> bool {
    let Some(value) = value else { return *test == Test::IsNull };
    match test {
        Test::IsNull => false,
        Test::IsNotNull => true,
        Test::In(list) => list.as_slice().contains(value),
        Test::Prefix(prefix) => {
            matches!(value, PruneValue::Bytes(bytes) if bytes.starts_with(prefix))
        }
        Test::Compare { comparison, value: other } => {
            let order = value.order(other).unwrap();
            comparison.holds(order)
        }
    }
}

/// The rows of each row group that are left, and what left row groups out.
fn kept(file: &File, filter: &Arc<Filter>) -> (Vec<Vec<std::ops::Range<u64>>>, Vec<Evidence>) {
    let columns: Vec<usize> = (0..file.schema().columns().len()).collect();
    let columns = columns.iter().map(|column| ScanColumn::of(file.schema(), *column).unwrap());
    let columns = columns.map(Arc::new).collect();
    let metrics = Arc::new(ScanMetrics::new(file.schema().columns().len()));
    let scan = FileScan::of(file, 0, columns, metrics);
    let budget = Budget::unlimited();
    let (mut all, mut evidence) = (Vec::new(), Vec::new());
    for ordinal in 0..file.footer().num_row_groups() {
        let group = RowGroupScan::new(&scan, ordinal).unwrap();
        let verdict = loop {
            match group.prune(filter, &budget).unwrap() {
                Step::Need(units) => scan.fetcher().request(&units, &budget).unwrap(),
                verdict => break verdict,
            };
        };
        if let Step::Excluded(by) = verdict {
            evidence.push(by);
            all.push(Vec::new());
            continue;
        }
        while let Some(need) = group.prepare(filter.leaves(), 0, &budget).unwrap() {
            scan.fetcher().request(&need.required, &budget).unwrap();
        }
        let selected = group.page_selection(filter);
        if selected.pages_excluded > 0 {
            evidence.push(Evidence::PageIndex);
        }
        all.push(selected.rows);
    }
    (all, evidence)
}

fn tests(path: &str) -> Vec<Test> {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let mut tests = vec![Test::IsNull, Test::IsNotNull];
    let candidates: Vec<PruneValue> = match path {
        "inner.code" => {
            [-1, 0, 14, 501, 998, 1_111, 1_998, 2_000].map(PruneValue::Integer).to_vec()
        }
        _ => ["", "g0-0", "g3-1", "g4-9", "g9-2", "t0", "t3", "t5", "t9", "u"]
            .map(|text| PruneValue::Bytes(text.as_bytes().to_vec()))
            .to_vec(),
    };
    for value in &candidates {
        for comparison in [Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual] {
            tests.push(Test::Compare { comparison, value: value.clone() });
        }
        if let PruneValue::Bytes(bytes) = value {
            tests.push(Test::Prefix(bytes.clone()));
        }
    }
    tests.extend(candidates.chunks(2).map(|pair| Test::In(pair.iter().cloned().collect())));
    tests
}

#[test]
fn no_row_that_passes_is_left_out() {
    for writer in ["pyarrow", "duckdb", "spark"] {
        let file = open(writer);
        let mut seen: Vec<Evidence> = Vec::new();
        for path in PATHS {
            let Some(leaf) = file.schema().leaves().iter().find(|leaf| &*leaf.dotted_path == path)
            else {
                panic!("{writer}: no {path} in {:?}", file.schema().leaves());
            };
            let rows = rows(&file, leaf);
            for test in tests(path) {
                let one = Predicate::test(leaf.index, test.clone());
                let (kept, evidence) = kept(&file, &Arc::new(Filter::new(one)));
                seen.extend(evidence);
                for (rows, kept) in rows.iter().zip(&kept) {
                    for (row, values) in rows.iter().enumerate() {
                        if values.iter().any(|value| passes(&test, value)) {
                            let row = row as u64;
                            let is_kept = kept.iter().any(|range| range.contains(&row));
                            assert!(is_kept, "{writer}: {path} {test:?}, row {row}: {values:?}");
                        }
                    }
                }
            }
        }
        let count = |of: Evidence| seen.iter().filter(|by| **by == of).count();
        let counts = [
            count(Evidence::Statistics),
            count(Evidence::BloomFilter),
            count(Evidence::Dictionary),
            count(Evidence::PageIndex),
        ];
        println!("{writer}: {counts:?}");
        assert!(counts[0] > 50 && counts[1] > 0, "{writer}: {counts:?}");
        assert!(counts[3] > 20 || writer == "duckdb", "{writer}: {counts:?}");
    }
}

#[test]
fn two_tests_of_one_leaf_are_about_one_value_and_of_a_list_about_any() {
    let file = open("pyarrow");
    let leaf = |path: &str| {
        file.schema().leaves().iter().find(|leaf| &*leaf.dotted_path == path).unwrap().index
    };
    let between = |path: &str, low: &str, high: &str| {
        let above = Predicate::compare(leaf(path), Comparison::Greater, low);
        let both = above.and(Predicate::compare(leaf(path), Comparison::Less, high));
        kept(&file, &Arc::new(Filter::new(both)))
    };
    // No tag of the first row group lies between; one is smaller, one is larger.
    let (rows, evidence) = between("inner.tag", "t0", "t1");
    assert!(
        rows[0].is_empty() && evidence.contains(&Evidence::Dictionary),
        "{rows:?} {evidence:?}"
    );
    // Of a list one value may be smaller and another one larger.
    let (rows, _) = between("tags.list.element", "g0-0", "g0-1");
    assert!(!rows[0].is_empty());
}
