//! The plain way in: a file's rows in order, on the calling thread.
//!
//! In: [`BatchOptions`]. Out: batches of the rows that are asked for, all selected. Of a filter the columns
//! that it tests are read first, in windows of a batch; the others only where rows are left. Row groups and
//! pages in which none can be are not read.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::View;

use super::{File, FileScan, MorselReader, RowGroupScan, ScanColumn, ScanMetrics, ScanTotals};
use crate::batch::{BATCH_ROWS, Batch, Origin};
use crate::error::Result;
use crate::io::{Need, coalesce};
use crate::page::PageContext;
use crate::prune::{Filter, Predicate, RowFilter, Step, intersection};
use crate::room::{filled, room_for};
use crate::selection::Selection;
use crate::types::Field;
use crate::vector::Vector;

/// Rows of a morsel.
const MORSEL_ROWS: u64 = 64 << 10;

/// What is read.
///
/// ```
/// use millwork_format::limits::Limits;
/// use millwork_format::prune::{Comparison, Predicate};
/// use millwork_format::read::{BatchOptions, Columns, File};
///
/// # fn main() -> millwork_format::Result<()> {
/// let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/lineitem.parquet");
/// let file = File::open(path.as_ref(), &Limits::standard())?;
/// let quantity = file.schema().leaf_at("l_quantity")?;
/// let options = BatchOptions {
///     columns: Columns::named(["l_orderkey", "l_comment"]),
///     // DECIMAL(15, 2): 45.00 and more.
///     filter: Some(Predicate::compare(quantity, Comparison::GreaterOrEqual, 4500)),
///     ..BatchOptions::default()
/// };
/// let mut rows = 0;
/// for batch in file.batches(options)? {
///     let batch = batch?;
///     assert_eq!(batch.columns().len(), 2);
///     rows += batch.rows();
/// }
/// assert!(rows > 0 && (rows as u64) < file.num_rows());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct BatchOptions {
    /// Columns, or parts of them.
    pub columns: Columns,
    /// Row groups by ordinal, one after the other; all, in order, if `None`.
    pub row_groups: Option<Vec<usize>>,
    /// Rows, counted from the first of the file; ranges may overlap, and stand in any order: each row is
    /// read once, in the order of the file. All if `None`.
    pub rows: Option<Vec<Range<u64>>>,
    /// What rows have to pass. Its leaves need not be among the columns. NaN is greater than all numbers
    /// and equal to itself. What indexes deny is believed ([`prune`](crate::prune) on trust). The origin of a
    /// batch is that of the first row which passed.
    pub filter: Option<Predicate>,
    /// Rows to stop after, of those that pass; all if `None`. No byte of later pages is read; of columns that a
    /// filter tests, some 64 Ki rows are read at once.
    pub limit_rows: Option<u64>,
    /// Rows of a batch at most (0 counts as 1). If `None`, as many as keep its values in a CPU's
    /// second cache: [`BATCH_ROWS`] to four times as many.
    pub batch_rows: Option<usize>,
    /// Where memory is taken from; if `None`, an account of [`Limits::decode_memory_bytes`].
    ///
    /// [`Limits::decode_memory_bytes`]: crate::limits::Limits::decode_memory_bytes
    pub budget: Option<Budget>,
}

/// Which columns are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Columns {
    /// All, in the order of the file.
    #[default]
    All,
    /// Top-level ones by position, in this order.
    At(Vec<usize>),
    /// Leaves by ordinal, each alone in the structs and lists around it.
    Leaves(Vec<usize>),
    /// Those that paths lead to, or the parts of them that they name, in the way of
    /// [`Schema::project`](crate::schema::Schema::project).
    Named(Vec<String>),
}

impl Columns {
    /// Those at `paths`.
    #[must_use]
    pub fn named(paths: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::Named(paths.into_iter().map(Into::into).collect())
    }

    fn of(&self, file: &File) -> Result<Vec<ScanColumn>> {
        let schema = file.schema();
        let at = |column: usize| ScanColumn::of(schema, column);
        match self {
            Self::All => (0..schema.columns().len()).map(at).collect(),
            Self::At(columns) => columns.iter().copied().map(at).collect(),
            Self::Leaves(leaves) => {
                let alone = |leaf: &usize| ScanColumn::projected(schema, schema.leaf_alone(*leaf)?);
                leaves.iter().map(alone).collect()
            }
            Self::Named(paths) => {
                let chosen = schema.project(paths.iter().map(String::as_str))?;
                chosen.into_iter().map(|chosen| ScanColumn::projected(schema, chosen)).collect()
            }
        }
    }
}

