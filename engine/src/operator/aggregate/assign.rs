//! The group of each row.
//!
//! Where every group column comes as dictionary codes (or a constant), the combination of codes is
//! an index into a small array of group numbers: a key is built and hashed only for combinations not
//! met before. Otherwise keys are hashed row by row.

use std::sync::Arc;

use millwork_codecs::budget::{Budget, Reservation};
use millwork_format::types::DataType;
use millwork_format::vector::{Data, DictionaryId, Vector};

use super::reduce::{Grouped, Run};
use crate::error::Result;
use crate::hash::{GroupTable, KeyHasher};
use crate::row::Indexed;

/// Combinations of codes that are always worth an array.
const COMBINATIONS: usize = 1 << 16;
/// Up to this many groups the rows of a batch are ordered by group.
const FEW_GROUPS: usize = 64;
const UNKNOWN: u32 = u32::MAX;
const ASKED: u32 = u32::MAX - 1;

/// Assigns groups to the rows of a lane's batches.
#[derive(Debug)]
pub(super) struct Assigner {
    hasher: KeyHasher,
    hashes: Vec<u64>,
    groups: Vec<u32>,
    ordered: Vec<u32>,
    runs: Vec<Run>,
    codes: Vec<u32>,
    /// What `remap` is for.
    identity: Vec<Identity>,
    /// Combination of codes to group.
    remap: Vec<u32>,
    reservation: Reservation,
}

/// What gives the codes of a column their meaning.
#[derive(Clone, Debug)]
enum Identity {
    Dictionary(DictionaryId),
    Constant(Arc<Vector>),
    Null,
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Dictionary(left), Self::Dictionary(right)) => left == right,
            (Self::Constant(left), Self::Constant(right)) => Arc::ptr_eq(left, right),
            (Self::Null, Self::Null) => true,
            _ => false,
        }
    }
}

impl Assigner {
    pub(super) fn new(types: &[DataType], budget: &Budget) -> Result<Self> {
        Ok(Self {
            hasher: KeyHasher::new(types),
            hashes: Vec::new(),
            groups: Vec::new(),
            ordered: Vec::new(),
            runs: Vec::new(),
            codes: Vec::new(),
            identity: Vec::new(),
            remap: Vec::new(),
            reservation: budget.reserve(0)?,
        })
    }

    /// Keys that were built and hashed.
    pub(super) fn keys_built(&self) -> u64 {
        self.hasher.keys_hashed()
    }

    /// Finds the group in `table` of each of `rows`, making new ones.
    pub(super) fn assign<'a>(
        &'a mut self,
        table: &mut GroupTable,
        keys: &[&Vector],
        rows: &'a [u32],
    ) -> Result<Grouped<'a>> {
        if !self.assign_codes(table, keys, rows)? {
            self.hasher.hash(keys, rows, &mut self.hashes)?;
            table.find_or_insert(keys, rows, &self.hashes, &mut self.groups)?;
        }
        if table.len() > FEW_GROUPS || rows.len() < table.len() {
            return Ok(Grouped::Scattered { rows, groups: &self.groups });
        }
        order_by_group(rows, &self.groups, table.len(), &mut self.ordered, &mut self.runs);
        Ok(Grouped::Runs { rows: &self.ordered, runs: &self.runs })
    }

    /// Assigns by codes, if every column has some and their combinations are few.
    fn assign_codes(
        &mut self,
        table: &mut GroupTable,
        keys: &[&Vector],
        rows: &[u32],
    ) -> Result<bool> {
        let Some((identity, combinations)) = identity(keys) else { return Ok(false) };
        if identity != self.identity {
            self.reservation.resize(combinations as u64 * 4)?;
            self.remap.clear();
            self.remap.resize(combinations, UNKNOWN);
            self.identity = identity;
        }
        self.codes.clear();
        self.codes.resize(rows.len(), 0);
        for key in keys {
            combine_codes(&Indexed::new(key, rows), entries(key), &mut self.codes);
        }
        let mut first_rows = Vec::new();
        let mut asked = Vec::new();
        for (row, code) in rows.iter().zip(&self.codes) {
            let group = &mut self.remap[*code as usize];
            if *group == UNKNOWN {
                *group = ASKED;
                first_rows.push(*row);
                asked.push(*code);
            }
        }
        if !asked.is_empty() {
            self.hasher.hash(keys, &first_rows, &mut self.hashes)?;
            table.find_or_insert(keys, &first_rows, &self.hashes, &mut self.groups)?;
            for (code, group) in asked.iter().zip(&self.groups) {
                self.remap[*code as usize] = *group;
            }
        }
        let remap = self.remap.as_slice();
        self.groups.clear();
        self.groups.extend(self.codes.iter().map(|code| remap[*code as usize]));
        Ok(true)
    }
}

/// Distinct codes of a column, null left out.
fn entries(key: &Vector) -> usize {
    match key.data() {
        Data::Dictionary(_, dictionary) => dictionary.len(),
        Data::Constant(_) => 1,
        _ => 0,
    }
}

/// What the codes of all columns mean, and how many combinations there are; `None` if a column has
/// no codes or there are too many.
fn identity(keys: &[&Vector]) -> Option<(Vec<Identity>, usize)> {
    let mut identities = Vec::with_capacity(keys.len());
    let (mut combinations, mut greatest) = (1usize, 0);
    for key in keys {
        identities.push(match key.data() {
            Data::Dictionary(_, dictionary) => Identity::Dictionary(dictionary.id()),
            Data::Constant(inner) => Identity::Constant(Arc::clone(inner)),
            Data::Null => Identity::Null,
            _ => return None,
        });
        combinations = combinations.checked_mul(entries(key) + 1)?;
        greatest = greatest.max(entries(key));
    }
    (combinations <= COMBINATIONS.max(2 * greatest)).then_some((identities, combinations))
}

/// Appends a digit to each code: that of the column's value, or the last one for null.
fn combine_codes(key: &Indexed<'_>, entries: usize, codes: &mut [u32]) {
    let base = entries as u32 + 1;
    if key.may_be_null() {
        for (position, (code, digit)) in codes.iter_mut().zip(key.indices()).enumerate() {
            let digit = if key.is_valid(position) { *digit } else { entries as u32 };
            *code = *code * base + digit;
        }
        return;
    }
    for (code, digit) in codes.iter_mut().zip(key.indices()) {
        *code = *code * base + digit;
    }
}

/// Orders `rows` by their group, keeping their order within a group.
pub(super) fn order_by_group(
    rows: &[u32],
    groups: &[u32],
    group_count: usize,
    ordered: &mut Vec<u32>,
    runs: &mut Vec<Run>,
) {
    let mut starts = [0u32; FEW_GROUPS + 1];
    for group in groups {
        starts[*group as usize] += 1;
    }
    runs.clear();
    let mut start = 0;
    for (group, slot) in starts[..group_count].iter_mut().enumerate() {
        let end = start + *slot;
        if end > start {
            runs.push(Run { group: group as u32, start, end });
        }
        *slot = start;
        start = end;
    }
    ordered.clear();
    ordered.resize(rows.len(), 0);
    for (row, group) in rows.iter().zip(groups) {
        let slot = &mut starts[*group as usize];
        ordered[*slot as usize] = *row;
        *slot += 1;
    }
}
