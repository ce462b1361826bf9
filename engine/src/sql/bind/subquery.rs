//! WHERE, and subqueries as joins: EXISTS and IN among its conjuncts; values are in [`super::value`].
//!
//! A subquery may use columns of the query right around it in its WHERE. Those conjuncts become the
//! condition of a join: equalities its keys, the rest its residual.

use millwork_format::types::{DataType, Field};

use super::Binder;
use super::aggregate::put_values;
use super::expression::{boolean, compare};
use super::frame::{Frame, OUTER, PendingSubquery, SUBQUERY, is_outer};
use super::scope::Scope;
use super::select::place;
use crate::error::{Error, Result};
use crate::expr::{AggregateCall, AggregateFunction, Comparison, Expr, ExprKind, Function};
use crate::plan::LogicalPlan;
use crate::plan::conjuncts::{flatten_and, uses};
use crate::plan::logical::{Aggregate, JoinKind};
use crate::plan::rules::equi_join::equi_join;
use crate::sql::ast::{self, Body, GroupBy, Query, Select, SelectItem};
use crate::sql::types::call;
use crate::value::Scalar;

/// FROM and WHERE of a subquery.
pub(super) struct Inner {
    pub(super) plan: LogicalPlan,
    pub(super) scope: Scope,
    /// Conjuncts that use columns from [`OUTER`] on.
    pub(super) correlated: Vec<Expr>,
}

