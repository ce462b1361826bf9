//! Expressions.

use millwork_format::schema::closest;
use millwork_format::types::DataType;

use super::frame::{Frame, OUTER};
use super::scope::same;
use super::{Binder, literal, nested};
use crate::error::{Error, Result, Span};
use crate::expr::{Comparison, Expr, ExprKind, Function};
use crate::sql::ast::{self, Name, SelectItem};
use crate::sql::types::{self, call, cast, coerce, comparable};
use crate::sql::{MAX_DEPTH, arithmetic};
use crate::value::Scalar;

impl Binder<'_> {
    /// Binds an expression; errors get its place.
    pub(super) fn expr(&mut self, frame: &mut Frame<'_>, expr: &ast::Expr) -> Result<Expr> {
        self.count_expressions(1)?;
        let bound = self.nested(|this| this.expr_here(frame, expr));
        self.placed(bound, expr.span)
    }

    fn placed(&self, bound: Result<Expr>, span: Span) -> Result<Expr> {
        match bound {
            Ok(mut bound) => {
                bound.span = self.place(span);
                Ok(bound)
            }
            Err(error) => Err(self.at(error, span)),
        }
    }

    /// A chain of operators that leans to the left, from its first operand on: it may be long.
    fn leaning(&mut self, frame: &mut Frame<'_>, expr: &ast::Expr) -> Result<Expr> {
        use ast::ExprKind as Kind;
        let (mut chain, mut rest) = (Vec::new(), expr);
        while let Kind::Arithmetic(_, left, _) | Kind::Compare(_, left, _) = &rest.kind {
            chain.push(rest);
            rest = left;
        }
        let mut bound = self.expr(frame, rest)?;
        for link in chain.into_iter().rev() {
            let all = match &link.kind {
                Kind::Arithmetic(operator, left, right) => {
                    let are_digits = [left, right].map(|side| is_digits(side));
                    let sides = [bound, self.expr(frame, right)?];
                    arithmetic::bind_written(*operator, sides, are_digits)
                }
                Kind::Compare(comparison, _, right) => {
                    compare(*comparison, bound, self.expr(frame, right)?)
                }
                _ => return Err(Error::internal("a chain of something else")),
            };
            bound = self.placed(all, link.span)?;
        }
        Ok(bound)
    }

    pub(super) fn exprs(
        &mut self,
        frame: &mut Frame<'_>,
        exprs: &[ast::Expr],
    ) -> Result<Vec<Expr>> {
        exprs.iter().map(|expr| self.expr(frame, expr)).collect()
    }

    /// A condition: BOOLEAN, or what converts to it.
    pub(super) fn condition(&mut self, frame: &mut Frame<'_>, expr: &ast::Expr) -> Result<Expr> {
        let bound = self.expr(frame, expr)?;
        boolean(bound).map_err(|error| self.at(error, expr.span))
    }

    fn expr_here(&mut self, frame: &mut Frame<'_>, expr: &ast::Expr) -> Result<Expr> {
        use ast::ExprKind as Kind;
        match &expr.kind {
            Kind::Name(parts) => self.name(frame, parts),
            Kind::Literal(literal) => literal::bind(literal),
            Kind::And(parts) => Ok(logic(ExprKind::And(self.conditions(frame, parts)?))),
            Kind::Or(parts) => Ok(logic(ExprKind::Or(self.conditions(frame, parts)?))),
            Kind::Not(inner) => negation(self.condition(frame, inner)?),
            Kind::Concat(parts) => {
                let parts = self.exprs(frame, parts)?;
                if parts.iter().any(|part| matches!(part.data_type, DataType::List(_))) {
                    let mut parts = parts.into_iter();
                    let first = parts.next().ok_or_else(|| Error::internal("no operand of ||"))?;
                    return parts.try_fold(first, |all, part| nested::concat(all, part, false));
                }
                let parts = parts.into_iter().map(|part| coerce(part, &DataType::Utf8));
                let parts = parts.collect::<Result<Vec<_>>>()?;
                Ok(call(Function::Concat, parts, DataType::Utf8))
            }
            Kind::Negate(inner) => arithmetic::negate(self.expr(frame, inner)?),
            Kind::Compare(..) | Kind::Arithmetic(..) => self.leaning(frame, expr),
            Kind::IsNull(inner, negated) => {
                let function = if *negated { Function::IsNotNull } else { Function::IsNull };
                Ok(call(function, vec![self.expr(frame, inner)?], DataType::Boolean))
            }
            Kind::IsBoolean { argument, value, negated } => {
                let argument = self.condition(frame, argument)?;
                let constant = Expr::literal(Scalar::Boolean(*value), DataType::Boolean);
                not_distinct(argument, constant, *negated)
            }
            Kind::Distinct(left, right, negated) => {
                let (left, right) = (self.expr(frame, left)?, self.expr(frame, right)?);
                let (left, right) = comparable(left, right)?;
                not_distinct(left, right, !negated)
            }
            Kind::Between { argument, low, high, negated } => {
                let argument = self.expr(frame, argument)?;
                self.count_expressions(argument.size())?;
                let low = self.expr(frame, low)?;
                let low = compare(Comparison::GreaterOrEqual, argument.clone(), low)?;
                let high = self.expr(frame, high)?;
                let high = compare(Comparison::LessOrEqual, argument, high)?;
                let both = logic(ExprKind::And(vec![low, high]));
                if *negated { negation(both) } else { Ok(both) }
            }
            Kind::InList { argument, list, negated } => {
                let argument = self.expr(frame, argument)?;
                let list = self.exprs(frame, list)?;
                let found = in_list(argument, list)?;
                if *negated { negation(found) } else { Ok(found) }
            }
            Kind::Exists(query, negated) => self.exists_value(frame, query, *negated),
            Kind::InQuery { argument, query, negated } => {
                self.in_query_value(frame, argument, query, *negated)
            }
            Kind::Subquery(query) => self.scalar(frame, query),
            Kind::Case { operand, branches, otherwise } => {
                self.case(frame, operand.as_deref(), branches, otherwise.as_deref())
            }
            Kind::Cast { argument, data_type, strict } => {
                cast(self.expr(frame, argument)?, data_type.clone(), *strict)
            }
            Kind::Like { argument, pattern, escape, ignore_case, negated } => {
                let argument = text(self.expr(frame, argument)?)?;
                let pattern = text(self.expr(frame, pattern)?)?;
                let function = Function::Like { ignore_case: *ignore_case, escape: *escape };
                let like = call(function, vec![argument, pattern], DataType::Boolean);
                if *negated { negation(like) } else { Ok(like) }
            }
            Kind::Extract(part, argument) => {
                let argument = self.expr(frame, argument)?;
                super::function::extract(*part, argument)
            }
            Kind::Call(function) => self.call(frame, function),
            Kind::Field(argument, name) => {
                let argument = self.expr(frame, argument)?;
                nested::field(argument, name)
            }
            Kind::Element(argument, index) => {
                let argument = self.expr(frame, argument)?;
                let index = self.expr(frame, index)?;
                nested::element(argument, index)
            }
            Kind::Slice { argument, first, last } => {
                let argument = self.expr(frame, argument)?;
                let mut end = |end: &Option<Box<ast::Expr>>| {
                    end.as_ref().map(|end| self.expr(frame, end)).transpose()
                };
                let (first, last) = (end(first)?, end(last)?);
                nested::slice(argument, first, last)
            }
        }
    }

    fn conditions(&mut self, frame: &mut Frame<'_>, parts: &[ast::Expr]) -> Result<Vec<Expr>> {
        parts.iter().map(|part| self.condition(frame, part)).collect()
    }

    /// A column, then fields of it; else an alias of the SELECT; else a column of the query around.
    fn name(&mut self, frame: &mut Frame<'_>, parts: &[Name]) -> Result<Expr> {
        if let Some((index, taken)) = frame.scope.find(parts)? {
            let data_type = frame.scope.columns[index].data_type.clone();
            return parts[taken..].iter().try_fold(Expr::column(index, data_type), nested::field);
        }
        if let [name] = parts
            && let Some(expr) = alias(frame.items, &name.text)
            && !frame.expanding.iter().any(|open| same(open, &name.text))
            && frame.expanding.len() < MAX_DEPTH / 4
        {
            frame.expanding.push(name.text.clone());
            let bound = self.expr(frame, expr);
            frame.expanding.pop();
            return bound;
        }
        if let Some(outer) = frame.outer
            && let Some((index, taken)) = outer.find(parts)?
        {
            let column = Expr::column(OUTER + index, outer.columns[index].data_type.clone());
            return parts[taken..].iter().try_fold(column, nested::field);
        }
        if let [table, _, ..] = parts
            && !frame.scope.has_table(&table.text)
            && frame.outer.is_none_or(|outer| !outer.has_table(&table.text))
            && frame.scope.find(&parts[..1])?.is_none()
        {
            let error = Error::name(format!("unknown table {} of {}", table.text, shown(parts)));
            let tables = frame.scope.columns.iter().filter_map(|column| column.table.as_deref());
            return Err(match closest(&table.text, tables) {
                Some(name) => error.hint(format!("did you mean {name}?")),
                None => error,
            });
        }
        Err(frame.scope.unknown(parts))
    }

    fn case(
        &mut self,
        frame: &mut Frame<'_>,
        operand: Option<&ast::Expr>,
        branches: &[(ast::Expr, ast::Expr)],
        otherwise: Option<&ast::Expr>,
    ) -> Result<Expr> {
        let operand = operand.map(|operand| self.expr(frame, operand)).transpose()?;
        let mut conditions = Vec::with_capacity(branches.len());
        let mut results = Vec::with_capacity(branches.len() + 1);
        for (condition, result) in branches {
            conditions.push(match &operand {
                None => self.condition(frame, condition)?,
                Some(operand) => {
                    let value = self.expr(frame, condition)?;
                    self.count_expressions(operand.size())?;
                    compare(Comparison::Equal, operand.clone(), value)?
                }
            });
            results.push(self.expr(frame, result)?);
        }
        results.push(match otherwise {
            Some(otherwise) => self.expr(frame, otherwise)?,
            None => Expr::literal(Scalar::Null, DataType::Null),
        });
        let (mut results, data_type) = unified(results, "CASE")?;
        let otherwise = Box::new(results.pop().ok_or_else(|| Error::internal("no ELSE"))?);
        let branches = conditions.into_iter().zip(results).collect();
        Ok(Expr { kind: ExprKind::Case { branches, otherwise }, data_type, span: None })
    }
}

