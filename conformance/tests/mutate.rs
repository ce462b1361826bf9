//! Shares of the campaign of mutants; the whole is `conformance mutate`. The ids are those of
//! `SECURITY.md`.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use conformance::assemble::{Assembler, Element, Group, Page, Repetition, run};
use conformance::corpus;
use conformance::mutate::{Extent, Options, Summary, run as campaign};
use conformance::tree::Node;
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use millwork_format::limits::Limits;
use millwork_format::metadata::{Compression, Encoding, PhysicalType};
use millwork_format::read::{BatchOptions, File};
use millwork_format::record::CsvWriter;

/// The summary of a share; `None` if there is no corpus.
fn share(extent: Extent, share: f64) -> Option<Summary> {
    if let Err(why) = corpus::root() {
        assert!(!corpus::is_required(), "MILLWORK_REQUIRE_CORPUS=1, but {why}");
        eprintln!("SKIPPED: {why}");
        return None;
    }
    let options = Options { extent, share, seed: 0, threads: 2, only: String::new() };
    let summary = campaign(options).expect("the corpus, and an end of every mutant");
    println!("{summary}");
    assert_eq!(summary.found, 0, "{summary}");
    Some(summary)
}

#[test]
fn broken_files_end_in_values_or_typed_errors() {
    let Some(summary) = share(Extent::Everything, 1.0 / 2048.0) else { return };
    // A campaign that hardly reaches the decoders would prove nothing.
    assert!(summary.total() > 10_000, "{summary}");
    assert!(summary.values > 100_000, "{summary}");
    assert!(summary.read_in_full * 20 > summary.total(), "{summary}");
}

#[test]
fn r1_every_bit_and_every_length_of_small_files() {
    let Some(summary) = share(Extent::SmallFiles, 1.0 / 256.0) else { return };
    assert_eq!(summary.files, 203);
    assert!(summary.total() > 15_000, "{summary}");
}

#[test]
fn r2_structures_with_other_contents() {
    let Some(summary) = share(Extent::Structures, 1.0 / 256.0) else { return };
    assert!(summary.total() > 10_000, "{summary}");
    assert!(summary.values > 10_000, "{summary}");
}

/// CRC-32 as the spec of gzip has it, bit by bit.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

/// The rows as text without the names of columns: a name may change, which who looks for it sees.
fn rows(bytes: &[u8]) -> Option<String> {
    let bytes = Buffer::copy_of(bytes, &Budget::unlimited()).ok()?;
    let file = File::from_bytes("flipped", bytes, &Limits::untrusted()).ok()?;
    let batches = file.batches(BatchOptions::default()).ok()?;
    let mut writer = CsvWriter::new(&batches.fields());
    let mut text = Vec::new();
    for batch in batches {
        writer.write_batch(&batch.ok()?, &mut text).ok()?;
    }
    String::from_utf8(text).ok()
}

/// An annotation: the old code, and the member of the new union with its fields.
fn annotated(leaf: Element, old: i32, member: i16, fields: Vec<(i16, Node)>) -> Element {
    let mut leaf = leaf.converted(old);
    leaf.0.set(10, Node::Struct(vec![(member, Node::Struct(fields))]));
    leaf
}

/// The columns of the file whose bits are flipped, each with its pages of 150 rows.
fn columns() -> Vec<(Element, Vec<Page>)> {
    let leaf = |name, physical| Element::leaf(name, Repetition::Required, physical);
    let plain = |body| vec![Page::v1(150, Encoding::Plain, body)];
    let entries = (0..6).flat_map(|entry| [2, 0, 0, 0, b'a', b'0' + entry]).collect();
    let codes = [&[3][..], &run(40, 2, 1), &run(60, 5, 1)].concat();
    let letters = (0..50u8).flat_map(|value| [1, 0, 0, 0, b'A' + value]).collect();
    let text = annotated(leaf("text", PhysicalType::ByteArray), 0, 1, Vec::new());
    let day = annotated(leaf("day", PhysicalType::Int32), 6, 6, Vec::new());
    let days = (0..150i32).flat_map(|day| (day * 3).to_le_bytes()).collect();
    let micros = Node::Struct(vec![(2, Node::Struct(Vec::new()))]);
    let at = vec![(1, Node::Bool(true)), (2, micros)];
    let at = annotated(leaf("at", PhysicalType::Int64), 10, 8, at);
    let times = (0..150i64).flat_map(|time| (time * 1_234_567).to_le_bytes()).collect();
    let decimal = vec![(1, Node::I32(2)), (2, Node::I32(9))];
    let mut price = annotated(leaf("price", PhysicalType::Int32), 5, 5, decimal);
    price.0.set(7, Node::I32(2));
    price.0.set(8, Node::I32(9));
    let prices = (0..150i32).flat_map(|price| (price * 101).to_le_bytes()).collect();
    let signed = vec![(1, Node::I8(16)), (2, Node::Bool(true))];
    let small = Element::leaf("small", Repetition::Optional, PhysicalType::Int32);
    let small = annotated(small, 16, 10, signed);
    let definition = [run(100, 1, 1), run(50, 0, 1)].concat();
    let smalls: Vec<u8> = (0..100i32).flat_map(|value| (value - 50).to_le_bytes()).collect();
    let smalls = [&(definition.len() as u32).to_le_bytes()[..], &definition, &smalls].concat();
    let ratio = leaf("ratio", PhysicalType::Double);
    let ratios = (0..150).flat_map(|value| (f64::from(value) / 8.0).to_le_bytes()).collect();
    vec![
        (
            text,
            vec![
                Page::dictionary(6, entries),
                Page::v1(100, Encoding::RleDictionary, codes),
                Page::v2([50, 0, 50], Encoding::Plain, [0, 0], letters),
            ],
        ),
        (day, plain(days)),
        (at, plain(times)),
        (price, plain(prices)),
        (small, plain(smalls)),
        (ratio, plain(ratios)),
    ]
}

