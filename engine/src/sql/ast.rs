//! The syntax tree of a statement: what was written, before any name is looked up.
//!
//! Made by [`super::parse`], taken by the binder. Chains of AND, OR, `||` and UNION are flat lists, so the
//! depth of a tree is at most [`super::MAX_DEPTH`] and [`super::MAX_CHAIN`]: it may be dropped recursively on
//! any stack of 2 MiB, and walked on those of [`crate::stack`].
//! Spans are bytes of the text that was given to [`super::parse`].

use std::sync::Arc;

use millwork_format::types::DataType;

use crate::error::Span;
use crate::expr::{Comparison, DatePart};
use crate::kernel::interval::Interval;

/// A statement and where it stands.
#[derive(Clone, Debug)]
pub struct Statement {
    /// What to do.
    pub kind: StatementKind,
    /// From its first to its last token, without the `;`.
    pub span: Span,
}

/// What a statement does.
#[derive(Clone, Debug)]
pub enum StatementKind {
    /// Rows.
    Query(Query),
    /// `CREATE [OR REPLACE] VIEW name [(columns)] AS query`.
    CreateView {
        /// The view's name.
        name: Name,
        /// Names of its columns, if they were given.
        columns: Vec<Name>,
        /// Whether a view of that name is replaced.
        or_replace: bool,
        /// Whether a view of that name is kept.
        if_not_exists: bool,
        /// What it stands for.
        query: Arc<Query>,
    },
    /// `DROP VIEW [IF EXISTS] name`.
    DropView {
        /// The view's name.
        name: Name,
        /// Whether it may be missing.
        if_exists: bool,
    },
    /// `EXPLAIN [ANALYZE] [(FORMAT json)] query`.
    Explain {
        /// Whether the query is run.
        analyze: bool,
        /// Whether the plan is written as JSON.
        json: bool,
        /// What is explained.
        query: Query,
    },
}

/// An identifier. Names compare without regard to ASCII case, quoted or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Without quotes.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// A query with its common table expressions and its order.
#[derive(Clone, Debug)]
pub struct Query {
    /// `WITH name AS (query)`, each visible to those behind it.
    pub with: Vec<Cte>,
    /// The rows.
    pub body: Body,
    /// `ORDER BY`.
    pub order_by: OrderBy,
    /// `LIMIT`.
    pub limit: Option<Expr>,
    /// `OFFSET`.
    pub offset: Option<Expr>,
    /// Where it stands.
    pub span: Span,
}

/// A named query of a WITH clause.
#[derive(Clone, Debug)]
pub struct Cte {
    /// Its name.
    pub name: Name,
    /// Names of its columns, if they were given.
    pub columns: Vec<Name>,
    /// What it stands for.
    pub query: Arc<Query>,
}

/// What gives rows.
#[derive(Clone, Debug)]
pub enum Body {
    /// `SELECT`.
    Select(Box<Select>),
    /// `VALUES (..), (..)`.
    Values(Vec<Vec<Expr>>),
    /// A query in parentheses.
    Query(Box<Query>),
    /// Set operations from left to right, each between all before it and its branch.
    Set(Box<Body>, Vec<(SetOperator, Body)>),
}

/// How the rows of two queries become those of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetOperator {
    /// Those of both.
    UnionAll,
    /// Those of either, equal ones once.
    Union,
    /// Those of the first that the second has not, once.
    Except,
    /// Those that both have, once.
    Intersect,
}

/// A SELECT without what is around it.
#[derive(Clone, Debug)]
pub struct Select {
    /// DISTINCT.
    pub distinct: bool,
    /// What is selected.
    pub items: Vec<SelectItem>,
    /// Comma-separated tables; none gives one row without columns.
    pub from: Vec<TableExpr>,
    /// WHERE.
    pub filter: Option<Expr>,
    /// GROUP BY.
    pub group_by: GroupBy,
    /// HAVING.
    pub having: Option<Expr>,
    /// Where it stands.
    pub span: Span,
}

/// What makes a group.
#[derive(Clone, Debug)]
pub enum GroupBy {
    /// Expressions, positions or aliases; none if there is no GROUP BY.
    Items(Vec<Expr>),
    /// Every item of the SELECT without an aggregate.
    All,
}

/// The order of a query's rows.
#[derive(Clone, Debug)]
pub enum OrderBy {
    /// Expressions, positions or aliases.
    Items(Vec<OrderItem>),
    /// All columns from left to right.
    All {
        /// DESC.
        descending: bool,
        /// NULLS FIRST.
        nulls_first: bool,
    },
}

