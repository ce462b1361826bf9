//! Every Rust type that values can be taken as, from files of pyarrow, Spark and DuckDB: the value, and the error
//! where a value is not of the type.
//!
//! The files and what is in them are those of `conformance/fixtures`; the numbers here are pyarrow's.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fmt::Debug;
use std::path::Path;

use half::f16;
use millwork_format::limits::Limits;
use millwork_format::read::{BatchOptions, File};
use millwork_format::record::{Date, Decimal, Interval, List, Map, Row, Time, Timestamp, Value};
use millwork_format::{ErrorKind, Result, WideDecimal};

/// A file of `conformance/fixtures`, a row of it, and a column.
type Place = (&'static str, usize, &'static str);

/// What a column of a row is as one type, as text.
type Getter = fn(&Row<'_>, &str) -> Result<String>;

fn shown(value: Result<impl Debug>) -> Result<String> {
    value.map(|value| format!("{value:?}"))
}

/// What `getter` gives at `place`.
fn at((file, row, column): Place, getter: Getter) -> Result<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/fixtures");
    let file = File::open(&folder.join(format!("{file}.parquet")), &Limits::standard()).unwrap();
    let mut rows = file.rows(BatchOptions::default()).unwrap();
    for _ in 0..row {
        rows.read_next().unwrap().unwrap();
    }
    getter(&rows.read_next().unwrap().unwrap(), column)
}

