//! What old writers did: pages of DELTA_BYTE_ARRAY that go on from one another (PARQUET-246), rows that go on in
//! the next page, counts that are none.

use std::sync::Arc;

use conformance::assemble::{Assembler, Element, Group, Page, Repetition, one_column, run};
use conformance::random::Random;
use conformance::tree::Node;
use millwork_codecs::budget::Budget;
use millwork_format::ErrorKind;
use millwork_format::limits::Limits;
use millwork_format::metadata::{Compression, Encoding, PhysicalType};
use millwork_format::page::PageContext;
use millwork_format::prune::{Comparison, Predicate};
use millwork_format::read::{BatchOptions, FileScan, MorselReader, RowGroupScan, ScanMetrics};
use millwork_format::selection::Selection;
use millwork_format::vector::Cell;
use millwork_format::verify::{Depth, Severity};

use super::{PLAIN, open, read, read_by, verified};

/// DELTA_BINARY_PACKED of fewer than 34 values that lie less than 16 apart, in one block.
fn delta(values: &[i32]) -> Vec<u8> {
    let zigzag = |value: i32| ((value << 1) ^ (value >> 31)) as u8;
    let mut bytes = vec![0x80, 1, 4, values.len() as u8, zigzag(values[0])];
    let deltas: Vec<i32> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let Some(least) = deltas.iter().min() else { return bytes };
    bytes.extend([zigzag(*least), 4, 0, 0, 0]);
    let mut packed = [0u8; 16];
    for (at, delta) in deltas.iter().enumerate() {
        packed[at / 2] |= ((delta - least) as u8) << (4 * (at % 2));
    }
    bytes.extend(packed);
    bytes
}

/// Pages of DELTA_BYTE_ARRAY, each of prefixes and rests, of a file that `writer` wrote.
fn delta_strings(writer: &str, pages: &[&[(i32, &str)]], lists: bool) -> Vec<u8> {
    let page = |values: &&[(i32, &str)]| {
        let prefixes: Vec<i32> = values.iter().map(|(prefix, _)| *prefix).collect();
        let rests: Vec<i32> = values.iter().map(|(_, rest)| rest.len() as i32).collect();
        let text: String = values.iter().map(|(_, rest)| *rest).collect();
        let body = [delta(&prefixes), delta(&rests), text.into_bytes()].concat();
        let count = values.len();
        let levels = |level: u32| {
            let run = run(count as u64, level, 1);
            [&(run.len() as u32).to_le_bytes()[..], &run].concat()
        };
        let body = if lists { [levels(0), levels(1), body].concat() } else { body };
        Page::v1(count as i32, Encoding::DeltaByteArray, body)
    };
    let pages: Vec<Page> = pages.iter().map(page).collect();
    let rows = pages.iter().map(|page| match page.header.field(5).unwrap().field(1) {
        Some(Node::I32(count)) => i64::from(*count),
        _ => 0,
    });
    let rows = rows.sum();
    let mut file = Assembler::default();
    let mut chunk = file.chunk(&["s"], PhysicalType::ByteArray, PLAIN, &pages).unwrap();
    chunk.0.set(2, Node::list(vec![Node::I32(Encoding::DeltaByteArray.code())]));
    let repetition = if lists { Repetition::Repeated } else { Repetition::Required };
    let leaf = Element::leaf("s", repetition, PhysicalType::ByteArray).converted(0);
    let groups = vec![Group { chunks: vec![chunk], rows }];
    let mut footer = Assembler::footer(vec![Element::root(1), leaf], groups);
    footer.set(6, Node::text(writer));
    file.end_with(&footer).unwrap().into_bytes()
}

#[test]
fn old_writers_go_on_from_page_to_page() {
    let pages: [&[(i32, &str)]; 3] =
        [&[(0, "abcde"), (3, "xy")], &[(4, "zz"), (2, "q")], &[(3, ""), (0, "new"), (1, "ext")]];
    let words = ["abcde", "abcxy", "abcxzz", "abq", "abq", "new", "next"];
    let old = "parquet-mr version 1.6.0 (build x)";
    for lists in [false, true] {
        let quoted = |word: &&str| match lists {
            true => format!("{{\"s\":[\"{word}\"]}}\n"),
            false => format!("{{\"s\":\"{word}\"}}\n"),
        };
        let expected: String = words.iter().map(quoted).collect();
        for writer in [old, "parquet-mr", "parquet-mr version 1.7.0"] {
            let bytes = delta_strings(writer, &pages, lists);
            assert_eq!(read(&bytes).unwrap(), expected, "{writer}");
            for depth in [Depth::Pages, Depth::Values] {
                assert!(verified(&bytes, depth).is_empty(), "{writer} {depth:?}");
            }
        }
        for writer in ["parquet-mr version 1.8.0", "impala version 1.0", ""] {
            let bytes = delta_strings(writer, &pages, lists);
            assert_eq!(*read(&bytes).unwrap_err().kind(), ErrorKind::Corrupt, "{writer}");
            assert!(!verified(&bytes, Depth::Values).is_empty(), "{writer}");
        }
    }
    // A prefix longer than the value before it is none in any file.
    let pages: [&[(i32, &str)]; 2] = [&[(0, "abcde")], &[(6, "x")]];
    assert!(read(&delta_strings(old, &pages, false)).is_err());
}

