//! Filters and ranges of rows, against all rows: what passes is what a loop over the values says.
//!
//! Over every fixture of the project but those that lie, and over the conformance corpus where
//! `PARQUET_TEST_DATA` names it: each leaf, tests by values that are there and by some that are not.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "a test may abort")]

use std::cmp::Ordering;
use std::ops::Range;
use std::path::{Path, PathBuf};

use millwork_format::calendar::{NANOS_PER_DAY, int96_parts};
use millwork_format::limits::Limits;
use millwork_format::prune::{Comparison, LeafPredicate, Predicate, PruneValue, Test};
use millwork_format::read::{BatchOptions, Columns, File};
use millwork_format::record::JsonWriter;
use millwork_format::schema::Layout;
use millwork_format::types::DataType;
use millwork_format::vector::Cell;
use millwork_format::{ErrorKind, Result};

/// Rows of a file that are looked at, and leaves, at most.
const MOST_ROWS: u64 = 300;
const MOST_LEAVES: usize = 12;

/// Bytes of a file that is looked at, when it is decompressed.
const MOST_BYTES: u64 = 16 << 20;

const CODECS: [&str; 5] = ["brotli", "gzip", "lz4", "zstd", "uncompressed"];

const COMPARISONS: [Comparison; 6] = [
    Comparison::Equal,
    Comparison::NotEqual,
    Comparison::Less,
    Comparison::LessOrEqual,
    Comparison::Greater,
    Comparison::GreaterOrEqual,
];

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// By row: the values of a leaf, nulls as `None`.
type Values = Vec<Vec<Option<PruneValue>>>;

/// A file as it is without a filter.
struct Whole {
    file: File,
    lines: Vec<String>,
    /// By leaf.
    values: Vec<Values>,
}

fn files_under(folder: &Path, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() && !path.ends_with("wrong") {
            files_under(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "parquet") {
            // Of files that differ only in their codec one will do.
            let name = path.to_string_lossy().into_owned();
            if !CODECS.iter().any(|codec| name.contains(codec)) || !name.contains("interop") {
                into.push(path);
            }
        }
    }
}

fn limits() -> Limits {
    // Some of the corpus have wrong checksums on purpose.
    Limits { verify_checksums: false, ..Limits::standard() }
}

fn lines(file: &File, options: BatchOptions) -> Result<Vec<String>> {
    let batches = file.batches(options)?;
    let mut writer = JsonWriter::new(&batches.fields());
    let mut text = Vec::new();
    for batch in batches {
        let batch = batch?;
        assert!(batch.rows() > 0);
        writer.write_batch(&batch, &mut text)?;
    }
    Ok(String::from_utf8(text).unwrap().lines().map(str::to_owned).collect())
}

/// The values of leaf `leaf` in `cell`: nothing for a list without elements.
fn values(
    leaf: usize,
    layout: &Layout,
    cell: Cell<'_>,
    data_type: &DataType,
    into: &mut Vec<Option<PruneValue>>,
) {
    let holds = |layout: &Layout| {
        let mut leaves = Vec::new();
        layout.leaves(&mut leaves);
        leaves.contains(&leaf)
    };
    match (layout, cell) {
        (Layout::Struct { children, .. }, Cell::Struct { children: vectors, row }) => {
            for (layout, vector) in children.iter().zip(vectors).filter(|(layout, _)| holds(layout))
            {
                values(leaf, layout, vector.cell(row), data_type, into);
            }
        }
        (Layout::List { element, .. }, Cell::List { child, start, end }) => {
            (start..end).for_each(|row| values(leaf, element, child.cell(row), data_type, into));
        }
        (_, Cell::Bytes(bytes)) if *data_type == DataType::Int96 => {
            let (days, nanos) = int96_parts(bytes.try_into().unwrap());
            let nanos = i128::from(days) * i128::from(NANOS_PER_DAY) + i128::from(nanos);
            into.push(Some(PruneValue::Integer(nanos)));
        }
        (_, cell) => into.push(PruneValue::of_cell(data_type, cell)),
    }
}

