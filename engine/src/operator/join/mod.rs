//! Hash joins: the right input is built into a table, the left input streams past it.
//!
//! [`JoinBuildSink`] (one a lane) copies build rows; [`JoinShared::finish`] makes the table when all
//! lanes have combined; [`JoinProbe`] (one a lane of the probe pipeline) finds matches. A null key
//! matches nothing.
//!
//! | file | answers |
//! |---|---|
//! | `build` | build rows and the table |
//! | `probe` | candidates to pairs to batches |
//! | `filter` | which left rows can match at all, for the scan they come from |

mod build;
mod probe;
mod filter;

pub use build::{JoinBuildSink, JoinShared};
pub use filter::JoinFilter;
pub use probe::JoinProbe;

use std::fmt;
use std::sync::Arc;

use millwork_format::batch::Batch;
use millwork_format::selection::Selection;
use millwork_format::types::DataType;

use crate::error::Result;
use crate::plan::logical::JoinKind;

/// What a join does.
#[derive(Clone, Debug)]
pub struct JoinSpec {
    /// Which rows come out.
    pub kind: JoinKind,
    /// Types of the left (probe) columns.
    pub left_types: Vec<DataType>,
    /// Types of the right (build) columns.
    pub right_types: Vec<DataType>,
    /// Key columns of the left input.
    pub left_keys: Vec<usize>,
    /// Key columns of the right input, as many, of equal types.
    pub right_keys: Vec<usize>,
    /// What pairs with equal keys must fulfil, too.
    pub residual: Option<JoinResidual>,
    /// Positions among left columns followed by right columns (for SEMI and ANTI: left columns) that
    /// come out; `None`: all.
    pub output: Option<Vec<usize>>,
}

/// A condition on pairs of rows.
pub trait Residual: Send {
    /// The pairs that fulfil it. The columns are the left ones followed by the right ones; those not
    /// named in [`JoinResidual::columns`] are all null.
    ///
    /// # Errors
    /// Whatever went wrong; the query ends.
    fn matches(&mut self, pairs: &Batch) -> Result<Selection>;
}

impl<F: FnMut(&Batch) -> Result<Selection> + Send> Residual for F {
    fn matches(&mut self, pairs: &Batch) -> Result<Selection> {
        self(pairs)
    }
}

/// Makes the condition of one lane.
pub type MakeResidual = Arc<dyn Fn() -> Result<Box<dyn Residual>> + Send + Sync>;

/// The condition of a join beyond equal keys.
#[derive(Clone)]
pub struct JoinResidual {
    /// Positions among left columns followed by right columns that it looks at.
    pub columns: Vec<usize>,
    /// Makes the condition of one lane.
    pub make: MakeResidual,
}

impl fmt::Debug for JoinResidual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinResidual").field("columns", &self.columns).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
