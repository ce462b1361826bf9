//! Shows what the first batch of a file is made of, for ARCHITECTURE.md:
//! `cargo run -p conformance --example vectors -- FILE COLUMN..`

use std::path::Path;

use millwork_format::limits::Limits;
use millwork_format::read::{BatchOptions, Columns, File};
use millwork_format::record::text::write_value;
use millwork_format::types::{DataType, Field};
use millwork_format::vector::{Codes, Data, Vector};

/// Values that are shown of a vector.
const SHOWN: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("which file?")?;
    let file = File::open(Path::new(&path), &Limits::standard())?;
    let columns = arguments
        .map(|name| file.schema().find(&name).ok_or_else(|| format!("no column {name}")))
        .collect::<Result<Vec<_>, _>>()?;
    let mut batches =
        file.batches(BatchOptions { columns: Columns::At(columns), ..Default::default() })?;
    let fields = batches.fields();
    if let Some(batch) = batches.next() {
        let batch = batch?;
        println!("batch of {} rows, {:?}", batch.rows(), batch.origin());
        for (field, vector) in fields.iter().zip(batch.columns()) {
            println!("{}", described(field, vector));
        }
    }
    Ok(())
}

fn described(field: &Field, vector: &Vector) -> String {
    let kind = match vector.data() {
        Data::Dictionary(codes, dictionary) => {
            let width = match codes {
                Codes::U8(_) => "u8",
                Codes::U16(_) => "u16",
                Codes::U32(_) => "u32",
            };
            let entries = values(&field.data_type, dictionary.values());
            let first: Vec<u32> = (0..vector.len().min(SHOWN)).map(|row| codes.get(row)).collect();
            format!("Dictionary: {width} codes {first:?}.. of entries {entries}")
        }
        data => {
            let debug = format!("{data:?}");
            let variant = debug.split(['(', ' ', '{']).next().unwrap_or_default().to_owned();
            format!("Flat {variant}: {}", values(&field.data_type, vector))
        }
    };
    let nulls = if vector.validity().is_some() { "validity bitmap" } else { "all valid" };
    format!("  {:<13} {:<14} {kind}, {nulls}", field.name, field.data_type.to_string())
}

fn values(data_type: &DataType, vector: &Vector) -> String {
    let mut text = String::from("[");
    for row in 0..vector.len().min(SHOWN) {
        text.push_str(if row == 0 { "" } else { ", " });
        write_value(data_type, vector.cell(row), &mut text);
    }
    text.push_str(if vector.len() > SHOWN { ", ..]" } else { "]" });
    text
}
