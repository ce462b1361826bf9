//! Files that contradict themselves: reading and `verify` give one answer, whichever way it is asked for.
//! What it has to be is decided in ADR 0013.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use conformance::assemble::{Assembler, Chunk, Element, Group, Page, Repetition, run};
use conformance::tree::Node;
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use millwork_format::limits::Limits;
use millwork_format::metadata::{Compression, Encoding, PhysicalType, Statistics};
use millwork_format::prune::bounds;
use millwork_format::read::{BatchOptions, File};
use millwork_format::record::JsonWriter;
use millwork_format::verify::{Check, Depth, Finding, Options, Severity, verify};
use millwork_format::{ErrorKind, Result};

#[path = "contradictions/claims.rs"]
mod claims;
#[path = "contradictions/lies.rs"]
mod lies;
#[path = "contradictions/old_writers.rs"]
mod old_writers;

const PLAIN: Compression = Compression::Uncompressed;

fn open(bytes: &[u8]) -> File {
    let buffer = Buffer::copy_of(bytes, &Budget::unlimited()).unwrap();
    File::from_bytes("handmade", buffer, &Limits::standard()).unwrap()
}

/// All rows as JSON Lines.
fn read(bytes: &[u8]) -> Result<String> {
    rows_of(&open(bytes), BatchOptions::default())
}

fn read_by(file: &File, options: BatchOptions) -> String {
    rows_of(file, options).unwrap()
}

fn rows_of(file: &File, options: BatchOptions) -> Result<String> {
    let batches = file.batches(options)?;
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

/// Severity, check and rows of a finding.
type Said = (Severity, Check, Option<(u64, u64)>);

/// What each finding says.
fn told(findings: &[Finding]) -> Vec<Said> {
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

/// Field 7 of a chunk is its size, 9 where its pages begin.
fn set(chunk: &mut Chunk, field: i16, value: impl Fn(i64) -> i64) {
    if let Some(Node::I64(told)) = chunk.0.field(field).cloned() {
        chunk.0.set(field, Node::I64(value(told)));
    }
}

#[test]
fn pages_tell_the_size_of_a_chunk_better_than_the_footer() {
    type Told = fn(i64) -> i64;
    let sizes: [Told; 7] = [
        |_| 0,
        |_| 20,
        |size| size - 1,
        |size| size / 2,
        |size| size + 1,
        |size| 2 * size,
        |_| 1 << 40,
    ];
    for at in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        for (case, told_size) in sizes.iter().enumerate() {
            let change = |place: (usize, usize), chunk: &mut Chunk| {
                if place == at {
                    set(chunk, 7, told_size);
                }
            };
            let bytes = numbers(&[30, 20], change, |_| None);
            assert_eq!(read(&bytes).unwrap(), lines(50), "{at:?} {case}");
            for depth in [Depth::Pages, Depth::Values] {
                let findings = verified(&bytes, depth);
                assert!(!findings.is_empty(), "{at:?} {case}");
                for finding in findings {
                    assert_eq!(finding.severity, Severity::Wrong, "{at:?} {case}: {finding:?}");
                    assert!(finding.place.column.is_some(), "{at:?} {case}: {finding:?}");
                }
            }
        }
    }
}

/// A chunk with too few pages does not go on with those of the next one.
#[test]
fn pages_of_another_chunk_are_not_taken() {
    for size in [0, 1 << 40] {
        let change = |(group, leaf): (usize, usize), chunk: &mut Chunk| {
            if (group, leaf) == (0, 0) {
                set(chunk, 7, |_| size);
            }
        };
        let rows = |group: usize| (group == 0).then_some(40);
        let bytes = numbers(&[30, 20], change, rows);
        let error = read(&bytes).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Truncated, "{error}");
        let lost: Vec<_> = told(&verified(&bytes, Depth::Pages))
            .into_iter()
            .filter(|(severity, _, _)| *severity == Severity::Corrupt)
            .collect();
        let expected = (Severity::Corrupt, Check::Count, Some((30, 40)));
        assert_eq!(lost, [expected, expected], "{size}");
    }
}

#[test]
fn the_schemas_type_is_read_whatever_the_chunk_says() {
    for physical in [PhysicalType::Int64, PhysicalType::ByteArray, PhysicalType::Boolean] {
        let change = |place: (usize, usize), chunk: &mut Chunk| {
            if place == (1, 0) {
                chunk.0.set(1, Node::I32(physical.code()));
            }
        };
        let bytes = numbers(&[30, 20], change, |_| None);
        assert_eq!(read(&bytes).unwrap(), lines(50), "{physical:?}");
        for depth in DEPTHS {
            let findings = verified(&bytes, depth);
            assert_eq!(told(&findings), [(Severity::Wrong, Check::Footer, None)], "{findings:?}");
        }
    }
}

