//! Malformed page indexes and bloom filters, one for each kind of mistake that readers have been broken by.
//! Each ends in the error that says so where it is parsed, and changes no answer: a reader does without.
//! The ids are those of `SECURITY.md`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use conformance::ask::integers;
use conformance::assemble::{Assembler, Element, Group, Page, Repetition};
use conformance::tree::Node;
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use millwork_format::Result;
use millwork_format::limits::Limits;
use millwork_format::metadata::{
    BloomFilterHeader, ColumnIndex, Compression, Encoding, OffsetIndex, PhysicalType,
};
use millwork_format::read::File;

/// Which structure is meant.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Offset,
    Column,
    Bloom,
}

/// What is written in place of a sound structure.
struct Index {
    kind: Kind,
    bytes: Vec<u8>,
    /// Its place and length, if the footer lies about them.
    place: Option<(i64, i32)>,
}

/// The bytes of the structure of `fields`.
fn structure(fields: Vec<(i16, Node)>) -> Vec<u8> {
    Node::Struct(fields).encode().unwrap()
}

/// An offset index of the pages at `offsets`, of `size` bytes each, with first rows `rows`.
fn locations(offsets: [i64; 2], size: i32, rows: [i64; 2]) -> Vec<u8> {
    let page = |page: usize| {
        let (offset, row) = (Node::I64(offsets[page]), Node::I64(rows[page]));
        Node::Struct(vec![(1, offset), (2, Node::I32(size)), (3, row)])
    };
    structure(vec![(1, Node::list(vec![page(0), page(1)]))])
}

