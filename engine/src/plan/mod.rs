//! The logical plan: what a query computes, as a tree of relational operators over bound expressions.
//!
//! In: the binder's tree. Out: an equivalent tree that is cheaper to run. Nothing here touches data.
//!
//! - [`conjuncts`]: parts of conditions.
//! - [`logical`]: the nodes.
//! - `explain`: the nodes as text.
//! - [`statistics`]: how many rows to expect.
//! - [`rules`]: one rule a file, and their order.

#![forbid(unsafe_code)]

pub mod conjuncts;
pub mod logical;
mod explain;
pub mod statistics;
pub mod rules;

pub use logical::LogicalPlan;
pub use rules::optimize;
