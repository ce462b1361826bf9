//! A lane of a scan, driven by hand: how much a call does.

use std::sync::Arc;
use std::task::Waker;

use millwork_codecs::budget::Budget;

use super::grant::Grant;
use super::queue::{Taken, Unit, group_id};
use super::{ScanShared, ScanSource};
use crate::lower::{LowerOptions, lower};
use crate::operator::tests::with_context;
use crate::pipeline::{Context, Signal, Source, SourceAnswer};
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

/// Polls until there is a batch; false if there is none after a while.
fn gives_a_batch(source: &mut ScanSource, budget: &Budget) -> bool {
    let mut context = Context { waker: Waker::noop(), budget, lane: 0 };
    (0..300).any(|_| match source.poll(&mut context).unwrap() {
        SourceAnswer::Batch(_) => true,
        SourceAnswer::Working => false,
        SourceAnswer::Blocked => {
            std::thread::sleep(std::time::Duration::from_millis(1));
            false
        }
        other => panic!("{other:?}"),
    })
}

#[test]
fn a_lane_that_is_stopped_gives_its_grant_to_one_that_waits() {
    let sql = format!("select l_comment from '{LINEITEM}'");
    let plan = Session::new(SessionOptions::default()).plan(&sql).unwrap();
    let lowered = lower(&plan, &LowerOptions::default(), &Budget::unlimited()).unwrap();
    let shared = Arc::clone(&lowered.scans[0].1);
    // A morsel is granted about 150 kB: there is memory for one, and not for two.
    let budget = Budget::new(200_000);
    let [mut first, mut second] = [(); 2].map(|()| ScanSource::new(&shared).unwrap());
    assert!(gives_a_batch(&mut first, &budget));
    assert!(!gives_a_batch(&mut second, &budget));
    first.stop();
    assert!(gives_a_batch(&mut second, &budget));
}

/// The work that a lane takes, and the grant for it.
fn taken(shared: &ScanShared, budget: &Budget) -> Option<(Unit, Grant)> {
    match shared.take(Waker::noop(), budget) {
        Taken::Unit(unit, grant) => Some((unit, grant)),
        Taken::Later | Taken::Nothing => None,
    }
}

#[test]
fn the_first_unfinished_morsel_waits_for_no_memory_that_later_ones_hold() {
    let sql = format!("select l_comment from '{LINEITEM}'");
    let plan = Session::new(SessionOptions::default()).plan(&sql).unwrap();
    let lowered = lower(&plan, &LowerOptions::default(), &Budget::unlimited()).unwrap();
    let shared = Arc::clone(&lowered.scans[0].1);
    let budget = shared.budget(&Budget::new(200_000));
    let cut = |ordinal: usize, grant| {
        let group = shared.open_group(0, ordinal).unwrap().unwrap();
        shared.put_morsels((0, ordinal), shared.cut(&group), grant);
    };
    let (_first, of_first) = taken(&shared, &budget).unwrap();
    let (second, of_second) = taken(&shared, &budget).unwrap();
    assert_eq!(second.id(), group_id(0, 1), "two row groups are cut at once");
    // The later one is cut first, and its morsel takes the memory.
    cut(1, &of_second);
    let (late, _) = taken(&shared, &budget).unwrap();
    assert_eq!(late.id(), group_id(0, 1));
    cut(0, &of_first);
    let (early, _) = taken(&shared, &budget).expect("the others may wait for it");
    assert!(matches!(early, Unit::Morsel(_)));
    assert_eq!(early.id(), group_id(0, 0));
}
