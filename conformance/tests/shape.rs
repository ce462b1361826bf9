//! The shape of the engine, seen through the counters that EXPLAIN ANALYZE shows: what is decoded
//! once, what is not decoded at all, how work is shared, how often bytes are asked for.
//!
//! The files are 400,000 rows in one row group of small pages, with and without a page index
//! (`fixtures/make_shape.py`). Where `MILLWORK_TPCH_ONE` names a folder with lineitem of TPC-H SF1 as
//! one row group (`li_one_idx.parquet`, `li_one_noidx.parquet`), that is looked at as well
//! (`race/full_size.sh` makes it).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use millwork_engine::catalog::{Catalog, Table};
use millwork_engine::lower::{LowerOptions, lower};
use millwork_engine::pipeline::{
    CancelToken, Order, QueryReport, RunOptions, Scheduler, SeededScheduler, ThreadScheduler,
};
use millwork_engine::scan::ScanReport;
use millwork_engine::source::ParquetTable;
use millwork_engine::sql::{Binder, Bound, Views, parse};
use millwork_format::batch::Batch;
use millwork_format::io::{Driver, DriverProfile, RecordingDriver};
use millwork_format::limits::Limits;
use millwork_format::metadata::OffsetIndex;
use millwork_format::read::File;
use millwork_format::vector::Cell;

const ROWS: u64 = 400_000;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn in_memory(path: &Path) -> (File, Buffer) {
    let bytes = std::fs::read(path).unwrap();
    let bytes = Buffer::copy_of(&bytes, &Budget::unlimited()).unwrap();
    let name = path.to_string_lossy();
    (File::from_bytes(&name, bytes.clone(), &Limits::standard()).unwrap(), bytes)
}

/// A catalog of one table, `t`.
struct One(File);

impl Catalog for One {
    fn table(&self, name: &str) -> millwork_engine::Result<Arc<dyn Table>> {
        Ok(Arc::new(ParquetTable::new(name, vec![self.0.clone()])?))
    }
}

struct Ran {
    batches: Vec<Batch>,
    query: QueryReport,
    /// The first of `scans`.
    scan: ScanReport,
    scans: Vec<ScanReport>,
}

fn run(file: &File, sql: &str, scheduler: &dyn Scheduler) -> Ran {
    let views = Views::default();
    let catalog = One(file.clone());
    let statements = parse(sql).unwrap();
    let bound = Binder::new(&catalog, &views).bind(&statements[0]).unwrap();
    let Bound::Query(plan) = bound.optimized() else {
        panic!("a query is expected");
    };
    let budget = Budget::unlimited();
    let lanes = scheduler.threads();
    let options = LowerOptions { lanes, window_bytes: u64::MAX, ..LowerOptions::default() };
    let lowered = lower(&plan, &options, &budget).unwrap();
    let run = RunOptions { budget: budget.clone(), cancel: CancelToken::new(), analyze: true };
    let query = scheduler.run(lowered.query, run).unwrap();
    let scans: Vec<ScanReport> = lowered.scans.iter().map(|(_, scan)| scan.report()).collect();
    let batches = lowered.result.take_all();
    Ran { batches, query, scan: scans[0].clone(), scans }
}

fn in_rounds(seed: u64) -> SeededScheduler {
    let mut scheduler = SeededScheduler::new(seed, 2);
    scheduler.order = Order::Rounds;
    scheduler.slice_batches = 1;
    scheduler
}

/// First rows of the pages of every leaf.
fn pages(file: &File, bytes: &Buffer) -> Vec<OffsetIndex> {
    (0..file.footer().num_columns())
        .map(|leaf| {
            let chunk = file.footer().column(0, leaf).unwrap();
            let (start, len) = chunk.offset_index().unwrap();
            let index = &bytes[start as usize..start as usize + len as usize];
            OffsetIndex::parse(index, start, bytes.len() as u64, &Limits::standard()).unwrap()
        })
        .collect()
}

fn integer(cell: Cell<'_>) -> i128 {
    match cell {
        Cell::Integer(value) => value,
        other => panic!("{other:?}"),
    }
}

const ALL: &str = "select sum(id), min(day), min(flag), min(status), sum(quantity), sum(price), \
                   count(note) from t";

