//! Inner joins are put in the order that is expected to make the fewest rows, the smaller side on
//! the right: the one that is collected in a hash table.
//!
//! In: trees of inner and cross joins. Out: the same rows in the same columns. Greedy: the two parts
//! whose join is smallest are joined first; parts that no condition connects are joined last.

use super::equi_join::equi_join;
use super::push_down::equalities;
use crate::expr::{Comparison, Expr, ExprKind, Function};
use crate::plan::LogicalPlan;
use crate::plan::conjuncts::uses;
use crate::plan::logical::JoinKind;
use crate::plan::statistics;

/// Orders every tree of inner joins in `plan`.
#[must_use]
pub fn join_order(mut plan: LogicalPlan) -> LogicalPlan {
    if !is_inner(&plan) {
        for input in plan.inputs_mut() {
            *input = join_order(std::mem::replace(input, LogicalPlan::one_row()));
        }
        return plan;
    }
    let fields = plan.fields().to_vec();
    let mut cluster = Cluster { parts: Vec::new(), conjuncts: Vec::new() };
    cluster.take(plan, 0);
    while cluster.parts.len() > 1 {
        cluster.join_smallest();
    }
    let Some(part) = cluster.parts.pop() else { return LogicalPlan::one_row() };
    let plan = part.plan.filter(cluster.conjuncts);
    if part.columns.iter().enumerate().all(|(at, &column)| at == column) {
        return plan;
    }
    let mut position = vec![0; fields.len()];
    for (at, &column) in part.columns.iter().enumerate() {
        position[column] = at;
    }
    let columns = position.iter().zip(&fields);
    let columns = columns.map(|(&at, field)| Expr::column(at, field.data_type.clone())).collect();
    plan.project(columns, fields)
}

fn is_inner(plan: &LogicalPlan) -> bool {
    matches!(plan, LogicalPlan::Join(join) if matches!(join.kind, JoinKind::Inner | JoinKind::Cross))
}

/// Some of the relations, joined.
struct Part {
    plan: LogicalPlan,
    /// For each column of the plan its number in the whole cluster.
    columns: Vec<usize>,
    rows: f64,
}

impl Part {
    fn has(&self, column: usize) -> bool {
        self.columns.contains(&column)
    }

    fn position(&self, column: usize) -> Option<usize> {
        self.columns.iter().position(|&own| own == column)
    }
}

/// A tree of inner joins taken apart.
struct Cluster {
    parts: Vec<Part>,
    /// Over the columns of the whole cluster, not yet applied.
    conjuncts: Vec<Expr>,
}

impl Cluster {
    /// Takes a tree apart whose first column is number `first`.
    fn take(&mut self, plan: LogicalPlan, first: usize) {
        match plan {
            LogicalPlan::Join(join) if matches!(join.kind, JoinKind::Inner | JoinKind::Cross) => {
                let left_width = join.left.fields().len();
                let mut own = equalities(&join);
                own.extend(join.residual);
                for conjunct in &mut own {
                    conjunct.map_columns(&mut |column| column + first);
                }
                self.conjuncts.extend(own);
                self.take(*join.left, first);
                self.take(*join.right, first + left_width);
            }
            other => {
                let plan = join_order(other);
                let width = plan.fields().len();
                let rows = statistics::rows(&plan);
                self.parts.push(Part { plan, columns: (first..first + width).collect(), rows });
            }
        }
    }

    /// Joins the two parts whose join is smallest.
    fn join_smallest(&mut self) {
        let mut best: Option<(bool, f64, usize, usize)> = None;
        for second in 1..self.parts.len() {
            for first in 0..second {
                let (is_connected, rows) = self.expect(&self.parts[first], &self.parts[second]);
                let is_better = best.is_none_or(|(connected, least, ..)| {
                    (is_connected, -rows) > (connected, -least)
                });
                if is_better {
                    best = Some((is_connected, rows, first, second));
                }
            }
        }
        let Some((_, rows, first, second)) = best else { return };
        let two = self.parts.remove(second);
        let one = self.parts.remove(first);
        let (left, right) = if one.rows >= two.rows { (one, two) } else { (two, one) };
        let columns: Vec<usize> = left.columns.iter().chain(&right.columns).copied().collect();
        let joined = Part { plan: LogicalPlan::one_row(), columns, rows };
        let ready = |conjunct: &mut Expr| !uses(conjunct, |column| !joined.has(column));
        let mut conjuncts: Vec<Expr> = self.conjuncts.extract_if(.., ready).collect();
        for conjunct in &mut conjuncts {
            conjunct.map_columns(&mut |column| joined.position(column).unwrap_or(column));
        }
        let plan = equi_join(left.plan, right.plan, JoinKind::Inner, conjuncts);
        self.parts.insert(first, Part { plan, ..joined });
    }

    /// Whether a key connects two parts, and the rows of their join.
    fn expect(&self, left: &Part, right: &Part) -> (bool, f64) {
        let mut rows = left.rows * right.rows;
        let mut is_connected = false;
        for conjunct in &self.conjuncts {
            let ExprKind::Call(Function::Compare(Comparison::Equal), sides) = &conjunct.kind else {
                continue;
            };
            let [ExprKind::Column(a), ExprKind::Column(b)] = [&sides[0].kind, &sides[1].kind]
            else {
                continue;
            };
            let pair = match (left.position(*a), right.position(*b)) {
                (Some(a), Some(b)) => Some((a, b)),
                _ => left.position(*b).zip(right.position(*a)),
            };
            if let Some((a, b)) = pair {
                let left_key = (&left.plan, a, left.rows);
                rows *= statistics::key_selectivity(left_key, (&right.plan, b, right.rows));
                is_connected = true;
            }
        }
        (is_connected, rows)
    }
}
