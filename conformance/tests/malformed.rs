//! Malformed files, one for each kind of mistake that readers have been broken by: each ends in the error
//! that says so, soon and cheaply. The ids are those of `SECURITY.md`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use cases::{int32, leaf, levels, one, with_footer};
use conformance::address_space::rerun_within;
use conformance::allocator::most_bytes_of;
use conformance::assemble::{Page, Repetition, run};
use conformance::corpus;
use conformance::tree::Node;
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use millwork_format::limits::Limits;
use millwork_format::metadata::{Encoding, PhysicalType};
use millwork_format::read::{BatchOptions, Columns, File};
use millwork_format::record::JsonWriter;
use millwork_format::{ErrorKind, Result};

#[path = "malformed/cases.rs"]
mod cases;
#[path = "malformed/values.rs"]
mod values;

/// Milliseconds and bytes that any malformed file may cost.
const MOST_MS: u64 = 100;
const MOST_BYTES: u64 = 64 << 20;

/// All rows of `bytes` as text.
fn read(bytes: &[u8]) -> Result<String> {
    read_columns(bytes, Columns::All)
}

/// The same of some columns.
fn read_columns(bytes: &[u8], columns: Columns) -> Result<String> {
    let budget = Budget::new(MOST_BYTES);
    let bytes = Buffer::copy_of(bytes, &Budget::unlimited())?;
    let file = File::from_bytes("malformed", bytes, &Limits::untrusted())?;
    let budget = Some(budget);
    let batches = file.batches(BatchOptions { columns, budget, ..BatchOptions::default() })?;
    let mut writer = JsonWriter::new(&batches.fields());
    let mut text = Vec::new();
    for batch in batches {
        writer.write_batch(&batch?, &mut text)?;
    }
    Ok(String::from_utf8(text).unwrap())
}

/// Reads `bytes`, demands that it was cheap, and gives the error or the number of rows.
fn verdict(name: &str, bytes: &[u8]) -> String {
    let mut fastest = Duration::MAX;
    let mut last = None;
    for _ in 0..5 {
        let started = Instant::now();
        let (answer, most_bytes) = most_bytes_of(|| read(bytes));
        fastest = fastest.min(started.elapsed());
        assert!(most_bytes <= MOST_BYTES, "{name}: {most_bytes} bytes");
        last = Some(answer);
        if fastest < Duration::from_millis(MOST_MS) {
            break;
        }
    }
    assert!(fastest <= Duration::from_millis(MOST_MS), "{name}: {fastest:?}");
    match last.unwrap() {
        Ok(rows) => format!("{} rows", rows.lines().count()),
        Err(error) => {
            assert!(!error.what().is_empty(), "{name}");
            let kind = match error.kind() {
                ErrorKind::Unsupported(_) => "Unsupported".to_owned(),
                ErrorKind::LimitExceeded(_) => "LimitExceeded".to_owned(),
                kind => format!("{kind:?}"),
            };
            format!("{kind}: {}", error.what())
        }
    }
}

