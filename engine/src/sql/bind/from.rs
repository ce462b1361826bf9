//! FROM: tables, files, views, CTEs, subqueries and joins.

use std::collections::HashSet;
use std::sync::Arc;

use millwork_format::schema::closest;
use millwork_format::types::{DataType, Field};

use super::Binder;
use super::frame::Frame;
use super::query::{every_column, union};
use super::scope::{Column, Scope, plain, same, unknown};
use super::unnest::{begins_with_unnest, is_unnest};
use crate::catalog::Table;
use crate::error::{Error, Result, Span};
use crate::expr::{Comparison, Expr};
use crate::plan::LogicalPlan;
use crate::plan::conjuncts::flatten_and;
use crate::plan::logical::JoinKind;
use crate::plan::rules::equi_join::equi_join;
use crate::sql::ast::{self, Alias, JoinCondition, JoinType, Name, TableExpr};
use crate::sql::types::{TIMESTAMP, coerce};
use crate::value::Scalar;

/// The columns of a table as statements see them, as DuckDB has it: INT96 is a timestamp of microseconds, and the
/// INTERVAL of files one with signs and microseconds.
fn scan(table: Arc<dyn Table>) -> Result<LogicalPlan> {
    let plan = LogicalPlan::scan(table);
    if plan.fields().iter().all(|field| seen(&field.data_type) == field.data_type) {
        return Ok(plan);
    }
    let mut columns = Vec::with_capacity(plan.fields().len());
    let mut fields = plan.fields().to_vec();
    for (at, field) in fields.iter_mut().enumerate() {
        let column = Expr::column(at, field.data_type.clone());
        field.data_type = seen(&field.data_type);
        columns.push(coerce(column, &field.data_type)?);
    }
    Ok(plan.project(columns, fields))
}

/// The type as which statements see one of a file.
fn seen(data_type: &DataType) -> DataType {
    let inner = |field: &Arc<Field>| {
        let data_type = seen(&field.data_type);
        Arc::new(Field { data_type, ..Field::clone(field) })
    };
    match data_type {
        DataType::Int96 => TIMESTAMP,
        DataType::Interval => DataType::SignedInterval,
        DataType::List(element) => DataType::List(inner(element)),
        DataType::Map { key, value } => {
            DataType::Map { key: inner(key), value: value.as_ref().map(inner) }
        }
        DataType::Struct(fields) => {
            let field =
                |field: &Field| Field { data_type: seen(&field.data_type), ..field.clone() };
            DataType::Struct(fields.iter().map(field).collect())
        }
        other => other.clone(),
    }
}

/// Tables with the names of their columns.
pub(super) type Relation = (LogicalPlan, Scope);