/// Whether a constant stands there as digits: it has no type of its own.
fn is_digits(expr: &ast::Expr) -> bool {
    match &expr.kind {
        ast::ExprKind::Negate(inner) => is_digits(inner),
        kind => matches!(kind, ast::ExprKind::Literal(ast::Literal::Number(_))),
    }
}

/// The expression whose alias is `name`.
fn alias<'s>(items: &'s [SelectItem], name: &str) -> Option<&'s ast::Expr> {
    items.iter().find_map(|item| match item {
        SelectItem::Expr(expr, Some(alias)) if same(&alias.text, name) => Some(expr),
        _ => None,
    })
}

fn shown(parts: &[Name]) -> String {
    parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(".")
}

fn logic(kind: ExprKind) -> Expr {
    Expr { kind, data_type: DataType::Boolean, span: None }
}

fn negation(inner: Expr) -> Result<Expr> {
    Ok(call(Function::Not, vec![inner], DataType::Boolean))
}

fn not_distinct(left: Expr, right: Expr, negated: bool) -> Result<Expr> {
    let equal = call(Function::NotDistinct, vec![left, right], DataType::Boolean);
    if negated { negation(equal) } else { Ok(equal) }
}

/// `expr` as BOOLEAN.
pub(super) fn boolean(expr: Expr) -> Result<Expr> {
    match &expr.data_type {
        DataType::Boolean => Ok(expr),
        DataType::Null => coerce(expr, &DataType::Boolean),
        other if types::is_number(other) || other.is_text() => coerce(expr, &DataType::Boolean),
        other => Err(Error::types(format!("expected a BOOLEAN, found {other}"))),
    }
}

