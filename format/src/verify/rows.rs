//! What only rows can show: the order that a row group claims, and leaves of one column that disagree.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::ops::Range;

use super::{Check, Visit, severity_of};
use crate::batch::Batch;
use crate::error::{Error, ErrorKind, Place, Result};
use crate::metadata::SortingColumn;
use crate::prune::PruneValue;
use crate::read::{BatchOptions, Columns};
use crate::schema::Leaf;
use crate::types::DataType;
use crate::vector::Cell;

/// Bytes up to which two values are compared: very many rows may have one value of very many bytes.
const COMPARED_BYTES: usize = 16 << 10;

/// Checks both.
///
/// # Errors
/// `Io`, and memory that is refused.
pub(super) fn check(visit: &mut Visit<'_>) -> Result<()> {
    let columns = visit.file.schema().columns();
    for (index, column) in columns.iter().enumerate() {
        let is_sound = !visit.spoilt.get(column.leaves.clone()).is_some_and(|s| s.contains(&true));
        if !column.is_flat && is_sound {
            visit.in_chunk = 0;
            nesting(visit, index)?;
        }
    }
    visit.in_chunk = 0;
    sorting(visit)
}

/// Whether the leaves of a column agree on the lists and structs around them.
fn nesting(visit: &mut Visit<'_>, column: usize) -> Result<()> {
    let options = BatchOptions {
        columns: Columns::At(vec![column]),
        budget: Some(visit.budget.clone()),
        ..BatchOptions::default()
    };
    // Row group, and its first row that no batch had yet.
    let (mut group, mut row) = (0, 0);
    let mut failed = None;
    match visit.file.batches(options) {
        Ok(batches) => {
            for batch in batches {
                match batch {
                    Ok(batch) => {
                        let Some(origin) = batch.origin() else { continue };
                        group = origin.row_group;
                        row = origin.first_row + batch.rows() as u64;
                    }
                    Err(error) => failed = Some(error),
                }
            }
        }
        Err(error) => failed = Some(error),
    }
    let Some(error) = failed else { return Ok(()) };
    // What VARIANTs mean is another matter than what leaves hold.
    if matches!(error.kind(), ErrorKind::Unsupported(_)) {
        return Ok(());
    }
    let of = error.place().row_group.unwrap_or(group);
    let row = if of == group { row } else { 0 };
    let (place, rows) = where_it_broke(visit, column, of, row);
    let behind = rows.end..visit.file.num_rows();
    visit.broken(Check::Nesting, error, &place, Some(rows))?;
    if !behind.is_empty() {
        let place = Place { row_group: Some(of + 1), page: None, file_offset: None, ..place };
        let what = "behind a broken row group the nesting of this column is not verified";
        visit.unverified(Check::Nesting, place, what, Some(behind));
    }
    Ok(())
}

/// The page of the first leaf of `column` that has row `row` of a row group, and the rows of the file from
/// there to the end of the row group.
fn where_it_broke(
    visit: &Visit<'_>,
    column: usize,
    row_group: u32,
    row: u64,
) -> (Place, Range<u64>) {
    let mut rows = 0u64..0;
    for group in visit.file.footer().row_groups().take(row_group as usize + 1) {
        rows = rows.end..rows.end.saturating_add(visit.rows_of(group.index()));
    }
    rows.start = (rows.start + row).min(rows.end);
    let mut place = Place { row_group: Some(row_group), ..visit.place() };
    let leaf = visit.file.schema().columns().get(column).map(|column| column.leaves.start);
    let Some(leaf) = leaf else { return (place, rows) };
    place.column = visit.file.schema().leaves().get(leaf).map(|leaf| leaf.dotted_path.clone());
    if let Some(pages) = visit.page_starts.get(&(row_group as usize, leaf)) {
        let page = pages.partition_point(|(first, _)| *first <= row).saturating_sub(1);
        place.page = u32::try_from(page).ok();
        place.file_offset = pages.get(page).map(|(_, offset)| *offset);
    }
    (place, rows)
}

