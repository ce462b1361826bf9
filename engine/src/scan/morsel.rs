//! One morsel: predicates first, then the remaining columns for the survivors.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use millwork_codecs::budget::Budget;
use millwork_format::batch::{Batch, MorselId, Origin};
use millwork_format::io::Need;
use millwork_format::page::PageContext;
use millwork_format::read::{MorselReader, RowGroupScan};
use millwork_format::selection::Selection;
use millwork_format::vector::{Vector, concat};

use super::ScanShared;
use super::grant::Grants;
use super::shared::rows_in;
use super::window::{Window, cut_windows};
use crate::error::Result;
use crate::expr::Program;
use crate::runtime_filter::RowTest;

/// Survivors below which windows are put together in one batch.
const FEW_ROWS: usize = 256;

/// Survivors up to which the pages of a window are asked for row by row.
const SPARSE_ROWS: usize = 64;

/// Rows of a window of which no column is read.
const COUNTED_ROWS: u64 = 64 << 10;

/// Windows without columns that are there at once: a row group may claim any number of rows.
const COUNTED_WINDOWS: usize = 1024;

/// A morsel whose turn has not come. A page may rightly have billions of rows, so there may be very many.
#[derive(Debug)]
pub(super) struct PlannedMorsel {
    pub(super) id: MorselId,
    pub(super) group: Arc<RowGroupScan>,
    pub(super) rows: Range<u64>,
    /// Rows that may match; `None` if all may.
    pub(super) candidates: Option<Box<[Range<u64>]>>,
    /// How much was known above the scan when it was cut.
    pub(super) version: u64,
}

impl PlannedMorsel {
    /// The morsel, ready to be scanned.
    pub(super) fn begin(&self, shared: &ScanShared) -> Box<MorselScan> {
        let all = std::slice::from_ref(&self.rows);
        let candidates = self.candidates.as_deref().unwrap_or(all);
        let candidates = match self.version == shared.version() {
            true => candidates.to_vec(),
            false => {
                let kept = shared.still_match(&self.group, candidates);
                shared.pruned_rows(rows_in(candidates) - rows_in(&kept));
                kept
            }
        };
        Box::new(MorselScan::new(self.id, &self.group, self.rows.clone(), &candidates, shared))
    }
}

/// A conjunct as a lane evaluates it.
#[derive(Debug)]
pub(super) enum Conjunct {
    /// One of the query.
    Predicate(Box<Program>),
    /// What an operator above knows of a column of the scan.
    Learnt(Box<dyn RowTest>, usize),
}

impl Conjunct {
    /// The rows of `selection` for which it is true, of `rows` rows of `columns`.
    fn select(
        &mut self,
        columns: &[Vector],
        rows: usize,
        selection: &Selection,
    ) -> Result<Selection> {
        match self {
            Self::Predicate(program) => program.select(columns, rows, selection),
            Self::Learnt(test, column) => test.keep(&columns[*column], selection),
        }
    }
}

/// A morsel that is being scanned.
#[derive(Debug)]
pub(super) struct MorselScan {
    id: MorselId,
    reader: MorselReader,
    windows: Vec<Window>,
    /// Rows that are not in windows yet, the next ones last.
    uncut: Vec<Range<u64>>,
    /// Rows of a window at most.
    step: u64,
    /// Conjuncts not yet evaluated, the next one last.
    order: Option<Vec<usize>>,
    /// The conjunct that is being evaluated, the last of `order`.
    filtering: Option<Filtering>,
    next_window: usize,
    asked_ahead: bool,
    /// How often it asked for bytes.
    rounds: u64,
    /// How much was known above the scan when `windows` and `order` were made; `None` once the morsel's turn
    /// has come.
    known: Option<u64>,
    /// Whether the bytes of the first step are here.
    started: bool,
    /// Whether the bytes of all that the survivors need are here.
    payload_here: bool,
}

