//! What indexes say about conjuncts: the bridge from bound expressions to `format::prune`.
//!
//! In: conjuncts over the scan's columns, those of the query and those that operators above add while it
//! runs. Out: for each file a [`Filter`] that is true wherever all conjuncts are. What is not understood (arithmetic, casts of columns, functions) may always be true. The
//! values compared are of the column's own type, because the binder casts constants, not columns, where it
//! can; through a cast that keeps the order of values the constant is brought back, and instants of INT96
//! are tested as nanoseconds. Of what lies under a list it is asked whether one of the values may pass.

use std::sync::{Arc, Mutex, PoisonError};

use millwork_format::prune::{
    Attempts, ColumnPredicate, Comparison, Filter, Predicate, PruneValue, Test,
};
use millwork_format::read::FileScan;
use millwork_format::schema::Layout;
use millwork_format::types::{DataType, TimeUnit};

use super::ScanFilter;
use crate::expr::{Expr, ExprKind, Function};
use crate::value::{Scalar, integer_bounds};

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

    /// Which predicates of the query indexes of `file` are asked about.
    pub(super) fn understood(&self, file: &FileScan) -> Vec<usize> {
        let parts = self.predicates.iter().enumerate();
        parts.filter(|(_, part)| predicate_of(part, file).is_some()).map(|(at, _)| at).collect()
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
        ExprKind::Call(Function::ListContains, arguments) => {
            let [list, element] = &arguments[..] else { return None };
            let Layout::List { element: layout, .. } = layout_of(list, file)? else { return None };
            let (comparison, value) = (Comparison::Equal, value_of(element.as_literal()?)?);
            let (column, test) = (leaf_in(layout)?, Test::Compare { comparison, value });
            Some(Predicate::Column(ColumnPredicate { column, test }))
        }
        _ => {
            let (operand, test) = test_of(expr)?;
            if let Some((column, unit)) = instant_of(operand, file) {
                return counted(column, unit, &test);
            }
            let (operand, test) = through_casts(operand, test)?;
            let column = leaf_behind(operand, file)?;
            // Of a leaf under a list it is asked whether one of its values passes: one that is null is
            // never told from no value.
            if test == Test::IsNull && !has_one_value_a_row(column, file) {
                return None;
            }
            Some(Predicate::Column(ColumnPredicate { column, test }))
        }
    }
}

