//! Small files that claim much. The ids are those of `SECURITY.md`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use conformance::address_space::rerun_within;
use conformance::allocator::most_bytes_of;
use conformance::assemble::{Assembler, Element, Group, Page, Repetition, one_column, run};
use conformance::tree::Node;
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use millwork_format::error::Limit;
use millwork_format::inventory::{PageEntry, pages};
use millwork_format::io::MemoryDriver;
use millwork_format::limits::Limits;
use millwork_format::metadata::{Compression, Encoding, PhysicalType};
use millwork_format::read::{BatchOptions, File};
use millwork_format::verify::{Depth, Options, verify};
use millwork_format::{ErrorKind, Result};

const CODECS: [Compression; 6] = [
    Compression::Snappy,
    Compression::Gzip,
    Compression::Brotli,
    Compression::Zstd,
    Compression::Lz4Raw,
    Compression::Lz4,
];

/// Rows of `bytes`, all decoded, within `budget`; the first batches' sum of lengths is of no interest.
fn rows(bytes: &[u8], limits: &Limits, budget: &Budget) -> Result<u64> {
    let bytes = Buffer::copy_of(bytes, &Budget::unlimited())?;
    let file = File::from_bytes("bomb", bytes, limits)?;
    let mut rows = 0;
    for batch in
        file.batches(BatchOptions { budget: Some(budget.clone()), ..BatchOptions::default() })?
    {
        rows += batch?.rows() as u64;
    }
    Ok(rows)
}

/// The shortest of three attempts, and the most bytes held: another program may have the processor.
fn measured<T>(mut work: impl FnMut() -> T) -> (T, Duration, u64) {
    let mut best: Option<(T, Duration, u64)> = None;
    for _ in 0..3 {
        let started = Instant::now();
        let (done, most_bytes) = most_bytes_of(&mut work);
        let took = started.elapsed();
        if best.as_ref().is_none_or(|(_, before, _)| took < *before) {
            best = Some((done, took, most_bytes));
        }
    }
    best.unwrap()
}

/// A body of 60 KiB that looks like one of that codec, as far as looking goes.
fn body(codec: Compression) -> Vec<u8> {
    let mut body = match codec {
        // A length of 2^30.
        Compression::Snappy => vec![0x80, 0x80, 0x80, 0x80, 0x04],
        Compression::Gzip => vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3],
        // A frame of unknown size: magic, descriptor, window of 128 MiB.
        Compression::Zstd => vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x88],
        Compression::Lz4 => vec![0x40, 0, 0, 0],
        _ => Vec::new(),
    };
    body.resize(60 << 10, 0);
    body
}

/// A file of one page of `codec`, or a dictionary and a page, that claims `claim` bytes.
fn bomb(codec: Compression, claim: i32, is_dictionary: bool) -> Vec<u8> {
    let page = if is_dictionary {
        Page::dictionary(1 << 20, body(codec)).claiming(claim)
    } else {
        Page::v1(1 << 20, Encoding::Plain, body(codec)).claiming(claim)
    };
    let values = Page::v1(1 << 20, Encoding::RleDictionary, run(1 << 20, 0, 1));
    let leaf = Element::leaf("a", Repetition::Required, PhysicalType::Int64);
    let pages = if is_dictionary { vec![page, values] } else { vec![page] };
    one_column(leaf, codec, 1 << 20, &pages).unwrap()
}

#[test]
fn r9_claims_of_a_gibibyte_cost_nothing() {
    let budget = Budget::new(1 << 30);
    // What no body of 60 KiB can be, and what some could be.
    for claim in [1 << 30, 60 << 20] {
        for (codec, is_dictionary) in CODECS.into_iter().flat_map(|c| [(c, false), (c, true)]) {
            let file = bomb(codec, claim, is_dictionary);
            assert!(file.len() < 64 << 10);
            for limits in [Limits::untrusted(), Limits::standard()] {
                let (read, took, most_bytes) = measured(|| rows(&file, &limits, &budget));
                let error = read.unwrap_err();
                let case = format!("{codec:?}, {claim}, dictionary {is_dictionary}: {error}");
                let kind = error.kind();
                let expected = matches!(kind, ErrorKind::LimitExceeded(_) | ErrorKind::Corrupt);
                assert!(expected || *kind == ErrorKind::Truncated, "{case}");
                assert!(took <= Duration::from_millis(10), "{took:?}: {case}");
                assert!(most_bytes <= 2 << 20, "{most_bytes} bytes: {case}");
            }
        }
    }
}

