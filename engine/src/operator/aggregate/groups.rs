//! Keys and states of a set of groups: those of a lane, or of a merged partition.

use std::ops::Range;

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::{Bitmap, Slice};
use millwork_format::selection::Selection;
use millwork_format::types::DataType;
use millwork_format::vector::{Data, Vector};

use super::finish::finish;
use super::plan::{Input, Plan};
use super::reduce::{Grouped, Run};
use super::state::States;
use crate::error::{Error, Result};
use crate::hash::{GroupTable, KeyHasher};

/// Rows taken at a time when groups are merged.
const MERGE_ROWS: usize = 2048;
const ABSENT: u32 = u32::MAX;

/// Groups: their keys, accumulators, and the sets of values that count once.
#[derive(Debug)]
pub(super) struct Groups {
    /// Absent without group columns: there is one group then.
    pub(super) table: Option<GroupTable>,
    states: States,
    distinct: Vec<DistinctSet>,
}

/// The (group, value) pairs met of one input.
#[derive(Debug)]
struct DistinctSet {
    input: usize,
    table: GroupTable,
    hasher: KeyHasher,
}

/// The rows that pass an input's filter and have an argument.
#[derive(Default)]
struct Kept {
    rows: Vec<u32>,
    groups: Vec<u32>,
    runs: Vec<Run>,
}

impl Groups {
    pub(super) fn new(plan: &Plan, budget: &Budget) -> Result<Self> {
        let types = plan.group_types();
        let table = if types.is_empty() { None } else { Some(GroupTable::new(&types, budget)?) };
        let kinds = plan.states.iter().map(|(_, kind)| *kind);
        let mut states = States::new(kinds, budget)?;
        if table.is_none() {
            states.resize(1)?;
        }
        let sets = plan.inputs.iter().enumerate().filter(|(_, input)| input.distinct);
        let distinct = sets.map(|(index, input)| DistinctSet::new(index, input, budget));
        Ok(Self { table, states, distinct: distinct.collect::<Result<_>>()? })
    }

    /// Groups; one without group columns.
    pub(super) fn len(&self) -> usize {
        self.table.as_ref().map_or(1, GroupTable::len)
    }

    /// Updates the states with rows of `columns`, whose groups exist in the table.
    pub(super) fn update(
        &mut self,
        plan: &Plan,
        columns: &[Vector],
        grouped: Grouped<'_>,
    ) -> Result<()> {
        self.states.resize(self.len())?;
        let mut kept = Kept::default();
        for (index, input) in plan.inputs.iter().enumerate() {
            let argument = match input.argument {
                Some(column) => Some(column_of(columns, column)?),
                None => None,
            };
            let grouped = match keep(input, argument, columns)? {
                Some(mask) => kept.of(grouped, &mask),
                None => grouped,
            };
            if grouped.len() == 0 {
                continue;
            }
            if let Some(set) = self.distinct.iter_mut().find(|set| set.input == index) {
                let argument = argument.ok_or_else(|| Error::internal("DISTINCT of no column"))?;
                set.insert(argument, grouped)?;
                continue;
            }
            self.update_states(plan, index, argument, grouped)?;
        }
        Ok(())
    }

    fn update_states(
        &mut self,
        plan: &Plan,
        input: usize,
        argument: Option<&Vector>,
        grouped: Grouped<'_>,
    ) -> Result<()> {
        let data_type = &plan.inputs[input].data_type;
        for (index, (of, _)) in plan.states.iter().enumerate() {
            if *of == input {
                self.states.update(index, argument, data_type, grouped)?;
            }
        }
        Ok(())
    }

