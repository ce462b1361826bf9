//! `verify` over the corpus, over files that lie, and over broken ones: what it finds, and where.
//!
//! `verify.txt` names the files of parquet-testing that are not clean; `fixtures/wrong` has a good file and the
//! same with single claims changed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use millwork_format::limits::Limits;
use millwork_format::read::File;
use millwork_format::verify::{Check, Depth, Finding, Options, Report, Severity, verify};
use millwork_format::{Error, ErrorKind};

fn corpus() -> Option<PathBuf> {
    let data = std::env::var_os("PARQUET_TEST_DATA").map(PathBuf::from);
    if data.is_none() {
        assert!(std::env::var_os("MILLWORK_REQUIRE_CORPUS").is_none(), "the corpus is not there");
        println!("skipped: PARQUET_TEST_DATA does not name the data folder of parquet-testing");
    }
    Some(data?.parent().unwrap().to_path_buf())
}

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/wrong");
    std::fs::read(folder.join(format!("{name}.parquet"))).unwrap()
}

fn verified(file: &File, depth: Depth) -> (Report, Vec<Finding>) {
    let mut findings = Vec::new();
    let options = Options { depth, ..Options::default() };
    let report = verify(file, &options, &mut |finding| findings.push(finding)).unwrap();
    (report, findings)
}

fn of_bytes(bytes: &[u8], depth: Depth) -> (Report, Vec<Finding>) {
    let buffer = Buffer::copy_of(bytes, &Budget::unlimited()).unwrap();
    verified(&File::from_bytes("bytes", buffer, &Limits::standard()).unwrap(), depth)
}

const DEPTHS: [Depth; 3] = [Depth::Footer, Depth::Pages, Depth::Values];

/// What is expected of the files that are not clean at each depth, by their name.
fn expected() -> BTreeMap<String, Vec<String>> {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("verify.txt");
    let text = std::fs::read_to_string(table).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let words = |line: &str| {
        let (name, rest) = line.split_once(' ').unwrap();
        let (worst, _) = rest.split_once(':').unwrap();
        (name.to_string(), worst.split(' ').map(str::to_string).collect())
    };
    lines.map(words).collect()
}

