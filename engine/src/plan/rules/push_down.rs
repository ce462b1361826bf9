//! Conditions are asked as early as they can be: at the scan, or as keys of a join.
//!
//! In: any plan. Out: the same rows in the same columns. A condition stays above what it depends on:
//! aggregates, a limit, the right side of a left join.

use millwork_format::types::DataType;

use super::equi_join::equi_join;
use super::or_conjuncts::{implied, split};
use crate::expr::{Comparison, Expr, Function};
use crate::plan::LogicalPlan;
use crate::plan::conjuncts::{flatten_and, substitute, uses};
use crate::plan::logical::{Join, JoinKind};
use crate::value::Scalar;

/// Pushes every condition of `plan` down.
#[must_use]
pub fn push_down(plan: LogicalPlan) -> LogicalPlan {
    push(plan, Vec::new())
}

/// Expressions that a condition may take with it below a projection: one that uses a column twice takes it
/// twice, and so again further down.
const MOST_COPIED: usize = 1 << 10;

/// `plan` under `predicates`.
fn push(plan: LogicalPlan, predicates: Vec<Expr>) -> LogicalPlan {
    match plan {
        LogicalPlan::Filter(filter) => {
            // What the filter guards comes after it.
            let mut all = Vec::new();
            for predicate in filter.predicates {
                add(predicate, &mut all);
            }
            all.extend(predicates);
            push(*filter.input, all)
        }
        LogicalPlan::Scan(mut scan) => {
            let (own, above) = with_columns(predicates);
            scan.predicates.extend(own);
            LogicalPlan::Scan(scan).filter(above)
        }
        LogicalPlan::Project(mut project) => {
            let sizes: Vec<usize> = project.expressions.iter().map(Expr::size).collect();
            let fits = |predicate: &Expr| {
                let mut size = 0_usize;
                predicate.for_each_column(&mut |column| {
                    size = size.saturating_add(sizes.get(column).copied().unwrap_or(0));
                });
                size <= MOST_COPIED
            };
            let (mut below, above): (Vec<_>, Vec<_>) = predicates.into_iter().partition(fits);
            for predicate in &mut below {
                substitute(predicate, &|column| project.expressions.get(column).cloned());
            }
            *project.input = push(*project.input, below);
            LogicalPlan::Project(project).filter(above)
        }
        LogicalPlan::Aggregate(mut aggregate) => {
            // A condition without columns would take a group that no row makes.
            let keys = aggregate.groups.clone();
            let of_keys = |one: &Expr| uses(one, |_| true) && !uses(one, |at| at >= keys.len());
            let (mut below, above): (Vec<_>, Vec<_>) = predicates.into_iter().partition(of_keys);
            for predicate in &mut below {
                predicate.map_columns(&mut |column| keys[column]);
            }
            *aggregate.input = push(*aggregate.input, below);
            LogicalPlan::Aggregate(aggregate).filter(above)
        }
        LogicalPlan::Join(join) => match join.kind {
            JoinKind::Inner | JoinKind::Cross => inner(join, predicates),
            JoinKind::Left | JoinKind::Semi | JoinKind::Anti => kept_left(join, predicates),
        },
        LogicalPlan::Sort(mut sort) if sort.limit.is_none() && sort.offset == 0 => {
            *sort.input = push(*sort.input, predicates);
            LogicalPlan::Sort(sort)
        }
        LogicalPlan::Union(mut union) => {
            let inputs = std::mem::take(&mut union.inputs).into_iter();
            union.inputs = inputs.map(|input| push(input, predicates.clone())).collect();
            LogicalPlan::Union(union)
        }
        LogicalPlan::Unnest(mut unnest) => {
            let width = unnest.input.fields().len();
            let of_input = |one: &Expr| uses(one, |_| true) && !uses(one, |at| at >= width);
            let (below, above): (Vec<_>, Vec<_>) = predicates.into_iter().partition(of_input);
            *unnest.input = push(*unnest.input, below);
            LogicalPlan::Unnest(unnest).filter(above)
        }
        LogicalPlan::Values(_) => plan.filter(predicates),
        LogicalPlan::Sort(mut sort) => {
            *sort.input = push_down(*sort.input);
            LogicalPlan::Sort(sort).filter(predicates)
        }
        LogicalPlan::Limit(mut limit) => {
            *limit.input = push_down(*limit.input);
            LogicalPlan::Limit(limit).filter(predicates)
        }
    }
}

