//! Rules: each takes a plan and gives an equivalent one. Pure: no data, no clock, no files.
//!
//! - [`fold`]: constants are computed.
//! - [`equi_join`]: equalities between two sides become keys of a join.

pub mod fold;
pub mod equi_join;
