//! Claims about pages and values: for each a lie, the words in which `verify` tells it, and the truth, with which
//! the same file is clean.
//!
//! Every file has one column of twenty rows, in two pages of ten, and both indexes.

use conformance::assemble::{Element, Page, Repetition, run};
use conformance::tree::Node;
use millwork_format::metadata::{Encoding, PhysicalType};
use millwork_format::verify::{Check, Depth, Severity};

use super::claims::claiming;
use super::{int32s, read, required, verified};

/// The structure that a claim stands in.
#[derive(Clone, Copy, PartialEq)]
enum Of {
    Chunk,
    Statistics,
    SizeStatistics,
    /// Statistics in the header of the second page.
    Header,
    ColumnIndex,
    OffsetIndex,
}

/// Structure, field, and what the field says.
type Claim = (Of, i16, Node);

/// Twenty rows and the true bounds of their two pages.
struct Column {
    leaf: Element,
    pages: Vec<Page>,
    least: [Vec<u8>; 2],
    greatest: [Vec<u8>; 2],
}

/// Levels with their length in front.
fn levels(runs: &[(u64, u32)]) -> Vec<u8> {
    let runs: Vec<u8> = runs.iter().flat_map(|(count, level)| run(*count, *level, 1)).collect();
    [&(runs.len() as u32).to_le_bytes()[..], &runs].concat()
}

fn strings(values: &[String]) -> Vec<u8> {
    let with_length =
        |value: &String| [&(value.len() as u32).to_le_bytes()[..], value.as_bytes()].concat();
    values.iter().flat_map(with_length).collect()
}

/// Lists of strings: 1 empty list and 10 strings of 2 bytes, then 3 empty lists and 12 strings of 3 bytes.
fn lists() -> Column {
    let page = |empty: u64, values: &[String]| {
        let count = values.len() as u64;
        let body = [
            levels(&[(10, 0), (count + empty - 10, 1)]),
            levels(&[(empty, 0), (count, 1)]),
            strings(values),
        ];
        Page::v1((count + empty) as i32, Encoding::Plain, body.concat())
    };
    let short: Vec<String> = (0..10).map(|at| format!("v{at}")).collect();
    let long: Vec<String> = (10..22).map(|at| format!("w{at}")).collect();
    Column {
        leaf: Element::leaf("a", Repetition::Repeated, PhysicalType::ByteArray).converted(0),
        pages: vec![page(1, &short), page(3, &long)],
        least: [b"v0".to_vec(), b"w10".to_vec()],
        greatest: [b"v9".to_vec(), b"w21".to_vec()],
    }
}

/// A page of ten doubles: nulls, NaNs, and numbers.
fn doubles_of([nulls, nans]: [u64; 2], numbers: std::ops::Range<i32>) -> Page {
    let values = (0..nans).map(|_| f64::NAN).chain(numbers.map(f64::from));
    let values: Vec<u8> = values.flat_map(f64::to_le_bytes).collect();
    let body = [levels(&[(nulls, 0), (10 - nulls, 1)]), values].concat();
    Page::v1(10, Encoding::Plain, body)
}

fn optional_doubles() -> Element {
    Element::leaf("a", Repetition::Optional, PhysicalType::Double)
}

/// Of doubles 2 nulls, 1 NaN and 7 numbers, then 3 nulls, 2 NaNs and 5 numbers.
fn doubles() -> Column {
    let bound = |number: f64| number.to_le_bytes().to_vec();
    Column {
        leaf: optional_doubles(),
        pages: vec![doubles_of([2, 1], 1..8), doubles_of([3, 2], 11..16)],
        least: [bound(1.0), bound(11.0)],
        greatest: [bound(7.0), bound(15.0)],
    }
}

/// Ten numbers, then ten nulls.
fn half_null() -> Column {
    Column {
        leaf: optional_doubles(),
        pages: vec![doubles_of([0, 0], 0..10), doubles_of([10, 0], 0..0)],
        least: [0f64.to_le_bytes().to_vec(), Vec::new()],
        greatest: [9f64.to_le_bytes().to_vec(), Vec::new()],
    }
}

/// The integers that begin with those.
fn integers([first, second]: [i32; 2]) -> Column {
    let bound = |number: i32| number.to_le_bytes().to_vec();
    Column {
        leaf: required("a"),
        pages: vec![int32s(first..first + 10), int32s(second..second + 10)],
        least: [bound(first), bound(second)],
        greatest: [bound(first + 9), bound(second + 9)],
    }
}

