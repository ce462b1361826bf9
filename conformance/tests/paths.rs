//! The same bytes give the same rows, whichever way they are read: all rows in order, rows by offset index,
//! with pruning and without. Where a file says two things, it is an error in every way, or what it says
//! wrongly has no effect. The ids are those of `SECURITY.md`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use conformance::ask::integers;
use conformance::assemble::{Assembler, Element, Group, Page, Repetition, run};
use conformance::corpus;
use conformance::tree::Node;
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use millwork_format::ErrorKind;
use millwork_format::io::MemoryDriver;
use millwork_format::limits::Limits;
use millwork_format::metadata::{Compression, Encoding, PhysicalType};
use millwork_format::page::PageContext;
use millwork_format::read::{
    BatchOptions, File, FileScan, MorselReader, RowGroupScan, ScanMetrics,
};
use millwork_format::selection::Selection;
use millwork_format::vector::Cell;
use millwork_format::verify::{Options, verify};

fn int32(values: &[i32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn bound(value: i32) -> Node {
    Node::Bytes(value.to_le_bytes().to_vec())
}

/// A file of the INT32 column `a`.
struct Case {
    repetition: Repetition,
    pages: Vec<Page>,
    rows: i64,
    /// Offset index: for each page its first page and the one behind its last of `pages`, and its first
    /// row.
    index: Vec<(usize, usize, i64)>,
    /// Column index: least and greatest value of each page of the index.
    bounds: Vec<(i32, i32)>,
    statistics: Option<Node>,
}

impl Case {
    fn required(pages: Vec<Page>, rows: i64) -> Self {
        let (index, bounds) = (Vec::new(), Vec::new());
        Self { repetition: Repetition::Required, pages, rows, index, bounds, statistics: None }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut file = Assembler::default();
        let codec = Compression::Uncompressed;
        let mut starts = vec![file.position()];
        for page in &self.pages {
            let size = page.header.encode().unwrap().len() + page.body.len();
            starts.push(starts[starts.len() - 1] + size as u64);
        }
        let mut chunk = file.chunk(&["a"], PhysicalType::Int32, codec, &self.pages).unwrap();
        let encodings = self.pages.iter().map(|page| {
            let own = page.header.field(5).and_then(|own| own.field(2));
            own.cloned().unwrap_or(Node::I32(0))
        });
        chunk.0.set(2, Node::list(encodings.collect()));
        if let Some(statistics) = &self.statistics {
            chunk.0.set(12, statistics.clone());
        }
        let offsets = (!self.index.is_empty()).then(|| {
            let pages = self.index.iter().map(|&(first, end, row)| {
                let size = (starts[end] - starts[first]) as i32;
                let offset = Node::I64(starts[first] as i64);
                Node::Struct(vec![(1, offset), (2, Node::I32(size)), (3, Node::I64(row))])
            });
            let index = Node::Struct(vec![(1, Node::list(pages.collect()))]);
            file.piece(&index.encode().unwrap())
        });
        let bounds = (!self.bounds.is_empty()).then(|| {
            let all = |of: fn(&(i32, i32)) -> i32| {
                Node::list(self.bounds.iter().map(|both| bound(of(both))).collect())
            };
            let none = self.bounds.iter().map(|_| Node::Bool(false)).collect();
            let index = Node::Struct(vec![
                (1, Node::list(none)),
                (2, all(|both| both.0)),
                (3, all(|both| both.1)),
                (4, Node::I32(0)),
            ]);
            file.piece(&index.encode().unwrap())
        });
        let schema =
            vec![Element::root(1), Element::leaf("a", self.repetition, PhysicalType::Int32)];
        let mut footer =
            Assembler::footer(schema, vec![Group { chunks: vec![chunk], rows: self.rows }]);
        let places = [(4, offsets), (6, bounds)];
        for (id, (offset, len)) in places.into_iter().filter_map(|(id, at)| Some((id, at?))) {
            Assembler::set_in_chunk(&mut footer, (0, 0), id, offset);
            Assembler::set_in_chunk(&mut footer, (0, 0), id + 1, len);
        }
        let type_order = Node::Struct(vec![(1, Node::Struct(Vec::new()))]);
        footer.set(7, Node::list(vec![type_order]));
        file.end_with(&footer).unwrap().into_bytes()
    }

    fn file(&self) -> File {
        let bytes = Buffer::copy_of(&self.bytes(), &Budget::unlimited()).unwrap();
        File::from_bytes("handmade", bytes, &Limits::untrusted()).unwrap()
    }

    /// All rows, in order, by the page headers.
    fn in_order(&self) -> Result<Vec<i128>, String> {
        let mut values = Vec::new();
        for batch in self.file().batches(BatchOptions::default()).map_err(|e| e.to_string())? {
            let batch = batch.map_err(|error| error.to_string())?;
            for row in 0..batch.rows() {
                if let Cell::Integer(value) = batch.columns()[0].cell(row) {
                    values.push(value);
                }
            }
        }
        Ok(values)
    }

    /// The rows that pass, and how many pages were left out.
    fn passing(&self, condition: &str) -> Result<(Vec<i128>, u64), String> {
        let sql = format!("select a from t where {condition}");
        let (found, report) = integers(&self.file(), &sql, true)?;
        Ok((found, report.pages_pruned))
    }

    fn is_an_error_everywhere(&self, what: &str) {
        let error = self.in_order().unwrap_err();
        assert!(error.contains(what), "{error}");
        for condition in ["a > 0", "a = 5", "a = 7", "a is not null"] {
            assert!(self.passing(condition).is_err(), "{condition}: {:?}", self.passing(condition));
        }
    }
}

fn pairs() -> Vec<Page> {
    let pair = |first| Page::v1(2, Encoding::Plain, int32(&[first, first + 1]));
    vec![pair(1), pair(3), pair(5)]
}

#[test]
fn r3_two_dictionaries_are_an_error_on_every_path() {
    let codes = [&[1][..], &run(2, 0, 1), &run(2, 1, 1)].concat();
    let pages = |dictionaries: &[[i32; 2]]| -> Vec<Page> {
        let dictionary = |entries: &[i32; 2]| Page::dictionary(2, int32(entries));
        let codes = Page::v1(4, Encoding::RleDictionary, codes.clone());
        dictionaries.iter().map(dictionary).chain([codes]).collect()
    };
    let mut one = Case::required(pages(&[[5, 6]]), 4);
    one.index = vec![(1, 2, 0)];
    assert_eq!(one.in_order().unwrap(), [5, 5, 6, 6]);
    assert_eq!(one.passing("a = 5").unwrap().0, [5, 5]);
    let mut two = Case::required(pages(&[[5, 6], [7, 8]]), 4);
    two.is_an_error_everywhere("a second dictionary page");
    two.index = vec![(2, 3, 0)];
    two.bounds = vec![(5, 8)];
    two.is_an_error_everywhere("a second dictionary page");
}

#[test]
fn r3_an_offset_index_that_leaves_a_page_out_changes_no_row() {
    let mut sound = Case::required(pairs(), 6);
    sound.index = vec![(0, 1, 0), (1, 2, 2), (2, 3, 4)];
    sound.bounds = vec![(1, 2), (3, 4), (5, 6)];
    assert_eq!(sound.passing("a > 4").unwrap(), (vec![5, 6], 2), "a sound index is used");
    // Two pages are named where there are three: the headers tell, and bounds of those pages do not.
    for index in [[(0, 1, 0), (2, 3, 2)], [(0, 1, 0), (1, 2, 2)]] {
        let mut skips = Case::required(pairs(), 6);
        skips.index = index.to_vec();
        skips.bounds = vec![(1, 2), (3, 6)];
        assert_eq!(skips.in_order().unwrap(), [1, 2, 3, 4, 5, 6]);
        assert_eq!(skips.passing("a > 0").unwrap(), (vec![1, 2, 3, 4, 5, 6], 0), "{index:?}");
    }
}

#[test]
fn r3_a_page_that_neither_rows_nor_index_account_for_is_an_error_on_every_path() {
    // Four rows by the footer, six by the pages: whichever two were left out, they would be missing.
    for index in [
        vec![],
        vec![(0, 1, 0), (2, 3, 2)],
        vec![(0, 1, 0), (1, 2, 2)],
        vec![(1, 2, 0), (2, 3, 2)],
        vec![(0, 1, 0), (1, 3, 2)],
        vec![(0, 2, 0), (2, 3, 2)],
    ] {
        let mut case = Case::required(pairs(), 4);
        case.index = index;
        case.is_an_error_everywhere("a page behind the last row");
        let mut found = Vec::new();
        let report = verify(&case.file(), &Options::default(), &mut |finding| found.push(finding));
        assert_eq!(report.unwrap().corrupt, 1, "{found:?}");
        assert!(found.iter().any(|one| one.what.contains("behind the last row")), "{found:?}");
    }
}

#[test]
fn r3_statistics_that_contradict_themselves_prove_nothing() {
    let levels = run(3, 1, 1);
    let body = [&(levels.len() as u32).to_le_bytes()[..], &levels, &int32(&[1, 2, 3])].concat();
    let page = Page::v1(3, Encoding::Plain, body);
    for (max, min) in [(5, 6), (1, 2)] {
        let mut case = Case::required(vec![page.clone()], 3);
        case.repetition = Repetition::Optional;
        // Three nulls of three, and bounds of the others.
        let nulls = Node::I64(3);
        case.statistics = Some(Node::Struct(vec![(3, nulls), (max, bound(3)), (min, bound(1))]));
        if max < 3 {
            let fields = vec![(max, bound(3)), (min, bound(1)), (3, Node::I64(3))];
            case.statistics = Some(Node::Struct(fields));
        }
        assert_eq!(case.passing("a = 2").unwrap().0, [2]);
        assert_eq!(case.passing("a is not null").unwrap().0, [1, 2, 3]);
        assert_eq!(case.passing("a is null").unwrap().0, [0i128; 0]);
        assert_eq!(case.passing("a > 7").unwrap().0, [0i128; 0]);
    }
}

/// The page indexes of other programs lie as ours demands: an index that is passed over costs the reading
/// of whole chunks.
#[test]
fn page_indexes_of_other_programs_are_used() {
    let mut files = Vec::new();
    let own = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in corpus::files(own).unwrap() {
        files.push(own.join(name));
    }
    match corpus::root() {
        Ok(root) => {
            files.extend(corpus::files(&root).unwrap().iter().map(|name| root.join(name)));
        }
        Err(why) => assert!(!corpus::is_required(), "MILLWORK_REQUIRE_CORPUS=1, but {why}"),
    }
    let (mut used, mut passed_over) = (0, Vec::new());
    for path in files.iter().filter(|path| path.extension().is_some_and(|e| e == "parquet")) {
        let bytes = Buffer::copy_of(&std::fs::read(path).unwrap(), &Budget::unlimited()).unwrap();
        let driver = Arc::new(MemoryDriver::new("indexed", bytes));
        let budget = Budget::unlimited();
        let Ok(file) = File::with_driver(driver, &Limits::standard(), &budget) else { continue };
        for column in 0..file.schema().columns().len() {
            let metrics = Arc::new(ScanMetrics::new(1));
            let Ok(scan) = FileScan::new(&file, 0, &[column], metrics) else { continue };
            let Some(leaf) = scan.columns()[0].leaves.first().map(|leaf| leaf.leaf) else {
                continue;
            };
            for group in file.footer().row_groups() {
                let chunk = group.column(leaf).unwrap();
                if chunk.offset_index().is_none() || chunk.column_index().is_none() {
                    continue;
                }
                let Ok(scanned) = RowGroupScan::new(&scan, group.index()) else { continue };
                while let Some(need) = scanned.prepare(&[leaf], 0, &Budget::unlimited()).unwrap() {
                    scan.fetcher().request(&need.required, &budget).unwrap();
                }
                if scanned.page_bounds(0).is_some() {
                    used += 1;
                } else {
                    let name = path.file_name().unwrap().to_string_lossy();
                    passed_over.push(format!("{name}, column {column}"));
                }
            }
        }
    }
    println!("{used} page indexes are used, {} are not", passed_over.len());
    assert_eq!(passed_over, Vec::<String>::new());
    assert!(used > 100, "{used}");
}

/// Where a column stopped in the middle of a page nothing is read on from there, in flat columns and in lists.
#[test]
fn r3_a_column_that_failed_gives_its_error_again() {
    let dictionary = || Page::dictionary(2, int32(&[7, 9]));
    // Rows 2 and 3 name an entry that there is not.
    let codes = [vec![3], run(2, 0, 1), run(2, 7, 1), run(4, 1, 1)].concat();
    let flat = Page::v1(8, Encoding::RleDictionary, codes.clone());
    let one_each = [run(8, 0, 1), run(8, 1, 1)]
        .map(|levels| [&(levels.len() as u32).to_le_bytes()[..], &levels].concat());
    let lists = Page::v1(8, Encoding::RleDictionary, [one_each.concat(), codes].concat());
    for (repetition, page) in [(Repetition::Required, flat), (Repetition::Repeated, lists)] {
        let case = Case { repetition, ..Case::required(vec![dictionary(), page], 8) };
        let budget = Budget::unlimited();
        let bytes = Buffer::copy_of(&case.bytes(), &budget).unwrap();
        let file = File::from_bytes("stopped", bytes, &Limits::untrusted()).unwrap();
        let scan = FileScan::new(&file, 0, &[0], Arc::new(ScanMetrics::new(1))).unwrap();
        let group = RowGroupScan::new(&scan, 0).unwrap();
        let morsel = group.cut(0, 8).remove(0);
        let mut reader = MorselReader::new(&group, morsel);
        let mut context = PageContext::new(budget.clone(), file.limits().clone());
        let mut read = |rows: std::ops::Range<u64>| {
            while let Some(need) =
                reader.want(&[0], std::slice::from_ref(&rows), &Budget::unlimited()).unwrap()
            {
                scan.fetcher().request(&need.required, &budget).unwrap();
            }
            let selection = Selection::All((rows.end - rows.start) as usize);
            reader.read(0, rows, &selection, &mut context).map(|vector| vector.len())
        };
        assert_eq!(read(0..2).unwrap(), 2);
        let error = read(2..5).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Corrupt, "{error}");
        for rows in [2..5, 5..7, 7..8] {
            assert_eq!(read(rows).unwrap_err().to_string(), error.to_string());
        }
    }
}
