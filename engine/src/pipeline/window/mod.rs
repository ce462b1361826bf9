//! A bounded window through which batches leave a pipeline while it runs.
//!
//! In: batches of all lanes. Out: the same batches, one after the other, to one taker: a thread that
//! waits ([`Window::next`]) or the source of another pipeline ([`WindowSource`]). Nothing is copied but
//! the few rows of sparse batches, so that they do not keep whole pages alive.
//!
//! ```text
//! lane 0 (morsel 4) ──push──▶ ready: batches of the first unfinished morsel ──take──▶ taker
//! lane 1 (morsel 6) ──push──▶ ahead: batches of later morsels ── pass(5) ──▶ ready
//! ```
//!
//! Where the order of rows matters ([`WindowOrder::ByMorsel`]) batches of later morsels wait until the
//! scan says that all earlier ones are through ([`Window::pass`]). Each half holds a bounded number of
//! bytes, counted by the query's budget; a lane that finds its half full answers `Blocked`. The lane
//! that scans the first unfinished morsel fills the half that the taker empties, so one lane can always
//! go on.

mod part;
#[cfg(test)]
mod tests;

pub use part::{WindowSink, WindowSource};

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use millwork_codecs::budget::{Budget, Reservation};
use millwork_format::batch::{Batch, MorselId};

use super::operator::SinkAnswer;
use crate::error::Result;

/// Bytes that each half of a window holds before lanes have to wait.
pub const WINDOW_BYTES: u64 = 32 << 20;

/// In which order batches leave a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowOrder {
    /// In the order in which they arrive.
    AsTheyCome,
    /// In the order of their morsels; batches without an origin leave as they come.
    ByMorsel,
}

/// Batches on their way out of a pipeline. Clones share them.
#[derive(Clone, Debug)]
pub struct Window(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    order: WindowOrder,
    half_bytes: u64,
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Debug)]
struct State {
    ready: Half,
    ahead: BTreeMap<MorselId, VecDeque<Held>>,
    ahead_bytes: u64,
    /// Every morsel before this one is through.
    first_unfinished: MorselId,
    reservation: Reservation,
    /// Lanes that found their half full.
    blocked: Vec<Waker>,
    /// The lane that found nothing to take.
    taker: Option<Waker>,
    /// Nothing comes any more.
    closed: bool,
    /// Nobody takes any more.
    abandoned: bool,
}

#[derive(Debug, Default)]
struct Half {
    batches: VecDeque<Held>,
    bytes: u64,
}

#[derive(Debug)]
struct Held {
    batch: Batch,
    bytes: u64,
    /// Those of them that the window's reservation holds: large buffers have their own.
    reserved: u64,
}

/// What there is to take.
#[derive(Debug)]
pub enum Taken {
    /// The next batch.
    Batch(Batch),
    /// None now.
    Later,
    /// None any more.
    Nothing,
}

impl Window {
    /// An empty window whose halves hold `half_bytes` each, drawn from `budget`.
    ///
    /// # Errors
    /// If the budget refuses, which it does not while nothing is held.
    pub fn new(order: WindowOrder, half_bytes: u64, budget: &Budget) -> Result<Self> {
        let state = State {
            ready: Half::default(),
            ahead: BTreeMap::new(),
            ahead_bytes: 0,
            first_unfinished: MorselId::default(),
            reservation: budget.reserve(0)?,
            blocked: Vec::new(),
            taker: None,
            closed: false,
            abandoned: false,
        };
        let (state, arrived) = (Mutex::new(state), Condvar::new());
        Ok(Self(Arc::new(Inner { order, half_bytes, state, arrived })))
    }

