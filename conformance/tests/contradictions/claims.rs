//! Claims that nothing here is read by, and statistics: `verify` tells which are false.

use conformance::assemble::{Assembler, Chunk, Element, Group, Page, Repetition, run};
use conformance::tree::Node;
use millwork_format::metadata::{Encoding, PhysicalType};
use millwork_format::verify::{Check, Depth, Severity};

use super::{PLAIN, int32s, open, read, required, told, verified};

/// One chunk of `pages` with whatever `change` makes of it and of the footer. Each of `indexes` lies behind the
/// pages, and the field of the chunk that it comes with tells where.
pub(super) fn claiming(
    leaf: Element,
    pages: &[Page],
    indexes: &[(i16, Node)],
    change: impl Fn(&mut Chunk),
    of_footer: impl Fn(&mut Node),
) -> Vec<u8> {
    let mut file = Assembler::default();
    let code = match leaf.0.field(1) {
        Some(Node::I32(code)) => *code,
        _ => panic!("a leaf"),
    };
    let physical = PhysicalType::from_code(code).unwrap();
    let mut chunk = file.chunk(&["a"], physical, PLAIN, pages).unwrap();
    change(&mut chunk);
    let indexes: Vec<_> =
        indexes.iter().map(|(id, index)| (*id, file.piece(&index.encode().unwrap()))).collect();
    let groups = vec![Group { chunks: vec![chunk], rows: 20 }];
    let mut footer = Assembler::footer(vec![Element::root(1), leaf], groups);
    for (id, (offset, len)) in indexes {
        Assembler::set_in_chunk(&mut footer, (0, 0), id, offset);
        Assembler::set_in_chunk(&mut footer, (0, 0), id + 1, len);
    }
    let by_type = Node::Struct(vec![(1, Node::Struct(Vec::new()))]);
    footer.set(7, Node::list(vec![by_type]));
    of_footer(&mut footer);
    file.end_with(&footer).unwrap().into_bytes()
}

/// Sets field `id` of the only row group.
fn set_in_group(footer: &mut Node, id: i16, value: i64) {
    let Some(Node::List(told, mut groups)) = footer.field(4).cloned() else { panic!("groups") };
    groups[0].set(id, Node::I64(value));
    footer.set(4, Node::List(told, groups));
}

#[test]
fn false_claims_that_nothing_is_read_by_are_told() {
    let pages = || [int32s(0..10), int32s(10..20)];
    let file = |change: &dyn Fn(&mut Chunk), of_footer: &dyn Fn(&mut Node)| {
        claiming(required("a"), &pages(), &[], change, of_footer)
    };
    let sound: String = (0..20).map(|number| format!("{{\"a\":{number}}}\n")).collect();
    let bytes = file(&|_| {}, &|_| {});
    assert!(verified(&bytes, Depth::Values).is_empty());
    let size = |id: i16| match open(&bytes).footer().column(0, 0) {
        Some(chunk) if id == 6 => chunk.total_uncompressed_size() as i64,
        Some(chunk) => chunk.total_compressed_size() as i64,
        None => panic!("a chunk"),
    };
    let path = |name: &str| Node::list(vec![Node::text(name)]);
    let in_chunk = |value: i64| {
        move |footer: &mut Node| {
            Assembler::set_in_chunk(footer, (0, 0), 2, Node::I64(value));
        }
    };
    type Change<'a> = Box<dyn Fn(&mut Chunk) + 'a>;
    type OfFooter<'a> = Box<dyn Fn(&mut Node) + 'a>;
    let chunk = |id: i16, value: Node| -> Change<'_> {
        Box::new(move |chunk: &mut Chunk| chunk.0.set(id, value.clone()))
    };
    let none = || -> Change<'_> { Box::new(|_| {}) };
    let nothing = || -> OfFooter<'_> { Box::new(|_| {}) };
    let group = |id: i16, value: i64| -> OfFooter<'_> {
        Box::new(move |footer: &mut Node| set_in_group(footer, id, value))
    };
    let (data, end) = (4, 4 + size(7));
    let table: Vec<(&str, Change<'_>, OfFooter<'_>, usize)> = vec![
        ("a path of another leaf", chunk(3, path("b")), nothing(), 1),
        ("a path of that leaf", chunk(3, path("a")), nothing(), 0),
        ("a group's bytes", none(), group(2, size(6) + 5), 1),
        ("a group's true bytes", none(), group(2, size(6)), 0),
        ("a group's bytes in the file", none(), group(6, size(7) - 1), 1),
        ("a group's true bytes in the file", none(), group(6, size(7)), 0),
        ("a group's offset", none(), group(5, data + 1), 1),
        ("a group's true offset", none(), group(5, data), 0),
        ("a chunk's bytes", chunk(6, Node::I64(size(6) + 5)), nothing(), 1),
        ("a chunk's offset", none(), Box::new(in_chunk(data + 1)), 1),
        ("a chunk's true offset", none(), Box::new(in_chunk(data)), 0),
        ("a chunk's true end", none(), Box::new(in_chunk(end)), 0),
    ];
    for (name, change, of_footer, count) in table {
        let bytes = file(&change, &of_footer);
        assert_eq!(read(&bytes).unwrap(), sound, "{name}");
        let findings = verified(&bytes, Depth::Values);
        assert_eq!(findings.len(), count, "{name}: {findings:#?}");
        for finding in findings {
            assert_eq!(finding.severity, Severity::Wrong, "{name}");
            assert_eq!(finding.place.row_group, Some(0), "{name}");
        }
    }
    let mut bytes = file(&|_| {}, &|_| {});
    bytes[0] = b'Q';
    let findings = verified(&bytes, Depth::Footer);
    assert_eq!(told(&findings), [(Severity::Wrong, Check::Footer, None)]);
    assert_eq!(findings[0].place.file_offset, Some(0));
}

