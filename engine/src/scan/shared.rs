//! What the lanes of a scan share, and what one of them does to it: row groups are opened and cut, morsels taken
//! and finished, bytes asked for ahead.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;

use millwork_codecs::budget::Budget;
use millwork_format::batch::MorselId;
use millwork_format::error::{Error as FileError, Place};
use millwork_format::io::Need;
use millwork_format::limits::Limits;
use millwork_format::prune::{Evidence, Filter, Step, intersection};
use millwork_format::read::{File, FileScan, RowGroupScan, ScanColumn, ScanMetrics};

use super::conjuncts::Conjuncts;
use super::grant::Grant;
use super::morsel::PlannedMorsel;
use super::prune::Pruner;
use super::queue::{Queue, Taken, Unit, group_id};
use super::report::{Counters, Foreseen, ScanReport};
use super::spec::{ScanSpec, column_in};
use crate::error::{Error, Result};
use crate::pipeline::Window;
use crate::plan::logical::TableColumn;

/// A scan that several lanes run.
#[derive(Debug)]
pub struct ScanShared {
    name: String,
    spec: ScanSpec,
    files: Vec<Arc<FileScan>>,
    metrics: Arc<ScanMetrics>,
    pruner: Pruner,
    conjuncts: Conjuncts,
    queue: Mutex<Queue>,
    counters: Counters,
    payload: AtomicUsize,
    /// Who wants to know which morsels are through.
    window: OnceLock<Window>,
    /// The one consumer of all lanes.
    budget: OnceLock<Budget>,
}

/// Whether a row group can be cut.
#[derive(Debug)]
pub(super) enum Prepared {
    /// These bytes are needed first.
    Need(Need),
    /// No row of it passes.
    Excluded(Evidence),
    /// It can.
    Ready,
}

/// Rows of `ranges`.
pub(super) fn rows_in(ranges: &[Range<u64>]) -> u64 {
    ranges.iter().map(|range| range.end - range.start).sum()
}

/// The `columns` of `first` as they are in `file`.
fn columns_of(file: &File, first: &File, columns: &[TableColumn]) -> Result<Vec<Arc<ScanColumn>>> {
    let place = Place { file: Some(file.name().clone()), ..Place::default() };
    let column = |of: &TableColumn| {
        let none = || FileError::invalid_argument(format!("no column {} of the first", of.column));
        let column = column_in(file, first, of.column).ok_or_else(none)?;
        let part = file.schema().part(column, &of.path)?;
        ScanColumn::projected(file.schema(), part).map(Arc::new)
    };
    let columns: millwork_format::error::Result<Vec<_>> = columns.iter().map(column).collect();
    Ok(columns.map_err(|error| error.at(&place))?)
}

impl ScanShared {
    /// A scan of what `spec` says.
    ///
    /// # Errors
    /// `File` if a column cannot be read.
    pub fn new(spec: ScanSpec) -> Result<Arc<Self>> {
        let rows = spec
            .files
            .iter()
            .try_fold(0_i64, |sum, file| sum.checked_add_unsigned(file.num_rows()));
        if rows.is_none() {
            return Err(Error::unsupported("the files of a table claim more than 2^63 rows"));
        }
        let metrics = Arc::new(ScanMetrics::new(spec.columns.len()));
        let mut files: Vec<Arc<FileScan>> = Vec::with_capacity(spec.files.len());
        let mut units = VecDeque::new();
        for (file, opened) in spec.files.iter().enumerate() {
            let first = &spec.files[0];
            let columns = match files.first() {
                Some(scan) if opened.shares_schema_with(first) => scan.columns().to_vec(),
                _ => columns_of(opened, first, &spec.columns)?,
            };
            files.push(FileScan::of(opened, file as u32, columns, Arc::clone(&metrics)));
            for ordinal in 0..opened.footer().num_row_groups() {
                units.push_back(Unit::Group { file, ordinal, group: None });
            }
        }
        let pruner = match spec.prune {
            true => Pruner::new(&spec.predicates, spec.filters.clone(), files.len()),
            false => Pruner::new(&[], Vec::new(), files.len()),
        };
        let conjuncts = Conjuncts::of(&spec);
        let counters = Counters::default();
        counters.row_groups.store(units.len() as u64, Ordering::Relaxed);
        let queue = Mutex::new(Queue::new(units));
        let path = spec.files.first().map_or("", |file| file.name());
        let name = format!("scan {}", path.rsplit('/').next().unwrap_or(path));
        Ok(Arc::new(Self {
            name,
            spec,
            files,
            metrics,
            pruner,
            conjuncts,
            queue,
            counters,
            payload: AtomicUsize::new(0),
            window: OnceLock::new(),
            budget: OnceLock::new(),
        }))
    }

