//! Broken files: every one must end in values or a typed error, soon, and within its budget.
//!
//! In: the files of the corpus, a share and a seed. Out: a [`Summary`]. What is broken:
//!
//! - whole files of at most 8 KiB at every bit and every length, larger ones in places drawn at random;
//! - footers and page headers with other numbers, fields, lists and pieces of other files, written anew,
//!   and pages in each other's place;
//! - each page header, page body, dictionary and page index of a file, with its footer as it was:
//!   zeroed, filled with other bytes, cut out, shortened;
//! - each page body behind decompression, at every bit and every length, and with other counts, fed
//!   straight to the decoders. Bodies above 64 KiB are read around the broken place and passed over
//!   elsewhere: what lies before it is as it was, and what lies behind is walked, but not decoded.
//!
//! Every mutant is read with checksums verified and without. A finding is a panic, an error of kind
//! `Internal`, more than [`MOST_MS`] milliseconds, more than [`MOST_BYTES`] bytes on the heap, or a
//! reservation that outlives the reading. Mutants are numbered; share and seed choose among the
//! numbers, so that seeds 0 to 3 of share 1/4 together are the whole.

mod structure;
mod cases;

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use millwork_codecs::budget::Budget;

use rustix::time::{ClockId, clock_gettime};

use self::cases::Case;
use crate::allocator::most_bytes_of;
use crate::anatomy::{self, Original};
use crate::examine::{self, Tally};

/// Milliseconds of processor time that the reading of one mutant may take.
pub const MOST_MS: u64 = 1000;

/// The budget of the reading of one mutant.
const BUDGET_BYTES: u64 = 64 << 20;

/// Bytes that the reading of one mutant may hold: its budget, and batches in flight.
pub const MOST_BYTES: u64 = BUDGET_BYTES + (16 << 20);

/// After this long by the clock a mutant counts as one that never ends: it may sleep.
const HANG: Duration = Duration::from_secs(20);

/// Findings that are told in full.
const TOLD: usize = 20;

/// Which mutants there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All that this module lists.
    Everything,
    /// Files of at most 8 KiB, as a whole: every bit and every length.
    SmallFiles,
    /// Footers and page headers with other contents.
    Structures,
}

/// Which part of the campaign to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which mutants there are.
    pub extent: Extent,
    /// The share of mutants, above 0, at most 1.
    pub share: f64,
    /// Which share of that size.
    pub seed: u64,
    /// Threads to run on.
    pub threads: usize,
    /// Only files whose names contain this are broken.
    pub only: String,
}

/// What a campaign came to.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Files that mutants were made of.
    pub files: u64,
    /// Mutants by what was broken, a mutant read with and without checksums counted twice.
    pub mutants: BTreeMap<&'static str, u64>,
    /// Mutants that were read without any error.
    pub read_in_full: u64,
    /// Values decoded.
    pub values: u64,
    /// Errors by kind: a mutant may have one for each column and way of reading.
    pub errors: BTreeMap<&'static str, u64>,
    /// The longest time one mutant took.
    pub slowest: Duration,
    /// The most bytes that the reading of one mutant held on the heap.
    pub most_bytes: u64,
    /// How many mutants panicked.
    pub panics: u64,
    /// How many took more than [`MOST_MS`] milliseconds.
    pub hangs: u64,
    /// How many held more than [`MOST_BYTES`] bytes, or did not give all back.
    pub overruns: u64,
    /// How many mutants did what none may, errors that are bugs included.
    pub found: u64,
    /// The first of them in words.
    pub findings: Vec<String>,
}

