//! Constants are computed, by the evaluator that rows are computed with; AND, OR and NOT are made simple.
//!
//! In: expressions. Out: the same with constant parts as literals. A part that cannot be computed is left
//! as it is, for the rows that meet it: there may be none, or it stands in a branch of CASE that none takes.

use millwork_format::types::DataType;

use crate::expr::{Comparison, Expr, ExprKind, Function, constant};
use crate::plan::LogicalPlan;
use crate::value::Scalar;

/// Folds every expression of `plan`.
pub fn fold_plan(plan: &mut LogicalPlan) {
    for expr in plan.expressions_mut() {
        fold(expr);
    }
    for input in plan.inputs_mut() {
        fold_plan(input);
    }
}

/// Folds the constant parts of `expr`, from the leaves up.
pub fn fold(expr: &mut Expr) {
    for child in expr.children_mut() {
        fold(child);
    }
    if !fold_node(expr) {
        simplify(expr);
    }
}

/// Makes a node whose parts are all constants one itself; whether it did.
pub fn fold_node(expr: &mut Expr) -> bool {
    if is_constant(expr)
        && let Ok(Some(value)) = constant(expr)
    {
        expr.kind = ExprKind::Literal(value);
        return true;
    }
    false
}

/// Whether all parts are literals and `expr` itself is none.
fn is_constant(expr: &Expr) -> bool {
    !matches!(expr.kind, ExprKind::Column(_) | ExprKind::Literal(_))
        && expr.children().iter().all(|child| child.as_literal().is_some())
}

/// AND and OR without constants and without other ANDs and ORs inside.
fn simplify(expr: &mut Expr) {
    let is_and = matches!(expr.kind, ExprKind::And(_));
    let (ExprKind::And(parts) | ExprKind::Or(parts)) = &mut expr.kind else {
        return simplify_not(expr);
    };
    let mut flat = Vec::with_capacity(parts.len());
    for part in std::mem::take(parts) {
        match part.kind {
            ExprKind::And(inner) if is_and => flat.extend(inner),
            ExprKind::Or(inner) if !is_and => flat.extend(inner),
            // True in AND and false in OR change nothing; the other one decides all.
            ExprKind::Literal(Scalar::Boolean(value)) if value == is_and => {}
            ExprKind::Literal(Scalar::Boolean(value)) => {
                expr.kind = ExprKind::Literal(Scalar::Boolean(value));
                return;
            }
            _ => flat.push(part),
        }
    }
    if !is_and {
        list_equalities(&mut flat);
    }
    match (flat.len(), flat.pop()) {
        (1, Some(single)) => *expr = single,
        (_, Some(last)) => {
            flat.push(last);
            expr.kind = if is_and { ExprKind::And(flat) } else { ExprKind::Or(flat) };
        }
        (_, None) => expr.kind = ExprKind::Literal(Scalar::Boolean(is_and)),
    }
}

/// Fewer equalities stay as they are.
const LEAST_LIST: usize = 4;

/// `a = 1 OR a = 2 OR ..` of one `a` is `a IN (1, 2, ..)`, with nulls too.
fn list_equalities(parts: &mut Vec<Expr>) {
    let Some(first) = parts.iter().find_map(equality).map(|(left, _)| left.clone()) else {
        return;
    };
    let is_listed = |part: &Expr| equality(part).is_some_and(|(left, _)| *left == first);
    if parts.iter().filter(|part| is_listed(part)).count() < LEAST_LIST {
        return;
    }
    let mut list = Vec::new();
    parts.retain(|part| match equality(part) {
        Some((left, value)) if *left == first => {
            list.push(value.clone());
            false
        }
        _ => true,
    });
    let kind = ExprKind::InList { argument: Box::new(first), list };
    parts.push(Expr { kind, data_type: DataType::Boolean, span: None });
}

/// `left = constant`.
fn equality(expr: &Expr) -> Option<(&Expr, &Scalar)> {
    let ExprKind::Call(Function::Compare(Comparison::Equal), sides) = &expr.kind else {
        return None;
    };
    let [left, right] = sides.as_slice() else { return None };
    let value = right.as_literal()?;
    // Decimals of one scale may differ in precision: a list is of the argument's type. Lists compare
    // bytes: an interval has several ways to be written.
    let is_listed = left.as_literal().is_none()
        && left.data_type == right.data_type
        && left.data_type != DataType::SignedInterval;
    is_listed.then_some((left, value))
}

/// `NOT (a < b)` is `a >= b`, also for nulls.
fn simplify_not(expr: &mut Expr) {
    let ExprKind::Call(Function::Not, arguments) = &mut expr.kind else { return };
    let [inner] = arguments.as_mut_slice() else { return };
    match &mut inner.kind {
        ExprKind::Call(Function::Compare(comparison), operands) => {
            let kind = Function::Compare(negated(*comparison));
            expr.kind = ExprKind::Call(kind, std::mem::take(operands));
        }
        ExprKind::Call(Function::Not, operands) => {
            if let Some(operand) = operands.pop() {
                *expr = operand;
            }
        }
        ExprKind::Literal(Scalar::Boolean(value)) => {
            expr.kind = ExprKind::Literal(Scalar::Boolean(!*value));
        }
        _ => {}
    }
}

/// What holds where `comparison` does not (nulls aside).
fn negated(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Equal => Comparison::NotEqual,
        Comparison::NotEqual => Comparison::Equal,
        Comparison::Less => Comparison::GreaterOrEqual,
        Comparison::LessOrEqual => Comparison::Greater,
        Comparison::Greater => Comparison::LessOrEqual,
        Comparison::GreaterOrEqual => Comparison::Less,
    }
}

#[cfg(test)]
mod tests;
