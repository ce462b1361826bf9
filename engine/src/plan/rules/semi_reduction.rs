//! A semi or anti join collects its right side; if the left one is far smaller, the right one is
//! first cut down to the rows whose keys are on the left.
//!
//! In: any plan. Out: the same rows. The left side then runs twice, so it must be small and give the
//! same rows both times: a limit without an order may not.

use crate::expr::Expr;
use crate::plan::LogicalPlan;
use crate::plan::logical::{Join, JoinKind};
use crate::plan::statistics;

/// A right side of fewer rows is collected as it is.
const LEAST_RIGHT_ROWS: f64 = 100_000.0;
/// How many times as large the right side must be.
const LEAST_RATIO: f64 = 8.0;

/// Cuts the right sides of semi and anti joins down.
#[must_use]
pub fn semi_reduction(mut plan: LogicalPlan) -> LogicalPlan {
    for input in plan.inputs_mut() {
        *input = semi_reduction(std::mem::replace(input, LogicalPlan::one_row()));
    }
    match plan {
        LogicalPlan::Join(join) if is_worth_it(&join) => reduced(join),
        other => other,
    }
}

fn is_worth_it(join: &Join) -> bool {
    let right = statistics::rows(&join.right);
    matches!(join.kind, JoinKind::Semi | JoinKind::Anti)
        && !join.left_keys.is_empty()
        && right >= LEAST_RIGHT_ROWS
        && right >= LEAST_RATIO * statistics::rows(&join.left)
        && is_repeatable(&join.left)
}

/// Scans with conditions and projections only: cheap, and the same rows every time.
fn is_repeatable(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Scan(_) => true,
        LogicalPlan::Filter(filter) => is_repeatable(&filter.input),
        LogicalPlan::Project(project) => is_repeatable(&project.input),
        _ => false,
    }
}

fn reduced(mut join: Join) -> LogicalPlan {
    let left_fields = join.left.fields();
    let fields: Vec<_> = join.left_keys.iter().map(|&key| left_fields[key].clone()).collect();
    let columns = join.left_keys.iter().zip(&fields);
    let columns = columns.map(|(&key, field)| Expr::column(key, field.data_type.clone())).collect();
    let keys = (*join.left).clone().project(columns, fields);
    let positions = (0..join.left_keys.len()).collect();
    let right = std::mem::replace(&mut *join.right, LogicalPlan::one_row());
    let pairs = (join.right_keys.clone(), positions);
    *join.right = right.join(keys, JoinKind::Semi, pairs, Vec::new());
    LogicalPlan::Join(join)
}
