//! What the values of a page are: extremes, counts, hashes.
//!
//! In: an opened page. Out: [`Facts`], added to those of its chunk. Values are looked at one by one, the
//! entries of a dictionary once a page however often they occur.

use std::cmp::Ordering;
use std::sync::Arc;

use millwork_codecs::budget::Budget;

use crate::column::{ColumnShape, PageCursor};
use crate::error::Result;
use crate::levels::MaxLevels;
use crate::metadata::bloom_filter::hash;
use crate::metadata::{BloomFilter, PhysicalType};
use crate::page::DataPage;
use crate::prune::PruneValue;
use crate::room::filled;
use crate::schema::Leaf;
use crate::types::DataType;
use crate::vector::{Cell, Data, Dictionary, Vector};
use crate::wide_decimal::WideDecimal;

/// Values that are decoded at once.
const STEP_VALUES: usize = 16 << 10;

/// Bytes of an extreme that are kept: a value may have two billion.
const MOST_BYTES: usize = 1 << 20;

/// What is true of a number of values.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// Slots: values, nulls, and empty lists.
    pub(super) slots: u64,
    /// Slots without a value.
    pub(super) nulls: u64,
    pub(super) nans: u64,
    /// Of the values that are not NaN; of strings what is kept.
    pub(super) min: Option<PruneValue>,
    pub(super) max: Option<PruneValue>,
    /// Bytes of BYTE_ARRAY values.
    pub(super) bytes: u64,
    pub(super) definition: Vec<u64>,
    pub(super) repetition: Vec<u64>,
    /// Different values among those that were looked at.
    pub(super) distinct: Distinct,
}

/// How many different values there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Distinct {
    /// All are in a dictionary.
    Exactly(u64),
    /// Some are not.
    AtLeast(u64),
}

impl Default for Distinct {
    fn default() -> Self {
        Self::AtLeast(0)
    }
}

impl Facts {
    #[expect(clippy::disallowed_methods, reason = "levels are bytes: 256 counters at most")]
    pub(super) fn of_levels(max: MaxLevels) -> Self {
        Self {
            definition: vec![0; usize::from(max.definition) + 1],
            repetition: vec![0; usize::from(max.repetition) + 1],
            ..Self::default()
        }
    }

    /// Values that are there.
    pub(super) fn values(&self) -> u64 {
        self.slots - self.nulls
    }

    /// Whether a writer may count `nulls` nulls. Below a list it may begin at the null leaf, at any struct
    /// around it, or with empty lists.
    pub(super) fn may_count_nulls(&self, nulls: u64, leaf: &Leaf) -> bool {
        let below = self.definition.split_last().map_or(&[][..], |(_, below)| below);
        let mut sum = 0;
        let mut counted = below.iter().rev().map(|count| {
            sum += count;
            sum
        });
        let is_repeated = leaf.max_repetition_level > 0;
        let has_none = is_repeated && !leaf.nullable && nulls == 0;
        has_none || nulls == self.nulls || (is_repeated && counted.any(|sum| sum == nulls))
    }

    /// With those of a further page.
    pub(super) fn add(&mut self, other: &Self) {
        self.slots += other.slots;
        self.nulls += other.nulls;
        self.nans += other.nans;
        self.bytes += other.bytes;
        for (sum, more) in self.definition.iter_mut().zip(&other.definition) {
            *sum += more;
        }
        for (sum, more) in self.repetition.iter_mut().zip(&other.repetition) {
            *sum += more;
        }
        for value in [&other.min, &other.max].into_iter().flatten() {
            self.extend(value);
        }
    }

    fn extend(&mut self, value: &PruneValue) {
        let beyond = |bound: &Option<PruneValue>, order: Ordering| {
            bound.as_ref().is_none_or(|bound| value.order(bound) == Some(order))
        };
        if beyond(&self.min, Ordering::Less) {
            self.min = Some(value.clone());
        }
        if beyond(&self.max, Ordering::Greater) {
            self.max = Some(value.clone());
        }
    }