/// One type: places that have a value of it, and one whose value is another.
struct Case {
    getter: Getter,
    taken: Vec<(Place, &'static str)>,
    refused: (Place, &'static str),
}

const FLAT: &str = "interop/pyarrow/flat.none_v1_plain";
const NESTED: &str = "interop/pyarrow/nested.none_v1_plain";
const SPARK: &str = "interop/spark/flat.none_v1";
const WIDE: &str = "interop/rare/wide.plain_v2";
const SPANS: &str = "interop/rare/spans.v1";

fn case(getter: Getter, taken: &[(Place, &'static str)], refused: (Place, &'static str)) -> Case {
    Case { getter, taken: taken.to_vec(), refused }
}

fn numbers() -> Vec<Case> {
    let refused = |column, what| ((FLAT, 0, column), what);
    vec![
        case(
            |row, column| shown(row.get::<bool>(column)),
            &[((FLAT, 0, "bool"), "false"), ((FLAT, 1, "bool"), "true")],
            refused("u8", "column \"u8\" of type UTINYINT cannot be read as bool"),
        ),
        case(
            |row, column| shown(row.get::<i8>(column)),
            &[((FLAT, 1, "i8"), "-128"), ((FLAT, 2, "u8"), "47")],
            refused("i16", "-32768 of column \"i16\" does not fit i8"),
        ),
        case(
            |row, column| shown(row.get::<i16>(column)),
            &[((FLAT, 0, "i16"), "-32768"), ((FLAT, 1, "i8"), "-128")],
            refused("i32", "189963082 of column \"i32\" does not fit i16"),
        ),
        case(
            |row, column| shown(row.get::<i32>(column)),
            &[((FLAT, 1, "i32"), "-2147483648"), ((FLAT, 0, "r_i32"), "-2147483648")],
            refused("i64", "9223372036854775807 of column \"i64\" does not fit i32"),
        ),
        case(
            |row, column| shown(row.get::<i64>(column)),
            &[((FLAT, 0, "i64"), "9223372036854775807"), ((FLAT, 50, "u32"), "4294967295")],
            ((FLAT, 57, "u64"), "18446744073709551615 of column \"u64\" does not fit i64"),
        ),
        case(
            |row, column| shown(row.get::<i128>(column)),
            &[
                ((FLAT, 57, "u64"), "18446744073709551615"),
                (("interop/rare/ends.v1", 0, "large"), "-9223372036854775808"),
            ],
            refused("dec9", "column \"dec9\" of type DECIMAL(9,2) cannot be read as i128"),
        ),
        case(
            |row, column| shown(row.get::<u8>(column)),
            &[((FLAT, 52, "u8"), "255"), ((FLAT, 2, "i8"), "20")],
            ((FLAT, 1, "i8"), "-128 of column \"i8\" does not fit u8"),
        ),
        case(
            |row, column| shown(row.get::<u16>(column)),
            &[(("tiny/uint16.v1", 1, "a"), "65535")],
            refused("i16", "-32768 of column \"i16\" does not fit u16"),
        ),
        case(
            |row, column| shown(row.get::<u32>(column)),
            &[((FLAT, 50, "u32"), "4294967295"), ((FLAT, 0, "u16"), "10560")],
            ((FLAT, 1, "i32"), "-2147483648 of column \"i32\" does not fit u32"),
        ),
        case(
            |row, column| shown(row.get::<u64>(column)),
            &[
                (("tiny/uint64.v1", 2, "a"), "9223372036854775808"),
                ((FLAT, 57, "u64"), "18446744073709551615"),
            ],
            (
                ("interop/rare/ends.v1", 0, "large"),
                "-9223372036854775808 of column \"large\" does not fit u64",
            ),
        ),
        case(
            |row, column| shown(row.get::<f16>(column)),
            &[((FLAT, 0, "f16"), "-117.75"), (("tiny/float16.v1", 2, "a"), "NaN")],
            refused("f32", "column \"f32\" of type FLOAT cannot be read as f16"),
        ),
        case(
            |row, column| shown(row.get::<f32>(column)),
            &[
                ((FLAT, 0, "f32"), "-1571.1719"),
                ((FLAT, 0, "f16"), "-117.75"),
                (("tiny/float.v1", 2, "a"), "-0.0"),
            ],
            refused("f64", "column \"f64\" of type DOUBLE cannot be read as f32"),
        ),
        case(
            |row, column| shown(row.get::<f64>(column)),
            &[
                ((FLAT, 1, "f64"), "5e-324"),
                ((FLAT, 0, "f32"), "-1571.171875"),
                ((FLAT, 1, "f16"), "-309.5"),
                ((SPARK, 0, "f64"), "-inf"),
            ],
            refused("i64", "column \"i64\" of type BIGINT cannot be read as f64"),
        ),
        case(
            |row, column| shown(row.get::<Decimal>(column)),
            &[
                ((FLAT, 0, "dec4"), "Decimal { unscaled: 8, scale: 1 }"),
                ((FLAT, 1, "dec38"), "Decimal { unscaled: 9327193776025953689746, scale: 10 }"),
                ((SPARK, 0, "dec9"), "Decimal { unscaled: -38243118, scale: 2 }"),
                ((SPARK, 0, "dec18"), "Decimal { unscaled: -8420260951, scale: 5 }"),
                (
                    ("corners/far", 1, "d"),
                    "Decimal { unscaled: -99999999999999999999999999999999999999, scale: 0 }",
                ),
            ],
            (
                (WIDE, 1, "dec39"),
                "column \"dec39\" of type DECIMAL(39,4) cannot be read as Decimal",
            ),
        ),
        case(
            |row, column| Ok(row.get::<WideDecimal>(column)?.to_string()),
            &[
                ((WIDE, 1, "dec39"), "-0.0571"),
                ((WIDE, 0, "dec50"), "0.00000008558911266889"),
                // Of two columns of that name the first.
                ((WIDE, 1, "dec76"), "-1074340062448545149272817459717767519502025251850467254"),
                (("corners/wide", 1, "d76"), "-0.5000000000"),
                (
                    (WIDE, 0, "least"),
                    "-9000000000000000000000000000000000000000000000000000000000000000000000000000",
                ),
            ],
            refused("dec4", "column \"dec4\" of type DECIMAL(4,1) cannot be read as WideDecimal"),
        ),
    ]
}

fn times() -> Vec<Case> {
    let refused = |column, what| ((FLAT, 0, column), what);
    vec![
        case(
            |row, column| shown(row.get::<Date>(column)),
            &[
                ((FLAT, 0, "date"), "Date { days: 21439 }"),
                ((SPARK, 1, "date"), "Date { days: -22091 }"),
            ],
            refused("i32", "column \"i32\" of type INTEGER cannot be read as Date"),
        ),
        case(
            |row, column| shown(row.get::<Time>(column)),
            &[
                (
                    (FLAT, 0, "time_ms"),
                    "Time { since_midnight: 78649926, unit: Millis, utc: false }",
                ),
                (
                    (FLAT, 1, "time_us"),
                    "Time { since_midnight: 73110884241, unit: Micros, utc: false }",
                ),
                (
                    (FLAT, 0, "time_ns"),
                    "Time { since_midnight: 15301642868000, unit: Nanos, utc: false }",
                ),
            ],
            refused("date", "column \"date\" of type DATE cannot be read as Time"),
        ),
        case(
            |row, column| shown(row.get::<Timestamp>(column)),
            &[
                (
                    (FLAT, 1, "ts_ms"),
                    "Timestamp { days: -10725, nanos_of_day: 13291480000000, utc: false }",
                ),
                (
                    (FLAT, 2, "ts_us"),
                    "Timestamp { days: -2746, nanos_of_day: 45720370645000, utc: false }",
                ),
                (
                    (FLAT, 0, "ts_ns"),
                    "Timestamp { days: 32395, nanos_of_day: 26093445869000, utc: false }",
                ),
                (
                    (FLAT, 0, "ts_utc"),
                    "Timestamp { days: 22801, nanos_of_day: 58845280416000, utc: true }",
                ),
                (
                    ("interop/pyarrow/int96.plain", 3, "at"),
                    "Timestamp { days: -9765, nanos_of_day: 59677531171000, utc: false }",
                ),
                (
                    ("interop/spark/int96.snappy", 2, "ts"),
                    "Timestamp { days: -2746, nanos_of_day: 45720370645000, utc: false }",
                ),
            ],
            refused("time_ms", "column \"time_ms\" of type TIME(3) cannot be read as Timestamp"),
        ),
        case(
            |row, column| shown(row.get::<Interval>(column)),
            &[((SPANS, 1, "span"), "Interval { months: 5, days: 11, millis: 1234567 }")],
            refused("blob", "column \"blob\" of type BLOB cannot be read as Interval"),
        ),
    ]
}

fn bytes() -> Vec<Case> {
    let refused = |column, what| ((FLAT, 0, column), what);
    vec![
        case(
            |row, column| shown(row.get::<&str>(column)),
            &[((FLAT, 0, "r_text"), "\"ca木ßł c木dßéb \""), ((FLAT, 2, "text"), "\"\"")],
            refused("blob", "column \"blob\" of type BLOB cannot be read as &str"),
        ),
        case(
            |row, column| shown(row.get::<String>(column)),
            &[((FLAT, 0, "r_text"), "\"ca木ßł c木dßéb \"")],
            refused("i32", "column \"i32\" of type INTEGER cannot be read as String"),
        ),
        case(
            |row, column| shown(row.get::<&[u8]>(column)),
            &[
                ((FLAT, 0, "blob"), "[118]"),
                ((FLAT, 1, "fixed"), "[126, 138, 130, 149, 37]"),
                (("tiny/text.v1", 1, "a"), "[109, 105, 108, 108, 119, 111, 114, 107]"),
                (("tiny/uuid.v1", 0, "a"), "[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]"),
            ],
            ((SPANS, 1, "span"), "column \"span\" of type INTERVAL cannot be read as &[u8]"),
        ),
        case(
            |row, column| shown(row.get::<Vec<u8>>(column)),
            &[((FLAT, 0, "blob"), "[118]"), (("tiny/fixed.v1", 2, "a"), "[120, 121, 122]")],
            refused("bool", "column \"bool\" of type BOOLEAN cannot be read as Vec<u8>"),
        ),
    ]
}

/// Numbers of a list, nulls among them.
fn integers(list: &List<'_>) -> Result<Vec<String>> {
    list.iter().map(shown).collect()
}

fn nested() -> Vec<Case> {
    let refused = |column, what| ((NESTED, 0, column), what);
    vec![
        case(
            |row, column| {
                let point: Row<'_> = row.get(column)?;
                shown(Ok((point.get::<i32>("x")?, point.get::<&str>("y")?, point.fields().len())))
            },
            &[
                ((NESTED, 0, "point"), "(464, \"\", 2)"),
                ((NESTED, 1, "point"), "(-754, \"木cc\", 2)"),
            ],
            refused("id", "column \"id\" of type INTEGER cannot be read as Row"),
        ),
        case(
            |row, column| {
                let list: List<'_> = row.get(column)?;
                shown(Ok((list.len(), integers(&list)?)))
            },
            &[
                ((NESTED, 0, "numbers"), r#"(2, ["Integer(-472)", "Null"])"#),
                ((NESTED, 2, "numbers"), "(0, [])"),
                (
                    (NESTED, 1, "words"),
                    r#"(4, ["Null", "Text(\"ł\")", "Text(\"eßbéébł \")", "Text(\"\")"])"#,
                ),
            ],
            refused(
                "point",
                "column \"point\" of type STRUCT(x INTEGER, y VARCHAR) cannot be read as List",
            ),
        ),
        case(
            |row, column| {
                let map: Map<'_> = row.get(column)?;
                let entries: Vec<_> = map.iter().collect::<Result<_>>()?;
                shown(Ok((map.len(), entries)))
            },
            &[
                ((NESTED, 2, "counts"), r#"(1, [(Text("k0"), Integer(359))])"#),
                (("tiny/map.v1", 0, "a"), r#"(1, [(Text("k"), Integer(1))])"#),
                (("tiny/map.v1", 2, "a"), "(0, [])"),
            ],
            refused("numbers", "column \"numbers\" of type INTEGER[] cannot be read as Map"),
        ),
    ]
}

#[test]
fn every_type_is_taken_from_files_of_other_programs_and_refuses_the_others() {
    let cases: Vec<Case> = [numbers(), times(), bytes(), nested()].into_iter().flatten().collect();
    let mut differences = Vec::new();
    for Case { getter, taken, refused: (place, what) } in &cases {
        for (place, expected) in taken {
            let found = at(*place, *getter);
            if !found.as_ref().is_ok_and(|found| found == expected) {
                differences.push(format!("{place:?}: {expected} expected, found {found:?}"));
            }
        }
        match at(*place, *getter) {
            Ok(value) => differences.push(format!("{place:?}: {value} is not refused: {what}")),
            Err(error) => {
                let found = (error.kind(), error.what());
                if found != (&ErrorKind::InvalidArgument, *what) {
                    differences.push(format!("{place:?}: {what} expected, found {found:?}"));
                }
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// A null is `None` of any type, and an error that says so where it is not asked for as an `Option`.
#[test]
fn nulls_are_taken_as_options_alone() {
    type Null = (Place, Getter, Getter, &'static str);
    let table: [Null; 6] = [
        (
            (FLAT, 0, "i8"),
            |row, column| shown(row.get::<Option<i8>>(column)),
            |row, column| shown(row.get::<i8>(column)),
            "read it as Option<i8>",
        ),
        (
            (FLAT, 0, "few"),
            |row, column| shown(row.get::<Option<&str>>(column)),
            |row, column| shown(row.get::<&str>(column)),
            "read it as Option<&str>",
        ),
        (
            (FLAT, 0, "nothing"),
            |row, column| shown(row.get::<Option<f64>>(column)),
            |row, column| shown(row.get::<f64>(column)),
            "read it as Option<f64>",
        ),
        (
            ("tiny/struct.v1", 1, "a"),
            |row, column| shown(row.get::<Option<Row<'_>>>(column)),
            |row, column| shown(row.get::<Row<'_>>(column)),
            "read it as Option<Row>",
        ),
        (
            (NESTED, 1, "numbers"),
            |row, column| shown(row.get::<Option<List<'_>>>(column)),
            |row, column| shown(row.get::<List<'_>>(column)),
            "read it as Option<List>",
        ),
        (
            (NESTED, 0, "counts"),
            |row, column| shown(row.get::<Option<Map<'_>>>(column)),
            |row, column| shown(row.get::<Map<'_>>(column)),
            "read it as Option<Map>",
        ),
    ];
    for (place, optional, required, hint) in table {
        assert_eq!(at(place, optional).unwrap(), "None", "{place:?}");
        let error = at(place, required).unwrap_err();
        let what = format!("column \"{}\" is null here", place.2);
        assert_eq!((error.kind(), error.what()), (&ErrorKind::InvalidArgument, what.as_str()));
        assert_eq!(error.hint_text(), Some(hint), "{place:?}");
        let value: Getter = |row, column| shown(row.get::<Value<'_>>(column));
        assert_eq!(at(place, value).unwrap(), "Null", "{place:?}");
    }
    let present: Getter = |row, column| shown(row.get::<Option<i16>>(column));
    assert_eq!(at((FLAT, 0, "i16"), present).unwrap(), "Some(-32768)");
    let refused = at((FLAT, 0, "text"), present).unwrap_err();
    assert_eq!(refused.what(), "column \"text\" of type VARCHAR cannot be read as i16");
}