/// The rows of a file, batch by batch.
#[derive(Debug)]
pub struct Batches {
    scan: Arc<FileScan>,
    /// Columns of batches: the first ones of the scan. Those behind them are tested, and not shown.
    shown: usize,
    filter: Option<Tested>,
    context: PageContext,
    /// Row groups that come next; `None`: from `row_group` on.
    chosen: Option<std::vec::IntoIter<usize>>,
    row_group: usize,
    /// The rows that are asked for; `None`: all.
    wanted: Option<Wanted>,
    group: Option<Arc<RowGroupScan>>,
    /// Morsels of the row group that come next, and its rows that are asked for, ascending.
    morsels: VecDeque<Range<u64>>,
    candidates: VecDeque<Range<u64>>,
    /// Ordinal of the next morsel within the row group.
    next_morsel: u32,
    morsel: Option<Morsel>,
    rows_left: u64,
    batch_rows: usize,
}

/// What rows have to pass, and which columns of the scan tell.
#[derive(Debug)]
struct Tested {
    groups: Arc<Filter>,
    rows: RowFilter,
    columns: Vec<usize>,
}

/// Rows of a file.
#[derive(Debug)]
struct Wanted {
    /// Ascending, disjoint.
    rows: Vec<Range<u64>>,
    /// By row group, its first row.
    first_rows: Vec<u64>,
}

/// A morsel that is being read.
#[derive(Debug)]
struct Morsel {
    reader: MorselReader,
    /// Its rows that are still to be read, ascending.
    rows: VecDeque<Range<u64>>,
}

impl Batches {
    pub(super) fn new(file: &File, options: BatchOptions) -> Result<Self> {
        let mut columns = options.columns.of(file)?;
        let shown = columns.len();
        let filter = options.filter.map(|asked| Tested::new(asked, file, &mut columns));
        let filter = filter.transpose()?;
        let wanted = options.rows.map(|rows| Wanted::new(rows, file)).transpose()?;
        let metrics = Arc::new(ScanMetrics::new(columns.len()));
        let scan = FileScan::of(file, 0, columns.into_iter().map(Arc::new).collect(), metrics);
        let limits = scan.file().limits();
        let budget = options.budget.unwrap_or_else(|| limits.budget());
        let context = PageContext::new(budget, limits.clone());
        let batch_rows = options.batch_rows.unwrap_or_else(|| cached_rows(&scan)).max(1);
        Ok(Self {
            scan,
            shown,
            filter,
            context,
            chosen: options.row_groups.map(Vec::into_iter),
            row_group: 0,
            wanted,
            group: None,
            morsels: VecDeque::new(),
            candidates: VecDeque::new(),
            next_morsel: 0,
            morsel: None,
            rows_left: options.limit_rows.unwrap_or(u64::MAX),
            batch_rows,
        })
    }

    /// The columns of the batches.
    #[must_use]
    pub fn fields(&self) -> Vec<Field> {
        let shown = self.scan.columns().iter().take(self.shown);
        shown.map(|column| column.field.clone()).collect()
    }

    /// What was done so far; columns that are tested only count behind those of the batches.
    #[must_use]
    pub fn totals(&self) -> ScanTotals {
        self.scan.metrics().totals()
    }

