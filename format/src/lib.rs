//! The Parquet file, without Arrow.
#![forbid(unsafe_code)]

pub mod error;
pub mod limits;

pub use error::{Error, ErrorKind, Result};
