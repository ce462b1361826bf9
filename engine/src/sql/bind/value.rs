//! Subqueries as values: of one row, EXISTS, and IN.
//!
//! Each becomes a [`PendingSubquery`]: one row beside the query around, or one for each value of the
//! columns that its WHERE compares with columns of the query around.

use millwork_format::types::{DataType, Field};

use super::Binder;
use super::aggregate::Grouping;
use super::expression::compare;
use super::frame::{
    AGGREGATE, Frame, OUTER, PendingAggregate, PendingSubquery, SUBQUERY, is_outer,
};
use super::subquery::{
    Inner, counted, has_aggregate, nested_correlation, one_column, plain_select,
};
use crate::error::{Error, ErrorKind, Result};
use crate::expr::{AggregateCall, AggregateFunction, Comparison, Expr, ExprKind, Function};
use crate::plan::LogicalPlan;
use crate::plan::conjuncts::{substitute, uses};
use crate::plan::logical::{Aggregate, Limit};
use crate::sql::ast::{self, Body, Query, Select, SelectItem};
use crate::sql::types::{call, comparable};
use crate::value::Scalar;

impl Binder<'_> {
    /// A query of one value.
    pub(super) fn scalar(&mut self, frame: &mut Frame<'_>, query: &Query) -> Result<Expr> {
        let in_aggregate = frame.in_aggregate;
        let (ctes, tables) = (self.ctes.len(), self.table_count);
        match self.query(query) {
            Ok(plan) => {
                let (plan, value) = one_row(plan)?;
                Ok(pend(frame, PendingSubquery { plan, keys: Vec::new(), value, in_aggregate }))
            }
            Err(error) if *error.kind() == ErrorKind::Name => {
                (self.table_count, _) = (tables, self.ctes.truncate(ctes));
                let Some(select) = plain_select(query) else {
                    return Err(self.or_correlated(frame, query, error));
                };
                let pending = self.correlated_scalar(frame, query, select).map_err(|second| {
                    if *second.kind() == ErrorKind::Name { error } else { second }
                })?;
                Ok(pend(frame, pending))
            }
            Err(error) => Err(error),
        }
    }

    /// An aggregate over rows whose keys equal columns of the query around: grouped by those keys.
    fn correlated_scalar(
        &mut self,
        frame: &Frame<'_>,
        query: &Query,
        select: &Select,
    ) -> Result<PendingSubquery> {
        let inner = self.inner(query, select, frame.scope)?;
        let [SelectItem::Expr(item, _)] = select.items.as_slice() else {
            return Err(Error::types("a query of one value has one item"));
        };
        let mut inside = Frame::new(&inner.scope, None);
        let mut value = self.expr(&mut inside, item)?;
        if !inside.subqueries.is_empty() {
            return Err(nested_correlation());
        }
        let mut aggregates = inside.aggregates;
        if aggregates.is_empty() {
            value = single_of_group(&mut aggregates, value);
        }
        grouped_by_outer(frame, inner, aggregates, value)
    }

    /// EXISTS as a value: whether one row is counted, or of a correlated query some for the row.
    pub(super) fn exists_value(
        &mut self,
        frame: &mut Frame<'_>,
        query: &Query,
        negated: bool,
    ) -> Result<Expr> {
        let (ctes, tables) = (self.ctes.len(), self.table_count);
        let plan = match self.query(query) {
            Err(error) if *error.kind() == ErrorKind::Name => {
                (self.table_count, _) = (tables, self.ctes.truncate(ctes));
                return self.exists_correlated(frame, query, negated, error);
            }
            other => other?,
        };
        let limited =
            LogicalPlan::Limit(Limit { input: Box::new(plan), limit: Some(1), offset: 0 });
        let counted = counted(limited, None);
        let value = Expr::column(0, DataType::Int64);
        let count = pend(
            frame,
            PendingSubquery {
                plan: counted,
                keys: Vec::new(),
                value,
                in_aggregate: frame.in_aggregate,
            },
        );
        let comparison = if negated { Comparison::Equal } else { Comparison::Greater };
        compare(comparison, count, Expr::literal(Scalar::Integer(0), DataType::Int64))
    }

    /// EXISTS of a query that may use columns around it, among the values of an expression.
    fn exists_correlated(
        &mut self,
        frame: &mut Frame<'_>,
        query: &Query,
        negated: bool,
        error: Error,
    ) -> Result<Expr> {
        let inner = match plain_select(query) {
            Some(select) if !has_aggregate(select) => self.inner(query, select, frame.scope),
            _ => return Err(self.or_correlated(frame, query, error)),
        };
        let inner = match inner {
            Err(second) if *second.kind() == ErrorKind::Name => return Err(error),
            other => other?,
        };
        let rows = Expr::column(AGGREGATE, DataType::Int64);
        let pending = grouped_by_outer(frame, inner, vec![rows_of_group()], rows)?;
        let count = pend(frame, pending);
        let comparison = if negated { Comparison::Equal } else { Comparison::Greater };
        compare(comparison, count, Expr::literal(Scalar::Integer(0), DataType::Int64))
    }

    /// `argument [NOT] IN (query)` as a value: true, false, or null as nulls on either side demand.
    pub(super) fn in_query_value(
        &mut self,
        frame: &mut Frame<'_>,
        argument: &ast::Expr,
        query: &Query,
        negated: bool,
    ) -> Result<Expr> {
        let argument = self.expr(frame, argument)?;
        let (ctes, tables) = (self.ctes.len(), self.table_count);
        let right = match self.query(query) {
            Err(error) if *error.kind() == ErrorKind::Name => {
                (self.table_count, _) = (tables, self.ctes.truncate(ctes));
                return Err(self.or_correlated(frame, query, error));
            }
            other => other?,
        };
        let [field] = right.fields() else { return Err(one_column(right.fields().len())) };
        let item = Expr::column(0, field.data_type.clone());
        // Both sides in the type in which they are compared, so that the groups are its values.
        let (key, own) = comparable(argument.clone(), item)?;
        let in_aggregate = frame.in_aggregate;
        let counts = counted(right.clone(), Some(0));
        let rows = Expr::column(0, DataType::Int64);
        let (rows, values) = (rows, Expr::column(1, DataType::Int64));
        let mut count = |value: Expr| {
            let plan = counts.clone();
            pend(frame, PendingSubquery { plan, keys: Vec::new(), value, in_aggregate })
        };
        let (rows, values) = (count(rows), count(values));
        let groups = vec![(own, "in".to_string())];
        let (plan, _) = Grouping::build(right, groups, &[rows_of_group()]);
        let value = Expr::column(1, DataType::Int64);
        let found = pend(frame, PendingSubquery { plan, keys: vec![key], value, in_aggregate });
        let zero = Expr::literal(Scalar::Integer(0), DataType::Int64);
        let truth = |value| Expr::literal(value, DataType::Boolean);
        let (yes, no) = (Scalar::Boolean(!negated), Scalar::Boolean(negated));
        let is_null = call(Function::IsNull, vec![argument], DataType::Boolean);
        let branches = vec![
            (compare(Comparison::Equal, rows.clone(), zero)?, truth(no.clone())),
            (call(Function::IsNotNull, vec![found], DataType::Boolean), truth(yes)),
            (is_null, truth(Scalar::Null)),
            (compare(Comparison::NotEqual, rows, values)?, truth(Scalar::Null)),
        ];
        let kind = ExprKind::Case { branches, otherwise: Box::new(truth(no)) };
        Ok(Expr { kind, data_type: DataType::Boolean, span: None })
    }

    /// What is said of a query that does not bind by itself: `error`, unless it would with the columns
    /// around it.
    fn or_correlated(&mut self, frame: &Frame<'_>, query: &Query, error: Error) -> Error {
        let Body::Select(select) = &query.body else { return error };
        match self.inner(query, select, frame.scope) {
            Ok(inner) if !inner.correlated.is_empty() => {
                let what = "a subquery here that uses columns of the query around it, unless it is \
                            a value or EXISTS of plain FROM and WHERE";
                let hint = "write EXISTS (..) with the comparison in its WHERE, or join the tables";
                Error::unsupported(what).hint(hint)
            }
            _ => error,
        }
    }
}

