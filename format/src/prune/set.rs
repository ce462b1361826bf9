//! The values of an `IN`: sorted once, shared by all files and row groups that are asked about them.

use std::cmp::Ordering;
use std::sync::Arc;

use super::PruneValue;

/// Values, one of which a value has to be equal to. A clone shares them.
///
/// ```
/// use millwork_format::prune::{PruneValue, ValueSet};
/// let set: ValueSet = [9, 7, 9].map(PruneValue::Integer).into_iter().collect();
/// assert_eq!(set.as_slice(), [7, 9].map(PruneValue::Integer));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ValueSet {
    values: Arc<[PruneValue]>,
    /// Whether they are of one kind and none is NaN: then they ascend, each once.
    ascends: bool,
}

impl FromIterator<PruneValue> for ValueSet {
    fn from_iter<I: IntoIterator<Item = PruneValue>>(values: I) -> Self {
        let mut values: Vec<PruneValue> = values.into_iter().collect();
        let comparable = |value: &PruneValue| value.order(&values[0]).is_some();
        let ascends = values.iter().all(comparable);
        if ascends {
            values.sort_by(|one, other| one.order(other).unwrap_or(Ordering::Equal));
            values.dedup();
        }
        Self { values: values.into(), ascends }
    }
}

impl ValueSet {
    /// The values: ascending and each once, unless they cannot be compared with each other.
    #[must_use]
    pub fn as_slice(&self) -> &[PruneValue] {
        &self.values
    }

    /// Those among which one is that lies between `min` and a bound above it, if any does.
    pub(super) fn from(&self, min: Option<&PruneValue>) -> &[PruneValue] {
        if !self.ascends {
            return &self.values;
        }
        let is_below =
            |value: &PruneValue| min.and_then(|min| value.order(min)).is_some_and(Ordering::is_lt);
        let first = self.values.partition_point(is_below);
        &self.values[first..self.values.len().min(first + 1)]
    }

    /// Whether one of them may be `bytes`: what is not bytes proves nothing.
    pub(super) fn may_contain(&self, bytes: &[u8]) -> bool {
        let order = |value: &PruneValue| match value {
            PruneValue::Bytes(own) => own.as_slice().cmp(bytes),
            _ => Ordering::Equal,
        };
        match self.ascends {
            true => self.values.binary_search_by(order).is_ok(),
            false => self.values.iter().any(|value| order(value).is_eq()),
        }
    }
}
