//! What statistics say about conjuncts: the bridge from bound expressions to `format::prune`.
//!
//! In: conjuncts over the scan's columns. Out: row groups and ranges of rows that may satisfy all of
//! them. A conjunct that is no comparison of one column with constants says nothing here. The values
//! compared are of the column's own type, because the binder casts constants, not columns, where it can;
//! a cast column is left alone.

use std::ops::Range;

use millwork_format::prune::{
    self, ColumnPredicate, PruneValue, Test, intersection, page_selection,
};
use millwork_format::read::{FileScan, RowGroupScan};

use crate::expr::{Expr, ExprKind, Function};
use crate::value::Scalar;

/// Conjuncts in the form that statistics can exclude.
#[derive(Debug, Default)]
pub(super) struct Pruner {
    /// Column of the scan and what is asked of it.
    tests: Vec<(usize, Test)>,
    columns: Vec<usize>,
}

impl Pruner {
    /// Those of `predicates` that compare a column with constants.
    pub(super) fn new(predicates: &[Expr]) -> Self {
        let tests: Vec<(usize, Test)> = predicates.iter().filter_map(test_of).collect();
        let mut columns: Vec<usize> = tests.iter().map(|(column, _)| *column).collect();
        columns.sort_unstable();
        columns.dedup();
        Self { tests, columns }
    }

    /// Columns of the scan whose page bounds are of use.
    pub(super) fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// Whether a row of row group `ordinal` may satisfy all conjuncts.
    pub(super) fn row_group_may_match(&self, scan: &FileScan, ordinal: usize) -> bool {
        let predicates: Vec<ColumnPredicate> = self
            .tests
            .iter()
            .filter_map(|(column, test)| {
                let column =
                    scan.columns().get(*column).filter(|column| column.has_one_value_a_row())?.leaf;
                Some(ColumnPredicate { column, test: test.clone() })
            })
            .collect();
        let (footer, schema) = (scan.file().footer(), scan.file().schema());
        // Statistics that cannot be used prove nothing.
        prune::row_group_may_match(footer, schema, ordinal, &predicates).unwrap_or(true)
    }

    /// The row ranges of `group` that may satisfy all conjuncts, by the bounds of pages.
    pub(super) fn candidates(&self, group: &RowGroupScan) -> Vec<Range<u64>> {
        let mut kept: Vec<Range<u64>> = std::iter::once(0..group.rows()).collect();
        for column in &self.columns {
            let Some((bounds, places)) = group.page_bounds(*column) else { continue };
            let scan = group.scan();
            let flat = scan.columns().get(*column).filter(|column| column.has_one_value_a_row());
            let leaf = flat.map(|column| column.leaf);
            let Some(leaf) = leaf.and_then(|leaf| scan.file().schema().leaves().get(leaf)) else {
                continue;
            };
            let tests: Vec<Test> = self
                .tests
                .iter()
                .filter(|(of, _)| of == column)
                .map(|(_, test)| test.clone())
                .collect();
            let may = page_selection(leaf, &bounds, &places, group.rows(), &tests);
            kept = intersection(&kept, &may);
        }
        kept.retain(|rows| rows.start < rows.end);
        kept
    }
}

/// The test that `predicate` is, if it is one of a single column.
fn test_of(predicate: &Expr) -> Option<(usize, Test)> {
    match &predicate.kind {
        ExprKind::Call(Function::Compare(comparison), arguments) => {
            let [left, right] = &arguments[..] else { return None };
            let (column, constant, comparison) = match (&left.kind, &right.kind) {
                (ExprKind::Column(column), _) => (*column, right, *comparison),
                (_, ExprKind::Column(column)) => (*column, left, comparison.swapped()),
                _ => return None,
            };
            let value = value_of(constant.as_literal()?)?;
            Some((column, Test::Compare { comparison, value }))
        }
        ExprKind::Call(Function::IsNull, arguments) => {
            Some((column_of(arguments.first()?)?, Test::IsNull))
        }
        ExprKind::Call(Function::IsNotNull, arguments) => {
            Some((column_of(arguments.first()?)?, Test::IsNotNull))
        }
        ExprKind::InList { argument, list } => {
            // A null in the list makes no row true.
            let constants = list.iter().filter(|constant| !constant.is_null());
            let values: Option<Vec<PruneValue>> = constants.map(value_of).collect();
            Some((column_of(argument)?, Test::In(values?)))
        }
        _ => None,
    }
}

fn column_of(expr: &Expr) -> Option<usize> {
    match expr.kind {
        ExprKind::Column(column) => Some(column),
        _ => None,
    }
}

fn value_of(constant: &Scalar) -> Option<PruneValue> {
    Some(match constant {
        Scalar::Null => return None,
        Scalar::Boolean(value) => PruneValue::Boolean(*value),
        Scalar::Integer(value) => PruneValue::Integer(*value),
        Scalar::Float(value) => PruneValue::Float(*value),
        Scalar::Text(text) => PruneValue::Bytes(text.as_bytes().to_vec()),
        Scalar::Bytes(bytes) => PruneValue::Bytes(bytes.to_vec()),
    })
}
