//! Bound expressions: every name resolved, every type known, one meaning each.
//!
//! The binder makes these; [`crate::expr`]'s evaluator runs them over batches. They hold no dialect:
//! a function whose results differ between dialects has one variant for each meaning.
//!
//! Types of arguments are settled by the binder, which inserts [`ExprKind::Cast`]: comparisons and
//! arithmetic see equal types on both sides, except decimals, whose rules are at [`Function`].

mod function;
mod fallible;
mod display;
mod evaluate;

pub use evaluate::{Program, constant};
pub use function::{AggregateCall, AggregateFunction, Comparison, DatePart, Function, SortKey};

use millwork_format::types::{DataType, Field};

use crate::error::Span;
use crate::value::Scalar;

/// An expression over the columns of a batch. Equal are those that mean the same, wherever they stand.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it computes.
    pub kind: ExprKind,
    /// Type of the result.
    pub data_type: DataType,
    /// Where it stands in the SQL text, for errors of evaluation.
    pub span: Option<Span>,
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind && self.data_type == other.data_type
    }
}

/// What an expression computes.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// Column of the input batch, by position.
    Column(usize),
    /// A constant.
    Literal(Scalar),
    /// A function of its arguments.
    Call(Function, Vec<Expr>),
    /// True if all are, false if one is not, else null. At least two arguments.
    And(Vec<Expr>),
    /// True if one is, false if none is, else null. At least two arguments.
    Or(Vec<Expr>),
    /// The argument as the expression's type. `strict`: a value that does not convert is an error,
    /// else it becomes null (TRY_CAST).
    Cast {
        /// What is converted.
        argument: Box<Expr>,
        /// Whether a value that does not convert is an error.
        strict: bool,
    },
    /// The result of the first branch whose condition is true, else `otherwise`. Conditions are
    /// evaluated in order, results only for the rows that take them.
    Case {
        /// Conditions (BOOLEAN) and results.
        branches: Vec<(Expr, Expr)>,
        /// For rows that no condition takes.
        otherwise: Box<Expr>,
    },
    /// Whether the argument equals one of the constants (of the argument's type). Null if the
    /// argument is, or if none is equal and one of the constants is null.
    InList {
        /// What is looked for.
        argument: Box<Expr>,
        /// Where it is looked for.
        list: Vec<Scalar>,
    },
}

impl Expr {
    /// Column `index` of the input, of type `data_type`.
    #[must_use]
    pub fn column(index: usize, data_type: DataType) -> Self {
        Self { kind: ExprKind::Column(index), data_type, span: None }
    }

    /// A constant.
    #[must_use]
    pub fn literal(value: Scalar, data_type: DataType) -> Self {
        Self { kind: ExprKind::Literal(value), data_type, span: None }
    }

    /// `function` of `arguments`.
    #[must_use]
    pub fn call(function: Function, arguments: Vec<Self>, data_type: DataType) -> Self {
        Self { kind: ExprKind::Call(function, arguments), data_type, span: None }
    }

    /// The constant, if this is one.
    #[must_use]
    pub fn as_literal(&self) -> Option<&Scalar> {
        match &self.kind {
            ExprKind::Literal(value) => Some(value),
            _ => None,
        }
    }

    /// Expressions in it, itself among them.
    #[must_use]
    pub fn size(&self) -> usize {
        1 + self.children().into_iter().map(Self::size).sum::<usize>()
    }

    /// The direct parts of this expression.
    #[must_use]
    pub fn children(&self) -> Vec<&Self> {
        match &self.kind {
            ExprKind::Column(_) | ExprKind::Literal(_) => Vec::new(),
            ExprKind::Call(_, arguments) | ExprKind::And(arguments) | ExprKind::Or(arguments) => {
                arguments.iter().collect()
            }
            ExprKind::Cast { argument, .. } | ExprKind::InList { argument, .. } => vec![argument],
            ExprKind::Case { branches, otherwise } => branches
                .iter()
                .flat_map(|(condition, result)| [condition, result])
                .chain(std::iter::once(&**otherwise))
                .collect(),
        }
    }

    /// The direct parts of this expression, to change.
    pub fn children_mut(&mut self) -> Vec<&mut Self> {
        match &mut self.kind {
            ExprKind::Column(_) | ExprKind::Literal(_) => Vec::new(),
            ExprKind::Call(_, arguments) | ExprKind::And(arguments) | ExprKind::Or(arguments) => {
                arguments.iter_mut().collect()
            }
            ExprKind::Cast { argument, .. } | ExprKind::InList { argument, .. } => vec![argument],
            ExprKind::Case { branches, otherwise } => branches
                .iter_mut()
                .flat_map(|(condition, result)| [condition, result])
                .chain(std::iter::once(&mut **otherwise))
                .collect(),
        }
    }

    /// Calls `visit` with every column position used, in order, repeats included.
    pub fn for_each_column(&self, visit: &mut impl FnMut(usize)) {
        if let ExprKind::Column(index) = self.kind {
            visit(index);
        }
        for child in self.children() {
            child.for_each_column(visit);
        }
    }

    /// Replaces every column position by what `replace` gives for it.
    pub fn map_columns(&mut self, replace: &mut impl FnMut(usize) -> usize) {
        if let ExprKind::Column(index) = &mut self.kind {
            *index = replace(*index);
        }
        for child in self.children_mut() {
            child.map_columns(replace);
        }
    }
}

/// For each field of the struct type `to` the field of `from` that becomes it: that of its name, or of
/// its place where one of the two has no names. `None` if none does, or the places are not as many.
#[must_use]
pub fn members(from: &[Field], to: &[Field]) -> Option<Vec<Option<usize>>> {
    let has_names = |fields: &[Field]| fields.iter().any(|field| !field.name.is_empty());
    if !has_names(from) || !has_names(to) {
        return (from.len() == to.len()).then(|| (0..to.len()).map(Some).collect());
    }
    let found: Vec<Option<usize>> = to
        .iter()
        .map(|to| from.iter().position(|from| from.name.eq_ignore_ascii_case(&to.name)))
        .collect();
    found.iter().any(Option::is_some).then_some(found)
}