/// How far a conjunct has come, and what that took.
#[derive(Debug, Default)]
struct Filtering {
    /// The window that is next.
    window: usize,
    rows_in: usize,
    rows_out: usize,
    nanoseconds: u64,
}

/// What a step of a morsel comes to.
#[derive(Debug)]
pub(super) enum Progress {
    Batch(Batch),
    Working,
    Need(Need),
    Done,
}

impl MorselScan {
    /// Morsel `id`: rows `rows` of `group`, of which `candidates` may match.
    fn new(
        id: MorselId,
        group: &Arc<RowGroupScan>,
        rows: Range<u64>,
        candidates: &[Range<u64>],
        shared: &ScanShared,
    ) -> Self {
        let (step, most) = match shared.spec().columns.len() {
            0 => (COUNTED_ROWS, COUNTED_WINDOWS),
            _ => (shared.spec().batch_rows.min(group.fitting_rows()) as u64, usize::MAX),
        };
        let mut uncut: Vec<Range<u64>> = candidates.iter().rev().cloned().collect();
        let windows = cut_windows(&mut uncut, step, most);
        let reader = MorselReader::new(group, rows);
        Self {
            id,
            reader,
            windows,
            uncut,
            step,
            order: None,
            filtering: None,
            next_window: 0,
            asked_ahead: false,
            rounds: 0,
            known: Some(shared.version()),
            started: false,
            payload_here: false,
        }
    }

    /// About the memory that it takes.
    pub(super) fn bytes_about(&self) -> u64 {
        let rows: u64 = self.windows.iter().map(|window| window.rows.end - window.rows.start).sum();
        self.reader.group().bytes_about(rows)
    }

    /// Which morsel it is.
    pub(super) fn id(&self) -> MorselId {
        self.id
    }

    /// Asks for the bytes of the first step, once, where `grants` leave room in `budget`.
    pub(super) fn read_ahead(&mut self, shared: &ScanShared, grants: &Grants, budget: &Budget) {
        if self.asked_ahead {
            return;
        }
        if let Ok(Some(need)) = self.first_need(shared, budget)
            && grants.has_room_ahead(&self.fetcher().worth_asking(&need), budget)
        {
            self.asked_ahead = true;
            // An error will show when the morsel's turn has come.
            let _ = self.request(&need, shared, budget);
        }
    }

    /// Asks for what is needed: a round, unless all of it was asked for before.
    pub(super) fn request(
        &mut self,
        need: &Need,
        shared: &ScanShared,
        budget: &Budget,
    ) -> Result<()> {
        let fetcher = self.fetcher();
        if fetcher.request(&fetcher.worth_asking(need), budget)? > 0 {
            self.rounds += 1;
            shared.round(self.rounds);
        }
        Ok(())
    }

    /// Where its bytes come from.
    pub(super) fn fetcher(&self) -> &millwork_format::io::Fetcher {
        self.reader.group().scan().fetcher()
    }

    /// What is missing for the first step; useful is what the later ones may need.
    fn first_need(&mut self, shared: &ScanShared, budget: &Budget) -> Result<Option<Need>> {
        if self.started {
            return Ok(None);
        }
        let (first, ranges) = (self.first_columns(shared), self.survivors());
        let Some(mut need) = self.reader.want(&first, &ranges, budget)? else {
            self.started = true;
            return Ok(None);
        };
        if self.fetcher().driver().profile().serves_useful() {
            let mut later: Vec<usize> = Vec::new();
            later.extend(shared.conjuncts().columns());
            later.extend((0..shared.spec().wanted.len()).filter(|c| shared.spec().wanted[*c]));
            later.sort_unstable();
            later.dedup();
            later.retain(|column| !first.contains(column));
            let more = self.reader.want(&later, &ranges, budget)?;
            need.useful = more.map_or_else(Vec::new, |more| more.required);
        }
        Ok(Some(need))
    }

    /// What is missing of `columns` for the rows that are left.
    fn want(&mut self, columns: &[usize], budget: &Budget) -> Result<Option<Need>> {
        let survivors = self.survivors();
        Ok(self.reader.want(columns, &survivors, budget)?)
    }

