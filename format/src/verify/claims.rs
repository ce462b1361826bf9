//! Statistics and indexes against the values that they are about.

use std::cmp::Ordering;

use super::values::{Distinct, Facts, order};
use super::{Check, Visit};
use crate::error::{Place, Result};
use crate::metadata::created_by::Writer;
use crate::metadata::{
    BoundaryOrder, ColumnChunk, ColumnIndex, ColumnOrder, OffsetIndex, Statistics,
};
use crate::prune::{Bounds, PruneValue, believed, bounds, is_ordered_as_decoded, page_bounds};
use crate::record::text::write_value;
use crate::schema::Leaf;
use crate::types::DataType;
use crate::vector::Cell;

/// A writer who is believed whatever can be.
const ANYONE: Writer<'static> = Writer { application: "", version: None };

/// Characters of a value that messages show.
const SHOWN: usize = 40;

/// A value of `leaf` as messages show it.
pub(super) fn shown(leaf: &Leaf, value: &PruneValue) -> String {
    let mut text = String::new();
    match (value, &leaf.data_type) {
        (PruneValue::Integer(nanoseconds), DataType::Int96) => {
            text = format!("{nanoseconds} ns after 1970");
        }
        (PruneValue::Boolean(value), _) => text = value.to_string(),
        (PruneValue::Integer(value), data_type) => {
            write_value(data_type, Cell::Integer(*value), &mut text);
        }
        (PruneValue::Float(value), _) => text = value.to_string(),
        (PruneValue::Bytes(bytes), data_type) if data_type.is_text() => {
            // A character has at most four bytes.
            let bytes = bytes.get(..4 * SHOWN + 4).unwrap_or(bytes);
            text = format!("\"{}\"", String::from_utf8_lossy(bytes).escape_debug());
        }
        (PruneValue::Bytes(bytes), data_type @ DataType::WideDecimal { .. }) => {
            write_value(data_type, Cell::Bytes(bytes), &mut text);
        }
        (PruneValue::Bytes(bytes), _) => {
            text = bytes.iter().take(SHOWN / 2).map(|byte| format!("{byte:02x}")).collect();
            text.insert_str(0, "x'");
            text.push('\'');
        }
    }
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// The statistics of a chunk with `facts`; all its values were read.
pub(super) fn chunk(
    visit: &mut Visit<'_>,
    leaf: &Leaf,
    chunk: ColumnChunk<'_>,
    facts: &Facts,
    place: &Place,
) {
    stated(visit, leaf, chunk.statistics(), facts, place);
    if let Ok(Some(sizes)) = chunk.size_statistics() {
        visit.report.claims += 1;
        let check = Check::SizeStatistics;
        bytes(visit, check, leaf, sizes.unencoded_byte_array_data_bytes, facts, place);
        let [repetition, definition] =
            [&sizes.repetition_level_histogram, &sizes.definition_level_histogram];
        histograms(visit, check, [repetition, definition], facts, place);
    }
}

/// What the footer, or the header of a page, states of values with `facts`, if it could be read.
pub(super) fn stated(
    visit: &mut Visit<'_>,
    leaf: &Leaf,
    claimed: Result<Option<Statistics<'_>>>,
    facts: &Facts,
    place: &Place,
) {
    match claimed {
        Ok(None) => {}
        Ok(Some(claimed)) => statistics(visit, leaf, &claimed, facts, place),
        Err(error) => {
            let what = format!("statistics that cannot be read: {}", error.what());
            visit.wrong(Check::Statistics, place, what);
        }
    }
}

fn statistics(
    visit: &mut Visit<'_>,
    leaf: &Leaf,
    claimed: &Statistics<'_>,
    facts: &Facts,
    place: &Place,
) {
    let check = Check::Statistics;
    let writer = visit.file.footer().writer();
    visit.report.claims += 1;
    if leaf.data_type != DataType::Null {
        nulls(visit, check, (leaf, claimed.null_count), facts, place);
    }
    if let Some(nans) = claimed.nan_count
        && nans != facts.nans
    {
        visit.wrong(check, place, format!("{nans} NaNs are claimed, there are {}", facts.nans));
    }
    distinct(visit, claimed.distinct_count, facts, place);
    let known = bounds(leaf, claimed, writer, facts.slots);
    let newer = [claimed.min_value, claimed.max_value];
    let is_believed = believed(leaf, claimed, writer).is_some() && is_ordered_as_decoded(leaf);
    if newer.iter().any(Option::is_some) && is_believed {
        let all_nan = facts.values() == facts.nans;
        let may_be_nan = leaf.column_order == Some(ColumnOrder::Ieee754TotalOrder) && all_nan;
        if known.min.is_none() && known.max.is_none() && !may_be_nan {
            let is_nan = |bound: Option<&[u8]>| {
                bound.is_some_and(|bytes| {
                    PruneValue::of_plain(leaf, bytes).is_some_and(|value| value.is_nan())
                })
            };
            let what = match newer.iter().any(|bound| is_nan(*bound)) {
                true => "a bound is NaN, which says nothing about the other values",
                false => "bounds that are no values of the type, or contradict one another",
            };
            visit.wrong(check, place, what);
        } else {
            for bound in newer.into_iter().flatten() {
                if PruneValue::of_plain(leaf, bound).is_none() {
                    let what = format!("a bound of {} bytes that is no value", bound.len());
                    visit.wrong(check, place, what);
                }
            }
        }
    }
    inside(visit, check, leaf, &known, facts, place);
    // What is not believed of this writer, readers that do not know it go by.
    let of_anyone = bounds(leaf, claimed, ANYONE, facts.slots);
    if (&of_anyone.min, &of_anyone.max) != (&known.min, &known.max) {
        inside(visit, check, leaf, &of_anyone, facts, place);
    }
    if newer.iter().any(Option::is_some) {
        // Older readers go by these.
        let legacy = Statistics { min_value: None, max_value: None, ..*claimed };
        let known = bounds(leaf, &legacy, writer, facts.slots);
        inside(visit, check, leaf, &known, facts, place);
    }
    let exact = [
        (claimed.is_min_value_exact, &known.min, &facts.min, "smallest"),
        (claimed.is_max_value_exact, &known.max, &facts.max, "largest"),
    ];
    for (flag, bound, actual, which) in exact {
        let (Some(true), Some(bound), Some(actual)) = (flag, bound, actual) else { continue };
        if order(actual, bound).is_some_and(Ordering::is_ne) {
            let (bound, actual) = (shown(leaf, bound), shown(leaf, actual));
            let what = format!("{bound} is claimed to be the {which} value, which is {actual}");
            visit.wrong(check, place, what);
        }
    }
}

/// What was counted of different values is compared: all of them, or those of a dictionary.
fn distinct(visit: &mut Visit<'_>, claimed: Option<u64>, facts: &Facts, place: &Place) {
    let Some(claimed) = claimed else { return };
    let what = match facts.distinct {
        _ if claimed > facts.values() => {
            format!("{claimed} different values are claimed of {}", facts.values())
        }
        Distinct::Exactly(count) if claimed != count => {
            format!("{claimed} different values are claimed, there are {count}")
        }
        Distinct::AtLeast(count) if claimed < count => {
            format!("{claimed} different values are claimed, there are at least {count}")
        }
        _ => return,
    };
    visit.wrong(Check::Statistics, place, what);
}

/// What writers count as nulls in lists differs: slots whose leaf is null, those that an element of the
/// innermost list belongs to, or all without a value.
fn nulls(
    visit: &mut Visit<'_>,
    check: Check,
    (leaf, claimed): (&Leaf, Option<u64>),
    facts: &Facts,
    place: &Place,
) {
    if let Some(nulls) = claimed
        && !facts.may_count_nulls(nulls, leaf)
    {
        visit.wrong(check, place, format!("{nulls} nulls are claimed, there are {}", facts.nulls));
    }
}

/// The values lie between the bounds.
fn inside(
    visit: &mut Visit<'_>,
    check: Check,
    leaf: &Leaf,
    known: &Bounds,
    facts: &Facts,
    place: &Place,
) {
    let sides = [
        (&known.min, &facts.min, Ordering::Less, "smallest", "below the least value claimed"),
        (&known.max, &facts.max, Ordering::Greater, "largest", "above the greatest value claimed"),
    ];
    for (bound, actual, wrong, which, beyond) in sides {
        let (Some(bound), Some(actual)) = (bound, actual) else { continue };
        if order(actual, bound) == Some(wrong) {
            let (actual, bound) = (shown(leaf, actual), shown(leaf, bound));
            let what = format!("the {which} value, {actual}, is {beyond}, {bound}");
            visit.wrong(check, place, what);
        }
    }
}

/// What the page index says of page `page`, of `rows` rows, with `facts`.
pub(super) fn page(
    visit: &mut Visit<'_>,
    leaf: &Leaf,
    index: &ColumnIndex,
    page: usize,
    rows: u64,
    facts: &Facts,
    place: &Place,
) {
    let check = Check::ColumnIndex;
    visit.report.claims += 1;
    // Of nulls alone nothing depends on how they are counted.
    if leaf.data_type == DataType::Null {
        return;
    }
    if index.is_null_page(page) != (facts.values() == 0) && facts.slots > 0 {
        let what = if index.is_null_page(page) {
            format!("a page of nulls alone is claimed, it has {} values", facts.values())
        } else {
            "a page of nulls alone, for which bounds are claimed".to_string()
        };
        visit.wrong(check, place, what);
        return;
    }
    nulls(visit, check, (leaf, index.null_count(page)), facts, place);
    if let Some(nans) = index.nan_count(page)
        && nans != facts.nans
    {
        visit.wrong(check, place, format!("{nans} NaNs are claimed, there are {}", facts.nans));
    }
    let mut known = page_bounds(leaf, index, ANYONE, page, rows.max(facts.slots));
    known.null_count = None;
    inside(visit, check, leaf, &known, facts, place);
    let (repetition, definition) =
        (index.repetition_level_histogram(page), index.definition_level_histogram(page));
    histograms(visit, check, [repetition, definition], facts, place);
}

/// The bytes of strings that the offset index claims for page `page`.
pub(super) fn page_bytes(
    visit: &mut Visit<'_>,
    leaf: &Leaf,
    index: &OffsetIndex,
    page: usize,
    facts: &Facts,
    place: &Place,
) {
    let claimed = index.unencoded_bytes.get(page).copied();
    bytes(visit, Check::OffsetIndex, leaf, claimed, facts, place);
}

fn bytes(
    visit: &mut Visit<'_>,
    check: Check,
    leaf: &Leaf,
    claimed: Option<u64>,
    facts: &Facts,
    place: &Place,
) {
    let is_bytes = leaf.physical_type == crate::metadata::PhysicalType::ByteArray;
    // Numbers that are stored as bytes are counted as what they are.
    let is_number =
        matches!(leaf.data_type, DataType::Decimal { .. } | DataType::WideDecimal { .. });
    let is_counted = is_bytes && !is_number;
    if let Some(claimed) = claimed.filter(|claimed| is_counted && *claimed != facts.bytes) {
        let what = format!("{claimed} bytes of strings are claimed, there are {}", facts.bytes);
        visit.wrong(check, place, what);
    }
}

fn histograms(
    visit: &mut Visit<'_>,
    check: Check,
    claimed: [&[u64]; 2],
    facts: &Facts,
    place: &Place,
) {
    let sides = [
        ("repetition", claimed[0], &facts.repetition),
        ("definition", claimed[1], &facts.definition),
    ];
    for (which, claimed, actual) in sides {
        if !claimed.is_empty() && claimed != actual.as_slice() {
            let what = format!("{which} levels {claimed:?} are claimed, there are {actual:?}");
            visit.wrong(check, place, what);
        }
    }
}

/// Whether the bounds of pages ascend or descend as the index says.
pub(super) fn boundary_order(
    visit: &mut Visit<'_>,
    leaf: &Leaf,
    index: &ColumnIndex,
    place: &Place,
) {
    let wrong = match index.boundary_order {
        BoundaryOrder::Unordered => return,
        BoundaryOrder::Ascending => Ordering::Greater,
        BoundaryOrder::Descending => Ordering::Less,
    };
    let mut last: Option<Bounds> = None;
    for page in 0..index.len() {
        let known = page_bounds(leaf, index, ANYONE, page, u64::MAX);
        if known.min.is_none() || known.max.is_none() {
            continue;
        }
        if let Some(last) = &last {
            let is_wrong = |a: &Option<PruneValue>, b: &Option<PruneValue>| {
                a.as_ref().zip(b.as_ref()).and_then(|(a, b)| a.order(b)) == Some(wrong)
            };
            let disordered = is_wrong(&last.min, &known.min) || is_wrong(&last.max, &known.max);
            if disordered {
                let place = Place { page: Some(page as u32), ..place.clone() };
                let what = format!(
                    "bounds of pages are claimed to be {:?}, and are not",
                    index.boundary_order
                );
                visit.wrong(Check::ColumnIndex, &place, what.to_lowercase());
                return;
            }
        }
        last = Some(known);
    }
}
