//! Constants are computed: casts, integers, decimals, dates and intervals, and the logic of
//! comparisons and of AND and OR. What is not known here is given to the caller's evaluator.
//!
//! In: expressions. Out: the same with constant parts as literals. A part that fails is left as it
//! is: it may stand in a branch of CASE that no row takes.

pub mod calendar;
mod compute;
mod convert;

pub use convert::{convert, integer_bounds, parse_decimal, written};

use millwork_format::types::DataType;

use crate::error::Result;
use crate::expr::{Comparison, Expr, ExprKind, Function};
use crate::plan::LogicalPlan;
use crate::plan::conjuncts::meaning;
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
    let Some(first) = parts.iter().find_map(|part| equality(part)).map(|(left, _)| meaning(left))
    else {
        return;
    };
    let is_listed = |part: &Expr| equality(part).is_some_and(|(left, _)| same(left, &first));
    if parts.iter().filter(|part| is_listed(part)).count() < LEAST_LIST {
        return;
    }
    let mut list = Vec::new();
    parts.retain(|part| match equality(part) {
        Some((left, value)) if same(left, &first) => {
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

/// Whether `expr` means what `wanted`, which has no places, does.
fn same(expr: &Expr, wanted: &Expr) -> bool {
    match (&expr.kind, &wanted.kind) {
        (ExprKind::Column(own), ExprKind::Column(other)) => own == other,
        (ExprKind::Column(_), _) | (_, ExprKind::Column(_)) => false,
        _ => meaning(expr) == *wanted,
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