/// Whoever hands no budget in gets the one that the limits say.
#[test]
fn r9_reads_without_a_budget_keep_to_the_limits() {
    // Each empty string of four bytes is a view of sixteen: 1 MiB that takes 4.
    let entries = 1 << 18;
    let values = Page::v1(1000, Encoding::RleDictionary, [&[0], &run(1000, 0, 0)[..]].concat());
    let pages = [Page::dictionary(entries, vec![0; 4 << 18]), values];
    let leaf = Element::leaf("a", Repetition::Required, PhysicalType::ByteArray);
    let bytes = one_column(leaf, Compression::Uncompressed, 1000, &pages).unwrap();
    let read = |decode_memory_bytes: u64| {
        let limits = Limits { decode_memory_bytes, ..Limits::standard() };
        let bytes = Buffer::copy_of(&bytes, &Budget::unlimited()).unwrap();
        let file = File::from_bytes("views", bytes, &limits).unwrap();
        let mut batches = file.batches(BatchOptions::default()).unwrap();
        let mut rows = file.rows(BatchOptions::default()).unwrap();
        let options = Options { depth: Depth::Values, budget: None };
        [
            batches.try_for_each(|batch| batch.map(drop)),
            rows.read_next().map(|row| assert!(row.is_some())),
            verify(&file, &options, &mut |_| ()).map(|_| ()),
        ]
    };
    for refused in read(2 << 20) {
        let kind = refused.unwrap_err().kind().clone();
        assert_eq!(kind, ErrorKind::LimitExceeded(Limit::Memory));
    }
    for read in read(8 << 20) {
        read.unwrap();
    }
}

#[test]
fn r10_pages_of_two_billion_values_are_streamed() {
    let most_rows = i32::MAX;
    let leaf = || Element::leaf("a", Repetition::Required, PhysicalType::Int32);
    let dictionary = || Page::dictionary(1, 7i32.to_le_bytes().to_vec());
    let codes = [&[0], &run(most_rows as u64, 0, 0)[..]].concat();
    let values = Page::v1(most_rows, Encoding::RleDictionary, codes);
    let pages = [dictionary(), values];
    let bytes = one_column(leaf(), Compression::Uncompressed, most_rows.into(), &pages).unwrap();
    assert!(bytes.len() < 400, "{}", bytes.len());
    let budget = Budget::new(16 << 20);
    let (read, most_bytes) = most_bytes_of(|| rows(&bytes, &Limits::untrusted(), &budget));
    assert_eq!(read.unwrap(), most_rows as u64);
    assert!(most_bytes <= 16 << 20, "{most_bytes}");
    assert_eq!(budget.reserved(), 0);
}

#[test]
fn r10_all_null_pages_of_two_billion_rows_are_streamed() {
    let most_rows = i32::MAX;
    let leaf = Element::leaf("a", Repetition::Optional, PhysicalType::Int32);
    let levels = run(most_rows as u64, 0, 1);
    let body = [&(levels.len() as u32).to_le_bytes()[..], &levels].concat();
    let pages = [Page::v1(most_rows, Encoding::Plain, body)];
    let bytes = one_column(leaf, Compression::Uncompressed, most_rows.into(), &pages).unwrap();
    let budget = Budget::new(16 << 20);
    let (read, most_bytes) = most_bytes_of(|| rows(&bytes, &Limits::untrusted(), &budget));
    assert_eq!(read.unwrap(), most_rows as u64);
    assert!(most_bytes <= 16 << 20, "{most_bytes}");
    assert_eq!(budget.reserved(), 0);
}

#[test]
fn r10_a_long_value_repeated_by_a_dictionary_is_held_once() {
    // One entry of 1 MiB, a million rows of it: 10^6 to 1, and 1 TiB if it were written out.
    let entry = [&(1u32 << 20).to_le_bytes()[..], &vec![b'x'; 1 << 20]].concat();
    let codes = [&[0], &run(1_000_000, 0, 0)[..]].concat();
    let pages = [Page::dictionary(1, entry), Page::v1(1_000_000, Encoding::RleDictionary, codes)];
    let leaf = Element::leaf("a", Repetition::Required, PhysicalType::ByteArray);
    let bytes = one_column(leaf, Compression::Uncompressed, 1_000_000, &pages).unwrap();
    let budget = Budget::new(16 << 20);
    let (read, most_bytes) = most_bytes_of(|| rows(&bytes, &Limits::untrusted(), &budget));
    assert_eq!(read.unwrap(), 1_000_000);
    assert!(most_bytes <= 16 << 20, "{most_bytes}");
}

