//! Rows of a morsel that become a batch together, and what of them is decoded.

use std::ops::Range;

use millwork_codecs::buffer::Bitmap;
use millwork_format::page::PageContext;
use millwork_format::read::MorselReader;
use millwork_format::selection::Selection;
use millwork_format::vector::Vector;

use crate::error::{Error, Result};

/// Rows that become a batch together.
#[derive(Debug)]
pub(super) struct Window {
    /// Within the row group.
    pub(super) rows: Range<u64>,
    /// The rows that vectors hold, of `rows`.
    pub(super) base: Selection,
    /// The survivors, of `base`.
    pub(super) inner: Selection,
    /// Columns of the scan that are decoded, for the rows of `base`, ascending: there may be very many that
    /// are not.
    pub(super) held: Vec<(usize, Vector)>,
}

/// Windows of at most `step` rows of `uncut`, whose next rows are the last; `most` at most.
pub(super) fn cut_windows(uncut: &mut Vec<Range<u64>>, step: u64, most: usize) -> Vec<Window> {
    let mut windows = Vec::new();
    while windows.len() < most
        && let Some(range) = uncut.last_mut()
    {
        let rows = range.start..range.end.min(range.start.saturating_add(step));
        range.start = rows.end;
        if range.is_empty() {
            uncut.pop();
        }
        let all = Selection::All((rows.end - rows.start) as usize);
        windows.push(Window { rows, base: all.clone(), inner: all, held: Vec::new() });
    }
    windows
}

impl Window {
    /// Where column `column` is held, or would be.
    pub(super) fn place(&self, column: usize) -> std::result::Result<usize, usize> {
        self.held.binary_search_by_key(&column, |(held, _)| *held)
    }

    /// Makes sure that column `column` is decoded.
    pub(super) fn read(
        &mut self,
        column: usize,
        reader: &mut MorselReader,
        context: &mut PageContext,
    ) -> Result<()> {
        if let Err(place) = self.place(column) {
            let vector = reader.read(column, self.rows.clone(), &self.base, context)?;
            if vector.len() != self.base.count() {
                return Err(Error::internal("a reader gave another number of rows"));
            }
            self.held.insert(place, (column, vector));
        }
        Ok(())
    }

    /// All `columns` columns, null where they are not decoded.
    pub(super) fn columns(&self, columns: usize, count: usize) -> Vec<Vector> {
        let mut all = vec![Vector::null(count); columns];
        for (column, vector) in &self.held {
            all[*column] = vector.clone();
        }
        all
    }

    pub(super) fn take_columns(&mut self, columns: usize) -> Vec<Vector> {
        let all = self.columns(columns, self.base.count());
        self.held.clear();
        all
    }

    /// Keeps the rows `kept` (over those of `base`); where few are left vectors shrink to them.
    pub(super) fn keep(&mut self, kept: Selection) -> Result<()> {
        if kept.is_none() {
            self.inner = Selection::from_bitmap(Bitmap::filled(false, self.base.count()));
            self.held.clear();
            return Ok(());
        }
        if kept.count() * 2 >= self.base.count() {
            self.inner = kept;
            return Ok(());
        }
        for (_, held) in &mut self.held {
            *held = held.select(&kept)?;
        }
        self.base = self.base.refine(&kept)?;
        self.inner = Selection::All(kept.count());
        Ok(())
    }
}
