//! Aggregates of whole tables that footers answer: `count(*)`, `count`, `min` and `max` of columns.
//!
//! Only where statistics are exact: every row group counts its nulls, and its bounds are values. Floats are
//! left out (statistics say nothing of NaN, and their zeros may have either sign).

use crate::catalog::Table;
use crate::expr::{AggregateCall, AggregateFunction, Expr, ExprKind};
use crate::plan::LogicalPlan;
use crate::plan::logical::{Aggregate, Scan};
use crate::value::Scalar;

/// The one row that `node` gives, if metadata knows all of it.
pub(super) fn known_row(node: &Aggregate) -> Option<Vec<Expr>> {
    if !node.groups.is_empty() || node.aggregates.is_empty() {
        return None;
    }
    let value = |call: &AggregateCall| {
        let value = known(call, &node.input)?;
        Some(Expr::literal(value, call.data_type.clone()))
    };
    node.aggregates.iter().map(value).collect()
}

fn known(call: &AggregateCall, input: &LogicalPlan) -> Option<Scalar> {
    if call.filter.is_some() {
        return None;
    }
    let rows = every_row(input)?.table.row_count()?;
    // More than a BIGINT holds is counted, and fails there.
    let count = |rows: u64| Some(Scalar::Integer(i64::try_from(rows).ok()?.into()));
    match call.function {
        AggregateFunction::CountRows => count(rows),
        AggregateFunction::Count if !call.distinct => {
            let (table, column) = column_of(input, call.argument?)?;
            count(rows.checked_sub(table.null_count(column)?)?)
        }
        AggregateFunction::Min | AggregateFunction::Max => {
            let (table, column) = column_of(input, call.argument?)?;
            if table.null_count(column)? == rows {
                return Some(Scalar::Null);
            }
            let (least, greatest) = table.extremes(column)?;
            Some(if call.function == AggregateFunction::Min { least } else { greatest })
        }
        _ => None,
    }
}

/// The scan below projections, if it gives every row of its table.
fn every_row(plan: &LogicalPlan) -> Option<&Scan> {
    match plan {
        LogicalPlan::Project(project) => every_row(&project.input),
        LogicalPlan::Scan(scan) => scan.predicates.is_empty().then_some(scan),
        _ => None,
    }
}

/// The column of the table that column `at` of `plan` is, unchanged and whole.
fn column_of(plan: &LogicalPlan, at: usize) -> Option<(&dyn Table, usize)> {
    match plan {
        LogicalPlan::Project(project) => match project.expressions.get(at)?.kind {
            ExprKind::Column(below) => column_of(&project.input, below),
            _ => None,
        },
        LogicalPlan::Scan(scan) => {
            let column = scan.columns.get(at).filter(|column| column.path.is_empty())?;
            Some((scan.table.as_ref(), column.column))
        }
        _ => None,
    }
}
