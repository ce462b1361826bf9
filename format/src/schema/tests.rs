//! The rules of the spec, one table each, and every schema of the corpus.

use std::path::Path;

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;

use super::*;
use crate::error::{ErrorKind, Limit};
use crate::metadata::tail_length;
use crate::types::TimeUnit;

/// An element without annotation; `-1` children stand for none.
fn element(name: &str, repetition: Repetition) -> SchemaElement {
    SchemaElement {
        name: name.into(),
        physical_type: None,
        type_length: None,
        repetition: Some(repetition),
        num_children: None,
        converted_type: None,
        scale: None,
        precision: None,
        field_id: None,
        logical_type: None,
    }
}

fn leaf(name: &str, repetition: Repetition, physical: PhysicalType) -> SchemaElement {
    SchemaElement { physical_type: Some(physical), ..element(name, repetition) }
}

fn group(name: &str, repetition: Repetition, children: i32) -> SchemaElement {
    SchemaElement { num_children: Some(children), ..element(name, repetition) }
}

fn annotated(element: SchemaElement, converted: ConvertedType) -> SchemaElement {
    SchemaElement { converted_type: Some(converted), ..element }
}

fn logical(element: SchemaElement, logical: LogicalType) -> SchemaElement {
    SchemaElement { logical_type: Some(logical), ..element }
}

/// The schema of `rest` under a root with `columns` children.
fn schema(columns: i32, rest: Vec<SchemaElement>) -> Result<Schema> {
    let mut elements = vec![group("root", Required, columns)];
    elements.extend(rest);
    Schema::new(&elements, &Limits::standard())
}

/// The SQL type and nullability of the only column.
fn only(elements: Vec<SchemaElement>) -> (String, bool, Layout) {
    let schema = schema(1, elements).unwrap();
    let column = &schema.columns()[0];
    (column.field.data_type.to_string(), column.field.nullable, column.layout.clone())
}

use PhysicalType as P;
use Repetition::{Optional, Repeated, Required};

#[test]
fn lists_follow_the_rules_of_compatibility() {
    let list = |name: &str, repetition| annotated(group(name, repetition, 1), ConvertedType::List);
    let element = |name: &str, repetition| leaf(name, repetition, P::Int32);
    // (elements, type, whether elements may be null)
    let table: Vec<(&str, Vec<SchemaElement>, &str, bool)> = vec![
        (
            "three levels",
            vec![list("a", Optional), group("list", Repeated, 1), element("element", Optional)],
            "INTEGER[]",
            true,
        ),
        (
            "three levels with Hive's names",
            vec![
                list("a", Optional),
                group("bag", Repeated, 1),
                element("array_element", Required),
            ],
            "INTEGER[]",
            false,
        ),
        (
            "rule 1: a primitive",
            vec![list("a", Optional), element("e", Repeated)],
            "INTEGER[]",
            false,
        ),
        (
            "rule 2: a group of two",
            vec![
                list("a", Optional),
                group("element", Repeated, 2),
                element("x", Required),
                element("y", Required),
            ],
            "STRUCT(x INTEGER, y INTEGER)[]",
            false,
        ),
        (
            "rule 3: a group of one repeated",
            vec![list("a", Optional), group("element", Repeated, 1), element("x", Repeated)],
            "STRUCT(x INTEGER[])[]",
            false,
        ),
        (
            "rule 3 with an annotated group: old_list_structure",
            vec![list("a", Optional), list("array", Repeated), element("array", Repeated)],
            "INTEGER[][]",
            false,
        ),
        (
            "rule 4: array",
            vec![list("a", Optional), group("array", Repeated, 1), element("x", Required)],
            "STRUCT(x INTEGER)[]",
            false,
        ),
        (
            "rule 4: tuple",
            vec![list("a", Optional), group("a_tuple", Repeated, 1), element("x", Required)],
            "STRUCT(x INTEGER)[]",
            false,
        ),
        (
            "another list's tuple",
            vec![list("a", Optional), group("b_tuple", Repeated, 1), element("x", Required)],
            "INTEGER[]",
            false,
        ),
        ("no annotation", vec![element("a", Repeated)], "INTEGER[]", false),
        (
            "no annotation, a group",
            vec![group("a", Repeated, 1), element("x", Optional)],
            "STRUCT(x INTEGER)[]",
            false,
        ),
    ];
    for (what, elements, sql, null_elements) in table {
        let (name, leaf_only) = (elements[0].repetition, elements.len() == 1);
        let schema = schema(1, elements).unwrap();
        let field = &schema.columns()[0].field;
        assert_eq!(field.data_type.to_string(), sql, "{what}");
        assert_eq!(field.nullable, name == Some(Optional) && !leaf_only, "{what}");
        let DataType::List(element) = &field.data_type else { panic!("{what}") };
        assert_eq!(element.nullable, null_elements, "{what}");
        assert!(!schema.columns()[0].is_flat, "{what}");
    }
    let (sql, ..) = only(vec![list("a", Optional), element("x", Optional)]);
    assert_eq!(sql, "STRUCT(x INTEGER)", "a list without a repeated field is a struct");
}