/// `expr` as text; only text and NULL are.
pub(super) fn text(expr: Expr) -> Result<Expr> {
    match &expr.data_type {
        data_type if data_type.is_text() => Ok(expr),
        DataType::Null => coerce(expr, &DataType::Utf8),
        other => {
            let error = Error::types(format!("expected a VARCHAR, found {other}"));
            Err(error.hint("convert it with CAST(.. AS VARCHAR)"))
        }
    }
}

/// `left comparison right`.
pub(super) fn compare(comparison: Comparison, left: Expr, right: Expr) -> Result<Expr> {
    let (left, right) = comparable(left, right)?;
    Ok(call(Function::Compare(comparison), vec![left, right], DataType::Boolean))
}

/// All in their common type.
pub(super) fn unified(exprs: Vec<Expr>, what: &str) -> Result<(Vec<Expr>, DataType)> {
    let mut target = DataType::Null;
    for expr in &exprs {
        let known = Expr::column(0, target.clone());
        target = if target == DataType::Null {
            expr.data_type.clone()
        } else {
            types::common(&target, &expr.data_type)
                .or_else(|| types::common_of(&known, expr))
                .ok_or_else(|| {
                    let found = &expr.data_type;
                    Error::types(format!("{what} has both {target} and {found}"))
                        .hint("convert one with CAST")
                })?
        };
    }
    let coerced = exprs.into_iter().map(|expr| coerce(expr, &target)).collect::<Result<_>>()?;
    Ok((coerced, target))
}

/// Constants become a list; anything else a chain of comparisons.
fn in_list(argument: Expr, list: Vec<Expr>) -> Result<Expr> {
    if list.is_empty() {
        return Err(Error::syntax("expected a value in IN (..)"));
    }
    let mut constants = Vec::with_capacity(list.len());
    let mut equal = Vec::new();
    for item in list {
        let (left, right) = comparable(argument.clone(), item)?;
        match right.as_literal() {
            // Equal intervals may be written in several ways: they are compared one by one.
            Some(value)
                if value.is_null()
                    || left.data_type == argument.data_type
                        && left.data_type != DataType::SignedInterval =>
            {
                constants.push(value.clone());
            }
            _ => equal.push(call(
                Function::Compare(Comparison::Equal),
                vec![left, right],
                DataType::Boolean,
            )),
        }
    }
    if !constants.is_empty() {
        let listed = ExprKind::InList { argument: Box::new(argument), list: constants };
        equal.insert(0, logic(listed));
    }
    Ok(match (equal.len(), equal.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            equal.extend(last);
            logic(ExprKind::Or(equal))
        }
    })
}
