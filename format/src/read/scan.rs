//! The columns of a file that are scanned, and what the scan of all its row groups shares.

use std::ops::Range;
use std::sync::Arc;

use super::{File, RowGroupScan, ScanColumn, ScanMetrics};
use crate::error::{Place, Result};
use crate::io::Fetcher;

/// The scan of some columns of one file.
#[derive(Debug)]
pub struct FileScan {
    file: File,
    /// Ordinal of the file within a scan of several.
    ordinal: u32,
    columns: Vec<Arc<ScanColumn>>,
    /// By column, where its leaves begin among those of the scan; and behind the last.
    first_leaves: Vec<usize>,
    fetcher: Fetcher,
    metrics: Arc<ScanMetrics>,
}

impl FileScan {
    /// A scan of the top-level columns `columns` of `file`, which is number `ordinal` of its scan;
    /// what is done is counted in `metrics`.
    ///
    /// # Errors
    /// `InvalidArgument` or `Unsupported` for a column that cannot be read.
    pub fn new(
        file: &File,
        ordinal: u32,
        columns: &[usize],
        metrics: Arc<ScanMetrics>,
    ) -> Result<Arc<Self>> {
        let place = Place { file: Some(file.name().clone()), ..Place::default() };
        let columns: Result<Vec<_>> = columns
            .iter()
            .map(|index| ScanColumn::of(file.schema(), *index).map(Arc::new))
            .collect();
        let columns = columns.map_err(|error| error.at(&place))?;
        Ok(Self::of(file, ordinal, columns, metrics))
    }

    /// The same of any `columns`, whole ones or parts, made of the file's schema or of an equal one.
    #[must_use]
    pub fn of(
        file: &File,
        ordinal: u32,
        columns: Vec<Arc<ScanColumn>>,
        metrics: Arc<ScanMetrics>,
    ) -> Arc<Self> {
        let mut first_leaves = Vec::new();
        let mut leaves = 0;
        for column in &columns {
            first_leaves.push(leaves);
            leaves += column.leaves.len();
        }
        first_leaves.push(leaves);
        let fetcher = Fetcher::new(Arc::clone(file.driver()));
        Arc::new(Self { file: file.clone(), ordinal, columns, first_leaves, fetcher, metrics })
    }

    /// The most bytes that [`RowGroupScan::prepare`] may want of row group `ordinal`: those of its largest
    /// chunk, where no offset index tells its pages.
    #[must_use]
    pub fn bytes_to_cut(&self, ordinal: usize) -> u64 {
        let footer = self.file.footer();
        let leaves = self.columns.iter().flat_map(|column| &column.leaves);
        leaves
            .filter_map(|leaf| footer.column(ordinal, leaf.leaf))
            .filter(|chunk| {
                chunk.offset_index().is_none() && chunk.num_values() > RowGroupScan::WHOLE_ROWS
            })
            .map(|chunk| chunk.total_compressed_size())
            .max()
            .unwrap_or(0)
    }

    /// The leaves of column `column`, counted among those of the scan.
    pub(super) fn leaves_of(&self, column: usize) -> Range<usize> {
        let end = self.first_leaves.get(column + 1).copied().unwrap_or(0);
        self.first_leaves.get(column).copied().unwrap_or(end)..end
    }

    /// Leaves of all columns.
    pub(super) fn leaf_count(&self) -> usize {
        self.first_leaves.last().copied().unwrap_or(0)
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Ordinal of the file within its scan.
    #[must_use]
    pub fn ordinal(&self) -> u32 {
        self.ordinal
    }

    /// The columns that are read, in the order of the scan.
    #[must_use]
    pub fn columns(&self) -> &[Arc<ScanColumn>] {
        &self.columns
    }

    /// Brings bytes that readers of this scan need.
    #[must_use]
    pub fn fetcher(&self) -> &Fetcher {
        &self.fetcher
    }

    /// What was done so far.
    #[must_use]
    pub fn metrics(&self) -> &Arc<ScanMetrics> {
        &self.metrics
    }
}