#[test]
fn a_full_scan_opens_every_page_and_dictionary_once() {
    let (indexed, bytes) = in_memory(&fixture("shape_idx.parquet"));
    let expected: usize = pages(&indexed, &bytes).iter().map(OffsetIndex::len).sum();
    for name in ["shape_idx.parquet", "shape_noidx.parquet"] {
        let (file, _) = in_memory(&fixture(name));
        for seed in 0..3 {
            let ran = run(&file, ALL, &in_rounds(seed));
            assert!(ran.scan.morsels > 4, "{name}: {} morsels", ran.scan.morsels);
            assert_eq!(ran.scan.totals.pages_decompressed, expected as u64, "{name}");
            assert_eq!(ran.scan.totals.dictionaries_decoded, 5, "{name}");
            let batch = &ran.batches[0];
            let ids: i128 = (0..i128::from(ROWS)).map(|row| row / 1000).sum();
            assert_eq!(integer(batch.columns()[0].cell(0)), ids);
            assert_eq!(integer(batch.columns()[6].cell(0)), i128::from(ROWS) * 4 / 5);
        }
        let ran = run(&file, ALL, &ThreadScheduler { threads: 2 });
        assert_eq!(ran.scan.totals.pages_decompressed, expected as u64, "{name}, threads");
        assert_eq!(ran.scan.totals.dictionaries_decoded, 5, "{name}, threads");
    }
}

#[test]
fn two_lanes_share_one_row_group_to_a_morsel() {
    for name in ["shape_idx.parquet", "shape_noidx.parquet"] {
        let (file, _) = in_memory(&fixture(name));
        for seed in 0..5 {
            let ran = run(&file, ALL, &in_rounds(seed));
            let rows = &ran.query.pipelines[0].lane_rows;
            assert_eq!(rows.iter().sum::<u64>(), ROWS);
            let largest = ROWS / ran.scan.morsels * 3 / 2;
            assert!(rows[0].abs_diff(rows[1]) <= largest, "{name}: {rows:?}, morsel {largest}");
        }
    }
}

#[test]
fn groups_of_codes_need_no_key_per_row() {
    let (file, _) = in_memory(&fixture("shape_idx.parquet"));
    let sql = "select flag, status, sum(quantity), avg(price), count(*) from t \
               where day <= date '1975-01-01' group by flag, status";
    let ran = run(&file, sql, &in_rounds(1));
    let aggregate = ran.query.part("aggregate").unwrap();
    assert!(aggregate.rows_in > 200_000, "{aggregate:?}");
    let keys = aggregate.counter("keys_built");
    assert!((1..=64).contains(&keys), "{keys} keys for {} rows", aggregate.rows_in);
    assert_eq!(ran.batches.iter().map(Batch::count).sum::<usize>(), 6);
}

#[test]
fn the_first_query_of_tpch_builds_few_keys() {
    let sql = include_str!("../sql/tpch/q1.sql").replace("lineitem", "t");
    let mut files = vec![fixture("../../testdata/lineitem.parquet")];
    if let Ok(folder) = std::env::var("MILLWORK_TPCH_ONE") {
        files.push(Path::new(&folder).join("li_one_idx.parquet"));
    }
    for path in files {
        let ran = run(&in_memory(&path).0, &sql, &in_rounds(2));
        let aggregate = ran.query.part("aggregate").unwrap();
        let (keys, rows) = (aggregate.counter("keys_built"), aggregate.rows_in);
        // Four groups, of each pair of dictionaries, in each of two lanes.
        let most = 64 * ran.scan.row_groups;
        assert!((1..=most).contains(&keys) && rows > 5_000, "{keys} keys for {rows} rows");
        assert_eq!(ran.batches.iter().map(Batch::count).sum::<usize>(), 4);
    }
}