    /// A sink for one lane.
    #[must_use]
    pub fn sink(&self) -> WindowSink {
        WindowSink::new(self)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in `batch`; answers where it went and whether the lane may go on.
    fn push(&self, batch: Batch, waker: &Waker) -> Result<(Place, SinkAnswer)> {
        // Few rows of a large page: copied, they do not keep it alive.
        let batch = if batch.count() * 2 < batch.rows() { batch.compacted()? } else { batch };
        let (bytes, reserved) = (batch.row_bytes(), batch.unreserved_row_bytes());
        let morsel = match self.0.order {
            WindowOrder::AsTheyCome => None,
            WindowOrder::ByMorsel => batch.origin().map(|origin| origin.morsel_id()),
        };
        let mut state = self.state();
        if state.abandoned {
            return Ok((Place::Ready, SinkAnswer::Done));
        }
        let held = state.reservation.bytes().saturating_add(reserved);
        state.reservation.resize(held)?;
        let place = match morsel {
            Some(morsel) if morsel > state.first_unfinished => {
                state.ahead.entry(morsel).or_default().push_back(Held { batch, bytes, reserved });
                state.ahead_bytes += bytes;
                Place::Ahead(morsel)
            }
            _ => {
                state.ready.push(Held { batch, bytes, reserved });
                Place::Ready
            }
        };
        let answer = self.answer(&mut state, place, waker);
        if place == Place::Ready {
            self.announce(state);
        }
        Ok((place, answer))
    }

    /// Whether a lane whose last batch went to `place` may go on.
    fn poll(&self, place: Place, waker: &Waker) -> SinkAnswer {
        self.answer(&mut self.state(), place, waker)
    }

    fn answer(&self, state: &mut State, place: Place, waker: &Waker) -> SinkAnswer {
        let waits = match place {
            Place::Ahead(morsel) if morsel > state.first_unfinished => state.ahead_bytes,
            _ => state.ready.bytes,
        };
        if state.abandoned {
            SinkAnswer::Done
        } else if waits == 0 || waits < self.0.half_bytes {
            SinkAnswer::More
        } else {
            state.blocked.push(waker.clone());
            SinkAnswer::Blocked
        }
    }

    /// Every morsel before `first_unfinished` is through: what waited for that is ready.
    pub fn pass(&self, first_unfinished: MorselId) {
        let mut state = self.state();
        if first_unfinished <= state.first_unfinished {
            return;
        }
        state.first_unfinished = first_unfinished;
        while let Some(entry) = state.ahead.first_entry()
            && *entry.key() <= first_unfinished
        {
            for held in entry.remove() {
                state.ahead_bytes -= held.bytes;
                state.ready.push(held);
            }
        }
        let blocked = std::mem::take(&mut state.blocked);
        self.announce(state);
        blocked.into_iter().for_each(Waker::wake);
    }

    /// Nothing comes any more: what is there is ready, in order.
    pub fn close(&self) {
        self.pass(MorselId::END);
        let mut state = self.state();
        state.closed = true;
        self.announce(state);
    }

    /// Nobody takes any more: what is there is dropped, and lanes are told to stop.
    pub fn abandon(&self) {
        let mut state = self.state();
        state.abandoned = true;
        let dropped = (std::mem::take(&mut state.ready), std::mem::take(&mut state.ahead));
        state.ahead_bytes = 0;
        // Giving back cannot be refused.
        let _ = state.reservation.resize(0);
        let blocked = std::mem::take(&mut state.blocked);
        drop(state);
        drop(dropped);
        blocked.into_iter().for_each(Waker::wake);
    }

    /// Tells the taker that there may be something.
    fn announce(&self, mut state: MutexGuard<'_, State>) {
        let taker = state.taker.take();
        drop(state);
        self.0.arrived.notify_all();
        if let Some(taker) = taker {
            taker.wake();
        }
    }

    /// The next batch, if it is there; otherwise `waker` is called when it may be.
    pub fn take(&self, waker: &Waker) -> Taken {
        let mut state = self.state();
        let taken = self.take_from(&mut state);
        if matches!(taken, Taken::Later) {
            state.taker = Some(waker.clone());
        }
        taken
    }

    /// The next batch, waiting for it; `None` if none comes any more.
    #[must_use]
    pub fn next(&self) -> Option<Batch> {
        let mut state = self.state();
        loop {
            match self.take_from(&mut state) {
                Taken::Batch(batch) => return Some(batch),
                Taken::Nothing => return None,
                Taken::Later => {
                    state = self.0.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    /// All that is there, in order. Complete once the pipeline has finished.
    #[must_use]
    pub fn take_all(&self) -> Vec<Batch> {
        let mut state = self.state();
        let mut batches = Vec::with_capacity(state.ready.batches.len());
        while let Taken::Batch(batch) = self.take_from(&mut state) {
            batches.push(batch);
        }
        batches
    }

    fn take_from(&self, state: &mut State) -> Taken {
        let Some(held) = state.ready.batches.pop_front() else {
            return if state.closed || state.abandoned { Taken::Nothing } else { Taken::Later };
        };
        state.ready.bytes -= held.bytes;
        let left = state.reservation.bytes() - held.reserved;
        // Giving back cannot be refused.
        let _ = state.reservation.resize(left);
        // Lanes are woken when half of what they may fill is free, not for every batch.
        if state.ready.bytes <= self.0.half_bytes / 2 {
            for blocked in std::mem::take(&mut state.blocked) {
                blocked.wake();
            }
        }
        Taken::Batch(held.batch)
    }
}

impl Half {
    fn push(&mut self, held: Held) {
        self.bytes += held.bytes;
        self.batches.push_back(held);
    }
}

/// Where the last batch of a lane went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Ready,
    Ahead(MorselId),
}
