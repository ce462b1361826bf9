//! Writes the files of `conformance/fixtures/interop/alp` with the crate `parquet`: ALP by another program.
//!
//! ```text
//! cd benches/peers && cargo run --release --example alp_fixtures -- ../../conformance/fixtures/interop/alp
//! ```
//!
//! Each file has the columns `v` (optional, null where the row is 3 modulo 11) and `r` (required) of the
//! same values. What the values are is stated once more in `conformance/tests/alp.rs`; one that is changed
//! here alone fails that test.

use std::path::Path;
use std::sync::Arc;

use parquet::basic::Encoding;
use parquet::data_type::{DataType, DoubleType, FloatType};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const ROWS: usize = 3200;

/// Rows of a page: a whole vector and a part of one.
const PAGE_ROWS: usize = 1500;

/// NaN of two kinds, infinities, zero below zero, the least, the largest, and what no decimal is.
const DOUBLES: [u64; 8] = [
    0x7ff8_0000_0000_0000,
    0xfff8_0000_dead_beef,
    0x7ff0_0000_0000_0000,
    0xfff0_0000_0000_0000,
    0x8000_0000_0000_0000,
    0x0000_0000_0000_0001,
    0x7fef_ffff_ffff_ffff,
    0x3fd5_5555_5555_5555,
];
const SINGLES: [u32; 8] = [
    0x7fc0_0000,
    0xffc0_beef,
    0x7f80_0000,
    0xff80_0000,
    0x8000_0000,
    0x0000_0001,
    0x7f7f_ffff,
    0x3eaa_aaab,
];

fn double(row: usize) -> f64 {
    match row {
        row if row % 97 == 5 => f64::from_bits(DOUBLES[row / 97 % 8]),
        // One value for more than a vector; then vectors without a decimal in them.
        1400..=2700 => 12.5,
        3000.. => 1.0 / (row as f64 * 7.0),
        row => (row * 7919 % 100_000) as f64 / 100.0 - 500.0,
    }
}

fn single(row: usize) -> f32 {
    match row {
        row if row % 97 == 5 => f32::from_bits(SINGLES[row / 97 % 8]),
        1400..=2700 => 12.5,
        3000.. => 1.0 / (row as f32 * 7.0),
        row => (row * 7919 % 10_000) as f32 / 10.0 - 500.0,
    }
}

fn write<T: DataType>(
    path: &Path,
    kind: &str,
    version: WriterVersion,
    value: impl Fn(usize) -> T::T,
) -> Result<()> {
    let schema = format!("message m {{ optional {kind} v; required {kind} r; }}");
    let properties = WriterProperties::builder()
        .set_encoding(Encoding::ALP)
        .set_dictionary_enabled(false)
        .set_writer_version(version)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(100)
        .build();
    let file = std::fs::File::create(path)?;
    let schema = Arc::new(parse_message_type(&schema)?);
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    let levels: Vec<i16> = (0..ROWS).map(|row| i16::from(row % 11 != 3)).collect();
    let present: Vec<T::T> = (0..ROWS).filter(|row| levels[*row] == 1).map(&value).collect();
    let all: Vec<T::T> = (0..ROWS).map(&value).collect();
    let mut column = group.next_column()?.ok_or("no first column")?;
    column.typed::<T>().write_batch(&present, Some(&levels), None)?;
    column.close()?;
    let mut column = group.next_column()?.ok_or("no second column")?;
    column.typed::<T>().write_batch(&all, None, None)?;
    column.close()?;
    group.close()?;
    writer.close()?;
    Ok(())
}

fn main() -> Result<()> {
    let folder = std::env::args().nth(1).ok_or("the folder to write to")?;
    let at = |name: &str| Path::new(&folder).join(name);
    let versions = [("v1", WriterVersion::PARQUET_1_0), ("v2", WriterVersion::PARQUET_2_0)];
    for (name, version) in versions {
        write::<DoubleType>(&at(&format!("f64.{name}.parquet")), "double", version, double)?;
        write::<FloatType>(&at(&format!("f32.{name}.parquet")), "float", version, single)?;
    }
    Ok(())
}