impl Summary {
    /// Mutants in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.mutants.values().sum()
    }

    fn add(&mut self, other: Self) {
        for (part, count) in other.mutants {
            *self.mutants.entry(part).or_default() += count;
        }
        for (kind, count) in other.errors {
            *self.errors.entry(kind).or_default() += count;
        }
        self.read_in_full += other.read_in_full;
        self.values += other.values;
        self.slowest = self.slowest.max(other.slowest);
        self.most_bytes = self.most_bytes.max(other.most_bytes);
        self.panics += other.panics;
        self.hangs += other.hangs;
        self.overruns += other.overruns;
        self.found += other.found;
        self.findings.extend(other.findings);
        self.findings.truncate(TOLD);
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} mutants of {} files {:?}", self.total(), self.files, self.mutants)?;
        writeln!(f, "{} read in full, {} values", self.read_in_full, self.values)?;
        writeln!(f, "errors {:?}", self.errors)?;
        let (ms, bytes) = (self.slowest.as_secs_f64() * 1e3, self.most_bytes);
        writeln!(f, "slowest {ms:.1} ms, most {bytes} bytes on the heap")?;
        write!(
            f,
            "{} panics, {} hangs above {MOST_MS} ms, {} overruns, {} findings in all",
            self.panics, self.hangs, self.overruns, self.found
        )?;
        self.findings.iter().try_for_each(|finding| write!(f, "\n  {finding}"))
    }
}

/// Mutants of each part that the whole campaign has, without those that are read twice.
///
/// # Errors
/// The corpus is missing.
pub fn plan() -> Result<String, String> {
    let mut lines = String::new();
    for original in anatomy::originals()? {
        cases::Cases::of(&original).describe(&original.name, &mut lines);
    }
    Ok(lines)
}

