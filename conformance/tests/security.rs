//! The promises of `SECURITY.md` name tests that exist.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;

/// The names and files of tests: `` [`name`](file) ``.
fn named(text: &str) -> Vec<(&str, &str)> {
    let after = text.split("[`").skip(1);
    after
        .filter_map(|link| {
            let (name, rest) = link.split_once("`](")?;
            Some((name, rest.split_once(')')?.0))
        })
        .collect()
}

#[test]
fn every_promise_names_tests_and_every_test_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = std::fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let promises = text.split("\n## ").find(|part| part.starts_with("What is promised")).unwrap();
    let promises: Vec<&str> = promises.split("\n**").skip(1).collect();
    assert_eq!(promises.len(), 7);
    for promise in promises {
        let title = promise.split_once("**").unwrap().0;
        let tests = named(promise);
        assert!(!tests.is_empty(), "{title} names no test");
        for (name, file) in tests {
            let source = std::fs::read_to_string(root.join(file)).unwrap();
            let head = format!("#[test]\nfn {name}() {{");
            assert!(source.contains(&head), "{title} {file} has no test {name}");
        }
    }
}
