//! What is learnt above a scan while the query runs, and the scan can use: the keys of a join that is
//! built, the last row that a top-k still takes.
//!
//! In: operators that know something (`operator::join`, `operator::sort`). Out, for `scan`: conjuncts that
//! indexes can be asked about, and a test of rows that have been read so far, before more of their columns
//! are decoded. The planner (`lower`) carries a filter down from the operator to the scan that its column
//! comes from.
//!
//! Invariant: a filter leaves out only rows that the operator would drop; it may let any row through, so a
//! scan uses it where that pays. What is known only grows: rows left out once would be left out for ever.

use std::fmt::Debug;
use std::sync::Arc;

use millwork_codecs::buffer::Slice;
use millwork_format::selection::Selection;
use millwork_format::vector::Vector;

use crate::error::Result;
use crate::expr::Expr;

/// What an operator knows of one column of the rows that it can use.
pub trait RuntimeFilter: Send + Sync + Debug {
    /// How often what is known has changed; 0 while nothing is. Cheap.
    fn version(&self) -> u64;

    /// What is known now of `column`, as conjuncts over it that indexes understand.
    fn conjuncts(&self, column: &Expr) -> Vec<Expr>;

    /// The test of one lane.
    fn row_test(self: Arc<Self>) -> Box<dyn RowTest>;
}

/// Tests the rows of one lane by what is known at each call.
pub trait RowTest: Send + Debug {
    /// The rows of `selection` that the operator may use, by the values that `column` has in them.
    ///
    /// # Errors
    /// `Internal` if the column is not what the operator reads.
    fn keep(&mut self, column: &Vector, selection: &Selection) -> Result<Selection>;
}

/// `rows`, ascending and out of those of `selection`, as a selection.
///
/// # Errors
/// `Internal` if they are not ascending or not of those rows.
pub fn kept(rows: &[u32], selection: &Selection) -> Result<Selection> {
    if rows.len() == selection.count() {
        return Ok(selection.clone());
    }
    let rows = Selection::from_rows(Slice::copy_of(rows), selection.total())?;
    // Kernels like masks better where most rows are left.
    let many = rows.count() * 2 >= rows.total();
    Ok(if many { Selection::from_bitmap(rows.mask()) } else { rows })
}