fn int32(values: &[i32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// Two pages of two INT32 each, 1 to 4; the place of the first and the size of both.
fn pages() -> ([Page; 2], i64, i32) {
    let pages = [1, 3].map(|first| Page::v1(2, Encoding::Plain, int32(&[first, first + 1])));
    let size = pages[0].header.encode().unwrap().len() + pages[0].body.len();
    (pages, 4, size as i32)
}

fn sound_offsets() -> Vec<u8> {
    let (_, start, size) = pages();
    locations([start, start + i64::from(size)], size, [0, 2])
}

/// A column index: for each page whether it is null, bounds, and null counts.
fn bounds(nulls: &[bool], min: &[i32], max: &[i32], counts: &[i64]) -> Vec<u8> {
    let values = |values: &[i32]| {
        Node::list(values.iter().map(|value| Node::Bytes(int32(&[*value]))).collect())
    };
    structure(vec![
        (1, Node::list(nulls.iter().map(|null| Node::Bool(*null)).collect())),
        (2, values(min)),
        (3, values(max)),
        (4, Node::I32(1)),
        (5, Node::list(counts.iter().map(|count| Node::I64(*count)).collect())),
    ])
}

/// A bloom filter of `num_bytes`, of which 32 are there, all bits set; members of its three unions.
fn bloom(num_bytes: i32, members: [i16; 3]) -> Vec<u8> {
    let union = |member| Node::Struct(vec![(member, Node::Struct(Vec::new()))]);
    let [algorithm, hash, compression] = members.map(union);
    let header =
        structure(vec![(1, Node::I32(num_bytes)), (2, algorithm), (3, hash), (4, compression)]);
    [header, vec![0xff; 32]].concat()
}

impl Index {
    fn file(&self) -> File {
        let mut file = Assembler::default();
        let (pages, _, _) = pages();
        let codec = Compression::Uncompressed;
        let mut chunk = file.chunk(&["a"], PhysicalType::Int32, codec, &pages).unwrap();
        let mut indexes = vec![(Kind::Offset, file.piece(&sound_offsets()))];
        indexes.retain(|(kind, _)| *kind != self.kind);
        let (mut offset, mut len) = file.piece(&self.bytes);
        if let Some((false_offset, false_len)) = self.place {
            (offset, len) = (Node::I64(false_offset), Node::I32(false_len));
        }
        if self.kind == Kind::Bloom {
            chunk.0.set(14, offset.clone());
            // Its length is optional.
            let told = self.place.map_or(0, |(_, len)| len);
            chunk.0.set(15, Node::I32(told));
        }
        indexes.push((self.kind, (offset, len)));
        let leaf = Element::leaf("a", Repetition::Required, PhysicalType::Int32);
        let group = Group { chunks: vec![chunk], rows: 4 };
        let mut footer = Assembler::footer(vec![Element::root(1), leaf], vec![group]);
        for (kind, (offset, len)) in indexes {
            let id = match kind {
                Kind::Offset => 4,
                Kind::Column => 6,
                Kind::Bloom => continue,
            };
            Assembler::set_in_chunk(&mut footer, (0, 0), id, offset);
            Assembler::set_in_chunk(&mut footer, (0, 0), id + 1, len);
        }
        let type_order = Node::Struct(vec![(1, Node::Struct(Vec::new()))]);
        footer.set(7, Node::list(vec![type_order]));
        let bytes = file.end_with(&footer).unwrap().into_bytes();
        let bytes = Buffer::copy_of(&bytes, &Budget::unlimited()).unwrap();
        File::from_bytes("indexed", bytes, &Limits::untrusted()).unwrap()
    }

    /// What parsing says.
    fn verdict(&self) -> String {
        let limits = Limits::untrusted();
        let bytes = Buffer::copy_of(&self.bytes, &Budget::unlimited()).unwrap();
        let parsed: Result<()> = match self.kind {
            Kind::Offset => OffsetIndex::parse(&bytes, 100, 10_000, &limits).map(|_| ()),
            Kind::Column => ColumnIndex::parse(bytes, 100, &limits).map(|_| ()),
            Kind::Bloom => {
                let file = self.file();
                let chunk = file.footer().column(0, 0).unwrap();
                let (offset, length) = chunk.bloom_filter().unwrap_or((100, None));
                let data_end = file.footer().base_offset();
                BloomFilterHeader::parse(&bytes, offset, &limits)
                    .and_then(|header| header.check_place(offset, length, data_end))
            }
        };
        match parsed {
            Ok(()) => "parses".to_owned(),
            Err(error) => error.to_string(),
        }
    }
}

fn cases() -> Vec<(&'static str, Index, &'static str)> {
    let (_, start, size) = pages();
    let second = start + i64::from(size);
    let at = |kind, bytes| Index { kind, bytes, place: None };
    let offset = |offsets, size, rows| at(Kind::Offset, locations(offsets, size, rows));
    let column = |nulls: &[bool], min: &[i32], max: &[i32], counts: &[i64]| {
        at(Kind::Column, bounds(nulls, min, max, counts))
    };
    let no = [false, false];
    let long =
        |id: i16| structure(vec![(id, Node::List(Some(i32::MAX), vec![Node::Struct(Vec::new())]))]);
    let placed = |kind, bytes, offset, len| Index { kind, bytes, place: Some((offset, len)) };
    vec![
        (
            "a first page behind row 0",
            offset([start, second], size, [1, 2]),
            "corrupt file: the first page does not start at row 0",
        ),
        (
            "first rows that do not increase",
            offset([start, second], size, [0, 0]),
            "corrupt file: the first rows of pages do not increase",
        ),
        (
            "a negative first row",
            offset([start, second], size, [-1, 2]),
            "corrupt file: a page location with a missing or negative number",
        ),
        ("a first row behind the last", offset([start, second], size, [0, 400]), "parses"),
        (
            "pages in one another",
            offset([start, start + 1], size, [0, 2]),
            "corrupt file: page 1 begins inside the one before",
        ),
        (
            "a negative offset",
            offset([-4, second], size, [0, 2]),
            "corrupt file: a page location with a missing or negative number",
        ),
        (
            "an offset behind the file",
            offset([start, 1 << 40], size, [0, 2]),
            "corrupt file: page 1 at 1099511627776 with 25 bytes in a file of 10000",
        ),
        (
            "a negative size",
            offset([start, second], -size, [0, 2]),
            "corrupt file: a page location with a missing or negative number",
        ),
        ("a size of nothing", offset([start, second], 0, [0, 2]), "parses"),
        ("a size that is too small", offset([start, second], size - 1, [0, 2]), "parses"),
        (
            "pages of another chunk",
            offset([second, second + i64::from(size)], size, [0, 2]),
            "parses",
        ),
        (
            "2^31 locations",
            at(Kind::Offset, long(1)),
            "truncated file: a collection of 2147483647 elements in 2 bytes",
        ),
        (
            "no locations",
            at(Kind::Offset, structure(Vec::new())),
            "corrupt file: an offset index without page locations",
        ),
        (
            "an empty list of locations",
            at(Kind::Offset, structure(vec![(1, Node::list(Vec::new()))])),
            "parses",
        ),
        (
            "no offset index where one is claimed",
            placed(Kind::Offset, sound_offsets(), 1 << 40, 50),
            "parses",
        ),
        (
            "an offset index of negative length",
            placed(Kind::Offset, sound_offsets(), 4, -50),
            "parses",
        ),
        (
            "an offset index cut short",
            at(Kind::Offset, sound_offsets()[..9].to_vec()),
            "truncated file: the metadata ends early: 1 more bytes expected",
        ),
        (
            "fewer minima than pages",
            column(&no, &[1], &[2, 4], &[0, 0]),
            "corrupt file: a column index of 2 pages with 1 minima, 2 maxima, 2 null counts and 0 NaN counts",
        ),
        (
            "fewer maxima than pages",
            column(&no, &[1, 3], &[2], &[0, 0]),
            "corrupt file: a column index of 2 pages with 2 minima, 1 maxima, 2 null counts and 0 NaN counts",
        ),
        (
            "fewer null counts than pages",
            column(&no, &[1, 3], &[2, 4], &[0]),
            "corrupt file: a column index of 2 pages with 2 minima, 2 maxima, 1 null counts and 0 NaN counts",
        ),
        ("fewer pages than the offset index", column(&[false], &[1], &[1], &[0]), "parses"),
        (
            "more pages than the offset index",
            column(&[false; 3], &[1, 3, 5], &[2, 4, 5], &[0; 3]),
            "parses",
        ),
        ("bounds the wrong way round", column(&no, &[2, 4], &[1, 3], &[0, 0]), "parses"),
        ("nulls in a required column", column(&no, &[1, 3], &[2, 4], &[2, 2]), "parses"),
        ("negative null counts", column(&no, &[1, 3], &[2, 4], &[-1, -1]), "parses"),
        (
            "2^31 bounds",
            at(Kind::Column, long(2)),
            "truncated file: a collection of 2147483647 elements in 2 bytes",
        ),
        (
            "a bloom filter of no bytes",
            at(Kind::Bloom, bloom(0, [1, 1, 1])),
            "corrupt file: a bloom filter of 0 bytes",
        ),
        (
            "a bloom filter of negative bytes",
            at(Kind::Bloom, bloom(-32, [1, 1, 1])),
            "corrupt file: a bloom filter of -32 bytes",
        ),
        (
            "a bloom filter of half a block",
            at(Kind::Bloom, bloom(16, [1, 1, 1])),
            "corrupt file: a bloom filter of 16 bytes",
        ),
        (
            "a bloom filter of 2 GiB",
            at(Kind::Bloom, bloom(i32::MAX - 31, [1, 1, 1])),
            "corrupt file: a bloom filter at",
        ),
        (
            "a bloom filter of another algorithm",
            at(Kind::Bloom, bloom(32, [2, 1, 1])),
            "unsupported: a bloom filter that is not of split blocks, xxHash64 and uncompressed",
        ),
        (
            "a bloom filter of another hash",
            at(Kind::Bloom, bloom(32, [1, 2, 1])),
            "unsupported: a bloom filter that is not of split blocks, xxHash64 and uncompressed",
        ),
        (
            "a compressed bloom filter",
            at(Kind::Bloom, bloom(32, [1, 1, 2])),
            "unsupported: a bloom filter that is not of split blocks, xxHash64 and uncompressed",
        ),
        (
            "a bloom filter without a header",
            at(Kind::Bloom, vec![0; 40]),
            "unsupported: a bloom filter that is not of split blocks, xxHash64 and uncompressed",
        ),
        (
            "a bloom filter behind the file",
            placed(Kind::Bloom, bloom(32, [1, 1, 1]), 1 << 40, 0),
            "corrupt file: a bloom filter at 1099511627776",
        ),
        (
            "a bloom filter of another length",
            placed(Kind::Bloom, bloom(32, [1, 1, 1]), 4, 3),
            "corrupt file: a bloom filter of 47 bytes, the footer says 3",
        ),
    ]
}

#[test]
fn r4_malformed_indexes_end_in_the_error_that_says_so_and_change_no_answer() {
    let mut wrong = Vec::new();
    for (name, index, expected) in cases() {
        let found = index.verdict();
        if !found.starts_with(expected) {
            wrong.push(format!("{name}: {expected:?} expected, found {found:?}"));
        }
        let file = index.file();
        for (condition, rows) in [
            ("a = 2", vec![2]),
            ("a > 2", vec![3, 4]),
            ("a is not null", vec![1, 2, 3, 4]),
            ("a = 3 or a = 7", vec![3]),
        ] {
            let sql = format!("select a from t where {condition}");
            let (found, _) = integers(&file, &sql, true).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(found, rows, "{name}: {condition}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn r4_the_sound_twin_of_the_malformed_indexes_is_used() {
    let bytes = bounds(&[false, false], &[1, 3], &[2, 4], &[0, 0]);
    let index = Index { kind: Kind::Column, bytes, place: None };
    assert_eq!(index.verdict(), "parses");
    let (found, report) = integers(&index.file(), "select a from t where a > 2", true).unwrap();
    assert_eq!((found, report.pages_pruned), (vec![3, 4], 1));
}
