//! Bytes in memory: readers share them.

use std::ops::Range;
use std::sync::Arc;

use millwork_codecs::buffer::{Buffer, BufferMut};

use super::{Driver, DriverProfile, Reply};
use crate::error::Error;

/// Serves a buffer; every request is answered at once.
#[derive(Clone, Debug)]
pub struct MemoryDriver {
    name: Arc<str>,
    bytes: Buffer,
}

impl MemoryDriver {
    /// Serves `bytes`, called `name` in errors.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, bytes: Buffer) -> Self {
        Self { name: name.into(), bytes }
    }
}

impl Driver for MemoryDriver {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn profile(&self) -> DriverProfile {
        DriverProfile { latency_us: 0 }
    }

    fn in_memory(&self) -> Option<&Buffer> {
        Some(&self.bytes)
    }

    fn request(&self, range: Range<u64>, mut target: BufferMut, reply: Reply) {
        match self.bytes.get(range.start as usize..range.end as usize) {
            Some(bytes) => {
                target.as_mut_slice().copy_from_slice(bytes);
                reply(Ok(target.freeze()));
            }
            None => reply(Err(Error::internal(format!("bytes {range:?} of {}", self.len())))),
        }
    }
}