#[test]
fn the_corpus_is_as_the_table_says() {
    let Some(root) = corpus() else { return };
    let mut expected = expected();
    let (mut files, mut claims, mut differences) = (0, 0, Vec::new());
    for folder in ["bad_data", "data", "data/geospatial", "shredded_variant"] {
        let mut names: Vec<String> = std::fs::read_dir(root.join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".parquet"))
            .collect();
        names.sort();
        for name in names {
            let path = root.join(folder).join(&name);
            // The large ones are gigabytes of strings.
            let depths = match name.starts_with("large_string_map") {
                true => &DEPTHS[..1],
                false => &DEPTHS[..],
            };
            let wanted = expected.remove(&format!("{folder}/{name}"));
            let wanted = wanted.unwrap_or_else(|| vec!["clean".to_string(); 3]);
            for (depth, wanted) in depths.iter().zip(&wanted) {
                let (worst, findings) = match File::open(&path, &Limits::standard()) {
                    Err(error) => {
                        assert!(is_named(&error, &path), "{name} at {depth:?}: {error:?}");
                        ("corrupt", Vec::new())
                    }
                    Ok(file) => {
                        let (report, findings) = verified(&file, *depth);
                        claims += report.claims;
                        (report.worst().map_or("clean", Severity::name), findings)
                    }
                };
                if worst != wanted {
                    differences.push(format!(
                        "{folder}/{name} at {depth:?}: {wanted} expected, {worst}: {findings:#?}"
                    ));
                }
                let is_corrupt = |finding: &&Finding| finding.severity == Severity::Corrupt;
                for finding in findings.iter().filter(is_corrupt) {
                    assert!(is_located(finding), "{name} at {depth:?}: {finding:#?}");
                }
            }
            files += 1;
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(expected.is_empty(), "the table names files that are not there: {expected:?}");
    println!("{files} files, {claims} claims");
    assert!(files > 200 && claims > 2_000, "{files} files, {claims} claims");
}

/// Whether the error of a file that does not open is one of the file, and names it.
fn is_named(error: &Error, path: &Path) -> bool {
    let is_of_file = matches!(
        error.kind(),
        ErrorKind::Corrupt | ErrorKind::Truncated | ErrorKind::Unsupported(_)
    );
    let file = error.place().file.as_deref();
    is_of_file && file.is_some_and(|file| Path::new(file) == path) && !error.what().is_empty()
}

/// Whether it names row group, column, page and offset, and the rows that are lost.
fn is_located(finding: &Finding) -> bool {
    let place = &finding.place;
    finding.severity == Severity::Corrupt
        && place.row_group.is_some()
        && place.column.is_some()
        && (place.page.is_some() || finding.in_dictionary)
        && place.file_offset.is_some()
        && finding.rows.as_ref().is_some_and(|rows| !rows.is_empty())
}

#[test]
fn a_checksum_that_is_wrong_names_its_page_and_its_rows() {
    let Some(root) = corpus() else { return };
    let open = |name: &str| File::open(&root.join("data").join(name), &Limits::standard()).unwrap();
    let file = open("datapage_v1-corrupt-checksum.parquet");
    for depth in [Depth::Pages, Depth::Values] {
        let (report, findings) = verified(&file, depth);
        let broken: Vec<_> = findings
            .iter()
            .filter(|finding| finding.severity == Severity::Corrupt)
            .map(|finding| {
                assert_eq!(finding.check, Check::PageChecksum);
                let place = &finding.place;
                let column = place.column.as_deref().unwrap();
                (column, place.page.unwrap(), place.file_offset.unwrap(), finding.rows.clone())
            })
            .collect();
        // The first page of one column, the second of the other, as the corpus says.
        let expected = [("a", 0, 4, Some(0..2560)), ("b", 1, 30_808, Some(2560..5120))];
        assert_eq!(broken, expected, "{depth:?}");
        assert_eq!((report.checksums, report.pages), (4, 4));
    }
    assert_eq!(verified(&file, Depth::Footer).0.worst(), None);
    let (report, findings) =
        verified(&open("rle-dict-uncompressed-corrupt-checksum.parquet"), Depth::Pages);
    assert_eq!(report.corrupt, 2);
    assert!(findings.iter().all(|finding| finding.in_dictionary && is_located(finding)));
}

#[test]
fn one_false_claim_is_found_where_it_is() {
    let (report, findings) = of_bytes(&fixture("good"), Depth::Values);
    assert_eq!((report.worst(), findings.len()), (None, 0), "{findings:#?}");
    assert_eq!((report.checksums, report.bloom_filters), (report.pages, 2));
    type Wanted = (&'static str, Check, Option<u32>, &'static str, Option<u32>);
    let table: [Wanted; 6] = [
        ("statistics", Check::Statistics, Some(1), "id", None),
        ("null_count", Check::Statistics, Some(0), "word", None),
        ("sorting", Check::Sorting, Some(1), "word", None),
        ("page_index", Check::ColumnIndex, Some(1), "id", Some(0)),
        ("offset_index", Check::OffsetIndex, Some(0), "id", Some(1)),
        ("bloom_filter", Check::BloomFilter, Some(1), "word", None),
    ];
    for (name, check, row_group, column, page) in table {
        let (report, findings) = of_bytes(&fixture(name), Depth::Values);
        assert_eq!(report.worst(), Some(Severity::Wrong), "{name}: {findings:#?}");
        for finding in &findings {
            let place = &finding.place;
            assert_eq!(finding.check, check, "{name}: {finding:?}");
            assert_eq!((place.row_group, place.page), (row_group, page), "{name}: {finding:?}");
            assert_eq!(place.column.as_deref(), Some(column), "{name}: {finding:?}");
            assert_eq!(finding.rows, None);
        }
        // Values tell about values; only what pages tell is seen without them.
        let by_pages = name == "offset_index";
        assert_eq!(of_bytes(&fixture(name), Depth::Pages).0.wrong > 0, by_pages, "{name}");
    }
    let (report, findings) = of_bytes(&fixture("checksum"), Depth::Values);
    assert_eq!((report.corrupt, report.wrong), (1, 0), "{findings:#?}");
    assert!(is_located(&findings[0]) && findings[0].rows == Some(450..514), "{findings:?}");
}

/// Indexes and bloom filters of every type that other programs wrote: nothing is false but Spark's bounds of
/// a column with NaN.
#[test]
fn indexes_of_other_programs_are_as_claimed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/indexes");
    for (name, bloom_filters, wrong) in
        [("duckdb", 36, 0), ("pyarrow", 18, 0), ("spark", 9, 3), ("int96", 0, 0)]
    {
        let bytes = std::fs::read(folder.join(name).with_extension("parquet")).unwrap();
        let (report, findings) = of_bytes(&bytes, Depth::Values);
        let counts = (report.bloom_filters, report.wrong, report.corrupt);
        assert_eq!(counts, (bloom_filters, wrong, 0), "{name}: {findings:#?}");
        assert!(findings.iter().all(|finding| finding.what.contains("NaN")), "{findings:#?}");
    }
}