/// The test that `predicate` is, and of what.
fn test_of(predicate: &Expr) -> Option<(&Expr, Test)> {
    let is = |value| {
        let value = PruneValue::Boolean(value);
        Test::Compare { comparison: Comparison::Equal, value }
    };
    match &predicate.kind {
        ExprKind::Column(_) if predicate.data_type == DataType::Boolean => {
            Some((predicate, is(true)))
        }
        ExprKind::Call(Function::StructField(_), _) if predicate.data_type == DataType::Boolean => {
            Some((predicate, is(true)))
        }
        ExprKind::Call(Function::Not, arguments) => match arguments.first()? {
            argument if matches!(argument.kind, ExprKind::Column(_)) => Some((argument, is(false))),
            _ => None,
        },
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

/// `operand` without the casts around it that keep values and their order, and the test that its value
/// passes where `test` is passed.
fn through_casts(operand: &Expr, test: Test) -> Option<(&Expr, Test)> {
    let (mut operand, mut test) = (operand, test);
    while let ExprKind::Cast { argument, strict } = &operand.kind {
        // What does not fit the finer unit is null then.
        if !strict && test == Test::IsNull {
            return None;
        }
        test = match scale_of(&argument.data_type, &operand.data_type)? {
            1 => test,
            factor => scaled(test, factor)?,
        };
        if integer_bounds(&argument.data_type).is_some() {
            test = of_integers(test)?;
        }
        operand = argument;
    }
    Some((operand, test))
}

/// What a cast that can't fail and changes no order multiplies counts by; `None` for other casts.
fn scale_of(from: &DataType, to: &DataType) -> Option<i128> {
    use DataType::{Binary, Date, Decimal, Fixed, Float16, Float32, Float64, Time, Timestamp};
    let power = |digits: u8| 10i128.checked_pow(digits.into());
    match (from, to) {
        (Float16, Float32 | Float64) | (Float32, Float64) | (Fixed(_), Binary) => Some(1),
        (from, to) if from.is_text() && to.is_text() => Some(1),
        (from, Float32 | Float64) => integer_bounds(from).map(|_| 1),
        (Decimal { precision, scale }, Decimal { precision: to_precision, scale: to_scale }) => {
            let digits = to_scale.checked_sub(*scale)?;
            (precision + digits <= *to_precision).then(|| power(digits)).flatten()
        }
        (from, Decimal { precision, scale }) => {
            let (low, high) = integer_bounds(from)?;
            let most = power(precision.checked_sub(*scale)?)?;
            (-most < low && high < most).then(|| power(*scale)).flatten()
        }
        (Date, Timestamp { unit, .. }) => Some(i128::from(unit.per_second()) * 86_400),
        (Timestamp { unit: from, .. }, Timestamp { unit: to, .. })
        | (Time { unit: from, .. }, Time { unit: to, .. }) => {
            (from <= to).then(|| i128::from(to.per_second() / from.per_second()))
        }
        (from, to) => {
            let ((low, high), (least, most)) = (integer_bounds(from)?, integer_bounds(to)?);
            (least <= low && high <= most).then_some(1)
        }
    }
}

/// What a count passes of which `factor` times as much passes `test`.
fn scaled(test: Test, factor: i128) -> Option<Test> {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let count = |value: &PruneValue| match value {
        PruneValue::Integer(count) => Some(*count),
        _ => None,
    };
    Some(match test {
        Test::Compare { comparison, value } => {
            let value = count(&value)?;
            let (below, is_whole) = (value.div_euclid(factor), value % factor == 0);
            let above = if is_whole { below } else { below + 1 };
            let bound = match comparison {
                Less | GreaterOrEqual => above,
                LessOrEqual | Greater => below,
                Equal if !is_whole => return Some(Test::In(Vec::new())),
                NotEqual if !is_whole => return Some(Test::IsNotNull),
                Equal | NotEqual => below,
            };
            Test::Compare { comparison, value: PruneValue::Integer(bound) }
        }
        Test::In(values) => {
            let counts: Option<Vec<i128>> = values.iter().map(count).collect();
            let whole = counts?.into_iter().filter(|value| value % factor == 0);
            Test::In(whole.map(|value| PruneValue::Integer(value / factor)).collect())
        }
        Test::IsNull | Test::IsNotNull => test,
        Test::Prefix(_) => return None,
    })
}

/// What an integer passes that passes `test` as a float: it is the same where floats have a number for
/// each integer, which those of single precision have up to 2^24.
fn of_integers(test: Test) -> Option<Test> {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    const EXACT: f64 = 8_388_608.0;
    let Test::Compare { comparison, value: PruneValue::Float(value) } = test else {
        let is_float = |value: &PruneValue| matches!(value, PruneValue::Float(_));
        return match &test {
            Test::In(values) if values.iter().any(is_float) => None,
            _ => Some(test),
        };
    };
    if !(-EXACT..=EXACT).contains(&value) {
        return None;
    }
    let bound = match comparison {
        Less | GreaterOrEqual => value.ceil(),
        LessOrEqual | Greater => value.floor(),
        Equal if value.fract() != 0.0 => return Some(Test::In(Vec::new())),
        NotEqual if value.fract() != 0.0 => return Some(Test::IsNotNull),
        Equal | NotEqual => value,
    };
    Some(Test::Compare { comparison, value: PruneValue::Integer(bound as i128) })
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
    leaf_behind(expr, file).filter(|leaf| has_one_value_a_row(*leaf, file))
}

fn has_one_value_a_row(leaf: usize, file: &FileScan) -> bool {
    let described = file.file().schema().leaves().get(leaf);
    described.is_some_and(|leaf| leaf.max_repetition_level == 0)
}

/// The leaf whose values `expr` has, or one of whose values it has.
fn leaf_behind(expr: &Expr, file: &FileScan) -> Option<usize> {
    if let ExprKind::Column(column) = &expr.kind {
        let column = file.columns().get(*column)?;
        if column.layout.is_none() {
            return Some(column.leaf);
        }
    }
    leaf_in(layout_of(expr, file)?)
}

fn leaf_in(layout: &Layout) -> Option<usize> {
    match layout {
        Layout::Leaf { leaf, .. } => Some(*leaf),
        Layout::List { .. } | Layout::Struct { .. } => None,
    }
}

/// The layout of a nested column, or of a part of it.
fn layout_of<'a>(expr: &Expr, file: &'a FileScan) -> Option<&'a Layout> {
    match &expr.kind {
        ExprKind::Column(column) => file.columns().get(*column)?.layout.as_ref(),
        ExprKind::Call(Function::StructField(field), arguments) => {
            match layout_of(arguments.first()?, file)? {
                Layout::Struct { children, .. } => children.get(*field),
                _ => None,
            }
        }
        ExprKind::Call(Function::ListElement, arguments) => {
            match layout_of(arguments.first()?, file)? {
                Layout::List { element, .. } => Some(element),
                _ => None,
            }
        }
        // The value of a key: the second part of an entry.
        ExprKind::Call(Function::MapElement, arguments) => {
            let Layout::List { element, .. } = layout_of(arguments.first()?, file)? else {
                return None;
            };
            match &**element {
                Layout::Struct { children, .. } => children.get(1),
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
