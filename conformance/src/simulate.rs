//! Thousands of small streaming queries, each in another order of steps, some with a fault.
//!
//! In: seeds. Out: a [`Summary`], or the first seed at which something does not hold. A seed decides
//! everything: lanes, rows, the order in which lanes run, where a part blocks and where it fails. So
//! `run(n..n + 1)` repeats seed n exactly. Every 16th query runs on worker threads too.
//!
//! The query: generators, an exchange by key with queues of length 1, an operator that counts each key
//! and takes a snapshot at every barrier, a sink. What must hold:
//!
//! - the snapshots of an epoch, over all lanes, count exactly the rows that the generators gave before
//!   that barrier (a consistent cut), and no key is counted in two lanes;
//! - a query ends: with its rows, or with the very fault that was put into it, never in a deadlock;
//! - afterwards no memory is reserved.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millwork_codecs::budget::{Budget, Reservation};
use millwork_codecs::buffer::Slice;
use millwork_engine::pipeline::{
    Answer, BlockTwice, ByHash, CancelToken, Collected, Context, Exchange, Fault, FaultAt,
    Generator, GeneratorConfig, LaneParts, Operator, Order, Pipeline, Query, QueryReport,
    RunOptions, Scheduler, SeededScheduler, Signal, Sink, Source, SourceAnswer, ThreadScheduler,
};
use millwork_engine::{Error, ErrorKind, Result as EngineResult};
use millwork_format::batch::Batch;
use millwork_format::vector::Vector;

use crate::random::Random;

/// Batches between two barriers.
const BARRIER_BATCHES: u64 = 10;

/// What the seeds of one run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Seeds run.
    pub seeds: u64,
    /// Seeds whose query was run on worker threads as well, and held; not counted below.
    pub on_threads: u64,
    /// Queries that gave all their rows.
    pub completed: u64,
    /// Queries that ended with the error put into them.
    pub errors: u64,
    /// Queries that ended with the panic put into them.
    pub panics: u64,
    /// Queries that ended because they were cancelled.
    pub cancelled: u64,
    /// Snapshots, over all lanes of an epoch, that were compared with what was generated.
    pub cuts: u64,
    /// Rows of the generators that came to their end.
    pub rows: u64,
}

/// Runs every seed of `seeds`.
///
/// # Errors
/// The first seed at which something does not hold, and what.
pub fn run(seeds: Range<u64>) -> Result<Summary, String> {
    // A seed is the same run in every process.
    millwork_engine::hash::use_known_hashes();
    let mut summary = Summary::default();
    for seed in seeds {
        let failed = |what: String| format!("seed {seed}: {what}");
        let plan = Plan::of(seed);
        let outcome = plan.run(&plan.scheduler);
        outcome.check(&plan, &mut summary).map_err(failed)?;
        if seed % 64 == 0 && plan.run(&plan.scheduler).fingerprint() != outcome.fingerprint() {
            return Err(failed("the same seed ran differently the second time".to_owned()));
        }
        if seed % 16 == 0 {
            let threads = ThreadScheduler { threads: 2 + seed as usize / 16 % 3 };
            let mut apart = Summary::default();
            plan.run(&threads)
                .check(&plan, &mut apart)
                .map_err(|what| failed(format!("on {} threads: {what}", threads.threads)))?;
            summary.on_threads += 1;
        }
        summary.seeds += 1;
    }
    Ok(summary)
}

/// Counts of each key.
type Counts = BTreeMap<i64, u64>;

/// Where a fault is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Generator,
    ExchangeSink,
    ExchangeSource,
    Counter,
    Sink,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FaultKind {
    None,
    Error,
    Panic,
    Cancel,
}

/// What a seed decides.
#[derive(Clone, Debug)]
struct Plan {
    seed: u64,
    producers: usize,
    consumers: usize,
    configs: Vec<GeneratorConfig>,
    scheduler: SeededScheduler,
    /// Whether parts answer `Blocked` twice before all that they answer.
    blocks: bool,
    fault: FaultKind,
    place: Place,
    fault_lane: usize,
    at_call: u64,
}

