//! SELECT: from FROM over WHERE, grouping and HAVING to the items, DISTINCT and the order.

use millwork_format::types::{DataType, Field};

use super::Binder;
use super::aggregate::{Grouping, put_values};
use super::frame::{AGGREGATE, Frame, PendingSubquery};
use super::nested::struct_field;
use super::query::{all_keys, distinct, sorted};
use super::scope::{Column, Scope, same};
use super::unnest::{Opened, is_unnest, open};
use crate::error::{Error, Result};
use crate::expr::{Expr, ExprKind, SortKey};
use crate::plan::LogicalPlan;
use crate::plan::conjuncts::uses;
use crate::sql::ast::{self, GroupBy, Name, OrderBy, Select, SelectItem};
use crate::sql::name;

/// An item of the SELECT, bound.
struct Item {
    expr: Expr,
    field: Field,
}

/// Keys of a grouping and their names, if there is one.
type Keys = Option<Vec<(Expr, String)>>;

/// Everything above the grouping, while it is bound.
struct Output {
    items: Vec<Item>,
    having: Option<Expr>,
    /// Keys of the order: columns of the items, or of `hidden` behind them.
    keys: Vec<SortKey>,
    hidden: Vec<Expr>,
}

impl Output {
    fn exprs_mut(&mut self) -> impl Iterator<Item = &mut Expr> {
        let items = self.items.iter_mut().map(|item| &mut item.expr);
        items.chain(&mut self.having).chain(&mut self.hidden)
    }
}

