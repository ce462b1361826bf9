//! What statistics say about conjuncts.

use std::ops::Range;

use millwork_format::read::{FileScan, RowGroupScan};

use crate::expr::Expr;

/// Conjuncts in the form that statistics can exclude.
#[derive(Debug, Default)]
pub(super) struct Pruner {
    columns: Vec<usize>,
}

impl Pruner {
    /// Those of `predicates` that compare a column with constants.
    pub(super) fn new(_predicates: &[Expr]) -> Self {
        Self::default()
    }

    /// Columns of the scan whose page bounds are of use.
    pub(super) fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// Whether a row of row group `ordinal` may satisfy all conjuncts.
    pub(super) fn row_group_may_match(&self, _scan: &FileScan, _ordinal: usize) -> bool {
        true
    }

    /// The row ranges of `group` that may satisfy all conjuncts, by the bounds of pages.
    pub(super) fn candidates(&self, group: &RowGroupScan) -> Vec<Range<u64>> {
        vec![0..group.rows()]
    }
}
