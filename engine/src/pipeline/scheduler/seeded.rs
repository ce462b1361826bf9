//! The scheduler of tests: one thread, and an order that a seed decides.
//!
//! The same query, seed and options give the same order of calls, as long as nobody outside wakes
//! lanes. It knows when no lane can go on, and says which lanes wait.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::run::{After, Run};
use super::task::{Ready, Task};
use super::{RunOptions, Scheduler};
use crate::error::Result;
use crate::pipeline::metrics::QueryReport;
use crate::pipeline::query::Query;

/// How long a wake from outside may take before the run is called a deadlock.
const EXTERNAL_WAIT: Duration = Duration::from_secs(60);

/// Which of the lanes that can run is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Any: a lane may be passed over for long.
    Any,
    /// In rounds: every lane once, in any order, then again.
    Rounds,
}

/// Runs queries on the calling thread.
#[derive(Clone, Copy, Debug)]
pub struct SeededScheduler {
    /// Decides the order and, if `slice_batches` is 0, the lengths of the slices.
    pub seed: u64,
    /// Virtual workers: what reports count rows for.
    pub threads: usize,
    /// Which lane is next.
    pub order: Order,
    /// Batches of work in a slice; 0: 1 to 8, each slice anew.
    pub slice_batches: usize,
    /// Whether threads outside wake lanes: then an empty queue is waited for, up to a minute.
    pub external_wakes: bool,
}

#[derive(Default)]
struct Deck {
    woken: Mutex<Vec<Arc<Task>>>,
    bell: Condvar,
}

impl SeededScheduler {
    /// Any order, slices of 1 to 8 batches, no wakes from outside.
    #[must_use]
    pub fn new(seed: u64, threads: usize) -> Self {
        Self { seed, threads, order: Order::Any, slice_batches: 0, external_wakes: false }
    }
}

impl Scheduler for SeededScheduler {
    fn run(&self, query: Query, options: RunOptions) -> Result<QueryReport> {
        let deck = Arc::new(Deck::default());
        let ready: Arc<dyn Ready> = Arc::<Deck>::clone(&deck);
        let run = Run::start(query, options, ready)?;
        let mut random = Random::new(self.seed);
        let mut worker_rows = vec![0; self.threads()];
        let mut round: Vec<Arc<Task>> = Vec::new();
        while !run.is_over() {
            if round.is_empty() || self.order == Order::Any {
                round.append(&mut deck.woken());
            }
            if round.is_empty() {
                if !self.external_wakes || !deck.wait(&run) {
                    run.fail_deadlocked();
                }
                continue;
            }
            let task = round.swap_remove(random.below(round.len()));
            let slice = match self.slice_batches {
                0 => 1 + random.below(8),
                batches => batches,
            };
            let worker = random.below(worker_rows.len());
            let (after, rows) = run.execute(&task, slice);
            worker_rows[worker] += rows;
            if after == After::Requeue {
                deck.woken().push(task);
            }
        }
        drop(round);
        run.close(worker_rows)
    }

    fn threads(&self) -> usize {
        self.threads.max(1)
    }
}

impl Deck {
    fn woken(&self) -> MutexGuard<'_, Vec<Arc<Task>>> {
        self.woken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a lane is woken or the run is over; false if neither happened in time.
    fn wait(&self, run: &Run) -> bool {
        let (woken, timeout) = self
            .bell
            .wait_timeout_while(self.woken(), EXTERNAL_WAIT, |woken| {
                woken.is_empty() && !run.is_over()
            })
            .unwrap_or_else(PoisonError::into_inner);
        drop(woken);
        !timeout.timed_out()
    }
}

impl Ready for Deck {
    fn push(&self, task: Arc<Task>) {
        self.woken().push(task);
        self.bell.notify_one();
    }

    fn interrupt(&self) {
        drop(self.woken());
        self.bell.notify_all();
    }
}

/// xorshift64*: the order needs to vary, not to be unpredictable.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        // Neighbouring seeds start far apart, and never at 0.
        Self((seed ^ 0x9E37_79B9_7F4A_7C15).wrapping_mul(0xBF58_476D_1CE4_E5B9) | 1)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let mixed = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D);
        ((u128::from(mixed) * bound as u128) >> 64) as usize
    }
}