impl Binder<'_> {
    pub(super) fn select(&mut self, select: &Select, order_by: &OrderBy) -> Result<LogicalPlan> {
        let (mut plan, scope) = self.from(&select.from)?;
        if let Some(filter) = &select.filter {
            let (filtered, correlated) = self.filter(plan, &scope, None, filter, &select.items)?;
            debug_assert!(correlated.is_empty(), "there is no query around");
            plan = filtered;
        }
        let (mut groups, of_groups) = self.groups(select, &scope)?;
        let mut frame = Frame::new(&scope, None);
        frame.items = &select.items;
        let opened = of_groups.len();
        frame.unnests = Some(of_groups);
        let mut output = self.output(&mut frame, select, &plan)?;
        self.order(&mut frame, select, order_by, &mut output)?;
        let Frame { aggregates, mut subqueries, unnests, .. } = frame;
        let mut aggregates = aggregates;
        let is_grouped = groups.is_some() || !aggregates.is_empty() || select.having.is_some();
        let mut values = vec![None; subqueries.len()];
        // Lists that are grouped by are opened below the grouping, the others above it.
        let mut below = unnests.unwrap_or_default();
        let mut above = below.split_off(opened);
        let (with_elements, opening) = open(plan, 0, below, &values);
        plan = with_elements;
        let keys = groups.iter_mut().flatten().map(|(key, _)| key);
        keys.chain(output.exprs_mut()).for_each(|expr| opening.put(expr));
        if is_grouped {
            plan = place(plan, &subqueries, &mut values, |one| one.in_aggregate)?;
            for pending in &mut aggregates {
                for expr in pending.argument.iter_mut().chain(&mut pending.filter) {
                    put_values(expr, &values);
                }
            }
            let names = plan.fields().to_vec();
            let groups = match select.group_by {
                GroupBy::Items(_) => groups.unwrap_or_default(),
                GroupBy::All => all_groups(&output),
            };
            let (grouped, grouping) = Grouping::build(plan, groups, &aggregates);
            plan = grouped;
            for expr in output.exprs_mut().chain(&mut above) {
                grouping.rewrite(expr, &names)?;
            }
            // Those in the argument of an aggregate are joined below the grouping.
            let later = subqueries.iter_mut().filter(|one| !one.in_aggregate);
            for key in later.flat_map(|one| &mut one.keys) {
                grouping.rewrite(key, &names)?;
            }
        }
        plan = place(plan, &subqueries, &mut values, |one| !(is_grouped && one.in_aggregate))?;
        let (with_elements, opening) = open(plan, opened, above, &values);
        plan = with_elements;
        for expr in output.exprs_mut() {
            opening.put(expr);
            put_values(expr, &values);
        }
        Ok(finish(plan, output, select.distinct))
    }

    /// The keys of GROUP BY with their names, `None` without GROUP BY, and the lists that they open.
    fn groups(&mut self, select: &Select, scope: &Scope) -> Result<(Keys, Vec<Expr>)> {
        let GroupBy::Items(items) = &select.group_by else {
            return Ok((Some(Vec::new()), Vec::new()));
        };
        if items.is_empty() {
            return Ok((None, Vec::new()));
        }
        let mut unnests = Vec::new();
        let mut groups: Vec<(Expr, String)> = Vec::with_capacity(items.len());
        for item in items {
            let mut frame = Frame::new(scope, Some("GROUP BY"));
            frame.items = &select.items;
            frame.unnests = Some(std::mem::take(&mut unnests));
            let meant = match &item.kind {
                ast::ExprKind::Literal(ast::Literal::Number(_)) => {
                    let names = vec![""; select.items.len()];
                    let position = self.output_column(item, names.into_iter())?;
                    match position.map(|at| &select.items[at]) {
                        Some(SelectItem::Expr(expr, _)) => expr,
                        _ => {
                            let what = "a position in GROUP BY names an item that is no *";
                            return Err(self.at(Error::unsupported(what), item.span));
                        }
                    }
                }
                _ => item,
            };
            let bound = self.expr(&mut frame, meant)?;
            unnests = frame.unnests.take().unwrap_or_default();
            if !frame.subqueries.is_empty() {
                let error = Error::unsupported("a query in GROUP BY is not supported");
                return Err(self.at(error, item.span));
            }
            let text = self.display(scope, meant, &bound);
            if !groups.iter().any(|(group, _)| *group == bound) {
                groups.push((bound, text));
            }
        }
        Ok((Some(groups), unnests))
    }

    fn output(
        &mut self,
        frame: &mut Frame<'_>,
        select: &Select,
        plan: &LogicalPlan,
    ) -> Result<Output> {
        let mut items = Vec::with_capacity(select.items.len());
        for item in &select.items {
            match item {
                SelectItem::Expr(expr, alias) if is_unnest_call(expr) => {
                    let ast::ExprKind::Call(call) = &expr.kind else { continue };
                    let opened = self.unnested_struct(frame, call);
                    let opened = opened.map_err(|error| self.at(error, expr.span))?;
                    let parts = match (opened, alias) {
                        (Opened::Fields(fields), _) => fields,
                        (Opened::Elements(bound), Some(alias)) => vec![(bound, alias.text.clone())],
                        (Opened::Elements(bound), None) => vec![(bound, name::of(expr))],
                    };
                    for (mut bound, name) in parts {
                        bound.span = self.place(expr.span);
                        let field = Field::nullable(&name, bound.data_type.clone());
                        items.push(Item { expr: bound, field });
                    }
                }
                SelectItem::Expr(expr, alias) => {
                    // An item's own alias is not in sight inside it.
                    let open = alias.as_ref().map(|alias| alias.text.clone());
                    frame.expanding.extend(open.clone());
                    let bound = self.expr(frame, expr);
                    frame.expanding.truncate(frame.expanding.len() - usize::from(open.is_some()));
                    let bound = bound?;
                    let text = match alias {
                        Some(alias) => alias.text.clone(),
                        None => self.display(frame.scope, expr, &bound),
                    };
                    let nullable = match bound.kind {
                        ExprKind::Column(index) => {
                            plan.fields().get(index).is_none_or(|field| field.nullable)
                        }
                        _ => true,
                    };
                    let data_type = bound.data_type.clone();
                    let field = Field { name: text.into(), data_type, nullable };
                    items.push(Item { expr: bound, field });
                }
                SelectItem::Wildcard { table, exclude, replace, span } => {
                    let columns = self.wildcard(frame, plan, table.as_ref(), exclude, replace);
                    items.extend(columns.map_err(|error| self.at(error, *span))?);
                }
            }
        }
        let unnests = frame.unnests.take();
        let having =
            select.having.as_ref().map(|having| self.condition(frame, having)).transpose()?;
        frame.unnests = unnests;
        Ok(Output { items, having, keys: Vec::new(), hidden: Vec::new() })
    }

    fn wildcard(
        &mut self,
        frame: &mut Frame<'_>,
        plan: &LogicalPlan,
        table: Option<&Name>,
        exclude: &[Name],
        replace: &[(ast::Expr, Name)],
    ) -> Result<Vec<Item>> {
        let scope = frame.scope;
        if let Some(table) = table.filter(|table| !scope.has_table(&table.text)) {
            return fields_of(scope, table, exclude, replace);
        }
        for name in exclude.iter().chain(replace.iter().map(|(_, name)| name)) {
            if !scope.columns.iter().any(|column| same(&column.name, &name.text)) {
                return Err(self.at(scope.unknown(std::slice::from_ref(name)), name.span));
            }
        }
        let all = scope.columns.iter().enumerate();
        let mut columns: Vec<(usize, &Column)> = match table {
            None => all.filter(|(_, column)| !column.hidden).collect(),
            Some(table) => {
                let is_of = |own: &str| same(own, &table.text);
                all.filter(|(_, column)| column.table.as_deref().is_some_and(is_of)).collect()
            }
        };
        if let (Some(table), [(_, first), rest @ ..]) = (table, columns.as_slice()) {
            if rest.iter().any(|(_, column)| !column.is_beside(first)) {
                let what = format!("table {} is ambiguous", table.text);
                let error = Error::name(what).hint("give one of the two another name with AS");
                return Err(self.at(error, table.span));
            }
            // A join may have moved them.
            columns.sort_by_key(|(_, column)| column.position);
        }
        let mut items = Vec::new();
        for (index, column) in columns {
            if exclude.iter().any(|name| same(&name.text, &column.name)) {
                continue;
            }
            let expr = match replace.iter().find(|(_, name)| same(&name.text, &column.name)) {
                Some((expr, _)) => self.expr(frame, expr)?,
                None => Expr::column(index, column.data_type.clone()),
            };
            let nullable = plan.fields().get(index).is_none_or(|field| field.nullable);
            let data_type = expr.data_type.clone();
            let field = Field { name: column.name.clone(), data_type, nullable };
            items.push(Item { expr, field });
        }
        if items.is_empty() {
            return Err(Error::name("* stands for no column here").hint("FROM names no table"));
        }
        Ok(items)
    }

    /// The keys of ORDER BY: items by position, name or expression; else hidden columns.
    fn order(
        &mut self,
        frame: &mut Frame<'_>,
        select: &Select,
        order_by: &OrderBy,
        output: &mut Output,
    ) -> Result<()> {
        let items = match order_by {
            OrderBy::All { descending, nulls_first } => {
                output.keys = all_keys(output.items.len(), *descending, *nulls_first);
                return Ok(());
            }
            OrderBy::Items(items) => items,
        };
        for item in items {
            let names: Vec<&str> = output.items.iter().map(|item| &*item.field.name).collect();
            let column = match self.output_column(&item.expr, names.into_iter())? {
                Some(column) => column,
                None => {
                    let bound = self.expr(frame, &item.expr)?;
                    let all = output.items.iter().map(|item| &item.expr).chain(&output.hidden);
                    match all.into_iter().position(|expr| *expr == bound) {
                        Some(column) => column,
                        None if select.distinct => {
                            let what = "ORDER BY of a SELECT DISTINCT takes only selected items";
                            return Err(self.at(Error::types(what), item.expr.span));
                        }
                        None => {
                            output.hidden.push(bound);
                            output.items.len() + output.hidden.len() - 1
                        }
                    }
                }
            };
            let (descending, nulls_first) = (item.descending, item.nulls_first);
            output.keys.push(SortKey { column, descending, nulls_first });
        }
        Ok(())
    }

    /// The name of an item without an alias.
    fn display(&self, scope: &Scope, expr: &ast::Expr, bound: &Expr) -> String {
        match (&bound.kind, &expr.kind) {
            (ExprKind::Column(index), ast::ExprKind::Name(_)) => match scope.columns.get(*index) {
                Some(column) => column.name.to_string(),
                None => name::of(expr),
            },
            _ => name::of(expr),
        }
    }
}