fn whole(path: &Path) -> Result<Option<Whole>> {
    let file = File::open(path, &limits())?;
    let bytes = file.footer().row_groups().flat_map(|group| group.columns());
    let bytes: u64 = bytes.map(|chunk| chunk.total_uncompressed_size()).sum();
    if !(1..=MOST_ROWS).contains(&file.num_rows()) || bytes > MOST_BYTES {
        return Ok(None);
    }
    let lines = lines(&file, BatchOptions::default())?;
    let leaves = file.schema().leaves();
    let mut all: Vec<Values> = vec![Vec::new(); leaves.len()];
    for batch in file.batches(BatchOptions::default())? {
        let batch = batch?;
        for (column, vector) in file.schema().columns().iter().zip(batch.columns()) {
            for leaf in column.leaves.clone() {
                for row in 0..batch.rows() {
                    let mut found = Vec::new();
                    let data_type = &leaves[leaf].data_type;
                    values(leaf, &column.layout, vector.cell(row), data_type, &mut found);
                    all[leaf].push(found);
                }
            }
        }
    }
    Ok(Some(Whole { file, lines, values: all }))
}

fn order(own: &PruneValue, other: &PruneValue) -> Ordering {
    match (own, other) {
        (PruneValue::Float(own), PruneValue::Float(other)) if own.is_nan() || other.is_nan() => {
            own.is_nan().cmp(&other.is_nan())
        }
        _ => own.order(other).unwrap(),
    }
}

fn value_passes(test: &Test, value: Option<&PruneValue>) -> bool {
    let Some(value) = value else { return *test == Test::IsNull };
    match test {
        Test::IsNull => false,
        Test::IsNotNull => true,
        Test::In(list) => list.as_slice().iter().any(|one| order(value, one).is_eq()),
        Test::Prefix(prefix) => matches!(value, PruneValue::Bytes(own) if own.starts_with(prefix)),
        Test::Compare { comparison, value: other } => comparison.holds(order(value, other)),
    }
}

fn row_passes(predicate: &Predicate, whole: &Whole, row: usize) -> bool {
    match predicate {
        Predicate::Leaf(LeafPredicate { leaf, test }) => {
            whole.values[*leaf][row].iter().any(|value| value_passes(test, value.as_ref()))
        }
        Predicate::All(parts) => parts.iter().all(|part| row_passes(part, whole, row)),
        Predicate::Any(parts) => parts.iter().any(|part| row_passes(part, whole, row)),
    }
}

/// Tests of a leaf by some of its values, and by some that it hardly has.
fn tests(whole: &Whole, leaf: usize, random: &mut Random) -> Vec<Test> {
    let described = &whole.file.schema().leaves()[leaf];
    let mut candidates: Vec<PruneValue> = Vec::new();
    let there: Vec<&PruneValue> = whole.values[leaf].iter().flatten().flatten().collect();
    if !there.is_empty() {
        candidates.extend((0..2).map(|_| there[random.below(there.len())].clone()));
    }
    match candidates.first().cloned() {
        Some(PruneValue::Integer(value)) => {
            candidates.extend([value + 1, i128::MAX, i128::from(i64::MIN)].map(PruneValue::Integer))
        }
        Some(PruneValue::Float(value)) => {
            candidates.extend([value + 0.1, -0.0, f64::NAN].map(PruneValue::Float));
        }
        Some(PruneValue::Bytes(mut bytes)) => {
            bytes.push(0);
            candidates.extend([bytes, Vec::new(), vec![0xff; 3]].map(PruneValue::Bytes));
        }
        _ => {}
    }
    let has_order = !matches!(
        described.data_type,
        DataType::Interval | DataType::Geometry | DataType::Geography
    );
    let mut tests = vec![Test::IsNotNull];
    if described.max_repetition_level == 0 {
        tests.push(Test::IsNull);
    }
    for value in &candidates {
        let possible = if has_order { 6 } else { 2 };
        for comparison in [(); 2].map(|()| &COMPARISONS[random.below(possible)]) {
            tests.push(Test::Compare { comparison: *comparison, value: value.clone() });
        }
        if let PruneValue::Bytes(bytes) = value
            && !matches!(described.data_type, DataType::WideDecimal { .. })
        {
            tests.push(Test::Prefix(bytes[..bytes.len().min(2)].to_vec()));
        }
    }
    tests.push(Test::In(candidates.iter().take(2).cloned().collect()));
    tests.push(Test::In(candidates.into_iter().collect()));
    tests
}