    /// What pruning will do, as far as footers tell.
    #[must_use]
    pub fn foreseen(&self) -> Foreseen {
        let mut foreseen = Foreseen::default();
        for (file, scan) in self.files.iter().enumerate() {
            let filter = self.pruner.filter(scan);
            let (footer, schema) = (scan.file().footer(), scan.file().schema());
            for ordinal in 0..footer.num_row_groups() {
                let is_kept = filter
                    .as_ref()
                    .is_none_or(|filter| filter.row_group_may_match(footer, schema, ordinal));
                foreseen.row_groups += 1;
                foreseen.pruned_by_statistics += u64::from(!is_kept);
            }
            if file == 0 {
                foreseen.asked = self.pruner.understood(scan);
            }
        }
        foreseen
    }

    /// Tells `window` from now on which morsels are through. Only the first window is told.
    pub fn pass_through(&self, window: &Window) {
        let window = self.window.get_or_init(|| window.clone());
        window.pass(self.lock().first_unfinished());
    }

    /// The memory of all its lanes, of that of the `query`.
    pub(super) fn budget(&self, query: &Budget) -> Budget {
        self.budget.get_or_init(|| query.consumer(self.name())).clone()
    }

    /// What people call it: `scan` and the name of its first file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is to do.
    #[must_use]
    pub fn spec(&self) -> &ScanSpec {
        &self.spec
    }

