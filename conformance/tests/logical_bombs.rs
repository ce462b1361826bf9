//! Files of a few bytes that rightly have billions of rows: they are streamed, in little memory, and any
//! read can be left at once. The ids are those of `SECURITY.md`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use conformance::allocator::{most_bytes_of, most_bytes_of_all};
use conformance::assemble::{Assembler, Element, Group, Page, Repetition, run};
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use millwork_engine::ErrorKind;
use millwork_engine::session::{Session, SessionOptions};
use millwork_format::limits::Limits;
use millwork_format::metadata::{Compression, Encoding, PhysicalType};
use millwork_format::read::{BatchOptions, Batches, File};
use millwork_format::record::Rows;
use tempfile::NamedTempFile;

const MEBIBYTE: u64 = 1 << 20;
/// Three billion rows, in two pages.
const ROWS: u64 = 3_000_000_000;
const HALF: u64 = ROWS / 2;

/// One at a time: the memory of the whole process is measured.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file, and what is right of it: values that are present, and their sum.
struct Bomb {
    what: &'static str,
    bytes: Vec<u8>,
    rows: u64,
    values: u64,
    sum: i64,
    /// The values, in SQL.
    values_sql: &'static str,
}

/// A section of a page of version 1.
fn section(runs: &[(u64, u32)]) -> Vec<u8> {
    let runs: Vec<u8> = runs.iter().flat_map(|(count, level)| run(*count, *level, 1)).collect();
    [&(runs.len() as u32).to_le_bytes()[..], &runs].concat()
}

/// Codes of `values` values: half of them the first entry, half the second.
fn codes(values: u64) -> Vec<u8> {
    let halves = [run(values / 2, 0, 1), run(values - values / 2, 1, 1)].concat();
    [&[1][..], &halves].concat()
}

fn file(schema: Vec<Element>, path: &[&str], rows: u64, pages: &[Page]) -> Vec<u8> {
    let mut file = Assembler::default();
    let plain = Compression::Uncompressed;
    let chunk = file.chunk(path, PhysicalType::Int32, plain, pages).unwrap();
    let group = Group { chunks: vec![chunk], rows: rows as i64 };
    file.end_with(&Assembler::footer(schema, vec![group])).unwrap().into_bytes()
}

fn dictionary() -> Page {
    Page::dictionary(2, [7i32.to_le_bytes(), 9i32.to_le_bytes()].concat())
}

/// Of each page of an optional column the first 200 million rows are null, and the last one.
fn flat() -> Bomb {
    let nulls = 200_000_000;
    let values = HALF - nulls - 1;
    let levels = section(&[(nulls, 0), (values, 1), (1, 0)]);
    let page = || {
        let body = [levels.clone(), codes(values)].concat();
        Page::v1(HALF as i32, Encoding::RleDictionary, body)
    };
    let leaf = Element::leaf("a", Repetition::Optional, PhysicalType::Int32);
    let schema = vec![Element::root(1), leaf];
    Bomb {
        what: "nulls and values of a flat column",
        bytes: file(schema, &["a"], ROWS, &[dictionary(), page(), page()]),
        rows: ROWS,
        values: 2 * values,
        sum: 2 * (values / 2 * 7 + values.div_ceil(2) * 9) as i64,
        values_sql: "a",
    }
}

/// The same in a struct: there the whole struct is null, or its field.
fn structs() -> Bomb {
    let nulls = 200_000_000;
    let values = HALF - 2 * nulls;
    let levels = section(&[(nulls, 0), (values, 2), (nulls, 1)]);
    let page = || {
        let body = [levels.clone(), codes(values)].concat();
        Page::v1(HALF as i32, Encoding::RleDictionary, body)
    };
    let schema = vec![
        Element::root(1),
        Element::group("s", Repetition::Optional, 1),
        Element::leaf("a", Repetition::Optional, PhysicalType::Int32),
    ];
    Bomb {
        what: "nulls and values of a field of a struct",
        bytes: file(schema, &["s", "a"], ROWS, &[dictionary(), page(), page()]),
        rows: ROWS,
        values: 2 * values,
        sum: 2 * (values / 2 * 7 + values.div_ceil(2) * 9) as i64,
        values_sql: "s.a",
    }
}

