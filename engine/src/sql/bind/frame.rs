//! What is gathered while the expressions of one clause are bound.
//!
//! An expression may hold columns that are not there yet: positions from [`OUTER`] on are columns of
//! the query around a subquery, from [`AGGREGATE`] on results of aggregates, from [`UNNEST`] on elements
//! of lists, from [`SUBQUERY`] on values of subqueries. Whoever opens a frame replaces them before the expression enters a plan.

use millwork_format::types::DataType;

use super::scope::Scope;
use crate::expr::{AggregateFunction, Expr};
use crate::plan::LogicalPlan;
use crate::sql::ast;

/// First position that means a column of the query around.
pub(super) const OUTER: usize = 1 << 28;
/// First position that means the result of an aggregate.
pub(super) const AGGREGATE: usize = 1 << 29;
/// First position that means an element of a list that UNNEST opens.
pub(super) const UNNEST: usize = 3 << 28;
/// First position that means the value of a subquery.
pub(super) const SUBQUERY: usize = 1 << 30;

/// An aggregate that was met; its argument and filter are over the rows before the grouping.
#[derive(Clone, Debug)]
pub(super) struct PendingAggregate {
    pub(super) function: AggregateFunction,
    pub(super) argument: Option<Expr>,
    pub(super) distinct: bool,
    pub(super) filter: Option<Expr>,
    pub(super) data_type: DataType,
    pub(super) name: String,
}

/// A subquery that was met.
#[derive(Clone, Debug)]
pub(super) struct PendingSubquery {
    /// One row, or one for each value of the keys, which are its first columns.
    pub(super) plan: LogicalPlan,
    /// What the keys are compared with, in the query around.
    pub(super) keys: Vec<Expr>,
    /// The value over the plan's columns.
    pub(super) value: Expr,
    /// Whether it stands in the argument of an aggregate.
    pub(super) in_aggregate: bool,
}

/// The state of binding a clause.
pub(super) struct Frame<'s> {
    pub(super) scope: &'s Scope,
    /// Columns of the query around, in a subquery that may use them.
    pub(super) outer: Option<&'s Scope>,
    /// The aliases of the SELECT, for names that are no columns.
    pub(super) items: &'s [ast::SelectItem],
    /// Why aggregates are refused, if they are.
    pub(super) no_aggregates: Option<&'static str>,
    pub(super) in_aggregate: bool,
    pub(super) aggregates: Vec<PendingAggregate>,
    pub(super) subqueries: Vec<PendingSubquery>,
    /// Lists that UNNEST opens, where it may stand.
    pub(super) unnests: Option<Vec<Expr>>,
    /// Aliases that are being expanded.
    pub(super) expanding: Vec<String>,
}

impl<'s> Frame<'s> {
    pub(super) fn new(scope: &'s Scope, no_aggregates: Option<&'static str>) -> Self {
        Self {
            scope,
            outer: None,
            items: &[],
            no_aggregates,
            in_aggregate: false,
            aggregates: Vec::new(),
            subqueries: Vec::new(),
            unnests: None,
            expanding: Vec::new(),
        }
    }
}

/// Whether the position is one of the query around.
pub(super) fn is_outer(column: usize) -> bool {
    (OUTER..AGGREGATE).contains(&column)
}