    /// With `count` times the value of a cell.
    fn value(&mut self, leaf: &Leaf, cell: Cell<'_>, count: u64) {
        if let Cell::Bytes(bytes) = cell
            && leaf.data_type != DataType::Int96
        {
            self.bytes += bytes.len() as u64 * count;
            let bytes = kept(bytes);
            // Strings are only copied where they are new extremes.
            let beyond = |bound: &Option<PruneValue>, order: Ordering| match bound {
                Some(PruneValue::Bytes(bound)) => bytes.cmp(bound.as_slice()) == order,
                _ => true,
            };
            if beyond(&self.min, Ordering::Less) || beyond(&self.max, Ordering::Greater) {
                self.extend(&PruneValue::Bytes(bytes.to_vec()));
            }
            return;
        }
        match PruneValue::of_cell(&leaf.data_type, cell) {
            Some(PruneValue::Float(value)) if value.is_nan() => self.nans += count,
            Some(value) => self.extend(&value),
            None => {}
        }
    }
}

fn kept(bytes: &[u8]) -> &[u8] {
    bytes.get(..MOST_BYTES).unwrap_or(bytes)
}

/// How an extreme stands to a bound, as far as is kept of it: beyond that they count as equal.
pub(super) fn order(extreme: &PruneValue, bound: &PruneValue) -> Option<Ordering> {
    match (extreme, bound) {
        (PruneValue::Bytes(extreme), PruneValue::Bytes(bound)) => {
            Some(kept(extreme).cmp(kept(bound)))
        }
        _ => extreme.order(bound),
    }
}

/// Facts of the levels of `page`.
pub(super) fn levels(page: &DataPage, max: MaxLevels) -> Facts {
    let mut facts = Facts::of_levels(max);
    if let Some(stream) = &page.stream {
        let (definition, repetition) = stream.counts();
        let nulls = (stream.slots() - stream.values()) as u64;
        (facts.slots, facts.nulls) = (stream.slots() as u64, nulls);
        (facts.definition, facts.repetition) = (definition.to_vec(), repetition.to_vec());
        return facts;
    }
    let Some(levels) = &page.levels else {
        let nulls = (page.rows - page.value_count) as u64;
        (facts.slots, facts.nulls) = (page.rows as u64, nulls);
        if let Some(nullest) = facts.definition.first_mut() {
            *nullest += nulls;
        }
        if let Some(present) = facts.definition.last_mut() {
            *present += page.value_count as u64;
        }
        facts.repetition[0] = facts.slots;
        return facts;
    };
    let count = |each: Option<&[u8]>, usual: u8, into: &mut [u64]| match each {
        None => into[usize::from(usual)] += levels.slots as u64,
        Some(each) => {
            for level in each {
                if let Some(count) = into.get_mut(usize::from(*level)) {
                    *count += 1;
                }
            }
        }
    };
    count(levels.definition.as_deref(), max.definition, &mut facts.definition);
    count(levels.repetition.as_deref(), 0, &mut facts.repetition);
    facts.slots = levels.slots as u64;
    facts.nulls = facts.slots - page.value_count as u64;
    facts
}

/// Decodes the values of `page` and adds what they are to `facts`; answers how many of them `bloom`
/// denies, with one of those.
///
/// # Errors
/// `Corrupt` and others if they do not decode.
pub(super) fn read(
    page: &DataPage,
    leaf: &Leaf,
    decoding: (&ColumnShape, Option<&Arc<Dictionary>>, &Budget),
    (bloom, used): (Option<&BloomFilter>, &mut Used),
    facts: &mut Facts,
) -> Result<Denied> {
    let (shape, dictionary, budget) = decoding;
    let mut denied = Denied::default();
    if shape.data_type == DataType::Null || page.value_count == 0 {
        return Ok(denied);
    }
    // Values alone, as if the column had no nulls.
    let (rows, validity, levels, stream) = (page.value_count, None, None, None);
    let values = DataPage { rows, validity, levels, stream, ..page.clone() };
    let mut cursor = PageCursor::new(Arc::new(values), shape, dictionary, budget)?;
    let mut seen: Vec<bool> = Vec::new();
    let mut left = page.value_count;
    while left > 0 {
        let step = left.min(STEP_VALUES);
        let vector = cursor.read(step, shape)?;
        each(&vector, |cell, entry, count| {
            facts.value(leaf, cell, count);
            used.see(entry);
            let Some(bloom) = bloom else { return };
            if let Some(entry) = entry {
                if seen.len() <= entry {
                    seen.resize(entry + 1, false);
                }
                if std::mem::replace(&mut seen[entry], true) {
                    return;
                }
            }
            denied.ask(bloom, leaf, cell);
        })?;
        left -= step;
    }
    Ok(denied)
}

