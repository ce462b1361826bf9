//! Expressions. Chains of AND, OR and `||` become flat lists; those of other operators become trees as high
//! as they are long. Neither is nesting, and neither is walked by recursion.

use millwork_format::types::DataType;
use sqlparser::ast as parsed;
use sqlparser::ast::{BinaryOperator, UnaryOperator, Value};

use super::Converter;
use crate::error::{Error, Result, Span};
use crate::expr::Comparison;
use crate::sql::ast::{Arithmetic, Call, Expr, ExprKind, Literal, Name};
use crate::sql::{MAX_CHAIN, cover, interval};

type Boxed = Box<parsed::Expr>;

impl Converter<'_> {
    pub(super) fn expr(&mut self, expr: parsed::Expr) -> Result<Expr> {
        self.nested(|this| match expr {
            parsed::Expr::BinaryOp { left, op, right } if is_flat(&op) => {
                this.chain(*left, &op, *right)
            }
            parsed::Expr::BinaryOp { left, op, right } => this.leaning(left, op, right),
            other => this.expr_here(other),
        })
    }

    pub(super) fn exprs(&mut self, exprs: Vec<parsed::Expr>) -> Result<Vec<Expr>> {
        exprs.into_iter().map(|expr| self.expr(expr)).collect()
    }

    fn boxed(&mut self, expr: Boxed) -> Result<Box<Expr>> {
        Ok(Box::new(self.expr(*expr)?))
    }

    /// `a AND b AND c`: the parser leans it to the left.
    fn chain(
        &mut self,
        left: parsed::Expr,
        op: &BinaryOperator,
        right: parsed::Expr,
    ) -> Result<Expr> {
        let mut reversed = vec![right];
        let mut rest = left;
        loop {
            match rest {
                parsed::Expr::BinaryOp { left, op: same, right } if same == *op => {
                    reversed.push(*right);
                    rest = *left;
                }
                other => {
                    reversed.push(other);
                    break;
                }
            }
        }
        reversed.reverse();
        let parts = self.exprs(reversed)?;
        let span = span_of(&parts, self.last);
        let kind = match op {
            BinaryOperator::And => ExprKind::And(parts),
            BinaryOperator::Or => ExprKind::Or(parts),
            _ => ExprKind::Concat(parts),
        };
        Ok(Expr { kind, span })
    }

    /// `a + b - c`: the parser leans it to the left, and so does our tree.
    fn leaning(&mut self, left: Boxed, op: BinaryOperator, right: Boxed) -> Result<Expr> {
        let mut reversed = vec![(op, *right)];
        let mut rest = *left;
        let first = loop {
            match rest {
                parsed::Expr::BinaryOp { left, op, right } if !is_flat(&op) => {
                    reversed.push((op, *right));
                    rest = *left;
                }
                other => break other,
            }
        };
        let operators = reversed.len();
        if self.chained + operators > MAX_CHAIN {
            return Err(super::too_long_a_chain().at(self.last));
        }
        self.chained += operators;
        let first = self.expr(first);
        let chain = first.and_then(|first| {
            reversed.into_iter().rev().try_fold(first, |left, (op, right)| {
                let right = self.expr(right)?;
                self.binary(left, &op, right)
            })
        });
        self.chained -= operators;
        chain
    }

    fn expr_here(&mut self, expr: parsed::Expr) -> Result<Expr> {
        use parsed::Expr as Parsed;
        let kind = match expr {
            Parsed::Nested(inner) => return self.expr(*inner),
            Parsed::Value(value) => return self.value(value),
            Parsed::Identifier(ident) => ExprKind::Name(vec![self.name(ident)]),
            Parsed::CompoundIdentifier(idents) => ExprKind::Name(self.names(idents)),
            Parsed::CompoundFieldAccess { root, access_chain } => {
                return self.access(*root, access_chain);
            }
            Parsed::UnaryOp { op, expr } => return self.unary(op, *expr),
            Parsed::IsNull(inner) => ExprKind::IsNull(self.boxed(inner)?, false),
            Parsed::IsNotNull(inner) => ExprKind::IsNull(self.boxed(inner)?, true),
            Parsed::IsTrue(inner) => self.is_boolean(inner, true, false)?,
            Parsed::IsNotTrue(inner) => self.is_boolean(inner, true, true)?,
            Parsed::IsFalse(inner) => self.is_boolean(inner, false, false)?,
            Parsed::IsNotFalse(inner) => self.is_boolean(inner, false, true)?,
            Parsed::IsUnknown(inner) => ExprKind::IsNull(self.boxed(inner)?, false),
            Parsed::IsNotUnknown(inner) => ExprKind::IsNull(self.boxed(inner)?, true),
            Parsed::IsDistinctFrom(left, right) => {
                ExprKind::Distinct(self.boxed(left)?, self.boxed(right)?, false)
            }
            Parsed::IsNotDistinctFrom(left, right) => {
                ExprKind::Distinct(self.boxed(left)?, self.boxed(right)?, true)
            }
            Parsed::Between { expr, negated, low, high } => {
                let argument = self.boxed(expr)?;
                let (low, high) = (self.boxed(low)?, self.boxed(high)?);
                ExprKind::Between { argument, low, high, negated }
            }
            Parsed::InList { expr, list, negated } => {
                ExprKind::InList { argument: self.boxed(expr)?, list: self.exprs(list)?, negated }
            }
            Parsed::InSubquery { expr, subquery, negated } => {
                let argument = self.boxed(expr)?;
                ExprKind::InQuery { argument, query: Box::new(self.query(*subquery)?), negated }
            }
            Parsed::Exists { subquery, negated } => {
                ExprKind::Exists(Box::new(self.query(*subquery)?), negated)
            }
            Parsed::Subquery(query) => ExprKind::Subquery(Box::new(self.query(*query)?)),
            other => return self.expr_with_words(other),
        };
        Ok(self.spanned(kind))
    }

    /// Expressions that are written with words of their own.
    fn expr_with_words(&mut self, expr: parsed::Expr) -> Result<Expr> {
        use parsed::Expr as Parsed;
        let start = self.last;
        let kind = match expr {
            Parsed::Like { negated, any: false, expr, pattern, escape_char } => {
                self.like(expr, pattern, escape_char, (false, negated))?
            }
            Parsed::ILike { negated, any: false, expr, pattern, escape_char } => {
                self.like(expr, pattern, escape_char, (true, negated))?
            }
            Parsed::Case { operand, conditions, else_result, case_token, end_token } => {
                let start = self.span(case_token.0.span);
                let operand = operand.map(|operand| self.boxed(operand)).transpose()?;
                let mut branches = Vec::with_capacity(conditions.len());
                for branch in conditions {
                    branches.push((self.expr(branch.condition)?, self.expr(branch.result)?));
                }
                let otherwise = else_result.map(|result| self.boxed(result)).transpose()?;
                let end = self.span(end_token.0.span);
                let kind = ExprKind::Case { operand, branches, otherwise };
                return Ok(Expr { kind, span: cover(start, end) });
            }
            Parsed::Cast { kind, expr, data_type, format: None } => {
                let argument = self.boxed(expr)?;
                let data_type = self.data_type(data_type)?;
                let strict = matches!(kind, parsed::CastKind::Cast | parsed::CastKind::DoubleColon);
                ExprKind::Cast { argument, data_type, strict }
            }
            Parsed::Extract { field, expr, .. } => {
                let part = self.date_part(&field)?;
                ExprKind::Extract(part, self.boxed(expr)?)
            }
            Parsed::Floor { expr, field } => return self.rounding("floor", expr, &field),
            Parsed::Ceil { expr, field } => return self.rounding("ceil", expr, &field),
            Parsed::Substring { expr, substring_from, substring_for, .. } => {
                let mut arguments = vec![self.expr(*expr)?];
                match substring_from {
                    Some(from) => arguments.push(self.expr(*from)?),
                    None => arguments.push(number("1", self.last)),
                }
                if let Some(length) = substring_for {
                    arguments.push(self.expr(*length)?);
                }
                return Ok(call("substring", arguments, self.last));
            }
            Parsed::Trim { expr, trim_where: None, trim_what: None, trim_characters: None } => {
                let argument = self.expr(*expr)?;
                return Ok(call("trim", vec![argument], self.last));
            }
            Parsed::TypedString(typed) => {
                let data_type = self.data_type(typed.data_type)?;
                let span = self.span(typed.value.span);
                let Some(text) = typed.value.value.into_string() else {
                    return self.unsupported("this constant");
                };
                let literal = match data_type {
                    DataType::SignedInterval => interval::parse(&text, None).map(Literal::Interval),
                    other => Ok(Literal::Typed(other, text)),
                };
                let literal = literal.map_err(|error| error.at(span))?;
                return Ok(Expr { kind: ExprKind::Literal(literal), span });
            }
            Parsed::Array(array) => {
                let elements = self.exprs(array.elem)?;
                return Ok(call("list_value", elements, self.last));
            }
            Parsed::Dictionary(fields) => {
                let (mut names, mut values) = (Vec::new(), Vec::new());
                for field in fields {
                    names.push(self.name(field.key));
                    values.push(self.expr(*field.value)?);
                }
                let span = span_of(&values, self.last);
                let name = Name { text: "struct_pack".to_string(), span };
                return Ok(named_call(name, values, names));
            }
            Parsed::Map(map) => {
                let (mut keys, mut values) = (Vec::new(), Vec::new());
                for entry in map.entries {
                    keys.push(self.expr(*entry.key)?);
                    values.push(self.expr(*entry.value)?);
                }
                let lists = [keys, values].map(|part| call("list_value", part, self.last));
                return Ok(call("map", lists.into(), self.last));
            }
            Parsed::Tuple(parts) => {
                let parts = self.exprs(parts)?;
                return Ok(call("row", parts, self.last));
            }
            Parsed::Interval(literal) => return self.interval(literal),
            Parsed::Function(function) => return self.function(function),
            other => {
                let text: String = other.to_string().chars().take(40).collect();
                return self.unsupported(format!("expression {text}"));
            }
        };
        let expr = self.spanned(kind);
        let span =
            cover(expr.span, Span { start: expr.span.start, end: self.last.end.max(start.start) });
        Ok(Expr { kind: expr.kind, span })
    }

    fn is_boolean(&mut self, inner: Boxed, value: bool, negated: bool) -> Result<ExprKind> {
        Ok(ExprKind::IsBoolean { argument: self.boxed(inner)?, value, negated })
    }

    /// `kind` over the spans of its parts.
    fn spanned(&mut self, kind: ExprKind) -> Expr {
        let mut expr = Expr { kind, span: self.last };
        expr.span = match &expr.kind {
            ExprKind::Name(names) => {
                names.iter().map(|name| name.span).reduce(cover).unwrap_or(self.last)
            }
            _ => expr.children().iter().map(|part| part.span).reduce(cover).unwrap_or(self.last),
        };
        expr
    }

    fn like(
        &mut self,
        argument: Boxed,
        pattern: Boxed,
        escape: Option<Box<parsed::Expr>>,
        (ignore_case, negated): (bool, bool),
    ) -> Result<ExprKind> {
        let argument = self.boxed(argument)?;
        let pattern = self.boxed(pattern)?;
        let escape = match escape.map(|escape| *escape) {
            None => None,
            Some(parsed::Expr::Value(value)) => {
                let text = value.value.into_string().unwrap_or_default();
                let mut letters = text.chars();
                match (letters.next(), letters.next()) {
                    (letter, None) => letter,
                    _ => {
                        let what = format!("expected one character after ESCAPE, found '{text}'");
                        return Err(Error::syntax(what).at(self.last));
                    }
                }
            }
            Some(_) => return self.unsupported("a computed ESCAPE"),
        };
        Ok(ExprKind::Like { argument, pattern, escape, ignore_case, negated })
    }

    fn rounding(
        &mut self,
        name: &str,
        argument: Boxed,
        field: &parsed::CeilFloorKind,
    ) -> Result<Expr> {
        let plain = parsed::CeilFloorKind::DateTimeField(parsed::DateTimeField::NoDateTime);
        if *field != plain {
            return self.unsupported(format!("{name} with a second argument"));
        }
        let argument = self.expr(*argument)?;
        Ok(call(name, vec![argument], self.last))
    }

    fn value(&mut self, value: parsed::ValueWithSpan) -> Result<Expr> {
        let span = self.span(value.span);
        let literal = match value.value {
            Value::Number(digits, false) => Literal::Number(digits.replace('_', "")),
            Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => {
                Literal::Text(text)
            }
            Value::DollarQuotedString(text) => Literal::Text(text.value),
            // The parser takes `0xff` for `x'ff'`, which has one character more.
            Value::HexStringLiteral(digits) if span.end - span.start == digits.len() + 2 => {
                let what = format!("expected a constant, found 0x{digits}");
                let hint = format!("x'{digits}' is bytes; numbers are written in decimal digits");
                return Err(Error::syntax(what).at(span).hint(hint));
            }
            Value::HexStringLiteral(digits) => Literal::Bytes(hex(&digits, span)?),
            Value::Boolean(value) => Literal::Boolean(value),
            Value::Null => Literal::Null,
            other => return self.unsupported(format!("constant {other}")),
        };
        Ok(Expr { kind: ExprKind::Literal(literal), span })
    }

    fn interval(&mut self, interval: parsed::Interval) -> Result<Expr> {
        if interval.last_field.is_some() {
            return self.unsupported("an interval of two fields");
        }
        let unit = interval.leading_field.map(|field| field.to_string());
        let (sign, value) = match *interval.value {
            parsed::Expr::UnaryOp { op: UnaryOperator::Minus, expr }
                if matches!(*expr, parsed::Expr::Value(_)) =>
            {
                ("-", *expr)
            }
            other => ("", other),
        };
        let value = match (value, &unit) {
            (parsed::Expr::Value(value), _) => value,
            (computed, Some(unit)) => return self.computed_interval(computed, unit),
            _ => return self.unsupported("a computed interval without a unit"),
        };
        let span = self.span(value.span);
        let text = match value.value {
            Value::Number(digits, _) => digits,
            other => match other.into_string() {
                Some(text) => text,
                None => return self.unsupported("this interval"),
            },
        };
        let literal = interval::parse(&format!("{sign}{text}"), unit.as_deref())
            .map_err(|error| error.at(span))?;
        Ok(Expr { kind: ExprKind::Literal(Literal::Interval(literal)), span })
    }

    /// `INTERVAL (expression) unit`: so many whole units.
    fn computed_interval(&mut self, count: parsed::Expr, unit: &str) -> Result<Expr> {
        let count = self.expr(count)?;
        let span = count.span;
        let one = interval::parse("1", Some(unit)).map_err(|error| error.at(span))?;
        let one = Box::new(Expr { kind: ExprKind::Literal(Literal::Interval(one)), span });
        let argument = Box::new(count);
        let whole = ExprKind::Cast { argument, data_type: DataType::Int64, strict: true };
        let whole = Box::new(Expr { kind: whole, span });
        Ok(Expr { kind: ExprKind::Arithmetic(Arithmetic::Multiply, one, whole), span })
    }

    fn unary(&mut self, op: UnaryOperator, expr: parsed::Expr) -> Result<Expr> {
        let argument = self.expr(expr)?;
        let span = argument.span;
        let kind = match op {
            UnaryOperator::Plus => return Ok(argument),
            UnaryOperator::Minus => match argument.kind {
                ExprKind::Literal(Literal::Number(digits)) if !digits.starts_with('-') => {
                    ExprKind::Literal(Literal::Number(format!("-{digits}")))
                }
                kind => ExprKind::Negate(Box::new(Expr { kind, span })),
            },
            UnaryOperator::Not | UnaryOperator::BangNot => ExprKind::Not(Box::new(argument)),
            other => return self.unsupported(format!("operator {other}")),
        };
        Ok(Expr { kind, span })
    }

    fn binary(&mut self, left: Expr, op: &BinaryOperator, right: Expr) -> Result<Expr> {
        let span = cover(left.span, right.span);
        let (left, right) = (Box::new(left), Box::new(right));
        let comparison = match op {
            BinaryOperator::Eq => Some(Comparison::Equal),
            BinaryOperator::NotEq => Some(Comparison::NotEqual),
            BinaryOperator::Lt => Some(Comparison::Less),
            BinaryOperator::LtEq => Some(Comparison::LessOrEqual),
            BinaryOperator::Gt => Some(Comparison::Greater),
            BinaryOperator::GtEq => Some(Comparison::GreaterOrEqual),
            _ => None,
        };
        if let Some(comparison) = comparison {
            return Ok(Expr { kind: ExprKind::Compare(comparison, left, right), span });
        }
        let arithmetic = match op {
            BinaryOperator::Plus => Arithmetic::Add,
            BinaryOperator::Minus => Arithmetic::Subtract,
            BinaryOperator::Multiply => Arithmetic::Multiply,
            BinaryOperator::Divide => Arithmetic::Divide,
            BinaryOperator::DuckIntegerDivide => Arithmetic::DivideInteger,
            BinaryOperator::Modulo => Arithmetic::Modulo,
            other => return self.unsupported(format!("operator {other}")),
        };
        Ok(Expr { kind: ExprKind::Arithmetic(arithmetic, left, right), span })
    }

    fn access(&mut self, root: parsed::Expr, chain: Vec<parsed::AccessExpr>) -> Result<Expr> {
        if chain.len() > crate::sql::MAX_DEPTH {
            return Err(super::too_deep().at(self.last));
        }
        let mut expr = self.expr(root)?;
        for access in chain {
            let kind = match access {
                parsed::AccessExpr::Dot(parsed::Expr::Identifier(ident)) => {
                    let name = self.name(ident);
                    match expr.kind {
                        ExprKind::Name(mut names) => {
                            names.push(name);
                            ExprKind::Name(names)
                        }
                        kind => {
                            let root = Expr { kind, span: expr.span };
                            ExprKind::Field(Box::new(root), name)
                        }
                    }
                }
                parsed::AccessExpr::Subscript(parsed::Subscript::Index { index }) => {
                    let index = self.expr(index)?;
                    ExprKind::Element(Box::new(expr), Box::new(index))
                }
                parsed::AccessExpr::Subscript(parsed::Subscript::Slice {
                    lower_bound,
                    upper_bound,
                    stride: None,
                }) => ExprKind::Slice {
                    argument: Box::new(expr),
                    first: lower_bound.map(|first| self.expr(first)).transpose()?.map(Box::new),
                    last: upper_bound.map(|last| self.expr(last)).transpose()?.map(Box::new),
                },
                _ => return self.unsupported("this access to a part"),
            };
            expr = self.spanned(kind);
        }
        Ok(expr)
    }

    fn function(&mut self, function: parsed::Function) -> Result<Expr> {
        let name = self.object_name(function.name)?;
        let start = name.span;
        if function.over.is_some() {
            return self.unsupported("OVER: a window function");
        }
        if !function.within_group.is_empty()
            || function.null_treatment.is_some()
            || !matches!(function.parameters, parsed::FunctionArguments::None)
        {
            return self.unsupported(format!("this form of {}", name.text));
        }
        let mut call = Call {
            name,
            arguments: Vec::new(),
            argument_names: Vec::new(),
            star: false,
            distinct: false,
            filter: None,
        };
        match function.args {
            parsed::FunctionArguments::None => {}
            parsed::FunctionArguments::Subquery(_) => {
                return self.unsupported("a query as an argument");
            }
            parsed::FunctionArguments::List(list) => {
                if !list.clauses.is_empty() {
                    return self.unsupported("a clause among the arguments");
                }
                call.distinct =
                    list.duplicate_treatment == Some(parsed::DuplicateTreatment::Distinct);
                for argument in list.args {
                    use parsed::FunctionArgExpr as Argument;
                    match argument {
                        parsed::FunctionArg::Unnamed(Argument::Expr(expr)) => {
                            call.arguments.push(self.expr(expr)?);
                            if !call.argument_names.is_empty() {
                                return self
                                    .unsupported("an argument without a name behind others");
                            }
                        }
                        parsed::FunctionArg::Unnamed(Argument::Wildcard) => call.star = true,
                        // `f(a = 1)` is a comparison, `f(a := 1)` a name.
                        parsed::FunctionArg::Named {
                            name,
                            arg: Argument::Expr(expr),
                            operator: parsed::FunctionArgOperator::Equals,
                        } => {
                            let left = self.compared(name);
                            let right = self.expr(expr)?;
                            let span = cover(left.span, right.span);
                            let (left, right) = (Box::new(left), Box::new(right));
                            let kind = ExprKind::Compare(Comparison::Equal, left, right);
                            call.arguments.push(Expr { kind, span });
                        }
                        parsed::FunctionArg::Named { name, arg: Argument::Expr(expr), .. } => {
                            let unnamed = Name { text: String::new(), span: self.last };
                            call.argument_names.resize(call.arguments.len(), unnamed);
                            call.argument_names.push(self.name(name));
                            call.arguments.push(self.expr(expr)?);
                        }
                        _ => return self.unsupported("this argument"),
                    }
                }
            }
        }
        call.filter = function.filter.map(|filter| self.expr(*filter)).transpose()?;
        let parts = call.arguments.iter().chain(&call.filter).map(|part| part.span);
        let span = parts.fold(start, cover);
        Ok(Expr { kind: ExprKind::Call(Box::new(call)), span })
    }
}

