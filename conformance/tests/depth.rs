//! Deep nesting ends in an error, on small stacks too. The ids are those of `SECURITY.md`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use conformance::assemble::{Assembler, Element, Repetition};
use conformance::tree::Node;
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use millwork_engine::session::{Consumer, Session, SessionOptions, StatementOutcome};
use millwork_engine::sql;
use millwork_format::ErrorKind;
use millwork_format::batch::Batch;
use millwork_format::limits::Limits;
use millwork_format::metadata::{Footer, PageHeader, PhysicalType};
use millwork_format::read::File;
use millwork_format::types::Field;

#[path = "depth/values.rs"]
mod values;

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
    let (deep, long) = ("nested deeper than 256 levels", "more than 1048576 tokens");
    let texts = [
        (deep, format!("select {}1{}", "(".repeat(LEVELS), ")".repeat(LEVELS))),
        (deep, format!("select {}1", "- ".repeat(LEVELS))),
        (deep, format!("select {}1", "not ".repeat(LEVELS))),
        (
            deep,
            format!("select {}1{}", "case when true then ".repeat(LEVELS), " end".repeat(LEVELS)),
        ),
        (deep, format!("{}select 1{}", "select * from (".repeat(LEVELS), ")".repeat(LEVELS))),
        (deep, format!("select {}1{}", "[".repeat(LEVELS), "]".repeat(LEVELS))),
        (deep, format!("select {}", "f(".repeat(LEVELS))),
        (deep, format!("select {}1{}", "cast(".repeat(LEVELS), " as int)".repeat(LEVELS))),
        (long, format!("select x{}", "[1]".repeat(LEVELS))),
        (long, format!("select x{}", "::int".repeat(LEVELS))),
        (deep, format!("select x{}", "::int".repeat(1_000))),
    ];
    for (limit, text) in texts {
        let start: String = text.chars().take(40).collect();
        for stack in [256 << 10, 2 << 20] {
            let text = text.clone();
            let error = on_a_stack_of(stack, move || sql::parse(&text).map(drop)).unwrap_err();
            assert!(error.to_string().contains(limit), "{start}: {error}");
        }
    }
}

/// The rows that `text` answers, run from a thread of `stack` bytes.
fn answer(stack: usize, text: String) -> millwork_engine::Result<Vec<String>> {
    on_a_stack_of(stack, move || {
        let mut rows = Rows::default();
        let options = SessionOptions { threads: 2, ..SessionOptions::default() };
        Session::new(options).run(&text, &mut rows).map(|()| rows.0)
    })
}

#[derive(Default)]
struct Rows(Vec<String>);

impl Consumer for Rows {
    fn begin(&mut self, _: usize, _: &[Field]) -> millwork_engine::Result<()> {
        Ok(())
    }
    fn batch(&mut self, batch: &Batch) -> millwork_engine::Result<()> {
        let column = &batch.columns()[0];
        let rows = batch.selection().rows();
        self.0.extend(rows.iter().map(|row| format!("{:?}", column.cell(*row as usize))));
        Ok(())
    }
    fn end(&mut self, _: usize, _: &StatementOutcome) -> millwork_engine::Result<()> {
        Ok(())
    }
}

#[test]
fn r24_statements_as_deep_as_allowed_are_answered() {
    let from = "from (values (1), (2)) as t(a)";
    let texts = [
        format!("select {}a{} {from}", "(".repeat(256), ")".repeat(256)),
        format!("select {}a{} {from}", "abs(".repeat(256), ")".repeat(256)),
        format!("select a{} {from}", " + 0".repeat(4_096)),
        format!("select a{} {from}", " * 1 - 0".repeat(2_048)),
    ];
    for text in texts {
        let start: String = text.chars().take(40).collect();
        for stack in [256 << 10, 2 << 20] {
            let rows = answer(stack, text.clone());
            assert_eq!(rows.unwrap(), ["Integer(1)", "Integer(2)"], "{start}");
        }
    }
    let shown = answer(256 << 10, format!("explain select a{} {from}", " + 1".repeat(4_096)));
    assert!(shown.is_ok());
    for text in [
        format!("select a{} {from}", " + 0".repeat(4_097)),
        format!("select a{} {from}", " + 0".repeat(100_000)),
    ] {
        let error = answer(2 << 20, text).unwrap_err();
        assert!(error.to_string().contains("a chain of more than 4096 operators"), "{error}");
    }
}

#[test]
fn r24_long_chains_of_terms_are_no_depth_and_are_answered() {
    let from = "from (values (1), (2)) as t(a)";
    let all_true = |term| format!("a < {}", term + 2);
    let first_true = |term: usize| format!("a < {}", 2 - term as i64);
    type Term<'a> = &'a dyn Fn(usize) -> String;
    let chains: [(&str, Term<'_>, usize); 2] = [(" and ", &all_true, 1), (" or ", &first_true, 1)];
    for (operator, term, rows) in chains {
        let condition = (0..100_000).map(term).collect::<Vec<_>>().join(operator);
        for stack in [256 << 10, 2 << 20] {
            let found = answer(stack, format!("select a {from} where {condition}")).unwrap();
            assert_eq!((found.len(), found[0].as_str()), (rows, "Integer(1)"), "{operator}");
        }
    }
}
