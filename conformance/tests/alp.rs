//! ALP that another program wrote reads as the values that it was given, bit for bit.
//!
//! The files are those of `benches/peers/examples/alp_fixtures.rs`: pages of 1,500 rows, so of a whole
//! vector and a part of one; decimals, a stretch of one value, exceptions, and a page of exceptions alone.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;

use bytemuck::Pod;
use millwork_format::limits::Limits;
use millwork_format::metadata::Encoding;
use millwork_format::read::{BatchOptions, Columns, File};
use millwork_format::vector::Native;

const ROWS: usize = 3200;

const DOUBLES: [u64; 8] = [
    f64::NAN.to_bits(),
    0xfff8_0000_dead_beef, // a NaN below zero, with a payload
    f64::INFINITY.to_bits(),
    f64::NEG_INFINITY.to_bits(),
    (-0.0f64).to_bits(),
    1, // the least above zero
    f64::MAX.to_bits(),
    (1.0f64 / 3.0).to_bits(),
];

const SINGLES: [u32; 8] = [
    f32::NAN.to_bits(),
    0xffc0_beef,
    f32::INFINITY.to_bits(),
    f32::NEG_INFINITY.to_bits(),
    (-0.0f32).to_bits(),
    1,
    f32::MAX.to_bits(),
    (1.0f32 / 3.0).to_bits(),
];

fn double(row: usize) -> u64 {
    match row {
        row if row % 97 == 5 => DOUBLES[row / 97 % 8],
        1400..=2700 => 12.5f64.to_bits(),
        3000.. => (1.0 / (row as f64 * 7.0)).to_bits(),
        row => ((row * 7919 % 100_000) as f64 / 100.0 - 500.0).to_bits(),
    }
}

fn single(row: usize) -> u32 {
    match row {
        row if row % 97 == 5 => SINGLES[row / 97 % 8],
        1400..=2700 => 12.5f32.to_bits(),
        3000.. => (1.0 / (row as f32 * 7.0)).to_bits(),
        row => ((row * 7919 % 10_000) as f32 / 10.0 - 500.0).to_bits(),
    }
}

/// The bits of the values of `column`, `None` where there is none.
fn bits<T: Native, B: Pod>(file: &File, column: usize) -> Vec<Option<B>> {
    let options = BatchOptions { columns: Columns::At(vec![column]), ..BatchOptions::default() };
    let mut found = Vec::new();
    for batch in file.batches(options).unwrap() {
        let vector = batch.unwrap().columns()[0].flatten().unwrap();
        let values: &[T] = vector.values::<T>().unwrap();
        let values: &[B] = bytemuck::cast_slice(values);
        found.extend((0..vector.len()).map(|row| vector.is_valid(row).then(|| values[row])));
    }
    found
}

fn check<T: Native, B: Pod + PartialEq + std::fmt::Debug>(name: &str, value: impl Fn(usize) -> B) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/interop/alp");
    let file = File::open(&folder.join(name), &Limits::standard()).unwrap();
    for leaf in 0..2 {
        let encodings = file.footer().column(0, leaf).unwrap().encodings();
        assert!(encodings.contains(Encoding::Alp), "{name}: {encodings:?}");
    }
    let all: Vec<Option<B>> = (0..ROWS).map(|row| Some(value(row))).collect();
    let some: Vec<Option<B>> = (0..ROWS).map(|row| (row % 11 != 3).then(|| value(row))).collect();
    for (column, expected) in [some, all].iter().enumerate() {
        let found = bits::<T, B>(&file, column);
        assert_eq!(found.len(), ROWS, "{name}");
        for row in 0..ROWS {
            assert_eq!(found[row], expected[row], "{name}, column {column}, row {row}");
        }
    }
}

#[test]
fn files_of_the_crate_parquet() {
    for version in ["v1", "v2"] {
        check::<f64, u64>(&format!("f64.{version}.parquet"), double);
        check::<f32, u32>(&format!("f32.{version}.parquet"), single);
    }
}
