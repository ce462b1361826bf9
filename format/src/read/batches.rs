//! The plain way in: a file's rows in order, on the calling thread.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::View;

use super::{File, FileScan, MorselReader, RowGroupScan, ScanColumn, ScanMetrics};
use crate::batch::{BATCH_ROWS, Batch, Origin};
use crate::error::Result;
use crate::io::Need;
use crate::page::PageContext;
use crate::room::room_for;
use crate::selection::Selection;
use crate::types::Field;

/// Rows of a morsel.
const MORSEL_ROWS: u64 = 64 << 10;

/// What is read.
#[derive(Clone, Debug, Default)]
pub struct BatchOptions {
    /// Top-level columns by position; all if `None`.
    pub columns: Option<Vec<usize>>,
    /// Row groups by ordinal, one after the other; all, in order, if `None`.
    pub row_groups: Option<Vec<usize>>,
    /// Rows to stop after; all if `None`. No byte of later pages is read.
    pub limit_rows: Option<u64>,
    /// Rows of a batch at most (0 counts as 1). If `None`, as many as keep its values in a CPU's
    /// second cache: [`BATCH_ROWS`] to four times as many.
    pub batch_rows: Option<usize>,
    /// Where memory is taken from; if `None`, an account of [`Limits::decode_memory_bytes`].
    ///
    /// [`Limits::decode_memory_bytes`]: crate::limits::Limits::decode_memory_bytes
    pub budget: Option<Budget>,
}

/// The rows of a file, batch by batch.
#[derive(Debug)]
pub struct Batches {
    scan: Arc<FileScan>,
    context: PageContext,
    /// Row groups that come next; `None`: from `row_group` on.
    chosen: Option<std::vec::IntoIter<usize>>,
    row_group: usize,
    group: Option<Arc<RowGroupScan>>,
    morsels: VecDeque<Range<u64>>,
    /// Ordinal of the next morsel within the row group.
    next_morsel: u32,
    reader: Option<(MorselReader, u64)>,
    rows_left: u64,
    batch_rows: usize,
}

impl Batches {
    pub(super) fn new(file: &File, mut options: BatchOptions) -> Result<Self> {
        let all = || (0..file.schema().columns().len()).collect();
        let columns: Vec<usize> = options.columns.take().unwrap_or_else(all);
        let metrics = Arc::new(ScanMetrics::new(columns.len()));
        Ok(Self::over(FileScan::new(file, 0, &columns, metrics)?, options))
    }

    pub(super) fn of(file: &File, columns: Vec<ScanColumn>, options: BatchOptions) -> Self {
        let metrics = Arc::new(ScanMetrics::new(columns.len()));
        let columns = columns.into_iter().map(Arc::new).collect();
        Self::over(FileScan::of(file, 0, columns, metrics), options)
    }

    fn over(scan: Arc<FileScan>, options: BatchOptions) -> Self {
        let limits = scan.file().limits();
        let budget = options.budget.unwrap_or_else(|| limits.budget());
        let context = PageContext::new(budget, limits.clone());
        let rows_left = options.limit_rows.unwrap_or(u64::MAX);
        let batch_rows = options.batch_rows.unwrap_or_else(|| cached_rows(&scan)).max(1);
        let morsels = VecDeque::new();
        Self {
            scan,
            context,
            chosen: options.row_groups.map(Vec::into_iter),
            row_group: 0,
            group: None,
            morsels,
            next_morsel: 0,
            reader: None,
            rows_left,
            batch_rows,
        }
    }

    /// The columns of the batches.
    #[must_use]
    pub fn fields(&self) -> Vec<Field> {
        self.scan.columns().iter().map(|column| column.field.clone()).collect()
    }

    fn read_next(&mut self) -> Result<Option<Batch>> {
        let all: Vec<usize> = (0..self.scan.columns().len()).collect();
        while self.rows_left > 0 {
            let Some((reader, row)) = &mut self.reader else {
                if !self.next_morsel()? {
                    return Ok(None);
                }
                continue;
            };
            let left = (reader.rows().end - *row).min(self.rows_left);
            if left == 0 {
                self.reader = None;
                continue;
            }
            let most = self.batch_rows.min(reader.group().fitting_rows()) as u64;
            let ahead = *row..*row + left;
            while let Some(need) = reader.want(&all, std::slice::from_ref(&ahead))? {
                bring(&self.scan, &need, self.context.budget())?;
            }
            let rows = *row..reader.page_end(&(*row..*row + left.min(most)));
            let count = (rows.end - rows.start) as usize;
            let selection = Selection::All(count);
            let mut columns = room_for(all.len())?;
            for column in &all {
                columns.push(reader.read(*column, rows.clone(), &selection, &mut self.context)?);
            }
            let origin = Origin {
                file: self.scan.ordinal(),
                row_group: reader.group().ordinal() as u32,
                morsel: self.next_morsel - 1,
                first_row: rows.start,
            };
            *row = rows.end;
            self.rows_left -= count as u64;
            return Ok(Some(Batch::new(columns, count)?.with_origin(Some(origin))));
        }
        Ok(None)
    }

    /// Turns to the next morsel. `false` if there is none.
    fn next_morsel(&mut self) -> Result<bool> {
        loop {
            if let (Some(group), Some(rows)) = (&self.group, self.morsels.pop_front()) {
                let start = rows.start;
                self.reader = Some((MorselReader::new(group, rows), start));
                self.next_morsel += 1;
                return Ok(true);
            }
            let next = match &mut self.chosen {
                Some(chosen) => chosen.next(),
                None if self.row_group < self.scan.file().footer().num_row_groups() => {
                    self.row_group += 1;
                    Some(self.row_group - 1)
                }
                None => None,
            };
            let Some(next) = next else { return Ok(false) };
            let group = RowGroupScan::new(&self.scan, next)?;
            let cut_by = group.largest_column(|_| true);
            while let Some(need) = group.prepare(&[], cut_by, self.context.budget())? {
                bring(&self.scan, &need, self.context.budget())?;
            }
            self.morsels = group.cut(cut_by, MORSEL_ROWS).into();
            self.next_morsel = 0;
            self.group = Some(group);
        }
    }
}

/// Rows whose values take about half a megabyte, more than [`BATCH_ROWS`] where columns are few: what
/// each batch costs, whatever its rows, counts for less.
fn cached_rows(scan: &FileScan) -> usize {
    const CACHED_BYTES: usize = 512 << 10;
    let leaves = scan.columns().iter().flat_map(|column| &column.leaves);
    let widths = leaves.map(|leaf| leaf.shape.plain_width().unwrap_or(size_of::<View>()));
    let a_row = widths.fold(0, usize::saturating_add).max(1);
    (CACHED_BYTES / a_row).clamp(BATCH_ROWS, 4 * BATCH_ROWS)
}

/// Asks for what is needed and waits until it is here.
fn bring(scan: &FileScan, need: &Need, budget: &Budget) -> Result<()> {
    scan.fetcher().request(&need.required, budget)?;
    scan.fetcher().wait_for(|store| {
        for range in &need.required {
            match store.get(range) {
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
        Some(Ok(()))
    })
}

impl Iterator for Batches {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Result<Batch>> {
        let next = self.read_next();
        if next.is_err() {
            self.rows_left = 0;
        }
        next.transpose()
    }
}
