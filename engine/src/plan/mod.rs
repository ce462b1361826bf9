//! The logical plan: what a query computes, as a tree of relational operators over bound expressions.
//!
//! In: the binder's tree. Out: an equivalent tree that is cheaper to run. Nothing here touches data.
//!
//! - [`logical`]: the nodes.
//! - [`rules`]: one rule a file, and their order.

#![forbid(unsafe_code)]

pub mod logical;
pub mod rules;

pub use logical::LogicalPlan;