#[test]
fn maps_are_known_by_shape() {
    let map = |converted| annotated(group("m", Optional, 1), converted);
    let entries = |children| group("key_value", Repeated, children);
    let key = |repetition| leaf("k", repetition, P::Int64);
    let value = || leaf("v", Optional, P::Boolean);
    let table = [
        (vec![map(ConvertedType::Map), entries(2), key(Required), value()], "MAP(BIGINT, BOOLEAN)"),
        (vec![map(ConvertedType::Map), entries(2), key(Optional), value()], "MAP(BIGINT, BOOLEAN)"),
        (
            vec![map(ConvertedType::MapKeyValue), entries(2), key(Required), value()],
            "MAP(BIGINT, BOOLEAN)",
        ),
        (
            vec![
                map(ConvertedType::Map),
                annotated(entries(2), ConvertedType::MapKeyValue),
                key(Required),
                value(),
            ],
            "MAP(BIGINT, BOOLEAN)",
        ),
        (vec![map(ConvertedType::Map), entries(1), key(Required)], "MAP(BIGINT)"),
        (
            vec![map(ConvertedType::Map), entries(3), key(Required), value(), value()],
            "STRUCT(key_value STRUCT(k BIGINT, v BOOLEAN, v_1 BOOLEAN)[])",
        ),
        (vec![map(ConvertedType::Map), key(Repeated)], "STRUCT(k BIGINT[])"),
    ];
    for (elements, sql) in table {
        assert_eq!(only(elements).0, sql);
    }
    let (_, _, layout) = only(vec![map(ConvertedType::Map), entries(2), key(Required), value()]);
    let children = vec![
        Layout::Leaf { leaf: 0, definition_level: 2 },
        Layout::Leaf { leaf: 1, definition_level: 3 },
    ];
    let element = Box::new(Layout::Struct { definition_level: 2, children });
    assert_eq!(
        layout,
        Layout::List {
            definition_level: 1,
            element_definition_level: 2,
            repetition_level: 1,
            element
        }
    );
}

#[test]
fn levels_and_layouts_count_what_is_around() {
    // required struct { repeated struct { optional int32 } }, optional int32
    let schema = schema(
        2,
        vec![
            group("s", Required, 1),
            group("r", Repeated, 1),
            leaf("x", Optional, P::Int32),
            leaf("y", Optional, P::Int32),
        ],
    )
    .unwrap();
    let [x, y] = schema.leaves() else { panic!() };
    assert_eq!((x.max_definition_level, x.max_repetition_level, &*x.dotted_path), (2, 1, "s.r.x"));
    assert_eq!((y.max_definition_level, y.max_repetition_level, y.index), (1, 0, 1));
    let [s, flat] = schema.columns() else { panic!() };
    assert_eq!((s.leaves.clone(), s.is_flat), (0..1, false));
    assert_eq!((flat.leaves.clone(), flat.is_flat), (1..2, true));
    let x = Layout::Leaf { leaf: 0, definition_level: 2 };
    let list = Layout::List {
        definition_level: 0,
        element_definition_level: 1,
        repetition_level: 1,
        element: Box::new(Layout::Struct { definition_level: 1, children: vec![x] }),
    };
    assert_eq!(s.layout, Layout::Struct { definition_level: 0, children: vec![list] });
}

