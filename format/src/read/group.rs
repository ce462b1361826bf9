//! A row group that is being scanned: where its pages lie, and how it is cut into morsels.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use millwork_codecs::budget::{Budget, Reservation};
use millwork_codecs::buffer::View;

use super::FileScan;
use super::chunk::Chunk;
use super::layout::Layout;
use crate::batch::BATCH_BYTES;
use crate::error::{Error, Place, Result};
use crate::io::Need;
use crate::metadata::{ColumnIndex, OffsetIndex};
use crate::prune::{Filter, GroupPruning, PageSelection, Step};
use crate::room::{filled, room_for};

/// One row group of a [`FileScan`], shared by the readers of its morsels.
#[derive(Debug)]
pub struct RowGroupScan {
    scan: Arc<FileScan>,
    ordinal: usize,
    rows: u64,
    /// By leaf of the scan.
    chunks: Vec<Chunk>,
    /// Once read.
    indexes: Mutex<Option<Indexes>>,
    /// What is asked of its rows, once it was asked.
    pruning: Mutex<Option<GroupPruning>>,
}

/// The page indexes of the row group.
#[derive(Debug)]
struct Indexes {
    /// By leaf of the scan.
    of_leaves: Vec<PageIndex>,
    /// Of them, and of what chunks keep of each page.
    _reservation: Reservation,
}

/// The page index of one leaf, as far as it was asked for, is there, and makes sense.
#[derive(Clone, Debug, Default)]
struct PageIndex {
    offsets: Option<Arc<OffsetIndex>>,
    bounds: Option<Arc<ColumnIndex>>,
}

impl RowGroupScan {
    /// Morsels of so many times the rows that were asked for are long.
    const LONG_MORSEL: u64 = 64;

    /// Pieces into which the rows of a row group are cut inside their pages, about.
    const MOST_PIECES: u64 = 64 << 10;

    /// Row groups of fewer rows are one morsel, and are not worth a page index without predicates.
    pub const WHOLE_ROWS: u64 = 160 << 10;

