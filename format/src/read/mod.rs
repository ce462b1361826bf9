//! Reading a file: planned, stepped, without IO of its own.
//!
//! ```text
//! File ── FileScan ── RowGroupScan ── MorselReader ── Vector
//! footer   columns     pages, cuts     want / read
//! ```
//!
//! A [`File`] is a parsed footer and schema over a driver. A [`FileScan`] names the columns that are
//! read. A [`RowGroupScan`] knows where the pages of those columns lie and cuts the row group into
//! morsels; it is shared by the morsels' readers, and so is what they have in common: dictionaries and
//! pages that straddle a cut are opened once. A [`MorselReader`] is `Send` and stepping: `want` says
//! which bytes are missing ([`Need`](crate::io::Need)) and `read` decodes rows whose bytes are there.
//!
//! The caller decides the order of columns and which rows survive; nothing here orders predicates.
//! [`File::batches`] is a small loop over these calls.

mod metrics;
mod column;
mod layout;
mod chunk;
mod file;
mod scan;
mod group;
mod morsel;
mod nested;
mod batches;

pub use batches::{BatchOptions, Batches, Columns};
pub use column::{ScanColumn, ScanLeaf};
pub use file::File;
pub use group::RowGroupScan;
pub(crate) use layout::{Extent, reaches_beyond};
pub use metrics::{ScanMetrics, ScanTotals};
pub use morsel::MorselReader;
pub use scan::FileScan;

#[cfg(test)]
mod tests;
