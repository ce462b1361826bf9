//! Old writers of DELTA_BYTE_ARRAY, whose pages go on from one another (PARQUET-246).

use std::sync::Arc;

use conformance::assemble::{Assembler, Element, Group, Page, Repetition, run};
use conformance::tree::Node;
use millwork_codecs::budget::Budget;
use millwork_format::ErrorKind;
use millwork_format::limits::Limits;
use millwork_format::metadata::{Compression, Encoding, PhysicalType};
use millwork_format::page::PageContext;
use millwork_format::read::{FileScan, MorselReader, RowGroupScan, ScanMetrics};
use millwork_format::selection::Selection;
use millwork_format::vector::Cell;
use millwork_format::verify::Depth;

use super::{PLAIN, open, read, verified};

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
        while let Some(need) = reader.want(&[0], std::slice::from_ref(&rows)).unwrap() {
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
