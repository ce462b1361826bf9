//! The scheduler of production: worker threads with work-stealing queues.
//!
//! Every worker has a queue of its own for lanes that yielded; lanes that were woken or are new go
//! through a common queue. A worker looks first into the one and then into the other, in turns, then
//! steals; when there is nothing it sleeps until something is queued.

use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crossbeam::deque::{Injector, Steal, Stealer, Worker};

use super::run::{After, FailurePlace, Run};
use super::task::{Ready, Task};
use super::{RunOptions, SLICE_BATCHES, Scheduler};
use crate::error::{Error, Result};
use crate::pipeline::metrics::QueryReport;
use crate::pipeline::query::Query;

/// Runs queries on worker threads; the thread that calls is one of them.
#[derive(Clone, Copy, Debug)]
pub struct ThreadScheduler {
    /// Workers, at least 1.
    pub threads: usize,
}

struct Pool {
    injector: Injector<Arc<Task>>,
    stealers: Vec<Stealer<Arc<Task>>>,
    /// Workers that sleep or are about to. Counted before the last look into the queues, read after
    /// a queue was filled, with a fence on both sides: one of the two sees the other.
    sleepers: AtomicUsize,
    gate: Mutex<()>,
    bell: Condvar,
}

impl ThreadScheduler {
    /// A scheduler with one worker for each core.
    #[must_use]
    pub fn for_this_machine() -> Self {
        Self { threads: std::thread::available_parallelism().map_or(1, usize::from) }
    }
}

impl Scheduler for ThreadScheduler {
    fn run(&self, query: Query, options: RunOptions) -> Result<QueryReport> {
        let mut queues: Vec<Worker<Arc<Task>>> =
            (0..self.threads.max(1)).map(|_| Worker::new_fifo()).collect();
        let pool = Arc::new(Pool::new(queues.iter().map(Worker::stealer).collect()));
        let ready: Arc<dyn Ready> = Arc::<Pool>::clone(&pool);
        let run = Run::start(query, options, ready)?;
        let own = queues.remove(0);
        let worker_rows = std::thread::scope(|scope| {
            let mut workers = Vec::new();
            for (index, queue) in queues.into_iter().enumerate() {
                let (run, pool) = (&run, &pool);
                let name = format!("worker {}", index + 1);
                let spawned = std::thread::Builder::new()
                    .name(name)
                    .stack_size(crate::stack::WORKER_BYTES)
                    .spawn_scoped(scope, move || pool.work(run, &queue));
                // A thread that cannot be had leaves its share to the others.
                workers.extend(spawned.ok());
            }
            let mut rows = vec![pool.work(&run, &own)];
            for worker in workers {
                rows.push(worker.join().unwrap_or_else(|_| {
                    let place = FailurePlace::of(usize::MAX, 0);
                    run.fail(place, Error::internal("a worker panicked"));
                    0
                }));
            }
            rows
        });
        run.close(worker_rows)
    }

    fn threads(&self) -> usize {
        self.threads.max(1)
    }
}

impl Pool {
    fn new(stealers: Vec<Stealer<Arc<Task>>>) -> Self {
        Self {
            injector: Injector::new(),
            stealers,
            sleepers: AtomicUsize::new(0),
            gate: Mutex::new(()),
            bell: Condvar::new(),
        }
    }

    /// What one worker does until the run is over; the rows that it handled.
    fn work(&self, run: &Run, queue: &Worker<Arc<Task>>) -> u64 {
        let mut rows = 0;
        let mut own_first = false;
        while !run.is_over() {
            own_first = !own_first;
            let Some(task) = self.find(queue, own_first) else {
                self.sleep(run);
                continue;
            };
            let (after, slice_rows) = run.execute(&task, SLICE_BATCHES);
            rows += slice_rows;
            if after == After::Requeue {
                let has_more = !queue.is_empty();
                queue.push(task);
                if has_more {
                    self.rouse();
                }
            }
        }
        rows
    }

    fn find(&self, queue: &Worker<Arc<Task>>, own_first: bool) -> Option<Arc<Task>> {
        let common = || until_settled(|| self.injector.steal());
        let found =
            if own_first { queue.pop().or_else(common) } else { common().or_else(|| queue.pop()) };
        found.or_else(|| self.stealers.iter().find_map(|stealer| until_settled(|| stealer.steal())))
    }

    fn has_work(&self) -> bool {
        !self.injector.is_empty() || self.stealers.iter().any(|stealer| !stealer.is_empty())
    }

    fn sleep(&self, run: &Run) {
        let gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if !self.has_work() && !run.is_over() {
            drop(self.bell.wait(gate).unwrap_or_else(PoisonError::into_inner));
        }
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
    }

    /// Wakes a worker, if one sleeps.
    fn rouse(&self) {
        fence(Ordering::SeqCst);
        if self.sleepers.load(Ordering::SeqCst) > 0 {
            // Whoever counted itself holds the gate until it waits, so it hears the bell.
            drop(self.gate.lock().unwrap_or_else(PoisonError::into_inner));
            self.bell.notify_one();
        }
    }
}

impl Ready for Pool {
    fn push(&self, task: Arc<Task>) {
        self.injector.push(task);
        self.rouse();
    }

    fn interrupt(&self) {
        drop(self.gate.lock().unwrap_or_else(PoisonError::into_inner));
        self.bell.notify_all();
    }
}

fn until_settled<T>(mut steal: impl FnMut() -> Steal<T>) -> Option<T> {
    loop {
        match steal() {
            Steal::Success(task) => return Some(task),
            Steal::Empty => return None,
            Steal::Retry => {}
        }
    }
}
