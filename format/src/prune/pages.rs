//! Ranges of rows that may pass, by the page index.
//!
//! In: the column index and offset index of a chunk. Out: ascending, disjoint ranges of rows within
//! the row group, adjacent ones merged. Indexes that contradict one another prove nothing.

use std::ops::Range;
use std::sync::Arc;

use super::bounds::{Bound, Bounds, is_ordered_as_decoded, pair};
use super::writers::credible;
use super::{Filter, Test, has_one_value_a_row, may_match};
use crate::io::coalesce;
use crate::metadata::created_by::Writer;
use crate::metadata::{ColumnIndex, OffsetIndex};
use crate::schema::{Leaf, Schema};

/// The rows of a row group that the page index leaves, and how many pages it took away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageSelection {
    /// Rows that may pass, within the row group: ascending, disjoint, never empty.
    pub rows: Vec<Range<u64>>,
    /// Pages of tested leaves whose bounds were looked at.
    pub pages: u64,
    /// Those of them that hold no row that may pass the tests of their own leaf.
    pub pages_excluded: u64,
}

impl Filter {
    /// The rows, of `row_count` in the row group, that may pass. `index` gives, for the ordinal of a
    /// leaf, its page index, written by `writer`, if it has one; a leaf without proves nothing.
    #[must_use]
    pub fn page_selection(
        &self,
        schema: &Schema,
        writer: Writer<'_>,
        row_count: u64,
        index: impl Fn(usize) -> Option<(Arc<ColumnIndex>, Arc<OffsetIndex>)>,
    ) -> PageSelection {
        let (mut pages, mut pages_excluded) = (0, 0);
        let mut kept: Vec<Vec<Range<u64>>> = Vec::new();
        for test in self.tests() {
            let (leaf, found) = (schema.leaves().get(test.leaf), index(test.leaf));
            let (Some(leaf), Some((bounds, places))) = (leaf, found) else {
                kept.push(all_rows(row_count));
                continue;
            };
            let tests = std::slice::from_ref(&test.test);
            let (rows, excluded) = select(leaf, (&bounds, &places, writer), row_count, tests);
            pages += places.len() as u64;
            pages_excluded += excluded;
            kept.push(rows);
        }
        let all = |parts: Vec<Vec<Range<u64>>>| {
            parts.iter().fold(all_rows(row_count), |left, right| intersection(&left, right))
        };
        let any = |parts: Vec<Vec<Range<u64>>>| {
            parts.iter().fold(Vec::new(), |left, right| union(&left, right))
        };
        let of_test = |test: usize| kept.get(test).cloned().unwrap_or_else(|| all_rows(row_count));
        PageSelection { rows: self.fold(&of_test, &all, &any), pages, pages_excluded }
    }
}

/// The rows, of `row_count` in the row group, on pages whose values may pass all of `tests`, by the indexes that
/// `writer` wrote.
#[must_use]
pub fn page_selection(
    leaf: &Leaf,
    column_index: &ColumnIndex,
    offset_index: &OffsetIndex,
    writer: Writer<'_>,
    row_count: u64,
    tests: &[Test],
) -> Vec<Range<u64>> {
    select(leaf, (column_index, offset_index, writer), row_count, tests).0
}

/// The same, with the number of pages that were left out.
fn select(
    leaf: &Leaf,
    (column_index, offset_index, writer): (&ColumnIndex, &OffsetIndex, Writer<'_>),
    row_count: u64,
    tests: &[Test],
) -> (Vec<Range<u64>>, u64) {
    let first_rows = &offset_index.first_rows;
    let contradictory = column_index.len() != first_rows.len()
        || first_rows.first().is_none_or(|row| *row != 0)
        || first_rows.last().is_none_or(|row| *row >= row_count);
    if contradictory {
        return (all_rows(row_count), 0);
    }
    let repeated = !has_one_value_a_row(leaf);
    let ends = first_rows.iter().skip(1).chain([&row_count]);
    let mut kept: Vec<Range<u64>> = Vec::new();
    let mut excluded = 0;
    for (page, (start, end)) in first_rows.iter().zip(ends).enumerate() {
        let Some(rows) = end.checked_sub(*start) else {
            return (all_rows(row_count), 0);
        };
        let bounds = match repeated {
            false => page_bounds(leaf, column_index, writer, page, rows),
            true => page_bounds_of_slots(leaf, column_index, writer, page),
        };
        let may = |test: &Test| (repeated && *test == Test::IsNull) || may_match(test, &bounds);
        if !tests.iter().all(may) {
            excluded += 1;
            continue;
        }
        match kept.last_mut() {
            Some(last) if last.end == *start => last.end = *end,
            _ => kept.push(*start..*end),
        }
    }
    (kept, excluded)
}

/// What is known of the values of page `page` of a repeated leaf, however many there are.
fn page_bounds_of_slots(
    leaf: &Leaf,
    index: &ColumnIndex,
    writer: Writer<'_>,
    page: usize,
) -> Bounds {
    // Any number of slots will do: only whether all of them are null is asked.
    let is_null = index.is_null_page(page) && !index.contradicts_itself(page);
    let null_count = is_null.then_some(1);
    let known = Bounds::unbounded(leaf, 1, null_count, index.nan_count(page));
    if !is_ordered_as_decoded(leaf) {
        return known;
    }
    let (min, max) = pair_of_page(leaf, index, writer, page);
    known.between(min, max)
}

/// The bounds of page `page`. They may be cut, and there is no place that would say so. ClickHouse wrote empty ones
/// for values that were too long (#103039), arrow-rs for none (#6310).
fn pair_of_page(
    leaf: &Leaf,
    index: &ColumnIndex,
    writer: Writer<'_>,
    page: usize,
) -> (Option<Bound>, Option<Bound>) {
    match credible(leaf, writer, [index.min(page), index.max(page)]) {
        None | Some([Some([]), Some([])]) => (None, None),
        Some([min, max]) => pair(leaf, (min, None), (max, None), false),
    }
}

fn all_rows(row_count: u64) -> Vec<Range<u64>> {
    if row_count == 0 { Vec::new() } else { std::iter::once(0..row_count).collect() }
}

/// What the column index, written by `writer`, proves about page `page`, which has `row_count` rows of a leaf that
/// is not repeated.
#[must_use]
pub fn page_bounds(
    leaf: &Leaf,
    index: &ColumnIndex,
    writer: Writer<'_>,
    page: usize,
    row_count: u64,
) -> Bounds {
    let claimed = index.null_count(page);
    let null_count = match (index.is_null_page(page), claimed) {
        _ if index.contradicts_itself(page) => None,
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
    let (min, max) = pair_of_page(leaf, index, writer, page);
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

/// The rows that are in one of two lists of ascending, disjoint ranges; ranges that touch are joined.
///
/// ```
/// use millwork_format::prune::union;
/// assert_eq!(union(&[0..10, 20..30], &[5..12, 30..31]), [0..12, 20..31]);
/// ```
#[must_use]
pub fn union(left: &[Range<u64>], right: &[Range<u64>]) -> Vec<Range<u64>> {
    coalesce(left.iter().chain(right).cloned().collect())
}
