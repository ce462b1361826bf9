//! Every file of the corpus is in the ledger, and what the ledger says of it is true.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use conformance::ledger::{self, Content, Entry, Golden, State};
use conformance::normal::normal;
use conformance::reading;
use conformance::{arrow_type, corpus};
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use millwork_format::ErrorKind;
use millwork_format::error::Feature;
use millwork_format::limits::Limits;
use millwork_format::metadata::BloomFilter;
use millwork_format::metadata::bloom_filter::hash;
use millwork_format::read::{BatchOptions, File};

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
                Content::Keys(entries) => {
                    assert_eq!(entries.len() as u64, golden.rows, "{}", entry.path);
                    continue;
                }
            };
            for row in rows {
                normal(row).unwrap_or_else(|why| panic!("{}: {why}", entry.path));
            }
        }
    }
}

/// No program reads all rows of it: the golden is what the corpus documents.
const DOCUMENTED_ALONE: [&str; 1] = ["data/int96_from_spark.parquet"];

#[test]
fn each_golden_is_what_two_programs_read() {
    let (mut goldens, mut by_three, mut alone) = (0, 0, Vec::new());
    for entry in entries() {
        if matches!(entry.state, State::Reads | State::RejectsChecksum) {
            let golden = ledger::golden(&entry.path).expect("a golden");
            println!("{}  golden: {}", entry.path, golden.agreement());
            goldens += 1;
            by_three += usize::from(golden.programs() == 3);
            if golden.programs() < 2 {
                alone.push(entry.path);
            }
        }
    }
    println!("{goldens} goldens, {by_three} of three programs, all but {alone:?} of at least two");
    assert_eq!(alone, DOCUMENTED_ALONE);
}

/// Whether the ledger is right about one file; otherwise what to say.
fn check(root: &Path, entry: &Entry) -> Result<(), String> {
    let path = root.join(&entry.path);
    if let (State::Reads, Ok(Golden { content: Content::Keys(keys), .. })) =
        (entry.state, ledger::golden(&entry.path))
    {
        let found = reading::large_entries(&path, &Limits::standard());
        let found = found.map_err(|error| error.to_string())?;
        let expected: Vec<_> = keys.into_iter().map(Some).collect();
        return (found == expected).then_some(()).ok_or_else(|| format!("{found:?}"));
    }
    let read = reading::json_lines(&path, &Limits::standard());
    let equal = |lines: &[u8]| reading::compare(lines, &ledger::golden(&entry.path)?);
    match (entry.state, read) {
        (State::Aside | State::Probed, _) => Ok(()),
        (State::Reads, Ok(lines)) => equal(&lines),
        (State::Rejects, Err(error)) => {
            let kind = format!("{:?}", error.kind()).to_lowercase();
            let is_named = entry.reason.to_lowercase().starts_with(&kind);
            is_named.then_some(()).ok_or_else(|| format!("rejected as {kind}: {error}"))
        }
        (State::RejectsChecksum, Err(error)) => {
            if *error.kind() != ErrorKind::Corrupt || error.hint_text().is_none() {
                return Err(format!("not an error of checksums: {error}"));
            }
            let limits = Limits { verify_checksums: false, ..Limits::standard() };
            equal(&reading::json_lines(&path, &limits).map_err(|error| error.to_string())?)
        }
        (State::NotYet, Err(error)) => match error.kind() {
            ErrorKind::Unsupported(feature) => {
                let names = |word: &str| entry.reason.contains(word);
                let expected = match feature {
                    Feature::Other(what) if what.contains("VARIANT") => names("variant"),
                    Feature::Encoding(name) => names(&format!("encoding {name}")),
                    Feature::Encryption => names("encryption"),
                    _ => true,
                };
                expected.then_some(()).ok_or_else(|| format!("another reason: {error}"))
            }
            _ => Err(format!("not an error of something missing: {error}")),
        },
        (State::NotYet, Ok(lines)) => match equal(&lines) {
            Ok(()) => Err("reads as its golden now: set its state to reads".to_owned()),
            Err(why) => Err(format!("reads, but {why}")),
        },
        (_, Ok(_)) => Err("reads, which it must not".to_owned()),
        (_, Err(error)) => Err(error.to_string()),
    }
}

#[test]
fn what_the_ledger_says_is_true() {
    let Some(root) = corpus_root() else { return };
    let untrue: Vec<String> = entries()
        .iter()
        .filter(|entry| entry.is_parquet())
        .filter_map(|entry| Some(format!("{}: {}", entry.path, check(&root, entry).err()?)))
        .collect();
    assert!(untrue.is_empty(), "{} lines are not true:\n{}", untrue.len(), untrue.join("\n"));
}

