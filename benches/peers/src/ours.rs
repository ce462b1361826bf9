//! Millwork's side: batches of one column, on this thread.

use std::hint::black_box;

use millwork_format::limits::Limits;
use millwork_format::read::{BatchOptions, Batches, File};
use millwork_format::vector::Cell;

use crate::Result;
use crate::case::{Case, Digest};

fn batches(case: &Case) -> Result<Batches> {
    let file = File::from_bytes("memory", case.buffer.clone(), &Limits::standard())?;
    let columns = Some(vec![case.column]);
    Ok(file.batches(BatchOptions { columns, ..BatchOptions::default() })?)
}

/// Vectors as the file holds them: codes stay codes.
pub fn read(case: &Case) -> Result<Option<usize>> {
    let mut rows = 0;
    for batch in batches(case)? {
        rows += black_box(batch?).rows();
    }
    Ok(Some(rows))
}

/// Flat vectors: one value a row.
pub fn read_flat(case: &Case) -> Result<Option<usize>> {
    let mut rows = 0;
    for batch in batches(case)? {
        for column in batch?.columns() {
            rows += black_box(column.flatten()?).len();
        }
    }
    Ok(Some(rows))
}

/// All values, one after the other.
pub fn digest(case: &Case) -> Result<Digest> {
    let mut digest = Digest::default();
    for batch in batches(case)? {
        for column in batch?.columns() {
            for row in 0..column.len() {
                match column.cell(row) {
                    Cell::Null => digest.null(),
                    Cell::Integer(value) => digest.bytes(&(value as i64).to_le_bytes()),
                    Cell::Float64(value) => digest.bytes(&value.to_le_bytes()),
                    Cell::Bytes(bytes) => digest.bytes(bytes),
                    other => return Err(format!("{}: no digest of {other:?}", case.name).into()),
                }
            }
        }
    }
    Ok(digest)
}
