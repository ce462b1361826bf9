//! A predicate made ready for many row groups.
//!
//! In: a [`Predicate`], a tree of tests of leaves. Out: a [`Filter`]: the tests in a row, and a tree of
//! their numbers, which gives one answer from what is known of each.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{LeafPredicate, Predicate, Test, bounds_of_slots, may_match};
use crate::metadata::Footer;
use crate::schema::Schema;

/// A [`Predicate`] that is put to row groups.
///
/// ```
/// use millwork_format::prune::{Comparison, Filter, Predicate};
/// let equal = |leaf, value: i64| Predicate::compare(leaf, Comparison::Equal, value);
/// let either = Predicate::Any(vec![equal(0, 7), equal(2, 9), equal(0, 8)]);
/// assert_eq!(Filter::new(either).leaves(), [0, 2]);
/// ```
#[derive(Clone, Debug)]
pub struct Filter {
    tests: Vec<LeafPredicate>,
    tree: Node,
    leaves: Vec<usize>,
    attempts: Arc<Attempts>,
}

#[derive(Clone, Debug)]
enum Node {
    Test(usize),
    All(Vec<Self>),
    Any(Vec<Self>),
}

impl Filter {
    /// Of `predicate`.
    #[must_use]
    pub fn new(predicate: Predicate) -> Self {
        Self::learning(predicate, &Arc::default())
    }

    /// The same, sharing with filters of other files what was learnt of the worth of indexes.
    #[must_use]
    pub fn learning(predicate: Predicate, attempts: &Arc<Attempts>) -> Self {
        let mut tests = Vec::new();
        let tree = Node::of(predicate, &mut tests);
        let leaves: BTreeSet<usize> = tests.iter().map(|test| test.leaf).collect();
        let leaves = leaves.into_iter().collect();
        Self { tests, tree, leaves, attempts: Arc::clone(attempts) }
    }

    /// Ordinals of the leaves that are tested, ascending.
    #[must_use]
    pub fn leaves(&self) -> &[usize] {
        &self.leaves
    }

    /// Whether every row passes, as far as it is concerned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tests.is_empty() && self.may(|_| false)
    }

    /// The tests, whose ordinals [`Filter::may`] asks for.
    pub(super) fn tests(&self) -> &[LeafPredicate] {
        &self.tests
    }

    pub(super) fn attempts(&self) -> &Attempts {
        &self.attempts
    }

    /// Whether a row may pass, if it may pass the tests for which `test` says so.
    pub(super) fn may(&self, test: impl Fn(usize) -> bool) -> bool {
        self.tree.may(&test)
    }

    /// What `test` gives for each test, put together by `all` and `any`.
    pub(super) fn fold<T>(
        &self,
        test: &impl Fn(usize) -> T,
        all: &impl Fn(Vec<T>) -> T,
        any: &impl Fn(Vec<T>) -> T,
    ) -> T {
        self.tree.fold(test, all, any)
    }

    /// Whether row group `row_group` may have a row that passes, by its statistics alone. `true` for a
    /// row group that does not exist.
    #[must_use]
    pub fn row_group_may_match(&self, footer: &Footer, schema: &Schema, row_group: usize) -> bool {
        let may = self.by_statistics(footer, schema, row_group);
        self.may(|test| may[test])
    }

    /// Which tests a row may pass, by statistics alone.
    pub(super) fn by_statistics(
        &self,
        footer: &Footer,
        schema: &Schema,
        row_group: usize,
    ) -> Vec<bool> {
        let mut known: Option<(usize, Option<super::Bounds>)> = None;
        let of_test = |predicate: &LeafPredicate| {
            let leaf = predicate.leaf;
            if known.as_ref().is_none_or(|(of, _)| *of != leaf) {
                known = Some((leaf, bounds_of_slots(footer, schema, row_group, leaf)));
            }
            let Some((_, Some(bounds))) = &known else { return true };
            // That a list has nulls, or has none, says nothing about rows.
            let repeated =
                schema.leaves().get(leaf).is_none_or(|leaf| leaf.max_repetition_level > 0);
            (repeated && predicate.test == Test::IsNull) || may_match(&predicate.test, bounds)
        };
        self.tests.iter().map(of_test).collect()
    }
}

impl Node {
    fn of(predicate: Predicate, tests: &mut Vec<LeafPredicate>) -> Self {
        match predicate {
            Predicate::Leaf(test) => {
                tests.push(test);
                Self::Test(tests.len() - 1)
            }
            Predicate::All(parts) => {
                Self::All(parts.into_iter().map(|part| Self::of(part, tests)).collect())
            }
            Predicate::Any(parts) => {
                Self::Any(parts.into_iter().map(|part| Self::of(part, tests)).collect())
            }
        }
    }

    fn may(&self, test: &impl Fn(usize) -> bool) -> bool {
        match self {
            Self::Test(index) => test(*index),
            Self::All(parts) => parts.iter().all(|part| part.may(test)),
            Self::Any(parts) => parts.iter().any(|part| part.may(test)),
        }
    }

    fn fold<T>(
        &self,
        test: &impl Fn(usize) -> T,
        all: &impl Fn(Vec<T>) -> T,
        any: &impl Fn(Vec<T>) -> T,
    ) -> T {
        let each = |parts: &[Self]| parts.iter().map(|part| part.fold(test, all, any)).collect();
        match self {
            Self::Test(index) => test(*index),
            Self::All(parts) => all(each(parts)),
            Self::Any(parts) => any(each(parts)),
        }
    }
}

/// How often an index that has to be read has paid: where it does not, it is left alone.
#[derive(Debug, Default)]
pub struct Attempts {
    bloom_filters: Ratio,
    dictionaries: Ratio,
}

#[derive(Debug, Default)]
pub(super) struct Ratio {
    tried: AtomicU64,
    paid: AtomicU64,
}

impl Attempts {
    pub(super) fn bloom_filters(&self) -> &Ratio {
        &self.bloom_filters
    }

    pub(super) fn dictionaries(&self) -> &Ratio {
        &self.dictionaries
    }
}

impl Ratio {
    /// Row groups that are tried before anything is concluded.
    const TRIALS: u64 = 8;

    /// Not once in ten tries: then it costs more than it gives.
    pub(super) fn is_worth_trying(&self) -> bool {
        let tried = self.tried.load(Ordering::Relaxed);
        tried < Self::TRIALS || self.paid.load(Ordering::Relaxed) * 10 >= tried
    }

    pub(super) fn learn(&self, paid: bool) {
        self.tried.fetch_add(1, Ordering::Relaxed);
        self.paid.fetch_add(u64::from(paid), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_pays_is_not_tried_for_ever() {
        let ratio = Ratio::default();
        for _ in 0..Ratio::TRIALS {
            assert!(ratio.is_worth_trying());
            ratio.learn(false);
        }
        assert!(!ratio.is_worth_trying());
        ratio.learn(true);
        assert!(ratio.is_worth_trying());
    }
}