impl Binder<'_> {
    /// Puts WHERE on `plan`. Gives the conjuncts that use columns of the query around apart.
    pub(super) fn filter(
        &mut self,
        plan: LogicalPlan,
        scope: &Scope,
        outer: Option<&Scope>,
        filter: &ast::Expr,
        items: &[SelectItem],
    ) -> Result<(LogicalPlan, Vec<Expr>)> {
        let mut plain = Vec::new();
        let mut queries = Vec::new();
        let mut rest = vec![filter];
        while let Some(conjunct) = rest.pop() {
            match &conjunct.kind {
                ast::ExprKind::And(parts) => rest.extend(parts.iter().rev()),
                _ if is_query(conjunct) => queries.push(conjunct),
                _ => plain.push(conjunct),
            }
        }
        let mut frame = Frame::new(scope, Some("WHERE"));
        frame.outer = outer;
        frame.items = items;
        let mut conjuncts = Vec::new();
        for conjunct in plain {
            flatten_and(self.condition(&mut frame, conjunct)?, &mut conjuncts);
        }
        let subqueries = frame.subqueries;
        let (of_values, mut predicates): (Vec<Expr>, Vec<Expr>) =
            conjuncts.into_iter().partition(|expr| uses(expr, |column| column >= SUBQUERY));
        let correlated: Vec<Expr> =
            predicates.extract_if(.., |expr| uses(expr, is_outer)).collect();
        let mut plan = plan.filter(predicates);
        let mut values = vec![None; subqueries.len()];
        plan = place(plan, &subqueries, &mut values, |_| true)?;
        let mut late = Vec::with_capacity(of_values.len());
        for mut conjunct in of_values {
            if uses(&conjunct, is_outer) {
                return Err(nested_correlation());
            }
            put_values(&mut conjunct, &values);
            late.push(conjunct);
        }
        plan = plan.filter(late);
        for query in queries {
            plan = self
                .query_conjunct(plan, scope, query, false)
                .map_err(|error| self.at(error, query.span))?;
        }
        Ok((plan, correlated))
    }

    /// `[NOT] EXISTS (query)` or `argument [NOT] IN (query)` as a join.
    fn query_conjunct(
        &mut self,
        plan: LogicalPlan,
        scope: &Scope,
        conjunct: &ast::Expr,
        negated: bool,
    ) -> Result<LogicalPlan> {
        match &conjunct.kind {
            ast::ExprKind::Not(inner) => self.query_conjunct(plan, scope, inner, !negated),
            ast::ExprKind::Exists(query, not) => self.exists(plan, scope, query, negated != *not),
            ast::ExprKind::InQuery { argument, query, negated: not } => {
                self.in_query(plan, scope, argument, query, negated != *not)
            }
            _ => Err(Error::internal("no query among the conjuncts")),
        }
    }

    fn exists(
        &mut self,
        plan: LogicalPlan,
        scope: &Scope,
        query: &Query,
        negated: bool,
    ) -> Result<LogicalPlan> {
        let kind = if negated { JoinKind::Anti } else { JoinKind::Semi };
        // A grouping without keys has a row, whatever it is of.
        if let Some(select) = plain_select(query).filter(|select| !has_aggregate(select)) {
            let inner = self.inner(query, select, scope)?;
            if !inner.correlated.is_empty() {
                let width = plan.fields().len();
                let conjuncts = inner.correlated.iter().map(|one| over_both(one, width)).collect();
                return Ok(equi_join(plan, inner.plan, kind, conjuncts));
            }
        }
        let mut frame = Frame::new(scope, None);
        let value = self.exists_value(&mut frame, query, negated)?;
        let mut values = vec![None];
        let plan = place(plan, &frame.subqueries, &mut values, |_| true)?;
        let mut value = value;
        put_values(&mut value, &values);
        Ok(plan.filter(vec![value]))
    }

    fn in_query(
        &mut self,
        plan: LogicalPlan,
        scope: &Scope,
        argument: &ast::Expr,
        query: &Query,
        negated: bool,
    ) -> Result<LogicalPlan> {
        let mut frame = Frame::new(scope, Some("WHERE"));
        let mut argument = self.expr(&mut frame, argument)?;
        let mut values = vec![None; frame.subqueries.len()];
        let mut plan = place(plan, &frame.subqueries, &mut values, |_| true)?;
        put_values(&mut argument, &values);
        let (right, mut item, correlated) = match plain_select(query) {
            Some(select) if select.items.len() == 1 && !has_aggregate(select) => {
                let inner = self.inner(query, select, scope)?;
                let SelectItem::Expr(item, _) = &select.items[0] else {
                    return self.in_plan(plan, argument, query, negated);
                };
                let mut frame = Frame::new(&inner.scope, Some("IN"));
                let item = self.expr(&mut frame, item)?;
                if !frame.subqueries.is_empty() {
                    return Err(nested_correlation());
                }
                (inner.plan, item, inner.correlated)
            }
            _ => return self.in_plan(plan, argument, query, negated),
        };
        if correlated.is_empty() {
            let field = match item.kind {
                ExprKind::Column(column) => right.fields()[column].clone(),
                _ => Field {
                    name: "in".into(),
                    data_type: item.data_type.clone(),
                    nullable: is_nullable(&item, &right),
                },
            };
            let right = right.project(vec![item], vec![field]);
            return in_column(plan, argument, right, negated);
        }
        if negated && (is_nullable(&argument, &plan) || is_nullable(&item, &right)) {
            let what =
                "NOT IN of a correlated query over columns that may be null is not supported";
            return Err(Error::unsupported(what).hint("NOT EXISTS says the same without nulls"));
        }
        let width = plan.fields().len();
        item.map_columns(&mut |column| column + width);
        let mut conjuncts: Vec<Expr> = correlated.iter().map(|one| over_both(one, width)).collect();
        conjuncts.push(compare(Comparison::Equal, argument, item)?);
        let kind = if negated { JoinKind::Anti } else { JoinKind::Semi };
        plan = equi_join(plan, right, kind, conjuncts);
        Ok(plan)
    }

    fn in_plan(
        &mut self,
        plan: LogicalPlan,
        argument: Expr,
        query: &Query,
        negated: bool,
    ) -> Result<LogicalPlan> {
        let right = self.query(query)?;
        in_column(plan, argument, right, negated)
    }

    /// FROM and WHERE of a subquery in a query with `outer` columns.
    pub(super) fn inner(&mut self, query: &Query, select: &Select, outer: &Scope) -> Result<Inner> {
        let depth = self.ctes.len();
        self.ctes.extend(query.with.iter().cloned());
        let inner = self.inner_here(select, outer);
        self.ctes.truncate(depth);
        inner
    }

    fn inner_here(&mut self, select: &Select, outer: &Scope) -> Result<Inner> {
        let (plan, scope) = self.from(&select.from)?;
        let (plan, correlated) = match &select.filter {
            None => (plan, Vec::new()),
            Some(filter) => self.filter(plan, &scope, Some(outer), filter, &[])?,
        };
        Ok(Inner { plan, scope, correlated })
    }
}

pub(super) fn nested_correlation() -> Error {
    Error::unsupported("a column of the query around, beside or inside a further subquery")
        .hint("join the tables instead")
}

/// Whether a conjunct is EXISTS or IN over a query, perhaps negated.
fn is_query(expr: &ast::Expr) -> bool {
    match &expr.kind {
        ast::ExprKind::Not(inner) => is_query(inner),
        ast::ExprKind::Exists(..) | ast::ExprKind::InQuery { .. } => true,
        _ => false,
    }
}

/// The SELECT of a query whose rows are those of its FROM and WHERE, or one aggregate over them.
pub(super) fn plain_select(query: &Query) -> Option<&Select> {
    let Body::Select(select) = &query.body else { return None };
    let has_groups = !matches!(&select.group_by, GroupBy::Items(items) if items.is_empty());
    let is_plain = !select.distinct
        && !has_groups
        && select.having.is_none()
        && query.limit.is_none()
        && query.offset.is_none();
    is_plain.then_some(&**select)
}

