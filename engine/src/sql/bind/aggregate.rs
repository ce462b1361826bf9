//! Aggregates: their calls, and the grouping below the SELECT's expressions.

use millwork_format::types::{DataType, Field};

use super::Binder;
use super::expression::boolean;
use super::frame::{AGGREGATE, Frame, PendingAggregate, SUBQUERY, UNNEST};
use crate::error::{Error, Result};
use crate::expr::{AggregateCall, AggregateFunction, Expr, ExprKind};
use crate::plan::LogicalPlan;
use crate::plan::conjuncts::substitute;
use crate::plan::logical::Aggregate;
use crate::sql::ast::Call;
use crate::sql::name::call_name;
use crate::sql::types::{coerce, is_float, is_integer};

/// Every aggregate, for `did you mean`.
pub(super) const NAMES: &[&str] = &[
    "any_value",
    "arbitrary",
    "avg",
    "bool_and",
    "bool_or",
    "count",
    "count_if",
    "count_star",
    "first",
    "max",
    "mean",
    "min",
    "sum",
];

pub(super) fn is_aggregate(name: &str) -> bool {
    NAMES.contains(&name)
}

impl Binder<'_> {
    /// A call of an aggregate; its value is a column from [`AGGREGATE`] on.
    pub(super) fn aggregate(
        &mut self,
        frame: &mut Frame<'_>,
        function: &Call,
        name: &str,
    ) -> Result<Expr> {
        if let Some(place) = frame.no_aggregates {
            return Err(Error::types(format!("an aggregate cannot stand in {place}")));
        }
        if frame.in_aggregate {
            return Err(Error::types("an aggregate cannot stand in an aggregate"));
        }
        frame.in_aggregate = true;
        let arguments = self.exprs(frame, &function.arguments);
        let filter = function.filter.as_ref().map(|filter| self.condition(frame, filter));
        frame.in_aggregate = false;
        let mut arguments = arguments?;
        let mut filter = filter.transpose()?;
        let is_count = matches!(name, "count" | "count_star");
        if function.star && (!is_count || !arguments.is_empty()) {
            return Err(Error::types(format!("{name} takes no *")));
        }
        if !(is_count && (function.star || arguments.is_empty())) && arguments.len() != 1 {
            let found = arguments.len();
            return Err(Error::types(format!("{name} takes 1 argument, found {found}")));
        }
        let mut argument = arguments.pop();
        if name == "count_if" {
            let condition = argument.take().map(boolean).transpose()?;
            filter = match (filter, condition) {
                (Some(filter), Some(condition)) => Some(Expr {
                    kind: ExprKind::And(vec![filter, condition]),
                    data_type: DataType::Boolean,
                    span: None,
                }),
                (filter, condition) => filter.or(condition),
            };
        }
        let (function_bound, argument, data_type) = typed(name, argument, function.distinct)?;
        let pending = PendingAggregate {
            // Doubles change nothing for these: they need not be told apart.
            distinct: function.distinct
                && matches!(
                    function_bound,
                    AggregateFunction::Count
                        | AggregateFunction::SumInteger
                        | AggregateFunction::SumDecimal
                        | AggregateFunction::SumFloat
                        | AggregateFunction::Average
                ),
            function: function_bound,
            argument,
            filter,
            data_type: data_type.clone(),
            name: call_name(function),
        };
        Ok(Expr::column(AGGREGATE + register(&mut frame.aggregates, pending), data_type))
    }
}

/// The position of the aggregate among those met, as a new one or as an equal one.
fn register(aggregates: &mut Vec<PendingAggregate>, pending: PendingAggregate) -> usize {
    let is_same = |one: &PendingAggregate| {
        (one.function, one.distinct) == (pending.function, pending.distinct)
            && (&one.argument, &one.filter) == (&pending.argument, &pending.filter)
    };
    aggregates.iter().position(is_same).unwrap_or_else(|| {
        aggregates.push(pending);
        aggregates.len() - 1
    })
}