/// Version 2 pages that are compressed and say that they are not (ARROW-10353).
#[test]
fn old_writers_deny_that_they_compressed() {
    let numbers: Vec<u8> = (0..64i32).flat_map(|number| (number / 16).to_le_bytes()).collect();
    // Snappy: 256 bytes, all of them one literal.
    let body = [&[0x80, 0x02, 0xf0, 0xff][..], &numbers].concat();
    let mut page = Page::v2([64, 0, 64], Encoding::Plain, [0, 0], body).claiming(256);
    page.own(8, 7, Node::Bool(false));
    let of = |writer: &str| {
        let mut file = Assembler::default();
        let pages = std::slice::from_ref(&page);
        let chunk = file.chunk(&["a"], PhysicalType::Int32, Compression::Snappy, pages).unwrap();
        let groups = vec![Group { chunks: vec![chunk], rows: 64 }];
        let leaf = Element::leaf("a", Repetition::Required, PhysicalType::Int32);
        let mut footer = Assembler::footer(vec![Element::root(1), leaf], groups);
        footer.set(6, Node::text(writer));
        file.end_with(&footer).unwrap().into_bytes()
    };
    let expected: String = (0..64).map(|number| format!("{{\"a\":{}}}\n", number / 16)).collect();
    for writer in ["parquet-cpp version 1.5.1-SNAPSHOT", "parquet-cpp"] {
        assert_eq!(read(&of(writer)).unwrap(), expected, "{writer}");
        assert!(verified(&of(writer), Depth::Values).is_empty(), "{writer}");
    }
    for writer in ["parquet-cpp version 2.0.0", "parquet-cpp-arrow version 1.0.0", ""] {
        assert_eq!(*read(&of(writer)).unwrap_err().kind(), ErrorKind::Corrupt, "{writer}");
    }
}

/// Readers that begin inside a chunk know the value before all the same.
#[test]
fn old_writers_are_read_from_the_middle_too() {
    let first: &[(i32, &str)] = &[(0, "row 0")];
    let next: &[(i32, &str)] = &[(4, "1"), (4, "2")];
    let pages: Vec<&[(i32, &str)]> = [first].into_iter().chain((0..50).map(|_| next)).collect();
    let bytes = delta_strings("parquet-mr version 1.6.0", &pages, false);
    let file = open(&bytes);
    let metrics = Arc::new(ScanMetrics::new(1));
    let scan = FileScan::new(&file, 0, &[0], metrics).unwrap();
    let mut context = PageContext::new(Budget::unlimited(), Limits::standard());
    // The last rows first, as another morsel would.
    let group = RowGroupScan::new(&scan, 0).unwrap();
    let mut readers = Vec::new();
    for rows in [90..101, 40..43, 0..101] {
        let mut reader = MorselReader::new(&group, rows.clone());
        while let Some(need) =
            reader.want(&[0], std::slice::from_ref(&rows), &Budget::unlimited()).unwrap()
        {
            for range in need.required {
                scan.fetcher().request(std::slice::from_ref(&range), &Budget::unlimited()).unwrap();
            }
        }
        let all = Selection::All((rows.end - rows.start) as usize);
        let vector = reader.read(0, rows.clone(), &all, &mut context).unwrap();
        for (index, row) in rows.enumerate() {
            let digit = if row == 0 { 0 } else { 2 - row % 2 };
            let expected = format!("row {digit}");
            let Cell::Bytes(found) = vector.cell(index) else { panic!("{row}") };
            assert_eq!(found, expected.as_bytes(), "{row}");
        }
        // The chunk is there until the last of them is through with it.
        readers.push(reader);
    }
}

