//! Every type in every format, and every kind of vector under every selection.

use std::sync::Arc;

use half::f16;
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::{Bitmap, Buffer, Slice};

use super::stream::Taker;
use super::{CsvWriter, JsonWriter, text};
use crate::batch::Batch;
use crate::error::Error;
use crate::selection::Selection;
use crate::types::{DataType, Field, TimeUnit};
use crate::vector::{Codes, Data, Dictionary, List, Vector, Views};

fn views(strings: &[&[u8]]) -> Vector {
    Vector::new(Data::Views(Views::copy_of(strings).unwrap()), None, strings.len()).unwrap()
}

fn fixed<const N: usize>(values: &[[u8; N]]) -> Vector {
    let bytes = Buffer::copy_of(values.as_flattened(), &Budget::unlimited()).unwrap();
    Vector::new(Data::Fixed { width_bytes: N, bytes }, None, values.len()).unwrap()
}

fn ints(values: &[i64]) -> Vector {
    Vector::flat(Slice::copy_of(values))
}

fn list(offsets: &[i32], child: Vector) -> Vector {
    let list = List::new(Slice::copy_of(offsets), child).unwrap();
    Vector::new(Data::List(list), None, offsets.len() - 1).unwrap()
}

fn structure(children: Vec<Vector>) -> Vector {
    let len = children[0].len();
    Vector::new(Data::Struct(children.into()), None, len).unwrap()
}

