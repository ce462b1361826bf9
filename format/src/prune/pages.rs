//! Ranges of rows that may pass, by the page index.
//!
//! In: the column index and offset index of a chunk. Out: ascending, disjoint ranges of rows within
//! the row group, adjacent ones merged. Indexes that contradict one another prove nothing.

use std::ops::Range;

use super::bounds::{Bounds, is_ordered_as_decoded, pair};
use super::{Test, has_one_value_a_row, may_match};
use crate::metadata::{ColumnIndex, OffsetIndex};
use crate::schema::Leaf;

/// The rows, of `row_count` in the row group, on pages whose values may pass all of `tests`.
#[must_use]
pub fn page_selection(
    leaf: &Leaf,
    column_index: &ColumnIndex,
    offset_index: &OffsetIndex,
    row_count: u64,
    tests: &[Test],
) -> Vec<Range<u64>> {
    let first_rows = &offset_index.first_rows;
    let contradictory = column_index.len() != first_rows.len()
        || first_rows.first().is_none_or(|row| *row != 0)
        || first_rows.last().is_none_or(|row| *row >= row_count);
    if contradictory || !has_one_value_a_row(leaf) {
        return all_rows(row_count);
    }
    let ends = first_rows.iter().skip(1).chain([&row_count]);
    let mut kept: Vec<Range<u64>> = Vec::new();
    for (page, (start, end)) in first_rows.iter().zip(ends).enumerate() {
        let Some(rows) = end.checked_sub(*start) else {
            return all_rows(row_count);
        };
        let bounds = page_bounds(leaf, column_index, page, rows);
        if !tests.iter().all(|test| may_match(test, &bounds)) {
            continue;
        }
        match kept.last_mut() {
            Some(last) if last.end == *start => last.end = *end,
            _ => kept.push(*start..*end),
        }
    }
    kept
}

fn all_rows(row_count: u64) -> Vec<Range<u64>> {
    if row_count == 0 { Vec::new() } else { std::iter::once(0..row_count).collect() }
}

/// What the column index proves about page `page`, which has `row_count` rows of a leaf that is not
/// repeated.
#[must_use]
pub fn page_bounds(leaf: &Leaf, index: &ColumnIndex, page: usize, row_count: u64) -> Bounds {
    let claimed = index.null_count(page);
    let null_count = match (index.is_null_page(page), claimed) {
        (true, None) => Some(row_count),
        // A page of nulls that counts values, or a page with bounds that counts none.
        (true, Some(nulls)) => Some(nulls).filter(|nulls| *nulls == row_count),
        (false, Some(nulls)) => Some(nulls).filter(|nulls| *nulls < row_count),
        (false, None) => None,
    };
    let known = Bounds::unbounded(leaf, row_count, null_count, index.nan_count(page));
    if !is_ordered_as_decoded(leaf) {
        return known;
    }
    // Bounds of pages may be cut, and there is no place that would say so.
    let (min, max) = pair(leaf, (index.min(page), None), (index.max(page), None));
    known.between(min, max)
}

/// The rows that are in both lists of ascending, disjoint ranges.
///
/// ```
/// use millwork_format::prune::intersection;
/// assert_eq!(intersection(&[0..10, 20..30], &[5..25]), [5..10, 20..25]);
/// ```
#[must_use]
pub fn intersection(left: &[Range<u64>], right: &[Range<u64>]) -> Vec<Range<u64>> {
    let (mut i, mut j) = (0, 0);
    let mut both = Vec::new();
    while let (Some(one), Some(other)) = (left.get(i), right.get(j)) {
        let (start, end) = (one.start.max(other.start), one.end.min(other.end));
        if start < end {
            both.push(start..end);
        }
        if one.end <= other.end {
            i += 1;
        } else {
            j += 1;
        }
    }
    both
}
