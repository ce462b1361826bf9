//! Which rows of decoded vectors pass: the exact answer, where the rest of this folder says "may".
//!
//! In: a predicate; the vectors of columns; where in a column a tested leaf lies. Out: one bit a row.
//! Cost: a kernel for comparisons of numbers; for dictionaries each entry once; else a value at a time.
//!
//! Values compare as in SQL as DuckDB and PostgreSQL have it, and as the kernels do: NaN is greater than
//! all numbers and equal to itself, zeros of either sign are equal. A null passes [`Test::IsNull`] alone. Of
//! a leaf under lists one value of the row has to pass, of each test another if need be.

use std::cmp::Ordering;

use millwork_codecs::buffer::{Bitmap, Slice};
use millwork_codecs::kernel::{Compare, compare_scalar};

use super::{Comparison, Filter, LeafPredicate, PruneValue, Test};
use crate::calendar::{NANOS_PER_DAY, int96_parts};
use crate::error::{Error, Place, Result};
use crate::room::filled;
use crate::schema::{Layout, Leaf, PathStep, Schema};
use crate::types::DataType;
use crate::vector::{Cell, Data, DictionaryId, Vector};

/// A [`Filter`] that is put to vectors.
#[derive(Debug)]
pub(crate) struct RowFilter {
    filter: Filter,
    tests: Vec<RowTest>,
}

/// A test, and where the values lie that it is about.
#[derive(Debug)]
struct RowTest {
    /// The column, among those that the filter is given.
    column: usize,
    /// From its vector to that of the leaf.
    steps: Vec<PathStep>,
    data_type: DataType,
    /// Which entries of the dictionary that came last pass.
    entries: Option<(DictionaryId, Vec<u64>)>,
}

impl RowFilter {
    /// `filter` over the leaves of `schema`; `places` gives for the ordinal of a leaf the column in which
    /// it lies, by number and layout.
    ///
    /// # Errors
    /// `InvalidArgument` for a leaf that is not there, or for a test that makes no sense of its type.
    pub(crate) fn new<'a>(
        filter: Filter,
        schema: &Schema,
        places: impl Fn(usize) -> Option<(usize, Option<&'a Layout>)>,
    ) -> Result<Self> {
        let lost = || Error::internal("a filter of a column that is not read");
        let mut tests = Vec::new();
        for predicate in filter.tests() {
            let leaf = checked(predicate, schema)?;
            let (column, layout) = places(predicate.leaf).ok_or_else(lost)?;
            let mut steps = Vec::new();
            if layout.is_some_and(|layout| !steps_to(predicate.leaf, layout, &mut steps)) {
                return Err(lost());
            }
            let data_type = leaf.data_type.clone();
            tests.push(RowTest { column, steps, data_type, entries: None });
        }
        Ok(Self { filter, tests })
    }

    /// Which of the rows pass. `columns` are those that [`RowFilter::new`] was told of, all of them `rows`
    /// rows long.
    ///
    /// # Errors
    /// If memory is refused; `Internal` for other columns.
    pub(crate) fn passing(&mut self, columns: &[Vector], rows: usize) -> Result<Bitmap> {
        let mut results = Vec::new();
        for (own, predicate) in self.tests.iter_mut().zip(self.filter.tests()) {
            let column = columns.get(own.column).filter(|column| column.len() == rows);
            let column = column
                .ok_or_else(|| Error::internal("a filter over other columns than it reads"))?;
            let steps = std::mem::take(&mut own.steps);
            let passing = own.passing(column, &steps, &predicate.test);
            own.steps = steps;
            results.push(passing?);
        }
        let words = rows.div_ceil(64);
        let (none, every) = (filled(0, words)?, ones(rows)?);
        let join = |parts: Vec<Vec<u64>>, first: &[u64], join: fn(u64, u64) -> u64| {
            let mut joined = first.to_vec();
            for part in parts {
                joined.iter_mut().zip(part).for_each(|(word, more)| *word = join(*word, more));
            }
            joined
        };
        let of_test = |test: usize| results.get(test).cloned().unwrap_or_else(|| none.clone());
        let passing = self.filter.fold(
            &of_test,
            &|parts| join(parts, &every, |own, more| own & more),
            &|parts| join(parts, &none, |own, more| own | more),
        );
        Bitmap::from_words(Slice::copy_of(&passing), rows)
            .ok_or_else(|| Error::internal("bits of other rows"))
    }
}

