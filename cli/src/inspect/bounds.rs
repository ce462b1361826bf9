//! Least and greatest values of statistics, as text.
//!
//! In: the bytes of a bound, PLAIN-encoded. Out: the value as a table shows it. What pruning does not believe is
//! left out, not guessed.

use millwork_format::metadata::created_by::Writer;
use millwork_format::metadata::{ColumnIndex, Statistics};
use millwork_format::prune::{PruneValue, believed};
use millwork_format::record::text::write_bound;
use millwork_format::schema::Leaf;

use crate::width;

/// Widest bound that people are shown.
const WIDTH: usize = 28;

/// `min … max`, cut for people; empty if both are unknown.
pub fn range(leaf: &Leaf, statistics: &Statistics<'_>, writer: Writer<'_>) -> String {
    let (min, max) = texts(leaf, statistics, writer);
    shown(min, max)
}

/// `min … max` of texts, cut for people; empty if both are unknown.
pub fn shown(min: Option<String>, max: Option<String>) -> String {
    if min.is_none() && max.is_none() {
        return String::new();
    }
    let cut = |bound: Option<String>| {
        let bound = bound.unwrap_or_else(|| "?".to_owned());
        width::truncated(&bound.replace(|c: char| c.is_control(), "·"), WIDTH)
    };
    format!("{} … {}", cut(min), cut(max))
}

/// The least and the greatest value, as text.
pub fn texts(
    leaf: &Leaf,
    statistics: &Statistics<'_>,
    writer: Writer<'_>,
) -> (Option<String>, Option<String>) {
    let (min, max) = values_of(leaf, statistics, writer);
    (min.map(|min| text(leaf, &min)), max.map(|max| text(leaf, &max)))
}

/// Neither if one of them is NaN, as that says nothing about the other values.
fn values_of(
    leaf: &Leaf,
    statistics: &Statistics<'_>,
    writer: Writer<'_>,
) -> (Option<PruneValue>, Option<PruneValue>) {
    let Some(bounds) = believed(leaf, statistics, writer) else { return (None, None) };
    let [min, max] = bounds.map(|bytes| bytes.and_then(|bytes| PruneValue::of_plain(leaf, bytes)));
    let is_nan = [&min, &max].into_iter().flatten().any(PruneValue::is_nan);
    if is_nan { (None, None) } else { (min, max) }
}

/// The least and the greatest value of page `page` by the column index, as text.
pub fn of_page(leaf: &Leaf, index: &ColumnIndex, page: usize) -> (Option<String>, Option<String>) {
    let bounds = Statistics {
        min_value: index.min(page),
        max_value: index.max(page),
        ..Statistics::default()
    };
    // No writer is known for wrong ones.
    texts(leaf, &bounds, Writer::parse(""))
}

/// The least and the greatest value over all `chunks` of a leaf (slots, and what is known of them), as
/// text; `None` if one with values does not tell.
pub fn merged(
    leaf: &Leaf,
    chunks: &[(u64, Option<Statistics<'_>>)],
    writer: Writer<'_>,
) -> Option<(Option<String>, Option<String>)> {
    let mut widest: Option<(PruneValue, PruneValue)> = None;
    for (values, statistics) in chunks {
        let statistics = statistics.as_ref()?;
        // Neither nulls nor NaNs have bounds.
        let nans = statistics.nan_count.unwrap_or(0);
        if statistics.null_count.and_then(|nulls| nulls.checked_add(nans)) == Some(*values) {
            continue;
        }
        let (min, max) = values_of(leaf, statistics, writer);
        let (min, max) = (min?, max?);
        widest = Some(match widest {
            None => (min, max),
            Some((least, greatest)) => (
                if min.order(&least)?.is_lt() { min } else { least },
                if max.order(&greatest)?.is_gt() { max } else { greatest },
            ),
        });
    }
    let (min, max) = widest?;
    Some((Some(text(leaf, &min)), Some(text(leaf, &max))))
}

fn text(leaf: &Leaf, value: &PruneValue) -> String {
    let mut text = String::new();
    write_bound(&leaf.data_type, value, &mut text);
    text
}
