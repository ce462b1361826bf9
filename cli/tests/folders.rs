//! Verbs over folders and patterns of which one file is broken: what is printed of the others, and the exit code.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod asked;

use std::fs;
use std::path::Path;

use asked::{Run, run_in};

/// A folder whose folder `t` has the files `a`, `b` and `c`, of which `b` is half a file.
fn folder() -> tempfile::TempDir {
    let good = Path::new(env!("CARGO_MANIFEST_DIR"));
    let good = good.join("../conformance/fixtures/wrong/good.parquet");
    let bytes = fs::read(good).expect("the fixture");
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("t")).expect("made");
    for (name, count) in [("a", bytes.len()), ("b", bytes.len() / 2), ("c", bytes.len())] {
        let path = folder.path().join(format!("t/{name}.parquet"));
        fs::write(path, &bytes[..count]).expect("written");
    }
    folder
}

/// What three files are called together.
const TOGETHER: [&str; 3] = ["t", "t/*.parquet", "t/{c,a,b}.parquet"];

/// What each file gives alone: `a` and `c` something, and `b` the error that names it.
fn alone(folder: &Path, verb: &[&str]) -> [Run; 3] {
    let runs = ["a", "b", "c"]
        .map(|name| run_in(folder, &[verb, &[&format!("t/{name}.parquet")]].concat()));
    assert_eq!((runs[0].code, runs[0].stderr.as_str()), (0, ""), "{verb:?}");
    assert_eq!((runs[2].code, runs[2].stderr.as_str()), (0, ""), "{verb:?}");
    assert_eq!(runs[1].code, 3, "{verb:?}");
    assert!(!runs[0].stdout.is_empty() && !runs[2].stdout.is_empty(), "{verb:?}");
    let told = [runs[1].stdout.as_str(), &runs[1].stderr].concat();
    assert!(told.contains("t/b.parquet"), "{verb:?}: {told}");
    runs
}

#[test]
fn a_file_that_does_not_open_does_not_hide_the_others() {
    let folder = folder();
    // The verb, and what stands between what is said of two files.
    let table: [(&[&str], &str); 14] = [
        (&[], "\n"),
        (&["--format", "json"], ""),
        (&["schema"], "\n"),
        (&["schema", "--format", "json"], ""),
        (&["meta"], "\n"),
        (&["meta", "--format", "json"], ""),
        (&["stats"], "\n"),
        (&["stats", "--format", "json"], ""),
        (&["pages"], ""),
        (&["pages", "--format", "json"], ""),
        (&["count", "--format", "json"], ""),
        (&["verify"], ""),
        (&["verify", "--format", "json"], ""),
        (&["verify", "--deep"], ""),
    ];
    for (verb, between) in table {
        let [a, b, c] = alone(folder.path(), verb);
        let behind_b = if b.stdout.is_empty() { "" } else { between };
        let expected = [&a.stdout, between, &b.stdout, behind_b, &c.stdout].concat();
        for files in TOGETHER {
            let run = run_in(folder.path(), &[verb, &[files]].concat());
            assert_eq!(run.stdout, expected, "{verb:?} {files}");
            assert_eq!((run.code, &run.stderr), (3, &b.stderr), "{verb:?} {files}");
        }
    }
}

/// A number of rows of some of the files would be no answer; that of a file is one.
#[test]
fn a_sum_over_a_file_that_does_not_open_is_not_printed() {
    let folder = folder();
    let [_, b, _] = alone(folder.path(), &["count"]);
    for files in TOGETHER {
        let run = run_in(folder.path(), &["count", files]);
        assert_eq!((run.code, run.stdout.as_str(), &run.stderr), (3, "", &b.stderr), "{files}");
    }
    let run = run_in(folder.path(), &["count", "t/[ac].parquet"]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "1800\n", ""));
}

