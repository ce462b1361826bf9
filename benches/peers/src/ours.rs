//! Millwork's side: batches of one column, on this thread.

use std::hint::black_box;

use millwork_format::limits::Limits;
use millwork_format::read::{BatchOptions, Batches, Columns, File};
use millwork_format::vector::{Cell, Data, List, Vector};

use crate::Result;
use crate::case::{Case, Digest};

fn batches(case: &Case) -> Result<Batches> {
    let file = File::from_bytes("memory", case.buffer.clone(), &Limits::standard())?;
    let columns = Columns::At(vec![case.column]);
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
            rows += black_box(flattened(column)?).len();
        }
    }
    Ok(Some(rows))
}

/// The same with flat leaves.
fn flattened(vector: &Vector) -> Result<Vector> {
    let data = match vector.data() {
        Data::List(list) => {
            Data::List(List::new(list.offsets().clone(), flattened(list.child())?)?)
        }
        Data::Struct(children) => {
            let children: Result<Vec<Vector>> = children.iter().map(flattened).collect();
            Data::Struct(children?.into())
        }
        _ => return Ok(vector.flatten()?),
    };
    Ok(Vector::new(data, vector.validity().cloned(), vector.len())?)
}

/// All values, one after the other; of nested columns leaf by leaf.
pub fn digest(case: &Case) -> Result<Vec<Digest>> {
    let mut digests = Vec::new();
    for batch in batches(case)? {
        for column in batch?.columns() {
            let mut leaf = 0;
            add(column, &mut leaf, &mut digests)?;
        }
    }
    Ok(digests)
}

/// Adds what is present in `vector`, which begins with leaf number `leaf`; and nulls where it is one.
fn add(vector: &Vector, leaf: &mut usize, digests: &mut Vec<Digest>) -> Result<()> {
    match vector.data() {
        Data::List(list) => return add(list.child(), leaf, digests),
        Data::Struct(children) => {
            return children.iter().try_for_each(|child| add(child, leaf, digests));
        }
        _ => {}
    }
    if digests.len() == *leaf {
        digests.push(Digest::default());
    }
    let digest = &mut digests[*leaf];
    for row in 0..vector.len() {
        match vector.cell(row) {
            Cell::Null => digest.null(),
            Cell::Integer(value) => digest.bytes(&(value as i64).to_le_bytes()),
            Cell::Float16(value) => digest.bytes(&value.to_le_bytes()),
            Cell::Float32(value) => digest.bytes(&value.to_le_bytes()),
            Cell::Float64(value) => digest.bytes(&value.to_le_bytes()),
            Cell::Bytes(bytes) => digest.bytes(bytes),
            other => return Err(format!("no digest of {other:?}").into()),
        }
    }
    *leaf += 1;
    Ok(())
}
