//! What a file proves about predicates before it is read: which row groups and pages can be left out.
//!
//! In: a [`Predicate`] over leaves, and what a file has written down about them. Out: "may match" for a
//! row group, ranges of rows that may match, and the [`Evidence`] for what was left out; of decoded rows those
//! that do match. The stages, each asked only if the ones before could not tell and only where it can tell more:
//!
//! 1. statistics of the footer, which are here already;
//! 2. bloom filters, for `=` and `IN`: the header and one block of 32 bytes a value;
//! 3. dictionaries of chunks whose pages all point into one: one small read, which decoding needs anyway
//!    if the row group is kept;
//! 4. the page index: which rows of the row group are left.
//!
//! **Leaves.** A leaf inside structs has one value a row and is as good as a column. A test of a leaf under
//! a list or map asks whether *one of the values* of the row passes; for [`Test::IsNull`] that proves nothing.
//!
//! Invariant: a wrong answer of a query is never the price. Whatever is missing, contradictory, of an
//! unknown order, or known to have been written wrongly, proves nothing. A null never passes a
//! comparison. A NaN may be in any column of floats whose statistics do not say otherwise; some
//! languages order it behind all numbers (SQL as DuckDB and PostgreSQL have it), some let every
//! comparison with it fail (IEEE 754): only what holds in both is taken as proven.
//!
//! **Trust.** Indexes are read like everything else of a file: broken ones are passed over, and cannot
//! make a reader panic, hang, or allocate by what they claim. A well-formed index that lies (bounds that
//! are too narrow, a bloom filter or `encoding_stats` of other values) is believed, and rows that it denies
//! are missing from answers of queries that ask for them; so it is with every reader that prunes.
//! [`crate::verify`] finds such lies, and anyone who does not trust a file scans it without pruning.
//!
//! | module | holds |
//! |---|---|
//! | `set` | the values of an `IN`: [`ValueSet`] |
//! | `predicate` | what is asked: [`Predicate`], [`Test`], [`PruneValue`] |
//! | `writers` | who has written statistics that are wrong |
//! | `bounds` | statistics decoded: [`Bounds`] |
//! | `value` | values to the bytes that bloom filters hash, and back |
//! | `verdict` | a [`Test`] against [`Bounds`] |
//! | `filter` | a [`Predicate`] made ready: [`Filter`] |
//! | `pages` | ranges of rows by page index |
//! | `bloom` | a chunk's bloom filter asked about values |
//! | `dictionary` | a chunk's dictionary asked about tests |
//! | `group` | the stages of one row group: [`GroupPruning`] |
//! | `rows` | decoded rows, of which it is known |

mod set;
mod predicate;
mod writers;
mod bounds;
mod value;
mod verdict;
mod filter;
mod pages;
mod bloom;
mod dictionary;
mod group;
mod rows;

use crate::error::{Error, Result};
use crate::metadata::created_by::Writer;
use crate::metadata::{ColumnChunk, Footer, Statistics};
use crate::schema::{Leaf, Schema};

pub(crate) use bounds::is_ordered_as_decoded;
pub use bounds::{Bounds, believed, bounds};
pub use filter::{Attempts, Filter};
pub use group::{DecodedDictionary, Evidence, GroupPruning, Step};
pub use pages::{PageSelection, intersection, page_bounds, page_selection, union};
pub use predicate::{LeafPredicate, Predicate, PruneValue, Test};
pub(crate) use rows::RowFilter;
pub use set::ValueSet;
pub use verdict::{always_matches, may_match};
use writers::without_false;

/// How a value is compared with that of the predicate, the column's value on the left.
pub use millwork_codecs::kernel::Comparison;

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
    Ok(Some(bounds(
        leaf,
        &statistics_of(chunk, footer.writer()),
        footer.writer(),
        group.num_rows(),
    )))
}

/// About how many different values leaf `leaf` has in row group `row_group`, if the footer allows an estimate:
/// for choosing what is done first, never for what is left out.
#[must_use]
pub fn distinct_about(footer: &Footer, row_group: usize, leaf: usize) -> Option<u64> {
    footer.column(row_group, leaf).and_then(dictionary::distinct_about)
}

/// What tests of any leaf are asked of: the "rows" of a repeated one are its slots.
fn bounds_of_slots(
    footer: &Footer,
    schema: &Schema,
    row_group: usize,
    leaf: usize,
) -> Option<Bounds> {
    let (chunk, described) = (footer.column(row_group, leaf)?, schema.leaves().get(leaf)?);
    if has_one_value_a_row(described) {
        return chunk_bounds(footer, schema, row_group, leaf).ok().flatten();
    }
    let statistics = statistics_of(chunk, footer.writer());
    let slots = chunk.num_values();
    let known = bounds(described, &statistics, footer.writer(), slots);
    // A row group of rows without slots is not worth believing.
    (slots > 0).then_some(known)
}

/// What is claimed of `chunk`, as far as its writer is believed. Broken statistics are as if absent: they are not
/// needed to read the file.
fn statistics_of<'a>(chunk: ColumnChunk<'a>, writer: Writer<'_>) -> Statistics<'a> {
    without_false(chunk.statistics().ok().flatten().unwrap_or_default(), chunk, writer)
}

fn has_one_value_a_row(leaf: &Leaf) -> bool {
    leaf.max_repetition_level == 0
}

#[cfg(test)]
mod tests;