fn is_unnest_call(expr: &ast::Expr) -> bool {
    matches!(&expr.kind, ast::ExprKind::Call(call) if is_unnest(&call.name.text))
}

/// `column.*` of a column that is a STRUCT: its fields.
fn fields_of(
    scope: &Scope,
    name: &Name,
    exclude: &[Name],
    replace: &[(ast::Expr, Name)],
) -> Result<Vec<Item>> {
    let unknown = || Error::name(format!("unknown table {}", name.text));
    let (index, _) = scope.find(std::slice::from_ref(name))?.ok_or_else(unknown)?;
    let column = Expr::column(index, scope.columns[index].data_type.clone());
    let DataType::Struct(fields) = &column.data_type else {
        let what = format!("column {} is a {}, which has no fields", name.text, column.data_type);
        return Err(Error::types(what));
    };
    if !replace.is_empty() {
        return Err(Error::unsupported("REPLACE among the fields of a STRUCT is not supported"));
    }
    let mut items = Vec::with_capacity(fields.len());
    for (index, field) in fields.iter().enumerate() {
        if !exclude.iter().any(|excluded| same(&excluded.text, &field.name)) {
            let expr = struct_field(column.clone(), index)?;
            let field = Field::nullable(&field.name, field.data_type.clone());
            items.push(Item { expr, field });
        }
    }
    Ok(items)
}

