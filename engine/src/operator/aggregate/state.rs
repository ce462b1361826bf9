//! Accumulators: one entry a group, updated column by column.

use std::cmp::Ordering;

use millwork_codecs::budget::{Budget, Reservation};
use millwork_format::types::DataType;
use millwork_format::vector::{Data, Vector};

use super::argument::{Integers, floats, integers, ordered_floats};
use super::plan::{Class, Pick, StateKind};
use super::reduce::{self, FloatSum, Grouped};
use crate::error::{Error, Result};
use crate::row::{Indexed, NestedCodec};

/// One accumulator of every group.
#[derive(Debug)]
pub(super) enum State {
    Count(Vec<i64>),
    SumInteger(Vec<i128>),
    SumFloat(Vec<FloatSum>),
    Narrow { order: Pick, float: bool, values: Vec<i64>, seen: Vec<bool> },
    Wide { order: Pick, values: Vec<i128>, seen: Vec<bool> },
    Bytes { order: Pick, values: Vec<Option<Box<[u8]>>>, prefixes: Vec<u32>, held_bytes: u64 },
}

impl State {
    fn new(kind: StateKind) -> Self {
        match kind {
            StateKind::Count => Self::Count(Vec::new()),
            StateKind::SumInteger => Self::SumInteger(Vec::new()),
            StateKind::SumFloat => Self::SumFloat(Vec::new()),
            StateKind::Pick(order, Class::Wide) => {
                Self::Wide { order, values: Vec::new(), seen: Vec::new() }
            }
            StateKind::Pick(order, Class::Bytes) => {
                Self::Bytes { order, values: Vec::new(), prefixes: Vec::new(), held_bytes: 0 }
            }
            StateKind::Pick(order, class) => {
                let float = class == Class::Float;
                Self::Narrow { order, float, values: Vec::new(), seen: Vec::new() }
            }
        }
    }

    fn bytes_per_group(&self) -> usize {
        match self {
            Self::Count(_) => 8,
            Self::SumInteger(_) | Self::SumFloat(_) => 16,
            Self::Narrow { .. } => 9,
            Self::Wide { .. } => 17,
            Self::Bytes { .. } => 20,
        }
    }

    fn resize(&mut self, groups: usize) {
        match self {
            Self::Count(counts) => counts.resize(groups, 0),
            Self::SumInteger(sums) => sums.resize(groups, 0),
            Self::SumFloat(sums) => sums.resize(groups, FloatSum::default()),
            Self::Narrow { values, seen, .. } => {
                values.resize(groups, 0);
                seen.resize(groups, false);
            }
            Self::Wide { values, seen, .. } => {
                values.resize(groups, 0);
                seen.resize(groups, false);
            }
            Self::Bytes { values, prefixes, .. } => {
                values.resize(groups, None);
                prefixes.resize(groups, 0);
            }
        }
    }

    /// Updates with the rows of `argument` (absent: rows are only counted); none of them is null. What values
    /// of any length take more is reserved.
    fn update(
        &mut self,
        argument: Option<&Vector>,
        data_type: &DataType,
        grouped: Grouped<'_>,
        reservation: &mut Reservation,
    ) -> Result<()> {
        let argument = match (&mut *self, argument) {
            (Self::Count(counts), _) => {
                reduce::count(grouped, counts);
                return Ok(());
            }
            (_, Some(argument)) => argument,
            (_, None) => return Err(Error::internal("a state needs an argument")),
        };
        match self {
            Self::Count(_) => {}
            Self::SumInteger(sums) => add_integers(sums, &integers(argument)?, grouped)?,
            Self::SumFloat(sums) => add_floats(sums, &floats(argument)?, grouped),
            Self::Narrow { order, float: true, values, seen } => {
                reduce::pick(&ordered_floats(argument)?, grouped, *order, values, seen);
            }
            Self::Narrow { order, values, seen, .. } => match integers(argument)? {
                Integers::Narrow(numbers) => {
                    reduce::pick(&numbers, grouped, *order, values, seen);
                }
                Integers::Wide(wide) => {
                    // Of a decimal of at most 18 digits; null rows may hold anything.
                    let narrow: Vec<i64> = wide.iter().map(|value| *value as i64).collect();
                    reduce::pick(&narrow, grouped, *order, values, seen);
                }
            },
            Self::Wide { order, values, seen } => {
                let wide = match integers(argument)? {
                    Integers::Wide(wide) => wide,
                    Integers::Narrow(narrow) => narrow.iter().copied().map(i128::from).collect(),
                };
                reduce::pick(&wide, grouped, *order, values, seen);
            }
            Self::Bytes { .. } => self.update_bytes(argument, data_type, grouped, reservation)?,
        }
        Ok(())
    }

