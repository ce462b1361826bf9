//! Files of strangers through queries: what they claim, repeat or name takes no memory that is not accounted
//! for. The ids are those of `SECURITY.md`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use conformance::allocator::{most_bytes_of, most_bytes_of_all};
use conformance::assemble::{Assembler, Element, Group, Page, Repetition, run};
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use millwork_engine::session::{Session, SessionOptions};
use millwork_format::error::{ErrorKind, Limit};
use millwork_format::limits::Limits;
use millwork_format::metadata::{Compression, Encoding, PhysicalType};
use millwork_format::read::File;

const MEBIBYTE: u64 = 1 << 20;
const PLAIN: Compression = Compression::Uncompressed;

/// One at a time: the memory of the whole process is measured.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A column `a` of `rows` rows, as the footer says, in `pages`.
fn file(physical: PhysicalType, rows: i64, pages: &[Page]) -> tempfile::NamedTempFile {
    let mut file = Assembler::default();
    let mut chunk = file.chunk(&["a"], physical, PLAIN, pages).unwrap();
    chunk.0.set(5, conformance::tree::Node::I64(rows));
    let leaf = Element::leaf("a", Repetition::Required, physical);
    let footer =
        Assembler::footer(vec![Element::root(1), leaf], vec![Group { chunks: vec![chunk], rows }]);
    let bytes = file.end_with(&footer).unwrap().into_bytes();
    let mut path = tempfile::Builder::new().suffix(".parquet").tempfile().unwrap();
    path.write_all(&bytes).unwrap();
    path
}

/// What `sql` answers within 64 MiB, as text, and the most bytes on the heap.
fn asked(sql: &str) -> (Result<Vec<String>, millwork_engine::Error>, u64) {
    let options = SessionOptions {
        threads: 2,
        memory_bytes: 64 * MEBIBYTE,
        limits: Limits::untrusted(),
        ..SessionOptions::default()
    };
    let session = Session::new(options);
    most_bytes_of_all(|| {
        let plan = session.plan(sql)?;
        let (batches, _) = session.execute(&plan, false)?;
        let rows = batches.iter().flat_map(|batch| {
            let rows: Vec<u32> = batch.selection().rows().iter().copied().collect();
            let columns = batch.columns().to_vec();
            rows.into_iter().map(move |row| {
                let cells = columns.iter().map(|column| format!("{:?}", column.cell(row as usize)));
                cells.collect::<Vec<_>>().join(",")
            })
        });
        Ok(rows.collect())
    })
}

/// Rows of which no column is read are counted, not held: as many as a footer may claim.
#[test]
fn r10_rows_without_columns_take_no_memory() {
    let _alone = alone();
    let page = Page::v1(1, Encoding::Plain, 7i32.to_le_bytes().to_vec());
    for rows in [i64::from(i32::MAX), 1 << 62] {
        let file = file(PhysicalType::Int32, rows, std::slice::from_ref(&page));
        let name = file.path().display();
        let (answer, most_bytes) = asked(&format!("select 1 from '{name}' limit 2"));
        assert_eq!(answer.unwrap(), ["Integer(1)", "Integer(1)"]);
        assert!(most_bytes < 16 * MEBIBYTE, "{most_bytes}");
        let (answer, _) = asked(&format!("select count(*) from '{name}'"));
        assert_eq!(answer.unwrap(), [format!("Integer({rows})")]);
    }
    let both = file(PhysicalType::Int32, 1 << 62, &[page]);
    let name = both.path().display();
    let (answer, _) = asked(&format!("select count(*) from read_parquet(['{name}', '{name}'])"));
    assert!(answer.unwrap_err().what().contains("more than 2^63 rows"));
    // What holds rows of them is within the budget, or an error.
    let million =
        file(PhysicalType::Int32, 1 << 20, &[Page::v1(1, Encoding::Plain, vec![7, 0, 0, 0])]);
    let name = million.path().display();
    let (answer, _) =
        asked(&format!("select count(distinct x) from (select 1 as x from '{name}')"));
    assert_eq!(answer.unwrap(), ["Integer(1)"]);
}

