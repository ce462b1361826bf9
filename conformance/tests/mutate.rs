//! Shares of the campaign of mutants; the whole is `conformance mutate`. The ids are those of
//! `SECURITY.md`.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

use conformance::assemble::{Element, Page, Repetition, one_column, run};
use conformance::corpus;
use conformance::mutate::{Extent, Options, Summary, run as campaign};
use conformance::tree::Node;
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use millwork_format::limits::Limits;
use millwork_format::metadata::{Compression, Encoding, PhysicalType};
use millwork_format::read::{BatchOptions, File};
use millwork_format::record::JsonWriter;

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

fn rows(bytes: &[u8]) -> Option<String> {
    let bytes = Buffer::copy_of(bytes, &Budget::unlimited()).ok()?;
    let file = File::from_bytes("flipped", bytes, &Limits::untrusted()).ok()?;
    let batches = file.batches(BatchOptions::default()).ok()?;
    let mut writer = JsonWriter::new(&batches.fields());
    let mut text = Vec::new();
    for batch in batches {
        writer.write_batch(&batch.ok()?, &mut text).ok()?;
    }
    String::from_utf8(text).ok()
}

#[test]
fn r3_flipped_bits_of_checked_pages_never_change_a_value() {
    let entries = (0..6).flat_map(|entry| [2, 0, 0, 0, b'a', b'0' + entry]).collect();
    let codes = [&[3][..], &run(40, 2, 1), &run(60, 5, 1)].concat();
    let plain = (0..50u8).flat_map(|value| [1, 0, 0, 0, b'A' + value]).collect();
    let mut pages = [
        Page::dictionary(6, entries),
        Page::v1(100, Encoding::RleDictionary, codes),
        Page::v2([50, 0, 50], Encoding::Plain, [0, 0], plain),
    ];
    for page in &mut pages {
        page.header.set(4, Node::I32(crc(&page.body).cast_signed()));
    }
    let leaf = Element::leaf("a", Repetition::Required, PhysicalType::ByteArray).converted(0);
    let bytes = one_column(leaf, Compression::Uncompressed, 150, &pages).unwrap();
    let expected = rows(&bytes).unwrap();
    assert_eq!(expected.lines().count(), 150);
    let mut bodies = vec![false; bytes.len()];
    for page in &pages {
        let len = page.body.len();
        let start = bytes.windows(len).position(|window| window == page.body).unwrap();
        bodies[start..start + len].fill(true);
    }
    let (mut silent, mut elsewhere) = (0, 0);
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let found = rows(&flipped);
        if bodies[bit / 8] {
            assert_eq!(found, None, "bit {bit} of a page body");
        } else {
            elsewhere += 1;
            // A name may change: that is told by the keys, and no value.
            silent += u32::from(found.is_some_and(|rows| rows.len() != expected.len()));
        }
    }
    println!("{silent} of {elsewhere} flips of headers and footer change rows without an error");
    assert!(silent * 20 <= elsewhere, "{silent} of {elsewhere}");
}
