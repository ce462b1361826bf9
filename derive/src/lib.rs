//! Home of `#[derive(Record)]`, which will map Rust structs to Parquet rows in both directions.
//!
//! The crate holds no macro yet: `millwork_format::record` has to define the trait first.
#![forbid(unsafe_code)]
