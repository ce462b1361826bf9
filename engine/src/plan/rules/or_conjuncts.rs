//! What an OR says for certain: conjuncts of every branch, and what every branch says of one side.
//!
//! `(a AND b) OR (a AND c)` is `a AND (b OR c)`, with nulls too. And where it is true, `b` or `c` is.

use millwork_format::types::DataType;

use crate::expr::{Expr, ExprKind};
use crate::plan::conjuncts::{all_of, flatten_and, uses};

/// The conjuncts that stand in every branch, then the rest. Anything but an OR is given back.
#[must_use]
pub fn split(expr: Expr) -> Vec<Expr> {
    let ExprKind::Or(parts) = expr.kind else { return vec![expr] };
    let mut branches: Vec<Vec<Expr>> = parts.into_iter().map(branch).collect();
    let Some((first, rest)) = branches.split_first() else { return Vec::new() };
    let mut common: Vec<Expr> = Vec::new();
    for conjunct in first {
        let is_everywhere = rest.iter().all(|branch| branch.contains(conjunct));
        if is_everywhere && !common.contains(conjunct) {
            common.push(conjunct.clone());
        }
    }
    for branch in &mut branches {
        branch.retain(|conjunct| !common.contains(conjunct));
    }
    // A branch of nothing else is true wherever the common part is.
    if branches.iter().all(|branch| !branch.is_empty()) {
        common.push(any_of(branches.into_iter().map(all_of).collect()));
    }
    common
}

/// What an OR implies for the columns for which `is_own`: an OR of what its branches say of them.
/// `None` if a branch says nothing, or if the whole OR is about them anyway.
#[must_use]
pub fn implied(expr: &Expr, is_own: impl Fn(usize) -> bool) -> Option<Expr> {
    let ExprKind::Or(parts) = &expr.kind else { return None };
    if !uses(expr, |column| !is_own(column)) {
        return None;
    }
    let mut branches = Vec::with_capacity(parts.len());
    for part in parts {
        let mut conjuncts = Vec::new();
        flatten_and(part.clone(), &mut conjuncts);
        conjuncts.retain(|one| uses(one, &is_own) && !uses(one, |column| !is_own(column)));
        if conjuncts.is_empty() {
            return None;
        }
        branches.push(all_of(conjuncts));
    }
    Some(any_of(branches))
}

fn branch(expr: Expr) -> Vec<Expr> {
    let mut conjuncts = Vec::new();
    flatten_and(expr, &mut conjuncts);
    conjuncts
}

fn any_of(branches: Vec<Expr>) -> Expr {
    Expr { kind: ExprKind::Or(branches), data_type: DataType::Boolean, span: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flag(column: usize) -> Expr {
        Expr::column(column, DataType::Boolean)
    }

    fn or_of(branches: &[&[usize]]) -> Expr {
        let branch = |columns: &&[usize]| all_of(columns.iter().map(|&c| flag(c)).collect());
        any_of(branches.iter().map(branch).collect())
    }

    fn shown(exprs: Vec<Expr>) -> Vec<String> {
        exprs.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn common_conjuncts_come_out() {
        let cases: [(&[&[usize]], &[&str]); 4] = [
            (&[&[0, 1], &[0, 2]], &["#0", "(#1 OR #2)"]),
            (&[&[0, 1], &[2, 3]], &["((#0 AND #1) OR (#2 AND #3))"]),
            (&[&[0], &[0, 2]], &["#0"]),
            (&[&[0, 1, 2], &[2, 1, 3]], &["#1", "#2", "(#0 OR #3)"]),
        ];
        for (branches, expected) in cases {
            assert_eq!(shown(split(or_of(branches))), expected, "{branches:?}");
        }
    }

    #[test]
    fn each_branch_must_speak_of_the_side() {
        let is_left = |column: usize| column < 2;
        let told = implied(&or_of(&[&[0, 5], &[1, 6]]), is_left);
        assert_eq!(told.map(|expr| expr.to_string()).as_deref(), Some("(#0 OR #1)"));
        assert_eq!(implied(&or_of(&[&[0, 5], &[6]]), is_left), None);
        assert_eq!(implied(&or_of(&[&[0], &[1]]), is_left), None);
    }
}
