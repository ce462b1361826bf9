//! UNNEST: in a SELECT, where its elements are columns behind those of the rows, and in FROM.

use millwork_format::types::DataType;

use super::Binder;
use super::aggregate::put_values;
use super::frame::{Frame, SUBQUERY, UNNEST};
use super::from::Relation;
use super::nested::{list_of, struct_field};
use super::scope::{Column, Scope};
use crate::error::{Error, Result, Span};
use crate::expr::{Expr, Function};
use crate::plan::LogicalPlan;
use crate::plan::conjuncts::{flatten_and, uses};
use crate::sql::ast::{self, Alias, Call, JoinCondition, JoinType, Name, TableExpr};
use crate::sql::types::call;
use crate::value::Scalar;

pub(super) fn is_unnest(name: &str) -> bool {
    name.eq_ignore_ascii_case("unnest") || name.eq_ignore_ascii_case("unlist")
}

/// Whether FROM has UNNEST here, or first in a join here: it uses what is before it.
pub(super) fn begins_with_unnest(table: &TableExpr) -> bool {
    match table {
        TableExpr::Function { name, .. } => is_unnest(&name.text),
        TableExpr::Join { left, .. } => begins_with_unnest(left),
        _ => false,
    }
}

fn element_of(argument: &Expr) -> Result<DataType> {
    match &argument.data_type {
        DataType::List(element) => Ok(element.data_type.clone()),
        DataType::Null => Ok(DataType::Null),
        other => Err(Error::types(format!("UNNEST takes a list, found {other}"))),
    }
}

/// A map as the list of its entries; anything else as it is.
fn entries(argument: Expr) -> Result<Expr> {
    match &argument.data_type {
        DataType::Map { key, value } => {
            let entries = list_of(DataType::map_entries(key, value.as_ref()));
            Ok(call(Function::MapEntries, vec![argument], entries))
        }
        _ => Ok(argument),
    }
}

impl Binder<'_> {
    /// The elements of a list; their value is a column from [`UNNEST`] on.
    pub(super) fn unnest(&mut self, frame: &mut Frame<'_>, function: &Call) -> Result<Expr> {
        let argument = self.unnest_argument(frame, function)?;
        register(frame, argument)
    }

    /// What UNNEST opens.
    pub(super) fn unnest_argument(
        &mut self,
        frame: &mut Frame<'_>,
        function: &Call,
    ) -> Result<Expr> {
        if !function.argument_names.is_empty() || function.arguments.len() > 1 {
            return Err(Error::unsupported("UNNEST with recursive or max_depth is not supported")
                .hint("UNNEST of an UNNEST in FROM opens lists of lists"));
        }
        if frame.in_aggregate || frame.unnests.is_none() {
            let place = match frame.no_aggregates {
                Some(place) if !frame.in_aggregate => place,
                _ => "this place",
            };
            return Err(Error::types(format!("UNNEST cannot stand in {place}"))
                .hint("it can in a SELECT and in FROM"));
        }
        let [argument] = function.arguments.as_slice() else {
            return Err(Error::types("unnest takes 1 argument, found 0"));
        };
        let unnests = frame.unnests.take();
        let bound = self.expr(frame, argument);
        frame.unnests = unnests;
        entries(bound?)
    }

    /// An item `unnest(struct)` of a SELECT: its fields with their names.
    pub(super) fn unnested_struct(
        &mut self,
        frame: &mut Frame<'_>,
        function: &Call,
    ) -> Result<Opened> {
        let argument = self.unnest_argument(frame, function)?;
        let DataType::Struct(fields) = argument.data_type.clone() else {
            return Ok(Opened::Elements(register(frame, argument)?));
        };
        let fields = fields.iter().enumerate().map(|(index, field)| {
            Ok((struct_field(argument.clone(), index)?, field.name.to_string()))
        });
        Ok(Opened::Fields(fields.collect::<Result<_>>()?))
    }

    /// `FROM left, UNNEST(list)`.
    pub(super) fn unnest_table(
        &mut self,
        left: Option<Relation>,
        (name, arguments): (&Name, &[ast::Expr]),
        alias: Option<&Alias>,
        keep_empty: bool,
    ) -> Result<Relation> {
        self.count_table(name.span)?;
        let (plan, mut scope) = left.unwrap_or_else(|| (LogicalPlan::one_row(), Scope::default()));
        let [argument] = arguments else {
            let found = arguments.len();
            let what = format!("unnest takes 1 argument, found {found}");
            return Err(self.at(Error::types(what), name.span));
        };
        let mut frame = Frame::new(&scope, Some("UNNEST in FROM"));
        let list = entries(self.expr(&mut frame, argument)?)?;
        if !frame.subqueries.is_empty() {
            let what = "a query in UNNEST in FROM is not supported";
            return Err(self.at(Error::unsupported(what), argument.span));
        }
        let data_type = element_of(&list).map_err(|error| self.at(error, argument.span))?;
        let table = alias.map_or("unnest", |alias| &alias.name.text);
        let called = match alias.map(|alias| alias.columns.as_slice()) {
            None | Some([]) => table,
            Some([column]) => &column.text,
            Some(columns) => {
                let what = format!("{table} has 1 column, {} names are given", columns.len());
                return Err(self.at(Error::name(what), name.span));
            }
        };
        scope.columns.push(Column {
            table: Some(table.into()),
            name: called.into(),
            data_type,
            position: 0,
            hidden: false,
        });
        Ok((plan.unnest(vec![list], &[called.to_string()], keep_empty), scope))
    }

    /// `left JOIN UNNEST(list) ON ..`.
    pub(super) fn unnest_join(
        &mut self,
        left: Relation,
        call: (&Name, &[ast::Expr]),
        alias: Option<&Alias>,
        (kind, condition): (JoinType, &JoinCondition),
        span: Span,
    ) -> Result<Relation> {
        let on = match condition {
            JoinCondition::None => None,
            JoinCondition::On(on) => Some(on),
            JoinCondition::Using(_) | JoinCondition::Natural => {
                let what = "JOIN UNNEST with USING is not supported";
                return Err(self.at(Error::unsupported(what), span));
            }
        };
        let keep_empty = match kind {
            JoinType::Inner | JoinType::Cross => false,
            JoinType::Left => true,
            _ => {
                let what = "of joins with UNNEST only INNER, CROSS and LEFT are supported";
                return Err(self.at(Error::unsupported(what), span));
            }
        };
        let (plan, scope) = self.unnest_table(Some(left), call, alias, keep_empty)?;
        let Some(on) = on else { return Ok((plan, scope)) };
        let mut frame = Frame::new(&scope, Some("ON"));
        let bound = self.condition(&mut frame, on)?;
        if !frame.subqueries.is_empty() {
            return Err(self.at(Error::unsupported("a query in ON is not supported"), span));
        }
        if bound.as_literal() == Some(&Scalar::Boolean(true)) {
            return Ok((plan, scope));
        }
        if keep_empty {
            let what = "LEFT JOIN UNNEST takes ON TRUE";
            return Err(self.at(Error::unsupported(what), span));
        }
        let mut conjuncts = Vec::new();
        flatten_and(bound, &mut conjuncts);
        Ok((plan.filter(conjuncts), scope))
    }
}