impl Binder<'_> {
    /// The tables of FROM, crossed; one row without columns if there are none.
    pub(super) fn from(&mut self, tables: &[TableExpr]) -> Result<Relation> {
        let mut all: Option<Relation> = None;
        for table in tables {
            if begins_with_unnest(table) {
                all = Some(self.beside(all, table)?);
                continue;
            }
            let next = self.table(table)?;
            all = Some(match all {
                None => next,
                Some((plan, mut scope)) => {
                    let (right, columns) = next;
                    scope.columns.extend(columns.columns);
                    let keys = (Vec::new(), Vec::new());
                    (plan.join(right, JoinKind::Cross, keys, Vec::new()), scope)
                }
            });
        }
        Ok(all.unwrap_or_else(|| (LogicalPlan::one_row(), Scope::default())))
    }

    /// `left` with what begins with UNNEST, which may use its columns.
    fn beside(&mut self, left: Option<Relation>, table: &TableExpr) -> Result<Relation> {
        match table {
            TableExpr::Function { name, arguments, alias } => {
                self.unnest_table(left, (name, arguments), alias.as_ref(), false)
            }
            TableExpr::Join { left: first, right, kind, condition, span }
                if !matches!(kind, JoinType::Right) =>
            {
                let left = self.beside(left, first)?;
                self.join_with(left, right, *kind, condition, *span)
            }
            _ => Err(Error::unsupported("this join with UNNEST is not supported")),
        }
    }

    /// `left JOIN right`, where the right side may be an UNNEST that uses the left one.
    fn join_with(
        &mut self,
        left: Relation,
        right: &TableExpr,
        kind: JoinType,
        condition: &JoinCondition,
        span: Span,
    ) -> Result<Relation> {
        match right {
            TableExpr::Function { name, arguments, alias } if is_unnest(&name.text) => {
                let call = (name, arguments.as_slice());
                self.unnest_join(left, call, alias.as_ref(), (kind, condition), span)
            }
            _ => {
                let right = self.table(right)?;
                self.join(left, right, kind, condition, span)
            }
        }
    }

    fn table(&mut self, table: &TableExpr) -> Result<Relation> {
        match table {
            TableExpr::Function { name, .. } if is_unnest(&name.text) => self.beside(None, table),
            TableExpr::Table { name, alias } => {
                let plan = self.named(name).map_err(|error| self.at(error, name.span))?;
                let own = stem(&name.text);
                self.aliased(plan, alias.as_ref(), Some(own))
            }
            TableExpr::Function { name, arguments, alias } => {
                self.count_table(name.span)?;
                let scope = Scope::default();
                let mut constants = Vec::with_capacity(arguments.len());
                for argument in arguments.iter().flat_map(elements) {
                    let mut frame = Frame::new(&scope, Some("an argument of a table function"));
                    match self.expr(&mut frame, argument)?.as_literal() {
                        Some(value) => constants.push(value.clone()),
                        None => {
                            let what = "a table function takes constants";
                            return Err(self.at(Error::unsupported(what), argument.span));
                        }
                    }
                }
                let table = self.catalog.table_function(&name.text, &constants);
                let table = table.map_err(|error| self.at(error, name.span))?;
                self.aliased(scan(table)?, alias.as_ref(), Some(&name.text))
            }
            TableExpr::Subquery { query, alias } => {
                let plan = self.query(query)?;
                self.aliased(plan, alias.as_ref(), None)
            }
            TableExpr::Join { left, right, kind, condition, span } => {
                let left = self.table(left)?;
                self.join_with(left, right, *kind, condition, *span)
            }
        }
    }

    pub(super) fn count_table(&mut self, span: Span) -> Result<()> {
        self.table_count += 1;
        if self.table_count > super::MAX_TABLES {
            let what = format!("more than {} tables, CTEs and views opened", super::MAX_TABLES);
            return Err(self.at(Error::unsupported(what), span));
        }
        Ok(())
    }

    /// A CTE, a view, or a table of the catalog, in this order.
    fn named(&mut self, name: &Name) -> Result<LogicalPlan> {
        self.count_table(name.span)?;
        if let Some(at) = self.ctes.iter().rposition(|cte| same(&cte.name.text, &name.text)) {
            // A CTE sees only those before it.
            let hidden = self.ctes.split_off(at);
            let cte = hidden[0].clone();
            let plan = self.query(&cte.query);
            self.ctes.extend(hidden);
            return renamed(plan?, &cte.columns);
        }
        if let Some(view) = self.views.get(&name.text).cloned() {
            if self.view_names.iter().any(|open| same(open, &name.text)) {
                return Err(Error::name(format!("view {} is made of itself", name.text)));
            }
            let ctes = std::mem::take(&mut self.ctes);
            let was_in_view = std::mem::replace(&mut self.in_view, true);
            self.view_names.push(name.text.clone());
            let plan = self.query(&view.query);
            self.view_names.pop();
            self.in_view = was_in_view;
            self.ctes = ctes;
            return renamed(plan?, &view.columns);
        }
        match self.catalog.table(&name.text) {
            Ok(table) => scan(table),
            Err(error) if error.hint_text().is_none() && error.file_error().is_none() => {
                let tables = self.catalog.names();
                let known = tables.iter().map(String::as_str);
                let ctes = self.ctes.iter().map(|cte| cte.name.text.as_str());
                let known = known.chain(ctes).chain(self.views.names());
                let error = match closest(&name.text, known) {
                    Some(near) => error.hint(format!("did you mean {near}?")),
                    None => error,
                };
                Err(self.at(error, name.span))
            }
            Err(error) => Err(self.at(error, name.span)),
        }
    }

    fn aliased(
        &self,
        plan: LogicalPlan,
        alias: Option<&Alias>,
        own: Option<&str>,
    ) -> Result<Relation> {
        let Some(alias) = alias else {
            let scope = Scope::of(&plan, own);
            return Ok((plan, scope));
        };
        let mut scope = Scope::of(&plan, Some(&alias.name.text));
        if alias.columns.len() > scope.columns.len() {
            let (given, found) = (alias.columns.len(), scope.columns.len());
            let what = format!("{} has {found} columns, {given} names are given", alias.name.text);
            return Err(self.at(Error::name(what), alias.name.span));
        }
        for (column, name) in scope.columns.iter_mut().zip(&alias.columns) {
            column.name = name.text.as_str().into();
        }
        Ok((plan, scope))
    }

    fn join(
        &mut self,
        left: Relation,
        right: Relation,
        kind: JoinType,
        condition: &JoinCondition,
        span: Span,
    ) -> Result<Relation> {
        if kind == JoinType::Right {
            let (width, right_width) = (left.1.columns.len(), right.1.columns.len());
            let was_hidden: Vec<bool> = left.1.columns.iter().map(|column| column.hidden).collect();
            // The sides change places, and the columns back again.
            let (plan, scope) = self.join(right, left, JoinType::Left, condition, span)?;
            let mut order: Vec<usize> =
                (right_width..right_width + width).chain(0..right_width).collect();
            // What USING joins by stands where the left side has it, with the value of the right one.
            for (at, was_hidden) in was_hidden.into_iter().enumerate() {
                let own = &scope.columns[right_width + at];
                let is_it = |other: &Column| !other.hidden && same(&other.name, &own.name);
                if own.hidden
                    && !was_hidden
                    && let Some(other) = scope.columns[..right_width].iter().position(is_it)
                {
                    order.swap(at, width + other);
                }
            }
            let fields = order.iter().map(|&at| plan.fields()[at].clone()).collect::<Vec<_>>();
            let columns = order.iter().zip(&fields);
            let columns = columns.map(|(&at, field)| Expr::column(at, field.data_type.clone()));
            let columns = columns.collect();
            let named = order.iter().map(|&at| scope.columns[at].clone()).collect();
            return Ok((plan.project(columns, fields), Scope { columns: named }));
        }
        let left_width = left.1.columns.len();
        debug_assert_eq!(left_width, left.0.fields().len(), "FROM adds no columns without a name");
        let mut scope = Scope { columns: left.1.columns };
        scope.columns.extend(right.1.columns);
        let mut conjuncts = Vec::new();
        match condition {
            JoinCondition::None => {}
            JoinCondition::On(on) => {
                let mut frame = Frame::new(&scope, Some("ON"));
                let bound = self.condition(&mut frame, on)?;
                if !frame.subqueries.is_empty() {
                    return Err(self.at(Error::unsupported("a query in ON is not supported"), span));
                }
                flatten_and(bound, &mut conjuncts);
            }
            JoinCondition::Using(names) => {
                for name in names {
                    let pair = using(&mut scope, left_width, name);
                    conjuncts.push(pair.map_err(|error| self.at(error, name.span))?);
                }
            }
            JoinCondition::Natural => {
                for name in shared(&scope, left_width) {
                    let pair = using(&mut scope, left_width, &name);
                    conjuncts.push(pair.map_err(|error| self.at(error, span))?);
                }
            }
        }
        if kind == JoinType::Full {
            if !matches!(condition, JoinCondition::On(_)) {
                let error = Error::unsupported("FULL JOIN takes a condition after ON");
                return Err(self.at(error, span));
            }
            // Both sides will be there twice, and so on in a chain of such joins.
            for _ in 0..leaves(&left.0) + leaves(&right.0) {
                self.count_table(span)?;
            }
            return Ok((full_join(left.0, right.0, conjuncts)?, scope));
        }
        let kind = match kind {
            JoinType::Inner | JoinType::Cross | JoinType::Right => JoinKind::Inner,
            // Was done above.
            JoinType::Left | JoinType::Full => JoinKind::Left,
            JoinType::Semi => JoinKind::Semi,
            JoinType::Anti => JoinKind::Anti,
        };
        if matches!(kind, JoinKind::Semi | JoinKind::Anti) {
            scope.columns.truncate(left_width);
        }
        Ok((equi_join(left.0, right.0, kind, conjuncts), scope))
    }
}

