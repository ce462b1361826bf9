//! Results that are handed over while the query runs: order, memory, ends of every kind.

use std::sync::atomic::{AtomicU64, Ordering};

use millwork_format::vector::Cell;

use super::*;
use crate::error::ErrorKind;
use crate::pipeline::SeededScheduler;

const LINEITEM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/lineitem.parquet");

fn session(window_bytes: u64, morsel_rows: u64) -> Session {
    let lower = LowerOptions { window_bytes, morsel_rows, ..LowerOptions::default() };
    Session::new(SessionOptions { threads: 3, lower, ..SessionOptions::default() })
}

/// A session in which nothing can overtake anything.
fn in_one_lane() -> Session {
    Session::new(SessionOptions { threads: 1, ..SessionOptions::default() })
}

/// The first column of what `sql` gives.
fn integers(session: &Session, sql: &str) -> Vec<i128> {
    let mut found = Vec::new();
    let plan = session.plan(sql).unwrap();
    let taken = session.stream(&plan, false, &mut |batch| {
        for row in batch.selection().rows().iter() {
            match batch.columns()[0].cell(*row as usize) {
                Cell::Integer(value) => found.push(value),
                other => panic!("{other:?}"),
            }
        }
        Ok(())
    });
    taken.unwrap();
    found
}

/// Reads that were under way when a query was stopped give back when they end.
fn assert_all_is_given_back(budget: &Budget) {
    let started = Instant::now();
    while budget.reserved() > 0 {
        assert!(started.elapsed() < Duration::from_secs(10), "{budget:?}");
        std::thread::yield_now();
    }
}

#[test]
fn plans_that_run_are_optimised() {
    let sql = format!("select l_orderkey from (select * from '{LINEITEM}') where l_quantity < 2");
    let plan = Session::new(SessionOptions::default()).plan(&sql).unwrap();
    let text = plan.explain();
    assert!(!text.contains("Filter"), "{text}");
    assert!(text.contains("[l_orderkey, l_quantity] where"), "{text}");
}

#[test]
fn rows_come_in_the_order_of_the_file_through_the_smallest_window() {
    let text = format!("select l_orderkey * 10 + l_linenumber from '{LINEITEM}'");
    let expected = integers(&in_one_lane(), &text);
    assert!(expected.len() > 1000, "{} rows", expected.len());
    let twice = format!("{text} union all {text}");
    for morsel_rows in [1, 100, 1000] {
        for window_bytes in [1, 5000] {
            let session = session(window_bytes, morsel_rows);
            assert_eq!(integers(&session, &text), expected, "{morsel_rows} {window_bytes}");
            let both = integers(&session, &twice);
            let (first, second) = both.split_at(expected.len());
            assert!(first == expected && second == expected, "{morsel_rows} {window_bytes}");
        }
    }
}

#[test]
fn joins_keep_the_order_of_their_left_rows() {
    let text = format!(
        "select a.l_orderkey * 10 + a.l_linenumber from '{LINEITEM}' a \
         left join (select distinct l_orderkey k from '{LINEITEM}' where l_linenumber = 1) b \
         on a.l_orderkey = b.k"
    );
    let left = format!("select l_orderkey * 10 + l_linenumber from '{LINEITEM}'");
    assert_eq!(integers(&session(1, 500), &text), integers(&in_one_lane(), &left));
}

#[test]
fn a_large_result_needs_the_memory_of_the_window() {
    // 8 million rows of 8 bytes; about 1 MiB waits.
    let text = format!(
        "select a.l_orderkey + b.l_orderkey from '{LINEITEM}' a, \
         (select l_orderkey from '{LINEITEM}' limit 2000) b"
    );
    let session = session(u64::MAX, 64 << 10);
    let plan = session.plan(&text).unwrap();
    let budget = Budget::new(16 << 20);
    let (mut rows, scheduler) = (0, ThreadScheduler { threads: 2 });
    let taken = session.stream_on(&plan, &scheduler, &budget, false, &mut |batch| {
        rows += batch.count();
        Ok(())
    });
    taken.unwrap();
    assert!(rows > 4_000_000, "{rows} rows");
    assert_eq!(budget.reserved(), 0);
    let refused = session.execute_on(&plan, &scheduler, &budget, false).unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::Memory);
    assert!(refused.to_string().contains("result"), "{refused}");
    assert_all_is_given_back(&budget);
}

