//! Scans of Parquet files: the loop that owns order, placement and adaptivity.
//!
//! In: files, the columns wanted, conjuncts over them. Out: batches of the rows for which all conjuncts
//! are true, with their origin. `format` decodes what it is told to; this folder decides what that is:
//!
//! 1. Row groups whose statistics, bloom filters or dictionaries exclude the conjuncts are left out
//!    (`prune`; what is counted: `report`).
//! 2. A row group is cut into morsels; pages whose bounds exclude a conjunct are left out.
//! 3. Within a morsel the conjuncts are evaluated one after the other, the one that removes most rows
//!    for its cost first (`conjuncts`), each reading only columns it needs and only rows that are left.
//! 4. The remaining columns are decoded for the survivors only (`morsel`, by `window`s of some thousand rows).
//!
//! What operators above know of the rows they can use ([`crate::runtime_filter`]) is one more conjunct, used
//! while it leaves rows out.
//!
//! Lanes (`source`) take morsels from one `queue`, as many at once as there is memory for (`grant`); the bytes
//! of the next ones are asked for ahead of time. What they have in common is `shared`.

mod spec;
mod report;
mod prune;
mod grant;
mod conjuncts;
mod queue;
mod shared;
mod window;
mod morsel;
mod source;
#[cfg(test)]
mod tests;

pub use report::{Foreseen, ScanReport};
pub use shared::ScanShared;
pub use source::ScanSource;
pub(crate) use spec::column_in;
pub use spec::{ScanFilter, ScanSpec};
