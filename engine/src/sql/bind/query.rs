//! Queries: WITH, UNION and its like, VALUES, LIMIT, and the order of what is not a SELECT.

use std::collections::HashSet;

use millwork_format::types::{DataType, Field};

use super::Binder;
use super::expression::unified;
use super::frame::Frame;
use super::scope::{Scope, same};
use crate::error::{Error, Result};
use crate::expr::{AggregateCall, AggregateFunction, Expr, Function, SortKey};
use crate::plan::LogicalPlan;
use crate::plan::logical::{Aggregate, Limit, Sort, Union, Values};
use crate::sql::ast::{self, Body, ExprKind, Literal, OrderBy, Query, SetOperator};
use crate::sql::types::{self, coerce};
use crate::value::Scalar;

impl Binder<'_> {
    /// Binds a query that uses no columns from around it.
    pub(super) fn query(&mut self, query: &Query) -> Result<LogicalPlan> {
        self.nested(|this| this.query_here(query))
    }

    fn query_here(&mut self, query: &Query) -> Result<LogicalPlan> {
        let depth = self.ctes.len();
        let mut names = HashSet::new();
        for cte in &query.with {
            if !names.insert(cte.name.text.to_ascii_lowercase()) {
                let error = Error::name(format!("CTE {} is there twice", cte.name.text));
                return Err(self.at(error, cte.name.span));
            }
            self.ctes.push(cte.clone());
        }
        let plan = self.query_body(query);
        self.ctes.truncate(depth);
        let plan = plan?;
        let limit = self.row_count(query.limit.as_ref(), "LIMIT")?;
        let offset = self.row_count(query.offset.as_ref(), "OFFSET")?.unwrap_or(0);
        if limit.is_none() && offset == 0 {
            return Ok(plan);
        }
        Ok(LogicalPlan::Limit(Limit { input: Box::new(plan), limit, offset }))
    }

    fn query_body(&mut self, query: &Query) -> Result<LogicalPlan> {
        if let Body::Select(select) = &query.body {
            return self.select(select, &query.order_by);
        }
        let plan = self.body(&query.body)?;
        self.order_output(plan, &query.order_by)
    }

    fn body(&mut self, body: &Body) -> Result<LogicalPlan> {
        match body {
            Body::Select(select) => self.select(select, &OrderBy::Items(Vec::new())),
            Body::Query(query) => self.query(query),
            Body::Values(rows) => self.values(rows),
            Body::Set(first, rest) => {
                let mut plan = self.body(first)?;
                for (operator, branch) in rest {
                    let branch = self.body(branch)?;
                    plan = match operator {
                        SetOperator::UnionAll => union("UNION", plan, branch)?,
                        SetOperator::Union => distinct(union("UNION", plan, branch)?),
                        SetOperator::Except => told_apart(*operator, "EXCEPT", plan, branch)?,
                        SetOperator::Intersect => told_apart(*operator, "INTERSECT", plan, branch)?,
                    };
                }
                Ok(plan)
            }
        }
    }

    fn values(&mut self, rows: &[Vec<ast::Expr>]) -> Result<LogicalPlan> {
        let scope = Scope::default();
        let width = rows.first().map_or(0, Vec::len);
        let mut columns: Vec<Vec<Expr>> = vec![Vec::new(); width];
        for row in rows {
            if row.len() != width {
                let what = format!("VALUES: expected {width} columns, found {}", row.len());
                let error = Error::types(what);
                return Err(row.first().map_or(error.clone(), |one| self.at(error, one.span)));
            }
            for (column, expr) in columns.iter_mut().zip(row) {
                let mut frame = Frame::new(&scope, Some("VALUES"));
                column.push(self.expr(&mut frame, expr)?);
                if !frame.subqueries.is_empty() {
                    return Err(Error::unsupported("a query in VALUES is not supported"));
                }
            }
        }
        let mut fields = Vec::with_capacity(width);
        let mut bound: Vec<Vec<Expr>> = vec![Vec::new(); rows.len()];
        for (index, column) in columns.into_iter().enumerate() {
            let (column, data_type) = unified(column, "VALUES")?;
            fields.push(Field::nullable(&format!("col{index}"), data_type));
            for (row, value) in bound.iter_mut().zip(column) {
                row.push(value);
            }
        }
        Ok(LogicalPlan::Values(Values { rows: bound, fields }))
    }

    /// Sorts by output columns.
    fn order_output(&mut self, plan: LogicalPlan, order_by: &OrderBy) -> Result<LogicalPlan> {
        let scope = Scope::of(&plan, None);
        let mut keys = Vec::new();
        match order_by {
            OrderBy::All { descending, nulls_first } => {
                keys = all_keys(plan.fields().len(), *descending, *nulls_first);
            }
            OrderBy::Items(items) => {
                for item in items {
                    let names = plan.fields().iter().map(|field| &*field.name);
                    let column = match self.output_column(&item.expr, names)? {
                        Some(column) => column,
                        None => {
                            let mut frame = Frame::new(&scope, Some("ORDER BY of a UNION"));
                            match self.expr(&mut frame, &item.expr)?.kind {
                                crate::expr::ExprKind::Column(column) => column,
                                _ => {
                                    let what = "ORDER BY of a UNION takes names and positions";
                                    let error = Error::unsupported(what);
                                    return Err(self.at(error, item.expr.span));
                                }
                            }
                        }
                    };
                    let (descending, nulls_first) = (item.descending, item.nulls_first);
                    keys.push(SortKey { column, descending, nulls_first });
                }
            }
        }
        Ok(sorted(plan, keys))
    }

    /// The output column that an ORDER BY or GROUP BY item names by position or by name.
    pub(super) fn output_column<'n>(
        &self,
        expr: &ast::Expr,
        mut names: impl ExactSizeIterator<Item = &'n str>,
    ) -> Result<Option<usize>> {
        match &expr.kind {
            ExprKind::Literal(Literal::Number(digits)) => {
                let count = names.len();
                let position = digits.parse::<usize>().ok().filter(|at| (1..=count).contains(at));
                match position {
                    Some(position) => Ok(Some(position - 1)),
                    None => {
                        let what = format!("position {digits} is not among 1 to {count}");
                        Err(self.at(Error::name(what), expr.span))
                    }
                }
            }
            ExprKind::Name(parts) => match parts.as_slice() {
                [name] => Ok(names.position(|column| same(column, &name.text))),
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    fn row_count(&mut self, expr: Option<&ast::Expr>, what: &str) -> Result<Option<u64>> {
        let Some(expr) = expr else { return Ok(None) };
        let scope = Scope::default();
        let mut frame = Frame::new(&scope, Some("LIMIT"));
        let bound = self.expr(&mut frame, expr)?;
        let bound = match bound.as_literal() {
            Some(_) => coerce(bound, &DataType::Int64)?,
            None => bound,
        };
        match bound.as_literal() {
            Some(Scalar::Null) => Ok(None),
            Some(Scalar::Integer(rows)) if *rows >= 0 => Ok(u64::try_from(*rows).ok()),
            _ => {
                let error = Error::types(format!("{what} takes a constant that is not negative"));
                Err(self.at(error, expr.span))
            }
        }
    }
}

/// One key for each column.
pub(super) fn all_keys(count: usize, descending: bool, nulls_first: bool) -> Vec<SortKey> {
    (0..count).map(|column| SortKey { column, descending, nulls_first }).collect()
}

/// `plan` in the order of `keys`, each column once.
pub(super) fn sorted(plan: LogicalPlan, mut keys: Vec<SortKey>) -> LogicalPlan {
    let mut seen = HashSet::new();
    keys.retain(|key| seen.insert(key.column));
    if keys.is_empty() {
        return plan;
    }
    LogicalPlan::Sort(Sort { input: Box::new(plan), keys, limit: None, offset: 0 })
}

/// Rows of `plan`, equal ones once.
pub(super) fn distinct(plan: LogicalPlan) -> LogicalPlan {
    let fields = plan.fields().to_vec();
    let groups = (0..fields.len()).collect();
    let input = Box::new(plan);
    LogicalPlan::Aggregate(Aggregate { input, groups, aggregates: Vec::new(), fields })
}

/// EXCEPT and INTERSECT: the rows of both sides in groups of equal ones, each row knowing its side.
fn told_apart(
    operator: SetOperator,
    name: &str,
    left: LogicalPlan,
    right: LogicalPlan,
) -> Result<LogicalPlan> {
    let width = same_width(name, &left, &right)?;
    let marked = |plan: LogicalPlan, is_left: bool| {
        let mut fields = plan.fields().to_vec();
        let mut columns = every_column(&fields);
        columns.push(Expr::literal(Scalar::Boolean(is_left), DataType::Boolean));
        fields.push(Field::required("side$", DataType::Boolean));
        plan.project(columns, fields)
    };
    let both = union(name, marked(left, true), marked(right, false))?;
    let fields = both.fields()[..width].to_vec();
    let call = |function| AggregateCall {
        function,
        argument: Some(width),
        distinct: false,
        filter: None,
        argument_type: DataType::Boolean,
        data_type: DataType::Boolean,
    };
    let mut grouped = fields.clone();
    grouped.push(Field::nullable("on_the_left$", DataType::Boolean));
    grouped.push(Field::nullable("only_there$", DataType::Boolean));
    let aggregates = vec![call(AggregateFunction::BoolOr), call(AggregateFunction::BoolAnd)];
    let groups = (0..width).collect();
    let input = Box::new(both);
    let plan = LogicalPlan::Aggregate(Aggregate { input, groups, aggregates, fields: grouped });
    let on_the_left = Expr::column(width, DataType::Boolean);
    let only_there = Expr::column(width + 1, DataType::Boolean);
    let kept = match operator {
        SetOperator::Except => vec![only_there],
        _ => {
            let elsewhere = Expr::call(Function::Not, vec![only_there], DataType::Boolean);
            vec![on_the_left, elsewhere]
        }
    };
    Ok(plan.filter(kept).project(every_column(&fields), fields))
}

/// The columns that both sides have.
fn same_width(name: &str, left: &LogicalPlan, right: &LogicalPlan) -> Result<usize> {
    let (count, found) = (left.fields().len(), right.fields().len());
    if count == found {
        return Ok(count);
    }
    Err(Error::types(format!("{name}: expected {count} columns, found {found}")))
}

/// The columns of an input with these fields.
pub(super) fn every_column(fields: &[Field]) -> Vec<Expr> {
    let columns = fields.iter().enumerate();
    columns.map(|(at, field)| Expr::column(at, field.data_type.clone())).collect()
}

/// UNION ALL in common types, by position; names are the left side's.
pub(super) fn union(name: &str, left: LogicalPlan, right: LogicalPlan) -> Result<LogicalPlan> {
    let count = same_width(name, &left, &right)?;
    let mut fields = Vec::with_capacity(count);
    for (a, b) in left.fields().iter().zip(right.fields()) {
        let data_type = types::common(&a.data_type, &b.data_type)
            .or_else(|| a.data_type.is_text().then(|| a.data_type.clone()))
            .or_else(|| b.data_type.is_text().then(|| b.data_type.clone()));
        let Some(data_type) = data_type else {
            let what = format!("{name} has both {} and {}", a.data_type, b.data_type);
            return Err(Error::types(what).hint("convert one with CAST"));
        };
        let nullable = a.nullable || b.nullable;
        fields.push(Field { name: a.name.clone(), data_type, nullable });
    }
    let mut inputs = Vec::new();
    for side in [left, right] {
        match cast_to(side, &fields)? {
            LogicalPlan::Union(inner) if inner.fields == fields => inputs.extend(inner.inputs),
            other => inputs.push(other),
        }
    }
    Ok(LogicalPlan::Union(Union { inputs, fields }))
}

fn cast_to(plan: LogicalPlan, fields: &[Field]) -> Result<LogicalPlan> {
    let is_same = |(of, field): (&Field, &Field)| of.data_type == field.data_type;
    if plan.fields().iter().zip(fields).all(is_same) {
        return Ok(plan);
    }
    let casts = every_column(plan.fields())
        .into_iter()
        .zip(fields)
        .map(|(column, field)| coerce(column, &field.data_type));
    let casts = casts.collect::<Result<Vec<_>>>()?;
    Ok(plan.project(casts, fields.to_vec()))
}