impl RowTest {
    fn passing(&mut self, vector: &Vector, steps: &[PathStep], test: &Test) -> Result<Vec<u64>> {
        let rows = vector.len();
        let Some((step, rest)) = steps.split_first() else { return self.values(vector, test) };
        let mut passing = match (step, vector.data()) {
            (_, Data::Null) => filled(0, rows.div_ceil(64))?,
            (PathStep::Field(field), Data::Struct(children)) => {
                let child = children.get(*field).ok_or_else(|| Error::internal("a lost field"))?;
                self.passing(child, rest, test)?
            }
            (PathStep::Element, Data::List(list)) => {
                let elements = self.passing(list.child(), rest, test)?;
                let is_set = |element: usize| elements[element / 64] >> (element % 64) & 1 == 1;
                bits(rows, |row| list.range(row).any(is_set))?
            }
            _ => return Err(Error::internal("a vector of another shape than its layout")),
        };
        match test {
            Test::IsNull => join_nulls(vector, &mut passing)?,
            _ => keep_present(vector, &mut passing),
        }
        Ok(passing)
    }

    /// Which rows of a leaf's vector pass.
    fn values(&mut self, vector: &Vector, test: &Test) -> Result<Vec<u64>> {
        let rows = vector.len();
        let mut passing = match (test, vector.data()) {
            (Test::IsNull, _) => {
                let mut nulls = filled(0, rows.div_ceil(64))?;
                join_nulls(vector, &mut nulls)?;
                return Ok(nulls);
            }
            (Test::IsNotNull, _) => ones(rows)?,
            (_, Data::Null) => filled(0, rows.div_ceil(64))?,
            (_, Data::Dictionary(codes, dictionary)) => {
                let known = self.entries.take().filter(|(of, _)| *of == dictionary.id());
                let (id, entries) = match known {
                    Some(known) => known,
                    None => (dictionary.id(), self.flat(dictionary.values(), test)?),
                };
                let is_set = |code: usize| entries[code / 64] >> (code % 64) & 1 == 1;
                let passing = bits(rows, |row| is_set(codes.get(row) as usize))?;
                self.entries = Some((id, entries));
                passing
            }
            (_, Data::Constant(inner)) => match self.flat(inner, test)?.first() {
                Some(1) => ones(rows)?,
                _ => filled(0, rows.div_ceil(64))?,
            },
            _ => self.flat(vector, test)?,
        };
        keep_present(vector, &mut passing);
        Ok(passing)
    }

    /// Which values of a flat vector pass, whatever is null.
    fn flat(&self, vector: &Vector, test: &Test) -> Result<Vec<u64>> {
        if let Test::Compare { comparison, value } = test
            && let Some(passing) = by_kernel(vector, *comparison, value)?
        {
            return Ok(passing);
        }
        bits(vector.len(), |row| self.passes(vector.cell(row), test))
    }

    fn passes(&self, cell: Cell<'_>, test: &Test) -> bool {
        if let (Cell::Bytes(own), true) = (cell, self.data_type != DataType::Int96) {
            let order = |value: &PruneValue| match value {
                PruneValue::Bytes(value) => Some(own.cmp(value)),
                _ => None,
            };
            return match test {
                Test::Prefix(prefix) => own.starts_with(prefix),
                Test::Compare { comparison, value } => {
                    order(value).is_some_and(|order| comparison.holds(order))
                }
                Test::In(values) => values.may_contain(own),
                Test::IsNull | Test::IsNotNull => false,
            };
        }
        let Some(own) = number(cell) else { return false };
        let equals = |value: &PruneValue| total_order(&own, value) == Some(Ordering::Equal);
        match test {
            Test::Compare { comparison, value } => {
                total_order(&own, value).is_some_and(|order| comparison.holds(order))
            }
            Test::In(values) => values.from(Some(&own)).iter().any(equals),
            Test::Prefix(_) | Test::IsNull | Test::IsNotNull => false,
        }
    }
}