/// What is seen from outside while a query runs.
#[derive(Debug, Default)]
struct Observed {
    /// For each producer: its rows by key before each barrier, and in all.
    generated: Vec<(BTreeMap<u64, Counts>, Counts)>,
    /// For each consumer: its state at each barrier, in order.
    snapshots: Vec<Vec<(u64, Counts)>>,
}

type Shared = Arc<Mutex<Observed>>;

fn locked(shared: &Shared) -> MutexGuard<'_, Observed> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How a query ended, and what was seen of it.
struct Outcome {
    result: EngineResult<QueryReport>,
    observed: Observed,
    /// Keys and counts that reached the sink.
    collected: Vec<(i64, i64)>,
    fired: bool,
    reserved_bytes: u64,
}

impl Plan {
    fn of(seed: u64) -> Self {
        let mut random = Random(seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let producers = 1 + random.below(4) as usize;
        let consumers = 1 + random.below(4) as usize;
        let distinct = 1 + random.below(100);
        let mut config = || {
            let batch_rows = 1 + random.below(20);
            GeneratorConfig {
                seed: random.draw(),
                rows: random.below(45) * batch_rows + random.below(2),
                batch_rows: batch_rows as usize,
                columns: 1,
                distinct,
                null_one_in: 0,
                barrier_batches: BARRIER_BATCHES,
            }
        };
        let configs = (0..producers).map(|_| config()).collect();
        let faults = [FaultKind::Error, FaultKind::Panic, FaultKind::Cancel];
        let fault = match random.below(6) {
            kind @ 0..3 => faults[kind as usize],
            _ => FaultKind::None,
        };
        let places = [
            Place::Generator,
            Place::ExchangeSink,
            Place::ExchangeSource,
            Place::Counter,
            Place::Sink,
        ];
        let place = places[random.below(5) as usize];
        let lanes = match place {
            Place::Generator | Place::ExchangeSink => producers,
            _ => consumers,
        };
        let order = if random.below(4) == 0 { Order::Rounds } else { Order::Any };
        let slice_batches = random.below(3) as usize;
        let scheduler =
            SeededScheduler { order, slice_batches, ..SeededScheduler::new(random.draw(), 2) };
        Self {
            seed,
            producers,
            consumers,
            configs,
            scheduler,
            blocks: random.below(3) == 0,
            fault,
            place,
            fault_lane: random.below(lanes as u64) as usize,
            at_call: 1 + random.below(120),
        }
    }

    fn run(&self, scheduler: &dyn Scheduler) -> Outcome {
        let shared: Shared = Arc::new(Mutex::new(Observed {
            generated: vec![Default::default(); self.producers],
            snapshots: vec![Vec::new(); self.consumers],
        }));
        let options = RunOptions { budget: Budget::new(1 << 30), ..RunOptions::default() };
        let budget = options.budget.clone();
        let injector =
            Injector { plan: self.clone(), cancel: options.cancel.clone(), fired: Arc::default() };
        let fired = Arc::clone(&injector.fired);
        let collected = Collected::new();
        let query = query(injector, &shared, &collected, &budget);
        let result = scheduler.run(query, options);
        let observed = std::mem::take(&mut *locked(&shared));
        let collected = collected.take().iter().flat_map(pairs).collect();
        Outcome {
            result,
            observed,
            collected,
            fired: fired.load(Ordering::SeqCst),
            reserved_bytes: budget.reserved(),
        }
    }
}

/// Puts blocks and the fault around parts.
struct Injector {
    plan: Plan,
    cancel: CancelToken,
    fired: Arc<AtomicBool>,
}

impl Injector {
    fn fault<T>(&self, part: T, place: Place, lane: usize) -> FaultAt<T> {
        let (fault, is_here) = match self.plan.fault {
            FaultKind::None => (Fault::Error, false),
            FaultKind::Error => (Fault::Error, true),
            FaultKind::Panic => (Fault::Panic, true),
            FaultKind::Cancel => (Fault::Cancel(self.cancel.clone()), true),
        };
        let is_here = is_here && self.plan.place == place && self.plan.fault_lane == lane;
        let at_call = if is_here { self.plan.at_call } else { 0 };
        FaultAt::new(part, fault, at_call).telling(&self.fired)
    }