/// Checks `predicate` in one of several ways.
fn check(whole: &Whole, predicate: &Predicate, random: &mut Random) -> usize {
    let count = whole.lines.len();
    let pick = |random: &mut Random| random.below(count + 1) as u64;
    let ranges: Option<Vec<Range<u64>>> = (random.below(3) == 0).then(|| {
        let pairs = [(); 3].map(|()| (pick(random), pick(random)));
        pairs.map(|(one, other)| one.min(other)..one.max(other)).to_vec()
    });
    let limit_rows = (random.below(4) == 0).then(|| pick(random));
    let batch_rows = [None, Some(1), Some(7), Some(64)][random.below(4)];
    let is_asked = |row: usize| match &ranges {
        Some(ranges) => ranges.iter().any(|range| range.contains(&(row as u64))),
        None => true,
    };
    let expected: Vec<&String> = (0..count)
        .filter(|row| is_asked(*row) && row_passes(predicate, whole, *row))
        .map(|row| &whole.lines[row])
        .take(limit_rows.map_or(usize::MAX, |limit| limit as usize))
        .collect();
    let filter = Some(predicate.clone());
    let options =
        BatchOptions { filter, rows: ranges, limit_rows, batch_rows, ..BatchOptions::default() };
    let found = lines(&whole.file, options.clone()).unwrap();
    let name = whole.file.name();
    assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{name}: {options:?}");
    expected.len()
}

#[test]
fn what_passes_is_what_a_loop_over_the_values_says() {
    let mut paths = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    files_under(&root.join("conformance/fixtures"), &mut paths);
    files_under(&root.join("testdata"), &mut paths);
    let own = paths.len();
    match std::env::var_os("PARQUET_TEST_DATA") {
        Some(corpus) => files_under(Path::new(&corpus), &mut paths),
        None => println!("skipped: the corpus, which PARQUET_TEST_DATA does not name"),
    }
    let mut random = Random(0x5eed);
    let (mut files, mut checks, mut some) = (0, 0, 0);
    for (at, path) in paths.iter().enumerate() {
        let whole = match whole(path) {
            Ok(Some(whole)) => whole,
            Ok(None) => continue,
            // Of the corpus some are encrypted, some broken.
            Err(error) => {
                assert!(at >= own, "{}: {error}", path.display());
                continue;
            }
        };
        files += 1;
        let mut asked = Vec::new();
        for leaf in 0..whole.values.len().min(MOST_LEAVES) {
            for test in tests(&whole, leaf, &mut random) {
                let predicate = Predicate::test(leaf, test);
                let passing = check(&whole, &predicate, &mut random);
                some += usize::from(passing > 0 && passing < whole.lines.len());
                checks += 1;
                asked.push(predicate);
            }
        }
        for _ in 0..asked.len().min(6) {
            let mut one = || asked[random.below(asked.len())].clone();
            let joined = [one().and(one()), one().or(one()), one().and(one().or(one()))];
            for predicate in joined {
                check(&whole, &predicate, &mut random);
                checks += 1;
            }
        }
    }
    println!("{checks} filters over {files} files, {some} with some of the rows");
    assert!(files > 60 && some > 1_000, "{files} files, {some} filters");
}