/// What errors say of the broken files, in part.
const REASONS: [(&str, &str); 7] = [
    ("ARROW-GH-41317", "the column chunk ends after"),
    ("ARROW-GH-41321", "the bytes end early"),
    ("ARROW-GH-45185", "begins inside a row"),
    ("ARROW-GH-47662", "bytes"),
    (
        "ARROW-RS-GH-6229-DICTHEADER",
        "a column chunk at 466 with 125 bytes, but the data ends at 291",
    ),
    ("ARROW-RS-GH-6229-LEVELS", "the bytes end early: 1 more expected"),
    ("PARQUET-1481", "physical type -7 does not exist"),
];

#[test]
fn broken_files_are_refused_for_the_reason_that_they_are_broken_for() {
    let Some(root) = corpus_root() else { return };
    let rejected = entries().into_iter().filter(|entry| entry.state == State::Rejects);
    let rejected = rejected.filter(|entry| entry.path.ends_with(".parquet"));
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in rejected {
        count += 1;
        let error = reading::json_lines(&root.join(&entry.path), &Limits::standard());
        let error = error.expect_err("refused").to_string();
        let reason = REASONS.iter().find(|(name, _)| entry.path.contains(name));
        if !reason.is_some_and(|(_, reason)| error.contains(reason)) {
            wrong.push(error);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(count, REASONS.len());
}

/// The lines in normal form; those without one are left as they are.
fn in_normal_form(lines: &str) -> impl Iterator<Item = String> {
    lines.lines().map(|line| normal(line).unwrap_or_else(|_| line.to_owned()))
}

#[test]
fn typed_rows_of_any_schema_are_those_of_the_batches() {
    let Some(root) = corpus_root() else { return };
    let (mut files, mut rows, mut wrong) = (0, 0, Vec::new());
    let entries = entries();
    // The large ones are gigabytes of strings.
    let asked = entries.iter().filter(|e| e.is_parquet() && !e.path.contains("large_string_map"));
    for entry in asked {
        let path = root.join(&entry.path);
        let limits = Limits { verify_checksums: false, ..Limits::standard() };
        let lines = reading::json_lines(&path, &limits);
        let typed = File::open(&path, &limits)
            .and_then(|file| file.rows(BatchOptions::default()))
            .and_then(conformance::rows::json_lines);
        match (lines, typed) {
            (Ok(lines), Ok(typed)) => {
                let lines = String::from_utf8(lines).expect("UTF-8");
                let differs = |(found, expected): &(String, String)| found != expected;
                let mut pairs = in_normal_form(&typed).zip(in_normal_form(&lines));
                if let Some(pair) = pairs.find(differs) {
                    wrong.push(format!("{}: {pair:?}", entry.path));
                }
                assert_eq!(typed.lines().count(), lines.lines().count(), "{}", entry.path);
                (files, rows) = (files + 1, rows + lines.lines().count());
            }
            (Err(lines), Err(typed)) => assert_eq!(lines.to_string(), typed.to_string()),
            (lines, typed) => wrong.push(format!("{}: {:?}, {typed:?}", entry.path, lines.is_ok())),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{rows} rows of {files} files");
    assert!(files > 200, "{files}");
}

/// Columns that are bare repeated fields, or have such: pyarrow calls their elements as the field, here they are
/// called `element` like those of every list.
const BARE_REPEATED: [(&str, &str, &str); 4] = [
    (
        "data/repeated_no_annotation.parquet",
        "phoneNumbers",
        "struct<phone: list<element: struct<number: int64 not null, kind: string> not null> not null>",
    ),
    ("data/repeated_primitive_no_list.parquet", "Int32_list", "list<element: int32 not null>"),
    ("data/repeated_primitive_no_list.parquet", "String_list", "list<element: string not null>"),
    (
        "data/repeated_primitive_no_list.parquet",
        "group_of_lists",
        "struct<Int32_list_in_group: list<element: int32 not null> not null, \
         String_list_in_group: list<element: string not null> not null>",
    ),
];

#[test]
fn the_schemas_of_goldens_are_ours() {
    let Some(root) = corpus_root() else { return };
    let (mut compared, mut others) = (0, Vec::new());
    for entry in entries().iter().filter(|entry| matches!(entry.state, State::Reads)) {
        let golden = ledger::golden(&entry.path).expect("a golden");
        let bytes = std::fs::read(root.join(&entry.path)).expect("a file of the corpus");
        let bytes = Buffer::copy_of(&bytes, &Budget::unlimited()).expect("memory");
        let file = File::from_bytes(&entry.path, bytes, &Limits::standard()).expect("a file");
        let columns = file.schema().columns().iter().map(|column| &column.field);
        let ours: Vec<_> =
            columns.map(|field| (field.name.to_string(), arrow_type::printed(field))).collect();
        let names = |schema: &[(String, String)]| -> Vec<String> {
            schema.iter().map(|(name, _)| name.clone()).collect()
        };
        assert_eq!(names(&ours), names(&golden.schema), "{}", entry.path);
        if golden.oracle != "pyarrow" {
            continue;
        }
        for ((name, ours), (_, theirs)) in ours.iter().zip(&golden.schema) {
            compared += 1;
            let theirs = arrow_type::without_entries(theirs);
            let is_bare = BARE_REPEATED.contains(&(entry.path.as_str(), name, ours));
            if *ours != theirs && !is_bare {
                others.push(format!("{} {name}: {ours}, pyarrow: {theirs}", entry.path));
            }
        }
    }
    assert!(others.is_empty(), "{} of {compared}:\n{}", others.len(), others.join("\n"));
    println!("{compared} columns have the types that pyarrow gives them");
}

/// A bloom filter that no file is around: what is in it, and what is not, as the ledger says.
#[test]
fn bare_bloom_filters_are_as_the_ledger_says() {
    let Some(root) = corpus_root() else { return };
    let entries = entries();
    let filters = entries.iter().filter(|entry| entry.path.starts_with("data/bloom_filter."));
    let mut asked = 0;
    for entry in filters {
        let bytes = std::fs::read(root.join(&entry.path)).expect("a file");
        let bytes = Buffer::copy_of(&bytes, &Budget::unlimited()).expect("memory");
        let filter = BloomFilter::parse(bytes, 0, &Limits::standard());
        match (entry.state, filter) {
            (State::Probed, Ok(filter)) => {
                let (_, words) = entry.reason.split_once("holds ").expect("what it holds");
                for word in words.split(", ") {
                    assert!(filter.may_contain(hash(word.as_bytes())), "{word}");
                }
                let others = (0..10_000).map(|number| hash(format!("other {number}").as_bytes()));
                let found = others.filter(|other| filter.may_contain(*other)).count();
                assert!(found < 100, "{found} of 10,000 that it does not hold");
            }
            (State::Rejects, Err(error)) => {
                let kind = format!("{:?}", error.kind()).to_lowercase();
                let kind = kind.split('(').next().expect("a word");
                assert!(entry.reason.starts_with(kind), "rejected as {kind}: {error}");
            }
            (state, filter) => panic!("{}: {state:?}, {filter:?}", entry.path),
        }
        asked += 1;
    }
    assert_eq!(asked, 2);
}

/// How many of the corpus's Parquet files below `folder` are in each state, encrypted ones aside.
fn counts(entries: &[Entry], folder: &str) -> [usize; 4] {
    [State::Reads, State::Rejects, State::RejectsChecksum, State::NotYet].map(|state| {
        let is_counted = |entry: &&Entry| {
            entry.state == state
                && entry.path.starts_with(folder)
                && entry.path.ends_with(".parquet")
        };
        entries.iter().filter(is_counted).count()
    })
}

#[test]
fn every_plain_file_of_the_corpus_reads_and_every_bad_one_is_refused() {
    let entries = entries();
    let [reads, rejects, checksum, not_yet] = counts(&entries, "data/");
    println!(
        "plain and geospatial files: {reads} read as another program reads them, {checksum} refused \
         for their checksums and read without, {not_yet} not read"
    );
    assert_eq!([reads, rejects, checksum, not_yet], [73, 0, 2, 0]);
    let [reads, rejects, checksum, not_yet] = counts(&entries, "bad_data/");
    println!("bad files: {rejects} refused, {reads} read, for it is legal");
    assert_eq!([reads, rejects, checksum, not_yet], [1, 7, 0, 0]);
    let [reads, rejects, _, not_yet] = counts(&entries, "shredded_variant/");
    println!("shredded variants: {reads} read, {rejects} refused, {not_yet} not read");
    let encrypted = entries.iter().filter(|entry| entry.path.ends_with(".encrypted"));
    let (reads, not_yet): (Vec<_>, Vec<_>) =
        encrypted.partition(|entry| entry.state == State::Reads);
    println!("encrypted files: {} read, {} not", reads.len(), not_yet.len());
}