/// A list of numbers a row, in pages that end anywhere, of a file that `writer` wrote: offset and column indexes
/// tell the rows that start in each page, and the bounds of its values.
struct Cut {
    rows: Vec<Vec<i32>>,
    bytes: Vec<u8>,
}

fn cut_anywhere(writer: &str, is_v2: bool, has_index: bool, seed: u64) -> Cut {
    let mut random = Random(seed);
    let mut below = |end: u64| random.below(end) as usize;
    let rows: Vec<Vec<i32>> =
        (0..40).map(|row| (0..1 + below(6)).map(|at| row * 10 + at as i32).collect()).collect();
    let slots: Vec<(u8, i32)> = rows
        .iter()
        .flat_map(|row| row.iter().enumerate().map(|(at, value)| (u8::from(at > 0), *value)))
        .collect();
    let mut pages = Vec::new();
    let (mut firsts, mut bounds, mut start) = (Vec::new(), Vec::new(), 0);
    while start < slots.len() {
        let mut end = (start + 1 + below(20)).min(slots.len());
        // At least one row starts in each, the first with the first slot.
        while slots[start..end].iter().all(|(level, _)| *level > 0) {
            end += 1;
        }
        let rest_starts_none = slots[end..].iter().all(|(level, _)| *level > 0);
        let end = if rest_starts_none { slots.len() } else { end };
        let own = &slots[start..end];
        let levels = |of: &dyn Fn(&(u8, i32)) -> u32| -> Vec<u8> {
            own.iter().flat_map(|slot| run(1, of(slot), 1)).collect()
        };
        let (repetition, definition) = (levels(&|slot| slot.0.into()), levels(&|_| 1));
        let values: Vec<u8> = own.iter().flat_map(|(_, value)| value.to_le_bytes()).collect();
        let starts = own.iter().filter(|(level, _)| *level == 0).count() as i32;
        let count = own.len() as i32;
        let body_of = |prefixed: bool| {
            let part = |levels: &[u8]| match prefixed {
                true => [&(levels.len() as u32).to_le_bytes()[..], levels].concat(),
                false => levels.to_vec(),
            };
            [part(&repetition), part(&definition), values.clone()].concat()
        };
        let lengths = [definition.len() as i32, repetition.len() as i32];
        pages.push(match is_v2 {
            // Arrow's C++ counted values.
            true if writer.contains("cpp") => {
                Page::v2([count, 0, count], Encoding::Plain, lengths, body_of(false))
            }
            true => Page::v2([count, 0, starts], Encoding::Plain, lengths, body_of(false)),
            false => Page::v1(count, Encoding::Plain, body_of(true)),
        });
        let before = slots[..start].iter().filter(|(level, _)| *level == 0).count();
        firsts.push(before as i64);
        bounds.push((own.first().unwrap().1, own.last().unwrap().1));
        start = end;
    }
    let mut file = Assembler::default();
    let mut position = file.position();
    let places = pages.iter().zip(&firsts).map(|(page, first)| {
        let size = (page.header.encode().unwrap().len() + page.body.len()) as u64;
        position += size;
        Node::Struct(vec![
            (1, Node::I64((position - size) as i64)),
            (2, Node::I32(size as i32)),
            (3, Node::I64(*first)),
        ])
    });
    let offsets = Node::Struct(vec![(1, Node::list(places.collect()))]).encode().unwrap();
    let chunk = file.chunk(&["l"], PhysicalType::Int32, PLAIN, &pages).unwrap();
    let bytes_of = |value: i32| Node::Bytes(value.to_le_bytes().to_vec());
    let columns = Node::Struct(vec![
        (1, Node::list(bounds.iter().map(|_| Node::Bool(false)).collect())),
        (2, Node::list(bounds.iter().map(|(min, _)| bytes_of(*min)).collect())),
        (3, Node::list(bounds.iter().map(|(_, max)| bytes_of(*max)).collect())),
        (4, Node::I32(1)),
    ]);
    let columns = columns.encode().unwrap();
    let leaf = Element::leaf("l", Repetition::Repeated, PhysicalType::Int32);
    let groups = vec![Group { chunks: vec![chunk], rows: rows.len() as i64 }];
    let mut footer = Assembler::footer(vec![Element::root(1), leaf], groups);
    footer.set(6, Node::text(writer));
    footer.set(7, Node::list(vec![Node::Struct(vec![(1, Node::Struct(Vec::new()))])]));
    if has_index {
        for (id, index) in [(4, offsets), (6, columns)] {
            let (offset, length) = file.piece(&index);
            Assembler::set_in_chunk(&mut footer, (0, 0), id, offset);
            Assembler::set_in_chunk(&mut footer, (0, 0), id + 1, length);
        }
    }
    Cut { rows, bytes: file.end_with(&footer).unwrap().into_bytes() }
}

