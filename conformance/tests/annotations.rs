//! Annotations that no other program writes yet: files with them are put together here, and read.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use conformance::assemble::{Assembler, Element, Group, Page, Repetition};
use conformance::tree::Node;
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use millwork_format::limits::Limits;
use millwork_format::metadata::{Compression, Encoding, PhysicalType};
use millwork_format::read::{BatchOptions, File};
use millwork_format::record::JsonWriter;
use millwork_format::types::DataType;

/// BSON and FILE in the union of logical types, and BSON among the old annotations.
const BSON: i16 = 13;
const FILE: i16 = 19;
const CONVERTED_BSON: i32 = 20;

fn annotated(mut element: Element, logical: i16) -> Element {
    element.0.set(10, Node::Struct(vec![(logical, Node::Struct(Vec::new()))]));
    element
}

/// A page of required byte arrays.
fn page(values: &[&[u8]]) -> Page {
    let lengths = values.iter().map(|value| (value.len() as u32).to_le_bytes());
    let body = lengths.zip(values).flat_map(|(len, value)| [&len[..], value].concat()).collect();
    Page::v1(values.len() as i32, Encoding::Plain, body)
}

fn open(schema: Vec<Element>, leaves: &[(&[&str], &[&[u8]])]) -> File {
    let mut file = Assembler::default();
    let chunks = leaves.iter().map(|(path, values)| {
        let pages = [page(values)];
        file.chunk(path, PhysicalType::ByteArray, Compression::Uncompressed, &pages).unwrap()
    });
    let group = Group { chunks: chunks.collect(), rows: leaves[0].1.len() as i64 };
    let footer = Assembler::footer(schema, vec![group]);
    let bytes = file.end_with(&footer).unwrap().into_bytes();
    let bytes = Buffer::copy_of(&bytes, &Budget::unlimited()).unwrap();
    File::from_bytes("assembled", bytes, &Limits::standard()).unwrap()
}

fn lines(file: &File) -> String {
    let batches = file.batches(BatchOptions::default()).unwrap();
    let mut writer = JsonWriter::new(&batches.fields());
    let mut lines = Vec::new();
    for batch in batches {
        writer.write_batch(&batch.unwrap(), &mut lines).unwrap();
    }
    String::from_utf8(lines).unwrap()
}

#[test]
fn bson_is_bytes_by_either_annotation() {
    // {} and {"a": 1}.
    let documents: [&[u8]; 2] = [&[5, 0, 0, 0, 0], &[12, 0, 0, 0, 16, b'a', 0, 1, 0, 0, 0, 0]];
    let leaf = || Element::leaf("b", Repetition::Required, PhysicalType::ByteArray);
    for leaf in [annotated(leaf(), BSON), leaf().converted(CONVERTED_BSON)] {
        let file = open(vec![Element::root(1), leaf], &[(&["b"], &documents)]);
        assert_eq!(file.schema().leaves()[0].data_type, DataType::Bson);
        assert!(file.schema().to_string().contains("(BSON)"), "{}", file.schema());
        assert_eq!(lines(&file), "{\"b\":\"BQAAAAA=\"}\n{\"b\":\"DAAAABBhAAEAAAAA\"}\n");
    }
}

#[test]
fn a_file_is_read_as_the_group_that_it_is() {
    let leaf = |name| Element::leaf(name, Repetition::Required, PhysicalType::ByteArray);
    let group = annotated(Element::group("f", Repetition::Required, 2), FILE);
    let schema = vec![Element::root(1), group, leaf("path").converted(0), leaf("content")];
    let paths: [&[u8]; 2] = [b"a.txt", b"b"];
    let contents: [&[u8]; 2] = [b"abc", b""];
    let leaves: [(&[&str], &[&[u8]]); 2] =
        [(&["f", "path"], &paths), (&["f", "content"], &contents)];
    let file = open(schema, &leaves);
    assert!(file.schema().to_string().contains("f (FILE)"), "{}", file.schema());
    let expected = concat!(
        "{\"f\":{\"path\":\"a.txt\",\"content\":\"YWJj\"}}\n",
        "{\"f\":{\"path\":\"b\",\"content\":\"\"}}\n"
    );
    assert_eq!(lines(&file), expected);
}
