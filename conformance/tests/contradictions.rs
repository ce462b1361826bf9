//! Files that contradict themselves: reading and `verify` give one answer, whichever way it is asked for.
//! What it has to be is decided in ADR 0013.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use conformance::assemble::{Assembler, Chunk, Element, Group, Page, Repetition};
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use millwork_format::limits::Limits;
use millwork_format::metadata::{Compression, Encoding, PhysicalType};
use millwork_format::read::{BatchOptions, File};
use millwork_format::record::JsonWriter;
use millwork_format::verify::{Check, Depth, Finding, Options, Severity, verify};
use millwork_format::{ErrorKind, Result};

const PLAIN: Compression = Compression::Uncompressed;

fn open(bytes: &[u8]) -> File {
    let buffer = Buffer::copy_of(bytes, &Budget::unlimited()).unwrap();
    File::from_bytes("handmade", buffer, &Limits::standard()).unwrap()
}

/// All rows as JSON Lines.
fn read(bytes: &[u8]) -> Result<String> {
    let batches = open(bytes).batches(BatchOptions::default())?;
    let mut writer = JsonWriter::new(&batches.fields());
    let mut text = Vec::new();
    for batch in batches {
        writer.write_batch(&batch?, &mut text)?;
    }
    Ok(String::from_utf8(text).unwrap())
}

fn verified(bytes: &[u8], depth: Depth) -> Vec<Finding> {
    let (mut findings, options) = (Vec::new(), Options { depth, ..Options::default() });
    verify(&open(bytes), &options, &mut |finding| findings.push(finding)).unwrap();
    findings
}

/// Severity, check and rows of each finding.
fn told(findings: &[Finding]) -> Vec<(Severity, Check, Option<(u64, u64)>)> {
    let rows = |finding: &Finding| finding.rows.as_ref().map(|rows| (rows.start, rows.end));
    findings.iter().map(|finding| (finding.severity, finding.check, rows(finding))).collect()
}

fn int32s(values: std::ops::Range<i32>) -> Page {
    let body = values.clone().flat_map(i32::to_le_bytes).collect();
    Page::v1(values.len() as i32, Encoding::Plain, body)
}

fn required(name: &str) -> Element {
    Element::leaf(name, Repetition::Required, PhysicalType::Int32)
}

/// Columns `a` and `b` in row groups of so many rows, in pages of ten, numbered throughout; `change` makes
/// a chunk of row group and column worse, and `rows` tells the rows of a row group.
fn numbers(
    groups: &[i32],
    mut change: impl FnMut((usize, usize), &mut Chunk),
    rows: impl Fn(usize) -> Option<i64>,
) -> Vec<u8> {
    let mut file = Assembler::default();
    let (mut told, mut first) = (Vec::new(), 0);
    for (index, count) in groups.iter().enumerate() {
        let mut chunks = Vec::new();
        for (leaf, name) in ["a", "b"].into_iter().enumerate() {
            let pages: Vec<Page> = (first..first + count)
                .step_by(10)
                .map(|start| int32s(start..(start + 10).min(first + count)))
                .collect();
            let mut chunk = file.chunk(&[name], PhysicalType::Int32, PLAIN, &pages).unwrap();
            change((index, leaf), &mut chunk);
            chunks.push(chunk);
        }
        told.push(Group { chunks, rows: rows(index).unwrap_or((*count).into()) });
        first += count;
    }
    let schema = vec![Element::root(2), required("a"), required("b")];
    file.end_with(&Assembler::footer(schema, told)).unwrap().into_bytes()
}

/// The rows of [`numbers`].
fn lines(count: i32) -> String {
    (0..count).map(|number| format!("{{\"a\":{number},\"b\":{number}}}\n")).collect()
}

const DEPTHS: [Depth; 3] = [Depth::Footer, Depth::Pages, Depth::Values];

#[test]
fn values_of_a_row_group_without_rows_are_an_error_and_told_as_lost() {
    let sound = numbers(&[30, 20, 30], |_, _| {}, |_| None);
    assert_eq!(read(&sound).unwrap(), lines(80));
    assert!(verified(&sound, Depth::Values).is_empty());
    assert_eq!(open(&sound).counted_rows().unwrap(), 80);
    let bytes = numbers(&[30, 20, 30], |_, _| {}, |group| (group == 1).then_some(0));
    for error in [read(&bytes).unwrap_err(), open(&bytes).counted_rows().unwrap_err()] {
        assert_eq!(*error.kind(), ErrorKind::Corrupt, "{error}");
        assert_eq!(error.place().row_group, Some(1), "{error}");
        assert_eq!(error.place().column.as_deref(), Some("a"), "{error}");
    }
    for depth in DEPTHS {
        let findings = verified(&bytes, depth);
        let lost = (Severity::Corrupt, Check::Count, Some((30, 50)));
        assert_eq!(told(&findings), [lost, lost], "{depth:?} {findings:#?}");
    }
    // A row group without rows and values is none.
    let empty = numbers(&[30, 0, 30], |_, _| {}, |_| None);
    assert_eq!(read(&empty).unwrap(), lines(60));
    assert!(verified(&empty, Depth::Values).is_empty());
}
