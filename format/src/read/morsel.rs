//! The stepping reader of one morsel.

use std::ops::Range;
use std::sync::Arc;

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Bitmap;

use super::RowGroupScan;
use super::chunk::Chunk;
use super::layout::{Layout, PageRows};
use crate::column::{ColumnShape, LeafCursor, PageCursor};
use crate::error::{Error, Result};
use crate::io::Need;
use crate::page::PageContext;
use crate::selection::Selection;
use crate::types::DataType;
use crate::vector::{Vector, concat};

/// Decodes the columns of one morsel: a range of rows of a row group.
///
/// Each column is read forwards, in pieces as large as the caller likes, and independently of the
/// others. Pages without a selected row are not decompressed.
#[derive(Debug)]
pub struct MorselReader {
    group: Arc<RowGroupScan>,
    rows: Range<u64>,
    /// By leaf of the scan.
    pub(super) leaves: Vec<Position>,
}

/// Where the reader is in one column chunk.
#[derive(Debug, Default)]
pub(super) struct Position {
    pub(super) layout: Option<Arc<Layout>>,
    /// Pages of the morsel that it is not through with.
    pub(super) pages: Range<usize>,
    /// The page that is being read: the first of `pages`.
    cursor: Option<PageCursor>,
    /// The same of a leaf in a nested column.
    pub(super) nested: Option<LeafCursor>,
    /// Rows below are passed.
    pub(super) next_row: u64,
    /// What ended the reading of the column, by its first leaf: where its cursors stand is not known.
    failed: Option<Error>,
}

impl MorselReader {
    /// A reader of rows `rows`, one of the ranges that [`RowGroupScan::cut`] answered.
    #[must_use]
    pub fn new(group: &Arc<RowGroupScan>, rows: Range<u64>) -> Self {
        let leaves = (0..group.scan().leaf_count()).map(|_| Position::default()).collect();
        Self { group: Arc::clone(group), rows, leaves }
    }

    /// The row group.
    #[must_use]
    pub fn group(&self) -> &Arc<RowGroupScan> {
        &self.group
    }

    /// The rows of the morsel, counted within the row group.
    #[must_use]
    pub fn rows(&self) -> &Range<u64> {
        &self.rows
    }

    /// The bytes that are missing before rows `ranges` (sorted, within the morsel) of the columns
    /// `columns` can be read; `None` if none are. Where page headers tell the pages, memory for these is taken
    /// from `budget`.
    ///
    /// # Errors
    /// Those of the requests; `Corrupt` or `Truncated` if page headers cannot be walked; `LimitExceeded` if memory
    /// is refused.
    pub fn want(
        &mut self,
        columns: &[usize],
        ranges: &[Range<u64>],
        budget: &Budget,
    ) -> Result<Option<Need>> {
        let mut required = Vec::new();
        for column in columns {
            for leaf in self.group.scan().leaves_of(*column) {
                self.want_of_leaf(leaf, (ranges, budget), &mut required)?;
            }
        }
        if required.is_empty() {
            return Ok(None);
        }
        required.sort_by_key(|range| range.start);
        Ok(Some(Need { required, useful: Vec::new() }))
    }

    fn want_of_leaf(
        &mut self,
        leaf: usize,
        (ranges, budget): (&[Range<u64>], &Budget),
        required: &mut Vec<Range<u64>>,
    ) -> Result<()> {
        if is_valueless(self.group.chunk(leaf)?) {
            return Ok(());
        }
        let Some(layout) = self.layout(leaf, required, budget)? else { return Ok(()) };
        let chunk = self.group.chunk(leaf)?;
        // It was read as a whole, and stays here until the last morsel is through with it.
        if layout.whole && !layout.pages.is_empty() {
            return Ok(());
        }
        let mut any = false;
        // The page that is being read is here, and its dictionary.
        let position = &self.leaves[leaf];
        let is_open = position.cursor.is_some() || position.nested.is_some();
        let mut after = position.pages.start + usize::from(is_open);
        for rows in ranges {
            let pages = layout.overlapping(rows);
            for page in pages.start.max(after)..pages.end {
                any = true;
                required.extend(chunk.want_page(&layout, page)?);
            }
            after = after.max(pages.end);
        }
        if any {
            required.extend(chunk.want_dictionary(&layout)?);
        }
        Ok(())
    }

    /// The layout of a leaf's chunk, if it is known or its bytes are here.
    pub(super) fn layout(
        &mut self,
        leaf: usize,
        required: &mut Vec<Range<u64>>,
        budget: &Budget,
    ) -> Result<Option<Arc<Layout>>> {
        let position = &mut self.leaves[leaf];
        if position.layout.is_none() {
            let chunk = self.group.chunk(leaf)?;
            if let Some(unit) = chunk.want_layout(self.group.scan().file(), budget)? {
                required.push(unit);
                return Ok(None);
            }
            position.layout = chunk.layout();
            if let Some(layout) = &position.layout {
                position.pages = layout.overlapping(&self.rows);
                position.next_row = self.rows.start;
            }
        }
        Ok(position.layout.clone())
    }

    /// Where to stop within `rows`, whose bytes are here: where the last page that ends among them
    /// ends, so that no vector is put together from two pages; the end of `rows` if there is none
    /// or if less than a quarter of them would be left.
    pub(super) fn page_end(&self, rows: &Range<u64>) -> u64 {
        let layouts = self.leaves.iter().filter_map(|leaf| leaf.layout.as_ref());
        let ends = layouts.filter(|layout| layout.rows_known).filter_map(|layout| {
            let last = layout.pages.get(layout.overlapping(rows).end.checked_sub(1)?)?;
            let end = last.first_row + last.rows;
            Some(if end <= rows.end { end } else { last.first_row })
        });
        let least = rows.start + (rows.end - rows.start) / 4;
        ends.filter(|end| *end > least).max().unwrap_or(rows.end)
    }