impl Converter<'_> {
    /// What the parser took for the name of an argument: a text or a column.
    fn compared(&mut self, ident: parsed::Ident) -> Expr {
        let is_text = ident.quote_style == Some('\'');
        let name = self.name(ident);
        let span = name.span;
        let kind = match is_text {
            true => ExprKind::Literal(Literal::Text(name.text)),
            false => ExprKind::Name(vec![name]),
        };
        Expr { kind, span }
    }
}

fn is_flat(op: &BinaryOperator) -> bool {
    matches!(op, BinaryOperator::And | BinaryOperator::Or | BinaryOperator::StringConcat)
}

fn span_of(parts: &[Expr], otherwise: Span) -> Span {
    parts.iter().map(|part| part.span).reduce(cover).unwrap_or(otherwise)
}

fn number(digits: &str, span: Span) -> Expr {
    Expr { kind: ExprKind::Literal(Literal::Number(digits.to_string())), span }
}

fn call(name: &str, arguments: Vec<Expr>, last: Span) -> Expr {
    let span = span_of(&arguments, last);
    let name = Name { text: name.to_string(), span };
    named_call(name, arguments, Vec::new())
}

fn named_call(name: Name, arguments: Vec<Expr>, argument_names: Vec<Name>) -> Expr {
    let span = name.span;
    let call = Call { name, arguments, argument_names, star: false, distinct: false, filter: None };
    Expr { kind: ExprKind::Call(Box::new(call)), span }
}

fn hex(digits: &str, span: Span) -> Result<Vec<u8>> {
    let invalid =
        || Error::syntax(format!("x'{digits}' is not pairs of hexadecimal digits")).at(span);
    let nibbles: Option<Vec<u32>> = digits.chars().map(|digit| digit.to_digit(16)).collect();
    let nibbles = nibbles.filter(|nibbles| nibbles.len() % 2 == 0).ok_or_else(invalid)?;
    Ok(nibbles.chunks_exact(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect())
}
