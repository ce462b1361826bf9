//! Every bound and count of parquet-testing against the values that were read: what pruning believes
//! must be true.

use std::path::PathBuf;

use super::*;
use crate::read::{BatchOptions, Columns, File};
use crate::vector::{Cell, Vector};

/// The value of a cell in the domain of bounds; `None` for nulls, NaNs and what is never bounded.
fn prune_value(cell: Cell<'_>) -> Option<PruneValue> {
    let float = |value: f64| (!value.is_nan()).then_some(Float(value));
    match cell {
        Cell::Boolean(value) => Some(Boolean(value)),
        Cell::Integer(value) => Some(Integer(value)),
        Cell::Float16(value) => float(value.to_f64()),
        Cell::Float32(value) => float(value.into()),
        Cell::Float64(value) => float(value),
        Cell::Bytes(bytes) => Some(Bytes(bytes.to_vec())),
        _ => None,
    }
}

/// Bounds of rows of a row group: of the whole group, or of a page.
type Known = Vec<(std::ops::Range<u64>, Bounds)>;

/// The rows of `vector`, the first of which is row `first_row` of the row group, lie in `known`.
fn check(vector: &Vector, first_row: u64, known: &Known, place: &str) {
    for (rows, bounds) in known {
        let end = first_row + vector.len() as u64;
        for row in rows.start.max(first_row)..rows.end.min(end) {
            let cell = vector.cell((row - first_row) as usize);
            let Some(value) = prune_value(cell) else {
                let is_nan = !matches!(cell, Cell::Null);
                assert!(bounds.may_have_nan || !is_nan, "{place}: NaN in row {row}");
                assert!(is_nan || bounds.null_count != Some(0), "{place}: null in row {row}");
                continue;
            };
            assert!(!bounds.is_all_null(), "{place}: {value:?} among nulls");
            for (bound, wrong) in [(&bounds.min, Ordering::Less), (&bounds.max, Ordering::Greater)]
            {
                let order = bound.as_ref().and_then(|bound| value.order(bound));
                assert_eq!(order.is_some(), bound.is_some(), "{place}: {value:?}, {bound:?}");
                assert_ne!(order, Some(wrong), "{place}: row {row}, {value:?}, {bound:?}");
            }
        }
    }
}

/// What statistics and page index say of leaf `leaf`, by row group.
fn known(file: &File, bytes: &[u8], leaf: usize) -> Vec<Known> {
    let (footer, schema) = (file.footer(), file.schema());
    let part = |(offset, len): (u64, u32)| &bytes[offset as usize..][..len as usize];
    let mut groups = Vec::new();
    for group in footer.row_groups() {
        let rows = group.num_rows();
        let whole = chunk_bounds(footer, schema, group.index(), leaf).unwrap().unwrap();
        let mut known = vec![(0..rows, whole)];
        let chunk = group.column(leaf).unwrap();
        if let (Some(at), Some(offsets)) = (chunk.column_index(), chunk.offset_index()) {
            let limits = Limits::standard();
            let buffer = Buffer::copy_of(part(at), &Budget::unlimited()).unwrap();
            let index = ColumnIndex::parse(buffer, at.0, &limits).unwrap();
            let file_bytes = bytes.len() as u64;
            let pages = OffsetIndex::parse(part(offsets), offsets.0, file_bytes, &limits).unwrap();
            let ends = pages.first_rows.iter().skip(1).chain([&rows]);
            for (page, (start, end)) in pages.first_rows.iter().zip(ends).enumerate() {
                let bounds = page_bounds(
                    &schema.leaves()[leaf],
                    &index,
                    file.footer().writer(),
                    page,
                    end - start,
                );
                known.push((*start..*end, bounds));
            }
        }
        groups.push(known);
    }
    groups
}

#[test]
fn every_statistic_of_the_corpus_is_true_or_not_believed() {
    let Some(folder) = std::env::var_os("PARQUET_TEST_DATA").map(PathBuf::from) else {
        println!("skipped: PARQUET_TEST_DATA does not name the data folder of parquet-testing");
        return;
    };
    let (mut all, mut bounded) = (0, 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // The large one is a gigabyte of one string.
        if !name.ends_with(".parquet") || name.starts_with("large_string_map") {
            continue;
        }
        let file = match File::open(&path, &Limits::standard()) {
            Ok(file) => file,
            Err(error) => {
                println!("skipped: {error}");
                continue;
            }
        };
        let bytes = std::fs::read(&path).unwrap();
        let mut unread = Vec::new();
        for (index, column) in file.schema().columns().iter().enumerate() {
            if !column.is_flat {
                continue;
            }
            let known = known(&file, &bytes, column.leaves.start);
            match column_is_true(&file, index, &known, &name) {
                Ok(()) => {
                    let of_bounds = |(_, bounds): &&(_, Bounds)| bounds.min.is_some();
                    all += known.iter().map(Vec::len).sum::<usize>();
                    bounded += known.iter().flatten().filter(of_bounds).count();
                }
                Err(error) => unread.push(error),
            }
        }
        if let Some(error) = unread.first() {
            println!("skipped: {} columns of {name}: {error}", unread.len());
        }
    }
    println!("{all} chunks and pages, {bounded} of them with bounds");
    assert!(bounded > 1000, "{bounded} of {all}");
}

/// Reads the flat column `index` and checks each row against what is `known` of its row group.
fn column_is_true(file: &File, index: usize, known: &[Known], name: &str) -> Result<()> {
    let options = BatchOptions { columns: Columns::At(vec![index]), ..BatchOptions::default() };
    let mut nulls = vec![0u64; known.len()];
    for batch in file.batches(options)? {
        let batch = batch?;
        let origin = batch.origin().unwrap();
        let group = origin.row_group as usize;
        let vector = &batch.columns()[0];
        nulls[group] += vector.null_count() as u64;
        let place = format!("{name}, row group {group}, column {index}");
        check(vector, origin.first_row, &known[group], &place);
    }
    for (known, nulls) in known.iter().zip(&nulls) {
        let claimed = known.first().and_then(|(_, bounds)| bounds.null_count);
        assert!(claimed.is_none_or(|claimed| claimed == *nulls), "{name}, {index}");
    }
    Ok(())
}
