//! The columns that are decoded: written here, or of a file.

use std::cell::LazyCell;
use std::sync::Arc;

use bytes::Bytes;
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use parquet::basic::{Compression, Encoding};
use parquet::data_type::{
    ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArray, FixedLenByteArrayType,
    FloatType, Int32Type, Int64Type,
};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use crate::Result;

/// Rows of the columns written here.
const ROWS: usize = 2_000_000;

/// One column of one file in memory.
pub struct Case {
    pub name: String,
    /// The file, for the rival.
    pub bytes: Bytes,
    /// The file, for us.
    pub buffer: Buffer,
    pub column: usize,
    pub rows: usize,
    pub shape: Shape,
}

/// What a case measures.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A leaf: a value a row.
    Flat,
    /// A nested column, the first of its file, with so many slots in all its leaves together. From
    /// definition level `place` on a slot is a value or a null, below there is no element.
    Nested { slots: usize, place: i16 },
}

impl Case {
    /// What times are divided by.
    pub fn values(&self) -> usize {
        match self.shape {
            Shape::Flat => self.rows,
            Shape::Nested { slots, .. } => slots,
        }
    }
}

/// What a column's values come to, in order.
#[derive(Debug, PartialEq, Eq)]
pub struct Digest {
    values: u64,
    nulls: u64,
    hash: u64,
}

impl Default for Digest {
    fn default() -> Self {
        Self { values: 0, nulls: 0, hash: 0xcbf2_9ce4_8422_2325 }
    }
}

impl Digest {
    /// The next row is null.
    pub fn null(&mut self) {
        self.nulls += 1;
        self.hash = self.hash.rotate_left(9).wrapping_mul(3);
    }

    /// The next row holds these bytes (numbers: 8, little endian).
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.values += 1;
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
        self.hash = self.hash.rotate_left(17) ^ bytes.len() as u64;
    }
}

/// A repeatable stream of bits (xorshift64*).
pub struct Bits(pub u64);