/// `value` over `aggregates` of the rows of `inner`, by the columns that equal some of the query
/// around.
fn grouped_by_outer(
    frame: &Frame<'_>,
    inner: Inner,
    aggregates: Vec<PendingAggregate>,
    mut value: Expr,
) -> Result<PendingSubquery> {
    let (mut keys, mut groups) = (Vec::new(), Vec::new());
    for conjunct in inner.correlated {
        let (outer, own) = equality(conjunct).ok_or_else(|| {
            Error::unsupported("a correlated value needs equalities with columns around it")
                .hint("EXISTS among the conjuncts of WHERE takes any condition; or join the tables")
        })?;
        if !groups.iter().any(|(group, _)| *group == own) {
            groups.push((own, format!("key{}", groups.len())));
            keys.push(outer);
        } else {
            return Err(Error::unsupported("one column is compared twice in a correlated value"));
        }
    }
    let count = groups.len();
    let fields = inner.plan.fields().to_vec();
    let (plan, grouping) = Grouping::build(inner.plan, groups, &aggregates);
    // Values of keys would be null where no row matches: only aggregates may be used.
    if uses(&value, |column| column < AGGREGATE) {
        grouping.rewrite(&mut value, &fields)?;
        return Err(Error::unsupported("a correlated value of more than aggregates"));
    }
    substitute(&mut value, &|column| {
        let index = column.checked_sub(AGGREGATE)?;
        let pending = aggregates.get(index)?;
        let column = Expr::column(count + index, pending.data_type.clone());
        // A group without rows is not there: its count is zero, anything else null.
        Some(match pending.function {
            AggregateFunction::Count | AggregateFunction::CountRows => {
                let zero = Expr::literal(Scalar::Integer(0), DataType::Int64);
                Expr::call(Function::Coalesce, vec![column, zero], DataType::Int64)
            }
            _ => column,
        })
    });
    Ok(PendingSubquery { plan, keys, value, in_aggregate: frame.in_aggregate })
}

