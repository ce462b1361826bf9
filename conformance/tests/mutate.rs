//! A share of the campaign of mutants; the whole is `conformance mutate`.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use conformance::{corpus, mutate};

#[test]
fn broken_files_end_in_values_or_typed_errors() {
    if let Err(why) = corpus::root() {
        assert!(!corpus::is_required(), "MILLWORK_REQUIRE_CORPUS=1, but {why}");
        eprintln!("SKIPPED: {why}");
        return;
    }
    let options = mutate::Options { share: 1.0 / 256.0, seed: 0, threads: 2 };
    let summary = mutate::run(options).expect("the corpus, and an end of every mutant");
    println!("{summary}");
    assert_eq!(summary.found, 0, "{summary}");
    // A campaign that hardly reaches the decoders would prove nothing.
    assert!(summary.total() > 10_000, "{summary}");
    assert!(summary.values > 100_000, "{summary}");
    assert!(summary.read_in_full * 20 > summary.total(), "{summary}");
}
