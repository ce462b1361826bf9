//! WHERE, and subqueries as joins: EXISTS and IN among its conjuncts, and single values anywhere.
//!
//! A subquery may use columns of the query right around it in its WHERE. Those conjuncts become the
//! condition of a join: equalities its keys, the rest its residual.

use millwork_format::types::{DataType, Field};

use super::Binder;
use super::aggregate::{Grouping, put_values};
use super::expression::{boolean, compare};
use super::frame::{
    AGGREGATE, Frame, OUTER, PendingAggregate, PendingSubquery, SUBQUERY, is_outer,
};
use super::scope::Scope;
use super::select::place;
use crate::error::{Error, ErrorKind, Result};
use crate::expr::{AggregateCall, AggregateFunction, Comparison, Expr, ExprKind, Function};
use crate::plan::LogicalPlan;
use crate::plan::conjuncts::{flatten_and, meaning, substitute, uses};
use crate::plan::logical::{Aggregate, JoinKind, Limit};
use crate::plan::rules::equi_join::equi_join;
use crate::sql::ast::{self, Body, GroupBy, Query, Select, SelectItem};
use crate::sql::types::{call, comparable};
use crate::value::Scalar;

/// FROM and WHERE of a subquery.
struct Inner {
    plan: LogicalPlan,
    scope: Scope,
    /// Conjuncts that use columns from [`OUTER`] on.
    correlated: Vec<Expr>,
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
        if let Some(select) = plain_select(query) {
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
        let is_null = call(Function::IsNull, vec![argument], DataType::Boolean)?;
        let branches = vec![
            (compare(Comparison::Equal, rows.clone(), zero)?, truth(no.clone())),
            (call(Function::IsNotNull, vec![found], DataType::Boolean)?, truth(yes)),
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

    /// FROM and WHERE of a subquery in a query with `outer` columns.
    fn inner(&mut self, query: &Query, select: &Select, outer: &Scope) -> Result<Inner> {
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
        if !groups.iter().any(|(group, _)| meaning(group) == meaning(&own)) {
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

fn nested_correlation() -> Error {
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
fn plain_select(query: &Query) -> Option<&Select> {
    let Body::Select(select) = &query.body else { return None };
    let has_groups = !matches!(&select.group_by, GroupBy::Items(items) if items.is_empty());
    let is_plain = !select.distinct
        && !has_groups
        && select.having.is_none()
        && query.limit.is_none()
        && query.offset.is_none();
    is_plain.then_some(&**select)
}

fn has_aggregate(select: &Select) -> bool {
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

fn one_column(found: usize) -> Error {
    Error::types(format!("IN takes a query of one column, found {found}"))
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

/// The number of rows, and of rows whose `column` is not null.
fn counted(plan: LogicalPlan, column: Option<usize>) -> LogicalPlan {
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
    let is_known = call(Function::IsNotNull, vec![argument.clone()], DataType::Boolean)?;
    let no_null = compare(Comparison::Equal, rows, values)?;
    let known = vec![is_known, no_null];
    let both =
        boolean(Expr { kind: ExprKind::And(known), data_type: DataType::Boolean, span: None })?;
    let either = ExprKind::Or(vec![is_empty, both]);
    let plan = plan.filter(vec![Expr { kind: either, data_type: DataType::Boolean, span: None }]);
    let equal = compare(Comparison::Equal, argument, item(width + 2))?;
    Ok(equi_join(plan, right, JoinKind::Anti, vec![equal]))
}