/// A dictionary of one long string, told for 4,096 rows: 8 GiB, if each row had its own of what a query makes,
/// and 4 if each had a key to be sorted by, or was a group that keeps it.
#[test]
fn r10_what_a_query_makes_of_long_values_is_within_the_budget() {
    let _alone = alone();
    let long = vec![b'x'; 1 << 20];
    let entry = [&(long.len() as u32).to_le_bytes()[..], &long].concat();
    let rows = 4096;
    let codes = [&[0][..], &run(rows, 0, 0)].concat();
    let pages = [Page::dictionary(1, entry), Page::v1(rows as i32, Encoding::RleDictionary, codes)];
    let mut file = Assembler::default();
    let mut chunk = |name| file.chunk(&[name], PhysicalType::ByteArray, PLAIN, &pages).unwrap();
    let mut chunks = vec![chunk("a"), chunk("b")];
    let numbers: Vec<u8> = (0..rows as i32).flat_map(i32::to_le_bytes).collect();
    let numbers = [Page::v1(rows as i32, Encoding::Plain, numbers)];
    chunks.push(file.chunk(&["k"], PhysicalType::Int32, PLAIN, &numbers).unwrap());
    let leaf = |name, physical| Element::leaf(name, Repetition::Required, physical);
    let [a, b] = ["a", "b"].map(|name| leaf(name, PhysicalType::ByteArray));
    let schema = vec![Element::root(3), a, b, leaf("k", PhysicalType::Int32)];
    let footer = Assembler::footer(schema, vec![Group { chunks, rows: rows as i64 }]);
    let bytes = file.end_with(&footer).unwrap().into_bytes();
    let mut path = tempfile::Builder::new().suffix(".parquet").tempfile().unwrap();
    path.write_all(&bytes).unwrap();
    let name = path.path().display();
    for sql in [
        format!("select max(length(a::varchar || b::varchar)) from '{name}'"),
        format!("select 1 from '{name}' order by b::varchar || a::varchar"),
        format!("select k from '{name}' order by a"),
        format!("select k from '{name}' order by [a]"),
        format!("select k, max(a) from '{name}' group by k"),
        format!("select k, any_value([a]) from '{name}' group by k"),
    ] {
        let (answer, most_bytes) = asked(&sql);
        let error = answer.unwrap_err();
        let refused = millwork_engine::ErrorKind::File(ErrorKind::LimitExceeded(Limit::Memory));
        assert!([refused, millwork_engine::ErrorKind::Memory].contains(error.kind()), "{error:?}");
        assert!(most_bytes < 96 * MEBIBYTE, "{sql}: {most_bytes}");
    }
}

