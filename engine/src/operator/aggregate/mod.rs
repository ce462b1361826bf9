//! GROUP BY: rows to groups, groups to states, states to results.
//!
//! [`AggregateSink`] (one a lane) assigns a group number to each row and updates the states of the
//! lane's own groups, column by column. At the end lanes hand their groups to [`AggregateShared`];
//! [`AggregateSource`] (one a lane of the next pipeline) merges one partition of them at a time and
//! emits the group columns followed by the aggregates.
//!
//! | file | answers |
//! |---|---|
//! | `plan` | which states a list of calls needs, each once |
//! | `assign` | the group of each row: none, by dictionary codes, by hash |
//! | `argument` | an argument column as numbers or bytes |
//! | `reduce` | the loops |
//! | `state` | accumulators, one entry a group: update, merge, finish |
//! | `groups` | keys and states together |
//! | `sink`, `source` | the two ends: rows in, merged partitions out |
//! | `finish` | states to result columns |

mod argument;
mod assign;
mod finish;
mod groups;
mod plan;
mod reduce;
mod sink;
mod source;
mod state;

pub use sink::AggregateSink;
pub use source::{AggregateShared, AggregateSource};

use millwork_format::types::DataType;

use crate::expr::AggregateCall;

/// What a grouping computes. Its result has the group columns, then the aggregates.
#[derive(Clone, Debug)]
pub struct AggregateSpec {
    /// Group columns: position in the input, type. None: one group of all rows, even of none.
    pub groups: Vec<(usize, DataType)>,
    /// The aggregates; their columns are positions in the input.
    pub aggregates: Vec<AggregateCall>,
}

#[cfg(test)]
mod tests;
