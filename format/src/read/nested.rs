//! Reading nested columns: leaf by leaf, then put together.
//!
//! Where it is known which rows start in the pages of a leaf, pages without a chosen row are passed over
//! unopened, as in flat columns; of some writers the last chosen row of a page may go on in the next. Where
//! it is not, pages are opened one after the other, and the last row of each may go on.

use std::ops::Range;
use std::sync::Arc;

use millwork_codecs::buffer::Bitmap;

use super::MorselReader;
use super::layout::{Layout, PageRows};
use crate::column::{LeafCursor, LeafRows, RowMask, assemble};
use crate::error::{Error, Place, Result};
use crate::page::PageContext;
use crate::room::room_for;
use crate::vector::Vector;

impl MorselReader {
    /// Of rows `rows` of nested column `column` those that `mask` chooses, at least one.
    pub(super) fn read_nested(
        &mut self,
        column: usize,
        rows: &Range<u64>,
        mask: Option<&Bitmap>,
        context: &mut PageContext,
    ) -> Result<Vector> {
        let count = mask.map_or((rows.end - rows.start) as usize, Bitmap::count_ones);
        let scanned = match self.group().scan().columns().get(column) {
            Some(scanned) => Arc::clone(scanned),
            None => return Err(Error::internal("a column outside the scan")),
        };
        let Some(layout) = &scanned.layout else {
            return Err(Error::internal("a flat column read as a nested one"));
        };
        let leaves = self.group().scan().leaves_of(column);
        let mut read = room_for(leaves.len())?;
        for (position, leaf) in leaves.clone().enumerate() {
            read.push(self.read_leaf(leaf, position, rows, mask, context)?);
        }
        let path_of = |leaf: usize| {
            scanned.leaves.get(leaf).map_or_else(String::new, |leaf| leaf.path.to_string())
        };
        assemble(layout, read, count, path_of).map_err(|error| {
            let column = Some(scanned.field.name.clone());
            let error = error.at(&Place { column, ..Place::default() });
            match self.group().chunk(leaves.start) {
                Ok(chunk) => error.at(chunk.place()),
                Err(_) => error,
            }
        })
    }

    /// Levels and values of one leaf.
    fn read_leaf(
        &mut self,
        leaf: usize,
        position: usize,
        rows: &Range<u64>,
        mask: Option<&Bitmap>,
        context: &mut PageContext,
    ) -> Result<LeafRows> {
        let Some(max) = self.group().chunk(leaf)?.leaf().max_levels else {
            return Err(Error::internal("a leaf without levels"));
        };
        let mut out = LeafRows::new(position, max, context.budget())?;
        let layout = self.layout_at(leaf, rows.start, context.budget())?;
        if layout.rows_known {
            self.read_pages(leaf, &layout, rows, mask, &mut out, context)?;
            self.leaves[leaf].next_row = rows.end;
        } else {
            let streamed = self.read_stream(leaf, &layout, rows, (mask, &mut out), context);
            streamed.map_err(|error| self.losing_the_rest(leaf, error))?;
        }
        Ok(out)
    }

    fn read_stream(
        &mut self,
        leaf: usize,
        layout: &Arc<Layout>,
        rows: &Range<u64>,
        (mask, out): (Option<&Bitmap>, &mut LeafRows),
        context: &mut PageContext,
    ) -> Result<()> {
        let behind = rows.start - self.leaves[leaf].next_row;
        self.stream(leaf, layout, behind, None, context)?;
        self.stream(leaf, layout, rows.end - rows.start, Some((mask, out)), context)?;
        self.check_end(leaf, layout)
    }

    /// Where rows begin behind a broken page is not known.
    fn losing_the_rest(&self, leaf: usize, error: Error) -> Error {
        let passed = self.leaves.get(leaf).map_or(0, |position| position.next_row);
        match error.lost_rows() {
            None => error.rows_lost(self.group().rows().saturating_sub(passed)),
            Some(_) => error,
        }
    }

    fn read_pages(
        &mut self,
        leaf: usize,
        layout: &Arc<Layout>,
        rows: &Range<u64>,
        mask: Option<&Bitmap>,
        out: &mut LeafRows,
        context: &mut PageContext,
    ) -> Result<()> {
        for PageRows { page, passed, count, from, chosen } in layout.chosen(rows, mask) {
            self.open(leaf, layout, page, context)?;
            let row_mask = mask.filter(|_| chosen < count);
            let row_mask = row_mask.map(|mask| RowMask { mask: mask.words(), from });
            self.with_cursor(leaf, layout, |cursor, shape| {
                // At the start of a page what goes on in it was not asked for, or has been read.
                if passed > cursor.row() || !layout.is_aligned {
                    cursor.skip(passed - cursor.row())?;
                }
                cursor.read(count, row_mask, shape, out)
            })?;
            let is_last_chosen = || mask.is_none_or(|mask| mask.get(from + count - 1));
            let ends_page = (passed + count) as u64 == layout.pages[page].rows;
            if !layout.is_aligned && ends_page && page + 1 < layout.pages.len() && is_last_chosen()
            {
                self.open(leaf, layout, page + 1, context)?;
                self.with_cursor(leaf, layout, |cursor, shape| cursor.read(0, None, shape, out))?;
            }
        }
        Ok(())
    }

