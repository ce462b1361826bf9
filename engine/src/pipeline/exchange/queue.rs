//! The queue between one producer lane and one consumer lane.
//!
//! Invariant: whoever finds the queue full or empty has stored its waker under the same lock, and the
//! other side takes it there at its next operation; so no wake is lost.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use millwork_codecs::budget::Reservation;
use millwork_format::batch::Batch;

use crate::pipeline::signal::Signal;

/// What a queue carries.
#[derive(Debug)]
pub(super) enum Item {
    /// A batch and the memory reserved for it.
    Batch(Batch, Reservation),
    Signal(Signal),
}

/// What became of an offered item.
#[derive(Debug)]
pub(super) enum Offered {
    Taken,
    /// The queue is full; the waker is stored.
    Full(Item),
    /// The consumer wants no more.
    Closed,
}

#[derive(Debug)]
pub(super) struct Queue {
    capacity: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    items: VecDeque<Item>,
    /// Waits for room.
    producer: Option<Waker>,
    /// Waits for an item.
    consumer: Option<Waker>,
    closed: bool,
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts `item` at the end, if there is room.
    pub(super) fn offer(&self, item: Item, waker: &Waker) -> Offered {
        let mut state = self.state();
        if state.closed {
            return Offered::Closed;
        }
        if state.items.len() >= self.capacity {
            store(&mut state.producer, waker);
            return Offered::Full(item);
        }
        state.items.push_back(item);
        let woken = state.consumer.take();
        drop(state);
        if let Some(woken) = woken {
            woken.wake();
        }
        Offered::Taken
    }

    /// Takes the first item; if there is none the waker is stored.
    pub(super) fn take(&self, waker: &Waker) -> Option<Item> {
        let mut state = self.state();
        let Some(item) = state.items.pop_front() else {
            store(&mut state.consumer, waker);
            return None;
        };
        let woken = state.producer.take();
        drop(state);
        if let Some(woken) = woken {
            woken.wake();
        }
        Some(item)
    }

    /// The consumer wants no more: drops what is there and lets the producer go on.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.consumer = None;
        let items = std::mem::take(&mut state.items);
        let woken = state.producer.take();
        drop(state);
        drop(items);
        if let Some(woken) = woken {
            woken.wake();
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state().closed
    }
}

fn store(place: &mut Option<Waker>, waker: &Waker) {
    if !place.as_ref().is_some_and(|stored| stored.will_wake(waker)) {
        *place = Some(waker.clone());
    }
}
