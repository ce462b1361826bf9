//! The logical plan: what a query computes, as a tree of relational operators over bound expressions.
//!
//! In: the binder's tree. Out: an equivalent tree that is cheaper to run. Nothing here touches data.
//!
//! - [`logical`]: the nodes.

#![forbid(unsafe_code)]

pub mod logical;

pub use logical::LogicalPlan;
