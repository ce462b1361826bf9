//! SQL text to bound plans.
//!
//! In: text, a [`crate::catalog::Catalog`] and views. Out: [`crate::plan::LogicalPlan`]s with every
//! name resolved and every type settled. Nothing here touches data.
//!
//! - [`ast`]: what was written, with spans.
//! - `parse`: text to [`ast`]; the only place that knows the `sqlparser` crate.
//! - `interval`: INTERVAL literals.
//! - `types`, `arithmetic`: which types fit, what is cast, by DuckDB's rules.
//! - `bind`: [`ast`] to plans.
//! - `name`: names of columns without an alias.

#![forbid(unsafe_code)]

pub mod ast;
mod interval;
mod parse;
mod name;
mod types;
mod arithmetic;
mod bind;

use crate::error::Span;

pub use bind::{Binder, Bound, View, Views};
pub use parse::parse;

use parse::date_part;

/// Nesting of expressions and queries, as it is written. What is behind the parser recurses that deep, and
/// runs on stacks that fit it: see [`crate::stack`].
pub const MAX_DEPTH: usize = 256;

/// Nesting of expressions and queries once views, CTEs and aliases stand where they are named.
pub const MAX_BOUND_DEPTH: usize = 2 * MAX_DEPTH;

/// Operators in one chain such as `a + b - c`, together with those of the chains around it: a tree is as
/// high as its chain is long. AND, OR, `||` and UNION are flat, however many terms they have.
pub const MAX_CHAIN: usize = 4_096;

/// Tokens of one text, white space aside.
pub const MAX_TOKENS: usize = 1 << 20;

/// Line and column (both from 1, columns in characters) of byte `offset` of `text`.
#[must_use]
pub fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = 1 + before.bytes().filter(|&byte| byte == b'\n').count();
    (line, 1 + before[line_start..].chars().count())
}

/// The smallest span over both.
#[must_use]
pub(crate) fn cover(first: Span, second: Span) -> Span {
    Span { start: first.start.min(second.start), end: first.end.max(second.end) }
}

#[cfg(test)]
pub(crate) mod tests;
