//! A lane of a scan, driven by hand: how much a call does.

use std::sync::Arc;

use millwork_codecs::budget::Budget;

use super::ScanSource;
use crate::lower::{LowerOptions, lower};
use crate::operator::tests::with_context;
use crate::pipeline::{Signal, Source, SourceAnswer};
use crate::session::{Session, SessionOptions};

const LINEITEM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/lineitem.parquet");

#[test]
fn no_call_decodes_more_than_a_batch() {
    let conditions = [
        ("l_quantity < 30 and l_discount > 0.02 and l_comment like '%a%'", 3),
        ("l_quantity < 2", 1),
        ("l_linenumber <> 9", 1),
        ("l_shipmode || l_comment like '%z%'", 1),
    ];
    for (condition, conjuncts) in conditions {
        for batch_rows in [100, 1000] {
            let sql = format!("select l_extendedprice, l_tax from '{LINEITEM}' where {condition}");
            let plan = Session::new(SessionOptions::default()).plan(&sql).unwrap();
            let options = LowerOptions { batch_rows, prune: false, ..LowerOptions::default() };
            let lowered = lower(&plan, &options, &Budget::unlimited()).unwrap();
            let shared = Arc::clone(&lowered.scans[0].1);
            let mut source = ScanSource::new(&shared).unwrap();
            let mut decoded = shared.report().totals.rows_decoded;
            let (mut working, mut most) = (0, 0);
            loop {
                match with_context(|context| source.poll(context)).unwrap() {
                    SourceAnswer::Batch(_) => {}
                    SourceAnswer::Working => working += 1,
                    SourceAnswer::Blocked => std::thread::yield_now(),
                    SourceAnswer::Signal(Signal::End) => break,
                    other => panic!("{other:?}"),
                }
                let now = shared.report().totals.rows_decoded;
                let step = now.iter().zip(&decoded).map(|(now, before)| now - before);
                most = most.max(step.max().unwrap());
                decoded = now;
            }
            // Windows with few survivors are put together until they have 256 rows.
            let bound = batch_rows.max(2 * 256) as u64;
            assert!(most <= bound, "{condition}: {most} rows in a call, {batch_rows} a batch");
            let windows = 6005_usize.div_ceil(batch_rows);
            assert!(working >= windows && working <= windows * conjuncts, "{condition}: {working}");
        }
    }
}
