//! Queries: WITH, UNION, VALUES, ORDER BY, LIMIT.

use sqlparser::ast as parsed;

use super::Converter;
use crate::error::{Error, Result, Span};
use crate::sql::ast::{Body, Cte, Expr, OrderBy, OrderItem, Query, SetOperator};

/// LIMIT and OFFSET.
type Bounds = (Option<Expr>, Option<Expr>);

impl Converter<'_> {
    pub(super) fn query(&mut self, query: parsed::Query) -> Result<Query> {
        self.nested(|this| this.query_here(query))
    }

    fn query_here(&mut self, query: parsed::Query) -> Result<Query> {
        if !query.locks.is_empty()
            || query.for_clause.is_some()
            || query.settings.is_some()
            || query.format_clause.is_some()
            || !query.pipe_operators.is_empty()
        {
            return self.unsupported("a clause behind the query");
        }
        let with = match query.with {
            None => Vec::new(),
            Some(with) if with.recursive => return self.unsupported("WITH RECURSIVE"),
            Some(with) => self.ctes(with.cte_tables)?,
        };
        let start = self.last.end;
        let body = self.body(*query.body)?;
        let order_by = self.order_by(query.order_by)?;
        let (mut limit, offset) = self.bounds(query.limit_clause)?;
        if let Some(fetch) = query.fetch {
            if fetch.with_ties || fetch.percent {
                return self.unsupported("FETCH WITH TIES or PERCENT");
            }
            limit = fetch.quantity.map(|rows| self.expr(rows)).transpose()?;
        }
        let span = Span { start: start.min(self.last.end), end: self.last.end };
        Ok(Query { with, body, order_by, limit, offset, span })
    }

    fn ctes(&mut self, ctes: Vec<parsed::Cte>) -> Result<Vec<Cte>> {
        let mut converted = Vec::with_capacity(ctes.len());
        for cte in ctes {
            let alias = self.alias(cte.alias);
            let query = self.query(*cte.query)?.into();
            converted.push(Cte { name: alias.name, columns: alias.columns, query });
        }
        Ok(converted)
    }

    /// Set operations lean to the left in the parser's tree, as many as the text has: taken apart in a
    /// loop.
    fn body(&mut self, body: parsed::SetExpr) -> Result<Body> {
        let mut rest = body;
        let mut steps = Vec::new();
        while let parsed::SetExpr::SetOperation { op, set_quantifier, left, right } = rest {
            steps.push((self.set_operator(op, set_quantifier)?, *right));
            rest = *left;
        }
        let first = self.branch(rest)?;
        if steps.is_empty() {
            return Ok(first);
        }
        let mut converted = Vec::with_capacity(steps.len());
        for (operator, branch) in steps.into_iter().rev() {
            converted.push((operator, self.nested(|this| this.body(branch))?));
        }
        Ok(Body::Set(Box::new(first), converted))
    }

    fn set_operator(
        &mut self,
        operator: parsed::SetOperator,
        quantifier: parsed::SetQuantifier,
    ) -> Result<SetOperator> {
        use parsed::{SetOperator as Operator, SetQuantifier as Quantifier};
        Ok(match (operator, quantifier) {
            (Operator::Union, Quantifier::All) => SetOperator::UnionAll,
            (Operator::Union, Quantifier::None | Quantifier::Distinct) => SetOperator::Union,
            (Operator::Except, Quantifier::None | Quantifier::Distinct) => SetOperator::Except,
            (Operator::Intersect, Quantifier::None | Quantifier::Distinct) => {
                SetOperator::Intersect
            }
            (other, Quantifier::None) => return self.unsupported(other),
            (other, quantifier) => return self.unsupported(format!("{other} {quantifier}")),
        })
    }

    fn branch(&mut self, branch: parsed::SetExpr) -> Result<Body> {
        match branch {
            parsed::SetExpr::Select(select) => {
                Ok(Body::Select(Box::new(self.nested(|this| this.select(*select))?)))
            }
            parsed::SetExpr::Query(query) => Ok(Body::Query(Box::new(self.query(*query)?))),
            parsed::SetExpr::Values(values) => {
                let mut rows = Vec::with_capacity(values.rows.len());
                for row in values.rows {
                    rows.push(self.exprs(row.content)?);
                }
                Ok(Body::Values(rows))
            }
            _ => self.unsupported("this kind of query"),
        }
    }

    fn order_by(&mut self, order_by: Option<parsed::OrderBy>) -> Result<OrderBy> {
        let Some(order_by) = order_by else { return Ok(OrderBy::Items(Vec::new())) };
        match order_by.kind {
            parsed::OrderByKind::All(options) => {
                let (descending, nulls_first) = self.direction(options)?;
                Ok(OrderBy::All { descending, nulls_first })
            }
            parsed::OrderByKind::Expressions(items) => {
                let mut converted = Vec::with_capacity(items.len());
                for item in items {
                    let expr = self.expr(item.expr)?;
                    let (descending, nulls_first) = self.direction(item.options)?;
                    converted.push(OrderItem { expr, descending, nulls_first });
                }
                Ok(OrderBy::Items(converted))
            }
        }
    }

    /// Descending, nulls first. Nulls come last in both directions unless it says otherwise.
    fn direction(&mut self, options: parsed::OrderByOptions) -> Result<(bool, bool)> {
        let descending = match options.sort {
            None | Some(parsed::OrderBySort::Asc) => false,
            Some(parsed::OrderBySort::Desc) => true,
            Some(parsed::OrderBySort::Using(_)) => return self.unsupported("ORDER BY .. USING"),
        };
        Ok((descending, options.nulls_first.unwrap_or(false)))
    }

    fn bounds(&mut self, clause: Option<parsed::LimitClause>) -> Result<Bounds> {
        match clause {
            None => Ok((None, None)),
            Some(parsed::LimitClause::LimitOffset { limit, offset, limit_by }) => {
                if !limit_by.is_empty() {
                    return self.unsupported("LIMIT BY");
                }
                let limit = limit.map(|rows| self.expr(rows)).transpose()?;
                let offset = offset.map(|offset| self.expr(offset.value)).transpose()?;
                Ok((limit, offset))
            }
            Some(parsed::LimitClause::OffsetCommaLimit { .. }) => {
                Err(Error::syntax("expected LIMIT n OFFSET m, found LIMIT m, n").at(self.last))
            }
        }
    }
}