#[test]
fn an_empty_path_of_a_file_is_none() {
    let sound = numbers(&[30], |_, _| {}, |_| None);
    let with_path = |path: &str| {
        let mut file = Assembler::default();
        let pages = [int32s(0..3)];
        let chunk = file.chunk(&["a"], PhysicalType::Int32, PLAIN, &pages).unwrap();
        let groups = vec![Group { chunks: vec![chunk], rows: 3 }];
        let mut footer = Assembler::footer(vec![Element::root(1), required("a")], groups);
        Assembler::set_in_chunk(&mut footer, (0, 0), 1, Node::text(path));
        file.end_with(&footer).unwrap().into_bytes()
    };
    assert_eq!(read(&sound).unwrap(), lines(30));
    assert_eq!(read(&with_path("")).unwrap(), "{\"a\":0}\n{\"a\":1}\n{\"a\":2}\n");
    assert!(verified(&with_path(""), Depth::Values).is_empty());
    assert!(matches!(read(&with_path("x")).unwrap_err().kind(), ErrorKind::Unsupported(_)));
}

/// A list of two elements in each row, in pages of ten rows, with an offset index; `change` makes the bytes of
/// the pages worse, of which it is told where each begins.
fn lists(version: i32, change: impl Fn(&mut Vec<u8>, &[u64])) -> Vec<u8> {
    let mut file = Assembler::default();
    let mut pages = Vec::new();
    for page in 0..5 {
        let values: Vec<u8> = (page * 20..page * 20 + 20).flat_map(i32::to_le_bytes).collect();
        let repetition = [vec![2 * 3 + 1], vec![0b1010_1010; 3]].concat();
        let definition = run(20, 1, 1);
        let levels = |levels: &[u8]| [&(levels.len() as u32).to_le_bytes()[..], levels].concat();
        pages.push(match version {
            1 => {
                let body = [levels(&repetition), levels(&definition), values].concat();
                Page::v1(20, Encoding::Plain, body)
            }
            _ => {
                let bytes = [definition.len() as i32, repetition.len() as i32];
                let body = [repetition, definition, values].concat();
                Page::v2([20, 0, 10], Encoding::Plain, bytes, body)
            }
        });
    }
    let mut starts = vec![file.position()];
    let mut entries = Vec::new();
    for (index, page) in pages.iter().enumerate() {
        let size = (page.header.encode().unwrap().len() + page.body.len()) as u64;
        entries.push(Node::Struct(vec![
            (1, Node::I64(starts[index] as i64)),
            (2, Node::I32(size as i32)),
            (3, Node::I64(10 * index as i64)),
        ]));
        starts.push(starts[index] + size);
    }
    let chunk = file.chunk(&["l"], PhysicalType::Int32, PLAIN, &pages).unwrap();
    let index = Node::Struct(vec![(1, Node::list(entries))]).encode().unwrap();
    let (offset, length) = file.piece(&index);
    let leaf = Element::leaf("l", Repetition::Repeated, PhysicalType::Int32);
    let groups = vec![Group { chunks: vec![chunk], rows: 50 }];
    let mut footer = Assembler::footer(vec![Element::root(1), leaf], groups);
    // One that begins pages with rows.
    footer.set(6, Node::text("parquet-mr version 1.13.1"));
    Assembler::set_in_chunk(&mut footer, (0, 0), 4, offset);
    Assembler::set_in_chunk(&mut footer, (0, 0), 5, length);
    let mut bytes = file.end_with(&footer).unwrap().into_bytes();
    change(&mut bytes, &starts);
    bytes
}

#[test]
fn an_offset_index_finds_what_is_behind_a_broken_page_of_a_list() {
    for version in [1, 2] {
        let sound = lists(version, |_, _| {});
        assert_eq!(read(&sound).unwrap().lines().last().unwrap(), "{\"l\":[98,99]}", "{version}");
        assert!(verified(&sound, Depth::Values).is_empty(), "{version}");
        for page in 0..5 {
            let bytes = lists(version, |bytes, starts| {
                bytes[starts[page] as usize..][..4].fill(0xff);
            });
            let findings = verified(&bytes, Depth::Pages);
            let rows = (10 * page as u64, 10 * page as u64 + 10);
            let expected = (Severity::Corrupt, Check::PageHeader, Some(rows));
            assert_eq!(told(&findings), [expected], "{version} {page}");
            assert_eq!(findings[0].place.page, Some(page as u32));
            let error = read(&bytes).unwrap_err();
            assert_eq!(error.place().page, Some(page as u32), "{version} {page}: {error}");
            // Of pages of version 1 it is not known which rows they have.
            let lost = Some(50 - 10 * page as u64).filter(|_| version == 2 || page == 0);
            assert_eq!(error.lost_rows(), lost, "{version} {page}: {error}");
        }
    }
}

