//! What indexes say about conjuncts: the bridge from bound expressions to `format::prune`.
//!
//! In: conjuncts over the scan's columns, those of the query and those that operators above add while it
//! runs. Out: for each file a [`Filter`] that is true wherever all conjuncts are. What is not understood (arithmetic, casts of columns, functions) may always be true. The
//! values compared are of the column's own type, because the binder casts constants, not columns, where it
//! can; a cast column is left alone, but for INT96, whose instants are tested as nanoseconds.

use std::sync::{Arc, Mutex, PoisonError};

use millwork_format::prune::{
    Attempts, ColumnPredicate, Comparison, Filter, Predicate, PruneValue, Test,
};
use millwork_format::read::FileScan;
use millwork_format::schema::Layout;
use millwork_format::types::{DataType, TimeUnit};

use super::ScanFilter;
use crate::expr::{Expr, ExprKind, Function};
use crate::value::Scalar;

/// The filter of each file.
#[derive(Debug)]
pub(super) struct Pruner {
    predicates: Vec<Expr>,
    learnt: Vec<ScanFilter>,
    attempts: Arc<Attempts>,
    /// By file: leaves of one column have other ordinals in other files.
    filters: Vec<Mutex<Option<Made>>>,
}

/// A filter, and how much was known when it was made.
#[derive(Debug)]
struct Made {
    version: u64,
    filter: Arc<Filter>,
}

impl Pruner {
    /// What all of `predicates` and what is `learnt` say about the columns of `files` files.
    pub(super) fn new(predicates: Vec<Expr>, learnt: Vec<ScanFilter>, files: usize) -> Self {
        let filters = std::iter::repeat_with(Mutex::default).take(files).collect();
        Self { predicates, learnt, attempts: Arc::default(), filters }
    }

    /// Counts how often what is known has changed.
    pub(super) fn version(&self) -> u64 {
        self.learnt.iter().map(|learnt| learnt.filter.version()).sum()
    }

    /// Leaves of `file` that `filter` tests, and those that may be tested later.
    pub(super) fn tested(&self, filter: Option<&Filter>, file: &FileScan) -> Vec<usize> {
        let mut leaves = filter.map_or_else(Vec::new, |filter| filter.columns().to_vec());
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
        let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
        let filter = match &*made {
            Some(made) if made.version == version => Arc::clone(&made.filter),
            _ => {
                let filter = Arc::new(self.make(file));
                *made = Some(Made { version, filter: Arc::clone(&filter) });
                filter
            }
        };
        (!filter.is_empty()).then_some(filter)
    }

    fn make(&self, file: &FileScan) -> Filter {
        let known = self.learnt.iter().filter(|learnt| learnt.filter.version() > 0);
        let learnt: Vec<Expr> =
            known.flat_map(|learnt| learnt.filter.conjuncts(&learnt.column())).collect();
        let conjuncts = self.predicates.iter().chain(&learnt);
        let parts = conjuncts.filter_map(|part| predicate_of(part, file)).collect();
        Filter::learning(Predicate::All(parts), &self.attempts)
    }
}

/// What rows for which `expr` is true pass, as far as indexes can tell.
fn predicate_of(expr: &Expr, file: &FileScan) -> Option<Predicate> {
    match &expr.kind {
        ExprKind::And(parts) => {
            let known: Vec<_> = parts.iter().filter_map(|part| predicate_of(part, file)).collect();
            (!known.is_empty()).then_some(Predicate::All(known))
        }
        // One part that is not understood makes all of them useless.
        ExprKind::Or(parts) => {
            let known: Option<Vec<_>> = parts.iter().map(|part| predicate_of(part, file)).collect();
            known.map(Predicate::Any)
        }
        _ => {
            let (operand, test) = test_of(expr)?;
            if let Some((column, unit)) = instant_of(operand, file) {
                return counted(column, unit, &test);
            }
            let column = leaf_of(operand, file)?;
            Some(Predicate::Column(ColumnPredicate { column, test }))
        }
    }
}