/// Rows as JSON Lines.
fn lists<'a>(rows: impl IntoIterator<Item = &'a Vec<i32>>) -> String {
    let line = |row: &Vec<i32>| {
        let numbers: Vec<String> = row.iter().map(i32::to_string).collect();
        format!("{{\"l\":[{}]}}\n", numbers.join(","))
    };
    rows.into_iter().map(line).collect()
}

#[test]
fn rows_go_on_in_the_next_page_where_writers_did_not_keep_to_the_spec() {
    let writers = [
        "parquet-rs version 40.0.0",
        "parquet-cpp-arrow version 11.0.0",
        "parquet-go version 18.0.0",
        "",
    ];
    let (mut files, mut inside) = (0, 0);
    for seed in 1..30u64 {
        for (at, writer) in writers.iter().enumerate() {
            let is_v2 = seed.is_multiple_of(2);
            let has_index = !(seed + at as u64).is_multiple_of(3);
            let Cut { rows, bytes } = cut_anywhere(writer, is_v2, has_index, seed);
            let name = format!("{writer}, version {}, {has_index} {seed}", 1 + u8::from(is_v2));
            assert_eq!(read(&bytes).unwrap(), lists(&rows), "{name}");
            let file = open(&bytes);
            let count = rows.len() as u64;
            for first in 0..count {
                for end in [first + 1, first + 3, count].map(|end| end.min(count)) {
                    let options = BatchOptions {
                        rows: Some(std::iter::once(first..end).collect()),
                        batch_rows: Some(1 + seed as usize % 5),
                        ..BatchOptions::default()
                    };
                    let wanted = lists(&rows[first as usize..end as usize]);
                    assert_eq!(read_by(&file, options), wanted, "{name}, rows {first}..{end}");
                }
                // Its last value may lie on a page of which the bounds deny all others.
                let value = *rows[first as usize].last().unwrap();
                let filter = Some(Predicate::compare(0, Comparison::Equal, value));
                let options = BatchOptions { filter, ..BatchOptions::default() };
                let wanted = lists(std::iter::once(&rows[first as usize]));
                assert_eq!(read_by(&file, options), wanted, "{name}, value {value}");
            }
            // Not a row is lost, but the spec is broken where a page begins inside one.
            let findings = verified(&bytes, Depth::Values);
            assert!(findings.iter().all(|found| found.severity == Severity::Wrong), "{findings:?}");
            files += 1;
            inside += usize::from(findings.iter().any(|found| found.what.contains("inside a row")));
        }
    }
    assert!(files == 116 && inside > 40, "{inside} of {files} files cut rows");
}

#[test]
fn writers_who_keep_to_the_spec_are_held_to_it() {
    for has_index in [false, true] {
        let inside = (1..20).filter(|seed| {
            let writer = "parquet-mr version 1.13.1";
            let Cut { bytes, .. } = cut_anywhere(writer, true, has_index, *seed);
            let error = read(&bytes).err().map(|error| error.to_string());
            error.is_some_and(|error| error.contains("begins inside a row"))
        });
        let count = inside.count();
        assert!(count > 10, "{has_index}: {count}");
    }
}

#[test]
fn a_version_2_header_need_not_tell_its_nulls() {
    for told in [Some(-1), Some(i32::MAX), None] {
        // A null, and two values.
        let levels = [run(1, 0, 1), run(2, 1, 1)].concat();
        let body = [levels.clone(), 7i32.to_le_bytes().to_vec(), 8i32.to_le_bytes().to_vec()];
        let lengths = [levels.len() as i32, 0];
        let mut page = Page::v2([3, 0, 3], Encoding::Plain, lengths, body.concat());
        match told {
            Some(nulls) => page.own(8, 2, Node::I32(nulls)),
            None => page.own(8, 2, Node::Bool(true)),
        }
        let leaf = Element::leaf("a", Repetition::Optional, PhysicalType::Int32);
        let bytes = one_column(leaf, PLAIN, 3, &[page]).unwrap();
        assert_eq!(read(&bytes).unwrap(), "{\"a\":null}\n{\"a\":7}\n{\"a\":8}\n", "{told:?}");
        let findings = verified(&bytes, Depth::Values);
        assert!(findings.iter().all(|found| found.severity == Severity::Wrong), "{findings:?}");
        assert!(findings.iter().any(|found| found.what.contains("nulls by the page header")));
    }
}