/// One key of an order.
#[derive(Clone, Debug)]
pub struct OrderItem {
    /// What is ordered by.
    pub expr: Expr,
    /// DESC.
    pub descending: bool,
    /// NULLS FIRST.
    pub nulls_first: bool,
}

/// One item of a SELECT.
#[derive(Clone, Debug)]
pub enum SelectItem {
    /// An expression and its alias.
    Expr(Expr, Option<Name>),
    /// `*` or `table.*`.
    Wildcard {
        /// Whose columns.
        table: Option<Name>,
        /// EXCLUDE.
        exclude: Vec<Name>,
        /// REPLACE (expression AS column).
        replace: Vec<(Expr, Name)>,
        /// Where it stands.
        span: Span,
    },
}

/// A table in FROM.
#[derive(Clone, Debug)]
pub enum TableExpr {
    /// A name, a file, a glob.
    Table {
        /// Dotted parts are joined by `.`.
        name: Name,
        /// The alias.
        alias: Option<Alias>,
    },
    /// A table function.
    Function {
        /// Its name.
        name: Name,
        /// Constants; of UNNEST anything that may use the tables before it.
        arguments: Vec<Expr>,
        /// The alias.
        alias: Option<Alias>,
    },
    /// A query in parentheses.
    Subquery {
        /// The query.
        query: Box<Query>,
        /// The alias.
        alias: Option<Alias>,
    },
    /// A join of two tables.
    Join {
        /// Left of JOIN.
        left: Box<TableExpr>,
        /// Right of JOIN.
        right: Box<TableExpr>,
        /// Which join.
        kind: JoinType,
        /// What must hold.
        condition: JoinCondition,
        /// Where the join stands.
        span: Span,
    },
}

/// The name of a table in a query, perhaps with names for its columns.
#[derive(Clone, Debug)]
pub struct Alias {
    /// The table's.
    pub name: Name,
    /// The first columns'.
    pub columns: Vec<Name>,
}

/// The joins of SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinType {
    /// Pairs that match.
    Inner,
    /// And left rows without a match.
    Left,
    /// And right rows without a match.
    Right,
    /// And both.
    Full,
    /// All pairs.
    Cross,
    /// Left rows with a match.
    Semi,
    /// Left rows without a match.
    Anti,
}

/// What must hold between rows of a join.
#[derive(Clone, Debug)]
pub enum JoinCondition {
    /// Nothing.
    None,
    /// A condition.
    On(Box<Expr>),
    /// Equal columns, which are one column of the result.
    Using(Vec<Name>),
    /// All columns of equal names.
    Natural,
}

/// An expression and where it stands.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What was written.
    pub kind: ExprKind,
    /// Where.
    pub span: Span,
}

/// Arithmetic operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `//`
    DivideInteger,
    /// `%`
    Modulo,
}

impl Arithmetic {
    /// As it is written.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::DivideInteger => "//",
            Self::Modulo => "%",
        }
    }
}

/// A constant as it was written.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// NULL.
    Null,
    /// TRUE, FALSE.
    Boolean(bool),
    /// Digits, perhaps a point, perhaps an exponent.
    Number(String),
    /// Text.
    Text(String),
    /// `x'..'`.
    Bytes(Vec<u8>),
    /// `DATE '..'`, `TIMESTAMP '..'` and the like.
    Typed(DataType, String),
    /// An interval.
    Interval(Interval),
}

