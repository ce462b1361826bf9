//! Rows of the file in the repository against its batches, and getters over every shape of value.

use std::sync::Arc;

use millwork_codecs::buffer::{Bitmap, Slice};

use super::*;
use crate::error::ErrorKind;
use crate::limits::Limits;
use crate::record::{Date, Decimal, Interval, List, Map, Timestamp, Value};
use crate::types::{DataType, TimeUnit};
use crate::vector::{Data, List as Lists, Vector, Views};

fn lineitem() -> File {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/lineitem.parquet");
    File::open(path.as_ref(), &Limits::standard()).unwrap()
}

#[test]
fn rows_are_those_of_the_batches() {
    let file = lineitem();
    let mut rows = file.rows(BatchOptions::default()).unwrap();
    let mut count = 0;
    for batch in file.batches(BatchOptions::default()).unwrap() {
        let batch = batch.unwrap();
        for index in 0..batch.rows() {
            let row = rows.read_next().unwrap().unwrap();
            for (vector, value) in batch.columns().iter().zip(row.values()) {
                let types: Vec<_> = row.fields().iter().map(|field| &field.data_type).collect();
                let at = count % types.len();
                let expected = Value::of(batch.columns()[at].cell(index), types[at]).unwrap();
                let found: Value<'_> = row.get(at).unwrap();
                assert_eq!(format!("{found:?}"), format!("{expected:?}"));
                assert_eq!(vector.is_valid(index), !matches!(value.unwrap(), Value::Null));
            }
            count += 1;
        }
    }
    assert!(rows.read_next().unwrap().is_none());
    assert!(rows.read_next().unwrap().is_none());
    assert_eq!(count as u64, file.num_rows());
}

fn texts(strings: &[&str]) -> Vector {
    Vector::new(Data::Views(Views::copy_of(strings).unwrap()), None, strings.len()).unwrap()
}

fn lists(offsets: &[i32], child: Vector) -> Vector {
    let lists = Lists::new(Slice::copy_of(offsets), child).unwrap();
    Vector::new(Data::List(lists), None, offsets.len() - 1).unwrap()
}

#[test]
fn nested_values_are_rows_lists_and_maps() {
    let field = |name, data_type| Field::nullable(name, data_type);
    let tags = DataType::List(Arc::new(field("element", DataType::Utf8)));
    let counts = DataType::Map {
        key: Arc::new(field("key", DataType::Utf8)),
        value: Some(Arc::new(field("value", DataType::Int32))),
    };
    let point = DataType::Struct([field("x", DataType::Int64), field("tags", tags.clone())].into());
    let fields = [field("point", point), field("counts", counts)];
    let numbers = Vector::flat(Slice::copy_of(&[7i32, 8, 9]))
        .with_validity(Some(Bitmap::from_bools(&[true, false, true])))
        .unwrap();
    let entries = Data::Struct([texts(&["a", "b", "a"]), numbers].into());
    let counts = lists(&[0, 3, 3], Vector::new(entries, None, 3).unwrap());
    let points = Data::Struct(
        [Vector::flat(Slice::copy_of(&[1i64, 2])), lists(&[0, 2, 2], texts(&["p", "q"]))].into(),
    );
    let points = Vector::new(points, Some(Bitmap::from_bools(&[true, false])), 2).unwrap();
    let columns = [points, counts];

    let first = Row::new(&fields, &columns, 0);
    let point: Row<'_> = first.get("point").unwrap();
    assert_eq!(point.get::<i64>("x").unwrap(), 1);
    let tags: List<'_> = point.get("tags").unwrap();
    let tags: Vec<_> = tags.iter().map(|tag| format!("{:?}", tag.unwrap())).collect();
    assert_eq!(tags, ["Text(\"p\")", "Text(\"q\")"]);
    let map: Map<'_> = first.get(1).unwrap();
    let entries: Vec<_> = map.iter().map(|entry| format!("{:?}", entry.unwrap())).collect();
    let expected =
        ["(Text(\"a\"), Integer(7))", "(Text(\"b\"), Null)", "(Text(\"a\"), Integer(9))"];
    assert_eq!(entries, expected);

    let second = Row::new(&fields, &columns, 1);
    assert!(second.get::<Option<Row<'_>>>("point").unwrap().is_none());
    assert!(second.get::<Map<'_>>("counts").unwrap().is_empty());
    let refused = second.get::<Row<'_>>("point").unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::InvalidArgument);
    assert_eq!(refused.hint_text(), Some("read it as Option<Row>"));
}

#[test]
fn getters_convert_what_fits_and_refuse_the_rest() {
    let timestamp = DataType::Timestamp { unit: TimeUnit::Micros, utc: true };
    let decimal = DataType::Decimal { precision: 9, scale: 2 };
    let interval: Vec<u8> = [1u32, 2, 3].into_iter().flat_map(u32::to_le_bytes).collect();
    let interval = millwork_codecs::buffer::Buffer::copy_of(
        &interval,
        &millwork_codecs::budget::Budget::unlimited(),
    );
    let columns = [
        (DataType::Int64, Vector::flat(Slice::copy_of(&[300i64]))),
        (decimal, Vector::flat(Slice::copy_of(&[-1230i64]))),
        (DataType::Date, Vector::flat(Slice::copy_of(&[-1i32]))),
        (timestamp, Vector::flat(Slice::copy_of(&[-1i64]))),
        (DataType::Float32, Vector::flat(Slice::copy_of(&[0.5f32]))),
        (DataType::Utf8, texts(&["木"])),
        (
            DataType::Interval,
            Vector::new(Data::Fixed { width_bytes: 12, bytes: interval.unwrap() }, None, 1)
                .unwrap(),
        ),
    ];
    let fields = columns.each_ref().map(|(data_type, _)| Field::nullable("c", data_type.clone()));
    let vectors = columns.map(|(_, vector)| vector);
    let row = Row::new(&fields, &vectors, 0);
    assert_eq!(row.get::<i16>(0).unwrap(), 300);
    assert_eq!(row.get::<Option<u64>>("c").unwrap(), Some(300));
    assert_eq!(row.get::<Decimal>(1).unwrap(), Decimal { unscaled: -1230, scale: 2 });
    assert_eq!(row.get::<Date>(2).unwrap(), Date { days: -1 });
    let moment: Timestamp = row.get(3).unwrap();
    assert_eq!((moment.days, moment.nanos_of_day, moment.utc), (-1, 86_399_999_999_000, true));
    assert_eq!(moment.nanos(), -1000);
    assert_eq!(row.get::<f64>(4).unwrap(), 0.5);
    assert_eq!(row.get::<&str>(5).unwrap(), "木");
    assert_eq!(row.get::<String>(5).unwrap(), "木");
    assert_eq!(row.get::<Interval>(6).unwrap(), Interval { months: 1, days: 2, millis: 3 });
    let refusals = [
        (row.get::<u8>(0).unwrap_err(), "300 of column \"c\" does not fit u8"),
        (row.get::<i32>(5).unwrap_err(), "column \"c\" of type VARCHAR cannot be read as i32"),
        (row.get::<f32>(0).unwrap_err(), "column \"c\" of type BIGINT cannot be read as f32"),
        (row.get::<i32>(7).unwrap_err(), "no column 7 of the row"),
        (row.get::<i32>("d").unwrap_err(), "no column \"d\""),
    ];
    for (error, what) in refusals {
        assert_eq!((error.kind(), error.what()), (&ErrorKind::InvalidArgument, what));
    }
}
