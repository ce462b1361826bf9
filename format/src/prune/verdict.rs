//! What bounds prove about a test.
//!
//! In: a [`Test`] and [`Bounds`]. Out: whether a row may pass it, whether all rows do.

use std::cmp::Ordering;

use super::{Bounds, Comparison, PruneValue, Test};

/// Whether one of the rows may pass. `true` wherever nothing is known.
///
/// ```
/// use millwork_format::prune::{Bounds, Comparison, PruneValue, Test, may_match};
/// let bounds = Bounds {
///     min: Some(PruneValue::Integer(10)),
///     max: Some(PruneValue::Integer(20)),
///     min_is_exact: true,
///     max_is_exact: true,
///     null_count: None,
///     may_have_nan: false,
///     row_count: 100,
/// };
/// let above = |value| Test::Compare {
///     comparison: Comparison::Greater,
///     value: PruneValue::Integer(value),
/// };
/// assert!(may_match(&above(19), &bounds));
/// assert!(!may_match(&above(20), &bounds));
/// ```
#[must_use]
pub fn may_match(test: &Test, bounds: &Bounds) -> bool {
    if bounds.row_count == 0 {
        return false;
    }
    match test {
        Test::IsNull => bounds.null_count != Some(0),
        _ if bounds.is_all_null() => false,
        Test::IsNotNull => true,
        Test::Prefix(prefix) => may_begin(prefix, bounds),
        Test::In(values) => {
            let near = values.from(bounds.min.as_ref());
            near.iter().any(|value| may_compare(Comparison::Equal, value, bounds))
        }
        Test::Compare { comparison, value } => may_compare(*comparison, value, bounds),
    }
}

/// Whether all of the rows are known to pass. `false` wherever that is not known.
#[must_use]
pub fn always_matches(test: &Test, bounds: &Bounds) -> bool {
    if bounds.row_count == 0 {
        return true;
    }
    match test {
        Test::IsNull => bounds.is_all_null(),
        _ if bounds.null_count != Some(0) => false,
        Test::IsNotNull => true,
        Test::Prefix(prefix) => always_begins(prefix, bounds),
        Test::In(values) => {
            let near = values.from(bounds.min.as_ref());
            near.iter().any(|value| always_compares(Comparison::Equal, value, bounds))
        }
        Test::Compare { comparison, value } => always_compares(*comparison, value, bounds),
    }
}

/// How a bound stands to the value; `None` if that is not known.
fn order(bound: Option<&PruneValue>, value: &PruneValue) -> Option<Ordering> {
    bound?.order(value)
}

/// Values that begin with `prefix` are those from it on that still do: a run of the order.
fn may_begin(prefix: &[u8], bounds: &Bounds) -> bool {
    let below = matches!(&bounds.max, Some(PruneValue::Bytes(max)) if max.as_slice() < prefix);
    let above = matches!(&bounds.min, Some(PruneValue::Bytes(min))
        if min.as_slice() > prefix && !min.starts_with(prefix));
    !below && !above
}

fn always_begins(prefix: &[u8], bounds: &Bounds) -> bool {
    let begins = |bound: &Option<PruneValue>| matches!(bound, Some(PruneValue::Bytes(bytes)) if bytes.starts_with(prefix));
    begins(&bounds.min) && begins(&bounds.max)
}

fn may_compare(comparison: Comparison, value: &PruneValue, bounds: &Bounds) -> bool {
    use Ordering::{Equal, Greater, Less};
    if value.is_nan() {
        return comparison != Comparison::Equal || bounds.may_have_nan;
    }
    let min = order(bounds.min.as_ref(), value);
    let max = order(bounds.max.as_ref(), value);
    match comparison {
        Comparison::Equal => min != Some(Greater) && max != Some(Less),
        Comparison::Less => !matches!(min, Some(Equal | Greater)),
        Comparison::LessOrEqual => min != Some(Greater),
        // What follows is true of NaN, too, where it is ordered behind all numbers.
        Comparison::NotEqual => bounds.may_have_nan || !(min == Some(Equal) && max == Some(Equal)),
        Comparison::Greater => bounds.may_have_nan || !matches!(max, Some(Equal | Less)),
        Comparison::GreaterOrEqual => bounds.may_have_nan || max != Some(Less),
    }
}

fn always_compares(comparison: Comparison, value: &PruneValue, bounds: &Bounds) -> bool {
    use Ordering::{Equal, Greater, Less};
    if value.is_nan() {
        return false;
    }
    let min = order(bounds.min.as_ref(), value);
    let max = order(bounds.max.as_ref(), value);
    match comparison {
        // True of NaN in every language.
        Comparison::NotEqual => min == Some(Greater) || max == Some(Less),
        _ if bounds.may_have_nan => false,
        Comparison::Equal => min == Some(Equal) && max == Some(Equal),
        Comparison::Less => max == Some(Less),
        Comparison::LessOrEqual => matches!(max, Some(Less | Equal)),
        Comparison::Greater => min == Some(Greater),
        Comparison::GreaterOrEqual => matches!(min, Some(Greater | Equal)),
    }
}