    /// Merges those groups of `other` whose hash `wanted` accepts.
    pub(super) fn merge(
        &mut self,
        other: &Self,
        types: &[DataType],
        wanted: impl Fn(u64) -> bool,
    ) -> Result<()> {
        let (Some(table), Some(from)) = (&mut self.table, &other.table) else {
            self.states.merge(&other.states, &[0], &[0])?;
            return self.merge_distinct(other, &[0]);
        };
        let mut mapping = vec![ABSENT; from.len()];
        let ids: Vec<u32> =
            (0..from.len() as u32).filter(|id| wanted(from.hashes()[*id as usize])).collect();
        let mut groups = Vec::new();
        for ids in ids.chunks(MERGE_ROWS) {
            let keys: Result<Vec<Vector>> =
                (0..types.len()).map(|column| from.keys().decode_column(column, ids)).collect();
            let keys = keys?;
            let hashes: Vec<u64> = ids.iter().map(|id| from.hashes()[*id as usize]).collect();
            let rows: Vec<u32> = (0..ids.len() as u32).collect();
            let keys: Vec<&Vector> = keys.iter().collect();
            table.find_or_insert(&keys, &rows, &hashes, &mut groups)?;
            self.states.resize(table.len())?;
            self.states.merge(&other.states, ids, &groups)?;
            for (id, group) in ids.iter().zip(&groups) {
                mapping[*id as usize] = *group;
            }
        }
        self.merge_distinct(other, &mapping)
    }

    /// Adds the pairs of `other` whose group is in `mapping`.
    fn merge_distinct(&mut self, other: &Self, mapping: &[u32]) -> Result<()> {
        for (set, from) in self.distinct.iter_mut().zip(&other.distinct) {
            from.for_each_chunk(|groups, ids| {
                let (groups, ids): (Vec<u32>, Vec<u32>) = groups
                    .iter()
                    .zip(ids)
                    .map(|(group, id)| (mapping[*group as usize], *id))
                    .filter(|(group, _)| *group != ABSENT)
                    .unzip();
                let values = from.table.keys().decode_column(1, &ids)?;
                let rows: Vec<u32> = (0..ids.len() as u32).collect();
                set.insert(&values, Grouped::Scattered { rows: &rows, groups: &groups })
            })?;
        }
        Ok(())
    }

    /// Ends adding rows: groups can be merged into others.
    pub(super) fn seal(&mut self) -> Result<()> {
        for set in &mut self.distinct {
            set.table.seal()?;
        }
        match &mut self.table {
            Some(table) => table.seal(),
            None => Ok(()),
        }
    }

    /// Ends merging: feeds the sets of distinct values to their states. Once.
    pub(super) fn complete(&mut self, plan: &Plan) -> Result<()> {
        self.states.resize(self.len())?;
        self.seal()?;
        for set in std::mem::take(&mut self.distinct) {
            set.for_each_chunk(|groups, ids| {
                let values = set.table.keys().decode_column(1, ids)?;
                let rows: Vec<u32> = (0..ids.len() as u32).collect();
                let grouped = Grouped::Scattered { rows: &rows, groups };
                self.update_states(plan, set.input, Some(&values), grouped)
            })?;
        }
        Ok(())
    }

    /// The result rows of groups `range`.
    pub(super) fn results(&self, plan: &Plan, range: Range<usize>) -> Result<Vec<Vector>> {
        let ids: Vec<u32> = (range.start as u32..range.end as u32).collect();
        let mut columns = match &self.table {
            Some(table) => table.keys().decode(&ids)?,
            None => Vec::new(),
        };
        for output in &plan.outputs {
            columns.push(finish(output, &self.states, range.clone())?);
        }
        Ok(columns)
    }
}

pub(super) fn column_of(columns: &[Vector], column: usize) -> Result<&Vector> {
    columns.get(column).ok_or_else(|| Error::internal(format!("no input column {column}")))
}

