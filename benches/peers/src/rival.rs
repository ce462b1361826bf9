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
use crate::case::{Case, Digest};

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
    let mask = ProjectionMask::leaves(builder.parquet_schema(), [case.column]);
    let mut rows = 0;
    for batch in builder.with_projection(mask).with_batch_size(BATCH_ROWS).build()? {
        rows += black_box(batch?).num_rows();
    }
    Ok(Some(rows))
}

/// Values in vectors that are used again.
pub fn columns(case: &Case) -> Result<Option<usize>> {
    let mut rows = 0;
    each_column(case, &mut |reader, nullable| {
        rows += match reader {
            ColumnReader::Int32ColumnReader(_) => {
                drain::<parquet::data_type::Int32Type>(reader, nullable, |_, _| {})?
            }
            ColumnReader::Int64ColumnReader(_) => {
                drain::<parquet::data_type::Int64Type>(reader, nullable, |_, _| {})?
            }
            ColumnReader::DoubleColumnReader(_) => {
                drain::<parquet::data_type::DoubleType>(reader, nullable, |_, _| {})?
            }
            ColumnReader::ByteArrayColumnReader(_) => {
                drain::<parquet::data_type::ByteArrayType>(reader, nullable, |_, _| {})?
            }
            _ => return Err(format!("{}: its type is not read here", case.name).into()),
        };
        Ok(())
    })?;
    Ok(Some(rows))
}

/// All values, one after the other.
pub fn digest(case: &Case) -> Result<Digest> {
    let mut digest = Digest::default();
    each_column(case, &mut |reader, nullable| match reader {
        ColumnReader::Int32ColumnReader(_) => {
            let one = |d: &mut Digest, v: &i32| d.bytes(&i64::from(*v).to_le_bytes());
            digested::<parquet::data_type::Int32Type>(reader, nullable, &mut digest, one)
        }
        ColumnReader::Int64ColumnReader(_) => {
            let one = |d: &mut Digest, v: &i64| d.bytes(&v.to_le_bytes());
            digested::<parquet::data_type::Int64Type>(reader, nullable, &mut digest, one)
        }
        ColumnReader::DoubleColumnReader(_) => {
            let one = |d: &mut Digest, v: &f64| d.bytes(&v.to_le_bytes());
            digested::<parquet::data_type::DoubleType>(reader, nullable, &mut digest, one)
        }
        ColumnReader::ByteArrayColumnReader(_) => {
            let one = |d: &mut Digest, v: &parquet::data_type::ByteArray| d.bytes(v.data());
            digested::<parquet::data_type::ByteArrayType>(reader, nullable, &mut digest, one)
        }
        _ => Err(format!("{}: its type is not read here", case.name).into()),
    })?;
    Ok(digest)
}

fn digested<T: DataType>(
    reader: ColumnReader,
    nullable: bool,
    digest: &mut Digest,
    one: impl Fn(&mut Digest, &T::T),
) -> Result<()> {
    drain::<T>(reader, nullable, |values, levels| {
        let mut values = values.iter();
        if !nullable {
            values.for_each(|value| one(digest, value));
            return;
        }
        for level in levels {
            match (*level > 0).then(|| values.next()).flatten() {
                Some(value) => one(digest, value),
                None => digest.null(),
            }
        }
    })?;
    Ok(())
}

/// Hands over the reader of the case's column of each row group, and whether it may hold nulls.
fn each_column(case: &Case, take: &mut dyn FnMut(ColumnReader, bool) -> Result<()>) -> Result<()> {
    let file = SerializedFileReader::new(case.bytes.clone())?;
    for group in 0..file.num_row_groups() {
        let group = file.get_row_group(group)?;
        let nullable = group.metadata().column(case.column).column_descr().max_def_level() > 0;
        take(group.get_column_reader(case.column)?, nullable)?;
    }
    Ok(())
}

/// Reads all of `reader` and shows values and definition levels; answers the rows.
fn drain<T: DataType>(
    reader: ColumnReader,
    nullable: bool,
    mut show: impl FnMut(&[T::T], &[i16]),
) -> Result<usize> {
    let mut reader = get_typed_column_reader::<T>(reader);
    let (mut values, mut levels, mut rows) = (Vec::new(), Vec::new(), 0);
    loop {
        values.clear();
        levels.clear();
        let wanted = nullable.then_some(&mut levels);
        let (records, _, _) = reader.read_records(BATCH_ROWS, wanted, None, &mut values)?;
        if records == 0 {
            return Ok(rows);
        }
        rows += records;
        show(black_box(&values), &levels);
    }
}
