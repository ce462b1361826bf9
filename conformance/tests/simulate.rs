//! The simulation over a share of its seeds, and, if asked for, over all of them.

use conformance::simulate;

#[test]
fn barriers_are_consistent_cuts_and_faults_end_cleanly() {
    let summary = simulate::run(0..1000).unwrap();
    assert_eq!(summary.seeds, 1000);
    let ends = [summary.completed, summary.errors, summary.panics, summary.cancelled];
    assert_eq!(ends.iter().sum::<u64>(), 1000);
    // A simulation in which hardly anything happens would prove nothing.
    assert!(ends.iter().all(|count| *count > 50), "{summary:?}");
    assert!(summary.cuts > 1000, "{summary:?}");
    assert!(summary.on_threads > 60, "{summary:?}");
}