impl Bits {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

/// How a column is written.
struct Form {
    name: &'static str,
    nullable: bool,
    dictionary: bool,
    encoding: Encoding,
    compression: Compression,
}

const FORM: Form = Form {
    name: "",
    nullable: false,
    dictionary: false,
    encoding: Encoding::PLAIN,
    compression: Compression::UNCOMPRESSED,
};

const DECIMAL: &str = "fixed_len_byte_array(16) v (DECIMAL(38, 2))";

/// The columns that are written here whose names contain `filter`.
pub fn written(filter: &str) -> Result<Vec<Case>> {
    let mut bits = Bits(7);
    let wide: Vec<i64> = (0..ROWS).map(|_| bits.next() as i64 >> 20).collect();
    let few: Vec<i64> = (0..ROWS).map(|_| (bits.next() % 1000) as i64 * 1_000_003).collect();
    let rising: Vec<i64> = (0..ROWS).map(|row| row as i64 * 7 + (bits.next() % 5) as i64).collect();
    let text = |value: &i64| ByteArray::from(format!("customer number {value}").into_bytes());
    // Only where a column is wanted that has them.
    let texts: LazyCell<Vec<ByteArray>, _> = LazyCell::new(|| wide.iter().map(text).collect());
    let few_texts: LazyCell<Vec<ByteArray>, _> = LazyCell::new(|| few.iter().map(text).collect());
    let narrow: Vec<i32> = wide.iter().map(|value| *value as i32).collect();
    let dates: Vec<i32> = (0..ROWS).map(|_| 8000 + (bits.next() % 2500) as i32).collect();
    let prices: Vec<f64> = few.iter().map(|value| *value as f64 / 100.0).collect();
    let singles: Vec<f32> = prices.iter().map(|price| *price as f32).collect();
    let sorted = LazyCell::new(|| {
        let mut sorted = texts.clone();
        sorted.sort_by(|a, b| a.data().cmp(b.data()));
        sorted
    });
    // The lowest bytes of `wide`, last first, so that decimals fit their digits.
    let fixed = |bytes: usize| -> Vec<FixedLenByteArray> {
        let value = |value: &i64| i128::from(*value).to_be_bytes()[16 - bytes..].to_vec();
        wide.iter().map(|one| FixedLenByteArray::from(ByteArray::from(value(one)))).collect()
    };
    let (snappy, dictionary) = (Compression::SNAPPY, true);
    let delta = Encoding::DELTA_BINARY_PACKED;
    let lengths = Encoding::DELTA_LENGTH_BYTE_ARRAY;
    let (prefixes, split) = (Encoding::DELTA_BYTE_ARRAY, Encoding::BYTE_STREAM_SPLIT);
    let nullable = true;
    let columns: [(Form, &dyn Fn(&Form) -> Result<Case>); 31] = [
        (Form { name: "i64 PLAIN", ..FORM }, &|form| ints(form, &wide)),
        (Form { name: "i64 PLAIN snappy", compression: snappy, ..FORM }, &|form| ints(form, &wide)),
        (Form { name: "i64 PLAIN, a tenth null", nullable, ..FORM }, &|form| ints(form, &wide)),
        (Form { name: "i64 dictionary of 1000", dictionary, ..FORM }, &|form| ints(form, &few)),
        (Form { name: "i64 dictionary, a tenth null", dictionary, nullable, ..FORM }, &|form| {
            ints(form, &few)
        }),
        (Form { name: "i64 DELTA_BINARY_PACKED", encoding: delta, ..FORM }, &|form| {
            ints(form, &rising)
        }),
        (Form { name: "i64 DELTA, 44 bits", encoding: delta, ..FORM }, &|form| ints(form, &wide)),
        (Form { name: "i64 DELTA, a tenth null", encoding: delta, nullable, ..FORM }, &|form| {
            ints(form, &rising)
        }),
        (Form { name: "i32 DELTA, 12 bits", encoding: delta, ..FORM }, &|form| short(form, &dates)),
        (Form { name: "i32 DELTA, 32 bits", encoding: delta, ..FORM }, &|form| {
            short(form, &narrow)
        }),
        (Form { name: "i32 BYTE_STREAM_SPLIT", encoding: split, ..FORM }, &|form| {
            short(form, &narrow)
        }),
        (Form { name: "i64 BYTE_STREAM_SPLIT", encoding: split, ..FORM }, &|form| {
            ints(form, &wide)
        }),
        (Form { name: "f64 BYTE_STREAM_SPLIT", encoding: split, ..FORM }, &|form| {
            doubles(form, &prices)
        }),
        (Form { name: "f32 BYTE_STREAM_SPLIT", encoding: split, ..FORM }, &|form| {
            write::<FloatType>(form, "float v", &singles)
        }),
        (Form { name: "f16 BYTE_STREAM_SPLIT", encoding: split, ..FORM }, &|form| {
            fixeds(form, "fixed_len_byte_array(2) v (FLOAT16)", &fixed(2))
        }),
        (Form { name: "fixed of 5 BYTE_STREAM_SPLIT", encoding: split, ..FORM }, &|form| {
            fixeds(form, "fixed_len_byte_array(5) v", &fixed(5))
        }),
        (Form { name: "decimal of 16 BYTE_STREAM_SPLIT", encoding: split, ..FORM }, &|form| {
            fixeds(form, DECIMAL, &fixed(16))
        }),
        (Form { name: "i32 SPLIT, a tenth null", encoding: split, nullable, ..FORM }, &|form| {
            short(form, &narrow)
        }),
        (Form { name: "f64 SPLIT, a tenth null", encoding: split, nullable, ..FORM }, &|form| {
            doubles(form, &prices)
        }),
        (Form { name: "f64 ALP", encoding: Encoding::ALP, ..FORM }, &|form| doubles(form, &prices)),
        (Form { name: "string PLAIN", ..FORM }, &|form| strings(form, &texts)),
        (Form { name: "string PLAIN snappy", compression: snappy, ..FORM }, &|form| {
            strings(form, &texts)
        }),
        (Form { name: "string dictionary of 1000", dictionary, ..FORM }, &|form| {
            strings(form, &few_texts)
        }),
        (
            Form {
                name: "string dictionary snappy, nulls",
                dictionary,
                nullable,
                compression: snappy,
                ..FORM
            },
            &|form| strings(form, &few_texts),
        ),
        (Form { name: "string DELTA_LENGTH", encoding: lengths, ..FORM }, &|form| {
            strings(form, &texts)
        }),
        (Form { name: "string DELTA_BYTE_ARRAY", encoding: prefixes, ..FORM }, &|form| {
            strings(form, &texts)
        }),
        (Form { name: "string DELTA_BYTE_ARRAY, sorted", encoding: prefixes, ..FORM }, &|form| {
            strings(form, &sorted)
        }),
        (
            Form { name: "string DELTA_LENGTH, a tenth null", encoding: lengths, nullable, ..FORM },
            &|form| strings(form, &texts),
        ),
        (
            Form {
                name: "string DELTA_BYTE_ARRAY, tenth null",
                encoding: prefixes,
                nullable,
                ..FORM
            },
            &|form| strings(form, &texts),
        ),
        (Form { name: "fixed of 5 DELTA_BYTE_ARRAY", encoding: prefixes, ..FORM }, &|form| {
            fixeds(form, "fixed_len_byte_array(5) v", &fixed(5))
        }),
        (Form { name: "decimal of 16 DELTA_BYTE_ARRAY", encoding: prefixes, ..FORM }, &|form| {
            fixeds(form, DECIMAL, &fixed(16))
        }),
    ];
    let wanted = columns.iter().filter(|(form, _)| form.name.contains(filter));
    wanted.map(|(form, write)| write(form)).collect()
}

/// Every column of the file at `path`, read into memory first.
pub fn of_file(path: &str) -> Result<Vec<Case>> {
    let bytes = Bytes::from(std::fs::read(path).map_err(|error| format!("{path}: {error}"))?);
    let buffer = Buffer::copy_of(&bytes, &Budget::unlimited())?;
    let reader = SerializedFileReader::new(bytes.clone())?;
    let metadata = reader.metadata().file_metadata();
    let rows = usize::try_from(metadata.num_rows())?;
    let columns = metadata.schema_descr().columns().iter().enumerate();
    let case = |(column, leaf): (usize, &parquet::schema::types::ColumnDescPtr)| Case {
        name: leaf.path().string(),
        bytes: bytes.clone(),
        buffer: buffer.clone(),
        column,
        rows,
        shape: Shape::Flat,
    };
    Ok(columns.map(case).collect())
}

fn ints(form: &Form, values: &[i64]) -> Result<Case> {
    write::<Int64Type>(form, "int64 v", values)
}

fn short(form: &Form, values: &[i32]) -> Result<Case> {
    write::<Int32Type>(form, "int32 v", values)
}

fn doubles(form: &Form, values: &[f64]) -> Result<Case> {
    write::<DoubleType>(form, "double v", values)
}

fn strings(form: &Form, values: &[ByteArray]) -> Result<Case> {
    write::<ByteArrayType>(form, "binary v (STRING)", values)
}

fn fixeds(form: &Form, field: &str, values: &[FixedLenByteArray]) -> Result<Case> {
    write::<FixedLenByteArrayType>(form, field, values)
}

fn write<T: DataType>(form: &Form, field: &str, values: &[T::T]) -> Result<Case> {
    let repetition = if form.nullable { "optional" } else { "required" };
    let schema = parse_message_type(&format!("message m {{ {repetition} {field}; }}"))?;
    let properties = WriterProperties::builder()
        .set_compression(form.compression)
        .set_encoding(form.encoding)
        .set_dictionary_enabled(form.dictionary)
        .build();
    let levels: Vec<i16> = (0..values.len()).map(|row| i16::from(row % 10 != 3)).collect();
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    let mut column = group.next_column()?.ok_or("a row group without a column")?;
    let typed = column.typed::<T>();
    if form.nullable {
        let present: Vec<T::T> = values
            .iter()
            .zip(&levels)
            .filter(|(_, level)| **level == 1)
            .map(|(v, _)| v.clone())
            .collect();
        typed.write_batch(&present, Some(&levels), None)?;
    } else {
        typed.write_batch(values, None, None)?;
    }
    column.close()?;
    group.close()?;
    let bytes = Bytes::from(writer.into_inner()?);
    let buffer = Buffer::copy_of(&bytes, &Budget::unlimited())?;
    Ok(Case {
        name: form.name.to_owned(),
        bytes,
        buffer,
        column: 0,
        rows: values.len(),
        shape: Shape::Flat,
    })
}
