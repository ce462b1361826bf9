//! A row group that is being scanned: where its pages lie, and how it is cut into morsels.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use super::chunk::Chunk;
use super::{File, ScanColumn, ScanMetrics};
use crate::error::{Error, Place, Result};
use crate::io::{Fetcher, Need};
use crate::metadata::{ColumnIndex, OffsetIndex};

/// The scan of some columns of one file.
#[derive(Debug)]
pub struct FileScan {
    file: File,
    /// Ordinal of the file within a scan of several.
    ordinal: u32,
    columns: Vec<Arc<ScanColumn>>,
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
        let fetcher = Fetcher::new(Arc::clone(file.driver()));
        Ok(Arc::new(Self { file: file.clone(), ordinal, columns, fetcher, metrics }))
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

/// One row group of a [`FileScan`], shared by the readers of its morsels.
#[derive(Debug)]
pub struct RowGroupScan {
    scan: Arc<FileScan>,
    ordinal: usize,
    rows: u64,
    chunks: Vec<Chunk>,
    /// By column of the scan, once read.
    indexes: Mutex<Option<Vec<PageIndex>>>,
}

/// The page index of one column, as far as it was asked for, is there, and makes sense.
#[derive(Clone, Debug, Default)]
struct PageIndex {
    offsets: Option<Arc<OffsetIndex>>,
    bounds: Option<Arc<ColumnIndex>>,
}

impl RowGroupScan {
    /// Row groups of fewer rows are one morsel, and are not worth a page index without predicates.
    pub const WHOLE_ROWS: u64 = 160 << 10;

    /// Row group `ordinal` of `scan`.
    ///
    /// # Errors
    /// `InvalidArgument` if there is none; `Corrupt` or `Unsupported` for a column chunk that cannot
    /// be read.
    pub fn new(scan: &Arc<FileScan>, ordinal: usize) -> Result<Arc<Self>> {
        let place = Place {
            file: Some(scan.file.name().clone()),
            row_group: Some(ordinal as u32),
            ..Place::default()
        };
        let Some(group) = scan.file.footer().row_group(ordinal) else {
            return Err(Error::invalid_argument("no such row group").at(&place));
        };
        let rows = group.num_rows();
        let mut chunks = Vec::with_capacity(scan.columns.len());
        for (column, shape) in scan.columns.iter().enumerate() {
            let chunk = group
                .column(shape.leaf)
                .ok_or_else(|| Error::internal("a row group without that column").at(&place))?;
            chunks.push(Chunk::new(
                column,
                Arc::clone(shape),
                chunk,
                rows,
                &place,
                Arc::clone(scan.fetcher.store()),
                Arc::clone(&scan.metrics),
            )?);
        }
        let indexes = Mutex::new(None);
        Ok(Arc::new(Self { scan: Arc::clone(scan), ordinal, rows, chunks, indexes }))
    }

    /// The scan it belongs to.
    #[must_use]
    pub fn scan(&self) -> &Arc<FileScan> {
        &self.scan
    }

    /// Its ordinal within the file.
    #[must_use]
    pub fn ordinal(&self) -> usize {
        self.ordinal
    }

    /// Rows.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn chunk(&self, column: usize) -> Result<&Chunk> {
        self.chunks.get(column).ok_or_else(|| Error::internal("a column outside the scan"))
    }

    /// Reads what the row group is cut by: offset indexes of all columns, column indexes of
    /// `predicates` (columns of the scan), and, if that tells no pages of `cut_by` and the row group
    /// is large, the chunk of that column. Call until it needs nothing more.
    ///
    /// # Errors
    /// Those of the requests; `Corrupt` if page headers cannot be walked. A page index that makes no
    /// sense is passed over.
    pub fn prepare(&self, predicates: &[usize], cut_by: usize) -> Result<Option<Need>> {
        if self.rows > Self::WHOLE_ROWS || !predicates.is_empty() {
            let required = self.want_indexes(predicates)?;
            if !required.is_empty() {
                return Ok(Some(Need { required, useful: Vec::new() }));
            }
        }
        if self.rows > Self::WHOLE_ROWS
            && let Some(chunk) = self.chunks.get(cut_by)
            && let Some(unit) = chunk.want_layout(self.scan.file.limits())?
        {
            return Ok(Some(Need { required: vec![unit], useful: Vec::new() }));
        }
        Ok(None)
    }

