//! What a file's statistics prove about predicates: which row groups and pages need not be read.
//!
//! In: tests of single leaves, and statistics or page indexes. Out: "may match" or "always matches",
//! for a row group or for ranges of rows.
//!
//! Invariant: a wrong answer of a query is never the price. Whatever is missing, contradictory, of an
//! unknown order, or known to have been written wrongly, proves nothing. A null never passes a
//! comparison. A NaN may be in any column of floats whose statistics do not say otherwise; some
//! languages order it behind all numbers (SQL as DuckDB and PostgreSQL have it), some let every
//! comparison with it fail (IEEE 754): only what holds in both is taken as proven.
//!
//! | module | holds |
//! |---|---|
//! | `bounds` | statistics decoded: [`Bounds`] |
//! | `verdict` | a [`Test`] against [`Bounds`] |
//! | `pages` | ranges of rows by page index |

mod bounds;
mod verdict;
mod pages;

use std::cmp::Ordering;

use crate::error::{Error, Result};
use crate::metadata::Footer;
use crate::schema::{Leaf, Schema};

pub use bounds::{Bounds, bounds};
pub use pages::{intersection, page_bounds, page_selection};
pub use verdict::{always_matches, may_match};

/// How a value is compared with that of the predicate, the column's value on the left.
pub use millwork_codecs::kernel::Comparison;

/// A value in the domain of decoded columns. It must be of the column's own type: who compares a
/// FLOAT column with 0.1 gives the single-precision value, if that is what the comparison uses.
#[derive(Clone, Debug, PartialEq)]
pub enum PruneValue {
    /// False or true.
    Boolean(bool),
    /// An integer; days of a date; units of a time or timestamp; the unscaled value of a decimal with
    /// the column's scale.
    Integer(i128),
    /// A float of any width.
    Float(f64),
    /// Text, bytes, or a UUID.
    Bytes(Vec<u8>),
}

impl PruneValue {
    /// The order of two values of the same kind; `None` for different kinds and for NaN. Bytes are
    /// compared as unsigned.
    #[must_use]
    pub fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Boolean(own), Self::Boolean(other)) => Some(own.cmp(other)),
            (Self::Integer(own), Self::Integer(other)) => Some(own.cmp(other)),
            (Self::Float(own), Self::Float(other)) => own.partial_cmp(other),
            (Self::Bytes(own), Self::Bytes(other)) => Some(own.cmp(other)),
            _ => None,
        }
    }

    fn is_nan(&self) -> bool {
        matches!(self, Self::Float(value) if value.is_nan())
    }
}

/// What is asked of the values of a leaf. Nulls pass only [`Test::IsNull`].
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// A comparison with a value.
    Compare {
        /// The comparison.
        comparison: Comparison,
        /// The value on its right.
        value: PruneValue,
    },
    /// The value is missing, or something around it is.
    IsNull,
    /// The value is there.
    IsNotNull,
    /// Equal to one of these.
    In(Vec<PruneValue>),
}

/// A test of one leaf. Several of them are a conjunction.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnPredicate {
    /// The ordinal of the leaf.
    pub column: usize,
    /// What is asked of its values.
    pub test: Test,
}

/// Whether row group `row_group` may have a row that passes all of `predicates`. A predicate on a
/// repeated leaf proves nothing.
///
/// # Errors
/// `InvalidArgument` if there is no such row group or leaf.
pub fn row_group_may_match(
    footer: &Footer,
    schema: &Schema,
    row_group: usize,
    predicates: &[ColumnPredicate],
) -> Result<bool> {
    for predicate in predicates {
        let known = chunk_bounds(footer, schema, row_group, predicate.column)?;
        if known.is_some_and(|bounds| !may_match(&predicate.test, &bounds)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether every row of row group `row_group` is known to pass all of `predicates`.
///
/// # Errors
/// `InvalidArgument` if there is no such row group or leaf.
pub fn row_group_always_matches(
    footer: &Footer,
    schema: &Schema,
    row_group: usize,
    predicates: &[ColumnPredicate],
) -> Result<bool> {
    for predicate in predicates {
        let known = chunk_bounds(footer, schema, row_group, predicate.column)?;
        if known.is_none_or(|bounds| !always_matches(&predicate.test, &bounds)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What is known of the values of a leaf in a row group; `None` if the leaf is repeated, and so has
/// not one value a row.
///
/// # Errors
/// `InvalidArgument` if there is no such row group or leaf.
pub fn chunk_bounds(
    footer: &Footer,
    schema: &Schema,
    row_group: usize,
    leaf: usize,
) -> Result<Option<Bounds>> {
    let (Some(group), Some(chunk), Some(leaf)) =
        (footer.row_group(row_group), footer.column(row_group, leaf), schema.leaves().get(leaf))
    else {
        return Err(Error::invalid_argument(format!(
            "statistics of column {leaf} in row group {row_group}: the file has {} columns and {} \
             row groups",
            footer.num_columns(),
            footer.num_row_groups(),
        )));
    };
    if !has_one_value_a_row(leaf) {
        return Ok(None);
    }
    // Broken statistics are as if absent: they are not needed to read the file.
    let statistics = chunk.statistics().ok().flatten().unwrap_or_default();
    Ok(Some(bounds(leaf, &statistics, footer.writer(), group.num_rows())))
}

fn has_one_value_a_row(leaf: &Leaf) -> bool {
    leaf.max_repetition_level == 0
}

#[cfg(test)]
mod tests;