/// GROUP BY ALL: the items without an aggregate.
fn all_groups(output: &Output) -> Vec<(Expr, String)> {
    let mut groups: Vec<(Expr, String)> = Vec::new();
    for item in output.items.iter().filter(|item| !uses(&item.expr, |column| column >= AGGREGATE)) {
        if !groups.iter().any(|(group, _)| *group == item.expr) {
            groups.push((item.expr.clone(), item.field.name.to_string()));
        }
    }
    groups
}

/// HAVING, the items, DISTINCT, the order, and without the hidden columns again.
fn finish(plan: LogicalPlan, output: Output, is_distinct: bool) -> LogicalPlan {
    let Output { items, having, keys, hidden } = output;
    let plan = plan.filter(having.into_iter().collect());
    let mut fields: Vec<Field> = items.iter().map(|item| item.field.clone()).collect();
    let visible = fields.clone();
    let mut exprs: Vec<Expr> = items.into_iter().map(|item| item.expr).collect();
    fields.extend(hidden.iter().enumerate().map(|(at, expr)| hidden_field(&plan, at, expr)));
    let has_hidden = !hidden.is_empty();
    exprs.extend(hidden);
    let mut plan = plan.project(exprs, fields);
    if is_distinct {
        plan = distinct(plan);
    }
    plan = sorted(plan, keys);
    if has_hidden {
        let columns = visible.iter().enumerate();
        let columns = columns.map(|(index, field)| Expr::column(index, field.data_type.clone()));
        plan = plan.project(columns.collect(), visible);
    }
    plan
}

/// A key of the order that is no item: a column keeps its name.
fn hidden_field(plan: &LogicalPlan, at: usize, expr: &Expr) -> Field {
    match expr.kind {
        ExprKind::Column(column) => plan.fields()[column].clone(),
        _ => Field::nullable(&format!("order${at}"), expr.data_type.clone()),
    }
}

/// Joins the subqueries that are meant to `plan`; their values are then over its columns.
pub(super) fn place(
    mut plan: LogicalPlan,
    subqueries: &[PendingSubquery],
    values: &mut [Option<Expr>],
    is_meant: impl Fn(&PendingSubquery) -> bool,
) -> Result<LogicalPlan> {
    for (index, pending) in subqueries.iter().enumerate() {
        if values[index].is_some() || !is_meant(pending) {
            continue;
        }
        let mut pending = pending.clone();
        for key in &mut pending.keys {
            put_values(key, values);
        }
        let (joined, value) = super::subquery::join_value(plan, pending)?;
        plan = joined;
        values[index] = Some(value);
    }
    Ok(plan)
}