/// Lanes of later morsels wait for room; one whose limit is met must not leave its morsel unfinished.
#[test]
fn a_limit_above_a_join_ends_every_lane() {
    let text = format!(
        "select a.l_orderkey + b.l_orderkey from '{LINEITEM}' a, \
         (select l_orderkey from '{LINEITEM}' limit 2000) b limit 3000000"
    );
    let session = session(500, 64 << 10);
    let plan = session.plan(&text).unwrap();
    let budget = Budget::new(16 << 20);
    let mut rows = 0;
    let scheduler = ThreadScheduler { threads: 4 };
    let taken = session.stream_on(&plan, &scheduler, &budget, false, &mut |batch| {
        rows += batch.count();
        Ok(())
    });
    taken.unwrap();
    assert_eq!(rows, 3_000_000);
    assert_all_is_given_back(&budget);
}

#[test]
fn who_takes_no_more_stops_the_query() {
    let text = format!("select a.l_orderkey from '{LINEITEM}' a, '{LINEITEM}' b, '{LINEITEM}' c");
    let session = session(1 << 16, 64 << 10);
    let plan = session.plan(&text).unwrap();
    let budget = Budget::unlimited();
    let calls = AtomicU64::new(0);
    for scheduler in [1, 2, 4].map(|threads| ThreadScheduler { threads }) {
        let stopped = session.stream_on(&plan, &scheduler, &budget, false, &mut |_| {
            calls.fetch_add(1, Ordering::Relaxed);
            Err(Error::evaluate("enough"))
        });
        assert_eq!(stopped.unwrap_err().what(), "enough");
        assert_all_is_given_back(&budget);
    }
    assert_eq!(calls.into_inner(), 3);
    let panics = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let scheduler = ThreadScheduler { threads: 2 };
        session.stream_on(&plan, &scheduler, &budget, false, &mut |_| {
            std::panic::resume_unwind(Box::new("taker"))
        })
    }));
    assert!(panics.is_err());
    assert_all_is_given_back(&budget);
}

#[test]
fn what_fails_late_fails_after_the_rows_before_it() {
    let text = format!("select l_orderkey * 10 + l_linenumber from '{LINEITEM}'");
    let last = integers(&in_one_lane(), &text).pop().unwrap();
    let text = format!(
        "select case when l_orderkey * 10 + l_linenumber = {last} \
         then cast(l_shipmode as integer) else 1 end \
         from '{LINEITEM}'"
    );
    let session = in_one_lane();
    let plan = session.plan(&text).unwrap();
    let mut rows = 0;
    let failed = session.stream(&plan, false, &mut |batch| {
        rows += batch.count();
        Ok(())
    });
    assert_eq!(*failed.unwrap_err().kind(), ErrorKind::Evaluate);
    assert!(rows > 0);
}

#[test]
fn a_seeded_run_collects() {
    let text = format!("select l_orderkey * 10 + l_linenumber from '{LINEITEM}'");
    let session = session(1, 700);
    let plan = session.plan(&text).unwrap();
    for seed in 0..20 {
        let scheduler = SeededScheduler { external_wakes: true, ..SeededScheduler::new(seed, 3) };
        let budget = Budget::unlimited();
        let (batches, _) = session.execute_on(&plan, &scheduler, &budget, false).unwrap();
        let origins: Vec<_> = batches.iter().map(|batch| batch.origin().unwrap()).collect();
        assert!(origins.is_sorted());
        assert_eq!(budget.reserved(), 0);
    }
}

#[test]
fn another_thread_interrupts() {
    let text = format!("select a.l_orderkey from '{LINEITEM}' a, '{LINEITEM}' b, '{LINEITEM}' c");
    let session = session(1 << 16, 64 << 10);
    let plan = session.plan(&text).unwrap();
    let interrupt = session.interrupt();
    assert!(!interrupt.raise());
    let mut batches = 0;
    let ended = std::thread::scope(|scope| {
        scope.spawn(|| while !interrupt.raise() {});
        session.stream(&plan, false, &mut |_| {
            batches += 1;
            assert!(batches < 1 << 20, "nobody stops it");
            Ok(())
        })
    });
    assert_eq!(*ended.unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(!interrupt.raise());
}