#[test]
fn a_rare_filter_opens_only_payload_pages_with_survivors() {
    let (indexed, bytes) = in_memory(&fixture("shape_idx.parquet"));
    let pages = pages(&indexed, &bytes);
    // Days are 160 rows each; of the rows of these days one in fifty has quantity 7.
    let days = [3u64, 900, 2400];
    let survivors: Vec<u64> = days
        .iter()
        .flat_map(|day| day * 160..(day + 1) * 160)
        .filter(|row| row * 7 % 50 == 7)
        .collect();
    assert!(survivors.len() as u64 * 10_000 <= ROWS, "{} survivors", survivors.len());
    let sql = "select note, price from t where day in (date '1970-01-04', date '1972-06-19', \
               date '1976-07-28') and quantity = 7";
    for name in ["shape_idx.parquet", "shape_noidx.parquet"] {
        let (file, _) = in_memory(&fixture(name));
        let ran = run(&file, sql, &in_rounds(7));
        let found: usize = ran.batches.iter().map(Batch::count).sum();
        assert_eq!(found, survivors.len(), "{name}");
        let opened = &ran.scan.totals.pages_decompressed_by_column;
        // Columns of the scan are those read, in the order of the table: day, quantity, price, note.
        for (position, leaf) in [(opened.len() - 2, 5), (opened.len() - 1, 6)] {
            let first_rows = &pages[leaf].first_rows;
            let with_survivors: BTreeSet<usize> = survivors
                .iter()
                .map(|row| first_rows.partition_point(|first| first <= row))
                .collect();
            assert_eq!(opened[position], with_survivors.len() as u64, "{name}, leaf {leaf}");
        }
    }
}

#[test]
fn a_join_tells_the_scan_on_its_left_which_rows_it_can_use() {
    let (indexed, bytes) = in_memory(&fixture("shape_idx.parquet"));
    let pages = pages(&indexed, &bytes);
    // The rows of these days have the ids 0, 144 and 384, each of which a thousand rows have.
    let on_the_right = "select id from t where day in (date '1970-01-05', date '1972-06-20', \
                        date '1976-07-28')";
    let kept: Vec<u64> = [0, 144, 384].iter().flat_map(|id| id * 1000..(id + 1) * 1000).collect();
    let sql = format!("select count(note), sum(price) from t where id in ({on_the_right})");
    // A left row that would fail fails whether or not the join can use it.
    let fails = format!(
        "select count(note), sum(price) from (select id, note, price + 1 as price from t) as t \
         where id in ({on_the_right})"
    );
    for (sql, is_told) in [(&sql, true), (&fails, false)] {
        let ran = run(&indexed, sql, &in_rounds(3));
        assert_eq!(integer(ran.batches[0].columns()[0].cell(0)), 3000 * 4 / 5);
        let left = ran.scans.last().unwrap();
        let opened = &left.totals.pages_decompressed_by_column;
        let with_kept: BTreeSet<usize> = kept
            .iter()
            .map(|row| pages[6].first_rows.partition_point(|first| first <= row))
            .collect();
        let notes = if is_told { with_kept.len() } else { pages[6].len() };
        assert_eq!(opened.last(), Some(&(notes as u64)), "{left:?}");
        // What indexes know of the keys leaves out most rows before any is read.
        let left_out = left.rows_pruned_by_pages + left.rows_filtered;
        assert_eq!(left_out, if is_told { ROWS - 3000 } else { 0 }, "{left:?}");
    }
}

#[test]
fn a_top_k_tells_its_scan_which_rows_it_can_still_use() {
    for name in ["shape_idx.parquet", "shape_noidx.parquet"] {
        let (file, _) = in_memory(&fixture(name));
        // Days ascend: after the first batches no further row is wanted.
        let ran = run(&file, "select day, note from t order by day limit 10", &in_rounds(5));
        assert_eq!(ran.batches.iter().map(Batch::count).sum::<usize>(), 10);
        let (left_out, pages) =
            (ran.scan.rows_pruned_by_pages + ran.scan.rows_filtered, &ran.scan.totals);
        assert!(left_out > ROWS / 2, "{name}: {left_out} of {ROWS}");
        let notes = pages.pages_decompressed_by_column[1];
        let all = run(&file, "select sum(length(note)) from t", &in_rounds(5)).scan.totals;
        assert!(notes * 2 < all.pages_decompressed, "{name}: {notes} of {all:?}");
        // Where they descend, later rows are the wanted ones.
        let ran = run(&file, "select day, note from t order by day desc limit 10", &in_rounds(5));
        assert_eq!(ran.scan.rows_pruned_by_pages, 0, "{name}");
    }
}

