//! The Parquet file, without Arrow.
//!
//! In: bytes of a file, brought by a driver. Out: [`batch::Batch`]es of [`vector::Vector`]s, rows as JSON
//! or CSV, or an [`Error`] that names file, row group, column, page and offset. [`read::File`] is the way
//! in; [`read`] tells how a file is read without IO of its own.
//!
//! The order of the modules is the order of the layers: a module uses only those above it.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "a test may abort"))]

pub mod error;
pub mod limits;
mod room;
mod wide_decimal;
pub mod calendar;
pub mod types;
pub mod selection;
pub mod vector;
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
pub mod inventory;
pub mod verify;

pub use error::{Error, ErrorKind, Result};
pub use wide_decimal::WideDecimal;
