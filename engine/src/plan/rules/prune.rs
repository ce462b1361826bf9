//! Columns that nothing asks for are not read, not computed and not carried through joins.
//!
//! In: any plan. Out: the same rows in the same columns at the root.

use crate::expr::{Expr, ExprKind};
use crate::plan::LogicalPlan;
use crate::plan::conjuncts::substitute;
use crate::plan::logical::{Join, Project, join_fields};

/// Prunes `plan`, all of whose columns are asked for.
#[must_use]
pub fn prune(plan: LogicalPlan) -> LogicalPlan {
    let needed = vec![true; plan.fields().len()];
    exactly(plan, &needed).plan
}

/// A plan of fewer columns, and where the old ones are.
struct Pruned {
    plan: LogicalPlan,
    /// For each old column its new position, if it is still there.
    position: Vec<Option<usize>>,
}

impl Pruned {
    fn map(&self, column: usize) -> usize {
        self.position.get(column).copied().flatten().unwrap_or(column)
    }

    fn map_all(&self, columns: &mut [usize]) {
        for column in columns {
            *column = self.map(*column);
        }
    }

    fn map_exprs(&self, exprs: &mut [Expr]) {
        for expr in exprs {
            expr.map_columns(&mut |column| self.map(column));
        }
    }
}

fn mark(needed: &mut [bool], column: usize) {
    if let Some(flag) = needed.get_mut(column) {
        *flag = true;
    }
}

fn mark_exprs(needed: &mut [bool], exprs: &[Expr]) {
    for expr in exprs {
        expr.for_each_column(&mut |column| mark(needed, column));
    }
}

/// New positions of the columns that are `kept`, in their old order.
fn positions(kept: &[bool]) -> Vec<Option<usize>> {
    let mut next = 0;
    let place = |&is_kept: &bool| {
        next += usize::from(is_kept);
        is_kept.then(|| next - 1)
    };
    kept.iter().map(place).collect()
}

fn keep<T>(values: &mut Vec<T>, kept: &[bool]) {
    let mut flags = kept.iter();
    values.retain(|_| flags.next().copied().unwrap_or(true));
}

/// `plan` with at least the columns that are `needed`.
fn narrow(plan: LogicalPlan, needed: &[bool]) -> Pruned {
    let width = plan.fields().len();
    match plan {
        LogicalPlan::Scan(mut scan) => {
            let mut kept = needed.to_vec();
            mark_exprs(&mut kept, &scan.predicates);
            keep(&mut scan.columns, &kept);
            keep(&mut scan.fields, &kept);
            let mut pruned = Pruned { plan: LogicalPlan::one_row(), position: positions(&kept) };
            pruned.map_exprs(&mut scan.predicates);
            pruned.plan = LogicalPlan::Scan(scan);
            pruned
        }
        LogicalPlan::Values(mut values) => {
            for row in &mut values.rows {
                keep(row, needed);
            }
            keep(&mut values.fields, needed);
            Pruned { plan: LogicalPlan::Values(values), position: positions(needed) }
        }
        LogicalPlan::Filter(mut filter) => {
            let mut below = needed.to_vec();
            mark_exprs(&mut below, &filter.predicates);
            let input = narrow(*filter.input, &below);
            input.map_exprs(&mut filter.predicates);
            Pruned { plan: input.plan.filter(filter.predicates), position: input.position }
        }
        LogicalPlan::Project(mut project) => {
            keep(&mut project.expressions, needed);
            keep(&mut project.fields, needed);
            let mut below = vec![false; project.input.fields().len()];
            mark_exprs(&mut below, &project.expressions);
            let input = narrow(*project.input, &below);
            input.map_exprs(&mut project.expressions);
            *project.input = input.plan;
            Pruned { plan: without_identity(project), position: positions(needed) }
        }
        LogicalPlan::Aggregate(mut aggregate) => {
            let groups = aggregate.groups.len();
            let mut kept = needed.to_vec();
            kept[..groups].fill(true);
            // A grouping without keys and aggregates would be a row without columns.
            if !kept.contains(&true)
                && let Some(first) = kept.first_mut()
            {
                *first = true;
            }
            keep(&mut aggregate.aggregates, &kept[groups..]);
            keep(&mut aggregate.fields, &kept);
            let mut below = vec![false; aggregate.input.fields().len()];
            for &column in &aggregate.groups {
                mark(&mut below, column);
            }
            for call in &aggregate.aggregates {
                for column in call.argument.iter().chain(&call.filter) {
                    mark(&mut below, *column);
                }
            }
            let input = narrow(*aggregate.input, &below);
            input.map_all(&mut aggregate.groups);
            for call in &mut aggregate.aggregates {
                for column in call.argument.iter_mut().chain(&mut call.filter) {
                    *column = input.map(*column);
                }
            }
            *aggregate.input = input.plan;
            Pruned { plan: LogicalPlan::Aggregate(aggregate), position: positions(&kept) }
        }
        LogicalPlan::Join(join) => narrow_join(join, needed),
        LogicalPlan::Sort(mut sort) => {
            let mut below = needed.to_vec();
            for key in &sort.keys {
                mark(&mut below, key.column);
            }
            let input = narrow(*sort.input, &below);
            for key in &mut sort.keys {
                key.column = input.map(key.column);
            }
            *sort.input = input.plan;
            Pruned { plan: LogicalPlan::Sort(sort), position: input.position }
        }
        LogicalPlan::Limit(mut limit) => {
            let input = narrow(*limit.input, needed);
            *limit.input = input.plan;
            Pruned { plan: LogicalPlan::Limit(limit), position: input.position }
        }
        LogicalPlan::Union(mut union) => {
            debug_assert_eq!(needed.len(), width, "one flag a column");
            let inputs = union.inputs.into_iter();
            union.inputs = inputs.map(|input| exactly(input, needed).plan).collect();
            keep(&mut union.fields, needed);
            Pruned { plan: LogicalPlan::Union(union), position: positions(needed) }
        }
    }
}