    fn read_next(&mut self) -> Result<Option<Batch>> {
        while self.rows_left > 0 {
            let Some(morsel) = &mut self.morsel else {
                if !self.next_morsel()? {
                    return Ok(None);
                }
                continue;
            };
            let Some(ahead) = morsel.rows.front_mut() else {
                self.morsel = None;
                continue;
            };
            let most = self.batch_rows.min(morsel.reader.group().fitting_rows()) as u64;
            let limit = if self.filter.is_some() { u64::MAX } else { self.rows_left };
            let end = ahead.end.min(ahead.start.saturating_add(most.min(limit)));
            let end = morsel.reader.page_end(&(ahead.start..end));
            let rows = ahead.start..end;
            ahead.start = end;
            if ahead.is_empty() {
                morsel.rows.pop_front();
            }
            if let Some(batch) = self.window(rows)? {
                self.rows_left -= batch.rows() as u64;
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    /// Of `rows`, which become at most one batch, those that pass.
    fn window(&mut self, rows: Range<u64>) -> Result<Option<Batch>> {
        let Some(Morsel { reader, .. }) = &mut self.morsel else { return Ok(None) };
        let (scan, context) = (&self.scan, &mut self.context);
        let count = (rows.end - rows.start) as usize;
        let mut selection = Selection::All(count);
        let mut columns: Vec<Option<Vector>> = filled(None, scan.columns().len())?;
        if let Some(filter) = &mut self.filter {
            let mut tested = filled(Vector::null(0), columns.len())?;
            for column in &filter.columns {
                tested[*column] = reader.read(*column, rows.clone(), &selection, context)?;
            }
            selection = Selection::from_bitmap(filter.rows.passing(&tested, count)?);
            if selection.count() as u64 > self.rows_left {
                selection = selection.first(self.rows_left as usize)?;
            }
            if selection.is_none() {
                return Ok(None);
            }
            for column in filter.columns.iter().filter(|column| **column < self.shown) {
                columns[*column] = Some(tested[*column].select(&selection)?);
            }
            let payload: Vec<usize> =
                (0..self.shown).filter(|column| columns[*column].is_none()).collect();
            let ranges = ranges_of(&selection, rows.start);
            while let Some(need) = reader.want(&payload, &ranges, context.budget())? {
                bring(scan, &need, context.budget())?;
            }
        }
        let mut vectors = room_for(self.shown)?;
        for (column, read) in columns.into_iter().enumerate().take(self.shown) {
            vectors.push(match read {
                Some(vector) => vector,
                None => reader.read(column, rows.clone(), &selection, context)?,
            });
        }
        let first = match &selection {
            Selection::All(_) => 0,
            chosen => chosen.rows().first().map_or(0, |row| u64::from(*row)),
        };
        let origin = Origin {
            file: scan.ordinal(),
            row_group: reader.group().ordinal() as u32,
            morsel: self.next_morsel - 1,
            first_row: rows.start + first,
        };
        Ok(Some(Batch::new(vectors, selection.count())?.with_origin(Some(origin))))
    }

    /// Turns to the next morsel. `false` if there is none.
    fn next_morsel(&mut self) -> Result<bool> {
        loop {
            if let (Some(group), Some(rows)) = (&self.group, self.morsels.pop_front()) {
                let mut reader = MorselReader::new(group, rows.clone());
                self.next_morsel += 1;
                let rows = take_inside(&mut self.candidates, &rows);
                if rows.is_empty() {
                    continue;
                }
                let first: Vec<usize> = match &self.filter {
                    Some(filter) => filter.columns.clone(),
                    None => (0..self.shown).collect(),
                };
                let most = if self.filter.is_some() { u64::MAX } else { self.rows_left };
                let ahead = first_rows(&rows, most);
                while let Some(need) = reader.want(&first, &ahead, self.context.budget())? {
                    bring(&self.scan, &need, self.context.budget())?;
                }
                self.morsel = Some(Morsel { reader, rows });
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
            self.turn_to(next)?;
        }
    }

    /// Cuts row group `ordinal` into morsels, if rows of it are asked for and may pass.
    fn turn_to(&mut self, ordinal: usize) -> Result<()> {
        self.morsels.clear();
        self.next_morsel = 0;
        let file = self.scan.file();
        let (footer, schema) = (file.footer(), file.schema());
        let wanted = self.wanted.as_ref().map(|wanted| wanted.inside(ordinal));
        let asked = self.filter.as_ref().map(|filter| &filter.groups);
        let is_there = ordinal < footer.num_row_groups();
        let has_rows = || {
            wanted.as_ref().is_none_or(|wanted| !wanted.is_empty())
                && asked.is_none_or(|asked| asked.row_group_may_match(footer, schema, ordinal))
        };
        if is_there && !has_rows() {
            return Ok(());
        }
        let group = RowGroupScan::new(&self.scan, ordinal)?;
        let budget = self.context.budget();
        let mut candidates = wanted.unwrap_or_else(|| std::iter::once(0..group.rows()).collect());
        let mut leaves: &[usize] = &[];
        if let Some(asked) = asked {
            leaves = asked.leaves();
            loop {
                match group.prune(asked, budget)? {
                    Step::Need(required) => {
                        bring(&self.scan, &Need { required, useful: Vec::new() }, budget)?;
                    }
                    Step::Excluded(_) => return Ok(()),
                    Step::Kept => break,
                }
            }
        }
        let tested = self.filter.as_ref().map_or(&[][..], |filter| &filter.columns);
        let cut_by = group.largest_column(|column| tested.is_empty() || tested.contains(&column));
        while let Some(need) = group.prepare(leaves, cut_by, budget)? {
            bring(&self.scan, &need, budget)?;
        }
        if let Some(asked) = asked {
            candidates = intersection(&candidates, &group.page_selection(asked).rows);
        }
        self.morsels = group.cut(cut_by, MORSEL_ROWS).into();
        self.candidates = candidates.into();
        self.group = Some(group);
        Ok(())
    }
}

impl Tested {
    /// `asked` of `file`; leaves that none of `columns` is get columns of their own.
    fn new(asked: Predicate, file: &File, columns: &mut Vec<ScanColumn>) -> Result<Self> {
        let filter = Filter::new(asked);
        let mut tested = Vec::new();
        for leaf in filter.leaves() {
            let is_it = |column: &ScanColumn| {
                let [own] = &column.leaves[..] else { return false };
                own.leaf == *leaf
            };
            let known = columns.iter().position(is_it);
            tested.push((*leaf, known.unwrap_or(columns.len())));
            if known.is_none() {
                columns
                    .push(ScanColumn::projected(file.schema(), file.schema().leaf_alone(*leaf)?)?);
            }
        }
        let place = |leaf: usize| {
            let (_, column) = tested.iter().find(|(of, _)| *of == leaf)?;
            Some((*column, columns.get(*column)?.layout.as_ref()))
        };
        let rows = RowFilter::new(filter.clone(), file.schema(), place)?;
        let columns = tested.into_iter().map(|(_, column)| column).collect();
        Ok(Self { groups: Arc::new(filter), rows, columns })
    }
}

impl Wanted {
    fn new(rows: Vec<Range<u64>>, file: &File) -> Result<Self> {
        let groups = file.footer().num_row_groups();
        let mut first_rows = room_for(groups)?;
        let mut first_row = 0u64;
        for group in file.footer().row_groups() {
            first_rows.push(first_row);
            first_row = first_row.saturating_add(group.num_rows());
        }
        first_rows.push(first_row);
        Ok(Self { rows: coalesce(rows), first_rows })
    }

    /// Those in row group `ordinal`, counted from its first.
    fn inside(&self, ordinal: usize) -> Vec<Range<u64>> {
        let Some([first, end, ..]) = self.first_rows.get(ordinal..) else { return Vec::new() };
        let from = self.rows.partition_point(|rows| rows.end <= *first);
        let near = self.rows[from..].iter().take_while(|rows| rows.start < *end);
        near.map(|rows| rows.start.max(*first) - first..rows.end.min(*end) - first).collect()
    }
}

/// Takes from `ranges`, ascending, what lies in `rows`, and drops what lies before.
fn take_inside(ranges: &mut VecDeque<Range<u64>>, rows: &Range<u64>) -> VecDeque<Range<u64>> {
    let mut inside = VecDeque::new();
    while let Some(first) = ranges.front_mut().filter(|first| first.start < rows.end) {
        let part = first.start.max(rows.start)..first.end.min(rows.end);
        first.start = part.end;
        if first.is_empty() {
            ranges.pop_front();
        }
        if !part.is_empty() {
            inside.push_back(part);
        }
    }
    inside
}

/// The first `most` rows of `ranges`.
fn first_rows(ranges: &VecDeque<Range<u64>>, mut most: u64) -> Vec<Range<u64>> {
    let mut first = Vec::new();
    for range in ranges {
        let count = (range.end - range.start).min(most);
        if count == 0 {
            break;
        }
        first.push(range.start..range.start + count);
        most -= count;
    }
    first
}

/// The rows of `selection`, counted from `first`, in ranges.
fn ranges_of(selection: &Selection, first: u64) -> Vec<Range<u64>> {
    let mut ranges: Vec<Range<u64>> = Vec::new();
    for row in selection.rows().iter() {
        let row = first + u64::from(*row);
        match ranges.last_mut() {
            Some(last) if last.end == row => last.end += 1,
            _ => ranges.push(row..row + 1),
        }
    }
    ranges
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