#[test]
fn a_broken_header_in_front_of_the_data_pages_is_that_of_the_dictionary() {
    let file = |is_broken: bool| {
        let mut file = Assembler::default();
        let entries = [7i32, 8].into_iter().flat_map(i32::to_le_bytes).collect();
        let codes = |code: u32| [vec![1], run(10, code, 1)].concat();
        let pages = [
            Page::dictionary(2, entries),
            Page::v1(10, Encoding::RleDictionary, codes(0)),
            Page::v1(10, Encoding::RleDictionary, codes(1)),
        ];
        let chunk = file.chunk(&["a"], PhysicalType::Int32, PLAIN, &pages).unwrap();
        let groups = vec![Group { chunks: vec![chunk], rows: 20 }];
        let footer = Assembler::footer(vec![Element::root(1), required("a")], groups);
        let mut bytes = file.end_with(&footer).unwrap().into_bytes();
        if is_broken {
            bytes[4..8].fill(0xff);
        }
        bytes
    };
    assert_eq!(read(&file(false)).unwrap().lines().last().unwrap(), "{\"a\":8}");
    let error = read(&file(true)).unwrap_err();
    assert!(error.place().dictionary_page && error.place().page.is_none(), "{error}");
    assert_eq!(error.lost_rows(), Some(20), "{error}");
    for depth in [Depth::Pages, Depth::Values] {
        let findings = verified(&file(true), depth);
        let expected = (Severity::Corrupt, Check::PageHeader, Some((0, 20)));
        assert_eq!(told(&findings), [expected], "{depth:?}");
        assert!(findings[0].in_dictionary && findings[0].place.page.is_none());
        assert!(findings[0].place.file_offset.is_some());
    }
}

#[test]
fn a_broken_body_tells_which_rows_of_a_list_are_lost() {
    for version in [1, 2] {
        for page in 0..5 {
            // The run of definition levels, in front of twenty values.
            let bytes = lists(version, |bytes, starts| {
                let end = starts[page + 1] as usize;
                bytes[end - 80 - 2..end - 80].fill(0xff);
            });
            let error = read(&bytes).unwrap_err();
            assert_eq!(error.place().page, Some(page as u32), "{version}: {error}");
            let lost = if version == 1 { 50 - 10 * page as u64 } else { 10 };
            assert_eq!(error.lost_rows(), Some(lost), "{version} {page}: {error}");
        }
    }
}

#[test]
fn a_broken_body_of_a_dictionary_is_told_as_that() {
    let file = |entries: &[u8]| {
        let mut file = Assembler::default();
        let pages = [
            Page::dictionary(2, entries.to_vec()),
            Page::v1(10, Encoding::RleDictionary, [vec![1], run(10, 1, 1)].concat()),
        ];
        let chunk = file.chunk(&["a"], PhysicalType::Int32, PLAIN, &pages).unwrap();
        let groups = vec![Group { chunks: vec![chunk], rows: 10 }];
        let footer = Assembler::footer(vec![Element::root(1), required("a")], groups);
        file.end_with(&footer).unwrap().into_bytes()
    };
    assert_eq!(read(&file(&[1, 0, 0, 0, 2, 0, 0, 0])).unwrap(), "{\"a\":2}\n".repeat(10));
    let error = read(&file(&[1, 0, 0, 0, 2])).unwrap_err();
    assert!(error.to_string().contains("column \"a\", dictionary page, offset 4"), "{error}");
    assert_eq!(error.lost_rows(), Some(10));
    let findings = verified(&file(&[1, 0, 0, 0, 2]), Depth::Values);
    assert!(findings[0].in_dictionary && findings[0].place.dictionary_page, "{findings:?}");
}

#[test]
fn a_footer_that_cannot_be_read_is_told_with_row_group_and_column() {
    let open = |bytes: &[u8]| {
        let buffer = Buffer::copy_of(bytes, &Budget::unlimited()).unwrap();
        File::from_bytes("handmade", buffer, &Limits::standard())
    };
    let change = |(group, leaf): (usize, usize), chunk: &mut Chunk| {
        if (group, leaf) == (1, 1) {
            chunk.0.set(1, Node::I32(-7));
        }
    };
    let error = open(&numbers(&[30, 20], change, |_| None)).unwrap_err();
    let place = error.place();
    assert_eq!((place.row_group, place.column.as_deref()), (Some(1), Some("b")), "{error}");
    let mut inner = Element::leaf("y", Repetition::Required, PhysicalType::Int32);
    inner.0.set(1, Node::I32(-7));
    let group = Element::group("g", Repetition::Optional, 2);
    let schema = vec![Element::root(2), required("a"), group, required("x"), inner];
    let footer = Assembler::footer(schema, Vec::new());
    let bytes = Assembler::default().end_with(&footer).unwrap().into_bytes();
    let error = open(&bytes).unwrap_err();
    assert_eq!(error.place().column.as_deref(), Some("g.y"), "{error}");
}

