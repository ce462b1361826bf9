//! SELECT: items, FROM, joins, GROUP BY.

use sqlparser::ast as parsed;

use super::Converter;
use crate::error::{Error, Result, Span};
use crate::sql::ast::{
    Alias, GroupBy, JoinCondition, JoinType, Name, Select, SelectItem, TableExpr,
};
use crate::sql::{MAX_DEPTH, cover};

impl Converter<'_> {
    pub(super) fn select(&mut self, select: parsed::Select) -> Result<Select> {
        let start = self.span(select.select_token.0.span);
        if select.top.is_some()
            || select.into.is_some()
            || !select.lateral_views.is_empty()
            || select.prewhere.is_some()
            || !select.connect_by.is_empty()
            || !select.cluster_by.is_empty()
            || !select.distribute_by.is_empty()
            || !select.sort_by.is_empty()
            || !select.named_window.is_empty()
            || select.value_table_mode.is_some()
        {
            return self.unsupported("a clause of this SELECT");
        }
        if select.qualify.is_some() {
            return self.unsupported("QUALIFY");
        }
        let distinct = match select.distinct {
            None | Some(parsed::Distinct::All) => false,
            Some(parsed::Distinct::Distinct) => true,
            Some(parsed::Distinct::On(_)) => return self.unsupported("DISTINCT ON"),
        };
        let mut items = Vec::with_capacity(select.projection.len());
        for item in select.projection {
            items.push(self.select_item(item)?);
        }
        if let (Some(exclude), [SelectItem::Wildcard { exclude: names, .. }]) =
            (select.exclude, items.as_mut_slice())
        {
            names.extend(self.excluded(exclude)?);
        }
        let from = select.from.into_iter().map(|table| self.table_with_joins(table));
        let from = from.collect::<Result<Vec<_>>>()?;
        if select.flavor == parsed::SelectFlavor::FromFirstNoSelect && items.is_empty() {
            items.push(all_columns(start));
        }
        let filter = select.selection.map(|filter| self.expr(filter)).transpose()?;
        let group_by = match select.group_by {
            parsed::GroupByExpr::All(modifiers) if modifiers.is_empty() => GroupBy::All,
            parsed::GroupByExpr::Expressions(items, modifiers) if modifiers.is_empty() => {
                GroupBy::Items(self.exprs(items)?)
            }
            _ => return self.unsupported("GROUP BY with a modifier"),
        };
        let having = select.having.map(|having| self.expr(having)).transpose()?;
        let span = cover(start, self.last);
        Ok(Select { distinct, items, from, filter, group_by, having, span })
    }

    fn select_item(&mut self, item: parsed::SelectItem) -> Result<SelectItem> {
        match item {
            parsed::SelectItem::UnnamedExpr(expr) => Ok(SelectItem::Expr(self.expr(expr)?, None)),
            parsed::SelectItem::ExprWithAlias { expr, alias } => {
                let expr = self.expr(expr)?;
                Ok(SelectItem::Expr(expr, Some(self.name(alias))))
            }
            parsed::SelectItem::Wildcard(options) => self.wildcard(None, options),
            parsed::SelectItem::QualifiedWildcard(
                parsed::SelectItemQualifiedWildcardKind::ObjectName(name),
                options,
            ) => {
                let table = self.object_name(name)?;
                self.wildcard(Some(table), options)
            }
            _ => self.unsupported("this item of SELECT"),
        }
    }

    fn wildcard(
        &mut self,
        table: Option<Name>,
        options: parsed::WildcardAdditionalOptions,
    ) -> Result<SelectItem> {
        let span = self.span(options.wildcard_token.0.span);
        if options.opt_ilike.is_some()
            || options.opt_except.is_some()
            || options.opt_rename.is_some()
            || options.opt_alias.is_some()
        {
            return self.unsupported("this option of *");
        }
        let exclude = match options.opt_exclude {
            None => Vec::new(),
            Some(exclude) => self.excluded(exclude)?,
        };
        let mut replace = Vec::new();
        for item in options.opt_replace.map(|replace| replace.items).unwrap_or_default() {
            let expr = self.expr(item.expr)?;
            replace.push((expr, self.name(item.column_name)));
        }
        Ok(SelectItem::Wildcard { table, exclude, replace, span })
    }

    fn excluded(&mut self, exclude: parsed::ExcludeSelectItem) -> Result<Vec<Name>> {
        let names = match exclude {
            parsed::ExcludeSelectItem::Single(name) => vec![name],
            parsed::ExcludeSelectItem::Multiple(names) => names,
        };
        names.into_iter().map(|name| self.object_name(name)).collect()
    }

    fn table_with_joins(&mut self, table: parsed::TableWithJoins) -> Result<TableExpr> {
        if table.joins.len() > MAX_DEPTH {
            return Err(Error::syntax(format!("more than {MAX_DEPTH} joins")).at(self.last));
        }
        let mut left = self.table(table.relation)?;
        for join in table.joins {
            let start = self.last;
            let (kind, constraint) = self.join_type(join.join_operator)?;
            let right = self.table(join.relation)?;
            let condition = match constraint {
                parsed::JoinConstraint::None => JoinCondition::None,
                parsed::JoinConstraint::Natural => JoinCondition::Natural,
                parsed::JoinConstraint::On(condition) => {
                    JoinCondition::On(Box::new(self.expr(condition)?))
                }
                parsed::JoinConstraint::Using(names) => {
                    let names = names.into_iter().map(|name| self.object_name(name));
                    JoinCondition::Using(names.collect::<Result<_>>()?)
                }
            };
            let span = cover(start, self.last);
            if kind != JoinType::Cross && matches!(condition, JoinCondition::None) {
                return Err(Error::syntax("expected ON or USING after JOIN").at(span));
            }
            let (left_box, right) = (Box::new(left), Box::new(right));
            left = TableExpr::Join { left: left_box, right, kind, condition, span };
        }
        Ok(left)
    }

    fn join_type(
        &mut self,
        operator: parsed::JoinOperator,
    ) -> Result<(JoinType, parsed::JoinConstraint)> {
        use parsed::JoinOperator as Operator;
        Ok(match operator {
            Operator::Join(constraint) | Operator::Inner(constraint) => {
                (JoinType::Inner, constraint)
            }
            Operator::Left(constraint) | Operator::LeftOuter(constraint) => {
                (JoinType::Left, constraint)
            }
            Operator::Right(constraint) | Operator::RightOuter(constraint) => {
                (JoinType::Right, constraint)
            }
            Operator::CrossJoin(constraint) => (JoinType::Cross, constraint),
            Operator::Semi(constraint) | Operator::LeftSemi(constraint) => {
                (JoinType::Semi, constraint)
            }
            Operator::Anti(constraint) | Operator::LeftAnti(constraint) => {
                (JoinType::Anti, constraint)
            }
            Operator::FullOuter(constraint) => (JoinType::Full, constraint),
            _ => return self.unsupported("this kind of join"),
        })
    }

    fn table(&mut self, table: parsed::TableFactor) -> Result<TableExpr> {
        self.nested(|this| this.table_here(table))
    }

    fn table_here(&mut self, table: parsed::TableFactor) -> Result<TableExpr> {
        match table {
            parsed::TableFactor::Table { name, alias, args: None, sample: None, .. } => {
                let name = self.object_name(name)?;
                Ok(TableExpr::Table { name, alias: alias.map(|alias| self.alias(alias)) })
            }
            parsed::TableFactor::Table {
                name,
                alias,
                args: Some(args),
                sample: None,
                with_ordinality: false,
                ..
            } => self.table_function(name, args.args, alias),
            // What is lateral is told by the function, as in DuckDB.
            parsed::TableFactor::Function { name, args, alias, .. } => {
                self.table_function(name, args, alias)
            }
            parsed::TableFactor::UNNEST {
                alias,
                array_exprs,
                with_offset: false,
                with_ordinality: false,
                ..
            } => {
                let name = Name { text: "unnest".to_string(), span: self.last };
                let arguments = self.exprs(array_exprs)?;
                let alias = alias.map(|alias| self.alias(alias));
                Ok(TableExpr::Function { name, arguments, alias })
            }
            parsed::TableFactor::Derived { lateral: false, subquery, alias, sample: None } => {
                let query = Box::new(self.query(*subquery)?);
                Ok(TableExpr::Subquery { query, alias: alias.map(|alias| self.alias(alias)) })
            }
            parsed::TableFactor::NestedJoin { table_with_joins, alias: None } => {
                self.table_with_joins(*table_with_joins)
            }
            _ => self.unsupported("this item of FROM"),
        }
    }

    fn table_function(
        &mut self,
        name: parsed::ObjectName,
        args: Vec<parsed::FunctionArg>,
        alias: Option<parsed::TableAlias>,
    ) -> Result<TableExpr> {
        let name = self.object_name(name)?;
        let mut arguments = Vec::with_capacity(args.len());
        for arg in args {
            let parsed::FunctionArg::Unnamed(parsed::FunctionArgExpr::Expr(expr)) = arg else {
                return self.unsupported("a named argument of a table function");
            };
            arguments.push(self.expr(expr)?);
        }
        let alias = alias.map(|alias| self.alias(alias));
        Ok(TableExpr::Function { name, arguments, alias })
    }

    pub(super) fn alias(&mut self, alias: parsed::TableAlias) -> Alias {
        let name = self.name(alias.name);
        let columns = alias.columns.into_iter().map(|column| self.name(column.name)).collect();
        Alias { name, columns }
    }
}

fn all_columns(span: Span) -> SelectItem {
    SelectItem::Wildcard { table: None, exclude: Vec::new(), replace: Vec::new(), span }
}