pub(super) fn has_aggregate(select: &Select) -> bool {
    fn in_expr(expr: &ast::Expr) -> bool {
        let is_call = matches!(&expr.kind, ast::ExprKind::Call(call)
            if super::aggregate::is_aggregate(&call.name.text.to_ascii_lowercase()));
        is_call || expr.children().into_iter().any(in_expr)
    }
    select.items.iter().any(|item| matches!(item, SelectItem::Expr(expr, _) if in_expr(expr)))
}

/// A condition of a subquery over the columns around it followed by its own.
fn over_both(expr: &Expr, outer_width: usize) -> Expr {
    let mut expr = expr.clone();
    expr.map_columns(&mut |column| {
        if is_outer(column) { column - OUTER } else { column + outer_width }
    });
    expr
}

/// Joins a subquery's rows to `plan`; its value is then over the joined columns.
pub(super) fn join_value(
    plan: LogicalPlan,
    pending: PendingSubquery,
) -> Result<(LogicalPlan, Expr)> {
    let width = plan.fields().len();
    let PendingSubquery { plan: right, keys, mut value, .. } = pending;
    value.map_columns(&mut |column| column + width);
    if keys.is_empty() {
        let none = (Vec::new(), Vec::new());
        return Ok((plan.join(right, JoinKind::Cross, none, Vec::new()), value));
    }
    let mut conjuncts = Vec::with_capacity(keys.len());
    for (index, key) in keys.into_iter().enumerate() {
        let own = Expr::column(width + index, right.fields()[index].data_type.clone());
        conjuncts.push(compare(Comparison::Equal, key, own)?);
    }
    Ok((equi_join(plan, right, JoinKind::Left, conjuncts), value))
}

pub(super) fn one_column(found: usize) -> Error {
    Error::types(format!("IN takes a query of one column, found {found}"))
}

/// The number of rows, and of rows whose `column` is not null.
pub(super) fn counted(plan: LogicalPlan, column: Option<usize>) -> LogicalPlan {
    let count = |function, argument: Option<usize>, argument_type| AggregateCall {
        function,
        argument,
        distinct: false,
        filter: None,
        argument_type,
        data_type: DataType::Int64,
    };
    let mut aggregates = vec![count(AggregateFunction::CountRows, None, DataType::Null)];
    let mut fields = vec![Field::required("count_star()", DataType::Int64)];
    if let Some(column) = column {
        let data_type = plan.fields()[column].data_type.clone();
        aggregates.push(count(AggregateFunction::Count, Some(column), data_type));
        fields.push(Field::required("count()", DataType::Int64));
    }
    let input = Box::new(plan);
    LogicalPlan::Aggregate(Aggregate { input, groups: Vec::new(), aggregates, fields })
}

fn is_nullable(expr: &Expr, plan: &LogicalPlan) -> bool {
    match &expr.kind {
        ExprKind::Column(column) => plan.fields().get(*column).is_none_or(|field| field.nullable),
        ExprKind::Literal(value) => value.is_null(),
        _ => true,
    }
}

/// `argument [NOT] IN (the only column of right)`.
fn in_column(
    plan: LogicalPlan,
    argument: Expr,
    right: LogicalPlan,
    negated: bool,
) -> Result<LogicalPlan> {
    let [field] = right.fields() else {
        return Err(one_column(right.fields().len()));
    };
    let (data_type, right_nullable) = (field.data_type.clone(), field.nullable);
    let item = |width: usize| Expr::column(width, data_type.clone());
    if !negated || !(right_nullable || is_nullable(&argument, &plan)) {
        let kind = if negated { JoinKind::Anti } else { JoinKind::Semi };
        let equal = compare(Comparison::Equal, argument, item(plan.fields().len()))?;
        return Ok(equi_join(plan, right, kind, vec![equal]));
    }
    // With nulls: true if the query has no rows, else only if neither side has a null and none is
    // equal. So its rows and its values are counted beside.
    let width = plan.fields().len();
    let counts = counted(right.clone(), Some(0));
    let plan = plan.join(counts, JoinKind::Cross, (Vec::new(), Vec::new()), Vec::new());
    let rows = Expr::column(width, DataType::Int64);
    let values = Expr::column(width + 1, DataType::Int64);
    let zero = Expr::literal(Scalar::Integer(0), DataType::Int64);
    let is_empty = compare(Comparison::Equal, rows.clone(), zero)?;
    let is_known = call(Function::IsNotNull, vec![argument.clone()], DataType::Boolean);
    let no_null = compare(Comparison::Equal, rows, values)?;
    let known = vec![is_known, no_null];
    let both =
        boolean(Expr { kind: ExprKind::And(known), data_type: DataType::Boolean, span: None })?;
    let either = ExprKind::Or(vec![is_empty, both]);
    let plan = plan.filter(vec![Expr { kind: either, data_type: DataType::Boolean, span: None }]);
    let equal = compare(Comparison::Equal, argument, item(width + 2))?;
    Ok(equi_join(plan, right, JoinKind::Anti, vec![equal]))
}