/// A projection of all columns as they are is none; one over a projection of columns is one.
fn without_identity(mut project: Project) -> LogicalPlan {
    if let LogicalPlan::Project(below) = &*project.input
        && below.expressions.iter().all(|expr| matches!(expr.kind, ExprKind::Column(_)))
    {
        for expr in &mut project.expressions {
            substitute(expr, &|column| below.expressions.get(column).cloned());
        }
        let input = std::mem::replace(&mut *project.input, LogicalPlan::one_row());
        if let LogicalPlan::Project(below) = input {
            project.input = below.input;
        }
    }
    let input = project.input.fields();
    let is_column = |(at, expr): (usize, &Expr)| expr.kind == ExprKind::Column(at);
    let is_same = project.expressions.len() == input.len()
        && project.expressions.iter().enumerate().all(is_column)
        && project.fields.iter().zip(input).all(|(own, below)| own.name == below.name);
    if is_same { *project.input } else { LogicalPlan::Project(project) }
}

/// `plan` with the columns that are `needed` and no other.
fn exactly(plan: LogicalPlan, needed: &[bool]) -> Pruned {
    let pruned = narrow(plan, needed);
    let wanted: Vec<usize> =
        (0..needed.len()).filter(|&at| needed[at]).map(|at| pruned.map(at)).collect();
    let have = pruned.plan.fields();
    if wanted.len() == have.len() && wanted.iter().enumerate().all(|(at, &column)| at == column) {
        return pruned;
    }
    let fields: Vec<_> = wanted.iter().map(|&at| have[at].clone()).collect();
    let columns = wanted.iter().zip(&fields);
    let columns = columns.map(|(&at, field)| Expr::column(at, field.data_type.clone())).collect();
    Pruned { plan: pruned.plan.project(columns, fields), position: positions(needed) }
}

/// Columns that only a side's own conditions use do not enter the join.
fn narrow_join(join: Join, needed: &[bool]) -> Pruned {
    let (left_width, right_width) = (join.left.fields().len(), join.right.fields().len());
    let mut all = needed.to_vec();
    all.resize(left_width + right_width, false);
    mark_exprs(&mut all, &join.residual);
    for &key in &join.left_keys {
        mark(&mut all, key);
    }
    for &key in &join.right_keys {
        mark(&mut all, left_width + key);
    }
    let left = exactly(*join.left, &all[..left_width]);
    let right = exactly(*join.right, &all[left_width..]);
    let new_left = left.plan.fields().len();
    let position: Vec<Option<usize>> = left
        .position
        .iter()
        .copied()
        .chain(right.position.iter().map(|at| at.map(|at| at + new_left)))
        .collect();
    let (mut left_keys, mut right_keys, mut residual) =
        (join.left_keys, join.right_keys, join.residual);
    left.map_all(&mut left_keys);
    right.map_all(&mut right_keys);
    let mut pruned = Pruned { plan: LogicalPlan::one_row(), position };
    pruned.map_exprs(&mut residual);
    let fields = join_fields(join.kind, left.plan.fields(), right.plan.fields());
    let (left, right) = (Box::new(left.plan), Box::new(right.plan));
    pruned.plan = LogicalPlan::Join(Join {
        left,
        right,
        kind: join.kind,
        left_keys,
        right_keys,
        residual,
        fields,
    });
    pruned.position.truncate(needed.len());
    pruned
}
