//! What the lanes of a scan share: the queue of work, the counters, what was learnt of the conjuncts.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;

use millwork_codecs::budget::Budget;
use millwork_format::batch::MorselId;
use millwork_format::error::Place;
use millwork_format::io::Need;
use millwork_format::limits::Limits;
use millwork_format::prune::{Evidence, Filter, Step, intersection};
use millwork_format::read::{File, FileScan, RowGroupScan, ScanColumn, ScanMetrics, ScanTotals};
use millwork_format::types::DataType;

use super::grant::{Grant, Grants};
use super::morsel::{MorselScan, PlannedMorsel};
use crate::error::Result;
use crate::expr::Expr;
use crate::pipeline::Window;
use crate::plan::logical::TableColumn;
use crate::runtime_filter::RuntimeFilter;
use crate::scan::prune::Pruner;

/// What a scan is to do.
#[derive(Clone, Debug)]
pub struct ScanSpec {
    /// The files, in order; all have the same columns.
    pub files: Vec<File>,
    /// Columns of the files, or parts of them, in the order of the scan's columns.
    pub columns: Vec<TableColumn>,
    /// Conjuncts over the scan's columns.
    pub predicates: Vec<Expr>,
    /// What operators above know of the scan's columns while it runs.
    pub filters: Vec<ScanFilter>,
    /// Which of the scan's columns are wanted in the batches; the others are null there.
    pub wanted: Vec<bool>,
    /// Whether statistics and page indexes may leave rows out.
    pub prune: bool,
    /// Rows of a batch at most.
    pub batch_rows: usize,
    /// Rows of a morsel, about.
    pub morsel_rows: u64,
}

/// What an operator above a scan knows of one of its columns.
#[derive(Clone, Debug)]
pub struct ScanFilter {
    /// What is known.
    pub filter: Arc<dyn RuntimeFilter>,
    /// Of which column of the scan.
    pub column: usize,
    /// The type of that.
    pub data_type: DataType,
}

impl ScanFilter {
    /// The column as an expression.
    pub(super) fn column(&self) -> Expr {
        Expr::column(self.column, self.data_type.clone())
    }
}

/// A scan that several lanes run.
#[derive(Debug)]
pub struct ScanShared {
    name: String,
    spec: ScanSpec,
    files: Vec<Arc<FileScan>>,
    metrics: Arc<ScanMetrics>,
    pruner: Pruner,
    /// The predicates, then the filters.
    conjuncts: Vec<Learnt>,
    /// How often an order of them was asked for.
    orders: AtomicU64,
    queue: Mutex<Queue>,
    counters: Counters,
    payload: AtomicUsize,
    /// Who wants to know which morsels are through.
    window: OnceLock<Window>,
    /// The one consumer of all lanes.
    budget: OnceLock<Budget>,
}

/// What is known of a scan before it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Foreseen {
    /// Row groups of all files.
    pub row_groups: u64,
    /// Those of them that statistics in footers prove to have no row for the query.
    pub pruned_by_statistics: u64,
    /// The predicates, by position, that indexes of the first file are asked about.
    pub asked: Vec<usize>,
}

/// Invariant: units are in the order of their morsels, so that lanes work on neighbouring ones and the
/// first unfinished morsel is never behind one that waits for it.
#[derive(Debug, Default)]
struct Queue {
    units: VecDeque<Unit>,
    /// Row groups that a lane is cutting: more units may come.
    being_cut: usize,
    /// Morsels of which rows may still come; a row group that is not cut yet counts as its first.
    unfinished: BTreeSet<MorselId>,
    grants: Grants,
    waiting: Vec<Waker>,
}

/// A piece of work.
#[derive(Debug)]
pub(super) enum Unit {
    /// A row group to be cut, and whether its indexes were asked for.
    Group { file: usize, ordinal: usize, group: Option<Arc<RowGroupScan>> },
    /// A morsel.
    Planned(PlannedMorsel),
    /// A morsel with its first bytes asked for.
    Morsel(Box<MorselScan>),
}