#[test]
fn annotations_that_fit_are_used_and_others_ignored() {
    let fixed = |length| SchemaElement {
        type_length: Some(length),
        ..leaf("x", Optional, P::FixedLenByteArray)
    };
    let plain = |physical| leaf("x", Optional, physical);
    let decimal = |element: SchemaElement, precision, scale| {
        logical(element, LogicalType::Decimal { scale, precision })
    };
    let old_decimal = |element: SchemaElement, precision, scale| SchemaElement {
        precision: Some(precision),
        scale,
        ..annotated(element, ConvertedType::Decimal)
    };
    let nanos = LogicalType::Timestamp { unit: TimeUnit::Nanos, utc: false };
    let int = |bits, signed| LogicalType::Integer { bits, signed };
    let table = [
        (plain(P::Boolean), "BOOLEAN"),
        (plain(P::Int96), "INT96"),
        (plain(P::Float), "FLOAT"),
        (plain(P::Double), "DOUBLE"),
        (plain(P::ByteArray), "BLOB"),
        (fixed(5), "FIXED(5)"),
        (annotated(plain(P::ByteArray), ConvertedType::Utf8), "VARCHAR"),
        (annotated(plain(P::Int32), ConvertedType::Utf8), "INTEGER"),
        (annotated(fixed(3), ConvertedType::Utf8), "VARCHAR"),
        (logical(fixed(3), LogicalType::Json), "JSON"),
        (logical(fixed(3), LogicalType::Bson), "FIXED(3)"),
        (logical(plain(P::ByteArray), LogicalType::Enum), "ENUM"),
        (logical(plain(P::ByteArray), LogicalType::Json), "JSON"),
        (logical(plain(P::ByteArray), LogicalType::Bson), "BSON"),
        (logical(plain(P::ByteArray), LogicalType::Other(99)), "BLOB"),
        (logical(plain(P::Int32), LogicalType::Null), "NULL"),
        (logical(fixed(16), LogicalType::Uuid), "UUID"),
        (logical(fixed(15), LogicalType::Uuid), "FIXED(15)"),
        (logical(fixed(2), LogicalType::Float16), "FLOAT16"),
        (annotated(fixed(12), ConvertedType::Interval), "INTERVAL"),
        (logical(plain(P::Int64), nanos.clone()), "TIMESTAMP(9)"),
        (logical(plain(P::Int32), nanos.clone()), "INTEGER"),
        // The logical type goes before the converted one.
        (
            logical(annotated(plain(P::Int64), ConvertedType::TimestampMillis), nanos),
            "TIMESTAMP(9)",
        ),
        (annotated(plain(P::Int64), ConvertedType::TimestampMillis), "TIMESTAMP(3) WITH TIME ZONE"),
        (annotated(plain(P::Int32), ConvertedType::TimeMillis), "TIME(3) WITH TIME ZONE"),
        (annotated(plain(P::Int64), ConvertedType::TimeMillis), "BIGINT"),
        (annotated(plain(P::Int32), ConvertedType::Date), "DATE"),
        (logical(plain(P::Int32), int(8, false)), "UTINYINT"),
        (logical(plain(P::Int64), int(8, false)), "BIGINT"),
        (annotated(plain(P::Int64), ConvertedType::UInt64), "UBIGINT"),
        (decimal(plain(P::Int32), 9, 2), "DECIMAL(9,2)"),
        (decimal(plain(P::Int64), 19, 2), "DECIMAL(19,2)"),
        (decimal(plain(P::ByteArray), 38, 38), "DECIMAL(38,38)"),
        (decimal(plain(P::ByteArray), 39, 0), "DECIMAL(39,0)"),
        (decimal(fixed(32), 76, 76), "DECIMAL(76,76)"),
        (decimal(plain(P::ByteArray), 77, 0), "BLOB"),
        (decimal(plain(P::ByteArray), 39, 40), "BLOB"),
        (decimal(plain(P::Int64), 39, 0), "BIGINT"),
        (decimal(fixed(20), 10, 11), "FIXED(20)"),
        (decimal(fixed(20), 10, -1), "FIXED(20)"),
        (decimal(plain(P::Double), 10, 1), "DOUBLE"),
        (old_decimal(fixed(4), 5, None), "DECIMAL(5,0)"),
        (old_decimal(plain(P::Int32), 0, Some(0)), "INTEGER"),
    ];
    for (element, sql) in table {
        assert_eq!(only(vec![element.clone()]).0, sql, "{element:?}");
    }
}

