//! What indexes say about conjuncts: the bridge from bound expressions to `format::prune`.
//!
//! In: conjuncts over the scan's columns, those of the query and those that operators above add while it
//! runs. Out: for each file a [`Filter`] that is true wherever all conjuncts are. What is not understood may
//! always be true. The values compared are of the column's own type, because the binder casts constants, not
//! columns, where it can.
//!
//! ```text
//! expression --(asked, once a query)--> tests of operands --(leaf, once a file)--> Filter
//! ```
//!
//! The values of long lists belong to the first step: the filters of all files share them.

mod asked;
mod leaf;

use std::sync::{Arc, Mutex, PoisonError};

use millwork_format::prune::{Attempts, Filter, Predicate, Test};
use millwork_format::read::FileScan;

use self::asked::Asked;
use self::leaf::{has_one_value_a_row, leaf_behind, leaf_of, leaf_under};
use super::ScanFilter;
use crate::expr::Expr;

/// The filter of each file.
#[derive(Debug)]
pub(super) struct Pruner {
    /// By predicate of the query.
    asked: Vec<Option<Asked>>,
    learnt: Vec<ScanFilter>,
    learnt_asks: Mutex<Versioned<Vec<Asked>>>,
    attempts: Arc<Attempts>,
    /// By file: leaves of one column have other ordinals in other files.
    filters: Vec<Mutex<Versioned<Filter>>>,
}

/// What was made of what is known, and how much was known then; nothing was before the first version.
#[derive(Debug)]
struct Versioned<T>(Option<(u64, Arc<T>)>);

impl<T> Default for Versioned<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Versioned<T> {
    /// What was made of `version`, or is made now.
    fn of(made: &Mutex<Self>, version: u64, make: impl FnOnce() -> T) -> Arc<T> {
        let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
        match &made.0 {
            Some((of, made)) if *of == version => Arc::clone(made),
            _ => {
                let new = Arc::new(make());
                made.0 = Some((version, Arc::clone(&new)));
                new
            }
        }
    }
}

impl Pruner {
    /// What all of `predicates` and what is `learnt` say about the columns of `files` files.
    pub(super) fn new(predicates: &[Expr], learnt: Vec<ScanFilter>, files: usize) -> Self {
        let asked = predicates.iter().map(Asked::by).collect();
        let filters = std::iter::repeat_with(Mutex::default).take(files).collect();
        Self { asked, learnt, learnt_asks: Mutex::default(), attempts: Arc::default(), filters }
    }

    /// Counts how often what is known has changed.
    pub(super) fn version(&self) -> u64 {
        self.learnt.iter().map(|learnt| learnt.filter.version()).sum()
    }

    /// Which predicates of the query indexes of `file` are asked about.
    pub(super) fn understood(&self, file: &FileScan) -> Vec<usize> {
        let answers = |asked: &Option<Asked>| asked.as_ref().and_then(|asked| of_file(asked, file));
        let parts = self.asked.iter().enumerate();
        parts.filter(|(_, asked)| answers(asked).is_some()).map(|(at, _)| at).collect()
    }

    /// Leaves of `file` that `filter` tests, and those that may be tested later.
    pub(super) fn tested(&self, filter: Option<&Filter>, file: &FileScan) -> Vec<usize> {
        let mut leaves = filter.map_or_else(Vec::new, |filter| filter.leaves().to_vec());
        for learnt in &self.learnt {
            leaves.extend(leaf_of(&learnt.column(), file));
        }
        leaves.sort_unstable();
        leaves.dedup();
        leaves
    }

    /// What rows of `file` have to pass, by what is known now; `None` if nothing is known to be asked of
    /// them.
    pub(super) fn filter(&self, file: &FileScan) -> Option<Arc<Filter>> {
        let version = self.version();
        let made = self.filters.get(file.ordinal() as usize)?;
        let filter = Versioned::of(made, version, || self.make(version, file));
        (!filter.is_empty()).then_some(filter)
    }

    fn make(&self, version: u64, file: &FileScan) -> Filter {
        let learnt = Versioned::of(&self.learnt_asks, version, || self.learnt_now());
        let asked = self.asked.iter().flatten().chain(&*learnt);
        let parts = asked.filter_map(|asked| of_file(asked, file)).collect();
        Filter::learning(Predicate::All(parts), &self.attempts)
    }

    fn learnt_now(&self) -> Vec<Asked> {
        let known = self.learnt.iter().filter(|learnt| learnt.filter.version() > 0);
        let conjuncts = known.flat_map(|learnt| learnt.filter.conjuncts(&learnt.column()));
        conjuncts.filter_map(|conjunct| Asked::by(&conjunct)).collect()
    }
}

/// What is asked of the leaves of `file`; `None` if it has none that can answer.
fn of_file(asked: &Asked, file: &FileScan) -> Option<Predicate> {
    let test_of = |leaf, test: &Test| Predicate::test(leaf, test.clone());
    match asked {
        Asked::All(parts) => {
            let known: Vec<_> = parts.iter().filter_map(|part| of_file(part, file)).collect();
            (!known.is_empty()).then_some(Predicate::All(known))
        }
        Asked::Any(parts) => {
            let known: Option<Vec<_>> = parts.iter().map(|part| of_file(part, file)).collect();
            known.map(Predicate::Any)
        }
        Asked::Value { operand, test } => {
            let leaf = leaf_behind(operand, file)?;
            // Of a leaf under a list it is asked whether one of its values passes: one that is null is
            // never told from no value.
            let tells = *test != Test::IsNull || has_one_value_a_row(leaf, file);
            tells.then(|| test_of(leaf, test))
        }
        Asked::Instant { operand, tests } => {
            let leaf = leaf_of(operand, file)?;
            Some(Predicate::All(tests.iter().map(|test| test_of(leaf, test)).collect()))
        }
        Asked::Element { list, test } => Some(test_of(leaf_under(list, file)?, test)),
    }
}