fn rising() -> Column {
    integers([0, 10])
}

fn falling() -> Column {
    integers([10, 0])
}

/// `word 00` to `word 19`.
fn words() -> Column {
    let words: Vec<String> = (0..20).map(|at| format!("word {at:02}")).collect();
    let page = |words: &[String]| Page::v1(10, Encoding::Plain, strings(words));
    let bound = |at: usize| words[at].clone().into_bytes();
    Column {
        leaf: Element::leaf("a", Repetition::Required, PhysicalType::ByteArray).converted(0),
        pages: vec![page(&words[..10]), page(&words[10..])],
        least: [bound(0), bound(10)],
        greatest: [bound(9), bound(19)],
    }
}

/// Two entries of a dictionary, ten times each.
fn codes() -> Column {
    let entries: Vec<u8> = [7i32, 8].into_iter().flat_map(i32::to_le_bytes).collect();
    let page =
        |code: u32| Page::v1(10, Encoding::RleDictionary, [vec![1], run(10, code, 1)].concat());
    let [seven, eight] = [7i32, 8].map(|number| number.to_le_bytes().to_vec());
    Column {
        leaf: required("a"),
        pages: vec![Page::dictionary(2, entries), page(0), page(1)],
        least: [seven.clone(), eight.clone()],
        greatest: [seven, eight],
    }
}

/// The true offset index of `pages`, of which the first lies behind the magic.
fn offset_index(pages: &[Page]) -> Node {
    let (mut position, mut locations) = (4, Vec::new());
    for page in pages {
        let size = (page.header.encode().unwrap().len() + page.body.len()) as i64;
        if page.header.field(1) == Some(&Node::I32(0)) {
            locations.push(Node::Struct(vec![
                (1, Node::I64(position)),
                (2, Node::I32(size as i32)),
                (3, Node::I64(10 * locations.len() as i64)),
            ]));
        }
        position += size;
    }
    Node::Struct(vec![(1, Node::list(locations))])
}

/// The file of `column` with true indexes, but for what is claimed.
fn file(column: &Column, claims: &[Claim]) -> Vec<u8> {
    let of = |of: Of, mut into: Node| {
        for (_, id, value) in claims.iter().filter(|claim| claim.0 == of) {
            into.set(*id, value.clone());
        }
        into
    };
    let has = |of: Of| claims.iter().any(|claim| claim.0 == of);
    let none = || Node::Struct(Vec::new());
    let mut pages = column.pages.clone();
    if has(Of::Header) {
        pages[1].own(5, 5, of(Of::Header, none()));
    }
    let bounds = |bounds: &[Vec<u8>]| Node::list(bounds.iter().cloned().map(Node::Bytes).collect());
    let is_null = column.least.iter().map(|bound| Node::Bool(bound.is_empty()));
    let column_index = Node::Struct(vec![
        (1, Node::list(is_null.collect())),
        (2, bounds(&column.least)),
        (3, bounds(&column.greatest)),
        (4, Node::I32(0)),
    ]);
    let indexes =
        [(4, of(Of::OffsetIndex, offset_index(&pages))), (6, of(Of::ColumnIndex, column_index))];
    let encoding = match pages.len() {
        2 => Encoding::Plain,
        _ => Encoding::RleDictionary,
    };
    claiming(
        column.leaf.clone(),
        &pages,
        &indexes,
        |chunk| {
            chunk.0.set(2, Node::list(vec![Node::I32(encoding.code())]));
            chunk.0 = of(Of::Chunk, chunk.0.clone());
            for (id, part) in [(12, Of::Statistics), (16, Of::SizeStatistics)] {
                if has(part) {
                    chunk.0.set(id, of(part, none()));
                }
            }
        },
        |_| {},
    )
}

/// One field with a lie and with the truth.
#[derive(Clone)]
struct Lie {
    column: fn() -> Column,
    /// What is claimed beside.
    beside: Vec<Claim>,
    field: (Of, i16),
    lie: Node,
    truth: Node,
    /// The least depth at which it is found.
    depth: Depth,
    check: Check,
    page: Option<u32>,
    words: &'static str,
}