    /// Passes over the next `rows` rows, page after page, or reads those that a mask chooses. Behind
    /// it the leaf is at the start of a row or at its end.
    fn stream(
        &mut self,
        leaf: usize,
        layout: &Arc<Layout>,
        rows: u64,
        mut wanted: Option<(Option<&Bitmap>, &mut LeafRows)>,
        context: &mut PageContext,
    ) -> Result<()> {
        let mut done = 0;
        loop {
            let position = &self.leaves[leaf];
            let mut page = position.pages.start;
            if position.nested.as_ref().is_some_and(LeafCursor::is_done) {
                page += 1;
            }
            if page >= position.pages.end {
                break;
            }
            // At the start of a row there is nothing of it to be passed.
            if rows == 0 && self.leaves[leaf].nested.as_ref().is_none_or(|c| !c.is_done()) {
                return Ok(());
            }
            self.open(leaf, layout, page, context)?;
            let (left, from) = ((rows - done) as usize, done as usize);
            let passed = self.with_cursor(leaf, layout, |cursor, shape| match &mut wanted {
                None => cursor.skip(left),
                Some((mask, out)) => {
                    let mask = mask.map(|mask| RowMask { mask: mask.words(), from });
                    cursor.read(left, mask, shape, out)
                }
            })?;
            done += passed as u64;
            let position = &mut self.leaves[leaf];
            position.next_row += passed as u64;
            if done == rows && position.nested.as_ref().is_some_and(|cursor| !cursor.is_done()) {
                return Ok(());
            }
        }
        if done < rows {
            let chunk = self.group().chunk(leaf)?;
            return Err(Error::corrupt(format!(
                "the column chunk ends after {} of {} rows",
                self.leaves[leaf].next_row,
                self.group().rows()
            ))
            .at(chunk.place()));
        }
        Ok(())
    }

    /// Behind the last row of the row group there is none.
    fn check_end(&self, leaf: usize, layout: &Arc<Layout>) -> Result<()> {
        let position = &self.leaves[leaf];
        let more = position.nested.as_ref().is_some_and(LeafCursor::has_more_rows);
        if position.next_row == self.group().rows() && more {
            let error = Error::corrupt(format!(
                "pages of more than the {} rows of the row group",
                self.group().rows()
            ));
            return Err(self.group().chunk(leaf)?.locate(error, layout, position.pages.start));
        }
        Ok(())
    }

    /// Makes page `page` the one that is read.
    fn open(
        &mut self,
        leaf: usize,
        layout: &Arc<Layout>,
        page: usize,
        context: &mut PageContext,
    ) -> Result<()> {
        let group = Arc::clone(self.group());
        let chunk = group.chunk(leaf)?;
        let position = &mut self.leaves[leaf];
        if position.pages.start != page || position.nested.is_none() {
            position.nested = None;
            chunk.finish_pages(layout, position.pages.start..page);
            position.pages.start = page;
            let opened = chunk.open_page(layout, page, context)?;
            let dictionary = chunk.dictionary(layout, context)?;
            let scanned = chunk.leaf();
            let Some(max) = scanned.max_levels else {
                return Err(Error::internal("a leaf without levels"));
            };
            let cursor =
                LeafCursor::new(opened, max, &scanned.shape, dictionary.as_ref(), context.budget())
                    .map_err(|error| chunk.locate(error, layout, page))?;
            position.nested = Some(cursor);
        }
        Ok(())
    }

    /// Runs `read` on the cursor of the page that is read.
    fn with_cursor<T>(
        &mut self,
        leaf: usize,
        layout: &Arc<Layout>,
        read: impl FnOnce(&mut LeafCursor, &crate::column::ColumnShape) -> Result<T>,
    ) -> Result<T> {
        let group = Arc::clone(self.group());
        let chunk = group.chunk(leaf)?;
        let position = &mut self.leaves[leaf];
        let page = position.pages.start;
        let Some(cursor) = &mut position.nested else {
            return Err(Error::internal("a page without a cursor"));
        };
        read(cursor, &chunk.leaf().shape).map_err(|error| chunk.locate(error, layout, page))
    }
}
