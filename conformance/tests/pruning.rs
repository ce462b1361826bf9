//! Pruning never changes an answer, and leaves out what it can.
//!
//! Random predicates over files of three programs (`fixtures/indexes`), each with bloom filters, dictionaries
//! or page indexes, are answered with and without pruning; the counters say what was left out by what.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use conformance::ask::{integers, one_row};
use conformance::corpus;
use conformance::random::Random;
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use millwork_engine::scan::ScanReport;
use millwork_format::limits::Limits;
use millwork_format::prune::distinct_about;
use millwork_format::read::File;

const WRITERS: [&str; 3] = ["pyarrow", "duckdb", "spark"];

fn fixture(name: &str) -> File {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/indexes");
    let bytes = std::fs::read(folder.join(format!("{name}.parquet"))).unwrap();
    let bytes = Buffer::copy_of(&bytes, &Budget::unlimited()).unwrap();
    File::from_bytes(name, bytes, &Limits::standard()).unwrap()
}

/// The ids of the rows that pass, ascending.
fn ids(file: &File, condition: &str, prune: bool) -> (Vec<i128>, ScanReport) {
    integers(file, &statement(condition), prune).unwrap()
}

fn statement(condition: &str) -> String {
    format!("select id from t where {condition}")
}

fn of<'a>(random: &mut Random, list: &[&'a str]) -> &'a str {
    list[random.below(list.len() as u64) as usize]
}

/// A column, and some value that it may have or not.
fn operand(random: &mut Random) -> (&'static str, String) {
    let row = random.below(6_200);
    let letter = char::from(b'a' + random.below(9) as u8);
    match random.below(12) {
        10 => ("inner.code", random.below(2_100).to_string()),
        11 => ("inner.tag", format!("'t{}'", random.below(8))),
        0 => ("id", row.to_string()),
        1 => ("key", random.below(12_500).to_string()),
        2 => ("word", format!("'{letter}{:06}'", row * 2_654_435_761 % 1_000_003)),
        3 => {
            let number = row / 1_024 * 7 + row % 5 * 100;
            ("city", format!("'city {number:04} of a long and common name'"))
        }
        4 => ("day", format!("date '2024-{:02}-{:02}'", 1 + row % 6, 1 + row % 28)),
        5 => ("amount", format!("{}.{:02}", row % 110, row % 100)),
        6 => ("ratio", format!("cast({} as double)", (row % 120) as f64 * 0.25 - 8.0)),
        7 => ("small", random.below(50).to_string()),
        8 => ("at", format!("timestamp '2024-05-01 {:02}:{:02}:11'", row % 24, row % 60)),
        _ => ("key", (random.below(6_007) * 2).to_string()),
    }
}

fn condition(random: &mut Random, depth: u64) -> String {
    match random.below(if depth == 0 { 8 } else { 12 }) {
        0..=2 => {
            let ((column, value), comparison) =
                (operand(random), of(random, &["=", "=", "=", "<", "<=", ">", ">=", "<>"]));
            match random.below(6) {
                0 => format!("{value} {comparison} {column}"),
                _ => format!("{column} {comparison} {value}"),
            }
        }
        3 => {
            let (column, first) = operand(random);
            let mut list = vec![first];
            while list.len() < 5 {
                let (of, value) = operand(random);
                if of == column {
                    list.push(value);
                }
            }
            format!("{column} in ({})", list.join(", "))
        }
        4 => {
            let prefix: &[&str] = &["a", "b1", "c99", "i", "city 00", "city 04", "city 9", ""];
            let column = of(random, &["word", "city"]);
            format!("{column} like '{}%'", of(random, prefix))
        }
        5 => format!("{} is null", of(random, &["key", "word", "ratio", "id", "inner.code"])),
        6 => format!("{} is not null", of(random, &["key", "word", "ratio", "inner.tag"])),
        7 => {
            let (low, span) = (random.below(6_000), random.below(60));
            format!("id >= {low} and id < {}", low + span)
        }
        8 | 9 => {
            format!("({}) and ({})", condition(random, depth - 1), condition(random, depth - 1))
        }
        _ => format!("({}) or ({})", condition(random, depth - 1), condition(random, depth - 1)),
    }
}