/// What these print is one table: rows in front of the broken file are there, none behind it.
#[test]
fn rows_end_where_a_file_does_not_open() {
    let folder = folder();
    let [a, b, _] = alone(folder.path(), &["cat"]);
    assert_eq!(a.stdout.lines().count(), 900);
    for files in TOGETHER {
        for verb in [&["cat"][..], &["cat", "--limit", "1800"], &["head", "--limit", "901"]] {
            let run = run_in(folder.path(), &[verb, &[files]].concat());
            assert_eq!((run.code, &run.stdout), (3, &a.stdout), "{verb:?} {files}");
            assert_eq!(run.stderr, b.stderr, "{verb:?} {files}");
        }
        // Enough rows before it is met.
        for verb in [&["head"][..], &["cat", "--limit", "10"]] {
            let run = run_in(folder.path(), &[verb, &[files]].concat());
            let first: String = a.stdout.split_inclusive('\n').take(10).collect();
            assert_eq!((run.code, run.stdout, run.stderr.as_str()), (0, first, ""), "{verb:?}");
        }
        let query = format!("select count(*) from '{files}'");
        let run = run_in(folder.path(), &["sql", &query, "--format", "csv"]);
        assert_eq!((run.code, run.stdout.as_str()), (3, ""), "{files}: {run:?}");
        assert!(run.stderr.contains("t/b.parquet"), "{files}: {}", run.stderr);
    }
}

#[test]
fn every_broken_file_is_said_and_the_first_gives_the_exit_code() {
    let folder = folder();
    // 513 MiB of footer, which no limit allows: exit code 6. The other one, behind it, is exit code 3.
    let large = fs::File::create(folder.path().join("t/a0.parquet")).expect("created");
    large.set_len(514 << 20).expect("made longer");
    let mut tail = (513u32 << 20).to_le_bytes().to_vec();
    tail.extend(b"PAR1");
    std::os::unix::fs::FileExt::write_all_at(&large, &tail, (514 << 20) - 8).expect("written");
    for verb in [&[][..], &["schema"], &["meta"], &["stats"], &["pages"], &["count"]] {
        let run = run_in(folder.path(), &[verb, &["t"]].concat());
        assert_eq!((run.code, run.stderr.matches("error: ").count()), (6, 2), "{verb:?}: {run:?}");
        let told = ["t/a0.parquet", "t/b.parquet"].map(|name| run.stderr.find(name));
        assert!(told[0].is_some() && told[0] < told[1], "{verb:?}: {}", run.stderr);
        let behind = run_in(folder.path(), &[verb, &["t/c.parquet"]].concat()).stdout;
        assert!(run.stdout.ends_with(&behind) || verb == ["count"], "{verb:?}: {}", run.stdout);
    }
}

#[test]
fn a_file_that_is_not_there_does_not_hide_the_others() {
    let folder = folder();
    for verb in [&[][..], &["schema"], &["meta"], &["stats"], &["pages"], &["verify"]] {
        let run = run_in(folder.path(), &[verb, &["gone.parquet", "t/c.parquet"]].concat());
        let behind = run_in(folder.path(), &[verb, &["t/c.parquet"]].concat()).stdout;
        assert_eq!((run.code, &run.stdout), (4, &behind), "{verb:?}: {run:?}");
        assert!(run.stderr.contains("file not found: gone.parquet"), "{verb:?}: {}", run.stderr);
    }
    let run = run_in(folder.path(), &["count", "gone.parquet", "t/c.parquet"]);
    assert_eq!((run.code, run.stderr.matches("error: ").count()), (4, 1), "{run:?}");
}

/// A column or a row group that one file does not have is said of that file alone.
#[test]
fn pages_of_files_that_have_the_column_are_shown() {
    let folder = folder();
    let path = Path::new(env!("CARGO_MANIFEST_DIR"));
    let other = path.join("../conformance/fixtures/tiny/numbers.groups.parquet");
    fs::copy(other, folder.path().join("t/b.parquet")).expect("copied");
    let run = run_in(folder.path(), &["pages", "t", "--columns", "word"]);
    assert_eq!((run.code, run.stderr.matches("error: ").count()), (2, 1), "{run:?}");
    assert!(run.stderr.contains("no column named word in t/b.parquet"), "{}", run.stderr);
    for name in ["t/a.parquet, row group 1", "t/c.parquet, row group 1"] {
        assert!(run.stdout.contains(name), "{name} in {}", run.stdout);
    }
}

/// Output that goes nowhere ends everything: it is no fault of a file.
#[test]
fn a_full_disk_is_said_once() {
    let folder = folder();
    let Ok(full) = fs::File::options().write(true).open("/dev/full") else {
        println!("skipped: there is no /dev/full");
        return;
    };
    for verb in [&["meta"][..], &["pages", "--format", "json"]] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_millwork"))
            .args(verb)
            .args(["t/a.parquet"; 40])
            .current_dir(folder.path())
            .stdout(full.try_clone().expect("the same"))
            .output()
            .expect("it runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{verb:?}: {stderr}");
        assert_eq!(stderr.matches("cannot write standard output").count(), 1, "{verb:?}: {stderr}");
    }
}
