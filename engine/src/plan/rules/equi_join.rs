//! Equalities between the two sides of a join become its keys.
//!
//! In: two plans, a kind and conjuncts over left columns followed by right columns. Out: a join of
//! the same columns, whose keys are columns: a computed key becomes one more column below the join,
//! and a projection above takes it away again.

use millwork_format::types::Field;

use crate::expr::{Comparison, Expr, ExprKind, Function};
use crate::plan::LogicalPlan;
use crate::plan::logical::{JoinKind, join_fields};

/// Joins `left` and `right` where all of `conjuncts` are true.
#[must_use]
pub fn equi_join(
    left: LogicalPlan,
    right: LogicalPlan,
    kind: JoinKind,
    conjuncts: Vec<Expr>,
) -> LogicalPlan {
    let (left_width, right_width) = (left.fields().len(), right.fields().len());
    let mut residual = Vec::new();
    let (mut left_side, mut right_side) = (Side::new(&left), Side::new(&right));
    for conjunct in conjuncts {
        match equality(conjunct, left_width) {
            Ok((of_left, of_right)) => {
                left_side.add_key(of_left);
                right_side.add_key(of_right);
            }
            Err(other) => residual.push(other),
        }
    }
    let kind = match kind {
        JoinKind::Inner | JoinKind::Cross if left_side.keys.is_empty() => JoinKind::Cross,
        JoinKind::Cross => JoinKind::Inner,
        other => other,
    };
    let added = left_side.added.len();
    for expr in &mut residual {
        expr.map_columns(&mut |column| if column < left_width { column } else { column + added });
    }
    let fields = join_fields(kind, left.fields(), right.fields());
    let is_widened = added + right_side.added.len() > 0;
    let (left, left_keys) = left_side.finish(left);
    let (right, right_keys) = right_side.finish(right);
    let joined = left.join(right, kind, (left_keys, right_keys), residual);
    if !is_widened {
        return joined;
    }
    let right_columns = (left_width + added)..(left_width + added + right_width);
    let columns = (0..left_width).chain(right_columns).zip(&fields);
    let columns = columns.map(|(at, field)| Expr::column(at, field.data_type.clone())).collect();
    joined.project(columns, fields)
}

/// The sides of `left = right`, each over its own input's columns; else the conjunct itself.
fn equality(mut conjunct: Expr, left_width: usize) -> Result<(Expr, Expr), Expr> {
    let ExprKind::Call(Function::Compare(Comparison::Equal), sides) = &mut conjunct.kind else {
        return Err(conjunct);
    };
    let [first, second] = sides.as_mut_slice() else { return Err(conjunct) };
    let side = |expr: &Expr| {
        let (mut of_left, mut of_right) = (false, false);
        expr.for_each_column(&mut |at| {
            if at < left_width { of_left = true } else { of_right = true }
        });
        match (of_left, of_right) {
            (true, false) => Some(true),
            (false, true) => Some(false),
            _ => None,
        }
    };
    let (of_left, of_right) = match (side(first), side(second)) {
        (Some(true), Some(false)) => (first, second),
        (Some(false), Some(true)) => (second, first),
        _ => return Err(conjunct),
    };
    let of_left = of_left.clone();
    let mut of_right = of_right.clone();
    of_right.map_columns(&mut |column| column - left_width);
    Ok((of_left, of_right))
}

/// One input of the join with the columns its keys need.
struct Side {
    keys: Vec<usize>,
    fields: Vec<Field>,
    added: Vec<Expr>,
}

impl Side {
    fn new(plan: &LogicalPlan) -> Self {
        Self { keys: Vec::new(), fields: plan.fields().to_vec(), added: Vec::new() }
    }

    fn add_key(&mut self, key: Expr) {
        if let ExprKind::Column(column) = key.kind {
            self.keys.push(column);
            return;
        }
        self.keys.push(self.fields.len());
        let name = format!("key${}", self.added.len());
        self.fields.push(Field::nullable(&name, key.data_type.clone()));
        self.added.push(key);
    }

    fn finish(self, plan: LogicalPlan) -> (LogicalPlan, Vec<usize>) {
        if self.added.is_empty() {
            return (plan, self.keys);
        }
        let own = plan.fields().iter().enumerate();
        let own = own.map(|(at, field)| Expr::column(at, field.data_type.clone()));
        let columns = own.chain(self.added).collect();
        (plan.project(columns, self.fields), self.keys)
    }
}