/// Whether rows are in the order that their row group claims.
fn sorting(visit: &mut Visit<'_>) -> Result<()> {
    let file = visit.file;
    let (footer, schema) = (file.footer(), file.schema());
    // Row groups that follow one another with one order are read together.
    let mut by_order: Vec<(&[SortingColumn], Vec<usize>)> = Vec::new();
    for group in footer.row_groups() {
        let order = group.sorting_columns();
        if order.is_empty() || group.num_rows() == 0 {
            continue;
        }
        match by_order.last_mut() {
            Some((known, groups)) if *known == order => groups.push(group.index()),
            _ => by_order.push((order, vec![group.index()])),
        }
    }
    for (order, groups) in by_order {
        let mut columns = Vec::new();
        let mut known = HashSet::new();
        for sorting in order {
            let leaf = sorting.column as usize;
            // Rows that are equal so far are equal in what they were compared by.
            if !known.insert(leaf) {
                continue;
            }
            match schema.leaves().get(leaf) {
                Some(leaf) if leaf.max_repetition_level == 0 => columns.push((leaf, *sorting)),
                Some(leaf) => {
                    let column = Some(leaf.dotted_path.clone());
                    let place = Place { column, ..visit.place() };
                    let what = "the order of rows by the elements of a list is not verified";
                    visit.unverified(Check::Sorting, place, what, None);
                    break;
                }
                None => {
                    let place =
                        Place { row_group: groups.first().map(|g| *g as u32), ..visit.place() };
                    let what = format!("sorted by column {leaf}, which does not exist");
                    visit.wrong(Check::Sorting, &place, what);
                    break;
                }
            }
        }
        let is_spoilt = columns.iter().any(|(leaf, _)| visit.spoilt[leaf.index]);
        if !columns.is_empty() && !is_spoilt {
            in_order(visit, &columns, groups)?;
        }
    }
    Ok(())
}

/// The first pair of rows of each of `groups` that is not in order by `columns`.
fn in_order(
    visit: &mut Visit<'_>,
    columns: &[(&Leaf, SortingColumn)],
    groups: Vec<usize>,
) -> Result<()> {
    let options = BatchOptions {
        columns: Columns::Leaves(columns.iter().map(|(leaf, _)| leaf.index).collect()),
        row_groups: Some(groups),
        budget: Some(visit.budget.clone()),
        ..BatchOptions::default()
    };
    let place = visit.place();
    // The batch in front, whose last row is compared with the first of the next.
    let mut last: Option<(u32, Batch)> = None;
    let (mut told, mut too_long) = (None, false);
    let batches = match visit.file.batches(options) {
        Ok(batches) => batches,
        Err(error) => return keeps_from_looking(&error),
    };
    let keys: Vec<(&DataType, SortingColumn)> =
        columns.iter().map(|(leaf, sorting)| (&leaf.data_type, *sorting)).collect();
    for batch in batches {
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => return keeps_from_looking(&error),
        };
        let Some(origin) = batch.origin() else { continue };
        let group = origin.row_group;
        let before = last.take().filter(|(of, _)| *of == group).map(|(_, before)| before);
        for row in 0..batch.rows() {
            if told == Some(group) {
                break;
            }
            let (in_front, at) = match (row.checked_sub(1), &before) {
                (Some(at), _) => (&batch, at),
                (None, Some(before)) if before.rows() > 0 => (before, before.rows() - 1),
                (None, _) => continue,
            };
            let order = compare(&keys, &mut too_long, |key| {
                (
                    innermost(in_front.columns()[key].cell(at)),
                    innermost(batch.columns()[key].cell(row)),
                )
            });
            if order == Some(Ordering::Greater) {
                let place = Place {
                    row_group: Some(group),
                    column: columns.first().map(|(leaf, _)| leaf.dotted_path.clone()),
                    ..place.clone()
                };
                let row = origin.first_row + row as u64;
                let what = format!(
                    "row {row} of the row group belongs before the one in front of it, by the order claimed"
                );
                visit.wrong(Check::Sorting, &place, what);
                told = Some(group);
            }
        }
        last = Some((group, batch));
    }
    if too_long {
        let column = columns.first().map(|(leaf, _)| leaf.dotted_path.clone());
        let what = format!(
            "the order of rows whose values agree in their first {COMPARED_BYTES} bytes is not verified"
        );
        visit.unverified(Check::Sorting, Place { column, ..place }, what, None);
    }
    Ok(())
}

