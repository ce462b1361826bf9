//! Proof that the workspace does what it says, with other programs as the judges.
//!
//! In: the corpus parquet-testing, goldens that other programs made, generated queries. Out: tests
//! that fail on any difference. Nothing here is published and nothing else depends on it.
// `forbid` would also forbid the one exception: the allocator.
#![deny(unsafe_code)]

#[allow(unsafe_code, reason = "a global allocator cannot be written without")]
pub mod allocator;
pub mod address_space;
pub mod random;
pub mod normal;
pub mod corpus;
pub mod ledger;
pub mod arrow_type;
pub mod simulate;
pub mod reading;
pub mod rows;
pub mod agree;
pub mod ask;
pub mod tree;
pub mod assemble;
mod anatomy;
mod examine;
pub mod mutate;
pub mod fuzz;