#[test]
fn broken_trees_are_refused() {
    let int = || leaf("x", Required, P::Int32);
    let length =
        |type_length| SchemaElement { type_length, ..leaf("x", Required, P::FixedLenByteArray) };
    let table = [
        (schema(2, vec![int()]), "ends before"),
        (schema(1, vec![int(), int()]), "belong to no group"),
        (schema(i32::MAX, vec![int()]), "ends before"),
        (schema(1, vec![group("g", Required, 2), int()]), "ends before"),
        (schema(1, vec![length(None)]), "length none"),
        (schema(1, vec![length(Some(0))]), "length 0"),
        (schema(1, vec![leaf("x", Repetition::Unknown(7), P::Int32)]), "repetition 7"),
        (Schema::new(&[], &Limits::standard()), "without a root"),
    ];
    for (result, text) in table {
        let error = result.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Corrupt);
        assert!(error.what().contains(text), "{error}");
    }
    let mut deep: Vec<SchemaElement> = (0..100_000).map(|_| group("g", Required, 1)).collect();
    deep.push(int());
    let mut limits = Limits { schema_depth: u32::MAX, ..Limits::standard() };
    let error = Schema::new(&deep, &limits).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::LimitExceeded(Limit::SchemaDepth));
    limits.columns = 1;
    let wide = [group("r", Required, 2), int(), int()];
    let error = Schema::new(&wide, &limits).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::LimitExceeded(Limit::Columns));
    assert!(schema(0, vec![]).unwrap().columns().is_empty());
}

#[test]
fn names_are_made_unique_and_found() {
    assert_eq!(unique_names(["a", "a_1", "a", "a"]), ["a", "a_1", "a_2", "a_3"]);
    assert_eq!(unique_names(["a", "a", "a_1"]), ["a", "a_1", "a_1_1"]);
    assert_eq!(unique_names(["a", "a", "A", "a_1"]), ["a", "a_1", "A_2", "a_1_1"]);
    assert_eq!(unique_names(["a", "A", "a_1", "a"]), ["a", "A_1", "a_1_1", "a_2"]);
    assert_eq!(unique_names(["", ""]), ["", "_1"]);
    let int = |name| leaf(name, Required, P::Int32);
    let schema = schema(4, vec![int("Fare"), int("fare"), int("tip"), int("tip")]).unwrap();
    let table = [("Fare", Some(0)), ("fare", Some(1)), ("FARE", Some(0)), ("tip_1", Some(3))];
    let names: Vec<&str> = schema.columns().iter().map(|column| &*column.field.name).collect();
    assert_eq!(names, ["Fare", "fare_1", "tip", "tip_1"]);
    for (name, found) in table {
        assert_eq!(schema.find(name), found, "{name}");
    }
    assert_eq!(schema.find("tipp"), None);
    assert_eq!((schema.column_named("fare_1"), schema.column_named("fare")), (Some(1), None));
    assert_eq!(schema.suggest("tpi"), Some("tip"));
    assert_eq!(schema.suggest("distance"), None);
}