/// The test that `predicate` is, and of what.
fn test_of(predicate: &Expr) -> Option<(&Expr, Test)> {
    match &predicate.kind {
        ExprKind::Call(Function::Compare(comparison), arguments) => {
            let [left, right] = &arguments[..] else { return None };
            let (operand, constant, comparison) = match (left.as_literal(), right.as_literal()) {
                (_, Some(constant)) => (left, constant, *comparison),
                (Some(constant), _) => (right, constant, comparison.swapped()),
                _ => return None,
            };
            Some((operand, Test::Compare { comparison, value: value_of(constant)? }))
        }
        ExprKind::Call(Function::IsNull, arguments) => Some((arguments.first()?, Test::IsNull)),
        ExprKind::Call(Function::IsNotNull, arguments) => {
            Some((arguments.first()?, Test::IsNotNull))
        }
        ExprKind::Call(Function::StartsWith, arguments) => {
            let [operand, prefix] = &arguments[..] else { return None };
            match prefix.as_literal()? {
                Scalar::Text(prefix) => Some((operand, Test::Prefix(prefix.as_bytes().to_vec()))),
                _ => None,
            }
        }
        ExprKind::Call(Function::Like { ignore_case: false, escape }, arguments) => {
            let [operand, pattern] = &arguments[..] else { return None };
            let Scalar::Text(pattern) = pattern.as_literal()? else { return None };
            // A backslash may be an escape or not: what stands before it is what it is.
            let special = |c: char| matches!(c, '%' | '_' | '\\') || Some(c) == *escape;
            let prefix = pattern.split(special).next().filter(|prefix| !prefix.is_empty())?;
            Some((operand, Test::Prefix(prefix.as_bytes().to_vec())))
        }
        ExprKind::InList { argument, list } => {
            // A null in the list makes no row true.
            let constants = list.iter().filter(|constant| !constant.is_null());
            let values: Option<Vec<PruneValue>> = constants.map(value_of).collect();
            Some((argument, Test::In(values?)))
        }
        _ => None,
    }
}

/// The leaf of INT96 that `expr` makes a timestamp of, and the unit of that.
fn instant_of(expr: &Expr, file: &FileScan) -> Option<(usize, TimeUnit)> {
    match (&expr.kind, &expr.data_type) {
        (ExprKind::Cast { argument, .. }, DataType::Timestamp { unit, .. })
            if argument.data_type == DataType::Int96 =>
        {
            Some((leaf_of(argument, file)?, *unit))
        }
        _ => None,
    }
}

/// What the nanoseconds of an INT96 pass where its instant, rounded down to `unit`, passes `test`: each
/// count of the unit is a range of nanoseconds, from its first up to the first of the next.
fn counted(column: usize, unit: TimeUnit, test: &Test) -> Option<Predicate> {
    let Test::Compare { comparison, value: PruneValue::Integer(count) } = test else { return None };
    let nanos = i128::from(TimeUnit::Nanos.per_second() / unit.per_second());
    let first = count.checked_mul(nanos)?;
    let next = first.checked_add(nanos)?;
    let compare = |comparison, value| {
        let test = Test::Compare { comparison, value: PruneValue::Integer(value) };
        Predicate::Column(ColumnPredicate { column, test })
    };
    let (from, below) = (Comparison::GreaterOrEqual, Comparison::Less);
    match comparison {
        Comparison::Less => Some(compare(below, first)),
        Comparison::LessOrEqual => Some(compare(below, next)),
        Comparison::Greater => Some(compare(from, next)),
        Comparison::GreaterOrEqual => Some(compare(from, first)),
        Comparison::Equal => Some(Predicate::All(vec![compare(from, first), compare(below, next)])),
        Comparison::NotEqual => None,
    }
}

/// The leaf whose values `expr` has, one a row: that of a column, or of a field in structs.
fn leaf_of(expr: &Expr, file: &FileScan) -> Option<usize> {
    let leaf = leaf_behind(expr, file)?;
    let described = file.file().schema().leaves().get(leaf)?;
    (described.max_repetition_level == 0).then_some(leaf)
}

fn leaf_behind(expr: &Expr, file: &FileScan) -> Option<usize> {
    match &expr.kind {
        ExprKind::Column(column) => {
            let column = file.columns().get(*column)?;
            match &column.layout {
                None => Some(column.leaf),
                Some(layout) => leaf_in(layout),
            }
        }
        ExprKind::Call(Function::StructField(_), _) => leaf_in(layout_of(expr, file)?),
        _ => None,
    }
}

fn leaf_in(layout: &Layout) -> Option<usize> {
    match layout {
        Layout::Leaf { leaf, .. } => Some(*leaf),
        _ => None,
    }
}

/// The layout of a nested column, or of a field in it.
fn layout_of<'a>(expr: &Expr, file: &'a FileScan) -> Option<&'a Layout> {
    match &expr.kind {
        ExprKind::Column(column) => file.columns().get(*column)?.layout.as_ref(),
        ExprKind::Call(Function::StructField(field), arguments) => {
            match layout_of(arguments.first()?, file)? {
                Layout::Struct { children, .. } => children.get(*field),
                _ => None,
            }
        }
        _ => None,
    }
}

fn value_of(constant: &Scalar) -> Option<PruneValue> {
    Some(match constant {
        Scalar::Null => return None,
        Scalar::Boolean(value) => PruneValue::Boolean(*value),
        Scalar::Integer(value) => PruneValue::Integer(*value),
        Scalar::Float(value) => PruneValue::Float(*value),
        Scalar::Text(text) => PruneValue::Bytes(text.as_bytes().to_vec()),
        Scalar::Bytes(bytes) => PruneValue::Bytes(bytes.to_vec()),
    })
}