/// The file, and what each of its bytes is.
fn checked_file() -> (Vec<u8>, Vec<&'static str>) {
    let mut file = Assembler::default();
    let (mut chunks, mut schema, mut bodies) = (Vec::new(), vec![Element::root(6)], Vec::new());
    for (leaf, mut pages) in columns() {
        for page in &mut pages {
            page.header.set(4, Node::I32(crc(&page.body).cast_signed()));
            bodies.push(page.body.clone());
        }
        let (Some(Node::I32(code)), Some(Node::Bytes(name))) = (leaf.0.field(1), leaf.0.field(4))
        else {
            unreachable!("a leaf has both")
        };
        let physical = PhysicalType::from_code(*code).unwrap();
        let name = String::from_utf8_lossy(name).into_owned();
        let codec = Compression::Uncompressed;
        chunks.push(file.chunk(&[&name], physical, codec, &pages).unwrap());
        schema.push(leaf);
    }
    let elements: Vec<Vec<u8>> = schema.iter().map(|element| element.0.encode().unwrap()).collect();
    let data_end = file.position() as usize;
    let footer = Assembler::footer(schema, vec![Group { chunks, rows: 150 }]);
    let bytes = file.end_with(&footer).unwrap().into_bytes();
    let mut regions = vec!["page headers"; bytes.len()];
    regions[data_end..].fill("row groups and the rest of the footer");
    regions[..4].fill("magics and length");
    regions[bytes.len() - 8..].fill("magics and length");
    for (pieces, region) in [(&bodies, "page bodies"), (&elements, "schema")] {
        for piece in pieces {
            let found = bytes.windows(piece.len()).position(|window| window == piece);
            let start = found.unwrap();
            regions[start..start + piece.len()].fill(region);
        }
    }
    (bytes, regions)
}

/// The share of flips that may change rows silently, by region; of the schema it is 6.4 % (2026-11-28), and
/// 1.5 % of all outside bodies. What is left there is well-formed and says one thing:
///
/// - the id of a field, which Thrift writes as the distance from the one before, becomes one of a later
///   spec, and takes those behind it along: annotations that are not there any more. Fields that are not
///   known must be passed over, or files of later writers would not read;
/// - of two annotations the new one has another unit or sign, and it is the one that counts (ADR 0013);
/// - the scale of a decimal that has only one annotation left.
///
/// Here every column has annotations and 150 rows; in a file of common size the schema is hardly any of it.
fn most_silent(region: &str) -> f64 {
    if region == "schema" { 0.07 } else { 0.0 }
}

#[test]
fn r3_flipped_bits_of_checked_pages_never_change_a_value() {
    let (bytes, regions) = checked_file();
    let expected = rows(&bytes).unwrap();
    assert_eq!(expected.lines().count(), 150);
    let mut counts: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let found = rows(&flipped);
        let region = regions[bit / 8];
        if region == "page bodies" {
            assert_eq!(found, None, "bit {bit} of a page body");
            continue;
        }
        let (silent, all) = counts.entry(region).or_default();
        *all += 1;
        if let Some(found) = found.filter(|found| *found != expected) {
            *silent += 1;
            let lines = found.lines().zip(expected.lines());
            let (first, was) = lines.into_iter().find(|(a, b)| a != b).unwrap_or(("", ""));
            let (byte, of) = (bit / 8, bit % 8);
            println!("bit {of} of byte {byte} ({region}): {first} instead of {was}");
        }
    }
    for (region, (silent, all)) in &counts {
        let share = 100.0 * f64::from(*silent) / f64::from(*all);
        println!("{region}: {silent} of {all} flips change rows without an error, {share:.2} %");
        assert!(share <= 100.0 * most_silent(region), "{region}: {silent} of {all}");
    }
    let (silent, all) = counts.values().fold((0, 0), |sum, own| (sum.0 + own.0, sum.1 + own.1));
    println!("{silent} of {all} in all, {:.2} %", 100.0 * f64::from(silent) / f64::from(all));
    assert!(f64::from(silent) <= 0.016 * f64::from(all), "{silent} of {all}");
}
