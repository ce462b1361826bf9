//! The side of the crate `parquet`: its Arrow reader and its plain column reader, on this thread.

use std::hint::black_box;
use std::sync::Arc;

use arrow_schema::{DataType as ArrowType, Field, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::column::reader::{ColumnReader, get_typed_column_reader};
use parquet::data_type::DataType;
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::Result;
use crate::case::{Case, Digest, Shape};

/// Rows a call: what its Arrow reader does unless told otherwise is 1,024; more is faster.
const BATCH_ROWS: usize = 8192;

/// Arrow arrays of the types the file suggests.
pub fn arrow(case: &Case) -> Result<Option<usize>> {
    arrow_as(case, None)
}

/// Arrow dictionaries, where the column is text.
pub fn arrow_dictionary(case: &Case) -> Result<Option<usize>> {
    let options = ArrowReaderOptions::new();
    let plain = ParquetRecordBatchReaderBuilder::try_new_with_options(case.bytes.clone(), options)?;
    let dictionary = ArrowType::Dictionary(Box::new(ArrowType::Int32), Box::new(ArrowType::Utf8));
    let mut fields: Vec<Arc<Field>> = plain.schema().fields().iter().cloned().collect();
    let field = fields.get_mut(case.column).ok_or("no such column")?;
    if !matches!(field.data_type(), ArrowType::Utf8 | ArrowType::Utf8View) {
        return Ok(None);
    }
    *field = Arc::new(Field::new(field.name(), dictionary, field.is_nullable()));
    arrow_as(case, Some(Schema::new(fields)))
}

fn arrow_as(case: &Case, schema: Option<Schema>) -> Result<Option<usize>> {
    let mut options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    if let Some(schema) = schema {
        options = options.with_schema(Arc::new(schema));
    }
    let builder =
        ParquetRecordBatchReaderBuilder::try_new_with_options(case.bytes.clone(), options)?;
    let mask = match case.shape {
        Shape::Flat => ProjectionMask::leaves(builder.parquet_schema(), [case.column]),
        Shape::Nested { .. } => ProjectionMask::roots(builder.parquet_schema(), [case.column]),
    };
    let mut rows = 0;
    for batch in builder.with_projection(mask).with_batch_size(BATCH_ROWS).build()? {
        rows += black_box(batch?).num_rows();
    }
    Ok(Some(rows))
}

/// Values in vectors that are used again. Of nested columns it makes no lists and structs.
pub fn columns(case: &Case) -> Result<Option<usize>> {
    if case.shape != Shape::Flat {
        return Ok(None);
    }
    let mut rows = 0;
    each_chunk(case, case.column, &mut |reader, max| {
        rows += match reader {
            ColumnReader::Int32ColumnReader(_) => {
                drain::<parquet::data_type::Int32Type>(reader, max, |_, _| {})?
            }
            ColumnReader::Int64ColumnReader(_) => {
                drain::<parquet::data_type::Int64Type>(reader, max, |_, _| {})?
            }
            ColumnReader::DoubleColumnReader(_) => {
                drain::<parquet::data_type::DoubleType>(reader, max, |_, _| {})?
            }
            ColumnReader::FloatColumnReader(_) => {
                drain::<parquet::data_type::FloatType>(reader, max, |_, _| {})?
            }
            ColumnReader::ByteArrayColumnReader(_) => {
                drain::<parquet::data_type::ByteArrayType>(reader, max, |_, _| {})?
            }
            ColumnReader::FixedLenByteArrayColumnReader(_) => {
                drain::<parquet::data_type::FixedLenByteArrayType>(reader, max, |_, _| {})?
            }
            _ => return Err(format!("{}: its type is not read here", case.name).into()),
        };
        Ok(())
    })?;
    Ok(Some(rows))
}

/// All values, one after the other; of nested columns leaf by leaf.
pub fn digest(case: &Case) -> Result<Vec<Digest>> {
    match case.shape {
        Shape::Flat => Ok(vec![digest_of(case, case.column)?]),
        Shape::Nested { .. } => {
            let file = SerializedFileReader::new(case.bytes.clone())?;
            let leaves = file.metadata().file_metadata().schema_descr().num_columns();
            (0..leaves).map(|leaf| digest_of(case, leaf)).collect()
        }
    }
}

fn digest_of(case: &Case, leaf: usize) -> Result<Digest> {
    let mut digest = Digest::default();
    // Below this definition level there is no place for a value.
    let place = match case.shape {
        Shape::Flat => 0,
        Shape::Nested { place, .. } => place,
    };
    each_chunk(case, leaf, &mut |reader, max| match reader {
        ColumnReader::Int32ColumnReader(_) => {
            let one = |d: &mut Digest, v: &i32| d.bytes(&i64::from(*v).to_le_bytes());
            digested::<parquet::data_type::Int32Type>(reader, (max, place), &mut digest, one)
        }
        ColumnReader::Int64ColumnReader(_) => {
            let one = |d: &mut Digest, v: &i64| d.bytes(&v.to_le_bytes());
            digested::<parquet::data_type::Int64Type>(reader, (max, place), &mut digest, one)
        }
        ColumnReader::DoubleColumnReader(_) => {
            let one = |d: &mut Digest, v: &f64| d.bytes(&v.to_le_bytes());
            digested::<parquet::data_type::DoubleType>(reader, (max, place), &mut digest, one)
        }
        ColumnReader::FloatColumnReader(_) => {
            let one = |d: &mut Digest, v: &f32| d.bytes(&v.to_le_bytes());
            digested::<parquet::data_type::FloatType>(reader, (max, place), &mut digest, one)
        }
        // Only decimals are as long as 16 bytes here: numbers of which the last 8 bytes count.
        ColumnReader::FixedLenByteArrayColumnReader(_) => {
            let one = |d: &mut Digest, v: &parquet::data_type::FixedLenByteArray| match v.data() {
                [_, _, _, _, _, _, _, _, low @ ..] if low.len() == 8 => {
                    d.bytes(&low.iter().rev().copied().collect::<Vec<u8>>());
                }
                bytes => d.bytes(bytes),
            };
            digested::<parquet::data_type::FixedLenByteArrayType>(
                reader,
                (max, place),
                &mut digest,
                one,
            )
        }
        ColumnReader::ByteArrayColumnReader(_) => {
            let one = |d: &mut Digest, v: &parquet::data_type::ByteArray| d.bytes(v.data());
            digested::<parquet::data_type::ByteArrayType>(reader, (max, place), &mut digest, one)
        }
        _ => Err(format!("{}: its type is not read here", case.name).into()),
    })?;
    Ok(digest)
}

fn digested<T: DataType>(
    reader: ColumnReader,
    (max, place): (i16, i16),
    digest: &mut Digest,
    one: impl Fn(&mut Digest, &T::T),
) -> Result<()> {
    drain::<T>(reader, max, |values, levels| {
        let mut values = values.iter();
        if max == 0 {
            values.for_each(|value| one(digest, value));
            return;
        }
        for level in levels.iter().filter(|level| **level >= place) {
            match (*level == max).then(|| values.next()).flatten() {
                Some(value) => one(digest, value),
                None => digest.null(),
            }
        }
    })?;
    Ok(())
}

/// Hands over the reader of a leaf of each row group, and its highest definition level.
fn each_chunk(
    case: &Case,
    leaf: usize,
    take: &mut dyn FnMut(ColumnReader, i16) -> Result<()>,
) -> Result<()> {
    let file = SerializedFileReader::new(case.bytes.clone())?;
    for group in 0..file.num_row_groups() {
        let group = file.get_row_group(group)?;
        let max = group.metadata().column(leaf).column_descr().max_def_level();
        take(group.get_column_reader(leaf)?, max)?;
    }
    Ok(())
}

/// Reads all of `reader` and shows values and definition levels; answers the rows.
fn drain<T: DataType>(
    reader: ColumnReader,
    max: i16,
    mut show: impl FnMut(&[T::T], &[i16]),
) -> Result<usize> {
    let mut reader = get_typed_column_reader::<T>(reader);
    let (mut values, mut levels, mut repetition, mut rows) =
        (Vec::new(), Vec::new(), Vec::new(), 0);
    loop {
        values.clear();
        levels.clear();
        repetition.clear();
        let wanted = (max > 0).then_some(&mut levels);
        let (records, _, _) =
            reader.read_records(BATCH_ROWS, wanted, Some(&mut repetition), &mut values)?;
        if records == 0 {
            return Ok(rows);
        }
        rows += records;
        show(black_box(&values), &levels);
    }
}
