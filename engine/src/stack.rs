//! Stacks that recursion over statements and expressions fits.
//!
//! Plans and expressions are trees, and what walks them recurses. How deep they are is limited
//! ([`crate::sql::MAX_DEPTH`], [`crate::sql::MAX_CHAIN`]); how much stack the caller has left nobody knows. So
//! planning and evaluation run on threads of their own. Of a stack only what is used takes memory.

use crate::error::{Error, Result};

/// For parsing, binding, rules and lowering: 1,024 levels of 128 KiB, or a chain of 4,096 operators at 32.
pub const PLANNING_BYTES: usize = 128 << 20;

/// For evaluation: a chain of 4,096 operators, 8 KiB each.
pub const WORKER_BYTES: usize = 32 << 20;

/// Runs `work` on a stack of `bytes`, while this thread waits.
///
/// # Errors
/// Those of `work`; `Memory` if no thread can be had, `Internal` if `work` panics.
pub fn with<T: Send>(bytes: usize, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("plan".to_string())
            .stack_size(bytes)
            .spawn_scoped(scope, work)
            .map_err(|error| Error::no_thread(&error))?
            .join()
            .unwrap_or_else(|_| Err(Error::internal("planning panicked")))
    })
}

/// The same of work that cannot fail.
///
/// # Errors
/// `Memory` if no thread can be had, `Internal` if `work` panics.
pub fn planning<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T> {
    with(PLANNING_BYTES, || Ok(work()))
}
