//! The Parquet file, without Arrow.
#![forbid(unsafe_code)]

pub mod error;
pub mod limits;
pub mod types;
pub mod vector;
pub mod selection;
pub mod batch;
pub mod thrift;
pub mod metadata;
pub mod schema;
pub mod io;
pub mod levels;
pub mod page;
pub mod column;
pub mod prune;
pub mod read;
pub mod record;

pub use error::{Error, ErrorKind, Result};