#[test]
fn a_required_column_of_nulls_alone_is_null_in_all_rows() {
    let mut leaf = Element::leaf("n", Repetition::Required, PhysicalType::Int32);
    // LogicalType UNKNOWN.
    leaf.0.set(10, Node::Struct(vec![(11, Node::Struct(Vec::new()))]));
    let mut file = Assembler::default();
    let chunk = file.chunk(&["n"], PhysicalType::Int32, PLAIN, &[int32s(0..3)]).unwrap();
    let groups = vec![Group { chunks: vec![chunk], rows: 3 }];
    let footer = Assembler::footer(vec![Element::root(1), leaf], groups);
    let bytes = file.end_with(&footer).unwrap().into_bytes();
    assert_eq!(read(&bytes).unwrap(), "{\"n\":null}\n".repeat(3));
    let file = open(&bytes);
    let column = &file.schema().columns()[0];
    assert!(column.field.nullable && file.schema().leaves()[0].nullable);
    let known =
        bounds(&file.schema().leaves()[0], &Statistics::default(), file.footer().writer(), 3);
    assert!(known.is_all_null(), "{known:?}");
    assert!(verified(&bytes, Depth::Values).is_empty());
}

#[test]
fn nulls_alone_in_a_struct_need_no_dictionary() {
    for entries in [0, 1] {
        let mut file = Assembler::default();
        let levels = run(3, 1, 1);
        let body = [&(levels.len() as u32).to_le_bytes()[..], &levels].concat();
        let pages = [
            Page::dictionary(entries, vec![0; 4 * entries as usize]),
            Page::v1(3, Encoding::RleDictionary, body),
        ];
        let mut chunk = file.chunk(&["g", "n"], PhysicalType::Int32, PLAIN, &pages).unwrap();
        chunk.0.set(2, Node::list(vec![Node::I32(Encoding::RleDictionary.code())]));
        let mut leaf = Element::leaf("n", Repetition::Optional, PhysicalType::Int32);
        leaf.0.set(10, Node::Struct(vec![(11, Node::Struct(Vec::new()))]));
        let groups = vec![Group { chunks: vec![chunk], rows: 3 }];
        let group = Element::group("g", Repetition::Optional, 1);
        let footer = Assembler::footer(vec![Element::root(1), group, leaf], groups);
        let bytes = file.end_with(&footer).unwrap().into_bytes();
        assert_eq!(read(&bytes).unwrap(), "{\"g\":{\"n\":null}}\n".repeat(3), "{entries}");
        assert!(verified(&bytes, Depth::Values).is_empty(), "{entries}");
    }
}

#[test]
fn an_order_by_a_field_of_a_struct_is_verified() {
    let file = |numbers: [i32; 4]| {
        let mut file = Assembler::default();
        let body = numbers.into_iter().flat_map(i32::to_le_bytes).collect();
        let page = Page::v1(4, Encoding::Plain, body);
        let chunk = file.chunk(&["s", "a"], PhysicalType::Int32, PLAIN, &[page]).unwrap();
        let schema = vec![
            Element::root(1),
            Element::group("s", Repetition::Required, 1),
            Element::leaf("a", Repetition::Required, PhysicalType::Int32),
        ];
        let mut footer = Assembler::footer(schema, vec![Group { chunks: vec![chunk], rows: 4 }]);
        let Some(Node::List(told, mut groups)) = footer.field(4).cloned() else { panic!() };
        let descending = vec![(1, Node::I32(0)), (2, Node::Bool(true)), (3, Node::Bool(false))];
        groups[0].set(4, Node::list(vec![Node::Struct(descending)]));
        footer.set(4, Node::List(told, groups));
        file.end_with(&footer).unwrap().into_bytes()
    };
    assert!(verified(&file([9, 7, 7, 1]), Depth::Values).is_empty());
    let findings = verified(&file([9, 7, 8, 1]), Depth::Values);
    assert_eq!(told(&findings), [(Severity::Wrong, Check::Sorting, None)]);
    assert!(findings[0].what.contains("row 2 "), "{findings:?}");
}
