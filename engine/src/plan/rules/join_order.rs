//! Inner joins are put in the order that is expected to make the fewest rows, the smaller side on
//! the right: the one that is collected in a hash table.
//!
//! In: trees of inner and cross joins. Out: the same rows in the same columns. Greedy: the two parts
//! whose join is smallest are joined first; parts that no condition connects are joined last. Each step looks
//! once at every condition, and at every pair of parts only when none is left that connects two.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

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
    let mut cluster = Cluster::default();
    cluster.take(plan, 0);
    cluster.count_keys();
    while let Some(pair) = cluster.smallest() {
        cluster.join(&pair);
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

/// Two parts, the one with the smaller number first, and the rows of their join.
struct Pair {
    first: usize,
    second: usize,
    rows: f64,
}

/// A tree of inner joins taken apart.
#[derive(Default)]
struct Cluster {
    parts: Vec<Part>,
    /// Over the columns of the whole cluster, not yet applied.
    conjuncts: Vec<Expr>,
    /// For each column of the cluster the part that has it, and where.
    places: Vec<(usize, usize)>,
    /// About how many values keys have: as many when their parts are joined.
    distinct: HashMap<usize, Option<f64>>,
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
                self.places.extend((0..width).map(|at| (self.parts.len(), at)));
                self.parts.push(Part { plan, columns: (first..first + width).collect(), rows });
            }
        }
    }

    fn count_keys(&mut self) {
        for column in self.conjuncts.iter().filter_map(key).flatten() {
            let (part, at) = self.places[column];
            let count = || statistics::distinct(&self.parts[part].plan, at);
            self.distinct.entry(column).or_insert_with(count);
        }
    }

    /// The two parts whose join is smallest; `None` of a single one.
    fn smallest(&self) -> Option<Pair> {
        let all = |first: usize, second: usize| self.parts[first].rows * self.parts[second].rows;
        let mut connected = BTreeMap::new();
        for sides in self.conjuncts.iter().filter_map(key) {
            let [one, two] = sides.map(|column| self.places[column].0);
            if one == two {
                continue;
            }
            let (first, second) = (one.min(two), one.max(two));
            let [one_key, two_key] = [(sides[0], one), (sides[1], two)].map(|(column, part)| {
                (self.distinct.get(&column).copied().flatten(), self.parts[part].rows)
            });
            *connected.entry((second, first)).or_insert_with(|| all(first, second)) *=
                statistics::key_selectivity(one_key, two_key);
        }
        let unconnected = || {
            let pairs = (1..self.parts.len())
                .flat_map(|second| (0..second).map(move |first| (second, first)));
            pairs.map(|(second, first)| ((second, first), all(first, second))).min_by(by_rows)
        };
        let least = connected.into_iter().min_by(by_rows).or_else(unconnected);
        least.map(|((second, first), rows)| Pair { first, second, rows })
    }

    /// Joins the parts of `pair`.
    fn join(&mut self, pair: &Pair) {
        let two = self.parts.remove(pair.second);
        let one = self.parts.remove(pair.first);
        let (left, right) = if one.rows >= two.rows { (one, two) } else { (two, one) };
        let columns: Vec<usize> = left.columns.into_iter().chain(right.columns).collect();
        // What stood behind the second moves up; both of the pair are where the first was.
        for (part, _) in &mut self.places {
            *part -= usize::from(*part > pair.second);
        }
        for (at, &column) in columns.iter().enumerate() {
            self.places[column] = (pair.first, at);
        }
        let places = &self.places;
        let ready = |conjunct: &mut Expr| !uses(conjunct, |column| places[column].0 != pair.first);
        let mut conjuncts: Vec<Expr> = self.conjuncts.extract_if(.., ready).collect();
        for conjunct in &mut conjuncts {
            conjunct.map_columns(&mut |column| places[column].1);
        }
        let plan = equi_join(left.plan, right.plan, JoinKind::Inner, conjuncts);
        self.parts.insert(pair.first, Part { plan, columns, rows: pair.rows });
    }
}

/// The two columns that an equality compares.
fn key(conjunct: &Expr) -> Option<[usize; 2]> {
    let ExprKind::Call(Function::Compare(Comparison::Equal), sides) = &conjunct.kind else {
        return None;
    };
    match sides.as_slice() {
        [left, right] => match (&left.kind, &right.kind) {
            (ExprKind::Column(left), ExprKind::Column(right)) => Some([*left, *right]),
            _ => None,
        },
        _ => None,
    }
}

fn by_rows(one: &((usize, usize), f64), other: &((usize, usize), f64)) -> Ordering {
    one.1.total_cmp(&other.1)
}
