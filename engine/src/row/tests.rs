//! Rows against cells, and the vectors that the tests of operators are fed with.

use std::cmp::Ordering;
use std::sync::Arc;

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::{Bitmap, Slice};
use millwork_format::types::{DataType, Field};
use millwork_format::vector::{Cell, Codes, Data, Dictionary, List, Vector, Views};

use super::*;

/// A small pseudo-random source.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 11) as usize % bound
    }
}

/// A value as text: equal texts where a grouping sees equal values.
pub(crate) fn text(cell: Cell<'_>) -> String {
    match cell {
        Cell::Null => "null".into(),
        Cell::Boolean(value) => value.to_string(),
        Cell::Integer(value) => value.to_string(),
        Cell::Float16(value) => text(Cell::Float64(value.to_f64())),
        Cell::Float32(value) => text(Cell::Float64(value.into())),
        Cell::Float64(value) => format!("{:?}", f64::from_bits(float_bits(value))),
        Cell::Bytes(bytes) => format!("'{}'", String::from_utf8_lossy(bytes)),
        Cell::List { child, start, end } => {
            let items: Vec<String> = (start..end).map(|row| text(child.cell(row))).collect();
            format!("[{}]", items.join(","))
        }
        Cell::Struct { children, row } => {
            let items: Vec<String> = children.iter().map(|c| text(c.cell(row))).collect();
            format!("{{{}}}", items.join(","))
        }
        _ => "?".into(),
    }
}

const WORDS: [&str; 9] = [
    "",
    "a",
    "b",
    "twelve bytes",
    "thirteen byte",
    "a string beyond twelve bytes",
    "a string beyond twelve letters",
    "ab",
    "zz",
];

fn flat(random: &mut Random, data_type: &DataType, rows: usize, range: usize) -> Vector {
    let value = |random: &mut Random| random.below(range) as i64 - range as i64 / 3;
    macro_rules! ints {
        ($native:ty) => {{
            let values: Vec<$native> = (0..rows).map(|_| value(random) as $native).collect();
            Vector::flat(Slice::copy_of(&values))
        }};
    }
    match data_type {
        DataType::Boolean => {
            let bits: Vec<bool> = (0..rows).map(|_| random.below(2) == 0).collect();
            Vector::new(Data::Boolean(Bitmap::from_bools(&bits)), None, rows).unwrap()
        }
        DataType::Int8 => ints!(i8),
        DataType::Int32 | DataType::Date => ints!(i32),
        DataType::UInt64 => ints!(u64),
        DataType::Int128 => ints!(i128),
        DataType::Decimal { .. } if random.below(2) == 0 => ints!(i128),
        DataType::Int64 | DataType::Decimal { .. } => ints!(i64),
        DataType::Float32 => ints!(f32),
        DataType::Float64 => {
            let special = [f64::NAN, -f64::NAN, 0.0, -0.0, f64::INFINITY, 1.5, -2.25];
            let values: Vec<f64> = (0..rows)
                .map(|_| match random.below(3) {
                    0 => special[random.below(special.len())],
                    _ => value(random) as f64,
                })
                .collect();
            Vector::flat(Slice::copy_of(&values))
        }
        DataType::Utf8 => {
            let words = (0..rows).map(|_| WORDS[random.below(WORDS.len().min(range))]);
            Vector::new(Data::Views(Views::copy_of(words).unwrap()), None, rows).unwrap()
        }
        DataType::List(field) => {
            let mut offsets = vec![0];
            for row in 0..rows {
                offsets.push(offsets[row] + random.below(3) as i32);
            }
            let child = vector(random, &field.data_type, offsets[rows] as usize, range);
            let list = List::new(Slice::copy_of(&offsets), child).unwrap();
            Vector::new(Data::List(list), None, rows).unwrap()
        }
        DataType::Map { key, value } => {
            let entries = DataType::List(Arc::new(Field::required(
                "entries",
                DataType::map_entries(key, value.as_ref()),
            )));
            flat(random, &entries, rows, range)
        }
        DataType::Struct(fields) => {
            let children = fields.iter().map(|field| vector(random, &field.data_type, rows, range));
            Vector::new(Data::Struct(children.collect()), None, rows).unwrap()
        }
        other => panic!("no random {other}"),
    }
}