    /// Columns of the first conjunct, or all that are wanted.
    fn first_columns(&mut self, shared: &ScanShared) -> Vec<usize> {
        let order = self.order.get_or_insert_with(|| {
            let mut order = shared.conjuncts().order();
            order.reverse();
            order
        });
        let mut columns = Vec::new();
        if let Some(first) = order.last() {
            columns.extend(shared.conjuncts().columns_of(*first));
        }
        if shared.payload_ahead() || columns.is_empty() {
            columns = (0..shared.spec().columns.len())
                .filter(|column| shared.spec().wanted[*column] || columns.contains(column))
                .collect();
        }
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// Row ranges of the windows with survivors, single rows where those are few.
    fn survivors(&self) -> Vec<Range<u64>> {
        let mut ranges: Vec<Range<u64>> = Vec::with_capacity(self.windows.len());
        for window in &self.windows {
            let start = window.rows.start;
            if window.inner.is_none() {
                continue;
            }
            if window.base.count() > SPARSE_ROWS {
                ranges.push(window.rows.clone());
                continue;
            }
            for row in window.base.rows().iter().map(|row| start + u64::from(*row)) {
                match ranges.last_mut() {
                    Some(last) if last.end == row => last.end += 1,
                    _ => ranges.push(row..row + 1),
                }
            }
        }
        ranges
    }

    /// Goes on: at most one conjunct over one window, or one batch.
    pub(super) fn step(
        &mut self,
        shared: &ScanShared,
        conjuncts: &mut [Conjunct],
        context: &mut PageContext,
    ) -> Result<Progress> {
        if self.known.take().is_some_and(|known| known != shared.version()) {
            self.look_again(shared);
        }
        if let Some(need) = self.first_need(shared, context.budget())? {
            return Ok(Progress::Need(need));
        }
        while let Some(next) = self.order.as_ref().and_then(|order| order.last().copied()) {
            let conjunct = &mut conjuncts[next];
            let columns = shared.conjuncts().columns_of(next);
            let mut filtering = match self.filtering.take() {
                Some(filtering) => filtering,
                None => {
                    let columns = columns.iter().copied();
                    let missing: Vec<usize> =
                        columns.filter(|column| self.is_missing(*column)).collect();
                    if let Some(need) = self.want(&missing, context.budget())? {
                        return Ok(Progress::Need(need));
                    }
                    Filtering::default()
                }
            };
            if self.filter(&mut filtering, conjunct, columns, context)? {
                self.filtering = Some(filtering);
                return Ok(Progress::Working);
            }
            shared.learn(next, filtering.rows_in, filtering.rows_out, filtering.nanoseconds);
            if let Some(order) = &mut self.order {
                order.pop();
                if order.is_empty() {
                    self.learn(shared);
                }
            }
        }
        if !self.payload_here {
            let wanted = &shared.spec().wanted;
            let missing: Vec<usize> = (0..wanted.len())
                .filter(|column| wanted[*column] && self.is_missing(*column))
                .collect();
            if let Some(need) = self.want(&missing, context.budget())? {
                return Ok(Progress::Need(need));
            }
            self.payload_here = true;
        }
        self.next_batch(shared, context)
    }

    /// Leaves out windows without rows that may match by what has become known since they were made.
    fn look_again(&mut self, shared: &ScanShared) {
        (self.order, self.started) = (None, false);
        let uncut: Vec<Range<u64>> = self.uncut.iter().rev().cloned().collect();
        self.uncut = shared.still_match(self.reader.group(), &uncut);
        self.uncut.reverse();
        let rows: Vec<Range<u64>> = self.windows.iter().map(|window| window.rows.clone()).collect();
        let kept = shared.still_match(self.reader.group(), &rows);
        self.windows.retain(|window| {
            let at = kept.partition_point(|range| range.end <= window.rows.start);
            let matches = kept.get(at).is_some_and(|range| range.start < window.rows.end);
            if !matches {
                shared.pruned_rows(window.rows.end - window.rows.start);
            }
            matches
        });
    }

    fn is_missing(&self, column: usize) -> bool {
        self.windows[self.next_window..]
            .iter()
            .any(|window| !window.inner.is_none() && window.place(column).is_err())
    }

    fn learn(&self, shared: &ScanShared) {
        let rows: usize = self.windows.iter().map(|window| window.base.total()).sum();
        let kept: usize = self.windows.iter().map(|window| window.inner.count()).sum();
        if let Some(percent) = (kept * 100).checked_div(rows) {
            shared.learn_survivors(percent);
        }
    }

    /// Evaluates a conjunct over the next window with survivors; false if there is none any more.
    fn filter(
        &mut self,
        filtering: &mut Filtering,
        conjunct: &mut Conjunct,
        read: &[usize],
        context: &mut PageContext,
    ) -> Result<bool> {
        let columns = self.reader.group().scan().columns().len();
        let rest = self.windows.get_mut(filtering.window..).unwrap_or_default();
        let Some(at) = rest.iter().position(|window| !window.inner.is_none()) else {
            return Ok(false);
        };
        let (window, started) = (&mut rest[at], Instant::now());
        for column in read {
            window.read(*column, &mut self.reader, context)?;
        }
        let count = window.base.count();
        filtering.rows_in += window.inner.count();
        let columns = window.columns(columns, count);
        let kept = conjunct.select(&columns, count, &window.inner)?;
        filtering.rows_out += kept.count();
        window.keep(kept)?;
        filtering.window += at + 1;
        filtering.nanoseconds += started.elapsed().as_nanos() as u64;
        Ok(true)
    }

    /// Decodes the remaining columns of the next window, or of several with few survivors.
    fn next_batch(&mut self, shared: &ScanShared, context: &mut PageContext) -> Result<Progress> {
        let count = shared.spec().columns.len();
        let mut parts: Vec<Vec<Vector>> = Vec::new();
        let (mut rows, mut first_row) = (0, 0);
        if self.next_window == self.windows.len() && !self.uncut.is_empty() {
            self.windows = cut_windows(&mut self.uncut, self.step, COUNTED_WINDOWS);
            self.next_window = 0;
        }
        while let Some(window) = self.windows.get_mut(self.next_window) {
            let alone = window.inner.count() >= FEW_ROWS || !window.inner.is_all();
            if !window.inner.is_none() {
                if alone && rows > 0 {
                    break;
                }
                for column in 0..shared.spec().wanted.len() {
                    if shared.spec().wanted[column] {
                        window.read(column, &mut self.reader, context)?;
                    }
                }
                let columns = window.take_columns(count);
                let origin = self.origin(self.windows[self.next_window].rows.start);
                let window = &self.windows[self.next_window];
                if alone {
                    let batch = Batch::new(columns, window.base.count())?
                        .with_selection(window.inner.clone())?
                        .with_origin(Some(origin));
                    self.next_window += 1;
                    return Ok(Progress::Batch(batch));
                }
                if rows == 0 {
                    first_row = window.rows.start;
                }
                rows += window.base.count();
                parts.push(columns);
            }
            self.next_window += 1;
            if rows >= FEW_ROWS {
                break;
            }
        }
        if rows == 0 {
            return Ok(Progress::Done);
        }
        let mut columns = Vec::with_capacity(count);
        for column in 0..count {
            let pieces: Vec<Vector> = parts.iter().map(|part| part[column].clone()).collect();
            columns.push(concat(&pieces)?);
        }
        let batch = Batch::new(columns, rows)?.with_origin(Some(self.origin(first_row)));
        Ok(Progress::Batch(batch))
    }

    fn origin(&self, first_row: u64) -> Origin {
        let MorselId { file, row_group, morsel } = self.id;
        Origin { file, row_group, morsel, first_row }
    }
}