/// A footer of `columns` columns in `groups` row groups without a page.
fn footer(columns: usize, groups: usize) -> Vec<u8> {
    let names: Vec<String> = (0..columns).map(|column| format!("c{column}")).collect();
    let leaf = |name: &String| Element::leaf(name, Repetition::Required, PhysicalType::Int32);
    let mut schema = vec![Element::root(columns)];
    schema.extend(names.iter().map(leaf));
    let mut file = Assembler::default();
    let chunks = names.iter().map(|name| {
        let codec = Compression::Uncompressed;
        file.chunk(&[name], PhysicalType::Int32, codec, &[]).unwrap()
    });
    let group = Group { chunks: chunks.collect(), rows: 0 };
    Assembler::footer(schema, vec![group; groups]).encode().unwrap()
}

#[test]
fn r11_metadata_takes_memory_by_its_own_size() {
    for (columns, groups) in [(1, 0), (1, 1), (1, 1000), (1000, 0), (1000, 1), (100, 100)] {
        let bytes = footer(columns, groups);
        let copied = Buffer::copy_of(&bytes, &Budget::unlimited()).unwrap();
        let limits = Limits::untrusted();
        let parse = || millwork_format::metadata::Footer::parse(copied, 1 << 40, &limits);
        let (footer, most_bytes) = most_bytes_of(parse);
        let footer = footer.unwrap();
        assert_eq!((footer.num_columns(), footer.num_row_groups()), (columns, groups));
        let allowed = 16 * bytes.len() as u64 + (64 << 10);
        assert!(most_bytes <= allowed, "{most_bytes} of {allowed}: {columns} x {groups}");
    }
}

/// Flat columns, groups in one another, and groups side by side: of each element a field, and of leaves a column.
#[test]
fn r11_a_schema_takes_a_kibibyte_an_element_from_the_budget() {
    let leaf = |name: &str| Element::leaf(name, Repetition::Optional, PhysicalType::Int32);
    let flat = |leaves: usize| {
        let columns = (0..leaves).map(|_| leaf("a"));
        std::iter::once(Element::root(leaves)).chain(columns).collect::<Vec<_>>()
    };
    let nested = |groups: usize| {
        let pairs = (0..groups)
            .flat_map(|_| [Element::group("g", Repetition::Optional, 2), leaf("a"), leaf("b")]);
        std::iter::once(Element::root(groups)).chain(pairs).collect()
    };
    for schema in [flat(1), flat(1000), flat(60_000), nested(20_000)] {
        let elements = schema.len() as u64;
        let footer = Assembler::footer(schema, Vec::new());
        let bytes = Assembler::default().end_with(&footer).unwrap().into_bytes();
        let footer_bytes = bytes.len() as u64;
        let bytes = Buffer::copy_of(&bytes, &Budget::unlimited()).unwrap();
        let open = |budget: &Budget| {
            let driver = std::sync::Arc::new(MemoryDriver::new("wide", bytes.clone()));
            most_bytes_of(|| File::with_driver(driver, &Limits::untrusted(), budget))
        };
        let (opened, most_bytes) = open(&Limits::untrusted().budget());
        assert!(opened.is_ok(), "{elements}");
        let allowed = 16 * footer_bytes + (64 << 10) + 1024 * elements;
        assert!(most_bytes <= allowed, "{most_bytes} of {allowed}: {elements} elements");
        if elements > 10_000 {
            let (refused, most_bytes) = open(&Budget::new(16 << 20));
            assert_eq!(*refused.unwrap_err().kind(), ErrorKind::LimitExceeded(Limit::Memory));
            assert!(most_bytes <= 16 * footer_bytes + (16 << 20), "{most_bytes}");
        }
    }
}

#[test]
fn r11_counts_that_the_bytes_cannot_bear_out_are_refused() {
    // A list of 2^31 - 1 elements, in the places where a footer has lists.
    for id in [2, 4, 5, 7] {
        let long = [0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07];
        let mut bytes = vec![0x15, 2];
        bytes.extend([(id - 1) << 4 | 9]);
        bytes.extend(&long[1..]);
        bytes.resize(200, 0);
        let copied = Buffer::copy_of(&bytes, &Budget::unlimited()).unwrap();
        let limits = Limits::standard();
        let parse = || millwork_format::metadata::Footer::parse(copied, 1 << 40, &limits);
        let (read, most_bytes) = most_bytes_of(parse);
        assert!(read.is_err(), "list {id}");
        assert!(most_bytes <= 16 * 200 + (64 << 10), "{most_bytes}: list {id}");
    }
}

