//! Constants are computed: casts, integers, decimals, dates and intervals, and the logic of
//! comparisons and of AND and OR. What is not known here is given to the caller's evaluator.
//!
//! In: expressions. Out: the same with constant parts as literals. A part that fails is left as it
//! is: it may stand in a branch of CASE that no row takes.

pub mod calendar;
mod compute;
mod convert;

pub use compute::interval_bytes;
pub use convert::{convert, integer_bounds, parse_decimal, written};

use crate::error::Result;
use crate::expr::{Expr, ExprKind, Function};
use crate::plan::LogicalPlan;
use crate::value::Scalar;

/// Computes an expression without columns; `None` if it cannot or if it fails.
pub type Evaluator<'a> = &'a dyn Fn(&Expr) -> Option<Scalar>;

/// Folds every expression of `plan`.
pub fn fold_plan(plan: &mut LogicalPlan, evaluate: Evaluator<'_>) {
    for expr in plan.expressions_mut() {
        fold(expr, evaluate);
    }
    for input in plan.inputs_mut() {
        fold_plan(input, evaluate);
    }
}

/// Folds the constant parts of `expr`, from the leaves up.
pub fn fold(expr: &mut Expr, evaluate: Evaluator<'_>) {
    for child in expr.children_mut() {
        fold(child, evaluate);
    }
    if let Ok(Some(value)) = fold_node(expr) {
        expr.kind = ExprKind::Literal(value);
        return;
    }
    simplify(expr);
    let is_constant = !matches!(expr.kind, ExprKind::Column(_) | ExprKind::Literal(_))
        && expr.children().iter().all(|child| child.as_literal().is_some());
    if is_constant && let Some(value) = evaluate(expr) {
        expr.kind = ExprKind::Literal(value);
    }
}

/// The value of a node whose parts are all constants.
///
/// # Errors
/// `Evaluate` if it cannot be computed.
pub fn fold_node(expr: &Expr) -> Result<Option<Scalar>> {
    match &expr.kind {
        ExprKind::Cast { argument, strict } => {
            let Some(value) = argument.as_literal() else { return Ok(None) };
            match convert(value, &argument.data_type, &expr.data_type) {
                Err(_) if !strict => Ok(Some(Scalar::Null)),
                other => other,
            }
        }
        ExprKind::Call(function, arguments) => {
            let values: Option<Vec<&Scalar>> = arguments.iter().map(Expr::as_literal).collect();
            match values {
                Some(values) => compute::call(function, arguments, &values, &expr.data_type),
                None => Ok(None),
            }
        }
        _ => Ok(None),
    }
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
    match (flat.len(), flat.pop()) {
        (1, Some(single)) => *expr = single,
        (_, Some(last)) => {
            flat.push(last);
            expr.kind = if is_and { ExprKind::And(flat) } else { ExprKind::Or(flat) };
        }
        (_, None) => expr.kind = ExprKind::Literal(Scalar::Boolean(is_and)),
    }
}

/// `NOT (a < b)` is `a >= b`, also for nulls.
fn simplify_not(expr: &mut Expr) {
    let ExprKind::Call(Function::Not, arguments) = &mut expr.kind else { return };
    let [inner] = arguments.as_mut_slice() else { return };
    match &mut inner.kind {
        ExprKind::Call(Function::Compare(comparison), operands) => {
            let kind = Function::Compare(compute::negated(*comparison));
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

#[cfg(test)]
mod tests;