    fn source(&self, part: impl Source + 'static, place: Place, lane: usize) -> Box<dyn Source> {
        let part = self.fault(part, place, lane);
        if self.plan.blocks { Box::new(BlockTwice::new(part)) } else { Box::new(part) }
    }

    fn operator(&self, part: Counter, lane: usize) -> Box<dyn Operator> {
        let part = self.fault(part, Place::Counter, lane);
        if self.plan.blocks { Box::new(BlockTwice::new(part)) } else { Box::new(part) }
    }

    fn sink(&self, part: impl Sink + 'static, place: Place, lane: usize) -> Box<dyn Sink> {
        let part = self.fault(part, place, lane);
        if self.plan.blocks { Box::new(BlockTwice::new(part)) } else { Box::new(part) }
    }
}

/// Generators -> exchange by key -> counters -> sink.
fn query(injector: Injector, shared: &Shared, collected: &Collected, budget: &Budget) -> Query {
    let (producers, consumers) = (injector.plan.producers, injector.plan.consumers);
    let exchange = Exchange::new("exchange", producers, consumers, 1, budget);
    let injector = Arc::new(injector);
    let mut query = Query::new();
    let (to, around, log) = (exchange.clone(), Arc::clone(&injector), Arc::clone(shared));
    query.add(Pipeline::new("generate", producers, move |lane| {
        let generator = Generator::new(around.plan.configs[lane]);
        let recorded = Recorded { generator, lane, so_far: Counts::new(), log: Arc::clone(&log) };
        let sink = to.sink(lane, ByHash::new(hash_keys));
        Ok(LaneParts {
            source: around.source(recorded, Place::Generator, lane),
            operators: Vec::new(),
            sink: around.sink(sink, Place::ExchangeSink, lane),
        })
    }));
    let (into, log) = (collected.clone(), Arc::clone(shared));
    query.add(Pipeline::new("count", consumers, move |lane| {
        let source = exchange.source(lane);
        Ok(LaneParts {
            source: injector.source(source, Place::ExchangeSource, lane),
            operators: vec![injector.operator(Counter::new(lane, Arc::clone(&log)), lane)],
            sink: injector.sink(into.sink(), Place::Sink, lane),
        })
    }));
    query
}

fn keys(batch: &Batch) -> EngineResult<Vec<i64>> {
    let column = batch.columns().first().and_then(Vector::values::<i64>);
    let column = column.ok_or_else(|| Error::internal("no column of keys"))?;
    Ok(batch.selection().rows().iter().map(|row| column[*row as usize]).collect())
}

fn hash_keys(batch: &Batch, hashes: &mut Vec<u64>) -> EngineResult<()> {
    hashes.clear();
    let spread = |key: i64| (key as u64).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    hashes.extend(keys(batch)?.into_iter().map(spread));
    Ok(())
}

fn pairs(batch: &Batch) -> Vec<(i64, i64)> {
    let column = |index: usize| batch.columns().get(index).and_then(Vector::values::<i64>);
    let (Some(keys), Some(counts)) = (column(0), column(1)) else { return Vec::new() };
    keys.iter().copied().zip(counts.iter().copied()).collect()
}

/// A generator that notes what it gave before each barrier.
struct Recorded {
    generator: Generator,
    lane: usize,
    so_far: Counts,
    log: Shared,
}

impl Source for Recorded {
    fn poll(&mut self, context: &mut Context<'_>) -> EngineResult<SourceAnswer> {
        let answer = self.generator.poll(context)?;
        match &answer {
            SourceAnswer::Batch(batch) => {
                for key in keys(batch)? {
                    *self.so_far.entry(key).or_default() += 1;
                }
            }
            SourceAnswer::Signal(Signal::Barrier(epoch)) => {
                let lane = &mut locked(&self.log).generated[self.lane];
                lane.0.insert(*epoch, self.so_far.clone());
            }
            SourceAnswer::Signal(Signal::End) => {
                locked(&self.log).generated[self.lane].1 = self.so_far.clone();
            }
            SourceAnswer::Signal(Signal::Idle) | SourceAnswer::Working | SourceAnswer::Blocked => {}
        }
        Ok(answer)
    }
}

/// Counts keys; gives keys and counts at the end.
struct Counter {
    lane: usize,
    counts: Counts,
    memory: Option<Reservation>,
    output: VecDeque<Batch>,
    log: Shared,
}

impl Counter {
    fn new(lane: usize, log: Shared) -> Self {
        Self { lane, counts: Counts::new(), memory: None, output: VecDeque::new(), log }
    }
}

impl Operator for Counter {
    fn push(&mut self, batch: Batch, context: &mut Context<'_>) -> EngineResult<()> {
        for key in keys(&batch)? {
            *self.counts.entry(key).or_default() += 1;
        }
        let bytes = self.counts.len() as u64 * 16;
        match &mut self.memory {
            Some(memory) => memory.resize(bytes)?,
            None => self.memory = Some(context.budget.reserve(bytes)?),
        }
        Ok(())
    }

