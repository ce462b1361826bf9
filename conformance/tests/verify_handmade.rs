//! `verify` over handmade files with one mistake each: what it finds at which depth, and where.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use conformance::allocator::most_bytes_of;
use conformance::assemble::{Assembler, Element, Group, Page, Repetition, one_column, run};
use conformance::tree::Node;
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use millwork_format::limits::Limits;
use millwork_format::metadata::{Compression, Encoding, PhysicalType};
use millwork_format::read::File;
use millwork_format::verify::{Check, Depth, Finding, Options, Report, Severity, verify};

const PLAIN: Compression = Compression::Uncompressed;
const DEPTHS: [Depth; 3] = [Depth::Footer, Depth::Pages, Depth::Values];

fn within(bytes: &[u8], limits: &Limits, depth: Depth) -> (Report, Vec<Finding>) {
    let buffer = Buffer::copy_of(bytes, &Budget::unlimited()).unwrap();
    let file = File::from_bytes("handmade", buffer, limits).unwrap();
    let (mut findings, options) = (Vec::new(), Options { depth, ..Options::default() });
    let report = verify(&file, &options, &mut |finding| findings.push(finding)).unwrap();
    (report, findings)
}

fn verified(bytes: &[u8], depth: Depth) -> Vec<Finding> {
    within(bytes, &Limits::standard(), depth).1
}