    pub(super) fn limits(&self) -> Limits {
        self.spec.files.first().map_or_else(Limits::standard, |file| file.limits().clone())
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next piece of work; without any, or without memory for it, `waker` is called when that may
    /// have changed. `budget` is the one of the scan.
    pub(super) fn take(&self, waker: &Waker, budget: &Budget) -> Taken {
        self.lock().take(self, waker, budget)
    }

    /// About the memory that `unit` takes.
    pub(super) fn bytes_about(&self, unit: &Unit) -> u64 {
        match unit {
            Unit::Group { file, ordinal, .. } => self.files[*file].bytes_to_cut(*ordinal),
            Unit::Planned(_) => 0,
            Unit::Morsel(morsel) => morsel.bytes_about(),
        }
    }

    /// Puts the morsels of row group `ordinal` of file `file`, which was being cut with `grant`, in their
    /// place in the queue.
    pub(super) fn put_morsels(
        &self,
        (file, ordinal): (usize, usize),
        morsels: Vec<PlannedMorsel>,
        grant: &Grant,
    ) {
        self.counters.morsels.fetch_add(morsels.len() as u64, Ordering::Relaxed);
        let mut queue = self.lock();
        queue.put(group_id(file, ordinal), morsels);
        let waiting = queue.give_back(grant);
        let first = queue.first_unfinished();
        drop(queue);
        waiting.into_iter().for_each(Waker::wake);
        self.tell(first);
    }

    /// Notes that all rows of morsel `id` are through the lane that scanned it with `grant`.
    pub(super) fn finish_morsel(&self, id: MorselId, grant: &Grant) {
        let mut queue = self.lock();
        queue.finish(id);
        let waiting = queue.give_back(grant);
        let first = queue.first_unfinished();
        drop(queue);
        waiting.into_iter().for_each(Waker::wake);
        self.tell(first);
    }

    fn tell(&self, first_unfinished: MorselId) {
        if let Some(window) = self.window.get() {
            window.pass(first_unfinished);
        }
    }

    /// Asks for the first bytes of the next units, where `budget` has room to spare.
    pub(super) fn read_ahead(&self, units: usize, budget: &Budget) {
        let mut queue = self.lock();
        let (units, grants) = queue.next(units);
        for unit in units {
            if let Unit::Planned(morsel) = unit {
                *unit = Unit::Morsel(morsel.begin(self));
            }
            match unit {
                Unit::Morsel(morsel) => morsel.read_ahead(self, grants, budget),
                Unit::Group { file, ordinal, group } if group.is_none() => {
                    // An error will show when the unit is taken.
                    if self.may_match(*file, *ordinal)
                        && let Ok(opened) = RowGroupScan::new(&self.files[*file], *ordinal)
                    {
                        if let Ok(Prepared::Need(need)) = self.prepare(&opened, budget)
                            && grants.has_room_ahead(&need.required, budget)
                            && let Ok(1..) =
                                self.files[*file].fetcher().request(&need.required, budget)
                        {
                            self.metrics.round();
                        }
                        *group = Some(opened);
                    }
                }
                Unit::Group { .. } | Unit::Planned(_) => {}
            }
        }
    }

    /// Row group `ordinal` of file `file`; `None` if statistics exclude it.
    pub(super) fn open_group(
        &self,
        file: usize,
        ordinal: usize,
    ) -> Result<Option<Arc<RowGroupScan>>> {
        if !self.may_match(file, ordinal) {
            self.counters.excluded(Evidence::Statistics);
            return Ok(None);
        }
        Ok(Some(RowGroupScan::new(&self.files[file], ordinal)?))
    }

    fn may_match(&self, file: usize, ordinal: usize) -> bool {
        let opened = self.files[file].file();
        self.pruner.filter(&self.files[file]).is_none_or(|filter| {
            filter.row_group_may_match(opened.footer(), opened.schema(), ordinal)
        })
    }

    fn filter(&self, group: &RowGroupScan) -> Option<Arc<Filter>> {
        self.pruner.filter(group.scan())
    }

    /// Whether `group` can be cut, and is worth it.
    pub(super) fn prepare(&self, group: &RowGroupScan, budget: &Budget) -> Result<Prepared> {
        let filter = self.filter(group);
        if let Some(filter) = &filter {
            match group.prune(filter, budget)? {
                Step::Need(required) => {
                    return Ok(Prepared::Need(Need { required, useful: Vec::new() }));
                }
                Step::Excluded(evidence) => return Ok(Prepared::Excluded(evidence)),
                Step::Kept => {}
            }
        }
        let tested = self.pruner.tested(filter.as_deref(), group.scan());
        Ok(match group.prepare(&tested, self.cut_by(group), budget)? {
            Some(need) => Prepared::Need(need),
            None => Prepared::Ready,
        })
    }

    /// Counts what was asked of `group`, and what excluded it.
    pub(super) fn pruned(&self, group: &RowGroupScan, evidence: Option<Evidence>) {
        let (blooms, dictionaries) = group.indexes_asked();
        self.counters.bloom_filters_asked.fetch_add(blooms, Ordering::Relaxed);
        self.counters.dictionaries_asked.fetch_add(dictionaries, Ordering::Relaxed);
        evidence.into_iter().for_each(|evidence| self.counters.excluded(evidence));
    }

    /// The column whose pages morsels are cut at: the largest of those that predicates read, else of
    /// all.
    fn cut_by(&self, group: &RowGroupScan) -> usize {
        let mut read = vec![false; group.scan().columns().len()];
        self.conjuncts.columns().for_each(|column| read[column] = true);
        let any = read.contains(&true);
        group.largest_column(|column| !any || read[column])
    }

    /// Cuts a prepared row group.
    pub(super) fn cut(&self, group: &Arc<RowGroupScan>) -> Vec<PlannedMorsel> {
        let candidates = match self.filter(group) {
            None => std::iter::once(0..group.rows()).filter(|rows| !rows.is_empty()).collect(),
            Some(filter) => {
                let selected = group.page_selection(&filter);
                self.counters.pages.fetch_add(selected.pages, Ordering::Relaxed);
                self.counters.pages_pruned.fetch_add(selected.pages_excluded, Ordering::Relaxed);
                if selected.rows.is_empty() && group.rows() > 0 {
                    self.counters.excluded(Evidence::PageIndex);
                }
                selected.rows
            }
        };
        let kept = rows_in(&candidates);
        self.pruned_rows(group.rows() - kept);
        let version = self.version();
        let cuts = group.cut_inside_pages(self.cut_by(group), self.spec.morsel_rows);
        let (file, row_group) = (group.scan().ordinal(), group.ordinal() as u32);
        cuts.into_iter()
            .zip(0..)
            .map(|(rows, morsel)| {
                let inside: Box<[Range<u64>]> = candidates
                    .iter()
                    .map(|range| range.start.max(rows.start)..range.end.min(rows.end))
                    .filter(|range| range.start < range.end)
                    .collect();
                let id = MorselId { file, row_group, morsel };
                let candidates = (*inside != [rows.clone()]).then_some(inside);
                PlannedMorsel { id, group: Arc::clone(group), rows, candidates, version }
            })
            .collect()
    }

    /// Counts how often what is known above the scan has changed.
    pub(super) fn version(&self) -> u64 {
        self.pruner.version()
    }

    /// Which of `candidates`, rows of `group`, may match by what is known now.
    pub(super) fn still_match(
        &self,
        group: &RowGroupScan,
        candidates: &[Range<u64>],
    ) -> Vec<Range<u64>> {
        match self.filter(group) {
            _ if !self.may_match(group.scan().ordinal() as usize, group.ordinal()) => Vec::new(),
            Some(filter) => intersection(candidates, &group.page_selection(&filter).rows),
            None => candidates.to_vec(),
        }
    }

    /// Counts rows that were left out without being looked at.
    pub(super) fn pruned_rows(&self, rows: u64) {
        self.counters.rows_pruned_by_pages.fetch_add(rows, Ordering::Relaxed);
    }

    /// What is known of the conjuncts.
    pub(super) fn conjuncts(&self) -> &Conjuncts {
        &self.conjuncts
    }

    /// As [`Conjuncts::learn`]; rows that filters left out are counted.
    pub(super) fn learn(&self, conjunct: usize, rows_in: usize, rows_out: usize, nanoseconds: u64) {
        let filtered = self.conjuncts.learn(conjunct, rows_in, rows_out, nanoseconds);
        self.counters.rows_filtered.fetch_add(filtered, Ordering::Relaxed);
    }

    /// Remembers how much of its rows the last morsel kept, in percent.
    pub(super) fn learn_survivors(&self, percent: usize) {
        self.payload.store(percent, Ordering::Relaxed);
    }

    /// Whether the remaining columns are asked for together with those of the predicates: without
    /// predicates, and where morsels keep so many rows that most pages are wanted anyway.
    pub(super) fn payload_ahead(&self) -> bool {
        self.conjuncts.is_empty() || self.payload.load(Ordering::Relaxed) >= 10
    }

    /// Counts a round of bytes, the `of_morsel`th of a morsel.
    pub(super) fn round(&self, of_morsel: u64) {
        self.metrics.round();
        self.counters.most_rounds.fetch_max(of_morsel, Ordering::Relaxed);
    }

    pub(super) fn metrics(&self) -> &ScanMetrics {
        &self.metrics
    }

    pub(super) fn entries_evaluated(&self, entries: u64) {
        self.counters.dictionary_entries_evaluated.fetch_add(entries, Ordering::Relaxed);
    }

    /// What was done so far.
    #[must_use]
    pub fn report(&self) -> ScanReport {
        let stores = self.files.iter().map(|file| file.fetcher().store().bytes_delivered());
        self.counters.report(self.metrics.totals(), stores.sum())
    }
}
