//! Malformed files, one for each kind of mistake that readers have been broken by: each ends in the error
//! that says so, soon and cheaply. The ids are those of `SECURITY.md`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use conformance::allocator::most_bytes_of;
use conformance::assemble::{Assembler, Chunk, Element, Group, Page, Repetition, one_column, run};
use conformance::corpus;
use conformance::tree::Node;
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use millwork_format::limits::Limits;
use millwork_format::metadata::{Compression, Encoding, PhysicalType};
use millwork_format::read::{BatchOptions, File};
use millwork_format::record::JsonWriter;
use millwork_format::{ErrorKind, Result};

const PLAIN: Compression = Compression::Uncompressed;

/// Milliseconds and bytes that any malformed file may cost.
const MOST_MS: u64 = 100;
const MOST_BYTES: u64 = 64 << 20;

/// All rows of `bytes` as text.
fn read(bytes: &[u8]) -> Result<String> {
    let budget = Budget::new(MOST_BYTES);
    let bytes = Buffer::copy_of(bytes, &Budget::unlimited())?;
    let file = File::from_bytes("malformed", bytes, &Limits::untrusted())?;
    let batches = file.batches(BatchOptions { budget: Some(budget), ..BatchOptions::default() })?;
    let mut writer = JsonWriter::new(&batches.fields());
    let mut text = Vec::new();
    for batch in batches {
        writer.write_batch(&batch?, &mut text)?;
    }
    Ok(String::from_utf8(text).unwrap())
}

/// Reads `bytes`, demands that it was cheap, and gives the kind of the error or the rows.
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
            match error.kind() {
                ErrorKind::Unsupported(_) => "Unsupported".to_owned(),
                ErrorKind::LimitExceeded(_) => "LimitExceeded".to_owned(),
                kind => format!("{kind:?}"),
            }
        }
    }
}