/// Counts and extremes of every column of `file`, from footers where they know them and from the rows: how
/// many were, and how many were not.
fn counted_both_ways(name: &str, file: &File) -> (usize, usize) {
    let (mut known, mut scanned) = (0, 0);
    let mut same = |sql: &str| {
        // Columns that cannot be read yet, or are no arguments of these functions.
        let Ok((rows, was_scanned)) = one_row(file, sql, false) else { return };
        assert!(was_scanned, "{name}: {sql}: footers were believed");
        let (found, is_scanned) = one_row(file, sql, true).unwrap();
        assert_eq!(found, rows, "{name}: {sql}");
        if is_scanned { scanned += 1 } else { known += 1 }
    };
    same("select count(*) from t");
    for column in file.schema().columns() {
        let quoted = format!("\"{}\"", column.field.name.replace('"', "\"\""));
        same(&format!("select count({quoted}) from t"));
        same(&format!("select max({quoted}), min({quoted}), count(*) from t"));
    }
    (known, scanned)
}

#[test]
fn footers_answer_counts_and_extremes_as_the_rows_do() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut files = vec![fixtures.join("../../testdata/lineitem.parquet")];
    let mut folders = vec![fixtures];
    match corpus::root() {
        Ok(root) => folders.push(root.join("data")),
        Err(why) if corpus::is_required() => panic!("{why}"),
        Err(why) => println!("skipped, the files of the corpus: {why}"),
    }
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            // Those say wrong things on purpose; that one holds two strings of 1 GiB, which takes a minute.
            if path.ends_with("wrong") || path.ends_with("large_string_map.brotli.parquet") {
                continue;
            }
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    let (mut known, mut scanned) = (0, 0);
    for path in files.iter().filter(|path| path.extension().is_some_and(|own| own == "parquet")) {
        let bytes = Buffer::copy_of(&std::fs::read(path).unwrap(), &Budget::unlimited()).unwrap();
        let name = path.to_string_lossy();
        let Ok(file) = File::from_bytes(&name, bytes, &Limits::standard()) else { continue };
        let (own_known, own_scanned) = counted_both_ways(&name, &file);
        (known, scanned) = (known + own_known, scanned + own_scanned);
    }
    println!("{known} rows of aggregates from footers, {scanned} from rows");
    assert!(known > 500, "{known}");
}

#[test]
fn dictionary_pages_tell_about_how_many_values_there_are() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/shape_noidx.parquet");
    let bytes = Buffer::copy_of(&std::fs::read(path).unwrap(), &Budget::unlimited()).unwrap();
    let file = File::from_bytes("shape", bytes, &Limits::standard()).unwrap();
    let about = |leaf| distinct_about(file.footer(), 0, leaf);
    // Compressed, they look like fewer; `id` and `price` have no dictionary.
    let within = |leaf, values: u64| {
        let found = about(leaf).unwrap();
        assert!((values / 5..=values * 3).contains(&found), "leaf {leaf}: {found} for {values}");
    };
    assert_eq!((about(0), about(5)), (None, None));
    within(1, 2_500);
    within(2, 3);
    within(3, 2);
    within(4, 50);
    assert_eq!(about(99), None);
}

#[test]
fn no_answer_changes() {
    for writer in WRITERS {
        let file = fixture(writer);
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let (mut seen, mut rows) = ([0u64; 4], 0);
        for _ in 0..400 {
            let condition = condition(&mut random, 2);
            let (expected, whole) = ids(&file, &condition, false);
            let (found, report) = ids(&file, &condition, true);
            assert_eq!(found, expected, "{writer}: {condition}");
            assert_eq!((whole.row_groups_pruned, whole.rows_pruned_by_pages), (0, 0));
            rows += found.len();
            let evidence = [
                report.row_groups_pruned_by_statistics,
                report.row_groups_pruned_by_bloom_filter,
                report.row_groups_pruned_by_dictionary,
                report.rows_pruned_by_pages,
            ];
            seen.iter_mut().zip(evidence).for_each(|(sum, more)| *sum += more);
        }
        println!("{writer}: {rows} rows, left out by {seen:?}");
        let [statistics, blooms, dictionaries, pages] = seen;
        assert!(statistics > 50 && blooms > 20 && dictionaries > 0, "{writer}: {seen:?}");
        assert!(pages > 1_000 || writer == "duckdb", "{writer}: {seen:?}");
    }
}