/// Every bit of a page body is covered by its checksum, and what is lost is the page with it.
#[test]
fn broken_pages_do_not_hide_the_others() {
    let good = fixture("good");
    let buffer = Buffer::copy_of(&good, &Budget::unlimited()).unwrap();
    let file = File::from_bytes("good", buffer, &Limits::standard()).unwrap();
    let budget = Budget::unlimited();
    let found = millwork_format::inventory::pages(&file, 1, 2, &budget).unwrap();
    let data: Vec<_> = found.pages.iter().filter(|page| page.ordinal.is_some()).collect();
    assert!(data.len() > 3 && found.broken.is_none(), "{found:?}");
    let mut bytes = good.clone();
    for page in data.iter().step_by(2) {
        let body = page.offset as usize + page.header.header_len;
        bytes[body + page.header.compressed_page_size as usize / 2] ^= 0x10;
    }
    let (report, findings) = of_bytes(&bytes, Depth::Values);
    assert_eq!(report.corrupt as usize, data.len().div_ceil(2), "{findings:#?}");
    for (finding, page) in findings.iter().zip(data.iter().step_by(2)) {
        assert_eq!(finding.place.page, page.ordinal);
        assert_eq!(finding.place.file_offset, Some(page.offset));
        let first = 450 + page.first_row.unwrap();
        assert_eq!(finding.rows, Some(first..first + page.rows.unwrap()));
    }
    // A header that is gone: the offset index finds the next page.
    let mut bytes = good.clone();
    bytes[data[1].offset as usize..][..4].fill(0xff);
    let (report, findings) = of_bytes(&bytes, Depth::Values);
    assert_eq!(report.corrupt, 1, "{findings:#?}");
    assert_eq!((findings[0].check, findings[0].place.page), (Check::PageHeader, Some(1)));
    let first = 450 + data[1].first_row.unwrap();
    assert_eq!(findings[0].rows, Some(first..450 + data[2].first_row.unwrap()));
}

/// Any byte of the file, changed in several ways, at every depth: findings, never a panic.
#[test]
fn no_byte_makes_it_panic() {
    let good = fixture("good");
    let (mut opened, mut found) = (0, 0);
    for at in (0..good.len()).step_by(5) {
        for change in [0x01u8, 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[at] ^= change;
            let buffer = Buffer::copy_of(&bytes, &Budget::unlimited()).unwrap();
            let Ok(file) = File::from_bytes("bytes", buffer, &Limits::untrusted()) else {
                continue;
            };
            opened += 1;
            let options = Options { depth: Depth::Values, budget: Some(Budget::new(64 << 20)) };
            if let Err(error) = verify(&file, &options, &mut |_| found += 1) {
                assert!(matches!(error.kind(), ErrorKind::LimitExceeded(_)), "{error}");
            }
        }
    }
    println!("{opened} files opened, {found} findings");
    assert!(opened > 5_000 && found > 5_000, "{opened} {found}");
}
