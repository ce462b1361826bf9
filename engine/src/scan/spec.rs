//! What a scan is to do.

use std::sync::Arc;

use millwork_format::read::File;
use millwork_format::types::DataType;

use crate::expr::Expr;
use crate::plan::logical::TableColumn;
use crate::runtime_filter::RuntimeFilter;

/// What a scan is to do.
#[derive(Clone, Debug)]
pub struct ScanSpec {
    /// The files, in order; all have the columns of the first, in any order.
    pub files: Vec<File>,
    /// Columns of the first file, or parts of them, in the order of the scan's columns.
    pub columns: Vec<TableColumn>,
    /// Conjuncts over the scan's columns.
    pub predicates: Vec<Expr>,
    /// What operators above know of the scan's columns while it runs.
    pub filters: Vec<ScanFilter>,
    /// Which of the scan's columns are wanted in the batches; the others are null there.
    pub wanted: Vec<bool>,
    /// Whether statistics and page indexes may leave rows out.
    pub prune: bool,
    /// Rows of a batch at most.
    pub batch_rows: usize,
    /// Rows of a morsel, about.
    pub morsel_rows: u64,
}

/// What an operator above a scan knows of one of its columns.
#[derive(Clone, Debug)]
pub struct ScanFilter {
    /// What is known.
    pub filter: Arc<dyn RuntimeFilter>,
    /// Of which column of the scan.
    pub column: usize,
    /// The type of that.
    pub data_type: DataType,
}

impl ScanFilter {
    /// The column as an expression.
    pub(super) fn column(&self) -> Expr {
        Expr::column(self.column, self.data_type.clone())
    }
}

/// Which column of `file` is column `column` of `first`: the one of that name.
pub(crate) fn column_in(file: &File, first: &File, column: usize) -> Option<usize> {
    let name = &first.schema().columns().get(column)?.field.name;
    let here = file.schema().columns().get(column);
    match here.is_some_and(|own| own.field.name == *name) {
        true => Some(column),
        false => file.schema().column_named(name),
    }
}
