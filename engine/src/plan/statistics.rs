//! How many rows a plan is expected to give: for choosing, never for correctness.
//!
//! From exact row counts, bounds and bounds on distinct values of tables; where nothing is known,
//! from fixed guesses. Columns are taken as independent and their values as evenly spread.

use std::collections::HashMap;

use super::logical::{JoinKind, LogicalPlan, Scan};
use crate::expr::{Comparison, Expr, ExprKind, Function};
use crate::value::Scalar;

/// Rows of a table that says nothing.
const UNKNOWN_ROWS: f64 = 1e6;
const EQUAL: f64 = 0.1;
const RANGE: f64 = 1.0 / 3.0;
const LIKE: f64 = 0.1;
const OTHER: f64 = 0.25;
const NULL: f64 = 0.05;
/// Elements of a list.
const ELEMENTS: f64 = 4.0;

/// Rows that `plan` is expected to give.
#[must_use]
pub fn rows(plan: &LogicalPlan) -> f64 {
    match plan {
        LogicalPlan::Scan(scan) => {
            let all = scan.table.row_count().map_or(UNKNOWN_ROWS, |count| count as f64);
            all * selectivity(&scan.predicates, plan)
        }
        LogicalPlan::Values(values) => values.rows.len() as f64,
        LogicalPlan::Filter(filter) => {
            rows(&filter.input) * selectivity(&filter.predicates, &filter.input)
        }
        LogicalPlan::Project(project) => rows(&project.input),
        LogicalPlan::Aggregate(aggregate) => {
            let input = rows(&aggregate.input);
            let groups = aggregate.groups.iter();
            let keys: f64 =
                groups.map(|&key| distinct(&aggregate.input, key).unwrap_or(input)).product();
            keys.clamp(1.0, input.max(1.0))
        }
        LogicalPlan::Join(join) => {
            let (left, right) = (rows(&join.left), rows(&join.right));
            let keys = join.left_keys.iter().zip(&join.right_keys).map(|(&a, &b)| {
                let (a, b) = (distinct(&join.left, a), distinct(&join.right, b));
                key_selectivity((a, left), (b, right))
            });
            let pairs = left * right * keys.product::<f64>();
            let pairs = pairs * OTHER.powi(i32::try_from(join.residual.len()).unwrap_or(8).min(8));
            match join.kind {
                JoinKind::Inner | JoinKind::Cross => pairs,
                JoinKind::Left => pairs.max(left),
                JoinKind::Semi => pairs.min(left),
                JoinKind::Anti => (left - pairs).max(left * EQUAL),
            }
        }
        LogicalPlan::Sort(sort) => cut(rows(&sort.input), sort.limit),
        LogicalPlan::Limit(limit) => cut(rows(&limit.input), limit.limit),
        LogicalPlan::Union(union) => union.inputs.iter().map(rows).sum(),
        LogicalPlan::Unnest(unnest) => rows(&unnest.input) * ELEMENTS,
    }
}

fn cut(rows: f64, limit: Option<u64>) -> f64 {
    limit.map_or(rows, |limit| rows.min(limit as f64))
}

/// The part of all pairs whose keys are equal: one in as many as the side with more values has. Of each
/// side the distinct values of its key, as far as known, and its rows.
#[must_use]
pub fn key_selectivity(left: (Option<f64>, f64), right: (Option<f64>, f64)) -> f64 {
    let values = |(distinct, rows): (Option<f64>, f64)| distinct.unwrap_or(rows).min(rows);
    1.0 / values(left).max(values(right)).max(1.0)
}

/// Distinct values of a column, about, as far as tables say.
#[must_use]
pub fn distinct(plan: &LogicalPlan, column: usize) -> Option<f64> {
    let (LogicalPlan::Scan(scan), column) = origin(plan, column)? else { return None };
    let column = whole(scan, column)?;
    let from_bounds = scan.table.bounds(column).and_then(|bounds| match bounds {
        // Of wide decimals the difference is more than 128 bits hold.
        (Scalar::Integer(low), Scalar::Integer(high)) => Some(high as f64 - low as f64 + 1.0),
        _ => None,
    });
    let guessed = scan.table.distinct_about(column).map(|count| count as f64);
    // That there are not more than rows says nothing alone: most columns have far fewer.
    let rows = scan.table.row_count().map_or(f64::INFINITY, |count| count as f64);
    from_bounds.into_iter().chain(guessed).reduce(f64::min).map(|count| count.min(rows))
}

/// The column of the table that column `at` of the scan is, if it is no part of one.
fn whole(scan: &Scan, at: usize) -> Option<usize> {
    scan.columns.get(at).filter(|column| column.path.is_empty()).map(|column| column.column)
}