/// The order of two values of one type: NaN greatest, in nested values nulls behind all others.
pub(crate) fn order(left: Cell<'_>, right: Cell<'_>) -> Ordering {
    match (left, right) {
        (Cell::Null, Cell::Null) => Ordering::Equal,
        (Cell::Null, _) => Ordering::Greater,
        (_, Cell::Null) => Ordering::Less,
        (Cell::Boolean(a), Cell::Boolean(b)) => a.cmp(&b),
        (Cell::Integer(a), Cell::Integer(b)) => a.cmp(&b),
        (Cell::Bytes(a), Cell::Bytes(b)) => a.cmp(b),
        (Cell::Float16(a), Cell::Float16(b)) => {
            order(Cell::Float64(a.to_f64()), Cell::Float64(b.to_f64()))
        }
        (Cell::Float32(a), Cell::Float32(b)) => {
            order(Cell::Float64(a.into()), Cell::Float64(b.into()))
        }
        (Cell::Float64(a), Cell::Float64(b)) => {
            a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
        }
        (Cell::List { child: x, start: s, end: e }, Cell::List { child: y, start: t, end: f }) => {
            let pairs = (s..e).zip(t..f).map(|(i, j)| order(x.cell(i), y.cell(j)));
            pairs.fold(Ordering::Equal, Ordering::then).then((e - s).cmp(&(f - t)))
        }
        (Cell::Struct { children: x, row: i }, Cell::Struct { children: y, row: j }) => {
            let pairs = x.iter().zip(y).map(|(x, y)| order(x.cell(i), y.cell(j)));
            pairs.fold(Ordering::Equal, Ordering::then)
        }
        _ => panic!("cells of different types"),
    }
}

/// A vector of any kind: flat, dictionary, constant or null, with or without nulls.
pub(crate) fn vector(
    random: &mut Random,
    data_type: &DataType,
    rows: usize,
    range: usize,
) -> Vector {
    let validity = (random.below(2) == 0)
        .then(|| Bitmap::from_bools(&(0..rows).map(|_| random.below(5) > 0).collect::<Vec<_>>()));
    let made = match random.below(8) {
        0 => Vector::constant(flat(random, data_type, 1, range), rows).unwrap(),
        1 if random.below(3) == 0 => return Vector::null(rows),
        2..=4 if !data_type.is_nested() => {
            let entries = 1 + random.below(200);
            let dictionary = Dictionary::new(flat(random, data_type, entries, range)).unwrap();
            let codes: Vec<u32> = (0..rows).map(|_| random.below(entries) as u32).collect();
            let codes = match random.below(3) {
                0 => Codes::U8(Slice::copy_of(&codes.iter().map(|c| *c as u8).collect::<Vec<_>>())),
                1 => {
                    Codes::U16(Slice::copy_of(&codes.iter().map(|c| *c as u16).collect::<Vec<_>>()))
                }
                _ => Codes::U32(Slice::copy_of(&codes)),
            };
            Vector::dictionary(codes, None, Arc::new(dictionary)).unwrap()
        }
        _ => flat(random, data_type, rows, range),
    };
    match made.data() {
        Data::Null | Data::Constant(_) => made,
        _ => made.with_validity(validity).unwrap(),
    }
}

/// The types that [`vector`] makes.
pub(crate) fn kinds() -> Vec<DataType> {
    vec![
        DataType::Boolean,
        DataType::Int8,
        DataType::Int32,
        DataType::Int64,
        DataType::Date,
        DataType::UInt64,
        DataType::Int128,
        DataType::Decimal { precision: 15, scale: 2 },
        DataType::Decimal { precision: 38, scale: 2 },
        DataType::Float32,
        DataType::Float64,
        DataType::Utf8,
        DataType::List(Arc::new(Field::nullable("element", DataType::Utf8))),
        DataType::Struct(
            [
                Field::nullable("f", DataType::Float64),
                Field::nullable("n", DataType::Decimal { precision: 15, scale: 2 }),
                Field::nullable(
                    "l",
                    DataType::List(Arc::new(Field::nullable("e", DataType::Int8))),
                ),
            ]
            .into(),
        ),
        DataType::Map {
            key: Arc::new(Field::required("key", DataType::Utf8)),
            value: Some(Arc::new(Field::nullable("value", DataType::Float32))),
        },
    ]
}