/// The rows an input takes; `None` if it takes all.
fn keep(input: &Input, argument: Option<&Vector>, columns: &[Vector]) -> Result<Option<Bitmap>> {
    let valid = match argument {
        Some(vector) if matches!(vector.data(), Data::Null) => {
            return Ok(Some(Bitmap::filled(false, vector.len())));
        }
        Some(vector) => vector.validity().cloned(),
        None => None,
    };
    let Some(filter) = input.filter else { return Ok(valid) };
    let filter = column_of(columns, filter)?.flatten()?;
    let truth = match filter.data() {
        Data::Boolean(bits) => bits.clone(),
        _ => return Ok(Some(Bitmap::filled(false, filter.len()))),
    };
    let mut words = truth.words().to_vec();
    for mask in [filter.validity(), valid.as_ref()].into_iter().flatten() {
        words.iter_mut().zip(mask.words()).for_each(|(word, other)| *word &= other);
    }
    Ok(Bitmap::from_words(Slice::copy_of(&words), truth.len()))
}

impl Kept {
    fn of<'a>(&'a mut self, grouped: Grouped<'_>, mask: &Bitmap) -> Grouped<'a> {
        self.rows.clear();
        self.groups.clear();
        self.runs.clear();
        match grouped {
            Grouped::All(_) => {
                self.rows.extend(mask.ones().map(|row| row as u32));
                let run = Run { group: 0, start: 0, end: self.rows.len() as u32 };
                self.runs.push(run);
                Grouped::Runs { rows: &self.rows, runs: &self.runs }
            }
            Grouped::Runs { rows, runs } => {
                for run in runs {
                    let start = self.rows.len() as u32;
                    let kept = run.of(rows).iter().filter(|row| mask.get(**row as usize));
                    self.rows.extend(kept);
                    self.runs.push(Run { group: run.group, start, end: self.rows.len() as u32 });
                }
                Grouped::Runs { rows: &self.rows, runs: &self.runs }
            }
            Grouped::Scattered { rows, groups } => {
                for (row, group) in rows.iter().zip(groups) {
                    if mask.get(*row as usize) {
                        self.rows.push(*row);
                        self.groups.push(*group);
                    }
                }
                Grouped::Scattered { rows: &self.rows, groups: &self.groups }
            }
        }
    }
}

impl DistinctSet {
    fn new(input: usize, of: &Input, budget: &Budget) -> Result<Self> {
        let types = [DataType::UInt32, of.data_type.clone()];
        Ok(Self { input, table: GroupTable::new(&types, budget)?, hasher: KeyHasher::new(&types) })
    }

    fn insert(&mut self, values: &Vector, grouped: Grouped<'_>) -> Result<()> {
        let mut groups = vec![0u32; values.len()];
        let all: Slice<u32>;
        let rows = match grouped {
            Grouped::All(len) => {
                all = Selection::All(len).rows();
                all.as_slice()
            }
            Grouped::Runs { rows, runs } => {
                for run in runs {
                    run.of(rows).iter().for_each(|row| groups[*row as usize] = run.group);
                }
                rows
            }
            Grouped::Scattered { rows, groups: of } => {
                rows.iter().zip(of).for_each(|(row, group)| groups[*row as usize] = *group);
                rows
            }
        };
        let groups = Vector::flat(Slice::copy_of(&groups));
        let (mut hashes, mut found) = (Vec::new(), Vec::new());
        self.hasher.hash(&[&groups, values], rows, &mut hashes)?;
        self.table.find_or_insert(&[&groups, values], rows, &hashes, &mut found)
    }

    /// Calls `visit` with the groups of some pairs and their ids, until all were visited.
    fn for_each_chunk(&self, mut visit: impl FnMut(&[u32], &[u32]) -> Result<()>) -> Result<()> {
        let ids: Vec<u32> = (0..self.table.len() as u32).collect();
        for ids in ids.chunks(MERGE_ROWS) {
            let groups = self.table.keys().decode_column(0, ids)?;
            let groups = groups.values::<u32>().ok_or_else(|| Error::internal("groups are u32"))?;
            visit(groups, ids)?;
        }
        Ok(())
    }
}