/// Nodes of `plan` that rows begin at.
fn leaves(plan: &LogicalPlan) -> usize {
    let inputs = plan.inputs();
    if inputs.is_empty() { 1 } else { inputs.into_iter().map(leaves).sum() }
}

/// What a left join gives, and the right rows without a match beside nulls. Both sides run twice.
fn full_join(left: LogicalPlan, right: LogicalPlan, conjuncts: Vec<Expr>) -> Result<LogicalPlan> {
    let (left_width, right_width) = (left.fields().len(), right.fields().len());
    let mut turned = conjuncts.clone();
    for conjunct in &mut turned {
        conjunct.map_columns(&mut |column| match column.checked_sub(left_width) {
            Some(of_right) => of_right,
            None => column + right_width,
        });
    }
    let joined = equi_join(left.clone(), right.clone(), JoinKind::Left, conjuncts);
    let nullable = |field: &Field| Field { nullable: true, ..field.clone() };
    let fields: Vec<Field> = joined.fields().iter().map(nullable).collect();
    let alone = equi_join(right, left, JoinKind::Anti, turned);
    let columns = fields.iter().enumerate().map(|(at, field)| match at.checked_sub(left_width) {
        Some(of_right) => Expr::column(of_right, field.data_type.clone()),
        None => Expr::literal(Scalar::Null, field.data_type.clone()),
    });
    let alone = alone.project(columns.collect(), fields.clone());
    let columns = every_column(&fields);
    union("FULL JOIN", joined.project(columns, fields), alone)
}