    fn update_bytes(
        &mut self,
        argument: &Vector,
        data_type: &DataType,
        grouped: Grouped<'_>,
        reservation: &mut Reservation,
    ) -> Result<()> {
        let identity: Vec<u32>;
        let (rows, group_of): (&[u32], Box<dyn Fn(usize) -> u32>) = match grouped {
            Grouped::All(len) => {
                identity = (0..len as u32).collect();
                (&identity, Box::new(|_| 0))
            }
            Grouped::Runs { rows, runs } => {
                for run in runs {
                    let groups = vec![run.group; (run.end - run.start) as usize];
                    let piece = Grouped::Scattered { rows: run.of(rows), groups: &groups };
                    self.update_bytes(argument, data_type, piece, reservation)?;
                }
                return Ok(());
            }
            Grouped::Scattered { rows, groups } => (rows, Box::new(|position| groups[position])),
        };
        let indexed = Indexed::new(argument, rows);
        let codec = data_type.is_nested().then(|| NestedCodec::new(data_type));
        let mut nested = Vec::new();
        for (position, index) in indexed.indices().iter().enumerate() {
            let (group, index) = (group_of(position) as usize, *index as usize);
            match indexed.data() {
                Data::Views(views) => {
                    let view = &views.views()[index];
                    if self.may_pick(group, view.prefix_key()) {
                        self.pick_bytes(group, view.bytes(views.buffers()), reservation)?;
                    }
                }
                Data::Fixed { width_bytes, bytes } => {
                    let value = &bytes.as_slice()[index * width_bytes..][..*width_bytes];
                    self.pick_bytes(group, value, reservation)?;
                }
                data => {
                    let Some(codec) = &codec else { return Err(mismatch()) };
                    let is_first = matches!(self, Self::Bytes { order: Pick::First, .. });
                    nested.clear();
                    if !is_first {
                        codec.encode_key(data, index, &mut nested)?;
                    } else if self.may_pick(group, 0) {
                        codec.encode(data, index, &mut nested)?;
                    } else {
                        continue;
                    }
                    self.pick_bytes(group, &nested, reservation)?;
                }
            }
        }
        Ok(())
    }

    /// Whether a value with this prefix may replace the one of `group`.
    #[inline]
    fn may_pick(&self, group: usize, prefix: u32) -> bool {
        let Self::Bytes { order, values, prefixes, .. } = self else { return false };
        values[group].is_none()
            || match order {
                Pick::First => false,
                Pick::Least => prefix <= prefixes[group],
                Pick::Greatest => prefix >= prefixes[group],
            }
    }

    fn pick_bytes(
        &mut self,
        group: usize,
        new: &[u8],
        reservation: &mut Reservation,
    ) -> Result<()> {
        let Self::Bytes { order, values, prefixes, held_bytes } = self else { return Ok(()) };
        let better = match (&values[group], order) {
            (None, _) => true,
            (Some(_), Pick::First) => false,
            (Some(old), Pick::Least) => new.cmp(old) == Ordering::Less,
            (Some(old), Pick::Greatest) => new.cmp(old) == Ordering::Greater,
        };
        if better {
            let old = values[group].as_ref().map_or(0, |old| old.len() as u64);
            let more = (new.len() as u64).saturating_sub(old);
            if more > 0 {
                reservation.resize(reservation.bytes().saturating_add(more))?;
            }
            *held_bytes = *held_bytes - old + new.len() as u64;
            values[group] = Some(new.into());
            let mut head = [0; 4];
            let length = new.len().min(4);
            head[..length].copy_from_slice(&new[..length]);
            prefixes[group] = u32::from_be_bytes(head);
        }
        Ok(())
    }

    /// Merges group `ids[i]` of `other` into group `groups[i]`.
    fn merge(
        &mut self,
        other: &Self,
        ids: &[u32],
        groups: &[u32],
        reservation: &mut Reservation,
    ) -> Result<()> {
        let pairs = ids.iter().zip(groups).map(|(id, group)| (*id as usize, *group as usize));
        match (self, other) {
            (Self::Count(into), Self::Count(from)) => {
                pairs.for_each(|(id, group)| into[group] += from[id]);
            }
            (Self::SumInteger(into), Self::SumInteger(from)) => {
                for (id, group) in pairs {
                    into[group] = into[group].checked_add(from[id]).ok_or_else(overflow)?;
                }
            }
            (Self::SumFloat(into), Self::SumFloat(from)) => {
                pairs.for_each(|(id, group)| into[group].merge(from[id]));
            }
            (
                Self::Narrow { order, values, seen, .. },
                Self::Narrow { values: from, seen: from_seen, .. },
            ) => merge_picked(*order, (values, seen), (from, from_seen), pairs),
            (
                Self::Wide { order, values, seen },
                Self::Wide { values: from, seen: from_seen, .. },
            ) => merge_picked(*order, (values, seen), (from, from_seen), pairs),
            (into @ Self::Bytes { .. }, Self::Bytes { values: from, .. }) => {
                for (id, group) in pairs {
                    if let Some(value) = &from[id] {
                        into.pick_bytes(group, value, reservation)?;
                    }
                }
            }
            _ => return Err(Error::internal("states of different kinds are merged")),
        }
        Ok(())
    }
}

