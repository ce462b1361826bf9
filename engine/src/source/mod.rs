//! Tables over files, and the catalog that finds them by their paths.

pub mod paths;
mod parquet;

pub use parquet::{Files, ParquetTable};