/// 2^29 rows whose struct is there and whose field is null: less than 200 bytes, all levels alike.
fn null_fields() -> Bomb {
    let rows = 1u64 << 29;
    let page = Page::v1(rows as i32, Encoding::Plain, section(&[(rows, 1)]));
    let schema = vec![
        Element::root(1),
        Element::group("s", Repetition::Optional, 1),
        Element::leaf("a", Repetition::Optional, PhysicalType::Int32),
    ];
    let bytes = file(schema, &["s", "a"], rows, &[page]);
    assert!(bytes.len() < 200, "{}", bytes.len());
    let what = "null fields of a struct";
    Bomb { what, bytes, rows, values: 0, sum: 0, values_sql: "s.a" }
}

/// 1.5 billion lists in a page: of one element, then empty ones.
fn lists() -> Bomb {
    let (one, none) = (700_000_000, 800_000_000);
    let repetition = section(&[(one + none, 0)]);
    let definition = section(&[(one, 1), (none, 0)]);
    let body = [repetition, definition, codes(one)].concat();
    let page = Page::v1((one + none) as i32, Encoding::RleDictionary, body);
    let leaf = Element::leaf("l", Repetition::Repeated, PhysicalType::Int32);
    let schema = vec![Element::root(1), leaf];
    Bomb {
        what: "lists of one element and of none",
        bytes: file(schema, &["l"], one + none, &[dictionary(), page]),
        rows: one + none,
        values: one,
        sum: (one / 2 * 7 + one.div_ceil(2) * 9) as i64,
        values_sql: "l[1]",
    }
}

fn batches(bomb: &Bomb, limits: &Limits, budget: &Budget) -> Batches {
    let bytes = Buffer::copy_of(&bomb.bytes, &Budget::unlimited()).unwrap();
    let file = File::from_bytes("bomb", bytes, limits).unwrap();
    file.batches(BatchOptions { budget: Some(budget.clone()), ..BatchOptions::default() }).unwrap()
}

/// All rows, one batch after the other, from a stranger's file with 16 MiB.
fn streams(bomb: &Bomb) {
    let _alone = alone();
    let budget = Budget::new(16 * MEBIBYTE);
    let (rows, most_bytes) = most_bytes_of(|| {
        let batches = batches(bomb, &Limits::untrusted(), &budget);
        batches.map(|batch| batch.unwrap().rows() as u64).sum::<u64>()
    });
    assert_eq!(rows, bomb.rows, "{}", bomb.what);
    assert!(most_bytes <= 16 * MEBIBYTE, "{most_bytes}: {}", bomb.what);
    assert_eq!(budget.reserved(), 0);
}

/// The file of `bomb`, and a session for a stranger's files.
fn session_over(bomb: &Bomb) -> (NamedTempFile, Session) {
    let mut path = tempfile::Builder::new().suffix(".parquet").tempfile().unwrap();
    path.write_all(&bomb.bytes).unwrap();
    let options = SessionOptions {
        threads: 2,
        memory_bytes: 64 * MEBIBYTE,
        limits: Limits::untrusted(),
        ..SessionOptions::default()
    };
    (path, Session::new(options))
}

/// Counts and sums by SQL, with 64 MiB of which it needs 16.
fn answers(bomb: &Bomb) {
    let _alone = alone();
    assert!(bomb.bytes.len() < 64 << 10);
    let (path, session) = session_over(bomb);
    let values = bomb.values_sql;
    let sql = format!(
        "select count(*), count({values}), coalesce(sum({values}), 0) from '{}'",
        path.path().display()
    );
    let plan = session.plan(&sql).unwrap();
    let (read, most_bytes) = most_bytes_of_all(|| session.execute(&plan, false));
    let (batches, _) = read.unwrap();
    let found: Vec<String> =
        batches[0].columns().iter().map(|column| format!("{:?}", column.cell(0))).collect();
    let expected =
        [bomb.rows as i64, bomb.values as i64, bomb.sum].map(|number| format!("Integer({number})"));
    assert_eq!(found, expected, "{}", bomb.what);
    assert!(most_bytes <= 16 * MEBIBYTE, "{most_bytes}: {}", bomb.what);
}

