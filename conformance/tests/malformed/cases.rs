//! Files that are wrong on the way to the values: footers, headers, sizes, levels, dictionaries.

use conformance::assemble::{Assembler, Chunk, Element, Group, Page, Repetition, one_column, run};
use conformance::tree::Node;
use millwork_format::metadata::{Compression, Encoding, PhysicalType};

const PLAIN: Compression = Compression::Uncompressed;

/// A name, a file, and how the verdict on it begins.
pub type Case = (&'static str, Vec<u8>, &'static str);

pub fn int32(values: &[i32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

pub fn leaf(repetition: Repetition, physical: PhysicalType) -> Element {
    Element::leaf("a", repetition, physical)
}

pub fn required(physical: PhysicalType) -> Element {
    leaf(Repetition::Required, physical)
}

pub fn one(leaf: Element, rows: i64, pages: &[Page]) -> Vec<u8> {
    one_column(leaf, PLAIN, rows, pages).unwrap()
}

/// Three INT32 in a page whose header is changed.
pub fn with_header(change: impl Fn(&mut Node)) -> Vec<u8> {
    let mut page = Page::v1(3, Encoding::Plain, int32(&[1, 2, 3]));
    change(&mut page.header);
    one(required(PhysicalType::Int32), 3, &[page])
}

/// The same sound, with a footer that is changed.
pub fn with_footer(change: impl Fn(&mut Node, &mut Node)) -> Vec<u8> {
    let mut file = Assembler::default();
    let page = Page::v1(3, Encoding::Plain, int32(&[1, 2, 3]));
    let chunk = file.chunk(&["a"], PhysicalType::Int32, PLAIN, &[page]).unwrap();
    let mut own = chunk.0;
    let schema = vec![Element::root(1), required(PhysicalType::Int32)];
    let group = |own: Node| Group { chunks: vec![Chunk(own)], rows: 3 };
    let mut footer = Assembler::footer(schema.clone(), vec![group(own.clone())]);
    change(&mut footer, &mut own);
    let Node::Struct(fields) = Assembler::footer(schema, vec![group(own)]) else { panic!() };
    // The chunk may have been changed, too.
    if footer
        .field(4)
        .is_some_and(|groups| matches!(groups, Node::List(None, all) if all.len() == 1))
    {
        footer.set(4, fields.into_iter().find(|(id, _)| *id == 4).unwrap().1);
    }
    file.end_with(&footer).unwrap().into_bytes()
}

pub fn levels(runs: &[u8], values: &[u8]) -> Vec<u8> {
    [&(runs.len() as u32).to_le_bytes()[..], runs, values].concat()
}

/// DELTA_BINARY_PACKED with these four numbers and bytes.
pub fn delta(block: u64, miniblocks: u64, total: u64, rest: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for mut number in [block, miniblocks, total, 0] {
        while number > 0x7f {
            bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
    }
    bytes.extend_from_slice(rest);
    bytes
}

pub fn cases() -> Vec<Case> {
    use PhysicalType::{Boolean, ByteArray, FixedLenByteArray, Int32, Int64};
    let optional = |physical| leaf(Repetition::Optional, physical);
    let mut fixed = required(FixedLenByteArray);
    fixed.0.set(2, Node::I32(i32::MAX));
    let mut negative_width = required(FixedLenByteArray);
    negative_width.0.set(2, Node::I32(-4));
    let dictionary = |entries: i32| Page::dictionary(entries, int32(&[5, 6]));
    let codes = |bytes: &[u8], rows| Page::v1(rows, Encoding::RleDictionary, bytes.to_vec());
    let mut crc = Page::v1(3, Encoding::Plain, int32(&[1, 2, 3]));
    crc.header.set(4, Node::I32(12345));
    let sound = with_footer(|_, _| {});
    vec![
        ("nothing", Vec::new(), "Truncated: the file is empty"),
        ("magic only", b"PAR1".to_vec(), "Corrupt: a file of 4 bytes is too short to be Parquet"),
        (
            "both magics, no footer",
            b"PAR1\0\0\0\0PAR1".to_vec(),
            "Truncated: the metadata ends early: 1 more bytes expected",
        ),
        (
            "a footer longer than the file",
            b"PAR1\xff\xff\xff\x7fPAR1".to_vec(),
            "Corrupt: a footer of 2147483647 bytes in a file of 12",
        ),
        (
            "the end is missing",
            sound[..sound.len() - 1].to_vec(),
            "Corrupt: the file ends with \"\\x00PAR\" and not with the magic \"PAR1\"",
        ),
        (
            "a negative compressed size",
            with_header(|page| page.set(3, Node::I32(-1))),
            "Corrupt: a page size of -1",
        ),
        (
            "a negative size",
            with_header(|page| page.set(2, Node::I32(-12))),
            "Corrupt: a page size of -12",
        ),
        (
            "a body of no bytes",
            with_header(|page| page.set(3, Node::I32(0))),
            "Corrupt: an uncompressed page body of 0 bytes, its header says 12",
        ),
        (
            "a body beyond its chunk",
            with_header(|page| page.set(3, Node::I32(100_000))),
            "Truncated: a page of 100019 bytes, but its column chunk ends at 35",
        ),
        (
            "a page of 2 GiB",
            with_header(|page| page.set(2, Node::I32(i32::MAX))),
            "LimitExceeded: a page of 2147483647 bytes, 268435456 are allowed",
        ),
        (
            "negative values",
            one(required(Int32), 3, &[Page::v1(-3, Encoding::Plain, int32(&[1]))]),
            "Corrupt: a number of values of -3",
        ),
        (
            "more values than bytes",
            one(required(Int32), 4, &[Page::v1(4, Encoding::Plain, int32(&[1, 2, 3]))]),
            "Truncated: 12 bytes of 4 values of 4 bytes each",
        ),
        (
            "more values than any bytes",
            one(
                required(Int64),
                i64::from(i32::MAX),
                &[Page::v1(i32::MAX, Encoding::Plain, int32(&[1, 2]))],
            ),
            "Truncated: 8 bytes of 2147483647 values of 8 bytes each",
        ),
        (
            "fewer values than rows",
            one(required(Int32), 9, &[Page::v1(3, Encoding::Plain, int32(&[1, 2, 3]))]),
            "Truncated: the column chunk ends after 3 of 9 rows",
        ),
        (
            "a dictionary of negative entries",
            one(required(Int32), 2, &[dictionary(-1), codes(&[1, 4, 1], 2)]),
            "Corrupt: a number of entries of -1",
        ),
        (
            "a dictionary of more entries than bytes",
            one(required(Int32), 2, &[dictionary(i32::MAX), codes(&[1, 4, 1], 2)]),
            "Corrupt: a dictionary of 2147483647 entries in 8 bytes",
        ),
        (
            "a code that names no entry",
            one(required(Int32), 2, &[dictionary(2), codes(&[2, 4, 3], 2)]),
            "Corrupt: dictionary code 3 in a dictionary of 2 entries",
        ),
        (
            "codes of 33 bits",
            one(required(Int32), 2, &[dictionary(2), codes(&[33, 4, 3, 0, 0, 0, 0], 2)]),
            "Corrupt: a bit width above 32",
        ),
        (
            "codes of 254 bits",
            one(required(Int32), 2, &[dictionary(2), codes(&[254, 4, 3], 2)]),
            "Corrupt: a bit width above 32",
        ),
        (
            "codes without a dictionary",
            one(required(Int32), 2, &[codes(&[1, 4, 1], 2)]),
            "Corrupt: a dictionary-encoded page without a dictionary",
        ),
        (
            "codes of no bits are legal",
            one(required(Int32), 2, &[dictionary(2), codes(&[0, 4], 2)]),
            "2 rows",
        ),
        (
            "two dictionaries",
            one(required(Int32), 2, &[dictionary(2), dictionary(2), codes(&[1, 4, 1], 2)]),
            "Corrupt: a second dictionary page",
        ),
        (
            "a string of negative length",
            one(required(ByteArray), 1, &[Page::v1(1, Encoding::Plain, vec![0xff; 4])]),
            "Corrupt: a byte array of negative length",
        ),
        (
            "a string of 2 GiB in 8 bytes",
            one(
                required(ByteArray),
                1,
                &[Page::v1(1, Encoding::Plain, vec![0xff, 0xff, 0xff, 0x7f, 1, 2, 3, 4])],
            ),
            "Truncated: the bytes end early: 2147483643 more expected",
        ),
        (
            "text that is not UTF-8",
            one(
                required(ByteArray).converted(0),
                1,
                &[Page::v1(1, Encoding::Plain, vec![1, 0, 0, 0, 0xff])],
            ),
            "Corrupt: text that is not UTF-8: \"\\xff\"",
        ),
        (
            "fixed bytes of 2 GiB each",
            one(fixed, 1, &[Page::v1(1, Encoding::Plain, vec![1; 64])]),
            "Truncated: 64 bytes of 1 values of 2147483647 bytes each",
        ),
        (
            "fixed bytes of a negative width",
            one(negative_width, 1, &[Page::v1(1, Encoding::Plain, vec![1; 64])]),
            "Corrupt: a type length of -4 in the schema",
        ),
        (
            "levels longer than their page",
            one(
                optional(Int32),
                3,
                &[Page::v1(3, Encoding::Plain, vec![0xff, 0xff, 0xff, 0x7f, 3, 1])],
            ),
            "Truncated: the bytes end early: 2147483645 more expected",
        ),
        (
            "fewer levels than values",
            one(
                optional(Int32),
                9,
                &[Page::v1(9, Encoding::Plain, levels(&run(3, 1, 1), &int32(&[1, 2, 3])))],
            ),
            "Truncated: the bytes end early: 1 more expected",
        ),
        (
            "levels above the highest",
            one(
                optional(Int32),
                3,
                &[Page::v1(3, Encoding::Plain, levels(&run(3, 2, 1), &int32(&[1, 2, 3])))],
            ),
            "Corrupt: an RLE value wider than its bit width",
        ),
        (
            "levels of version 2 beyond the page",
            one(
                optional(Int32),
                3,
                &[Page::v2([3, 0, 3], Encoding::Plain, [1000, 0], run(3, 1, 1))],
            ),
            "Corrupt: levels of 1000 and 0 bytes in a page of 2",
        ),
        (
            "levels of version 2 that wrap",
            one(
                optional(Int32),
                3,
                &[Page::v2([3, 0, 3], Encoding::Plain, [i32::MAX, i32::MAX], run(3, 1, 1))],
            ),
            "Corrupt: levels of 2147483647 and 2147483647 bytes in a page of 2",
        ),
        (
            "other nulls than the header says are no reason not to read",
            one(
                optional(Int32),
                3,
                &[Page::v2(
                    [3, 2, 3],
                    Encoding::Plain,
                    [2, 0],
                    [run(3, 1, 1), int32(&[1, 2, 3])].concat(),
                )],
            ),
            "3 rows",
        ),
        (
            "a checksum that differs",
            one(required(Int32), 3, &[crc]),
            "Corrupt: page checksum b0e02293, its header says 00003039",
        ),
        (
            "a delta block of 4 GiB",
            one(
                required(Int32),
                3,
                &[Page::v1(3, Encoding::DeltaBinaryPacked, delta(1 << 32, 1, 3, &[]))],
            ),
            "Truncated: the bytes end early: 1 more expected",
        ),
        (
            "delta values beyond any memory",
            one(
                required(Int32),
                3,
                &[Page::v1(3, Encoding::DeltaBinaryPacked, delta(128, 4, u64::MAX >> 1, &[]))],
            ),
            "Truncated: the bytes end early: 1 more expected",
        ),
        (
            "a delta block without miniblocks",
            one(
                required(Int32),
                3,
                &[Page::v1(3, Encoding::DeltaBinaryPacked, delta(128, 0, 3, &[]))],
            ),
            "Corrupt: blocks that are not miniblocks of 32 values",
        ),
        (
            "delta lengths that are negative",
            one(
                required(ByteArray),
                3,
                &[Page::v1(3, Encoding::DeltaLengthByteArray, delta(128, 4, 3, &[5, 0, 0, 0, 0]))],
            ),
            "Corrupt: a byte array of negative length",
        ),
        (
            "an encoding that there is not",
            one(required(Int32), 3, &[Page::v1(3, Encoding::from_code(77), int32(&[1, 2, 3]))]),
            "Unsupported: encoding 77 is not read yet",
        ),
        (
            "booleans as codes",
            one(required(Boolean), 3, &[Page::v1(3, Encoding::DeltaBinaryPacked, vec![1])]),
            "Corrupt: DELTA_BINARY_PACKED values of a column of BOOLEAN",
        ),
        (
            "an offset behind the file",
            with_footer(|_, own| own.set(9, Node::I64(1 << 40))),
            "Corrupt: a column chunk at 1099511627776 with 29 bytes",
        ),
        (
            "a negative offset",
            with_footer(|_, own| own.set(9, Node::I64(-4))),
            "Corrupt: a page offset of -4",
        ),
        (
            "a negative number of values",
            with_footer(|_, own| own.set(5, Node::I64(-1))),
            "Corrupt: a number of values of -1",
        ),
        (
            "a codec that there is not",
            with_footer(|_, own| own.set(4, Node::I32(99))),
            "Unsupported: page codec UNKNOWN is not supported",
        ),
        (
            "a type that there is not",
            with_footer(|_, own| own.set(1, Node::I32(-7))),
            "Corrupt: physical type -7 does not exist",
        ),
        (
            "no schema",
            with_footer(|footer, _| footer.set(2, Node::list(Vec::new()))),
            "Corrupt: 1 schema elements are missing",
        ),
        (
            "a root of negative children",
            with_footer(|footer, _| {
                footer.set(
                    2,
                    Node::list(vec![
                        Element(Node::Struct(vec![(4, Node::text("r")), (5, Node::I32(-1))])).0,
                    ]),
                );
            }),
            "Corrupt: a number of children of -1 in the schema",
        ),
        (
            "a root of 2^31 children",
            with_footer(|footer, _| {
                footer.set(2, Node::list(vec![Element::root(i32::MAX as usize).0]));
            }),
            "Corrupt: 2147483647 schema elements are missing",
        ),
        (
            "a list of 2^31 elements",
            with_footer(|footer, _| {
                let Some(Node::List(_, elements)) = footer.field(2).cloned() else { panic!() };
                footer.set(2, Node::List(Some(i32::MAX), elements));
            }),
            "Truncated: a collection of 2147483647 elements in 55 bytes",
        ),
        (
            "rows without a row group",
            with_footer(|footer, _| footer.set(4, Node::list(Vec::new()))),
            "Corrupt: 3 rows and no row group",
        ),
        (
            "other rows than the row groups have",
            with_footer(|footer, _| footer.set(3, Node::I64(1000))),
            "3 rows",
        ),
        (
            "a page behind the last row",
            one(
                required(Int32),
                2,
                &[1, 3].map(|first| Page::v1(2, Encoding::Plain, int32(&[first, first + 1]))),
            ),
            "Corrupt: a page behind the last row of the row group",
        ),
        (
            "a dictionary behind data pages",
            one(
                required(Int32),
                4,
                &[
                    Page::v1(2, Encoding::Plain, int32(&[1, 2])),
                    dictionary(2),
                    codes(&[1, 4, 1], 2),
                ],
            ),
            "Corrupt: a dictionary page behind data pages",
        ),
        (
            "values in no row, where each is one",
            one(required(Int32), 1, &[Page::v2([1, 0, 0], Encoding::Plain, [0, 0], int32(&[1]))]),
            "1 rows",
        ),
        (
            "pages of more than the rows",
            one(required(Int32), 2, &[Page::v1(3, Encoding::Plain, int32(&[1, 2, 3]))]),
            "Corrupt: pages of more than the 2 rows of the row group",
        ),
        ("a decimal of 77 digits", decimal(77), "Unsupported: a DECIMAL of 77 digits"),
        ("a decimal of 76 digits is legal", decimal(76), "1 rows"),
    ]
}

fn decimal_leaf(digits: i32) -> Element {
    let mut leaf = required(PhysicalType::ByteArray).converted(5);
    leaf.0.set(7, Node::I32(0));
    leaf.0.set(8, Node::I32(digits));
    leaf
}

/// One value of a DECIMAL of `digits` digits.
fn decimal(digits: i32) -> Vec<u8> {
    one(decimal_leaf(digits), 1, &[Page::v1(1, Encoding::Plain, vec![1, 0, 0, 0, 5])])
}

/// A DECIMAL of 77 digits and, behind it, the INT32 7.
pub fn decimal_and_number() -> Vec<u8> {
    let mut file = Assembler::default();
    let pages = [
        Page::v1(1, Encoding::Plain, vec![1, 0, 0, 0, 5]),
        Page::v1(1, Encoding::Plain, int32(&[7])),
    ];
    let types = [PhysicalType::ByteArray, PhysicalType::Int32];
    let chunks = pages.iter().zip(types).zip(["a", "b"]).map(|((page, physical), name)| {
        file.chunk(&[name], physical, PLAIN, std::slice::from_ref(page)).unwrap()
    });
    let group = Group { chunks: chunks.collect(), rows: 1 };
    let number = Element::leaf("b", Repetition::Required, PhysicalType::Int32);
    let schema = vec![Element::root(2), decimal_leaf(77), number];
    file.end_with(&Assembler::footer(schema, vec![group])).unwrap().into_bytes()
}