/// Calls `visit` with each value, or with each entry of a dictionary that occurs, and how often.
///
/// # Errors
/// If memory is refused.
fn each(vector: &Vector, mut visit: impl FnMut(Cell<'_>, Option<usize>, u64)) -> Result<()> {
    let Data::Dictionary(codes, dictionary) = vector.data() else {
        for row in 0..vector.len() {
            visit(vector.cell(row), None, 1);
        }
        return Ok(());
    };
    if dictionary.len() > vector.len() {
        for row in 0..vector.len() {
            visit(vector.cell(row), Some(codes.get(row) as usize), 1);
        }
        return Ok(());
    }
    let mut counts = filled(0u64, dictionary.len())?;
    for row in 0..vector.len() {
        if let Some(count) = counts.get_mut(codes.get(row) as usize) {
            *count += 1;
        }
    }
    for (entry, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        visit(dictionary.values().cell(entry), Some(entry), *count);
    }
    Ok(())
}

/// Values that a bloom filter says are not there.
#[derive(Clone, Debug, Default)]
pub(super) struct Denied {
    pub(super) asked: u64,
    pub(super) count: u64,
    pub(super) example: Option<PruneValue>,
}

impl Denied {
    fn ask(&mut self, bloom: &BloomFilter, leaf: &Leaf, cell: Cell<'_>) {
        let Some(may) = with_plain(leaf, cell, |bytes| bloom.may_contain(hash(bytes))) else {
            return;
        };
        self.asked += 1;
        if !may {
            self.count += 1;
            if self.example.is_none() {
                self.example = match cell {
                    Cell::Bytes(bytes) if leaf.data_type != DataType::Int96 => {
                        Some(PruneValue::Bytes(kept(bytes).to_vec()))
                    }
                    other => PruneValue::of_cell(&leaf.data_type, other),
                };
            }
        }
    }
}

/// What `visit` makes of the PLAIN encoding of a cell; `None` if that is not known for sure.
fn with_plain<T>(leaf: &Leaf, cell: Cell<'_>, visit: impl Fn(&[u8]) -> T) -> Option<T> {
    Some(match (cell, leaf.physical_type) {
        (Cell::Integer(value), PhysicalType::Int32) => visit(&(value as i32).to_le_bytes()),
        (Cell::Integer(value), PhysicalType::Int64) => visit(&(value as i64).to_le_bytes()),
        (Cell::Integer(_), _) => {
            let encodings = PruneValue::of_cell(&leaf.data_type, cell)?.plain_bytes(leaf)?;
            visit(encodings.first()?)
        }
        (Cell::Float16(value), _) => visit(&value.to_le_bytes()),
        (Cell::Float32(value), _) => visit(&value.to_le_bytes()),
        (Cell::Float64(value), _) => visit(&value.to_le_bytes()),
        (Cell::Bytes(bytes), physical)
            if matches!(leaf.data_type, DataType::WideDecimal { .. }) =>
        {
            // Of byte arrays it is not known how many bytes their numbers had.
            let width =
                (physical == PhysicalType::FixedLenByteArray).then_some(leaf.type_length)?;
            let number = WideDecimal::from_ordered(bytes, 0)?.unscaled();
            visit(number.get(number.len().checked_sub(width as usize)?..)?)
        }
        (Cell::Bytes(bytes), _) => visit(bytes),
        _ => return None,
    })
}

/// Which entries of its dictionary a chunk uses.
#[derive(Debug, Default)]
pub(super) struct Used {
    entries: Vec<bool>,
    /// Whether there are values outside the dictionary.
    others: bool,
}

impl Used {
    fn see(&mut self, entry: Option<usize>) {
        let Some(entry) = entry else { return self.others = true };
        if self.entries.len() <= entry {
            self.entries.resize(entry + 1, false);
        }
        if let Some(entry) = self.entries.get_mut(entry) {
            *entry = true;
        }
    }

    /// How many different values of `leaf` these are, of `dictionary`.
    pub(super) fn distinct(&self, leaf: &Leaf, dictionary: Option<&Dictionary>) -> Distinct {
        let used = self.entries.iter().enumerate().filter(|(_, used)| **used);
        let hashes = used.map(|(entry, _)| {
            let cell =
                dictionary.filter(|dictionary| entry < dictionary.len())?.values().cell(entry);
            with_plain(leaf, cell, hash)
        });
        let Some(mut hashes) = hashes.collect::<Option<Vec<u64>>>() else {
            return Distinct::AtLeast(0);
        };
        hashes.sort_unstable();
        hashes.dedup();
        match hashes.len() as u64 {
            count if self.others || count == 0 => Distinct::AtLeast(count),
            count => Distinct::Exactly(count),
        }
    }
}