/// A footer of `count` times `piece`, as the elements of the list that is field `id`.
fn repeated(id: i16, piece: &[u8], count: usize) -> Vec<u8> {
    let leaf = Element::leaf("a", Repetition::Required, PhysicalType::Int32);
    let sound = Assembler::footer(vec![Element::root(1), leaf], Vec::new());
    let Node::Struct(fields) = sound else { panic!() };
    let mut bytes = Vec::new();
    let mut list = |id: i16| {
        // A field header in long form, and the header of a list of structures.
        bytes.extend([9, id as u8 * 2, 0xfc]);
        let mut left = count;
        while left > 0x7f {
            bytes.push(left as u8 | 0x80);
            left >>= 7;
        }
        bytes.push(left as u8);
        bytes.extend(piece.repeat(count));
    };
    match id {
        2 => list(2),
        _ => {
            let schema = Node::Struct(fields.into_iter().filter(|(id, _)| *id == 2).collect());
            let mut before = schema.encode().unwrap();
            before.pop();
            list(id);
            bytes = [before, bytes].concat();
        }
    }
    bytes.push(0);
    bytes
}

#[test]
fn r11_structures_of_a_byte_or_two_are_not_worth_a_hundred() {
    let count = 200_000;
    let lists: [(i16, &[u8]); 6] = [
        // Elements without anything, but for the first, which promises them.
        (2, &[0]),
        (2, &[0x48, 0, 0]),
        (4, &[0]),
        // No columns, no rows.
        (4, &[0x36, 0, 0]),
        // One encrypted column, of which nothing is known, and no rows.
        (4, &[0x19, 0x1c, 0x98, 0, 0, 0x26, 0, 0]),
        (5, &[0]),
    ];
    for (id, piece) in lists {
        let bytes = repeated(id, piece, count);
        let copied = Buffer::copy_of(&bytes, &Budget::unlimited()).unwrap();
        let limits = Limits { row_groups: u32::MAX, ..Limits::standard() };
        let parse = || millwork_format::metadata::Footer::parse(copied, 1 << 40, &limits);
        let (read, most_bytes) = most_bytes_of(parse);
        assert!(read.is_err(), "list {id} of {piece:?}");
        let allowed = 16 * bytes.len() as u64 + (64 << 10);
        assert!(most_bytes <= allowed, "{most_bytes} of {allowed}: list {id} of {piece:?}");
    }
}

/// What is kept of them for a list of pages is within the budget, and once.
#[test]
fn r11_statistics_in_page_headers_are_held_within_the_budget() {
    const LEN: usize = 512 << 10;
    let mut page = Page::v1(1, Encoding::Plain, vec![1, 0, 0, 0, b'a']);
    page.own(5, 5, Node::Struct(vec![(5, Node::Bytes(vec![b'z'; LEN]))]));
    let leaf = Element::leaf("a", Repetition::Required, PhysicalType::ByteArray);
    let bytes = one_column(leaf, Compression::Uncompressed, 16, &vec![page; 16]).unwrap();
    let buffer = Buffer::copy_of(&bytes, &Budget::unlimited()).unwrap();
    let file = File::from_bytes("headers", buffer, &Limits::untrusted()).unwrap();
    let walked = |bytes: u64| {
        let budget = Budget::new(bytes);
        most_bytes_of(|| pages(&file, 0, 0, &budget))
    };
    let (found, most_bytes) = walked(16 << 20);
    let found = found.unwrap();
    assert!(most_bytes < 12 << 20, "{most_bytes}");
    let greatest = |page: &PageEntry| {
        let statistics = page.statistics(file.limits()).unwrap().unwrap();
        statistics.max_value.map(<[u8]>::len)
    };
    let lengths: Vec<_> = found.pages.iter().map(greatest).collect();
    assert_eq!(lengths, vec![Some(LEN); 16]);
    let (refused, most_bytes) = walked(4 << 20);
    assert_eq!(*refused.unwrap_err().kind(), ErrorKind::LimitExceeded(Limit::Memory));
    assert!(most_bytes <= 5 << 20, "{most_bytes}");
}

/// Where the system has little address space to give, a refused allocation is an error like any other.
#[test]
fn r12_little_address_space_ends_in_errors() {
    rerun_within(512).unwrap();
}