fn int32(values: &[i32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn leaf(repetition: Repetition, physical: PhysicalType) -> Element {
    Element::leaf("a", repetition, physical)
}

fn required(physical: PhysicalType) -> Element {
    leaf(Repetition::Required, physical)
}

fn one(leaf: Element, rows: i64, pages: &[Page]) -> Vec<u8> {
    one_column(leaf, PLAIN, rows, pages).unwrap()
}

/// Three INT32 in a page whose header is changed.
fn with_header(change: impl Fn(&mut Node)) -> Vec<u8> {
    let mut page = Page::v1(3, Encoding::Plain, int32(&[1, 2, 3]));
    change(&mut page.header);
    one(required(PhysicalType::Int32), 3, &[page])
}

/// The same sound, with a footer that is changed.
fn with_footer(change: impl Fn(&mut Node, &mut Node)) -> Vec<u8> {
    let mut file = Assembler::default();
    let page = Page::v1(3, Encoding::Plain, int32(&[1, 2, 3]));
    let chunk = file.chunk(&["a"], PhysicalType::Int32, PLAIN, &[page]).unwrap();
    let mut own = chunk.0;
    let schema = vec![Element::root(1), required(PhysicalType::Int32)];
    let group = |own: Node| Group { chunks: vec![Chunk(own)], rows: 3 };
    let mut footer = Assembler::footer(schema.clone(), vec![group(own.clone())]);
    change(&mut footer, &mut own);
    let Node::Struct(fields) = Assembler::footer(schema, vec![group(own)]) else { panic!() };
    // The chunk may have been changed, too.
    if footer
        .field(4)
        .is_some_and(|groups| matches!(groups, Node::List(None, all) if all.len() == 1))
    {
        footer.set(4, fields.into_iter().find(|(id, _)| *id == 4).unwrap().1);
    }
    file.end_with(&footer).unwrap().into_bytes()
}

fn levels(runs: &[u8], values: &[u8]) -> Vec<u8> {
    [&(runs.len() as u32).to_le_bytes()[..], runs, values].concat()
}

/// DELTA_BINARY_PACKED with these four numbers and bytes.
fn delta(block: u64, miniblocks: u64, total: u64, rest: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for mut number in [block, miniblocks, total, 0] {
        while number > 0x7f {
            bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
    }
    bytes.extend_from_slice(rest);
    bytes
}

fn cases() -> Vec<(&'static str, Vec<u8>, &'static [&'static str])> {
    use PhysicalType::{Boolean, ByteArray, FixedLenByteArray, Int32, Int64};
    const CORRUPT: &[&str] = &["Corrupt", "Truncated"];
    const LIMIT: &[&str] = &["LimitExceeded"];
    const DELTA: &[&str] = &["Corrupt", "Truncated", "Unsupported"];
    let optional = |physical| leaf(Repetition::Optional, physical);
    let mut fixed = required(FixedLenByteArray);
    fixed.0.set(2, Node::I32(i32::MAX));
    let mut negative_width = required(FixedLenByteArray);
    negative_width.0.set(2, Node::I32(-4));
    let dictionary = |entries: i32| Page::dictionary(entries, int32(&[5, 6]));
    let codes = |bytes: &[u8], rows| Page::v1(rows, Encoding::RleDictionary, bytes.to_vec());
    let mut crc = Page::v1(3, Encoding::Plain, int32(&[1, 2, 3]));
    crc.header.set(4, Node::I32(12345));
    let sound = with_footer(|_, _| {});
    vec![
        ("nothing", Vec::new(), CORRUPT),
        ("magic only", b"PAR1".to_vec(), CORRUPT),
        ("both magics, no footer", b"PAR1\0\0\0\0PAR1".to_vec(), CORRUPT),
        (
            "a footer longer than the file",
            b"PAR1\xff\xff\xff\x7fPAR1".to_vec(),
            &["Corrupt", "Truncated", "LimitExceeded"],
        ),
        ("the end is missing", sound[..sound.len() - 1].to_vec(), CORRUPT),
        ("a negative compressed size", with_header(|page| page.set(3, Node::I32(-1))), CORRUPT),
        ("a negative size", with_header(|page| page.set(2, Node::I32(-12))), CORRUPT),
        ("a body of no bytes", with_header(|page| page.set(3, Node::I32(0))), CORRUPT),
        ("a body beyond its chunk", with_header(|page| page.set(3, Node::I32(100_000))), CORRUPT),
        ("a page of 2 GiB", with_header(|page| page.set(2, Node::I32(i32::MAX))), LIMIT),
        (
            "negative values",
            one(required(Int32), 3, &[Page::v1(-3, Encoding::Plain, int32(&[1]))]),
            CORRUPT,
        ),
        (
            "more values than bytes",
            one(required(Int32), 4, &[Page::v1(4, Encoding::Plain, int32(&[1, 2, 3]))]),
            CORRUPT,
        ),
        (
            "more values than any bytes",
            one(
                required(Int64),
                i64::from(i32::MAX),
                &[Page::v1(i32::MAX, Encoding::Plain, int32(&[1, 2]))],
            ),
            CORRUPT,
        ),
        (
            "fewer values than rows",
            one(required(Int32), 9, &[Page::v1(3, Encoding::Plain, int32(&[1, 2, 3]))]),
            CORRUPT,
        ),
        (
            "a dictionary of negative entries",
            one(required(Int32), 2, &[dictionary(-1), codes(&[1, 4, 1], 2)]),
            CORRUPT,
        ),
        (
            "a dictionary of more entries than bytes",
            one(required(Int32), 2, &[dictionary(i32::MAX), codes(&[1, 4, 1], 2)]),
            CORRUPT,
        ),
        (
            "a code that names no entry",
            one(required(Int32), 2, &[dictionary(2), codes(&[2, 4, 3], 2)]),
            CORRUPT,
        ),
        (
            "codes of 33 bits",
            one(required(Int32), 2, &[dictionary(2), codes(&[33, 4, 3, 0, 0, 0, 0], 2)]),
            CORRUPT,
        ),
        (
            "codes of 254 bits",
            one(required(Int32), 2, &[dictionary(2), codes(&[254, 4, 3], 2)]),
            CORRUPT,
        ),
        ("codes without a dictionary", one(required(Int32), 2, &[codes(&[1, 4, 1], 2)]), CORRUPT),
        (
            "codes of no bits are legal",
            one(required(Int32), 2, &[dictionary(2), codes(&[0, 4], 2)]),
            &["2 rows"],
        ),
        (
            "two dictionaries, of which the last counts",
            one(required(Int32), 2, &[dictionary(2), dictionary(2), codes(&[1, 4, 1], 2)]),
            &["2 rows"],
        ),
        (
            "a string of negative length",
            one(required(ByteArray), 1, &[Page::v1(1, Encoding::Plain, vec![0xff; 4])]),
            CORRUPT,
        ),
        (
            "a string of 2 GiB in 8 bytes",
            one(
                required(ByteArray),
                1,
                &[Page::v1(1, Encoding::Plain, vec![0xff, 0xff, 0xff, 0x7f, 1, 2, 3, 4])],
            ),
            CORRUPT,
        ),
        (
            "text that is not UTF-8",
            one(
                required(ByteArray).converted(0),
                1,
                &[Page::v1(1, Encoding::Plain, vec![1, 0, 0, 0, 0xff])],
            ),
            CORRUPT,
        ),
        (
            "fixed bytes of 2 GiB each",
            one(fixed, 1, &[Page::v1(1, Encoding::Plain, vec![1; 64])]),
            CORRUPT,
        ),
        (
            "fixed bytes of a negative width",
            one(negative_width, 1, &[Page::v1(1, Encoding::Plain, vec![1; 64])]),
            CORRUPT,
        ),
        (
            "levels longer than their page",
            one(
                optional(Int32),
                3,
                &[Page::v1(3, Encoding::Plain, vec![0xff, 0xff, 0xff, 0x7f, 3, 1])],
            ),
            CORRUPT,
        ),
        (
            "fewer levels than values",
            one(
                optional(Int32),
                9,
                &[Page::v1(9, Encoding::Plain, levels(&run(3, 1, 1), &int32(&[1, 2, 3])))],
            ),
            CORRUPT,
        ),
        (
            "levels above the highest",
            one(
                optional(Int32),
                3,
                &[Page::v1(3, Encoding::Plain, levels(&run(3, 2, 1), &int32(&[1, 2, 3])))],
            ),
            CORRUPT,
        ),
        (
            "levels of version 2 beyond the page",
            one(
                optional(Int32),
                3,
                &[Page::v2([3, 0, 3], Encoding::Plain, [1000, 0], run(3, 1, 1))],
            ),
            CORRUPT,
        ),
        (
            "levels of version 2 that wrap",
            one(
                optional(Int32),
                3,
                &[Page::v2([3, 0, 3], Encoding::Plain, [i32::MAX, i32::MAX], run(3, 1, 1))],
            ),
            CORRUPT,
        ),
        (
            "other nulls than the header says",
            one(
                optional(Int32),
                3,
                &[Page::v2(
                    [3, 2, 3],
                    Encoding::Plain,
                    [2, 0],
                    [run(3, 1, 1), int32(&[1, 2, 3])].concat(),
                )],
            ),
            CORRUPT,
        ),
        ("a checksum that differs", one(required(Int32), 3, &[crc]), CORRUPT),
        (
            "a delta block of 4 GiB",
            one(
                required(Int32),
                3,
                &[Page::v1(3, Encoding::DeltaBinaryPacked, delta(1 << 32, 1, 3, &[]))],
            ),
            DELTA,
        ),
        (
            "delta values beyond any memory",
            one(
                required(Int32),
                3,
                &[Page::v1(3, Encoding::DeltaBinaryPacked, delta(128, 4, u64::MAX >> 1, &[]))],
            ),
            DELTA,
        ),
        (
            "a delta block without miniblocks",
            one(
                required(Int32),
                3,
                &[Page::v1(3, Encoding::DeltaBinaryPacked, delta(128, 0, 3, &[]))],
            ),
            DELTA,
        ),
        (
            "delta lengths that are negative",
            one(
                required(ByteArray),
                3,
                &[Page::v1(3, Encoding::DeltaLengthByteArray, delta(128, 4, 3, &[5, 0, 0, 0, 0]))],
            ),
            DELTA,
        ),
        (
            "an encoding that there is not",
            one(required(Int32), 3, &[Page::v1(3, Encoding::from_code(77), int32(&[1, 2, 3]))]),
            &["Unsupported", "Corrupt"],
        ),
        (
            "booleans as codes",
            one(required(Boolean), 3, &[Page::v1(3, Encoding::DeltaBinaryPacked, vec![1])]),
            DELTA,
        ),
        (
            "an offset behind the file",
            with_footer(|_, own| own.set(9, Node::I64(1 << 40))),
            CORRUPT,
        ),
        ("a negative offset", with_footer(|_, own| own.set(9, Node::I64(-4))), CORRUPT),
        ("a chunk of 2^63 bytes", with_footer(|_, own| own.set(7, Node::I64(i64::MAX))), CORRUPT),
        ("a negative number of values", with_footer(|_, own| own.set(5, Node::I64(-1))), CORRUPT),
        (
            "a codec that there is not",
            with_footer(|_, own| own.set(4, Node::I32(99))),
            &["Unsupported", "Corrupt"],
        ),
        ("a type that there is not", with_footer(|_, own| own.set(1, Node::I32(-7))), CORRUPT),
        ("no schema", with_footer(|footer, _| footer.set(2, Node::list(Vec::new()))), CORRUPT),
        (
            "a root of negative children",
            with_footer(|footer, _| {
                footer.set(
                    2,
                    Node::list(vec![
                        Element(Node::Struct(vec![(4, Node::text("r")), (5, Node::I32(-1))])).0,
                    ]),
                );
            }),
            CORRUPT,
        ),
        (
            "a root of 2^31 children",
            with_footer(|footer, _| {
                footer.set(2, Node::list(vec![Element::root(i32::MAX as usize).0]));
            }),
            CORRUPT,
        ),
        (
            "a list of 2^31 elements",
            with_footer(|footer, _| {
                let Some(Node::List(_, elements)) = footer.field(2).cloned() else { panic!() };
                footer.set(2, Node::List(Some(i32::MAX), elements));
            }),
            &["Corrupt", "Truncated", "LimitExceeded"],
        ),
    ]
}

#[test]
fn r4_malformed_files_end_in_the_error_that_says_so() {
    for (name, bytes, allowed) in cases() {
        let found = verdict(name, &bytes);
        assert!(allowed.contains(&found.as_str()), "{name}: {found}, expected one of {allowed:?}");
    }
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
        assert_eq!(verdict(path, &bytes), "Unsupported");
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
        found.push((short, verdict(name, &std::fs::read(root.join(name)).unwrap())));
    }
    let expected: Vec<_> =
        VERDICTS.iter().map(|(name, said)| (*name, (*said).to_owned())).collect();
    assert_eq!(found, expected);
}