/// The function for the argument's type, the argument as it takes it, the result's type.
fn typed(
    name: &str,
    argument: Option<Expr>,
    distinct: bool,
) -> Result<(AggregateFunction, Option<Expr>, DataType)> {
    use AggregateFunction as Function;
    let Some(argument) = argument else {
        return Ok((Function::CountRows, None, DataType::Int64));
    };
    // What is only ever null has no order of its own.
    let argument = match (name, &argument.data_type) {
        ("min" | "max", DataType::Null) => coerce(argument, &DataType::Int32)?,
        _ => argument,
    };
    let data_type = argument.data_type.clone();
    let (function, argument, result) = match name {
        // A constant that is not null is in every row.
        "count" if !distinct && argument.as_literal().is_some_and(|value| !value.is_null()) => {
            return Ok((Function::CountRows, None, DataType::Int64));
        }
        "count" => (Function::Count, argument, DataType::Int64),
        "min" => (Function::Min, argument, data_type),
        "max" => (Function::Max, argument, data_type),
        "any_value" => (Function::AnyValue, argument, data_type),
        "arbitrary" | "first" => {
            let error = Error::unsupported(format!("{name} of a group: rows have no order here"));
            return Err(error.hint("any_value gives one that is not null"));
        }
        "bool_and" => (Function::BoolAnd, boolean(argument)?, DataType::Boolean),
        "bool_or" => (Function::BoolOr, boolean(argument)?, DataType::Boolean),
        _ => {
            let argument = match data_type {
                DataType::Boolean | DataType::Null => coerce(argument, &DataType::Int32)?,
                _ => argument,
            };
            let (function, result) = match &argument.data_type {
                DataType::Decimal { scale, .. } => {
                    (Function::SumDecimal, DataType::Decimal { precision: 38, scale: *scale })
                }
                data_type if is_integer(data_type) => (Function::SumInteger, DataType::Int128),
                data_type if is_float(data_type) => (Function::SumFloat, DataType::Float64),
                other => {
                    let error = Error::types(format!("{name} takes a number, found {other}"));
                    return Err(error.hint("convert it with CAST"));
                }
            };
            match name {
                "sum" => (function, argument, result),
                _ => (Function::Average, argument, DataType::Float64),
            }
        }
    };
    Ok((function, Some(argument), result))
}

/// A grouping: what its columns are.
pub(super) struct Grouping {
    /// The keys, as they are over the rows before.
    groups: Vec<Expr>,
}

impl Grouping {
    /// Puts the grouping on `plan`: keys first, then aggregates.
    pub(super) fn build(
        plan: LogicalPlan,
        groups: Vec<(Expr, String)>,
        aggregates: &[PendingAggregate],
    ) -> (LogicalPlan, Self) {
        let mut columns: Vec<Expr> = Vec::new();
        let mut fields: Vec<Field> = Vec::new();
        let mut output: Vec<Field> = Vec::new();
        for (group, name) in &groups {
            let field = Field::nullable(name, group.data_type.clone());
            columns.push(group.clone());
            fields.push(field.clone());
            output.push(field);
        }
        let mut column_of = |expr: &Expr| {
            columns.iter().position(|column| column == expr).unwrap_or_else(|| {
                let field = match expr.kind {
                    ExprKind::Column(index) => plan.fields()[index].clone(),
                    _ => Field::nullable(&format!("${}", columns.len()), expr.data_type.clone()),
                };
                columns.push(expr.clone());
                fields.push(field);
                columns.len() - 1
            })
        };
        let mut calls = Vec::with_capacity(aggregates.len());
        for pending in aggregates {
            let argument_type =
                pending.argument.as_ref().map_or(DataType::Null, |expr| expr.data_type.clone());
            calls.push(AggregateCall {
                function: pending.function,
                argument: pending.argument.as_ref().map(&mut column_of),
                distinct: pending.distinct,
                filter: pending.filter.as_ref().map(&mut column_of),
                argument_type,
                data_type: pending.data_type.clone(),
            });
            output.push(Field::nullable(&pending.name, pending.data_type.clone()));
        }
        let input = Box::new(plan.project(columns, fields));
        let keys = (0..groups.len()).collect();
        let node = Aggregate { input, groups: keys, aggregates: calls, fields: output };
        let groups = groups.into_iter().map(|(group, _)| group).collect();
        (LogicalPlan::Aggregate(node), Self { groups })
    }

    /// `expr` over the grouping's columns.
    ///
    /// # Errors
    /// `Type` if it uses a column that is neither a key nor in an aggregate.
    pub(super) fn rewrite(&self, expr: &mut Expr, names: &[Field]) -> Result<()> {
        if let Some(index) = self.groups.iter().position(|group| group == expr) {
            expr.kind = ExprKind::Column(index);
            return Ok(());
        }
        if let ExprKind::Column(column) = expr.kind {
            match column {
                SUBQUERY.. | UNNEST..SUBQUERY => {}
                AGGREGATE.. => expr.kind = ExprKind::Column(self.groups.len() + column - AGGREGATE),
                _ => {
                    let name = names.get(column).map_or("?", |field| &field.name);
                    let what = format!("column {name} is neither grouped nor in an aggregate");
                    let error = Error::types(what)
                        .hint(format!("add it to GROUP BY, or use any_value({name})"));
                    return Err(match expr.span {
                        Some(span) => error.at(span),
                        None => error,
                    });
                }
            }
            return Ok(());
        }
        for child in expr.children_mut() {
            self.rewrite(child, names)?;
        }
        Ok(())
    }
}

/// Replaces values of subqueries, which `values` gives in the order they were met.
pub(super) fn put_values(expr: &mut Expr, values: &[Option<Expr>]) {
    substitute(expr, &|column| {
        let index = column.checked_sub(SUBQUERY)?;
        values.get(index).cloned().flatten()
    });
}
