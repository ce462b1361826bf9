//! The push operators: what a pipeline is made of.
//!
//! What comes in: batches with a selection. What goes out: batches of at most
//! [`millwork_format::batch::BATCH_ROWS`] rows, or, from a sink, shared state that a source of the
//! next pipeline reads. Breakers come as three parts: `..Shared` (one a query), `..Sink` (one a lane),
//! and `..Source` or a probe operator (one a lane of the next pipeline).
//!
//! Invariant: all state is reserved from the budget; one call does about one batch of work.

pub mod aggregate;
pub mod join;
pub mod limit;
pub mod sort;
pub mod unnest;
mod filter;
mod project;
mod values;

pub use filter::Filter;
pub use project::Project;
pub use values::{ValuesShared, ValuesSource};

#[cfg(test)]
pub(crate) mod tests;
