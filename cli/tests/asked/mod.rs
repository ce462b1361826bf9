//! Runs of `millwork`, most of them of `millwork sql`, and what is demanded of them.
#![allow(dead_code, reason = "not every file of tests uses all")]

use std::path::Path;
use std::process::{Command, Stdio};

/// What one run of the program gave.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs `millwork sql` in `folder`, or in the folder of the file that the repository has.
pub fn sql_in(folder: &Path, arguments: &[&str]) -> Run {
    run_in(folder, &[&["sql"], arguments].concat())
}

/// Runs `millwork` in `folder`.
pub fn run_in(folder: &Path, arguments: &[&str]) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_millwork"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    Run {
        code: output.status.code().expect("an exit code"),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}

pub fn testdata() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata")
}

pub fn sql(arguments: &[&str]) -> Run {
    sql_in(&testdata(), arguments)
}

/// Runs `query`, demands success and a silent stderr, and gives the rows as CSV.
pub fn csv(query: &str) -> String {
    let run = sql(&[query, "--format", "csv"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{query}");
    run.stdout
}

/// Runs `query` in `folder` and demands an exit code, words on stderr, and nothing on stdout.
pub fn fails_in(folder: &Path, query: &str, code: i32, words: &[&str]) {
    let run = sql_in(folder, &[query]);
    assert_eq!(run.code, code, "{query}: {run:?}");
    assert_eq!(run.stdout, "", "{query}");
    for word in words {
        assert!(run.stderr.contains(word), "{query}: no {word:?} in\n{}", run.stderr);
    }
}

pub fn fails(query: &str, code: i32, words: &[&str]) {
    fails_in(&testdata(), query, code, words);
}