#[test]
fn false_statistics_are_told_wherever_somebody_believes_them() {
    let bound = |value: i32| Node::Bytes(value.to_le_bytes().to_vec());
    let entries = || (1..=5).flat_map(i32::to_le_bytes).collect::<Vec<u8>>();
    let by_codes = || {
        let codes = [vec![3], run(4, 0, 1), run(4, 1, 1), run(4, 2, 1), run(4, 3, 1), run(4, 4, 1)];
        [Page::dictionary(5, entries()), Page::v1(20, Encoding::RleDictionary, codes.concat())]
    };
    let claims = |fields: Vec<(i16, Node)>, pages: &[Page], lists: bool| {
        let change = |chunk: &mut Chunk| {
            chunk.0.set(12, Node::Struct(fields.clone()));
            let codes = Encoding::RleDictionary.code();
            let both = vec![Node::I32(Encoding::Plain.code()), Node::I32(codes)];
            chunk.0.set(2, Node::list(both));
        };
        let repetition = if lists { Repetition::Repeated } else { Repetition::Required };
        let leaf = Element::leaf("a", repetition, PhysicalType::Int32);
        let findings = verified(&claiming(leaf, pages, &[], change, |_| {}), Depth::Values);
        for finding in &findings {
            assert_eq!(finding.severity, Severity::Wrong, "{findings:#?}");
            assert_eq!(finding.check, Check::Statistics, "{findings:#?}");
        }
        findings.len()
    };
    let plain = [int32s(1..21)];
    let both = |least: i32, most: i32| vec![(5, bound(most)), (6, bound(least))];
    let old =
        |least: i32, most: i32| [vec![(1, bound(most)), (2, bound(least))], both(1, 20)].concat();
    let short = |id: i16| {
        let mut fields = both(1, 20);
        fields.iter_mut().find(|(of, _)| *of == id).unwrap().1 = Node::Bytes(vec![1, 0, 0]);
        fields
    };
    let table = [
        ("true", both(1, 20), 0),
        ("a least value of three bytes", short(6), 1),
        ("a greatest value of three bytes", short(5), 1),
        ("old ones that are true", old(1, 20), 0),
        ("an old least value", old(2, 20), 1),
        ("an old greatest value", old(1, 19), 1),
        ("more different values than there are values", vec![(4, Node::I64(21))], 1),
        ("not counted", vec![(4, Node::I64(19))], 0),
    ];
    for (name, fields, count) in table {
        assert_eq!(claims(fields, &plain, false), count, "{name}");
    }
    for (count, wrong) in [(4, 1), (5, 0), (6, 1)] {
        assert_eq!(claims(vec![(4, Node::I64(count))], &by_codes(), false), wrong, "{count}");
    }
    // Twenty rows of which five are empty lists: counted, or not.
    let levels = [run(15, 1, 1), run(5, 0, 1)].concat();
    let of = |levels: &[u8]| [&(levels.len() as u32).to_le_bytes()[..], levels].concat();
    let values: Vec<u8> = (1..16).flat_map(i32::to_le_bytes).collect();
    let body = [of(&run(20, 0, 1)), of(&levels), values].concat();
    let lists = [Page::v1(20, Encoding::Plain, body)];
    for (nulls, wrong) in [(0, 0), (1, 1), (5, 0), (6, 1)] {
        assert_eq!(claims(vec![(3, Node::I64(nulls))], &lists, true), wrong, "{nulls}");
    }
}