impl Unit {
    /// The same; a morsel whose turn has come is ready to be scanned.
    fn begun(self, shared: &ScanShared) -> Self {
        match self {
            Self::Planned(morsel) => Self::Morsel(morsel.begin(shared)),
            other => other,
        }
    }

    fn id(&self) -> MorselId {
        match self {
            Self::Group { file, ordinal, .. } => group_id(*file, *ordinal),
            Self::Planned(morsel) => morsel.id,
            Self::Morsel(morsel) => morsel.id(),
        }
    }
}

/// The first morsel of a row group.
fn group_id(file: usize, ordinal: usize) -> MorselId {
    MorselId { file: file as u32, row_group: ordinal as u32, morsel: 0 }
}

/// What a lane gets from the queue.
#[derive(Debug)]
pub(super) enum Taken {
    /// Work, and the grant for it. A row group counts as being cut until [`ScanShared::put_morsels`], a
    /// morsel as unfinished until [`ScanShared::finish_morsel`].
    Unit(Unit, Grant),
    /// None now; more may come.
    Later,
    /// None any more.
    Nothing,
}

/// Selectivity and cost of one conjunct so far.
#[derive(Debug, Default)]
struct Learnt {
    /// Columns of the scan that it reads.
    columns: Vec<usize>,
    can_fail: bool,
    rows_in: AtomicU64,
    rows_out: AtomicU64,
    nanoseconds: AtomicU64,
}

#[derive(Debug, Default)]
struct Counters {
    row_groups: AtomicU64,
    pruned_by_statistics: AtomicU64,
    pruned_by_bloom_filter: AtomicU64,
    pruned_by_dictionary: AtomicU64,
    pruned_by_page_index: AtomicU64,
    bloom_filters_asked: AtomicU64,
    dictionaries_asked: AtomicU64,
    pages: AtomicU64,
    pages_pruned: AtomicU64,
    rows_pruned_by_pages: AtomicU64,
    rows_filtered: AtomicU64,
    morsels: AtomicU64,
    most_rounds: AtomicU64,
    dictionary_entries_evaluated: AtomicU64,
}

/// Rows after which what was learnt of a filter counts half: it may know more by now.
const FILTER_MEMORY_ROWS: u64 = 1 << 18;
/// A filter that removes fewer rows than one in so many is not worth its while,
const LEAST_REMOVED: u64 = 8;
/// but for one in so many morsels, which find out whether that is still so.
const RETRY: u64 = 16;

impl Learnt {
    fn of_predicate(predicate: &Expr) -> Self {
        let mut columns = Vec::new();
        predicate.for_each_column(&mut |column| columns.push(column));
        columns.sort_unstable();
        columns.dedup();
        Self { columns, can_fail: predicate.can_fail(), ..Self::default() }
    }

    fn of_filter(filter: &ScanFilter) -> Self {
        Self { columns: vec![filter.column], ..Self::default() }
    }

    /// Whether enough rows were left out by it, if any were tried.
    fn is_worth_it(&self) -> bool {
        let rows_in = self.rows_in.load(Ordering::Relaxed);
        let removed = rows_in.saturating_sub(self.rows_out.load(Ordering::Relaxed));
        removed.saturating_mul(LEAST_REMOVED) >= rows_in
    }
}