/// Adds the conjuncts of a condition, without those that are constantly true.
fn add(predicate: Expr, all: &mut Vec<Expr>) {
    let mut conjuncts = Vec::new();
    flatten_and(predicate, &mut conjuncts);
    for part in conjuncts.into_iter().flat_map(split) {
        if part.as_literal() != Some(&Scalar::Boolean(true)) {
            all.push(part);
        }
    }
}

fn with_columns(predicates: Vec<Expr>) -> (Vec<Expr>, Vec<Expr>) {
    predicates.into_iter().partition(|predicate| uses(predicate, |_| true))
}

/// Conditions go to the sides they are about; those about both make the join.
fn inner(join: Join, predicates: Vec<Expr>) -> LogicalPlan {
    let left_width = join.left.fields().len();
    let mut all = equalities(&join);
    for residual in join.residual {
        add(residual, &mut all);
    }
    all.extend(predicates);
    let (mut left, mut right, mut both, mut constant) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for predicate in all {
        let of_left = uses(&predicate, |column| column < left_width);
        let of_right = uses(&predicate, |column| column >= left_width);
        match (of_left, of_right) {
            (true, false) => left.push(predicate),
            (false, true) => right.push(to_right(predicate, left_width)),
            (false, false) => constant.push(predicate),
            (true, true) => {
                left.extend(implied(&predicate, |column| column < left_width));
                let told = implied(&predicate, |column| column >= left_width);
                right.extend(told.map(|told| to_right(told, left_width)));
                both.push(predicate);
            }
        }
    }
    let left = push(*join.left, left);
    let right = push(*join.right, right);
    equi_join(left, right, JoinKind::Inner, both).filter(constant)
}

fn to_right(mut predicate: Expr, left_width: usize) -> Expr {
    predicate.map_columns(&mut |column| column - left_width);
    predicate
}

/// The keys of a join as conditions over both sides.
pub(super) fn equalities(join: &Join) -> Vec<Expr> {
    let left_width = join.left.fields().len();
    let keys = join.left_keys.iter().zip(&join.right_keys).map(|(&left, &right)| {
        let of_left = Expr::column(left, join.left.fields()[left].data_type.clone());
        let of_right =
            Expr::column(left_width + right, join.right.fields()[right].data_type.clone());
        let equal = Function::Compare(Comparison::Equal);
        Expr::call(equal, vec![of_left, of_right], DataType::Boolean)
    });
    keys.collect()
}

/// Left, semi and anti joins: conditions on left columns go left. Of the join's own conditions those
/// on right columns go right: what they refuse matches nothing.
fn kept_left(mut join: Join, predicates: Vec<Expr>) -> LogicalPlan {
    let left_width = join.left.fields().len();
    let is_left = |one: &Expr| uses(one, |_| true) && !uses(one, |column| column >= left_width);
    let is_right = |one: &Expr| uses(one, |_| true) && !uses(one, |column| column < left_width);
    let (left, above): (Vec<_>, Vec<_>) = predicates.into_iter().partition(is_left);
    let mut residual = Vec::new();
    for predicate in join.residual {
        add(predicate, &mut residual);
    }
    let (right, residual): (Vec<_>, Vec<_>) = residual.into_iter().partition(is_right);
    let right = right.into_iter().map(|one| to_right(one, left_width)).collect();
    *join.left = push(*join.left, left);
    *join.right = push(*join.right, right);
    join.residual = residual;
    LogicalPlan::Join(join).filter(above)
}