    /// Units of the page index that are not here; reads them once all are.
    fn want_indexes(&self, predicates: &[usize]) -> Result<Vec<Range<u64>>> {
        let mut indexes = self.indexes.lock().unwrap_or_else(PoisonError::into_inner);
        if indexes.is_some() {
            return Ok(Vec::new());
        }
        let (file, store) = (&self.scan.file, self.scan.fetcher.store());
        let range = |(start, len): (u64, u32)| {
            let range = start..start.saturating_add(u64::from(len));
            (range.end <= file.size_bytes()).then_some(range)
        };
        let mut wanted = Vec::new();
        for (column, shape) in self.scan.columns.iter().enumerate() {
            let Some(chunk) = file.footer().column(self.ordinal, shape.leaf) else { continue };
            let offsets = chunk.offset_index().and_then(range);
            let bounds = chunk.column_index().and_then(range);
            let bounds = bounds.filter(|_| offsets.is_some() && predicates.contains(&column));
            wanted.push((column, offsets, bounds));
        }
        let units = wanted.iter().flat_map(|(_, offsets, bounds)| [offsets, bounds]).flatten();
        let mut missing = Vec::new();
        for unit in units.clone() {
            if store.get(unit)?.is_none() {
                missing.push(unit.clone());
            }
        }
        if !missing.is_empty() {
            missing.sort_by_key(|unit| unit.start);
            missing.dedup();
            return Ok(missing);
        }
        let mut read = vec![PageIndex::default(); self.chunks.len()];
        for (column, offsets, bounds) in &wanted {
            if let Some(unit) = offsets {
                read[*column].offsets = self.read_offset_index(*column, unit)?.map(Arc::new);
            }
            if let (Some(unit), true) = (bounds, read[*column].offsets.is_some()) {
                let bytes = store.get(unit)?.unwrap_or_else(millwork_codecs::buffer::Buffer::empty);
                let parsed = ColumnIndex::parse(bytes, unit.start, file.limits()).ok();
                let pages = read[*column].offsets.as_ref().map_or(0, |offsets| offsets.len());
                read[*column].bounds = parsed.filter(|index| index.len() == pages).map(Arc::new);
            }
        }
        for unit in units {
            store.release(unit);
        }
        *indexes = Some(read);
        Ok(Vec::new())
    }

    fn read_offset_index(&self, column: usize, unit: &Range<u64>) -> Result<Option<OffsetIndex>> {
        let file = &self.scan.file;
        let Some(bytes) = self.scan.fetcher.store().get(unit)? else { return Ok(None) };
        let parsed = OffsetIndex::parse(&bytes, unit.start, file.size_bytes(), file.limits());
        let fits = |index: &OffsetIndex| self.chunks[column].set_offset_index(index).is_ok();
        Ok(parsed.ok().filter(fits))
    }

    /// The bounds of the pages of column `column` with the pages' places, if they were asked for and
    /// are there.
    #[must_use]
    pub fn page_bounds(&self, column: usize) -> Option<(Arc<ColumnIndex>, Arc<OffsetIndex>)> {
        let indexes = self.indexes.lock().unwrap_or_else(PoisonError::into_inner);
        let index = indexes.as_ref()?.get(column)?;
        Some((index.bounds.clone()?, index.offsets.clone()?))
    }

    /// Cuts the row group into morsels of about `target_rows` rows, at page starts of column
    /// `cut_by`. Where its pages are not known (few rows) the row group is one morsel. Call once,
    /// after [`RowGroupScan::prepare`] needs nothing more.
    #[must_use]
    pub fn cut(&self, cut_by: usize, target_rows: u64) -> Vec<Range<u64>> {
        let layout = self.chunks.get(cut_by).and_then(Chunk::layout);
        let mut cuts = Vec::new();
        let mut start = 0;
        if self.rows > Self::WHOLE_ROWS.min(target_rows.saturating_mul(5) / 2) {
            for page in layout.iter().flat_map(|layout| &layout.pages) {
                // Where the next page would lead further away from the target than this one.
                let rows = page.first_row - start;
                if rows > 0 && rows + page.rows / 2 >= target_rows {
                    cuts.push(start..page.first_row);
                    start = page.first_row;
                }
            }
        }
        if start < self.rows {
            cuts.push(start..self.rows);
        }
        for chunk in &self.chunks {
            chunk.set_cuts(&cuts);
        }
        cuts
    }
}