/// Whether `predicate` can be asked of the values of its leaf.
fn checked<'a>(predicate: &LeafPredicate, schema: &'a Schema) -> Result<&'a Leaf> {
    use DataType::{Geography, Geometry, Int96, Interval, WideDecimal};
    let LeafPredicate { leaf, test } = predicate;
    let Some(leaf) = schema.leaves().get(*leaf) else {
        let what = format!("a filter by leaf {leaf} of a file of {}", schema.leaves().len());
        return Err(Error::invalid_argument(what));
    };
    let data_type = &leaf.data_type;
    let refused = |what: String| {
        let place = Place { column: Some(leaf.dotted_path.clone()), ..Place::default() };
        Err(Error::invalid_argument(what).at(&place))
    };
    let fits = |value: &PruneValue| {
        *data_type == DataType::Null || kind(value) == kind_of_values(data_type)
    };
    let is_unordered = matches!(data_type, Interval | Geometry | Geography);
    match test {
        Test::IsNull if leaf.max_repetition_level > 0 => {
            refused("whether a value is missing is no question to a row that may have many".into())
        }
        Test::Compare { value, .. } if !fits(value) => {
            refused(format!("{data_type} is compared with {}", kind(value)))
        }
        Test::Compare { comparison, .. }
            if is_unordered && !matches!(comparison, Comparison::Equal | Comparison::NotEqual) =>
        {
            refused(format!("{data_type} has no order"))
        }
        Test::In(values) if !values.as_slice().iter().all(fits) => {
            refused(format!("{data_type} is compared with values of another kind"))
        }
        Test::Prefix(_)
            if kind_of_values(data_type) != BYTES
                || matches!(data_type, Int96 | WideDecimal { .. }) =>
        {
            refused(format!("{data_type} has no beginning"))
        }
        _ => Ok(leaf),
    }
}

const BYTES: &str = "text or bytes";

/// What kind of value it is, for people.
fn kind(value: &PruneValue) -> &'static str {
    match value {
        PruneValue::Boolean(_) => "a boolean",
        PruneValue::Integer(_) => "an integer",
        PruneValue::Float(_) => "a float",
        PruneValue::Bytes(_) => BYTES,
    }
}

/// The kind of the values of a leaf.
fn kind_of_values(data_type: &DataType) -> &'static str {
    use DataType::{
        Boolean, Date, Decimal, Float16, Float32, Float64, Int8, Int16, Int32, Int64, Int96,
        Int128, Time, Timestamp, UInt8, UInt16, UInt32, UInt64,
    };
    match data_type {
        Boolean => "a boolean",
        Int8
        | Int16
        | Int32
        | Int64
        | Int128
        | UInt8
        | UInt16
        | UInt32
        | UInt64
        | Int96
        | Date
        | Decimal { .. }
        | Time { .. }
        | Timestamp { .. } => "an integer",
        Float16 | Float32 | Float64 => "a float",
        _ => BYTES,
    }
}

/// Adds to `steps` those that lead to leaf `leaf`. Answers whether it is there.
fn steps_to(leaf: usize, layout: &Layout, steps: &mut Vec<PathStep>) -> bool {
    let parts: Vec<(PathStep, &Layout)> = match layout {
        Layout::Leaf { leaf: own, .. } => return *own == leaf,
        Layout::List { element, .. } => vec![(PathStep::Element, &**element)],
        Layout::Struct { children, .. } => children
            .iter()
            .enumerate()
            .map(|(field, child)| (PathStep::Field(field), child))
            .collect(),
    };
    for (step, part) in parts {
        steps.push(step);
        if steps_to(leaf, part, steps) {
            return true;
        }
        steps.pop();
    }
    false
}

