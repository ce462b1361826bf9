//! A task: one lane and whether it is parked, queued or running.
//!
//! A task is the waker of its lane. Parked, a wake queues it; running, a wake is noted, and the task
//! is queued as soon as its lane blocks; queued or over, a wake does nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Wake;

use crate::error::{Error, Result};
use crate::pipeline::lane::Lane;

const PARKED: u8 = 0;
const QUEUED: u8 = 1;
const RUNNING: u8 = 2;
/// Running, and woken since it began to run.
const WOKEN: u8 = 3;
const OVER: u8 = 4;

/// Where tasks that can run wait for a worker.
pub(super) trait Ready: Send + Sync {
    /// Takes a task that was woken.
    fn push(&self, task: Arc<Task>);

    /// Wakes all workers, so that they see that the run is over.
    fn interrupt(&self);
}

/// One lane of one pipeline.
pub(super) struct Task {
    pub(super) pipeline: usize,
    pub(super) lane: usize,
    state: AtomicU8,
    /// The lane until it is over. Only the worker that runs the task holds the lock for long.
    slot: Mutex<Option<Lane>>,
    ready: Weak<dyn Ready>,
}

impl Task {
    /// A task in the state "queued": the caller puts it into a queue.
    pub(super) fn queued(
        pipeline: usize,
        ordinal: usize,
        lane: Lane,
        ready: Weak<dyn Ready>,
    ) -> Arc<Self> {
        let slot = Mutex::new(Some(lane));
        Arc::new(Self { pipeline, lane: ordinal, state: AtomicU8::new(QUEUED), slot, ready })
    }

    /// The lane, to run it; notes that the task runs.
    pub(super) fn begin(&self) -> MutexGuard<'_, Option<Lane>> {
        let slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        // A task that is over stays so; its slot is empty.
        let _ = self.state.compare_exchange(QUEUED, RUNNING, Ordering::SeqCst, Ordering::SeqCst);
        slot
    }

    /// After a slice that did not block: queued again, by the caller.
    pub(super) fn requeue(&self) {
        let changed =
            self.state.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |state| match state {
                OVER => None,
                _ => Some(QUEUED),
            });
        let _ = changed;
    }

    /// After a slice that blocked: true if the task was woken meanwhile and the caller queues it.
    pub(super) fn park(&self) -> bool {
        match self.state.compare_exchange(RUNNING, PARKED, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => false,
            Err(WOKEN) => {
                self.requeue();
                true
            }
            Err(_) => false,
        }
    }

    /// Whether it waits to be woken.
    pub(super) fn is_parked(&self) -> bool {
        self.state.load(Ordering::SeqCst) == PARKED
    }

    /// Drops the lane, if it is still there; wakes do nothing from here on.
    pub(super) fn end(&self) {
        self.state.store(OVER, Ordering::SeqCst);
        let lane = self.slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The query has its result already: a panic while parts are dropped changes nothing.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(lane)));
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let before =
            self.state.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |state| match state {
                PARKED => Some(QUEUED),
                RUNNING => Some(WOKEN),
                _ => None,
            });
        if before == Ok(PARKED)
            && let Some(ready) = self.ready.upgrade()
        {
            ready.push(Arc::clone(self));
        }
    }
}

/// Calls `work`; a panic becomes an `Internal` error with the panic's text.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let text = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "of unknown kind".to_owned());
        Err(Error::internal(format!("panic: {text}")))
    })
}