    /// Row group `ordinal` of `scan`.
    ///
    /// # Errors
    /// `InvalidArgument` if there is none; `Corrupt` or `Unsupported` for a column chunk that cannot
    /// be read.
    pub fn new(scan: &Arc<FileScan>, ordinal: usize) -> Result<Arc<Self>> {
        let place = Place {
            file: Some(scan.file().name().clone()),
            row_group: Some(ordinal as u32),
            ..Place::default()
        };
        let Some(group) = scan.file().footer().row_group(ordinal) else {
            return Err(Error::invalid_argument("no such row group").at(&place));
        };
        scan.file().check_rows(group)?;
        let rows = group.num_rows();
        let mut chunks = room_for(scan.leaf_count())?;
        for (column, scanned) in scan.columns().iter().enumerate() {
            for leaf in &scanned.leaves {
                let chunk = group
                    .column(leaf.leaf)
                    .ok_or_else(|| Error::internal("a row group without that column").at(&place))?;
                chunks.push(Chunk::new(
                    column,
                    Arc::clone(leaf),
                    chunk,
                    rows,
                    &place,
                    Arc::clone(scan.fetcher().store()),
                    Arc::clone(scan.metrics()),
                )?);
            }
        }
        let (indexes, pruning) = (Mutex::new(None), Mutex::new(None));
        Ok(Arc::new(Self { scan: Arc::clone(scan), ordinal, rows, chunks, indexes, pruning }))
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

    /// The chunk of a leaf, counted among those of the scan.
    pub(super) fn chunk(&self, leaf: usize) -> Result<&Chunk> {
        self.chunks.get(leaf).ok_or_else(|| Error::internal("a column outside the scan"))
    }

    /// The chunk that decides how the row group is cut by column `column`: its largest.
    fn largest_chunk(&self, column: usize) -> Option<&Chunk> {
        let chunks = self.chunks.get(self.scan.leaves_of(column)).unwrap_or_default();
        chunks.iter().max_by_key(|chunk| chunk.compressed_bytes())
    }

    /// Rows of all columns at most, so that their values do not take much more than [`BATCH_BYTES`]: judged by
    /// the averages of the row group. A row may have many values of a nested column, and any number of
    /// columns; a null takes as much as a value.
    #[must_use]
    pub fn fitting_rows(&self) -> usize {
        let bytes_of = |chunk: &Chunk| {
            let width = chunk.leaf().shape.plain_width().unwrap_or(size_of::<View>());
            // Where a slot is a row their number is not to be believed.
            let slots = if chunk.leaf().is_repeated() {
                chunk.num_values().max(self.rows)
            } else {
                self.rows
            };
            slots.saturating_mul(width as u64)
        };
        let bytes = self.chunks.iter().map(bytes_of).fold(0, u64::saturating_add);
        match bytes / self.rows.max(1) {
            0 => usize::MAX,
            a_row => (BATCH_BYTES / a_row).max(1) as usize,
        }
    }

    /// The column of most compressed bytes among those for which `is_meant`, the last of several: the one to cut
    /// by, whose pages hold the fewest rows.
    #[must_use]
    pub fn largest_column(&self, is_meant: impl Fn(usize) -> bool) -> usize {
        let size = |column: &usize| self.largest_chunk(*column).map_or(0, Chunk::compressed_bytes);
        let columns = 0..self.scan.columns().len();
        columns.filter(|column| is_meant(*column)).max_by_key(size).unwrap_or(0)
    }

    /// About what reading `rows` of its rows takes at once: their compressed bytes, and of each chunk
    /// what is opened together, a page or two, and as much again for what is made of it. Judged by the
    /// averages of the row group.
    #[must_use]
    pub fn bytes_about(&self, rows: u64) -> u64 {
        const OPENED_BYTES: u64 = 2 << 20;
        let share = |bytes: u64| {
            let product = u128::from(bytes) * u128::from(rows.min(self.rows));
            u64::try_from(product / u128::from(self.rows.max(1))).unwrap_or(u64::MAX)
        };
        let footer = self.scan.file().footer();
        let chunk = |chunk: &Chunk| {
            let chunk = footer.column(self.ordinal, chunk.leaf().leaf)?;
            let opened = share(chunk.total_uncompressed_size()).min(OPENED_BYTES);
            Some(share(chunk.total_compressed_size()).saturating_add(2 * opened))
        };
        self.chunks.iter().filter_map(chunk).fold(0, u64::saturating_add)
    }

    /// Whether a row may pass `filter`, by statistics, bloom filters and dictionaries; memory for the
    /// latter comes from `budget`. Call until it needs nothing more; then it answers at once.
    ///
    /// # Errors
    /// Those of the requests; `LimitExceeded` if memory is refused. Indexes that make no sense are
    /// passed over.
    pub fn prune(&self, filter: &Arc<Filter>, budget: &Budget) -> Result<Step> {
        let (file, store) = (self.scan.file(), self.scan.fetcher().store());
        let (footer, schema) = (file.footer(), file.schema());
        let mut pruning = self.pruning.lock().unwrap_or_else(PoisonError::into_inner);
        let pruning =
            pruning.get_or_insert_with(|| GroupPruning::new(filter, footer, schema, self.ordinal));
        let step = pruning.step(footer, schema, store, file.limits(), budget)?;
        let dictionaries = pruning.take_dictionaries();
        if step == Step::Kept {
            for found in dictionaries {
                if let Some(own) = self.chunks.iter().find(|own| own.leaf().leaf == found.leaf) {
                    own.offer_dictionary(found.range, found.dictionary);
                }
            }
        }
        Ok(step)
    }

    /// Bloom filters and dictionaries that [`RowGroupScan::prune`] has asked.
    #[must_use]
    pub fn indexes_asked(&self) -> (u64, u64) {
        let pruning = self.pruning.lock().unwrap_or_else(PoisonError::into_inner);
        let asked =
            |pruning: &GroupPruning| (pruning.bloom_filters_read(), pruning.dictionaries_read());
        pruning.as_ref().map_or((0, 0), asked)
    }

    /// The rows that may pass `filter` by the page indexes that [`RowGroupScan::prepare`] has read.
    #[must_use]
    pub fn page_selection(&self, filter: &Filter) -> PageSelection {
        let indexes = self.indexes.lock().unwrap_or_else(PoisonError::into_inner);
        let file = self.scan.file();
        filter.page_selection(file.schema(), file.footer().writer(), self.rows, |leaf| {
            let own = self.chunks.iter().position(|chunk| chunk.leaf().leaf == leaf)?;
            // A value of a row may be among those of the page behind.
            self.chunks.get(own).filter(|chunk| chunk.has_whole_rows())?;
            let index = indexes.as_ref()?.of_leaves.get(own)?;
            Some((index.bounds.clone()?, index.offsets.clone()?))
        })
    }

    /// Reads what the row group is cut by: offset indexes of all columns, column indexes of
    /// `predicates` (ordinals of leaves), and, if that tells no pages of `cut_by` and the row group
    /// is large, the chunk of that column. Memory comes from `budget`. Call until it needs nothing more.
    ///
    /// # Errors
    /// Those of the requests; `Corrupt` if page headers cannot be walked; `LimitExceeded` if memory is
    /// refused. A page index that makes no sense is passed over.
    pub fn prepare(
        &self,
        predicates: &[usize],
        cut_by: usize,
        budget: &Budget,
    ) -> Result<Option<Need>> {
        if self.rows > Self::WHOLE_ROWS || !predicates.is_empty() {
            let required = self.want_indexes(predicates, budget)?;
            if !required.is_empty() {
                return Ok(Some(Need { required, useful: Vec::new() }));
            }
        }
        if self.rows > Self::WHOLE_ROWS
            && let Some(chunk) = self.largest_chunk(cut_by)
            && let Some(unit) = chunk.want_layout(self.scan.file(), budget)?
        {
            return Ok(Some(Need { required: vec![unit], useful: Vec::new() }));
        }
        Ok(None)
    }

    /// Units of the page index that are not here; reads them once all are.
    fn want_indexes(&self, predicates: &[usize], budget: &Budget) -> Result<Vec<Range<u64>>> {
        /// Of the bounds of a page and its counts.
        const BOUNDS_BYTES: u64 = 48;
        let mut indexes = self.indexes.lock().unwrap_or_else(PoisonError::into_inner);
        if indexes.is_some() {
            return Ok(Vec::new());
        }
        let (file, store) = (self.scan.file(), self.scan.fetcher().store());
        let range = |(start, len): (u64, u32)| {
            let range = start..start.saturating_add(u64::from(len));
            (range.end <= file.size_bytes()).then_some(range)
        };
        let mut wanted = Vec::new();
        for (leaf, own) in self.chunks.iter().enumerate() {
            let ordinal = own.leaf().leaf;
            let Some(chunk) = file.footer().column(self.ordinal, ordinal) else { continue };
            let offsets = chunk.offset_index().and_then(range);
            let bounds = chunk.column_index().and_then(range);
            let is_asked = predicates.contains(&ordinal);
            let bounds = bounds.filter(|_| offsets.is_some() && is_asked);
            wanted.push((leaf, offsets, bounds));
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
        let mut read = filled(PageIndex::default(), self.chunks.len())?;
        let mut reservation = budget.reserve(0)?;
        for (leaf, offsets, bounds) in &wanted {
            if let Some(unit) = offsets {
                read[*leaf].offsets = self.read_offset_index(*leaf, unit)?.map(Arc::new);
            }
            let pages = read[*leaf].offsets.as_ref().map_or(0, |offsets| offsets.len() as u64);
            let a_page = Layout::PAGE_BYTES + if bounds.is_some() { BOUNDS_BYTES } else { 0 };
            reservation.resize(reservation.bytes().saturating_add(pages * a_page))?;
            if let (Some(unit), true) = (bounds, read[*leaf].offsets.is_some()) {
                let bytes = store.get(unit)?.unwrap_or_else(millwork_codecs::buffer::Buffer::empty);
                let parsed = ColumnIndex::parse(bytes, unit.start, file.limits()).ok();
                let pages = read[*leaf].offsets.as_ref().map_or(0, |offsets| offsets.len());
                read[*leaf].bounds = parsed.filter(|index| index.len() == pages).map(Arc::new);
            }
        }
        for unit in units {
            store.release(unit);
        }
        *indexes = Some(Indexes { of_leaves: read, _reservation: reservation });
        Ok(Vec::new())
    }

    fn read_offset_index(&self, leaf: usize, unit: &Range<u64>) -> Result<Option<OffsetIndex>> {
        let file = self.scan.file();
        let Some(bytes) = self.scan.fetcher().store().get(unit)? else { return Ok(None) };
        let parsed = OffsetIndex::parse(&bytes, unit.start, file.size_bytes(), file.limits());
        let fits = |index: &OffsetIndex| self.chunks[leaf].set_offset_index(index).is_ok();
        Ok(parsed.ok().filter(fits))
    }

    /// The bounds of the pages of column `column` with the pages' places, if they were asked for and
    /// are there. Those of a nested column are those of its first leaf.
    #[must_use]
    pub fn page_bounds(&self, column: usize) -> Option<(Arc<ColumnIndex>, Arc<OffsetIndex>)> {
        let indexes = self.indexes.lock().unwrap_or_else(PoisonError::into_inner);
        let index = indexes.as_ref()?.of_leaves.get(self.scan.leaves_of(column).start)?;
        Some((index.bounds.clone()?, index.offsets.clone()?))
    }

    /// Cuts the row group into morsels of about `target_rows` rows, at page starts of column
    /// `cut_by`. Where its pages are not known (few rows), or where it is not known which rows the
    /// pages of a repeated leaf hold, the row group is one morsel. Call once, after
    /// [`RowGroupScan::prepare`] needs nothing more.
    #[must_use]
    pub fn cut(&self, cut_by: usize, target_rows: u64) -> Vec<Range<u64>> {
        self.cut_at(cut_by, target_rows, u64::MAX)
    }

    /// The same, but morsels of more than `LONG_MORSEL` times the target are cut into
    /// pieces of an eighth of that, inside their pages: one page may have two billion rows. Each piece
    /// passes over those before it in its page.
    #[must_use]
    pub fn cut_inside_pages(&self, cut_by: usize, target_rows: u64) -> Vec<Range<u64>> {
        self.cut_at(cut_by, target_rows, target_rows.saturating_mul(Self::LONG_MORSEL))
    }

    fn cut_at(&self, cut_by: usize, target_rows: u64, most_rows: u64) -> Vec<Range<u64>> {
        let blind = |chunk: &Chunk| {
            chunk.leaf().is_repeated() && chunk.layout().is_none_or(|layout| !layout.rows_known)
        };
        let layout = self.largest_chunk(cut_by).and_then(Chunk::layout);
        let layout = layout.filter(|_| !self.chunks.iter().any(blind));
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
        // Of rows without number the pieces are longer, not more.
        let most_rows = most_rows.max(8 * (self.rows / Self::MOST_PIECES));
        if layout.is_some() && cuts.iter().any(|rows| rows.end - rows.start > most_rows) {
            cuts = in_pieces(&cuts, most_rows);
        }
        for chunk in &self.chunks {
            chunk.set_cuts(&cuts);
        }
        cuts
    }
}

/// `cuts`, those of more than `most_rows` in pieces of an eighth of that.
fn in_pieces(cuts: &[Range<u64>], most_rows: u64) -> Vec<Range<u64>> {
    let piece = (most_rows / 8).max(1);
    let mut pieces = Vec::new();
    for rows in cuts {
        if rows.end - rows.start <= most_rows {
            pieces.push(rows.clone());
            continue;
        }
        let mut start = rows.start;
        while start < rows.end {
            let end = rows.end.min(start.saturating_add(piece));
            pieces.push(start..end);
            start = end;
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::in_pieces;

    #[test]
    fn only_long_morsels_are_cut_and_no_row_is_lost() {
        let pieces = in_pieces(&[0..80, 80..250, 250..260], 80);
        let pieces: Vec<_> = pieces.into_iter().map(|rows| (rows.start, rows.end)).collect();
        let mut expected = vec![(0, 80)];
        expected.extend((8..25).map(|at| (at * 10, at * 10 + 10)));
        expected.push((250, 260));
        assert_eq!(pieces, expected);
    }
}