/// The scan that a column comes from, unchanged.
fn origin(plan: &LogicalPlan, column: usize) -> Option<(&LogicalPlan, usize)> {
    match plan {
        LogicalPlan::Scan(_) => Some((plan, column)),
        LogicalPlan::Filter(filter) => origin(&filter.input, column),
        LogicalPlan::Sort(sort) => origin(&sort.input, column),
        LogicalPlan::Limit(limit) => origin(&limit.input, column),
        LogicalPlan::Project(project) => match project.expressions.get(column)?.kind {
            ExprKind::Column(below) => origin(&project.input, below),
            _ => None,
        },
        LogicalPlan::Aggregate(aggregate) => {
            origin(&aggregate.input, *aggregate.groups.get(column)?)
        }
        LogicalPlan::Join(join) => {
            let left_width = join.left.fields().len();
            match column.checked_sub(left_width) {
                None => origin(&join.left, column),
                Some(column) => origin(&join.right, column),
            }
        }
        LogicalPlan::Unnest(unnest) => {
            (column < unnest.input.fields().len()).then(|| origin(&unnest.input, column)).flatten()
        }
        LogicalPlan::Values(_) | LogicalPlan::Union(_) => None,
    }
}

/// The part of the rows of `plan` for which all of `predicates` are expected to be true.
#[must_use]
pub fn selectivity(predicates: &[Expr], plan: &LogicalPlan) -> f64 {
    // Two ends of a range of one column are one range.
    let mut ranges: HashMap<usize, (f64, f64)> = HashMap::new();
    let mut part = 1.0;
    for predicate in predicates {
        match range(predicate, plan) {
            Some((column, low, high)) => {
                let range = ranges.entry(column).or_insert((0.0, 1.0));
                *range = (range.0.max(low), range.1.min(high));
            }
            None => part *= one(predicate, plan),
        }
    }
    ranges.values().map(|(low, high)| (high - low).clamp(1e-6, 1.0)).product::<f64>() * part
}

/// `column < constant` as the part of the column's range: from, to.
fn range(predicate: &Expr, plan: &LogicalPlan) -> Option<(usize, f64, f64)> {
    let ExprKind::Call(Function::Compare(comparison), sides) = &predicate.kind else {
        return None;
    };
    let [left, right] = sides.as_slice() else { return None };
    let (column, value, is_turned) = match (&left.kind, &right.kind) {
        (ExprKind::Column(column), ExprKind::Literal(value)) => (*column, value, false),
        (ExprKind::Literal(value), ExprKind::Column(column)) => (*column, value, true),
        _ => return None,
    };
    let (LogicalPlan::Scan(scan), at) = origin(plan, column)? else { return None };
    let (low, high) = scan.table.bounds(whole(scan, at)?)?;
    let (low, high, value) = (number(&low)?, number(&high)?, number(value)?);
    let width = if high > low { high - low } else { 1.0 };
    let at = ((value - low) / width).clamp(0.0, 1.0);
    let is_below = match comparison {
        Comparison::Less | Comparison::LessOrEqual => !is_turned,
        Comparison::Greater | Comparison::GreaterOrEqual => is_turned,
        Comparison::Equal | Comparison::NotEqual => return None,
    };
    Some(if is_below { (column, 0.0, at) } else { (column, at, 1.0) })
}

fn number(value: &Scalar) -> Option<f64> {
    match value {
        Scalar::Integer(value) => Some(*value as f64),
        Scalar::Float(value) => Some(*value),
        _ => None,
    }
}

fn one(predicate: &Expr, plan: &LogicalPlan) -> f64 {
    let values = |expr: &Expr| match expr.kind {
        ExprKind::Column(column) => distinct(plan, column),
        _ => None,
    };
    match &predicate.kind {
        ExprKind::Literal(Scalar::Boolean(true)) => 1.0,
        ExprKind::Literal(_) => 0.0,
        ExprKind::And(parts) => selectivity(parts, plan),
        ExprKind::Or(parts) => {
            1.0 - parts.iter().map(|part| 1.0 - one_or_range(part, plan)).product::<f64>()
        }
        ExprKind::InList { argument, list } => {
            let each = values(argument).map_or(EQUAL, |count| 1.0 / count.max(1.0));
            (each * list.len() as f64).min(1.0)
        }
        ExprKind::Call(function, arguments) => match function {
            Function::Compare(comparison) => {
                let count = arguments.iter().filter_map(values).reduce(f64::max);
                let equal = count.map_or(EQUAL, |count| 1.0 / count.max(1.0));
                match comparison {
                    Comparison::Equal => equal,
                    Comparison::NotEqual => 1.0 - equal,
                    _ => RANGE,
                }
            }
            Function::Not => {
                1.0 - arguments.first().map_or(OTHER, |argument| one_or_range(argument, plan))
            }
            Function::Like { .. } | Function::RegexpMatches | Function::Contains => LIKE,
            Function::StartsWith | Function::EndsWith => LIKE,
            Function::IsNull => NULL,
            Function::IsNotNull => 1.0 - NULL,
            _ => OTHER,
        },
        _ => OTHER,
    }
}

fn one_or_range(predicate: &Expr, plan: &LogicalPlan) -> f64 {
    selectivity(std::slice::from_ref(predicate), plan)
}