    /// Reads of rows `rows` (within the morsel, not before rows read earlier) of column `column`
    /// those that `selection` (over these rows) chooses. Their bytes are here: [`MorselReader::want`]
    /// needs nothing more for them. After an error the column answers with that error again.
    ///
    /// # Errors
    /// `Corrupt`, `Truncated`, `Unsupported` or `LimitExceeded`, with the place; `Internal` if the
    /// bytes are not here, rows are read backwards, or the selection is not over them.
    pub fn read(
        &mut self,
        column: usize,
        rows: Range<u64>,
        selection: &Selection,
        context: &mut PageContext,
    ) -> Result<Vector> {
        if rows.end.checked_sub(rows.start) != Some(selection.total() as u64) {
            return Err(Error::internal("a selection over other rows than are read"));
        }
        let count = selection.count();
        let leaves = self.group.scan().leaves_of(column);
        if count == 0 {
            return Ok(Vector::null(0));
        }
        let is_flat = match self.group.scan().columns().get(column) {
            Some(column) => column.is_flat(),
            None => return Err(Error::internal("a column outside the scan")),
        };
        if rows.end > self.rows.end {
            return Err(Error::internal("rows are read within the morsel"));
        }
        let first = leaves.start;
        let failed = self.leaves.get(first).and_then(|leaf| leaf.failed.as_ref());
        // A column without leaves has none that could have failed.
        if let Some(error) = failed.filter(|_| !leaves.is_empty()) {
            return Err(error.clone());
        }
        if is_flat && is_valueless(self.group.chunk(first)?) {
            return Ok(Vector::null(count));
        }
        self.group.scan().metrics().rows_decoded(column, count);
        let mask = (!selection.is_all()).then(|| selection.mask());
        let read = if is_flat {
            self.read_flat(first, &rows, mask.as_ref(), context)
        } else {
            self.read_nested(column, &rows, mask.as_ref(), context)
        };
        if let (Err(error), Some(leaf)) = (&read, self.leaves.get_mut(first))
            && !leaves.is_empty()
        {
            leaf.failed = Some(error.clone());
        }
        read
    }

    /// The layout of a leaf that is read next from row `row` on.
    pub(super) fn layout_at(
        &mut self,
        leaf: usize,
        row: u64,
        budget: &Budget,
    ) -> Result<Arc<Layout>> {
        let Some(layout) = self.layout(leaf, &mut Vec::new(), budget)? else {
            return Err(Error::internal("the column chunk is not here"));
        };
        if row < self.leaves[leaf].next_row {
            return Err(Error::internal("rows are read forwards"));
        }
        Ok(layout)
    }

    fn read_flat(
        &mut self,
        leaf: usize,
        rows: &Range<u64>,
        mask: Option<&Bitmap>,
        context: &mut PageContext,
    ) -> Result<Vector> {
        let layout = self.layout_at(leaf, rows.start, context.budget())?;
        let mut parts = Vec::new();
        for PageRows { page, passed, count, from, chosen } in layout.chosen(rows, mask) {
            let words = mask.map(Bitmap::words);
            let part = self.read_page(leaf, &layout, (page, passed), context, |cursor, shape| {
                cursor.skip(passed - cursor.row())?;
                match words {
                    Some(words) if chosen < count => {
                        cursor.read_masked(count, words, from, chosen, shape)
                    }
                    _ => cursor.read(count, shape),
                }
            });
            parts.push(part?);
        }
        self.leaves[leaf].next_row = rows.end;
        concat(&parts)
    }

    /// Runs `read` on the cursor of page `page`, which it opens and moves to if need be: to row `row` of the page
    /// or before.
    fn read_page(
        &mut self,
        leaf: usize,
        layout: &Arc<Layout>,
        (page, row): (usize, usize),
        context: &mut PageContext,
        read: impl FnOnce(&mut PageCursor, &ColumnShape) -> Result<Vector>,
    ) -> Result<Vector> {
        let chunk = self.group.chunk(leaf)?;
        let position = &mut self.leaves[leaf];
        if position.pages.start != page || position.cursor.is_none() {
            chunk.finish_pages(layout, position.pages.start..page);
            position.pages.start = page;
            position.cursor = None;
            let opened = chunk.open_page(layout, page, context)?;
            let dictionary = chunk.dictionary(layout, context)?;
            let shape = &chunk.leaf().shape;
            position.cursor = Some(match chunk.nearest(page, row) {
                Some(cursor) => cursor,
                None => PageCursor::new(opened, shape, dictionary.as_ref(), context.budget())
                    .map_err(|error| chunk.locate(error, layout, page))?,
            });
        }
        let Some(cursor) = &mut position.cursor else {
            return Err(Error::internal("a page without a cursor"));
        };
        read(cursor, &chunk.leaf().shape).map_err(|error| chunk.locate(error, layout, page))
    }
}

/// Whether all rows of a flat column are null by its type.
fn is_valueless(chunk: &Chunk) -> bool {
    let leaf = chunk.leaf();
    leaf.max_levels.is_none() && leaf.shape.data_type == DataType::Null
}

impl Drop for MorselReader {
    fn drop(&mut self) {
        for (leaf, position) in self.leaves.iter_mut().enumerate() {
            let Ok(chunk) = self.group.chunk(leaf) else { continue };
            if let Some(cursor) = position.cursor.take().filter(|_| position.failed.is_none()) {
                chunk.leave_at(position.pages.start, cursor);
            }
            let seen = position.layout.as_ref().map(|_| position.pages.clone());
            chunk.finish_morsel(&self.rows, seen);
        }
    }
}