#[test]
fn paths_choose_parts_of_columns() {
    let list = |name: &str| annotated(group(name, Optional, 1), ConvertedType::List);
    let schema = schema(
        4,
        vec![
            leaf("a", Required, P::Int32),
            group("b", Optional, 3),
            leaf("c", Optional, P::Int32),
            leaf("d.e", Optional, P::Int64),
            list("l"),
            group("list", Repeated, 1),
            group("element", Optional, 2),
            leaf("x", Required, P::Int32),
            leaf("y", Required, P::Double),
            annotated(group("m", Optional, 1), ConvertedType::Map),
            group("key_value", Repeated, 2),
            leaf("key", Required, P::Int32),
            group("value", Optional, 2),
            leaf("u", Required, P::Int32),
            leaf("v", Required, P::Int64),
            leaf("z.c", Required, P::Boolean),
        ],
    )
    .unwrap();
    for (paths, expected) in [
        ("a", "a INTEGER"),
        ("A,a", "a INTEGER"),
        ("z.c", "z.c BOOLEAN"),
        ("b.c", "b STRUCT(c INTEGER)"),
        ("b.C,a", "b STRUCT(c INTEGER), a INTEGER"),
        ("b.d.e", "b STRUCT(d.e BIGINT)"),
        ("b.l,b.C", "b STRUCT(c INTEGER, l STRUCT(x INTEGER, y DOUBLE)[])"),
        ("b.l.y", "b STRUCT(l STRUCT(y DOUBLE)[])"),
        ("b.l[].y", "b STRUCT(l STRUCT(y DOUBLE)[])"),
        ("b.l[]", "b STRUCT(l STRUCT(x INTEGER, y DOUBLE)[])"),
        ("b.l.list.element.x", "b STRUCT(l STRUCT(x INTEGER)[])"),
        ("m.key", "m MAP(INTEGER)"),
        ("m.value.v", "m MAP(INTEGER, STRUCT(v BIGINT))"),
        ("m[].value.v,m.value.u", "m MAP(INTEGER, STRUCT(u INTEGER, v BIGINT))"),
        ("m[]", "m MAP(INTEGER, STRUCT(u INTEGER, v BIGINT))"),
        ("b.l[][].y", "no column named b.l[][].y"),
        ("a[]", "no column named a[]"),
        ("b.l.z", "no column named b.l.z"),
        ("a.b", "no column named a.b"),
        ("", "no column named "),
        (".", "no column named ."),
    ] {
        let found = match schema.project(paths.split(',')) {
            Ok(columns) => columns
                .iter()
                .map(|column| format!("{} {}", column.field.name, column.field.data_type))
                .collect::<Vec<_>>()
                .join(", "),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected, "{paths}");
    }
}

#[test]
fn parts_stand_on_their_own() {
    use PathStep::{Element, Field};
    let list = |name: &str| annotated(group(name, Optional, 1), ConvertedType::List);
    let schema = schema(
        1,
        vec![
            group("b", Optional, 2),
            leaf("c", Required, P::Int32),
            list("l"),
            group("list", Repeated, 1),
            group("element", Optional, 2),
            leaf("x", Required, P::Int32),
            leaf("y", Required, P::Double),
        ],
    )
    .unwrap();
    for (path, expected) in [
        (&[][..], Some(("STRUCT(c INTEGER, l STRUCT(x INTEGER, y DOUBLE)[])", vec![0, 1, 2]))),
        (&[Field(0)], Some(("INTEGER", vec![0]))),
        (&[Field(1)], Some(("STRUCT(x INTEGER, y DOUBLE)[]", vec![1, 2]))),
        (&[Field(1), Element, Field(1)], Some(("DOUBLE[]", vec![2]))),
        (&[Field(2)], None),
        (&[Element], None),
        (&[Field(0), Field(0)], None),
        (&[Field(1), Field(0)], None),
    ] {
        let found = schema.part(0, path).ok().map(|part| {
            // A part is null where a struct around it is.
            assert!(part.field.nullable, "{path:?}");
            let mut leaves = Vec::new();
            part.layout.leaves(&mut leaves);
            (part.field.data_type.to_string(), leaves)
        });
        let expected = expected.map(|(text, leaves)| (text.to_owned(), leaves));
        assert_eq!(found, expected, "{path:?}");
    }
    assert!(schema.part(1, &[]).is_err());
}

