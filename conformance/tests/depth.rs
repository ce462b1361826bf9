//! Deep nesting ends in an error, on small stacks too. The ids are those of `SECURITY.md`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use conformance::assemble::{Assembler, Element, Repetition};
use conformance::tree::Node;
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use millwork_engine::sql;
use millwork_format::ErrorKind;
use millwork_format::limits::Limits;
use millwork_format::metadata::{Footer, PageHeader, PhysicalType};
use millwork_format::read::File;

const LEVELS: usize = 1_000_000;

/// Runs `work` on a thread with so little stack that a recursion without a bound would end the process.
fn on_a_stack_of<T: Send + 'static>(bytes: usize, work: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new().stack_size(bytes).spawn(work).unwrap().join().unwrap()
}

fn is_limit(error: &millwork_format::Error) -> bool {
    matches!(error.kind(), ErrorKind::LimitExceeded(_))
}

#[test]
fn r24_a_schema_of_a_million_levels_is_refused() {
    for levels in [150, LEVELS] {
        let mut schema = vec![Element::root(1)];
        schema.extend((0..levels).map(|_| Element::group("g", Repetition::Optional, 1)));
        schema.push(Element::leaf("a", Repetition::Required, PhysicalType::Int32));
        let footer = Assembler::footer(schema, Vec::new());
        let bytes = Assembler::default().end_with(&footer).unwrap().into_bytes();
        for stack in [256 << 10, 2 << 20] {
            let bytes = bytes.clone();
            let error = on_a_stack_of(stack, move || {
                let bytes = Buffer::copy_of(&bytes, &Budget::unlimited()).unwrap();
                File::from_bytes("deep", bytes, &Limits::standard()).map(|_| ()).unwrap_err()
            });
            assert!(is_limit(&error), "{levels}: {error}");
        }
    }
}

#[test]
fn r24_a_schema_as_deep_as_allowed_reads() {
    let mut schema = vec![Element::root(1)];
    schema.extend((0..90).map(|_| Element::group("g", Repetition::Optional, 1)));
    schema.push(Element::leaf("a", Repetition::Required, PhysicalType::Int32));
    let footer = Assembler::footer(schema, Vec::new());
    let bytes = Assembler::default().end_with(&footer).unwrap().into_bytes();
    let columns = on_a_stack_of(256 << 10, move || {
        let bytes = Buffer::copy_of(&bytes, &Budget::unlimited()).unwrap();
        let file = File::from_bytes("deep", bytes, &Limits::standard()).unwrap();
        let shown = file.schema().to_string();
        assert!(shown.contains('g'));
        file.schema().columns().len()
    });
    assert_eq!(columns, 1);
}

#[test]
fn r24_thrift_of_a_million_levels_is_refused() {
    // Structures in structures, lists in lists, and maps in maps, all in fields that nobody knows.
    let patterns: [&[u8]; 3] = [&[0x1c], &[0x19], &[0x1b, 0x01]];
    for pattern in patterns {
        let mut bytes = vec![0xfc, 0x01];
        bytes.extend(pattern.iter().copied().cycle().take(LEVELS * pattern.len()));
        if pattern.len() > 1 {
            bytes = [&[0x1b][..], &[1, 0xbb].repeat(LEVELS)].concat();
        }
        for stack in [256 << 10, 2 << 20] {
            let bytes = bytes.clone();
            let (footer, header) = on_a_stack_of(stack, move || {
                let limits = Limits { page_header_bytes: u32::MAX, ..Limits::standard() };
                let copy = Buffer::copy_of(&bytes, &Budget::unlimited()).unwrap();
                let footer = Footer::parse(copy, 1 << 40, &limits).map(|_| ());
                (footer.unwrap_err(), PageHeader::parse(&bytes, 0, &limits).unwrap_err())
            });
            for error in [footer, header] {
                let kind = error.kind();
                assert!(!matches!(kind, ErrorKind::Internal), "{pattern:x?}: {error}");
            }
        }
    }
    let mut deep = Node::Struct(vec![(1, Node::I32(1))]);
    for _ in 0..62 {
        deep = Node::Struct(vec![(99, deep)]);
    }
    assert!(deep.encode().is_ok(), "as deep as any writer goes");
}

#[test]
fn r24_statements_nested_a_million_times_are_refused() {
    let texts = [
        format!("select {}1{}", "(".repeat(LEVELS), ")".repeat(LEVELS)),
        format!("select {}1", "- ".repeat(LEVELS)),
        format!("select {}1", "not ".repeat(LEVELS)),
        format!("select {}1{}", "case when true then ".repeat(LEVELS), " end".repeat(LEVELS)),
        format!("{}select 1{}", "select * from (".repeat(LEVELS), ")".repeat(LEVELS)),
        format!("select {}1{}", "[".repeat(LEVELS), "]".repeat(LEVELS)),
        format!("select {}", "f(".repeat(LEVELS)),
        format!("select {}1{}", "cast(".repeat(LEVELS), " as int)".repeat(LEVELS)),
        format!("select x{}", "[1]".repeat(LEVELS)),
        format!("select x{}", "::int".repeat(LEVELS)),
    ];
    for text in texts {
        let start: String = text.chars().take(40).collect();
        let parsed = on_a_stack_of(2 << 20, move || sql::parse(&text).map(drop));
        let error = parsed.unwrap_err();
        let is_ours = matches!(error.kind(), millwork_engine::error::ErrorKind::Internal);
        assert!(!is_ours, "{start}: {error}");
    }
}

#[test]
fn r24_long_chains_are_no_depth() {
    for (operator, term) in [(" and ", "a = 1"), (" or ", "a = 1"), (" + ", "1")] {
        let text = format!("select * from t where x = {}", vec![term; 100_000].join(operator));
        let statements = on_a_stack_of(2 << 20, move || sql::parse(&text).map(|all| all.len()));
        match (operator, statements) {
            (_, Ok(count)) => assert_eq!(count, 1, "{operator}"),
            // A sum is as deep as it is long.
            (" + ", Err(error)) => {
                let is_ours = matches!(error.kind(), millwork_engine::error::ErrorKind::Internal);
                assert!(!is_ours, "{error}");
            }
            (_, Err(error)) => panic!("{operator}: {error}"),
        }
    }
}
