//! Tables over files, and the catalog that finds them by their paths.

mod parquet;

pub use parquet::{Files, ParquetTable};