#[test]
fn the_text_form_shows_everything() {
    let elements = vec![
        SchemaElement { field_id: Some(3), ..leaf("id", Required, P::Int64) },
        logical(leaf("n", Optional, P::Int32), LogicalType::Integer { bits: 8, signed: false }),
        SchemaElement {
            type_length: Some(5),
            precision: Some(9),
            scale: Some(2),
            ..annotated(leaf("d", Optional, P::FixedLenByteArray), ConvertedType::Decimal)
        },
        annotated(group("l", Optional, 1), ConvertedType::List),
        group("list", Repeated, 1),
        logical(leaf("element", Optional, P::ByteArray), LogicalType::String),
    ];
    let schema = schema(4, elements).unwrap();
    let expected = "\
message root {
  required int64 id = 3;
  optional int32 n (INTEGER(8,false));
  optional fixed_len_byte_array(5) d (DECIMAL(9,2));
  optional group l (LIST) {
    repeated group list {
      optional binary element (STRING);
    }
  }
}";
    assert_eq!(schema.to_string(), expected);
    let last = schema.describe().last().unwrap();
    assert_eq!((last.path, last.annotation.as_deref()), ("l.list.element", Some("STRING")));
    assert_eq!((last.max_definition_level, last.max_repetition_level), (3, 1));
}

/// Footer of the file at `path`; `None` if it is encrypted.
fn footer(path: &Path) -> Result<Option<Footer>> {
    let bytes = std::fs::read(path).map_err(|error| Error::io("reading", error))?;
    let (body, tail) = bytes.split_last_chunk::<8>().unwrap();
    let tail = tail_length(tail)?;
    if tail.encrypted {
        return Ok(None);
    }
    let start = body.len() - tail.metadata_len as usize;
    let buffer = Buffer::copy_of(&body[start..], &Budget::unlimited()).unwrap();
    Footer::parse(buffer, start as u64, &Limits::standard()).map(Some)
}

use crate::error::Error;

#[test]
fn every_schema_of_the_corpus_is_read() {
    let Some(corpus) = std::env::var_os("PARQUET_TEST_DATA") else {
        println!("skipped: PARQUET_TEST_DATA does not name the data folder of parquet-testing");
        return;
    };
    let mut folders = vec![corpus.into()];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir::<std::path::PathBuf>(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let is_bad = path.components().any(|part| part.as_os_str() == "bad_data");
            if is_bad || path.extension().is_none_or(|extension| extension != "parquet") {
                continue;
            }
            let Some(footer) = footer(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
            else {
                println!("skipped, its footer is encrypted: {path:?}");
                continue;
            };
            let schema = Schema::of(&footer, &Limits::standard())
                .unwrap_or_else(|error| panic!("{path:?}: {error}"));
            assert_eq!(schema.leaves().len(), footer.num_columns(), "{path:?}");
            let leaves: usize = schema.columns().iter().map(|column| column.leaves.len()).sum();
            assert_eq!(leaves, schema.leaves().len(), "{path:?}");
            assert!(schema.to_string().starts_with("message "), "{path:?}");
            read += 1;
        }
    }
    assert!(read > 60, "{read} files");
}