/// What left out row groups: by statistics, bloom filters and dictionaries.
fn evidence(report: &ScanReport) -> [u64; 3] {
    [
        report.row_groups_pruned_by_statistics,
        report.row_groups_pruned_by_bloom_filter,
        report.row_groups_pruned_by_dictionary,
    ]
}

#[test]
fn each_index_leaves_out_what_only_it_can() {
    for writer in WRITERS {
        let file = fixture(writer);
        let groups = file.footer().num_row_groups() as u64;
        let report = |condition: &str| ids(&file, condition, true).1;
        assert_eq!(evidence(&report("id > 100000")), [groups, 0, 0], "{writer}");
        // Odd keys lie between the bounds of all row groups, and are nowhere.
        let odd = report("key = 4711");
        assert_eq!(evidence(&odd), [0, groups, 0], "{writer}");
        assert_eq!((odd.bloom_filters_asked, odd.totals.pages_decompressed), (groups, 0));
        assert!(odd.bytes_read <= groups * 64 * 3, "{writer}: {} bytes", odd.bytes_read);
        // Fields of structs are as good as columns.
        let field = report("inner.code = 333");
        assert_eq!(evidence(&field), [0, groups, 0], "{writer}: {field:?}");
        assert_eq!(evidence(&report("inner.tag > 't9'")), [groups, 0, 0], "{writer}");
        let many = report("key in (1, 3, 5, 7, 4711)");
        assert_eq!(many.row_groups_pruned, groups, "{writer}: {many:?}");
        // Two filters of which each alone would not do.
        let either = report("key = 4711 or word = 'nowhere'");
        assert_eq!(either.row_groups_pruned, groups, "{writer}: {either:?}");
        // One that would not help is not read.
        let vain = report("key = 4711 or id >= 0");
        assert_eq!((vain.bloom_filters_asked, vain.row_groups_pruned), (0, 0), "{writer}");
        // A prefix that bounds do not exclude, and dictionaries do.
        let prefix = report("city like 'city 02%'  and city > 'city 0201' and city < 'city 0206'");
        assert!(prefix.row_groups_pruned_by_dictionary > 0, "{writer}: {prefix:?}");
        let probed = report("city like 'city 0350%'");
        assert_eq!(evidence(&probed), [0, 0, groups], "{writer}: {probed:?}");
        assert_eq!(probed.totals.pages_decompressed, 0);
    }
}

#[test]
fn a_dictionary_that_was_asked_is_not_read_again() {
    let file = fixture("pyarrow");
    let (found, report) = ids(&file, "city like 'city 0207%'", true);
    let (_, whole) = ids(&file, "city like 'city 0207%'", false);
    assert!(!found.is_empty());
    assert_eq!(report.row_groups_pruned_by_dictionary, 2);
    // That of the row group which is kept is decoded once, the others are not needed.
    assert_eq!(report.totals.dictionaries_decoded, 1);
    assert_eq!(whole.totals.dictionaries_decoded, 3);
    assert!(report.bytes_read < whole.bytes_read);
}

#[test]
fn pages_are_left_out_of_unions_too() {
    for writer in ["pyarrow", "spark"] {
        let file = fixture(writer);
        let (found, report) = ids(&file, "id = 5 or id = 5000 or id between 3000 and 3005", true);
        assert_eq!(found, [5, 3000, 3001, 3002, 3003, 3004, 3005, 5000]);
        let rows = file.num_rows();
        assert!(report.rows_pruned_by_pages > rows / 2, "{writer}: {report:?}");
        assert!(report.pages_pruned > 0 && report.pages_pruned < report.pages, "{report:?}");
    }
}

/// A timestamp so many microseconds from 1970 on, of which there are few.
fn stamp(micros: i128) -> String {
    let (day, rest) = match micros {
        0.. => ("1970-01-01 00:00:00", micros),
        _ => ("1969-12-31 23:59:59", 1_000_000 + micros),
    };
    format!("timestamp '{day}.{rest:06}'")
}