/// What an item that is UNNEST stands for.
pub(super) enum Opened {
    /// The elements of a list.
    Elements(Expr),
    /// The fields of a struct and their names.
    Fields(Vec<(Expr, String)>),
}

/// The column of the elements of `list`, which is opened once.
fn register(frame: &mut Frame<'_>, list: Expr) -> Result<Expr> {
    let element = element_of(&list)?;
    if uses(&list, |column| (UNNEST..SUBQUERY).contains(&column)) {
        return Err(Error::unsupported("an UNNEST in an UNNEST is not supported")
            .hint("FROM t, UNNEST(a) AS u(x), UNNEST(x) AS v(y) opens lists of lists"));
    }
    let Some(unnests) = &mut frame.unnests else {
        return Err(Error::internal("an UNNEST where none is gathered"));
    };
    let known = unnests.iter().position(|known| *known == list);
    let index = known.unwrap_or_else(|| {
        unnests.push(list);
        unnests.len() - 1
    });
    Ok(Expr::column(UNNEST + index, element))
}

/// Opens `lists` behind the columns of `plan`; `first` of them are open already. Answers where each of
/// them is from then on.
pub(super) fn open(
    plan: LogicalPlan,
    first: usize,
    mut lists: Vec<Expr>,
    values: &[Option<Expr>],
) -> (LogicalPlan, Opening) {
    let opening = Opening { first, count: lists.len(), width: plan.fields().len() };
    if lists.is_empty() {
        return (plan, opening);
    }
    lists.iter_mut().for_each(|list| put_values(list, values));
    let names: Vec<String> = (0..lists.len()).map(|at| format!("unnest${}", first + at)).collect();
    (plan.unnest(lists, &names, false), opening)
}

/// Where the elements of lists are.
pub(super) struct Opening {
    first: usize,
    count: usize,
    width: usize,
}

impl Opening {
    /// Puts the columns of elements in place of their positions from [`UNNEST`] on.
    pub(super) fn put(&self, expr: &mut Expr) {
        expr.map_columns(&mut |column| {
            let index = (UNNEST..SUBQUERY).contains(&column).then(|| column - UNNEST);
            let own = index.and_then(|index| index.checked_sub(self.first));
            own.filter(|own| *own < self.count).map_or(column, |own| self.width + own)
        });
    }
}
