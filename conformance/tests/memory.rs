//! TPC-H with 64 MiB: Q1 and Q6 answer, Q3 answers or says who holds the memory, and the process never
//! holds more than 128 MiB.
//!
//! `MILLWORK_TPCH` names a folder with the tables of TPC-H SF1 (`tpchgen-cli parquet -s 1`).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;

use conformance::allocator::most_bytes_of_all;
use millwork_engine::pipeline::ThreadScheduler;
use millwork_engine::session::{Consumer, Session, SessionOptions, StatementOutcome};
use millwork_engine::{ErrorKind, Result};
use millwork_format::batch::Batch;
use millwork_format::types::Field;

const MEBIBYTE: u64 = 1 << 20;

struct Silent;

impl Consumer for Silent {
    fn begin(&mut self, _: usize, _: &[Field]) -> Result<()> {
        Ok(())
    }
    fn batch(&mut self, _: &Batch) -> Result<()> {
        Ok(())
    }
    fn end(&mut self, _: usize, _: &StatementOutcome) -> Result<()> {
        Ok(())
    }
}

#[test]
fn queries_keep_to_the_memory_they_are_given() {
    let Ok(folder) = std::env::var("MILLWORK_TPCH") else {
        println!("skipped: MILLWORK_TPCH names no folder with the tables of TPC-H SF1");
        return;
    };
    let memory_bytes = 64 * MEBIBYTE;
    let options = SessionOptions { threads: 2, memory_bytes, ..SessionOptions::default() };
    let mut session = Session::new(options);
    for table in ["lineitem", "orders", "customer"] {
        let view = format!("create view {table} as select * from '{folder}/{table}.parquet'");
        session.run(&view, &mut Silent).unwrap();
    }
    for (query, must_answer) in [("q1", true), ("q6", true), ("q3", false)] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("sql/tpch/{query}.sql"));
        let sql = std::fs::read_to_string(path).unwrap();
        let plan = session.plan(&sql).unwrap();
        let budget = session.budget();
        let scheduler = ThreadScheduler { threads: 2 };
        let (answer, allocated) = most_bytes_of_all(|| {
            session.execute_on(&plan, &scheduler, &budget, false).map(|(batches, _)| batches.len())
        });
        let (account, peak) = (budget.peak() as f64, allocated as f64);
        println!(
            "{query}: {answer:?}; account {:.1} MiB at most, allocator {:.1} MiB at most",
            account / MEBIBYTE as f64,
            peak / MEBIBYTE as f64
        );
        assert!(allocated <= 128 * MEBIBYTE, "{query} held {allocated} bytes");
        assert_eq!(budget.reserved(), 0, "{query} gave everything back");
        match answer {
            Ok(batches) => assert!(batches > 0, "{query}"),
            Err(error) => {
                assert!(!must_answer, "{query}: {error}");
                assert_eq!(*error.kind(), ErrorKind::Memory, "{query}: {error}");
                assert!(!error.holders().is_empty(), "{query}: {error}");
            }
        }
    }
}