/// A list of 131,072 numbers in some hundred bytes, beside each of its elements, or beside each row of a join.
#[test]
fn r10_lists_that_a_query_repeats_are_within_the_budget() {
    let _alone = alone();
    let slots = 1u64 << 17;
    let levels = |runs: &[(u64, u32)]| {
        let runs: Vec<u8> = runs.iter().flat_map(|(count, level)| run(*count, *level, 1)).collect();
        [&(runs.len() as u32).to_le_bytes()[..], &runs].concat()
    };
    let repetition = levels(&[(1, 0), (slots - 1, 1)]);
    let codes = [&[0][..], &run(slots, 0, 0)].concat();
    let body = [repetition, levels(&[(slots, 1)]), codes].concat();
    let list = [
        Page::dictionary(1, 7i32.to_le_bytes().to_vec()),
        Page::v1(slots as i32, Encoding::RleDictionary, body),
    ];
    let mut file = Assembler::default();
    let list = file.chunk(&["l"], PhysicalType::Int32, PLAIN, &list).unwrap();
    let key = [Page::v1(1, Encoding::Plain, 1i32.to_le_bytes().to_vec())];
    let key = file.chunk(&["k"], PhysicalType::Int32, PLAIN, &key).unwrap();
    let leaf = |name, repetition| Element::leaf(name, repetition, PhysicalType::Int32);
    let schema =
        vec![Element::root(2), leaf("l", Repetition::Repeated), leaf("k", Repetition::Required)];
    let groups = vec![Group { chunks: vec![list, key], rows: 1 }];
    let bytes = file.end_with(&Assembler::footer(schema, groups)).unwrap().into_bytes();
    let mut path = tempfile::Builder::new().suffix(".parquet").tempfile().unwrap();
    path.write_all(&bytes).unwrap();
    let name = path.path().display();
    let (answer, most_bytes) =
        asked(&format!("select len(l), e from '{name}' t, unnest(t.l) u(e) limit 9"));
    assert_eq!(answer.unwrap(), vec![format!("Integer({slots}),Integer(7)"); 9]);
    assert!(most_bytes < 96 * MEBIBYTE, "{most_bytes}");
    // As many rows as its elements, all of one key.
    for sql in [
        format!(
            "select a.l from '{name}' a join (select 1 as k, unnest(l) from '{name}') b on a.k = b.k"
        ),
        format!(
            "select a.l from (select 1 as k, unnest(l) from '{name}') b join '{name}' a on a.k = b.k"
        ),
    ] {
        let (answer, most_bytes) = asked(&sql);
        let error = answer.unwrap_err();
        let refused = millwork_engine::ErrorKind::File(ErrorKind::LimitExceeded(Limit::Memory));
        assert!([refused, millwork_engine::ErrorKind::Memory].contains(error.kind()), "{error:?}");
        assert!(most_bytes < 96 * MEBIBYTE, "{sql}: {most_bytes}");
    }
}

/// Each leaf has the names around it; one long name around many leaves is as many long names.
#[test]
fn r11_paths_of_leaves_take_no_more_than_their_limit() {
    let _alone = alone();
    let name = "g".repeat(64 << 10);
    let leaves = 20_000;
    let mut schema = vec![Element::root(1), Element::group(&name, Repetition::Required, leaves)];
    schema.extend(
        (0..leaves).map(|leaf| {
            Element::leaf(&format!("{leaf}"), Repetition::Required, PhysicalType::Int32)
        }),
    );
    let footer = Assembler::footer(schema, Vec::new());
    let bytes = Assembler::default().end_with(&footer).unwrap().into_bytes();
    let bytes = Buffer::copy_of(&bytes, &Budget::unlimited()).unwrap();
    let (opened, most_bytes) =
        most_bytes_of(|| File::from_bytes("long", bytes.clone(), &Limits::untrusted()).map(drop));
    let kind = opened.unwrap_err().kind().clone();
    assert_eq!(kind, ErrorKind::LimitExceeded(Limit::MetadataBytes));
    assert!(most_bytes < 64 * MEBIBYTE, "{most_bytes}");
}

/// A table holds the footers of all its files: together they keep to the limit of one read.
#[test]
fn r11_footers_of_many_files_are_within_the_limit() {
    let _alone = alone();
    let leaves = 100_000;
    let mut schema = vec![Element::root(leaves)];
    schema.extend(
        (0..leaves).map(|leaf| {
            Element::leaf(&format!("{leaf}"), Repetition::Required, PhysicalType::Int32)
        }),
    );
    let footer = Assembler::footer(schema, Vec::new());
    let bytes = Assembler::default().end_with(&footer).unwrap().into_bytes();
    let folder = tempfile::tempdir().unwrap();
    for file in 0..12 {
        std::fs::write(folder.path().join(format!("{file}.parquet")), &bytes).unwrap();
    }
    let options = SessionOptions {
        limits: Limits { decode_memory_bytes: 256 * MEBIBYTE, ..Limits::untrusted() },
        ..SessionOptions::default()
    };
    let session = Session::new(options);
    let sql = format!("select count(*) from '{}/*.parquet'", folder.path().display());
    let (planned, most_bytes) = most_bytes_of_all(|| session.plan(&sql));
    let error = planned.unwrap_err().to_string();
    assert!(error.contains("the footers of"), "{error}");
    assert!(most_bytes < 384 * MEBIBYTE, "{most_bytes}");
}
