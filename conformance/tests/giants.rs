//! Legal files beyond what 31 bits can count. The ids are those of `SECURITY.md`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use conformance::allocator::most_bytes_of;
use conformance::assemble::{Assembler, Chunk, Element, Group, Page, Repetition, one_column, run};
use conformance::corpus;
use conformance::tree::Node;
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use millwork_format::limits::Limits;
use millwork_format::metadata::{Compression, Encoding, PhysicalType};
use millwork_format::prune::{Comparison, Predicate, PruneValue, chunk_bounds};
use millwork_format::read::{BatchOptions, Columns, File};
use millwork_format::record::JsonWriter;

const PLAIN: Compression = Compression::Uncompressed;

fn open(bytes: &[u8]) -> File {
    let bytes = Buffer::copy_of(bytes, &Budget::unlimited()).unwrap();
    File::from_bytes("giant", bytes, &Limits::untrusted()).unwrap()
}

fn int32(value: i32) -> Vec<u8> {
    value.to_le_bytes().to_vec()
}

fn leaf() -> Element {
    Element::leaf("a", Repetition::Required, PhysicalType::Int32)
}

/// Rows of column `column`, decoded, and the text of the last batch's rows.
fn read(file: &File, column: usize) -> (u64, String) {
    let options = BatchOptions {
        columns: Columns::At(vec![column]),
        budget: Some(Budget::new(64 << 20)),
        ..BatchOptions::default()
    };
    let batches = file.batches(options).unwrap();
    let mut writer = JsonWriter::new(&batches.fields());
    let (mut rows, mut last) = (0, None);
    for batch in batches {
        let batch = batch.unwrap();
        rows += batch.rows() as u64;
        last = Some(batch);
    }
    let mut text = Vec::new();
    last.iter().for_each(|batch| writer.write_batch(batch, &mut text).unwrap());
    (rows, String::from_utf8(text).unwrap())
}

#[test]
fn r23_pages_behind_five_gibibytes_read() {
    let mut file = Assembler::default();
    let pages = |value| [Page::v1(1, Encoding::Plain, int32(value))];
    let near = file.chunk(&["a"], PhysicalType::Int32, PLAIN, &pages(1)).unwrap();
    file.skip_to(5 << 30);
    let far = file.chunk(&["a"], PhysicalType::Int32, PLAIN, &pages(2)).unwrap();
    let group = |chunk: Chunk| Group { chunks: vec![chunk], rows: 1 };
    let footer = Assembler::footer(vec![Element::root(1), leaf()], vec![group(near), group(far)]);
    let file = file.end_with(&footer).unwrap();
    let sparse = tempfile::NamedTempFile::new().unwrap();
    file.write_to(sparse.as_file()).unwrap();
    let file = File::open(sparse.path(), &Limits::untrusted()).unwrap();
    assert!(file.size_bytes() > 5 << 30);
    assert_eq!(read(&file, 0), (2, "{\"a\":2}\n".to_owned()));
}

#[test]
fn r23_a_chunk_of_nearly_three_billion_values_reads() {
    let half = 1_400_000_000;
    let page = |code: u32| {
        let codes = [&[1][..], &run(half as u64, code, 1)].concat();
        Page::v1(half, Encoding::RleDictionary, codes)
    };
    let dictionary = Page::dictionary(2, [int32(7), int32(9)].concat());
    let bytes = one_column(leaf(), PLAIN, 2 * i64::from(half), &[dictionary, page(0), page(1)]);
    let file = open(&bytes.unwrap());
    assert_eq!(file.num_rows(), 2_800_000_000);
    let ((rows, last), most_bytes) = most_bytes_of(|| read(&file, 0));
    assert_eq!(rows, 2_800_000_000);
    assert!(last.lines().all(|line| line == "{\"a\":9}"), "the second page");
    assert!(most_bytes <= 16 << 20, "{most_bytes}");
}

#[test]
fn r23_forty_thousand_row_groups_read() {
    let mut file = Assembler::default();
    let page = [Page::v1(1, Encoding::Plain, int32(5))];
    let chunk = file.chunk(&["a"], PhysicalType::Int32, PLAIN, &page).unwrap();
    // All of them are the same bytes: nothing forbids that.
    let group = Group { chunks: vec![chunk], rows: 1 };
    let footer = Assembler::footer(vec![Element::root(1), leaf()], vec![group; 40_000]);
    let file = open(&file.end_with(&footer).unwrap().into_bytes());
    assert_eq!(file.footer().num_row_groups(), 40_000);
    assert_eq!(read(&file, 0).0, 40_000);
}

