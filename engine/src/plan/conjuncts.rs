//! Parts of conditions: conjuncts and the columns they use.

use millwork_format::types::DataType;

use crate::expr::{Expr, ExprKind};
use crate::value::Scalar;

/// The conjuncts of a condition, nested ANDs included.
pub fn flatten_and(expr: Expr, conjuncts: &mut Vec<Expr>) {
    match expr.kind {
        ExprKind::And(parts) => {
            for part in parts {
                flatten_and(part, conjuncts);
            }
        }
        kind => conjuncts.push(Expr { kind, ..expr }),
    }
}

/// One condition of conjuncts: true if there are none.
#[must_use]
pub fn all_of(mut conjuncts: Vec<Expr>) -> Expr {
    match (conjuncts.len(), conjuncts.pop()) {
        (_, None) => Expr::literal(Scalar::Boolean(true), DataType::Boolean),
        (1, Some(only)) => only,
        (_, Some(last)) => {
            conjuncts.push(last);
            Expr { kind: ExprKind::And(conjuncts), data_type: DataType::Boolean, span: None }
        }
    }
}

/// Whether the expression uses a column for which `is_meant`.
pub fn uses(expr: &Expr, is_meant: impl Fn(usize) -> bool) -> bool {
    let mut found = false;
    expr.for_each_column(&mut |column| found |= is_meant(column));
    found
}

/// Replaces columns by expressions where `replace` gives one.
pub fn substitute(expr: &mut Expr, replace: &impl Fn(usize) -> Option<Expr>) {
    if let ExprKind::Column(column) = expr.kind
        && let Some(new) = replace(column)
    {
        *expr = new;
        return;
    }
    for child in expr.children_mut() {
        substitute(child, replace);
    }
}