impl Counters {
    fn excluded(&self, evidence: Evidence) {
        let counter = match evidence {
            Evidence::Statistics => &self.pruned_by_statistics,
            Evidence::BloomFilter => &self.pruned_by_bloom_filter,
            Evidence::Dictionary => &self.pruned_by_dictionary,
            Evidence::PageIndex => &self.pruned_by_page_index,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
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

/// What a scan did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanReport {
    /// What the readers did.
    pub totals: ScanTotals,
    /// Bytes that drivers delivered.
    pub bytes_read: u64,
    /// Row groups there were.
    pub row_groups: u64,
    /// Row groups left out by statistics, bloom filters or dictionaries.
    pub row_groups_pruned: u64,
    /// Those left out by statistics.
    pub row_groups_pruned_by_statistics: u64,
    /// Those left out by bloom filters.
    pub row_groups_pruned_by_bloom_filter: u64,
    /// Those left out by dictionaries.
    pub row_groups_pruned_by_dictionary: u64,
    /// Row groups of which the page index left no page.
    pub row_groups_pruned_by_page_index: u64,
    /// Bloom filters that were asked.
    pub bloom_filters_asked: u64,
    /// Dictionaries that were asked.
    pub dictionaries_asked: u64,
    /// Pages whose bounds were looked at, a test each.
    pub pages: u64,
    /// Those of them that no row can pass the test in.
    pub pages_pruned: u64,
    /// Rows left out by page indexes.
    pub rows_pruned_by_pages: u64,
    /// Rows that were read in part and left out by what operators above knew.
    pub rows_filtered: u64,
    /// Morsels that were scanned.
    pub morsels: u64,
    /// How often one of them asked for bytes, at most.
    pub most_rounds: u64,
    /// Dictionary entries on which predicates were evaluated.
    pub dictionary_entries_evaluated: u64,
}

/// Rows of `ranges`.
pub(super) fn rows_in(ranges: &[Range<u64>]) -> u64 {
    ranges.iter().map(|range| range.end - range.start).sum()
}

impl Queue {
    fn first_unfinished(&self) -> MorselId {
        self.unfinished.first().copied().unwrap_or(MorselId::END)
    }
}

/// `columns` as they are in `file`.
fn columns_of(file: &File, columns: &[TableColumn]) -> Result<Vec<ScanColumn>> {
    let place = Place { file: Some(file.name().clone()), ..Place::default() };
    let column = |of: &TableColumn| {
        let part = file.schema().part(of.column, &of.path)?;
        ScanColumn::projected(file.schema(), part)
    };
    let columns: millwork_format::error::Result<Vec<ScanColumn>> =
        columns.iter().map(column).collect();
    Ok(columns.map_err(|error| error.at(&place))?)
}

impl ScanShared {
    /// A scan of what `spec` says.
    ///
    /// # Errors
    /// `File` if a column cannot be read.
    pub fn new(spec: ScanSpec) -> Result<Arc<Self>> {
        let metrics = Arc::new(ScanMetrics::new(spec.columns.len()));
        let mut files = Vec::with_capacity(spec.files.len());
        let mut units = VecDeque::new();
        for (file, opened) in spec.files.iter().enumerate() {
            let columns = columns_of(opened, &spec.columns)?;
            files.push(FileScan::of(opened, file as u32, columns, Arc::clone(&metrics)));
            for ordinal in 0..opened.footer().num_row_groups() {
                units.push_back(Unit::Group { file, ordinal, group: None });
            }
        }
        let pruner = match spec.prune {
            true => Pruner::new(spec.predicates.clone(), spec.filters.clone(), files.len()),
            false => Pruner::new(Vec::new(), Vec::new(), files.len()),
        };
        let mut conjuncts: Vec<Learnt> = spec.predicates.iter().map(Learnt::of_predicate).collect();
        conjuncts.extend(spec.filters.iter().map(Learnt::of_filter));
        let counters = Counters::default();
        counters.row_groups.store(units.len() as u64, Ordering::Relaxed);
        let unfinished = units.iter().map(Unit::id).collect();
        let queue = Mutex::new(Queue { units, unfinished, ..Queue::default() });
        let path = spec.files.first().map_or("", |file| file.name());
        let name = format!("scan {}", path.rsplit('/').next().unwrap_or(path));
        Ok(Arc::new(Self {
            name,
            spec,
            files,
            metrics,
            pruner,
            conjuncts,
            orders: AtomicU64::new(0),
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
        let mut queue = self.lock();
        let granted = match queue.units.pop_front() {
            None if queue.being_cut == 0 => return Taken::Nothing,
            None => None,
            Some(unit) => {
                let unit = unit.begun(self);
                match queue.grants.ask(self.bytes_about(&unit), budget) {
                    Some(grant) => Some((unit, grant)),
                    None => {
                        queue.units.push_front(unit);
                        None
                    }
                }
            }
        };
        let Some((unit, grant)) = granted else {
            queue.waiting.push(waker.clone());
            return Taken::Later;
        };
        queue.being_cut += usize::from(matches!(unit, Unit::Group { .. }));
        Taken::Unit(unit, grant)
    }

    /// About the memory that `unit` takes.
    fn bytes_about(&self, unit: &Unit) -> u64 {
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
        let place = group_id(file, ordinal);
        queue.unfinished.remove(&place);
        queue.unfinished.extend(morsels.iter().map(|morsel| morsel.id));
        let at = queue.units.partition_point(|unit| unit.id() < place);
        let behind = queue.units.split_off(at);
        queue.units.extend(morsels.into_iter().map(Unit::Planned));
        queue.units.extend(behind);
        queue.being_cut = queue.being_cut.saturating_sub(1);
        queue.grants.give_back(grant);
        let waiting = std::mem::take(&mut queue.waiting);
        let first = queue.first_unfinished();
        drop(queue);
        waiting.into_iter().for_each(Waker::wake);
        self.tell(first);
    }

    /// Notes that all rows of morsel `id` are through the lane that scanned it with `grant`.
    pub(super) fn finish_morsel(&self, id: MorselId, grant: &Grant) {
        let mut queue = self.lock();
        queue.unfinished.remove(&id);
        let first = queue.first_unfinished();
        drop(queue);
        self.give_back(grant);
        self.tell(first);
    }

    /// Takes the grant of a lane back, so that one that waits may have it.
    pub(super) fn give_back(&self, grant: &Grant) {
        let mut queue = self.lock();
        queue.grants.give_back(grant);
        let waiting = std::mem::take(&mut queue.waiting);
        drop(queue);
        waiting.into_iter().for_each(Waker::wake);
    }

    fn tell(&self, first_unfinished: MorselId) {
        if let Some(window) = self.window.get() {
            window.pass(first_unfinished);
        }
    }

    /// Asks for the first bytes of the next units, where `budget` has room to spare.
    pub(super) fn read_ahead(&self, units: usize, budget: &Budget) {
        let mut queue = self.lock();
        let Queue { units: waiting, grants, .. } = &mut *queue;
        for unit in waiting.iter_mut().take(units) {
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
        Ok(match group.prepare(&tested, self.cut_by(group))? {
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
        let scan = group.scan();
        let size = |column: usize| {
            let leaf = scan.columns()[column].leaf;
            let chunk = scan.file().footer().column(group.ordinal(), leaf);
            chunk.map_or(0, |chunk| chunk.total_compressed_size())
        };
        let mut read = vec![false; scan.columns().len()];
        self.conjuncts_read().for_each(|column| read[column] = true);
        let any = read.contains(&true);
        (0..read.len())
            .filter(|column| !any || read[*column])
            .max_by_key(|column| size(*column))
            .unwrap_or(0)
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

    /// The conjuncts in the order in which they are best evaluated: most rows removed for the time
    /// first; those never tried in the order of the query, before the others. Those that can fail come
    /// last and in the order of the query, so that the others guard them. Filters are left out while they
    /// know nothing, and where they leave out next to nothing.
    pub(super) fn order(&self) -> Vec<usize> {
        let retry = self.orders.fetch_add(1, Ordering::Relaxed).is_multiple_of(RETRY);
        let filter = |index: usize| self.spec.filters.get(index.checked_sub(self.predicates())?);
        let mut order: Vec<(f64, usize)> = self
            .conjuncts
            .iter()
            .enumerate()
            .filter(|(index, learnt)| {
                filter(*index).is_none_or(|known| {
                    known.filter.version() > 0 && (retry || learnt.is_worth_it())
                })
            })
            .map(|(index, learnt)| {
                let rows_in = learnt.rows_in.load(Ordering::Relaxed) as f64;
                if rows_in == 0.0 {
                    return (f64::INFINITY, index);
                }
                let removed = 1.0 - learnt.rows_out.load(Ordering::Relaxed) as f64 / rows_in;
                let cost = learnt.nanoseconds.load(Ordering::Relaxed) as f64 / rows_in;
                (removed / cost.max(0.01), index)
            })
            .collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let order = order.into_iter().map(|(_, index)| index);
        let (mut last, mut order): (Vec<usize>, Vec<usize>) =
            order.partition(|index| self.conjuncts[*index].can_fail);
        last.sort_unstable();
        order.extend(last);
        order
    }

    pub(super) fn learn(&self, conjunct: usize, rows_in: usize, rows_out: usize, nanoseconds: u64) {
        let learnt = &self.conjuncts[conjunct];
        learnt.rows_in.fetch_add(rows_in as u64, Ordering::Relaxed);
        learnt.rows_out.fetch_add(rows_out as u64, Ordering::Relaxed);
        learnt.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
        if conjunct >= self.predicates() {
            let removed = rows_in.saturating_sub(rows_out) as u64;
            self.counters.rows_filtered.fetch_add(removed, Ordering::Relaxed);
            if learnt.rows_in.load(Ordering::Relaxed) > FILTER_MEMORY_ROWS {
                for sum in [&learnt.rows_in, &learnt.rows_out, &learnt.nanoseconds] {
                    // Lanes that do so at the same time lose some of what they learnt.
                    sum.store(sum.load(Ordering::Relaxed) / 2, Ordering::Relaxed);
                }
            }
        }
    }

    /// Columns of the scan that conjunct `conjunct` reads.
    pub(super) fn columns_of(&self, conjunct: usize) -> &[usize] {
        &self.conjuncts[conjunct].columns
    }

    /// Columns of the scan that any conjunct reads, some repeatedly.
    pub(super) fn conjuncts_read(&self) -> impl Iterator<Item = usize> {
        self.conjuncts.iter().flat_map(|conjunct| conjunct.columns.iter().copied())
    }

    /// How many of the conjuncts are predicates: the first ones.
    fn predicates(&self) -> usize {
        self.spec.predicates.len()
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
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.counters;
        let by_statistics = load(&counters.pruned_by_statistics);
        let by_bloom_filter = load(&counters.pruned_by_bloom_filter);
        let by_dictionary = load(&counters.pruned_by_dictionary);
        let stores = self.files.iter().map(|file| file.fetcher().store().bytes_delivered());
        ScanReport {
            totals: self.metrics.totals(),
            bytes_read: stores.sum(),
            row_groups: load(&self.counters.row_groups),
            row_groups_pruned: by_statistics + by_bloom_filter + by_dictionary,
            row_groups_pruned_by_statistics: by_statistics,
            row_groups_pruned_by_bloom_filter: by_bloom_filter,
            row_groups_pruned_by_dictionary: by_dictionary,
            row_groups_pruned_by_page_index: load(&counters.pruned_by_page_index),
            bloom_filters_asked: load(&counters.bloom_filters_asked),
            dictionaries_asked: load(&counters.dictionaries_asked),
            pages: load(&counters.pages),
            pages_pruned: load(&counters.pages_pruned),
            rows_pruned_by_pages: load(&self.counters.rows_pruned_by_pages),
            rows_filtered: load(&self.counters.rows_filtered),
            morsels: load(&self.counters.morsels),
            most_rounds: load(&self.counters.most_rounds),
            dictionary_entries_evaluated: load(&self.counters.dictionary_entries_evaluated),
        }
    }
}
