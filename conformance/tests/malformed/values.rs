//! Files whose values, runs or repetition levels are wrong, or unusual and right.

use conformance::assemble::{Assembler, Element, Group, Page, Repetition, run};
use conformance::tree::Node;
use millwork_format::metadata::{Compression, Encoding, PhysicalType};

use super::cases::{Case, int32, leaf, levels, one, required, with_footer};

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn zigzag(number: i64) -> Vec<u8> {
    varint((number << 1 ^ number >> 63).cast_unsigned())
}

/// DELTA_BINARY_PACKED of `total` numbers (at most 129) from `first` on, each `step` more.
fn ramp(first: i64, step: i64, total: u64) -> Vec<u8> {
    let head = [varint(128), varint(4), varint(total), zigzag(first)].concat();
    if total < 2 { head } else { [head, zigzag(step), vec![0; 4]].concat() }
}

/// DELTA_BYTE_ARRAY: lengths of prefixes, lengths of suffixes, suffixes.
fn prefixed(rows: i32, prefixes: &[u8], suffixes: &[u8], bytes: &[u8]) -> Page {
    Page::v1(rows, Encoding::DeltaByteArray, [prefixes, suffixes, bytes].concat())
}

/// Values of a repeated leaf: repetition levels, definition levels all 1.
fn repeated(repetition: &[u8], values: &[i32]) -> Vec<u8> {
    let definition = levels(&run(values.len() as u64, 1, 1), &int32(values));
    levels(repetition, &definition)
}

/// Two leaves `x` and `y` in a group, each with one page.
fn group(repetition: Repetition, rows: i64, pages: [Page; 2]) -> Vec<u8> {
    let mut file = Assembler::default();
    let chunks = ["x", "y"].iter().zip(&pages).map(|(name, page)| {
        let codec = Compression::Uncompressed;
        file.chunk(&["g", name], PhysicalType::Int32, codec, std::slice::from_ref(page)).unwrap()
    });
    let chunks = chunks.collect();
    let leaf = |name| Element::leaf(name, Repetition::Required, PhysicalType::Int32);
    let schema = vec![Element::root(1), Element::group("g", repetition, 2), leaf("x"), leaf("y")];
    let footer = Assembler::footer(schema, vec![Group { chunks, rows }]);
    file.end_with(&footer).unwrap().into_bytes()
}

/// FIXED_LEN_BYTE_ARRAY of two bytes.
fn pairs() -> Element {
    let mut leaf = required(PhysicalType::FixedLenByteArray);
    leaf.0.set(2, Node::I32(2));
    leaf
}

/// Each with its length before it.
fn with_lengths(values: &[&[u8]]) -> Vec<u8> {
    let each = values.iter().map(|value| [&(value.len() as u32).to_le_bytes(), *value].concat());
    each.collect::<Vec<_>>().concat()
}

/// A byte for a page of `rows` codes behind a dictionary of two.
fn codes(bytes: &[u8], rows: i32) -> Vec<u8> {
    let pages = [
        Page::dictionary(2, int32(&[5, 6])),
        Page::v1(rows, Encoding::RleDictionary, bytes.to_vec()),
    ];
    one(required(PhysicalType::Int32), rows.into(), &pages)
}

/// Files that are right, however unusual, and their rows.
pub fn sound() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let optional = leaf(Repetition::Optional, PhysicalType::Int32);
    let text = required(PhysicalType::ByteArray).converted(0);
    vec![
        (
            "a padded run of codes",
            codes(&[1, 3, 0b1111_1010], 3),
            "{\"a\":5}\n{\"a\":6}\n{\"a\":5}\n",
        ),
        (
            "codes that name no entry in the padding",
            codes(&[2, 3, 0b1111_0001, 0xff], 2),
            "{\"a\":6}\n{\"a\":5}\n",
        ),
        (
            "a padded run of levels",
            one(
                optional,
                3,
                &[Page::v1(3, Encoding::Plain, levels(&[3, 0b1111_1101], &int32(&[1, 2])))],
            ),
            "{\"a\":1}\n{\"a\":null}\n{\"a\":2}\n",
        ),
        (
            "prefixes",
            one(text, 2, &[prefixed(2, &ramp(0, 1, 2), &ramp(2, -1, 2), b"abc")]),
            "{\"a\":\"ab\"}\n{\"a\":\"ac\"}\n",
        ),
        (
            "fixed bytes behind their lengths",
            one(pairs(), 2, &[Page::v1(2, Encoding::Plain, with_lengths(&[b"ab", b"cd"]))]),
            "{\"a\":\"YWI=\"}\n{\"a\":\"Y2Q=\"}\n",
        ),
        (
            "a dictionary of fixed bytes behind their lengths",
            one(
                pairs(),
                2,
                &[
                    Page::dictionary(2, with_lengths(&[b"ab", b"cd"])),
                    Page::v1(2, Encoding::RleDictionary, vec![1, 3, 0b01]),
                ],
            ),
            "{\"a\":\"Y2Q=\"}\n{\"a\":\"YWI=\"}\n",
        ),
        (
            "a repeated field",
            one(
                leaf(Repetition::Repeated, PhysicalType::Int32),
                2,
                &[Page::v1(3, Encoding::Plain, repeated(&[3, 0b010], &[1, 2, 3]))],
            ),
            "{\"a\":[1,2]}\n{\"a\":[3]}\n",
        ),
        (
            "eight zeros behind the values, as fastparquet writes them",
            one(
                required(PhysicalType::Int32),
                1,
                &[Page::v1(1, Encoding::Plain, int32(&[7, 0, 0]))],
            ),
            "{\"a\":7}\n",
        ),
        ("padding behind the last page", padded(), "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n"),
    ]
}