/// A lie that only values tell.
fn lie(
    column: fn() -> Column,
    field: (Of, i16),
    (lie, truth): (Node, Node),
    (check, page, words): (Check, Option<u32>, &'static str),
) -> Lie {
    Lie { column, beside: Vec::new(), field, lie, truth, depth: Depth::Values, check, page, words }
}

fn counts(counts: &[i64]) -> Node {
    Node::list(counts.iter().copied().map(Node::I64).collect())
}

/// A lie and the truth, both counts of a list.
fn both(lie: &[i64], truth: &[i64]) -> (Node, Node) {
    (counts(lie), counts(truth))
}

fn of_size_statistics() -> Vec<Lie> {
    use Of::{ColumnIndex, OffsetIndex, SizeStatistics};
    let chunk = |words| (Check::SizeStatistics, None, words);
    let page = |words| (Check::ColumnIndex, Some(1), words);
    vec![
        lie(
            lists,
            (SizeStatistics, 1),
            (Node::I64(57), Node::I64(56)),
            chunk("57 bytes of strings are claimed, there are 56"),
        ),
        lie(
            lists,
            (SizeStatistics, 2),
            both(&[21, 5], &[20, 6]),
            chunk("repetition levels [21, 5] are claimed, there are [20, 6]"),
        ),
        lie(
            lists,
            (SizeStatistics, 3),
            both(&[5, 21], &[4, 22]),
            chunk("definition levels [5, 21] are claimed, there are [4, 22]"),
        ),
        lie(
            doubles,
            (SizeStatistics, 3),
            both(&[6, 14], &[5, 15]),
            chunk("definition levels [6, 14] are claimed, there are [5, 15]"),
        ),
        lie(
            lists,
            (OffsetIndex, 2),
            both(&[20, 35], &[20, 36]),
            (Check::OffsetIndex, Some(1), "35 bytes of strings are claimed, there are 36"),
        ),
        lie(
            lists,
            (ColumnIndex, 6),
            both(&[10, 1, 11, 4], &[10, 1, 10, 5]),
            page("repetition levels [11, 4] are claimed, there are [10, 5]"),
        ),
        lie(
            lists,
            (ColumnIndex, 7),
            both(&[1, 10, 4, 11], &[1, 10, 3, 12]),
            page("definition levels [4, 11] are claimed, there are [3, 12]"),
        ),
        lie(
            doubles,
            (ColumnIndex, 7),
            both(&[2, 8, 2, 8], &[2, 8, 3, 7]),
            page("definition levels [2, 8] are claimed, there are [3, 7]"),
        ),
    ]
}

fn of_counts() -> Vec<Lie> {
    use Of::{ColumnIndex, Header, Statistics};
    let page = |words| (Check::ColumnIndex, Some(1), words);
    let flags = |second: bool| Node::list(vec![Node::Bool(false), Node::Bool(second)]);
    vec![
        lie(
            doubles,
            (Statistics, 9),
            (Node::I64(2), Node::I64(3)),
            (Check::Statistics, None, "2 NaNs are claimed, there are 3"),
        ),
        lie(
            doubles,
            (Header, 9),
            (Node::I64(0), Node::I64(2)),
            (Check::Statistics, Some(1), "0 NaNs are claimed, there are 2"),
        ),
        lie(
            doubles,
            (ColumnIndex, 8),
            both(&[1, 3], &[1, 2]),
            page("3 NaNs are claimed, there are 2"),
        ),
        lie(
            doubles,
            (ColumnIndex, 5),
            both(&[2, 4], &[2, 3]),
            page("4 nulls are claimed, there are 3"),
        ),
        lie(
            doubles,
            (ColumnIndex, 1),
            (flags(true), flags(false)),
            page("a page of nulls alone is claimed, it has 7 values"),
        ),
        lie(
            half_null,
            (ColumnIndex, 1),
            (flags(false), flags(true)),
            page("a page of nulls alone, for which bounds are claimed"),
        ),
    ]
}

/// Bounds that are none of the values, with a flag that says they are.
fn of_exactness() -> Vec<Lie> {
    let number = |number: i32| Node::Bytes(number.to_le_bytes().to_vec());
    let cases = [
        (
            words as fn() -> Column,
            [Node::text("wor"), Node::text("word 2")],
            [
                r#""wor" is claimed to be the smallest value, which is "word 00""#,
                r#""word 2" is claimed to be the largest value, which is "word 19""#,
            ],
        ),
        (
            rising,
            [number(-3), number(25)],
            [
                "-3 is claimed to be the smallest value, which is 0",
                "25 is claimed to be the largest value, which is 19",
            ],
        ),
    ];
    let mut lies = Vec::new();
    for (column, [least, greatest], [of_least, of_greatest]) in cases {
        let beside = vec![(Of::Statistics, 5, greatest), (Of::Statistics, 6, least)];
        for (id, words) in [(8, of_least), (7, of_greatest)] {
            let flags = (Node::Bool(true), Node::Bool(false));
            let told = (Check::Statistics, None, words);
            let lie = lie(column, (Of::Statistics, id), flags, told);
            lies.push(Lie { beside: beside.clone(), ..lie });
        }
    }
    lies
}

/// What is found without a look at values.
fn of_pages() -> Vec<Lie> {
    let stats = |stats: &[(i32, Encoding, i32)]| {
        let stat = |(kind, encoding, count): &(i32, Encoding, i32)| {
            let encoding = Node::I32(encoding.code());
            Node::Struct(vec![(1, Node::I32(*kind)), (2, encoding), (3, Node::I32(*count))])
        };
        Node::list(stats.iter().map(stat).collect())
    };
    let listed = |encoding: Encoding| Node::list(vec![Node::I32(encoding.code())]);
    let order = |words| (Check::ColumnIndex, Some(1), words);
    let encodings = |words| (Check::Encodings, None, words);
    let (plain, by_codes) = (Encoding::Plain, Encoding::RleDictionary);
    let lies = vec![
        lie(
            rising,
            (Of::ColumnIndex, 4),
            (Node::I32(2), Node::I32(1)),
            order("bounds of pages are claimed to be descending, and are not"),
        ),
        lie(
            falling,
            (Of::ColumnIndex, 4),
            (Node::I32(1), Node::I32(2)),
            order("bounds of pages are claimed to be ascending, and are not"),
        ),
        lie(
            rising,
            (Of::Chunk, 2),
            (listed(by_codes), listed(plain)),
            encodings("pages of PLAIN, which the chunk does not list"),
        ),
        lie(
            codes,
            (Of::Chunk, 2),
            (listed(plain), listed(by_codes)),
            encodings("pages of RLE_DICTIONARY, which the chunk does not list"),
        ),
        lie(
            rising,
            (Of::Chunk, 13),
            (stats(&[(0, plain, 3)]), stats(&[(0, plain, 2)])),
            encodings("pages 3 x DATA_PAGE PLAIN are claimed, there are 2 x DATA_PAGE PLAIN"),
        ),
        lie(
            codes,
            (Of::Chunk, 13),
            (stats(&[(0, by_codes, 2)]), stats(&[(2, plain, 1), (0, by_codes, 2)])),
            encodings(
                "pages 2 x DATA_PAGE RLE_DICTIONARY are claimed, there are 2 x DATA_PAGE \
                 RLE_DICTIONARY, 1 x DICTIONARY_PAGE PLAIN",
            ),
        ),
    ];
    lies.into_iter().map(|lie| Lie { depth: Depth::Pages, ..lie }).collect()
}

#[test]
fn every_claim_about_pages_and_values_is_told_when_it_is_false() {
    let lies = [of_size_statistics(), of_counts(), of_exactness(), of_pages()].concat();
    let mut differences = Vec::new();
    for Lie { column, beside, field: (of, id), lie, truth, depth, check, page, words } in lies {
        let column = column();
        let with =
            |value: &Node| file(&column, &[&beside[..], &[(of, id, value.clone())]].concat());
        let (truth, lie) = (with(&truth), with(&lie));
        assert_eq!(read(&lie).unwrap(), read(&truth).unwrap(), "{words}");
        let findings = verified(&truth, Depth::Values);
        if !findings.is_empty() {
            differences.push(format!("{words}: the truth is told as {findings:#?}"));
        }
        for asked in super::DEPTHS {
            let found = verified(&lie, asked);
            let told: Vec<_> = found
                .iter()
                .map(|told| (told.severity, told.check, told.place.page, told.what.as_str()))
                .collect();
            let expected = [(Severity::Wrong, check, page, words)];
            if told != expected[..usize::from(asked >= depth)] {
                differences.push(format!("{words}: told at {asked:?} as {told:?}"));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
