//! Nested columns, written here: lists, lists of structs, lists of lists, structs.

use std::sync::Arc;

use bytes::Bytes;
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use parquet::basic::{Compression, Encoding};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use crate::Result;
use crate::case::{Bits, Case, Shape};

/// Slots of each leaf, about.
const SLOTS: usize = 2_000_000;

/// Definition and repetition levels of one leaf.
#[derive(Default)]
struct Levels {
    definition: Vec<i16>,
    repetition: Vec<i16>,
}

impl Levels {
    fn push(&mut self, definition: i16, repetition: i16) {
        self.definition.push(definition);
        self.repetition.push(repetition);
    }

    /// The same, with a leaf below: at `present` a tenth is one level deeper down than it could be.
    fn with_nulls(&self, present: i16, bits: &mut Bits) -> Self {
        let definition = |level: &i16| {
            if *level == present && !bits.next().is_multiple_of(10) { present + 1 } else { *level }
        };
        Self {
            definition: self.definition.iter().map(definition).collect(),
            repetition: self.repetition.clone(),
        }
    }

    fn values(&self, present: i16) -> usize {
        self.definition.iter().filter(|level| **level == present).count()
    }
}

/// Lists of no to seven elements; missing lists are at level 0, empty ones at 1, elements at 2.
fn lists(bits: &mut Bits, may_be_missing: bool) -> (Levels, usize) {
    let (mut levels, mut rows) = (Levels::default(), 0);
    while levels.definition.len() < SLOTS {
        rows += 1;
        match bits.next() % 20 {
            0 if may_be_missing => levels.push(0, 0),
            1 => levels.push(1, 0),
            length => (0..1 + length % 7).for_each(|at| levels.push(2, i16::from(at > 0))),
        }
    }
    (levels, rows)
}

/// Lists of lists, all present: an empty outer list is at level 0, an empty inner one at 1, elements
/// are at 2.
fn lists_of_lists(bits: &mut Bits) -> (Levels, usize) {
    let (mut levels, mut rows) = (Levels::default(), 0);
    while levels.definition.len() < SLOTS {
        rows += 1;
        let outer = bits.next() % 5;
        if outer == 0 {
            levels.push(0, 0);
        }
        for list in 0..outer {
            let inner = bits.next() % 6;
            let first = i16::from(list > 0);
            if inner == 0 {
                levels.push(1, first);
            }
            (0..inner).for_each(|at| levels.push(2, if at == 0 { first } else { 2 }));
        }
    }
    (levels, rows)
}

/// One nested column of `rows` rows, of which `leaves` writes the leaves.
fn case(
    name: &str,
    schema: &str,
    (rows, slots, place): (usize, usize, i16),
    dictionary: bool,
    leaves: impl Fn(&mut SerializedRowGroupWriter<'_, Vec<u8>>) -> Result<()>,
) -> Result<Case> {
    let schema = parse_message_type(&format!("message m {{ {schema} }}"))?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::UNCOMPRESSED)
        .set_encoding(Encoding::PLAIN)
        .set_dictionary_enabled(dictionary)
        .build();
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    leaves(&mut group)?;
    group.close()?;
    let bytes = Bytes::from(writer.into_inner()?);
    let buffer = Buffer::copy_of(&bytes, &Budget::unlimited())?;
    let shape = Shape::Nested { slots, place };
    Ok(Case { name: name.to_owned(), bytes, buffer, column: 0, rows, shape })
}

macro_rules! leaf {
    ($group:expr, $type:ty, $levels:expr, $present:expr, $value:expr) => {{
        let (levels, present): (&Levels, i16) = ($levels, $present);
        let values: Vec<_> = (0..levels.values(present) as i64).map($value).collect();
        let mut column = $group.next_column()?.ok_or("fewer leaves")?;
        column.typed::<$type>().write_batch(
            &values,
            Some(&levels.definition),
            Some(&levels.repetition),
        )?;
        column.close()?;
    }};
}

/// The nested columns that are written here whose names contain `filter`.
pub fn written(filter: &str) -> Result<Vec<Case>> {
    let mut bits = Bits(11);
    let scattered = |at: i64| at.wrapping_mul(0x9e37_79b9_7f4a_7c15u64.cast_signed()) >> 20;
    let text =
        |at: i64| ByteArray::from(format!("customer number {}", at * 7919 % 1000).into_bytes());
    let (full, full_rows) = lists(&mut bits, false);
    let (base, rows) = lists(&mut bits, true);
    let nulls = base.with_nulls(2, &mut bits);
    let (deep, deep_rows) = lists_of_lists(&mut bits);
    let flat: Levels = (0..SLOTS).fold(Levels::default(), |mut levels, row| {
        levels.push(i16::from(row % 9 != 0) * 2, 0);
        levels
    });
    // A required list has no level for being missing.
    let required = Levels {
        definition: full.definition.iter().map(|level| level - 1).collect(),
        repetition: full.repetition,
    };
    let slots = required.definition.len();
    type Write<'a> = &'a dyn Fn(&str) -> Result<Case>;
    let columns: [(&str, Write<'_>); 6] = [
        ("list of i64, no nulls", &|name| {
            case(
                name,
                "required group l (LIST) { repeated group list { required int64 element; } }",
                (full_rows, slots, 1),
                false,
                |group| Ok(leaf!(group, Int64Type, &required, 1, scattered)),
            )
        }),
        ("list of i64, nulls, dictionary", &|name| {
            case(
                name,
                "optional group l (LIST) { repeated group list { optional int64 element; } }",
                (rows, nulls.definition.len(), 2),
                true,
                |group| Ok(leaf!(group, Int64Type, &nulls, 3, |at| at * 7919 % 1000)),
            )
        }),
        ("list of struct, required fields", &|name| {
            case(
                name,
                "optional group l (LIST) { repeated group list { required group element {
                required int64 a; required double b; required binary s (STRING); } } }",
                (rows, 3 * base.definition.len(), 2),
                true,
                |group| {
                    leaf!(group, Int64Type, &base, 2, scattered);
                    leaf!(group, DoubleType, &base, 2, |at| at as f64 / 8.0);
                    leaf!(group, ByteArrayType, &base, 2, text);
                    Ok(())
                },
            )
        }),
        ("list of struct, nulls in fields", &|name| {
            case(
                name,
                "optional group l (LIST) { repeated group list { required group element {
                optional int64 a; optional double b; optional binary s (STRING); } } }",
                (rows, 3 * base.definition.len(), 2),
                true,
                |group| {
                    leaf!(group, Int64Type, &nulls, 3, scattered);
                    leaf!(group, DoubleType, &nulls, 3, |at| at as f64 / 8.0);
                    leaf!(group, ByteArrayType, &nulls, 3, text);
                    Ok(())
                },
            )
        }),
        ("list of lists of i64", &|name| {
            case(
                name,
                "required group l (LIST) { repeated group list { required group element (LIST) {
                repeated group list { required int64 element; } } } }",
                (deep_rows, deep.definition.len(), 2),
                false,
                |group| Ok(leaf!(group, Int64Type, &deep, 2, scattered)),
            )
        }),
        ("struct of i64 and text, nulls", &|name| {
            case(
                name,
                "optional group l { optional int64 a; optional binary s (STRING); }",
                (SLOTS, 2 * SLOTS, 0),
                true,
                |group| {
                    leaf!(group, Int64Type, &flat, 2, scattered);
                    leaf!(group, ByteArrayType, &flat, 2, text);
                    Ok(())
                },
            )
        }),
    ];
    let wanted = columns.iter().filter(|(name, _)| name.contains(filter));
    wanted.map(|(name, write)| write(name)).collect()
}
