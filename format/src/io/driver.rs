//! What a source of bytes has to offer.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use millwork_codecs::buffer::{Buffer, BufferMut};

use crate::error::Result;

/// Called once with the bytes of a request, on any thread.
pub type Reply = Box<dyn FnOnce(Result<Buffer>) + Send>;

/// How far away the bytes are: it decides whether one larger round beats two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DriverProfile {
    /// Microseconds until the first byte of a request.
    pub latency_us: u32,
}

impl DriverProfile {
    /// Whether a second round costs so much that useful ranges are asked for with the first.
    #[must_use]
    pub fn serves_useful(self) -> bool {
        self.latency_us >= 2_000
    }
}

/// A source of bytes: a file, memory, an object store.
pub trait Driver: Send + Sync + fmt::Debug {
    /// What errors call it: a path or a name.
    fn name(&self) -> &Arc<str>;

    /// Bytes in all.
    fn len(&self) -> u64;

    /// Whether there are no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How far away the bytes are.
    fn profile(&self) -> DriverProfile;

    /// All bytes, if they lie in memory already: nothing is asked for and copied then.
    fn in_memory(&self) -> Option<&Buffer> {
        None
    }

    /// Fills `target` with the bytes of `range` (as long as it, and inside the source) and hands it
    /// to `reply`. Does not wait: the reply comes later, or at once if the bytes are at hand.
    fn request(&self, range: Range<u64>, target: BufferMut, reply: Reply);
}