/// `outer = own`: the side around, then the side inside.
fn equality(expr: Expr) -> Option<(Expr, Expr)> {
    let ExprKind::Call(Function::Compare(Comparison::Equal), mut sides) = expr.kind else {
        return None;
    };
    let (second, first) = (sides.pop()?, sides.pop()?);
    let only = |expr: &Expr, outer: bool| !uses(expr, |column| is_outer(column) != outer);
    let (mut outer, own) = if only(&first, true) && only(&second, false) {
        (first, second)
    } else if only(&second, true) && only(&first, false) {
        (second, first)
    } else {
        return None;
    };
    outer.map_columns(&mut |column| column - OUTER);
    Some((outer, own))
}

/// A subquery's value as a column of the frame.
fn pend(frame: &mut Frame<'_>, pending: PendingSubquery) -> Expr {
    let data_type = pending.value.data_type.clone();
    frame.subqueries.push(pending);
    Expr::column(SUBQUERY + frame.subqueries.len() - 1, data_type)
}

/// The rows of a group, as an aggregate.
fn rows_of_group() -> PendingAggregate {
    PendingAggregate {
        function: AggregateFunction::CountRows,
        argument: None,
        distinct: false,
        filter: None,
        data_type: DataType::Int64,
        name: "count_star()".to_string(),
    }
}

/// The only `value` of a group, as aggregates are.
fn single_of_group(aggregates: &mut Vec<PendingAggregate>, value: Expr) -> Expr {
    let data_type = value.data_type.clone();
    let value = PendingAggregate {
        function: AggregateFunction::AnyValue,
        argument: Some(value),
        data_type: data_type.clone(),
        name: "value".to_string(),
        ..rows_of_group()
    };
    *aggregates = vec![value, rows_of_group()];
    single_row(AGGREGATE, data_type)
}

/// The value in column `at`, of as many rows as the column behind it says.
fn single_row(at: usize, data_type: DataType) -> Expr {
    let value = Expr::column(at, data_type.clone());
    let rows = Expr::column(at + 1, DataType::Int64);
    Expr::call(Function::SingleRow, vec![value, rows], data_type)
}

/// A plan of exactly one row, and its value: an aggregate without keys is one, anything else is
/// counted up to its second row.
fn one_row(plan: LogicalPlan) -> Result<(LogicalPlan, Expr)> {
    let [field] = plan.fields() else {
        let what = format!("a query of one value has one column, found {}", plan.fields().len());
        return Err(Error::types(what));
    };
    let field = Field { nullable: true, ..field.clone() };
    let mut root = &plan;
    while let LogicalPlan::Project(project) = root {
        root = &project.input;
    }
    if matches!(root, LogicalPlan::Aggregate(aggregate) if aggregate.groups.is_empty()) {
        let value = Expr::column(0, field.data_type);
        return Ok((plan, value));
    }
    let call = AggregateCall {
        function: AggregateFunction::AnyValue,
        argument: Some(0),
        distinct: false,
        filter: None,
        argument_type: field.data_type.clone(),
        data_type: field.data_type.clone(),
    };
    let data_type = field.data_type.clone();
    let is_single = matches!(root, LogicalPlan::Limit(limit) if limit.limit.is_some_and(|n| n < 2));
    let (mut input, mut aggregates, mut fields) = (plan, vec![call], vec![field]);
    if !is_single {
        input = LogicalPlan::Limit(Limit { input: Box::new(input), limit: Some(2), offset: 0 });
        aggregates.push(AggregateCall {
            function: AggregateFunction::CountRows,
            argument: None,
            distinct: false,
            filter: None,
            argument_type: DataType::Null,
            data_type: DataType::Int64,
        });
        fields.push(Field::required("rows", DataType::Int64));
    }
    let (input, groups) = (Box::new(input), Vec::new());
    let plan = LogicalPlan::Aggregate(Aggregate { input, groups, aggregates, fields });
    let value = match is_single {
        true => Expr::column(0, data_type),
        false => single_row(0, data_type),
    };
    Ok((plan, value))
}