#[test]
fn rounds_are_few() {
    let (opened, bytes) = in_memory(&fixture("shape_idx.parquet"));
    let sql = "select sum(price), count(note) from t where quantity < 40 and flag = 'A'";
    let predicate_columns = 2;
    for (latency_us, most_per_morsel) in [(20, 2 + predicate_columns), (20_000, 3)] {
        let profile = DriverProfile { latency_us };
        let driver = Arc::new(RecordingDriver::new("late", bytes.clone(), profile, 5));
        let file = File::over(&opened, Arc::clone(&driver) as Arc<dyn Driver>);
        let done = AtomicBool::new(false);
        let ran = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    if !driver.answer_one() {
                        std::thread::yield_now();
                    }
                }
            });
            let ran = run(&file, sql, &ThreadScheduler { threads: 1 });
            done.store(true, Ordering::Relaxed);
            ran
        });
        let (expected, _) = (run(&opened, sql, &in_rounds(1)), ());
        for column in 0..2 {
            assert_eq!(
                integer(ran.batches[0].columns()[column].cell(0)),
                integer(expected.batches[0].columns()[column].cell(0))
            );
        }
        assert!((1..=most_per_morsel).contains(&ran.scan.most_rounds), "{:?}", ran.scan);
        // Those that cut the row group are few, too.
        let most = ran.scan.morsels * most_per_morsel;
        assert!(ran.scan.totals.need_rounds <= most, "{:?}", ran.scan);
        let mut asked = driver.asked();
        asked.sort_by_key(|range| range.start);
        assert!(asked.windows(2).all(|two| two[0].end <= two[1].start), "bytes asked for twice");
    }
}

#[test]
fn lineitem_as_one_row_group_feeds_two_workers() {
    let Ok(folder) = std::env::var("MILLWORK_TPCH_ONE") else {
        println!("skipped: MILLWORK_TPCH_ONE names no folder with lineitem as one row group");
        return;
    };
    let sql = "select min(l_orderkey), min(l_partkey), min(l_suppkey), min(l_linenumber), \
               sum(l_quantity), sum(l_extendedprice), sum(l_discount), sum(l_tax), \
               min(l_returnflag), min(l_linestatus), min(l_shipdate), min(l_commitdate), \
               min(l_receiptdate), min(l_shipinstruct), min(l_shipmode), min(l_comment) from t";
    let (indexed, bytes) = in_memory(&Path::new(&folder).join("li_one_idx.parquet"));
    let all_pages: usize = pages(&indexed, &bytes).iter().map(OffsetIndex::len).sum();
    let group = indexed.footer().row_groups().next().unwrap();
    let dictionaries = group.columns().filter(|c| c.dictionary_page_offset().is_some()).count();
    let opened_once = |name: &str, ran: &Ran| {
        let totals = &ran.scan.totals;
        assert_eq!(totals.pages_decompressed, all_pages as u64, "{name}");
        assert_eq!(totals.dictionaries_decoded, dictionaries as u64, "{name}");
    };
    for name in ["li_one_idx.parquet", "li_one_noidx.parquet"] {
        let file = File::open(&Path::new(&folder).join(name), &Limits::standard()).unwrap();
        let ran = run(&in_memory(&Path::new(&folder).join(name)).0, sql, &in_rounds(3));
        let rows = &ran.query.pipelines[0].lane_rows;
        println!("{name}: lanes {rows:?}, {:?}", ran.scan);
        opened_once(name, &ran);
        let largest = rows.iter().sum::<u64>() / ran.scan.morsels * 3 / 2;
        assert!(rows[0].abs_diff(rows[1]) <= largest, "{name}: {rows:?}");
        let least = (0..3)
            .map(|_| {
                let ran = run(&file, sql, &ThreadScheduler { threads: 2 });
                opened_once(name, &ran);
                let rows = &ran.query.worker_rows;
                println!("{name}: workers {rows:?}");
                rows.iter().min().copied().unwrap_or(0) * 100 / rows.iter().sum::<u64>().max(1)
            })
            .max();
        assert!(least >= Some(30), "{name}: the lesser worker had {least:?} % of the rows");
    }
}
