//! Every file of the corpus is in the ledger, and what the ledger says of it is true.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::PathBuf;

use conformance::corpus;
use conformance::ledger::{self, Content, Entry, State};
use conformance::normal::normal;

/// The corpus, or `None` (said on stderr) where there is none and it may be missing.
fn corpus_root() -> Option<PathBuf> {
    match corpus::root() {
        Ok(root) => Some(root),
        Err(why) if corpus::is_required() => panic!("MILLWORK_REQUIRE_CORPUS=1, but {why}"),
        Err(why) => {
            eprintln!("SKIPPED: {why}");
            None
        }
    }
}

fn entries() -> Vec<Entry> {
    ledger::entries().expect("the ledger parses")
}

#[test]
fn the_ledger_lists_each_file_of_the_corpus_once() {
    let Some(root) = corpus_root() else { return };
    let files: BTreeSet<String> = corpus::files(&root).expect("listed").into_iter().collect();
    let mut listed = BTreeSet::new();
    for entry in entries() {
        assert!(listed.insert(entry.path.clone()), "listed twice: {}", entry.path);
    }
    let unlisted: Vec<_> = files.difference(&listed).collect();
    let missing: Vec<_> = listed.difference(&files).collect();
    assert!(unlisted.is_empty(), "not in the ledger: {unlisted:#?}");
    assert!(missing.is_empty(), "in the ledger, not in the corpus: {missing:#?}");
}

#[test]
fn each_file_that_reads_has_a_golden_whose_rows_are_json() {
    for entry in entries() {
        if matches!(entry.state, State::Reads | State::RejectsChecksum) {
            let golden = ledger::golden(&entry.path).expect("a golden");
            let rows = match &golden.content {
                Content::Lines(lines) => {
                    assert_eq!(lines.len() as u64, golden.rows, "{}", entry.path);
                    lines
                }
                Content::Digest { head, digest } => {
                    assert_eq!(digest.len(), 64, "{}", entry.path);
                    head
                }
                Content::CountOnly => panic!("{}: a file that reads needs rows", entry.path),
            };
            for row in rows {
                normal(row).unwrap_or_else(|why| panic!("{}: {why}", entry.path));
            }
        }
    }
}