/// `(type, rows, their JSON, their text)`, row by row separated by a tab.
fn table() -> Vec<(DataType, Vector, &'static str, &'static str)> {
    use DataType as T;
    let (millis, micros, nanos) = (TimeUnit::Millis, TimeUnit::Micros, TimeUnit::Nanos);
    let struct_type = |fields: Vec<Field>| T::Struct(fields.into());
    let nullable = |name, data_type| Arc::new(Field::nullable(name, data_type));
    let halves = [f16::from_f32(1.0), f16::from_f32(0.1), f16::NAN].map(f16::to_bits);
    let int96 = |day: i32, nanos: i64| {
        let mut bytes = [0; 12];
        bytes[..8].copy_from_slice(&nanos.to_le_bytes());
        bytes[8..].copy_from_slice(&day.to_le_bytes());
        bytes
    };
    let uuid: [u8; 16] = std::array::from_fn(|byte| byte as u8 * 17);
    vec![
        (T::Null, Vector::null(2), "null\tnull", "NULL\tNULL"),
        (
            T::Boolean,
            Vector::new(
                Data::Boolean(Bitmap::from_bools(&[true, false])),
                Some(Bitmap::from_bools(&[true, false])),
                2,
            )
            .unwrap(),
            "true\tnull",
            "true\tNULL",
        ),
        (T::Int8, Vector::flat(Slice::copy_of(&[-128i8, 127])), "-128\t127", "-128\t127"),
        (T::Int32, Vector::flat(Slice::copy_of(&[i32::MIN])), "-2147483648", "-2147483648"),
        (T::Int64, ints(&[i64::MIN, 0]), "-9223372036854775808\t0", "-9223372036854775808\t0"),
        (
            T::UInt64,
            Vector::flat(Slice::copy_of(&[u64::MAX])),
            "18446744073709551615",
            "18446744073709551615",
        ),
        (
            T::Int128,
            Vector::flat(Slice::copy_of(&[i128::MAX])),
            "170141183460469231731687303715884105727",
            "170141183460469231731687303715884105727",
        ),
        (
            T::Float16,
            Vector::new(Data::Float16(Slice::copy_of(&halves)), None, 3).unwrap(),
            "1.0\t0.099975586\t\"NaN\"",
            "1.0\t0.099975586\tnan",
        ),
        (
            T::Float32,
            Vector::flat(Slice::copy_of(&[0.1f32, f32::NEG_INFINITY])),
            "0.1\t\"-Infinity\"",
            "0.1\t-inf",
        ),
        (
            T::Float64,
            Vector::flat(Slice::copy_of(&[1.0, -0.0, 1e300, 5e-324, f64::INFINITY])),
            "1.0\t-0.0\t1e+300\t5e-324\t\"Infinity\"",
            "1.0\t-0.0\t1e+300\t5e-324\tinf",
        ),
        (
            T::Decimal { precision: 5, scale: 2 },
            ints(&[1230, -5]),
            "\"12.30\"\t\"-0.05\"",
            "12.30\t-0.05",
        ),
        (
            T::Decimal { precision: 38, scale: 0 },
            Vector::flat(Slice::copy_of(&[-7i128])),
            "\"-7\"",
            "-7",
        ),
        (
            T::Date,
            Vector::flat(Slice::copy_of(&[19_753, 2_932_897, -719_529, -719_528])),
            "\"2024-01-31\"\t\"10000-01-01\"\t\"-0001-12-31\"\t\"0000-01-01\"",
            "2024-01-31\t10000-01-01\t0002-12-31 (BC)\t0001-01-01 (BC)",
        ),
        (
            T::Time { unit: millis, utc: true },
            Vector::flat(Slice::copy_of(&[49_020_120])),
            "\"13:37:00.120\"",
            "13:37:00.12+00",
        ),
        (
            T::Time { unit: nanos, utc: false },
            ints(&[0, 86_399_999_999_999]),
            "\"00:00:00.000000000\"\t\"23:59:59.999999999\"",
            "00:00:00\t23:59:59.999999999",
        ),
        (
            T::Timestamp { unit: millis, utc: true },
            ints(&[1_706_708_220_123]),
            "\"2024-01-31T13:37:00.123Z\"",
            "2024-01-31 13:37:00.123+00",
        ),
        (
            T::Timestamp { unit: micros, utc: false },
            ints(&[-1, 1_706_708_220_000_000, i64::MAX]),
            "\"1969-12-31T23:59:59.999999\"\t\"2024-01-31T13:37:00.000000\"\t\
             \"294247-01-10T04:00:54.775807\"",
            "1969-12-31 23:59:59.999999\t2024-01-31 13:37:00\t294247-01-10 04:00:54.775807",
        ),
        (
            T::Timestamp { unit: nanos, utc: false },
            ints(&[i64::MIN]),
            "\"1677-09-21T00:12:43.145224192\"",
            "1677-09-21 00:12:43.145224192",
        ),
        (
            T::Timestamp { unit: millis, utc: false },
            ints(&[i64::MIN]),
            "\"-292275055-05-16T16:47:04.192\"",
            "292275056-05-16 (BC) 16:47:04.192",
        ),
        (
            T::Int96,
            fixed(&[int96(2_440_589, 1_000), int96(i32::MAX, 0)]),
            "\"1970-01-02T00:00:00.000001000\"\t\"5874898-06-03T00:00:00.000000000\"",
            "1970-01-02 00:00:00.000001\t5874898-06-03 00:00:00",
        ),
        (
            T::Interval,
            fixed(&[[1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0], [25, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]]),
            "{\"months\":1,\"days\":2,\"millis\":3}\t{\"months\":25,\"days\":0,\"millis\":0}",
            "1 month 2 days 00:00:00.003\t2 years 1 month",
        ),
        (
            T::Uuid,
            fixed(&[uuid]),
            "\"00112233-4455-6677-8899-aabbccddeeff\"",
            "00112233-4455-6677-8899-aabbccddeeff",
        ),
        (T::Fixed(2), fixed(&[[0, 255]]), "\"AP8=\"", "\\x00\\xFF"),
        (
            T::Binary,
            views(&[b"abc", b"", b"a'\\"]),
            "\"YWJj\"\t\"\"\t\"YSdc\"",
            "abc\t\ta\\x27\\x5C",
        ),
        (
            T::Utf8,
            views(&["a\"b\\c".as_bytes(), "\u{1}\u{8}\t\n\u{c}\r é".as_bytes(), b""]),
            "\"a\\\"b\\\\c\"\t\"\\u0001\\b\\t\\n\\f\\r é\"\t\"\"",
            "a\"b\\c\t\u{1}\u{8}\t\n\u{c}\r é\t",
        ),
        (T::Json, views(&[b"{\"a\":1}"]), "\"{\\\"a\\\":1}\"", "{\"a\":1}"),
        (T::Bson, views(&[b"\x05"]), "\"BQ==\"", "\\x05"),
        (T::Geometry, views(&[b"\x01"]), "\"AQ==\"", "\\x01"),
        (
            T::List(nullable("element", T::Int64)),
            list(
                &[0, 2, 2],
                ints(&[1, 2]).with_validity(Some(Bitmap::from_bools(&[true, false]))).unwrap(),
            ),
            "[1,null]\t[]",
            "[1, NULL]\t[]",
        ),
        (
            struct_type(vec![
                Field::nullable("a", T::Int64),
                Field::nullable("a", T::Utf8),
                Field::nullable("it's", T::Date),
            ]),
            structure(vec![ints(&[1]), views(&[b"x y"]), Vector::flat(Slice::copy_of(&[0]))]),
            "{\"a\":1,\"a_1\":\"x y\",\"it's\":\"1970-01-01\"}",
            "{'a': 1, 'a': x y, 'it\\'s': 1970-01-01}",
        ),
        (
            T::Map { key: nullable("key", T::Utf8), value: Some(nullable("value", T::Int64)) },
            list(&[0, 2], structure(vec![views(&[b"k", b"k"]), ints(&[1, 2])])),
            "[{\"key\":\"k\",\"value\":1},{\"key\":\"k\",\"value\":2}]",
            "{k=1, k=2}",
        ),
        (
            T::Map { key: nullable("key", T::Int64), value: None },
            list(&[0, 2], structure(vec![ints(&[3, 4])])),
            "[3,4]",
            "[3, 4]",
        ),
        (
            T::List(nullable("element", T::Utf8)),
            list(&[0, 6], views(&[b"a b", b"a, b", b"", b"Null", b"it's\\", b" a"])),
            "[\"a b\",\"a, b\",\"\",\"Null\",\"it's\\\\\",\" a\"]",
            "[a b, 'a, b', '', 'Null', 'it\\'s\\\\', ' a']",
        ),
    ]
}

