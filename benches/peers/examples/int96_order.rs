//! Writes an INT96 column whose bounds have the order INT96_TIMESTAMP_ORDER, with the crate `parquet`.
//!
//! ```text
//! cd benches/peers && cargo run --release --example int96_order -- ../../conformance/fixtures/indexes/int96.parquet
//! ```
//!
//! Row `id` lies 400 `id` nanoseconds behind 1969-12-31 23:59:59.9999, so that days change, instants lie
//! before and after 1970, and several share a microsecond; each seventh is null.

use std::sync::Arc;

use parquet::data_type::{Int64Type, Int96, Int96Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

const GROUPS: i64 = 10;
const GROUP_ROWS: i64 = 50;
const NANOS_A_DAY: i64 = 86_400_000_000_000;
const JULIAN_DAY_OF_1970: i64 = 2_440_588;

fn instant(id: i64) -> Int96 {
    let nanos = id * 400 - 100_000;
    let (day, of_day) = (nanos.div_euclid(NANOS_A_DAY), nanos.rem_euclid(NANOS_A_DAY) as u64);
    let mut value = Int96::new();
    value.set_data(of_day as u32, (of_day >> 32) as u32, (day + JULIAN_DAY_OF_1970) as u32);
    value
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("the file to write")?;
    let schema = parse_message_type("message m { required int64 id; optional int96 at; }")?;
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_data_page_row_count_limit(10)
        .set_write_batch_size(5)
        .build();
    let file = std::fs::File::create(path)?;
    let mut writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties))?;
    for group in 0..GROUPS {
        let ids: Vec<i64> = (group * GROUP_ROWS..(group + 1) * GROUP_ROWS).collect();
        let levels: Vec<i16> = ids.iter().map(|id| i16::from(id % 7 != 0)).collect();
        let present = ids.iter().filter(|id| *id % 7 != 0);
        let instants: Vec<Int96> = present.map(|id| instant(*id)).collect();
        let mut row_group = writer.next_row_group()?;
        let mut column = row_group.next_column()?.ok_or("no column")?;
        column.typed::<Int64Type>().write_batch(&ids, None, None)?;
        column.close()?;
        let mut column = row_group.next_column()?.ok_or("no column")?;
        column.typed::<Int96Type>().write_batch(&instants, Some(&levels), None)?;
        column.close()?;
        row_group.close()?;
    }
    writer.close()?;
    Ok(())
}
