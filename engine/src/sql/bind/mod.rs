//! Statements to bound plans: names are looked up, types settled, subqueries turned into joins.
//!
//! In: syntax trees, a catalog and views. Out: plans and the names of their columns. CTEs and views
//! are bound again at every use.
//!
//! - `scope`: which column a name means. `frame`: what is gathered while expressions are bound.
//! - `query`, `select`, `from`, `aggregate`, `subquery`: relations.
//! - `expression`, `literal`, `function`: expressions.

mod aggregate;
mod expression;
mod frame;
mod from;
mod function;
mod literal;
mod nested;
mod query;
mod scope;
mod select;
mod subquery;
mod unnest;
mod value;

use std::collections::HashMap;
use std::sync::Arc;

use crate::catalog::Catalog;
use crate::error::{Error, Result, Span};
use crate::plan::{LogicalPlan, optimize};
use crate::sql::MAX_BOUND_DEPTH;
use crate::sql::ast::{Cte, Name, Query, Statement, StatementKind};

/// Tables that one statement may name, with those inside CTEs and views counted at every use.
const MAX_TABLES: usize = 4_096;

/// Expressions that one statement may come to, with those that stand at several places counted at each: names
/// of items, BETWEEN and subqueries may double what is written.
const MAX_EXPRESSIONS: usize = 1 << 20;

/// A view: the query it stands for and the names of its columns, if they were given.
#[derive(Clone, Debug)]
pub struct View {
    /// What it stands for.
    pub query: Arc<Query>,
    /// Names of its first columns.
    pub columns: Vec<Name>,
}

/// The views of a session, by name in any case.
#[derive(Clone, Debug, Default)]
pub struct Views {
    by_name: HashMap<String, View>,
}

impl Views {
    /// The view called `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&View> {
        self.by_name.get(&name.to_ascii_lowercase())
    }

    /// Adds or replaces a view.
    pub fn insert(&mut self, name: &str, view: View) {
        self.by_name.insert(name.to_ascii_lowercase(), view);
    }

    /// Removes a view; whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        self.by_name.remove(&name.to_ascii_lowercase()).is_some()
    }

    /// All names, in lower case.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }
}

/// A statement with every name resolved.
#[derive(Clone, Debug)]
pub enum Bound {
    /// Rows; the plan's fields are the output columns (names may repeat).
    Query(LogicalPlan),
    /// A view to keep: [`Views::insert`].
    CreateView {
        /// Its name.
        name: String,
        /// What it stands for.
        view: View,
    },
    /// A view to remove: [`Views::remove`].
    DropView {
        /// Its name.
        name: String,
    },
    /// Nothing to do (`IF EXISTS` of a view that does not).
    Nothing,
    /// A plan to show.
    Explain {
        /// Whether it is run.
        analyze: bool,
        /// Whether it is shown as JSON.
        json: bool,
        /// The plan, before rules.
        plan: LogicalPlan,
    },
}

impl Bound {
    /// The same with its plan as it is to be run: see [`crate::plan::optimize`].
    #[must_use]
    pub fn optimized(self) -> Self {
        match self {
            Self::Query(plan) => Self::Query(optimize(plan)),
            Self::Explain { analyze, json, plan } => {
                Self::Explain { analyze, json, plan: optimize(plan) }
            }
            other => other,
        }
    }
}

/// Binds statements.
pub struct Binder<'a> {
    catalog: &'a dyn Catalog,
    views: &'a Views,
    /// CTEs in sight, inner ones last; each sees those before it.
    ctes: Vec<Cte>,
    /// Whether spans are of another text: inside a view.
    in_view: bool,
    view_names: Vec<String>,
    table_count: usize,
    /// Expressions so far.
    expression_count: usize,
    /// Expressions and queries around what is bound.
    depth: usize,
}

impl<'a> Binder<'a> {
    /// A binder over a catalog and views.
    #[must_use]
    pub fn new(catalog: &'a dyn Catalog, views: &'a Views) -> Self {
        let (ctes, view_names) = (Vec::new(), Vec::new());
        Self {
            catalog,
            views,
            ctes,
            in_view: false,
            view_names,
            table_count: 0,
            expression_count: 0,
            depth: 0,
        }
    }

    /// Counts `more` expressions.
    fn count_expressions(&mut self, more: usize) -> Result<()> {
        self.expression_count = self.expression_count.saturating_add(more);
        if self.expression_count > MAX_EXPRESSIONS {
            let what = format!("a statement of more than {MAX_EXPRESSIONS} expressions");
            return Err(Error::unsupported(what));
        }
        Ok(())
    }

    /// One level down; refused below [`MAX_BOUND_DEPTH`].
    fn nested<T>(&mut self, bind: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= MAX_BOUND_DEPTH {
            let what = format!("views, CTEs and aliases nest deeper than {MAX_BOUND_DEPTH} levels");
            return Err(Error::unsupported(what));
        }
        self.depth += 1;
        let bound = bind(self);
        self.depth -= 1;
        bound
    }

    /// Binds a statement.
    ///
    /// # Errors
    /// `Name`, `Type` or `Unsupported`, with the place; what the catalog gives.
    pub fn bind(&mut self, statement: &Statement) -> Result<Bound> {
        self.bind_kind(statement).map_err(|error| error.at(statement.span))
    }

    fn bind_kind(&mut self, statement: &Statement) -> Result<Bound> {
        match &statement.kind {
            StatementKind::Query(query) => Ok(Bound::Query(self.query(query)?)),
            StatementKind::Explain { analyze, json, query } => {
                let plan = self.query(query)?;
                Ok(Bound::Explain { analyze: *analyze, json: *json, plan })
            }
            StatementKind::CreateView { name, columns, or_replace, if_not_exists, query } => {
                let exists = self.views.get(&name.text).is_some();
                if exists && *if_not_exists {
                    return Ok(Bound::Nothing);
                }
                if exists && !or_replace {
                    let error = Error::name(format!("view {} exists already", name.text));
                    return Err(error.hint("CREATE OR REPLACE VIEW replaces it").at(name.span));
                }
                // A view that cannot be bound is refused now, not at its first use.
                self.query(query)?;
                let view = View { query: query.clone(), columns: columns.clone() };
                Ok(Bound::CreateView { name: name.text.clone(), view })
            }
            StatementKind::DropView { name, if_exists } => {
                match (self.views.get(&name.text).is_some(), if_exists) {
                    (true, _) => Ok(Bound::DropView { name: name.text.clone() }),
                    (false, true) => Ok(Bound::Nothing),
                    (false, false) => {
                        Err(Error::name(format!("unknown view {}", name.text)).at(name.span))
                    }
                }
            }
        }
    }

    /// The span if it is of the text that is being bound.
    fn place(&self, span: Span) -> Option<Span> {
        (!self.in_view).then_some(span)
    }

    fn at(&self, error: Error, span: Span) -> Error {
        if self.in_view { error } else { error.at(span) }
    }
}