fn json(data_type: &DataType, batch: &Batch) -> String {
    let mut out = Vec::new();
    let mut writer = JsonWriter::new(&[Field::nullable("x", data_type.clone())]);
    writer.write_batch(batch, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn lines<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    values.into_iter().map(|value| format!("{{\"x\":{value}}}\n")).collect()
}

#[test]
fn every_type_has_one_form_in_json_and_in_text() {
    for (data_type, vector, json_rows, text_rows) in table() {
        let rows = vector.len();
        let mut shown = Vec::new();
        for row in 0..rows {
            let mut out = String::new();
            text::write_value(&data_type, vector.cell(row), &mut out);
            shown.push(out);
        }
        assert_eq!(shown.join("\t"), text_rows, "{data_type}");
        let batch = Batch::new(vec![vector], rows).unwrap();
        let found = json(&data_type, &batch);
        assert_eq!(found, lines(json_rows.split('\t')), "{data_type}");
        for line in found.lines() {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
        }
    }
}

#[test]
fn kinds_of_vectors_and_selections_change_nothing() {
    for (data_type, vector, ..) in table() {
        let rows = vector.len();
        let plain = Batch::new(vec![vector.clone()], rows).unwrap();
        let expected = json(&data_type, &plain);
        let each: Vec<&str> = expected.lines().collect();
        let last = Slice::copy_of(&[rows as u32 - 1]);
        let selection = Selection::from_rows(last, rows).unwrap();
        let one = plain.clone().with_selection(selection).unwrap();
        assert_eq!(json(&data_type, &one), format!("{}\n", each[rows - 1]), "{data_type}");

        let constant = Vector::constant(vector.take(&[0]).unwrap(), 3).unwrap();
        let batch = Batch::new(vec![constant], 3).unwrap();
        assert_eq!(json(&data_type, &batch), format!("{}\n", each[0]).repeat(3), "{data_type}");

        let Ok(dictionary) = Dictionary::new(vector) else {
            continue;
        };
        let codes: Vec<u8> = (0..rows as u8).rev().chain([0]).collect();
        let valid: Vec<bool> = (0..codes.len()).map(|row| row != 0).collect();
        let coded = Vector::dictionary(
            Codes::U8(Slice::copy_of(&codes)),
            Some(Bitmap::from_bools(&valid)),
            Arc::new(dictionary),
        )
        .unwrap();
        let expected: String = std::iter::once("{\"x\":null}")
            .chain(codes.iter().skip(1).map(|code| each[*code as usize]))
            .map(|line| format!("{line}\n"))
            .collect();
        let batch = Batch::new(vec![coded], codes.len()).unwrap();
        assert_eq!(json(&data_type, &batch), expected, "{data_type}");
    }
}

#[test]
fn one_writer_serves_many_dictionaries() {
    let mut writer = JsonWriter::new(&[Field::nullable("x", DataType::Utf8)]);
    let mut out = Vec::new();
    for word in [b"one", b"two"] {
        let dictionary = Arc::new(Dictionary::new(views(&[word])).unwrap());
        for _ in 0..2 {
            let codes = Codes::U8(Slice::copy_of(&[0, 0]));
            let coded = Vector::dictionary(codes, None, Arc::clone(&dictionary)).unwrap();
            writer.write_batch(&Batch::new(vec![coded], 2).unwrap(), &mut out).unwrap();
        }
    }
    let expected = lines(["\"one\""; 4]) + &lines(["\"two\""; 4]);
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn rows_without_columns_and_repeated_keys() {
    let mut out = Vec::new();
    let empty: Vec<Vector> = Vec::new();
    JsonWriter::new(&[]).write_batch(&Batch::new(empty, 2).unwrap(), &mut out).unwrap();
    assert_eq!(out, b"{}\n{}\n");
    let fields = ["a\"", "a\"", "b"].map(|name| Field::nullable(name, DataType::Int64));
    let batch = Batch::new(vec![ints(&[1]), ints(&[2]), ints(&[3])], 1).unwrap();
    out.clear();
    JsonWriter::new(&fields).write_batch(&batch, &mut out).unwrap();
    assert_eq!(out, b"{\"a\\\"\":1,\"a\\\"_1\":2,\"b\":3}\n");
    assert!(JsonWriter::new(&fields[..2]).write_batch(&batch, &mut out).is_err());
    let wrong = [Field::nullable("a", DataType::List(Arc::new(fields[0].clone())))];
    let batch = Batch::new(vec![ints(&[1])], 1).unwrap();
    assert!(JsonWriter::new(&wrong).write_batch(&batch, &mut out).is_err());
}

#[test]
fn csv_quotes_what_needs_it() {
    let fields = [
        Field::nullable("s", DataType::Utf8),
        Field::nullable("a,b", DataType::List(Arc::new(Field::nullable("e", DataType::Int64)))),
        Field::nullable("s", DataType::Boolean),
    ];
    let strings: [&[u8]; 4] = [b"plain", b"a,\"b\"", b"", b"two\nlines"];
    let bools = Bitmap::from_bools(&[true, false, true, false]);
    let valid = Bitmap::from_bools(&[true, true, false, true]);
    let columns = vec![
        views(&strings),
        list(&[0, 2, 2, 3, 3], ints(&[1, 2, 3])),
        Vector::new(Data::Boolean(bools), Some(valid), 4).unwrap(),
    ];
    let mut writer = CsvWriter::new(&fields);
    let mut out = Vec::new();
    writer.write_header(&mut out);
    writer.write_batch(&Batch::new(columns, 4).unwrap(), &mut out).unwrap();
    let expected = "s,\"a,b\",s_1\nplain,\"[1, 2]\",true\n\"a,\"\"b\"\"\",[],false\n\"\",[3],\n\
                    \"two\nlines\",[],false\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

/// A batch of `rows` rows in which all rows have the one entry `long` of a dictionary, alone and in a list.
fn repeated(long: &[u8], rows: usize) -> (Vec<Field>, Batch) {
    let text = Field::nullable("s", DataType::Utf8);
    let fields = vec![
        text.clone(),
        Field::nullable("l", DataType::List(Arc::new(text))),
        Field::nullable("b", DataType::Binary),
    ];
    let coded = || {
        let dictionary = Arc::new(Dictionary::new(views(&[long])).unwrap());
        let codes = Codes::U8(Slice::copy_of(&vec![0; rows]));
        Vector::dictionary(codes, None, dictionary).unwrap()
    };
    let offsets: Vec<i32> = (0..=rows as i32).collect();
    (fields, Batch::new(vec![coded(), list(&offsets, coded()), coded()], rows).unwrap())
}

/// What `write` gives, and the longest piece of it.
fn pieces_of(write: impl FnOnce(&mut Taker<'_>)) -> (Vec<u8>, usize) {
    let (mut all, mut longest) = (Vec::new(), 0);
    write(&mut |piece| {
        longest = longest.max(piece.len());
        all.extend_from_slice(piece);
        Ok(())
    });
    (all, longest)
}

#[test]
fn long_values_and_rows_are_handed_on_in_pieces() {
    for long in ["plain and long ", "a 'quote', a \"quote\" and \u{1}\n", "日本語"] {
        let (fields, batch) = repeated(long.repeat(60_000).as_bytes(), 5);
        let mut expected = Vec::new();
        JsonWriter::new(&fields).write_batch(&batch, &mut expected).unwrap();
        let (all, longest) = pieces_of(|take| {
            JsonWriter::new(&fields).write_batch_to(&batch, take).unwrap();
        });
        assert!(all == expected && longest < 1 << 20, "JSON in pieces of {longest}");
        for line in all.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            serde_json::from_slice::<serde_json::Value>(line).unwrap();
        }
        let mut expected = Vec::new();
        CsvWriter::new(&fields).write_batch(&batch, &mut expected).unwrap();
        let (all, longest) = pieces_of(|take| {
            CsvWriter::new(&fields).write_batch_to(&batch, take).unwrap();
        });
        assert!(all == expected && longest < 1 << 20, "CSV in pieces of {longest}");
    }
}

#[test]
fn a_taker_that_refuses_ends_the_writing() {
    let (fields, batch) = repeated(&[b'x'; 1 << 20], 50);
    let mut asked = 0;
    let mut refuse = |_: &[u8]| {
        asked += 1;
        Err(Error::internal("enough"))
    };
    assert!(JsonWriter::new(&fields).write_batch_to(&batch, &mut refuse).is_err());
    assert!(CsvWriter::new(&fields).write_batch_to(&batch, &mut refuse).is_err());
    assert_eq!(asked, 2);
}

#[test]
fn elements_of_an_array_have_their_commas() {
    let fields = [Field::nullable("x", DataType::Int64)];
    let mut writer = JsonWriter::array(&fields);
    let mut out = Vec::new();
    for value in [1, 2] {
        writer.write_batch(&Batch::new(vec![ints(&[value])], 1).unwrap(), &mut out).unwrap();
    }
    assert_eq!(out, b"\n{\"x\":1},\n{\"x\":2}");
}

#[test]
fn of_large_dictionaries_only_what_is_used_takes_memory() {
    let fields: Vec<Field> =
        (0..40).map(|at| Field::nullable(&format!("c{at}"), DataType::Utf8)).collect();
    let mut writer = JsonWriter::new(&fields);
    let words: Vec<String> = (0..70_000).map(|at| format!("{at}{}", "-".repeat(40))).collect();
    let words: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
    let dictionary = Arc::new(Dictionary::new(views(&words)).unwrap());
    for codes in [vec![0u32], vec![69_999], (0..70_000).collect()] {
        let rows = codes.len();
        let codes = Codes::U32(Slice::copy_of(&codes));
        let coded = Vector::dictionary(codes, None, Arc::clone(&dictionary)).unwrap();
        let batch = Batch::new(vec![coded; fields.len()], rows).unwrap();
        let mut lines = 0;
        writer
            .write_batch_to(&batch, &mut |piece| {
                lines += piece.iter().filter(|byte| **byte == b'\n').count();
                Ok(())
            })
            .unwrap();
        assert_eq!(lines, rows);
        let kept = writer.kept_bytes();
        match rows {
            1 => assert!(kept < 8 << 10, "{kept} bytes for one row"),
            _ => assert!(kept < 17 << 20, "{kept} bytes"),
        }
    }
}

#[test]
fn the_beginning_of_a_text_is_all_that_is_made() {
    let (fields, batch) = repeated("日本語".repeat(100_000).as_bytes(), 1);
    for (field, column) in fields.iter().zip(batch.columns()) {
        let mut out = String::new();
        assert!(!text::write_beginning(&field.data_type, column.cell(0), 100, &mut out));
        assert!((90..=100).contains(&out.len()), "{} bytes of {}", out.len(), field.data_type);
        let mut whole = String::new();
        assert!(text::write_beginning(&field.data_type, column.cell(0), 5 << 20, &mut whole));
        let mut expected = String::new();
        text::write_value(&field.data_type, column.cell(0), &mut expected);
        assert_eq!(whole, expected);
    }
}