fn int32(values: &[i32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn int32s(values: &[i32]) -> Page {
    Page::v1(values.len() as i32, Encoding::Plain, int32(values))
}

fn required(name: &str) -> Element {
    Element::leaf(name, Repetition::Required, PhysicalType::Int32)
}

fn one(rows: i64, pages: &[Page]) -> Vec<u8> {
    one_column(required("a"), PLAIN, rows, pages).unwrap()
}

/// Severity, check, page, and the rows of a finding that has an offset and a column.
fn told(finding: &Finding) -> (Severity, Check, Option<u32>, Option<(u64, u64)>) {
    let place = &finding.place;
    assert!(place.row_group == Some(0) && place.column.is_some(), "{finding:?}");
    assert!(place.file_offset.is_some(), "{finding:?}");
    let rows = finding.rows.as_ref().map(|rows| (rows.start, rows.end));
    (finding.severity, finding.check, place.page, rows)
}

#[test]
fn a_limit_is_a_finding_and_what_is_behind_it_is_looked_at() {
    let mut deep = int32s(&[1, 2]);
    let nested = (0..20).fold(Node::I32(1), |inner, _| Node::Struct(vec![(1, inner)]));
    deep.header.set(50, nested);
    let mut file = Assembler::default();
    let first = file.chunk(&["a"], PhysicalType::Int32, PLAIN, &[deep]).unwrap();
    let short = Page::v1(2, Encoding::Plain, int32(&[1]));
    let second = file.chunk(&["b"], PhysicalType::Int32, PLAIN, &[short]).unwrap();
    let schema = vec![Element::root(2), required("a"), required("b")];
    let footer = Assembler::footer(schema, vec![Group { chunks: vec![first, second], rows: 2 }]);
    let bytes = file.end_with(&footer).unwrap().into_bytes();
    let limits = Limits { thrift_depth: 12, ..Limits::standard() };
    for depth in [Depth::Pages, Depth::Values] {
        let (report, findings) = within(&bytes, &limits, depth);
        let found: Vec<_> = findings.iter().map(told).collect();
        let expected = [
            (Severity::Unverified, Check::PageHeader, Some(0), Some((0, 2))),
            (Severity::Corrupt, Check::PageBody, Some(0), Some((0, 2))),
        ];
        assert_eq!(found, expected, "{depth:?}");
        assert_eq!((report.unverified, report.corrupt), (1, 1));
    }
    let few = Limits { page_bytes: 4, ..Limits::standard() };
    let found = within(&one(2, &[int32s(&[1, 2])]), &few, Depth::Pages).1;
    assert_eq!(told(&found[0]), (Severity::Unverified, Check::PageHeader, Some(0), Some((0, 2))));
}

/// A nested page that claims two billion levels is told as what it is, or as beyond the limits.
#[test]
fn a_page_of_two_billion_levels_is_a_finding() {
    let body = [&[2, 0, 0, 0][..], &run(4, 2, 1), &int32(&[1, 2, 3, 4])].concat();
    let page = Page::v1(i32::MAX, Encoding::Plain, body);
    let mut file = Assembler::default();
    let mut chunk = file.chunk(&["g", "a"], PhysicalType::Int32, PLAIN, &[page]).unwrap();
    chunk.0.set(5, Node::I64(4));
    let leaf = Element::leaf("a", Repetition::Optional, PhysicalType::Int32);
    let schema = vec![Element::root(1), Element::group("g", Repetition::Optional, 1), leaf];
    let footer = Assembler::footer(schema, vec![Group { chunks: vec![chunk], rows: 4 }]);
    let bytes = file.end_with(&footer).unwrap().into_bytes();
    for depth in [Depth::Pages, Depth::Values] {
        let findings = verified(&bytes, depth);
        let (severity, check, page, rows) = told(&findings[0]);
        assert_ne!(severity, Severity::Wrong);
        assert_eq!((check, page, rows), (Check::PageBody, Some(0), Some((0, 4))), "{depth:?}");
    }
}

/// Statistics of [null count, smallest, largest], in the header of a page of either version.
fn with_statistics(version: usize, values: &[i32], [nulls, min, max]: [i32; 3]) -> Page {
    let count = values.len() as i32;
    let mut page = match version {
        1 => int32s(values),
        _ => Page::v2([count, 0, count], Encoding::Plain, [0, 0], int32(values)),
    };
    let (own, field) = if version == 1 { (5, 5) } else { (8, 8) };
    let bound = |value: i32| Node::Bytes(int32(&[value]));
    let statistics = vec![(3, Node::I64(nulls.into())), (5, bound(max)), (6, bound(min))];
    let mut part = page.header.field(own).unwrap().clone();
    part.set(field, Node::Struct(statistics));
    page.header.set(own, part);
    page
}

#[test]
fn statistics_in_page_headers_are_compared_with_the_page() {
    for version in [1, 2] {
        let file = |of_second: [i32; 3]| {
            let pages = [
                with_statistics(version, &[1, 2], [0, 1, 2]),
                with_statistics(version, &[8, 9, 7], of_second),
            ];
            let mut file = Assembler::default();
            let chunk = file.chunk(&["a"], PhysicalType::Int32, PLAIN, &pages).unwrap();
            let schema = vec![Element::root(1), required("a")];
            let group = Group { chunks: vec![chunk], rows: 5 };
            let mut footer = Assembler::footer(schema, vec![group]);
            let by_type = Node::Struct(vec![(1, Node::Struct(Vec::new()))]);
            footer.set(7, Node::list(vec![by_type]));
            file.end_with(&footer).unwrap().into_bytes()
        };
        let (report, findings) = within(&file([0, 7, 9]), &Limits::standard(), Depth::Values);
        assert_eq!((findings.len(), report.claims), (0, 2), "{findings:?}");
        for lie in [[1, 7, 9], [0, 8, 9], [0, 7, 8]] {
            let findings = verified(&file(lie), Depth::Values);
            let found: Vec<_> = findings.iter().map(told).collect();
            assert_eq!(found, [(Severity::Wrong, Check::Statistics, Some(1), None)], "{lie:?}");
            assert!(verified(&file(lie), Depth::Pages).is_empty());
        }
    }
}

/// Rows and nulls beside the levels, and checksums of pages without rows: nothing is read by them.
#[test]
fn what_nobody_reads_by_is_wrong_and_loses_no_rows() {
    let levels = run(3, 1, 1);
    let body = |levels: &[u8]| [levels, &int32(&[1, 2, 3])].concat();
    for (leaf, levels) in [(Repetition::Required, &[][..]), (Repetition::Optional, &levels)] {
        let sound = |counts: [i32; 3]| {
            Page::v2(counts, Encoding::Plain, [levels.len() as i32, 0], body(levels))
        };
        let mut index = Page::v1(0, Encoding::Plain, vec![1, 2, 3]);
        index.header.set(1, Node::I32(1));
        index.header.set(4, Node::I32(12_345));
        let empty = Page::v1(0, Encoding::Plain, Vec::new());
        let table = [
            (vec![sound([3, 0, 3])], None),
            (vec![sound([3, 1, 3])], Some(Check::Count)),
            (vec![sound([3, 0, 0])], Some(Check::Count)),
            (vec![index, sound([3, 0, 3])], Some(Check::PageChecksum)),
            (vec![empty, sound([3, 0, 3])], None),
        ];
        for (pages, expected) in table {
            let leaf = Element::leaf("a", leaf, PhysicalType::Int32);
            let bytes = one_column(leaf, PLAIN, 3, &pages).unwrap();
            for depth in [Depth::Pages, Depth::Values] {
                let found: Vec<_> = verified(&bytes, depth).iter().map(told).collect();
                let expected: Vec<_> =
                    expected.iter().map(|check| (Severity::Wrong, *check, Some(0), None)).collect();
                assert_eq!(found, expected, "{depth:?}");
            }
        }
    }
}

#[test]
fn what_is_behind_the_last_value_or_the_last_page_is_found() {
    let with_padding = |mut page: Page| {
        page.body.extend([0xff; 5]);
        page
    };
    let wrong = Severity::Wrong;
    let corrupt = Severity::Corrupt;
    let strings = |count, body: &[u8]| {
        let leaf = Element::leaf("a", Repetition::Required, PhysicalType::ByteArray);
        let page = Page::v1(count, Encoding::Plain, body.to_vec());
        one_column(leaf, PLAIN, count.into(), &[page]).unwrap()
    };
    let missing = Page::v1(3, Encoding::Plain, int32(&[1, 2]));
    let surplus = Page::v1(2, Encoding::Plain, int32(&[1, 2, 3]));
    let split = Page::v1(2, Encoding::ByteStreamSplit, int32(&[1, 2, 3]));
    let table = [
        ("too few", one(3, &[missing]), corrupt, Check::PageBody, 0, Some((0, 3))),
        ("too many", one(2, &[surplus]), corrupt, Check::PageBody, 0, Some((0, 2))),
        ("too few strings", strings(2, &[0; 7]), corrupt, Check::PageBody, 0, Some((0, 2))),
        ("too many strings", strings(2, &[0; 9]), wrong, Check::PageBody, 0, None),
        ("padding", one(2, &[with_padding(int32s(&[1, 2]))]), wrong, Check::Count, 1, None),
    ];
    for (name, bytes, severity, check, page, rows) in table {
        assert!(verified(&bytes, Depth::Footer).is_empty(), "{name}");
        for depth in [Depth::Pages, Depth::Values] {
            let found: Vec<_> = verified(&bytes, depth).iter().map(told).collect();
            assert_eq!(found, [(severity, check, Some(page), rows)], "{name} {depth:?}");
        }
    }
    let found = verified(&one(2, &[split]), Depth::Pages);
    assert_eq!(told(&found[0]), (corrupt, Check::PageBody, Some(0), Some((0, 2))));
    // A page with values of which the footer knows nothing.
    let mut file = Assembler::default();
    let pages = [int32s(&[1, 2]), int32s(&[3, 4])];
    let mut chunk = file.chunk(&["a"], PhysicalType::Int32, PLAIN, &pages).unwrap();
    chunk.0.set(5, Node::I64(2));
    let group = Group { chunks: vec![chunk], rows: 2 };
    let footer = Assembler::footer(vec![Element::root(1), required("a")], vec![group]);
    let bytes = file.end_with(&footer).unwrap().into_bytes();
    let found: Vec<_> = verified(&bytes, Depth::Pages).iter().map(told).collect();
    assert_eq!(found, [(corrupt, Check::Count, Some(1), Some((0, 2)))]);
}

#[test]
fn chunks_outside_the_data_are_told_from_the_footer_alone() {
    let file = |offset: i64, bytes: i64| {
        let mut file = Assembler::default();
        let mut chunk = file.chunk(&["a"], PhysicalType::Int32, PLAIN, &[int32s(&[1, 2])]).unwrap();
        chunk.0.set(9, Node::I64(offset));
        chunk.0.set(7, Node::I64(bytes));
        let group = Group { chunks: vec![chunk], rows: 2 };
        let footer = Assembler::footer(vec![Element::root(1), required("a")], vec![group]);
        file.end_with(&footer).unwrap().into_bytes()
    };
    for (offset, bytes) in [(4000, 10), (i64::MAX, i64::MAX)] {
        for depth in DEPTHS {
            let found: Vec<_> = verified(&file(offset, bytes), depth).iter().map(told).collect();
            let expected = (Severity::Corrupt, Check::Range, Some(0), Some((0, 2)));
            assert_eq!(found, [expected], "{offset} {bytes} {depth:?}");
        }
    }
    // Pages tell better than the footer where they end.
    for bytes in [4000, i64::MAX] {
        for depth in DEPTHS {
            let found: Vec<_> = verified(&file(4, bytes), depth).iter().map(told).collect();
            assert_eq!(found, [(Severity::Wrong, Check::Range, None, None)], "{bytes} {depth:?}");
        }
    }
    let found: Vec<_> = verified(&file(4, 20), Depth::Pages).iter().map(told).collect();
    assert_eq!(found, [(Severity::Wrong, Check::Range, None, None)]);
}

#[test]
fn leaves_that_disagree_are_told_with_a_page() {
    let page = |levels: &[u8]| {
        let present = 1 + levels.last().copied().unwrap_or(0);
        let body = [
            &(levels.len() as u32).to_le_bytes()[..],
            levels,
            &int32(&[1, 2])[..4 * usize::from(present)],
        ];
        Page::v1(2, Encoding::Plain, body.concat())
    };
    let both = run(2, 1, 1);
    let first_alone = [run(1, 1, 1), run(1, 0, 1)].concat();
    let mut file = Assembler::default();
    let mut leaf = |name: &str, second: &[u8]| {
        let pages = [page(&both), page(second)];
        file.chunk(&["g", name], PhysicalType::Int32, PLAIN, &pages).unwrap()
    };
    let chunks = vec![leaf("x", &both), leaf("y", &first_alone)];
    let group = Element::group("g", Repetition::Optional, 2);
    let schema = vec![Element::root(1), group, required("x"), required("y")];
    let footer = Assembler::footer(schema, vec![Group { chunks, rows: 4 }]);
    let bytes = file.end_with(&footer).unwrap().into_bytes();
    assert!(verified(&bytes, Depth::Pages).is_empty());
    let findings = verified(&bytes, Depth::Values);
    let found: Vec<_> = findings.iter().map(told).collect();
    assert_eq!(found.len(), 1, "{findings:#?}");
    let (severity, check, page, rows) = found[0];
    assert_eq!((severity, check, rows), (Severity::Corrupt, Check::Nesting, Some((0, 4))));
    assert!(page.is_some_and(|page| page < 2), "{findings:?}");
}

/// A string is compared with its bounds, and told in messages, without being copied.
#[test]
fn a_long_string_is_held_once() {
    const LEN: usize = 64 << 20;
    let mut body = (LEN as u32).to_le_bytes().to_vec();
    body.resize(4 + LEN, b'x');
    let leaf = Element::leaf("a", Repetition::Required, PhysicalType::ByteArray).converted(0);
    let bytes = |first: &[u8]| {
        let pages = [Page::v1(1, Encoding::Plain, body.clone())];
        let mut file = Assembler::default();
        let mut chunk = file.chunk(&["a"], PhysicalType::ByteArray, PLAIN, &pages).unwrap();
        let bounds = vec![(5, Node::text("y")), (6, Node::Bytes(first.to_vec()))];
        chunk.0.set(12, Node::Struct(bounds));
        let group = Group { chunks: vec![chunk], rows: 1 };
        let mut footer = Assembler::footer(vec![Element::root(1), leaf.clone()], vec![group]);
        let by_type = Node::Struct(vec![(1, Node::Struct(Vec::new()))]);
        footer.set(7, Node::list(vec![by_type]));
        file.end_with(&footer).unwrap().into_bytes()
    };
    for (first, wrong) in [(&b"x"[..], 0), (b"xz", 1)] {
        let buffer = Buffer::copy_of(&bytes(first), &Budget::unlimited()).unwrap();
        let file = File::from_bytes("long", buffer, &Limits::standard()).unwrap();
        let options = Options { depth: Depth::Values, ..Options::default() };
        let (report, most) = most_bytes_of(|| verify(&file, &options, &mut |_| {}).unwrap());
        assert_eq!((report.wrong, report.corrupt), (wrong, 0));
        println!("{most} bytes beside the file");
        assert!(most < LEN as u64 / 2, "{most}");
    }
}
