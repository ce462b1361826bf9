//! Annotations that no other program writes yet: files with them are put together here, and read.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::Write as _;

use conformance::assemble::{Assembler, Element, Group, Page, Repetition, one_column};
use conformance::corpus;
use conformance::tree::Node;
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use millwork_engine::session::{Session, SessionOptions};
use millwork_format::limits::Limits;
use millwork_format::metadata::{Compression, Encoding, PhysicalType};
use millwork_format::read::{BatchOptions, File};
use millwork_format::record::JsonWriter;
use millwork_format::types::{DataType, Field};

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

/// Field 32767 of any structure is free for what one writer alone knows: beside the member of a union, too.
#[test]
fn an_extension_takes_nothing_from_what_stands_beside_it() {
    const STRING: i16 = 1;
    const EXTENSION: i16 = 32_767;
    let extended = |member: Vec<(i16, Node)>| {
        let mut leaf = Element::leaf("b", Repetition::Required, PhysicalType::ByteArray);
        leaf.0.set(10, Node::Struct([member, vec![(EXTENSION, Node::text("own"))]].concat()));
        leaf.0.set(EXTENSION, Node::text("own"));
        open(vec![Element::root(1), leaf], &[(&["b"], &[b"x"])])
    };
    let file = extended(vec![(STRING, Node::Struct(Vec::new()))]);
    assert_eq!(file.schema().leaves()[0].data_type, DataType::Utf8);
    assert_eq!(lines(&file), "{\"b\":\"x\"}\n");
    assert_eq!(extended(Vec::new()).schema().leaves()[0].data_type, DataType::Binary);
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

/// A row group of the corpus, as pyarrow 26 reads it: codes of types, and the edges of x, y, z and m.
type Shapes = (usize, &'static [i32], [Option<(f64, f64)>; 4]);

#[test]
fn geospatial_statistics_are_those_of_the_corpus() {
    let root = match corpus::root() {
        Ok(root) => root,
        Err(why) if corpus::is_required() => panic!("MILLWORK_REQUIRE_CORPUS=1, but {why}"),
        Err(why) => return println!("skipped: {why}"),
    };
    let path = root.join("data/geospatial/geospatial.parquet");
    let file = File::open(&path, &Limits::standard()).unwrap();
    let every: Vec<i32> = (0..4).flat_map(|of| (1..8).map(move |kind| of * 1000 + kind)).collect();
    let all = file.footer().column(0, 2).unwrap().geospatial_statistics().unwrap().unwrap();
    assert_eq!(all.types, every);
    let tens = Some((10.0, 40.0));
    let table: [Shapes; 4] = [
        (6, &[4], [tens, tens, None, None]),
        (12, &[1003], [Some((10.0, 45.0)), Some((10.0, 45.0)), Some((30.0, 90.0)), None]),
        (18, &[2002], [Some((10.0, 50.0)), Some((10.0, 50.0)), None, Some((300.0, 2500.0))]),
        (30, &[3007], [tens, tens, Some((30.0, 80.0)), Some((200.0, 1600.0))]),
    ];
    for (row_group, types, edges) in table {
        let chunk = file.footer().column(row_group, 2).unwrap();
        let found = chunk.geospatial_statistics().unwrap();
        let of = found.as_ref().and_then(|found| found.bounding_box.as_ref());
        let box_edges = of.map_or([None; 4], |of| [Some(of.x), Some(of.y), of.z, of.m]);
        assert_eq!(box_edges, edges, "row group {row_group}");
        assert_eq!(found.map_or(Vec::new(), |found| found.types), types, "row group {row_group}");
    }
    assert_eq!(file.footer().column(0, 0).unwrap().geospatial_statistics().unwrap(), None);
}

/// What SQL over `FILE`, a file of one column in `pages`, answers.
fn asked_of(leaf: Element, pages: &[Page]) -> impl Fn(&str) -> String + use<> {
    let rows = 4;
    let bytes = one_column(leaf, Compression::Uncompressed, rows, pages).unwrap();
    let mut file = tempfile::Builder::new().suffix(".parquet").tempfile().unwrap();
    file.write_all(&bytes).unwrap();
    move |sql| {
        let sql = sql.replace("FILE", &format!("'{}'", file.path().display()));
        let session = Session::new(SessionOptions::default());
        let plan = session.plan(&sql).unwrap();
        let (batches, _) = session.execute(&plan, false).unwrap();
        let fields: Vec<Field> = plan.fields().to_vec();
        let mut writer = JsonWriter::new(&fields);
        let mut lines = Vec::new();
        batches.iter().for_each(|batch| writer.write_batch(batch, &mut lines).unwrap());
        String::from_utf8(lines).unwrap()
    }
}

/// As DuckDB reads it; the spec gives an INT64 up to 18.
#[test]
fn a_decimal_may_claim_more_digits_than_its_integer_has_room_for() {
    let numbers = [i64::MAX, -1_234_500, 0, i64::MIN];
    let plain =
        Page::v1(4, Encoding::Plain, numbers.iter().flat_map(|n| n.to_le_bytes()).collect());
    let entries = Page::dictionary(4, numbers.iter().flat_map(|n| n.to_le_bytes()).collect());
    let codes = Page::v1(4, Encoding::RleDictionary, vec![2, 3, 0b1110_0100, 0]);
    for pages in [vec![plain], vec![entries, codes]] {
        let mut leaf = Element::leaf("d", Repetition::Required, PhysicalType::Int64).converted(5);
        leaf.0.set(7, Node::I32(4));
        leaf.0.set(8, Node::I32(19));
        let asked = asked_of(leaf, &pages);
        let texts = ["922337203685477.5807", "-123.4500", "0.0000", "-922337203685477.5808"];
        let rows: Vec<String> = texts.iter().map(|d| format!("{{\"d\":\"{d}\"}}\n")).collect();
        assert_eq!(asked("select d from FILE"), rows.concat());
        assert_eq!(asked("select d from FILE where d = -123.45"), rows[1]);
        assert_eq!(
            asked("select max(d) as d from FILE group by d > 0 order by 1 desc limit 1"),
            rows[0]
        );
        assert_eq!(asked("select sum(d) as d from FILE"), "{\"d\":\"-123.4501\"}\n");
        assert_eq!(asked("select d from FILE order by d limit 1"), rows[3]);
    }
}

/// As DuckDB reads it, and fastparquet writes it; the spec has text in BYTE_ARRAY alone.
#[test]
fn texts_of_one_length_are_texts() {
    let words = ["a longer one, x", "a longer one, ä", "b", "c"].map(|word| format!("{word:16}"));
    let words = words.map(|word| word[..16].to_owned());
    let plain = Page::v1(4, Encoding::Plain, words.concat().into_bytes());
    let entries = Page::dictionary(4, words.concat().into_bytes());
    let codes = Page::v1(4, Encoding::RleDictionary, vec![2, 3, 0b1110_0100, 0]);
    let streams: Vec<u8> =
        (0..16).flat_map(|at| words.iter().map(move |word| word.as_bytes()[at])).collect();
    let split = Page::v1(4, Encoding::ByteStreamSplit, streams);
    for pages in [vec![plain], vec![entries, codes], vec![split]] {
        let mut leaf =
            Element::leaf("t", Repetition::Required, PhysicalType::FixedLenByteArray).converted(0);
        leaf.0.set(2, Node::I32(16));
        let asked = asked_of(leaf, &pages);
        let rows = words.each_ref().map(|word| format!("{{\"t\":\"{word}\"}}\n"));
        assert_eq!(asked("select t from FILE"), rows.concat());
        assert_eq!(asked("select t from FILE where t like '%ä'"), rows[1]);
        assert_eq!(asked("select t from FILE where trim(t) = 'b'"), rows[2]);
        assert_eq!(asked("select max(t) as t from FILE"), rows[3]);
        assert_eq!(asked("select t from FILE where t > 'b' order by t"), rows[2..].concat());
    }
}

/// In SQL it has signs and microseconds, and is equal, grouped and ordered by its length; parts above 2^31 are
/// milliseconds like others.
#[test]
fn an_interval_of_a_file_is_one_of_sql() {
    let intervals: [[u32; 3]; 4] = [[0, 30, 0], [1, 0, 0], [0, 0, 3_000_000_000], [0, 1, 0]];
    let body = intervals.as_flattened().iter().flat_map(|part| part.to_le_bytes()).collect();
    let mut leaf =
        Element::leaf("i", Repetition::Required, PhysicalType::FixedLenByteArray).converted(21);
    leaf.0.set(2, Node::I32(12));
    let asked = asked_of(leaf, &[Page::v1(4, Encoding::Plain, body)]);
    let of = |months: u32, days: u32, millis: u32| {
        format!("{{\"i\":{{\"months\":{months},\"days\":{days},\"millis\":{millis}}}}}\n")
    };
    let rows: Vec<String> = intervals.iter().map(|[m, d, ms]| of(*m, *d, *ms)).collect();
    assert_eq!(asked("select i from FILE"), rows.concat());
    let ordered = [of(0, 1, 0), of(0, 30, 0), of(1, 0, 0), of(0, 0, 3_000_000_000)];
    assert_eq!(asked("select i from FILE order by i"), ordered.concat());
    assert_eq!(
        asked("select count(*) as n from (select distinct i from FILE)"),
        "{\"n\":3}\n",
        "a month is 30 days"
    );
    assert_eq!(asked("select count(*) as n from FILE where i = interval '30 days'"), "{\"n\":2}\n");
    assert_eq!(asked("select count(*) as n from FILE a join FILE b on a.i = b.i"), "{\"n\":6}\n");
}