#[test]
fn instants_of_int96_prune_though_they_are_cast() {
    let file = fixture("int96");
    let nanos = |id: i128| id * 400 - 100_000;
    let present = || (0..500i128).filter(|id| id % 7 != 0);
    let compared = |comparison: &str, a: i128, b: i128| match comparison {
        "<" => a < b,
        "<=" => a <= b,
        ">" => a > b,
        ">=" => a >= b,
        "=" => a == b,
        _ => a != b,
    };
    let (mut groups, mut rows) = (0, 0);
    for micros in [-101, -100, -99, -81, -80, -61, -60, -1, 0, 1, 19, 20, 59, 97, 99, 100, 101] {
        for comparison in ["<", "<=", ">", ">=", "=", "<>"] {
            let condition = format!("at {comparison} {}", stamp(micros));
            let (found, report) = ids(&file, &condition, true);
            let expected: Vec<i128> = present()
                .filter(|id| compared(comparison, nanos(*id).div_euclid(1000), micros))
                .collect();
            assert_eq!(found, expected, "{condition}");
            if comparison == "=" && found.len() < 4 {
                assert!(report.row_groups_pruned >= 8, "{condition}: {report:?}");
            }
            groups += report.row_groups_pruned;
            rows += report.rows_pruned_by_pages;
        }
    }
    assert!(groups > 300 && rows > 500, "{groups} row groups, {rows} rows");
    let chosen = [-101, -61, 99];
    for count in [3, 90] {
        // Behind the first three are none that the file has.
        let more = (chosen.len()..count).map(|more| i128::try_from(more).unwrap() + 50_000);
        let values: Vec<String> = chosen.into_iter().chain(more).map(stamp).collect();
        let (found, report) = ids(&file, &format!("at in ({})", values.join(", ")), true);
        let is_chosen = |id: &i128| chosen.contains(&nanos(*id).div_euclid(1000));
        assert_eq!(found, present().filter(is_chosen).collect::<Vec<_>>());
        assert!(count > 3 || report.row_groups_pruned >= 6, "{report:?}");
    }
    let (found, _) = ids(&file, "at is null", true);
    assert_eq!(found, (0..500i128).filter(|id| id % 7 == 0).collect::<Vec<_>>());
    let (found, report) = ids(&file, "at < date '1970-01-01'", true);
    assert_eq!(found, present().filter(|id| nanos(*id) < 0).collect::<Vec<_>>());
    assert_eq!(report.row_groups_pruned, 5, "{report:?}");
}

/// Conditions on columns behind casts and on parts of nested values, of which each `#` is a row.
const BEHIND: [&str; 26] = [
    "id < #.5",
    "id = #.0",
    "#.5 < id",
    "id in (#.0, 7.5)",
    "id > cast(#.5 as double)",
    "narrow > #",
    "narrow = # - 60.0",
    "unsigned < #000000.0",
    "half = #",
    "half < cast(# as float)",
    "half <= cast(#.5 as double)",
    "single < cast(#.25 as double)",
    "amount < #.255",
    "amount = #.250",
    "millis < timestamp '2020-01-01' + interval # day",
    "day < timestamp '2020-02-#0 12:00:00'",
    "time < time '00:01:#1'",
    "late",
    "not late",
    "four = '0#'::blob",
    "list[1] = #",
    "list_contains(list, #)",
    "list[2] is not null",
    "structs[1].x < #",
    "inside.t[1] = '00#'",
    "map['b'] < -#",
];

#[test]
fn what_is_behind_a_cast_or_in_a_list_is_pruned_alike() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/parts.parquet");
    let bytes = Buffer::copy_of(&std::fs::read(path).unwrap(), &Budget::unlimited()).unwrap();
    let file = File::from_bytes("parts", bytes, &Limits::standard()).unwrap();
    let mut idle = Vec::new();
    for condition in BEHIND {
        let mut left_out = 0;
        for row in [0, 1, 2, 5, 11, 20, 29, 42, 59, 60, 99] {
            let condition = condition.replace('#', &row.to_string());
            // Some are no times of a day.
            let Ok((expected, _)) = integers(&file, &statement(&condition), false) else {
                continue;
            };
            let (found, scan) = ids(&file, &condition, true);
            assert_eq!(found, expected, "{condition}");
            left_out += scan.row_groups_pruned + scan.rows_pruned_by_pages;
        }
        if left_out == 0 {
            idle.push(condition);
        }
    }
    // A place in a list says little: every page has some with so many elements.
    assert_eq!(idle, ["list[2] is not null"]);
}