fn store_of(types: &[DataType]) -> RowStore {
    RowStore::new(Arc::new(RowLayout::new(types)), &Budget::unlimited()).unwrap()
}

#[test]
fn rows_come_back_as_they_went_in_and_equal_only_themselves() {
    let mut random = Random::new(7);
    let types = kinds();
    for rows in [1, 7, 2048] {
        let mut store = store_of(&types);
        let mut expected: Vec<Vec<String>> = vec![Vec::new(); types.len()];
        let mut last = Vec::new();
        let mut first = 0;
        for _ in 0..8 {
            last = types.iter().map(|t| vector(&mut random, t, rows, 5)).collect::<Vec<_>>();
            let chosen: Vec<u32> = (0..rows as u32).filter(|row| row % 3 != 1).collect();
            first = store.append(&last.iter().collect::<Vec<_>>(), &chosen).unwrap();
            for (column, texts) in last.iter().zip(&mut expected) {
                texts.extend(chosen.iter().map(|row| text(column.cell(*row as usize))));
            }
        }
        store.seal().unwrap();
        let ids: Vec<u32> = store.ids().collect();
        for (column, texts) in store.decode(&ids).unwrap().iter().zip(&expected) {
            let found: Vec<String> = (0..ids.len()).map(|row| text(column.cell(row))).collect();
            assert_eq!(&found, texts);
        }
        let pairs: Vec<(u32, u32)> = (0..500)
            .map(|_| {
                (random.below(rows) as u32, first + random.below(ids.len() - first as usize) as u32)
            })
            .collect();
        let (left, right): (Vec<u32>, Vec<u32>) = pairs.iter().copied().unzip();
        for (column, vector) in last.iter().enumerate() {
            let mut equal = vec![true; pairs.len()];
            store.compare_column(column, vector, &left, &right, &mut equal).unwrap();
            for (position, (row, id)) in pairs.iter().enumerate() {
                let same = text(vector.cell(*row as usize)) == expected[column][*id as usize];
                assert_eq!(equal[position], same, "column {column}");
            }
        }
    }
}

#[test]
fn joined_stores_keep_their_strings() {
    let long = |n: usize| format!("a long string with the number {n}");
    let make = |from: usize| {
        let strings = Views::copy_of((from..from + 100).map(long)).unwrap();
        let vector = Vector::new(Data::Views(strings), None, 100).unwrap();
        let mut store = store_of(&[DataType::Utf8]);
        store.append(&[&vector], &(0..100).collect::<Vec<_>>()).unwrap();
        store
    };
    let mut store = make(0);
    let first = store.append_store(make(100)).unwrap();
    let decoded = store.decode_column(0, &[first + 7, 3]).unwrap();
    assert_eq!(text(decoded.cell(0)), format!("'{}'", long(107)));
    assert_eq!(text(decoded.cell(1)), format!("'{}'", long(3)));
    assert_eq!(store.ids().count(), 200);
}

#[test]
fn memory_is_taken_from_the_budget_and_returns() {
    let budget = Budget::new(100_000);
    let state = budget.consumer("state");
    let layout = Arc::new(RowLayout::new(&[DataType::Int64]));
    let mut store = RowStore::new(layout, &state).unwrap();
    let vector = Vector::flat(Slice::copy_of(&[1i64; 2048]));
    let rows: Vec<u32> = (0..2048).collect();
    let refused = (0..100).find_map(|_| store.append(&[&vector], &rows).err()).unwrap();
    assert!(refused.to_string().contains("state"), "{refused}");
    drop(store);
    assert_eq!(budget.reserved(), 0);
}