/// The value of a leaf that stands alone in structs.
fn innermost(mut cell: Cell<'_>) -> Cell<'_> {
    while let Cell::Struct { children: [only], row } = cell {
        cell = only.cell(row);
    }
    cell
}

/// Broken pages were told before.
fn keeps_from_looking(error: &Error) -> Result<()> {
    severity_of(error).map(drop)
}

/// How two rows stand to one another, whose values for each key `cells` gives; `None` where values have no
/// order (NaN), or may differ only behind what is compared, which is told by `too_long`.
fn compare<'a>(
    keys: &[(&DataType, SortingColumn)],
    too_long: &mut bool,
    cells: impl Fn(usize) -> (Cell<'a>, Cell<'a>),
) -> Option<Ordering> {
    for (key, (data_type, sorting)) in keys.iter().enumerate() {
        let order = match cells(key) {
            (Cell::Null, Cell::Null) => Ordering::Equal,
            (Cell::Null, _) if sorting.nulls_first => Ordering::Less,
            (_, Cell::Null) if sorting.nulls_first => Ordering::Greater,
            (Cell::Null, _) => Ordering::Greater,
            (_, Cell::Null) => Ordering::Less,
            (one, other) => {
                let order = order(data_type, one, other, too_long)?;
                if sorting.descending { order.reverse() } else { order }
            }
        };
        if order.is_ne() {
            return Some(order);
        }
    }
    Some(Ordering::Equal)
}

fn order(
    data_type: &DataType,
    one: Cell<'_>,
    other: Cell<'_>,
    too_long: &mut bool,
) -> Option<Ordering> {
    match (one, other) {
        // One entry of a dictionary, most likely.
        (Cell::Bytes(one), Cell::Bytes(other)) if std::ptr::eq(one, other) => Some(Ordering::Equal),
        (Cell::Bytes(one), Cell::Bytes(other)) if *data_type != DataType::Int96 => {
            let cut = |bytes: &'_ [u8]| bytes.len().min(COMPARED_BYTES);
            let order = one[..cut(one)].cmp(&other[..cut(other)]);
            if order.is_eq() && one.len().max(other.len()) > COMPARED_BYTES {
                *too_long = true;
                return None;
            }
            Some(order)
        }
        _ => PruneValue::of_cell(data_type, one)?.order(&PruneValue::of_cell(data_type, other)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_and_directions_are_those_of_the_claim() {
        let cell = |value: Option<f64>| value.map_or(Cell::Null, Cell::Float64);
        let of = |one: [_; 2], other: [_; 2], descending, nulls_first| {
            let sorting = SortingColumn { column: 0, descending, nulls_first };
            let keys = [(&DataType::Float64, sorting); 2];
            compare(&keys, &mut false, |key| (cell(one[key]), cell(other[key])))
        };
        let (one, two, null) = (Some(1.0), Some(2.0), None);
        for nulls_first in [false, true] {
            let of = |one, other, descending| of(one, other, descending, nulls_first);
            assert_eq!(of([one, one], [two, one], false), Some(Ordering::Less));
            assert_eq!(of([one, one], [two, one], true), Some(Ordering::Greater));
            assert_eq!(of([one, two], [one, one], false), Some(Ordering::Greater));
            assert_eq!(of([null, two], [null, two], true), Some(Ordering::Equal));
            // NaN has no order, but is only looked at where what is in front of it does not tell.
            assert_eq!(of([one, Some(f64::NAN)], [one, two], false), None);
            assert_eq!(of([one, Some(f64::NAN)], [two, two], false), Some(Ordering::Less));
            for descending in [false, true] {
                let first = if nulls_first { Ordering::Less } else { Ordering::Greater };
                assert_eq!(of([null, one], [two, one], descending), Some(first));
                assert_eq!(of([two, one], [null, one], descending), Some(first.reverse()));
            }
        }
    }

    #[test]
    fn long_values_are_compared_as_far_as_told() {
        let of = {
            let sorting = SortingColumn { column: 0, descending: false, nulls_first: false };
            let keys = [(&DataType::Binary, sorting)];
            move |one: &[u8], other: &[u8]| {
                let mut too_long = false;
                let order =
                    compare(&keys, &mut too_long, |_| (Cell::Bytes(one), Cell::Bytes(other)));
                (order, too_long)
            }
        };
        let long = vec![7; COMPARED_BYTES + 1];
        let mut other = long.clone();
        assert_eq!(of(&long, &long), (Some(Ordering::Equal), false), "one value");
        assert_eq!(of(&long, &other), (None, true));
        assert_eq!(of(&long, &other[..COMPARED_BYTES]), (None, true));
        other[COMPARED_BYTES - 1] = 6;
        assert_eq!(of(&long, &other), (Some(Ordering::Greater), false));
        assert_eq!(of(b"a", b"ab"), (Some(Ordering::Less), false));
    }
}