/// Polars 1.36 wrote bounds that leave out a page's empty string, a longer word, and all below zero; 1.44 as many nulls
/// as rows, where half of them are null. pyarrow 10 told of the first of several dictionaries only.
#[test]
fn rows_that_the_statistics_of_a_writer_who_is_known_for_it_deny_are_found() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/fixtures/interop/old");
    let open = |name: &str| File::open(&folder.join(name), &Limits::standard()).unwrap();
    let (bounds, counts, chunks) = (
        open("bounds.polars.parquet"),
        open("counts.polars.parquet"),
        open("chunks.pyarrow.parquet"),
    );
    let leaf = |path: &str| bounds.schema().leaf_at(path).unwrap();
    let table = [
        (&bounds, Predicate::compare(leaf("low"), Comparison::Equal, ""), 1),
        (&bounds, Predicate::is_in(leaf("high"), ["zzz", "zzzz"]), 1),
        (&bounds, Predicate::begins_with(leaf("high"), "zzz"), 1),
        (&bounds, Predicate::compare(leaf("number"), Comparison::Less, 0), 100),
        (&counts, Predicate::compare(0, Comparison::Equal, "k1"), 72),
        (&counts, Predicate::is_not_null(0), 500),
        (&counts, Predicate::is_null(0), 500),
        (&chunks, Predicate::compare(0, Comparison::Equal, "b"), 4),
        (&chunks, Predicate::compare(0, Comparison::NotEqual, "a"), 4),
        (&chunks, Predicate::is_null(0), 1),
    ];
    for (file, filter, expected) in table {
        let options = BatchOptions { filter: Some(filter), ..BatchOptions::default() };
        assert_eq!(lines(file, options.clone()).unwrap().len(), expected, "{options:?}");
    }
}

#[test]
fn filters_that_make_no_sense_are_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/fixtures/indexes");
    let file = File::open(&folder.join("pyarrow.parquet"), &Limits::standard()).unwrap();
    let leaf = |path: &str| file.schema().leaf_at(path).unwrap();
    let (code, tag, tags) = (leaf("inner.code"), leaf("inner.tag"), leaf("tags"));
    let equal = Comparison::Equal;
    let table = [
        (Predicate::compare(code, equal, "7"), "is compared with text or bytes"),
        (Predicate::compare(code, equal, 7.0), "is compared with a float"),
        (Predicate::is_in(tag, [1, 2]), "values of another kind"),
        (Predicate::begins_with(code, "7"), "has no beginning"),
        (Predicate::is_null(tags), "no question to a row that may have many"),
        (Predicate::compare(999, equal, 7), "leaf 999"),
    ];
    for (filter, words) in table {
        let options = BatchOptions { filter: Some(filter), ..BatchOptions::default() };
        let error = file.batches(options).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::InvalidArgument, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    for rows in [None, Some(vec![0..10, 20..30])] {
        let row_groups = Some(vec![usize::MAX]);
        let options = BatchOptions { row_groups, rows, ..BatchOptions::default() };
        let error = file.batches(options).unwrap().next().unwrap().unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::InvalidArgument, "{error}");
    }
    for (path, words) in [("nowhere", "no column named nowhere"), ("inner", "2 leaves, not one")] {
        let error = file.schema().leaf_at(path).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn a_filter_reads_the_pages_of_its_rows_only() {
    // Row groups of 60 rows, pages of 15.
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/fixtures/parts.parquet");
    let file = File::open(&path, &Limits::standard()).unwrap();
    let read = |options: BatchOptions| {
        let mut batches = file.batches(options).unwrap();
        let rows: usize = batches.by_ref().map(|batch| batch.unwrap().rows()).sum();
        (rows, batches.totals().pages_decompressed)
    };
    let columns = Columns::At((0..file.schema().columns().len()).collect());
    let (all, pages) = read(BatchOptions { columns: columns.clone(), ..BatchOptions::default() });
    let one = std::iter::once(20..21).collect();
    let (some, few) = read(BatchOptions { columns, rows: Some(one), ..BatchOptions::default() });
    assert_eq!((all, some), (file.num_rows() as usize, 1));
    let leaves = file.schema().leaves().len() as u64;
    // Of some lists it is not known which rows their pages hold.
    assert!(few <= 2 * leaves && pages > 8 * few, "{few} of {pages} pages for {leaves} leaves");
}
