//! A driver for tests: it remembers what was asked and answers when it is told to.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millwork_codecs::buffer::{Buffer, BufferMut};

use super::{Driver, DriverProfile, Reply};

/// Serves a buffer; requests wait until [`RecordingDriver::answer_one`] picks one of them.
pub struct RecordingDriver {
    name: Arc<str>,
    bytes: Buffer,
    profile: DriverProfile,
    state: Mutex<State>,
}

struct State {
    waiting: Vec<(Range<u64>, BufferMut, Reply)>,
    asked: Vec<Range<u64>>,
    random: u64,
}

impl RecordingDriver {
    /// Serves `bytes` as a driver of `profile` would, in an order that `seed` decides.
    #[must_use]
    pub fn new(name: &str, bytes: Buffer, profile: DriverProfile, seed: u64) -> Self {
        let state = State { waiting: Vec::new(), asked: Vec::new(), random: seed | 1 };
        Self { name: name.into(), bytes, profile, state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers one waiting request, chosen at random. `false` if none waits.
    pub fn answer_one(&self) -> bool {
        let mut state = self.lock();
        if state.waiting.is_empty() {
            return false;
        }
        state.random ^= state.random << 13;
        state.random ^= state.random >> 7;
        state.random ^= state.random << 17;
        let chosen = (state.random % state.waiting.len() as u64) as usize;
        let (range, mut target, reply) = state.waiting.swap_remove(chosen);
        drop(state);
        let bytes = self.bytes.get(range.start as usize..range.end as usize);
        target.as_mut_slice().copy_from_slice(bytes.unwrap_or_default());
        reply(Ok(target.freeze()));
        true
    }

    /// Every range that was asked for, in the order of asking.
    #[must_use]
    pub fn asked(&self) -> Vec<Range<u64>> {
        self.lock().asked.clone()
    }
}

impl fmt::Debug for RecordingDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordingDriver({} bytes)", self.bytes.len())
    }
}

impl Driver for RecordingDriver {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn profile(&self) -> DriverProfile {
        self.profile
    }

    fn request(&self, range: Range<u64>, target: BufferMut, reply: Reply) {
        let mut state = self.lock();
        state.asked.push(range.clone());
        state.waiting.push((range, target, reply));
    }
}