    fn poll(&mut self, _: &mut Context<'_>) -> EngineResult<Answer> {
        Ok(self.output.pop_front().map_or(Answer::NeedInput, Answer::HaveOutput))
    }

    fn signal(&mut self, signal: Signal, _: &mut Context<'_>) -> EngineResult<()> {
        match signal {
            Signal::Barrier(epoch) => {
                let snapshot = (epoch, self.counts.clone());
                locked(&self.log).snapshots[self.lane].push(snapshot);
            }
            Signal::End => {
                let entries: Vec<(i64, u64)> = self.counts.iter().map(|(k, c)| (*k, *c)).collect();
                for chunk in entries.chunks(16) {
                    let keys: Vec<i64> = chunk.iter().map(|entry| entry.0).collect();
                    let counts: Vec<i64> = chunk.iter().map(|entry| entry.1 as i64).collect();
                    let columns = [keys, counts].map(|c| Vector::flat(Slice::copy_of(&c)));
                    self.output.push_back(Batch::new(columns.to_vec(), chunk.len())?);
                }
            }
            Signal::Idle => {}
        }
        Ok(())
    }

    fn name(&self) -> &str {
        "count by key"
    }
}

impl Outcome {
    /// What two runs of one seed must have in common: all that was seen.
    fn fingerprint(&self) -> String {
        let result = match &self.result {
            Ok(report) => format!("{:?} {:?}", report.worker_rows, report.pipelines),
            Err(error) => format!("{error:?}"),
        };
        format!("{result} {:?} {:?}", self.observed, self.collected)
    }

    fn check(&self, plan: &Plan, summary: &mut Summary) -> Result<(), String> {
        if self.reserved_bytes != 0 {
            return Err(format!("{} bytes are still reserved", self.reserved_bytes));
        }
        summary.rows +=
            self.observed.generated.iter().flat_map(|lane| lane.1.values()).sum::<u64>();
        self.check_end(plan, summary)?;
        self.check_cuts(summary)?;
        if self.result.is_ok() { self.check_rows(plan) } else { Ok(()) }
    }