#[test]
fn r23_a_hundred_thousand_columns_open_and_any_of_them_reads() {
    let mut file = Assembler::default();
    let names: Vec<String> = (0..100_000).map(|column| format!("c{column}")).collect();
    let page = [Page::v1(1, Encoding::Plain, int32(5))];
    let chunks =
        names.iter().map(|name| file.chunk(&[name], PhysicalType::Int32, PLAIN, &page).unwrap());
    let group = Group { chunks: chunks.collect(), rows: 1 };
    let mut schema = vec![Element::root(names.len())];
    let leaf = |name: &String| Element::leaf(name, Repetition::Required, PhysicalType::Int32);
    schema.extend(names.iter().map(leaf));
    let footer = Assembler::footer(schema, vec![group]);
    let file = open(&file.end_with(&footer).unwrap().into_bytes());
    for column in [0, 65_536, 99_999] {
        assert_eq!(read(&file, column), (1, format!("{{\"c{column}\":5}}\n")));
    }
}

#[test]
fn r23_seventy_thousand_pages_of_a_chunk_read() {
    let pages: Vec<Page> =
        (0..70_000).map(|value| Page::v1(1, Encoding::Plain, int32(value))).collect();
    let file = open(&one_column(leaf(), PLAIN, 70_000, &pages).unwrap());
    let (rows, last) = read(&file, 0);
    assert_eq!(rows, 70_000);
    assert!(last.ends_with("{\"a\":69999}\n"));
}

#[test]
fn r23_bounds_of_eight_mebibytes_are_used() {
    let bound = |byte: u8| Node::Bytes(vec![byte; 8 << 20]);
    let leaf = Element::leaf("a", Repetition::Required, PhysicalType::ByteArray).converted(0);
    let mut file = Assembler::default();
    let page = [Page::v1(1, Encoding::Plain, vec![1, 0, 0, 0, b'x'])];
    let mut chunk = file.chunk(&["a"], PhysicalType::ByteArray, PLAIN, &page).unwrap();
    chunk.0.set(12, Node::Struct(vec![(5, bound(b'x')), (6, bound(b'w'))]));
    let groups = vec![Group { chunks: vec![chunk], rows: 1 }];
    let mut footer = Assembler::footer(vec![Element::root(1), leaf], groups);
    // The order of the type.
    footer.set(7, Node::list(vec![Node::Struct(vec![(1, Node::Struct(Vec::new()))])]));
    let file = open(&file.end_with(&footer).unwrap().into_bytes());
    let known = chunk_bounds(file.footer(), file.schema(), 0, 0).unwrap().unwrap();
    assert_eq!(known.min, Some(PruneValue::from(vec![b'w'; 8 << 20].as_slice())));
    assert_eq!(read(&file, 0), (1, "{\"a\":\"x\"}\n".to_owned()));
    // Between the bounds, as the lower one but for its end, and outside.
    let low = vec![b'w'; (8 << 20) - 1];
    for (value, rows, decoded) in
        [(&b"x"[..], 1, 1), (b"wx", 0, 1), (&low, 0, 0), (b"w", 0, 0), (b"y", 0, 0)]
    {
        let filter = Some(Predicate::compare(0, Comparison::Equal, value));
        let mut batches = file.batches(BatchOptions { filter, ..BatchOptions::default() }).unwrap();
        let found: usize = batches.by_ref().map(|batch| batch.unwrap().rows()).sum();
        assert_eq!(
            (found, batches.totals().rows_decoded[0]),
            (rows, decoded),
            "{} bytes",
            value.len()
        );
    }
}

/// 4 KB that hold two strings of 1 GiB: a legal file that looks like a bomb.
#[test]
fn r9_a_legal_file_of_two_long_strings_reads_by_default_and_not_from_strangers() {
    let path = match corpus::root() {
        Ok(root) => root.join("data/large_string_map.brotli.parquet"),
        Err(why) => {
            assert!(!corpus::is_required(), "MILLWORK_REQUIRE_CORPUS=1, but {why}");
            return eprintln!("SKIPPED: {why}");
        }
    };
    let rows = |limits: &Limits| {
        let file = File::open(&path, limits).unwrap();
        file.batches(BatchOptions::default())
            .unwrap()
            .try_fold(0, |rows, batch| batch.map(|b| rows + b.rows()))
    };
    assert_eq!(rows(&Limits::standard()).unwrap(), 2);
    let (refused, most_bytes) = most_bytes_of(|| rows(&Limits::untrusted()));
    assert!(matches!(refused.unwrap_err().kind(), millwork_format::ErrorKind::LimitExceeded(_)));
    assert!(most_bytes <= 2 << 20, "{most_bytes}");
}