/// One verdict each, and the words that only the part which has to notice says.
#[test]
fn r4_malformed_files_end_in_the_error_that_says_so() {
    let mut wrong = Vec::new();
    for (name, bytes, expected) in cases::cases().into_iter().chain(values::cases()) {
        let found = verdict(name, &bytes);
        if !found.starts_with(expected) {
            wrong.push(format!("{name}: {expected:?} expected, found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is wrong in a page is told with its file, row group and column, and with the page or the place in the file.
#[test]
fn r4_errors_of_pages_tell_their_place() {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (name, bytes, _) in values::cases() {
        let Err(error) = read(&bytes) else { continue };
        if !matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Truncated) {
            continue;
        }
        count += 1;
        let place = error.place();
        let is_named = place.file.as_deref() == Some("malformed")
            && place.row_group == Some(0)
            && place.column.is_some()
            && (place.page.is_some() || place.dictionary_page || place.file_offset.is_some()
                // Pages of two leaves, which need not be the same ones.
                || error.what().contains("do not agree"));
        if !is_named {
            wrong.push(format!("{name}: {error} at {place:?}"));
        }
    }
    assert!(wrong.is_empty() && count > 20, "{count}\n{}", wrong.join("\n"));
}

#[test]
fn r12_malformed_files_within_little_address_space() {
    rerun_within(512).unwrap();
}

#[test]
fn r3_values_under_padding_and_behind_lengths_are_those_that_were_written() {
    for (name, bytes, expected) in values::sound() {
        assert_eq!(read(&bytes).unwrap(), expected, "{name}");
    }
}

#[test]
fn r3_a_decimal_that_is_not_read_spoils_no_other_column() {
    let bytes = cases::decimal_and_number();
    let error = read(&bytes).unwrap_err().to_string();
    assert!(error.contains("a DECIMAL of 77 digits") && error.contains("column \"a\""), "{error}");
    assert_eq!(read_columns(&bytes, Columns::At(vec![1])).unwrap(), "{\"b\":7}\n");
    let bytes = Buffer::copy_of(&bytes, &Budget::unlimited()).unwrap();
    let file = File::from_bytes("wide", bytes, &Limits::standard()).unwrap();
    assert!(file.schema().to_string().contains("(DECIMAL(77,0))"), "{}", file.schema());
}

/// What a chunk's `file_path` names is never opened, wherever it leads.
#[test]
fn r31_a_chunk_in_another_file_is_refused() {
    for path in ["../../../etc/passwd", "/etc/passwd", "http://localhost/x", "malformed"] {
        let bytes = with_footer(|footer, _| {
            let Some(Node::List(_, mut groups)) = footer.field(4).cloned() else { panic!() };
            let Some(Node::List(_, mut chunks)) = groups[0].field(1).cloned() else { panic!() };
            chunks[0].set(1, Node::text(path));
            groups[0].set(1, Node::list(chunks));
            // A list that claims its own length is left as it is.
            footer.set(4, Node::List(Some(1), groups));
        });
        assert!(verdict(path, &bytes).starts_with("Unsupported: "), "{path}");
    }
}

#[test]
fn r4_the_sound_twin_of_the_malformed_files_reads() {
    assert_eq!(verdict("sound", &with_footer(|_, _| {})), "3 rows");
    let body = levels(&run(3, 1, 1), &int32(&[1, 2, 3]));
    let page = Page::v1(3, Encoding::Plain, body);
    let file = one(leaf(Repetition::Optional, PhysicalType::Int32), 3, &[page]);
    assert_eq!(read(&file).unwrap(), "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n");
}

/// What we say of the broken files of parquet-testing, frozen.
const VERDICTS: [(&str, &str); 8] = [
    ("ARROW-GH-41317", "Truncated"),
    ("ARROW-GH-41321", "Truncated"),
    ("ARROW-GH-43605", "21186 rows"),
    ("ARROW-GH-45185", "Corrupt"),
    ("ARROW-GH-47662", "Truncated"),
    ("ARROW-RS-GH-6229-DICTHEADER", "Corrupt"),
    ("ARROW-RS-GH-6229-LEVELS", "Truncated"),
    ("PARQUET-1481", "Corrupt"),
];

#[test]
fn r4_verdicts_of_the_broken_files_of_parquet_testing_stand() {
    let root = match corpus::root() {
        Ok(root) => root,
        Err(why) => {
            assert!(!corpus::is_required(), "MILLWORK_REQUIRE_CORPUS=1, but {why}");
            return eprintln!("SKIPPED: {why}");
        }
    };
    let names = corpus::files(&root).unwrap();
    let bad: Vec<&String> = names.iter().filter(|name| name.starts_with("bad_data/")).collect();
    assert_eq!(bad.len(), VERDICTS.len());
    let mut found = Vec::new();
    for name in bad {
        let short = name.trim_start_matches("bad_data/").trim_end_matches(".parquet");
        let said = verdict(name, &std::fs::read(root.join(name)).unwrap());
        found.push((short, said.split(':').next().unwrap_or_default().to_owned()));
    }
    let expected: Vec<_> =
        VERDICTS.iter().map(|(name, said)| (*name, (*said).to_owned())).collect();
    assert_eq!(found, expected);
}
