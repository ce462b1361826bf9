//! What is asked of rows: tests of leaves, put together by `All` and `Any`.
//!
//! The same [`Predicate`] is put to what a file has written down about row groups and pages (the rest of
//! this folder) and to decoded rows (`rows`).

use std::cmp::Ordering;

use super::{Comparison, ValueSet};

/// A value in the domain of decoded columns. It must be of the column's own type: who compares a
/// FLOAT column with 0.1 gives the single-precision value, if that is what the comparison uses.
#[derive(Clone, Debug, PartialEq)]
pub enum PruneValue {
    /// False or true.
    Boolean(bool),
    /// An integer; days of a date; units of a time or timestamp, nanoseconds of an INT96; the unscaled
    /// value of a decimal with the column's scale.
    Integer(i128),
    /// A float of any width.
    Float(f64),
    /// Text, bytes, or a UUID; a decimal of more than 38 digits as [`crate::WideDecimal::ordered`] has it.
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

    /// Whether it is a float that is not a number.
    #[must_use]
    pub fn is_nan(&self) -> bool {
        matches!(self, Self::Float(value) if value.is_nan())
    }
}

impl From<bool> for PruneValue {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

macro_rules! from_integers {
    ($($kind:ty),*) => {$(
        impl From<$kind> for PruneValue {
            fn from(value: $kind) -> Self {
                Self::Integer(value.into())
            }
        }
    )*};
}

from_integers!(i8, i16, i32, i64, i128, u8, u16, u32, u64);

impl From<f32> for PruneValue {
    fn from(value: f32) -> Self {
        Self::Float(value.into())
    }
}

impl From<f64> for PruneValue {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for PruneValue {
    fn from(text: &str) -> Self {
        Self::Bytes(text.as_bytes().to_vec())
    }
}

impl From<&[u8]> for PruneValue {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
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
    /// Text or bytes that begin with these.
    Prefix(Vec<u8>),
    /// The value is missing, or something around it is.
    IsNull,
    /// The value is there.
    IsNotNull,
    /// Equal to one of these.
    In(ValueSet),
}

/// A test of one leaf. Several of them are a conjunction.
#[derive(Clone, Debug, PartialEq)]
pub struct LeafPredicate {
    /// The ordinal of the leaf.
    pub leaf: usize,
    /// What is asked of its values.
    pub test: Test,
}

/// What rows have to pass.
///
/// ```
/// use millwork_format::prune::{Comparison, Predicate};
/// let (year, name) = (0, 3); // leaves, as `Schema::leaf_at` finds them
/// let recent = Predicate::compare(year, Comparison::GreaterOrEqual, 2024);
/// let wanted = recent.and(Predicate::is_in(name, ["oak", "ash"]).or(Predicate::is_null(name)));
/// # let Predicate::All(parts) = wanted else { panic!() };
/// # assert_eq!(parts.len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Predicate {
    /// A test of one leaf.
    Leaf(LeafPredicate),
    /// All of these; none: every row passes.
    All(Vec<Self>),
    /// One of these; none: no row passes.
    Any(Vec<Self>),
}

impl Predicate {
    /// That the values of leaf `leaf` pass `test`.
    #[must_use]
    pub fn test(leaf: usize, test: Test) -> Self {
        Self::Leaf(LeafPredicate { leaf, test })
    }

    /// That the values of leaf `leaf`, on the left, compare so with `value`.
    #[must_use]
    pub fn compare(leaf: usize, comparison: Comparison, value: impl Into<PruneValue>) -> Self {
        Self::test(leaf, Test::Compare { comparison, value: value.into() })
    }

    /// That the values of leaf `leaf` are among `values`.
    #[must_use]
    pub fn is_in(leaf: usize, values: impl IntoIterator<Item = impl Into<PruneValue>>) -> Self {
        Self::test(leaf, Test::In(values.into_iter().map(Into::into).collect()))
    }

    /// That the text or bytes of leaf `leaf` begin with `prefix`.
    #[must_use]
    pub fn begins_with(leaf: usize, prefix: impl AsRef<[u8]>) -> Self {
        Self::test(leaf, Test::Prefix(prefix.as_ref().to_vec()))
    }

    /// That leaf `leaf` has no value.
    #[must_use]
    pub fn is_null(leaf: usize) -> Self {
        Self::test(leaf, Test::IsNull)
    }

    /// That leaf `leaf` has a value.
    #[must_use]
    pub fn is_not_null(leaf: usize) -> Self {
        Self::test(leaf, Test::IsNotNull)
    }

    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match self {
            Self::All(mut parts) => {
                parts.push(other);
                Self::All(parts)
            }
            one => Self::All(vec![one, other]),
        }
    }

    /// One of the two, or both.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match self {
            Self::Any(mut parts) => {
                parts.push(other);
                Self::Any(parts)
            }
            one => Self::Any(vec![one, other]),
        }
    }
}
