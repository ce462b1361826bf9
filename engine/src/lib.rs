//! A push-based query engine that works on decoded column pages.
//!
//! SQL text becomes a bound plan ([`sql`], [`plan`]), the plan becomes pipelines of sources, operators
//! and sinks, and a scheduler runs their lanes on worker threads. A batch job is a stream that ends:
//! the same operators serve both.
//!
//! The order of the modules is the order of the layers: a module uses only those above it.

pub mod error;
pub mod stack;
pub mod value;
pub mod kernel;
pub mod expr;
pub mod catalog;
pub mod plan;
pub mod sql;
pub mod pipeline;
pub mod row;
pub mod hash;
pub mod runtime_filter;
pub mod operator;
pub mod scan;
pub mod source;
pub mod lower;
pub mod session;

pub use error::{Error, ErrorKind, Result};