/// What an expression says.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// A name with its qualifiers.
    Name(Vec<Name>),
    /// A constant.
    Literal(Literal),
    /// At least two conjuncts.
    And(Vec<Expr>),
    /// At least two disjuncts.
    Or(Vec<Expr>),
    /// `a || b || ..`.
    Concat(Vec<Expr>),
    /// NOT.
    Not(Box<Expr>),
    /// Unary minus.
    Negate(Box<Expr>),
    /// A comparison.
    Compare(Comparison, Box<Expr>, Box<Expr>),
    /// An arithmetic operation.
    Arithmetic(Arithmetic, Box<Expr>, Box<Expr>),
    /// `IS [NOT] NULL`; the flag is NOT.
    IsNull(Box<Expr>, bool),
    /// `IS [NOT] TRUE`, `IS [NOT] FALSE`.
    IsBoolean {
        /// What is asked.
        argument: Box<Expr>,
        /// TRUE or FALSE.
        value: bool,
        /// NOT.
        negated: bool,
    },
    /// `IS [NOT] DISTINCT FROM`; the flag is NOT.
    Distinct(Box<Expr>, Box<Expr>, bool),
    /// `[NOT] BETWEEN`.
    Between {
        /// What is compared.
        argument: Box<Expr>,
        /// Least value.
        low: Box<Expr>,
        /// Greatest value.
        high: Box<Expr>,
        /// NOT.
        negated: bool,
    },
    /// `[NOT] IN (..)`.
    InList {
        /// What is looked for.
        argument: Box<Expr>,
        /// Where.
        list: Vec<Expr>,
        /// NOT.
        negated: bool,
    },
    /// `[NOT] IN (query)`.
    InQuery {
        /// What is looked for.
        argument: Box<Expr>,
        /// Where.
        query: Box<Query>,
        /// NOT.
        negated: bool,
    },
    /// `[NOT] EXISTS (query)`; the flag is NOT.
    Exists(Box<Query>, bool),
    /// A query of one value.
    Subquery(Box<Query>),
    /// `[NOT] LIKE`, `[NOT] ILIKE`.
    Like {
        /// What is matched.
        argument: Box<Expr>,
        /// With `%` and `_`.
        pattern: Box<Expr>,
        /// ESCAPE.
        escape: Option<char>,
        /// ILIKE.
        ignore_case: bool,
        /// NOT.
        negated: bool,
    },
    /// CASE.
    Case {
        /// What is compared with the conditions, if there is something.
        operand: Option<Box<Expr>>,
        /// WHEN and THEN.
        branches: Vec<(Expr, Expr)>,
        /// ELSE.
        otherwise: Option<Box<Expr>>,
    },
    /// CAST, `::`, TRY_CAST.
    Cast {
        /// What is converted.
        argument: Box<Expr>,
        /// To what.
        data_type: DataType,
        /// Not TRY_CAST.
        strict: bool,
    },
    /// `EXTRACT(part FROM argument)`.
    Extract(DatePart, Box<Expr>),
    /// A function.
    Call(Box<Call>),
    /// `argument.name` where the argument is no name.
    Field(Box<Expr>, Name),
    /// `argument[index]`.
    Element(Box<Expr>, Box<Expr>),
    /// `argument[first:last]`, either of which may be left out.
    Slice {
        /// What is cut.
        argument: Box<Expr>,
        /// From where on.
        first: Option<Box<Expr>>,
        /// Up to where.
        last: Option<Box<Expr>>,
    },
}

/// A call of a function by name.
#[derive(Clone, Debug)]
pub struct Call {
    /// The function.
    pub name: Name,
    /// Its arguments.
    pub arguments: Vec<Expr>,
    /// Their names, as in `struct_pack(a := 1)`: none, or one each, empty for those without.
    pub argument_names: Vec<Name>,
    /// Whether the argument is `*`.
    pub star: bool,
    /// DISTINCT.
    pub distinct: bool,
    /// `FILTER (WHERE ..)`.
    pub filter: Option<Expr>,
}

impl Expr {
    /// The direct parts, without those of subqueries.
    #[must_use]
    pub fn children(&self) -> Vec<&Self> {
        match &self.kind {
            ExprKind::Name(_)
            | ExprKind::Literal(_)
            | ExprKind::Exists(..)
            | ExprKind::Subquery(_) => Vec::new(),
            ExprKind::And(parts) | ExprKind::Or(parts) | ExprKind::Concat(parts) => {
                parts.iter().collect()
            }
            ExprKind::Not(part)
            | ExprKind::Negate(part)
            | ExprKind::IsNull(part, _)
            | ExprKind::IsBoolean { argument: part, .. }
            | ExprKind::InQuery { argument: part, .. }
            | ExprKind::Cast { argument: part, .. }
            | ExprKind::Extract(_, part)
            | ExprKind::Field(part, _) => vec![part],
            ExprKind::Compare(_, left, right)
            | ExprKind::Arithmetic(_, left, right)
            | ExprKind::Distinct(left, right, _)
            | ExprKind::Element(left, right)
            | ExprKind::Like { argument: left, pattern: right, .. } => vec![left, right],
            ExprKind::Between { argument, low, high, .. } => vec![argument, low, high],
            ExprKind::InList { argument, list, .. } => {
                std::iter::once(&**argument).chain(list).collect()
            }
            ExprKind::Slice { argument, first, last } => {
                let ends = first.iter().chain(last).map(|end| &**end);
                std::iter::once(&**argument).chain(ends).collect()
            }
            ExprKind::Case { operand, branches, otherwise } => operand
                .iter()
                .map(|part| &**part)
                .chain(branches.iter().flat_map(|(condition, result)| [condition, result]))
                .chain(otherwise.iter().map(|part| &**part))
                .collect(),
            ExprKind::Call(call) => call.arguments.iter().chain(&call.filter).collect(),
        }
    }
}