/// The value of a cell that is not text or bytes; an INT96 in nanoseconds.
fn number(cell: Cell<'_>) -> Option<PruneValue> {
    Some(match cell {
        Cell::Boolean(value) => PruneValue::Boolean(value),
        Cell::Integer(value) => PruneValue::Integer(value),
        Cell::Float16(value) => PruneValue::Float(value.to_f64()),
        Cell::Float32(value) => PruneValue::Float(value.into()),
        Cell::Float64(value) => PruneValue::Float(value),
        Cell::Bytes(bytes) => {
            let (days, nanos) = int96_parts(bytes.try_into().ok()?);
            PruneValue::Integer(i128::from(days) * i128::from(NANOS_PER_DAY) + i128::from(nanos))
        }
        _ => return None,
    })
}

/// The order of two values of one kind, NaN behind all numbers and equal to itself.
fn total_order(own: &PruneValue, other: &PruneValue) -> Option<Ordering> {
    match (own, other) {
        (PruneValue::Float(own), PruneValue::Float(other)) => {
            own.partial_cmp(other).or_else(|| Some(own.is_nan().cmp(&other.is_nan())))
        }
        _ => own.order(other),
    }
}

/// By a kernel, where there is one for such values.
fn by_kernel(
    vector: &Vector,
    comparison: Comparison,
    value: &PruneValue,
) -> Result<Option<Vec<u64>>> {
    macro_rules! integers {
        ($value:expr; $($variant:ident)*) => {
            match vector.data() {
                $(Data::$variant(values) => integers(values, comparison, $value).map(Some),)*
                _ => Ok(None),
            }
        };
    }
    match (value, vector.data()) {
        (PruneValue::Integer(value), _) => integers!(
            *value; Int8 Int16 Int32 Int64 Int128 UInt8 UInt16 UInt32 UInt64
        ),
        (PruneValue::Float(value), Data::Float64(values)) => {
            compared(values, comparison, *value).map(Some)
        }
        (PruneValue::Float(value), Data::Float32(values)) => {
            let narrow = *value as f32;
            let is_exact = f64::from(narrow) == *value || value.is_nan();
            is_exact.then(|| compared(values, comparison, narrow)).transpose()
        }
        _ => Ok(None),
    }
}

fn integers<T: Compare + TryFrom<i128>>(
    values: &[T],
    comparison: Comparison,
    value: i128,
) -> Result<Vec<u64>> {
    match T::try_from(value) {
        Ok(value) => compared(values, comparison, value),
        // No value of the type is as far out.
        Err(_) if comparison.holds(0.cmp(&value)) => ones(values.len()),
        Err(_) => filled(0, values.len().div_ceil(64)),
    }
}

fn compared<T: Compare>(values: &[T], comparison: Comparison, value: T) -> Result<Vec<u64>> {
    let mut passing = filled(0, values.len().div_ceil(64))?;
    compare_scalar(comparison, values, value, &mut passing);
    Ok(passing)
}

/// One bit for each of `rows` rows.
fn bits(rows: usize, is_set: impl Fn(usize) -> bool) -> Result<Vec<u64>> {
    let mut words = filled(0u64, rows.div_ceil(64))?;
    for row in (0..rows).filter(|row| is_set(*row)) {
        words[row / 64] |= 1 << (row % 64);
    }
    Ok(words)
}

/// A bit that is 1 for each of `rows` rows.
fn ones(rows: usize) -> Result<Vec<u64>> {
    let mut words = filled(u64::MAX, rows.div_ceil(64))?;
    if let (Some(last), 1..) = (words.last_mut(), rows % 64) {
        *last = (1 << (rows % 64)) - 1;
    }
    Ok(words)
}

/// Takes the rows away that are null.
fn keep_present(vector: &Vector, passing: &mut [u64]) {
    match (vector.data(), vector.validity()) {
        (Data::Null, _) => passing.fill(0),
        (_, None) => {}
        (_, Some(present)) => {
            passing.iter_mut().zip(present.words()).for_each(|(word, present)| *word &= present);
        }
    }
}

/// Adds the rows that are null.
fn join_nulls(vector: &Vector, passing: &mut [u64]) -> Result<()> {
    let every = ones(vector.len())?;
    let mut present = every.clone();
    keep_present(vector, &mut present);
    for ((word, present), every) in passing.iter_mut().zip(present).zip(every) {
        *word |= every & !present;
    }
    Ok(())
}
