//! Generated queries agree in every way of running them: a share, and, if asked for, a thousand.

use conformance::agree;

/// Of the ways of running a query, one of so many is taken, for each query others.
const STRIDE: u64 = 9;

#[test]
fn ways_of_running_a_query_agree() {
    let summary = agree::run(0..40, STRIDE).unwrap();
    assert_eq!((summary.agreed, summary.failed), (40, 0), "{summary:?}");
    // 3 sizes of batches, 2 of threads, pruning and blocking on and off, and every tier.
    let ways = 24 * summary.tiers.len() as u64;
    assert!(summary.runs >= 40 * ways / STRIDE, "{summary:?}");
    assert!(summary.rows > 1000, "{summary:?}");
}

#[test]
fn a_seed_always_gives_the_same_query() {
    let texts: Vec<String> = (0..200).map(|seed| agree::case(seed).sql).collect();
    assert!((0..200).all(|seed| agree::case(seed).sql == texts[seed as usize]));
    for word in [
        "group by",
        " join ",
        "exists (",
        " in (select",
        "union",
        "limit",
        "like",
        "case",
        "unnest(",
        ".items[1]",
        ".p.z",
    ] {
        assert!(texts.iter().any(|text| text.contains(word)), "{word}");
    }
}