fn merge_picked<T: Copy + Ord>(
    order: Pick,
    into: (&mut [T], &mut [bool]),
    from: (&[T], &[bool]),
    pairs: impl Iterator<Item = (usize, usize)>,
) {
    let (values, seen) = into;
    for (id, group) in pairs.filter(|(id, _)| from.1[*id]) {
        let new = from.0[id];
        values[group] = match order {
            _ if !seen[group] => new,
            Pick::First => values[group],
            Pick::Least => values[group].min(new),
            Pick::Greatest => values[group].max(new),
        };
        seen[group] = true;
    }
}

fn mismatch() -> Error {
    Error::internal("an aggregate's argument is not of its type")
}

fn overflow() -> Error {
    Error::evaluate("a sum does not fit 128 bits")
}

fn add_integers(sums: &mut [i128], numbers: &Integers<'_>, grouped: Grouped<'_>) -> Result<()> {
    match (numbers, grouped) {
        (Integers::Narrow(values), Grouped::All(len)) => sums[0] += reduce::sum_all(&values[..len]),
        (Integers::Narrow(values), Grouped::Runs { rows, runs }) => {
            for run in runs {
                sums[run.group as usize] += reduce::sum_rows(values, run.of(rows));
            }
        }
        (Integers::Narrow(values), Grouped::Scattered { rows, groups }) => {
            for (row, group) in rows.iter().zip(groups) {
                sums[*group as usize] += i128::from(values[*row as usize]);
            }
        }
        (Integers::Wide(values), Grouped::All(len)) => {
            let sum = reduce::sum_wide(values[..len].iter().copied()).ok_or_else(overflow)?;
            sums[0] = sums[0].checked_add(sum).ok_or_else(overflow)?;
        }
        (Integers::Wide(values), Grouped::Runs { rows, runs }) => {
            for run in runs {
                let values = run.of(rows).iter().map(|row| values[*row as usize]);
                let sum = reduce::sum_wide(values).ok_or_else(overflow)?;
                let total = &mut sums[run.group as usize];
                *total = total.checked_add(sum).ok_or_else(overflow)?;
            }
        }
        (Integers::Wide(values), Grouped::Scattered { rows, groups }) => {
            for (row, group) in rows.iter().zip(groups) {
                let total = &mut sums[*group as usize];
                *total = total.checked_add(values[*row as usize]).ok_or_else(overflow)?;
            }
        }
    }
    Ok(())
}

fn add_floats(sums: &mut [FloatSum], values: &[f64], grouped: Grouped<'_>) {
    match grouped {
        Grouped::All(len) => sums[0].merge(reduce::sum_floats_all(&values[..len])),
        Grouped::Runs { rows, runs } => {
            for run in runs {
                sums[run.group as usize].merge(reduce::sum_floats_rows(values, run.of(rows)));
            }
        }
        Grouped::Scattered { rows, groups } => {
            for (row, group) in rows.iter().zip(groups) {
                sums[*group as usize].add(values[*row as usize]);
            }
        }
    }
}

/// All accumulators of a set of groups.
#[derive(Debug)]
pub(super) struct States {
    pub(super) states: Vec<State>,
    groups: usize,
    reserved_groups: usize,
    reservation: Reservation,
}

impl States {
    pub(super) fn new(kinds: impl Iterator<Item = StateKind>, budget: &Budget) -> Result<Self> {
        let reservation = budget.reserve(0)?;
        Ok(Self {
            states: kinds.map(State::new).collect(),
            groups: 0,
            reserved_groups: 0,
            reservation,
        })
    }

    /// Makes the accumulators of groups below `groups`; new ones have seen no row.
    pub(super) fn resize(&mut self, groups: usize) -> Result<()> {
        if groups > self.reserved_groups {
            self.reserved_groups = groups.max(self.reserved_groups * 2).max(64);
            self.reserve()?;
        }
        if groups > self.groups {
            self.groups = groups;
            self.states.iter_mut().for_each(|state| state.resize(groups));
        }
        Ok(())
    }

    fn reserve(&mut self) -> Result<()> {
        let per_group: usize = self.states.iter().map(State::bytes_per_group).sum();
        let held: u64 = self
            .states
            .iter()
            .map(|state| match state {
                State::Bytes { held_bytes, .. } => *held_bytes,
                _ => 0,
            })
            .sum();
        Ok(self.reservation.resize((per_group * self.reserved_groups) as u64 + held)?)
    }

    /// Updates state `index` with rows of `argument`, none of them null.
    pub(super) fn update(
        &mut self,
        index: usize,
        argument: Option<&Vector>,
        data_type: &DataType,
        grouped: Grouped<'_>,
    ) -> Result<()> {
        self.states[index].update(argument, data_type, grouped, &mut self.reservation)?;
        if matches!(self.states[index], State::Bytes { .. }) {
            self.reserve()?;
        }
        Ok(())
    }

    /// Merges group `ids[i]` of `other` into group `groups[i]`, which exists.
    pub(super) fn merge(&mut self, other: &Self, ids: &[u32], groups: &[u32]) -> Result<()> {
        for (into, from) in self.states.iter_mut().zip(&other.states) {
            into.merge(from, ids, groups, &mut self.reservation)?;
        }
        self.reserve()
    }
}