/// A chunk that is 16 bytes longer than its page.
fn padded() -> Vec<u8> {
    let mut file = Assembler::default();
    let page = Page::v1(3, Encoding::Plain, int32(&[1, 2, 3]));
    let mut chunk =
        file.chunk(&["a"], PhysicalType::Int32, Compression::Uncompressed, &[page]).unwrap();
    let Some(Node::I64(size)) = chunk.0.field(7).cloned() else { panic!() };
    file.piece(&[0; 16]);
    chunk.0.set(7, Node::I64(size + 16));
    let schema = vec![Element::root(1), required(PhysicalType::Int32)];
    let footer = Assembler::footer(schema, vec![Group { chunks: vec![chunk], rows: 3 }]);
    file.end_with(&footer).unwrap().into_bytes()
}

pub fn cases() -> Vec<Case> {
    use PhysicalType::{ByteArray, Int32};
    let text = |page: Page, rows| one(required(ByteArray), rows, &[page]);
    let list = |rows, page: Page| one(leaf(Repetition::Repeated, Int32), rows, &[page]);
    let list_v1 = |rows, repetition: &[u8], values: &[i32]| {
        let body = repeated(repetition, values);
        list(rows, Page::v1(values.len() as i32, Encoding::Plain, body))
    };
    let page = |head: Vec<u8>, values: &[i32]| {
        let body = [head, int32(values)].concat();
        Page::v1(values.len() as i32, Encoding::Plain, body)
    };
    let of = |levels: &[u8]| super::cases::levels(levels, &[]);
    vec![
        (
            "a prefix longer than the value before",
            text(prefixed(2, &ramp(0, 5, 2), &ramp(1, 0, 2), b"ab"), 2),
            "Corrupt: a prefix longer than the value before",
        ),
        (
            "a prefix of the first value",
            text(prefixed(1, &ramp(3, 0, 1), &ramp(1, 0, 1), b"a"), 1),
            "Corrupt: a prefix longer than the value before",
        ),
        (
            "a negative prefix",
            text(prefixed(2, &ramp(0, -1, 2), &ramp(1, 0, 2), b"ab"), 2),
            "Corrupt: a prefix longer than the value before",
        ),
        (
            "a prefix of 2 GiB",
            text(prefixed(2, &ramp(0, i32::MAX.into(), 2), &ramp(1, 0, 2), b"ab"), 2),
            "Corrupt: a prefix longer than the value before",
        ),
        (
            "suffixes longer than the page",
            text(prefixed(2, &ramp(0, 0, 2), &ramp(100, 0, 2), b"ab"), 2),
            "Truncated: the bytes end early: 98 more expected",
        ),
        (
            "fewer suffixes than prefixes",
            text(prefixed(2, &ramp(0, 0, 2), &ramp(1, 0, 1), b"ab"), 2),
            "Corrupt: fewer values than the page has",
        ),
        (
            "fixed bytes put together to another length",
            one(pairs(), 1, &[prefixed(1, &ramp(0, 0, 1), &ramp(3, 0, 1), b"abc")]),
            "Corrupt: a value of 3 bytes where all have 2",
        ),
        (
            "fewer deltas than values",
            one(required(Int32), 3, &[Page::v1(3, Encoding::DeltaBinaryPacked, ramp(1, 1, 2))]),
            "Corrupt: fewer values than the page has",
        ),
        (
            "deltas of 65 bits",
            one(
                required(Int32),
                2,
                &[Page::v1(
                    2,
                    Encoding::DeltaBinaryPacked,
                    [&ramp(1, 1, 2)[..5], &[2, 65, 0, 0, 0], &[0; 300]].concat(),
                )],
            ),
            "Corrupt: a bit width above 64",
        ),
        (
            "lengths of more bytes than the page",
            text(
                Page::v1(2, Encoding::DeltaLengthByteArray, [&ramp(9, 0, 2)[..], b"a"].concat()),
                2,
            ),
            "Truncated: the bytes end early: 8 more expected",
        ),
        (
            "a run of 2^63 codes",
            codes(&[&[1][..], &[0xfe], &[0xff; 8], &[1, 0]].concat(), 3),
            "3 rows",
        ),
        (
            "packed codes beyond their page",
            codes(&[&[1][..], &varint(2001), &[5]].concat(), 3),
            "3 rows",
        ),
        (
            "packed codes of 2^60 groups",
            codes(&[&[1][..], &varint(u64::MAX), &[5]].concat(), 3),
            "3 rows",
        ),
        (
            "runs of no codes",
            codes(&[1, 0, 1, 0, 1, 0, 1], 3),
            "Truncated: the bytes end early: 1 more expected",
        ),
        (
            "fewer codes than values",
            codes(&[1, 4, 1], 3),
            "Truncated: the bytes end early: 1 more expected",
        ),
        (
            "plain values longer than they are many",
            one(required(Int32), 2, &[Page::v1(2, Encoding::Plain, int32(&[1, 2, 3]))]),
            "Corrupt: 12 bytes of 2 values of 4 bytes each",
        ),
        (
            "more zeros behind the values than any writer leaves there",
            one(required(Int32), 1, &[Page::v1(1, Encoding::Plain, int32(&[1, 0, 0, 0]))]),
            "Corrupt: 16 bytes of 1 values of 4 bytes each",
        ),
        (
            "byte streams longer than the values",
            one(required(Int32), 2, &[Page::v1(2, Encoding::ByteStreamSplit, int32(&[1, 2, 3]))]),
            "Corrupt: 12 bytes of 2 values of 4 bytes each",
        ),
        (
            "a dictionary longer than its entries",
            one(
                required(Int32),
                2,
                &[
                    Page::dictionary(2, int32(&[5, 6, 7])),
                    Page::v1(2, Encoding::RleDictionary, vec![1, 4, 1]),
                ],
            ),
            "Corrupt: 12 bytes of 2 values of 4 bytes each",
        ),
        (
            "fixed bytes behind lengths of which one is wrong",
            one(
                pairs(),
                2,
                &[Page::v1(
                    2,
                    Encoding::Plain,
                    [&with_lengths(&[b"ab"])[..], &[3, 0, 0, 0, 1, 2]].concat(),
                )],
            ),
            "Corrupt: 12 bytes of 2 values of 2 bytes each",
        ),
        (
            "a first slot inside a row",
            list_v1(2, &run(3, 1, 1), &[1, 2, 3]),
            "Corrupt: a page of 0 rows where 2 should be",
        ),
        (
            "fewer repetition levels than slots",
            list_v1(2, &run(2, 0, 1), &[1, 2, 3]),
            "Truncated: the bytes end early: 1 more expected",
        ),
        (
            "repetition levels above the highest",
            list_v1(2, &run(3, 2, 1), &[1, 2, 3]),
            "Corrupt: an RLE value wider than its bit width",
        ),
        (
            "lists of more rows than there are",
            list_v1(2, &run(3, 0, 1), &[1, 2, 3]),
            "Corrupt: a page of 3 rows where 2 should be",
        ),
        (
            "lists of fewer rows than there are",
            list_v1(4, &run(3, 0, 1), &[1, 2, 3]),
            "Corrupt: a page of 3 rows where 4 should be",
        ),
        (
            "values in no row, by the header: not every writer counts rows, and levels tell them",
            list(
                1,
                Page::v2(
                    [1, 0, 0],
                    Encoding::Plain,
                    [2, 2],
                    [&run(1, 0, 1)[..], &run(1, 1, 1), &int32(&[1])].concat(),
                ),
            ),
            "1 rows",
        ),
        (
            "other rows than the repetition levels tell",
            list(
                2,
                Page::v2(
                    [3, 0, 2],
                    Encoding::Plain,
                    [2, 2],
                    [&run(3, 0, 1)[..], &run(3, 1, 1), &int32(&[1, 2, 3])].concat(),
                ),
            ),
            "Corrupt: a page of 3 rows where 2 should be",
        ),
        (
            "leaves that disagree about their struct",
            group(
                Repetition::Optional,
                2,
                [page(of(&run(2, 1, 1)), &[1, 2]), {
                    let mut page = page(of(&[run(1, 0, 1), run(1, 1, 1)].concat()), &[1]);
                    page.header.set(
                        5,
                        Page::v1(2, Encoding::Plain, Vec::new()).header.field(5).unwrap().clone(),
                    );
                    page
                }],
            ),
            "Corrupt: the levels of \"g.x\" and \"g.y\" do not agree on the struct around them",
        ),
        (
            "leaves that disagree about their list",
            group(
                Repetition::Repeated,
                2,
                [[3, 0b010], [3, 0b100]].map(|repetition| {
                    page([of(&repetition), of(&run(3, 1, 1))].concat(), &[1, 2, 3])
                }),
            ),
            "Corrupt: the levels of \"g.x\" and \"g.y\" do not agree on the struct around them",
        ),
        ("the sound twin of those above", with_footer(|_, _| {}), "3 rows"),
    ]
}