/// What a worker is at, for who watches it.
#[derive(Debug, Default)]
struct Desk {
    since: Option<(Instant, String)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs the share of the campaign that `options` choose.
///
/// # Errors
/// The corpus is missing, a mutant never ended, or a thread did not start.
pub fn run(options: Options) -> Result<Summary, String> {
    let mut files = anatomy::originals()?;
    if options.extent == Extent::SmallFiles {
        files.retain(|file| file.bytes.len() <= cases::WHOLE_BYTES);
    }
    let files = Arc::new(files);
    std::panic::set_hook(Box::new(|panic| examine::keep_panic(panic.to_string())));
    let threads = options.threads.max(1);
    let mut workers = Vec::with_capacity(threads);
    for worker in 0..threads {
        let (files, desk) = (Arc::clone(&files), Arc::new(Mutex::new(Desk::default())));
        let own = Arc::clone(&desk);
        let name = format!("mutate-{worker}");
        let options = options.clone();
        let run = move || work(&files, &options, worker as u64, &own);
        let thread = std::thread::Builder::new().name(name).spawn(run);
        workers.push((thread.map_err(|error| format!("no thread: {error}"))?, desk));
    }
    while workers.iter().any(|(thread, _)| !thread.is_finished()) {
        for (_, desk) in &workers {
            if let Some((since, mutant)) = &lock(desk).since
                && since.elapsed() > HANG
            {
                return Err(format!("still reading after {HANG:?}: {mutant}"));
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut summary = Summary { files: files.len() as u64, ..Summary::default() };
    for (thread, _) in workers {
        summary.add(thread.join().map_err(|_| "the campaign itself panicked".to_owned())?);
    }
    let _ = std::panic::take_hook();
    Ok(summary)
}

/// The mutants of `files` that fall to worker `worker`.
fn work(files: &[Original], options: &Options, worker: u64, desk: &Mutex<Desk>) -> Summary {
    let mut summary = Summary::default();
    for (ordinal, original) in files.iter().enumerate() {
        if !original.name.contains(&options.only) {
            continue;
        }
        let cases = cases::Cases::of(original);
        let other = structure::Structure::of(&files[(ordinal * 7 + 1) % files.len()].bytes);
        for number in cases.numbers(options.extent) {
            let key = cases::mix((ordinal as u64) << 40 | number);
            if !is_chosen(key, options) || (key >> 7) % options.threads.max(1) as u64 != worker {
                continue;
            }
            let case = cases.case(number, key, other.as_ref());
            for verify in [true, false] {
                // What is fed behind decompression has no checksum.
                if !(verify && case.is_behind_checksums()) {
                    try_mutant(&original.name, &case, verify, desk, &mut summary);
                }
            }
        }
    }
    summary
}

/// Whether the mutant of that key is in the share.
fn is_chosen(key: u64, options: &Options) -> bool {
    let place = (key >> 11) as f64 / (1u64 << 53) as f64;
    (place + options.seed as f64 * options.share).fract() < options.share
}

fn try_mutant(name: &str, case: &Case<'_>, verify: bool, desk: &Mutex<Desk>, sum: &mut Summary) {
    let describe = || {
        let checksums = if verify { "verified" } else { "not verified" };
        format!("{name}: {case}, checksums {checksums}")
    };
    lock(desk).since = Some((Instant::now(), describe()));
    let mut attempt = attempt(case, verify);
    // Another program may have had the processor.
    for _ in 0..2 {
        if attempt.took > Duration::from_millis(MOST_MS) {
            attempt = self::attempt(case, verify);
        }
    }
    lock(desk).since = None;
    *sum.mutants.entry(case.part()).or_default() += 1;
    sum.slowest = sum.slowest.max(attempt.took);
    sum.most_bytes = sum.most_bytes.max(attempt.most_bytes);
    sum.values += attempt.tally.values;
    sum.read_in_full += u64::from(attempt.tally.errors.is_empty());
    for kind in &attempt.tally.errors {
        *sum.errors.entry(kind).or_default() += 1;
    }
    if let Some(what) = attempt.finding() {
        sum.found += 1;
        sum.panics += u64::from(attempt.panic.is_some());
        sum.hangs += u64::from(attempt.took > Duration::from_millis(MOST_MS));
        sum.overruns += u64::from(attempt.most_bytes > MOST_BYTES || attempt.reserved_bytes > 0);
        if sum.findings.len() < TOLD {
            let finding = format!("{}: {what}", describe());
            eprintln!("found: {finding}");
            sum.findings.push(finding);
        }
    }
}

/// One reading of one mutant.
struct Attempt {
    tally: Tally,
    panic: Option<String>,
    took: Duration,
    most_bytes: u64,
    reserved_bytes: u64,
}

/// Of this thread: other work on the machine makes nothing slow.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let part = |number: i64| u64::try_from(number).unwrap_or(0);
    Duration::from_secs(part(time.tv_sec)) + Duration::from_nanos(part(time.tv_nsec))
}

fn attempt(case: &Case<'_>, verify: bool) -> Attempt {
    let budget = Budget::new(BUDGET_BYTES);
    let started = processor_time();
    let read = || {
        let mut tally = Tally::default();
        let mut guarded = AssertUnwindSafe((&mut tally, &budget));
        let ended = catch_unwind(move || {
            let (tally, budget) = &mut *guarded;
            case.read(verify, budget, tally);
        });
        (ended, tally)
    };
    let ((ended, tally), most_bytes) = most_bytes_of(read);
    let panic = ended.err().map(|_| examine::last_panic());
    let reserved_bytes = budget.reserved();
    Attempt { tally, panic, took: processor_time() - started, most_bytes, reserved_bytes }
}

impl Attempt {
    /// What no mutant may do, if it did.
    fn finding(&self) -> Option<String> {
        if let Some(panic) = &self.panic {
            return Some(format!("panic: {panic}"));
        }
        if let Some(error) = &self.tally.internal {
            return Some(error.clone());
        }
        if self.took > Duration::from_millis(MOST_MS) {
            return Some(format!("{} ms", self.took.as_millis()));
        }
        if self.most_bytes > MOST_BYTES {
            return Some(format!("{} bytes on the heap", self.most_bytes));
        }
        (self.reserved_bytes > 0).then(|| format!("{} bytes still reserved", self.reserved_bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_of_a_share_are_a_partition() {
        for key in (0..1000).map(cases::mix) {
            let chosen = |seed| {
                let extent = Extent::Everything;
                let only = String::new();
                is_chosen(key, &Options { extent, share: 0.25, seed, threads: 1, only })
            };
            assert_eq!((0..4).filter(|seed| chosen(*seed)).count(), 1);
        }
    }
}