/// The columns that both sides have, by name.
fn shared(scope: &Scope, left_width: usize) -> Vec<Name> {
    let (left, right) = scope.columns.split_at(left_width);
    let right: HashSet<String> = right.iter().map(|own| own.name.to_ascii_lowercase()).collect();
    let both = left.iter().filter(|column| {
        !column.hidden && right.contains(column.name.to_ascii_lowercase().as_str())
    });
    let span = Span { start: 0, end: 0 };
    both.map(|column| Name { text: column.name.to_string(), span }).collect()
}

/// `left.name = right.name`; the right one is hidden from then on.
fn using(scope: &mut Scope, left_width: usize, name: &Name) -> Result<Expr> {
    let side = |columns: &[Column]| -> Result<usize> {
        plain(columns, name)?.ok_or_else(|| unknown(columns, std::slice::from_ref(name)))
    };
    let left = side(&scope.columns[..left_width])?;
    let right = left_width + side(&scope.columns[left_width..])?;
    let column = |index: usize| Expr::column(index, scope.columns[index].data_type.clone());
    let equal = super::expression::compare(Comparison::Equal, column(left), column(right))?;
    scope.columns[right].hidden = true;
    Ok(equal)
}

/// `plan` with names for its first columns.
fn renamed(plan: LogicalPlan, names: &[Name]) -> Result<LogicalPlan> {
    if names.is_empty() {
        return Ok(plan);
    }
    let mut fields = plan.fields().to_vec();
    if names.len() > fields.len() {
        let what = format!("{} columns, {} names are given", fields.len(), names.len());
        return Err(Error::name(what));
    }
    for (field, name) in fields.iter_mut().zip(names) {
        field.name = name.text.as_str().into();
    }
    Ok(plan.project(every_column(&fields), fields))
}

/// The name by which a file's columns are qualified: its own without directories and endings.
fn stem(name: &str) -> &str {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let is_file = file.len() != name.len() || file.contains('.');
    let stem = file.split('.').next().unwrap_or(file);
    if is_file && !stem.is_empty() { stem } else { name }
}

/// The parts of a list that stands for an argument, as in `read_parquet(['a.parquet', 'b.parquet'])`;
/// else the argument.
fn elements(argument: &ast::Expr) -> &[ast::Expr] {
    match &argument.kind {
        ast::ExprKind::Call(call) if call.name.text == "list_value" => &call.arguments,
        _ => std::slice::from_ref(argument),
    }
}