    /// The query ends with its rows exactly if no fault happened, else with that fault.
    fn check_end(&self, plan: &Plan, summary: &mut Summary) -> Result<(), String> {
        let expected = match (plan.fault, self.fired) {
            (FaultKind::Error, true) => Some((ErrorKind::Evaluate, "injected error")),
            (FaultKind::Panic, true) => Some((ErrorKind::Internal, "panic: injected panic")),
            (FaultKind::Cancel, true) => Some((ErrorKind::Cancelled, "the query was cancelled")),
            _ => None,
        };
        match (&self.result, expected) {
            (Ok(_), None) => summary.completed += 1,
            // The token was raised by the last call that there was.
            (Ok(_), Some((ErrorKind::Cancelled, _))) => summary.completed += 1,
            (Err(error), Some((kind, text))) if *error.kind() == kind && error.what() == text => {
                match kind {
                    ErrorKind::Evaluate => summary.errors += 1,
                    ErrorKind::Internal => summary.panics += 1,
                    _ => summary.cancelled += 1,
                }
            }
            (result, expected) => {
                let found = result.as_ref().map(|_| "rows");
                return Err(format!("expected {expected:?}, found {found:?} (seed {})", plan.seed));
            }
        }
        Ok(())
    }

    /// Every epoch that all lanes have taken a snapshot of is a consistent cut.
    fn check_cuts(&self, summary: &mut Summary) -> Result<(), String> {
        for (lane, snapshots) in self.observed.snapshots.iter().enumerate() {
            let epochs: Vec<u64> = snapshots.iter().map(|snapshot| snapshot.0).collect();
            let expected: Vec<u64> = (1..=epochs.len() as u64).collect();
            if epochs != expected {
                return Err(format!("lane {lane} took snapshots of epochs {epochs:?}"));
            }
        }
        let complete = self.observed.snapshots.iter().map(Vec::len).min().unwrap_or(0);
        for index in 0..complete {
            let epoch = index as u64 + 1;
            let mut counted = Counts::new();
            for lane in &self.observed.snapshots {
                for (key, count) in &lane[index].1 {
                    if counted.insert(*key, *count).is_some() {
                        return Err(format!("epoch {epoch}: key {key} is counted in two lanes"));
                    }
                }
            }
            let mut generated = Counts::new();
            for (before, all) in &self.observed.generated {
                // A lane without this barrier ended before it: all its rows belong to the cut.
                for (key, count) in before.get(&epoch).unwrap_or(all) {
                    *generated.entry(*key).or_default() += count;
                }
            }
            if counted != generated {
                let (found, expected) =
                    (counted.values().sum::<u64>(), generated.values().sum::<u64>());
                return Err(format!(
                    "epoch {epoch} is no consistent cut: {found} rows counted, {expected} generated"
                ));
            }
            summary.cuts += 1;
        }
        Ok(())
    }

    /// A query that was not disturbed has taken every snapshot and given every row.
    fn check_rows(&self, plan: &Plan) -> Result<(), String> {
        let mut generated = Counts::new();
        for (_, all) in &self.observed.generated {
            for (key, count) in all {
                *generated.entry(*key).or_default() += count;
            }
        }
        let rows: u64 = plan.configs.iter().map(|config| config.rows).sum();
        let mut collected = Counts::new();
        for (key, count) in &self.collected {
            *collected.entry(*key).or_default() += *count as u64;
        }
        if generated.values().sum::<u64>() != rows || collected != generated {
            let found = collected.values().sum::<u64>();
            return Err(format!("{found} rows reached the sink, {rows} were to be generated"));
        }
        let barriers = self.observed.generated.iter().map(|lane| lane.0.len()).max().unwrap_or(0);
        for (lane, snapshots) in self.observed.snapshots.iter().enumerate() {
            if snapshots.len() != barriers {
                let found = snapshots.len();
                return Err(format!("lane {lane}: {found} snapshots at {barriers} barriers"));
            }
        }
        Ok(())
    }
}