#[test]
fn r10_nulls_and_values_of_three_billion_rows_are_streamed() {
    streams(&flat());
}

#[test]
fn r10_sql_counts_and_sums_three_billion_rows() {
    answers(&flat());
}

#[test]
fn r10_structs_of_three_billion_rows_are_streamed() {
    streams(&structs());
    streams(&null_fields());
}

#[test]
fn r10_sql_counts_and_sums_fields_of_structs() {
    answers(&structs());
    answers(&null_fields());
}

#[test]
fn r10_lists_of_billions_of_rows_are_streamed() {
    streams(&lists());
}

#[test]
fn r10_sql_counts_and_sums_elements_of_lists() {
    answers(&lists());
}

/// How long the longest of several steps took.
struct Laps {
    longest: Duration,
    started: Instant,
}

impl Laps {
    fn begin() -> Self {
        Self { longest: Duration::ZERO, started: Instant::now() }
    }

    /// A step has ended, and the next begins.
    fn lap(&mut self) {
        self.longest = self.longest.max(self.started.elapsed());
        self.started = Instant::now();
    }
}

/// Between two batches, or two rows, a reader can always be left: none keeps anybody waiting.
#[test]
fn r10_a_reader_can_be_left_within_fifty_milliseconds() {
    let _alone = alone();
    for bomb in [flat(), structs(), null_fields(), lists()] {
        let open = || batches(&bomb, &Limits::standard(), &Budget::new(16 * MEBIBYTE));
        let by_batches = || {
            let mut laps = Laps::begin();
            let mut batches = open();
            laps.lap();
            for _ in 0..100 {
                batches.next().unwrap().unwrap();
                laps.lap();
            }
            drop(batches);
            laps.lap();
            laps.longest
        };
        let by_rows = || {
            let mut laps = Laps::begin();
            let mut rows = Rows::new(open());
            laps.lap();
            for _ in 0..20_000 {
                assert!(rows.read_next().unwrap().is_some());
                laps.lap();
            }
            drop(rows);
            laps.lap();
            laps.longest
        };
        // Of three attempts the shortest, for another program may have the processor.
        for attempt in [&by_batches as &dyn Fn() -> Duration, &by_rows] {
            let longest = (0..3).map(|_| attempt()).min().unwrap();
            assert!(longest <= Duration::from_millis(50), "{longest:?}: {}", bomb.what);
        }
    }
}

/// A query ends soon after it is told to, in the middle of its rows.
#[test]
fn r10_a_query_can_be_stopped_within_fifty_milliseconds() {
    let _alone = alone();
    for bomb in [flat(), structs(), lists()] {
        let (path, session) = session_over(&bomb);
        for sql in [
            "select count(*), sum({v}) from {t}",
            "select count(*) from {t} where {v} <> 7 or {v} is null",
            "select {v} as v, count(*) from {t} group by v",
            "select {v} as v from {t} order by v desc limit 5",
            "select count(*) from {t} t join (select 7 as k) b on {v} = b.k",
        ] {
            let table = format!("'{}'", path.path().display());
            let sql = sql.replace("{v}", bomb.values_sql).replace("{t}", &table);
            let plan = session.plan(&sql).unwrap();
            let attempt = || {
                let (interrupt, over) = (session.interrupt(), AtomicBool::new(false));
                std::thread::scope(|scope| {
                    let raised = scope.spawn(|| {
                        std::thread::sleep(Duration::from_millis(20));
                        while !interrupt.raise() && !over.load(Ordering::Relaxed) {}
                        Instant::now()
                    });
                    let ended = session.stream(&plan, false, &mut |_| Ok(()));
                    let now = Instant::now();
                    over.store(true, Ordering::Relaxed);
                    assert_eq!(ended.map(drop).unwrap_err().kind(), &ErrorKind::Cancelled, "{sql}");
                    now.saturating_duration_since(raised.join().unwrap())
                })
            };
            let shortest = (0..3).map(|_| attempt()).min().unwrap();
            assert!(shortest <= Duration::from_millis(50), "{shortest:?}: {sql}, {}", bomb.what);
        }
    }
}
